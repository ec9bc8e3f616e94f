package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
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
	s.postponed = map[uint32]*model.Postponement{}
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
		each(txn, kindPostponed, func(key []byte, p *model.Postponement) error {
			s.postponed[number32(key)] = p
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
	open, held := s.openAlarms()
	for n, kept := range s.alarms {
		if a, ok := s.view(kept, open.Contains(n), held.Contains(n)); ok {
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
	if kept == nil {
		return model.RevisionAlarm{}, false
	}
	return s.view(kept, s.concerned(update, kept.Deployment), s.StaleApproval(update))
}

// view is an alarm as it is shown. open says whether it concerns an approval in
// force, held whether it holds one back.
func (s *Snapshot) view(kept *model.RevisionAlarm, open, held bool) (model.RevisionAlarm, bool) {
	if s.outside.Contains(kept.Update) {
		return model.RevisionAlarm{}, false
	}
	a := *kept
	a.Seen = a.Seen || !open
	if !held {
		a.Held = model.HeldNot
	}
	return a, true
}

// openAlarms gives the updates whose alarm concerns an approval that is in
// force, and of these the ones whose approval is held back: concerned and
// StaleApproval for all at once.
func (s *Snapshot) openAlarms() (open, held *roaring.Bitmap) {
	alarmed := roaring.New()
	for n := range s.alarms {
		alarmed.Add(n)
	}
	alarmed.AndNot(s.declined)
	open, held = roaring.New(), roaring.New()
	if alarmed.IsEmpty() {
		return open, held
	}
	for _, layers := range s.layers {
		for _, l := range layers {
			if !binding(l.action) {
				continue
			}
			for it := roaring.And(alarmed, l.updates).Iterator(); it.HasNext(); {
				n := it.Next()
				if a := s.alarms[n]; l.deployment <= a.Deployment {
					open.Add(n)
				}
				if s.stale(n, l.deployment) {
					held.Add(n)
				}
			}
		}
	}
	return open, held
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
	return a != nil && a.Held != model.HeldNot && deployment <= a.HeldTo
}

// StaleApproval says whether an older revision of the update holds an approval
// that is in force (semantics 3.5).
func (s *Snapshot) StaleApproval(update uint32) bool {
	a := s.alarms[update]
	return a != nil && a.Held != model.HeldNot && s.concerned(update, a.HeldTo)
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

// bound says whether any deployment, taken back or not, approved an update for
// installing or uninstalling: what is taken back can be restored.
func (s *Snapshot) bound(update uint32) bool {
	for _, d := range s.deployments {
		if slices.ContainsFunc(d.Groups, func(g model.GroupAction) bool { return binding(g.Action) }) {
			if _, ok := slices.BinarySearch(d.Updates, update); ok {
				return true
			}
		}
	}
	return false
}

// alarm notes what a revision changed about an update that is approved, and
// whether approvals are held back at the revision before (semantics 3.5).
func (d *draft) alarm(before, after *model.Update, now time.Time) error {
	n := after.Number
	if before.Removed || !d.bound(n) {
		return nil
	}
	a := model.RevisionAlarm{Update: n, Before: before.Revision, Revision: after.Revision, Time: now.Truncate(time.Second), Changed: d.meaning(before, after), Deployment: d.nextDeployment() - 1}
	switch {
	case after.Licence != "" && after.Licence != before.Licence && !d.accepted(after):
		a.Held, a.HeldTo = model.HeldLicence, a.Deployment
	case d.options.KeepRevisions:
		a.Held, a.HeldTo = model.HeldOption, a.Deployment
		if len(a.Changed) == 0 {
			a.Changed = differences(before, after)
		}
	case len(a.Changed) == 0:
		return nil
	}
	if old := d.alarms[n]; old != nil {
		if a.Held == model.HeldNot {
			a.Held, a.HeldTo = old.Held, old.HeldTo
		}
		if d.concerned(n, old.Deployment) {
			// Nobody approved it since: the difference is to what they approved.
			a.Before = old.Before
			a.Changed = append(slices.Clone(old.Changed), missing(old.Changed, a.Changed)...)
		}
	}
	d.alarms = maps.Clone(d.alarms)
	d.alarms[n] = &a
	return d.put(keyAlarm(n), a)
}

// meaning says in words what a revision changed of what an approval means: what
// the update applies to, its products, its licence.
func (s *Snapshot) meaning(before, after *model.Update) []string {
	var out []string
	if !bytes.Equal(before.Applies, after.Applies) {
		out = append(out, "applicability: its rules changed, so that it may be for other computers than before")
	}
	out = append(out, changes("products", before.Products, after.Products, func(id model.CategoryID) string {
		if c, ok := s.Category(id); ok {
			return model.Clean(c.Title)
		}
		return model.Clean(string(id))
	})...)
	if b, a := before.Debian, after.Debian; b != nil && a != nil {
		out = append(out, changes("suites", b.Suites, a.Suites, model.Clean)...)
		out = append(out, changes("packages", binaries(b), binaries(a), model.Clean)...)
	}
	switch {
	case before.Licence == after.Licence:
	case before.Licence == "":
		out = append(out, "licence: it now has terms that must be accepted")
	case after.Licence == "":
		out = append(out, "licence: it has no terms any more")
	default:
		out = append(out, "licence: its terms changed")
	}
	return out
}

// binaries are the packages that decide on which computers a Debian update is
// needed. Their versions are not part of it: a rebuild is for the same ones.
func binaries(d *model.DebianSource) []string {
	var out []string
	for _, p := range d.Packages {
		out = append(out, p.Name+" ("+p.Arch+")")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// maxNamed bounds how many things one line of a difference names.
const maxNamed = 5

// changes says what was added to a list and what was removed from it.
func changes[T comparable](what string, before, after []T, name func(T) string) []string {
	var out []string
	tell := func(list []T, done string) {
		var names []string
		for _, x := range list {
			names = append(names, name(x))
		}
		slices.Sort(names)
		switch n := len(names); {
		case n == 0:
		case n == 1:
			out = append(out, what+": "+names[0]+" was "+done)
		case n > maxNamed:
			out = append(out, what+": "+strings.Join(names[:maxNamed], ", ")+fmt.Sprintf(" and %d more were ", n-maxNamed)+done)
		default:
			out = append(out, what+": "+strings.Join(names[:n-1], ", ")+" and "+names[n-1]+" were "+done)
		}
	}
	tell(missing(before, after), "added")
	tell(missing(after, before), "removed")
	return out
}
