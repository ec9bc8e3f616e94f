package store

import (
	"context"
	"fmt"
	"slices"

	"fettle/model"
)

// Proposals gives the changes that wait for the consent of a second person, the
// oldest first. Nothing of them is in force.
func (s *Snapshot) Proposals() []model.Proposal {
	out := make([]model.Proposal, 0, len(s.proposals))
	for _, p := range s.proposals {
		out = append(out, *p)
	}
	return out
}

// needsConsent says why a change waits for a second person; empty when it does
// not. undone is the change that it takes back, if it takes one back: undoing
// needs consent where doing did (design 10).
func (s *Snapshot) needsConsent(c *model.Change, undone *model.Entry, by model.Actor) string {
	// A synchronization's own changes wait for nobody: rules were consented to
	// when they were made.
	if by.From == model.FromRule || by.From == model.FromServer {
		return ""
	}
	if why := s.consentRule(c); why != "" {
		return why
	}
	if undone != nil && undone.Actor.From != model.FromRule && undone.Actor.From != model.FromServer {
		return s.consentRule(&undone.Change)
	}
	return ""
}

// The rules of consent, in the words that proposals carry.
const (
	consentAll      = "approvals for All Computers need consent on this server"
	consentRemovals = "uninstalling and removing need consent on this server"
	consentRules    = "adding, changing and running automatic approval rules need consent on this server"
	consentConsent  = "changing the rules of consent needs consent on this server"
)

func (s *Snapshot) consentRule(c *model.Change) string {
	o := s.options.Consent
	groups, rule := c.Groups, c.RuleID
	if c.Kind == model.ChangeRetract || c.Kind == model.ChangeRestore {
		if i := s.deploymentIndex(c.Deployment); i >= 0 {
			// What a rule approved by itself needed no consent, nor does stopping it;
			// for a run by hand the entry that is taken back tells.
			if d := s.deployments[i]; d.RuleID == 0 {
				groups = d.Groups
			}
		}
	}
	for _, g := range groups {
		switch {
		case o.AllComputers && g.Group == model.GroupAll:
			return consentAll
		case o.Removals && g.Action == model.ActionUninstall:
			return consentRemovals
		}
	}
	switch c.Kind {
	case model.ChangeRemove, model.ChangeGroupRemove, model.ChangeForget:
		if o.Removals {
			return consentRemovals
		}
	case model.ChangeRuleAdd, model.ChangeRuleSet, model.ChangeRuleRemove:
		if o.Rules {
			return consentRules
		}
	case model.ChangeApprove:
		if o.Rules && rule != 0 {
			return consentRules
		}
	case model.ChangeOptions:
		// Else one person could switch the rule off, and then do it.
		if o != (model.ConsentOptions{}) && c.Options != nil && c.Options.Consent != o {
			return consentConsent
		}
	}
	for i := range c.Also {
		if why := s.consentRule(&c.Also[i]); why != "" {
			return why
		}
	}
	return ""
}

// propose keeps a change as a proposal instead of making it.
func (d *draft) propose(c model.Change, by model.Actor, undoes uint64, why string) (model.Proposal, error) {
	d.proposalNumber++
	p := model.Proposal{ID: d.proposalNumber, Time: d.store.now(), Actor: by, Change: c, Summary: imperative(d.summary(c)), Why: why, Undoes: undoes}
	if undoes != 0 {
		p.Summary = fmt.Sprintf("Take back entry %d: %s", undoes, p.Summary)
	}
	d.proposals = append(d.proposals[:len(d.proposals):len(d.proposals)], &p)
	if err := d.put(keyMeta(metaProposals), d.proposalNumber); err != nil {
		return p, err
	}
	if err := d.put(keyProposal(p.ID), p); err != nil {
		return p, err
	}
	_, err := d.enter(model.Entry{Actor: by, Kind: model.ChangePropose, Remark: c.Remark,
		Summary: fmt.Sprintf("Proposed (%d): %s", p.ID, p.Summary), Result: p.ID,
		Change: model.Change{Kind: model.ChangePropose, Proposal: p.ID, Also: []model.Change{c}}})
	return p, err
}

// take removes a proposal from those that wait and gives it.
func (d *draft) take(id uint64) (*model.Proposal, error) {
	i := slices.IndexFunc(d.proposals, func(p *model.Proposal) bool { return p.ID == id })
	if i < 0 {
		return nil, &model.Refusal{Code: "no-proposal", What: fmt.Sprintf("No proposal %d waits for consent", id), Remedy: "fettle pending"}
	}
	p := d.proposals[i]
	d.proposals = slices.Delete(slices.Clone(d.proposals), i, i+1)
	d.delete(keyProposal(id))
	return p, nil
}

// Consent makes a change that waited for a second person: one with another name
// than the proposer's and a role that could make it. It is checked anew, since
// much may have changed meanwhile; a refusal leaves the proposal as it is. The
// entry names both.
func (s *Store) Consent(ctx context.Context, id uint64, by model.Actor, remark string) (model.Entry, error) {
	var entry model.Entry
	err := s.do(ctx, func(d *draft) error {
		p, err := d.take(id)
		if err != nil {
			return err
		}
		if p.Actor.Who == by.Who {
			return &model.Refusal{Code: "same-person", What: "The consent was refused", Why: fmt.Sprintf("%s proposed the change; somebody else must consent to it", model.Clean(by.Who)), Remedy: fmt.Sprintf("fettle reject %d takes it back", id)}
		}
		if p.Undoes != 0 {
			if _, err := s.Undoable(p.Undoes); err != nil {
				return err
			}
		}
		if err := d.check(p.Change, by); err != nil {
			return err
		}
		c := p.Change
		c.Proposal = id
		if remark != "" && c.Remark != "" {
			c.Remark += "; "
		}
		c.Remark += remark
		entry, err = d.make(c, p.Actor, p.Undoes, &by)
		return err
	})
	if err == nil {
		s.sweepAfter(ctx, &entry)
	}
	return entry, err
}

// Reject ends a proposal without making it. Whoever could make the change may
// do it, the proposer too.
func (s *Store) Reject(ctx context.Context, id uint64, by model.Actor, remark string) (model.Entry, error) {
	var entry model.Entry
	err := s.do(ctx, func(d *draft) error {
		p, err := d.take(id)
		if err != nil {
			return err
		}
		if need := neededRole(p.Change); by.Role < need {
			return roleRefusal(need, by)
		}
		entry, err = d.enter(model.Entry{Actor: by, Kind: model.ChangeReject, Remark: remark,
			Summary: fmt.Sprintf("Rejected proposal %d: %s", id, p.Summary),
			Change:  model.Change{Kind: model.ChangeReject, Proposal: id, Also: []model.Change{p.Change}}})
		return err
	})
	return entry, err
}
