package query

import (
	"context"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Updates is a parsed query on updates.
type Updates struct{ q query[*model.UpdateRow] }

// ParseUpdates reads a query on updates. The error is an *Error.
func ParseUpdates(text string) (*Updates, error) {
	n, b, err := parse(text, updates)
	if err != nil {
		return nil, err
	}
	q, err := newUpdates(n, b)
	if err != nil {
		return nil, err
	}
	return q, nil
}

func newUpdates(n *node[*model.UpdateRow], b *binder) (*Updates, *Error) {
	q := &Updates{}
	q.q.number = func(r *model.UpdateRow) uint32 { return r.Number }
	q.q.whole = func(e *env, rows []*model.UpdateRow) bool {
		all, _ := e.ix.Listed()
		if len(rows) == 0 || len(rows) != len(all) {
			return false
		}
		return &rows[0] == &all[0] || slices.Equal(rows, all) // the pointers: quicker than what any row says
	}
	q.q.pick = func(e *env, set *roaring.Bitmap) []*model.UpdateRow { return e.ix.Pick(set) }
	if err := q.q.set(n, b); err != nil {
		return nil, err
	}
	return q, nil
}

// Match says whether one update fits. Filter is the way to ask about many.
func (q *Updates) Match(w World, r *model.UpdateRow, now time.Time) bool { return q.q.match(w, r, now) }

// pollEvery is after how many rows a Filter looks at its context.
const pollEvery = 256

// Filter gives the rows that fit, in their order, in a slice of its own. The
// error is that of the context, or an *Error for a group that does not exist.
func (q *Updates) Filter(ctx context.Context, w World, rows []*model.UpdateRow, now time.Time) ([]*model.UpdateRow, error) {
	return q.q.filter(ctx, w, rows, now)
}

// Check says whether every group that the query names exists; its error is an
// *Error with the nearest name.
func (q *Updates) Check(w World) error { return q.q.check(w) }

// String gives the canonical text, which parses to the same query.
func (q *Updates) String() string { return q.q.text }

// Empty says whether the query has no terms, so that everything fits.
func (q *Updates) Empty() bool { return q.q.root == nil }

// Group gives the group of in:GROUP as it was written, if the query has one.
func (q *Updates) Group() (name string, ok bool) {
	if q.q.b.scope < 0 {
		return "", false
	}
	return q.q.b.refs[q.q.b.scope].value.text, true
}

// TimeDependent says whether the passing of time alone can change the answer.
func (q *Updates) TimeDependent() bool { return q.q.b.relative }

// UsesGroups says whether the answer depends on groups: their names, or who
// belongs to them.
func (q *Updates) UsesGroups() bool { return q.q.b.groups }

// Computers is a parsed query on computers; a dynamic group's formula is one.
type Computers struct{ q query[*model.Computer] }

// ParseComputers reads a query on computers. The error is an *Error.
func ParseComputers(text string) (*Computers, error) {
	n, b, err := parse(text, computers)
	if err != nil {
		return nil, err
	}
	q := &Computers{}
	q.q.number = func(c *model.Computer) uint32 { return c.Number }
	if err := q.q.set(n, b); err != nil {
		return nil, err
	}
	return q, nil
}

// Match says whether one computer fits.
func (q *Computers) Match(w World, c *model.Computer, now time.Time) bool {
	return q.q.match(w, c, now)
}

// Filter gives the computers that fit, in their order, in a slice of its own.
// With needs: it looks at each update once, not once per computer.
func (q *Computers) Filter(ctx context.Context, w World, computers []*model.Computer, now time.Time) ([]*model.Computer, error) {
	return q.q.filter(ctx, w, computers, now)
}

// Check says whether every group that the query names exists; its error is an
// *Error with the nearest name.
func (q *Computers) Check(w World) error { return q.q.check(w) }

// String gives the canonical text, which parses to the same query.
func (q *Computers) String() string { return q.q.text }

// Empty says whether the query has no terms, so that everything fits.
func (q *Computers) Empty() bool { return q.q.root == nil }

// TimeDependent says whether the passing of time alone can change the answer:
// a dynamic group with such a formula is evaluated again as time passes.
func (q *Computers) TimeDependent() bool { return q.q.b.relative }

// UsesGroups says whether the answer depends on groups: their names, or who
// belongs to them. A dynamic group's formula must not, or membership would
// depend on itself; is:unassigned, and is:overdue within needs:, count too.
func (q *Computers) UsesGroups() bool { return q.q.b.groups }

func (q *query[R]) filter(ctx context.Context, w World, rows []R, now time.Time) ([]R, error) {
	e := &env{}
	if err := q.bind(e, w, now, true); err != nil {
		return nil, err
	}
	if q.test == nil {
		return append([]R(nil), rows...), ctx.Err()
	}
	set, left := q.narrowed(e)
	if set != nil && q.whole != nil && q.whole(e, rows) {
		rows, set = q.pick(e, set), nil
		if left == nil {
			return rows, ctx.Err()
		}
	}
	var in dense
	if set != nil {
		in = newDense(set)
	}
	var out []R
	for i, r := range rows {
		if i%pollEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if set != nil && !in.has(q.number(r)) {
			continue
		}
		if e.next(); left == nil || left(e, r) {
			out = append(out, r)
		}
	}
	return out, nil
}
