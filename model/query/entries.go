package query

import (
	"strings"
	"time"

	"fettle/model"
)

// Entries is a parsed query on the entries of the journal.
type Entries struct{ q query[*model.Entry] }

// ParseEntries reads a query on the journal. The error is an *Error.
func ParseEntries(text string) (*Entries, error) {
	n, b, err := parse(text, entries)
	if err != nil {
		return nil, err
	}
	q := &Entries{}
	if err := q.q.set(n, b); err != nil {
		return nil, err
	}
	return q, nil
}

// Matcher binds the query to a now, for entries that are asked about one after
// the other. It belongs to one goroutine. The journal asks nothing of the world,
// so that none is needed.
func (q *Entries) Matcher(now time.Time) func(*model.Entry) bool {
	if q.q.test == nil {
		return func(*model.Entry) bool { return true }
	}
	e := &env{now: now}
	for _, m := range q.q.b.moments {
		e.spans = append(e.spans, m.span(now))
	}
	return func(entry *model.Entry) bool { return q.q.test(e, entry) }
}

// String gives the canonical text, which parses to the same query.
func (q *Entries) String() string { return q.q.text }

// Empty says whether the query has no terms, so that everything fits.
func (q *Entries) Empty() bool { return q.q.root == nil }

type entryTest = test[*model.Entry]

func newEntrySubject() *subject[*model.Entry] {
	const day = "since:today"
	s := newSubject("the journal", []field[*model.Entry]{
		{FieldHelp: FieldHelp{"entry", "its number", "entry:>100"}, build: numbers(costFlag, parseNumber, func(_ *env, e *model.Entry) int64 { return int64(e.Seq) })},
		{FieldHelp: FieldHelp{"who", "who made the change, or consented to it; a whole name, or with stars", "who:alice"}, build: lists(costList, entryPeople)},
		{FieldHelp: FieldHelp{"from", "where it came from: console, command, ssh, rule and so on", "from:rule"}, words: origins(), build: texts(costList, modeExact, func(e *model.Entry) string { return string(e.Actor.From) })},
		{FieldHelp: FieldHelp{"via", "what it came by: the rule's name, the SSH key", "via:nightly"}, build: texts(costText, modeContains, func(e *model.Entry) string { return e.Actor.Via })},
		{FieldHelp: FieldHelp{"kind", "what sort of change: approve, decline, group-add and so on, or with stars", "kind:group-*"}, words: kinds(), build: texts(costList, modeExact, func(e *model.Entry) string { return string(e.Kind) })},
		{FieldHelp: FieldHelp{"what", "what was done, in words: a part of the text", "what:openssl"}, build: texts(costText, modeContains, func(e *model.Entry) string { return e.Summary })},
		{FieldHelp: FieldHelp{"remark", "the remark: a part of it", "remark:ticket"}, build: texts(costText, modeContains, func(e *model.Entry) string { return e.Remark })},
		{FieldHelp: FieldHelp{"time", "when it was made: a date, or how long ago", "time:2026-11"}, build: relative(times(func(e *model.Entry) time.Time { return e.Time }))},
		{FieldHelp: FieldHelp{"since", "made from then on: a length of time, or a date", day}, words: []Suggestion{{"today", "since midnight"}, {"yesterday", "since yesterday's midnight"}, {"7d", "in the last seven days"}}, build: buildSinceEntry},
		isField("a fact about it: undo, undoable, consented, lasting", "is:undo", []isWord[*model.Entry]{
			{Suggestion: Suggestion{"undo", "it took another entry back"}, cost: costFlag, test: func(_ *env, e *model.Entry) bool { return e.Undoes != 0 }},
			{Suggestion: Suggestion{"undoable", "it says how it can be taken back"}, cost: costFlag, test: func(_ *env, e *model.Entry) bool { return e.Inverse != nil }},
			{Suggestion: Suggestion{"consented", "a second person consented to it"}, cost: costFlag, test: func(_ *env, e *model.Entry) bool { return e.Consent != nil }},
			{Suggestion: Suggestion{"lasting", "it cannot be taken back"}, cost: costFlag, test: func(_ *env, e *model.Entry) bool { return e.Inverse == nil }},
		}),
	})
	s.synonyms = map[string]string{"by": "who:", "user": "who:", "actor": "who:", "author": "who:", "when": "time:", "date": "time:", "number": "entry:", "no": "entry:", "summary": "what:", "title": "what:", "action": "kind:", "type": "kind:", "why": "remark:", "until": "time:"}
	s.bare = func(_ *binder, t *term) (entryTest, cost, *Error) {
		p := newPattern(t.values[0], modeContains)
		return func(_ *env, e *model.Entry) bool {
			return p.match(e.Summary) || p.match(e.Remark) || p.any(entryPeople(e)) || p.match(string(e.Kind))
		}, costWord, nil
	}
	return s
}

// entryPeople are those whose names an entry bears.
func entryPeople(e *model.Entry) []string {
	if e.Consent != nil {
		return []string{e.Actor.Who, e.Consent.Who}
	}
	return []string{e.Actor.Who}
}

// buildSinceEntry takes a moment for the beginning of what fits.
func buildSinceEntry(b *binder, t *term) (entryTest, cost, *Error) {
	if err := noCompare(t); err != nil {
		return nil, 0, err
	}
	if len(t.values) > 1 {
		return nil, 0, fail(t.values[1].column, "", "since: takes one moment")
	}
	v := &t.values[0]
	m, err := parseMoment(*v, t.field, false)
	if err != nil {
		return nil, 0, err
	}
	m.op = opAtLeast
	if m.age != 0 || m.step != 0 && m.y == 0 {
		m.op = opAtMost // not longer ago than that
	}
	b.relative = b.relative || m.relative
	tidy(v)
	slots := []int{b.moment(m)}
	return func(e *env, entry *model.Entry) bool { return e.within(slots, entry.Time) }, costTime, nil
}

func origins() []Suggestion {
	return []Suggestion{
		{string(model.FromConsole), "somebody at a console"}, {string(model.FromCommand), "a command"}, {string(model.FromSSH), "a session over SSH"},
		{string(model.FromRule), "an automatic approval rule"}, {string(model.FromImport), "an import"}, {string(model.FromAgent), "an agent"}, {string(model.FromServer), "the server itself"},
	}
}

// kinds are the sorts of changes, with the words of their names for a meaning.
func kinds() []Suggestion {
	var all []Suggestion
	for _, k := range model.ChangeKinds() {
		all = append(all, Suggestion{string(k), "the change: " + strings.ReplaceAll(string(k), "-", " ")})
	}
	return all
}
