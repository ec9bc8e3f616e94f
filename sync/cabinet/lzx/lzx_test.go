package lzx_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"fettle/sync/cabinet/lzx"
)

// frame is one packed frame and how much it unpacks to.
type frame struct {
	packed []byte
	size   int
}

func pack(t testing.TB, window int, s lzx.Settings, content []byte) []frame {
	t.Helper()
	var frames []frame
	e, err := lzx.NewEncoder(window, s, func(p []byte, size int) error {
		frames = append(frames, frame{bytes.Clone(p), size})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return frames
}

func unpack(window int, frames []frame) ([]byte, error) {
	d, err := lzx.NewDecoder(window)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, f := range frames {
		p, err := d.Decode(f.packed, f.size)
		if err != nil {
			return nil, err
		}
		out = append(out, p...)
	}
	return out, nil
}

// contents are what packing must cope with, made from a seed.
func contents(size int) map[string][]byte {
	random := rand.New(rand.NewPCG(4, uint64(size)))
	noise := make([]byte, size)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var text bytes.Buffer
	for text.Len() < size {
		fmt.Fprintf(&text, `<Update UpdateId="%08x-%04x" RevisionNumber="%d"><Category Id="%d"/></Update>`, random.Uint32(), random.Uint32N(1<<16), 100+random.Uint32N(4), random.Uint32N(30))
	}
	calls := make([]byte, size)
	for i := range calls {
		calls[i] = byte(random.Uint32N(40))
		if i >= 5 && random.Uint32N(11) == 0 {
			target := uint32(random.Uint32N(uint32(size)))
			if random.Uint32N(4) == 0 {
				target = -target
			}
			copy(calls[i-4:], []byte{0xe8, byte(target), byte(target >> 8), byte(target >> 16)})
		}
	}
	far := bytes.Clone(noise) // what stands at the end stood at the beginning
	copy(far[size/2:], far[:size/2])
	return map[string][]byte{
		"noise": noise,
		"text":  text.Bytes()[:size],
		"calls": calls,
		"runs":  bytes.Repeat([]byte{0}, size),
		"far":   far,
	}
}

// TestRoundTrip packs and unpacks every kind of content with every window and
// every kind of block.
func TestRoundTrip(t *testing.T) {
	blocks := map[string][]lzx.Block{
		"smallest":     nil,
		"verbatim":     {lzx.Verbatim},
		"aligned":      {lzx.Aligned},
		"uncompressed": {lzx.Uncompressed},
		"mixed":        {lzx.Aligned, lzx.Uncompressed, lzx.Verbatim, lzx.Uncompressed, lzx.Smallest},
	}
	for _, size := range []int{1, 2, 11, 32767, 32768, 32769, 300_001} {
		for what, content := range contents(size) {
			for kind, b := range blocks {
				for window := lzx.MinWindow; window <= lzx.MaxWindow; window++ {
					for _, blockSize := range []int{0, 5000} {
						s := lzx.Settings{Blocks: b, BlockSize: blockSize, Effort: 4}
						if window%2 == 0 {
							s.Translate = 12_000_000
						}
						got, err := unpack(window, pack(t, window, s, content))
						if err != nil || !bytes.Equal(got, content) {
							t.Fatalf("%d bytes of %s, window %d, %s blocks of %d: %v", size, what, window, kind, blockSize, err)
						}
					}
				}
			}
		}
		if size > 32768 && testing.Short() {
			break
		}
	}
}
