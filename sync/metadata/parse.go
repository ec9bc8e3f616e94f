package metadata

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strconv"

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

// part reads one of the elements that documents and fragments consist of.
func (p *Parser) part(name string) error {
	u := p.u
	switch name {
	case "UpdateIdentity", "Properties", "ExtendedProperties", "Relationships", "ApplicabilityRules", "Files", "HandlerSpecificData":
		if p.found[name] {
			return fmt.Errorf("the element %s is there twice", name)
		}
		p.found[name] = true
	}
	switch name {
	case "UpdateIdentity":
		id, err := p.identity()
		if err != nil {
			return err
		}
		if id.Revision == 0 {
			return errors.New("the identity of the update has no revision")
		}
		u.Identity, u.Written = id, string(bytes.TrimSpace(p.s.Attribute("UpdateID").RawValue()))
	case "Properties", "ExtendedProperties":
		if err := p.properties(name == "Properties"); err != nil {
			return err
		}
		return p.children(p.property)
	case "LocalizedPropertiesCollection":
		return p.children(p.localized)
	case "LocalizedProperties", "EulaFile":
		return p.localized(name)
	case "Relationships":
		return p.children(p.relationship)
	case "ApplicabilityRules":
		return p.rules()
	case "Files":
		return p.children(func(name string) error {
			if name != "File" {
				return nil
			}
			f, err := p.file()
			if err == nil {
				u.Files = append(u.Files, f)
			}
			return err
		})
	case "HandlerSpecificData":
		return p.handler()
	}
	return nil
}

// count bounds the lists of an update.
func (p *Parser) count() error {
	if p.items++; p.items > p.limits.Items {
		return errors.New("the update lists more than allowed")
	}
	return nil
}

// identity reads the attributes of an UpdateIdentity.
func (p *Parser) identity() (Identity, error) {
	var id Identity
	if err := p.count(); err != nil {
		return id, err
	}
	if a := p.s.Attribute("UpdateID"); a != nil {
		id.ID = p.updateID(a.RawValue())
	}
	if id.ID == "" {
		return id, errors.New("an identity has no identifier")
	}
	if a := p.s.Attribute("RevisionNumber"); a != nil {
		n, err := strconv.ParseUint(a.Value(), 10, 32)
		if err != nil {
			return id, errors.New("the revision of an identity is no number")
		}
		id.Revision = uint32(n)
	}
	return id, nil
}

// maxIDs bounds the identifiers that are remembered.
const maxIDs = 1 << 17

// updateID is the function of this name, with one string for each identifier.
func (p *Parser) updateID(written []byte) model.UpdateID {
	if id, ok := p.ids[string(written)]; ok {
		return id
	}
	id := updateID(string(written))
	if id != "" && len(written) < 64 {
		if len(p.ids) >= maxIDs {
			clear(p.ids)
		}
		p.ids[string(written)] = id
	}
	return id
}

// properties reads the attributes of Properties or ExtendedProperties.
func (p *Parser) properties(core bool) error {
	u, typed := p.u, false
	attrs := p.s.Attributes()
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix()) > 0 {
			continue
		}
		switch string(a.Local()) {
		case "UpdateType":
			var ok bool
			if u.Type, ok = parseType(a.Value()); !ok {
				return fmt.Errorf("the type %q of the update is not known", tidy(a.Value()))
			}
			typed = true
		case "ExplicitlyDeployable":
			u.Deployable = parseBool(a.Value())
		case "AutoSelectOnWebSites":
			u.AutoSelect = parseBool(a.Value())
		case "OSUpgrade":
			u.OSUpgrade = parseBool(a.Value())
		case "IsPublic":
			u.Public = parseBool(a.Value())
		case "IsBeta":
			u.Beta = parseBool(a.Value())
		case "PerUser":
			u.PerUser = parseBool(a.Value())
		case "BrowseOnly":
			u.BrowseOnly = parseBool(a.Value())
		case "IsMandatory":
			u.Mandatory = parseBool(a.Value())
		case "RequiresReacceptanceOfEula":
			u.ReacceptEula = parseBool(a.Value())
		case "EulaID":
			v := a.Value()
			u.EulaID = cmp.Or(string(updateID(v)), tidy(v))
		case "DefaultPropertiesLanguage":
			u.DefaultLanguage = tidy(a.Value())
		case "Handler":
			u.Handler = tidy(a.Value())
		case "PublicationState":
			u.Publication = parsePublication(a.Value())
		case "CreationDate":
			u.Created = parseTime(a.Value())
		case "PublisherID":
			v := a.Value()
			u.Publisher = cmp.Or(string(updateID(v)), tidy(v))
		case "MsrcSeverity":
			u.Severity = parseSeverity(a.Value())
		case "DetectoidType":
			u.DetectoidType = tidy(a.Value())
		case "LegacyName":
			u.LegacyName = tidy(a.Value())
		case "ProductName":
			u.ProductName = tidy(a.Value())
		case "ReleaseVersion":
			u.ReleaseVersion = tidy(a.Value())
		case "ReleaseRevision":
			u.ReleaseRevision = tidy(a.Value())
		case "MaxDownloadSize":
			u.MaxDownload = size(a.Value())
		case "MinDownloadSize":
			u.MinDownload = size(a.Value())
		}
	}
	if core && !typed {
		return errors.New("the update has no type")
	}
	return nil
}

// size reads a number of bytes; what is none is 0. Sizes need 64 bits.
func size(s string) int64 {
	n, err := strconv.ParseInt(tidy(s), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// property reads a child of Properties.
func (p *Parser) property(name string) error {
	u := p.u
	var list *[]string
	switch name {
	case "InstallationBehavior":
		u.Installation = p.behavior()
		return nil
	case "UninstallationBehavior":
		u.Uninstallation = p.behavior()
		return nil
	case "Language":
		list = &u.Languages
	case "SupportUrl":
		list = &u.SupportURLs
	case "MoreInfoUrl":
		list = &u.MoreInfoURLs
	case "SecurityBulletinID":
		list = &u.Bulletins
	case "KBArticleID":
		list = &u.KB
	case "CveID":
		list = &u.CVEs
	default:
		return nil
	}
	if err := p.count(); err != nil {
		return err
	}
	text, err := p.string()
	if err != nil {
		return err
	}
	if text = tidy(text); name == "KBArticleID" {
		text = digitsOf(text)
	}
	if text != "" && !slices.Contains((*list)[max(0, len(*list)-64):], text) {
		*list = append(*list, text)
	}
	return nil
}

func (p *Parser) behavior() *Behavior {
	b := &Behavior{Restart: model.RestartNever}
	if a := p.s.Attribute("RebootBehavior"); a != nil {
		b.Restart = parseRestart(a.Value())
	}
	if a := p.s.Attribute("Impact"); a != nil {
		b.Impact = tidy(a.Value())
	}
	if a := p.s.Attribute("CanRequestUserInput"); a != nil {
		b.Input = parseBool(a.Value())
	}
	if a := p.s.Attribute("RequiresNetworkConnectivity"); a != nil {
		b.Network = parseBool(a.Value())
	}
	return b
}

// localized reads what an update says in one language.
func (p *Parser) localized(name string) error {
	if err := p.count(); err != nil {
		return err
	}
	switch name {
	case "EulaFile":
		var e EulaFile
		if a := p.s.Attribute("Language"); a != nil {
			e.Language = tidy(a.Value())
		}
		if a := p.s.Attribute("GeoId"); a != nil {
			e.GeoID = tidy(a.Value())
		}
		var err error
		if e.File, err = p.file(); err == nil {
			p.u.Eulas = append(p.u.Eulas, e)
		}
		return err
	case "LocalizedProperties":
		var t Text
		err := p.children(func(name string) error {
			switch name {
			case "Language", "Title", "Description", "UninstallNotes", "SupportUrl", "MoreInfoUrl":
			default:
				return nil
			}
			if err := p.count(); err != nil {
				return err
			}
			text, err := p.string()
			switch name {
			case "Language":
				t.Language = tidy(text)
			case "Title":
				t.Title = tidy(text)
			case "Description":
				t.Description = tidyLines(text)
			case "UninstallNotes":
				t.UninstallNotes = tidyLines(text)
			case "SupportUrl":
				t.SupportURL = tidy(text)
			case "MoreInfoUrl":
				if text = tidy(text); text != "" {
					t.MoreInfoURLs = append(t.MoreInfoURLs, text)
				}
			}
			return err
		})
		if err == nil {
			p.u.Texts = append(p.u.Texts, t)
		}
		return err
	}
	return nil
}

// string reads the text of the current element up to its End, without that of
// its children.
func (p *Parser) string() (string, error) {
	depth := p.s.Depth()
	p.text = p.text[:0]
	for {
		kind, err := p.s.Next()
		if err != nil {
			return "", early(err)
		}
		switch kind {
		case markup.End:
			if p.s.Depth() < depth {
				return string(p.text), nil
			}
		case markup.Text, markup.CData:
			if room := p.limits.Text - len(p.text); p.s.Depth() == depth && room > 0 {
				text := p.s.Text()
				p.text = append(p.text, text[:min(room, len(text))]...)
			}
		}
	}
}

// relationship reads a child of Relationships.
func (p *Parser) relationship(name string) error {
	u := p.u
	switch name {
	case "SupersededUpdates":
		return p.children(func(name string) error {
			if name != "UpdateIdentity" {
				return nil
			}
			id, err := p.identity()
			if err == nil {
				u.Supersedes = append(u.Supersedes, id.ID)
			}
			return err
		})
	case "Prerequisites":
		return p.children(func(name string) error {
			switch name {
			case "UpdateIdentity":
				id, err := p.identity()
				if err == nil {
					u.Prerequisites = append(u.Prerequisites, Clause{IDs: []model.UpdateID{id.ID}})
				}
				return err
			case "AtLeastOne":
				var c Clause
				if a := p.s.Attribute("IsCategory"); a != nil {
					c.IsCategory = parseBool(a.Value())
				}
				ids, err := p.identities()
				for _, id := range ids {
					c.IDs = append(c.IDs, id.ID)
				}
				if err == nil && len(ids) > 0 {
					u.Prerequisites = append(u.Prerequisites, c)
				}
				return err
			}
			return nil
		})
	case "BundledUpdates":
		return p.children(func(name string) error {
			switch name {
			case "UpdateIdentity":
				id, err := p.identity()
				if err == nil {
					u.Bundles = append(u.Bundles, BundleClause{Members: []Identity{id}})
				}
				return err
			case "AtLeastOne":
				ids, err := p.identities()
				if err == nil && len(ids) > 0 {
					u.Bundles = append(u.Bundles, BundleClause{AnyOf: true, Members: ids})
				}
				return err
			}
			return nil
		})
	}
	return nil
}

func (p *Parser) identities() ([]Identity, error) {
	var ids []Identity
	err := p.count()
	if err != nil {
		return nil, err
	}
	err = p.children(func(name string) error {
		if name != "UpdateIdentity" {
			return nil
		}
		id, err := p.identity()
		if err == nil {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}
