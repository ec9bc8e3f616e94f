package markup

import (
	"errors"
	"io"
)

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

// Attribute is an attribute of an element. Declarations of namespaces are among
// them. All parts are valid until the next token.
type Attribute struct {
	Name     []byte // as written, with its prefix
	Prefix   []byte // empty when there is none
	Local    []byte
	Space    string // namespace; empty without a prefix
	Raw      []byte // name, equals sign and quoted value, as written
	RawValue []byte // between the quotes, as written
	Quote    byte   // ' or "
}

// Declaration says whether the attribute declares a namespace.
func (a *Attribute) Declaration() bool {
	return string(a.Prefix) == "xmlns" || len(a.Prefix) == 0 && string(a.Local) == "xmlns"
}

// Value is the value with escapes decoded and line ends normalized.
func (a *Attribute) Value() string { return "" }

// Scanner reads tokens.
type Scanner struct{}

// NewScanner makes a scanner of r.
func NewScanner(r io.Reader, l Limits) *Scanner { return &Scanner{} }

// Reset makes the scanner read r from its beginning.
func (s *Scanner) Reset(r io.Reader) {}

// Next reads the next token: io.EOF after the last one of a well-formed input,
// a *SyntaxError where the input is not well-formed or beyond a limit, and what
// the reader returned where that failed. An error is final.
func (s *Scanner) Next() (Kind, error) { return None, errors.New("nothing can be scanned yet") }

// Raw is the token as it was written; empty for the End of an empty element.
func (s *Scanner) Raw() []byte { return nil }

// Name is the name of a Start or an End as written, with its prefix; the target
// of an Instruction.
func (s *Scanner) Name() []byte { return nil }

// Prefix is the prefix of a Start's or an End's name; empty when there is none.
func (s *Scanner) Prefix() []byte { return nil }

// Local is the name of a Start or an End without its prefix.
func (s *Scanner) Local() []byte { return nil }

// Space is the namespace of a Start's or an End's name.
func (s *Scanner) Space() string { return "" }

// Is says whether a Start's or an End's name is this.
func (s *Scanner) Is(space, local string) bool { return false }

// Attributes are those of a Start, in the order in which they are written.
func (s *Scanner) Attributes() []Attribute { return nil }

// Attribute finds an attribute of a Start by its local name among those without
// a prefix; nil when there is none.
func (s *Scanner) Attribute(local string) *Attribute { return nil }

// Empty says whether a Start is written as <X />, with or without the blank.
func (s *Scanner) Empty() bool { return false }

// Text is the text of a Text or a CData with escapes decoded and line ends
// normalized, and what a Comment or an Instruction holds.
func (s *Scanner) Text() []byte { return nil }

// Depth is the number of elements that are open: a Start counts itself, an End
// does not any more.
func (s *Scanner) Depth() int { return 0 }

// Offset is where the token begins, in bytes from the beginning of the input.
func (s *Scanner) Offset() int64 { return 0 }

// Skip reads on to the End of the element whose Start was read last, which is
// then the current token.
func (s *Scanner) Skip() error { return nil }

// SyntaxError says what is wrong with an input, and where.
type SyntaxError struct {
	Offset int64
	Reason string
}

func (e *SyntaxError) Error() string { return e.Reason }
