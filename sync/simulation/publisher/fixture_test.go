package publisher

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
)

// hostile are texts that break whoever trusts them.
var hostile = []string{
	`</upd:Title><upd:KBArticleID>666</upd:KBArticleID>`, `"><script>`, "&amp;&lt;&#0;", "]]>", "<!--", "a\x00b\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\ufffe\uffff\ud7ff",
	"broken \xff\xfe UTF-8", "\u202eright to left", "line\r\nbreak\ttab\rreturn\nfeed", "漢字👩‍🚀e\u0301", strings.Repeat("x", 300), " blanks around ", "%s%d", "${x} `id`", "",
}

// text draws text, hostile or any other.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.StringN(1, 20, 40))
}

// title is text that is not empty: every update has a title.
func title() *rapid.Generator[string] {
	return text().Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
}

func anID() *rapid.Generator[model.UpdateID] {
	return rapid.Custom(func(t *rapid.T) model.UpdateID { return ID("test", fmt.Sprint(rapid.IntRange(0, 1<<20).Draw(t, "id"))) })
}

func aFile() *rapid.Generator[File] {
	return rapid.Custom(func(t *rapid.T) File {
		f := NewFile(title().Draw(t, "file"), DownloadHost, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "content"))
		if rapid.Bool().Draw(t, "one digest") {
			f.SHA256 = nil
		}
		f.Size = rapid.Int64Range(0, 1<<40).Draw(t, "size")
		f.Patching = rapid.SampledFrom([]string{"", "SelfContained", "Express"}).Draw(t, "patching")
		return f
	})
}

func aRule(depth int) *rapid.Generator[Rule] {
	return rapid.Custom(func(t *rapid.T) Rule {
		switch rapid.IntRange(0, 7).Draw(t, "rule") {
		case 0:
			if depth > 0 {
				return And(rapid.SliceOfN(aRule(depth-1), 0, 3).Draw(t, "of")...)
			}
		case 1:
			if depth > 0 {
				return Or(rapid.SliceOfN(aRule(depth-1), 0, 3).Draw(t, "of")...)
			}
		case 2:
			if depth > 0 {
				return Not(aRule(depth-1).Draw(t, "of"))
			}
		case 3:
			return Windows("10.0.26100")
		case 4:
			return RegistryKey(text().Draw(t, "key"))
		case 5:
			return Is("mar:MsiProductInstalled", "ProductCode", "{"+string(ID("product"))+"}")
		case 6:
			return FileVersion(text().Draw(t, "path"), "1.2.3.4")
		}
		return True()
	})
}

// anItem draws items of every kind. Members are at most depth bundles deep.
func anItem(depth int) *rapid.Generator[Item] {
	return rapid.Custom(func(t *rapid.T) Item {
		it := Item{
			ID: anID().Draw(t, "id"), Revision: rapid.Uint32Range(0, 300).Draw(t, "revision"), Title: title().Draw(t, "title"), Description: text().Draw(t, "description"),
			UninstallNotes: text().Draw(t, "notes"), Created: time.Unix(rapid.Int64Range(1e9, 2e9).Draw(t, "created"), 0).UTC(), Support: text().Draw(t, "support"),
			Publication: rapid.SampledFrom([]model.Publication{model.Published, model.Expired}).Draw(t, "publication"),
		}
		list := func(name string) []string { return rapid.SliceOfN(title(), 0, 2).Draw(t, name) }
		it.Kind = model.DocumentKind(rapid.IntRange(0, 3).Draw(t, "kind"))
		rule := func(name string) *Rule {
			if rapid.Bool().Draw(t, name) {
				r := aRule(3).Draw(t, name)
				return &r
			}
			return nil
		}
		switch it.Kind {
		case model.DocumentCategory:
			it.Category = &Category{Kind: model.CategoryKind(rapid.IntRange(0, 3).Draw(t, "category")), Excluded: rapid.Bool().Draw(t, "excluded"), DisplayOrder: rapid.IntRange(0, 3).Draw(t, "order")}
			return it
		case model.DocumentDetectoid:
			it.Rules.Installed = rule("installed")
			return it
		case model.DocumentDriver:
			it.Handler = WindowsDriver
			it.Drivers = []Driver{{HardwareID: `pci\ven_8086&dev_1`, Class: "net", Provider: title().Draw(t, "provider"), Version: "1.2.3.4", WhqlID: "7", Date: Epoch}}
		}
		it.MoreInfo, it.KB, it.Bulletins, it.CVEs, it.Languages = list("more"), list("kb"), list("bulletins"), list("cves"), list("languages")
		if rapid.Bool().Draw(t, "translated") {
			it.Translations = []Text{{Language: "de", Title: title().Draw(t, "titel"), Description: text().Draw(t, "beschreibung")}}
		}
		it.Hidden = rapid.Bool().Draw(t, "hidden")
		it.Class = rapid.SampledFrom(append(model.Classifications(), model.ClassUnknown)).Draw(t, "class")
		it.Products = rapid.SliceOfNDistinct(rapid.SampledFrom([]model.CategoryID{Windows10, Windows11, Office2016}), 0, 2, rapid.ID).Draw(t, "products")
		it.Severity = model.Severity(rapid.IntRange(0, 4).Draw(t, "severity"))
		it.Supersedes = rapid.SliceOfN(anID(), 0, 2).Draw(t, "supersedes")
		it.Prerequisites = rapid.SliceOfN(rapid.SliceOfN(anID(), 1, 3), 0, 2).Draw(t, "prerequisites")
		it.Restart = model.Restart(rapid.IntRange(0, 3).Draw(t, "restart"))
		it.Removable, it.Input, it.Network = rapid.Bool().Draw(t, "removable"), rapid.Bool().Draw(t, "input"), rapid.Bool().Draw(t, "network")
		it.Files = rapid.SliceOfN(aFile(), 0, 2).Draw(t, "files")
		if it.Kind == model.DocumentSoftware {
			it.Handler = rapid.SampledFrom([]Handler{NoHandler, CommandLine, ComponentServicing, WindowsInstaller, WindowsSetup, OSInstaller}).Draw(t, "handler")
		}
		if rapid.Bool().Draw(t, "terms") {
			it.Eula = &Eula{ID: string(ID("eula")), Again: rapid.Bool().Draw(t, "again"), Terms: []Terms{{"en", text().Draw(t, "english")}, {"de", text().Draw(t, "german")}}}
		}
		it.Rules = Rules{Installed: rule("installed"), Superseded: rule("superseded"), Installable: rule("installable")}
		if rapid.Bool().Draw(t, "component") {
			it.Rules = Servicing(title().Draw(t, "package"), "10.0.1.0", "amd64", "5000000", aRule(1).Draw(t, "also"))
		}
		if depth > 0 {
			member := anItem(depth - 1).Filter(func(m Item) bool { return m.Kind == it.Kind })
			it.Members, it.Alternatives = rapid.SliceOfN(member, 0, 1).Draw(t, "members"), rapid.SliceOfN(member, 0, 2).Draw(t, "alternatives")
			for i := range it.Members {
				it.Members[i].ID = ""
			}
			for i := range it.Alternatives {
				it.Alternatives[i].ID = ""
			}
		}
		return it
	})
}

// tree writes what an XML parser that knows nothing of us sees in a document:
// namespaces instead of prefixes, identifiers in lower case, no blanks between
// elements.
func tree(t interface{ Fatalf(string, ...any) }, document []byte) string {
	var b strings.Builder
	scopes := []map[string]string{{}}
	for dec := xml.NewDecoder(strings.NewReader(string(document))); ; {
		token, err := dec.Token()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%v in %s", err, document)
		}
		switch token := token.(type) {
		case xml.StartElement:
			in := map[string]string{}
			for k, v := range scopes[len(scopes)-1] {
				in[k] = v
			}
			var attributes []string
			for _, a := range token.Attr {
				switch {
				case a.Name.Space == "xmlns":
					in[a.Name.Local] = a.Value
				case a.Name.Space == "" && a.Name.Local == "xmlns":
					in[""] = a.Value
				}
			}
			for _, a := range token.Attr {
				value := a.Value
				switch {
				case a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns":
					continue
				case a.Name.Local == "type" && strings.HasSuffix(a.Name.Space, "instance"):
					prefix, local, ok := strings.Cut(value, ":")
					if !ok {
						prefix, local = "", value
					}
					value = in[prefix] + " " + local
				case strings.HasSuffix(a.Name.Local, "ID"):
					value = strings.ToLower(value)
				}
				attributes = append(attributes, fmt.Sprintf("{%s}%s=%q", a.Name.Space, a.Name.Local, value))
			}
			scopes = append(scopes, in)
			fmt.Fprintf(&b, "<{%s}%s %s>", token.Name.Space, token.Name.Local, strings.Join(attributes, " "))
		case xml.EndElement:
			scopes = scopes[:len(scopes)-1]
			b.WriteString("</>")
		case xml.CharData:
			if s := string(token); strings.Trim(s, " \r\n") != "" || !strings.HasPrefix(s, "\n") && !strings.HasPrefix(s, "\r\n") {
				fmt.Fprintf(&b, "%q", s)
			}
		}
	}
}

// update is an ordinary update as a test would describe it.
func update() Item {
	file := NewFile("Windows11.0-KB5060842-x64.cab", DownloadHost, []byte("content of the update"))
	return Bundle(Item{
		ID: ID("an update"), Title: "2026-06 Cumulative Update for Windows 11 for x64-based Systems (KB5060842)",
		Description: "Install this update to resolve issues in Windows.", MoreInfo: []string{"https://support.microsoft.com/help/5060842"}, Support: "https://support.microsoft.com",
		Class: model.ClassSecurity, Products: []model.CategoryID{Windows11}, Severity: model.SeverityCritical, KB: []string{"5060842"}, CVEs: []string{"CVE-2026-12345"},
		Files: []File{file}, Restart: model.RestartMay, Removable: true, AutoSelect: true, Handler: ComponentServicing,
		Rules:         Servicing("Package_for_RollupFix", "26100.4349.1.9", "amd64", "5060842", Windows("10.0.26100"), Processor(AMD64)),
		Supersedes:    []model.UpdateID{ID("an older update"), ID("an even older update")},
		Prerequisites: [][]model.UpdateID{{ID("a detectoid")}, {ID("a detectoid"), ID("another detectoid")}},
		Eula:          &Eula{ID: string(ID("terms")), Terms: []Terms{{"en", "These are the terms."}}},
	})
}

// detectoid is an ordinary detectoid.
func detectoid(name string, installed Rule) Item {
	return Item{ID: ID(name), Kind: model.DocumentDetectoid, Title: name, DetectoidType: "SKU or Feature", Rules: Rules{Installed: &installed}}
}

func mustDocuments(t testing.TB, items []Item, style Style) []model.Document {
	t.Helper()
	d, err := Documents(items, style)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func position(docs []model.Document, id model.UpdateID) int {
	return slices.IndexFunc(docs, func(d model.Document) bool { return d.ID == id })
}
