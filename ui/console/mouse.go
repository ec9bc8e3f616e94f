package console

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// The mouse, where it is wanted: a click goes to a tab, puts the focus on what it
// points at, or sorts by a column; a click on what has the focus opens it; the
// wheel scrolls. A click alone never changes anything: what does is asked for by
// a key, so that a window that is brought to the front by a click approves
// nothing.

// clicked is a pane that knows what is at a place of it, counted from 0.
type clicked interface {
	Click(x, y int) tea.Cmd
}

// placed is a pane with tables that the mouse can be pointed at. Where they
// stand is found by their column titles, so that a pane need not remember how it
// drew itself.
type placed interface {
	places() []place
}

// place is one table of a pane.
type place struct {
	tab   table.Places
	moved func() tea.Cmd           // the cursor may be on another row; nil = nothing follows it
	sort  func(key string) tea.Cmd // nil = the rows have one order
}

// wheelLines is how far one step of the wheel goes, as in most terminals.
const wheelLines = 3

// pointed takes in what the mouse did.
func (c *Console) pointed(m tea.MouseMsg) tea.Cmd {
	if c.leaving || c.prompt != nil || c.width < minWidth || c.height < minHeight {
		return nil
	}
	c.keyGap, c.keyAt = c.now.Sub(c.keyAt), c.now // a click is no answer to what was not there, either
	switch {
	case m.Button == tea.MouseButtonWheelUp:
		return c.wheel(-1)
	case m.Button == tea.MouseButtonWheelDown:
		return c.wheel(1)
	case m.Button != tea.MouseButtonLeft || m.Action != tea.MouseActionPress:
		return nil
	}
	c.status = message{}
	if m.Y == 0 {
		return c.clickTab(m.X)
	}
	if y := m.Y - bodyTop; y >= 0 && y < c.height-bodyRest {
		return c.clickBody(m.X, y)
	}
	return nil
}

// clickTab goes to a screen, from where its key would.
func (c *Console) clickTab(x int) tea.Cmd {
	if !slices.Contains(keys.Chain(c.top().Keys().Scope), keys.Global) {
		return nil
	}
	_, places := c.placeTabs(c.width)
	for _, p := range places {
		if x >= p.from && x < p.to {
			return c.act(c.keys.Action(p.action))
		}
	}
	return nil
}

// clickBody puts the focus on what is at a place of the pane.
func (c *Console) clickBody(x, y int) tea.Cmd {
	switch p := c.top().(type) {
	case clicked:
		return p.Click(x, y)
	case placed:
		lines := c.body()
		for _, at := range p.places() {
			if cmd, done := c.clickTable(at, lines, x, y); done {
				return cmd
			}
		}
		return nil
	}
	return c.walk(y)
}

// body is the lines of the pane on the screen, without style.
func (c *Console) body() []string {
	return strings.Split(ansi.Strip(c.top().View(c.width, c.height-bodyRest)), "\n")
}

// clickTable sorts by a column or puts the cursor on a row; done is false where
// the place is not the table's.
func (c *Console) clickTable(p place, lines []string, x, y int) (cmd tea.Cmd, done bool) {
	title := strings.TrimRight(p.tab.Title(), " ")
	header, left := -1, 0
	for i, l := range lines {
		if at := strings.Index(l, title); at >= 0 && strings.TrimSpace(title) != "" {
			header, left = i, layout.Width(l[:at])
			break
		}
	}
	switch {
	case header < 0 || y < header || x < left:
		return nil, false
	case y == header:
		if key := p.tab.Column(x - left); key != "" && p.sort != nil {
			return p.sort(key), true
		}
		return nil, true
	}
	had := p.tab.On()
	if !p.tab.Put(y - header - 1) {
		return nil, false
	}
	if p.tab.On() == had {
		return c.openIt(), true
	}
	if p.moved != nil {
		return p.moved(), true
	}
	return nil, true
}

// openIt opens what has the focus, where that is all that Enter does.
func (c *Console) openIt() tea.Cmd {
	for _, s := range keys.Chain(c.top().Keys().Scope) {
		if b := c.keys.Action(keys.Open); b.In(s) {
			return c.act(b)
		}
	}
	return nil
}

// walk moves the cursor of a pane to a line, step by step, as its keys would: in
// menus, wizards and trees, whose rows may have several lines.
func (c *Console) walk(y int) tea.Cmd {
	p := c.top()
	up, down := do(""), do("")
	for _, s := range keys.Chain(p.Keys().Scope) {
		for _, way := range [][2]keys.Action{{keys.Up, keys.Down}, {keys.PrevItem, keys.NextItem}} {
			if c.keys.Action(way[0]).In(s) {
				up, down = do(way[0]), do(way[1])
			}
		}
	}
	at := c.cursorLine()
	if up == "" || at < 0 {
		return nil
	}
	if at == y {
		return c.openIt()
	}
	var cmds []tea.Cmd
	for range c.height {
		if at == y || at < 0 {
			break
		}
		step, back := down, up
		if y < at {
			step, back = up, down
		}
		cmds = append(cmds, p.Update(step))
		next := c.cursorLine()
		if next == at { // its first or last row
			break
		}
		if step == down && next > y || next < 0 { // the line belongs to the row above it
			cmds = append(cmds, p.Update(back))
			break
		}
		at = next
		if step == up && at < y {
			break
		}
	}
	return tea.Batch(cmds...)
}

// cursorLine is the line of the pane with the cursor's mark; -1 = none.
func (c *Console) cursorLine() int {
	return slices.IndexFunc(c.body(), func(l string) bool { return strings.HasPrefix(strings.TrimLeft(l, " "), "> ") })
}

// wheel scrolls the pane by steps of the wheel.
func (c *Console) wheel(n int) tea.Cmd {
	p := c.top()
	if at, ok := p.(placed); ok {
		pl := at.places()[0] // the one that has the focus
		pl.tab.Scroll(n * wheelLines)
		if pl.moved != nil {
			return pl.moved()
		}
		return nil
	}
	a := keys.Down
	if n < 0 {
		a = keys.Up
	}
	b := c.keys.Action(a)
	if !slices.ContainsFunc(keys.Chain(p.Keys().Scope), b.In) {
		return nil
	}
	var cmds []tea.Cmd
	for range wheelLines {
		cmds = append(cmds, p.Update(do(a)))
	}
	return tea.Batch(cmds...)
}

// The panes whose tables are pointed at.

func (p *tablePane[ID]) places() []place { return []place{{tab: p.tab}} }

func (l *list) places() []place {
	return []place{{tab: l.tab, moved: l.moved, sort: func(key string) tea.Cmd {
		if key != l.sort {
			return l.sortBy(key)
		}
		cmd, _ := l.update(keys.Reverse)
		return cmd
	}}}
}

func (u *updates) places() []place   { return u.list.places() }
func (p *computers) places() []place { return p.list.places() }
func (p *computer) places() []place  { return []place{{tab: p.tab}} }

// Click puts the focus on a line that can be opened; on the one that has it, it
// opens it.
func (p *textPane) Click(_, y int) tea.Cmd {
	for i, l := range p.links {
		if l.line != p.top+y {
			continue
		}
		if p.focus == i {
			return p.openLink()
		}
		p.focus = i
	}
	return nil
}

// Click puts the focus on one of the answers. Neither is given by a click.
func (q *question) Click(x, y int) tea.Cmd {
	lines := q.c.body()
	if y >= len(lines) || q.deaf() || q.working {
		return nil
	}
	cancel := strings.Index(lines[y], "Cancel")
	apply := strings.LastIndex(lines[y], q.apply)
	if cancel < 0 || apply <= cancel || y < len(lines)-1 {
		return nil
	}
	from := layout.Width(lines[y][:apply])
	q.chosen = x >= from-2 && x < from+layout.Width(q.apply)+2
	return nil
}
