package lzx

import (
	"errors"
	"fmt"
	"math/bits"

	"fettle/sync/cabinet/huffman"
)

const (
	defaultEffort = 24
	minBlockSize  = 4096
	maxBlockSize  = 1 << 19 // bytes that wait for their block to be written
	maxTokens     = 24 << 10
)

// Encoder packs one stream. What it packs comes out frame by frame, with a delay
// of one block.
type Encoder struct {
	settings Settings
	window   int
	emit     func(frame []byte, size int) error
	err      error

	buffer []byte // what matches may reach, the block being made, and the frame being filled
	room   int    // how large it may become
	base   int    // place in the stream of buffer[0]
	parsed int    // in the buffer: up to here there are tokens
	frame  int    // in the buffer: here the frame begins that is being filled
	frames int    // that are filled

	matcher
	last [3]int

	tokens    []token
	borders   []int // numbers of tokens before which a frame ends
	started   int   // in the buffer: here the block begins
	kinds     int   // blocks made, for Settings.Blocks
	main      [mainSymbols]uint32
	length    [lengthSymbols]uint32
	low       [alignedSymbols]uint32
	extraBits int

	out         writer
	mainLengths [mainSymbols]uint8 // of the block before
	lenLengths  [lengthSymbols]uint8
	written     int // bytes of the frame that is being written
}

// token is one literal or match.
type token struct {
	symbol uint16 // of the main code
	length uint8  // of the length code, when the main symbol says that there is one
	extra  uint32 // what follows the position slot
}

// NewEncoder makes an encoder for a window of 2^window bytes. It calls emit with
// each packed frame, which is valid until emit returns, and the size of what it
// packs. An error of emit ends the encoding.
func NewEncoder(window int, s Settings, emit func(frame []byte, size int) error) (*Encoder, error) {
	if window < MinWindow || window > MaxWindow {
		return nil, fmt.Errorf("LZX has no window of 2^%d bytes", window)
	}
	if s.Translate < 0 || s.Effort < 0 || s.BlockSize < 0 {
		return nil, errors.New("LZX: a size or effort below 0")
	}
	for _, b := range s.Blocks {
		if b > Uncompressed {
			return nil, fmt.Errorf("LZX has no blocks of kind %d", b)
		}
	}
	if s.Effort == 0 {
		s.Effort = defaultEffort
	}
	if s.BlockSize > 0 {
		// Even, so that nothing but the last frame can have an odd length.
		s.BlockSize = min(max(s.BlockSize+s.BlockSize%2, minBlockSize), maxBlockSize)
	}
	e := &Encoder{settings: s, window: 1 << window, emit: emit, last: [3]int{1, 1, 1}}
	e.matcher.prev = make([]uint32, e.window)
	e.matcher.mask = e.window - 1
	e.matcher.effort = s.Effort
	e.room = 2*e.window + maxBlockSize + 2*FrameSize
	if s.Translate > 0 {
		e.out.put(1, 1)
		e.out.put(uint32(s.Translate)>>16, 16)
		e.out.put(uint32(s.Translate)&0xffff, 16)
	} else {
		e.out.put(0, 1)
	}
	return e, nil
}

// Write packs p.
func (e *Encoder) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if e.err != nil {
			return n, e.err
		}
		room := FrameSize - (len(e.buffer) - e.frame)
		part := p[n:min(len(p), n+room)]
		e.buffer = append(e.buffer, part...)
		n += len(part)
		if len(part) == room {
			e.err = e.filled()
		}
	}
	return n, e.err
}

// Close packs what is left. An empty stream has no frames.
func (e *Encoder) Close() error {
	if e.err != nil {
		return e.err
	}
	if len(e.buffer) > e.frame {
		e.err = e.filled()
	}
	if e.err == nil && e.parsed > e.started {
		e.err = e.block()
	}
	if e.err == nil {
		e.err = errors.New("LZX: the encoder is closed")
		return nil
	}
	return e.err
}

// filled turns a frame into tokens, and ends the block when it is large enough.
func (e *Encoder) filled() error {
	end := len(e.buffer)
	if e.settings.Translate > 0 && e.frames < translatedFrames {
		translate(e.buffer[e.frame:end], int32(e.frames)*FrameSize, e.settings.Translate)
	}
	for e.parsed < end {
		stop := end
		if e.settings.BlockSize > 0 {
			stop = min(stop, e.started+e.settings.BlockSize)
		}
		e.parse(stop)
		if stop == end {
			e.borders = append(e.borders, len(e.tokens))
		}
		full := e.parsed-e.started > maxBlockSize-FrameSize || len(e.tokens) >= maxTokens
		if e.settings.BlockSize > 0 {
			full = e.parsed-e.started == e.settings.BlockSize
		}
		if full {
			if err := e.block(); err != nil {
				return err
			}
		}
	}
	e.frame = end
	e.frames++
	if e.frame+FrameSize > e.room {
		from := min(e.started, e.frame-e.window) // what matches reach, and the block being made
		e.buffer = e.buffer[:copy(e.buffer, e.buffer[from:])]
		e.base += from
		e.parsed -= from
		e.frame -= from
		e.started -= from
	}
	return nil
}

// parse makes tokens up to end, where a frame or block ends. A match is put off
// by one byte when the next place has a better one.
func (e *Encoder) parse(end int) {
	reach := e.window - 3
	at := e.parsed
	found := e.find(e.buffer, e.base, at, end, reach, e.last)
	for at < end {
		if found.length == 0 {
			e.literal(e.buffer[at])
			at++
			if at < end {
				found = e.find(e.buffer, e.base, at, end, reach, e.last)
			}
			continue
		}
		known := at + 1 // places from here on are not remembered yet
		if found.length < enough && at+1 < end {
			next := e.find(e.buffer, e.base, at+1, end, reach, e.last)
			known++
			if next.gain > found.gain {
				e.literal(e.buffer[at])
				at++
				found = next
				continue
			}
		}
		e.match(found)
		at += found.length
		for ; known < at; known++ {
			e.insert(e.base+known, e.buffer[known:])
		}
		if at < end {
			found = e.find(e.buffer, e.base, at, end, reach, e.last)
		}
	}
	e.parsed = end
}

func (e *Encoder) literal(b byte) {
	e.tokens = append(e.tokens, token{symbol: uint16(b)})
	e.main[b]++
}

func (e *Encoder) match(m match) {
	var slot int
	var extra uint32
	switch m.distance {
	case e.last[0]:
	case e.last[1]:
		slot = 1
		e.last[0], e.last[1] = e.last[1], e.last[0]
	case e.last[2]:
		slot = 2
		e.last[0], e.last[2] = e.last[2], e.last[0]
	default:
		slot = slotOf(m.distance)
		extra = uint32(m.distance+2) - uint32(slotBase[slot])
		e.last = [3]int{m.distance, e.last[0], e.last[1]}
		n := int(slotBits[slot])
		e.extraBits += n
		if n >= 3 {
			e.low[extra&7]++
		}
	}
	t := token{symbol: uint16(literals + slot<<3 + min(m.length-minMatch, 7)), extra: extra}
	if m.length >= minMatch+7 {
		t.length = uint8(m.length - minMatch - 7)
		e.length[t.length]++
	}
	e.main[t.symbol]++
	e.tokens = append(e.tokens, t)
}

// slotOf is the position slot of a distance that is not one of the last three.
func slotOf(distance int) int {
	f := uint32(distance + 2)
	if f >= 1<<18 { // from here on, slots are equally wide
		return 34 + int(f>>17)
	}
	n := bits.Len32(f) - 1
	return 2*n + int(f>>(n-1)&1)
}

// block writes the tokens as one block.
func (e *Encoder) block() error {
	kind := Smallest
	if len(e.settings.Blocks) > 0 {
		kind = e.settings.Blocks[e.kinds%len(e.settings.Blocks)]
	}
	e.kinds++
	mainLengths, lenLengths := e.mainLengths, e.lenLengths
	huffman.Lengths(e.main[:literals+8*positionSlots[bits.Len(uint(e.window))-1]], mainLengths[:], longestCode)
	huffman.Lengths(e.length[:], lenLengths[:], longestCode)
	var lowLengths [alignedSymbols]uint8
	huffman.Lengths(e.low[:], lowLengths[:], longestAligned)
	if lowLengths == ([alignedSymbols]uint8{}) {
		lowLengths = [alignedSymbols]uint8{3, 3, 3, 3, 3, 3, 3, 3}
	}
	size := e.parsed - e.started
	if kind == Smallest {
		kind = e.smallest(size, mainLengths[:], lenLengths[:], lowLengths[:])
	}
	e.out.put(uint32(kind), 3)
	e.out.put(uint32(size>>8), 16)
	e.out.put(uint32(size&255), 8)
	var err error
	if kind == Uncompressed {
		err = e.raw(size)
	} else {
		if kind == Aligned {
			for _, n := range lowLengths {
				e.out.put(uint32(n), 3)
			}
		}
		symbols := literals + 8*positionSlots[bits.Len(uint(e.window))-1]
		e.out.lengths(e.mainLengths[:literals], mainLengths[:literals])
		e.out.lengths(e.mainLengths[literals:symbols], mainLengths[literals:symbols])
		e.out.lengths(e.lenLengths[:], lenLengths[:])
		e.mainLengths, e.lenLengths = mainLengths, lenLengths
		err = e.coded(kind == Aligned, lowLengths[:])
	}
	e.tokens, e.borders = e.tokens[:0], e.borders[:0]
	e.started = e.parsed
	e.main, e.length, e.low, e.extraBits = [mainSymbols]uint32{}, [lengthSymbols]uint32{}, [alignedSymbols]uint32{}, 0
	return err
}

// smallest chooses the kind of a block.
func (e *Encoder) smallest(size int, mainLengths, lenLengths, lowLengths []uint8) Block {
	verbatim := e.extraBits
	for i, n := range e.main {
		verbatim += int(n) * int(mainLengths[i])
	}
	for i, n := range e.length {
		verbatim += int(n) * int(lenLengths[i])
	}
	aligned := verbatim + 3*alignedSymbols
	for i, n := range e.low {
		aligned += int(n) * (int(lowLengths[i]) - 3)
	}
	const lengths = 1500 // bits that code lengths take, about
	switch {
	case 8*size+8*16 <= min(verbatim, aligned)+lengths:
		return Uncompressed
	case aligned < verbatim:
		return Aligned
	}
	return Verbatim
}

// coded writes the tokens of a verbatim or aligned block, and a frame whenever
// one is complete.
func (e *Encoder) coded(aligned bool, lowLengths []uint8) error {
	mainCodes, lenCodes, lowCodes := huffman.Codes(e.mainLengths[:]), huffman.Codes(e.lenLengths[:]), huffman.Codes(lowLengths)
	left := e.parsed - e.started
	border := 0
	for i, t := range e.tokens {
		for border < len(e.borders) && e.borders[border] == i {
			border++
			left -= FrameSize - e.written
			if err := e.flush(FrameSize); err != nil {
				return err
			}
		}
		e.out.put(uint32(mainCodes[t.symbol]), uint(e.mainLengths[t.symbol]))
		if t.symbol < literals {
			continue
		}
		if t.symbol&7 == 7 {
			e.out.put(uint32(lenCodes[t.length]), uint(e.lenLengths[t.length]))
		}
		slot := (t.symbol - literals) >> 3
		if slot < 3 {
			continue
		}
		extra := uint(slotBits[slot])
		if aligned && extra >= 3 {
			e.out.put(t.extra>>3, extra-3)
			e.out.put(uint32(lowCodes[t.extra&7]), uint(lowLengths[t.extra&7]))
		} else {
			e.out.put(t.extra, extra)
		}
	}
	if border < len(e.borders) { // the block ends where a frame does
		return e.flush(e.written + left)
	}
	e.written += left
	return nil
}

// raw writes an uncompressed block. The distances that it states are those that
// the next block's tokens were made with.
func (e *Encoder) raw(size int) error {
	e.out.word()
	for _, r := range e.last {
		e.out.raw([]byte{byte(r), byte(r >> 8), byte(r >> 16), byte(r >> 24)})
	}
	for at := e.started; at < e.parsed; {
		n := min(FrameSize-e.written, e.parsed-at)
		e.out.raw(e.buffer[at : at+n])
		at += n
		e.written += n
		if at == e.parsed && size%2 == 1 {
			e.out.raw([]byte{0})
		}
		if e.written == FrameSize || at == e.parsed && len(e.borders) > 0 && e.borders[len(e.borders)-1] == len(e.tokens) {
			if err := e.flush(e.written); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush emits the frame that is being written, which packs size bytes.
func (e *Encoder) flush(size int) error {
	e.out.align()
	frame := e.out.bytes
	e.out.bytes = e.out.bytes[:0]
	e.written = 0
	if len(frame) > MaxPacked {
		return fmt.Errorf("LZX: a frame of %d bytes does not fit into a block of a cabinet", len(frame))
	}
	return e.emit(frame, size)
}

// translate makes the targets of x86 calls absolute: the reverse of untranslate.
func translate(frame []byte, position, size int32) {
	for i := 0; i < len(frame)-untranslated; i++ {
		if frame[i] != 0xe8 {
			continue
		}
		here := position + int32(i)
		p := frame[i+1 : i+5]
		target := int32(uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24)
		if target >= -here && target < size {
			if target < size-here {
				target += here
			} else {
				target -= size
			}
			p[0], p[1], p[2], p[3] = byte(target), byte(target>>8), byte(target>>16), byte(target>>24)
		}
		i += 4
	}
}
