package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// newUpstreams is the list of upstreams, where they are added, changed and
// removed.
func newUpstreams(c *Console) pane {
	p := newTablePane[string](c, "Upstreams", keys.Upstreams, "upstream", "upstreams",
		table.Column{Title: "Name", Width: 12},
		table.Column{Title: "Kind", Width: 10, Priority: 2},
		table.Column{Title: "Location", Width: 20, Flexible: true},
		table.Column{Title: "Schedule", Width: 11},
		table.Column{Title: "Last", Width: 18, Priority: 1},
		table.Column{Title: "Next", Width: 16, Priority: 3},
	)
	p.empty = []string{"No upstream is configured: nothing is synchronized by itself.", "", "a adds one. 8 and i import a file that was carried in, without an upstream."}
	p.load = func(_ context.Context, s scribe, snap *store.Snapshot) (tableRows[string], error) {
		var out tableRows[string]
		for _, u := range snap.Upstreams() {
			last := table.Cell{Text: "never run"}
			if r := snap.LastRun(u.Name); r != nil {
				last.Text = s.when(r.Ended) + ", " + r.Result.String()
				if r.Result == model.SyncFailed {
					last.Style = s.styles.Bad
				}
			}
			out.add(u.Name, table.Cell{Text: model.Clean(u.Name)}, table.Cell{Text: string(u.Kind)}, table.Cell{Text: model.Clean(u.Location)}, table.Cell{Text: u.Schedule.String()}, last, table.Cell{Text: c.nextSync(u)})
		}
		return out, nil
	}
	p.above = func(w int) []string {
		if lines := c.runningLines(w); len(lines) > 0 {
			return append(lines, "")
		}
		return nil
	}
	p.open = func(name string) tea.Cmd { return c.push(newUpstream(c, name)) }
	p.off = func(a keys.Action, _ string, ok bool) string {
		if !ok && (a == keys.EditIt || a == keys.RemoveIt) {
			return "there is no upstream"
		}
		return c.jobDisabled(a)
	}
	p.act = func(a keys.Action, name string, ok bool) tea.Cmd { return c.upstreamAction(a, name, ok) }
	return p
}

// upstreamAction does what a key asks of an upstream.
func (c *Console) upstreamAction(a keys.Action, name string, ok bool) tea.Cmd {
	switch {
	case a == keys.CancelJob:
		return c.cancelJob()
	case a == keys.AddIt:
		return c.addUpstream()
	case !ok:
	case a == keys.Synchronize:
		return c.synchronize([]string{name})
	case a == keys.EditIt:
		if u, ok := c.upstreamNamed(name); ok {
			return c.editUpstream(u)
		}
	case a == keys.RemoveIt:
		return c.proposeWith(model.Change{Kind: model.ChangeUpstreamEnd, Name: name}, "Remove", func(context.Context, scribe) ([]string, error) {
			return []string{"What it brought stays in the catalogue, and so do approvals. Nothing of it is brought into step any more. When it is added again, its first synchronization begins anew."}, nil
		}, nil)
	}
	return nil
}

func (c *Console) upstreamNamed(name string) (model.Upstream, bool) {
	for _, u := range c.snap.Upstreams() {
		if u.Name == name {
			return u, true
		}
	}
	return model.Upstream{}, false
}

// newUpstream shows one upstream with its runs, each of which can be opened.
func newUpstream(c *Console, name string) pane {
	p := newTextPane(c, "Upstream "+name)
	p.scope = keys.Upstream
	engine := c.o.Engine
	p.pages = func(_ context.Context, s scribe, _ int) (*page, error) {
		snap := s.store.Snapshot()
		i := slices.IndexFunc(snap.Upstreams(), func(u model.Upstream) bool { return u.Name == name })
		if i < 0 {
			return &page{lines: []string{"It is not configured any more. Its runs stay in the list of synchronizations."}}, nil
		}
		u := snap.Upstreams()[i]
		anchor, err := s.store.Anchor(name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		var next time.Time
		if engine != nil {
			next = engine.Next(u)
		}
		return s.upstream(snap, u, len(anchor) > 0, next), nil
	}
	p.off = func(a keys.Action) string {
		if _, ok := c.upstreamNamed(name); !ok && a != keys.CancelJob {
			switch a {
			case keys.EditIt, keys.RemoveIt, keys.Synchronize:
				return "it is not configured any more"
			}
		}
		return c.jobDisabled(a)
	}
	p.acts = func(a keys.Action) tea.Cmd { return c.upstreamAction(a, name, true) }
	return p
}

// upstreamMeaning says what an upstream of a kind is.
func upstreamMeaning(u model.Upstream) string {
	switch {
	case u.Kind == model.UpstreamDebian && u.Location == "apt":
		return "the signed archives that this computer's own apt is configured for"
	case u.Kind == model.UpstreamDebian:
		return "a signed archive of a Debian release"
	case u.Kind == model.UpstreamWsusscn2:
		return "Microsoft's offline scan catalogue, a file that somebody carries in"
	case u.Kind == model.UpstreamWsusExport:
		return "a package of wsusutil export, a file that somebody carries in"
	case u.Kind == model.UpstreamMicrosoft:
		return "Microsoft Update, or a WSUS or Fettle server"
	}
	return ""
}

// zoneName names the zone of a time as people know it.
func zoneName(t time.Time) string { return t.Format("MST") }

// shownRuns is how many of its runs stand on the page of an upstream.
const shownRuns = 50

func (s scribe) upstream(snap *store.Snapshot, u model.Upstream, anchored bool, next time.Time) *page {
	p := &page{lines: []string{u.Name, ""}}
	p.fact("Kind", strings.TrimSuffix(string(u.Kind)+": "+upstreamMeaning(u), ": "))
	p.fact("Location", u.Location)
	for _, k := range slices.Sorted(maps.Keys(u.Options)) {
		p.fact(k, u.Options[k])
	}
	if !fromFile(u.Kind) {
		p.fact("Proxy", orWord(u.Proxy, "as apt is configured"))
	}
	p.fact("Schedule", u.Schedule.String()+choose(u.Schedule.PerDay > 0, ", in the server's zone ("+zoneName(s.serverNow())+")", ": somebody starts it"))
	if next.IsZero() {
		p.fact("Next run", "when somebody starts it")
	} else {
		p.fact("Next run", s.when(next))
	}
	var runs []*model.SyncRun
	var good *model.SyncRun
	for _, r := range snap.Runs() {
		if r.Upstream != u.Name {
			continue
		}
		runs = append(runs, r)
		if good == nil && r.Result == model.SyncSucceeded && !r.Ended.IsZero() {
			good = r
		}
	}
	switch {
	case len(runs) == 0:
		p.fact("Last run", "never")
	default:
		p.fact("Last run", s.runLine(runs[0]))
	}
	switch {
	case good != nil:
		p.fact("In step as of", s.when(good.Ended)+", "+s.ago(good.Ended))
	default:
		p.fact("In step as of", "never: no synchronization has succeeded")
	}
	p.fact("Continues", choose(anchored, "where the last run ended: only what changed since is brought", "from the beginning: the next run is an initial one"))
	brought := 0
	for _, r := range snap.Updates() {
		if r.Upstream == u.Name {
			brought++
		}
	}
	p.fact("Brought", counted(brought, "update", "updates")+" of the catalogue")
	if len(runs) > 0 {
		p.head("ITS SYNCHRONIZATIONS")
		for _, r := range runs[:min(len(runs), shownRuns)] {
			p.link(s, target{run: r.ID}, "%s", s.runLine(r))
		}
		if n := len(runs) - shownRuns; n > 0 {
			p.add("and %s more, in the list of synchronizations", count(n))
		}
	}
	return p
}

// runLine is one synchronization in a line: when, how it ended, what changed.
func (s scribe) runLine(r *model.SyncRun) string {
	if r.Ended.IsZero() {
		return r.Started.In(s.zone).Format("2006-01-02 15:04") + ", running"
	}
	line := r.Started.In(s.zone).Format("2006-01-02 15:04") + ", " + r.Result.String() + " after " + duration(r.Ended.Sub(r.Started))
	if what := changes(r); what != "" {
		line += ": " + what
	}
	if r.Error != "" {
		line += ": " + model.Clean(r.Error)
	}
	return line
}

// changes says in words what a synchronization changed.
func changes(r *model.SyncRun) string {
	var parts []string
	for _, x := range []struct {
		n    int
		word string
	}{{len(r.New), "new"}, {len(r.Revised), "revised"}, {len(r.Expired), "expired"}, {len(r.Withdrawn), "withdrawn"}, {len(r.Declined), "declined by itself"}, {len(r.Failures), "not imported"}} {
		if x.n > 0 {
			parts = append(parts, count(x.n)+" "+x.word)
		}
	}
	if len(parts) == 0 && r.Result == model.SyncSucceeded {
		return "nothing changed"
	}
	return strings.Join(parts, ", ")
}

// upstreamForm asks for an upstream: what it is, then when it is synchronized.
// Both pages are those of the Updates Management Configuration Wizard, for one
// upstream.
type upstreamForm struct {
	c     *Console
	f     *form
	kinds []*formItem // none when the upstream exists: its kind is what it is
	name  *formItem
	file  *formItem
	proxy *formItem
	times []*formItem
	other *formItem
	old   model.Upstream
	added bool
}

// addUpstream asks for a new upstream.
func (c *Console) addUpstream() tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	w := &upstreamForm{c: c, added: true}
	for i, k := range upstreamKinds {
		w.kinds = append(w.kinds, &formItem{label: k.label, note: k.note, one: true, on: i == 0})
	}
	return w.open("Add an upstream")
}

// editUpstream asks for what can be changed of one.
func (c *Console) editUpstream(u model.Upstream) tea.Cmd {
	if err := c.readOnly(); err != nil {
		return c.tell(err)
	}
	w := &upstreamForm{c: c, old: u}
	return w.open("Change the upstream " + model.Clean(u.Name))
}

func (w *upstreamForm) kind() model.UpstreamKind {
	for i, it := range w.kinds {
		if it.on {
			return upstreamKinds[i].kind
		}
	}
	return w.old.Kind
}

func (w *upstreamForm) open(title string) tea.Cmd {
	w.name = textItem("Name", "", "What it is called here. Empty: like its kind.")
	w.file = textItem("File", w.old.Location, "A full path on the machine that holds the data of Fettle.")
	w.proxy = textItem("Proxy", w.old.Proxy, "Empty: the proxy that apt is configured for, if any. Else http://HOST:PORT.")
	first := &formPage{title: choose(w.added, "Upstream: where the catalogue comes from", "Where it is")}
	items := func() {
		first.items = slices.Clone(w.kinds)
		if w.added {
			first.items = append(first.items, w.name)
		}
		if fromFile(w.kind()) {
			first.items = append(first.items, w.file)
		} else {
			first.items = append(first.items, w.proxy)
		}
	}
	items()
	first.ticked = items
	first.text = func() []string {
		if w.added {
			return []string{"Which products and classifications are wanted holds for all upstreams (P)."}
		}
		return []string{strings.TrimSuffix(string(w.old.Kind)+"="+w.old.Location+": "+upstreamMeaning(w.old), ": ") + "."}
	}
	first.check = func() error {
		if w.added {
			if u, ok := w.c.upstreamNamed(w.upstream().Name); ok {
				return fmt.Errorf("there is an upstream %s already: write another name, or change that one", u.Name)
			}
			if strings.ContainsAny(w.name.value(), "/\\\"'") || len(w.name.value()) > 64 {
				return errors.New("a name has no quotes and slashes, and 64 letters at most")
			}
		}
		if fromFile(w.kind()) {
			return checkFile(w.file.value())
		}
		return checkProxy(w.proxy.value())
	}
	w.other = textItem("Another schedule", "", "N/day@HH:MM, N from 1 to 24: 4/day@03:00 is at 03, 09, 15 and 21.")
	w.times = []*formItem{{label: "Once a day, at 03:00", one: true}, {label: "Four times a day, from 03:00 on", one: true}, {label: "By hand only", one: true}}
	switch i := slices.Index(scheduleTexts, w.old.Schedule.String()); {
	case i >= 0 && !w.added:
		w.times[i].on = true
	case w.added:
		w.times[1].on = true
	default:
		w.other.field.SetValue(w.old.Schedule.String())
		w.other.field.CursorEnd()
	}
	second := &formPage{title: "Schedule: when it is synchronized by itself", items: append(slices.Clone(w.times), w.other)}
	second.text = func() []string {
		return []string{"Times are those of the server (" + zoneName(w.c.serverNow()) + "). A time that passed while nothing ran is caught up soon after the start."}
	}
	second.check = func() error {
		_, err := model.ParseSyncSchedule(w.schedule())
		return err
	}
	w.f = &form{c: w.c, title: title, last: "shows what it would do", pages: []*formPage{first, second}}
	w.f.finish = func() tea.Cmd {
		w.f.working = false
		u := w.upstream()
		return w.c.proposeWith(model.Change{Kind: model.ChangeUpstream, Upstream: &u}, choose(w.added, "Add", "Change"), func(context.Context, scribe) ([]string, error) {
			return []string{fmt.Sprintf("%s=%s, schedule %s%s. %s", u.Kind, u.Location, u.Schedule, choose(u.Proxy != "", ", proxy "+u.Proxy, ""), choose(w.added, "Its first synchronization starts at its next time, or with s.", ""))}, nil
		}, func(model.Entry) tea.Cmd { return w.c.drop(w.f) })
	}
	return w.c.push(w.f)
}

func (w *upstreamForm) schedule() string { return scheduleOf(w.other, w.times) }

// upstream is what was answered.
func (w *upstreamForm) upstream() model.Upstream {
	u := w.old
	u.Schedule, _ = model.ParseSyncSchedule(w.schedule()) // its page checked it
	if w.added {
		u.Kind, u.Location = w.kind(), "apt"
		u.Name = orWord(w.name.value(), string(u.Kind))
	}
	if fromFile(u.Kind) {
		u.Location = filepath.Clean(w.file.value())
	} else {
		u.Proxy = w.proxy.value()
	}
	return u
}
