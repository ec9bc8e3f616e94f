package applicability

import (
	"cmp"
	"slices"
	"strings"
)

// index is what looking things up in a Computer needs, made once.
type index struct {
	worlds   []*world // one; or two, where it is not known whether Windows has 32 or 64 bits
	products map[string]*Product
	packages map[string]bool // identities installed
	wmi      map[string]Truth
	licences map[string]int64
	device   map[string]string
	releases map[string]string
	history  map[string]bool
}

// world is the registry and the files of a computer, given how many bits
// Windows has: that decides where a 32-bit program looks, and where folders are.
type world struct {
	narrow   bool // 32-bit Windows
	complete bool // the registry is
	keys     map[string]*statedKey
	folders  map[int]string
	files    map[string]*File
	whole    bool // the files are
}

// statedKey is a key that the description names, or that is above one.
type statedKey struct {
	exists   Truth
	complete bool
	values   map[string]RegistryValue
	children map[string]bool // names of stated keys below
}

// looked returns the index, and makes it the first time.
func (c *Computer) looked() *index {
	if ix := c.made.Load(); ix != nil {
		return ix
	}
	ix := &index{
		products: map[string]*Product{},
		packages: map[string]bool{},
		wmi:      map[string]Truth{},
		licences: map[string]int64{},
		device:   map[string]string{},
		releases: map[string]string{},
		history:  map[string]bool{},
	}
	for _, p := range c.Products.Products {
		p = p.with(ix.products[guid(p.Code)])
		ix.products[guid(p.Code)] = &p
	}
	for _, p := range c.Packages.Installed {
		ix.packages[packageKey(p)] = true
	}
	for _, a := range c.WMI {
		ix.wmi[wmiKey(a.Namespace, a.Query)] = a.Found
	}
	for name, v := range c.Licences.Values {
		ix.licences[fold(name)] = v
	}
	for name, v := range c.Attributes.Values {
		ix.device[fold(name)] = v
	}
	for name, v := range c.Releases.Versions {
		ix.releases[fold(name)] = v
	}
	for _, id := range c.History.Installed {
		ix.history[guid(id)] = true
	}
	switch c.bits() {
	case 32:
		ix.worlds = []*world{c.world(true)}
	case 64:
		ix.worlds = []*world{c.world(false)}
	default:
		ix.worlds = []*world{c.world(false), c.world(true)}
	}
	c.made.CompareAndSwap(nil, ix)
	return c.made.Load()
}

// bits says how many bits Windows has, 0 when that is not known. A key of which
// a 32-bit view is described has another view too.
func (c *Computer) bits() int {
	if a, ok := architectureNumber(c.Processor.Architecture); ok {
		if a == archX86 || a == archARM {
			return 32
		}
		return 64
	}
	for _, k := range c.Registry.Keys {
		if k.View == 32 {
			return 64
		}
	}
	return 0
}

func (c *Computer) world(narrow bool) *world {
	w := &world{
		narrow:   narrow,
		complete: c.Registry.Complete,
		keys:     map[string]*statedKey{},
		files:    map[string]*File{},
		whole:    c.Files.Complete,
		folders:  folders(c.Folders, narrow),
	}
	for i := range c.Registry.Keys {
		w.addKey(&c.Registry.Keys[i])
	}
	for _, f := range c.Files.Files {
		path := w.expand(f.Path)
		f = f.with(w.files[path])
		w.files[path] = &f
	}
	return w
}

// with completes what is stated of a product by what was stated of it earlier.
func (p Product) with(earlier *Product) Product {
	if earlier == nil {
		return p
	}
	p.Version = cmp.Or(p.Version, earlier.Version)
	p.Language = cmp.Or(p.Language, earlier.Language)
	p.Absent = p.Absent && earlier.Absent
	p.Complete = p.Complete || earlier.Complete
	p.Features = slices.Concat(earlier.Features, p.Features)
	p.Components = slices.Concat(earlier.Components, p.Components)
	p.Patches = slices.Concat(earlier.Patches, p.Patches)
	return p
}

// with completes what is stated of a file by what was stated of it earlier.
func (f File) with(earlier *File) File {
	if earlier == nil {
		return f
	}
	f.Version = cmp.Or(f.Version, earlier.Version)
	f.Size = cmp.Or(f.Size, earlier.Size)
	f.Created = cmp.Or(f.Created, earlier.Created)
	f.Modified = cmp.Or(f.Modified, earlier.Modified)
	f.Language = cmp.Or(f.Language, earlier.Language)
	f.Absent = f.Absent && earlier.Absent
	return f
}

func (w *world) addKey(k *RegistryKey) {
	root, sub := splitRoot(k.Path)
	path := w.physical(joinKey(root, sub), k.View == 32)
	s := w.stated(path)
	if k.Absent {
		if s.exists == Unknown {
			s.exists = No
		}
		return
	}
	s.complete = s.complete || k.Complete
	for name, v := range k.Values {
		s.values[fold(name)] = v
	}
	for { // the keys above exist too
		s.exists = Yes
		i := strings.LastIndexByte(path, '\\')
		if i < 0 {
			return
		}
		path = path[:i]
		s = w.stated(path)
	}
}

// stated returns a key's entry, making it and those above it.
func (w *world) stated(path string) *statedKey {
	s := w.keys[path]
	if s == nil {
		s = &statedKey{values: map[string]RegistryValue{}, children: map[string]bool{}}
		w.keys[path] = s
		if i := strings.LastIndexByte(path, '\\'); i >= 0 {
			w.stated(path[:i]).children[path[i+1:]] = true
		}
	}
	return s
}

// key looks up a key by its physical path.
func (w *world) key(path string) keyFacts {
	k := keyFacts{w: w, path: path, stated: w.keys[path], complete: w.complete}
	missing := false // a key above is known to be absent, or not listed where all are
	for p := path; ; {
		s := w.keys[p]
		if s != nil {
			k.complete = k.complete || s.complete
			if s.exists == No {
				missing = true
			}
		}
		i := strings.LastIndexByte(p, '\\')
		if i < 0 {
			break
		}
		p = p[:i]
	}
	switch {
	case k.stated != nil && k.stated.exists == Yes:
		k.exists = Yes
	case missing || k.complete:
		k.exists = No
	}
	return k
}

// splitRoot takes the root off a path; without one it is HKEY_LOCAL_MACHINE's.
func splitRoot(path string) (root, sub string) {
	path = strings.Trim(strings.ReplaceAll(path, "/", `\`), `\`)
	root, sub, _ = strings.Cut(path, `\`)
	if _, ok := shortRoots[fold(root)]; ok {
		return root, sub
	}
	return "hklm", path
}

// shortRoots are the names of roots, short ones for comparing.
var shortRoots = map[string]string{
	"hkey_local_machine": "hklm", "hklm": "hklm",
	"hkey_current_user": "hkcu", "hkcu": "hkcu",
	"hkey_classes_root": `hklm\software\classes`, "hkcr": `hklm\software\classes`,
	"hkey_users": "hku", "hku": "hku",
	"hkey_current_config": "hkcc", "hkcc": "hkcc",
}

// joinKey makes the comparable path of a key: lower case, a short root, no empty
// parts.
func joinKey(root, sub string) string {
	root = fold(root)
	if short, ok := shortRoots[root]; ok {
		root = short
	}
	sub = fold(sub)
	if strings.Contains(sub, `\\`) || strings.HasPrefix(sub, `\`) || strings.HasSuffix(sub, `\`) {
		sub = strings.Join(strings.FieldsFunc(sub, func(r rune) bool { return r == '\\' }), `\`)
	}
	if sub == "" {
		return root
	}
	return root + `\` + sub
}

// physical is where a key really is: under WOW6432Node for a 32-bit program on
// 64-bit Windows, except for keys that both kinds of programs share.
func (w *world) physical(path string, narrow bool) string {
	const software = `hklm\software`
	if !narrow || w.narrow {
		return path
	}
	rest, ok := strings.CutPrefix(path, software)
	if !ok || rest != "" && rest[0] != '\\' {
		return path
	}
	rest = strings.TrimPrefix(rest, `\`)
	if rest == "wow6432node" || strings.HasPrefix(rest, `wow6432node\`) || shared(rest) {
		return path
	}
	if rest == "" {
		return software + `\wow6432node`
	}
	return software + `\wow6432node\` + rest
}

// sharedKeys are the keys below HKLM\SOFTWARE that 32-bit and 64-bit programs
// share ("Registry keys affected by WOW64", Windows 7 and later).
var sharedKeys = []string{
	`clients`,
	`microsoft\com3`,
	`microsoft\cryptography\calais\current`,
	`microsoft\cryptography\calais\readers`,
	`microsoft\cryptography\services`,
	`microsoft\ctf\systemshared`,
	`microsoft\ctf\tip`,
	`microsoft\dfs`,
	`microsoft\driver signing`,
	`microsoft\enterprisecertificates`,
	`microsoft\eventsystem`,
	`microsoft\msmq`,
	`microsoft\non-driver signing`,
	`microsoft\notepad\defaultfonts`,
	`microsoft\ole`,
	`microsoft\ras`,
	`microsoft\rpc`,
	`microsoft\shared tools\msinfo`,
	`microsoft\systemcertificates`,
	`microsoft\termservlicensing`,
	`microsoft\transaction server`,
	`microsoft\windows\currentversion\control panel\cursors\schemes`,
	`microsoft\windows\currentversion\explorer\autoplayhandlers`,
	`microsoft\windows\currentversion\explorer\driveicons`,
	`microsoft\windows\currentversion\explorer\kindmap`,
	`microsoft\windows\currentversion\group policy`,
	`microsoft\windows\currentversion\policies`,
	`microsoft\windows\currentversion\previewhandlers`,
	`microsoft\windows\currentversion\setup`,
	`microsoft\windows\currentversion\telephony\locations`,
	`microsoft\windows nt\currentversion\console`,
	`microsoft\windows nt\currentversion\fontdpi`,
	`microsoft\windows nt\currentversion\fontlink`,
	`microsoft\windows nt\currentversion\fontmapper`,
	`microsoft\windows nt\currentversion\fonts`,
	`microsoft\windows nt\currentversion\fontsubstitutes`,
	`microsoft\windows nt\currentversion\gre_initialize`,
	`microsoft\windows nt\currentversion\image file execution options`,
	`microsoft\windows nt\currentversion\language pack`,
	`microsoft\windows nt\currentversion\networkcards`,
	`microsoft\windows nt\currentversion\perflib`,
	`microsoft\windows nt\currentversion\ports`,
	`microsoft\windows nt\currentversion\print`,
	`microsoft\windows nt\currentversion\profilelist`,
	`microsoft\windows nt\currentversion\time zones`,
	`policies`,
	`registeredapplications`,
}

func shared(sub string) bool {
	for _, k := range sharedKeys {
		if strings.HasPrefix(sub, k) && (len(sub) == len(k) || sub[len(k)] == '\\') {
			return true
		}
	}
	return false
}
