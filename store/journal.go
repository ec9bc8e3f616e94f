package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// The journal is a chain: each entry holds the SHA-256 of the one before, and
// the head (number and hash of the newest entry) is signed with a key that is
// not in the database. The newest head is also kept in a file beside the key.
// Whoever changes an entry breaks the chain; whoever rewrites the chain lacks
// the key; whoever cuts the tail, with the head that belonged there, is found
// out by the file, and by every report that printed a head.

// journalHead is the newest entry, signed.
type journalHead struct {
	Seq       uint64 `cbor:"1,keyasint"`
	Hash      []byte `cbor:"2,keyasint"`
	Signature []byte `cbor:"3,keyasint"`
}

// headMessage is what the signature of a head covers.
func headMessage(seq uint64, hash []byte) []byte {
	m := append([]byte("fettle journal head 1\n"), binary.BigEndian.AppendUint64(nil, seq)...)
	return append(m, hash...)
}

const (
	keyFile  = "journal.key"
	headFile = "journal.head"
)

// signingKey reads the key that signs the journal's heads and the installation
// plans, and makes it for a new store.
func signingKey(dir string, make bool) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && make {
		return newSigningKey(dir, path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the signing key %s is missing, so the journal cannot go on. Put the file back; or restore a backup into a new directory with: fettle restore FILE --data DIR, which makes a new key and says so in the journal", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "FETTLE SIGNING KEY" || len(block.Bytes) != ed25519.SeedSize {
		return nil, fmt.Errorf("the signing key %s is damaged. Put the file back from where you keep copies of it", path)
	}
	return ed25519.NewKeyFromSeed(block.Bytes), nil
}

func newSigningKey(dir, path string) (ed25519.PrivateKey, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the signing key: %w", err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the signing key: %w", err)
	}
	if err := writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "FETTLE SIGNING KEY", Bytes: key.Seed()})); err != nil {
		return nil, fmt.Errorf("writing the signing key: %w", err)
	}
	return key, nil
}

// writeFile replaces a file whole: a temporary file, synced, then renamed.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Sign signs a message with the store's key; plans are signed so.
func (s *Store) Sign(message []byte) []byte { return ed25519.Sign(s.key, message) }

// PublicKey verifies what Sign signed.
func (s *Store) PublicKey() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// enter adds an entry to the journal in the operation.
func (d *draft) enter(e model.Entry) (model.Entry, error) {
	e.Seq, e.Time, e.Prev = d.journal.Seq+1, d.store.now(), d.journal.Hash
	b, err := encode(e)
	if err != nil {
		return e, err
	}
	h := sha256.Sum256(b)
	d.journal = journalHead{Seq: e.Seq, Hash: h[:], Signature: d.store.Sign(headMessage(e.Seq, h[:]))}
	d.set(keyEntry(e.Seq), b)
	head := d.journal
	d.events = append(d.events, func() { d.store.keepHead(head) })
	return e, d.put(keyMeta(metaHead), head)
}

// keepHead writes the head beside the key. It is evidence, not state: a failure
// is logged, and verifying tells that the file is behind.
func (s *Store) keepHead(h journalHead) {
	b, err := encode(h)
	if err == nil {
		err = writeFile(filepath.Join(s.options.Keys, headFile), b)
	}
	if err != nil {
		s.options.Log.Error("the journal's head could not be kept beside the key", "error", err)
	}
}

// Entries gives journal entries from a number on, the oldest first, at most
// limit; limit 0 means all.
func (s *Store) Entries(from uint64, limit int) ([]model.Entry, error) {
	var all []model.Entry
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindEntry}, PrefetchValues: true, PrefetchSize: 32})
		defer it.Close()
		for it.Seek(keyEntry(from)); it.Valid() && (limit == 0 || len(all) < limit); it.Next() {
			var e model.Entry
			if err := it.Item().Value(func(b []byte) error { return decode(b, &e) }); err != nil {
				return fmt.Errorf("entry %d: %w", number64(it.Item().Key()), err)
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return all, fmt.Errorf("reading the journal: %w", err)
	}
	return all, nil
}

// Entry gives one journal entry.
func (s *Store) Entry(seq uint64) (*model.Entry, error) {
	return read[model.Entry](s, fmt.Sprintf("journal entry %d", seq), keyEntry(seq))
}

// JournalVerdict is what verifying the journal found.
type JournalVerdict struct {
	Entries uint64
	Head    string // hash of the newest entry, in hexadecimal: compare it with what reports printed
	Broken  uint64 // the first entry that is not what it was; 0 = none
	Problem string // what is wrong, in words; empty = nothing
}

// VerifyJournal reads the whole chain and checks every hash, the signature of
// the head and the head that is kept beside the key. progress is told from time to
// time how far it is; nil = nobody wants to know.
func (s *Store) VerifyJournal(ctx context.Context, progress func(model.Progress)) (JournalVerdict, error) {
	var v JournalVerdict
	broken := func(seq uint64, format string, a ...any) {
		if v.Problem == "" {
			v.Broken, v.Problem = seq, fmt.Sprintf(format, a...)
		}
	}
	kept, keptErr := s.keptHead()
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindEntry}, PrefetchValues: true, PrefetchSize: 32})
		defer it.Close()
		var prev []byte
		var gap doubt
		named := map[string]bool{} // hashes that entries and heads name
		for it.Rewind(); it.Valid(); it.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil && v.Entries%1000 == 0 {
				progress(model.Progress{Phase: "Checking the journal", Done: int64(v.Entries), Total: int64(kept.Seq)})
			}
			seq := number64(it.Item().Key())
			b, err := it.Item().ValueCopy(nil)
			if err != nil {
				return fmt.Errorf("entry %d: %w", seq, err)
			}
			var e model.Entry
			derr := decode(b, &e)
			named[string(e.Prev)] = true
			switch {
			case seq != v.Entries+1:
				broken(v.Entries+1, "entry %d is missing", v.Entries+1)
			case derr != nil:
				broken(seq, "entry %d cannot be read: %v", seq, derr)
			case e.Seq != seq:
				broken(seq, "entry %d says that it is entry %d", seq, e.Seq)
			case !bytes.Equal(e.Prev, prev) && v.Problem == "" && gap.seq == 0:
				gap = newDoubt(e, prev, b)
			}
			h := sha256.Sum256(b)
			prev, v.Entries = h[:], seq
			if keptErr == nil && kept.Seq == seq && !bytes.Equal(kept.Hash, prev) {
				broken(seq, "entry %d is not the one whose hash was signed when it was made", seq)
			}
		}
		v.Head = hex.EncodeToString(prev)
		var head journalHead
		err := get(txn, keyMeta(metaHead), &head)
		if named[string(head.Hash)], named[string(kept.Hash)] = true, true; gap.seq != 0 {
			v.Broken, v.Problem = gap.settle(named) // before whatever was found later in the chain
		}
		switch {
		case errors.Is(err, badger.ErrKeyNotFound):
			if v.Entries > 0 {
				broken(1, "the signed head is missing")
			}
		case err != nil:
			broken(max(1, v.Entries), "the signed head cannot be read: %v", err)
		case head.Seq > v.Entries:
			broken(v.Entries+1, "entries %d to %d were cut off: the signed head is entry %d", v.Entries+1, head.Seq, head.Seq)
		case head.Seq < v.Entries:
			broken(head.Seq+1, "entry %d was added without a signature", head.Seq+1)
		case !bytes.Equal(head.Hash, prev):
			broken(head.Seq, "entry %d is not the one that the signed head names", head.Seq)
		case !ed25519.Verify(s.PublicKey(), headMessage(head.Seq, head.Hash), head.Signature):
			broken(head.Seq, "the head's signature is not by this store's key: the chain was rewritten")
		}
		return nil
	})
	if err != nil {
		return v, fmt.Errorf("verifying the journal: %w", err)
	}
	switch {
	case errors.Is(keptErr, fs.ErrNotExist):
		if v.Entries > 0 {
			broken(v.Entries, "the head beside the key (%s) is missing, so a cut-off tail could not be noticed", filepath.Join(s.options.Keys, headFile))
		}
	case keptErr != nil:
		broken(v.Entries, "the head beside the key cannot be read: %v", keptErr)
	case kept.Seq > v.Entries:
		broken(v.Entries+1, "entries %d to %d were cut off: the head beside the key is entry %d", v.Entries+1, kept.Seq, kept.Seq)
	case !ed25519.Verify(s.PublicKey(), headMessage(kept.Seq, kept.Hash), kept.Signature):
		broken(kept.Seq, "the signature of the head beside the key is not by this store's key")
	}
	return v, nil
}

// doubt is a place where the chain does not hold: an entry that does not name
// the hash of the one before it. One of the two was changed.
type doubt struct {
	seq           uint64
	before, after string // hashes of the two, as they are
	mended        string // hash that the later one would have if it named the earlier
}

func newDoubt(e model.Entry, before, raw []byte) doubt {
	after := sha256.Sum256(raw)
	d := doubt{seq: e.Seq, before: string(before), after: string(after[:])}
	e.Prev = before
	if b, err := encode(e); err == nil {
		mended := sha256.Sum256(b)
		d.mended = string(mended[:])
	}
	return d
}

// settle says which entry was changed. An entry whose hash anything else names
// is what it was, and so is one before it when the later one would be, if only
// it named it. When nothing tells, the earlier is meant.
func (d doubt) settle(named map[string]bool) (uint64, string) {
	if d.seq > 1 && (named[d.after] || !named[d.before] && !named[d.mended]) {
		return d.seq - 1, fmt.Sprintf("entry %d is not the one that entry %d was made after", d.seq-1, d.seq)
	}
	return d.seq, fmt.Sprintf("entry %d does not name the entry before it", d.seq)
}

func (s *Store) keptHead() (journalHead, error) {
	var h journalHead
	b, err := os.ReadFile(filepath.Join(s.options.Keys, headFile))
	if err != nil {
		return h, err
	}
	return h, decode(b, &h)
}
