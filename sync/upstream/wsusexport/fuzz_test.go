package wsusexport

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"fettle/sync/cabinet"
	"fettle/sync/simulation/publisher"
)

// seeds gives a small package to fuzzing.
func seeds(f *testing.F) parts {
	manifest, records, err := publisher.PackageParts(publisher.WithCategories([]publisher.Item{anUpdate("one", 200), aDriver("two", 1)}), server("a", 1))
	if err != nil {
		f.Fatal(err)
	}
	return parts{manifest, records}
}

// FuzzPackageXML holds that no XML makes the reader panic, hang or hold more
// than came in, and that whatever the manifest's pass counts, the documents'
// pass finds too.
func FuzzPackageXML(f *testing.F) {
	p := seeds(f)
	f.Add(p.manifest)
	f.Add(p.xml(f, func(s string) string { return s }))
	f.Add(p.xml(f, func(s string) string { return "<D><![CDATA[" + s + "]]></D>" }))
	f.Add([]byte(`<ExportPackage xmlns:u="http://schemas.microsoft.com/msus/2002/12/Update"><Updates><Update UpdateId="e6cf1350-c01b-414d-a61f-263d14d133b4" RevisionNumber="1"><u:Update><a>&#13;</a></u:Update>&lt;a/&gt;</Update></Updates></ExportPackage>`))
	f.Fuzz(func(t *testing.T, file []byte) {
		const limit = 1 << 20
		m, err := readManifest(t.Context(), bytes.NewReader(file), limit)
		x := newPackageXML(bytes.NewReader(file), limit)
		listed := 0
		for {
			item, text, next := x.next(nil, nil)
			if next != nil {
				if errors.Is(next, io.EOF) != (err == nil) {
					t.Fatalf("one pass ends with %v, the other with %v", next, err)
				}
				break
			}
			if len(text) > limit {
				t.Fatalf("a document has %d bytes", len(text))
			}
			if item == itemRevision {
				listed++
			}
		}
		if err != nil {
			return
		}
		if m.revisions != listed {
			t.Fatalf("%d revisions in one pass, %d in the other", m.revisions, listed)
		}
		for sum := range m.files.at {
			if address := m.files.find(sum[:]); !fitAddress(address) {
				t.Fatalf("the address is %q", address)
			}
		}
	})
}

// FuzzSniff holds that no file makes an import panic or hang, whatever it begins
// like, and that what was described is what is imported.
func FuzzSniff(f *testing.F) {
	p := seeds(f)
	f.Add(p.cabinet(f))
	f.Add(zip(f, p.cabinet(f)))
	f.Add(p.records)
	f.Add(zip(f, p.xml(f, func(s string) string { return s })))
	f.Add(zip(f, []byte("what is this?")))
	f.Fuzz(func(t *testing.T, file []byte) {
		o := allowed
		o.Document, o.Workers = 1<<20, 1
		o.Cabinet = cabinet.Limits{Total: 16 << 20, Member: 8 << 20}
		r := bytes.NewReader(file)
		e, err := Describe(t.Context(), r, r.Size(), o)
		s := newShelf()
		if again := New(r, r.Size(), o).Synchronize(t.Context(), nil, s, nil); again != nil {
			if s.switches > 0 {
				t.Fatalf("a failed import is in force: %v", again)
			}
			return
		}
		if err != nil {
			t.Fatalf("it was imported but not described: %v", err)
		}
		if len(s.documents) > e.Revisions || len(s.updates) > e.Updates {
			t.Fatalf("%d documents and %d updates of %+v", len(s.documents), len(s.updates), e)
		}
	})
}
