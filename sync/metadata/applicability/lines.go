package applicability

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"fettle/model"
)

// minWidth is the narrowest that texts are wrapped to; a narrower screen cuts.
const minWidth = 20

// Lines says what the rule asks as an indented list, wrapped at a display width;
// 0 = not wrapped. Long enumerations of products and packages are counted;
// FullLines spells them out.
func (r *Rule) Lines(width int) []string { return r.lines(width, false) }

// FullLines is Lines with nothing counted.
func (r *Rule) FullLines(width int) []string { return r.lines(width, true) }

func (r *Rule) lines(width int, full bool) []string {
	l := &listing{width: width}
	p := r.words(full)
	if p.kind == single {
		l.add(0, "", p.text)
		return l.lines
	}
	l.add(0, "", p.heading()+":")
	l.parts(p, 0)
	return l.lines
}

// Lines says what all the rules ask: a heading for each section, and what the
// metadata name. Rules of a bundle are empty, and so are the lines.
func (r *Rules) Lines(width int) []string { return r.lines(width, false) }

// FullLines is Lines with nothing counted.
func (r *Rules) FullLines(width int) []string { return r.lines(width, true) }

// sectionWords begin the lines of a section.
var sectionWords = map[Section]string{
	SectionInstalled:   "Installed",
	SectionSuperseded:  "Superseded",
	SectionInstallable: "Installable",
}

func (r *Rules) lines(width int, full bool) []string {
	l := &listing{width: width}
	for _, s := range Sections() {
		rule := r.Section(s)
		if rule == nil {
			continue
		}
		p, word := rule.words(full), sectionWords[s]
		switch {
		case p.kind == single && (p.text == "always" || p.text == "never"):
			l.add(0, "", word+": "+p.text)
		case p.kind == single:
			l.add(0, "", word+" when:")
			l.add(0, "- ", p.text)
		case p.kind == headed:
			l.add(0, "", word+" when "+p.text+":")
			l.parts(p, 0)
		default:
			l.add(0, "", word+" when "+p.heading()+choose(p.kind == allOf || p.kind == notAllOf, " hold:", " holds:"))
			l.parts(p, 0)
		}
	}
	r.Metadata.lines(l, full)
	if len(r.unknown) > 0 {
		l.add(0, "", "Not understood, and taken as unknown: "+strings.Join(r.unknown, "; "))
	}
	return l.lines
}

// heading introduces the parts of a phrase.
func (p *phrase) heading() string {
	switch p.kind {
	case allOf:
		return "all of these"
	case anyOf:
		return "any of these"
	case noneOf:
		return "none of these"
	case notAllOf:
		return "not all of these"
	}
	return p.text
}

// listing is lines that are being made.
type listing struct {
	width int
	lines []string
}

// parts lists the parts of a phrase, each with a dash.
func (l *listing) parts(p *phrase, depth int) {
	for _, q := range p.parts {
		if q.kind == single {
			l.add(depth, "- ", q.text)
			continue
		}
		l.add(depth, "- ", q.heading()+":")
		l.parts(q, depth+1)
	}
}

// add wraps a text. Rules deeper than half the width are indented no further.
func (l *listing) add(depth int, mark, text string) {
	indent := 2 * depth
	width := l.width
	if width > 0 {
		width = max(width, minWidth)
		indent = min(indent, width/2/2*2)
	}
	first := strings.Repeat(" ", indent) + mark
	rest := strings.Repeat(" ", len(first))
	for i, line := range wrap(text, width-len(first)) {
		l.lines = append(l.lines, choose(i == 0, first, rest)+line)
	}
}

// wrap breaks a text into lines of a display width, at blanks where it can, then
// behind backslashes, for paths are long, then anywhere. A width below 1 is no
// limit.
func wrap(text string, width int) []string {
	if width < 1 || ansi.StringWidth(text) <= width {
		return []string{text}
	}
	var lines []string
	line, used := "", 0
	for _, word := range unbroken(text) {
		n := ansi.StringWidth(word)
		if used > 0 && used+1+n <= width {
			line, used = line+" "+word, used+1+n
			continue
		}
		if used > 0 && n > width && used+1 < width/2 { // begin a long path on this line
			if head := breakWord(word, width-used-1, false); head != "" {
				line, word = line+" "+head, word[len(head):]
				n = ansi.StringWidth(word)
			}
		}
		if used > 0 {
			lines = append(lines, line)
		}
		for n > width {
			head := breakWord(word, width, true)
			lines, word = append(lines, head), word[len(head):]
			n = ansi.StringWidth(word)
		}
		line, used = word, n
	}
	return append(lines, line)
}

// unbroken takes text apart at blanks, except behind a comparison's sign: a
// number alone at the beginning of a line says nothing.
func unbroken(text string) []string {
	words := strings.Fields(text)
	out := words[:0]
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "=", "<", "<=", ">", ">=":
			if i+1 < len(words) {
				out = append(out, words[i]+" "+words[i+1])
				i++
				continue
			}
		}
		out = append(out, words[i])
	}
	return out
}

// breakWord is as much of the beginning of a word as fits: up to a backslash or
// another place where names have parts, or when anywhere is allowed and there is none, up to the width. It is never empty
// then.
func breakWord(word string, width int, anywhere bool) string {
	head := ansi.Truncate(word, width, "")
	if i := strings.LastIndexByte(head, '\\'); i > 0 {
		return head[:i+1]
	}
	if i := strings.LastIndexAny(head, "-~_"); i > len(head)/2 { // of GUIDs and packages
		return head[:i+1]
	}
	if !anywhere {
		return ""
	}
	if head == "" { // a single character that is wider than the line
		for i := range word {
			if i > 0 {
				return word[:i]
			}
		}
		return word
	}
	return head
}

// lines adds what the metadata name.
func (m *Metadata) lines(l *listing, full bool) {
	for _, p := range m.Packages {
		s := "CBS package: " + p.String()
		for _, more := range []string{p.Identifier, p.ReleaseType} {
			if more != "" {
				s += ", " + model.Clean(more)
			}
		}
		l.add(0, "", s)
	}
	for _, p := range m.Patches {
		s := "MSI patch: " + model.Clean(p.Code) + " for " + model.Number(len(p.Targets)) + choose(len(p.Targets) == 1, " product", " products")
		l.add(0, "", s)
		if full {
			for _, t := range p.Targets {
				l.add(0, "- ", "MSI product "+model.Clean(strings.TrimSpace(t.Product+" "+t.Version)))
			}
		}
	}
	for _, a := range m.Applications {
		l.add(0, "", "MSI product: "+model.Clean(strings.TrimSpace(a.Code+" "+a.Version)))
	}
	const few = 3
	for i, d := range m.Drivers {
		if i == few && !full && len(m.Drivers) > few+1 {
			l.add(0, "", "and drivers for "+model.Number(len(m.Drivers)-few)+" more hardware identifiers")
			break
		}
		l.add(0, "", "Driver: "+model.Clean(strings.Join(strings.Fields(d.HardwareID+" "+d.Provider+" "+d.Version+" "+d.Date), " ")))
	}
	for _, name := range m.Others {
		l.add(0, "", "Metadata: "+model.Clean(name))
	}
}
