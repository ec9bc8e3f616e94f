package query

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
)

func TestErrors(t *testing.T) {
	onUpdates := []struct {
		text       string
		column     int
		message    string // a part of it
		suggestion string
	}{
		// fields
		{"clas:security", 1, `there is no field "clas"`, "class:"},
		{"needed:>0 sev:critical", 11, `there is no field "sev"`, "severity:"},
		{"relased:<2026-01-01", 1, "no field", "released:"},
		{"kbb:1", 1, "no field", "kb:"},
		{"xyzzy:1", 1, "no field", ""},
		{"classification:security", 1, "no field", "class:"},
		{"neede>0", 1, "no field", "needed:"},
		{"group:Web", 1, "is asked of computers", "in:"},
		{"role:server", 1, "is asked of computers", ""},
		{"declined:yes", 1, "no field", "is:declined"},
		{"((openssl clas:security))", 11, "no field", "class:"},
		{"été clas:security", 5, "no field", "class:"}, // columns count characters, not bytes
		// values
		{"class:securty", 7, `does not know "securty"`, "class:security"},
		{"class:security,toll", 16, `does not know "toll"`, "class:tool"},
		{"class:zzz", 7, "critical, security, definition", ""},
		{"class:zz*", 7, "does not know", ""},
		{"severity:crit", 10, "does not know", "severity:critical"},
		{"severity:>=imp", 10, "does not know", "severity:>=important"},
		{"class:>security", 7, "has no order", ""},
		{"is:superceded", 4, "does not know", "is:superseded"},
		{"!is:delcined", 5, "does not know", "is:declined"},
		{"approval:approved", 10, "does not know", "approval:not-approved"},
		{"content:reedy", 9, "does not know", "content:ready"},
		{"needed:many", 8, "wants a number", ""},
		{"needed:-1", 8, "wants a number", ""},
		{"needed:>0 failed:>1x", 18, "wants a number", ""},
		{"needed:99999999999", 8, "wants a number", ""},
		{"needed:1*", 8, "wants a number", ""},
		{"needed:>", 8, "must follow", ""},
		{"needed: >0", 8, "must follow the colon", ""},
		{"needed:> 0", 8, `must follow ">"`, ""},
		{"size:>100parsecs", 6, "wants a number of bytes", ""},
		{"size:.5GB", 6, "wants a number of bytes", ""},
		{"size:99999999999999TB", 6, "wants a number of bytes", ""},
		{"age:>14", 5, "wants a length of time", "age:>14d"},
		{"age:>2026-01-01", 5, "wants a length of time", ""},
		{"age:>500y", 5, "wants a length of time", ""},
		{"age:>1d1d", 5, "wants a length of time", ""},
		{"released:<2026-13-01", 10, "wants a date", ""},
		{"released:<2026-02-30", 10, "wants a date", ""},
		{"released:0001-01-01", 10, "wants a date", ""},
		{"released:0001-01-01T00:00:00Z", 10, "wants a date", ""},
		{"released:14", 10, "wants a date", "released:14d"},
		{"released:2026*", 10, "wants a date", ""},
		{"deadline:soon", 10, "wants a date", ""},
		{"deadline:<any", 10, "wants a date", ""},
		{"installed-or-not-applicable:<190", 29, "percentage", ""},
		{"installed-or-not-applicable:<x", 29, "percentage", ""},
		{"kb:abc", 4, "number of an article", ""},
		{"title:>x", 7, "has no order", ""},
		{"title:", 7, "must follow the colon", ""},
		{"title:a,", 9, "missing at the comma", ""},
		{"title:a,,b", 9, "missing at the comma", ""},
		{"title:(a or b)", 7, "takes no parentheses", ""},
		{`title:""`, 7, "nothing in the quotes", ""},
		{`title:a*b`, 8, "a star stands", ""},
		{"title:***", 8, "a star stands", ""},
		{"title:=a*", 7, "does not go with a star", ""},
		{"lib*c", 4, "a star stands", ""},
		// in:
		{"in:A,B", 6, "one group", ""},
		{"in:We*", 4, "one group", ""},
		{"in:A in:B", 6, "twice", ""},
		{"!in:A", 2, "whole query", ""},
		{"in:A or needed:>0", 1, "whole query", ""},
		{"openssl (tzdata or in:A)", 20, "whole query", ""},
		// shape
		{`"open`, 1, "quote is not closed", ""},
		{`title:"open`, 7, "quote is not closed", ""},
		{`""`, 1, "nothing in the quotes", ""},
		{"(a", 1, "not closed", ""},
		{"a (b (c)", 3, "not closed", ""},
		{"a)", 2, "not opened", ""},
		{"()", 2, "a term is missing", ""},
		{"or a", 1, "a term is missing", ""},
		{"a or", 5, "a term is missing at the end", ""},
		{"a or or b", 6, "a term is missing", ""},
		{"(a or )", 7, `missing before ")"`, ""},
		{"and a", 1, "a term is missing", ""},
		{"a and and b", 7, "a term is missing", ""},
		{"a and or b", 7, "a term is missing", ""},
		{"not", 4, "missing after", ""},
		{"a not or b", 7, "missing after", ""},
		{"!", 1, "negates the term", ""},
		{"a - b", 3, "negates the term", ""},
		{"a ! b", 3, "negates the term", ""},
		{"(a !)", 4, "negates the term", ""},
		{strings.Repeat("(", maxDepth+1) + "a", maxDepth + 1, "nested", ""},
		{strings.Repeat("a", maxLength+1), 1, "characters", ""},
		{strings.Repeat(`' `, maxLength/2), 1, "too long", ""}, // grows by quotes
	}
	for _, c := range onUpdates {
		q, err := ParseUpdates(c.text)
		checkError(t, c.text, q != nil, err, c.column, c.message, c.suggestion)
	}
	onComputers := []struct {
		text       string
		column     int
		message    string
		suggestion string
	}{
		{"in:Web", 1, "is asked of updates", "group:"},
		{"class:security", 1, "is asked of updates", "needs:(class:…)"},
		{"nam:web", 1, "no field", "name:"},
		{"ip:10.0.0.1", 1, "no field", "address:"},
		{"status:fail", 8, "does not know", "status:failed"},
		{"platform:windos", 10, "does not know", "platform:windows"},
		{"mode:schedule", 6, "does not know", "mode:scheduled"},
		{"why:", 5, "must follow the colon", ""},
		{"contact:>2", 9, "wants a date", "contact:>2d"},
		{"contact:<never", 9, "wants a date", ""},
		{"group:>Web", 7, "has no order", ""},
		{"needs:", 7, "must follow the colon", ""},
		{"needs:()", 8, "a term is missing", ""},
		{"needs:(class:securty)", 14, "does not know", "class:security"},
		{"needs:class:securty", 13, "does not know", "class:security"},
		{"needs:(role:server)", 8, "is asked of computers", ""},
		{"needs:(openssl", 7, "not closed", ""},
		{"needs:(in:A or x)", 8, "whole query", ""},
		{"web needs:(needs:(x))", 12, "is asked of computers", ""},
	}
	for _, c := range onComputers {
		q, err := ParseComputers(c.text)
		checkError(t, c.text, q != nil, err, c.column, c.message, c.suggestion)
	}
}

func checkError(t *testing.T, text string, parsed bool, err error, column int, message, suggestion string) {
	t.Helper()
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	var e *Error
	switch {
	case parsed || !errors.As(err, &e):
		t.Errorf("%s: parsed, or gave another error: %v", text, err)
	case e.Column != column || !strings.Contains(e.Message, message) || e.Suggestion != suggestion:
		t.Errorf("%s: column %d, %q, %q; want column %d, %q, %q", text, e.Column, e.Message, e.Suggestion, column, message, suggestion)
	}
}

func TestErrorText(t *testing.T) {
	_, err := ParseUpdates("needed:>0 clas:security")
	if want := `column 11: there is no field "clas"; as text it stands in quotes. Did you mean class:?`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// Text from outside is harmless in messages, and does not fill the screen.
	_, err = ParseUpdates("class:" + strings.Repeat("\u202ex\x1b]0;evil\x07", 100))
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\x07\u202e") || len(err.Error()) > 300 {
		t.Errorf("got %q", err)
	}
}

func TestCanonicalText(t *testing.T) {
	for text, want := range map[string]string{
		"  openssl   needed:>0 ":              "openssl needed:>0",
		"NEEDED:>0 Class:SECURITY,Tool":       "needed:>0 class:security,tool",
		`class:"Security Updates"`:            "class:security",
		"kb:KB5034441":                        "kb:5034441",
		"cve:2024-1":                          "cve:CVE-2024-1",
		"not -a":                              "a",
		"- a":                                 "", // an error
		"-a AND NOT b":                        "!a !b",
		"((a)) (b c)":                         "a b c",
		"a or (b or c)":                       "a or b or c",
		"(a or b) c":                          "(a or b) c",
		"!(a b)":                              "!(a b)",
		"!(a)":                                "!a",
		`title:"a"`:                           "title:a",
		`title:"a b"*`:                        `title:"a b"*`,
		`title:*"a*b"*`:                       `title:*"a*b"*`,
		`"or" "a:b" "-x" "!x" x-y`:            `"or" "a:b" "-x" "!x" x-y`,
		`"say \"hi\" \\ \n"`:                  `"say \"hi\" \\ \\n"`,
		`DOMAIN\host`:                         `"DOMAIN\\host"`,
		"needed=3":                            "needed:3",
		"severity:=critical":                  "severity:critical",
		"package:=x title:=x":                 "package:x title:=x",
		`approved:any,"any","Web Servers",=x`: `approved:any,"any","Web Servers",x`,
		"not_applicable:1":                    "not-applicable:1",
		"installed-or-not-applicable:<90.5%":  "installed-or-not-applicable:<90.5",
		"released:<2026-01-02T03:04:05+02:00": `released:<2026-01-02T03:04:05+02:00`,
		"version:1:2~3":                       "version:1:2~3",
		"1:2~3":                               `"1:2~3"`,
		"a\u00a0b":                            "a b",
		"approval:none":                       "approval:not-approved",
		"is:license":                          "is:licence",
		"title:**":                            "title:*",
	} {
		q, err := ParseUpdates(text)
		if want == "" {
			if err == nil {
				t.Errorf("%s parsed", text)
			}
			continue
		}
		if err != nil || q.String() != want {
			t.Errorf("%s: %v (%v), want %s", text, q, err, want)
		}
	}
	for text, want := range map[string]string{
		"needs:openssl":            "needs:(openssl)",
		"needs:class:security web": "needs:(class:security) web",
		"needs:((a or b) c)":       "needs:((a or b) c)",
		"!needs:(!a)":              "!needs:(!a)",
		`group:="Web Servers",B`:   `group:="Web Servers",B`,
		"fe80::1 cafe::1":          `"fe80::1" "cafe::1"`,
		"address:fe80::1":          "address:fe80::1",
	} {
		q, err := ParseComputers(text)
		if err != nil || q.String() != want {
			t.Errorf("%s: %v (%v), want %s", text, q, err, want)
		}
	}
}

// Deep nesting within the bound parses, and a long list does.
func TestBounds(t *testing.T) {
	deep := strings.Repeat("(", maxDepth) + "a" + strings.Repeat(")", maxDepth)
	if q, err := ParseUpdates(deep); err != nil || q.String() != "a" {
		t.Errorf("%v, %v", q, err)
	}
	long := "id:" + strings.TrimSuffix(strings.Repeat("59653007-e2e9-4f71-8525-2ff588527978,", 1700), ",")
	if q, err := ParseUpdates(long); err != nil || q.String() != long {
		t.Error(err)
	}
	if _, err := ParseUpdates(strings.Repeat("!", 60_000) + "a"); err != nil {
		t.Error(err)
	}
	if q, err := ParseComputers(strings.Repeat("not ", 10_001) + "a"); err != nil || q.String() != "!a" {
		t.Error(err)
	}
}

// drawValue makes text that is awkward to quote.
func drawValue(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune(`ab1 "\*(),:<>=!-or.é`)), 1, 8, -1),
		rapid.SampledFrom([]string{"or", "and", "not", "any", "none", "never", "needed:>0", "a b", `"`, `\`, "*", "-", "é"}),
	).Draw(t, label)
}

func quoteValue(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// drawQuery makes a query's text of terms, operators and parentheses.
func drawQuery(t *rapid.T, terms []string, depth int) string {
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		return drawQuery(t, terms, depth-1) + " " + drawQuery(t, terms, depth-1)
	case 2:
		return "(" + drawQuery(t, terms, depth-1) + " or " + drawQuery(t, terms, depth-1) + ")"
	case 3:
		return "!(" + drawQuery(t, terms, depth-1) + ")"
	case 4:
		return "not " + drawQuery(t, terms, depth-1) + " AND -" + quoteValue(drawValue(t, "negated"))
	case 5:
		return quoteValue(drawValue(t, "bare"))
	case 6:
		return "title:" + rapid.SampledFrom([]string{"", "=", "*"}).Draw(t, "op") + quoteValue(drawValue(t, "title")) + "," + quoteValue(drawValue(t, "second"))
	}
	return rapid.SampledFrom(terms).Draw(t, "term")
}

var updateSamples = []string{
	"class:security", "class:upd*", "kb:*", "needed:>0", "needed:0,>2", "age:>14d", "age:20d", "released:<2026-01-01", "released:today", "severity:>=important",
	"is:superseded,new", "is:overdue", "approved:any", `approved:"any"`, `effective:"Web Servers"`, "approval:not-approved", "deadline:none,<7d", "size:>100MB",
	"content:ready", "product:bookworm", "language:none", "installed-or-not-applicable:<90", "openssl", "*ssl*", "tz*",
}

var computerSamples = []string{
	"role:server", "platform:linux", "name:web*", "address:10.0.0.0/8", "os:debian", "group:=Berlin", `group:"web servers"`, "needed:>0", "needs:(class:security or openssl)",
	"needs:tzdata", "contact:>2d", "reported:never", "status:ok,failed", "why:stale", "mode:disabled", "is:restart-pending", "is:unassigned", "web", "fe80::1",
}

// The canonical text parses to the same query: the same text again, and the
// same answer for every row.
func TestRoundTrip(t *testing.T) {
	w := testWorld()
	rows := updateRows(w)
	all := testComputers()
	rapid.Check(t, func(t *rapid.T) {
		text := drawQuery(t, updateSamples, 4)
		q, err := ParseUpdates(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := ParseUpdates(q.String())
		if err != nil || again.String() != q.String() {
			t.Fatalf("%s became %s, which does not parse to itself (%v)", text, q, err)
		}
		for _, r := range rows {
			if q.Match(w, r, now) != again.Match(w, r, now) {
				t.Fatalf("%s and its canonical %s differ on %s", text, q, r.Title)
			}
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		terms := append([]string{"needs:(" + strings.ReplaceAll(drawQuery(t, updateSamples, 2), "title:", "version:") + ")"}, computerSamples...)
		text := strings.ReplaceAll(drawQuery(t, terms, 3), "title:", "name:")
		q, err := ParseComputers(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := ParseComputers(q.String())
		if err != nil || again.String() != q.String() {
			t.Fatalf("%s became %s, which does not parse to itself (%v)", text, q, err)
		}
		for _, c := range all {
			if q.Match(w, c, now) != again.Match(w, c, now) {
				t.Fatalf("%s and its canonical %s differ on %s", text, q, c.Name)
			}
		}
	})
}

// Filter, which remembers, and Match, which does not, agree; and negation,
// "and" and "or" mean what they say.
func TestAlgebra(t *testing.T) {
	w := testWorld()
	rows := updateRows(w)
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawQuery(t, updateSamples, 2), drawQuery(t, updateSamples, 2)
		parse := func(text string) *Updates {
			q, err := ParseUpdates(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			return q
		}
		qa, qb, and, or, not := parse(a), parse(b), parse("("+a+") ("+b+")"), parse("("+a+") or ("+b+")"), parse("!("+a+")")
		got, err := and.Filter(t.Context(), w, rows, now)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for _, r := range rows {
			ma, mb := qa.Match(w, r, now), qb.Match(w, r, now)
			if and.Match(w, r, now) != (ma && mb) || or.Match(w, r, now) != (ma || mb) || not.Match(w, r, now) == ma {
				t.Fatalf("(%s), (%s) on %s", a, b, r.Title)
			}
			if ma && mb {
				if i >= len(got) || got[i] != r {
					t.Fatalf("(%s) (%s): Filter misses %s", a, b, r.Title)
				}
				i++
			}
		}
		if i != len(got) {
			t.Fatalf("Filter gave %d rows, not %d", len(got), i)
		}
	})
}

// A pattern finds what lower-casing both sides would find.
func TestPatterns(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abAB 1-éÉxX")), 0, 20, -1)
	rapid.Check(t, func(t *rapid.T) {
		s, needle := text.Draw(t, "text"), rapid.StringOfN(rapid.SampledFrom([]rune("abAB 1-éx")), 1, 4, -1).Draw(t, "needle")
		low, n := strings.ToLower(s), strings.ToLower(needle)
		for mode, want := range map[mode]bool{
			modeContains: strings.Contains(low, n), modePrefix: strings.HasPrefix(low, n), modeSuffix: strings.HasSuffix(low, n), modeExact: low == n,
		} {
			p := newPattern(value{text: needle}, mode)
			if p.match(s) != want {
				t.Fatalf("mode %d of %q in %q is not %v", mode, needle, s, want)
			}
		}
	})
}

// FuzzParse: whatever the text, parsing ends without a panic, in an error with
// a column within the text or in a query whose canonical text parses to itself;
// matching and completing go through too.
func FuzzParse(f *testing.F) {
	for _, s := range append(append([]string{}, updateSamples...), computerSamples...) {
		f.Add(s, true)
		f.Add("!("+s+" or "+s+")", false)
	}
	for _, s := range []string{`"`, `\`, "((", "needs:(", "needs:needs:a", "a\xff:b", "title:*\x00", "in:a in:b", "- ", "size:1e9", "age:1d2h3s", "released:2026-01-01T00:00:00+14:00"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	w := testWorld()
	rows, all := updateRows(w), testComputers()
	f.Fuzz(func(t *testing.T, text string, computers bool) {
		var canonical string
		var err error
		parse := func(text string) (string, error) {
			if computers {
				q, err := ParseComputers(text)
				if err != nil {
					return "", err
				}
				for _, c := range all {
					q.Match(w, c, now)
				}
				return q.String(), nil
			}
			q, err := ParseUpdates(text)
			if err != nil {
				return "", err
			}
			if _, err := q.Filter(t.Context(), w, rows, now); (err == nil) != (q.Check(w) == nil) {
				t.Fatalf("Filter and Check differ: %v", err)
			}
			return q.String(), nil
		}
		subject := OnUpdates
		if computers {
			subject = OnComputers
		}
		start := WordStart(subject, text)
		if start < 0 || start > len(text) {
			t.Fatalf("the last word begins at %d", start)
		}
		Complete(subject, text, w)
		canonical, err = parse(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len([]rune(model.Clean(text)))+1 {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := parse(canonical)
		if err != nil || again != canonical {
			t.Fatalf("%q became %q, which became %q (%v)", text, canonical, again, err)
		}
	})
}
