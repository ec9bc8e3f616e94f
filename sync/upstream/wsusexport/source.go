package wsusexport

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/upstream"
)

// Options configure a Source.
type Options struct {
	Name      string   // of the upstream, which updates and categories carry
	Languages []string // that titles are wanted in, the best first
	// Unsigned allows packages that nobody whom Roots knows has signed. WSUS
	// signs none of its own.
	Unsigned bool
	Roots    *x509.CertPool // who may have signed; nil = those of this computer
	// Force imports an edition that is older than what its server brought
	// before. It is for one run, at an administrator's word.
	Force bool

	Clock    func() time.Time // nil = time.Now
	Workers  int              // goroutines that parse; 0 = one per processor, at most 8
	Document int              // longest document in bytes; 0 = 128 MiB
	Cabinet  cabinet.Limits
}

// filled puts the defaults in.
func (o Options) filled() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Workers <= 0 {
		o.Workers = min(processors(), 8)
	}
	if o.Document <= 0 {
		o.Document = 128 << 20
	}
	return o
}

// Source is one package.
type Source struct {
	r       io.ReaderAt
	size    int64
	options Options
}

var _ upstream.Source = (*Source)(nil)

// New makes the Source of a package. The reader belongs to the caller and must
// allow concurrent use.
func New(r io.ReaderAt, size int64, o Options) *Source {
	return &Source{r: r, size: size, options: o.filled()}
}

// Test checks that the package can be read to its end and describes it.
func (s *Source) Test(ctx context.Context) ([]string, error) {
	e, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	return e.Sentences(), s.trust(e)
}

// Estimate goes through the package and counts what an import would bring. It
// writes nothing.
func (s *Source) Estimate(ctx context.Context, before []byte) (model.Estimate, error) {
	// Measured on two busy cores: importing the 16 MB of a real package into a
	// store takes 0.6 to 1.4 s.
	const bytesPerSecond = 20 << 20
	var estimate model.Estimate
	e, err := s.describe(ctx)
	if err != nil {
		return estimate, err
	}
	a, err := decodeAnchor(before)
	if err != nil {
		estimate.Remarks = append(estimate.Remarks, "What was imported before was not readable: everything is compared again.")
	}
	name, err := e.key(s.digest)
	if err != nil {
		return estimate, err
	}
	switch old, ok := a.Editions[name]; {
	case ok && old.same(e.mark(s.options.Languages)):
		estimate.Remarks = append(estimate.Remarks, "This edition was imported already: nothing would change.")
		return estimate, nil
	case ok && e.Created.Before(old.Created):
		estimate.Remarks = append(estimate.Remarks, fmt.Sprintf("A newer edition of the same server, of %s, was imported already: this one is refused unless it is forced.", stamp(old.Created)))
	}
	if err := s.trust(e); err != nil {
		estimate.Remarks = append(estimate.Remarks, err.Error())
	}
	estimate.Updates = e.Updates
	estimate.Bytes = e.Bytes
	estimate.Time = time.Duration(float64(e.Bytes) / bytesPerSecond * float64(time.Second))
	return estimate, nil
}

// Synchronize imports the package as one generation.
func (s *Source) Synchronize(ctx context.Context, before []byte, sink upstream.Sink, progress func(model.Progress)) error {
	if progress == nil {
		progress = func(model.Progress) {}
	}
	a, err := decodeAnchor(before)
	if err != nil {
		sink.Remark("What was imported before was not readable: everything was compared again.")
	}
	p, err := sniff(s.r, s.size, s.options.Cabinet)
	if err != nil {
		return err
	}
	progress(model.Progress{Phase: phaseManifest, Since: s.options.Clock()})
	m, err := p.readManifest(ctx, s.options.Document)
	if err != nil {
		return err
	}
	e := Edition{Form: p.form, Gzipped: p.gzipped}
	e.fill(m)
	if err := s.sign(p, &e); err != nil {
		return err
	}
	if err := s.trust(e); err != nil {
		return err
	}
	if e.Signer == "" {
		sink.Remark("The package is not signed: it is what it claims to be only if its way here was safe.")
	}
	name, err := e.key(s.digest)
	if err != nil {
		return err
	}
	old, known := a.Editions[name]
	mark := e.mark(s.options.Languages)
	older := known && e.Created.Before(old.Created)
	switch {
	case known && old.same(mark):
		sink.Remark(fmt.Sprintf("The edition of %s was imported already: nothing changed.", e.when()))
		return nil
	case older && !s.options.Force:
		return olderEdition(e.Created, old.Created)
	case older:
		// The newest one stays the mark: a later run compares with it.
		mark = old
	case known && m.revisions < old.Revisions*7/10:
		sink.Remark(fmt.Sprintf("The edition holds %d revisions, the one of %s held %d. What the server cleaned up stays here.", m.revisions, stamp(old.Created), old.Revisions))
	}
	if m.listed && m.revisions == 0 {
		return &upstream.ImplausibleError{What: "the package", Why: "it lists no updates at all"}
	}
	generation, err := sink.Generation(ctx)
	if err != nil {
		return err
	}
	defer generation.Discard()
	r := &run{options: s.options, pack: p, manifest: m, sink: sink, generation: generation, progress: progress}
	if err := r.read(ctx); err != nil {
		return err
	}
	a.Editions[name] = mark
	data, err := a.encode()
	if err != nil {
		return err
	}
	progress(model.Progress{Phase: phaseSwitch, Since: s.options.Clock()})
	return generation.Switch(ctx, upstream.Switch{Anchor: data, Force: s.options.Force})
}

// The phases of a run, as progress names them.
const (
	phaseManifest = "reading the package's table of contents"
	phaseRead     = "reading documents"
	phaseLate     = "reading members that came late"
	phaseSwitch   = "putting the catalogue in force"
)

// olderEdition refuses a package that would take its server back in time.
func olderEdition(created, newest time.Time) *model.Refusal {
	return &model.Refusal{
		Code: "older", What: fmt.Sprintf("The package of %s was not imported", stamp(created)),
		Why:    fmt.Sprintf("a newer one of the same server, of %s, was imported already", stamp(newest)),
		Remedy: "import the newest package, or this one with --force: newer revisions that are here already stay",
	}
}

// trust refuses what is not signed well enough for the options.
func (s *Source) trust(e Edition) error {
	if s.options.Unsigned || e.Trusted {
		return nil
	}
	refusal := &model.Refusal{
		Code: "unsigned", What: "The package was not imported", Why: "nobody signed it",
		Remedy: "allow unsigned packages for this upstream if the way on which they come is safe: WSUS signs none",
	}
	if e.Signer != "" {
		refusal.Why = fmt.Sprintf("it is signed by %s, but %s", e.Signer, e.Distrust)
	}
	return refusal
}

// digest is the SHA-256 of the package's bytes.
func (s *Source) digest() (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(s.r, 0, s.size)); err != nil {
		return "", fmt.Errorf("reading the package: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stamp writes a time as messages do.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
