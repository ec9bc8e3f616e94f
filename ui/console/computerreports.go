package console

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// pastID names a report of a computer: by its time, so that the cursor stays
// where it is when another one arrives.
type pastID struct {
	at       int64
	computed bool
}

// newPastReports shows the history of a computer's reports: what each said and
// what it changed.
func newPastReports(c *Console, number uint32) pane {
	p := newTablePane[pastID](c, "Reports of "+c.computersWord([]uint32{number}), keys.PastReportList, "report", "reports",
		table.Column{Title: "Time", Width: 16},
		table.Column{Title: "Needed", Width: 6, Right: true},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 1},
		table.Column{Title: "Restart", Width: 7, Priority: 2},
		table.Column{Title: "Installed", Width: 9, Right: true, Priority: 3},
		table.Column{Title: "What changed", Width: 24, Flexible: true},
	)
	p.empty = []string{"No report of this computer is kept: it has not reported since Fettle keeps a history of them.", "", "The last " + count(model.PastReports) + " reports of every computer are kept, with what each changed."}
	p.load = func(_ context.Context, s scribe, snap *store.Snapshot) (tableRows[pastID], error) {
		var out tableRows[pastID]
		if snap.Computer(number) == nil {
			return out, errors.New("the computer is not known any more: it was removed. Esc goes back")
		}
		all, err := s.store.PastReports(number)
		if err != nil {
			return out, err
		}
		for i := range all {
			r := &all[i]
			failed, restart, text := table.Cell{Text: zero(r.Failed)}, table.Cell{Text: "-"}, table.Cell{Text: model.Clean(r.Text())}
			if r.Failed > 0 {
				failed.Style = s.styles.Bad
			}
			if r.Restart {
				restart = table.Cell{Text: "pending", Style: s.styles.Warn}
			}
			switch {
			case r.Error != "" || r.Became(model.StateFailed) > 0:
				text.Style = s.styles.Bad
			case len(r.Changes) == 0:
				text.Style = s.styles.Muted
			}
			if r.Computed {
				text.Text += " (computed by the server)"
			}
			out.add(pastID{r.Time.UnixNano(), r.Computed}, table.Cell{Text: s.when(r.Time)}, table.Cell{Text: zero(r.Needed)}, failed, restart, table.Cell{Text: zero(r.Installed)}, text)
		}
		return out, nil
	}
	p.above = func(w int) []string {
		comp := c.snap.Computer(number)
		if comp == nil || p.err != nil {
			return nil
		}
		last := " " + model.Clean(comp.Name) + c.styles.Glyphs.Dot + "last contact " + c.ago(comp.Contacted) + c.nextCheck(comp)
		return []string{c.styles.Muted.Render(layout.Fit(last, w, c.styles.Glyphs.Tail)), ""}
	}
	p.open = func(id pastID) tea.Cmd { return c.push(newPastReport(c, number, id)) }
	return p
}

// newPastReport shows one report: the updates that came into another state.
func newPastReport(c *Console, number uint32, id pastID) pane {
	p := newTextPane(c, c.when(time.Unix(0, id.at)))
	p.scope = keys.PastReport
	p.pages = func(_ context.Context, s scribe, _ int) (*page, error) {
		snap := s.store.Snapshot()
		all, err := s.store.PastReports(number)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if (pastID{all[i].Time.UnixNano(), all[i].Computed}) == id {
				return s.pastReport(snap, &all[i]), nil
			}
		}
		return nil, errors.New("this report is not kept any more: only the last ones are")
	}
	return p
}

func (s scribe) pastReport(snap *store.Snapshot, r *model.PastReport) *page {
	p := &page{}
	p.head("THE REPORT")
	p.fact("Time", r.Time.In(s.zone).Format("2006-01-02 15:04:05"))
	if r.Computed {
		p.fact("Made by", "the server, which looked at the inventory last reported with a newer catalogue")
	} else {
		p.fact("Made by", "the computer")
	}
	p.fact("Needed", count(r.Needed))
	p.fact("Failed", count(r.Failed))
	p.fact("Installed", count(r.Installed))
	if r.Restart {
		p.fact("Restart", "pending")
	}
	if r.Error != "" {
		p.head("THE DETECTION FAILED")
		p.add("%s", r.Error)
		p.add("A failed detection changes no state: what is known is what was known before.")
		return p
	}
	if len(r.Foreign) > 0 {
		p.head("INSTALLED BY OTHERS, OUTSIDE APPROVALS")
		for _, f := range r.Foreign {
			p.add("%s", f)
		}
	}
	switch {
	case r.First:
		p.head("WHAT CHANGED")
		p.add("It is the first report that is known, so that nothing can have changed.")
	case len(r.Changes) == 0:
		p.head("WHAT CHANGED")
		p.add("Nothing since the report before.")
	}
	for _, change := range r.Changes {
		p.head(strings.ToUpper(model.PastStateWord(change.To)))
		for _, n := range change.Updates {
			if row := snap.Row(n); row != nil {
				p.link(s, target{update: n}, "%s", model.Clean(row.Title))
			}
		}
		if more := change.Count - len(change.Updates); more > 0 {
			p.add("and %s more", count(more))
		}
	}
	return p
}
