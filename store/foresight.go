package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// planDecision says what the changes do that are neither approvals nor about
// groups: rules, options, licences, alarms, removals.
func (s *Snapshot) planDecision(p *model.Plan, c model.Change) {
	line := func(format string, a ...any) { p.Lines = append(p.Lines, fmt.Sprintf(format, a...)) }
	final := func(text string) {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "final", Text: text})
	}
	switch c.Kind {
	case model.ChangeRuleAdd, model.ChangeRuleSet:
		s.planRule(p, *c.Automatic)
	case model.ChangeRuleRemove:
		if i := s.ruleIndex(c.Automatic.ID); i >= 0 {
			n := 0
			for _, d := range s.deployments {
				if d.RuleID == c.Automatic.ID && !d.Undone {
					n++
				}
			}
			line("It approves nothing any more. What it approved stays approved (%s).", plural(n, "deployment"))
		}
	case model.ChangeLicence:
		line("Their licence terms are accepted as they are now; a revision with other terms asks again. Nothing is approved by it.")
		if n := s.countStale(c.Updates); n > 0 {
			line("%s held back at an older revision; approve them again to move the approval.", model.Counted(n, "of them is", "of them are"))
		}
	case model.ChangeLicenceEnd:
		line("They cannot be approved before their licence terms are accepted again.")
	case model.ChangeSeen:
		line("The alarms count as looked at. Approvals are not touched: what is held back stays so until it is approved again.")
	case model.ChangeOptions:
		s.planOptions(p, *c.Options)
	case model.ChangeForget:
		line("Only number, identifier and title stay. An update comes back, declined, when an upstream offers it again.")
		final("removing updates cannot be taken back")
		p.Wide = true
	case model.ChangeRevisions:
		line("The newest revision of each stays; what the older ones said goes.")
		final("removing the records of revisions cannot be taken back")
	}
}

func (s *Snapshot) countStale(updates []uint32) (n int) {
	for _, u := range updates {
		if s.StaleApproval(u) {
			n++
		}
	}
	return n
}

// planRule says what a rule would do if it ran now over the whole catalogue,
// which making it does not do (semantics 3.5: preview it).
func (s *Snapshot) planRule(p *model.Plan, r model.Rule) {
	if !r.Enabled {
		p.Lines = append(p.Lines, "It is disabled, so that it approves nothing by itself.")
	} else {
		p.Lines = append(p.Lines, "It approves what arrives from now on, after each synchronization. Nothing that is here already is approved by it.")
	}
	run := s.RunOf(r, nil, s.store.Now()) // in the server's zone
	p.Groups = run.Groups
	text := fmt.Sprintf("Run by hand over the whole catalogue, it would approve %s", plural(len(run.Updates), "update"))
	if words := skipWords(run.Skipped); words != "" {
		text += "; it would leave alone " + words
	}
	p.Lines = append(p.Lines, text+".")
	if d := r.Deadline; d != nil && d.Days == 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "deadline", Text: "a deadline on the day of the approval may have passed when the rule runs: what it approves is then installed at the next check-in"})
	}
}

// skipWords says how many updates a run leaves alone, and why.
func skipWords(skipped []model.RuleSkip) string {
	var parts []string
	for _, k := range skipped {
		parts = append(parts, fmt.Sprintf("%d (%s)", len(k.Updates), k.Why))
	}
	return strings.Join(parts, ", ")
}

func (s *Snapshot) planOptions(p *model.Plan, o model.Options) {
	line := func(text string) { p.Lines = append(p.Lines, text) }
	old := s.options
	if old.KeepRevisions != o.KeepRevisions {
		if o.KeepRevisions {
			line("When a revision of an approved update arrives, nothing of it is installed until it is approved again.")
			if old.DeclinesExpired() && o.Replica == "" {
				line("Updates that their publisher expires are not declined by themselves meanwhile.")
			}
		} else {
			line("Approvals move to new revisions by themselves, unless these bring licence terms. What is held back now stays so until it is approved again.")
		}
	}
	if old.ClientTargeting != o.ClientTargeting {
		after := *s
		after.options = o
		if err := after.recomputeGroups(); err == nil {
			s.planMoves(p, &after)
		}
		if o.ClientTargeting {
			line("Memberships by hand do not count, and come back when the option is taken back.")
		}
	}
	if o.Replica != "" && old.Replica == "" {
		line("Approving, declining, groups, policies and rules are refused here from then on; rules do not run.")
	}
	if old.Consent == (model.ConsentOptions{}) && o.Consent != old.Consent {
		line("From then on switching this off needs consent, too.")
	}
}

// planMoves says for which computers another grouping changes what is approved.
func (s *Snapshot) planMoves(p *model.Plan, after *Snapshot) {
	moved := roaring.New()
	forEach(s.managed, func(n uint32) {
		if !slices.Equal(s.GroupsOf(n), after.GroupsOf(n)) {
			moved.Add(n)
		}
	})
	s.planRegrouped(p, after, moved, s.store.Now()) // in the server's zone
}

// planBeside adds what a change does beside its first step: to bundles, to
// rules, and in its further steps.
func (s *Snapshot) planBeside(p *model.Plan, c model.Change, now time.Time) {
	switch c.Kind {
	case model.ChangeDecline, model.ChangeReinstate:
		if n := len(s.withBundled(c.Updates)) - len(c.Updates); n > 0 {
			word := "declined"
			if c.Kind == model.ChangeReinstate {
				word = "reinstated"
			}
			p.Lines = append(p.Lines, fmt.Sprintf("%s %s with it.", model.Counted(n, "update that is bundled is", "updates that are bundled are"), word))
		}
	case model.ChangeGroupRemove:
		for _, r := range s.Rules() {
			gone, left := 0, 0
			for _, g := range r.Groups {
				if s.tree.Group(g) == nil || s.tree.Within(g, c.Group.ID) {
					gone++
				} else {
					left++
				}
			}
			switch {
			case gone > 0 && left == 0:
				p.Warnings = append(p.Warnings, model.PlanWarning{Code: "rule", Text: fmt.Sprintf("the rule %s approves for no other group, so that it approves nothing any more", model.Clean(r.Name))})
			case gone > 0:
				p.Lines = append(p.Lines, fmt.Sprintf("The rule %s goes on for its other groups.", model.Clean(r.Name)))
			}
		}
	}
	if _, _, ok := s.moves(c); ok {
		return // what it does was worked out of both steps together
	}
	for _, also := range c.Also {
		more := s.plan(also, now)
		p.Updates += more.Updates
		p.Computers += more.Computers // at most: the same computer may be concerned twice
		p.Restarts += more.Restarts
		p.Bytes += more.Bytes
		p.Now += more.Now
		p.Groups = append(p.Groups, more.Groups...)
		p.Lines = append(p.Lines, missing(p.Lines, more.Lines)...)
		p.Warnings = append(p.Warnings, missing(p.Warnings, more.Warnings)...)
		p.First = append(p.First, missing(p.First, more.First)...)
		p.Wide = p.Wide || more.Wide
	}
	if all := int(s.managed.GetCardinality()); len(c.Also) > 0 && p.Computers > all {
		p.Computers, p.Restarts = all, min(p.Restarts, all)
	}
	p.First = p.First[:min(len(p.First), 5)]
}
