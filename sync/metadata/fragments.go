package metadata

import "io"

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

// Derive makes all fragments of a document in memory.
func Derive(r io.Reader) (*Fragments, error) { return nil, errUnfinished }

// DeriveCore streams the Core fragment of a document; what it holds meanwhile
// does not grow with the document.
func DeriveCore(w io.Writer, r io.Reader) error { return errUnfinished }

// DeriveExtended streams the Extended fragment.
func DeriveExtended(w io.Writer, r io.Reader) error { return errUnfinished }
