package remote

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"fettle/model"
)

// Size is a terminal's, in cells.
type Size struct{ Width, Height int }

// Session is somebody asking for something: who, with which words, and where
// the answer goes. It is the same whether the command runs in the caller's own
// process or in the holder's.
type Session struct {
	Args   []string // the command line after the program's name; empty = the console
	In     io.Reader
	Files  Files // those that the command line names; nil = none
	Out    io.Writer
	Err    io.Writer
	Env    map[string]string // what travelled of the caller's environment
	Actor  model.Actor
	Size   Size        // of the terminal that Out is; zero = Out is no terminal
	Resize <-chan Size // for the console; ends with the session
	Ask    bool        // a person is there to answer questions
	Live   int         // columns of the terminal that Err is; 0 = none, so progress is told sparsely
	Remote bool        // the caller is another process: its files and its directory are not here
}

// Getenv gives a variable of the caller's environment.
func (s *Session) Getenv(name string) string { return s.Env[name] }

// Variables beside those of the terminal: what a caller says of itself.
const (
	envWidth = "FETTLE_WIDTH" // columns of its standard output, if that is a terminal
	envAsk   = "FETTLE_ASK"   // "1": a person can answer
	envLive  = "FETTLE_LIVE"  // columns of its standard error, if that is a terminal

	// EnvReadOnly is "1" when the caller wants nothing to change: a session with
	// a terminal has no command line that could say so.
	EnvReadOnly = "FETTLE_READ_ONLY"

	// What the console is to begin with: a screen, its filter, or an item.
	EnvView   = "FETTLE_VIEW"
	EnvFilter = "FETTLE_FILTER"
	EnvOpen   = "FETTLE_OPEN"
)

// travels says whether a variable of the caller's environment reaches the
// holder. Nothing that could change what a program does is among them.
func travels(name string) bool {
	return slices.Contains([]string{"TERM", "LANG", "COLORTERM", "NO_COLOR", "TZ", "TMUX", envWidth, envAsk, envLive, EnvReadOnly, EnvView, EnvFilter, EnvOpen}, name) || strings.HasPrefix(name, "LC_")
}

// environment picks from "NAME=value" pairs what travels.
func environment(pairs []string) map[string]string {
	env := map[string]string{}
	for _, p := range pairs {
		if name, value, ok := strings.Cut(p, "="); ok && travels(name) && len(value) < 256 {
			env[name] = model.Clean(value)
		}
	}
	return env
}

// number reads a width that a caller said; nonsense is no width.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 10000 {
		return 0
	}
	return n
}

// quote writes a command line so that a POSIX shell's rules give the same words
// back.
func quote(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

// split reads a command line by a POSIX shell's rules for quotes; there is no
// expansion of any kind. (The library's own splitter drops empty words.)
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, started, escaped := rune(0), false, false // in: the quote that is open
	for _, r := range line {
		switch {
		case escaped:
			if in == '"' && r != '"' && r != '\\' && r != '$' && r != '`' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && in != '\'':
			escaped, started = true, true
		case in != 0 && r == in:
			in = 0
		case in == 0 && (r == '\'' || r == '"'):
			in, started = r, true
		case in == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if in != 0 || escaped {
		return nil, errors.New("a quote in the command line is not closed")
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}
