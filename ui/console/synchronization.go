package console

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// newSynchronization is the screen of upstreams and of what each
// synchronization changed.
func newSynchronization(c *Console) pane {
	p := newTablePane[uint64](c, "Synchronization", keys.Sync, "run", "runs",
		table.Column{Title: "Started", Width: 16},
		table.Column{Title: "Upstream", Width: 12, Flexible: true},
		table.Column{Title: "Result", Width: 10},
		table.Column{Title: "New", Width: 6, Right: true},
		table.Column{Title: "Revised", Width: 7, Right: true, Priority: 2},
		table.Column{Title: "Withdrawn", Width: 9, Right: true, Priority: 3},
		table.Column{Title: "Failed", Width: 6, Right: true, Priority: 1},
		table.Column{Title: "Took", Width: 7, Right: true, Priority: 4},
		table.Column{Title: "By", Width: 10, Priority: 5},
	)
	p.empty = []string{"Nothing was synchronized yet.", "", "s starts a synchronization of every upstream, i imports a file that was carried in."}
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[uint64], error) {
		var out tableRows[uint64]
		for _, r := range snap.Runs() {
			result, took := table.Cell{Text: r.Result.String()}, ""
			switch {
			case r.Ended.IsZero():
				result.Text = "running"
			case r.Result == model.SyncFailed:
				result = table.Cell{Text: "FAILED", Style: s.styles.Bad}
			case r.Result == model.SyncRefused:
				result.Style = s.styles.Warn
			}
			if !r.Ended.IsZero() {
				took = duration(r.Ended.Sub(r.Started))
			}
			by := "schedule"
			if r.Manual {
				by = model.Clean(r.Actor.Who)
			}
			out.add(r.ID, table.Cell{Text: r.Started.In(s.zone).Format("2006-01-02 15:04")}, table.Cell{Text: model.Clean(r.Upstream)}, result, table.Cell{Text: zero(len(r.New))},
				table.Cell{Text: zero(len(r.Revised))}, table.Cell{Text: zero(len(r.Withdrawn) + len(r.Expired))}, table.Cell{Text: zero(len(r.Failures))}, table.Cell{Text: took}, table.Cell{Text: by})
		}
		return out, nil
	}
	p.above = c.upstreamLines
	p.open = func(id uint64) tea.Cmd { return c.push(newRun(c, id)) }
	p.off = func(a keys.Action, _ uint64, _ bool) string { return c.jobDisabled(a) }
	p.act = func(a keys.Action, id uint64, ok bool) tea.Cmd {
		switch {
		case a == keys.Synchronize:
			return c.synchronize(nil)
		case a == keys.CancelJob:
			return c.cancelJob()
		case a == keys.ImportFile:
			return c.importFile()
		case a == keys.ToUpstreams:
			return c.push(newUpstreams(c))
		case a == keys.Copy && ok:
			return c.copy(strconv.FormatUint(id, 10))
		}
		return nil
	}
	return p
}

// upstreamLines say how the upstreams stand, and what runs.
func (c *Console) upstreamLines(w int) []string {
	st := c.styles
	var lines []string
	add := func(name, rest string) {
		last := "never run"
		if r := c.snap.LastRun(name); r != nil {
			last = fmt.Sprintf("last %s, %s", c.when(r.Ended), r.Result)
			if r.Result == model.SyncFailed || r.Result == model.SyncRefused {
				last += ": " + model.Clean(r.Error)
			}
		}
		lines = append(lines, layout.Fit(" "+model.Clean(name)+": "+last+"; "+rest, w, st.Glyphs.Tail))
	}
	for _, u := range c.snap.Upstreams() {
		rest := "next " + c.nextSync(u)
		if u.Schedule.PerDay > 0 {
			rest += ", schedule " + u.Schedule.String()
		}
		add(u.Name, fmt.Sprintf("%s (%s=%s)", rest, u.Kind, model.Clean(u.Location)))
	}
	for _, name := range c.imported() {
		add(name, "from files that were imported (i imports the next one)")
	}
	if len(lines) == 0 {
		lines = append(lines, " No upstream is configured. 1 goes to the Overview, which leads through the wizard.")
	}
	return append(append(lines, c.runningLines(w)...), "")
}

// runningLines say how far the running job is: one line for what it does, one for
// how fast.
func (c *Console) runningLines(w int) []string {
	j, ok := c.running()
	if !ok {
		return nil
	}
	st := c.styles
	lines := []string{st.Info.Render(layout.Fit(" "+progressBar(st, j.Progress, 12)+" "+c.jobLine(j), w, st.Glyphs.Tail))}
	if pace := c.pace(j.Progress); pace != "" {
		lines = append(lines, st.Info.Render(layout.Fit(layout.Blanks(14)+strings.TrimPrefix(pace, ", ")+"; x cancels it", w, st.Glyphs.Tail)))
	}
	return lines
}

// paceAfter is how long a phase must last before a rate says anything.
const paceAfter = 2 * time.Second

// pace says how fast a phase goes and how long it may still take.
func (c *Console) pace(p model.Progress) string {
	took := c.now.Sub(p.Since)
	if p.Since.IsZero() || took < paceAfter {
		return ""
	}
	s := ""
	if p.Bytes > 0 {
		s = ", " + size(int64(float64(p.Bytes)/took.Seconds())) + "/s"
	} else if p.Total >= manyBytes && p.Done > 0 {
		s = ", " + size(int64(float64(p.Done)/took.Seconds())) + "/s"
	}
	if p.Done > 0 && p.Total > p.Done {
		left := time.Duration(float64(took) * float64(p.Total-p.Done) / float64(p.Done))
		s += ", about " + roughly(left) + " left"
	}
	return s
}

// newRun shows what one synchronization changed.
func newRun(c *Console, id uint64) pane {
	p := newTextPane(c, fmt.Sprintf("Run %d", id))
	p.scope = keys.Run
	p.pages = func(_ context.Context, s scribe, _ int) (*page, error) {
		snap := s.store.Snapshot()
		for _, r := range snap.Runs() {
			if r.ID == id {
				return s.run(snap, r), nil
			}
		}
		return nil, errors.New("there is no such run")
	}
	return p
}

// shownChanges is how many updates of a kind the details of a run list; an
// initial synchronization brings tens of thousands.
const shownChanges = 500

func (s scribe) run(snap *store.Snapshot, r *model.SyncRun) *page {
	p := page{lines: []string{"Synchronization of " + r.Upstream, ""}}
	kind := "incremental"
	if r.Initial {
		kind = "initial"
	}
	p.fact("Kind", kind)
	p.fact("Started", r.Started.In(s.zone).Format("2006-01-02 15:04:05")+" by "+r.Actor.Who)
	if r.Ended.IsZero() {
		p.fact("Result", "running, or its process ended before it did")
	} else {
		p.fact("Ended", r.Ended.In(s.zone).Format("2006-01-02 15:04:05")+" after "+duration(r.Ended.Sub(r.Started)))
		p.fact("Result", r.Result.String())
	}
	p.fact("Error", r.Error)
	p.fact("Read", size(r.Read))
	if r.Products > 0 {
		p.fact("Products", counted(r.Products, "product or classification was new", "products and classifications were new"))
	}
	for _, m := range r.Remarks {
		p.fact("Remark", m)
	}
	for _, part := range []struct {
		title string
		list  []uint32
	}{{"NEW", r.New}, {"REVISED", r.Revised}, {"EXPIRED", r.Expired}, {"DECLINED BY ITSELF, BECAUSE THEY EXPIRED", r.Declined}, {"WITHDRAWN", r.Withdrawn}} {
		if len(part.list) == 0 {
			continue
		}
		p.head(part.title)
		p.add("%s", counted(len(part.list), "update", "updates"))
		for _, n := range part.list[:min(len(part.list), shownChanges)] {
			if u := snap.Row(n); u != nil {
				p.link(s, target{update: n}, "%s", u.Title)
			}
		}
		if len(part.list) > shownChanges {
			p.add("and %s more; the report synchronization-results lists them (7)", count(len(part.list)-shownChanges))
		}
	}
	if len(r.Rules) > 0 {
		p.head("AUTOMATIC APPROVAL RULES")
		for _, o := range r.Rules {
			line := o.Rule + ": " + counted(o.Updates, "update", "updates")
			if o.Withheld {
				line += ", withheld: rules do not run over an initial synchronization by themselves"
			} else if o.Deployment != 0 {
				line += ", deployment " + strconv.FormatUint(o.Deployment, 10)
			}
			p.add("%s", line)
		}
	}
	if len(r.Failures) > 0 {
		p.head("NOT IMPORTED")
		for _, f := range r.Failures {
			p.add("%s: %s", f.Item, f.Reason)
		}
	}
	if len(r.New)+len(r.Revised)+len(r.Expired)+len(r.Withdrawn)+len(r.Failures) == 0 && !r.Ended.IsZero() {
		p.head("NOTHING CHANGED")
	}
	return &p
}
