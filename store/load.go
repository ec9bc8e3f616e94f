package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// load reads the catalogue and the computers into memory and publishes the
// first complete snapshot. It runs once, beside the first frame of a console.
func (s *Store) load() {
	defer close(s.loaded)
	snap := *s.Snapshot()
	err := s.verifyTables()
	if err == nil {
		err = s.readAll(&snap)
	}
	if err != nil {
		s.loadErr = &DamagedError{Dir: s.options.Dir, Err: err}
		s.options.Log.Error("loading the store failed", "error", err)
		return
	}
	snap.loaded = true
	s.publish(&snap)
	// Decoding left several times as much garbage as was kept; the system may
	// have it back at once instead of in the minutes to come.
	s.loading.Go(func() {
		debug.FreeOSMemory()
		s.release()
	})
	if !s.options.ReadOnly {
		s.loading.Go(s.finishLeft)
	}
	if !s.options.ReadOnly && !(snap.whole.IsEmpty() && snap.trim.IsEmpty()) {
		// A cleanup was cut off after its commit.
		s.loading.Go(func() {
			<-s.loaded
			if err := s.sweep(context.Background()); err != nil && !errors.Is(err, ErrClosed) {
				s.options.Log.Error("finishing a cleanup failed; it goes on when the store is opened again", "error", err)
			}
		})
	}
}

// finishLeft brings a catalogue into force whose process died after its commit.
func (s *Store) finishLeft() {
	if _, found, err := s.switching(); err == nil && !found {
		return
	}
	select {
	case s.taking <- struct{}{}:
	case <-s.stop:
		return
	}
	defer func() { <-s.taking }()
	<-s.loaded
	if err := s.finishSwitch(context.Background()); err != nil && !errors.Is(err, ErrClosed) {
		s.options.Log.Error("putting a catalogue in force failed; it goes on when the store is opened again", "error", err)
	}
}

// verifyTables checks the check sums of everything on the disk: iterators would
// pass over damaged blocks in silence. Badger's own check at opening ends the
// process when it finds one, so it is done here, where a panic can be caught.
func (s *Store) verifyTables() (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.options.Log.Error("verifying the tables panicked", "panic", p)
			err = errors.New("a table on the disk is damaged")
		}
	}()
	if err := s.db.VerifyChecksum(); err != nil {
		return fmt.Errorf("a table on the disk is damaged: %w", err)
	}
	return nil
}

// readAll fills a snapshot from the records.
func (s *Store) readAll(snap *Snapshot) error {
	updates, err := readUpdates(s.db)
	if err != nil {
		return err
	}
	rows := vector[*updateEntry]{}.edit()
	t := newTouched()
	snap.whole = roaring.New()
	texts := newTextPacker()
	for i, u := range updates {
		updates[i] = nil
		select {
		case <-s.stop:
			return ErrClosed
		default:
		}
		if snap.removed.Contains(u.Number) && !u.Removed {
			snap.whole.Add(u.Number)
			u = stub(u)
		}
		e := snap.entry(u)
		e.row = texts.pack(e.row)
		rows.set(u.Number, e)
		s.ids.set(string(e.row.ID), u.Number)
		if e.debian {
			s.offers.Add(u)
			if f := family(u.ID); len(s.lineage.families[f]) > 1 {
				t.families[f] = true
			}
		}
		if len(e.claims)+len(e.parts) > 0 {
			t.numbers[u.Number] = true
		}
	}
	for _, id := range s.lineage.named {
		if n, ok := s.numberOf(rows.vector, id); ok {
			t.numbers[n] = true
		}
	}
	s.relink(rows, t)
	snap.rows = rows.vector
	return s.db.View(func(txn *badger.Txn) error {
		if err := each(txn, kindCategory, func(_ []byte, c *model.Category) error {
			snap.categories[c.ID] = *c
			return nil
		}); err != nil {
			return err
		}
		if err := snap.selectRows(); err != nil {
			s.options.Log.Warn("the selection of products could not be read; everything is shown", "error", err)
		}
		computers := vector[*computerEntry]{}.edit()
		if err := each(txn, kindComputer, func(_ []byte, c *model.Computer) error {
			computers.set(c.Number, &computerEntry{computer: c})
			s.computerIDs.set(string(c.ID), c.Number)
			if c.Admission == model.Managed {
				snap.managed.Add(c.Number)
			}
			return nil
		}); err != nil {
			return err
		}
		counting := newCounting(snap.tallies)
		if err := each(txn, kindStatus, func(key []byte, st *model.Status) error {
			e := computers.at(number32(key))
			if e == nil {
				return fmt.Errorf("status %d belongs to no computer", number32(key))
			}
			e.take(st)
			if e.computer.Admission == model.Managed {
				counting.replace(e.computer.Number, nil, e)
			}
			return nil
		}); err != nil {
			return err
		}
		snap.computers, snap.tallies = computers.vector, counting.vector
		return snap.recomputeGroups()
	})
}

// readUpdates decodes all updates on all cores: this is most of what opening a
// large store costs.
func readUpdates(db *badger.DB) ([]*model.Update, error) {
	type part struct {
		updates []*model.Update
		err     error
	}
	n := max(1, runtime.GOMAXPROCS(0))
	work := make(chan [][]byte, n)
	parts := make([]part, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for values := range work {
				for _, b := range values {
					u := new(model.Update)
					if err := decode(b, u); err != nil && parts[i].err == nil {
						parts[i].err = err
					}
					parts[i].updates = append(parts[i].updates, u)
				}
			}
		})
	}
	err := db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindUpdate}, PrefetchValues: true, PrefetchSize: 256})
		defer it.Close()
		var values [][]byte
		for it.Rewind(); it.Valid(); it.Next() {
			b, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			if values = append(values, b); len(values) == 256 {
				work <- values
				values = nil
			}
		}
		work <- values
		return nil
	})
	close(work)
	wg.Wait()
	var all []*model.Update
	for _, p := range parts {
		all = append(all, p.updates...)
		if err == nil && p.err != nil {
			err = fmt.Errorf("reading the catalogue: %w", p.err)
		}
	}
	slices.SortFunc(all, func(a, b *model.Update) int { return cmp.Compare(a.Number, b.Number) })
	return all, err
}

// take puts a status record into the memory form.
func (e *computerEntry) take(st *model.Status) {
	e.reported, e.computed, e.evaluated = true, st.Computed, st.Evaluated
	e.needed, e.downloaded, e.failed, e.pending = st.Needed, st.Downloaded, st.Failed, st.Pending
	if e.installed != nil {
		e.installed = adjusted(e.installed, st.Installed)
		return
	}
	e.installed = roaring.BitmapOf(st.Installed...)
	e.installed.RunOptimize()
}

// adjusted gives the set of a sorted list. Most of what a computer reports is
// what it reported before, so it begins with the set of that.
func adjusted(before *roaring.Bitmap, list []uint32) *roaring.Bitmap {
	set, i := before, 0
	own := func() *roaring.Bitmap {
		if set == before {
			set = before.Clone()
		}
		return set
	}
	forEach(before, func(n uint32) {
		for i < len(list) && list[i] < n {
			own().Add(list[i])
			i++
		}
		if i < len(list) && list[i] == n {
			i++
		} else {
			own().Remove(n)
		}
	})
	if i < len(list) {
		own().AddMany(list[i:])
	}
	return set
}

// selectRows computes which updates are outside the selected products and
// classifications. They stay in the catalogue and come back when the selection
// is widened.
func (s *Snapshot) selectRows() error {
	defer s.hide()
	s.outside = s.removed.Clone()
	sel, err := s.selection()
	if err != nil {
		return fmt.Errorf("the selection of products %q: %w", s.settings.Products, err)
	}
	if sel.all() {
		return nil
	}
	for n, e := range s.rows.all {
		if e != nil && !s.selects(&sel, e.row) {
			s.outside.Add(n)
		}
	}
	return nil
}
