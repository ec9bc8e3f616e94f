package simulation

import (
	"cmp"
	"slices"
	"time"

	"fettle/model"
)

// Status gives what a computer last reported of every update; nil when it never
// did. Its number is Facts.Number.
func (f *Fleet) Status(c *Computer) *model.Status {
	if c.reporting.IsZero() {
		return nil
	}
	st := &model.Status{Computer: c.Facts.Number, Reported: c.reporting, Evaluated: c.evaluated}
	cat := f.Catalogue
	for _, p := range c.places {
		if p.at >= 0 {
			n := cat.lines[p.line].updates[p.at]
			// What an archive no longer offers, an inventory cannot be mapped to.
			if o := &cat.offers[n]; !o.debian || o.offeredAt(c.reporting) {
				st.Installed = append(st.Installed, n)
			}
		}
		for _, n := range cat.needed(p, c.evaluated, c.reporting) {
			switch c.marks[n] {
			case model.StateDownloaded:
				st.Downloaded = append(st.Downloaded, n)
			case model.StateFailed:
				st.Failed = append(st.Failed, n)
			case model.StateInstalledPendingReboot:
				st.Pending = append(st.Pending, n)
			default:
				st.Needed = append(st.Needed, n)
			}
		}
	}
	for _, list := range []*[]uint32{&st.Needed, &st.Downloaded, &st.Failed, &st.Pending, &st.Installed} {
		slices.Sort(*list)
	}
	for _, n := range st.Failed {
		id := cat.Update(n).ID
		for _, x := range c.failures {
			if x.Update == id {
				st.Failures = append(st.Failures, x)
			}
		}
	}
	// A Debian version is needed instead of the one that is installed: its
	// update counts as installed only where nothing newer is needed
	// (model.Evaluate says the same of an inventory).
	if f.Options.Details && c.Facts.Platform == model.PlatformLinux {
		st.Packages = f.packages(c)
	}
	return st
}

// packages gives the packages behind what a Linux computer needs.
func (f *Fleet) packages(c *Computer) []model.NeededPackage {
	var out []model.NeededPackage
	cat := f.Catalogue
	for _, p := range c.places {
		need := cat.needed(p, c.evaluated, c.reporting)
		if len(need) == 0 {
			continue
		}
		have, want := cat.Update(cat.lines[p.line].updates[p.at]), cat.Update(need[0])
		held := slices.Contains(c.held, p.line)
		for _, pkg := range f.installed(c, p.line, have) {
			for _, w := range want.Debian.Packages {
				if w.Name != pkg.Name || w.Arch != pkg.Arch {
					continue
				}
				n := model.NeededPackage{Update: want.ID, Package: w.Name, Arch: w.Arch, Installed: pkg.Version, Candidate: w.Version, Security: want.Class == model.ClassSecurity}
				if held {
					n.State, n.Reason = model.NeedHeld, "it is held on this computer (apt-mark unhold "+w.Name+" ends that)"
				}
				out = append(out, n)
			}
		}
	}
	slices.SortFunc(out, func(a, b model.NeededPackage) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Arch, b.Arch))
	})
	return out
}

// installed gives the binary packages of an update that a computer has: the
// first always, the others by chance.
func (f *Fleet) installed(c *Computer, l int32, u *model.Update) []model.DebianPackage {
	var out []model.DebianPackage
	for i, p := range u.Debian.Packages {
		first := p.Name == u.Debian.Source || i == 0
		if p.Arch != "all" && p.Arch != c.Facts.Arch || !first && mix(c.seed^uint64(l), uint64(len(p.Name)))%3 > 0 {
			continue
		}
		out = append(out, p)
	}
	return out
}

// Inventory gives what is installed on a Linux computer; nil for the others and
// for those that never reported. The catalogue evaluated against it
// (model.Evaluate) needs what Status says.
func (f *Fleet) Inventory(c *Computer) *model.Inventory {
	if c.Facts.Platform != model.PlatformLinux || c.reporting.IsZero() {
		return nil
	}
	cat := f.Catalogue
	inv := &model.Inventory{Time: c.reporting, Arch: c.Facts.Arch}
	var rel *release
	for _, p := range c.places {
		rel = cat.products[cat.lines[p.line].product].debian
		u := cat.Update(cat.lines[p.line].updates[p.at])
		for _, pkg := range f.installed(c, p.line, u) {
			item := model.InstalledPackage{Name: pkg.Name, Arch: pkg.Arch, Version: pkg.Version, Held: slices.Contains(c.held, p.line)}
			if pkg.Name != u.Debian.Source {
				item.Source = u.Debian.Source
			}
			if pkg.Version != u.Debian.Version {
				item.SourceVersion = u.Debian.Version
			}
			inv.Packages = append(inv.Packages, item)
		}
	}
	slices.SortFunc(inv.Packages, func(a, b model.InstalledPackage) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch))
	})
	if rel != nil {
		for _, tail := range []string{"", "-updates", "-security"} {
			inv.Sources = append(inv.Sources, model.PackageSource{Archive: rel.archive, Codename: rel.codename + tail, Component: component, Arch: c.Facts.Arch, Priority: 500, Site: "archive.example.com"})
		}
	}
	return inv
}

// report gives the facts of a computer as its last report tells them.
func (c *Computer) report(policy model.Policy) model.Computer {
	facts := c.Facts
	facts.Policy = policy
	if !c.reporting.IsZero() {
		facts.Reported = c.reporting
		facts.Scan = model.ScanResult{Time: c.reporting.Add(-2 * time.Minute), ListAge: c.reporting.Add(-3 * time.Minute)}
	}
	return facts
}
