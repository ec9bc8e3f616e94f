package apt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/simulation/archive"
)

var testSuite = archive.Suite{Codename: "test", Origin: "Fettle", Label: "Fettle"}

// testRoot is a root with every state that a package can be in.
func testRoot(t *testing.T) (*archive.Root, *archive.Repository, *System) {
	t.Helper()
	for _, err := range []error{archive.Available(), archive.CanSign()} {
		if err != nil {
			t.Skip(err)
		}
	}
	ctx := t.Context()
	repo, err := archive.NewRepository(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { repo.Close() })
	root, err := archive.NewRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	steps := []error{
		repo.Publish(testSuite,
			archive.Package{Name: "plain", Version: "2"}, archive.Package{Name: "held", Version: "2"},
			archive.Package{Name: "pinned", Version: "2"}, archive.Package{Name: "phased", Version: "2", Phased: 1},
			archive.Package{Name: "kept", Version: "2", Depends: "missing (>= 3)"},
			archive.Package{Name: "needs-new", Version: "2", Depends: "fresh"}, archive.Package{Name: "fresh", Version: "1"},
			archive.Package{Name: "half", Version: "2"}, archive.Package{Name: "general", Version: "2:1", Arch: "all"},
			archive.Package{Name: "tied", Version: "2", Depends: "tied-lib (>= 2)"}, archive.Package{Name: "tied-lib", Version: "2"},
			archive.Package{Name: "gone", Version: "2"}, archive.Package{Name: "current", Version: "1"},
			archive.Package{Name: "remover", Version: "2", Conflicts: "victim"}, archive.Package{Name: "victim", Version: "1"}),
		repo.Publish(archive.Suite{Codename: "test-security", Origin: "Fettle", Label: "Fettle-Security"}, archive.Package{Name: "plain", Version: "1.5"}),
		root.AddSource(repo, "", "test", "test-security"),
		root.Write("etc/apt/preferences.d/pins", "Package: pinned\nPin: version 1*\nPin-Priority: 1001\n"),
		root.Install(ctx,
			archive.Package{Name: "plain", Version: "1"}, archive.Package{Name: "held", Version: "1"}, archive.Package{Name: "pinned", Version: "1"},
			archive.Package{Name: "phased", Version: "1"}, archive.Package{Name: "kept", Version: "1"}, archive.Package{Name: "needs-new", Version: "1"},
			archive.Package{Name: "general", Version: "2:0", Arch: "all"}, archive.Package{Name: "tied", Version: "1"}, archive.Package{Name: "tied-lib", Version: "1"},
			archive.Package{Name: "gone", Version: "1", Conffiles: map[string]string{"etc/gone": "x\n"}}, archive.Package{Name: "current", Version: "1"},
			archive.Package{Name: "remover", Version: "1"}, archive.Package{Name: "victim", Version: "1"}),
	}
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
	// A package whose configuration fails stays half-configured; one that is
	// removed and not purged leaves its configuration ("rc").
	if err := root.Install(ctx, archive.Package{Name: "half", Version: "1", Scripts: map[string]string{"postinst": "#!/bin/sh\nexit 1\n"}}); err == nil {
		t.Fatal("a failing postinst did not fail")
	}
	for _, args := range [][]string{{"apt-mark", "hold", "held"}} {
		if _, err := root.Apt(ctx, args[0], args[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := root.Dpkg(ctx, "--remove", "gone"); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Runner: Exec{Prefix: archive.Prefix()}, Root: root.Dir, Apt: root.AptOptions(), Cache: t.TempDir()})
	if failures, err := s.Refresh(ctx, nil); err != nil || len(failures) > 0 {
		t.Fatal("refreshing: ", failures, err)
	}
	return root, repo, s
}

func TestScanEqualsApt(t *testing.T) {
	root, _, s := testRoot(t)
	scan, err := s.Scan(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want, err := root.Upgradable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	states := map[string]model.NeededPackage{}
	for _, n := range scan.Needed {
		got = append(got, n.Package+" "+n.Candidate)
		states[n.Package] = n
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("needed differs from apt list --upgradable:\nneeded: %q\napt:    %q", got, want)
	}
	for _, n := range scan.Others {
		states[n.Package] = n
	}
	for name, state := range map[string]model.NeedState{
		"plain": model.NeedNeeded, "held": model.NeedHeld, "pinned": model.NeedPinned, "phased": model.NeedPhased, "kept": model.NeedKeptBack,
		"needs-new": model.NeedNeeded, "general": model.NeedNeeded, "half": model.NeedBroken, "tied": model.NeedNeeded,
	} {
		if n, ok := states[name]; !ok || n.State != state {
			t.Errorf("%s is %v (%q), want %v", name, n.State, n.Reason, state)
		}
	}
	if !strings.Contains(states["kept"].Reason, "missing") {
		t.Errorf("why kept is kept back: %q", states["kept"].Reason)
	}
	if !states["plain"].Security {
		t.Error("1.5 of test-security lies between the installed version and the candidate, so plain is a security upgrade")
	}
	for _, name := range []string{"gone", "current", "fresh"} {
		if n, ok := states[name]; ok {
			t.Errorf("%s is listed: %+v", name, n)
		}
	}
	if len(scan.Inventory.Sources) != 2 || scan.Inventory.Sources[0].Archive != "Fettle" || scan.Inventory.Sources[0].Priority != 500 {
		t.Errorf("sources: %+v", scan.Inventory.Sources)
	}
}

// TestServerReachesTheSameAnswer holds model.Evaluate, fed with the inventory
// and a catalogue of the same archive, to apt's own answer: that is what the
// exceptions are for.
func TestServerReachesTheSameAnswer(t *testing.T) {
	_, _, s := testRoot(t)
	scan, err := s.Scan(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	av := model.NewAvailability()
	for i, v := range []string{"plain 2", "held 2", "pinned 2", "phased 2", "kept 2", "needs-new 2", "fresh 1", "half 2", "tied 2", "tied-lib 2", "gone 2", "current 1", "remover 2", "victim 1", "general 2:1", "plain 1.5"} {
		name, version, _ := strings.Cut(v, " ")
		arch, suites := "amd64", []string{"test"}
		if name == "general" {
			arch = "all"
		}
		if version == "1.5" {
			suites = []string{"test-security"}
		}
		av.Add(&model.Update{ID: model.DebianID("Fettle", "test", name, version), Number: uint32(i + 1), Debian: &model.DebianSource{
			Archive: "Fettle", Release: "test", Source: name, Version: version, Suites: suites, Section: "misc",
			Packages: []model.DebianPackage{{Name: name, Arch: arch, Version: version}}}})
	}
	ev := model.Evaluate(&scan.Inventory, av)
	line := func(n model.NeededPackage) string {
		return fmt.Sprint(n.Package, " ", n.Installed, " ", n.Candidate, " ", n.State, " ", n.Security)
	}
	var got, want []string
	for _, n := range ev.Packages {
		got = append(got, line(n))
	}
	for _, n := range scan.Needed {
		want = append(want, line(n))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the server computes\n%s\nthe computer reported\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(ev.Others) != 1 || ev.Others[0].Package != "pinned" || ev.Others[0].Candidate != "2" {
		t.Errorf("others: %+v", ev.Others)
	}
}

func TestSimulateAndCheck(t *testing.T) {
	_, _, s := testRoot(t)
	item := func(name, from, to string) model.PlanItem {
		return model.PlanItem{Package: name, Arch: "amd64", From: from, To: to}
	}
	for _, c := range []struct {
		name  string
		items []model.PlanItem
		want  string // part of the refusal; empty = none
	}{
		{"exact", []model.PlanItem{item("plain", "1", "2")}, ""},
		{"architecture all", []model.PlanItem{{Package: "general", Arch: "all", From: "2:0", To: "2:1"}}, ""},
		{"new package unplanned", []model.PlanItem{item("needs-new", "1", "2")}, "a new package outside the plan"},
		{"new package planned", []model.PlanItem{item("needs-new", "1", "2"), item("fresh", "", "1")}, ""},
		{"another upgrade unplanned", []model.PlanItem{item("tied", "1", "2")}, "it would change tied-lib"},
		{"removal", []model.PlanItem{item("remover", "1", "2")}, "it would remove victim"},
		{"version gone", []model.PlanItem{item("plain", "1", "3")}, "was not found"},
		{"held", []model.PlanItem{item("held", "1", "2")}, "Held packages were changed"},
		{"already there", []model.PlanItem{item("current", "0", "1")}, "it would not install current"},
		{"planned from another version", []model.PlanItem{item("plain", "1.2", "2")}, "plain is at 1 now"},
		{"hostile", []model.PlanItem{item("plain", "1", "2 -o x=y")}, "not one of Debian's grammar"},
	} {
		sim, err := s.Simulate(t.Context(), c.items)
		if err == nil {
			err = sim.Check(c.items, "amd64")
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRecordsAndDigest(t *testing.T) {
	root, _, s := testRoot(t)
	items := []model.PlanItem{{Package: "general", Arch: "all", To: "2:1"}, {Package: "fresh", Arch: "amd64", To: "1"}, {Package: "plain", Arch: "amd64", To: "9"}}
	records, err := s.Records(t.Context(), items)
	if err != nil || len(records) != 2 || len(records["general:all=2:1"].SHA256) != 32 || records["fresh:amd64=1"].Size == 0 {
		t.Fatalf("records: %+v, %v", records, err)
	}
	before, err := s.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Digest(); again != before {
		t.Error("the digest changed though nothing did")
	}
	if err := root.Write("etc/apt/preferences.d/more", "Package: plain\nPin: version 1*\nPin-Priority: 1001\n"); err != nil {
		t.Fatal(err)
	}
	if after, _ := s.Digest(); after == before {
		t.Error("the digest stayed though a pin was added")
	}
}

func TestRefreshNamesTheSourceThatFailed(t *testing.T) {
	root, repo, s := testRoot(t)
	if err := root.AddSource(repo, "file:"+repo.Dir+"/nowhere", "absent"); err != nil {
		t.Fatal(err)
	}
	failures, err := s.Refresh(t.Context(), nil)
	if err != nil || len(failures) != 1 || !strings.Contains(failures[0].Source, "absent") {
		t.Fatalf("failures: %+v, %v", failures, err)
	}
}
