package lzx

import (
	"cmp"
	"slices"
)

// writer puts bits into 16-bit words, the first bit highest.
type writer struct {
	bytes []byte
	acc   uint64
	n     uint
}

// put writes the low n bits of v, which has no others; n is at most 32.
func (w *writer) put(v uint32, n uint) {
	w.acc = w.acc<<n | uint64(v)
	w.n += n
	for w.n >= 16 {
		w.n -= 16
		v := uint16(w.acc >> w.n)
		w.bytes = append(w.bytes, byte(v), byte(v>>8))
	}
}

// align fills the word that was begun.
func (w *writer) align() {
	if w.n > 0 {
		w.put(0, 16-w.n)
	}
}

// word fills the word, or writes a whole one when none was begun.
func (w *writer) word() { w.put(0, 16-w.n) }

// raw writes bytes; the writer must be aligned.
func (w *writer) raw(p []byte) { w.bytes = append(w.bytes, p...) }

// lengths writes code lengths as differences from those of the block before,
// with runs shortened, in a code of their own.
func (w *writer) lengths(before, lengths []uint8) {
	type item struct{ symbol, extra, bits, then uint8 }
	var items []item
	var frequency [preSymbols]uint32
	delta := func(i int) uint8 { return uint8((int(before[i]) - int(lengths[i]) + 17) % 17) }
	for i := 0; i < len(lengths); {
		run := 1
		for i+run < len(lengths) && lengths[i+run] == lengths[i] {
			run++
		}
		it := item{symbol: delta(i)}
		switch {
		case lengths[i] == 0 && run >= 20:
			run = min(run, 51)
			it = item{symbol: 18, extra: uint8(run - 20), bits: 5}
		case lengths[i] == 0 && run >= 4:
			run = min(run, 19)
			it = item{symbol: 17, extra: uint8(run - 4), bits: 4}
		case run >= 4:
			run = min(run, 5)
			it = item{symbol: 19, extra: uint8(run - 4), bits: 1, then: delta(i)}
			frequency[it.then]++
		default:
			run = 1
		}
		frequency[it.symbol]++
		items = append(items, it)
		i += run
	}
	var pre [preSymbols]uint8
	codeLengths(frequency[:], pre[:], 15)
	for _, n := range pre {
		w.put(uint32(n), 4)
	}
	c := codes(pre[:])
	for _, it := range items {
		w.put(uint32(c[it.symbol]), uint(pre[it.symbol]))
		w.put(uint32(it.extra), uint(it.bits))
		if it.symbol == 19 {
			w.put(uint32(c[it.then]), uint(pre[it.then]))
		}
	}
}

// codeLengths gives each symbol that occurs the length of its Huffman code, at
// most longest. A code of one symbol gets a second one, since decoders take only
// complete codes; what never occurs gets none.
func codeLengths(frequency []uint32, lengths []uint8, longest int) {
	clear(lengths)
	type node struct {
		weight      uint64
		left, right int // numbers of nodes; of leaves, left is -1 and right the symbol
	}
	var leaves []node
	for s, n := range frequency {
		if n > 0 {
			leaves = append(leaves, node{uint64(n), -1, s})
		}
	}
	if len(leaves) == 0 {
		return
	}
	if len(leaves) == 1 {
		s := leaves[0].right
		lengths[s] = 1
		lengths[(s+1)%len(frequency)] = 1
		return
	}
	for {
		slices.SortStableFunc(leaves, func(a, b node) int { return cmp.Compare(a.weight, b.weight) })
		// Two queues: leaves by weight, and joined nodes, which come by weight.
		nodes := append(make([]node, 0, 2*len(leaves)), leaves...)
		leaf, joined := 0, len(leaves)
		take := func() int {
			if leaf < len(leaves) && (joined == len(nodes) || nodes[leaf].weight <= nodes[joined].weight) {
				leaf++
				return leaf - 1
			}
			joined++
			return joined - 1
		}
		for len(nodes) < 2*len(leaves)-1 {
			a, b := take(), take()
			nodes = append(nodes, node{nodes[a].weight + nodes[b].weight, a, b})
		}
		depth := make([]int, len(nodes))
		deepest := 0
		for i := len(nodes) - 1; i >= 0; i-- {
			if nodes[i].left >= 0 {
				depth[nodes[i].left], depth[nodes[i].right] = depth[i]+1, depth[i]+1
			} else {
				lengths[nodes[i].right] = uint8(depth[i])
				deepest = max(deepest, depth[i])
			}
		}
		if deepest <= longest {
			return
		}
		// Too deep: bring the weights closer together and try again.
		for i := range leaves {
			leaves[i].weight = leaves[i].weight/2 + 1
		}
	}
}

// codes gives the canonical codes of these lengths.
func codes(lengths []uint8) []uint16 {
	var count [longestCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	var next [longestCode + 2]uint32
	for n := 1; n <= longestCode; n++ {
		next[n+1] = (next[n] + uint32(count[n])) << 1
	}
	out := make([]uint16, len(lengths))
	for s, n := range lengths {
		if n > 0 {
			out[s] = uint16(next[n])
			next[n]++
		}
	}
	return out
}
