package engine_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent/apt"
	"fettle/sync/engine"
	"fettle/sync/upstream"
	"fettle/sync/upstream/debian"
)

// realApt skips a benchmark where this computer has no apt with lists.
func realApt(b *testing.B) {
	b.Helper()
	for _, name := range []string{"apt-cache", "apt"} {
		if _, err := exec.LookPath(name); err != nil {
			b.Skipf("%s is not installed", name)
		}
	}
	if out, err := exec.CommandContext(b.Context(), "apt-cache", "policy", "bash").Output(); err != nil || len(out) == 0 {
		b.Skip("apt has no lists here; apt-get update makes them")
	}
}

// shortest runs something a few times and gives the shortest time: the figure
// that disturbance by other processes changes least.
func shortest(b *testing.B, runs int, run func()) time.Duration {
	b.Helper()
	best := time.Duration(0)
	for range runs {
		start := time.Now()
		run()
		if d := time.Since(start); best == 0 || d < best {
			best = d
		}
	}
	return best
}

// program runs a program for its time alone.
func program(b *testing.B, name string, args ...string) func() {
	return func() {
		cmd := exec.CommandContext(b.Context(), name, args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		if err := cmd.Run(); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
	}
}

// loaded opens a store and synchronizes it with this computer's own archives,
// from the lists as they are.
func loaded(b *testing.B, dir string) *store.Store {
	b.Helper()
	s, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	by := model.Actor{Who: "bench", From: model.FromCommand, Role: model.AccessAdministrator}
	u := model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}
	for _, c := range []model.Change{{Kind: model.ChangeComputers, How: []string{"bench"}}, {Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &u}} {
		if _, err := s.Make(b.Context(), c, by); err != nil {
			b.Fatal(err)
		}
	}
	e := engine.New(engine.Options{Store: s, Sources: func(u model.Upstream) (upstream.Source, error) {
		return debian.New(debian.Options{Upstream: u.Name, Refresh: debian.RefreshNever})
	}})
	defer e.Close()
	job, err := e.Synchronize(b.Context(), nil, by)
	if err == nil {
		err = job.Wait(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkLoadArchive loads the whole index of this computer's archives (for
// Debian 12 about 66,000 packages) into a new store, against `apt-cache
// dumpavail` in the same run. The limit is 12 times as long.
func BenchmarkLoadArchive(b *testing.B) {
	realApt(b)
	baseline := shortest(b, 3, program(b, "apt-cache", "dumpavail"))
	var updates int
	ours := time.Duration(0)
	for b.Loop() {
		d := shortest(b, 1, func() {
			s := loaded(b, b.TempDir())
			updates = s.Snapshot().UpdateCount()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
		if ours == 0 || d < ours {
			ours = d
		}
	}
	b.ReportMetric(float64(updates), "updates")
	b.ReportMetric(ours.Seconds(), "s-load")
	b.ReportMetric(baseline.Seconds(), "s-dumpavail")
	b.ReportMetric(float64(ours)/float64(baseline), "x-dumpavail")
}

// BenchmarkNeeded evaluates the inventory of this computer, in batches of
// 1,000 computers, against `apt list --upgradable` in the same run. The limit
// is 500 times cheaper each. The answers must be equal.
func BenchmarkNeeded(b *testing.B) {
	realApt(b)
	s := loaded(b, b.TempDir())
	defer s.Close()
	scan, err := apt.New(apt.Options{Cache: b.TempDir()}).Scan(b.Context(), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	ev := s.Evaluate(&scan.Inventory)
	if len(ev.Packages) != len(scan.Needed) {
		b.Errorf("the evaluation finds %d packages, apt %d", len(ev.Packages), len(scan.Needed))
	}
	baseline := shortest(b, 3, program(b, "apt", "list", "--upgradable"))
	const batch = 1000
	best := time.Duration(0)
	for b.Loop() {
		d := shortest(b, 1, func() {
			for range batch {
				ev = s.Evaluate(&scan.Inventory)
			}
		})
		if best == 0 || d < best {
			best = d
		}
	}
	each := best / batch
	b.ReportMetric(float64(len(scan.Inventory.Packages)), "packages")
	b.ReportMetric(float64(len(ev.Packages)), "needed")
	b.ReportMetric(float64(each.Microseconds()), "us-each")
	b.ReportMetric(float64(baseline.Milliseconds()), "ms-apt-list")
	b.ReportMetric(float64(baseline)/float64(each), "x-cheaper")
}
