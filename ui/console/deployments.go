package console

import (
	"context"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// newDeployments is the screen of deployments, with how far each is.
func newDeployments(c *Console) pane {
	p := newTablePane[uint64](c, "Deployments", keys.Deployments, "deployment", "deployments",
		table.Column{Title: "No.", Width: 4, Right: true},
		table.Column{Title: "Name", Width: 20, Flexible: true},
		table.Column{Title: "Updates", Width: 7, Right: true, Priority: 7},
		table.Column{Title: "Progress", Width: 8, Priority: 4},
		table.Column{Title: "Installed", Width: 14, Right: true},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 1},
		table.Column{Title: "Waiting", Width: 7, Right: true, Priority: 5},
		table.Column{Title: "Unknown", Width: 7, Right: true, Priority: 3},
		table.Column{Title: "Due", Width: 10, Priority: 2},
		table.Column{Title: "By", Width: 10, Priority: 6},
		table.Column{Title: "Made", Width: 16, Priority: 7},
		table.Column{Title: "For", Width: 20, Priority: 8},
	)
	p.empty = []string{"There is no deployment yet: approving updates for computer groups makes one.", "", "2 goes to the updates, where a approves the one under the cursor, or the marked ones."}
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[uint64], error) {
		var out tableRows[uint64]
		for _, d := range snap.Deployments() {
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			var groups []string
			for _, g := range d.Groups {
				if t := snap.Groups().Group(g.Group); t != nil {
					groups = append(groups, t.Name)
				}
			}
			installed, failed, waiting, unknown := table.Cell{Text: "taken back", Style: s.styles.Muted}, table.Cell{Text: "-"}, "-", "-"
			var bar, due table.Cell
			if !d.Undone {
				if pr := snap.Progress(d.ID, s.now); pr != nil {
					installed, bar, due = table.Cell{Text: share(pr.Total)}, table.Cell{Text: s.pairsBar(pr.Total, 6)}, s.dueCell(pr)
					waiting, unknown = zero(pr.Total.Waiting+pr.Total.Pending), zero(pr.Total.Unknown)
					if pr.Total.Failed > 0 {
						failed = table.Cell{Text: count(pr.Total.Failed), Style: s.styles.Bad}
					}
				}
			}
			out.add(d.ID, table.Cell{Text: strconv.FormatUint(d.ID, 10)}, table.Cell{Text: model.Clean(d.Name)}, table.Cell{Text: count(len(d.Updates))}, bar, installed, failed, table.Cell{Text: waiting}, table.Cell{Text: unknown}, due,
				table.Cell{Text: model.Clean(d.Author)}, table.Cell{Text: d.Time.In(s.zone).Format("2006-01-02 15:04")}, table.Cell{Text: model.Clean(strings.Join(groups, ", "))})
		}
		return out, nil
	}
	p.open = func(id uint64) tea.Cmd { return c.push(newDeployment(c, id)) }
	p.off = func(a keys.Action, _ uint64, ok bool) string {
		if a == keys.RetractIt && !ok {
			return "there is no deployment"
		}
		return ""
	}
	p.act = func(a keys.Action, id uint64, ok bool) tea.Cmd {
		d := c.snap.Deployment(id)
		switch {
		case !ok || d == nil:
		case a == keys.Copy:
			return c.copy(d.Name)
		case a == keys.RetractIt:
			return c.retract(d)
		}
		return nil
	}
	return p
}

// overdue gives how many installations are open whose deadline has passed, and
// the earliest deadline of all.
func overdue(pr *store.Deploying, now time.Time) (open int, first time.Time) {
	for _, g := range pr.Groups {
		at := g.Group.Deadline
		if g.Group.Action != model.ActionInstall || at.IsZero() {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if !at.After(now) {
			open += g.Waiting + g.Failed
		}
	}
	return open, first
}

// dueCell says by when a deployment is to be done, or that it should be.
func (s scribe) dueCell(pr *store.Deploying) table.Cell {
	open, first := overdue(pr, s.now)
	switch {
	case first.IsZero():
		return table.Cell{Text: "-"}
	case open > 0:
		return table.Cell{Text: "OVERDUE", Style: s.styles.Bad}
	case !first.After(s.now):
		return table.Cell{Text: "done", Style: s.styles.Good}
	}
	return table.Cell{Text: s.date(first)}
}

// share is how much of what is due is installed, with the number that it is a
// share of: a percentage alone says nothing of its base (semantics 3.6).
func share(t store.Pairs) string {
	p, ok := t.Percent()
	if !ok {
		return "nothing due"
	}
	return percent(p) + " of " + count(t.Applicable)
}

// retract proposes to take a deployment back, or to let it count again.
func (c *Console) retract(d *model.Deployment) tea.Cmd {
	if d.Undone {
		return c.propose(model.Change{Kind: model.ChangeRestore, Deployment: d.ID}, "Let it count", nil)
	}
	return c.propose(model.Change{Kind: model.ChangeRetract, Deployment: d.ID}, "Take it back", nil)
}
