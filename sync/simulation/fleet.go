package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"fettle/model"
)

// Fleet is the computers that report to one server. It changes when it lives
// on (Live); it is not safe for concurrent use.
type Fleet struct {
	Options   Options
	Catalogue *Catalogue
	Computers []*Computer
}

// Computer is one simulated computer: who it is, what it has and when it last
// spoke.
type Computer struct {
	Facts    model.Computer // as it last reported; Number is the store's, set by Fill
	Enrolled time.Time      // when it first made contact
	Silent   bool           // it made contact, but never reported

	index     int
	seed      uint64
	zone      *time.Location
	places    []place
	evaluated uint32                             // what its last report covers
	marks     map[uint32]model.InstallationState // of what it needs: downloaded, failed, waiting for a restart
	failures  []model.Failure
	held      []int32 // lines that its owner holds (apt-mark hold)
	city      int
	serves    string    // a server's purpose: "web"
	section   int       // a client's department
	reporting time.Time // of its last report; zero = never

	// While it lives on (Live):
	checks  int                // check-ins so far: each has its own chance
	started time.Time          // when its agent last started
	since   time.Time          // when the restart became pending
	known   map[uint32]message // approvals that reached it
	wake    time.Time          // when it acts next; zero = at no time
}

// message is an approval that reached a computer, and when.
type message struct {
	deployment uint64
	at         time.Time
}

// place is how far a computer is in a line that applies to it.
type place struct {
	line int32
	at   int16 // index in the line of what is installed; -1 = nothing
}

// NewFleet makes computers for a catalogue: the same for the same options.
func NewFleet(o Options, c *Catalogue) *Fleet {
	o = o.withDefaults()
	f := &Fleet{Options: o, Catalogue: c, Computers: make([]*Computer, o.Computers)}
	var group sync.WaitGroup
	const part = 256
	gate := make(chan struct{}, 4)
	for from := 0; from < o.Computers; from += part {
		gate <- struct{}{}
		group.Go(func() {
			for i := from; i < min(o.Computers, from+part); i++ {
				f.Computers[i] = f.makeComputer(i)
			}
			<-gate
		})
	}
	group.Wait()
	// In the order of enrolment, which gives the numbers.
	slices.SortStableFunc(f.Computers, func(a, b *Computer) int { return a.Enrolled.Compare(b.Enrolled) })
	return f
}

// weighted picks one of the products of a kind that suit, by weight.
func (f *Fleet) weighted(r *rand.Rand, suits func(*product) bool) int {
	sum := 0.0
	for i := range f.Catalogue.products {
		if p := &f.Catalogue.products[i]; suits(p) {
			sum += p.weight
		}
	}
	x, last := r.Float64()*sum, -1
	for i := range f.Catalogue.products {
		if p := &f.Catalogue.products[i]; suits(p) {
			last = i
			if x -= p.weight; x < 0 {
				break
			}
		}
	}
	return last
}

func (f *Fleet) makeComputer(i int) *Computer {
	o := f.Options
	r := o.chanceOf("computer", i)
	c := &Computer{index: i, seed: r.Uint64(), city: r.IntN(len(cities)), section: r.IntN(len(departments)), serves: pick(r, services), marks: map[uint32]model.InstallationState{}}
	windows := draw(r, o.Microsoft) && slices.ContainsFunc(f.Catalogue.products, func(p product) bool { return p.platform == model.PlatformWindows })
	if !windows && !slices.ContainsFunc(f.Catalogue.products, func(p product) bool { return p.debian != nil }) {
		windows = true
	}
	town := cities[c.city]
	if loc, err := time.LoadLocation(town.zone); err == nil {
		c.zone = loc
	} else {
		c.zone = time.UTC
	}
	facts := &c.Facts
	facts.Zone = town.zone
	server := draw(r, 0.75)
	if windows {
		server = draw(r, 0.35)
	}
	facts.Role = model.RoleClient
	if server {
		facts.Role = model.RoleServer
	}
	var products []int
	if windows {
		products = f.windows(c, r, server)
	} else {
		products = f.linux(c, r)
	}
	c.name(server, windows)
	facts.Addresses = []string{fmt.Sprintf("10.%d.%d.%d", c.city+1, i>>8&0xff, i&0xff)}
	if draw(r, 0.3) {
		facts.Addresses = append(facts.Addresses, fmt.Sprintf("fd00:%x::%x", c.city+1, i+1))
	}
	c.enrol(o, r)
	for _, p := range products {
		for _, l := range f.Catalogue.products[p].lines {
			if mix(c.seed, uint64(l))%1000 < uint64(f.Catalogue.lines[l].share) {
				c.places = append(c.places, place{line: l, at: -1})
			}
		}
	}
	f.settle(c, r)
	return c
}

// windows chooses the products of a Windows computer.
func (f *Fleet) windows(c *Computer, r *rand.Rand, server bool) []int {
	facts := &c.Facts
	facts.ID = model.ComputerID(guid(r))
	facts.Platform, facts.Arch, facts.Agent = model.PlatformWindows, "amd64", "10.0.20348.2227"
	is := func(kind productKind) func(*product) bool {
		return func(p *product) bool {
			if p.platform != model.PlatformWindows || p.kind != kind {
				return false
			}
			return kind == productHardware || kind == productDefinitions || server && p.server || !server && p.client
		}
	}
	system := f.weighted(r, is(productSystem))
	facts.OS = "Microsoft " + f.Catalogue.products[system].title
	products := []int{system, f.weighted(r, is(productHardware))}
	for i := range f.Catalogue.products {
		p := &f.Catalogue.products[i]
		if is(productApplication)(p) && draw(r, p.weight) || p.kind == productDefinitions && draw(r, 0.9/float64(i+1)+0.05) {
			products = append(products, i)
		}
	}
	return products
}

// linux chooses the release of a Linux computer.
func (f *Fleet) linux(c *Computer, r *rand.Rand) []int {
	facts := &c.Facts
	facts.ID = model.ComputerID(fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()))
	p := f.weighted(r, func(p *product) bool { return p.debian != nil })
	rel := f.Catalogue.products[p].debian
	facts.Platform, facts.OS, facts.Agent = model.PlatformLinux, rel.os, "1.2.0"
	facts.Arch = rel.arches[0]
	if len(rel.arches) > 1 && draw(r, 0.15) {
		facts.Arch = rel.arches[1]
	}
	facts.Kernel = fmt.Sprintf(rel.kernel, between(r, 18, 39))
	return []int{p}
}

// name gives a computer its name: servers by purpose, clients by place.
func (c *Computer) name(server, windows bool) {
	town := cities[c.city].name[:3]
	switch {
	case server:
		c.Facts.Name = fmt.Sprintf("%s-%s-%04d", c.serves, town, c.index+1)
	case windows:
		c.Facts.Name = strings.ToUpper(fmt.Sprintf("%s-pc%05d", town, c.index+1))
	default:
		c.Facts.Name = fmt.Sprintf("%s-ws-%04d", town, c.index+1)
	}
	if c.index%250 == 7 { // a few wear names from other scripts
		c.Facts.Name = []string{"サーバー", "büro", "مكتب", "офис"}[c.index/250%4] + "-" + fmt.Sprint(c.index+1)
	}
}

// enrol draws when a computer came, and when it last spoke: most within a
// cycle, some stale, a few silent from the beginning, waiting or rejected.
func (c *Computer) enrol(o Options, r *rand.Rand) {
	facts := &c.Facts
	came := time.Duration(r.Int64N(int64(20 * day)))
	if draw(r, 0.05) {
		came = time.Duration(r.Int64N(int64(o.Span - 2*day)))
	}
	c.Enrolled = o.begin().Add(day + came).Truncate(time.Second)
	spoke := time.Duration(r.Int64N(int64(model.CheckInterval)))
	switch x := r.Float64(); {
	case x < 0.01:
		facts.Admission = model.Waiting
	case x < 0.013:
		facts.Admission = model.Rejected
	case x < 0.03:
		c.Silent = true
	case x < 0.08: // stale
		spoke = model.StaleAfter + time.Duration(r.Int64N(int64(o.Span/2)))
	case x < 0.15: // switched off for some days
		spoke = day + time.Duration(r.Int64N(int64(20*day)))
	}
	at := o.Until.Add(-spoke).Truncate(time.Second)
	if at.Before(c.Enrolled) {
		at = c.Enrolled
	}
	facts.Contacted = at
	if facts.Admission == model.Managed && !c.Silent {
		c.reporting = at
	}
	if facts.Admission != model.Managed {
		facts.Contacted = c.Enrolled
	}
	facts.NextCheck = model.NextCheckIn(facts.Contacted, r.Float64()).Truncate(time.Second)
}

// settle draws how far the computer is in each of its lines: nearly everywhere
// at the newest, and then behind here and there until it needs what such
// computers need, some 20 to 150 updates.
func (f *Fleet) settle(c *Computer, r *rand.Rand) {
	if c.reporting.IsZero() {
		return
	}
	cat := f.Catalogue
	c.evaluated = cat.EvaluatedAt(c.reporting)
	kept := c.places[:0]
	for _, p := range c.places {
		l := &cat.lines[p.line]
		p.at = int16(cat.newest(p.line, c.evaluated, c.reporting))
		if p.at < 0 && l.debian {
			continue // a package that is not installed is not updated
		}
		if l.lazy && draw(r, 0.7) {
			p.at = -1
			if draw(r, 0.7) {
				continue // not even applicable
			}
		}
		kept = append(kept, p)
	}
	c.places = slices.Clip(kept)
	target := 20 + int(r.ExpFloat64()*35)
	switch x := r.Float64(); {
	case x < 0.06:
		target = 0
	case x < 0.14:
		target = between(r, 100, 150)
	}
	target = min(target, 150, max(1, len(c.places)*3/2))
	need := 0
	for _, p := range c.places {
		need += len(cat.needed(p, c.evaluated, c.reporting))
	}
	for try := 0; need < target && try < 6*target && len(c.places) > 0; try++ {
		p := &c.places[r.IntN(len(c.places))]
		l := &cat.lines[p.line]
		if p.at < 0 || (p.at == 0 && !l.newest && draw(r, 0.5)) || l.newest && len(l.updates) == 1 {
			continue
		}
		before := len(cat.needed(*p, c.evaluated, c.reporting))
		back := int16(1 + r.IntN(3))
		if l.newest {
			p.at = max(0, p.at-back) // a package is there in some version
		} else {
			p.at = max(-1, p.at-back)
		}
		after := len(cat.needed(*p, c.evaluated, c.reporting))
		need += after - before
		if after > 0 && cat.lines[p.line].debian && draw(r, 0.01) {
			c.held = append(c.held, p.line)
		}
	}
	f.mark(c, r)
}

// newest gives the place of the newest update of a line that was offered at t
// and known by then; -1 when there is none.
func (c *Catalogue) newest(l int32, evaluated uint32, t time.Time) int {
	updates := c.lines[l].updates
	for i := len(updates) - 1; i >= 0; i-- {
		if n := updates[i]; n <= evaluated && c.offers[n].offeredAt(t) {
			return i
		}
	}
	return -1
}

// needed gives the numbers of the updates of a line that a computer at a place
// in it needs. Of definitions and Debian's versions only the newest is.
func (c *Catalogue) needed(p place, evaluated uint32, t time.Time) []uint32 {
	l := &c.lines[p.line]
	if l.newest {
		if i := c.newest(p.line, evaluated, t); i > int(p.at) {
			return l.updates[i : i+1]
		}
		return nil
	}
	var out []uint32
	for _, n := range l.updates[p.at+1:] {
		if n <= evaluated && c.offers[n].offeredAt(t) {
			out = append(out, n)
		}
	}
	return out
}

// failureKinds are what goes wrong on computers: codes with their texts.
var failureKinds = map[model.Platform][]model.Failure{
	model.PlatformLinux: {
		{Code: "apt-100", Text: "dpkg returned an error: the package's script post-installation failed with status 1; look at /var/log/dpkg.log on the computer"},
		{Code: "space", Text: "the disk of /var has 112 MiB free, and 480 MiB are needed"},
		{Code: "download", Text: "the archive could not be reached: connection timed out"},
		{Code: "verification", Text: "a downloaded package differs from what the archive's signed index says"},
	},
	model.PlatformWindows: {
		{Code: "0x80070005", Text: "access was denied while a file was replaced"},
		{Code: "0x800f0922", Text: "the system reserved partition is too small for the update"},
		{Code: "0x80240022", Text: "all updates of the installation failed"},
		{Code: "0x80070070", Text: "there is not enough space on the disk"},
		{Code: "0x800f081f", Text: "files of the component store are missing"},
	},
}

// mark gives some of what a computer needs another state: downloaded, failed,
// waiting for a restart.
func (f *Fleet) mark(c *Computer, r *rand.Rand) {
	var need []uint32
	for _, p := range c.places {
		need = append(need, f.Catalogue.needed(p, c.evaluated, c.reporting)...)
	}
	slices.Sort(need)
	if len(need) == 0 {
		return
	}
	facts := &c.Facts
	c.started = c.reporting.Add(-time.Duration(r.Int64N(int64(40 * day)))).Truncate(time.Second)
	if draw(r, 0.07) {
		for range between(r, 1, 3) {
			n := pick(r, need)
			f.fail(c, n, r, c.reporting.Add(-time.Duration(r.Int64N(int64(20*time.Hour)))))
		}
	}
	if draw(r, 0.06) {
		for range between(r, 1, 3) {
			n := pick(r, need)
			if f.Catalogue.Update(n).Restart != model.RestartNever && c.marks[n] == model.StateUnknown {
				c.marks[n] = model.StateInstalledPendingReboot
				c.await(c.reporting.Add(-time.Duration(r.Int64N(int64(3 * day)))))
			}
		}
	}
	if draw(r, 0.35) {
		for _, n := range need {
			if c.marks[n] == model.StateUnknown && draw(r, 0.3) {
				c.marks[n] = model.StateDownloaded
			}
		}
	}
	if draw(r, 0.04) {
		facts.Foreign = []string{pick(r, stems) + "-" + pick(r, trades)}
	}
}

// fail marks an update as failed on a computer, with what happened.
func (f *Fleet) fail(c *Computer, n uint32, r *rand.Rand, at time.Time) {
	what := pick(r, failureKinds[c.Facts.Platform])
	what.Time, what.Update = at.Truncate(time.Second), f.Catalogue.Update(n).ID
	c.marks[n] = model.StateFailed
	c.failures = slices.DeleteFunc(c.failures, func(o model.Failure) bool { return o.Update == what.Update })
	c.failures = append(c.failures, what)
}

// await notes that updates wait for a restart since at.
func (c *Computer) await(at time.Time) {
	if len(c.Facts.Pending) == 0 {
		c.since = at.Truncate(time.Second)
	}
	c.Facts.Pending = []string{"updates were installed that take effect at the next start"}
}
