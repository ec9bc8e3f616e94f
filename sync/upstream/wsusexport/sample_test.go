package wsusexport

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// now is the time of all tests here.
var now = time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// allowed are the options of tests: nobody signs.
var allowed = Options{Name: "carried", Unsigned: true, Clock: clock, Languages: []string{"en"}}

// sample gives a file of the shared samples.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := readSample(name)
	if err != nil {
		t.Skipf("the shared samples are not here: %v", err)
	}
	return b
}

func readSample(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "samples", "wsus-export", name))
}

// bring imports a package into a shelf.
func bring(t testing.TB, s *shelf, file []byte, o Options) error {
	t.Helper()
	s.failures, s.remarks = nil, nil
	return New(bytes.NewReader(file), int64(len(file)), o).Synchronize(t.Context(), s.anchor, s, nil)
}

// counts are the revisions of a shelf by kind.
func (s *shelf) counts() (kinds map[model.DocumentKind]int) {
	kinds = map[model.DocumentKind]int{}
	for _, d := range s.documents {
		kinds[d.Kind]++
	}
	return kinds
}

func TestExportOf2024(t *testing.T) {
	file := sample(t, "wsus-export-2024-06-19.cab")
	e, err := Describe(t.Context(), bytes.NewReader(file), int64(len(file)), allowed)
	if err != nil {
		t.Fatal(err)
	}
	if e.ServerID != "a86cecaa-02ab-44a1-a09d-cac309aa7a3e" || !e.Created.Equal(time.Date(2024, 6, 19, 17, 11, 14, 0, time.UTC)) || e.Format != "1.0" || e.Protocol != "1.20" ||
		e.Revisions != 4125 || e.Listed != 4125 || e.Detectoids != 3674 || e.Categories != 451 || e.Software+e.Drivers+e.Updates+e.Unreadable != 0 || e.Bytes != 16192694 || len(e.Languages) != 39 || e.Signer != "" {
		t.Errorf("described as %+v", e)
	}
	s := newShelf()
	var last model.Progress
	err = New(bytes.NewReader(file), int64(len(file)), allowed).Synchronize(t.Context(), nil, s, func(p model.Progress) { last = p })
	if err != nil || len(s.failures) > 0 {
		t.Fatal(err, s.failures)
	}
	if kinds := s.counts(); len(s.documents) != 4125 || kinds[model.DocumentDetectoid] != 3674 || kinds[model.DocumentCategory] != 451 || len(s.updates) != 0 {
		t.Errorf("%d documents: %v, %d updates", len(s.documents), kinds, len(s.updates))
	}
	if last.Phase != phaseSwitch {
		t.Errorf("the last progress is %+v", last)
	}
	rows := csv.NewReader(bytes.NewReader(sample(t, "categories-2024-06-19.tsv")))
	rows.Comma, rows.LazyQuotes = '\t', true
	all, err := rows.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]model.CategoryKind{"UpdateClassification": model.CategoryClassification, "Company": model.CategoryCompany, "ProductFamily": model.CategoryFamily, "Product": model.CategoryProduct}
	found := map[model.CategoryKind]int{}
	titles := map[model.CategoryID]string{}
	for _, c := range s.categories {
		found[c.Kind]++
		titles[c.ID] = c.Title
	}
	if found[model.CategoryClassification] != 12 || found[model.CategoryFamily] != 57 || found[model.CategoryProduct] != 356 || found[model.CategoryCompany] != 2 || len(s.categories) != len(all)-1 {
		t.Errorf("the categories are %v", found)
	}
	for _, row := range all[1:] {
		c := s.categories[model.CategoryID(row[2])]
		if c.Title != row[1] || c.Kind != kinds[row[0]] || string(c.Parent) != row[4] && titles[c.Parent] != row[4] || c.Excluded != (row[5] == "true") || c.Barren != (row[6] == "true") || c.Upstream != "carried" {
			t.Errorf("the table says %q, the store %+v", row, c)
		}
	}
	// Once more: nothing to do, and it says so.
	if err := bring(t, s, file, allowed); err != nil || s.switches != 1 || len(s.remarks) != 2 || !strings.Contains(s.remarks[1], "was imported already: nothing changed") {
		t.Errorf("importing it twice: %v, %d switches, %q", err, s.switches, s.remarks)
	}
	estimate, err := New(bytes.NewReader(file), int64(len(file)), allowed).Estimate(t.Context(), s.anchor)
	if err != nil || estimate.Updates != 0 || estimate.Bytes != 0 || len(estimate.Remarks) != 1 {
		t.Errorf("%+v %v", estimate, err)
	}
}

// TestExportOf2024ComesBack holds the promise of exporting: the same store.
func TestExportOf2024ComesBack(t *testing.T) {
	file := sample(t, "wsus-export-2024-06-19.cab")
	s := newShelf()
	if err := bring(t, s, file, allowed); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "package.cab")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	done, err := Export(t.Context(), out, s, ExportOptions{ServerID: "11111111-2222-4333-8444-555555555555", Time: now})
	if err != nil || done.Documents != 4125 || done.Refused+done.Fragments != 0 {
		t.Fatal(done, err)
	}
	again, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Microsoft's cabinet has %d bytes, ours %d", len(file), len(again))
	other := newShelf()
	if err := bring(t, other, again, allowed); err != nil || len(other.failures) > 0 {
		t.Fatal(err, other.failures)
	}
	if !reflect.DeepEqual(s.documents, other.documents) || !reflect.DeepEqual(s.categories, other.categories) {
		t.Error("the store that came back is another one")
	}
	inOrder(t, again)
	tool, err := exec.LookPath("cabextract")
	if err != nil {
		t.Skip("cabextract is not installed")
	}
	for name, member := range map[string]func(*pack) io.ReadCloser{
		"package.xml":  func(p *pack) io.ReadCloser { r, _ := p.cab.Open(p.manifest); return r },
		"metadata.txt": func(p *pack) io.ReadCloser { r, _ := p.cab.Open(p.records); return r },
	} {
		want, err := exec.Command(tool, "-q", "-p", "-F", name, path).Output()
		if err != nil {
			t.Fatal(err)
		}
		p, err := sniff(bytes.NewReader(again), int64(len(again)), allowed.Cabinet)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(member(p))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("cabextract finds another %s: %v", name, err)
		}
	}
}
