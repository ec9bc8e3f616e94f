package markup

import "fmt"

// Kind is the kind of a token.
type Kind uint8

// The kinds of tokens. An element written as <X /> gives a Start, for which
// Empty is true, and an End without bytes.
const (
	None Kind = iota
	Start
	End
	Text        // character data; one run of it may come in several tokens
	CData       // a CDATA section; a long one comes in several tokens
	Comment     // <!-- -->
	Instruction // <? ?>, the XML declaration among them
)

// Limits bounds what is accepted. Zero values mean the defaults.
type Limits struct {
	Depth      int  // nested elements, 256
	Attributes int  // of one element, 256
	Name       int  // bytes of a name, 1,024
	Tag        int  // bytes of a tag, a comment or an instruction, 1 MiB
	Fragment   bool // several roots, or none, and text between them, are accepted
}

func (l Limits) filled() Limits {
	for _, f := range []struct {
		v *int
		d int
	}{{&l.Depth, 256}, {&l.Attributes, 256}, {&l.Name, 1 << 10}, {&l.Tag, 1 << 20}} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	return l
}

// Raw is the token as it was written; empty for the End of an empty element.
func (s *Scanner) Raw() []byte { return s.raw }

// Name is the name of a Start or an End as written, with its prefix; the target
// of an Instruction.
func (s *Scanner) Name() []byte { return s.name }

// Prefix is the prefix of a Start's or an End's name; empty when there is none.
func (s *Scanner) Prefix() []byte { return s.name[:s.prefix] }

// Local is the name of a Start or an End without its prefix.
func (s *Scanner) Local() []byte {
	if s.prefix > 0 {
		return s.name[s.prefix+1:]
	}
	return s.name
}

// Space is the namespace of a Start's or an End's name.
func (s *Scanner) Space() string { return s.space }

// Is says whether a Start's or an End's name is this.
func (s *Scanner) Is(space, local string) bool {
	return string(s.Local()) == local && s.space == space
}

// Attributes are those of a Start, in the order in which they are written.
func (s *Scanner) Attributes() []Attribute { return s.attrs }

// Attribute finds an attribute of a Start by its local name among those without
// a prefix; nil when there is none.
func (s *Scanner) Attribute(local string) *Attribute {
	for i := range s.attrs {
		if a := &s.attrs[i]; a.prefix == 0 && string(a.raw[:a.name]) == local {
			return a
		}
	}
	return nil
}

// Empty says whether a Start is written as <X />, with or without the blank.
func (s *Scanner) Empty() bool { return s.empty }

// Text is the text of a Text or a CData with escapes decoded and line ends
// normalized, and what a Comment or an Instruction holds.
func (s *Scanner) Text() []byte {
	if s.plain {
		return s.inner
	}
	s.scratch = appendDecoded(s.scratch[:0], s.inner, s.kind == Text)
	s.inner, s.plain = s.scratch, true
	return s.inner
}

// Depth is the number of elements that are open: a Start counts itself, an End
// does not any more.
func (s *Scanner) Depth() int { return len(s.open) }

// Offset is where the token begins, in bytes from the beginning of the input.
func (s *Scanner) Offset() int64 { return s.at }

// SyntaxError says what is wrong with an input, and where.
type SyntaxError struct {
	Offset int64 // in bytes from the beginning
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }
