package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
	"fettle/model/query"
)

// digest identifies what an upstream said of an update. Half of a SHA-256 is
// plenty to notice a change; nothing is authenticated by it.
type digest [16]byte

// digestOf covers everything that the upstream said: not the number, the
// revision and the arrival, which are ours, and not the release date of an
// archive that only bounds it, which differs at every reading.
func digestOf(u *model.Update) (digest, error) {
	c := *u
	c.Number, c.Revision, c.Arrived = 0, 0, time.Time{}
	if c.NotLater {
		c.Released = time.Time{}
	}
	b, err := encMode.Marshal(&c)
	if err != nil {
		return digest{}, fmt.Errorf("encoding update %s: %w", u.ID, err)
	}
	h := sha256.Sum256(b)
	return digest(h[:16]), nil
}

// newEntry makes the memory form of an update. Its digest is left to compute
// until an import asks for it.
func newEntry(u *model.Update) *updateEntry {
	return &updateEntry{row: u.Row(), debian: u.Debian != nil}
}

// digest gives the digest of what is stored of an update, from the disk if it
// was not needed before.
func (s *Store) digest(n uint32, e *updateEntry) (digest, error) {
	if e.digest != (digest{}) {
		return e.digest, nil
	}
	u, err := s.Update(n)
	if err != nil {
		return digest{}, err
	}
	return digestOf(u)
}

// family is the chain of versions in which a Debian update stands: its
// identifier without the version. The higher version in the same archive and
// release supersedes the lower.
func family(id model.UpdateID) string {
	return string(id[:max(0, strings.LastIndexByte(string(id), '/'))])
}

// chain links the versions of one family. Only a version that its archive still
// offers supersedes others.
func chain(rows *edit[*updateEntry], f []*model.UpdateRow) {
	if len(f) < 2 {
		return
	}
	offered := func(r *model.UpdateRow) bool { return r.Flags&(model.FlagWithdrawn|model.FlagExpired) == 0 }
	slices.SortFunc(f, func(a, b *model.UpdateRow) int { return model.CompareDebianVersions(b.Version, a.Version) })
	for i, u := range f {
		var above, below []uint32
		for j, o := range f {
			switch {
			case j < i && offered(o):
				above = append(above, o.Number)
			case j > i && offered(u):
				below = append(below, o.Number)
			}
		}
		relink(rows, u.Number, below, above)
	}
}

// relink sets an update's places in the supersedence graph.
func relink(rows *edit[*updateEntry], n uint32, supersedes, supersededBy []uint32) {
	old := rows.at(n)
	if slices.Equal(old.supersedes, supersedes) && slices.Equal(old.supersededBy, supersededBy) {
		return
	}
	e, row := *old, *old.row
	e.row, e.supersedes, e.supersededBy = &row, supersedes, supersededBy
	row.Flags &^= model.FlagSuperseded | model.FlagSuperseding
	if len(supersededBy) > 0 {
		row.Flags |= model.FlagSuperseded
	}
	if len(supersedes) > 0 {
		row.Flags |= model.FlagSuperseding
	}
	rows.set(n, &e)
}

// ImportResult says what an import changed, by update numbers.
type ImportResult struct {
	New       []uint32
	Revised   []uint32
	Unchanged int
}

// importChunk bounds the updates of one transaction.
const importChunk = 250

// Import takes in what an upstream published: complete descriptions. What is
// stored already and equal is not written again; what differs becomes a new
// revision. Earlier chunks are durable even when a later one fails.
func (s *Store) Import(ctx context.Context, updates []*model.Update) (ImportResult, error) {
	var total ImportResult
	for part := range slices.Chunk(updates, importChunk) {
		var r ImportResult
		err := s.do(ctx, func(d *draft) error {
			var err error
			r, err = d.importUpdates(part)
			return err
		})
		if err != nil {
			return total, err
		}
		total.New = append(total.New, r.New...)
		total.Revised = append(total.Revised, r.Revised...)
		total.Unchanged += r.Unchanged
	}
	return total, nil
}

func (d *draft) importUpdates(updates []*model.Update) (ImportResult, error) {
	var r ImportResult
	rows := d.rows.edit()
	now := d.store.now()
	touched := map[string]bool{}
	selection, err := query.ParseUpdates(d.settings.Products)
	if err != nil {
		selection = &query.Updates{}
	}
	outside := d.outside.Clone()
	var fresh []struct {
		id string
		n  uint32
	}
	for _, in := range updates {
		u := *in
		dig, err := digestOf(&u)
		if err != nil {
			return r, err
		}
		n, known := d.store.ids.number(string(u.ID))
		// An operation that failed may have left a number behind.
		known = known && rows.at(n) != nil && rows.at(n).row.ID == u.ID
		var before *model.Update
		var changed []string
		var stored digest
		if known {
			if stored, err = d.store.digest(n, rows.at(n)); err != nil {
				return r, err
			}
		}
		switch {
		case !known:
			n = uint32(max(1, rows.len()))
			u.Number, u.Revision, u.Arrived = n, 1, now
			r.New = append(r.New, n)
		case stored == dig:
			r.Unchanged++
			continue
		default:
			if before, err = d.store.Update(n); err != nil {
				return r, err
			}
			u.Number, u.Revision, u.Arrived = n, before.Revision+1, before.Arrived
			if u.NotLater && before.NotLater && before.Released.Before(u.Released) {
				u.Released = before.Released
			}
			changed = differences(before, &u)
			r.Revised = append(r.Revised, n)
		}
		e := newEntry(&u)
		e.digest = dig
		if before != nil {
			e.supersedes, e.supersededBy = rows.at(n).supersedes, rows.at(n).supersededBy
			e.row.Flags |= rows.at(n).row.Flags & (model.FlagDeclined | model.FlagSuperseded | model.FlagSuperseding)
		}
		rows.set(n, e)
		if !known {
			fresh = append(fresh, struct {
				id string
				n  uint32
			}{string(u.ID), n})
			// Known from here on: a second description in the same batch is a revision.
			d.store.ids.set(string(u.ID), n)
		}
		if e.debian {
			d.offer(before, &u)
			touched[family(u.ID)] = true
			if !known {
				d.store.families[family(u.ID)] = append(d.store.families[family(u.ID)], n)
			}
		}
		if d.selected(selection, e.row) {
			outside.Remove(n)
		} else {
			outside.Add(n)
		}
		rev := model.Revision{Number: u.Revision, Arrived: now, Digest: dig[:], Changed: changed}
		if err := errors.Join(d.put(keyUpdate(n), &u), d.put(keyRevision(n, u.Revision), rev)); err != nil {
			return r, err
		}
	}
	for _, f := range fresh {
		if err := d.put(append([]byte{kindUpdateID}, f.id...), f.n); err != nil {
			return r, err
		}
	}
	if len(r.New)+len(r.Revised) == 0 {
		return r, nil
	}
	d.store.relink(rows, touched)
	d.rows, d.outside = rows.vector, outside
	d.hide()
	return r, nil
}

// offer replaces an update's packages in the index of what is available, once
// the operation is committed. before is nil for a new update, after for one
// that is no longer offered.
func (d *draft) offer(before, after *model.Update) {
	s := d.store
	d.events = append(d.events, func() {
		s.offersMu.Lock()
		defer s.offersMu.Unlock()
		if before != nil {
			s.offers.Remove(before)
		}
		if after != nil {
			s.offers.Add(after)
		}
	})
}

// Evaluate says what an inventory needs of the catalogue as it is now.
func (s *Store) Evaluate(inv *model.Inventory) model.Evaluation {
	s.offersMu.RLock()
	defer s.offersMu.RUnlock()
	return model.Evaluate(inv, s.offers)
}

// FindPackage gives the update that brings exactly this package and version,
// preferring the sources that a computer uses.
func (s *Store) FindPackage(name, arch, version string, sources []model.PackageSource) (model.UpdateID, uint32, bool) {
	s.offersMu.RLock()
	defer s.offersMu.RUnlock()
	return s.offers.Find(name, arch, version, sources)
}

// differences says in words what a revision changed.
func differences(a, b *model.Update) []string {
	var out []string
	note := func(changed bool, words string) {
		if changed {
			out = append(out, words)
		}
	}
	note(a.Title != b.Title, "title")
	note(a.Description != b.Description, "description")
	note(a.Class != b.Class, "classification from "+a.Class.String()+" to "+b.Class.String())
	note(a.Severity != b.Severity, "severity from "+a.Severity.String()+" to "+b.Severity.String())
	note(!slices.Equal(a.Products, b.Products), "products")
	note(a.Publication != b.Publication, "publication from "+a.Publication.String()+" to "+b.Publication.String())
	note(a.Licence != b.Licence, "licence")
	note(a.Restart != b.Restart, "restart behaviour")
	if a.Debian != nil && b.Debian != nil {
		note(!slices.Equal(a.Debian.Suites, b.Debian.Suites), fmt.Sprintf("suites from %v to %v", a.Debian.Suites, b.Debian.Suites))
		before, after := map[string]bool{}, map[string]bool{}
		for _, p := range a.Debian.Packages {
			before[p.Name+" "+p.Version+" "+p.Arch+" "+string(p.SHA256)] = true
		}
		for _, p := range b.Debian.Packages {
			after[p.Name+" "+p.Version+" "+p.Arch+" "+string(p.SHA256)] = true
		}
		note(!maps.Equal(before, after), "packages")
	}
	note(!slices.EqualFunc(a.Files, b.Files, func(x, y model.File) bool { return x.Name == y.Name && bytes.Equal(x.SHA256, y.SHA256) }), "files")
	if len(out) == 0 {
		out = append(out, "other details")
	}
	return out
}

// Withdraw marks updates that left their archive. Those withdrawn already stay
// as they are; the numbers of the others are returned.
func (s *Store) Withdraw(ctx context.Context, numbers []uint32) ([]uint32, error) {
	var all []uint32
	for part := range slices.Chunk(numbers, importChunk) {
		var done []uint32
		err := s.do(ctx, func(d *draft) error {
			done = nil
			rows := d.rows.edit()
			touched := map[string]bool{}
			for _, n := range part {
				e := rows.at(n)
				if e == nil || e.row.Has(model.FlagWithdrawn) {
					continue
				}
				u, err := d.store.Update(n)
				if err != nil {
					return err
				}
				before := *u
				d.offer(&before, nil)
				u.Publication = model.Withdrawn
				u.Revision++
				ne := newEntry(u)
				ne.supersedes, ne.supersededBy = e.supersedes, e.supersededBy
				ne.row.Flags |= e.row.Flags & (model.FlagDeclined | model.FlagSuperseded | model.FlagSuperseding)
				rows.set(n, ne)
				if ne.debian {
					touched[family(u.ID)] = true
				}
				rev := model.Revision{Number: u.Revision, Arrived: d.store.now(), Changed: []string{"withdrawn from its archive"}}
				if err := errors.Join(d.put(keyUpdate(n), u), d.put(keyRevision(n, u.Revision), rev)); err != nil {
					return err
				}
				done = append(done, n)
			}
			d.store.relink(rows, touched)
			d.rows = rows.vector
			return nil
		})
		if err != nil {
			return all, err
		}
		all = append(all, done...)
	}
	return all, nil
}

// relink links the versions of the touched families anew. Only the writer uses
// the index of families; numbers in it that an operation left behind when it
// failed are recognised by their identifier.
func (s *Store) relink(rows *edit[*updateEntry], touched map[string]bool) {
	for name := range touched {
		var list []*model.UpdateRow
		for _, n := range s.families[name] {
			if e := rows.at(n); e != nil && family(e.row.ID) == name {
				list = append(list, e.row)
			}
		}
		chain(rows, list)
	}
}

// update gives everything about an update as the operation sees it: operations
// that are committed together may have changed it before.
func (d *draft) update(n uint32) (*model.Update, error) {
	key := keyUpdate(n)
	for _, sets := range [][]record{d.sets, d.before} {
		for _, r := range slices.Backward(sets) {
			if bytes.Equal(r.key, key) {
				u := new(model.Update)
				return u, decode(r.value, u)
			}
		}
	}
	return d.store.Update(n)
}

// Update gives everything about an update as its newest revision describes it.
func (s *Store) Update(number uint32) (*model.Update, error) {
	return read[model.Update](s, fmt.Sprintf("update %d", number), keyUpdate(number))
}

// Revisions gives an update's revisions, the oldest first.
func (s *Store) Revisions(number uint32) ([]model.Revision, error) {
	var all []model.Revision
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: key32(kindRevision, number), PrefetchValues: true, PrefetchSize: 8})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			var r model.Revision
			if err := it.Item().Value(func(b []byte) error { return decode(b, &r) }); err != nil {
				return err
			}
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the revisions of update %d: %w", number, err)
	}
	return all, nil
}

// PutCategories takes in products; those stored already and equal are not
// written again. It returns the identifiers that are new.
func (s *Store) PutCategories(ctx context.Context, categories []model.Category) ([]model.CategoryID, error) {
	var added []model.CategoryID
	err := s.do(ctx, func(d *draft) error {
		added = nil
		for _, c := range categories {
			old, known := d.categories[c.ID]
			c.Arrived = old.Arrived
			if known && old == c {
				continue
			}
			if !known {
				c.Arrived = d.store.now()
				added = append(added, c.ID)
			}
			d.categories[c.ID] = c
			if err := d.put(keyCategory(c.ID), c); err != nil {
				return err
			}
		}
		return nil
	})
	return added, err
}

// Anchor gives what an upstream left to continue from; nil when it never ran.
func (s *Store) Anchor(upstream string) ([]byte, error) {
	var b []byte
	err := s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(keyAnchor(upstream))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		v, err := item.ValueCopy(nil)
		if err == nil && len(v) > 0 {
			b = v[1:]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the anchor of %s: %w", upstream, err)
	}
	return b, nil
}

// SetAnchor keeps where an upstream continues next time. Everything that it
// covers was acknowledged before.
func (s *Store) SetAnchor(ctx context.Context, upstream string, anchor []byte) error {
	return s.do(ctx, func(d *draft) error {
		d.sets = append(d.sets, record{keyAnchor(upstream), append([]byte{formatRaw}, anchor...)})
		return nil
	})
}

// BeginRun records that a synchronization started and gives its number.
func (s *Store) BeginRun(ctx context.Context, run model.SyncRun) (uint64, error) {
	err := s.do(ctx, func(d *draft) error {
		run.ID = 1
		if len(d.runs) > 0 {
			run.ID = d.runs[0].ID + 1
		}
		run.Result = model.SyncUnknown // until it ended: a process that dies leaves the truth
		d.runs = append([]*model.SyncRun{&run}, d.runs...)
		return d.put(keyRun(run.ID), run)
	})
	return run.ID, err
}

// EndRun completes the record of a synchronization.
func (s *Store) EndRun(ctx context.Context, run model.SyncRun) error {
	return s.do(ctx, func(d *draft) error {
		runs := slices.Clone(d.runs)
		for i, r := range runs {
			if r.ID == run.ID {
				runs[i] = &run
			}
		}
		d.runs = runs
		return d.put(keyRun(run.ID), run)
	})
}
