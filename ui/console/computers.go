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
	c    *Console
	list *list
}

func newComputers(c *Console) pane {
	p := &computers{c: c}
	l := &list{c: c, on: query.OnComputers, sort: "state", reverse: true, builtIn: builtInComputerViews}
	l.tab = table.New(c.styles, p.cells,
		table.Column{Key: "name", Title: "Name", Width: 18, Flexible: true},
		table.Column{Key: "state", Title: "State", Width: 16},
		table.Column{Key: "needed", Title: "Needed", Width: 7, Right: true, Priority: 1},
		table.Column{Key: "failed", Title: "Failed", Width: 7, Right: true, Priority: 2},
		table.Column{Key: "pending", Title: "Restart", Width: 7, Right: true, Priority: 4},
		table.Column{Key: "contact", Title: "Contact", Width: 16, Priority: 3},
		table.Column{Key: "why", Title: "Unknown because", Width: 17, Priority: 4},
		table.Column{Key: "os", Title: "System", Width: 24, Priority: 6},
		table.Column{Key: "address", Title: "Address", Width: 15, Priority: 7},
		table.Column{Key: "groups", Title: "Groups", Width: 20, Priority: 5},
	)
	l.tab.Step = c.o.Step
	l.first = func(key string) bool {
		return slices.Contains([]string{"state", "needed", "failed", "pending"}, key)
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
		case keys.Open, keys.Copy, keys.CopyRow:
			if !ok {
				return "there is no computer in the list"
			}
		case keys.CheckIn, keys.InstallNow:
			return p.c.checkInDisabled(id)
		case keys.JoinIt, keys.LeaveIt, keys.ExcludeIt:
			if !ok && p.list.tab.MarkCount() == 0 && p.c.gate() == nil {
				return "there is no computer in the list"
			}
		}
		return ""
	}}
}

// regroup puts the marked computers, or the one under the cursor, into a group
// or takes them out of one.
func (p *computers) regroup(a keys.Action) tea.Cmd {
	if err := cmp.Or(p.c.readOnly(), p.c.gate()); err != nil {
		return p.c.tell(err)
	}
	selection := p.list.tab.Selection()
	if len(selection) == 0 {
		return nil
	}
	slices.Sort(selection)
	what := counted(len(selection), "computer", "computers")
	if comp := p.c.snap.Computer(selection[0]); len(selection) == 1 && comp != nil {
		what = model.Clean(comp.Name)
	}
	kind, word, title := model.ChangeJoin, "Put in", "Put "+what+" into"
	switch a {
	case keys.LeaveIt:
		kind, word, title = model.ChangeLeave, "Take out", "Take "+what+" out of"
	case keys.ExcludeIt:
		kind, word, title = model.ChangeExclude, "Exclude", "Exclude "+what+" from"
	}
	return p.c.chooseGroup(title, func(g *model.Group) tea.Cmd {
		return p.c.membership(kind, word, g.ID, selection, func(model.Entry) tea.Cmd {
			p.list.tab.ClearMarks()
			return p.list.load(true)
		})
	})
}

// checkInDisabled says why a computer cannot be asked to check in now.
func (c *Console) checkInDisabled(number uint32) string {
	switch comp := c.snap.Computer(number); {
	case comp == nil:
		return "there is no computer in the list"
	case !comp.Local:
		return "only this computer can be asked now; others check in by themselves"
	}
	return ""
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
		case keys.JoinIt, keys.LeaveIt, keys.ExcludeIt:
			return p.regroup(a)
		}
		if !ok || comp == nil {
			return nil
		}
		switch a {
		case keys.Open:
			return p.c.push(newComputer(p.c, id))
		case keys.Copy:
			return p.c.copy(comp.Name)
		case keys.CopyRow:
			return p.c.copy(rowText(p.cells(id)))
		}
	}
	return nil
}

// computerRows finds and sorts the computers that a filter lets through.
func computerRows(ctx context.Context, snap *store.Snapshot, w wish) (rows, error) {
	q, err := query.ParseComputers(w.filter)
	if err != nil {
		return rows{}, err
	}
	all := snap.Computers()
	found, err := q.Filter(ctx, snap, all, w.now)
	if err != nil {
		return rows{}, err
	}
	type keyed struct {
		c      *model.Computer
		number int64
		text   string
		needed int
	}
	list := make([]keyed, len(found))
	for i, comp := range found {
		if i%1024 == 0 && ctx.Err() != nil {
			return rows{}, ctx.Err()
		}
		t := snap.Totals(comp.Number)
		k := keyed{c: comp, needed: t.Needed + t.Failed}
		switch w.sort {
		case "needed":
			k.number = int64(t.Needed)
		case "failed":
			k.number = int64(t.Failed)
		case "pending":
			k.number = int64(len(comp.Pending))
		case "contact":
			k.number = comp.Contacted.Unix()
		case "os":
			k.text = comp.OS
		case "address":
			k.text = strings.Join(comp.Addresses, " ")
		case "groups":
			k.text = groupNames(snap, comp.Number)
		case "why":
			k.number = int64(snap.Unknown(comp.Number, w.now))
		case "name":
		default:
			k.number = int64(snap.ComputerState(comp.Number))
		}
		list[i] = k
	}
	slices.SortFunc(list, func(a, b keyed) int {
		d := cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(strings.ToLower(a.text), strings.ToLower(b.text)))
		if w.sort == "name" {
			d = strings.Compare(strings.ToLower(a.c.Name), strings.ToLower(b.c.Name))
		}
		if w.reverse {
			d = -d
		}
		return cmp.Or(d, -cmp.Compare(a.needed, b.needed), strings.Compare(strings.ToLower(a.c.Name), strings.ToLower(b.c.Name)), cmp.Compare(a.c.Number, b.c.Number))
	})
	got := rows{total: len(all), ids: make([]uint32, len(list))}
	unknown := w.sort == "why"
	for i, k := range list {
		got.ids[i] = k.c.Number
		unknown = unknown || snap.Unknown(k.c.Number, w.now) != model.UnknownNot
	}
	if !unknown {
		got.hidden = append(got.hidden, "why")
	}
	return got, nil
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

// cells gives a row of the list.
func (p *computers) cells(id uint32) []table.Cell {
	snap, st := p.list.snap, p.c.styles
	comp := snap.Computer(id)
	if comp == nil {
		return []table.Cell{{Text: "(gone)"}}
	}
	t, state := snap.Totals(id), snap.ComputerState(id)
	cells := []table.Cell{
		{Text: model.Clean(comp.Name)}, {Text: stateTexts[state]}, {Text: count(t.Needed)}, {Text: zero(t.Failed)}, {Text: "-"},
		{Text: p.c.when(comp.Contacted)}, {Text: unknownTexts[snap.Unknown(id, p.c.now)], Style: st.Muted}, {Text: model.Clean(comp.OS)}, {Text: model.Clean(strings.Join(comp.Addresses, " "))}, {Text: groupNames(snap, id)},
	}
	if comp.Local {
		cells[0].Text += " (here)"
	}
	switch comp.Admission {
	case model.Waiting:
		cells[1].Text = "waiting"
	case model.Rejected:
		cells[1].Text = "rejected"
	}
	if len(comp.Pending) > 0 {
		cells[4] = table.Cell{Text: "pending", Style: st.Warn}
	}
	switch state {
	case model.ComputerFailed:
		cells[1].Style, cells[3].Style = st.Bad, st.Bad
	case model.ComputerNeeded:
		cells[1].Style = st.Warn
	case model.ComputerNoStatus:
		cells[1].Style = st.Muted
		if why := [...]string{"", ", never", ", stale", ", newer"}[snap.Unknown(id, p.c.now)]; cells[1].Text == stateTexts[state] {
			cells[1].Text += why
		}
	case model.ComputerOK:
		cells[1].Style = st.Good
	}
	return cells
}

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
