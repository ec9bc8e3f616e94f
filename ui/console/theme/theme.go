// Package theme turns the words of the design (selected, needed, failed, muted)
// into what a terminal can show.
//
// A theme is a table of tokens; a terminal is what is known of the session's
// screen; Styles is both put together, built once per session and passed down.
// There are no globals and no colour literals anywhere else: a served session
// has its own terminal.
//
// Styles write their escape sequences themselves. Lip Gloss drops reverse and
// bold along with the colours on vt220 and under NO_COLOR, which makes the
// selected row invisible (terminal finding 3), and costs fifty times as much per
// cell. Everything that a style says is also said by text: `>` before the
// cursor's row, `*` before a marked one, words for severities and levels.
package theme

import (
	"fmt"
	"strings"

	"github.com/muesli/termenv"
)

// Terminal is what is known of the screen that a session draws on.
type Terminal struct {
	Profile    termenv.Profile // which colours; termenv.Ascii is none
	Attributes bool            // reverse, bold and underline may be used: all but dumb terminals
	UTF8       bool            // characters beyond ASCII may be drawn
	Type       string          // TERM
	Tmux       bool            // it is one of tmux, whatever TERM says
}

// Detect reads a session's environment: TERM, COLORTERM, NO_COLOR, CLICOLOR and
// the locale. Nothing is asked of the terminal itself.
func Detect(env func(string) string) Terminal {
	t := Terminal{Type: env("TERM"), Profile: termenv.Ascii, Attributes: true}
	term := strings.ToLower(t.Type)
	t.Tmux = env("TMUX") != "" || strings.HasPrefix(term, "tmux")
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(term, w) {
				return true
			}
		}
		return false
	}
	switch deep := strings.ToLower(env("COLORTERM")); {
	case term == "" || term == "dumb":
		t.Attributes = false
	case (deep == "truecolor" || deep == "24bit") && !has("screen"), has("kitty", "ghostty", "wezterm", "alacritty", "direct"):
		t.Profile = termenv.TrueColor
	case has("256color"):
		t.Profile = termenv.ANSI256
	case has("linux", "xterm", "rxvt", "screen", "tmux", "konsole", "color", "ansi"):
		t.Profile = termenv.ANSI
	}
	if env("NO_COLOR") != "" || env("CLICOLOR") == "0" {
		t.Profile = termenv.Ascii
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env(name)); v != "" {
			t.UTF8 = strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
			break
		}
	}
	// A real or emulated DEC terminal on a serial line has no UTF-8, whatever
	// the locale of the machine behind it says.
	if strings.HasPrefix(term, "vt") || !t.Attributes {
		t.UTF8 = false
	}
	return t
}

// Style is one way to show text.
type Style struct{ on string }

// Render shows a text in the style.
func (s Style) Render(text string) string {
	if s.on == "" || text == "" {
		return text
	}
	return s.on + text + "\x1b[0m"
}

// Plain says whether the style changes nothing.
func (s Style) Plain() bool { return s.on == "" }

// Glyphs are the characters of which lines, bars and marks are drawn.
type Glyphs struct {
	Tail     string // marks cut text
	Line     string
	Full     string // of a bar
	Empty    string
	Up, Down string // sort arrows
	Dot      string // separates facts on one line
	Branch   string // before a group in a tree
	Folded   string // before what has something below it that is not shown
	Unfolded string // before what has something below it that is shown
}

var (
	unicodeGlyphs = Glyphs{Tail: "…", Line: "─", Full: "█", Empty: "░", Up: "▲", Down: "▼", Dot: " · ", Branch: "└ ", Folded: "▸", Unfolded: "▾"}
	asciiGlyphs   = Glyphs{Tail: "~", Line: "-", Full: "#", Empty: ".", Up: "+", Down: "-", Dot: ", ", Branch: "- ", Folded: "+", Unfolded: "-"}
)

// Styles is a theme on a terminal.
type Styles struct {
	Name     string
	Terminal Terminal
	Glyphs   Glyphs

	Title  Style // headings
	Muted  Style // what matters less
	Header Style // column titles
	Tab    Style // the current screen
	Cursor Style // the row under the cursor
	Mark   Style // marked rows
	Key    Style // names of keys in hints
	Input  Style // the character under a text cursor
	Good   Style
	Info   Style
	Warn   Style
	Bad    Style
	Setup  Style
	Line   Style // separators
}

// token is one style of a theme: a colour and attributes.
type token struct {
	colour  string // "#rrggbb"; empty = the terminal's own
	basic   int    // where there are 16 colours; 0 = the terminal's own
	bold    bool
	reverse bool
	under   bool
	faint   bool
}

// palette is a theme: tokens, and the backgrounds that it is meant for, against
// which its contrast is tested.
type palette struct {
	name                                                                             string
	ground                                                                           []string // backgrounds
	minimum                                                                          float64  // contrast of every colour on them (WCAG 2: 4.5 is AA, 7 is AAA)
	title, muted, header, tab, cursor, mark, key, good, info, warn, bad, setup, line token
}

var palettes = []palette{
	{
		name: "dark", ground: []string{"#000000", "#1e1e1e", "#282c34"}, minimum: 4.5,
		title: token{bold: true}, muted: token{colour: "#9e9e9e"}, header: token{colour: "#87afd7", basic: 14, bold: true}, tab: token{bold: true, reverse: true},
		cursor: token{reverse: true}, mark: token{colour: "#ffd75f", basic: 11, bold: true}, key: token{colour: "#87d7ff", basic: 14, bold: true},
		good: token{colour: "#87d787", basic: 10}, info: token{colour: "#87d7ff", basic: 14}, warn: token{colour: "#ffd75f", basic: 11}, bad: token{colour: "#ff8787", basic: 9, bold: true},
		setup: token{colour: "#ffaf5f", basic: 11, bold: true}, line: token{colour: "#9e9e9e"},
	},
	{
		name: "light", ground: []string{"#ffffff", "#fdf6e3"}, minimum: 4.5,
		title: token{bold: true}, muted: token{colour: "#5f5f5f"}, header: token{colour: "#005faf", basic: 4, bold: true}, tab: token{bold: true, reverse: true},
		cursor: token{reverse: true}, mark: token{colour: "#875f00", basic: 5, bold: true}, key: token{colour: "#005f87", basic: 4, bold: true},
		good: token{colour: "#005f00"}, info: token{colour: "#005faf", basic: 4}, warn: token{colour: "#875f00", basic: 5}, bad: token{colour: "#af0000", basic: 1, bold: true},
		setup: token{colour: "#af0000", basic: 1, bold: true}, line: token{colour: "#5f5f5f"},
	},
	{
		name: "high-contrast", ground: []string{"#000000"}, minimum: 7,
		title: token{colour: "#ffffff", basic: 15, bold: true}, muted: token{colour: "#ffffff", basic: 15}, header: token{colour: "#ffffff", basic: 15, bold: true, under: true}, tab: token{colour: "#ffffff", basic: 15, bold: true, reverse: true},
		cursor: token{colour: "#ffffff", basic: 15, bold: true, reverse: true}, mark: token{colour: "#ffff00", basic: 11, bold: true}, key: token{colour: "#00ffff", basic: 14, bold: true},
		good: token{colour: "#00ff00", basic: 10, bold: true}, info: token{colour: "#00ffff", basic: 14, bold: true}, warn: token{colour: "#ffff00", basic: 11, bold: true}, bad: token{colour: "#ff8787", basic: 15, bold: true, under: true},
		setup: token{colour: "#ffff00", basic: 11, bold: true, under: true}, line: token{colour: "#ffffff", basic: 15},
	},
	{
		// Blue against orange: told apart with every common colour blindness.
		name: "colour-blind", ground: []string{"#000000", "#1e1e1e"}, minimum: 4.5,
		title: token{bold: true}, muted: token{colour: "#9e9e9e"}, header: token{colour: "#afd7ff", basic: 14, bold: true}, tab: token{bold: true, reverse: true},
		cursor: token{reverse: true}, mark: token{colour: "#ffffff", basic: 15, bold: true, under: true}, key: token{colour: "#afd7ff", basic: 14, bold: true},
		good: token{colour: "#5fafff", basic: 14}, info: token{colour: "#afd7ff", basic: 14}, warn: token{colour: "#ffd7af", basic: 11}, bad: token{colour: "#ff8700", basic: 11, bold: true},
		setup: token{colour: "#ff8700", basic: 11, bold: true, under: true}, line: token{colour: "#9e9e9e"},
	},
	{
		name:  "mono",
		title: token{bold: true}, header: token{bold: true}, tab: token{bold: true, reverse: true}, cursor: token{reverse: true}, mark: token{bold: true},
		key: token{bold: true}, warn: token{bold: true}, bad: token{bold: true, under: true}, setup: token{bold: true, under: true},
	},
}

// Names lists the themes.
func Names() []string {
	names := make([]string, len(palettes))
	for i, p := range palettes {
		names[i] = p.name
	}
	return names
}

// New puts a theme on a terminal; an empty name means dark.
func New(name string, t Terminal) (*Styles, error) {
	if name == "" {
		name = "dark"
	}
	for i := range palettes {
		if p := &palettes[i]; p.name == name {
			return p.on(t), nil
		}
	}
	return nil, fmt.Errorf("there is no theme %q; the themes are %s", name, strings.Join(Names(), ", "))
}

func (p *palette) on(t Terminal) *Styles {
	style := func(k token) Style { return Style{on: k.sequence(t)} }
	s := &Styles{
		Name: p.name, Terminal: t, Glyphs: asciiGlyphs,
		Title: style(p.title), Muted: style(p.muted), Header: style(p.header), Tab: style(p.tab), Cursor: style(p.cursor), Mark: style(p.mark),
		Key: style(p.key), Input: style(token{reverse: true}), Good: style(p.good), Info: style(p.info), Warn: style(p.warn), Bad: style(p.bad),
		Setup: style(p.setup), Line: style(p.line),
	}
	if t.UTF8 {
		s.Glyphs = unicodeGlyphs
	}
	return s
}

// sequence is the SGR sequence that switches the token on.
func (k token) sequence(t Terminal) string {
	var parts []string
	if t.Attributes {
		for _, a := range []struct {
			on   bool
			code string
		}{{k.bold, "1"}, {k.faint, "2"}, {k.under, "4"}, {k.reverse, "7"}} {
			if a.on {
				parts = append(parts, a.code)
			}
		}
	}
	switch {
	case !t.Attributes || t.Profile == termenv.Ascii:
	case t.Profile == termenv.ANSI:
		// Chosen, not converted: the nearest of sixteen is often the one that
		// cannot be read, such as bright green on white.
		if k.basic > 0 {
			parts = append(parts, termenv.ANSIColor(k.basic).Sequence(false))
		}
	case k.colour != "":
		if c := t.Profile.Color(k.colour); c != nil {
			parts = append(parts, c.Sequence(false))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "\x1b[" + strings.Join(parts, ";") + "m"
}
