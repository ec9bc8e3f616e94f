package console

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

// part is one pane of the Overview.
type part struct {
	name    string // what it is called, and known by
	says    string // behind the name
	right   string // titles of the columns at the right
	entries []entry
	foot    []string // lines that belong to no entry: a plot
	half    bool     // it may stand beside another one
	setup   bool     // the notice of the setup gate
}

// hit is where on the page something stands that can be pointed at.
type hit struct{ line, from, to, pane, entry int }

// drawn is one pane as lines, with the lines of its entries.
type drawn struct {
	lines  []string
	at, to int   // the lines of the focus; -1 = it is elsewhere
	owners []int // by line: the entry, or -1
}

// twoColumns is from which width on panes stand beside each other.
const twoColumns = 76

// leftShare is how much of the width the left one of two panes takes, in
// hundredths: that with the longer names and more columns.
const leftShare = 53

// View draws the page, or the pane that is zoomed, and below it in one line what
// Enter does with what has the focus. That line has its place, so that moving
// the focus changes three lines of the screen (terminal section 3.2).
func (o *overview) View(w, h int) string {
	o.width, o.height = w, h-1
	s := o.sections()
	pane, entry := o.place(s)
	var page []string
	o.hits = o.hits[:0]
	focus, last := 0, 0
	add := func(d drawn, pane, line, from, width int) {
		if d.at >= 0 {
			focus, last = line+d.at, line+d.to
		}
		for i, e := range d.owners {
			o.hits = append(o.hits, hit{line + i, from, from + width, pane, e})
		}
	}
	for i := 0; i < len(s); i++ {
		switch {
		case o.zoom && i != pane:
		case !o.zoom && s[i].half && i+1 < len(s) && s[i+1].half && w >= twoColumns:
			lw := (w - 2) * leftShare / 100
			left, right := o.draw(s, i, lw, pane, entry), o.draw(s, i+1, w-2-lw, pane, entry)
			add(left, i, len(page), 0, lw)
			add(right, i+1, len(page), lw+2, w-2-lw)
			for j := range max(len(left.lines), len(right.lines)) {
				l, r := layout.Blanks(lw), ""
				if j < len(left.lines) {
					l = left.lines[j]
				}
				if j < len(right.lines) {
					r = right.lines[j]
				}
				page = append(page, l+"  "+r)
			}
			i++
		default:
			d := o.draw(s, i, w, pane, entry)
			add(d, i, len(page), 0, w)
			page = append(page, d.lines...)
		}
	}
	if !o.c.snap.Setup().Complete() {
		page = append(page, o.welcome(w)...)
	}
	room := o.height
	switch {
	case !o.moved && o.top > 0:
		o.top += focus - o.line // what is above grew or shrank: the focus stays on its line
	case focus-1 < o.top:
		o.top = focus - 1 // the title above it too
	case last >= o.top+room:
		o.top = last - room + 1
	}
	o.top = max(0, min(o.top, len(page)-room))
	o.line, o.moved = focus, false
	lines := page[o.top:min(len(page), o.top+room)]
	hint := ""
	if e := o.focused(s); e != nil {
		hint = e.hint
	}
	for len(lines) < room {
		lines = append(lines, "")
	}
	return strings.Join(append(lines[:room:room], o.c.styles.Muted.Render(layout.Fit(" "+hint, w, o.c.styles.Glyphs.Tail))), "\n")
}

// draw draws one pane in w columns. The one that has the focus is named in
// brackets, as the current screen is.
func (o *overview) draw(s []part, i, w, pane, entry int) drawn {
	c, p := o.c, s[i]
	d := drawn{at: -1}
	tail := c.styles.Glyphs.Tail
	title, st := " "+p.name+" ", c.styles.Header
	if i == pane && len(s) > 1 {
		title = "[" + p.name + "]"
	}
	if p.says != "" {
		title += " " + p.says
	}
	if p.setup {
		st = c.styles.Setup
	}
	put := func(entry int, line string) {
		d.lines, d.owners = append(d.lines, line), append(d.owners, entry)
	}
	put(-1, st.Render(layout.Ends(title, p.right, w, tail)))
	for j, e := range p.entries {
		here := i == pane && j == entry
		if here {
			d.at = len(d.lines)
		}
		lead := "  "
		if here {
			lead = "> "
		}
		style := e.style
		if here {
			style = c.styles.Cursor
		}
		parts := []string{layout.Ends(lead+model.Clean(e.text), e.right, w, tail)}
		if o.zoom && e.right == "" { // there is room for all of it
			parts = nil
			text := model.Clean(e.text)
			first := text[:min(e.hang, len(text))]
			for k, l := range layout.Wrap(text[len(first):], w-2-e.hang) {
				if k > 0 {
					lead, first = "  ", layout.Blanks(e.hang)
				}
				parts = append(parts, layout.Fit(lead+first+l, w, tail))
			}
		}
		for _, l := range parts {
			put(j, style.Render(l))
		}
		for _, m := range e.more {
			for _, l := range o.lines("  "+m, w) {
				put(j, c.styles.Muted.Render(layout.Fit(l, w, tail)))
			}
		}
		if here {
			d.to = len(d.lines) - 1
		}
	}
	for _, l := range p.foot {
		put(-1, l+layout.Blanks(w-layout.Width(l)))
	}
	return d
}

// lines wraps what belongs to an entry in the zoom, and cuts it on the page.
func (o *overview) lines(text string, w int) []string {
	if o.zoom {
		return layout.Wrap(model.Clean(text), w)
	}
	return []string{model.Clean(text)}
}

// entry is one line that Enter opens, with lines below it that belong to it.
type entry struct {
	id    string // what it is, as long as it is there
	text  string
	right string
	style theme.Style
	hang  int // columns at the beginning that stay free in what is wrapped
	more  []string
	hint  string // what Enter does with it, and what else helps
	open  func() tea.Cmd
}

// welcome is what a newcomer reads below the tasks.
func (o *overview) welcome(w int) []string {
	text := []string{"",
		"You must complete these tasks before you can manage updates: Up and Down choose one, Enter opens it. Each takes less than a minute, and nothing is installed before you approve it.",
		"",
		"Fettle keeps the software of many computers in good order: it finds out which updates each computer needs, you approve those you want, and every computer installs what was approved for its groups.",
		"",
		"?  shows all keys and explains the words.   q  quits."}
	var lines []string
	for _, t := range text {
		for _, l := range layout.Wrap(t, w-4) {
			lines = append(lines, "  "+l)
		}
	}
	return lines
}
