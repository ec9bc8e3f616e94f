package console

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// triage is the queue of what is to be decided, worst first, with the facts that
// decide the case below it. A single key decides and u takes that back: what is
// wide or warns is shown first instead (triage_decide.go).
type triage struct {
	c      *Console
	tab    *table.Table[uint32]
	aside  bool // what was left out is shown instead
	target triageTarget
	span   string          // what was written last for how long to postpone
	made   []triageMade    // decisions of this session, the last one last
	snap   *store.Snapshot // that the queue is of
	got    *model.Triage
	rows   map[uint32]model.Undecided
	back   time.Time // when the next postponed update comes back
	late   bool      // the order changed, but marks hold it
	focus  uint32    // where the cursor is to go with the next queue; 0 = it stays
	next   uint32    // where it goes when the update that was decided stays

	working bool // a decision is being made: the row under the cursor may be decided already
	early   int  // keys that would have decided meanwhile
	request request
	rest    request
	details request
	below   []string // the facts of the update under the cursor
	shows   string   // what they are of
}

func newTriage(c *Console) pane {
	p := &triage{c: c, target: c.saved.Triage, span: "30d", rows: map[uint32]model.Undecided{}}
	p.tab = table.New(c.styles, p.cells,
		table.Column{Key: "title", Title: "Title", Width: 20, Flexible: true},
		table.Column{Key: "why", Title: "Why it is here", Width: 34, Flexible: true},
	)
	p.tab.Step = c.o.Step
	return p
}

func (p *triage) restyle() { p.tab.Styles = p.c.styles }

// Title is the pane's part of the breadcrumbs.
func (p *triage) Title() string {
	if p.aside {
		return "Triage > left out"
	}
	return "Triage"
}

// Facts says where in the queue one is, and who waits for it.
func (p *triage) Facts() string {
	if p.got == nil {
		return ""
	}
	where := count(p.tab.Len())
	if p.tab.Len() > 0 {
		where = count(p.tab.Position()+1) + " of " + where
	}
	where += choose(p.aside, " left out", " to decide")
	dot := p.c.styles.Glyphs.Dot
	marked := p.tab.MarkCount()
	if marked > 0 {
		where = count(marked) + " marked" + dot + where
	}
	switch {
	case p.late:
		where += dot + "changed: r shows it"
	case !p.aside && p.got.Waiting > 0 && marked == 0: // beside marks there is no room for it at 60 columns
		where += "; " + counted(p.got.Waiting, "computer is waiting", "computers are waiting")
	}
	return where
}

// Marked is how many are marked.
func (p *triage) Marked() int { return p.tab.MarkCount() }

// Step leaves one state: a range of marks, then what was left out.
func (p *triage) Step() (tea.Cmd, bool) {
	switch {
	case p.tab.Ranging():
		p.tab.EndRange()
		return nil, true
	case p.aside:
		return p.turn(), true
	}
	return nil, false
}

// Aging says that time alone brings something back.
func (p *triage) Aging() bool { return !p.back.IsZero() }

// Minute looks again when what was postponed is due.
func (p *triage) Minute() tea.Cmd {
	if p.back.IsZero() || p.c.now.Before(p.back) {
		return nil
	}
	return p.load(false)
}

// Keys says which bindings can be used.
func (p *triage) Keys() paneKeys {
	return paneKeys{Scope: keys.Triage, Disabled: func(a keys.Action) string {
		_, ok := p.tab.Cursor()
		switch a {
		case keys.ApproveNow, keys.ApproveDialog, keys.DeclineNow, keys.LaterNow, keys.LaterUntil:
			switch {
			case p.c.gate() != nil:
				return "" // the refusal of the setup gate says more
			case !ok:
				return "there is nothing in the list"
			}
			if a == keys.ApproveNow {
				return p.target.problem(p.c)
			}
		case keys.BringBack:
			if !slices.ContainsFunc(p.selection(), func(n uint32) bool { return p.rows[n].Aside == model.AsideLater }) {
				return "that is not postponed"
			}
		case keys.LeftOut:
			if !p.aside && (p.got == nil || len(p.got.Aside) == 0) {
				return "nothing was left out"
			}
		case keys.Open, keys.NeedingIt, keys.ByComputer, keys.Copy, keys.CopyRow, keys.Mark, keys.MarkAll, keys.MarkRange:
			if !ok {
				return "there is nothing in the list"
			}
		}
		return ""
	}}
}

// Update takes in an action.
func (p *triage) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case changed:
		if p.snap != nil && p.snap.Seq() == p.c.snap.Seq() {
			return nil // the engine tells of its jobs: the queue is as it was
		}
		return p.load(false)
	case shown:
		return p.load(false)
	case do:
		return p.act(keys.Action(msg))
	}
	return nil
}

func (p *triage) act(a keys.Action) tea.Cmd {
	c := p.c
	if navigate(p.tab, a) {
		return p.moved()
	}
	id, ok := p.tab.Cursor()
	switch a {
	case keys.ApproveNow, keys.ApproveDialog, keys.DeclineNow, keys.LaterNow, keys.LaterUntil, keys.BringBack, keys.Undo:
		// What is on the screen may be decided already: a key that comes before the
		// next queue does nothing, and that is said.
		if p.working {
			p.early++
			return nil
		}
	}
	switch a {
	case keys.Mark:
		p.tab.Toggle()
		return p.moved()
	case keys.MarkRange:
		p.tab.Range()
		return p.moved()
	case keys.MarkAll:
		p.tab.MarkAll()
		return p.moved()
	case keys.MarkNone:
		p.tab.ClearMarks()
		return p.load(true)
	case keys.Reload:
		return p.load(true)
	case keys.LeftOut:
		return p.turn()
	case keys.SetTarget:
		return c.push(newTargetPane(c, p))
	case keys.ApproveNow:
		return p.approve()
	case keys.ApproveDialog:
		return c.approve(p.selection(), p.decided(p.selection()))
	case keys.DeclineNow:
		return p.decline()
	case keys.LaterNow:
		return p.later("7d")
	case keys.LaterUntil:
		return p.askLater()
	case keys.BringBack:
		return p.bringBack()
	case keys.Undo:
		return p.undo()
	}
	if !ok {
		return nil
	}
	switch a {
	case keys.Open:
		return c.push(newUpdate(c, id))
	case keys.NeedingIt:
		return c.needing(id)
	case keys.ByComputer:
		return c.push(newUpdateComputers(c, id))
	case keys.Copy:
		if r := c.snap.Row(id); r != nil {
			return c.copy(string(r.ID))
		}
	case keys.CopyRow:
		return c.copy(rowText(p.cells(id)))
	}
	return nil
}

// turn shows what was left out, or the queue again.
func (p *triage) turn() tea.Cmd {
	p.look(!p.aside)
	p.tab.Home()
	p.show(true)
	return p.moved()
}

// look turns to what was left out, or to the queue.
func (p *triage) look(aside bool) {
	p.aside = aside
	p.tab.Columns[1].Title = choose(aside, "Why it is left out", "Why it is here")
	p.tab.ClearMarks()
}

// selection is the marked updates, or the one under the cursor, by number.
func (p *triage) selection() []uint32 {
	s := p.tab.Selection()
	slices.Sort(s)
	return s
}

// load builds the queue of the newest snapshot, off the interface goroutine.
func (p *triage) load(follow bool) tea.Cmd {
	snap, now := p.c.snap, p.c.now
	if !snap.Loaded() {
		return nil
	}
	return p.request.start(p.c.ctx, func(ctx context.Context) func() tea.Cmd {
		got := snap.Triage(now)
		return func() tea.Cmd {
			p.snap, p.got, p.working = snap, got, false
			clear(p.rows)
			p.back = time.Time{}
			for _, list := range [][]model.Undecided{got.Queue, got.Aside} {
				for _, u := range list {
					p.rows[u.Update.Number] = u
					if u.Aside == model.AsideLater && (p.back.IsZero() || u.Later.Until.Before(p.back)) {
						p.back = u.Later.Until
					}
				}
			}
			p.show(follow)
			return p.moved()
		}
	})
}

// show puts the queue, or what was left out of it, into the table. The cursor
// stays on its update. While updates are marked their order is held, as in every
// list; but what somebody decided meanwhile leaves, or it would be decided twice.
func (p *triage) show(follow bool) {
	if p.got == nil {
		return
	}
	list := p.got.Queue
	if p.aside {
		list = p.got.Aside
	}
	ids := make([]uint32, len(list))
	in := make(map[uint32]bool, len(list))
	for i, u := range list {
		ids[i] = u.Update.Number
		in[ids[i]] = true
	}
	p.tab.Unmark(func(n uint32) bool { return !in[n] })
	p.late = false
	if !follow && p.tab.MarkCount() > 0 {
		held := slices.DeleteFunc(slices.Clone(p.tab.IDs()), func(n uint32) bool { return !in[n] })
		p.late = !slices.Equal(held, ids)
		ids = held
	}
	// What was approved for a target that does not reach all who wait stays, at
	// another place: the morning goes on with the next one.
	if id, ok := p.tab.Cursor(); p.next != 0 && ok && in[id] && in[p.next] {
		p.tab.Focus(p.next)
	}
	p.next = 0
	if version := p.snap.Seq(); slices.Equal(ids, p.tab.IDs()) {
		p.tab.Refresh(version) // a range that is being marked goes on
	} else {
		p.tab.SetRows(ids, version)
	}
	if p.focus != 0 {
		p.tab.Focus(p.focus)
		p.focus = 0
	}
}

// cells gives a row: what it is, and in words why it stands there.
func (p *triage) cells(id uint32) []table.Cell {
	u, ok := p.rows[id]
	if !ok {
		return []table.Cell{{Text: "(gone)"}}
	}
	title := model.Clean(u.Update.Title)
	why := table.Cell{Text: strings.Join(u.Reasons(p.c.now), ", ")}
	st := p.c.styles
	switch {
	case u.Aside != model.AsideNot:
		why.Text, why.Style = u.AsideWords(p.c.zone), st.Muted
	case u.Update.Has(model.FlagExploited) || u.Update.Severity >= model.SeverityImportant:
		why.Style = st.Bad
	case u.Update.Class == model.ClassSecurity || u.Update.Class == model.ClassCritical || u.Update.Has(model.FlagRequired):
		why.Style = st.Warn
	}
	return []table.Cell{{Text: title, Keep: articleOf(title)}, why}
}

// View draws the target, the queue and the facts of the update under the cursor.
// The three keep their places whatever is decided, so that a decision changes
// few lines.
func (p *triage) View(w, h int) string {
	st := p.c.styles
	lines := []string{st.Info.Render(layout.Fit(" "+p.target.sentence(p.c), w, st.Glyphs.Tail))}
	switch {
	case p.c.gate() != nil:
		return p.say(lines, w, model.SetupIncomplete+" There is nothing to decide yet.", "1 goes to the Overview, which leads through the two wizards.")
	case !p.c.snap.Loaded():
		return p.say(lines, w, "loading the catalogue")
	case p.got == nil:
		return p.say(lines, w, "reading")
	case p.tab.Len() == 0:
		return p.say(lines, w, p.empty()...)
	}
	room := max(3, (h-4)/2)
	lines = append(lines, p.tab.Header(w))
	lines = append(lines, p.tab.Lines(w, max(1, room))...)
	for len(lines) < room+2 {
		lines = append(lines, "")
	}
	lines = append(lines, st.Line.Render(p.rule(w)))
	for i := range max(0, h-room-3) {
		if i < len(p.below) {
			l := " " + p.below[i]
			switch {
			case i == 0:
				l = st.Title.Render(l)
			case strings.HasPrefix(p.below[i], "! "):
				l = st.Warn.Render(l)
			}
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// rule is the line between the queue and the facts. It says what was left out.
func (p *triage) rule(w int) string {
	line := p.c.styles.Glyphs.Line
	text := p.got.AsideSummary()
	switch {
	case p.aside:
		text = " o goes back to the queue; b brings back what is for later "
	case text != "":
		text = " left out: " + text + "; o shows them "
	}
	if layout.Width(text) > w-4 {
		text = choose(p.aside, " o: the queue; b: bring back ", " o shows what was left out ")
	}
	head := strings.Repeat(line, 2)
	return head + text + strings.Repeat(line, max(0, w-2-layout.Width(text)))
}

func (p *triage) say(lines []string, w int, texts ...string) string {
	lines = append(lines, "")
	for _, t := range texts {
		for _, l := range layout.Wrap(t, w-4) {
			lines = append(lines, "  "+l)
		}
		if t != "" {
			lines = append(lines, "")
		}
	}
	return strings.Join(lines, "\n")
}

// empty says why there is nothing in the list, and what to do next.
func (p *triage) empty() []string {
	if p.aside {
		return []string{"Nothing was left out.", "o goes back to the queue."}
	}
	text := append([]string{"Nothing is to be decided."}, p.got.Empty(p.c.zone)...)
	switch {
	case p.got.Selected == 0:
		if j, ok := p.c.running(); ok {
			return append(text, p.c.jobLine(j))
		}
		return append(text, "8 goes to Synchronization, where s starts one.")
	case len(p.got.Aside) > 0:
		return append(text, "o shows what was left out; 5 follows what was approved.")
	case p.got.Open > 0:
		return append(text, "5 follows what was approved; 1 goes to the Overview.")
	}
	return append(text, "2 shows all updates; 3 shows when each computer reported last.")
}
