package store

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// Index answers conditions of queries with sets of updates. What does not change
// with check-ins is indexed once per catalogue; what does is kept current by the
// tallies that changed (derived.go).
func (s *Snapshot) Index() query.Index { return index{s} }

// index is a snapshot as the index of its queries.
type index struct{ s *Snapshot }

var _ query.Indexed = (*Snapshot)(nil)

// catalogueIndex is sets of update numbers by what their rows say. It is made
// anew when a row changed: that takes some milliseconds for 100,000 updates.
type catalogueIndex struct {
	rows      vector[*updateEntry] // what it was made from
	class     [16]*roaring.Bitmap
	severity  [8]*roaring.Bitmap
	flags     [32]*roaring.Bitmap // by bit
	upstreams map[string]*roaring.Bitmap
	products  map[model.CategoryID]*roaring.Bitmap

	dated []datedUpdate // with a known release, the oldest first
	spans recent[*span] // what was asked last: a filter is asked again and again
}

// datedUpdate is an update with its release, in seconds and nanoseconds: any
// date that an upstream may give fits.
type datedUpdate struct {
	seconds             int64
	nanoseconds, number uint32
}

func dated(t time.Time, n uint32) datedUpdate {
	return datedUpdate{t.Unix(), uint32(t.Nanosecond()), n}
}

func (a datedUpdate) compare(b datedUpdate) int {
	return cmp.Or(cmp.Compare(a.seconds, b.seconds), cmp.Compare(a.nanoseconds, b.nanoseconds), cmp.Compare(a.number, b.number))
}

// span is the updates from one place in dated to another.
type span struct {
	from, to int
	set      *roaring.Bitmap
}

// released gives the updates whose release is known and not before from and
// before to; zero ends are open. The caller holds the lock of derived.
func (x *catalogueIndex) released(from, to time.Time) *roaring.Bitmap {
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(x.dated, dated(t, 0), datedUpdate.compare)
		return i
	}
	i, j := 0, len(x.dated)
	if !from.IsZero() {
		i = at(from)
	}
	if !to.IsZero() {
		j = max(i, at(to))
	}
	return x.spans.find(func(s *span) bool { return s.from == i && s.to == j }, func() *span {
		var c collector
		for _, d := range x.dated[i:j] {
			c.numbers = append(c.numbers, d.number)
		}
		slices.Sort(c.numbers)
		return &span{i, j, c.set()}
	}).set
}

// listing is the rows that lists show: those that the selection lets through.
type listing struct {
	rows    vector[*updateEntry] // what it was made from
	outside *roaring.Bitmap
	list    []*model.UpdateRow
	numbers *roaring.Bitmap
	byPlace []*model.UpdateRow // by update number; nil = not listed
}

// openIndex is sets of the updates that any managed computer needs, failed to
// install, or has pending. Declined ones are part of them.
type openIndex struct {
	tallies vector[*tally] // what it was made from
	sets    [3]*roaring.Bitmap
}

// catalogueIndex gives the index of the catalogue.
func (s *Snapshot) catalogueIndex() *catalogueIndex {
	d := s.derived
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.catalogues.find(func(x *catalogueIndex) bool { return x.rows.same(s.rows) }, func() *catalogueIndex { return newCatalogueIndex(s.rows) })
}

// collector gathers ascending numbers into a set.
type collector struct{ numbers []uint32 }

func (c *collector) set() *roaring.Bitmap {
	b := roaring.New()
	b.AddMany(c.numbers)
	b.RunOptimize()
	return b
}

func newCatalogueIndex(rows vector[*updateEntry]) *catalogueIndex {
	x := &catalogueIndex{rows: rows, upstreams: map[string]*roaring.Bitmap{}, products: map[model.CategoryID]*roaring.Bitmap{}}
	var class [len(x.class)]collector
	var severity [len(x.severity)]collector
	var flags [len(x.flags)]collector
	upstreams, products := map[string]*collector{}, map[model.CategoryID]*collector{}
	for n, e := range rows.all {
		if e == nil {
			continue
		}
		r := e.row
		if !r.Released.IsZero() {
			x.dated = append(x.dated, dated(r.Released, n))
		}
		add := func(c *collector) { c.numbers = append(c.numbers, n) }
		add(&class[int(r.Class)%len(class)])
		add(&severity[int(r.Severity)%len(severity)])
		for f, bit := uint32(r.Flags), 0; f != 0; f, bit = f>>1, bit+1 {
			if f&1 != 0 {
				add(&flags[bit])
			}
		}
		c := upstreams[r.Upstream]
		if c == nil {
			c = &collector{}
			upstreams[r.Upstream] = c
		}
		add(c)
		for _, id := range r.Products {
			c := products[id]
			if c == nil {
				c = &collector{}
				products[id] = c
			}
			if k := len(c.numbers); k == 0 || c.numbers[k-1] != n {
				add(c)
			}
		}
	}
	slices.SortFunc(x.dated, datedUpdate.compare)
	for i := range class {
		x.class[i] = class[i].set()
	}
	for i := range severity {
		x.severity[i] = severity[i].set()
	}
	for i := range flags {
		x.flags[i] = flags[i].set()
	}
	for name, c := range upstreams {
		x.upstreams[name] = c.set()
	}
	for id, c := range products {
		x.products[id] = c.set()
	}
	return x
}

// listing gives what lists show.
func (s *Snapshot) listing() *listing {
	d := s.derived
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listings.find(func(l *listing) bool { return l.rows.same(s.rows) && l.outside == s.outside }, func() *listing {
		l := &listing{rows: s.rows, outside: s.outside, list: make([]*model.UpdateRow, 0, s.rows.len()), byPlace: make([]*model.UpdateRow, s.rows.len())}
		numbers := make([]uint32, 0, s.rows.len())
		for n, e := range s.rows.all {
			if e != nil && !s.outside.Contains(n) {
				l.list, numbers = append(l.list, e.row), append(numbers, n)
				l.byPlace[n] = e.row
			}
		}
		l.numbers = (&collector{numbers}).set()
		return l
	})
}

// open gives the updates that are open anywhere. After check-ins only the
// tallies that changed are looked at.
func (s *Snapshot) open() *openIndex {
	d := s.derived
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil && d.opened.tallies.same(s.tallies) {
		return d.opened
	}
	x := &openIndex{tallies: s.tallies}
	before := vector[*tally]{}
	if d.opened == nil {
		for i := range x.sets {
			x.sets[i] = roaring.New()
		}
	} else {
		before = d.opened.tallies
		for i, set := range d.opened.sets {
			x.sets[i] = set.Clone()
		}
	}
	for n, was := range before.changes(s.tallies) {
		is := s.tallies.at(n)
		if is == was {
			continue
		}
		var needed, failed, pending bool
		if is != nil {
			failed, pending = is.failed != nil, is.pending != nil
			needed = is.needed != nil || is.downloaded != nil || pending
		}
		for i, on := range [3]bool{query.CountedNeeded: needed, query.CountedFailed: failed, query.CountedPending: pending} {
			if on {
				x.sets[i].Add(n)
			} else {
				x.sets[i].Remove(n)
			}
		}
	}
	d.opened = x
	return x
}

// Listed gives all rows that Updates gives, and their numbers.
func (x index) Listed() ([]*model.UpdateRow, *roaring.Bitmap) {
	l := x.s.listing()
	return l.list, l.numbers
}

// Pick gives the rows of those updates of a set that are listed.
func (x index) Pick(set *roaring.Bitmap) []*model.UpdateRow {
	l := x.s.listing()
	rows := make([]*model.UpdateRow, 0, set.GetCardinality())
	forEach(set, func(n uint32) {
		if int(n) < len(l.byPlace) && l.byPlace[n] != nil {
			rows = append(rows, l.byPlace[n])
		}
	})
	return rows
}

// Released gives the updates that were released in a span of time, its end not
// included. A zero time leaves that side open.
func (x index) Released(from, to time.Time) *roaring.Bitmap {
	c := x.s.catalogueIndex()
	d := x.s.derived
	d.mu.Lock()
	defer d.mu.Unlock()
	return c.released(from, to)
}

// Class gives the updates of a classification.
func (x index) Class(c model.Classification) *roaring.Bitmap {
	all := &x.s.catalogueIndex().class
	return all[int(c)%len(all)]
}

// Severity gives the updates that the vendor rated so.
func (x index) Severity(v model.Severity) *roaring.Bitmap {
	all := &x.s.catalogueIndex().severity
	return all[int(v)%len(all)]
}

// Flag gives the updates that have a flag.
func (x index) Flag(f model.UpdateFlags) *roaring.Bitmap {
	return x.s.catalogueIndex().flags[bits.TrailingZeros32(uint32(f))%32]
}

// Upstreams gives the updates that upstreams of fitting names brought.
func (x index) Upstreams(fits func(name string) bool) *roaring.Bitmap {
	return fitting(x.s.catalogueIndex().upstreams, fits)
}

// Products gives the updates of fitting products.
func (x index) Products(fits func(model.CategoryID) bool) *roaring.Bitmap {
	return fitting(x.s.catalogueIndex().products, fits)
}

func fitting[K comparable](by map[K]*roaring.Bitmap, fits func(K) bool) *roaring.Bitmap {
	var sets []*roaring.Bitmap
	for k, set := range by {
		if fits(k) {
			sets = append(sets, set)
		}
	}
	return roaring.FastOr(sets...)
}

// Counted gives the updates that Counts counts for at least one computer of a
// group.
func (x index) Counted(what query.Counted, group model.GroupID) *roaring.Bitmap {
	s := x.s
	all := roaring.AndNot(s.open().sets[what], s.declined)
	if group == model.GroupAll {
		return all
	}
	members := s.Members(group)
	var numbers []uint32
	forEach(all, func(n uint32) {
		t := s.tallies.at(n)
		meets := func(b *roaring.Bitmap) bool { return b != nil && b.Intersects(members) }
		var found bool
		switch what {
		case query.CountedNeeded:
			found = meets(t.needed) || meets(t.downloaded) || meets(t.pending)
		case query.CountedFailed:
			found = meets(t.failed)
		case query.CountedPending:
			found = meets(t.pending)
		}
		if found {
			numbers = append(numbers, n)
		}
	})
	return (&collector{numbers}).set()
}

// Approved gives the updates for which a group's own approval is the action,
// declined ones included.
func (x index) Approved(action model.Action) *roaring.Bitmap {
	s := x.s
	all := roaring.New()
	for _, g := range s.tree.Order() {
		for _, l := range s.layers[g] {
			if l.action == action {
				all.Or(l.updates)
			}
		}
	}
	return all
}

// Needing gives the numbers of a group's computers that need an update, failed
// to install it and wait for a restart.
func (x index) Needing(update uint32, group model.GroupID) (needed, failed, pending int) {
	s := x.s
	t := s.tallies.at(update)
	if t == nil || s.declined.Contains(update) {
		return 0, 0, 0
	}
	in := func(b *roaring.Bitmap) int {
		switch {
		case b == nil:
			return 0
		case group == model.GroupAll:
			return int(b.GetCardinality())
		}
		return int(b.AndCardinality(s.Members(group)))
	}
	pending = in(t.pending)
	return in(t.needed) + in(t.downloaded) + pending, in(t.failed), pending
}

// NeedingAny gives the managed computers that need one of the updates, or failed
// to install it; those hidden from counts are left out.
func (x index) NeedingAny(updates *roaring.Bitmap) *roaring.Bitmap {
	return x.s.needingAny(roaring.AndNot(updates, x.s.unseen))
}

// Members gives the managed computers of a group.
func (x index) Members(group model.GroupID) *roaring.Bitmap { return x.s.Members(group) }
