package applicability

import (
	"cmp"
	"strconv"
	"strings"

	"fettle/model"
)

// RegistryPath is where in the registry a test looks.
type RegistryPath struct {
	Root   string // HKEY_LOCAL_MACHINE, HKEY_LOOP_TARGET ...
	Subkey string
	Narrow bool // RegType32: as a 32-bit program sees it
}

func (a *attributes) registryPath() RegistryPath {
	return RegistryPath{Root: a.text("Key"), Subkey: a.text("Subkey"), Narrow: a.flag("RegType32")}
}

// rootNames are the usual short names of the registry's roots.
var rootNames = map[string]string{
	"hkey_local_machine":  "HKLM",
	"hkey_current_user":   "HKCU",
	"hkey_classes_root":   "HKCR",
	"hkey_users":          "HKU",
	"hkey_current_config": "HKCC",
	"hkey_loop_target":    "that key",
}

const loopTarget = "hkey_loop_target"

// String is the path as people write it.
func (p RegistryPath) String() string {
	root, ok := rootNames[fold(p.Root)]
	if !ok {
		root = model.Clean(p.Root)
	}
	sub := strings.Trim(model.Clean(p.Subkey), `\`)
	if sub == "" {
		return root
	}
	return root + `\` + sub
}

// view is what is said after everything else about a path.
func (p RegistryPath) view() string {
	if p.Narrow {
		return " (32-bit view)"
	}
	return ""
}

// RegistryValuePath is a value of a key; the name "" is its default value.
type RegistryValuePath struct {
	RegistryPath
	Value string
}

func (a *attributes) registryValue() RegistryValuePath {
	return RegistryValuePath{RegistryPath: a.registryPath(), Value: a.text("Value")}
}

// String is the path as people write it.
func (p RegistryValuePath) String() string {
	name := model.Clean(p.Value)
	if name == "" {
		name = "(default)"
	}
	return p.RegistryPath.String() + `\` + name
}

// RegistryKeyTest asks whether a key exists: RegKeyExists.
type RegistryKeyTest struct{ RegistryPath }

func (t *RegistryKeyTest) phrase(not bool) string {
	return t.String() + choose(not, " does not exist", " exists") + t.view()
}

func (t *RegistryKeyTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		k := e.key(w, t.RegistryPath)
		return k.exists, k.words()
	})
}

// RegistryValueTest asks whether a value exists, and of which type it is:
// RegValueExists. Without a name it asks for the default value, which is a
// REG_SZ.
type RegistryValueTest struct {
	RegistryValuePath
	Type string // "" = any
}

func readRegistryValueTest(a *attributes) Test {
	t := &RegistryValueTest{RegistryValuePath: RegistryValuePath{RegistryPath: a.registryPath()}}
	t.Value, _ = a.optional("Value")
	if s, ok := a.optional("Type"); ok {
		t.Type = strings.ToUpper(s)
		if !strings.HasPrefix(t.Type, "REG_") {
			a.malformed("Type", s)
		}
	}
	return t
}

func (t *RegistryValueTest) phrase(not bool) string {
	s := t.String() + choose(not, " does not exist", " exists")
	if t.Type != "" {
		s += " as " + model.Clean(t.Type)
	}
	return s + t.view()
}

func (t *RegistryValueTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		v := e.value(w, t.RegistryValuePath)
		switch {
		case v.exists != Yes || t.Type == "":
			return v.exists, v.words()
		case v.Type == "":
			return Unknown, "its type is not stated"
		}
		return truth(strings.EqualFold(v.Type, t.Type)), "it is a " + model.Clean(v.Type)
	})
}

// RegistryNumberTest compares a REG_DWORD: RegDword.
type RegistryNumberTest struct {
	RegistryValuePath
	Comparison Comparison
	Data       uint64
}

func (t *RegistryNumberTest) phrase(not bool) string {
	return choose(not, "not ", "") + t.String() + " " + t.Comparison.sign() + " " + strconv.FormatUint(t.Data, 10) + t.view()
}

func (t *RegistryNumberTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		v := e.value(w, t.RegistryValuePath)
		if done, words := v.unusable("REG_DWORD"); done != Yes {
			return done, words
		}
		return truth(t.Comparison.ordered(cmp.Compare(v.Number, t.Data))), "it is " + strconv.FormatUint(v.Number, 10)
	})
}

// RegistryTextTest compares a REG_SZ or a REG_EXPAND_SZ, without regard to
// case: RegSz, RegExpandSz.
type RegistryTextTest struct {
	RegistryValuePath
	Type       string
	Comparison Comparison
	Data       string
}

func readRegistryText(kind string) func(a *attributes) Test {
	return func(a *attributes) Test {
		return &RegistryTextTest{RegistryValuePath: a.registryValue(), Type: kind, Comparison: a.comparison(stringComparisons), Data: a.text("Data")}
	}
}

func (t *RegistryTextTest) phrase(not bool) string {
	return choose(not, "not ", "") + t.String() + " " + t.Comparison.sign() + " " + quoted(t.Data) + t.view()
}

func (t *RegistryTextTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		v := e.value(w, t.RegistryValuePath)
		if done, words := v.unusable(t.Type); done != Yes {
			return done, words
		}
		return truth(t.Comparison.texts(v.Text, t.Data)), "it is " + quoted(v.Text)
	})
}

// RegistryVersionTest compares the version that a REG_SZ holds: RegSzToVersion.
type RegistryVersionTest struct {
	RegistryValuePath
	Comparison Comparison
	Data       Version
}

func (t *RegistryVersionTest) phrase(not bool) string {
	return choose(not, "not ", "") + t.String() + " " + t.Comparison.sign() + " version " + t.Data.String() + t.view()
}

func (t *RegistryVersionTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		v := e.value(w, t.RegistryValuePath)
		if done, words := v.unusable("REG_SZ"); done != Yes {
			return done, words
		}
		have, err := ParseVersion(v.Text)
		if err != nil { // an error of the client's, and errors give unknown (update-metadata 4)
			return Unknown, "it is " + quoted(v.Text) + ", which is not a version"
		}
		return truth(t.Comparison.ordered(have.Compare(t.Data))), "it is " + have.String()
	})
}

// RegistryLegacyTest compares the way Windows Update 4 did, which Microsoft does
// not describe: WUv4RegKeyValue, WUv4RegKeySubstring. It is Yes for what equals
// or contains the text, No where there is no value, else Unknown.
type RegistryLegacyTest struct {
	RegistryValuePath
	Part bool // a part of the value is enough
	Data string
}

func readRegistryLegacy(part bool) func(a *attributes) Test {
	return func(a *attributes) Test {
		t := &RegistryLegacyTest{RegistryValuePath: RegistryValuePath{RegistryPath: a.registryPath()}, Part: part, Data: a.text("Data")}
		t.Value, _ = a.optional("Value")
		return t
	}
}

func (t *RegistryLegacyTest) phrase(not bool) string {
	return choose(not, "not ", "") + t.String() + choose(t.Part, " contains ", " = ") + quoted(t.Data) + " as Windows Update 4 compared" + t.view()
}

func (t *RegistryLegacyTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		v := e.value(w, t.RegistryValuePath)
		if v.exists != Yes || !v.Known {
			return v.exists.And(Unknown), v.words()
		}
		have := v.Text
		if v.Type == "REG_DWORD" {
			have = strconv.FormatUint(v.Number, 10)
		}
		c := EqualTo
		if t.Part {
			c = Contains
		}
		if c.texts(have, t.Data) {
			return Yes, "it is " + quoted(have)
		}
		return Unknown, "it is " + quoted(have) + ", and how Windows Update 4 compared is not known"
	})
}
