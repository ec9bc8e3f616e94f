package store

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/dgraph-io/badger/v4"
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
