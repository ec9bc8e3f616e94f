package wsusexport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"fettle/model"
	"fettle/sync/metadata/markup"
)

// updateSpace is the namespace of update documents.
const updateSpace = "http://schemas.microsoft.com/msus/2002/12/Update"

// xmlItem is what a packageXML finds.
type xmlItem uint8

const (
	itemRoot     xmlItem = iota // the attributes of ExportPackage
	itemLanguage                // a language of the server
	itemFile                    // where the vendor has a payload file
	itemRevision                // a revision that the package holds
	itemDocument                // a document within the package's own XML
)

// packageXML reads package.xml, and the XML of .xml.gz packages, which may hold
// the documents too: as elements of the update namespace, or as escaped text
// (offline-catalogues C.2; which of them is not known). It goes through the input
// once and keeps nothing but the token it is at.
type packageXML struct {
	s     *markup.Scanner
	limit int // bytes of a document

	section      string   // the child of ExportPackage that is open
	declarations []string // namespace declarations outside documents, as written
	opened       []int    // how many of them each open element brought

	// What the last item says.
	root     manifest // of itemRoot
	language Language
	file     struct{ digest, url string }
	record   record
	ended    bool
}

// nameless is a document outside the element that would say what it is.
var nameless = record{problem: "the package does not say which revision it is"}

func newPackageXML(r io.Reader, limit int) *packageXML {
	return &packageXML{s: markup.NewScanner(skipMark(r), markup.Limits{}), limit: limit, record: nameless}
}

// damage says where the XML makes no sense.
func (p *packageXML) damage(format string, args ...any) error {
	return fmt.Errorf("package.xml (at byte %d): %s", p.s.Offset(), fmt.Sprintf(format, args...))
}

// next finds the next item. Documents are appended to dst where keep says so;
// io.EOF follows the last item of a whole package.
func (p *packageXML) next(dst []byte, keep func(revision) bool) (xmlItem, []byte, error) {
	for {
		kind, err := p.s.Next()
		if err != nil {
			return 0, dst, p.scanError(err)
		}
		switch kind {
		case markup.Start:
			item, out, found, err := p.start(dst, keep)
			if err != nil || found {
				return item, out, err
			}
		case markup.End:
			p.close()
			switch p.s.Depth() {
			case 0:
				p.ended = true
			case 1:
				p.section = ""
			case 2:
				p.record = nameless
			}
		case markup.Text, markup.CData:
			if p.section != "Updates" || p.s.Depth() < 3 {
				continue
			}
			text := bytes.TrimLeft(p.s.Text(), " \t\r\n")
			if len(text) == 0 || text[0] != '<' {
				continue
			}
			out, err := p.text(text, dst, keep)
			return itemDocument, out, err
		}
	}
}

// scanError tells the end of a whole package from one that was cut off.
func (p *packageXML) scanError(err error) error {
	var syntax *markup.SyntaxError
	switch {
	case errors.Is(err, io.EOF) && p.ended:
		return io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return p.damage("it ends in the middle: the package is damaged, export it again")
	case errors.As(err, &syntax):
		return fmt.Errorf("package.xml (at byte %d): %s: the package is damaged, export it again", syntax.Offset, syntax.Reason)
	}
	return fmt.Errorf("reading package.xml: %w", err)
}

// start looks at the beginning of an element.
func (p *packageXML) start(dst []byte, keep func(revision) bool) (xmlItem, []byte, bool, error) {
	depth := p.s.Depth()
	if depth == 1 {
		if string(p.s.Local()) != "ExportPackage" {
			return 0, dst, false, p.damage("this is no export of a WSUS server: its element is %q, not \"ExportPackage\"", model.Clean(string(p.s.Name())))
		}
		p.open()
		p.root = manifest{
			ServerID: p.attribute("ServerID"), created: p.attribute("CreationTime"),
			Format: p.attribute("FormatVersion"), Protocol: p.attribute("ProtocolVersion"),
		}
		return itemRoot, dst, true, nil
	}
	if p.section == "Updates" && depth >= 3 && p.s.Is(updateSpace, "Update") {
		out, err := p.element(dst, keep)
		return itemDocument, out, true, err
	}
	p.open()
	local := string(p.s.Local())
	switch {
	case depth == 2:
		p.section = local
	case depth == 3 && p.section == "Languages" && local == "Language":
		p.language = Language{ShortName: p.attribute("ShortName"), LongName: p.attribute("LongName")}
		p.language.ID, _ = strconv.Atoi(p.attribute("Id"))
		p.language.Enabled = slices.Contains([]string{"1", "true"}, p.attribute("Enabled"))
		return itemLanguage, dst, true, nil
	case depth == 3 && p.section == "Files" && local == "File":
		p.file.digest, p.file.url = p.attribute("Digest"), p.attribute("MUUrl")
		return itemFile, dst, true, nil
	case depth == 3 && p.section == "Updates" && local == "Update":
		id, ok := parseGUID([]byte(p.attribute("UpdateId")))
		number, err := strconv.ParseUint(p.attribute("RevisionNumber"), 10, 32)
		if !ok || err != nil {
			p.record = record{problem: fmt.Sprintf("it is called %q, revision %q", p.attribute("UpdateId"), p.attribute("RevisionNumber"))}
			return itemRevision, dst, true, nil
		}
		p.record = record{revision: revision{id, uint32(number)}}
		return itemRevision, dst, true, nil
	}
	return 0, dst, false, nil
}

// attribute gives an attribute of the current element, safe to show.
func (p *packageXML) attribute(name string) string {
	if a := p.s.Attribute(name); a != nil {
		return model.Clean(a.Value())
	}
	return ""
}

// open remembers the namespaces that an element declares.
func (p *packageXML) open() {
	n := 0
	for _, a := range p.s.Attributes() {
		if a.Declaration() {
			p.declarations = append(p.declarations, string(a.Raw()))
			n++
		}
	}
	p.opened = append(p.opened, n)
}

// close forgets them.
func (p *packageXML) close() {
	if last := len(p.opened) - 1; last >= 0 {
		p.declarations = p.declarations[:len(p.declarations)-p.opened[last]]
		p.opened = p.opened[:last]
	}
}

// wanted says whether the document at hand is to be copied.
func (p *packageXML) wanted(keep func(revision) bool) bool {
	return p.record.problem == "" && (keep == nil || keep(p.record.revision))
}

// add appends a part of a document within the limit.
func (p *packageXML) add(dst []byte, begin int, part []byte) []byte {
	if len(dst)-begin+len(part) > p.limit {
		p.record.problem = fmt.Sprintf("its document is longer than %d bytes", p.limit)
		return dst[:begin]
	}
	return append(dst, part...)
}

// element copies a document that is an element here, to the byte. Declarations
// outside it that it makes use of are put into its first tag, for it has to
// stand alone.
func (p *packageXML) element(dst []byte, keep func(revision) bool) ([]byte, error) {
	begin, depth, wanted := len(dst), p.s.Depth(), p.wanted(keep)
	name, outside := 1+len(p.s.Name()), len(p.declarations)
	var borrowed []string
	for kind := markup.Start; ; {
		if kind == markup.Start {
			p.open()
			borrowed = p.borrow(borrowed, outside)
		}
		if wanted && p.record.problem == "" {
			dst = p.add(dst, begin, p.s.Raw())
		}
		if kind == markup.End {
			p.close()
			if p.s.Depth() < depth {
				break
			}
		}
		var err error
		if kind, err = p.s.Next(); err != nil {
			return dst[:begin], p.scanError(err)
		}
	}
	if wanted && p.record.problem == "" {
		for _, declaration := range borrowed {
			dst = slices.Insert(dst, begin+name, []byte(" "+declaration)...)
		}
	}
	return dst, nil
}

// borrow adds the declarations from outside the document that the current
// element's names rest on.
func (p *packageXML) borrow(list []string, outside int) []string {
	if outside == 0 {
		return list
	}
	rest := func(prefix []byte) {
		for i, declaration := range slices.Backward(p.declarations) {
			if declaredPrefix(declaration) != string(prefix) {
				continue
			}
			if i < outside && !slices.Contains(list, declaration) {
				list = append(list, declaration)
			}
			return
		}
	}
	rest(p.s.Prefix())
	for _, a := range p.s.Attributes() {
		if len(a.Prefix()) > 0 && !a.Declaration() {
			rest(a.Prefix())
		}
	}
	return list
}

// declaredPrefix gives the prefix that `xmlns:prefix="..."` declares; empty for
// the default namespace.
func declaredPrefix(declaration string) string {
	name, _, _ := strings.Cut(declaration, "=")
	_, prefix, _ := strings.Cut(strings.TrimSpace(name), ":")
	return prefix
}

// text copies a document that is escaped text here; its first piece is given.
func (p *packageXML) text(first, dst []byte, keep func(revision) bool) ([]byte, error) {
	begin, wanted := len(dst), p.wanted(keep)
	if wanted {
		dst = p.add(dst, begin, first)
	}
	for {
		kind, err := p.s.Next()
		switch {
		case err != nil:
			return dst[:begin], p.scanError(err)
		case kind == markup.Text || kind == markup.CData:
			if wanted && p.record.problem == "" {
				dst = p.add(dst, begin, p.s.Text())
			}
		case kind == markup.End:
			p.close()
			return append(dst[:begin], bytes.TrimRight(dst[begin:], " \t\r\n")...), nil
		case kind == markup.Start:
			return dst[:begin], p.damage("a document as text is followed by the element %q", model.Clean(string(p.s.Name())))
		}
	}
}
