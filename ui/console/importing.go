package console

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// importFile asks for a file that somebody carried in, says what it is, and what
// it would change where that is wanted, before it is taken in.
func (c *Console) importFile() tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	path := textItem("File", "", "A full path, such as /media/usb/wsusscn2.cab.")
	path.complete = func(text string) (int, []string) {
		if !filepath.IsAbs(text) {
			return 0, nil
		}
		dir, begun := filepath.Split(text)
		return len(dir), entriesOf(dir, begun)
	}
	force := &formItem{label: "Although it is older than what is in force, or implausibly small", note: "Such a file is refused otherwise: somebody may want to hide updates with it, or it was cut off on its way."}
	page := &formPage{title: "Import: a file that was carried in", items: []*formItem{path, force}}
	page.text = func() []string {
		return []string{
			"What can be imported: Microsoft's offline scan catalogue (wsusscn2.cab), a package that wsusutil export made, and a content directory (WsusContent). It is recognised by what is in it, not by its name.",
			"",
			"The path is on the machine that holds Fettle's data. A file on your own machine is sent by the command: fettle import FILE",
		}
	}
	page.check = func() error { return checkFile(path.value()) }
	f := &form{c: c, title: "Import a file", pages: []*formPage{page}, last: "looks at it"}
	f.finish = func() tea.Cmd {
		f.working = false
		return c.push(newImport(f, filepath.Clean(path.value()), force.on))
	}
	return c.push(f)
}

// newImport shows what a file is and asks whether to take it in.
func newImport(f *form, path string, force bool) pane {
	c, engine, actor := f.c, f.c.o.Engine, f.c.actor
	q := &question{c: c, title: "What it is", apply: "Import", wait: "looking at " + model.Clean(path)}
	var found atomic.Pointer[CarriedFile]
	q.load = func(ctx context.Context, s scribe) ([]string, error) {
		if x := found.Load(); x != nil {
			return carriedText(x, force), nil // the change feed asks again; the file is the same
		}
		x, err := engine.Recognize(ctx, path)
		if err != nil {
			return nil, err
		}
		found.Store(x)
		return carriedText(x, force), nil
	}
	q.plan = func(ctx context.Context, progress func(model.Progress)) ([]string, error) {
		x := found.Load()
		if x == nil || x.Content {
			return []string{"WHAT IT WOULD CHANGE", "Nothing of the catalogue: payload files that updates name are verified and kept."}, nil
		}
		p, err := engine.PlanImport(ctx, path, force, progress)
		if err != nil {
			return nil, err
		}
		return importPlanText(p), nil
	}
	q.yes = func() tea.Cmd {
		name := model.Clean(path)
		return func() tea.Msg {
			err := engine.Import(c.ctx, path, force, actor)
			return c.onInterface(func() tea.Cmd {
				if err != nil {
					q.working = false
					return tea.Batch(c.drop(q), c.tell(err))
				}
				cmd := c.drop(f)
				c.say(slog.LevelInfo, "The import of "+name+" was started")
				return cmd
			})
		}
	}
	return q
}

// carriedText says what a file is.
func carriedText(x *CarriedFile, force bool) []string {
	p := page{lines: []string{"WHAT IT IS", x.Name + ": " + x.What, ""}}
	facts := x.Facts
	if !x.Content {
		facts = append([][2]string{{"Size", size(x.Size)}}, facts...)
	}
	names := 0
	for _, f := range facts {
		names = max(names, layout.Width(f[0]))
	}
	for _, f := range facts {
		p.lines = append(p.lines, "  "+layout.Fit(f[0], names, "")+"  "+hang+f[1])
	}
	switch {
	case x.Refused != "" && force:
		p.lines = append(p.lines, "", "! It would be refused, and is taken in by force: "+x.Refused, "", "p reads the whole file and says what would change.")
	case x.Refused != "":
		p.lines = append(p.lines, "", "! It will be refused: "+x.Refused, "", "If it is wanted all the same, go back (Esc) and select that below the file.")
	default:
		p.lines = append(p.lines, "", "p reads the whole file and says what would change. An import approves and declines nothing, can be cancelled, and changes nothing until it is complete.")
	}
	return p.lines
}

// importPlanText says what an import would change.
func importPlanText(x *ImportPlan) []string {
	p := page{lines: []string{"WHAT IT WOULD CHANGE"}}
	p.fact("New", counted(x.New, "update", "updates"))
	p.fact("Revised", count(x.Revised))
	p.fact("Withdrawn", count(x.Withdrawn))
	p.fact("Unchanged", count(x.Unchanged))
	p.fact("Products", choose(x.Categories > 0, counted(x.Categories, "new product or classification", "new products and classifications"), "nothing new"))
	p.fact("Documents", counted(x.Documents, "to be kept", "to be kept"))
	for _, r := range x.Remarks {
		p.fact("Remark", r)
	}
	if len(x.Titles) > 0 {
		p.head("NEW UPDATES")
		for _, t := range x.Titles {
			p.add("%s", t)
		}
		if n := x.New - len(x.Titles); n > 0 {
			p.add("and %s more", count(n))
		}
	}
	if len(x.Failures) > 0 {
		p.head("WHAT COULD NOT BE READ")
		for _, f := range x.Failures {
			p.add("%s: %s", f.Item, f.Reason)
		}
	}
	return p.lines
}

// planning is a plan that a question computes when it is asked for, because that
// takes long: the whole file is read.
type planning struct {
	request  request
	progress atomic.Pointer[model.Progress]
	running  bool
	turn     bool // to where the plan begins
	lines    []string
	err      error
}

// planTick draws how far a plan is.
type planTick struct{ q *question }

const planTickEvery = 500 * time.Millisecond

// startPlan computes the plan.
func (q *question) startPlan() tea.Cmd {
	if q.planning.running || q.planning.lines != nil {
		return nil
	}
	p, plan := &q.planning, q.plan
	p.running, p.err = true, nil
	compute := p.request.start(q.c.ctx, func(ctx context.Context) func() tea.Cmd {
		lines, err := plan(ctx, func(x model.Progress) { p.progress.Store(&x) })
		return func() tea.Cmd {
			p.running, p.lines, p.err = false, lines, err
			p.turn = true
			return nil
		}
	})
	return tea.Batch(compute, q.c.after(planTickEvery, planTick{q}))
}

// ticked draws again as long as the plan is being computed.
func (t planTick) ticked() tea.Cmd {
	if !t.q.planning.running {
		return nil
	}
	return t.q.c.after(planTickEvery, t)
}

// planLines is what the question shows of its plan.
func (q *question) planLines() []string {
	p := &q.planning
	switch {
	case p.running:
		line := "Reading the whole file to say what it would change"
		if x := p.progress.Load(); x != nil {
			line = q.c.jobLine(Job{Name: "Plan", Progress: *x})
			if x.Total > 0 {
				line = progressBar(q.c.styles, *x, 20) + " " + line
			}
		}
		return []string{"", line + "; Esc ends it."}
	case p.err != nil:
		return []string{"", "WHAT IT WOULD CHANGE", fmt.Sprintf("! That could not be computed: %v", p.err)}
	case p.lines != nil:
		return append([]string{""}, p.lines...)
	}
	return nil
}

// planDisabled says why there is no plan to compute.
func (q *question) planDisabled(a keys.Action) string {
	switch {
	case a != keys.PlanIt:
		return ""
	case q.plan == nil:
		return "what it would do is shown already"
	case !q.ready:
		return "what it is is still being found out"
	}
	return ""
}
