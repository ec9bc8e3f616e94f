package store

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Outcome is the computers of a scope for which one and the same approval of an
// update holds. Group is empty where none does: not approved by default, or
// declined.
type Outcome struct {
	model.Approval
	Declined  bool
	Computers *roaring.Bitmap
}

// Approved says whether the update, as its newest revision describes it, is to
// be installed on these computers.
func (o Outcome) Approved() bool { return o.Action == model.ActionInstall && !o.Stale }

// Outcomes divides the computers of scope by the approval of an update that
// holds for them. Each computer of scope is in exactly one outcome, and the
// approval is that of Effective: the order in which approvals beat each other
// (semantics 3.3) does not depend on the computer, so the first in that order
// takes all members of its group, the next one what is left, and so on.
func (s *Snapshot) Outcomes(update uint32, scope *roaring.Bitmap) []Outcome {
	return s.outcomes(s.Approvals(update), s.declined.Contains(update), scope)
}

// outcomes is Outcomes for the given approvals of an update.
func (s *Snapshot) outcomes(approvals []model.Approval, declined bool, scope *roaring.Bitmap) []Outcome {
	if scope.IsEmpty() {
		return nil
	}
	nothing := model.Approval{Action: model.ActionNotApproved}
	if declined {
		return []Outcome{{Approval: nothing, Declined: true, Computers: scope}}
	}
	var out []Outcome
	rest := scope
	for _, a := range precedence(s.tree, approvals) {
		in := roaring.And(rest, s.Members(a.Group))
		if in.IsEmpty() {
			continue
		}
		out = append(out, Outcome{Approval: a, Computers: in})
		if rest = roaring.AndNot(rest, in); rest.IsEmpty() {
			return out
		}
	}
	return append(out, Outcome{Approval: nothing, Computers: rest})
}

// precedence gives approvals in the order in which they beat each other. The
// model's rule is asked for it, so that the order exists once.
func precedence(t *model.GroupTree, approvals []model.Approval) []model.Approval {
	e := model.ResolveApproval(t, false, approvals)
	if e.Step == model.StepNone {
		return nil
	}
	return append([]model.Approval{e.Approval}, e.Losers...)
}

// Approved gives the numbers of the updates whose effective approval for a
// computer is Install, ascending.
func (s *Snapshot) Approved(computer uint32) []uint32 {
	return s.approvedBy(s.GroupsOf(computer), computer).ToArray()
}

// approvedBy is Approved for a computer of the given groups: their layers in
// the order in which approvals beat each other, each taking the updates that
// none before it spoke of.
func (s *Snapshot) approvedBy(groups []model.GroupID, computer uint32) *roaring.Bitmap {
	type key struct {
		group      model.GroupID
		deployment uint64
	}
	var all []model.Approval
	of := map[key]*roaring.Bitmap{}
	for _, g := range groups {
		for _, l := range s.layers[g] {
			all = append(all, l.approval(g))
			of[key{g, l.deployment}] = l.updates
		}
	}
	approved, spoken := roaring.New(), roaring.New()
	for _, a := range precedence(s.tree, all) {
		updates := of[key{a.Group, a.Deployment}]
		if a.Action == model.ActionInstall {
			approved.Or(roaring.AndNot(updates, spoken))
		}
		spoken.Or(updates)
	}
	approved.AndNot(s.declined)
	// Which revision an approval belongs to is a matter of the single update.
	for it := s.heldAmong(approved).Iterator(); it.HasNext(); {
		if n := it.Next(); !s.Effective(computer, n).Approved() {
			approved.Remove(n)
		}
	}
	return approved
}

// heldAmong gives those updates of a set with a revision that holds approvals
// back: what was approved before it belongs to an older revision.
func (s *Snapshot) heldAmong(updates *roaring.Bitmap) *roaring.Bitmap {
	held := roaring.New()
	for n, a := range s.alarms {
		if a.Held != model.HeldNot && updates.Contains(n) {
			held.Add(n)
		}
	}
	return held
}

// refinement divides numbers into classes: numbers stay together for as long as
// each set given to split holds all of a class or none of it.
type refinement struct {
	all     *roaring.Bitmap
	base    uint32
	of      []int32 // by number less base: its class
	classes int32
	size    []int
	to      []int32 // by class: where split moves its numbers, or -1
}

func newRefinement(numbers *roaring.Bitmap) *refinement {
	r := &refinement{all: numbers, classes: 1, size: []int{int(numbers.GetCardinality())}, to: []int32{-1}}
	if !numbers.IsEmpty() {
		r.base = numbers.Minimum()
		r.of = make([]int32, numbers.Maximum()-r.base+1)
	}
	return r
}

// split separates the numbers of set from the others of their class. It calls
// mark for each class with numbers in set: of becomes the new class of those
// that were in from; they are the same when the whole class is in set.
func (r *refinement) split(set *roaring.Bitmap, mark func(from, of int32)) {
	if !set.Intersects(r.all) {
		return
	}
	in := roaring.And(r.all, set)
	if in.GetCardinality() == r.all.GetCardinality() {
		for c := range r.classes {
			if r.size[c] > 0 {
				mark(c, c)
			}
		}
		return
	}
	hits := make([]int, r.classes)
	touched := []int32{}
	forEach(in, func(n uint32) {
		c := r.of[n-r.base]
		if hits[c] == 0 {
			touched = append(touched, c)
		}
		hits[c]++
	})
	moves := false
	for _, c := range touched {
		if hits[c] == r.size[c] {
			mark(c, c)
			continue
		}
		moves = true
		to := r.classes
		r.classes++
		r.size[c] -= hits[c]
		r.size, r.to = append(r.size, hits[c]), append(r.to, -1)
		r.to[c] = to
		mark(c, to)
	}
	if !moves {
		return
	}
	forEach(in, func(n uint32) {
		if to := r.to[r.of[n-r.base]]; to >= 0 {
			r.of[n-r.base] = to
		}
	})
	for _, c := range touched {
		r.to[c] = -1
	}
}

// sets gives the numbers of each class.
func (r *refinement) sets() []*roaring.Bitmap {
	if r.classes == 1 {
		return []*roaring.Bitmap{r.all}
	}
	lists := make([][]uint32, r.classes)
	for c := range lists {
		lists[c] = make([]uint32, 0, r.size[c])
	}
	forEach(r.all, func(n uint32) {
		c := r.of[n-r.base]
		lists[c] = append(lists[c], n)
	})
	out := make([]*roaring.Bitmap, r.classes)
	for c, l := range lists {
		out[c] = roaring.BitmapOf(l...)
	}
	return out
}

// forEach goes through a set in blocks, which is several times faster than
// asking for one number after the other.
func forEach(set *roaring.Bitmap, visit func(uint32)) {
	var block [512]uint32
	for it := set.ManyIterator(); ; {
		n := it.NextMany(block[:])
		if n == 0 {
			return
		}
		for _, x := range block[:n] {
			visit(x)
		}
	}
}

// placing says to which groups each computer belongs. Computers of the same
// groups share one list: there are few such classes, and approvals, policies and
// progress are the same for all of a class.
type placing struct {
	tree    *model.GroupTree
	members []*roaring.Bitmap // in the order of the tree: what it was made from
	of      []int32           // by computer number: its class; -1 = no managed computer
	groups  [][]model.GroupID // by class, in display order
	sets    []*roaring.Bitmap // by class: its computers

	disabled *roaring.Bitmap // where the policy that holds disables Automatic Updates
}

// valid says whether the placing is that of a snapshot. Memberships are replaced,
// never changed, so the same pointers mean the same members.
func (p *placing) valid(s *Snapshot) bool {
	if p.tree != s.tree {
		return false
	}
	for i, id := range s.tree.Order() {
		if p.members[i] != s.Members(id) {
			return false
		}
	}
	return true
}

// class gives the class of a computer, or -1.
func (p *placing) class(computer uint32) int32 {
	if int(computer) >= len(p.of) {
		return -1
	}
	return p.of[computer]
}

func newPlacing(s *Snapshot) *placing {
	p := &placing{tree: s.tree}
	all := s.Members(model.GroupAll)
	r := newRefinement(all)
	p.groups = [][]model.GroupID{nil}
	for _, id := range s.tree.Order() {
		m := s.Members(id)
		p.members = append(p.members, m)
		if m.IsEmpty() {
			continue
		}
		r.split(m, func(from, of int32) {
			if from != of {
				p.groups = append(p.groups, nil)
			}
			p.groups[of] = append(slices.Clip(p.groups[from]), id)
		})
	}
	p.sets = r.sets()
	p.disabled = roaring.New()
	for c, set := range p.sets {
		if policy, _ := model.EffectivePolicy(s.tree, p.groups[c]); policy.Mode == model.ModeDisabled {
			p.disabled.Or(set)
		}
	}
	if !all.IsEmpty() {
		p.of = make([]int32, all.Maximum()+1)
		for i := range p.of {
			p.of[i] = -1
		}
		forEach(all, func(n uint32) { p.of[n] = r.of[n-r.base] })
	}
	return p
}

// GroupsOf gives the groups that a computer belongs to, All Computers and other
// ancestors included, in display order.
func (s *Snapshot) GroupsOf(computer uint32) []model.GroupID {
	p := s.placing()
	if c := p.class(computer); c >= 0 {
		return slices.Clip(p.groups[c])
	}
	return nil
}

// disabled gives the computers on which nothing will be installed: Automatic
// Updates are disabled by the policy that holds, or by their own.
func (s *Snapshot) disabled(scope *roaring.Bitmap) *roaring.Bitmap {
	return roaring.And(roaring.Or(s.placing().disabled, s.reach().disabled), scope)
}
