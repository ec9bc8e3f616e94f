package wsusexport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
	"fettle/store"
	"fettle/sync/simulation/publisher"
	"fettle/sync/upstream"
)

// export writes a package of a shelf.
func export(t fataler, s DocumentSource, o ExportOptions) ([]byte, Exported) {
	if o.ServerID == "" {
		o.ServerID, o.Time = string(publisher.ID("exporter")), now
	}
	var m memory
	done, err := Export(context.Background(), &m, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return m.b, done
}

// addressOf answers where files are by what a shelf says.
func addressOf(s *shelf) func([20]byte) string {
	at := map[[20]byte]string{}
	for _, u := range s.updates {
		for _, f := range u.Files {
			at[[20]byte(f.SHA1)] = f.URL
		}
	}
	return func(sum [20]byte) string { return at[sum] }
}

// TestExportAndImportAgain holds that a store which is exported and imported
// again is the same: documents to the byte, updates and categories.
func TestExportAndImportAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []publisher.Item
		for i := range rapid.IntRange(1, 3).Draw(t, "updates") {
			for rev := range rapid.IntRange(1, 2).Draw(t, "revisions") {
				items = append(items, anyItem(t, fmt.Sprint("u", i), uint32(200+rev)))
			}
		}
		style := rapid.SampledFrom([]publisher.Style{{}, publisher.Odd}).Draw(t, "style")
		first := server("a", 1)
		first.Style = style
		file := publish(t, first, items...).cabinet(t)
		want, got := newShelf(), newShelf()
		ctx := context.Background()
		if err := New(bytes.NewReader(file), int64(len(file)), allowed).Synchronize(ctx, nil, want, nil); err != nil || len(want.failures) > 0 {
			t.Fatal(err, want.failures)
		}
		want.seed = rapid.Uint64().Draw(t, "order")
		again, done := export(t, want, ExportOptions{ServerID: string(publisher.ID("x")), Time: now, Address: addressOf(want)})
		if done.Documents != len(want.documents) || done.Refused+done.Fragments > 0 {
			t.Fatalf("%+v", done)
		}
		if err := New(bytes.NewReader(again), int64(len(again)), allowed).Synchronize(ctx, nil, got, nil); err != nil || len(got.failures) > 0 {
			t.Fatal(err, got.failures)
		}
		same(t, want, got)
		inOrder(t, again)
		if slices.ContainsFunc(got.remarks, func(s string) bool { return strings.Contains(s, "read twice") }) {
			t.Errorf("the order was not good: %q", got.remarks)
		}
		if third, _ := export(t, want, ExportOptions{ServerID: string(publisher.ID("x")), Time: now, Address: addressOf(want)}); !bytes.Equal(third, again) {
			t.Error("the same store gives another package")
		}
	})
}

// TestExportSaysWhatItIs holds what is written to the model of WSUS's own.
func TestExportSaysWhatItIs(t *testing.T) {
	s := newShelf()
	if err := bring(t, s, publish(t, server("a", 1), anUpdate("one", 200), aDriver("two", 1)).cabinet(t), allowed); err != nil {
		t.Fatal(err)
	}
	file, done := export(t, s, ExportOptions{ServerID: "A86CECAA-02AB-44A1-A09D-CAC309AA7A3E", Time: time.Date(2026, 11, 22, 22, 0, 0, 5, time.FixedZone("", 3600)), Languages: []string{"DE", "en"}, Address: addressOf(s)})
	if done.Files != 3 || done.Documents != len(s.documents) || len(done.Sentences()) != 1 {
		t.Errorf("%+v %q", done, done.Sentences())
	}
	inOrder(t, file)
	p, err := sniff(bytes.NewReader(file), int64(len(file)), allowed.Cabinet)
	if err != nil {
		t.Fatal(err)
	}
	if f := p.cab.Files(); len(f) != 2 || f[0].Name != "package.xml" || f[1].Name != "metadata.txt" || len(p.cab.Folders()) != 1 || p.cab.Folders()[0].Window != 21 || !bytes.Equal(p.cab.Reserve, make([]byte, 6144)) {
		t.Errorf("the cabinet holds %v in %+v, with a reserve of %d bytes", f, p.cab.Folders(), len(p.cab.Reserve))
	}
	r, err := p.cab.Open(p.manifest)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{
		"\uFEFF<?xml version=\"1.0\" encoding=\"utf-8\"?><ExportPackage ServerID=\"a86cecaa-02ab-44a1-a09d-cac309aa7a3e\" CreationTime=\"2026-11-22T21:00:00Z\" FormatVersion=\"1.0\" ProtocolVersion=\"1.20\"><Languages><Language Id=\"0\" ShortName=\"all\" LongName=\"all\" Enabled=\"0\" />",
		`<Language Id="1031" ShortName="de" LongName="German" Enabled="1" />`, `<Language Id="1033" ShortName="en" LongName="English" Enabled="1" />`, `<Language Id="1036" ShortName="fr" LongName="French" Enabled="0" />`,
		`MUUrl="http://download.example.com/`, `Name="one.psf" />`,
		`<Files><File Digest="`, `<Categories><Category Value="` + string(publisher.Windows11) + `" /></Categories><Classifications><Classification Value="0fa1201d-4330-4fa8-8ae9-b877473b6441" /></Classifications>`,
		fmt.Sprintf(`<Update UpdateId="%s" RevisionNumber="%d"><Files /><Categories /><Classifications /></Update>`, publisher.Windows11, s.categories[publisher.Windows11].Document),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("package.xml is without %s", want)
		}
	}
	m, err := p.readManifest(t.Context(), 1<<20)
	if err != nil || len(m.files.at) != 3 || m.files.unfit != 0 || m.revisions != len(s.documents) {
		t.Errorf("%+v %v", m, err)
	}
}

// TestExportLeavesOut holds that what a package cannot hold is counted and said.
func TestExportLeavesOut(t *testing.T) {
	s := newShelf()
	if err := bring(t, s, publish(t, server("a", 1), aDriver("one", 1)).cabinet(t), allowed); err != nil {
		t.Fatal(err)
	}
	whole := len(s.documents)
	put := func(id string, d model.Document) {
		d.ID, d.Revision = model.UpdateID(id), 1
		s.documents[d.DocumentKey] = d
	}
	parts := func(text string) []model.DocumentPart {
		return []model.DocumentPart{{Name: model.PartWhole, Data: []byte(text)}}
	}
	put(string(publisher.ID("f")), model.Document{Form: model.DocumentFragments, Parts: []model.DocumentPart{{Name: model.PartCore}}})
	put("deb/x", model.Document{Parts: parts("<a/>")})
	put(string(publisher.ID("bad")), model.Document{Parts: parts("<a>\xff</a>")})
	put(string(publisher.ID("none")), model.Document{})
	put(string(publisher.ID("other")), model.Document{Parts: parts(string(s.documents[model.DocumentKey{ID: publisher.ID("one"), Revision: 1}].Parts[0].Data))})
	file, done := export(t, s, ExportOptions{})
	if done.Documents != whole || done.Fragments != 1 || done.Refused != 4 || len(done.Unfit) != 4 || len(done.Sentences()) != 3 {
		t.Errorf("%+v", done)
	}
	got := newShelf()
	if err := bring(t, got, file, allowed); err != nil || len(got.documents) != whole {
		t.Errorf("%v %d", err, len(got.documents))
	}

	var refusal *model.Refusal
	options := ExportOptions{ServerID: string(publisher.ID("x")), Time: now}
	fragments := newShelf()
	fragments.documents[model.DocumentKey{ID: publisher.ID("f"), Revision: 1}] = model.Document{DocumentKey: model.DocumentKey{ID: publisher.ID("f"), Revision: 1}, Form: model.DocumentFragments}
	if done, err := Export(t.Context(), &memory{}, fragments, options); !errors.As(err, &refusal) || refusal.Code != "empty" || done.Fragments != 1 || !strings.Contains(err.Error(), "fragments") {
		t.Errorf("only fragments: %v", err)
	}
	if _, err := Export(t.Context(), &memory{}, newShelf(), options); !errors.As(err, &refusal) || refusal.Code != "empty" {
		t.Errorf("nothing: %v", err)
	}
	options.limit = 1000
	if _, err := Export(t.Context(), &memory{}, s, options); !errors.As(err, &refusal) || refusal.Code != "too-large" {
		t.Errorf("too much: %v", err)
	}
	if _, err := Export(t.Context(), &memory{}, s, ExportOptions{ServerID: "me"}); err == nil {
		t.Error("a server without an identifier")
	}
}

// TestExportStops holds that an export that cannot read, or is cancelled, ends.
func TestExportStops(t *testing.T) {
	s := newShelf()
	if err := bring(t, s, publish(t, server("a", 1), aDriver("one", 1)).cabinet(t), allowed); err != nil {
		t.Fatal(err)
	}
	options := ExportOptions{ServerID: string(publisher.ID("x")), Time: now}
	broken := failing{s, errors.New("the disk is gone")}
	if _, err := Export(t.Context(), &memory{}, broken, options); !errors.Is(err, broken.err) {
		t.Errorf("the error is %v", err)
	}
	changed := failing{s, nil}
	if _, err := Export(t.Context(), &memory{}, changed, options); err == nil || !strings.Contains(err.Error(), "changed while it was exported") {
		t.Errorf("the error is %v", err)
	}
	for _, phase := range []string{"reading documents", "writing the package"} {
		ctx, cancel := context.WithCancel(t.Context())
		if phase == "reading documents" {
			cancel()
		}
		options.Progress = func(p model.Progress) {
			if p.Phase == phase {
				cancel()
			}
		}
		if _, err := Export(ctx, &memory{}, s, options); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while %s: %v", phase, err)
		}
		cancel()
	}
}

// failing is a source whose second reading goes wrong.
type failing struct {
	*shelf
	err error
}

func (f failing) Document(ctx context.Context, key model.DocumentKey) (*model.Document, error) {
	d, _ := f.shelf.Document(ctx, key)
	d.Parts = []model.DocumentPart{{Name: model.PartWhole, Data: []byte("<other/>")}}
	return d, f.err
}

// TestCircles holds that documents which need each other are written all the
// same: nothing in an export may hang on what a vendor would not do.
func TestCircles(t *testing.T) {
	one, two, three := aDriver("one", 1), aDriver("two", 1), aDriver("three", 1)
	one.Prerequisites = [][]model.UpdateID{{two.ID}, {one.ID}}
	two.Prerequisites = [][]model.UpdateID{{three.ID}}
	three.Prerequisites = [][]model.UpdateID{{one.ID, publisher.ID("nobody")}}
	docs, err := publisher.Documents([]publisher.Item{one, two, three}, publisher.Style{})
	if err != nil {
		t.Fatal(err)
	}
	s := newShelf()
	for _, d := range docs {
		s.documents[d.DocumentKey] = d
	}
	file, done := export(t, s, ExportOptions{})
	got := newShelf()
	if err := bring(t, got, file, allowed); err != nil || done.Documents != len(docs) || len(got.documents) != len(docs) || len(got.updates) != 3 {
		t.Errorf("%v, %+v, %d updates", err, done, len(got.updates))
	}
}

// kept is the real store behind a generation.
type kept struct {
	upstream.NoGenerations
	t testing.TB
	s *store.Store
}

func (k kept) Categories(context.Context, []model.Category) error                  { return nil }
func (k kept) Updates(context.Context, []*model.Update) error                      { return nil }
func (k kept) Complete(context.Context, string, map[model.UpdateID]struct{}) error { return nil }
func (k kept) Anchor(context.Context, []byte) error                                { return nil }
func (k kept) Fail(item, reason string)                                            { k.t.Errorf("%s: %s", item, reason) }
func (k kept) Remark(string)                                                       {}
func (k kept) Generation(ctx context.Context) (upstream.Generation, error) {
	g, err := k.s.BeginGeneration(ctx, "carried")
	return keptGeneration{g}, err
}

type keptGeneration struct{ *store.Generation }

func (g keptGeneration) Switch(ctx context.Context, o upstream.Switch) error {
	_, err := g.Generation.Switch(ctx, o.Anchor, o.Complete)
	return err
}

// inBlocks reads a store's documents in the order in which they are stored.
type inBlocks struct {
	refs   []store.DocumentRef
	reader *store.DocumentReader
}

func (k kept) documents(ctx context.Context) *inBlocks {
	b := &inBlocks{reader: k.s.NewDocumentReader()}
	if err := k.s.Documents(ctx, "carried", func(r store.DocumentRef) error { b.refs = append(b.refs, r); return nil }); err != nil {
		k.t.Fatal(err)
	}
	store.SortDocuments(b.refs)
	return b
}

func (b *inBlocks) EachDocument(ctx context.Context, visit func(*model.Document) error) error {
	for _, r := range b.refs {
		d, err := b.reader.Document(r)
		if err != nil {
			return err
		}
		if err := visit(d); err != nil {
			return err
		}
	}
	return nil
}

func (b *inBlocks) Document(_ context.Context, key model.DocumentKey) (*model.Document, error) {
	i := slices.IndexFunc(b.refs, func(r store.DocumentRef) bool { return r.DocumentKey == key })
	return b.reader.Document(b.refs[i])
}

// TestRealStoresAreTheSame takes a package into a real store, exports it and
// takes that into another one.
func TestRealStoresAreTheSame(t *testing.T) {
	open := func() kept {
		s, err := store.Open(store.Options{Dir: t.TempDir(), Clock: clock, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return kept{t: t, s: s}
	}
	files := [][]byte{publish(t, server("a", 1), anUpdate("one", 200), anUpdate("one", 201), anUpdate("two", 7), aDriver("three", 1)).cabinet(t)}
	if real, err := readSample("wsus-export-2024-06-19.cab"); err == nil {
		files = append(files, real)
	}
	first, second := open(), open()
	for _, file := range files {
		if err := New(bytes.NewReader(file), int64(len(file)), allowed).Synchronize(t.Context(), nil, first, nil); err != nil {
			t.Fatal(err)
		}
	}
	known := map[[20]byte]string{}
	updates := func(k kept) (all []*model.Update) {
		snap := k.s.Snapshot()
		for n := range snap.LastUpdate() {
			u, err := k.s.Update(n + 1)
			if err != nil {
				t.Fatal(err)
			}
			u.Number = 0
			all = append(all, u)
		}
		slices.SortFunc(all, func(a, b *model.Update) int { return strings.Compare(string(a.ID), string(b.ID)) })
		return all
	}
	for _, u := range updates(first) {
		for _, f := range u.Files {
			known[[20]byte(f.SHA1)] = f.URL
		}
	}
	carried, done := export(t, first.documents(t.Context()), ExportOptions{Address: func(sum [20]byte) string { return known[sum] }})
	if err := New(bytes.NewReader(carried), int64(len(carried)), allowed).Synchronize(t.Context(), nil, second, nil); err != nil {
		t.Fatal(err)
	}
	sums := func(k kept) map[model.DocumentKey][32]byte {
		all := map[model.DocumentKey][32]byte{}
		if err := k.s.Documents(t.Context(), "", func(r store.DocumentRef) error { all[r.DocumentKey] = r.SHA256; return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if a, b := sums(first), sums(second); len(a) != done.Documents || !reflect.DeepEqual(a, b) {
		t.Errorf("%d documents became %d others", len(a), len(b))
	}
	if a, b := updates(first), updates(second); len(a) != 3 || !reflect.DeepEqual(a, b) {
		t.Errorf("the updates are %d others than the %d", len(b), len(a))
	}
	if a, b := first.s.Snapshot().Categories(), second.s.Snapshot().Categories(); len(a) == 0 || !reflect.DeepEqual(a, b) {
		t.Errorf("the categories are %d others than the %d", len(b), len(a))
	}
}
