package query

import (
	"strings"
	"unicode"

	"fettle/model"
)

// Bounds of a query, since queries also come from outside. A list of marked
// updates, written as id:a,b,c, must still fit.
const (
	maxLength = 64 << 10 // bytes, of the text and of its canonical form
	maxDepth  = 40       // parentheses within parentheses
)

// source is the text of a query and how far it was read. The parser of needs:
// goes on where that of the computers' query stands, so that columns hold.
type source struct {
	runes []rune
	pos   int
	depth int
}

func newSource(text string) (*source, *Error) {
	if len(text) > maxLength {
		return nil, fail(1, "", "the query has %d characters; %d are allowed", len(text), maxLength)
	}
	return &source{runes: []rune(model.Clean(text))}, nil
}

func (s *source) end() bool { return s.pos >= len(s.runes) }

// peek gives the rune at an offset from here, or 0.
func (s *source) peek(offset int) rune {
	if s.pos+offset < len(s.runes) {
		return s.runes[s.pos+offset]
	}
	return 0
}

func (s *source) column() int { return s.pos + 1 }

func (s *source) blanks() {
	for !s.end() && unicode.IsSpace(s.runes[s.pos]) {
		s.pos++
	}
}

// ends says whether a word ends before the rune at the offset.
func (s *source) ends(offset int) bool {
	r := s.peek(offset)
	return s.pos+offset >= len(s.runes) || unicode.IsSpace(r) || r == '(' || r == ')'
}

// operator says whether the word or, and or not stands here.
func (s *source) operator(word string) bool {
	for i, r := range word {
		if unicode.ToLower(s.peek(i)) != r {
			return false
		}
	}
	return s.ends(len(word))
}

// parser reads the terms of one subject from a source.
type parser[R any] struct {
	*source
	subject *subject[R]
	b       *binder
}

// nest guards against nesting that would exhaust the stack.
func (s *source) nest(column int) *Error {
	if s.depth++; s.depth > maxDepth {
		return fail(column, "", "parentheses are nested more than %d deep", maxDepth)
	}
	return nil
}

// either reads terms joined by or; "and" binds closer.
func (p *parser[R]) either() (*node[R], *Error) {
	var parts []*node[R]
	for {
		n, err := p.every()
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
		if !p.operator("or") {
			return joined(nodeOr, parts), nil
		}
		p.pos += len("or")
	}
}

// every reads terms separated by blanks (or by the word and), up to an or, a
// closing parenthesis or the end.
func (p *parser[R]) every() (*node[R], *Error) {
	var parts []*node[R]
	for {
		p.blanks()
		and := len(parts) > 0 && p.operator("and")
		if and {
			p.pos += len("and")
			p.blanks()
		}
		if p.end() || p.peek(0) == ')' || p.operator("or") {
			if and || len(parts) == 0 {
				return nil, fail(p.column(), "", "a term is missing %s", p.before())
			}
			return joined(nodeAnd, parts), nil
		}
		if p.operator("and") {
			return nil, fail(p.column(), "", `a term is missing before "and"; as text it stands in quotes`)
		}
		n, err := p.unary()
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
}

// before says before what something is missing.
func (s *source) before() string {
	switch {
	case s.end():
		return "at the end"
	case s.peek(0) == ')':
		return `before ")"`
	}
	return `before "or"`
}

func (p *parser[R]) unary() (*node[R], *Error) {
	negate := false
	for {
		p.blanks()
		switch {
		case p.peek(0) == '!' || p.peek(0) == '-':
			if p.ends(1) && p.peek(1) != '(' {
				return nil, fail(p.column(), "", "%q negates the term that follows it directly; as text it stands in quotes", string(p.peek(0)))
			}
			p.pos++
		case p.operator("not"):
			p.pos += len("not")
			if p.blanks(); p.end() || p.peek(0) == ')' || p.operator("or") || p.operator("and") {
				return nil, fail(p.column(), "", `a term is missing after "not"; as text it stands in quotes`)
			}
		default:
			n, err := p.primary()
			if err == nil && negate {
				n = p.subject.negated(n)
			}
			return n, err
		}
		negate = !negate
	}
}

func (p *parser[R]) primary() (*node[R], *Error) {
	if p.peek(0) == '(' {
		return p.parenthesis()
	}
	if n, found, err := p.fieldTerm(); found || err != nil {
		return n, err
	}
	t := &term{column: p.column()}
	v, err := p.value(true)
	if err != nil {
		return nil, err
	}
	t.values = []value{v}
	n := &node[R]{term: t}
	n.test, n.cost, err = p.subject.bare(p.b, t)
	n.narrow = p.b.narrowing()
	return n, err
}

func (p *parser[R]) parenthesis() (*node[R], *Error) {
	open := p.column()
	if err := p.nest(open); err != nil {
		return nil, err
	}
	p.pos++
	n, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.peek(0) != ')' {
		return nil, fail(open, "", "this parenthesis is not closed")
	}
	p.pos++
	p.depth--
	return n, nil
}

// fieldTerm reads a term that begins with the name of a field. Without one the
// word is a bare one.
func (p *parser[R]) fieldTerm() (*node[R], bool, *Error) {
	start, i := p.column(), 0
	for isNameRune(p.peek(i)) {
		i++
	}
	if i == 0 || p.literal() {
		return nil, false, nil
	}
	written := string(p.runes[p.pos : p.pos+i])
	name := strings.ReplaceAll(strings.ToLower(written), "_", "-") // as the keys of --json have it
	f := p.subject.field(name)
	switch next := p.peek(i); {
	case next == ':':
		if f == nil {
			return nil, true, p.subject.unknown(start, name, written)
		}
		p.pos += i + 1
	case next == '<' || next == '>' || next == '=':
		// needed>0 is what many write first.
		if f == nil {
			digits := i
			for c := p.peek(digits); c == '<' || c == '>' || c == '='; c = p.peek(digits) {
				digits++
			}
			if !unicode.IsDigit(p.peek(digits)) {
				return nil, false, nil
			}
			return nil, true, p.subject.unknown(start, name, written)
		}
		p.pos += i
	default:
		return nil, false, nil
	}
	t := &term{field: name, column: start}
	n := &node[R]{term: t}
	if f.nested {
		err := p.nested(t)
		if err != nil {
			return nil, true, err
		}
	} else {
		for {
			v, err := p.value(false)
			if err != nil {
				return nil, true, err
			}
			if v.text == "" && !v.starred() {
				return nil, true, p.missing(t, v, f.Example)
			}
			t.values = append(t.values, v)
			if p.peek(0) != ',' {
				break
			}
			p.pos++
		}
	}
	var err *Error
	n.test, n.cost, err = f.build(p.b, t)
	n.narrow = p.b.narrowing()
	return n, true, err
}

// missing says why a term has no value.
func (p *parser[R]) missing(t *term, v value, example string) *Error {
	switch {
	case p.peek(0) == '(':
		return fail(p.column(), "", "%s: takes no parentheses; several values are written as %s:a,b", t.field, t.field)
	case v.op != opNone:
		return fail(v.column, "", "%s: a value must follow %q directly, as in %s", t.field, opText[v.op], example)
	case len(t.values) > 0:
		return fail(p.column(), "", "%s: a value is missing at the comma", t.field)
	}
	return fail(p.column(), "", "%s: a value must follow the colon directly, as in %s", t.field, example)
}

func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
}

// literal says whether the word is an IPv6 address, whose first part may look
// like the name of a field.
func (s *source) literal() bool {
	colons := 0
	for i := 0; !s.ends(i); i++ {
		switch r := unicode.ToLower(s.peek(i)); {
		case r == ':':
			colons++
		case r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r == '*':
		default:
			return false
		}
	}
	return colons >= 2
}

// nested reads the query on updates of needs:, in parentheses or one term.
func (p *parser[R]) nested(t *term) *Error {
	sub := &parser[*model.UpdateRow]{source: p.source, subject: updates, b: newBinder()}
	var n *node[*model.UpdateRow]
	var err *Error
	switch {
	case p.peek(0) == '(':
		n, err = sub.parenthesis()
	case p.ends(0):
		return p.missing(t, value{}, "needs:(severity:critical is:exploited)")
	default:
		n, err = sub.primary()
	}
	if err != nil {
		return err
	}
	t.sub, err = newUpdates(n, sub.b)
	return err
}

// value reads one value: pieces with and without quotes up to a blank, a
// parenthesis or (of a field) a comma.
func (p *parser[R]) value(bare bool) (value, *Error) {
	v := value{column: p.column()}
	if !bare {
		for _, o := range []op{opAtMost, opAtLeast, opLess, opMore, opEqual} {
			if t := opText[o]; p.peek(0) == rune(t[0]) && (len(t) == 1 || p.peek(1) == rune(t[1])) {
				v.op = o
				p.pos += len(t)
				break
			}
		}
	}
	var b strings.Builder
	first := true
	for ; !p.ends(0) && (bare || p.peek(0) != ','); first = false {
		if v.trail {
			return v, fail(p.column()-1, "", "a star stands at the beginning or at the end of a value; as text it stands in quotes")
		}
		r := p.peek(0)
		p.pos++
		switch {
		case r == '"':
			v.quoted = true
			if err := p.quoted(&b); err != nil {
				return v, err
			}
		case r == '*' && first:
			v.lead = true
		case r == '*':
			v.trail = true
		default:
			b.WriteRune(r)
		}
	}
	v.text = b.String()
	if v.text == "" {
		if v.quoted {
			return v, fail(v.column, "", "there is nothing in the quotes")
		}
		v.lead, v.trail = false, v.starred()
	}
	if v.starred() && v.op != opNone {
		return v, fail(v.column, "", "%q does not go with a star", opText[v.op])
	}
	return v, nil
}

// quoted reads up to the closing quote; a backslash protects a quote and itself.
func (s *source) quoted(b *strings.Builder) *Error {
	open := s.pos
	for ; !s.end(); s.pos++ {
		r := s.peek(0)
		switch {
		case r == '"':
			s.pos++
			return nil
		case r == '\\' && (s.peek(1) == '"' || s.peek(1) == '\\'):
			s.pos++
			r = s.peek(0)
		}
		b.WriteRune(r)
	}
	return fail(open, "", "this quote is not closed")
}

// parse reads a whole text.
func parse[R any](text string, sub *subject[R]) (*node[R], *binder, *Error) {
	src, err := newSource(text)
	if err != nil {
		return nil, nil, err
	}
	p := &parser[R]{source: src, subject: sub, b: newBinder()}
	if p.blanks(); p.end() {
		return nil, p.b, nil
	}
	n, err := p.either()
	if err != nil {
		return nil, nil, err
	}
	if p.peek(0) == ')' {
		return nil, nil, fail(p.column(), "", "this parenthesis was not opened")
	}
	return n, p.b, nil
}
