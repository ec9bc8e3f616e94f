package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model/query"
	"fettle/ui/report"
)

func (a *app) reportsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reports",
		Short: "List the reports and what each answers",
		Args:  between(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			type row = report.Definition
			return a.writeList(list(a, report.Definitions(), []column[row]{
				{key: "name", title: "NAME", value: func(d row) any { return d.Name }},
				{key: "answers", title: "ANSWERS", give: true, value: func(d row) any { return d.Answers }},
				{key: "title", value: func(d row) any { return d.Title }},
				{key: "query_on", title: "QUERY ON", rank: 1, value: func(d row) any { return d.Query.String() }},
			}), "")
		},
	}
}

func (a *app) reportCommand() *cobra.Command {
	var group, base, section string
	var markdown, html bool
	cmd := &cobra.Command{
		Use:   "report NAME [QUERY]",
		Short: "Make a report",
		Long: `Make a report, for all computers or for a group, over everything or what a query
matches. The reports and what each answers are listed by fettle reports. On
every report stands the head of the journal.`,
		Example: `  fettle report compliance --group Servers
  fettle report update-status-summary class:security --csv > updates.csv
  fettle report computer-status-summary --html > status.html`,
		Args: between(1, -1, "the name of a report"),
	}
	f := cmd.Flags()
	f.StringVar(&group, "group", "", "only the computers of this `GROUP`")
	f.StringVar(&base, "base", "all", "`WHICH` updates the numbers are of: all or approved")
	f.StringVar(&section, "section", "", "with --csv: the `NAME` of the section to write")
	f.BoolVar(&markdown, "markdown", false, "answer in Markdown")
	f.BoolVar(&html, "html", false, "answer in HTML")
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		forms := 0
		for _, on := range []bool{a.flags.json, a.flags.csv, markdown, html} {
			if on {
				forms++
			}
		}
		if forms > 1 {
			return misuse("a report is written in one form at a time")
		}
		snap := h.store.Snapshot()
		p := report.Parameters{Query: strings.Join(args[1:], " "), Zone: a.zone}
		var ok bool
		if p.Base, ok = report.ParseBase(base); !ok {
			return misuse("--base is all or approved")
		}
		if group != "" {
			g, err := findGroup(snap, group)
			if err != nil {
				return err
			}
			p.Group = g.ID
		}
		r, err := report.Build(ctx, args[0], h.store, snap, p)
		if err != nil {
			return reportError(p.Query, err)
		}
		switch {
		case a.flags.json:
			return r.JSON(a.s.Out)
		case a.flags.csv:
			if err := r.CSV(a.s.Out, section); err != nil {
				return reportError("", err)
			}
			a.say("%s", r.Scope.Sentence())
			a.say("%s", r.Evidence())
			return nil
		case markdown:
			return r.Markdown(a.s.Out)
		case html:
			return r.HTML(a.s.Out)
		}
		if a.inLines() {
			return r.Lines(a.s.Out)
		}
		return r.Text(a.s.Out, a.s.Size.Width)
	})
	return cmd
}

// reportError tells a report that was asked for in a wrong way from one that
// failed.
func reportError(text string, err error) error {
	var wrong *report.ParameterError
	var bad *query.Error
	switch {
	case errors.As(err, &wrong):
		return &usageError{err: wrong}
	case errors.As(err, &bad):
		return queryError(text, err)
	}
	return err
}
