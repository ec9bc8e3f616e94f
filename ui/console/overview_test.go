package console

import (
	"path/filepath"
	"strings"
	"testing"

	"fettle/model"
)

// The computers of the Overview are counted over one of two bases, which is
// named, and the choice is kept (semantics 3.6).
func TestBaseIsSwitched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.json")
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	keep := func(o *Options) { o.StatePath = path }
	d := drive(t, s, 80, 24, keep)
	d.sees("4 of 5 known", "no status, because: never reported 1", "of all updates", "failed 1 · needed 2 · no status 1 · ok 1", "Groups  all updates")
	d.press("b").sees("of 0 approved updates", "no status 1 · ok 4", "Groups  approved ones")
	// Of tzdata, Web servers have one that needs it and one that has it.
	web := s.Snapshot().Groups().ByName("Web servers").ID
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{3}, Groups: []model.GroupAction{{Group: web, Action: model.ActionInstall}}}, admin))
	d.refresh()
	d.sees("4 of 5 known", "no status, because: never reported 1", "of 1 approved update", "needed 1 · no status 1 · ok 3").seesNot("of all updates")
	d.golden("80x24/overview-approved")
	d.press("q")
	d = drive(t, s, 80, 24, keep)
	d.sees("of 1 approved update", "Groups  approved ones").press("b").sees("of all updates", "failed 1 · needed 2 · no status 1 · ok 1", "Groups  all updates")
	d.press("2", "1").sees("of all updates")
}

// Before anything is counted there is nothing to switch.
func TestBaseWithoutComputers(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	d := drive(t, s, 80, 24)
	d.press("b").sees("no computer is counted yet", "nothing known yet")
}

// A deadline that has passed is overdue where the update is still wanted, and
// only there.
func TestPastDeadlineByComputer(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{3},
		Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime.AddDate(0, 0, -2)}}}, admin))
	d := drive(t, s, 100, 24)
	d.press("2", "/", "ctrl+u").write("tzdata").press("enter", "e")
	for name, want := range map[string]string{"web1.example.org": "overdue", "web2.example.org": "2026-11-20"} {
		d.sees(name)
		for l := range strings.SplitSeq(d.c.View(), "\n") {
			if strings.Contains(l, name) && !strings.Contains(l, want) {
				t.Errorf("%s does not show %q: %q", name, want, l)
			}
		}
	}
}
