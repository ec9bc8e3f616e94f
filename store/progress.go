package store

import (
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Deploying is the progress of a deployment: pairs of a computer and an update
// that applies there, by how far they are.
type Deploying struct {
	Deployment *model.Deployment
	Groups     []GroupProgress // one per group of the deployment
	Total      Pairs
	Updates    []UpdateProgress // one per update that concerns any computer
}

// Pairs counts (computer, update) pairs. Overridden ones do not follow an Install
// of this deployment; Unknown ones belong to computers that have
// not reported on the update. Neither is part of Applicable.
type Pairs struct {
	Applicable int
	Installed  int
	Failed     int
	Pending    int
	Waiting    int // needed or downloaded
	Overridden int
	Unknown    int
	Why        Unknowns // Unknown, by the reason
}

// Unknowns counts pairs of which nothing is known, by the reason. They are
// different things, with different remedies (semantics 3.7).
type Unknowns struct {
	Never    int // the computer never reported
	Stale    int // it did, but not on this update, and has been silent for model.StaleAfter
	Newer    int // the update came after its report
	Declined int // the update is declined, so that nobody is asked about it
}

// Percent is how much of what applies is installed. It is false when nothing is
// known to apply: there is then no such share, and 100 % would say that all is
// done (semantics 3.7).
func (p Pairs) Percent() (percent float64, ok bool) {
	if p.Applicable == 0 {
		return 0, false
	}
	return 100 * float64(p.Installed) / float64(p.Applicable), true
}

func (p *Pairs) add(o Pairs) {
	p.Applicable += o.Applicable
	p.Installed += o.Installed
	p.Failed += o.Failed
	p.Pending += o.Pending
	p.Waiting += o.Waiting
	p.Overridden += o.Overridden
	p.Unknown += o.Unknown
	p.Why.Never += o.Why.Never
	p.Why.Stale += o.Why.Stale
	p.Why.Newer += o.Why.Newer
	p.Why.Declined += o.Why.Declined
}

// installed counts pairs where the update is installed, whichever approval did
// it: that is a success of the deployment, too.
func (p *Pairs) installed(n int) {
	p.Applicable += n
	p.Installed += n
}

// GroupProgress is a deployment's progress in one of its groups.
type GroupProgress struct {
	Group model.GroupAction
	Name  string
	Pairs
}

// UpdateProgress is a deployment's progress for one of its updates.
type UpdateProgress struct {
	Update uint32
	Pairs
	Failed []uint32 // computers
}

// Progress computes how far a deployment is, or nil when there is none of that
// number. A computer in several of its groups counts once in the total. now
// tells which computers are stale.
func (s *Snapshot) Progress(id uint64, now time.Time) *Deploying {
	return s.ProgressWithin(id, nil, nil, now)
}

// ProgressWithin is Progress for some of a deployment's updates on some
// computers; nil stands for all.
func (s *Snapshot) ProgressWithin(id uint64, updates, computers *roaring.Bitmap, now time.Time) *Deploying {
	d := s.Deployment(id)
	if d == nil {
		return nil
	}
	p := newProgress(s, d, updates, computers)
	p.open(id)
	p.done()
	p.unknown(now)
	out := &Deploying{Deployment: d}
	for _, ga := range d.Groups {
		gp := GroupProgress{Group: ga, Name: string(ga.Group) + " (removed)"}
		if g := s.tree.Group(ga.Group); g != nil {
			gp.Name = g.Name
		}
		if ga.Action == model.ActionInstall {
			m := s.Members(ga.Group)
			for c, pairs := range p.classes {
				if p.sizes[c] > 0 && m.Contains(p.of(c)) {
					gp.Pairs.add(pairs)
				}
			}
		}
		out.Groups = append(out.Groups, gp)
	}
	for _, pairs := range p.classes {
		out.Total.add(pairs)
	}
	for _, u := range p.updates {
		if u.Applicable+u.Overridden+u.Unknown > 0 {
			out.Updates = append(out.Updates, u)
		}
	}
	return out
}

// progress counts the pairs of a deployment by update and by class of computers:
// to a class the same approvals apply, and it is in a group as a whole. The work
// follows what computers reported of the updates, not the pairs that there are.
type progress struct {
	s       *Snapshot
	place   *placing
	updates []UpdateProgress // in the order of the deployment's, ascending
	at      []int32          // by update number less base: its index in updates; -1 = not of live
	base    uint32
	live    *roaring.Bitmap // of the updates, those that are not declined
	class   []int32         // by computer number: its class; -1 = no part of this
	classes []Pairs
	sizes   []int         // by class: its computers that take part
	single  model.GroupID // the only group to install for, when all of it takes part
	block   [512]uint32   // for each: one for all sets, of which there are many
}

// each is forEach without a block of its own.
func (p *progress) each(set *roaring.Bitmap, visit func(uint32)) {
	for it := set.ManyIterator(); ; {
		n := it.NextMany(p.block[:])
		if n == 0 {
			return
		}
		for _, x := range p.block[:n] {
			visit(x)
		}
	}
}

func newProgress(s *Snapshot, d *model.Deployment, updates, computers *roaring.Bitmap) *progress {
	p := &progress{s: s, place: s.placing(), live: roaring.New()}
	for _, u := range d.Updates {
		if updates == nil || updates.Contains(u) {
			p.updates = append(p.updates, UpdateProgress{Update: u})
		}
	}
	p.classes, p.sizes = make([]Pairs, len(p.place.sets)), make([]int, len(p.place.sets))
	if len(p.updates) == 0 {
		return p
	}
	p.base = p.updates[0].Update
	p.at = make([]int32, p.updates[len(p.updates)-1].Update-p.base+1)
	for i := range p.at {
		p.at[i] = -1
	}
	live := make([]uint32, 0, len(p.updates))
	for i, u := range p.updates {
		if !s.declined.Contains(u.Update) {
			live = append(live, u.Update)
			p.at[u.Update-p.base] = int32(i)
		}
	}
	p.live.AddMany(live)

	scope, groups := roaring.New(), 0
	for _, ga := range d.Groups {
		if ga.Action == model.ActionInstall {
			scope.Or(s.Members(ga.Group))
			groups++
			p.single = ga.Group
		}
	}
	if computers != nil {
		scope.And(computers)
	}
	if computers != nil || groups > 1 {
		p.single = ""
	}
	p.class = make([]int32, len(p.place.of))
	for i := range p.class {
		p.class[i] = -1
	}
	forEach(scope, func(n uint32) {
		c := p.place.class(n)
		p.class[n] = c
		p.sizes[c]++
	})
	return p
}

// of gives a computer of a class, to stand for all of it.
func (p *progress) of(class int) uint32 { return p.place.sets[class].Minimum() }

// open counts what is needed or failed, by whether the approval that holds is
// the deployment's.
func (p *progress) open(id uint64) {
	spoken := roaring.New() // the updates for which it still says something anywhere
	for _, layers := range p.s.layers {
		for _, l := range layers {
			if l.deployment == id {
				spoken.Or(l.updates)
			}
		}
	}
	spoken.And(p.live)
	kinds := []updateKind{{updates: roaring.AndNot(p.live, spoken)}}
	if !spoken.IsEmpty() {
		// That a revision holds an approval back does not make it another's.
		kinds = append(kinds, p.s.kinds(p.s, spoken, empty)...)
	}
	ours := make([]bool, len(p.classes))
	for _, k := range kinds {
		order := precedence(p.s.tree, k.before)
		for c := range ours {
			ours[c] = false
			if p.sizes[c] == 0 {
				continue
			}
			for _, a := range order {
				if p.s.Members(a.Group).Contains(p.of(c)) {
					ours[c] = a.Deployment == id && a.Action == model.ActionInstall
					break
				}
			}
		}
		forEach(k.updates, func(n uint32) {
			t := p.s.tallies.at(n)
			if t == nil {
				return
			}
			u := &p.updates[p.at[n-p.base]]
			p.openIn(t.needed, ours, u, func(x *Pairs) *int { return &x.Waiting }, nil)
			p.openIn(t.downloaded, ours, u, func(x *Pairs) *int { return &x.Waiting }, nil)
			p.openIn(t.pending, ours, u, func(x *Pairs) *int { return &x.Pending }, nil)
			p.openIn(t.failed, ours, u, func(x *Pairs) *int { return &x.Failed }, &u.Failed)
		})
	}
}

// openIn counts the computers of one set of an update's tally; those where the
// deployment holds go to named, too.
func (p *progress) openIn(set *roaring.Bitmap, ours []bool, u *UpdateProgress, count func(*Pairs) *int, named *[]uint32) {
	if set == nil {
		return
	}
	of := count(&u.Pairs)
	p.each(set, func(n uint32) {
		if int(n) >= len(p.class) || p.class[n] < 0 {
			return
		}
		c := &p.classes[p.class[n]]
		if !ours[p.class[n]] {
			c.Overridden++
			u.Overridden++
			return
		}
		c.Applicable++
		u.Applicable++
		*count(c)++
		*of++
		if named != nil {
			*named = append(*named, n)
		}
	})
}

// fewUpdates is up to how many updates a set is asked for each, instead of being
// intersected.
const fewUpdates = 8

// done counts what is installed. Tallies have only its number, so computers are
// asked, unless their numbers are those of one group.
func (p *progress) done() {
	wanted := roaring.New()
	forEach(p.live, func(n uint32) {
		if t := p.s.tallies.at(n); t != nil && t.installed > 0 {
			wanted.Add(n)
		}
	})
	few := []uint32(nil)
	if wanted.GetCardinality() <= fewUpdates {
		few = wanted.ToArray()
	}
	switch {
	case wanted.IsEmpty():
		return
	case p.single != "" && (few == nil || p.single == model.GroupAll):
		p.doneInGroup(wanted)
		return
	}
	for n, class := range p.class {
		if class < 0 {
			continue
		}
		e := p.s.computers.at(uint32(n))
		if e == nil || e.installed == nil {
			continue
		}
		found := 0
		count := func(u uint32) {
			p.updates[p.at[u-p.base]].Pairs.installed(1)
			found++
		}
		switch {
		case few != nil:
			for _, u := range few {
				if e.installed.Contains(u) {
					count(u)
				}
			}
		case len(p.at) > 4*int(wanted.GetCardinality()):
			p.each(roaring.And(e.installed, wanted), count)
		default: // most of what is installed is in the deployment
			p.each(e.installed, func(u uint32) {
				if u >= p.base && u-p.base < uint32(len(p.at)) && p.at[u-p.base] >= 0 {
					count(u)
				}
			})
		}
		p.classes[class].installed(found)
	}
}

// doneInGroup is done for a deployment for one group. Its classes are only
// added up, so that one of them can stand for all.
func (p *progress) doneInGroup(wanted *roaring.Bitmap) {
	m := p.s.Members(p.single)
	if m.IsEmpty() {
		return
	}
	c := &p.classes[p.place.class(m.Minimum())]
	dense := p.s.countsOf(p.single).installed
	forEach(wanted, func(u uint32) {
		n := p.s.tallies.at(u).installed
		if p.single != model.GroupAll {
			n = int(dense[u])
		}
		p.updates[p.at[u-p.base]].Pairs.installed(n)
		c.installed(n)
	})
}

// unknown counts where a computer has not reported on an update, and why not.
func (p *progress) unknown(now time.Time) {
	all := 0
	for c, n := range p.sizes {
		dead := n * (len(p.updates) - int(p.live.GetCardinality()))
		p.classes[c].Unknown += dead
		p.classes[c].Why.Declined += dead
		all += n
	}
	type silence struct {
		from uint32 // the first update number of which nothing is known
		why  model.UnknownReason
	}
	var silent []silence // by from
	for _, end := range p.s.reach().ends {
		if int(end.computer) >= len(p.class) || p.class[end.computer] < 0 {
			continue
		}
		e := p.s.computers.at(end.computer)
		x := silence{end.evaluated + 1, model.UnknownNewer}
		switch {
		case !e.reported:
			x.why = model.UnknownNeverReported
		case now.Sub(e.computer.Contacted) > model.StaleAfter:
			x.why = model.UnknownStale
		}
		silent = append(silent, x)
		p.classes[p.class[end.computer]].silent(x.why, int(p.live.GetCardinality()-p.live.Rank(end.evaluated)))
	}
	var before Pairs // what is unknown of the updates at hand
	for i := range p.updates {
		u := &p.updates[i]
		for len(silent) > 0 && silent[0].from <= u.Update {
			before.silent(silent[0].why, 1)
			silent = silent[1:]
		}
		if p.s.declined.Contains(u.Update) {
			u.Unknown, u.Why.Declined = all, all
		} else {
			u.Pairs.add(before)
		}
	}
}

func (p *Pairs) silent(why model.UnknownReason, n int) {
	p.Unknown += n
	switch why {
	case model.UnknownNeverReported:
		p.Why.Never += n
	case model.UnknownStale:
		p.Why.Stale += n
	default:
		p.Why.Newer += n
	}
}
