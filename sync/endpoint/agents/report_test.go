package agents

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

func TestReportBecomesStates(t *testing.T) {
	b := newBench(t)
	b.offer("needed", "2", "held", "2", "fetched", "2", "broken", "2", "fine", "2", "kernel", "2", "absent", "2")
	m := b.machine("web-1", "needed", "1", "held", "1", "fetched", "1", "broken", "1", "fine", "2", "kernel", "2", "local", "1")
	m.needs("needed", "2", "held", "2", "fetched", "2", "broken", "2", "local", "9")
	m.report.Needed[1].State, m.report.Needed[1].Reason = model.NeedHeld, "it is held"
	m.report.Downloaded = []model.UpdateID{debianID("fetched", "2"), debianID("absent", "2")}
	m.report.Failures = []model.Failure{{Update: debianID("broken", "2"), Time: start, Code: "apt-100", Text: "it did not work"}, {Update: debianID("fine", "2"), Code: "old"}}
	m.report.Pending, m.report.Restart = []string{"a new kernel"}, []model.UpdateID{debianID("kernel", "2")}
	ack := m.checkIn()
	for name, want := range map[string]model.InstallationState{
		"needed": model.StateNotInstalled, "held": model.StateNotInstalled, "fetched": model.StateDownloaded, "broken": model.StateFailed,
		"fine": model.StateInstalled, "kernel": model.StateInstalledPendingReboot, "absent": model.StateNotApplicable,
	} {
		m.wantState(name, "2", want)
	}
	if len(ack.Updates) != 4 || ack.Updates["held:amd64=2"] != debianID("held", "2") || ack.WantInventory {
		t.Errorf("the answer: %+v", ack)
	}
	st := m.status()
	if len(st.Packages) != 5 || st.Packages[3].Package != "local" || st.Packages[3].Update != "" {
		t.Errorf("a version that the catalogue does not know must stay without an update: %+v", st.Packages)
	}
	if len(st.Failures) != 1 || st.Failures[0].Code != "apt-100" {
		t.Errorf("failures: %+v", st.Failures)
	}
	c := m.computer()
	if !c.Reported.Equal(start) || !c.Contacted.Equal(start) || c.Platform != model.PlatformLinux || c.Zone != "Europe/Berlin" || !slices.Equal(c.Pending, []string{"a new kernel"}) {
		t.Errorf("the computer: %+v", c)
	}
	counts := b.store.Snapshot().Counts(b.number(debianID("kernel", "2")), model.GroupAll)
	if counts.Needed != 1 || counts.Pending != 1 || counts.Computers != 1 {
		t.Errorf("the counts: %+v", counts)
	}
}

func TestReportWantsTheInventoryOnce(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1")
	m.needs("aa", "2")
	digest, err := protocol.InventoryDigest(&m.inventory)
	if err != nil {
		t.Fatal(err)
	}
	r := m.report
	r.Digest = digest
	send := func(want bool) {
		t.Helper()
		ack, err := m.server.Report(t.Context(), r)
		if err != nil || ack.WantInventory != want {
			t.Fatalf("wants the inventory: %v, %v", ack.WantInventory, err)
		}
	}
	send(true)
	if c := m.computer(); c.Reported.IsZero() == false || c.Contacted.IsZero() {
		t.Errorf("only the contact should be recorded: %+v", c)
	}
	m.checkIn()
	b.pass(time.Hour)
	send(false)
	m.wantState("aa", "2", model.StateNotInstalled)
	if !m.status().Reported.Equal(start.Add(time.Hour)) {
		t.Error("the second report was not recorded")
	}
	m.server = New(b.store, Options{}).For("web-1", false) // the process was restarted
	send(false)
	r.Digest = []byte("another")
	b.pass(time.Hour)
	send(true)
	m.wantState("aa", "2", model.StateNotInstalled)
	if !m.status().Reported.Equal(start.Add(time.Hour)) {
		t.Error("a report without its inventory must change no status")
	}
}

func TestFailedScanIsNeverUpToDate(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1")
	m.needs("aa", "2")
	m.checkIn()
	b.pass(time.Hour)
	m.report.Needed, m.report.Scan = nil, model.ScanResult{Time: b.store.Now(), Error: "apt-cache \x1b[31mfailed"}
	m.install("aa", "2")
	m.checkIn()
	m.wantState("aa", "2", model.StateNotInstalled)
	c := m.computer()
	if c.Scan.Error != "apt-cache failed" || !c.Reported.Equal(start) || !c.Contacted.Equal(start.Add(time.Hour)) {
		t.Errorf("the computer: %+v", c)
	}
}

func TestFailureHoldsUntilInstalled(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1")
	m.needs("aa", "2")
	m.checkIn()
	b.pass(time.Minute)
	m.event(protocol.EventFailed, "apt-100", "dpkg said \x1b]0;no\a", debianID("aa", "2"), "deb/unknown")
	m.wantState("aa", "2", model.StateNotInstalled) // an event is no report
	if st := m.status(); len(st.Failures) != 1 || st.Failures[0].Text != "dpkg said " {
		t.Fatalf("failures: %+v", st.Failures)
	}
	if _, err := b.endpoint.Reevaluate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	m.wantState("aa", "2", model.StateNotInstalled) // nor is an evaluation
	m.checkIn()
	m.wantState("aa", "2", model.StateFailed)
	m.checkIn() // says nothing of the failure
	m.wantState("aa", "2", model.StateFailed)
	m.event(protocol.EventInstalled, "", "", debianID("aa", "2"))
	m.wantState("aa", "2", model.StateFailed)
	m.install("aa", "2")
	m.needs()
	m.checkIn()
	m.wantState("aa", "2", model.StateInstalled)
	if st := m.status(); len(st.Failures) != 0 {
		t.Errorf("failures: %+v", st.Failures)
	}
}

// A package that dpkg left half-configured has the update's version, and apt does
// not offer it any more; but it is not installed.
func TestHalfConfiguredIsAFailure(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2", "bb", "2")
	m := b.machine("web-1", "aa", "2", "bb", "2")
	m.inventory.Packages[0].State = model.PackageHalfConfigured
	m.inventory.Packages[1].State = model.PackageTriggers
	m.checkIn()
	m.wantState("aa", "2", model.StateFailed)
	m.wantState("bb", "2", model.StateInstalled)
	if f := m.status().Failures; len(f) != 1 || f[0].Code != "half-configured" {
		t.Errorf("failures: %+v", f)
	}
	m.report.Failures = []model.Failure{{Update: debianID("aa", "2"), Code: "dpkg", Text: "the script failed\nand said why", Time: start}}
	m.checkIn()
	if f := m.status().Failures; len(f) != 1 || f[0].Code != "dpkg" || f[0].Text != "the script failed\nand said why" {
		t.Errorf("failures: %+v", f)
	}
	b.reevaluate(0)
	m.inventory.Packages[0].State = model.PackageInstalled
	m.report.Failures = nil
	m.checkIn()
	m.wantState("aa", "2", model.StateInstalled)
	if f := m.status().Failures; len(f) != 0 {
		t.Errorf("failures: %+v", f)
	}
}

func TestOnlyOurOwnProcessIsBelieved(t *testing.T) {
	b := newBench(t)
	r := protocol.Report{Version: protocol.Version, Who: protocol.Identity{ID: "0123abcd", Name: "here"}, Inventory: &model.Inventory{Arch: "amd64"}, Remarks: []string{"the policy is \x1b[1mwrong"}}
	if _, err := b.endpoint.For("", false).Report(t.Context(), r); refusal(err) != "identity" {
		t.Errorf("a connection without an identity: %v", err)
	}
	local := b.endpoint.For("", true)
	if _, err := local.Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	c := b.store.Snapshot().ComputerByID("0123abcd")
	if c == nil || !c.Local || !slices.Equal(c.Remarks, []string{"the policy is wrong"}) {
		t.Errorf("the computer: %+v", c)
	}
	d, err := local.Decide(t.Context(), protocol.DecideRequest{Version: protocol.Version, Computer: "0123abcd"})
	if err != nil || d.Plan.Computer != "0123abcd" {
		t.Errorf("the plan: %+v, %v", d.Plan, err)
	}
	if err := local.Event(t.Context(), protocol.Event{Version: protocol.Version, Computer: "0123abcd", Kind: protocol.EventRestart}); err != nil {
		t.Error(err)
	}
}

func TestInstalledStaysWhenWithdrawn(t *testing.T) {
	b := newBench(t)
	n := b.offer("aa", "2", "bb", "2")
	m := b.machine("web-1", "aa", "2", "bb", "1")
	m.needs("bb", "2")
	m.checkIn()
	if _, err := b.store.Withdraw(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	m.install("bb", "2") // from the computer's own cache
	m.needs()
	m.checkIn()
	m.wantState("aa", "2", model.StateInstalled)
	m.wantState("bb", "2", model.StateInstalled)
	m.install("aa", "3")
	m.checkIn()
	m.wantState("aa", "2", model.StateNotApplicable)
	m.wantState("bb", "2", model.StateInstalled)
}

func TestHostileReport(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1", "evil;rm", "1", "aa", "1")
	m.inventory.Packages = append(m.inventory.Packages, model.InstalledPackage{Name: "aa", Arch: "amd64", Version: "7"}, model.InstalledPackage{Name: "bb", Arch: "../x", Version: "1"})
	m.needs("aa", "2", "aa", "2", "$(reboot)", "2", "aa", "2 3")
	m.report.Who = protocol.Identity{ID: "somebody-else", Name: "web\x1b[2J\n1" + strings.Repeat("x", 5000), Zone: "../../etc/shadow", Role: 99, Addresses: make([]string, 5000)}
	m.report.Policy = model.Policy{Mode: 77, Install: &model.WeekTime{Day: 99}, RestartAt: &model.WeekTime{Minute: -4}, Restart: 9}
	m.report.NextCheck = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	m.report.Scan.Time = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	m.report.Pending = slices.Repeat([]string{"\x1b[31mred"}, 5000)
	m.report.Closures = []model.Closure{
		{Update: debianID("aa", "2"), Items: []model.PlanItem{{Package: "aa", Arch: "amd64", To: "2; reboot"}}},
		{Update: "deb/not/known"},
	}
	m.checkIn()
	c := m.computer()
	switch {
	case c.ID != "web-1", !strings.HasPrefix(c.Name, "web 1xx"), len(c.Name) > 300:
		t.Errorf("the name: %q", c.Name)
	case c.Zone != "", c.Role != model.RoleUnknown, !c.Policy.Empty(), !c.NextCheck.IsZero(), c.Scan.Time.After(b.store.Now()), len(c.Addresses) != 0, !slices.Equal(c.Pending, []string{"red"}):
		t.Errorf("the computer: %+v", c)
	}
	inv, err := b.store.Inventory(c.Number)
	if err != nil || len(inv.Packages) != 1 || inv.Packages[0].Version != "1" {
		t.Errorf("the inventory: %+v, %v", inv, err)
	}
	st := m.status()
	if len(st.Packages) != 1 || len(st.Closures) != 1 || st.Closures[0].Error == "" || len(st.Closures[0].Items) != 0 {
		t.Errorf("the status: %+v", st)
	}

	big := m.report
	big.Inventory = &model.Inventory{Arch: "amd64", Packages: make([]model.InstalledPackage, maxPackages+1)}
	if _, err := m.server.Report(t.Context(), big); refusal(err) != "size" {
		t.Errorf("an inventory without bounds: %v", err)
	}
	old := m.report
	old.Version = 99
	if _, err := m.server.Report(t.Context(), old); refusal(err) != "protocol" {
		t.Errorf("another version: %v", err)
	}
	if err := b.endpoint.For("nobody", false).Event(t.Context(), protocol.Event{Version: protocol.Version, Kind: protocol.EventFailed}); refusal(err) != "unknown-computer" {
		t.Errorf("an event of an unknown computer: %v", err)
	}
}

func TestForeignPackagesAreNoticed(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1")
	m.checkIn()
	ev := protocol.Event{Version: protocol.Version, Number: 1, Time: start, Kind: protocol.EventForeign,
		Items: []model.PlanItem{{Package: "aa", Arch: "amd64", From: "1", To: "2"}, {Package: "aa b", Arch: "amd64", To: "2"}}}
	for range 2 { // an event that arrives twice counts once
		if err := m.server.Event(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if f := m.computer().Foreign; !slices.Equal(f, []string{"aa 1 -> 2"}) {
		t.Errorf("foreign: %q", f)
	}
}

// FuzzReport sends whatever decodes as a report: it is refused or recorded, and
// the store's own check of statuses never has to refuse it.
func FuzzReport(f *testing.F) {
	b := newBench(f)
	b.offer("aa", "2", "bb", "2")
	m := b.machine("web-1", "aa", "1", "bb", "2")
	m.needs("aa", "2")
	m.report.Closures = []model.Closure{closure("aa", "1", "2")}
	m.report.Failures = []model.Failure{{Update: debianID("aa", "2")}}
	m.report.Restart, m.report.Pending = []model.UpdateID{debianID("bb", "2"), debianID("aa", "2")}, []string{"x"}
	m.report.Inventory = &m.inventory
	seed, err := protocol.Encode(m.report)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		var r protocol.Report
		if protocol.Decode(data, &r) != nil {
			return
		}
		if _, err := m.server.Report(t.Context(), r); err != nil && refusal(err) == "" {
			t.Fatal(err)
		}
	})
}

func TestRequestedGroups(t *testing.T) {
	b := newBench(t)
	m := b.machine("web-1", "aa", "1")
	m.report.Groups = []string{" Servers", "Lab\x1b[2J", "lab", "", strings.Repeat("x", protocol.MaxGroupName+1)}
	m.checkIn()
	if got := m.computer().Requested; !slices.Equal(got, []string{"Servers", "Lab"}) {
		t.Errorf("%q", got)
	}
	m.report.Groups = make([]string, 100000)
	for i := range m.report.Groups {
		m.report.Groups[i] = fmt.Sprint("group ", i)
	}
	m.checkIn()
	if got := m.computer().Requested; len(got) != protocol.MaxGroups {
		t.Errorf("%d names were taken", len(got))
	}
	m.report.Groups = nil
	m.event(protocol.EventRestart, "", "") // only a report says which groups
	if m.computer().Requested == nil {
		t.Error("an event took the computer out of its groups")
	}
	m.checkIn()
	if got := m.computer().Requested; got != nil {
		t.Errorf("named no more: %q", got)
	}
}
