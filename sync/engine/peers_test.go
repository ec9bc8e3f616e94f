package engine

import (
	"testing"

	"fettle/model"
	"fettle/store"
)

// TestPeersPatchmanNobodyRunsFindUpdates: with patchman somebody has to run "find
// updates" by hand after the catalogue changed, and a computer that reported
// before shows nothing needed until then. Here a synchronization evaluates the
// computers by itself, as its last part, and says from which inventory.
func TestPeersPatchmanNobodyRunsFindUpdates(t *testing.T) {
	b := newBench(t)
	inventory := &model.Inventory{Time: start, Arch: "amd64", Sources: []model.PackageSource{{Archive: "Debian", Codename: "bookworm", Priority: 500}},
		Packages: []model.InstalledPackage{{Name: "aa", Arch: "amd64", Version: "1"}, {Name: "bb", Arch: "amd64", Version: "2"}}}
	// It reports before anything was ever synchronized.
	n, err := b.store.Record(t.Context(), store.Report{
		Computer:  model.Computer{ID: "web-1", Name: "web-1", Platform: model.PlatformLinux, Contacted: start, Reported: start},
		Inventory: inventory, Status: &model.Status{Reported: start},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.archive.set([]*model.Update{packageOf("aa", "2"), packageOf("bb", "2")})
	b.mustSync()
	snap := b.store.Snapshot()
	if st := snap.State(n, 1); st != model.StateNotInstalled {
		t.Errorf("aa 2 is %v", st)
	}
	if st := snap.State(n, 2); st != model.StateInstalled {
		t.Errorf("bb 2 is %v", st)
	}
	if got := snap.Counts(1, model.GroupAll); got.Needed != 1 || got.Unknown != 0 {
		t.Errorf("counts: %+v", got)
	}
	if snap.Computed(n).IsZero() || !snap.Computer(n).Reported.Equal(start) {
		t.Errorf("computed %v, reported %v: what was computed is not told from what was reported", snap.Computed(n), snap.Computer(n).Reported)
	}
}
