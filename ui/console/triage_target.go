package console

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// triageTarget is for whom, and by when, a single key approves. It is kept with
// the session: whoever approves for the pilot group every morning chooses it once.
type triageTarget struct {
	Groups   []model.GroupID `json:"groups,omitempty"`   // none = All Computers
	Deadline string          `json:"deadline,omitempty"` // as parseDeadline reads it: it counts from the approval
}

// groups gives the groups that there are. A target all of whose groups were
// removed has none: it must not become All Computers behind somebody's back.
func (t triageTarget) groups(tree *model.GroupTree) []model.GroupID {
	if len(t.Groups) == 0 {
		return []model.GroupID{model.GroupAll}
	}
	return slices.DeleteFunc(slices.Clone(t.Groups), func(id model.GroupID) bool { return tree.Group(id) == nil })
}

// names says for whom it is.
func (t triageTarget) names(tree *model.GroupTree) string {
	var names []string
	for _, id := range t.groups(tree) {
		names = append(names, model.Clean(tree.Group(id).Name))
	}
	if len(names) > 2 {
		return fmt.Sprintf("%s and %d more groups", names[0], len(names)-1)
	}
	return strings.Join(names, " and ")
}

// due is the deadline of an approval that is made now.
func (t triageTarget) due(now time.Time, zone *time.Location) (time.Time, error) {
	at, err := parseDeadline(t.Deadline, now, zone)
	// A date that was chosen long ago would install everything at once.
	if err == nil && !at.IsZero() && at.Before(now.Add(-time.Minute)) {
		return at, fmt.Errorf("the deadline %s has passed", t.Deadline)
	}
	return at, err
}

// deadlineWords says by when.
func (t triageTarget) deadlineWords() string {
	switch days, found := strings.CutSuffix(t.Deadline, "d"); {
	case t.Deadline == "":
		return "no deadline"
	case t.Deadline == "now":
		return "due at the next check-in"
	case found:
		return "deadline in " + days + " days"
	}
	return "deadline " + model.Clean(t.Deadline)
}

// problem says why nothing can be approved for the target; empty = it can.
func (t triageTarget) problem(c *Console) string {
	if len(t.groups(c.snap.Groups())) == 0 {
		return "the group that a approved for was removed; t chooses another"
	}
	if _, err := t.due(c.now, c.zone); err != nil {
		return err.Error() + "; t chooses another"
	}
	return ""
}

// sentence is the line above the queue.
func (t triageTarget) sentence(c *Console) string {
	if why := t.problem(c); why != "" {
		return "! " + why
	}
	return "a approves for " + t.names(c.snap.Groups()) + ", " + t.deadlineWords() + "; t changes it"
}

// change is the approval of updates for the target.
func (t triageTarget) change(c *Console, numbers []uint32) (model.Change, error) {
	due, err := t.due(c.now, c.zone)
	change := model.Change{Kind: model.ChangeApprove, Updates: numbers}
	for _, id := range t.groups(c.snap.Groups()) {
		change.Groups = append(change.Groups, model.GroupAction{Group: id, Action: model.ActionInstall, Deadline: due})
	}
	return change, err
}

// targetDeadlines are the deadlines that one key goes through.
var targetDeadlines = []string{"", "now", "7d", "14d", "30d"}

// targetPane is where the target is chosen: the tree of groups to tick, and the
// deadline.
type targetPane struct {
	c       *Console
	of      *triage
	target  triageTarget
	groups  []targetGroup
	cursor  int
	top     int
	height  int
	request request
}

type targetGroup struct {
	id      model.GroupID
	name    string
	depth   int
	members int
}

func newTargetPane(c *Console, of *triage) pane {
	p := &targetPane{c: c, of: of, target: of.target}
	p.target.Groups = of.target.groups(c.snap.Groups())
	return p
}

// Title is the pane's part of the breadcrumbs.
func (p *targetPane) Title() string { return "Target" }

// Keys says which bindings can be used.
func (p *targetPane) Keys() paneKeys { return paneKeys{Scope: keys.Target} }

// Update takes in an action.
func (p *targetPane) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return p.load()
	case do:
		return p.act(keys.Action(msg))
	}
	return nil
}

// load reads the groups; predefined ones without computers are left out.
func (p *targetPane) load() tea.Cmd {
	snap := p.c.snap
	return p.request.start(p.c.ctx, func(context.Context) func() tea.Cmd {
		tree := snap.Groups()
		var groups []targetGroup
		for _, id := range tree.Order() {
			g := targetGroup{id: id, name: model.Clean(tree.Group(id).Name), depth: tree.Depth(id), members: int(snap.Members(id).GetCardinality())}
			if g.members > 0 || !tree.Group(id).Predefined() || id == model.GroupAll {
				groups = append(groups, g)
			}
		}
		return func() tea.Cmd {
			was, known := model.GroupID(""), len(p.groups) > 0
			if known {
				was = p.groups[p.cursor].id
			} else if len(p.target.Groups) > 0 {
				was = p.target.Groups[0]
			}
			p.groups = groups
			if i := slices.IndexFunc(groups, func(g targetGroup) bool { return g.id == was }); i >= 0 {
				p.cursor = i
			}
			p.cursor = max(0, min(p.cursor, len(groups)-1))
			p.target.Groups = slices.DeleteFunc(p.target.Groups, func(id model.GroupID) bool { return tree.Group(id) == nil })
			return nil
		}
	})
}

func (p *targetPane) act(a keys.Action) tea.Cmd {
	last := len(p.groups) - 1
	if last < 0 {
		return nil
	}
	switch a {
	case keys.Up:
		p.cursor = max(0, p.cursor-1)
	case keys.Down:
		p.cursor = min(last, p.cursor+1)
	case keys.PageUp:
		p.cursor = max(0, p.cursor-max(1, p.height))
	case keys.PageDown:
		p.cursor = min(last, p.cursor+max(1, p.height))
	case keys.Top:
		p.cursor = 0
	case keys.Bottom:
		p.cursor = last
	case keys.Tick:
		p.tick(p.groups[p.cursor].id)
	case keys.CycleDue:
		i := slices.Index(targetDeadlines, p.target.Deadline)
		p.target.Deadline = targetDeadlines[(i+1)%len(targetDeadlines)]
	case keys.CustomDue:
		return p.ask()
	case keys.Choose:
		if len(p.target.Groups) == 0 {
			p.c.say(slog.LevelWarn, "no group is ticked: Space ticks the one under the cursor")
			return nil
		}
		p.of.target = triageTarget{Groups: p.target.Groups, Deadline: p.target.Deadline}
		if slices.Equal(p.target.Groups, []model.GroupID{model.GroupAll}) {
			p.of.target.Groups = nil
		}
		return tea.Batch(p.c.drop(p), p.c.save())
	}
	return nil
}

// tick ticks a group or takes its tick away. All Computers stands alone: an
// approval for it is one for every group.
func (p *targetPane) tick(id model.GroupID) {
	groups := p.target.Groups
	switch i := slices.Index(groups, id); {
	case i >= 0:
		groups = slices.Delete(slices.Clone(groups), i, i+1)
	case id == model.GroupAll:
		groups = []model.GroupID{id}
	default:
		groups = append(slices.DeleteFunc(slices.Clone(groups), func(g model.GroupID) bool { return g == model.GroupAll }), id)
	}
	// In the order of the tree, so that the same choice is the same target.
	var ordered []model.GroupID
	for _, g := range p.groups {
		if slices.Contains(groups, g.id) {
			ordered = append(ordered, g.id)
		}
	}
	p.target.Groups = ordered
}

func (p *targetPane) ask() tea.Cmd {
	c := p.c
	check := func(text string) error {
		_, err := triageTarget{Deadline: strings.TrimSpace(text)}.due(c.now, c.zone)
		return err
	}
	return c.ask(&prompt{label: "deadline:", check: check, done: func(text string) tea.Cmd {
		p.target.Deadline = text
		return nil
	}}, p.target.Deadline)
}

// View draws the groups and the deadline.
func (p *targetPane) View(w, h int) string {
	st := p.c.styles
	lines := []string{st.Info.Render(layout.Fit(" In triage, a approves for what is ticked, "+p.target.deadlineWords()+".", w, st.Glyphs.Tail))}
	if len(p.groups) == 0 {
		return strings.Join(append(lines, "", "  reading"), "\n")
	}
	lines = append(lines, st.Header.Render(layout.Ends("      Group", "Computers ", w, "")))
	foot := layout.Wrap("Space ticks, t changes the deadline, T writes one such as 7d@03:00, Enter keeps the target, Esc leaves it as it was. A deadline counts from the approval.", w-4)
	p.height = max(1, h-len(lines)-len(foot)-1)
	if p.cursor < p.top {
		p.top = p.cursor
	}
	if p.cursor >= p.top+p.height {
		p.top = p.cursor - p.height + 1
	}
	for i := p.top; i < min(len(p.groups), p.top+p.height); i++ {
		g := p.groups[i]
		ticked := slices.Contains(p.target.Groups, g.id)
		text := choose(i == p.cursor, "> ", "  ") + layout.Ends(choose(ticked, "[x] ", "[ ] ")+layout.Blanks(2*g.depth)+g.name, count(g.members)+" ", w-2, st.Glyphs.Tail)
		switch {
		case i == p.cursor:
			text = st.Cursor.Render(text)
		case ticked:
			text = st.Mark.Render(text)
		}
		lines = append(lines, text)
	}
	lines = append(lines, "")
	for _, l := range foot {
		lines = append(lines, st.Muted.Render("  "+l))
	}
	return strings.Join(lines, "\n")
}
