package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/sync/simulation/archive"
)

// machine is a computer of the test's own: a root directory in which apt and
// dpkg work, an archive that the test signs, and a built fettle that manages it.
type machine struct {
	t      *testing.T
	root   *archive.Root
	repo   *archive.Repository
	binary string
	data   string
	config string
	day    int // of the archive's dates: each publication is newer
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program and runs apt")
	}
	if err := errors.Join(archive.CanSign(), archive.Available()); err != nil {
		t.Skipf("a computer of its own cannot be made: %v", err)
	}
	m := &machine{t: t, binary: filepath.Join(t.TempDir(), "fettle"), data: filepath.Join(t.TempDir(), "data")}
	if out, err := exec.Command("go", "build", "-o", m.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	var err error
	if m.repo, err = archive.NewRepository(filepath.Join(t.TempDir(), "archive")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.repo.Close() })
	if m.root, err = archive.NewRoot(filepath.Join(t.TempDir(), "root")); err != nil {
		t.Fatal(err)
	}
	m.config = filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(m.config, []byte(m.configuration()), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) configuration() string {
	list := func(items []string) string {
		quoted := make([]string, len(items))
		for i, s := range items {
			quoted[i] = fmt.Sprintf("%q", s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	var options []string
	for _, o := range m.root.AptOptions() {
		if o != "-o" {
			options = append(options, o)
		}
	}
	return fmt.Sprintf("[agent]\nrestart = false\npolicy = \"-\"\n[apt]\nroot = %q\noptions = %s\nprefix = %s\n",
		m.root.Dir, list(options), list(archive.Prefix()))
}

// publish replaces a suite's packages by a newer index.
func (m *machine) publish(codename string, packages ...archive.Package) {
	m.t.Helper()
	m.day++
	if err := m.repo.Publish(archive.Suite{Codename: codename, Origin: "Debian", Label: "Debian", Version: "12",
		Date: time.Date(2026, 1, m.day, 0, 0, 0, 0, time.UTC)}, packages...); err != nil {
		m.t.Fatal(err)
	}
}

// run runs fettle and gives its output and exit status.
func (m *machine) run(args ...string) (stdout, stderr string, code int) {
	m.t.Helper()
	cmd := exec.Command(m.binary, append([]string{"--data", m.data, "--config", m.config}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatalf("running fettle %v: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ok runs fettle, which must succeed, and gives its output.
func (m *machine) ok(args ...string) string {
	m.t.Helper()
	out, errs, code := m.run(args...)
	if code != 0 {
		m.t.Fatalf("fettle %s: exit %d\n%s\n%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// answer runs fettle with --json and reads the answer.
func answer[T any](m *machine, args ...string) T {
	m.t.Helper()
	var v T
	out := m.ok(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		m.t.Fatalf("fettle %v answered %s: %v", args, out, err)
	}
	return v
}

type neededPackage struct {
	Update, Package, Arch, Installed, Candidate, State, Reason string
}

type computerAnswer struct {
	Name   string
	Needed []neededPackage
}

// upgradable is apt's own answer in the form of needed.
func (m *machine) upgradable() []string {
	m.t.Helper()
	list, err := m.root.Upgradable(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// needed is what Fettle shows for this computer, in the form of upgradable.
func (m *machine) needed() ([]string, []neededPackage) {
	m.t.Helper()
	computers := answer[[]struct{ Name string }](m, "computers")
	if len(computers) != 1 {
		m.t.Fatalf("%d computers", len(computers))
	}
	c := answer[computerAnswer](m, "computer", computers[0].Name)
	var list []string
	for _, n := range c.Needed {
		list = append(list, n.Package+" "+n.Candidate)
	}
	slices.Sort(list)
	return list, c.Needed
}

func (m *machine) setUp() {
	m.t.Helper()
	m.ok("setup", "computers", "--this-computer", "--yes")
	m.ok("setup", "updates", "--upstream", "debian=apt", "--sync-now", "--yes")
}

// TestMainJob is the main job of issue 2, end to end: from nothing to a report
// that says that apt has installed what was approved.
func TestMainJob(t *testing.T) {
	m := newMachine(t)
	old := []archive.Package{{Name: "alpha", Version: "1.0"}, {Name: "beta", Version: "1.0"}, {Name: "held", Version: "1.0"}, {Name: "current", Version: "1.0", Arch: "all"}}
	if err := m.root.Install(t.Context(), old...); err != nil {
		t.Fatal(err)
	}
	if _, err := m.root.Apt(t.Context(), "apt-mark", "hold", "held"); err != nil {
		t.Fatal(err)
	}
	m.publish("bookworm", append(old, archive.Package{Name: "beta", Version: "1.1-1"})...)
	m.publish("bookworm-security", archive.Package{Name: "alpha", Version: "1.0-1+deb12u1"}, archive.Package{Name: "held", Version: "2.0"})
	if err := m.root.AddSource(m.repo, "", "bookworm", "bookworm-security"); err != nil {
		t.Fatal(err)
	}

	// Before setup nothing can be managed: the notice and both tasks, exit 3.
	for _, args := range [][]string{{"approve", "alpha", "--group", "All Computers", "--yes"}, {"updates"}, {"computers"}, {"sync"}, {"agent", "check-in"}} {
		_, errs, code := m.run(args...)
		if code != 3 || !strings.Contains(errs, "ssential configuration is incomplete") ||
			!strings.Contains(errs, "Computer and Device Management Wizard") || !strings.Contains(errs, "Updates Management Configuration Wizard") {
			t.Errorf("before setup, fettle %v: exit %d, %s", args, code, errs)
		}
	}

	m.setUp()
	got, details := m.needed()
	if want := m.upgradable(); !slices.Equal(got, want) || len(got) != 3 {
		t.Fatalf("needed %q, apt says %q", got, want)
	}
	for _, n := range details {
		want := "needed"
		if n.Package == "held" {
			want = "held"
		}
		if n.State != want || !strings.HasPrefix(n.Update, "deb/Debian/bookworm/"+n.Package+"/") {
			t.Errorf("%s: state %s, update %s", n.Package, n.State, n.Update)
		}
	}

	// An approval changes no installation state.
	id := "deb/Debian/bookworm/alpha/1.0-1+deb12u1"
	if out, _, code := m.run("approve", "needed:>0 package:alpha", "--group", "All Computers", "--deadline", "now", "--plan"); code != 0 || !strings.Contains(out, "Approve alpha") {
		t.Errorf("--plan: exit %d, %s", code, out)
	}
	m.ok("approve", "needed:>0 package:alpha", "--group", "All Computers", "--deadline", "now", "--yes")
	if got, want := m.upgradable(), 3; len(got) != want {
		t.Fatalf("%d upgradable after approving", len(got))
	}
	type updateAnswer struct {
		Computers map[string]any
		Approval  any
	}
	counts := func() map[string]any { return answer[updateAnswer](m, "update", id).Computers }
	if c := counts(); fmt.Sprint(c["needed"]) != "1" || fmt.Sprint(c["installed"]) != "0" {
		t.Errorf("after approving: %v", c)
	}

	m.ok("agent", "check-in")
	if list := m.upgradable(); slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, "alpha ") }) || len(list) != 2 {
		t.Fatalf("after the check-in apt still says %q", list)
	}
	if c := counts(); fmt.Sprint(c["installed"]) != "1" || fmt.Sprint(c["needed"]) != "0" {
		t.Errorf("after the check-in: %v", c)
	}
	if out := m.ok("update", id); !strings.Contains(out, "Installed") {
		t.Errorf("fettle update says\n%s", out)
	}
	if out := m.ok("report", "deployment-progress"); !strings.Contains(out, "100.0 %") {
		t.Errorf("the report says\n%s", out)
	}
	if out := m.ok("journal"); !strings.Contains(out, "Approved alpha") || !strings.Contains(out, "command") {
		t.Errorf("the journal says\n%s", out)
	}
	m.ok("journal", "verify")
	got, _ = m.needed()
	if want := m.upgradable(); !slices.Equal(got, want) {
		t.Errorf("needed %q, apt says %q", got, want)
	}

	// An unchanged archive writes nothing but the run's record.
	type run struct{ New, Revised, Expired, Withdrawn, Result any }
	m.ok("sync")
	if runs := answer[[]run](m, "sync", "history"); len(runs) != 2 || fmt.Sprint(runs[0]) != fmt.Sprint(run{0.0, 0.0, 0.0, 0.0, "succeeded"}) {
		t.Errorf("runs: %v", runs)
	}
	// A changed one writes what changed, and says so.
	m.publish("bookworm-security", archive.Package{Name: "alpha", Version: "1.0-1+deb12u2"}, archive.Package{Name: "held", Version: "2.0", Description: "other words"})
	m.ok("sync")
	if runs := answer[[]run](m, "sync", "history"); fmt.Sprint(runs[0]) != fmt.Sprint(run{1.0, 1.0, 0.0, 1.0, "succeeded"}) {
		t.Errorf("runs: %v", runs)
	}
	// The server evaluated the last inventory against it: needed before a check-in.
	got, _ = m.needed()
	if want := m.upgradable(); !slices.Equal(got, want) || len(got) != 3 {
		t.Errorf("needed %q, apt says %q", got, want)
	}
	// What was withdrawn cannot be approved; the remedy names the successor.
	if _, errs, code := m.run("approve", id, "--group", "All Computers", "--yes"); code != 3 || !strings.Contains(errs, "withdrawn") || !strings.Contains(errs, "deb12u2") {
		t.Errorf("approving a withdrawn update: exit %d, %s", code, errs)
	}

	backup := filepath.Join(t.TempDir(), "backup")
	m.ok("backup", backup)
	before := m.ok("updates", "--json")
	m.data = filepath.Join(t.TempDir(), "restored")
	m.ok("restore", backup)
	if after := m.ok("updates", "--json"); after != before {
		t.Error("the restored store answers otherwise")
	}
	m.ok("check")
}

// TestExtraIsRefused approves an update that would remove a package: it is
// never installed, and the computer's plan says why.
func TestExtraIsRefused(t *testing.T) {
	m := newMachine(t)
	old := []archive.Package{{Name: "alpha", Version: "1.0"}, {Name: "precious", Version: "1.0"}}
	if err := m.root.Install(t.Context(), old...); err != nil {
		t.Fatal(err)
	}
	m.publish("bookworm", append(old, archive.Package{Name: "alpha", Version: "2.0", Conflicts: "precious"})...)
	if err := m.root.AddSource(m.repo, "", "bookworm"); err != nil {
		t.Fatal(err)
	}
	m.setUp()
	m.ok("approve", "package:alpha needed:>0", "--group", "All Computers", "--deadline", "now", "--yes")
	m.run("agent", "check-in")
	if out, err := m.root.Dpkg(t.Context(), "--list", "precious"); err != nil || !strings.Contains(out, "ii  precious") {
		t.Fatalf("precious is gone: %v\n%s", err, out)
	}
	if out := m.ok("agent", "plan"); !strings.Contains(out, "precious") {
		t.Errorf("the plan does not say what stands in the way:\n%s", out)
	}
}
