package console

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// view is a filter with a name, and the look of the list under it. Those of the
// lists themselves come first, then those of config.toml, then those that the
// user saved: each is a tab above its list.
type view struct {
	name   string
	filter string
	look   *look  // nil = as the list begins
	rare   bool   // shown as a tab only when something is in it
	from   viewOf // who made it
}

// viewOf says who made a view.
type viewOf uint8

// The makers of views.
const (
	viewBuiltIn viewOf = iota
	viewConfigured
	viewSaved
)

// look is how a list shows its rows.
type look struct {
	Sort    string   `json:"sort,omitempty"`
	Reverse bool     `json:"reverse,omitempty"`
	Columns []string `json:"columns,omitempty"` // nil = the default
}

// savedView is a view that the user saved, as the session's state keeps it.
// config.toml is the administrator's, so that the console does not write there.
type savedView struct {
	Name   string `json:"name"`
	Filter string `json:"filter"`
	Look   look   `json:"look"`
}

// builtInUpdateViews are the views of the list of updates: those of semantics
// 1.3 and those that work with updates needs.
var builtInUpdateViews = []view{
	{name: "To decide", filter: defaultFilter},
	{name: "Needed", filter: "needed:>0"},
	{name: "Security", filter: "class:security"},
	{name: "Critical", filter: "class:critical", rare: true},
	{name: "Definition", filter: "class:definition", rare: true},
	{name: "Unapproved", filter: "approved:none !is:declined"},
	{name: "Failed", filter: "failed:>0"},
	{name: "All", filter: ""},
	{name: "Approved, needed", filter: "approved:any needed:>0"},
	{name: "New", filter: "is:new"},
	{name: "Superseded", filter: "is:superseded !is:declined", rare: true},
	{name: "Declined", filter: "is:declined", rare: true},
}

// builtInComputerViews are the views of the list of computers.
var builtInComputerViews = []view{
	{name: "All", filter: ""},
	{name: "Failed", filter: "status:failed"},
	{name: "Needing updates", filter: "status:needed"},
	{name: "No status", filter: "status:no-status"},
	{name: "Restart", filter: "is:restart-pending"},
	{name: "Silent", filter: "is:stale"},
	{name: "Unassigned", filter: "is:unassigned"},
	{name: "Waiting", filter: "is:waiting", rare: true},
	{name: "Rejected", filter: "is:rejected", rare: true},
}

// maxViewName is how wide the name of a view may be: tabs are narrow.
const maxViewName = 24

// views gives all views of the list.
func (l *list) views() []view {
	all := slices.Clone(l.builtIn)
	subject := "updates"
	if l.on == query.OnComputers {
		subject = "computers"
	}
	for _, v := range l.c.o.Views {
		if cmp.Or(v.On, "updates") != subject {
			continue
		}
		got := view{name: model.Clean(v.Name), filter: v.Filter, from: viewConfigured}
		if v.Sort != "" || len(v.Columns) > 0 {
			got.look = &look{Sort: strings.TrimPrefix(v.Sort, "-"), Reverse: strings.HasPrefix(v.Sort, "-"), Columns: v.Columns}
		}
		all = append(all, got)
	}
	for _, v := range l.saved {
		all = append(all, view{name: v.Name, filter: v.Filter, look: &v.Look, from: viewSaved})
	}
	return all
}

// find gives the place of a view by its name, or -1.
func findView(all []view, name string) int {
	return slices.IndexFunc(all, func(v view) bool { return strings.EqualFold(v.name, name) })
}

// recognize finds the view that the filter is of: the current one, if it still
// has this filter, else the first that has it. A filter of the user's own is
// none.
func (l *list) recognize() {
	all := l.views()
	if i := findView(all, l.current); l.current != "" && i >= 0 && all[i].filter == l.filter {
		return
	}
	l.current = ""
	if i := slices.IndexFunc(all, func(v view) bool { return v.filter == l.filter }); i >= 0 {
		l.current = all[i].name
	}
}

// currentName names the view for people.
func (l *list) currentName() string {
	if l.current == "" {
		return "of a filter of your own"
	}
	return `"` + l.current + `"`
}

// looking gives how the list looks now.
func (l *list) looking() look {
	return look{Sort: l.sort, Reverse: l.reverse, Columns: l.tab.Chosen()}
}

// keepLook keeps the look of the current view: for this session and the next.
func (l *list) keepLook() {
	if i := slices.IndexFunc(l.saved, func(v savedView) bool { return v.Name == l.current }); i >= 0 && l.current != "" {
		l.saved[i].Look = l.looking()
		return
	}
	if l.looks == nil {
		l.looks = map[string]look{}
	}
	l.looks[l.current] = l.looking()
}

// wear takes up a look, as far as the list has what it names.
func (l *list) wear(k look) {
	if l.hasColumn(k.Sort) {
		l.sort, l.reverse = k.Sort, k.Reverse
	}
	l.tab.Choose(k.Columns)
}

// hasColumn says whether there is a column to sort by.
func (l *list) hasColumn(key string) bool {
	for _, c := range l.tab.Columns {
		if c.Key == key && key != "" {
			return true
		}
	}
	return false
}

// enter goes to a view.
func (l *list) enter(v view) tea.Cmd {
	l.current, l.filter = v.name, v.filter
	k := look{Sort: l.began.Sort, Reverse: l.began.Reverse}
	if v.look != nil {
		k.Columns = v.look.Columns
		if l.hasColumn(v.look.Sort) {
			k.Sort, k.Reverse = v.look.Sort, v.look.Reverse
		}
	}
	if kept, ok := l.looks[v.name]; ok && v.from != viewSaved {
		k = kept
	}
	l.wear(k)
	l.tab.Home()
	return tea.Batch(l.load(true), l.c.save())
}

// step goes to the next view that has a tab, or to the one before.
func (l *list) nextView(step int) tea.Cmd {
	tabs := l.tabViews()
	at := slices.IndexFunc(tabs, func(v view) bool { return v.name == l.current && l.current != "" })
	switch {
	case at >= 0:
		at = (at + step + len(tabs)) % len(tabs)
	case step > 0:
		at = 0
	default:
		at = len(tabs) - 1
	}
	return l.enter(tabs[at])
}

// tabViews gives the views that have a tab: one of which there is seldom
// anything has none while there is nothing.
func (l *list) tabViews() []view {
	return slices.DeleteFunc(l.views(), func(v view) bool {
		return v.rare && v.name != l.current && l.counts.of[v.name] <= 0
	})
}

// viewCounts are how many rows the views have.
type viewCounts struct {
	request request
	of      map[string]int // by name; -1 = the filter is not valid
	seq     uint64         // of the snapshot that was counted
	key     string         // the filters that were counted
	resting bool           // a count is due after a rest
	wanted  bool           // something changed since
}

// countRest bounds what counting costs while computers report without a break:
// after a count it rests this many times as long as the count took.
const countRest = 9

// countViews counts the rows of the views anew, if the store changed since. It
// runs off the interface goroutine; changes that come together are counted once.
func (l *list) countViews() tea.Cmd {
	c, all, snap := &l.counts, l.views(), l.snap
	var key strings.Builder
	for _, v := range all {
		key.WriteString(v.name + "\x00" + v.filter + "\x00")
	}
	if snap == nil || c.of != nil && c.seq == snap.Seq() && c.key == key.String() {
		return nil
	}
	if c.resting || c.request.pending {
		c.wanted = true
		return nil
	}
	c.wanted = false
	now := l.c.now.In(l.c.zone)
	return c.request.start(l.c.ctx, func(ctx context.Context) func() tea.Cmd {
		began := time.Now()
		of := map[string]int{}
		for _, v := range all {
			n, err := countMatches(ctx, l.on, snap, v.filter, now)
			if err != nil {
				n = -1
			}
			of[v.name] = n
		}
		rest := countRest * time.Since(began)
		return func() tea.Cmd {
			c.of, c.seq, c.key, c.resting = of, snap.Seq(), key.String(), true
			return l.c.after(rest, l.c.onInterface(func() tea.Cmd {
				c.resting = false
				if c.wanted {
					return l.countViews()
				}
				return nil
			}))
		}
	})
}

// countMatches says how many rows a filter lets through.
func countMatches(ctx context.Context, on query.Subject, snap *store.Snapshot, filter string, now time.Time) (int, error) {
	if on == query.OnComputers {
		q, err := query.ParseComputers(filter)
		if err != nil {
			return 0, err
		}
		found, err := q.Filter(ctx, snap, snap.Computers(), now)
		return len(found), err
	}
	q, err := query.ParseUpdates(filter)
	if err != nil {
		return 0, err
	}
	if q.Empty() {
		return len(snap.Updates()), ctx.Err()
	}
	found, err := q.Filter(ctx, snap, snap.Updates(), now)
	return len(found), err
}

// tabLine draws the views with their counts, the current one in brackets. A
// narrow screen shows those around it.
func (l *list) tabLine(w int) string {
	st, tabs := l.c.styles, l.tabViews()
	at := slices.IndexFunc(tabs, func(v view) bool { return v.name == l.current && l.current != "" })
	texts := make([]string, 0, len(tabs)+1)
	for _, v := range tabs {
		texts = append(texts, l.tabText(v))
	}
	if at < 0 {
		own := "Own filter"
		if l.ready && l.err == nil {
			own += " " + count(l.tab.Len())
		}
		texts, at = append([]string{own}, texts...), 0
	}
	here := "[" + layout.Cut(texts[at], w-4, st.Glyphs.Tail) + "]"
	left, right := "", ""
	room := w - layout.Width(here) - 4
	for i, j := at-1, at+1; i >= 0 || j < len(texts); {
		grew := false
		if j < len(texts) && layout.Width(texts[j])+2 <= room {
			right += " " + texts[j] + " "
			room -= layout.Width(texts[j]) + 2
			j, grew = j+1, true
		}
		if i >= 0 && layout.Width(texts[i])+2 <= room {
			left = " " + texts[i] + " " + left
			room -= layout.Width(texts[i]) + 2
			i, grew = i-1, true
		}
		if !grew {
			if i >= 0 {
				left = st.Glyphs.Tail + " " + left
			}
			if j < len(texts) {
				right += " " + st.Glyphs.Tail
			}
			break
		}
	}
	return layout.Fit(st.Muted.Render(left)+st.Tab.Render(here)+st.Muted.Render(right), w, "")
}

// tabText is the name of a view with its count.
func (l *list) tabText(v view) string {
	switch n, ok := l.counts.of[v.name]; {
	case !ok:
		return v.name
	case n < 0:
		return v.name + " !"
	default:
		return v.name + " " + count(n)
	}
}

// viewMenu is the menu of views.
func (l *list) viewMenu() pane {
	m, all := &menu{c: l.c, title: "Views"}, l.views()
	m.manage = func(i int) (rename, remove func() tea.Cmd) {
		if all[i].from != viewSaved {
			return nil, nil
		}
		return func() tea.Cmd { return l.rename(all[i].name) }, func() tea.Cmd { return l.forget(all[i].name) }
	}
	for _, v := range all {
		if v.name == l.current {
			m.cursor = len(m.items)
		}
		note := orAll(v.filter)
		if n, ok := l.counts.of[v.name]; ok && n >= 0 {
			note += "  " + layout.FitRight(count(n), 7, "")
		}
		name := v.name
		switch v.from {
		case viewConfigured:
			name += " (config.toml)"
		case viewSaved:
			name += " (saved)"
		}
		m.items = append(m.items, menuItem{name, note, func() tea.Cmd { return l.enter(v) }})
	}
	return m
}

// askSave asks for the name under which the filter, the order and the columns
// are saved.
func (l *list) askSave() tea.Cmd {
	if l.err != nil {
		l.c.say(slog.LevelWarn, "the filter is not valid: "+l.err.Error())
		return nil
	}
	name := ""
	if slices.ContainsFunc(l.saved, func(v savedView) bool { return v.Name == l.current }) {
		name = l.current
	}
	p := &prompt{label: "save the view as:", check: func(s string) error { return l.checkName(s, "") }, done: l.save}
	return l.c.ask(p, name)
}

// checkName says why a view cannot have a name.
func (l *list) checkName(name, old string) error {
	name = model.Clean(strings.TrimSpace(name))
	switch i := findView(l.views(), name); {
	case name == "":
		return fmt.Errorf("write a name for the view")
	case layout.Width(name) > maxViewName:
		return fmt.Errorf("a tab has room for %d columns", maxViewName)
	case i >= 0 && l.views()[i].from != viewSaved:
		return fmt.Errorf("there is a view of that name that is not yours: choose another")
	case i >= 0 && old != "" && !strings.EqualFold(name, old):
		return fmt.Errorf("there is a view of that name already")
	}
	return nil
}

// save keeps the filter, the order and the columns under a name.
func (l *list) save(name string) tea.Cmd {
	if err := l.checkName(name, ""); err != nil {
		l.c.say(slog.LevelWarn, err.Error())
		return nil
	}
	name = model.Clean(strings.TrimSpace(name))
	v := savedView{Name: name, Filter: l.filter, Look: l.looking()}
	if i := slices.IndexFunc(l.saved, func(v savedView) bool { return strings.EqualFold(v.Name, name) }); i >= 0 {
		l.saved[i] = v
	} else {
		l.saved = append(slices.Clip(l.saved), v)
	}
	l.current = name
	l.c.say(slog.LevelInfo, "saved the view "+name+" for you; f renames and removes it; for everybody, write it as [[view]] into config.toml")
	return tea.Batch(l.countViews(), l.c.save())
}

// forget removes a saved view; its filter stays as it is on the screen.
func (l *list) forget(name string) tea.Cmd {
	l.saved = slices.DeleteFunc(slices.Clone(l.saved), func(v savedView) bool { return v.Name == name })
	if l.current == name {
		l.current = ""
		l.recognize()
	}
	l.c.say(slog.LevelInfo, "removed the view "+name)
	return tea.Batch(l.countViews(), l.c.save())
}

// rename asks for another name of a saved view.
func (l *list) rename(name string) tea.Cmd {
	p := &prompt{label: "rename the view to:", check: func(s string) error { return l.checkName(s, name) }}
	p.done = func(s string) tea.Cmd {
		for i := range l.saved {
			if l.saved[i].Name == name {
				l.saved[i].Name = model.Clean(strings.TrimSpace(s))
				if l.current == name {
					l.current = l.saved[i].Name
				}
				l.c.say(slog.LevelInfo, "renamed the view "+name+" to "+l.saved[i].Name)
			}
		}
		return tea.Batch(l.countViews(), l.c.save())
	}
	return l.c.ask(p, name)
}

// listing is a screen that is a list with views, for the palette.
type listing interface{ filtered() *list }

// saveView is the palette's ":save NAME".
func (c *Console) saveView(name string) tea.Cmd {
	p, ok := c.top().(listing)
	switch {
	case !ok:
		c.say(slog.LevelWarn, "only the lists of updates and of computers have views: 2 and 3 go there")
		return nil
	case name == "":
		return p.filtered().askSave()
	}
	return p.filtered().save(name)
}

// viewAction does the actions on views; done is false for others.
func (l *list) viewAction(a keys.Action) (cmd tea.Cmd, done bool) {
	switch a {
	case keys.NextView:
		return l.nextView(1), true
	case keys.PrevView:
		return l.nextView(-1), true
	case keys.Views:
		return l.c.push(l.viewMenu()), true
	case keys.SaveView:
		return l.askSave(), true
	case keys.Columns:
		return l.c.push(newColumnChooser(l)), true
	}
	return nil, false
}
