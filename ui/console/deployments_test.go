package console

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
	"fettle/store"
)

// deployed approves the fixture's updates for All Computers by a deadline that
// has passed.
func deployed(t *testing.T, s *store.Store) {
	t.Helper()
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Name: "November", Updates: []uint32{1, 4, 7},
		Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime.Add(-time.Hour)}}}, admin))
}

// A deployment shows how far it is with bars, what failed and what that means,
// and leads to the update and to the computer.
func TestDeploymentSaysWhatFailuresMean(t *testing.T) {
	d, s := site(t)
	deployed(t, s)
	d.refresh()
	d.press("5").sees("November", "OVERDUE", "[=F", "12 % of 8", "Unknown")
	d.press("enter").sees("Overdue", "installations are open", "PROGRESS", "[===FF", "w shows what keeps them")
	d.press("/").write("it means").press("enter").sees("it means: apt-get met an error", "what helps: look into", "apt-100")
	d.press("esc", "end", "shift+tab", "enter").sees("It has never reported its status").press("esc")
	d.press("home", "tab", "enter").press("a").sees("Approve").press("esc", "esc")
	// What computers report appears while it is looked at.
	before := s.Snapshot().Progress(1, testTime).Total
	c := *s.Snapshot().ComputerByName("db1.example.org")
	c.Contacted, c.Reported = testTime, testTime
	must[uint32](t)(s.Record(t.Context(), store.Report{Computer: c, Status: &model.Status{Reported: testTime, Evaluated: s.Snapshot().LastUpdate(), Installed: []uint32{1, 2, 3, 4}}}))
	d.refresh()
	if after := s.Snapshot().Progress(1, testTime).Total; after.Installed <= before.Installed {
		t.Fatalf("nothing was installed: %+v, %+v", before, after)
	}
	d.press("home").sees("[=", "installed (2 of")
}

// What is costly to compute follows every change on a small store, and says that
// something changed on a large one.
func TestAgendaAndCleanupSayThatTheyAreOld(t *testing.T) {
	d, s := site(t)
	d.press("w").sees("NOTHING IS FORETOLD")
	deployed(t, s)
	d.refresh()
	d.sees("OVERDUE SINCE").seesNot("changed")
	d.press("X").sees("Would do").seesNot("changed")
	d.refresh()
	d.seesNot("changed")

	s = newStore(t)
	setUp(t, s)
	fill(t, s, smallCatalogue)
	d = drive(t, s, 80, 24)
	for _, key := range []string{"w", "X"} {
		d.press(key).seesNot("changed: r shows it")
		d.refresh()
		d.seesNot("changed: r shows it") // nothing did
		deployed(t, s)
		d.refresh()
		d.sees("changed: r shows it")
		d.press("r").seesNot("changed: r shows it")
	}
}

// A bar is as wide as asked for, whatever the shares are: what is there at all is
// seen, however little it is.
func TestPropertyBarsHold(t *testing.T) {
	d, _ := site(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := func(name string) int { return rapid.IntRange(0, 1000).Draw(rt, name) }
		p := store.Pairs{Installed: n("installed"), Pending: n("pending"), Failed: n("failed"), Waiting: n("waiting")}
		p.Applicable = p.Installed + p.Pending + p.Failed + p.Waiting
		w := rapid.IntRange(4, 40).Draw(rt, "width")
		bar := d.c.pairsBar(p, w)
		if len(bar) != w+2 {
			rt.Fatalf("the bar %q is %d wide, not %d", bar, len(bar), w+2)
		}
		for mark, n := range map[string]int{"=": p.Installed, "r": p.Pending, "F": p.Failed} {
			if n > 0 != strings.Contains(bar, mark) {
				rt.Fatalf("the bar %q of %+v", bar, p)
			}
		}
	})
}
