package store

import (
	"slices"
	"testing"
	"time"

	"fettle/model"
)

// The bugs of peers (peers 2, "Bugs in peers") that could occur in a store. Those
// of single rules are in model, those of the agent in sync/agent, and that of the
// re-evaluation in sync/engine.

// TestPeersTacticalNothingIsInstalledBeforeAReport: Tactical wrote "installed"
// when it sent the order, so that a lost message meant done. Here no decision, no
// rule, no installation plan and no passing of time changes a state: only a
// computer's report does.
func TestPeersTacticalNothingIsInstalledBeforeAReport(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "R", Enabled: true, Groups: []model.GroupID{model.GroupLinux}}}, admin))(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1"), debian("c", "1")}))(t)
	c := computer(t, s, "web1", []uint32{1, 2, 3}, nil)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1, 2, 3},
		Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime.Add(-24 * time.Hour)}}}, admin))(t)
	must1(s.RunRules(t.Context(), nil, admin))(t)
	must1(s.NextPlan(t.Context()))(t)
	must1(s.Record(t.Context(), Report{Computer: *s.Snapshot().Computer(c)}))(t) // contact, but no status
	for n := uint32(1); n <= 3; n++ {
		if st := s.Snapshot().State(c, n); st != model.StateNotInstalled {
			t.Errorf("update %d is %v although the computer said nothing", n, st)
		}
	}
	if got := s.Snapshot().Counts(1, model.GroupAll); got.Needed != 1 || got.Installed != 0 {
		t.Errorf("counts: %+v", got)
	}
	computer(t, s, "web1", []uint32{2, 3}, []uint32{1})
	if st := s.Snapshot().State(c, 1); st != model.StateInstalled {
		t.Errorf("the computer reported it installed, and it is %v", st)
	}
}

// TestPeersPatchMonARemovedGroupRunsNothing: PatchMon left the scheduled runs of a
// deleted policy alive. A group that is removed takes its approvals and its
// policy out of force at once: nothing of it is on the agenda.
func TestPeersPatchMonARemovedGroupRunsNothing(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	c := computer(t, s, "web1", []uint32{1}, nil)
	g := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Web", Parent: model.GroupAll}, Computers: []uint32{c}}, admin))(t).Change.Group.ID
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: g, Policy: model.Policy{Mode: model.ModeScheduled, Install: &model.WeekTime{Day: model.EveryDay, Minute: 5 * 60}}}}, admin))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: []model.GroupAction{{Group: g, Action: model.ActionInstall, Deadline: testTime.Add(72 * time.Hour)}}}, admin))(t)
	week := func() model.Agenda { return s.Snapshot().Agenda(testTime, testTime.AddDate(0, 0, 7)) }
	if a := week(); len(a.Entries) == 0 || a.Entries[0].Group != g || a.Entries[0].Time.Sub(testTime) != 22*time.Hour {
		t.Fatalf("before the removal: %+v", a.Entries)
	}
	removed := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: g}}, admin))(t)
	if a := week(); len(a.Entries)+len(a.Overdue)+len(a.Waiting) != 0 {
		t.Errorf("after the removal: %+v %+v %+v", a.Entries, a.Overdue, a.Waiting)
	}
	snap := s.Snapshot()
	if p, from := snap.EffectivePolicy(c); from.Mode != model.GroupAll || p.Install.Minute != 3*60 {
		t.Errorf("policy %+v from %+v", p, from)
	}
	if e := snap.Effective(c, 1); e.Approved() || len(snap.Approved(c)) != 0 {
		t.Errorf("still in force: %+v", e)
	}
	must1(s.Undo(t.Context(), removed.Seq, admin, ""))(t)
	if a := week(); len(a.Entries) == 0 || a.Entries[0].Group != g {
		t.Errorf("after taking the removal back: %+v", a.Entries)
	}
}

// TestPeersPatchMonTheOldestDoesNotWin: where groups conflict, PatchMon let the
// oldest assignment win in silence. Here the rule decides, in whatever order
// things were decided, and the explanation names the losers.
func TestPeersPatchMonTheOldestDoesNotWin(t *testing.T) {
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		s := newTest(t)
		ready(t, s)
		must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
		c := computer(t, s, "web1", []uint32{1}, nil)
		decide := []struct {
			name     string
			mode     model.Mode
			deadline time.Time
		}{{"Early", model.ModeNotify, testTime.Add(24 * time.Hour)}, {"Late", model.ModeDownload, testTime.Add(48 * time.Hour)}}
		for _, i := range order {
			d := decide[i]
			g := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: d.name, Parent: model.GroupAll}, Computers: []uint32{c}}, admin))(t).Change.Group.ID
			must1(s.Make(t.Context(), model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: g, Policy: model.Policy{Mode: d.mode}}}, admin))(t)
			must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: []model.GroupAction{{Group: g, Action: model.ActionInstall, Deadline: d.deadline}}}, admin))(t)
		}
		snap := s.Snapshot()
		name := func(id model.GroupID) string { return snap.Groups().Group(id).Name }
		if e := snap.Effective(c, 1); name(e.Group) != "Early" || e.Step != model.StepDeadline {
			t.Errorf("order %v: %+v", order, e)
		}
		if p, from := snap.EffectivePolicy(c); name(from.Mode) != "Early" || p.Mode != model.ModeNotify {
			t.Errorf("order %v: policy %+v of %s", order, p, name(from.Mode))
		}
		x := snap.Explain(c, 1, testTime)
		var losers []string
		for _, a := range x.Considered {
			if !a.Wins && a.Why != "" {
				losers = append(losers, a.Name)
			}
		}
		if !slices.Equal(losers, []string{"Late"}) {
			t.Errorf("order %v: the losers named are %v", order, losers)
		}
	}
}

// TestPeersPatchmanListsReadNothing: patchman asked the database once for each
// package of each computer. What lists, filters and counts need is in memory:
// they answer from a snapshot even after its store was closed.
func TestPeersPatchmanListsReadNothing(t *testing.T) {
	s := openTest(t, t.TempDir())
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1"), debian("c", "1")}))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}, admin))(t)
	c := computer(t, s, "web1", []uint32{1, 2}, []uint32{3})
	snap := s.Snapshot()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := snap.NeededBy(c); !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("needed by the computer: %v", got)
	}
	if got := snap.NeededOn(2, model.GroupLinux); !slices.Equal(got, []uint32{c}) {
		t.Errorf("computers that need it: %v", got)
	}
	if got := snap.Counts(1, model.GroupAll); got.Needed != 1 {
		t.Errorf("counts: %+v", got)
	}
	if got := snap.Totals(c); got.Needed != 2 || got.Installed != 1 {
		t.Errorf("totals: %+v", got)
	}
	if got := snap.Approved(c); !slices.Equal(got, []uint32{1}) {
		t.Errorf("approved: %v", got)
	}
	if len(snap.Updates()) != 3 || snap.Row(1).Title != "a 1" || snap.Split(model.GroupAll)[model.ComputerNeeded] != 1 {
		t.Error("lists are not in memory")
	}
	if a := snap.Agenda(testTime, testTime.AddDate(0, 0, 7)); len(a.Entries) == 0 {
		t.Error("the agenda is not computed from memory")
	}
}
