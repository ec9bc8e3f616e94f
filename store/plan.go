package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Plan says what a change would do, without making it: updates, computers,
// restarts, bytes, deadlines and what should be thought of. A change that would
// be refused gives the *model.Refusal.
func (s *Store) Plan(ctx context.Context, c model.Change, by model.Actor) (model.Plan, error) {
	if err := s.WaitLoaded(ctx); err != nil {
		return model.Plan{}, err
	}
	if err := s.Check(c, by); err != nil {
		return model.Plan{}, err
	}
	return s.Snapshot().plan(c, s.now()), nil
}

// PlanUndo says what taking back an entry would do; entry 0 is the newest that
// can be taken back.
func (s *Store) PlanUndo(ctx context.Context, entry uint64, by model.Actor) (model.Plan, *model.Entry, error) {
	e, err := s.Undoable(entry)
	if err != nil {
		return model.Plan{}, nil, err
	}
	p, err := s.Plan(ctx, *e.Inverse, by)
	if err != nil {
		return p, e, err
	}
	p.Summary = fmt.Sprintf("Take back entry %d: %s", e.Seq, e.Summary)
	if e.Kind == model.ChangeApprove {
		if pr := s.Snapshot().Progress(e.Result); pr != nil && pr.Total.Installed > 0 {
			p.Warnings = append(p.Warnings, model.PlanWarning{Code: "installed", Text: fmt.Sprintf("what is installed already (%s) stays installed", plural(pr.Total.Installed, "installation"))})
		}
	}
	return p, e, nil
}

// wideShare is from which share of all computers on a plan counts as wide: the
// default answer to a question about it is no.
const wideShare = 0.5

func (s *Snapshot) plan(c model.Change, now time.Time) model.Plan {
	p := model.Plan{Summary: imperative(s.summary(c)), Updates: len(c.Updates)}
	switch c.Kind {
	case model.ChangeApprove:
		s.planApprove(&p, c, now)
	case model.ChangeDecline:
		s.planDecline(&p, c)
	case model.ChangeReinstate:
		p.Lines = append(p.Lines, "They come back as Not Approved; their old approvals do not.")
	case model.ChangeUndecline:
		p.Lines = append(p.Lines, "Their approvals count again.")
	case model.ChangeRetract, model.ChangeRestore:
		if i := s.deploymentIndex(c.Deployment); i >= 0 {
			d := s.deployments[i]
			p.Updates = len(d.Updates)
			m := s.union(d.Groups, model.ActionInstall)
			p.Computers = int(m.GetCardinality())
			word := "does not count any more"
			if c.Kind == model.ChangeRestore {
				word = "counts again"
			}
			p.Lines = append(p.Lines, fmt.Sprintf("Deployment %d (%s) %s; what it replaced holds instead.", d.ID, model.Clean(d.Name), word))
		}
	case model.ChangeGroupRemove, model.ChangeGroupMove, model.ChangeJoin, model.ChangeLeave, model.ChangeExclude, model.ChangeInclude:
		s.planMembership(&p, c)
	case model.ChangePolicy:
		g := s.tree.Group(c.Group.ID)
		p.Computers = int(s.Members(g.ID).GetCardinality())
		p.Lines = append(p.Lines, fmt.Sprintf("%s in %s may follow another policy; the deepest group wins.", plural(p.Computers, "computer"), g.Name))
		if c.Group.Policy.Mode == model.ModeDisabled {
			p.Warnings = append(p.Warnings, model.PlanWarning{Code: "disabled", Text: "with Automatic Updates disabled nothing is installed, not even when a deadline passes"})
		}
	case model.ChangeUpdates, model.ChangeSettings:
		s.planSelection(&p, c.Settings)
	case model.ChangeRemove:
		p.Computers = len(c.Computers)
		p.Lines = append(p.Lines, "What they reported is deleted. A computer that checks in again comes back as a new one.")
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "final", Text: "removing computers cannot be taken back"})
	}
	all := s.managed.GetCardinality()
	p.Wide = c.Kind == model.ChangeRemove || c.Kind == model.ChangeGroupRemove ||
		all > 1 && float64(p.Computers) >= wideShare*float64(all)
	return p
}

// imperatives are what the verbs of the journal are in a plan, which is not
// made yet.
var imperatives = map[string]string{
	"Approved": "Approve", "Declined": "Decline", "Ended": "End", "Reinstated": "Reinstate", "Retracted": "Retract", "Restored": "Restore",
	"Added": "Add", "Renamed": "Rename", "Moved": "Move", "Removed": "Remove", "Changed": "Change", "Took": "Take", "Excluded": "Exclude",
	"Completed": "Complete",
}

func imperative(summary string) string {
	verb, rest, _ := strings.Cut(summary, " ")
	if to := imperatives[verb]; to != "" {
		return to + " " + rest
	}
	return summary
}

// planApprove computes what an approval changes: for each computer in one of
// its groups, whether the effective approval of an update that it needs becomes
// or stops being Install.
func (s *Snapshot) planApprove(p *model.Plan, c model.Change, now time.Time) {
	after := *s
	after.layers = make(map[model.GroupID][]layer, len(s.layers))
	for g, l := range s.layers {
		after.layers[g] = l
	}
	updates := slices.Clone(c.Updates)
	slices.Sort(updates)
	stack(after.layers, &model.Deployment{ID: s.nextDeployment(), Groups: c.Groups, Updates: updates})
	scope := roaring.New()
	for _, ga := range c.Groups {
		m := s.Members(ga.Group)
		scope.Or(m)
		gp := model.GroupPlan{Group: ga.Group, Name: s.tree.Group(ga.Group).Name, Action: ga.Action, Deadline: ga.Deadline, Computers: int(m.GetCardinality())}
		needing := roaring.New()
		for _, n := range c.Updates {
			needing.Or(s.needing(n))
		}
		gp.Needing = int(needing.AndCardinality(m))
		p.Groups = append(p.Groups, gp)
	}
	starts, stops, restarts, disabled := roaring.New(), roaring.New(), roaring.New(), roaring.New()
	for _, n := range c.Updates {
		r := s.Row(n)
		needing := s.needing(n)
		for it := roaring.And(needing, scope).Iterator(); it.HasNext(); {
			computer := it.Next()
			was, is := s.Effective(computer, n), after.Effective(computer, n)
			switch {
			case is.Approved() && (!was.Approved() || !was.Deadline.Equal(is.Deadline)):
				starts.Add(computer)
				p.Bytes += r.Size
				if r.Has(model.FlagMayRestart) {
					restarts.Add(computer)
				}
				policy, _ := s.EffectivePolicy(computer)
				if s.computers.at(computer).computer.Policy.Mode == model.ModeDisabled || policy.Mode == model.ModeDisabled {
					disabled.Add(computer)
				} else if !is.Deadline.IsZero() && !is.Deadline.After(now) {
					p.Now++
				}
			case was.Approved() && !is.Approved():
				stops.Add(computer)
			}
		}
		if len(s.SupersededBy(n)) > 0 {
			p.Warnings = append(p.Warnings, model.PlanWarning{Code: "superseded", Text: fmt.Sprintf("%s is superseded by %s", model.Clean(r.Title), model.Clean(s.Row(s.SupersededBy(n)[0]).Title))})
		}
	}
	changed := roaring.Or(starts, stops)
	p.Computers, p.Restarts = int(changed.GetCardinality()), int(restarts.GetCardinality())
	for it := starts.Iterator(); it.HasNext() && len(p.First) < 5; {
		p.First = append(p.First, model.Clean(s.Computer(it.Next()).Name))
	}
	if n := int(stops.GetCardinality()); n > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("On %s an update that was to be installed no longer is.", plural(n, "computer")))
	}
	if p.Now > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("%s due at the next check-in, because the deadline has passed by then.", plural(p.Now, "installation")))
	}
	if changed.IsEmpty() {
		p.Lines = append(p.Lines, "No computer is known to need any of it now; computers that need it later will install it.")
	}
	if n := int(disabled.GetCardinality()); n > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "disabled", Text: fmt.Sprintf("Automatic Updates are disabled on %s, where nothing will be installed", plural(n, "computer"))})
	}
	s.warnRequired(p, c)
	p.Warnings = slices.CompactFunc(p.Warnings, func(a, b model.PlanWarning) bool { return a == b })
	if len(p.Warnings) > 20 {
		more := len(p.Warnings) - 20
		p.Warnings = append(p.Warnings[:20], model.PlanWarning{Code: "more", Text: fmt.Sprintf("and %d more warnings", more)})
	}
}

// warnRequired warns when an update of Fettle itself is open and others are
// approved first (semantics 3.2).
func (s *Snapshot) warnRequired(p *model.Plan, c model.Change) {
	for n, e := range s.rows.all {
		if e != nil && e.row.Has(model.FlagRequired) && !s.hidden(n) && !slices.Contains(c.Updates, n) && len(s.Approvals(n)) == 0 && !s.needing(n).IsEmpty() {
			p.Warnings = append(p.Warnings, model.PlanWarning{Code: "required", Text: "there are required updates that have not been approved; approve them before this one"})
			return
		}
	}
}

// needing is the computers where an update is needed or failed.
func (s *Snapshot) needing(update uint32) *roaring.Bitmap {
	m := roaring.New()
	if t := s.tallies.at(update); t != nil {
		for _, b := range []*roaring.Bitmap{t.needed, t.downloaded, t.failed, t.pending} {
			if b != nil {
				m.Or(b)
			}
		}
	}
	return m
}

func (s *Snapshot) planDecline(p *model.Plan, c model.Change) {
	affected, approved := roaring.New(), 0
	for _, n := range c.Updates {
		affected.Or(s.needing(n))
		if len(s.Approvals(n)) > 0 {
			approved++
		}
	}
	p.Computers = int(affected.GetCardinality())
	p.Lines = append(p.Lines, "Declined updates are hidden and not offered to any computer; reinstating brings them back.")
	if approved > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "approved", Text: fmt.Sprintf("%s approved; the approvals are masked", counted(approved, "of these updates is", "of these updates are"))})
	}
	if p.Computers > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "needed", Text: fmt.Sprintf("%s at least one of them", counted(p.Computers, "computer still needs", "computers still need"))})
	}
}

// planSelection says how much of the catalogue a selection of products and
// classifications lets through.
func (s *Snapshot) planSelection(p *model.Plan, settings *model.Settings) {
	after := *s
	after.settings = *settings
	all := s.UpdateCount()
	if err := after.selectRows(); err != nil || all == 0 {
		return
	}
	selected := all - int(after.outside.GetCardinality())
	p.Lines = append(p.Lines, fmt.Sprintf("%d of the %d updates in the catalogue are selected; the others are not shown and not offered, and come back when the selection is widened.", selected, all))
	if selected == 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "selection", Text: "the selection of products and classifications matches no update of the catalogue"})
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// planMembership says for whom approvals change when membership or the tree
// changes.
func (s *Snapshot) planMembership(p *model.Plan, c model.Change) {
	d := (&draft{Snapshot: s, store: s.store}).fork()
	change := c
	if _, _, err := d.perform(&change, model.Actor{}); err != nil {
		p.Lines = append(p.Lines, err.Error())
		return
	}
	touched := roaring.New()
	for _, id := range s.tree.Order() {
		before, after := s.Members(id), d.Members(id)
		touched.Or(roaring.Xor(before, after))
	}
	if c.Kind == model.ChangeGroupMove || c.Kind == model.ChangeGroupRemove {
		touched.Or(s.Members(c.Group.ID))
	}
	pairs := 0
	affected := roaring.New()
	for it := touched.Iterator(); it.HasNext(); {
		n := it.Next()
		for _, u := range s.NeededBy(n) {
			if s.Effective(n, u).Approval != d.Effective(n, u).Approval {
				pairs++
				affected.Add(n)
			}
		}
	}
	p.Computers = int(affected.GetCardinality())
	p.Lines = append(p.Lines, fmt.Sprintf("%s; the effective approval of needed updates changes on %s (%d in all).",
		counted(int(touched.GetCardinality()), "computer changes groups", "computers change groups"), plural(p.Computers, "computer"), pairs))
	if c.Kind == model.ChangeGroupRemove {
		if subs := len(s.tree.Children(c.Group.ID)); subs > 0 {
			p.Warnings = append(p.Warnings, model.PlanWarning{Code: "subgroups", Text: fmt.Sprintf("%s with it", counted(subs, "subgroup goes", "subgroups go"))})
		}
	}
}
