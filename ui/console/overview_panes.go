package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/plot"
	"fettle/ui/console/theme"
)

// sections lays out the panes. On the page each shows as much as leaves room for
// the others; zoomed, all that it has.
func (o *overview) sections() []part {
	if !o.c.snap.Setup().Complete() {
		return []part{o.tasks()}
	}
	if !o.ready || !o.data.snap.Loaded() {
		return []part{{name: "Notices", entries: []entry{{text: "loading the catalogue"}}}, o.synchronizations()}
	}
	parts := []part{o.notices(), o.computers(), o.views(), o.groups(), o.deployments(), o.synchronizations(), o.trend()}
	if o.c.o.Reporter != nil {
		parts = append(parts, o.reports())
	}
	if !o.zoom {
		for i := range parts {
			o.shorten(&parts[i])
		}
	}
	return parts
}

// room is how many entries each pane shows on the page, on a screen of 60x15, of
// 80x24 and of 120x40: at 80x24 what is wrong, how the computers stand and what
// is needed are seen without scrolling.
var room = map[string][3]int{"Notices": {4, 6, 12}, "Groups": {8, 8, 8}, "Deployments": {3, 3, 6}, "Synchronization": {3, 3, 6}, "Reports": {6, 6, 12}}

// From which heights of the page on there is the room of a larger screen.
const (
	medium = 16
	tall   = 30
)

// shorten leaves out what there is no room for, and says how much.
func (o *overview) shorten(p *part) {
	n, ok := room[p.name]
	most := n[0]
	switch {
	case o.height >= tall:
		most = n[2]
	case o.height >= medium:
		most = n[1]
	}
	if !ok || len(p.entries) <= most {
		return
	}
	rest := len(p.entries) - most + 1
	more := entry{id: "more", text: fmt.Sprintf("and %s more", count(rest)), style: o.c.styles.Muted, hint: o.c.label(keys.Open) + " shows all of them"}
	if k := o.c.label(keys.Zoom); k != "" {
		more.right = k + " shows all"
	}
	more.open = func() tea.Cmd {
		o.zoomTo(true)
		return nil
	}
	p.entries = append(p.entries[:most-1:most-1], more)
}

// label is the key of an action, as it is bound; empty when it has none.
func (c *Console) label(a keys.Action) string {
	if b := c.keys.Action(a); b != nil {
		return b.Label()
	}
	return ""
}

// with says what a key does: "z draws it large"; nothing where there is no key.
func (c *Console) with(a keys.Action, does string) string {
	if k := c.label(a); k != "" {
		return k + " " + does
	}
	return ""
}

// sentence joins what can be done.
func sentence(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// tasks is the notice of the setup gate, with its tasks.
func (o *overview) tasks() part {
	c := o.c
	p := part{name: "SETUP", says: model.SetupIncomplete, setup: true}
	for _, t := range c.snap.Setup().Tasks() {
		box := "[ ] "
		if t.Done {
			box = "[x] "
		}
		e := entry{id: t.Short, text: box + t.Wizard, right: c.with(keys.Open, "opens it"), more: []string{"    " + t.Purpose}, hint: "The same from a command line: " + t.Command}
		if t.Done {
			e.right = "done"
		}
		e.open = func() tea.Cmd { return c.open("setup-"+t.Short, "") }
		p.entries = append(p.entries, e)
	}
	return p
}

// stateWords are the words of the four-way split in the order in which they are
// shown, the worst first (semantics 3.6).
var stateWords = []struct {
	state  model.ComputerState
	word   string
	letter string // in bars
	filter string
}{
	{model.ComputerFailed, "failed", "F", "status:failed"}, {model.ComputerNeeded, "needed", "n", "status:needed"},
	{model.ComputerNoStatus, "no status", "?", "status:no-status"}, {model.ComputerOK, "ok", "=", "status:ok"},
}

func (o *overview) computers() part {
	c := o.c
	b := o.data.bases[o.base()]
	p := part{name: "Computers", says: "nothing known yet"}
	open := func(filter string) func() tea.Cmd { return func() tea.Cmd { return c.open("computers", filter) } }
	if o.data.managed == 0 {
		p.entries = []entry{{id: "none", text: "Bring some under management, or let this one check in.", hint: c.with(keys.Open, "shows the computers"), open: open("")}}
		return p
	}
	p.says, p.right = fmt.Sprintf("%s of %s known", count(b.known), count(o.data.managed)), b.label(o.base())
	var words []string
	for _, s := range stateWords {
		if n := b.split[s.state]; n > 0 {
			words = append(words, s.word+" "+count(n))
		}
	}
	e := entry{id: "bar", text: bar(c.styles, b.split, max(20, min(40, o.width/4))) + " " + strings.Join(words, c.styles.Glyphs.Dot), open: open(""),
		hint: sentence(c.with(keys.Open, "shows the computers, the worst first"), c.with(keys.SwitchBase, "counts over approved updates only, or over all"))}
	if why := b.reasons(); why != "" {
		e.more = []string{"no status, because: " + why}
	}
	p.entries = []entry{e}
	if !o.zoom {
		return p
	}
	for _, s := range stateWords {
		n := b.split[s.state]
		e := entry{id: s.word, text: layout.Fit(s.word, 12, "") + plot.Bar(float64(n), float64(o.data.managed), max(10, o.width-40), plot.On(c.styles.Terminal)),
			right: fmt.Sprintf("%s %6s", count(n), percent(100*float64(n)/float64(o.data.managed)))}
		if o.base() == ofAll {
			e.open, e.hint = open(s.filter), c.with(keys.Open, "shows "+counted(n, "computer", "computers")+": "+s.filter)
		} else {
			e.hint = "lists of computers count over all updates: " + c.with(keys.SwitchBase, "does so here, too")
		}
		p.entries = append(p.entries, e)
	}
	for why, filter := range map[model.UnknownReason]string{model.UnknownNeverReported: "why:never-reported", model.UnknownStale: "why:stale", model.UnknownNewer: "why:newer-than-report"} {
		if n := b.unknown[why]; n > 0 {
			p.entries = append(p.entries, entry{id: filter, text: "no status, because: " + unknownTexts[why], right: count(n), open: open(filter), hint: c.with(keys.Open, "shows them: "+filter)})
		}
	}
	slices.SortStableFunc(p.entries[1+len(stateWords):], func(a, b entry) int { return strings.Compare(a.id, b.id) })
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
		b.WriteString(strings.Repeat(s.letter, n))
		used += n
	}
	return "[" + layout.Fit(b.String(), w, "") + "]"
}

// brief writes a number in at most five columns.
func brief(n int) string {
	if n < 10_000 {
		return count(n)
	}
	return plot.Number(float64(n))
}

func (o *overview) views() part {
	c := o.c
	p := part{name: "Updates", right: "needed failed", half: true}
	if o.zoom {
		p.says, p.right = "by view", "    all  needed  failed"
	}
	decide := entry{id: "triage", text: "Nothing is to be decided.", style: c.styles.Good, open: func() tea.Cmd { return c.open("updates", defaultFilter) }}
	if n := o.data.decide; n > 0 {
		decide.text, decide.style = counted(n, "update is to be decided", "updates are to be decided"), theme.Style{}
		decide.hint = c.with(keys.Open, "shows the updates that are needed and not approved")
		if a, ok := screenNamed("triage"); ok {
			decide.right, decide.open = c.label(a), func() tea.Cmd { return c.visitScreen(a) }
			decide.hint = sentence(c.with(keys.Open, "goes through them, the worst first"), c.with(a, "does so from anywhere"))
		}
	}
	p.entries = append(p.entries, decide)
	for _, v := range o.data.views {
		e := entry{id: v.title, text: v.title, open: func() tea.Cmd { return c.open("updates", v.open()) }}
		switch {
		case v.updates == 0:
			e.right, e.style, e.hint = "none", c.styles.Muted, "there is no such update"
		case o.zoom:
			e.right = fmt.Sprintf("%7s %7s %7s", count(v.updates), count(v.needed), count(v.failed))
		default:
			e.right = fmt.Sprintf("%6s %6s", brief(v.needed), brief(v.failed))
		}
		if v.counted > 0 {
			e.hint = c.with(keys.Open, fmt.Sprintf("shows %s: %s", counted(v.counted, "update", "updates"), v.open()))
		} else if v.updates > 0 {
			e.hint = c.with(keys.Open, "shows all "+count(v.updates)+"; no computer needs one of them")
		}
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
	c, of := o.c, o.base()
	p := part{name: "Groups", says: [...]string{ofAll: "all updates", ofApproved: "approved ones"}[of], right: "all   ?    ok", half: true}
	if o.zoom {
		p.right = "computers  failed  needed  no status      ok  compliant"
	}
	for _, g := range o.data.groups {
		split := g.split[of]
		e := entry{id: string(g.id), text: layout.Blanks(2*g.depth) + g.name, right: fmt.Sprintf("%4s %3s %5s", brief(g.members), zero(split[model.ComputerNoStatus]), g.compliance(of)),
			hint: c.with(keys.Open, "shows "+counted(g.members, "computer", "computers")+"; ? have no status, ok is the share that needs nothing"),
			open: func() tea.Cmd { return c.open("computers", groupFilter(g.name)) }}
		if o.zoom {
			e.right = fmt.Sprintf("%9s %7s %7s %10s %7s %10s", count(g.members), zero(split[model.ComputerFailed]), zero(split[model.ComputerNeeded]), zero(split[model.ComputerNoStatus]), zero(split[model.ComputerOK]), g.compliance(of))
		}
		p.entries = append(p.entries, e)
	}
	return p
}

// groupFilter is the query for the computers of a group.
func groupFilter(name string) string {
	return `group:"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

func (o *overview) deployments() part {
	c := o.c
	p := part{name: "Deployments", half: true}
	running := 0
	for _, d := range o.data.deployments {
		if !d.done() {
			running++
		}
	}
	if len(o.data.deployments) > 0 {
		p.says = count(running) + " in progress"
	}
	for _, d := range o.data.deployments {
		e := entry{id: fmt.Sprint(d.deployment.ID), right: o.progress(d.total), text: d.deployment.Name, hint: c.with(keys.Open, "shows it by group, update and computer: ") + c.pairs(d.total),
			open: func() tea.Cmd {
				return tea.Batch(c.visitScreen(keys.ToDeploy), c.push(newDeployment(c, d.deployment.ID)))
			}}
		switch {
		case d.total.Failed > 0:
			e.style = c.styles.Bad
		case d.done():
			e.style = c.styles.Muted
		}
		if o.zoom {
			e.more = []string{"    " + c.pairs(d.total), "    made " + c.when(d.deployment.Time) + " by " + d.deployment.Author}
		} else if d.done() && running > 0 {
			continue // what is finished wants no attention
		}
		p.entries = append(p.entries, e)
	}
	if o.data.older && o.zoom {
		p.entries = append(p.entries, entry{id: "older", text: "and older ones", style: c.styles.Muted, hint: c.with(keys.Open, "shows all deployments"), open: func() tea.Cmd { return c.visitScreen(keys.ToDeploy) }})
	}
	if len(p.entries) == 0 {
		p.entries = []entry{{id: "none", text: "none yet: in Updates, " + c.with(keys.ApproveIt, "approves"), hint: c.with(keys.Open, "shows the updates that are needed and not approved"),
			open: func() tea.Cmd { return c.open("updates", defaultFilter) }}}
	}
	return p
}

// wideBars is from which width on the bars of deployments have numbers.
const wideBars = 110

// progress is how far a deployment is, as a bar and in words.
func (o *overview) progress(t store.Pairs) string {
	p, ok := t.Percent()
	switch {
	case !ok:
		return share(t)
	case !o.zoom && o.width < wideBars:
		return o.c.pairsBar(t, 6) + " " + percent(p)
	}
	text := share(t)
	if t.Failed > 0 {
		text += ", F " + count(t.Failed)
	}
	if t.Unknown > 0 {
		text += ", ? " + count(t.Unknown)
	}
	return o.c.pairsBar(t, 20) + " " + text
}

func (o *overview) synchronizations() part {
	c := o.c
	p := part{name: "Synchronization", half: true}
	open := func() tea.Cmd { return c.visitScreen(keys.ToSync) }
	hint := sentence(c.with(keys.Open, "shows what each run changed"), c.with(keys.Synchronize, "synchronizes now"))
	if j, ok := c.running(); ok {
		cancel := c.with(keys.CancelJob, "cancels")
		e := entry{id: "job", text: c.jobLine(j), right: cancel, style: c.styles.Info, open: open, hint: sentence(cancel, c.jobLine(j))}
		if j.Progress.Total > 0 {
			e.text = progressBar(c.styles, j.Progress, 10) + " " + e.text
		}
		p.entries = append(p.entries, e)
	}
	add := func(name, never, right string, more ...string) {
		e := entry{id: name, text: model.Clean(name) + ": " + never, right: right, open: open, hint: hint, style: c.styles.Warn}
		if r := c.snap.LastRun(name); r != nil {
			e.text, e.style = fmt.Sprintf("%s: %s %s", model.Clean(name), c.when(r.Ended), r.Result), theme.Style{}
			if r.Result == model.SyncFailed {
				e.style = c.styles.Bad
				more = append(more, "why: "+r.Error)
			}
			more = append(more, fmt.Sprintf("new %s, revised %s, expired %s, withdrawn %s, not imported %s; it took %s",
				count(len(r.New)), count(len(r.Revised)), count(len(r.Expired)), count(len(r.Withdrawn)), count(len(r.Failures)), duration(r.Ended.Sub(r.Started))))
		}
		if o.zoom {
			for _, m := range more {
				e.more = append(e.more, "    "+m)
			}
		}
		p.entries = append(p.entries, e)
	}
	for _, u := range c.snap.Upstreams() {
		add(u.Name, "never run", "next "+c.nextSync(u), fmt.Sprintf("%s=%s, %s", u.Kind, u.Location, u.Schedule))
	}
	for _, name := range c.imported() {
		add(name, "not complete yet", "imported")
	}
	if len(p.entries) == 0 {
		p.entries = []entry{{id: "none", text: "no upstream", open: open, hint: hint}}
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
	p := part{name: "Reports", half: true}
	for _, r := range c.o.Reporter.Reports() {
		e := entry{id: r.Name, text: r.Title, hint: r.Answers, open: func() tea.Cmd {
			return tea.Batch(c.visitScreen(keys.ToReports), c.push(newReport(c, r)))
		}}
		if o.zoom {
			e.right, e.more = r.Name, []string{"    " + r.Answers}
		}
		p.entries = append(p.entries, e)
	}
	return p
}
