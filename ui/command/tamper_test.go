package command

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/fxamacker/cbor/v2"

	"fettle/model"
)

// entryKey is where the store keeps an entry: somebody who changes a journal
// from outside knows that.
func entryKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'j'}, seq) }

// TestTamperedJournal changes the journal in the database behind the program's
// back, in every way that somebody could, and has `fettle journal verify` name
// the first entry that is not what it was.
func TestTamperedJournal(t *testing.T) {
	s := &story{t: t, work: t.TempDir(), bodies: map[string]string{}}
	s.dir = s.work
	s.env = append(os.Environ(), asProgram+"=1", "FETTLE_CONFIG="+filepath.Join(s.work, "config.toml"), "FETTLE_DATA="+s.data(), "TZ=UTC")
	if err := os.WriteFile(filepath.Join(s.work, "config.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.populate(); err != nil { // entries 1 and 2
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"0", "fettle", "group", "add", "Web", "--yes"}, {"0", "fettle", "approve", "package:tzdata", "--group", "Web", "--remark", "the law changed", "--yes"},
		{"0", "fettle", "decline", "package:openssl", "--yes"}, {"0", "fettle", "group", "add", "Sites", "--yes"}, // entries 3 to 6
	} {
		if err := s.program(args); err != nil {
			t.Fatal(err, s.errs)
		}
	}
	const last = 6
	encode := func(v any) []byte {
		mode, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeUnixDynamic}.EncMode()
		if err != nil {
			t.Fatal(err)
		}
		b, err := mode.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte{1}, b...)
	}
	type head struct {
		Seq       uint64 `cbor:"1,keyasint"`
		Hash      []byte `cbor:"2,keyasint"`
		Signature []byte `cbor:"3,keyasint"`
	}
	for name, test := range map[string]struct {
		tamper func(get func(uint64) []byte, put func(key, value []byte)) // a nil value deletes
		broken uint64
	}{
		"whole": {func(func(uint64) []byte, func(key, value []byte)) {}, 0},
		"flipped": {func(get func(uint64) []byte, put func(key, value []byte)) {
			b := get(4)
			b[len(b)/2] ^= 1
			put(entryKey(4), b)
		}, 4},
		"reworded": {func(get func(uint64) []byte, put func(key, value []byte)) {
			var e model.Entry
			if err := cbor.Unmarshal(get(4)[1:], &e); err != nil {
				t.Fatal(err)
			}
			e.Actor.Who, e.Remark = "somebody else", ""
			put(entryKey(4), encode(e))
		}, 4},
		"removed": {func(_ func(uint64) []byte, put func(key, value []byte)) { put(entryKey(3), nil) }, 3},
		"swapped": {func(get func(uint64) []byte, put func(key, value []byte)) {
			a, b := get(3), get(4)
			put(entryKey(3), b)
			put(entryKey(4), a)
		}, 3},
		"cut off": {func(_ func(uint64) []byte, put func(key, value []byte)) {
			put(entryKey(5), nil)
			put(entryKey(6), nil)
		}, 5},
		// Whoever can write to the database, but lacks the key, makes a chain that
		// agrees with itself, with a head signed by a key of his own.
		"rewritten": {func(get func(uint64) []byte, put func(key, value []byte)) {
			var prev []byte
			for seq := uint64(1); seq <= last; seq++ {
				var e model.Entry
				if err := cbor.Unmarshal(get(seq)[1:], &e); err != nil {
					t.Fatal(err)
				}
				if seq == 4 {
					e.Remark = "somebody else's word"
				}
				e.Prev = prev
				b := encode(e)
				h := sha256.Sum256(b)
				prev = h[:]
				put(entryKey(seq), b)
			}
			_, key, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			message := append(binary.BigEndian.AppendUint64([]byte("fettle journal head 1\n"), last), prev...)
			put([]byte("mhead"), encode(head{last, prev, ed25519.Sign(key, message)}))
		}, last},
	} {
		t.Run(name, func(t *testing.T) {
			work := t.TempDir()
			if err := os.CopyFS(filepath.Join(work, "data"), os.DirFS(s.data())); err != nil {
				t.Fatal(err)
			}
			there := &story{t: t, work: work, dir: work, env: append(s.env, "FETTLE_DATA="+filepath.Join(work, "data"))}
			db, err := badger.Open(badger.DefaultOptions(filepath.Join(there.data(), "store")).WithLogger(nil))
			if err != nil {
				t.Fatal(err)
			}
			err = db.Update(func(txn *badger.Txn) error {
				var errs []error
				test.tamper(func(seq uint64) []byte {
					item, err := txn.Get(entryKey(seq))
					if err != nil {
						t.Fatal(err)
					}
					b, err := item.ValueCopy(nil)
					errs = append(errs, err)
					return b
				}, func(key, value []byte) {
					if value == nil {
						errs = append(errs, txn.Delete(key))
					} else {
						errs = append(errs, txn.Set(key, value))
					}
				})
				return errors.Join(errs...)
			})
			if err = errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			want := "1"
			if test.broken == 0 {
				want = "0"
			}
			if err := there.program([]string{want, "fettle", "journal", "verify", "--json"}); err != nil {
				t.Fatalf("%v\n%s%s", err, there.out, there.errs)
			}
			var answer struct {
				Entries uint64
				Broken  uint64
				Problem string
			}
			if err := json.Unmarshal([]byte(there.out), &answer); err != nil {
				t.Fatalf("%v in %s", err, there.out)
			}
			if answer.Broken != test.broken || (answer.Problem == "") != (test.broken == 0) {
				t.Errorf("it names entry %d, want %d: %s", answer.Broken, test.broken, answer.Problem)
			}
			if test.broken != 0 && !regexp.MustCompile(`(?s)fettle: the journal is not what it was: .*fettle restore FILE`).MatchString(there.errs) {
				t.Errorf("it says %s", there.errs)
			}
			t.Log(answer.Problem)
		})
	}
}
