package engine

import (
	"context"
	"time"
)

// watchInterval is the shortest time between two messages of Watch: ten a second
// are plenty for an eye.
const watchInterval = 100 * time.Millisecond

// Watch gives a channel that receives when a job began, made progress or ended.
// What happens within a tenth of a second is told as one, and the last change is
// always told. It ends with ctx, or with the engine.
func (e *Engine) Watch(ctx context.Context) <-chan struct{} {
	in, out := make(chan struct{}, 1), make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return out
	}
	e.watchers[in] = struct{}{}
	e.work.Go(func() {
		defer func() {
			e.mu.Lock()
			delete(e.watchers, in)
			e.mu.Unlock()
		}()
		for {
			select {
			case <-in:
			case <-ctx.Done():
				return
			case <-e.life.Done():
				return
			}
			select {
			case out <- struct{}{}:
			default:
			}
			select {
			case <-e.o.After(watchInterval):
			case <-ctx.Done():
				return
			case <-e.life.Done():
				return
			}
		}
	})
	return out
}

// notify tells the watchers that a job changed.
func (e *Engine) notify() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notifyLocked()
}

func (e *Engine) notifyLocked() {
	for in := range e.watchers {
		select {
		case in <- struct{}{}:
		default:
		}
	}
}
