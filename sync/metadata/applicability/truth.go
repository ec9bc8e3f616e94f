package applicability

import (
	"fmt"
	"strings"
)

// Truth is one of three values: whether something holds, as far as is known.
type Truth int8

// The values, ordered so that And is a minimum, Or a maximum and Not a change
// of sign (Kleene's strong logic).
const (
	No      Truth = -1
	Unknown Truth = 0
	Yes     Truth = 1
)

// And holds when both hold.
func (t Truth) And(u Truth) Truth { return min(t, u) }

// Or holds when one of them holds.
func (t Truth) Or(u Truth) Truth { return max(t, u) }

// Not holds when t does not.
func (t Truth) Not() Truth { return -t }

// String is the word that people see.
func (t Truth) String() string {
	switch {
	case t > Unknown:
		return "yes"
	case t < Unknown:
		return "no"
	}
	return "unknown"
}

// MarshalText writes the word, for JSON and TOML.
func (t Truth) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (t *Truth) UnmarshalText(b []byte) error {
	switch string(b) {
	case "yes", "true":
		*t = Yes
	case "no", "false":
		*t = No
	case "unknown", "":
		*t = Unknown
	default:
		return fmt.Errorf("%q is not yes, no or unknown", b)
	}
	return nil
}

// UnmarshalJSON reads true and false as well as the words.
func (t *Truth) UnmarshalJSON(b []byte) error {
	return t.UnmarshalText([]byte(strings.Trim(string(b), `"`)))
}

// truth turns what is known for certain into a Truth.
func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}
