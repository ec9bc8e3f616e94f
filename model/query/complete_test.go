package query

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func textsOf(all []Suggestion) (out []string) {
	for _, s := range all {
		out = append(out, s.Text)
	}
	return out
}

func TestComplete(t *testing.T) {
	w := testWorld()
	cases := []struct {
		on   Subject
		text string
		want []string // all of them, or the first when the last is "…"
	}{
		{OnUpdates, "sev", []string{"severity:"}},
		{OnUpdates, "needed:>0 SEV", []string{"severity:"}},
		{OnUpdates, "!sev", []string{"severity:"}},
		{OnUpdates, "(class:tool or sev", []string{"severity:"}},
		{OnUpdates, "", []string{"id:", "kb:", "bulletin:", "…"}},
		{OnUpdates, "restart", []string{"pending-restart:", "is:restart"}},
		{OnUpdates, "super", []string{"is:superseded", "is:superseding"}},
		{OnUpdates, "severity:", []string{"severity:unspecified", "severity:low", "severity:moderate", "severity:important", "severity:critical"}},
		{OnUpdates, "severity:c", []string{"severity:critical"}},
		{OnUpdates, "Severity:C", []string{"Severity:critical"}},
		{OnUpdates, "severity:>=imp", []string{"severity:>=important"}},
		{OnUpdates, "class:security,", []string{"class:security,critical", "class:security,definition", "…"}},
		{OnUpdates, "class:security,pack", []string{"class:security,service-pack", "class:security,feature-pack"}},
		{OnUpdates, "is:de", []string{"is:declined"}},
		{OnUpdates, "needed:", []string{"needed:>0", "needed:0", "needed:>10"}},
		{OnUpdates, "needed:>", []string{"needed:>0", "needed:>10"}},
		{OnUpdates, "in:web", []string{"in:Webcams", `in:"Web Servers"`, "in:webcams"}},
		{OnUpdates, "in:serv", []string{`in:"All Servers"`, `in:"Web Servers"`}},
		{OnUpdates, `in:"web s`, []string{`in:"Web Servers"`}},
		{OnUpdates, "approved:an", []string{"approved:any", `approved:"any"`}},
		{OnUpdates, `approved:"Web Servers",be`, []string{`approved:"Web Servers",Berlin`}},
		{OnUpdates, "product:deb", []string{`product:"Debian 12 (bookworm)"`}},
		{OnUpdates, "product:11", []string{`product:"Windows 11"`}},
		{OnUpdates, "upstream:m", []string{`upstream:"Microsoft Update"`}},
		{OnUpdates, "deadline:", []string{"deadline:any", "deadline:none", "deadline:<now", "deadline:<7d"}},
		{OnUpdates, "nofield:x", nil},
		{OnUpdates, "zzz", nil},
		{OnUpdates, `title:"sev`, nil},
		{OnComputers, "nee", []string{"needed:", "needs:("}},
		{OnComputers, "needs:", []string{"needs:("}},
		{OnComputers, "needs:(sev", []string{"severity:"}},
		{OnComputers, "needs:sev", []string{"severity:"}},
		{OnComputers, "needs:(class:secu", []string{"class:security"}},
		{OnComputers, "needs:(openssl) ro", []string{"role:"}},
		{OnComputers, "needs:((openssl) ro", nil},
		{OnComputers, "(ro", []string{"role:"}},
		{OnComputers, "group:=be", []string{"group:=Berlin"}},
		{OnComputers, "is:un", []string{"is:unassigned"}},
		{OnComputers, "mode:", []string{"mode:scheduled", "mode:download", "mode:notify", "mode:disabled"}},
	}
	for _, c := range cases {
		got := textsOf(Complete(c.on, c.text, w))
		want := c.want
		if len(want) > 0 && want[len(want)-1] == "…" {
			want = want[:len(want)-1]
			got = got[:min(len(got), len(want))]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", c.text, got, want)
		}
	}
	if got := textsOf(Complete(OnUpdates, "in:", nil)); len(got) != 0 {
		t.Errorf("without a world there are no groups, but %q", got)
	}
	if got := textsOf(Complete(OnUpdates, "class:tool", nil)); !slices.Equal(got, []string{"class:tool"}) {
		t.Errorf("without a world: %q", got)
	}
}

// Every completion of a whole value gives a query that parses and that knows
// its groups, and says what it means.
func TestCompletionsParse(t *testing.T) {
	w := testWorld()
	for _, on := range []Subject{OnUpdates, OnComputers} {
		for _, f := range Fields(on) {
			for _, text := range []string{f.Name + ":", "(" + f.Name + ":", "needed:>0 -" + f.Name + ":"} {
				for _, s := range Complete(on, text, w) {
					whole := text[:WordStart(on, text)] + s.Text
					if strings.HasPrefix(whole, "(") {
						whole += ")"
					}
					if f.Name == "needs" || f.Name == "in" && strings.Contains(whole, "-in") {
						continue
					}
					var err error
					if on == OnUpdates {
						q, e := ParseUpdates(whole)
						if err = e; e == nil {
							err = q.Check(w)
						}
					} else {
						q, e := ParseComputers(whole)
						if err = e; e == nil {
							err = q.Check(w)
						}
					}
					if err != nil {
						t.Errorf("%s: %v", whole, err)
					}
					if s.Meaning == "" {
						t.Errorf("%s has no meaning", whole)
					}
				}
			}
		}
	}
}

// docs is where the reference for users stands.
const docs = "../../docs/query-language.md"

// The examples of the fields parse, and the reference for users names every
// field, every word of every enumeration, and nothing that does not exist.
func TestReference(t *testing.T) {
	data, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	updatesPart, computersPart, found := strings.Cut(text, "\n## Computers\n")
	if !found {
		t.Fatal("the reference has no part on computers")
	}
	computersPart, entriesPart, found := strings.Cut(computersPart, "\n## Journal\n")
	if !found {
		t.Fatal("the reference has no part on the journal")
	}
	for on, part := range map[Subject]string{OnUpdates: updatesPart, OnComputers: computersPart, OnEntries: entriesPart} {
		for _, f := range Fields(on) {
			var err error
			if on == OnEntries {
				_, err = ParseEntries(f.Example)
			} else if on == OnUpdates {
				_, err = ParseUpdates(f.Example)
			} else {
				_, err = ParseComputers(f.Example)
			}
			if err != nil || f.Meaning == "" || !strings.Contains(f.Example, f.Name+":") {
				t.Errorf("%s: example %s, meaning %q: %v", f.Name, f.Example, f.Meaning, err)
			}
			if !strings.Contains(part, "| `"+f.Name+"` |") {
				t.Errorf("%s has no row for `%s`", docs, f.Name)
			}
		}
	}
	words := func(fields map[string][]Suggestion, part string) {
		for name, all := range fields {
			for _, s := range all {
				if strings.IndexFunc(s.Text, func(r rune) bool { return r < 'a' || r > 'z' }) == 0 {
					continue // an example, not a word
				}
				if !strings.Contains(part, "`"+s.Text+"`") {
					t.Errorf("%s does not name `%s` of %s:", docs, s.Text, name)
				}
			}
		}
	}
	onUpdates, onComputers := map[string][]Suggestion{}, map[string][]Suggestion{}
	for _, f := range updates.fields {
		onUpdates[f.Name] = f.words
	}
	for _, f := range computers.fields {
		onComputers[f.Name] = f.words
	}
	words(onUpdates, updatesPart)
	words(onComputers, computersPart)

	// Code blocks hold whole queries, marked by their subject.
	for on, part := range map[string]string{"updates": text, "computers": text} {
		for _, block := range strings.Split(part, "```"+on+"\n")[1:] {
			body, _, _ := strings.Cut(block, "```")
			for line := range strings.Lines(body) {
				line, _, _ = strings.Cut(strings.TrimSpace(line), "   ")
				var err error
				if on == "updates" {
					_, err = ParseUpdates(line)
				} else {
					_, err = ParseComputers(line)
				}
				if err != nil {
					t.Errorf("%s: %s: %v", docs, line, err)
				}
			}
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"needed", "severity", "released", "not-applicable", "no-status"}
	for word, want := range map[string]string{
		"need": "needed", "neded": "needed", "severty": "severity", "SEVERITY": "severity", "relaesed": "released", "applicable": "not-applicable", "status": "no-status", "qqqq": "", "": "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
