package model

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Agenda is what will happen by itself between two instants: deadlines that
// pass, installations, restarts; and what will not happen by itself, and why.
// NewAgenda begins one, Add and AddPending fill it, Finish completes it; the
// store does so from what every computer needs. All computers are taken to know
// of their approvals, and to be running when their time comes.
type Agenda struct {
	From, To time.Time
	Entries  []AgendaEntry   // by time
	Overdue  []AgendaEntry   // deadlines that passed at or before From and are not met, by time
	Waiting  []AgendaWaiting // what somebody has to do something for

	entries, overdue map[agendaKey]*AgendaEntry
	waiting          map[waitingKey]*AgendaWaiting
}

// AgendaKind is a sort of entry.
type AgendaKind uint8

// The kinds, in the order in which those of one instant happen.
const (
	AgendaDeadline     AgendaKind = iota // a deadline passes
	AgendaInstallation                   // a scheduled time comes
	AgendaRestart                        // computers restart
)

// String gives the word for a kind.
func (k AgendaKind) String() string {
	return [...]string{"deadline", "installation", "restart"}[min(k, 2)]
}

// AgendaEntry is one thing that happens at one time for one group.
type AgendaEntry struct {
	Time          time.Time
	Kind          AgendaKind
	Group         GroupID  // whose approval holds; of restarts, whose policy applies
	Updates       []uint32 // numbers, ascending; of restarts, those that want it
	Computers     []uint32 // numbers, ascending
	Installations int      // pairs of an update and a computer; of restarts, none
	Forced        bool     // of deadlines: the deadline itself causes the installation; else the schedule comes first
	After         bool     // of restarts: it follows an expected installation that may want it
	Idle          bool     // of restarts: as soon after Time as nobody is logged in
	Blocked       bool     // of overdue deadlines: nothing is installed for all that, and Waiting says why
	Estimate      bool     // Windows computers decide for themselves
}

// Text says what happens, without time and group: "12 updates are installed on
// 30 computers".
func (e AgendaEntry) Text() string {
	updates, computers := number(len(e.Updates), "update"), number(len(e.Computers), "computer")
	are, have := "are", "have"
	if len(e.Updates) == 1 {
		are, have = "is", "has"
	}
	var s string
	switch {
	case e.Kind == AgendaInstallation:
		s = fmt.Sprintf("%s %s installed on %s", updates, are, computers)
	case e.Kind == AgendaDeadline && e.Forced:
		s = fmt.Sprintf("the deadline passes: %s %s installed on %s whatever the mode", updates, are, computers)
	case e.Kind == AgendaDeadline:
		s = fmt.Sprintf("the deadline passes: %s %s to be installed on %s by then", updates, have, computers)
	case e.Idle && e.After:
		s = computers + " may restart after installing, as soon as nobody is logged in"
	case e.Idle:
		s = computers + " may restart as soon as nobody is logged in"
	case e.After:
		s = computers + " may restart after installing"
	case len(e.Computers) == 1:
		s = computers + " restarts"
	default:
		s = computers + " restart"
	}
	if e.Estimate {
		s += " (an estimate)"
	}
	return s
}

func number(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// AgendaReason says why something does not happen by itself.
type AgendaReason string

// The reasons.
const (
	AgendaDownload AgendaReason = "download"  // the mode leaves the installation to the user
	AgendaNotify   AgendaReason = "notify"    // the mode only tells the user
	AgendaDisabled AgendaReason = "disabled"  // Automatic Updates are disabled
	AgendaNoTime   AgendaReason = "no-time"   // no mode, or no time for the mode scheduled
	AgendaSilent   AgendaReason = "silent"    // no contact for StaleAfter
	AgendaBlocked  AgendaReason = "restart"   // Windows computers that must be restarted first
	AgendaPerson   AgendaReason = "by-person" // a pending restart that the policy leaves to a person
)

// AgendaWaiting is what waits for somebody: installations of approved updates,
// or for AgendaPerson restarts.
type AgendaWaiting struct {
	Reason        AgendaReason
	Group         GroupID // whose policy says so; of AgendaSilent and AgendaBlocked, whose approval holds
	Updates       []uint32
	Computers     []uint32
	Installations int
}

// Text says what waits and for what.
func (w AgendaWaiting) Text() string {
	what := fmt.Sprintf("%s on %s", number(len(w.Updates), "update"), number(len(w.Computers), "computer"))
	switch w.Reason {
	case AgendaDownload:
		return what + ": downloaded, and installed when the user asks for it (mode download)"
	case AgendaNotify:
		return what + ": downloaded and installed when the user asks for it (mode notify)"
	case AgendaDisabled:
		return what + ": never installed, because Automatic Updates are disabled"
	case AgendaNoTime:
		return what + ": no time is set at which to install"
	case AgendaSilent:
		return what + ": the computers have made no contact for 30 days"
	case AgendaBlocked:
		return what + ": the computers must be restarted before they detect updates again"
	}
	return number(len(w.Computers), "restart") + " left to a person by the policy"
}

type agendaKey struct {
	at                                     int64
	kind                                   AgendaKind
	group                                  GroupID
	forced, after, idle, blocked, estimate bool
}

type waitingKey struct {
	reason AgendaReason
	group  GroupID
}

// NewAgenda begins an agenda. from is in the server's zone, which is that of
// computers that have not said theirs.
func NewAgenda(from, to time.Time) *Agenda {
	return &Agenda{From: from, To: to, entries: map[agendaKey]*AgendaEntry{}, overdue: map[agendaKey]*AgendaEntry{}, waiting: map[waitingKey]*AgendaWaiting{}}
}

// AgendaWork is what one approval asks of the computers that obey one policy in
// one zone: updates that they need and that are approved for install there.
type AgendaWork struct {
	Group         GroupID // whose approval holds
	Deadline      time.Time
	Policy        Policy       // as the computers obey it
	Origin        PolicyOrigin // the groups it comes from
	Zone          *time.Location
	Windows       bool
	Silent        bool // no contact for StaleAfter
	Blocked       bool // Windows computers with a pending restart (Detects)
	Updates       []uint32
	Computers     []uint32
	Installations int
	Restarting    []uint32 // of Updates, those that may want a restart
	Restarts      []uint32 // of Computers, those with one of Restarting
}

// Add decides, by Decide and DecideRestart, what becomes of a piece of work and
// enters it. Nothing of w is kept; its lists may be shared.
func (a *Agenda) Add(w AgendaWork) {
	from := a.From.In(w.Zone)
	d := Decide(DecisionInput{Now: from, Approved: true, Deadline: w.Deadline, Policy: w.Policy})
	reason := w.reason(d)
	if due := !w.Deadline.IsZero() && !w.Deadline.After(a.From); due {
		a.put(a.overdue, AgendaEntry{Time: w.Deadline, Kind: AgendaDeadline, Group: w.Group, Forced: reason == "", Blocked: reason != "", Estimate: w.Windows,
			Updates: w.Updates, Computers: w.Computers, Installations: w.Installations})
	}
	if reason != "" {
		g := w.Origin.Mode
		if reason == AgendaSilent || reason == AgendaBlocked {
			g = w.Group
		}
		a.wait(reason, g, w.Updates, w.Computers, w.Installations)
		return
	}
	if d.Action != DecideInstall && !d.At.After(a.To) {
		e := AgendaEntry{Time: d.At, Kind: AgendaInstallation, Group: w.Group, Updates: w.Updates, Computers: w.Computers, Installations: w.Installations, Estimate: w.Windows}
		if d.At.Equal(w.Deadline) {
			e.Kind, e.Forced = AgendaDeadline, true
		}
		a.put(a.entries, e)
	}
	if w.Deadline.After(d.At) && !w.Deadline.After(a.To) {
		a.put(a.entries, AgendaEntry{Time: w.Deadline, Kind: AgendaDeadline, Group: w.Group, Updates: w.Updates, Computers: w.Computers, Installations: w.Installations, Estimate: w.Windows})
	}
	if len(w.Restarts) > 0 && !d.At.After(a.To) {
		a.restart(d.At.In(w.Zone), w.Policy, AgendaEntry{Group: w.Origin.Restart, Updates: w.Restarting, Computers: w.Restarts, After: true, Estimate: w.Windows})
	}
}

// reason says why the work is not done by itself; empty when it is.
func (w *AgendaWork) reason(d Decision) AgendaReason {
	switch {
	case w.Silent:
		return AgendaSilent
	case w.Policy.Mode == ModeDisabled:
		return AgendaDisabled
	case w.Blocked:
		return AgendaBlocked
	case !d.At.IsZero():
		return ""
	case w.Policy.Mode == ModeDownload:
		return AgendaDownload
	case w.Policy.Mode == ModeNotify:
		return AgendaNotify
	}
	return AgendaNoTime
}

// AddPending enters computers whose restart is pending already.
func (a *Agenda) AddPending(w AgendaWork) {
	if w.Silent {
		return
	}
	e := AgendaEntry{Group: w.Origin.Restart, Updates: w.Updates, Computers: w.Computers, Estimate: w.Windows}
	if w.Policy.Restart == RestartNo || w.Policy.Restart == RestartUnset || w.Policy.Restart == RestartAt && w.Policy.RestartAt == nil {
		a.wait(AgendaPerson, w.Origin.Restart, w.Updates, w.Computers, 0)
		return
	}
	a.restart(a.From.In(w.Zone), w.Policy, e)
}

// restart enters a restart that is pending from an instant on.
func (a *Agenda) restart(since time.Time, p Policy, e AgendaEntry) {
	_, at, _ := DecideRestart(RestartInput{Now: since, Pending: true, Since: since, Policy: p, LoggedIn: true})
	e.Kind, e.Time = AgendaRestart, at
	if p.Restart == RestartIdle {
		e.Time, e.Idle = since, true
	}
	if !e.Time.IsZero() && !e.Time.After(a.To) {
		a.put(a.entries, e)
	}
}

// put enters an entry, or adds it to the equal one.
func (a *Agenda) put(to map[agendaKey]*AgendaEntry, e AgendaEntry) {
	k := agendaKey{e.Time.Unix(), e.Kind, e.Group, e.Forced, e.After, e.Idle, e.Blocked, e.Estimate}
	old := to[k]
	if old == nil {
		e.Time = e.Time.In(a.From.Location())
		e.Updates, e.Computers = slices.Clone(e.Updates), slices.Clone(e.Computers)
		to[k] = &e
		return
	}
	old.Updates, old.Computers = append(old.Updates, e.Updates...), append(old.Computers, e.Computers...)
	old.Installations += e.Installations
}

func (a *Agenda) wait(r AgendaReason, g GroupID, updates, computers []uint32, installations int) {
	k := waitingKey{r, g}
	w := a.waiting[k]
	if w == nil {
		w = &AgendaWaiting{Reason: r, Group: g}
		a.waiting[k] = w
	}
	w.Updates, w.Computers = append(w.Updates, updates...), append(w.Computers, computers...)
	w.Installations += installations
}

// Finish orders what was entered. order is the display order of groups.
func (a *Agenda) Finish(order []GroupID) {
	rank := make(map[GroupID]int, len(order))
	for i, g := range order {
		rank[g] = i
	}
	distinct := func(list []uint32) []uint32 {
		slices.Sort(list)
		return slices.Compact(list)
	}
	gather := func(from map[agendaKey]*AgendaEntry) (out []AgendaEntry) {
		for _, e := range from {
			e.Updates, e.Computers = distinct(e.Updates), distinct(e.Computers)
			out = append(out, *e)
		}
		flags := func(e AgendaEntry) int {
			n := 0
			for i, b := range []bool{e.Forced, e.After, e.Idle, e.Blocked, e.Estimate} {
				if b {
					n |= 1 << i
				}
			}
			return n
		}
		slices.SortFunc(out, func(x, y AgendaEntry) int {
			return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(x.Kind, y.Kind), cmp.Compare(rank[x.Group], rank[y.Group]), cmp.Compare(x.Group, y.Group), cmp.Compare(flags(x), flags(y)))
		})
		return out
	}
	a.Entries, a.Overdue = gather(a.entries), gather(a.overdue)
	a.Waiting = nil
	for _, w := range a.waiting {
		w.Updates, w.Computers = distinct(w.Updates), distinct(w.Computers)
		a.Waiting = append(a.Waiting, *w)
	}
	slices.SortFunc(a.Waiting, func(x, y AgendaWaiting) int {
		return cmp.Or(cmp.Compare(x.Reason, y.Reason), cmp.Compare(rank[x.Group], rank[y.Group]), cmp.Compare(x.Group, y.Group))
	})
}
