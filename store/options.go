package store

import (
	"fmt"
	"slices"
	"strings"

	"fettle/model"
)

// Options are what an administrator decided about the server as a whole.
func (s *Snapshot) Options() model.Options { return s.options }

// replicated are the kinds of changes that a replica leaves to the server that
// it follows: approvals and groups come from there (semantics 3.2).
var replicated = []model.ChangeKind{
	model.ChangeApprove, model.ChangeDecline, model.ChangeReinstate, model.ChangeUndecline, model.ChangeRetract, model.ChangeRestore,
	model.ChangeGroupAdd, model.ChangeGroupRename, model.ChangeGroupMove, model.ChangeGroupRemove, model.ChangeFormula, model.ChangePolicy,
	model.ChangeRuleAdd, model.ChangeRuleSet, model.ChangeRuleRemove,
}

// checkReplica refuses what a replica does not decide.
func (s *Snapshot) checkReplica(k model.ChangeKind) error {
	if s.options.Replica == "" || !slices.Contains(replicated, k) {
		return nil
	}
	return &model.Refusal{Code: "replica", What: "The change was refused",
		Why:    "this server is a replica: approvals, groups, policies and rules are those of " + model.Clean(s.options.Replica),
		Remedy: "make the change there, or make this server autonomous with: fettle options"}
}

func (s *Snapshot) checkOptions(o *model.Options) error {
	if o == nil {
		return fmt.Errorf("the change holds no options")
	}
	if o.Replica != "" && !slices.ContainsFunc(s.upstreams, func(u model.Upstream) bool { return u.Name == o.Replica }) {
		return &model.Refusal{Code: "upstream", What: fmt.Sprintf("This server cannot become a replica of %q", model.Clean(o.Replica)), Why: "there is no upstream of that name", Remedy: "fettle setup updates --upstream KIND=LOCATION --name " + quoteArg(model.Clean(o.Replica))}
	}
	if *o == s.options {
		return &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "the options are so already"}
	}
	return nil
}

// setOptions replaces the options. Whoever names the groups of computers may
// change with them, so memberships are computed anew.
func (d *draft) setOptions(c *model.Change) (*model.Change, error) {
	before := d.options
	d.options = *c.Options
	if before.ClientTargeting != d.options.ClientTargeting {
		if err := d.recomputeGroups(); err != nil {
			return nil, err
		}
	}
	return &model.Change{Kind: model.ChangeOptions, Options: &before}, d.put(keyMeta(metaOptions), d.options)
}

// optionWords says in words what differs between two sets of options.
func optionWords(before, after model.Options) string {
	var out []string
	tell := func(a, b bool, on, off string) {
		if a != b && b {
			out = append(out, on)
		} else if a != b {
			out = append(out, off)
		}
	}
	tell(before.KeepRevisions, after.KeepRevisions, "approvals stay with their revision", "approvals move to new revisions")
	tell(before.KeepExpired, after.KeepExpired, "expired updates are not declined by themselves", "expired updates are declined by themselves")
	tell(before.ClientTargeting, after.ClientTargeting, "computers name their groups", "administrators put computers into groups")
	tell(before.Consent.AllComputers, after.Consent.AllComputers, "approvals for All Computers need consent", "approvals for All Computers need no consent")
	tell(before.Consent.Removals, after.Consent.Removals, "removals need consent", "removals need no consent")
	tell(before.Consent.Rules, after.Consent.Rules, "rules need consent", "rules need no consent")
	if before.Replica != after.Replica {
		if after.Replica == "" {
			out = append(out, "this server is autonomous")
		} else {
			out = append(out, "this server is a replica of "+model.Clean(after.Replica))
		}
	}
	return strings.Join(out, ", ")
}
