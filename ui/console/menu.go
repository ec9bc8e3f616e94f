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
	shown  window
	// manage says how an item is renamed and removed; nil = it cannot be.
	manage func(i int) (rename, remove func() tea.Cmd)
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
func (m *menu) Keys() paneKeys {
	return paneKeys{Scope: keys.Menu, Disabled: func(a keys.Action) string {
		switch rename, remove := m.managed(); {
		case a == keys.RenameItem && rename == nil:
			return "this cannot be renamed here"
		case a == keys.RemoveItem && remove == nil:
			return "this cannot be removed here"
		}
		return ""
	}}
}

// managed says how the item under the cursor is renamed and removed.
func (m *menu) managed() (rename, remove func() tea.Cmd) {
	if m.manage == nil || m.cursor >= len(m.items) {
		return nil, nil
	}
	return m.manage(m.cursor)
}

// Update takes in an action.
func (m *menu) Update(msg tea.Msg) tea.Cmd {
	a, ok := msg.(do)
	if !ok || len(m.items) == 0 {
		return nil
	}
	m.shown.at = m.cursor
	if m.shown.act(keys.Action(a), len(m.items)) {
		m.cursor = m.shown.at
		return nil
	}
	rename, remove := m.managed()
	do := map[keys.Action]func() tea.Cmd{keys.Choose: m.items[m.cursor].pick, keys.RenameItem: rename, keys.RemoveItem: remove}[keys.Action(a)]
	if do == nil {
		return nil
	}
	return tea.Batch(m.c.drop(m), do())
}

// View draws the choices.
func (m *menu) View(w, h int) string {
	lines := []string{""}
	m.shown.at = m.cursor
	first, last := m.shown.fit(len(m.items), h-1)
	for i := first; i < last; i++ {
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
