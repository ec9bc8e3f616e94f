package offline

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"fettle/model"
)

// plan is everything about an edition but its words. What was planned for one
// edition is planned the same for the next.
type plan struct {
	Options
	categories []categoryPlan
	families   int // the categories after the classifications and the company
	products   []int
	detectoids int
	lines      []linePlan
	bundles    []bundlePlan
	members    []memberPlan
	files      []int32 // the member that each file belongs to first
	outside    float64 // share of updates that name one outside the catalogue

	revisions []revisionPlan // by RevisionId - 1
	keys      []int32        // of each thing, in the order of planning: its RevisionId
	extra     float64        // bytes of manifest for each unit of a member's weight
}

// revisionPlan is a thing that has a RevisionId.
type revisionPlan struct {
	kind  thing
	index int32
}

type thing uint8

const (
	thingCategory thing = iota
	thingDetectoid
	thingBundle
	thingMember
)

type categoryPlan struct {
	kind   string // CategoryType
	title  string
	id     string
	parent int // index, -1 for none
}

// linePlan is a series of updates for one product, each superseding those before.
type linePlan struct {
	product int // index of the category
	kind    lineKind
	arch    int
	first   time.Time
	bundles []int32
}

type lineKind uint8

const (
	lineCumulative lineKind = iota // monthly, Windows: members are CBS packages
	lineSecurity                   // old Windows updates, with bulletins
	lineOffice                     // Windows Installer patches
	lineTool                       // programs with a command line
	lineRelease                    // members are installed by the operating system's installer
)

type bundlePlan struct {
	line    int32
	place   int32 // in its line
	first   int32 // member
	count   int32 // of members
	edition int32
	made    time.Time
	number  int32 // of its KB article
}

type memberPlan struct {
	bundle int32
	file   int32 // index into files
	weight float64
}

// Shares of the first edition's revisions, from the counts of offline-catalogues
// A.1 and A.5.
const (
	shareBundles    = 25_000.0 / 137_000
	shareDetectoids = 1_570.0 / 137_000
	longestEdges    = 84 // superseded updates in a core fragment
	longestBackward = 17 // superseding revisions in package.xml
)

// chance gives the generator of one thing.
func (p *plan) chance(salt string, n int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(salt))
	return rand.New(rand.NewPCG(p.Seed^h.Sum64(), uint64(n)))
}

// guid gives the identifier of one thing, in the usual form.
func (p *plan) guid(salt string, n int) string {
	r := p.chance("guid "+salt, n)
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], r.Uint64())
	binary.LittleEndian.PutUint64(b[8:], r.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func newPlan(o Options) *plan {
	p := &plan{Options: o, outside: 0.05}
	p.planCategories()
	p.detectoids = max(4, int(float64(o.Updates)*shareDetectoids))
	bundles := max(10, int(float64(o.Updates)*shareBundles))
	members := o.Updates - len(p.categories) - p.detectoids - bundles
	p.planFirst(bundles, members)
	for edition := 2; edition <= o.Edition; edition++ {
		p.planEdition(edition)
	}
	p.number()
	return p
}

// planFirst plans the lines of the first edition and shares the members out.
func (p *plan) planFirst(bundles, members int) {
	r := p.chance("lines", 1)
	for left := bundles; left > 0; {
		n := 1
		switch f := r.Float64(); {
		case f < 0.05:
			n = 10 + r.IntN(31)
		case f < 0.25:
			n = 2 + r.IntN(4)
		}
		n = min(n, left)
		left -= n
		line := p.newLine(r, 1, n)
		for range n {
			p.newBundle(line, 1)
		}
	}
	// Every bundle has a like share of the members, with some taken from one
	// neighbour and given to the other.
	shares := make([]int, len(p.bundles))
	for i := range shares {
		shares[i] = (i+1)*members/bundles - i*members/bundles
	}
	for i := 0; i+1 < len(shares); i += 2 {
		move := min(r.IntN(4), shares[i+1]-1)
		shares[i] += max(0, move)
		shares[i+1] -= max(0, move)
	}
	for i, n := range shares {
		p.giveMembers(i, n)
	}
}

// planEdition adds what a later edition brings.
func (p *plan) planEdition(edition int) {
	r := p.chance("edition", edition)
	lines := len(p.lines) // a line of this edition does not go on in it
	extended := map[int]bool{}
	for range p.Added {
		line := r.IntN(lines)
		if extended[line] || r.Float64() < 0.3 {
			line = p.newLine(r, edition, 1)
		}
		extended[line] = true
		p.newBundle(line, edition)
		p.giveMembers(len(p.bundles)-1, 1+r.IntN(8))
	}
}

// start is the day of the first edition, and of the newest updates in it.
var start = time.Date(2026, 7, 14, 13, 54, 6, 0, time.UTC)

// created is the day of an edition: they come twice a month.
func created(edition int) time.Time { return start.AddDate(0, 0, 14*(edition-1)) }

func (p *plan) newLine(r *rand.Rand, edition, length int) int {
	l := linePlan{product: p.products[r.IntN(len(p.products))], kind: lineKind(r.IntN(5)), arch: r.IntN(3)}
	last := created(edition).AddDate(0, 0, -r.IntN(28))
	if edition == 1 && length < 10 {
		last = last.AddDate(0, -r.IntN(150), 0)
	}
	l.first = last.AddDate(0, 1-length, 0)
	p.lines = append(p.lines, l)
	return len(p.lines) - 1
}

func (p *plan) newBundle(line, edition int) {
	l := &p.lines[line]
	made := l.first.AddDate(0, len(l.bundles), 0)
	if edition > 1 {
		made = created(edition).Add(-24 * time.Hour)
	}
	n := len(p.bundles)
	p.bundles = append(p.bundles, bundlePlan{line: int32(line), place: int32(len(l.bundles)), edition: int32(edition), made: made, number: int32(2_500_000 + 103*n%3_000_000)})
	l.bundles = append(l.bundles, int32(n))
}

func (p *plan) giveMembers(bundle, n int) {
	b := &p.bundles[bundle]
	b.first, b.count = int32(len(p.members)), int32(n)
	kind := p.lines[b.line].kind
	for range n {
		m := len(p.members)
		r := p.chance("member", m)
		plan := memberPlan{bundle: int32(bundle), file: int32(len(p.files))}
		// A file belongs to several members once there are as many files as asked;
		// later editions bring new ones.
		if b.edition == 1 && len(p.files) >= p.Locations {
			plan.file = int32(r.IntN(len(p.files)))
		} else {
			p.files = append(p.files, int32(m))
		}
		if kind == lineCumulative || kind == lineSecurity && r.Float64() < 0.3 {
			plan.weight = math.Exp(1.1 * r.NormFloat64())
		}
		p.members = append(p.members, plan)
	}
}

// number gives RevisionIds, anew in each edition.
func (p *plan) number() {
	var all []revisionPlan
	add := func(kind thing, n int) {
		for i := range n {
			all = append(all, revisionPlan{kind, int32(i)})
		}
	}
	add(thingCategory, len(p.categories))
	add(thingDetectoid, p.detectoids)
	add(thingBundle, len(p.bundles))
	add(thingMember, len(p.members))
	p.revisions = slices.Clone(all)
	p.chance("numbers", p.Edition).Shuffle(len(p.revisions), func(i, j int) {
		p.revisions[i], p.revisions[j] = p.revisions[j], p.revisions[i]
	})
	p.keys = make([]int32, len(all))
	for i, r := range p.revisions {
		p.keys[p.place(r)] = int32(i + 1)
	}
}

// place is where a thing stands in the order of planning.
func (p *plan) place(r revisionPlan) int {
	n := int(r.index)
	switch r.kind {
	case thingDetectoid:
		n += len(p.categories)
	case thingBundle:
		n += len(p.categories) + p.detectoids
	case thingMember:
		n += len(p.categories) + p.detectoids + len(p.bundles)
	}
	return n
}

// key is the RevisionId of a thing.
func (p *plan) key(kind thing, index int32) int32 { return p.keys[p.place(revisionPlan{kind, index})] }

// id is the identifier of a thing.
func (p *plan) id(r revisionPlan) string {
	switch r.kind {
	case thingCategory:
		return p.categories[r.index].id
	case thingDetectoid:
		return p.guid("detectoid", int(r.index))
	case thingBundle:
		return p.guid("bundle", int(r.index))
	}
	return p.guid("member", int(r.index))
}

// shardStart is the first RevisionId of a detail cabinet.
func (p *plan) shardStart(shard int) int {
	if shard == 0 {
		return 0
	}
	return 1 + shard*len(p.revisions)/p.Shards
}

// superseding is how many newer updates of its line a bundle has.
func (p *plan) superseding(b *bundlePlan) int {
	return len(p.lines[b.line].bundles) - 1 - int(b.place)
}

// summary counts what is planned.
func (p *plan) summary() *Summary {
	s := &Summary{Package: p.guid("package", p.Edition), Created: created(p.Edition), Revisions: len(p.revisions), Bundles: len(p.bundles),
		Members: len(p.members), Detectoids: p.detectoids, Categories: len(p.categories), Locations: len(p.files)}
	for i := range p.bundles {
		b := &p.bundles[i]
		if p.superseding(b) > 0 {
			s.Superseded++
		}
		if p.Edition > 1 && int(b.edition) == p.Edition {
			s.New = append(s.New, model.UpdateID(p.guid("bundle", i)))
		}
	}
	slices.SortFunc(s.New, func(a, b model.UpdateID) int { return cmp.Compare(a, b) })
	return s
}
