package wsusscn2

import (
	"slices"
	"strconv"
	"strings"
)

// fragmentKind says what a file of a detail cabinet is (offline-catalogues A.2).
type fragmentKind uint8

const (
	fragmentOther    fragmentKind = iota // nothing that is read here
	fragmentCore                         // c/N
	fragmentExtended                     // x/N
	fragmentText                         // l/LANGUAGE/N
	fragmentEula                         // e/LANGUAGE/N, or e/N
)

// fragment is what the name of a file says.
type fragment struct {
	kind     fragmentKind
	language string // as written
	key      uint32 // RevisionId
}

// parseFragment reads the name of a file in a detail cabinet. The name of a
// folder may be in either case.
func parseFragment(name string) (f fragment, ok bool) {
	folder, rest, _ := strings.Cut(name, "/")
	last := rest
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		f.language, last = rest[:i], rest[i+1:]
	}
	if len(folder) != 1 || len(last) == 0 || len(f.language) > 35 || strings.IndexByte(f.language, '/') >= 0 {
		return fragment{}, false
	}
	switch folder[0] | 0x20 {
	case 'c':
		f.kind = fragmentCore
	case 'x':
		f.kind = fragmentExtended
	case 'l':
		f.kind = fragmentText
	case 'e':
		f.kind = fragmentEula
	default:
		return fragment{}, false
	}
	if (f.language != "") != (f.kind == fragmentText) && f.kind != fragmentEula {
		return fragment{}, false
	}
	for _, c := range []byte(last) { // no sign, as ParseUint allows none, and no underscore
		if c < '0' || c > '9' {
			return fragment{}, false
		}
	}
	key, err := strconv.ParseUint(last, 10, 31)
	if err != nil {
		return fragment{}, false
	}
	f.key = uint32(key)
	return f, true
}

// languages are those that texts are taken in. English always is: it is what
// every update has, and what a search for a title on the web finds.
type languages struct {
	wanted map[string]bool
	list   []string
}

// newLanguages takes tags such as "de" or "pt-BR", and what they are a variant
// of: "pt-BR" wants "pt" too, because not every text exists in both.
func newLanguages(tags []string) languages {
	l := languages{wanted: map[string]bool{"en": true}}
	for _, tag := range tags {
		tag = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(tag), "_", "-"))
		for tag != "" {
			l.wanted[tag] = true
			i := strings.LastIndexByte(tag, '-')
			tag = tag[:max(i, 0)]
		}
	}
	for tag := range l.wanted {
		l.list = append(l.list, tag)
	}
	slices.Sort(l.list)
	return l
}

// has says whether texts in a language are taken; own is the default language of
// the update that it belongs to.
func (l languages) has(language, own string) bool {
	if l.wanted[language] { // nearly always written in lower case
		return true
	}
	language = strings.ToLower(language)
	return l.wanted[language] || language == own || language == ""
}
