package console

import (
	"cmp"
	"context"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// computers is the screen of managed computers.
type computers struct {
	c       *Console
	list    *list
	columns []computerColumn
}

func newComputers(c *Console) pane {
	p := &computers{c: c}
	l := &list{c: c, on: query.OnComputers, sort: "state", reverse: true, builtIn: builtInComputerViews}
	p.columns = computerColumns()
	columns := make([]table.Column, len(p.columns))
	for i, col := range p.columns {
		columns[i] = col.Column
	}
	l.tab = table.New(c.styles, p.cells, columns...)
	l.tab.Step = c.o.Step
	l.first = func(key string) bool {
		return slices.ContainsFunc(p.columns, func(c computerColumn) bool { return c.Key == key && c.high })
	}
	l.rows = computerRows
	p.list = l
	l.restore(c.saved.Computers)
	if c.o.View == "computers" && c.o.Filter != "" {
		l.filter = c.o.Filter
		l.recognize()
	}
	return p
}

func (p *computers) restyle() { p.list.tab.Styles = p.c.styles }

// Title is the pane's part of the breadcrumbs.
func (p *computers) Title() string { return "Computers" }

// Facts says how many there are.
func (p *computers) Facts() string { return p.list.facts("computer", "computers") }

// Marked is how many are marked.
func (p *computers) Marked() int { return p.list.tab.MarkCount() }

// Step leaves one state.
func (p *computers) Step() (tea.Cmd, bool) { return p.list.step() }

func (p *computers) filtered() *list { return p.list }

// Show goes to a filter.
func (p *computers) Show(filter string) tea.Cmd { return p.list.show(filter) }

// Keys says which bindings can be used.
func (p *computers) Keys() paneKeys {
	return paneKeys{Scope: keys.Computers, Disabled: func(a keys.Action) string {
		id, ok := p.list.tab.Cursor()
		switch a {
		case keys.Open, keys.Copy, keys.CopyRow, keys.PastReports, keys.PolicyOf:
			if !ok {
				return "there is no computer in the list"
			}
		case keys.CheckIn, keys.InstallNow:
			return p.c.checkInDisabled(id)
		}
		if p.c.gate() != nil {
			return "" // the key says what is to be done first
		}
		return p.c.memberDisabled(a, p.selection(), ok)
	}}
}

// checkInDisabled says why a computer cannot be asked to check in now. Agents on
// other computers listen on a connection of their own to the server; where it
// does not hold one, they come when they said they would.
func (c *Console) checkInDisabled(number uint32) string {
	switch comp := c.snap.Computer(number); {
	case comp == nil:
		return "there is no computer in the list"
	case comp.Local && c.o.Engine == nil:
		return "nothing runs in the background of this console"
	case comp.Local:
		return ""
	case comp.NextCheck.After(c.now):
		return "only this computer can be asked now; this one said that it checks in at " + c.when(comp.NextCheck)
	}
	return "only this computer can be asked now; others check in by themselves"
}

// checkIn asks this computer's agent to check in now.
func (c *Console) checkIn() tea.Cmd {
	if err := c.gate(); err != nil {
		return c.tell(err)
	}
	engine, actor, ctx := c.o.Engine, c.actor, c.ctx
	return func() tea.Msg {
		err := engine.CheckIn(ctx, actor)
		return c.onInterface(func() tea.Cmd {
			if err == nil {
				c.say(0, "the computer checks in; what it reports appears here")
			}
			return c.tell(err)
		})
	}
}

// installNow proposes to install what is approved for this computer at once,
// without waiting for its schedule.
func (c *Console) installNow(number uint32) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	engine, actor, ctx := c.o.Engine, c.actor, c.ctx
	q := &question{c: c, title: "Install now", apply: "Install"}
	q.load = func(_ context.Context, s scribe) ([]string, error) {
		snap := s.store.Snapshot()
		var titles []string
		for _, n := range snap.NeededBy(number) {
			if r := snap.Row(n); r != nil && snap.Effective(number, n).Approved() {
				titles = append(titles, "  "+r.Title)
			}
		}
		if len(titles) == 0 {
			return nil, &model.Refusal{Code: "nothing", What: "Nothing was installed", Why: "no update that this computer needs is approved for it", Remedy: "approve some in Updates (2, then a)"}
		}
		return append([]string{"Install " + counted(len(titles), "approved update", "approved updates") + " on this computer now, without waiting for its schedule:", ""}, titles...), nil
	}
	q.yes = func() tea.Cmd {
		return func() tea.Msg {
			err := engine.Install(ctx, actor)
			return c.onInterface(func() tea.Cmd { return tea.Batch(c.drop(q), c.tell(err)) })
		}
	}
	return c.push(q)
}

// selection is the marked computers, or the one under the cursor, in order.
func (p *computers) selection() []uint32 {
	list := p.list.tab.Selection()
	slices.Sort(list)
	return list
}

// Update takes in an action.
func (p *computers) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return p.list.load(false)
	case do:
		a := keys.Action(msg)
		if cmd, done := p.list.update(a); done {
			return cmd
		}
		id, ok := p.list.tab.Cursor()
		comp := p.c.snap.Computer(id)
		switch a {
		case keys.CheckIn:
			return p.c.checkIn()
		case keys.InstallNow:
			return p.c.installNow(id)
		}
		if isMembership(a) {
			return p.c.memberAction(a, p.selection(), func() tea.Cmd {
				p.list.tab.ClearMarks()
				return p.list.load(true)
			})
		}
		if !ok || comp == nil {
			return nil
		}
		switch a {
		case keys.Open:
			return p.c.push(newComputer(p.c, id))
		case keys.PastReports:
			return p.c.push(newPastReports(p.c, id))
		case keys.PolicyOf:
			return p.c.push(newComputerPolicy(p.c, id))
		case keys.Copy:
			return p.c.copy(comp.Name)
		case keys.CopyRow:
			return p.c.copy(rowText(p.cells(id)))
		}
	}
	return nil
}

// groupNames are the groups that a computer was put into or matched by.
func groupNames(snap *store.Snapshot, number uint32) string {
	var names []string
	for _, id := range snap.OwnGroups(number) {
		if g := snap.Groups().Group(id); !g.Predefined() || id == model.GroupUnassigned {
			names = append(names, model.Clean(g.Name))
		}
	}
	return strings.Join(names, ", ")
}

// stateTexts are the words of the four-way split in lists: the worst in
// capitals, so that it is seen without colour.
var stateTexts = [...]string{model.ComputerOK: "ok", model.ComputerNoStatus: "no status", model.ComputerNeeded: "needed", model.ComputerFailed: "FAILED"}

// unknownTexts say why a computer's status is not complete (semantics 3.7).
var unknownTexts = [...]string{model.UnknownNot: "", model.UnknownNeverReported: "never reported", model.UnknownStale: "silent 30 days", model.UnknownNewer: "newer than report"}

// View draws the list.
func (p *computers) View(w, h int) string {
	return strings.Join(p.list.view(w, h, p.empty), "\n")
}

// empty says why there are no rows, and what to do.
func (p *computers) empty() []string {
	switch {
	case p.c.gate() != nil:
		return []string{"", model.SetupIncomplete + " No computer is managed yet.", "", "1 goes to the Overview, which leads through the two wizards."}
	case p.list.got.total == 0:
		return []string{"", "No computer has reported yet. This computer does so at its first check-in, which follows the wizard."}
	}
	return []string{"", "No computer matches this filter; there are " + counted(p.list.got.total, "computer", "computers") + " in all.", "", "/ changes the filter, Backspace shows all."}
}
