package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// licence is the acceptance of an update's licence terms: of these, and of no
// others that a revision may bring.
type licence struct {
	Digest []byte    `cbor:"1,keyasint"` // SHA-256 of the terms
	Time   time.Time `cbor:"2,keyasint"`
	Who    string    `cbor:"3,keyasint"`
}

func termsDigest(terms string) []byte {
	h := sha256.Sum256([]byte(terms))
	return h[:]
}

// readDecisions reads the records of rules, licences, alarms and proposals.
func (s *Snapshot) readDecisions(txn *badger.Txn) error {
	s.licences, s.alarms = map[uint32]licence{}, map[uint32]*model.RevisionAlarm{}
	optional := func(err error) error {
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		return err
	}
	err := get(txn, keyMeta(metaRuled), &s.ruled)
	s.ruling = err == nil
	return errors.Join(
		optional(err),
		optional(get(txn, keyMeta(metaRules), &s.ruleNumber)),
		optional(get(txn, keyMeta(metaProposals), &s.proposalNumber)),
		each(txn, kindRule, func(_ []byte, r *model.Rule) error {
			s.rules = append(s.rules, r)
			return nil
		}),
		each(txn, kindLicence, func(key []byte, l *licence) error {
			s.licences[number32(key)] = *l
			return nil
		}),
		each(txn, kindAlarm, func(key []byte, a *model.RevisionAlarm) error {
			s.alarms[number32(key)] = a
			return nil
		}),
		each(txn, kindProposal, func(_ []byte, p *model.Proposal) error {
			s.proposals = append(s.proposals, p)
			return nil
		}),
	)
}

// Licensed says whether an update may be approved as far as its licence goes:
// it has no terms, or they were accepted as they are now.
func (s *Snapshot) Licensed(update uint32) bool {
	r := s.Row(update)
	return r != nil && !r.Has(model.FlagLicence)
}

// accepted says whether the terms of an update were accepted as they are.
func (s *Snapshot) accepted(u *model.Update) bool {
	return u.Licence == "" || bytes.Equal(s.licences[u.Number].Digest, termsDigest(u.Licence))
}

// Alarms gives the revision alarms: unseen ones first, then the newest.
func (s *Snapshot) Alarms() []model.RevisionAlarm {
	out := make([]model.RevisionAlarm, 0, len(s.alarms))
	for n := range s.alarms {
		if a, ok := s.Alarm(n); ok {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b model.RevisionAlarm) int {
		if a.Seen != b.Seen {
			if a.Seen {
				return 1
			}
			return -1
		}
		return cmp.Or(-a.Time.Compare(b.Time), cmp.Compare(a.Update, b.Update))
	})
	return out
}

// Alarm gives the revision alarm of an update. Whoever approved the update
// again, declined it or took its approvals back has dealt with the alarm: it
// then counts as seen, and holds nothing back.
func (s *Snapshot) Alarm(update uint32) (model.RevisionAlarm, bool) {
	kept := s.alarms[update]
	if kept == nil || s.hidden(update) && !s.declined.Contains(update) {
		return model.RevisionAlarm{}, false
	}
	a := *kept
	if !s.concerned(update, a.Deployment) {
		a.Seen, a.Held = true, model.HeldNot
	}
	return a, true
}

// concerned says whether an approval from before an alarm is still in force.
func (s *Snapshot) concerned(update uint32, deployment uint64) bool {
	if s.declined.Contains(update) {
		return false
	}
	for _, layers := range s.layers {
		for _, l := range layers {
			if l.deployment <= deployment && binding(l.action) && l.updates.Contains(update) {
				return true
			}
		}
	}
	return false
}

// binding says whether an action is one that a revision can change the meaning
// of: Not Approved means the same whatever the update becomes.
func binding(a model.Action) bool { return a == model.ActionInstall || a == model.ActionUninstall }

// stale says whether what a deployment approved of an update belongs to an older
// revision: it was made before a revision that holds approvals back.
func (s *Snapshot) stale(update uint32, deployment uint64) bool {
	a := s.alarms[update]
	return a != nil && a.Held != model.HeldNot && deployment <= a.Deployment
}

// StaleApproval says whether an older revision of the update holds an approval
// that is in force (semantics 3.5).
func (s *Snapshot) StaleApproval(update uint32) bool {
	a := s.alarms[update]
	return a != nil && a.Held != model.HeldNot && s.concerned(update, a.Deployment)
}

// performLicence records that licence terms were accepted, or takes that back.
func (d *draft) performLicence(c *model.Change, by model.Actor) (*model.Change, error) {
	licences := maps.Clone(d.licences)
	var changed []uint32
	for _, n := range c.Updates {
		u, err := d.update(n)
		if err != nil {
			return nil, err
		}
		accept := c.Kind == model.ChangeLicence
		if u.Licence == "" || d.accepted(u) == accept {
			continue
		}
		changed = append(changed, n)
		if accept {
			licences[n] = licence{Digest: termsDigest(u.Licence), Time: d.store.now(), Who: by.Who}
			err = d.put(keyLicence(n), licences[n])
		} else {
			delete(licences, n)
			d.delete(keyLicence(n))
		}
		if err != nil {
			return nil, err
		}
	}
	if len(changed) == 0 {
		return nil, &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "there are no licence terms to accept, or they were accepted already"}
	}
	d.licences = licences
	d.flag(changed, model.FlagLicence, c.Kind != model.ChangeLicence)
	inverse := &model.Change{Kind: model.ChangeLicenceEnd, Updates: changed}
	if c.Kind != model.ChangeLicence {
		inverse.Kind = model.ChangeLicence
	}
	return inverse, nil
}

// performSeen marks revision alarms as looked at, or as not.
func (d *draft) performSeen(c *model.Change) (*model.Change, error) {
	alarms := maps.Clone(d.alarms)
	var changed []uint32
	seen := c.Kind == model.ChangeSeen
	for _, n := range c.Updates {
		old := alarms[n]
		if old == nil || old.Seen == seen {
			continue
		}
		a := *old
		a.Seen = seen
		alarms[n] = &a
		changed = append(changed, n)
		if err := d.put(keyAlarm(n), a); err != nil {
			return nil, err
		}
	}
	if len(changed) == 0 {
		return nil, &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "no alarm of these updates' revisions waits to be looked at"}
	}
	d.alarms = alarms
	inverse := &model.Change{Kind: model.ChangeUnseen, Updates: changed}
	if !seen {
		inverse.Kind = model.ChangeSeen
	}
	return inverse, nil
}
