package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/klauspost/compress/zstd"

	"fettle/model"
)

// The documents that vendors published are kept in blocks: many small ones
// compress well together, and the catalogue of Microsoft has some hundred
// thousand of them. A document's record says where in which block it stands.

// documentRecord is where a document is, and what it is.
type documentRecord struct {
	Kind       model.DocumentKind `cbor:"1,keyasint,omitempty"`
	Deployable bool               `cbor:"2,keyasint,omitempty"`
	Form       model.DocumentForm `cbor:"3,keyasint,omitempty"`
	Sum        []byte             `cbor:"4,keyasint"`
	Size       int64              `cbor:"5,keyasint"`
	Block      uint64             `cbor:"6,keyasint"`
	Offset     int64              `cbor:"7,keyasint,omitempty"` // of the encoded parts in the unpacked block
	Length     int64              `cbor:"8,keyasint"`
}

func (r *documentRecord) head(key model.DocumentKey) model.DocumentHead {
	h := model.DocumentHead{DocumentKey: key, Kind: r.Kind, Deployable: r.Deployable, Form: r.Form, Size: r.Size}
	copy(h.SHA256[:], r.Sum)
	return h
}

// What blocks hold. A document that is larger than a block has one of its own;
// a packed block is kept in pieces that fit into one transaction each.
const (
	blockSize    = 4 << 20
	pieceSize    = 512 << 10
	maxBlockSize = 512 << 20 // what may be unpacked, whatever the disk says
)

var (
	blockPacker = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20)))
	blockOpener = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlockSize)))
)

// keyDocument is the key of a document: a vendor's identifiers and the names of
// upstreams hold no zero byte.
func keyDocument(upstream string, key model.DocumentKey) []byte {
	k := prefixDocument(key.ID)
	k = append(append(k, upstream...), 0)
	return binary.BigEndian.AppendUint32(k, key.Revision)
}

func prefixDocument(id model.UpdateID) []byte {
	return append(append([]byte{kindDocument}, id...), 0)
}

func keyBlock(block uint64, piece uint16) []byte {
	return binary.BigEndian.AppendUint16(key64(kindBlock, block), piece)
}

// parseDocumentKey takes a key apart.
func parseDocumentKey(key []byte) (upstream string, k model.DocumentKey, ok bool) {
	if len(key) < 7 || key[0] != kindDocument {
		return "", k, false
	}
	id, rest, ok1 := bytes.Cut(key[1:len(key)-4], []byte{0})
	name, _, ok2 := bytes.Cut(rest, []byte{0})
	return string(name), model.DocumentKey{ID: model.UpdateID(id), Revision: binary.BigEndian.Uint32(key[len(key)-4:])}, ok1 && ok2
}

// DocumentRef is a document that is kept, without its bytes.
type DocumentRef struct {
	Upstream string
	model.DocumentHead
	record documentRef
}

// documentRef is where a document stands.
type documentRef struct {
	block          uint64
	offset, length int64
}

func (r *documentRecord) ref(upstream string, key model.DocumentKey) DocumentRef {
	return DocumentRef{upstream, r.head(key), documentRef{r.Block, r.Offset, r.Length}}
}

// DocumentsOf lists the documents of an identifier, of all upstreams, the newest
// revision of each last.
func (s *Store) DocumentsOf(id model.UpdateID) ([]DocumentRef, error) {
	var all []DocumentRef
	err := s.eachDocument(prefixDocument(id), func(upstream string, k model.DocumentKey, r *documentRecord) error {
		all = append(all, r.ref(upstream, k))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the documents of %s: %w", id, err)
	}
	return all, nil
}

// Documents goes through all documents of an upstream, in the order of their
// identifiers and revisions, without their bytes; an empty name means all
// upstreams.
func (s *Store) Documents(ctx context.Context, upstream string, visit func(DocumentRef) error) error {
	return s.eachDocument([]byte{kindDocument}, func(name string, k model.DocumentKey, r *documentRecord) error {
		if upstream != "" && name != upstream {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return visit(r.ref(name, k))
	})
}

func (s *Store) eachDocument(prefix []byte, visit func(string, model.DocumentKey, *documentRecord) error) error {
	return s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix, PrefetchValues: true, PrefetchSize: 128})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			upstream, k, ok := parseDocumentKey(it.Item().Key())
			if !ok {
				return fmt.Errorf("record %q: not the key of a document", it.Item().Key())
			}
			var r documentRecord
			if err := it.Item().Value(func(b []byte) error { return decode(b, &r) }); err != nil {
				return fmt.Errorf("record %q: %w", it.Item().Key(), err)
			}
			if err := visit(upstream, k, &r); err != nil {
				return err
			}
		}
		return nil
	})
}

// Document gives a vendor's document to the byte. Revision 0 means the newest
// that the upstream brought. Errors wrap ErrNotFound where there is none.
func (s *Store) Document(upstream string, key model.DocumentKey) (*model.Document, error) {
	what := fmt.Sprintf("the document of %s", key.ID)
	if key.Revision == 0 {
		all, err := s.DocumentsOf(key.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range all {
			if d.Upstream == upstream {
				key.Revision = d.Revision
			}
		}
	}
	r, err := read[documentRecord](s, what, keyDocument(upstream, key))
	if err != nil {
		return nil, err
	}
	block, err := s.block(r.Block)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	d, err := r.document(key, block)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return d, nil
}

// SortDocuments puts references into the order in which a DocumentReader reads
// them fastest.
func SortDocuments(refs []DocumentRef) {
	slices.SortFunc(refs, func(a, b DocumentRef) int {
		return cmp.Or(cmp.Compare(a.record.block, b.record.block), cmp.Compare(a.record.offset, b.record.offset))
	})
}

// DocumentReader reads many documents that stand near each other: it keeps the
// last block unpacked. It is for one goroutine.
type DocumentReader struct {
	store *Store
	last  uint64
	block []byte
}

// NewDocumentReader makes a reader.
func (s *Store) NewDocumentReader() *DocumentReader { return &DocumentReader{store: s} }

// Document is Store.Document for a reference that was listed.
func (r *DocumentReader) Document(ref DocumentRef) (d *model.Document, err error) {
	if r.block == nil || r.last != ref.record.block {
		if r.block, err = r.store.block(ref.record.block); err != nil {
			return nil, fmt.Errorf("reading the document of %s: %w", ref.ID, err)
		}
		r.last = ref.record.block
	}
	rec := documentRecord{Kind: ref.Kind, Deployable: ref.Deployable, Form: ref.Form, Block: ref.record.block, Offset: ref.record.offset, Length: ref.record.length}
	if d, err = rec.document(ref.DocumentKey, r.block); err != nil {
		return nil, fmt.Errorf("reading the document of %s: %w", ref.ID, err)
	}
	return d, nil
}

// document takes a document out of its unpacked block.
func (r *documentRecord) document(key model.DocumentKey, block []byte) (*model.Document, error) {
	if r.Offset < 0 || r.Length < 0 || r.Offset > int64(len(block)) || r.Length > int64(len(block))-r.Offset {
		return nil, fmt.Errorf("it is not inside its block %d", r.Block)
	}
	d := &model.Document{DocumentKey: key, Kind: r.Kind, Deployable: r.Deployable, Form: r.Form}
	var err error
	if d.Parts, err = decodeParts(block[r.Offset : r.Offset+r.Length]); err != nil {
		return nil, err
	}
	return d, nil
}

// appendParts encodes the parts of a document: each with the lengths of name and
// data before them.
func appendParts(b []byte, parts []model.DocumentPart) []byte {
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p.Name)))
		b = append(b, p.Name...)
		b = binary.AppendUvarint(b, uint64(len(p.Data)))
		b = append(b, p.Data...)
	}
	return b
}

var errParts = errors.New("its parts are damaged")

func decodeParts(b []byte) ([]model.DocumentPart, error) {
	var parts []model.DocumentPart
	next := func() ([]byte, bool) {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return nil, false
		}
		field := b[used : used+int(n)]
		b = b[used+int(n):]
		return field, true
	}
	for len(b) > 0 {
		name, ok1 := next()
		data, ok2 := next()
		if !ok1 || !ok2 {
			return nil, errParts
		}
		parts = append(parts, model.DocumentPart{Name: strings.Clone(string(name)), Data: bytes.Clone(data)})
	}
	return parts, nil
}

// block reads and unpacks a block.
func (s *Store) block(number uint64) ([]byte, error) {
	var packed []byte
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: key64(kindBlock, number), PrefetchValues: true, PrefetchSize: 4})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := it.Item().Value(func(b []byte) error {
				if len(b) == 0 || b[0] != formatRaw {
					return errors.New("its format is not known to this version")
				}
				packed = append(packed, b[1:]...)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && packed == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", number, err)
	}
	b, err := blockOpener.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking block %d: %w", number, err)
	}
	return b, nil
}
