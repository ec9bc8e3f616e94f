package wsusexport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"fettle/model"
)

// headerSize is the length of what stands before a document in metadata.txt.
const headerSize = 36 + 1 + 8 + 1 + 8 + 1

// record is one document of a package and what the package says it is.
type record struct {
	revision
	// problem says why its text is not there or of no use; the package can be read
	// on all the same.
	problem string
}

// recordReader cuts metadata.txt into its records. A length that does not lead
// from one record to the next means that the file is damaged: nothing behind it
// can be trusted, for documents may hold anything.
type recordReader struct {
	r       *bufio.Reader
	limit   int // bytes of a document
	records int
	offset  int64 // of the next byte, in the text
}

func newRecordReader(r io.Reader, limit int) *recordReader {
	return &recordReader{r: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// damage is the error for a file that contradicts itself.
func (r *recordReader) damage(format string, args ...any) error {
	return fmt.Errorf("record %d of metadata.txt (at byte %d): %s: the package is damaged, export it again", r.records+1, r.offset, fmt.Sprintf(format, args...))
}

// next reads a record and appends its document to dst, or only passes over it
// when keep says so. It gives io.EOF after the last record.
func (r *recordReader) next(dst []byte, keep func(revision) bool) (record, []byte, error) {
	if r.records == 0 {
		// WSUS writes no byte order mark here; editors do.
		if b, _ := r.r.Peek(3); string(b) == bom {
			r.discard(3)
		}
	}
	head, err := r.r.Peek(headerSize)
	if len(head) == 0 && err == io.EOF {
		return record{}, dst, io.EOF
	}
	if len(head) < headerSize {
		return record{}, dst, r.readError(err, "it ends in the middle of a record's head")
	}
	rev, units, ok := parseRecordHead(head)
	if !ok {
		return record{}, dst, r.damage("there is no record here, but %q", model.Clean(string(head)))
	}
	r.discard(headerSize)
	rec := record{revision: rev}
	wanted := keep == nil || keep(rev)
	length := len(dst)
	for units > 0 {
		chunk, err := r.r.Peek(min(max(units, utf8.UTFMax), r.r.Size()))
		if len(chunk) == 0 {
			return record{}, dst[:length], r.readError(err, "the document is shorter than its stated length")
		}
		n, used := utf16Prefix(chunk, units, err != nil)
		if n == 0 {
			return record{}, dst[:length], r.damage("the stated length ends within a character")
		}
		if wanted && len(dst)-length+n > r.limit {
			wanted, rec.problem = false, fmt.Sprintf("its document is longer than %d bytes", r.limit)
			dst = dst[:length]
		}
		if wanted {
			dst = append(dst, chunk[:n]...)
		}
		r.discard(n)
		units -= used
	}
	end, err := r.r.Peek(2)
	if string(end) != "\r\n" {
		if len(end) < 2 {
			return record{}, dst[:length], r.readError(err, "it ends without the record's line end")
		}
		return record{}, dst[:length], r.damage("the document does not end where its length says")
	}
	r.discard(2)
	r.records++
	return rec, dst, nil
}

// readError gives the reader's own error, or says that the text was cut off.
func (r *recordReader) readError(err error, what string) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading record %d of metadata.txt: %w", r.records+1, err)
	}
	return r.damage("%s", what)
}

// discard passes over bytes that were seen by Peek, which cannot fail.
func (r *recordReader) discard(n int) {
	r.r.Discard(n)
	r.offset += int64(n)
}

// parseRecordHead reads "GUID,hhhhhhhh,hhhhhhhh,".
func parseRecordHead(b []byte) (rev revision, units int, ok bool) {
	if len(b) < headerSize || b[36] != ',' || b[45] != ',' || b[54] != ',' {
		return revision{}, 0, false
	}
	id, ok := parseGUID(b[:36])
	number, ok2 := parseHex32(b[37:45])
	length, ok3 := parseHex32(b[46:54])
	// .NET's lengths are signed; so is int on small computers.
	if !ok || !ok2 || !ok3 || length > 1<<31-1 {
		return revision{}, 0, false
	}
	return revision{id, number}, int(length), true
}

// parseHex32 reads eight hexadecimal digits.
func parseHex32(b []byte) (uint32, bool) {
	var v uint32
	for _, c := range b {
		d := hexDigit(c)
		if d < 0 {
			return 0, false
		}
		v = v<<4 | uint32(d)
	}
	return v, true
}

// utf16Prefix finds how many bytes of b are at most the wanted number of UTF-16
// units, and how many units these are. A character that b holds only the
// beginning of is left out unless last says that nothing follows. Bytes that are
// no UTF-8 count one each, as what .NET puts in their place does.
func utf16Prefix(b []byte, want int, last bool) (n, units int) {
	for n < len(b) && units < want {
		if want-units >= 8 && len(b)-n >= 8 && binary.LittleEndian.Uint64(b[n:])&0x8080808080808080 == 0 {
			n, units = n+8, units+8 // eight characters of ASCII
			continue
		}
		if b[n] < utf8.RuneSelf {
			n, units = n+1, units+1
			continue
		}
		if !last && !utf8.FullRune(b[n:]) {
			break
		}
		r, size := utf8.DecodeRune(b[n:])
		width := 1
		if r > 0xFFFF {
			width = 2
		}
		if units+width > want {
			break
		}
		n, units = n+size, units+width
	}
	return n, units
}

// utf16Length is the length of a text in UTF-16 units.
func utf16Length(b []byte) int {
	_, units := utf16Prefix(b, 2*len(b)+1, true)
	return units
}

// appendRecordHead writes what stands before a document.
func appendRecordHead(dst []byte, r revision, units int) []byte {
	dst = append(dst, r.id.String()...)
	dst = append(dst, ',')
	dst = appendHex32(dst, r.number)
	dst = append(dst, ',')
	dst = appendHex32(dst, uint32(units))
	return append(dst, ',')
}

// appendHex32 writes eight hexadecimal digits in lower case, as WSUS does.
func appendHex32(dst []byte, v uint32) []byte {
	digits := strconv.AppendUint(nil, 1<<32|uint64(v), 16)
	return append(dst, digits[1:]...)
}
