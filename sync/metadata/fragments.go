package metadata

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"fettle/sync/metadata/markup"
)

// Fragment is one fragment in a language.
type Fragment struct {
	Language string
	Data     []byte
}

// Fragments are the pieces of a document that managed computers are sent. Data
// that the document has nothing for is nil.
type Fragments struct {
	Core     []byte
	Extended []byte
	Texts    []Fragment // LocalizedProperties, in the document's order
	Eulas    []Fragment
}

// Targets say where the fragments of a document go. Those that are nil are not
// made.
type Targets struct {
	Core     io.Writer
	Extended io.Writer
	Text     func(Fragment) error // for each language; the data is valid during the call
	Eula     func(Fragment) error
}

// maxText bounds one text or licence reference, which is held as a whole.
const maxText = 16 << 20

// Derive makes all fragments of a document in memory.
func Derive(r io.Reader) (*Fragments, error) {
	var f Fragments
	var core, extended sections
	gather := func(to *[]Fragment) func(Fragment) error {
		return func(g Fragment) error {
			*to = append(*to, Fragment{g.Language, append([]byte(nil), g.Data...)})
			return nil
		}
	}
	err := derive(r, &core, &extended, gather(&f.Texts), gather(&f.Eulas))
	if err != nil {
		return nil, err
	}
	f.Core, f.Extended = core.joined(), extended.joined()
	return &f, nil
}

// DeriveTo streams the fragments of a document. What is held meanwhile does not
// grow with the document. It relies on the order of elements that all documents
// have (update-metadata 1), and refuses others: Derive sorts them.
func DeriveTo(t Targets, r io.Reader) error {
	var core, extended sink
	if t.Core != nil {
		core = &stream{w: t.Core}
	}
	if t.Extended != nil {
		extended = &stream{w: t.Extended}
	}
	return derive(r, core, extended, t.Text, t.Eula)
}

// DeriveCore streams the Core fragment of a document.
func DeriveCore(w io.Writer, r io.Reader) error { return DeriveTo(Targets{Core: w}, r) }

// DeriveExtended streams the Extended fragment.
func DeriveExtended(w io.Writer, r io.Reader) error { return DeriveTo(Targets{Extended: w}, r) }

// section numbers the elements that a fragment consists of, in their order.
type section int

const (
	sectionIdentity section = iota
	sectionProperties
	sectionRelationships
	sectionRules
	sectionFiles
	sectionHandler
	sectionCount
)

// sink takes the sections of a fragment.
type sink interface {
	// begin says that what is written next belongs to a section.
	begin(section) error
	io.Writer
}

// sections holds a fragment in memory.
type sections struct {
	parts   [sectionCount][]byte
	current section
}

func (s *sections) begin(n section) error { s.current = n; return nil }

func (s *sections) Write(b []byte) (int, error) {
	s.parts[s.current] = append(s.parts[s.current], b...)
	return len(b), nil
}

func (s *sections) joined() []byte {
	var all []byte
	for _, p := range s.parts {
		all = append(all, p...)
	}
	return all
}

// stream writes a fragment as it comes.
type stream struct {
	w    io.Writer
	last section
}

func (s *stream) begin(n section) error {
	if n < s.last {
		return errors.New("the elements of the document are not in their usual order")
	}
	s.last = n
	return nil
}

func (s *stream) Write(b []byte) (int, error) { return s.w.Write(b) }

// Attributes of Properties that the Core fragment has, in this order. It is the
// order that servers write them in, whatever that of the document: they make the
// element anew, and leave out what has its default.
var coreAttributes = [...]string{"UpdateType", "ExplicitlyDeployable", "AutoSelectOnWebSites", "OSUpgrade", "EulaID"}

// inExtended says whether the Extended fragment has an attribute of Properties.
// PerUser is not in the specification's list, and not on the wire.
func inExtended(a *markup.Attribute) bool {
	switch string(a.Local()) {
	case "UpdateType", "ExplicitlyDeployable", "AutoSelectOnWebSites", "EulaID", "PublicationState", "PublisherID",
		"CreationDate", "IsPublic", "LegacyName", "DetectoidType", "OSUpgrade", "PerUser":
		return false
	}
	return true
}

// derivation makes the fragments of one document.
type derivation struct {
	s              *markup.Scanner
	core, extended sink // nil when not wanted
	text, eula     func(Fragment) error
	fold           folder
	seen           [sectionCount]bool
}

// maxKept bounds a buffer that is kept for the next document.
const maxKept = 1 << 20

// derivations keeps buffers: most documents are much smaller than these.
var derivations = sync.Pool{New: func() any { return &derivation{s: markup.NewScanner(nil, markup.Limits{})} }}

func derive(r io.Reader, core, extended sink, text, eula func(Fragment) error) error {
	d := derivations.Get().(*derivation)
	d.core, d.extended, d.text, d.eula, d.seen = core, extended, text, eula, [sectionCount]bool{}
	d.s.Reset(r)
	err := d.document()
	d.s.Reset(nil)
	d.core, d.extended, d.text, d.eula, d.fold.flush = nil, nil, nil, nil, nil
	if cap(d.fold.out) > maxKept {
		d.fold.out = nil
	}
	derivations.Put(d)
	if err != nil {
		return fmt.Errorf("deriving fragments: %w", err)
	}
	return nil
}

var (
	errNoDocument = errors.New("this is no update document")
	errNoIdentity = errors.New("the update document has no identity")
)

// openRoot reads up to the Start of the root of a document.
func openRoot(s *markup.Scanner) error {
	for {
		kind, err := s.Next()
		if err != nil {
			return early(err)
		}
		if kind == markup.Start {
			if !s.Is(updateSpace, "Update") {
				return errNoDocument
			}
			return nil
		}
	}
}

func (d *derivation) document() error {
	if err := openRoot(d.s); err != nil {
		return err
	}
	for {
		kind, err := d.s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if kind != markup.Start {
			continue
		}
		if d.s.Space() != updateSpace {
			if err := d.s.Skip(); err != nil {
				return early(err)
			}
			continue
		}
		if err := d.child(string(d.s.Local())); err != nil {
			return err
		}
	}
	if !d.seen[sectionIdentity] || !d.seen[sectionProperties] {
		return errNoIdentity
	}
	return nil
}

// child handles a child of the root.
func (d *derivation) child(name string) error {
	switch name {
	case "UpdateIdentity":
		return d.section(sectionIdentity, d.core)
	case "Properties":
		return d.properties()
	case "Relationships":
		return d.section(sectionRelationships, d.core)
	case "ApplicabilityRules":
		// The metadata of drivers stays, with all their hardware: the specification
		// takes nothing out of this element. Microsoft's own library empties
		// WindowsDriverMetaData before it answers clients; what servers do has not
		// been seen (update-metadata 3), and clients match hardware by it.
		return d.section(sectionRules, d.core)
	case "Files":
		return d.section(sectionFiles, d.extended)
	case "HandlerSpecificData":
		return d.section(sectionHandler, d.extended)
	case "LocalizedPropertiesCollection":
		return d.texts()
	}
	return early(d.s.Skip())
}

// once says whether a section may begin: each is there once.
func (d *derivation) once(n section) error {
	if d.seen[n] {
		return fmt.Errorf("the element %s is there twice", d.s.Local())
	}
	d.seen[n] = true
	return nil
}

// section writes an element to a fragment.
func (d *derivation) section(n section, to sink) error {
	if err := d.once(n); err != nil {
		return err
	}
	if to == nil {
		return early(d.s.Skip())
	}
	if err := to.begin(n); err != nil {
		return err
	}
	d.begin(func(b []byte) error { _, err := to.Write(b); return err })
	if err := d.fold.element(d.s, "", nil, nil); err != nil {
		return err
	}
	return d.fold.done()
}

func (d *derivation) begin(flush func([]byte) error) {
	d.fold.reset()
	d.fold.flush = flush
}

// properties writes Properties to the Core fragment, with few attributes and
// without children, and to the Extended fragment under another name.
func (d *derivation) properties() error {
	if err := d.once(sectionProperties); err != nil {
		return err
	}
	if d.core != nil {
		if err := d.core.begin(sectionProperties); err != nil {
			return err
		}
		if _, err := d.core.Write(coreProperties(d.s)); err != nil {
			return err
		}
	}
	if d.extended == nil {
		return early(d.s.Skip())
	}
	if err := d.extended.begin(sectionProperties); err != nil {
		return err
	}
	d.begin(func(b []byte) error { _, err := d.extended.Write(b); return err })
	if err := d.fold.element(d.s, "ExtendedProperties", inExtended, nil); err != nil {
		return err
	}
	return d.fold.done()
}

func coreProperties(s *markup.Scanner) []byte {
	out := []byte("<Properties")
	for _, name := range coreAttributes {
		if a := s.Attribute(name); a != nil && !isFalse(a) {
			out = append(append(append(append(out, ' '), name...), '='), quoted(a)...)
		}
	}
	return append(out, " />"...)
}

func isFalse(a *markup.Attribute) bool { return a.Is("false") || a.Is("0") }

// texts writes the fragments that are in a language.
func (d *derivation) texts() error {
	depth := d.s.Depth()
	for {
		kind, err := d.s.Next()
		if err != nil {
			return early(err)
		}
		if kind == markup.End && d.s.Depth() < depth {
			return nil
		}
		if kind != markup.Start {
			continue
		}
		switch {
		case d.text != nil && d.s.Is(updateSpace, "LocalizedProperties"):
			err = d.localized(d.text)
		case d.eula != nil && d.s.Is(updateSpace, "EulaFile"):
			err = d.localized(d.eula)
		default:
			err = early(d.s.Skip())
		}
		if err != nil {
			return err
		}
	}
}

// localized hands one element over with its language, which is an attribute or a
// child of it.
func (d *derivation) localized(give func(Fragment) error) error {
	language := ""
	if a := d.s.Attribute("Language"); a != nil {
		language = a.Value()
	}
	depth, within := d.s.Depth(), false
	d.begin(nil)
	err := d.fold.element(d.s, "", nil, func(kind markup.Kind) error {
		switch {
		case len(d.fold.out) > maxText:
			return errors.New("the text in one language is longer than allowed")
		case kind == markup.Start:
			within = d.s.Depth() == depth+1 && d.s.Is(updateSpace, "Language")
		case kind == markup.End:
			within = false
		case within && len(language) < 64 && (kind == markup.Text || kind == markup.CData):
			language += string(d.s.Text())
		}
		return nil
	})
	if err != nil {
		return err
	}
	return give(Fragment{tidy(language), d.fold.out})
}
