package publisher

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/upstream/wsusexport"
)

// shelf gives documents to an export.
type shelf []model.Document

func (s shelf) EachDocument(_ context.Context, visit func(*model.Document) error) error {
	for i := range s {
		if err := visit(&s[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s shelf) Document(_ context.Context, key model.DocumentKey) (*model.Document, error) {
	for i := range s {
		if s[i].DocumentKey == key {
			return &s[i], nil
		}
	}
	return nil, fmt.Errorf("there is no revision %v", key)
}

// said is what a manifest says of each revision and file.
func (x *exportXML) said() map[string]string {
	out := map[string]string{}
	for _, f := range x.Files {
		out[f.Digest] = f.Name + " " + f.MUUrl
	}
	for _, u := range x.Updates {
		var files []string
		for _, f := range u.Files {
			files = append(files, f.Digest)
		}
		slices.Sort(files)
		out[fmt.Sprintf("%s/%d", u.ID, u.Revision)] = fmt.Sprint(files, u.Categories, u.Classifications)
	}
	return out
}

// TestExportsSayTheSame compares the package that is published here with the one
// that Fettle exports of the same documents: two writers, one description. The
// public samples of packages hold no updates, so that nothing else shows how
// files, products and classifications stand in a manifest.
func TestExportsSayTheSame(t *testing.T) {
	items := WithCategories([]Item{detectoid("a detectoid", True()), detectoid("another detectoid", Windows("10.0")), update(), Bundle(Item{
		ID: ID("an upgrade"), Title: "An upgrade & more", Class: model.ClassUpgrade, Products: []model.CategoryID{Windows11, Windows10}, Handler: WindowsSetup,
		Files: []File{NewFile("install.esd", DownloadHost, []byte("esd")), NewFile("more & more.cab", DownloadHost, []byte("cab"))},
	})})
	addresses := map[[20]byte]string{}
	for _, it := range Flatten(items) {
		for _, f := range it.payload() {
			addresses[[20]byte(f.SHA1)] = f.URL
		}
	}
	documents := shelf(mustDocuments(t, items, Style{}))
	slices.Reverse(documents) // the order is the exporter's business
	f, err := os.Create(filepath.Join(t.TempDir(), "export.cab"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	result, err := wsusexport.Export(t.Context(), f, documents, wsusexport.ExportOptions{
		ServerID: string(ID("server")), Time: Epoch, Address: func(sha1 [20]byte) string { return addresses[sha1] }})
	if err != nil || result.Documents != len(documents) {
		t.Fatalf("%+v, %v", result, err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	cab, err := cabinet.Open(f, info.Size(), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		r, err := cab.Open(cab.Find(name))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}

	ourList, ourRecords, err := PackageParts(items, PackageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var theirs, ours exportXML
	for to, data := range map[*exportXML][]byte{&theirs: read("package.xml"), &ours: ourList} {
		if err := xml.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), to); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := theirs.said(), ours.said(); !maps.Equal(got, want) {
		for k := range want {
			if got[k] != want[k] {
				t.Errorf("%s: exported as %q, published as %q", k, got[k], want[k])
			}
		}
		for k := range got {
			if _, ok := want[k]; !ok {
				t.Errorf("%s: exported as %q, and not published", k, got[k])
			}
		}
	}
	records1, documents1 := records(t, read("metadata.txt"))
	records2, documents2 := records(t, ourRecords)
	published := map[string]string{}
	for i, head := range records2 {
		published[head] = documents2[i]
	}
	for i, head := range records1 {
		if published[head] != documents1[i] {
			t.Errorf("the document %s differs", head)
		}
		delete(published, head)
	}
	if len(published) > 0 {
		t.Errorf("not exported: %v", slices.Collect(maps.Keys(published)))
	}
}
