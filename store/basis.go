package store

import (
	"math/bits"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Basis is how a group's computers stand over approved updates only. It is the
// second base of semantics 3.6, beside Split over all updates that are not
// declined: an update counts on the computers for which its effective approval
// is Install. Such an approval that an older revision holds does not count.
type Basis struct {
	Split    [4]int          // computers by model.ComputerState; the four add up to the group's members
	Updates  int             // updates that are approved for at least one of the computers
	NoStatus *roaring.Bitmap // the computers that Split counts as without status; nil = none
}

// SplitApproved is Split over approved updates only, with the number of updates
// that are approved for at least one of the group's computers. A computer that
// reported, and for which nothing is approved, is ok.
func (s *Snapshot) SplitApproved(group model.GroupID) (split [4]int, approved int) {
	b := s.Bases(group)[group]
	return b.Split, b.Updates
}

// Bases gives the basis of each of the groups that exists, or of all groups when
// none is named. Groups share the work: effective approvals are the same for all
// computers that belong to the same groups, so each such class is looked at once.
func (s *Snapshot) Bases(groups ...model.GroupID) map[model.GroupID]Basis {
	if len(groups) == 0 {
		groups = s.tree.Order()
	}
	found, approved := map[model.GroupID]Basis{}, map[model.GroupID][]uint64{}
	for _, g := range groups {
		if s.tree.Group(g) != nil {
			found[g] = Basis{}
		}
	}
	p, rulings := s.placing(), s.rulings()
	size := int(s.LastUpdate())/64 + 1
	base, spoken := make([]uint64, size), make([]uint64, size)
	for c, set := range p.sets {
		asked := func(g model.GroupID) bool { _, ok := found[g]; return ok }
		if set.IsEmpty() || !slices.ContainsFunc(p.groups[c], asked) {
			continue
		}
		clear(base)
		clear(spoken)
		of := map[model.GroupID]bool{}
		for _, g := range p.groups[c] {
			of[g] = true
		}
		for _, r := range rulings {
			if of[r.group] {
				r.rule(base, spoken)
			}
		}
		split, silent := s.splitOver(set, base)
		for _, g := range p.groups[c] {
			b, ok := found[g]
			if !ok {
				continue
			}
			for st, n := range split {
				b.Split[st] += n
			}
			if silent != nil {
				if b.NoStatus == nil {
					b.NoStatus = roaring.New()
				}
				b.NoStatus.Or(silent)
			}
			if approved[g] == nil {
				approved[g] = make([]uint64, size)
			}
			sum := approved[g]
			for i, w := range base {
				sum[i] |= w
			}
			found[g] = b
		}
	}
	for g, words := range approved {
		b := found[g]
		for _, w := range words {
			b.Updates += bits.OnesCount64(w)
		}
		found[g] = b
	}
	return found
}

// ruling is a layer as bits by update number. There are many layers to go through
// for each class of computers, and almost all of them name updates that
// arrived together: words from the first to the last are quicker than sets.
type ruling struct {
	group    model.GroupID
	from     int      // number of the first word
	speaks   []uint64 // the updates that the layer speaks of
	approves []uint64 // of these, those that count as approved; nil when none
}

// rulings gives all layers in the order in which approvals beat each other. It
// does not depend on the computer (semantics 3.3), so one order serves all.
func (s *Snapshot) rulings() []ruling {
	type key struct {
		group      model.GroupID
		deployment uint64
	}
	var all []model.Approval
	of := map[key]*roaring.Bitmap{}
	for _, g := range s.tree.Order() {
		for _, l := range s.layers[g] {
			all = append(all, l.approval(g))
			of[key{g, l.deployment}] = l.updates
		}
	}
	var held []uint32
	for n, a := range s.alarms {
		if a.Held != model.HeldNot {
			held = append(held, n)
		}
	}
	out := make([]ruling, 0, len(all))
	for _, a := range precedence(s.tree, all) {
		updates := of[key{a.Group, a.Deployment}]
		r := ruling{group: a.Group}
		r.from, r.speaks = words(updates)
		if a.Action == model.ActionInstall {
			counting := roaring.AndNot(updates, s.unseen)
			for _, n := range held { // which revision an approval belongs to
				if counting.Contains(n) && s.stale(n, a.Deployment) {
					counting.Remove(n)
				}
			}
			r.approves = make([]uint64, len(r.speaks))
			from, approves := words(counting)
			copy(r.approves[max(0, from-r.from):], approves)
		}
		out = append(out, r)
	}
	return out
}

// words gives a set as bits, and the number of the first word.
func words(set *roaring.Bitmap) (from int, words []uint64) {
	if set.IsEmpty() {
		return 0, nil
	}
	from = int(set.Minimum() / 64)
	words = make([]uint64, int(set.Maximum()/64)-from+1)
	forEach(set, func(n uint32) { words[int(n/64)-from] |= 1 << (n % 64) })
	return from, words
}

// rule adds to base what the ruling approves, except for updates that an earlier
// one spoke of.
func (r *ruling) rule(base, spoken []uint64) {
	spoken = spoken[r.from : r.from+len(r.speaks)]
	if r.approves != nil {
		base = base[r.from : r.from+len(r.speaks)]
		for i, w := range r.approves {
			base[i] |= w &^ spoken[i]
		}
	}
	for i, w := range r.speaks {
		spoken[i] |= w
	}
}

// splitOver gives the four-way split of computers over the updates of base.
// silent is the computers without status, nil when there is none.
func (s *Snapshot) splitOver(computers *roaring.Bitmap, base []uint64) (split [4]int, silent *roaring.Bitmap) {
	last := uint32(0)
	for i, w := range slices.Backward(base) {
		if w != 0 {
			last = uint32(64*i + bits.Len64(w) - 1)
			break
		}
	}
	some := func(list []uint32) int {
		for _, n := range list {
			if base[n/64]&(1<<(n%64)) != 0 {
				return 1
			}
		}
		return 0
	}
	forEach(computers, func(n uint32) {
		e := s.computers.at(n)
		if e == nil {
			e = &computerEntry{}
		}
		// That there is any of a state is all that the precedence of semantics 3.6
		// asks for, in which failed comes first and needed second.
		t := model.UpdateTotals{Failed: some(e.failed)}
		if t.Failed == 0 {
			t.Needed = max(some(e.needed), some(e.downloaded), some(e.pending))
		}
		if e.evaluated < last {
			t.Unknown = 1
		}
		st := t.State(e.reported && s.LastUpdate() > 0)
		split[st]++
		if st == model.ComputerNoStatus {
			if silent == nil {
				silent = roaring.New()
			}
			silent.Add(n)
		}
	})
	return split, silent
}
