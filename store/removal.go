package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// Removing updates, and the records of old revisions, is in force with one
// record, whatever its size: the list of what was removed. The records
// themselves shrink or go in parts after that commit (design 4); what a crash
// leaves whole is shrunk when the store is opened again.

// stub is what stays of a removed update: number, identifier and title, so that
// deployments and the journal can name it, and the identifier keeps its number.
func stub(u *model.Update) *model.Update {
	return &model.Update{ID: u.ID, Number: u.Number, Revision: u.Revision, Upstream: u.Upstream, Title: u.Title, Arrived: u.Arrived, Removed: true}
}

// checkForget refuses to remove what administrators still decide about.
func (s *Snapshot) checkForget(c model.Change) error {
	for _, n := range c.Updates {
		r := s.Row(n)
		switch {
		case r.Has(model.FlagRemoved):
			return &model.Refusal{Code: "removed", What: "Nothing was removed", Why: model.Clean(r.Title) + " was removed already"}
		case !r.Has(model.FlagDeclined):
			return &model.Refusal{Code: "not-declined", What: "Nothing was removed", Why: model.Clean(r.Title) + " is not declined, so that it can still be decided about", Remedy: "fettle decline " + quoteArg(string(r.ID))}
		}
	}
	return nil
}

// forget removes updates from the catalogue.
func (d *draft) forget(c *model.Change) error {
	rows, t := d.rows.edit(), newTouched()
	alarms := d.alarms
	d.dropPostponed(c.Updates)
	d.removed, d.whole, d.outside = d.removed.Clone(), d.whole.Clone(), d.outside.Clone()
	for _, n := range c.Updates {
		e := rows.at(n)
		d.store.touch(t, rows.vector, n)
		if e.debian && !e.row.Has(model.FlagWithdrawn) {
			u, err := d.update(n)
			if err != nil {
				return err
			}
			d.offer(u, nil)
		}
		if alarms[n] != nil {
			if len(alarms) == len(d.alarms) {
				alarms = maps.Clone(d.alarms)
			}
			delete(alarms, n)
			d.delete(keyAlarm(n))
		}
		r := e.row
		row := stub(&model.Update{ID: r.ID, Number: n, Revision: r.Revision, Upstream: r.Upstream, Title: r.Title, Arrived: r.Arrived}).Row()
		row.Flags |= r.Flags & model.FlagDeclined
		rows.set(n, &updateEntry{row: row})
		d.removed.Add(n)
		d.whole.Add(n)
		d.outside.Add(n)
	}
	d.store.relink(rows, t)
	d.rows, d.alarms = rows.vector, alarms
	d.hide()
	return d.put(keyMeta(metaRemoved), d.removed.ToArray())
}

// returned takes an update that an upstream offers again out of the removed
// ones. A decline of it stays.
func (d *draft) returned(n uint32) error {
	if !d.removed.Contains(n) {
		return nil
	}
	d.removed, d.whole = d.removed.Clone(), d.whole.Clone()
	d.removed.Remove(n)
	d.whole.Remove(n)
	return d.put(keyMeta(metaRemoved), d.removed.ToArray())
}

// forgetRevisions marks the older revisions of updates for removal.
func (d *draft) forgetRevisions(c *model.Change) error {
	d.trim = d.trim.Clone()
	d.trim.AddMany(c.Updates)
	return d.put(keyMeta(metaTrim), d.trim.ToArray())
}

// sweep shrinks the records of what was removed, in parts.
func (s *Store) sweep(ctx context.Context) error {
	for {
		snap := s.Snapshot()
		if snap.whole.IsEmpty() && snap.trim.IsEmpty() {
			return nil
		}
		if err := s.do(ctx, func(d *draft) error { return d.sweepSome() }); err != nil {
			return err
		}
	}
}

// sweepChunk is how many updates are shrunk in one transaction.
const sweepChunk = importChunk

func (d *draft) sweepSome() error {
	some := func(b *roaring.Bitmap) (part []uint32, rest *roaring.Bitmap) {
		rest = b.Clone()
		for it := b.Iterator(); it.HasNext() && len(part) < sweepChunk; {
			n := it.Next()
			part = append(part, n)
			rest.Remove(n)
		}
		return part, rest
	}
	var part []uint32
	part, d.whole = some(d.whole)
	for _, n := range part {
		u, err := d.update(n)
		if err != nil {
			return err
		}
		rev := model.Revision{Number: u.Revision, Arrived: d.store.now(), Changed: []string{"removed by cleanup"}}
		if err := errors.Join(d.put(keyUpdate(n), stub(u)), d.put(keyRevision(n, u.Revision), rev), d.dropRevisions(n, u.Revision)); err != nil {
			return err
		}
	}
	if part, d.trim = some(d.trim); len(part) == 0 {
		return nil
	}
	for _, n := range part {
		if r := d.Row(n); r != nil {
			if err := d.dropRevisions(n, r.Revision); err != nil {
				return err
			}
		}
	}
	return d.put(keyMeta(metaTrim), d.trim.ToArray())
}

// dropRevisions deletes the records of an update's revisions before one.
func (d *draft) dropRevisions(n, before uint32) error {
	return d.store.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: key32(kindRevision, n)})
		defer it.Close()
		newest := keyRevision(n, before)
		for it.Rewind(); it.Valid(); it.Next() {
			if key := it.Item().KeyCopy(nil); slices.Compare(key, newest) < 0 {
				d.delete(key)
			}
		}
		return nil
	})
}
