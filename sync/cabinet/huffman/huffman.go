// Package huffman makes the codes that the packers of cabinets write: canonical,
// no longer than allowed, and complete, since the decoders of LZX and of MSZIP
// take no others. The same frequencies always give the same codes.
package huffman

import (
	"cmp"
	"slices"
)

// Longest is the longest code that any format here has.
const Longest = 16

// Lengths gives each symbol that occurs the length of its Huffman code, at
// most longest. A code of one symbol gets a second one, since decoders take only
// complete codes; what never occurs gets none.
func Lengths(frequency []uint32, lengths []uint8, longest int) {
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

// Codes gives the canonical codes of these lengths.
func Codes(lengths []uint8) []uint16 {
	var count [Longest + 1]int
	for _, n := range lengths {
		count[n]++
	}
	var next [Longest + 2]uint32
	for n := 1; n <= Longest; n++ {
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
