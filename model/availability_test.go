package model

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var testDay = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func bookworm(number uint32, source, version string, suites []string, packages ...DebianPackage) *Update {
	return &Update{ID: DebianID("Debian", "bookworm", source, version), Number: number, Version: version,
		Debian: &DebianSource{Archive: "Debian", Release: "bookworm", Source: source, Version: version, Suites: suites, Section: "libs", Packages: packages}}
}

func pkg(name, arch, version string) DebianPackage {
	return DebianPackage{Name: name, Arch: arch, Version: version}
}

var stable = []PackageSource{
	{Archive: "Debian", Codename: "bookworm", Component: "main", Priority: 500},
	{Archive: "Debian", Codename: "bookworm-security", Component: "main", Priority: 500},
}

func TestEvaluate(t *testing.T) {
	av := NewAvailability()
	for _, u := range []*Update{
		bookworm(1, "tzdata", "2024a-1", []string{"bookworm"}, pkg("tzdata", "all", "2024a-1")),
		bookworm(2, "tzdata", "2024b-1", []string{"bookworm-security"}, pkg("tzdata", "all", "2024b-1")),
		bookworm(3, "curl", "7.88-1", []string{"bookworm"}, pkg("curl", "amd64", "7.88-1+b2"), pkg("libcurl4", "amd64", "7.88-1+b2")),
		bookworm(4, "zlib", "1.2-1", []string{"bookworm"}, pkg("zlib1g", "amd64", "1:1.2-1"), pkg("zlib1g", "i386", "1:1.2-1")),
		bookworm(5, "new", "2", []string{"bookworm-backports"}, pkg("new", "amd64", "2")),
		bookworm(6, "tz2", "3~rc1", []string{"bookworm"}, pkg("tz2", "amd64", "3~rc1")),
	} {
		av.Add(u)
	}
	inv := &Inventory{Arch: "amd64", Sources: stable, Packages: []InstalledPackage{
		{Name: "tzdata", Arch: "all", Version: "2023c-5"},
		{Name: "curl", Arch: "amd64", Version: "7.88-1"},        // the rebuild is newer
		{Name: "libcurl4", Arch: "amd64", Version: "7.88-1+b2"}, // current
		{Name: "zlib1g", Arch: "i386", Version: "1.1-1"},        // epoch
		{Name: "new", Arch: "amd64", Version: "1"},              // not one of the computer's sources
		{Name: "tz2", Arch: "amd64", Version: "3"},              // ~rc1 sorts before
		{Name: "unknown", Arch: "amd64", Version: "1"},
	}}
	ev := Evaluate(inv, av)
	var got []string
	for _, p := range ev.Packages {
		got = append(got, fmt.Sprintf("%s:%s %s %s security=%v", p.Package, p.Arch, p.Candidate, p.State, p.Security))
	}
	want := []string{
		"curl:amd64 7.88-1+b2 needed security=false",
		"tzdata:all 2024b-1 needed security=true",
		"zlib1g:i386 1:1.2-1 needed security=false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// curl is needed, so its update counts as needed although libcurl4 is current.
	if !slices.Equal(ev.Needed, []uint32{2, 3, 4}) || len(ev.Installed) != 0 {
		t.Errorf("needed %v, installed %v", ev.Needed, ev.Installed)
	}
}

func TestEvaluateExceptionsAndPriorities(t *testing.T) {
	av := NewAvailability()
	av.Add(bookworm(1, "a", "1", []string{"bookworm"}, pkg("a", "amd64", "1")))
	av.Add(bookworm(2, "a", "2", []string{"bookworm"}, pkg("a", "amd64", "2")))
	av.Add(bookworm(3, "a", "3", []string{"bookworm-backports"}, pkg("a", "amd64", "3")))
	inv := func(change func(*Inventory)) *Inventory {
		i := &Inventory{Arch: "amd64", Sources: append(slices.Clone(stable), PackageSource{Archive: "Debian", Codename: "bookworm-backports", Component: "main", Priority: 100}),
			Packages: []InstalledPackage{{Name: "a", Arch: "amd64", Version: "1"}}}
		change(i)
		return i
	}
	one := func(i *Inventory) string {
		ev := Evaluate(i, av)
		s := ""
		for _, p := range ev.Packages {
			s += p.Candidate + " " + p.State.String()
		}
		for _, p := range ev.Others {
			s += "other " + p.Candidate + " " + p.State.String()
		}
		return s
	}
	for _, tt := range []struct {
		name   string
		change func(*Inventory)
		want   string
	}{
		{"priority beats version", func(*Inventory) {}, "2 needed"},
		{"held", func(i *Inventory) { i.Packages[0].Held = true }, "2 held"},
		{"pinned away", func(i *Inventory) {
			i.Exceptions = []Exception{{Package: "a", Arch: "amd64", Candidate: "1", State: NeedPinned}}
		}, "other 3 pinned"},
		{"pinned to backports", func(i *Inventory) {
			i.Exceptions = []Exception{{Package: "a", Arch: "amd64", Candidate: "3", State: NeedNeeded}}
		}, "3 needed"},
		{"phased", func(i *Inventory) {
			i.Exceptions = []Exception{{Package: "a", Arch: "amd64", Candidate: "2", State: NeedPhased}}
		}, "2 phased"},
		{"installed from backports stays there", func(i *Inventory) { i.Packages[0].Version = "3" }, ""},
		{"backports follow backports", func(i *Inventory) { i.Packages[0].Version = "2.5" }, "3 needed"},
		{"not automatic", func(i *Inventory) { i.Packages[0].Version = "2"; i.Sources[2].Priority = 1 }, "other 3 pinned"},
		{"downgrade by priority 1000 is no upgrade", func(i *Inventory) { i.Packages[0].Version = "5"; i.Sources[0].Priority = 1001 }, ""},
	} {
		if got := one(inv(tt.change)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCheckPackageRefusesHostileNames(t *testing.T) {
	if err := CheckPackage("libc6", "amd64", "2:1.0~rc1+dfsg-1+b2"); err != nil {
		t.Error(err)
	}
	for _, bad := range [][3]string{
		{"-o", "amd64", "1"}, {"a b", "amd64", "1"}, {"a;rm", "amd64", "1"}, {"../x", "amd64", "1"}, {"A", "amd64", "1"}, {"a", "amd64", "1"}, {"", "amd64", "1"},
		{"abc", "amd 64", "1"}, {"abc", "", "1"}, {"abc", "amd64", ""}, {"abc", "amd64", "-1"}, {"abc", "amd64", "1 2"}, {"abc", "amd64", "$(x)"},
		{"abc", "amd64", "1/2"}, {"abc\n", "amd64", "1"}, {"abc", "amd64", "1\x1b[m"}, {strings.Repeat("a", 201), "amd64", "1"},
	} {
		if CheckPackage(bad[0], bad[1], bad[2]) == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestDebianRelease(t *testing.T) {
	for in, want := range map[string]string{"bookworm": "bookworm", "bookworm-security": "bookworm", "bookworm-updates": "bookworm",
		"bookworm-backports": "bookworm-backports", "buster/updates": "buster", "-security": "-security"} {
		if got := DebianRelease(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// TestVersionsOrderAsDpkg compares with dpkg itself, where there is one.
func TestVersionsOrderAsDpkg(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("dpkg is not installed")
	}
	if testing.Short() {
		t.Skip("starts many processes")
	}
	part := rapid.StringMatching(`[0-9]{1,2}([a-z~+.]{0,2}[0-9]{0,2}){0,3}`)
	gen := rapid.Custom(func(rt *rapid.T) string {
		v := part.Draw(rt, "upstream")
		if rapid.Bool().Draw(rt, "epoch") {
			v = "1:" + v
		}
		if rapid.Bool().Draw(rt, "revision") {
			v += "-" + part.Draw(rt, "revision")
		}
		return v
	})
	for i := range 150 {
		a, b := gen.Example(2*i), gen.Example(2*i+1)
		want := 0
		switch {
		case exec.Command(dpkg, "--compare-versions", a, "lt", b).Run() == nil:
			want = -1
		case exec.Command(dpkg, "--compare-versions", a, "gt", b).Run() == nil:
			want = 1
		}
		if got := CompareDebianVersions(a, b); got != want {
			t.Errorf("%s against %s: %d, dpkg says %d", a, b, got, want)
		}
	}
}

func TestBuildPlan(t *testing.T) {
	item := func(u UpdateID, p string) PlanItem {
		return PlanItem{Update: u, Package: p, Arch: "amd64", From: "1", To: "2"}
	}
	closures := []Closure{
		{Update: "a", Items: []PlanItem{item("a", "pa")}},
		{Update: "b", Items: []PlanItem{item("b", "pb"), item("c", "pc")}, Needs: []UpdateID{"c"}},
		{Update: "c", Items: []PlanItem{item("c", "pc")}},
		{Update: "d", Items: []PlanItem{item("d", "pd")}, Needs: []UpdateID{"e"}},
		{Update: "f", Items: []PlanItem{item("f", "pf")}, Removes: []string{"precious"}},
		{Update: "g", Items: []PlanItem{item("g", "pg")}, Needs: []UpdateID{"d"}},
		{Update: "h", Error: "unmet dependencies"},
	}
	var approved []PlannedUpdate
	for _, u := range []UpdateID{"a", "b", "c", "d", "f", "g", "h", "i"} {
		approved = append(approved, PlannedUpdate{Update: u})
	}
	p := BuildPlan("me", approved, closures, testDay)
	var items []string
	for _, it := range p.Items {
		items = append(items, it.Package)
	}
	if !slices.Equal(items, []string{"pa", "pb", "pc"}) {
		t.Errorf("items %v", items)
	}
	state := map[UpdateID]string{}
	for _, u := range p.Updates {
		state[u.Update] = fmt.Sprint(u.WaitsFor, u.Refused != "")
	}
	for u, want := range map[UpdateID]string{"a": "[] false", "b": "[] false", "d": "[e] false", "f": "[] true", "g": "[d] false", "h": "[] true", "i": "[] true"} {
		if state[u] != want {
			t.Errorf("%s: %s, want %s", u, state[u], want)
		}
	}
	if !p.Expires.Equal(testDay.Add(PlanLifetime)) {
		t.Errorf("expires %v", p.Expires)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"All Computers", "Servers", "Web servers"}
	for in, want := range map[string]string{"all computer": "All Computers", "Serevrs": "Servers", "xyz": "", "Web": "Web servers", "": ""} {
		if got := Nearest(in, names); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
