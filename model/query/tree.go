package query

import (
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// nodeKind tells what joins the parts of a query.
type nodeKind uint8

const (
	nodeTerm nodeKind = iota
	nodeAnd
	nodeOr
	nodeNot
)

// node is a part of a query: a term, or others joined.
type node[R any] struct {
	kind nodeKind
	kids []*node[R]
	term *term
	test test[R] // of a term
	cost cost

	narrow   narrower                     // of a term: what an index knows of it; may be nil
	universe func(e *env) *roaring.Bitmap // all rows that an index knows; nil when it does not know them all
}

// term is one condition as it was written, with values in canonical form.
type term struct {
	field  string // empty: a bare word
	values []value
	sub    *Updates // of needs:
	column int
}

func (t *term) write(b *strings.Builder) {
	if t.field != "" {
		b.WriteString(t.field)
		b.WriteByte(':')
	}
	if t.sub != nil {
		b.WriteString("(" + t.sub.q.text + ")")
		return
	}
	for i, v := range t.values {
		if i > 0 {
			b.WriteByte(',')
		}
		v.write(b, t.field == "")
	}
}

// write appends the canonical text; within says what the node is a part of.
func (n *node[R]) write(b *strings.Builder, within nodeKind) {
	join := " "
	switch n.kind {
	case nodeTerm:
		n.term.write(b)
		return
	case nodeNot:
		b.WriteByte('!')
		n.kids[0].write(b, nodeNot)
		return
	case nodeOr:
		join = " or "
	}
	paren := within == nodeNot || n.kind == nodeOr && within == nodeAnd
	if paren {
		b.WriteByte('(')
	}
	for i, k := range n.kids {
		if i > 0 {
			b.WriteString(join)
		}
		k.write(b, n.kind)
	}
	if paren {
		b.WriteByte(')')
	}
}

// joined makes an and or an or of parts; parts of the same kind are taken in,
// so that the tree has one shape for one meaning of parentheses.
func joined[R any](kind nodeKind, parts []*node[R]) *node[R] {
	if len(parts) == 1 {
		return parts[0]
	}
	n := &node[R]{kind: kind}
	for _, p := range parts {
		if p.kind == kind {
			n.kids = append(n.kids, p.kids...)
		} else {
			n.kids = append(n.kids, p)
		}
	}
	return n
}

func (s *subject[R]) negated(n *node[R]) *node[R] {
	if n.kind == nodeNot {
		return n.kids[0]
	}
	return &node[R]{kind: nodeNot, kids: []*node[R]{n}, universe: s.universe}
}

// checkScope makes sure that in:, which holds for the whole query, stands once
// and neither negated nor as one side of an or.
func checkScope[R any](n *node[R], top bool, seen *int) *Error {
	if n == nil {
		return nil
	}
	if n.kind == nodeTerm && n.term.field == "in" {
		if *seen++; *seen > 1 {
			return fail(n.term.column, "", "in: stands twice; the counts of a query are those of one group")
		}
		if !top {
			return fail(n.term.column, "", "in: holds for the whole query, so it can be neither negated nor one side of an or")
		}
	}
	for _, k := range n.kids {
		if err := checkScope(k, top && n.kind == nodeAnd, seen); err != nil {
			return err
		}
	}
	return nil
}

// canonical writes the tree; what grew too long by quotes is refused, so that
// every canonical text can be read again.
func canonical[R any](n *node[R]) (string, *Error) {
	if n == nil {
		return "", nil
	}
	var b strings.Builder
	n.write(&b, n.kind)
	if b.Len() > maxLength {
		return "", fail(1, "", "the query is too long")
	}
	return b.String(), nil
}

// compile joins the tests of a tree into one; cheap parts run first.
func compile[R any](n *node[R]) (test[R], cost) {
	if n.kind == nodeTerm {
		return n.test, n.cost
	}
	type part struct {
		test test[R]
		cost cost
	}
	parts := make([]part, 0, len(n.kids))
	var sum cost
	for _, k := range n.kids {
		t, c := compile(k)
		sum += c
		if t != nil { // in: asks nothing of a row
			parts = append(parts, part{t, c})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return int(a.cost - b.cost) })
	tests := make([]test[R], len(parts))
	for i, p := range parts {
		tests[i] = p.test
	}
	switch {
	case n.kind == nodeNot:
		inner := tests[0]
		return func(e *env, r R) bool { return !inner(e, r) }, sum
	case n.kind == nodeAnd && len(tests) == 1:
		return tests[0], sum
	case n.kind == nodeAnd:
		return func(e *env, r R) bool {
			for _, t := range tests {
				if !t(e, r) {
					return false
				}
			}
			return true
		}, sum
	}
	return func(e *env, r R) bool {
		for _, t := range tests {
			if t(e, r) {
				return true
			}
		}
		return false
	}, sum
}
