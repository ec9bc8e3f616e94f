package agents

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent"
	"fettle/sync/agent/protocol"
)

var _ agent.Server = (*Server)(nil)

var (
	start = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	admin = model.Actor{Who: "alice", From: model.FromCommand, Role: model.AccessAdministrator}
)

// bench is a store with an endpoint under a clock that only tests move.
type bench struct {
	testing.TB
	store    *store.Store
	endpoint *Endpoint
	mu       sync.Mutex
	now      time.Time
	cond     *sync.Cond // of the endpoint's waking
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, now: start}
	clock := func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.now
	}
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
	b.store, b.endpoint = s, New(s, Options{Clock: clock})
	return b
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// ready completes the setup.
func (b *bench) ready() {
	b.Helper()
	b.change(model.Change{Kind: model.ChangeComputers, How: []string{"this computer"}})
	b.change(model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}})
}

func (b *bench) change(c model.Change) model.Entry {
	b.Helper()
	e, err := b.store.Make(b.Context(), c, admin)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// offer imports updates of the archive Debian, release bookworm, each of one
// package named like the source, and gives their numbers.
func (b *bench) offer(pairs ...string) []uint32 {
	b.Helper()
	var list []*model.Update
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, debian(pairs[i], pairs[i+1]))
	}
	if _, err := b.store.Import(b.Context(), list); err != nil {
		b.Fatal(err)
	}
	var out []uint32
	for _, u := range list {
		out = append(out, b.number(u.ID))
	}
	return out
}

func (b *bench) number(id model.UpdateID) uint32 {
	b.Helper()
	r := b.store.Snapshot().RowByID(id)
	if r == nil {
		b.Fatalf("there is no update %s", id)
	}
	return r.Number
}

func debian(source, version string) *model.Update {
	sum := make([]byte, 32)
	copy(sum, source+version)
	return &model.Update{
		ID: debianID(source, version), Upstream: "debian", Title: source + " " + version,
		Class: model.ClassUpdate, Version: version, Released: start.AddDate(0, 0, -10), NotLater: true,
		Debian: &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: source, Version: version, Suites: []string{"bookworm"}, Section: "libs",
			Packages: []model.DebianPackage{{Name: source, Arch: "amd64", Version: version, Size: int64(1000 + len(source)), SHA256: sum, Filename: "pool/" + source}}},
	}
}

func debianID(source, version string) model.UpdateID {
	return model.DebianID("Debian", "bookworm", source, version)
}

func (b *bench) approve(group model.GroupID, deadline time.Time, updates ...uint32) {
	b.Helper()
	b.change(model.Change{Kind: model.ChangeApprove, Updates: updates, Groups: []model.GroupAction{{Group: group, Action: model.ActionInstall, Deadline: deadline}}})
}

// machine is a managed computer: what is installed there and what it says.
type machine struct {
	*bench
	server    *Server
	inventory model.Inventory
	report    protocol.Report
	events    uint64
}

// machine makes a computer with packages given as name, version pairs.
func (b *bench) machine(id string, pairs ...string) *machine {
	m := &machine{bench: b, server: b.endpoint.For(model.ComputerID(id), false)}
	m.inventory = model.Inventory{Arch: "amd64", Sources: []model.PackageSource{{Archive: "Debian", Codename: "bookworm", Component: "main", Priority: 500}}}
	m.report = protocol.Report{Version: protocol.Version, Who: protocol.Identity{Name: id, OS: "Debian GNU/Linux 12 (bookworm)", Arch: "amd64", Role: model.RoleServer, Zone: "Europe/Berlin"}}
	for i := 0; i < len(pairs); i += 2 {
		m.install(pairs[i], pairs[i+1])
	}
	return m
}

func (m *machine) install(name, version string) {
	for i := range m.inventory.Packages {
		if p := &m.inventory.Packages[i]; p.Name == name {
			p.Version = version
			return
		}
	}
	m.inventory.Packages = append(m.inventory.Packages, model.InstalledPackage{Name: name, Arch: "amd64", Version: version})
}

// needs says what apt would upgrade: package, candidate pairs.
func (m *machine) needs(pairs ...string) {
	m.report.Needed = nil
	for i := 0; i < len(pairs); i += 2 {
		n := model.NeededPackage{Package: pairs[i], Arch: "amd64", Candidate: pairs[i+1]}
		for _, p := range m.inventory.Packages {
			if p.Name == pairs[i] {
				n.Installed = p.Version
			}
		}
		m.report.Needed = append(m.report.Needed, n)
	}
}

// checkIn reports with the inventory.
func (m *machine) checkIn() protocol.Ack {
	m.Helper()
	inv := m.inventory
	inv.Packages = slices.Clone(inv.Packages)
	inv.Time = m.store.Now()
	r := m.report
	r.Time, r.Inventory = m.store.Now(), &inv
	ack, err := m.server.Report(m.Context(), r)
	if err != nil {
		m.Fatalf("%+v", err)
	}
	return ack
}

func (m *machine) event(kind protocol.EventKind, code, text string, ids ...model.UpdateID) {
	m.Helper()
	m.events++
	err := m.server.Event(m.Context(), protocol.Event{Version: protocol.Version, Number: m.events, Time: m.store.Now(), Kind: kind, Updates: ids, Code: code, Text: text})
	if err != nil {
		m.Fatal(err)
	}
}

func (m *machine) computer() *model.Computer {
	m.Helper()
	c := m.store.Snapshot().ComputerByID(m.server.id)
	if c == nil {
		m.Fatal("the computer is not known")
	}
	return c
}

func (m *machine) status() *model.Status {
	m.Helper()
	st, err := m.store.Status(m.computer().Number)
	if err != nil {
		m.Fatal(err)
	}
	return st
}

func (m *machine) state(source, version string) model.InstallationState {
	m.Helper()
	return m.store.Snapshot().State(m.computer().Number, m.number(debianID(source, version)))
}

func (m *machine) wantState(source, version string, want model.InstallationState) {
	m.Helper()
	if got := m.state(source, version); got != want {
		m.Errorf("%s %s is %s, want %s", source, version, got, want)
	}
}

func (m *machine) decide(closures ...model.Closure) protocol.Decisions {
	m.Helper()
	d, err := m.server.Decide(m.Context(), protocol.DecideRequest{Version: protocol.Version, Computer: m.server.id, Time: m.store.Now(), Closures: closures})
	if err != nil {
		m.Fatal(err)
	}
	return d
}

// closure says that installing an update brings its own package.
func closure(source, from, to string, more ...model.PlanItem) model.Closure {
	id := debianID(source, to)
	return model.Closure{Update: id, Items: append([]model.PlanItem{{Update: id, Package: source, Arch: "amd64", From: from, To: to}}, more...)}
}

func refusal(err error) string {
	var r *model.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}
