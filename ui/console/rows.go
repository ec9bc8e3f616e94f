package console

import (
	"context"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// tablePane is a screen that is one table without a filter: groups,
// deployments, runs, reports, the journal.
type tablePane[ID comparable] struct {
	c     *Console
	title string
	scope keys.Scope
	noun  [2]string
	tab   *table.Table[ID]
	load  func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[ID], error)
	open  func(ID) tea.Cmd
	act   func(a keys.Action, id ID, ok bool) tea.Cmd
	off   func(a keys.Action, id ID, ok bool) string
	empty []string
	above func(w int) []string // lines over the table
	still bool                 // what is shown is costly to compute: on a large store it is read again only when asked for
	late  bool                 // it is not read again yet, and something changed

	request request
	cells   map[ID][]table.Cell
	facts   []string
	notes   map[ID]string
	snap    *store.Snapshot // that the rows are of
	err     error
	ready   bool
}

// tableRows are all rows with their cells: such tables are short.
type tableRows[ID comparable] struct {
	ids   []ID
	cells map[ID][]table.Cell
	facts []string      // what stands above them
	notes map[ID]string // what a row has no column for
}

func (r *tableRows[ID]) add(id ID, cells ...table.Cell) {
	if r.cells == nil {
		r.cells = map[ID][]table.Cell{}
	}
	r.ids = append(r.ids, id)
	r.cells[id] = cells
}

func newTablePane[ID comparable](c *Console, title string, scope keys.Scope, one, many string, columns ...table.Column) *tablePane[ID] {
	p := &tablePane[ID]{c: c, title: title, scope: scope, noun: [2]string{one, many}}
	p.tab = table.New(c.styles, func(id ID) []table.Cell { return p.cells[id] }, columns...)
	p.tab.Single, p.tab.Step = true, c.o.Step
	return p
}

func (p *tablePane[ID]) restyle() { p.tab.Styles = p.c.styles }

// Title is the pane's part of the breadcrumbs.
func (p *tablePane[ID]) Title() string { return p.title }

// Facts says how many rows there are.
func (p *tablePane[ID]) Facts() string {
	if !p.ready {
		return ""
	}
	s := counted(p.tab.Len(), p.noun[0], p.noun[1])
	if n, _ := p.tab.Marked(); n > 0 {
		s = count(n) + " marked" + p.c.styles.Glyphs.Dot + s
	}
	if p.late {
		s += p.c.styles.Glyphs.Dot + "changed: r shows it"
	}
	return s
}

// Marked is how many rows are marked.
func (p *tablePane[ID]) Marked() int { return p.tab.MarkCount() }

// Step leaves a range of marks.
func (p *tablePane[ID]) Step() (tea.Cmd, bool) {
	if p.tab.Ranging() {
		p.tab.EndRange()
		return nil, true
	}
	return nil, false
}

// Keys says which bindings can be used.
func (p *tablePane[ID]) Keys() paneKeys {
	return paneKeys{Scope: p.scope, Disabled: func(a keys.Action) string {
		id, ok := p.tab.Cursor()
		switch a {
		case keys.Open:
			if p.open == nil || !ok {
				return "there is nothing to open"
			}
		case keys.Copy, keys.CopyRow:
			if !ok {
				return "there is nothing to copy"
			}
		}
		if p.off != nil {
			return p.off(a, id, ok)
		}
		return ""
	}}
}

// Update takes in an action.
func (p *tablePane[ID]) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case changed:
		if p.still && p.ready && !p.c.small() {
			p.late = p.snap.Seq() != p.c.snap.Seq()
			return nil
		}
		return p.read()
	case shown:
		return p.read()
	case do:
		a := keys.Action(msg)
		if navigate(p.tab, a) {
			return nil
		}
		id, ok := p.tab.Cursor()
		switch a {
		case keys.Mark:
			p.tab.Toggle()
			return nil
		case keys.MarkRange:
			p.tab.Range()
			return nil
		case keys.MarkAll:
			p.tab.MarkAll()
			return nil
		case keys.MarkNone:
			p.tab.ClearMarks()
			return nil
		case keys.Reload:
			return p.read()
		case keys.Open:
			return p.open(id)
		case keys.CopyRow:
			return p.c.copy(rowText(p.cells[id]))
		}
		if p.act != nil {
			return p.act(a, id, ok)
		}
	}
	return nil
}

func (p *tablePane[ID]) read() tea.Cmd {
	snap, s, load := p.c.snap, p.c.scribe, p.load
	return p.request.start(p.c.ctx, func(ctx context.Context) func() tea.Cmd {
		got, err := load(ctx, s, snap)
		return func() tea.Cmd {
			p.err = err
			if err == nil {
				p.ready, p.cells, p.facts, p.notes, p.snap, p.late = true, got.cells, got.facts, got.notes, snap, false
				p.tab.Refresh(0)
				p.tab.SetRows(got.ids, snap.Seq())
				p.tab.Layout()
			}
			return nil
		}
	})
}

// View draws the table.
func (p *tablePane[ID]) View(w, h int) string {
	var lines []string
	if p.above != nil {
		lines = p.above(w)
	}
	switch {
	case p.err != nil:
		return strings.Join(append(lines, p.c.unread(p.err, w)...), "\n")
	case !p.c.snap.Loaded() && p.tab.Len() == 0:
		return strings.Join(append(lines, "", "  loading the catalogue"), "\n")
	case !p.ready:
		return strings.Join(append(lines, "", "  reading"), "\n")
	case p.tab.Len() == 0:
		lines = append(lines, "")
		for _, e := range p.empty {
			for _, l := range layout.Wrap(e, w-4) {
				lines = append(lines, "  "+l)
			}
		}
		return strings.Join(lines, "\n")
	}
	lines = append(lines, p.tab.Header(w))
	return strings.Join(append(lines, p.tab.Lines(w, max(1, h-len(lines)))...), "\n")
}
