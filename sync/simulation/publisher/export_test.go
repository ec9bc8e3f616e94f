package publisher

import (
	"bytes"
	"crypto/sha1"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"fettle/sync/cabinet"
)

// records takes metadata.txt apart as offline-catalogues C.1 says, with nothing
// of ours.
func records(t interface{ Fatalf(string, ...any) }, data []byte) (heads []string, documents []string) {
	head := regexp.MustCompile(`^([0-9a-f-]{36}),([0-9a-f]{8}),([0-9a-f]{8}),`)
	units := utf16.Encode([]rune(string(data)))
	for len(units) > 0 {
		m := head.FindStringSubmatch(string(utf16.Decode(units[:min(len(units), 60)])))
		if m == nil {
			t.Fatalf("no record begins at %q", string(utf16.Decode(units[:min(len(units), 60)])))
		}
		n, _ := strconv.ParseUint(m[3], 16, 32)
		end := len(m[0]) + int(n)
		if end+2 > len(units) || units[end] != '\r' || units[end+1] != '\n' {
			t.Fatalf("the record of %s does not end where its length says", m[1])
		}
		revision, _ := strconv.ParseUint(m[2], 16, 32)
		heads, documents = append(heads, fmt.Sprintf("%s/%d", m[1], revision)), append(documents, string(utf16.Decode(units[len(m[0]):end])))
		units = units[end+2:]
	}
	return heads, documents
}

// exportXML is package.xml as far as tests ask.
type exportXML struct {
	Protocol string `xml:"ProtocolVersion,attr"`
	Files    []struct {
		Digest, MUUrl, Name string `xml:",attr"`
	} `xml:"Files>File"`
	Updates []struct {
		ID       string `xml:"UpdateId,attr"`
		Revision uint32 `xml:"RevisionNumber,attr"`
		Files    []struct {
			Digest string `xml:",attr"`
		} `xml:"Files>File"`
		Categories []struct {
			Value string `xml:",attr"`
		} `xml:"Categories>Category"`
		Classifications []struct {
			Value string `xml:",attr"`
		} `xml:"Classifications>Classification"`
	} `xml:"Updates>Update"`
}

// TestPackageHoldsEverything reads back what was packed, whatever is in it.
func TestPackageHoldsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []Item
		for i, it := range rapid.SliceOfN(anItem(1), 0, 4).Draw(t, "items") {
			it.ID = ID("item", fmt.Sprint(i))
			items = append(items, it)
		}
		items = WithCategories(items)
		style := rapid.SampledFrom([]Style{{}, Odd}).Draw(t, "style")
		list, metadata, err := PackageParts(items, PackageOptions{Style: style})
		if err != nil {
			t.Fatal(err)
		}
		heads, documents := records(t, metadata)
		docs, err := Documents(items, style)
		if err != nil {
			t.Fatal(err)
		}
		var parsed exportXML
		if !bytes.HasPrefix(list, []byte("\xef\xbb\xbf<?xml")) || xml.Unmarshal(list[3:], &parsed) != nil {
			t.Fatalf("package.xml cannot be read: %s", list)
		}
		if len(heads) != len(docs) || len(parsed.Updates) != len(docs) {
			t.Fatalf("%d records and %d updates of %d documents", len(heads), len(parsed.Updates), len(docs))
		}
		for i, d := range docs {
			want := fmt.Sprintf("%s/%d", d.ID, d.Revision)
			if heads[i] != want || documents[i] != string(d.Parts[0].Data) || fmt.Sprintf("%s/%d", parsed.Updates[i].ID, parsed.Updates[i].Revision) != want {
				t.Fatalf("record %d is %s, not %s", i, heads[i], want)
			}
		}
		known := map[string]bool{}
		for _, f := range parsed.Files {
			known[f.Digest] = true
		}
		for _, u := range parsed.Updates {
			for _, f := range u.Files {
				if !known[f.Digest] {
					t.Fatalf("%s refers to a file that is not listed", u.ID)
				}
			}
		}
	})
}

func TestPackageIsReadByOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.cab")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	items := WithCategories([]Item{update()})
	if err := Package(f, items, PackageOptions{Compression: cabinet.LZX}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("cabextract"); err != nil {
		t.Skip("cabextract is not here to read the package")
	}
	list, metadata, err := PackageParts(items, PackageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"package.xml": list, "metadata.txt": metadata} {
		got, err := exec.Command("cabextract", "-q", "-p", "-F", name, path).Output()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("cabextract gives %d other bytes of %s: %v", len(got), name, err)
		}
	}
}

func TestContentDirectory(t *testing.T) {
	dir := t.TempDir()
	items := []Item{update(), update()}
	if n, err := WriteContent(dir, items); err != nil || n != 2 { // the file and the licence terms
		t.Fatalf("%d files, %v", n, err)
	}
	found := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found++
		data, err := os.ReadFile(path)
		hex := strings.ToUpper(fmt.Sprintf("%x", sha1.Sum(data)))
		if rel, _ := filepath.Rel(dir, path); !strings.HasPrefix(rel, filepath.Join("WsusContent", hex[38:], hex+".")) {
			t.Errorf("%s holds %s", rel, hex)
		}
		return err
	})
	if err != nil || found != 2 {
		t.Errorf("%d files, %v", found, err)
	}
}
