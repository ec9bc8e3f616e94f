package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// release is a release of a Debian-shaped archive.
type release struct {
	archive  string
	codename string
	title    string // of the product
	os       string // as a computer names itself
	arches   []string
	mark     string // in versions of its security updates: "+deb12u"
	kernel   string
	weight   float64 // share of the sources, and of the computers
	point    []time.Time
	sections map[string]bool
}

// component is apt's component of every simulated package.
const component = "main"

func releases() []*release {
	return []*release{
		{archive: "Debian", codename: "bookworm", title: "Debian 12 (bookworm)", os: "Debian GNU/Linux 12 (bookworm)", arches: []string{"amd64"}, mark: "+deb12u", kernel: "6.1.0-%d-amd64", weight: 0.5},
		{archive: "Debian", codename: "trixie", title: "Debian 13 (trixie)", os: "Debian GNU/Linux 13 (trixie)", arches: []string{"amd64", "arm64"}, mark: "+deb13u", kernel: "6.12.%d+deb13-amd64", weight: 0.35},
		{archive: "Ubuntu", codename: "noble", title: "Ubuntu 24.04 LTS (noble)", os: "Ubuntu 24.04 LTS", arches: []string{"amd64"}, mark: "ubuntu0.", kernel: "6.8.0-%d-generic", weight: 0.15},
	}
}

// debian is the maker of Debian-shaped updates.
type debian struct {
	c      *Catalogue
	r      *rand.Rand
	drafts []*draft
	cve    int
	names  map[string]bool
}

func (c *Catalogue) makeDebian(budget int) []*draft {
	d := &debian{c: c, r: c.Options.chance("debian"), cve: 40000}
	rels := releases()
	if budget < 300 {
		rels = rels[:1]
	}
	total := 0.0
	for _, rel := range rels {
		total += rel.weight
	}
	left := budget
	for i, rel := range rels {
		part := int(float64(budget) * rel.weight / total)
		if i == len(rels)-1 {
			part = left
		}
		left -= part
		d.makeRelease(rel, part)
	}
	return d.drafts
}

// makeRelease makes the sources of a release with their versions.
func (d *debian) makeRelease(rel *release, budget int) {
	c, o, r := d.c, d.c.Options, d.r
	d.names = map[string]bool{}
	id := model.CategoryID("deb/" + rel.archive + "/" + rel.codename)
	c.Categories = append(c.Categories, model.Category{ID: id, Kind: model.CategoryProduct, Title: rel.title, Upstream: UpstreamDebian})
	// Point releases move the newest versions into the base suite.
	for at := o.begin().Add(70 * day); at.Before(o.Until.Add(-20 * day)); at = at.Add(time.Duration(between(r, 60, 90)) * day) {
		rel.point = append(rel.point, at)
	}
	rel.sections = map[string]bool{}
	prod := len(c.products)
	c.products = append(c.products, product{id: id, title: rel.title, kind: productSystem, platform: model.PlatformLinux, server: true, client: rel.archive == "Ubuntu", weight: rel.weight, debian: rel})
	if budget > 50 {
		budget -= d.makeAgent(rel, prod, id, min(4, budget))
	}
	first, i := len(c.lines), 0
	for ; budget > 0; i++ {
		n := 1
		switch x := r.Float64(); {
		case i < 3: // the kernel and what everybody has are often updated
			n = between(r, 6, 10)
		case x > 0.90:
			n = between(r, 3, 8)
		case x > 0.70:
			n = 2
		}
		n = min(n, budget)
		budget -= n
		d.makeSource(rel, prod, id, i, n)
	}
	for k := range i {
		c.lines[first+k].share = popularity(k, i)
	}
}

// popularity is how many of a release's computers have source i, per mille:
// first what every installation has, then less and less.
func popularity(i, sources int) uint16 {
	base := min(120, sources/2)
	if i < base {
		return 960
	}
	return uint16(max(1, min(500, 280*1000/max(1, sources-base))))
}

// makeSource makes one source package with n versions.
func (d *debian) makeSource(rel *release, prod int, root model.CategoryID, i, n int) {
	r, o := d.r, d.c.Options
	name := d.sourceName(i)
	section := pick(r, sections)
	if i == 0 {
		section = "kernel"
	}
	kernel := i == 0
	sec := root + model.CategoryID("/"+section)
	if !rel.sections[section] {
		rel.sections[section] = true
		d.c.Categories = append(d.c.Categories, model.Category{ID: sec, Kind: model.CategoryProduct, Title: section, Parent: root, Upstream: UpstreamDebian})
	}
	synopsis := fmt.Sprintf(pick(r, synopses), pick(r, stems))
	if draw(r, 0.003) {
		synopsis = fmt.Sprintf(pick(r, curious), name)
	}
	upstreamVersion := fmt.Sprintf("%d.%d.%d", r.IntN(12), r.IntN(30), r.IntN(20))
	if draw(r, 0.03) {
		upstreamVersion = fmt.Sprintf("%d:%s", between(r, 1, 3), upstreamVersion)
	}
	base := fmt.Sprintf("%s-%d", upstreamVersion, between(r, 1, 9))
	binaries := d.binariesOf(name, kernel)
	security := draw(r, 0.6)

	index := len(d.c.lines)
	d.c.lines = append(d.c.lines, line{product: int32(prod), newest: true, debian: true})
	born := o.begin().Add(-time.Duration(between(r, 200, 700)) * day)
	times := make([]time.Time, n)
	times[0] = born
	for k := 1; k < n; k++ {
		times[k] = o.begin().Add(time.Duration(r.Int64N(int64(o.Span - 12*time.Hour)))).Truncate(time.Second)
	}
	slices.SortFunc(times[1:], time.Time.Compare)
	var last *draft
	for k := range n {
		v := base
		suites := []string{rel.codename}
		class := model.ClassUpdate
		if k > 0 {
			v = base + rel.mark + fmt.Sprint(k)
			if security {
				suites, class = []string{rel.codename + "-security"}, model.ClassSecurity
			} else {
				suites = []string{rel.codename + "-updates"}
			}
		}
		u := d.describe(rel, name, v, section, synopsis, class, times[k], suites, binaries, kernel)
		u.Products = []model.CategoryID{root, sec}
		dr := &draft{upstream: UpstreamDebian, line: index, versions: []version{{at: times[k], update: u}}}
		if last != nil && k > 1 {
			last.gone = times[k] // only one version stands in a security suite
		}
		d.drafts = append(d.drafts, dr)
		last = dr
		if n == 1 {
			d.rebuild(dr)
		}
	}
	// A point release takes the newest version into the base suite, and the
	// base version out of it.
	if n > 1 {
		first := d.drafts[len(d.drafts)-n]
		at := times[n-1]
		if p := slices.IndexFunc(rel.point, func(t time.Time) bool { return t.After(at.Add(3 * day)) }); p >= 0 {
			first.gone = rel.point[p]
			u := cloneDebian(last.versions[len(last.versions)-1].update)
			u.Debian.Suites = append([]string{rel.codename}, u.Debian.Suites...)
			slices.Sort(u.Debian.Suites)
			last.versions = append(last.versions, version{at: rel.point[p], update: u})
		}
	}
}

// rebuild gives few updates a rebuild of their packages ("+b1"): a revision.
func (d *debian) rebuild(dr *draft) {
	r := d.r
	if !draw(r, 0.01) {
		return
	}
	at := d.c.Options.begin().Add(time.Duration(r.Int64N(int64(d.c.Options.Span - 2*day))))
	u := cloneDebian(dr.versions[0].update)
	for i := range u.Debian.Packages {
		p := &u.Debian.Packages[i]
		if p.Arch != "all" {
			p.Version += "+b1"
			p.SHA256 = bytesOf(r, 32)
			p.Filename = strings.Replace(p.Filename, "_"+p.Arch, "+b1_"+p.Arch, 1)
		}
	}
	dr.versions = append(dr.versions, version{at: at, update: u})
}

func cloneDebian(u *model.Update) *model.Update {
	c, src := *u, *u.Debian
	src.Suites, src.Packages = slices.Clone(src.Suites), slices.Clone(src.Packages)
	c.Debian = &src
	return &c
}

// binary is a binary package of a source.
type binary struct {
	name string
	all  bool // independent of the architecture
	size int64
}

func (d *debian) binariesOf(source string, kernel bool) []binary {
	r := d.r
	size := func() int64 { return 4<<10 + int64(r.ExpFloat64()*600*1024) }
	if kernel {
		return []binary{{"linux-image-generic", false, 60 << 20}, {"linux-headers-generic", false, 9 << 20}}
	}
	list := []binary{{source, draw(r, 0.3), size()}}
	for _, tail := range []string{"-common", "-data", "-doc", "-dev"} {
		if draw(r, 0.25) {
			list = append(list, binary{source + tail, tail != "-dev", size()})
		}
	}
	if draw(r, 0.3) && !strings.HasPrefix(source, "lib") {
		list = append(list, binary{fmt.Sprintf("lib%s%d", source, r.IntN(9)), false, size()})
	}
	return list
}

func (d *debian) describe(rel *release, name, v, section, synopsis string, class model.Classification, at time.Time, suites []string, binaries []binary, kernel bool) *model.Update {
	r := d.r
	u := &model.Update{
		ID: model.DebianID(rel.archive, rel.codename, name, v), Upstream: UpstreamDebian, Class: class, Version: v, Released: at, NotLater: true,
		Title: name + " " + v + ": " + synopsis, Description: synopsis + ".", Restart: model.RestartUnknown,
		Debian: &model.DebianSource{Archive: rel.archive, Release: rel.codename, Source: name, Version: v, Suites: suites, Section: section},
	}
	if kernel {
		u.Restart = model.RestartMay
	}
	if class == model.ClassSecurity {
		for range between(r, 1, 3) {
			d.cve++
			u.CVEs = append(u.CVEs, fmt.Sprintf("CVE-%d-%d", at.Year(), d.cve))
		}
		u.Exploited = draw(r, 0.01)
	}
	file := v
	if _, rest, ok := strings.Cut(v, ":"); ok {
		file = rest // file names have no epoch
	}
	dir := "pool/" + component + "/" + name[:1] + "/" + name + "/"
	for _, b := range binaries {
		arches := rel.arches
		if b.all {
			arches = []string{"all"}
		}
		for _, arch := range arches {
			u.Debian.Packages = append(u.Debian.Packages, model.DebianPackage{Name: b.name, Arch: arch, Version: v, Size: b.size + r.Int64N(8192), SHA256: bytesOf(r, 32), Filename: dir + b.name + "_" + file + "_" + arch + ".deb"})
		}
	}
	model.SortPackages(u.Debian.Packages)
	return u
}

// makeAgent makes the versions of Fettle's own agent: required updates.
func (d *debian) makeAgent(rel *release, prod int, root model.CategoryID, n int) int {
	o := d.c.Options
	index := len(d.c.lines)
	d.c.lines = append(d.c.lines, line{product: int32(prod), newest: true, debian: true, share: 1000})
	for k := range n {
		v := fmt.Sprintf("1.%d.0-1", k+1)
		at := o.begin().Add(-100 * day)
		if k > 0 {
			at = o.begin().Add(time.Duration(k) * o.Span / time.Duration(n))
		}
		u := d.describe(rel, "fettle-agent", v, "admin", "agent of Fettle, which keeps this computer in good order", model.ClassUpdate, at, []string{rel.codename}, []binary{{"fettle-agent", false, 9 << 20}}, false)
		u.Products, u.Required = []model.CategoryID{root}, true
		if len(d.drafts) > 0 && k > 0 {
			d.drafts[len(d.drafts)-1].gone = at
		}
		d.drafts = append(d.drafts, &draft{upstream: UpstreamDebian, line: index, versions: []version{{at: at, update: u}}})
	}
	return n
}

// sourceName makes a name that the release does not have yet.
func (d *debian) sourceName(i int) string {
	if i == 0 {
		return "linux-signed"
	}
	r := d.r
	for {
		name := pick(r, stems)
		switch r.IntN(5) {
		case 0:
			name = "lib" + name + pick(r, trades)
		case 1:
			name = "python-" + name + "-" + pick(r, trades)
		case 2:
			name += "-" + pick(r, trades)
		case 3:
			name += pick(r, trades)
		default:
			name += "-" + pick(r, stems)
		}
		if d.names[name] {
			name += fmt.Sprint(between(r, 2, 99))
		}
		if !d.names[name] {
			d.names[name] = true
			return name
		}
	}
}
