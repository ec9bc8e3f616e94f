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
