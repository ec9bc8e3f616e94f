package offline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"fettle/sync/cabinet"
	"fettle/sync/cabinet/lzx"
)

// Write writes a catalogue where w stands and says what is in it.
func Write(ctx context.Context, w io.WriteSeeker, o Options) (*Summary, error) {
	o, err := o.orReal()
	if err != nil {
		return nil, err
	}
	p := newPlan(o)
	p.cut()
	s := p.summary()
	if err := p.write(ctx, w, s); err != nil {
		return nil, fmt.Errorf("writing a simulated offline catalogue: %w", err)
	}
	return s, nil
}

// sampled is how many revisions are written to find out how long they are.
const sampled = 2000

// cut decides how large the component manifests are, from the first edition
// alone: its documents must come out the same in all later ones.
func (p *plan) cut() {
	if p.Unpacked < 0 {
		return
	}
	first := newPlan(func(o Options) Options { o.Edition = 1; return o }(p.Options))
	weight := 0.0
	for i := range first.members {
		weight += first.members[i].weight
	}
	step := max(1, len(first.revisions)/sampled)
	bytes, count := 0, 0
	for i := 0; i < len(first.revisions); i += step {
		count++
		for _, f := range first.fragments(first.revisions[i], i+1) {
			bytes += len(f.write(nil))
		}
	}
	left := float64(p.Unpacked) - float64(bytes)*float64(len(first.revisions))/float64(count)
	if weight > 0 && left > 0 {
		p.extra = left / weight
	}
}

// fragment is one file of a detail cabinet.
type fragment struct {
	name  string
	write func(b []byte) []byte
}

// fragments lists the files of a revision.
func (p *plan) fragments(r revisionPlan, key int) []fragment {
	list := []fragment{
		{fmt.Sprintf("c/%d", key), func(b []byte) []byte { return p.core(b, r) }},
		{fmt.Sprintf("x/%d", key), func(b []byte) []byte { return p.extended(b, r) }},
	}
	if r.kind != thingMember {
		for _, language := range p.Languages {
			list = append(list, fragment{fmt.Sprintf("l/%s/%d", language, key), func(b []byte) []byte { return p.localized(b, r, language) }})
		}
	}
	if r.kind == thingBundle && p.terms(r.index) {
		list = append(list, fragment{fmt.Sprintf("e/en/%d", key), func(b []byte) []byte {
			return fmt.Appendf(b, `<EulaFile Digest="AAAAAAAAAAAAAAAAAAAAAAAAAAA=" DigestAlgorithm="SHA1" FileName="terms.txt" Size="1000" Language="en" />`)
		}})
	}
	return list
}

// packed is a detail cabinet that is ready, or the reason why it is not.
type packed struct {
	data  []byte
	bytes int64
	err   error
}

func (p *plan) write(ctx context.Context, w io.WriteSeeker, s *Summary) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()

	// A place for every cabinet, so that they can be written in their order; the
	// tickets keep those that wait few.
	ready := make([]chan packed, p.Shards)
	for i := range ready {
		ready[i] = make(chan packed, 1)
	}
	tickets := make(chan struct{}, 2*p.Workers)
	var next atomic.Int64
	for range p.Workers {
		workers.Go(func() {
			for {
				select {
				case tickets <- struct{}{}:
				case <-ctx.Done():
					return
				}
				shard := int(next.Add(1)) - 1
				if shard >= p.Shards {
					return
				}
				data, bytes, err := p.shard(ctx, shard)
				ready[shard] <- packed{data, bytes, err}
			}
		})
	}

	var graph memory
	if err := cabinet.Create(&graph, p.packing(ctx), []cabinet.Entry{{Name: "package.xml", Modified: created(p.Edition), Open: p.lazily(func(w io.Writer) error {
		c := &counter{Writer: w}
		err := p.graph(c)
		s.Graph = c.n
		return err
	})}}); err != nil {
		return err
	}
	entries := []cabinet.Entry{entry("index.xml", p.index(), p), entry("package.cab", graph.b, p)}
	for shard := range p.Shards {
		entries = append(entries, cabinet.Entry{Name: fmt.Sprintf("package%d.cab", shard+2), Modified: created(p.Edition), Open: func() (io.ReadCloser, error) {
			select {
			case r := <-ready[shard]:
				<-tickets
				s.Unpacked += r.bytes
				return io.NopCloser(bytes.NewReader(r.data)), r.err
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}})
	}
	from, err := w.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if err := cabinet.Create(w, cabinet.Options{Progress: func(int64) error { return ctx.Err() }}, entries); err != nil {
		return err
	}
	to, err := w.Seek(0, io.SeekCurrent)
	s.Size = to - from
	return err
}

// packing is how the cabinets within are packed.
func (p *plan) packing(ctx context.Context) cabinet.Options {
	o := cabinet.Options{Compression: cabinet.LZX, Window: p.Window, LZX: lzx.Settings{Effort: p.Effort}, Progress: func(int64) error { return ctx.Err() }}
	if p.Stored {
		o.Compression = cabinet.Stored
	}
	return o
}

// shard packs a detail cabinet: all core fragments first, then the extended
// ones, then the texts, as files sorted by their folder would come.
func (p *plan) shard(ctx context.Context, shard int) ([]byte, int64, error) {
	low, high := max(1, p.shardStart(shard)), len(p.revisions)+1
	if shard+1 < p.Shards {
		high = p.shardStart(shard + 1)
	}
	var total int64
	var buffer []byte
	byFolder := map[string][]cabinet.Entry{}
	order := []string{"c", "e", "f"}
	for _, language := range p.Languages {
		order = append(order, "l/"+language)
	}
	order = append(order, "x")
	for key := low; key < high; key++ {
		for _, f := range p.fragments(p.revisions[key-1], key) {
			folder := f.name[:1]
			if folder == "l" {
				folder = f.name[:len(f.name)-len(fmt.Sprintf("/%d", key))]
			}
			byFolder[folder] = append(byFolder[folder], cabinet.Entry{Name: f.name, Modified: created(p.Edition), Open: func() (io.ReadCloser, error) {
				buffer = f.write(buffer[:0])
				total += int64(len(buffer))
				return io.NopCloser(bytes.NewReader(buffer)), nil
			}})
		}
	}
	if shard == 0 { // the one with FILESDIR
		byFolder["f"] = []cabinet.Entry{entry("files/readme.txt", []byte("Nothing that is read."), p)}
	}
	var entries []cabinet.Entry
	for _, folder := range order {
		entries = append(entries, byFolder[folder]...)
	}
	var out memory
	err := cabinet.Create(&out, p.packing(ctx), entries)
	return out.b, total, err
}

// index writes index.xml.
func (p *plan) index() []byte {
	b := []byte(`<INDEX VERSION="1"><CABLIST XOR="0"><CAB NAME="package.cab" />`)
	for shard := range p.Shards {
		b = fmt.Appendf(b, `<CAB NAME="package%d.cab" RANGESTART="%d"`, shard+2, p.shardStart(shard))
		if shard == 0 {
			b = append(b, ` FILESDIR="1"`...)
		}
		b = append(b, ` />`...)
	}
	return append(b, `</CABLIST></INDEX>`...)
}

func entry(name string, b []byte, p *plan) cabinet.Entry {
	return cabinet.Entry{Name: name, Modified: created(p.Edition), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// lazily opens what write writes, without ever having all of it in memory. The
// goroutine that writes ends when the reader is closed.
func (p *plan) lazily(write func(io.Writer) error) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.CloseWithError(write(w))
		}()
		return &pipe{r, done}, nil
	}
}

type pipe struct {
	*io.PipeReader
	done chan struct{}
}

func (p *pipe) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	return n, err
}

// memory is a file in memory.
type memory struct {
	b  []byte
	at int64
}

func (m *memory) Write(b []byte) (int, error) {
	if end := m.at + int64(len(b)); end > int64(len(m.b)) {
		if end > int64(cap(m.b)) {
			grown := make([]byte, len(m.b), max(2*int64(cap(m.b)), end))
			copy(grown, m.b)
			m.b = grown
		}
		m.b = m.b[:end]
	}
	n := copy(m.b[m.at:], b)
	m.at += int64(n)
	return n, nil
}

func (m *memory) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += m.at
	case io.SeekEnd:
		offset += int64(len(m.b))
	}
	if offset < 0 || offset > int64(len(m.b)) {
		return 0, fmt.Errorf("seeking to %d in %d bytes", offset, len(m.b))
	}
	m.at = offset
	return offset, nil
}
