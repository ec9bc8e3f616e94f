package console

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
)

func (w *updatesWizard) upstreamPage() *formPage {
	p := &formPage{title: "Upstream: where the catalogue comes from"}
	p.text = func() []string {
		lines := []string{"An upstream brings the catalogue of updates: the signed archives of a Debian release, or a file of Microsoft's that somebody carries in."}
		var others []string
		for _, u := range w.c.snap.Upstreams() {
			if u.Kind != w.kind() {
				others = append(others, model.Clean(u.Name))
			}
		}
		if len(others) > 0 {
			lines = append(lines, "Configured already, and kept: "+strings.Join(others, ", ")+".")
		}
		return lines
	}
	items := func() {
		p.items = append([]*formItem{}, w.kinds...)
		if fromFile(w.kind()) {
			p.items = append(p.items, w.file)
		} else {
			p.items = append(p.items, w.proxy)
		}
	}
	items()
	p.ticked = func() {
		w.answer()
		items()
		w.f.pages = append(w.f.pages[:1:1], w.rest()...)
	}
	p.check = func() error {
		if fromFile(w.kind()) {
			return checkFile(w.file.value())
		}
		return checkProxy(w.proxy.value())
	}
	return p
}

func (w *updatesWizard) connectionPage() *formPage {
	c := w.c
	file := fromFile(w.kind())
	word := func(a, b string) string {
		if file {
			return a
		}
		return b
	}
	p := &formPage{title: word("Test of the file", "Connection test")}
	p.text = func() []string {
		switch {
		case c.o.Engine == nil:
			return []string{"Nothing runs in the background of this console, so that " + word("the file", "the connection") + " cannot be tested."}
		case w.testing:
			return []string{"Testing whether " + word(w.file.value(), "the archives") + " can be read."}
		case w.testErr != nil:
			return []string{"! The test failed: " + w.testErr.Error(), "", "Enter goes on nevertheless; Esc goes back."}
		}
		return append([]string{word("The file can be read:", "The archives can be read:")}, w.tested...)
	}
	p.enter = func() tea.Cmd {
		if c.o.Engine == nil {
			return nil
		}
		w.testing, w.testErr = true, nil
		engine, u := c.o.Engine, w.upstream()
		return w.test.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
			lines, err := engine.Test(ctx, u)
			return func() tea.Cmd {
				w.testing, w.tested, w.testErr = false, lines, err
				return nil
			}
		})
	}
	return p
}

func (w *updatesWizard) languagesPage() *formPage {
	p := &formPage{title: "Languages: in which updates are described", items: []*formItem{w.languages}}
	p.text = func() []string {
		return []string{"Microsoft describes an update in many languages. Titles are shown in the first of these that an update has."}
	}
	p.check = func() error {
		_, err := w.languageList()
		return err
	}
	return p
}

func (w *updatesWizard) classesPage() *formPage {
	p := &formPage{title: "Classifications: which sorts of updates are wanted"}
	p.text = func() []string {
		lines := []string{"What is not selected is not shown and not offered; it comes back when it is selected again."}
		if w.tree == nil {
			lines = append(lines, "Which products there are is known after the first synchronization. Until then all are wanted; P chooses among them then.")
		}
		return lines
	}
	for _, k := range w.offered() {
		p.items = append(p.items, w.classes[k])
	}
	p.check = func() error {
		for _, it := range p.items {
			if it.on {
				return nil
			}
		}
		return errors.New("nothing is selected: Space selects an item")
	}
	return p
}

func (w *updatesWizard) productsPage() *formPage {
	c := w.c
	p := &formPage{title: "Products: what updates are wanted for", tree: w.tree}
	p.text = func() []string {
		return []string{"A tick on what groups products is for those that come later in it, too. What is not selected is not shown and not offered."}
	}
	p.enter = func() tea.Cmd {
		snap := c.snap
		return w.catalogue.start(c.ctx, func(context.Context) func() tea.Cmd {
			t := readCatalogue(snap)
			return func() tea.Cmd {
				w.tree.set(t)
				return nil
			}
		})
	}
	p.check = func() error {
		if why := w.tree.problem(); why != "" {
			return errors.New(why)
		}
		return nil
	}
	return p
}

func (w *updatesWizard) queryPage() *formPage {
	p := &formPage{title: "Query: what updates must match beside", items: []*formItem{w.query}}
	p.text = func() []string {
		return []string{"An update must also match this query to be shown and offered."}
	}
	p.check = func() error { return checkQuery(w.query.value()) }
	return p
}

func (w *updatesWizard) contentPage() *formPage {
	p := &formPage{title: "Content: where computers take packages from"}
	p.text = func() []string { return nil }
	note := "Every computer downloads packages from the archives that its own apt is configured for; nothing is kept here."
	if w.kind() != model.UpstreamDebian {
		note = "Every computer downloads files from the addresses that the catalogue names; nothing is kept here."
	}
	p.items = []*formItem{{label: "From the vendor", one: true, on: true, note: note}}
	return p
}

func (w *updatesWizard) schedulePage() *formPage {
	p := &formPage{title: "Schedule: when the catalogue is brought into step", items: append(append([]*formItem{}, w.schedule...), w.custom)}
	p.text = func() []string {
		lines := []string{"A time that passed while nothing ran is caught up soon after the start."}
		if fromFile(w.kind()) {
			lines = append(lines, "The file is read again then; when it is the edition of before, nothing changes.")
		}
		return lines
	}
	p.check = func() error {
		_, err := model.ParseSyncSchedule(w.scheduleText())
		return err
	}
	return p
}

func (w *updatesWizard) initialPage() *formPage {
	c := w.c
	title := "Initial synchronization"
	if u, ok := w.before(); ok && c.snap.LastRun(u.Name) != nil {
		title = "Synchronization"
	}
	p := &formPage{title: title, items: []*formItem{w.now, w.later}}
	p.text = func() []string {
		switch {
		case c.o.Engine == nil:
			return []string{"Nothing runs in the background of this console; start the synchronization with: fettle sync"}
		case w.guessErr != nil:
			return []string{"! It could not be estimated: " + w.guessErr.Error()}
		case w.guess == nil:
			return []string{"Estimating what it will bring."}
		}
		e := w.guess
		var parts []string
		if e.Updates > 0 {
			parts = append(parts, "about "+counted(e.Updates, "update", "updates"))
		}
		if e.Bytes > 0 {
			parts = append(parts, size(e.Bytes)+" to read")
		}
		if e.Time > 0 {
			parts = append(parts, "about "+roughly(e.Time))
		}
		if len(parts) == 0 {
			return append([]string{"What it will bring is not known before. You can go on working meanwhile, and cancel it."}, e.Remarks...)
		}
		return append([]string{"It will bring " + strings.Join(parts, ", ") + ". You can go on working meanwhile, and cancel it."}, e.Remarks...)
	}
	p.enter = func() tea.Cmd {
		if c.o.Engine == nil {
			w.now.on, w.later.on = false, true
			return nil
		}
		w.guess, w.guessErr = nil, nil
		engine, u := c.o.Engine, w.upstream()
		return w.estimate.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
			e, err := engine.Estimate(ctx, u)
			return func() tea.Cmd {
				w.guess, w.guessErr = &e, err
				return nil
			}
		})
	}
	return p
}

// roughly writes an estimate of time: seconds would pretend to know it.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "10 seconds"
	case d < time.Minute:
		return "a minute"
	}
	return counted(int(d.Round(time.Minute)/time.Minute), "minute", "minutes")
}

func (w *updatesWizard) summaryPage() *formPage {
	p := &formPage{title: "What will be done"}
	p.text = func() []string {
		u := w.upstream()
		var lines []string
		if fromFile(u.Kind) {
			languages, _ := w.languageList()
			lines = append(lines, "Upstream          "+string(u.Kind)+"="+u.Location, "Languages         "+orWord(strings.Join(languages, ", "), "English"))
		} else {
			lines = append(lines, "Upstream          "+string(u.Kind)+"="+u.Location+" (this computer's own archives)", "Proxy             "+orWord(u.Proxy, "as apt is configured"))
		}
		lines = append(lines, "Classifications   "+w.classesText())
		if w.tree != nil && w.tree.nodes != nil {
			lines = append(lines, "Products          "+w.tree.facts())
		}
		if w.query != nil {
			lines = append(lines, "Query             "+orWord(w.query.value(), "none"))
		}
		first := "later"
		if w.now.on {
			first = "now"
		}
		return append(lines, "Content           "+contentText(model.ContentVendor), "Schedule          "+u.Schedule.String(), "Synchronization   "+first)
	}
	return p
}
