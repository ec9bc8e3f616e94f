package store

import (
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// effect is what a change of approvals or declines means for computers that
// need the updates, or have what is to be removed.
type effect struct {
	starts   *roaring.Bitmap // where something is to be installed, or by another deadline, that was not
	stops    *roaring.Bitmap // where something was to be installed that no longer is
	removes  *roaring.Bitmap // where something that is installed is to be uninstalled
	restarts *roaring.Bitmap // of starts, where one of these updates may want a restart
	bytes    int64           // to download, at most
	due      int             // installations whose deadline has passed already
}

// updateKind is updates of which every group says the same, before and after a
// change. A deployment of many updates has few kinds.
type updateKind struct {
	updates        *roaring.Bitmap
	before, after  []model.Approval
	hidden, hiding bool // declined before, and after
}

// kinds divides updates by what the layers of two snapshots with the same groups
// say of them.
func (s *Snapshot) kinds(after *Snapshot, updates *roaring.Bitmap) []updateKind {
	r := newRefinement(updates)
	all := []updateKind{{}}
	split := func(set *roaring.Bitmap, mark func(k *updateKind)) {
		r.split(set, func(from, of int32) {
			if from != of {
				k := all[from]
				k.before, k.after = slices.Clip(k.before), slices.Clip(k.after)
				all = append(all, k)
			}
			mark(&all[of])
		})
	}
	for _, g := range s.tree.Order() {
		before, later := s.layers[g], after.layers[g]
		shared := len(before) == len(later) && (len(before) == 0 || &before[0] == &later[0])
		for _, l := range before {
			a := l.approval(g)
			split(l.updates, func(k *updateKind) {
				k.before = append(slices.Clip(k.before), a)
				if shared {
					k.after = append(slices.Clip(k.after), a)
				}
			})
		}
		if shared {
			continue
		}
		for _, l := range later {
			a := l.approval(g)
			split(l.updates, func(k *updateKind) { k.after = append(slices.Clip(k.after), a) })
		}
	}
	split(s.declined, func(k *updateKind) { k.hidden = true })
	split(after.declined, func(k *updateKind) { k.hiding = true })
	// Which revision an approval belongs to is a matter of the single update.
	forEach(s.heldAmong(updates), func(n uint32) {
		split(roaring.BitmapOf(n), func(k *updateKind) { k.before, k.after = s.Approvals(n), after.Approvals(n) })
	})
	for i, set := range r.sets() {
		all[i].updates = set
	}
	return all
}

// effectOf compares what holds on the computers of scope before and after a
// change of the given updates. disabled are computers where nothing will be
// installed whatever is approved.
func (s *Snapshot) effectOf(after *Snapshot, updates, scope, disabled *roaring.Bitmap, now time.Time) *effect {
	e := &effect{starts: roaring.New(), stops: roaring.New(), removes: roaring.New(), restarts: roaring.New()}
	for _, k := range s.kinds(after, updates) {
		before, later := s.outcomes(k.before, k.hidden, scope), after.outcomes(k.after, k.hiding, scope)
		was, is := joined(before, Outcome.Approved), joined(later, Outcome.Approved)
		fresh, stops := roaring.AndNot(is, was), roaring.AndNot(was, is)
		starts, due := fresh.Clone(), roaring.New()
		for _, l := range later {
			if !l.Approved() {
				continue
			}
			for _, b := range before {
				if b.Approved() && !b.Deadline.Equal(l.Deadline) {
					starts.Or(roaring.And(b.Computers, l.Computers))
				}
			}
			if !l.Deadline.IsZero() && !l.Deadline.After(now) {
				due.Or(l.Computers)
			}
		}
		due.And(starts)
		due.AndNot(disabled)
		if !starts.IsEmpty() || !stops.IsEmpty() {
			s.addOpen(e, k.updates, fresh, starts, due, stops)
		}
		removal := func(o Outcome) bool { return o.Action == model.ActionUninstall }
		gone := joined(later, removal)
		gone.AndNot(joined(before, removal))
		forEach(gone, func(c uint32) {
			if m := s.computers.at(c); m != nil && m.installed != nil && m.installed.Intersects(k.updates) {
				e.removes.Add(c)
			}
		})
	}
	return e
}

// addOpen adds the computers that need one of the updates, or failed to install
// it. Where it waits for a restart it is installed already, and where it was
// downloaded nothing is left to download.
func (s *Snapshot) addOpen(e *effect, updates, fresh, starts, due, stops *roaring.Bitmap) {
	open, restarting := roaring.New(), roaring.New()
	forEach(updates, func(n uint32) {
		t, r := s.tallies.at(n), s.Row(n)
		if t == nil || r == nil {
			return
		}
		for _, b := range []*roaring.Bitmap{t.needed, t.failed, t.downloaded} {
			if b == nil {
				continue
			}
			open.Or(b)
			if r.Has(model.FlagMayRestart) {
				restarting.Or(b)
			}
			if b != t.downloaded && r.Size > 0 {
				e.bytes += r.Size * int64(b.AndCardinality(fresh))
			}
			if !due.IsEmpty() {
				e.due += int(b.AndCardinality(due))
			}
		}
	})
	restarting.And(starts)
	e.restarts.Or(restarting)
	e.stops.Or(roaring.And(open, stops))
	open.And(starts)
	e.starts.Or(open)
}

// joined gives the computers of the outcomes that fit.
func joined(outcomes []Outcome, fits func(Outcome) bool) *roaring.Bitmap {
	all := roaring.New()
	for _, o := range outcomes {
		if fits(o) {
			all.Or(o.Computers)
		}
	}
	return all
}

// unknowns are the computers of which nobody knows whether they need an update,
// by the reason (semantics 3.7).
type unknowns struct{ never, silent, older int }

func (u unknowns) total() int { return u.never + u.silent + u.older }

// unknownAmong counts the computers of scope that have not reported on one of
// the updates.
func (s *Snapshot) unknownAmong(updates, scope *roaring.Bitmap, now time.Time) (u unknowns) {
	if updates.IsEmpty() {
		return u
	}
	last := updates.Maximum()
	forEach(scope, func(n uint32) {
		switch e := s.computers.at(n); {
		case e == nil || !e.reported:
			u.never++
		case e.evaluated >= last:
		case now.Sub(e.computer.Contacted) > model.StaleAfter:
			u.silent++
		default:
			u.older++
		}
	})
	return u
}
