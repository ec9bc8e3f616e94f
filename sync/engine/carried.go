package engine

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/upstream"
	"fettle/sync/upstream/wsusexport"
	"fettle/sync/upstream/wsusscn2"
)

// CarryPolicy says whom files that are carried in must come from. Nothing in
// them but a signature tells where they were made.
type CarryPolicy struct {
	Unsigned  bool           // take in what nobody signed, or nobody who is trusted
	Roots     *x509.CertPool // whose word counts for signers; nil = the system's
	RootsFile string         // where Roots came from, for messages
}

// CarriedFile is a file that somebody carried in. The reader must allow
// concurrent use and stays the caller's, who closes it after the last use.
type CarriedFile struct {
	Name   string // for messages
	Reader io.ReaderAt
	Size   int64
}

// Carried is a file that was recognised, by its content and not by its name.
type Carried struct {
	Name    string
	Size    int64
	Kind    model.UpstreamKind
	What    string // "Microsoft's offline scan catalogue (wsusscn2.cab)"
	Facts   []Fact // what is known before it is read, in the order in which it is shown
	Signed  string // who signed it; empty = nobody
	Trusted bool   // the signature counts, as far as the policy knows
	Refused string // why it would be refused as it is; empty = it would not

	file CarriedFile
}

// Fact is one thing known of a file.
type Fact struct{ Name, Value string }

// Recognize says what a file is. One that is nothing Fettle takes in is a
// *model.Refusal that says what it looks like.
func (e *Engine) Recognize(ctx context.Context, f CarriedFile) (*Carried, error) {
	var c *Carried
	_, err := contain(func() (string, error) {
		var err error
		c, err = e.recognize(ctx, f)
		return "", err
	})
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", model.Clean(f.Name), err)
	}
	return c, nil
}

func (e *Engine) recognize(ctx context.Context, f CarriedFile) (*Carried, error) {
	c := &Carried{Name: model.Clean(f.Name), Size: f.Size, file: f}
	policy := e.o.Carry
	cab, err := cabinet.Open(f.Reader, f.Size, cabinet.Limits{})
	switch {
	case err == nil && cab.Find("index.xml") != nil && cab.Find("package.cab") != nil:
		ed, err := wsusscn2.Describe(ctx, f.Reader, f.Size, e.scanOptions(c.Name, false))
		if err != nil {
			return nil, err
		}
		c.Kind, c.What = model.UpstreamWsusscn2, "Microsoft's offline scan catalogue (wsusscn2.cab)"
		c.fact("Package", ed.Package)
		c.fact("Made", stamp(ed.Created))
		c.fact("Detail cabinets", fmt.Sprint(ed.Shards))
		c.signature(ed.Signature.Signer, ed.Signature.Trusted, ed.Signature.Reason, policy)
		return c, nil
	case err != nil && !errors.Is(err, cabinet.ErrNotCabinet):
		return nil, err
	}
	ed, err := wsusexport.Describe(ctx, f.Reader, f.Size, e.exportOptions(c.Name, false))
	if errors.Is(err, wsusexport.ErrNotPackage) {
		return nil, unrecognized(f, err, cab)
	}
	if err != nil {
		return nil, err
	}
	c.Kind, c.What = model.UpstreamWsusExport, "a package of wsusutil export"
	c.fact("Server", ed.ServerID)
	c.fact("Made", stamp(ed.Created))
	c.fact("Format", strings.TrimSpace(ed.Format+", protocol "+ed.Protocol))
	c.fact("Revisions", fmt.Sprintf("%d: %d of software, %d of drivers, %d of products and classifications, %d detectoids", ed.Revisions, ed.Software, ed.Drivers, ed.Categories, ed.Detectoids))
	c.fact("Updates", fmt.Sprintf("%d that can be approved", ed.Updates))
	if ed.Unreadable > 0 {
		c.fact("Unreadable", fmt.Sprint(ed.Unreadable))
	}
	c.signature(ed.Signer, ed.Trusted, ed.Distrust, policy)
	return c, nil
}

func (c *Carried) fact(name, value string) {
	if value = model.Clean(value); value != "" {
		c.Facts = append(c.Facts, Fact{name, value})
	}
}

// signature says who signed, and whether that is enough.
func (c *Carried) signature(signer string, trusted bool, distrust string, p CarryPolicy) {
	c.Signed, c.Trusted = model.Clean(signer), trusted
	switch {
	case signer == "":
		c.fact("Signature", "none: it is what it claims to be only if its way here was safe")
	case trusted:
		c.fact("Signature", "by "+signer)
	default:
		c.fact("Signature", "by "+signer+", but "+distrust)
	}
	switch {
	case trusted || p.Unsigned:
	case signer == "":
		c.Refused = "nobody signed it"
	default:
		c.Refused = "its signer is not trusted: " + model.Clean(distrust)
	}
}

// Refusal is the *model.Refusal of a file that the policy does not take; nil for
// others.
func (c *Carried) Refusal() error {
	if c.Refused == "" {
		return nil
	}
	remedy := "if its way here was safe, allow it in config.toml: unsigned = true under [import]"
	if c.Signed != "" {
		remedy = "if its signer is to be trusted, name a file with the root certificate in config.toml (roots under [import]), or allow it: unsigned = true"
	}
	return &model.Refusal{Code: "unsigned", What: c.Name + " was not imported", Why: c.Refused, Remedy: remedy}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// looks are the beginnings of files that people take for others.
var looks = []struct {
	magic []byte
	what  string
}{
	{[]byte("MZ"), "a Windows program"},
	{[]byte("PK\x03\x04"), "a zip archive"},
	{[]byte("!<arch>\ndebian-binary"), "a Debian package"},
	{[]byte("\xd0\xcf\x11\xe0"), "a Windows Installer package or an old Office document"},
	{[]byte("MSWIM\x00\x00\x00"), "a Windows image"},
	{[]byte("7z\xbc\xaf\x27\x1c"), "a 7z archive"},
	{[]byte("\xfd7zXZ\x00"), "an xz file"},
	{[]byte("\x1f\x8b"), "a gzip file"},
	{[]byte("<?xml"), "an XML file"},
	{[]byte("FETTLE"), "a backup of Fettle; restore it with: fettle restore FILE"},
}

// unrecognized says what a file looks like instead.
func unrecognized(f CarriedFile, cause error, cab *cabinet.Cabinet) error {
	r := &model.Refusal{Code: "unrecognized", What: model.Clean(f.Name) + " was not imported", Why: "it is neither Microsoft's offline scan catalogue nor a package of wsusutil export",
		Remedy: "import wsusscn2.cab, what wsusutil export writes, or a content directory (WsusContent)"}
	head := make([]byte, 64)
	n, _ := f.Reader.ReadAt(head, 0)
	head = head[:n]
	for _, l := range looks {
		if bytes.HasPrefix(head, l.magic) {
			r.Why += "; it looks like " + l.what
			break
		}
	}
	switch {
	case n == 0:
		r.Why = "it is empty"
	case cab != nil:
		var names []string
		for _, m := range cab.Files()[:min(3, len(cab.Files()))] {
			names = append(names, model.Clean(m.Name))
		}
		r.Why += "; it is a cabinet with " + strings.Join(names, ", ")
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		r.Why = model.Clean(cause.Error()) // asks for a cabinet (offline-catalogues C.2)
	}
	return r
}

func (e *Engine) scanOptions(name string, force bool) wsusscn2.Options {
	return wsusscn2.Options{Name: name, Languages: e.o.Store.Snapshot().Settings().Languages, Unsigned: e.o.Carry.Unsigned, Roots: e.o.Carry.Roots, Clock: e.o.Clock, Force: force}
}

func (e *Engine) exportOptions(name string, force bool) wsusexport.Options {
	return wsusexport.Options{Name: name, Languages: e.o.Store.Snapshot().Settings().Languages, Unsigned: e.o.Carry.Unsigned, Roots: e.o.Carry.Roots, Clock: e.o.Clock, Force: force}
}

// source opens a file that was recognised.
func (e *Engine) carriedSource(c *Carried, force bool) upstream.Source {
	if c.Kind == model.UpstreamWsusscn2 {
		return wsusscn2.New(c.file.Reader, c.file.Size, e.scanOptions(c.Name, force))
	}
	return wsusexport.New(c.file.Reader, c.file.Size, e.exportOptions(c.Name, force))
}

// fileSource is an upstream whose catalogue is a file of this computer, which an
// operator replaces by newer ones. It is opened for each use.
type fileSource struct {
	engine *Engine
	kind   model.UpstreamKind
	path   string
}

func (s *fileSource) with(ctx context.Context, use func(upstream.Source) error) (err error) {
	f, err := os.Open(s.path)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Errorf("opening %s: %w", s.path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.path, err)
	}
	if !info.Mode().IsRegular() {
		return &model.Refusal{Code: "upstream-file", What: s.path + " cannot be read", Why: "it is not a file"}
	}
	c, err := s.engine.Recognize(ctx, CarriedFile{Name: filepath.Base(s.path), Reader: f, Size: info.Size()})
	if err != nil {
		return err
	}
	if c.Kind != s.kind {
		return &model.Refusal{Code: "upstream-kind", What: s.path + " cannot be used as " + string(s.kind), Why: "it is " + c.What, Remedy: fmt.Sprintf("fettle setup updates --upstream %s=%s", c.Kind, quoted(s.path))}
	}
	if err := c.Refusal(); err != nil {
		return err
	}
	return use(s.engine.carriedSource(c, false))
}

func (s *fileSource) Test(ctx context.Context) (lines []string, err error) {
	err = s.with(ctx, func(x upstream.Source) (err error) { lines, err = x.Test(ctx); return err })
	return lines, err
}

func (s *fileSource) Estimate(ctx context.Context, anchor []byte) (est model.Estimate, err error) {
	err = s.with(ctx, func(x upstream.Source) (err error) { est, err = x.Estimate(ctx, anchor); return err })
	return est, err
}

func (s *fileSource) Synchronize(ctx context.Context, anchor []byte, sink upstream.Sink, progress func(model.Progress)) error {
	defer frugally()()
	return s.with(ctx, func(x upstream.Source) error { return x.Synchronize(ctx, anchor, sink, progress) })
}
