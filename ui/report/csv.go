package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// CSV writes one section as comma-separated values: a header row with the
// columns' keys, then the rows. A file of values is one table, so the other
// sections and the scope are not in it; an empty name means the report's
// principal section. Whoever writes it tells the scope and the evidence beside
// it (Scope.Sentence, Evidence).
//
// Text that a spreadsheet would take for a formula (beginning with =, +, - or
// @) gets an apostrophe in front; JSON has it unchanged. Lists are joined with
// "; ", times are RFC 3339, durations seconds, percentages numbers.
func (r *Report) CSV(w io.Writer, name string) error {
	if name == "" {
		name = r.Principal
	}
	s := r.Section(name)
	if s == nil {
		names := make([]string, len(r.Sections))
		for i := range r.Sections {
			names[i] = r.Sections[i].Name
		}
		return &ParameterError{Problem: fmt.Sprintf("the report %s has no section %q", r.Name, name), Remedy: "Its sections are " + strings.Join(names, ", ")}
	}
	out := csv.NewWriter(w)
	record := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		record[i] = c.Key
	}
	if err := out.Write(record); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	for _, row := range s.Rows {
		for i, c := range row {
			record[i] = plain(c)
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("writing CSV: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

// buffered runs a rendering over a buffer and tells what went wrong at the end.
func buffered(w io.Writer, form string, run func(*bufio.Writer)) error {
	out := bufio.NewWriterSize(w, 64<<10)
	run(out)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", form, err)
	}
	return nil
}
