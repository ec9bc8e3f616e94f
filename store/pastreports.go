package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/fxamacker/cbor/v2"

	"fettle/model"
)

// What a report changed is not written in the transaction of the check-in, which
// writes the computer's own records alone (design 5). It is derived in memory
// from the status before and the one after, kept until the writer has nothing
// better to do, and written then, for many computers together. A process that is
// killed in that moment loses the line of a history, never a status or a count.
const (
	// pastRest is how long nobody must have brought an operation.
	pastRest = 200 * time.Millisecond
	// pastBatch is for how many computers history is written in one transaction,
	// and with how many it waits no longer.
	pastBatch = 256
)

// pastReports is the record of a computer: its last reports, the oldest first.
// They stay encoded, so that adding one does not read the others.
type pastReports struct {
	List []cbor.RawMessage `cbor:"1,keyasint"`
}

// unwritten are the past reports that wait to be written, by computer.
type unwritten struct {
	mu sync.Mutex
	m  map[uint32][]model.PastReport
}

func (u *unwritten) add(computer uint32, p model.PastReport) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m == nil {
		u.m = map[uint32][]model.PastReport{}
	}
	list := append(u.m[computer], p)
	u.m[computer] = list[max(0, len(list)-model.PastReports):]
}

// of gives what waits for a computer.
func (u *unwritten) of(computer uint32) []model.PastReport {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.m[computer])
}

func (u *unwritten) len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.m)
}

// some gives what waits for some of the computers.
func (u *unwritten) some(n int) map[uint32][]model.PastReport {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := map[uint32][]model.PastReport{}
	for c, list := range u.m {
		if len(out) == n {
			break
		}
		out[c] = slices.Clone(list)
	}
	return out
}

// drop forgets what some gave. What was added meanwhile stays.
func (u *unwritten) drop(some map[uint32][]model.PastReport) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c, list := range some {
		rest := slices.DeleteFunc(u.m[c], func(p model.PastReport) bool {
			return slices.ContainsFunc(list, func(o model.PastReport) bool { return sameReport(p, o) })
		})
		if u.m[c] = rest; len(rest) == 0 {
			delete(u.m, c)
		}
	}
}

// sameReport says whether two past reports are of the same report.
func sameReport(a, b model.PastReport) bool { return a.Time.Equal(b.Time) && a.Computed == b.Computed }

// remember keeps what a report changed, once it is committed. Nothing is kept of
// one that says nothing new: a contact, an event between two reports.
func (d *draft) remember(before, after *computerEntry, at time.Time, reported bool) {
	p, ok := pastReport(before, after, at, reported)
	if !ok {
		return
	}
	s, n := d.store, after.computer.Number
	d.events = append(d.events, func() { s.past.add(n, p) })
}

// pastReport derives what a report changed. reported says that it came from the
// computer, with a status or with the error of a detection.
func pastReport(before, after *computerEntry, at time.Time, reported bool) (model.PastReport, bool) {
	p := model.PastReport{
		Time: at, Needed: len(after.needed) + len(after.downloaded), Failed: len(after.failed), Pending: len(after.pending),
		Restart: len(after.computer.Pending) > 0, Computed: !reported,
	}
	if after.installed != nil {
		p.Installed = int(after.installed.GetCardinality())
	}
	if before != nil && len(after.computer.Foreign) > 0 && !slices.Equal(before.computer.Foreign, after.computer.Foreign) {
		p.Foreign = after.computer.Foreign[:min(len(after.computer.Foreign), 20)]
	}
	switch {
	case reported && after.computer.Scan.Error != "":
		// What such a report says of updates is what was known before (peers 6c.1).
		p.Error = model.Clean(after.computer.Scan.Error)
		return p, before == nil || !before.computer.Scan.Time.Equal(after.computer.Scan.Time) || before.computer.Scan.Error != after.computer.Scan.Error
	case before == nil || !before.reported:
		p.First = true
		return p, true
	}
	p.Changes = changesBetween(before, after)
	anew := reported && !after.computer.Reported.Equal(before.computer.Reported)
	return p, anew || len(p.Changes) > 0
}

// changesBetween gives the updates that came into another state.
func changesBetween(before, after *computerEntry) []model.PastChange {
	open := func(e *computerEntry) *roaring.Bitmap {
		return roaring.BitmapOf(append(slices.Clone(e.needed), e.downloaded...)...)
	}
	failed, wasFailed := roaring.BitmapOf(after.failed...), roaring.BitmapOf(before.failed...)
	needed, wasNeeded := open(after), open(before)
	pending, wasPending := roaring.BitmapOf(after.pending...), roaring.BitmapOf(before.pending...)
	installed, wasInstalled := orEmpty(after.installed), orEmpty(before.installed)
	gone := roaring.FastOr(wasFailed, wasNeeded, wasPending)
	gone.AndNot(roaring.FastOr(failed, needed, pending, installed))
	var out []model.PastChange
	for _, to := range model.PastStates() {
		var fresh *roaring.Bitmap
		switch to {
		case model.StateFailed:
			fresh = roaring.AndNot(failed, wasFailed)
		case model.StateNotInstalled:
			fresh = roaring.AndNot(needed, wasNeeded)
		case model.StateInstalledPendingReboot:
			fresh = roaring.AndNot(pending, wasPending)
		case model.StateInstalled:
			if before.installed == after.installed {
				continue
			}
			fresh = roaring.AndNot(installed, wasInstalled)
		default:
			fresh = gone
		}
		if fresh.IsEmpty() {
			continue
		}
		c := model.PastChange{To: to, Count: int(fresh.GetCardinality())}
		for it := fresh.Iterator(); it.HasNext() && len(c.Updates) < model.PastReportUpdates; {
			c.Updates = append(c.Updates, it.Next())
		}
		out = append(out, c)
	}
	return out
}

// PastReports gives the last reports of a computer with what each changed, the
// newest first.
func (s *Store) PastReports(computer uint32) ([]model.PastReport, error) {
	waiting := s.past.of(computer) // before the disk: what is written meanwhile is then found twice, not never
	kept, err := read[pastReports](s, fmt.Sprintf("the reports of computer %d", computer), keyPastReports(computer))
	if errors.Is(err, ErrNotFound) {
		kept, err = &pastReports{}, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := kept.decode()
	if err != nil {
		return nil, fmt.Errorf("reading the reports of computer %d: %w", computer, err)
	}
	for _, p := range waiting {
		if !slices.ContainsFunc(all, func(o model.PastReport) bool { return sameReport(o, p) }) {
			all = append(all, p)
		}
	}
	all = all[max(0, len(all)-model.PastReports):]
	slices.Reverse(all)
	return all, nil
}

func (r *pastReports) decode() ([]model.PastReport, error) {
	all := make([]model.PastReport, len(r.List))
	for i, raw := range r.List {
		if err := decMode.Unmarshal(raw, &all[i]); err != nil {
			return nil, fmt.Errorf("report %d of %d: %w", i+1, len(r.List), err)
		}
	}
	return all, nil
}

// writePast is the operation that writes what waits, for some computers.
func (d *draft) writePast() error {
	some := d.store.past.some(pastBatch)
	err := d.store.db.View(func(txn *badger.Txn) error {
		for n, list := range some {
			if d.computers.at(n) == nil {
				continue // removed since
			}
			var kept pastReports
			if err := get(txn, keyPastReports(n), &kept); err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
				kept = pastReports{} // a history that cannot be read begins anew; check tells of it
			}
			for _, p := range list {
				raw, err := encMode.Marshal(p)
				if err != nil {
					return fmt.Errorf("encoding a past report: %w", err)
				}
				kept.List = append(kept.List, raw)
			}
			kept.List = kept.List[max(0, len(kept.List)-model.PastReports):]
			b, err := encode(kept)
			if err != nil {
				return err
			}
			d.stage(keyPastReports(n), b)
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.events = append(d.events, func() { d.store.past.drop(some) })
	return nil
}

// next waits for an operation; nil when the store is being closed. When nobody
// brings one for a moment, the history of reports is written.
func (s *Store) next() *operation {
	n := s.past.len()
	if n >= pastBatch {
		s.settle()
	}
	var rest <-chan time.Time
	if n > 0 {
		t := time.NewTimer(pastRest)
		defer t.Stop()
		rest = t.C
	}
	for {
		select {
		case op := <-s.ops:
			return op
		case <-rest:
			s.settle()
			rest = nil
		case <-s.stop:
			s.settle()
			return nil
		}
	}
}

// writeAllPast has the writer write what waits now.
func (s *Store) writeAllPast(ctx context.Context) error {
	if s.options.ReadOnly {
		return nil
	}
	for n := s.past.len(); n > 0; n -= pastBatch {
		if err := s.do(ctx, (*draft).writePast); err != nil {
			return err
		}
	}
	return nil
}

// settle writes the history of reports that waits. It belongs to the writer.
func (s *Store) settle() {
	for s.past.len() > 0 {
		size := 0
		base := &draft{Snapshot: s.Snapshot(), store: s}
		next, err := s.apply(base, &operation{ctx: context.Background(), run: (*draft).writePast}, &size)
		if err == nil {
			err = s.commit(next)
		}
		if err != nil || len(next.sets) == 0 {
			// It is dropped rather than tried for ever: on a full disk statuses and
			// decisions matter more.
			if err != nil {
				s.options.Log.Warn("what reports changed could not be kept", "error", err)
			}
			s.past.drop(s.past.some(pastBatch))
		}
	}
}
