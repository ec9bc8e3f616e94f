package cabinet_test

import (
	"errors"
	"testing"

	"fettle/sync/cabinet"
	"fettle/sync/cabinet/lzx"
)

// FuzzCabinet opens anything and reads it in every way: what is taken apart is
// consistent, and what is refused is refused with one of the kinds of errors.
// The seeds have no checksums, so that changes reach the unpackers.
func FuzzCabinet(f *testing.F) {
	content := text(2000, 1)
	for _, o := range []cabinet.Options{
		{}, {Reserve: 20, Set: 3}, {Compression: cabinet.MSZIP}, {Compression: cabinet.LZX, Window: 15},
		{Compression: cabinet.LZX, LZX: lzx.Settings{Blocks: []lzx.Block{lzx.Aligned}, Translate: 9000}},
		{Compression: cabinet.LZX, LZX: lzx.Settings{Blocks: []lzx.Block{lzx.Uncompressed}}},
	} {
		o.Unchecked = true
		f.Add(create(f, o, []cabinet.Entry{entry("a", content), entry("dir/ü", nil), entry("b", content[:99])}, []cabinet.Entry{entry("c", content[:300])}))
		o.Unchecked = false
		f.Add(create(f, o, []cabinet.Entry{entry("a", content[:70])}))
	}
	f.Add(create(f, cabinet.Options{Compression: cabinet.LZX, Unchecked: true}, []cabinet.Entry{entry("a", make([]byte, 100_000))}))
	f.Add([]byte("MSCF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := everything(data, cabinet.Limits{Files: 500, Folders: 50, Member: 4 << 20, Total: 4 << 20})
		for _, kind := range []error{nil, cabinet.ErrNotCabinet, cabinet.ErrDamaged, cabinet.ErrUnsupported, cabinet.ErrLimit} {
			if errors.Is(err, kind) {
				return
			}
		}
		t.Fatal(err)
	})
}
