package offline

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fettle/sync/cabinet"
	"fettle/sync/metadata"
)

func small(edition int) Options {
	return Options{Updates: 600, Locations: 400, Shards: 4, Unpacked: 3_000_000, Seed: 1, Edition: edition, Added: 12, Effort: 1}
}

func write(t *testing.T, o Options) ([]byte, *Summary) {
	t.Helper()
	var m memory
	s, err := Write(t.Context(), &m, o)
	if err != nil {
		t.Fatal(err)
	}
	return m.b, s
}

// documents reads all fragments by identity instead of by RevisionId.
func documents(t *testing.T, b []byte) (map[string]string, map[metadata.Identity]string) {
	t.Helper()
	outer, err := cabinet.Open(bytes.NewReader(b), int64(len(b)), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range outer.Files() {
		if f.Name == "index.xml" {
			continue
		}
		r, ok := outer.ReaderAt(f)
		if !ok {
			t.Fatalf("%s is packed by the outer cabinet", f.Name)
		}
		inner, err := cabinet.Open(r, f.Size, cabinet.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if c := inner.Folders()[0]; c.Compression != cabinet.LZX || c.Window != 21 {
			t.Errorf("%s: %+v", f.Name, c)
		}
		err = inner.Walk(t.Context(), 0, func(f *cabinet.File, r io.Reader) error {
			b, err := io.ReadAll(r)
			files[f.Name] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	byIdentity := map[metadata.Identity]string{}
	for name, core := range files {
		key, ok := strings.CutPrefix(name, "c/")
		if !ok {
			continue
		}
		texts := map[string][]byte{}
		if text := files["l/en/"+key]; text != "" {
			texts["en"] = []byte(text)
		}
		u, err := metadata.ParseFragments([]byte(core), []byte(files["x/"+key]), texts)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, core)
		}
		byIdentity[u.Identity] = core + files["x/"+key] + files["l/en/"+key]
	}
	return files, byIdentity
}

func TestWrite(t *testing.T) {
	b, s := write(t, small(1))
	files, all := documents(t, b)
	if len(all) != 600 || s.Revisions != 600 || s.Bundles+s.Members+s.Detectoids+s.Categories != 600 || len(s.New) != 0 {
		t.Errorf("%d revisions: %+v", len(all), s)
	}
	var total int64
	for name, f := range files {
		if name != "package.xml" && name != "files/readme.txt" {
			total += int64(len(f))
		}
	}
	if s.Unpacked != total || total < 2_500_000 || total > 3_500_000 || s.Graph != int64(len(files["package.xml"])) || s.Size != int64(len(b)) {
		t.Errorf("%d bytes: %+v", total, s)
	}
	if strings.Contains(files["package.xml"], "KBArticleID") || strings.ContainsRune(files["package.xml"], '\n') {
		t.Error("package.xml is not as real ones are")
	}
	again, _ := write(t, small(1))
	if sha256.Sum256(again) != sha256.Sum256(b) {
		t.Error("the same options wrote other bytes")
	}
	other := small(1)
	other.Seed = 2
	if different, _ := write(t, other); bytes.Equal(different, b) {
		t.Error("the seed does not matter")
	}
}

// TestEditions holds that a later edition only adds.
func TestEditions(t *testing.T) {
	b1, s1 := write(t, small(1))
	b2, s2 := write(t, small(2))
	_, first := documents(t, b1)
	_, second := documents(t, b2)
	for id, d := range first {
		if second[id] != d {
			t.Fatalf("%v changed:\n%s\n%s", id, d, second[id])
		}
	}
	if len(s2.New) != 12 || s2.Bundles != s1.Bundles+12 || s2.Package == s1.Package || !s2.Created.After(s1.Created) || s2.Superseded <= s1.Superseded {
		t.Errorf("%+v\n%+v", s1, s2)
	}
}

// TestCabextract has another program read what was written.
func TestCabextract(t *testing.T) {
	program, err := exec.LookPath("cabextract")
	if err != nil {
		t.Skip("cabextract is not installed")
	}
	b, _ := write(t, small(1))
	files, _ := documents(t, b)
	dir := t.TempDir()
	path := filepath.Join(dir, "wsusscn2.cab")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	extract := func(file string) {
		t.Helper()
		if out, err := exec.Command(program, "-q", "-d", dir, file).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
	}
	extract(path)
	inner, err := filepath.Glob(filepath.Join(dir, "package*.cab"))
	if err != nil || len(inner) != 5 {
		t.Fatal(inner, err)
	}
	for _, file := range inner {
		extract(file)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil || string(got) != want {
			t.Fatalf("%s: %v", name, err)
		}
	}
}
