package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"fettle/model"
	"fettle/ui/remote"
)

// spoolReserve is what a spool leaves free on the disk: the store needs its own
// reserve, and what is imported needs room as well.
const spoolReserve = 512 << 20

// spoolStep is how much is spooled between two looks at the free space.
const spoolStep = 32 << 20

// spool keeps what comes on standard input in a file of the data directory, for as
// long as the command runs: importers read a file in several places at once. The
// file has no name from the beginning, so that nothing is left behind whatever
// happens.
func (a *app) spool(ctx context.Context, h *host) (remote.File, error) {
	const what = "Standard input was not taken"
	if a.s.Ask || a.s.In == nil {
		return nil, misuse("standard input is a terminal; give a file on it: fettle import - < FILE")
	}
	f, err := os.CreateTemp(h.dir, ".import-*")
	if err != nil {
		return nil, fmt.Errorf("keeping standard input: %w", err)
	}
	// Where open files cannot be removed it is done again at the end.
	unnamed := os.Remove(f.Name()) == nil
	s := &spooled{File: f, unnamed: unnamed}
	limit := int64(h.config.Import.Spool)
	m := a.meter()
	defer m.clear()
	progress := model.Progress{Phase: "receiving standard input", Since: time.Now()}
	for {
		free, err := freeSpace(h.dir)
		if err == nil && free < spoolReserve+spoolStep {
			err = &model.Refusal{Code: "disk-full", What: what, Why: fmt.Sprintf("the disk of %s has only %s free, and %s of it are kept free", h.dir, size(int64(free)), size(spoolReserve)), Remedy: "free some space, or name a file instead of standard input"}
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		n, err := copyUntil(ctx, f, a.s.In, min(spoolStep, limit-s.size+1))
		s.size += n
		progress.Bytes = s.size
		m.show(progress)
		switch {
		case s.size > limit:
			err = &model.Refusal{Code: "too-large", What: what, Why: "it is larger than " + h.config.Import.Spool.String(), Remedy: "name a file instead, or allow more in config.toml: spool under [import]"}
		case errors.Is(err, io.EOF) && s.size == 0:
			err = errors.New("standard input is empty")
		case errors.Is(err, io.EOF):
			return s, nil
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
}

// copyUntil copies at most n bytes; io.EOF says that the input has ended. A read
// that hangs is left to its goroutine, which ends with the session's input.
func copyUntil(ctx context.Context, w io.Writer, r io.Reader, n int64) (int64, error) {
	type result struct {
		data []byte
		err  error
	}
	var copied int64
	for copied < n {
		read := make(chan result, 1)
		go func() {
			b := make([]byte, min(1<<20, n-copied))
			k, err := r.Read(b)
			read <- result{b[:k], err}
		}()
		select {
		case <-ctx.Done():
			return copied, ctx.Err()
		case got := <-read:
			k, err := w.Write(got.data)
			copied += int64(k)
			if err == nil {
				err = got.err
			}
			if err != nil {
				return copied, err
			}
		}
	}
	return copied, nil
}

// freeSpace is how many bytes may still be written to the file system of a
// directory.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// spooled is a file without a name.
type spooled struct {
	*os.File
	size    int64
	unnamed bool
}

func (s *spooled) Name() string     { return standardInput }
func (s *spooled) Path() string     { return "" }
func (s *spooled) Size() int64      { return s.size }
func (s *spooled) Directory() fs.FS { return nil }

// Close gives the file up.
func (s *spooled) Close() error {
	err := s.File.Close()
	if !s.unnamed {
		err = errors.Join(err, os.Remove(s.File.Name()))
	}
	return err
}
