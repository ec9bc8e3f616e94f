package console

import (
	"cmp"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
)

// isMembership says whether an action is about who computers are: members of
// groups, managed, rejected.
func isMembership(a keys.Action) bool {
	switch a {
	case keys.JoinIt, keys.LeaveIt, keys.ExcludeIt, keys.MoveComps, keys.AcceptComp, keys.RejectComp:
		return true
	}
	return false
}

// memberDisabled says why an action on computers cannot be taken: those that are
// marked, or the one under the cursor.
func (c *Console) memberDisabled(a keys.Action, selection []uint32, ok bool) string {
	switch {
	case !isMembership(a):
		return ""
	case len(selection) == 0 || !ok && len(selection) == 0:
		return "there is no computer in the list"
	case a == keys.AcceptComp && len(c.admitted(selection, model.Managed)) == 0:
		return "it is managed already; is:waiting shows those that ask"
	case a == keys.RejectComp && len(c.admitted(selection, model.Rejected)) == 0:
		return "it was rejected already, or is the computer that Fettle runs on here"
	case a == keys.MoveComps && len(c.sources(selection)) == 0:
		return "it was put into no group by hand: a puts it into one"
	}
	return ""
}

// memberAction proposes what a key asks of computers.
func (c *Console) memberAction(a keys.Action, selection []uint32, after func() tea.Cmd) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	if len(selection) == 0 {
		return nil
	}
	done := func(model.Entry) tea.Cmd { return after() }
	what := c.computersWord(selection)
	kind, word, title := model.ChangeJoin, "Put in", "Put "+what+" into"
	switch a {
	case keys.AcceptComp:
		return c.propose(model.Change{Kind: model.ChangeAdmit, Computers: c.admitted(selection, model.Managed)}, "Accept", done)
	case keys.RejectComp:
		return c.propose(model.Change{Kind: model.ChangeTurnAway, Computers: c.admitted(selection, model.Rejected)}, "Reject", done)
	case keys.MoveComps:
		return c.moveComputers(selection, done)
	case keys.LeaveIt:
		kind, word, title = model.ChangeLeave, "Take out", "Take "+what+" out of"
	case keys.ExcludeIt:
		kind, word, title = model.ChangeExclude, "Exclude", "Exclude "+what+" from"
	}
	return c.chooseGroup(title, "", func(g *model.Group) tea.Cmd { return c.membership(kind, word, g.ID, selection, done) })
}

// computersWord names one computer, or counts several.
func (c *Console) computersWord(selection []uint32) string {
	if len(selection) == 1 {
		if comp := c.snap.Computer(selection[0]); comp != nil {
			return model.Clean(comp.Name)
		}
	}
	return counted(len(selection), "computer", "computers")
}

// admitted are those of the computers that an answer would make something else
// of.
func (c *Console) admitted(selection []uint32, to model.Admission) []uint32 {
	var out []uint32
	for _, n := range selection {
		if comp := c.snap.Computer(n); comp != nil && comp.Admission != to && (to == model.Managed || !comp.Local) {
			out = append(out, n)
		}
	}
	return out
}

// sources are the groups into which one of the computers was put by hand: those
// from which it can be moved.
func (c *Console) sources(selection []uint32) []*model.Group {
	var out []*model.Group
	tree := c.snap.Groups()
	for _, id := range tree.Order() {
		g := tree.Group(id)
		if !g.Predefined() && len(membersAmong(g, selection)) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// membersAmong are those of the computers that were put into a group by hand.
func membersAmong(g *model.Group, selection []uint32) []uint32 {
	var out []uint32
	for _, n := range selection {
		if _, in := slices.BinarySearch(g.Members, n); in {
			out = append(out, n)
		}
	}
	return out
}

// moveComputers asks from which group computers move, where there are several,
// and into which: one change, so that no approval is lost between the two.
func (c *Console) moveComputers(selection []uint32, done func(model.Entry) tea.Cmd) tea.Cmd {
	from := func(g *model.Group) tea.Cmd {
		list := membersAmong(g, selection)
		title := "Move " + c.computersWord(list) + " from " + model.Clean(g.Name) + " to"
		return c.chooseGroup(title, g.ID, func(to *model.Group) tea.Cmd {
			return c.propose(model.MoveComputers(g.ID, to.ID, list, ""), "Move", done)
		})
	}
	all := c.sources(selection)
	switch len(all) {
	case 0:
		c.say(4, "none of them was put into a group by hand: a puts them into one")
		return nil
	case 1:
		return from(all[0])
	}
	m := &menu{c: c, title: "Move " + c.computersWord(selection) + " from"}
	for _, g := range all {
		m.items = append(m.items, menuItem{model.Clean(g.Name), counted(len(membersAmong(g, selection)), "computer", "computers"), func() tea.Cmd { return from(g) }})
	}
	return c.push(m)
}
