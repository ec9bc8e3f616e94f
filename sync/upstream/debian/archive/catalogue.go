package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/upstream/debian/deb822"
)

// MaxListSize bounds a list whose size no Release file gives.
const MaxListSize = 2 << 30

// maxSuites is how many suites fit the bit set of a model.DebianPackage.
const maxSuites = 8

// maxFailures bounds how many refused items are kept one by one.
const maxFailures = 1000

// ErrDamaged says that a list is not the one that the Release file signs.
var ErrDamaged = errors.New("the list does not match the archive's signed Release file")

// binary is one binary package as a list describes it.
type binary struct {
	name, arch, version, filename string
	size                          int64
	sha256                        [sha256.Size]byte
	phased                        uint8
	suites                        uint8 // bits: Catalogue.suites
	order                         int   // of reading: the first of two that differ is kept
}

// group is everything that belongs to one source version.
type group struct {
	id              model.UpdateID
	source, version string
	packages        []binary
	security        bool
	released        time.Time
	// lead is the binary package that gives section and synopsis: the one named
	// like the source, else the first by name.
	lead, section, synopsis string
}

// Catalogue collects the lists of one release of one archive.
type Catalogue struct {
	archive, release string
	title            string
	base             bool // title is from the suite that the release is named after
	suites           []string
	groups           map[string]*group
	words            map[string]string // architectures: few, many times
	failures         []model.ImportFailure
	unlisted         int // failures beyond maxFailures
	order            int
	key              []byte
}

// NewCatalogue makes an empty catalogue of (archive, release), both from a Release
// file. It refuses names that could not stand in an identifier.
func NewCatalogue(archive, release string) (*Catalogue, error) {
	if err := model.CheckArchive(archive, release); err != nil {
		return nil, err
	}
	return &Catalogue{
		archive: archive, release: release, title: archive + " (" + release + ")",
		groups: map[string]*group{}, words: map[string]string{},
	}, nil
}

// Scope is what the identifiers of all updates of the release begin with.
func (c *Catalogue) Scope() string { return "deb/" + c.archive + "/" + c.release + "/" }

// Len is the number of updates.
func (c *Catalogue) Len() int { return len(c.groups) }

// Failures lists what was refused: complete when Updates has been ranged over.
func (c *Catalogue) Failures() []model.ImportFailure {
	if c.unlisted == 0 {
		return c.failures
	}
	return append(slices.Clip(c.failures), model.ImportFailure{
		Item: c.archive + "/" + c.release, Reason: fmt.Sprintf("%d more packages were refused", c.unlisted),
	})
}

// Summary says what was read from one list.
type Summary struct {
	Packages int // stanzas, refused ones included
	Bytes    int64
}

// Read adds one Packages file of a suite. With the entry of the suite's Release
// file it compares size and SHA-256 (ErrDamaged); a nil entry says that the
// Release file lists only compressed forms. After an error the catalogue is of no
// use: part of the list may be in it. progress, if any, is called now and then.
func (c *Catalogue) Read(ctx context.Context, suite *Release, component string, list io.Reader, entry *List, progress func(Summary)) (Summary, error) {
	bit, err := c.suite(suite)
	if err != nil {
		return Summary{}, err
	}
	limit := int64(MaxListSize)
	if entry != nil {
		limit = entry.Size
	}
	check := &checkedReader{ctx: ctx, source: list, hash: sha256.New(), left: limit + 1}
	reader := deb822.NewReader(check)
	var s Summary
	var parseError error
	for {
		fields, err := reader.Next()
		var wrong *deb822.SyntaxError
		if errors.As(err, &wrong) {
			s.Packages++
			c.fail(fmt.Sprintf("%s/%s", suite.Codename, component), "a package was not readable: "+wrong.Error())
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			parseError = err
			break
		}
		s.Packages++
		c.add(fields, bit, suite, component)
		if progress != nil && s.Packages%2048 == 0 {
			s.Bytes = check.read
			progress(s)
		}
	}
	s.Bytes = check.read
	switch {
	case ctx.Err() != nil:
		return s, ctx.Err()
	case check.left <= 0:
		return s, fmt.Errorf("%w: it is longer than %d bytes", ErrDamaged, limit)
	case parseError != nil:
		return s, parseError
	case entry != nil && check.read < entry.Size:
		return s, fmt.Errorf("%w: it ends after %d of %d bytes", ErrDamaged, check.read, entry.Size)
	case entry != nil && !bytes.Equal(check.hash.Sum(nil), entry.SHA256[:]):
		return s, fmt.Errorf("%w: its SHA-256 differs", ErrDamaged)
	}
	return s, nil
}

// suite gives the bit of a suite. Suites of one release have few names
// (model.DebianRelease), more than eight are no archive's.
func (c *Catalogue) suite(r *Release) (uint8, error) {
	base := r.Codename == c.release
	if len(c.suites) == 0 || base && !c.base {
		c.title, c.base = r.Title(), base
	}
	i := slices.Index(c.suites, r.Codename)
	if i < 0 {
		if len(c.suites) == maxSuites {
			return 0, fmt.Errorf("%s/%s has more than %d suites: %s was not read", c.archive, c.release, maxSuites, model.Clean(r.Codename))
		}
		i = len(c.suites)
		c.suites = append(c.suites, r.Codename)
	}
	return 1 << i, nil
}

// stanza is what a Packages file says of one binary package, before it is
// believed. The slices are the reader's.
type stanza struct {
	name, source, version, arch, section, description, filename, size, sha256, phased []byte
}

// take sorts the fields of a stanza. It returns the name of one that occurs twice.
func (s *stanza) take(fields []deb822.Field) (twice string) {
	for i := range fields {
		var to *[]byte
		switch f := &fields[i]; string(f.Name) {
		case "package":
			to = &s.name
		case "source":
			to = &s.source
		case "version":
			to = &s.version
		case "architecture":
			to = &s.arch
		case "section":
			to = &s.section
		case "description":
			to = &s.description
		case "filename":
			to = &s.filename
		case "size":
			to = &s.size
		case "sha256":
			to = &s.sha256
		case "phased-update-percentage":
			to = &s.phased
		default:
			continue
		}
		if *to != nil {
			return string(fields[i].Name)
		}
		*to = fields[i].Value
	}
	return ""
}

// add maps one stanza.
func (c *Catalogue) add(fields []deb822.Field, bit uint8, suite *Release, component string) {
	var s stanza
	if twice := s.take(fields); twice != "" {
		c.fail(string(s.name), "the field "+twice+" is given twice")
		return
	}
	source, sourceVersion := s.name, s.version
	if len(s.source) > 0 {
		source = s.source
		if i := bytes.IndexByte(source, '('); i >= 0 {
			sourceVersion = bytes.TrimSpace(bytes.TrimSuffix(source[i+1:], []byte(")")))
			source = bytes.TrimSpace(source[:i])
		}
	}

	// One string holds all that is kept of the stanza: one allocation instead
	// of six, 63,440 times.
	shared := make([]byte, 0, 256)
	shared = append(shared, s.name...)
	shared = append(shared, s.version...)
	shared = append(shared, s.filename...)
	text := string(shared)
	b := binary{name: text[:len(s.name)], arch: c.word(s.arch), suites: bit}
	b.version = text[len(s.name):][:len(s.version)]
	b.filename = text[len(s.name)+len(s.version):]

	if err := model.CheckPackage(b.name, b.arch, b.version); err != nil {
		c.fail(b.name, err.Error())
		return
	}
	g, err := c.group(source, sourceVersion)
	if err != nil {
		c.fail(b.name, err.Error())
		return
	}
	// The group stands from here on even if this package is refused: an item
	// that cannot be imported has not left the archive.
	if reason := b.judge(&s); reason != "" {
		c.fail(b.name+" "+b.version, reason)
		return
	}
	g.security = g.security || suite.Security()
	if g.released.IsZero() || suite.Date.Before(g.released) {
		g.released = suite.Date
	}
	if len(g.packages) == 0 || b.name != g.lead && g.lead != g.source && (b.name == g.source || b.name < g.lead) {
		g.lead = b.name
		g.section = c.section(s.section, component)
		g.synopsis = bounded(string(deb822.FirstLine(s.description)), 200)
	}
	b.order = c.order
	c.order++
	g.packages = append(g.packages, b)
}

// word gives one string for equal bytes.
func (c *Catalogue) word(b []byte) string {
	if w, ok := c.words[string(b)]; ok {
		return w
	}
	w := string(b)
	if len(c.words) < 1000 {
		c.words[w] = w
	}
	return w
}

// group finds or makes the group of a source version.
func (c *Catalogue) group(source, version []byte) (*group, error) {
	c.key = append(append(append(c.key[:0], source...), '/'), version...)
	if g, ok := c.groups[string(c.key)]; ok {
		return g, nil
	}
	g := &group{source: string(source), version: string(version)}
	if err := model.CheckPackage(g.source, "all", g.version); err != nil {
		return nil, fmt.Errorf("source package: %w", err)
	}
	g.id = model.DebianID(c.archive, c.release, g.source, g.version)
	c.groups[string(c.key)] = g
	return g, nil
}

// judge reads what a download depends on. It returns why the package is refused.
func (b *binary) judge(s *stanza) string {
	size, err := strconv.ParseUint(string(s.size), 10, 50)
	if err != nil || size == 0 {
		return fmt.Sprintf("the size %q is not a number of bytes", model.Clean(string(s.size)))
	}
	b.size = int64(size)
	if len(s.sha256) == 0 {
		return "the list gives no SHA256 for it: it could not be verified"
	}
	if len(s.sha256) != hex.EncodedLen(len(b.sha256)) {
		return "its SHA256 is damaged"
	}
	if _, err := hex.Decode(b.sha256[:], s.sha256); err != nil {
		return "its SHA256 is damaged"
	}
	for strings.HasPrefix(b.filename, "./") { // dpkg-scanpackages . writes so
		b.filename = b.filename[2:]
	}
	if !safePath(b.filename) {
		return fmt.Sprintf("the file name %q is not a path below the archive", model.Clean(b.filename))
	}
	if len(s.phased) > 0 {
		p, err := strconv.ParseUint(string(s.phased), 10, 16)
		switch {
		case err != nil || p > 100:
			return fmt.Sprintf("the Phased-Update-Percentage %q is not a percentage", model.Clean(string(s.phased)))
		case p < 100:
			// 0 stands for "not phased" in the model; an update that was
			// halted at 0 % is nearest to one for 1 % of the computers.
			b.phased = uint8(max(p, 1))
		}
	}
	return ""
}

// safePath says whether a Filename stays below the archive's address, and
// contains nothing but printable ASCII (design 10).
func safePath(p string) bool {
	if len(p) > 500 || p == "." || !fs.ValidPath(p) {
		return false
	}
	for i := range len(p) {
		if p[i] <= ' ' || p[i] >= 0x7f || p[i] == '\\' {
			return false
		}
	}
	return true
}

// section normalises a section, so that what is before the slash is always the
// component, as Debian itself writes it ("contrib/net"; main's have none): apt's
// priorities may depend on the component, and others' archives do not say it there.
func (c *Catalogue) section(value []byte, component string) string {
	for _, b := range value {
		if b <= ' ' || b >= 0x7f || b == '\\' {
			value = nil
			break
		}
	}
	if len(value) > 60 || !fs.ValidPath(string(value)) || string(value) == "." {
		value = nil
	}
	s := string(value)
	if s == "" {
		s = "unknown"
	}
	component = strings.TrimPrefix(component, "updates/") // Debian's old security suites
	if before, _, ok := strings.Cut(s, "/"); component != "" && safePath(component) && (ok && before != component || !ok && component != "main") {
		s = component + "/" + s
	}
	return c.word([]byte(s))
}

func (c *Catalogue) fail(item, reason string) {
	if len(c.failures) == maxFailures {
		c.unlisted++
		return
	}
	if item == "" {
		item = "a package without a name"
	}
	c.failures = append(c.failures, model.ImportFailure{Item: bounded(c.archive+"/"+c.release+": "+item, 300), Reason: reason})
}

// checkedReader hashes and counts what passes, stops at a limit and when the
// context ends.
type checkedReader struct {
	ctx    context.Context
	source io.Reader
	hash   hash.Hash
	read   int64
	left   int64
}

func (r *checkedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left <= 0 {
		return 0, ErrDamaged
	}
	p = p[:min(int64(len(p)), r.left)]
	n, err := r.source.Read(p)
	r.hash.Write(p[:n])
	r.read += int64(n)
	r.left -= int64(n)
	return n, err
}
