package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"fettle/model"
	"fettle/store"
)

// Summary says what Fill wrote.
type Summary struct {
	Updates     int
	Revisions   int // published after an update's first
	Withdrawn   int
	Runs        int
	Computers   int
	Reports     int
	Groups      int // made by administrators
	Deployments int
	Entries     uint64 // of the journal
	Fleet       *Fleet
	Catalogue   *Catalogue
}

// reporters is how many goroutines record reports, so that the store's writer
// commits them in groups.
const reporters = 64

// Fill writes a catalogue, a fleet and their history into an empty store. The
// store's clock must be o.Clock; it stands at Until in the end. The same
// options give the same records, up to the store's own keys.
func Fill(ctx context.Context, s *store.Store, o Options) (Summary, error) {
	o = o.withDefaults()
	if o.Clock == nil {
		return Summary{}, errors.New("filling a store: Options.Clock is not set; open the store with it")
	}
	if err := s.WaitLoaded(ctx); err != nil {
		return Summary{}, fmt.Errorf("filling a store: %w", err)
	}
	o.Clock.Set(o.begin().Add(-day))
	if !s.Now().Equal(o.Clock.Now()) {
		return Summary{}, errors.New("filling a store: the store has another clock than Options.Clock")
	}
	if snap := s.Snapshot(); snap.UpdateCount() > 0 || len(snap.Computers()) > 0 {
		return Summary{}, errors.New("filling a store: it is not empty")
	}
	c := NewCatalogue(o)
	h := &history{Options: o, store: s, catalogue: c, fleet: NewFleet(o, c), groups: map[string]model.GroupID{}}
	h.plan()
	slices.SortStableFunc(h.steps, func(a, b step) int { return a.at.Compare(b.at) })
	for _, st := range h.steps {
		o.Clock.Set(st.at)
		if err := st.do(ctx); err != nil {
			return h.sum, fmt.Errorf("filling a store: %s: %w", st.what, err)
		}
	}
	h.steps = nil
	o.Clock.Set(o.Until)
	if err := h.report(ctx); err != nil {
		return h.sum, fmt.Errorf("filling a store: %w", err)
	}
	snap := s.Snapshot()
	h.sum.Updates, h.sum.Computers = snap.UpdateCount(), len(snap.Computers())
	h.sum.Groups, h.sum.Deployments = len(h.groups), len(snap.Deployments())
	h.sum.Entries, _ = snap.Journal()
	h.sum.Fleet, h.sum.Catalogue = h.fleet, c
	return h.sum, nil
}

// history is a store's past that is being written.
type history struct {
	Options
	store     *store.Store
	catalogue *Catalogue
	fleet     *Fleet
	groups    map[string]model.GroupID // by name
	steps     []step
	sum       Summary
	after     time.Time // what came before is past; zero = nothing is
	enrolled  int       // computers of the fleet that have a number
	placed    int       // of these, how many are in their groups
}

// step is one thing that happened.
type step struct {
	at   time.Time
	what string
	do   func(context.Context) error
}

func (h *history) then(at time.Time, what string, do func(context.Context) error) {
	if at.Before(h.Until) && !at.Before(h.after) {
		h.steps = append(h.steps, step{at.Truncate(time.Second), what, do})
	}
}

// plan lays out the steps: facts here, decisions in decisions.go.
func (h *history) plan() {
	h.planSetup()
	for i := range h.catalogue.Runs {
		run := &h.catalogue.Runs[i]
		h.then(run.Started, "synchronizing", func(ctx context.Context) error { return h.synchronize(ctx, run) })
	}
	for i, c := range h.fleet.Computers {
		h.then(c.Enrolled, "enrolling a computer", func(ctx context.Context) error { return h.enrol(ctx, i) })
	}
	h.planDecisions()
}

// synchronize writes what a synchronization brought.
func (h *history) synchronize(ctx context.Context, run *Run) error {
	s := h.store
	rec := model.SyncRun{Upstream: run.Upstream, Started: run.Started, Manual: run.Manual, Initial: run.Initial, Actor: model.Actor{Who: "fettle", From: model.FromServer, Role: model.AccessAdministrator}}
	if run.Manual {
		rec.Actor = amara
	}
	id, err := s.BeginRun(ctx, rec)
	if err != nil {
		return err
	}
	rec.ID = id
	if run.Initial {
		var own []model.Category
		for _, c := range h.catalogue.Categories {
			if c.Upstream == run.Upstream {
				own = append(own, c)
			}
		}
		if _, err := s.PutCategories(ctx, own); err != nil {
			return err
		}
	}
	expected := s.Snapshot().LastUpdate()
	res, err := s.Import(ctx, run.Updates)
	if err != nil {
		return err
	}
	for _, n := range res.New {
		expected++
		if n != expected || s.Snapshot().Row(n).ID != h.catalogue.offers[n].first.ID {
			return fmt.Errorf("update %d did not get the number that the catalogue foresaw", n)
		}
	}
	rec.Withdrawn, err = s.Withdraw(ctx, run.Withdrawn)
	if err != nil {
		return err
	}
	h.sum.Runs++
	h.sum.Revisions += len(res.Revised)
	h.sum.Withdrawn += len(rec.Withdrawn)
	rec.New, rec.Revised, rec.Expired = res.New, res.Revised, run.Expired
	rec.Failures, rec.Remarks, rec.Read = run.Failures, run.Remarks, int64(len(run.Updates))*2100
	h.Clock.Set(run.Ended)
	rec.Ended, rec.Result, rec.Error = run.Ended, model.SyncSucceeded, run.Error
	if run.Error != "" {
		rec.Result = model.SyncFailed
	}
	if err := h.afterRun(ctx, &rec); err != nil {
		return err
	}
	if err := s.EndRun(ctx, rec); err != nil {
		return err
	}
	return s.SetAnchor(ctx, run.Upstream, []byte(run.Ended.Format(time.RFC3339)))
}

// enrol lets computer i of the fleet make contact for the first time. One after
// the other: so the numbers follow the order of enrolment.
func (h *history) enrol(ctx context.Context, i int) error {
	c := h.fleet.Computers[i]
	facts := c.Facts
	facts.Contacted, facts.NextCheck, facts.Pending, facts.Foreign = c.Enrolled, time.Time{}, nil, nil
	n, err := h.store.Record(ctx, store.Report{Computer: facts})
	if err != nil {
		return err
	}
	c.Facts.Number = n
	h.enrolled = i + 1
	return nil
}

// report records the last report of every computer.
func (h *history) report(ctx context.Context) error {
	snap := h.store.Snapshot()
	var managed []*Computer
	for _, c := range h.fleet.Computers {
		if c.Facts.Admission == model.Managed {
			managed = append(managed, c)
		}
		if !c.reporting.IsZero() {
			h.sum.Reports++
		}
	}
	return each(ctx, managed, func(ctx context.Context, c *Computer) error {
		r := store.Report{Computer: c.report(c.policy(snap)), Status: h.fleet.Status(c)}
		if h.Details {
			r.Inventory = h.fleet.Inventory(c)
		}
		_, err := h.store.Record(ctx, r)
		return err
	})
}

// each runs do for every computer, several at once, and gives the first error.
func each(ctx context.Context, computers []*Computer, do func(context.Context, *Computer) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan *Computer)
	var group sync.WaitGroup
	for range min(reporters, len(computers)) {
		group.Go(func() {
			for c := range work {
				if err := do(ctx, c); err != nil {
					cancel(fmt.Errorf("recording the report of %s: %w", c.Facts.ID, err))
				}
			}
		})
	}
	for _, c := range computers {
		work <- c
	}
	close(work)
	group.Wait()
	return context.Cause(ctx)
}

// policy is what the computer obeys: its groups' policy, and on a few computers
// a file of their own that is stricter.
func (c *Computer) policy(snap *store.Snapshot) model.Policy {
	p, _ := snap.EffectivePolicy(c.Facts.Number)
	switch mix(c.seed, 77) % 100 {
	case 0, 1:
		return p.Stricter(model.Policy{Mode: model.ModeDisabled})
	case 2:
		return p.Stricter(model.Policy{Mode: model.ModeNotify, Restart: model.RestartNo})
	}
	return p
}
