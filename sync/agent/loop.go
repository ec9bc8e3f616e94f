package agent

import (
	"context"
	"errors"
	"time"

	"fettle/model"
)

// patience is the shortest time between two cycles that nobody asked for, and
// nap the longest time that Run sleeps without looking at the clock: a suspended
// computer or a corrected clock moves the time under it.
const (
	patience = time.Minute
	nap      = time.Hour
)

// Run checks in when it is time, until ctx ends: at regular check-ins, at
// deadlines and schedules, and when Wake is called. It finishes the step it is
// in and then gives ctx's cause. outcome, if set, is called after each cycle.
func (a *Agent) Run(ctx context.Context, outcome func(Outcome, error)) error {
	if err := a.Available(); err != nil {
		return err
	}
	var last time.Time
	for {
		if err := a.await(ctx, last); err != nil {
			return err
		}
		last = a.o.Now()
		out, err := a.CheckIn(ctx, nil)
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
func (a *Agent) await(ctx context.Context, last time.Time) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		st, err := a.State()
		if err != nil {
			return err
		}
		at := nextRun(st, last)
		now := a.o.Now()
		if !at.After(now) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.wake:
			return nil
		case <-a.o.After(min(at.Sub(now), nap)):
		}
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
