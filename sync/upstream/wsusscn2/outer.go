package wsusscn2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/upstream"
)

const (
	longestIndex  = 1 << 20   // bytes of index.xml; real ones have some 5,000
	longestNested = 256 << 20 // of a nested cabinet that has to be held in memory
	graphFile     = "package.xml"
)

// outer is the whole file: a cabinet of cabinets.
type outer struct {
	cabinet *cabinet.Cabinet
	name    string // what errors call it
	index   *index
}

// openOuter reads the directory and index.xml.
func openOuter(r io.ReaderAt, size int64, name string) (*outer, error) {
	c, err := cabinet.Open(r, size, cabinet.Limits{})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	o := &outer{cabinet: c, name: name}
	f := find(c, "index.xml")
	if f == nil {
		return nil, fmt.Errorf("reading %s: it is a cabinet, but not Microsoft's offline scan catalogue: it holds no index.xml", name)
	}
	if f.Size > longestIndex {
		return nil, &upstream.ImplausibleError{What: name, Why: fmt.Sprintf("index.xml has %s", bytesInWords(f.Size))}
	}
	in, err := c.Open(f)
	if err != nil {
		return nil, fmt.Errorf("reading index.xml of %s: %w", name, err)
	}
	defer in.Close()
	if o.index, err = readIndex(in, name); err != nil {
		return nil, err
	}
	if find(c, o.index.graph) == nil {
		return nil, o.lacks(o.index.graph)
	}
	for _, s := range o.index.shards {
		if find(c, s.name) == nil {
			return nil, o.lacks(s.name)
		}
	}
	return o, nil
}

func (o *outer) lacks(name string) error {
	return &upstream.ImplausibleError{What: o.name, Why: fmt.Sprintf("index.xml lists %q, which is not there", model.Clean(name))}
}

// find looks a file up without regard to case and to the folder it was packed
// from.
func find(c *cabinet.Cabinet, name string) *cabinet.File {
	if f := c.Find(name); f != nil {
		return f
	}
	for _, f := range c.Files() {
		if strings.EqualFold(path.Base(f.Name), name) {
			return f
		}
	}
	return nil
}

// nested opens a cabinet within: in place where the folder around it is stored,
// as Microsoft's is taken to be, otherwise in memory.
func (o *outer) nested(f *cabinet.File) (*cabinet.Cabinet, error) {
	if r, ok := o.cabinet.ReaderAt(f); ok {
		return o.openNested(f, r)
	}
	in, err := o.cabinet.Open(f)
	if err != nil {
		return nil, o.wrap(f, err)
	}
	defer in.Close()
	return o.hold(f, in)
}

// hold reads a nested cabinet into memory and opens it there.
func (o *outer) hold(f *cabinet.File, in io.Reader) (*cabinet.Cabinet, error) {
	if f.Size > longestNested {
		return nil, o.wrap(f, fmt.Errorf("it has %s and lies in a packed folder: at most %s can be held", bytesInWords(f.Size), bytesInWords(longestNested)))
	}
	b := make([]byte, f.Size)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, o.wrap(f, err)
	}
	return o.openNested(f, bytes.NewReader(b))
}

func (o *outer) openNested(f *cabinet.File, r io.ReaderAt) (*cabinet.Cabinet, error) {
	c, err := cabinet.Open(r, f.Size, cabinet.Limits{})
	if err != nil {
		return nil, o.wrap(f, err)
	}
	return c, nil
}

func (o *outer) wrap(f *cabinet.File, err error) error {
	return fmt.Errorf("reading %s of %s: %w", f.Name, o.name, err)
}

// graph opens package.xml.
func (o *outer) graph() (io.ReadCloser, *cabinet.File, error) {
	f := find(o.cabinet, o.index.graph)
	c, err := o.nested(f)
	if err != nil {
		return nil, nil, err
	}
	g := find(c, graphFile)
	if g == nil {
		return nil, nil, &upstream.ImplausibleError{What: o.name, Why: fmt.Sprintf("%q holds no %s", f.Name, graphFile)}
	}
	in, err := c.Open(g)
	if err != nil {
		return nil, nil, o.wrap(f, err)
	}
	return in, g, nil
}

// opened is a detail cabinet that is ready to be read.
type opened struct {
	shard   int // index into index.shards
	file    *cabinet.File
	cabinet *cabinet.Cabinet
}

// shards gives the detail cabinets one by one to take, which may be slow. Those
// in packed folders are held in memory until take returns.
func (o *outer) shards(ctx context.Context, take func(opened) error) error {
	number := map[*cabinet.File]int{}
	packed := map[int]bool{}
	for i, s := range o.index.shards {
		f := find(o.cabinet, s.name)
		if _, twice := number[f]; twice {
			return &upstream.ImplausibleError{What: o.name, Why: fmt.Sprintf("index.xml lists %q twice", model.Clean(s.name))}
		}
		number[f] = i
		if _, ok := o.cabinet.ReaderAt(f); !ok {
			packed[f.Folder] = true
			continue
		}
		c, err := o.nested(f)
		if err != nil {
			return err
		}
		if err := take(opened{i, f, c}); err != nil {
			return err
		}
	}
	for folder := range packed {
		err := o.cabinet.Walk(ctx, folder, func(f *cabinet.File, in io.Reader) error {
			i, ok := number[f]
			if !ok {
				return nil
			}
			c, err := o.hold(f, in)
			if err != nil {
				return err
			}
			return take(opened{i, f, c})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// edition reads the root of package.xml.
func (o *outer) edition() (Edition, error) {
	in, _, err := o.graph()
	if err != nil {
		return Edition{}, err
	}
	defer in.Close()
	e, err := readEdition(in, o.name)
	e.Shards = len(o.index.shards)
	return e, err
}

// contextReader ends a long reading when the context does.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// ended says whether an error is only the end of the context.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
