package remote

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	gossh "golang.org/x/crypto/ssh"
)

const hostKeyFile = "ssh_host_ed25519_key"

// hostKey reads the host key, and makes it when there is none.
func hostKey(dir string) (gossh.Signer, error) {
	path := filepath.Join(dir, hostKeyFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if b, err = newHostKey(dir, path); err != nil {
			return nil, fmt.Errorf("making the host key: %w", err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the host key: %w", err)
	}
	key, err := gossh.ParsePrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("the host key %s is damaged (%w); remove it, and a new one is made", path, err)
	}
	return key, nil
}

func newHostKey(dir, path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := gossh.MarshalPrivateKey(key, "fettle")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b := pem.EncodeToMemory(block)
	f, err := os.CreateTemp(dir, "."+hostKeyFile+"-*") // mode 0600
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return b, nil
}
