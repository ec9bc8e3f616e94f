package theme

import (
	"fmt"
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

// palettes16 are what terminals show for the 16 colours.
var palettes16 = map[string][16]string{
	"xterm": {"#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5", "#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff"},
	"linux": {"#000000", "#aa0000", "#00aa00", "#aa5500", "#0000aa", "#aa00aa", "#00aaaa", "#aaaaaa", "#555555", "#ff5555", "#55ff55", "#ffff55", "#5555ff", "#ff55ff", "#55ffff", "#ffffff"},
	"putty": {"#000000", "#bb0000", "#00bb00", "#bbbb00", "#0000bb", "#bb00bb", "#00bbbb", "#bbbbbb", "#555555", "#ff5555", "#55ff55", "#ffff55", "#5555ff", "#ff55ff", "#55ffff", "#ffffff"},
}

// xterm256 is the colour of an index above the first 16: a cube, then greys.
func xterm256(n int) string {
	hex := func(r, g, b int) string { return fmt.Sprintf("#%02x%02x%02x", r, g, b) }
	if n >= 232 {
		v := 8 + 10*(n-232)
		return hex(v, v, v)
	}
	level := func(i int) int {
		if i == 0 {
			return 0
		}
		return 55 + 40*i
	}
	n -= 16
	return hex(level(n/36), level(n/6%6), level(n%6))
}

func tokens(p palette) map[string]token {
	return map[string]token{"title": p.title, "muted": p.muted, "header": p.header, "tab": p.tab, "cursor": p.cursor, "mark": p.mark,
		"key": p.key, "good": p.good, "info": p.info, "warn": p.warn, "bad": p.bad, "setup": p.setup, "line": p.line}
}

// TestContrastAsTerminalsShowIt reads the colour out of what is sent, with 256
// colours and with 16, and holds what terminals make of it to the theme's ratio:
// a conversion may turn a good colour into one that cannot be read.
func TestContrastAsTerminalsShowIt(t *testing.T) {
	check := func(theme, name, depth, colour, ground string, least float64) {
		if got := contrast(colour, ground); got < least {
			t.Errorf("%s, %s: %s is %s on %s, with contrast %.1f, less than %.1f", theme, depth, name, colour, ground, got, least)
		}
	}
	for _, p := range palettes {
		for name, k := range tokens(p) {
			code := func(profile termenv.Profile) (codes []int) {
				seq := strings.TrimSuffix(strings.TrimPrefix(k.sequence(Terminal{Profile: profile, Attributes: true}), "\x1b["), "m")
				for f := range strings.SplitSeq(seq, ";") {
					n, _ := strconv.Atoi(f)
					codes = append(codes, n)
				}
				return codes
			}
			if c := code(termenv.ANSI256); len(c) > 2 && c[len(c)-3] == 38 {
				for _, g := range p.ground {
					check(p.name, name, "256 colours", xterm256(c[len(c)-1]), g, p.minimum)
				}
			} else if k.colour != "" {
				t.Errorf("%s: %s has no colour among 256: %v", p.name, name, c)
			}
			for _, n := range code(termenv.ANSI) {
				index := -1
				switch {
				case n >= 30 && n <= 37:
					index = n - 30
				case n >= 90 && n <= 97:
					index = n - 82
				}
				if index < 0 {
					continue
				}
				for terminal, colours := range palettes16 {
					// Of sixteen colours the theme's own ground is one: white or black.
					check(p.name, name, "16 colours of "+terminal, colours[index], p.ground[0], p.minimum)
				}
			}
		}
	}
}

// TestThemesAreFive names them, and holds the settings' list to them.
func TestThemesAreFive(t *testing.T) {
	if got := strings.Join(Names(), " "); got != "dark light high-contrast colour-blind mono" {
		t.Errorf("the themes are %s", got)
	}
}
