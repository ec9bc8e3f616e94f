package simulation

import (
	"sync/atomic"
	"time"
)

// Clock is simulated time: what a store is given as its clock, so that what is
// written has the dates of the history. It stands still until it is set, and is
// safe for concurrent use. The zero value stands at the zero time.
type Clock struct{ now atomic.Pointer[time.Time] }

// Now gives the time at which the clock stands: store.Options.Clock.
func (c *Clock) Now() time.Time {
	if t := c.now.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

// Set lets the clock stand at t.
func (c *Clock) Set(t time.Time) { c.now.Store(&t) }
