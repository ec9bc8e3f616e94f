package engine

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/endpoint/agents"
	"fettle/sync/upstream"
)

// Computer is the agent of the computer that this process runs on.
type Computer interface {
	// CheckIn makes one cycle now.
	CheckIn(ctx context.Context, progress func(model.Progress)) error
	// Run makes cycles on the agent's own schedule until ctx ends.
	Run(ctx context.Context) error
	// Install installs approved updates now, at the user's word; none named means
	// all of them.
	Install(ctx context.Context, ids []model.UpdateID, progress func(model.Progress)) error
}

// Options say what an engine works on. Only Store is needed.
type Options struct {
	Store   *store.Store
	Agents  *agents.Endpoint                              // where computers report in this process; nil = the engine makes one, see Engine.Agents
	Sources func(model.Upstream) (upstream.Source, error) // how a configured upstream is opened, where it is not a file; nil = Archives
	Carry   CarryPolicy                                   // of files that are carried in
	Agent   func() (Computer, error)                      // this computer's own agent; nil, and a nil Computer, mean that it is not managed here
	Clock   func() time.Time                              // nil = time.Now; its zone is the one in which schedules are kept
	After   func(d time.Duration) <-chan time.Time        // nil = time.After
	Rand    func() float64                                // in [0, 1); nil = the runtime's
	Log     *slog.Logger
}

// Engine runs what goes on in the background of a store.
type Engine struct {
	o Options

	life context.Context // of the engine: ends with Close
	end  context.CancelCauseFunc
	work sync.WaitGroup // jobs, watchers, the agent
	wake chan struct{}  // something happened that Run must look at
	ends sync.Once      // what is done once at the end

	counted counting

	mu       sync.Mutex
	closed   bool
	owner    bool // Run is at work: jobs belong to it
	begun    time.Time
	starting bool   // Run has not looked at the schedules yet
	last     uint64 // number of the newest job
	jobs     []*Job // running, the oldest first
	finished []JobState
	watchers map[chan struct{}]struct{}
	plans    map[string]planned // by upstream
	stale    bool               // the catalogue changed since computers were evaluated
}

var (
	errClosed   = errors.New("the engine is closed")
	errCanceled = errors.New("it was cancelled")
	errEnding   = errors.New("the process ended meanwhile")
)

// New makes an engine. It starts nothing.
func New(o Options) *Engine {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Sources == nil {
		o.Sources = Archives
	}
	if o.Agents == nil {
		o.Agents = agents.New(o.Store, agents.Options{Clock: o.Clock, Log: o.Log})
	}
	e := &Engine{o: o, wake: make(chan struct{}, 1), watchers: map[chan struct{}]struct{}{}, plans: map[string]planned{}}
	e.life, e.end = context.WithCancelCause(context.Background())
	return e
}

// Agents is the endpoint that computers of this process report to. Reports and
// re-evaluation must go through the same one, which keeps them from overwriting
// each other.
func (e *Engine) Agents() *agents.Endpoint { return e.o.Agents }

// The engine looks up at least this often: a computer's clock may jump, and a
// suspended one does not count the time it slept.
const longestWait = 10 * time.Minute

// refreshEvery is how often formulas that depend on time are evaluated.
const refreshEvery = time.Hour

// Run keeps schedules, jobs and the agent going until ctx ends; it returns after
// the last job did. It is called once, and closes the engine when it returns.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	if e.closed || e.owner {
		e.mu.Unlock()
		return errClosed
	}
	e.owner, e.starting, e.begun = true, true, e.o.Clock()
	e.mu.Unlock()
	defer e.Close()
	if err := e.o.Store.WaitLoaded(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if e.outdated() {
		e.setStale(true)
	}
	changes := e.o.Store.Watch(ctx)
	minder := minder{engine: e}
	refresh := e.o.Clock().Add(refreshEvery)
	for {
		minder.look(ctx)
		e.startEvaluation(ctx)
		e.startDue(ctx)
		e.mu.Lock()
		e.starting = false
		e.mu.Unlock()
		now := e.o.Clock()
		e.countDay(ctx, now, false)
		if !now.Before(refresh) {
			refresh = now.Add(refreshEvery)
			if err := e.o.Store.RefreshGroups(ctx); err != nil && ctx.Err() == nil {
				e.o.Log.Error("groups could not be evaluated anew", "error", err)
			}
			e.o.Agents.Recheck()
		}
		wait := min(longestWait, refresh.Sub(now))
		if at := e.nextDue(now); !at.IsZero() {
			wait = min(wait, max(0, at.Sub(now)))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case <-e.wake:
		case <-e.o.After(wait):
		}
	}
}

// Close cancels every job and waits until all goroutines of the engine ended.
// The engine refuses work from then on.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.end(errEnding)
	e.work.Wait()
	e.ends.Do(e.countAtEnd)
}

// poke has Run look again.
func (e *Engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
