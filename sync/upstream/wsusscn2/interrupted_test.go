package wsusscn2

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"fettle/model"
)

// TestCancel ends the context at every report of progress, and at every call of
// the sink, in turn: what was in force must stay, and the run must say that it
// was cancelled. Then the same file is taken in.
func TestCancel(t *testing.T) {
	first, _ := generated(t, small(1))
	second, _ := generated(t, small(2))
	s := newStore(t)
	take(t, s, first)
	before := maps.Clone(s.updates)
	phases := map[string]bool{}
	for at := 1; ; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		s.fail = func(call string) error {
			if call == "documents" { // from several goroutines, under the generation's lock
				return nil
			}
			if calls++; calls == at {
				cancel()
			}
			return nil
		}
		last := ""
		err := source(second, func(o *Options) { o.Workers = 1 }).Synchronize(ctx, s.anchor, s, func(p model.Progress) {
			if p.Total > 0 && p.Done > p.Total || p.Since.IsZero() {
				t.Errorf("progress %+v", p)
			}
			last = p.Phase
			if calls++; calls == at {
				cancel()
			}
		})
		cancel()
		phases[last] = true
		if s.open != 0 {
			t.Fatalf("%d: a generation was left open", at)
		}
		if err == nil {
			if s.switches != 2 || at < 8 {
				t.Fatalf("%d: %d switches", at, s.switches)
			}
			break
		}
		if !errors.Is(err, context.Canceled) || s.switches != 1 || !maps.Equal(s.updates, before) {
			t.Fatalf("%d: %v; %d switches", at, err, s.switches)
		}
	}
	if len(phases) < 5 {
		t.Errorf("the phases are %v", slices.Sorted(maps.Keys(phases)))
	}
	s.fail = nil
	alone := newStore(t)
	take(t, alone, second)
	same(t, s, alone)
}

// TestFailingStore has each call of the store fail: the run gives the error and
// lets go of its generation.
func TestFailingStore(t *testing.T) {
	b, _ := generated(t, small(1))
	for _, call := range []string{"generation", "documents", "categories", "updates", "switch"} {
		for _, which := range []int{1, 2} {
			s := newStore(t)
			full := errors.New("no space left")
			n := 0
			s.fail = func(name string) error {
				if name == call {
					if n++; n == which {
						return full
					}
				}
				return nil
			}
			err := synchronize(t, s, b)
			if n < which {
				continue
			}
			if !errors.Is(err, full) || s.switches != 0 {
				t.Errorf("%s %d: %v, %d switches", call, which, err, s.switches)
			}
		}
	}
}

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
	d.method = 3
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
	for _, not := range []string{"", "MSCF", "PK\x03\x04", strings.Repeat("x", 1000), string(cab(t, 0, map[string]string{"readme.txt": "hello"}))} {
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

// TestUnsigned is the policy: what nobody signed comes in only when the
// configuration says so.
func TestUnsigned(t *testing.T) {
	b := tiny().bytes(t)
	s := newStore(t)
	refuse := func(o *Options) { o.Unsigned = false }
	if err := synchronize(t, s, b, refuse); !refused(err, "unsigned") || s.calls != 0 {
		t.Errorf("%v after %d calls", err, s.calls)
	}
	facts, err := source(b, refuse).Test(t.Context())
	if !refused(err, "unsigned") || len(facts) != 1 || !strings.Contains(facts[0], "of 2026-07-14 13:54 UTC (package e1a000e0-066b-497a-ba62-246d4af43e55, 2 detail cabinets,") {
		t.Errorf("%v, %v", facts, err)
	}
	if facts, err = source(b).Test(t.Context()); err != nil || !strings.HasSuffix(facts[0], ", not signed.") {
		t.Errorf("%v, %v", facts, err)
	}
	take(t, s, b)
	if !slices.Contains(s.remarks, "wsusscn2.cab is not signed. It was taken in because the configuration allows that.") {
		t.Errorf("%v", s.remarks)
	}
}

func TestEstimate(t *testing.T) {
	b := tiny().bytes(t)
	s := newStore(t)
	e, err := source(b).Estimate(t.Context(), nil)
	if err != nil || e.Updates != 3 || e.Bytes != int64(len(b)) || !slices.Equal(e.Remarks, []string{"wsusscn2.cab describes 5 revisions, of which about 3 are updates that can be approved."}) {
		t.Errorf("%+v, %v", e, err)
	}
	take(t, s, b)
	if e, err = source(b).Estimate(t.Context(), s.anchor); err != nil || e.Updates != 0 || e.Bytes != 0 || len(e.Remarks) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	older := tiny()
	older.graph = strings.Replace(older.graph, "2026-07-14T", "2026-07-13T", 1)
	if _, err := source(older.bytes(t)).Estimate(t.Context(), s.anchor); !refused(err, "older-edition") {
		t.Errorf("%v", err)
	}
	if e, err = source(b).Estimate(t.Context(), []byte("{")); err != nil || len(e.Remarks) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestDescribe is what is known before an import starts.
func TestDescribe(t *testing.T) {
	b := tiny().bytes(t)
	e, err := Describe(t.Context(), bytes.NewReader(b), int64(len(b)), Options{Clock: clock})
	if err != nil || e.Package != "e1a000e0-066b-497a-ba62-246d4af43e55" || e.Shards != 2 || e.Size != int64(len(b)) || e.Created.Year() != 2026 || e.Signature != (Signature{}) {
		t.Errorf("%+v, %v", e, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Describe(ctx, bytes.NewReader(b), int64(len(b)), Options{Clock: clock}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// FuzzPackage gives package.xml anything.
func FuzzPackage(f *testing.F) {
	f.Add([]byte(tiny().graph))
	f.Add([]byte(rootOf + `</OfflineSyncPackage>`))
	f.Add([]byte(rootOf + `<FileLocations><FileLocation Id="` + fileID + `" Url="http://a&amp;b" IsIncluded="true"/></FileLocations></OfflineSyncPackage>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readGraph(bytes.NewReader(b), "x", nil)
		if err != nil {
			return
		}
		for i := range c.revisions {
			r := &c.revisions[i]
			if at, ok := c.byKey(r.key); !ok || at != i {
				t.Fatalf("revision %d is not found by its RevisionId", i)
			}
			if at, ok := c.byIdentity(r.id, r.number); !ok || at != i {
				t.Fatalf("revision %d is not found by its identity", i)
			}
			if !c.has(r.id) || int(r.supersededBy.to) > len(c.edges) || int(r.categories.to) > len(c.used) || int(r.payload.to) > len(c.payload) {
				t.Fatalf("%+v", r)
			}
			_ = c.languages[r.language]
		}
		j := newJoin(&details{catalogue: c, kinds: make([]model.DocumentKind, len(c.revisions)), deploy: make([]bool, len(c.revisions))}, nil)
		categories, err := j.categories()
		if err != nil {
			t.Fatal(err)
		}
		before := map[model.CategoryID]bool{"": true}
		for _, category := range categories {
			if !before[category.Parent] {
				t.Fatalf("%+v comes before its parent", category)
			}
			before[category.ID] = true
		}
	})
}

// FuzzIndex gives index.xml anything: whatever is accepted has an answer for
// every RevisionId.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`<INDEX VERSION="1"><CABLIST XOR="0"><CAB NAME="package.cab" /><CAB NAME="package2.cab" RANGESTART="0" FILESDIR="1" /><CAB NAME="package3.cab" RANGESTART="170753" /></CABLIST></INDEX>`))
	f.Add([]byte(`<INDEX><CABLIST><CAB NAME="a"/><CAB NAME="b" RANGESTART="5"/></CABLIST></INDEX>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := readIndex(bytes.NewReader(b), "x")
		if err != nil {
			return
		}
		if x.graph == "" || len(x.shards) == 0 {
			t.Fatalf("%+v", x)
		}
		for i, s := range x.shards {
			if at, ok := x.find(s.first); !ok || at != i {
				t.Fatalf("%d begins shard %d, found %d", s.first, i, at)
			}
			if at, ok := x.find(s.first - 1); s.first > 0 && (ok != (i > 0) || ok && at != i-1) {
				t.Fatalf("what is before %d is in shard %d", s.first, at)
			}
		}
	})
}
