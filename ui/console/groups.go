package console

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// newGroups is the screen of computer groups: the tree, and how each stands.
func newGroups(c *Console) pane {
	p := newTablePane[model.GroupID](c, "Computer groups", keys.Groups, "group", "groups",
		table.Column{Title: "Group", Width: 24, Flexible: true},
		table.Column{Title: "Computers", Width: 9, Right: true},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 3},
		table.Column{Title: "Needed", Width: 6, Right: true, Priority: 2},
		table.Column{Title: "Unknown", Width: 7, Right: true, Priority: 4},
		table.Column{Title: "Ok", Width: 6, Right: true, Priority: 1},
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
			n := groupCount{members: int(snap.Members(id).GetCardinality()), split: snap.Split(id)}
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
			out.add(id, table.Cell{Text: lead + model.Clean(g.Name)}, table.Cell{Text: count(n.members)}, table.Cell{Text: zero(n.split[model.ComputerFailed])},
				table.Cell{Text: zero(n.split[model.ComputerNeeded])}, table.Cell{Text: zero(n.split[model.ComputerNoStatus])}, table.Cell{Text: n.compliance()},
				table.Cell{Text: policy}, table.Cell{Text: model.Clean(g.Formula)})
		}
		return out, nil
	}
	p.open = func(id model.GroupID) tea.Cmd {
		if g := c.snap.Groups().Group(id); g != nil {
			return c.open("computers", groupFilter(g.Name))
		}
		return nil
	}
	p.act = func(a keys.Action, id model.GroupID, ok bool) tea.Cmd {
		if g := c.snap.Groups().Group(id); a == keys.Copy && ok && g != nil {
			return c.copy(g.Name)
		}
		return nil
	}
	return p
}
