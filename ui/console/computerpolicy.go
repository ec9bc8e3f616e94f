package console

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// newComputerPolicy shows the policy that holds for a computer: every group that
// says something, the deepest first, and which of them decides what. Enter
// changes the policy of the group under the cursor.
func newComputerPolicy(c *Console, number uint32) pane {
	p := newTablePane[model.GroupID](c, "Policy of "+c.computersWord([]uint32{number}), keys.ComputerPolicy, "group", "groups",
		table.Column{Title: "Group", Width: 22, Flexible: true},
		table.Column{Title: "Decides", Width: 16},
		table.Column{Title: "Mode", Width: 9, Priority: 1},
		table.Column{Title: "Installs at", Width: 12, Priority: 2},
		table.Column{Title: "Restarts", Width: 14, Priority: 3},
	)
	p.empty = []string{"The computer belongs to no group: it is not managed. Groups say how approved updates are installed."}
	p.load = func(_ context.Context, s scribe, snap *store.Snapshot) (tableRows[model.GroupID], error) {
		var out tableRows[model.GroupID]
		comp := snap.Computer(number)
		if comp == nil {
			return out, errors.New("the computer is not known any more: it was removed. Esc goes back")
		}
		policy, from := snap.EffectivePolicy(number)
		tree := snap.Groups()
		groups := slices.Clone(snap.GroupsOf(number))
		predefined := func(id model.GroupID) int {
			if tree.Group(id).Predefined() {
				return 1
			}
			return 0
		}
		slices.SortStableFunc(groups, func(a, b model.GroupID) int {
			return cmp.Or(cmp.Compare(tree.Depth(b), tree.Depth(a)), predefined(a)-predefined(b))
		})
		for _, id := range groups {
			g := tree.Group(id)
			var decides []string
			if from.Mode == id {
				decides = append(decides, "mode")
			}
			if from.Restart == id {
				decides = append(decides, "restarts")
			}
			cell := table.Cell{Text: orWord(strings.Join(decides, ", "), "-")}
			if len(decides) > 0 {
				cell.Style = s.styles.Good
			}
			out.add(id, append([]table.Cell{{Text: model.Clean(g.Name)}, cell}, policyCells(g.Policy)...)...)
		}
		out.facts = s.computerPolicyFacts(comp, policy)
		return out, nil
	}
	p.above = func(w int) []string {
		var lines []string
		for _, f := range p.facts {
			for _, l := range layout.Wrap(model.Clean(f), w-2) {
				lines = append(lines, " "+l)
			}
		}
		return append(lines, "")
	}
	p.open = func(id model.GroupID) tea.Cmd {
		if g := c.snap.Groups().Group(id); g != nil {
			return c.changePolicy(g)
		}
		return nil
	}
	p.act = func(a keys.Action, id model.GroupID, ok bool) tea.Cmd {
		g := c.snap.Groups().Group(id)
		switch {
		case !ok || g == nil:
		case a == keys.PolicyIt:
			return c.changePolicy(g)
		case a == keys.ShowGroup:
			return c.push(newGroup(c, id))
		case a == keys.Copy:
			return c.copy(g.Name)
		}
		return nil
	}
	return p
}

// policyCells write what one group says; a dash is where it leaves the word to
// the groups above.
func policyCells(p model.Policy) []table.Cell {
	mode, at, restart := "-", "-", "-"
	if p.Mode != model.ModeUnset {
		mode = p.Mode.String()
		if p.Install != nil {
			at = p.Install.String()
		}
	}
	switch p.Restart {
	case model.RestartNo:
		restart = "never"
	case model.RestartIdle:
		restart = "idle"
	case model.RestartAt:
		if p.RestartAt != nil {
			restart = p.RestartAt.String()
		}
	}
	return []table.Cell{{Text: mode}, {Text: at}, {Text: restart}}
}

// computerPolicyFacts say what holds, and what the computer itself makes of it.
func (s scribe) computerPolicyFacts(comp *model.Computer, policy model.Policy) []string {
	lines := []string{"What its groups say of " + comp.Name + ": " + policyText(policy) + ". The deepest group that says something decides."}
	switch {
	case comp.Policy.Mode == model.ModeUnset:
		lines = append(lines, "The computer has not said yet which policy it obeys.")
	case comp.Policy.Describe() == policy.Describe():
		lines = append(lines, "The computer obeys it.")
	default:
		lines = append(lines, "! The computer obeys: "+policyText(comp.Policy)+". Its own policy file is stricter, or it made no contact since the policy was changed.")
	}
	return lines
}
