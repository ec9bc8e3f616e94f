package apt

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"
)

// stanzaLimit bounds one stanza, so that a damaged file cannot take all memory.
const stanzaLimit = 4 << 20

// Stanza is one paragraph of a control file (deb822): field names in lower case.
// Continuation lines are joined with line breaks, their leading blank removed.
type Stanza map[string]string

// Stanzas reads the paragraphs of a control file. Text that is none ends the
// sequence with an error that names the line.
func Stanzas(r io.Reader) iter.Seq2[Stanza, error] {
	return func(yield func(Stanza, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 64<<10), stanzaLimit)
		s, field, size, number := Stanza{}, "", 0, 0
		for lines.Scan() {
			line := lines.Text()
			number++
			size += len(line)
			switch {
			case size > stanzaLimit:
				yield(nil, fmt.Errorf("line %d: a paragraph is longer than %d MiB", number, stanzaLimit>>20))
				return
			case strings.TrimRight(line, " \t\r") == "":
				if len(s) > 0 && !yield(s, nil) {
					return
				}
				s, field, size = Stanza{}, "", 0
			case line[0] == ' ' || line[0] == '\t':
				if field == "" {
					yield(nil, fmt.Errorf("line %d: continues a field, but none was begun", number))
					return
				}
				s[field] += "\n" + strings.TrimRight(line[1:], "\r")
			default:
				name, value, ok := strings.Cut(line, ":")
				if !ok || name == "" || strings.ContainsAny(name, " \t") {
					yield(nil, fmt.Errorf("line %d: %.40q is not a field", number, line))
					return
				}
				field = strings.ToLower(name)
				if _, twice := s[field]; twice {
					yield(nil, fmt.Errorf("line %d: the field %s stands twice", number, name))
					return
				}
				s[field] = strings.TrimSpace(value)
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, fmt.Errorf("line %d: %w", number+1, err))
			return
		}
		if len(s) > 0 {
			yield(s, nil)
		}
	}
}
