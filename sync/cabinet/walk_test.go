package cabinet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"fettle/sync/cabinet"
)

func open(t testing.TB, data []byte) *cabinet.Cabinet {
	t.Helper()
	c, err := cabinet.Open(bytes.NewReader(data), int64(len(data)), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWalk reads some files, parts of others and none of the rest, in order, and
// stops early.
func TestWalk(t *testing.T) {
	for _, method := range []cabinet.Compression{cabinet.Stored, cabinet.MSZIP, cabinet.LZX} {
		var entries []cabinet.Entry
		var contents [][]byte
		for i := range 60 {
			contents = append(contents, text(i*997, uint64(i)))
			entries = append(entries, entry(fmt.Sprintf("c/%d", i), contents[i]))
		}
		c := open(t, create(t, cabinet.Options{Compression: method}, entries))
		seen := 0
		err := c.Walk(t.Context(), 0, func(f *cabinet.File, r io.Reader) error {
			i := seen
			seen++
			if f.Name != fmt.Sprintf("c/%d", i) || f.Size != int64(len(contents[i])) || !f.Modified.Equal(made) {
				t.Errorf("%s: file %d is %+v", method, i, f)
			}
			switch i % 4 {
			case 0:
				return iotest.TestReader(r, contents[i])
			case 1:
				part := make([]byte, f.Size/2)
				if _, err := io.ReadFull(r, part); err != nil || !bytes.Equal(part, contents[i][:len(part)]) {
					t.Errorf("%s: half of file %d: %v", method, i, err)
				}
			case 2:
				var all bytes.Buffer
				if n, err := io.Copy(&all, r); n != f.Size || err != nil || !bytes.Equal(all.Bytes(), contents[i]) {
					t.Errorf("%s: file %d: %d bytes, %v", method, i, n, err)
				}
			}
			if i == 50 {
				return fmt.Errorf("seen enough: %w", cabinet.ErrStop)
			}
			return nil
		})
		if err != nil || seen != 51 {
			t.Errorf("%s: %d files, %v", method, seen, err)
		}
		own := errors.New("own")
		if err := c.Walk(t.Context(), 0, func(*cabinet.File, io.Reader) error { return own }); err != own {
			t.Errorf("%s: the visitor's error came back as %v", method, err)
		}
		for _, folder := range []int{-1, 1} {
			if err := c.Walk(t.Context(), folder, nil); err == nil {
				t.Errorf("%s: folder %d was walked", method, folder)
			}
		}
	}
}

// TestWalkIsCancelled stops within one block of 32 KiB.
func TestWalkIsCancelled(t *testing.T) {
	c := open(t, create(t, cabinet.Options{Compression: cabinet.LZX}, []cabinet.Entry{entry("skipped", text(400_000, 1)), entry("a", text(400_000, 2))}))
	for _, read := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		got := int64(0)
		err := c.Walk(ctx, 0, func(f *cabinet.File, r io.Reader) error {
			if f.Name != "a" {
				return nil
			}
			cancel()
			if !read {
				return nil
			}
			var err error
			got, err = io.Copy(io.Discard, r)
			return err
		})
		if !errors.Is(err, context.Canceled) || got > 32768 {
			t.Errorf("%v after %d bytes", err, got)
		}
		if err := c.Walk(ctx, 0, func(*cabinet.File, io.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("walking again: %v", err)
		}
	}
}

// TestErrorsOfTheDisk are not called damage.
func TestErrorsOfTheDisk(t *testing.T) {
	broken := errors.New("input/output error")
	data := create(t, cabinet.Options{}, []cabinet.Entry{entry("a", text(400_000, 1))})
	disk := &failing{data: data, from: 300_000, err: broken}
	c, err := cabinet.Open(disk, int64(len(data)), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Walk(t.Context(), 0, func(*cabinet.File, io.Reader) error { return nil })
	if !errors.Is(err, broken) || errors.Is(err, cabinet.ErrDamaged) {
		t.Errorf("walking: %v", err)
	}
	at, _ := c.ReaderAt(c.Files()[0])
	if _, err := at.ReadAt(make([]byte, 10), 390_000); !errors.Is(err, broken) || errors.Is(err, cabinet.ErrDamaged) {
		t.Errorf("reading at random: %v", err)
	}
	disk.from = 0
	if _, err := cabinet.Open(disk, int64(len(data)), cabinet.Limits{}); !errors.Is(err, broken) {
		t.Errorf("opening: %v", err)
	}
}

type failing struct {
	data []byte
	from int64
	err  error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, f.err
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

// TestReaderAt reads stretches of stored files, from several goroutines, and
// opens a cabinet within a cabinet.
func TestReaderAt(t *testing.T) {
	inner := create(t, cabinet.Options{Compression: cabinet.LZX}, []cabinet.Entry{entry("package.xml", text(300_000, 3))})
	contents := map[string][]byte{"index.xml": text(70_000, 1), "package.cab": inner, "empty": nil, "last": noise(123_456, 2)}
	var entries []cabinet.Entry
	for _, name := range []string{"index.xml", "empty", "package.cab", "last"} {
		entries = append(entries, entry(name, contents[name]))
	}
	data := create(t, cabinet.Options{}, entries)
	c := open(t, data)
	var workers sync.WaitGroup
	for _, f := range c.Files() {
		at, ok := c.ReaderAt(f)
		if !ok {
			t.Fatalf("%s cannot be read at random", f.Name)
		}
		want := contents[f.Name]
		for seed := range 3 {
			workers.Go(func() {
				random := rand.New(rand.NewPCG(uint64(seed), 1))
				for range 200 {
					off := random.Int64N(f.Size + 2)
					p := make([]byte, random.IntN(90_000))
					n, err := at.ReadAt(p, off)
					expect := want[min(off, f.Size):min(off+int64(len(p)), f.Size)]
					if !bytes.Equal(p[:n], expect) || (err != nil) != (n < len(p) || off >= f.Size) || err != nil && err != io.EOF {
						t.Errorf("%s at %d: %d bytes of %d, %v", f.Name, off, n, len(p), err)
						return
					}
				}
			})
		}
		if _, err := at.ReadAt(nil, -1); err == nil {
			t.Error("before the beginning")
		}
	}
	workers.Wait()
	f := c.Find("PACKAGE.CAB")
	at, _ := c.ReaderAt(f)
	nested, err := cabinet.Open(at, f.Size, cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := nested.Open(nested.Find("package.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text(300_000, 3)) {
		t.Errorf("the file within the cabinet within: %d bytes, %v", len(got), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a closed file was read")
	}
	if _, ok := nested.ReaderAt(nested.Files()[0]); ok {
		t.Error("a packed file can be read at random")
	}
	if _, err := nested.Open(&cabinet.File{Name: "x", Size: 1 << 40}); err == nil {
		t.Error("a file that does not belong to the cabinet was opened")
	}

	data[len(data)-1] ^= 1 // in the last block of "last"
	c = open(t, data)
	at, _ = c.ReaderAt(c.Find("last"))
	if _, err := at.ReadAt(make([]byte, 10), 0); err != nil {
		t.Errorf("a block before the damaged one: %v", err)
	}
	if _, err := at.ReadAt(make([]byte, 10), 123_000); !errors.Is(err, cabinet.ErrDamaged) {
		t.Errorf("the damaged block: %v", err)
	}
}

// TestNames reads names as others write them.
func TestNames(t *testing.T) {
	long := strings.Repeat("x", 255)
	data := create(t, cabinet.Options{}, []cabinet.Entry{
		entry(`c\17`, nil), entry("./l/en/../en/17", nil), entry(`C:\Windows\x`, nil), entry("../../etc/passwd", nil), entry("/Ärger\u202e.txt", nil), entry(long, nil), entry("esc\x1b[2J", nil),
	})
	at := bytes.Index(data, []byte("17\x00"))
	data[at] = 0xdf // neither UTF-8 nor said to be
	var got []string
	c := open(t, data)
	for _, f := range c.Files() {
		got = append(got, f.Name)
	}
	want := []string{"c/ß7", "l/en/17", "C:/Windows/x", "etc/passwd", "Ärger.txt", long}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("name %d is %q, not %q", i, got[i], w)
		}
	}
	if strings.ContainsRune(got[6], 0x1b) {
		t.Errorf("an escape sequence in %q", got[6])
	}
	if f := c.Find(`L\EN\17`); f == nil || f.Name != "l/en/17" {
		t.Errorf("found %+v", f)
	}
	if f := c.Find("nothing"); f != nil {
		t.Errorf("found %+v", f)
	}
}

// TestTimes writes and reads times as MS-DOS has them.
func TestTimes(t *testing.T) {
	for given, want := range map[time.Time]time.Time{
		made: made,
		time.Date(2107, 12, 31, 23, 59, 59, 0, time.UTC): time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC):      time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC):      time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC),
	} {
		e := entry("a", nil)
		e.Modified = given
		if got := open(t, create(t, cabinet.Options{}, []cabinet.Entry{e})).Files()[0].Modified; !got.Equal(want) {
			t.Errorf("%v was read as %v, not %v", given, got, want)
		}
	}
	data := create(t, cabinet.Options{}, []cabinet.Entry{entry("a", nil)})
	data[firstEntry+10], data[firstEntry+11] = 31|2<<5, 0 // 31 February
	if got := open(t, data).Files()[0].Modified; !got.IsZero() {
		t.Errorf("31 February was read as %v", got)
	}
}
