package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/upstream"
)

var (
	start = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	admin = model.Actor{Who: "alice", From: model.FromCommand, Role: model.AccessAdministrator}
)

// archive is an upstream that tests change at will. Its anchor is the number of
// its phases that were read.
type archive struct {
	mu      sync.Mutex
	phases  [][]*model.Update
	all     bool  // sends everything whatever the anchor says
	err     error // after everything was sent
	panics  bool
	reached func(phase int) // called before a phase; may block
	ending  func()          // called when everything was sent
	anchors []string        // the anchors that runs began with
	fail    []model.ImportFailure
	remarks []string
}

func (a *archive) set(phases ...[]*model.Update) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.phases = phases
}

func (a *archive) Test(context.Context) ([]string, error) {
	return []string{"Debian 12 \x1b[31m(bookworm)"}, a.err
}

func (a *archive) Estimate(_ context.Context, anchor []byte) (model.Estimate, error) {
	return model.Estimate{Updates: len(a.phases), Remarks: []string{"anchor " + string(anchor)}}, a.err
}

func (a *archive) Synchronize(ctx context.Context, anchor []byte, sink upstream.Sink, progress func(model.Progress)) error {
	a.mu.Lock()
	phases, all := a.phases, a.all
	a.anchors = append(a.anchors, string(anchor))
	a.mu.Unlock()
	if a.panics {
		panic("the archive is \x1b[31mhaunted")
	}
	for _, f := range a.fail {
		sink.Fail(f.Item, f.Reason)
	}
	for _, r := range a.remarks {
		sink.Remark(r)
	}
	from := 0
	if _, err := fmt.Sscan(string(anchor), &from); err != nil || all {
		from = 0
	}
	for i := from; i < len(phases); i++ {
		if a.reached != nil {
			a.reached(i)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading phase %d: %w", i, err)
		}
		progress(model.Progress{Phase: fmt.Sprintf("phase %d", i), Bytes: 60})
		progress(model.Progress{Phase: fmt.Sprintf("phase %d", i), Done: 1, Total: 1, Bytes: 100})
		if err := sink.Categories(ctx, []model.Category{{ID: "deb/Debian/bookworm", Title: "Debian 12 (bookworm)"}}); err != nil {
			return err
		}
		present := map[model.UpdateID]struct{}{}
		var list []*model.Update
		for _, u := range phases[i] {
			c := *u
			list = append(list, &c)
			present[u.ID] = struct{}{}
		}
		if err := sink.Updates(ctx, list); err != nil {
			return err
		}
		if i == len(phases)-1 { // the last phase is the whole of its scope
			for _, p := range phases {
				for _, u := range p {
					present[u.ID] = struct{}{}
				}
			}
			if err := sink.Complete(ctx, "deb/Debian/bookworm/", present); err != nil {
				return err
			}
		}
		if all && i < len(phases)-1 {
			continue
		}
		if err := sink.Anchor(ctx, []byte(fmt.Sprint(i+1))); err != nil {
			return err
		}
	}
	if a.ending != nil {
		a.ending()
	}
	return a.err
}

func packageOf(source, version string) *model.Update {
	return &model.Update{
		ID: model.DebianID("Debian", "bookworm", source, version), Title: source + " " + version,
		Class: model.ClassUpdate, Version: version, Released: start.AddDate(0, 0, -10), NotLater: true,
		Debian: &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: source, Version: version, Suites: []string{"bookworm"}, Section: "libs",
			Packages: []model.DebianPackage{{Name: source, Arch: "amd64", Version: version, Size: 1000, SHA256: make([]byte, 32), Filename: "pool/" + source}}},
	}
}

func openStore(t testing.TB, clock func() time.Time) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: t.TempDir(), Clock: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func change(t testing.TB, s *store.Store, c model.Change) {
	t.Helper()
	if _, err := s.Make(t.Context(), c, admin); err != nil {
		t.Fatal(err)
	}
}

// configure completes the setup with upstreams of the given names, all with one
// schedule.
func configure(t testing.TB, s *store.Store, schedule model.SyncSchedule, names ...string) {
	t.Helper()
	change(t, s, model.Change{Kind: model.ChangeComputers, How: []string{"this computer"}})
	for _, name := range names {
		change(t, s, model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{},
			Upstream: &model.Upstream{Name: name, Kind: model.UpstreamDebian, Location: "apt", Schedule: schedule}})
	}
}

// sources opens archives by the upstream's name.
func sources(archives map[string]*archive) func(model.Upstream) (upstream.Source, error) {
	return func(u model.Upstream) (upstream.Source, error) {
		a := archives[u.Name]
		if a == nil {
			return nil, errors.New("there is no such archive")
		}
		return a, nil
	}
}

// bench is an engine of a command: nobody runs Run.
type bench struct {
	testing.TB
	*Engine
	store   *store.Store
	archive *archive
}

func newBench(t testing.TB) *bench {
	t.Helper()
	s := openStore(t, func() time.Time { return start })
	configure(t, s, model.SyncSchedule{}, "debian")
	a := &archive{}
	e := New(Options{Store: s, Sources: sources(map[string]*archive{"debian": a}), Clock: func() time.Time { return start }})
	t.Cleanup(e.Close)
	return &bench{TB: t, Engine: e, store: s, archive: a}
}

// sync synchronizes and gives the run's record.
func (b *bench) sync() (*model.SyncRun, error) {
	b.Helper()
	j, err := b.Synchronize(b.Context(), nil, admin)
	if err != nil {
		b.Fatal(err)
	}
	err = j.Wait(b.Context())
	run := b.store.Snapshot().Runs()[0]
	if s := j.State(); s.Run != run.ID || s.Ended.IsZero() || (s.Err == "") != (err == nil) {
		b.Errorf("the job: %+v, %v", s, err)
	}
	return run, err
}

func (b *bench) mustSync() *model.SyncRun {
	b.Helper()
	run, err := b.sync()
	if err != nil {
		b.Fatal(err)
	}
	return run
}

func (b *bench) numbers(updates ...*model.Update) []uint32 {
	b.Helper()
	var out []uint32
	for _, u := range updates {
		r := b.store.Snapshot().RowByID(u.ID)
		if r == nil {
			b.Fatalf("%s was not imported", u.ID)
		}
		out = append(out, r.Number)
	}
	slices.Sort(out)
	return out
}

func code(err error) string {
	var r *model.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}
