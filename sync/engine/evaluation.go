package engine

import (
	"context"
	"fmt"
	"time"

	"fettle/model"
)

// outdated says from the records whether the catalogue changed after computers
// were last evaluated: a process may have ended in between.
func (e *Engine) outdated() bool {
	snap := e.o.Store.Snapshot()
	last := lastChange(snap.Runs())
	if last.IsZero() {
		return false
	}
	for _, c := range snap.Computers() {
		if e.o.Agents.Outdated(snap, c, last) {
			return true
		}
	}
	return false
}

// lastChange is when the catalogue last changed, as far as runs tell. A run that
// was cut off did perhaps.
func lastChange(runs []*model.SyncRun) time.Time {
	for _, r := range runs {
		switch {
		case r.Ended.IsZero():
			return r.Started
		case changed(r):
			return r.Ended
		}
	}
	return time.Time{}
}

func (e *Engine) setStale(to bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stale = to
}

func (e *Engine) isStale() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stale
}

// startEvaluation makes up for an evaluation that a job could not make.
func (e *Engine) startEvaluation(ctx context.Context) {
	if e.o.Store.ReadOnly() || !e.isStale() || e.synchronizing() {
		return
	}
	if _, err := e.Evaluate(ctx, scheduled); err != nil && ctx.Err() == nil {
		e.o.Log.Error("computers could not be evaluated again", "error", err)
	}
}

// Evaluate starts a job that evaluates the last inventory of every computer
// against the catalogue as it is now. Synchronizations do so themselves; it is
// for other ways by which a catalogue arrives, such as an import.
func (e *Engine) Evaluate(ctx context.Context, by model.Actor) (*Job, error) {
	state := JobState{Kind: JobEvaluation, Name: "Evaluation of computers", By: by}
	return e.start(ctx, state, []JobKind{JobSynchronization, JobEvaluation}, e.evaluate)
}

func (e *Engine) evaluate(ctx context.Context, j *Job) (string, error) {
	// Cleared before: an evaluation that fails must not be repeated in a circle.
	// The next change of the catalogue, or the next start, tries again.
	e.setStale(false)
	changed, err := e.o.Agents.Reevaluate(ctx, j.progress)
	if err != nil {
		if ctx.Err() != nil {
			e.setStale(true)
		}
		return "", fmt.Errorf("evaluating computers against the catalogue: %w", err)
	}
	e.o.Agents.Recheck() // a withdrawn or revised update concerns whom it is approved for
	if changed == 1 {
		return "the status of 1 computer changed", nil
	}
	return fmt.Sprintf("the status of %d computers changed", changed), nil
}
