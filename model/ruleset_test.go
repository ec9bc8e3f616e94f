package model

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// The rule set of semantics 7, as far as the model decides it, one test per rule.
// What the store decides of rules 5, 8 and 9 (a replica refuses) is tested there.

// Rule 1: the gate blocks until both wizards are done.
func TestRule1(t *testing.T) {
	done := SetupStep{Done: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		setup Setup
		open  []string
	}{
		{Setup{}, []string{"Computer and Device Management Wizard", "Updates Management Configuration Wizard"}},
		{Setup{Computers: done}, []string{"Updates Management Configuration Wizard"}},
		{Setup{Updates: done}, []string{"Computer and Device Management Wizard"}},
		{Setup{Computers: done, Updates: done}, nil},
	} {
		if tt.setup.Complete() != (tt.open == nil) {
			t.Errorf("%+v: complete is %v", tt.setup, tt.setup.Complete())
		}
		text := SetupRefusal(tt.setup).Error()
		for _, task := range tt.setup.Tasks() {
			if named := strings.Contains(text, task.Wizard+" ("); named != slices.Contains(tt.open, task.Wizard) || named && !strings.Contains(text, task.Command) {
				t.Errorf("%+v: the refusal says %q", tt.setup, text)
			}
		}
	}
}

// Rule 2: an approval changes no installation state. Nothing that decides about
// approvals touches what a computer reported.
func TestRule2(t *testing.T) {
	make := func() *Status {
		return &Status{Computer: 7, Evaluated: 3, Needed: []uint32{3}, Installed: []uint32{1}, Closures: []Closure{{Update: "a", Items: []PlanItem{{Package: "a", Arch: "amd64", To: "2"}}}},
			Packages: []NeededPackage{{Update: "a", Package: "a"}}}
	}
	st := make()
	in := explained(t)
	in.Approvals = []Approval{{Group: "g1", Action: ActionInstall, Deadline: in.Now.Add(-time.Hour), Deployment: 1}}
	before, row := *in.Computer, *in.Update
	e := Explain(in)
	BuildPlan("web1", []PlannedUpdate{{Update: "a"}}, st.Closures, in.Now)
	Obstacles("a", st, func(UpdateID) bool { return true })
	if e.State != StateNotInstalled || !reflect.DeepEqual(st, make()) || !reflect.DeepEqual(before, *in.Computer) || !reflect.DeepEqual(row, *in.Update) {
		t.Error("an approval changed what was reported")
	}
}

// Rule 3: the effective approval follows 3.3 in all combinations of depth,
// action and deadline, and the explanation names the winner and the step.
func TestRule3(t *testing.T) {
	in := explained(t)
	in.Groups = []GroupID{GroupAll, "g1", "g2", "g3"}
	depth := map[GroupID]int{GroupAll: 0, "g1": 1, "g3": 1, "g2": 2}
	early, late := in.Now.Add(time.Hour), in.Now.Add(9*time.Hour)
	var all []Approval
	for _, g := range in.Groups {
		for _, a := range []Action{ActionInstall, ActionUninstall, ActionNotApproved} {
			for _, d := range []time.Time{{}, early, late} {
				all = append(all, Approval{Group: g, Action: a, Deadline: d})
			}
		}
	}
	// The pseudo-code of semantics 3.3, line by line.
	obvious := func(approvals []Approval) Approval {
		deepest := slices.MaxFunc(approvals, func(a, b Approval) int { return cmp.Compare(depth[a.Group], depth[b.Group]) })
		var best []Approval
		for _, action := range []Action{ActionInstall, ActionUninstall, ActionNotApproved} {
			for _, a := range approvals {
				if depth[a.Group] == depth[deepest.Group] && a.Action == action {
					best = append(best, a)
				}
			}
			if len(best) > 0 {
				break
			}
		}
		return slices.MinFunc(best, func(a, b Approval) int {
			switch {
			case a.Deadline.IsZero() != b.Deadline.IsZero():
				return cmp.Compare(b.Deadline.Unix(), a.Deadline.Unix())
			default:
				return a.Deadline.Compare(b.Deadline)
			}
		})
	}
	step := func(w, l Approval) Step {
		switch {
		case depth[w.Group] != depth[l.Group]:
			return StepDepth
		case w.Action != l.Action:
			return StepAction
		case !w.Deadline.Equal(l.Deadline):
			return StepDeadline
		}
		return StepSame
	}
	for _, a := range all {
		for _, b := range all {
			if a.Group == b.Group {
				continue // a group has one approval of an update
			}
			in.Approvals = []Approval{a, b}
			want := obvious(in.Approvals)
			e := Explain(in)
			got := e.Effective
			loser := b
			if want == b {
				loser = a
			}
			if step(want, loser) == StepSame {
				want.Group = got.Group // either will do
				loser = got.Losers[0]
			}
			if got.Approval != want || got.Step != step(want, loser) {
				t.Fatalf("%+v against %+v: %+v", a, b, got)
			}
			if c := e.Considered; !c[0].Wins || c[1].Wins || c[0].Approval != want || c[1].Why == "" || e.Because == "" || !strings.HasPrefix(e.Holds, want.Action.Title()+" for ") {
				t.Fatalf("%+v against %+v is explained as %s", a, b, e.text())
			}
		}
	}
	if in.Approvals = nil; Explain(in).Effective.Step != StepNone {
		t.Error("without an approval something is approved")
	}
}

// Rule 4: a past deadline installs at the next check-in in every mode but
// disabled, in which nothing is installed and the computer is a notice; a future
// deadline leaves the mode in charge until then.
func TestRule4(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	deadline := now.Add(5 * time.Hour)
	for _, mode := range []Mode{ModeScheduled, ModeDownload, ModeNotify, ModeDisabled} {
		p := Policy{Mode: mode, Install: &WeekTime{Day: EveryDay, Minute: 14 * 60}}
		past := Decide(DecisionInput{Now: deadline, Approved: true, Deadline: deadline, Policy: p})
		ahead := Decide(DecisionInput{Now: now, Approved: true, Deadline: deadline, Policy: p})
		want := map[Mode]struct {
			past, ahead DecisionAction
			at          time.Time
		}{
			ModeScheduled: {DecideInstall, DecideDownload, now.Add(2 * time.Hour)},
			ModeDownload:  {DecideInstall, DecideDownload, deadline},
			ModeNotify:    {DecideInstall, DecideTell, deadline},
			ModeDisabled:  {DecideNothing, DecideNothing, time.Time{}},
		}[mode]
		if past.Action != want.past || ahead.Action != want.ahead || !ahead.At.Equal(want.at) {
			t.Errorf("%s: past %s, ahead %s at %v", mode, past.Action, ahead.Action, ahead.At)
		}
		if past.Notice != (mode == ModeDisabled) {
			t.Errorf("%s: notice %v", mode, past.Notice)
		}
	}
}

// Rule 5, the model's part: a rule covers its classifications and no others; an
// approval that a revision holds back installs nothing; a licence says so.
func TestRule5(t *testing.T) {
	r := Rule{Classes: []Classification{ClassSecurity, ClassCritical}}
	for _, c := range Classifications() {
		if r.Covers(c) != (c == ClassSecurity || c == ClassCritical) || !(&Rule{}).Covers(c) {
			t.Errorf("the rule covers %s: %v", c, r.Covers(c))
		}
	}
	in := explained(t)
	for _, stale := range []bool{false, true} {
		in.Approvals = []Approval{{Group: "g1", Action: ActionInstall, Deployment: 1, Stale: stale}}
		if e := Explain(in); e.Effective.Approved() == stale || e.Forecast.At.IsZero() != stale {
			t.Errorf("held back %v: %s", stale, e.text())
		}
	}
	for h := HeldLicence; h <= HeldOption; h++ {
		if h.String() == "" {
			t.Errorf("nothing says why %d holds back", h)
		}
	}
}

// Rule 6, the model's part: a decline takes every approval out of force and
// names them; without it they hold again.
func TestRule6(t *testing.T) {
	in := explained(t)
	approvals := []Approval{{Group: GroupAll, Action: ActionInstall}, {Group: "g2", Action: ActionInstall, Deadline: in.Now}}
	d := ResolveApproval(in.Tree, true, approvals)
	if d.Approved() || d.Step != StepDeclined || len(d.Losers) != 2 {
		t.Errorf("declined: %+v", d)
	}
	if e := ResolveApproval(in.Tree, false, approvals); !e.Approved() || e.Group != "g2" {
		t.Errorf("not declined: %+v", e)
	}
}

// Rule 7, the model's part: each computer has exactly one place in the four-way
// split, failed before needed before no status before ok.
func TestRule7(t *testing.T) {
	for failed := range 2 {
		for needed := range 2 {
			for unknown := range 2 {
				for _, reported := range []bool{false, true} {
					got := UpdateTotals{Failed: failed, Needed: needed, Unknown: unknown}.State(reported)
					want := ComputerOK
					switch {
					case failed > 0:
						want = ComputerFailed
					case needed > 0:
						want = ComputerNeeded
					case unknown > 0 || !reported:
						want = ComputerNoStatus
					}
					if got != want {
						t.Errorf("failed %d, needed %d, unknown %d, reported %v: %s", failed, needed, unknown, reported, got)
					}
				}
			}
		}
	}
	for s := StateUnknown; s <= StateInstalledPendingReboot; s++ {
		if s.Needed() != slices.Contains([]InstallationState{2, 3, 6}, s) {
			t.Errorf("%s counts as needed: %v", s, s.Needed())
		}
	}
}

// Rule 8, the model's part: six jobs in their order with WSUS's ages.
func TestRule8(t *testing.T) {
	var jobs []CleanupJob
	for _, j := range CleanupJobs() {
		jobs = append(jobs, j.Job)
	}
	if fmt.Sprint(jobs) != "[superseded expired updates revisions computers files]" {
		t.Errorf("the jobs are %v", jobs)
	}
	day := 24 * time.Hour
	if ages := []time.Duration{CleanupArrived, CleanupApproved, CleanupContact}; !slices.Equal(ages, []time.Duration{30 * day, 90 * day, 30 * day}) {
		t.Errorf("the ages are %v, which are not those of WSUS", ages)
	}
}

// Rule 10: a pending restart stops detection of new updates on Windows; on Linux
// detection goes on.
func TestRule10(t *testing.T) {
	for _, tt := range []struct {
		platform Platform
		pending  bool
		want     bool
	}{{PlatformWindows, true, false}, {PlatformWindows, false, true}, {PlatformLinux, true, true}, {PlatformLinux, false, true}} {
		if got := Detects(tt.platform, tt.pending); got != tt.want {
			t.Errorf("%s, restart pending %v: detects %v", tt.platform, tt.pending, got)
		}
		in := explained(t)
		in.Approvals = []Approval{{Group: "g1", Action: ActionInstall, Deployment: 1}}
		in.Computer.Platform = tt.platform
		if tt.pending {
			in.Computer.Pending = []string{"something"}
		}
		if e := Explain(in); e.Forecast.At.IsZero() == tt.want {
			t.Errorf("%s, restart pending %v: %s", tt.platform, tt.pending, e.Forecast.Text)
		}
	}
}
