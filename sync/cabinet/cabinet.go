package cabinet

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Errors that callers tell apart. What is returned wraps one of them with what
// was being read.
var (
	// ErrNotCabinet says that the content is no cabinet at all.
	ErrNotCabinet = errors.New("this is not a cabinet")
	// ErrDamaged says that a cabinet contradicts itself or was cut off.
	ErrDamaged = errors.New("the cabinet is damaged")
	// ErrUnsupported says that the cabinet may be sound but is not read here.
	ErrUnsupported = errors.New("this kind of cabinet is not supported")
	// ErrLimit says that the cabinet holds more than the limits allow.
	ErrLimit = errors.New("the cabinet is larger than allowed")
	// ErrStop ends a Walk early, without an error, when visit returns it.
	ErrStop = errors.New("stop walking the cabinet")
)

// Compression is how a folder is packed. The values are the format's own.
type Compression uint8

// The methods of the format. Quantum is known by name only.
const (
	Stored  Compression = 0
	MSZIP   Compression = 1
	Quantum Compression = 2
	LZX     Compression = 3
)

// String names the method as Microsoft's tools do.
func (c Compression) String() string {
	switch c {
	case Stored:
		return "stored"
	case MSZIP:
		return "MSZIP"
	case Quantum:
		return "Quantum"
	case LZX:
		return "LZX"
	}
	return fmt.Sprintf("method %d", uint8(c))
}

// Limits bound what a cabinet may make its reader do. A zero field means the
// default, which every honest catalogue fits in.
type Limits struct {
	Files   int   // files in the directory; 65,535, the format's own limit
	Folders int   // folders; 65,535, the format's own limit
	Member  int64 // unpacked size of one file; 2 GiB, the format's own limit
	Total   int64 // unpacked size of all folders together; 16 GiB
}

// DefaultLimits are those that zero Limits mean.
var DefaultLimits = Limits{Files: 65535, Folders: 65535, Member: 2 << 30, Total: 16 << 30}

// Cabinet is the directory of one opened cabinet.
type Cabinet struct {
	// Reserve is the area that the header keeps for applications: 6,144 zero
	// bytes in WSUS's exports, 20 bytes that point at the signature in a signed
	// cabinet; nil when there is none.
	Reserve []byte
	// Set is the number by which the cabinet's maker knows it.
	Set uint16

	r             io.ReaderAt
	size          int64 // of the cabinet itself, as its header says; a signature follows
	folders       []folder
	files         []*File
	signature     int64 // where the signature begins, 0 when there is none
	signatureSize int64
}

// Folder is one packed stream.
type Folder struct {
	Compression Compression
	Window      int   // of LZX: 15 to 21, the logarithm of how far back matches reach; 0 otherwise
	Blocks      int   // of at most 32 KiB unpacked each
	Files       int   // that lie in it
	Size        int64 // unpacked, as far as files reach
}

// File is one entry of the directory.
type File struct {
	Name       string // '/' between its parts, safe to show; compare it, never use it as a path
	Size       int64
	Folder     int
	Offset     int64     // in the folder's stream
	Modified   time.Time // local time of whoever made the cabinet, given as UTC; zero when it is no date
	Attributes uint16    // of MS-DOS
}

// Folders lists the folders.
func (c *Cabinet) Folders() []Folder {
	out := make([]Folder, len(c.folders))
	for i := range c.folders {
		out[i] = c.folders[i].Folder
	}
	return out
}

// Files lists the files in the order of the directory, which is the order in
// which they are stored. The files are the Cabinet's own: do not change them.
func (c *Cabinet) Files() []*File { return c.files }

// Size is the length of the cabinet itself, without a signature behind it.
func (c *Cabinet) Size() int64 { return c.size }

// Signed says whether the header points at a signature behind the cabinet. It
// does not say whether that is a good one: see package authenticode.
func (c *Cabinet) Signed() bool { return c.signature != 0 }

// Signature is where the signature that the header points at begins and how long
// it is; zeros when there is none.
func (c *Cabinet) Signature() (offset, size int64) { return c.signature, c.signatureSize }

// Find gives the file of this name, nil when there is none. As on Windows,
// upper and lower case are the same unless both spellings exist.
func (c *Cabinet) Find(name string) *File {
	name = cleanName(name)
	var found *File
	for _, f := range c.files {
		if f.Name == name {
			return f
		}
		if found == nil && strings.EqualFold(f.Name, name) {
			found = f
		}
	}
	return found
}
