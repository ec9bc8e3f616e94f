package metadata

import (
	"bytes"
	"encoding/csv"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fettle/model"
)

// TestExport reads all 4,125 documents of the sample export, and compares the
// counts with those of update-metadata 2 and offline-catalogues C.1.
func TestExport(t *testing.T) {
	all := documents(t)
	count := map[string]int{}
	p := NewParser(Limits{})
	for _, e := range all {
		u, err := p.Parse(bytes.NewReader(e.document))
		if err != nil {
			t.Fatal(e.id, e.revision, err)
		}
		if u.ID != e.id || u.Revision != e.revision || !strings.EqualFold(u.Written, string(u.ID)) {
			t.Errorf("%s revision %d says that it is %s revision %d, written %s", e.id, e.revision, u.ID, u.Revision, u.Written)
		}
		count["documents"]++
		count[u.Type.String()]++
		count[u.Publication.String()]++
		if u.Written != string(u.ID) {
			count["capitals"]++
		}
		if len(u.Supersedes) > 0 {
			count["superseding"]++
		}
		if u.DefaultLanguage == "" || u.Created.IsZero() || u.Publisher == "" {
			t.Errorf("%s lacks language, date or publisher: %+v", e.id, u)
		}
		for _, c := range u.Prerequisites {
			switch {
			case c.IsCategory:
				count["category clauses"]++
			case len(c.IDs) > 1:
				count["clauses of several"]++
			default:
				count["clauses of one"]++
			}
		}
		count["bundles"] += len(u.Bundles)
		count["files"] += len(u.Files)
		for _, x := range u.Texts {
			count["texts"]++
			if x.Description == "" {
				count["texts without description"]++
			}
			if x.Title != strings.TrimSpace(x.Title) || strings.ContainsAny(x.Title, "\r\n\t") || x.Title == "" || x.Language == "" {
				t.Errorf("%s has the title %q in %q", e.id, x.Title, x.Language)
			}
		}
		if u.HasRules() {
			count["rules"]++
		}
	}
	want := map[string]int{
		"documents": 4125, "detectoid": 3674, "category": 451, "expired": 6, "published": 4119, "capitals": 798,
		"superseding": 109, "clauses of one": 3291, "clauses of several": 448, "category clauses": 428,
		"bundles": 0, "files": 0, "texts": 7313,
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if count[k] != want[k] {
			t.Errorf("%s: %d, want %d", k, count[k], want[k])
		}
	}
	t.Log(count)
}

// TestExportedCategories compares with the list of the newest revisions, which
// another program made.
func TestExportedCategories(t *testing.T) {
	lines := csv.NewReader(bytes.NewReader(sample(t, "wsus-export", "categories-2024-06-19.tsv")))
	lines.Comma, lines.LazyQuotes, lines.FieldsPerRecord = '\t', true, -1
	rows, err := lines.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	newest := map[model.CategoryID]model.Category{}
	excluded := 0
	known := Categories{}
	for _, e := range documents(t) {
		u, err := Parse(bytes.NewReader(e.document))
		if err != nil {
			t.Fatal(err)
		}
		known.Add(u)
		if c, ok := CategoryOf(u, Options{Languages: []string{"en"}}); ok && newest[c.ID].Document <= c.Document {
			newest[c.ID] = c
		}
	}
	kinds := map[string]model.CategoryKind{"Company": model.CategoryCompany, "ProductFamily": model.CategoryFamily, "Product": model.CategoryProduct, "UpdateClassification": model.CategoryClassification}
	compared := 0
	for _, row := range rows {
		id, kind, at := updateID(""), model.CategoryProduct, -1
		for i, cell := range row {
			if k, ok := kinds[cell]; ok {
				kind, at = k, i
			}
			if id == "" {
				id = updateID(cell)
			}
		}
		if id == "" || at < 0 {
			continue
		}
		c, ok := newest[model.CategoryID(id)]
		if !ok || c.Kind != kind || !slices.Contains(row, c.Title) {
			t.Errorf("%v became %+v", row, c)
		}
		if c.Parent != "" && !slices.Contains(row, string(c.Parent)) {
			t.Errorf("%v has the parent %s", row, c.Parent)
		}
		compared++
	}
	if compared != 427 || len(newest) != 427 {
		t.Errorf("%d categories of %d were compared", compared, len(newest))
	}
	count := map[model.CategoryKind]int{}
	for _, c := range newest {
		count[c.Kind]++
		if c.Excluded {
			excluded++
		}
		if kind, ok := known.Kind(model.UpdateID(c.ID)); !ok || kind != c.Kind {
			t.Errorf("%s is of kind %v", c.ID, kind)
		}
		if (c.Parent == "") != (c.Kind == model.CategoryClassification || c.Kind == model.CategoryCompany) {
			t.Errorf("%+v", c)
		}
		if class, ok := Classification(model.UpdateID(c.ID)); ok != (c.Kind == model.CategoryClassification) || ok && class.Title() != c.Title {
			t.Errorf("%+v is %v", c, class)
		}
	}
	if count[model.CategoryClassification] != 12 || count[model.CategoryCompany] != 2 || count[model.CategoryFamily] != 57 || count[model.CategoryProduct] != 356 {
		t.Error(count)
	}
	if len(known) != 427 {
		t.Errorf("%d categories are known", len(known))
	}
	if excluded != 40 {
		t.Errorf("%d categories are excluded, want 40", excluded)
	}
}

// TestExportedFragments derives the fragments of every document, reads them, and
// compares with what the document said.
func TestExportedFragments(t *testing.T) {
	p := NewParser(Limits{})
	for _, e := range documents(t) {
		whole, err := p.Parse(bytes.NewReader(e.document))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Derive(bytes.NewReader(e.document))
		if err != nil {
			t.Fatal(e.id, err)
		}
		var core, extended bytes.Buffer
		if err := DeriveTo(Targets{Core: &core, Extended: &extended}, bytes.NewReader(e.document)); err != nil {
			t.Fatal(e.id, err)
		}
		same(t, core.Bytes(), f.Core)
		same(t, extended.Bytes(), f.Extended)
		texts := map[string][]byte{}
		for _, x := range f.Texts {
			texts[x.Language] = x.Data
		}
		pieces, err := p.ParseFragments(f.Core, f.Extended, texts)
		if err != nil {
			t.Fatal(e.id, err)
		}
		compareWithFragments(t, whole, pieces)
		if t.Failed() {
			t.Fatalf("%s revision %d", e.id, e.revision)
		}
	}
}

// compareWithFragments compares an update that was read from its document with
// the same from its fragments, which have not everything.
func compareWithFragments(t interface {
	Errorf(string, ...any)
}, whole, pieces *Update) {
	w, p := *whole, *pieces
	w.Publication, w.Publisher, w.PerUser, w.Public, w.LegacyName, w.DetectoidType = p.Publication, p.Publisher, p.PerUser, p.Public, p.LegacyName, p.DetectoidType
	w.Created = p.Created
	byLanguage := func(a, b Text) int { return strings.Compare(a.Language, b.Language) }
	w.Texts, p.Texts = slices.Clone(w.Texts), slices.Clone(p.Texts)
	slices.SortStableFunc(w.Texts, byLanguage)
	slices.SortStableFunc(p.Texts, byLanguage)
	if !reflect.DeepEqual(w, p) {
		t.Errorf("the fragments say something else:\n%+v\n%+v", w, p)
	}
}
