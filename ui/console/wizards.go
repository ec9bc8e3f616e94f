package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
)

// thisComputer is how the journal and the setup name the first way to bring
// computers under management; the command line uses the same word.
const thisComputer = "this computer"

// newComputersWizard is the Computer and Device Management Wizard, with the ways
// whose engine exists: this computer.
func newComputersWizard(c *Console) pane {
	var machine Machine
	var known, failed bool
	var request request
	f := &form{c: c, title: "Computer and Device Management Wizard"}
	tick := &formItem{label: "Manage this computer", on: true, note: "Its updates are detected, and what you approve is installed on it, by apt itself."}
	first := &formPage{title: "Bring computers under management"}
	first.text = func() []string {
		switch {
		case failed, c.o.Machine == nil:
			return []string{"This is the computer that the console runs on."}
		case !known:
			return []string{"Looking at this computer."}
		case !machine.Apt:
			return nonEmpty("This computer: "+machine.Name+", "+machine.OS, "",
				"! It has no apt, so that it cannot be managed itself: Fettle manages Linux computers with apt. From here you can look at everything, but no computer can be brought under management with this version.", machine.Facts)
		}
		root := ""
		if !machine.Root {
			root = "Fettle does not run as root here: detecting works fully, installing goes through sudo."
		}
		return nonEmpty("This computer: "+machine.Name+", "+machine.OS, machine.Facts, root)
	}
	first.enter = func() tea.Cmd {
		if c.o.Machine == nil || known {
			first.items = []*formItem{tick}
			return nil
		}
		ask := c.o.Machine
		return request.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
			m, err := ask(ctx)
			return func() tea.Cmd {
				machine, known, failed = m, err == nil, err != nil
				if failed || m.Apt {
					if m.Name != "" {
						tick.label = "Manage this computer: " + model.Clean(m.Name)
					}
					first.items = []*formItem{tick}
				}
				if err != nil {
					f.problem = err.Error()
				}
				return nil
			}
		})
	}
	first.check = func() error {
		switch {
		case len(first.items) == 0 && request.pending:
			return errors.New("this computer is still being looked at; Enter again in a moment")
		case len(first.items) == 0:
			return errors.New("there is nothing that could be managed from here; Esc leaves the wizard")
		case !tick.on:
			return errors.New("nothing is selected: Space selects the computer, Esc leaves the wizard")
		}
		return nil
	}
	last := &formPage{title: "What will be done"}
	last.text = func() []string {
		return []string{
			strings.Replace(tick.label, "Manage", "From now on Fettle manages", 1) + ".",
			"It checks in now, and after that at least every 22 hours. Nothing is installed before you approve it.",
			"",
			"! While no console is open and `fettle agent run` does not run, nothing happens by itself: no check-in, no installation, no deadline. What was missed is caught up when one of them runs again.",
		}
	}
	f.pages = []*formPage{first, last}
	f.finish = func() tea.Cmd {
		// The engine notices the change and starts this computer's agent, which
		// checks in at once.
		return c.finishWizard(f, model.Change{Kind: model.ChangeComputers, How: []string{thisComputer}}, nil, "this computer is managed now")
	}
	return f
}

// finishWizard makes a wizard's change, then starts what follows from it. What
// follows may be refused, because it runs already: that is no failure of the
// wizard.
func (c *Console) finishWizard(f *form, change model.Change, then func(context.Context) error, done string) tea.Cmd {
	if err := c.readOnly(); err != nil {
		return f.failed(err)
	}
	actor := c.actor
	return func() tea.Msg {
		_, err := c.o.Store.Make(c.ctx, change, actor)
		var waits *model.AwaitingConsent
		if errors.As(err, &waits) {
			return c.onInterface(func() tea.Cmd { return tea.Batch(c.drop(f), c.tell(err)) })
		}
		var after error
		if err == nil && then != nil {
			after = then(c.ctx)
		}
		return c.onInterface(func() tea.Cmd {
			if err != nil {
				return f.failed(err)
			}
			c.look()
			cmd := c.drop(f)
			next := "" // to the other task
			for _, t := range c.snap.Setup().Tasks() {
				if !t.Done {
					next = "; next: " + t.Wizard
				}
			}
			c.say(slog.LevelInfo, done+next)
			var refused *model.Refusal
			if errors.As(after, &refused) && refused.Code == "busy" {
				after = nil
			}
			if after != nil {
				c.say(slog.LevelWarn, after.Error())
			}
			return cmd
		})
	}
}

// newUpdatesWizard is the Updates Management Configuration Wizard, with the
// pages whose engine exists.
func newUpdatesWizard(c *Console) pane {
	w := &updatesWizard{c: c, f: &form{c: c, title: "Updates Management Configuration Wizard"}}
	w.f.pages = []*formPage{w.upstreamPage(), w.connectionPage(), w.classesPage()}
	if len(c.snap.Categories()) > 0 {
		w.f.pages = append(w.f.pages, w.productsPage())
	}
	w.f.pages = append(w.f.pages, w.contentPage(), w.schedulePage(), w.initialPage(), w.summaryPage())
	w.f.finish = w.finish
	return w.f
}

// updatesWizard holds the answers.
type updatesWizard struct {
	c *Console
	f *form

	proxy    *formItem
	classes  []*formItem
	products *formItem
	schedule []*formItem
	custom   *formItem
	now      *formItem
	later    *formItem

	test     request
	tested   []string
	testErr  error
	testing  bool
	estimate request
	guess    *model.Estimate
	guessErr error
}

// upstream is what was answered.
func (w *updatesWizard) upstream() model.Upstream {
	s, _ := model.ParseSyncSchedule(w.scheduleText())
	u := model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt", Schedule: s}
	if w.proxy != nil {
		u.Proxy = w.proxy.value()
	}
	return u
}

// before is the upstream that was configured earlier, if any.
func (w *updatesWizard) before() (model.Upstream, bool) {
	for _, u := range w.c.snap.Upstreams() {
		if u.Name == "debian" {
			return u, true
		}
	}
	return model.Upstream{}, false
}

func (w *updatesWizard) upstreamPage() *formPage {
	old, _ := w.before()
	w.proxy = textItem("Proxy", old.Proxy, "Empty: the proxy that apt is configured for, if any. Else http://HOST:PORT.")
	p := &formPage{title: "Upstream: where the catalogue comes from"}
	p.text = func() []string {
		return []string{"Fettle reads the signed archives of an upstream and makes a catalogue of updates of them."}
	}
	p.items = []*formItem{{label: "Debian: the archives that this computer's own apt is configured for", one: true, on: true}, w.proxy}
	p.check = func() error {
		s := w.proxy.value()
		if s != "" && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") || strings.ContainsAny(s, " \t\"'") {
			return errors.New("a proxy is written as http://HOST:PORT")
		}
		return nil
	}
	return p
}

func (w *updatesWizard) connectionPage() *formPage {
	c := w.c
	p := &formPage{title: "Connection test"}
	p.text = func() []string {
		switch {
		case c.o.Engine == nil:
			return []string{"Nothing runs in the background of this console, so that the connection cannot be tested."}
		case w.testing:
			return []string{"Testing whether the archives can be read."}
		case w.testErr != nil:
			return []string{"! The test failed: " + w.testErr.Error(), "", "Enter goes on nevertheless; Esc goes back."}
		}
		return append([]string{"The archives can be read:"}, w.tested...)
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

// debianClasses are the classifications that a Debian archive brings.
var debianClasses = []model.Classification{model.ClassSecurity, model.ClassUpdate}

func (w *updatesWizard) classesPage() *formPage {
	set := w.c.snap.Settings()
	p := &formPage{title: "Classifications: which sorts of updates are wanted"}
	p.text = func() []string {
		return []string{"What is not selected is not shown and not offered; it comes back when it is selected again."}
	}
	for _, k := range debianClasses {
		on := len(set.Classes) == 0
		for _, s := range set.Classes {
			on = on || s == k
		}
		it := &formItem{label: k.Title(), on: on}
		w.classes = append(w.classes, it)
		p.items = append(p.items, it)
	}
	p.check = func() error {
		for _, it := range w.classes {
			if it.on {
				return nil
			}
		}
		return errors.New("nothing is selected: Space selects an item")
	}
	return p
}

func (w *updatesWizard) productsPage() *formPage {
	w.products = textItem("Products", w.c.snap.Settings().Products, `Empty: all. Else a query on updates, such as product:"Debian 12 (bookworm)".`)
	p := &formPage{title: "Products: what updates are wanted for", items: []*formItem{w.products}}
	p.text = func() []string {
		titles := []string{}
		for _, cat := range w.c.snap.Categories() {
			if cat.Parent == "" && cat.Kind == model.CategoryProduct {
				titles = append(titles, cat.Title)
			}
		}
		return []string{"The catalogue knows: " + strings.Join(titles, ", ") + "."}
	}
	p.check = func() error {
		_, err := query.ParseUpdates(w.products.value())
		return err
	}
	return p
}

func (w *updatesWizard) contentPage() *formPage {
	p := &formPage{title: "Content: where computers take packages from"}
	p.text = func() []string { return nil }
	p.items = []*formItem{{label: "From the vendor", one: true, on: true, note: "Every computer downloads packages from the archives that its own apt is configured for; nothing is kept here."}}
	return p
}

func (w *updatesWizard) schedulePage() *formPage {
	old, known := w.before()
	w.custom = textItem("Another schedule", "", "N/day@HH:MM, N from 1 to 24: 4/day@03:00 is at 03, 09, 15 and 21.")
	w.schedule = []*formItem{
		{label: "Once a day, at 03:00", one: true}, {label: "Four times a day, from 03:00 on", one: true}, {label: "By hand only", one: true},
	}
	p := &formPage{title: "Schedule: when the catalogue is brought into step", items: append(append([]*formItem{}, w.schedule...), w.custom)}
	p.text = func() []string {
		return []string{"A time that passed while nothing ran is caught up soon after the start."}
	}
	if !known {
		w.schedule[1].on = true
	} else {
		found := false
		for i, s := range scheduleTexts {
			if old.Schedule.String() == s {
				w.schedule[i].on, found = true, true
			}
		}
		if !found {
			w.custom.field.SetValue(old.Schedule.String())
		}
	}
	p.check = func() error {
		_, err := model.ParseSyncSchedule(w.scheduleText())
		return err
	}
	return p
}

var scheduleTexts = []string{"1/day@03:00", "4/day@03:00", "manual"}

func (w *updatesWizard) scheduleText() string {
	if w.custom != nil && w.custom.value() != "" {
		return w.custom.value()
	}
	for i, it := range w.schedule {
		if it.on {
			return scheduleTexts[i]
		}
	}
	return "manual"
}

func (w *updatesWizard) initialPage() *formPage {
	c := w.c
	w.now = &formItem{label: "Synchronize now", one: true, on: true}
	w.later = &formItem{label: "Later", one: true, note: "At the next scheduled time, or when you start it (8, then s)."}
	p := &formPage{title: "Initial synchronization", items: []*formItem{w.now, w.later}}
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
		lines := []string{
			"Upstream          " + string(u.Kind) + "=" + u.Location + " (this computer's own archives)",
			"Proxy             " + orWord(u.Proxy, "as apt is configured"),
			"Classifications   " + w.classesText(),
		}
		if w.products != nil {
			lines = append(lines, "Products          "+orWord(w.products.value(), "all"))
		}
		first := "later"
		if w.now.on {
			first = "now"
		}
		return append(lines, "Content           "+contentText(model.ContentVendor), "Schedule          "+u.Schedule.String(), "Synchronization   "+first)
	}
	return p
}

func (w *updatesWizard) classesText() string {
	var titles []string
	for i, it := range w.classes {
		if it.on {
			titles = append(titles, debianClasses[i].Title())
		}
	}
	if len(titles) == len(debianClasses) {
		return "all"
	}
	return strings.Join(titles, ", ")
}

func (w *updatesWizard) finish() tea.Cmd {
	c := w.c
	u, set := w.upstream(), c.snap.Settings()
	set.Classes, set.Content = nil, model.ContentVendor
	if w.classesText() != "all" { // all of them means those that come later too
		for i, it := range w.classes {
			if it.on {
				set.Classes = append(set.Classes, debianClasses[i])
			}
		}
	}
	if w.products != nil {
		set.Products = w.products.value()
	}
	if old, ok := w.before(); ok {
		u.Options = old.Options
	}
	var then func(context.Context) error
	done := "updates are managed now"
	if w.now.on && c.o.Engine != nil {
		done += fmt.Sprintf("; the synchronization of %s was started", u.Name)
		then = func(ctx context.Context) error { return c.o.Engine.Synchronize(ctx, []string{u.Name}, c.actor) }
	}
	return c.finishWizard(w.f, model.Change{Kind: model.ChangeUpdates, Upstream: &u, Settings: &set}, then, done)
}
