package console

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// TestSequencesThatCameInPieces types keys whose sequences a slow line cut: they
// are the keys, not what they are made of.
func TestSequencesThatCameInPieces(t *testing.T) {
	runes := func(s string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(s)} }
	alt := func(s string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(s), Alt: true} }
	esc := tea.KeyMsg{Type: tea.KeyEsc}
	for name, test := range map[string]struct {
		keys []tea.Msg
		want string // the row under the cursor begins with it; a title = the screen
	}{
		"Esc, [B":             {[]tea.Msg{esc, runes("[B")}, "> curl"},
		"Esc, [, B":           {[]tea.Msg{esc, runes("["), runes("B")}, "> curl"},
		"Esc [, B":            {[]tea.Msg{alt("["), runes("B")}, "> curl"},
		"Esc O, B and more":   {[]tea.Msg{alt("O"), runes("Bjj")}, "> nginx"},
		"Esc [, 4, ~":         {[]tea.Msg{alt("["), runes("4"), runes("~")}, "> nginx"},
		"two in a row":        {[]tea.Msg{esc, runes("[B"), esc, runes("[B")}, "> tzdata"},
		"an unknown one":      {[]tea.Msg{esc, runes("[1;"), runes("9R"), runes("j")}, "> curl"},
		"a cut click":         {[]tea.Msg{esc, runes("[<0;5;"), runes("7M")}, "> openssl"},
		"Escape, then a key":  {[]tea.Msg{runes("j"), esc, runes("j")}, "[1 Overview]"},
		"Escape by itself":    {[]tea.Msg{esc, "later"}, "[1 Overview]"},
		"an unfinished one":   {[]tea.Msg{alt("["), "later"}, "[1 Overview]"},
		"Escape twice":        {[]tea.Msg{runes("/"), esc, esc, "later"}, "[1 Overview]"},
		"Escape, then cursor": {[]tea.Msg{runes("/"), esc, tea.KeyMsg{Type: tea.KeyDown}}, "> curl"},
	} {
		d, _ := site(t)
		d.press("home")
		var waiting []tea.Msg // for the end of their time
		d.c.after = func(_ time.Duration, msg tea.Msg) tea.Cmd {
			waiting = append(waiting, msg)
			return nil
		}
		for _, k := range test.keys {
			d.now = d.now.Add(time.Millisecond)
			if k != "later" {
				d.send(k)
				continue
			}
			for _, m := range waiting {
				d.send(m)
			}
		}
		if got := d.cursorLine(); !strings.HasPrefix(got, test.want) && !strings.Contains(d.screen(), test.want) {
			t.Errorf("%s: the cursor is on %q, want %q:\n%s", name, got, test.want, d.screen())
		}
	}
}
