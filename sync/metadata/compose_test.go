package metadata

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"fettle/model"
)

// others finds the project's own documents by identity.
func others(t testing.TB, names ...string) Members {
	all := map[Identity]*Update{}
	for _, n := range names {
		u := parsed(t, n)
		all[u.Identity] = u
	}
	return func(id Identity) *Update { return all[id] }
}

func products(ids ...model.UpdateID) Kinds {
	return func(id model.UpdateID) (model.CategoryKind, bool) {
		return model.CategoryProduct, slices.Contains(ids, id)
	}
}

const product = "cccccccc-0000-4000-8000-000000000001"

func TestComposeBundle(t *testing.T) {
	have := Compose(parsed(t, "bundle"), others(t, "component", "installer"), products(product), Options{Languages: []string{"de", "pt"}})
	a, b := parsed(t, "component"), parsed(t, "installer")
	sums := [][]byte{a.RulesDigest[:], b.RulesDigest[:]}
	slices.SortFunc(sums, bytes.Compare)
	applies := sha256.Sum256(slices.Concat(sums...))
	want := &model.Update{
		ID: "aaaaaaaa-0000-4000-8000-00000000000b", Document: 203, Title: "Atualização",
		Class: model.ClassSecurity, Severity: model.SeverityImportant, Products: []model.CategoryID{product},
		KB: []string{"9000001"}, Bulletins: []string{"MS26-001"}, CVEs: []string{"CVE-2026-0001", "CVE-2026-0002"}, Languages: []string{"all"},
		Released: have.Released, Supersedes: []model.UpdateID{"aaaaaaaa-0000-4000-8000-0000000000f0"},
		Restart: model.RestartMay, Removable: false, // a member is not known: nobody can say
		Input: true, Licence: "eeeeeeee-0000-4000-8000-000000000001",
		Files: []model.File{
			{Name: "a.cab", Size: 5000000000, SHA1: a.Files[0].SHA1, SHA256: a.Files[0].SHA256},
			{Name: "b.msp", Size: 100, SHA1: b.Files[1].SHA1},
		},
		Links:   []string{"https://support.example.org/?a=1&b=2"},
		Bundles: []model.UpdateID{"aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002", "aaaaaaaa-0000-4000-8000-000000000003"},
		Applies: applies[:],
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%+v\nwant\n%+v", have, want)
	}
	if !have.Released.Equal(parsed(t, "bundle").Created) {
		t.Error(have.Released)
	}
}

func TestComposeTitle(t *testing.T) {
	u := parsed(t, "bundle")
	u.Texts = []Text{{Language: "zh-cn", Title: "更新"}, {Language: "fr", Title: "Mise à jour"}, {Language: "pt-br", Title: "Atualização"}, {Language: "en", Title: "Update"}, {Language: "de"}}
	for _, c := range []struct {
		languages []string
		fallback  string
		want      string
	}{
		{nil, "en", "Update"}, {nil, "fr", "Mise à jour"}, {nil, "", "Update"}, {[]string{"fr"}, "en", "Mise à jour"}, {[]string{"FR-ca"}, "en", "Mise à jour"},
		{[]string{"pt"}, "en", "Atualização"}, {[]string{"de", "fr"}, "en", "Mise à jour"}, {[]string{"de"}, "en", "Update"}, {[]string{"en-US", "fr"}, "fr", "Update"},
	} {
		u.DefaultLanguage = c.fallback
		if have := Compose(u, nil, nil, Options{Languages: c.languages}).Title; have != c.want {
			t.Errorf("%v, by default %q: %q", c.languages, c.fallback, have)
		}
	}
	u.Texts = u.Texts[:1]
	if have := Compose(u, nil, nil, Options{}).Title; have != "更新" {
		t.Errorf("any: %q", have)
	}
	u.Texts = nil
	if have := Compose(u, nil, nil, Options{}).Title; have != "KB9000001-x64" {
		t.Errorf("none: %q", have)
	}
}

// made builds an update for the tables below.
func made(n int, change func(*Update)) *Update {
	u := &Update{Identity: Identity{ID: model.UpdateID(fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n)), Revision: 1}, Handler: "h"}
	if change != nil {
		change(u)
	}
	return u
}

func behaves(r model.Restart) func(*Update) {
	return func(u *Update) { u.Installation = &Behavior{Restart: r} }
}

func bundleOf(members ...*Update) (*Update, Members) {
	all := map[Identity]*Update{}
	b := made(999, func(u *Update) { u.Handler = "" })
	for _, m := range members {
		if m != nil {
			all[m.Identity] = m
			b.Bundles = append(b.Bundles, BundleClause{Members: []Identity{m.Identity}})
		} else {
			b.Bundles = append(b.Bundles, BundleClause{Members: []Identity{{ID: "aaaaaaaa-0000-4000-8000-000000000888", Revision: 1}}})
		}
	}
	return b, func(id Identity) *Update { return all[id] }
}

func TestComposeRestart(t *testing.T) {
	never, may, always := made(1, behaves(model.RestartNever)), made(2, behaves(model.RestartMay)), made(3, behaves(model.RestartAlways))
	silent := made(4, nil)
	for _, c := range []struct {
		members []*Update
		want    model.Restart
	}{
		{[]*Update{never}, model.RestartNever}, {[]*Update{never, may}, model.RestartMay}, {[]*Update{always, may, never}, model.RestartAlways},
		{[]*Update{never, nil}, model.RestartUnknown}, {[]*Update{never, silent}, model.RestartUnknown}, {[]*Update{may, silent, nil}, model.RestartMay}, {nil, model.RestartUnknown},
	} {
		b, members := bundleOf(c.members...)
		if have := Compose(b, members, nil, Options{}).Restart; have != c.want {
			t.Errorf("%d members: %v, want %v", len(c.members), have, c.want)
		}
	}
}

func TestComposeRemovable(t *testing.T) {
	yes := made(1, func(u *Update) { u.Uninstallation = &Behavior{} })
	no := made(2, nil)
	for _, c := range []struct {
		members []*Update
		want    bool
	}{{[]*Update{yes}, true}, {[]*Update{yes, no}, false}, {[]*Update{no}, false}, {[]*Update{yes, nil}, false}, {nil, false}} {
		b, members := bundleOf(c.members...)
		if have := Compose(b, members, nil, Options{}).Removable; have != c.want {
			t.Errorf("%d members: %v", len(c.members), have)
		}
		b.Uninstallation = &Behavior{}
		if !Compose(b, members, nil, Options{}).Removable {
			t.Error("what the update says itself does not count")
		}
	}
}

func TestComposeCategories(t *testing.T) {
	const security, updates, family, detectoid = "0fa1201d-4330-4fa8-8ae9-b877473b6441", "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83", "ffffffff-0000-4000-8000-000000000001", "dddddddd-0000-4000-8000-000000000001"
	kinds := func(id model.UpdateID) (model.CategoryKind, bool) {
		switch id {
		case product:
			return model.CategoryProduct, true
		case family:
			return model.CategoryFamily, true
		case security, updates:
			return model.CategoryClassification, true
		}
		return 0, false
	}
	clause := func(category bool, ids ...model.UpdateID) Clause { return Clause{IDs: ids, IsCategory: category} }
	member := made(1, func(u *Update) {
		u.Prerequisites = []Clause{clause(false, detectoid), clause(false, product), clause(false, updates)}
	})
	for _, c := range []struct {
		name    string
		clauses []Clause
		class   model.Classification
		want    []model.CategoryID
	}{
		{"its own", []Clause{clause(false, detectoid), clause(true, security), clause(true, family)}, model.ClassSecurity, []model.CategoryID{family}},
		{"its own in plain clauses", []Clause{clause(false, security), clause(false, product, family)}, model.ClassSecurity, []model.CategoryID{product, family}},
		{"its members'", []Clause{clause(false, detectoid)}, model.ClassUpdate, []model.CategoryID{product}},
		{"the product of its members", []Clause{clause(true, security)}, model.ClassSecurity, []model.CategoryID{product}},
		{"the classification of its members", []Clause{clause(true, family)}, model.ClassUpdate, []model.CategoryID{family}},
		{"one that nobody knows", []Clause{clause(true, "99999999-0000-4000-8000-000000000001")}, model.ClassUpdate, []model.CategoryID{"99999999-0000-4000-8000-000000000001"}},
		{"a retired classification", []Clause{clause(true, "9511d615-35b2-47bb-927f-f73d8e9260bb")}, model.ClassUpdate, []model.CategoryID{product}},
		{"twice the same", []Clause{clause(true, product), clause(false, product), clause(true, security)}, model.ClassSecurity, []model.CategoryID{product}},
	} {
		b, members := bundleOf(member)
		b.Prerequisites = c.clauses
		have := Compose(b, members, kinds, Options{})
		if have.Class != c.class || !slices.Equal(have.Products, c.want) {
			t.Errorf("%s: %v %v", c.name, have.Class, have.Products)
		}
	}
}

func TestComposeMembersOfMembers(t *testing.T) {
	leaf := made(1, func(u *Update) { u.KB, u.CVEs, u.Severity = []string{"1"}, []string{"C1"}, model.SeverityLow })
	hidden, inner := bundleOf(leaf)
	hidden.ID = "aaaaaaaa-0000-4000-8000-000000000777"
	hidden.Bundles = append(hidden.Bundles, BundleClause{Members: []Identity{hidden.Identity}}) // a bundle of itself ends, too
	b, _ := bundleOf(hidden)
	b.CVEs = []string{"C2"}
	m := Compose(b, func(id Identity) *Update {
		if id == hidden.Identity {
			return hidden
		}
		return inner(id)
	}, nil, Options{})
	if !slices.Equal(m.Bundles, []model.UpdateID{hidden.ID, leaf.ID}) || !slices.Equal(m.KB, []string{"1"}) || !slices.Equal(m.CVEs, []string{"C2", "C1"}) || m.Severity != model.SeverityLow {
		t.Errorf("%+v", m)
	}
}

func TestComposeApplies(t *testing.T) {
	rules := func(b byte) func(*Update) {
		return func(u *Update) { u.RulesSize, u.RulesDigest = 1, [32]byte{b} }
	}
	one, two, other := made(1, rules(1)), made(2, rules(2)), made(2, rules(3))
	of := func(all ...*Update) []byte {
		b, members := bundleOf(all...)
		return Compose(b, members, nil, Options{}).Applies
	}
	if of(made(1, nil)) != nil {
		t.Error("there are rules where there are none")
	}
	if !bytes.Equal(of(one, two), of(two, one)) || bytes.Equal(of(one, two), of(one, other)) || bytes.Equal(of(one, two), of(one)) {
		t.Error("the digest depends on the wrong things")
	}
}

func TestComposeDriver(t *testing.T) {
	m := Compose(parsed(t, "driver"), nil, products(product), Options{})
	if m.Class != model.ClassDriver || m.Version != "1.2.3.4" || m.Publication != model.Expired || m.Restart != model.RestartNever || len(m.Products) != 1 || len(m.Bundles) != 0 || len(m.Applies) != 32 {
		t.Errorf("%+v", m)
	}
}

func TestComposeLicence(t *testing.T) {
	u := made(1, func(u *Update) { u.EulaID, u.Revision = "e", 7 })
	if have := Compose(u, nil, nil, Options{}).Licence; have != "e" {
		t.Error(have)
	}
	u.ReacceptEula = true
	if have := Compose(u, nil, nil, Options{}).Licence; have != "e/7" {
		t.Error(have)
	}
}

func TestComposeLinks(t *testing.T) {
	u := made(1, func(u *Update) {
		u.MoreInfoURLs = []string{"https://a", "javascript:alert(1)", "https://a", "http://b c", "file:///etc/passwd", "https://"}
		u.SupportURLs = []string{"http://d"}
	})
	if have := Compose(u, nil, nil, Options{}).Links; !slices.Equal(have, []string{"https://a", "http://d"}) {
		t.Error(have)
	}
}

func TestComposeRealUpdate(t *testing.T) {
	u, err := ParseFragments(sample(t, "wsusscn2", "hexmystic-2026-07", "c", "616.shortened"), sample(t, "wsusscn2", "hexmystic-2026-07", "x", "616"),
		map[string][]byte{"en": sample(t, "wsusscn2", "hexmystic-2026-07", "l", "en", "616")})
	if err != nil {
		t.Fatal(err)
	}
	m := Compose(u, nil, nil, Options{})
	if m.Class != model.ClassSecurity || !slices.Equal(m.Products, []model.CategoryID{"72e7624a-5b00-45d2-b92f-e561c0a6a160"}) || m.Version != "10.0.26100.8875" || m.Document != 100 ||
		!slices.Equal(m.Links, []string{"https://support.microsoft.com/help/5101650", "http://go.microsoft.com/fwlink/?LinkID=507415", "http://go.microsoft.com/fwlink/?LinkId=507417"}) {
		t.Errorf("%+v", m)
	}
}
