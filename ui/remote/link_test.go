package remote

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gliderlabs/ssh"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent"
	"fettle/sync/agent/apt"
	"fettle/sync/agent/protocol"
	"fettle/sync/endpoint/agents"
)

// link attaches an agent at a socket.
func link(t *testing.T, socket string) *Link {
	t.Helper()
	attach := func(ctx context.Context) (*Client, error) { return Dial(ctx, socket, DialTimeout) }
	c, err := attach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLink(t.Context(), c, attach)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// calling is a server that calls at the test's word.
type calling struct {
	server
	waiting chan protocol.AwaitRequest
	call    chan protocol.Awaited
	over    chan error // why a call of Await ended without an answer
}

func newCalling() *calling {
	return &calling{waiting: make(chan protocol.AwaitRequest, 1), call: make(chan protocol.Awaited), over: make(chan error, 1)}
}

func (c *calling) Await(ctx context.Context, r protocol.AwaitRequest) (protocol.Awaited, error) {
	c.waiting <- r
	select {
	case a := <-c.call:
		return a, nil
	case <-ctx.Done():
		c.over <- context.Cause(ctx)
		return protocol.Awaited{}, ctx.Err()
	}
}

func serving(s AgentServer) func(context.Context, model.Actor) (AgentServer, error) {
	return func(context.Context, model.Actor) (AgentServer, error) { return s, nil }
}

type awaited struct {
	protocol.Awaited
	err error
}

func await(ctx context.Context, l *Link, mark string) <-chan awaited {
	done := make(chan awaited, 1)
	go func() {
		a, err := l.Await(ctx, protocol.AwaitRequest{Version: protocol.Version, Computer: "c1", Mark: []byte(mark)})
		done <- awaited{a, err}
	}()
	return done
}

func TestCallsGoBesideRequests(t *testing.T) {
	s := newCalling()
	h := hold(t, Options{Agent: serving(s)})
	l := link(t, h.Socket())
	done := await(t.Context(), l, "m1")
	if r := <-s.waiting; string(r.Mark) != "m1" || r.Computer != "c1" {
		t.Errorf("%+v", r)
	}
	if _, err := l.Report(t.Context(), protocol.Report{}); err != nil || len(s.reports) != 1 {
		t.Errorf("a report beside it: %v", err)
	}
	if busy := h.Busy(); len(busy) != 0 {
		t.Errorf("an agent that waits counts as a command: %q", busy)
	}
	s.call <- protocol.Awaited{Version: protocol.Version, Mark: []byte("m2"), CheckIn: true, Reason: "an approval"}
	if a := <-done; a.err != nil || !a.CheckIn || string(a.Mark) != "m2" || a.Reason != "an approval" {
		t.Errorf("%+v", a)
	}
}

func TestAnAgentHangsUp(t *testing.T) {
	s := newCalling()
	h := hold(t, Options{Agent: serving(s)})
	l := link(t, h.Socket())
	ctx, cancel := context.WithCancel(t.Context())
	done := await(ctx, l, "")
	<-s.waiting
	cancel()
	if a := <-done; !errors.Is(a.err, context.Canceled) {
		t.Error(a.err)
	}
	<-s.over // the server waits for nobody
	// That conversation is over, not the link.
	if _, err := l.Report(t.Context(), protocol.Report{}); err != nil {
		t.Error(err)
	}
	// An agent that dies is noticed, too.
	await(t.Context(), l, "")
	<-s.waiting
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-s.over
}

func TestAHolderLeavesWithoutWaitingForAgents(t *testing.T) {
	s := newCalling()
	first := hold(t, Options{Agent: serving(s)})
	l := link(t, first.Socket())
	done := await(t.Context(), l, "")
	<-s.waiting
	if err := first.Close(t.Context()); err != nil { // t's context does not end: nothing was cut off
		t.Fatal(err)
	}
	if a := <-done; a.err == nil {
		t.Errorf("%+v", a)
	}
	if err := <-s.over; err != errLeaving {
		t.Errorf("it ended by %v", err)
	}
	if _, err := l.Report(t.Context(), protocol.Report{}); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody is there: %v", err)
	}
	// The next holder is found by whatever is needed first, and the report that
	// finds the old conversation over is made all the same.
	for _, need := range []func() error{
		func() error { _, err := l.Report(t.Context(), protocol.Report{}); return err },
		func() error {
			a := await(t.Context(), l, "")
			<-s.waiting
			s.call <- protocol.Awaited{}
			return (<-a).err
		},
		func() error { return l.Event(t.Context(), protocol.Event{}) },
	} {
		next := hold(t, Options{Socket: first.Socket(), Agent: serving(s)})
		if err := need(); err != nil && err.Error() != "no room" {
			t.Error(err)
		}
		if err := next.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAServerThatCallsNobody(t *testing.T) {
	l := link(t, hold(t, Options{Agent: serving(&server{})}).Socket())
	if a := <-await(t.Context(), l, ""); !errors.Is(a.err, protocol.ErrNotCalled) {
		t.Error(a.err)
	}
	refused := link(t, hold(t, Options{Agent: serving(refusing{newCalling()})}).Socket())
	var refusal *model.Refusal
	if a := <-await(t.Context(), refused, ""); !errors.As(a.err, &refusal) || refusal.Code != "setup" {
		t.Error(a.err)
	}
}

type refusing struct{ *calling }

func (refusing) Await(context.Context, protocol.AwaitRequest) (protocol.Awaited, error) {
	return protocol.Awaited{}, model.SetupRefusal(model.Setup{})
}

// A holder from before Await greets with an empty answer and knows three
// requests.
func TestAnOlderHolder(t *testing.T) {
	socket := filepath.Join(t.TempDir(), SocketName)
	key, err := hostKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan method, 10)
	old := &ssh.Server{HostSigners: []ssh.Signer{key}, SubsystemHandlers: map[string]ssh.SubsystemHandler{agentSubsystem: func(s ssh.Session) {
		for {
			var q request
			if readFrame(s, &q) != nil {
				return
			}
			asked <- q.Method
			r := response{}
			if q.Method > methodEvent {
				r.Error = "an agent asked for something unknown"
			}
			if writeFrame(s, r) != nil {
				return
			}
		}
	}}}
	l, err := listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- old.Serve(l) }()
	attached := link(t, socket)
	if a := <-await(t.Context(), attached, ""); !errors.Is(a.err, protocol.ErrNotCalled) {
		t.Error(a.err)
	}
	if err := attached.Event(t.Context(), protocol.Event{}); err != nil {
		t.Error(err)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	close(asked)
	var all []method
	for m := range asked {
		all = append(all, m)
	}
	if !slices.Equal(all, []method{methodHello, methodHello, methodEvent}) {
		t.Errorf("the older holder was asked %v", all)
	}
}

// box is a computer that needs one package.
type box struct{}

func (box) Available() error { return nil }
func (box) Busy() string     { return "" }
func (box) Refresh(context.Context, func(model.Progress)) ([]apt.SourceFailure, error) {
	return nil, nil
}
func (box) Digest() (string, error) { return "always the same", nil }
func (box) Installed() ([]model.InstalledPackage, error) {
	return []model.InstalledPackage{{Name: "aa", Arch: "amd64", Version: "1"}}, nil
}
func (b box) Scan(_ context.Context, now time.Time) (*apt.Scan, error) {
	installed, _ := b.Installed()
	return &apt.Scan{Inventory: model.Inventory{Time: now, Arch: "amd64", Packages: installed},
		Needed: []model.NeededPackage{{Package: "aa", Arch: "amd64", Installed: "1", Candidate: "2"}}}, nil
}
func (box) Simulate(context.Context, []model.PlanItem) (*apt.Simulation, error) {
	return &apt.Simulation{Install: []apt.Change{{Package: "aa", Arch: "amd64", From: "1", To: "2"}}}, nil
}
func (box) Records(context.Context, []model.PlanItem) (map[string]apt.Record, error) {
	return nil, nil
}
func (box) LoggedIn(context.Context) ([]string, error)           { return nil, nil }
func (box) Standing(context.Context, string) error               { return nil }
func (box) Announce(context.Context, string) error               { return nil }
func (box) Restart(context.Context, time.Duration, string) error { return nil }
func (box) Identity() (protocol.Identity, error) {
	return protocol.Identity{ID: "box", Name: "box"}, nil
}

// The whole way: who holds the store approves something, and the agent that is
// attached through the socket checks in, also when the holder was another one
// meanwhile.
func TestAnApprovalWakesAnAttachedAgent(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s, err := store.Open(store.Options{Dir: t.TempDir(), Clock: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	admin := model.Actor{Who: "alice", From: model.FromCommand, Role: model.AccessAdministrator}
	change := func(c model.Change) {
		t.Helper()
		if _, err := s.Make(t.Context(), c, admin); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	change(model.Change{Kind: model.ChangeComputers, How: []string{"this computer"}})
	change(model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}})
	change(model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: model.GroupAll, Policy: model.Policy{Mode: model.ModeNotify, Restart: model.RestartNo}}})
	id := model.DebianID("Debian", "bookworm", "aa", "2")
	if _, err := s.Import(t.Context(), []*model.Update{{ID: id, Upstream: "debian", Title: "aa 2", Class: model.ClassUpdate, Version: "2", Released: now,
		Debian: &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: "aa", Version: "2", Suites: []string{"bookworm"},
			Packages: []model.DebianPackage{{Name: "aa", Arch: "amd64", Version: "2", Size: 1, SHA256: make([]byte, 32), Filename: "pool/aa"}}}}}); err != nil {
		t.Fatal(err)
	}
	number := s.Snapshot().RowByID(id).Number
	approve := func(deadline time.Time) {
		t.Helper()
		change(model.Change{Kind: model.ChangeApprove, Updates: []uint32{number}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: deadline}}})
	}

	serve := func(socket string) *Holder {
		endpoint := agents.New(s, agents.Options{Clock: clock}) // as a process that was started anew has it
		return hold(t, Options{Socket: socket, Agent: serving(endpoint.For("", true))})
	}
	h := serve("")
	redials := make(chan chan<- time.Time)
	a, err := agent.New(agent.Options{StateDir: t.TempDir(), Server: link(t, h.Socket()), Version: "test", Root: t.TempDir(),
		Packages: box{}, Users: box{}, Notifier: box{}, Restarter: box{}, Identity: box{}.Identity, Now: clock, Rand: func() float64 { return 0 },
		After: func(d time.Duration) <-chan time.Time {
			fire := make(chan time.Time, 1)
			switch {
			case d < time.Minute: // a breath between two cycles
				fire <- now
			case d < time.Hour: // before it dials again
				redials <- fire
			}
			return fire
		}})
	if err != nil {
		t.Fatal(err)
	}
	type cycle struct {
		agent.Outcome
		err error
	}
	cycles := make(chan cycle)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx, func(o agent.Outcome, err error) { cycles <- cycle{o, err} }) }()
	want := func(deadlines ...time.Time) {
		t.Helper()
		c := <-cycles
		if c.err != nil {
			t.Fatal(c.err)
		}
		var got []time.Time
		for _, u := range c.Decisions.Approved {
			got = append(got, u.Deadline)
		}
		if !slices.EqualFunc(got, deadlines, time.Time.Equal) {
			t.Fatalf("the deadlines %v, want %v", got, deadlines)
		}
	}
	want() // the first one, when it starts
	approve(time.Time{})
	want(time.Time{})

	// The holder ends. The agent tries to reach it now and then, no more.
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again := <-redials
		again <- now
	}
	again := <-redials
	approve(now.Add(48 * time.Hour)) // while it is not there
	serve(h.Socket())
	again <- now
	want(now.Add(48 * time.Hour))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
