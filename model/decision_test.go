package model

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDecide(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // a Sunday
	at := func(h int) time.Time { return now.Add(time.Duration(h) * time.Hour) }
	nightly := Policy{Mode: ModeScheduled, Install: &WeekTime{Day: EveryDay, Minute: 3 * 60}}
	mode := func(m Mode) Policy { return Policy{Mode: m} }
	for _, tt := range []struct {
		name string
		in   DecisionInput
		want DecisionAction
		at   time.Time
	}{
		{"not approved", DecisionInput{Policy: nightly}, DecideNothing, time.Time{}},
		{"past deadline, scheduled", DecisionInput{Approved: true, Deadline: at(-1), Policy: nightly}, DecideInstall, now},
		{"past deadline, download", DecisionInput{Approved: true, Deadline: at(-1), Policy: mode(ModeDownload)}, DecideInstall, now},
		{"past deadline, notify", DecisionInput{Approved: true, Deadline: now, Policy: mode(ModeNotify)}, DecideInstall, now},
		{"past deadline, disabled", DecisionInput{Approved: true, Deadline: at(-1), Policy: mode(ModeDisabled)}, DecideNothing, time.Time{}},
		{"future deadline, disabled", DecisionInput{Approved: true, Deadline: at(1), Policy: mode(ModeDisabled)}, DecideNothing, time.Time{}},
		{"disabled beats the user", DecisionInput{Approved: true, ByUser: true, Policy: mode(ModeDisabled)}, DecideNothing, time.Time{}},
		{"future deadline, scheduled before it", DecisionInput{Approved: true, Deadline: at(40), Policy: nightly}, DecideDownload, at(15)},
		{"future deadline, scheduled after it", DecisionInput{Approved: true, Deadline: at(2), Policy: nightly}, DecideDownload, at(2)},
		{"future deadline, download", DecisionInput{Approved: true, Deadline: at(2), Policy: mode(ModeDownload)}, DecideDownload, at(2)},
		{"no deadline, download", DecisionInput{Approved: true, Policy: mode(ModeDownload)}, DecideDownload, time.Time{}},
		{"no deadline, notify", DecisionInput{Approved: true, Policy: mode(ModeNotify)}, DecideTell, time.Time{}},
		{"the user asked", DecisionInput{Approved: true, ByUser: true, Policy: mode(ModeNotify)}, DecideInstall, now},
		{"the schedule came", DecisionInput{Approved: true, Arrived: at(-20), Started: at(-100), Policy: nightly}, DecideInstall, now},
		{"the schedule was before the approval", DecisionInput{Approved: true, Arrived: at(-2), Started: at(-100), Policy: nightly}, DecideDownload, at(15)},
		{"missed while off", DecisionInput{Approved: true, Arrived: at(-20), Started: now, Policy: nightly}, DecideDownload, now.Add(time.Minute)},
		{"expired plan", DecisionInput{Approved: true, Deadline: at(-1), Expires: at(-1), Policy: nightly}, DecideNothing, time.Time{}},
	} {
		tt.in.Now = now
		got := Decide(tt.in)
		if got.Action != tt.want || !got.At.Equal(tt.at) || got.Reason == "" {
			t.Errorf("%s: %s at %v (%s), want %s at %v", tt.name, got.Action, got.At, got.Reason, tt.want, tt.at)
		}
		if notice := tt.in.Policy.Mode == ModeDisabled && tt.in.Approved; got.Notice != notice {
			t.Errorf("%s: notice %v", tt.name, got.Notice)
		}
	}
}

// Whatever the rest: nothing unapproved, nothing under mode disabled, and a
// deadline that passed always installs otherwise.
func TestDecideInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		base := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		hours := func(label string) time.Time {
			return base.Add(time.Duration(rapid.IntRange(-200, 200).Draw(rt, label)) * time.Hour)
		}
		in := DecisionInput{Now: base, Approved: rapid.Bool().Draw(rt, "approved"), Started: hours("started"), Arrived: hours("arrived"),
			Policy: Policy{Mode: Mode(rapid.IntRange(1, 4).Draw(rt, "mode")), Install: &WeekTime{Day: rapid.IntRange(-1, 6).Draw(rt, "day"), Minute: rapid.IntRange(0, 1439).Draw(rt, "minute")}}}
		if rapid.Bool().Draw(rt, "has deadline") {
			in.Deadline = hours("deadline")
		}
		d := Decide(in)
		if d.Action != DecideNothing && (!in.Approved || in.Policy.Mode == ModeDisabled) {
			rt.Fatalf("%s although approved=%v, mode %s", d.Action, in.Approved, in.Policy.Mode)
		}
		if in.Approved && in.Policy.Mode != ModeDisabled && !in.Deadline.IsZero() && !in.Deadline.After(in.Now) && d.Action != DecideInstall {
			rt.Fatalf("%s although the deadline passed", d.Action)
		}
		if d.Action != DecideInstall && !d.At.IsZero() && !d.At.After(in.Now) {
			rt.Fatalf("predicted %v, which is not after now", d.At)
		}
		if !in.Deadline.IsZero() && d.At.After(in.Deadline) && in.Deadline.After(in.Now) {
			rt.Fatalf("predicted %v, after the deadline %v", d.At, in.Deadline)
		}
	})
}

func TestNextCheckInStaysWithinTheRule(t *testing.T) {
	last := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, f := range []float64{0, 0.5, 0.999999} {
		d := NextCheckIn(last, f).Sub(last)
		if d > 22*time.Hour || d < 22*time.Hour*8/10 {
			t.Errorf("fraction %v: %v", f, d)
		}
	}
}

func TestDecideRestart(t *testing.T) {
	now := time.Date(2026, 11, 22, 4, 10, 0, 0, time.UTC)
	at4 := Policy{Restart: RestartAt, RestartAt: &WeekTime{Day: EveryDay, Minute: 4 * 60}}
	for _, tt := range []struct {
		name string
		in   RestartInput
		now  bool
		at   time.Time
	}{
		{"not pending", RestartInput{Policy: Policy{Restart: RestartIdle}}, false, time.Time{}},
		{"never", RestartInput{Pending: true, Policy: Policy{Restart: RestartNo}}, false, time.Time{}},
		{"idle, nobody", RestartInput{Pending: true, Policy: Policy{Restart: RestartIdle}}, true, now},
		{"idle, somebody", RestartInput{Pending: true, LoggedIn: true, Policy: Policy{Restart: RestartIdle}}, false, time.Time{}},
		{"at its time", RestartInput{Pending: true, Since: now.Add(-2 * time.Hour), Policy: at4}, true, now},
		{"time passed before it was pending", RestartInput{Pending: true, Since: now.Add(-time.Minute), Policy: at4}, false, time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)},
	} {
		tt.in.Now = now
		do, at, reason := DecideRestart(tt.in)
		if do != tt.now || !at.Equal(tt.at) && !do || reason == "" {
			t.Errorf("%s: %v at %v (%s)", tt.name, do, at, reason)
		}
	}
}

func TestStricterNeverLoosens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := func(label string, low int) Policy {
			return Policy{Mode: Mode(rapid.IntRange(low, 4).Draw(rt, label)), Restart: RestartRule(rapid.IntRange(low, 3).Draw(rt, label))}
		}
		server, local := p("server", 1), p("local", 0)
		got := server.Stricter(local)
		if got.Mode < server.Mode || got.Restart > server.Restart {
			rt.Fatalf("%+v made stricter by %+v is %+v", server, local, got)
		}
	})
}

func TestEffectivePolicyDeepestWinsThenStricter(t *testing.T) {
	groups := append(PredefinedGroups(),
		Group{ID: "g1", Name: "A", Parent: GroupAll, Policy: Policy{Mode: ModeNotify}},
		Group{ID: "g2", Name: "B", Parent: GroupAll, Policy: Policy{Mode: ModeDownload, Restart: RestartIdle}},
		Group{ID: "g3", Name: "C", Parent: "g1", Policy: Policy{Restart: RestartAt, RestartAt: &WeekTime{Minute: 5}}})
	tree, err := NewGroupTree(groups)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		groups  []GroupID
		mode    Mode
		restart RestartRule
		from    PolicyOrigin
	}{
		{[]GroupID{GroupAll}, ModeScheduled, RestartNo, PolicyOrigin{GroupAll, GroupAll}},
		{[]GroupID{GroupAll, "g1", "g3"}, ModeNotify, RestartAt, PolicyOrigin{"g1", "g3"}},
		{[]GroupID{GroupAll, "g1", "g2"}, ModeNotify, RestartIdle, PolicyOrigin{"g1", "g2"}},
	} {
		p, from := EffectivePolicy(tree, tt.groups)
		if p.Mode != tt.mode || p.Restart != tt.restart || from != tt.from {
			t.Errorf("%v: %+v from %+v", tt.groups, p, from)
		}
	}
}
