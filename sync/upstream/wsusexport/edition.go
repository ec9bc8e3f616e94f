package wsusexport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/metadata/markup"
)

// Edition is what a package is: known before its import starts.
type Edition struct {
	Form     Form
	Gzipped  bool
	ServerID string // in lower case; empty when the package names none
	Created  time.Time
	Format   string // FormatVersion
	Protocol string // ProtocolVersion

	Listed     int // revisions that the package says it holds
	Revisions  int // documents in it
	Updates    int // documents that an administrator decides about, by their newest revision
	Software   int // revisions by kind
	Drivers    int
	Categories int
	Detectoids int
	Unreadable int   // documents that say nothing about themselves
	Addresses  int   // payload files whose address is known
	Bytes      int64 // of documents
	Languages  []Language

	Signer   string // subject of the certificate; empty when nobody signed
	Trusted  bool
	Distrust string // why the signer is not trusted
}

// Describe goes through a package and counts what is in it, without parsing
// documents beyond their properties.
func Describe(ctx context.Context, r io.ReaderAt, size int64, o Options) (Edition, error) {
	return New(r, size, o).describe(ctx)
}

// describe is Describe.
func (s *Source) describe(ctx context.Context) (Edition, error) {
	p, err := sniff(s.r, s.size, s.options.Cabinet)
	if err != nil {
		return Edition{}, err
	}
	e := Edition{Form: p.form, Gzipped: p.gzipped}
	m, err := p.readManifest(ctx, s.options.Document)
	if err != nil {
		return e, err
	}
	e.fill(m)
	if err := s.sign(p, &e); err != nil {
		return e, err
	}
	docs, err := p.documents(s.options.Document)
	if err != nil {
		return e, err
	}
	defer docs.Close()
	var text []byte
	scanner := markup.NewScanner(nil, markup.Limits{})
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return e, fmt.Errorf("reading the package: %w", ctx.Err())
		}
		rec, out, err := docs.next(text[:0], nil)
		text = out
		if errors.Is(err, io.EOF) {
			e.Bytes = docs.bytes()
			return e, nil
		} else if err != nil {
			return e, err
		}
		e.Revisions++
		kind, deployable, ok := peek(scanner, text)
		switch {
		case rec.problem != "" || !ok:
			e.Unreadable++
			continue
		case kind == model.DocumentSoftware:
			e.Software++
		case kind == model.DocumentDriver:
			e.Drivers++
		case kind == model.DocumentCategory:
			e.Categories++
		case kind == model.DocumentDetectoid:
			e.Detectoids++
		}
		if deployable && m.isNewest(rec.revision) {
			e.Updates++
		}
	}
}

// fill takes over what the manifest says.
func (e *Edition) fill(m *manifest) {
	e.ServerID, e.Created, e.Format, e.Protocol = m.ServerID, m.Created, m.Format, m.Protocol
	e.Listed, e.Addresses, e.Bytes, e.Languages = m.revisions, len(m.files.at), m.size, m.Languages
}

// key names the edition's server in the anchor. A package that names none is
// known by the digest of its bytes.
func (e *Edition) key(digest func() (string, error)) (string, error) {
	if e.ServerID != "" && !e.Created.IsZero() {
		return e.ServerID, nil
	}
	sum, err := digest()
	return "sha256:" + sum, err
}

// mark is what the anchor remembers.
func (e *Edition) mark(languages []string) editionMark {
	return editionMark{Created: e.Created, Revisions: e.Listed, Languages: languages, Mapping: mapping}
}

// when names the edition in messages.
func (e *Edition) when() string {
	if e.ServerID == "" {
		return stamp(e.Created)
	}
	return fmt.Sprintf("%s of the server %s", stamp(e.Created), e.ServerID)
}

// Sentences describes the edition to an administrator.
func (e *Edition) Sentences() []string {
	form := e.Form.String()
	if e.Gzipped {
		form += " in a gzip file"
	}
	server := "a server that it does not name"
	if e.ServerID != "" {
		server = "server " + e.ServerID
	}
	lines := []string{fmt.Sprintf("A package of wsusutil export (%s), made on %s by %s.", form, stamp(e.Created), server)}
	lines = append(lines, fmt.Sprintf("It holds %d revisions: %d of software, %d of drivers, %d of products and classifications, %d of detectoids. %d updates can be approved.",
		e.Revisions, e.Software, e.Drivers, e.Categories, e.Detectoids, e.Updates))
	if e.Form != FormRecords && e.Listed != e.Revisions {
		lines = append(lines, fmt.Sprintf("Its table of contents lists %d revisions.", e.Listed))
	}
	if e.Unreadable > 0 {
		lines = append(lines, fmt.Sprintf("%d documents cannot be read.", e.Unreadable))
	}
	switch {
	case e.Signer == "":
		lines = append(lines, "Nobody signed it.")
	case e.Trusted:
		lines = append(lines, "It is signed by "+e.Signer+".")
	default:
		lines = append(lines, "It is signed by "+e.Signer+", but "+e.Distrust+".")
	}
	return lines
}

// peek reads the kind of a document from its properties, which come before all
// that is long.
func peek(s *markup.Scanner, text []byte) (kind model.DocumentKind, deployable, ok bool) {
	s.Reset(bytes.NewReader(text))
	for {
		token, err := s.Next()
		if err != nil {
			return 0, false, false
		}
		if token != markup.Start {
			continue
		}
		switch depth := s.Depth(); {
		case depth == 1 && !s.Is(updateSpace, "Update"):
			return 0, false, false
		case depth == 2 && s.Is(updateSpace, "Properties"):
			if a := s.Attribute("ExplicitlyDeployable"); a != nil {
				deployable, _ = strconv.ParseBool(strings.TrimSpace(a.Value()))
			}
			a := s.Attribute("UpdateType")
			if a == nil {
				return 0, false, false
			}
			for k := model.DocumentSoftware; k <= model.DocumentDetectoid; k++ {
				if strings.EqualFold(k.String(), strings.TrimSpace(a.Value())) {
					return k, deployable, true
				}
			}
			return 0, false, false
		}
	}
}

// processors is how many goroutines can work at once.
func processors() int { return runtime.GOMAXPROCS(0) }
