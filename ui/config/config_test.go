package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

const example = "../../config.example.toml"

func TestExampleIsTheDefaults(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(example, string(text))
	if err != nil {
		t.Fatal(err)
	}
	c.Path, c.written = "", nil
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("the example parses to\n%+v\nbut the defaults are\n%+v", c, Default())
	}
}

func TestExampleHasEverySetting(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	md, err := toml.Decode(string(text), &raw)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(typ reflect.Type, table toml.Key)
	walk = func(typ reflect.Type, table toml.Key) {
		for f := range typ.Fields() {
			name := f.Tag.Get("toml")
			if name == "-" {
				continue
			}
			key := append(append(toml.Key{}, table...), name)
			switch {
			case f.Type.Kind() == reflect.Struct:
				walk(f.Type, key)
			case f.Type == reflect.TypeFor[[]View]():
				// Without one, the list is empty; its keys stand in a comment.
				for v := range reflect.TypeFor[View]().Fields() {
					if !strings.Contains(string(text), "\n# "+v.Tag.Get("toml")+" = ") {
						t.Errorf("view.%s is not in the example", v.Tag.Get("toml"))
					}
				}
			case !md.IsDefined(key...):
				t.Errorf("%s is not in the example", key)
			}
		}
	}
	walk(reflect.TypeFor[Config](), nil)
}

func TestExampleCommentsParse(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.ReplaceAll(string(text), "# approve = ", "approve = ")
	head, tail, ok := strings.Cut(s, "# [[view]]\n")
	if !ok {
		t.Fatal("the example has no [[view]]")
	}
	s = head + "[[view]]\n" + strings.ReplaceAll("\n"+tail, "\n# ", "\n")
	c, err := Parse(example, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Views) != 1 || c.Views[0].Sort != "-needed" || len(c.Keys["approve"]) != 2 {
		t.Errorf("got %+v and %+v", c.Views, c.Keys)
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":       {"[data]\nkeys = \"k\"\n\n[ui]\nthme = \"dark\"\n", `config.toml:5:1: unknown key "thme" in [ui]; did you mean "theme"?`},
		"unknown table":     {"[log]\nlevel = \"info\"\n[uii]\nfps = 3\n", `config.toml:3:1: unknown key "uii"; did you mean "ui"?`},
		"nothing near":      {"[ui]\nxyzzyplugh = 1\n", `config.toml:2:1: unknown key "xyzzyplugh" in [ui]`},
		"unknown in view":   {"[[view]]\nname = \"a\"\n[[view]]\nname = \"b\"\nfiltr = \"x\"\n", `config.toml:5:1: unknown key "filtr" in [view]; did you mean "filter"?`},
		"wrong type":        {"# comment\n[ui]\nfps = \"fast\"\n", `config.toml:3:1: ui.fps must be a whole number, not a text in quotes`},
		"wrong bool":        {"[ui]\n  mouse = 1\n", `config.toml:2:3: ui.mouse must be true or false, not a whole number`},
		"wrong list":        {"[apt]\noptions = \"Dir=/x\"\n", `config.toml:2:1: apt.options must be a list, not a text in quotes`},
		"wrong text":        {"[ui]\ntheme = 3\n", `config.toml:2:1: ui.theme must be a text in quotes, not a whole number`},
		"not a table":       {"ui = 3\n", `config.toml:1:1: ui must be a table, not a whole number`},
		"bad duration":      {"[sync]\nrefresh_timeout = \"soon\"\n", `config.toml:2:1: "soon" is not a length of time; write it as 90s, 10m or 1h30m`},
		"bad size":          {"[limits]\nmemory = \"lots\"\n", `config.toml:2:1: "lots" is not a size; write it as 512MiB, or 0`},
		"bad level":         {"[log]\nlevel = \"loud\"\n", `config.toml:2:1: "loud" is not a level; there are debug, info, warn and error`},
		"unknown theme":     {"[ui]\ntheme = \"dork\"\n", `config.toml:2:1: there is no theme "dork"; there are dark, light, high-contrast, colour-blind, mono; did you mean "dark"?`},
		"out of range":      {"[ui]\nfps = 0\n", `config.toml:2:1: fps is 0, but it must be from 1 to 120`},
		"not toml":          {"[ui\nfps = 1\n", `config.toml:2:4: expected '.' or ']' to end table name, but got '\n' instead`},
		"twice":             {"[ui]\nfps = 1\nfps = 2\n", `config.toml:3:9: Key 'ui.fps' has already been defined.`},
		"hostile":           {"[ui]\n\"a\\u001b[31mb\" = 1\n", `config.toml: unknown key "ab" in [ui]`},
		"apt option":        {"[apt]\noptions = [\"--force\"]\n", `config.toml:2:1: the apt option "--force" is not of the form Name=value`},
		"in a long string":  {"[log]\nfile = \"\"\"\nlvel = 1\n\"\"\"\nlvel = 2\n", `config.toml:5:1: unknown key "lvel" in [log]; did you mean "level"?`},
		"view on":           {"[[view]]\nname = \"a\"\non = \"groups\"\n", `config.toml:3:1: the saved filter "a" is on "groups", but it must be on updates or computers`},
		"roots":             {"[import]\nroots = \"root.pem\"\n", `config.toml:2:1: roots is "root.pem", but it must be the whole path of a file`},
		"spool":             {"[import]\nspool = \"much\"\n", `config.toml:2:1: "much" is not a size; write it as 512MiB, or 0`},
		"unsigned":          {"[import]\nunsigned = \"yes\"\n", `config.toml:2:1: import.unsigned must be true or false, not a text in quotes`},
		"unsigned misspelt": {"[import]\nunsinged = true\n", `config.toml:2:1: unknown key "unsinged" in [import]; did you mean "unsigned"?`},
		"empty key":         {"[keys]\nquit = [\"\"]\n", `config.toml:2:1: the action quit has an empty key; an empty list takes its keys away`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("config.toml", test.text)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if got := err.Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }

	c, err := Load("", env(map[string]string{"HOME": dir}), false)
	if err != nil || !reflect.DeepEqual(c, Default()) {
		t.Errorf("without a file: %+v, %v", c, err)
	}
	if _, err := Load(filepath.Join(dir, "none.toml"), env(nil), false); err == nil {
		t.Error("a file that was named and does not exist was accepted")
	}
	usual := filepath.Join(dir, ".config", "fettle", "config.toml")
	if err := os.MkdirAll(filepath.Dir(usual), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(usual, []byte("[ui]\nfps = 10\n[limits]\nmemory = \"64MiB\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := Load("", env(map[string]string{"HOME": dir}), false); err != nil || c.UI.FPS != 10 || c.Limits.Memory != 64<<20 || c.Path != usual {
		t.Errorf("from the usual place: %+v, %v", c, err)
	}
	other := filepath.Join(dir, "other.toml")
	if err := os.WriteFile(other, []byte("[ui]\nfps = 11\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := Load("", env(map[string]string{"HOME": dir, "FETTLE_CONFIG": other}), false); err != nil || c.UI.FPS != 11 {
		t.Errorf("from FETTLE_CONFIG: %+v, %v", c, err)
	}
}

func TestShownConfigurationParses(t *testing.T) {
	c := Default()
	c.UI.FPS, c.Limits.Memory, c.Views = 12, 1<<30, []View{{Name: "a", On: "computers", Filter: "status:failed"}}
	text, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse("shown", text)
	if err != nil {
		t.Fatal(err)
	}
	back.Path, back.written = "", nil
	if !reflect.DeepEqual(back, c) {
		t.Errorf("got %+v, want %+v\n%s", back, c, text)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("[ui]\nthme=1")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Parse("f", text); err == nil {
			if _, err := c.Text(); err != nil {
				t.Errorf("what was read cannot be written: %v", err)
			}
		}
	})
}

func TestRootsOfSigners(t *testing.T) {
	c := Default()
	if pool, err := c.Pool(); pool != nil || err != nil {
		t.Errorf("without roots: %v, %v", pool, err)
	}
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"good.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), "raw.crt": der, "empty.pem": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Import.Roots = filepath.Join(dir, "good.pem")
	if pool, err := c.Pool(); err != nil || pool == nil || pool.Equal(x509.NewCertPool()) {
		t.Errorf("a certificate gave %v, %v", pool, err)
	}
	for name, want := range map[string]string{"raw.crt": "no certificate in PEM form", "empty.pem": "no certificate in PEM form", "missing.pem": "cannot be read"} {
		c.Import.Roots = filepath.Join(dir, name)
		var setting *Error
		if _, err := c.Pool(); !errors.As(err, &setting) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "[import]") {
			t.Errorf("%s gave %v", name, err)
		}
	}
}
