package store

// A vector is a tree of two levels: pages of chunks of elements. A change copies
// one of each and the table of pages.
const (
	chunkSize = 32 // elements of a chunk
	pageSize  = 64 // chunks of a page
	pageSpan  = chunkSize * pageSize
)

type (
	chunk[T any] [chunkSize]T
	page[T any]  [pageSize]*chunk[T]
)

// vector is an immutable sequence with cheap changes: what a change does not
// touch is shared with the vectors before it.
type vector[T any] struct {
	pages []*page[T]
	n     int
}

func (v vector[T]) len() int { return v.n }

// at gives element i, or the zero value beyond the end.
func (v vector[T]) at(i uint32) (zero T) {
	if int(i) >= v.n {
		return zero
	}
	return v.pages[i/pageSpan][i/chunkSize%pageSize][i%chunkSize]
}

// edit is a vector that is being changed. Pages and chunks are copied once per
// edit: those that differ from the ones of base are the edit's own.
type edit[T any] struct {
	vector[T]
	base  []*page[T]
	table bool
}

func (v vector[T]) edit() *edit[T] { return &edit[T]{vector: v, base: v.pages} }

// set changes element i and grows the vector as needed.
func (e *edit[T]) set(i uint32, x T) {
	if !e.table {
		e.pages, e.table = append([]*page[T](nil), e.pages...), true
	}
	for int(i) >= len(e.pages)*pageSpan {
		e.pages = append(e.pages, new(page[T]))
	}
	// Whoever reads goes as far as n, so everything below it needs its chunk.
	for at := e.n / chunkSize; at < int(i)/chunkSize; at++ {
		e.own(at/pageSize, at%pageSize)
	}
	p, c := int(i)/pageSpan, int(i)/chunkSize%pageSize
	e.own(p, c)
	e.pages[p][c][i%chunkSize] = x
	e.n = max(e.n, int(i)+1)
}

// own makes a chunk, and the page that it is in, the edit's own.
func (e *edit[T]) own(p, c int) {
	var shared *chunk[T]
	if p < len(e.base) {
		if e.pages[p] == e.base[p] {
			own := *e.base[p]
			e.pages[p] = &own
		}
		shared = e.base[p][c]
	}
	switch mine := e.pages[p][c]; mine {
	case nil:
		e.pages[p][c] = new(chunk[T])
	case shared:
		own := *mine
		e.pages[p][c] = &own
	}
}

// all goes through the elements in order.
func (v vector[T]) all(yield func(uint32, T) bool) {
	for first := 0; first < v.n; first += chunkSize {
		for i, x := range v.pages[first/pageSpan][first/chunkSize%pageSize][:min(chunkSize, v.n-first)] {
			if !yield(uint32(first+i), x) {
				return
			}
		}
	}
}

// same says whether two vectors are the same one: equal addresses, since a
// change makes a table of its own.
func (v vector[T]) same(o vector[T]) bool {
	return v.n == o.n && len(v.pages) == len(o.pages) && (len(v.pages) == 0 || &v.pages[0] == &o.pages[0])
}

// changes goes through the elements that may differ in a later vector, as they
// are in this one. What both share is passed over.
func (v vector[T]) changes(later vector[T]) func(func(uint32, T) bool) {
	pageOf := func(v vector[T], p int) *page[T] {
		if p < len(v.pages) {
			return v.pages[p]
		}
		return nil
	}
	return func(yield func(uint32, T) bool) {
		for p := range max(len(v.pages), len(later.pages)) {
			mine, theirs := pageOf(v, p), pageOf(later, p)
			if mine == theirs {
				continue
			}
			for c := range pageSize {
				if mine != nil && theirs != nil && mine[c] == theirs[c] {
					continue
				}
				for i := range uint32(chunkSize) {
					n := uint32(p)*pageSpan + uint32(c)*chunkSize + i
					if int(n) >= max(v.n, later.n) {
						return
					}
					if !yield(n, v.at(n)) {
						return
					}
				}
			}
		}
	}
}
