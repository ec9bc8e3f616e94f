package console

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// heldApproval is the approval of one update that a group has: its own, or what
// it inherits from the nearest group above that has one.
type heldApproval struct {
	row      *model.UpdateRow
	approval model.Approval
	own      bool
}

// groupApprovals gives what is approved for a group, by itself and by those
// above, and how many approvals there are of each. What is declined is left out:
// the decline masks it.
func groupApprovals(ctx context.Context, snap *store.Snapshot, id model.GroupID) ([]heldApproval, error) {
	chain := append([]model.GroupID{id}, snap.Groups().Ancestors(id)...)
	var out []heldApproval
	for i, r := range snap.Updates() {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if r.Has(model.FlagDeclined) {
			continue
		}
		for depth, g := range chain {
			if a, ok := snap.Approval(r.Number, g); ok {
				out = append(out, heldApproval{r, a, depth == 0})
				break
			}
		}
	}
	return out, nil
}

// newGroupApprovals lists what is approved for a group: its own approvals first,
// then those that it inherits, with the group that each comes from.
func newGroupApprovals(c *Console, id model.GroupID) pane {
	name := string(id)
	if g := c.snap.Groups().Group(id); g != nil {
		name = model.Clean(g.Name)
	}
	p := newTablePane[uint32](c, "Approvals of "+name, keys.GroupApprovals, "approval", "approvals",
		table.Column{Title: "Update", Width: 24, Flexible: true},
		table.Column{Title: "Approval", Width: 12},
		table.Column{Title: "From", Width: 18},
		table.Column{Title: "Deadline", Width: 16, Priority: 1},
		table.Column{Title: "Needed", Width: 6, Right: true, Priority: 2},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 3},
	)
	p.empty = []string{"Nothing is approved for this group, neither by itself nor by the groups above it.", "", "2 goes to the updates, where a approves."}
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[uint32], error) {
		var out tableRows[uint32]
		if snap.Groups().Group(id) == nil {
			return out, errors.New("the group was removed; Esc goes back")
		}
		all, err := groupApprovals(ctx, snap, id)
		if err != nil {
			return out, err
		}
		slices.SortFunc(all, func(a, b heldApproval) int {
			if a.own != b.own {
				if a.own {
					return -1
				}
				return 1
			}
			return cmp.Or(strings.Compare(strings.ToLower(a.row.Title), strings.ToLower(b.row.Title)), cmp.Compare(a.row.Number, b.row.Number))
		})
		own := 0
		for _, a := range all {
			from := table.Cell{Text: "its own", Style: s.styles.Good}
			if a.own {
				own++
			} else if g := snap.Groups().Group(a.approval.Group); g != nil {
				from = table.Cell{Text: model.Clean(g.Name), Style: s.styles.Muted}
			}
			action, due := a.approval.Action.Title(), ""
			if a.approval.Stale {
				action = "held back"
			}
			if !a.approval.Deadline.IsZero() {
				due = s.dueWord(a.approval.Deadline)
			}
			n := snap.Counts(a.row.Number, id)
			out.add(a.row.Number, table.Cell{Text: model.Clean(a.row.Title)}, table.Cell{Text: action}, from, table.Cell{Text: due}, table.Cell{Text: zero(n.Needed)}, table.Cell{Text: zero(n.Failed)})
		}
		out.facts = []string{counted(own, "approval of its own", "approvals of its own") + ", " + counted(len(all)-own, "inherited", "inherited") + ". A group below may say otherwise: the deepest wins."}
		return out, nil
	}
	p.above = func(w int) []string {
		return []string{c.styles.Muted.Render(layout.Fit(" "+strings.Join(p.facts, ""), w, c.styles.Glyphs.Tail)), ""}
	}
	p.open = func(n uint32) tea.Cmd { return c.push(newUpdate(c, n)) }
	p.act = func(a keys.Action, n uint32, ok bool) tea.Cmd {
		if r := c.snap.Row(n); ok && r != nil && a == keys.Copy {
			return c.copy(string(r.ID))
		}
		return nil
	}
	return p
}

// dueWord writes a deadline in a column: that it has passed matters most.
func (s scribe) dueWord(t time.Time) string {
	if !t.After(s.now) {
		return "passed"
	}
	return s.when(t)
}
