package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
)

// agendaDays are the spans that the agenda looks ahead.
var agendaDays = []int{14, 30, 90, 7}

// newAgenda is the screen of what will happen by itself: deadlines,
// installations and restarts, day by day, and what waits for somebody.
func newAgenda(c *Console) pane {
	p := newTextPane(c, "Agenda")
	p.scope = keys.Agenda
	p.dear = true         // all that a fleet needs is looked at; what is foretold changes slowly
	var span atomic.Int32 // index into agendaDays
	p.load = func(_ context.Context, s scribe, _ int) ([]string, error) {
		snap := s.store.Snapshot()
		now, days := s.serverNow(), agendaDays[span.Load()]
		return s.agenda(snap, snap.Agenda(now, now.AddDate(0, 0, days)), days), nil
	}
	p.acts = func(a keys.Action) tea.Cmd {
		if a == keys.Span {
			span.Store((span.Load() + 1) % int32(len(agendaDays)))
			return p.read()
		}
		return nil
	}
	return p
}

func (s scribe) agenda(snap *store.Snapshot, a model.Agenda, days int) []string {
	p := page{lines: []string{fmt.Sprintf("What will happen by itself in the next %d days", days), ""}}
	p.lines = append(p.lines, "It is foretold from what is approved, the policies and the schedules as they are now; computers are taken to be running when their time comes. Computers without status are not part of it.")
	group := func(id model.GroupID) string {
		if g := snap.Groups().Group(id); g != nil {
			return g.Name
		}
		return string(id)
	}
	if len(a.Overdue) > 0 {
		p.head("OVERDUE SINCE")
		for _, e := range a.Overdue {
			blocked := ""
			if e.Blocked {
				blocked = "; nothing is installed for all that, see what waits"
			}
			p.add("! %s  %s: %s%s", e.Time.In(s.zone).Format("2006-01-02 15:04"), group(e.Group), openWords(e), blocked)
			p.names(snap, e.Computers)
		}
	}
	day := ""
	for _, e := range a.Entries {
		if d := s.dayTitle(e.Time); d != day {
			day = d
			p.head(strings.ToUpper(d))
		}
		p.add("%s  %s: %s", e.Time.In(s.zone).Format("15:04"), group(e.Group), e.Text())
		p.titles(snap, e.Updates)
		p.names(snap, e.Computers)
	}
	if len(a.Entries) == 0 {
		p.head("NOTHING IS FORETOLD")
		p.add("No approved update that a computer is known to need will be installed by itself in this time.")
	}
	if len(a.Waiting) > 0 {
		p.head("WAITING FOR SOMEBODY")
		for _, w := range a.Waiting {
			p.add("%s: %s", group(w.Group), w.Text())
			p.names(snap, w.Computers)
		}
	}
	return p.lines
}

// openWords says what an overdue deadline still wants.
func openWords(e model.AgendaEntry) string {
	verb := "are still to be installed on"
	if len(e.Updates) == 1 {
		verb = "is still to be installed on"
	}
	return counted(len(e.Updates), "update", "updates") + " " + verb + " " + counted(len(e.Computers), "computer", "computers")
}

// dayTitle is the heading of a day. Headings have no digits of their own in the
// text panes, so that the date stands in brackets.
func (s scribe) dayTitle(t time.Time) string {
	t = t.In(s.zone)
	name := t.Format("Monday 2 January")
	switch now := s.now.In(s.zone); {
	case sameDay(t, now):
		name = "today, " + name
	case sameDay(t, now.AddDate(0, 0, 1)):
		name = "tomorrow, " + name
	}
	return name
}

// agendaNames is how many names an entry lists.
const agendaNames = 6

// names lists computers in one line.
func (p *page) names(snap *store.Snapshot, computers []uint32) {
	var names []string
	for _, n := range computers[:min(len(computers), agendaNames)] {
		if comp := snap.Computer(n); comp != nil {
			names = append(names, comp.Name)
		}
	}
	slices.Sort(names)
	if more := len(computers) - agendaNames; more > 0 {
		names = append(names, "and "+count(more)+" more")
	}
	if len(names) > 0 {
		p.add("         on %s", strings.Join(names, ", "))
	}
}

// titles lists updates in one line each, a few of them.
func (p *page) titles(snap *store.Snapshot, updates []uint32) {
	for _, n := range updates[:min(len(updates), 3)] {
		if r := snap.Row(n); r != nil {
			p.add("       %s", r.Title)
		}
	}
	if more := len(updates) - 3; more > 0 {
		p.add("       and %s more", count(more))
	}
}
