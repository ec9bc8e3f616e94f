// Package deb822 reads the control-file format of Debian: stanzas of
// "Name: value" lines, separated by blank lines, values continued on lines that
// begin with a blank. Packages and Release files and the output of apt-get
// indextargets are written in it (Debian policy 5.1, deb822(5)).
//
// The Reader streams: it holds one stanza at a time, in a buffer of its own, and
// allocates nothing per stanza. It is made for lists of 50 MB and for hostile
// input: lines and stanzas are bounded, a malformed stanza is an error that can be
// skipped, and every other input ends in io.EOF or an error.
//
// A Reader is used by one goroutine. Comments, which only files written by people
// have, are malformed here.
package deb822

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Limits bound what a Reader accepts. The longest line of Debian's main archive
// has about 20 kB; the longest stanza is a Release file's, one field of 500 kB.
type Limits struct {
	Line   int // bytes in one line
	Stanza int // bytes in one stanza
}

// DefaultLimits are generous for every list that is known.
var DefaultLimits = Limits{Line: 1 << 20, Stanza: 8 << 20}

// ErrTooLarge says that a line or a stanza exceeded the limits. Reading cannot go
// on behind it.
var ErrTooLarge = errors.New("a line or stanza is too long")

// SyntaxError is a stanza that is not of the format. Next may be called again: it
// continues with the stanza that follows.
type SyntaxError struct {
	Line   int // counted from 1
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Field is one field of a stanza.
type Field struct {
	Name  []byte // in lower case: names are compared without regard to case
	Value []byte // without surrounding white space; the lines of a long value stay separated by line feeds
}

// span is a field as offsets from the stanza's start: the buffer moves while a
// stanza is read.
type span struct{ name, nameEnd, value, valueEnd int }

// Reader reads stanzas.
type Reader struct {
	source  io.Reader
	limits  Limits
	buf     []byte
	start   int // of the stanza
	pos     int // of the next line
	end     int // of what was read
	line    int
	spans   []span
	fields  []Field
	failure error // of source, io.EOF included, or ErrTooLarge
}

// NewReader makes a Reader with the default limits.
func NewReader(r io.Reader) *Reader { return NewReaderLimits(r, DefaultLimits) }

// NewReaderLimits makes a Reader with limits of its own.
func NewReaderLimits(r io.Reader, l Limits) *Reader {
	return &Reader{source: r, limits: l, buf: make([]byte, 256<<10)}
}

// Next reads the next stanza. The fields are valid until the next call. The error
// is io.EOF at the end, a *SyntaxError for a malformed stanza, or the one that
// made reading impossible.
func (r *Reader) Next() ([]Field, error) {
	r.start = r.pos
	r.spans = r.spans[:0]
	var wrong *SyntaxError
	any := false
	for {
		line, at, err := r.nextLine()
		if err != nil {
			if err == io.EOF && any {
				break
			}
			return nil, err
		}
		if isBlank(line) {
			if any {
				break
			}
			r.start = r.pos
			continue
		}
		any = true
		if wrong != nil {
			r.start = r.pos // nothing of the stanza is kept: skipping needs no room
			continue
		}
		if reason := r.take(line, at-r.start); reason != "" {
			wrong = &SyntaxError{Line: r.line, Reason: reason}
		}
	}
	if wrong != nil {
		return nil, wrong
	}
	r.fields = r.fields[:0]
	stanza := r.buf[r.start:r.end]
	for _, s := range r.spans {
		r.fields = append(r.fields, Field{
			Name:  stanza[s.name:s.nameEnd:s.nameEnd],
			Value: stanza[s.value:s.valueEnd:s.valueEnd],
		})
	}
	return r.fields, nil
}

// nextLine gives the next line without its end and where in the buffer it
// stands.
func (r *Reader) nextLine() (line []byte, at int, err error) {
	searched := 0
	for {
		if i := bytes.IndexByte(r.buf[r.pos+searched:r.end], '\n'); i >= 0 {
			at = r.pos
			line = r.buf[at : at+searched+i]
			r.pos = at + len(line) + 1
			break
		}
		searched = r.end - r.pos
		if searched > r.limits.Line {
			r.failure = ErrTooLarge
		}
		if r.failure == nil {
			r.fill()
			continue
		}
		if r.failure != io.EOF || searched == 0 {
			return nil, 0, r.failure
		}
		at, line = r.pos, r.buf[r.pos:r.end] // the last line has no end
		r.pos = r.end
		break
	}
	r.line++
	if len(line) > r.limits.Line || r.pos-r.start > r.limits.Stanza {
		r.failure = ErrTooLarge
		r.end = r.pos
		return nil, 0, r.failure
	}
	return line, at, nil
}

// fill reads more behind what is in the buffer, making room before it.
func (r *Reader) fill() {
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.pos -= r.start
		r.end -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		if len(r.buf) > r.limits.Stanza+r.limits.Line {
			r.failure = ErrTooLarge
			return
		}
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	// A source that gives nothing, again and again, is broken (see bufio).
	for range 100 {
		n, err := r.source.Read(r.buf[r.end:])
		if n < 0 || n > len(r.buf)-r.end {
			r.failure = errors.New("the source of a deb822 reader returned an impossible count")
			return
		}
		r.end += n
		r.failure = err
		if n > 0 || err != nil {
			return
		}
	}
	r.failure = io.ErrNoProgress
}

// take adds a line that begins at offset at of the stanza. It returns what is
// wrong with it.
func (r *Reader) take(line []byte, at int) string {
	if line[0] == ' ' || line[0] == '\t' {
		if len(r.spans) == 0 {
			return "the stanza begins with a continuation line"
		}
		r.spans[len(r.spans)-1].valueEnd = at + len(trimRight(line))
		return ""
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return "there is no field name followed by a colon"
	}
	for i, c := range line[:colon] {
		if c <= ' ' || c >= 0x7f {
			return "a field name has a character that is not allowed"
		}
		if c >= 'A' && c <= 'Z' {
			line[i] = c + ('a' - 'A')
		}
	}
	if line[0] == '#' || line[0] == '-' {
		return "a field name begins with # or -"
	}
	value := colon + 1
	for value < len(line) && (line[value] == ' ' || line[value] == '\t') {
		value++
	}
	r.spans = append(r.spans, span{name: at, nameEnd: at + colon, value: at + value, valueEnd: at + max(value, len(trimRight(line)))})
	return ""
}

// isBlank says whether a line has only white space: such a line ends a stanza too.
func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

// FirstLine gives the first line of a value.
func FirstLine(value []byte) []byte {
	if i := bytes.IndexByte(value, '\n'); i >= 0 {
		return trimRight(value[:i])
	}
	return value
}

// Lines gives the lines of a long value that are not empty, without surrounding
// white space: the entries of a Release file's SHA256 field.
func Lines(value []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(value) {
			if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 && !yield(line) {
				return
			}
		}
	}
}
