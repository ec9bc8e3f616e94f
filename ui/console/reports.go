package console

import (
	"context"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// newReports is the screen of reports, each with the question that it answers.
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
	p.open = func(name string) tea.Cmd {
		if err := c.gate(); err != nil {
			return c.tell(err)
		}
		for _, r := range c.o.Reporter.Reports() {
			if r.Name == name {
				return c.push(newReport(c, r))
			}
		}
		return nil
	}
	return p
}

// newReport shows one report as text.
func newReport(c *Console, r Report) pane {
	p := newTextPane(c, r.Title)
	reporter := c.o.Reporter
	p.load = func(ctx context.Context, s scribe, w int) ([]string, error) {
		text, err := reporter.Build(ctx, s.store.Snapshot(), r.Name, w, s.now, s.zone)
		if err != nil {
			return nil, err
		}
		return strings.Split(strings.TrimRight(text, "\n"), "\n"), nil
	}
	return p
}
