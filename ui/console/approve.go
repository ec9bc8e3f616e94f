package console

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// approval is the dialog in which updates are approved: the tree of groups,
// with an action and a deadline for each. Nothing is set when it opens, and
// "keep" leaves a group's existing approval as it is.
type approval struct {
	c       *Console
	updates []uint32
	after   func(model.Entry) tea.Cmd
	groups  []approvalGroup // all of them, in the order of the tree
	rows    []int           // those on the screen, as places in groups
	folded  map[model.GroupID]bool
	find    string // only groups with this in their names
	name    string // of the deployment
	remark  string
	cursor  window
	ready   bool
	request request
}

// approvalGroup is one line of the dialog.
type approvalGroup struct {
	id       model.GroupID
	name     string
	path     string // with the groups above, for where these are not shown
	depth    int
	parent   int // its place in groups; -1 = none
	below    int // how many groups are below it
	members  int
	needing  int
	existing groupApproval
	action   model.Action
	set      bool // not keep
	deadline time.Time
	due      int // index into deadlines; the last stands for a custom one
}

// groupApproval is what the approvals of the chosen updates ask for one group.
type groupApproval struct {
	own      bool // the group has approvals of its own
	differs  bool // they are not the same for all updates
	action   model.Action
	deadline time.Time
}

// deadlines are the choices of the key that changes the deadline (semantics 2,
// approve; "now" is the seed's "at the next check-in").
var deadlines = []struct {
	word string
	days int
}{{"no deadline", -1}, {"now", 0}, {"in 7 days", 7}, {"in 14 days", 14}, {"in 30 days", 30}, {"custom", -1}}

// approve opens the dialog for updates.
func (c *Console) approve(numbers []uint32, after func(model.Entry) tea.Cmd) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	if len(numbers) == 0 {
		return nil
	}
	a := &approval{c: c, updates: numbers, after: after}
	return c.push(a)
}

// Title is the pane's part of the breadcrumbs.
func (a *approval) Title() string {
	if len(a.updates) == 1 {
		if r := a.c.snap.Row(a.updates[0]); r != nil {
			return "Approve " + layout.Cut(model.Clean(r.Title), 45, a.c.styles.Glyphs.Tail)
		}
	}
	return "Approve " + counted(len(a.updates), "update", "updates")
}

// Keys says which bindings can be used.
func (a *approval) Keys() paneKeys {
	return paneKeys{Scope: keys.Approve, Disabled: func(k keys.Action) string {
		switch k {
		case keys.SetUninstall:
			for _, n := range a.updates {
				if r := a.c.snap.Row(n); r == nil || !r.Has(model.FlagRemovable) {
					return "not every one of these updates can be uninstalled"
				}
			}
		case keys.CycleDue, keys.CustomDue:
			if g := a.focused(); g != nil && (!g.set || g.action != model.ActionInstall && g.action != model.ActionUninstall) {
				return "a deadline goes with Install: press i first"
			}
		case keys.SetNone, keys.SetInherit:
			if g := a.focused(); g != nil && g.id == model.GroupAll && k == keys.SetNone {
				return "All Computers has no group above: p removes its approval"
			}
		case keys.ToChildren:
			switch g := a.focused(); {
			case g == nil || !g.set:
				return "nothing is set here that could be put on the groups below"
			case g.below == 0:
				return "there are no groups below this one"
			}
		case keys.FoldGroup:
			if g := a.focused(); g == nil || g.below == 0 || a.find != "" {
				return "there is nothing below that could be folded"
			}
		}
		return ""
	}}
}

func (a *approval) focused() *approvalGroup {
	if a.cursor.at >= len(a.rows) {
		return nil
	}
	return &a.groups[a.rows[a.cursor.at]]
}

// Update takes in an action.
func (a *approval) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return a.load()
	case do:
		return a.act(keys.Action(msg))
	}
	return nil
}

func (a *approval) act(k keys.Action) tea.Cmd {
	if k == keys.FindGroup {
		return a.askFind()
	}
	g := a.focused()
	if g == nil || a.cursor.act(k, len(a.rows)) {
		return nil
	}
	set := func(action model.Action) {
		g.action, g.set = action, true
		if action != model.ActionInstall && action != model.ActionUninstall {
			g.due, g.deadline = 0, time.Time{}
		}
	}
	switch k {
	case keys.SetInstall:
		set(model.ActionInstall)
	case keys.SetNone:
		set(model.ActionNotApproved)
	case keys.SetInherit:
		set(model.ActionInherit)
	case keys.SetUninstall:
		set(model.ActionUninstall)
	case keys.SetKeep:
		g.set, g.due, g.deadline = false, 0, time.Time{}
	case keys.CycleAction:
		a.cycle(g, set)
	case keys.CycleDue:
		g.due = (g.due + 1) % (len(deadlines) - 1)
		g.deadline = a.due(g.due)
	case keys.CustomDue:
		return a.askDeadline(g.id)
	case keys.ToChildren:
		a.toChildren(g)
	case keys.FoldGroup:
		a.folded[g.id] = !a.folded[g.id]
		a.arrange(g.id)
	case keys.NameIt:
		return a.askName()
	case keys.Preview:
		return a.preview()
	}
	return nil
}

// cycle goes through the actions that the group can have.
func (a *approval) cycle(g *approvalGroup, set func(model.Action)) {
	order := []model.Action{model.ActionInstall, model.ActionNotApproved, model.ActionInherit}
	if g.id == model.GroupAll {
		order = []model.Action{model.ActionInstall, model.ActionInherit}
	}
	if a.Keys().Disabled(keys.SetUninstall) == "" {
		order = append(order, model.ActionUninstall)
	}
	if !g.set {
		set(order[0])
		return
	}
	for i, act := range order {
		if act == g.action {
			if i+1 < len(order) {
				set(order[i+1])
			} else {
				g.set, g.due, g.deadline = false, 0, time.Time{}
			}
			return
		}
	}
}

// due is the instant of a choice. "Now" is an instant that has come, so that it
// holds at the next check-in.
func (a *approval) due(i int) time.Time {
	if days := deadlines[i].days; days >= 0 {
		return a.c.now.AddDate(0, 0, days).Truncate(time.Minute).UTC()
	}
	return time.Time{}
}

func (a *approval) askDeadline(id model.GroupID) tea.Cmd {
	c := a.c
	at := func() *approvalGroup { // the groups may be read anew while somebody writes
		for i := range a.groups {
			if a.groups[i].id == id {
				return &a.groups[i]
			}
		}
		return &approvalGroup{}
	}
	p := &prompt{label: "deadline:", check: func(s string) error {
		_, err := parseDeadline(s, c.now, c.zone)
		return err
	}}
	p.done = func(s string) tea.Cmd {
		g := at()
		g.deadline, _ = parseDeadline(s, c.now, c.zone)
		g.due = len(deadlines) - 1
		if g.deadline.IsZero() {
			g.due = 0
		}
		return nil
	}
	value := ""
	if g := at(); !g.deadline.IsZero() {
		value = g.deadline.In(c.zone).Format("2006-01-02T15:04")
	}
	return c.ask(p, value)
}

// parseDeadline reads what commands.md lets be written: now, 7d, or a time; an
// empty text is no deadline.
func parseDeadline(s string, now time.Time, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return time.Time{}, nil
	case s == "now":
		return now.Truncate(time.Minute).UTC(), nil
	}
	days, clock, withClock := strings.Cut(s, "@")
	if n, ok := strings.CutSuffix(days, "d"); ok {
		if d, err := strconv.Atoi(n); err == nil && d >= 0 && d <= 3650 {
			at := now.In(zone).AddDate(0, 0, d)
			if withClock {
				m, err := model.ParseClock(clock)
				if err != nil {
					return time.Time{}, err
				}
				at = time.Date(at.Year(), at.Month(), at.Day(), m/60, m%60, 0, 0, zone)
			}
			return at.Truncate(time.Minute).UTC(), nil
		}
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("write now, 7d, 7d@03:00 or 2026-12-01T18:00; empty is no deadline")
}

// preview proposes the approval that was put together.
func (a *approval) preview() tea.Cmd {
	change := model.Change{Kind: model.ChangeApprove, Updates: a.updates, Name: a.name, Remark: a.remark}
	for _, g := range a.groups {
		if g.set {
			change.Groups = append(change.Groups, model.GroupAction{Group: g.id, Action: g.action, Deadline: g.deadline})
		}
	}
	if len(change.Groups) == 0 {
		a.c.say(4, "nothing is set yet: i sets the group under the cursor to Install")
		return nil
	}
	return a.c.propose(change, "Approve", func(e model.Entry) tea.Cmd {
		cmd := a.c.drop(a)
		if a.after != nil {
			return tea.Batch(cmd, a.after(e))
		}
		return cmd
	})
}
