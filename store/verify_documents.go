package store

import (
	"bytes"
	"cmp"
	"slices"

	"fettle/model"
)

// documents checks that each original can be read and is to the byte what its
// vendor published, block by block: every block is unpacked once.
func (c *checker) documents() error {
	type place struct {
		key    []byte
		record documentRecord
	}
	var all []place
	n := visit(c, kindDocument, func(key []byte, r *documentRecord) { all = append(all, place{key, *r}) })
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.record.Block, b.record.Block) })
	var block []byte
	var number uint64
	var err error
	for i := range all {
		p := &all[i]
		_, key, ok := parseDocumentKey(p.key)
		if !ok {
			c.problem("record %q: not the key of a document", p.key)
			continue
		}
		if i == 0 || number != p.record.Block {
			number = p.record.Block
			if block, err = c.snap.store.block(number); err != nil {
				c.problem("the documents of %s and others: %v", key.ID, err)
			}
		}
		if block == nil {
			continue
		}
		d, err := p.record.document(key, block)
		if err != nil {
			c.problem("the document of %s, revision %d: %v", key.ID, key.Revision, err)
			continue
		}
		if sum := d.Sum(); !bytes.Equal(sum[:], p.record.Sum) {
			c.problem("the document of %s, revision %d, is not what was published", key.ID, key.Revision)
		}
	}
	c.checked("documents", n)
	var rec switchRecord
	if err := get(c.txn, keyMeta(metaSwitch), &rec); err == nil {
		c.problem("a catalogue of %s is not in force yet; open the store once more", model.Clean(rec.Upstream))
	}
	return nil
}
