// Package config reads config.toml: what a process needs in order to start
// (directories, the log, limits, apt's options) and how the screen looks. What
// administrators decide is in the store instead (design 2).
//
// Every setting has a default, so that no file at all is a complete
// configuration. A file is taken as a whole or not at all: an unknown key, a
// value of the wrong type or one outside its range is an *Error that names the
// file, the line and the nearest key, and nothing of the file is used.
//
// A Config is a plain value without locks; it is not changed after Load.
package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Config is everything that config.toml can say.
type Config struct {
	Data   Data                `toml:"data"`
	Log    Log                 `toml:"log"`
	Limits Limits              `toml:"limits"`
	Sync   Sync                `toml:"sync"`
	Import Import              `toml:"import"`
	Agent  Agent               `toml:"agent"`
	Apt    Apt                 `toml:"apt"`
	UI     UI                  `toml:"ui"`
	Keys   map[string][]string `toml:"keys"` // action -> keys; the console knows the actions
	Views  []View              `toml:"view"`

	Path string `toml:"-"` // the file that was read; empty = none

	written   map[string]bool     `toml:"-"` // the settings that the file has
	overrides map[string]override `toml:"-"`
}

// Data says where things are kept.
type Data struct {
	Directory string `toml:"directory"` // empty = the rule of --data
	Keys      string `toml:"keys"`      // empty = "keys" in the data directory
	Socket    string `toml:"socket"`    // empty = "fettle.sock" in the data directory
}

// Log says what is logged, and where.
type Log struct {
	File  string `toml:"file"` // empty = "fettle.log" in the data directory
	Level Level  `toml:"level"`
	Size  Size   `toml:"size"` // a log file is put aside when it is larger; one old file is kept
}

// Limits bound what a process uses.
type Limits struct {
	Memory Size `toml:"memory"` // 0 = no limit
}

// Sync says how synchronizations run.
type Sync struct {
	RefreshTimeout Duration `toml:"refresh_timeout"`
}

// Import says what is taken in of files that somebody carried here.
type Import struct {
	Unsigned bool   `toml:"unsigned"` // take in what no trusted signer signed
	Roots    string `toml:"roots"`    // PEM file with the root certificates of trusted signers; empty = the system's
	Spool    Size   `toml:"spool"`    // at most this much is taken from standard input
}

// Agent says how this computer is managed.
type Agent struct {
	State   string `toml:"state"`   // empty = "agent" in the data directory
	Policy  string `toml:"policy"`  // this computer's own, stricter policy; empty = /etc/fettle/agent.toml
	Restart bool   `toml:"restart"` // the agent may restart this computer when the policy says so
}

// Apt says which apt is asked. The defaults are this computer's own.
type Apt struct {
	Root    string   `toml:"root"`    // directory of the files that apt and dpkg manage; empty = /
	Options []string `toml:"options"` // each goes to apt's programs behind -o
	Dpkg    []string `toml:"dpkg"`    // further options of dpkg
	Prefix  []string `toml:"prefix"`  // goes before every command
}

// UI says how the screen looks.
type UI struct {
	Theme    string `toml:"theme"`
	FPS      int    `toml:"fps"`
	ASCII    bool   `toml:"ascii"`
	Plain    bool   `toml:"plain"` // the console and the answers of commands line by line, for screen readers
	Mouse    bool   `toml:"mouse"`
	Page     bool   `toml:"page"` // scroll by half a page at the edge of a list
	ReadOnly bool   `toml:"read_only"`
	// Clipboard says how the console copies: "osc52" through the terminal, "off"
	// not at all.
	Clipboard string `toml:"clipboard"`
}

// View is a saved filter of the console.
type View struct {
	Name   string `toml:"name"`
	On     string `toml:"on"` // "updates" or "computers"
	Filter string `toml:"filter"`
	Sort   string `toml:"sort"` // a column; "-" before it reverses

	Columns []string `toml:"columns"` // in their order; none = those that the list begins with
}

// Themes are the names that ui.theme takes.
var Themes = []string{"dark", "light", "high-contrast", "colour-blind", "mono"}

// Default is the configuration without any file.
func Default() Config {
	return Config{
		Log:    Log{Level: Level(slog.LevelInfo), Size: 10 << 20},
		Sync:   Sync{RefreshTimeout: Duration(10 * time.Minute)},
		Import: Import{Spool: 8 << 30},
		Agent:  Agent{Restart: true},
		Apt:    Apt{Options: []string{}, Dpkg: []string{}, Prefix: []string{}},
		UI:     UI{Theme: "dark", FPS: 30, Page: true, Clipboard: "osc52"},
		Keys:   map[string][]string{},
		Views:  []View{},
	}
}

// Load reads the configuration. An empty path means the usual place, where a
// missing file is fine; a file that was named must exist.
func Load(path string, getenv func(string) string, root bool) (Config, error) {
	named := path != ""
	if !named {
		if path = getenv("FETTLE_CONFIG"); path != "" {
			named = true
		} else {
			path = usualPath(getenv, root)
		}
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return Default(), nil
	}
	if err != nil {
		return Config{}, &Error{File: path, Message: "the configuration cannot be read: " + err.Error()}
	}
	return Parse(path, string(text))
}

// usualPath is where the file is looked for when none is named.
func usualPath(getenv func(string) string, root bool) string {
	if root {
		return "/etc/fettle/config.toml"
	}
	dir := getenv("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(getenv("HOME"), ".config")
	}
	return filepath.Join(dir, "fettle", "config.toml")
}

// Parse reads a configuration from its text; file is its name in messages.
func Parse(file, text string) (Config, error) {
	c := Default()
	md, err := toml.Decode(text, &c)
	if err != nil {
		return Config{}, explain(file, text, err)
	}
	for _, key := range md.Undecoded() {
		return Config{}, unknown(file, text, key)
	}
	if err := c.check(file, text); err != nil {
		return Config{}, err
	}
	c.Path, c.written = file, map[string]bool{}
	for _, d := range described {
		c.written[d.section+"."+d.key] = md.IsDefined(d.section, d.key)
	}
	return c, nil
}

// check refuses values of the right type that make no sense.
func (c *Config) check(file, text string) error {
	fail := func(key toml.Key, format string, args ...any) error {
		line, column := locate(text, key)
		return &Error{File: file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	}
	if !contains(Themes, c.UI.Theme) {
		e := fail(toml.Key{"ui", "theme"}, "there is no theme %q; there are %s", c.UI.Theme, strings.Join(Themes, ", ")).(*Error)
		e.Suggestion = nearest(c.UI.Theme, Themes)
		return e
	}
	if c.UI.Clipboard != "osc52" && c.UI.Clipboard != "off" {
		return fail(toml.Key{"ui", "clipboard"}, "clipboard is %q, but it must be osc52 or off", c.UI.Clipboard)
	}
	if c.UI.FPS < 1 || c.UI.FPS > 120 {
		return fail(toml.Key{"ui", "fps"}, "fps is %d, but it must be from 1 to 120", c.UI.FPS)
	}
	if c.Sync.RefreshTimeout < Duration(time.Second) {
		return fail(toml.Key{"sync", "refresh_timeout"}, "refresh_timeout is %s, but it must be one second at least", c.Sync.RefreshTimeout)
	}
	if c.Limits.Memory != 0 && c.Limits.Memory < 32<<20 {
		return fail(toml.Key{"limits", "memory"}, "memory is %s, but Fettle needs 32MiB at least", c.Limits.Memory)
	}
	if c.Import.Roots != "" && !filepath.IsAbs(c.Import.Roots) {
		return fail(toml.Key{"import", "roots"}, "roots is %q, but it must be the whole path of a file", c.Import.Roots)
	}
	for _, o := range c.Apt.Options {
		if name, _, ok := strings.Cut(o, "="); !ok || name == "" || strings.HasPrefix(o, "-") {
			return fail(toml.Key{"apt", "options"}, "the apt option %q is not of the form Name=value", o)
		}
	}
	for _, o := range c.Apt.Dpkg {
		if !strings.HasPrefix(o, "--") {
			return fail(toml.Key{"apt", "dpkg"}, "the dpkg option %q does not begin with --", o)
		}
	}
	for i, v := range c.Views {
		switch {
		case v.Name == "":
			return fail(toml.Key{"view"}, "saved filter %d has no name", i+1)
		case v.On != "" && v.On != "updates" && v.On != "computers":
			return fail(toml.Key{"view", "on"}, "the saved filter %q is on %q, but it must be on updates or computers", v.Name, v.On)
		}
	}
	for action, keys := range c.Keys {
		if len(keys) == 1 && keys[0] == disabledKey {
			c.Keys[action] = []string{}
			continue
		}
		for _, k := range keys {
			switch k {
			case "":
				return fail(toml.Key{"keys", action}, "the action %s has an empty key; an empty list takes its keys away", action)
			case disabledKey:
				return fail(toml.Key{"keys", action}, "the action %s has %q beside other keys; alone it takes its keys away", action, k)
			}
		}
	}
	return nil
}

// disabledKey takes an action off the keyboard, as an empty list does: what those
// who come from other terminal programs write.
const disabledKey = "<disabled>"

// Pool reads the root certificates of trusted signers. nil means the system's.
func (c *Config) Pool() (*x509.CertPool, error) {
	if c.Import.Roots == "" {
		return nil, nil
	}
	fail := func(what string) error {
		return &Error{File: c.Path, Message: fmt.Sprintf("roots in [import]: %s", what)}
	}
	text, err := os.ReadFile(c.Import.Roots)
	if err != nil {
		return nil, fail("the certificates cannot be read: " + err.Error())
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fail(fmt.Sprintf("%s has no certificate in PEM form; openssl x509 -inform DER -in FILE.crt writes it", c.Import.Roots))
	}
	return pool, nil
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

// Duration is a length of time, written as 90s, 10m or 1h30m.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a length of time; write it as 90s, 10m or 1h30m", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes the duration without its empty parts: 10m, not 10m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size is a number of bytes, written as 512MiB; 0 stands alone.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	for _, u := range append(sizeUnits, struct {
		name  string
		bytes int64
	}{"", 1}) {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes || u.name == "" && n != 0 {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%q is not a size; write it as 512MiB, or 0", b)
}

// MarshalText writes the form that UnmarshalText reads.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size in the largest unit that leaves no fraction.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return "0"
}

// Level is how much is logged: debug, info, warn or error.
type Level slog.Level

// UnmarshalText reads a level.
func (l *Level) UnmarshalText(b []byte) error {
	for _, v := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(v.String(), string(b)) {
			*l = Level(v)
			return nil
		}
	}
	return fmt.Errorf("%q is not a level; there are debug, info, warn and error", b)
}

// MarshalText writes the form that UnmarshalText reads.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// String names the level.
func (l Level) String() string { return strings.ToLower(slog.Level(l).String()) }

// Text writes the configuration as TOML: what is in force.
func (c Config) Text() (string, error) {
	var b strings.Builder
	if err := toml.NewEncoder(&b).Encode(c); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return b.String(), nil
}
