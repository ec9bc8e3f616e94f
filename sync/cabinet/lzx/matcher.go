package lzx

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashBits = 17
	nearBits = 14
	hashed   = 8   // bytes that must be there: the chains are made by five, read as eight
	enough   = 160 // a match so long ends the search
	good     = 24  // and with a match so long, fewer places are looked at
)

// matcher finds earlier occurrences of what stands at a place. Places are
// counted from the beginning of the stream, which has at most 2 GiB, so nothing
// moves when the buffer does.
type matcher struct {
	heads  [1 << hashBits]uint32 // the last place and 1, by the next five bytes
	near   [1 << nearBits]uint32 // and by the next three: shorter matches pay off only nearby
	prev   []uint32              // the place before, by place within the window
	mask   int
	effort int
}

func hash5(v uint64) uint64 { return v << 24 * 0x9e3779b97f4a7c15 >> (64 - hashBits) }
func hash3(v uint64) uint32 { return uint32(v) << 8 * 0x9e3779b1 >> (32 - nearBits) }

// insert remembers the place, whose bytes are p.
func (m *matcher) insert(place int, p []byte) {
	if len(p) < hashed {
		return
	}
	v := binary.LittleEndian.Uint64(p)
	h := hash5(v)
	m.prev[place&m.mask] = m.heads[h]
	m.heads[h] = uint32(place + 1)
	m.near[hash3(v)] = uint32(place + 1)
}

// match is a candidate. Its gain is an estimate of the bits that it saves.
type match struct {
	length, distance int
	gain             int
}

// What things cost, in bits, before a block's codes are known.
const (
	literalCost  = 6
	repeatedCost = 9
	matchCost    = 13
)

func gain(length, distance int) int {
	return length*literalCost - matchCost - offsetBits(distance)
}

// offsetBits is how many bits follow the position slot of a distance.
func offsetBits(distance int) int {
	n := bits.Len32(uint32(distance+2)) - 2
	return min(max(n, 0), 17)
}

// common counts how many bytes are the same in a and b, up to the length of b.
// a is at least as long.
func common(a, b []byte) int {
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// find looks for the match with the largest gain at buffer[at:end] and then
// remembers the place, which is base+at.
func (m *matcher) find(buffer []byte, base, at, end, reach int, last [3]int) match {
	var best match
	target := buffer[at:min(end, at+maxMatch)]
	place := base + at
	reach = min(reach, place)
	for i, distance := range last {
		if distance > reach || len(target) < minMatch {
			continue
		}
		if n := common(buffer[at-distance:], target); n >= minMatch {
			if g := n*literalCost - repeatedCost - i; g > best.gain {
				best = match{n, distance, g}
			}
		}
	}
	if len(buffer)-at < hashed {
		return best
	}
	v := binary.LittleEndian.Uint64(buffer[at:])
	h, h3 := hash5(v), hash3(v)
	if best.length < enough && len(target) >= 3 {
		if d := place + 1 - int(m.near[h3]); d <= min(reach, 1<<14) && m.near[h3] != 0 {
			if n := common(buffer[at-d:], target); n >= 3 {
				if g := gain(n, d); g > best.gain {
					best = match{n, d, g}
				}
			}
		}
		longest := max(best.length, 4)
		next := m.heads[h]
		tries := m.effort
		if best.length >= good {
			tries = (tries + 3) / 4
		}
		for ; next != 0 && tries > 0; tries-- {
			distance := place + 1 - int(next)
			if distance > reach || longest >= len(target) {
				break
			}
			from := buffer[at-distance:]
			if from[longest] == target[longest] && binary.LittleEndian.Uint32(from) == uint32(v) {
				if n := common(from, target); n > longest {
					longest = n
					if g := gain(n, distance); g > best.gain {
						best = match{n, distance, g}
					}
					if n >= enough {
						break
					}
				}
			}
			next = m.prev[(int(next)-1)&m.mask]
		}
	}
	m.prev[place&m.mask] = m.heads[h]
	m.heads[h] = uint32(place + 1)
	m.near[h3] = uint32(place + 1)
	return best
}
