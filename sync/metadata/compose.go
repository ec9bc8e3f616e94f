package metadata

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"fettle/model"
)

// Options says how updates are shown.
type Options struct {
	// Languages that titles are wanted in, the best first, such as "de" or
	// "en-US". Where none exists, the document's default language, then "en",
	// then any is taken.
	Languages []string
}

// Members finds the document of a member; nil when it is not known.
type Members func(Identity) *Update

// Kinds says what kind of category an id is, if it is one.
type Kinds func(model.UpdateID) (model.CategoryKind, bool)

// maxMembers bounds what one update may consist of at all depths.
const maxMembers = 100_000

// Compose makes what an administrator sees of a deployable update: what it and
// all its members, at any depth, say together. The upstream, the links of files
// and what the store counts (Number, Revision, Arrived, Digest) are left to the
// caller. Document is the vendor's number of the revision.
func Compose(u *Update, members Members, kinds Kinds, o Options) *model.Update {
	c := gather(u, members)
	text := u.text(o)
	m := &model.Update{
		ID: u.ID, Document: u.Revision, Released: u.Created, Publication: u.Publication,
		Title: u.title(text), Description: text.Description,
		Class: c.classification(), Products: c.products(kinds), Severity: c.severity(),
		KB:        c.own(func(u *Update) []string { return u.KB }),
		Bulletins: c.own(func(u *Update) []string { return u.Bulletins }),
		CVEs:      c.union(func(u *Update) []string { return u.CVEs }),
		Languages: c.own(func(u *Update) []string { return u.Languages }),
		Version:   c.first((*Update).version),
		Licence:   c.first((*Update).licence),
		Restart:   c.restart(), Removable: c.removable(), Input: c.input(),
		Supersedes: c.supersedes(), Bundles: c.ids, Files: c.files(), Applies: c.applies(),
	}
	for _, link := range slices.Concat(text.MoreInfoURLs, u.MoreInfoURLs, []string{text.SupportURL}, u.SupportURLs) {
		if webLink(link) && !slices.Contains(m.Links, link) {
			m.Links = append(m.Links, link)
		}
	}
	return m
}

// composition is an update with what it consists of.
type composition struct {
	all     []*Update        // the update, then its members as they are met, each once
	ids     []model.UpdateID // of all members, known or not
	missing bool             // a member is not known
}

func gather(u *Update, members Members) *composition {
	c := &composition{all: []*Update{u}}
	met := map[Identity]bool{u.Identity: true}
	listed := map[model.UpdateID]bool{u.ID: true}
	for i := 0; i < len(c.all); i++ {
		for _, clause := range c.all[i].Bundles {
			for _, id := range clause.Members {
				if met[id] || len(met) >= maxMembers {
					continue
				}
				met[id] = true
				if !listed[id.ID] {
					listed[id.ID] = true
					c.ids = append(c.ids, id.ID)
				}
				var m *Update
				if members != nil {
					m = members(id)
				}
				if m == nil {
					c.missing = true
					continue
				}
				c.all = append(c.all, m)
			}
		}
	}
	return c
}

// text is the one to be shown, by the languages wanted.
func (u *Update) text(o Options) Text {
	wanted := append(slices.Clone(o.Languages), u.DefaultLanguage, "en")
	for _, language := range wanted {
		for _, found := range []func(string) bool{
			func(have string) bool { return strings.EqualFold(have, language) },
			func(have string) bool { return strings.EqualFold(have, primary(language)) },
			func(have string) bool { return strings.EqualFold(primary(have), primary(language)) },
		} {
			for _, t := range u.Texts {
				if language != "" && t.Title != "" && found(t.Language) {
					return t
				}
			}
		}
	}
	for _, t := range u.Texts {
		if t.Title != "" {
			return t
		}
	}
	return Text{}
}

// primary is a language without its region: "en" of "en-US".
func primary(language string) string {
	before, _, _ := strings.Cut(language, "-")
	return before
}

// Title is the title in the best of the wanted languages that there is. It is
// never empty.
func (u *Update) Title(o Options) string { return u.title(u.text(o)) }

// title never is empty: a list shows it.
func (u *Update) title(t Text) string {
	return cmp.Or(t.Title, u.LegacyName, u.Written, string(u.ID))
}

func (u *Update) version() string {
	if u.ReleaseVersion == "" && len(u.Drivers) > 0 {
		return u.Drivers[0].Version
	}
	return u.ReleaseVersion
}

// licence names the licence terms. Those that must be accepted again for each
// revision have it in their name.
func (u *Update) licence() string {
	if u.EulaID == "" || !u.ReacceptEula {
		return u.EulaID
	}
	return u.EulaID + "/" + strconv.FormatUint(uint64(u.Revision), 10)
}

// severity is the vendor's rating of the update, else the worst of its members'.
func (c *composition) severity() model.Severity {
	worst := c.all[0].Severity
	if worst == model.SeverityUnspecified {
		for _, x := range c.all {
			worst = max(worst, x.Severity)
		}
	}
	return worst
}

// input says whether installing any of it asks the user something.
func (c *composition) input() bool {
	return slices.ContainsFunc(c.all, func(x *Update) bool { return x.Installation != nil && x.Installation.Input })
}

// installs says whether installing the update does something by itself: pure
// bundles have no handler.
func (u *Update) installs() bool { return u.Handler != "" || !u.IsBundle() }

// restart is the worst that installing may do. It is not called harmless while
// something is not known.
func (c *composition) restart() model.Restart {
	worst, unknown := model.RestartUnknown, c.missing
	for _, x := range c.all {
		switch {
		case x.Installation != nil:
			worst = max(worst, x.Installation.Restart)
			unknown = unknown || x.Installation.Restart == model.RestartUnknown
		case x.installs():
			unknown = true
		}
	}
	if unknown && worst <= model.RestartNever {
		return model.RestartUnknown
	}
	return worst
}

// removable says whether the update says how it is removed, or all of its
// members do that install something.
func (c *composition) removable() bool {
	if c.all[0].Uninstallation != nil {
		return true
	}
	some := false
	for _, x := range c.all {
		if !x.installs() {
			continue
		}
		if x.Uninstallation == nil {
			return false
		}
		some = true
	}
	return some && !c.missing
}

func (c *composition) supersedes() []model.UpdateID {
	u := c.all[0]
	var ids []model.UpdateID
	met := map[model.UpdateID]bool{u.ID: true}
	for _, id := range u.Supersedes {
		if !met[id] {
			met[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// files are those of all members, each once: members share them.
func (c *composition) files() []model.File {
	var files []model.File
	at := map[string]int{}
	for _, x := range c.all {
		for _, f := range x.Files {
			key := "1" + string(f.SHA1)
			if f.SHA1 == nil {
				key = "2" + string(f.SHA256)
			}
			if i, ok := at[key]; ok {
				if files[i].SHA256 == nil {
					files[i].SHA256 = f.SHA256
				}
				continue
			}
			at[key] = len(files)
			files = append(files, model.File{Name: f.Name, Size: f.Size, SHA1: f.SHA1, SHA256: f.SHA256})
		}
	}
	return files
}

// applies is a digest over the rules of the update and its members. The order in
// which members are listed does not matter, nor do their revisions: it changes
// when rules do.
func (c *composition) applies() []byte {
	var sums [][]byte
	for _, x := range c.all {
		if x.HasRules() {
			sums = append(sums, x.RulesDigest[:])
		}
	}
	if len(sums) == 0 {
		return nil
	}
	slices.SortFunc(sums, bytes.Compare)
	h := sha256.New()
	for _, s := range sums {
		h.Write(s)
	}
	return h.Sum(nil)
}

// first is what the update says, else the first of its members that says it.
func (c *composition) first(of func(*Update) string) string {
	for _, x := range c.all {
		if s := of(x); s != "" {
			return s
		}
	}
	return ""
}

// own is what the update lists, else what its members list.
func (c *composition) own(of func(*Update) []string) []string {
	if list := of(c.all[0]); len(list) > 0 {
		return slices.Clone(list)
	}
	return c.union(of)
}

func (c *composition) union(of func(*Update) []string) []string {
	var list []string
	met := map[string]bool{}
	for _, x := range c.all {
		for _, s := range of(x) {
			if !met[s] {
				met[s] = true
				list = append(list, s)
			}
		}
	}
	return list
}

// classification is that of the update, else the first of its members'.
func (c *composition) classification() model.Classification {
	for _, x := range c.all {
		if class := x.classification(); class != model.ClassUnknown {
			return class
		}
	}
	if c.all[0].Type == Driver {
		return model.ClassDriver
	}
	return model.ClassUnknown
}

// products are those of the update, else those of its members.
func (c *composition) products(kinds Kinds) []model.CategoryID {
	list := c.all[0].products(kinds)
	if len(list) > 0 {
		return list
	}
	met := map[model.CategoryID]bool{}
	for _, x := range c.all[1:] {
		for _, id := range x.products(kinds) {
			if !met[id] {
				met[id] = true
				list = append(list, id)
			}
		}
	}
	return list
}

// webLink says whether a link may be offered to be opened.
func webLink(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "http://")
	}
	return ok && rest != "" && !strings.ContainsAny(rest, " \t\n\"<>")
}
