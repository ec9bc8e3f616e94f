package engine_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
)

var operator = model.Actor{Who: "alice", From: model.FromCommand, Role: model.AccessAdministrator}

// exported is the real package of the shared samples.
func exported(t *testing.T) engine.CarriedFile {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "samples", "wsus-export", "wsus-export-2024-06-19.cab")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the shared samples are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return engine.CarriedFile{Name: "wsus.cab", Reader: bytes.NewReader(b), Size: int64(len(b))}
}

func opened(t *testing.T, policy engine.CarryPolicy) (*store.Store, *engine.Engine) {
	t.Helper()
	clock := func() time.Time { return time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC) }
	s, err := store.Open(store.Options{Dir: t.TempDir(), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Options{Store: s, Clock: clock, Carry: policy})
	t.Cleanup(func() {
		e.Close()
		s.Close()
	})
	return s, e
}

func TestImportOfARealPackage(t *testing.T) {
	f := exported(t)
	s, e := opened(t, engine.CarryPolicy{Unsigned: true})
	ctx := t.Context()
	c, err := e.Recognize(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	if c.Kind != model.UpstreamWsusExport || !strings.Contains(c.Facts[3].Value, "4125: 0 of software, 0 of drivers, 451 of products and classifications, 3674 detectoids") {
		t.Errorf("recognised as %s with %v", c.Kind, c.Facts)
	}
	plan, err := e.PlanImport(ctx, c, engine.ImportOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if plan.New != 0 || plan.Documents != 4125 || plan.Categories != 427 {
		t.Errorf("the plan is %+v", plan)
	}
	if n := len(s.Snapshot().Categories()); n != 0 {
		t.Errorf("planning brought %d categories", n)
	}
	job, err := e.Import(ctx, c, engine.ImportOptions{}, operator)
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	kinds := map[model.CategoryKind]int{}
	for _, c := range s.Snapshot().Categories() {
		kinds[c.Kind]++
	}
	if kinds[model.CategoryClassification] != 12 || kinds[model.CategoryFamily] != 57 || kinds[model.CategoryProduct] != 356 || kinds[model.CategoryCompany] != 2 {
		t.Errorf("the categories are %v", kinds)
	}
	counts := map[model.DocumentKind]int{}
	if err := s.Documents(ctx, "wsusexport", func(r store.DocumentRef) error { counts[r.Kind]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if counts[model.DocumentDetectoid] != 3674 || counts[model.DocumentCategory] != 451 {
		t.Errorf("the documents are %v", counts)
	}
	v, err := s.Verify(ctx, nil)
	if err != nil || len(v.Problems) > 0 {
		t.Errorf("the check found %v, %v", v.Problems, err)
	}
	// The same once more changes nothing.
	if plan, err = e.PlanImport(ctx, c, engine.ImportOptions{}, nil); err != nil || plan.Documents+plan.Categories+plan.Revised != 0 {
		t.Errorf("the second plan is %+v, %v", plan, err)
	}
}

// What was exported and imported again gives the same store: documents, products.
func TestExportAndImportGiveTheSameStore(t *testing.T) {
	f := exported(t)
	ctx := t.Context()
	taken := func(f engine.CarriedFile) (*store.Store, *engine.Engine) {
		s, e := opened(t, engine.CarryPolicy{Unsigned: true})
		c, err := e.Recognize(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		job, err := e.Import(ctx, c, engine.ImportOptions{}, operator)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		return s, e
	}
	first, e := taken(f)
	path := filepath.Join(t.TempDir(), "again.cab")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	x, err := e.Export(ctx, out, nil)
	if err != nil || x.Documents != 4125 || x.Refused+x.Fragments != 0 {
		t.Fatalf("the export gave %+v, %v", x, err)
	}
	info, err := out.Stat()
	if err != nil {
		t.Fatal(err)
	}
	second, _ := taken(engine.CarriedFile{Name: "again.cab", Reader: out, Size: info.Size()})
	documents := func(s *store.Store) map[model.DocumentKey][32]byte {
		all := map[model.DocumentKey][32]byte{}
		if err := s.Documents(ctx, "", func(r store.DocumentRef) error { all[r.DocumentKey] = r.SHA256; return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if a, b := documents(first), documents(second); !maps.Equal(a, b) {
		t.Errorf("%d documents became %d, or others", len(a), len(b))
	}
	if a, b := first.Snapshot().Categories(), second.Snapshot().Categories(); !slices.Equal(a, b) {
		t.Errorf("%d products became %d, or others", len(a), len(b))
	}
}

func TestUnsignedFilesAreRefusedUnlessAllowed(t *testing.T) {
	f := exported(t)
	_, e := opened(t, engine.CarryPolicy{})
	c, err := e.Recognize(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Import(t.Context(), c, engine.ImportOptions{}, operator)
	var r *model.Refusal
	if !errors.As(err, &r) || r.Code != "unsigned" || !strings.Contains(r.Remedy, "unsigned = true") {
		t.Errorf("an unsigned package gave %v", err)
	}
}

func TestFilesThatAreNoCatalogues(t *testing.T) {
	_, e := opened(t, engine.CarryPolicy{Unsigned: true})
	for content, want := range map[string]string{
		"":                         "it is empty",
		"PK\x03\x04...":            "it looks like a zip archive",
		"!<arch>\ndebian-binary  ": "it looks like a Debian package",
		"hello, world":             "neither Microsoft's offline scan catalogue nor a package",
	} {
		_, err := e.Recognize(t.Context(), engine.CarriedFile{Name: "x\x1b[31m.cab", Reader: strings.NewReader(content), Size: int64(len(content))})
		var r *model.Refusal
		if !errors.As(err, &r) || !strings.Contains(r.Why, want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q gave %v", content, err)
		}
	}
}
