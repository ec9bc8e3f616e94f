package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
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

// entry makes the memory form of an update, with the marks that other records
// decide. Its digest is left to compute until an import asks for it. Only the
// writer and the loading call it.
func (s *Snapshot) entry(u *model.Update) *updateEntry {
	e := &updateEntry{row: u.Row(), debian: u.Debian != nil}
	if s.declined.Contains(u.Number) {
		e.row.Flags |= model.FlagDeclined
	}
	if s.accepted(u) {
		e.row.Flags &^= model.FlagLicence
	}
	l := s.store.lineage
	e.claims, e.parts = l.enrol(u.Number, u.Supersedes), l.enrol(u.Number, u.Bundles)
	if e.debian {
		l.join(u.ID, u.Number)
	}
	return e
}

// inherit takes the places in the graph from the entry of the revision before;
// relink sets them right.
func (e *updateEntry) inherit(old *updateEntry) {
	e.supersedes, e.supersededBy, e.children = old.supersedes, old.supersededBy, old.children
	e.row.Flags |= old.row.Flags & (model.FlagSuperseded | model.FlagSuperseding)
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

// ImportForecast is what an import would change.
type ImportForecast struct {
	New       []string // titles
	Revised   int
	Unchanged int
}

// ForecastImport says what importing updates would change, without importing
// them.
func (s *Store) ForecastImport(updates []*model.Update) (ImportForecast, error) {
	var f ImportForecast
	rows := s.Snapshot().rows
	for _, u := range updates {
		n, known := s.numberOf(rows, u.ID)
		if !known {
			f.New = append(f.New, u.Title)
			continue
		}
		dig, err := digestOf(u)
		if err != nil {
			return f, err
		}
		stored, err := s.digest(n, rows.at(n))
		if err != nil {
			return f, err
		}
		if stored != dig {
			before, err := s.Update(n)
			if err != nil {
				return f, err
			}
			if !outranked(before, u) {
				f.Revised++
				continue
			}
		}
		f.Unchanged++
	}
	return f, nil
}

func (d *draft) importUpdates(updates []*model.Update) (ImportResult, error) {
	var r ImportResult
	rows := d.rows.edit()
	now := d.store.now()
	t := newTouched()
	selection, _ := d.selection() // opening the store told of an unreadable one
	d.outside = d.outside.Clone()
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
			if before, err = d.update(n); err != nil {
				return r, err
			}
			if outranked(before, &u) {
				r.Unchanged++
				continue
			}
			u.Number, u.Revision, u.Arrived = n, before.Revision+1, before.Arrived
			if u.NotLater && before.NotLater && before.Released.Before(u.Released) {
				u.Released = before.Released
			}
			changed = differences(before, &u)
			r.Revised = append(r.Revised, n)
			if err := errors.Join(d.alarm(before, &u, now), d.returned(n)); err != nil {
				return r, err
			}
		}
		e := d.entry(&u)
		e.digest = dig
		if before != nil {
			d.store.touch(t, rows.vector, n)
			e.inherit(rows.at(n))
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
		d.store.touch(t, rows.vector, n)
		if e.debian {
			d.offer(before, &u)
		}
		if d.selects(&selection, e.row) {
			d.outside.Remove(n)
		} else {
			d.outside.Add(n)
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
	d.store.relink(rows, t)
	d.rows = rows.vector
	d.hide()
	return r, nil
}

// outranked says whether what is stored of an update stays, because the vendor
// numbers its revisions and this one is not a newer one: packages may be carried
// in in any order, and by several upstreams, and the catalogue is the same. An
// upstream may correct what it said itself, and any brings back what is
// withdrawn.
func outranked(stored, u *model.Update) bool {
	if u.Document == 0 || stored.Publication == model.Withdrawn || stored.Removed {
		return false
	}
	return stored.Document > u.Document || stored.Document == u.Document && stored.Upstream != u.Upstream
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
	note(a.Document != b.Document, fmt.Sprintf("the vendor's revision from %d to %d", a.Document, b.Document))
	note(!bytes.Equal(a.Applies, b.Applies), "applicability rules")
	note(!slices.Equal(a.Supersedes, b.Supersedes), "supersedence")
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
			t := newTouched()
			for _, n := range part {
				e := rows.at(n)
				if e == nil || e.row.Flags&(model.FlagWithdrawn|model.FlagRemoved) != 0 {
					continue
				}
				u, err := d.update(n)
				if err != nil {
					return err
				}
				before := *u
				d.offer(&before, nil)
				u.Publication = model.Withdrawn
				u.Revision++
				ne := d.entry(u)
				ne.inherit(e)
				rows.set(n, ne)
				d.store.touch(t, rows.vector, n)
				rev := model.Revision{Number: u.Revision, Arrived: d.store.now(), Changed: []string{"withdrawn from its archive"}}
				if err := errors.Join(d.put(keyUpdate(n), u), d.put(keyRevision(n, u.Revision), rev)); err != nil {
					return err
				}
				done = append(done, n)
			}
			d.store.relink(rows, t)
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
		changed := false
		for _, c := range categories {
			old, known := d.categories[c.ID]
			c.Arrived = old.Arrived
			if known && (old == c || old.Document > c.Document || old.Document == c.Document && c.Document > 0 && old.Upstream != c.Upstream) {
				continue // see outranked
			}
			if !known {
				c.Arrived = d.store.now()
				added = append(added, c.ID)
			}
			d.categories[c.ID] = c
			if err := d.put(keyCategory(c.ID), c); err != nil {
				return err
			}
			changed = true
		}
		if changed && len(d.settings.Categories) > 0 { // what is within what was selected may be another
			return d.selectRows()
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
		d.stage(keyAnchor(upstream), append([]byte{formatRaw}, anchor...))
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
