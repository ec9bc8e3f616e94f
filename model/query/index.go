package query

import (
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Indexed may be implemented by a World as well.
type Indexed interface{ Index() Index }

// Index tells which updates can fit a condition without looking at each. A Filter then looks only at rows that
// every indexed condition of its query lets through; its answer is the same as
// without. Sets are of update numbers, are shared, and must not be changed.
type Index interface {
	// Listed gives all rows that the world lists, ascending by number, and their
	// numbers. The other sets may hold numbers beyond these.
	Listed() ([]*model.UpdateRow, *roaring.Bitmap)
	// Pick gives those rows of a set that Listed has, in its order.
	Pick(set *roaring.Bitmap) []*model.UpdateRow
	// Released gives the updates with a known release in a span of time, its end
	// not included; a zero time leaves that side open.
	Released(from, to time.Time) *roaring.Bitmap
	Class(model.Classification) *roaring.Bitmap
	Severity(model.Severity) *roaring.Bitmap
	Flag(model.UpdateFlags) *roaring.Bitmap // of one flag
	Upstreams(fits func(name string) bool) *roaring.Bitmap
	Products(fits func(model.CategoryID) bool) *roaring.Bitmap
	// Counted gives the updates that Counts counts for at least one computer.
	Counted(what Counted, group model.GroupID) *roaring.Bitmap
	// Approved gives the updates for which some group's own approval is the
	// action, declined ones included.
	Approved(model.Action) *roaring.Bitmap
	// Needing gives Counts' numbers of computers that need an update, failed to
	// install it and wait for a restart, without the others, which cost more.
	Needing(update uint32, group model.GroupID) (needed, failed, pending int)
	// NeedingAny gives the managed computers whose NeededBy names one of the
	// updates.
	NeedingAny(updates *roaring.Bitmap) *roaring.Bitmap
	// Members gives the managed computers of a group.
	Members(group model.GroupID) *roaring.Bitmap
}

// Counted names what an Index counts.
type Counted uint8

// What an Index counts.
const (
	CountedNeeded Counted = iota
	CountedFailed
	CountedPending
)

// narrower gives the rows that a term can fit, as numbers, and whether each of
// them fits it. No set (nil) means that any row may fit.
type narrower func(e *env) (set *roaring.Bitmap, exact bool)

// narrow says what an index knows of a part of a query.
func narrow[R any](e *env, n *node[R]) (set *roaring.Bitmap, exact bool) {
	switch n.kind {
	case nodeTerm:
		if n.narrow != nil {
			return n.narrow(e)
		}
	case nodeNot:
		// The opposite of "can fit" tells nothing; that of "fits" does.
		if in, exact := narrow(e, n.kids[0]); in != nil && exact && n.universe != nil {
			return roaring.AndNot(n.universe(e), in), true
		}
	case nodeOr:
		sets, exact := make([]*roaring.Bitmap, 0, len(n.kids)), true
		for _, k := range n.kids {
			s, x := narrow(e, k)
			if s == nil {
				return nil, false
			}
			sets, exact = append(sets, s), exact && x
		}
		return roaring.FastOr(sets...), exact
	case nodeAnd:
		set, rest := narrowAll(e, n.kids)
		return set, set != nil && len(rest) == 0
	}
	return nil, false
}

// narrowAll narrows by parts that must all fit, and gives those that the set
// does not answer completely.
func narrowAll[R any](e *env, parts []*node[R]) (set *roaring.Bitmap, rest []*node[R]) {
	for _, k := range parts {
		s, exact := narrow(e, k)
		if s != nil {
			if set == nil {
				set = s
			} else {
				set = roaring.And(set, s)
			}
		}
		if !exact && (k.kind != nodeTerm || k.test != nil) { // in: asks nothing of a row
			rest = append(rest, k)
		}
	}
	return set, rest
}

// narrowed gives the rows that can fit, or nil when no index helps, and what is
// left to test.
func (q *query[R]) narrowed(e *env) (*roaring.Bitmap, test[R]) {
	if e.ix == nil || q.root == nil {
		return nil, q.test
	}
	parts := []*node[R]{q.root}
	if q.root.kind == nodeAnd {
		parts = q.root.kids
	}
	set, rest := narrowAll(e, parts)
	switch {
	case set == nil:
		return nil, q.test
	case len(rest) == 0:
		return set, nil
	case len(rest) == len(parts):
		return set, q.test
	}
	left, _ := compile(joined(nodeAnd, rest))
	return set, left
}

// dense is a set as bits, for asking about many numbers one after the other.
type dense []uint64

func newDense(set *roaring.Bitmap) dense {
	if set.IsEmpty() {
		return nil
	}
	d := make(dense, set.Maximum()/64+1)
	var block [512]uint32
	for it := set.ManyIterator(); ; {
		k := it.NextMany(block[:])
		if k == 0 {
			return d
		}
		for _, n := range block[:k] {
			d[n/64] |= 1 << (n % 64)
		}
	}
}

func (d dense) has(n uint32) bool { return int(n/64) < len(d) && d[n/64]&(1<<(n%64)) != 0 }

// indexed makes a builder tell the index how to narrow its term. hint is asked
// after the term was built, so that its values are known to be right; it may
// give nil.
func indexed[R any](build func(*binder, *term) (test[R], cost, *Error), hint func(*term) narrower) func(*binder, *term) (test[R], cost, *Error) {
	return func(b *binder, t *term) (test[R], cost, *Error) {
		match, c, err := build(b, t)
		if err == nil {
			b.narrow = hint(t)
		}
		return match, c, err
	}
}

// byWords narrows an enumeration: set gives the rows of its word i.
func byWords(all []Suggestion, alias map[string]string, ordered bool, set func(ix Index, i int) *roaring.Bitmap) func(*term) narrower {
	return func(t *term) narrower {
		chosen, err := words(t, all, alias, ordered)
		if err != nil {
			return nil
		}
		return func(e *env) (*roaring.Bitmap, bool) {
			var sets []*roaring.Bitmap
			for i := range all {
				if chosen&(1<<i) != 0 {
					sets = append(sets, set(e.ix, i))
				}
			}
			return union(sets), true
		}
	}
}

// byCount narrows a field that counts: where none does not fit, at least one
// computer must be counted.
func byCount(what Counted) func(*term) narrower {
	return func(t *term) narrower {
		exact := false
		for _, v := range t.values {
			n, err := parseNumber(v, t.field)
			if err != nil || v.op.holds(0, n) {
				return nil
			}
			exact = exact || v.op == opMore && n == 0 || v.op == opAtLeast && n <= 1
		}
		return func(e *env) (*roaring.Bitmap, bool) { return e.ix.Counted(what, e.scope), exact }
	}
}

// byUpstream narrows by the names of upstreams.
func byUpstream(t *term) narrower {
	pats := make([]pattern, len(t.values))
	for i, v := range t.values {
		pats[i] = newPattern(v, modeExact)
	}
	return func(e *env) (*roaring.Bitmap, bool) {
		return e.ix.Upstreams(func(name string) bool {
			return slices.ContainsFunc(pats, func(p pattern) bool { return p.match(name) })
		}), true
	}
}

// byRelease makes a builder of a field of time narrow its term to spans of the
// release.
func byRelease(build func(*binder, *term) (updateTest, cost, *Error)) func(*binder, *term) (updateTest, cost, *Error) {
	return func(b *binder, t *term) (updateTest, cost, *Error) {
		first := len(b.moments)
		match, c, err := build(b, t)
		if last := len(b.moments); err == nil {
			b.narrow = func(e *env) (*roaring.Bitmap, bool) {
				var sets []*roaring.Bitmap
				for _, s := range e.spans[first:last] {
					sets = append(sets, e.ix.Released(s.lo, s.hi))
				}
				return union(sets), true
			}
		}
		return match, c, err
	}
}

// union joins sets; of one it is that set itself.
func union(sets []*roaring.Bitmap) *roaring.Bitmap {
	if len(sets) == 1 {
		return sets[0]
	}
	return roaring.FastOr(sets...)
}

// byFlag narrows by one flag.
func byFlag(f model.UpdateFlags) narrower {
	return func(e *env) (*roaring.Bitmap, bool) { return e.ix.Flag(f), true }
}

// approvedForInstall narrows to updates that some group approved and that are
// not declined: a decline masks approvals.
func approvedForInstall(e *env) *roaring.Bitmap {
	return roaring.AndNot(e.ix.Approved(model.ActionInstall), e.ix.Flag(model.FlagDeclined))
}

// listedUpdates is the universe of queries on updates.
func listedUpdates(e *env) *roaring.Bitmap {
	_, all := e.ix.Listed()
	return all
}

// needing gives the managed computers that need an update that fits a query:
// it is asked about each update that anybody needs, and the computers are read
// off the counts. A Filter does so once.
func (e *env) needing(slot int, q *Updates) *roaring.Bitmap {
	if e.sure[slot] == nil {
		sub := e.subs[slot]
		candidates := roaring.Or(e.ix.Counted(CountedNeeded, model.GroupAll), e.ix.Counted(CountedFailed, model.GroupAll))
		set, left := q.q.narrowed(sub)
		if set != nil {
			candidates.And(set)
		}
		if left != nil {
			var numbers []uint32
			for it := candidates.Iterator(); it.HasNext(); {
				n := it.Next()
				if r := e.w.Row(n); r != nil {
					if sub.next(); left(sub, r) {
						numbers = append(numbers, n)
					}
				}
			}
			candidates = roaring.BitmapOf(numbers...)
		}
		e.sure[slot] = e.ix.NeedingAny(candidates)
	}
	return e.sure[slot]
}
