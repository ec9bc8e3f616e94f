package console

import (
	"context"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
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
	bases       [2]baseCount // by base: all updates, and approved ones only
	views       []viewCount
	groups      []groupCount
	deployments []deploymentCount
}

// viewCount is how many updates a view has.
type viewCount struct {
	updateView
	updates, needed, failed int
}

// base says over which updates computers are counted: the two of semantics 3.6,
// which are never mixed. Both are computed, so that changing it is one key.
type base int

const (
	ofAll      base = iota // all updates that are not declined
	ofApproved             // those that are approved for the computer
)

// baseCount is how all computers stand over one base.
type baseCount struct {
	split   [4]int
	updates int
	known   int
	unknown string // why the others are not known
}

// label names the base.
func (b baseCount) label(of base) string {
	switch {
	case of == ofAll:
		return "of all updates"
	case b.updates == 1:
		return "of 1 approved update"
	}
	return "of " + count(b.updates) + " approved updates"
}

// groupCount is how a group stands.
type groupCount struct {
	id      model.GroupID
	name    string
	depth   int
	members int
	split   [2][4]int // by base
}

// compliance is the share of a group's computers that need nothing; those of
// which it is not known do not count as compliant.
func (g groupCount) compliance(of base) string {
	if g.members == 0 {
		return "-"
	}
	return percent(100 * float64(g.split[of][model.ComputerOK]) / float64(g.members))
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
	switch {
	case (a == keys.NextPane || a == keys.PrevPane) && len(o.sections()) < 2:
		return "there is no other pane"
	case a == keys.SwitchBase && o.data.managed == 0:
		return "no computer is counted yet"
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
		case keys.SwitchBase:
			o.c.saved.Approved = !o.c.saved.Approved
			o.c.say(0, [...]string{ofAll: "computers are counted over all updates", ofApproved: "computers are counted over approved updates only"}[o.base()])
			return o.c.save()
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

// base is what computers are counted over now: what this person chose last.
func (o *overview) base() base {
	if o.c.saved.Approved {
		return ofApproved
	}
	return ofAll
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
	approvedBases := snap.Bases()
	d.managed = int(snap.Members(model.GroupAll).GetCardinality())
	d.bases = countBases(snap, now, approvedBases[model.GroupAll])
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
		n.split = [2][4]int{ofAll: snap.Split(id), ofApproved: approvedBases[id].Split}
		d.groups = append(d.groups, n)
	}
	for _, dep := range snap.Deployments() {
		if len(d.deployments) == 5 || ctx.Err() != nil {
			break
		}
		if dep.Undone {
			continue
		}
		if p := snap.Progress(dep.ID, now); p != nil {
			d.deployments = append(d.deployments, deploymentCount{dep, p.Total})
		}
	}
	return d
}

// countBases counts all computers over both bases.
func countBases(snap *store.Snapshot, now time.Time, approved store.Basis) (bases [2]baseCount) {
	all, silent := snap.Members(model.GroupAll), roaring.New()
	for it := all.Iterator(); it.HasNext(); {
		n := it.Next()
		st := snap.ComputerState(n)
		if bases[ofAll].split[st]++; st == model.ComputerNoStatus {
			silent.Add(n)
		}
	}
	bases[ofAll].unknown = unknownWords(snap, now, silent)
	bases[ofApproved] = baseCount{split: approved.Split, updates: approved.Updates, unknown: unknownWords(snap, now, approved.NoStatus)}
	for i := range bases {
		bases[i].known = int(all.GetCardinality()) - bases[i].split[model.ComputerNoStatus]
	}
	return bases
}

// unknownWords counts why the status of computers is not known: three different
// things, which are never added up without saying so (semantics 3.7).
func unknownWords(snap *store.Snapshot, now time.Time, silent *roaring.Bitmap) string {
	if silent == nil {
		return ""
	}
	var n [4]int
	for it := silent.Iterator(); it.HasNext(); {
		n[snap.Unknown(it.Next(), now)]++
	}
	var words []string
	for why, text := range unknownTexts {
		if n[why] > 0 && text != "" {
			words = append(words, text+" "+count(n[why]))
		}
	}
	return strings.Join(words, ", ")
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
