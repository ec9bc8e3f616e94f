package remote

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"fettle/model"
)

// filesChannel is the type of the SSH channel that the holder opens to its caller
// for the files of the command line. It carries frames as the conversation with an
// agent does; answers come in any order, each with its request's number.
const filesChannel = "fettle-files"

// What one request may ask for, and what a session may have open.
const (
	rangeLimit   = 256 << 10
	entriesLimit = 1000
	openLimit    = 256
)

// fileOp names a request for a caller's file.
type fileOp uint8

const (
	opOpen fileOp = iota + 1
	opRead
	opList
	opClose
	opCreate
	opWrite
	opCommit
)

// fileRequest is what the holder asks for.
type fileRequest struct {
	Number uint64 `cbor:"1,keyasint"`
	Op     fileOp `cbor:"2,keyasint"`
	Name   string `cbor:"3,keyasint,omitempty"` // of the command line: open, create
	Below  string `cbor:"4,keyasint,omitempty"` // a path below that directory: open
	Handle uint32 `cbor:"5,keyasint,omitempty"`
	Offset int64  `cbor:"6,keyasint,omitempty"` // read, write; of the first entry: list
	Length int    `cbor:"7,keyasint,omitempty"` // read
	Data   []byte `cbor:"8,keyasint,omitempty"` // write
}

// fileAnswer is what the caller says.
type fileAnswer struct {
	Number  uint64         `cbor:"1,keyasint"`
	Handle  uint32         `cbor:"2,keyasint,omitempty"`
	Info    fileInfo       `cbor:"3,keyasint"`
	Data    []byte         `cbor:"4,keyasint,omitempty"`
	Entries []fileInfo     `cbor:"5,keyasint,omitempty"`
	End     bool           `cbor:"6,keyasint,omitempty"` // there is no more behind it
	Error   string         `cbor:"7,keyasint,omitempty"`
	Missing bool           `cbor:"8,keyasint,omitempty"` // the error is fs.ErrNotExist
	Refusal *model.Refusal `cbor:"9,keyasint,omitempty"`
	Path    string         `cbor:"10,keyasint,omitempty"` // of what the command line names
}

// fileInfo is an fs.FileInfo and an fs.DirEntry that travels.
type fileInfo struct {
	Base     string      `cbor:"1,keyasint,omitempty"`
	Bytes    int64       `cbor:"2,keyasint,omitempty"`
	Type     fs.FileMode `cbor:"3,keyasint,omitempty"` // the type bits
	Modified int64       `cbor:"4,keyasint,omitempty"`
}

// lender serves the files of one command line to the holder, one request after the
// other.
type lender struct {
	files   *OwnFiles
	next    uint32
	open    map[uint32]fs.File
	listed  map[uint32][]fileInfo
	outputs map[uint32]*ownOutput
}

// serve answers requests until the channel ends, and gives everything up then.
func (f *OwnFiles) serve(channel io.ReadWriter) error {
	l := &lender{files: f, open: map[uint32]fs.File{}, listed: map[uint32][]fileInfo{}, outputs: map[uint32]*ownOutput{}}
	defer l.end()
	in, out := bufio.NewReader(channel), bufio.NewWriterSize(channel, rangeLimit+4096)
	for {
		var q fileRequest
		if err := readFrame(in, &q); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		a, err := l.answer(q)
		a.Number = q.Number
		var refusal *model.Refusal
		switch {
		case err == nil:
		case errors.As(err, &refusal):
			a.Refusal, a.Error = refusal, refusal.Error()
		default:
			a.Error, a.Missing = model.CleanLines(err.Error()), errors.Is(err, fs.ErrNotExist)
		}
		if err := writeFrame(out, a); err != nil {
			return err
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// end closes what the holder left open; what it did not commit goes.
func (l *lender) end() {
	for _, f := range l.open {
		_ = f.Close() // it was only read
	}
	for _, o := range l.outputs {
		_ = o.Close()
	}
}

func (l *lender) answer(q fileRequest) (a fileAnswer, err error) {
	switch q.Op {
	case opOpen:
		f, err := l.openBelow(q.Name, q.Below)
		if err != nil {
			return a, err
		}
		info, err := f.Stat()
		if err != nil {
			return a, errors.Join(err, f.Close())
		}
		a.Info, a.Path = travelling(info), l.files.read[q.Name]
		a.Handle, err = l.take()
		if err != nil {
			return a, errors.Join(err, f.Close())
		}
		l.open[a.Handle] = f
		return a, nil
	case opRead:
		f, ok := l.open[q.Handle].(io.ReaderAt)
		if !ok || q.Length < 0 || q.Length > rangeLimit || q.Offset < 0 {
			return a, fs.ErrInvalid
		}
		a.Data = make([]byte, q.Length)
		n, err := f.ReadAt(a.Data, q.Offset)
		a.Data = a.Data[:n]
		if errors.Is(err, io.EOF) {
			a.End, err = true, nil
		}
		return a, err
	case opList:
		all, err := l.list(q.Handle)
		if err != nil {
			return a, err
		}
		if q.Offset < 0 {
			return a, fs.ErrInvalid
		}
		rest := all[min(q.Offset, int64(len(all))):]
		a.Entries, a.End = rest[:min(len(rest), entriesLimit)], len(rest) <= entriesLimit
		return a, nil
	case opClose:
		if f, ok := l.open[q.Handle]; ok {
			delete(l.open, q.Handle)
			delete(l.listed, q.Handle)
			return a, f.Close()
		}
		if o, ok := l.outputs[q.Handle]; ok {
			delete(l.outputs, q.Handle)
			return a, o.Close()
		}
	case opCreate:
		if _, err := l.room(); err != nil {
			return a, err
		}
		o, err := l.files.Create(context.Background(), q.Name)
		if err != nil {
			return a, err
		}
		if a.Handle, err = l.take(); err != nil {
			return a, errors.Join(err, o.Close())
		}
		l.outputs[a.Handle] = o.(*ownOutput)
		return a, nil
	case opWrite:
		if o, ok := l.outputs[q.Handle]; ok && q.Offset >= 0 {
			_, err := o.WriteAt(q.Data, q.Offset)
			return a, err
		}
	case opCommit:
		if o, ok := l.outputs[q.Handle]; ok {
			return a, o.Commit()
		}
	}
	return a, fs.ErrInvalid
}

// room says whether one more may be open.
func (l *lender) room() (int, error) {
	n := len(l.open) + len(l.outputs)
	if n >= openLimit {
		return n, fmt.Errorf("%d files are open already", n)
	}
	return n, nil
}

// take gives a handle.
func (l *lender) take() (uint32, error) {
	if _, err := l.room(); err != nil {
		return 0, err
	}
	l.next++
	return l.next, nil
}

// openBelow opens what the command line names, or something below a directory
// that it names: os.Root lets nothing out of it.
func (l *lender) openBelow(name, below string) (fs.File, error) {
	f, err := l.files.Open(context.Background(), name)
	if err != nil {
		return nil, err
	}
	dir, ok := f.(*ownDirectory)
	if !ok {
		if below != "" && below != "." {
			return nil, errors.Join(&fs.PathError{Op: "open", Path: below, Err: fs.ErrNotExist}, f.Close())
		}
		return f.(*ownFile).File, nil
	}
	// What was opened below a root stays open when the root is closed.
	found, err := dir.Directory().Open(cmp.Or(below, "."))
	if cerr := dir.Close(); err == nil {
		err = cerr
	}
	return found, err
}

// list gives the entries of an open directory by name; only files and directories
// can be opened, so that links and devices are none of them.
func (l *lender) list(handle uint32) ([]fileInfo, error) {
	if all, ok := l.listed[handle]; ok {
		return all, nil
	}
	dir, ok := l.open[handle].(fs.ReadDirFile)
	if !ok {
		return nil, fs.ErrInvalid
	}
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var all []fileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && (info.IsDir() || info.Mode().IsRegular()) { // one that is gone meanwhile is none
			all = append(all, travelling(info))
		}
	}
	slices.SortFunc(all, func(a, b fileInfo) int { return strings.Compare(a.Base, b.Base) })
	l.listed[handle] = all
	return all, nil
}

// travelling makes a description that travels.
func travelling(info fs.FileInfo) fileInfo {
	return fileInfo{Base: info.Name(), Bytes: info.Size(), Type: info.Mode().Type(), Modified: info.ModTime().UnixNano()}
}

// The parts of fs.FileInfo and fs.DirEntry. No right to write ever travels.

func (i fileInfo) Name() string       { return i.Base }
func (i fileInfo) Size() int64        { return i.Bytes }
func (i fileInfo) Mode() fs.FileMode  { return i.Type&fs.ModeType | 0o444 }
func (i fileInfo) ModTime() time.Time { return time.Unix(0, i.Modified) }
func (i fileInfo) IsDir() bool        { return i.Type.IsDir() }
func (i fileInfo) Sys() any           { return nil }

// lend serves a session's files over the client's connection until done closes.
// Before the first session that has files, a holder that asks is refused.
func (c *Client) lend(f *OwnFiles, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case asked, ok := <-c.files:
			if !ok {
				return
			}
			channel, requests, err := asked.Accept()
			if err != nil {
				return // the connection is gone
			}
			serving := make(chan struct{})
			go func() {
				defer close(serving)
				go gossh.DiscardRequests(requests)
				_ = f.serve(channel) // the holder knows what failed
				_ = channel.Close()
			}()
			select {
			case <-serving:
			case <-done:
				_ = channel.Close()
				<-serving
			}
		}
	}
}
