package applicability

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGoldenTexts compares what is said of rules, and what they mean for the
// described computers, with what was looked at once. The documents are made for
// this; each has the shape of one that a vendor published.
func TestGoldenTexts(t *testing.T) {
	paths, err := filepath.Glob("testdata/golden/*.xml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no documents: %v", err)
	}
	descriptions, err := filepath.Glob("testdata/computers/*.toml")
	if err != nil || len(descriptions) == 0 {
		t.Fatalf("there are no computers: %v", err)
	}
	var computers []*Computer
	for _, path := range descriptions {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		computers = append(computers, described(t, string(b)))
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var out strings.Builder
		for _, s := range Sections() {
			if rule := r.Section(s); rule != nil {
				fmt.Fprintf(&out, "%s: %s\n", s, rule.Text())
			}
		}
		fmt.Fprintf(&out, "\n%s\n", strings.Join(r.Lines(76), "\n"))
		fmt.Fprintf(&out, "\n%s\n", strings.Join(r.Lines(36), "\n"))
		for _, c := range computers {
			result := r.Evaluate(c)
			fmt.Fprintf(&out, "\n%s: superseded %s\n", c.Name, result.Superseded)
			for _, line := range result.Lines(76) {
				fmt.Fprintf(&out, "  %s\n", line)
			}
		}
		golden := strings.TrimSuffix(path, ".xml") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if out.String() != string(want) {
			t.Errorf("%s differs from %s:\n%s", path, golden, out.String())
		}
	}
}
