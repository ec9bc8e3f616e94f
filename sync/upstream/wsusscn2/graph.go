package wsusscn2

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/metadata"
	"fettle/sync/metadata/markup"
	"fettle/sync/upstream"
)

// namespace is that of package.xml. Some tools write the file without it.
const namespace = "http://schemas.microsoft.com/msus/2004/02/OfflineSync"

// What package.xml may hold at most: some ten times what real editions do. A
// hostile one must not fill the memory.
const (
	mostRevisions  = 1 << 20
	mostLocations  = 1 << 20
	mostEdges      = 8 << 20
	mostPayload    = 4 << 20
	mostUsed       = 8 << 20
	mostCategories = 1 << 16
	longestURL     = 2048
)

// graph reads package.xml (offline-catalogues A.4).
type graph struct {
	scanner   *markup.Scanner
	catalogue *catalogue
	name      string // what errors call the whole file
	languages map[string]uint16
	kinds     map[guid]uint16
	progress  func(offset int64) error // told where the scanner is; its error ends the reading
}

// readEdition reads the root element of package.xml and no more.
func readEdition(r io.Reader, name string) (Edition, error) {
	g := &graph{scanner: markup.NewScanner(r, markup.Limits{}), catalogue: &catalogue{}, name: name}
	err := g.root()
	return g.catalogue.Edition, err
}

// readGraph reads package.xml.
func readGraph(r io.Reader, name string, progress func(offset int64) error) (*catalogue, error) {
	g := &graph{scanner: markup.NewScanner(r, markup.Limits{Depth: 16}), catalogue: &catalogue{}, name: name,
		languages: map[string]uint16{}, kinds: map[guid]uint16{}, progress: progress}
	if err := g.root(); err != nil {
		return nil, err
	}
	if err := g.body(); err != nil {
		return nil, g.wrap(err)
	}
	if err := g.order(); err != nil {
		return nil, err
	}
	return g.catalogue, nil
}

func (g *graph) wrap(err error) error {
	var implausible *upstream.ImplausibleError
	if errors.As(err, &implausible) {
		return err
	}
	return fmt.Errorf("reading package.xml of %s: %w", g.name, err)
}

// wrong says that the content cannot be what it claims to be.
func (g *graph) wrong(format string, args ...any) error {
	return &upstream.ImplausibleError{What: g.name, Why: "package.xml " + fmt.Sprintf(format, args...)}
}

func (g *graph) root() error {
	if err := root(g.scanner); err != nil {
		return g.wrap(err)
	}
	s, e := g.scanner, &g.catalogue.Edition
	if string(s.Local()) != "OfflineSyncPackage" || s.Space() != "" && s.Space() != namespace {
		return g.wrong("is a document of another kind, %q", model.Clean(string(s.Name())))
	}
	e.Package = strings.ToLower(text(s, "PackageId"))
	e.Source = strings.ToLower(text(s, "SourceId"))
	e.Version = text(s, "PackageVersion")
	if _, ok := parseGUID([]byte(e.Package)); e.Package != "" && !ok {
		return g.wrong("has the package identifier %q", model.Clean(e.Package))
	}
	if created := text(s, "CreationDate"); created != "" {
		t, err := time.Parse(time.RFC3339, created)
		if err != nil {
			return g.wrong("was created at %q", model.Clean(created))
		}
		e.Created = t.UTC()
	}
	return nil
}

func (g *graph) body() error {
	s := g.scanner
	err := children(s, func(local []byte) error {
		switch string(local) {
		case "Updates":
			return children(s, func(local []byte) error {
				if string(local) != "Update" {
					return s.Skip()
				}
				return g.update()
			})
		case "FileLocations":
			return children(s, func(local []byte) error {
				if string(local) != "FileLocation" {
					return s.Skip()
				}
				return g.location()
			})
		}
		return s.Skip()
	})
	if err != nil {
		return err
	}
	for { // what follows the root must be well-formed too: a file cut and pasted is not read
		kind, err := s.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case kind == markup.Start:
			return g.wrong("has two roots")
		}
	}
}

// tell reports progress every thousand elements or so.
func (g *graph) tell(n int) error {
	if g.progress == nil || n%1024 != 0 {
		return nil
	}
	return g.progress(g.scanner.Offset())
}

func (g *graph) update() error {
	s, c := g.scanner, g.catalogue
	if len(c.revisions) == mostRevisions {
		return g.wrong("lists more than %d revisions", mostRevisions)
	}
	if err := g.tell(len(c.revisions)); err != nil {
		return err
	}
	id := value(s, "UpdateId")
	var r revision
	var ok bool
	if r.id, ok = parseGUID(id); !ok {
		return g.wrong("names an update %q", model.Clean(string(id)))
	}
	key, err := number(value(s, "RevisionId"))
	if err != nil {
		return g.wrong("gives %s the RevisionId %q", r.id.id(), model.Clean(text(s, "RevisionId")))
	}
	if r.number, err = number(value(s, "RevisionNumber")); err != nil {
		return g.wrong("gives %s the revision %q", r.id.id(), model.Clean(text(s, "RevisionNumber")))
	}
	r.key = key
	if t, err := time.Parse(time.RFC3339, text(s, "CreationDate")); err == nil {
		r.created = t.Unix()
	}
	r.bundle = isTrue(value(s, "IsBundle"))
	r.leaf = isTrue(value(s, "IsLeaf"))
	if r.language, err = g.language(value(s, "DefaultLanguage")); err != nil {
		return err
	}
	err = children(s, func(local []byte) error {
		switch string(local) {
		case "SupersededBy":
			return g.supersededBy(&r)
		case "Categories":
			return g.categories(&r)
		case "PayloadFiles":
			return g.payload(&r)
		case "EulaFiles":
			return children(s, func([]byte) error { r.terms = true; return s.Skip() })
		}
		// Prerequisites, bundles and members are in the core fragments, with more
		// detail: what belongs to a category is only said there.
		return s.Skip()
	})
	if err != nil {
		return err
	}
	if r.bundle {
		c.bundles++
	}
	c.revisions = append(c.revisions, r)
	return nil
}

func (g *graph) supersededBy(r *revision) error {
	c := g.catalogue
	r.supersededBy.from = uint32(len(c.edges))
	err := children(g.scanner, func(local []byte) error {
		if string(local) == "Revision" {
			key, err := number(value(g.scanner, "Id"))
			if err != nil {
				return g.wrong("has %s superseded by %q", r.id.id(), model.Clean(text(g.scanner, "Id")))
			}
			if len(c.edges) == mostEdges {
				return g.wrong("names more than %d superseding revisions", mostEdges)
			}
			c.edges = append(c.edges, key)
		}
		return g.scanner.Skip()
	})
	r.supersededBy.to = uint32(len(c.edges))
	return err
}

func (g *graph) categories(r *revision) error {
	c := g.catalogue
	r.categories.from = uint32(len(c.used))
	err := children(g.scanner, func(local []byte) error {
		if string(local) != "Category" {
			return g.scanner.Skip()
		}
		id, ok := parseGUID(value(g.scanner, "Id"))
		if !ok {
			return g.wrong("has %s in the category %q", r.id.id(), model.Clean(text(g.scanner, "Id")))
		}
		kind, ok := metadata.ParseCategoryKind(string(value(g.scanner, "Type")))
		n, known := g.kinds[id]
		switch {
		case !ok: // a kind that nobody knows yet is nothing to show
			return g.scanner.Skip()
		case !known && len(c.kinds) == mostCategories, len(c.used) == mostUsed:
			return g.wrong("names more categories than can be")
		case !known:
			n = uint16(len(c.kinds))
			g.kinds[id] = n
			c.kinds = append(c.kinds, category{id, kind})
		}
		c.used = append(c.used, n)
		return g.scanner.Skip()
	})
	r.categories.to = uint32(len(c.used))
	return err
}

func (g *graph) payload(r *revision) error {
	c := g.catalogue
	r.payload.from = uint32(len(c.payload))
	err := children(g.scanner, func(local []byte) error {
		if string(local) == "File" {
			d, ok := parseDigest(value(g.scanner, "Id"))
			if !ok {
				return g.wrong("gives %s the file %q", r.id.id(), model.Clean(text(g.scanner, "Id")))
			}
			if len(c.payload) == mostPayload {
				return g.wrong("names more than %d files", mostPayload)
			}
			c.payload = append(c.payload, d)
		}
		return g.scanner.Skip()
	})
	r.payload.to = uint32(len(c.payload))
	return err
}

func (g *graph) location() error {
	s, c := g.scanner, g.catalogue
	if len(c.locations) == mostLocations {
		return g.wrong("lists more than %d addresses", mostLocations)
	}
	if err := g.tell(len(c.locations)); err != nil {
		return err
	}
	d, ok := parseDigest(value(s, "Id"))
	if !ok {
		return g.wrong("gives an address for the file %q", model.Clean(text(s, "Id")))
	}
	url := value(s, "Url")
	if len(url) > longestURL {
		return g.wrong("has an address of %d bytes", len(url))
	}
	from := uint32(len(c.urls))
	c.urls = append(c.urls, url...)
	c.locations = append(c.locations, location{d, span{from, uint32(len(c.urls))}})
	return s.Skip()
}

func (g *graph) language(b []byte) (uint16, error) {
	if n, ok := g.languages[string(b)]; ok {
		return n, nil
	}
	if len(g.languages) == 1<<10 || len(b) > 35 {
		return 0, g.wrong("names languages that cannot be, such as %q", model.Clean(string(b)))
	}
	n := uint16(len(g.catalogue.languages))
	language := string(b)
	g.languages[language] = n
	g.catalogue.languages = append(g.catalogue.languages, strings.ToLower(language))
	return n, nil
}

// order sorts the tables and refuses what occurs twice.
func (g *graph) order() error {
	c := g.catalogue
	c.size = g.scanner.Offset()
	slices.SortFunc(c.revisions, func(a, b revision) int { return cmp.Compare(a.key, b.key) })
	for i := 1; i < len(c.revisions); i++ {
		if c.revisions[i].key == c.revisions[i-1].key {
			return g.wrong("lists the RevisionId %d twice", c.revisions[i].key)
		}
	}
	c.identities = make([]int32, len(c.revisions))
	for i := range c.identities {
		c.identities[i] = int32(i)
	}
	slices.SortFunc(c.identities, func(a, b int32) int {
		x, y := &c.revisions[a], &c.revisions[b]
		return cmp.Or(compareGUID(x.id, y.id), cmp.Compare(x.number, y.number))
	})
	for i := 1; i < len(c.identities); i++ {
		x, y := &c.revisions[c.identities[i-1]], &c.revisions[c.identities[i]]
		if x.id == y.id && x.number == y.number {
			return g.wrong("lists %s revision %d twice", x.id.id(), x.number)
		}
	}
	slices.SortStableFunc(c.locations, func(a, b location) int { return bytes.Compare(a.file[:], b.file[:]) })
	return nil
}

// number reads a RevisionId or a revision number.
func number(b []byte) (uint32, error) {
	n, err := strconv.ParseUint(string(b), 10, 31)
	return uint32(n), err
}

func isTrue(b []byte) bool { return string(b) == "true" || string(b) == "1" }

// parseDigest reads the base64 of a SHA-1.
func parseDigest(b []byte) (d digest, ok bool) {
	var out [24]byte
	if len(b) != 28 {
		return d, false
	}
	n, err := base64.StdEncoding.Decode(out[:], b)
	if err != nil || n != len(d) {
		return d, false
	}
	return digest(out[:20]), true
}
