package metadata

import (
	"errors"
	"io"

	"fettle/sync/metadata/markup"
)

// Limits bounds what a document may make Fettle hold. Zero values mean the
// defaults.
type Limits struct {
	Markup  markup.Limits
	Rules   int64 // longest rules that Update.Rules keeps, 4 MiB; negative: keep none, their size and digest only
	Drivers int   // most hardware kept of one driver, 4,096
	Items   int   // most entries of each list of an update, 1,000,000
}

// Parser reads documents one after another with the same buffers. It serves one
// goroutine at a time.
type Parser struct {
	limits Limits
}

// NewParser makes a parser.
func NewParser(l Limits) *Parser { return &Parser{limits: l} }

var errUnfinished = errors.New("documents cannot be read yet")

// Parse reads a whole document.
func (p *Parser) Parse(r io.Reader) (*Update, error) { return nil, errUnfinished }

// ParseFragments makes an update from its fragments. Extended and texts may be
// missing; the keys of texts are languages, and only say which language a text
// is in that does not say so itself.
func (p *Parser) ParseFragments(core, extended []byte, texts map[string][]byte) (*Update, error) {
	return nil, errUnfinished
}

// Parse reads a whole document with the default limits.
func Parse(r io.Reader) (*Update, error) { return NewParser(Limits{}).Parse(r) }

// ParseFragments makes an update from its fragments with the default limits.
func ParseFragments(core, extended []byte, texts map[string][]byte) (*Update, error) {
	return NewParser(Limits{}).ParseFragments(core, extended, texts)
}
