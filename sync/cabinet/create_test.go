package cabinet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/sync/cabinet"
	"fettle/sync/cabinet/lzx"
)

var made = time.Date(2024, time.June, 19, 10, 11, 20, 0, time.UTC)

func entry(name string, content []byte) cabinet.Entry {
	return cabinet.Entry{Name: name, Modified: made, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

func create(t testing.TB, o cabinet.Options, folders ...[]cabinet.Entry) []byte {
	t.Helper()
	var b cabinet.Buffer
	if err := cabinet.Create(&b, o, folders...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "made.cab")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// sevenZip gives what 7z unpacks, all files one after the other.
func sevenZip(t testing.TB, name string) []byte {
	t.Helper()
	if _, err := exec.LookPath("7z"); err != nil {
		t.Skip("7z is not installed")
	}
	out, err := exec.Command("7z", "x", "-so", "-bd", name).Output()
	if err != nil {
		t.Fatalf("7z: %v", err)
	}
	return out
}

// text is like what catalogues hold: elements that repeat with other numbers.
func text(size int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < size {
		fmt.Fprintf(&b, `<Update CreationDate="20%02d-%02d-%02dT17:00:00Z" DefaultLanguage="en" UpdateId="%08x-%04x-%04x-%04x-%012x" RevisionNumber="%d" RevisionId="%d" IsBundle="true"><Categories><Category Type="Company" Id="56309036-4c77-4dd9-951a-99ee9c246a94" /><Category Type="UpdateClassification" Id="0fa1201d-4330-4fa8-8ae9-b877473b6441" /></Categories><Prerequisites><UpdateId Id="%08x-3a14-4b7d-a6a7-%012x" /></Prerequisites><SupersededBy><Revision Id="%d" /></SupersededBy></Update>`,
			random.IntN(27), 1+random.IntN(12), 1+random.IntN(28), random.Uint32(), random.Uint32N(1<<16), random.Uint32N(1<<16), random.Uint32N(1<<16), random.Uint64N(1<<48),
			100+random.IntN(5), random.IntN(137091), random.Uint32N(400)*7919, random.Uint64N(1<<48), random.IntN(137091))
	}
	return b.Bytes()[:size]
}

func noise(size int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 2))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// machineCode has many calls to few places, which translation is for.
func machineCode(size int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, 0, size+16)
	for len(b) < size {
		if random.IntN(4) > 0 {
			b = append(b, byte(random.IntN(60)), 0x8b, byte(random.IntN(8)))
			continue
		}
		target := int32(random.IntN(50)*977) - int32(len(b))
		b = append(b, 0xe8, byte(target), byte(target>>8), byte(target>>16), byte(target>>24))
	}
	return b[:size]
}

// distances has matches as far back as a window of 2^window reaches, and
// around the distances at which unpackers were wrong.
func distances(window int, seed uint64) []byte {
	b := noise(1<<window, seed)
	for _, d := range []int{1 << window, 1<<window - 1, 1<<window - 2, 1<<window - 3, 1<<window - 4, 1<<window - 8, 1<<window - 9, 1 << (window - 1), 1<<(window-1) - 3, 7, 8, 9} {
		for _, n := range []int{3, 8, 40, 257, 300} {
			if d < n {
				continue
			}
			from := len(b) - d
			b = append(b, b[from:from+n]...)
			b = append(b, noise(5, seed+uint64(d+n))...)
		}
	}
	return b
}

// literals has no three bytes twice, so there is nothing to refer to, and yet it
// can be packed.
func literals(size int) []byte {
	b := []byte{0, 0}
	seen := map[[3]byte]bool{}
	for len(b) < size {
		next := [3]byte{b[len(b)-2], b[len(b)-1], 30}
		for next[2]--; seen[next]; next[2]-- {
		}
		seen[next] = true
		b = append(b, next[2])
	}
	return b
}

// kinds are the contents that every window and method must bring back.
func kinds(window int) map[string][]byte {
	return map[string][]byte{
		"text":      text(400_000, 1),
		"noise":     noise(100_001, 2),
		"code":      machineCode(300_000, 3),
		"literals":  literals(20_000),
		"runs":      bytes.Repeat([]byte("abcabcd"), 40_000),
		"zeros":     make([]byte, 200_000),
		"distances": distances(window, 4),
	}
}

// TestOthersUnpackWhatIsCreated holds our output to cabextract's and 7z's, for
// every method, every window and every kind of block. cabextract decides: 7z
// miscopies matches at a distance of 2^n-3 (offline-catalogues B.4).
func TestOthersUnpackWhatIsCreated(t *testing.T) {
	options := map[string]cabinet.Options{
		"stored": {}, "stored-reserve": {Reserve: 6144, Set: 7}, "stored-unchecked": {Unchecked: true},
		"mszip": {Compression: cabinet.MSZIP},
	}
	for window := lzx.MinWindow; window <= lzx.MaxWindow; window++ {
		o := cabinet.Options{Compression: cabinet.LZX, Window: window}
		o.LZX.Effort = 8
		options[fmt.Sprintf("lzx%d", window)] = o
		o.LZX.Translate = 12_000_000
		o.LZX.Blocks = []lzx.Block{lzx.Aligned, lzx.Uncompressed, lzx.Verbatim, lzx.Aligned, lzx.Uncompressed, lzx.Smallest}
		o.LZX.BlockSize = 10_000
		options[fmt.Sprintf("lzx%d-mixed", window)] = o
	}
	contents := map[int]map[string][]byte{}
	for name, o := range options {
		t.Run(name, func(t *testing.T) {
			window := max(o.Window, lzx.MinWindow)
			if contents[window] == nil {
				contents[window] = kinds(window)
			}
			var entries []cabinet.Entry
			var want, plain []byte
			for _, kind := range []string{"text", "noise", "code", "literals", "runs", "zeros", "distances"} {
				content := contents[window][kind]
				entries = append(entries, entry("folder/"+kind, content), entry(kind+".empty", nil))
				want = append(want, content...)
				if kind != "distances" {
					plain = append(plain, content...)
				}
			}
			entries = append(entries, entry("tiny", []byte("x")))
			want = append(want, 'x')
			data := create(t, o, entries, []cabinet.Entry{entry("Ünïcode.txt", []byte("second folder"))})
			want = append(want, "second folder"...)
			got, err := unpack(bytes.NewReader(data), int64(len(data)))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("what was written does not come back: %v", err)
			}
			file := write(t, data)
			if !bytes.Equal(cabextract(t, file), want) {
				t.Error("cabextract unpacks something else")
			}
			out := sevenZip(t, file)
			if !bytes.HasPrefix(out, plain) || len(out) != len(want) {
				t.Error("7z unpacks something else")
			}
		})
	}
}

// TestSameInputSameBytes writes the same twice.
func TestSameInputSameBytes(t *testing.T) {
	for _, method := range []cabinet.Compression{cabinet.Stored, cabinet.MSZIP, cabinet.LZX} {
		o := cabinet.Options{Compression: method}
		entries := []cabinet.Entry{entry("a", text(100_000, 1)), entry("b", noise(10_000, 1))}
		if !bytes.Equal(create(t, o, entries), create(t, o, entries)) {
			t.Errorf("%s: the same input and options gave other bytes", method)
		}
	}
}

// TestRoundTripProperty writes and reads whatever rapid thinks of.
func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := cabinet.Options{
			Compression: rapid.SampledFrom([]cabinet.Compression{cabinet.Stored, cabinet.MSZIP, cabinet.LZX}).Draw(t, "compression"),
			Window:      rapid.IntRange(lzx.MinWindow, lzx.MaxWindow).Draw(t, "window"),
			Reserve:     rapid.SampledFrom([]int{0, 1, 20, 6144, 60_000}).Draw(t, "reserve"),
			Set:         rapid.Uint16().Draw(t, "set"),
			Unchecked:   rapid.Bool().Draw(t, "unchecked"),
		}
		o.LZX.Effort = 3
		var want []string
		folders := make([][]cabinet.Entry, rapid.IntRange(1, 3).Draw(t, "folders"))
		for i := range folders {
			for k := range rapid.IntRange(1, 5).Draw(t, "files") {
				part := rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "part")
				content := bytes.Repeat(part, rapid.SampledFrom([]int{1, 3, 1000, 5000}).Draw(t, "times"))
				name := fmt.Sprintf("%d/%d %s", i, k, rapid.StringMatching(`[a-zä]{0,20}`).Draw(t, "name"))
				folders[i] = append(folders[i], entry(name, content))
				want = append(want, fmt.Sprintf("%s %d %x", name, i, sha256.Sum256(content)))
			}
		}
		var b cabinet.Buffer
		if err := cabinet.Create(&b, o, folders...); err != nil {
			t.Fatal(err)
		}
		c, err := cabinet.Open(&b, b.Size(), cabinet.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Reserve) != o.Reserve || c.Set != o.Set || c.Signed() || c.Size() != b.Size() || len(c.Folders()) != len(folders) {
			t.Fatalf("%+v was read as %+v", o, c)
		}
		var got []string
		for i := range c.Folders() {
			err := c.Walk(context.Background(), i, func(f *cabinet.File, r io.Reader) error {
				content, err := io.ReadAll(r)
				got = append(got, fmt.Sprintf("%s %d %x", f.Name, f.Folder, sha256.Sum256(content)))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		// An empty file stands before the one at its place.
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("written: %q\nread: %q", want, got)
		}
	})
}

// TestCreateRefuses lists what a cabinet cannot hold.
func TestCreateRefuses(t *testing.T) {
	one := []cabinet.Entry{entry("a", nil)}
	for what, try := range map[string]func(w io.WriteSeeker) error{
		"no folder":    func(w io.WriteSeeker) error { return cabinet.Create(w, cabinet.Options{}) },
		"empty folder": func(w io.WriteSeeker) error { return cabinet.Create(w, cabinet.Options{}, one, nil) },
		"no name": func(w io.WriteSeeker) error {
			return cabinet.Create(w, cabinet.Options{}, []cabinet.Entry{entry("", nil)})
		},
		"Quantum": func(w io.WriteSeeker) error {
			return cabinet.Create(w, cabinet.Options{Compression: cabinet.Quantum}, one)
		},
		"window": func(w io.WriteSeeker) error {
			return cabinet.Create(w, cabinet.Options{Compression: cabinet.LZX, Window: 22}, one)
		},
		"reserve": func(w io.WriteSeeker) error { return cabinet.Create(w, cabinet.Options{Reserve: 70_000}, one) },
		"too many files": func(w io.WriteSeeker) error {
			return cabinet.Create(w, cabinet.Options{}, make([]cabinet.Entry, 65_536))
		},
		"no content": func(w io.WriteSeeker) error {
			return cabinet.Create(w, cabinet.Options{}, []cabinet.Entry{{Name: "a", Open: func() (io.ReadCloser, error) { return nil, os.ErrNotExist }}})
		},
	} {
		if err := try(new(cabinet.Buffer)); err == nil {
			t.Errorf("%s: written", what)
		}
	}
}

// TestCreateIsCancelled ends Create by the error of Progress.
func TestCreateIsCancelled(t *testing.T) {
	enough := errors.New("enough")
	for _, method := range []cabinet.Compression{cabinet.Stored, cabinet.MSZIP, cabinet.LZX} {
		told := int64(0)
		o := cabinet.Options{Compression: method, Progress: func(n int64) error {
			told = n
			if n >= 100_000 {
				return enough
			}
			return nil
		}}
		err := cabinet.Create(new(cabinet.Buffer), o, []cabinet.Entry{entry("a", text(2_000_000, 1))})
		if !errors.Is(err, enough) || told > 200_000 {
			t.Errorf("%s: %v after %d bytes", method, err, told)
		}
	}
}
