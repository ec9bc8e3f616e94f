package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"pgregory.net/rapid"

	"fettle/model"
)

func newKeyPair() (ed25519.PublicKey, ed25519.PrivateKey, error) {
	return ed25519.GenerateKey(rand.Reader)
}

func sign(k ed25519.PrivateKey, m []byte) []byte { return ed25519.Sign(k, m) }

func sum(b []byte) [32]byte { return sha256.Sum256(b) }

// hashOf is the hash of a journal entry as it stands on the disk.
func (s *Store) hashOf(t *testing.T, seq uint64) []byte {
	t.Helper()
	var h [32]byte
	err := s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(keyEntry(seq))
		if err != nil {
			return err
		}
		return item.Value(func(b []byte) error { h = sum(b); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return h[:]
}

// chained is a journal as somebody who can write to the database sees it: he
// changes its bytes, and puts them back for the next attempt.
type chained struct {
	s       *Store
	entries [][]byte // by number; 0 is unused
	head    []byte   // the signed head in the database
	kept    []byte   // the head beside the key
}

// newChained makes a journal of n entries of different kinds.
func newChained(t *testing.T, n int) *chained {
	t.Helper()
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
	for i := 3; i <= n; i++ {
		c := model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: fmt.Sprintf("G%d", i), Parent: model.GroupAll}}
		switch i % 3 {
		case 1:
			c = model.Change{Kind: model.ChangeApprove, Remark: "because", Updates: []uint32{1, 2}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime}}}
		case 2:
			c = model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: model.GroupLinux, Policy: model.Policy{Mode: model.Mode(1 + i%2*2), Install: &model.WeekTime{Minute: i}}}}
		}
		must1(s.Make(t.Context(), c, admin))(t)
	}
	j := &chained{s: s, entries: make([][]byte, n+1)}
	err := s.db.View(func(txn *badger.Txn) error {
		for seq := range j.entries[1:] {
			item, err := txn.Get(keyEntry(uint64(seq) + 1))
			if err != nil {
				return err
			}
			if j.entries[seq+1], err = item.ValueCopy(nil); err != nil {
				return err
			}
		}
		item, err := txn.Get(keyMeta(metaHead))
		if err == nil {
			j.head, err = item.ValueCopy(nil)
		}
		return err
	})
	if err == nil {
		j.kept, err = os.ReadFile(filepath.Join(s.options.Keys, headFile))
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *chained) last() uint64 { return uint64(len(j.entries) - 1) }

// entry decodes an entry as it was made.
func (j *chained) entry(seq uint64) (e model.Entry) {
	if err := decode(j.entries[seq], &e); err != nil {
		panic(err)
	}
	return e
}

// set writes entries over those that are there; nil removes one.
func (j *chained) set(t rapid.TB, entries map[uint64][]byte) {
	t.Helper()
	err := j.s.db.Update(func(txn *badger.Txn) error {
		for seq, b := range entries {
			err := txn.Set(keyEntry(seq), b)
			if b == nil {
				err = txn.Delete(keyEntry(seq))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (j *chained) setHead(t rapid.TB, head, kept []byte) {
	t.Helper()
	err := j.s.db.Update(func(txn *badger.Txn) error {
		if head == nil {
			return txn.Delete(keyMeta(metaHead))
		}
		return txn.Set(keyMeta(metaHead), head)
	})
	name := filepath.Join(j.s.options.Keys, headFile)
	if err == nil && kept == nil {
		err = os.Remove(name)
	} else if err == nil {
		err = os.WriteFile(name, kept, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// heal puts everything back.
func (j *chained) heal(t rapid.TB) {
	t.Helper()
	all := map[uint64][]byte{j.last() + 1: nil}
	for seq := uint64(1); seq <= j.last(); seq++ {
		all[seq] = j.entries[seq]
	}
	j.set(t, all)
	j.setHead(t, j.head, j.kept)
}

// expect verifies and compares the entry that is named.
func (j *chained) expect(t rapid.TB, broken uint64, what string, a ...any) JournalVerdict {
	t.Helper()
	v, err := j.s.VerifyJournal(context.Background(), nil)
	if err != nil {
		t.Fatalf("%s: verifying: %v", fmt.Sprintf(what, a...), err)
	}
	if v.Broken != broken || (v.Problem != "") != (broken != 0) {
		t.Fatalf("%s: entry %d was named (%s), want %d", fmt.Sprintf(what, a...), v.Broken, v.Problem, broken)
	}
	return v
}

// forge rebuilds the chain from an entry on, as somebody does who has the
// database but not the key, and gives the head that he would sign.
func (j *chained) forge(t rapid.TB, from uint64) journalHead {
	t.Helper()
	var prev []byte
	if from > 1 {
		h := sum(j.entries[from-1])
		prev = h[:]
	}
	all := map[uint64][]byte{}
	for seq := from; seq <= j.last(); seq++ {
		e := j.entry(seq)
		if seq == from {
			e.Actor.Who = "mallory"
		}
		e.Prev = prev
		b, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		all[seq] = b
		h := sum(b)
		prev = h[:]
	}
	j.set(t, all)
	_, key, err := newKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	return journalHead{Seq: j.last(), Hash: prev, Signature: sign(key, headMessage(j.last(), prev))}
}

func encoded(t rapid.TB, h journalHead) []byte {
	t.Helper()
	b, err := encode(h)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// genuine is a head that the store itself signed when an entry was the newest.
func (j *chained) genuine(seq uint64) journalHead {
	h := sum(j.entries[seq])
	return journalHead{Seq: seq, Hash: h[:], Signature: j.s.Sign(headMessage(seq, h[:]))}
}

// TestEveryFlippedByteOfTheJournalIsNamed changes each byte of each entry, one
// at a time: the entry itself is named, wherever in it the byte is.
func TestEveryFlippedByteOfTheJournalIsNamed(t *testing.T) {
	j := newChained(t, 7)
	j.expect(t, 0, "untouched")
	for seq := uint64(1); seq <= j.last(); seq++ {
		for i := range j.entries[seq] {
			b := slices.Clone(j.entries[seq])
			b[i] ^= 1 << (i % 8)
			j.set(t, map[uint64][]byte{seq: b})
			j.expect(t, seq, "byte %d of entry %d flipped", i, seq)
		}
		j.set(t, map[uint64][]byte{seq: j.entries[seq]})
	}
	for i := range j.head {
		b := slices.Clone(j.head)
		b[i] ^= 1 << (i % 8)
		j.setHead(t, b, j.kept)
		if v := must1(j.s.VerifyJournal(t.Context(), nil))(t); v.Problem == "" {
			t.Errorf("byte %d of the head was flipped and nothing was said", i)
		}
		j.setHead(t, j.head, b)
		if v := must1(j.s.VerifyJournal(t.Context(), nil))(t); v.Problem == "" {
			t.Errorf("byte %d of the head beside the key was flipped and nothing was said", i)
		}
	}
}

// TestPropertyTamperedJournalNamesTheFirst does one thing to a journal that
// somebody with access to the database can do, and wants the first entry named
// that is not what it was.
func TestPropertyTamperedJournalNamesTheFirst(t *testing.T) {
	j := newChained(t, 12)
	n := j.last()
	attempts := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Badger keeps every version of a record, which slows reading down.
		if attempts++; attempts%200 == 0 {
			j = newChained(t, 12)
		}
		defer j.heal(rt)
		seq := rapid.Uint64Range(1, n).Draw(rt, "entry")
		change := rapid.SampledFrom([]string{"byte", "scribbled", "removed", "several removed", "swapped", "swapped and renumbered", "inserted", "cut", "cut with its head", "rewritten", "head"}).Draw(rt, "change")
		switch change {
		case "byte":
			b := slices.Clone(j.entries[seq])
			b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= rapid.ByteRange(1, 255).Draw(rt, "mask")
			j.set(rt, map[uint64][]byte{seq: b})
			j.expect(rt, seq, "%s", change)
		case "scribbled":
			// When both what an entry says and what it says of the one before
			// are gone, nothing tells which of the two was changed: the earlier
			// is named.
			b := slices.Clone(j.entries[seq])
			for range rapid.IntRange(2, 20).Draw(rt, "bytes") {
				b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= rapid.ByteRange(1, 255).Draw(rt, "mask")
			}
			if slices.Equal(b, j.entries[seq]) {
				return
			}
			j.set(rt, map[uint64][]byte{seq: b})
			if v, err := j.s.VerifyJournal(context.Background(), nil); err != nil || v.Broken != seq && v.Broken != seq-1 || v.Problem == "" {
				rt.Fatalf("entry %d was named (%s, %v), want %d or the one before", v.Broken, v.Problem, err, seq)
			}
		case "removed":
			j.set(rt, map[uint64][]byte{seq: nil})
			j.expect(rt, seq, "%s", change)
		case "several removed":
			to := rapid.Uint64Range(seq, n).Draw(rt, "to")
			gone := map[uint64][]byte{}
			for i := seq; i <= to; i++ {
				gone[i] = nil
			}
			j.set(rt, gone)
			if seq == 1 && to == n {
				seq = 1
			}
			j.expect(rt, seq, "%s", change)
		case "swapped", "swapped and renumbered":
			other := rapid.Uint64Range(1, n).Draw(rt, "other")
			if other == seq {
				return
			}
			a, b := j.entries[seq], j.entries[other]
			if change != "swapped" {
				x, y := j.entry(seq), j.entry(other)
				x.Seq, y.Seq = other, seq
				a, b = must(encode(x)), must(encode(y))
			}
			j.set(rt, map[uint64][]byte{seq: b, other: a})
			j.expect(rt, min(seq, other), "%s", change)
		case "inserted":
			e := model.Entry{Seq: n + 1, Actor: admin, Prev: j.genuine(n).Hash}
			j.set(rt, map[uint64][]byte{n + 1: must(encode(e))})
			j.expect(rt, n+1, "%s", change)
		case "cut":
			tail := map[uint64][]byte{}
			for i := seq; i <= n; i++ {
				tail[i] = nil
			}
			j.set(rt, tail)
			j.expect(rt, seq, "%s", change)
		case "cut with its head":
			// With the head that the store had signed at that time, which is
			// what an old backup holds.
			tail := map[uint64][]byte{}
			for i := seq; i <= n; i++ {
				tail[i] = nil
			}
			j.set(rt, tail)
			var head []byte
			if seq > 1 {
				head = encoded(rt, j.genuine(seq-1))
			}
			j.setHead(rt, head, j.kept)
			j.expect(rt, seq, "%s", change)
			// Who replaces the head beside the key too, is found out by the
			// heads that reports printed.
			if seq > 1 {
				j.setHead(rt, head, head)
				if v := j.expect(rt, 0, "both heads replaced"); v.Head == hex.EncodeToString(j.genuine(n).Hash) {
					rt.Fatal("a journal without its tail has the head that reports printed")
				}
			}
		case "rewritten":
			forged := j.forge(rt, seq)
			// Nothing but the heads can tell that a chain which holds was
			// rewritten, so the newest entry is named.
			j.expect(rt, n, "rewritten, both heads left")
			b := encoded(rt, forged)
			j.setHead(rt, b, j.kept)
			j.expect(rt, n, "rewritten with a forged head")
			j.setHead(rt, b, b)
			j.expect(rt, n, "rewritten with two forged heads")
			j.setHead(rt, b, nil)
			j.expect(rt, n, "rewritten with a forged head, the one beside the key removed")
			moved := j.genuine(n)
			moved.Hash = forged.Hash // a genuine signature of something else
			j.setHead(rt, encoded(rt, moved), j.kept)
			j.expect(rt, n, "rewritten with a signature of before")
		case "head":
			switch rapid.IntRange(0, 3).Draw(rt, "head") {
			case 0: // an older one, genuine
				if seq < n {
					j.setHead(rt, encoded(rt, j.genuine(seq)), j.kept)
					j.expect(rt, seq+1, "the head was replaced by an older one")
				}
			case 1:
				j.setHead(rt, nil, j.kept)
				j.expect(rt, 1, "the head was removed")
			case 2:
				_, key, _ := newKeyPair()
				h := j.genuine(n)
				h.Signature = sign(key, headMessage(h.Seq, h.Hash))
				j.setHead(rt, encoded(rt, h), j.kept)
				j.expect(rt, n, "the head was signed by somebody else")
			case 3:
				h := j.genuine(n)
				h.Seq = n + seq
				j.setHead(rt, encoded(rt, h), j.kept)
				j.expect(rt, n+1, "the head names an entry that does not exist")
			}
		}
	})
}
