package console

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// reports is the screen of reports, each with the question that it answers.
type reports struct{ *tablePane[string] }

func newReports(c *Console) pane {
	p := newTablePane[string](c, "Reports", keys.Reports, "report", "reports",
		table.Column{Title: "Report", Width: 26},
		table.Column{Title: "What it answers", Width: 30, Flexible: true},
		table.Column{Title: "Name", Width: 24, Priority: 1},
	)
	p.empty = []string{"This version makes no reports."}
	p.load = func(context.Context, scribe, *store.Snapshot) (tableRows[string], error) {
		var out tableRows[string]
		if c.o.Reporter != nil {
			for _, r := range c.o.Reporter.Reports() {
				out.add(r.Name, table.Cell{Text: r.Title}, table.Cell{Text: r.Answers}, table.Cell{Text: r.Name})
			}
		}
		return out, nil
	}
	// The question is what one chooses by, and wide screens only have room for it:
	// that of the report under the cursor stands whole above the list.
	p.above = func(w int) []string {
		r, ok := c.reportNamed(cursorOf(p))
		if !ok {
			return nil
		}
		return []string{c.styles.Muted.Render(layout.Fit(" "+r.Answers, w, c.styles.Glyphs.Tail)), ""}
	}
	s := &reports{p}
	p.open = func(name string) tea.Cmd { return s.Show(name) }
	return s
}

func cursorOf(p *tablePane[string]) string {
	name, _ := p.tab.Cursor()
	return name
}

// reportNamed finds a report.
func (c *Console) reportNamed(name string) (Report, bool) {
	if c.o.Reporter != nil {
		for _, r := range c.o.Reporter.Reports() {
			if r.Name == name {
				return r, true
			}
		}
	}
	return Report{}, false
}

// Show opens a report by its name: fettle --view reports --filter compliance.
func (s *reports) Show(name string) tea.Cmd {
	r, ok := s.c.reportNamed(name)
	if !ok {
		return nil
	}
	if err := s.c.gate(); err != nil {
		return s.c.tell(err)
	}
	return s.c.push(newReport(s.c, r))
}
