package model

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from outside safe to draw and to log: escape sequences and
// every other control character are removed, line breaks and tabs become
// blanks, bidirectional overrides are dropped and invalid UTF-8 is replaced
// (design 10).
func Clean(s string) string {
	if clean(s) {
		return s
	}
	return scrub(s, false)
}

// CleanLines is Clean for text of several lines: line breaks stay.
func CleanLines(s string) string {
	if clean(s) {
		return s
	}
	return scrub(s, true)
}

// clean says whether nothing has to be done, which is nearly always so.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return cleanRunes(s)
		}
	}
	return true
}

func cleanRunes(s string) bool {
	for i, r := range s {
		if unsafeRune(r) || r == '\t' || r == '\n' {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// unsafeRune says whether a rune could move the cursor, change colours or
// reorder what is around it.
func unsafeRune(r rune) bool {
	switch {
	case r == '\t' || r == '\n':
		return false
	case unicode.IsControl(r):
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
		return true // bidirectional marks, embeddings, overrides and isolates
	case r == 0x2028 || r == 0x2029 || r == 0xfeff:
		return true
	case r >= 0xfff9 && r <= 0xfffb:
		return true
	}
	return false
}

func scrub(s string, lines bool) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0x1b:
			i += escapeLen(s[i:])
			continue
		case r == utf8.RuneError && n == 1:
			b.WriteRune(utf8.RuneError)
		case r == '\n' && lines:
			b.WriteByte('\n')
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case !unsafeRune(r):
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// escapeLen is the length of the escape sequence that s begins with: CSI up to
// its final byte, OSC and the other strings up to their terminator, else two
// bytes. An unfinished sequence swallows only its introducer.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 1
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s) && i < 64; i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x3f {
				break
			}
		}
		return 2
	case ']', 'P', '_', '^', 'X':
		for i := 2; i < len(s); i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
		}
		return 2
	}
	if s[1] < 0x80 {
		return 2
	}
	return 1
}
