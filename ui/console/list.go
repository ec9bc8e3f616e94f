package console

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// navigable is a table of any identity, for the actions that every list has.
type navigable interface {
	Move(int)
	Page(int, bool)
	Home()
	End()
}

// lineCursor makes the lines of a pane that is no table navigable as a list is.
type lineCursor struct {
	at, last, height int
	to               func(int) // bounds it
}

// Move moves the cursor by n lines.
func (l lineCursor) Move(n int) { l.to(l.at + n) }

// Page moves by a page or half of one.
func (l lineCursor) Page(n int, half bool) {
	step := max(1, l.height-1)
	if half {
		step = max(1, l.height/2)
	}
	l.to(l.at + n*step)
}

// Home goes to the first line.
func (l lineCursor) Home() { l.to(0) }

// End goes to the last line.
func (l lineCursor) End() { l.to(l.last) }

// navigate does the actions that every list has.
func navigate(t navigable, a keys.Action) bool {
	switch a {
	case keys.Up:
		t.Move(-1)
	case keys.Down:
		t.Move(1)
	case keys.PageUp:
		t.Page(-1, false)
	case keys.PageDown:
		t.Page(1, false)
	case keys.HalfUp:
		t.Page(-1, true)
	case keys.HalfDown:
		t.Page(1, true)
	case keys.Top:
		t.Home()
	case keys.Bottom:
		t.End()
	default:
		return false
	}
	return true
}

// list is what the screens of updates and of computers have in common: a
// filter in the query language, an order, marks and live rows.
type list struct {
	c       *Console
	on      query.Subject
	tab     *table.Table[uint32]
	home    string // the filter to begin with
	filter  string
	sort    string // key of a column
	reverse bool   // the highest first
	first   func(key string) (reverse bool)
	rows    func(ctx context.Context, snap *store.Snapshot, w wish) (rows, error)
	moved   func() tea.Cmd // the cursor may be on another row
	builtIn []view         // the list's own views
	began   look           // the order that the list begins with

	current string          // the name of the view that is shown; empty = a filter of the user's own
	looks   map[string]look // by view: what the user made of it
	saved   []savedView     // the user's own views
	counts  viewCounts

	request request
	snap    *store.Snapshot // that the rows are of
	got     rows
	err     error
	ready   bool
	late    bool // other rows are there, but marks hold the order
	history []string
	row     uint32 // that had the cursor when the last session ended
}

// wish is what a list is to show.
type wish struct {
	filter  string
	sort    string
	reverse bool
	now     time.Time
}

// rows is what was found.
type rows struct {
	ids    []uint32
	total  int // without the filter
	group  model.GroupID
	hidden []string // keys of columns that would be empty
}

// state is what the next session begins with.
func (l *list) state() listState {
	f := l.filter
	row, _ := l.tab.Cursor()
	return listState{Filter: &f, Sort: l.sort, Reverse: l.reverse, Row: row, View: l.current, Looks: maps.Clone(l.looks), Columns: l.tab.Chosen(), Saved: slices.Clone(l.saved), History: l.history}
}

// restore takes up the state of the last session, as far as it is still valid.
func (l *list) restore(s listState) {
	l.began = look{Sort: l.sort, Reverse: l.reverse}
	if s.Filter != nil && l.check(*s.Filter) == nil {
		l.filter, l.row = *s.Filter, s.Row
	}
	l.looks, l.saved, l.history, l.current = maps.Clone(s.Looks), slices.Clone(s.Saved), s.History, s.View
	l.wear(look{Sort: s.Sort, Reverse: s.Reverse, Columns: s.Columns})
	l.recognize()
}

// check says what is wrong with a filter.
func (l *list) check(text string) error { return l.c.checkQuery(l.on, text) }

// load reads the rows anew, on the newest snapshot.
func (l *list) load(follow bool) tea.Cmd {
	snap, want := l.c.snap, wish{l.filter, l.sort, l.reverse, l.c.now.In(l.c.zone)}
	if !snap.Loaded() {
		return nil
	}
	return l.request.start(l.c.ctx, func(ctx context.Context) func() tea.Cmd {
		got, err := l.rows(ctx, snap, want)
		return func() tea.Cmd {
			l.err = err
			if err != nil {
				return nil
			}
			l.snap, l.ready, l.tab.Sort, l.tab.Reverse = snap, true, want.sort, want.reverse
			for i := range l.tab.Columns {
				l.tab.Columns[i].Hidden = slices.Contains(got.hidden, l.tab.Columns[i].Key)
			}
			if !slices.Equal(l.got.hidden, got.hidden) {
				l.tab.Layout()
			}
			counts := l.countViews()
			// While rows are marked their order is held: what is about to be
			// approved must not move under the hand (terminal section 1, live
			// refresh).
			if !follow && l.tab.MarkCount() > 0 && l.tab.Len() > 0 {
				l.late = !slices.Equal(l.tab.IDs(), got.ids)
				l.got.total, l.got.group, l.got.hidden = got.total, got.group, got.hidden
				l.tab.Refresh(snap.Seq())
			} else {
				l.late, l.got = false, got
				l.tab.SetRows(got.ids, snap.Seq())
				if l.row != 0 {
					l.tab.Focus(l.row)
					l.row = 0
				}
			}
			if l.moved != nil {
				return tea.Batch(l.moved(), counts)
			}
			return counts
		}
	})
}

// show goes to a filter: to the view that has it, if there is one.
func (l *list) show(filter string) tea.Cmd {
	l.row = 0
	for _, v := range l.views() {
		if v.filter == filter {
			return l.enter(v)
		}
	}
	l.filter, l.current = filter, ""
	l.tab.Home()
	return tea.Batch(l.load(true), l.c.save())
}

// sortBy changes the order.
func (l *list) sortBy(key string) tea.Cmd {
	l.sort, l.reverse = key, l.first(key)
	l.keepLook()
	return tea.Batch(l.load(true), l.c.save())
}

// update does the actions of every filtered list; done is false for others.
func (l *list) update(a keys.Action) (cmd tea.Cmd, done bool) {
	if navigate(l.tab, a) {
		if l.moved != nil {
			return l.moved(), true
		}
		return nil, true
	}
	if cmd, done := l.viewAction(a); done {
		return cmd, true
	}
	switch a {
	case keys.Mark:
		l.tab.Toggle()
	case keys.MarkRange:
		l.tab.Range()
	case keys.MarkAll:
		l.tab.MarkAll()
	case keys.MarkNone:
		l.tab.ClearMarks()
		if l.late {
			return l.load(true), true
		}
	case keys.Reload:
		return l.load(true), true
	case keys.ClearFilter:
		return l.show(l.home), true
	case keys.Reverse:
		l.reverse = !l.reverse
		l.keepLook()
		return tea.Batch(l.load(true), l.c.save()), true
	case keys.SortNext, keys.SortPrev:
		return l.sortStep(a), true
	case keys.Sort:
		return l.c.push(l.sortMenu()), true
	case keys.Filter:
		return l.ask(), true
	default:
		return nil, false
	}
	if l.moved != nil {
		return l.moved(), true
	}
	return nil, true
}

// sortMenu is the menu of what can be sorted by: the columns that are shown,
// then the others.
func (l *list) sortMenu() pane {
	m := &menu{c: l.c, title: "Sort by"}
	showing := l.tab.Showing()
	for _, shown := range []bool{true, false} {
		for _, k := range showing {
			if !shown {
				break
			}
			m.items = append(m.items, l.sortItem(k, ""))
		}
		for _, col := range l.tab.Columns {
			if !shown && col.Key != "" && !slices.Contains(showing, col.Key) {
				m.items = append(m.items, l.sortItem(col.Key, "not shown"))
			}
		}
	}
	m.cursor = max(0, slices.IndexFunc(m.items, func(it menuItem) bool { return strings.HasPrefix(it.note, "now") }))
	return m
}

func (l *list) sortItem(key, note string) menuItem {
	it := menuItem{note: note, pick: func() tea.Cmd { return l.sortBy(key) }}
	for _, col := range l.tab.Columns {
		if col.Key == key {
			it.text = col.Title
		}
	}
	if key == l.sort {
		it.note = "now, " + choose(l.reverse, "descending", "ascending") + choose(note != "", ", "+note, "")
	}
	return it
}

func (l *list) sortStep(a keys.Action) tea.Cmd {
	names := l.tab.Showing()
	i := slices.Index(names, l.sort)
	if a == keys.SortNext {
		i++
	} else {
		i += len(names) - 1
	}
	return l.sortBy(names[max(0, i)%len(names)])
}

// ask opens the filter's field. What is written is applied while writing, after
// a short rest.
func (l *list) ask() tea.Cmd {
	apply := func(text string) tea.Cmd {
		if text == l.filter && l.err == nil {
			return nil
		}
		l.filter = text
		l.recognize()
		l.tab.Home()
		return l.load(true)
	}
	p := &prompt{label: "filter:", history: l.history, check: l.check, change: func(text string) tea.Cmd { return apply(strings.TrimSpace(text)) }}
	p.complete = func(text string) (int, []string, []string) { return l.c.offerQuery(l.on, text) }
	p.quiet, p.idle = true, "words, or field:value as in needed:>0   Tab offers fields   Up: earlier ones"
	p.note = func() string {
		if !l.ready || l.err != nil {
			return ""
		}
		return count(l.tab.Len()) + "/" + count(l.got.total)
	}
	p.done = func(text string) tea.Cmd {
		l.history = remember(l.history, text)
		return tea.Batch(apply(text), l.c.save())
	}
	p.cancel = func() tea.Cmd { return l.c.save() }
	text := l.filter
	if text != "" {
		text += " "
	}
	return l.c.ask(p, text)
}

// step leaves one state: a range of marks, then a filter that is not the one
// that the list begins with.
func (l *list) step() (tea.Cmd, bool) {
	switch {
	case l.tab.Ranging():
		l.tab.EndRange()
		return nil, true
	case l.filter != l.home:
		return l.show(l.home), true
	}
	return nil, false
}

// facts says how many rows there are, and how many are marked.
func (l *list) facts(one, many string) string {
	if !l.ready {
		return ""
	}
	s := counted(l.got.total, one, many)
	if l.tab.Len() != l.got.total {
		s = count(l.tab.Len()) + " of " + s
	}
	if n, hidden := l.tab.Marked(); n > 0 {
		s = count(n) + " marked" + l.c.styles.Glyphs.Dot + s
		if hidden > 0 {
			s = fmt.Sprintf("%s marked (%s hidden by the filter)", count(n), count(hidden)) + s[strings.Index(s, l.c.styles.Glyphs.Dot):]
		}
	}
	if l.tab.Ranging() {
		s = "range" + l.c.styles.Glyphs.Dot + s
	}
	if l.late {
		s += l.c.styles.Glyphs.Dot + "changed: r shows it"
	}
	return s
}

// view draws the filter, the column titles and the rows.
func (l *list) view(w, h int, empty func() []string) []string {
	st := l.c.styles
	filter := l.filter
	if filter == "" {
		filter = "(none: everything is shown)"
	}
	lines := []string{l.tabLine(w), layout.Fit(" Filter: "+model.Clean(filter), w, st.Glyphs.Tail)}
	if l.err != nil {
		return append(lines, st.Bad.Render(layout.Fit(" "+model.Clean(l.err.Error()), w, st.Glyphs.Tail)), "", "  / changes the filter, Backspace goes back to: "+orAll(l.home))
	}
	lines[1] = st.Muted.Render(layout.Ends(" Filter: "+model.Clean(filter), l.unseenOrder(w), w, st.Glyphs.Tail))
	if !l.ready {
		word := "loading the catalogue"
		if l.c.snap.Loaded() {
			word = "reading"
		}
		return append(lines, "", "  "+word)
	}
	lines = append(lines, l.tab.Header(w))
	if l.tab.Len() == 0 {
		for _, t := range empty() {
			for _, s := range layout.Wrap(t, w-4) {
				lines = append(lines, "  "+s)
			}
		}
		return lines
	}
	return append(lines, l.tab.Lines(w, max(1, h-len(lines)))...)
}

// unseenOrder says by what the rows are sorted where no column shows it.
func (l *list) unseenOrder(w int) string {
	l.tab.Header(w) // lays the columns out
	for _, c := range l.tab.Columns {
		if c.Key == l.tab.Sort && c.Key != "" && !l.tab.Shown(c.Key) {
			return "by " + c.Title + choose(l.tab.Reverse, l.c.styles.Glyphs.Down, l.c.styles.Glyphs.Up) + " "
		}
	}
	return ""
}

func orAll(filter string) string {
	if filter == "" {
		return "everything"
	}
	return filter
}
