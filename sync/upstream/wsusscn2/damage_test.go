package wsusscn2

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"fettle/sync/cabinet"
)

// failing is a file of which a part cannot be read.
type failing struct {
	*bytes.Reader
	from, to int64
	err      error
}

func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	if at < f.to && at+int64(len(p)) > f.from {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, at)
}

// TestDamage spoils the file at many places: it is never taken in as if nothing
// were wrong, and what was in force stays.
func TestDamage(t *testing.T) {
	d := tiny()
	d.method = cabinet.LZX
	good := d.bytes(t)
	want := newStore(t)
	take(t, want, good)
	s := newStore(t)
	for at := 0; at < len(good); at += 7 {
		b := slices.Clone(good)
		b[at] ^= 0x55
		before := s.switches
		s.anchor, s.failures = nil, nil
		err := synchronize(t, s, b)
		if err == nil && s.switches != before && len(s.failures) == 0 {
			// A name, a date or a reserved field: then all must be right.
			for id, u := range want.updates {
				if got := s.updates[id]; got == nil || got.Title != u.Title || !slices.Equal(got.KB, u.KB) {
					t.Errorf("byte %d: %s changed", at, id)
				}
			}
		}
		if err != nil && s.switches != before {
			t.Fatalf("byte %d: in force in spite of %v", at, err)
		}
	}
	for size := 0; size < len(good); size += 11 {
		if err := synchronize(t, newStore(t), good[:size]); err == nil {
			t.Errorf("the first %d bytes were taken in", size)
		}
	}
	broken := errors.New("input/output error")
	for at := int64(0); at < int64(len(good)); at += 13 {
		f := &failing{bytes.NewReader(good), at, at + 1, broken}
		s := newStore(t)
		err := New(f, int64(len(good)), Options{Unsigned: true, Clock: clock, Workers: 2}).Synchronize(t.Context(), nil, s, nil)
		if s.open != 0 || err != nil && s.switches > 0 || err != nil && !errors.Is(err, broken) && !strings.Contains(err.Error(), "input/output error") {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// TestErrorsNameTheMember looks at what is said of a damaged detail cabinet.
func TestErrorsNameTheMember(t *testing.T) {
	d := tiny()
	b := d.bytes(t)
	d.spoil = func(name string, b []byte) {
		if at := bytes.Index(b, []byte("5000101")); at >= 0 {
			b[at] = '6' // the block's checksum is now wrong
		}
	}
	err := synchronize(t, newStore(t), d.bytes(t), func(o *Options) { o.Name = "offline\x1b[31m.cab" })
	if err == nil || !strings.Contains(err.Error(), "package3.cab of offline.cab") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%v", err)
	}
	for _, not := range []string{"", "MSCF", "PK\x03\x04", strings.Repeat("x", 1000), string(cab(t, cabinet.Stored, map[string]string{"readme.txt": "hello"}))} {
		if Recognize(strings.NewReader(not), int64(len(not))) {
			t.Errorf("%q is a catalogue", not)
		}
		if err := synchronize(t, newStore(t), []byte(not)); err == nil {
			t.Errorf("%q was taken in", not)
		}
	}
	if !Recognize(bytes.NewReader(b), int64(len(b))) {
		t.Error("a catalogue is not recognised")
	}
}

// TestGiants leaves out what is larger than any document, and reads the rest.
func TestGiants(t *testing.T) {
	d := tiny()
	d.shards[0]["x/4"] += strings.Repeat(" ", longestFragment)
	s := newStore(t)
	take(t, s, d.bytes(t))
	if len(s.failures) != 1 || !strings.Contains(s.failures[0].Reason, "x/4 in package2.cab has 67.1 MB") || len(s.updates) != 2 {
		t.Errorf("%v", s.failures)
	}
}
