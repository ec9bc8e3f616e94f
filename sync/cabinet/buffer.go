package cabinet

import (
	"bytes"
	"errors"
	"io"
)

// Buffer is a cabinet in memory: what Create writes to when the cabinet goes
// into another one or over a network, and what Open can read from again. The
// zero value is empty. It is not safe for concurrent writing.
type Buffer struct {
	data []byte
	at   int
}

// Write writes at the place that Seek went to.
func (b *Buffer) Write(p []byte) (int, error) {
	n := copy(b.data[b.at:], p)
	b.data = append(b.data, p[n:]...)
	b.at += len(p)
	return len(p), nil
}

// Seek goes to a place within what was written.
func (b *Buffer) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += int64(b.at)
	case io.SeekEnd:
		offset += int64(len(b.data))
	}
	if offset < 0 || offset > int64(len(b.data)) {
		return 0, errors.New("seeking in a buffer: beyond its ends")
	}
	b.at = int(offset)
	return offset, nil
}

// ReadAt reads what was written.
func (b *Buffer) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(b.data).ReadAt(p, off)
}

// Bytes gives what was written; it is valid until the next Write.
func (b *Buffer) Bytes() []byte { return b.data }

// Size is how many bytes were written.
func (b *Buffer) Size() int64 { return int64(len(b.data)) }

// Reset makes the buffer empty, and keeps its room.
func (b *Buffer) Reset() { b.data, b.at = b.data[:0], 0 }
