package wsusexport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/simulation/publisher"
)

// memory is a file in memory.
type memory struct {
	b  []byte
	at int64
}

func (m *memory) Write(p []byte) (int, error) {
	if need := int(m.at) + len(p); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	copy(m.b[m.at:], p)
	m.at += int64(len(p))
	return len(p), nil
}

func (m *memory) Seek(offset int64, whence int) (int64, error) {
	m.at = [3]int64{0, m.at, int64(len(m.b))}[whence] + offset
	return m.at, nil
}

// fataler is what building a package needs of a test, rapid's among them.
type fataler interface{ Fatal(...any) }

// parts are the two files of a package.
type parts struct{ manifest, records []byte }

// publish makes the parts of a package of items.
func publish(t fataler, o publisher.PackageOptions, items ...publisher.Item) parts {
	manifest, records, err := publisher.PackageParts(publisher.WithCategories(items), o)
	if err != nil {
		t.Fatal(err)
	}
	return parts{manifest, records}
}

// cabinet makes a package of its parts.
func (p parts) cabinet(t fataler) []byte {
	var m memory
	err := cabinet.Create(&m, cabinet.Options{Reserve: reserve}, []cabinet.Entry{entry("package.xml", p.manifest), entry("metadata.txt", p.records)})
	if err != nil {
		t.Fatal(err)
	}
	return m.b
}

func entry(name string, b []byte) cabinet.Entry {
	return cabinet.Entry{Name: name, Modified: now, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// zip packs with gzip.
func zip(t fataler, b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// documents cuts metadata.txt.
func (p parts) documents(t fataler) (recs []record, texts []string) {
	recs, texts, err := readRecords(bytes.NewReader(p.records), 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	return recs, texts
}

// with makes the parts anew from records and texts.
func (p parts) with(recs []record, texts []string) parts {
	p.records = nil
	for i := range recs {
		p.records = writeRecord(p.records, recs[i].revision, texts[i])
	}
	return p
}

// xml writes the package as one XML, the documents by the given function inside
// their Update elements.
func (p parts) xml(t fataler, document func(text string) string) []byte {
	recs, texts := p.documents(t)
	s := string(p.manifest)
	for i, rec := range recs {
		at := strings.Index(s, fmt.Sprintf(`UpdateId="%s" RevisionNumber="%d"`, rec.id, rec.number))
		if at < 0 {
			t.Fatal("package.xml does not list", rec)
		}
		end := at + strings.Index(s[at:], "</Update>")
		s = s[:end] + document(texts[i]) + s[end:]
	}
	return []byte(s)
}

// The products of the tests' updates.
var (
	windows11 = []model.CategoryID{publisher.Windows11}
	office    = []model.CategoryID{publisher.Office2016}
)

// anUpdate is a bundle with a member that has two files.
func anUpdate(name string, rev uint32) publisher.Item {
	return publisher.Bundle(publisher.Item{
		ID: publisher.ID(name), Revision: rev, Title: "2026-11 Update " + name, Description: "It mends.\r\nIt may restart.",
		Class: model.ClassSecurity, Products: windows11, Severity: model.SeverityCritical, KB: []string{"5034441"},
		Files: []publisher.File{
			publisher.NewFile(name+".cab", publisher.DownloadHost, []byte(name)),
			publisher.NewFile(name+".psf", publisher.DownloadHost, []byte(name+" express")),
		},
		Restart: model.RestartMay, Removable: true, Handler: publisher.ComponentServicing,
		Rules: publisher.Servicing(name, "10.0.26100.1", "amd64", "5034441"),
	})
}

// aDriver is an update without members.
func aDriver(name string, rev uint32) publisher.Item {
	return publisher.Item{
		ID: publisher.ID(name), Revision: rev, Kind: model.DocumentDriver, Title: "Driver " + name, Class: model.ClassDriver, Products: windows11,
		Handler: publisher.WindowsDriver, Restart: model.RestartMay,
		Files:   []publisher.File{publisher.NewFile(name+".cab", publisher.DownloadHost, []byte(name))},
		Drivers: []publisher.Driver{{HardwareID: "PCI\\VEN_1&DEV_" + name, Class: "Net", Version: "1.2." + fmt.Sprint(rev), Date: publisher.Epoch}},
	}
}

// server are the options of packages of a server, made so many days on.
func server(name string, day int) publisher.PackageOptions {
	return publisher.PackageOptions{Server: publisher.ID("server", name), Created: publisher.Epoch.AddDate(0, 0, day)}
}

// TestForms holds that a package says the same in whatever form it comes.
func TestForms(t *testing.T) {
	p := publish(t, server("a", 1), anUpdate("one", 200), aDriver("two", 3))
	want := newShelf()
	if err := bring(t, want, p.cabinet(t), allowed); err != nil || len(want.failures) > 0 || len(want.updates) != 2 {
		t.Fatal(err, want.failures, len(want.updates))
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;").Replace
	itself := func(s string) string { return s }
	for name, c := range map[string]struct {
		file []byte
		form Form
		slim bool // says nothing of addresses
	}{
		"cabinet":             {p.cabinet(t), FormCabinet, false},
		"cabinet in gzip":     {zip(t, p.cabinet(t)), FormCabinet, false},
		"elements":            {zip(t, p.xml(t, itself)), FormXML, false},
		"elements, unpacked":  {p.xml(t, itself), FormXML, false},
		"text":                {zip(t, p.xml(t, func(s string) string { return "<Xml>\r\n" + escape(s) + " </Xml>" })), FormXML, false},
		"text itself":         {zip(t, p.xml(t, escape)), FormXML, false},
		"CDATA":               {zip(t, p.xml(t, func(s string) string { return "<D><![CDATA[" + s + "]]></D>" })), FormXML, false},
		"deep elements":       {zip(t, p.xml(t, func(s string) string { return "<Metadata><Xml>" + s + "</Xml></Metadata>" })), FormXML, false},
		"namespaces outside":  {zip(t, bytes.Replace(p.xml(t, itself), []byte("<ExportPackage "), []byte(`<ExportPackage xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:zz="z" `), 1)), FormXML, false},
		"records":             {p.records, FormRecords, true},
		"records in gzip":     {zip(t, p.records), FormRecords, true},
		"records with a mark": {append([]byte(bom), p.records...), FormRecords, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := bytes.NewReader(c.file)
			if form, err := Sniff(r, r.Size()); err != nil || form != c.form {
				t.Fatalf("taken for %v: %v", form, err)
			}
			e, err := Describe(t.Context(), r, r.Size(), allowed)
			if err != nil || e.Software != 2 || e.Drivers != 1 || e.Updates != 2 || e.Revisions != e.Listed || e.Revisions != len(want.documents) || e.Unreadable != 0 {
				t.Errorf("%+v %v", e, err)
			}
			s := newShelf()
			if err := bring(t, s, c.file, allowed); err != nil || len(s.failures) > 0 {
				t.Fatal(err, s.failures)
			}
			if c.slim {
				for _, u := range want.updates {
					for i := range u.Files {
						s.updates[u.ID].Files[i].URL = u.Files[i].URL
					}
				}
			}
			same(t, want, s)
			if err := bring(t, s, c.file, allowed); err != nil || s.switches != 1 {
				t.Errorf("imported twice: %v", err)
			}
		})
	}
}

// TestOtherContents holds that what is no package is refused with words.
func TestOtherContents(t *testing.T) {
	var index memory
	if err := cabinet.Create(&index, cabinet.Options{}, []cabinet.Entry{entry("index.xml", []byte("<INDEX/>")), entry("package.cab", nil)}); err != nil {
		t.Fatal(err)
	}
	var foreign memory
	if err := cabinet.Create(&foreign, cabinet.Options{}, []cabinet.Entry{entry("setup.exe", []byte("MZ"))}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
		not  bool
	}{
		"nothing":             {nil, "it is empty", true},
		"text":                {[]byte("Hello"), "not a package", true},
		"another XML":         {[]byte("<?xml version='1.0'?><catalog/>"), "not a package", true},
		"something in gzip":   {zip(t, []byte("PK\x03\x04")), "wsusutil export package.cab", true},
		"nothing in gzip":     {zip(t, nil), "wsusutil export package.cab", true},
		"gzip that is cut":    {zip(t, bytes.Repeat([]byte("x"), 5000))[:12], "unexpected EOF", false},
		"the scan catalogue":  {index.b, "wsusscn2.cab", true},
		"another cabinet":     {foreign.b, "setup.exe", true},
		"a cabinet cut short": {foreign.b[:30], "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf()
			err := bring(t, s, c.file, allowed)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNotPackage) != c.not || s.switches > 0 {
				t.Errorf("the error is %v", err)
			}
			if _, err := Describe(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), allowed); err == nil {
				t.Error("it was described")
			}
		})
	}
}

// TestSignatures holds that nobody's package comes in where that is not allowed.
func TestSignatures(t *testing.T) {
	file := publish(t, server("a", 1), aDriver("one", 1)).cabinet(t)
	o := allowed
	o.Unsigned = false
	s := newShelf()
	err := bring(t, s, file, o)
	var refusal *model.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "unsigned" || s.switches > 0 {
		t.Errorf("the error is %v", err)
	}
	if lines, err := New(bytes.NewReader(file), int64(len(file)), o).Test(t.Context()); !errors.As(err, &refusal) || len(lines) < 3 || !strings.Contains(strings.Join(lines, " "), "Nobody signed it.") {
		t.Errorf("tested: %q %v", lines, err)
	}
	if err := bring(t, s, file, allowed); err != nil || len(s.remarks) != 1 || !strings.Contains(s.remarks[0], "not signed") {
		t.Errorf("allowed: %v %q", err, s.remarks)
	}
}

func TestEstimate(t *testing.T) {
	p := publish(t, server("a", 1), anUpdate("one", 200), anUpdate("two", 200), aDriver("three", 1))
	file := p.cabinet(t)
	e, err := New(bytes.NewReader(file), int64(len(file)), allowed).Estimate(t.Context(), nil)
	if err != nil || e.Updates != 3 || e.Bytes != int64(len(p.records)) || e.Time <= 0 || len(e.Remarks) > 0 {
		t.Errorf("%+v %v", e, err)
	}
	s := newShelf()
	if err := bring(t, s, file, allowed); err != nil {
		t.Fatal(err)
	}
	older := publish(t, server("a", 0), anUpdate("one", 100)).cabinet(t)
	e, err = New(bytes.NewReader(older), int64(len(older)), allowed).Estimate(t.Context(), s.anchor)
	if err != nil || len(e.Remarks) != 1 || !strings.Contains(e.Remarks[0], "A newer edition") {
		t.Errorf("of an older one: %+v %v", e, err)
	}
	o := allowed
	o.Languages = []string{"de"}
	if e, err = New(bytes.NewReader(file), int64(len(file)), o).Estimate(t.Context(), s.anchor); err != nil || e.Updates != 3 {
		t.Errorf("in other languages: %+v %v", e, err)
	}
	o = allowed
	o.Clock = func() time.Time { return time.Time{} }
	if e, err = New(bytes.NewReader(file), int64(len(file)), o).Estimate(t.Context(), []byte("rubbish")); err != nil || len(e.Remarks) != 1 || e.Updates != 3 {
		t.Errorf("with a damaged anchor: %+v %v", e, err)
	}
}

// TestBorrowedNamespaces holds that a document which rests on declarations
// around it is taken out with them, and only with those.
func TestBorrowedNamespaces(t *testing.T) {
	p := publish(t, server("a", 1), anUpdate("one", 200))
	declared := ` xmlns:upd="` + updateSpace + `"`
	file := bytes.Replace(p.xml(t, func(s string) string { return strings.Replace(s, declared, "", 1) }), []byte("<ExportPackage "), []byte("<ExportPackage"+declared+` xmlns:zz="z" `), 1)
	s := newShelf()
	if err := bring(t, s, file, allowed); err != nil || len(s.failures) > 0 || len(s.updates) != 1 {
		t.Fatal(err, s.failures, len(s.updates))
	}
	for _, d := range s.documents {
		if text := string(d.Part(model.PartWhole)); !strings.HasPrefix(text, "<upd:Update"+declared) || strings.Count(text, declared) != 1 || strings.Contains(text, `"z"`) {
			t.Errorf("the document begins with %.200s", text)
		}
	}
}
