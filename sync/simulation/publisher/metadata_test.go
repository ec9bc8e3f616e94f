package publisher

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
	"fettle/sync/metadata"
)

// line is how text comes back from a reader: fit to be shown, on one line.
func line(s string) string {
	s = model.Clean(Sanitize(s))
	if strings.Contains(s, "  ") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return strings.TrimSpace(s)
}

func lines(s string) string { return strings.TrimSpace(model.CleanLines(Sanitize(s))) }

// distinct is a list as it comes back: cleaned, each once, nothing empty.
func distinct(list []string) (out []string) {
	for _, s := range list {
		if s = line(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// digits are KB numbers as they come back: others are none.
func digits(list []string) []string {
	return slices.DeleteFunc(distinct(list), func(s string) bool { return len(s) > 10 || strings.Trim(s, "0123456789") != "" })
}

// facts are what an item says and its document has to say.
type facts struct {
	Key                                                  model.DocumentKey
	Kind                                                 model.DocumentKind
	Deployable, Removable, Input, Network, Beta, Upgrade bool
	Texts                                                []metadata.Text
	Severity                                             model.Severity
	Restart                                              model.Restart
	Publication                                          model.Publication
	Created                                              string
	KB, Bulletins, CVEs, Languages                       []string
	Supersedes                                           []model.UpdateID
	Clauses                                              []string
	Bundles                                              []metadata.BundleClause
	Files                                                []model.File
	Eula                                                 string
	Terms                                                []model.File
	Handler                                              string
	Rules                                                bool
	Category                                             metadata.CategoryInformation
	Drivers                                              int
}

// said is what the item says.
func said(it Item) facts {
	f := facts{
		Key: it.Key(), Kind: it.Kind, Deployable: it.Deployable(), Removable: it.Removable, Input: it.Input, Network: it.Network, Beta: it.Beta, Upgrade: it.OSUpgrade,
		Severity: it.Severity, Restart: it.Restart, Publication: it.Publication, Created: stamp(it.created()), KB: digits(it.KB), Bulletins: distinct(it.Bulletins),
		CVEs: distinct(it.CVEs), Languages: distinct(it.Languages), Supersedes: it.Supersedes, Drivers: len(it.Drivers),
		Rules: !it.Rules.empty() || it.Category != nil || it.Drivers != nil,
	}
	if it.Restart == model.RestartUnknown && (it.Input || it.Network || it.Impact != "") {
		f.Restart = model.RestartNever // the default of the attribute
	}
	for _, t := range append([]Text{{cmp.Or(it.Language, "en"), it.Title, it.Description, it.UninstallNotes, it.MoreInfo, it.Support}}, it.Translations...) {
		x := metadata.Text{Language: t.Language, Title: line(t.Title), Description: lines(t.Description), UninstallNotes: lines(t.UninstallNotes), SupportURL: line(t.Support)}
		for _, u := range t.MoreInfo {
			if u = line(u); u != "" {
				x.MoreInfoURLs = append(x.MoreInfoURLs, u)
			}
		}
		f.Texts = append(f.Texts, x)
	}
	for _, c := range it.Prerequisites {
		f.Clauses = append(f.Clauses, fmt.Sprint(c))
	}
	if id, ok := ClassificationID(it.Class); ok {
		f.Clauses = append(f.Clauses, fmt.Sprint([]model.CategoryID{id}))
	}
	if len(it.Products) > 0 {
		f.Clauses = append(f.Clauses, fmt.Sprint(it.Products))
	}
	all, any := it.members()
	for i := range all {
		f.Bundles = append(f.Bundles, metadata.BundleClause{Members: []metadata.Identity{all[i].Key()}})
	}
	if len(any) > 0 {
		c := metadata.BundleClause{AnyOf: true}
		for i := range any {
			c.Members = append(c.Members, any[i].Key())
		}
		f.Bundles = append(f.Bundles, c)
	}
	for _, x := range it.Files {
		f.Files = append(f.Files, model.File{Name: line(x.Name), Size: x.Size, SHA1: x.SHA1, SHA256: x.SHA256})
	}
	if it.Eula != nil {
		f.Eula = it.Eula.ID
		for _, t := range it.Eula.Terms {
			x := t.file(it.Eula).File
			x.URL = ""
			f.Terms = append(f.Terms, x)
		}
	}
	if h := it.Handler; it.Category != nil {
		f.Handler = "Category"
		f.Category = metadata.CategoryInformation{Kind: it.Category.Kind, ExcludedByDefault: it.Category.Excluded && it.Category.Kind == model.CategoryProduct, DisplayOrder: it.Category.DisplayOrder,
			ProhibitsUpdates: it.Category.ProhibitsUpdates, ProhibitsSubcategories: it.Category.ProhibitsSubcategories}
	} else if h != NoHandler {
		_, f.Handler, _ = strings.Cut(string(handlers[h]), ":")
	}
	return f
}

// read is what a document says.
func read(u *metadata.Update) facts {
	f := facts{
		Key: u.Identity, Kind: u.Type, Deployable: u.Deployable, Removable: u.Uninstallation != nil, Beta: u.Beta, Upgrade: u.OSUpgrade, Texts: u.Texts, Severity: u.Severity,
		Publication: u.Publication, Created: stamp(u.Created), KB: u.KB, Bulletins: u.Bulletins, CVEs: u.CVEs, Languages: u.Languages, Supersedes: u.Supersedes,
		Eula: u.EulaID, Handler: u.HandlerType, Rules: u.HasRules(), Drivers: len(u.Drivers),
	}
	if b := u.Installation; b != nil {
		f.Restart, f.Input, f.Network = b.Restart, b.Input, b.Network
	}
	for _, c := range u.Prerequisites {
		f.Clauses = append(f.Clauses, fmt.Sprint(c.IDs))
	}
	all := metadata.BundleClause{}
	for _, c := range u.Bundles { // readers may join the members that are all meant
		if c.AnyOf {
			f.Bundles = append(f.Bundles, c)
		} else {
			all.Members = append(all.Members, c.Members...)
		}
	}
	for i := len(all.Members) - 1; i >= 0; i-- {
		f.Bundles = slices.Insert(f.Bundles, 0, metadata.BundleClause{Members: all.Members[i : i+1]})
	}
	file := func(x metadata.File) model.File {
		return model.File{Name: x.Name, Size: x.Size, SHA1: x.SHA1, SHA256: x.SHA256}
	}
	for _, x := range u.Files {
		f.Files = append(f.Files, file(x))
	}
	for _, x := range u.Eulas {
		f.Terms = append(f.Terms, file(x.File))
	}
	if u.Category != nil {
		f.Category = *u.Category
	}
	return f
}

// same compares facts; lists that are nil and lists that are empty are the same.
func same(a, b facts) bool {
	x, y := reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()
	for i := range x.NumField() {
		if x.Field(i).Kind() == reflect.Slice && x.Field(i).Len() == 0 && y.Field(i).Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			return false
		}
	}
	return true
}

// TestFactsComeBack has every document say what its item said, in every style.
func TestFactsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, it := range Flatten([]Item{anItem(1).Draw(t, "item")}) {
			for _, style := range []Style{{}, Odd} {
				data, err := Document(it, style)
				if err != nil {
					t.Fatal(err)
				}
				u, err := metadata.Parse(bytes.NewReader(data))
				if err != nil {
					t.Fatalf("%v: %s", err, data)
				}
				if got, want := read(u), said(it); !same(got, want) {
					t.Fatalf("the document says\n%+v\nand the item\n%+v\n%s", got, want, data)
				}
			}
		}
	})
}

// TestStylesDeriveTheSame has fragments not depend on what must not matter.
func TestStylesDeriveTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := anItem(1).Draw(t, "item")
		var want string
		for i, style := range []Style{{}, {Declare: true}, {Indent: true}, {Prefixes: Odd.Prefixes, Indent: true, Declare: true}} {
			data, err := Document(it, style)
			if err != nil {
				t.Fatal(err)
			}
			f, err := metadata.Derive(bytes.NewReader(data))
			if err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			if i == 0 {
				want = string(f.Core)
			} else if string(f.Core) != want {
				t.Fatalf("style %+v derives\n%s\nnot\n%s", style, f.Core, want)
			}
			texts := map[string][]byte{}
			for _, x := range f.Texts {
				texts[x.Language] = x.Data
			}
			u, err := metadata.ParseFragments(f.Core, f.Extended, texts)
			if err != nil {
				t.Fatal(err)
			}
			got, want := read(u), said(it)
			if u.ID != want.Key.ID || u.Revision != want.Key.Revision || !slices.Equal(got.KB, want.KB) || len(got.Files) != len(want.Files) || got.Deployable != want.Deployable {
				t.Fatalf("the fragments say\n%+v\nand the item\n%+v", got, want)
			}
		}
	})
}

// TestDescribedUpdatesComeBack goes from the store's form of an update to its
// documents and back.
func TestDescribedUpdatesComeBack(t *testing.T) {
	for name, make := range map[string]func(Item) Item{"one document": func(it Item) Item { return it }, "bundle": Bundle} {
		u := &model.Update{
			ID: ID("described"), Document: 203, Title: "2026-11 Update (KB7)", Description: "What it does.\nAnd more.", Class: model.ClassCritical, Severity: model.SeverityModerate,
			Products: []model.CategoryID{Windows10, Office2016}, KB: []string{"7"}, Bulletins: []string{"MS26-001"}, CVEs: []string{"CVE-2026-1"}, Languages: []string{"all"},
			Released: Epoch, Publication: model.Expired, Supersedes: []model.UpdateID{ID("other")}, Restart: model.RestartAlways, Removable: true, Input: true,
			Licence: "terms", Links: []string{"https://example.com/7"}, Files: []model.File{{Name: "a.cab", Size: 5, SHA1: bytes.Repeat([]byte{1}, 20), SHA256: bytes.Repeat([]byte{2}, 32)}},
		}
		byKey := map[model.DocumentKey]*metadata.Update{}
		for _, d := range mustDocuments(t, WithCategories([]Item{make(Describe(u))}), Style{}) {
			x, err := metadata.Parse(bytes.NewReader(d.Part(model.PartWhole)))
			if err != nil {
				t.Fatal(err)
			}
			byKey[x.Identity] = x
		}
		kinds := func(id model.UpdateID) (model.CategoryKind, bool) {
			c, ok := byKey[model.DocumentKey{ID: id, Revision: categoryRevision}]
			if !ok || c.Category == nil {
				return 0, false
			}
			return c.Category.Kind, true
		}
		got := metadata.Compose(byKey[model.DocumentKey{ID: u.ID, Revision: 203}], func(k metadata.Identity) *metadata.Update { return byKey[k] }, kinds, metadata.Options{})
		want := *u
		want.Licence = string(ID("licence terms", "terms"))
		want.Bundles, want.Applies = got.Bundles, got.Applies
		if (len(got.Bundles) == 1) != (name == "bundle") {
			t.Errorf("%s: bundles %v", name, got.Bundles)
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: came back as\n%+v\nnot\n%+v", name, *got, want)
		}
	}
}
