package publisher

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/cabinet"
	"fettle/sync/engine"
)

var importTime = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// imported packs items, and has an engine recognise the package and import it
// into a store.
func imported(t *testing.T, items []Item, o PackageOptions) (*store.Store, *model.SyncRun) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "package.cab"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Package(f, items, o); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return importTime }
	s, err := store.Open(store.Options{Dir: t.TempDir(), Clock: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin := model.Actor{Who: "alice", From: model.FromCommand, Role: model.AccessAdministrator}
	if _, err := s.Make(t.Context(), model.Change{Kind: model.ChangeComputers, How: []string{"this computer"}}, admin); err != nil {
		t.Fatal(err)
	}
	debian := &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}
	if _, err := s.Make(t.Context(), model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: debian}, admin); err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Options{Store: s, Clock: clock, Carry: engine.CarryPolicy{Unsigned: true}})
	t.Cleanup(e.Close)
	found, err := e.Recognize(t.Context(), engine.CarriedFile{Name: "export.cab", Reader: f, Size: info.Size()})
	if err != nil || found.Kind != model.UpstreamWsusExport {
		t.Fatalf("%+v, %v", found, err)
	}
	j, err := e.Import(t.Context(), found, engine.ImportOptions{}, admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	run := s.Snapshot().Runs()[0]
	for _, f := range run.Failures {
		t.Errorf("%s could not be imported: %s", f.Item, f.Reason)
	}
	return s, run
}

// TestRealRowsInTheStore goes the way of an administrator who carries an export
// in: what is then listed is what the rows say that WSUS listed.
func TestRealRowsInTheStore(t *testing.T) {
	rows := sampleRows(t)
	s, run := imported(t, Items(rows), PackageOptions{Compression: cabinet.MSZIP})
	snap := s.Snapshot()
	list := snap.Updates()
	if len(list) != 1850 || len(run.New) != 1850 {
		t.Fatalf("%d updates, of which %d are new", len(list), len(run.New))
	}
	type weight struct {
		row   Row
		files map[string]Row
	}
	want := map[string]*weight{}
	for _, r := range rows {
		if want[r.UpdateID] == nil {
			want[r.UpdateID] = &weight{r, map[string]Row{}}
		}
		want[r.UpdateID].files[string(r.SHA1)] = r
	}
	kbs := map[string]bool{}
	for _, r := range list {
		w := want[string(r.ID)]
		if w == nil {
			t.Fatalf("%s is in no row", r.ID)
		}
		row := w.row
		var products []string
		for _, id := range r.Products {
			c, ok := snap.Category(id)
			family, _ := snap.Category(c.Parent)
			company, _ := snap.Category(family.Parent)
			if !ok || family.Title != row.Family || company.Title != row.Company {
				t.Errorf("%s is in %q of %q of %q", r.Title, c.Title, family.Title, company.Title)
			}
			products = append(products, c.Title)
		}
		slices.Sort(products)
		titles := splitTitles(row.Category)
		if titles == nil {
			titles = []string{row.Category}
		}
		slices.Sort(titles)
		severity := r.Severity.String()
		got := fmt.Sprintln(r.Title, r.Class.Title(), severity, r.KB, r.Bulletin, r.Released.Equal(row.Created), r.Has(model.FlagLicence), r.Flags&(model.FlagDeclined|model.FlagExpired|model.FlagSuperseded), products)
		bulletins := []string{}
		if row.Bulletins != "" {
			bulletins = []string{row.Bulletins}
		}
		severityWanted := map[string]string{"Unspecified": "unspecified", "Critical": "critical", "Important": "important", "Moderate": "moderate"}[row.Severity]
		if expected := fmt.Sprintln(row.Title, row.Classification, severityWanted, []string{row.KB}, bulletins, true, row.Acceptance, model.UpdateFlags(0), titles); got != expected {
			t.Errorf("listed is\n%s and the rows say\n%s", got, expected)
		}
		u, err := s.Update(r.Number)
		if err != nil {
			t.Fatal(err)
		}
		var size int64
		for _, f := range u.Files {
			from, ok := w.files[string(f.SHA1)]
			if from.byHand() {
				f.URL = from.URL // they share a digest, and so one address
			}
			if !ok || f.Name != from.FileName || f.Size != from.Size || !bytes.Equal(f.SHA256, from.SHA256) || f.URL != from.URL {
				t.Errorf("%s has the file %+v, and the row %+v", r.Title, f, from)
			}
			size += f.Size
		}
		if len(u.Files) != len(w.files) || size != r.Size {
			t.Errorf("%s has %d files of %d bytes and is listed with %d", r.Title, len(u.Files), size, r.Size)
		}
		if u.Description != lines(row.Description) || len(u.Supersedes) > 0 != row.Superseding || len(u.Bundles) != 1 {
			t.Errorf("%s: %q, supersedes %v, consists of %v", r.Title, u.Description, u.Supersedes, u.Bundles)
		}
		kbs[r.KB[0]] = true
	}
	if len(kbs) != 208 {
		t.Errorf("%d KB numbers", len(kbs))
	}
}

// TestPublishedItemsInTheStore imports what a test would make up, in either
// style.
func TestPublishedItemsInTheStore(t *testing.T) {
	items := WithCategories([]Item{update(), {ID: ID("gone"), Title: "Expired </upd:Title> & \x1b[31mhostile", Class: model.ClassTool, Publication: model.Expired}})
	for name, style := range map[string]Style{"usual": {}, "odd": Odd} {
		s, run := imported(t, items, PackageOptions{Style: style, Compression: cabinet.LZX})
		snap := s.Snapshot()
		if len(run.New) != 2 || len(snap.Updates()) != 2 {
			t.Fatalf("%s: %d updates, %d new", name, len(snap.Updates()), len(run.New))
		}
		r := snap.RowByID(ID("an update"))
		if r == nil || r.KB[0] != "5060842" || r.Severity != model.SeverityCritical || !r.Has(model.FlagMayRestart|model.FlagRemovable|model.FlagLicence) || r.Size != 21 {
			t.Errorf("%s: %+v", name, r)
		}
		if r := snap.RowByID(ID("gone")); !r.Has(model.FlagExpired) || r.Title != "Expired </upd:Title> & �[31mhostile" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
