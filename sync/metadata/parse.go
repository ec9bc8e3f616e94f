package metadata

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"

	"fettle/model"
	"fettle/sync/metadata/markup"
)

// Limits bounds what a document may make Fettle hold. Zero values mean the
// defaults.
type Limits struct {
	Markup  markup.Limits
	Rules   int64 // longest rules that Update.Rules keeps, 4 MiB; negative: keep none, their size and digest only
	Drivers int   // most hardware kept of one driver, 4,096
	Items   int   // most entries of all lists of an update together, 200,000
	Text    int   // bytes kept of one text, 64 KiB: what is longer is cut
}

func (l Limits) filled() Limits {
	l.Rules = cmp.Or(l.Rules, 4<<20)
	l.Drivers = cmp.Or(l.Drivers, 1<<12)
	l.Items = cmp.Or(l.Items, 200_000)
	l.Text = cmp.Or(l.Text, 64<<10)
	return l
}

// Parser reads documents one after another with the same buffers. It serves one
// goroutine at a time.
type Parser struct {
	limits Limits
	whole  *markup.Scanner           // of documents
	pieces *markup.Scanner           // of fragments
	ids    map[string]model.UpdateID // met before: prerequisites repeat, and share their memory
	text   []byte
	fold   folder
	sum    hash.Hash

	// Of the document that is being read.
	s     *markup.Scanner
	space string // namespace of update elements; empty in fragments
	input []byte // the fragment; nil in documents
	u     *Update
	items int
	found map[string]bool
}

// NewParser makes a parser.
func NewParser(l Limits) *Parser {
	p := &Parser{limits: l.filled(), ids: map[string]model.UpdateID{}, sum: sha256.New(), found: map[string]bool{}}
	whole, pieces := l.Markup, l.Markup
	whole.Fragment, pieces.Fragment = false, true
	p.whole, p.pieces = markup.NewScanner(nil, whole), markup.NewScanner(nil, pieces)
	return p
}

// Parse reads a whole document with the default limits.
func Parse(r io.Reader) (*Update, error) { return NewParser(Limits{}).Parse(r) }

// ParseFragments makes an update from its fragments with the default limits.
func ParseFragments(core, extended []byte, texts map[string][]byte) (*Update, error) {
	return NewParser(Limits{}).ParseFragments(core, extended, texts)
}

// Parse reads a whole document.
func (p *Parser) Parse(r io.Reader) (*Update, error) {
	p.whole.Reset(r)
	p.begin(p.whole, updateSpace)
	u := p.u
	if err := p.document(); err != nil {
		return nil, p.failed("reading an update document", err)
	}
	p.forget()
	return u, nil
}

// ParseFragments makes an update from its fragments. Extended and texts may be
// missing; the keys of texts are languages, and only say which language a text
// is in that does not say so itself.
func (p *Parser) ParseFragments(core, extended []byte, texts map[string][]byte) (*Update, error) {
	p.begin(p.pieces, "")
	u := p.u
	if err := p.fragment(core); err != nil {
		return nil, p.failed("reading a core fragment", err)
	}
	if !p.found["UpdateIdentity"] || !p.found["Properties"] {
		return nil, p.failed("reading a core fragment", errNoIdentity)
	}
	if err := p.fragment(extended); err != nil {
		return nil, p.failed("reading an extended fragment", err)
	}
	for _, language := range slices.Sorted(maps.Keys(texts)) {
		n := len(u.Texts)
		if err := p.fragment(texts[language]); err != nil {
			return nil, p.failed("reading a fragment of texts in "+language, err)
		}
		for i := n; i < len(u.Texts); i++ {
			u.Texts[i].Language = cmp.Or(u.Texts[i].Language, language)
		}
	}
	p.forget()
	return u, nil
}

func (p *Parser) begin(s *markup.Scanner, space string) {
	p.s, p.space, p.u, p.items, p.input = s, space, &Update{}, 0, nil
	clear(p.found)
}

// forget keeps neither the caller's data nor the result.
func (p *Parser) forget() {
	p.s.Reset(nil)
	p.u, p.input = nil, nil
}

func (p *Parser) failed(doing string, err error) error {
	if id := p.u.ID; id != "" {
		doing += fmt.Sprintf(" of %s revision %d", id, p.u.Revision)
	}
	p.forget()
	return fmt.Errorf("%s: %w", doing, early(err))
}

func (p *Parser) document() error {
	if err := openRoot(p.s); err != nil {
		return err
	}
	if err := p.children(p.part); err != nil {
		return err
	}
	for {
		if _, err := p.s.Next(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if !p.found["UpdateIdentity"] || !p.found["Properties"] {
		return errNoIdentity
	}
	return nil
}

func (p *Parser) fragment(data []byte) error {
	p.s.ResetBytes(data)
	p.input = data
	for {
		kind, err := p.s.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if kind == markup.Start {
			if err := p.child(p.part); err != nil {
				return err
			}
		}
	}
}

// children reads to the End of the current element and calls read for each child
// that is an element of updates. Read need not read to the child's End.
func (p *Parser) children(read func(name string) error) error {
	depth := p.s.Depth()
	for {
		kind, err := p.s.Next()
		if err != nil {
			return early(err)
		}
		switch {
		case kind == markup.End && p.s.Depth() < depth:
			return nil
		case kind == markup.Start:
			if err := p.child(read); err != nil {
				return err
			}
		}
	}
}

// child calls read for an element whose Start was read, and reads on to its End
// if read has not.
func (p *Parser) child(read func(name string) error) error {
	depth := p.s.Depth()
	if p.s.Space() == p.space {
		if err := read(elementName(p.s.Local())); err != nil {
			return err
		}
	}
	for p.s.Depth() >= depth {
		if _, err := p.s.Next(); err != nil {
			return early(err)
		}
	}
	return nil
}

// elementNames are the elements that are looked for: their names cost nothing.
var elementNames = func() map[string]string {
	all := map[string]string{}
	for _, n := range []string{
		"UpdateIdentity", "Properties", "ExtendedProperties", "LocalizedPropertiesCollection", "LocalizedProperties", "EulaFile",
		"Relationships", "ApplicabilityRules", "Files", "File", "HandlerSpecificData", "InstallationBehavior", "UninstallationBehavior",
		"Language", "SupportUrl", "MoreInfoUrl", "SecurityBulletinID", "KBArticleID", "CveID", "Title", "Description", "UninstallNotes",
		"SupersededUpdates", "Prerequisites", "BundledUpdates", "AtLeastOne", "AdditionalDigest",
	} {
		all[n] = n
	}
	return all
}()

// elementName gives the name of an element that is looked for; empty for others.
func elementName(local []byte) string { return elementNames[string(local)] }
