package report

import (
	"fmt"
	"slices"
	"time"
)

// Plot is what of a report can be drawn: the numbers of one section, chosen so
// that a drawing says the same as the table.
type Plot struct {
	Section string // whose rows the bars are
	Title   string // what the bars are, in words
	Of      bool   // each bar is a part of its own whole; else all have one scale
	Bars    []Bar  // in the order of the table; over time, the oldest first
}

// Bar is one bar.
type Bar struct {
	Label   string
	Part    int
	Of      int       // the whole; without Plot.Of the largest part
	Unknown int       // of the whole, how many are not known
	At      time.Time // zero = the plot is not over time
}

// Text is the bar's numbers, which always stand beside it.
func (b Bar) Text(of bool) string {
	if !of {
		return fmt.Sprint(b.Part)
	}
	s := fmt.Sprintf("%d of %d", b.Part, b.Of)
	if p, ok := (Share{b.Part, b.Of}).Percent(); ok {
		s += fmt.Sprintf("  %.1f %%", p)
	}
	if b.Unknown > 0 {
		s += fmt.Sprintf("  (%d unknown)", b.Unknown)
	}
	return s
}

// drawn says which columns of which sections are drawn.
var drawn = []struct{ report, section, title, label, value string }{
	{"compliance", "groups", "Computers up to date, by group", "group", "compliant"},
	{"compliance", "severities", "Missing updates, by severity", "severity", "missing"},
	{"computer-status-summary", "status", "Computers, by status", "title", "percent"},
	{"computer-status-summary", "groups", "Computers up to date, by group", "group", "compliant"},
	{"update-status-summary", "classifications", "Updates done everywhere, by classification", "title", "up_to_date"},
	{"deployment-progress", "deployments", "Done, by deployment", "name", ""},
	{"problems", "kinds", "Problems, by kind", "kind", "problems"},
	{"synchronization-results", "runs", "Updates that arrived, by run", "", "new"},
}

// Plots gives what can be drawn of a report; none where it is a list.
func (r *Report) Plots() []Plot {
	var out []Plot
	for _, d := range drawn {
		if d.report != r.Name {
			continue
		}
		if s := r.Section(d.section); s != nil && len(s.Rows) > 0 {
			if p, ok := s.plot(d.label, d.value); ok {
				p.Title = d.title
				out = append(out, p)
			}
		}
	}
	return out
}

// plot makes the bars of a section. No value means its first percentage, no
// label means that its rows are over time.
func (s *Section) plot(label, value string) (Plot, bool) {
	p := Plot{Section: s.Name}
	column := func(key string) int { return slices.IndexFunc(s.Columns, func(c Column) bool { return c.Key == key }) }
	v, l, at := column(value), column(label), -1
	if value == "" {
		v = slices.IndexFunc(s.Columns, func(c Column) bool { return c.Kind == KindPercent })
	}
	if label == "" {
		at = slices.IndexFunc(s.Columns, func(c Column) bool { return c.Kind == KindTime })
		l = at
	}
	if v < 0 || l < 0 {
		return p, false
	}
	unknown := -1
	if s.Columns[v].Kind == KindPercent {
		p.Of = true
		if s.Name != "status" { // where the unknown ones are a bar of their own
			unknown = column(s.Columns[v].Unknown)
		}
	}
	most := 0
	for _, row := range s.Rows {
		b := Bar{Label: s.Columns[l].Text(row[l])}
		if id := column("id"); b.Label == "" && id >= 0 {
			b.Label = "No. " + s.Columns[id].Text(row[id])
		}
		if t, ok := row[l].(time.Time); ok && at >= 0 {
			b.At = t
		}
		switch n := row[v].(type) {
		case Share:
			b.Part, b.Of = n.Part, n.Of
			if unknown >= 0 {
				b.Unknown, _ = row[unknown].(int)
			}
		case int:
			b.Part = n
		default:
			continue
		}
		most = max(most, b.Part)
		p.Bars = append(p.Bars, b)
	}
	if !p.Of {
		for i := range p.Bars {
			p.Bars[i].Of = most
		}
	}
	if at >= 0 { // tables begin with the newest
		slices.Reverse(p.Bars)
	}
	return p, len(p.Bars) > 0 && most > 0 || p.Of && len(p.Bars) > 0
}
