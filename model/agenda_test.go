package model

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func agendaText(a *Agenda, loc *time.Location) string {
	var b strings.Builder
	for _, e := range a.Entries {
		fmt.Fprintf(&b, "%s %s %s: %s\n", e.Time.In(loc).Format("Mon 02 15:04 MST"), e.Kind, e.Group, e.Text())
	}
	for _, e := range a.Overdue {
		fmt.Fprintf(&b, "overdue %s %s blocked=%v: %s\n", e.Time.In(loc).Format("Mon 02 15:04 MST"), e.Group, e.Blocked, e.Text())
	}
	for _, w := range a.Waiting {
		fmt.Fprintf(&b, "waiting %s %s: %s\n", w.Reason, w.Group, w.Text())
	}
	return b.String()
}

// The night of 2026-10-25 has 02:30 twice in Berlin, that of 2027-03-28 has
// none; New York changes on other days. Schedules are read where the computers are.
func TestAgendaAcrossDST(t *testing.T) {
	berlin, newYork := mustZone(t, "Europe/Berlin"), mustZone(t, "America/New_York")
	at230 := Policy{Mode: ModeScheduled, Install: &WeekTime{Day: EveryDay, Minute: 150}, Restart: RestartAt, RestartAt: &WeekTime{Day: EveryDay, Minute: 165}}
	work := AgendaWork{Group: "g1", Policy: at230, Origin: PolicyOrigin{GroupAll, GroupAll}, Zone: berlin, Updates: []uint32{1, 2}, Computers: []uint32{7}, Installations: 2,
		Restarting: []uint32{2}, Restarts: []uint32{7}}
	for _, tt := range []struct {
		name string
		from time.Time
		work func(w *AgendaWork)
		want string
	}{
		{"autumn: the first of the two", time.Date(2026, 10, 24, 12, 0, 0, 0, berlin), nil,
			"Sun 25 02:30 CEST installation g1: 2 updates are installed on 1 computer\nSun 25 02:45 CEST restart all: 1 computer may restart after installing\n"},
		{"autumn: between the two", time.Date(2026, 10, 25, 0, 50, 0, 0, time.UTC).In(berlin), nil, // 02:50 CEST
			"Mon 26 02:30 CET installation g1: 2 updates are installed on 1 computer\nMon 26 02:45 CET restart all: 1 computer may restart after installing\n"},
		{"spring: after the gap", time.Date(2027, 3, 27, 12, 0, 0, 0, berlin), nil,
			// Both times lie in the gap and come when it ends; the restart is after the
			// installation, so it is the next day's.
			"Sun 28 03:00 CEST installation g1: 2 updates are installed on 1 computer\nMon 29 02:45 CEST restart all: 1 computer may restart after installing\n"},
		{"another zone", time.Date(2026, 10, 24, 12, 0, 0, 0, berlin), func(w *AgendaWork) { w.Zone = newYork },
			"Sun 25 07:30 CET installation g1: 2 updates are installed on 1 computer\nSun 25 07:45 CET restart all: 1 computer may restart after installing\n"},
		{"a deadline in the repeated hour comes first", time.Date(2026, 10, 24, 12, 0, 0, 0, berlin), func(w *AgendaWork) {
			w.Deadline = time.Date(2026, 10, 25, 0, 15, 0, 0, time.UTC) // 02:15 CEST
		}, "Sun 25 02:15 CEST deadline g1: the deadline passes: 2 updates are installed on 1 computer whatever the mode\nSun 25 02:45 CEST restart all: 1 computer may restart after installing\n"},
		{"a deadline after the schedule", time.Date(2026, 10, 24, 12, 0, 0, 0, berlin), func(w *AgendaWork) {
			w.Deadline, w.Restarts = time.Date(2026, 10, 25, 1, 15, 0, 0, time.UTC), nil // 02:15 CET
		}, "Sun 25 02:30 CEST installation g1: 2 updates are installed on 1 computer\nSun 25 02:15 CET deadline g1: the deadline passes: 2 updates have to be installed on 1 computer by then\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := work
			if tt.work != nil {
				tt.work(&w)
			}
			a := NewAgenda(tt.from, tt.from.AddDate(0, 0, 3))
			a.Add(w)
			a.Finish([]GroupID{GroupAll, "g1"})
			if got := agendaText(a, berlin); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestAgendaByModeAndState(t *testing.T) {
	from := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	origin := PolicyOrigin{Mode: "gm", Restart: "gr"}
	mode := func(m Mode) Policy { return Policy{Mode: m, Restart: RestartNo} }
	deadline := from.Add(24 * time.Hour)
	for _, tt := range []struct {
		name string
		w    AgendaWork
		want string
	}{
		{"download", AgendaWork{Policy: mode(ModeDownload)}, "waiting download gm: 1 update on 2 computers: downloaded, and installed when the user asks for it (mode download)\n"},
		{"notify", AgendaWork{Policy: mode(ModeNotify)}, "waiting notify gm: 1 update on 2 computers: downloaded and installed when the user asks for it (mode notify)\n"},
		{"notify with a deadline", AgendaWork{Policy: mode(ModeNotify), Deadline: deadline}, "Mon 23 12:00 UTC deadline g1: the deadline passes: 1 update is installed on 2 computers whatever the mode\n"},
		{"disabled with a deadline", AgendaWork{Policy: mode(ModeDisabled), Deadline: deadline}, "waiting disabled gm: 1 update on 2 computers: never installed, because Automatic Updates are disabled\n"},
		{"disabled, overdue", AgendaWork{Policy: mode(ModeDisabled), Deadline: from}, "overdue Sun 22 12:00 UTC g1 blocked=true: the deadline passes: 1 update has to be installed on 2 computers by then\nwaiting disabled gm: 1 update on 2 computers: never installed, because Automatic Updates are disabled\n"},
		{"overdue", AgendaWork{Policy: mode(ModeDownload), Deadline: from.Add(-time.Hour)}, "overdue Sun 22 11:00 UTC g1 blocked=false: the deadline passes: 1 update is installed on 2 computers whatever the mode\n"},
		{"scheduled without a time", AgendaWork{Policy: mode(ModeScheduled)}, "waiting no-time gm: 1 update on 2 computers: no time is set at which to install\n"},
		{"silent", AgendaWork{Policy: DefaultPolicy(), Silent: true}, "waiting silent g1: 1 update on 2 computers: the computers have made no contact for 30 days\n"},
		{"windows, restart pending", AgendaWork{Policy: DefaultPolicy(), Windows: true, Blocked: true}, "waiting restart g1: 1 update on 2 computers: the computers must be restarted before they detect updates again\n"},
		{"windows", AgendaWork{Policy: DefaultPolicy(), Windows: true}, "Mon 23 03:00 UTC installation g1: 1 update is installed on 2 computers (an estimate)\n"},
		{"beyond the end", AgendaWork{Policy: mode(ModeNotify), Deadline: from.AddDate(0, 1, 0)}, ""},
		{"weekly beyond the end", AgendaWork{Policy: Policy{Mode: ModeScheduled, Install: &WeekTime{Day: 6, Minute: 60}}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := NewAgenda(from, from.AddDate(0, 0, 3))
			tt.w.Group, tt.w.Origin, tt.w.Zone, tt.w.Updates, tt.w.Computers, tt.w.Installations = "g1", origin, time.UTC, []uint32{1}, []uint32{7, 8}, 2
			a.Add(tt.w)
			a.Finish(nil)
			if got := agendaText(a, time.UTC); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
	t.Run("pending restarts", func(t *testing.T) {
		a := NewAgenda(from, from.AddDate(0, 0, 3))
		for i, p := range []Policy{mode(ModeScheduled), {Restart: RestartIdle}, {Restart: RestartAt, RestartAt: &WeekTime{Day: EveryDay, Minute: 240}}} {
			a.AddPending(AgendaWork{Policy: p, Origin: origin, Zone: time.UTC, Computers: []uint32{uint32(i)}})
		}
		a.AddPending(AgendaWork{Policy: mode(ModeScheduled), Origin: origin, Zone: time.UTC, Computers: []uint32{0, 9}})
		a.Finish(nil)
		want := "Sun 22 12:00 UTC restart gr: 1 computer may restart as soon as nobody is logged in\nMon 23 04:00 UTC restart gr: 1 computer restarts\nwaiting by-person gr: 2 restarts left to a person by the policy\n"
		if got := agendaText(a, time.UTC); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}
