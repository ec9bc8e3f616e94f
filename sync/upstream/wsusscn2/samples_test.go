package wsusscn2

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fettle/model"
)

// TestFixture takes in a small cabinet that another project made of real
// fragments: stored, without a namespace, with RevisionIds of six digits. One of
// its four updates has no fragments, and two members have some but no entry.
func TestFixture(t *testing.T) {
	s := newStore(t)
	take(t, s, read(t, sample(t, "vuls-fixture", "wsusscn2.cab")))
	for id, want := range map[model.UpdateID]struct{ title, kb, bulletin string }{
		"0a51549b-4e86-4a26-97d4-9e3567f24ea1": {"Security Update for Windows Server 2012 R2 (KB3019978)", "654321", "MS00-000"},
		"05a7711a-079e-4fbb-8d1a-9015c92a2ae0": {"2020-09 Security Monthly Quality Rollup for Windows Server 2012 R2 for x64-based Systems (KB4577066)", "765432", "MS00-000"},
		"1c560bb8-276c-41ca-b597-35ae23bf424c": {"Security Update for Windows 8 for x64-based Systems (KB2922229)", "876543", "MS00-000"},
	} {
		u := s.updates[id]
		if u == nil || u.Title != want.title || !slices.Equal(u.KB, []string{want.kb}) || !slices.Equal(u.Bulletins, []string{want.bulletin}) ||
			u.Class != model.ClassSecurity || u.Severity != model.SeverityImportant || len(u.Products) != 1 || len(u.Bundles) == 0 {
			t.Errorf("%s: %+v", id, u)
		}
	}
	// Superseded by revision in package.xml, by identifier in the core fragment.
	if u := s.updates["05a7711a-079e-4fbb-8d1a-9015c92a2ae0"]; !slices.Equal(u.Supersedes, []model.UpdateID{"0a51549b-4e86-4a26-97d4-9e3567f24ea1"}) {
		t.Errorf("%v", u.Supersedes)
	}
	if u := s.updates["1c560bb8-276c-41ca-b597-35ae23bf424c"]; !slices.Equal(u.Supersedes, []model.UpdateID{"05a7711a-079e-4fbb-8d1a-9015c92a2ae0"}) {
		t.Errorf("%v", u.Supersedes)
	}
	if len(s.updates) != 3 || len(s.failures) != 1 || s.failures[0].Item != "913aa7a4-75d8-4abc-9d66-8ddc163be471 revision 200" || s.switched.Complete {
		t.Errorf("%d updates, %+v, %+v", len(s.updates), s.failures, s.switched)
	}
	if !slices.Contains(s.remarks, "2 fragments belong to revisions that package.xml does not list, and were left out.") {
		t.Errorf("%v", s.remarks)
	}
}

// TestRealFragments makes a cabinet of the fragments and Update elements of July
// 2026 that are at hand.
func TestRealFragments(t *testing.T) {
	dir := sample(t, "hexmystic-2026-07")
	d := build{graph: string(read(t, filepath.Join(dir, "package.excerpt.xml"))), shards: []map[string]string{{}}}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".xml") {
			return err
		}
		name, err := filepath.Rel(dir, strings.TrimSuffix(path, ".shortened"))
		d.shards[0][filepath.ToSlash(name)] = string(read(t, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t)
	take(t, s, d.bytes(t))
	u := s.updates["64c52254-175b-4e2c-8a7c-30e3c24ae1d1"]
	if u == nil {
		t.Fatalf("%+v", s.failures)
	}
	if u.Title != "2026-07 Cumulative Update for Windows 11, version 24H2 for x64-based Systems (KB5101650) (26100.8875)" || !slices.Equal(u.KB, []string{"5101650"}) ||
		u.Severity != model.SeverityCritical || u.Class != model.ClassSecurity || u.Version != "10.0.26100.8875" || u.Released.Format("2006-01-02") != "2026-07-14" ||
		!slices.Equal(u.Products, []model.CategoryID{"72e7624a-5b00-45d2-b92f-e561c0a6a160"}) || !slices.Equal(u.Bundles, []model.UpdateID{"ef08b20d-1482-4c97-9c0f-7682b2874b53"}) {
		t.Errorf("%+v", u)
	}
	// 6c209660 is named by both sources; 90a40dd7 is not among the elements.
	if !slices.Contains(u.Supersedes, "6c209660-50a4-46fe-afe1-a2157b742033") || slices.Contains(u.Supersedes, "90a40dd7-a198-4c1a-8ed9-df0a229d8565") {
		t.Errorf("%v", u.Supersedes)
	}
	if c := s.categories["0fa1201d-4330-4fa8-8ae9-b877473b6441"]; c.Title != "Security Updates" || c.Kind != model.CategoryClassification || c.Document != 100 {
		t.Errorf("%+v", c)
	}
	if d := s.documents[model.DocumentKey{ID: "aabd43ad-a183-4f0b-8eee-8dbbcd67687f", Revision: 100}]; d.Kind != model.DocumentDetectoid {
		t.Errorf("%+v", d)
	}
}
