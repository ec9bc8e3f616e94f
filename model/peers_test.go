package model

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// Mistakes that peers shipped (peers 2, "Bugs in peers"), as regressions where
// they could occur in this package. How kernels are compared for a pending
// restart is tested where it is decided, in sync/agent.

// Tactical's list of months with 30 days named March and left April out: day 31
// never came in April, and came on the 30th in March. Here every day of every
// month comes once.
func TestPeersTacticalMonthsHaveTheirDays(t *testing.T) {
	berlin := mustZone(t, "Europe/Berlin")
	daily := WeekTime{Day: EveryDay, Minute: 150}
	at := time.Date(2023, 12, 31, 12, 0, 0, 0, berlin)
	for day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
		at = daily.Next(at)
		if at.Format(time.DateOnly) != day.Format(time.DateOnly) {
			t.Fatalf("after %v came %v, want the %s", day.AddDate(0, 0, -1), at, day.Format(time.DateOnly))
		}
		// A rule's deadline of so many days lies on the day that the calendar says.
		for _, n := range []int{0, 1, 28, 29, 30, 31, 365} {
			want := day.AddDate(0, 0, n).Format(time.DateOnly)
			if got := (RuleDeadline{Days: n, Minute: 600}).At(at); got.Format(time.DateOnly+" 15:04") != want+" 10:00" {
				t.Fatalf("%d days after %v is %v, want %s", n, at, got, want)
			}
		}
	}
}

// Tactical noted "patches last installed" before any result came, so that a lost
// message meant done for the day. Here nothing is done until it is reported: a
// schedule that passed is still due, on the same day and on every later one.
func TestPeersTacticalNothingIsDoneBeforeItsResult(t *testing.T) {
	arrived := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, later := range []time.Duration{16 * time.Hour, 20 * time.Hour, 40 * time.Hour, 30 * 24 * time.Hour} {
		in := DecisionInput{Now: arrived.Add(later), Approved: true, Policy: DefaultPolicy(), Arrived: arrived, Started: arrived}
		if d := Decide(in); d.Action != DecideInstall {
			t.Errorf("%v after the approval: %s (%s)", later, d.Action, d.Reason)
		}
	}
}

// PatchMon took fixed times for UTC and showed them as local. Schedules are the
// computer's, a rule's deadline and synchronizations the server's.
func TestPeersPatchMonTimesAreNotUTC(t *testing.T) {
	for _, zone := range []string{"Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata"} {
		loc := mustZone(t, zone)
		now := time.Date(2026, 7, 1, 0, 30, 0, 0, time.UTC).In(loc)
		for name, at := range map[string]time.Time{
			"scheduled installation": Decide(DecisionInput{Now: now, Approved: true, Policy: DefaultPolicy()}).At,
			"rule's deadline":        RuleDeadline{Days: 2, Minute: 180}.At(now),
			"synchronization":        SyncSchedule{PerDay: 1, First: 180}.Next(now),
		} {
			if at.In(loc).Format("15:04") != "03:00" {
				t.Errorf("%s in %s: %v", name, zone, at.In(loc))
			}
		}
		_, at, _ := DecideRestart(RestartInput{Now: now, Pending: true, Since: now, Policy: Policy{Restart: RestartAt, RestartAt: &WeekTime{Day: EveryDay, Minute: 180}}})
		if at.In(loc).Format("15:04") != "03:00" {
			t.Errorf("restart in %s: %v", zone, at.In(loc))
		}
	}
}

// PatchMon let the oldest assignment win silently when groups conflict. Here the
// stricter policy of groups of the same depth wins whatever their order and age,
// and the group that it came from is named.
func TestPeersPatchMonConflictsAreDecidedAndNamed(t *testing.T) {
	groups := append(PredefinedGroups(),
		Group{ID: "g1", Name: "Oldest", Parent: GroupAll, Policy: Policy{Mode: ModeScheduled, Install: &WeekTime{Day: EveryDay, Minute: 60}, Restart: RestartAt, RestartAt: &WeekTime{}}},
		Group{ID: "g2", Name: "Strict", Parent: GroupAll, Policy: Policy{Mode: ModeNotify, Restart: RestartNo}},
		Group{ID: "g3", Name: "Newest", Parent: GroupAll, Policy: Policy{Mode: ModeDownload, Restart: RestartIdle}})
	tree, err := NewGroupTree(groups)
	if err != nil {
		t.Fatal(err)
	}
	of := []GroupID{GroupAll, GroupLinux, "g1", "g2", "g3"}
	for range 50 {
		rand.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		p, from := EffectivePolicy(tree, of)
		if p.Mode != ModeNotify || p.Restart != RestartNo || from != (PolicyOrigin{Mode: "g2", Restart: "g2"}) {
			t.Fatalf("of %v: %s from %+v", of, p.Describe(), from)
		}
	}
	in := explained(t)
	in.Tree, in.Groups, in.Policy, in.Origin = tree, of, groups[7].Policy, PolicyOrigin{Mode: "g2", Restart: "g2"}
	if e := Explain(in); !strings.Contains(strings.Join(e.Settings, "\n"), "the mode comes from Strict") {
		t.Errorf("the group is not named: %q", e.Settings)
	}
}

// Deleting a policy in PatchMon left its scheduled runs alive. A decision is
// taken anew each time from the policies as they are.
func TestPeersPatchMonADeletedPolicyRunsNoMore(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(own Policy) time.Time {
		tree, err := NewGroupTree(append(PredefinedGroups(), Group{ID: "g1", Name: "A", Parent: GroupAll, Policy: own}))
		if err != nil {
			t.Fatal(err)
		}
		p, _ := EffectivePolicy(tree, []GroupID{GroupAll, "g1"})
		return Decide(DecisionInput{Now: now, Approved: true, Policy: p, Arrived: now.Add(-time.Hour), Started: now.Add(-time.Hour)}).At
	}
	if got := at(Policy{Mode: ModeScheduled, Install: &WeekTime{Day: EveryDay, Minute: 22 * 60}}); got.Hour() != 22 {
		t.Errorf("with the policy: %v", got)
	}
	if got := at(Policy{}); got.Hour() != 3 {
		t.Errorf("without it: %v", got)
	}
}

// PatchMon counted packages with "security" in their name as security updates.
// The suite decides, never the name.
func TestPeersPatchMonSecurityIsNoMatterOfNames(t *testing.T) {
	av := NewAvailability()
	for i, u := range []struct {
		source string
		suites []string
	}{{"spring-security", []string{"bookworm"}}, {"bash", []string{"bookworm-security"}}} {
		av.Add(&Update{ID: DebianID("Debian", "bookworm", u.source, "2"), Number: uint32(i + 1), Debian: &DebianSource{Archive: "Debian", Release: "bookworm", Source: u.source, Version: "2",
			Suites: u.suites, Section: "libs", Packages: []DebianPackage{{Name: u.source, Arch: "amd64", Version: "2"}}}})
	}
	inv := &Inventory{Arch: "amd64", Packages: []InstalledPackage{{Name: "bash", Arch: "amd64", Version: "1"}, {Name: "spring-security", Arch: "amd64", Version: "1"}},
		Sources: []PackageSource{{Archive: "Debian", Codename: "bookworm", Priority: 500}, {Archive: "Debian", Codename: "bookworm-security", Priority: 500}}}
	ev := Evaluate(inv, av)
	if len(ev.Packages) != 2 || !ev.Packages[0].Security || ev.Packages[1].Security {
		t.Errorf("%+v", ev.Packages)
	}
}

// PatchMon said "up to date" when the scan had failed. Whoever never reported,
// or does not know of an update, has no status; a failed scan is said.
func TestPeersPatchMonAFailedScanIsNotUpToDate(t *testing.T) {
	for _, tt := range []struct {
		totals   UpdateTotals
		reported bool
		want     ComputerState
	}{
		{UpdateTotals{}, false, ComputerNoStatus},
		{UpdateTotals{Installed: 5}, false, ComputerNoStatus},
		{UpdateTotals{Installed: 5, Unknown: 1}, true, ComputerNoStatus},
		{UpdateTotals{Installed: 5}, true, ComputerOK},
	} {
		if got := tt.totals.State(tt.reported); got != tt.want {
			t.Errorf("%+v, reported %v: %s, want %s", tt.totals, tt.reported, got, tt.want)
		}
	}
	if p := (Counts{Computers: 4, Installed: 1, Unknown: 3}).InstalledOrNA(); p != 25 {
		t.Errorf("with three of four computers unknown %v %% are up to date", p)
	}
	in := explained(t)
	in.State, in.Computer.Scan = StateUnknown, ScanResult{Error: "apt-get update failed"}
	e := Explain(in)
	if !slices.ContainsFunc(e.Installed, func(s string) bool { return strings.Contains(s, "its last detection failed") }) || strings.Contains(e.text(), "installed already") {
		t.Errorf("%s", e.text())
	}
}

// PatchMon compared kernel versions as text and asked for a restart for ever.
// Versions are compared as Debian does.
func TestPeersPatchMonVersionsAreNotText(t *testing.T) {
	for _, v := range [][2]string{{"6.1.0-9", "6.1.0-10"}, {"6.1.99-1", "6.1.106-3"}, {"6.1.0-10~bpo12+1", "6.1.0-10"}} {
		if CompareDebianVersions(v[0], v[1]) >= 0 {
			t.Errorf("%s is not before %s", v[0], v[1])
		}
	}
}
