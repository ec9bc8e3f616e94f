package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/store"
)

// Schedules. The random offset spreads servers over some minutes; retries are
// for archives that were away for a moment or a night.
const (
	largestOffset = 10 * time.Minute
	catchUp       = time.Minute // after Run began
)

var retryAfter = []time.Duration{5 * time.Minute, 15 * time.Minute, 45 * time.Minute, 2 * time.Hour}

// planned is what the engine remembers of an upstream's schedule. The random part
// is drawn once, so that what is shown is what happens.
type planned struct {
	schedule model.SyncSchedule
	since    time.Time // scheduled times after this one count
	slot     time.Time
	offset   time.Duration
	tried    time.Time // when it was last started by schedule
}

// NextSync gives the time at which an upstream is synchronized by itself; zero
// when it is not. Without Run nothing is caught up, and the next scheduled time
// is the answer.
func (e *Engine) NextSync(u model.Upstream) time.Time {
	now := e.o.Clock()
	e.mu.Lock()
	owner := e.owner
	e.mu.Unlock()
	if !owner {
		return u.Schedule.Next(now)
	}
	return e.next(e.o.Store.Snapshot(), u, now)
}

// next computes when an upstream is due.
func (e *Engine) next(snap *store.Snapshot, u model.Upstream, now time.Time) time.Time {
	if u.Schedule.PerDay == 0 {
		return time.Time{}
	}
	last := newest(snap, u.Name)
	e.mu.Lock()
	defer e.mu.Unlock()
	p, known := e.plans[u.Name]
	if !known || p.schedule != u.Schedule {
		p = planned{schedule: u.Schedule, since: now, tried: p.tried}
		// What was configured before the process began may have been missed: since
		// its last run, or since the wizard was completed. A schedule that is set
		// now is not late.
		if done := snap.Setup().Updates.Done; !known && e.starting {
			if last != nil {
				p.since = last.Started
			} else if !done.IsZero() {
				p.since = done
			}
		}
	}
	base := p.since
	if last != nil && last.Started.After(base) {
		base = last.Started
	}
	if base.After(now) { // the clock was set back
		base = now
	}
	if slot := u.Schedule.Next(base.In(now.Location())); !slot.Equal(p.slot) {
		p.slot, p.offset = slot, time.Duration(e.o.Rand()*float64(largestOffset)).Truncate(time.Second)
	}
	e.plans[u.Name] = p
	at := p.slot.Add(p.offset)
	if again := retry(snap, u, last); !again.IsZero() && again.Before(at) {
		at = again
	}
	// What should have happened before this process began is caught up, but not in
	// the middle of its start; and what could not even be recorded as a run (a full
	// disk) is not tried in a circle.
	for _, earliest := range []time.Time{e.begun.Add(catchUp), p.tried.Add(retryAfter[0])} {
		if at.Before(earliest) {
			at = earliest
		}
	}
	return at
}

// newest gives an upstream's newest run.
func newest(snap *store.Snapshot, upstream string) *model.SyncRun {
	for _, r := range snap.Runs() {
		if r.Upstream == upstream {
			return r
		}
	}
	return nil
}

// retry says when a scheduled run that did not come to its end is tried again;
// zero when it is not, because a person started or cancelled it, or because it
// was tried often enough.
func retry(snap *store.Snapshot, u model.Upstream, last *model.SyncRun) time.Time {
	if last == nil || last.Manual || !unfinished(last) {
		return time.Time{}
	}
	// Those before count while they belong to the same scheduled time; half the
	// time between two tells them apart.
	since := last.Started.Add(-12 * time.Hour / time.Duration(u.Schedule.PerDay))
	tries := 0
	for _, r := range snap.Runs() {
		if r.Upstream != u.Name {
			continue
		}
		if r.Manual || !unfinished(r) || !r.Started.After(since) {
			break
		}
		tries++
	}
	if tries > len(retryAfter) {
		return time.Time{}
	}
	from := last.Ended
	if from.IsZero() {
		from = last.Started
	}
	return from.Add(retryAfter[tries-1])
}

// unfinished says whether a run failed or was cut off by the end of its process.
func unfinished(r *model.SyncRun) bool {
	switch r.Result {
	case model.SyncFailed, model.SyncUnknown:
		return true
	case model.SyncCanceled:
		return strings.HasPrefix(r.Error, endedText)
	}
	return false
}

// startDue synchronizes what is due, all of it in one job.
func (e *Engine) startDue(ctx context.Context) {
	if e.o.Store.ReadOnly() || e.synchronizing() {
		return
	}
	now := e.o.Clock()
	snap := e.o.Store.Snapshot()
	var due []model.Upstream
	for _, u := range snap.Upstreams() {
		if at := e.next(snap, u, now); !at.IsZero() && !at.After(now) {
			due = append(due, u)
		}
	}
	e.mu.Lock()
	for name := range e.plans {
		if !slices.ContainsFunc(snap.Upstreams(), func(u model.Upstream) bool { return u.Name == name }) {
			delete(e.plans, name)
		}
	}
	for _, u := range due {
		p := e.plans[u.Name]
		p.tried = now
		e.plans[u.Name] = p
	}
	e.mu.Unlock()
	if len(due) == 0 {
		return
	}
	if _, err := e.synchronize(ctx, due, scheduled); err != nil {
		e.o.Log.Error("a scheduled synchronization could not be started", "error", err)
	}
}

// nextDue is the earliest time at which an upstream is due; zero when there is
// none, or when the end of a running job will tell.
func (e *Engine) nextDue(now time.Time) time.Time {
	if e.o.Store.ReadOnly() || e.synchronizing() {
		return time.Time{}
	}
	var first time.Time
	snap := e.o.Store.Snapshot()
	for _, u := range snap.Upstreams() {
		if at := e.next(snap, u, now); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// synchronizing says whether the catalogue is being worked on.
func (e *Engine) synchronizing() bool {
	_, s := e.Running(JobSynchronization)
	_, v := e.Running(JobEvaluation)
	return s || v
}
