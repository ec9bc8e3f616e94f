package lzx_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

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
	for _, size := range []int{1, 2, 11, 32767, 32768, 32769, 120_001} {
		for what, content := range contents(size) {
			for kind, b := range blocks {
				for window := lzx.MinWindow; window <= lzx.MaxWindow; window++ {
					s := lzx.Settings{Blocks: b, BlockSize: window % 2 * 5000, Effort: 4}
					if window%3 == 0 {
						s.Translate = 12_000_000
					}
					got, err := unpack(window, pack(t, window, s, content))
					if err != nil || !bytes.Equal(got, content) {
						t.Fatalf("%d bytes of %s, window %d, %s blocks: %v", size, what, window, kind, err)
					}
				}
			}
		}
	}
}

// TestNothingPacksToNothing is the empty stream, of which a cabinet has no
// blocks.
func TestNothingPacksToNothing(t *testing.T) {
	if frames := pack(t, 15, lzx.Settings{}, nil); len(frames) != 0 {
		t.Errorf("%d frames", len(frames))
	}
}

// TestSettingsAreRefused lists what an encoder or decoder cannot be.
func TestSettingsAreRefused(t *testing.T) {
	emit := func([]byte, int) error { return nil }
	for _, window := range []int{-1, 0, 14, 22, 25} {
		if _, err := lzx.NewEncoder(window, lzx.Settings{}, emit); err == nil {
			t.Errorf("an encoder with window %d", window)
		}
		if _, err := lzx.NewDecoder(window); err == nil {
			t.Errorf("a decoder with window %d", window)
		}
	}
	for _, s := range []lzx.Settings{{Translate: -1}, {Effort: -1}, {BlockSize: -1}, {Blocks: []lzx.Block{4}}} {
		if _, err := lzx.NewEncoder(15, s, emit); err == nil {
			t.Errorf("an encoder with %+v", s)
		}
	}
}

// TestErrorsOfEmitEnd the encoding, for ever.
func TestErrorsOfEmitEnd(t *testing.T) {
	full := errors.New("full")
	e, err := lzx.NewEncoder(15, lzx.Settings{BlockSize: 4096}, func([]byte, int) error { return full })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(make([]byte, 100_000)); !errors.Is(err, full) {
		t.Errorf("writing: %v", err)
	}
	if err := e.Close(); !errors.Is(err, full) {
		t.Errorf("closing: %v", err)
	}
}

// TestEveryChangeIsNoticedOrHarmless changes single bits of packed frames: what
// comes out has the promised length or is refused, and once refused the decoder
// stays so.
func TestEveryChangeIsNoticedOrHarmless(t *testing.T) {
	for _, s := range []lzx.Settings{{}, {Blocks: []lzx.Block{lzx.Aligned}}, {Blocks: []lzx.Block{lzx.Uncompressed, lzx.Verbatim}, BlockSize: 4096}} {
		s.Translate = 1 << 20
		content := contents(40_000)["calls"]
		frames := pack(t, 15, s, content)
		refused := 0
		random := rand.New(rand.NewPCG(1, 1))
		for range 3000 {
			changed := slices.Clone(frames)
			i := random.IntN(len(changed))
			p := bytes.Clone(changed[i].packed)
			switch random.IntN(4) {
			case 0:
				p = p[:random.IntN(len(p))]
			case 1:
				p = append(p, byte(random.Uint32()))
			default:
				p[min(random.IntN(len(p)), random.IntN(len(p)))] ^= 1 << random.IntN(8)
			}
			changed[i].packed = p
			d, err := lzx.NewDecoder(15)
			if err != nil {
				t.Fatal(err)
			}
			var failed error
			for _, f := range changed {
				out, err := d.Decode(f.packed, f.size)
				if failed != nil && !errors.Is(err, failed) {
					t.Fatalf("after %v: %v", failed, err)
				}
				if err == nil && len(out) != f.size {
					t.Fatalf("%d bytes for %d", len(out), f.size)
				}
				failed = err
			}
			if failed != nil {
				refused++
			}
		}
		if refused < 1000 {
			t.Errorf("only %d of 3,000 changes were refused", refused)
		}
	}
}

// TestDecodeRefuses gives frames that cannot be.
func TestDecodeRefuses(t *testing.T) {
	good := pack(t, 15, lzx.Settings{}, []byte("hello"))[0]
	for what, f := range map[string]frame{
		"nothing":          {nil, 5},
		"no size":          {good.packed, 0},
		"negative":         {good.packed, -1},
		"too large":        {good.packed, lzx.FrameSize + 1},
		"too much packed":  {make([]byte, lzx.MaxPacked+1), 5},
		"more than packed": {good.packed, 6},
		"less than packed": {good.packed, 4},
		"zeros":            {make([]byte, 1000), 5},
	} {
		d, err := lzx.NewDecoder(15)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := d.Decode(f.packed, f.size); err == nil {
			t.Errorf("%s: %q", what, out)
		}
	}
	d, err := lzx.NewDecoder(15)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := d.Decode(good.packed, good.size); err != nil || string(out) != "hello" {
		t.Errorf("%q %v", out, err)
	}
	if _, err := d.Decode(good.packed, good.size); err == nil {
		t.Error("a frame behind a short one")
	}
}

// TestRoundTripProperty packs and unpacks whatever rapid thinks of.
func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(lzx.MinWindow, lzx.MaxWindow).Draw(t, "window")
		s := lzx.Settings{
			Blocks:    rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 3), func(i int) lzx.Block { return lzx.Block(i) }), 0, 4).Draw(t, "blocks"),
			BlockSize: rapid.SampledFrom([]int{0, 1, 4096, 4097, 33_333, 1 << 20}).Draw(t, "block size"),
			Translate: rapid.SampledFrom([]int32{0, 1, 1000, 12_000_000, 1<<31 - 1}).Draw(t, "translate"),
			Effort:    rapid.IntRange(1, 20).Draw(t, "effort"),
		}
		var content []byte
		for _, part := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 40), 1, 12).Draw(t, "parts") {
			content = append(content, bytes.Repeat(part, rapid.IntRange(1, 500).Draw(t, "times"))...)
			if rapid.Bool().Draw(t, "call") {
				content = append(content, 0xe8)
			}
		}
		var frames []frame
		e, err := lzx.NewEncoder(window, s, func(p []byte, size int) error {
			frames = append(frames, frame{bytes.Clone(p), size})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for rest := content; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "write")
			if _, err := e.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := unpack(window, frames)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes came back as %d: %v", len(content), len(got), err)
		}
	})
}
