package store

import (
	"fmt"
	"slices"
	"strconv"
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
// say of them. Those in held are looked at one by one: to which revision an
// approval belongs is a matter of the single update.
func (s *Snapshot) kinds(after *Snapshot, updates, held *roaring.Bitmap) []updateKind {
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
	forEach(held, func(n uint32) {
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
	known := map[string]*holding{}
	for _, k := range s.kinds(after, updates, s.heldAmong(updates)) {
		before, later := s.holding(known, "was", k.before, k.hidden, scope), after.holding(known, "is", k.after, k.hiding, scope)
		fresh, stops := roaring.AndNot(later.install, before.install), roaring.AndNot(before.install, later.install)
		// Where both install it, another deadline is a change too.
		starts, due := roaring.And(before.install, later.install), roaring.New()
		for at, set := range later.deadlines {
			if same := before.deadlines[at]; same != nil {
				starts.AndNot(roaring.And(set, same))
			}
		}
		starts.Or(fresh)
		for at, set := range later.deadlines {
			if !at.IsZero() && !at.After(now) {
				due.Or(set)
			}
		}
		due.And(starts)
		due.AndNot(disabled)
		if !starts.IsEmpty() || !stops.IsEmpty() {
			s.addOpen(e, k.updates, fresh, starts, due, stops)
		}
		forEach(roaring.AndNot(later.uninstall, before.uninstall), func(c uint32) {
			if m := s.computers.at(c); m != nil && m.installed != nil && m.installed.Intersects(k.updates) {
				e.removes.Add(c)
			}
		})
	}
	return e
}

// holding is the computers of a scope by what approvals ask of them.
type holding struct {
	install   *roaring.Bitmap
	uninstall *roaring.Bitmap
	deadlines map[time.Time]*roaring.Bitmap // of install, by deadline in UTC; zero = none
}

// holding divides the computers of scope by what the approvals of an update ask.
// Kinds of updates often share their approvals, so answers are kept in known.
func (s *Snapshot) holding(known map[string]*holding, when string, approvals []model.Approval, declined bool, scope *roaring.Bitmap) *holding {
	key := fmt.Append(nil, when, declined)
	for _, a := range approvals {
		key = append(append(key, a.Group...), 0, byte(a.Action), byte(len(approvals)))
		key = strconv.AppendInt(key, a.Deadline.Unix(), 36)
		key = strconv.AppendBool(key, a.Stale)
	}
	if h := known[string(key)]; h != nil {
		return h
	}
	h := &holding{install: roaring.New(), uninstall: roaring.New(), deadlines: map[time.Time]*roaring.Bitmap{}}
	for _, o := range s.outcomes(approvals, declined, scope) {
		switch {
		case o.Approved():
			h.install.Or(o.Computers)
			at := o.Deadline.UTC()
			if h.deadlines[at] == nil {
				h.deadlines[at] = roaring.New()
			}
			h.deadlines[at].Or(o.Computers)
		case o.Action == model.ActionUninstall:
			h.uninstall.Or(o.Computers)
		}
	}
	known[string(key)] = h
	return h
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
	for _, r := range s.reach().ends {
		if r.evaluated >= last {
			break
		}
		if !scope.Contains(r.computer) {
			continue
		}
		switch e := s.computers.at(r.computer); {
		case !e.reported:
			u.never++
		case now.Sub(e.computer.Contacted) > model.StaleAfter:
			u.silent++
		default:
			u.older++
		}
	}
	return u
}
