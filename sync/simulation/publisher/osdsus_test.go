package publisher

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/ulikunitz/xz"

	"fettle/model"
)

// sampleRows reads the rows of the shared sample: 45 files that OSDeploy/OSDSUS
// exported from a real WSUS (MIT licence).
func sampleRows(t testing.TB) []Row {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "samples", "catalogue", "osdsus-catalogs-20240913.tar.xz"))
	if err != nil {
		t.Skipf("the shared samples are not here: %v", err)
	}
	defer f.Close()
	plain, err := xz.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := OSDSUS(plain)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// byHand says that whoever made the rows added one without a server: there are
// three, with addresses of another service and all with the digest of one.
func (r Row) byHand() bool { return strings.HasPrefix(r.URL, "https://catalog.") }

// TestRealRows holds what becomes of the rows to what whoever counts them with
// other tools finds (samples/catalogue/README.md).
func TestRealRows(t *testing.T) {
	rows := sampleRows(t)
	if len(rows) != 2014 {
		t.Errorf("%d rows", len(rows))
	}
	var updates []Item
	kbs := map[string]bool{}
	classes, severities, licences, superseding, later, restarts := map[model.Classification]int{}, map[model.Severity]int{}, 0, 0, 0, map[model.Restart]int{}
	items := Items(rows)
	for _, it := range items {
		if !it.Deployable() {
			continue
		}
		updates = append(updates, it)
		kbs[it.KB[0]] = true
		classes[it.Class]++
		severities[it.Severity]++
		restarts[it.Members[0].Restart]++
		if it.Eula != nil {
			licences++
		}
		if it.Supersedes != nil {
			superseding++
		}
		if it.Revision > 200 {
			later++
		}
	}
	if len(updates) != 1850 || len(kbs) != 208 {
		t.Errorf("%d updates with %d KB numbers", len(updates), len(kbs))
	}
	got := fmt.Sprint(classes[model.ClassUpgrade], classes[model.ClassCritical], classes[model.ClassSecurity], classes[model.ClassUpdate], classes[model.ClassFeaturePack],
		" ", severities[model.SeverityUnspecified], severities[model.SeverityCritical], severities[model.SeverityImportant], severities[model.SeverityModerate], " ", licences, superseding, later, " ", restarts[model.RestartMay], restarts[model.RestartAlways])
	if want := "1378 148 225 90 9 1629 130 87 4 152 1302 10 249 10"; got != want {
		t.Errorf("classes, severities, licences, superseding, later revisions, restarts: %s, want %s", got, want)
	}

	// Each update has every file of its rows once, and they weigh the same.
	weigh := map[string]int64{}
	seen := map[string]bool{}
	for _, r := range rows {
		if key := r.UpdateID + string(r.SHA1); !seen[key] {
			seen[key] = true
			weigh[r.UpdateID] += r.Size
		}
	}
	for _, it := range updates {
		if size := it.Members[0].size(); size != weigh[string(it.ID)] || size == 0 {
			t.Errorf("%s weighs %d, not %d", it.Title, size, weigh[string(it.ID)])
		}
		for _, f := range it.Members[0].Files {
			// Microsoft's addresses end with the digest.
			if !(Row{URL: f.URL}).byHand() && !strings.Contains(f.URL, fmt.Sprintf("_%x.", f.SHA1)) {
				t.Errorf("the digest of %s is not that of its address %s", f.Name, f.URL)
			}
		}
	}

	// Products are real ones, except the one that has no real identifier.
	var made []string
	for _, it := range items {
		if it.Category == nil {
			continue
		}
		if _, ok := knownByID(model.CategoryID(it.ID)); !ok && it.Category.Kind != model.CategoryClassification {
			made = append(made, it.Title)
		}
	}
	if !slices.Equal(made, []string{"Windows Server"}) {
		t.Errorf("categories with identifiers of ours: %q", made)
	}
	mustDocuments(t, items, Style{})
}

func TestSplitTitles(t *testing.T) {
	for title, want := range map[string]string{
		"Windows 10": "Windows 10",
		"Windows 10, version 1903 and later Windows 10":                      "Windows 10, version 1903 and later|Windows 10",
		"Windows Safe OS Dynamic Update Windows 10 and later Dynamic Update": "Windows Safe OS Dynamic Update|Windows 10 and later Dynamic Update",
		"Microsoft Edge Windows 10 Windows 10 LTSB":                          "Microsoft Edge|Windows 10|Windows 10 LTSB",
		"Windows Server":              "",
		"Windows 10 and more":         "",
		"Windows 10, version 1903 an": "",
	} {
		if got := strings.Join(splitTitles(title), "|"); got != want {
			t.Errorf("%q is %q, not %q", title, got, want)
		}
	}
}

const oneRow = `[{"UpdateId":"9A1A75C3-e1ed-462a-8caf-5f57f91424ce","Title":"Update für 漢字 (KB1)","KBNumber":"1","CreationDate":"\/Date(1720544400000)\/",
"FileName":"a.cab","Size":12,"Hash":"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 255","AdditionalHash":"","Category":"A product","ProductFamilyTitles":"A family",
"CompanyTitles":"A company","UpdateClassificationTitle":"Tools","MsrcSeverity":"Low","IsLatestRevision":true,"FileUri":"http://x/a.cab","UpdateArch":"x64"}]`

func archive(t *testing.T, files map[string][]byte) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestRowsInEveryEncoding(t *testing.T) {
	encode := func(order binary.AppendByteOrder, mark bool) []byte {
		var out []byte
		if mark {
			out = order.AppendUint16(out, 0xfeff)
		}
		for _, u := range utf16.Encode([]rune(oneRow)) {
			out = order.AppendUint16(out, u)
		}
		return out
	}
	for name, data := range map[string][]byte{
		"UTF-8": []byte(oneRow), "UTF-8 with mark": []byte("\xef\xbb\xbf" + oneRow), "little": encode(binary.LittleEndian, true), "big": encode(binary.BigEndian, true),
		"little without mark": encode(binary.LittleEndian, false), "big without mark": encode(binary.BigEndian, false),
	} {
		rows, err := OSDSUS(archive(t, map[string][]byte{"x/a.json": data, "x/LICENSE": []byte("not rows")}))
		if err != nil || len(rows) != 1 || rows[0].Title != "Update für 漢字 (KB1)" || !rows[0].Created.Equal(time.Date(2024, 7, 9, 17, 0, 0, 0, time.UTC)) || rows[0].SHA1[19] != 255 || rows[0].SHA256 != nil {
			t.Errorf("%s: %+v, %v", name, rows, err)
			continue
		}
		items := Items(rows)
		if len(items) != 5 || items[4].ID != "9a1a75c3-e1ed-462a-8caf-5f57f91424ce" || items[3].Title != "A product" && items[2].Title != "A product" {
			t.Errorf("%s: made %d items", name, len(items))
		}
	}
}

func TestBadRows(t *testing.T) {
	for name, change := range map[string][2]string{
		"date":           {`\/Date(1720544400000)\/`, "2024-07-09"},
		"short digest":   {"1 2 3", "3"},
		"byte too large": {"19 255", "19 256"},
		"no list":        {"[{", "{"},
		"size":           {":12", `:"12"`},
	} {
		if rows, err := OSDSUS(archive(t, map[string][]byte{"a.json": []byte(strings.Replace(oneRow, change[0], change[1], 1))})); err == nil || !strings.Contains(err.Error(), "a.json") {
			t.Errorf("%s: %+v, %v", name, rows, err)
		}
	}
	if _, err := OSDSUS(strings.NewReader(strings.Repeat("no archive ", 100))); err == nil {
		t.Error("what is no archive was read")
	}
}

func TestOlderRevisionsStayOut(t *testing.T) {
	row := Row{UpdateID: "9a1a75c3-e1ed-462a-8caf-5f57f91424ce", Title: "new", Latest: true, Earlier: true, SHA1: []byte{1}, KB: "1"}
	old := row
	old.Title, old.Latest = "old", false
	items := Items([]Row{old, row})
	if len(items) != 1 || items[0].Title != "new" || items[0].Revision != 201 {
		t.Errorf("%+v", items)
	}
	if items := Items([]Row{old}); len(items) != 1 || items[0].Title != "old" {
		t.Errorf("%+v", items)
	}
}

// FuzzRows looks for rows that bring the reader down, or the maker of items.
func FuzzRows(f *testing.F) {
	f.Add([]byte(oneRow))
	f.Add([]byte("\xff\xfe["))
	f.Add([]byte(`[{"UpdateId":"x","CreationDate":"/Date(9223372036854775807)/"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := appendRows(nil, data)
		if err != nil {
			return
		}
		for _, it := range Items(rows) {
			if d, err := Document(it, Style{}); err == nil {
				tree(t, d)
			}
		}
	})
}
