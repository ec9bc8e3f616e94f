package console

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/layout"
)

// manyGroups is from how many groups on the tree begins folded.
const manyGroups = 40

// load reads the tree of groups, and counts for whom the approval would be.
func (a *approval) load() tea.Cmd {
	snap, numbers := a.c.snap, a.updates
	return a.request.start(a.c.ctx, func(ctx context.Context) func() tea.Cmd {
		tree := snap.Groups()
		needing := snap.Index().NeedingAny(roaring.BitmapOf(numbers...))
		var groups []approvalGroup
		var open []int // the groups that the next one may be below
		for _, id := range tree.Order() {
			if ctx.Err() != nil {
				return nil
			}
			m := snap.Members(id)
			g := approvalGroup{id: id, name: model.Clean(tree.Group(id).Name), depth: tree.Depth(id), parent: -1, members: int(m.GetCardinality()), needing: int(m.AndCardinality(needing))}
			if g.members == 0 && tree.Group(id).Predefined() && id != model.GroupAll {
				continue
			}
			for len(open) > 0 && groups[open[len(open)-1]].depth >= g.depth {
				open = open[:len(open)-1]
			}
			g.path = g.name
			if len(open) > 0 {
				g.parent = open[len(open)-1]
				if up := groups[g.parent]; up.depth > 0 { // that all computers are above says nothing
					g.path = up.path + " > " + g.name
				}
			}
			for _, i := range open {
				groups[i].below++
			}
			g.existing = existing(ctx, snap, numbers, id)
			open = append(open, len(groups))
			groups = append(groups, g)
		}
		return func() tea.Cmd {
			a.take(groups)
			return nil
		}
	})
}

// existing says what a group's own approvals of some updates have in common.
func existing(ctx context.Context, snap *store.Snapshot, numbers []uint32, id model.GroupID) groupApproval {
	var d groupApproval
	for i, n := range numbers {
		if i%4096 == 0 && ctx.Err() != nil {
			return d
		}
		ap, ok := snap.Approval(n, id)
		switch {
		case i == 0:
			d = groupApproval{own: ok, action: ap.Action, deadline: ap.Deadline}
		case ok != d.own || ap.Action != d.action || !ap.Deadline.Equal(d.deadline):
			return groupApproval{own: true, differs: true}
		}
	}
	return d
}

// take shows groups that were read; what was chosen before stays, and so does
// the cursor.
func (a *approval) take(groups []approvalGroup) {
	var at model.GroupID
	if g := a.focused(); g != nil {
		at = g.id
	}
	before := map[model.GroupID]approvalGroup{}
	for _, g := range a.groups {
		before[g.id] = g
	}
	for i := range groups {
		if old, ok := before[groups[i].id]; ok {
			groups[i].set, groups[i].action, groups[i].due, groups[i].deadline = old.set, old.action, old.due, old.deadline
		}
	}
	if !a.ready {
		a.folded = map[model.GroupID]bool{}
		for _, g := range groups {
			a.folded[g.id] = len(groups) > manyGroups && g.depth > 0 && g.below > 0
		}
	}
	a.groups, a.ready = groups, true
	a.arrange(at)
}

// arrange decides which groups are on the screen, with the cursor on one of
// them, or on the one that it is folded into.
func (a *approval) arrange(at model.GroupID) {
	a.rows = a.rows[:0]
	hidden, find := -1, strings.ToLower(a.find)
	for i, g := range a.groups {
		if find != "" {
			if strings.Contains(strings.ToLower(g.path), find) {
				a.rows = append(a.rows, i)
			}
			continue
		}
		if hidden >= 0 && g.depth > hidden {
			continue
		}
		hidden = -1
		a.rows = append(a.rows, i)
		if a.folded[g.id] {
			hidden = g.depth
		}
	}
	for i := range a.groups {
		if a.groups[i].id != at {
			continue
		}
		for j := i; j >= 0; j = a.groups[j].parent {
			for row, k := range a.rows {
				if k == j {
					a.cursor.at = row
					return
				}
			}
		}
	}
	a.cursor.at = max(0, min(a.cursor.at, len(a.rows)-1))
}

// toChildren puts the setting of a group on all groups below it.
func (a *approval) toChildren(g *approvalGroup) {
	for i := range a.groups {
		up := a.groups[i].parent
		for up >= 0 && a.groups[up].id != g.id {
			up = a.groups[up].parent
		}
		if up >= 0 {
			x := &a.groups[i]
			x.set, x.action, x.due, x.deadline = true, g.action, g.due, g.deadline
		}
	}
	a.c.say(slog.LevelInfo, fmt.Sprintf("%s: put on %s below, too", a.setting(g), counted(g.below, "group", "groups")))
}

// askFind asks which groups to show.
func (a *approval) askFind() tea.Cmd {
	at := model.GroupID("")
	if g := a.focused(); g != nil {
		at = g.id
	}
	set := func(text string) tea.Cmd {
		a.find = strings.TrimSpace(text)
		a.arrange(at)
		return nil
	}
	return a.c.ask(&prompt{label: "groups with:", change: set, done: set}, a.find)
}

// askName asks for the name of the deployment, and for a remark behind it.
func (a *approval) askName() tea.Cmd {
	value := a.name
	if a.remark != "" {
		value += "; " + a.remark
	}
	return a.c.ask(&prompt{label: "name; remark:", done: func(s string) tea.Cmd {
		name, remark, _ := strings.Cut(s, ";")
		a.name, a.remark = model.Clean(strings.TrimSpace(name)), model.Clean(strings.TrimSpace(remark))
		return nil
	}}, value)
}

// Step shows all groups again.
func (a *approval) Step() (tea.Cmd, bool) {
	if a.find == "" {
		return nil, false
	}
	at := model.GroupID("")
	if g := a.focused(); g != nil {
		at = g.id
	}
	a.find = ""
	a.arrange(at)
	return nil, true
}

// Facts says how much is set.
func (a *approval) Facts() string {
	set := 0
	for _, g := range a.groups {
		if g.set {
			set++
		}
	}
	s := ""
	if a.find != "" {
		s = fmt.Sprintf("%s of %s with %q", count(len(a.rows)), counted(len(a.groups), "group", "groups"), a.find) + a.c.styles.Glyphs.Dot
	}
	if set == 0 {
		return s + "nothing set"
	}
	return s + count(set) + " set"
}

// setting is what is chosen for a group, in words.
func (a *approval) setting(g *approvalGroup) string {
	word := g.action.Title()
	switch {
	case g.due == len(deadlines)-1:
		word += ", by " + g.deadline.In(a.c.zone).Format("2006-01-02 15:04")
	case g.due > 0:
		word += ", " + deadlines[g.due].word
	}
	return word
}

// decided writes an approval that was made before.
func (a *approval) decided(d groupApproval) string {
	if d.differs {
		return "differs"
	}
	word := d.action.Title()
	if !d.deadline.IsZero() {
		word += " by " + d.deadline.In(a.c.zone).Format(time.DateOnly)
	}
	return word
}

// inherited says what a group without a setting of its own gets from above, and
// from which group: what is chosen here counts as if it were made already.
func (a *approval) inherited(g *approvalGroup) (word, from string) {
	for i := g.parent; i >= 0; i = a.groups[i].parent {
		up := &a.groups[i]
		switch {
		case up.set && up.action != model.ActionInherit:
			return a.setting(up), up.name
		case !up.set && up.existing.own:
			return a.decided(up.existing), up.name
		}
	}
	return model.ActionNotApproved.Title(), ""
}

// word is what stands in a group's row.
func (a *approval) word(g *approvalGroup) string {
	above, _ := a.inherited(g)
	switch {
	case g.set && g.action == model.ActionInherit && g.parent < 0:
		return "= no approval"
	case g.set && g.action == model.ActionInherit:
		return "= Same as Parent: " + above
	case g.set:
		return "= " + a.setting(g)
	case g.existing.own:
		return "keep " + a.decided(g.existing)
	case g.parent < 0:
		return "keep Not Approved"
	}
	return "Same as Parent: " + above
}

// explain says of the group under the cursor what its row may have no room for.
func (a *approval) explain(g *approvalGroup) string {
	above, from := a.inherited(g)
	if from != "" {
		above += ", from " + from
	}
	switch {
	case g.set && g.action == model.ActionInherit && g.parent >= 0:
		return g.path + ": its own approval is removed, so that it gets what is above: " + above + "."
	case g.set && g.action == model.ActionInherit:
		return g.path + ": its approval is removed."
	case g.set:
		return g.path + ": is set to " + a.setting(g) + "."
	case g.existing.differs:
		return g.path + ": its own approvals are kept; they are not the same for all of these updates."
	case g.existing.own:
		return g.path + ": its own approval is kept: " + a.decided(g.existing) + "."
	case g.parent < 0:
		return g.path + ": has no approval, and keeps it so."
	}
	return g.path + ": has no approval of its own, and gets what is above: " + above + "."
}

// View draws the tree, what holds for the group under the cursor, and the rule
// that deadlines follow.
func (a *approval) View(w, h int) string {
	st := a.c.styles
	var foot []string
	if g := a.focused(); g != nil {
		foot = layout.Wrap(a.explain(g), w-4)
	}
	if a.name != "" || a.remark != "" {
		foot = append(foot, layout.Wrap(strings.Join(nonEmpty(choose(a.name != "", "Name: "+a.name, ""), choose(a.remark != "", "Remark: "+a.remark, "")), "; "), w-4)...)
	}
	if h >= 16 {
		foot = append(foot, layout.Wrap("A deadline that has come is obeyed at the next check-in, whatever the policy; until then the policy says when approved updates are installed. The deepest group wins.", w-4)...)
	}
	foot = foot[:min(len(foot), max(1, h/2))]
	// The names give way to the approvals, and the number of computers to both.
	names, computers := w-59, 10
	if w < 76 {
		names, computers = w-40, 0
	}
	row := func(name, n, needing, word string) string {
		return layout.Fit(layout.Fit(name, names, st.Glyphs.Tail)+layout.FitRight(n, computers, "")+layout.FitRight(needing, 8, "")+"  "+word, w-2, st.Glyphs.Tail)
	}
	lines := []string{st.Header.Render("  " + row("Group", "Computers", "Need it", "Approval"))}
	switch {
	case !a.ready:
		return lines[0] + "\n\n  reading"
	case len(a.rows) == 0:
		return lines[0] + "\n\n  No group has " + model.Clean(a.find) + " in its name: / looks for another, Esc shows all."
	}
	first, last := a.cursor.fit(len(a.rows), h-len(foot)-2)
	for i := first; i < last; i++ {
		g := &a.groups[a.rows[i]]
		name := layout.Blanks(2*min(g.depth, 6)) + g.name
		switch {
		case a.find != "":
			name = g.path
		case a.folded[g.id]:
			name += fmt.Sprintf(" %s%s", st.Glyphs.Folded, count(g.below))
		}
		lead := "  "
		if i == a.cursor.at {
			lead = "> "
		}
		text := lead + row(name, count(g.members), count(g.needing), a.word(g))
		switch {
		case i == a.cursor.at:
			text = st.Cursor.Render(text)
		case g.set:
			text = st.Mark.Render(text)
		}
		lines = append(lines, text)
	}
	for len(lines) < h-len(foot) && len(lines) < len(a.rows)+2 {
		lines = append(lines, "")
	}
	for _, l := range foot {
		lines = append(lines, st.Muted.Render("  "+l))
	}
	return strings.Join(lines, "\n")
}
