package simulation

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"fettle/model"
	"fettle/store"
)

// Lived says what happened while a fleet lived on.
type Lived struct {
	Runs      int // synchronizations
	Decisions int // journal entries
	CheckIns  int
	Downloads int
	Installs  int
	Failures  int
	Restarts  int
}

// tick is how exactly Live keeps time: what computers do within one happens at
// once, all of it upon the decisions that were in force when it began.
const tick = time.Minute

// Live lets simulated time pass from from to to, on a store that Fill filled
// with this fleet: upstreams publish (as far as the catalogue reaches: see
// Options.Ahead), administrators go on deciding, and computers check in at the
// times of model.NextCheckIn and when a deadline, a schedule or a restart time
// has come. Each does what model.Decide says of its effective approvals, its
// policy and its zone, and reports. Nothing else changes an installation state.
// The same store and fleet live the same life.
func Live(ctx context.Context, s *store.Store, f *Fleet, from, to time.Time) (Lived, error) {
	o := f.Options
	if o.Clock == nil {
		return Lived{}, errors.New("living on: the fleet's Options.Clock is not set")
	}
	h := &history{Options: o, store: s, catalogue: f.Catalogue, fleet: f, groups: map[string]model.GroupID{}, after: from, enrolled: len(f.Computers), placed: len(f.Computers)}
	h.Span += to.Sub(h.Until)
	h.Until = to
	for _, id := range s.Snapshot().Groups().Order() {
		h.groups[s.Snapshot().Groups().Group(id).Name] = id
	}
	h.plan()
	slices.SortStableFunc(h.steps, func(a, b step) int { return a.at.Compare(b.at) })
	before, _ := s.Snapshot().Journal()
	l := &life{fleet: f, store: s}
	l.schedule(from)
	for now := from; now.Before(to); {
		// The next thing that happens, and all that happens within the same tick.
		next := to
		if len(h.steps) > 0 && h.steps[0].at.Before(next) {
			next = h.steps[0].at
		}
		if len(l.queue) > 0 && l.queue[0].wake.Before(next) {
			next = l.queue[0].wake
		}
		if !next.Before(to) {
			break
		}
		now = next
		o.Clock.Set(now)
		if len(h.steps) > 0 && !h.steps[0].at.After(now) {
			if err := h.steps[0].do(ctx); err != nil {
				return l.lived, fmt.Errorf("living on: %s: %w", h.steps[0].what, err)
			}
			h.steps = h.steps[1:]
			continue
		}
		end := now.Add(tick)
		if len(h.steps) > 0 && h.steps[0].at.Before(end) {
			end = h.steps[0].at
		}
		if err := l.act(ctx, now, end); err != nil {
			return l.lived, fmt.Errorf("living on: %w", err)
		}
	}
	o.Clock.Set(to)
	l.lived.Runs = h.sum.Runs
	after, _ := s.Snapshot().Journal()
	l.lived.Decisions = int(after - before)
	return l.lived, nil
}

// life is the computers that act, by the time of their next act.
type life struct {
	fleet *Fleet
	store *store.Store
	queue queue

	mu    sync.Mutex
	lived Lived
}

// queue is a heap of computers by their time of waking.
type queue []*Computer

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if !q[i].wake.Equal(q[j].wake) {
		return q[i].wake.Before(q[j].wake)
	}
	return q[i].index < q[j].index
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*Computer)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}

// schedule puts every computer that will speak into the queue. Those whose
// check-in is overdue come back by and by; of stale ones only a few.
func (l *life) schedule(from time.Time) {
	for _, c := range l.fleet.Computers {
		if c.Facts.Admission != model.Managed || c.Silent {
			continue
		}
		if c.wake.IsZero() {
			c.wake = c.Facts.NextCheck
		}
		if c.wake.Before(from) {
			r := l.fleet.chance(c)
			if from.Sub(c.Facts.Contacted) > model.StaleAfter && !draw(r, 0.1) {
				continue
			}
			c.wake = from.Add(time.Duration(r.Int64N(int64(5 * day)))).Truncate(time.Second)
		}
		l.queue = append(l.queue, c)
	}
	heap.Init(&l.queue)
}

// chance gives the generator of a computer's next act.
func (f *Fleet) chance(c *Computer) *rand.Rand {
	c.checks++
	return rand.New(rand.NewPCG(c.seed, uint64(c.checks)))
}

// act lets all computers act whose time is before end, several at once: each
// looks at the same snapshot, so that their order does not matter.
func (l *life) act(ctx context.Context, now, end time.Time) error {
	snap := l.store.Snapshot()
	removals := removing(snap)
	var due []*Computer
	for len(l.queue) > 0 && l.queue[0].wake.Before(end) {
		due = append(due, heap.Pop(&l.queue).(*Computer))
	}
	err := each(ctx, due, func(ctx context.Context, c *Computer) error {
		done := l.fleet.checkIn(c, snap, removals, c.wake)
		r := store.Report{Computer: c.report(c.policy(snap)), Status: l.fleet.Status(c)}
		if l.fleet.Options.Details {
			r.Inventory = l.fleet.Inventory(c)
		}
		if _, err := l.store.Record(ctx, r); err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lived.add(done)
		return nil
	})
	for _, c := range due {
		heap.Push(&l.queue, c)
	}
	return err
}

func (v *Lived) add(o Lived) {
	v.CheckIns += o.CheckIns
	v.Downloads += o.Downloads
	v.Installs += o.Installs
	v.Failures += o.Failures
	v.Restarts += o.Restarts
}

// removing gives the updates that any deployment asks to uninstall.
func removing(snap *store.Snapshot) map[uint32]bool {
	var set map[uint32]bool
	for _, d := range snap.Deployments() {
		if d.Undone || !slices.ContainsFunc(d.Groups, func(g model.GroupAction) bool { return g.Action == model.ActionUninstall }) {
			continue
		}
		if set == nil {
			set = map[uint32]bool{}
		}
		for _, n := range d.Updates {
			set[n] = true
		}
	}
	return set
}

// checkIn lets a computer act at t: it restarts if it may, looks what it needs,
// does what was decided, and says when it acts next. The computer then holds
// what its report tells.
func (f *Fleet) checkIn(c *Computer, snap *store.Snapshot, removals map[uint32]bool, t time.Time) Lived {
	r := f.chance(c)
	done := Lived{CheckIns: 1}
	policy := c.policy(snap)
	local := t.In(c.zone)
	present := c.Facts.Role == model.RoleClient && local.Hour() >= 8 && local.Hour() < 18 && local.Weekday() != time.Saturday && local.Weekday() != time.Sunday
	wake := model.NextCheckIn(t, r.Float64()).Truncate(time.Second)
	c.Facts.NextCheck = wake

	restart, at, _ := model.DecideRestart(model.RestartInput{Now: local, Pending: len(c.Facts.Pending) > 0, Since: c.since, Policy: policy, LoggedIn: present})
	if len(c.Facts.Pending) > 0 && !restart && draw(r, 0.15) {
		restart = true // a person did it
	}
	if restart {
		f.restart(c, t)
		done.Restarts++
	} else if !at.IsZero() {
		wake = earlier(wake, at, t)
	}

	// A Windows computer with a pending restart detects nothing new (semantics 7.10).
	if len(c.Facts.Pending) == 0 || c.Facts.Platform != model.PlatformWindows {
		c.evaluated = snap.LastUpdate()
	}
	c.reporting, c.Facts.Contacted = t, t
	c.Facts.Foreign = nil
	f.forget(c)
	byUser := present && (policy.Mode == model.ModeDownload || policy.Mode == model.ModeNotify) && draw(r, 0.25)
	known := map[uint32]message{}
	for i := range c.places {
		p := &c.places[i]
		if len(removals) > 0 && p.at > 0 {
			if n := f.Catalogue.lines[p.line].updates[p.at]; removals[n] && snap.Effective(c.Facts.Number, n).Action == model.ActionUninstall {
				p.at--
				done.Installs++
			}
		}
		if slices.Contains(c.held, p.line) {
			continue
		}
		// The newest first: with it the older ones are done.
		for _, n := range slices.Backward(f.Catalogue.needed(*p, c.evaluated, t)) {
			e := snap.Effective(c.Facts.Number, n)
			if !e.Approved() {
				continue
			}
			m := c.known[n]
			if m.deployment != e.Deployment {
				m = message{e.Deployment, t}
			}
			known[n] = m
			if c.marks[n] == model.StateInstalledPendingReboot {
				break
			}
			d := model.Decide(model.DecisionInput{Now: local, Approved: true, Deadline: e.Deadline, Policy: policy, Started: c.started, Arrived: m.at, ByUser: byUser})
			if !d.At.IsZero() && d.At.After(t) {
				wake = earlier(wake, d.At, t)
			}
			if d.Action == model.DecideDownload && c.marks[n] == model.StateUnknown {
				c.marks[n] = model.StateDownloaded
				done.Downloads++
			}
			if d.Action != model.DecideInstall {
				continue
			}
			if draw(r, 0.03) {
				f.fail(c, n, r, t)
				done.Failures++
				break
			}
			done.Installs++
			if rs := f.Catalogue.Update(n).Restart; rs == model.RestartAlways || rs == model.RestartMay && draw(r, 0.3) {
				c.marks[n] = model.StateInstalledPendingReboot
				c.await(t)
				break
			}
			f.install(c, p, n)
			break
		}
	}
	c.known = known
	if draw(r, 0.002) {
		f.meddle(c, r)
	}
	f.forget(c)
	if len(c.Facts.Pending) > 0 {
		if _, at, _ := model.DecideRestart(model.RestartInput{Now: local, Pending: true, Since: c.since, Policy: policy, LoggedIn: true}); !at.IsZero() {
			wake = earlier(wake, at, t)
		}
	}
	c.wake = wake
	return done
}

// earlier gives the earlier of two times after t, but no more than once in a
// quarter of an hour, which is how often our agent looks at what is due.
func earlier(wake, at, t time.Time) time.Time {
	if at.Before(wake) {
		if soon := t.Add(15 * time.Minute); at.Before(soon) {
			at = soon
		}
		return at.UTC().Truncate(time.Second)
	}
	return wake
}

// install moves the computer's place in a line to an update.
func (f *Fleet) install(c *Computer, p *place, n uint32) {
	p.at = int16(f.Catalogue.offers[n].place)
	delete(c.marks, n)
}

// restart ends what waited for a restart.
func (f *Fleet) restart(c *Computer, t time.Time) {
	for i := range c.places {
		p := &c.places[i]
		for _, n := range f.Catalogue.needed(*p, c.evaluated, c.reporting) {
			if c.marks[n] == model.StateInstalledPendingReboot {
				f.install(c, p, n)
			}
		}
	}
	c.Facts.Pending, c.since, c.started = nil, time.Time{}, t
}

// meddle lets somebody install an update outside approvals.
func (f *Fleet) meddle(c *Computer, r *rand.Rand) {
	if len(c.places) == 0 {
		return
	}
	p := &c.places[r.IntN(len(c.places))]
	need := f.Catalogue.needed(*p, c.evaluated, c.reporting)
	if len(need) == 0 {
		return
	}
	n := need[len(need)-1]
	f.install(c, p, n)
	u := f.Catalogue.Update(n)
	if u.Debian != nil {
		c.Facts.Foreign = []string{u.Debian.Source}
	} else {
		c.Facts.Foreign = []string{"KB" + u.KB[0]}
	}
}

// forget drops marks and failures of what is not needed any more.
func (f *Fleet) forget(c *Computer) {
	if len(c.marks) == 0 && len(c.failures) == 0 {
		return
	}
	need := map[uint32]bool{}
	pending := false
	for _, p := range c.places {
		for _, n := range f.Catalogue.needed(p, c.evaluated, c.reporting) {
			need[n] = true
			pending = pending || c.marks[n] == model.StateInstalledPendingReboot
		}
	}
	for n := range c.marks {
		if !need[n] {
			delete(c.marks, n)
		}
	}
	c.failures = slices.DeleteFunc(c.failures, func(x model.Failure) bool {
		for n, m := range c.marks {
			if m == model.StateFailed && f.Catalogue.Update(n).ID == x.Update {
				return false
			}
		}
		return true
	})
	if !pending {
		c.Facts.Pending, c.since = nil, time.Time{}
	}
}
