package markup

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

const (
	bufferSize = 64 << 10 // bytes read at a time, and the longest text in one token
	slack      = 16       // longest thing that text is not cut within: a numeric reference
)

// Scanner reads tokens.
type Scanner struct {
	limits Limits
	in     io.Reader
	failed error // why in gives no more: io.EOF or worse

	own      []byte // the buffer that input is read into
	buf      []byte // own, or the whole input
	pos, end int    // what has not been scanned yet is buf[pos:end]
	base     int64  // offset of buf[0] in the input

	kind   Kind
	raw    []byte
	at     int64  // offset of raw
	plain  bool   // the text has neither escapes nor carriage returns
	inner  []byte // of a text, comment or instruction
	name   []byte
	prefix int
	space  string
	attrs  []Attribute
	empty  bool

	open    []element
	names   []byte // of the open elements, one behind the other
	begun   bool   // something was read
	rooted  bool   // the root element has been opened
	closing bool   // the End of an empty element is due
	cdata   bool   // within a CDATA section
	err     error

	spaces  namespaces
	scratch []byte
}

type element struct {
	name, prefix int // where the name begins in names, how long its prefix is
	space        string
	spaces       int // declarations in force before it
}

// NewScanner makes a scanner of r.
func NewScanner(r io.Reader, l Limits) *Scanner {
	s := &Scanner{limits: l.filled()}
	s.Reset(r)
	return s
}

// Reset makes the scanner read r from its beginning.
func (s *Scanner) Reset(r io.Reader) {
	if cap(s.own) > 4*bufferSize {
		s.own = nil // one huge tag does not keep its memory for ever
	}
	*s = Scanner{
		limits: s.limits, in: r, own: s.own, buf: s.own[:0], attrs: s.attrs[:0], open: s.open[:0], names: s.names[:0],
		spaces: s.spaces.reset(), scratch: s.scratch[:0],
	}
}

// ResetBytes makes the scanner read data from its beginning, without copying it:
// tokens are parts of data, which must not change while they are used.
func (s *Scanner) ResetBytes(data []byte) {
	s.Reset(nil)
	s.buf, s.end, s.failed = data, len(data), io.EOF
}

// Next reads the next token: io.EOF after the last one of a well-formed input,
// a *SyntaxError where the input is not well-formed or beyond a limit, and what
// the reader returned where that failed. An error is final.
func (s *Scanner) Next() (Kind, error) {
	if s.err != nil {
		return None, s.err
	}
	kind, err := s.next()
	if err != nil {
		s.err, s.kind = err, None
		s.raw, s.inner, s.name, s.attrs = nil, nil, nil, s.attrs[:0]
		return None, err
	}
	s.kind = kind
	return kind, nil
}

func (s *Scanner) next() (Kind, error) {
	if s.kind == End {
		s.names = s.names[:len(s.names)-len(s.name)]
	}
	if s.closing {
		s.closing, s.empty = false, false
		s.at, s.raw, s.attrs = s.base+int64(s.pos), s.buf[s.pos:s.pos], s.attrs[:0]
		s.pop()
		return End, nil
	}
	s.attrs, s.empty = s.attrs[:0], false
	if !s.begun {
		if err := s.begin(); err != nil {
			return None, err
		}
	}
	if s.cdata {
		return s.section(s.pos)
	}
	if s.pos == s.end {
		if err := s.more(); err != nil {
			return None, s.finish(err)
		}
	}
	if s.buf[s.pos] != '<' {
		return s.characters()
	}
	for {
		kind, err := s.markup()
		if err != errShort {
			return kind, err
		}
		if s.end-s.pos > s.limits.Tag {
			return None, s.fail(s.pos, "a tag, comment or instruction is longer than allowed")
		}
		if err := s.more(); err != nil {
			if err == io.EOF {
				return None, s.fail(s.end, "the input ends within a tag, comment or instruction")
			}
			return None, err
		}
	}
}

// errShort says that the buffer ends before the token does: there is more to be
// read, and the token is then scanned again from its beginning. The buffer
// doubles, so that this costs twice the work at most.
var errShort = errors.New("the buffer ends within a token")

// more reads at least as much again as there is.
func (s *Scanner) more() error {
	if s.failed != nil {
		return s.failed
	}
	have := s.end - s.pos
	want := max(bufferSize, 2*have)
	if cap(s.own) < want {
		s.own = make([]byte, want)
	}
	s.own = s.own[:cap(s.own)]
	copy(s.own, s.buf[s.pos:s.end])
	s.buf = s.own
	s.base += int64(s.pos)
	s.pos, s.end = 0, have
	for idle := 0; s.end < len(s.buf); {
		n, err := s.in.Read(s.buf[s.end:])
		if n < 0 || n > len(s.buf)-s.end {
			err = errors.New("a reader returned an impossible count")
			n = 0
		}
		s.end += n
		if err != nil {
			s.failed = err
			break
		}
		if n > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			s.failed = io.ErrNoProgress
			break
		}
	}
	if s.end == have {
		return s.failed
	}
	return nil
}

// begin skips the byte order mark that some exports begin with.
func (s *Scanner) begin() error {
	s.begun = true
	if err := s.more(); err != nil && err != io.EOF {
		return err
	}
	if bytes.HasPrefix(s.buf[s.pos:s.end], []byte("\xef\xbb\xbf")) {
		s.pos += 3
	}
	if len(s.buf[s.pos:s.end]) >= 2 && (s.buf[s.pos] == 0xfe && s.buf[s.pos+1] == 0xff || s.buf[s.pos] == 0xff && s.buf[s.pos+1] == 0xfe) {
		return s.fail(s.pos, "the encoding is UTF-16, only UTF-8 is read")
	}
	return nil
}

// finish judges the end of the input.
func (s *Scanner) finish(err error) error {
	if err != io.EOF {
		return err
	}
	if n := len(s.open); n > 0 {
		return s.fail(s.pos, "the input ends before the element "+string(s.names[s.open[n-1].name:])+" does")
	}
	if !s.rooted && !s.limits.Fragment {
		return s.fail(s.pos, "there is no element")
	}
	return io.EOF
}

// characters scans text up to the next tag, or a part of it.
func (s *Scanner) characters() (Kind, error) {
	window := s.window()
	n := bytes.IndexByte(window, '<')
	for n < 0 {
		if len(window) == bufferSize {
			n = cut(window)
			break
		}
		err := s.more()
		if err == io.EOF {
			n = len(window)
			break
		}
		if err != nil {
			return None, err
		}
		window = s.window()
		n = bytes.IndexByte(window, '<')
	}
	plain, at, reason := checkText(window[:n], 0)
	if reason != "" {
		return None, s.fail(s.pos+at, reason)
	}
	if len(s.open) == 0 && !s.limits.Fragment && !blank(window[:n]) {
		return None, s.fail(s.pos, "there is text outside the root element")
	}
	s.plain, s.inner = plain, window[:n]
	s.take(s.pos + n)
	return Text, nil
}

// window is what text is looked for in: what it does not end in is cut, and must
// not be looked through again for every piece.
func (s *Scanner) window() []byte { return s.buf[s.pos:min(s.end, s.pos+bufferSize)] }

// cut finds where text can be cut in two: not within a character, a reference,
// a line end or a "]]>".
func cut(text []byte) int {
	n := len(text) - slack
	if i := bytes.LastIndexByte(text[n-slack:n], '&'); i >= 0 {
		n = n - slack + i
	}
	for n > len(text)/2 && (!utf8.RuneStart(text[n]) || text[n-1] == '\r' || text[n-1] == ']') {
		n--
	}
	return n
}

// take makes buf[pos:to] the raw token.
func (s *Scanner) take(to int) {
	s.raw, s.at = s.buf[s.pos:to], s.base+int64(s.pos)
	s.pos = to
}

// markup scans what begins with "<"; errShort when the buffer ends within it.
func (s *Scanner) markup() (Kind, error) {
	b := s.buf[s.pos:s.end]
	if len(b) < 2 {
		return None, errShort
	}
	switch b[1] {
	case '/':
		return s.endTag(b)
	case '?':
		return s.instruction(b)
	case '!':
		return s.declaration(b)
	}
	return s.startTag(b)
}

func (s *Scanner) startTag(b []byte) (Kind, error) {
	i, prefix, err := s.scanName(b, 1)
	if err != nil {
		return None, err
	}
	nameEnd := i
	s.attrs = s.attrs[:0]
	declares := false
	for {
		gap := i
		for i < len(b) && isSpace[b[i]] {
			i++
		}
		if i == len(b) {
			return None, errShort
		}
		if b[i] == '>' {
			i++
			break
		}
		if b[i] == '/' {
			if i+1 == len(b) {
				return None, errShort
			}
			if b[i+1] != '>' {
				return None, s.fail(s.pos+i, "a slash within a tag")
			}
			s.empty = true
			i += 2
			break
		}
		if gap == i {
			return None, s.fail(s.pos+i, "there is no blank before an attribute")
		}
		if len(s.attrs) == s.limits.Attributes {
			return None, s.fail(s.pos+i, "an element has more attributes than allowed")
		}
		var a Attribute
		start := i
		var p int
		if i, p, err = s.scanName(b, i); err != nil {
			return None, err
		}
		a.name, a.prefix = int32(i-start), int32(p)
		for i < len(b) && isSpace[b[i]] {
			i++
		}
		if i == len(b) {
			return None, errShort
		}
		if b[i] != '=' {
			return None, s.fail(s.pos+i, "an attribute has no value")
		}
		i++
		for i < len(b) && isSpace[b[i]] {
			i++
		}
		if i == len(b) {
			return None, errShort
		}
		quote := b[i]
		if quote != '"' && quote != '\'' {
			return None, s.fail(s.pos+i, "the value of an attribute is not quoted")
		}
		i++
		n := bytes.IndexByte(b[i:], quote)
		if n < 0 {
			// What is not to be in a value is found now, before more is read for it.
			if at := bytes.IndexByte(b[i:], '<'); at >= 0 {
				return None, s.fail(s.pos+i+at, "a < within the value of an attribute")
			}
			return None, errShort
		}
		plain, at, reason := checkText(b[i:i+n], quote)
		if reason != "" {
			return None, s.fail(s.pos+i+at, reason)
		}
		a.plain, a.value = plain, int32(i-start)
		i += n + 1
		a.raw = b[start:i]
		for k := range s.attrs {
			if bytes.Equal(s.attrs[k].Name(), a.Name()) {
				return None, s.fail(s.pos+start, "an attribute is given twice")
			}
		}
		declares = declares || a.Declaration()
		s.attrs = append(s.attrs, a)
	}
	if i > s.limits.Tag {
		return None, s.fail(s.pos, "a tag is longer than allowed")
	}
	if len(s.open) == s.limits.Depth {
		return None, s.fail(s.pos, "elements are nested deeper than allowed")
	}
	if len(s.open) == 0 {
		if s.rooted && !s.limits.Fragment {
			return None, s.fail(s.pos, "there is a second root element")
		}
		s.rooted = true
	}
	before := len(s.spaces.bound)
	if declares {
		if reason := s.spaces.declare(s.attrs); reason != "" {
			return None, s.fail(s.pos, reason)
		}
	}
	space, reason := s.spaces.resolve(b[1:1+prefix], true)
	if reason == "" {
		reason = s.spaces.resolveAttributes(s.attrs)
	}
	if reason != "" {
		return None, s.fail(s.pos, reason)
	}
	s.open = append(s.open, element{len(s.names), prefix, space, before})
	s.names = append(s.names, b[1:nameEnd]...)
	s.name, s.prefix, s.space = b[1:nameEnd], prefix, space
	s.closing = s.empty
	s.take(s.pos + i)
	return Start, nil
}

func (s *Scanner) endTag(b []byte) (Kind, error) {
	n := bytes.IndexByte(b, '>')
	if n < 0 {
		if len(b) > s.limits.Name+bufferSize {
			return None, s.fail(s.pos, "an end tag is longer than allowed")
		}
		return None, errShort
	}
	if len(s.open) == 0 {
		return None, s.fail(s.pos, "an element ends that has not begun")
	}
	name := b[2:n]
	for len(name) > 0 && isSpace[name[len(name)-1]] {
		name = name[:len(name)-1]
	}
	if want := s.names[s.open[len(s.open)-1].name:]; !bytes.Equal(name, want) {
		return None, s.fail(s.pos, "the element "+string(want)+" does not end where it should")
	}
	s.take(s.pos + n + 1)
	s.pop()
	return End, nil
}

// pop closes the innermost element and makes it the current one. Its name stays
// in names until the next token is asked for.
func (s *Scanner) pop() {
	e := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.name, s.prefix, s.space = s.names[e.name:], e.prefix, e.space
	s.spaces.bound = s.spaces.bound[:e.spaces]
}

func (s *Scanner) instruction(b []byte) (Kind, error) {
	n := bytes.Index(b, []byte("?>"))
	if n < 0 {
		return None, errShort
	}
	i, prefix, err := s.scanName(b[:n+1], 2)
	if err != nil {
		return None, err
	}
	name := b[2:i]
	if prefix != 0 {
		return None, s.fail(s.pos, "the target of an instruction has a colon")
	}
	rest := b[min(i, n):n]
	if len(rest) > 0 && !isSpace[rest[0]] {
		return None, s.fail(s.pos+i, "the target of an instruction is not a name")
	}
	if at, reason := checkRaw(rest); reason != "" {
		return None, s.fail(s.pos+i+at, reason)
	}
	if bytes.EqualFold(name, []byte("xml")) {
		if s.base+int64(s.pos) != s.origin() || string(name) != "xml" {
			return None, s.fail(s.pos, "an XML declaration is not at the beginning")
		}
		if reason := checkDeclaration(rest); reason != "" {
			return None, s.fail(s.pos, reason)
		}
	}
	s.name, s.prefix, s.space, s.inner, s.plain = name, 0, "", bytes.TrimLeft(rest, " \t\r\n"), true
	s.take(s.pos + n + 2)
	return Instruction, nil
}

// origin is where the input begins: behind a byte order mark, if it has one.
func (s *Scanner) origin() int64 {
	if s.base == 0 && s.end >= 3 && string(s.buf[:3]) == "\xef\xbb\xbf" {
		return 3
	}
	return 0
}

// declaration scans what begins with "<!".
func (s *Scanner) declaration(b []byte) (Kind, error) {
	const section = "<![CDATA["
	switch {
	case bytes.HasPrefix(b, []byte("<!--")):
		n := bytes.Index(b[4:], []byte("--"))
		if n < 0 || 4+n+2 == len(b) {
			return None, errShort
		}
		if b[4+n+2] != '>' {
			return None, s.fail(s.pos+4+n, "two hyphens within a comment")
		}
		if at, reason := checkRaw(b[4 : 4+n]); reason != "" {
			return None, s.fail(s.pos+4+at, reason)
		}
		if 4+n+3 > s.limits.Tag {
			return None, s.fail(s.pos, "a comment is longer than allowed")
		}
		s.inner, s.plain = b[4:4+n], true
		s.take(s.pos + 4 + n + 3)
		return Comment, nil
	case bytes.HasPrefix(b, []byte(section)):
		if len(s.open) == 0 && !s.limits.Fragment {
			return None, s.fail(s.pos, "there is text outside the root element")
		}
		s.cdata = true
		return s.section(s.pos + len(section))
	case len(b) < len(section) && (bytes.HasPrefix([]byte(section), b) || bytes.HasPrefix([]byte("<!--"), b)):
		return None, errShort
	case bytes.HasPrefix(b, []byte("<!DOCTYPE")):
		return None, s.fail(s.pos, "there is a document type definition, which is not allowed")
	}
	return None, s.fail(s.pos, "there is a declaration, which is not allowed")
}

// section scans a CDATA section, or a part of it; what it holds begins at from.
func (s *Scanner) section(from int) (Kind, error) {
	head := from - s.pos
	for {
		b := s.window()
		n := bytes.Index(b[head:], []byte("]]>"))
		tail := 3
		if n < 0 {
			if len(b) < bufferSize {
				if err := s.more(); err == nil {
					continue
				} else if err != io.EOF {
					return None, err
				}
				return None, s.fail(s.end, "the input ends within a CDATA section")
			}
			n, tail = cut(b)-head, 0
		}
		inner := b[head : head+n]
		at, reason := checkRaw(inner)
		if reason != "" {
			return None, s.fail(s.pos+head+at, reason)
		}
		s.cdata = tail == 0
		s.inner, s.plain = inner, bytes.IndexByte(inner, '\r') < 0
		s.take(s.pos + head + n + tail)
		return CData, nil
	}
}

// scanName scans a name that begins at b[i], and tells where it ends and how
// long its prefix is.
func (s *Scanner) scanName(b []byte, i int) (end, prefix int, err error) {
	if i == len(b) {
		return 0, 0, errShort
	}
	if !isFirst[b[i]] {
		return 0, 0, s.fail(s.pos+i, "a name does not begin with an ASCII letter or underscore")
	}
	start := i
	for i++; i < len(b); i++ {
		if isInner[b[i]] {
			continue
		}
		if b[i] != ':' {
			break
		}
		if prefix > 0 {
			return 0, 0, s.fail(s.pos+i, "a name has two colons")
		}
		if i+1 == len(b) {
			return 0, 0, errShort
		}
		if !isFirst[b[i+1]] {
			return 0, 0, s.fail(s.pos+i, "there is no name behind a prefix")
		}
		prefix = i - start
	}
	if i-start > s.limits.Name {
		return 0, 0, s.fail(s.pos+start, "a name is longer than allowed")
	}
	if i == len(b) {
		return 0, 0, errShort
	}
	if b[i] >= utf8.RuneSelf {
		return 0, 0, s.fail(s.pos+i, "a name is not ASCII")
	}
	return i, prefix, nil
}

func (s *Scanner) fail(at int, reason string) error {
	return &SyntaxError{Offset: s.base + int64(at), Reason: reason}
}

// Skip reads on to the End of the element whose Start was read last, which is
// then the current token.
func (s *Scanner) Skip() error {
	for depth := len(s.open); ; {
		kind, err := s.Next()
		if err != nil {
			return err
		}
		if kind == End && len(s.open) < depth {
			return nil
		}
	}
}
