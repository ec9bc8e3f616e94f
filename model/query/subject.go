package query

import (
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Subject is what a query is asked about.
type Subject uint8

// The subjects.
const (
	OnUpdates Subject = iota
	OnComputers
	OnEntries // of the journal
)

// FieldHelp describes one field of the language, for help screens and docs.
type FieldHelp struct {
	Name    string // without the colon
	Meaning string
	Example string
}

// Fields lists the fields of a subject in the order of docs/query-language.md.
func Fields(s Subject) []FieldHelp {
	switch s {
	case OnComputers:
		return computers.help()
	case OnEntries:
		return entries.help()
	}
	return updates.help()
}

// field is one field of a subject: its help, what completes it, and how its
// terms become tests.
type field[R any] struct {
	FieldHelp
	words  []Suggestion // values to offer; of an enumeration, all of them
	names  nameKind     // names that complete it as well
	nested bool         // its value is a query on updates
	build  func(b *binder, t *term) (test[R], cost, *Error)
}

// nameKind says which names of the world complete a field.
type nameKind uint8

const (
	namesNone nameKind = iota
	namesGroups
	namesProducts
	namesUpstreams
)

// subject is the fields of a subject and what its bare words search.
type subject[R any] struct {
	noun     string
	fields   []field[R]
	byName   map[string]int
	synonyms map[string]string      // what people write for a field: the field, or a whole term
	other    string                 // noun of the other subject
	foreign  func(name string) bool // whether the other subject has the field
	bare     func(b *binder, t *term) (test[R], cost, *Error)
	universe func(e *env) *roaring.Bitmap // all rows that an index knows; nil when it does not know them all
}

// The subjects. Updates and computers refer to each other through needs: and
// through messages about fields of the other one, hence the init.
var (
	updates   *subject[*model.UpdateRow]
	computers *subject[*model.Computer]
	entries   *subject[*model.Entry]
)

func init() {
	updates, computers, entries = newUpdateSubject(), newComputerSubject(), newEntrySubject()
	entries.foreign = func(string) bool { return false }
	updates.other, updates.foreign = computers.noun, func(name string) bool { return computers.field(name) != nil }
	computers.other, computers.foreign = updates.noun, func(name string) bool { return updates.field(name) != nil }
}

func newSubject[R any](noun string, fields []field[R]) *subject[R] {
	s := &subject[R]{noun: noun, fields: fields, byName: make(map[string]int, len(fields))}
	for i, f := range fields {
		s.byName[f.Name] = i
	}
	return s
}

func (s *subject[R]) field(name string) *field[R] {
	if i, ok := s.byName[name]; ok {
		return &s.fields[i]
	}
	return nil
}

func (s *subject[R]) help() []FieldHelp {
	all := make([]FieldHelp, len(s.fields))
	for i, f := range s.fields {
		all[i] = f.FieldHelp
	}
	return all
}

// unknown says that a field does not exist and which is near.
func (s *subject[R]) unknown(column int, name, asWritten string) *Error {
	suggestion := s.synonyms[name]
	if s.foreign(name) {
		if suggestion == "" && s.field("needs") != nil {
			suggestion = "needs:(" + name + ":…)"
		}
		return fail(column, suggestion, "%s: is asked of %s, and this is a query on %s", name, s.other, s.noun)
	}
	if suggestion == "" {
		names := make([]string, len(s.fields))
		for i, f := range s.fields {
			names[i] = f.Name
		}
		if suggestion = nearest(name, names); suggestion != "" {
			suggestion += ":"
		}
	}
	return fail(column, suggestion, "there is no field %s; as text it stands in quotes", shown(asWritten))
}

// noCompare refuses comparisons of what has no order.
func noCompare(t *term) *Error {
	for _, v := range t.values {
		if v.op.compares() {
			return fail(v.column, "", "%s: has no order, so %q does not go with it; text that begins with it stands in quotes", t.field, opText[v.op])
		}
	}
	return nil
}

// texts builds the test of a field of text.
func texts[R any](c cost, usual mode, get func(R) string) func(*binder, *term) (test[R], cost, *Error) {
	return func(_ *binder, t *term) (test[R], cost, *Error) {
		pats, err := patterns(t, usual)
		if err != nil {
			return nil, 0, err
		}
		if len(pats) == 1 {
			p := &pats[0]
			return func(_ *env, r R) bool { return p.match(get(r)) }, c, nil
		}
		return func(_ *env, r R) bool {
			s := get(r)
			for i := range pats {
				if pats[i].match(s) {
					return true
				}
			}
			return false
		}, c * cost(len(pats)), nil
	}
}

// lists builds the test of a field with a list of texts, any of which may fit.
func lists[R any](c cost, get func(R) []string) func(*binder, *term) (test[R], cost, *Error) {
	return func(_ *binder, t *term) (test[R], cost, *Error) {
		pats, err := patterns(t, modeExact)
		if err != nil {
			return nil, 0, err
		}
		return func(_ *env, r R) bool {
			all := get(r)
			for i := range pats {
				if pats[i].any(all) {
					return true
				}
			}
			return false
		}, c * cost(len(pats)), nil
	}
}

// patterns prepares the values of a term. Where a value is compared as a whole
// anyway, "=" says nothing and is dropped from the canonical text.
func patterns(t *term, usual mode) ([]pattern, *Error) {
	if err := noCompare(t); err != nil {
		return nil, err
	}
	pats := make([]pattern, len(t.values))
	for i, v := range t.values {
		pats[i] = newPattern(v, usual)
		if usual == modeExact {
			t.values[i].op = opNone
		}
	}
	return pats, nil
}

// words reads the values of an enumeration as a set of indexes into all.
// alias maps other spellings; ordered enumerations compare.
func words(t *term, all []Suggestion, alias map[string]string, ordered bool) (uint64, *Error) {
	var set uint64
	for i := range t.values {
		v := &t.values[i]
		if v.op.compares() && !ordered {
			return 0, noCompare(t)
		}
		name := strings.ToLower(v.text)
		if a, ok := alias[name]; ok {
			name = a
		}
		v.text, v.quoted = name, false
		found := uint64(0)
		p := newPattern(value{text: name, lead: v.lead, trail: v.trail}, modeExact)
		for j, w := range all {
			if p.match(w.Text) {
				found |= 1 << j
			}
		}
		if found == 0 {
			names := make([]string, len(all))
			for j, w := range all {
				names[j] = w.Text
			}
			near := nearest(name, names)
			if near != "" {
				near = t.field + ":" + opText[v.op] + near
			}
			return 0, fail(v.column, near, "%s: does not know %s; it takes %s", t.field, shown(name), enumerate(names))
		}
		at := bits.TrailingZeros64(found) // stars do not compare, so this is the one word
		mask := uint64(1)<<len(all) - 1
		switch v.op {
		case opLess:
			found = uint64(1)<<at - 1
		case opAtMost:
			found = uint64(1)<<(at+1) - 1
		case opMore:
			found = mask &^ (uint64(1)<<(at+1) - 1)
		case opAtLeast:
			found = mask &^ (uint64(1)<<at - 1)
		case opEqual:
			v.op = opNone
		}
		set |= found
	}
	return set, nil
}

func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// enum builds the test of a field with a fixed set of words; get gives the
// word's index, and one outside the set fits no word.
func enum[R any](c cost, all []Suggestion, alias map[string]string, ordered bool, get func(e *env, r R) int) func(*binder, *term) (test[R], cost, *Error) {
	return func(_ *binder, t *term) (test[R], cost, *Error) {
		set, err := words(t, all, alias, ordered)
		if err != nil {
			return nil, 0, err
		}
		return func(e *env, r R) bool {
			i := get(e, r)
			return i >= 0 && i < 64 && set&(1<<i) != 0
		}, c, nil
	}
}

// numbers builds the test of a field that counts or weighs.
func numbers[R any](c cost, parse func(value, string) (int64, *Error), get func(e *env, r R) int64) func(*binder, *term) (test[R], cost, *Error) {
	type bound struct {
		op op
		n  int64
	}
	return func(_ *binder, t *term) (test[R], cost, *Error) {
		var bounds []bound
		for i := range t.values {
			v := &t.values[i]
			n, err := parse(*v, t.field)
			if err != nil {
				return nil, 0, err
			}
			tidy(v)
			bounds = append(bounds, bound{v.op, n})
		}
		first := bounds[0]
		if len(bounds) == 1 {
			return func(e *env, r R) bool { return first.op.holds(get(e, r), first.n) }, c, nil
		}
		return func(e *env, r R) bool {
			n := get(e, r)
			for _, b := range bounds {
				if b.op.holds(n, b.n) {
					return true
				}
			}
			return false
		}, c, nil
	}
}

// tidy drops what makes no difference to a number or a time.
func tidy(v *value) {
	v.quoted = false
	if v.op == opEqual {
		v.op = opNone
	}
}

// instant registers a value of a field of time and gives its slot.
func instant(b *binder, field string, v *value, future bool) (int, *Error) {
	m, err := parseMoment(*v, field, future)
	if err != nil {
		return 0, err
	}
	tidy(v)
	return b.moment(m), nil
}

// times builds the test of a field of time; an instant that is not known (zero)
// fits nothing.
func times[R any](get func(R) time.Time) func(*binder, *term) (test[R], cost, *Error) {
	return func(b *binder, t *term) (test[R], cost, *Error) {
		slots := make([]int, len(t.values))
		for i := range t.values {
			var err *Error
			if slots[i], err = instant(b, t.field, &t.values[i], false); err != nil {
				return nil, 0, err
			}
		}
		return func(e *env, r R) bool {
			at := get(r)
			return !at.IsZero() && e.within(slots, at)
		}, costTime, nil
	}
}

// groupSlots registers the values of a field of groups.
func groupSlots(b *binder, t *term) ([]int, *Error) {
	if err := noCompare(t); err != nil {
		return nil, err
	}
	var slots []int
	for _, v := range t.values {
		slots = append(slots, b.group(t.field, v))
	}
	return slots, nil
}

// anyOf joins tests of which one must pass, cheap ones first.
func anyOf[R any](tests []test[R], costs []cost) (test[R], cost) {
	order := make([]int, len(tests))
	var sum cost
	for i := range order {
		order[i] = i
		sum += costs[i]
	}
	if len(tests) == 1 {
		return tests[0], sum
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(costs[a] - costs[b]) })
	sorted := make([]test[R], len(tests))
	for i, j := range order {
		sorted[i] = tests[j]
	}
	return func(e *env, r R) bool {
		for _, t := range sorted {
			if t(e, r) {
				return true
			}
		}
		return false
	}, sum
}

// isWord is one word of is: with its test.
type isWord[R any] struct {
	Suggestion
	cost     cost
	relative bool // time alone can change it
	groups   bool // membership can change it
	test     test[R]
	narrow   narrower // may be nil
}

// isField builds the field is: from its words.
func isField[R any](meaning, example string, all []isWord[R]) field[R] {
	names := make([]Suggestion, len(all))
	for i, w := range all {
		names[i] = w.Suggestion
	}
	build := func(b *binder, t *term) (test[R], cost, *Error) {
		set, err := words(t, names, map[string]string{"license": "licence"}, false)
		if err != nil {
			return nil, 0, err
		}
		var tests []test[R]
		var costs []cost
		var narrows []narrower
		for i, w := range all {
			if set&(1<<i) == 0 {
				continue
			}
			narrows = append(narrows, w.narrow)
			b.relative, b.groups = b.relative || w.relative, b.groups || w.groups
			tests, costs = append(tests, w.test), append(costs, w.cost)
		}
		if !slices.ContainsFunc(narrows, func(n narrower) bool { return n == nil }) {
			b.narrow = func(e *env) (*roaring.Bitmap, bool) {
				sets, exact := make([]*roaring.Bitmap, len(narrows)), true
				for i, n := range narrows {
					s, x := n(e)
					sets[i], exact = s, exact && x
				}
				return union(sets), exact
			}
		}
		got, c := anyOf(tests, costs)
		return got, c, nil
	}
	return field[R]{FieldHelp: FieldHelp{"is", meaning, example}, words: names, build: build}
}
