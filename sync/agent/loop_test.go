package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// caller is a fakeServer that can call the agent.
type caller struct {
	*fakeServer
	mark    string // of what is decided now
	asked   []string
	answers chan protocol.Awaited
	away    error
	meet    sync.Mutex
}

// together tells the race detector what the bubble's clock guarantees: a
// goroutine that a timer wakes comes after the test that slept.
func (c *caller) together() {
	c.meet.Lock()
	defer c.meet.Unlock()
}

func (c *caller) Decide(ctx context.Context, r protocol.DecideRequest) (protocol.Decisions, error) {
	d, err := c.fakeServer.Decide(ctx, r)
	d.Mark = []byte(c.mark)
	return d, err
}

func (c *caller) Await(ctx context.Context, r protocol.AwaitRequest) (protocol.Awaited, error) {
	c.together()
	c.asked = append(c.asked, string(r.Mark))
	if c.away != nil {
		return protocol.Awaited{}, c.away
	}
	if string(r.Mark) != c.mark {
		return protocol.Awaited{Version: protocol.Version, Mark: []byte(c.mark), CheckIn: true, Reason: "decided before"}, nil
	}
	select {
	case a := <-c.answers:
		a.Version = protocol.Version
		return a, nil
	case <-ctx.Done():
		return protocol.Awaited{}, ctx.Err()
	}
}

// running is an agent whose Run is at work in a bubble of synctest, on the
// bubble's clock.
type running struct {
	*world
	caller *caller
	cycles []time.Time
	errs   []error
}

func run(t *testing.T, do func(*running)) {
	synctest.Test(t, func(t *testing.T) {
		r := &running{world: newWorld(t)}
		r.caller = &caller{fakeServer: r.server, mark: "1", answers: make(chan protocol.Awaited, 1)}
		r.server.now = time.Now
		r.options.Now = func() time.Time {
			r.caller.together()
			return time.Now()
		}
		r.options.After, r.options.Server = time.After, r.caller
		r.options.Rand = func() float64 { return 0 }
		r.world.restart()
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("enough")
		ended := make(chan error)
		go func() {
			ended <- r.agent.Run(ctx, func(_ Outcome, err error) {
				r.cycles, r.errs = append(r.cycles, time.Now()), append(r.errs, err)
			})
		}()
		synctest.Wait()
		do(r)
		cancel(stop)
		if err := <-ended; !errors.Is(err, stop) {
			t.Errorf("Run ended with %v", err)
		}
	})
}

func (r *running) pass(d time.Duration) {
	r.caller.together()
	time.Sleep(d) // the bubble's time
	synctest.Wait()
}

func (r *running) call(mark string) {
	r.caller.mark = mark
	r.caller.answers <- protocol.Awaited{Mark: []byte(mark), CheckIn: true, Reason: "an approval"}
	synctest.Wait()
}

func TestTheServerWakesTheAgentAtOnce(t *testing.T) {
	run(t, func(r *running) {
		r.pass(time.Hour)
		if len(r.cycles) != 1 || !slices.Equal(r.caller.asked, []string{"1"}) {
			t.Fatalf("%d cycles, asked %q", len(r.cycles), r.caller.asked)
		}
		r.approve(time.Now(), "u-aa")
		now := time.Now()
		r.call("2")
		if len(r.cycles) != 2 || !r.cycles[1].Equal(now) || r.installed("aa") != "2" {
			t.Fatalf("%d cycles (%v), aa is %s", len(r.cycles), r.cycles, r.installed("aa"))
		}
		r.pass(time.Hour)
		if len(r.cycles) != 2 || !slices.Equal(r.caller.asked, []string{"1", "2"}) {
			t.Errorf("%d cycles, asked %q", len(r.cycles), r.caller.asked)
		}
		r.pass(22 * time.Hour) // the regular one comes all the same
		if len(r.cycles) != 3 {
			t.Errorf("%d cycles", len(r.cycles))
		}
	})
}

// A server may only have a new name for what is decided: that is no reason for a
// cycle.
func TestANewMarkIsNoReasonToCheckIn(t *testing.T) {
	run(t, func(r *running) {
		r.pass(time.Minute)
		r.caller.mark = "2"
		r.caller.answers <- protocol.Awaited{Mark: []byte("2")}
		r.pass(time.Minute)
		if len(r.cycles) != 1 || !slices.Equal(r.caller.asked, []string{"1", "2"}) {
			t.Errorf("%d cycles, asked %q", len(r.cycles), r.caller.asked)
		}
	})
}

// Whatever a server says, it cannot keep a computer busy.
func TestAServerThatCallsInACircle(t *testing.T) {
	run(t, func(r *running) {
		r.server.onDecide = func(protocol.DecideRequest, *protocol.Decisions) {
			r.caller.mark += "x" // never what the agent is told
		}
		r.pass(time.Minute)
		if n := len(r.cycles); n > int(time.Minute/breath)+2 {
			t.Errorf("%d cycles in a minute", n)
		}
		r.server.onDecide = nil
		r.pass(2 * breath)
		n := len(r.cycles)
		r.pass(time.Hour)
		if len(r.cycles) != n {
			t.Errorf("%d more cycles when it had stopped", len(r.cycles)-n)
		}
		r.server.down = errors.New("it fell over")
		r.call("other")
		n = len(r.cycles)
		r.pass(10 * time.Minute)
		if more := len(r.cycles) - n; more == 0 || more > 10 {
			t.Errorf("%d cycles in ten minutes in which each failed", more)
		}
	})
}

func TestAServerThatCannotBeListenedTo(t *testing.T) {
	run(t, func(r *running) {
		r.pass(time.Minute)
		r.caller.away = errors.New("no route")
		r.caller.answers <- protocol.Awaited{Mark: []byte("1")} // ends the call that waits
		r.pass(10 * time.Minute)
		if n := len(r.caller.asked); n < 8 || n > 13 || len(r.cycles) != 1 {
			t.Errorf("asked %d times in ten minutes, %d cycles", n, len(r.cycles))
		}
		r.caller.away, r.caller.mark = nil, "2" // something was decided meanwhile
		r.pass(2 * time.Minute)
		if len(r.cycles) != 2 || string(mustState(r).Mark) != "2" {
			t.Errorf("%d cycles, the mark is %q", len(r.cycles), mustState(r).Mark)
		}
	})
}

// At a server that calls nobody the agent keeps to its schedule, and asks again
// when that brought it there: the server may be a newer one by then.
func TestAServerThatCallsNobody(t *testing.T) {
	run(t, func(r *running) {
		r.caller.away = protocol.ErrNotCalled
		r.pass(12 * time.Hour)
		if n := len(r.caller.asked); n != 1 || len(r.cycles) != 1 {
			t.Errorf("asked %d times, %d cycles", n, len(r.cycles))
		}
		r.pass(12 * time.Hour)
		if n := len(r.caller.asked); n != 2 || len(r.cycles) != 2 {
			t.Errorf("asked %d times, %d cycles", n, len(r.cycles))
		}
	})
}

func mustState(r *running) State {
	st, err := r.agent.State()
	if err != nil {
		r.Fatal(err)
	}
	return st
}

// What was decided while the agent was not there is told when it is back.
func TestTheMarkOutlivesTheAgent(t *testing.T) {
	w := newWorld(t)
	c := &caller{fakeServer: w.server, mark: "1"}
	w.options.Server = c
	w.restart()
	w.checkIn()
	if m := w.server.reports[0].Mark; m != nil {
		t.Errorf("the first report names the mark %q", m)
	}
	w.restart()
	w.checkIn()
	if string(w.server.last().Mark) != "1" {
		t.Errorf("the second report names the mark %q", w.server.last().Mark)
	}
}

// Who asks for a cycle waits for the one that runs, instead of being refused
// because the server was quicker.
func TestAPersonWaitsForTheCycleThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server.now = time.Now
		w.options.Now, w.options.After, w.options.Patience = time.Now, time.After, time.Minute
		w.restart()
		w.approve(time.Time{}, "u-aa")
		unlock, err := w.agent.lock()
		if err != nil {
			t.Fatal(err)
		}
		other, err := New(w.options)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		time.AfterFunc(10*time.Second, unlock)
		var phases []string
		_, err = other.Install(t.Context(), nil, func(p model.Progress) { phases = append(phases, p.Phase) })
		if err != nil || w.installed("aa") != "2" || time.Since(begun) < 10*time.Second || phases[0] != "waiting for the check-in that runs" {
			t.Errorf("%v after %s, aa is %s", err, time.Since(begun), w.installed("aa"))
		}
		unlock, err = w.agent.lock()
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		var refusal *model.Refusal
		if _, err := other.CheckIn(t.Context(), nil); !errors.As(err, &refusal) || refusal.Code != "busy" {
			t.Errorf("after its patience: %v", err)
		}
	})
}

// Two processes may mind one computer: a console that holds the store, and an
// agent that runs beside it. The server wakes both; one of them checks in.
func TestTwoAgentsOfOneComputer(t *testing.T) {
	run(t, func(r *running) {
		r.pass(time.Minute)
		other, err := New(r.options)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		r.computer.onInstall = func() { time.Sleep(10 * time.Minute) }
		r.approve(at, "u-aa")
		r.caller.mark = "2"
		ended := make(chan error)
		go func() {
			_, err := other.CheckIn(t.Context(), nil)
			ended <- err
		}()
		synctest.Wait() // it is at work
		r.call("2")
		r.pass(5 * time.Minute)
		if len(r.cycles) != 1 || r.errs[0] != nil {
			t.Errorf("%d cycles, %v", len(r.cycles), r.errs)
		}
		if err := <-ended; err != nil || time.Since(at) != 10*time.Minute {
			t.Errorf("the other ended after %s with %v", time.Since(at), err)
		}
		r.pass(time.Hour)
		if len(r.cycles) != 1 || r.caller.asked[len(r.caller.asked)-1] != "2" {
			t.Errorf("%d cycles, asked %q: what the other learned counts", len(r.cycles), r.caller.asked)
		}
		r.pass(23 * time.Hour)
		if len(r.cycles) != 2 || r.errs[1] != nil {
			t.Errorf("%d cycles, %v", len(r.cycles), r.errs)
		}
	})
}
