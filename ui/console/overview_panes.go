package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

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
		p.entries = append(p.entries, entry{text: fmt.Sprintf("%-5s %s", n.Level, n.Text), style: style, open: func() tea.Cmd { return c.follow(n) }})
	}
	if len(p.entries) == 0 {
		p.entries = []entry{{text: "ok    Nothing wants attention.", style: c.styles.Good}}
	}
	return p
}

// follow goes where a notice leads. What the store tells leads to a list that
// every interface has; here there may be a screen that does more.
func (c *Console) follow(n model.Notice) tea.Cmd {
	switch n.Kind {
	case "proposals":
		return c.visitScreen(keys.ToPending)
	case "superseded":
		return c.visitScreen(keys.ToCleanup)
	}
	return c.open(n.View, n.Filter)
}

// stateWords are the words of the four-way split in the order in which they are
// shown, the worst first (semantics 3.6).
var stateWords = []struct {
	state model.ComputerState
	word  string
}{
	{model.ComputerFailed, "failed"}, {model.ComputerNeeded, "needed"}, {model.ComputerNoStatus, "no status"}, {model.ComputerOK, "ok"},
}

func (o *overview) computers() part {
	c := o.c
	known, b := "nothing known yet", o.data.bases[o.base()]
	if o.data.managed > 0 {
		known = fmt.Sprintf("%s of %s known|%s", count(b.known), count(o.data.managed), b.label(o.base()))
	}
	p := part{title: "Computers: " + known}
	if o.data.managed == 0 {
		p.entries = []entry{{text: "No computer has reported yet.", open: func() tea.Cmd { return c.open("computers", "") }}}
		return p
	}
	var words []string
	for _, s := range stateWords {
		if n := b.split[s.state]; n > 0 {
			words = append(words, s.word+" "+count(n))
		}
	}
	e := entry{text: bar(c.styles, b.split, 20) + " " + strings.Join(words, c.styles.Glyphs.Dot), open: func() tea.Cmd { return c.open("computers", "") }}
	if b.unknown != "" {
		e.more = []string{"no status, because: " + b.unknown}
	}
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
	p := part{title: "Updates, of all|needed failed", half: true}
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
	of := o.base()
	p := part{title: [...]string{ofAll: "Groups, all updates", ofApproved: "Groups, approved ones"}[of] + "| all   ?    ok", half: true}
	for _, g := range o.data.groups {
		p.entries = append(p.entries, entry{text: layout.Blanks(2*g.depth) + g.name, right: fmt.Sprintf("%4s %3s %5s", count(g.members), zero(g.split[of][model.ComputerNoStatus]), g.compliance(of)),
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
	p := part{title: "Deployments|installed, F failed, ? unknown", half: true}
	for _, d := range o.data.deployments {
		right := share(d.total)
		if d.total.Failed > 0 {
			right += ", F " + count(d.total.Failed)
		}
		if d.total.Unknown > 0 {
			right += ", ? " + count(d.total.Unknown)
		}
		e := entry{text: d.deployment.Name, right: right, open: func() tea.Cmd {
			return tea.Batch(c.visitScreen(keys.ToDeploy), c.push(newDeployment(c, d.deployment.ID)))
		}}
		if d.total.Failed > 0 {
			e.style = c.styles.Bad
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
	for _, name := range c.imported() {
		e := entry{text: model.Clean(name) + ": not complete yet", right: "imported", open: open}
		if r := c.snap.LastRun(name); r != nil {
			e.text = fmt.Sprintf("%s: %s %s", model.Clean(name), c.when(r.Ended), r.Result)
			if r.Result == model.SyncFailed {
				e.style = c.styles.Bad
			}
		}
		p.entries = append(p.entries, e)
	}
	if len(p.entries) == 0 {
		p.entries = []entry{{text: "no upstream", open: open}}
	}
	return p
}

// imported names what was carried in under names of its own: that needs no
// upstream that is configured.
func (c *Console) imported() []string {
	known := map[string]bool{}
	for _, u := range c.snap.Upstreams() {
		known[u.Name] = true
	}
	var names []string
	for _, r := range c.snap.Runs() {
		if !known[r.Upstream] {
			known[r.Upstream] = true
			names = append(names, r.Upstream)
		}
	}
	slices.Sort(names)
	return names
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
