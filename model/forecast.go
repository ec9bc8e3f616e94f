package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CheckWindow is when a computer is expected to make contact next.
type CheckWindow struct {
	From, To time.Time // equal when the computer said when; zero when it never made contact
	Said     bool      // its agent named the time
	Overdue  bool      // the whole window has passed
}

// earliestCheck is the shortest wait between two check-ins: CheckInterval less
// 20 % (semantics 3.10).
const earliestCheck = CheckInterval * 8 / 10

// NextCheckWindow gives the window of a computer's next check-in. said is what
// its agent named; it counts only when it lies after the last contact.
func NextCheckWindow(contacted, said, now time.Time) CheckWindow {
	var w CheckWindow
	switch {
	case contacted.IsZero():
		return w
	case said.After(contacted):
		w = CheckWindow{From: said, To: said, Said: true}
	default:
		w = CheckWindow{From: contacted.Add(earliestCheck), To: contacted.Add(CheckInterval)}
	}
	w.Overdue = w.To.Before(now)
	return w
}

// ForecastInput is all that tells when one update will be installed on one
// computer by itself.
type ForecastInput struct {
	Now        time.Time // in the computer's zone
	Platform   Platform
	Admission  Admission
	State      InstallationState
	Approval   EffectiveApproval
	Given      time.Time // when the approval was given; zero = not known
	Policy     Policy    // as the computer obeys it
	Contacted  time.Time
	NextCheck  time.Time // that its agent named; zero = not said
	Restart    bool      // a restart of the computer is pending
	MayRestart bool      // installing the update may want one
	Gone       string    // why nobody can install it any more; empty = it is offered
	Obstacles  []string  // why this computer would not install it although it is approved
}

// Forecast is when an update will be installed on a computer by itself.
type Forecast struct {
	Decision Decision    // what the computer decides as soon as it knows of the approval
	At       time.Time   // expected; zero = not by itself, or nothing to be installed
	Latest   time.Time   // if the approval reaches the computer only at its next check-in; zero or equal to At when that makes no difference
	Check    CheckWindow // its next check-in
	Restart  string      // what is known of the restart after it, a clause; empty = none is expected
	Estimate bool        // Windows decides for itself when it installs
	Text     string      // a clause: "at 2026-11-23 03:00 CET: it has no deadline; updates are installed daily@03:00"
	Assumed  []string    // what was assumed, a clause each
}

// Predict foretells by Decide, the very function that the agent obeys. What
// only the agent knows (when it started, when the approval arrived, whether the
// computer is running) is assumed, and the assumptions are said.
func Predict(in ForecastInput) Forecast {
	f := Forecast{Check: NextCheckWindow(in.Contacted, in.NextCheck, in.Now), Estimate: in.Platform == PlatformWindows}
	arrived := !in.Contacted.IsZero() && !in.Given.After(in.Contacted)
	decide := func(now, since time.Time) Decision {
		return Decide(DecisionInput{Now: now.In(in.Now.Location()), Approved: in.Approval.Approved(), Deadline: in.Approval.Deadline, Policy: in.Policy,
			Arrived: since, Started: in.Now})
	}
	// Only our own agent catches up a schedule at its start, and only when the
	// approval had arrived before it.
	since := time.Time{}
	if arrived && in.Platform != PlatformWindows {
		since = in.Contacted
	}
	f.Decision = decide(in.Now, since)
	if stop := in.nothingToInstall(&f); stop {
		return f
	}
	switch {
	case f.Decision.Action == DecideInstall:
		f.due(in, arrived)
	case f.Decision.At.IsZero():
		f.Text = "not by itself: " + f.Decision.Reason
		return f
	case !since.IsZero() && in.Policy.Mode == ModeScheduled && in.Policy.Install != nil && in.Policy.Install.Last(in.Now).After(since):
		f.At = f.Decision.At
		f.Text = fmt.Sprintf("as soon as it runs again: its scheduled time %s passed, and it has not reported since", stamp(in.Policy.Install.Last(in.Now)))
		f.assume("it was switched off at its scheduled time, which is caught up a minute after its agent starts")
	case arrived:
		f.At = f.Decision.At
		f.Text = fmt.Sprintf("at %s: %s", stamp(f.At.In(in.Now.Location())), f.Decision.Reason)
		f.assume(fmt.Sprintf("the approval reached it at its last contact, %s", stamp(in.Contacted.In(in.Now.Location()))))
	default:
		f.arriving(in, decide)
	}
	if !f.At.IsZero() {
		f.assume("it is running at that time")
	}
	if in.MayRestart && !f.At.IsZero() {
		f.Restart = restartAfter(in.Policy, f.At.In(in.Now.Location()))
	}
	if f.Estimate {
		f.Text += " (an estimate: a Windows computer's own agent decides when it installs)"
	}
	return f
}

func (f *Forecast) assume(clause string) { f.Assumed = append(f.Assumed, clause) }

// nothingToInstall tells the cases in which there is no time to foretell.
func (in *ForecastInput) nothingToInstall(f *Forecast) bool {
	e := in.Approval
	switch {
	case in.Admission == Waiting:
		f.Text = "not at all: the computer asks to be managed and was not accepted yet"
	case in.Admission == Rejected:
		f.Text = "not at all: the computer was rejected and is not managed here"
	case in.State == StateInstalled:
		f.Text = "it is installed already"
	case in.State == StateInstalledPendingReboot:
		f.Text = "it is installed and takes effect after a restart; " + restartAfter(in.Policy, in.Now)
	case in.State == StateNotApplicable:
		f.Text = "it does not apply to this computer, so nothing is installed"
	case e.Step == StepDeclined:
		f.Text = "not at all: the update is declined"
	case e.Action == ActionInstall && e.Stale:
		f.Text = "not as long as the approval is held back"
	case e.Action == ActionUninstall:
		f.Text = "not at all: it is approved for removal"
	case !e.Approved():
		f.Text = "not by itself: " + f.Decision.Reason
	case in.Gone != "":
		f.Text = "not at all: " + in.Gone
	case in.State == StateUnknown && !Detects(in.Platform, in.Restart):
		f.Text = "it is not known whether the computer needs it, and a Windows computer looks for updates only after its pending restart"
	case in.State == StateUnknown:
		f.Text = "the computer has not reported on it yet; it does so at its next check-in" + checkWords(f.Check, in.Now)
	case in.Policy.Mode == ModeDisabled:
		f.Text = "not at all: " + f.Decision.Reason
	case !Detects(in.Platform, in.Restart):
		f.Text = "not before the computer was restarted: a pending restart stops detection on Windows"
	case len(in.Obstacles) > 0:
		f.Text = "not by itself: " + strings.Join(in.Obstacles, "; ")
	default:
		return false
	}
	return true
}

// due tells of an installation that is due already: it happens at a check-in,
// whose time is known only roughly.
func (f *Forecast) due(in ForecastInput, arrived bool) {
	f.At = f.Check.To
	if f.At.Before(in.Now) {
		f.At = in.Now
	}
	switch {
	case in.Contacted.IsZero():
		f.At = time.Time{}
		f.Text = "at its first check-in: " + f.Decision.Reason
	case f.Check.Overdue:
		f.Text = "as soon as it makes contact, which is overdue: " + f.Decision.Reason
	case arrived && in.Platform != PlatformWindows && in.Approval.Deadline.After(in.Contacted):
		f.Text = "as soon as it runs: " + f.Decision.Reason + ", and it has not reported since"
		f.assume("its agent wakes at deadlines, so that it is switched off or at work")
	default:
		f.Text = "at its next check-in" + checkWords(f.Check, in.Now) + ": " + f.Decision.Reason
		if !arrived && in.Platform == PlatformLinux {
			f.assume("its agent is not connected; a connected one is woken at once")
		}
	}
}

// arriving tells of an approval that the computer does not know of yet. A
// connected agent of ours is woken at once; all others learn of it when they
// check in, the last at the end of the window.
func (f *Forecast) arriving(in ForecastInput, decide func(now, since time.Time) Decision) {
	first, last := in.Now, f.Check.To
	if in.Platform == PlatformWindows && f.Check.From.After(first) {
		first = f.Check.From
	}
	if last.Before(first) {
		last = first
	}
	d := decide(first, time.Time{})
	f.At = d.At
	f.Text = fmt.Sprintf("at %s: %s", stamp(f.At.In(in.Now.Location())), d.Reason)
	if l := decide(last, time.Time{}); l.At.After(f.At) {
		f.Latest = l.At
		f.Text = fmt.Sprintf("at %s, or at %s if the approval reaches it only at its next check-in: %s", stamp(f.At.In(in.Now.Location())), stamp(f.Latest.In(in.Now.Location())), d.Reason)
	}
	switch {
	case in.Contacted.IsZero():
		f.assume("it makes contact before that; it never did so far")
	case f.Check.Overdue:
		f.assume("it makes contact before that, which is overdue")
	case in.Platform == PlatformLinux:
		f.assume("the approval reaches it before that: at once while its agent is connected, else at its next check-in" + checkWords(f.Check, in.Now))
	default:
		f.assume("the approval reaches it at its next check-in" + checkWords(f.Check, in.Now))
	}
}

// restartAfter says in a clause what follows an installation that wants a
// restart, or a restart that is pending.
func restartAfter(p Policy, t time.Time) string {
	_, at, reason := DecideRestart(RestartInput{Now: t, Pending: true, Since: t, Policy: p, LoggedIn: true})
	switch {
	case !at.IsZero():
		return fmt.Sprintf("it restarts at %s", stamp(at))
	case p.Restart == RestartIdle:
		return "it restarts as soon as nobody is logged in"
	}
	return reason
}

// checkWords gives the window of a check-in, to follow "at its next check-in".
func checkWords(w CheckWindow, now time.Time) string {
	loc := now.Location()
	switch {
	case w.To.IsZero():
		return ""
	case w.Overdue:
		return ", which was due by " + stamp(w.To.In(loc))
	case w.Said:
		return " at " + stamp(w.To.In(loc))
	}
	return fmt.Sprintf(" between %s and %s", stamp(w.From.In(loc)), stamp(w.To.In(loc)))
}

// stamp writes an instant for a sentence, with its zone: the computer's may not
// be the reader's.
func stamp(t time.Time) string { return t.Format("2006-01-02 15:04 MST") }

// blockedPackages says why apt on a computer would not install an update
// although it is approved: nothing when at least one of its packages is free.
func blockedPackages(update UpdateID, packages []NeededPackage) []string {
	var out []string
	for _, p := range packages {
		if p.Update != update {
			continue
		}
		if p.State == NeedNeeded {
			return nil
		}
		s := fmt.Sprintf("%s is %s on this computer", Clean(p.Package), p.State)
		if p.Reason != "" {
			s += ": " + Clean(p.Reason)
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Obstacles says why a computer would not install an approved update: its own
// apt keeps the packages back, or the closure was refused. waits are the
// identifiers of updates that it cannot go without and that are not approved
// there.
func Obstacles(update UpdateID, st *Status, approved func(UpdateID) bool) (obstacles []string, waits []UpdateID) {
	if st == nil {
		return nil, nil
	}
	obstacles = blockedPackages(update, st.Packages)
	closures := make(map[UpdateID]*Closure, len(st.Closures))
	for i := range st.Closures {
		closures[st.Closures[i].Update] = &st.Closures[i]
	}
	c := closures[update]
	if c == nil {
		return obstacles, nil
	}
	if c.Error != "" {
		obstacles = append(obstacles, Clean(c.Error))
	}
	if len(c.Removes) > 0 {
		obstacles = append(obstacles, "installing it would remove "+Clean(strings.Join(c.Removes, ", ")))
	}
	// Waiting is contagious, as in BuildPlan: what a needed update needs counts too.
	seen := map[UpdateID]bool{update: true}
	for queue := []*Closure{c}; len(queue) > 0; queue = queue[1:] {
		for _, n := range queue[0].Needs {
			if seen[n] {
				continue
			}
			seen[n] = true
			if !approved(n) {
				waits = append(waits, n)
			} else if next := closures[n]; next != nil {
				queue = append(queue, next)
			}
		}
	}
	if len(waits) > 0 {
		words := make([]string, len(waits))
		for i, w := range waits {
			words[i] = Clean(string(w))
		}
		obstacles = append(obstacles, fmt.Sprintf("it waits for %s, which is not approved for this computer", strings.Join(words, ", ")))
	}
	return obstacles, waits
}
