package lzx

import "fettle/sync/cabinet/huffman"

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
	huffman.Lengths(frequency[:], pre[:], 15)
	for _, n := range pre {
		w.put(uint32(n), 4)
	}
	c := huffman.Codes(pre[:])
	for _, it := range items {
		w.put(uint32(c[it.symbol]), uint(pre[it.symbol]))
		w.put(uint32(it.extra), uint(it.bits))
		if it.symbol == 19 {
			w.put(uint32(c[it.then]), uint(pre[it.then]))
		}
	}
}
