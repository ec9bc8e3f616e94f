package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	gossh "golang.org/x/crypto/ssh"

	"fettle/model"
)

// lent runs work in a holder, as the command of a session whose caller passes on
// some files.
func lent(t *testing.T, files *OwnFiles, work func(ctx context.Context, f Files) error) {
	t.Helper()
	var result error
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		result = work(ctx, s.Files)
		return 0
	}})
	s := &Session{Args: []string{"x"}, Out: io.Discard, Err: io.Discard}
	if files != nil {
		s.Files = files
	}
	if _, err := dial(t, h).Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if result != nil {
		t.Error(result)
	}
}

func own(t *testing.T, read, write []string) *OwnFiles {
	t.Helper()
	f, err := NewOwnFiles(read, write)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// both runs work with the files of the same process and with those of a caller.
func both(t *testing.T, files *OwnFiles, work func(ctx context.Context, f Files) error) {
	t.Run("here", func(t *testing.T) {
		if err := work(t.Context(), files); err != nil {
			t.Error(err)
		}
	})
	t.Run("there", func(t *testing.T) { lent(t, files, work) })
}

func random(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func TestCallersFileIsReadByRange(t *testing.T) {
	dir := t.TempDir()
	want := random(5*rangeLimit + 1234)
	path := filepath.Join(dir, "catalogue.cab")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	both(t, own(t, []string{path}, nil), func(ctx context.Context, files Files) error {
		f, err := files.Open(ctx, path)
		if err != nil {
			return err
		}
		if f.Size() != int64(len(want)) || f.Directory() != nil || f.Name() != path || f.Path() != path {
			t.Errorf("size %d, directory %v, name %s, path %s", f.Size(), f.Directory(), f.Name(), f.Path())
		}
		got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("read in one go: %d bytes, %v", len(got), err)
		}
		// Several places at once, as importers do.
		var readers sync.WaitGroup
		for reader := range 8 {
			readers.Go(func() {
				r := rand.New(rand.NewPCG(uint64(reader), 0))
				for range 50 {
					at := r.Int64N(f.Size())
					p := make([]byte, r.IntN(rangeLimit))
					n, err := f.ReadAt(p, at)
					if end := min(f.Size(), at+int64(len(p))); n != int(end-at) || (err != nil) != (n < len(p)) || err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(p[:n], want[at:end]) {
						t.Errorf("%d bytes at %d: %d, %v", len(p), at, n, err)
					}
				}
			})
		}
		readers.Wait()
		if n, err := f.ReadAt(make([]byte, 1), f.Size()); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("behind the end: %d, %v", n, err)
		}
		if err := f.Close(); err != nil {
			return err
		}
		if _, err := f.ReadAt(make([]byte, 1), 0); err == nil {
			t.Error("a closed file can be read")
		}
		return nil
	})
}

func TestCallersDirectoryIsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "WsusContent")
	want := map[string][]byte{"A1/0123.cab": random(300_000), "A1/empty": {}, "B2/deep/er": random(10)}
	for i := range entriesLimit + 5 {
		want[fmt.Sprintf("many/%04d", i)] = []byte{1}
	}
	for name, data := range want {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	both(t, own(t, []string{dir}, nil), func(ctx context.Context, files Files) error {
		f, err := files.Open(ctx, dir)
		if err != nil {
			return err
		}
		defer f.Close()
		if f.Directory() == nil {
			return errors.New("it is no directory")
		}
		var sum int64
		if err := fs.WalkDir(f.Directory(), ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				info, err := d.Info()
				if err != nil {
					return err
				}
				sum += info.Size()
			}
			return err
		}); err != nil {
			return err
		}
		if total := int64(300_010 + entriesLimit + 5); sum != total {
			t.Errorf("the sizes add up to %d, want %d", sum, total)
		}
		for _, name := range []string{"A1/0123.cab", "A1/empty", "B2/deep/er"} {
			if got, err := fs.ReadFile(f.Directory(), name); err != nil || !bytes.Equal(got, want[name]) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
		if many, err := fs.ReadDir(f.Directory(), "many"); err != nil || len(many) != entriesLimit+5 {
			t.Errorf("%d entries, %v", len(many), err)
		}
		sub, err := fs.Sub(f.Directory(), "A1")
		if err != nil {
			return err
		}
		return fstest.TestFS(sub, "0123.cab", "empty")
	})
}

// The border: whatever the holder asks for, it gets what the command line names
// and nothing else.
func TestCallersOtherFilesStayOutOfReach(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	secret := []byte("secret")
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile("secret", secret, 0o600))
	must(os.WriteFile("named", []byte("named"), 0o600))
	must(os.MkdirAll("content/sub", 0o755))
	must(os.Symlink("../secret", "content/link"))
	must(os.Symlink("..", "content/up"))
	must(os.Symlink(dir, "content/sub/absolute"))
	must(syscall.Mkfifo("content/pipe", 0o600))
	must(syscall.Mkfifo("pipe", 0o600))
	both(t, own(t, []string{"named", "content", "pipe", "missing"}, []string{"out"}), func(ctx context.Context, files Files) error {
		for _, name := range []string{"secret", "./named", filepath.Join(dir, "named"), "../" + filepath.Base(dir) + "/named", "content/../secret", "content/link", "", ".", "/", "/etc/passwd", "out"} {
			_, err := files.Open(ctx, name)
			var refusal *model.Refusal
			if !errors.As(err, &refusal) || refusal.Code != "not-named" {
				t.Errorf("%s was opened: %v", name, err)
			}
		}
		for _, name := range []string{"secret", "named", "content/new", "new", "/etc/passwd", ""} {
			_, err := files.Create(ctx, name)
			var refusal *model.Refusal
			if !errors.As(err, &refusal) {
				t.Errorf("%s was created: %v", name, err)
			}
		}
		if _, err := files.Open(ctx, "missing"); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a missing file:", err)
		}
		if _, err := files.Open(ctx, "pipe"); err == nil || !strings.Contains(err.Error(), "standard input") {
			t.Error("a pipe:", err)
		}
		content, err := files.Open(ctx, "content")
		if err != nil {
			return err
		}
		defer content.Close()
		for _, name := range []string{"link", "up", "up/secret", "sub/absolute/secret", "sub/absolute", "../secret", "/etc/passwd", "sub/../../secret", "pipe"} {
			f, err := content.Directory().Open(name)
			if err == nil {
				info, _ := f.Stat()
				t.Errorf("%s was opened: %v", name, info)
			}
		}
		return nil
	})
	// A holder that does not go by its own rules gets no further.
	l := &lender{files: own(t, []string{"named", "content"}, []string{"out"}), open: map[uint32]fs.File{}, listed: map[uint32][]fileInfo{}, outputs: map[uint32]*ownOutput{}}
	defer l.end()
	for _, q := range []fileRequest{
		{Op: opOpen, Name: "secret"}, {Op: opOpen, Name: "content", Below: "../secret"}, {Op: opOpen, Name: "content", Below: "link"}, {Op: opOpen, Name: "content", Below: "up/secret"},
		{Op: opOpen, Name: "named", Below: "../secret"}, {Op: opOpen, Name: "content", Below: "/etc/passwd"}, {Op: opOpen, Name: "content/../secret"}, {Op: opOpen, Name: "out"},
		{Op: opCreate, Name: "named"}, {Op: opCreate, Name: "secret"}, {Op: opCreate, Name: "content"},
		{Op: opRead, Handle: 0, Length: 1}, {Op: opRead, Handle: 99, Length: 1}, {Op: opList, Handle: 99}, {Op: opWrite, Handle: 1, Data: []byte("x")}, {Op: opCommit, Handle: 1}, {Op: opClose, Handle: 1}, {Op: 99},
	} {
		if a, err := l.answer(q); err == nil {
			t.Errorf("%+v was answered with %+v", q, a)
		}
	}
	named, err := l.answer(fileRequest{Op: opOpen, Name: "named"})
	must(err)
	for _, q := range []fileRequest{
		{Op: opRead, Handle: named.Handle, Length: rangeLimit + 1}, {Op: opRead, Handle: named.Handle, Length: -1}, {Op: opRead, Handle: named.Handle, Offset: -1, Length: 1},
		{Op: opWrite, Handle: named.Handle, Data: []byte("x")}, {Op: opCommit, Handle: named.Handle}, {Op: opList, Handle: named.Handle},
	} {
		if a, err := l.answer(q); err == nil {
			t.Errorf("%+v was answered with %+v", q, a)
		}
	}
	for range openLimit {
		_, err = l.answer(fileRequest{Op: opOpen, Name: "named"})
	}
	if err == nil {
		t.Error("without a limit of open files")
	}
	if b, err := os.ReadFile("named"); err != nil || string(b) != "named" {
		t.Errorf("the file was changed: %q, %v", b, err)
	}
}

func TestCallersOutputAppearsWhole(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	want := random(3*rangeLimit + 77)
	// Two names for the two runs: what one of them wrote must not hide the other.
	for _, name := range []string{"one.cab", "two.cab"} {
		both(t, own(t, nil, []string{name}), func(ctx context.Context, files Files) error {
			o, err := files.Create(ctx, name)
			if err != nil {
				return err
			}
			defer o.Close()
			if _, err := o.Write(make([]byte, 10)); err != nil {
				return err
			}
			if _, err := o.Write(want[10:]); err != nil {
				return err
			}
			if at, err := o.Seek(0, io.SeekCurrent); err != nil || at != int64(len(want)) {
				t.Errorf("it stands at %d, %v", at, err)
			}
			if _, err := o.Seek(0, io.SeekStart); err != nil {
				return err
			}
			if _, err := o.Write(want[:10]); err != nil {
				return err
			}
			if end, err := o.Seek(-1, io.SeekEnd); err != nil || end != int64(len(want)-1) {
				t.Errorf("the end is at %d, %v", end, err)
			}
			if name == "two.cab" { // given up
				return o.Close()
			}
			if _, err := os.Stat(name); err == nil && !t.Failed() {
				os.Remove(name)
			}
			if err := o.Commit(); err != nil {
				return err
			}
			got, err := os.ReadFile(name)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes were written, want %d", len(got), len(want))
			}
			return err
		})
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "one.cab" {
		t.Errorf("there are %v, %v", entries, err)
	}
}

// What a holder leaves open is closed with the session, and an output that it did
// not commit goes.
func TestCallersFilesEndWithTheSession(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("in", random(10*rangeLimit), 0o600); err != nil {
		t.Fatal(err)
	}
	var kept File
	lent(t, own(t, []string{"in"}, []string{"out"}), func(ctx context.Context, files Files) (err error) {
		if kept, err = files.Open(ctx, "in"); err != nil {
			return err
		}
		o, err := files.Create(ctx, "out")
		if err == nil {
			_, err = o.Write(random(2 * rangeLimit))
		}
		return err
	})
	if _, err := kept.ReadAt(make([]byte, 10), 5*rangeLimit); err == nil {
		t.Error("the file can be read after the session")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestPlainCallersPassNoFilesOn(t *testing.T) {
	lent(t, nil, func(ctx context.Context, files Files) error {
		_, err := files.Open(ctx, "x")
		var refusal *model.Refusal
		if !errors.As(err, &refusal) || refusal.Code != "no-files" || !strings.Contains(refusal.Error(), "standard input") {
			return fmt.Errorf("without files it said %w", err)
		}
		return nil
	})
}

// A holder that opens a channel to a client without a session that allows it is
// turned away.
func TestFilesAreAskedForInVainWithoutACommand(t *testing.T) {
	asked := make(chan error, 1)
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		_, _, err := s.Files.(*farFiles).conn.OpenChannel(filesChannel, nil)
		asked <- err
		return 0
	}})
	if _, err := dial(t, h).Run(t.Context(), &Session{Args: []string{"x"}, Out: io.Discard, Err: io.Discard}); err != nil {
		t.Fatal(err)
	}
	var refused *gossh.OpenChannelError
	if err := <-asked; !errors.As(err, &refused) {
		t.Error("it was let in:", err)
	}
}

func TestCallerWhoseFileShrinksIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, random(20*rangeLimit), 0o600); err != nil {
		t.Fatal(err)
	}
	lent(t, own(t, []string{path}, nil), func(ctx context.Context, files Files) error {
		f, err := files.Open(ctx, path)
		if err != nil {
			return err
		}
		if err := os.Truncate(path, 10); err != nil {
			return err
		}
		if _, err := f.ReadAt(make([]byte, 10), 15*rangeLimit); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error("it reads", err)
		}
		return f.Close()
	})
}

func TestNamesOfFilesAreThoseOfTheCommandLine(t *testing.T) {
	f := own(t, []string{"a", "../b"}, nil)
	var paths []string
	for _, p := range f.read {
		paths = append(paths, p)
	}
	if len(paths) != 2 || !slices.ContainsFunc(paths, filepath.IsAbs) {
		t.Error(paths)
	}
}

// How fast a caller's file is read over the channel, from its beginning to its
// end: an import must be slower than that.
func BenchmarkCallersFile(b *testing.B) {
	const length = 256 << 20
	path := filepath.Join(b.TempDir(), "large")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(f.Truncate(length), f.Close()); err != nil {
		b.Fatal(err)
	}
	files, err := NewOwnFiles([]string{path}, nil)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	h, err := Hold(Options{Socket: filepath.Join(dir, SocketName), Keys: filepath.Join(dir, "keys"), Command: func(ctx context.Context, s *Session) int {
		for b.Loop() {
			f, err := s.Files.Open(ctx, path)
			if err != nil {
				b.Error(err)
				return 1
			}
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.NewSectionReader(f, 0, length)}, make([]byte, 32<<10)); n != length || err != nil {
				b.Error(n, err)
			}
			_ = f.Close()
		}
		return 0
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close(context.Background())
	c, err := Dial(b.Context(), h.Socket(), DialTimeout)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetBytes(length)
	if _, err := c.Run(b.Context(), &Session{Args: []string{"x"}, Out: io.Discard, Err: io.Discard, Files: files}); err != nil {
		b.Fatal(err)
	}
}
