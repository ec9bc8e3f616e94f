package wsusexport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
	"fettle/sync/metadata"
	"fettle/sync/simulation/publisher"
	"fettle/sync/upstream"
)

// same checks that two shelves hold the same.
func same(t interface {
	fataler
	Errorf(string, ...any)
}, want, got *shelf) {
	for k, d := range want.documents {
		if o, ok := got.documents[k]; !ok || !reflect.DeepEqual(d, o) {
			t.Errorf("the document %v is another one", k)
		}
	}
	for id, c := range want.categories {
		if got.categories[id] != c {
			t.Errorf("the category is %+v instead of %+v", got.categories[id], c)
		}
	}
	for id, u := range want.updates {
		if !reflect.DeepEqual(got.updates[id], u) {
			t.Errorf("the update is\n%+v instead of\n%+v", got.updates[id], u)
		}
	}
	if len(got.documents) != len(want.documents) || len(got.categories) != len(want.categories) || len(got.updates) != len(want.updates) {
		t.Errorf("%d documents, %d categories, %d updates instead of %d, %d, %d", len(got.documents), len(got.categories), len(got.updates), len(want.documents), len(want.categories), len(want.updates))
	}
}

func TestUpdateOfAPackage(t *testing.T) {
	s := newShelf()
	if err := bring(t, s, publish(t, server("a", 1), anUpdate("one", 200), anUpdate("one", 201)).cabinet(t), allowed); err != nil || len(s.failures) > 0 {
		t.Fatal(err, s.failures)
	}
	u := s.updates[publisher.ID("one")]
	if len(s.updates) != 1 || u == nil {
		t.Fatalf("the updates are %v", s.updates)
	}
	if u.Document != 201 || u.Upstream != "carried" || u.Title != "2026-11 Update one" || u.Class != model.ClassSecurity || !slices.Equal(u.Products, windows11) || u.Severity != model.SeverityCritical ||
		!slices.Equal(u.KB, []string{"5034441"}) || u.Restart != model.RestartMay || !u.Removable || len(u.Bundles) != 1 || len(u.Files) != 2 || len(u.Applies) == 0 || len(u.Digest) != 32 {
		t.Errorf("the update is %+v", u)
	}
	for _, f := range u.Files {
		if !strings.HasPrefix(f.URL, "http") || !strings.Contains(f.URL, publisher.DownloadHost) || len(f.SHA1) != 20 || len(f.SHA256) != 32 {
			t.Errorf("the file is %+v", f)
		}
	}
	if c := s.categories[publisher.Windows11]; c.Title != "Windows 11" || c.Parent != publisher.FamilyWindows || c.Upstream != "carried" {
		t.Errorf("the product is %+v", c)
	}
}

// TestRememberedMembersAreEnough holds that an update composed with what is
// remembered of its members is the one composed with all of them.
func TestRememberedMembersAreEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		item := anyItem(t, "x", 7)
		docs, err := publisher.Documents([]publisher.Item{item}, publisher.Style{})
		if err != nil {
			t.Fatal(err)
		}
		full := map[metadata.Identity]*metadata.Update{}
		var kept members
		var top *metadata.Update
		for _, d := range docs {
			u, err := metadata.NewParser(metadata.Limits{Rules: -1}).Parse(bytes.NewReader(d.Part(model.PartWhole)))
			if err != nil {
				t.Fatal(err)
			}
			full[u.Identity] = u
			id, _ := revisionOf(u.Identity)
			if err := kept.add(id, u, memberAt{}); err != nil {
				t.Fatal(err)
			}
			if u.ID == item.ID {
				top = u
			}
		}
		want := metadata.Compose(top, func(k metadata.Identity) *metadata.Update { return full[k] }, nil, metadata.Options{})
		got := metadata.Compose(top, func(k metadata.Identity) *metadata.Update { id, _ := revisionOf(k); return kept.find(id) }, nil, metadata.Options{})
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v\nis not\n%+v", got, want)
		}
	})
}

// anyItem draws an update.
func anyItem(t *rapid.T, name string, rev uint32) publisher.Item {
	text := rapid.SampledFrom([]string{"", "a", "Zwölf\r\nBoxkämpfer", "日本😀 <&>\"'"})
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"1000001", "1000002", "1000003"}), 0, 2)
	content := rapid.SliceOfN(rapid.SampledFrom([]string{"p", "q", "r"}), 0, 3)
	base := func(name string) publisher.Item {
		it := publisher.Item{
			ID: publisher.ID(name), Revision: rev, Title: "T" + text.Draw(t, "title"), Description: text.Draw(t, "description"), KB: words.Draw(t, "kb"),
			Severity: rapid.SampledFrom([]model.Severity{model.SeverityUnspecified, model.SeverityLow, model.SeverityCritical}).Draw(t, "severity"),
			Restart:  rapid.SampledFrom([]model.Restart{model.RestartUnknown, model.RestartNever, model.RestartMay, model.RestartAlways}).Draw(t, "restart"),
			Input:    rapid.Bool().Draw(t, "input"), Network: rapid.Bool().Draw(t, "network"), Removable: rapid.Bool().Draw(t, "removable"),
			Handler:     rapid.SampledFrom([]publisher.Handler{publisher.CommandLine, publisher.ComponentServicing, publisher.WindowsInstaller}).Draw(t, "handler"),
			Publication: rapid.SampledFrom([]model.Publication{model.Published, model.Published, model.Expired}).Draw(t, "publication"),
			Languages:   rapid.SampledFrom([][]string{nil, {"all"}, {"en", "de"}}).Draw(t, "languages"),
		}
		for _, c := range content.Draw(t, "files") {
			it.Files = append(it.Files, publisher.NewFile(c+".cab", publisher.DownloadHost, []byte(c)))
		}
		if rapid.Bool().Draw(t, "rules") {
			build := publisher.WindowsBuild(rapid.SampledFrom([]int{22631, 26100}).Draw(t, "build"))
			it.Rules = publisher.Rules{Installed: &build}
		}
		if rapid.Bool().Draw(t, "eula") {
			it.Eula = &publisher.Eula{ID: string(publisher.ID("eula")), Again: rapid.Bool().Draw(t, "again"), Terms: []publisher.Terms{{Language: "en", Text: "Terms"}}}
		}
		return it
	}
	it := base(name)
	it.Class = rapid.SampledFrom([]model.Classification{model.ClassSecurity, model.ClassUpdate}).Draw(t, "class")
	it.Products = rapid.SampledFrom([][]model.CategoryID{windows11, office}).Draw(t, "products")
	if rapid.Bool().Draw(t, "bundle") {
		it.Handler, it.Files = publisher.NoHandler, nil
		for i := range rapid.IntRange(1, 3).Draw(t, "members") {
			member := base(fmt.Sprint(name, " member ", i))
			if rapid.IntRange(0, 3).Draw(t, "deeper") == 0 {
				member.Members = append(member.Members, base(fmt.Sprint(name, " inner ", i)))
			}
			if rapid.Bool().Draw(t, "alternative") {
				it.Alternatives = append(it.Alternatives, member)
			} else {
				it.Members = append(it.Members, member)
			}
		}
	}
	return it
}

// TestOrderOfRecordsDoesNotMatter holds that a package in any order gives the
// same, for only WSUS promises one.
func TestOrderOfRecordsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []publisher.Item
		for i := range rapid.IntRange(1, 3).Draw(t, "updates") {
			items = append(items, anyItem(t, fmt.Sprint("u", i), uint32(rapid.IntRange(1, 300).Draw(t, "revision"))))
		}
		p := publish(t, server("a", 1), items...)
		want, got := newShelf(), newShelf()
		ctx := context.Background()
		in := p.cabinet(t)
		if err := New(bytes.NewReader(in), int64(len(in)), allowed).Synchronize(ctx, nil, want, nil); err != nil || len(want.failures) > 0 {
			t.Fatal(err, want.failures)
		}
		recs, texts := p.documents(t)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		r.Shuffle(len(recs), func(i, j int) { recs[i], recs[j], texts[i], texts[j] = recs[j], recs[i], texts[j], texts[i] })
		out := p.with(recs, texts).cabinet(t)
		if err := New(bytes.NewReader(out), int64(len(out)), allowed).Synchronize(ctx, nil, got, nil); err != nil || len(got.failures) > 0 {
			t.Fatal(err, got.failures)
		}
		same(t, want, got)
	})
}

// TestLateCategories holds that products which an update names in plain clauses,
// as hidden ones do, are found although their documents come last.
func TestLateCategories(t *testing.T) {
	item := aDriver("one", 1)
	item.Products, item.Prerequisites = nil, [][]model.UpdateID{{model.UpdateID(publisher.Windows11), publisher.ID("detectoid")}}
	category := aDriver("two", 1) // brings the product's document along
	detectoid := publisher.Item{ID: publisher.ID("detectoid"), Kind: model.DocumentDetectoid, Title: "A detectoid"}
	p := publish(t, server("a", 1), category, detectoid, item)
	recs, texts := p.documents(t)
	slices.Reverse(recs)
	slices.Reverse(texts)
	for name, file := range map[string][]byte{"in order": p.cabinet(t), "reversed": p.with(recs, texts).cabinet(t)} {
		s := newShelf()
		if err := bring(t, s, file, allowed); err != nil || len(s.failures) > 0 {
			t.Fatal(err, s.failures)
		}
		if u := s.updates[item.ID]; !slices.Equal(u.Products, windows11) {
			t.Errorf("%s: the products are %v", name, u.Products)
		}
	}
}

// TestDigestCoversMembers holds that an update whose member's document changed
// is another one, for what is seen of it may be the same.
func TestDigestCoversMembers(t *testing.T) {
	p := publish(t, server("a", 1), anUpdate("one", 200))
	recs, texts := p.documents(t)
	digest := func(texts []string) []byte {
		s := newShelf()
		if err := bring(t, s, p.with(recs, texts).cabinet(t), allowed); err != nil || len(s.failures) > 0 {
			t.Fatal(err, s.failures)
		}
		return s.updates[publisher.ID("one")].Digest
	}
	before := digest(texts)
	for i, text := range texts {
		if !strings.Contains(text, `UpdateType="Software"`) {
			continue
		}
		changed := slices.Clone(texts)
		changed[i] = strings.Replace(text, `UpdateType=`, ` UpdateType=`, 1)
		if bytes.Equal(before, digest(changed)) {
			t.Errorf("a change of document %d does not show", i)
		}
	}
}

// crlf and lf write a document with one or the other line ending, as editions
// differ in.
func crlf(text string) string { return strings.ReplaceAll(text, "><", ">\r\n<") }

func lf(text string) string { return strings.ReplaceAll(text, "><", ">\n<") }

// TestOrderOfEditionsDoesNotMatter holds that packages of several servers and
// years give the same catalogue in whatever order they are carried in, although
// some of their documents differ under the same revision.
func TestOrderOfEditionsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var files [][]byte
		for i := range rapid.IntRange(2, 4).Draw(t, "editions") {
			var items []publisher.Item
			for j := range rapid.IntRange(1, 4).Draw(t, "updates") {
				rev := uint32(rapid.IntRange(200, 203).Draw(t, "revision"))
				if rapid.Bool().Draw(t, "driver") {
					items = append(items, aDriver(fmt.Sprint("d", j), rev))
				} else {
					items = append(items, anUpdate(fmt.Sprint("u", j), rev))
				}
			}
			p := publish(t, server(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "server"), 10*i+rapid.IntRange(0, 5).Draw(t, "day")), items...)
			recs, texts := p.documents(t)
			for i := range texts {
				ending := lf
				if rapid.Bool().Draw(t, "CR LF") {
					ending = crlf
				}
				texts[i] = ending(texts[i])
			}
			files = append(files, p.with(recs, texts).cabinet(t))
		}
		forced := allowed
		forced.Force = true
		in := func(order []int) *shelf {
			s := newShelf()
			for _, i := range order {
				err := New(bytes.NewReader(files[i]), int64(len(files[i])), forced).Synchronize(context.Background(), s.anchor, s, nil)
				if err != nil || len(s.failures) > 0 {
					t.Fatal(err, s.failures)
				}
			}
			return s
		}
		order := make([]int, len(files))
		for i := range order {
			order[i] = i
		}
		want, got := in(order), in(rapid.Permutation(order).Draw(t, "order"))
		same(t, want, got)
		if !bytes.Equal(want.anchor, got.anchor) {
			t.Errorf("the anchor is %s instead of %s", got.anchor, want.anchor)
		}
	})
}

func TestEditions(t *testing.T) {
	s := newShelf()
	first, second := publish(t, server("a", 1), anUpdate("one", 200), anUpdate("gone", 200)).cabinet(t), publish(t, server("a", 2), anUpdate("one", 201)).cabinet(t)
	if err := bring(t, s, second, allowed); err != nil {
		t.Fatal(err)
	}
	var refusal *model.Refusal
	if err := bring(t, s, first, allowed); !errors.As(err, &refusal) || refusal.Code != "older" || s.switches != 1 || !strings.Contains(err.Error(), "--force") {
		t.Errorf("an older edition: %v", err)
	}
	forced := allowed
	forced.Force = true
	if err := bring(t, s, first, forced); err != nil || s.switches != 2 || s.updates[publisher.ID("one")].Document != 201 || s.updates[publisher.ID("gone")] == nil {
		t.Errorf("forced: %v %v", err, s.updates)
	}
	if err := bring(t, s, second, allowed); err != nil || s.switches != 2 {
		t.Errorf("the mark was lost: %v, %q", err, s.remarks)
	}
	// Another server's package is its own, whatever its age.
	if err := bring(t, s, publish(t, server("b", 0), anUpdate("one", 200)).cabinet(t), allowed); err != nil || s.switches != 3 {
		t.Errorf("another server: %v", err)
	}
	// Other languages, the same edition: titles are made anew.
	german := allowed
	german.Languages = []string{"de"}
	if err := bring(t, s, second, german); err != nil || s.switches != 4 || s.brought != 0 || s.kept == 0 {
		t.Errorf("other languages: %v, %d brought, %d kept", err, s.brought, s.kept)
	}
	// What an edition lacks stays: its server cleaned up.
	if s.updates[publisher.ID("gone")] == nil {
		t.Error("an update was withdrawn")
	}
}

// spoil is a package of n drivers of which some documents were changed.
func spoil(t *testing.T, n int, change func(recs []record, texts []string) ([]record, []string)) []byte {
	var items []publisher.Item
	for i := range n {
		items = append(items, aDriver(fmt.Sprint(i), 1))
	}
	p := publish(t, server("a", 1), items...)
	recs, texts := p.documents(t)
	return p.with(change(recs, texts)).cabinet(t)
}

func TestImplausiblePackages(t *testing.T) {
	type change = func(recs []record, texts []string) ([]record, []string)
	last := func(text string) change {
		return func(recs []record, texts []string) ([]record, []string) {
			texts[len(texts)-1] = text
			return recs, texts
		}
	}
	for name, c := range map[string]struct {
		n      int
		change change
		failed int
		want   string // in the error; empty: it is imported
	}{
		"one document that is no XML":    {20, last("<upd:Update>"), 1, ""},
		"one document that is another":   {20, func(r []record, x []string) ([]record, []string) { x[len(x)-1] = x[len(x)-2]; return r, x }, 1, ""},
		"one document that is empty":     {20, last(""), 1, ""},
		"one document that is no update": {20, last("<html></html>"), 1, ""},
		"one document that comes twice":  {200, func(r []record, x []string) ([]record, []string) { return append(r, r[0]), append(x, x[0]) }, 0, ""},
		"one that comes twice and differs": {200, func(r []record, x []string) ([]record, []string) {
			n := len(r) - 1
			return append(r, r[n]), append(x, crlf(x[n]))
		}, 1, ""},
		"one that is missing":                {20, func(r []record, x []string) ([]record, []string) { return r[:len(r)-1], x[:len(x)-1] }, 0, ""},
		"two documents of thirty are no XML": {20, func(r []record, x []string) ([]record, []string) { x[9], x[8] = "<", "<"; return r, x }, 2, "could not be taken in"},
		"many are missing":                   {20, func(r []record, x []string) ([]record, []string) { return r[:len(r)-5], x[:len(x)-5] }, 0, "table of contents lists"},
		"no documents":                       {20, func([]record, []string) ([]record, []string) { return nil, nil }, 0, "no documents"},
		"other documents than listed": {20, func(r []record, x []string) ([]record, []string) {
			for i := range r[5:] {
				r[i+5].id[0] ^= 1
				x[i+5] = strings.ReplaceAll(x[i+5], aGUID(x[i+5]), r[i+5].id.String())
			}
			return r, x
		}, 0, "not in its table of contents"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf()
			err := bring(t, s, spoil(t, c.n, c.change), allowed)
			if len(s.failures) != c.failed {
				t.Errorf("the failures are %+v", s.failures)
			}
			var implausible *upstream.ImplausibleError
			switch {
			case c.want == "" && (err != nil || s.switches != 1 || len(s.updates) == 0):
				t.Errorf("it was not imported: %v", err)
			case c.want != "" && (!errors.As(err, &implausible) || !strings.Contains(err.Error(), c.want) || s.switches > 0 || s.discards != 1):
				t.Errorf("the error is %v", err)
			}
		})
	}
	empty := parts{[]byte(bom + `<ExportPackage ServerID="` + string(publisher.ID("s")) + `" CreationTime="2024-06-19T17:11:14Z"><Updates/></ExportPackage>`), nil}
	var implausible *upstream.ImplausibleError
	if err := bring(t, newShelf(), empty.cabinet(t), allowed); !errors.As(err, &implausible) {
		t.Errorf("an empty package: %v", err)
	}
}

// aGUID is the identifier that a document states.
func aGUID(text string) string {
	_, rest, _ := strings.Cut(text, `UpdateID="`)
	return rest[:36]
}

// TestDamagedPackages holds that a package which is cut off or changed anywhere
// never panics, and is never imported in part without a word.
func TestDamagedPackages(t *testing.T) {
	p := publish(t, server("a", 1), anUpdate("one", 200), aDriver("two", 3))
	whole := p.cabinet(t)
	want := newShelf()
	if err := bring(t, want, whole, allowed); err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(whole)-1; cut += 1 + cut/40 {
		if err := bring(t, newShelf(), whole[:cut], allowed); err == nil {
			t.Errorf("cut off at byte %d of %d it was imported", cut, len(whole))
		}
	}
	for _, cut := range []int{1, 100, len(p.records) / 2, len(p.records) - 1} {
		if err := bring(t, newShelf(), parts{p.manifest, p.records[:cut]}.cabinet(t), allowed); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("metadata.txt cut off at byte %d: %v", cut, err)
		}
	}
	for _, cut := range []int{1, 100, len(p.manifest) / 2, len(p.manifest) - 1} {
		if err := bring(t, newShelf(), parts{p.manifest[:cut], p.records}.cabinet(t), allowed); err == nil {
			t.Errorf("package.xml cut off at byte %d was imported", cut)
		}
	}
	zipped := zip(t, p.xml(t, func(s string) string { return s }))
	for cut := 0; cut < len(zipped); cut += 1 + cut/20 {
		if err := bring(t, newShelf(), zipped[:cut], allowed); err == nil {
			t.Errorf("the gzip file cut off at byte %d was imported", cut)
		}
	}
}

// TestStopping holds that a run which is cancelled or cannot store ends, with
// nothing in force.
func TestStopping(t *testing.T) {
	var items []publisher.Item
	for i := range 600 {
		items = append(items, aDriver(fmt.Sprint(i), 1))
	}
	file := publish(t, server("a", 1), items...).cabinet(t)
	s := newShelf()
	ctx, cancel := context.WithCancel(t.Context())
	err := New(bytes.NewReader(file), int64(len(file)), allowed).Synchronize(ctx, nil, s, func(p model.Progress) {
		if p.Phase == phaseRead && p.Done > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || s.switches > 0 || s.discards != 1 {
		t.Errorf("cancelled: %v, %d switches, %d discarded", err, s.switches, s.discards)
	}
	s = newShelf()
	s.broken = errors.New("the disk is full")
	if err := bring(t, s, file, allowed); !errors.Is(err, s.broken) || s.switches > 0 || s.discards != 1 {
		t.Errorf("full: %v", err)
	}
	// A fault comes up where it can be contained.
	func() {
		defer func() {
			if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "a fault of the test") {
				t.Errorf("the fault came up as %v", p)
			}
		}()
		s = newShelf()
		s.fault = "a fault of the test"
		bring(t, s, file, allowed)
		t.Error("a fault was swallowed")
	}()
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"describing": func() error { _, err := Describe(ctx, bytes.NewReader(file), int64(len(file)), allowed); return err }(),
		"testing":    func() error { _, err := New(bytes.NewReader(file), int64(len(file)), allowed).Test(ctx); return err }(),
		"estimating": func() error {
			_, err := New(bytes.NewReader(file), int64(len(file)), allowed).Estimate(ctx, nil)
			return err
		}(),
		"the manifest": New(bytes.NewReader(file), int64(len(file)), allowed).Synchronize(ctx, nil, newShelf(), nil),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDifferentDocumentsOfOneRevision holds that where two servers have different
// documents under one name, which should not be, it does not matter who comes
// first, and what is shown is what the kept document says.
func TestDifferentDocumentsOfOneRevision(t *testing.T) {
	one, other := aDriver("one", 1), aDriver("one", 1)
	other.Title = "Another title"
	files := [][]byte{publish(t, server("a", 1), one).cabinet(t), publish(t, server("b", 1), other).cabinet(t)}
	in := func(order ...int) *shelf {
		s := newShelf()
		for _, i := range order {
			if err := bring(t, s, files[i], allowed); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	first, second := in(0, 1), in(1, 0)
	same(t, first, second)
	for _, s := range []*shelf{first, second} {
		u := s.updates[publisher.ID("one")]
		if d := s.documents[model.DocumentKey{ID: u.ID, Revision: 1}]; !bytes.Contains(d.Part(model.PartWhole), []byte(">"+u.Title+"<")) {
			t.Errorf("%q is not what the document says", u.Title)
		}
	}
}
