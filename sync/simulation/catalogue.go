package simulation

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"fettle/model"
)

// Names of the upstreams of a simulated server.
const (
	UpstreamMicrosoft = "microsoft-update"
	UpstreamDebian    = "debian-mirror"
)

// Catalogue is everything that the upstreams of one server published, as that
// server's synchronizations saw it. Updates have the numbers that an empty
// store gives them when the runs are imported in their order.
type Catalogue struct {
	Options    Options // Until and Span include Ahead
	Categories []model.Category
	Runs       []Run // by time

	daily    time.Time // synchronizations are weekly before it, and daily after
	offers   []offer   // by number; 0 is unused
	lines    []line
	products []product
}

// Run is one synchronization: what it brought, in the order of import.
type Run struct {
	Upstream  string
	Started   time.Time
	Ended     time.Time
	Initial   bool
	Manual    bool
	Updates   []*model.Update // new ones and revisions, complete
	Withdrawn []uint32        // numbers of updates that left their archive
	Expired   []uint32        // numbers of those among Updates that the publisher expired
	Error     string          // why it failed; it then brought nothing
	Failures  []model.ImportFailure
	Remarks   []string
}

// offer is one update in time.
type offer struct {
	line    int32
	place   int32     // in its line
	arrived time.Time // start of the run that brought it
	gone    time.Time // start of the run that told of its expiry or withdrawal; zero = still offered
	debian  bool
	first   *model.Update // as first published
	last    *model.Update // as last published
}

// line is a chain of updates for one product, each superseding the one before.
type line struct {
	product int32
	share   uint16   // per mille of the computers with the product to which it applies
	newest  bool     // only the newest is ever needed: definitions, Debian's versions
	debian  bool     // the versions of a source package
	lazy    bool     // optional: many computers never installed it
	updates []uint32 // numbers, in the order of release
}

// productKind says what a product is to a computer.
type productKind uint8

const (
	productSystem      productKind = iota // an operating system: a computer has one
	productApplication                    // software that a computer may have
	productHardware                       // drivers: a computer has one model
	productDefinitions                    // signatures: nearly every computer has one
)

// product is a category that computers have.
type product struct {
	id       model.CategoryID
	title    string
	kind     productKind
	platform model.Platform
	server   bool // for productSystem: a server's
	client   bool
	weight   float64
	debian   *release
	lines    []int32
}

// draft is an update that is being made: its versions in time, before it has a
// number.
type draft struct {
	upstream string
	line     int
	versions []version // the first is its publication
	gone     time.Time // withdrawn from its archive; zero = not
}

type version struct {
	at      time.Time
	update  *model.Update
	expired bool
}

// NewCatalogue makes a catalogue: the same for the same options.
func NewCatalogue(o Options) *Catalogue {
	o = o.withDefaults()
	// What is published after Until is for Live to bring.
	ahead := o.Ahead
	o.Until, o.Span, o.Ahead = o.Until.Add(ahead), o.Span+ahead, 0
	c := &Catalogue{Options: o, daily: o.Until.Add(-ahead - 60*day)}
	var drafts []*draft
	microsoft := int(float64(o.Updates)*max(0, o.Microsoft) + 0.5)
	if microsoft > 0 {
		drafts = append(drafts, c.makeMicrosoft(microsoft)...)
	}
	if rest := o.Updates - microsoft; rest > 0 {
		drafts = append(drafts, c.makeDebian(rest)...)
	}
	c.schedule(drafts)
	return c
}

// Len is the number of updates.
func (c *Catalogue) Len() int { return len(c.offers) - 1 }

// Update gives the update of a number as it was last published.
func (c *Catalogue) Update(number uint32) *model.Update { return c.offers[number].last }

// EvaluatedAt gives the highest number that a report made at t covers.
func (c *Catalogue) EvaluatedAt(t time.Time) uint32 {
	n, _ := slices.BinarySearchFunc(c.offers[1:], t, func(f offer, t time.Time) int {
		if f.arrived.After(t) {
			return 1
		}
		return -1
	})
	return uint32(n)
}

// offeredAt says whether an update could be installed at t.
func (f *offer) offeredAt(t time.Time) bool { return f.gone.IsZero() || f.gone.After(t) }

// runTimes are when a server synchronizes: weekly at first, daily in the 60 days
// before "now" and after that.
func (c *Catalogue) runTimes(offset time.Duration) []time.Time {
	o, begin := c.Options, c.Options.begin()
	times := []time.Time{begin.Add(offset)}
	midnight := begin.Truncate(day)
	for at := midnight.Add(7 * day); ; {
		t := at.Add(3*time.Hour + offset)
		if t.After(o.Until.Add(-time.Hour)) {
			return times
		}
		times = append(times, t)
		if at.Before(c.daily) {
			at = at.Add(7 * day)
		} else {
			at = at.Add(day)
		}
	}
}

// schedule deals the drafts out to the synchronizations that see them, and
// numbers them in the order of arrival.
func (c *Catalogue) schedule(drafts []*draft) {
	offsets := map[string]time.Duration{UpstreamMicrosoft: 0, UpstreamDebian: 90 * time.Minute}
	times := map[string][]time.Time{}
	for _, d := range drafts {
		if times[d.upstream] == nil {
			times[d.upstream] = c.runTimes(offsets[d.upstream])
		}
	}
	for _, name := range []string{UpstreamMicrosoft, UpstreamDebian} {
		for _, t := range times[name] {
			c.Runs = append(c.Runs, Run{Upstream: name, Started: t})
		}
	}
	slices.SortStableFunc(c.Runs, func(a, b Run) int { return a.Started.Compare(b.Started) })
	index := map[string][]int{}
	for i, r := range c.Runs {
		index[r.Upstream] = append(index[r.Upstream], i)
	}
	for name := range index {
		c.Runs[index[name][0]].Initial, c.Runs[index[name][0]].Manual = true, true
	}
	c.spoil(index)
	// runFor is the first working synchronization at or after t.
	runFor := func(upstream string, t time.Time) int {
		list := index[upstream]
		i, _ := slices.BinarySearchFunc(list, t, func(run int, t time.Time) int { return c.Runs[run].Started.Compare(t) })
		for i < len(list) && c.Runs[list[i]].Error != "" {
			i++
		}
		if i >= len(list) {
			return -1
		}
		return list[i]
	}
	type arrival struct {
		run int
		d   *draft
	}
	arrivals := make([]arrival, 0, len(drafts))
	for _, d := range drafts {
		run := runFor(d.upstream, d.versions[0].at)
		if run < 0 { // published after the last synchronization: that one sees it early
			list := index[d.upstream]
			for i := len(list) - 1; i >= 0 && run < 0; i-- {
				if c.Runs[list[i]].Error == "" {
					run = list[i]
				}
			}
		}
		arrivals = append(arrivals, arrival{run, d})
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.run, b.run), a.d.versions[0].at.Compare(b.d.versions[0].at))
	})
	c.offers = make([]offer, 1, len(drafts)+1)
	for _, a := range arrivals {
		n := uint32(len(c.offers))
		d, run := a.d, &c.Runs[a.run]
		l := &c.lines[d.line]
		f := offer{line: int32(d.line), place: int32(len(l.updates)), arrived: run.Started, debian: d.upstream == UpstreamDebian}
		l.updates = append(l.updates, n)
		// What was revised before the server first looked is known only as it is then.
		seen := 0
		for seen+1 < len(d.versions) && !d.versions[seen+1].at.After(run.Started) {
			seen++
		}
		f.first = d.versions[seen].update
		f.last = f.first
		if d.versions[seen].expired {
			f.gone = run.Started
		}
		run.Updates = append(run.Updates, f.first)
		for _, v := range d.versions[seen+1:] {
			if i := runFor(d.upstream, v.at); i > a.run {
				later := &c.Runs[i]
				later.Updates = append(later.Updates, v.update)
				f.last = v.update
				if v.expired {
					f.gone = later.Started
					later.Expired = append(later.Expired, n)
				}
			}
		}
		if !d.gone.IsZero() {
			if i := runFor(d.upstream, d.gone); i > a.run {
				c.Runs[i].Withdrawn = append(c.Runs[i].Withdrawn, n)
				f.gone = c.Runs[i].Started
			}
		}
		c.offers = append(c.offers, f)
	}
	for i := range c.Runs {
		c.settle(&c.Runs[i], i)
	}
	for i := range c.lines {
		l := &c.lines[i]
		p := &c.products[l.product]
		if len(l.updates) > 0 {
			p.lines = append(p.lines, int32(i))
		}
	}
}

// settle puts a run's updates in the order of import, new ones first, keeps one
// description of each, and gives the run its length.
func (c *Catalogue) settle(run *Run, i int) {
	last := map[model.UpdateID]int{}
	for j, u := range run.Updates {
		last[u.ID] = j
	}
	kept := run.Updates[:0]
	for j, u := range run.Updates {
		if last[u.ID] == j {
			kept = append(kept, u)
		}
	}
	run.Updates = kept
	r := c.Options.chanceOf("run", i)
	run.Ended = run.Started.Add(time.Duration(20+r.IntN(60)+len(run.Updates)/70) * time.Second)
}

// spoil lets a few synchronizations fail, as networks do.
func (c *Catalogue) spoil(index map[string][]int) {
	errors := []string{
		"connecting to the upstream: connection refused; look at the proxy and the firewall",
		"reading the catalogue: unexpected end of the answer after 1,048,576 bytes",
		"verifying InRelease: the signature was made by a key that is not in the keyring",
		"the upstream answered 503 Service Unavailable; it is tried again at the next scheduled time",
	}
	for _, name := range []string{UpstreamMicrosoft, UpstreamDebian} {
		r := c.Options.chance("spoil " + name)
		list := index[name]
		for k := 1; k < len(list)-1; k++ {
			run := &c.Runs[list[k]]
			switch {
			case draw(r, 0.03):
				run.Error = pick(r, errors)
			case draw(r, 0.05):
				run.Remarks = []string{"the lists are " + fmt.Sprint(2+r.IntN(4)) + " days old"}
			case draw(r, 0.03):
				run.Failures = []model.ImportFailure{{Item: guid(r), Reason: "its metadata names a category that the upstream did not send"}}
			}
		}
	}
}

// guid makes an identifier in the form of Microsoft's.
func guid(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a>>32), uint16(a>>16), a&0xfff, 0x8000|uint16(b>>48)&0x3fff, b&0xffffffffffff)
}

// bytesOf gives n bytes by chance: digests of what does not exist.
func bytesOf(r *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		x := r.Uint64()
		for range 8 {
			b = append(b, byte(x))
			x >>= 8
		}
	}
	return b[:n]
}
