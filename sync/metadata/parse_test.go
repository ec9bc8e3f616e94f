package metadata

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"fettle/model"
)

func parsed(t testing.TB, name string) *Update {
	t.Helper()
	u, err := Parse(bytes.NewReader(fixtures(t)[name]))
	if err != nil {
		t.Fatal(name, err)
	}
	return u
}

func digest(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseBundle(t *testing.T) {
	have := parsed(t, "bundle")
	want := &Update{
		Identity: Identity{ID: "aaaaaaaa-0000-4000-8000-00000000000b", Revision: 203}, Written: "AAAAAAAA-0000-4000-8000-00000000000B",
		Type: Software, Deployable: true, AutoSelect: true, DefaultLanguage: "en", Publisher: "395392a0-19c0-48b7-a927-f7c15066d905",
		EulaID: "eeeeeeee-0000-4000-8000-000000000001", LegacyName: "KB9000001-x64",
		Created: time.Date(2026, 3, 11, 1, 0, 0, 123456700, time.UTC), Severity: model.SeverityImportant,
		KB: []string{"9000001"}, Bulletins: []string{"MS26-001"}, CVEs: []string{"CVE-2026-0001", "CVE-2026-0002"},
		SupportURLs: []string{"https://support.example.org/?a=1&b=2"},
		Texts: []Text{
			{Language: "en", Title: "Security Update for Example (KB9000001)", Description: "Fixes <things> & more.", MoreInfoURLs: []string{"https://example.org/9000001"}, SupportURL: "https://support.example.org/?a=1&b=2"},
			{Language: "pt-br", Title: "Atualização"},
		},
		Eulas: []EulaFile{{Language: "en", GeoID: "USA", File: File{Name: "eula-en.txt", Size: 1234,
			SHA1: digest(t, "qqqqqqqqqqqqqqqqqqqqqqqqqqo="), SHA256: digest(t, "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=")}}},
		Supersedes: []model.UpdateID{"aaaaaaaa-0000-4000-8000-0000000000f0"},
		Prerequisites: []Clause{
			{IDs: []model.UpdateID{"dddddddd-0000-4000-8000-000000000001"}},
			{IDs: []model.UpdateID{"0fa1201d-4330-4fa8-8ae9-b877473b6441"}, IsCategory: true},
			{IDs: []model.UpdateID{"cccccccc-0000-4000-8000-000000000001"}, IsCategory: true},
		},
		Bundles: []BundleClause{
			{Members: []Identity{{ID: "aaaaaaaa-0000-4000-8000-000000000001", Revision: 200}}},
			{AnyOf: true, Members: []Identity{{ID: "aaaaaaaa-0000-4000-8000-000000000002", Revision: 201}, {ID: "aaaaaaaa-0000-4000-8000-000000000003", Revision: 202}}},
		},
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%+v\nwant\n%+v", have, want)
	}
	if have.HasRules() || !have.IsBundle() {
		t.Error(have.HasRules(), have.IsBundle())
	}
}

func TestParseComponent(t *testing.T) {
	have := parsed(t, "component")
	rules := have.Rules
	f, err := Derive(bytes.NewReader(fixtures(t)["component"]))
	if err != nil || !bytes.HasSuffix(f.Core, rules) || len(rules) == 0 || !bytes.HasPrefix(rules, []byte("<ApplicabilityRules>")) {
		t.Errorf("%v %s", err, rules)
	}
	want := &Update{
		Identity: Identity{ID: "aaaaaaaa-0000-4000-8000-000000000002", Revision: 201}, Written: "aaaaaaaa-0000-4000-8000-000000000002",
		Type: Software, Handler: "http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Cbs", HandlerType: "Cbs",
		DefaultLanguage: "en", Publisher: "395392a0-19c0-48b7-a927-f7c15066d905", Created: time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC),
		MaxDownload: 5000000000, Languages: []string{"all"},
		Installation: &Behavior{Restart: model.RestartMay, Input: true}, Uninstallation: &Behavior{Restart: model.RestartNever},
		Texts:         []Text{{Language: "en", Title: `Component "A"`}},
		Prerequisites: []Clause{{IDs: []model.UpdateID{"cccccccc-0000-4000-8000-000000000001"}}},
		Files: []File{{Name: "a.cab", Size: 5000000000, Modified: time.Date(2026, 3, 1, 0, 0, 0, 100, time.UTC), PatchingType: "SelfContained",
			SHA1: digest(t, "u7u7u7u7u7u7u7u7u7u7u7u7u7s="), SHA256: digest(t, "u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=")}},
		Rules: rules, RulesSize: int64(len(rules)), RulesDigest: sha256.Sum256(rules),
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%+v\nwant\n%+v", have, want)
	}
}

func TestParseDriver(t *testing.T) {
	u := parsed(t, "driver")
	want := []DriverMetadata{
		{HardwareID: `pci\ven_1234&dev_5678`, Class: "Net", Manufacturer: "Example", Provider: "Example", Company: "Example", Model: "Card", Version: "1.2.3.4", Date: "2025-12-01", WhqlID: "42"},
		{HardwareID: `pci\ven_1234&dev_9abc`, Class: "Net", Version: "1.2.3.4", Date: "2025-12-01"},
	}
	if u.Type != Driver || u.Publication != model.Expired || !reflect.DeepEqual(u.Drivers, want) || !u.Installation.Network || u.HandlerType != "WindowsDriver" {
		t.Errorf("%+v", u)
	}
	one, err := NewParser(Limits{Drivers: 1}).Parse(bytes.NewReader(fixtures(t)["driver"]))
	if err != nil || len(one.Drivers) != 1 {
		t.Error(err, one)
	}
}

func TestParseCategory(t *testing.T) {
	document := inRules("", "") // has the head that is needed
	document = strings.Replace(document, `UpdateType="Software"`, `UpdateType="Category" DefaultPropertiesLanguage="en"`, 1)
	document = strings.Replace(document, "</u:Update>", `<u:HandlerSpecificData xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="c:Category" xmlns:c="http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Category"><c:CategoryInformation CategoryType="ProductFamily" ProhibitsSubcategories="false" ProhibitsUpdates="true" ExcludedByDefault="true" DisplayOrder="7"/></u:HandlerSpecificData></u:Update>`, 1)
	u, err := Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	want := &CategoryInformation{Kind: model.CategoryFamily, ProhibitsUpdates: true, ExcludedByDefault: true, DisplayOrder: 7}
	if !reflect.DeepEqual(u.Category, want) || u.HandlerType != "Category" {
		t.Errorf("%+v", u)
	}
	c, ok := CategoryOf(u, Options{})
	if !ok || c.Kind != model.CategoryFamily || !c.Excluded || !c.Barren || c.Title != string(u.ID) || c.Document != 1 {
		t.Errorf("%+v", c)
	}
}

// TestOnlyItsNamespaceCounts has elements of the right names in the wrong
// namespaces: they are somebody else's.
func TestOnlyItsNamespaceCounts(t *testing.T) {
	const foreign = `<f:Files xmlns:f="urn:f"><f:File FileName="x"/></f:Files><Properties xmlns="urn:f" UpdateType="x"/>`
	document := strings.Replace(inRules("", "<u:IsInstalled/>"), "<u:ApplicabilityRules>",
		foreign+`<u:LocalizedPropertiesCollection><u:LocalizedProperties xmlns:f="urn:f"><f:Title>no</f:Title><u:Language>en</u:Language><u:Title>yes<f:b>no</f:b></u:Title><Title>no</Title></u:LocalizedProperties></u:LocalizedPropertiesCollection><u:ApplicabilityRules>`, 1)
	u, err := Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Files) != 0 || u.Type != Software || len(u.Texts) != 1 || u.Texts[0].Title != "yes" {
		t.Errorf("%+v", u)
	}
	same(t, []byte(rulesOf(t, document)), []byte("<ApplicabilityRules><IsInstalled /></ApplicabilityRules>"))
}

// TestRulesAreKeptWithinTheLimit keeps size and digest of all rules.
func TestRulesAreKeptWithinTheLimit(t *testing.T) {
	data := fixtures(t)["component"]
	all := parsed(t, "component")
	f, err := Derive(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{-1, 1, all.RulesSize - 1, all.RulesSize} {
		p := NewParser(Limits{Rules: limit})
		whole, err := p.Parse(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := p.ParseFragments(f.Core, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range []*Update{whole, pieces} {
			if u.RulesSize != all.RulesSize || u.RulesDigest != all.RulesDigest || (u.Rules != nil) != (limit >= all.RulesSize) {
				t.Errorf("limit %d: %d bytes of %d, %x", limit, len(u.Rules), u.RulesSize, u.RulesDigest)
			}
		}
	}
}

// TestFragmentsSayTheSame reads the fragments of the project's own documents.
func TestFragmentsSayTheSame(t *testing.T) {
	for name, data := range fixtures(t) {
		whole := parsed(t, name)
		f, err := Derive(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string][]byte{}
		for _, x := range f.Texts {
			texts[x.Language] = x.Data
		}
		for _, x := range f.Eulas {
			texts["eula "+x.Language] = x.Data
		}
		core := bytes.Clone(f.Core)
		pieces, err := ParseFragments(core, f.Extended, texts)
		if err != nil {
			t.Fatal(name, err)
		}
		clear(core) // nothing of the caller's is kept
		compareWithFragments(t, whole, pieces)
		if bytes.IndexByte(pieces.Rules, 0) >= 0 {
			t.Error("the rules are the caller's bytes")
		}
	}
}

func TestParseRealFragments(t *testing.T) {
	u, err := ParseFragments(sample(t, "wsusscn2", "hexmystic-2026-07", "c", "616.shortened"), sample(t, "wsusscn2", "hexmystic-2026-07", "x", "616"),
		map[string][]byte{"en": sample(t, "wsusscn2", "hexmystic-2026-07", "l", "en", "616")})
	if err != nil {
		t.Fatal(err)
	}
	if u.ID != "64c52254-175b-4e2c-8a7c-30e3c24ae1d1" || u.Revision != 100 || !u.Deployable || u.Severity != model.SeverityCritical ||
		u.ReleaseVersion != "10.0.26100.8875" || len(u.Supersedes) != 2 || len(u.Prerequisites) != 4 || len(u.Bundles) != 1 || u.KB[0] != "5101650" ||
		u.Texts[0].Title != "2026-07 Cumulative Update for Windows 11, version 24H2 for x64-based Systems (KB5101650) (26100.8875)" {
		t.Errorf("%+v", u)
	}
	u, err = ParseFragments(sample(t, "wsusscn2", "hexmystic-2026-07", "c", "2"), sample(t, "wsusscn2", "hexmystic-2026-07", "x", "2.shortened"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Files) != 4 || u.Files[1].Size != 533761740 || u.Files[0].Preferred != "ServicingStack" || u.HandlerType != "OSInstallerMetadata" || u.MaxDownload != 12293231150 || !u.HasRules() {
		t.Errorf("%+v", u)
	}
}

func TestParseRefuses(t *testing.T) {
	good := inRules("", "<u:IsInstalled/>")
	if _, err := Parse(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, reason string }{
		{`UpdateType="Software"`, `UpdateType="Firmware"`, "not known"},
		{`UpdateType="Software"`, ``, "no type"},
		{`UpdateID="aaaaaaaa-0000-4000-8000-000000000001"`, ``, "no identifier"},
		{`UpdateID="aaaaaaaa-0000-4000-8000-000000000001"`, `UpdateID="aaaaaaaa-0000-4000-8000-00000000000"`, "no identifier"},
		{`UpdateID="aaaaaaaa-0000-4000-8000-000000000001"`, `UpdateID="aaaaaaaag0000-4000-8000-000000000001"`, "no identifier"},
		{` RevisionNumber="1"`, ``, "no revision"},
		{` RevisionNumber="1"`, ` RevisionNumber="-1"`, "no number"},
		{` RevisionNumber="1"`, ` RevisionNumber="4294967296"`, "no number"},
		{`<u:ApplicabilityRules>`, `<u:Files><u:File FileName="x"/></u:Files><u:ApplicabilityRules>`, "no digest"},
		{`<u:ApplicabilityRules>`, `<u:Files><u:File FileName="x" Digest="AAAA" DigestAlgorithm="SHA1"/></u:Files><u:ApplicabilityRules>`, "no digest"},
		{`</u:Update>`, ``, "before the element"},
		{`</u:Update>`, `</u:Update><x/>`, "second root"},
		{`<u:ApplicabilityRules>`, `<u:ApplicabilityRules/><u:ApplicabilityRules>`, "twice"},
		{`<u:Update `, `<!DOCTYPE u:Update><u:Update `, "document type"},
	} {
		document := strings.Replace(good, c.from, c.to, 1)
		_, err := Parse(strings.NewReader(document))
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s instead of %s: %v, want %q", c.to, c.from, err, c.reason)
		}
	}
	if _, err := Parse(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(good)))); err == nil {
		t.Error("a reader's error was lost")
	}
	if _, err := ParseFragments(nil, nil, nil); err == nil {
		t.Error("nothing was parsed")
	}
	if _, err := ParseFragments([]byte(`<UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1" />`), nil, nil); err == nil {
		t.Error("a core fragment without properties was parsed")
	}
}

// TestListsAreBounded gives up on what could only be meant to fill the memory.
func TestListsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<Update xmlns="` + updateSpace + `"><UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1"/><Properties UpdateType="Software"/><Relationships><SupersededUpdates>`)
	for range 300 {
		b.WriteString(`<UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001"/>`)
	}
	b.WriteString(`</SupersededUpdates></Relationships></Update>`)
	if _, err := NewParser(Limits{Items: 200}).Parse(strings.NewReader(b.String())); err == nil || !strings.Contains(err.Error(), "more than allowed") {
		t.Error(err)
	}
	if u, err := Parse(strings.NewReader(b.String())); err != nil || len(u.Supersedes) != 300 {
		t.Error(err)
	}
}

func TestLongTextIsCut(t *testing.T) {
	document := strings.Replace(inRules("", ""), "<u:ApplicabilityRules>", "<u:LocalizedPropertiesCollection><u:LocalizedProperties><u:Language>en</u:Language><u:Title>"+strings.Repeat("x", 1<<20)+"</u:Title></u:LocalizedProperties></u:LocalizedPropertiesCollection><u:ApplicabilityRules>", 1)
	u, err := Parse(strings.NewReader(document))
	if err != nil || len(u.Texts[0].Title) != 64<<10 {
		t.Error(err, len(u.Texts[0].Title))
	}
}

func TestHostileTextIsCleaned(t *testing.T) {
	document := strings.Replace(inRules("", ""), "<u:ApplicabilityRules>", "<u:LocalizedPropertiesCollection><u:LocalizedProperties><u:Language>en</u:Language><u:Title>a&#x202e;b\u009b31mc\r\n\td</u:Title></u:LocalizedProperties></u:LocalizedPropertiesCollection><u:ApplicabilityRules>", 1)
	u, err := Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if title := u.Texts[0].Title; strings.ContainsAny(title, "\u202e\u009b\r\n\t") || !strings.HasPrefix(title, "ab") {
		t.Errorf("%q", title)
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]model.UpdateID{
		"AABD43AD-A183-4f0b-8EEE-8DBBCD67687F": "aabd43ad-a183-4f0b-8eee-8dbbcd67687f", " {aabd43ad-a183-4f0b-8eee-8dbbcd67687f} ": "aabd43ad-a183-4f0b-8eee-8dbbcd67687f",
		"": "", "aabd43ad": "", "aabd43ad-a183-4f0b-8eee-8dbbcd67687g": "", "aabd43ad+a183-4f0b-8eee-8dbbcd67687f": "",
	} {
		if have := updateID(in); have != want {
			t.Errorf("%q is %q", in, have)
		}
	}
	for in, want := range map[string]string{
		"2004-02-28T18:17:34.1032476-08:00": "2004-02-29T02:17:34.1032476Z", "2026-10-04T12:00:58.287Z": "2026-10-04T12:00:58.287Z",
		"2026-10-04T12:00:58": "2026-10-04T12:00:58Z", "2026-10-04": "2026-10-04T00:00:00Z", "yesterday": "0001-01-01T00:00:00Z",
	} {
		if have := parseTime(in).Format(time.RFC3339Nano); have != want {
			t.Errorf("%q is %q", in, have)
		}
	}
	for in, want := range map[string]string{"5101650": "5101650", "KB5101650": "5101650", " kb 12 ": "12", "Release Notes": "", "": "", "12345678901": ""} {
		if have := digitsOf(in); have != want {
			t.Errorf("%q is %q", in, have)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	for _, data := range fixtures(f) {
		f.Add(data, []byte(nil), []byte(nil))
		pieces, err := Derive(bytes.NewReader(data))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pieces.Core, pieces.Extended, pieces.Texts[0].Data)
	}
	p := NewParser(Limits{Rules: 1 << 16, Items: 1000})
	f.Fuzz(func(t *testing.T, core, extended, text []byte) {
		for _, u := range []*Update{first(p.Parse(bytes.NewReader(core))), first(p.ParseFragments(core, extended, map[string][]byte{"en": text}))} {
			if u == nil {
				continue
			}
			if updateID(string(u.ID)) != u.ID || u.Revision == 0 {
				t.Fatalf("the identity %q is none", u.ID)
			}
			m := Compose(u, func(Identity) *Update { return u }, func(model.UpdateID) (model.CategoryKind, bool) { return model.CategoryProduct, true }, Options{Languages: []string{"en"}})
			if m.ID != u.ID || m.Title == "" || m.Title != model.Clean(m.Title) {
				t.Fatalf("%+v", m)
			}
			CategoryOf(u, Options{})
		}
	})
}

func first(u *Update, err error) *Update {
	if err != nil {
		return nil
	}
	return u
}
