package agent

import (
	"context"
	"errors"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// patience is the shortest time between two cycles that nobody asked for, and
// nap the longest time that Run sleeps without looking at the clock: a suspended
// computer or a corrected clock moves the time under it. breath is the shortest
// time between two cycles that the server woke the agent for, and after one that
// failed it is patience: a server that calls in a circle must not keep a
// computer busy.
const (
	patience = time.Minute
	nap      = time.Hour
	breath   = 5 * time.Second
)

// Run checks in when it is time, until ctx ends: at regular check-ins, at
// deadlines and schedules, when Wake is called, and when a server that is a
// Caller says that it decided something. It finishes the step it is in and then
// gives ctx's cause. outcome, if set, is called after each cycle of its own; where
// another process checks in for this computer, it leaves that to it.
func (a *Agent) Run(ctx context.Context, outcome func(Outcome, error)) error {
	if err := a.Available(); err != nil {
		return err
	}
	var last time.Time
	var failed bool
	for {
		why, err := a.await(ctx, last, failed)
		if err != nil {
			return err
		}
		last = a.o.Now()
		out, err := a.cycle(ctx, why, func(model.UpdateID) bool { return false }, nil)
		if other := (*atWork)(nil); errors.As(err, &other) {
			// A person's command, or another process that minds this computer, does it:
			// no failure. What that leaves undone shows in the state when it is over.
			if err := a.afterOther(ctx); err != nil {
				return err
			}
			continue
		}
		failed = err != nil
		if err != nil {
			var refusal *model.Refusal
			if errors.As(err, &refusal) {
				a.o.Log.Info("check-in", "refused", err)
			} else {
				a.o.Log.Error("the check-in failed", "error", err)
			}
		}
		if outcome != nil {
			outcome(out, err)
		}
	}
}

// await sleeps until something is to be done.
func (a *Agent) await(ctx context.Context, last time.Time, failed bool) (occasion, error) {
	var called <-chan string
	for {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		st, err := a.State()
		if err != nil {
			return 0, err
		}
		at := nextRun(st, last)
		now := a.o.Now()
		if !at.After(now) {
			return timed, nil
		}
		if called == nil {
			soonest := last.Add(breath)
			if failed {
				soonest = last.Add(patience)
			}
			var hangUp func()
			called, hangUp = a.listen(ctx, st.Mark, soonest)
			defer hangUp()
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-a.wake:
			return woken, nil
		case reason := <-called:
			a.o.Log.Info("the server called", "reason", model.Clean(reason))
			return woken, nil
		case <-a.o.After(min(at.Sub(now), nap)):
		}
	}
}

// redial is how long the agent waits after the server could not be listened to;
// as much again is left to chance, so that not all computers come back at once.
const redial = time.Minute

// listen has the server call when it has decided something else than mark names,
// but not before the time soonest. Its one goroutine ends before hangUp returns.
func (a *Agent) listen(ctx context.Context, mark []byte, soonest time.Time) (called <-chan string, hangUp func()) {
	caller, ok := a.o.Server.(Caller)
	if !ok {
		return make(chan string), func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	calls := make(chan string, 1)
	ended := make(chan struct{})
	pause := func(d time.Duration) bool {
		if d <= 0 {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-a.o.After(d):
			return true
		}
	}
	go func() {
		defer close(ended)
		who, err := a.o.Identity()
		if err != nil {
			return // no check-in can be made either, and that one says so
		}
		said := false
		for wait := min(soonest.Sub(a.o.Now()), patience); pause(wait); {
			answer, err := caller.Await(ctx, protocol.AwaitRequest{Version: protocol.Version, Computer: who.ID, Mark: mark})
			if err == nil {
				err = protocol.CheckVersion(answer.Version)
			}
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, protocol.ErrNotCalled):
				// Not before the next cycle: a newer server may be there by then.
				a.o.Log.Info("nothing but its own schedule wakes this agent", "reason", err)
				return
			case err != nil:
				if !said {
					a.o.Log.Warn("the server cannot call this computer when something is decided; the next check-in asks", "error", err)
				}
				said, wait = true, redial+time.Duration(a.o.Rand()*float64(redial))
			case answer.CheckIn:
				calls <- answer.Reason
				return
			default:
				// Answered without a reason to wake us, at a rate that is ours to bound.
				said, wait = false, breath
				if len(answer.Mark) > 0 {
					mark = answer.Mark
				}
			}
		}
	}()
	return calls, func() {
		cancel()
		<-ended
	}
}

// nextRun is when the next cycle is due; zero when it is at once.
func nextRun(st State, last time.Time) time.Time {
	at := st.NextCheck
	if !st.Wake.IsZero() && st.Wake.Before(at) {
		at = st.Wake
	}
	if soonest := last.Add(patience); !last.IsZero() && at.Before(soonest) {
		at = soonest
	}
	return at
}
