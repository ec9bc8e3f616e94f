package cabinet_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fettle/sync/cabinet"
)

// program is endless machine code: mostly nothing, with a call here and there,
// each of another target.
type program struct {
	at, end int64
	frame   [32768]byte
}

func (p *program) Read(b []byte) (int, error) {
	if p.at == p.end {
		return 0, io.EOF
	}
	if p.at%32768 == 0 {
		clear(p.frame[:])
		for i := 100; i < 32760; i += 6007 { // one of them reaches into the last ten bytes
			p.frame[i] = 0xe8
			binary.LittleEndian.PutUint32(p.frame[i+1:], uint32(50_000-int32(p.at)-int32(i)))
		}
	}
	n := copy(b[:min(int64(len(b)), p.end-p.at)], p.frame[p.at%32768:])
	p.at += int64(n)
	return n, nil
}

// TestFullSize fills two folders to the format's limit, 65,535 blocks and 2 GiB
// each, so that the translation of calls ends on the way (it covers the first
// 32,768 frames), and holds what comes out to cabextract's output.
func TestFullSize(t *testing.T) {
	if os.Getenv("FETTLE_FULL") == "" {
		t.Skip("4 GB take a minute: set FETTLE_FULL=1")
	}
	const most = 65535 * 32768
	file := func(name string, size int64) cabinet.Entry {
		return cabinet.Entry{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(&program{end: size}), nil }}
	}
	name := filepath.Join(t.TempDir(), "full.cab")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	o := cabinet.Options{Compression: cabinet.LZX, Window: 17}
	o.LZX.Translate = 1<<31 - 1
	o.LZX.Effort = 4
	if err := cabinet.Create(f, o, []cabinet.Entry{file("a", most-1), file("b", 1)}, []cabinet.Entry{file("c", 1<<30), file("d", most-1<<30)}); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes became %d", int64(2*most), info.Size())

	want, got := sha256.New(), sha256.New()
	for _, size := range []int64{most - 1, 1, 1 << 30, most - 1<<30} {
		if _, err := io.Copy(want, &program{end: size}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := cabinet.Open(f, info.Size(), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Folders() {
		if err := c.Walk(context.Background(), i, func(_ *cabinet.File, r io.Reader) error {
			_, err := io.Copy(got, r)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "what was written does not come back", got, want)

	if _, err := exec.LookPath("cabextract"); err != nil {
		t.Skip("cabextract is not installed")
	}
	theirs := sha256.New()
	cmd := exec.Command("cabextract", "-q", "-p", name)
	cmd.Stdout = theirs
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	same(t, "cabextract unpacks something else", theirs, want)

	if err := cabinet.Create(new(cabinet.Buffer), cabinet.Options{Compression: cabinet.LZX, LZX: o.LZX}, []cabinet.Entry{file("a", most), file("b", 1)}); !errors.Is(err, cabinet.ErrLimit) {
		t.Errorf("one byte more than a folder holds: %v", err)
	}
}

func same(t *testing.T, what string, a, b hash.Hash) {
	t.Helper()
	if x, y := a.Sum(nil), b.Sum(nil); string(x) != string(y) {
		t.Errorf("%s: %x, not %x", what, x, y)
	}
}
