package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"syscall"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// operation is one write that somebody waits for.
type operation struct {
	ctx  context.Context
	run  func(*draft) error
	done chan error
}

// draft is what an operation works on: the snapshot that will be, and the
// records to write. An operation that returns an error leaves no trace: its
// records are dropped and the snapshot that it changed is thrown away.
type draft struct {
	*Snapshot
	store  *Store
	sets   []record
	before []record // of the operations before it in the same commit
	events []func() // after the commit
	seen   bool     // some record concerns what snapshots show
}

type record struct {
	key, value []byte // a nil value deletes
}

// put adds a record to the operation.
func (d *draft) put(key []byte, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	d.set(key, b)
	return nil
}

// set adds a record that is encoded already.
func (d *draft) set(key, value []byte) { d.sets, d.seen = append(d.sets, record{key, value}), true }

// delete removes a record.
func (d *draft) delete(key []byte) { d.set(key, nil) }

// stage writes a record that no snapshot shows: nobody needs to look again. A
// nil value deletes it.
func (d *draft) stage(key, value []byte) { d.sets = append(d.sets, record{key, value}) }

// fork gives a copy of the draft whose changes can be thrown away. Everything
// that operations change in place is copied; the rest is replaced by them.
func (d *draft) fork() *draft {
	s := *d.Snapshot
	s.categories = maps.Clone(s.categories)
	s.matched = maps.Clone(s.matched)
	s.members = maps.Clone(s.members)
	s.layers = maps.Clone(s.layers)
	return &draft{Snapshot: &s, store: d.store, before: append(d.before[:len(d.before):len(d.before)], d.sets...)}
}

// join takes the changes of a fork in.
func (d *draft) join(f *draft) {
	d.Snapshot = f.Snapshot
	d.sets = append(d.sets, f.sets...)
	d.events = append(d.events, f.events...)
	d.seen = d.seen || f.seen
}

// groupCommit is how many operations are committed together at most.
const groupCommit = 128

// maxBatch bounds the bytes of one commit; Badger's own limit is 15 % of the
// memtable.
const maxBatch = 1 << 20

// do hands an operation to the writer and waits for it. An operation that has
// begun is finished even when the caller's context ends.
func (s *Store) do(ctx context.Context, run func(*draft) error) error {
	if s.options.ReadOnly {
		return &model.Refusal{Code: "read-only", What: "The change was refused", Why: "this is a read-only session", Remedy: "start without --read-only"}
	}
	if err := s.WaitLoaded(ctx); err != nil {
		return err
	}
	op := &operation{ctx: ctx, run: run, done: make(chan error, 1)}
	select {
	case s.ops <- op:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return ErrClosed
	}
	return <-op.done
}

// write is the writer: the only goroutine that changes the database.
func (s *Store) write() {
	defer close(s.done)
	select {
	case <-s.loaded:
	case <-s.stop:
		return
	}
	var left *operation // did not fit into the batch before
	for {
		op := left
		left = nil
		if op == nil {
			if op = s.next(); op == nil {
				return
			}
		}
		batch := []*operation{op}
		base := &draft{Snapshot: s.Snapshot(), store: s}
		size, errs := 0, []error{nil}
		base, errs[0] = s.apply(base, op, &size)
	gather:
		for len(batch) < groupCommit && size < maxBatch {
			select {
			case op = <-s.ops:
				before := size
				next, err := s.apply(base, op, &size)
				if err == nil && size > maxBatch && before > 0 {
					left = op // runs again on top of what is committed now
					size = before
					break gather
				}
				batch, errs, base = append(batch, op), append(errs, err), next
			default:
				break gather
			}
		}
		err := s.commit(base)
		for i, o := range batch {
			if errs[i] == nil {
				errs[i] = err
			}
			o.done <- errs[i]
		}
	}
}

// apply runs an operation on a fork of base and gives the result, or base
// itself when the operation failed or changed nothing.
func (s *Store) apply(base *draft, op *operation, size *int) (*draft, error) {
	if err := op.ctx.Err(); err != nil {
		return base, err
	}
	next := base.fork()
	if err := op.run(next); err != nil {
		return base, err
	}
	for _, r := range next.sets {
		*size += len(r.key) + len(r.value)
	}
	if len(next.sets) == 0 {
		return base, nil
	}
	next.before = base.before
	next.sets = append(base.sets[:len(base.sets):len(base.sets)], next.sets...)
	next.events = append(base.events, next.events...)
	next.seen = next.seen || base.seen
	return next, nil
}

// commit writes a draft's records in one transaction and publishes its
// snapshot.
func (s *Store) commit(d *draft) error {
	if len(d.sets) == 0 {
		return nil
	}
	if err := s.options.checkSpace(); err != nil {
		return err
	}
	d.seq = s.Snapshot().seq
	if d.seen {
		d.seq++
	}
	err := s.db.Update(func(txn *badger.Txn) error {
		for _, r := range d.sets {
			var err error
			if r.value == nil {
				err = txn.Delete(r.key)
			} else {
				err = txn.Set(r.key, r.value)
			}
			if err != nil {
				return err
			}
		}
		if !d.seen {
			return nil
		}
		return put(txn, keyMeta(metaSeq), d.seq)
	})
	if err != nil {
		return writeError(err)
	}
	// Events come first: whoever sees the new snapshot finds the offers in it.
	for _, f := range d.events {
		f()
	}
	if d.seen {
		s.publish(d.Snapshot)
	}
	return nil
}

// writeError says what a failed write means to a person.
func writeError(err error) error {
	switch {
	case isFull(err):
		return fmt.Errorf("writing to the store: %w. The disk is full; nothing of this change was kept. Free some space and do it again", err)
	case errors.Is(err, badger.ErrTxnTooBig):
		return fmt.Errorf("writing to the store: %w; the change is too large for one transaction and nothing of it was kept", err)
	}
	return fmt.Errorf("writing to the store: %w; nothing of this change was kept", err)
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
