package store

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// SetContent records which updates have all of their files in the content store:
// a fact, found by looking there.
func (s *Store) SetContent(ctx context.Context, ready []uint32) error {
	set := roaring.BitmapOf(ready...)
	return s.do(ctx, func(d *draft) error {
		if set.Equals(d.ready) {
			return nil
		}
		d.ready = set
		return d.put(keyMeta(metaContent), set.ToArray())
	})
}

// EachUpdate reads everything about every update from the disk, by number. What
// cleanup removed is left out. The value belongs to visit.
func (s *Store) EachUpdate(ctx context.Context, visit func(*model.Update) error) error {
	err := s.db.View(func(txn *badger.Txn) error {
		return each(txn, kindUpdate, func(key []byte, u *model.Update) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if u.Removed || s.Snapshot().removed.Contains(number32(key)) {
				return nil
			}
			return visit(u)
		})
	})
	if err != nil {
		return fmt.Errorf("reading the catalogue: %w", err)
	}
	return nil
}
