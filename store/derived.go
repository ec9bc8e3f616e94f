package store

import (
	"cmp"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// derived holds what was computed from snapshots when somebody asked: groups of
// each computer, counts of groups, the index of the catalogue. All snapshots of
// a store share one. Everything in a snapshot is replaced instead of changed, so
// what was computed is good for every snapshot that still has the same parts,
// which their addresses tell: a check-in leaves most of it as it was.
//
// A few results of each sort are kept, because a plan works on a snapshot and on
// what it will be at the same time.
type derived struct {
	mu         sync.Mutex
	placings   recent[*placing]
	catalogues recent[*catalogueIndex]
	listings   recent[*listing]
	opened     *openIndex
	reached    recent[*reach]
	counts     map[model.GroupID]*groupCounts
	order      []model.GroupID // of counts, the last used last
}

// recent is the last few results of one sort, the newest first.
type recent[T any] []T

// keptResults is how many results of a sort are kept.
const keptResults = 3

// find gives the result that fits, or makes one.
func (r *recent[T]) find(fits func(T) bool, make func() T) T {
	for i, x := range *r {
		if fits(x) {
			if i > 0 {
				*r = slices.Insert(slices.Delete(*r, i, i+1), 0, x)
			}
			return x
		}
	}
	x := make()
	*r = slices.Insert(*r, 0, x)
	if len(*r) > keptResults {
		*r = slices.Delete(*r, keptResults, len(*r))
	}
	return x
}

// placing gives the groups of every computer.
func (s *Snapshot) placing() *placing {
	d := s.derived
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.placings.find(func(p *placing) bool { return p.valid(s) }, func() *placing { return newPlacing(s) })
}

// keptCounts bounds the groups whose counts are kept: 100,000 updates take 0.4
// MB each.
const keptCounts = 16

// groupCounts is what cannot be read off the tallies: how many members of a
// group have each update installed, and how far their reports reach.
type groupCounts struct {
	members   *roaring.Bitmap        // what it was computed from
	computers vector[*computerEntry] // likewise
	installed []uint32               // by update number; nil for All Computers, where tallies have it
	evaluated []uint32               // per member: the highest number that its status covers, sorted
}

// countsOf gives the counts of a group. After check-ins only the computers that
// reported are counted anew.
func (s *Snapshot) countsOf(group model.GroupID) *groupCounts {
	d := s.derived
	d.mu.Lock()
	defer d.mu.Unlock()
	old, members := d.counts[group], s.Members(group)
	if old != nil && old.members == members && old.computers.same(s.computers) {
		return old
	}
	c := &groupCounts{members: members, computers: s.computers}
	dense := group != model.GroupAll
	if dense {
		c.installed = make([]uint32, s.rows.len())
	}
	if old != nil && old.members == members && dense {
		copy(c.installed, old.installed)
		for n, was := range old.computers.changes(s.computers) {
			if is := s.computers.at(n); is != was && members.Contains(n) {
				c.count(was, ^uint32(0))
				c.count(is, 1)
			}
		}
	} else if dense {
		forEach(members, func(n uint32) { c.count(s.computers.at(n), 1) })
	}
	c.evaluated = make([]uint32, 0, members.GetCardinality())
	forEach(members, func(n uint32) {
		if e := s.computers.at(n); e != nil {
			c.evaluated = append(c.evaluated, e.evaluated)
		}
	})
	slices.Sort(c.evaluated)
	d.keep(group, c)
	return c
}

// count adds to the installed counts; ^0 takes one away.
func (c *groupCounts) count(e *computerEntry, by uint32) {
	if e == nil || e.installed == nil {
		return
	}
	forEach(e.installed, func(n uint32) {
		if int(n) < len(c.installed) {
			c.installed[n] += by
		}
	})
}

// keep remembers the counts of a group and drops those not used for longest.
func (d *derived) keep(group model.GroupID, c *groupCounts) {
	if d.counts == nil {
		d.counts = map[model.GroupID]*groupCounts{}
	}
	d.counts[group] = c
	d.order = append(slices.DeleteFunc(d.order, func(g model.GroupID) bool { return g == group }), group)
	if len(d.order) > keptCounts {
		delete(d.counts, d.order[0])
		d.order = slices.Delete(d.order, 0, 1)
	}
}

// reach says how far the reports of the managed computers go that do not cover
// the whole catalogue, and which computers disabled Automatic Updates themselves.
type reach struct {
	computers vector[*computerEntry] // what it was made from
	managed   *roaring.Bitmap
	last      uint32
	ends      []reportEnd // the shortest first
	disabled  *roaring.Bitmap
}

// reportEnd is the highest update that a computer's report covers; 0 when it
// never reported.
type reportEnd struct{ evaluated, computer uint32 }

// reach gives how far reports go.
func (s *Snapshot) reach() *reach {
	d := s.derived
	d.mu.Lock()
	defer d.mu.Unlock()
	last := s.LastUpdate()
	return d.reached.find(func(r *reach) bool {
		return r.last == last && r.managed == s.managed && r.computers.same(s.computers)
	}, func() *reach {
		r := &reach{computers: s.computers, managed: s.managed, last: last}
		var off collector
		forEach(s.managed, func(n uint32) {
			e := s.computers.at(n)
			if e == nil {
				return
			}
			if e.computer.Policy.Mode == model.ModeDisabled {
				off.numbers = append(off.numbers, n)
			}
			switch {
			case !e.reported:
				r.ends = append(r.ends, reportEnd{0, n})
			case e.evaluated < last:
				r.ends = append(r.ends, reportEnd{e.evaluated, n})
			}
		})
		slices.SortFunc(r.ends, func(a, b reportEnd) int {
			return cmp.Or(cmp.Compare(a.evaluated, b.evaluated), cmp.Compare(a.computer, b.computer))
		})
		r.disabled = off.set()
		return r
	})
}
