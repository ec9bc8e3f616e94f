package markup

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// tokens gives what an input means, one line for each token, with neighbouring
// text joined: parsers may cut it where they like.
func tokens(r io.Reader, l Limits) ([]string, error) { return read(NewScanner(r, l)) }

func read(s *Scanner) ([]string, error) {
	var out []string
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			out = append(out, fmt.Sprintf("text %q", text.String()))
			text.Reset()
		}
	}
	for {
		kind, err := s.Next()
		if err == io.EOF {
			flush()
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if kind == Text || kind == CData {
			text.Write(s.Text())
			continue
		}
		flush()
		switch kind {
		case Start:
			line := fmt.Sprintf("start %q %q", s.Space(), s.Local())
			for i := range s.Attributes() {
				a := &s.Attributes()[i]
				line += fmt.Sprintf(" %q %q %q", a.Space, a.Local(), a.Value())
			}
			out = append(out, line)
		case End:
			out = append(out, fmt.Sprintf("end %q %q", s.Space(), s.Local()))
		case Comment:
			out = append(out, fmt.Sprintf("comment %q", s.Text()))
		case Instruction:
			out = append(out, fmt.Sprintf("instruction %q %q", s.Name(), s.Text()))
		}
	}
}

// standardTokens gives the same by encoding/xml.
func standardTokens(data []byte) ([]string, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	var out []string
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			out = append(out, fmt.Sprintf("text %q", text.String()))
			text.Reset()
		}
	}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			flush()
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if t, ok := tok.(xml.CharData); ok {
			text.Write(t)
			continue
		}
		flush()
		switch t := tok.(type) {
		case xml.StartElement:
			line := fmt.Sprintf("start %q %q", t.Name.Space, t.Name.Local)
			for _, a := range t.Attr {
				line += fmt.Sprintf(" %q %q %q", a.Name.Space, a.Name.Local, a.Value)
			}
			out = append(out, line)
		case xml.EndElement:
			out = append(out, fmt.Sprintf("end %q %q", t.Name.Space, t.Name.Local))
		case xml.Comment:
			out = append(out, fmt.Sprintf("comment %q", []byte(t)))
		case xml.ProcInst:
			out = append(out, fmt.Sprintf("instruction %q %q", t.Target, t.Inst))
		default:
			out = append(out, fmt.Sprintf("%T", tok))
		}
	}
}

// agree checks that what the scanner accepts means the same to encoding/xml,
// and that the raw tokens are the input.
func agree(t interface {
	Helper()
	Fatalf(string, ...any)
}, data []byte, l Limits) (accepted bool) {
	t.Helper()
	have, err := tokens(bytes.NewReader(data), l)
	again, err2 := tokens(iotest.OneByteReader(bytes.NewReader(data)), l)
	if fmt.Sprint(err) != fmt.Sprint(err2) || !slices.Equal(have, again) {
		t.Fatalf("reading byte by byte makes a difference:\n%v %v\n%v %v", have, err, again, err2)
	}
	held := NewScanner(nil, l)
	held.ResetBytes(data)
	again, err2 = read(held)
	if (err == nil) != (err2 == nil) || err == nil && !slices.Equal(have, again) {
		t.Fatalf("reading without copying makes a difference:\n%v %v\n%v %v", have, err, again, err2)
	}
	if err != nil {
		return false
	}
	want, err := standardTokens(data)
	if err != nil {
		t.Fatalf("encoding/xml refuses what was accepted: %v\n%q", err, data)
	}
	if !slices.Equal(have, want) {
		t.Fatalf("encoding/xml sees other tokens in %q:\nhave %v\nwant %v", data, have, want)
	}
	s := NewScanner(bytes.NewReader(data), l)
	var raw []byte
	for {
		_, err := s.Next()
		if err != nil {
			break
		}
		if want := len(data) - len(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) + len(raw); int64(want) != s.Offset() {
			t.Fatalf("a token is said to begin at %d and begins at %d", s.Offset(), want)
		}
		raw = append(raw, s.Raw()...)
	}
	if !bytes.Equal(raw, bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) {
		t.Fatalf("the raw tokens are not the input:\n%q\n%q", raw, data)
	}
	return true
}

const rules = `<u:Update xmlns:u="urn:u" xmlns='urn:default' a='1' b = "x &lt;&#65;&#x42;">` +
	"<u:Title>two\r\nlines &amp; an\rescape</u:Title><!-- a comment --><empty/><empty />\r\n" +
	`<in xmlns="" p:c="d" xmlns:p="urn:p"><![CDATA[<raw> & ]] text]]></in><?target some data ?></u:Update>`

func TestTokens(t *testing.T) {
	have, err := tokens(strings.NewReader(rules), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`start "urn:u" "Update" "xmlns" "u" "urn:u" "" "xmlns" "urn:default" "" "a" "1" "" "b" "x <AB"`,
		`start "urn:u" "Title"`, `text "two\nlines & an\nescape"`, `end "urn:u" "Title"`,
		`comment " a comment "`,
		`start "urn:default" "empty"`, `end "urn:default" "empty"`,
		`start "urn:default" "empty"`, `end "urn:default" "empty"`, `text "\n"`,
		`start "" "in" "" "xmlns" "" "urn:p" "c" "d" "xmlns" "p" "urn:p"`, `text "<raw> & ]] text"`, `end "" "in"`,
		`instruction "target" "some data "`, `end "urn:u" "Update"`,
	}
	if !slices.Equal(have, want) {
		t.Errorf("tokens:\n%s\nwant:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	if !agree(t, []byte(rules), Limits{}) {
		t.Error("not accepted")
	}
}

func TestTokenKeepsItsBytes(t *testing.T) {
	s := NewScanner(strings.NewReader(`<p:a  xmlns:p = 'u'  q="&quot;"/>`), Limits{})
	if kind, err := s.Next(); kind != Start || err != nil {
		t.Fatal(kind, err)
	}
	if !s.Empty() || string(s.Raw()) != `<p:a  xmlns:p = 'u'  q="&quot;"/>` || string(s.Name()) != "p:a" || string(s.Prefix()) != "p" || !s.Is("u", "a") || s.Depth() != 1 {
		t.Errorf("%q %q %q %q %v", s.Raw(), s.Name(), s.Prefix(), s.Space(), s.Depth())
	}
	a, q := &s.Attributes()[0], s.Attribute("q")
	if !a.Declaration() || string(a.Raw()) != `xmlns:p = 'u'` || a.Quote() != '\'' || string(a.RawValue()) != "u" {
		t.Errorf("%q", a.Raw())
	}
	if q == nil || q.Declaration() || string(q.RawValue()) != "&quot;" || q.Value() != `"` || !q.Is(`"`) || s.Attribute("p") != nil {
		t.Errorf("%v", q)
	}
	if kind, err := s.Next(); kind != End || err != nil || len(s.Raw()) != 0 || !s.Is("u", "a") || s.Depth() != 0 || s.Empty() {
		t.Errorf("%v %v %q", kind, err, s.Raw())
	}
	if _, err := s.Next(); err != io.EOF {
		t.Error(err)
	}
	if _, err := s.Next(); err != io.EOF {
		t.Error("the end is not final:", err)
	}
}

// TestBytesAreNotChanged scans what belongs to somebody else, and then something
// that has to be read.
func TestBytesAreNotChanged(t *testing.T) {
	data := []byte("<a b='&lt;'>\r\n&amp;<![CDATA[x\r]]></a>")
	before := bytes.Clone(data)
	s := NewScanner(nil, Limits{})
	s.ResetBytes(data)
	if _, err := read(s); err != nil {
		t.Fatal(err)
	}
	s.Reset(strings.NewReader("<other><document>of another length, much longer</document></other>"))
	if _, err := read(s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, before) {
		t.Errorf("%q", data)
	}
}

// TestLongTextComesInPieces cuts text that never ends. Each piece is looked for
// within its own length only: many megabytes would take minutes otherwise.
func TestLongTextComesInPieces(t *testing.T) {
	s := NewScanner(nil, Limits{})
	s.ResetBytes([]byte("<a>" + strings.Repeat("x", 16<<20)))
	pieces := 0
	for {
		kind, err := s.Next()
		if err != nil {
			break
		}
		if kind == Text {
			if pieces++; len(s.Raw()) > bufferSize {
				t.Fatalf("a piece has %d bytes", len(s.Raw()))
			}
		}
	}
	if pieces < 256 || pieces > 260 {
		t.Errorf("%d pieces", pieces)
	}
}

func TestSkip(t *testing.T) {
	s := NewScanner(strings.NewReader(`<a><b><c/>text<d></d></b><e/></a>`), Limits{})
	s.Next()
	s.Next()
	if err := s.Skip(); err != nil || string(s.Name()) != "b" || s.Depth() != 1 {
		t.Fatalf("%v %q", err, s.Name())
	}
	s.Next()
	if err := s.Skip(); err != nil || string(s.Name()) != "e" || s.Depth() != 1 {
		t.Fatalf("%v %q", err, s.Name())
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("<a>", 300)
	many := "<a"
	for i := range 300 {
		many += fmt.Sprintf(" a%d=''", i)
	}
	for _, c := range []struct{ in, reason string }{
		{"", "no element"},
		{" \r\n", "no element"},
		{"<!-- only this -->", "no element"},
		{"<a>", "ends before the element a"},
		{"<a", "ends within a tag"},
		{"<a b='", "ends within a tag"},
		{"<!-- ", "ends within"},
		{"<a/><b/>", "second root"},
		{"<a/>text", "outside the root"},
		{"<a/><![CDATA[x]]>", "outside the root"},
		{"text<a/>", "outside the root"},
		{"<a></b>", "does not end where"},
		{"<a></a></a>", "has not begun"},
		{"<a><b></a></b>", "does not end where"},
		{"<a b=c/>", "not quoted"},
		{"<a b/>", "has no value"},
		{"<a b='1'c='2'/>", "no blank"},
		{"<a b='1' b='2'/>", "given twice"},
		{"<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", "given twice"},
		{"<a b='<'/>", "a < within"},
		{"<a / >", "slash"},
		{"< a/>", "does not begin with"},
		{"<1a/>", "does not begin with"},
		{"<\xc3\xa9/>", "does not begin with"},
		{"<a\xc3\xa9/>", "not ASCII"},
		{"<a:b:c xmlns:a='u'/>", "two colons"},
		{"<a: xmlns:a='u'/>", "no name behind"},
		{"<p:a/>", "not declared"},
		{"<a p:b=''/>", "not declared"},
		{"<a><b xmlns:p='u'/><p:c/></a>", "not declared"},
		{"<a xmlns:p=''/>", "without a namespace"},
		{"<a xmlns:xmlns='u'/>", "xmlns is declared"},
		{"<a xmlns:xml='u'/>", "prefix xml"},
		{"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", "prefix xml"},
		{"<a>&nbsp;</a>", "ampersand"},
		{"<a>&lt</a>", "ampersand"},
		{"<a>&</a>", "ampersand"},
		{"<a>&#0;</a>", "ampersand"},
		{"<a>&#xD800;</a>", "ampersand"},
		{"<a>&#x110000;</a>", "ampersand"},
		{"<a>&#xFFFE;</a>", "ampersand"},
		{"<a>&#X41;</a>", "ampersand"},
		{"<a>&#;</a>", "ampersand"},
		{"<a b='&unknown;'/>", "ampersand"},
		{"<a>]]></a>", "]]>"},
		{"<a>\x01</a>", "control character"},
		{"<a>\xff</a>", "not UTF-8"},
		{"<a>\xef\xbf\xbe</a>", "not allowed"},
		{"<a b='\x00'/>", "control character"},
		{"<a><!-- -- --></a>", "two hyphens"},
		{"<a><!-- \x02 --></a>", "control character"},
		{"<a><!-- --->x</a>", "two hyphens"},
		{"<a><![CDATA[</a>", "within a CDATA"},
		{"<a><![CDATA[\x01]]></a>", "control character"},
		{"<a><![cdata[x]]></a>", "declaration, which"},
		{"<!DOCTYPE a><a/>", "document type definition"},
		{"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type definition"},
		{"<a><!ENTITY b 'c'></a>", "declaration, which"},
		{" <?xml version='1.0'?><a/>", "not at the beginning"},
		{"<?XML version='1.0'?><a/>", "not at the beginning"},
		{"<?xml version='1.1'?><a/>", "version"},
		{"<?xml version='1.0' encoding='utf-16'?><a/>", "not UTF-8"},
		{"<?xml version='1.0' encoding='latin1'?><a/>", "not UTF-8"},
		{"<?xml encoding='utf-8'?><a/>", "not in order"},
		{"<?xml version='1.0' more='x'?><a/>", "not in order"},
		{"<?a:b c?><a/>", "colon"},
		{"<?1?><a/>", "does not begin with"},
		{"\xff\xfe<\x00a\x00", "UTF-16"},
		{deep, "deeper"},
		{many + "/>", "more attributes"},
		{"<" + strings.Repeat("a", 2000) + "/>", "name is longer"},
		{"<a b='" + strings.Repeat("x", 2<<20) + "'/>", "longer than allowed"},
		{"<!--" + strings.Repeat("x", 2<<20) + "--><a/>", "longer than allowed"},
		{"<?a " + strings.Repeat("x", 2<<20) + "?><a/>", "longer than allowed"},
	} {
		_, err := tokens(strings.NewReader(c.in), Limits{})
		if syntax := (*SyntaxError)(nil); !errors.As(err, &syntax) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%.80q: %v, want %q", c.in, err, c.reason)
		}
	}
}

func TestDeclarationsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 20 {
		b.WriteString("<a")
		for k := range 100 {
			fmt.Fprintf(&b, " xmlns:p%d_%d='u'", i, k)
		}
		b.WriteString(">")
	}
	if _, err := tokens(strings.NewReader(b.String()), Limits{}); err == nil || !strings.Contains(err.Error(), "more namespaces") {
		t.Error(err)
	}
}

func TestAccepted(t *testing.T) {
	for _, c := range []struct {
		in       string
		fragment bool
	}{
		{in: "<a/>"}, {in: "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<a/>\r\n"},
		{in: "<?xml version = '1.0' standalone='yes' ?><a/><!-- after -->"},
		{in: "<a >\t</a >"}, {in: "<a b='\"' c=\"'\">]] ]> ></a>"}, {in: "<a xml:space='preserve' b='a\r\nb\tc'/>"},
		{in: "<m.X b.Y='1'/>"}, {in: "<a>\xf0\x9f\x98\x80 \xe4\xbd\xa0</a>"}, {in: "<a>&#13;&#xA;&apos;&gt;</a>"},
		{in: "<a><![CDATA[]]><![CDATA[]]]]><![CDATA[>]]></a>"}, {in: "<a><?b?><?c  d?></a>"}, {in: "<a><!----></a>"},
		{in: "<a xmlns='u'><b xmlns=''><c/></b></a>"}, {in: "<p:a xmlns:p='u'><p:b xmlns:p='v' p:c=''/></p:a>"},
		{in: "", fragment: true}, {in: "<a/><b></b>", fragment: true}, {in: "text<a/> <b/>more", fragment: true},
	} {
		if !agree(t, []byte(c.in), Limits{Fragment: c.fragment}) {
			_, err := tokens(strings.NewReader(c.in), Limits{Fragment: c.fragment})
			t.Errorf("%q: %v", c.in, err)
		}
	}
}

// TestLongText cuts what is longer than a token at every place where it matters.
func TestLongText(t *testing.T) {
	for _, part := range []string{"&#x10000;", "\r\n", "\xf0\x9f\x98\x80", "]]", "&amp;", "x", "]]]", "&lt;\r\n]"} {
		for shift := range 5 {
			text := strings.Repeat("y", shift) + strings.Repeat(part, 5*bufferSize/4/len(part))
			if !agree(t, []byte("<a>"+text+"</a>"), Limits{}) {
				t.Fatalf("%q is refused", part)
			}
			if strings.Contains(part, "&") {
				continue
			}
			if !agree(t, []byte("<a><![CDATA["+text+"]]></a>"), Limits{}) {
				t.Fatalf("%q is refused in a section", part)
			}
		}
	}
	s := NewScanner(strings.NewReader("<a>"+strings.Repeat("x", 4<<20)+"</a>"), Limits{})
	for {
		if _, err := s.Next(); err != nil {
			break
		}
	}
	if cap(s.buf) > 2*bufferSize {
		t.Errorf("the buffer grew to %d bytes for text", cap(s.buf))
	}
}

func TestReadersErrorIsKept(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, in := range []string{"", "<a", "<a>text", "<a><![CDATA[x", "<a/>"} {
		_, err := tokens(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), Limits{})
		if !errors.Is(err, broken) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestReset(t *testing.T) {
	s := NewScanner(strings.NewReader("<a xmlns:p='u'><p:b>"), Limits{})
	for {
		if _, err := s.Next(); err != nil {
			break
		}
	}
	s.Reset(strings.NewReader("<c/>"))
	if kind, err := s.Next(); kind != Start || err != nil || s.Depth() != 1 || s.Offset() != 0 {
		t.Error(kind, err, s.Depth(), s.Offset())
	}
	s.Reset(strings.NewReader("<p:c/>"))
	if _, err := s.Next(); err == nil {
		t.Error("a prefix survived")
	}
}

// TestAgreesWithStandard writes documents at random, most of them well-formed.
func TestAgreesWithStandard(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"<a>", "</a>", "<b xmlns='u'>", "</b>", "<p:c xmlns:p='v' p:d=\"1\">", "</p:c>", "<e/>", "<f  g='&amp;' />", "text", " ", "\r\n", "\r",
		"&lt;", "&#65;", "&#x1F600;", "]]", ">", "\xc3\xa9", "<!-- x -->", "<!--->", "<![CDATA[<&]]>", "<![CDATA[]]>", "<?pi data?>", "&bad;", "<", "\x00", "<h i='\r\n'>", "</h>", "<p:j/>",
	})
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, p := range rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces") {
			b.WriteString(p)
		}
		in := b.String()
		if rapid.Bool().Draw(t, "closed") {
			in = closed(in)
		}
		if agree(t, []byte(in), Limits{Fragment: rapid.Bool().Draw(t, "fragment")}) {
			accepted++
		}
	})
	t.Logf("%d were accepted", accepted)
	// With -short there are few inputs, and perhaps none of them is accepted.
	if accepted == 0 && !testing.Short() {
		t.Error("nothing was accepted, and so nothing compared")
	}
}

// closed ends what the pieces leave open, so that more of them are well-formed.
func closed(in string) string {
	var open []string
	for rest := in; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			break
		}
		tag := rest[:end]
		switch name, _, _ := strings.Cut(tag, " "); {
		case tag == "" || strings.HasSuffix(tag, "/") || strings.ContainsAny(tag[:1], "!?"):
		case tag[0] == '/':
			if n := len(open); n > 0 {
				open = open[:n-1]
			}
		default:
			open = append(open, name)
		}
	}
	for _, name := range slices.Backward(open) {
		in += "</" + name + ">"
	}
	return in
}

func samples(t testing.TB) [][]byte {
	files, _ := filepath.Glob("../../../../shared/samples/updates/*.xml")
	if len(files) == 0 {
		t.Skip("the shared samples are absent")
	}
	var all [][]byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

func TestAgreesOnSamples(t *testing.T) {
	for _, data := range samples(t) {
		if !agree(t, data, Limits{}) {
			t.Errorf("%.200q is refused", data)
		}
	}
}

func FuzzMarkup(f *testing.F) {
	for _, in := range []string{rules, "<a/>", "<a b='&#x41;'>]]&gt;</a>", "<?xml version='1.0'?><a/>", "<a><![CDATA[x]]></a>", "<a:b xmlns:a='u' a:c=''/>", "a<b/>c<d></d>", "<!DOCTYPE a><a/>", "\xef\xbb\xbf<a/>"} {
		f.Add([]byte(in), false)
		f.Add([]byte(in), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, fragment bool) {
		agree(t, data, Limits{Fragment: fragment})
	})
}

// document repeats what real documents consist of.
func document(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`<upd:Update xmlns:upd="http://schemas.microsoft.com/msus/2002/12/Update" xmlns:bar="http://schemas.microsoft.com/msus/2002/12/BaseApplicabilityRules" xmlns:lar="urn:lar">`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `<lar:And><lar:Not><bar:RegDword Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Example\Product %d\Updates" Value="Type" Comparison="EqualTo" Data="%d" xmlns:bar="http://schemas.microsoft.com/msus/2002/12/BaseApplicabilityRules" /></lar:Not><upd:UpdateIdentity UpdateID="11111111-2222-4333-8444-%012d" /><upd:Title>A title of some length for update %d</upd:Title></lar:And>`, i, i, i, i)
	}
	b.WriteString("</upd:Update>")
	return b.Bytes()
}

func TestScanningAllocatesNothingPerToken(t *testing.T) {
	data := document(1 << 20)
	s := NewScanner(nil, Limits{})
	r := bytes.NewReader(nil)
	n := testing.AllocsPerRun(5, func() {
		r.Reset(data)
		s.Reset(r)
		for {
			if _, err := s.Next(); err != nil {
				break
			}
		}
	})
	if n > 10 {
		t.Errorf("scanning a document made %v allocations", n)
	}
}

// BenchmarkScanner reports how much faster than encoding/xml the scanner is on
// the same document in the same run.
func BenchmarkScanner(b *testing.B) {
	data := document(8 << 20)
	var ours, theirs float64
	b.Run("markup", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		s := NewScanner(nil, Limits{})
		for b.Loop() {
			s.Reset(bytes.NewReader(data))
			for {
				if _, err := s.Next(); err != nil {
					break
				}
			}
		}
		ours = b.Elapsed().Seconds() / float64(b.N)
	})
	b.Run("standard", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			d := xml.NewDecoder(bytes.NewReader(data))
			for {
				if _, err := d.Token(); err != nil {
					break
				}
			}
		}
		theirs = b.Elapsed().Seconds() / float64(b.N)
		if ours > 0 {
			b.ReportMetric(theirs/ours, "times-slower")
		}
	})
}
