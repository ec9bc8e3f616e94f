package console

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// help lists every key of the pane that it was opened from, of lists and of
// everywhere, each of which can be run from here, and the glossary.
type help struct {
	c      *Console
	of     paneKeys
	search string
	items  []helpItem
	cursor int
	top    int
	height int
	drawn  []int // the item of each line
}

// helpItem is a heading, a binding or a term.
type helpItem struct {
	heading string
	binding *keys.Binding
	term    model.Term
	why     string // why the binding cannot be used now
}

func newHelp(c *Console, of paneKeys) pane {
	h := &help{c: c, of: of}
	h.list()
	return h
}

// list makes the items that the search lets through.
func (h *help) list() {
	h.items, h.drawn = nil, nil
	fits := func(texts ...string) bool {
		return h.search == "" || strings.Contains(strings.ToLower(strings.Join(texts, " ")), strings.ToLower(h.search))
	}
	section := func(title string, items []helpItem) {
		if len(items) > 0 {
			h.items = append(h.items, helpItem{heading: title})
			h.items = append(h.items, items...)
		}
	}
	done := map[keys.Action]bool{}
	for _, s := range keys.Chain(h.of.Scope) {
		title := string(s)
		for _, t := range keys.ScopeTitles {
			if t.Scope == s {
				title = t.Title
			}
		}
		var items []helpItem
		for _, b := range h.c.keys.For(s) {
			if !done[b.Action] && fits(b.Labels(), b.Long, string(b.Action)) {
				done[b.Action] = true
				items = append(items, helpItem{binding: b, why: h.c.off(b, h.of)})
			}
		}
		section(title, items)
	}
	var terms []helpItem
	for _, t := range model.Glossary() {
		if fits(t.Word, t.Meaning) {
			terms = append(terms, helpItem{term: t})
		}
	}
	section("Glossary", terms)
	h.cursor = 0
	h.move(1)
}

// Title is the pane's part of the breadcrumbs.
func (h *help) Title() string { return "Help" }

// Facts says what the search is.
func (h *help) Facts() string {
	if h.search != "" {
		return "with " + model.Clean(h.search) + " (Esc shows all)"
	}
	return "Enter does it, / searches"
}

// Keys says which bindings can be used.
func (h *help) Keys() paneKeys { return paneKeys{Scope: keys.Help} }

// Step ends the search.
func (h *help) Step() (tea.Cmd, bool) {
	if h.search == "" {
		return nil, false
	}
	h.search = ""
	h.list()
	return nil, true
}

// move moves the cursor, over headings.
func (h *help) move(n int) {
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	for range n {
		next := h.cursor + step
		for next >= 0 && next < len(h.items) && h.items[next].heading != "" {
			next += step
		}
		if next < 0 || next >= len(h.items) {
			return
		}
		h.cursor = next
	}
}

// Update takes in an action.
func (h *help) Update(msg tea.Msg) tea.Cmd {
	a, ok := msg.(do)
	if !ok {
		return nil
	}
	switch keys.Action(a) {
	case keys.Up:
		h.move(-1)
	case keys.Down:
		h.move(1)
	case keys.PageUp:
		h.move(-max(1, h.height-1))
	case keys.PageDown:
		h.move(max(1, h.height-1))
	case keys.HalfUp:
		h.move(-max(1, h.height/2))
	case keys.HalfDown:
		h.move(max(1, h.height/2))
	case keys.Top:
		h.cursor = 0
		h.move(1)
	case keys.Bottom:
		h.move(len(h.items))
	case keys.SearchText:
		return h.c.ask(&prompt{label: "search:", done: func(s string) tea.Cmd {
			h.search = s
			h.list()
			return nil
		}, change: func(s string) tea.Cmd {
			h.search = s
			h.list()
			return nil
		}}, h.search)
	case keys.Choose:
		if h.cursor < len(h.items) && h.items[h.cursor].binding != nil {
			b := h.items[h.cursor].binding
			cmd := h.c.drop(h)
			return tea.Batch(cmd, h.c.act(b))
		}
	}
	return nil
}

// View draws the list, and below it the whole text of the item under the cursor
// when it is cut.
func (h *help) View(w, height int) string {
	st := h.c.styles
	h.height = height
	if h.cursor < h.top+1 {
		h.top = h.cursor - 1
	}
	if h.cursor >= h.top+height {
		h.top = h.cursor - height + 1
	}
	h.top = max(0, min(h.top, len(h.items)-height))
	h.drawn = h.drawn[:0]
	if len(h.items) == 0 {
		return "\n  Nothing here has " + model.Clean(h.search) + "."
	}
	var lines []string
	last := h.top
	for i := h.top; i < len(h.items) && len(lines) < height; i++ {
		it := h.items[i]
		for len(h.drawn) < len(lines) {
			h.drawn = append(h.drawn, last)
		}
		last = i
		var label, text string
		switch {
		case it.heading != "":
			lines = append(lines, st.Header.Render(layout.Fit(" "+it.heading, w, st.Glyphs.Tail)))
			continue
		case it.binding != nil:
			text = it.binding.Long
			if it.why != "" {
				text = "(not now: " + it.why + ") " + text
			}
			label = layout.Fit(it.binding.Labels(), 14, st.Glyphs.Tail) + " "
		default:
			text = it.term.Word + ": " + it.term.Meaning
		}
		if i == h.cursor {
			// The row under the cursor is shown whole.
			for j, part := range layout.Wrap(text, w-3-layout.Width(label)) {
				if len(lines) >= height {
					break
				}
				lead := "> " + label
				if j > 0 {
					lead = "  " + layout.Blanks(layout.Width(label))
				}
				lines = append(lines, st.Cursor.Render(layout.Fit(lead+part, w, "")))
			}
			continue
		}
		l := layout.Fit("  "+label+text, w, st.Glyphs.Tail)
		if it.why != "" {
			l = st.Muted.Render(l)
		}
		lines = append(lines, l)
	}
	for len(h.drawn) < len(lines) {
		h.drawn = append(h.drawn, last)
	}
	return strings.Join(lines, "\n")
}

// Click puts the cursor on a key or a word. It does nothing else: what a key does
// may be a change.
func (h *help) Click(_, y int) tea.Cmd {
	if y < len(h.drawn) && h.items[h.drawn[y]].heading == "" {
		h.cursor = h.drawn[y]
	}
	return nil
}
