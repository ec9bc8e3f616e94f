package cabinet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fettle/sync/cabinet"
)

// Places in a cabinet with one folder and no reserve.
const (
	atSize     = 8
	atFiles    = 16
	atFolders  = 26
	atCount    = 28
	atFlags    = 30
	atStart    = 36
	atBlocks   = 40
	atMethod   = 42
	firstFile  = 44
	firstEntry = firstFile
)

// TestRefusals changes one field of a good cabinet each time and wants the right
// kind of error, with words that help.
func TestRefusals(t *testing.T) {
	good := create(t, cabinet.Options{}, []cabinet.Entry{entry("a.txt", text(40_000, 1)), entry("b.txt", text(500, 2))})
	block := int(binary.LittleEndian.Uint32(good[atStart:]))
	second := firstEntry + 16 + len("a.txt") + 1
	u16 := func(at int, v uint16) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint16(b[at:], v); return b }
	}
	u32 := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	for _, test := range []struct {
		what   string
		change func([]byte) []byte
		limits cabinet.Limits
		kind   error
		words  string
	}{
		{"another file", func([]byte) []byte { return []byte("MZ, a program") }, cabinet.Limits{}, cabinet.ErrNotCabinet, ""},
		{"empty file", func([]byte) []byte { return nil }, cabinet.Limits{}, cabinet.ErrNotCabinet, ""},
		{"half a header", func(b []byte) []byte { return b[:20] }, cabinet.Limits{}, cabinet.ErrDamaged, "ends after 20 bytes"},
		{"cut off", func(b []byte) []byte { return b[:len(b)-1] }, cabinet.Limits{}, cabinet.ErrDamaged, "cut off"},
		{"version", u16(24, 0x0203), cabinet.Limits{}, cabinet.ErrUnsupported, "version 2.3"},
		{"first of a set", u16(atFlags, 2), cabinet.Limits{}, cabinet.ErrUnsupported, "set of several cabinets"},
		{"last of a set", u16(atFlags, 1), cabinet.Limits{}, cabinet.ErrUnsupported, "set of several cabinets"},
		{"file of a set", u16(firstEntry+8, 0xffff), cabinet.Limits{}, cabinet.ErrUnsupported, "several cabinets"},
		{"block of a set", u16(block+6, 0), cabinet.Limits{}, cabinet.ErrUnsupported, "another cabinet of a set"},
		{"Quantum", u16(atMethod, 0x0a52), cabinet.Limits{}, cabinet.ErrUnsupported, "Quantum"},
		{"unknown method", u16(atMethod, 7), cabinet.Limits{}, cabinet.ErrUnsupported, "method 7"},
		{"LZX window", u16(atMethod, 0x1603), cabinet.Limits{}, cabinet.ErrDamaged, "2^22"},
		{"no files", u16(atCount, 0), cabinet.Limits{}, cabinet.ErrDamaged, "no files"},
		{"no folders", u16(atFolders, 0), cabinet.Limits{}, cabinet.ErrDamaged, "no files"},
		{"more files than bytes", u16(atCount, 65535), cabinet.Limits{}, cabinet.ErrDamaged, "do not fit"},
		{"more files than there are", u16(atCount, 3), cabinet.Limits{}, cabinet.ErrDamaged, ""},
		{"more folders than there are", u16(atFolders, 2000), cabinet.Limits{}, cabinet.ErrDamaged, ""},
		{"files elsewhere", u32(atFiles, 1<<31), cabinet.Limits{}, cabinet.ErrDamaged, "too early"},
		{"files within folders", u32(atFiles, 40), cabinet.Limits{}, cabinet.ErrDamaged, "within its list of folders"},
		{"folder elsewhere", u32(atStart, 1<<31), cabinet.Limits{}, cabinet.ErrDamaged, "begins at byte"},
		{"file of no folder", u16(firstEntry+8, 1), cabinet.Limits{}, cabinet.ErrDamaged, "folder 2 of 1"},
		{"file too long", u32(firstEntry, 70_000), cabinet.Limits{}, cabinet.ErrDamaged, "beyond the end"},
		{"file too far", u32(firstEntry+4, 1<<32-1), cabinet.Limits{}, cabinet.ErrDamaged, "beyond the end"},
		{"files overlap", u32(second+4, 39_999), cabinet.Limits{}, cabinet.ErrDamaged, "overlaps"},
		{"no name", func(b []byte) []byte { b[firstEntry+16] = 0; return b }, cabinet.Limits{}, cabinet.ErrDamaged, "no name"},
		{"name of dots", func(b []byte) []byte { copy(b[firstEntry+16:], `..\..`); return b }, cabinet.Limits{}, cabinet.ErrDamaged, "no name"},
		{"endless name", func(b []byte) []byte {
			const more = 300
			b = bytes.Join([][]byte{b[:firstEntry+16], bytes.Repeat([]byte("x"), more), b[firstEntry+16:]}, nil)
			return u32(atSize, uint32(len(b)))(u32(atStart, uint32(block+more))(b))
		}, cabinet.Limits{}, cabinet.ErrDamaged, "longer than 256"},
		{"too many files", nil, cabinet.Limits{Files: 1}, cabinet.ErrLimit, "2 files, more than 1"},
		{"too large a file", nil, cabinet.Limits{Member: 39_999}, cabinet.ErrLimit, "40000 bytes, more than 39999"},
		{"too large", nil, cabinet.Limits{Total: 40_499}, cabinet.ErrLimit, "40500 bytes, more than 40499"},
		{"checksum", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, cabinet.Limits{}, cabinet.ErrDamaged, "checksum"},
		{"block longer than allowed", u16(block+6, 32769), cabinet.Limits{}, cabinet.ErrDamaged, "more than 32768"},
		{"stored block of two sizes", u16(block+6, 32767), cabinet.Limits{}, cabinet.ErrDamaged, "stored"},
		{"block without bytes", u16(block+4, 0), cabinet.Limits{}, cabinet.ErrDamaged, "0 bytes"},
		{"fewer blocks", u16(atBlocks, 1), cabinet.Limits{}, cabinet.ErrDamaged, "beyond the end"},
		{"more blocks", func(b []byte) []byte { return u32(firstEntry, 40_001)(u16(atBlocks, 9)(u32(second+4, 40_001)(b))) }, cabinet.Limits{}, cabinet.ErrDamaged, "cabinet ends in it"},
		{"stored called MSZIP", u16(atMethod, 1), cabinet.Limits{}, cabinet.ErrDamaged, "MSZIP"},
		{"stored called LZX", u16(atMethod, 0x0f03), cabinet.Limits{}, cabinet.ErrDamaged, "LZX"},
	} {
		data := bytes.Clone(good)
		if test.change != nil {
			data = test.change(data)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := everything(data, test.limits)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", test.what, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s: %d bytes were allocated", test.what, n)
		}
	}
	if err := everything(good, cabinet.Limits{Files: 2, Folders: 1, Member: 40_000, Total: 40_500}); err != nil {
		t.Errorf("just within the limits: %v", err)
	}
}

// everything opens a cabinet and reads it in every way.
func everything(data []byte, limits cabinet.Limits) error {
	c, err := cabinet.Open(bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		return err
	}
	contents := map[*cabinet.File][]byte{}
	for i := range c.Folders() {
		err = errors.Join(err, c.Walk(context.Background(), i, func(f *cabinet.File, r io.Reader) error {
			content, err := io.ReadAll(r)
			if err == nil && int64(len(content)) != f.Size {
				return errors.New("a file of another size than the directory says")
			}
			contents[f] = content
			return err
		}))
	}
	if err != nil {
		return err
	}
	if len(contents) != len(c.Files()) {
		return errors.New("walking did not visit every file")
	}
	for i, f := range c.Files() {
		if i > 20 {
			break // each costs all before it
		}
		r, err := c.Open(f)
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(content, contents[f]) {
			return errors.Join(err, errors.New("a file alone is not what it is among the others"))
		}
		if at, ok := c.ReaderAt(f); ok {
			if n, err := at.ReadAt(make([]byte, f.Size), 0); int64(n) != f.Size || err != nil && !errors.Is(err, io.EOF) {
				return errors.Join(err, errors.New("a file read at random is not what it is"))
			}
		}
		if c.Find(f.Name) == nil {
			return errors.New("a file is not found by its name")
		}
	}
	return nil
}

// TestDamageIsJudgedAsByCabextract changes bytes of cabinets without checksums:
// what is still unpacked here, cabextract unpacks to the same.
func TestDamageIsJudgedAsByCabextract(t *testing.T) {
	if _, err := exec.LookPath("cabextract"); err != nil {
		t.Skip("cabextract is not installed")
	}
	random := rand.New(rand.NewPCG(9, 9))
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	name := filepath.Join(t.TempDir(), "damaged.cab")
	for _, method := range []cabinet.Compression{cabinet.Stored, cabinet.MSZIP, cabinet.LZX} {
		o := cabinet.Options{Compression: method, Window: 16, Unchecked: true}
		o.LZX.Translate = 1_000_000
		content := append(text(30_000, 1), machineCode(20_000, 1)...)
		good := create(t, o, []cabinet.Entry{entry("a", content), entry("b", content[:7000])})
		first := int(binary.LittleEndian.Uint32(good[atStart:]))
		accepted := 0
		for range rounds {
			data := bytes.Clone(good)
			for range 1 + random.IntN(2) {
				data[first+random.IntN(len(data)-first)] ^= 1 << random.IntN(8)
			}
			got, err := unpack(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				continue
			}
			accepted++
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if want, err := exec.Command("cabextract", "-q", "-p", name).Output(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: unpacked here, but not the same by cabextract: %v", method, err)
			}
		}
		t.Logf("%s: %d of %d damaged cabinets were unpacked", method, accepted, rounds)
	}
}

// TestSpareBytesInBlocks reads a cabinet that keeps room for applications in
// every folder's entry and block, as some signing tools do.
func TestSpareBytesInBlocks(t *testing.T) {
	content := text(100_000, 5)
	for _, method := range []cabinet.Compression{cabinet.Stored, cabinet.MSZIP, cabinet.LZX} {
		plain := create(t, cabinet.Options{Compression: method}, []cabinet.Entry{entry("a", content)})
		const inHeader, inFolder, inBlock = 3, 5, 7
		data := bytes.Clone(plain[:36])
		data = append(data, inHeader, 0, inFolder, inBlock)
		data = append(data, "hdr"...)
		data = append(data, plain[36:44]...)
		data = append(data, "foldr"...)
		start := int(binary.LittleEndian.Uint32(plain[36:]))
		binary.LittleEndian.PutUint16(data[atFlags:], 4)
		binary.LittleEndian.PutUint32(data[atFiles:], uint32(len(data)))
		data = append(data, plain[44:start]...)
		binary.LittleEndian.PutUint32(data[36+4+inHeader:], uint32(len(data)))
		for rest := plain[start:]; len(rest) > 0; {
			n := int(binary.LittleEndian.Uint16(rest[4:]))
			data = append(data, rest[:8]...)
			data = append(data, "7 bytes"...)
			data = append(data, rest[8:8+n]...)
			rest = rest[8+n:]
		}
		binary.LittleEndian.PutUint32(data[atSize:], uint32(len(data)))
		got, err := unpack(bytes.NewReader(data), int64(len(data)))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes: %v", method, len(got), err)
		}
		if err := everything(data, cabinet.Limits{}); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		if !bytes.Equal(cabextract(t, write(t, data)), content) {
			t.Errorf("%s: cabextract unpacks something else", method)
		}
	}
}
