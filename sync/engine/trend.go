package engine

import (
	"context"
	"sync"
	"time"

	"fettle/model"
)

// Days of the trend. While computers check in all the time, the day is counted
// now and then: what stands at its end is what counts. A process that lives
// shorter than that counts when it ends.
const (
	countEvery = 10 * time.Minute
	countTime  = 5 * time.Second // at the end of a process
)

// counting is what the engine remembers of counting the day.
type counting struct {
	mu  sync.Mutex // Close may be called while Run is at it
	at  time.Time
	day int32
	seq uint64
}

// countDay keeps how update management stands today, if it may have changed.
func (e *Engine) countDay(ctx context.Context, now time.Time, ending bool) {
	if e.o.Store.ReadOnly() {
		return
	}
	c := &e.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	day, seq := model.DayOf(now), e.o.Store.Snapshot().Seq()
	switch {
	case day == c.day && seq == c.seq:
		return
	case day == c.day && !ending && now.Sub(c.at) < countEvery && !now.Before(c.at):
		return
	}
	if err := e.o.Store.RecordDay(ctx, now); err != nil {
		if ctx.Err() == nil {
			e.o.Log.Error("the day could not be counted for the trend", "error", err)
		}
	}
	c.at, c.day, c.seq = now, day, e.o.Store.Snapshot().Seq()
}

// countAtEnd counts the day once more when the engine ends: for a console that
// was open for some minutes, or a command that only checked in, it is the one
// time that the day is counted.
func (e *Engine) countAtEnd() {
	select {
	case <-e.o.Store.Loaded():
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	e.countDay(ctx, e.o.Clock(), true)
}
