package lzx

import "errors"

var errIncomplete = errors.New("a code is incomplete or contradicts itself")

// fastBits is how many bits the fast tables look at: codes that are not longer
// are decoded by one look, the rare longer ones by comparing.
const fastBits = 12

// code decodes one canonical Huffman code.
type code struct {
	fast   [1 << fastBits]uint16 // symbol<<4 | length; 0 where the code is longer
	sorted [mainSymbols]uint16   // symbols in the order of their codes
	first  [longestCode + 1]uint32
	limit  [longestCode + 1]uint32 // codes below it, aligned to 16 bits, are of this length or less
	index  [longestCode + 1]int
	empty  bool
}

// build makes the tables from the lengths of the codes. A code must use up all
// there is, or not exist.
func (c *code) build(lengths []uint8) error {
	var count [longestCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	c.empty = count[0] == len(lengths)
	if c.empty {
		clear(c.fast[:])
		c.limit = [longestCode + 1]uint32{}
		return nil
	}
	next, used := uint32(0), 0
	var place [longestCode + 1]int
	for n := 1; n <= longestCode; n++ {
		c.first[n], c.index[n], place[n] = next, used, used
		next += uint32(count[n]) << (longestCode - n)
		used += count[n]
		c.limit[n] = next
	}
	if next != 1<<longestCode {
		return errIncomplete
	}
	for symbol, n := range lengths {
		if n > 0 {
			c.sorted[place[n]] = uint16(symbol)
			place[n]++
		}
	}
	at, i := 0, 0
	for n := 1; n <= fastBits; n++ {
		width := 1 << (fastBits - n)
		for range count[n] {
			entry := c.sorted[i]<<4 | uint16(n)
			span := c.fast[at : at+width]
			for k := range span {
				span[k] = entry
			}
			at += width
			i++
		}
	}
	clear(c.fast[at:])
	return nil
}

// long decodes a code longer than fastBits from the next 16 bits. An empty code
// has length 0.
func (c *code) long(next uint32) (symbol, length int) {
	for n := fastBits + 1; n <= longestCode; n++ {
		if next < c.limit[n] {
			return int(c.sorted[c.index[n]+int((next-c.first[n])>>(longestCode-n))]), n
		}
	}
	return 0, 0
}
