package report

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// header is the report without its rows, as JSON.
type header struct {
	Name    string      `json:"name"`
	Title   string      `json:"title"`
	Answers string      `json:"answers"`
	Made    string      `json:"made"`
	Journal journalJSON `json:"journal"`
	Scope   scopeJSON   `json:"scope"`
}

type journalJSON struct {
	Entry uint64 `json:"entry"`
	Hash  string `json:"sha256"`
}

type scopeJSON struct {
	Text          string  `json:"text"`
	Group         *string `json:"group"`
	Query         string  `json:"query"`
	On            string  `json:"query_on"`
	Base          string  `json:"base"`
	Updates       *int    `json:"updates"`
	Computers     *int    `json:"computers"`
	NeverReported *int    `json:"never_reported"`
	Newer         *int    `json:"newer_than_report"`
	Stale         *int    `json:"stale"`
}

type columnJSON struct {
	Key     string `json:"key"`
	Title   string `json:"title"`
	Kind    string `json:"kind"`
	Base    string `json:"base,omitempty"`
	Unknown string `json:"unknown,omitempty"`
}

// JSON writes the report as one object with its sections; each row is an object
// with the keys of the columns. Times are RFC 3339, durations seconds, sizes
// bytes, and percentages numbers whose column names the columns with the base
// and with how many of it are unknown. What has no value is null.
func (r *Report) JSON(w io.Writer) error {
	var failed error
	err := buffered(w, "JSON", func(out *bufio.Writer) { failed = r.writeJSON(out) })
	if failed != nil {
		return fmt.Errorf("writing JSON: %w", failed)
	}
	return err
}

func (r *Report) writeJSON(out *bufio.Writer) error {
	h := header{
		Name: r.Name, Title: r.Title, Answers: r.Answers, Made: r.Made.Format(time.RFC3339),
		Journal: journalJSON{r.Journal.Entry, hex.EncodeToString(r.Journal.Hash)},
		Scope:   scopeJSON{Text: r.Scope.Sentence(), Query: r.Scope.Query, On: r.Scope.On.String(), Base: r.Scope.Base.String()},
	}
	if s := &r.Scope; s.Group != "" {
		h.Scope.Group, h.Scope.Computers, h.Scope.NeverReported, h.Scope.Newer, h.Scope.Stale = &s.Group, &s.Computers, &s.Never, &s.Newer, &s.Stale
	}
	if r.Scope.Updates >= 0 {
		h.Scope.Updates = &r.Scope.Updates
	}
	b, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	out.Write(b[:len(b)-2]) // without "\n}": the sections follow
	out.WriteString(",\n  \"sections\": [")
	for i := range r.Sections {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := r.Sections[i].writeJSON(out); err != nil {
			return err
		}
	}
	_, err = out.WriteString("\n  ]\n}\n")
	return err
}

func (s *Section) writeJSON(out *bufio.Writer) error {
	columns := make([]columnJSON, len(s.Columns))
	keys := make([][]byte, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = columnJSON{c.Key, c.Title, c.Kind.String(), c.Base, c.Unknown}
		var err error
		if keys[i], err = json.Marshal(c.Key); err != nil {
			return err
		}
	}
	notes := s.Notes
	if notes == nil {
		notes = []string{}
	}
	for _, m := range []struct {
		open string
		v    any
	}{{"\n    {\n      \"name\": ", s.Name}, {",\n      \"title\": ", s.Title}, {",\n      \"columns\": ", columns}, {",\n      \"notes\": ", notes}} {
		b, err := json.Marshal(m.v)
		if err != nil {
			return err
		}
		out.WriteString(m.open)
		out.Write(b)
	}
	out.WriteString(",\n      \"rows\": [")
	for i, row := range s.Rows {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n        {")
		for j, c := range row {
			if j > 0 {
				out.WriteString(", ")
			}
			v, err := value(s.Columns[j].Kind, c)
			if err != nil {
				return fmt.Errorf("section %s, column %s: %w", s.Name, s.Columns[j].Key, err)
			}
			out.Write(keys[j])
			out.WriteString(": ")
			out.Write(v)
		}
		out.WriteByte('}')
	}
	if len(s.Rows) > 0 {
		out.WriteString("\n      ")
	}
	_, err := out.WriteString("]\n    }")
	return err
}
