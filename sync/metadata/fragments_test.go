package metadata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fettle/sync/metadata/markup"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixtures are the documents of the project's own making.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/documents/*.xml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	all := map[string][]byte{}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(p), ".xml")] = data
	}
	return all
}

// TestOwnFragments compares with the fragments of the project's own documents.
// They show what the rules mean where no captured pair does.
func TestOwnFragments(t *testing.T) {
	for name, data := range fixtures(t) {
		f, err := Derive(bytes.NewReader(data))
		if err != nil {
			t.Fatal(name, err)
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "core\n%s\n\nextended\n%s\n", f.Core, f.Extended)
		for _, x := range f.Texts {
			fmt.Fprintf(&b, "\ntext %s\n%s\n", x.Language, x.Data)
		}
		for _, x := range f.Eulas {
			fmt.Fprintf(&b, "\neula %s\n%s\n", x.Language, x.Data)
		}
		path := filepath.Join("testdata/fragments", name+".txt")
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, b.Bytes(), want)
	}
}

// inRules puts something into the rules of a document.
func inRules(declare, rules string) string {
	return `<u:Update xmlns:u="` + updateSpace + `" ` + declare + `><u:UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1" /><u:Properties UpdateType="Software" /><u:ApplicabilityRules>` +
		rules + `</u:ApplicabilityRules></u:Update>`
}

func rulesOf(t *testing.T, document string) string {
	t.Helper()
	f, err := Derive(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	const before = `<UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1" /><Properties UpdateType="Software" />`
	rules, ok := strings.CutPrefix(string(f.Core), before)
	if !ok {
		t.Fatalf("%s", f.Core)
	}
	return rules
}

func TestFolding(t *testing.T) {
	const bar, mar, drv = `xmlns:b="` + baseSpace + `"`, `xmlns:m="` + msiSpace + `"`, `xmlns:d="` + driverSpace + `"`
	for _, c := range []struct{ name, declare, in, want string }{
		{"nothing", "", "", `<ApplicabilityRules />`},
		{"white space alone", "", " \r\n ", `<ApplicabilityRules />`},
		{"an empty element", "", "<u:IsInstalled/>", `<ApplicabilityRules><IsInstalled /></ApplicabilityRules>`},
		{"opened and closed", "", "<u:IsInstalled></u:IsInstalled>", `<ApplicabilityRules><IsInstalled /></ApplicabilityRules>`},
		{"opened and closed with white space", "", "<u:IsInstalled> </u:IsInstalled>", `<ApplicabilityRules><IsInstalled /></ApplicabilityRules>`},
		{"the three prefixes", bar + ` ` + mar + ` ` + drv, "<b:A/><m:B/><d:C/>", `<ApplicabilityRules><b.A /><m.B /><d.C /></ApplicabilityRules>`},
		{"other names for the prefixes", `xmlns:x="` + baseSpace + `"`, "<x:A><x:B/></x:A>", `<ApplicabilityRules><b.A><b.B /></b.A></ApplicabilityRules>`},
		{"a prefix that means something else", `xmlns:bar="` + msiSpace + `"`, "<bar:A/>", `<ApplicabilityRules><m.A /></ApplicabilityRules>`},
		{"a default that means something else", "", `<A xmlns="` + baseSpace + `"><B/><C xmlns="` + msiSpace + `"><B/></C><B/></A>`, `<ApplicabilityRules><b.A><b.B /><m.C><m.B /></m.C><b.B /></b.A></ApplicabilityRules>`},
		{"a prefix declared again", bar, `<b:A><b:B xmlns:b="` + msiSpace + `"><b:C/></b:B><b:D/></b:A>`, `<ApplicabilityRules><b.A><m.B><m.C /></m.B><b.D /></b.A></ApplicabilityRules>`},
		{"declarations among attributes", "", `<b:A K="1" ` + bar + ` L="2" xmlns:unused="u"/>`, `<ApplicabilityRules><b.A K="1" L="2" /></ApplicabilityRules>`},
		{"attributes keep their order", bar, `<b:A Z="1"   A='2'` + "\r\n" + `M = "3"/>`, `<ApplicabilityRules><b.A Z="1" A="2" M="3" /></ApplicabilityRules>`},
		{"escapes stay", bar, `<b:A V="&amp;&lt;&gt;&quot;&apos;&#xD;&#10;'>">&amp;&#65;&gt;"&quot;></b:A>`, `<ApplicabilityRules><b.A V="&amp;&lt;&gt;&quot;&apos;&#xD;&#10;'>">&amp;&#65;&gt;"&quot;></b.A></ApplicabilityRules>`},
		{"quotation marks within apostrophes", bar, `<b:A V='a "b" &quot;'/>`, `<ApplicabilityRules><b.A V="a &quot;b&quot; &quot;" /></ApplicabilityRules>`},
		{"line ends in text stay", bar, "<b:A>one\r\n two\n</b:A>", "<ApplicabilityRules><b.A>one\r\n two\n</b.A></ApplicabilityRules>"},
		{"white space around text stays", bar, "<b:A> \r\n x </b:A>", "<ApplicabilityRules><b.A> \r\n x </b.A></ApplicabilityRules>"},
		{"white space that is an escape stays", bar, "<b:A> &#32; </b:A>", "<ApplicabilityRules><b.A> &#32; </b.A></ApplicabilityRules>"},
		{"white space between elements goes", bar, "\r\n  <b:A>\t<b:B/>\n</b:A> ", "<ApplicabilityRules><b.A><b.B /></b.A></ApplicabilityRules>"},
		{"text between elements stays", bar, "<b:A>x<b:B/> y<b:B/> </b:A>", "<ApplicabilityRules><b.A>x<b.B /> y<b.B /></b.A></ApplicabilityRules>"},
		{"comments and instructions go", bar, "<!-- x --><b:A><!-- y --></b:A><?z?>", "<ApplicabilityRules><b.A /></ApplicabilityRules>"},
		{"a comment within text", bar, "<b:A>x<!-- y -->z</b:A>", "<ApplicabilityRules><b.A>xz</b.A></ApplicabilityRules>"},
		{"a section becomes text", bar, "<b:A>x<![CDATA[<&>\"]]> </b:A>", "<ApplicabilityRules><b.A>x&lt;&amp;&gt;\" </b.A></ApplicabilityRules>"},
		{"an attribute with a prefix", `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`, `<u:A xsi:type="b:C" xsi:nil='true' xml:lang="en"/>`, `<ApplicabilityRules><A type="b:C" nil="true" xml:lang="en" /></ApplicabilityRules>`},
		{"foreign metadata", "", `<assembly xmlns="urn:asm" a="1"><x/><y></y><z> </z></assembly>`, `<ApplicabilityRules><assembly xmlns="urn:asm" a="1"><x /><y></y><z></z></assembly></ApplicabilityRules>`},
		{"a declaration behind attributes", "", `<MsiPatch a="1" xmlns="urn:msi"/>`, `<ApplicabilityRules><MsiPatch a="1" xmlns="urn:msi" /></ApplicabilityRules>`},
		{"foreign with a prefix of its own", "", `<f:A b="1" xmlns:f="urn:f" c="2"><f:B/></f:A>`, `<ApplicabilityRules><A b="1" xmlns="urn:f" c="2"><B /></A></ApplicabilityRules>`},
		{"foreign by a prefix from outside", `xmlns:f="urn:f&amp;g"`, `<f:A b="1"><f:B></f:B></f:A><f:C/>`, `<ApplicabilityRules><A b="1" xmlns="urn:f&amp;g"><B></B></A><C xmlns="urn:f&amp;g" /></ApplicabilityRules>`},
		{"foreign within foreign", "", `<a xmlns="urn:a"><b xmlns="urn:b"><c/></b><d/><e xmlns="urn:a"/></a>`, `<ApplicabilityRules><a xmlns="urn:a"><b xmlns="urn:b"><c /></b><d /><e /></a></ApplicabilityRules>`},
		{"a prefix within foreign is not declared", "", `<a xmlns="urn:a" xmlns:s="urn:s" s:b="1"/>`, `<ApplicabilityRules><a xmlns="urn:a" b="1" /></ApplicabilityRules>`},
		{"names in no namespace", "", `<A><B xmlns=""/></A>`, `<ApplicabilityRules><A><B /></A></ApplicabilityRules>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if have := rulesOf(t, inRules(c.declare, c.in)); have != c.want {
				t.Errorf("%s became\n%s\nwant\n%s", c.in, have, c.want)
			}
		})
	}
}

func TestProperties(t *testing.T) {
	for _, c := range []struct{ attrs, core, extended string }{
		{`UpdateType="Detectoid"`, `<Properties UpdateType="Detectoid" />`, `<ExtendedProperties />`},
		{`UpdateType="Software" DefaultPropertiesLanguage="en" AutoSelectOnWebSites="true" ExplicitlyDeployable="true"`,
			`<Properties UpdateType="Software" ExplicitlyDeployable="true" AutoSelectOnWebSites="true" />`, `<ExtendedProperties DefaultPropertiesLanguage="en" />`},
		{`EulaID="e" OSUpgrade="true" AutoSelectOnWebSites="true" ExplicitlyDeployable="true" UpdateType="Software"`,
			`<Properties UpdateType="Software" ExplicitlyDeployable="true" AutoSelectOnWebSites="true" OSUpgrade="true" EulaID="e" />`, `<ExtendedProperties />`},
		{`EulaID="e" OSUpgrade="false" AutoSelectOnWebSites="false" ExplicitlyDeployable="false" UpdateType="Category"`,
			`<Properties UpdateType="Category" EulaID="e" />`, `<ExtendedProperties />`},
		{`PublicationState="Published" PublisherID="p" CreationDate="c" IsPublic="true" LegacyName="l" DetectoidType="d" PerUser="false" UpdateType="Software" BrowseOnly="false" IsBeta="false"`,
			`<Properties UpdateType="Software" />`, `<ExtendedProperties BrowseOnly="false" IsBeta="false" />`},
	} {
		f, err := Derive(strings.NewReader(`<Update xmlns="` + updateSpace + `"><UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1"/><Properties ` + c.attrs + `></Properties></Update>`))
		if err != nil {
			t.Fatal(err)
		}
		same(t, f.Core, []byte(`<UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1" />`+c.core))
		same(t, f.Extended, []byte(c.extended))
	}
}

func TestDeriveRefuses(t *testing.T) {
	const identity = `<UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1"/>`
	const properties = `<Properties UpdateType="Software"/>`
	for _, c := range []struct{ in, reason string }{
		{"", "no element"},
		{"<Update/>", "no update document"},
		{"<x:Update xmlns:x='urn:x'/>", "no update document"},
		{"<UpdateIdentity/>", "no update document"},
		{"<Update xmlns='" + updateSpace + "'/>", "no identity"},
		{"<Update xmlns='" + updateSpace + "'>" + identity + "</Update>", "no identity"},
		{"<Update xmlns='" + updateSpace + "'>" + identity + properties + identity + "</Update>", "there twice"},
		{"<Update xmlns='" + updateSpace + "'>" + identity + properties + "<Files><File", "within a tag"},
		{"<Update xmlns='" + updateSpace + "'>" + identity + properties + "<Files a='1' x:a='2' xmlns:x='u'/></Update>", "without their prefixes"},
		{inRules("", strings.Repeat(" ", 3<<20)), "white space"},
	} {
		_, err := Derive(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%.100q: %v, want %q", c.in, err, c.reason)
		}
		if _, err := Parse(strings.NewReader(c.in)); err == nil && c.reason != "white space" && !strings.Contains(c.reason, "prefixes") {
			t.Errorf("%.100q was parsed", c.in)
		}
	}
}

// TestUnusualOrder sorts what documents have in another order than usual; what
// is streamed cannot be sorted, and is refused.
func TestUnusualOrder(t *testing.T) {
	const document = `<Update xmlns="` + updateSpace + `"><Files /><ApplicabilityRules /><Properties UpdateType="Software" /><UpdateIdentity UpdateID="a" RevisionNumber="1" /></Update>`
	f, err := Derive(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	same(t, f.Core, []byte(`<UpdateIdentity UpdateID="a" RevisionNumber="1" /><Properties UpdateType="Software" /><ApplicabilityRules />`))
	same(t, f.Extended, []byte(`<ExtendedProperties /><Files />`))
	if err := DeriveCore(io.Discard, strings.NewReader(document)); err == nil || !strings.Contains(err.Error(), "usual order") {
		t.Error(err)
	}
}

type fullDisk struct{}

var errDisk = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errDisk }

func TestWritersErrorIsKept(t *testing.T) {
	data := fixtures(t)["component"]
	if err := DeriveCore(fullDisk{}, bytes.NewReader(data)); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	if err := DeriveExtended(fullDisk{}, bytes.NewReader(data)); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	err := DeriveTo(Targets{Text: func(Fragment) error { return errDisk }}, bytes.NewReader(data))
	if !errors.Is(err, errDisk) {
		t.Error(err)
	}
}

// wellFormed says whether a fragment is XML once it has a root.
func wellFormed(fragment []byte) error {
	d := xml.NewDecoder(io.MultiReader(strings.NewReader("<r>"), bytes.NewReader(fragment), strings.NewReader("</r>")))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// checkDerivation checks what holds of the fragments of any document.
func checkDerivation(t interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
}, data []byte) {
	t.Helper()
	f, err := Derive(bytes.NewReader(data))
	var core, extended bytes.Buffer
	var texts, eulas []Fragment
	gather := func(to *[]Fragment) func(Fragment) error {
		return func(x Fragment) error { *to = append(*to, Fragment{x.Language, bytes.Clone(x.Data)}); return nil }
	}
	streamed := DeriveTo(Targets{&core, &extended, gather(&texts), gather(&eulas)}, bytes.NewReader(data))
	if err != nil {
		if streamed == nil {
			t.Fatalf("what was streamed is refused otherwise: %v", err)
		}
		return
	}
	for _, b := range slices.Concat([][]byte{f.Core, f.Extended}, datas(f.Texts), datas(f.Eulas)) {
		if err := wellFormed(b); err != nil {
			t.Fatalf("a fragment is not well-formed: %v\n%s", err, b)
		}
		if bytes.Contains(b, []byte("<!--")) || bytes.Contains(b, []byte("<![")) || bytes.Contains(b, []byte("<?")) {
			t.Fatalf("a fragment has comments, sections or instructions: %s", b)
		}
	}
	equal := func(a, b Fragment) bool { return a.Language == b.Language && bytes.Equal(a.Data, b.Data) }
	if streamed == nil && (!bytes.Equal(core.Bytes(), f.Core) || !bytes.Equal(extended.Bytes(), f.Extended) || !slices.EqualFunc(texts, f.Texts, equal) || !slices.EqualFunc(eulas, f.Eulas, equal)) {
		t.Fatalf("streaming gives something else:\n%s\n%s\n%s\n%s", core.Bytes(), f.Core, extended.Bytes(), f.Extended)
	}
	again, err := foldedAgain(f.Core)
	if err != nil || !bytes.Equal(again, f.Core) {
		t.Fatalf("folding a core fragment again changes it: %v\n%s\n%s", err, f.Core, again)
	}
	whole, err := Parse(bytes.NewReader(data))
	if err != nil {
		return // an identity that is none, say: fragments are made of bytes
	}
	if ambiguous(data) {
		return
	}
	pieces, err := ParseFragments(f.Core, f.Extended, nil)
	if err != nil {
		t.Fatalf("the fragments of a document cannot be read: %v\n%s\n%s", err, f.Core, f.Extended)
	}
	for _, x := range slices.Concat(f.Texts, f.Eulas) {
		p := NewParser(Limits{})
		p.begin(p.pieces, "")
		p.u = pieces
		if err := p.fragment(x.Data); err != nil {
			t.Fatalf("the fragment of a text cannot be read: %v\n%s", err, x.Data)
		}
	}
	compareWithFragments(t, whole, pieces)
}

func datas(f []Fragment) (all [][]byte) {
	for _, x := range f {
		all = append(all, x.Data)
	}
	return all
}

// foldedAgain writes a fragment in the form that it should be in.
func foldedAgain(fragment []byte) ([]byte, error) {
	p := NewParser(Limits{})
	p.pieces.ResetBytes(fragment)
	for {
		kind, err := p.pieces.Next()
		if err == io.EOF {
			return p.fold.out, nil
		}
		if err != nil {
			return nil, err
		}
		if err := p.fold.token(p.pieces, kind); err != nil {
			return nil, err
		}
	}
}

func TestDerivationProperties(t *testing.T) {
	for _, data := range fixtures(t) {
		checkDerivation(t, data)
	}
	for _, e := range documents(t)[:400] {
		checkDerivation(t, e.document)
	}
}

// TestDerivationOfRandomDocuments writes documents at random out of what real
// ones and their enemies consist of.
func TestDerivationOfRandomDocuments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkDerivation(t, []byte(randomDocument(t))) })
}

func randomDocument(t *rapid.T) string {
	name := rapid.SampledFrom([]string{"u:A", "b:B", "m:C", "d:D", "f:E", "G", "u:IsInstalled", "f:H"})
	attribute := rapid.SampledFrom([]string{"", "", ` a="1"`, ` b='"'`, ` xmlns="urn:x"`, ` xmlns=""`, ` f:c="&lt;"`, ` xmlns:f="urn:g"`, ` xmlns:b="urn:h"`, ` xml:lang="en"`, ` xmlns="` + baseSpace + `"`})
	text := rapid.SampledFrom([]string{"", "", " ", "\r\n", "x", "&amp;", "<!-- c -->", "<![CDATA[]]>", "<![CDATA[ & ]]>", "<?p?>", " y "})
	var element func(depth int) string
	element = func(depth int) string {
		n := name.Draw(t, "name")
		a := attribute.Draw(t, "attribute")
		if b := attribute.Draw(t, "attribute"); strings.SplitN(b, "=", 2)[0] != strings.SplitN(a, "=", 2)[0] {
			a += b
		}
		if depth > 3 || rapid.Bool().Draw(t, "empty") {
			return "<" + n + a + rapid.SampledFrom([]string{"/>", " />", "></" + n + ">"}).Draw(t, "end")
		}
		s := "<" + n + a + ">" + text.Draw(t, "text")
		for range rapid.IntRange(0, 3).Draw(t, "children") {
			s += element(depth+1) + text.Draw(t, "text")
		}
		return s + "</" + n + ">"
	}
	s := `<u:Update xmlns:u="` + updateSpace + `" xmlns:b="` + baseSpace + `" xmlns:m="` + msiSpace + `" xmlns:d="` + driverSpace + `" xmlns:f="urn:f">` +
		`<u:UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="1" /><u:Properties UpdateType="Software">` + text.Draw(t, "text") + `</u:Properties>`
	for _, part := range []string{"Relationships", "ApplicabilityRules", "Files", "HandlerSpecificData"} {
		if rapid.Bool().Draw(t, part) {
			s += "<u:" + part + ">" + text.Draw(t, "text") + element(0) + "</u:" + part + ">"
		}
	}
	return s + "</u:Update>"
}

// ambiguous says whether a document has elements that a fragment, which has no
// namespaces, cannot tell from those of Microsoft's updates: no real one has.
func ambiguous(data []byte) bool {
	s := markup.NewScanner(bytes.NewReader(data), markup.Limits{})
	free := 0 // depth at which an element begins whose contents have namespaces of their own
	for {
		kind, err := s.Next()
		if err != nil {
			return err != io.EOF
		}
		switch {
		case kind == markup.End && s.Depth() < free:
			free = 0
		case kind != markup.Start:
		case s.Space() == "", free == 0 && s.Space() != updateSpace:
			return true
		case free == 0 && (s.Is(updateSpace, "ApplicabilityRules") || s.Is(updateSpace, "HandlerSpecificData")) && !s.Empty():
			free = s.Depth()
		}
	}
}

// What the comparison is for must not be left out of it.
func TestFixturesAreNotAmbiguous(t *testing.T) {
	for path, data := range fixtures(t) {
		if ambiguous(data) {
			t.Errorf("%s is not compared with its fragments", path)
		}
	}
}

func FuzzFragments(f *testing.F) {
	for _, data := range fixtures(f) {
		f.Add(data)
	}
	f.Add([]byte(inRules(`xmlns:f="urn:f"`, `<f:A xmlns=""> <f:B></f:B>x<![CDATA[&]]></f:A>`)))
	f.Add([]byte(inRules("", `<a xmlns="urn:a"><b xmlns="" c:d="" xmlns:c="urn:c"/></a>`)))
	f.Fuzz(func(t *testing.T, data []byte) { checkDerivation(t, data) })
}
