package simulation

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Options say what to make. The zero value of a field means its default.
type Options struct {
	Seed      uint64
	Updates   int           // in the catalogue at Until; default 2,000
	Computers int           // of the fleet; default 200
	Microsoft float64       // share of Microsoft-shaped updates, and of Windows computers; default 0.6, negative = none
	Until     time.Time     // the end of the history: "now"; default 2026-09-01 12:00 UTC
	Span      time.Duration // from the first synchronization to Until; default a year, at least 60 days
	Ahead     time.Duration // the catalogue goes on so long after Until, for Live to bring
	Groups    int           // made by administrators; default by the number of computers
	Details   bool          // Linux computers also report inventories and the packages behind what they need, as our own agent does
	Clock     *Clock        // the clock that the store was opened with: Fill and Live set it
}

// Defaults of Options.
const (
	DefaultUpdates   = 2000
	DefaultComputers = 200
	DefaultMicrosoft = 0.6
	DefaultSpan      = 365 * day
)

const day = 24 * time.Hour

// DefaultUntil is where a history ends when nothing else is said.
func DefaultUntil() time.Time { return time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC) }

// withDefaults fills in what was left open.
func (o Options) withDefaults() Options {
	if o.Updates <= 0 {
		o.Updates = DefaultUpdates
	}
	if o.Computers <= 0 {
		o.Computers = DefaultComputers
	}
	switch {
	case o.Microsoft == 0:
		o.Microsoft = DefaultMicrosoft
	case o.Microsoft < 0:
		o.Microsoft = -1 // and not 0: defaults may be filled in twice
	}
	o.Microsoft = min(o.Microsoft, 1)
	if o.Until.IsZero() {
		o.Until = DefaultUntil()
	}
	o.Until = o.Until.UTC().Truncate(time.Second)
	if o.Span == 0 {
		o.Span = DefaultSpan
	}
	o.Span = max(o.Span, 60*day).Truncate(day)
	o.Ahead = max(0, o.Ahead).Truncate(day)
	if o.Groups <= 0 {
		o.Groups = min(60, 6+o.Computers/100)
	}
	return o
}

// begin is the time of the first synchronization.
func (o Options) begin() time.Time { return o.Until.Add(-o.Span) }

// chance gives the generator of one part: the same for the same seed and name,
// whatever other parts draw.
func (o Options) chance(part string) *rand.Rand { return o.chanceOf(part, 0) }

// chanceOf gives the generator of one thing of a part, such as one computer.
func (o Options) chanceOf(part string, n int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(part))
	return rand.New(rand.NewPCG(o.Seed, h.Sum64()+uint64(n)*0x9e3779b97f4a7c15))
}

// draw tells whether something of probability p happens.
func draw(r *rand.Rand, p float64) bool { return r.Float64() < p }

// between gives a number from lo to hi, both included.
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// pick gives one of several.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// mix is a fast hash of two numbers: chance that needs no order of drawing.
func mix(a, b uint64) uint64 {
	x := a ^ (b+0x9e3779b97f4a7c15)*0xbf58476d1ce4e5b9
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
