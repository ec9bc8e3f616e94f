package store

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// schema is the version of the layout. A store with a higher one is refused; a
// lower one is migrated when it is opened, in steps, each its own transaction.
// Version 2 added records and packed lists; it reads everything of version 1.
const schema = 2

// Options say where a store is and what it uses.
type Options struct {
	Dir      string // the data directory; Badger's files are in Dir/store
	Keys     string // directory of the signing key and of the journal's head; empty = Dir/keys
	ReadOnly bool   // refuse every write
	Clock    func() time.Time
	Log      *slog.Logger
	Free     func(dir string) (uint64, error) // free bytes of a directory's disk; nil asks the system
}

// Store is an open store. Its methods are safe for concurrent use.
type Store struct {
	options Options
	db      *badger.DB
	ids     identifiers // of updates

	computerIDs identifiers // of computers; a computer that comes back after its removal has a new number
	key         ed25519.PrivateKey

	offersMu sync.RWMutex
	offers   *model.Availability // what is available now; changed after each commit
	lineage  *lineage            // the writer's own after loading

	current atomic.Pointer[Snapshot]
	loaded  chan struct{}
	loadErr error

	ops     chan *operation
	done    chan struct{} // closed when the writer ended
	stop    chan struct{}
	loading sync.WaitGroup

	plans    planNumbers
	past     unwritten
	measured measured

	taking chan struct{} // holds one token while a generation is taken in

	watchMu  sync.Mutex
	watchers map[chan struct{}]struct{}
}

// identifiers maps identifiers to numbers. Entries are added and replaced, never
// removed: whoever asks looks whether what has the number has the identifier.
type identifiers struct {
	mu sync.RWMutex
	m  map[string]uint32
}

func (x *identifiers) number(id string) (uint32, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n, ok := x.m[id]
	return n, ok
}

func (x *identifiers) set(id string, n uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.m[id] = n
}

// LockedError says that another process holds the store.
type LockedError struct {
	Dir string
	PID int // 0 = not known
}

// Error says who holds the store and what to do.
func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = "process " + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("the store in %s is in use by %s, which does not answer on its socket; end that process, or wait for it", e.Dir, who)
}

// VersionError says that a newer version of Fettle wrote the store.
type VersionError struct {
	Dir   string
	Found uint64
}

// Error says what was found and what to do.
func (e *VersionError) Error() string {
	return fmt.Sprintf("the store in %s was written by a newer version of Fettle (layout %d, this version knows %d); use that version, or restore a backup into another directory with: fettle restore FILE --data DIR", e.Dir, e.Found, schema)
}

// DamagedError says that the store cannot be read.
type DamagedError struct {
	Dir string
	Err error
}

// Error says what is damaged and what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the store in %s cannot be read (%v); nothing was changed. Restore a backup into a new directory with: fettle restore FILE --data DIR", e.Dir, e.Err)
}

// Unwrap gives what Badger or the decoder said.
func (e *DamagedError) Unwrap() error { return e.Err }

var discard = slog.New(slog.DiscardHandler)

// ErrClosed is the error of a write to a store that was closed.
var ErrClosed = errors.New("the store is closed")

// Open opens the store in a data directory, and makes it when there is none.
// Errors of kind *LockedError, *VersionError and *DamagedError tell why it
// could not. The catalogue is read in the background: see Loaded. The caller
// closes the store.
func Open(o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = discard
	}
	if o.Keys == "" {
		o.Keys = filepath.Join(o.Dir, "keys")
	}
	if o.Free == nil {
		o.Free = freeSpace
	}
	dir := filepath.Join(o.Dir, "store")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	if err := errors.Join(o.checkSpace(), checkOwner(o.Dir, dir)); err != nil {
		return nil, err
	}
	db, err := badger.Open(badgerOptions(dir, o.Log))
	if err != nil {
		return nil, openError(o.Dir, dir, err)
	}
	s := &Store{
		options: o, db: db,
		loaded: make(chan struct{}), ops: make(chan *operation), done: make(chan struct{}), stop: make(chan struct{}), taking: make(chan struct{}, 1),
		watchers: map[chan struct{}]struct{}{}, offers: model.NewAvailability(), lineage: newLineage(),
	}
	s.ids.m, s.computerIDs.m = map[string]uint32{}, map[string]uint32{}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.loading.Go(s.load)
	go s.write()
	return s, nil
}

// badgerOptions are those measured in terminal.md section 5, with SyncWrites:
// small memtables, no compression and so no block cache, values in the LSM tree
// but for blocks of documents: hundreds of megabytes are not to be compacted
// again and again.
func badgerOptions(dir string, log *slog.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithValueThreshold(64 << 10).
		WithMemTableSize(16 << 20).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(4).
		WithCompression(0).
		WithBlockCacheSize(0).
		WithIndexCacheSize(8 << 20).
		WithValueLogFileSize(64 << 20).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithMetricsEnabled(false).
		WithCompactL0OnClose(true).
		WithDetectConflicts(false). // one writer: nothing can conflict
		WithLogger(badgerLog{log})
}

// openError turns Badger's error into one that says what to do.
func openError(data, dir string, err error) error {
	if strings.Contains(err.Error(), "Cannot acquire directory lock") {
		e := &LockedError{Dir: data}
		if b, rerr := os.ReadFile(filepath.Join(dir, "LOCK")); rerr == nil {
			e.PID, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		return e
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("opening the store: %w. Use a data directory of your own with --data DIR, or become root", err)
	}
	if isFull(err) {
		return fmt.Errorf("opening the store in %s: %w. Nothing was changed; free some space and try again", data, err)
	}
	return &DamagedError{Dir: data, Err: err}
}

// badgerLog gives Badger our logger: one line on the screen would ruin it.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(f string, a ...any)   { l.log.Error(logLine(f, a)) }
func (l badgerLog) Warningf(f string, a ...any) { l.log.Warn(logLine(f, a)) }
func (l badgerLog) Infof(f string, a ...any)    { l.log.Debug(logLine(f, a)) }
func (l badgerLog) Debugf(f string, a ...any)   {}

func logLine(f string, a []any) string { return "badger: " + strings.TrimSpace(fmt.Sprintf(f, a...)) }

// begin reads what is small and always needed, or writes the first records of a
// new store, and publishes the first snapshot.
func (s *Store) begin() error {
	snap := &Snapshot{
		store: s, categories: map[model.CategoryID]model.Category{},
		declined: roaring.New(), outside: roaring.New(), unseen: roaring.New(), managed: roaring.New(),
		removed: roaring.New(), whole: roaring.New(), trim: roaring.New(), ready: roaring.New(),
		matched: map[model.GroupID]*roaring.Bitmap{}, members: map[model.GroupID]*roaring.Bitmap{},
		layers: map[model.GroupID][]layer{}, derived: &derived{}, licences: map[uint32]licence{}, alarms: map[uint32]*model.RevisionAlarm{},
	}
	found, version, err := s.readMeta(snap)
	if err != nil {
		return &DamagedError{Dir: s.options.Dir, Err: err}
	}
	if !found && !s.blank() {
		return &DamagedError{Dir: s.options.Dir, Err: errors.New("its layout version is missing")}
	}
	if found && version > schema {
		return &VersionError{Dir: s.options.Dir, Found: version}
	}
	if found && version < schema && !s.options.ReadOnly {
		if err := s.db.Update(func(txn *badger.Txn) error { return put(txn, keyMeta(metaSchema), uint64(schema)) }); err != nil {
			return fmt.Errorf("marking the store as one of this version: %w", err)
		}
	}
	if s.key, err = signingKey(s.options.Keys, !found); err != nil {
		return err
	}
	if !found {
		if err := s.found(snap); err != nil {
			return fmt.Errorf("making a new store: %w", err)
		}
	}
	s.current.Store(snap)
	return nil
}

// blank says whether the database holds nothing at all. A store whose first
// record is missing although others are there is damaged, and must not be made
// anew over them.
func (s *Store) blank() bool {
	if len(s.db.Tables()) > 0 {
		return false
	}
	empty := true
	_ = s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		it.Rewind()
		empty = !it.Valid()
		return nil
	})
	return empty
}

// readMeta reads the small records. found is false for a new store.
func (s *Store) readMeta(snap *Snapshot) (found bool, version uint64, err error) {
	err = s.db.View(func(txn *badger.Txn) error {
		if err := get(txn, keyMeta(metaSchema), &version); errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		found = true
		if version > schema {
			return nil
		}
		optional := func(err error) error {
			if errors.Is(err, badger.ErrKeyNotFound) {
				return nil
			}
			return err
		}
		var declined, removed, trim, ready []uint32
		err := errors.Join(
			optional(get(txn, keyMeta(metaSeq), &snap.seq)),
			optional(get(txn, keyMeta(metaSetup), &snap.setup)),
			optional(get(txn, keyMeta(metaSettings), &snap.settings)),
			optional(get(txn, keyMeta(metaHead), &snap.journal)),
			optional(get(txn, keyMeta(metaPlans), &snap.plans)),
			optional(get(txn, keyMeta(metaGroups), &snap.groupNumber)),
			optional(get(txn, keyMeta(metaComputers), &snap.computerNumber)),
			optional(get(txn, keyMeta(metaDeclined), &declined)),
			optional(get(txn, keyMeta(metaRemoved), &removed)),
			optional(get(txn, keyMeta(metaTrim), &trim)),
			optional(get(txn, keyMeta(metaContent), &ready)),
			optional(get(txn, keyMeta(metaOptions), &snap.options)),
			snap.readDecisions(txn),
			each(txn, kindUpstream, func(_ []byte, u *model.Upstream) error {
				snap.upstreams = append(snap.upstreams, *u)
				return nil
			}),
			each(txn, kindDeployment, func(_ []byte, d *model.Deployment) error {
				snap.deployments = append(snap.deployments, d)
				return nil
			}),
			each(txn, kindRun, func(_ []byte, r *model.SyncRun) error {
				snap.runs = append(snap.runs, r)
				return nil
			}),
			each(txn, kindDay, func(_ []byte, c *model.DayCount) error {
				snap.trend = append(snap.trend, *c)
				return nil
			}),
		)
		if err != nil {
			return err
		}
		slices.Reverse(snap.runs)
		snap.declined = roaring.BitmapOf(declined...)
		snap.removed, snap.trim, snap.ready = roaring.BitmapOf(removed...), roaring.BitmapOf(trim...), roaring.BitmapOf(ready...)
		snap.outside = snap.removed.Clone()
		snap.hide()
		snap.layers = stackAll(snap.deployments)
		var groups []model.Group
		if err := each(txn, kindGroup, func(_ []byte, g *model.Group) error {
			groups = append(groups, *g)
			return nil
		}); err != nil {
			return err
		}
		snap.tree, err = model.NewGroupTree(groups)
		return err
	})
	return found, version, err
}

// found writes the first records of a new store.
func (s *Store) found(snap *Snapshot) error {
	groups := model.PredefinedGroups()
	err := s.db.Update(func(txn *badger.Txn) error {
		var errs []error
		for _, g := range groups {
			errs = append(errs, put(txn, keyGroup(g.ID), g))
		}
		errs = append(errs, put(txn, keyMeta(metaSchema), uint64(schema)))
		return errors.Join(errs...)
	})
	if err != nil {
		return err
	}
	snap.tree, err = model.NewGroupTree(groups)
	return err
}

// Snapshot gives the newest view.
func (s *Store) Snapshot() *Snapshot { return s.current.Load() }

// Loaded closes when the catalogue is in memory. WaitLoaded also tells why it
// could not be read.
func (s *Store) Loaded() <-chan struct{} { return s.loaded }

// WaitLoaded waits until the catalogue is in memory.
func (s *Store) WaitLoaded(ctx context.Context) error {
	select {
	case <-s.loaded:
		return s.loadErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Watch gives a channel that receives after every commit; several commits may
// be told as one. It ends with the context, which the caller must end.
func (s *Store) Watch(ctx context.Context) <-chan struct{} {
	ch := make(chan struct{}, 1)
	s.watchMu.Lock()
	s.watchers[ch] = struct{}{}
	s.watchMu.Unlock()
	context.AfterFunc(ctx, func() {
		s.watchMu.Lock()
		delete(s.watchers, ch)
		s.watchMu.Unlock()
	})
	return ch
}

// publish makes a snapshot the current one and tells the watchers.
func (s *Store) publish(snap *Snapshot) {
	s.current.Store(snap)
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	for ch := range s.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Dir is the data directory.
func (s *Store) Dir() string { return s.options.Dir }

// Identity is a GUID that tells this store from all others, for as long as it
// keeps its signing key.
func (s *Store) Identity() string {
	sum := sha256.Sum256(append([]byte("fettle store "), s.key.Public().(ed25519.PublicKey)...))
	id := sum[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8 of RFC 9562: made in a way of one's own
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// ReadOnly says whether every write is refused.
func (s *Store) ReadOnly() bool { return s.options.ReadOnly }

// Now is the store's clock.
func (s *Store) Now() time.Time { return s.options.Clock() }

// now is the clock in the precision that is kept.
func (s *Store) now() time.Time { return s.options.Clock().UTC().Truncate(time.Millisecond) }

// Close ends the writer and closes the store. Nothing acknowledged is lost.
func (s *Store) Close() error {
	close(s.stop)
	s.loading.Wait()
	<-s.done
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// get reads one record; badger.ErrKeyNotFound when there is none.
func get(txn *badger.Txn, key []byte, v any) error {
	item, err := txn.Get(key)
	if err != nil {
		return err
	}
	return item.Value(func(b []byte) error {
		if err := decode(b, v); err != nil {
			return fmt.Errorf("record %q: %w", key, err)
		}
		return nil
	})
}

// put writes one record.
func put(txn *badger.Txn, key []byte, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return txn.Set(key, b)
}

// each goes through all records of a kind in the order of their keys.
func each[T any](txn *badger.Txn, kind byte, visit func(key []byte, v *T) error) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kind}, PrefetchValues: true, PrefetchSize: 64})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		key := it.Item().KeyCopy(nil)
		v := new(T)
		if err := it.Item().Value(func(b []byte) error { return decode(b, v) }); err != nil {
			return fmt.Errorf("record %q: %w", key, err)
		}
		if err := visit(key, v); err != nil {
			return err
		}
	}
	return nil
}

// read gives one record from the disk, with a word for what it is.
func read[T any](s *Store, what string, key []byte) (*T, error) {
	v := new(T)
	err := s.db.View(func(txn *badger.Txn) error { return get(txn, key, v) })
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return v, nil
}

// ErrNotFound is the error for a record that does not exist.
var ErrNotFound = errors.New("not found")
