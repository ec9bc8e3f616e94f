package lzx

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lengths and sizes of the format (offline-catalogues B.2).
const (
	literals       = 256
	lengthSymbols  = 249
	alignedSymbols = 8
	preSymbols     = 20
	mainSymbols    = literals + 8*50

	minMatch = 2
	maxMatch = minMatch + 7 + lengthSymbols - 1

	longestCode      = 16
	longestAligned   = 7
	translatedFrames = 32768 // calls are translated in so many frames from the beginning
	untranslated     = 10    // bytes at the end of a frame that are left alone

	// MaxPacked is how many packed bytes a frame may have: what other readers
	// of cabinets take.
	MaxPacked = FrameSize + 6144

	slack = 64 // bytes behind a buffer into which fast copies may run over
)

// positionSlots is the number of position slots, by window.
var positionSlots = [MaxWindow + 1]int{15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}

// slotBase and slotBits give each position slot's first formatted offset, which
// is the distance and 2, and how many more bits follow.
var slotBase, slotBits = func() (base [64]int32, bits [64]uint8) {
	for i := range 50 {
		if i >= 4 {
			bits[i] = uint8(min(i/2-1, 17))
		}
		base[i+1] = base[i] + 1<<bits[i]
	}
	return
}()

// Decoder unpacks one stream, frame after frame.
type Decoder struct {
	window  int // how far back matches may reach
	symbols int // of the main code

	buffer []byte // up to twice the window, so that no copy wraps, and some slack
	at     int    // where the next byte goes
	frames int
	ended  bool // a short frame was the last
	failed error

	translate  int32
	translated [FrameSize]byte // a frame with its calls translated; the window keeps the original

	kind       Block
	remaining  int  // bytes of the block that are still to come
	pad        bool // a byte follows the uncompressed block
	r0, r1, r2 int

	mainLengths   [mainSymbols]uint8
	lengthLengths [lengthSymbols]uint8
	main          code
	length        code
	pre           code
	aligned       [1 << longestAligned]uint8 // symbol<<3 | length

	in  [MaxPacked + slack]byte // the packed frame, with zeros behind it
	end int                     // how many bytes the frame has
	pos int                     // read so far
	acc uint64                  // bits that were read but not used, from the top
	n   uint                    // how many
}

// NewDecoder makes a decoder for a window of 2^window bytes.
func NewDecoder(window int) (*Decoder, error) {
	if window < MinWindow || window > MaxWindow {
		return nil, fmt.Errorf("LZX has no window of 2^%d bytes", window)
	}
	return &Decoder{
		window:  1 << window,
		symbols: literals + 8*positionSlots[window],
		buffer:  make([]byte, 2*FrameSize+slack),
		r0:      1, r1: 1, r2: 1,
	}, nil
}

// The ways in which a stream is damaged.
var (
	errEnds     = errors.New("the packed data ends too early")
	errMore     = errors.New("more packed data than needed")
	errBlock    = errors.New("a block of no known kind or of no length")
	errLengths  = errors.New("code lengths that run over their end")
	errDistance = errors.New("a match from before the beginning")
	errCrosses  = errors.New("a match across the end of a frame or block")
	errSymbol   = errors.New("a symbol without a code")
)

// Decode unpacks the next frame, which has size bytes. Only the last frame of a
// stream has fewer than FrameSize. What it gives is valid until the next call.
// After an error the decoder gives that error for ever: the window is lost.
func (d *Decoder) Decode(packed []byte, size int) ([]byte, error) {
	if d.failed == nil && d.ended {
		d.failed = errors.New("LZX: a frame behind the last")
	}
	if d.failed != nil {
		return nil, d.failed
	}
	if size <= 0 || size > FrameSize || len(packed) > MaxPacked {
		d.failed = fmt.Errorf("LZX: a frame of %d bytes, packed into %d, cannot be", size, len(packed))
		return nil, d.failed
	}
	d.ended = size < FrameSize
	out, err := d.frame(packed, size)
	if err != nil {
		d.failed = fmt.Errorf("LZX frame %d: %w", d.frames+1, err)
		return nil, d.failed
	}
	d.frames++
	return out, nil
}

func (d *Decoder) frame(packed []byte, size int) ([]byte, error) {
	d.room()
	d.end = copy(d.in[:], packed)
	clear(d.in[d.end:min(d.end+slack, len(d.in))])
	d.pos, d.acc, d.n = 0, 0, 0
	if d.frames == 0 {
		if d.take(1) == 1 {
			d.translate = int32(d.take(16)<<16 | d.take(16))
		}
	}
	start, end := d.at, d.at+size
	for d.at < end {
		if d.remaining == 0 {
			if err := d.header(); err != nil {
				return nil, err
			}
		}
		run := min(end-d.at, d.remaining)
		var err error
		switch d.kind {
		case Uncompressed:
			err = d.raw(run)
		default:
			err = d.matches(d.at + run)
		}
		if err != nil {
			return nil, err
		}
		d.remaining -= run
	}
	if err := d.finish(); err != nil {
		return nil, err
	}
	out := d.buffer[start:end]
	if d.translate != 0 && d.frames < translatedFrames && size > untranslated {
		copy(d.translated[:], out)
		out = d.translated[:size]
		untranslate(out, int32(d.frames)*FrameSize, d.translate)
	}
	return out, nil
}

// room makes room for a frame. The buffer grows with the stream, since most are
// small; when it is twice the window, the window moves to its front.
func (d *Decoder) room() {
	switch have := len(d.buffer) - slack; {
	case d.at+FrameSize <= have:
	case have < 2*d.window:
		larger := make([]byte, 2*have+slack)
		copy(larger, d.buffer[:d.at])
		d.buffer = larger
	default:
		copy(d.buffer, d.buffer[d.at-d.window:d.at])
		d.at = d.window
	}
}

// finish sees to it that the frame's packed data was used, all of it and no
// more. The byte that follows an uncompressed block of odd length may stand in
// this frame or in the next.
func (d *Decoder) finish() error {
	used := d.pos - int(d.n/16)*2 // frames end on a word
	if used > d.end {
		return errEnds
	}
	if used < d.end && d.remaining == 0 && d.pad {
		d.pad = false
		used++
	}
	if used < d.end {
		return errMore
	}
	return nil
}

// fill makes at least 32 bits ready. Behind the end of the frame it finds zeros,
// but not many.
func (d *Decoder) fill() {
	if d.n >= 32 {
		return
	}
	var v uint32
	if d.pos+4 <= len(d.in) {
		v = binary.LittleEndian.Uint32(d.in[d.pos:])
	}
	d.acc |= uint64(v<<16|v>>16) << (32 - d.n)
	d.pos += 4
	d.n += 32
}

// take reads up to 17 bits.
func (d *Decoder) take(n uint) uint32 {
	d.fill()
	v := uint32(d.acc >> (64 - n))
	d.acc <<= n
	d.n -= n
	return v
}

// symbol reads one symbol of a code.
func (d *Decoder) symbol(c *code) (int, error) {
	d.fill()
	e := c.fast[d.acc>>(64-fastBits)]
	symbol, length := int(e>>4), int(e&15)
	if length == 0 {
		if symbol, length = c.long(uint32(d.acc >> 48)); length == 0 {
			return 0, errSymbol
		}
	}
	d.acc <<= uint(length)
	d.n -= uint(length)
	return symbol, nil
}

// header reads the beginning of a block.
func (d *Decoder) header() error {
	if d.pad {
		d.pad = false
		d.pos++ // only ever right behind an uncompressed block: no bits are waiting, or none were read
	}
	d.kind = Block(d.take(3))
	d.remaining = int(d.take(16)<<8 | d.take(8))
	if d.remaining == 0 {
		return errBlock
	}
	if d.pos-int(d.n/8) > d.end {
		return errEnds
	}
	switch d.kind {
	case Uncompressed:
		return d.rawHeader()
	case Aligned:
		var lengths [alignedSymbols]uint8
		for i := range lengths {
			lengths[i] = uint8(d.take(3))
		}
		if err := d.buildAligned(lengths); err != nil {
			return err
		}
	case Verbatim:
	default:
		return errBlock
	}
	if err := d.lengths(d.mainLengths[:literals]); err != nil {
		return err
	}
	if err := d.lengths(d.mainLengths[literals:d.symbols]); err != nil {
		return err
	}
	if err := d.main.build(d.mainLengths[:d.symbols]); err != nil {
		return err
	}
	if d.main.empty {
		return errIncomplete
	}
	if err := d.lengths(d.lengthLengths[:]); err != nil {
		return err
	}
	return d.length.build(d.lengthLengths[:])
}

func (d *Decoder) buildAligned(lengths [alignedSymbols]uint8) error {
	at := 0
	for n := 1; n <= longestAligned; n++ {
		for symbol, length := range lengths {
			if int(length) != n {
				continue
			}
			width := 1 << (longestAligned - n)
			if at+width > len(d.aligned) {
				return errIncomplete
			}
			for range width {
				d.aligned[at] = uint8(symbol<<3 | n)
				at++
			}
		}
	}
	if at != len(d.aligned) {
		return errIncomplete
	}
	return nil
}

// lengths reads code lengths, which are written as differences from those of
// the block before.
func (d *Decoder) lengths(lengths []uint8) error {
	var pre [preSymbols]uint8
	for i := range pre {
		pre[i] = uint8(d.take(4))
	}
	if err := d.pre.build(pre[:]); err != nil {
		return err
	}
	for i := 0; i < len(lengths); {
		symbol, err := d.symbol(&d.pre)
		if err != nil {
			return err
		}
		run, value := 1, uint8(0)
		switch symbol {
		case 17:
			run = 4 + int(d.take(4))
		case 18:
			run = 20 + int(d.take(5))
		case 19:
			run = 4 + int(d.take(1))
			if symbol, err = d.symbol(&d.pre); err != nil {
				return err
			}
			if symbol > 16 {
				return errLengths
			}
			fallthrough
		default:
			value = uint8((int(lengths[i]) - symbol + 17) % 17)
		}
		if i+run > len(lengths) {
			return errLengths
		}
		for range run {
			lengths[i] = value
			i++
		}
	}
	return nil
}

// rawHeader reads what an uncompressed block begins with: bits up to the next
// word, at least one, and the last three distances.
func (d *Decoder) rawHeader() error {
	rest := d.n % 16
	if rest == 0 {
		d.fill()
		rest = 16
	}
	d.acc <<= rest
	d.n -= rest
	d.pos -= int(d.n / 8)
	d.acc, d.n = 0, 0
	if d.pos+12 > d.end {
		return errEnds
	}
	for _, r := range []*int{&d.r0, &d.r1, &d.r2} {
		*r = int(min(binary.LittleEndian.Uint32(d.in[d.pos:]), 1<<30)) // whether it is too far is seen when it is used
		d.pos += 4
	}
	d.pad = d.remaining%2 == 1
	return nil
}

// raw copies the bytes of an uncompressed block.
func (d *Decoder) raw(run int) error {
	if d.pos+run > d.end {
		return errEnds
	}
	d.at += copy(d.buffer[d.at:d.at+run], d.in[d.pos:])
	d.pos += run
	return nil
}

// matches unpacks a verbatim or aligned block, or what of it lies in this frame,
// up to end. It is where the time goes.
func (d *Decoder) matches(end int) error {
	var (
		buffer     = d.buffer
		in         = d.in[:d.end+12] // what is ready of a sound frame never reaches further
		at, pos    = d.at, d.pos
		acc, n     = d.acc, d.n
		r0, r1, r2 = d.r0, d.r1, d.r2
		aligned    = d.kind == Aligned
	)
	for at < end {
		if n < 32 {
			if pos+4 > len(in) {
				return errEnds
			}
			v := binary.LittleEndian.Uint32(in[pos:])
			acc |= uint64(v<<16|v>>16) << (32 - n)
			pos += 4
			n += 32
		}
		e := d.main.fast[acc>>(64-fastBits)]
		symbol, used := int(e>>4), uint(e&15)
		if used == 0 {
			s, l := d.main.long(uint32(acc >> 48))
			symbol, used = s, uint(l)
		}
		acc <<= used
		n -= used
		if symbol < literals {
			buffer[at] = byte(symbol)
			at++
			continue
		}

		symbol -= literals
		length := symbol & 7
		if length == 7 {
			e := d.length.fast[acc>>(64-fastBits)]
			more, used := int(e>>4), uint(e&15)
			if used == 0 {
				s, l := d.length.long(uint32(acc >> 48))
				if l == 0 {
					return errSymbol
				}
				more, used = s, uint(l)
			}
			acc <<= used
			n -= used
			length += more
		}
		length += minMatch

		var distance int
		switch slot := symbol >> 3; slot {
		case 0:
			distance = r0
		case 1:
			distance = r1
			r1, r0 = r0, distance
		case 2:
			distance = r2
			r2, r0 = r0, distance
		default:
			if n < 32 {
				if pos+4 > len(in) {
					return errEnds
				}
				v := binary.LittleEndian.Uint32(in[pos:])
				acc |= uint64(v<<16|v>>16) << (32 - n)
				pos += 4
				n += 32
			}
			extra := uint(slotBits[slot&63])
			distance = int(slotBase[slot&63]) - 2
			if aligned && extra >= 3 {
				extra -= 3
				distance += int(acc>>1>>(63-extra)) << 3
				acc <<= extra
				n -= extra
				low := d.aligned[acc>>(64-longestAligned)]
				distance += int(low >> 3)
				acc <<= low & 7
				n -= uint(low & 7)
			} else {
				distance += int(acc >> 1 >> (63 - extra))
				acc <<= extra
				n -= extra
			}
			r2, r1, r0 = r1, r0, distance
		}

		if uint(distance-1) >= uint(at) || distance > d.window {
			return errDistance
		}
		if length > end-at {
			return errCrosses
		}
		from := buffer[at-distance:]
		to := buffer[at : at+length+8]
		switch {
		case distance >= length && length > 32:
			copy(to[:length], from)
		case distance >= 8:
			// Eight bytes at a time. The last may run over, into room that
			// nothing has been written to yet: never into the window.
			for i := 0; i < length; i += 8 {
				binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
			}
		case length <= 16:
			for i := range length {
				to[i] = from[i]
			}
		default:
			// A run: what was written is written again, twice as long each time.
			for i := copy(to[:length], from[:distance]); i < length; {
				i += copy(to[i:length], to[:i])
			}
		}
		at += length
	}
	d.at, d.pos, d.acc, d.n = at, pos, acc, n
	d.r0, d.r1, d.r2 = r0, r1, r2
	return nil
}

// untranslate makes the targets of x86 calls relative again, as they were
// before packing. Position is where the frame lies in the stream.
func untranslate(frame []byte, position, size int32) {
	for i := 0; i < len(frame)-untranslated; i++ {
		if frame[i] != 0xe8 {
			continue
		}
		here := position + int32(i)
		target := int32(binary.LittleEndian.Uint32(frame[i+1:]))
		if target >= -here && target < size {
			if target >= 0 {
				target -= here
			} else {
				target += size
			}
			binary.LittleEndian.PutUint32(frame[i+1:], uint32(target))
		}
		i += 4
	}
}
