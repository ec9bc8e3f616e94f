package console

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// columnChooser is the dialog in which the columns of a list are chosen and
// ordered: every one that the list has, those that are shown first. What is
// chosen is shown whether or not it is empty; only the width of the screen
// still takes columns away, the last ones first.
type columnChooser struct {
	c      *Console
	list   *list
	all    []table.Column // in the order that the dialog shows
	shown  map[string]bool
	filled map[string]bool // shown only while there is something in it: not decided by anybody
	plain  bool            // nothing was changed since the default was taken
	cursor window
}

// window is a cursor in a short list, with the part of it that is on the screen.
type window struct {
	at, top, height int
}

// act does the actions that move a cursor through n rows.
func (w *window) act(a keys.Action, n int) bool {
	switch a {
	case keys.Up:
		w.at--
	case keys.Down:
		w.at++
	case keys.PageUp:
		w.at -= max(1, w.height-1)
	case keys.PageDown:
		w.at += max(1, w.height-1)
	case keys.HalfUp:
		w.at -= max(1, w.height/2)
	case keys.HalfDown:
		w.at += max(1, w.height/2)
	case keys.Top:
		w.at = 0
	case keys.Bottom:
		w.at = n - 1
	default:
		return false
	}
	w.at = max(0, min(w.at, n-1))
	return true
}

// fit makes the cursor visible in h lines, and gives the rows that are: from
// the first to before the last.
func (w *window) fit(n, h int) (first, last int) {
	w.height = max(1, h)
	w.at = max(0, min(w.at, n-1))
	if w.at < w.top {
		w.top = w.at
	}
	if w.at >= w.top+w.height {
		w.top = w.at - w.height + 1
	}
	w.top = max(0, min(w.top, n-w.height))
	return w.top, min(n, w.top+w.height)
}

func newColumnChooser(l *list) *columnChooser {
	p := &columnChooser{c: l.c, list: l}
	p.plain = l.tab.Chosen() == nil
	if p.plain {
		p.take(l.tab.Default())
	} else {
		p.take(l.tab.Chosen())
	}
	return p
}

// take puts the columns of these keys first, in their order, and the others
// behind them.
func (p *columnChooser) take(keys []string) {
	p.all, p.shown, p.filled = nil, map[string]bool{}, map[string]bool{}
	for _, k := range keys {
		k, filled := strings.CutSuffix(k, "?")
		p.filled[k] = filled
		for _, col := range p.list.tab.Columns {
			if col.Key == k {
				p.all, p.shown[k] = append(p.all, col), true
			}
		}
	}
	for _, col := range p.list.tab.Columns {
		if col.Key != "" && !p.shown[col.Key] {
			p.all = append(p.all, col)
		}
	}
}

// Title is the pane's part of the breadcrumbs.
func (p *columnChooser) Title() string { return "Columns" }

// Facts says how many are shown.
func (p *columnChooser) Facts() string {
	s := count(len(p.chosen())) + " of " + counted(len(p.all), "column", "columns")
	if p.plain {
		s += p.c.styles.Glyphs.Dot + "default"
	}
	return s
}

// chosen gives the keys of what is to be shown, in its order.
func (p *columnChooser) chosen() []string {
	var keys []string
	for _, col := range p.all {
		if p.shown[col.Key] {
			keys = append(keys, col.Key+choose(p.filled[col.Key], "?", ""))
		}
	}
	return keys
}

// Keys says which bindings can be used.
func (p *columnChooser) Keys() paneKeys {
	return paneKeys{Scope: keys.ColumnList, Disabled: func(a keys.Action) string {
		col := p.all[p.cursor.at]
		switch {
		case a == keys.ShowColumn && p.shown[col.Key] && len(p.chosen()) == 1:
			return "one column must be left"
		case a == keys.ColumnLeft && p.cursor.at == 0:
			return "it is the first column already"
		case a == keys.ColumnRight && p.cursor.at == len(p.all)-1:
			return "it is the last column already"
		}
		return ""
	}}
}

// Update takes in an action.
func (p *columnChooser) Update(msg tea.Msg) tea.Cmd {
	m, ok := msg.(do)
	if !ok {
		return nil
	}
	a := keys.Action(m)
	if p.cursor.act(a, len(p.all)) {
		return nil
	}
	at := p.cursor.at
	move := func(to int) {
		p.all[at], p.all[to] = p.all[to], p.all[at]
		p.cursor.at, p.plain = to, false
	}
	switch a {
	case keys.ShowColumn:
		k := p.all[at].Key
		p.shown[k], p.filled[k], p.plain = !p.shown[k], false, false
		p.cursor.act(keys.Down, len(p.all))
	case keys.ColumnLeft:
		move(at - 1)
	case keys.ColumnRight:
		move(at + 1)
	case keys.DefaultColumns:
		p.take(p.list.tab.Default())
		p.plain, p.cursor.at = true, 0
	case keys.KeepColumns:
		chosen := p.chosen()
		if p.plain {
			chosen = nil
		}
		return tea.Batch(p.c.drop(p), p.list.chooseColumns(chosen))
	}
	return nil
}

// View draws the columns, each with what it means.
func (p *columnChooser) View(w, h int) string {
	st := p.c.styles
	lines := []string{st.Header.Render(layout.Fit("    Columns of the view "+p.list.currentName()+", from left to right", w, st.Glyphs.Tail))}
	first, last := p.cursor.fit(len(p.all), h-1)
	name := 0
	for _, col := range p.all {
		name = max(name, layout.Width(col.Title))
	}
	for i := first; i < last; i++ {
		col := p.all[i]
		box := "[ ] "
		if p.shown[col.Key] {
			box = "[x] "
		}
		note := col.Meaning
		if col.Hidden {
			note = strings.TrimPrefix(note+", empty now"+choose(p.shown[col.Key] && p.filled[col.Key], ": left out", ""), ", ")
		}
		l := layout.Fit(box+layout.Fit(col.Title, name, "")+"  "+note, w-3, st.Glyphs.Tail)
		if i == p.cursor.at {
			l = st.Cursor.Render("> " + l)
		} else {
			l = "  " + l
		}
		lines = append(lines, l)
	}
	return strings.Join(lines, "\n")
}

// chooseColumns shows these columns; nil brings the default back.
func (l *list) chooseColumns(chosen []string) tea.Cmd {
	if slices.Equal(chosen, l.tab.Default()) {
		chosen = nil // what the default is may get better
	}
	l.tab.Choose(chosen)
	l.keepLook()
	return tea.Batch(l.load(false), l.c.save())
}
