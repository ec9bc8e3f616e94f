package console

import (
	"slices"
	"strings"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/layout"
	"fettle/ui/console/plot"
	"fettle/ui/console/theme"
	"fettle/ui/report"
)

// reportLine is one line of a report on the screen: of a table, or text.
type reportLine struct {
	text  string
	style func(*theme.Styles) theme.Style // nil = as it is
	table *reportTable
	row   int // of the table; -1 = its titles
	to    reportTarget
}

// reportTarget is what a row of a report stands for.
type reportTarget struct {
	update, computer uint32
	run, deployment  uint64
	group            model.GroupID
}

// reportTable is a section's table with the widths of its columns. The first
// column says of what a row is: it stays where it is when the others are
// scrolled (terminal section 1 asks for no more than that nothing is cut
// silently).
type reportTable struct {
	columns []reportColumn
	cells   [][]string // of the rows, as columns
	most    int        // how many columns can be scrolled away
}

type reportColumn struct {
	title string
	width int
	right bool
}

// widestText is how wide a column of text may become. Longer ones end in a mark,
// and are whole in what the row opens and in a file.
const widestText = 60

// tableOf lays a section out for a width.
func tableOf(s *report.Section, w int) *reportTable {
	t := &reportTable{}
	// What a row is called stands first, before its identifier.
	first := max(0, slices.IndexFunc(s.Columns, func(c report.Column) bool { return !c.Data && c.Rank == 0 && c.Kind == report.KindText }))
	order := []int{first}
	for i, c := range s.Columns {
		if i != first && !c.Data {
			order = append(order, i)
		}
	}
	t.cells = make([][]string, len(s.Rows))
	for i, row := range s.Rows {
		t.cells[i] = make([]string, len(order))
		for j, col := range order {
			t.cells[i][j] = s.Columns[col].Text(row[col])
		}
	}
	for j, col := range order {
		c := reportColumn{title: s.Columns[col].Title, right: s.Columns[col].Kind.Right()}
		natural := layout.Width(c.title)
		for i := range t.cells {
			natural = max(natural, layout.Width(t.cells[i][j]))
		}
		c.width = min(natural, widestText)
		if s.Columns[col].Kind == report.KindIdentifier {
			c.width = natural // a part of an identifier is none
		}
		if j == 0 {
			c.width = min(c.width, max(16, w/3))
		}
		t.columns = append(t.columns, c)
	}
	t.columns[0].width = min(t.columns[0].width+t.spare(w), max(t.columns[0].width, t.natural()))
	// The last column must be reachable, and no more than that is scrolled.
	room := w - t.columns[0].width
	for i := len(t.columns) - 1; i > 0; i-- {
		if room -= t.columns[i].width + 2; room < 0 {
			t.most = min(i, len(t.columns)-2)
			break
		}
	}
	return t
}

// natural is how wide the first column would be if it were not cut.
func (t *reportTable) natural() int {
	n := 0
	for _, row := range t.cells {
		n = max(n, layout.Width(row[0]))
	}
	return n
}

// spare is what all columns leave over.
func (t *reportTable) spare(w int) int {
	for _, c := range t.columns {
		w -= c.width + 2
	}
	return max(0, w+2)
}

// line draws a row, with the columns after those that were scrolled away. What
// has no room is told in the titles, never cut silently.
func (t *reportTable) line(row, skip, w int, g theme.Glyphs) string {
	skip = min(skip, t.most)
	cell := func(i int) string {
		if row < 0 {
			return t.columns[i].title
		}
		return t.cells[row][i]
	}
	var b strings.Builder
	first := cell(0)
	if row < 0 && skip > 0 {
		first += " (" + count(skip) + " <)"
	}
	b.WriteString(layout.Fit(first, t.columns[0].width, g.Tail))
	used := t.columns[0].width
	for i := 1 + skip; i < len(t.columns); i++ {
		c := t.columns[i]
		if used+2+c.width > w {
			if i == 1+skip { // it alone is wider than the room
				b.WriteString("  " + layout.Fit(cell(i), w-used-2, g.Tail))
				continue
			}
			if row < 0 {
				more := count(len(t.columns)-i) + " more >"
				if used+1+layout.Width(more) > w {
					line := layout.Cut(b.String(), w-layout.Width(more)-1, "")
					return line + " " + more
				}
				b.WriteString(layout.FitRight(more, w-used, ""))
			}
			break
		}
		b.WriteString("  ")
		if c.right {
			b.WriteString(layout.FitRight(cell(i), c.width, g.Tail))
		} else {
			b.WriteString(layout.Fit(cell(i), c.width, g.Tail))
		}
		used += 2 + c.width
	}
	return strings.TrimRight(b.String(), " ")
}

// opener finds what the rows of a section stand for.
type opener struct {
	snap    *store.Snapshot
	section string
	columns []report.Column
}

func (o opener) column(keys ...string) int {
	return slices.IndexFunc(o.columns, func(c report.Column) bool { return slices.Contains(keys, c.Key) })
}

// target says what a row stands for; zero = nothing that can be opened. Where
// both an update and a computer are named it is both.
func (o opener) target(row []report.Cell) reportTarget {
	var t reportTarget
	text := func(keys ...string) string {
		if i := o.column(keys...); i >= 0 {
			s, _ := row[i].(string)
			return s
		}
		return ""
	}
	number := func(keys ...string) uint64 {
		if i := o.column(keys...); i >= 0 {
			n, _ := row[i].(int)
			return uint64(max(0, n))
		}
		return 0
	}
	id := text("id")
	if r := o.snap.RowByID(model.UpdateID(orWord(id, text("update")))); r != nil {
		t.update = r.Number
	}
	if c := o.snap.ComputerByID(model.ComputerID(id)); c != nil {
		t.computer = c.Number
	} else if name := text("computer"); name != "" || t.update == 0 {
		if i := o.column("name"); name == "" && i >= 0 && o.columns[i].Title == "Computer" {
			name = text("name")
		}
		if c := o.snap.ComputerByName(name); c != nil {
			t.computer = c.Number
		}
	}
	switch {
	case o.section == "runs":
		t.run = number("id")
	case o.section == "deployments":
		t.deployment = number("id")
	}
	if t == (reportTarget{}) {
		t.run, t.deployment = number("run"), number("deployment")
	}
	if t == (reportTarget{}) && o.column("group") >= 0 {
		if g := o.snap.Groups().ByName(strings.TrimSpace(text("group"))); g != nil {
			t.group = g.ID
		}
	}
	return t
}

// lines makes the lines of a report for a width.
func (s scribe) report(r *report.Report, snap *store.Snapshot, w int) []reportLine {
	var out []reportLine
	add := func(style func(*theme.Styles) theme.Style, text string) {
		for _, l := range layout.Wrap(text, w) {
			out = append(out, reportLine{text: l, style: style})
		}
	}
	title := func(st *theme.Styles) theme.Style { return st.Title }
	muted := func(st *theme.Styles) theme.Style { return st.Muted }
	add(nil, r.Answers)
	add(muted, r.Scope.Sentence())
	for _, p := range r.Plots() {
		add(nil, "")
		add(title, strings.ToUpper(p.Title))
		for _, l := range s.plot(p, w) {
			out = append(out, reportLine{text: l})
		}
	}
	for i := range r.Sections {
		sec := &r.Sections[i]
		add(nil, "")
		add(title, strings.ToUpper(sec.Title))
		if len(sec.Rows) == 0 {
			add(nil, orWord(sec.Empty, "There is nothing to list."))
		} else {
			t := tableOf(sec, w)
			o := opener{snap, sec.Name, sec.Columns}
			out = append(out, reportLine{table: t, row: -1})
			for n, row := range sec.Rows {
				out = append(out, reportLine{table: t, row: n, to: o.target(row)})
			}
		}
		for _, n := range sec.Notes {
			add(muted, n)
		}
	}
	add(nil, "")
	add(muted, r.Evidence()+".")
	return out
}

// mostBars is how many bars a plot has at most on the screen; its table, below,
// has all of them.
const mostBars = 24

// plot draws a plot: a bar a line, with its numbers beside it.
func (s scribe) plot(p report.Plot, w int) []string {
	bars := p.Bars
	var lines []string
	if len(bars) > 1 && !bars[0].At.IsZero() { // over time: as a line, with its axes
		series := plot.Series{Title: p.Title, Style: s.styles.Info}
		for _, b := range bars {
			series.Points = append(series.Points, plot.Point{At: b.At, Value: float64(b.Part)})
		}
		return plot.Lines([]plot.Series{series}, min(w, 100), 9, plot.On(s.styles.Terminal))
	}
	if n := len(bars) - mostBars; n > 0 {
		note := "the first " + count(mostBars) + " of " + count(len(bars))
		if !bars[0].At.IsZero() {
			bars, note = bars[n:], "the last "+count(mostBars)+" of "+count(len(bars))
		} else {
			bars = bars[:mostBars]
		}
		lines = append(lines, note)
	}
	names, numbers := 0, 0
	for _, b := range bars {
		names, numbers = max(names, layout.Width(b.Label)), max(numbers, layout.Width(b.Text(p.Of)))
	}
	names = min(names, w/3)
	room := min(50, w-names-numbers-2)
	for _, b := range bars {
		l := layout.Fit(b.Label, names, s.styles.Glyphs.Tail) + " "
		switch {
		case b.Of == 0: // a bar of nothing would look like one of zero
			lines = append(lines, l+"none")
			continue
		case room >= 8:
			l += shareBar(s.styles.Glyphs, b.Part, b.Unknown, b.Of, room) + " "
		}
		lines = append(lines, l+b.Text(p.Of))
	}
	return lines
}

// shareBar draws a part of a whole; what is not known of it has a mark of its own,
// because silence must not look like compliance (users.md, rank 4). A part that
// is not nothing is seen, and one that is not all leaves room.
func shareBar(g theme.Glyphs, part, unknown, of, w int) string {
	cells := func(n int) int {
		if of <= 0 || n <= 0 {
			return 0
		}
		return max(1, n*w/of)
	}
	full := min(cells(part), w)
	if part < of && full == w {
		full--
	}
	open := min(cells(unknown), w-full)
	return strings.Repeat(g.Full, full) + strings.Repeat("?", open) + strings.Repeat(g.Empty, w-full-open)
}
