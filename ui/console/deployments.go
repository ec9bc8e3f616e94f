package console

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

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
		table.Column{Title: "Updates", Width: 7, Right: true, Priority: 6},
		table.Column{Title: "Installed", Width: 11, Right: true},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 1},
		table.Column{Title: "Waiting", Width: 7, Right: true, Priority: 3},
		table.Column{Title: "By", Width: 10, Priority: 4},
		table.Column{Title: "Made", Width: 16, Priority: 2},
		table.Column{Title: "For", Width: 20, Priority: 5},
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
			installed, failed, waiting := table.Cell{Text: "taken back", Style: s.styles.Muted}, table.Cell{Text: "-"}, "-"
			if !d.Undone {
				if pr := snap.Progress(d.ID); pr != nil {
					installed = table.Cell{Text: percent(pr.Total.Percent())}
					if pr.Total.Applicable == 0 {
						installed.Text = "nothing due"
					}
					waiting = zero(pr.Total.Waiting + pr.Total.Pending)
					if pr.Total.Failed > 0 {
						failed = table.Cell{Text: count(pr.Total.Failed), Style: s.styles.Bad}
					}
				}
			}
			out.add(d.ID, table.Cell{Text: strconv.FormatUint(d.ID, 10)}, table.Cell{Text: model.Clean(d.Name)}, table.Cell{Text: count(len(d.Updates))}, installed, failed, table.Cell{Text: waiting},
				table.Cell{Text: model.Clean(d.Author)}, table.Cell{Text: d.Time.In(s.zone).Format("2006-01-02 15:04")}, table.Cell{Text: model.Clean(strings.Join(groups, ", "))})
		}
		return out, nil
	}
	p.open = func(id uint64) tea.Cmd { return c.push(newDeployment(c, id)) }
	p.act = func(a keys.Action, id uint64, ok bool) tea.Cmd {
		if d := c.snap.Deployment(id); a == keys.Copy && ok && d != nil {
			return c.copy(d.Name)
		}
		return nil
	}
	return p
}

// newDeployment shows one deployment: by group, by update, and every failure
// with what it means.
func newDeployment(c *Console, id uint64) pane {
	p := newTextPane(c, fmt.Sprintf("Deployment %d", id))
	p.load = func(ctx context.Context, s scribe, w int) ([]string, error) {
		return s.deployment(s.store.Snapshot(), id)
	}
	return p
}

func (s scribe) deployment(snap *store.Snapshot, id uint64) ([]string, error) {
	pr := snap.Progress(id)
	if pr == nil {
		return nil, errors.New("there is no such deployment")
	}
	d := pr.Deployment
	p := page{lines: []string{d.Name, ""}}
	p.fact("Made", d.Time.In(s.zone).Format("2006-01-02 15:04")+" by "+d.Author)
	p.fact("Remark", d.Remark)
	p.fact("Updates", count(len(d.Updates)))
	if d.Undone {
		p.fact("State", "taken back: its approvals do not count")
	}
	pairs := func(t store.Pairs) string {
		if t.Applicable == 0 {
			return fmt.Sprintf("nothing due; no status from %s, other approvals hold for %s", count(t.Unknown), count(t.Overridden))
		}
		out := fmt.Sprintf("%s: installed %s of %s", percent(t.Percent()), count(t.Installed), count(t.Applicable))
		for _, x := range []struct {
			n    int
			word string
		}{{t.Failed, "failed"}, {t.Pending, "pending restart"}, {t.Waiting, "waiting"}, {t.Unknown, "no status"}, {t.Overridden, "under other approvals"}} {
			if x.n > 0 {
				out += fmt.Sprintf(", %s %s", x.word, count(x.n))
			}
		}
		return out
	}
	p.head("PROGRESS")
	p.add("%s (updates times computers)", pairs(pr.Total))
	p.head("GROUPS")
	for _, g := range pr.Groups {
		due := ""
		if !g.Group.Deadline.IsZero() {
			due = ", deadline " + s.deadline(g.Group.Deadline)
		}
		p.add("%s: %s%s", g.Name, g.Group.Action.Title(), due)
		if g.Group.Action == model.ActionInstall {
			p.add("  %s", pairs(g.Pairs))
		}
	}
	p.head("UPDATES")
	for _, u := range pr.Updates {
		r := snap.Row(u.Update)
		if r == nil {
			continue
		}
		p.add("%s", r.Title)
		p.add("  %s", pairs(u.Pairs))
		for _, n := range u.Failed[:min(len(u.Failed), 20)] {
			p.add("  failed on %s", s.failure(snap, n, r.ID))
		}
	}
	if len(pr.Updates) == 0 {
		p.add("none of them concerns a computer of these groups")
	}
	return p.lines, nil
}

// failure says on which computer an update failed, and why.
func (s scribe) failure(snap *store.Snapshot, computer uint32, update model.UpdateID) string {
	name := "computer " + strconv.Itoa(int(computer))
	if comp := snap.Computer(computer); comp != nil {
		name = comp.Name
	}
	st, err := s.store.Status(computer)
	if err != nil {
		return name
	}
	for _, f := range st.Failures {
		if f.Update == update {
			return fmt.Sprintf("%s %s: %s (%s)", name, s.when(f.Time), f.Text, f.Code)
		}
	}
	return name
}
