package console

import (
	"strings"
	"testing"

	"fettle/model"
)

func init() {
	ways = append(ways, []way{
		{"groups-members", []string{"4", "end", "tab"}}, {"group-full", []string{"4", "end", "enter"}}, {"group-approvals", []string{"4", "A"}}, {"group-formula", []string{"4", "end", "o", "n", "a", "m", "e", ":", "w", "*"}},
		{"group-add", []string{"4", "a", "N", "tab", "n", "a", "m", "e", ":", "w", "*"}},
	}...)
}

// The computers of the group under the cursor stand beside the tree, or below
// it, and Tab goes to them.
func TestGroupsShowTheirComputersBeside(t *testing.T) {
	d, _ := site(t)
	d.press("4").sees("All Computers", "Tab goes to them", "desk-漢字")
	d.press("end").sees("Web servers · 2 computers", "web1.example.org", "by hand").seesNot("db1.example.org")
	d.press("tab").sees("Tab goes to the groups", "2 computers")
	if l := d.cursorLine(); !strings.Contains(l, "web1.example.org") {
		t.Errorf("the cursor is on %q", l)
	}
	d.press("down", "enter").sees("web2.example.org").press("esc").sees("Tab goes to the groups")
	d.press("space", "x").sees("Exclude web2.example.org from Web servers").press("y").sees("EXCLUDED", "1 computer")
	d.press("i", "esc") // the plan of ending it is left
	d.press("esc")
	if l := d.cursorLine(); !strings.Contains(l, "Web servers") {
		t.Errorf("Esc leaves the computers, the cursor is on %q", l)
	}
	for _, size := range [][2]int{{60, 15}, {60, 20}, {120, 40}, {99, 18}, {80, 24}} {
		d.resize(size[0], size[1])
		d.press("tab", "tab")
		d.sees("Web servers")
	}
	d.resize(60, 15)
	d.press("tab").sees("web1.example.org").seesNot("All Servers")
}

// While a formula is written, how many computers it matches is shown, and who
// they are.
func TestFormulaWithLiveCount(t *testing.T) {
	d, s := site(t)
	d.press("4", "end", "o").write("name:web").press("*").sees("matches 2 of 5 computers: web1.example.org")
	d.write(" or name:db*").sees("matches 3 of 5 computers")
	d.write(" (").press("backspace", "backspace", "enter").sees("The formula name:web* or name:db* matches 3 of 5 computers", "1 computer changes groups")
	d.press("y").sees("Done, u takes it back").sees("Web servers · 3 computers")
	d.press("u", "y").sees("Web servers · 2 computers")
	// In the form of a new group, too.
	d.press("a").write("Databases").press("tab").write("name:db*").sees("matches 1 of 5 computers: db1.example.org")
	d.press("enter", "enter", "y").sees("Databases")
	if g := s.Snapshot().Groups().ByName("Databases"); g == nil || s.Snapshot().Members(g.ID).GetCardinality() != 1 {
		t.Error("the group was not added")
	}
}

// A group shows what is approved for it, by itself and by the groups above.
func TestGroupShowsItsApprovals(t *testing.T) {
	d, s := site(t)
	web := s.Snapshot().Groups().ByName("Web servers").ID
	for _, c := range []model.Change{
		{Kind: model.ChangeApprove, Updates: []uint32{1, 3}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}},
		{Kind: model.ChangeApprove, Updates: []uint32{3}, Groups: []model.GroupAction{{Group: web, Action: model.ActionNotApproved}}},
		{Kind: model.ChangeApprove, Updates: []uint32{7}, Groups: []model.GroupAction{{Group: web, Action: model.ActionInstall, Deadline: testTime.AddDate(0, 0, -1)}}},
	} {
		must[model.Entry](t)(s.Make(t.Context(), c, admin))
	}
	d.refresh()
	d.press("4", "end", "enter").sees("approvals: 1 of its own, 1 inherited, Not Approved 1", "policy (All Computers)", "(0 % ok)")
	d.press("A").sees("2 approvals of its own, 1 inherited", "its own", "All Computers", "passed", "Not Approved")
	d.press("end").press("enter").sees("openssl")
}

// Groups are added, renamed, moved and removed, computers join, leave and move,
// and each is taken back.
func TestGroupsAreTriedOneAfterTheOther(t *testing.T) {
	d, s := site(t)
	group := func(name string) *model.Group { return s.Snapshot().Groups().ByName(name) }
	d.press("4", "a").write("Sites").press("enter", "enter").sees("Add group Sites").press("y").sees("Sites")
	d.press("end", "n").press("ctrl+u").write("Web").press("enter").sees("Rename group Web servers to Web").press("y")
	if group("Web") == nil {
		t.Fatalf("it was not renamed:\n%s", d.screen())
	}
	d.press("m").sees("Move Web below", "Sites").press("end", "down", "down", "enter").sees("Move group Web").press("y")
	if g := group("Web"); g.Parent != group("Sites").ID {
		t.Errorf("it stands below %s", g.Parent)
	}
	d.press("u", "y")
	if g := group("Web"); g.Parent != model.GroupAll {
		t.Errorf("undo left it below %s", g.Parent)
	}
	d.press("end", "tab").press("m").sees("Move web1.example.org from Web to", "Sites").press("enter", "y")
	if len(group("Sites").Members) != 1 || len(group("Web").Members) != 1 {
		t.Errorf("the groups hold %v and %v", group("Sites").Members, group("Web").Members)
	}
	d.press("esc", "d").sees("Remove group Web", "[>Cancel<]").press("y")
	if group("Web") != nil {
		t.Error("it was not removed")
	}
	d.press("u", "y")
	if group("Web") == nil {
		t.Error("undo did not bring it back")
	}
}
