package content

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"fettle/model"
)

// Errors that callers tell apart.
var (
	// ErrNotKept says that the store does not have a file.
	ErrNotKept = errors.New("the file is not in the content store")
	// ErrWrong says that bytes are not those of the file that they should be.
	ErrWrong = errors.New("the content is not what it should be")
	// ErrHeld says that another process has the store.
	ErrHeld = errors.New("another process holds the content store")
)

// The folders of a store.
const (
	folderFiles    = "sha256"
	folderNames    = "sha1"
	folderIncoming = "incoming"
	folderDamaged  = "damaged"
	lockName       = "lock"
)

// Sum is a SHA-256, by which files are kept.
type Sum = [32]byte

// Store is a directory of verified files.
type Store struct {
	root   *os.Root
	lock   *os.File
	long   sync.Mutex // Import, Verify, Prune
	number atomic.Uint64
	made   sync.Map // folders that exist
}

// Open opens the store in a directory, which is made where it is missing.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("making the content store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the content store: %w", err)
	}
	s := &Store{root: root}
	if err := s.begin(); err != nil {
		s.Close()
		return nil, fmt.Errorf("opening the content store %s: %w", dir, err)
	}
	return s, nil
}

// begin locks the store and clears away what was never finished.
func (s *Store) begin() error {
	var err error
	if s.lock, err = s.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o640); err != nil {
		return err
	}
	if err := lock(s.lock); err != nil {
		return err
	}
	for _, name := range []string{folderFiles, folderNames, folderDamaged} {
		if err := s.folder(name); err != nil {
			return err
		}
	}
	if err := s.root.RemoveAll(folderIncoming); err != nil {
		return err
	}
	return s.root.Mkdir(folderIncoming, 0o750)
}

// Close gives the store up.
func (s *Store) Close() error {
	var err error
	if s.lock != nil {
		err = s.lock.Close()
	}
	return errors.Join(err, s.root.Close())
}

// folder makes a folder where it is missing.
func (s *Store) folder(name string) error {
	if _, ok := s.made.Load(name); ok {
		return nil
	}
	if err := s.root.Mkdir(name, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	s.made.Store(name, nil)
	return nil
}

// filePath is where a file is kept.
func filePath(sum Sum) string {
	name := hex.EncodeToString(sum[:])
	return folderFiles + "/" + name[:2] + "/" + name
}

// namePath is where the name of a file known by its SHA-1 is kept.
func namePath(sum [20]byte) string {
	name := hex.EncodeToString(sum[:])
	return folderNames + "/" + name[:2] + "/" + name
}

// Has says whether a file is kept: one with the digests that are given, and with
// the size where one is given.
func (s *Store) Has(f model.File) bool {
	sum, ok := s.sumOf(f)
	if !ok {
		return false
	}
	info, err := s.root.Lstat(filePath(sum))
	return err == nil && info.Mode().IsRegular() && (f.Size <= 0 || info.Size() == f.Size)
}

// sumOf finds the SHA-256 of a file.
func (s *Store) sumOf(f model.File) (Sum, bool) {
	if len(f.SHA256) == len(Sum{}) {
		return Sum(f.SHA256), true
	}
	if len(f.SHA1) == 20 {
		return s.Find([20]byte(f.SHA1))
	}
	return Sum{}, false
}

// Find gives the SHA-256 of the file that is known by a SHA-1. It does not say
// whether the file is still there.
func (s *Store) Find(sum [20]byte) (Sum, bool) {
	b, err := s.root.ReadFile(namePath(sum))
	if err != nil {
		return Sum{}, false
	}
	return parseSum(string(bytes.TrimSpace(b)))
}

// parseSum reads a SHA-256 in lower-case hexadecimal.
func parseSum(s string) (sum Sum, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(sum) || hex.EncodeToString(b) != s {
		return sum, false
	}
	return Sum(b), true
}

// Open opens a file for reading. The error wraps ErrNotKept when it is not there.
func (s *Store) Open(sum Sum) (*os.File, error) {
	f, err := s.root.Open(filePath(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening %x: %w", sum, ErrNotKept)
	}
	if err != nil {
		return nil, fmt.Errorf("opening a file of the content store: %w", err)
	}
	return f, nil
}

// Add reads a file and keeps it if it is what f says. The error wraps ErrWrong
// when it is not. A file that is kept already is not read.
func (s *Store) Add(ctx context.Context, f model.File, r io.Reader) error {
	if s.Has(f) {
		return nil
	}
	in, err := s.receive()
	if err != nil {
		return err
	}
	defer in.drop()
	h := newHasher()
	if _, err := io.CopyBuffer(onlyWriter{io.MultiWriter(in.file, h)}, &bound{ctx: ctx, r: r, left: f.Size, sized: f.Size > 0}, make([]byte, copySize)); err != nil {
		return fmt.Errorf("receiving %s: %w", model.Clean(f.Name), err)
	}
	if err := h.check(f); err != nil {
		return err
	}
	return s.publish(in, h)
}

// copySize is how much is read at once, and how often a copy can be stopped.
const copySize = 1 << 20

// onlyWriter hides every method but Write, so that a copy goes through the buffer
// and stops between pieces.
type onlyWriter struct{ io.Writer }

// bound reads until the context ends or more comes than should.
type bound struct {
	ctx   context.Context
	r     io.Reader
	left  int64
	sized bool
}

func (b *bound) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.sized && b.left < 0 {
		return n, fmt.Errorf("%w: it is longer than stated", ErrWrong)
	}
	return n, err
}

// hasher computes both digests of what is written to it.
type hasher struct {
	sha1, sha256 hash.Hash
	size         int64
}

func newHasher() *hasher { return &hasher{sha1: sha1.New(), sha256: sha256.New()} }

func (h *hasher) Write(p []byte) (int, error) {
	h.sha1.Write(p)
	h.sha256.Write(p)
	h.size += int64(len(p))
	return len(p), nil
}

func (h *hasher) sums() (one [20]byte, two Sum) {
	return [20]byte(h.sha1.Sum(nil)), Sum(h.sha256.Sum(nil))
}

// check compares with what the metadata states. There must be a digest.
func (h *hasher) check(f model.File) error {
	one, two := h.sums()
	switch {
	case len(f.SHA1) != len(one) && len(f.SHA256) != len(two):
		return fmt.Errorf("%w: its metadata states no digest", ErrWrong)
	case f.Size > 0 && h.size != f.Size:
		return fmt.Errorf("%w: it has %d bytes instead of %d", ErrWrong, h.size, f.Size)
	case len(f.SHA1) == len(one) && !bytes.Equal(f.SHA1, one[:]):
		return fmt.Errorf("%w: its SHA-1 is %x instead of %x", ErrWrong, one, f.SHA1)
	case len(f.SHA256) == len(two) && !bytes.Equal(f.SHA256, two[:]):
		return fmt.Errorf("%w: its SHA-256 is %x instead of %x", ErrWrong, two, f.SHA256)
	}
	return nil
}

// incoming is a file that was not verified yet.
type incoming struct {
	store *Store
	name  string
	file  *os.File
}

// receive begins a new file.
func (s *Store) receive() (*incoming, error) {
	name := folderIncoming + "/" + strconv.FormatUint(s.number.Add(1), 10)
	// Read-only for everybody: what was verified is not changed by accident.
	f, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o440)
	if err != nil {
		return nil, fmt.Errorf("writing to the content store: %w", err)
	}
	return &incoming{store: s, name: name, file: f}, nil
}

// drop forgets an incoming file; after publish there is nothing to forget.
func (in *incoming) drop() {
	if in.file != nil {
		in.file.Close()
	}
	if in.name != "" {
		in.store.root.Remove(in.name)
	}
}

// publish makes a verified file visible. The SHA-1 name goes first: a name
// without a file is nothing, a file without its name would not be found.
func (s *Store) publish(in *incoming, h *hasher) error {
	one, two := h.sums()
	err := func() error {
		if in.file != nil {
			if err := errors.Join(in.file.Sync(), in.file.Close()); err != nil {
				return err
			}
			in.file = nil
		}
		if err := s.name(one, two); err != nil {
			return err
		}
		path := filePath(two)
		if err := s.folder(path[:len(folderFiles)+3]); err != nil {
			return err
		}
		if err := s.root.Rename(in.name, path); err != nil {
			return err
		}
		in.name = ""
		return s.syncFolder(path[:len(folderFiles)+3])
	}()
	if err != nil {
		return fmt.Errorf("keeping a file in the content store: %w", err)
	}
	return nil
}

// name notes which file a SHA-1 means.
func (s *Store) name(one [20]byte, two Sum) error {
	if known, ok := s.Find(one); ok && known == two {
		return nil
	}
	path := namePath(one)
	folder := path[:len(folderNames)+3]
	if err := s.folder(folder); err != nil {
		return err
	}
	part := folderIncoming + "/" + strconv.FormatUint(s.number.Add(1), 10)
	if err := s.root.WriteFile(part, []byte(hex.EncodeToString(two[:])+"\n"), 0o440); err != nil {
		return err
	}
	if err := s.root.Rename(part, path); err != nil {
		s.root.Remove(part)
		return err
	}
	return s.syncFolder(folder)
}

// syncFolder writes the names in a folder through to the disk.
func (s *Store) syncFolder(name string) error {
	d, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
