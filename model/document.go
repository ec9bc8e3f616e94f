package model

import (
	"crypto/sha256"
	"encoding/binary"
)

// DocumentKey names one revision of a vendor's metadata for ever. The number is
// the vendor's, not that of Update.Revision, which counts what arrived here.
type DocumentKey struct {
	ID       UpdateID
	Revision uint32
}

// DocumentKind is what a vendor's document describes. Administrators decide
// about some software and drivers (Update); the rest stays behind the scenes.
type DocumentKind uint8

// The kinds, the UpdateType of update-metadata 2.
const (
	DocumentSoftware DocumentKind = iota
	DocumentDriver
	DocumentCategory  // a product, what groups products, or a classification
	DocumentDetectoid // a rule that others have as their prerequisite
)

// String gives the word shown for the kind.
func (k DocumentKind) String() string {
	return [...]string{"software", "driver", "category", "detectoid"}[min(k, 3)]
}

// DocumentForm is how the vendor gave the metadata.
type DocumentForm uint8

// The forms.
const (
	DocumentWhole     DocumentForm = iota // one XML document
	DocumentFragments                     // the fragments that managed computers are sent
)

// Names of the parts of a document: one whole, or fragments. Texts and licence
// terms have their language behind the name, as in "text/en".
const (
	PartWhole    = "document"
	PartCore     = "core"
	PartExtended = "extended"
	PartText     = "text/"
	PartEula     = "eula/"
)

// DocumentPart is a part of a document, to the byte as the vendor published it.
type DocumentPart struct {
	Name string `cbor:"1,keyasint"`
	Data []byte `cbor:"2,keyasint"`
}

// DocumentHead is what is known of a document without reading it.
type DocumentHead struct {
	DocumentKey
	Kind       DocumentKind
	Deployable bool // an administrator decides about it
	Form       DocumentForm
	SHA256     [32]byte // Document.Sum
	Size       int64    // bytes of all parts
}

// Document is the metadata of one revision as its vendor published it.
type Document struct {
	DocumentKey
	Kind       DocumentKind
	Deployable bool
	Form       DocumentForm
	Parts      []DocumentPart
}

// Part gives the bytes of a part; nil when there is none of the name.
func (d *Document) Part(name string) []byte {
	for _, p := range d.Parts {
		if p.Name == name {
			return p.Data
		}
	}
	return nil
}

// Sum is the SHA-256 over the names, lengths and bytes of all parts: two
// documents of one revision are the same if their sums are. The sum of a whole
// document is that of its bytes alone, so that it can be checked with any tool.
func (d *Document) Sum() [32]byte {
	if d.Form == DocumentWhole {
		return sha256.Sum256(d.Part(PartWhole))
	}
	h := sha256.New()
	for _, p := range d.Parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p.Name))))
		h.Write([]byte(p.Name))
		h.Write(binary.AppendUvarint(nil, uint64(len(p.Data))))
		h.Write(p.Data)
	}
	return [32]byte(h.Sum(nil))
}

// Size is the number of bytes of all parts.
func (d *Document) Size() int64 {
	var n int64
	for _, p := range d.Parts {
		n += int64(len(p.Data))
	}
	return n
}
