package applicability

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"fettle/sync/cabinet"
)

const samples = "../../../../shared/samples"

// export reads the metadata of the real export package: records of an update, a
// revision, a length in UTF-16 units and a document (offline-catalogues C.1).
func export(t testing.TB) [][]byte {
	t.Helper()
	path := filepath.Join(samples, "wsus-export", "wsus-export-2024-06-19.cab")
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("the sample export is not there: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	cab, err := cabinet.Open(f, info.Size(), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := cab.Open(cab.Find("metadata.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for len(bytes.TrimSpace(text)) > 0 {
		text = bytes.TrimLeft(text, "\r\n")
		units, err := strconv.ParseInt(string(text[46:54]), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		text = text[55:]
		n := 0
		for units > 0 {
			c, size := utf8.DecodeRune(text[n:])
			n += size
			units--
			if c > 0xffff {
				units--
			}
		}
		all = append(all, text[:n])
		text = text[n:]
	}
	return all
}

// exportCounts are the uses of every operator, as update-metadata 4 counts them.
var exportCounts = map[Operator]int{
	"MsiProductInstalled": 49968, "RegDword": 1704, "RegSz": 1166, "RegValueExists": 1077, "RegKeyExists": 759, "WindowsVersion": 710,
	"RegSzToVersion": 476, "Processor": 393, "FileVersion": 211, "FileExists": 136, "WindowsLanguage": 135, "WmiQuery": 71,
	"CbsPackageInstalledByIdentity": 68, "LicenseDword": 64, "FileVersionPrependRegSz": 46, "SystemMetric": 13, "ProductReleaseVersion": 12,
	"MsiComponentInstalledForProduct": 11, "MsiFeatureInstalledForProduct": 9, "FileModified": 7, "FileExistsPrependRegSz": 6, "RegKeyLoop": 5,
	"FileCreatedPrependRegSz": 4, "MsiPatchInstalledForProduct": 3, "Platform": 3, "MuiInstalled": 1, "RegExpandSz": 1,
	"And": 2085, "Or": 1566, "Not": 650, "True": 137, "False": 6,
}

// TestRealRules reads the rules of all 4,125 documents of a real export: nothing
// is unknown, the operators are as often there as was counted otherwise, the
// texts fit a screen and hold nothing that a terminal would obey, and no rule
// fails to evaluate.
func TestRealRules(t *testing.T) {
	documents := export(t)
	if len(documents) != 4125 {
		t.Errorf("the export has %d documents, want 4,125", len(documents))
	}
	nothing := &Computer{}
	empty := described(t, "registry = {complete = true}\nfiles = {complete = true}\nproducts = {complete = true}\npackages = {complete = true}\n"+
		"licences = {complete = true}\nreleases = {complete = true}\nprocessor = {architecture = 'x64'}\nlanguage = {windows = 'en-us', multilingual = false}\n"+
		"windows = {version = '10.0.26100.1', product_type = 'workstation', suites = 256}\nmetrics = {86 = 0, 87 = 0}")
	counts := map[Operator]int{}
	outcomes := map[Truth]int{}
	longest := 0
	for _, doc := range documents {
		r, err := Parse(doc)
		if err != nil {
			t.Fatalf("%v in %.200s", err, doc)
		}
		if u := r.Unknown(); len(u) > 0 {
			t.Errorf("%s: not known: %q", r.ID, u)
		}
		if r.Installed == nil || len(r.ID) != 36 {
			t.Fatalf("%.200s has no rules", doc)
		}
		for rule := range r.Installed.All() {
			counts[rule.Operator]++
			if rule.Leaf() && rule.Test == nil {
				t.Fatalf("%s: %s asks nothing", r.ID, rule.Name)
			}
		}
		lines := r.Lines(80)
		longest = max(longest, len(r.FullLines(80)))
		for _, line := range lines {
			if ansi.StringWidth(line) > 80 || strings.ContainsFunc(line, unicode.IsControl) {
				t.Fatalf("%s: a line is %d wide: %q", r.ID, ansi.StringWidth(line), line)
			}
		}
		if got := r.Evaluate(nothing); got.Installed != Unknown && strings.Contains(string(doc), "Subkey") {
			t.Errorf("%s is %s on a computer of which nothing is known", r.ID, got.Installed)
		}
		outcomes[r.Evaluate(empty).Installed]++
	}
	if !maps.Equal(counts, exportCounts) {
		for o, n := range exportCounts {
			if counts[o] != n {
				t.Errorf("%s occurs %d times, want %d", o, counts[o], n)
			}
		}
		t.Errorf("the operators are counted as %v", counts)
	}
	t.Logf("%d documents, longest full listing %d lines; on an empty Windows 11: %d installed, %d not, %d unknown", len(documents), longest, outcomes[Yes], outcomes[No], outcomes[Unknown])
}

// TestFormsOfARealDetectoidAgree reads the same rules from a document and from
// the fragment that a real server made of it.
func TestFormsOfARealDetectoidAgree(t *testing.T) {
	fragment, err := os.ReadFile(filepath.Join(samples, "fragments", "266f6222-r200.core.txt"))
	if err != nil {
		t.Skipf("the sample fragments are not there: %v", err)
	}
	document, err := os.ReadFile(filepath.Join(samples, "updates", "266f6222-c89d-43f2-9f8a-69340271e677-r200.xml"))
	if err != nil {
		t.Skipf("the sample updates are not there: %v", err)
	}
	a, err := Parse(fragment)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	if a.ID != b.ID || a.ID == "" {
		t.Errorf("the forms are of %q and %q", a.ID, b.ID)
	}
	for _, s := range Sections() {
		if x, y := a.Section(s).FullText(), b.Section(s).FullText(); x != y {
			t.Errorf("%s differs:\n%s\n%s", s, x, y)
		}
	}
}

// TestRealFragments reads the rules of every fragment among the samples.
func TestRealFragments(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"fragments/*.core.txt", "wsusscn2/*/c/*", "wsusscn2/*/*/c/*", "updates/*.xml"} {
		found, err := filepath.Glob(filepath.Join(samples, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		t.Skip("the samples are not there")
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if u := r.Unknown(); len(u) > 0 {
			t.Errorf("%s: not known: %q", path, u)
		}
	}
}

// largest is the detectoid with 850,355 characters.
func largest(b testing.TB) []byte {
	var doc []byte
	for _, d := range export(b) {
		if len(d) > len(doc) {
			doc = d
		}
	}
	return doc
}

func BenchmarkParseLargest(b *testing.B) {
	doc := largest(b)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvaluateLargest(b *testing.B) {
	r, err := Parse(largest(b))
	if err != nil {
		b.Fatal(err)
	}
	c := described(b, "products = {complete = true}")
	b.ReportAllocs()
	for b.Loop() {
		r.Evaluate(c)
	}
}

func BenchmarkLinesLargest(b *testing.B) {
	r, err := Parse(largest(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Lines(80)
	}
}

func BenchmarkParseExport(b *testing.B) {
	docs := export(b)
	n := 0
	for _, d := range docs {
		n += len(d)
	}
	b.SetBytes(int64(n))
	for b.Loop() {
		for _, d := range docs {
			if _, err := Parse(d); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkEvaluateExport(b *testing.B) {
	var all []*Rules
	for _, d := range export(b) {
		r, err := Parse(d)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, r)
	}
	text, err := os.ReadFile("testdata/computers/server.toml")
	if err != nil {
		b.Fatal(err)
	}
	c := described(b, string(text))
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range all {
			r.Evaluate(c)
		}
	}
}
