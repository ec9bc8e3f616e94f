package content

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fettle/model"
)

// ImportOptions say how content is carried in.
type ImportOptions struct {
	// Link lets the store share a file with the tree where both are on one file
	// system, instead of copying it. Whoever can write in the tree can then
	// change what the store has: allow it only for trees that nobody uses.
	// Clones, which are independent of each other, are always made where the
	// file system can.
	Link     bool
	Progress func(model.Progress) // bytes of all files that are wanted; may be nil
	Clock    func() time.Time     // nil = time.Now
}

// Imported says what came of an import.
type Imported struct {
	Files    int   // that the store has now and had not before
	Bytes    int64 // of these
	Linked   int   // of these, shared with the tree
	Cloned   int   // of these, sharing their bytes with the tree until one changes
	Already  int   // that the store had
	Unwanted int   // that no update names
	Foreign  int   // names that are not those of content, links and devices
	TooDeep  int   // folders that were not looked into

	Wrong      []model.ImportFailure // files that are not what their names say, or cannot be read; the first of them
	WrongFiles int                   // how many
}

// Sentences describes an import to an administrator.
func (r *Imported) Sentences() []string {
	lines := []string{fmt.Sprintf("%d files (%d bytes) were verified and kept, %d were here already.", r.Files, r.Bytes, r.Already)}
	say := func(n int, format string) {
		if n > 0 {
			lines = append(lines, fmt.Sprintf(format, n))
		}
	}
	say(r.Linked, "%d of them are shared with the tree that they come from.")
	say(r.Unwanted, "%d files are of no update in the catalogue and were left out; import the catalogue first.")
	say(r.Foreign, "%d names are not those of content and were left out.")
	say(r.TooDeep, "%d folders are too deep to be content and were not looked into.")
	say(r.WrongFiles, "%d files are not what their names say, or cannot be read, and were left out.")
	return lines
}

const (
	maxDepth = 3       // folders: WsusContent, XX, and one around them
	maxWrong = 1000    // entries of Imported.Wrong
	maxFound = 5000000 // wanted files of one tree
)

// Import takes in a content directory, or a folder around one. wanted says which
// file of the catalogue has a SHA-1. An error means that the import was stopped
// or that the store cannot be written; what was kept before stays, and the next
// import goes on.
func (s *Store) Import(ctx context.Context, dir string, wanted func(sha1 [20]byte) (model.File, bool), o ImportOptions) (Imported, error) {
	s.long.Lock()
	defer s.long.Unlock()
	if o.Progress == nil {
		o.Progress = func(model.Progress) {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	var result Imported
	tree, err := os.OpenRoot(dir)
	if err != nil {
		return result, fmt.Errorf("opening the content directory: %w", err)
	}
	defer tree.Close()
	progress := model.Progress{Phase: "looking for content", Since: o.Clock()}
	var found []candidate
	err = s.walk(ctx, tree, ".", 0, &result, func(c candidate) error {
		file, ok := wanted(c.sha1)
		if !ok {
			result.Unwanted++
			return nil
		}
		c.file = file
		// The name is the claim: whatever the catalogue's record says beside it,
		// these are the bytes that are asked for.
		c.file.SHA1 = c.sha1[:]
		if s.Has(c.file) {
			result.Already++
			return nil
		}
		if len(found) == maxFound {
			return fmt.Errorf("there are more than %d files in it", maxFound)
		}
		found = append(found, c)
		progress.Done, progress.Bytes = int64(len(found)), progress.Bytes+c.size
		if len(found)%1000 == 0 {
			o.Progress(progress)
		}
		return nil
	})
	if err != nil {
		return result, fmt.Errorf("looking through the content directory: %w", err)
	}
	progress = model.Progress{Phase: "verifying and keeping content", Total: progress.Bytes, Since: o.Clock()}
	o.Progress(progress)
	for _, c := range found {
		before := progress.Done
		err := s.take(ctx, tree, c, o, &result, func(n int) {
			progress.Done, progress.Bytes = progress.Done+int64(n), progress.Bytes+int64(n)
			o.Progress(progress)
		})
		var bad *badFile
		switch {
		case errors.As(err, &bad):
			result.WrongFiles++
			if len(result.Wrong) < maxWrong {
				result.Wrong = append(result.Wrong, model.ImportFailure{Item: shown(c.path), Reason: bad.Error()})
			}
		case err != nil:
			return result, fmt.Errorf("keeping %s: %w", shown(c.path), err)
		}
		progress.Done = before + c.size
	}
	o.Progress(progress)
	return result, nil
}

// candidate is a file of the tree that is called like content.
type candidate struct {
	path string // in the tree
	sha1 [20]byte
	size int64
	file model.File // what it should be
}

// badFile says that a file of the tree is of no use; the import goes on.
type badFile struct{ err error }

func (b *badFile) Error() string { return b.err.Error() }
func (b *badFile) Unwrap() error { return b.err }

// walk looks through a folder of the tree. Folders are read in pieces: they may
// be of any size.
func (s *Store) walk(ctx context.Context, tree *os.Root, folder string, depth int, result *Imported, visit func(candidate) error) error {
	d, err := tree.Open(folder)
	if err != nil {
		if depth == 0 {
			return err
		}
		result.Foreign++
		return nil
	}
	defer d.Close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := d.ReadDir(512)
		for _, e := range entries {
			name := path.Join(folder, e.Name())
			switch {
			case e.IsDir() && depth >= maxDepth:
				result.TooDeep++
				continue
			case e.IsDir():
				if err := s.walk(ctx, tree, name, depth+1, result, visit); err != nil {
					return err
				}
				continue
			}
			sum, ok := contentName(e.Name())
			if !ok || !e.Type().IsRegular() {
				result.Foreign++
				continue
			}
			info, err := tree.Lstat(name)
			if err != nil || !info.Mode().IsRegular() {
				result.Foreign++
				continue
			}
			if err := visit(candidate{path: name, sha1: sum, size: info.Size()}); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || err == nil && len(entries) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// contentName reads the SHA-1 that a file is called by: alone, as WSUS does, or
// behind the last underscore, as in the vendor's addresses.
func contentName(name string) (sum [20]byte, ok bool) {
	stem, _, _ := strings.Cut(name, ".")
	if i := strings.LastIndexByte(name, '_'); i >= 0 {
		stem, _, _ = strings.Cut(name[i+1:], ".")
	}
	if len(stem) != 2*len(sum) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(stem))
	return sum, err == nil
}

// take verifies a file of the tree and keeps it.
func (s *Store) take(ctx context.Context, tree *os.Root, c candidate, o ImportOptions, result *Imported, progress func(int)) error {
	if s.Has(c.file) { // the tree has it twice
		result.Already++
		return nil
	}
	if c.file.Size > 0 && c.size != c.file.Size {
		return &badFile{fmt.Errorf("%w: it has %d bytes instead of %d", ErrWrong, c.size, c.file.Size)}
	}
	// Without O_NONBLOCK, opening what was replaced by a pipe would wait for ever.
	from, err := tree.OpenFile(c.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return &badFile{err}
	}
	defer from.Close()
	if info, err := from.Stat(); err != nil || !info.Mode().IsRegular() {
		return &badFile{fmt.Errorf("it is no file (any more): %w", errors.Join(err, fs.ErrInvalid))}
	}
	h := newHasher()
	limit := c.file.Size
	if limit <= 0 {
		limit = c.size
	}
	in := &incoming{store: s}
	defer in.drop()
	linked := false
	if o.Link {
		name := strconv.FormatUint(s.number.Add(1), 10)
		if linked = link(from, s.root, name); linked {
			in.name = folderIncoming + "/" + name
		}
	}
	cloned := false
	var to io.Writer = h
	var source io.Reader = from
	if !linked {
		if in, err = s.receive(); err != nil {
			return err
		}
		defer in.drop()
		if cloned = clone(in.file, from); cloned {
			source = in.file // what is hashed is what is kept
		} else {
			to = &split{h: h, file: in.file}
		}
	}
	reader := &bound{ctx: ctx, r: &reading{source, progress}, left: limit, sized: true}
	if _, err := io.CopyBuffer(onlyWriter{to}, reader, make([]byte, copySize)); err != nil {
		var failed *writeError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &failed):
			return failed.err
		}
		return &badFile{err}
	}
	if err := h.check(c.file); err != nil {
		return &badFile{err}
	}
	if err := s.publish(in, h); err != nil {
		return err
	}
	result.Files++
	result.Bytes += h.size
	if linked {
		result.Linked++
	}
	if cloned {
		result.Cloned++
	}
	return nil
}

// split hashes and writes; an error of the store is told from one of the tree.
type split struct {
	h    *hasher
	file io.Writer
}

func (w *split) Write(p []byte) (int, error) {
	if n, err := w.file.Write(p); err != nil {
		return n, &writeError{err}
	}
	return w.h.Write(p)
}

type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }

// reading reports what is read.
type reading struct {
	r        io.Reader
	progress func(int)
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.progress(n)
	}
	return n, err
}

// shown makes a name from outside fit to be shown.
func shown(name string) string {
	name = model.Clean(name)
	if r := []rune(name); len(r) > 200 {
		name = string(r[:200]) + "..."
	}
	return name
}
