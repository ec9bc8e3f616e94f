package archive

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"fettle/model"
)

// restartSources are the source packages whose new version is in use only after
// a restart of the computer. The list is that of the programs which ask for one:
// the hooks of unattended-upgrades and of Ubuntu's update-notifier
// (/run/reboot-required is made by the maintainer scripts of linux-image, libc6,
// dbus and systemd) and the kernel and microcode checks of needrestart. All other
// services are restarted by their own packages.
var restartSources = map[string]bool{
	"linux": true, "glibc": true, "systemd": true, "udev": true, "dbus": true,
	"intel-microcode": true, "amd64-microcode": true,
}

// mayRestart says whether an update of the source may want a restart. Kernels
// come from many sources (linux-signed-amd64, Ubuntu's linux-signed-aws), known by
// the image that they bring.
func mayRestart(g *group) bool {
	return restartSources[g.source] || strings.HasPrefix(g.source, "linux-signed") ||
		slices.ContainsFunc(g.packages, func(b binary) bool { return strings.HasPrefix(b.name, "linux-image-") })
}

// Categories lists the products of the release: itself, then its sections.
func (c *Catalogue) Categories() []model.Category {
	root := model.CategoryID(strings.TrimSuffix(c.Scope(), "/"))
	list := []model.Category{{ID: root, Kind: model.CategoryProduct, Title: c.title}}
	sections := map[string]struct{}{}
	for _, g := range c.groups {
		if len(g.packages) > 0 {
			sections[g.section] = struct{}{}
		}
	}
	for _, s := range slices.Sorted(maps.Keys(sections)) {
		list = append(list, model.Category{ID: c.sectionID(s), Kind: model.CategoryProduct, Title: s, Parent: root})
	}
	return list
}

func (c *Catalogue) sectionID(section string) model.CategoryID {
	return model.CategoryID(c.Scope() + section)
}

// Present gives the identifiers of everything that the lists offer, including
// updates whose packages were all refused: they have not left the archive.
func (c *Catalogue) Present() map[model.UpdateID]struct{} {
	present := make(map[model.UpdateID]struct{}, len(c.groups))
	for _, g := range c.groups {
		present[g.id] = struct{}{}
	}
	return present
}

// Updates gives the updates of all lists that were read, in the order of their
// identifiers. Each is made when it is asked for and belongs to the caller.
// Contradictions between lists are found here and added to Failures: range over
// Updates once.
func (c *Catalogue) Updates() iter.Seq[*model.Update] {
	return func(yield func(*model.Update) bool) {
		groups := slices.SortedFunc(maps.Values(c.groups), func(a, b *group) int { return cmp.Compare(a.id, b.id) })
		for _, g := range groups {
			if len(g.packages) == 0 {
				continue // all were refused
			}
			if !yield(c.update(g)) {
				return
			}
		}
	}
}

// update makes the update of a group.
func (c *Catalogue) update(g *group) *model.Update {
	packages, names := c.packages(g)
	u := &model.Update{
		ID:          g.id,
		Title:       bounded(g.source+" "+g.version+": "+g.synopsis, 250),
		Description: c.describe(g, names),
		Class:       model.ClassUpdate,
		Products:    []model.CategoryID{model.CategoryID(strings.TrimSuffix(c.Scope(), "/")), c.sectionID(g.section)},
		Version:     g.version,
		Released:    g.released,
		NotLater:    true,
		Debian: &model.DebianSource{
			Archive: c.archive, Release: c.release, Source: g.source, Version: g.version,
			Section: g.section, Packages: packages,
		},
	}
	if g.synopsis == "" {
		u.Title = g.source + " " + g.version
	}
	if g.security {
		u.Class = model.ClassSecurity
	}
	if mayRestart(g) {
		u.Restart = model.RestartMay
	}
	u.Debian.Suites = c.compact(packages)
	return u
}

// packages merges what several lists say of the same binary package, and sorts:
// architecture "all" is in the list of every architecture, a package in several
// suites. Suites are still bits of the catalogue. It also gives the names, sorted,
// each once.
func (c *Catalogue) packages(g *group) (list []model.DebianPackage, names []string) {
	slices.SortFunc(g.packages, func(a, b binary) int {
		return cmp.Or(
			cmp.Compare(a.name, b.name), cmp.Compare(a.arch, b.arch),
			model.CompareDebianVersions(a.version, b.version),
			cmp.Compare(a.version, b.version), // "1.0" and "1.00" are equal, yet two
			cmp.Compare(a.order, b.order),
		)
	})
	list = make([]model.DebianPackage, 0, len(g.packages))
	for i := range g.packages {
		b := &g.packages[i]
		if n := len(list); n > 0 && list[n-1].Name == b.name && list[n-1].Arch == b.arch && list[n-1].Version == b.version {
			last := &list[n-1]
			if string(last.SHA256) == string(b.sha256[:]) {
				last.Suites |= b.suites
			} else {
				c.fail(b.name+":"+b.arch+" "+b.version, "two lists offer it with different contents; the first was kept")
			}
			continue
		}
		if len(names) == 0 || names[len(names)-1] != b.name {
			names = append(names, b.name)
		}
		list = append(list, model.DebianPackage{
			Name: b.name, Arch: b.arch, Version: b.version, Size: b.size, SHA256: b.sha256[:],
			Filename: b.filename, Phased: b.phased, Suites: b.suites,
		})
	}
	return list, names
}

// compact turns the catalogue's bits into bits of the update's own sorted suites,
// which it gives.
func (c *Catalogue) compact(packages []model.DebianPackage) []string {
	var all uint8
	for i := range packages {
		all |= packages[i].Suites
	}
	var suites []string
	for i, s := range c.suites {
		if all&(1<<i) != 0 {
			suites = append(suites, s)
		}
	}
	slices.Sort(suites)
	var to [maxSuites]uint8
	for i, s := range c.suites {
		if at := slices.Index(suites, s); at >= 0 {
			to[i] = 1 << at
		}
	}
	for i := range packages {
		var bits uint8
		for j := range to {
			if packages[i].Suites&(1<<j) != 0 {
				bits |= to[j]
			}
		}
		packages[i].Suites = bits
	}
	return suites
}

// maxNames bounds the part of a description that names packages.
const maxNames = 1500

// describe says what an update consists of.
func (c *Catalogue) describe(g *group, names []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Version %s of the source package %s in %s. ", g.version, g.source, c.title)
	if len(names) == 1 {
		b.WriteString("It consists of one binary package: ")
	} else {
		fmt.Fprintf(&b, "It consists of %d binary packages: ", len(names))
	}
	start := b.Len()
	for i, n := range names {
		if b.Len()-start > maxNames {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(n)
	}
	b.WriteByte('.')
	return b.String()
}
