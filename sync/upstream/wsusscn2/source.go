package wsusscn2

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"fettle/model"
	"fettle/sync/upstream"
)

// Options say how a file is taken in.
type Options struct {
	Name      string         // of the file, for messages; "wsusscn2.cab" when empty
	Languages []string       // that titles and texts are wanted in besides English, the best first
	Unsigned  bool           // take in files that nobody trusted signed
	Roots     *x509.CertPool // that may vouch for signers; nil means those that this computer trusts
	Force     bool           // take in an older edition, the same one again, or one that lost too much
	Workers   int            // detail cabinets read at a time; 0 means one per core

	Clock func() time.Time // nil means time.Now
}

// Source is one wsusscn2.cab.
type Source struct {
	options Options
	in      io.ReaderAt
	size    int64
	mostRaw int // see details
}

var _ upstream.Source = (*Source)(nil)

// New makes a source of the file in the first size bytes of r. Nothing is read
// yet. The caller keeps r open as long as the source is used.
func New(r io.ReaderAt, size int64, o Options) *Source {
	o.Name = model.Clean(cmp.Or(o.Name, "wsusscn2.cab"))
	o.Workers = cmp.Or(max(o.Workers, 0), runtime.GOMAXPROCS(0))
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Source{options: o, in: r, size: size, mostRaw: usualRaw}
}

// Recognize says whether a file is an offline scan catalogue, by its content. It
// reads directories only.
func Recognize(r io.ReaderAt, size int64) bool {
	_, err := openOuter(r, size, "")
	return err == nil
}

// Describe says which edition a file is and who signed it. It reads the whole
// file once, to check the signature, but unpacks next to nothing.
func Describe(ctx context.Context, r io.ReaderAt, size int64, o Options) (Edition, error) {
	s := New(r, size, o)
	outer, err := openOuter(r, size, s.options.Name)
	if err != nil {
		return Edition{}, err
	}
	return s.describe(ctx, outer, nil)
}

// describe checks the signature first: nothing that it covers is parsed before,
// but for the directory of the file and index.xml.
func (s *Source) describe(ctx context.Context, o *outer, read func(n int)) (Edition, error) {
	signature, err := verify(ctx, s.in, s.size, s.options.Roots, s.options.Clock(), read)
	if err != nil {
		if ended(err) {
			return Edition{}, err
		}
		return Edition{}, fmt.Errorf("reading %s: %w", s.options.Name, err)
	}
	e, err := o.edition()
	e.Size, e.Signature = s.size, signature
	return e, err
}

// Test describes the file.
func (s *Source) Test(ctx context.Context) ([]string, error) {
	e, err := Describe(ctx, s.in, s.size, s.options)
	if err != nil {
		return nil, err
	}
	sentence := fmt.Sprintf("%s is %s, %s.", s.options.Name, e, e.Signature)
	return []string{sentence}, e.Signature.accept(s.options.Name, s.options.Unsigned)
}

// Estimate counts what an import would bring.
func (s *Source) Estimate(ctx context.Context, from []byte) (model.Estimate, error) {
	// Measured on two cores: fragments of 2 GB take some 15 seconds. Real ones
	// unpack to 38 times the size of the file (offline-catalogues A.2).
	const bytesPerSecond = 4 << 20
	o, err := openOuter(s.in, s.size, s.options.Name)
	if err != nil {
		return model.Estimate{}, err
	}
	before, err := decodeAnchor(from)
	e := model.Estimate{Bytes: s.size}
	if err != nil {
		e.Remarks = append(e.Remarks, "The state of the last import was not readable: everything is read again.")
	}
	edition, err := o.edition()
	if err != nil {
		return e, err
	}
	if !s.options.Force {
		if err := before.refuseOlder(edition, s.options.Name); err != nil {
			return e, err
		}
		if before.same(edition.anchor(newLanguages(s.options.Languages).list, false)) {
			return model.Estimate{Remarks: []string{s.same()}}, nil
		}
	}
	c, err := s.graph(ctx, o, func(int64) {}, func(int64) error { return nil })
	if err != nil {
		return e, err
	}
	e.Updates = c.bundles
	e.Time = (time.Duration(float64(s.size)/bytesPerSecond) * time.Second).Round(time.Second)
	e.Remarks = append(e.Remarks, fmt.Sprintf("%s describes %s, of which %s.", s.options.Name, count(len(c.revisions), "revision"), bundlesInWords(c.bundles)))
	return e, nil
}

func bundlesInWords(n int) string {
	if n == 1 {
		return "1 is an update that can be approved"
	}
	return fmt.Sprintf("about %d are updates that can be approved", n)
}

func (s *Source) same() string {
	return s.options.Name + " is the edition that is in force already."
}

// graph reads package.xml and checks it against index.xml. begin is told its
// size.
func (s *Source) graph(ctx context.Context, o *outer, begin func(size int64), progress func(offset int64) error) (*catalogue, error) {
	in, file, err := o.graph()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	begin(file.Size)
	c, err := readGraph(contextReader{ctx, in}, s.options.Name, progress)
	if err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return &upstream.ImplausibleError{What: s.options.Name, Why: fmt.Sprintf(format, args...)}
	}
	switch {
	case len(c.revisions) == 0:
		return nil, wrong("package.xml lists no revisions")
	case c.bundles == 0:
		return nil, wrong("package.xml lists %s but no bundle, so that there would be nothing to approve", count(len(c.revisions), "revision"))
	}
	if _, ok := o.index.find(c.revisions[0].key); !ok { // they are in order: the first is the lowest
		return nil, wrong("package.xml lists the RevisionId %d, which no cabinet of index.xml is for", c.revisions[0].key)
	}
	c.Shards = len(o.index.shards)
	return c, nil
}

// Synchronize takes the file in.
func (s *Source) Synchronize(ctx context.Context, from []byte, sink upstream.Sink, progress func(model.Progress)) error {
	if progress == nil {
		progress = func(model.Progress) {}
	}
	err := (&run{Source: s, ctx: ctx, sink: sink, progress: progress}).run(from)
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err) // whoever asked for the end is told that it is one
	}
	return err
}
