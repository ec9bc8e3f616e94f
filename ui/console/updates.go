package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// defaultFilter is what the list of updates begins with: what is to be decided,
// as in WSUS (semantics 2, list filters), but said, and cleared with one key.
const defaultFilter = "approved:none (needed:>0 or failed:>0)"

// updates is the screen of updates.
type updates struct {
	c       *Console
	list    *list
	columns []updateColumn
	titles  titles
	found   foundBefore
	details bool     // the pane below the list
	rest    uint64   // counts the moves of the cursor
	request request  // of the details
	shows   uint32   // the update that the details are of
	below   []string // the details
	wrapped int      // the width that they were wrapped for
	seq     uint64   // of the snapshot that they are of
}

func newUpdates(c *Console) pane {
	u := &updates{c: c}
	l := &list{c: c, on: query.OnUpdates, home: defaultFilter, filter: defaultFilter, sort: "needed", reverse: true, builtIn: builtInUpdateViews}
	u.columns = updateColumns()
	l.tab = table.New(c.styles, u.cells, tableColumns(u.columns)...)
	l.tab.Step = c.o.Step
	l.first = func(key string) bool {
		return !slices.ContainsFunc(u.columns, func(c updateColumn) bool { return c.Key == key && c.rising })
	}
	l.rows = u.rows
	l.moved = u.moved
	u.list = l
	l.restore(c.saved.Updates)
	u.details = c.saved.Updates.Details
	return u
}

func (u *updates) restyle() { u.list.tab.Styles = u.c.styles }

// Title is the pane's part of the breadcrumbs.
func (u *updates) Title() string { return "Updates" }

// Facts says how many there are.
func (u *updates) Facts() string { return u.list.facts("update", "updates") }

// Marked is how many are marked.
func (u *updates) Marked() int { return u.list.tab.MarkCount() }

// Step leaves one state.
func (u *updates) Step() (tea.Cmd, bool) { return u.list.step() }

func (u *updates) filtered() *list { return u.list }

// Show goes to a filter.
func (u *updates) Show(filter string) tea.Cmd { return u.list.show(filter) }

// Keys says which bindings can be used.
func (u *updates) Keys() paneKeys {
	return paneKeys{Scope: keys.Updates, Disabled: func(a keys.Action) string {
		switch a {
		case keys.ApproveIt, keys.DeclineIt, keys.ReinstateIt, keys.Open, keys.Copy, keys.CopyRow, keys.NeedingIt:
			if _, ok := u.list.tab.Cursor(); !ok && u.list.tab.MarkCount() == 0 {
				if u.c.gate() != nil && (a == keys.ApproveIt || a == keys.DeclineIt || a == keys.ReinstateIt) {
					return "" // the refusal of the setup gate says more
				}
				return "there is no update in the list"
			}
		case keys.ByComputer, keys.NeedingGroup, keys.Acknowledge, keys.AcceptLicence:
			return u.c.updateDisabled(a, u.selection())
		}
		return ""
	}}
}

// Update takes in an action.
func (u *updates) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return u.list.load(false)
	case do:
		a := keys.Action(msg)
		if cmd, done := u.list.update(a); done {
			return cmd
		}
		return u.act(a)
	}
	return nil
}

func (u *updates) act(a keys.Action) tea.Cmd {
	c := u.c
	switch a {
	case keys.Open:
		if id, ok := u.list.tab.Cursor(); ok {
			return c.push(newUpdate(c, id))
		}
	case keys.Details:
		u.details = !u.details
		u.shows = 0
		return tea.Batch(u.moved(), c.save())
	case keys.ApproveIt:
		return c.approve(u.selection(), u.done)
	case keys.DeclineIt:
		return c.change(model.ChangeDecline, "Decline", u.selection(), u.done)
	case keys.ReinstateIt:
		return c.change(model.ChangeReinstate, "Reinstate", u.selection(), u.done)
	case keys.NeedingIt:
		if id, ok := u.list.tab.Cursor(); ok {
			return c.needing(id)
		}
	case keys.ByComputer:
		if id, ok := u.list.tab.Cursor(); ok {
			return c.push(newUpdateComputers(c, id))
		}
	case keys.NeedingGroup, keys.Acknowledge, keys.AcceptLicence:
		return c.updateAction(a, u.selection(), u.done)
	case keys.Copy:
		if id, ok := u.list.tab.Cursor(); ok {
			if r := c.snap.Row(id); r != nil {
				return c.copy(string(r.ID))
			}
		}
	case keys.CopyRow:
		if id, ok := u.list.tab.Cursor(); ok {
			return c.copy(u.rowText(id))
		}
	}
	return nil
}

// rowText is a row with tabs between its columns.
func rowText(cells []table.Cell) string {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = c.Text
	}
	return strings.Join(texts, "\t")
}

// done ends what the marks were for.
func (u *updates) done(model.Entry) tea.Cmd {
	u.list.tab.ClearMarks()
	return u.list.load(true)
}

// selection is the marked updates, or the one under the cursor, by number.
func (u *updates) selection() []uint32 {
	s := u.list.tab.Selection()
	slices.Sort(s)
	return s
}

// change proposes a change of updates that needs nothing but them.
func (c *Console) change(kind model.ChangeKind, word string, numbers []uint32, after func(model.Entry) tea.Cmd) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	if len(numbers) == 0 {
		return nil
	}
	return c.propose(model.Change{Kind: kind, Updates: numbers}, word, after)
}

// needing shows the computers that need an update.
func (c *Console) needing(update uint32) tea.Cmd {
	if r := c.snap.Row(update); r != nil {
		return c.open("computers", `needs:(id:"`+strings.ReplaceAll(string(r.ID), `"`, `\"`)+`")`)
	}
	return nil
}

// articleOf is the article in parentheses at the end of a title, as in
// "... (KB5034441)"; empty = there is none.
func articleOf(title string) string {
	i := strings.LastIndex(title, "(KB")
	if i < 0 || len(title)-i > 14 || !strings.HasSuffix(title, ")") {
		return ""
	}
	return title[i:]
}

// approvalWord says in a word what is approved.
func approvalWord(snap *store.Snapshot, r *model.UpdateRow) string {
	switch {
	case r.Has(model.FlagDeclined):
		return "declined"
	case snap.StaleApproval(r.Number):
		return "HELD BACK"
	}
	var install, uninstall []model.Approval
	for _, a := range snap.Approvals(r.Number) {
		switch a.Action {
		case model.ActionInstall:
			install = append(install, a)
		case model.ActionUninstall:
			uninstall = append(uninstall, a)
		}
	}
	word := func(verb string, list []model.Approval) string {
		if len(list) == 1 {
			if list[0].Group == model.GroupAll {
				return verb + " all"
			}
			if g := snap.Groups().Group(list[0].Group); g != nil {
				return verb + " " + model.Clean(g.Name)
			}
		}
		return fmt.Sprintf("%s %d groups", verb, len(list))
	}
	switch {
	case len(install) > 0 && len(uninstall) > 0:
		return "mixed"
	case len(install) > 0:
		return word("install", install)
	case len(uninstall) > 0:
		return word("uninstall", uninstall)
	case r.Has(model.FlagWithdrawn):
		return "- withdrawn"
	case r.Has(model.FlagSuperseded):
		return "- superseded"
	}
	return "-"
}

// severityMarks are what stands for a severity without colour.
var severityMarks = [...]string{"", "low", "moderate", "important", "CRITICAL"}

// zero writes a number, and nothing for none: a column of noughts hides the rest.
func zero(n int) string {
	if n == 0 {
		return "-"
	}
	return count(n)
}

// restMsg tells that the cursor rested.
type restMsg struct {
	u  *updates
	at uint64
}

// cursorRest is how long the cursor must rest before the details are read: they
// change many lines, which a slow line carries slowly (terminal section 3.2).
const cursorRest = 120 * time.Millisecond

func (u *updates) moved() tea.Cmd {
	id, ok := u.list.tab.Cursor()
	if !u.details || !ok || u.c.width == 0 || id == u.shows && u.wrapped == u.c.width && u.seq == u.list.snap.Seq() {
		return nil
	}
	u.rest++
	return u.c.after(cursorRest, restMsg{u, u.rest})
}

func (m restMsg) rested() tea.Cmd {
	u := m.u
	id, ok := u.list.tab.Cursor()
	if m.at != u.rest || !ok || !u.details {
		return nil
	}
	c, s, snap, full := u.c, u.c.scribe, u.c.snap, u.c.width
	w := full - 2
	return u.request.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
		var wrapped []string
		brief, err := s.updateBrief(snap, id)
		if err == nil {
			wrapped = brief.wrap(w).lines
		}
		return func() tea.Cmd {
			if err != nil {
				wrapped = []string{model.Clean(err.Error())}
			}
			u.shows, u.below, u.wrapped, u.seq = id, wrapped, full, snap.Seq()
			return nil
		}
	})
}

// View draws the list, and the details below it.
func (u *updates) View(w, h int) string {
	below := 0
	if u.details {
		below = min(10, h/3)
	}
	lines := u.list.view(w, h-below, u.empty)
	for len(lines) < h-below {
		lines = append(lines, "")
	}
	lines = lines[:h-below]
	if below > 0 {
		st := u.c.styles
		lines = append(lines, st.Line.Render(strings.Repeat(st.Glyphs.Line, w)))
		for i := range below - 1 {
			if i < len(u.below) {
				lines = append(lines, " "+u.below[i])
			}
		}
	}
	return strings.Join(lines, "\n")
}

// empty says why there are no rows, and what to do.
func (u *updates) empty() []string {
	switch {
	case u.c.gate() != nil:
		return []string{"", model.SetupIncomplete + " There is no catalogue yet.", "", "1 goes to the Overview, which leads through the two wizards."}
	case u.list.got.total == 0:
		text := "The catalogue is empty: nothing was synchronized yet."
		if j, ok := u.c.running(); ok {
			return []string{"", text, "", u.c.jobLine(j)}
		}
		return []string{"", text, "", "8 goes to Synchronization, where s starts one."}
	case u.list.filter == defaultFilter:
		return []string{"", "Nothing is to be decided: no computer is known to need an update that is not approved.", "", "f chooses another view, / changes the filter; All Updates shows " + counted(u.list.got.total, "update", "updates") + "."}
	}
	return []string{"", "No update matches this filter; there are " + counted(u.list.got.total, "update", "updates") + " in all.", "", "/ changes the filter, f chooses a view, Backspace goes back to: " + defaultFilter}
}

// sized writes a size in a column; what is not stated is no nought.
func sized(n int64) string {
	if n == 0 {
		return "-"
	}
	return size(n)
}
