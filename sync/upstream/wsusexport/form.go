package wsusexport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"fettle/sync/cabinet"
)

// Form is how a package is written.
type Form uint8

// The forms. Only the cabinet is documented; the others are told by their first
// bytes (offline-catalogues C.2).
const (
	FormCabinet Form = iota
	FormXML          // one XML with the documents in it
	FormRecords      // the records of metadata.txt alone
)

// String names the form as messages do.
func (f Form) String() string {
	return [...]string{"cabinet", "XML", "metadata records"}[min(f, 2)]
}

// ErrNotPackage says that a file is no export of a WSUS server.
var ErrNotPackage = errors.New("this is not a package of wsusutil export")

// maxInnerCabinet bounds a cabinet within a gzip file, which is unpacked in
// memory: cabinets are not read as a stream.
const maxInnerCabinet = 1 << 30

// Sniff says by its first bytes what form a file has; an error that wraps
// ErrNotPackage when it is no package. It reads little: the directory of a
// cabinet, the beginning of anything else.
func Sniff(r io.ReaderAt, size int64) (Form, error) {
	p, err := sniff(r, size, cabinet.Limits{})
	if err != nil {
		return 0, err
	}
	return p.form, nil
}

// pack is an opened package.
type pack struct {
	form    Form
	gzipped bool

	cab      *cabinet.Cabinet
	manifest *cabinet.File
	records  *cabinet.File

	open func() (io.ReadCloser, error) // the text of the other forms
}

// sniff opens a package of whatever form.
func sniff(r io.ReaderAt, size int64, limits cabinet.Limits) (*pack, error) {
	head := make([]byte, 2)
	if n, err := r.ReadAt(head, 0); n < len(head) {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading the package: %w", err)
		}
		return nil, fmt.Errorf("%w: it is empty", ErrNotPackage)
	}
	p := &pack{open: func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(r, 0, size)), nil }}
	if head[0] == 0x1f && head[1] == 0x8b {
		p.gzipped = true
		p.open = func() (io.ReadCloser, error) {
			// Its reader wants single bytes too, and would add a small buffer of its own.
			z, err := gzip.NewReader(bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 256<<10))
			if err != nil {
				return nil, fmt.Errorf("unpacking the gzip file: %w", err)
			}
			return z, nil
		}
	}
	stream, err := p.open()
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	text := bufio.NewReaderSize(stream, 4<<10)
	begin, err := text.Peek(1 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the beginning of the package: %w", err)
	}
	switch {
	case bytes.HasPrefix(begin, []byte("MSCF")):
		p.form = FormCabinet
		if !p.gzipped {
			return p, p.openCabinet(r, size, limits)
		}
		inner, err := io.ReadAll(io.LimitReader(text, maxInnerCabinet+1))
		if err != nil {
			return nil, fmt.Errorf("unpacking the cabinet in the gzip file: %w", err)
		}
		if len(inner) > maxInnerCabinet {
			return nil, fmt.Errorf("the cabinet in the gzip file is longer than %d bytes: unpack it with gunzip and import what comes out", maxInnerCabinet)
		}
		return p, p.openCabinet(bytes.NewReader(inner), int64(len(inner)), limits)
	case isExportXML(begin):
		p.form = FormXML
	case isRecord(begin):
		p.form = FormRecords
	case p.gzipped:
		return nil, fmt.Errorf("%w that is known here: what the gzip file holds is neither a cabinet nor an ExportPackage nor metadata records. "+
			"Make the package as a cabinet on the WSUS server (wsusutil export package.cab export.log) and import that", ErrNotPackage)
	default:
		return nil, ErrNotPackage
	}
	return p, nil
}

// openCabinet finds the two members.
func (p *pack) openCabinet(r io.ReaderAt, size int64, limits cabinet.Limits) error {
	c, err := cabinet.Open(r, size, limits)
	if err != nil {
		return fmt.Errorf("opening the package: %w", err)
	}
	p.cab = c
	var names []string
	for _, f := range c.Files() {
		switch strings.ToLower(path.Base(f.Name)) {
		case "package.xml":
			p.manifest = f
		case "metadata.txt":
			p.records = f
		}
		if len(names) < 5 {
			names = append(names, f.Name)
		}
	}
	switch {
	case p.manifest != nil && p.records != nil:
		return nil
	case c.Find("index.xml") != nil:
		return fmt.Errorf("%w but looks like Microsoft's offline scan catalogue (wsusscn2.cab)", ErrNotPackage)
	}
	return fmt.Errorf("%w: it has no package.xml and metadata.txt, but %s", ErrNotPackage, strings.Join(names, ", "))
}

// isExportXML says whether a text begins as an ExportPackage does. Its element
// must be near: other XML is not read through in search of it.
func isExportXML(b []byte) bool {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte(bom)), " \t\r\n")
	return bytes.HasPrefix(b, []byte("<")) && bytes.Contains(b, []byte("<ExportPackage"))
}

// isRecord says whether a text begins with a record.
func isRecord(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte(bom))
	_, _, ok := parseRecordHead(b)
	return ok && len(b) > headerSize && b[headerSize] == '<'
}

// readManifest reads what the package says about itself. For forms without a
// package.xml of their own this goes through all of them.
func (p *pack) readManifest(ctx context.Context, limit int) (*manifest, error) {
	switch p.form {
	case FormCabinet:
		r, err := p.cab.Open(p.manifest)
		if err != nil {
			return nil, fmt.Errorf("opening package.xml: %w", err)
		}
		defer r.Close()
		m, err := readManifest(ctx, r, limit)
		if err != nil {
			return nil, err
		}
		m.size = p.records.Size
		return m, nil
	case FormXML:
		r, err := p.open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		counted := &countingReader{r: r}
		m, err := readManifest(ctx, counted, limit)
		if err != nil {
			return nil, err
		}
		m.size = counted.n
		return m, nil
	}
	docs, err := p.documents(limit)
	if err != nil {
		return nil, err
	}
	defer docs.Close()
	m := &manifest{newest: map[guid]uint32{}}
	none := func(revision) bool { return false }
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rec, _, err := docs.next(nil, none)
		if errors.Is(err, io.EOF) {
			m.size = docs.bytes()
			return m, nil
		} else if err != nil {
			return nil, err
		}
		m.add(rec)
	}
}

// documents reads the documents of a package one after another.
type documents struct {
	read    func(dst []byte, keep func(revision) bool) (record, []byte, error)
	counted *countingReader
	closer  io.Closer
}

// documents begins to read the documents.
func (p *pack) documents(limit int) (*documents, error) {
	var r io.ReadCloser
	var err error
	if p.form == FormCabinet {
		r, err = p.cab.Open(p.records)
	} else {
		r, err = p.open()
	}
	if err != nil {
		return nil, fmt.Errorf("opening the documents of the package: %w", err)
	}
	d := &documents{counted: &countingReader{r: r}, closer: r}
	if p.form != FormXML {
		d.read = newRecordReader(d.counted, limit).next
		return d, nil
	}
	x := newPackageXML(d.counted, limit)
	d.read = func(dst []byte, keep func(revision) bool) (record, []byte, error) {
		for {
			item, out, err := x.next(dst, keep)
			if err != nil || item == itemDocument {
				return x.record, out, err
			}
		}
	}
	return d, nil
}

// next appends the next document to dst where keep says so (nil: always);
// io.EOF after the last.
func (d *documents) next(dst []byte, keep func(revision) bool) (record, []byte, error) {
	return d.read(dst, keep)
}

// bytes is how much of the text was read.
func (d *documents) bytes() int64 { return d.counted.n }

// Close ends the reading.
func (d *documents) Close() error { return d.closer.Close() }

// countingReader counts what is read through it.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
