package applicability

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// attributes gives the attributes of a rule to whoever reads them, each once,
// and records what is missing, malformed or left over.
type attributes struct {
	rule *Rule
	used uint64 // attributes beyond the 64th are never known
}

func (a *attributes) problem(format string, args ...any) {
	a.rule.Problems = append(a.rule.Problems, fmt.Sprintf(format, args...))
}

// malformed records a value that cannot be read.
func (a *attributes) malformed(name, value string) {
	a.problem("%s %s=%s", a.rule.Operator, name, quoted(value))
}

// optional returns an attribute, and whether it is there.
func (a *attributes) optional(name string) (string, bool) {
	for i, at := range a.rule.Attributes {
		if at.Name == name {
			if i < 64 {
				a.used |= 1 << i
			}
			return at.Value, true
		}
	}
	return "", false
}

// text returns an attribute that must be there.
func (a *attributes) text(name string) string {
	s, ok := a.optional(name)
	if !ok {
		a.problem("%s without %s", a.rule.Operator, name)
	}
	return s
}

// flag returns an optional boolean, false when it is not there.
func (a *attributes) flag(name string) bool {
	s, ok := a.optional(name)
	switch strings.TrimSpace(s) {
	case "true", "1":
		return true
	case "false", "0":
	default:
		if ok {
			a.malformed(name, s)
		}
	}
	return false
}

// number returns an optional unsigned number, nil when it is not there.
func (a *attributes) number(name string, bits int) *uint64 {
	s, ok := a.optional(name)
	if !ok {
		return nil
	}
	n, err := parseNumber(s, bits)
	if err != nil {
		a.malformed(name, s)
		return nil
	}
	return &n
}

// needNumber returns a number that must be there.
func (a *attributes) needNumber(name string, bits int) uint64 {
	if n := a.number(name, bits); n != nil {
		return *n
	}
	a.text(name) // says so when it is missing
	return 0
}

// version returns an optional version, nil when it is not there.
func (a *attributes) version(name string) *Version {
	s, ok := a.optional(name)
	if !ok {
		return nil
	}
	v, err := ParseVersion(s)
	if err != nil {
		a.malformed(name, s)
		return nil
	}
	return &v
}

// needVersion returns a version that must be there.
func (a *attributes) needVersion(name string) Version {
	if v := a.version(name); v != nil {
		return *v
	}
	a.text(name)
	return Version{}
}

// date returns an optional date.
func (a *attributes) date(name string) *time.Time {
	s, ok := a.optional(name)
	if !ok {
		return nil
	}
	t, err := parseDate(s)
	if err != nil {
		a.malformed(name, s)
		return nil
	}
	return &t
}

// comparison returns one of the given comparisons; the real data write
// "greaterthan" too (update-metadata 4).
func (a *attributes) comparison(among []Comparison) Comparison {
	s := a.text("Comparison")
	return a.comparisonOf(s, among)
}

// optionalComparison is EqualTo when nothing is stated, as the schema says of
// WindowsVersion.
func (a *attributes) optionalComparison(among []Comparison) Comparison {
	s, ok := a.optional("Comparison")
	if !ok {
		return EqualTo
	}
	return a.comparisonOf(s, among)
}

func (a *attributes) comparisonOf(s string, among []Comparison) Comparison {
	i := slices.IndexFunc(among, func(c Comparison) bool { return strings.EqualFold(string(c), strings.TrimSpace(s)) })
	if i >= 0 {
		return among[i]
	}
	if s != "" {
		a.malformed("Comparison", s)
	}
	return EqualTo
}

// values returns the texts of child elements of a name.
func (a *attributes) values(name string) []string {
	var all []string
	for _, v := range a.rule.Values {
		if v.Name == name {
			all = append(all, strings.TrimSpace(v.Text))
		}
	}
	if len(all) == 0 {
		a.problem("%s without %s", a.rule.Operator, name)
	}
	return all
}

// done records the attributes that nobody asked for.
func (a *attributes) done() {
	for i, at := range a.rule.Attributes {
		if i >= 64 || a.used&(1<<i) == 0 {
			a.problem("attribute %s of %s", at.Name, a.rule.Operator)
		}
	}
}
