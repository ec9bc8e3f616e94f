package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// A backup is one file: a line that says what it is, Badger's own backup
// stream, and the SHA-256 of all before it. The signing key is not part of it:
// whoever has a backup cannot sign for the server.
const (
	backupMagic = "fettle backup 1\n"
	sumLength   = sha256.Size
)

// Backup writes everything to w, from one transaction; writing goes on beside
// it.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if err := s.writeAllPast(ctx); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	h := sha256.New()
	out := &contextWriter{ctx: ctx, w: io.MultiWriter(w, h)}
	if _, err := io.WriteString(out, backupMagic); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if _, err := s.db.Backup(out, 0); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if _, err := w.Write(h.Sum(nil)); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *contextWriter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}

// Restore makes a store in a data directory from a backup. The directory must
// not hold one: nothing is overwritten. A damaged backup leaves nothing behind.
// The journal goes on with an entry that says so, under a new signing key when
// the old one is not there.
func Restore(ctx context.Context, r io.Reader, o Options, by model.Actor) error {
	dir := filepath.Join(o.Dir, "store")
	switch entries, err := os.ReadDir(dir); {
	case err == nil && len(entries) > 0:
		return &model.Refusal{Code: "exists", What: "The backup was not restored", Why: o.Dir + " holds a store already, and nothing is overwritten", Remedy: "fettle restore FILE --data NEW-DIRECTORY"}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("looking into %s: %w", dir, err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	part := dir + ".partial"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("removing an unfinished restore: %w", err)
	}
	if err := load(ctx, r, part); err != nil {
		return errors.Join(fmt.Errorf("restoring the backup: %w", err), os.RemoveAll(part))
	}
	if err := os.Rename(part, dir); err != nil {
		return fmt.Errorf("putting the restored store in its place: %w", err)
	}
	return resume(ctx, o, by)
}

// load reads a backup into a new Badger directory and checks its sum.
func load(ctx context.Context, r io.Reader, dir string) error {
	in := &tailReader{ctx: ctx, r: bufio.NewReaderSize(r, 1<<16), h: sha256.New()}
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != backupMagic {
		return errors.New("this is not a backup of Fettle, or one of a version that this one does not know")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	db, err := badger.Open(badgerOptions(dir, discard).WithSyncWrites(false))
	if err != nil {
		return err
	}
	err = safeLoad(db, in)
	if cerr := errors.Join(db.Sync(), db.Close()); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("the backup is damaged or cut off: %w", err)
	}
	if !bytes.Equal(in.tail, in.h.Sum(nil)) {
		return errors.New("the backup is damaged: its check sum does not match")
	}
	return nil
}

// safeLoad keeps a panic of the decoder on damaged input from crossing the
// package's border.
func safeLoad(db *badger.DB, r io.Reader) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return db.Load(r, 16)
}

// tailReader reads all but the last sumLength bytes, which it keeps as the
// tail, and hashes what it reads.
type tailReader struct {
	ctx  context.Context
	r    *bufio.Reader
	h    hash.Hash
	tail []byte
}

func (t *tailReader) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	ahead, err := t.r.Peek(sumLength + 1)
	if len(ahead) <= sumLength {
		if errors.Is(err, io.EOF) {
			t.tail = bytes.Clone(ahead)
		}
		return 0, err
	}
	n := min(len(p), t.r.Buffered()-sumLength)
	n, err = io.ReadFull(t.r, p[:n])
	t.h.Write(p[:n])
	return n, err
}

// restoreSkip is how many plan numbers a restore leaves out: more than a server
// gives out in the life of a backup.
const restoreSkip = 1 << 32

// resume opens a restored store once, to check it and to say in the journal
// what happened.
func resume(ctx context.Context, o Options, by model.Actor) error {
	if o.Keys == "" {
		o.Keys = filepath.Join(o.Dir, "keys")
	}
	remark := "the signing key was kept"
	path := filepath.Join(o.Keys, keyFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if _, err := newSigningKey(o.Keys, path); err != nil {
			return err
		}
		remark = "a new signing key was made; heads printed before are signed by the old one"
	}
	s, err := Open(o)
	if err != nil {
		return err
	}
	err = s.do(ctx, func(d *draft) error {
		// Computers refuse a plan that is older than the last they saw, and the
		// backup does not know how many were given out after it was made.
		d.plans += restoreSkip
		if err := d.put(keyMeta(metaPlans), d.plans); err != nil {
			return err
		}
		_, err := d.enter(model.Entry{Actor: by, Kind: "restore-backup", Summary: "Restored a backup", Remark: remark})
		return err
	})
	return errors.Join(err, s.Close())
}
