package cabinet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"fettle/sync/cabinet/lzx"
)

// stream gives the unpacked blocks of one folder, in their order.
type stream struct {
	f      *folder
	number int // of the folder, for messages
	in     *bufio.Reader
	block  int // read so far
	packed []byte
	unpack func(packed []byte, size int) ([]byte, error)
}

func (c *Cabinet) stream(number int) (*stream, error) {
	f := &c.folders[number]
	s := &stream{
		f:      f,
		number: number,
		in:     bufio.NewReaderSize(io.NewSectionReader(c.r, f.start, c.size-f.start), 128<<10),
		packed: make([]byte, maximumBlock),
	}
	switch f.Compression {
	case Stored:
		s.unpack = unpackStored
	case MSZIP:
		s.unpack = new(inflater).unpack
	case LZX:
		d, err := lzx.NewDecoder(f.Window)
		if err != nil {
			return nil, err
		}
		s.unpack = d.Decode
	}
	return s, nil
}

// next unpacks one block. What it gives is valid until the next call. After the
// last block it gives io.EOF.
func (s *stream) next() ([]byte, error) {
	if s.block == s.f.Blocks {
		return nil, io.EOF
	}
	var head [blockHeader]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return nil, s.failed(err)
	}
	n, size := int(binary.LittleEndian.Uint16(head[4:])), int(binary.LittleEndian.Uint16(head[6:]))
	if err := checkSizes(s.f.Compression, n, size); err != nil {
		return nil, s.failed(err)
	}
	if _, err := s.in.Discard(s.f.skip); err != nil {
		return nil, s.failed(err)
	}
	packed := s.packed[:n]
	if _, err := io.ReadFull(s.in, packed); err != nil {
		return nil, s.failed(err)
	}
	if err := verify(head, packed); err != nil {
		return nil, s.failed(err)
	}
	out, err := s.unpack(packed, size)
	if err != nil {
		return nil, s.failed(damaged{err})
	}
	s.block++
	return out, nil
}

// failed says where reading a folder failed. Everything but an error of the
// reader beneath is damage.
func (s *stream) failed(err error) error {
	where := fmt.Sprintf("reading block %d of %d of folder %d", s.block+1, s.f.Blocks, s.number+1)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: %w: the cabinet ends in it", where, ErrDamaged)
	default:
		return fmt.Errorf("%s: %w", where, err)
	}
}

// damaged marks an error as one about the content.
type damaged struct{ error }

func (d damaged) Error() string        { return ErrDamaged.Error() + ": " + d.error.Error() }
func (d damaged) Unwrap() error        { return d.error }
func (d damaged) Is(target error) bool { return target == ErrDamaged }

// checkSizes holds the two lengths of a block's header to what the format
// allows.
func checkSizes(method Compression, packed, size int) error {
	switch {
	case size == 0:
		return fmt.Errorf("%w: the block goes on in another cabinet of a set", ErrUnsupported)
	case size > blockSize:
		return damaged{fmt.Errorf("it claims to unpack to %d bytes, more than %d", size, blockSize)}
	case packed == 0 || packed > maximumBlock:
		return damaged{fmt.Errorf("it claims to have %d bytes", packed)}
	case method == Stored && packed != size:
		return damaged{fmt.Errorf("it is stored, but has %d bytes for %d", packed, size)}
	}
	return nil
}

// verify checks a block against the checksum in its header; 0 means that there
// is none.
func verify(head [blockHeader]byte, packed []byte) error {
	want := binary.LittleEndian.Uint32(head[:])
	if want == 0 {
		return nil
	}
	if got := checksum(packed, binary.LittleEndian.Uint32(head[4:])); got != want {
		return damaged{errors.New("its checksum is wrong; copy the cabinet again")}
	}
	return nil
}

// checksum is the XOR of the 32-bit words. The one to three bytes that are left
// over are packed the other way round (offline-catalogues B.2).
func checksum(p []byte, seed uint32) uint32 {
	var wide uint64
	for ; len(p) >= 8; p = p[8:] {
		wide ^= binary.LittleEndian.Uint64(p)
	}
	sum := seed ^ uint32(wide) ^ uint32(wide>>32)
	if len(p) >= 4 {
		sum ^= binary.LittleEndian.Uint32(p)
		p = p[4:]
	}
	switch len(p) {
	case 3:
		sum ^= uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
	case 2:
		sum ^= uint32(p[0])<<8 | uint32(p[1])
	case 1:
		sum ^= uint32(p[0])
	}
	return sum
}

func unpackStored(packed []byte, _ int) ([]byte, error) { return packed, nil }
