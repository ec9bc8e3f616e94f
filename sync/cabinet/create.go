package cabinet

import (
	"io"
	"time"

	"fettle/sync/cabinet/lzx"
)

// Entry is a file to be written.
type Entry struct {
	Name       string // '/' or '\' between its parts
	Modified   time.Time
	Attributes uint16 // 0 means 0x20, "archive", as every tool writes
	Open       func() (io.ReadCloser, error)
}

// Options say how a cabinet is written. The zero value stores.
type Options struct {
	Compression Compression
	Window      int          // of LZX: 15 to 21; 0 means 21
	LZX         lzx.Settings // how hard LZX tries; which blocks it makes
	Reserve     int          // zero bytes kept in the header; WSUS's exports have 6,144
	Set         uint16       // the cabinet's number
	Unchecked   bool         // leave the checksums of blocks out, as some writers do

	// Progress is told after each block how many bytes have gone in. The error
	// that it returns ends Create: this is how writing is cancelled.
	Progress func(bytes int64) error
}
