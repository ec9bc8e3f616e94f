package markup

import (
	"bytes"
	"unicode/utf8"
)

var isSpace, isFirst, isInner, isSpecial [256]bool

func init() {
	for _, c := range " \t\r\n" {
		isSpace[c] = true
	}
	for c := range 256 {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' && c < utf8.RuneSelf
		isFirst[c] = letter || c == '_'
		isInner[c] = isFirst[c] || c >= '0' && c <= '9' || c == '-' || c == '.'
		isSpecial[c] = c < 0x20 && c != '\t' && c != '\n' || c >= utf8.RuneSelf || c == '&' || c == '<' || c == ']'
	}
}

func blank(b []byte) bool {
	for _, c := range b {
		if !isSpace[c] {
			return false
		}
	}
	return true
}

// checkText checks text and values of attributes (quote is then their quotation
// mark): characters that XML allows, known references, nothing that would be
// markup. It tells whether there is nothing to be decoded, and where and what is
// wrong.
func checkText(b []byte, quote byte) (plain bool, at int, reason string) {
	plain = true
	for i := 0; i < len(b); i++ {
		c := b[i]
		if !isSpecial[c] {
			continue
		}
		switch {
		case c == '\r':
			plain = false
		case c == '&':
			_, n := reference(b[i:])
			if n == 0 {
				return false, i, "an ampersand begins no known reference"
			}
			plain = false
			i += n - 1
		case c == '<':
			return false, i, "a < within the value of an attribute"
		case c == ']':
			if quote == 0 && i+2 < len(b) && b[i+1] == ']' && b[i+2] == '>' {
				return false, i, "a ]]> outside a CDATA section"
			}
		case c >= utf8.RuneSelf:
			n := multibyte(b[i:])
			if n == 0 {
				return false, i, "a character is not allowed or not UTF-8"
			}
			i += n - 1
		default:
			return false, i, "a control character"
		}
	}
	return plain, 0, ""
}

// checkRaw checks what is not decoded: comments, CDATA sections, instructions.
func checkRaw(b []byte) (at int, reason string) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c >= utf8.RuneSelf:
			n := multibyte(b[i:])
			if n == 0 {
				return i, "a character is not allowed or not UTF-8"
			}
			i += n - 1
		case c < 0x20 && !isSpace[c]:
			return i, "a control character"
		}
	}
	return 0, ""
}

// multibyte gives the length of the character that b begins with, beyond ASCII;
// 0 when XML does not allow it.
func multibyte(b []byte) int {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 || r == 0xfffe || r == 0xffff {
		return 0
	}
	return n
}

// reference decodes the reference that b begins with; n is its length, 0 when it
// is none of the five nor a numeric one of a character that XML allows.
func reference(b []byte) (r rune, n int) {
	end := bytes.IndexByte(b[:min(len(b), slack)], ';')
	if end < 2 {
		return 0, 0
	}
	name := b[1:end]
	switch string(name) {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	if name[0] != '#' || len(name) < 2 {
		return 0, 0
	}
	base, digits := rune(10), name[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	if len(digits) == 0 {
		return 0, 0
	}
	for _, c := range digits {
		d := rune(99)
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		}
		if d >= base {
			return 0, 0
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, 0
		}
	}
	if !allowed(r) {
		return 0, 0
	}
	return r, end + 1
}

// allowed is the Char production of XML 1.0.
func allowed(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

// appendDecoded appends b with line ends normalized and, where there are some,
// references decoded. A carriage return that is written as a reference stays.
func appendDecoded(to, b []byte, references bool) []byte {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\r':
			to = append(to, '\n')
			if i+1 < len(b) && b[i+1] == '\n' {
				i++
			}
		case c == '&' && references:
			r, n := reference(b[i:])
			if n == 0 {
				to = append(to, c) // not reached: text was checked before
				continue
			}
			to = utf8.AppendRune(to, r)
			i += n - 1
		default:
			to = append(to, c)
		}
	}
	return to
}

// checkDeclaration checks what stands in an XML declaration.
func checkDeclaration(b []byte) (reason string) {
	const broken = "the XML declaration is not in order"
	for i, name := range []string{"version", "encoding", "standalone"} {
		rest := bytes.TrimLeft(b, " \t\r\n")
		if !bytes.HasPrefix(rest, []byte(name)) {
			if i == 0 {
				return broken
			}
			continue
		}
		if len(rest) == len(b) {
			return broken
		}
		rest = bytes.TrimLeft(rest[len(name):], " \t\r\n")
		if len(rest) == 0 || rest[0] != '=' {
			return broken
		}
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
		if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return broken
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return broken
		}
		value := string(rest[1 : 1+end])
		b = rest[end+2:]
		switch {
		case i == 0 && value != "1.0":
			return "the XML version is not 1.0"
		case i == 1 && !bytes.EqualFold([]byte(value), []byte("utf-8")):
			return "the encoding is not UTF-8"
		case i == 2 && value != "yes" && value != "no":
			return broken
		}
	}
	if !blank(b) {
		return broken
	}
	return ""
}
