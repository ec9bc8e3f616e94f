package model

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func testTree(t testing.TB) *GroupTree {
	t.Helper()
	groups := append(PredefinedGroups(),
		Group{ID: "g1", Name: "Desktops", Parent: GroupAll}, Group{ID: "g2", Name: "Servers", Parent: GroupAll},
		Group{ID: "g3", Name: "Lab", Parent: "g1"}, Group{ID: "g4", Name: "Canary", Parent: "g3"}, Group{ID: "g5", Name: "Web", Parent: "g2"})
	tree, err := NewGroupTree(groups)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestResolveApproval(t *testing.T) {
	tree := testTree(t)
	day := func(d int) time.Time { return time.Date(2026, 12, d, 0, 0, 0, 0, time.UTC) }
	a := func(g GroupID, act Action, deadline ...time.Time) Approval {
		ap := Approval{Group: g, Action: act}
		if len(deadline) > 0 {
			ap.Deadline = deadline[0]
		}
		return ap
	}
	for _, tt := range []struct {
		name     string
		declined bool
		in       []Approval
		want     Approval
		step     Step
	}{
		{"nothing is not approved", false, nil, Approval{Action: ActionNotApproved}, StepNone},
		{"inherit alone is nothing", false, []Approval{a("g1", ActionInherit)}, Approval{Action: ActionNotApproved}, StepNone},
		{"one", false, []Approval{a(GroupAll, ActionInstall)}, a(GroupAll, ActionInstall), StepOnly},
		{"deeper wins", false, []Approval{a("g2", ActionInstall, day(1)), a("g3", ActionUninstall)}, a("g3", ActionUninstall), StepDepth},
		{"deep not approved beats shallow install", false, []Approval{a(GroupAll, ActionInstall), a("g4", ActionNotApproved)}, a("g4", ActionNotApproved), StepDepth},
		{"depth only: branches are equal", false, []Approval{a("g3", ActionNotApproved), a("g2", ActionInstall)}, a("g3", ActionNotApproved), StepDepth},
		{"install beats uninstall", false, []Approval{a("g1", ActionUninstall), a("g2", ActionInstall)}, a("g2", ActionInstall), StepAction},
		{"install beats not approved at equal depth", false, []Approval{a("g1", ActionNotApproved), a("g2", ActionInstall)}, a("g2", ActionInstall), StepAction},
		{"earlier deadline wins", false, []Approval{a("g1", ActionInstall, day(9)), a("g2", ActionInstall, day(2))}, a("g2", ActionInstall, day(2)), StepDeadline},
		{"a deadline beats none", false, []Approval{a("g1", ActionInstall), a("g2", ActionInstall, day(9))}, a("g2", ActionInstall, day(9)), StepDeadline},
		{"same", false, []Approval{a("g2", ActionInstall), a("g1", ActionInstall)}, a("g1", ActionInstall), StepSame},
		{"decline beats all", true, []Approval{a("g4", ActionInstall, day(1))}, Approval{Action: ActionNotApproved}, StepDeclined},
	} {
		got := ResolveApproval(tree, tt.declined, tt.in)
		if got.Approval != tt.want || got.Step != tt.step {
			t.Errorf("%s: got %+v by step %d, want %+v by %d", tt.name, got.Approval, got.Step, tt.want, tt.step)
		}
	}
}

// slowApproval is semantics 3.3 written down word by word.
func slowApproval(tree *GroupTree, declined bool, in []Approval) Approval {
	none := Approval{Action: ActionNotApproved}
	if declined {
		return none
	}
	var live []Approval
	for _, a := range in {
		if a.Action != ActionInherit {
			live = append(live, a)
		}
	}
	if len(live) == 0 {
		return none
	}
	keep := func(ok func(Approval) bool) bool {
		var rest []Approval
		for _, a := range live {
			if ok(a) {
				rest = append(rest, a)
			}
		}
		if len(rest) > 0 {
			live = rest
		}
		return len(rest) > 0
	}
	deepest := 0
	for _, a := range live {
		deepest = max(deepest, tree.Depth(a.Group))
	}
	keep(func(a Approval) bool { return tree.Depth(a.Group) == deepest })
	if !keep(func(a Approval) bool { return a.Action == ActionInstall }) {
		keep(func(a Approval) bool { return a.Action == ActionUninstall })
	}
	best := live[0]
	for _, a := range live[1:] {
		if !a.Deadline.IsZero() && (best.Deadline.IsZero() || a.Deadline.Before(best.Deadline)) ||
			a.Deadline.Equal(best.Deadline) && a.Group < best.Group {
			best = a
		}
	}
	return best
}

func TestResolveApprovalEqualsTheSlowRule(t *testing.T) {
	tree := testTree(t)
	rapid.Check(t, func(rt *rapid.T) {
		var in []Approval
		for _, g := range tree.Order() {
			if rapid.Bool().Draw(rt, "has") {
				a := Approval{Group: g, Action: Action(rapid.IntRange(0, 3).Draw(rt, "action"))}
				if d := rapid.IntRange(0, 3).Draw(rt, "deadline"); d > 0 {
					a.Deadline = time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC)
				}
				in = append(in, a)
			}
		}
		rand.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
		declined := rapid.Bool().Draw(rt, "declined")
		got := ResolveApproval(tree, declined, in)
		if want := slowApproval(tree, declined, in); got.Approval != want {
			rt.Fatalf("got %+v, want %+v of %+v", got.Approval, want, in)
		}
		if declined && got.Approved() {
			rt.Fatal("a declined update is approved")
		}
	})
}

func TestGroupTreeRefusesWhatIsNoTree(t *testing.T) {
	for name, groups := range map[string][]Group{
		"missing parent": {{ID: GroupAll}, {ID: "g1", Parent: "g9"}},
		"cycle":          {{ID: GroupAll}, {ID: "g1", Parent: "g2"}, {ID: "g2", Parent: "g1"}},
		"twice":          {{ID: GroupAll}, {ID: "g1", Parent: GroupAll}, {ID: "g1", Parent: GroupAll}},
		"no root":        {{ID: "g1", Parent: "g2"}, {ID: "g2", Parent: "g1"}},
	} {
		if _, err := NewGroupTree(groups); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	tree := testTree(t)
	if got := fmt.Sprint(tree.Path("g4")); got != "[All Computers Desktops Lab Canary]" {
		t.Errorf("path %s", got)
	}
}
