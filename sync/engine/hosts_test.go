package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/apt"
	"fettle/sync/simulation/archive"
	"fettle/sync/upstream"
	"fettle/sync/upstream/debian"
)

// gathered is a sink that indexes what an archive offers.
type gathered struct {
	upstream.NoGenerations
	offers *model.Availability
	number uint32
	failed []string
}

func (g *gathered) Categories(context.Context, []model.Category) error { return nil }
func (g *gathered) Updates(_ context.Context, updates []*model.Update) error {
	for _, u := range updates {
		g.number++
		u.Number = g.number
		g.offers.Add(u)
	}
	return nil
}
func (g *gathered) Complete(context.Context, string, map[model.UpdateID]struct{}) error { return nil }
func (g *gathered) Anchor(context.Context, []byte) error                                { return nil }
func (g *gathered) Fail(item, reason string)                                            { g.failed = append(g.failed, item+": "+reason) }
func (g *gathered) Remark(string)                                                       {}

// TestNeededEqualsAptOnGeneratedHosts makes archives and computers by chance:
// versions with epochs, tildes and rebuilds, several suites with priorities of
// their own, holds, pins, phased updates, foreign architectures. On each, what
// the agent reports as needed, and what the server evaluates from the inventory
// alone, must be exactly what `apt list --upgradable` says.
// FETTLE_TEST_HOSTS sets their number; .ci/nightly asks for more.
func TestNeededEqualsAptOnGeneratedHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("runs apt many times")
	}
	if err := errors.Join(archive.CanSign(), archive.Available()); err != nil {
		t.Skipf("a computer of its own cannot be made: %v", err)
	}
	hosts := 12
	if n, err := strconv.Atoi(os.Getenv("FETTLE_TEST_HOSTS")); err == nil {
		hosts = n
	}
	upgradable := 0
	for seed := range hosts {
		upgradable += checkHost(t, uint64(seed))
	}
	t.Logf("%d hosts, %d upgradable packages, all equal", hosts, upgradable)
	if upgradable < hosts {
		t.Errorf("only %d upgradable packages on %d hosts: the generator makes too little", upgradable, hosts)
	}
}

var versions = []string{"0.9", "1.0~rc1", "1.0", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1", "1.0-1+deb12u2", "1.1", "1.9", "1.10", "2.0~beta", "2.0", "1:0.5", "1:0.5-2"}

func checkHost(t *testing.T, seed uint64) int {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	dir := t.TempDir()
	repo, err := archive.NewRepository(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	root, err := archive.NewRoot(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	suites := []string{"bookworm", "bookworm-security", "bookworm-updates", "bookworm-backports"}
	const packages = 14
	for _, suite := range suites {
		var list []archive.Package
		for i := range packages {
			if suite != "bookworm" && r.IntN(3) > 0 {
				continue
			}
			p := archive.Package{Name: fmt.Sprintf("pkg%d", i), Version: pick(versions), Arch: pick([]string{"amd64", "amd64", "all"})}
			if suite == "bookworm-updates" && r.IntN(3) == 0 {
				p.Phased = []int{10, 50, 90}[r.IntN(3)]
			}
			if r.IntN(4) == 0 {
				p.Source = fmt.Sprintf("src%d", i/3)
			}
			list = append(list, p)
		}
		if err := repo.Publish(archive.Suite{Codename: suite, Origin: "Debian", Label: "Debian", Version: "12"}, list...); err != nil {
			t.Fatal(err)
		}
	}
	if err := root.AddSource(repo, "", suites...); err != nil {
		t.Fatal(err)
	}
	var status strings.Builder
	for i := range packages {
		if r.IntN(6) == 0 {
			continue
		}
		want, state := "install", "installed"
		if r.IntN(6) == 0 {
			want = "hold"
		}
		if r.IntN(12) == 0 {
			want, state = "deinstall", "config-files" // "rc": removed, not purged
		}
		fmt.Fprintf(&status, "Package: pkg%d\nStatus: %s ok %s\nMaintainer: Fettle tests <tests@example.invalid>\nInstalled-Size: 1\nArchitecture: %s\nVersion: %s\nDescription: generated\n\n",
			i, want, state, pick([]string{"amd64", "amd64", "all"}), pick(versions))
	}
	if err := root.Write("var/lib/dpkg/status", status.String()); err != nil {
		t.Fatal(err)
	}
	var pins strings.Builder
	fmt.Fprintf(&pins, "Package: *\nPin: release n=bookworm-backports\nPin-Priority: %d\n\n", []int{1, 100, 500, 600}[r.IntN(4)])
	for range r.IntN(4) {
		name := fmt.Sprintf("pkg%d", r.IntN(packages))
		switch r.IntN(3) {
		case 0:
			fmt.Fprintf(&pins, "Package: %s\nPin: version %s\nPin-Priority: %d\n\n", name, pick(versions), []int{-1, 400, 990}[r.IntN(3)])
		case 1:
			fmt.Fprintf(&pins, "Package: %s\nPin: release n=%s\nPin-Priority: %d\n\n", name, pick(suites), []int{-10, 50, 700}[r.IntN(3)])
		case 2:
			fmt.Fprintf(&pins, "Package: %s*\nPin: release a=%s\nPin-Priority: %d\n\n", name[:4], pick(suites), []int{90, 450, 800}[r.IntN(3)])
		}
	}
	if err := root.Write("etc/apt/preferences.d/generated.pref", pins.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := root.Apt(t.Context(), "apt-get", "update"); err != nil {
		t.Fatal(err)
	}
	want, err := root.Upgradable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)

	scan, err := apt.New(apt.Options{Root: root.Dir, Apt: root.AptOptions(), Cache: filepath.Join(dir, "cache")}).Scan(t.Context(), time.Now())
	if err != nil {
		t.Fatalf("host %d: %v", seed, err)
	}
	if got := names(scan.Needed); !slices.Equal(got, want) {
		t.Errorf("host %d: the agent says %q, apt %q\npins:\n%s", seed, got, want, pins.String())
	}
	var options []string
	for _, o := range root.AptOptions() {
		if o != "-o" {
			options = append(options, o)
		}
	}
	source, err := debian.New(debian.Options{Upstream: "debian", Apt: options, Refresh: debian.RefreshNever})
	if err != nil {
		t.Fatal(err)
	}
	sink := &gathered{offers: model.NewAvailability()}
	if err := source.Synchronize(t.Context(), nil, sink, func(model.Progress) {}); err != nil || len(sink.failed) > 0 {
		t.Fatalf("host %d: %v, %v", seed, err, sink.failed)
	}
	ev := model.Evaluate(&scan.Inventory, sink.offers)
	if got := names(ev.Packages); !slices.Equal(got, want) {
		t.Errorf("host %d: the server's evaluation says %q, apt %q\npins:\n%s\nexceptions: %+v", seed, got, want, pins.String(), scan.Inventory.Exceptions)
	}
	for i, n := range ev.Packages {
		if i < len(scan.Needed) && n.State != scan.Needed[i].State {
			t.Errorf("host %d: %s is %s by evaluation, %s by the agent", seed, n.Package, n.State, scan.Needed[i].State)
		}
		if n.Update == "" {
			t.Errorf("host %d: no update brings %s %s", seed, n.Package, n.Candidate)
		}
	}
	return len(want)
}

// names is a list of needed packages in the form of archive.ParseUpgradable.
func names(list []model.NeededPackage) []string {
	var out []string
	for _, n := range list {
		out = append(out, n.Package+" "+n.Candidate)
	}
	slices.Sort(out)
	return out
}
