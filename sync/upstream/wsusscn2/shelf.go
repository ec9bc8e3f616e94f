package wsusscn2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"time"

	"fettle/model"
	"fettle/sync/metadata"
)

// A shelf keeps what documents say until everything has been read and can be put
// together: 137,000 metadata.Update as such would take some 400 MB, most of it
// string headers, empty fields and identifiers in letters. Here they are rows of
// bytes without pointers, about a tenth of that, and come back as they were.
//
// The form lives as long as one import and has no versions. It follows the
// fields of metadata.Update by reflection, so that a field which that package
// gains is not lost here.
//
// A shelf is filled by one goroutine; when that is done, any may take.
type shelf struct {
	chunks  [][]byte
	strings []string          // values that repeat, such as names of handlers
	numbers map[string]uint64 // their indexes
	scratch []byte
	unfit   reflect.Type // a field's type that encode does not know
}

// place is where a summary lies; the zero value says that there is none.
type place struct {
	shelf  uint16 // number of the shelf, from 1
	chunk  uint16
	offset uint32
}

const (
	chunkSize   = 1 << 20
	mostChunks  = 1<<16 - 1
	mostStrings = 1 << 14 // a hostile catalogue must not make every value a repeated one
	longString  = 128
)

var errShelf = errors.New("the summary of a document cannot be read back")

func newShelf() *shelf { return &shelf{numbers: map[string]uint64{}} }

// put keeps what an import needs of u and gives its place. Rules are kept as
// their digest only, the documents have them; no drivers are in this catalogue.
func (s *shelf) put(u *metadata.Update) (place, error) {
	short := *u
	short.Rules, short.Drivers, short.Written = nil, nil, ""
	s.scratch = s.encode(s.scratch[:0], reflect.ValueOf(&short).Elem())
	if s.unfit != nil {
		return place{}, fmt.Errorf("keeping summaries: they cannot hold %v", s.unfit)
	}
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last])+len(s.scratch) > cap(s.chunks[last]) {
		if len(s.chunks) == mostChunks {
			return place{}, fmt.Errorf("keeping summaries: more than %d MiB", mostChunks*chunkSize>>20)
		}
		s.chunks = append(s.chunks, make([]byte, 0, max(chunkSize, len(s.scratch))))
		last++
	}
	p := place{chunk: uint16(last), offset: uint32(len(s.chunks[last]))}
	s.chunks[last] = append(s.chunks[last], s.scratch...)
	return p, nil
}

// take gives what was put at p.
func (s *shelf) take(p place) (*metadata.Update, error) {
	u := &metadata.Update{}
	d := decoder{shelf: s, data: s.chunks[p.chunk][p.offset:]}
	d.decode(reflect.ValueOf(u).Elem())
	if d.bad {
		return nil, errShelf
	}
	return u, nil
}

var (
	typeTime   = reflect.TypeFor[time.Time]()
	typeUpdate = reflect.TypeFor[model.UpdateID]()
)

// encode appends a value. Of a struct first come bits for the fields that are
// not zero.
func (s *shelf) encode(b []byte, v reflect.Value) []byte {
	switch {
	case v.Type() == typeTime:
		t := v.Interface().(time.Time)
		return binary.AppendVarint(binary.AppendVarint(b, t.Unix()), int64(t.Nanosecond()))
	case v.Type() == typeUpdate:
		id := v.String()
		if g, ok := parseGUID([]byte(id)); ok && string(g.id()) == id {
			return append(append(b, 1), g[:]...)
		}
		b = binary.AppendUvarint(append(b, 0), uint64(len(id)))
		return append(b, id...)
	}
	switch v.Kind() {
	case reflect.String:
		return s.encodeString(b, v.String())
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.Pointer: // nil ones are left out by their struct
		return s.encode(b, v.Elem())
	case reflect.Array:
		for i := range v.Len() { // of bytes: digests
			b = append(b, byte(v.Index(i).Uint()))
		}
		return b
	case reflect.Slice:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return append(b, v.Bytes()...)
		}
		for i := range v.Len() {
			b = s.encode(b, v.Index(i))
		}
		return b
	case reflect.Struct:
		var set uint64
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				set |= 1 << i
			}
		}
		b = binary.AppendUvarint(b, set)
		for ; set != 0; set &= set - 1 {
			b = s.encode(b, v.Field(bits.TrailingZeros64(set)))
		}
		return b
	}
	s.unfit = v.Type() // a test puts a value of every field
	return b
}

// encodeString writes a short string that was seen before as its number.
func (s *shelf) encodeString(b []byte, text string) []byte {
	if n, ok := s.numbers[text]; ok {
		return binary.AppendUvarint(b, n<<1|1)
	}
	if len(text) <= longString && len(s.strings) < mostStrings {
		s.numbers[text] = uint64(len(s.strings))
		s.strings = append(s.strings, text)
	}
	return append(binary.AppendUvarint(b, uint64(len(text))<<1), text...)
}

// decoder reads one summary back.
type decoder struct {
	shelf *shelf
	data  []byte
	bad   bool
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.data)
	if size <= 0 {
		d.bad, d.data = true, nil
		return 0
	}
	d.data = d.data[size:]
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.data)
	if size <= 0 {
		d.bad, d.data = true, nil
		return 0
	}
	d.data = d.data[size:]
	return n
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.data)) {
		d.bad, d.data = true, nil
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *decoder) decode(v reflect.Value) {
	switch {
	case v.Type() == typeTime:
		seconds := d.varint()
		v.Set(reflect.ValueOf(time.Unix(seconds, d.varint()).UTC()))
		return
	case v.Type() == typeUpdate:
		if b := d.bytes(1); len(b) == 1 && b[0] == 1 {
			if raw := d.bytes(16); len(raw) == 16 {
				v.SetString(string(guid(raw).id()))
			}
			return
		}
		v.SetString(string(d.bytes(d.uvarint())))
		return
	}
	switch v.Kind() {
	case reflect.String:
		n := d.uvarint()
		if n&1 == 0 {
			v.SetString(string(d.bytes(n >> 1)))
		} else if n>>1 < uint64(len(d.shelf.strings)) {
			v.SetString(d.shelf.strings[n>>1])
		} else {
			d.bad = true
		}
	case reflect.Bool:
		v.SetBool(d.uvarint() != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(d.varint())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(d.uvarint())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(v.Elem())
	case reflect.Array:
		for i, c := range d.bytes(uint64(v.Len())) {
			v.Index(i).SetUint(uint64(c))
		}
	case reflect.Slice:
		n := d.uvarint()
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(append([]byte(nil), d.bytes(n)...))
			return
		}
		if n > uint64(len(d.data)) { // every element takes a byte at least
			d.bad, d.data = true, nil
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), int(n), int(n)))
		for i := range int(n) {
			d.decode(v.Index(i))
		}
	case reflect.Struct:
		for set := d.uvarint(); set != 0 && !d.bad; set &= set - 1 {
			i := bits.TrailingZeros64(set)
			if i >= v.NumField() {
				d.bad = true
				return
			}
			d.decode(v.Field(i))
		}
	}
}
