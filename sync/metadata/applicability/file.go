package applicability

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
)

// folder is a special folder of Windows, by its CSIDL number.
type folder struct {
	number int
	name   string // in texts, as an environment variable would be called
	wide   string // where it is on 64-bit Windows, below the parent
	narrow string // and on 32-bit Windows
	parent int    // 0 = none, the places are whole
}

// specialFolders are those that rules name (update-metadata 4), parents first.
var specialFolders = []folder{
	{36, "WinDir", `c:\windows`, `c:\windows`, 0},
	{37, "System32", `\system32`, `\system32`, 36},
	{41, "SysWOW64", `\syswow64`, `\system32`, 36},
	{20, "Fonts", `\fonts`, `\fonts`, 36},
	{38, "ProgramFiles", `c:\program files`, `c:\program files`, 0},
	{42, "ProgramFiles(x86)", `c:\program files (x86)`, `c:\program files`, 0},
	{43, "CommonProgramFiles", `\common files`, `\common files`, 38},
	{44, "CommonProgramFiles(x86)", `\common files`, `\common files`, 42},
	{35, "ProgramData", `c:\programdata`, `c:\programdata`, 0},
}

// otherFolderNames are further names for the same folders.
var otherFolderNames = map[string]int{"windows": 36, "systemroot": 36, "system": 37, "commonfiles": 43, "commonfiles(x86)": 44, "allusersprofile": 35}

// FolderNames lists the names that Computer.Folders and paths between percent
// signs know.
func FolderNames() []string {
	var names []string
	for _, f := range specialFolders {
		names = append(names, f.name)
	}
	return names
}

func folderNumber(name string) (int, bool) {
	for _, f := range specialFolders {
		if strings.EqualFold(f.name, name) {
			return f.number, true
		}
	}
	if n, ok := otherFolderNames[fold(name)]; ok {
		return n, true
	}
	n, err := strconv.Atoi(name)
	return n, err == nil
}

func folderName(number int) string {
	for _, f := range specialFolders {
		if f.number == number {
			return f.name
		}
	}
	return "CSIDL " + strconv.Itoa(number)
}

// folders are the places of the special folders: as stated, otherwise where
// Windows puts them.
func folders(stated map[string]string, narrow bool) map[int]string {
	places := map[int]string{}
	for name, path := range stated {
		if n, ok := folderNumber(name); ok {
			places[n] = cleanPath(path)
		}
	}
	for _, f := range specialFolders {
		if places[f.number] != "" {
			continue
		}
		place := choose(narrow, f.narrow, f.wide)
		if f.parent != 0 {
			place = places[f.parent] + place
		}
		places[f.number] = place
	}
	return places
}

// cleanPath makes a path comparable: lower case, one backslash between parts, no
// dots ("the client will canonicalize the path", the schema says).
func cleanPath(path string) string {
	path = strings.ReplaceAll(fold(strings.TrimSpace(path)), "/", `\`)
	var parts []string
	for part := range strings.SplitSeq(path, `\`) {
		switch part {
		case "", ".":
		case "..":
			if len(parts) > 1 {
				parts = parts[:len(parts)-1]
			}
		default:
			parts = append(parts, part)
		}
	}
	s := strings.Join(parts, `\`)
	if strings.HasPrefix(path, `\\`) {
		return `\\` + s // a share
	}
	return s
}

// expand makes a path comparable whose folders may stand between percent signs.
func (w *world) expand(path string) string {
	for range 4 {
		i := strings.IndexByte(path, '%')
		if i < 0 {
			break
		}
		n := strings.IndexByte(path[i+1:], '%')
		if n < 0 {
			break
		}
		number, ok := folderNumber(path[i+1 : i+1+n])
		place := w.folders[number]
		if !ok || place == "" {
			break
		}
		path = path[:i] + place + path[i+n+2:]
	}
	return cleanPath(path)
}

// FileTest asks for a file: that it exists, its version, its dates or its size.
// The path may be prepended by a special folder or by what a registry value
// holds.
type FileTest struct {
	Path       string
	Csidl      *uint64
	Prefix     *RegistryValuePath // of the PrependRegSz operators
	Exists     bool               // FileExists: what is stated below must all match
	Comparison Comparison         // otherwise: of the one that is stated below
	Version    *Version
	Created    *time.Time
	Modified   *time.Time
	Size       *uint64
	Language   *uint64
}

// readFile makes the reader of a file operator: what is compared, none for
// FileExists, and whether a registry value says where.
func readFile(compared string, prepend bool) func(a *attributes) Test {
	return func(a *attributes) Test {
		t := &FileTest{Path: a.text("Path"), Exists: compared == ""}
		if prepend {
			p := a.registryValue()
			t.Prefix = &p
		} else {
			t.Csidl = a.number("Csidl", 32)
		}
		if !t.Exists {
			t.Comparison = a.comparison(scalarComparisons)
			if _, ok := a.optional(compared); !ok {
				a.text(compared)
			}
		}
		if t.Exists || compared == "Version" {
			t.Version = a.version("Version")
		}
		if t.Exists || compared == "Created" {
			t.Created = a.date("Created")
		}
		if t.Exists || compared == "Modified" {
			t.Modified = a.date("Modified")
		}
		if t.Exists || compared == "Size" {
			t.Size = a.number("Size", 63)
		}
		if t.Exists {
			t.Language = a.number("Language", 16)
		}
		return t
	}
}

// String is the path as people write it.
func (t *FileTest) String() string {
	path := strings.Trim(model.Clean(t.Path), `\`)
	switch {
	case t.Prefix != nil:
		return "[" + t.Prefix.String() + t.Prefix.view() + `]\` + path
	case t.Csidl == nil:
		return model.Clean(t.Path)
	case folderName(int(*t.Csidl)) == "System32":
		return `%WinDir%\System32\` + path
	case folderName(int(*t.Csidl)) == "SysWOW64":
		return `%WinDir%\SysWOW64\` + path
	}
	return "%" + folderName(int(*t.Csidl)) + `%\` + path
}

func (t *FileTest) phrase(not bool) string {
	c := t.Comparison
	if !t.Exists {
		s := choose(not, "not ", "") + t.String() + " "
		switch {
		case t.Version != nil:
			return s + "version " + c.sign() + " " + t.Version.String()
		case t.Created != nil:
			return s + "created " + c.when() + " " + dateText(*t.Created)
		case t.Modified != nil:
			return s + "modified " + c.when() + " " + dateText(*t.Modified)
		case t.Size != nil:
			return s + "size " + c.sign() + " " + strconv.FormatUint(*t.Size, 10) + " bytes"
		}
		return s + "compared with what cannot be read"
	}
	var with []string
	if t.Version != nil {
		with = append(with, "version "+t.Version.String())
	}
	if t.Created != nil {
		with = append(with, "created "+dateText(*t.Created))
	}
	if t.Modified != nil {
		with = append(with, "modified "+dateText(*t.Modified))
	}
	if t.Size != nil {
		with = append(with, "size "+strconv.FormatUint(*t.Size, 10)+" bytes")
	}
	if t.Language != nil {
		with = append(with, "language "+strconv.FormatUint(*t.Language, 10))
	}
	s := t.String() + choose(not, " does not exist", " exists")
	if len(with) > 0 {
		s += " with " + enumerate(with, "and")
	}
	return s
}

// when is the comparison of a date, in words.
func (c Comparison) when() string {
	switch c {
	case LessThan:
		return "before"
	case LessThanOrEqualTo:
		return "on or before"
	case GreaterThanOrEqualTo:
		return "on or after"
	case GreaterThan:
		return "after"
	}
	return "at"
}

func (t *FileTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		path, exists, words := t.place(e, w)
		if exists != Yes {
			return exists, words
		}
		f := w.files[path]
		switch {
		case f == nil && w.whole:
			return No, "the file does not exist"
		case f == nil:
			return Unknown, notStated
		case f.Absent:
			return No, "the file does not exist"
		}
		return t.compare(f)
	})
}

// place is the comparable path of the file; not Yes with words when there cannot
// be one or it is not known.
func (t *FileTest) place(e *evaluation, w *world) (string, Truth, string) {
	switch {
	case t.Prefix != nil:
		v := e.value(w, *t.Prefix)
		kind := "REG_SZ"
		if v.Type == "REG_EXPAND_SZ" {
			kind = v.Type // installers write either
		}
		if usable, words := v.unusable(kind); usable != Yes {
			return "", usable, "its folder: " + words
		}
		return w.expand(v.Text + `\` + t.Path), Yes, ""
	case t.Csidl != nil:
		place := w.folders[int(*t.Csidl)]
		if place == "" {
			return "", Unknown, "the place of folder " + strconv.FormatUint(*t.Csidl, 10) + " is not stated"
		}
		return cleanPath(place + `\` + t.Path), Yes, ""
	}
	return w.expand(t.Path), Yes, ""
}

// compare asks what the rule asks of a file that exists.
func (t *FileTest) compare(f *File) (Truth, string) {
	result, found := Yes, []string{}
	ask := func(stated bool, order func() int, words func() string) {
		c := t.Comparison
		if t.Exists {
			c = EqualTo
		}
		if !stated {
			result = result.And(Unknown)
			return
		}
		result = result.And(truth(c.ordered(order())))
		found = append(found, words())
	}
	if t.Version != nil {
		v, err := ParseVersion(f.Version)
		if strings.EqualFold(f.Version, "none") {
			result, found = No, append(found, "it has no version")
		} else {
			ask(f.Version != "" && err == nil, func() int { return v.Compare(*t.Version) }, func() string { return "it has version " + v.String() })
		}
	}
	if t.Created != nil {
		ask(f.Created != nil, func() int { return f.Created.Compare(*t.Created) }, func() string { return "it was created " + dateText(f.Created.UTC()) })
	}
	if t.Modified != nil {
		ask(f.Modified != nil, func() int { return f.Modified.Compare(*t.Modified) }, func() string { return "it was modified " + dateText(f.Modified.UTC()) })
	}
	if t.Size != nil {
		ask(f.Size != nil, func() int { return cmp.Compare(*f.Size, int64(*t.Size)) }, func() string { return fmt.Sprintf("it has %d bytes", *f.Size) })
	}
	if t.Language != nil {
		ask(f.Language != nil, func() int { return cmp.Compare(uint64(*f.Language), *t.Language) }, func() string { return fmt.Sprintf("it has language %d", *f.Language) })
	}
	switch {
	case len(found) > 0:
		return result, enumerate(found, "and")
	case result == Unknown:
		return result, "the file exists, no more is stated"
	}
	return result, "the file exists"
}

// enumerate joins what people would list: "a", "a and b", "a, b, and c".
func enumerate(items []string, word string) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	case 2:
		return items[0] + " " + word + " " + items[1]
	}
	return strings.Join(slices.Clone(items[:len(items)-1]), ", ") + ", " + word + " " + items[len(items)-1]
}
