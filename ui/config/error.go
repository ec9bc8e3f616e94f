package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"fettle/model"
)

// Error is what is wrong with a configuration, and where.
type Error struct {
	File       string
	Line       int // 0 = not known
	Column     int // in bytes, from 1; 0 = not known
	Message    string
	Suggestion string // the nearest key or value; empty when nothing is near
}

// Error writes the place in the form that editors understand.
func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
		if e.Column > 0 {
			s += ":" + strconv.Itoa(e.Column)
		}
	}
	s += ": " + e.Message
	if e.Suggestion != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Suggestion)
	}
	return s
}

// typeError is how the TOML package words a value of the wrong type; it has no
// type of its own for it.
var typeError = regexp.MustCompile(`^toml: (?:line (\d+) )?\(last key "([^"]*)"\): (.*)$`)

// wrongType is the message inside such an error.
var wrongType = regexp.MustCompile(`TOML value has type (\S+); destination has type (\S+)$|expected (\S+) but found (\S+)$`)

// explain turns an error of the TOML package into ours.
func explain(file, text string, err error) error {
	e := &Error{File: file, Message: model.Clean(err.Error())}
	var parse toml.ParseError
	if errors.As(err, &parse) {
		e.Line, e.Column, e.Message = parse.Position.Line, parse.Position.Col, model.Clean(parse.Message)
		if parse.LastKey != "" {
			if line, column := locate(text, strings.Split(parse.LastKey, ".")); line == e.Line {
				e.Column = column
			}
		}
		return e
	}
	m := typeError.FindStringSubmatch(err.Error())
	if m == nil {
		return e
	}
	key := toml.Key(strings.Split(m[2], "."))
	e.Line, _ = strconv.Atoi(m[1])
	if line, column := locate(text, key); line > 0 && (e.Line == 0 || e.Line == line) {
		e.Line, e.Column = line, column
	}
	e.Message = model.Clean(m[2] + ": " + m[3])
	if t := wrongType.FindStringSubmatch(m[3]); t != nil {
		found, want := t[1]+t[4], t[2]+t[3]
		e.Message = model.Clean(fmt.Sprintf("%s must be %s, not %s", m[2], typeWord(want), typeWord(found)))
	}
	return e
}

// typeWord names a type of TOML or of Go for people.
func typeWord(name string) string {
	switch strings.ToLower(strings.TrimPrefix(name, "config.")) {
	case "string", "encoding.textunmarshaler":
		return "a text in quotes"
	case "integer", "int", "int64":
		return "a whole number"
	case "float", "float64":
		return "a number"
	case "boolean", "bool":
		return "true or false"
	case "array", "slice", "[]string":
		return "a list"
	case "table", "map", "hash":
		return "a table"
	case "datetime", "local", "time":
		return "a time"
	}
	return name
}

// unknown says that a key does not exist, where it stands, and which is near.
func unknown(file, text string, key toml.Key) error {
	line, column := locate(text, key)
	e := &Error{File: file, Line: line, Column: column}
	name := key[len(key)-1]
	table := key[:len(key)-1]
	e.Message = fmt.Sprintf("unknown key %q", model.Clean(name))
	if len(table) > 0 {
		e.Message += " in [" + model.Clean(table.String()) + "]"
	}
	e.Suggestion = nearest(name, keysOf(reflect.TypeFor[Config](), table))
	return e
}

// keysOf lists the keys that a table of the configuration may have.
func keysOf(t reflect.Type, table toml.Key) []string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for f := range t.Fields() {
		name := f.Tag.Get("toml")
		if name == "-" || name == "" {
			continue
		}
		if len(table) > 0 && strings.EqualFold(name, table[0]) {
			return keysOf(f.Type, table[1:])
		}
		names = append(names, name)
	}
	if len(table) > 0 {
		return nil
	}
	return names
}

// locate finds the line and the column of a key: the TOML package tells
// positions for values of the wrong type only, not for unknown keys. Text
// within a multi-line string is skipped.
func locate(text string, key toml.Key) (line, column int) {
	table, inString := "", ""
	want := strings.Join(key, ".")
	for i, l := range strings.Split(text, "\n") {
		if inString != "" {
			if strings.Contains(l, inString) {
				inString = ""
			}
			continue
		}
		trimmed := strings.TrimSpace(l)
		start := len(l) - len(strings.TrimLeft(l, " \t")) + 1
		switch {
		case trimmed == "" || trimmed[0] == '#':
		case trimmed[0] == '[':
			name, _, ok := strings.Cut(strings.TrimLeft(trimmed, "["), "]")
			if !ok {
				continue // a list that began on a line before
			}
			table = bare(name)
			if strings.EqualFold(table, want) {
				return i + 1, start
			}
		default:
			name, value, ok := strings.Cut(trimmed, "=")
			if !ok {
				continue
			}
			full := bare(name)
			if table != "" {
				full = table + "." + full
			}
			if strings.EqualFold(full, want) {
				return i + 1, start
			}
			for _, q := range []string{`"""`, "'''"} {
				if strings.Count(value, q)%2 == 1 {
					inString = q
				}
			}
		}
	}
	return 0, 0
}

// bare is a key as it is without blanks and quotes around its parts.
func bare(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"'`)
	}
	return strings.Join(parts, ".")
}

// nearest gives the candidate with the fewest slips of the finger, if one is
// near enough.
func nearest(word string, candidates []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), c); d < least && d < len(c) {
			best, least = c, d
		}
	}
	if best == "" && len(word) >= 3 {
		for _, c := range candidates {
			if strings.HasPrefix(c, strings.ToLower(word)) || strings.Contains(c, strings.ToLower(word)) {
				return c
			}
		}
	}
	return best
}

// distance counts insertions, deletions and replacements, and a swap of
// neighbours as one.
func distance(a, b string) int {
	if len(a) > 60 || len(b) > 60 {
		return 60
	}
	var d [62][62]int
	for i := range len(a) + 1 {
		d[i][0] = i
	}
	for j := range len(b) + 1 {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
