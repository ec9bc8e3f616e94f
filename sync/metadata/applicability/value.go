package applicability

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fettle/model"
)

// Comparison is how a number, a version, a date or a text is compared with what
// a rule states.
type Comparison string

// The comparisons: the first five are ScalarComparison, the last three
// StringComparison, which has EqualTo too.
const (
	LessThan             Comparison = "LessThan"
	LessThanOrEqualTo    Comparison = "LessThanOrEqualTo"
	EqualTo              Comparison = "EqualTo"
	GreaterThanOrEqualTo Comparison = "GreaterThanOrEqualTo"
	GreaterThan          Comparison = "GreaterThan"
	BeginsWith           Comparison = "BeginsWith"
	Contains             Comparison = "Contains"
	EndsWith             Comparison = "EndsWith"
)

var (
	scalarComparisons = []Comparison{LessThan, LessThanOrEqualTo, EqualTo, GreaterThanOrEqualTo, GreaterThan}
	stringComparisons = []Comparison{EqualTo, BeginsWith, Contains, EndsWith}
)

// ordered applies a comparison to what cmp.Compare returned for the computer's
// value and the rule's.
func (c Comparison) ordered(order int) bool {
	switch c {
	case LessThan:
		return order < 0
	case LessThanOrEqualTo:
		return order <= 0
	case GreaterThanOrEqualTo:
		return order >= 0
	case GreaterThan:
		return order > 0
	}
	return order == 0
}

// texts applies a comparison to texts, without regard to case.
func (c Comparison) texts(have, want string) bool {
	have, want = fold(have), fold(want)
	switch c {
	case BeginsWith:
		return strings.HasPrefix(have, want)
	case Contains:
		return strings.Contains(have, want)
	case EndsWith:
		return strings.HasSuffix(have, want)
	case EqualTo:
		return have == want
	}
	return c.ordered(cmp.Compare(have, want))
}

// sign is the comparison between two values, as people write it.
func (c Comparison) sign() string {
	switch c {
	case LessThan:
		return "<"
	case LessThanOrEqualTo:
		return "<="
	case GreaterThanOrEqualTo:
		return ">="
	case GreaterThan:
		return ">"
	case BeginsWith:
		return "begins with"
	case Contains:
		return "contains"
	case EndsWith:
		return "ends with"
	}
	return "="
}

// limit is the comparison before a version, in words.
func (c Comparison) limit() string {
	switch c {
	case LessThan:
		return "below "
	case LessThanOrEqualTo:
		return "at most "
	case GreaterThanOrEqualTo:
		return "at least "
	case GreaterThan:
		return "above "
	}
	return ""
}

// Version is a version of up to four numbers. Missing numbers count as 0
// (update-metadata 4, on RegSzToVersion).
type Version struct {
	Parts [4]uint32
	Count int    // of numbers that were given
	Text  string // as written
}

// ParseVersion reads a version.
func ParseVersion(s string) (Version, error) {
	v := Version{Text: s}
	for part := range strings.SplitSeq(strings.TrimSpace(s), ".") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || v.Count == len(v.Parts) || part[0] == '+' {
			return Version{}, fmt.Errorf("%q is not a version of up to four numbers", s)
		}
		v.Parts[v.Count] = uint32(n)
		v.Count++
	}
	return v, nil
}

// Compare is negative when v is lower than w.
func (v Version) Compare(w Version) int {
	for i := range v.Parts {
		if c := cmp.Compare(v.Parts[i], w.Parts[i]); c != 0 {
			return c
		}
	}
	return 0
}

// String is the version as it was written, cleaned.
func (v Version) String() string { return model.Clean(v.Text) }

// fold prepares text for comparing without regard to case.
func fold(s string) string { return strings.ToLower(s) }

// guid prepares a GUID for comparing: lower case, without braces.
func guid(s string) string {
	return strings.Trim(fold(strings.TrimSpace(s)), "{}")
}

// parseNumber reads a number as registry data are written: decimal, hexadecimal
// with 0x, or negative for the upper half.
func parseNumber(s string, bits int) (uint64, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseUint(s, 10, bits); err == nil {
		return n, nil
	}
	if hex, ok := strings.CutPrefix(fold(s), "0x"); ok {
		return strconv.ParseUint(hex, 16, bits)
	}
	n, err := strconv.ParseInt(s, 10, bits)
	if err != nil {
		return 0, err
	}
	return uint64(n) & (1<<bits - 1), nil
}

// dateLayouts are the forms of xsd:dateTime and xsd:date that occur.
var dateLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", "2006-01-02"}

// parseDate reads a date; without a zone it is UTC.
func parseDate(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date", s)
}

// dateText is a date as rules' texts show it.
func dateText(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format("2006-01-02")
	}
	return strings.TrimSuffix(t.Format("2006-01-02 15:04:05.9999999"), ".0") + " UTC"
}

// quoted puts text from outside between quotes, cleaned.
func quoted(s string) string { return `"` + model.Clean(s) + `"` }

func choose(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
