package applicability

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// FuzzRules reads, says and evaluates whatever comes in: nothing panics or runs
// away, texts hold nothing that a terminal would obey, and reading is stable.
func FuzzRules(f *testing.F) {
	for _, c := range operatorCases {
		f.Add([]byte(`<ApplicabilityRules><IsInstalled>` + c.rule + `</IsInstalled><Metadata>` + c.meta + `</Metadata></ApplicabilityRules>`))
	}
	f.Add([]byte(folded))
	f.Add([]byte(`<ApplicabilityRules><IsInstalled><Not /><b.New a="&#x9b;2J">x</b.New></IsInstalled></ApplicabilityRules>`))
	paths, _ := filepath.Glob(filepath.Join(samples, "updates", "*.xml"))
	for _, path := range paths {
		if b, err := os.ReadFile(path); err == nil && len(b) < 3000 {
			f.Add(b)
		}
	}
	c, err := ReadComputer([]byte(everything))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(b)
		if err != nil || strings.Join(again.FullLines(0), "\n") != strings.Join(r.FullLines(0), "\n") {
			t.Fatalf("a second reading differs: %v", err)
		}
		for _, lines := range [][]string{r.Lines(80), r.FullLines(40)} {
			for _, line := range lines {
				if strings.ContainsFunc(line, unicode.IsControl) || !utf8.ValidString(line) {
					t.Fatalf("a line holds control characters: %q", line)
				}
				if ansi.StringWidth(line) > 80 {
					t.Fatalf("a line is %d wide: %q", ansi.StringWidth(line), line)
				}
			}
		}
		for _, s := range Sections() {
			if rule := r.Section(s); rule != nil {
				if text := rule.Text(); text == "" || strings.ContainsFunc(text, unicode.IsControl) {
					t.Fatalf("a text holds control characters: %q", text)
				}
			}
		}
		for _, computer := range []*Computer{{}, c} {
			for _, w := range r.Evaluate(computer).Why {
				if strings.ContainsFunc(w.Asks+w.Found, unicode.IsControl) {
					t.Fatalf("a reason holds control characters: %+v", w)
				}
			}
		}
	})
}
