package console

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/report"
)

// reportPane shows one report: what it is about, its plots, its tables. It is
// made anew when it is asked for and when its parameters change, not by every
// change of the store: a report is of one moment, and says of which.
type reportPane struct {
	c   *Console
	def Report

	request request
	made    *report.Report
	lines   []reportLine
	width   int // that the lines are for
	err     error
	cursor  int
	top     int
	height  int
	skip    int // columns that were scrolled away
	search  string
	hits    int
	history []string
	writing *reportWriting // a file that is being written; nil = none
	stopped bool           // making it was stopped
}

func newReport(c *Console, r Report) pane { return &reportPane{c: c, def: r} }

// Title is the pane's part of the breadcrumbs.
func (p *reportPane) Title() string { return p.def.Title }

// Facts says what is being done, else where the screen is.
func (p *reportPane) Facts() string {
	switch {
	case p.writing != nil:
		return p.writing.text()
	case p.request.pending:
		return "being made"
	case p.search != "":
		return counted(p.hits, "line", "lines") + " with " + model.Clean(p.search)
	case p.height > 0 && len(p.lines) > p.height:
		return count(p.cursor+1) + " of " + counted(len(p.lines), "line", "lines")
	}
	return ""
}

// parameters are those that the report was last asked for in this session.
func (p *reportPane) parameters() report.Parameters { return p.c.narrowed[p.def.Name] }

// Keys says which bindings can be used.
func (p *reportPane) Keys() paneKeys {
	return paneKeys{Scope: keys.Report, Disabled: func(a keys.Action) string {
		switch a {
		case keys.Open:
			if p.target() == (reportTarget{}) {
				return "this line stands for nothing that could be opened"
			}
		case keys.ReportGroup:
			if !p.def.Groups {
				return "this report is not about the computers of a group"
			}
		case keys.ReportBase:
			if !p.def.Bases {
				return "this report has only one base"
			}
		case keys.Left:
			if p.skip == 0 {
				return "these are the first columns"
			}
		case keys.Right:
			if p.skip >= p.most() {
				return "all columns are shown, or scrolled to"
			}
		case keys.SaveReport:
			if p.made == nil {
				return "the report is not made yet"
			}
			if p.writing != nil {
				return "it is being written already"
			}
		case keys.StopIt:
			if p.writing == nil && !p.request.pending {
				return "nothing is being made or written"
			}
		}
		return ""
	}}
}

// target is what the line under the cursor stands for.
func (p *reportPane) target() reportTarget {
	if p.cursor < len(p.lines) {
		return p.lines[p.cursor].to
	}
	return reportTarget{}
}

// most is how many columns can be scrolled away in the widest table.
func (p *reportPane) most() int {
	n := 0
	for _, l := range p.lines {
		if l.table != nil && l.row < 0 {
			n = max(n, l.table.most)
		}
	}
	return n
}

// Update takes in an action.
func (p *reportPane) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown:
		if p.made == nil || p.width != p.room() {
			return p.read(p.made == nil)
		}
	case changed:
		if p.made == nil && !p.request.pending && !p.stopped { // the catalogue was not loaded yet
			return p.read(true)
		}
	case do:
		return p.act(keys.Action(msg))
	}
	return nil
}

func (p *reportPane) to(line int) {
	p.cursor = max(0, min(line, len(p.lines)-1))
}

func (p *reportPane) act(a keys.Action) tea.Cmd {
	if navigate(lineCursor{p.cursor, len(p.lines) - 1, p.height, p.to}, a) {
		return nil
	}
	switch a {
	case keys.Reload:
		return p.read(true)
	case keys.Open:
		return p.open(p.target())
	case keys.Left:
		p.skip = max(0, p.skip-1)
	case keys.Right:
		p.skip = min(p.skip+1, p.most())
	case keys.ReportGroup:
		return p.askGroup()
	case keys.ReportQuery:
		return p.askQuery()
	case keys.ReportBase:
		n := p.parameters()
		n.Base = report.BaseApproved - n.Base
		return p.narrow(n)
	case keys.SaveReport:
		return p.save()
	case keys.StopIt:
		return p.stop()
	case keys.SearchText:
		return p.c.ask(&prompt{label: "search:", done: func(s string) tea.Cmd {
			p.search = s
			p.find(p.cursor, 1)
			return nil
		}}, "")
	case keys.NextMatch:
		p.find(p.cursor+1, 1)
	case keys.PrevMatch:
		p.find(p.cursor-1, -1)
	}
	return nil
}

// stop stops what is being made or written.
func (p *reportPane) stop() tea.Cmd {
	if p.writing != nil {
		p.writing.cancel()
		return nil
	}
	p.request.stop()
	p.stopped = true
	p.c.say(slog.LevelWarn, "making the report was stopped; r makes it")
	return nil
}

// Step ends a search.
func (p *reportPane) Step() (tea.Cmd, bool) {
	had := p.search != ""
	p.search = ""
	return nil, had
}

// open opens what a row stands for.
func (p *reportPane) open(t reportTarget) tea.Cmd {
	c := p.c
	switch {
	case t.update != 0 && t.computer != 0:
		return c.push(newExplanation(c, t.computer, t.update))
	case t.update != 0:
		return c.push(newUpdate(c, t.update))
	case t.computer != 0:
		return c.push(newComputer(c, t.computer))
	case t.deployment != 0:
		return c.push(newDeployment(c, t.deployment))
	case t.run != 0:
		return c.push(newRun(c, t.run))
	case t.group != "":
		return c.push(newGroup(c, t.group))
	}
	return nil
}

// room is how wide the lines are.
func (p *reportPane) room() int { return p.c.width - 2 }

// read makes the report, or only lays it out for another width.
func (p *reportPane) read(anew bool) tea.Cmd {
	w, s, snap := p.room(), p.c.scribe, p.c.snap
	if w <= 0 || !snap.Loaded() {
		return nil
	}
	params := p.parameters()
	params.Now, params.Zone = s.now, s.zone
	p.stopped = false
	made, reporter, name := p.made, p.c.o.Reporter, p.def.Name
	return p.request.start(p.c.ctx, func(ctx context.Context) func() tea.Cmd {
		var err error
		if anew || made == nil {
			made, err = reporter.Build(ctx, snap, name, params)
		}
		var lines []reportLine
		if err == nil {
			lines = s.report(made, snap, w)
		}
		return func() tea.Cmd {
			if p.err = err; err != nil {
				return nil
			}
			was := p.target()
			p.made, p.lines, p.width = made, lines, w
			p.to(p.cursor)
			if was != (reportTarget{}) && p.target() != was { // the cursor follows what it is on
				if i := slices.IndexFunc(lines, func(l reportLine) bool { return l.to == was }); i >= 0 {
					p.cursor = i
				}
			}
			p.skip = min(p.skip, p.most())
			p.count()
			return nil
		}
	})
}

// narrow changes the parameters, which the session remembers.
func (p *reportPane) narrow(n report.Parameters) tea.Cmd {
	p.c.narrowed[p.def.Name] = n
	p.cursor, p.top, p.skip = 0, 0, 0
	return p.read(true)
}

// askGroup lets choose a group.
func (p *reportPane) askGroup() tea.Cmd {
	tree, n := p.c.snap.Groups(), p.parameters()
	m := &menu{c: p.c, title: "Computers of"}
	for _, id := range tree.Order() {
		note := counted(int(p.c.snap.Members(id).GetCardinality()), "computer", "computers")
		pick := id
		if id == model.GroupAll {
			pick = ""
		}
		if n.Group == pick {
			note, m.cursor = "now, "+note, len(m.items)
		}
		m.items = append(m.items, menuItem{layout.Blanks(2*tree.Depth(id)) + model.Clean(tree.Group(id).Name), note, func() tea.Cmd {
			n.Group = pick
			return p.narrow(n)
		}})
	}
	return p.c.push(m)
}

// askQuery asks for the query.
func (p *reportPane) askQuery() tea.Cmd {
	on := query.OnUpdates
	if p.def.OnComputers {
		on = query.OnComputers
	}
	ask := &prompt{label: "query on " + choose(p.def.OnComputers, "computers", "updates") + ", empty for all:", history: p.history}
	ask.check = func(text string) error { return p.c.checkQuery(on, text) }
	ask.complete = func(text string) (int, []string, []string) {
		if text == "" || strings.HasSuffix(text, " ") {
			return len(text), nil, nil
		}
		return p.c.offerQuery(on, text)
	}
	ask.done = func(text string) tea.Cmd {
		p.history = remember(p.history, text)
		n := p.parameters()
		n.Query = text
		return p.narrow(n)
	}
	return p.c.ask(ask, p.parameters().Query)
}

func (p *reportPane) lineText(i int) string {
	l := p.lines[i]
	if l.table != nil && l.row >= 0 {
		return strings.Join(l.table.cells[l.row], " ")
	}
	return l.text
}

func (p *reportPane) matches(i int) bool {
	return strings.Contains(strings.ToLower(p.lineText(i)), strings.ToLower(p.search))
}

func (p *reportPane) count() {
	p.hits = 0
	for i := range p.lines {
		if p.search != "" && p.matches(i) {
			p.hits++
		}
	}
}

// find goes to the next line that matches.
func (p *reportPane) find(from, step int) {
	p.count()
	if p.search == "" {
		return
	}
	for i := from; i >= 0 && i < len(p.lines); i += step {
		if p.matches(i) {
			p.to(i)
			return
		}
	}
}

// head says what the report is of: its parameters, which keys change.
func (p *reportPane) head(w int) []string {
	var parts []string
	n := p.parameters()
	add := func(a keys.Action, name, value string) {
		label := ""
		if b := p.c.keys.Action(a); b != nil {
			label = " (" + b.Label() + ")"
		}
		parts = append(parts, name+label+": "+value)
	}
	if p.def.Groups {
		name := "All Computers"
		if g := p.c.snap.Groups().Group(n.Group); g != nil {
			name = model.Clean(g.Name)
		}
		add(keys.ReportGroup, "Group", name)
	}
	add(keys.ReportQuery, "Query", orWord(model.Clean(n.Query), "none"))
	if p.def.Bases {
		add(keys.ReportBase, "Base", choose(n.Base == report.BaseApproved, "approved updates", "all updates"))
	}
	line := parts[0]
	var lines []string
	for _, part := range parts[1:] {
		if layout.Width(line)+3+layout.Width(part) > w-2 {
			lines = append(lines, line)
			line = part
			continue
		}
		line += "   " + part
	}
	lines = append(lines, line)
	for i := range lines {
		lines[i] = p.c.styles.Header.Render(layout.Fit(" "+lines[i], w, p.c.styles.Glyphs.Tail))
	}
	return lines
}

// View draws the parameters, and below them as much as there is room for. Titles
// of a table whose first rows were scrolled away stay at the top.
func (p *reportPane) View(w, h int) string {
	st := p.c.styles
	out := p.head(w)
	switch {
	case p.err != nil:
		out = append(out, "")
		for _, l := range layout.Wrap("! The report could not be made: "+model.CleanLines(p.err.Error()), w-4) {
			out = append(out, "  "+st.Bad.Render(l))
		}
		return strings.Join(append(out, wrapped("r makes it again; the keys above change what it is asked for.", w)...), "\n")
	case !p.c.snap.Loaded():
		return strings.Join(append(out, "", "  loading the catalogue"), "\n")
	case p.made == nil && !p.request.pending:
		return strings.Join(append(out, "", "  It was not made. r makes it."), "\n")
	case p.made == nil:
		return strings.Join(append(out, "", "  being made; x stops it"), "\n")
	}
	p.height = max(1, h-len(out)-1)
	switch { // half a page at the edge sends fewer bytes than line by line (terminal finding 6)
	case p.cursor < p.top || p.cursor >= p.top+p.height:
		step := p.height / 2
		if p.c.o.Step {
			step = 0
		}
		if p.cursor < p.top {
			p.top = p.cursor - step
		} else {
			p.top = p.cursor - p.height + 1 + step
		}
	}
	p.top = max(0, min(p.top, len(p.lines)-p.height))
	if first := p.lines[p.top]; first.table != nil && first.row > 0 {
		out = append(out, st.Header.Render(layout.Fit(" "+first.table.line(-1, p.skip, w-2, st.Glyphs), w, "")))
	} else {
		out = append(out, "")
	}
	for i := p.top; i < min(p.top+p.height, len(p.lines)); i++ {
		l := p.lines[i]
		text := l.text
		if l.table != nil {
			text = l.table.line(l.row, p.skip, w-2, st.Glyphs)
		}
		switch {
		case i == p.cursor:
			text = st.Cursor.Render(layout.Fit(">"+text, w-1, ""))
		case p.search != "" && p.matches(i):
			text = st.Mark.Render("*" + text)
		case l.table != nil && l.row < 0:
			text = st.Header.Render(layout.Fit(" "+text, w, ""))
		case l.style != nil:
			text = l.style(st).Render(" " + text)
		default:
			text = " " + text
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}
