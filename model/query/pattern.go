package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mode says where a needle must stand in a text.
type mode uint8

const (
	modeExact    mode = iota
	modePrefix        // v*
	modeSuffix        // *v
	modeContains      // *v*, and what bare words and titles mean
	modeWord          // at the beginning of a word: products, operating systems
	modePresent       // *: any text at all
)

// pattern is a needle prepared for matching without regard to case.
type pattern struct {
	mode   mode
	needle string // in lower case
	ascii  bool
	pivot  int // the byte of an ASCII needle that is looked for first
}

// newPattern prepares a value. usual is what it means without stars and "=".
func newPattern(v value, usual mode) pattern {
	p := pattern{mode: usual, needle: strings.ToLower(v.text)}
	switch {
	case v.text == "":
		p.mode = modePresent
	case v.lead && v.trail:
		p.mode = modeContains
	case v.lead:
		p.mode = modeSuffix
	case v.trail:
		p.mode = modePrefix
	case v.op == opEqual:
		p.mode = modeExact
	}
	p.ascii = true
	for i := range len(p.needle) {
		if p.needle[i] >= utf8.RuneSelf {
			p.ascii = false
		}
		if rarity[p.needle[i]] > rarity[p.needle[p.pivot]] {
			p.pivot = i
		}
	}
	return p
}

// match says whether the text fits; only needles beyond ASCII may allocate.
func (p *pattern) match(s string) bool {
	if p.mode == modePresent {
		return s != ""
	}
	if !p.ascii {
		s = strings.ToLower(s)
	}
	switch p.mode {
	case modeExact:
		return len(s) == len(p.needle) && p.at(s, 0)
	case modePrefix:
		return p.at(s, 0)
	case modeSuffix:
		return p.at(s, len(s)-len(p.needle))
	case modeContains:
		return p.index(s, 0) >= 0
	}
	for i := p.index(s, 0); i >= 0; i = p.index(s, i+1) {
		if before, _ := utf8.DecodeLastRuneInString(s[:i]); i == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return true
		}
	}
	return false
}

// any says whether one of the texts fits.
func (p *pattern) any(texts []string) bool {
	for _, s := range texts {
		if p.match(s) {
			return true
		}
	}
	return false
}

// at says whether the needle stands at byte i of s.
func (p *pattern) at(s string, i int) bool {
	if i < 0 || len(s)-i < len(p.needle) {
		return false
	}
	for j := range len(p.needle) {
		if c := s[i+j]; c != p.needle[j] && lower[c] != p.needle[j] {
			return false
		}
	}
	return true
}

// index gives the first place of the needle in s at or after from, or -1. It
// goes by the needle's rarest byte and allocates nothing: searching all texts
// of a row so takes less time than lower-casing its title would
// (BenchmarkFilter, x-lowering).
func (p *pattern) index(s string, from int) int {
	last := len(s) - len(p.needle)
	if p.needle == "" || from > last {
		return -1
	}
	c := p.needle[p.pivot]
	if upper := upper[c]; upper != c {
		for i := from; i <= last; i++ {
			if b := s[i+p.pivot]; (b == c || b == upper) && p.at(s, i) {
				return i
			}
		}
		return -1
	}
	for i := from; i <= last; i++ {
		skip := strings.IndexByte(s[i+p.pivot:last+p.pivot+1], c)
		if skip < 0 {
			return -1
		}
		if i += skip; p.at(s, i) {
			return i
		}
	}
	return -1
}

// lower and upper map ASCII letters; other bytes stand for themselves. rarity
// orders bytes by how seldom titles of updates hold them.
var lower, upper, rarity = byteTables()

func byteTables() (lo, up, rare [256]byte) {
	for i := range 256 {
		lo[i], up[i] = byte(i), byte(i)
		if i >= 'A' && i <= 'Z' {
			lo[i] += 'a' - 'A'
		}
		if i >= 'a' && i <= 'z' {
			up[i] -= 'a' - 'A'
		}
		rare[i] = 200
	}
	for i, c := range []byte(" etaoirnsdulcmp0f2gwhby1v3k5x4") {
		rare[c] = byte(i)
	}
	for c := byte('0'); c <= '9'; c++ {
		rare[c] += 100 // a byte without case is found by an instruction for it
	}
	return lo, up, rare
}
