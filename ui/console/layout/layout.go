// Package layout fits text into columns of a terminal: measuring, cutting,
// padding and wrapping. All widths on the screen come from here, so that wide,
// combining and emoji characters are counted in one way everywhere: that of
// x/ansi, which does not change with the locale (terminal section 1, non-English
// width). Texts are plain: they are styled after they were fitted, because a cut
// through an escape sequence shows it.
package layout

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Width is the number of columns that a text takes; escape sequences take none.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	return ansi.StringWidth(settle(s))
}

// plain says whether every byte is one column wide, which is nearly always so
// and saves most of the work.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// Cut shortens a text to at most w columns and marks the cut with tail.
func Cut(s string, w int, tail string) string {
	if w <= 0 {
		return ""
	}
	if plain(s) {
		if len(s) <= w {
			return s
		}
		if t := Width(tail); t < w {
			return s[:w-t] + tail
		}
		return s[:w]
	}
	if s = settle(s); ansi.StringWidth(s) <= w {
		return s
	}
	if Width(tail) >= w {
		tail = ""
	}
	return ansi.Truncate(s, w, tail)
}

const blanks = "                                                                                                                                                                                                        "

// Blanks gives n blanks.
func Blanks(n int) string {
	switch {
	case n <= 0:
		return ""
	case n <= len(blanks):
		return blanks[:n]
	}
	return strings.Repeat(" ", n)
}

// Fit makes a text exactly w columns wide, at the left.
func Fit(s string, w int, tail string) string {
	s = Cut(s, w, tail)
	return s + Blanks(w-Width(s))
}

// FitRight makes a text exactly w columns wide, at the right.
func FitRight(s string, w int, tail string) string {
	s = Cut(s, w, tail)
	return Blanks(w-Width(s)) + s
}

// Ends puts two texts at the ends of a line of w columns. The left one gives way.
func Ends(left, right string, w int, tail string) string {
	if right == "" {
		return Fit(left, w, tail)
	}
	r := Cut(right, w, tail)
	room := w - Width(r) - 2
	if room < 8 && left != "" {
		return Fit(left, w, tail)
	}
	return Fit(left, room+1, tail) + " " + r
}

// Wrap breaks a text into lines of at most w columns, at blanks where it can.
// Line breaks in the text stay; a line's indentation is kept in what follows it.
func Wrap(s string, w int) []string {
	var out []string
	for line := range strings.SplitSeq(settle(s), "\n") {
		out = append(out, wrapLine(strings.TrimRight(line, " "), max(1, w))...)
	}
	return out
}

func wrapLine(s string, w int) []string {
	if Width(s) <= w {
		return []string{s}
	}
	body := strings.TrimLeft(s, " ")
	indent := len(s) - len(body)
	if indent > w/2 {
		indent = 0
	}
	lead := Blanks(indent)
	room := w - indent
	var out []string
	cur, width := "", 0
	flush := func() {
		if cur != "" {
			out = append(out, lead+cur)
		}
		cur, width = "", 0
	}
	for word := range strings.SplitSeq(body, " ") {
		n := Width(word)
		if width > 0 && width+1+n <= room {
			cur, width = cur+" "+word, width+1+n
			continue
		}
		flush()
		for n > room { // a word longer than the line: digests, addresses
			head := Cut(word, room, "")
			if head == "" || len(head) >= len(word) {
				_, size := utf8.DecodeRuneInString(word)
				head = word[:size]
				if Width(head) > room { // a wide character on one column
					head = "?"
				}
				word = word[size:]
			} else {
				word = word[len(head):]
			}
			out = append(out, lead+head)
			n = Width(word)
		}
		cur, width = word, n
	}
	flush()
	if len(out) == 0 {
		return []string{""}
	}
	return out
}

// Frame makes lines into a screen: exactly h lines, none wider than w. It is
// the last thing that happens to what is drawn: the terminal would cut a frame
// that is too high from the top, and wrap a line that is too wide.
func Frame(lines []string, w, h int) string {
	var b strings.Builder
	b.Grow(h * (w + 16))
	for i := range h {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i < len(lines) {
			l := lines[i]
			if len(l) > w && Width(l) > w {
				l = ansi.Truncate(l, w, "")
			}
			b.WriteString(l)
		}
	}
	return b.String()
}

// ASCII replaces every character beyond ASCII by question marks of the same
// width, for terminals that would show something else. Escape sequences are
// ASCII themselves and stay.
func ASCII(s string) string {
	clean := true
	for i := range len(s) {
		if s[i] >= 0x80 {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for line := range strings.SplitAfterSeq(settle(s), "\n") {
		state := byte(0)
		for len(line) > 0 {
			seq, width, n, next := ansi.DecodeSequence(line, state, nil)
			state, line = next, line[n:]
			if len(seq) > 0 && seq[0] >= 0x80 {
				b.WriteString(strings.Repeat("?", max(0, width)))
				continue
			}
			for i := range len(seq) { // a combining mark may follow an ASCII letter
				if seq[i] < 0x80 {
					b.WriteByte(seq[i])
				}
			}
		}
	}
	return b.String()
}
