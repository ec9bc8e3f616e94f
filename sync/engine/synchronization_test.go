package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"fettle/model"
	"fettle/store"
)

func TestSynchronization(t *testing.T) {
	b := newBench(t)
	a1, b1, c1 := packageOf("aa", "1"), packageOf("bb", "1"), packageOf("cc", "1")
	b.archive.set([]*model.Update{a1}, []*model.Update{b1, c1})
	b.archive.remarks = []string{"the lists are 3 days old", "the lists are 3 days old", "with \x1b[31mcolour"}
	b.archive.fail = []model.ImportFailure{{Item: "bad\x1b[2J", Reason: "its version is not one"}}
	run := b.mustSync()
	if run.Result != model.SyncSucceeded || !run.Initial || !run.Manual || run.Actor.Who != "alice" || run.Read != 200 || !run.Ended.Equal(start) {
		t.Errorf("the run: %+v", run)
	}
	if !slices.Equal(run.New, b.numbers(a1, b1, c1)) || len(run.Revised)+len(run.Withdrawn)+len(run.Expired) != 0 {
		t.Errorf("new %v, revised %v", run.New, run.Revised)
	}
	if !slices.Equal(run.Remarks, []string{"the lists are 3 days old", "with colour"}) || len(run.Failures) != 1 || run.Failures[0].Item != "bad" {
		t.Errorf("remarks %q, failures %+v", run.Remarks, run.Failures)
	}
	if r := b.store.Snapshot().RowByID(a1.ID); r.Upstream != "debian" {
		t.Errorf("the upstream is %q", r.Upstream)
	}
	if s := b.Jobs()[0]; s.Result != "3 new, 1 not imported" || s.Name != "Synchronization of debian" {
		t.Errorf("the job: %+v", s)
	}

	// Unchanged, by the anchor and without it: nothing but the run's record.
	for _, all := range []bool{false, true} {
		b.archive.all = all
		seq := b.store.Snapshot().Seq()
		run = b.mustSync()
		if n := b.store.Snapshot().Seq() - seq; n != 2 {
			t.Errorf("an unchanged archive wrote %d times, want the beginning and the end of the run", n)
		}
		if run.Initial || changed(run) || b.Jobs()[0].Result != "nothing changed, 1 not imported" {
			t.Errorf("the run: %+v", run)
		}
	}

	// Changed: one new, one revised, one expired, one withdrawn.
	a2 := packageOf("aa", "2")
	b.archive.set([]*model.Update{a1, a2}, []*model.Update{b1})
	b1.Title = "bb 1, better"
	a1.Publication = model.Expired
	run = b.mustSync()
	if !slices.Equal(run.New, b.numbers(a2)) || !slices.Equal(run.Revised, b.numbers(b1)) || !slices.Equal(run.Expired, b.numbers(a1)) || !slices.Equal(run.Withdrawn, b.numbers(c1)) {
		t.Errorf("new %v, revised %v, expired %v, withdrawn %v", run.New, run.Revised, run.Expired, run.Withdrawn)
	}
	if r := b.store.Snapshot().RowByID(c1.ID); !r.Has(model.FlagWithdrawn) {
		t.Error("what left the archive is withdrawn")
	}
	if s := b.Jobs()[0].Result; s != "1 new, 1 revised, 1 expired, 1 withdrawn, 1 not imported, 1 declined as expired" {
		t.Errorf("the result: %q", s)
	}
}

func TestSynchronizationEvaluatesComputers(t *testing.T) {
	b := newBench(t)
	b.archive.all = true
	b.archive.set([]*model.Update{packageOf("aa", "2")})
	b.mustSync()
	n, err := b.store.Record(t.Context(), store.Report{
		Computer:  model.Computer{ID: "web-1", Name: "web-1", Platform: model.PlatformLinux, Contacted: start, Reported: start},
		Inventory: &model.Inventory{Time: start, Arch: "amd64", Packages: []model.InstalledPackage{{Name: "aa", Arch: "amd64", Version: "2"}}, Sources: []model.PackageSource{{Archive: "Debian", Codename: "bookworm", Priority: 500}}},
		Status:    &model.Status{Reported: start, Evaluated: 1, Installed: []uint32{1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a3 := packageOf("aa", "3")
	b.archive.set([]*model.Update{packageOf("aa", "2"), a3})
	b.mustSync()
	snap := b.store.Snapshot()
	if got := snap.State(n, b.numbers(a3)[0]); got != model.StateNotInstalled {
		t.Errorf("the new version is %s", got)
	}
	if got := snap.State(n, 1); got != model.StateInstalled || !snap.Computed(n).Equal(start) {
		t.Errorf("the old version is %s, computed %v", got, snap.Computed(n))
	}
	if b.outdated() {
		t.Error("everything was evaluated")
	}
}

func TestCancelAndResume(t *testing.T) {
	b := newBench(t)
	a1, b1 := packageOf("aa", "1"), packageOf("bb", "1")
	b.archive.set([]*model.Update{a1}, []*model.Update{b1})
	at, goOn := make(chan int), make(chan struct{})
	b.archive.reached = func(phase int) {
		if phase == 1 {
			at <- phase
			<-goOn
		}
	}
	j, err := b.Synchronize(t.Context(), []string{"debian"}, admin)
	if err != nil {
		t.Fatal(err)
	}
	<-at
	if s, ok := b.Running(JobSynchronization); !ok || s.ID != j.ID() || s.Progress.Phase != "phase 0" || b.Jobs()[0].ID != j.ID() {
		t.Errorf("the running job: %+v", s)
	}
	_, err = b.Synchronize(t.Context(), nil, admin)
	if code(err) != "busy" || !strings.Contains(err.Error(), "Synchronization of debian (job 1, started 07:00 by alice) is still running") {
		t.Errorf("a second synchronization: %v", err)
	}
	if b.Cancel(99) || !b.Cancel(j.ID()) {
		t.Error("only the job of that number can be cancelled")
	}
	close(goOn)
	if err := j.Wait(t.Context()); err == nil {
		t.Error("a cancelled job must say so")
	}
	run := b.store.Snapshot().Runs()[0]
	if run.Result != model.SyncCanceled || run.Ended.IsZero() || !slices.Equal(run.New, b.numbers(a1)) || !j.State().Canceled {
		t.Errorf("the run: %+v", run)
	}
	if b.CancelKind(JobSynchronization) != 0 {
		t.Error("nothing runs any more")
	}
	b.archive.reached = nil
	run = b.mustSync()
	if !slices.Equal(b.archive.anchors, []string{"", "1"}) || !slices.Equal(run.New, b.numbers(b1)) || !run.Initial {
		t.Errorf("resumed from the anchors %q: %+v", b.archive.anchors, run)
	}
}

func TestCallerOwnsItsJob(t *testing.T) {
	b := newBench(t)
	b.archive.set([]*model.Update{packageOf("aa", "1")})
	ctx, cancel := context.WithCancel(t.Context())
	b.archive.reached = func(int) { cancel() }
	j, err := b.Synchronize(ctx, nil, admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(ctx); err == nil {
		t.Error("the job was cancelled with its caller")
	}
	if run := b.store.Snapshot().Runs()[0]; run.Result != model.SyncCanceled || run.Ended.IsZero() {
		t.Errorf("the record must be ended before Wait returns: %+v", run)
	}
}

func TestFailures(t *testing.T) {
	t.Run("error", func(t *testing.T) {
		b := newBench(t)
		b.archive.set([]*model.Update{packageOf("aa", "1")})
		b.archive.err = errors.New("the archive \x1b[31mburned down")
		run, err := b.sync()
		if err == nil || run.Result != model.SyncFailed || !strings.Contains(run.Error, "the archive burned down") || !strings.Contains(run.Error, "fettle sync --upstream debian") {
			t.Errorf("%q, %v", run.Error, err)
		}
		if len(run.New) != 1 {
			t.Errorf("what was imported before is part of the record: %+v", run)
		}
	})
	t.Run("refusal", func(t *testing.T) {
		b := newBench(t)
		b.archive.err = &model.Refusal{What: "It was refused", Remedy: "do this"}
		if run, _ := b.sync(); !strings.HasSuffix(run.Error, "It was refused. To remedy: do this") {
			t.Errorf("%q", run.Error)
		}
	})
	t.Run("panic", func(t *testing.T) {
		b := newBench(t)
		b.archive.panics = true
		run, err := b.sync()
		if err == nil || run.Result != model.SyncFailed || !strings.Contains(run.Error, "a fault in Fettle itself ended it (the archive is haunted)") {
			t.Errorf("%q, %v", run.Error, err)
		}
		if _, err := b.Test(t.Context(), model.Upstream{Name: "nowhere"}); err == nil {
			t.Error("an upstream that cannot be opened cannot be tested")
		}
	})
	t.Run("one of two", func(t *testing.T) {
		b := newBench(t)
		change(t, b.store, model.Change{Kind: model.ChangeUpstream, Upstream: &model.Upstream{Name: "broken", Kind: model.UpstreamDebian, Location: "nowhere"}})
		b.archive.set([]*model.Update{packageOf("aa", "1")})
		j, err := b.Synchronize(t.Context(), nil, admin)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Wait(t.Context()); err == nil {
			t.Error("one of the upstreams failed")
		}
		snap := b.store.Snapshot()
		if snap.LastRun("broken").Result != model.SyncFailed || snap.LastRun("debian").Result != model.SyncSucceeded {
			t.Error("one upstream's failure must not keep the others from synchronizing")
		}
		if s := j.State(); s.Result != "broken: nothing changed; debian: 1 new" {
			t.Errorf("the result: %q", s.Result)
		}
	})
}

func TestRefusals(t *testing.T) {
	b := newBench(t)
	viewer := model.Actor{Who: "bob", From: model.FromSSH}
	for _, tc := range []struct {
		name string
		run  func() error
		want string
	}{
		{"a viewer", func() error { _, err := b.Synchronize(t.Context(), nil, viewer); return err }, "role"},
		{"another name", func() error { _, err := b.Synchronize(t.Context(), []string{"nope"}, admin); return err }, "no-upstream"},
		{"no agent", func() error { _, err := b.CheckIn(t.Context(), admin); return err }, "no-agent"},
		{"a viewer's check-in", func() error { _, err := b.CheckIn(t.Context(), viewer); return err }, "role"},
		{"another kind", func() error {
			_, err := Archives(model.Upstream{Kind: model.UpstreamMicrosoft, Location: "x"})
			return err
		}, "upstream-kind"},
		{"debian from a directory", func() error {
			_, err := Archives(model.Upstream{Kind: model.UpstreamDebian, Location: "/srv"})
			return err
		}, "upstream-kind"},
	} {
		if err := tc.run(); code(err) != tc.want {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if s, err := Archives(model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt", Proxy: "http://proxy:3128"}); err != nil || s == nil {
		t.Errorf("debian=apt: %v", err)
	}
	empty := New(Options{Store: openStore(t, nil)})
	defer empty.Close()
	if _, err := empty.Synchronize(t.Context(), nil, admin); code(err) != "setup" {
		t.Errorf("without a setup: %v", err)
	}
	b.Close()
	if _, err := b.Synchronize(t.Context(), nil, admin); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestEstimateAndTest(t *testing.T) {
	b := newBench(t)
	b.archive.set([]*model.Update{packageOf("aa", "1")})
	b.mustSync()
	u := b.store.Snapshot().Upstreams()[0]
	if est, err := b.Estimate(t.Context(), u); err != nil || est.Updates != 1 || est.Remarks[0] != "anchor 1" {
		t.Errorf("the estimate: %+v, %v", est, err)
	}
	u.Location = "http://elsewhere"
	if est, err := b.Estimate(t.Context(), u); err != nil || est.Remarks[0] != "anchor " {
		t.Errorf("another location begins anew: %+v, %v", est, err)
	}
	if lines, err := b.Test(t.Context(), u); err != nil || lines[0] != "Debian 12 (bookworm)" {
		t.Errorf("the test: %q, %v", lines, err)
	}
}

// Two upstreams may each read some suites of the same release: neither withdraws
// what the other brought, until that one is gone.
func TestCompleteLeavesOthersAlone(t *testing.T) {
	s := openStore(t, nil)
	configure(t, s, model.SyncSchedule{}, "main", "security")
	a, b := packageOf("aa", "1"), packageOf("bb", "1")
	one, two := &archive{all: true}, &archive{all: true}
	one.set([]*model.Update{a})
	two.set([]*model.Update{b})
	e := New(Options{Store: s, Sources: sources(map[string]*archive{"main": one, "security": two})})
	defer e.Close()
	sync := func() {
		t.Helper()
		j, err := e.Synchronize(t.Context(), nil, admin)
		if err == nil {
			err = j.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	sync()
	sync()
	for _, r := range s.Snapshot().Updates() {
		if r.Has(model.FlagWithdrawn) {
			t.Errorf("%s was withdrawn by another upstream", r.ID)
		}
	}
	change(t, s, model.Change{Kind: model.ChangeUpstreamEnd, Name: "security"})
	sync()
	if !s.Snapshot().RowByID(b.ID).Has(model.FlagWithdrawn) {
		t.Error("what belongs to no upstream any more is withdrawn by the one that knows the scope")
	}
}

func TestSinkBoundsWhatItKeeps(t *testing.T) {
	var run model.SyncRun
	s := newSink(nil, model.Upstream{}, &run, nil)
	for i := range keptFailures + 5 {
		s.Fail(strings.Repeat("x", 5000), "reason")
		s.Remark(strings.Repeat("y", i))
	}
	s.finish()
	if len(run.Failures) != keptFailures || len(run.Failures[0].Item) > longestText+3 {
		t.Errorf("%d failures, the first of %d bytes", len(run.Failures), len(run.Failures[0].Item))
	}
	if n := len(run.Remarks); n != keptRemarks+2 || run.Remarks[n-2] != "5 more items could not be imported; only the first 1000 are listed." {
		t.Errorf("%d remarks: %q", n, run.Remarks[n-2:])
	}
}
