package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fettle/model"
)

// Files are what a session's command line names on the caller's computer: a
// command opens them in the same way wherever it runs. Everything else of the
// caller's is out of its reach.
type Files interface {
	// Open opens a file or a directory by the name that the command line has.
	Open(ctx context.Context, name string) (File, error)
	// Create begins a file that the command line names as its output.
	Create(ctx context.Context, name string) (Output, error)
}

// File is a file or a directory of the caller's. It may be read by several
// goroutines at once.
type File interface {
	io.ReaderAt
	io.Closer
	Name() string // as the command line has it
	Path() string // the whole path on the caller's computer
	Size() int64
	// Directory gives what is below a directory; nil when it is a file. It is gone
	// when the File is closed.
	Directory() fs.FS
}

// Output is a file that appears under its name when Commit has succeeded; closed
// before that, it leaves nothing behind. It is for one goroutine.
type Output interface {
	io.WriteSeeker
	io.Closer
	Commit() error
}

// OwnFiles are files of this process, and only those that it was made with: the
// caller's end of Files.
type OwnFiles struct {
	read, write map[string]string // as the command line has it -> where it is
}

// NewOwnFiles makes the files of a command line, by the names that it has: those
// that it reads and those that it writes.
func NewOwnFiles(read, write []string) (*OwnFiles, error) {
	f := &OwnFiles{read: map[string]string{}, write: map[string]string{}}
	for _, side := range []struct {
		names []string
		into  map[string]string
	}{{read, f.read}, {write, f.write}} {
		for _, name := range side.names {
			path, err := filepath.Abs(name)
			if err != nil {
				return nil, fmt.Errorf("finding %s: %w", name, err)
			}
			side.into[name] = path
		}
	}
	return f, nil
}

// errNotNamed refuses what the command line does not name. The other end never
// asks for it: it is the border that keeps the caller's other files the caller's.
func errNotNamed(name string) error {
	return &model.Refusal{Code: "not-named", What: fmt.Sprintf("%s was not opened", model.Clean(name)), Why: "the command line does not name it", Remedy: "name it on the command line"}
}

// errNotRegular says that something is neither a file nor a directory: opening it
// could wait for ever, and it cannot be read by range.
func errNotRegular(name string) error {
	return fmt.Errorf("%s is neither a file nor a directory; give what it has on standard input, as -", model.Clean(name))
}

// Open opens a file or a directory.
func (f *OwnFiles) Open(_ context.Context, name string) (File, error) {
	path, ok := f.read[name]
	if !ok {
		return nil, errNotNamed(name)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		return &ownDirectory{root: root, name: name}, nil
	case !info.Mode().IsRegular():
		return nil, errNotRegular(name)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &ownFile{File: file, name: name, size: info.Size()}, nil
}

// Create begins a file beside its final name.
func (f *OwnFiles) Create(_ context.Context, name string) (Output, error) {
	path, ok := f.write[name]
	if !ok {
		return nil, errNotNamed(name)
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, err
	}
	return &ownOutput{File: file, path: path}, nil
}

// ownFile is a file of this process.
type ownFile struct {
	*os.File
	name string
	size int64
}

func (f *ownFile) Name() string     { return f.name }
func (f *ownFile) Path() string     { return f.File.Name() }
func (f *ownFile) Size() int64      { return f.size }
func (f *ownFile) Directory() fs.FS { return nil }

// ownDirectory is a directory of this process. Nothing outside of it can be
// reached through it, whatever links it holds.
type ownDirectory struct {
	root *os.Root
	name string
}

func (d *ownDirectory) Name() string     { return d.name }
func (d *ownDirectory) Path() string     { return d.root.Name() }
func (d *ownDirectory) Size() int64      { return 0 }
func (d *ownDirectory) Directory() fs.FS { return regular{d.root} }
func (d *ownDirectory) Close() error     { return d.root.Close() }

// ReadAt refuses: a directory has no bytes.
func (d *ownDirectory) ReadAt([]byte, int64) (int, error) {
	return 0, fmt.Errorf("%s is a directory", model.Clean(d.name))
}

// regular is what is below a root, without pipes and devices.
type regular struct{ root *os.Root }

// Open opens a file or a directory below the root.
func (r regular) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	info, err := r.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is neither a file nor a directory")}
	}
	return r.root.Open(name)
}

// Stat describes a file or a directory below the root.
func (r regular) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	return r.root.Stat(name)
}

// ownOutput is a file of this process that is being written.
type ownOutput struct {
	*os.File
	path string
	done bool
}

// Commit gives the file its name.
func (o *ownOutput) Commit() error {
	if o.done {
		return fs.ErrClosed
	}
	if err := o.Sync(); err != nil {
		return err
	}
	if err := os.Rename(o.File.Name(), o.path); err != nil {
		return err
	}
	o.done = true
	return o.File.Close()
}

// Close takes a file away that was not committed.
func (o *ownOutput) Close() error {
	if o.done {
		return nil
	}
	o.done = true
	return errors.Join(o.File.Close(), os.Remove(o.File.Name()))
}

var (
	_ Files     = (*OwnFiles)(nil)
	_ Output    = (*ownOutput)(nil)
	_ fs.StatFS = regular{}
)
