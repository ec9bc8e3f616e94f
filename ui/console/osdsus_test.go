package console

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"fettle/model"
	"fettle/store"
	"fettle/sync/cabinet"
	"fettle/sync/engine"
	"fettle/sync/simulation/publisher"
)

// realStore is a store with the updates that a real WSUS server listed: the
// rows of OSDeploy/OSDSUS (testdata/screens/osdsus/NOTICE), made into a package
// and imported as an administrator imports one.
func realStore(t *testing.T) *store.Store {
	t.Helper()
	rows, err := os.Open(filepath.Join("..", "..", "..", "shared", "samples", "catalogue", "osdsus-catalogs-20240913.tar.xz"))
	if err != nil {
		t.Skipf("the shared samples are not here: %v", err)
	}
	defer rows.Close()
	plain := must[*xz.Reader](t)(xz.NewReader(bufio.NewReader(rows)))
	items := publisher.Items(must[[]publisher.Row](t)(publisher.OSDSUS(plain)))
	f := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "export.cab")))
	t.Cleanup(func() { f.Close() })
	if err := publisher.Package(f, items, publisher.PackageOptions{Compression: cabinet.MSZIP}); err != nil {
		t.Fatal(err)
	}
	info := must[os.FileInfo](t)(f.Stat())

	s := newStore(t)
	setUp(t, s)
	e := engine.New(engine.Options{Store: s, Clock: func() time.Time { return testTime }, Carry: engine.CarryPolicy{Unsigned: true}})
	t.Cleanup(e.Close)
	found := must[*engine.Carried](t)(e.Recognize(t.Context(), engine.CarriedFile{Name: "export.cab", Reader: f, Size: info.Size()}))
	if err := must[*engine.Job](t)(e.Import(t.Context(), found, engine.ImportOptions{}, admin)).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// reportWindows records computers that need the updates of their product and
// version since June 2024 and have the older ones.
func reportWindows(t *testing.T, s *store.Store) {
	t.Helper()
	june := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	for i, c := range []struct{ name, os, product, version string }{
		{"WS-0001", "Windows 11 Pro 23H2", "Windows 11", "23H2"}, {"WS-0002", "Windows 11 Pro 23H2", "Windows 11", "23H2"}, {"WS-0003", "Windows 11 Pro 22H2", "Windows 11", "22H2"},
		{"WS-0004", "Windows 10 Pro 22H2", "Windows 10, version 1903 and later", "22H2"}, {"SRV-01", "Windows Server 2019 Standard", "Windows Server 2019", "2019"},
		{"SRV-02", "Windows Server 2016 Standard", "Windows Server 2016", "2016"},
	} {
		snap := s.Snapshot()
		status := &model.Status{Reported: testTime.Add(-time.Hour), Evaluated: snap.LastUpdate()}
		for _, r := range snap.Updates() {
			mine := slices.ContainsFunc(r.Products, func(id model.CategoryID) bool { x, _ := snap.Category(id); return x.Title == c.product })
			if !mine || !strings.Contains(r.Title, c.version) || !strings.Contains(r.Title, "x64") || r.Class == model.ClassUpgrade {
				continue
			}
			if r.Released.Before(june) {
				status.Installed = append(status.Installed, r.Number)
			} else {
				status.Needed = append(status.Needed, r.Number)
			}
		}
		must[uint32](t)(s.Record(t.Context(), store.Report{Status: status, Computer: model.Computer{
			ID: model.ComputerID(fmt.Sprintf("windows-%d", i)), Name: c.name, Platform: model.PlatformWindows, Arch: "amd64", OS: c.os, FirstSeen: testTime.AddDate(0, -1, 0),
			Contacted: testTime.Add(-time.Hour), Reported: testTime.Add(-time.Hour), Zone: "UTC",
		}}))
	}
}

// TestScreensOfRealUpdates holds what an administrator sees of Microsoft's
// updates, with titles, sizes and products that nobody invented.
func TestScreensOfRealUpdates(t *testing.T) {
	s := realStore(t)
	reportWindows(t, s)
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		for _, screen := range []struct {
			name, filter string
			keys         []string
		}{
			{"updates", defaultFilter, nil},
			{"catalogue", "", []string{"down", "p"}},
			{"update", "kb:5042099", []string{"enter"}},
			{"terms", "title:\"Windows 11 22H2 (business editions) de-de x64\"", []string{"enter"}},
		} {
			name := fmt.Sprintf("osdsus/%dx%d-%s", size[0], size[1], screen.name)
			t.Run(name, func(t *testing.T) {
				d := drive(t, s, size[0], size[1])
				d.press("2")
				d.run(d.c.open("updates", screen.filter))
				d.press(screen.keys...)
				d.golden(name)
			})
		}
	}
}
