package content

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
)

// aFile describes a file with these bytes.
func aFile(text string) model.File {
	one, two := sha1.Sum([]byte(text)), sha256.Sum256([]byte(text))
	return model.File{Name: "file.cab", Size: int64(len(text)), SHA1: one[:], SHA256: two[:]}
}

// wsusName is where WSUS has a file below its content directory.
func wsusName(f model.File, ending string) string {
	name := fmt.Sprintf("%X", f.SHA1)
	return filepath.Join("WsusContent", name[38:], name+ending)
}

// aStore opens a store in a folder of its own.
func aStore(t testing.TB) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "content")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

// lay writes files into a tree.
func lay(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// catalogue answers for these files.
func catalogue(files ...model.File) func([20]byte) (model.File, bool) {
	return func(sum [20]byte) (model.File, bool) {
		for _, f := range files {
			if bytes.Equal(f.SHA1, sum[:]) {
				return f, true
			}
		}
		return model.File{}, false
	}
}

// text reads a file of the store.
func (s *Store) text(t testing.TB, f model.File) string {
	t.Helper()
	r, err := s.Open(Sum(f.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// settled checks that nothing unfinished is left.
func settled(t testing.TB, dir string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(dir, folderIncoming))
	if err != nil || len(left) > 0 {
		t.Errorf("left in incoming: %v %v", left, err)
	}
}

func TestImport(t *testing.T) {
	for _, share := range []bool{false, true} {
		t.Run(fmt.Sprintf("share=%v", share), func(t *testing.T) {
			good, second, plain, wrong, short, forged := aFile("good"), aFile("second"), aFile("plain"), aFile("wrong"), aFile("short"), aFile("forged")
			plain.SHA256, plain.Size = nil, 0 // older metadata states neither
			forged.SHA256 = aFile("genuine").SHA256
			tree := lay(t, map[string]string{
				wsusName(good, ".cab"):                                 "good",
				strings.ToLower(wsusName(plain, ".txt")):               "plain",
				fmt.Sprintf("downloads/kb5034441_%x.msu", second.SHA1): "second",
				wsusName(wrong, ".exe"):                                "wronG",
				wsusName(short, ".cab"):                                "shor",
				wsusName(forged, ".cab"):                               "forged",
				wsusName(aFile("nobody's"), ".cab"):                    "nobody's",
				"WsusContent/anonymousCheckFile.txt":                   "",
				"WsusContent/AB/12.cab":                                "x",
				"a/b/c/d/" + strings.Repeat("0", 40):                   "deep",
			})
			s, dir := aStore(t)
			wanted := catalogue(good, second, plain, wrong, short, forged)
			var last model.Progress
			r, err := s.Import(t.Context(), tree, wanted, ImportOptions{Link: share, Progress: func(p model.Progress) { last = p }})
			if err != nil {
				t.Fatal(err)
			}
			if r.Files != 3 || r.Bytes != 15 || r.Already != 0 || r.Unwanted != 1 || r.Foreign != 2 || r.TooDeep != 1 || r.WrongFiles != 3 || len(r.Wrong) != 3 {
				t.Errorf("%+v", r)
			}
			if share != (r.Linked == 3) && r.Cloned == 0 {
				t.Errorf("%d are linked", r.Linked)
			}
			for _, f := range r.Wrong {
				if !strings.Contains(f.Reason, "instead of") {
					t.Errorf("%+v does not say what is wrong", f)
				}
			}
			if last.Done != last.Total || last.Total != int64(len("goodsecondplainwronGshorforged")) {
				t.Errorf("the last progress is %+v", last)
			}
			for text, f := range map[string]model.File{"good": good, "second": second} {
				if !s.Has(f) || s.text(t, f) != text {
					t.Errorf("%q is not kept", text)
				}
			}
			if !s.Has(plain) || !s.Has(aFile("plain")) {
				t.Error("a file that is known by SHA-1 alone is not kept")
			}
			for _, f := range []model.File{wrong, short, forged, aFile("nobody's"), aFile("forged"), {}} {
				if s.Has(f) {
					t.Errorf("%x is kept", f.SHA1)
				}
			}
			settled(t, dir)
			if r, err = s.Import(t.Context(), tree, wanted, ImportOptions{}); err != nil || r.Files != 0 || r.Already != 3 || r.WrongFiles != 3 {
				t.Errorf("once more: %+v %v", r, err)
			}
			if n, size, err := s.Usage(t.Context()); n != 3 || size != 15 || err != nil {
				t.Error(n, size, err)
			}
		})
	}
}

// TestHostileTree holds that nothing outside the tree is read, nothing waits, and
// names from it are not paths in the store.
func TestHostileTree(t *testing.T) {
	secret := aFile("secret")
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%x", secret.SHA1)
	tree := lay(t, map[string]string{"x/y/z/" + name + ".cab": "other!"})
	for link, to := range map[string]string{name + ".cab": outside, "loop": ".", "up": "..", "dir": filepath.Dir(outside)} {
		if err := os.Symlink(to, filepath.Join(tree, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(tree, name+".pipe"), 0o644); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	deep := tree
	for range 100 {
		deep = filepath.Join(deep, "d")
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	s, dir := aStore(t)
	r, err := s.Import(t.Context(), tree, catalogue(secret), ImportOptions{Link: true})
	if err != nil || r.Files != 0 || s.Has(secret) || r.Foreign != 5 || r.WrongFiles != 1 || r.TooDeep != 1 {
		t.Errorf("%+v %v", r, err)
	}
	settled(t, dir)
}

// TestNames holds which names are taken for content.
func TestNames(t *testing.T) {
	const hex = "0123456789abcdef0123456789ABCDEF01234567"
	for name, want := range map[string]bool{
		hex: true, hex + ".cab": true, "windows10.0-kb5_x64_" + hex + ".msu": true, hex + ".tar.gz": true, "_" + hex: true,
		hex[1:]: false, hex + "0": false, "g" + hex[1:]: false, "": false, ".": false, "..": false, hex + "_.cab": false, "a" + hex: false, "\x1b[2J" + hex: false,
	} {
		if _, ok := contentName(name); ok != want {
			t.Errorf("%q: %v", name, ok)
		}
	}
	if got := shown("a\x1b[31m" + strings.Repeat("x", 500)); len(got) > 210 || strings.Contains(got, "\x1b") {
		t.Errorf("shown as %q", got)
	}
}

// TestImportGoesOn holds that a stopped import leaves the store sound, and that
// the next one does only the rest.
func TestImportGoesOn(t *testing.T) {
	files := map[string]string{}
	var all []model.File
	for i := range 20 {
		text := strings.Repeat(fmt.Sprint("file ", i), 10)
		all = append(all, aFile(text))
		files[wsusName(all[i], ".cab")] = text
	}
	tree := lay(t, files)
	s, dir := aStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	reads := 0
	first, err := s.Import(ctx, tree, catalogue(all...), ImportOptions{Progress: func(p model.Progress) {
		if p.Done > 0 {
			if reads++; reads == 8 {
				cancel()
			}
		}
	}})
	if !errors.Is(err, context.Canceled) || first.Files != 7 {
		t.Fatalf("%+v %v", first, err)
	}
	settled(t, dir)
	// The process may also have died: what it left in incoming goes.
	if err := os.WriteFile(filepath.Join(dir, folderIncoming, "77"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrHeld) {
		t.Errorf("opened twice: %v", err)
	}
	s.Close()
	if s, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	settled(t, dir)
	second, err := s.Import(t.Context(), tree, catalogue(all...), ImportOptions{})
	if err != nil || second.Already != first.Files || second.Files != len(all)-first.Files {
		t.Errorf("%+v %v", second, err)
	}
}

// TestVerifyAndPrune holds that what changed on the disk is not served any more.
func TestVerifyAndPrune(t *testing.T) {
	s, dir := aStore(t)
	good, bad, old := aFile("good"), aFile("bad"), aFile("old")
	for text, f := range map[string]model.File{"good": good, "bad": bad, "old": old} {
		if err := s.Add(t.Context(), f, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	at := func(f model.File) string { return filepath.Join(dir, filePath(Sum(f.SHA256))) }
	if err := os.Chmod(at(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at(bad), []byte("BAD"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, namePath([20]byte(good.SHA1)))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(at(good)), "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(t.Context(), nil)
	if err != nil || v.Files != 2 || v.Bytes != 7 || v.Named != 1 || v.Strange != 1 || len(v.Damaged) != 1 || v.Damaged[0].Item != fmt.Sprintf("%x", bad.SHA256) {
		t.Errorf("%+v %v", v, err)
	}
	if s.Has(bad) || !s.Has(good) || !s.Has(model.File{SHA1: good.SHA1}) {
		t.Error("what is kept is not what was verified")
	}
	if err := s.Add(t.Context(), bad, strings.NewReader("bad")); err != nil || s.text(t, bad) != "bad" {
		t.Errorf("a damaged file cannot be brought again: %v", err)
	}
	p, err := s.Prune(t.Context(), func(sum Sum) bool { return slices.Contains([]Sum{Sum(good.SHA256), Sum(bad.SHA256)}, sum) })
	if err != nil || p.Files != 2 || p.Bytes != 6 || p.Names != 1 || p.Kept != 2 || s.Has(old) || !s.Has(good) {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := s.Open(Sum(old.SHA256)); !errors.Is(err, ErrNotKept) {
		t.Errorf("opening what was pruned: %v", err)
	}
}

// TestAdd holds that only what was stated is kept.
func TestAdd(t *testing.T) {
	s, dir := aStore(t)
	f := aFile("text")
	for name, c := range map[string]struct {
		f    model.File
		text string
	}{
		"other bytes": {f, "TEXT"}, "too short": {f, "tex"}, "too long": {f, "text and more"}, "no digest": {model.File{Size: 4}, "text"},
		"another SHA-1": {model.File{SHA1: aFile("x").SHA1, SHA256: f.SHA256}, "text"}, "another SHA-256": {model.File{SHA1: f.SHA1, SHA256: aFile("x").SHA256}, "text"},
	} {
		if err := s.Add(t.Context(), c.f, strings.NewReader(c.text)); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	settled(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if err := s.Add(ctx, f, strings.NewReader("text")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopped: %v", err)
	}
	if err := s.Add(t.Context(), f, strings.NewReader("text")); err != nil || !s.Has(f) {
		t.Error(err)
	}
}

// TestImportFindsWhatIsThere holds for any tree: exactly the files whose bytes
// are those that their names and the catalogue state are kept, and the counts
// add up.
func TestImportFindsWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "content")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s, err := Open(filepath.Join(dir, "store"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		tree := filepath.Join(dir, "tree")
		var known []model.File
		expected, files := map[string]bool{}, 0
		for i := range rapid.IntRange(0, 8).Draw(t, "files") {
			text := fmt.Sprint(i, rapid.String().Draw(t, "text"))
			f := aFile(text)
			path := filepath.Join(tree, wsusName(f, ".cab"))
			os.MkdirAll(filepath.Dir(path), 0o755)
			damage := rapid.SampledFrom([]string{"", "", "changed", "longer"}).Draw(t, "damage")
			switch damage {
			case "changed":
				text = "X" + text[1:]
			case "longer":
				text += "X"
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			files++
			if rapid.Bool().Draw(t, "sha1 only") {
				f.SHA256 = nil
			}
			if rapid.Bool().Draw(t, "no size") {
				f.Size = 0
			}
			if rapid.IntRange(0, 3).Draw(t, "wanted") > 0 {
				known = append(known, f)
				if damage == "" {
					expected[string(f.SHA1)] = true
				}
			}
		}
		os.MkdirAll(tree, 0o755)
		r, err := s.Import(context.Background(), tree, catalogue(known...), ImportOptions{Clock: func() time.Time { return time.Time{} }})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range known {
			if s.Has(f) != expected[string(f.SHA1)] {
				t.Errorf("%x: kept %v", f.SHA1, s.Has(f))
			}
		}
		if r.Files != len(expected) || r.Files+r.WrongFiles+r.Unwanted != files || r.WrongFiles != len(known)-len(expected) {
			t.Errorf("%+v of %d files, %d known, %d good", r, files, len(known), len(expected))
		}
	})
}

// TestImportTakesTheNameForTheClaim holds that a file is held to the SHA-1 in its
// name even where the catalogue's record is silent, and that one which the tree
// has twice is read once.
func TestImportTakesTheNameForTheClaim(t *testing.T) {
	good, bad := aFile("good"), aFile("bad")
	tree := lay(t, map[string]string{wsusName(good, ".cab"): "good", wsusName(good, ".exe"): "good", wsusName(bad, ".cab"): "BAD"})
	s, _ := aStore(t)
	r, err := s.Import(t.Context(), tree, func([20]byte) (model.File, bool) { return model.File{Name: "x"}, true }, ImportOptions{})
	if err != nil || r.Files != 1 || r.Already != 1 || r.WrongFiles != 1 || !s.Has(good) || s.Has(bad) {
		t.Errorf("%+v %v", r, err)
	}
}
