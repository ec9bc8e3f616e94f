package lzx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
)

// What only handmade frames show.

func packed(t *testing.T, window int, s Settings, content []byte) [][]byte {
	t.Helper()
	var frames [][]byte
	e, err := NewEncoder(window, s, func(p []byte, _ int) error {
		frames = append(frames, bytes.Clone(p))
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

func decoder(t *testing.T, window int) *Decoder {
	t.Helper()
	d, err := NewDecoder(window)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func noise(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// TestTranslationEnds after 32,768 frames, whatever the header says, and leaves
// the last ten bytes of every frame alone.
func TestTranslationEnds(t *testing.T) {
	content := make([]byte, 2*FrameSize)
	frame := content[FrameSize:]
	frame[0], frame[1] = 0xe8, 7
	frame[FrameSize-11], frame[FrameSize-10] = 0xe8, 7
	frame[FrameSize-5], frame[FrameSize-4] = 0xe8, 7
	p := packed(t, 15, Settings{Blocks: []Block{Uncompressed}, BlockSize: FrameSize}, content)[1]
	for frames, translated := range map[int]bool{1: true, 32767: true, 32768: false, 60000: false} {
		d := decoder(t, 15)
		d.frames, d.translate = frames, 1<<30
		out, err := d.Decode(p, FrameSize)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(frame)
		if translated {
			position := uint32(frames) * FrameSize
			binary.LittleEndian.PutUint32(want[1:], 7-position)
			binary.LittleEndian.PutUint32(want[FrameSize-10:], 7-position-FrameSize+11)
		}
		if !bytes.Equal(out, want) {
			t.Errorf("frame %d: %x ... %x", frames, out[:8], out[FrameSize-12:])
		}
	}
}

// TestDistancesOfHeaders uses a distance that an uncompressed block's header
// states: as far as the window goes, and further than that or than the
// beginning.
func TestDistancesOfHeaders(t *testing.T) {
	content := make([]byte, 3*FrameSize)
	s := Settings{Blocks: []Block{Uncompressed, Uncompressed, Verbatim}, BlockSize: FrameSize}
	for distance, want := range map[uint32]error{
		1: nil, 1 << 15: nil, 1<<15 + 1: errDistance, 2 * FrameSize: errDistance, 2*FrameSize + 1: errDistance,
		1 << 20: errDistance, 0: errDistance, 1 << 31: errDistance, 1<<32 - 1: errDistance,
	} {
		frames := packed(t, 15, s, content)
		binary.LittleEndian.PutUint32(frames[1][4:], distance)
		d := decoder(t, 15)
		var err error
		for _, p := range frames {
			if _, err = d.Decode(p, FrameSize); err != nil {
				break
			}
		}
		if !errors.Is(err, want) {
			t.Errorf("distance %d: %v", distance, err)
		}
	}
	// In the middle of a frame the decoder still has more than the window.
	halves := Settings{Blocks: []Block{Uncompressed, Uncompressed, Uncompressed, Verbatim}, BlockSize: FrameSize / 2}
	for distance, want := range map[uint32]error{1 << 15: nil, 1<<15 + 1: errDistance} {
		frames := packed(t, 15, halves, content[:2*FrameSize])
		binary.LittleEndian.PutUint32(frames[1][4:], distance)
		d := decoder(t, 15)
		if _, err := d.Decode(frames[0], FrameSize); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(frames[1], FrameSize); !errors.Is(err, want) {
			t.Errorf("distance %d in the middle of a frame: %v", distance, err)
		}
	}
	// In a larger window the same distance is beyond the beginning, or not.
	frames := packed(t, 21, s, content)
	for distance, want := range map[uint32]error{2 * FrameSize: nil, 2*FrameSize + 1: errDistance} {
		binary.LittleEndian.PutUint32(frames[1][4:], distance)
		d := decoder(t, 21)
		var err error
		for _, p := range frames {
			if _, err = d.Decode(p, FrameSize); err != nil {
				break
			}
		}
		if !errors.Is(err, want) {
			t.Errorf("distance %d in a large window: %v", distance, err)
		}
	}
}

// TestPadMayFollowInTheNextFrame is an uncompressed block of odd length that
// ends where a frame does: its spare byte stands in either.
func TestPadMayFollowInTheNextFrame(t *testing.T) {
	body := noise(FrameSize)
	header := func(w *writer, first bool, size int) {
		if first {
			w.put(0, 1)
		}
		w.put(uint32(Uncompressed), 3)
		w.put(uint32(size>>8), 16)
		w.put(uint32(size&255), 8)
		w.word()
		w.raw([]byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0})
	}
	for _, here := range []bool{true, false} {
		// A block of one byte with its spare one, a block of the other 32,767,
		// and one of ten in the next frame.
		var first, second writer
		header(&first, true, 1)
		first.raw([]byte{body[0], 0})
		header(&first, false, FrameSize-1)
		first.raw(body[1:])
		if here {
			first.raw([]byte{0})
		} else {
			second.raw([]byte{0})
		}
		header(&second, false, 10)
		second.raw(body[:10])
		d := decoder(t, 15)
		if out, err := d.Decode(first.bytes, FrameSize); err != nil || !bytes.Equal(out, body) {
			t.Fatalf("spare byte here: %v: %v", here, err)
		}
		if out, err := d.Decode(second.bytes, 10); err != nil || !bytes.Equal(out, body[:10]) {
			t.Errorf("spare byte here: %v: %v", here, err)
		}
	}
}

// TestCodeLengths gives blocks whose code lengths cannot be.
func TestCodeLengths(t *testing.T) {
	verbatim := func(w *writer) {
		w.put(0, 1)
		w.put(uint32(Verbatim), 3)
		w.put(0, 16)
		w.put(10, 8)
	}
	pre := func(w *writer, lengths map[int]uint32) {
		for i := range preSymbols {
			w.put(lengths[i], 4)
		}
	}
	for what, test := range map[string]struct {
		make func(w *writer)
		want error
	}{
		"a repeat of a repeat": {func(w *writer) {
			verbatim(w)
			pre(w, map[int]uint32{18: 1, 19: 1})
			w.put(1, 1)                                      // 19: repeat
			w.put(0, 1)                                      // four times
			w.put(0, 1)                                      // 18, which is no difference
			for _, n := range []uint32{31, 31, 31, 31, 28} { // zeros to the end
				w.put(0, 1)
				w.put(n, 5)
			}
		}, errLengths},
		"zeros over the end": {func(w *writer) {
			verbatim(w)
			pre(w, map[int]uint32{17: 1, 18: 1})
			for range 6 {
				w.put(1, 1) // 18: 51 zeros, 306 of 256
				w.put(31, 5)
			}
		}, errLengths},
		"zeros just over the end": {func(w *writer) {
			verbatim(w)
			pre(w, map[int]uint32{17: 1, 18: 1})
			for range 5 { // 255
				w.put(1, 1)
				w.put(31, 5)
			}
			w.put(0, 1) // 17: four
			w.put(0, 4)
		}, errLengths},
		"no code for code lengths": {func(w *writer) {
			verbatim(w)
			pre(w, nil)
		}, errSymbol},
		"half a code for code lengths": {func(w *writer) {
			verbatim(w)
			pre(w, map[int]uint32{3: 1})
		}, errIncomplete},
		"too many codes for code lengths": {func(w *writer) {
			verbatim(w)
			pre(w, map[int]uint32{1: 1, 2: 1, 3: 1})
		}, errIncomplete},
		"no main code": {func(w *writer) {
			verbatim(w)
			for range 2 {
				pre(w, map[int]uint32{17: 1, 18: 1})
				for range 5 { // 255 of 256, or 240 and 15
					w.put(1, 1)
					w.put(28, 5)
				}
				w.put(0, 1)
				w.put(12, 4)
			}
		}, errIncomplete},
		"half an aligned code": {func(w *writer) {
			w.put(0, 1)
			w.put(uint32(Aligned), 3)
			w.put(0, 16)
			w.put(10, 8)
			w.put(1, 3)
			for range 7 {
				w.put(0, 3)
			}
		}, errIncomplete},
		"too much of an aligned code": {func(w *writer) {
			w.put(0, 1)
			w.put(uint32(Aligned), 3)
			w.put(0, 16)
			w.put(10, 8)
			for range 8 {
				w.put(2, 3)
			}
		}, errIncomplete},
		"a block of nothing": {func(w *writer) {
			w.put(0, 1)
			w.put(uint32(Verbatim), 3)
			w.put(0, 24)
		}, errBlock},
		"a block of no kind": {func(w *writer) {
			w.put(0, 1)
			w.put(4, 3)
			w.put(1, 24)
		}, errBlock},
	} {
		var w writer
		test.make(&w)
		w.align()
		w.raw(make([]byte, 200))
		if _, err := decoder(t, 15).Decode(w.bytes, 10); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, not %v", what, err, test.want)
		}
	}
}
