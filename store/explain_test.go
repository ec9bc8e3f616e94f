package store

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// forest makes groups g1 to g4 (g3 and g4 below g1) with computers in them, and
// n updates that all computers need.
func forest(t testing.TB, s *Store, computers, updates int) []uint32 {
	t.Helper()
	ready(t, s)
	var list []*model.Update
	var needed []uint32
	for i := range updates {
		list = append(list, debian("pkg"+string(rune('a'+i)), "1"))
		needed = append(needed, uint32(i+1))
	}
	must1(s.Import(t.Context(), list))(t)
	for _, g := range []model.Group{{Name: "Servers", Parent: model.GroupAll}, {Name: "Pilots", Parent: model.GroupAll}, {Name: "Web", Parent: "g1"}, {Name: "Mail", Parent: "g1"}} {
		must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &g}, admin))(t)
	}
	var numbers []uint32
	for i := range computers {
		numbers = append(numbers, computer(t, s, "c"+string(rune('a'+i)), needed, nil))
	}
	return numbers
}

// Explain's winner is the effective approval, whatever happened before; every
// approval that reaches the computer is named.
func TestExplainAgreesWithEffective(t *testing.T) {
	s := newTest(t)
	computers := forest(t, s, 5, 4)
	rnd := rand.New(rand.NewPCG(3, 3))
	groups := []model.GroupID{model.GroupAll, model.GroupServers, "g1", "g2", "g3", "g4"}
	steps := 150
	if testing.Short() {
		steps = 30
	}
	for range steps {
		c := model.Change{Updates: []uint32{1 + rnd.Uint32N(4)}}
		switch n := rnd.IntN(12); {
		case n < 6:
			c.Kind = model.ChangeApprove
			ga := model.GroupAction{Group: groups[rnd.IntN(len(groups))], Action: model.Action(rnd.IntN(4))}
			if ga.Action == model.ActionInstall && rnd.IntN(2) == 0 {
				ga.Deadline = testTime.Add(time.Duration(rnd.IntN(60)-30) * time.Hour)
			}
			c.Groups = []model.GroupAction{ga}
		case n == 6:
			c.Kind = model.ChangeDecline
		case n == 7:
			c.Kind = []model.ChangeKind{model.ChangeReinstate, model.ChangeUndecline}[rnd.IntN(2)]
		default:
			c = model.Change{Kind: []model.ChangeKind{model.ChangeJoin, model.ChangeLeave, model.ChangeExclude, model.ChangeInclude}[n-8],
				Group: &model.Group{ID: groups[2+rnd.IntN(4)]}, Computers: []uint32{computers[rnd.IntN(len(computers))]}}
		}
		var refused *model.Refusal
		if _, err := s.Make(t.Context(), c, admin); err != nil && !errors.As(err, &refused) {
			t.Fatalf("%+v: %v", c, err)
		}
		snap := s.Snapshot()
		for _, n := range computers {
			for u := uint32(1); u <= 4; u++ {
				want, got := snap.Effective(n, u), snap.Explain(n, u, testTime)
				if got.Effective.Approval != want.Approval || got.Effective.Step != want.Step {
					t.Fatalf("after %+v: computer %d, update %d: explained %+v, %+v holds", c, n, u, got.Effective, want)
				}
				checkRemedies(t, snap, n, u, got)
				for _, g := range snap.GroupsOf(n) {
					a, ok := snap.Approval(u, g)
					if ok && !slices.ContainsFunc(got.Considered, func(c model.ConsideredApproval) bool { return c.Approval == a }) {
						t.Fatalf("after %+v: the approval %+v is not named", c, a)
					}
				}
			}
		}
	}
}

// checkRemedies does what an explanation proposes and looks whether it helps: an
// approval makes the update approved, an override ends that.
func checkRemedies(t *testing.T, snap *Snapshot, computer, update uint32, e model.Explanation) {
	t.Helper()
	for _, r := range e.Remedies {
		rest, ok := strings.CutPrefix(r.Command, "fettle approve "+string(snap.Row(update).ID)+" --group ")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(rest, " --")
		ga := model.GroupAction{Action: model.ActionInstall}
		if g := snap.tree.ByName(strings.Trim(name, "'")); g != nil {
			ga.Group = g.ID
		} else {
			t.Fatalf("%q names no group", r.Command)
		}
		want := true
		switch options {
		case "":
		case "deadline now":
			ga.Deadline = testTime
		case "action none":
			ga.Action, want = model.ActionNotApproved, false
		case "action inherit": // what the groups above say decides
			continue
		default:
			t.Fatalf("%q was not expected", r.Command)
		}
		after := *snap
		after.layers = map[model.GroupID][]layer{}
		for g, l := range snap.layers {
			after.layers[g] = l
		}
		stack(after.layers, &model.Deployment{ID: 1 << 40, Updates: []uint32{update}, Groups: []model.GroupAction{ga}})
		is := after.Effective(computer, update)
		if is.Approved() != want || options == "deadline now" && !is.Deadline.Equal(testTime) && !is.Deadline.Before(testTime) {
			t.Fatalf("%q (%s) led from %+v to %+v", r.Command, r.Text, e.Effective, is)
		}
	}
}

func TestExplainTellsExclusionClosureAndZone(t *testing.T) {
	s := newTest(t)
	n := forest(t, s, 1, 2)[0]
	id := func(u uint32) model.UpdateID { return s.Snapshot().Row(u).ID }
	make1 := func(c model.Change) { t.Helper(); must1(s.Make(t.Context(), c, admin))(t) }
	make1(model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: "g3"}, Computers: []uint32{n}})
	make1(model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: []model.GroupAction{{Group: "g1", Action: model.ActionInstall}}})
	must1(s.Record(t.Context(), Report{
		Computer: model.Computer{ID: "ca", Name: "ca", Platform: model.PlatformLinux, Zone: "Asia/Tokyo", Contacted: testTime, Reported: testTime},
		Status:   &model.Status{Reported: testTime, Evaluated: 2, Needed: []uint32{1, 2}, Closures: []model.Closure{{Update: id(1), Needs: []model.UpdateID{id(2)}}}},
	}))(t)
	says := func(want ...string) {
		t.Helper()
		x := s.Snapshot().Explain(n, 1, testTime)
		var text strings.Builder
		for _, p := range x.Parts() {
			text.WriteString(strings.Join(p.Lines, "\n") + "\n")
		}
		for _, w := range want {
			if !strings.Contains(text.String(), w) {
				t.Errorf("%q is not said in\n%s", w, text.String())
			}
		}
	}
	says("Install for Servers", "by alice", "it waits for "+string(id(2)), "fettle approve "+string(id(2)))
	make1(model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: []model.GroupAction{{Group: "g1", Action: model.ActionInstall}}})
	says("at 2026-11-23 03:00 JST", "last contact was at 2026-11-22 16:00 JST")
	make1(model.Change{Kind: model.ChangeExclude, Group: &model.Group{ID: "g3"}, Computers: []uint32{n}})
	says("does not reach it, because the computer is excluded from Web, a subgroup of Servers", "Not Approved by default", "fettle group include Web ca")
	if x := s.Snapshot().Explain(n, 99, testTime); x.Update != "" {
		t.Errorf("an update that does not exist was explained: %+v", x)
	}
}
