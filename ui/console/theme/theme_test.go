package theme

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/muesli/termenv"
)

func luminance(hex string) float64 {
	channel := func(i int) float64 {
		n, _ := strconv.ParseUint(hex[i:i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.03928 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(1) + 0.7152*channel(3) + 0.0722*channel(5)
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// TestContrast holds every colour of every theme to the ratio that the theme
// promises on the backgrounds that it is meant for.
func TestContrast(t *testing.T) {
	for _, p := range palettes {
		for name, k := range map[string]token{"title": p.title, "muted": p.muted, "header": p.header, "tab": p.tab, "cursor": p.cursor, "mark": p.mark,
			"key": p.key, "good": p.good, "info": p.info, "warn": p.warn, "bad": p.bad, "setup": p.setup, "line": p.line} {
			for _, g := range p.ground {
				if k.colour != "" && contrast(k.colour, g) < p.minimum {
					t.Errorf("%s: %s %s on %s has contrast %.1f, less than %.1f", p.name, name, k.colour, g, contrast(k.colour, g), p.minimum)
				}
			}
		}
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		env     string
		profile termenv.Profile
		attrs   bool
		utf8    bool
	}{
		{"TERM=xterm-256color LANG=en_US.UTF-8", termenv.ANSI256, true, true},
		{"TERM=xterm-256color COLORTERM=truecolor LC_ALL=C.utf8", termenv.TrueColor, true, true},
		{"TERM=xterm-256color NO_COLOR=1 LANG=C.UTF-8", termenv.Ascii, true, true},
		{"TERM=vt220 LANG=en_US.UTF-8", termenv.Ascii, true, false},
		{"TERM=linux LANG=C", termenv.ANSI, true, false},
		{"TERM=screen LC_ALL=C LANG=en_US.UTF-8", termenv.ANSI, true, false},
		{"TERM=dumb LANG=C.UTF-8", termenv.Ascii, false, false},
		{"LANG=C.UTF-8", termenv.Ascii, false, false},
	} {
		env := map[string]string{}
		for kv := range strings.FieldsSeq(c.env) {
			k, v, _ := strings.Cut(kv, "=")
			env[k] = v
		}
		got := Detect(func(k string) string { return env[k] })
		if got.Profile != c.profile || got.Attributes != c.attrs || got.UTF8 != c.utf8 {
			t.Errorf("%s: %+v", c.env, got)
		}
	}
}

// TestSelectionWithoutColour is terminal finding 3: the selected row keeps its
// reverse where there is no colour, and nothing at all is written to a dumb
// terminal.
func TestSelectionWithoutColour(t *testing.T) {
	for _, name := range Names() {
		s, err := New(name, Terminal{Profile: termenv.Ascii, Attributes: true})
		if err != nil {
			t.Fatal(err)
		}
		got := s.Cursor.Render("row")
		if !strings.Contains(got, "7m") || strings.Contains(got, "38") {
			t.Errorf("%s: the selected row is %q", name, got)
		}
		s, _ = New(name, Terminal{Profile: termenv.Ascii})
		if got := s.Cursor.Render("row") + s.Bad.Render("x"); got != "rowx" {
			t.Errorf("%s on a dumb terminal: %q", name, got)
		}
	}
}

func TestUnknownTheme(t *testing.T) {
	if _, err := New("darc", Terminal{}); err == nil || !strings.Contains(err.Error(), "dark, light") {
		t.Errorf("got %v", err)
	}
}
