package store

// chunk is how many elements a vector copies when one of them changes.
const chunk = 128

// vector is an immutable sequence with cheap changes: set copies one chunk and
// the table of chunks. Snapshots share the rest.
type vector[T any] struct {
	chunks [][]T
	n      int
}

func (v vector[T]) len() int { return v.n }

// at gives element i, or the zero value beyond the end.
func (v vector[T]) at(i uint32) (zero T) {
	if int(i) >= v.n {
		return zero
	}
	return v.chunks[i/chunk][i%chunk]
}

// edit is a vector that is being changed. Chunks are copied once per edit.
type edit[T any] struct {
	vector[T]
	own   map[int]bool
	table bool
}

func (v vector[T]) edit() *edit[T] { return &edit[T]{vector: v, own: map[int]bool{}} }

// set changes element i and grows the vector as needed.
func (e *edit[T]) set(i uint32, x T) {
	if !e.table {
		e.chunks, e.table = append([][]T(nil), e.chunks...), true
	}
	for int(i)/chunk >= len(e.chunks) {
		e.own[len(e.chunks)] = true
		e.chunks = append(e.chunks, make([]T, chunk))
	}
	c := int(i) / chunk
	if !e.own[c] {
		e.chunks[c], e.own[c] = append([]T(nil), e.chunks[c]...), true
	}
	e.chunks[c][i%chunk] = x
	e.n = max(e.n, int(i)+1)
}

// all goes through the elements in order.
func (v vector[T]) all(yield func(uint32, T) bool) {
	for i := range v.n {
		if !yield(uint32(i), v.chunks[i/chunk][i%chunk]) {
			return
		}
	}
}

// same says whether two vectors are the same one: equal addresses, since a
// change makes a table of its own.
func (v vector[T]) same(o vector[T]) bool {
	return v.n == o.n && len(v.chunks) == len(o.chunks) && (len(v.chunks) == 0 || &v.chunks[0] == &o.chunks[0])
}

// changes goes through the elements that may differ in a later vector, as they
// are in this one. Chunks that both share are passed over.
func (v vector[T]) changes(later vector[T]) func(func(uint32, T) bool) {
	return func(yield func(uint32, T) bool) {
		for c := range max(len(v.chunks), len(later.chunks)) {
			if c < len(v.chunks) && c < len(later.chunks) && &v.chunks[c][0] == &later.chunks[c][0] {
				continue
			}
			for i := range uint32(chunk) {
				n := uint32(c)*chunk + i
				if !yield(n, v.at(n)) {
					return
				}
			}
		}
	}
}
