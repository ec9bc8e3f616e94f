package model

import (
	"cmp"
	"slices"
	"strings"

	debversion "github.com/knqyf263/go-deb-version"
)

// offer is one version of one binary package that the catalogue offers.
type offer struct {
	update    *offerUpdate
	arch      string
	version   string
	parsed    debversion.Version
	suites    uint8
	component string
}

// offerUpdate is what all offers of one update share.
type offerUpdate struct {
	id       UpdateID
	number   uint32
	archive  string
	suites   []string
	security uint8 // bit i: suites[i] brings security updates
}

// Availability is the index from binary packages to the updates that bring
// them: what Evaluate and the mapping of a report need. Add and Remove are not
// safe beside readers; the store replaces the whole value.
type Availability struct {
	offers map[string][]offer
}

// NewAvailability makes an empty index.
func NewAvailability() *Availability { return &Availability{offers: map[string][]offer{}} }

// Add indexes an update's packages. Withdrawn and expired updates, and others
// than Debian's, offer nothing.
func (a *Availability) Add(u *Update) {
	if u.Debian == nil || u.Publication != Published {
		return
	}
	d := u.Debian
	ou := &offerUpdate{id: u.ID, number: u.Number, archive: d.Archive, suites: d.Suites}
	for i, s := range d.Suites {
		if SecuritySuite(s, "") {
			ou.security |= 1 << i
		}
	}
	component := "main"
	if c, _, ok := strings.Cut(d.Section, "/"); ok {
		component = c
	}
	for _, p := range d.Packages {
		v, err := debversion.NewVersion(p.Version)
		if err != nil {
			continue // the importer refuses such versions; nothing can be compared with them
		}
		suites := p.Suites
		if suites == 0 {
			suites = 1<<len(d.Suites) - 1
		}
		a.offers[p.Name] = append(a.offers[p.Name], offer{update: ou, arch: p.Arch, version: p.Version, parsed: v, suites: suites, component: component})
	}
}

// Remove takes an update's packages out of the index.
func (a *Availability) Remove(u *Update) {
	if u.Debian == nil {
		return
	}
	for _, p := range u.Debian.Packages {
		rest := slices.DeleteFunc(a.offers[p.Name], func(o offer) bool { return o.update.id == u.ID })
		if len(rest) == 0 {
			delete(a.offers, p.Name)
		} else {
			a.offers[p.Name] = rest
		}
	}
}

// Clone copies the index so that one copy can be changed while the other is read.
func (a *Availability) Clone() *Availability {
	c := &Availability{offers: make(map[string][]offer, len(a.offers))}
	for k, v := range a.offers {
		c.offers[k] = slices.Clone(v)
	}
	return c
}

// Find gives the update that brings exactly this package and version, preferring
// the archives that the computer uses. ok is false when the catalogue does not
// know it.
func (a *Availability) Find(name, arch, version string, sources []PackageSource) (id UpdateID, number uint32, ok bool) {
	best := -1
	for _, o := range a.offers[name] {
		if o.version != version || (o.arch != arch && o.arch != "all" && arch != "all") {
			continue
		}
		if p := o.priority(sources); p > best {
			best, id, number, ok = p, o.update.id, o.update.number, true
		}
	}
	return id, number, ok
}

// priority is apt's priority of the offer for a computer with these sources: the
// highest of the sources that carry it, 0 when none does.
func (o *offer) priority(sources []PackageSource) int {
	best := 0
	for i := range sources {
		s := &sources[i]
		if s.Archive != o.update.archive || s.Priority <= best || (s.Component != "" && s.Component != o.component) {
			continue
		}
		for j, suite := range o.update.suites {
			if o.suites&(1<<j) != 0 && suite == s.Codename {
				best = s.Priority
			}
		}
	}
	return best
}

// newer says whether the offer's version is higher than another's.
func (o *offer) newer(than *offer) bool {
	return o.version != than.version && o.parsed.GreaterThan(than.parsed)
}

// Evaluation is what an inventory needs of a catalogue.
type Evaluation struct {
	Packages  []NeededPackage // exactly apt's upgradable packages, sorted by name and architecture
	Others    []NeededPackage // newer versions exist, but are pinned away
	Needed    []uint32        // numbers of the updates behind Packages, sorted
	Installed []uint32        // numbers of the updates whose packages are installed, sorted
}

// installedPriority is apt's priority of the installed version itself.
const installedPriority = 100

// Evaluate says which packages of an inventory the catalogue would upgrade, by
// apt's own rules: the version of the highest priority, the highest version
// among these, never a lower one below priority 1000 (apt_preferences(5)).
// Exceptions of the inventory replace the computed candidate, as long as the
// installed version is the one that they were reported for.
func Evaluate(inv *Inventory, av *Availability) Evaluation {
	var ev Evaluation
	exceptions := make(map[string]*Exception, len(inv.Exceptions))
	for i := range inv.Exceptions {
		e := &inv.Exceptions[i]
		exceptions[e.Package+":"+e.Arch] = e
	}
	needed := map[uint32]bool{}
	installed := map[uint32]bool{}
	for i := range inv.Packages {
		p := &inv.Packages[i]
		offers := av.offers[p.Name]
		if len(offers) == 0 {
			continue
		}
		have, err := debversion.NewVersion(p.Version)
		if err != nil {
			continue
		}
		var best *offer
		bestPriority, bestOrder, bestAny := installedPriority, 0, (*offer)(nil)
		for j := range offers {
			o := &offers[j]
			if !archMatches(o.arch, p.Arch, inv.Arch) {
				continue
			}
			pri := o.priority(inv.Sources)
			if pri == 0 {
				continue
			}
			// Comparing versions costs far more than all else here, and most
			// packages are current.
			order := 0
			if o.version != p.Version {
				order = o.parsed.Compare(have)
			}
			if order == 0 {
				installed[o.update.number] = true
				if best == nil {
					bestPriority = max(bestPriority, pri)
				}
				continue
			}
			if order > 0 && (bestAny == nil || o.newer(bestAny)) {
				bestAny = o
			}
			if order < 0 && pri < 1000 {
				continue
			}
			switch {
			case pri > bestPriority, best == nil && pri == bestPriority && order > 0,
				best != nil && pri == bestPriority && o.newer(best):
				best, bestPriority, bestOrder = o, pri, order
			}
		}
		// A version below the installed one with priority 1000 is a downgrade:
		// apt's candidate, but not an upgrade, and never ours to install.
		if bestOrder < 0 {
			best = nil
		}
		ev.judge(inv, p, have, offers, best, bestAny, exceptions[p.Name+":"+p.Arch], needed)
	}
	for n := range needed {
		delete(installed, n)
		ev.Needed = append(ev.Needed, n)
	}
	for n := range installed {
		ev.Installed = append(ev.Installed, n)
	}
	slices.Sort(ev.Needed)
	slices.Sort(ev.Installed)
	byName := func(a, b NeededPackage) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Arch, b.Arch))
	}
	slices.SortFunc(ev.Packages, byName)
	slices.SortFunc(ev.Others, byName)
	return ev
}

// judge records what is to be said of one installed package.
func (ev *Evaluation) judge(inv *Inventory, p *InstalledPackage, have debversion.Version, offers []offer, best, newest *offer, ex *Exception, needed map[uint32]bool) {
	n := NeededPackage{Package: p.Name, Arch: p.Arch, Installed: p.Version}
	if ex != nil {
		if v, err := debversion.NewVersion(ex.Candidate); err == nil {
			n.State, n.Reason, n.Candidate = ex.State, ex.Reason, ex.Candidate
			best = nil
			// Kept back or held at its own version: the archive has another build of it.
			if v.GreaterThan(have) || (ex.State == NeedKeptBack || ex.State == NeedHeld) && ex.Candidate == p.Version {
				for i := range offers {
					if o := &offers[i]; o.version == ex.Candidate && archMatches(o.arch, p.Arch, inv.Arch) && (best == nil || o.priority(inv.Sources) > best.priority(inv.Sources)) {
						best = o
					}
				}
				if best == nil { // a version that the catalogue does not know
					ev.Packages = append(ev.Packages, n)
					return
				}
			}
		}
	}
	switch {
	case best == nil && newest != nil:
		n.Candidate, n.Update = newest.version, newest.update.id
		if n.State == NeedNeeded {
			n.State, n.Reason = NeedPinned, "the priorities of this computer's sources keep it at "+p.Version
		}
		ev.Others = append(ev.Others, n)
		return
	case best == nil:
		return
	}
	n.Candidate, n.Update = best.version, best.update.id
	if p.Held && n.State != NeedHeld {
		n.State, n.Reason = NeedHeld, "it is held on this computer (apt-mark unhold "+p.Name+" ends that)"
	}
	for i := range offers {
		o := &offers[i]
		if o.update.security&o.suites != 0 && archMatches(o.arch, p.Arch, inv.Arch) && !o.newer(best) && (o == best || o.parsed.GreaterThan(have)) {
			n.Security = true
			break
		}
	}
	needed[best.update.number] = true
	ev.Packages = append(ev.Packages, n)
}

// archMatches says whether a version of architecture offered may replace an
// installed package: apt treats "all" as the native architecture.
func archMatches(offered, installed, native string) bool {
	if offered == "all" {
		return installed == "all" || installed == native
	}
	if installed == "all" {
		return offered == native
	}
	return offered == installed
}
