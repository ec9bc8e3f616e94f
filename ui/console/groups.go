package console

import (
	"context"
	"errors"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// newGroupTree is the tree of computer groups, how each stands, and what changes
// the tree.
func newGroupTree(c *Console) *tablePane[model.GroupID] {
	p := newTablePane[model.GroupID](c, "Computer groups", keys.Groups, "group", "groups",
		table.Column{Title: "Group", Width: 24, Flexible: true},
		table.Column{Title: "Computers", Width: 9, Right: true},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 3},
		table.Column{Title: "Needed", Width: 6, Right: true, Priority: 2},
		table.Column{Title: "Unknown", Width: 7, Right: true, Priority: 4},
		table.Column{Title: "Ok of all", Width: 9, Right: true, Priority: 1},
		table.Column{Title: "Policy", Width: 20, Priority: 5},
		table.Column{Title: "Formula", Width: 24, Priority: 6},
	)
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[model.GroupID], error) {
		var out tableRows[model.GroupID]
		tree := snap.Groups()
		for _, id := range tree.Order() {
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			g := tree.Group(id)
			n := groupCount{members: int(snap.Members(id).GetCardinality()), split: [2][4]int{ofAll: snap.Split(id)}}
			policy := "as above"
			if g.Policy.Mode != model.ModeUnset {
				policy = g.Policy.Mode.String()
				if g.Policy.Install != nil {
					policy += " " + g.Policy.Install.String()
				}
			}
			lead := ""
			if d := tree.Depth(id); d > 0 {
				lead = layout.Blanks(2*(d-1)) + s.styles.Glyphs.Branch
			}
			out.add(id, table.Cell{Text: lead + model.Clean(g.Name)}, table.Cell{Text: count(n.members)}, table.Cell{Text: zero(n.split[ofAll][model.ComputerFailed])},
				table.Cell{Text: zero(n.split[ofAll][model.ComputerNeeded])}, table.Cell{Text: zero(n.split[ofAll][model.ComputerNoStatus])}, table.Cell{Text: n.compliance(ofAll)},
				table.Cell{Text: policy}, table.Cell{Text: model.Clean(g.Formula)})
		}
		return out, nil
	}
	p.above = func(w int) []string {
		if !c.snap.Options().ClientTargeting {
			return nil
		}
		return []string{c.styles.Info.Render(layout.Fit(" Computers name their groups themselves on this server (9, Options).", w, c.styles.Glyphs.Tail)), ""}
	}
	p.open = func(id model.GroupID) tea.Cmd { return c.push(newGroup(c, id)) }
	p.off = func(a keys.Action, id model.GroupID, ok bool) string {
		switch a {
		case keys.RenameIt, keys.MoveIt, keys.FormulaIt, keys.RemoveIt:
			if g := c.snap.Groups().Group(id); ok && g != nil && g.Predefined() {
				return g.Name + " is one of Fettle's own groups, which stay as they are"
			}
		}
		return ""
	}
	p.act = func(a keys.Action, id model.GroupID, ok bool) tea.Cmd {
		if a == keys.AddIt {
			return c.addGroup(id)
		}
		g := c.snap.Groups().Group(id)
		if !ok || g == nil {
			return nil
		}
		switch a {
		case keys.Copy:
			return c.copy(g.Name)
		case keys.GroupComps:
			return c.open("computers", groupFilter(g.Name))
		case keys.Approvals:
			return c.push(newGroupApprovals(c, id))
		case keys.RenameIt:
			return c.renameGroup(g)
		case keys.MoveIt:
			return c.moveGroup(g)
		case keys.FormulaIt:
			return c.changeFormula(g)
		case keys.PolicyIt:
			return c.changePolicy(g)
		case keys.RemoveIt:
			return c.propose(model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: id}}, "Remove", nil)
		}
		return nil
	}
	return p
}

// parents are the groups that can have subgroups.
func parents(tree *model.GroupTree, without model.GroupID) []*model.Group {
	var out []*model.Group
	for _, id := range tree.Order() {
		g := tree.Group(id)
		if (id == model.GroupAll || !g.Predefined()) && (without == "" || !tree.Within(id, without)) {
			out = append(out, g)
		}
	}
	return out
}

// checkComputerFormula says what is wrong with a group's formula.
func checkComputerFormula(text string) error {
	q, err := query.ParseComputers(text)
	switch {
	case err != nil:
		return err
	case q.UsesGroups():
		return errors.New("a formula cannot ask for groups, or for what was postponed: membership would depend on itself")
	}
	return nil
}

// matching counts the computers that a formula matches now, with some names.
func (s scribe) matching(ctx context.Context, formula string) ([]string, error) {
	if strings.TrimSpace(formula) == "" {
		return []string{"Without a formula its members are those that are put into it by hand."}, nil
	}
	line, err := s.matchCount(ctx, formula)
	if err != nil {
		return nil, err
	}
	number, names, some := strings.Cut(line, ": ")
	if some {
		names = ": " + names
	}
	return []string{"The formula " + formula + " matches " + number + " now" + names + ". It is followed as computers change."}, nil
}

// matchedNames is how many of the computers that a formula matches are named.
const matchedNames = 8

// matchCount says how many computers a formula matches, and the first of them.
func (s scribe) matchCount(ctx context.Context, formula string) (string, error) {
	q, err := query.ParseComputers(formula)
	if err != nil {
		return "", err
	}
	snap := s.store.Snapshot()
	// Only managed computers can be members.
	all := slices.DeleteFunc(slices.Clone(snap.Computers()), func(c *model.Computer) bool { return c.Admission != model.Managed })
	found, err := q.Filter(ctx, snap, all, s.now.In(s.zone))
	if err != nil {
		return "", err
	}
	line := count(len(found)) + " of " + counted(len(all), "computer", "computers")
	var names []string
	for _, comp := range found[:min(len(found), matchedNames)] {
		names = append(names, model.Clean(comp.Name))
	}
	if len(found) > matchedNames {
		names = append(names, "and "+count(len(found)-matchedNames)+" more")
	}
	if len(names) > 0 {
		line += ": " + strings.Join(names, ", ")
	}
	return line, nil
}

// liveCount counts what a formula matches while it is being written. tell gets
// the answer for the newest text only.
func (c *Console) liveCount(r *request, formula string, tell func(note string)) tea.Cmd {
	if strings.TrimSpace(formula) == "" || checkComputerFormula(formula) != nil {
		r.stop()
		tell("")
		return nil
	}
	s := c.scribe
	return r.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
		line, err := s.matchCount(ctx, formula)
		return func() tea.Cmd {
			if err != nil {
				line = err.Error()
			}
			tell("matches " + line)
			return nil
		}
	})
}

// addGroup asks for a new group; at is the group under the cursor, which its
// parent is by default when it can be.
func (c *Console) addGroup(at model.GroupID) tea.Cmd {
	if err := c.gate(); err != nil {
		return c.tell(err)
	}
	f := &form{c: c, title: "Add a computer group", last: "shows what it would do"}
	const about = "Empty: a static group, to which you add computers. Else a query on computers that its members match, such as: name:web* os:debian"
	name, formula := textItem("Name", "", ""), textItem("Formula", "", about)
	var counting request
	formula.edited = func() tea.Cmd {
		text := formula.value()
		counting.stop()
		id := counting.id
		return c.after(typingRest, answered{&counting, id, func() tea.Cmd {
			return c.liveCount(&counting, text, func(note string) { formula.note = orWord(note, about) })
		}})
	}
	first := &formPage{title: "The group", items: []*formItem{name, formula}}
	first.text = func() []string {
		return []string{"A group has own members, those that its formula matches, and the members of its subgroups, without those that are excluded from it."}
	}
	first.check = func() error {
		if name.value() == "" {
			return errors.New("the group needs a name")
		}
		if formula.value() != "" {
			return checkComputerFormula(formula.value())
		}
		return nil
	}
	second := &formPage{title: "Its place: the group above"}
	second.text = func() []string {
		return []string{"Approvals for a group above hold here too, unless this group or one below it says otherwise: the deepest group wins."}
	}
	groups := parents(c.snap.Groups(), "")
	for _, g := range groups {
		second.items = append(second.items, &formItem{label: layout.Blanks(2*c.snap.Groups().Depth(g.ID)) + model.Clean(g.Name), one: true, on: g.ID == at})
	}
	if g := c.snap.Groups().Group(at); g == nil || g.Predefined() {
		second.items[0].on = true
	}
	f.pages = []*formPage{first, second}
	f.finish = func() tea.Cmd {
		f.working = false
		g := &model.Group{Name: name.value(), Formula: formula.value(), Parent: model.GroupAll}
		for i, it := range second.items {
			if it.on {
				g.Parent = groups[i].ID
			}
		}
		return c.proposeWith(model.Change{Kind: model.ChangeGroupAdd, Group: g}, "Add", func(ctx context.Context, s scribe) ([]string, error) {
			return s.matching(ctx, g.Formula)
		}, func(model.Entry) tea.Cmd { return c.drop(f) })
	}
	return c.push(f)
}

func (c *Console) renameGroup(g *model.Group) tea.Cmd {
	p := &prompt{label: "new name:", done: func(name string) tea.Cmd {
		if name == "" || name == g.Name {
			return nil
		}
		return c.propose(model.Change{Kind: model.ChangeGroupRename, Group: &model.Group{ID: g.ID, Name: name}}, "Rename", nil)
	}}
	return c.ask(p, g.Name)
}

func (c *Console) moveGroup(g *model.Group) tea.Cmd {
	m := &menu{c: c, title: "Move " + model.Clean(g.Name) + " below"}
	for _, to := range parents(c.snap.Groups(), g.ID) {
		note := ""
		if to.ID == g.Parent {
			note, m.cursor = "now", len(m.items)
		}
		m.items = append(m.items, menuItem{layout.Blanks(2*c.snap.Groups().Depth(to.ID)) + model.Clean(to.Name), note, func() tea.Cmd {
			if to.ID == g.Parent {
				return nil
			}
			return c.propose(model.Change{Kind: model.ChangeGroupMove, Group: &model.Group{ID: g.ID, Parent: to.ID}}, "Move", nil)
		}})
	}
	return c.push(m)
}

func (c *Console) changeFormula(g *model.Group) tea.Cmd {
	p := &prompt{label: "formula:"}
	p.check = func(text string) error {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		return checkComputerFormula(text)
	}
	var counting request
	tell := func(note string) { p.means = note }
	p.change = func(text string) tea.Cmd { return c.liveCount(&counting, text, tell) }
	p.cancel = func() tea.Cmd { counting.stop(); return nil }
	p.complete = func(text string) (int, []string, []string) { return c.offerQuery(query.OnComputers, text) }
	p.done = func(text string) tea.Cmd {
		if text == g.Formula {
			return nil
		}
		return c.proposeWith(model.Change{Kind: model.ChangeFormula, Group: &model.Group{ID: g.ID, Formula: text}}, "Change", func(ctx context.Context, s scribe) ([]string, error) {
			return s.matching(ctx, text)
		}, nil)
	}
	return tea.Batch(c.ask(p, g.Formula), c.liveCount(&counting, g.Formula, tell))
}

// changePolicy is the form of a group's policy.
func (c *Console) changePolicy(g *model.Group) tea.Cmd {
	if err := c.gate(); err != nil {
		return c.tell(err)
	}
	f := &form{c: c, title: "Policy of " + model.Clean(g.Name), last: "shows what it would do"}
	old, root := g.Policy, g.ID == model.GroupAll
	var modes []model.Mode
	first := &formPage{title: "Automatic Updates: how approved updates are installed"}
	add := func(m model.Mode, label, note string) {
		modes = append(modes, m)
		first.items = append(first.items, &formItem{label: label, note: note, one: true, on: m == old.Mode})
	}
	if !root {
		add(model.ModeUnset, "As the group above says", "")
	}
	add(model.ModeScheduled, "Scheduled: downloaded and installed at a time", "")
	add(model.ModeDownload, "Download: a person installs", "")
	add(model.ModeNotify, "Notify: a person is told, downloads and installs", "")
	add(model.ModeDisabled, "Disabled: nothing is installed, not even at a deadline", "")
	at := textItem("Scheduled at", "daily@03:00", "DAY@HH:MM in the computer's own zone; DAY is daily or mon to sun.")
	if old.Install != nil {
		at.field.SetValue(old.Install.String())
	}
	first.items = append(first.items, at)
	first.text = func() []string {
		return []string{"A deadline that has come is obeyed at the next check-in in every mode but disabled. The deepest group that sets a mode wins."}
	}
	chosen := func(p *formPage) int {
		for i, it := range p.items {
			if it.one && it.on {
				return i
			}
		}
		return 0
	}
	first.check = func() error {
		if modes[chosen(first)] == model.ModeScheduled {
			_, err := model.ParseWeekTime(at.value())
			return err
		}
		return nil
	}
	var rules []model.RestartRule
	second := &formPage{title: "Restarts: when a computer restarts to finish an installation"}
	rule := func(r model.RestartRule, label string) {
		rules = append(rules, r)
		second.items = append(second.items, &formItem{label: label, one: true, on: r == old.Restart})
	}
	if !root {
		rule(model.RestartUnset, "As the group above says")
	}
	rule(model.RestartNo, "Never by itself: a person restarts it")
	rule(model.RestartIdle, "When nobody is logged in")
	rule(model.RestartAt, "At a time")
	restart := textItem("Restart at", "daily@04:00", "DAY@HH:MM in the computer's own zone.")
	if old.RestartAt != nil {
		restart.field.SetValue(old.RestartAt.String())
	}
	second.items = append(second.items, restart)
	second.text = func() []string { return nil }
	second.check = func() error {
		if rules[chosen(second)] == model.RestartAt {
			_, err := model.ParseWeekTime(restart.value())
			return err
		}
		return nil
	}
	f.pages = []*formPage{first, second}
	for i, it := range first.items { // the focus is on what holds
		if it.one && it.on {
			f.focus = i
		}
	}
	f.finish = func() tea.Cmd {
		f.working = false
		p := model.Policy{Mode: modes[chosen(first)], Restart: rules[chosen(second)]}
		if p.Mode == model.ModeScheduled {
			w, _ := model.ParseWeekTime(at.value())
			p.Install = &w
		}
		if p.Restart == model.RestartAt {
			w, _ := model.ParseWeekTime(restart.value())
			p.RestartAt = &w
		}
		return c.propose(model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: g.ID, Policy: p}}, "Change", func(model.Entry) tea.Cmd { return c.drop(f) })
	}
	return c.push(f)
}
