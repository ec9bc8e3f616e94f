package console

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// groups is the screen of computer groups: the tree, and beside or below it the
// computers of the group under the cursor. Tab goes from one to the other.
type groups struct {
	c       *Console
	tree    *tablePane[model.GroupID]
	members *tablePane[uint32]
	of      model.GroupID // whose computers are shown
	inside  bool          // the computers have the focus
	resting request
}

func newGroups(c *Console) pane {
	return &groups{c: c, tree: newGroupTree(c)}
}

// From these sizes on both panes are seen; on wide screens beside each other.
const (
	groupsBeside = 100
	groupsBelow  = 14
)

func (p *groups) restyle() {
	p.tree.restyle()
	if p.members != nil {
		p.members.restyle()
	}
}

// Title is the pane's part of the breadcrumbs.
func (p *groups) Title() string { return p.tree.Title() }

// Facts says how much the focused pane holds.
func (p *groups) Facts() string {
	if p.inside && p.members != nil {
		return p.members.Facts()
	}
	return p.tree.Facts()
}

// Marked is how many computers are marked.
func (p *groups) Marked() int {
	if p.members == nil {
		return 0
	}
	return p.members.Marked()
}

// Step leaves a range of marks, then the computers.
func (p *groups) Step() (tea.Cmd, bool) {
	if !p.inside || p.members == nil {
		return nil, false
	}
	if cmd, done := p.members.Step(); done {
		return cmd, true
	}
	p.inside = false
	return nil, true
}

// Keys says which bindings can be used: those of the focused pane.
func (p *groups) Keys() paneKeys {
	if p.inside && p.members != nil {
		k := p.members.Keys()
		k.Scope = keys.GroupMembers
		return k
	}
	return p.tree.Keys()
}

// Update takes in an action.
func (p *groups) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		cmd := p.tree.Update(msg)
		if p.members != nil {
			cmd = tea.Batch(cmd, p.members.Update(msg))
		}
		return tea.Batch(cmd, p.moved())
	case do:
		switch a := keys.Action(msg); {
		case a == keys.NextPane, a == keys.PrevPane:
			if p.members != nil || p.show() {
				p.inside = !p.inside
				return p.members.read()
			}
			return nil
		case p.inside && p.members != nil:
			return p.members.Update(msg)
		case a == keys.Reload && p.members != nil:
			return tea.Batch(p.tree.Update(msg), p.members.Update(msg))
		}
		return tea.Batch(p.tree.Update(msg), p.moved())
	}
	return nil
}

// moved lets the computers follow the cursor once it rests: they are many lines,
// which a slow line carries slowly (terminal section 3.2).
func (p *groups) moved() tea.Cmd {
	p.resting.stop()
	id := p.resting.id
	return p.c.after(cursorRest, answered{&p.resting, id, func() tea.Cmd {
		if p.inside || !p.show() {
			return nil
		}
		return p.members.read()
	}})
}

// show makes the pane of the computers that of the group under the cursor; false
// when there is none, or when it is that already.
func (p *groups) show() bool {
	id, ok := p.tree.tab.Cursor()
	if !ok || p.members != nil && p.of == id {
		return false
	}
	p.of, p.members = id, newGroup(p.c, id)
	p.members.above = func(int) []string { return nil } // the line between the panes says it
	return true
}

// places are the tables that the mouse can be pointed at, the focused one first.
func (p *groups) places() []place {
	out := []place{{tab: p.tree.tab, moved: func() tea.Cmd { p.inside = false; return p.moved() }}}
	if p.members != nil {
		out = append(out, place{tab: p.members.tab, moved: func() tea.Cmd { p.inside = true; return nil }})
		if p.inside {
			slices.Reverse(out)
		}
	}
	return out
}

// View draws the tree and the computers of the group under its cursor.
func (p *groups) View(w, h int) string {
	p.tree.tab.Dim = p.inside
	if p.members == nil {
		return p.tree.View(w, h)
	}
	p.members.tab.Dim = !p.inside
	switch {
	case w >= groupsBeside:
		return p.beside(w, h)
	case h >= groupsBelow:
		// The tree gets what it needs, and half at most.
		above := min(p.tree.tab.Len()+1+len(p.tree.above(w)), (h-1)/2)
		return strings.Join([]string{filled(p.tree.View(w, above), above), p.line(w), p.members.View(w, h-above-1)}, "\n")
	case p.inside:
		return p.line(w) + "\n" + p.members.View(w, h-1)
	}
	return filled(p.tree.View(w, h-1), h-1) + "\n" + p.line(w)
}

// beside draws the panes beside each other.
func (p *groups) beside(w, h int) string {
	left := w * 9 / 20
	right := w - left - 1
	a := strings.Split(p.tree.View(left, h), "\n")
	b := append([]string{p.line(right)}, strings.Split(p.members.View(right, h-1), "\n")...)
	lines := make([]string, h)
	for i := range lines {
		var l, r string
		if i < len(a) {
			l = a[i]
		}
		if i < len(b) {
			r = b[i]
		}
		lines[i] = l + layout.Blanks(left-layout.Width(l)) + " " + r
	}
	return strings.Join(lines, "\n")
}

// line is the heading of the computers: whose they are, and how that group
// stands.
func (p *groups) line(w int) string {
	st := p.c.styles
	g := p.c.snap.Groups().Group(p.of)
	if g == nil {
		return st.Header.Render(layout.Fit(" (removed)", w, st.Glyphs.Tail))
	}
	n := groupCount{members: int(p.c.snap.Members(p.of).GetCardinality()), split: [2][4]int{ofAll: p.c.snap.Split(p.of)}}
	text := " " + model.Clean(g.Name) + st.Glyphs.Dot + counted(n.members, "computer", "computers")
	if n.members > 0 {
		text += st.Glyphs.Dot + "ok " + n.compliance(ofAll)
	}
	if g.Formula != "" {
		text += st.Glyphs.Dot + "formula " + model.Clean(g.Formula)
	}
	hint := "Tab goes to them"
	if p.inside {
		hint = "Tab goes to the groups"
	}
	return st.Header.Render(layout.Fit(layout.Ends(text, hint+" ", w, st.Glyphs.Tail), w, ""))
}

// filled makes a text h lines high.
func filled(text string, h int) string {
	lines := strings.Split(text, "\n")
	for len(lines) < h {
		lines = append(lines, "")
	}
	return strings.Join(lines[:h], "\n")
}
