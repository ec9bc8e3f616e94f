package cabinet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// ReaderAt gives random access to a file of a stored folder, without unpacking
// anything and without a copy of the file: so a cabinet within a cabinet is
// opened. It says false for files of packed folders. Every block that is touched
// is held to its checksum. What it gives may be used by several goroutines.
func (c *Cabinet) ReaderAt(f *File) (io.ReaderAt, bool) {
	if c.owns(f) != nil || c.folders[f.Folder].Compression != Stored {
		return nil, false
	}
	return &stored{c: c, f: f}, true
}

// stored knows where the blocks of a file lie. It finds out when it is first
// asked, since nothing but going through them tells.
type stored struct {
	c *Cabinet
	f *File

	once   sync.Once
	blocks []storedBlock
	err    error
}

// storedBlock is one block that the file lies in.
type storedBlock struct {
	at    int64 // in the cabinet, of its header
	start int64 // of its content, in the folder's stream
	size  int
}

// locate goes through the headers of the folder's blocks. A folder has at most
// 65,535 of them, and only those of the file are kept.
func (s *stored) locate() {
	d := &s.c.folders[s.f.Folder]
	at, start := d.start, int64(0)
	for i := range d.Blocks {
		if start >= s.f.Offset+s.f.Size {
			return
		}
		var head [blockHeader]byte
		if _, err := s.c.r.ReadAt(head[:], at); err != nil && !errors.Is(err, io.EOF) {
			s.err = fmt.Errorf("reading block %d of folder %d: %w", i+1, s.f.Folder+1, err)
			return
		}
		packed, size := int(binary.LittleEndian.Uint16(head[4:])), int(binary.LittleEndian.Uint16(head[6:]))
		next := at + blockHeader + int64(d.skip) + int64(packed)
		if err := checkSizes(Stored, packed, size); err != nil {
			s.err = fmt.Errorf("reading block %d of folder %d: %w", i+1, s.f.Folder+1, err)
			return
		}
		if next > s.c.size {
			s.err = fmt.Errorf("reading block %d of folder %d: %w: the cabinet ends in it", i+1, s.f.Folder+1, ErrDamaged)
			return
		}
		if start+int64(size) > s.f.Offset {
			s.blocks = append(s.blocks, storedBlock{at: at, start: start, size: size})
		}
		at, start = next, start+int64(size)
	}
	if start < s.f.Offset+s.f.Size {
		s.err = fmt.Errorf("reading folder %d: %w: its blocks end before its files do", s.f.Folder+1, ErrDamaged)
	}
}

// scratch holds blocks while their checksums are computed.
var scratch = sync.Pool{New: func() any { return new([blockHeader + blockSize]byte) }}

// ReadAt implements io.ReaderAt.
func (s *stored) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("reading a stored file: negative offset")
	}
	if off >= s.f.Size {
		return 0, io.EOF
	}
	s.once.Do(s.locate)
	if s.err != nil {
		return 0, s.err
	}
	short := int64(len(p)) > s.f.Size-off
	if short {
		p = p[:s.f.Size-off]
	}
	buffer := scratch.Get().(*[blockHeader + blockSize]byte)
	defer scratch.Put(buffer)
	n := 0
	for n < len(p) {
		want := s.f.Offset + off + int64(n)
		i, found := slices.BinarySearchFunc(s.blocks, want, func(b storedBlock, at int64) int {
			switch {
			case b.start > at:
				return 1
			case b.start+int64(b.size) <= at:
				return -1
			}
			return 0
		})
		if !found {
			return n, fmt.Errorf("reading folder %d: %w: its blocks end before its files do", s.f.Folder+1, ErrDamaged)
		}
		content, err := s.read(s.blocks[i], buffer)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], content[want-s.blocks[i].start:])
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

// read gives the content of one block, checked.
func (s *stored) read(b storedBlock, buffer *[blockHeader + blockSize]byte) ([]byte, error) {
	skip := s.c.folders[s.f.Folder].skip
	head, content := buffer[:blockHeader], buffer[blockHeader:blockHeader+b.size]
	if _, err := s.c.r.ReadAt(head, b.at); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading a stored block at byte %d: %w", b.at, err)
	}
	if n, err := s.c.r.ReadAt(content, b.at+blockHeader+int64(skip)); n < len(content) {
		return nil, fmt.Errorf("reading a stored block at byte %d: %w", b.at, err)
	}
	if err := verify([blockHeader]byte(head), content); err != nil {
		return nil, fmt.Errorf("reading a stored block at byte %d: %w", b.at, err)
	}
	return content, nil
}
