package console

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

// updateView is a filter on updates that has a name.
type updateView struct {
	title  string
	filter string
	open   string // the filter to open it with when something in it is needed
	class  model.Classification
	hide   bool // only where it has anything
}

// updateViews are the views of the Overview and of the menu of views: those of
// semantics 1.3, and the one that a list begins with.
var updateViews = []updateView{
	{title: "Needed, not approved", filter: defaultFilter, open: defaultFilter},
	{title: "Security Updates", filter: "class:security", open: "class:security (needed:>0 or failed:>0)", class: model.ClassSecurity},
	{title: "Critical Updates", filter: "class:critical", open: "class:critical (needed:>0 or failed:>0)", class: model.ClassCritical, hide: true},
	{title: "Definition Updates", filter: "class:definition", open: "class:definition (needed:>0 or failed:>0)", class: model.ClassDefinition, hide: true},
	{title: "Failed", filter: "failed:>0", open: "failed:>0"},
	{title: "All Updates", filter: "", open: ""},
}

// overview is the first screen: what wants attention, and how it stands.
type overview struct {
	c       *Console
	request request
	data    overviewData
	ready   bool
	section int // that has the focus
	entry   int // in it
	top     int
	first   bool // the first task of the setup was done when it was last looked at
}

// overviewData is what the Overview shows, of one snapshot.
type overviewData struct {
	snap        *store.Snapshot
	notices     []model.Notice
	managed     int
	split       [4]int
	known       int
	views       []viewCount
	groups      []groupCount
	deployments []deploymentCount
}

// viewCount is how many updates a view has.
type viewCount struct {
	updateView
	updates, needed, failed int
}

// groupCount is how a group stands.
type groupCount struct {
	id      model.GroupID
	name    string
	depth   int
	members int
	split   [4]int
}

// compliance is the share of a group's computers that need nothing; those of
// which it is not known do not count as compliant.
func (g groupCount) compliance() string {
	if g.members == 0 {
		return "-"
	}
	return percent(100 * float64(g.split[model.ComputerOK]) / float64(g.members))
}

// deploymentCount is how far a deployment is.
type deploymentCount struct {
	deployment *model.Deployment
	total      store.Pairs
}

func newOverview(c *Console) pane { return &overview{c: c} }

// Title is the pane's part of the breadcrumbs.
func (o *overview) Title() string { return "Updates Overview" }

// Keys says which bindings can be used.
func (o *overview) Keys() paneKeys { return paneKeys{Scope: keys.Overview, Disabled: o.disabled} }

func (o *overview) disabled(a keys.Action) string {
	if (a == keys.NextPane || a == keys.PrevPane) && len(o.sections()) < 2 {
		return "there is no other pane"
	}
	return o.c.jobDisabled(a)
}

// jobDisabled says why a synchronization cannot be started or cancelled.
func (c *Console) jobDisabled(a keys.Action) string {
	_, running := c.running()
	switch {
	case a == keys.CancelJob && !running:
		return "no job is running"
	case a == keys.Synchronize && len(c.snap.Upstreams()) == 0:
		return "no upstream is configured yet"
	}
	return ""
}

// Update takes in an action.
func (o *overview) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return o.load()
	case do:
		sections := o.sections()
		switch keys.Action(msg) {
		case keys.Up:
			o.move(sections, -1)
		case keys.Down:
			o.move(sections, 1)
		case keys.NextPane:
			o.jump(sections, 1)
		case keys.PrevPane:
			o.jump(sections, len(sections)-1)
		case keys.Top:
			o.section, o.entry = 0, 0
			o.top = 0
		case keys.Bottom:
			o.section = len(sections) - 1
			o.entry = len(sections[o.section].entries) - 1
		case keys.Open:
			if e := o.focused(sections); e != nil && e.open != nil {
				return e.open()
			}
		case keys.Synchronize:
			return o.c.synchronize(nil)
		case keys.CancelJob:
			return o.c.cancelJob()
		case keys.Reload:
			return o.load()
		}
	}
	return nil
}

// synchronize starts a synchronization; it reports by itself afterwards.
func (c *Console) synchronize(names []string) tea.Cmd {
	if err := c.gate(); err != nil {
		return c.tell(err)
	}
	engine, actor, ctx := c.o.Engine, c.actor, c.ctx
	return func() tea.Msg {
		err := engine.Synchronize(ctx, names, actor)
		return c.onInterface(func() tea.Cmd { return c.tell(err) })
	}
}

// cancelJob cancels what the status line shows.
func (c *Console) cancelJob() tea.Cmd {
	if j, ok := c.running(); ok && c.o.Engine.Cancel(j.ID) {
		c.say(0, "cancelling: "+j.Name)
	}
	return nil
}

// load computes what is shown.
func (o *overview) load() tea.Cmd {
	snap, now := o.c.snap, o.c.now
	return o.request.start(o.c.ctx, func(ctx context.Context) func() tea.Cmd {
		d := newOverviewData(ctx, snap, now)
		return func() tea.Cmd {
			o.data, o.ready = d, true
			o.hold()
			// When one task is done the other one is next.
			if tasks := snap.Setup().Tasks(); !snap.Setup().Complete() && tasks[0].Done != o.first {
				o.first, o.section, o.entry = tasks[0].Done, 0, 0
				if o.first {
					o.entry = 1
				}
			}
			return nil
		}
	})
}

func newOverviewData(ctx context.Context, snap *store.Snapshot, now time.Time) overviewData {
	d := overviewData{snap: snap, notices: snap.Notices(now)}
	if !snap.Loaded() || !snap.Setup().Complete() {
		return d
	}
	d.split = snap.Split(model.GroupAll)
	for _, n := range d.split {
		d.managed += n
	}
	d.known = d.managed - d.split[model.ComputerNoStatus]
	d.views = make([]viewCount, len(updateViews))
	for i, v := range updateViews {
		d.views[i].updateView = v
	}
	for i, r := range snap.Updates() {
		if i%1024 == 0 && ctx.Err() != nil {
			return d
		}
		if r.Has(model.FlagDeclined) {
			continue
		}
		c := snap.Counts(r.Number, model.GroupAll)
		for j := range d.views {
			v := &d.views[j]
			switch {
			case v.class != model.ClassUnknown && r.Class != v.class, v.filter == "failed:>0" && c.Failed == 0,
				v.filter == defaultFilter && (c.Needed+c.Failed == 0 || approved(snap, r.Number)):
				continue
			}
			v.updates++
			if c.Needed > 0 {
				v.needed++
			}
			if c.Failed > 0 {
				v.failed++
			}
		}
	}
	for _, id := range snap.Groups().Order() {
		g := snap.Groups().Group(id)
		n := groupCount{id: id, name: model.Clean(g.Name), depth: snap.Groups().Depth(id), members: int(snap.Members(id).GetCardinality())}
		if n.members == 0 && g.Predefined() && id != model.GroupAll {
			continue // there are no such computers
		}
		n.split = snap.Split(id)
		d.groups = append(d.groups, n)
	}
	for _, dep := range snap.Deployments() {
		if len(d.deployments) == 5 || ctx.Err() != nil {
			break
		}
		if dep.Undone {
			continue
		}
		if p := snap.Progress(dep.ID); p != nil {
			d.deployments = append(d.deployments, deploymentCount{dep, p.Total})
		}
	}
	return d
}

// approved says whether any group has an Install approval of an update.
func approved(snap *store.Snapshot, n uint32) bool {
	for _, a := range snap.Approvals(n) {
		if a.Action == model.ActionInstall {
			return true
		}
	}
	return false
}

// part is one pane of the Overview.
type part struct {
	title   string
	entries []entry
	half    bool // it may stand beside another one
}

// entry is one line that Enter opens, with lines below it that belong to it.
type entry struct {
	text  string
	right string
	style theme.Style
	more  []string
	open  func() tea.Cmd
}

// sections lays out the panes.
func (o *overview) sections() []part {
	if !o.c.snap.Setup().Complete() {
		return []part{o.tasks()}
	}
	if !o.ready || !o.data.snap.Loaded() {
		return []part{{title: "Notices", entries: []entry{{text: "loading the catalogue"}}}, o.synchronizations()}
	}
	parts := []part{o.notices(), o.computers(), o.views(), o.groups(), o.deployments(), o.synchronizations()}
	if o.c.o.Reporter != nil {
		parts = append(parts, o.reports())
	}
	return parts
}

// tasks is the notice of the setup gate, with its tasks.
func (o *overview) tasks() part {
	c := o.c
	p := part{title: "SETUP  " + model.SetupIncomplete}
	for _, t := range c.snap.Setup().Tasks() {
		box := "[ ] "
		if t.Done {
			box = "[x] "
		}
		e := entry{text: box + t.Wizard, right: "Enter opens it", more: []string{"    " + t.Purpose}}
		if t.Done {
			e.right = "done"
		}
		e.open = func() tea.Cmd { return c.open("setup-"+t.Short, "") }
		p.entries = append(p.entries, e)
	}
	return p
}

func (o *overview) notices() part {
	c := o.c
	p := part{title: "Notices"}
	for _, n := range o.data.notices {
		style := c.styles.Info
		switch n.Level {
		case model.NoticeWarning:
			style = c.styles.Warn
		case model.NoticeError:
			style = c.styles.Bad
		case model.NoticeSetup:
			style = c.styles.Setup
		}
		p.entries = append(p.entries, entry{text: fmt.Sprintf("%-5s %s", n.Level, n.Text), style: style, open: func() tea.Cmd { return c.open(n.View, n.Filter) }})
	}
	if len(p.entries) == 0 {
		p.entries = []entry{{text: "ok    Nothing wants attention.", style: c.styles.Good}}
	}
	return p
}

// stateWords are the words of the four-way split in the order in which they are
// shown, the worst first (semantics 3.6).
var stateWords = []struct {
	state  model.ComputerState
	word   string
	filter string
}{
	{model.ComputerFailed, "failed", "status:failed"}, {model.ComputerNeeded, "needed", "status:needed"},
	{model.ComputerNoStatus, "no status", "status:no-status"}, {model.ComputerOK, "ok", "status:ok"},
}

func (o *overview) computers() part {
	c := o.c
	known := "nothing known yet"
	if o.data.managed > 0 {
		known = fmt.Sprintf("%s of %s known", count(o.data.known), count(o.data.managed))
	}
	p := part{title: "Computers: " + known}
	if o.data.managed == 0 {
		p.entries = []entry{{text: "No computer has reported yet.", open: func() tea.Cmd { return c.open("computers", "") }}}
		return p
	}
	var words []string
	worst := ""
	for _, s := range stateWords {
		if n := o.data.split[s.state]; n > 0 {
			words = append(words, s.word+" "+count(n))
			if worst == "" {
				worst = s.filter
			}
		}
	}
	e := entry{text: bar(c.styles, o.data.split, 20) + " " + strings.Join(words, c.styles.Glyphs.Dot), open: func() tea.Cmd { return c.open("computers", "") }}
	p.entries = []entry{e}
	return p
}

// bar draws the four-way split in w columns: one letter a state, so that it can
// be read without colour.
func bar(st *theme.Styles, split [4]int, w int) string {
	total := split[0] + split[1] + split[2] + split[3]
	if total == 0 {
		return "[" + layout.Blanks(w) + "]"
	}
	var b strings.Builder
	used, sum := 0, 0
	for _, s := range stateWords {
		sum += split[s.state]
		n := sum*w/total - used
		if split[s.state] > 0 && n == 0 && used < w {
			n = 1 // what exists is seen
		}
		b.WriteString(strings.Repeat(map[model.ComputerState]string{model.ComputerFailed: "F", model.ComputerNeeded: "n", model.ComputerNoStatus: "?", model.ComputerOK: "="}[s.state], n))
		used += n
	}
	text := b.String()
	return "[" + layout.Fit(text, w, "") + "]"
}

func (o *overview) views() part {
	c := o.c
	p := part{title: "Updates|needed failed", half: true}
	for _, v := range o.data.views {
		if v.hide && v.updates == 0 {
			continue
		}
		filter := v.filter
		if v.needed+v.failed > 0 {
			filter = v.open
		}
		e := entry{text: v.title, right: fmt.Sprintf("%6s %6s", count(v.needed), count(v.failed)), open: func() tea.Cmd { return c.open("updates", filter) }}
		if v.failed > 0 {
			e.style = c.styles.Bad
		} else if v.class == model.ClassSecurity && v.needed > 0 {
			e.style = c.styles.Warn
		}
		p.entries = append(p.entries, e)
	}
	return p
}

func (o *overview) groups() part {
	c := o.c
	p := part{title: "Groups|members  ok", half: true}
	for _, g := range o.data.groups {
		p.entries = append(p.entries, entry{text: layout.Blanks(2*g.depth) + g.name, right: fmt.Sprintf("%6s %5s", count(g.members), g.compliance()),
			open: func() tea.Cmd { return c.open("computers", groupFilter(g.name)) }})
	}
	return p
}

// groupFilter is the query for the computers of a group.
func groupFilter(name string) string {
	return `group:"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

func (o *overview) deployments() part {
	c := o.c
	p := part{title: "Deployments|installed", half: true}
	for _, d := range o.data.deployments {
		right := percent(d.total.Percent())
		if d.total.Applicable == 0 {
			right = "nothing due"
		}
		e := entry{text: d.deployment.Name, right: right, open: func() tea.Cmd {
			return tea.Batch(c.visitScreen(keys.ToDeploy), c.push(newDeployment(c, d.deployment.ID)))
		}}
		if d.total.Failed > 0 {
			e.right, e.style = count(d.total.Failed)+" failed, "+right, c.styles.Bad
		}
		p.entries = append(p.entries, e)
	}
	if len(p.entries) == 0 {
		p.entries = []entry{{text: "none yet: in Updates, a approves", open: func() tea.Cmd { return c.open("updates", defaultFilter) }}}
	}
	return p
}

func (o *overview) synchronizations() part {
	c := o.c
	p := part{title: "Synchronization", half: true}
	open := func() tea.Cmd { return c.visitScreen(keys.ToSync) }
	if j, ok := c.running(); ok {
		text := c.jobLine(j)
		if j.Progress.Total > 0 {
			text = progressBar(c.styles, j.Progress, 10) + " " + text
		}
		p.entries = append(p.entries, entry{text: text, style: c.styles.Info, open: open})
	}
	for _, u := range c.snap.Upstreams() {
		e := entry{text: model.Clean(u.Name) + ": never run", open: open, style: c.styles.Warn}
		if r := c.snap.LastRun(u.Name); r != nil {
			e.text, e.style = fmt.Sprintf("%s: %s %s", model.Clean(u.Name), c.when(r.Ended), r.Result), theme.Style{}
			if r.Result == model.SyncFailed {
				e.style = c.styles.Bad
			}
		}
		e.right = "next " + c.nextSync(u)
		p.entries = append(p.entries, e)
	}
	if len(p.entries) == 0 {
		p.entries = []entry{{text: "no upstream", open: open}}
	}
	return p
}

// nextSync says when an upstream is synchronized next by itself.
func (c *Console) nextSync(u model.Upstream) string {
	var t time.Time
	if c.o.Engine != nil {
		t = c.o.Engine.Next(u)
	}
	if t.IsZero() {
		return "by hand"
	}
	return c.when(t)
}

// progressBar draws how far a job is.
func progressBar(st *theme.Styles, p model.Progress, w int) string {
	n := 0
	if p.Total > 0 {
		n = int(min(p.Done, p.Total) * int64(w) / p.Total)
	}
	return strings.Repeat(st.Glyphs.Full, n) + strings.Repeat(st.Glyphs.Empty, w-n)
}

func (o *overview) reports() part {
	c := o.c
	p := part{title: "Reports"}
	for _, r := range c.o.Reporter.Reports() {
		p.entries = append(p.entries, entry{text: r.Title, right: r.Name, open: func() tea.Cmd {
			return tea.Batch(c.visitScreen(keys.ToReports), c.push(newReport(c, r)))
		}})
	}
	return p
}

// hold keeps the focus on something that exists.
func (o *overview) hold() {
	s := o.sections()
	o.section = max(0, min(o.section, len(s)-1))
	o.entry = max(0, min(o.entry, len(s[o.section].entries)-1))
}

func (o *overview) focused(s []part) *entry {
	if o.section >= len(s) || o.entry >= len(s[o.section].entries) {
		return nil
	}
	return &s[o.section].entries[o.entry]
}

// move moves the focus by one entry, over the borders of panes.
func (o *overview) move(s []part, n int) {
	o.entry += n
	switch {
	case o.entry < 0 && o.section > 0:
		o.section--
		o.entry = len(s[o.section].entries) - 1
	case o.section < len(s)-1 && o.entry >= len(s[o.section].entries):
		o.section, o.entry = o.section+1, 0
	}
	o.hold()
}

func (o *overview) jump(s []part, n int) {
	o.section, o.entry = (o.section+n)%len(s), 0
}

// twoColumns is from which width on panes stand beside each other.
const twoColumns = 76

// View draws all panes as one page, scrolled to the focus.
func (o *overview) View(w, h int) string {
	o.hold()
	s := o.sections()
	var page []string
	focus, last := 0, 0
	for i := 0; i < len(s); i++ {
		if s[i].half && i+1 < len(s) && s[i+1].half && w >= twoColumns {
			lw := (w - 2) / 2
			left, at, to := o.draw(s, i, lw)
			right, at2, to2 := o.draw(s, i+1, w-2-lw)
			if at >= 0 {
				focus, last = len(page)+at, len(page)+to
			}
			if at2 >= 0 {
				focus, last = len(page)+at2, len(page)+to2
			}
			for j := range max(len(left), len(right)) {
				l, r := layout.Blanks(lw), ""
				if j < len(left) {
					l = left[j]
				}
				if j < len(right) {
					r = right[j]
				}
				page = append(page, l+"  "+r)
			}
			i++
		} else {
			lines, at, to := o.draw(s, i, w)
			if at >= 0 {
				focus, last = len(page)+at, len(page)+to
			}
			page = append(page, lines...)
		}
	}
	if !o.c.snap.Setup().Complete() {
		page = append(page, o.welcome(w)...)
	}
	if focus-1 < o.top { // the title above it too
		o.top = focus - 1
	}
	if last >= o.top+h {
		o.top = last - h + 1
	}
	o.top = max(0, min(o.top, len(page)-h))
	return strings.Join(page[o.top:min(len(page), o.top+h)], "\n")
}

// draw draws one pane in w columns, and says which of its lines have the focus.
func (o *overview) draw(s []part, i, w int) (lines []string, at, to int) {
	c := o.c
	at = -1
	title, right, _ := strings.Cut(s[i].title, "|")
	head := layout.Ends(" "+title, right, w, c.styles.Glyphs.Tail)
	st := c.styles.Header
	if strings.HasPrefix(title, "SETUP") {
		st = c.styles.Setup
	}
	lines = append(lines, st.Render(head))
	for j, e := range s[i].entries {
		lead := "  "
		here := i == o.section && j == o.entry
		if here {
			lead = "> "
			at = len(lines)
		}
		text := layout.Ends(lead+model.Clean(e.text), e.right, w, c.styles.Glyphs.Tail)
		parts := []string{text}
		if here && e.right == "" && layout.Width(e.text) > w-2 {
			parts = nil // what has the focus is shown whole
			for k, l := range layout.Wrap(model.Clean(e.text), w-2) {
				if k > 0 {
					lead = "  "
				}
				parts = append(parts, layout.Fit(lead+l, w, ""))
			}
		}
		for _, l := range parts {
			switch {
			case here:
				l = c.styles.Cursor.Render(l)
			default:
				l = e.style.Render(l)
			}
			lines = append(lines, l)
		}
		for _, m := range e.more {
			lines = append(lines, c.styles.Muted.Render(layout.Fit("  "+m, w, c.styles.Glyphs.Tail)))
		}
		if here {
			to = len(lines) - 1
		}
	}
	return lines, at, to
}

// welcome is what a newcomer reads below the tasks.
func (o *overview) welcome(w int) []string {
	text := []string{"",
		"You must complete these tasks before you can manage updates: Up and Down choose one, Enter opens it. Each takes less than a minute, and nothing is installed before you approve it.",
		"",
		"Fettle keeps the software of many computers in good order: it finds out which updates each computer needs, you approve those you want, and every computer installs what was approved for its groups.",
		"",
		"?  shows all keys and explains the words.   q  quits."}
	var lines []string
	for _, t := range text {
		for _, l := range layout.Wrap(t, w-4) {
			lines = append(lines, "  "+l)
		}
	}
	return lines
}
