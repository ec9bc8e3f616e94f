package query

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"fettle/model"
)

// Error is what is wrong with a query, where, and what was perhaps meant.
type Error struct {
	Column     int // 1-based, in characters
	Message    string
	Suggestion string // empty when nothing is near
}

// Error writes the message as people see it.
func (e *Error) Error() string {
	s := fmt.Sprintf("column %d: %s", e.Column, e.Message)
	if e.Suggestion != "" {
		s += ". Did you mean " + e.Suggestion + "?"
	}
	return s
}

func fail(column int, suggestion, format string, args ...any) *Error {
	return &Error{Column: column, Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
}

// shown is text of a query as a message quotes it: harmless and not endless.
func shown(s string) string {
	s = model.Clean(s)
	if utf8.RuneCountInString(s) > 40 {
		s = string([]rune(s)[:39]) + "…"
	}
	return `"` + s + `"`
}

// nearest gives the candidate that word was most likely meant to be: one that
// it begins, else the one with the fewest slips of the finger, else one that
// holds it.
func nearest(word string, candidates []string) string {
	w := strings.ToLower(word)
	if w == "" || len(w) > 60 {
		return ""
	}
	best := ""
	if len(w) >= 2 {
		for _, c := range candidates {
			if strings.HasPrefix(strings.ToLower(c), w) && (best == "" || len(c) < len(best)) {
				best = c
			}
		}
		if best != "" {
			return best
		}
	}
	least := max(1, utf8.RuneCountInString(w)/3) + 1
	for _, c := range candidates {
		if d := distance([]rune(w), []rune(strings.ToLower(c))); d < least && d < utf8.RuneCountInString(c) {
			best, least = c, d
		}
	}
	if best != "" || len(w) < 3 {
		return best
	}
	for _, c := range candidates {
		if strings.Contains(strings.ToLower(c), w) {
			return c
		}
	}
	return ""
}

// distance counts insertions, deletions, replacements and swapped neighbours
// between two words (optimal string alignment).
func distance(a, b []rune) int {
	if len(b) > 80 {
		return len(b)
	}
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
