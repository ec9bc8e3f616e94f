package query

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// test says whether a row fits; it is what a term compiles to.
type test[R any] func(e *env, r R) bool

// cost orders tests by how much they ask: nanoseconds, roughly.
type cost int

const (
	costFlag     cost = 1    // a comparison with a field of the row
	costTime     cost = 5    // a comparison of instants
	costList     cost = 10   // a short list of words
	costProduct  cost = 40   // categories and their parents
	costText     cost = 60   // a search in one text
	costWord     cost = 100  // a search in all texts of a row
	costCounts   cost = 200  // the world's counts
	costApproval cost = 300  // the world's approvals
	costContent  cost = 400  // the state of files
	costWeigh    cost = 1000 // approvals weighed against each other
	costNeeds    cost = 5000 // a query on each update that a computer needs
)

// groupRef is a place in a query where groups are named.
type groupRef struct {
	field string
	value value
}

// binder gathers, while a query is parsed, what must be looked up before rows
// are matched.
type binder struct {
	refs     []groupRef
	scope    int // index in refs of in:GROUP, or -1
	moments  []moment
	products int // how many terms remember categories
	subs     []*Updates
	relative bool     // time alone can change the answer
	groups   bool     // membership of groups can change the answer
	narrow   narrower // of the term that is being built
}

func newBinder() *binder { return &binder{scope: -1} }

// narrowing gives what the term that was just built told the index, once.
func (b *binder) narrowing() narrower {
	n := b.narrow
	b.narrow = nil
	return n
}

// group registers a name and gives its slot.
func (b *binder) group(field string, v value) int {
	b.groups = true
	b.refs = append(b.refs, groupRef{field, v})
	return len(b.refs) - 1
}

// moment registers a date or a distance and gives its slot.
func (b *binder) moment(m moment) int {
	b.relative = b.relative || m.relative
	b.moments = append(b.moments, m)
	return len(b.moments) - 1
}

// resolution is what the names of groups mean in one tree. A tree is immutable,
// so a query remembers the last one.
type resolution struct {
	tree   *model.GroupTree
	groups [][]model.GroupID   // per ref, the groups that it names
	chains [][][]model.GroupID // per ref and group, the group with its ancestors
	err    *Error              // the first ref that names none
}

// query is what parsed queries on either subject have in common.
type query[R any] struct {
	root     *node[R]
	text     string
	test     test[R] // nil: everything fits
	b        *binder
	resolved atomic.Pointer[resolution]
	pool     sync.Pool // of *env, for Match

	number func(R) uint32
	whole  func(e *env, rows []R) bool           // whether rows are all that the index lists; nil when it lists none
	pick   func(e *env, set *roaring.Bitmap) []R // what the index lists of a set
}

func (q *query[R]) set(n *node[R], b *binder) *Error {
	scopes := 0
	if err := checkScope(n, true, &scopes); err != nil {
		return err
	}
	text, err := canonical(n)
	if err != nil {
		return err
	}
	q.root, q.text, q.b = n, text, b
	if n != nil {
		q.test, _ = compile(n)
	}
	return nil
}

// resolve looks up the groups that the query names.
func (q *query[R]) resolve(t *model.GroupTree) *resolution {
	if res := q.resolved.Load(); res != nil && res.tree == t {
		return res
	}
	res := &resolution{tree: t}
	for _, ref := range q.b.refs {
		ids := findGroups(t, ref.value)
		if len(ids) == 0 && res.err == nil {
			res.err = fail(ref.value.column, "", "there is no group %s", shown(ref.value.text))
			if t != nil {
				if name := nearest(ref.value.text, t.Names()); name != "" {
					res.err.Suggestion = ref.field + ":" + written(name)
				}
			}
		}
		var chains [][]model.GroupID
		for _, id := range ids {
			chains = append(chains, append([]model.GroupID{id}, t.Ancestors(id)...))
		}
		res.groups, res.chains = append(res.groups, ids), append(res.chains, chains)
	}
	q.resolved.Store(res)
	return res
}

// written is a name as it stands in a query, in quotes where it must.
func written(name string) string {
	var b strings.Builder
	value{text: name, quoted: true}.write(&b, false)
	return b.String()
}

// findGroups gives the groups of a name: the one that is spelled exactly so,
// else those that differ in case, else the one with that identifier, so that
// "servers" finds All Servers. A star finds all that fit.
func findGroups(t *model.GroupTree, v value) []model.GroupID {
	if t == nil {
		return nil
	}
	if g := t.ByName(v.text); g != nil && !v.starred() {
		return []model.GroupID{g.ID}
	}
	var ids []model.GroupID
	v.op = opNone
	p := newPattern(v, modeExact)
	for _, id := range t.Order() {
		if p.match(t.Group(id).Name) {
			ids = append(ids, id)
		}
	}
	if id := model.GroupID(strings.ToLower(v.text)); len(ids) == 0 && !v.starred() && t.Group(id) != nil {
		ids = append(ids, id)
	}
	return ids
}

// env is a query bound to a world and a now, with what was asked about the row
// at hand. One goroutine uses it at a time.
type env struct {
	w     World
	ix    Index // nil when the world has none, and for single rows
	now   time.Time
	tree  *model.GroupTree
	res   *resolution
	scope model.GroupID
	spans []span

	products []map[model.CategoryID]bool // per term, categories that were looked at; nil slices in Match
	subs     []*env
	verdicts [][]int8          // per needs: and update number: 0 not known, 1 fits, -1 does not
	sure     []*roaring.Bitmap // per needs: the computers that an index found

	haveCounts    bool
	counts        model.Counts
	haveOpen      bool
	open          [3]int // by Counted
	haveTotals    bool
	totals        model.UpdateTotals
	haveApprovals bool
	approvals     []model.Approval
	weighed       []model.Approval // scratch
}

// next forgets what was asked about the row before.
func (e *env) next() {
	e.haveCounts, e.haveOpen, e.haveTotals, e.haveApprovals = false, false, false, false
}

// bind prepares an env; memory says whether it serves many rows, so that it
// pays to remember answers.
func (q *query[R]) bind(e *env, w World, now time.Time, memory bool) *Error {
	e.w, e.now = w, now
	e.tree = w.Groups()
	e.res = q.resolve(e.tree)
	if e.res.err != nil {
		return e.res.err
	}
	e.scope = model.GroupAll
	if q.b.scope >= 0 {
		e.scope = e.res.groups[q.b.scope][0]
	}
	e.spans = e.spans[:0]
	for _, m := range q.b.moments {
		e.spans = append(e.spans, m.span(now))
	}
	if memory {
		e.products = make([]map[model.CategoryID]bool, q.b.products)
		for i := range e.products {
			e.products[i] = map[model.CategoryID]bool{}
		}
		e.verdicts, e.sure = make([][]int8, len(q.b.subs)), make([]*roaring.Bitmap, len(q.b.subs))
		if x, ok := w.(Indexed); ok {
			e.ix = x.Index()
		}
	}
	for len(e.subs) < len(q.b.subs) {
		e.subs = append(e.subs, &env{})
	}
	for i, s := range q.b.subs {
		if err := s.q.bind(e.subs[i], w, now, memory); err != nil {
			return err
		}
	}
	e.next()
	return nil
}

// match binds the query for one row.
func (q *query[R]) match(w World, r R, now time.Time) bool {
	if q.test == nil && q.root == nil {
		return true
	}
	e, _ := q.pool.Get().(*env)
	if e == nil {
		e = &env{}
	}
	ok := q.bind(e, w, now, false) == nil && (q.test == nil || q.test(e, r))
	e.w, e.tree, e.res, e.approvals = nil, nil, nil, nil // a pooled env must not keep a snapshot alive
	for _, s := range e.subs {
		s.w, s.tree, s.res, s.approvals = nil, nil, nil, nil
	}
	q.pool.Put(e)
	return ok
}

// check says whether every group that the query names exists.
func (q *query[R]) check(w World) error {
	if err := q.resolve(w.Groups()).err; err != nil {
		return err
	}
	for _, s := range q.b.subs {
		if err := s.Check(w); err != nil {
			return err
		}
	}
	return nil
}

// within says whether an instant lies in one of the spans.
func (e *env) within(slots []int, t time.Time) bool {
	for _, i := range slots {
		if e.spans[i].holds(t) {
			return true
		}
	}
	return false
}

// countsOf asks for the counts of the update at hand, once.
func (e *env) countsOf(r *model.UpdateRow) *model.Counts {
	if !e.haveCounts {
		e.counts, e.haveCounts = e.w.Counts(r.Number, e.scope), true
	}
	return &e.counts
}

// countOf asks for one of the counts that an index has at hand.
func (e *env) countOf(r *model.UpdateRow, what Counted) int64 {
	if e.ix == nil {
		c := e.countsOf(r)
		return int64([...]int{c.Needed, c.Failed, c.Pending}[what])
	}
	if !e.haveOpen {
		n, f, p := e.ix.Needing(r.Number, e.scope)
		e.open, e.haveOpen = [3]int{n, f, p}, true
	}
	return int64(e.open[what])
}

// totalsOf asks for the totals of the computer at hand, once.
func (e *env) totalsOf(c *model.Computer) *model.UpdateTotals {
	if !e.haveTotals {
		e.totals, e.haveTotals = e.w.Totals(c.Number), true
	}
	return &e.totals
}

// approvalsOf asks for the approvals of the update at hand, once. A decline
// masks them (design 4).
func (e *env) approvalsOf(r *model.UpdateRow) []model.Approval {
	if r.Has(model.FlagDeclined) {
		return nil
	}
	if !e.haveApprovals {
		e.approvals, e.haveApprovals = e.w.Approvals(r.Number), true
	}
	return e.approvals
}
