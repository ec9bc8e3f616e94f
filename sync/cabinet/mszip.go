package cabinet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/klauspost/compress/flate"

	"fettle/sync/cabinet/huffman"
)

// inflater unpacks blocks of MSZIP, each of which is deflate, and may refer to
// the 32 KiB that came before it.
type inflater struct {
	in      bytes.Reader
	inflate io.ReadCloser
	buffer  [2 * blockSize]byte // what came before, then the block
	history int
	size    int // of the block
}

func (m *inflater) unpack(packed []byte, size int) ([]byte, error) {
	if len(packed) < 2 || packed[0] != 'C' || packed[1] != 'K' {
		return nil, errors.New("it does not begin as MSZIP does")
	}
	// What was given last time is history now.
	end := m.history + m.size
	m.history = copy(m.buffer[:], m.buffer[max(end-blockSize, 0):end])
	m.size = size
	m.in.Reset(packed[2:])
	if m.inflate == nil {
		m.inflate = flate.NewReader(&m.in)
	} else if err := m.inflate.(flate.Resetter).Reset(&m.in, m.buffer[:m.history]); err != nil {
		return nil, err
	}
	out := m.buffer[m.history : m.history+size]
	if n, err := io.ReadFull(m.inflate, out); err != nil {
		return nil, fmt.Errorf("it unpacks to %d bytes, not to the %d that it claims: %s", n, size, err)
	}
	var more [1]byte
	if n, err := m.inflate.Read(more[:]); n != 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it does not end after the %d bytes that it claims", size)
	}
	return out, nil
}

// deflater packs blocks of MSZIP. compress/flate does not do: libmspack refuses
// codes of a single distance, which Go writes for runs, and blocks that refer to
// the block before (offline-catalogues B.4). So each block stands alone here,
// and its codes are complete.
type deflater struct {
	heads  [1 << 13]uint16 // the last place and 1, by the next three bytes
	prev   [blockSize]uint16
	tokens []deflated
	symbol [286]uint32
	far    [30]uint32

	out []byte
	acc uint64
	n   uint
}

// deflated is a literal or, when it has a distance, a match.
type deflated struct{ value, distance uint16 }

// Codes of deflate (RFC 1951).
const (
	deflateMin  = 3
	deflateMax  = 258
	endOfBlock  = 256
	chainLength = 48
)

// lengthCode gives the symbol of a match's length, with the bits that follow.
func lengthCode(length int) (symbol int, extra, n uint32) {
	l := uint32(length - deflateMin)
	switch {
	case length == deflateMax:
		return 285, 0, 0
	case l < 8:
		return 257 + int(l), 0, 0
	}
	n = uint32(bits.Len32(l)) - 3
	return 257 + int(4*n+l>>n), l & (1<<n - 1), n
}

// distanceCode does the same for a distance.
func distanceCode(distance int) (symbol int, extra, n uint32) {
	d := uint32(distance - 1)
	if d < 4 {
		return int(d), 0, 0
	}
	n = uint32(bits.Len32(d)) - 2
	return int(2*n + d>>n), d & (1<<n - 1), n
}

// deflate packs one block. The result is valid until the next call.
func (d *deflater) deflate(block []byte) []byte {
	d.out, d.acc, d.n = append(d.out[:0], 'C', 'K'), 0, 0
	d.parse(block)
	d.put(1, 1) // the last of its kind in the block, and dynamic
	d.put(2, 2)
	d.codes()
	if len(d.out) > len(block)+5 {
		// Stored: the packed form is no smaller.
		d.out = append(d.out[:0], 'C', 'K', 1)
		d.out = binary.LittleEndian.AppendUint16(d.out, uint16(len(block)))
		d.out = binary.LittleEndian.AppendUint16(d.out, ^uint16(len(block)))
		d.out = append(d.out, block...)
	}
	return d.out
}

// parse finds the matches, and puts one off when the next place has a longer.
func (d *deflater) parse(block []byte) {
	clear(d.heads[:])
	clear(d.symbol[:])
	clear(d.far[:])
	d.tokens = d.tokens[:0]
	for at := 0; at < len(block); {
		length, distance := d.find(block, at)
		if length > 0 && length < 32 {
			if next, _ := d.find(block, at+1); next > length {
				length = 0
			}
		}
		if length == 0 {
			d.tokens = append(d.tokens, deflated{value: uint16(block[at])})
			d.symbol[block[at]]++
			length = 1
		} else {
			d.tokens = append(d.tokens, deflated{uint16(length), uint16(distance)})
			s, _, _ := lengthCode(length)
			f, _, _ := distanceCode(distance)
			d.symbol[s]++
			d.far[f]++
		}
		for range length {
			if at+deflateMin <= len(block) {
				h := hash3(block[at:])
				d.prev[at] = d.heads[h]
				d.heads[h] = uint16(at + 1)
			}
			at++
		}
	}
	d.symbol[endOfBlock]++
}

func hash3(p []byte) uint32 {
	return (uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])) * 0x9e3779b1 >> 19
}

// find looks for the longest match with what was remembered before at.
func (d *deflater) find(block []byte, at int) (length, distance int) {
	most := min(deflateMax, len(block)-at)
	if most < deflateMin {
		return 0, 0
	}
	length = deflateMin - 1
	next := int(d.heads[hash3(block[at:])])
	for tries := chainLength; next > 0 && tries > 0; tries-- {
		from := next - 1
		if block[from+length] == block[at+length] {
			n := 0
			for n < most && block[from+n] == block[at+n] {
				n++
			}
			if n > length && (n > deflateMin || at-from < 4096) {
				length, distance = n, at-from
				if n == most {
					break
				}
			}
		}
		next = int(d.prev[from])
	}
	if distance == 0 {
		return 0, 0
	}
	return length, distance
}

// put writes n bits, the lowest first.
func (d *deflater) put(v, n uint32) {
	d.acc |= uint64(v) << d.n
	d.n += uint(n)
	for d.n >= 8 {
		d.out = append(d.out, byte(d.acc))
		d.acc >>= 8
		d.n -= 8
	}
}

// codes writes the code lengths and then the tokens.
func (d *deflater) codes() {
	var lengths [286 + 30]uint8
	huffman.Lengths(d.symbol[:], lengths[:286], 15)
	huffman.Lengths(d.far[:], lengths[286:], 15)
	order := [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	type item struct{ symbol, extra, n uint32 }
	var items []item
	var frequency [19]uint32
	for i := 0; i < len(lengths); {
		run := 1
		for i+run < len(lengths) && lengths[i+run] == lengths[i] && run < 138 {
			run++
		}
		it := item{symbol: uint32(lengths[i])}
		switch {
		case lengths[i] == 0 && run >= 11:
			it = item{18, uint32(run - 11), 7}
		case lengths[i] == 0 && run >= 3:
			it = item{17, uint32(run - 3), 3}
		case i > 0 && lengths[i] == lengths[i-1] && run >= 3:
			run = min(run, 6)
			it = item{16, uint32(run - 3), 2}
		default:
			run = 1
		}
		frequency[it.symbol]++
		items = append(items, it)
		i += run
	}
	var pre [19]uint8
	huffman.Lengths(frequency[:], pre[:], 7)
	preCodes := reversed(pre[:])
	d.put(286-257, 5)
	d.put(30-1, 5)
	d.put(19-4, 4)
	for _, s := range order {
		d.put(uint32(pre[s]), 3)
	}
	for _, it := range items {
		d.put(preCodes[it.symbol], uint32(pre[it.symbol]))
		d.put(it.extra, it.n)
	}
	symbolCodes, farCodes := reversed(lengths[:286]), reversed(lengths[286:])
	for _, t := range d.tokens {
		if t.distance == 0 {
			d.put(symbolCodes[t.value], uint32(lengths[t.value]))
			continue
		}
		s, extra, n := lengthCode(int(t.value))
		d.put(symbolCodes[s], uint32(lengths[s]))
		d.put(extra, n)
		s, extra, n = distanceCode(int(t.distance))
		d.put(farCodes[s], uint32(lengths[286+s]))
		d.put(extra, n)
	}
	d.put(symbolCodes[endOfBlock], uint32(lengths[endOfBlock]))
	d.put(0, uint32(7-(d.n+7)%8)) // to a whole byte
}

// reversed gives the codes with their first bit lowest, as deflate has them.
func reversed(lengths []uint8) []uint32 {
	out := make([]uint32, len(lengths))
	for i, c := range huffman.Codes(lengths) {
		out[i] = uint32(bits.Reverse16(c) >> (16 - lengths[i]))
	}
	return out
}
