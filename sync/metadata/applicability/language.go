package applicability

import (
	"strings"

	"fettle/model"
)

// LanguageTest asks for a language: WindowsLanguage, PlatformLanguage, and
// MuiLanguageInstalled.
type LanguageTest struct {
	Language     string
	Multilingual bool // of the Multilingual User Interface
}

func (t *LanguageTest) phrase(not bool) string {
	l := model.Clean(t.Language)
	if t.Multilingual {
		return "language " + l + " of the Multilingual User Interface is " + choose(not, "not ", "") + "installed"
	}
	return "Windows language is " + choose(not, "not ", "") + l
}

func (t *LanguageTest) evaluate(e *evaluation) (Truth, string) {
	l := &e.computer.Language
	multilingual := Unknown
	if l.Multilingual != nil {
		multilingual = truth(*l.Multilingual)
	}
	if t.Multilingual {
		result := Unknown
		for _, have := range l.Installed {
			result = result.Or(speaks(have, t.Language))
		}
		if l.Complete && result == Unknown && !anyShorter(l.Installed, t.Language) {
			result = No
		}
		return result.And(multilingual), languageWords(strings.Join(l.Installed, ", "), multilingual)
	}
	// Always false where MUI is installed, the schema says.
	return speaks(l.Windows, t.Language).And(multilingual.Not()), languageWords(l.Windows, multilingual)
}

// speaks says whether a system of a language has the language that a rule wants:
// "en" is every English, "zh-cn" only that. A description that says only "zh"
// leaves it open.
func speaks(have, want string) Truth {
	have, want = fold(have), fold(want)
	switch {
	case have == "":
		return Unknown
	case have == want, strings.HasPrefix(have, want+"-"):
		return Yes
	case strings.HasPrefix(want, have+"-"):
		return Unknown
	}
	return No
}

func anyShorter(have []string, want string) bool {
	for _, h := range have {
		if speaks(h, want) == Unknown {
			return true
		}
	}
	return false
}

func languageWords(have string, multilingual Truth) string {
	s := notStated
	if have != "" {
		s = "it is " + model.Clean(have)
	}
	switch multilingual {
	case Yes:
		s += ", with the Multilingual User Interface"
	case Unknown:
		s += ", whether with the Multilingual User Interface is not stated"
	}
	return s
}
