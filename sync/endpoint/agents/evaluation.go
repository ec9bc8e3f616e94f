package agents

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"fettle/model"
	"fettle/store"
)

// Outdated says whether the catalogue changed, at since, after a computer's
// status was made.
func (e *Endpoint) Outdated(snap *store.Snapshot, c *model.Computer, since time.Time) bool {
	if c.Admission != model.Managed || c.Platform == model.PlatformWindows || c.Reported.IsZero() {
		return false
	}
	made := c.Reported
	if t := snap.Computed(c.Number); t.After(made) {
		made = t
	}
	return made.Before(since)
}

// Reevaluate evaluates the last inventory of every managed computer against the
// catalogue as it is now, and says how many statuses that changed. Those that
// stay equal are not written. progress is called from this goroutine.
func (e *Endpoint) Reevaluate(ctx context.Context, progress func(model.Progress)) (int, error) {
	if err := e.store.WaitLoaded(ctx); err != nil {
		return 0, err
	}
	var list []*model.Computer
	for _, c := range e.store.Snapshot().Computers() {
		if c.Admission == model.Managed && c.Platform != model.PlatformWindows && !c.Reported.IsZero() {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Several at once, because each waits for the disk when it writes: the store
	// commits what arrives together at once. More than these gain nothing and make
	// others wait longer for their writes (BenchmarkFleet).
	work, results := make(chan *model.Computer), make(chan bool)
	var workers sync.WaitGroup
	for range min(len(list), 4*runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for c := range work {
				changed, err := e.reevaluate(ctx, c)
				if err != nil {
					cancel(err)
				}
				results <- changed
			}
		})
	}
	go func() { // ends before results does, which the loop below reads to its end
		defer close(results)
		defer workers.Wait()
		defer close(work)
		for _, c := range list {
			select {
			case work <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	p := model.Progress{Phase: "Evaluating computers", Total: int64(len(list)), Since: e.now()}
	count := 0
	for changed := range results {
		if changed {
			count++
		}
		p.Done++
		if progress != nil {
			progress(p)
		}
	}
	return count, context.Cause(ctx)
}

func (e *Endpoint) reevaluate(ctx context.Context, c *model.Computer) (changed bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("evaluating computer %s: a fault in Fettle itself: %s", text(string(c.ID), longName), text(fmt.Sprint(p), longText))
		}
	}()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	defer e.lock(c.ID)()
	snap := e.store.Snapshot()
	if c = snap.Computer(c.Number); c == nil {
		return false, nil // removed meanwhile
	}
	old, inv, err := e.stored(c.Number)
	if err != nil || old == nil || inv == nil {
		return false, err
	}
	next, err := e.computed(snap, old, inv)
	if err != nil {
		return false, fmt.Errorf("evaluating %s: %w", model.Clean(c.Name), err)
	}
	if sameStatus(old, next) {
		return false, nil
	}
	next.Reported, next.Computed = old.Reported, e.now()
	if err := e.store.RecordStatus(ctx, *next); err != nil {
		return false, err
	}
	e.touched(c.Number)
	return true, nil
}

// computed is the status that an inventory has in the catalogue as it is now.
// What only the computer can say (failed, downloaded, waiting for a restart)
// stays, as far as it still concerns the same updates.
func (e *Endpoint) computed(snap *store.Snapshot, old *model.Status, inv *model.Inventory) (*model.Status, error) {
	m := &material{
		snap: snap, evaluation: e.store.Evaluate(inv), downloaded: old.Downloaded, restart: old.Pending,
		failed: old.Failed, failures: old.Failures, closures: old.Closures, broken: e.broken(inv),
	}
	find := func(n model.NeededPackage) (model.UpdateID, bool) {
		id, _, ok := e.store.FindPackage(n.Package, n.Arch, n.Candidate, inv.Sources)
		return id, ok
	}
	m.packages, m.others = merge(old, &m.evaluation, find)
	var err error
	if m.installed, err = e.offeredNoMore(snap, old.Installed, nil); err != nil {
		return nil, err
	}
	st := m.status(old.Computer)
	return &st, nil
}

// merge joins what the catalogue says of an inventory with what the computer said
// before: its own reasons stay where nothing changed, and what it takes from
// archives that the catalogue does not know stays as it is.
func merge(old *model.Status, ev *model.Evaluation, find func(model.NeededPackage) (model.UpdateID, bool)) (needed, others []model.NeededPackage) {
	type key struct{ name, arch string }
	said := map[key]*model.NeededPackage{}
	for _, list := range [][]model.NeededPackage{old.Packages, old.Others} {
		for i := range list {
			said[key{list[i].Package, list[i].Arch}] = &list[i]
		}
	}
	seen := map[key]bool{}
	take := func(list []model.NeededPackage) []model.NeededPackage {
		var out []model.NeededPackage
		for _, n := range list {
			k := key{n.Package, n.Arch}
			seen[k] = true
			if o := said[k]; o != nil && o.Installed == n.Installed {
				_, known := find(*o)
				switch {
				case o.Candidate == n.Candidate:
					n.State, n.Reason, n.Security = o.State, o.Reason, o.Security
				case !known && o.Update == "" && o.Candidate != o.Installed && model.CompareDebianVersions(o.Candidate, n.Candidate) > 0:
					n = *o // apt has a higher version from elsewhere
				}
			}
			out = append(out, n)
		}
		return out
	}
	needed, others = take(ev.Packages), take(ev.Others)
	keep := func(list []model.NeededPackage, more []model.NeededPackage) []model.NeededPackage {
		for _, o := range more {
			if seen[key{o.Package, o.Arch}] {
				continue
			}
			id, known := find(o)
			switch {
			case known:
				o.Update = id // offered, but by archives that the inventory does not name
			case o.Update != "":
				continue // offered no more
			}
			list = append(list, o)
		}
		slices.SortFunc(list, comparePackages)
		return list
	}
	return keep(needed, old.Packages), keep(others, old.Others)
}

// sameStatus says whether two statuses say the same. Reasons and times do not
// count.
func sameStatus(a, b *model.Status) bool {
	same := func(x, y []model.NeededPackage) bool {
		return slices.EqualFunc(x, y, func(p, q model.NeededPackage) bool {
			p.Reason, q.Reason, p.Security, q.Security = "", "", false, false
			return p == q
		})
	}
	return a.Evaluated == b.Evaluated && slices.Equal(a.Needed, b.Needed) && slices.Equal(a.Downloaded, b.Downloaded) &&
		slices.Equal(a.Failed, b.Failed) && slices.Equal(a.Pending, b.Pending) && slices.Equal(a.Installed, b.Installed) &&
		same(a.Packages, b.Packages) && same(a.Others, b.Others)
}
