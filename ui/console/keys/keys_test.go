package keys

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

var update = flag.Bool("update", false, "write docs/keys.md anew")

func TestBuiltinMapHasNoConflicts(t *testing.T) {
	if _, err := New(nil); err != nil {
		t.Error(err)
	}
	seen := map[Action]bool{}
	for _, b := range builtin {
		if seen[b.Action] {
			t.Errorf("action %q has two records", b.Action)
		}
		seen[b.Action] = true
		if b.Short == "" || b.Long == "" || strings.HasSuffix(b.Long, ".") || len(b.Scopes) == 0 {
			t.Errorf("%q is not described well", b.Action)
		}
		for _, k := range b.Keys {
			if !known(k) {
				t.Errorf("%q of %q is not a key", k, b.Action)
			}
		}
	}
}

func TestRebind(t *testing.T) {
	m, err := New(map[string][]string{"approve": {"A", "f2"}, "mark": {}})
	if err != nil {
		t.Fatal(err)
	}
	if b := m.Find(Updates, "f2"); b == nil || b.Action != ApproveIt {
		t.Errorf("f2 is %v", b)
	}
	if m.Find(Updates, "a") != nil || m.Find(Updates, "space") != nil {
		t.Error("a key of before still works")
	}
	for _, c := range []struct {
		keys map[string][]string
		want []string
	}{
		{map[string][]string{"approve": {"d"}}, []string{`"d"`, `"approve"`, `"decline"`, "in update"}},
		{map[string][]string{"approve": {"?"}}, []string{`"?"`, `"approve"`, `"help"`}},
		{map[string][]string{"aprove": {"x"}}, []string{`"aprove"`, `"approve"`}},
		{map[string][]string{"approve": {"alt+a"}}, []string{`"alt+a"`, "approve"}},
		{map[string][]string{"approve": {"ctrl+s"}}, []string{`"ctrl+s"`}},
		{map[string][]string{"quit": {}}, []string{"quit"}},
	} {
		_, err := New(c.keys)
		if err == nil {
			t.Errorf("%v was accepted", c.keys)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v: %q does not name %s", c.keys, err, w)
			}
		}
	}
}

func TestHints(t *testing.T) {
	m, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range m.Hints(Updates)[:5] {
		got = append(got, string(b.Action))
	}
	if want := []string{"open", "approve", "decline", "mark", "filter"}; !slices.Equal(got, want) {
		t.Errorf("the hints of the updates begin with %v, want %v", got, want)
	}
}

func TestNames(t *testing.T) {
	for want, k := range map[string]tea.KeyMsg{
		"space": {Type: tea.KeySpace, Runes: []rune{' '}}, "a": {Type: tea.KeyRunes, Runes: []rune{'a'}}, "ctrl+d": {Type: tea.KeyCtrlD},
		"esc": {Type: tea.KeyEsc}, "pgdown": {Type: tea.KeyPgDown}, "shift+tab": {Type: tea.KeyShiftTab}, "f1": {Type: tea.KeyF1},
	} {
		if got := Name(k); got != want {
			t.Errorf("%v is %q, want %q", k, got, want)
		}
	}
}

// TestDocs holds docs/keys.md to the key map; -update writes it.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "keys.md")
	want := Docs()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date; write it with: go test ./ui/console/keys -update", path)
	}
}
