package cabinet

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Walk goes through a folder once and calls visit for each of its files, in the
// order in which they are stored. The reader is valid until visit returns; what
// visit does not read is unpacked and checked all the same, and skipped. An
// error of visit ends the walk and is returned as it is, but ErrStop ends it
// without one. The context is asked before each block of 32 KiB.
//
// Blocks behind the last file belong to nobody and are not looked at.
func (c *Cabinet) Walk(ctx context.Context, folder int, visit func(f *File, r io.Reader) error) error {
	if folder < 0 || folder >= len(c.folders) {
		return fmt.Errorf("walking folder %d of a cabinet: it has %d", folder+1, len(c.folders))
	}
	if len(c.folders[folder].files) == 0 {
		return ctx.Err()
	}
	s, err := c.stream(folder)
	if err != nil {
		return err
	}
	m := &member{ctx: ctx, s: s}
	for _, f := range c.folders[folder].files {
		if err := m.seek(f); err != nil {
			return err
		}
		if err := visit(f, m); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
		if err := m.skip(m.left); err != nil {
			return err
		}
	}
	return nil
}

// Open unpacks one file. In a packed folder everything before it is unpacked
// too; to read several files, Walk. Nothing is held that Close would have to
// give back, but a reader that is closed reads no more.
func (c *Cabinet) Open(f *File) (io.ReadCloser, error) {
	if at, ok := c.ReaderAt(f); ok {
		return &closing{Reader: io.NewSectionReader(at, 0, f.Size)}, nil
	}
	if err := c.owns(f); err != nil {
		return nil, err
	}
	s, err := c.stream(f.Folder)
	if err != nil {
		return nil, err
	}
	m := &member{ctx: context.Background(), s: s}
	if err := m.seek(f); err != nil {
		return nil, err
	}
	return &closing{Reader: m}, nil
}

// owns refuses files of other cabinets and of the caller's own making, whose
// place nothing vouches for.
func (c *Cabinet) owns(f *File) error {
	if f == nil || f.Folder < 0 || f.Folder >= len(c.folders) || f.Offset < 0 || f.Size < 0 || f.Offset+f.Size > c.folders[f.Folder].end {
		return errors.New("opening a file of a cabinet: it does not belong to this cabinet")
	}
	return nil
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Read(p []byte) (int, error) {
	if c.closed {
		return 0, io.ErrClosedPipe
	}
	return c.Reader.Read(p)
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// member reads one file out of a folder's stream, and then the next.
type member struct {
	ctx  context.Context
	s    *stream
	rest []byte // of the block, not yet given
	at   int64  // in the folder's stream
	left int64  // of the file
	err  error
}

// seek goes forward to the beginning of a file.
func (m *member) seek(f *File) error {
	if err := m.skip(f.Offset - m.at); err != nil {
		return fmt.Errorf("reaching %q: %w", f.Name, err)
	}
	m.left = f.Size
	return nil
}

// fill makes sure that there is something to give. The directory promised more
// than there is when the blocks end here.
func (m *member) fill() error {
	for len(m.rest) == 0 && m.err == nil {
		if m.err = m.ctx.Err(); m.err != nil {
			break
		}
		m.rest, m.err = m.s.next()
		if errors.Is(m.err, io.EOF) {
			m.err = fmt.Errorf("reading folder %d: %w: its blocks end before its files do", m.s.number+1, ErrDamaged)
		}
	}
	return m.err
}

func (m *member) take(n int64) []byte {
	n = min(n, int64(len(m.rest)))
	p := m.rest[:n]
	m.rest = m.rest[n:]
	m.at += n
	return p
}

func (m *member) skip(n int64) error {
	for n > 0 {
		if err := m.fill(); err != nil {
			return err
		}
		n -= int64(len(m.take(n)))
	}
	m.left = 0
	return nil
}

func (m *member) Read(p []byte) (int, error) {
	if m.left == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := m.fill(); err != nil {
		return 0, err
	}
	n := copy(p, m.take(min(m.left, int64(len(p)))))
	m.left -= int64(n)
	return n, nil
}

// WriteTo spares io.Copy its buffer.
func (m *member) WriteTo(w io.Writer) (int64, error) {
	written := int64(0)
	for m.left > 0 {
		if err := m.fill(); err != nil {
			return written, err
		}
		p := m.take(m.left)
		m.left -= int64(len(p))
		n, err := w.Write(p)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
