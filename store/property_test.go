package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
)

// TestCountsEqualRecount drives a store through any sequence of imports,
// reports, changes, undos and reopenings: after each step the counts equal a
// slow obvious recount, the four-way split adds up, and an approval alone never
// changed an installation state.
func TestCountsEqualRecount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		open := func() *Store {
			s, err := Open(Options{Dir: dir, Clock: func() time.Time { return testTime }})
			if err == nil {
				err = s.WaitLoaded(context.Background())
			}
			if err != nil {
				rt.Fatalf("opening: %v", err)
			}
			return s
		}
		s := open()
		defer func() { s.Close() }()
		ctx := context.Background()
		fail := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		_, err := s.Make(ctx, model.Change{Kind: model.ChangeComputers, How: []string{"test"}}, admin)
		fail(err)
		_, err = s.Make(ctx, model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "d", Kind: model.UpstreamDebian, Location: "apt"}}, admin)
		fail(err)
		pick := func(label string) []uint32 {
			last := s.Snapshot().LastUpdate()
			if last == 0 {
				return nil
			}
			return sorted(rapid.SliceOfN(rapid.Uint32Range(1, last), 0, 4).Draw(rt, label))
		}
		steps := rapid.IntRange(5, 25).Draw(rt, "steps")
		for range steps {
			var states map[[2]uint32]model.InstallationState
			switch rapid.SampledFrom([]string{"import", "report", "report", "approve", "decline", "reinstate", "undo", "withdraw", "group", "remove", "reopen"}).Draw(rt, "step") {
			case "import":
				_, err := s.Import(ctx, []*model.Update{debian(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "source"), fmt.Sprint(rapid.IntRange(1, 4).Draw(rt, "version")))})
				fail(err)
			case "report":
				st := &model.Status{Reported: testTime, Evaluated: uint32(rapid.IntRange(0, int(s.Snapshot().LastUpdate())).Draw(rt, "evaluated"))}
				for n := uint32(1); n <= st.Evaluated; n++ {
					lists := []*[]uint32{nil, &st.Needed, &st.Downloaded, &st.Failed, &st.Pending, &st.Installed}
					if l := lists[rapid.IntRange(0, 5).Draw(rt, "state")]; l != nil {
						*l = append(*l, n)
					}
				}
				name := rapid.SampledFrom([]string{"c1", "c2", "c3", "c4"}).Draw(rt, "computer")
				_, err := s.Record(ctx, Report{Computer: model.Computer{ID: model.ComputerID(name), Name: name, Platform: model.Platform(rapid.IntRange(1, 2).Draw(rt, "platform")), Contacted: testTime}, Status: st})
				fail(err)
			case "approve":
				if u := pick("updates"); len(u) > 0 {
					states = allStates(s.Snapshot())
					_, err := s.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: u, Groups: []model.GroupAction{{Group: rapid.SampledFrom([]model.GroupID{model.GroupAll, model.GroupLinux}).Draw(rt, "group"), Action: model.ActionInstall}}}, admin)
					allowRefusal(rt, err)
				}
			case "decline":
				if u := pick("updates"); len(u) > 0 {
					_, err := s.Make(ctx, model.Change{Kind: model.ChangeDecline, Updates: u}, admin)
					allowRefusal(rt, err)
				}
			case "reinstate":
				if u := pick("updates"); len(u) > 0 {
					_, err := s.Make(ctx, model.Change{Kind: model.ChangeReinstate, Updates: u}, admin)
					allowRefusal(rt, err)
				}
			case "undo":
				if head, _ := s.Snapshot().Journal(); head > 2 {
					_, err := s.Undo(ctx, uint64(rapid.IntRange(3, int(head)).Draw(rt, "entry")), admin, "")
					allowRefusal(rt, err)
				}
			case "withdraw":
				_, err := s.Withdraw(ctx, pick("updates"))
				fail(err)
			case "group":
				if n := len(s.Snapshot().Computers()); n > 0 {
					_, err := s.Make(ctx, model.Change{Kind: model.ChangeGroupAdd, Computers: []uint32{s.Snapshot().Computers()[0].Number},
						Group: &model.Group{Name: fmt.Sprintf("G%d", s.Snapshot().Seq()), Parent: model.GroupAll}}, admin)
					fail(err)
				}
			case "remove":
				if c := s.Snapshot().Computers(); len(c) > 0 {
					_, err := s.Make(ctx, model.Change{Kind: model.ChangeRemove, Computers: []uint32{rapid.SampledFrom(c).Draw(rt, "computer").Number}}, admin)
					fail(err)
				}
			case "reopen":
				fail(s.Close())
				s = open()
			}
			snap := s.Snapshot()
			if states != nil {
				for k, v := range allStates(snap) {
					if states[k] != v {
						rt.Fatalf("an approval changed the state of update %d on computer %d from %v to %v", k[1], k[0], states[k], v)
					}
				}
			}
			recount(rt, snap)
		}
		v, err := s.Verify(ctx, nil)
		fail(err)
		if len(v.Problems) > 0 {
			rt.Fatalf("problems: %v", v.Problems)
		}
	})
}

func sorted(n []uint32) []uint32 {
	slices.Sort(n)
	return slices.Compact(n)
}

func allowRefusal(rt *rapid.T, err error) {
	if _, ok := err.(*model.Refusal); err != nil && !ok {
		rt.Fatal(err)
	}
}

func allStates(s *Snapshot) map[[2]uint32]model.InstallationState {
	m := map[[2]uint32]model.InstallationState{}
	for _, c := range s.Computers() {
		for n := uint32(1); n <= s.LastUpdate(); n++ {
			m[[2]uint32{c.Number, n}] = s.State(c.Number, n)
		}
	}
	return m
}

// recount compares Counts, Totals and Split with what State says pair by pair.
func recount(rt *rapid.T, s *Snapshot) {
	for _, g := range s.Groups().Order() {
		split := s.Split(g)
		if sum := split[0] + split[1] + split[2] + split[3]; sum != int(s.Members(g).GetCardinality()) {
			rt.Fatalf("the split %v of %s does not add up to %d", split, g, s.Members(g).GetCardinality())
		}
		for n := uint32(1); n <= s.LastUpdate(); n++ {
			if s.Row(n).Has(model.FlagDeclined) {
				continue
			}
			want := model.Counts{}
			for it := s.Members(g).Iterator(); it.HasNext(); {
				want.Computers++
				switch st := s.State(it.Next(), n); st {
				case model.StateUnknown:
					want.Unknown++
				case model.StateNotApplicable:
					want.NotApplicable++
				case model.StateInstalled:
					want.Installed++
				case model.StateFailed:
					want.Failed++
				default:
					want.Needed++
					if st == model.StateDownloaded {
						want.Downloaded++
					}
					if st == model.StateInstalledPendingReboot {
						want.Pending++
					}
				}
			}
			if got := s.Counts(n, g); got != want {
				rt.Fatalf("counts of update %d in %s: %+v, recounted %+v", n, g, got, want)
			}
		}
	}
}

// TestMakeThenUndoLeavesDecisionsEqual makes any change and takes it back.
func TestMakeThenUndoLeavesDecisionsEqual(t *testing.T) {
	s := newTest(t)
	var updates []*model.Update
	for i := range 6 {
		updates = append(updates, debian(string(rune('a'+i)), "1"))
	}
	must1(s.Import(t.Context(), updates))(t)
	ready(t, s)
	for i := range 4 {
		computer(t, s, fmt.Sprintf("c%d", i), []uint32{1, 2, 3}, nil)
	}
	g := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Static", Parent: model.GroupAll}, Computers: []uint32{1, 2}}, admin))(t).Change.Group.ID
	groups := []model.GroupID{model.GroupAll, model.GroupLinux, g}
	rapid.Check(t, func(rt *rapid.T) {
		u := sorted(rapid.SliceOfN(rapid.Uint32Range(1, 6), 1, 4).Draw(rt, "updates"))
		c := sorted(rapid.SliceOfN(rapid.Uint32Range(1, 4), 1, 3).Draw(rt, "computers"))
		group := &model.Group{ID: g, Name: "Other", Policy: model.Policy{Mode: model.ModeNotify}, Formula: "name:c3"}
		changes := []model.Change{
			{Kind: model.ChangeApprove, Updates: u, Groups: []model.GroupAction{{Group: rapid.SampledFrom(groups).Draw(rt, "group"),
				Action: rapid.SampledFrom([]model.Action{model.ActionInstall, model.ActionInherit}).Draw(rt, "action")}}},
			{Kind: model.ChangeDecline, Updates: u}, {Kind: model.ChangeReinstate, Updates: u},
			{Kind: model.ChangeJoin, Group: group, Computers: c}, {Kind: model.ChangeLeave, Group: group, Computers: c},
			{Kind: model.ChangeExclude, Group: group, Computers: c}, {Kind: model.ChangePolicy, Group: group},
			{Kind: model.ChangeFormula, Group: group}, {Kind: model.ChangeGroupRename, Group: group}, {Kind: model.ChangeGroupRemove, Group: group},
			{Kind: model.ChangeSettings, Settings: &model.Settings{Classes: []model.Classification{model.ClassSecurity}}},
		}
		before := decisions(s.Snapshot())
		change := rapid.SampledFrom(changes).Draw(rt, "change")
		e, err := s.Make(context.Background(), change, admin)
		if _, ok := err.(*model.Refusal); ok {
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		if rapid.Bool().Draw(rt, "undo") {
			if _, err := s.Undo(context.Background(), e.Seq, admin, ""); err != nil {
				rt.Fatalf("undoing %s: %v", e.Summary, err)
			}
			if after := decisions(s.Snapshot()); after != before {
				rt.Fatalf("after %s and its undo:\n%s\nbefore:\n%s", e.Summary, after, before)
			}
		} else if change.Kind == model.ChangeGroupRemove {
			if _, err := s.Undo(context.Background(), e.Seq, admin, ""); err != nil {
				rt.Fatal(err)
			}
		}
	})
	if v := must1(s.VerifyJournal(t.Context()))(t); v.Problem != "" {
		t.Error(v.Problem)
	}
}

// decisions is everything that administrators decided, as text.
func decisions(s *Snapshot) string {
	out := fmt.Sprintf("%+v %v %v\n", s.Settings(), s.Upstreams(), s.declined.ToArray())
	for _, id := range s.Groups().Order() {
		g := s.Groups().Group(id)
		out += fmt.Sprintf("%s %s %s %q %v %v %+v\n", g.ID, g.Name, g.Parent, g.Formula, g.Members, g.Excluded, g.Policy)
		for n := uint32(1); n <= s.LastUpdate(); n++ {
			if a, ok := s.Approval(n, id); ok {
				out += fmt.Sprintf("  %d %+v\n", n, a)
			}
		}
	}
	return out
}
