package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"fettle/model"
)

// farFiles are the files of a session's caller, at the holder's end. The channel
// to them is opened when the first is asked for, and ends with the session.
type farFiles struct {
	ctx  context.Context // the connection's
	conn gossh.Conn

	sending sync.Mutex // held while a request is written, never by who reads answers
	out     *bufio.Writer

	mu      sync.Mutex
	channel gossh.Channel // nil = not opened yet
	failed  error         // why nothing can be asked any more
	number  uint64
	waiting map[uint64]chan fileAnswer
	working sync.WaitGroup // the goroutine that reads answers, and fetches that are under way
}

// connection is the one of a session; nil where it has none, in tests.
func connection(s ssh.Session) gossh.Conn {
	if c, ok := s.Context().Value(ssh.ContextKeyConn).(*gossh.ServerConn); ok && c != nil {
		return c
	}
	return nil
}

// errNoFiles tells callers that cannot pass files on what to do.
func errNoFiles() error {
	return &model.Refusal{Code: "no-files", What: "The file was not opened", Why: "the files of a command line are the caller's, and plain ssh passes none on", Remedy: "give what it has on standard input and write - for its name"}
}

// begin opens the channel. The caller holds sending.
func (f *farFiles) begin() error {
	f.mu.Lock()
	begun, failed := f.channel != nil, f.failed
	f.mu.Unlock()
	if begun || failed != nil {
		return failed
	}
	if f.conn == nil {
		return errNoFiles()
	}
	channel, requests, err := f.conn.OpenChannel(filesChannel, nil)
	var refused *gossh.OpenChannelError
	switch {
	case errors.As(err, &refused):
		return errNoFiles()
	case err != nil:
		return fmt.Errorf("asking the caller for its files: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil { // the session ended meanwhile
		return errors.Join(f.failed, channel.Close())
	}
	f.channel, f.out, f.waiting = channel, bufio.NewWriter(channel), map[uint64]chan fileAnswer{}
	f.working.Go(func() { gossh.DiscardRequests(requests) })
	f.working.Go(func() { f.read(channel) })
	return nil
}

// read passes answers to those who wait for them until the channel ends.
func (f *farFiles) read(channel io.Reader) {
	in := bufio.NewReader(channel)
	var err error
	for {
		var a fileAnswer
		if err = readFrame(in, &a); err != nil {
			break
		}
		f.mu.Lock()
		waiter, ok := f.waiting[a.Number]
		delete(f.waiting, a.Number)
		f.mu.Unlock()
		if ok {
			waiter <- a
		}
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the caller is gone")
	}
	f.fail(fmt.Errorf("reading the caller's files: %w", err))
}

// fail ends everything that waits.
func (f *farFiles) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = err
	}
	for number, waiter := range f.waiting {
		delete(f.waiting, number)
		close(waiter)
	}
}

// ask sends one request and waits for its answer.
func (f *farFiles) ask(ctx context.Context, q fileRequest) (fileAnswer, error) {
	waiter := make(chan fileAnswer, 1)
	if err := f.send(&q, waiter); err != nil {
		return fileAnswer{}, err
	}
	select {
	case a, ok := <-waiter:
		if !ok {
			f.mu.Lock()
			defer f.mu.Unlock()
			return a, f.failed
		}
		return a, a.err()
	case <-ctx.Done():
		f.mu.Lock()
		delete(f.waiting, q.Number)
		f.mu.Unlock()
		return fileAnswer{}, ctx.Err()
	}
}

// send numbers a request and writes it.
func (f *farFiles) send(q *fileRequest, waiter chan fileAnswer) error {
	f.sending.Lock()
	defer f.sending.Unlock()
	if err := f.begin(); err != nil {
		return err
	}
	f.mu.Lock()
	failed := f.failed
	if failed == nil {
		f.number++
		q.Number = f.number
		f.waiting[q.Number] = waiter
	}
	f.mu.Unlock()
	if failed != nil {
		return failed
	}
	err := writeFrame(f.out, *q)
	if err == nil {
		err = f.out.Flush()
	}
	if err != nil {
		f.fail(fmt.Errorf("asking for the caller's files: %w", err))
	}
	return err
}

// fetch starts work of its own, unless the session is over.
func (f *farFiles) fetch(work func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.working.Go(work)
	}
	return f.failed
}

// err gives what an answer says went wrong.
func (a fileAnswer) err() error {
	switch {
	case a.Refusal != nil:
		return a.Refusal
	case a.Missing:
		return &farError{model.CleanLines(a.Error), fs.ErrNotExist}
	case a.Error != "":
		return errors.New(model.CleanLines(a.Error))
	}
	return nil
}

// farError is what the caller's system said, with the kind of error that it is.
type farError struct {
	text string
	kind error
}

func (e *farError) Error() string { return e.text }
func (e *farError) Unwrap() error { return e.kind }

// close ends the channel and waits for what goes on over it.
func (f *farFiles) close() {
	f.mu.Lock()
	channel := f.channel
	if f.failed == nil {
		f.failed = fs.ErrClosed
	}
	f.mu.Unlock()
	if channel != nil {
		_ = channel.Close() // the caller may have closed it before
	}
	f.working.Wait()
}

// Open opens a file or a directory of the caller's.
func (f *farFiles) Open(ctx context.Context, name string) (File, error) {
	file, err := f.open(ctx, name, "")
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f *farFiles) open(ctx context.Context, name, below string) (*farFile, error) {
	a, err := f.ask(ctx, fileRequest{Op: opOpen, Name: name, Below: below})
	if err != nil {
		return nil, err
	}
	if a.Info.Bytes < 0 || !a.Info.IsDir() && !a.Info.Mode().IsRegular() {
		return nil, errNotRegular(name)
	}
	return &farFile{files: f, handle: a.Handle, name: name, path: model.Clean(a.Path), info: a.Info, blocks: map[int64]*farBlock{}}, nil
}

// Create begins a file in the caller's place.
func (f *farFiles) Create(ctx context.Context, name string) (Output, error) {
	a, err := f.ask(ctx, fileRequest{Op: opCreate, Name: name})
	if err != nil {
		return nil, err
	}
	return &farOutput{files: f, handle: a.Handle}, nil
}

// How much of a file is kept at the holder's end: importers read a file in small
// pieces at several places at once, and each place should cost one request per
// block, made before it is needed.
const (
	blockLimit = 64
	blockAhead = 2
)

// farFile is a file or a directory of the caller's. What was read lately is kept,
// and what follows is fetched ahead.
type farFile struct {
	files  *farFiles
	handle uint32
	name   string
	path   string
	info   fileInfo

	mu     sync.Mutex
	closed bool
	blocks map[int64]*farBlock
	recent []int64 // the least recently used first
}

// farBlock is a range of a file that is there or on its way.
type farBlock struct {
	ready chan struct{}
	data  []byte
	err   error
}

func (f *farFile) Name() string { return f.name }
func (f *farFile) Path() string { return f.path }
func (f *farFile) Size() int64  { return f.info.Bytes }

// Directory gives what is below a directory.
func (f *farFile) Directory() fs.FS {
	if !f.info.IsDir() {
		return nil
	}
	return farDirectory{f.files, f.name}
}

// ReadAt reads a range.
func (f *farFile) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	read := 0
	for read < len(p) {
		at := offset + int64(read)
		if at >= f.info.Bytes {
			return read, io.EOF
		}
		data, err := f.block(at / rangeLimit)
		if err != nil {
			return read, err
		}
		n := copy(p[read:], data[min(at%rangeLimit, int64(len(data))):])
		if n == 0 {
			return read, fmt.Errorf("%s became shorter while it was read: %w", model.Clean(f.name), io.ErrUnexpectedEOF)
		}
		read += n
	}
	return read, nil
}

// block gives a block, and sees to it that those behind it come when the one
// before it was read.
func (f *farFile) block(number int64) ([]byte, error) {
	f.mu.Lock()
	_, sequential := f.blocks[number-1]
	b := f.want(number)
	if sequential || number == 0 {
		for next := number + 1; next <= number+blockAhead && next*rangeLimit < f.info.Bytes; next++ {
			f.want(next)
		}
	}
	f.mu.Unlock()
	<-b.ready
	if b.err != nil {
		f.mu.Lock()
		if f.blocks[number] == b { // it may be had another time
			delete(f.blocks, number)
		}
		f.mu.Unlock()
	}
	return b.data, b.err
}

// want gives a block that is there or on its way. The caller holds mu.
func (f *farFile) want(number int64) *farBlock {
	if i := slices.Index(f.recent, number); i >= 0 {
		f.recent = slices.Delete(f.recent, i, i+1)
	}
	f.recent = append(f.recent, number)
	if b, ok := f.blocks[number]; ok {
		return b
	}
	for len(f.recent) > blockLimit {
		delete(f.blocks, f.recent[0])
		f.recent = f.recent[1:]
	}
	b := &farBlock{ready: make(chan struct{})}
	f.blocks[number] = b
	err := f.files.fetch(func() {
		defer close(b.ready)
		offset := number * rangeLimit
		length := min(rangeLimit, f.info.Bytes-offset)
		a, err := f.files.ask(f.files.ctx, fileRequest{Op: opRead, Handle: f.handle, Offset: offset, Length: int(length)})
		if err == nil && int64(len(a.Data)) > length {
			err = errors.New("the caller sent more than was asked for")
		}
		b.data, b.err = a.Data, err
	})
	if err != nil {
		b.err = err
		close(b.ready)
	}
	return b
}

// Close gives the file up.
func (f *farFile) Close() error {
	f.mu.Lock()
	closed := f.closed
	f.closed, f.blocks, f.recent = true, map[int64]*farBlock{}, nil
	f.mu.Unlock()
	if closed {
		return fs.ErrClosed
	}
	_, err := f.files.ask(f.files.ctx, fileRequest{Op: opClose, Handle: f.handle})
	return err
}

// farDirectory is what is below a directory of the caller's.
type farDirectory struct {
	files *farFiles
	name  string
}

// Open opens something below the directory.
func (d farDirectory) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := d.files.open(d.files.ctx, d.name, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if f.info.IsDir() {
		return &farListing{file: f}, nil
	}
	return &farReader{file: f, SectionReader: io.NewSectionReader(f, 0, f.info.Bytes)}, nil
}

// farReader is a file below a directory.
type farReader struct {
	file *farFile
	*io.SectionReader
}

func (r *farReader) Stat() (fs.FileInfo, error) { return r.file.info, nil }
func (r *farReader) Close() error               { return r.file.Close() }

// farListing is a directory that is open.
type farListing struct {
	file *farFile
	from int64
	rest []fs.DirEntry
	end  bool
}

func (l *farListing) Stat() (fs.FileInfo, error) { return l.file.info, nil }
func (l *farListing) Close() error               { return l.file.Close() }

// Read refuses: a directory has no bytes.
func (l *farListing) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: l.file.info.Base, Err: errors.New("it is a directory")}
}

// ReadDir lists entries by name, as fs.ReadDirFile wants it.
func (l *farListing) ReadDir(n int) ([]fs.DirEntry, error) {
	for !l.end && (n <= 0 || len(l.rest) < n) {
		a, err := l.file.files.ask(l.file.files.ctx, fileRequest{Op: opList, Handle: l.file.handle, Offset: l.from})
		if err != nil {
			return nil, err
		}
		for _, e := range a.Entries {
			// A name is one part of a path: it cannot lead elsewhere.
			if e.Base == "." || !fs.ValidPath(e.Base) || slices.Contains([]byte(e.Base), '/') {
				return nil, errors.New("the caller listed something that is no name")
			}
			l.rest = append(l.rest, farEntry{e})
		}
		l.from += int64(len(a.Entries))
		l.end = a.End || len(a.Entries) == 0
	}
	if n <= 0 {
		all := l.rest
		l.rest = nil
		return all, nil
	}
	if len(l.rest) == 0 {
		return nil, io.EOF
	}
	some := l.rest[:min(n, len(l.rest))]
	l.rest = l.rest[len(some):]
	return some, nil
}

// farEntry is an entry of a listing.
type farEntry struct{ fileInfo }

func (e farEntry) Type() fs.FileMode { return e.fileInfo.Type & fs.ModeType }

// Info describes the entry as its listing did.
func (e farEntry) Info() (fs.FileInfo, error) { return e.fileInfo, nil }

// farOutput is a file that the caller writes.
type farOutput struct {
	files  *farFiles
	handle uint32
	at     int64  // where buffer begins
	buffer []byte // what was not sent yet
	size   int64
	done   bool
}

// Write writes; what is gathered is sent in pieces.
func (o *farOutput) Write(p []byte) (int, error) {
	if o.done {
		return 0, fs.ErrClosed
	}
	written := 0
	for len(p) > 0 {
		n := min(len(p), rangeLimit-len(o.buffer))
		o.buffer = append(o.buffer, p[:n]...)
		p = p[n:]
		written += n
		o.size = max(o.size, o.at+int64(len(o.buffer)))
		if len(o.buffer) == rangeLimit {
			if err := o.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (o *farOutput) flush() error {
	if len(o.buffer) == 0 {
		return nil
	}
	_, err := o.files.ask(o.files.ctx, fileRequest{Op: opWrite, Handle: o.handle, Offset: o.at, Data: o.buffer})
	o.at += int64(len(o.buffer))
	o.buffer = o.buffer[:0]
	return err
}

// Seek moves to another place of the file.
func (o *farOutput) Seek(offset int64, whence int) (int64, error) {
	if err := o.flush(); err != nil {
		return 0, err
	}
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	o.at = offset
	return offset, nil
}

// Commit gives the file its name.
func (o *farOutput) Commit() error {
	if o.done {
		return fs.ErrClosed
	}
	if err := o.flush(); err != nil {
		return err
	}
	_, err := o.files.ask(o.files.ctx, fileRequest{Op: opCommit, Handle: o.handle})
	o.done = err == nil
	return err
}

// Close takes a file away that was not committed.
func (o *farOutput) Close() error {
	if o.done {
		return nil
	}
	o.done = true
	_, err := o.files.ask(o.files.ctx, fileRequest{Op: opClose, Handle: o.handle})
	return err
}

var (
	_ Files          = (*farFiles)(nil)
	_ io.ReadSeeker  = (*farReader)(nil)
	_ io.ReaderAt    = (*farReader)(nil)
	_ fs.ReadDirFile = (*farListing)(nil)
)
