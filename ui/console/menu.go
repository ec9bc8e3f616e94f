package console

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// menu is a list of things to choose from.
type menu struct {
	c      *Console
	title  string
	items  []menuItem
	cursor int
	top    int
}

// menuItem is one choice.
type menuItem struct {
	text string
	note string // at the right
	pick func() tea.Cmd
}

// Title is the pane's part of the breadcrumbs.
func (m *menu) Title() string { return m.title }

// Keys says which bindings can be used.
func (m *menu) Keys() paneKeys { return paneKeys{Scope: keys.Menu} }

// Update takes in an action.
func (m *menu) Update(msg tea.Msg) tea.Cmd {
	a, ok := msg.(do)
	if !ok || len(m.items) == 0 {
		return nil
	}
	switch keys.Action(a) {
	case keys.Up:
		m.cursor = max(0, m.cursor-1)
	case keys.Down:
		m.cursor = min(len(m.items)-1, m.cursor+1)
	case keys.Choose:
		pick := m.items[m.cursor].pick
		cmd := m.c.drop(m)
		return tea.Batch(cmd, pick())
	}
	return nil
}

// View draws the choices.
func (m *menu) View(w, h int) string {
	if m.cursor < m.top {
		m.top = m.cursor
	}
	if m.cursor >= m.top+h-1 {
		m.top = m.cursor - h + 2
	}
	m.top = max(0, min(m.top, len(m.items)-1))
	lines := []string{""}
	for i := m.top; i < min(len(m.items), m.top+h-1); i++ {
		it := m.items[i]
		l := layout.Ends(it.text, it.note, w-6, m.c.styles.Glyphs.Tail)
		if i == m.cursor {
			l = m.c.styles.Cursor.Render("> " + l)
		} else {
			l = "  " + l
		}
		lines = append(lines, " "+l)
	}
	return strings.Join(lines, "\n")
}
