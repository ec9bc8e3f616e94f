package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/apt"
	"fettle/sync/agent/installer"
	"fettle/sync/agent/protocol"
)

// TestMain lets the test binary be the installer, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "agent" && os.Args[2] == "installer" {
		os.Exit(installer.Main(os.Args[3:], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// fakeServer is a server with a catalogue of "name=version" -> update.
type fakeServer struct {
	t          *testing.T
	catalogue  map[string]model.UpdateID
	approved   map[model.UpdateID]time.Time // with its deadline
	policy     model.Policy
	number     uint64
	key        ed25519.PrivateKey
	now        func() time.Time
	reports    []protocol.Report
	inventory  *model.Inventory
	events     []protocol.Event
	down       error
	eventsDown error
	onDecide   func(protocol.DecideRequest, *protocol.Decisions)
}

func (s *fakeServer) Report(_ context.Context, r protocol.Report) (protocol.Ack, error) {
	ack := protocol.Ack{Version: protocol.Version, Updates: map[string]model.UpdateID{}}
	if s.down != nil {
		return ack, s.down
	}
	s.reports = append(s.reports, r)
	if r.Inventory != nil {
		s.inventory = r.Inventory
	}
	ack.WantInventory = s.inventory == nil && r.Scan.Error == ""
	for _, n := range r.Needed {
		if u := s.catalogue[n.Package+"="+n.Candidate]; u != "" {
			ack.Updates[protocol.PackageKey(n)] = u
			if _, ok := s.approved[u]; ok && !slices.Contains(ack.Approved, u) {
				ack.Approved = append(ack.Approved, u)
			}
		}
	}
	return ack, nil
}

func (s *fakeServer) Decide(_ context.Context, r protocol.DecideRequest) (protocol.Decisions, error) {
	if s.down != nil {
		return protocol.Decisions{}, s.down
	}
	var list []model.PlannedUpdate
	for _, u := range slices.Sorted(maps.Keys(s.approved)) {
		list = append(list, model.PlannedUpdate{Update: u, Title: "title of " + string(u), Deadline: s.approved[u]})
	}
	s.number++
	d := protocol.Decisions{Version: protocol.Version, Time: s.now(), Approved: list, Policy: s.policy, Plan: model.BuildPlan(r.Computer, list, r.Closures, s.now())}
	d.Plan.Number = s.number
	if s.onDecide != nil {
		s.onDecide(r, &d)
	}
	if s.key != nil {
		if err := protocol.SignPlan(&d.Plan, s.key); err != nil {
			s.t.Fatal(err)
		}
	}
	return d, nil
}

func (s *fakeServer) Event(_ context.Context, e protocol.Event) error {
	if s.down != nil || s.eventsDown != nil {
		return errors.Join(s.down, s.eventsDown)
	}
	s.events = append(s.events, e)
	return nil
}

func (s *fakeServer) kinds() string {
	var list []string
	for _, e := range s.events {
		list = append(list, e.Kind.String())
	}
	return strings.Join(list, " ")
}

func (s *fakeServer) last() protocol.Report { return s.reports[len(s.reports)-1] }

// fakePackage is a package of a computer that exists only in memory.
type fakePackage struct {
	installed, candidate string
	depends              []string // pulled in at their candidates when it is upgraded
	removes              []string
	state                model.NeedState
}

// fakeComputer is apt, dpkg and the installer of such a computer.
type fakeComputer struct {
	packages  map[string]*fakePackage
	busy      string
	scanError error
	failWith  map[string]installer.Result // by package: the order that holds it fails so
	doError   error
	orders    []installer.Order
	onInstall func()
	sims      int
}

func (f *fakeComputer) Available() error { return nil }
func (f *fakeComputer) Busy() string     { return f.busy }
func (f *fakeComputer) Digest() (string, error) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.packages)) {
		fmt.Fprint(&b, name, *f.packages[name])
	}
	return b.String(), nil
}

func (f *fakeComputer) Refresh(context.Context, func(model.Progress)) ([]apt.SourceFailure, error) {
	return nil, nil
}

func (f *fakeComputer) Installed() ([]model.InstalledPackage, error) {
	var list []model.InstalledPackage
	for _, name := range slices.Sorted(maps.Keys(f.packages)) {
		if p := f.packages[name]; p.installed != "" {
			list = append(list, model.InstalledPackage{Name: name, Arch: "amd64", Version: p.installed, Held: p.state == model.NeedHeld})
		}
	}
	return list, nil
}

func (f *fakeComputer) Scan(_ context.Context, now time.Time) (*apt.Scan, error) {
	if f.scanError != nil {
		return nil, f.scanError
	}
	installed, _ := f.Installed()
	scan := &apt.Scan{Inventory: model.Inventory{Time: now, Arch: "amd64", Packages: installed}}
	for _, i := range installed {
		if p := f.packages[i.Name]; p.candidate != p.installed {
			scan.Needed = append(scan.Needed, model.NeededPackage{Package: i.Name, Arch: "amd64", Installed: p.installed, Candidate: p.candidate, State: p.state, Reason: p.state.String()})
		}
	}
	return scan, nil
}

func (f *fakeComputer) Simulate(_ context.Context, items []model.PlanItem) (*apt.Simulation, error) {
	f.sims++
	sim := &apt.Simulation{}
	seen := map[string]bool{}
	var add func(string)
	add = func(name string) {
		p := f.packages[name]
		if seen[name] || p.installed == p.candidate {
			return
		}
		seen[name] = true
		for _, d := range p.depends {
			add(d)
		}
		for _, r := range p.removes {
			sim.Remove = append(sim.Remove, apt.Change{Package: r})
		}
		sim.Install = append(sim.Install, apt.Change{Package: name, Arch: "amd64", From: p.installed, To: p.candidate})
	}
	for _, it := range items {
		add(it.Package)
	}
	return sim, nil
}

func (f *fakeComputer) Records(_ context.Context, items []model.PlanItem) (map[string]apt.Record, error) {
	records := map[string]apt.Record{}
	for _, it := range items {
		records[it.Spec()] = apt.Record{Package: it.Package, SHA256: make([]byte, 32), Size: 100}
	}
	return records, nil
}

func (f *fakeComputer) Do(_ context.Context, o installer.Order, _ func(model.Progress)) (installer.Result, error) {
	if err := o.Validate(); err != nil {
		return installer.Result{}, err
	}
	f.orders = append(f.orders, o)
	if f.doError != nil {
		return installer.Result{}, f.doError
	}
	for _, it := range o.Items {
		if r, ok := f.failWith[it.Package]; ok && o.Verb == installer.Install {
			return r, nil
		}
	}
	if o.Verb == installer.Install {
		sim, _ := f.Simulate(context.Background(), o.Items)
		if err := sim.Check(o.Items, "amd64"); err != nil {
			return installer.Result{Refused: true, Code: "plan", Text: err.Error()}, nil
		}
		for _, it := range o.Items {
			f.packages[it.Package].installed = it.To
		}
		if f.onInstall != nil {
			f.onInstall()
		}
	}
	return installer.Result{OK: true}, nil
}

func (f *fakeComputer) installs() (list []string) {
	for _, o := range f.orders {
		if o.Verb == installer.Install {
			var names []string
			for _, it := range o.Items {
				names = append(names, it.Package)
			}
			list = append(list, strings.Join(names, "+"))
		}
	}
	return list
}

type fakePeople struct {
	users     []string
	standing  string
	announced []string
	restarts  []string
}

func (p *fakePeople) LoggedIn(context.Context) ([]string, error)    { return p.users, nil }
func (p *fakePeople) Standing(_ context.Context, text string) error { p.standing = text; return nil }
func (p *fakePeople) Announce(_ context.Context, text string) error {
	p.announced = append(p.announced, text)
	return nil
}
func (p *fakePeople) Restart(_ context.Context, after time.Duration, reason string) error {
	p.restarts = append(p.restarts, after.String()+" "+reason)
	return nil
}

// world is an agent with everything around it.
type world struct {
	*testing.T
	now      time.Time
	server   *fakeServer
	computer *fakeComputer
	people   *fakePeople
	options  Options
	agent    *Agent
}

// newWorld has the packages a, b (which needs c), d (which brings the new e), f
// (which removes), h (held); each has an update of its own, "u-NAME".
func newWorld(t *testing.T) *world {
	w := &world{T: t, now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), people: &fakePeople{}}
	w.computer = &fakeComputer{failWith: map[string]installer.Result{}, packages: map[string]*fakePackage{
		"aa": {installed: "1", candidate: "2"}, "bb": {installed: "1", candidate: "2", depends: []string{"cc"}}, "cc": {installed: "1", candidate: "2"},
		"dd": {installed: "1", candidate: "2", depends: []string{"ee"}}, "ee": {candidate: "1"},
		"ff": {installed: "1", candidate: "2", removes: []string{"gg"}}, "gg": {installed: "1", candidate: "1"},
		"hh": {installed: "1", candidate: "2", state: model.NeedHeld},
	}}
	w.server = &fakeServer{t: t, catalogue: map[string]model.UpdateID{}, approved: map[model.UpdateID]time.Time{}, policy: model.DefaultPolicy(), now: func() time.Time { return w.now }}
	for name, p := range w.computer.packages {
		w.server.catalogue[name+"="+p.candidate] = model.UpdateID("u-" + name)
	}
	w.options = Options{StateDir: t.TempDir(), Server: w.server, Version: "test", Root: t.TempDir(), AsRoot: true,
		Packages: w.computer, Installer: w.computer, Users: w.people, Notifier: w.people, Restarter: w.people,
		Identity: func() (protocol.Identity, error) { return protocol.Identity{ID: "computer", Name: "box"}, nil },
		Now:      func() time.Time { return w.now }, Rand: func() float64 { return 0.5 }}
	w.restart()
	return w
}

// restart begins a new agent process on the same state.
func (w *world) restart() {
	w.Helper()
	a, err := New(w.options)
	if err != nil {
		w.Fatal(err)
	}
	w.agent = a
}

func (w *world) approve(deadline time.Time, updates ...model.UpdateID) {
	for _, u := range updates {
		w.server.approved[u] = deadline
	}
}

func (w *world) checkIn() Outcome {
	w.Helper()
	out, err := w.agent.CheckIn(w.Context(), nil)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) installed(name string) string { return w.computer.packages[name].installed }
