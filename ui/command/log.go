package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// logFile is a log that cannot grow without bound: a file that became too large
// is put aside as FILE.old, and one such is kept.
type logFile struct {
	path  string
	limit int64 // 0 = none

	mu   sync.Mutex
	f    *os.File
	size int64
}

func openLog(path string, limit int64) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	l := &logFile{path: path, limit: limit}
	return l, l.open()
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write appends one line.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit > 0 && l.size > 0 && l.size+int64(len(b)) > l.limit {
		if err := l.turn(); err != nil {
			return 0, fmt.Errorf("putting the log aside: %w", err)
		}
	}
	n, err := l.f.Write(b)
	l.size += int64(n)
	return n, err
}

// turn puts the file aside and begins a new one. Another process may have done
// so already; then its new file is used.
func (l *logFile) turn() error {
	ours, err := l.f.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(l.path); err == nil && os.SameFile(ours, there) {
		if err := os.Rename(l.path, l.path+".old"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := l.f.Close(); err != nil {
		return err
	}
	return l.open()
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
