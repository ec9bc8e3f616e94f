package console

import (
	"path/filepath"
	"strings"
	"testing"
)

func init() {
	ways = append(ways, way{"filter-offers", []string{"2", "/", "s", "e"}}, way{"filter-values", []string{"2", "/", "s", "e", "v", "tab"}})
}

// lastLines are the prompt and its hints.
func (d *driver) lastLines() string {
	lines := strings.Split(d.screen(), "\n")
	return strings.Join(lines[len(lines)-2:], "\n")
}

// TestFilterLineLeadsAlong offers fields, then their values, with what they
// mean, and counts what is found while somebody writes.
func TestFilterLineLeadsAlong(t *testing.T) {
	d, _ := site(t)
	d.press("/", "ctrl+u").sees("words, or field:value", "42/42")
	d.press("tab").sees("Tab: >id:", "= ")
	d.press("ctrl+u").write("sev").sees("Tab: severity:", "= the vendor's rating")
	d.press("tab").sees("severity:", "Tab: ").seesNot("a value must follow")
	d.press("tab", "tab")
	if l := d.lastLines(); !strings.Contains(l, ": severity: ") || !strings.Contains(l, " >") || !strings.Contains(l, "= ") {
		t.Errorf("the line is\n%s", l)
	}
	d.press("ctrl+u").write("class:security").sees("9/42")
	d.press("ctrl+u").write("neded:>0").sees("column 1", "Tab writes needed")
	d.press("tab").sees("filter: needed")
	d.press("ctrl+u").write("severity:").press("enter").sees("a value must follow")
}

// TestFilterHistoryIsKept offers the filters of the last session.
func TestFilterHistoryIsKept(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *Options) { o.StatePath = state }
	d, s := site(t, keep)
	d.press("/", "ctrl+u").write("package:curl").press("enter", "/", "ctrl+u").write("package:bash").press("enter")
	again := drive(t, s, 80, 24, keep)
	again.press("2", "/", "up").sees("filter: package:bash").press("up").sees("filter: package:curl").press("down").sees("filter: package:bash").press("esc")
}
