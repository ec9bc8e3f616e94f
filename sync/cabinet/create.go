package cabinet

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

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

// What a cabinet can hold.
const (
	maximumBlocks  = 65535
	maximumFiles   = 65535
	maximumFolders = continuation - 1
	maximumReserve = 60000 // as Microsoft's own tools allow
)

// Create writes a cabinet of these folders where w stands, and leaves w at its
// end. Each entry is opened when its turn comes and closed before the next. What
// is unknown until then, the sizes and places, is written over at the end, so w
// holds a cabinet only when Create returns without an error.
func Create(w io.WriteSeeker, o Options, folders ...[]Entry) error {
	p, err := newPacker(w, o, folders)
	if err != nil {
		return fmt.Errorf("writing a cabinet: %w", err)
	}
	for i, entries := range folders {
		if err := p.folder(i, entries); err != nil {
			return fmt.Errorf("writing a cabinet: %w", err)
		}
	}
	if err := p.finish(); err != nil {
		return fmt.Errorf("writing a cabinet: %w", err)
	}
	return nil
}

// packer writes one cabinet.
type packer struct {
	o      Options
	w      io.WriteSeeker
	out    *bufio.Writer
	origin int64 // where the cabinet begins in w
	at     int64 // in the cabinet
	given  int64 // bytes that went in

	folders []packedFolder
	files   []packedFile
	filesAt int
	packed  int // files so far
	current *packedFolder
	pack    blockPacker
}

type packedFolder struct {
	start  int64
	blocks int
}

type packedFile struct {
	name         []byte
	folder       uint16
	date, clock  uint16
	attributes   uint16
	offset, size int64
}

// blockPacker cuts a folder's stream into blocks and packs them.
type blockPacker interface {
	io.Writer
	Close() error
}

func newPacker(w io.WriteSeeker, o Options, folders [][]Entry) (*packer, error) {
	p := &packer{o: o, w: w}
	switch o.Compression {
	case Stored, MSZIP, LZX:
	default:
		return nil, fmt.Errorf("%w: %s is not written", ErrUnsupported, o.Compression)
	}
	if p.o.Window = cmp.Or(o.Window, lzx.MaxWindow); p.o.Window < lzx.MinWindow || p.o.Window > lzx.MaxWindow {
		return nil, fmt.Errorf("LZX has no window of 2^%d bytes", o.Window)
	}
	if o.Reserve < 0 || o.Reserve > maximumReserve {
		return nil, fmt.Errorf("%d bytes cannot be reserved in the header, at most %d", o.Reserve, maximumReserve)
	}
	if len(folders) > maximumFolders {
		return nil, fmt.Errorf("%w: %d folders, more than %d", ErrLimit, len(folders), maximumFolders)
	}
	for i, entries := range folders {
		if len(entries) == 0 {
			return nil, fmt.Errorf("folder %d has no files", i+1)
		}
		for _, e := range entries {
			f, err := newPackedFile(e, i)
			if err != nil {
				return nil, err
			}
			p.files = append(p.files, f)
		}
	}
	if len(p.files) == 0 || len(p.files) > maximumFiles {
		return nil, fmt.Errorf("%w: a cabinet has 1 to %d files, not %d", ErrLimit, maximumFiles, len(p.files))
	}
	p.folders = make([]packedFolder, len(folders))
	var err error
	if p.origin, err = w.Seek(0, io.SeekCurrent); err != nil {
		return nil, err
	}
	directory := p.directory()
	p.at = int64(len(directory))
	p.out = bufio.NewWriterSize(w, 128<<10)
	_, err = p.out.Write(make([]byte, len(directory)))
	return p, err
}

func newPackedFile(e Entry, folder int) (packedFile, error) {
	name := strings.ReplaceAll(e.Name, "/", `\`)
	if name == "" || len(name) > maximumName-1 || strings.ContainsRune(name, 0) || !utf8.ValidString(name) {
		return packedFile{}, fmt.Errorf("%q cannot be the name of a file in a cabinet", e.Name)
	}
	f := packedFile{name: []byte(name), folder: uint16(folder), attributes: cmp.Or(e.Attributes, archived)}
	f.date, f.clock = toDOS(e.Modified)
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		f.attributes |= nameIsUTF8
	} else {
		f.attributes &^= nameIsUTF8
	}
	return f, nil
}

// folder packs the entries of one folder, which are the next in the directory.
func (p *packer) folder(i int, entries []Entry) error {
	p.current = &p.folders[i]
	p.current.start = p.at
	if err := p.begin(); err != nil {
		return err
	}
	offset := int64(0)
	for _, e := range entries {
		f := &p.files[p.packed]
		p.packed++
		f.offset = offset
		if err := p.file(f, e); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		offset += f.size
	}
	return p.pack.Close()
}

func (p *packer) file(f *packedFile, e Entry) (err error) {
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	f.size, err = io.Copy(p.pack, r)
	return err
}

// begin starts the stream of a folder.
func (p *packer) begin() (err error) {
	switch p.o.Compression {
	case LZX:
		p.pack, err = lzx.NewEncoder(p.o.Window, p.o.LZX, p.block)
	case MSZIP:
		d := new(deflater)
		p.pack = &blocks{emit: func(block []byte) error { return p.block(d.deflate(block), len(block)) }}
	default:
		p.pack = &blocks{emit: func(block []byte) error { return p.block(block, len(block)) }}
	}
	return err
}

// block writes one packed block.
func (p *packer) block(packed []byte, size int) error {
	if p.current.blocks++; p.current.blocks > maximumBlocks {
		return fmt.Errorf("%w: a folder, and so a file, has at most %d bytes", ErrLimit, int64(maximumBlocks)*blockSize)
	}
	var head [blockHeader]byte
	binary.LittleEndian.PutUint16(head[4:], uint16(len(packed)))
	binary.LittleEndian.PutUint16(head[6:], uint16(size))
	if !p.o.Unchecked {
		binary.LittleEndian.PutUint32(head[:], checksum(packed, binary.LittleEndian.Uint32(head[4:])))
	}
	if p.at += int64(len(head) + len(packed)); p.at > math.MaxUint32 {
		return fmt.Errorf("%w: a cabinet has at most 4 GiB", ErrLimit)
	}
	if _, err := p.out.Write(head[:]); err != nil {
		return err
	}
	if _, err := p.out.Write(packed); err != nil {
		return err
	}
	p.given += int64(size)
	if p.o.Progress != nil {
		return p.o.Progress(p.given)
	}
	return nil
}

// directory lays out the header and the lists of folders and files with what is
// known by now.
func (p *packer) directory() []byte {
	var b []byte
	flags := uint16(0)
	if p.o.Reserve > 0 {
		flags = flagReserve
	}
	b = append(b, "MSCF\x00\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(p.at))
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(p.filesAt))
	b = append(b, 0, 0, 0, 0, 3, 1) // version 1.3
	b = binary.LittleEndian.AppendUint16(b, uint16(len(p.folders)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(p.files)))
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint16(b, p.o.Set)
	b = append(b, 0, 0)
	if p.o.Reserve > 0 {
		b = binary.LittleEndian.AppendUint16(b, uint16(p.o.Reserve))
		b = append(b, 0, 0)
		b = append(b, make([]byte, p.o.Reserve)...)
	}
	method := uint16(p.o.Compression)
	if p.o.Compression == LZX {
		method |= uint16(p.o.Window) << 8
	}
	for _, f := range p.folders {
		b = binary.LittleEndian.AppendUint32(b, uint32(f.start))
		b = binary.LittleEndian.AppendUint16(b, uint16(f.blocks))
		b = binary.LittleEndian.AppendUint16(b, method)
	}
	p.filesAt = len(b)
	for _, f := range p.files {
		b = binary.LittleEndian.AppendUint32(b, uint32(f.size))
		b = binary.LittleEndian.AppendUint32(b, uint32(f.offset))
		for _, v := range []uint16{f.folder, f.date, f.clock, f.attributes} {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
		b = append(b, f.name...)
		b = append(b, 0)
	}
	return b
}

// finish writes the directory over the room that was kept for it.
func (p *packer) finish() error {
	if err := p.out.Flush(); err != nil {
		return err
	}
	if _, err := p.w.Seek(p.origin, io.SeekStart); err != nil {
		return err
	}
	if _, err := p.w.Write(p.directory()); err != nil {
		return err
	}
	_, err := p.w.Seek(p.origin+p.at, io.SeekStart)
	return err
}

// blocks cuts a stream into blocks.
type blocks struct {
	block []byte
	emit  func(block []byte) error
}

func (b *blocks) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		part := p[n:min(len(p), n+blockSize-len(b.block))]
		b.block = append(b.block, part...)
		n += len(part)
		if len(b.block) == blockSize {
			if err := b.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (b *blocks) flush() error {
	err := b.emit(b.block)
	b.block = b.block[:0]
	return err
}

func (b *blocks) Close() error {
	if len(b.block) == 0 {
		return nil
	}
	return b.flush()
}
