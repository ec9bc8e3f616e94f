package model

import (
	"fmt"
	"time"
)

// DecisionInput is all that decides when an approved update is installed on a
// computer (semantics 1.5, 3.10; design 7).
type DecisionInput struct {
	Now      time.Time // in the computer's zone: schedules are read in it
	Approved bool      // the effective approval is Install
	Deadline time.Time // zero = none
	Policy   Policy    // as the computer obeys it
	Started  time.Time // when the computer's agent last started; a schedule missed before that is caught up
	Arrived  time.Time // when the approval reached the computer; a scheduled time before that does not count as missed
	Expires  time.Time // of the plan; zero = no plan is needed yet
	ByUser   bool      // the user asked for it now: `fettle agent install`
}

// DecisionAction is what the agent does now.
type DecisionAction uint8

// The actions.
const (
	DecideNothing  DecisionAction = iota
	DecideDownload                // download now; installed later
	DecideTell                    // only tell the user: mode notify
	DecideInstall
)

// String gives the word used in sentences.
func (d DecisionAction) String() string {
	return [...]string{"nothing", "download", "tell the user", "install"}[min(d, 3)]
}

// Decision is the answer: what to do now, when to decide again at the latest,
// and why, in words.
type Decision struct {
	Action DecisionAction
	At     time.Time // when it will be installed by itself if nothing changes; zero = not by itself
	Reason string
	Notice bool // the situation is a notice to the administrator: disabled although a deadline passed
}

// rescheduleGrace is how long after the agent's start a missed schedule is
// caught up: WSUS's RescheduleWaitTime default, one minute (semantics 3.10).
const rescheduleGrace = time.Minute

// Decide says what a computer does with one approved update now. A pure
// function: agent, forecast and explanation call the same.
func Decide(in DecisionInput) Decision {
	due := !in.Deadline.IsZero() && !in.Deadline.After(in.Now)
	switch {
	case !in.Approved:
		return Decision{Reason: "it is not approved for this computer"}
	case in.Policy.Mode == ModeDisabled:
		d := Decision{Reason: "Automatic Updates are disabled on this computer, so nothing is installed", Notice: true}
		if due {
			d.Reason = "its deadline has passed, but Automatic Updates are disabled on this computer, so nothing is installed"
		}
		return d
	case !in.Expires.IsZero() && !in.Expires.After(in.Now):
		return Decision{Reason: "the plan has expired; the server must be asked again before anything is installed"}
	case in.ByUser:
		return Decision{Action: DecideInstall, At: in.Now, Reason: "the user asked for it"}
	case due:
		return Decision{Action: DecideInstall, At: in.Now,
			Reason: fmt.Sprintf("its deadline %s has passed", in.Deadline.In(in.Now.Location()).Format("2006-01-02 15:04"))}
	}
	d := Decision{Action: DecideDownload, At: in.Deadline}
	until := "it has no deadline"
	if !in.Deadline.IsZero() {
		until = "its deadline is " + in.Deadline.In(in.Now.Location()).Format("2006-01-02 15:04")
	}
	switch in.Policy.Mode {
	case ModeScheduled:
		if in.Policy.Install == nil {
			d.Reason = until + "; the mode is scheduled, but no time is set"
			return d
		}
		// A schedule that passed since the approval arrived was missed, because
		// the computer was off or busy: it is caught up after the grace.
		if last := in.Policy.Install.Last(in.Now); !in.Arrived.IsZero() && last.After(in.Arrived) {
			catchUp := in.Started.Add(rescheduleGrace)
			if !catchUp.After(in.Now) {
				return Decision{Action: DecideInstall, At: in.Now, Reason: fmt.Sprintf("its scheduled time %s has come", last.Format("Mon 15:04"))}
			}
			if d.At.IsZero() || catchUp.Before(d.At) {
				d.At = catchUp
			}
			d.Reason = "its scheduled time was missed; it is caught up shortly after start"
			return d
		}
		at := in.Policy.Install.Next(in.Now)
		if d.At.IsZero() || at.Before(d.At) {
			d.At = at
		}
		d.Reason = fmt.Sprintf("%s; updates are installed %s", until, in.Policy.Install)
	case ModeDownload:
		d.Reason = until + "; it is downloaded, and the user installs it"
	case ModeNotify:
		d.Action, d.Reason = DecideTell, until+"; the user is told, downloads and installs it"
	default:
		d.Reason = until + "; no Automatic Updates mode is set"
	}
	return d
}

// CheckInterval is the longest time between two check-ins (seed; semantics 1.5).
const CheckInterval = 22 * time.Hour

// NextCheckIn gives the time of the next check-in: CheckInterval less 0 to 20 %.
// fraction is a random number in [0, 1).
func NextCheckIn(last time.Time, fraction float64) time.Time {
	return last.Add(CheckInterval - time.Duration(fraction*0.2*float64(CheckInterval)))
}

// Detects says whether a computer finds out about new updates now. A pending
// restart stops detection on Windows, whose agent does that; on Linux it goes on
// (semantics 3.10 and 7, rule 10).
func Detects(p Platform, restartPending bool) bool {
	return p != PlatformWindows || !restartPending
}

// RestartInput is all that decides whether a computer restarts.
type RestartInput struct {
	Now      time.Time // in the computer's zone
	Pending  bool
	Since    time.Time // when the restart became pending
	Policy   Policy
	LoggedIn bool // somebody has a session on the computer
}

// DecideRestart says whether the computer restarts now, and if not, when it
// will: zero means that it waits for a person.
func DecideRestart(in RestartInput) (now bool, at time.Time, reason string) {
	switch {
	case !in.Pending:
		return false, time.Time{}, "no restart is pending"
	case in.Policy.Restart == RestartIdle && !in.LoggedIn:
		return true, in.Now, "nobody is logged in"
	case in.Policy.Restart == RestartIdle:
		return false, time.Time{}, "somebody is logged in; it restarts when nobody is"
	case in.Policy.Restart == RestartAt && in.Policy.RestartAt != nil:
		if last := in.Policy.RestartAt.Last(in.Now); last.After(in.Since) && in.Now.Sub(last) < time.Hour {
			return true, in.Now, "its restart time has come"
		}
		next := in.Policy.RestartAt.Next(in.Now)
		return false, next, "it restarts " + in.Policy.RestartAt.String()
	}
	return false, time.Time{}, "the policy leaves the restart to a person"
}
