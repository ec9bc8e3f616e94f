package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
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
	l := &list{c: c, on: query.OnUpdates, home: defaultFilter, filter: defaultFilter, sort: "needed", reverse: true}
	l.tab = table.New(c.styles, u.cells,
		table.Column{Key: "title", Title: "Title", Width: 35, Flexible: true},
		table.Column{Key: "kb", Title: "KB", Width: 9, Priority: 8},
		table.Column{Key: "class", Title: "Class", Width: 8, Priority: 4},
		table.Column{Key: "severity", Title: "Severity", Width: 9, Priority: 3},
		table.Column{Key: "needed", Title: "Needed", Width: 7, Right: true, Priority: 1},
		table.Column{Key: "failed", Title: "Failed", Width: 7, Right: true, Priority: 5},
		table.Column{Key: "installed", Title: "Inst/NA", Width: 7, Right: true, Priority: 9},
		table.Column{Key: "approval", Title: "Approval", Width: 14, Priority: 2},
		table.Column{Key: "released", Title: "Released", Width: 10, Priority: 6},
		table.Column{Key: "size", Title: "Size", Width: 7, Right: true, Priority: 7},
	)
	l.tab.Step = c.o.Step
	l.first = func(key string) bool { return !slices.Contains([]string{"title", "class", "approval"}, key) }
	l.rows = updateRows
	l.moved = u.moved
	u.list = l
	l.restore(c.saved.Updates)
	u.details = c.saved.Updates.Details
	if c.o.View == "updates" && c.o.Filter != "" {
		l.filter = c.o.Filter
	}
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
	case keys.Views:
		return c.push(u.views())
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
			return c.copy(rowText(u.cells(id)))
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

// views is the menu of filters with a name.
func (u *updates) views() pane {
	m := &menu{c: u.c, title: "Views"}
	add := func(title, filter, sort string) {
		if filter == u.list.filter {
			m.cursor = len(m.items)
		}
		m.items = append(m.items, menuItem{title, orAll(filter), func() tea.Cmd {
			if sort != "" {
				u.list.sort, u.list.reverse = strings.TrimPrefix(sort, "-"), strings.HasPrefix(sort, "-")
			}
			return u.list.show(filter)
		}})
	}
	present := map[model.Classification]bool{}
	if u.list.snap != nil {
		for _, r := range u.list.snap.Updates() {
			present[r.Class] = true
		}
	}
	for _, v := range updateViews {
		if !v.hide || present[v.class] {
			add(v.title, v.filter, "")
		}
	}
	add("Approved, still needed", "approved:any needed:>0", "")
	add("Declined", "is:declined", "")
	add("Superseded", "is:superseded !is:declined", "")
	add("New since the last visit", "is:new", "")
	for _, v := range u.c.o.Views {
		if v.On != "computers" {
			add(v.Name, v.Filter, v.Sort)
		}
	}
	return m
}

// updateRows finds and sorts the updates that a filter lets through.
func updateRows(ctx context.Context, snap *store.Snapshot, w wish) (rows, error) {
	q, err := query.ParseUpdates(w.filter)
	if err != nil {
		return rows{}, err
	}
	all := snap.Updates()
	got := rows{total: len(all), group: model.GroupAll}
	if name, ok := q.Group(); ok {
		for _, id := range snap.Groups().Order() {
			if strings.EqualFold(snap.Groups().Group(id).Name, name) {
				got.group = id
			}
		}
	}
	found, err := q.Filter(ctx, snap, all, w.now)
	if err != nil {
		return rows{}, err
	}
	order, err := updateOrder(ctx, snap, found, got.group, w)
	if err != nil {
		return rows{}, err
	}
	got.ids = order
	// Columns without anything in them give their room to the title: a Debian
	// archive knows no severities, and most lists no failures.
	severities, failures, articles, approvals := false, false, false, w.sort == "approval"
	for _, r := range found {
		approvals = approvals || approvalWord(snap, r) != "-"
		severities = severities || r.Severity != model.SeverityUnspecified
		articles = articles || len(r.KB) > 0
		failures = failures || w.sort == "failed" || snap.Counts(r.Number, got.group).Failed > 0
		if severities && failures && articles && approvals {
			break
		}
	}
	if !severities && w.sort != "severity" {
		got.hidden = append(got.hidden, "severity")
	}
	if !approvals {
		got.hidden = append(got.hidden, "approval")
	}
	if !articles && w.sort != "kb" {
		got.hidden = append(got.hidden, "kb")
	}
	if !failures {
		got.hidden = append(got.hidden, "failed")
	}
	return got, nil
}

// keyed is a row with what it is sorted by.
type keyed struct {
	row    *model.UpdateRow
	number float64
	text   string
}

// updateOrder sorts; what is equal is sorted by severity, class, need and title,
// so that the order is always the same.
func updateOrder(ctx context.Context, snap *store.Snapshot, found []*model.UpdateRow, group model.GroupID, w wish) ([]uint32, error) {
	list := make([]keyed, len(found))
	for i, r := range found {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		k := keyed{row: r}
		switch w.sort {
		case "title":
			k.text = strings.ToLower(r.Title)
		case "kb":
			k.number = articleNumber(r)
		case "class":
			k.number = float64(r.Class)
		case "severity":
			k.number = float64(r.Severity)
		case "approval":
			k.text = approvalWord(snap, r)
		case "released":
			k.number = float64(r.Released.Unix())
		case "size":
			k.number = float64(r.Size)
		default:
			counts := snap.Counts(r.Number, group)
			switch w.sort {
			case "failed":
				k.number = float64(counts.Failed)
			case "installed":
				k.number = counts.InstalledOrNA()
			default:
				k.number = float64(counts.Needed)
			}
		}
		list[i] = k
	}
	slices.SortFunc(list, func(a, b keyed) int {
		d := cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.text, b.text))
		if w.reverse {
			d = -d
		}
		return cmp.Or(d, -cmp.Compare(a.row.Severity, b.row.Severity), cmp.Compare(a.row.Class, b.row.Class), strings.Compare(a.row.Title, b.row.Title), cmp.Compare(a.row.Number, b.row.Number))
	})
	ids := make([]uint32, len(list))
	for i, k := range list {
		ids[i] = k.row.Number
	}
	return ids, nil
}

// articleNumber is the number of an update's article; an update without one
// comes first.
func articleNumber(r *model.UpdateRow) float64 {
	if len(r.KB) == 0 {
		return 0
	}
	n, _ := strconv.ParseUint(r.KB[0], 10, 40) // what is no number sorts as none
	return float64(n)
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

// articles names an update's articles: the first, and how many more.
func articles(r *model.UpdateRow) string {
	switch len(r.KB) {
	case 0:
		return ""
	case 1:
		return model.Clean(r.KB[0])
	}
	return fmt.Sprintf("%s+%d", model.Clean(r.KB[0]), len(r.KB)-1)
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

// cells gives a row of the list.
func (u *updates) cells(id uint32) []table.Cell {
	snap, st := u.list.snap, u.c.styles
	r := snap.Row(id)
	if r == nil {
		return []table.Cell{{Text: "(gone)"}}
	}
	n := snap.Counts(id, u.list.got.group)
	// The titles of a month differ at their end only.
	keep := ""
	if !u.list.tab.Shown("kb") {
		keep = articleOf(model.Clean(r.Title))
	}
	cells := []table.Cell{
		{Text: model.Clean(r.Title), Keep: keep}, {Text: articles(r)}, {Text: r.Class.String()}, {Text: severityMarks[min(int(r.Severity), 4)]}, {Text: count(n.Needed)}, {Text: zero(n.Failed)},
		{Text: percent(n.InstalledOrNA())}, {Text: approvalWord(snap, r)}, {Text: u.c.date(r.Released)}, {Text: sized(r.Size)},
	}
	if r.Class == model.ClassSecurity || r.Class == model.ClassCritical {
		cells[2].Style = st.Warn
	}
	if r.Severity >= model.SeverityImportant {
		cells[3].Style = st.Bad
	}
	if n.Needed == 0 {
		cells[4].Style = st.Muted
	}
	if n.Failed > 0 {
		cells[5].Style = st.Bad
	}
	return cells
}

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
		brief, err := s.updatePage(snap, id, true)
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
