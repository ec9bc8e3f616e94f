package console

import (
	"context"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
)

// overview is the first screen: what wants attention, and how it stands. It is
// one page of panes, the most pressing first, which scrolls where the screen is
// small; the pane that has the focus can be zoomed to the whole screen, where it
// shows everything that it has.
//
// Nothing moves when facts change: the focus is on a pane by its name and on an
// entry by its identity, and stays on its line of the screen.
type overview struct {
	c       *Console
	request request
	again   bool // something changed while the data were computed
	data    overviewData
	ready   bool
	first   bool // the first task of the setup was done when it was last looked at

	pane  string // that has the focus, by name
	id    string // of the entry in it
	entry int    // where that was, for when it is gone
	zoom  bool

	width, height int
	top, pageTop  int // the first line that is shown; that of the page, while a pane is zoomed
	line          int // of the focus in what was drawn last
	moved         bool
	hits          []hit
}

func newOverview(c *Console) pane { return &overview{c: c} }

// Title is the pane's part of the breadcrumbs.
func (o *overview) Title() string {
	if o.zoom {
		return "Updates Overview > " + o.pane
	}
	return "Updates Overview"
}

// Facts says which pane has the focus.
func (o *overview) Facts() string {
	s := o.sections()
	if len(s) < 2 || o.zoom {
		return "" // the title says it
	}
	at, _ := o.place(s)
	return s[at].name
}

// Keys says which bindings can be used.
func (o *overview) Keys() paneKeys { return paneKeys{Scope: keys.Overview, Disabled: o.disabled} }

func (o *overview) disabled(a keys.Action) string {
	switch {
	case (a == keys.NextPane || a == keys.PrevPane || a == keys.Zoom) && len(o.sections()) < 2:
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

// Step leaves the zoom.
func (o *overview) Step() (tea.Cmd, bool) {
	if !o.zoom {
		return nil, false
	}
	o.zoomTo(false)
	return nil, true
}

// zoomTo shows the pane that has the focus alone, or all of them again.
func (o *overview) zoomTo(on bool) {
	if on {
		at, _ := o.place(o.sections())
		o.pane = o.sections()[at].name
		o.pageTop, o.top = o.top, 0
	} else {
		o.top = o.pageTop
	}
	o.zoom, o.moved = on, true
}

// Update takes in an action.
func (o *overview) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown:
		return o.load()
	case changed:
		if o.request.pending {
			// While computers check in all the time, starting anew each time would
			// never come to an end.
			o.again = true
			return nil
		}
		return o.load()
	case do:
		o.moved = true
		s := o.sections()
		_, at := o.place(s)
		switch keys.Action(msg) {
		case keys.Up:
			o.move(s, -1)
		case keys.Down:
			o.move(s, 1)
		case keys.PageUp:
			o.move(s, 2-o.height)
		case keys.PageDown:
			o.move(s, o.height-2)
		case keys.HalfUp:
			o.move(s, -o.height/2)
		case keys.HalfDown:
			o.move(s, o.height/2)
		case keys.Top:
			o.move(s, -at)
		case keys.Bottom:
			o.move(s, 1<<30)
		case keys.NextPane:
			o.jump(s, 1)
		case keys.PrevPane:
			o.jump(s, len(s)-1)
		case keys.Zoom:
			o.zoomTo(!o.zoom)
		case keys.Open:
			if e := o.focused(s); e != nil && e.open != nil {
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
	o.again = false
	snap, s := o.c.snap, o.c.scribe
	return o.request.start(o.c.ctx, func(ctx context.Context) func() tea.Cmd {
		d := newOverviewData(ctx, snap, s)
		return func() tea.Cmd {
			o.data, o.ready = d, true
			// When one task is done the other one is next.
			if tasks := snap.Setup().Tasks(); !snap.Setup().Complete() && tasks[0].Done != o.first {
				o.first = tasks[0].Done
				o.pane, o.id, o.entry = "", "", 0
				if o.first {
					o.id = tasks[1].Short
				}
			}
			if o.again {
				return o.load()
			}
			return nil
		}
	})
}

// place finds what has the focus: the pane and the entry in it. What is gone
// leaves the focus to what stands there now.
func (o *overview) place(s []part) (pane, at int) {
	pane = max(0, slices.IndexFunc(s, func(p part) bool { return p.name == o.pane }))
	entries := s[pane].entries
	at = slices.IndexFunc(entries, func(e entry) bool { return e.id == o.id })
	if at < 0 {
		at = max(0, min(o.entry, len(entries)-1))
	}
	return pane, at
}

// focus puts the focus on an entry.
func (o *overview) focus(s []part, pane, entry int) {
	entry = max(0, min(entry, len(s[pane].entries)-1))
	o.pane, o.entry, o.id = s[pane].name, entry, ""
	if entry < len(s[pane].entries) {
		o.id = s[pane].entries[entry].id
	}
}

func (o *overview) focused(s []part) *entry {
	pane, entry := o.place(s)
	if entry >= len(s[pane].entries) {
		return nil
	}
	return &s[pane].entries[entry]
}

// move moves the focus within its pane.
func (o *overview) move(s []part, n int) {
	pane, entry := o.place(s)
	o.focus(s, pane, entry+n)
}

// jump moves the focus to another pane; in the zoom, that is shown instead.
func (o *overview) jump(s []part, n int) {
	pane, _ := o.place(s)
	o.focus(s, (pane+n)%len(s), 0)
	if o.zoom {
		o.top = 0
	}
}

// Click puts the focus on what is at a place, or opens it when it is there.
func (o *overview) Click(x, y int) tea.Cmd {
	for _, h := range o.hits {
		if h.line != y+o.top || x < h.from || x >= h.to {
			continue
		}
		s := o.sections()
		if pane, entry := o.place(s); h.entry < 0 || pane != h.pane || entry != h.entry {
			o.moved = true
			o.focus(s, h.pane, max(0, h.entry))
			return nil
		}
		return o.c.openIt()
	}
	return nil
}
