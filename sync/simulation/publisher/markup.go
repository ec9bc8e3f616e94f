package publisher

import (
	"maps"
	"strings"
	"unicode/utf8"
)

// Style varies what must not matter to a reader. The zero Style is that of most
// real documents.
type Style struct {
	Prefixes map[string]string // what is written instead of the usual prefix; "" makes it the default namespace
	Indent   bool              // every element on its own line, with CR LF, as 95 of 4,125 real documents have it
	Capitals bool              // identifiers in upper case, as in 798 of them
	Declare  bool              // namespaces are declared where they are used, and not at the root
}

// Odd is a style that is as unusual as real documents get.
var Odd = Style{
	Prefixes: map[string]string{"upd": "", "lar": "logic", "bar": "b", "cat": "upd", "osi": "o", "mar": "msiar", "xsi": "i"},
	Indent:   true, Capitals: true, Declare: true,
}

const (
	msus    = "http://schemas.microsoft.com/msus/2002/12/"
	handler = msus + "UpdateHandlers/"
)

// namespaces are those of update-metadata 1 by their usual prefix, in the order
// in which the root declares them.
var namespaces = []struct{ prefix, uri string }{
	{"pub", msus + "Publishing"},
	{"bar", msus + "BaseApplicabilityRules"},
	{"lar", msus + "LogicalApplicabilityRules"},
	{"mar", msus + "MsiApplicabilityRules"},
	{"cbsar", msus + "CbsApplicabilityRules"},
	{"cat", handler + "Category"},
	{"cmd", handler + "CommandLineInstallation"},
	{"cbs", handler + "Cbs"},
	{"msp", handler + "WindowsInstaller"},
	{"psf", handler + "WindowsPatch"},
	{"wsi", handler + "WindowsSetup"},
	{"drv", handler + "WindowsDriver"},
	{"osi", "http://schemas.microsoft.com/msus/2016/01/UpdateHandlers/OSInstaller"},
	{"upd", msus + "Update"},
	{"xsi", "http://www.w3.org/2001/XMLSchema-instance"},
}

func namespaceOf(prefix string) string {
	for _, n := range namespaces {
		if n.prefix == prefix {
			return n.uri
		}
	}
	return ""
}

// element is one element of a document in the making.
type element struct {
	name       string // with its usual prefix; none inside what has a default of its own
	foreign    string // a default namespace that begins here
	attributes []string
	children   []*element
	text       string
	open       bool // has an end tag even when empty
	bare       bool // no line breaks inside, whatever the style
}

func node(name string, children ...*element) *element {
	return &element{name: name, children: children}
}

func textNode(name, text string) *element { return &element{name: name, text: text} }

// attr adds an attribute unless its value is empty.
func (e *element) attr(name, value string) *element {
	if value != "" {
		e.attributes = append(e.attributes, name, value)
	}
	return e
}

func (e *element) flag(name string, set bool) *element {
	if set {
		return e.attr(name, "true")
	}
	return e
}

// add appends what is not nil.
func (e *element) add(children ...*element) *element {
	for _, c := range children {
		if c != nil {
			e.children = append(e.children, c)
		}
	}
	return e
}

// uses collects the usual prefixes below e.
func (e *element) uses(seen map[string]bool) {
	for i := -2; i < len(e.attributes); i += 2 {
		name := e.name
		if i >= 0 {
			name = e.attributes[i]
		}
		if prefix, _, ok := strings.Cut(name, ":"); ok {
			seen[prefix] = true
		}
	}
	for _, c := range e.children {
		c.uses(seen)
	}
}

// markup writes elements.
type markup struct {
	strings.Builder
	style Style
}

// scope is what is declared where an element stands.
type scope struct {
	usual map[string]string // by what is written, "" being the default namespace
	again map[string]bool   // by usual prefix: declared by an element within the root
}

// with gives a scope in which one more prefix is declared.
func (s scope) with(written, usual string, again bool) scope {
	n := scope{maps.Clone(s.usual), s.again}
	if n.usual == nil {
		n.usual = map[string]string{}
	}
	n.usual[written] = usual
	if again {
		n.again = maps.Clone(s.again)
		if n.again == nil {
			n.again = map[string]bool{}
		}
		n.again[usual] = true
	}
	return n
}

// prefix gives what is written for a usual prefix.
func (m *markup) prefix(usual string) string {
	if p, ok := m.style.Prefixes[usual]; ok {
		return p
	}
	if usual == "osi" { // real documents bind the default namespace to it
		return ""
	}
	return usual
}

// name writes a name with the prefix of the style.
func (m *markup) name(usual string) string {
	prefix, local, ok := strings.Cut(usual, ":")
	switch {
	case !ok:
		return usual
	case m.prefix(prefix) == "":
		return local
	}
	return m.prefix(prefix) + ":" + local
}

// root writes a document.
func (m *markup) root(e *element) {
	used := map[string]bool{"pub": true} // which every real document declares
	e.uses(used)
	in := scope{}
	m.WriteString("<" + m.name(e.name))
	for _, n := range namespaces {
		// xsi is declared where it is used, in every real document.
		if n.prefix == "xsi" || n.prefix == "osi" || !used[n.prefix] || m.style.Declare && n.prefix != "upd" {
			continue
		}
		in = in.with(m.prefix(n.prefix), n.prefix, false)
		m.declare(n.prefix)
	}
	m.body(e, in, 0, false)
}

func (m *markup) declare(usual string) {
	if p := m.prefix(usual); p != "" {
		m.WriteString(" xmlns:" + p)
	} else {
		m.WriteString(" xmlns")
	}
	m.WriteString(`="` + namespaceOf(usual) + `"`)
}

// element writes an element; inside means that no blanks may be added.
func (m *markup) element(e *element, in scope, depth int, inside bool) {
	if m.style.Indent && !inside {
		m.WriteString("\r\n" + strings.Repeat("  ", depth))
	}
	m.WriteString("<" + m.name(e.name))
	m.body(e, in, depth, inside)
}

// body writes everything of an element behind its name.
func (m *markup) body(e *element, in scope, depth int, inside bool) {
	if e.foreign != "" {
		m.WriteString(` xmlns="` + escape(e.foreign) + `"`)
		in = in.with("", "", false)
	}
	for i := 0; i+1 < len(e.attributes); i += 2 {
		value := e.attributes[i+1]
		if e.attributes[i] == "xsi:type" {
			value = m.name(value) // a name in a value has the prefix of its namespace too
		}
		m.WriteString(" " + m.name(e.attributes[i]) + `="` + escape(value) + `"`)
	}
	in = m.declarations(e, in)
	if len(e.children) == 0 && e.text == "" && !e.open {
		m.WriteString(" />")
		return
	}
	m.WriteString(">" + escape(e.text))
	for _, c := range e.children {
		m.element(c, in, depth+1, inside || e.bare)
	}
	if m.style.Indent && len(e.children) > 0 && !inside && !e.bare {
		m.WriteString("\r\n" + strings.Repeat("  ", depth))
	}
	m.WriteString("</" + m.name(e.name) + ">")
}

// declarations declares what the names of an element and its attributes need.
// Real documents declare the prefixes of rules and handlers again where they are
// used, although the root has them; that of a value (xsi:type) only if it has not.
func (m *markup) declarations(e *element, in scope) scope {
	names, value := map[string]bool{}, ""
	(&element{name: e.name, attributes: e.attributes}).uses(names)
	for i := 0; i+1 < len(e.attributes); i += 2 {
		if e.attributes[i] == "xsi:type" {
			value, _, _ = strings.Cut(e.attributes[i+1], ":")
		}
	}
	for _, n := range namespaces {
		bound := in.usual[m.prefix(n.prefix)] == n.prefix
		if !bound && (names[n.prefix] || n.prefix == value) || names[n.prefix] && n.prefix != "upd" && !in.again[n.prefix] {
			m.declare(n.prefix)
			in = in.with(m.prefix(n.prefix), n.prefix, true)
		}
	}
	return in
}

// escape makes text of an element or an attribute. Line breaks are written as
// numbers, because readers change those that stand for themselves.
func escape(s string) string {
	var b strings.Builder
	for _, r := range Sanitize(s) {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '"':
			b.WriteString("&quot;")
		case '\t':
			b.WriteString("&#x9;")
		case '\n':
			b.WriteString("&#xA;")
		case '\r':
			b.WriteString("&#xD;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Sanitize replaces by U+FFFD what XML 1.0 has no way to write: control
// characters, halves of surrogate pairs, two non-characters, broken UTF-8.
func Sanitize(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= ' ' && r <= 0xd7ff, r >= 0xe000 && r <= 0xfffd, r >= 0x10000 && r <= utf8.MaxRune:
			return r
		}
		return utf8.RuneError
	}, s)
}
