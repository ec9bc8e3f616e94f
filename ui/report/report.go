package report

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"

	"fettle/model"
)

// Base says of which updates the numbers of a report are.
type Base uint8

// The bases of semantics 3.6.
const (
	BaseAll      Base = iota // every update that is not declined
	BaseApproved             // updates approved for installation, each on the computers for which that holds
)

// String gives the word of commands and JSON.
func (b Base) String() string { return [...]string{"all", "approved"}[min(b, 1)] }

// ParseBase reads a word of commands.
func ParseBase(word string) (Base, bool) {
	switch word {
	case "all", "":
		return BaseAll, true
	case "approved":
		return BaseApproved, true
	}
	return BaseAll, false
}

// Parameters narrow a report.
type Parameters struct {
	Group model.GroupID  // whose computers; empty = All Computers, or the group of in: in the query
	Query string         // on what the report's definition says; empty = everything
	Now   time.Time      // zero = the store's clock
	Zone  *time.Location // in which times are written; nil = UTC
	Base  Base
}

// ParameterError says that a report was asked for in a way that it cannot be
// made: the command line is wrong, not the store.
type ParameterError struct {
	Problem string
	Remedy  string
}

// Error says what is wrong and what to do.
func (e *ParameterError) Error() string {
	if e.Remedy == "" {
		return e.Problem
	}
	return e.Problem + ". " + e.Remedy
}

// Report is one report as data.
type Report struct {
	Name      string // "update-status-summary"
	Title     string
	Answers   string // the question that it answers
	Scope     Scope
	Made      time.Time
	Journal   Head
	Principal string // name of the section that CSV writes
	Sections  []Section
}

// Head is the newest entry of the journal when the report was made.
type Head struct {
	Entry uint64 // 0 = the journal is empty
	Hash  []byte
}

// String writes the head as it is compared with `fettle journal verify`.
func (h Head) String() string {
	if h.Entry == 0 {
		return "the journal is empty"
	}
	return fmt.Sprintf("journal entry %d, SHA-256 %s", h.Entry, hex.EncodeToString(h.Hash))
}

// Scope is what a report's numbers are about, and how far they can be trusted.
type Scope struct {
	Group     string // name; empty = the report is not about computers
	Query     string // canonical text; empty = no filter
	On        Subject
	Base      Base
	Updates   int // in scope; -1 = the report is not about a set of updates
	Computers int
	// Why a computer's status is not complete (semantics 3.7). Never and Newer
	// are without status for the base; Stale are silent, whatever they reported.
	Never int
	Newer int
	Stale int
}

// Sentence says the scope in words.
func (s Scope) Sentence() string {
	var parts []string
	filter := ""
	if s.Query != "" {
		filter = " that match " + s.Query
	}
	if s.Group != "" {
		t := fmt.Sprintf("Computer group %s: %s", s.Group, count(s.Computers, "computer"))
		if s.On == OnComputers {
			t += filter
		}
		switch without := s.Never + s.Newer; {
		case s.Computers == 0:
		case without == 0:
			t += ", all of them with a complete status"
		default:
			t += fmt.Sprintf(", %d of them without a complete status (%d never reported, %d reported before the newest updates arrived)", without, s.Never, s.Newer)
		}
		if s.Stale > 0 {
			t += fmt.Sprintf("; %d silent for more than %d days", s.Stale, int(model.StaleAfter.Hours()/24))
		}
		parts = append(parts, t+".")
	}
	if s.Updates >= 0 {
		t := count(s.Updates, "update")
		if s.On == OnUpdates {
			t += filter
		}
		if s.Base == BaseApproved {
			t += "; only updates approved for installation count, each on the computers for which that holds"
		} else {
			t += "; all but declined ones count"
		}
		parts = append(parts, t+".")
	} else if s.On == OnUpdates && filter != "" {
		parts = append(parts, "Updates"+filter+".")
	}
	if len(parts) == 0 {
		return "All upstreams and all updates."
	}
	return strings.Join(parts, " ")
}

// Evidence is one line that says when the report was made and on which state of
// the journal. Forms without room for it (CSV) are accompanied by it.
func (r *Report) Evidence() string {
	return fmt.Sprintf("Made %s; %s", r.Made.Format("2006-01-02 15:04:05 MST"), r.Journal)
}

// Section gives the section of a name, or nil.
func (r *Report) Section(name string) *Section {
	for i := range r.Sections {
		if r.Sections[i].Name == name {
			return &r.Sections[i]
		}
	}
	return nil
}

// Section is one table of a report.
type Section struct {
	Name    string // snake case, unique in the report
	Title   string
	Columns []Column
	Rows    [][]Cell // as long as Columns each
	Notes   []string
	Empty   string // what is said instead of a table without rows
}

// Kind is what the cells of a column are.
type Kind uint8

// The kinds, with the type of their cells. A cell may also be nil: there is no
// value.
const (
	KindText       Kind = iota // string; may be cut where room is short
	KindIdentifier             // string; never cut
	KindList                   // []string
	KindCount                  // int
	KindBytes                  // int64
	KindPercent                // Share
	KindTime                   // time.Time
	KindDuration               // time.Duration
	KindFlag                   // bool
)

var kindWords = [...]string{"text", "identifier", "list", "count", "bytes", "percent", "time", "duration", "flag"}

// String gives the word used in JSON.
func (k Kind) String() string { return kindWords[min(int(k), len(kindWords)-1)] }

// Right says whether the cells are written flush right.
func (k Kind) Right() bool {
	return k == KindCount || k == KindBytes || k == KindPercent || k == KindDuration
}

// Column describes the cells below it.
type Column struct {
	Key     string // of JSON and CSV: a query field's name where there is one, in snake case
	Title   string
	Kind    Kind
	Base    string // KindPercent: key of the column with the number that it is a part of
	Unknown string // KindPercent: key of the column with how many of these are unknown
	// Rank says when a column gives way on a narrow terminal: 0 never, the
	// highest first. Files and pipes always have all columns.
	Rank int
	Wrap bool // a sentence: broken over several lines where it would be cut
	Data bool // only for programs: JSON and CSV
}

// Cell is one value; Kind says which types there are.
type Cell any

// Share is a part of a whole.
type Share struct{ Part, Of int }

// Percent is the part in percent, cut to one decimal so that only the whole is
// 100; ok is false for a part of nothing.
func (s Share) Percent() (percent float64, ok bool) {
	if s.Of <= 0 {
		return 0, false
	}
	return math.Floor(float64(s.Part)*1000/float64(s.Of)) / 10, true
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// field is a column together with where its cells come from.
type field[T any] struct {
	Column
	value func(T) Cell
}

// section makes a section with a row for every item. Every text is cleaned
// here, once for all renderings (design 10).
func section[T any](name, title, empty string, items []T, fields []field[T]) Section {
	s := Section{Name: name, Title: title, Empty: empty, Columns: make([]Column, len(fields)), Rows: make([][]Cell, len(items))}
	for i, f := range fields {
		s.Columns[i] = f.Column
	}
	cells := make([]Cell, len(items)*len(fields))
	for i, item := range items {
		row := cells[i*len(fields) : (i+1)*len(fields) : (i+1)*len(fields)]
		for j, f := range fields {
			row[j] = clean(f.value(item))
		}
		s.Rows[i] = row
	}
	return s
}

// note adds a sentence below the table.
func (s *Section) note(format string, a ...any) {
	s.Notes = append(s.Notes, model.Clean(fmt.Sprintf(format, a...)))
}

func clean(c Cell) Cell {
	switch v := c.(type) {
	case string:
		if v == "" {
			return nil
		}
		return model.Clean(v)
	case []string:
		if len(v) == 0 {
			return nil
		}
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = model.Clean(s)
		}
		return out
	case time.Time:
		if v.IsZero() {
			return nil
		}
	}
	return c
}
