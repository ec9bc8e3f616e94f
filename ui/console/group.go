package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
	"fettle/ui/console/theme"
)

// newGroup shows one group: what it is, and its computers with why each belongs
// to it. Those excluded from it stand below.
func newGroup(c *Console, id model.GroupID) *tablePane[uint32] {
	p := newTablePane[uint32](c, "group", keys.Group, "computer", "computers",
		table.Column{Title: "Computer", Width: 20, Flexible: true},
		table.Column{Title: "State", Width: 9},
		table.Column{Title: "Needed", Width: 6, Right: true, Priority: 2},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 3},
		table.Column{Title: "Contact", Width: 16, Priority: 4},
		table.Column{Title: "Belongs here", Width: 22, Priority: 1},
	)
	p.tab.Single = false
	if g := c.snap.Groups().Group(id); g != nil {
		p.title = model.Clean(g.Name)
	}
	p.empty = []string{"No computer belongs to this group.", "", "a puts computers into it: a query says which, such as name:web*."}
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[uint32], error) {
		var out tableRows[uint32]
		g := snap.Groups().Group(id)
		if g == nil {
			return out, errors.New("the group was removed; Esc goes back")
		}
		members := snap.Members(id).ToArray()
		list := slices.Concat(members, g.Excluded)
		slices.SortFunc(list, func(a, b uint32) int {
			x, y := snap.Computer(a), snap.Computer(b)
			if x == nil || y == nil {
				return int(a) - int(b)
			}
			return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name))
		})
		for i, n := range slices.Compact(list) {
			if i%1024 == 0 && ctx.Err() != nil {
				return out, ctx.Err()
			}
			comp := snap.Computer(n)
			if comp == nil {
				continue
			}
			t, state := snap.Totals(n), snap.ComputerState(n)
			cell := table.Cell{Text: stateTexts[state], Style: s.stateStyle(state)}
			out.add(n, table.Cell{Text: model.Clean(comp.Name)}, cell, table.Cell{Text: zero(t.Needed)}, table.Cell{Text: zero(t.Failed)}, table.Cell{Text: s.when(comp.Contacted)},
				table.Cell{Text: belongs(snap, g, n)})
		}
		var err error
		out.facts, err = s.groupFacts(ctx, snap, g)
		return out, err
	}
	p.above = func(w int) []string {
		if p.err != nil {
			return nil
		}
		var lines []string
		for _, f := range p.facts {
			lines = append(lines, layout.Fit(" "+model.Clean(f), w, c.styles.Glyphs.Tail))
		}
		return append(lines, "")
	}
	p.open = func(n uint32) tea.Cmd { return c.push(newComputer(c, n)) }
	p.off = func(a keys.Action, _ uint32, ok bool) string {
		g := c.snap.Groups().Group(id)
		switch a {
		case keys.JoinIt, keys.LeaveIt, keys.ExcludeIt, keys.IncludeIt, keys.MoveComps:
			switch {
			case g == nil:
				return "the group was removed"
			case g.Predefined():
				return "the members of " + g.Name + " are computed"
			case !ok && a != keys.JoinIt:
				return "there is no computer in the group"
			}
		}
		return ""
	}
	p.act = func(a keys.Action, n uint32, ok bool) tea.Cmd {
		g := c.snap.Groups().Group(id)
		if g == nil {
			return nil
		}
		done := func(model.Entry) tea.Cmd {
			p.tab.ClearMarks()
			return p.read()
		}
		selection := p.tab.Selection()
		slices.Sort(selection)
		switch a {
		case keys.JoinIt:
			return c.askMembers(g)
		case keys.LeaveIt:
			return c.membership(model.ChangeLeave, "Take out", g.ID, selection, done)
		case keys.ExcludeIt:
			return c.membership(model.ChangeExclude, "Exclude", g.ID, selection, done)
		case keys.IncludeIt:
			return c.membership(model.ChangeInclude, "End exclusion", g.ID, selection, done)
		case keys.MoveComps:
			list := membersAmong(g, selection)
			if len(list) == 0 {
				c.say(4, "it was not put into this group by hand, so that it cannot be taken out of it")
				return nil
			}
			return c.chooseGroup("Move "+c.computersWord(list)+" from "+model.Clean(g.Name)+" to", g.ID, func(to *model.Group) tea.Cmd {
				return c.propose(model.MoveComputers(g.ID, to.ID, list, ""), "Move", done)
			})
		case keys.Approvals:
			return c.push(newGroupApprovals(c, id))
		case keys.PolicyIt:
			return c.changePolicy(g)
		case keys.GroupComps:
			return c.open("computers", groupFilter(g.Name))
		case keys.Copy:
			if comp := c.snap.Computer(n); ok && comp != nil {
				return c.copy(comp.Name)
			}
		}
		return nil
	}
	return p
}

// groupFacts are the lines above a group's computers.
func (s scribe) groupFacts(ctx context.Context, snap *store.Snapshot, g *model.Group) ([]string, error) {
	tree, dot := snap.Groups(), s.styles.Glyphs.Dot
	split := snap.Split(g.ID)
	n := groupCount{members: int(snap.Members(g.ID).GetCardinality()), split: [2][4]int{ofAll: split}}
	var words []string
	for _, w := range stateWords {
		if n := split[w.state]; n > 0 {
			words = append(words, w.word+" "+count(n))
		}
	}
	head := strings.Join(tree.Path(g.ID), " > ") + dot + counted(n.members, "computer", "computers") + dot + orWord(strings.Join(words, ", "), "nothing known")
	if n.members > 0 {
		head += " (" + n.compliance(ofAll) + " ok)"
	}
	lines := []string{head}
	if g.Formula != "" {
		lines = append(lines, "formula: "+g.Formula)
	}
	lines = append(lines, groupPolicyFact(tree, g))
	all, err := groupApprovals(ctx, snap, g.ID)
	if err != nil {
		return nil, err
	}
	var own, inherited, refused int
	for _, a := range all {
		switch {
		case a.approval.Action == model.ActionNotApproved:
			refused++
		case a.own:
			own++
		default:
			inherited++
		}
	}
	line := "approvals: " + counted(own, "of its own", "of its own") + ", " + count(inherited) + " inherited"
	if refused > 0 {
		line += ", Not Approved " + count(refused)
	}
	lines = append(lines, line+" (A lists them)")
	if snap.Options().ClientTargeting && !g.Predefined() && g.Formula == "" {
		lines = append(lines, "computers name this group themselves: what was put here by hand is masked")
	}
	return lines, nil
}

// groupPolicyFact says what holds in a group, and which part of it comes from
// which group.
func groupPolicyFact(tree *model.GroupTree, g *model.Group) string {
	policy, from := model.EffectivePolicy(tree, append([]model.GroupID{g.ID}, tree.Ancestors(g.ID)...))
	whose := func(id model.GroupID) string {
		switch o := tree.Group(id); {
		case o == nil:
			return "nobody"
		case o.ID == g.ID:
			return "its own"
		default:
			return o.Name
		}
	}
	mode, restart := whose(from.Mode), whose(from.Restart)
	whom := mode
	if mode != restart {
		whom = "mode from " + mode + ", restarts from " + restart
	}
	return "policy (" + whom + "): " + policyText(policy)
}

// belongs says why a computer is a member of a group.
func belongs(snap *store.Snapshot, g *model.Group, n uint32) string {
	if _, out := slices.BinarySearch(g.Excluded, n); out {
		return "EXCLUDED"
	}
	comp := snap.Computer(n)
	if snap.Options().ClientTargeting && comp != nil && g.Formula == "" && slices.ContainsFunc(comp.Requested, func(name string) bool { return strings.EqualFold(name, g.Name) }) {
		return "it names the group"
	}
	if _, in := slices.BinarySearch(g.Members, n); in && !snap.Options().ClientTargeting {
		return "by hand"
	}
	for _, child := range snap.Groups().Children(g.ID) {
		if c := snap.Groups().Group(child); snap.Members(child).Contains(n) && !c.Predefined() {
			return "through " + model.Clean(c.Name)
		}
	}
	if g.Formula != "" {
		return "by the formula"
	}
	return "computed"
}

// stateStyle is the style of a place in the four-way split.
func (s scribe) stateStyle(state model.ComputerState) theme.Style {
	switch state {
	case model.ComputerFailed:
		return s.styles.Bad
	case model.ComputerNeeded:
		return s.styles.Warn
	case model.ComputerNoStatus:
		return s.styles.Muted
	}
	return s.styles.Good
}

// membership proposes to put computers into a group, or to take them out.
func (c *Console) membership(kind model.ChangeKind, word string, group model.GroupID, computers []uint32, after func(model.Entry) tea.Cmd) tea.Cmd {
	if len(computers) == 0 {
		return nil
	}
	return c.propose(model.Change{Kind: kind, Group: &model.Group{ID: group}, Computers: computers}, word, after)
}

// askMembers asks which computers to put into a group, by a query.
func (c *Console) askMembers(g *model.Group) tea.Cmd {
	find := func(snap *store.Snapshot, now time.Time, text string) ([]uint32, error) {
		q, err := query.ParseComputers(text)
		if err != nil {
			return nil, err
		}
		if err := q.Check(snap); err != nil {
			return nil, err
		}
		found, err := q.Filter(c.ctx, snap, snap.Computers(), now)
		var numbers []uint32
		for _, comp := range found {
			numbers = append(numbers, comp.Number)
		}
		slices.Sort(numbers)
		return numbers, err
	}
	p := &prompt{label: "computers to put into " + layout.Cut(model.Clean(g.Name), 20, c.styles.Glyphs.Tail) + ":"}
	p.check = func(text string) error {
		_, err := query.ParseComputers(text)
		return err
	}
	p.complete = func(text string) (int, []string, []string) { return c.offerQuery(query.OnComputers, text) }
	p.done = func(text string) tea.Cmd {
		if text == "" {
			return nil // nothing was written; everything would be a surprise
		}
		snap, now := c.snap, c.now.In(c.zone)
		return func() tea.Msg {
			numbers, err := find(snap, now, text)
			return c.onInterface(func() tea.Cmd {
				switch {
				case err != nil:
					return c.tell(err)
				case len(numbers) == 0:
					c.say(4, fmt.Sprintf("no computer matches %s", text))
					return nil
				}
				return c.membership(model.ChangeJoin, "Put in", g.ID, numbers, nil)
			})
		}
	}
	return c.ask(p, "")
}

// chooseGroup asks for one of the groups whose members are set by hand.
// without is one that is not offered; empty = all are.
func (c *Console) chooseGroup(title string, without model.GroupID, pick func(*model.Group) tea.Cmd) tea.Cmd {
	m := &menu{c: c, title: title}
	tree := c.snap.Groups()
	for _, id := range tree.Order() {
		g := tree.Group(id)
		if g.Predefined() || id == without {
			continue
		}
		note := counted(int(c.snap.Members(id).GetCardinality()), "computer", "computers")
		m.items = append(m.items, menuItem{layout.Blanks(2*(tree.Depth(id)-1)) + model.Clean(g.Name), note, func() tea.Cmd { return pick(g) }})
	}
	if len(m.items) == 0 {
		c.say(4, "there is no other group of your own yet: 4, then a, adds one")
		return nil
	}
	return c.push(m)
}
