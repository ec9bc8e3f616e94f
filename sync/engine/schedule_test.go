package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fettle/model"
	"fettle/store"
)

// In these tests the time is the bubble's, which moves when everybody waits. It
// begins at midnight, UTC.
func utc() time.Time { return time.Now().UTC() }

// runEngine runs an engine until the returned function is called.
func runEngine(t *testing.T, e *Engine) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func startedAt(s *store.Store) (out []string) {
	for _, r := range slices.Backward(s.Snapshot().Runs()) {
		out = append(out, r.Started.Format("15:04")+" "+r.Result.String())
	}
	return out
}

func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, utc)
		configure(t, s, model.SyncSchedule{PerDay: 24, First: 30}, "debian")
		a := &archive{err: errors.New("away")}
		e := New(Options{Store: s, Sources: sources(map[string]*archive{"debian": a}), Clock: utc, Rand: func() float64 { return 0.5 }})
		stop := runEngine(t, e)
		synctest.Wait()
		u := s.Snapshot().Upstreams()[0]
		if at := e.NextSync(u); at.Format("15:04") != "00:35" {
			t.Errorf("first due at %v", at)
		}
		time.Sleep(59 * time.Minute)
		a.mu.Lock()
		a.err = nil
		a.mu.Unlock()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		// Half past and half of the largest offset; the failure is tried again after
		// 5 and 15 minutes, then success waits for the next time.
		want := []string{"00:35 failed", "00:40 failed", "00:55 failed", "01:35 succeeded", "02:35 succeeded"}
		if got := startedAt(s); !slices.Equal(got, want) {
			t.Errorf("runs %q, want %q", got, want)
		}
		if r := s.Snapshot().Runs()[0]; r.Manual || r.Actor.Who != "fettle" || r.Actor.From != model.FromServer {
			t.Errorf("who ran it: %+v", r)
		}
		stop()
		if at := New(Options{Store: s, Clock: utc}).NextSync(u); at.Format("15:04") != "03:30" {
			t.Errorf("without Run the schedule is the answer: %v", at)
		}
	})
}

func TestMissedScheduleIsCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, utc)
		configure(t, s, model.SyncSchedule{PerDay: 1, First: 60}, "debian")
		time.Sleep(90 * time.Minute) // no process runs at 01:00
		a := &archive{}
		open := sources(map[string]*archive{"debian": a})
		e := New(Options{Store: s, Sources: open, Clock: utc, Rand: func() float64 { return 0 }})
		stop := runEngine(t, e)
		time.Sleep(30 * time.Second)
		if n := len(s.Snapshot().Runs()); n != 0 {
			t.Errorf("%d runs in the middle of the start", n)
		}
		time.Sleep(time.Hour)
		stop()
		e = New(Options{Store: s, Sources: open, Clock: utc, Rand: func() float64 { return 0 }})
		stop = runEngine(t, e)
		time.Sleep(10 * time.Minute)
		// A schedule that is set while the process runs is not late, whatever the
		// last run was.
		change(t, s, model.Change{Kind: model.ChangeUpstream, Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt", Schedule: model.SyncSchedule{PerDay: 1, First: 110}}})
		time.Sleep(10 * time.Minute)
		stop()
		if got := startedAt(s); !slices.Equal(got, []string{"01:31 succeeded"}) {
			t.Errorf("runs %q", got)
		}
	})
}

func TestClosingEndsJobsAndResumesThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, utc)
		configure(t, s, model.SyncSchedule{PerDay: 1, First: 1}, "debian")
		a := &archive{}
		a.set([]*model.Update{packageOf("aa", "1")}, []*model.Update{packageOf("bb", "1")})
		reached := make(chan struct{})
		a.reached = func(phase int) {
			if phase == 1 {
				close(reached)
				time.Sleep(time.Second)
			}
		}
		open := sources(map[string]*archive{"debian": a})
		e := New(Options{Store: s, Sources: open, Clock: utc, Rand: func() float64 { return 0 }})
		stop := runEngine(t, e)
		<-reached
		stop() // waits for the job
		if got := startedAt(s); !slices.Equal(got, []string{"00:01 cancelled"}) {
			t.Fatalf("runs %q", got)
		}
		if len(e.Jobs()) != 1 || e.Jobs()[0].Ended.IsZero() {
			t.Errorf("jobs %+v", e.Jobs())
		}
		a.reached = nil
		e = New(Options{Store: s, Sources: open, Clock: utc, Rand: func() float64 { return 0 }})
		stop = runEngine(t, e)
		time.Sleep(10 * time.Minute)
		stop()
		if got := startedAt(s); !slices.Equal(got, []string{"00:01 cancelled", "00:06 succeeded"}) || !slices.Equal(a.anchors, []string{"", "1"}) {
			t.Errorf("runs %q from anchors %q", got, a.anchors)
		}
	})
}

func TestRetryIsBounded(t *testing.T) {
	s := openStore(t, func() time.Time { return start })
	configure(t, s, model.SyncSchedule{PerDay: 1, First: 8 * 60}, "debian")
	e := New(Options{Store: s, Rand: func() float64 { return 0 }})
	defer e.Close()
	e.owner, e.starting, e.begun = true, true, start
	u := s.Snapshot().Upstreams()[0]
	now := start
	fail := func(manual bool) {
		run := model.SyncRun{Upstream: u.Name, Started: now, Ended: now, Result: model.SyncFailed, Manual: manual}
		var err error
		if run.ID, err = s.BeginRun(t.Context(), run); err == nil {
			err = s.EndRun(t.Context(), run)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for range 7 {
		now = e.next(s.Snapshot(), u, now)
		got = append(got, now.Format("2 15:04"))
		fail(false)
	}
	want := []string{"22 08:00", "22 08:05", "22 08:20", "22 09:05", "22 11:05", "23 08:00", "23 08:05"}
	if !slices.Equal(got, want) {
		t.Errorf("tried at %q, want %q", got, want)
	}
	now = now.Add(time.Minute)
	fail(true) // what a person started, a person repeats
	if at := e.next(s.Snapshot(), u, now).Format("2 15:04"); at != "24 08:00" {
		t.Errorf("after a run by hand: %s", at)
	}
}

// What fails before a run can be recorded, as on a full disk, leaves no run
// behind; it is not tried in a circle either.
func TestUnrecordedFailureIsNotRepeatedAtOnce(t *testing.T) {
	e := New(Options{Store: openStore(t, func() time.Time { return start })})
	defer e.Close()
	configure(t, e.o.Store, model.SyncSchedule{PerDay: 24, First: 0}, "debian")
	u := e.o.Store.Snapshot().Upstreams()[0]
	e.owner, e.starting, e.begun = true, true, start
	now := start.Add(2 * time.Hour)
	due := e.next(e.o.Store.Snapshot(), u, now)
	if due.After(now) {
		t.Fatalf("due at %v", due)
	}
	p := e.plans[u.Name]
	p.tried = now
	e.plans[u.Name] = p
	if at := e.next(e.o.Store.Snapshot(), u, now.Add(time.Second)); !at.Equal(now.Add(retryAfter[0])) {
		t.Errorf("tried again at %v", at)
	}
}

// device is an agent whose cycles only count.
type device struct {
	runs, checkIns atomic.Int32
	installed      []model.UpdateID
	err            error
}

func (d *device) CheckIn(_ context.Context, progress func(model.Progress)) error {
	progress(model.Progress{Phase: "scanning"})
	d.checkIns.Add(1)
	return d.err
}

func (d *device) Run(ctx context.Context) error {
	d.runs.Add(1)
	if d.err != nil {
		return d.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (d *device) Install(_ context.Context, ids []model.UpdateID, _ func(model.Progress)) error {
	d.installed = ids
	return d.err
}

func TestAgentRunsWhenThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, utc)
		d := &device{err: errors.New("not yet")}
		e := New(Options{Store: s, Clock: utc, Agent: func() (Computer, error) {
			if s.Snapshot().Setup().Computers.Done.IsZero() {
				return (*device)(nil), nil
			}
			return d, nil
		}})
		stop := runEngine(t, e)
		time.Sleep(time.Minute)
		if d.runs.Load() != 0 {
			t.Error("the computer is not managed yet")
		}
		configure(t, s, model.SyncSchedule{}, "debian")
		time.Sleep(time.Minute)
		if n := d.runs.Load(); n != 1 {
			t.Fatalf("the agent was started %d times", n)
		}
		d.err = nil
		time.Sleep(20 * time.Minute) // it ended with an error and is tried again
		if n := d.runs.Load(); n != 2 {
			t.Errorf("the agent was started %d times", n)
		}
		j, err := e.CheckIn(t.Context(), admin)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Wait(t.Context()); err != nil || d.checkIns.Load() != 1 || j.State().Progress.Phase != "scanning" {
			t.Errorf("the check-in: %+v, %v", j.State(), err)
		}
		if j, err = e.Install(t.Context(), []model.UpdateID{"x"}, admin); err != nil || j.Wait(t.Context()) != nil || len(d.installed) != 1 {
			t.Errorf("the installation: %v", err)
		}
		stop()
	})
}

func TestEvaluationIsMadeUpFor(t *testing.T) {
	// Not in a bubble: the codec's compressor keeps channels for good.
	now := start
	var mu sync.Mutex
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	s := openStore(t, clock)
	configure(t, s, model.SyncSchedule{}, "debian")
	if _, err := s.Record(t.Context(), store.Report{
		Computer:  model.Computer{ID: "web-1", Name: "web-1", Platform: model.PlatformLinux, Contacted: start, Reported: start},
		Inventory: &model.Inventory{Time: start, Arch: "amd64", Packages: []model.InstalledPackage{{Name: "aa", Arch: "amd64", Version: "1"}}, Sources: []model.PackageSource{{Archive: "Debian", Codename: "bookworm", Priority: 500}}},
		Status:    &model.Status{Reported: start},
	}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	now = start.Add(time.Hour)
	mu.Unlock()
	// A process that died after its import: the run has no end.
	if _, err := s.BeginRun(t.Context(), model.SyncRun{Upstream: "debian", Started: now}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), []*model.Update{packageOf("aa", "2")}); err != nil {
		t.Fatal(err)
	}
	e := New(Options{Store: s, Clock: clock})
	changes := s.Watch(t.Context())
	stop := runEngine(t, e)
	giveUp := time.After(time.Minute) // only when it is broken
	for s.Snapshot().State(1, 1) != model.StateNotInstalled {
		select {
		case <-changes:
		case <-giveUp:
			t.Fatal("the computer was not evaluated")
		}
	}
	stop()
}

func TestWatchTellsTheLastChangeButNotEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{Clock: utc, Store: openStore(t, utc)})
		defer e.Close()
		watch := e.Watch(t.Context())
		job, err := e.start(t.Context(), JobState{Kind: JobEvaluation, Name: "Test"}, nil, func(_ context.Context, j *Job) (string, error) {
			for i := range 1000 {
				j.progress(model.Progress{Phase: "counting", Done: int64(i)})
				time.Sleep(time.Millisecond)
			}
			return "done", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for last := ""; last != "done"; told++ {
			<-watch
			last = e.Jobs()[0].Result
		}
		if told < 10 || told > 12 {
			t.Errorf("told %d times in a second", told)
		}
		if err := job.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFinishedJobsAreRemembered(t *testing.T) {
	b := newBench(t)
	for range keptJobs + 5 {
		j, err := b.start(t.Context(), JobState{Kind: JobCheckIn, Name: "Test"}, nil, func(context.Context, *Job) (string, error) { return "", nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if jobs := b.Jobs(); len(jobs) != keptJobs || jobs[0].ID != keptJobs+5 {
		t.Errorf("%d jobs, the newest %d", len(jobs), jobs[0].ID)
	}
}
