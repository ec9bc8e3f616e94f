package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
)

func init() {
	ways = append(ways, way{"approve-children", []string{"2", "a", "i", "t", "c", "down"}}, way{"approve-find", []string{"2", "a", "/", "w", "e", "b", "enter", "i"}}, way{"approve-name", []string{"2", "a", "i", "N", "W", "4", "8"}})
}

// many makes groups: n with as many below each.
func many(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: fmt.Sprintf("Site %02d", i), Parent: model.GroupAll}}, admin))
		g := s.Snapshot().Groups().ByName(fmt.Sprintf("Site %02d", i))
		for j := range n {
			must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: fmt.Sprintf("Room %02d.%02d", i, j), Parent: g.ID}}, admin))
		}
	}
}

// TestApproveShowsWhatIsInherited says of groups without an approval of their
// own what they get from above, what is being chosen included.
func TestApproveShowsWhatIsInherited(t *testing.T) {
	d, s := site(t)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime.Add(9 * 24 * time.Hour)}}}, admin))
	d.refresh()
	d.press("/", "ctrl+u").write("package:openssl").press("enter", "a")
	d.sees("keep Install by 2026-12-01", "Same as Parent: Install by 2026-12-01", "its own approval is kept: Install by 2026-12-01")
	d.press("G").sees("Web servers: has no approval of its own, and gets what is above: Install by", "2026-12-01, from All Computers.")
	d.press("home", "n").sees("All Computers has no group above")
	d.press("p").sees("= no approval").press("G").sees("gets what is above: Not")
}

// TestApproveAppliesToChildren puts one setting on everything below, with a name
// and a remark.
func TestApproveAppliesToChildren(t *testing.T) {
	d, s := site(t)
	d.press("a", "c").sees("nothing is set here")
	d.press("i", "t", "t", "c").sees("put on 4 groups below", "5 set")
	d.press("G", "x").sees("4 set")
	d.press("N").write("Week 48; change 4711").press("enter").sees("Name: Week 48; Remark: change 4711")
	d.press("enter").sees("Preview", "Install: All Servers").press("y")
	dep := s.Snapshot().Deployments()[0]
	if len(dep.Groups) != 4 || dep.Name != "Week 48" || dep.Remark != "change 4711" {
		t.Errorf("the deployment is %+v", dep)
	}
}

// TestApproveWithManyGroups begins folded, finds groups by a part of their
// names, and keeps what was set.
func TestApproveWithManyGroups(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	many(t, s, 7)
	d := drive(t, s, 60, 15)
	d.press("2", "a").sees("Site 00 ▸7").seesNot("Room")
	for !strings.Contains(d.cursorLine(), "Site 02") {
		d.press("down")
	}
	d.press("f", "down").sees("> ", "Room 02.00").press("i", "up", "f").seesNot("Room 02").sees("1 set")
	d.press("/").write("05.03").press("enter").sees("1 of 6", "Site 05 > Room").press("i").sees("2 set")
	d.press("esc").sees("> ").press("enter").sees("Preview", "Room 02.00", "Room 05.03")
	d.press("esc").press("/").write("nosuch").press("enter").sees("No group has nosuch").press("esc").sees("Site 00")
	d.press("esc").sees("[2 Updates]", "Filter:")
}

// TestApproveOfAGroupThatVanishes keeps the rest.
func TestApproveOfAGroupThatVanishes(t *testing.T) {
	d, s := site(t)
	d.press("a", "G", "i")
	g := s.Snapshot().Groups().ByName("Web servers")
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: g.ID}}, admin))
	d.refresh()
	d.sees("nothing set", "> ").seesNot("Web servers")
}
