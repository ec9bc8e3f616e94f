package wsusscn2

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"fettle/model"
)

// guid is an identifier in sixteen bytes: the tables hold hundreds of thousands.
type guid [16]byte

// parseGUID reads the usual form, in any case.
func parseGUID(b []byte) (g guid, ok bool) {
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return g, false
	}
	var digits [32]byte
	n := copy(digits[:], b[:8])
	n += copy(digits[n:], b[9:13])
	n += copy(digits[n:], b[14:18])
	n += copy(digits[n:], b[19:23])
	copy(digits[n:], b[24:])
	_, err := hex.Decode(g[:], digits[:])
	return g, err == nil
}

// id writes a guid as the store knows updates: in lower case.
func (g guid) id() model.UpdateID {
	var b [36]byte
	hex.Encode(b[0:8], g[0:4])
	hex.Encode(b[9:13], g[4:6])
	hex.Encode(b[14:18], g[6:8])
	hex.Encode(b[19:23], g[8:10])
	hex.Encode(b[24:36], g[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return model.UpdateID(b[:])
}

func compareGUID(a, b guid) int { return bytes.Compare(a[:], b[:]) }

// digest is the SHA-1 of a payload file: the key that joins it with its address.
type digest [20]byte

// span is a stretch of one of the catalogue's tables.
type span struct{ from, to uint32 }

// revision is one Update element of package.xml.
type revision struct {
	id       guid
	number   uint32 // RevisionNumber
	key      uint32 // RevisionId: means something in this edition only
	language uint16 // index into catalogue.languages
	bundle   bool
	leaf     bool
	terms    bool // licence terms belong to it
	created  int64

	supersededBy span // of catalogue.edges
	categories   span // of catalogue.used
	payload      span // of catalogue.payload
}

// identity is what stays true of a revision in the next edition.
func (r *revision) identity() model.DocumentKey {
	return model.DocumentKey{ID: r.id.id(), Revision: r.number}
}

// category is one that package.xml names on bundles.
type category struct {
	id   guid
	kind model.CategoryKind
}

// catalogue is package.xml, without pointers where there are many: the garbage
// collector has next to nothing to look at.
type catalogue struct {
	Edition
	size int64 // bytes of package.xml

	revisions  []revision // by key
	identities []int32    // indexes of revisions, by identity
	bundles    int

	languages []string
	edges     []uint32 // keys of the revisions that supersede
	kinds     []category
	used      []uint16 // indexes into kinds
	payload   []digest

	locations []location // by digest
	urls      []byte
}

// location is where a payload file can be fetched.
type location struct {
	file digest
	url  span // of catalogue.urls
}

// byKey finds a revision by its RevisionId.
func (c *catalogue) byKey(key uint32) (int, bool) {
	// Real editions number without gaps, so the place is known.
	if n := len(c.revisions); n > 0 {
		if i := int64(key) - int64(c.revisions[0].key); i >= 0 && i < int64(n) && c.revisions[i].key == key {
			return int(i), true
		}
	}
	return slices.BinarySearchFunc(c.revisions, key, func(r revision, key uint32) int { return cmp.Compare(r.key, key) })
}

// byIdentity finds a revision.
func (c *catalogue) byIdentity(id guid, number uint32) (int, bool) {
	i, ok := slices.BinarySearchFunc(c.identities, 0, func(n int32, _ int) int {
		r := &c.revisions[n]
		return cmp.Or(compareGUID(r.id, id), cmp.Compare(r.number, number))
	})
	if !ok {
		return 0, false
	}
	return int(c.identities[i]), true
}

// newest says whether no later revision of the same update is in the edition.
func (c *catalogue) newest(i int) bool {
	r := &c.revisions[i]
	at, _ := slices.BinarySearchFunc(c.identities, 0, func(n int32, _ int) int {
		o := &c.revisions[n]
		return cmp.Or(compareGUID(o.id, r.id), cmp.Compare(o.number, r.number))
	})
	return at+1 >= len(c.identities) || c.revisions[c.identities[at+1]].id != r.id
}

// has says whether any revision of an update is in the edition.
func (c *catalogue) has(id guid) bool {
	at, _ := slices.BinarySearchFunc(c.identities, 0, func(n int32, _ int) int {
		return cmp.Or(compareGUID(c.revisions[n].id, id), 1)
	})
	return at < len(c.identities) && c.revisions[c.identities[at]].id == id
}

// url gives the address of a file; empty when there is none.
func (c *catalogue) url(sha1 []byte) string {
	if len(sha1) != len(digest{}) {
		return ""
	}
	i, ok := slices.BinarySearchFunc(c.locations, sha1, func(l location, sha1 []byte) int { return bytes.Compare(l.file[:], sha1) })
	if !ok {
		return ""
	}
	return string(c.urls[c.locations[i].url.from:c.locations[i].url.to])
}

// createdAt is when the vendor made a revision; zero when it does not say.
func (r *revision) createdAt() time.Time {
	if r.created == 0 {
		return time.Time{}
	}
	return time.Unix(r.created, 0).UTC()
}
