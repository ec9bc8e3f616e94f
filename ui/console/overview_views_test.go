package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
)

func init() {
	ways = append(ways, way{"overview-zoom", []string{"1", "z"}}, way{"overview-computers", []string{"1", "tab", "z"}}, way{"overview-groups", []string{"1", "tab", "tab", "tab", "z"}}, way{"overview-trend", []string{"1", "shift+tab", "shift+tab", "z"}})
}

// Every number of the views is what the list that Enter opens shows, whatever
// was reported and decided.
func TestViewsCountWhatTheyOpen(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 8)
	last := s.Snapshot().LastUpdate()
	rapid.Check(t, func(rt *rapid.T) {
		for i := range 3 {
			st := &model.Status{Reported: testTime, Evaluated: last}
			for u := uint32(1); u <= last; u++ {
				switch rapid.IntRange(0, 5).Draw(rt, "state") {
				case 0:
					st.Needed = append(st.Needed, u)
				case 1:
					st.Failed = append(st.Failed, u)
				}
			}
			must[uint32](t)(s.Record(t.Context(), store.Report{Computer: model.Computer{ID: model.ComputerID(fmt.Sprint("id-", i)), Name: fmt.Sprint("c", i), Contacted: testTime, Reported: testTime}, Status: st}))
		}
		u := uint32(rapid.IntRange(1, int(last)).Draw(rt, "update"))
		c := model.Change{Updates: []uint32{u}, Kind: rapid.SampledFrom([]model.ChangeKind{model.ChangeApprove, model.ChangeDecline, model.ChangeReinstate}).Draw(rt, "change")}
		if c.Kind == model.ChangeApprove {
			c.Groups = []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}
		}
		_, _ = s.Make(t.Context(), c, admin) // what is declined already is refused
		snap := s.Snapshot()
		shows := func(filter string) []*model.UpdateRow {
			q, err := query.ParseUpdates(filter)
			if err != nil {
				rt.Fatalf("%s: %v", filter, err)
			}
			rows, err := q.Filter(t.Context(), snap, snap.Updates(), testTime)
			if err != nil {
				rt.Fatal(err)
			}
			return rows
		}
		for _, v := range countViews(t.Context(), snap, testTime) {
			if n := len(shows(v.filter)); n != v.updates {
				rt.Fatalf("%s has %d updates, its list %d", v.title, v.updates, n)
			}
			rows, needed, failed := shows(v.open()), 0, 0
			for _, r := range rows {
				counts := snap.Counts(r.Number, model.GroupAll)
				if counts.Needed > 0 {
					needed++
				}
				if counts.Failed > 0 {
					failed++
				}
			}
			if needed != v.needed || failed != v.failed || v.counted > 0 && len(rows) != v.counted {
				rt.Fatalf("%s says %d needed, %d failed, %d in all; %q shows %d, %d of %d", v.title, v.needed, v.failed, v.counted, v.open(), needed, failed, len(rows))
			}
		}
	})
}

// Each kind of notice leads to a screen that shows what it counts, and the key
// that it names can be used there.
func TestEveryNoticeLeadsToItsRemedy(t *testing.T) {
	s := openStore(t, store.Options{Dir: t.TempDir(), Free: func(string) (uint64, error) { return 500 << 20, nil }})
	closes(t, s)
	setUp(t, s)
	fill(t, s, 20)
	ctx := t.Context()
	record := func(i int, change func(*model.Computer)) {
		t.Helper()
		c := model.Computer{ID: model.ComputerID(fmt.Sprint("more-", i)), Name: fmt.Sprint("more", i), Contacted: testTime, Reported: testTime}
		change(&c)
		r := store.Report{Computer: c}
		if !c.Reported.IsZero() {
			r.Status = &model.Status{Reported: c.Reported, Evaluated: 12}
		}
		must[uint32](t)(s.Record(ctx, r))
	}
	record(0, func(c *model.Computer) { c.Contacted = testTime.AddDate(0, 0, -40); c.Reported = c.Contacted })
	record(1, func(c *model.Computer) { c.Admission = model.Waiting })
	record(2, func(c *model.Computer) { c.Policy.Mode = model.ModeDisabled; c.Foreign = []string{"vim"} })
	record(3, func(c *model.Computer) { c.Scan.Error = "apt is broken" })
	past := []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime.AddDate(0, 0, -1)}}
	must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: []uint32{3}, Groups: past}, admin))
	must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeDecline, Updates: []uint32{4}}, admin))
	id := must[uint64](t)(s.BeginRun(ctx, model.SyncRun{Upstream: "debian", Started: testTime}))
	if err := s.EndRun(ctx, model.SyncRun{ID: id, Upstream: "debian", Started: testTime, Ended: testTime, Result: model.SyncFailed, Error: "the archive did not answer"}); err != nil {
		t.Fatal(err)
	}
	d := drive(t, s, 100, 40)
	notices := s.Snapshot().Notices(testTime)
	var kinds []string
	for i, n := range notices {
		kinds = append(kinds, n.Kind)
		d.press("1", "home", "z")
		for range i {
			d.press("down")
		}
		if l := d.cursorLine(); !strings.Contains(l, n.Text[:20]) {
			t.Fatalf("the cursor is on %q, not on %q", l, n.Text)
		}
		d.press("enter").seesNot("Updates Overview")
		if n.Rows > 0 {
			d.sees(fmt.Sprintf("%d of ", n.Rows), n.Filter[:min(20, len(n.Filter))])
		}
		r, ok := remedies[n.Kind]
		if !ok {
			t.Errorf("nothing is said of the remedy of %s", n.Kind)
		}
		if r.act == "" {
			continue
		}
		b := d.c.remedyBinding(n)
		if !slices.ContainsFunc(keys.Chain(d.c.top().Keys().Scope), b.In) {
			t.Errorf("%s names %s, which is no key of %s", n.Kind, b.Action, d.c.top().Title())
		} else if why := d.c.off(b, d.c.top().Keys()); why != "" {
			t.Errorf("%s names %s, which cannot be used: %s", n.Kind, b.Action, why)
		}
		d.press("esc", "1").press("esc")
	}
	for _, want := range []string{"sync-failed", "failed", "scan-failed", "overdue", "stale", "never-reported", "waiting", "disabled", "restart", "foreign", "security", "wrong-declines", "space"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("there is no notice %s: %v", want, kinds)
		}
	}
}

// The keys of a remedy are those that are bound.
func TestNoticesNameReboundKeys(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24, func(o *Options) { o.Keys = map[string][]string{"approve": {"!"}, "triage": {"&"}} })
	d.sees("Enter, ! approve").press("down").sees("then ! approves").sees("&")
}

// Tab goes round, Up and Down stay within a pane, z shows it alone and Esc goes
// back to where the page was.
func TestPanesAreFocusedAndZoomed(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24)
	d.sees("[Notices] 4").press("down", "down", "down", "down", "down").sees("[Notices]")
	if l := d.cursorLine(); !strings.Contains(l, "restart") {
		t.Errorf("the cursor left its pane: %q", l)
	}
	d.press("tab").sees("[Computers]").press("tab").sees("[Updates]").press("down", "down", "down")
	if l := d.cursorLine(); !strings.Contains(l, "Definition Updates") {
		t.Errorf("the cursor is on %q", l)
	}
	d.press("z").sees("Updates Overview > Updates", "all  needed  failed", "4 updates are to be decided").seesNot("Notices", "Deployments")
	d.press("tab").sees("Updates Overview > Groups", "compliant", "Web servers").press("esc").sees("[Groups]", "Notices").seesNot("compliant")
	d.press("shift+tab", "shift+tab", "z").sees("Updates Overview > Computers", "never reported").press("down", "enter").sees("status:failed", "1 of 5")
	d.press("1", "z").sees("[Computers]", "Synchronization")
	for range 8 {
		d.press("tab")
	}
	d.sees("[Computers]").press("shift+tab", "shift+tab").sees("[Reports]", "Update status summary")
	d.press("end").press("enter").sees("Updates Overview > Reports") // what there is no room for is in the zoom
	d.resize(60, 15)
	d.sees("Reports").press("end", "pgup", "home").resize(120, 40)
}

// What is to be decided is one key away.
func TestOverviewLeadsToTriage(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24)
	d.press("tab", "tab").sees("4 updates are to be decided", "Enter goes through them, the worst first; T does so from anywhere")
	d.press("enter").sees("Triage")
	d.press("1").press("T").sees("Triage")
}

// A live refresh moves neither the focus nor the page: it follows what it is on.
func TestOverviewStaysWhereItIs(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24)
	d.press("down", "down", "down")
	before := d.cursorLine()
	if !strings.Contains(before, "restart") {
		t.Fatalf("the cursor is on %q", before)
	}
	must[uint32](t)(s.Record(t.Context(), store.Report{Computer: model.Computer{ID: "new", Name: "new", Contacted: testTime.AddDate(0, 0, -50), Reported: testTime.AddDate(0, 0, -50)}, Status: &model.Status{Reported: testTime.AddDate(0, 0, -50), Evaluated: 12}}))
	d.refresh()
	d.sees("1 computer has not made contact")
	if after := d.cursorLine(); after != before {
		t.Errorf("the focus went from %q to %q", before, after)
	}
	// Far down on the page it keeps its line of the screen, too.
	d.press("tab", "tab", "tab", "tab", "tab")
	before = d.cursorLine()
	at := slices.Index(strings.Split(d.screen(), "\n"), before)
	must[uint32](t)(s.Record(t.Context(), store.Report{Computer: model.Computer{ID: "broken", Name: "broken", Contacted: testTime, Reported: testTime, Scan: model.ScanResult{Error: "no apt"}}, Status: &model.Status{Reported: testTime, Evaluated: 12}}))
	d.refresh()
	if after := d.cursorLine(); after != before || d.c.top().(*overview).top > 0 && slices.Index(strings.Split(d.screen(), "\n"), after) != at {
		t.Errorf("the focus went from %q to %q:\n%s", before, after, d.screen())
	}
}

// The trend is drawn of the days that were counted, with gaps for those that
// were not.
func TestTrendIsDrawn(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 120, 40)
	d.sees("now 3 on 3 computers", "from tomorrow on")
	for ago := 50; ago > 0; ago-- {
		if ago > 20 && ago < 30 {
			continue // no process ran
		}
		st := &model.Status{Reported: testTime, Evaluated: 12}
		if ago%2 == 0 {
			st.Needed = []uint32{1, 4}
		}
		must[uint32](t)(s.Record(t.Context(), store.Report{Computer: model.Computer{ID: "id-2", Name: "db1.example.org", Contacted: testTime, Reported: testTime}, Status: st}))
		if err := s.RecordDay(t.Context(), testTime.AddDate(0, 0, -ago)); err != nil {
			t.Fatal(err)
		}
	}
	d.press("r").sees("3 on 10-23", "└", "2026-09-27", "┄┄┄┄").golden("120x40/overview-trend")
	d.resize(80, 24)
	d.press("shift+tab", "shift+tab", "z").sees("Security updates that any computer needs", "Computers that need one of them (of 5 managed now)").golden("80x24/overview-trend")
	d.press("enter").sees("class:security (needed:>0 or failed:>0)", "3 of 12")
	a := drive(t, s, 80, 24, func(o *Options) { o.ASCII = true })
	a.press("shift+tab", "shift+tab", "z").golden("80x24/overview-trend-ascii")
}

// Moving the focus sends a few lines, not the screen (terminal section 3.2).
func TestMovingTheFocusChangesFewLines(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24)
	for _, key := range []string{"down", "down", "tab", "tab", "down", "down", "tab", "down"} {
		before := strings.Split(d.c.View(), "\n")
		d.press(key)
		bytes := 0
		for i, l := range strings.Split(d.c.View(), "\n") {
			if l != before[i] {
				bytes += len(l)
			}
		}
		if bytes > 600 {
			t.Errorf("%s sends %d bytes", key, bytes)
		}
	}
}

// A synchronization shows how far it is and the key that cancels it; deployments
// have bars, those in progress first.
func TestOverviewShowsWhatRuns(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	approve := func(update uint32) {
		must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{update}, Groups: []model.GroupAction{{Group: s.Snapshot().Groups().ByName("Web servers").ID, Action: model.ActionInstall}}}, admin))
	}
	approve(3)
	approve(2) // everywhere installed already
	d := drive(t, s, 120, 40)
	d.sees("1 in progress", "tzdata", "50 % of 2").seesNot("linux: Linux kernel")
	d.engine.set(Job{ID: 7, Kind: "synchronization", Name: "Synchronization of debian", Started: testTime, Progress: model.Progress{Phase: "reading", Done: 1200, Total: 4800}})
	d.refresh()
	d.sees("Synchronization of debian: reading", "x cancels")
	d.press("x")
	if !slices.Contains(d.engine.calls, "cancel 7") {
		t.Errorf("calls: %v", d.engine.calls)
	}
	d.press("tab", "tab", "tab", "tab", "z").sees("linux: Linux kernel", "made 07:00 by alice", "100 %")
}

// While computers check in all the time an answer comes nevertheless: what
// arrives while it is made is looked at after it.
func TestOverviewIsNotStarved(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24)
	o := d.c.top().(*overview)
	first := o.load()
	if cmd := o.Update(changed{}); cmd != nil || !o.again {
		t.Fatal("a change began another reading")
	}
	d.run(first)
	if o.again || o.request.pending {
		t.Error("the change was not looked at afterwards")
	}
}

// Queries that cannot be asked are not counted, and not a fault.
func TestCountingEnds(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the screen was left"))
	if n := len(countViews(ctx, s.Snapshot(), time.Now())); n != len(updateViews) {
		t.Errorf("%d views", n)
	}
}
