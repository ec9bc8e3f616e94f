package metadata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"fettle/sync/metadata/markup"
)

// Namespaces of update documents (update-metadata 1).
const (
	msusSpace   = "http://schemas.microsoft.com/msus/"
	updateSpace = "http://schemas.microsoft.com/msus/2002/12/Update"
	baseSpace   = "http://schemas.microsoft.com/msus/2002/12/BaseApplicabilityRules"
	msiSpace    = "http://schemas.microsoft.com/msus/2002/12/MsiApplicabilityRules"
	driverSpace = "http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/WindowsDriver"
	xmlSpace    = "http://www.w3.org/XML/1998/namespace"
)

// maxBlank bounds white space between elements, which is held until it is known
// to be nothing but white space.
const maxBlank = 1 << 20

// folder writes tokens in the form that fragments have (update-metadata 3).
// Servers make that form with a style sheet, which explains the rules: what is
// Microsoft's is written anew under its local name, what is foreign is copied.
//
//   - Elements get the prefix b., m. or d., which is part of the name, or none.
//   - Declarations of namespaces go, except where foreign metadata begins.
//   - Attributes keep their order and lose their prefix (xsi:type).
//   - Empty elements are written <X />; in foreign metadata those that were
//     written <X></X> stay so.
//   - White space between elements goes, as do comments and instructions.
//   - A CDATA section becomes text.
//
// Everything else is the document's own bytes.
type folder struct {
	out   []byte
	flush func([]byte) error // takes out when it has grown; nil: it stays in memory

	pending bool     // a start tag is written except for its end
	full    bool     // ...and was written <X></X> in foreign metadata
	blank   []byte   // white space that is dropped unless text follows
	text    bool     // the current run of text has something else than white space
	escaped []byte   // scratch
	foreign []string // for each open element the namespace that its children find as default, in what is written
}

const flushSize = 32 << 10

func (f *folder) reset() {
	f.out, f.blank, f.foreign = f.out[:0], f.blank[:0], f.foreign[:0]
	f.pending, f.full, f.text = false, false, false
}

// done writes what is still held.
func (f *folder) done() error {
	if f.flush == nil || len(f.out) == 0 {
		return nil
	}
	err := f.flush(f.out)
	f.out = f.out[:0]
	return err
}

// token writes one token.
func (f *folder) token(s *markup.Scanner, kind markup.Kind) error {
	switch kind {
	case markup.Text:
		return f.characters(s.Raw())
	case markup.CData:
		f.escaped = appendEscaped(f.escaped[:0], s.Text())
		return f.characters(f.escaped)
	case markup.Start:
		return f.start(s, "", nil)
	case markup.End:
		f.end(s)
	default: // comments and instructions
		return nil
	}
	if f.flush != nil && len(f.out) >= flushSize {
		return f.done()
	}
	return nil
}

func (f *folder) characters(raw []byte) error {
	if !f.text {
		if isBlank(raw) {
			if f.blank = append(f.blank, raw...); len(f.blank) > maxBlank {
				return errors.New("there is more white space in one place than allowed")
			}
			return nil
		}
		f.settle()
	}
	f.out = append(f.out, raw...)
	f.text = true
	if f.flush != nil && len(f.out) >= flushSize {
		return f.done()
	}
	return nil
}

// settle finishes the start tag before content, and writes the white space that
// the content begins with.
func (f *folder) settle() {
	if f.pending {
		f.out = append(f.out, '>')
		f.pending = false
	}
	f.out = append(f.out, f.blank...)
	f.blank = f.blank[:0]
}

// start writes a start tag except for its end, under another name if one is
// given and with those attributes only that keep allows.
func (f *folder) start(s *markup.Scanner, name string, keep func(*markup.Attribute) bool) error {
	f.blank, f.text = f.blank[:0], false
	f.settle()
	f.out = append(f.out, '<')
	if name == "" {
		f.out = appendName(f.out, s)
	} else {
		f.out = append(f.out, name...)
	}
	space := s.Space()
	isForeign := foreignSpace(space)
	outside := ""
	if n := len(f.foreign); n > 0 {
		outside = f.foreign[n-1]
	}
	missing := isForeign && space != outside
	attrs := s.Attributes()
	for i := range attrs {
		a := &attrs[i]
		if a.Declaration() {
			// The declaration stays where the document has it, as the default one.
			own := len(a.Prefix()) == 0 && len(s.Prefix()) == 0 || len(a.Prefix()) > 0 && bytes.Equal(a.Local(), s.Prefix())
			if missing && own {
				f.out = append(append(f.out, " xmlns="...), quoted(a)...)
				missing = false
			}
			continue
		}
		if keep != nil && !keep(a) {
			continue
		}
		if err := f.attribute(attrs[:i], a); err != nil {
			return err
		}
	}
	if missing {
		value := bytes.ReplaceAll(appendEscaped(nil, []byte(space)), []byte(`"`), []byte("&quot;"))
		f.out = append(append(append(f.out, ` xmlns="`...), value...), '"')
	}
	if isForeign {
		outside = space
	}
	f.foreign = append(f.foreign, outside)
	f.pending, f.full = true, isForeign && !s.Empty()
	if f.flush != nil && len(f.out) >= flushSize {
		return f.done()
	}
	return nil
}

// attribute writes an attribute without its prefix. The prefix xml stays: it
// needs no declaration, and without it the name would mean nothing.
func (f *folder) attribute(before []markup.Attribute, a *markup.Attribute) error {
	name := a.Local()
	if a.Space == xmlSpace {
		name = a.Name()
	}
	for i := range before {
		if b := &before[i]; !b.Declaration() && (len(a.Prefix()) > 0 || len(b.Prefix()) > 0) && bytes.Equal(b.Local(), name) {
			return fmt.Errorf("two attributes would be called %s without their prefixes", name)
		}
	}
	f.out = append(append(append(append(f.out, ' '), name...), '='), quoted(a)...)
	return nil
}

// quoted is the value of an attribute between quotation marks.
func quoted(a *markup.Attribute) []byte {
	if a.Quote() == '"' {
		raw := a.Raw()
		return raw[len(raw)-len(a.RawValue())-2:]
	}
	value := bytes.ReplaceAll(a.RawValue(), []byte(`"`), []byte("&quot;"))
	return append(append([]byte{'"'}, value...), '"')
}

func (f *folder) end(s *markup.Scanner) {
	f.foreign = f.foreign[:len(f.foreign)-1]
	f.blank, f.text = f.blank[:0], false
	switch {
	case !f.pending:
		f.closeTag(s)
	case f.full:
		f.out = append(f.out, '>')
		f.closeTag(s)
	default:
		f.out = append(f.out, " />"...)
	}
	f.pending = false
}

func (f *folder) closeTag(s *markup.Scanner) {
	f.out = append(f.out, "</"...)
	f.out = append(appendName(f.out, s), '>')
}

// appendName appends the folded name of the current element.
func appendName(to []byte, s *markup.Scanner) []byte {
	switch s.Space() {
	case baseSpace:
		to = append(to, "b."...)
	case msiSpace:
		to = append(to, "m."...)
	case driverSpace:
		to = append(to, "d."...)
	}
	return append(to, s.Local()...)
}

// foreignSpace says whether a namespace is not Microsoft's for updates, such as
// that of a component manifest.
func foreignSpace(space string) bool {
	return space != "" && !strings.HasPrefix(space, msusSpace)
}

func isBlank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func appendEscaped(to, text []byte) []byte {
	for _, c := range text {
		switch c {
		case '&':
			to = append(to, "&amp;"...)
		case '<':
			to = append(to, "&lt;"...)
		case '>':
			to = append(to, "&gt;"...)
		default:
			to = append(to, c)
		}
	}
	return to
}

// element writes the element whose Start was read last, to its End. See is
// called for each token, the first Start among them, before it is written.
func (f *folder) element(s *markup.Scanner, name string, keep func(*markup.Attribute) bool, see func(markup.Kind) error) error {
	depth := s.Depth()
	if see != nil {
		if err := see(markup.Start); err != nil {
			return err
		}
	}
	if err := f.start(s, name, keep); err != nil {
		return err
	}
	for {
		kind, err := s.Next()
		if err != nil {
			return early(err)
		}
		if see != nil {
			if err := see(kind); err != nil {
				return err
			}
		}
		if kind == markup.End && s.Depth() < depth {
			f.rename(s, name)
			return nil
		}
		if err := f.token(s, kind); err != nil {
			return err
		}
	}
}

// rename ends an element, under another name if one is given.
func (f *folder) rename(s *markup.Scanner, name string) {
	if name == "" || f.pending {
		f.full = f.full && name == ""
		f.end(s)
		return
	}
	f.foreign = f.foreign[:len(f.foreign)-1]
	f.blank, f.text = f.blank[:0], false
	f.out = append(append(append(f.out, "</"...), name...), '>')
}

// early makes the end of the input an error where more has to come.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
