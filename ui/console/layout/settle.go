package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// settle takes out of a text what makes its width a matter of opinion: joiners
// between emoji, the selectors that make a character an emoji, skin tones and
// keycaps. Terminals and libraries disagree about the width of such sequences by
// a column or more, and what is drawn to the right of them would be torn. The
// characters that are left have the same width everywhere. Joiners between
// letters stay: scripts need them.
func settle(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == joiner || unsettled(r) }) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	before := rune(0)
	for i, r := range s {
		if unsettled(r) {
			continue
		}
		if r == joiner {
			if next, _ := utf8.DecodeRuneInString(s[i+len(string(joiner)):]); !lettered(before) || !lettered(next) {
				continue
			}
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

const joiner = '\u200d'

func lettered(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

// unsettled says whether a character changes the width of the one before it in
// some terminals only.
func unsettled(r rune) bool {
	switch {
	case r == 0xfe0e || r == 0xfe0f: // shown as text, shown as emoji
	case r == 0x20e3: // keycap
	case r >= 0x1f3fb && r <= 0x1f3ff: // skin tones
	case r >= 0xe0001 && r <= 0xe007f: // tags
	case r == 0x200b || r == 0x2060: // blanks of no width
	default:
		return false
	}
	return true
}
