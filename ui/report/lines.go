package report

import (
	"bufio"
	"io"
	"strings"
)

// Lines writes the report to be heard or read line by line: no rules under
// titles, no columns; one line for each row of a table, its cells with the titles
// of their columns. Cells without a value are left out. Nothing is cut; whoever
// has a width wraps.
func (r *Report) Lines(w io.Writer) error {
	return buffered(w, "lines", func(out *bufio.Writer) {
		t := textWriter{out, 0}
		t.line(r.Title)
		t.line(r.Answers)
		t.line(r.Scope.Sentence())
		t.line(r.Evidence() + ".")
		for i := range r.Sections {
			s := &r.Sections[i]
			t.line(s.Title + ", " + count(len(s.Rows), "line") + ":")
			if len(s.Rows) == 0 && s.Empty != "" {
				t.line(s.Empty)
			}
			for _, row := range s.Rows {
				t.line(s.spoken(row))
			}
			for _, n := range s.Notes {
				t.line(n)
			}
		}
	})
}

// spoken is one row as a sentence: what it is about first.
func (s *Section) spoken(row []Cell) string {
	var parts []string
	for i, c := range s.Columns {
		text := shown(c.Kind, row[i])
		if c.Data || text == "" {
			continue
		}
		if len(parts) > 0 || c.Kind.Right() {
			text = strings.ToLower(c.Title) + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ") + "."
}
