package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"fettle/model"
)

// drawSnapshot makes a snapshot in memory: any tree of groups with any members,
// any stack of deployments, declines, policies and statuses. Memberships are
// drawn apart from the tree's own rules, because exclusions make them arbitrary.
func drawSnapshot(rt *rapid.T) *Snapshot {
	const computers, updates = 14, 9
	s := &Snapshot{
		derived: &derived{}, loaded: true, declined: roaring.New(), outside: roaring.New(), managed: roaring.New(),
		members: map[model.GroupID]*roaring.Bitmap{}, layers: map[model.GroupID][]layer{}, categories: map[model.CategoryID]model.Category{},
	}
	set := func(label string, most uint32) *roaring.Bitmap {
		return roaring.BitmapOf(rapid.SliceOfN(rapid.Uint32Range(1, most), 0, int(most)).Draw(rt, label)...)
	}
	groups := []model.Group{{ID: model.GroupAll, Name: "All Computers", Policy: model.DefaultPolicy()}}
	for i := range rapid.IntRange(0, 6).Draw(rt, "groups") {
		parent := groups[rapid.IntRange(0, len(groups)-1).Draw(rt, "parent")].ID
		g := model.Group{ID: model.GroupID(fmt.Sprintf("g%d", i+1)), Name: fmt.Sprint(i), Parent: parent}
		if g.Policy.Mode = model.Mode(rapid.IntRange(0, 4).Draw(rt, "mode")); g.Policy.Mode == model.ModeScheduled {
			g.Policy.Install = &model.WeekTime{Day: model.EveryDay, Minute: 60}
		}
		g.Policy.Restart = model.RestartRule(rapid.IntRange(0, 2).Draw(rt, "restart"))
		groups = append(groups, g)
	}
	var err error
	if s.tree, err = model.NewGroupTree(groups); err != nil {
		rt.Fatal(err)
	}
	rows := vector[*updateEntry]{}.edit()
	for n := uint32(1); n <= updates; n++ {
		r := &model.UpdateRow{Number: n, ID: model.UpdateID(fmt.Sprint(n)), Title: fmt.Sprint("update ", n), Size: int64(n) * 1000}
		if n%2 == 0 {
			r.Flags |= model.FlagMayRestart
		}
		r.Class, r.Severity = model.Classification(rapid.IntRange(0, 3).Draw(rt, "class")), model.Severity(rapid.IntRange(0, 4).Draw(rt, "severity"))
		r.Upstream = rapid.SampledFrom([]string{"", "debian", "microsoft"}).Draw(rt, "upstream")
		r.Products = rapid.SliceOfN(rapid.SampledFrom([]model.CategoryID{"w11", "bookworm", "bookworm/libs"}), 0, 3).Draw(rt, "products")
		r.Released = testTime.Add(-time.Duration(n) * 24 * time.Hour)
		for _, f := range []model.UpdateFlags{model.FlagSuperseded, model.FlagExploited, model.FlagRequired} {
			if rapid.IntRange(0, 2).Draw(rt, "flag") == 0 {
				r.Flags |= f
			}
		}
		rows.set(n, &updateEntry{row: r})
	}
	s.rows = rows.vector
	s.categories["w11"] = model.Category{ID: "w11", Title: "Windows 11"}
	s.categories["bookworm"] = model.Category{ID: "bookworm", Title: "Debian 12 (bookworm)"}
	s.categories["bookworm/libs"] = model.Category{ID: "bookworm/libs", Title: "libs", Parent: "bookworm"}
	entries, counting := vector[*computerEntry]{}.edit(), newCounting(s.tallies)
	for n := uint32(1); n <= computers; n++ {
		c := &model.Computer{Number: n, Name: fmt.Sprint("c", n), Contacted: testTime}
		if rapid.IntRange(0, 9).Draw(rt, "admission") == 0 {
			c.Admission = model.Waiting
		}
		if rapid.IntRange(0, 5).Draw(rt, "own policy") == 0 {
			c.Policy.Mode = model.ModeDisabled
		}
		if rapid.IntRange(0, 5).Draw(rt, "silent") == 0 {
			c.Contacted = testTime.Add(-model.StaleAfter - time.Hour)
		}
		e := &computerEntry{computer: c}
		if rapid.IntRange(0, 4).Draw(rt, "reported") > 0 {
			st := &model.Status{Evaluated: rapid.Uint32Range(0, updates).Draw(rt, "evaluated")}
			for u := uint32(1); u <= st.Evaluated; u++ {
				lists := []*[]uint32{nil, &st.Needed, &st.Downloaded, &st.Failed, &st.Pending, &st.Installed}
				if l := lists[rapid.IntRange(0, 5).Draw(rt, "state")]; l != nil {
					*l = append(*l, u)
				}
			}
			e.take(st)
		}
		entries.set(n, e)
		if c.Admission == model.Managed {
			s.managed.Add(n)
			if e.reported {
				counting.replace(n, nil, e)
			}
		}
	}
	s.computers, s.tallies = entries.vector, counting.vector
	for _, g := range groups {
		m := set("members", computers)
		m.And(s.managed)
		s.members[g.ID] = m
	}
	s.members[model.GroupAll] = s.managed
	deadlines := []time.Time{{}, testTime.Add(-time.Hour), testTime.Add(time.Hour), testTime.Add(2 * time.Hour)}
	for i := range rapid.IntRange(0, 6).Draw(rt, "deployments") {
		d := &model.Deployment{ID: uint64(i + 1), Updates: set("updates", updates).ToArray(), Undone: rapid.IntRange(0, 4).Draw(rt, "undone") == 0}
		if rapid.IntRange(0, 7).Draw(rt, "reinstates") == 0 {
			d.Reverses = 1
		}
		d.Groups = drawActions(rt, groups, deadlines)
		s.deployments = append(s.deployments, d)
	}
	s.layers = stackAll(s.deployments)
	if rapid.Bool().Draw(rt, "declines") {
		s.declined = set("declined", updates)
		for n, e := range rows.all {
			if s.declined.Contains(n) {
				e.row.Flags |= model.FlagDeclined
			}
		}
		s.outside = set("outside", updates)
	}
	s.alarms = map[uint32]*model.RevisionAlarm{}
	if rapid.IntRange(0, 2).Draw(rt, "alarms") == 0 {
		forEach(set("revised", updates), func(n uint32) {
			s.alarms[n] = &model.RevisionAlarm{Update: n, Held: model.HeldBack(rapid.IntRange(0, 2).Draw(rt, "held")), HeldTo: rapid.Uint64Range(0, uint64(len(s.deployments))).Draw(rt, "until")}
		})
	}
	s.hide()
	return s
}

func drawActions(rt *rapid.T, groups []model.Group, deadlines []time.Time) []model.GroupAction {
	var out []model.GroupAction
	for _, g := range groups {
		if rapid.IntRange(0, 2).Draw(rt, "takes part") == 0 {
			out = append(out, model.GroupAction{Group: g.ID, Action: model.Action(rapid.IntRange(0, 3).Draw(rt, "action")), Deadline: rapid.SampledFrom(deadlines).Draw(rt, "deadline")})
		}
	}
	return out
}

// slowGroups and slowEffective are the obvious way: ask every group.
func slowGroups(s *Snapshot, computer uint32) []model.GroupID {
	var ids []model.GroupID
	for _, id := range s.tree.Order() {
		if s.Members(id).Contains(computer) {
			ids = append(ids, id)
		}
	}
	return ids
}

func slowEffective(s *Snapshot, computer, update uint32) model.EffectiveApproval {
	var found []model.Approval
	for _, g := range slowGroups(s, computer) {
		if a, ok := s.Approval(update, g); ok {
			found = append(found, a)
		}
	}
	return model.ResolveApproval(s.tree, s.declined.Contains(update), found)
}

// TestOutcomesEqualEffective compares the division of computers by effective
// approval, and what else is computed for many pairs at once, with asking the
// model for each pair.
func TestOutcomesEqualEffective(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSnapshot(rt)
		scope := roaring.BitmapOf(rapid.SliceOf(rapid.Uint32Range(1, 14)).Draw(rt, "scope")...)
		for n := uint32(1); n <= s.LastUpdate(); n++ {
			left := scope.Clone()
			for _, o := range s.Outcomes(n, scope) {
				if o.Computers.IsEmpty() {
					rt.Fatalf("update %d: the outcome %+v is empty", n, o)
				}
				for it := o.Computers.Iterator(); it.HasNext(); {
					c := it.Next()
					if !left.CheckedRemove(c) {
						rt.Fatalf("update %d: computer %d is in two outcomes or outside the scope", n, c)
					}
					want := slowEffective(s, c, n)
					if o.Approval != want.Approval || o.Approved() != want.Approved() || o.Declined != (want.Step == model.StepDeclined) {
						rt.Fatalf("update %d on computer %d: outcome %+v, effective %+v", n, c, o, want)
					}
				}
			}
			if !left.IsEmpty() {
				rt.Fatalf("update %d: no outcome for %v", n, left)
			}
		}
		for c := uint32(1); c <= 15; c++ {
			if got, want := s.GroupsOf(c), slowGroups(s, c); !slices.Equal(got, want) {
				rt.Fatalf("computer %d belongs to %v, not %v", c, want, got)
			}
			var approved []uint32
			for n := uint32(1); n <= s.LastUpdate(); n++ {
				want := slowEffective(s, c, n)
				if want.Approved() {
					approved = append(approved, n)
				}
				if got := s.Effective(c, n); got.Approval != want.Approval || got.Step != want.Step || !slices.Equal(got.Losers, want.Losers) {
					rt.Fatalf("update %d on computer %d: %+v, expected %+v", n, c, got, want)
				}
			}
			if got := s.Approved(c); !slices.Equal(got, approved) {
				rt.Fatalf("computer %d: approved %v, expected %v", c, got, approved)
			}
		}
		off := s.disabled(s.managed)
		for it := s.managed.Iterator(); it.HasNext(); {
			c := it.Next()
			policy, _ := model.EffectivePolicy(s.tree, slowGroups(s, c))
			if want := policy.Mode == model.ModeDisabled || s.Computer(c).Policy.Mode == model.ModeDisabled; off.Contains(c) != want {
				rt.Fatalf("computer %d: disabled is %v, expected %v", c, !want, want)
			}
		}
	})
}

// TestPlanEqualsPairByPair compares the plans of changes of approvals with what
// looking at every pair before and after the change gives.
func TestPlanEqualsPairByPair(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSnapshot(rt)
		var groups []model.Group
		for _, id := range s.tree.Order() {
			groups = append(groups, *s.tree.Group(id))
		}
		change := model.Change{Kind: rapid.SampledFrom([]model.ChangeKind{model.ChangeApprove, model.ChangeApprove, model.ChangeDecline, model.ChangeUndecline,
			model.ChangeReinstate, model.ChangeRetract, model.ChangeRestore}).Draw(rt, "kind")}
		change.Updates = sorted(rapid.SliceOfN(rapid.Uint32Range(1, 9), 1, 9).Draw(rt, "updates"))
		after := *s
		scope := s.managed
		switch change.Kind {
		case model.ChangeApprove:
			change.Groups = drawActions(rt, groups, []time.Time{{}, testTime.Add(-time.Minute), testTime.Add(time.Hour)})
			after.layers = stackAll(append(slices.Clone(s.deployments), &model.Deployment{ID: 99, Updates: change.Updates, Groups: change.Groups}))
		case model.ChangeDecline:
			after.declined = roaring.Or(s.declined, roaring.BitmapOf(change.Updates...))
		case model.ChangeUndecline:
			after.declined = roaring.AndNot(s.declined, roaring.BitmapOf(change.Updates...))
		case model.ChangeReinstate:
			after.declined = roaring.AndNot(s.declined, roaring.BitmapOf(change.Updates...))
			after.layers = stackAll(append(slices.Clone(s.deployments), &model.Deployment{ID: 99, Updates: change.Updates, Reverses: 1}))
		default:
			if len(s.deployments) == 0 {
				return
			}
			i := rapid.IntRange(0, len(s.deployments)-1).Draw(rt, "deployment")
			change.Deployment, change.Updates = s.deployments[i].ID, nil
			d := *s.deployments[i]
			d.Undone = change.Kind == model.ChangeRetract
			all := slices.Clone(s.deployments)
			all[i] = &d
			after.layers = stackAll(all)
		}
		var want struct {
			computers, restarts, disabled map[uint32]bool
			bytes                         int64
			now                           int
		}
		want.computers, want.restarts, want.disabled = map[uint32]bool{}, map[uint32]bool{}, map[uint32]bool{}
		for it := scope.Iterator(); it.HasNext(); {
			c := it.Next()
			policy, _ := model.EffectivePolicy(s.tree, slowGroups(s, c))
			disabled := policy.Mode == model.ModeDisabled || s.Computer(c).Policy.Mode == model.ModeDisabled
			for n := uint32(1); n <= s.LastUpdate(); n++ {
				was, is := slowEffective(s, c, n), slowEffective(&after, c, n)
				e := s.computers.at(c)
				has := func(list []uint32) bool { return slices.Contains(list, n) }
				fresh := is.Approved() && !was.Approved()
				redated := is.Approved() && was.Approved() && !was.Deadline.Equal(is.Deadline)
				switch {
				case has(e.needed) || has(e.failed) || has(e.downloaded):
					if fresh || redated {
						want.computers[c] = true
						if s.Row(n).Has(model.FlagMayRestart) {
							want.restarts[c] = true
						}
						if disabled {
							want.disabled[c] = true
						} else if !is.Deadline.IsZero() && !is.Deadline.After(testTime) {
							want.now++
						}
					}
					if fresh && !has(e.downloaded) {
						want.bytes += s.Row(n).Size
					}
					if was.Approved() && !is.Approved() {
						want.computers[c] = true
					}
				case e.installed != nil && e.installed.Contains(n):
					if is.Action == model.ActionUninstall && was.Action != model.ActionUninstall {
						want.computers[c] = true
					}
				}
			}
		}
		p := s.plan(change, testTime)
		computers := len(want.computers)
		if change.Kind == model.ChangeDecline { // what still needs it is shown instead
			computers = int(s.needingAny(roaring.BitmapOf(change.Updates...)).GetCardinality())
		}
		if p.Computers != computers || p.Restarts != len(want.restarts) || p.Bytes != want.bytes || p.Now != want.now {
			rt.Fatalf("%+v\nplan: %d computers, %d restarts, %d bytes, %d now\nexpected: %v, %v, %d bytes, %d now", change, p.Computers, p.Restarts, p.Bytes, p.Now,
				want.computers, want.restarts, want.bytes, want.now)
		}
		if warned := slices.ContainsFunc(p.Warnings, func(w model.PlanWarning) bool { return w.Code == "disabled" }); warned != (len(want.disabled) > 0) {
			rt.Fatalf("warned of disabled Automatic Updates: %v, expected for %v", warned, want.disabled)
		}
	})
}

// TestReapprovedEqualsPairByPair compares for whom approvals change when the
// groups do.
func TestReapprovedEqualsPairByPair(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSnapshot(rt)
		after := *s
		after.members = map[model.GroupID]*roaring.Bitmap{}
		for id, m := range s.members {
			after.members[id] = m
			if id != model.GroupAll && rapid.Bool().Draw(rt, "changes") {
				m = m.Clone()
				m.Flip(1, uint64(rapid.IntRange(1, 15).Draw(rt, "until")))
				m.And(s.managed)
				after.members[id] = m
			}
		}
		pairs, computers := 0, map[uint32]bool{}
		for it := s.managed.Iterator(); it.HasNext(); {
			c := it.Next()
			for _, n := range s.NeededBy(c) {
				if slowEffective(s, c, n).Approval != slowEffective(&after, c, n).Approval {
					pairs++
					computers[c] = true
				}
			}
		}
		got, n, first := s.reapproved(&after, s.managed)
		if n != pairs || int(got.GetCardinality()) != len(computers) {
			rt.Fatalf("%d pairs on %v; expected %d on %v", n, got, pairs, computers)
		}
		if len(first) != min(pairs, 5) {
			rt.Fatalf("%d of %d pairs are named", len(first), pairs)
		}
		named := map[uint32]bool{}
		for _, r := range first {
			named[r.computer] = true
			if was, is := slowEffective(s, r.computer, r.update).Approval, slowEffective(&after, r.computer, r.update).Approval; was == is || r.was != was || r.is != is {
				rt.Fatalf("%+v; expected %+v, %+v", r, was, is)
			}
		}
		if len(named) != min(len(computers), 5) {
			rt.Fatalf("%d of %d computers are named", len(named), len(computers))
		}
	})
}
