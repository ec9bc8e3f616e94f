package wsusscn2

import (
	"bytes"
	"context"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/metadata"
	"fettle/sync/simulation/offline"
)

var clock = func() time.Time { return time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC) }

// small is a catalogue of few updates that takes no time to write.
func small(edition int) offline.Options {
	return offline.Options{Updates: 600, Locations: 400, Shards: 4, Unpacked: 3_000_000, Seed: 1, Edition: edition, Added: 12, Effort: 1}
}

var catalogues sync.Map

// generated gives a simulated catalogue, each made once.
func generated(t testing.TB, o offline.Options) ([]byte, *offline.Summary) {
	t.Helper()
	type result struct {
		data    []byte
		summary *offline.Summary
		err     error
	}
	type key struct {
		updates, locations, shards, edition, added, effort int
		unpacked                                           int64
		seed                                               uint64
		stored                                             bool
	}
	k := key{o.Updates, o.Locations, o.Shards, o.Edition, o.Added, o.Effort, o.Unpacked, o.Seed, o.Stored}
	once, _ := catalogues.LoadOrStore(k, sync.OnceValue(func() result {
		f, err := os.CreateTemp("", "wsusscn2-*.cab")
		if err != nil {
			return result{err: err}
		}
		defer os.Remove(f.Name())
		defer f.Close()
		s, err := offline.Write(context.Background(), f, o)
		if err != nil {
			return result{err: err}
		}
		b, err := os.ReadFile(f.Name())
		return result{b, s, err}
	}))
	r := once.(func() result)()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.data, r.summary
}

func source(b []byte, change ...func(*Options)) *Source {
	o := Options{Unsigned: true, Clock: clock, Workers: 3}
	for _, c := range change {
		c(&o)
	}
	return New(bytes.NewReader(b), int64(len(b)), o)
}

// take imports a file and fails the test when that fails.
func take(t testing.TB, s *store, b []byte, change ...func(*Options)) {
	t.Helper()
	s.failures, s.remarks = nil, nil
	if err := source(b, change...).Synchronize(t.Context(), s.anchor, s, nil); err != nil {
		t.Fatal(err)
	}
	if s.open != 0 {
		t.Fatalf("%d generations were left open", s.open)
	}
}

func TestImport(t *testing.T) {
	b, summary := generated(t, small(1))
	s := newStore(t)
	take(t, s, b)
	if len(s.updates) != summary.Bundles || len(s.documents) != summary.Revisions || len(s.categories) != summary.Categories {
		t.Fatalf("%d updates, %d documents, %d categories; want %+v", len(s.updates), len(s.documents), len(s.categories), summary)
	}
	if len(s.failures) > 0 || !s.switched.Complete || s.switched.Force {
		t.Fatalf("%v %+v", s.failures, s.switched)
	}
	superseded, terms := map[model.UpdateID]bool{}, 0
	for _, u := range s.updates {
		for _, id := range u.Supersedes {
			superseded[id] = true
		}
		if d := s.documents[model.DocumentKey{ID: u.ID, Revision: u.Document}]; (u.Licence == "") != (d.Part("eula/en") == nil) {
			t.Errorf("the licence terms of %s: %q", u.ID, u.Licence)
		} else if u.Licence != "" {
			terms++
		}
		if u.Title == "" || len(u.KB) != 1 || u.Class == model.ClassUnknown || len(u.Products) != 1 || u.Released.IsZero() || u.Document < 200 || len(u.Bundles) == 0 {
			t.Fatalf("incomplete: %+v", u)
		}
		if len(u.Files) == 0 || len(u.Applies) == 0 || u.Restart == model.RestartUnknown {
			t.Fatalf("nothing came from the members: %+v", u)
		}
		for _, f := range u.Files {
			if f.URL == "" || f.Size == 0 || len(f.SHA1) != 20 || len(f.SHA256) != 32 || f.Name == "" {
				t.Fatalf("a file is incomplete: %+v", f)
			}
		}
		if d := s.documents[model.DocumentKey{ID: u.ID, Revision: u.Document}]; !d.Deployable || d.Kind != model.DocumentSoftware || d.Part("text/en") == nil || d.Part("text/de") != nil {
			t.Fatalf("the document of %s: %v", u.ID, d.Parts)
		}
	}
	if terms == 0 {
		t.Error("no update has licence terms")
	}
	if len(superseded) != summary.Superseded {
		t.Errorf("%d updates are superseded, want %d", len(superseded), summary.Superseded)
	}
	kinds := map[model.CategoryKind]int{}
	for _, c := range s.categories {
		kinds[c.Kind]++
		if c.Title == "" || c.Title == string(c.ID) || (c.Parent == "") == (c.Kind == model.CategoryProduct || c.Kind == model.CategoryFamily) {
			t.Errorf("%+v", c)
		}
	}
	if kinds[model.CategoryClassification] != 12 || kinds[model.CategoryCompany] != 1 {
		t.Errorf("%v", kinds)
	}
}

// TestSecondEdition takes in two editions one after the other, and the second
// one alone: what is in force must be the same.
func TestSecondEdition(t *testing.T) {
	first, _ := generated(t, small(1))
	second, summary := generated(t, small(2))
	s, alone := newStore(t), newStore(t)
	take(t, s, first)
	before := len(s.updates)
	take(t, s, second)
	take(t, alone, second)
	if len(s.updates) != before+12 || len(summary.New) != 12 {
		t.Fatalf("%d updates after %d, %d new", len(s.updates), before, len(summary.New))
	}
	for _, id := range summary.New {
		if s.updates[id] == nil {
			t.Errorf("%s is missing", id)
		}
	}
	if len(s.documents) != len(alone.documents) || s.written != len(s.documents)-600 {
		t.Errorf("%d documents, alone %d; %d were written", len(s.documents), len(alone.documents), s.written)
	}
	same(t, s, alone)
	// The older one is refused, the same one is nothing to do.
	switches := s.switches
	if err := source(first).Synchronize(t.Context(), s.anchor, s, nil); !refused(err, "older-edition") {
		t.Errorf("%v", err)
	}
	take(t, s, second)
	if s.switches != switches || !slices.Contains(s.remarks, "wsusscn2.cab is the edition that is in force already.") {
		t.Errorf("%d %v", s.switches, s.remarks)
	}
	take(t, s, second, func(o *Options) { o.Languages = []string{"de"} }) // other texts are wanted
	if s.switches != switches+1 {
		t.Error("other languages were not read")
	}
	take(t, s, first, func(o *Options) { o.Force = true })
	if len(s.updates) != before {
		t.Errorf("%d updates after going back", len(s.updates))
	}
}

// TestWaiting has less and less room for fragments that wait for others: what
// comes out must be the same whether they wait as they are or compressed.
func TestWaiting(t *testing.T) {
	b, _ := generated(t, small(1))
	want := newStore(t)
	take(t, want, b)
	for _, room := range []int{0, 1000, 100_000} {
		s := newStore(t)
		from := source(b)
		from.mostRaw = room
		if err := from.Synchronize(t.Context(), nil, s, nil); err != nil {
			t.Fatal(err)
		}
		same(t, s, want)
	}
}

// TestSkimming reads every core fragment both ways: what is not parsed must make
// no difference.
func TestSkimming(t *testing.T) {
	b, _ := generated(t, small(1))
	s := newStore(t)
	take(t, s, b)
	w := worker{parser: metadata.NewParser(metadata.Limits{Rules: -1})}
	large := 0
	for key, d := range s.documents {
		core, extended := d.Part(model.PartCore), d.Part(model.PartExtended)
		want, err := metadata.NewParser(metadata.Limits{Rules: -1}).ParseFragments(core, extended, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.parse(core, extended, nil)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %v\n%+v\n%+v", key.ID, err, got, want)
		}
		if _, _, ok := cutRules(core); len(core) >= skimmed && ok {
			large++
		}
	}
	if large == 0 {
		t.Error("no fragment is large")
	}
	for fragment, want := range map[string]bool{
		"<A/><ApplicabilityRules><X/></ApplicabilityRules>": true,
		"<A/><ApplicabilityRules></ApplicabilityRules>":     true,
		"<A/>":                       false,
		"<A/><ApplicabilityRules />": false,
		"<A/><ApplicabilityRules a='b'><X/></ApplicabilityRules>":                                false,
		"<A/><ApplicabilityRules><X/></ApplicabilityRules><B/>":                                  false,
		"<A/><ApplicabilityRules><X/>":                                                           false,
		"<A/><ApplicabilityRules></ApplicabilityRules><ApplicabilityRules></ApplicabilityRules>": false,
		"<A/><ApplicabilityRules><ApplicabilityRules></ApplicabilityRules></ApplicabilityRules>": false,
		"<!--<ApplicabilityRules>--><B/><ApplicabilityRules></ApplicabilityRules>":               false,
	} {
		if _, _, ok := cutRules([]byte(fragment)); ok != want {
			t.Errorf("%s: %v", fragment, ok)
		}
	}
}
