package lzx_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"fettle/sync/cabinet/lzx"
)

// join writes frames as FuzzLZX reads them: the window, and for each frame its
// two lengths and the packed bytes.
func join(window int, frames []frame) []byte {
	b := []byte{byte(window)}
	for _, f := range frames {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(f.packed)))
		b = binary.LittleEndian.AppendUint16(b, uint16(f.size))
		b = append(b, f.packed...)
	}
	return b
}

// FuzzLZX gives the decoder frames of any kind: it must end, in its bounds, with
// what was promised or an error.
func FuzzLZX(f *testing.F) {
	for window := lzx.MinWindow; window <= lzx.MaxWindow; window++ {
		for kind := range lzx.Uncompressed + 1 {
			s := lzx.Settings{Blocks: []lzx.Block{kind, lzx.Verbatim}, BlockSize: 4096, Translate: int32(kind) * 1000}
			f.Add(join(window, pack(f, window, s, append(bytes.Repeat([]byte("a small frame \xe8\x01\x02\x03"), 40), 7))))
		}
	}
	f.Add(join(15, pack(f, 15, lzx.Settings{}, make([]byte, 70_000))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		d, err := lzx.NewDecoder(lzx.MinWindow + int(data[0])%7)
		if err != nil {
			t.Fatal(err)
		}
		data = data[1:]
		for frames := 0; len(data) >= 4 && frames < 64; frames++ {
			n, size := int(binary.LittleEndian.Uint16(data)), int(binary.LittleEndian.Uint16(data[2:]))
			data = data[4:]
			n = min(n, len(data))
			out, err := d.Decode(data[:n], size)
			if err == nil && len(out) != size {
				t.Fatalf("%d bytes, %d were promised", len(out), size)
			}
			if err != nil {
				return
			}
			data = data[n:]
		}
	})
}

// FuzzEncode packs anything, in any way, and unpacks it again.
func FuzzEncode(f *testing.F) {
	for i, content := range contents(3000) {
		f.Add(content, uint8(len(i)), uint16(4096))
	}
	f.Add(make([]byte, 40_000), uint8(6), uint16(0))
	f.Fuzz(func(t *testing.T, content []byte, how uint8, blockSize uint16) {
		window := lzx.MinWindow + int(how%7)
		s := lzx.Settings{BlockSize: int(blockSize), Effort: 1 + int(how>>5), Translate: int32(blockSize) << 8}
		if how&8 != 0 {
			s.Blocks = []lzx.Block{lzx.Block(how & 3), lzx.Block(how >> 6)}
		}
		got, err := unpack(window, pack(t, window, s, content))
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes came back as %d: %v", len(content), len(got), err)
		}
	})
}
