package console

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/theme"
	"fettle/ui/report"
)

// testTime is the clock's start in tests.
var testTime = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

var admin = model.Actor{Who: "alice", From: model.FromConsole, Role: model.AccessAdministrator}

// newStore opens a store in a directory of its own; the test closes it.
func newStore(t testing.TB, clock ...func() time.Time) *store.Store {
	t.Helper()
	now := func() time.Time { return testTime }
	if len(clock) > 0 {
		now = clock[0]
	}
	s := openStore(t, store.Options{Dir: storeDir(t), Clock: now})
	closes(t, s)
	return s
}

// openStore opens a store and waits for its catalogue.
func openStore(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.Clock == nil {
		o.Clock = func() time.Time { return testTime }
	}
	o.Log = slog.New(slog.DiscardHandler)
	s, err := store.Open(o)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatalf("loading the store: %v", err)
	}
	return s
}

// closes closes a store at the end of the test.
func closes(t testing.TB, s *store.Store) {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// setUp completes both wizards.
func setUp(t testing.TB, s *store.Store) {
	t.Helper()
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeComputers, How: []string{thisComputer}}, admin))
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{},
		Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt", Schedule: model.SyncSchedule{PerDay: 4, First: 180}}}, admin))
}

// titles of the full fixture's updates: some are wide, combining or hostile.
var fixtureTitles = []struct{ source, synopsis string }{
	{"openssl", "Secure Sockets Layer toolkit - cryptographic utility"}, {"linux", "Linux kernel for 64-bit PCs"}, {"tzdata", "time zone and daylight-saving time data"},
	{"curl", "command line tool for transferring data with URL syntax"}, {"bash", "GNU Bourne Again SHell"}, {"vim", "Vi IMproved - enhanced vi editor"},
	{"nginx", "small, powerful, scalable web/proxy server"}, {"postgresql-15", "The World's Most Advanced Open Source Relational Database"},
	{"systemd", "system and service manager"}, {"glibc", "GNU C Library: Shared libraries"}, {"sudo", "Provide limited super user privileges to specific users"}, {"git", "fast, scalable, distributed revision control system"},
}

// fill brings updates, groups and computers: what a small site looks like.
func fill(t testing.TB, s *store.Store, extra int, titles ...string) {
	t.Helper()
	ctx := t.Context()
	var updates []*model.Update
	add := func(source, title string, security bool, i int) {
		suites, class := []string{"bookworm"}, model.ClassUpdate
		if security {
			suites, class = []string{"bookworm-security"}, model.ClassSecurity
		}
		version := fmt.Sprintf("%d.%d-1", 1+i%3, i)
		updates = append(updates, &model.Update{
			ID: model.DebianID("Debian", "bookworm", source, version), Upstream: "debian", Title: title, Description: "A description of " + source + ".\nIt has two lines.",
			Class: class, Version: version, Released: testTime.AddDate(0, 0, -i-1), NotLater: true, Products: []model.CategoryID{"deb/Debian/bookworm"},
			Debian: &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: source, Version: version, Suites: suites, Section: "libs",
				Packages: []model.DebianPackage{{Name: source, Arch: "amd64", Version: version, Size: int64(100_000 * (i + 1)), SHA256: make([]byte, 32), Filename: "pool/x.deb", Suites: 1}}},
		})
	}
	for i, f := range fixtureTitles {
		title := f.source + ": " + f.synopsis
		if i < len(titles) {
			title = titles[i]
		}
		add(f.source, title, i%3 == 0, i)
	}
	for i := range extra {
		add(fmt.Sprintf("package%05d", i), fmt.Sprintf("package%05d: one of very many", i), i%7 == 0, 20+i)
	}
	must[[]model.CategoryID](t)(s.PutCategories(ctx, []model.Category{{ID: "deb/Debian/bookworm", Title: "Debian 12 (bookworm)", Upstream: "debian"}}))
	must[store.ImportResult](t)(s.Import(ctx, updates))
	id := must[uint64](t)(s.BeginRun(ctx, model.SyncRun{Upstream: "debian", Started: testTime.Add(-2 * time.Hour), Manual: true, Initial: true, Actor: admin}))
	run := model.SyncRun{ID: id, Upstream: "debian", Started: testTime.Add(-2 * time.Hour), Ended: testTime.Add(-2*time.Hour + 8*time.Second), Manual: true, Initial: true, Actor: admin, Result: model.SyncSucceeded, Read: 12_000_000,
		Remarks: []string{"the lists are 3 hours old"}}
	for i := range updates {
		run.New = append(run.New, uint32(i+1))
	}
	if err := s.EndRun(ctx, run); err != nil {
		t.Fatal(err)
	}
	must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Web servers", Parent: model.GroupAll}}, admin))
	last := s.Snapshot().LastUpdate()
	for i, name := range []string{"web1.example.org", "web2.example.org", "db1.example.org", "desk-漢字", "silent"} {
		c := model.Computer{ID: model.ComputerID(fmt.Sprintf("id-%d", i)), Name: name, Platform: model.PlatformLinux, Arch: "amd64", OS: "Debian GNU/Linux 12 (bookworm)", Role: model.RoleServer, Local: i == 0,
			Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)}, FirstSeen: testTime.AddDate(0, -1, 0), Contacted: testTime.Add(-time.Duration(i+1) * time.Hour), Zone: "UTC"}
		r := store.Report{Computer: c}
		if i < 4 {
			r.Computer.Reported = c.Contacted
			st := &model.Status{Reported: c.Contacted, Evaluated: last}
			switch i {
			case 0:
				st.Needed = []uint32{1, 3, 4, 7}
				st.Packages = []model.NeededPackage{
					{Update: updates[0].ID, Package: "openssl", Arch: "amd64", Installed: "0.9-1", Candidate: updates[0].Version, Security: true},
					{Update: updates[2].ID, Package: "tzdata", Arch: "amd64", Installed: "2024a-1", Candidate: updates[2].Version},
					{Update: updates[3].ID, Package: "curl", Arch: "amd64", Installed: "7.1-1", Candidate: updates[3].Version, State: model.NeedHeld, Reason: "it is held on this computer"},
					{Update: updates[6].ID, Package: "nginx", Arch: "amd64", Installed: "0.1-1", Candidate: updates[6].Version, Security: true},
				}
				st.Installed = []uint32{2, 5, 6}
			case 1:
				st.Needed, st.Failed, st.Installed = []uint32{1, 4}, []uint32{7}, []uint32{2, 3}
				st.Failures = []model.Failure{{Update: updates[6].ID, Time: c.Contacted, Code: "apt-100", Text: "apt-get ended with 100: the disk is full"}}
				r.Computer.Pending = []string{"linux-image"}
			case 2:
				st.Needed, st.Installed = []uint32{1}, []uint32{2, 3, 4}
			}
			r.Status = st
		}
		n := must[uint32](t)(s.Record(ctx, r))
		if i < 2 {
			g := s.Snapshot().Groups().ByName("Web servers")
			must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: g.ID}, Computers: []uint32{n}}, admin))
		}
	}
}

// fakeEngine is an engine that does what the test says.
type fakeEngine struct {
	mu     sync.Mutex
	jobs   []Job
	calls  []string
	err    error
	file   *CarriedFile
	plan   *ImportPlan
	feed   chan struct{}
	onSync func()
}

func newFakeEngine() *fakeEngine { return &fakeEngine{feed: make(chan struct{}, 1)} }

func (e *fakeEngine) Jobs() []Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.jobs)
}
func (e *fakeEngine) set(jobs ...Job) {
	e.mu.Lock()
	e.jobs = jobs
	e.mu.Unlock()
	select {
	case e.feed <- struct{}{}:
	default:
	}
}
func (e *fakeEngine) Watch(context.Context) <-chan struct{} { return e.feed }
func (e *fakeEngine) call(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, name)
	return e.err
}
func (e *fakeEngine) Synchronize(_ context.Context, names []string, _ model.Actor) error {
	if e.onSync != nil {
		e.onSync()
	}
	return e.call(fmt.Sprint("synchronize ", names))
}
func (e *fakeEngine) CheckIn(context.Context, model.Actor) error { return e.call("check-in") }
func (e *fakeEngine) Install(context.Context, model.Actor) error { return e.call("install") }
func (e *fakeEngine) Cancel(id uint64) bool {
	e.call(fmt.Sprint("cancel ", id))
	return true
}
func (e *fakeEngine) Next(u model.Upstream) time.Time { return u.Schedule.Next(testTime) }
func (e *fakeEngine) Estimate(context.Context, model.Upstream) (model.Estimate, error) {
	return model.Estimate{Updates: 63000, Bytes: 48_000_000, Time: 8 * time.Second, Remarks: []string{"The lists are 3 hours old."}}, e.err
}
func (e *fakeEngine) Test(context.Context, model.Upstream) ([]string, error) {
	return []string{"Debian 12 (bookworm), main, amd64", "Debian 12 (bookworm-security), main, amd64"}, e.err
}

func (e *fakeEngine) Recognize(_ context.Context, path string) (*CarriedFile, error) {
	if err := e.call("recognize " + path); err != nil || e.file != nil {
		return e.file, err
	}
	return nil, &model.Refusal{Code: "unrecognized", What: path + " was not imported", Why: "it looks like a Windows program", Remedy: "import wsusscn2.cab"}
}
func (e *fakeEngine) PlanImport(_ context.Context, path string, force bool, progress func(model.Progress)) (*ImportPlan, error) {
	progress(model.Progress{Phase: "reading", Done: 1, Total: 2})
	if err := e.call("plan " + path + choose(force, " by force", "")); err != nil {
		return nil, err
	}
	return e.plan, nil
}
func (e *fakeEngine) Import(_ context.Context, path string, force bool, _ model.Actor) error {
	return e.call("import " + path + choose(force, " by force", ""))
}

// storeReports makes the reports of a store, as package attach does.
type storeReports struct{ store *store.Store }

func (storeReports) Reports() []Report {
	var out []Report
	for _, d := range report.Definitions() {
		out = append(out, Report{Name: d.Name, Title: d.Title, Answers: d.Answers, OnComputers: d.Query == report.OnComputers, Groups: d.Groups, Bases: d.Bases})
	}
	return out
}

func (r storeReports) Build(ctx context.Context, snap *store.Snapshot, name string, p report.Parameters) (*report.Report, error) {
	return report.Build(ctx, name, r.store, snap, p)
}

func plainTerminal() theme.Terminal { return theme.Terminal{Profile: termenv.Ascii, UTF8: true} }
