package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
		if pr := s.Snapshot().Progress(e.Result, s.now()); pr != nil && pr.Total.Installed > 0 {
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
	case model.ChangeDecline, model.ChangeUndecline, model.ChangeReinstate:
		s.planDecline(&p, c, now)
	case model.ChangeRetract, model.ChangeRestore:
		s.planRetract(&p, c, now)
	case model.ChangePostpone, model.ChangeResume:
		s.planPostpone(&p, c, now)
	case model.ChangeGroupAdd, model.ChangeFormula, model.ChangeGroupRemove, model.ChangeGroupMove, model.ChangeJoin, model.ChangeLeave, model.ChangeExclude, model.ChangeInclude:
		s.planMembership(&p, c, now)
	case model.ChangeAdmit, model.ChangeTurnAway, model.ChangeKeepWaiting:
		s.planAdmission(&p, c)
		s.planMembership(&p, c, now)
	case model.ChangePolicy:
		s.planPolicy(&p, c)
	case model.ChangeUpdates, model.ChangeSettings:
		s.planSelection(&p, c.Settings)
	case model.ChangeRemove:
		p.Computers = len(c.Computers)
		p.Lines = append(p.Lines, "What they reported is deleted. A computer that checks in again comes back as a new one.")
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "final", Text: "removing computers cannot be taken back"})
	default:
		s.planDecision(&p, c)
	}
	s.planBeside(&p, c, now)
	const most = 20
	if more := len(p.Warnings) - most; more > 0 {
		p.Warnings = append(p.Warnings[:most], model.PlanWarning{Code: "more", Text: fmt.Sprintf("and %s more warnings", model.Number(more))})
	}
	all := s.managed.GetCardinality()
	p.Wide = p.Wide || c.Kind == model.ChangeRemove || c.Kind == model.ChangeGroupRemove ||
		all > 1 && float64(p.Computers) >= wideShare*float64(all)
	return p
}

// imperatives are what the verbs of the journal are in a plan, which is not
// made yet.
var imperatives = map[string]string{
	"Approved": "Approve", "Declined": "Decline", "Ended": "End", "Reinstated": "Reinstate", "Retracted": "Retract", "Restored": "Restore",
	"Added": "Add", "Renamed": "Rename", "Moved": "Move", "Removed": "Remove", "Changed": "Change", "Took": "Take", "Excluded": "Exclude",
	"Completed": "Complete", "Accepted": "Accept", "Acknowledged": "Acknowledge", "Marked": "Mark", "Enabled": "Enable", "Disabled": "Disable",
	"Put": "Put", "Postponed": "Postpone", "Brought": "Bring", "Rejected": "Reject", "Made": "Make",
}

func imperative(summary string) string {
	verb, rest, _ := strings.Cut(summary, " ")
	if to := imperatives[verb]; to != "" {
		return to + " " + rest
	}
	return summary
}

// planApprove says what an approval changes: for each computer in one of its
// groups, whether the effective approval of an update that it needs becomes or
// stops being Install.
func (s *Snapshot) planApprove(p *model.Plan, c model.Change, now time.Time) {
	after := *s
	after.layers = maps.Clone(s.layers)
	updates := roaring.BitmapOf(c.Updates...)
	stack(after.layers, &model.Deployment{ID: s.nextDeployment(), Groups: c.Groups, Updates: updates.ToArray()})
	needing := s.needingAny(updates)
	scope, installing := roaring.New(), roaring.New()
	for _, ga := range c.Groups {
		m := s.Members(ga.Group)
		scope.Or(m)
		if ga.Action == model.ActionInstall {
			installing.Or(m)
		}
		p.Groups = append(p.Groups, model.GroupPlan{Group: ga.Group, Name: s.tree.Group(ga.Group).Name, Action: ga.Action, Deadline: ga.Deadline,
			Computers: int(m.GetCardinality()), Needing: int(needing.AndCardinality(m))})
	}
	e := s.planEffect(p, &after, updates, scope, now)
	if e.starts.IsEmpty() && e.stops.IsEmpty() && e.removes.IsEmpty() {
		p.Lines = append(p.Lines, "No computer is known to need any of it now; computers that need it later will install it.")
	}
	if u := s.unknownAmong(updates, installing, now); u.total() > 0 {
		p.Lines = append(p.Lines, u.sentence(int(installing.GetCardinality()), len(c.Updates)))
	}
	if n := len(s.withBundled(c.Updates)) - len(c.Updates); n > 0 {
		text := fmt.Sprintf("As a bundle it brings %s with it.", plural(n, "update"))
		if len(c.Updates) > 1 {
			text = fmt.Sprintf("Bundles among them bring %s with them.", plural(n, "more update"))
		}
		p.Lines = append(p.Lines, text)
	}
	s.warnSuperseded(p, updates)
	if !installing.IsEmpty() {
		s.warnCount(p, updates, model.FlagLicence, "licence", "%s not been accepted; nothing of it is installed before that", "licence has", "licences have")
	}
	s.warnStale(p, updates)
	s.warnRequired(p, c)
}

// sentence says of how many computers it is not known whether they need the
// updates, and why. Numbers about needs are then a lower bound.
func (u unknowns) sentence(of, updates int) string {
	var why []string
	for _, r := range []struct {
		n    int
		text string
	}{{u.never, "never reported"}, {u.silent, "silent for 30 days"}, {u.older, "not since it arrived"}} {
		if r.n > 0 {
			why = append(why, model.Number(r.n)+" "+r.text)
		}
	}
	word := "it"
	if updates > 1 {
		word = "all of them"
	}
	return fmt.Sprintf("%s of %s no status: not known whether they need %s (%s).", model.Number(u.total()), model.Counted(of, "computer has", "computers have"), word, strings.Join(why, ", "))
}

// planEffect fills in what a change of approvals does: computers, restarts,
// bytes, what is due at once, and where nothing will be installed.
func (s *Snapshot) planEffect(p *model.Plan, after *Snapshot, updates, scope *roaring.Bitmap, now time.Time) *effect {
	disabled := s.disabled(scope)
	e := s.effectOf(after, updates, scope, disabled, now)
	p.Bytes, p.Now = e.bytes, e.due
	p.Computers = int(roaring.FastOr(e.starts, e.stops, e.removes).GetCardinality())
	p.Restarts = int(e.restarts.GetCardinality())
	for it := roaring.Or(e.starts, e.removes).Iterator(); it.HasNext() && len(p.First) < 5; {
		p.First = append(p.First, model.Clean(s.Computer(it.Next()).Name))
	}
	if n := int(e.stops.GetCardinality()); n > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("On %s an update that was to be installed no longer is.", plural(n, "computer")))
	}
	if n := int(e.removes.GetCardinality()); n > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("On %s an update is to be uninstalled.", plural(n, "computer")))
	}
	if p.Now > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("%s due at the next check-in, because the deadline has passed by then.", plural(p.Now, "installation")))
	}
	if n := int(disabled.AndCardinality(e.starts)); n > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "disabled", Text: fmt.Sprintf("Automatic Updates are disabled on %s, where nothing will be installed", plural(n, "computer"))})
	}
	return e
}

// namedWarnings is how many updates are named one by one in warnings of one
// sort. More are counted.
const namedWarnings = 3

// warnSuperseded warns of updates that others replace.
func (s *Snapshot) warnSuperseded(p *model.Plan, updates *roaring.Bitmap) {
	n := 0
	var first string
	forEach(updates, func(u uint32) {
		by := s.SupersededBy(u)
		if len(by) == 0 {
			return
		}
		if n++; n > namedWarnings {
			return
		}
		text := fmt.Sprintf("%s is superseded by %s", model.Clean(s.Row(u).Title), model.Clean(s.Row(by[0]).Title))
		if n == 1 {
			first = text
		}
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "superseded", Text: text})
	})
	if n > namedWarnings {
		p.Warnings = append(p.Warnings[:len(p.Warnings)-namedWarnings], model.PlanWarning{Code: "superseded",
			Text: fmt.Sprintf("%s of these updates are superseded by others; %s", model.Number(n), first)})
	}
}

// warnStale warns of updates whose approvals are those of an older revision:
// approving them again moves on to the newest.
func (s *Snapshot) warnStale(p *model.Plan, updates *roaring.Bitmap) {
	n, first := 0, uint32(0)
	forEach(s.heldAmong(updates), func(u uint32) {
		if s.StaleApproval(u) {
			if n++; n == 1 {
				first = u
			}
		}
	})
	if n == 0 {
		return
	}
	text := fmt.Sprintf("%s of these updates were revised since they were approved; this approves their newest revisions", model.Number(n))
	if n == 1 {
		text = model.Clean(s.Row(first).Title) + " was revised since it was approved; this approves the newest revision"
		if a, ok := s.Alarm(first); ok && len(a.Changed) > 0 {
			text += " (changed: " + model.Clean(strings.Join(a.Changed, ", ")) + ")"
		}
	}
	p.Warnings = append(p.Warnings, model.PlanWarning{Code: "revision", Text: text})
}

// warnCount warns of how many of the updates have a flag.
func (s *Snapshot) warnCount(p *model.Plan, updates *roaring.Bitmap, f model.UpdateFlags, code, text, one, many string) {
	n := 0
	forEach(updates, func(u uint32) {
		if r := s.Row(u); r != nil && r.Has(f) {
			n++
		}
	})
	if n > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: code, Text: fmt.Sprintf(text, model.Counted(n, one, many))})
	}
}

// planRetract says what switching the approvals of a deployment off or on does.
func (s *Snapshot) planRetract(p *model.Plan, c model.Change, now time.Time) {
	i := s.deploymentIndex(c.Deployment)
	if i < 0 {
		return
	}
	d := *s.deployments[i]
	d.Undone = c.Kind == model.ChangeRetract
	after := *s
	after.deployments = slices.Clone(s.deployments)
	after.deployments[i] = &d
	after.layers = stackAll(after.deployments)
	scope := roaring.New()
	for _, g := range d.Groups {
		scope.Or(s.Members(g.Group))
	}
	if d.Reverses != 0 {
		scope = s.managed
	}
	p.Updates = len(d.Updates)
	word := "does not count any more"
	if c.Kind == model.ChangeRestore {
		word = "counts again"
	}
	p.Lines = append(p.Lines, fmt.Sprintf("Deployment %d (%s) %s; what it replaced holds instead.", d.ID, model.Clean(d.Name), word))
	s.planEffect(p, &after, roaring.BitmapOf(d.Updates...), scope, now)
}

// planPolicy says where another policy will hold.
func (s *Snapshot) planPolicy(p *model.Plan, c model.Change) {
	var groups []model.Group
	for _, id := range s.tree.Order() {
		g := *s.tree.Group(id)
		if id == c.Group.ID {
			g.Policy = c.Group.Policy
		}
		groups = append(groups, g)
	}
	after, err := model.NewGroupTree(groups)
	if err != nil {
		p.Lines = append(p.Lines, err.Error())
		return
	}
	changed, disabled := roaring.New(), 0
	place := s.placing()
	for i, set := range place.sets {
		was, _ := model.EffectivePolicy(s.tree, place.groups[i])
		is, _ := model.EffectivePolicy(after, place.groups[i])
		if !samePolicy(was, is) {
			changed.Or(set)
			if is.Mode == model.ModeDisabled && was.Mode != model.ModeDisabled {
				disabled += int(set.GetCardinality())
			}
		}
	}
	p.Computers = int(changed.GetCardinality())
	for it := changed.Iterator(); it.HasNext() && len(p.First) < 5; {
		p.First = append(p.First, model.Clean(s.Computer(it.Next()).Name))
	}
	members := int(s.Members(c.Group.ID).GetCardinality())
	p.Lines = append(p.Lines, fmt.Sprintf("%s in %s may follow another policy; the deepest group wins. It changes on %s of them.", plural(members, "computer"), s.tree.Group(c.Group.ID).Name, model.Number(p.Computers)))
	if c.Group.Policy.Mode == model.ModeDisabled {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "disabled", Text: fmt.Sprintf("with Automatic Updates disabled nothing is installed, not even when a deadline passes; that becomes so on %s", plural(disabled, "computer"))})
	}
}

// samePolicy compares policies by what they say.
func samePolicy(a, b model.Policy) bool {
	same := func(x, y *model.WeekTime) bool { return x == y || x != nil && y != nil && *x == *y }
	return a.Mode == b.Mode && a.Restart == b.Restart && same(a.Install, b.Install) && same(a.RestartAt, b.RestartAt)
}

// warnRequired warns when an update of Fettle itself is open and others are
// approved first (semantics 3.2).
func (s *Snapshot) warnRequired(p *model.Plan, c model.Change) {
	for it := s.Index().Flag(model.FlagRequired).Iterator(); it.HasNext(); {
		if n := it.Next(); !s.hidden(n) && !slices.Contains(c.Updates, n) && len(s.Approvals(n)) == 0 && !s.needing(n).IsEmpty() {
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

// needingAny is the computers where one of the updates is needed or failed.
func (s *Snapshot) needingAny(updates *roaring.Bitmap) *roaring.Bitmap {
	m := roaring.New()
	forEach(updates, func(n uint32) {
		if t := s.tallies.at(n); t != nil {
			for _, b := range []*roaring.Bitmap{t.needed, t.downloaded, t.failed, t.pending} {
				if b != nil {
					m.Or(b)
				}
			}
		}
	})
	return m
}

// planDecline says what declining, or taking a decline back, does.
func (s *Snapshot) planDecline(p *model.Plan, c model.Change, now time.Time) {
	updates := roaring.BitmapOf(c.Updates...)
	after := *s
	switch c.Kind {
	case model.ChangeDecline:
		after.declined = roaring.Or(s.declined, updates)
		p.Lines = append(p.Lines, "Declined updates are hidden and not offered to any computer; reinstating brings them back.")
	case model.ChangeReinstate:
		after.declined, after.layers = roaring.AndNot(s.declined, updates), maps.Clone(s.layers)
		stack(after.layers, &model.Deployment{ID: s.nextDeployment(), Updates: updates.ToArray(), Reverses: 1})
		p.Lines = append(p.Lines, "They come back as Not Approved; their old approvals do not.")
	default:
		after.declined = roaring.AndNot(s.declined, updates)
		p.Lines = append(p.Lines, "Their approvals count again.")
	}
	s.planEffect(p, &after, updates, s.managed, now)
	if c.Kind != model.ChangeDecline {
		return
	}
	approved := roaring.New()
	for _, layers := range s.layers {
		for _, l := range layers {
			approved.Or(roaring.And(l.updates, updates))
		}
	}
	if n := int(approved.GetCardinality()); n > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "approved", Text: fmt.Sprintf("%s approved; the approvals are masked", model.Counted(n, "of these updates is", "of these updates are"))})
	}
	if p.Computers = int(s.needingAny(updates).GetCardinality()); p.Computers > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "needed", Text: fmt.Sprintf("%s at least one of them", model.Counted(p.Computers, "computer still needs", "computers still need"))})
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
	selected := int(s.LastUpdate()) - int(after.outside.GetCardinality())
	p.Lines = append(p.Lines, fmt.Sprintf("%s of the %s updates in the catalogue are selected; the others are not shown and not offered, and come back when the selection is widened.", model.Number(selected), model.Number(all)))
	if selected == 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "selection", Text: "the selection of products and classifications matches no update of the catalogue"})
	}
}

// planMembership says for whom approvals change when membership or the tree
// changes.
func (s *Snapshot) planMembership(p *model.Plan, c model.Change, now time.Time) {
	d := (&draft{Snapshot: s, store: s.store}).fork()
	change := c
	if _, _, err := d.perform(&change, model.Actor{}); err != nil {
		p.Lines = append(p.Lines, err.Error())
		return
	}
	touched := roaring.New()
	for _, id := range d.tree.Order() {
		touched.Or(roaring.Xor(s.Members(id), d.Members(id)))
	}
	for _, id := range s.tree.Order() {
		touched.Or(roaring.Xor(s.Members(id), d.Members(id)))
	}
	if c.Kind == model.ChangeGroupMove || c.Kind == model.ChangeGroupRemove {
		touched.Or(s.Members(c.Group.ID))
	}
	if c.Kind != model.ChangeGroupAdd || !touched.IsEmpty() {
		s.planRegrouped(p, d.Snapshot, touched, now)
	}
	if c.Kind == model.ChangeGroupRemove {
		if subs := len(s.tree.Children(c.Group.ID)); subs > 0 {
			p.Warnings = append(p.Warnings, model.PlanWarning{Code: "subgroups", Text: fmt.Sprintf("%s with it", model.Counted(subs, "subgroup goes", "subgroups go"))})
		}
	}
}

// planRegrouped says for which of the computers that change groups another
// approval holds afterwards, and names the first.
func (s *Snapshot) planRegrouped(p *model.Plan, after *Snapshot, touched *roaring.Bitmap, now time.Time) {
	affected, pairs, first := s.reapproved(after, touched)
	p.Computers = int(affected.GetCardinality())
	for it := affected.Iterator(); it.HasNext() && len(p.First) < 5; {
		p.First = append(p.First, model.Clean(s.Computer(it.Next()).Name))
	}
	who := model.Counted(int(touched.GetCardinality()), "computer changes groups", "computers change groups")
	switch {
	case touched.IsEmpty():
		p.Lines = append(p.Lines, "No computer changes groups.")
	case pairs == 0:
		p.Lines = append(p.Lines, who+". The approval of what they need changes nowhere.")
	default:
		p.Lines = append(p.Lines, fmt.Sprintf("%s. The approval of what they need changes in %s, on %s.", who, plural(pairs, "case"), plural(p.Computers, "computer")))
	}
	for _, r := range first {
		p.Lines = append(p.Lines, s.tellReapproved(after, r, now.Location()))
	}
	if more := pairs - len(first); more > 0 && len(first) > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("and %s more", model.Number(more)))
	}
}

// reapproval is one update on one computer for which another approval holds
// than before.
type reapproval struct {
	computer, update uint32
	was, is          model.Approval
}

// tellReapproved says what a reapproval means: "web1: openssl 3.0 is no longer
// approved (was Install for Servers ...)".
func (s *Snapshot) tellReapproved(after *Snapshot, r reapproval, zone *time.Location) string {
	tell := func(a model.Approval, tree *model.GroupTree) string {
		if a.Group == "" {
			return "not approved"
		}
		d := s.Deployment(a.Deployment)
		if d != nil && d.Name == model.Clean(s.Row(r.update).Title) {
			d = nil // a deployment of one update is named like it, which the line names already
		}
		return model.DescribeApproval(a, tree, d, zone)
	}
	installs := func(a model.Approval) bool { return a.Action == model.ActionInstall && !a.Stale }
	was, is := tell(r.was, s.tree), tell(r.is, after.tree)
	head := fmt.Sprintf("%s: %s", model.Clean(s.Computer(r.computer).Name), model.Clean(s.Row(r.update).Title))
	switch {
	case installs(r.was) && !installs(r.is):
		if r.is.Group != "" {
			was += "; now " + is
		}
		return fmt.Sprintf("%s is no longer approved (was %s)", head, was)
	case !installs(r.was) && installs(r.is):
		return fmt.Sprintf("%s becomes approved: %s (was %s)", head, is, was)
	}
	return fmt.Sprintf("%s: %s (was %s)", head, is, was)
}

// namedReapprovals is how many reapprovals a plan names one by one.
const namedReapprovals = 5

// reapproved gives those of the computers for which another approval of an
// update that they need holds in a snapshot with other groups, how many such
// pairs there are, and the first of them: one for each computer before a second
// for any. Computers that move between the same groups are alike.
func (s *Snapshot) reapproved(after *Snapshot, computers *roaring.Bitmap) (affected *roaring.Bitmap, pairs int, first []reapproval) {
	type move struct{ from, to int32 }
	type change struct{ was, is model.Approval }
	before, later := s.placing(), after.placing()
	groups := func(p *placing, class int32) []model.GroupID {
		if class < 0 {
			return nil
		}
		return p.groups[class]
	}
	own := map[uint32][]model.Approval{}
	known := map[move]map[uint32]change{}
	affected = roaring.New()
	var further []reapproval
	forEach(computers, func(n uint32) {
		m := move{before.class(n), later.class(n)}
		if known[m] == nil {
			known[m] = map[uint32]change{}
		}
		for _, u := range s.NeededBy(n) {
			c, ok := known[m][u]
			if !ok {
				all, seen := own[u]
				if !seen {
					all = s.Approvals(u)
					own[u] = all
				}
				c = change{s.resolve(all, groups(before, m.from)), after.resolve(all, groups(later, m.to))}
				known[m][u] = c
			}
			if c.was == c.is {
				continue
			}
			pairs++
			r := reapproval{n, u, c.was, c.is}
			switch {
			case affected.CheckedAdd(n):
				if len(first) < namedReapprovals {
					first = append(first, r)
				}
			case len(further) < namedReapprovals:
				further = append(further, r)
			}
		}
	})
	first = append(first, further[:min(len(further), namedReapprovals-len(first))]...)
	slices.SortFunc(first, func(a, b reapproval) int {
		return cmp.Or(cmp.Compare(a.computer, b.computer), cmp.Compare(a.update, b.update))
	})
	return affected, pairs, first
}

// resolve gives the approval that holds for a computer of the given groups.
func (s *Snapshot) resolve(approvals []model.Approval, groups []model.GroupID) model.Approval {
	var found []model.Approval
	for _, a := range approvals {
		if slices.Contains(groups, a.Group) {
			found = append(found, a)
		}
	}
	return model.ResolveApproval(s.tree, false, found).Approval
}
