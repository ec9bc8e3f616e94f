package report

import (
	"context"
	"slices"
	"sort"
	"time"

	"fettle/model"
	"fettle/store"
)

// fleet is the computers of a report's scope, with what is needed to count
// their updates without looking at every pair.
type fleet struct {
	snap    *store.Snapshot
	group   model.GroupID
	whole   bool     // the computers are all members of the group
	members []uint32 // ascending
	place   []int32  // by computer number: its index in members, or -1
	numbers []uint32 // updates in scope, ascending
	inside  []bool   // by update number: it is one of numbers

	reported  []bool   // by place
	evaluated []uint32 // by place: no update that takes part and is above this was reported on

	classes []*class
	classOf []int32 // by place
	own     map[uint32][]model.Approval
}

// class is the computers that belong to the same groups: the same approvals
// hold for all of them.
type class struct {
	groups map[model.GroupID]bool
	places []int32
}

// distantFuture makes every computer that ever reported stale, which
// Snapshot.Unknown finds out without counting anything.
var distantFuture = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)

func newFleet(snap *store.Snapshot, group model.GroupID, computers []*model.Computer, rows []*model.UpdateRow) *fleet {
	last := snap.LastUpdate()
	f := &fleet{
		snap: snap, group: group, whole: uint64(len(computers)) == snap.Members(group).GetCardinality(),
		numbers: make([]uint32, 0, len(rows)), inside: make([]bool, last+1),
		members: make([]uint32, len(computers)), reported: make([]bool, len(computers)), evaluated: make([]uint32, len(computers)),
	}
	for _, r := range rows {
		f.numbers = append(f.numbers, r.Number)
		f.inside[r.Number] = true
	}
	// Declined updates have no status at all, so they cannot tell how far a
	// computer's report reaches.
	probes := make([]uint32, 0, last)
	for n := uint32(1); n <= last; n++ {
		if r := snap.Row(n); r != nil && !r.Has(model.FlagDeclined) {
			probes = append(probes, n)
		}
	}
	top := uint32(0)
	for i, c := range computers {
		f.members[i] = c.Number
		top = max(top, c.Number)
		f.reported[i] = snap.Unknown(c.Number, distantFuture) != model.UnknownNeverReported
		if !f.reported[i] {
			continue
		}
		if k := sort.Search(len(probes), func(k int) bool { return snap.State(c.Number, probes[k]) == model.StateUnknown }); k > 0 {
			f.evaluated[i] = probes[k-1]
		}
	}
	f.place = make([]int32, top+1)
	for i := range f.place {
		f.place[i] = -1
	}
	for i, n := range f.members {
		f.place[n] = int32(i)
	}
	return f
}

// at gives a computer's place, or false when it is outside the scope.
func (f *fleet) at(computer uint32) (int32, bool) {
	if int(computer) >= len(f.place) || f.place[computer] < 0 {
		return 0, false
	}
	return f.place[computer], true
}

// covered is how many of the updates in scope a computer's report covers.
func (f *fleet) covered(place int) int { return reach(f.numbers, f.evaluated[place]) }

// reach counts the numbers up to last.
func reach(numbers []uint32, last uint32) int {
	n, found := slices.BinarySearch(numbers, last)
	if found {
		n++
	}
	return n
}

// classify puts the computers into classes, once.
func (f *fleet) classify() []*class {
	if f.classOf != nil {
		return f.classes
	}
	signatures := make([][]byte, len(f.members))
	order := f.snap.Groups().Order()
	for gi, g := range order {
		for it := f.snap.Members(g).Iterator(); it.HasNext(); {
			if p, ok := f.at(it.Next()); ok {
				signatures[p] = append(signatures[p], byte(gi), byte(gi>>8), byte(gi>>16))
			}
		}
	}
	known := map[string]int32{}
	f.classOf = make([]int32, len(f.members))
	for p, sig := range signatures {
		k, ok := known[string(sig)]
		if !ok {
			k = int32(len(f.classes))
			known[string(sig)] = k
			c := &class{groups: map[model.GroupID]bool{}}
			for i := 0; i < len(sig); i += 3 {
				c.groups[order[int(sig[i])|int(sig[i+1])<<8|int(sig[i+2])<<16]] = true
			}
			f.classes = append(f.classes, c)
		}
		f.classOf[p] = k
		f.classes[k].places = append(f.classes[k].places, int32(p))
	}
	return f.classes
}

// approvals gives the groups' own approvals of every update that has any.
// Asking only about the updates of deployments spares the rest of the catalogue.
func (f *fleet) approvals() map[uint32][]model.Approval {
	if f.own == nil {
		f.own = map[uint32][]model.Approval{}
		for _, d := range f.snap.Deployments() {
			if d.Undone {
				continue
			}
			for _, u := range d.Updates {
				if _, known := f.own[u]; !known {
					f.own[u] = f.snap.Approvals(u)
				}
			}
		}
	}
	return f.own
}

// effective gives the approval that holds for an update in a class.
func (f *fleet) effective(k *class, update uint32) model.EffectiveApproval {
	var found []model.Approval
	for _, a := range f.approvals()[update] {
		if k.groups[a.Group] {
			found = append(found, a)
		}
	}
	declined := false
	if r := f.snap.Row(update); r != nil {
		declined = r.Has(model.FlagDeclined)
	}
	return model.ResolveApproval(f.snap.Groups(), declined, found)
}

// approved gives the updates in scope whose installation is approved for a
// class, ascending.
func (f *fleet) approved(k *class) []uint32 {
	var set []uint32
	for u, own := range f.approvals() {
		if int(u) >= len(f.inside) || !f.inside[u] {
			continue
		}
		if slices.ContainsFunc(own, func(a model.Approval) bool { return a.Action == model.ActionInstall && k.groups[a.Group] }) &&
			f.effective(k, u).Approved() {
			set = append(set, u)
		}
	}
	slices.Sort(set)
	return set
}

// measures are the counts of a scope that the store does not keep.
type measures struct {
	totals  []model.UpdateTotals // by place
	of      []int                // by place: the updates that were counted there
	counts  []model.Counts       // by update number
	updates int                  // that were counted anywhere
	needed  [][]uint32           // by place: the updates that are needed or failed there
}

// measure counts in one pass over what the computers reported.
func (f *fleet) measure(ctx context.Context, base Base) (*measures, error) {
	m := &measures{
		totals: make([]model.UpdateTotals, len(f.members)), of: make([]int, len(f.members)),
		counts: make([]model.Counts, len(f.inside)), needed: make([][]uint32, len(f.members)),
	}
	if base == BaseAll {
		places := make([]int32, len(f.members))
		for i := range places {
			places[i] = int32(i)
		}
		if err := f.measureSet(ctx, m, places, f.numbers, f.inside); err != nil {
			return nil, err
		}
	} else {
		in := make([]bool, len(f.inside))
		for _, k := range f.classify() {
			set := f.approved(k)
			for _, u := range set {
				in[u] = true
			}
			if err := f.measureSet(ctx, m, k.places, set, in); err != nil {
				return nil, err
			}
			for _, u := range set {
				in[u] = false
			}
		}
	}
	for u := range m.counts {
		c := &m.counts[u]
		c.NotApplicable = c.Computers - c.Needed - c.Failed - c.Installed - c.Unknown
		if c.Computers > 0 {
			m.updates++
		}
	}
	if base == BaseAll {
		m.updates = len(f.numbers)
	}
	return m, nil
}

// measureSet adds the computers of places over the updates of set; in says by
// number whether an update is in it.
func (f *fleet) measureSet(ctx context.Context, m *measures, places []int32, set []uint32, in []bool) error {
	silent := make([]int, len(set)+1) // by position in set: how many reports end before it
	for i, p := range places {
		if i%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		t := &m.totals[p]
		m.of[p] = len(set)
		covered := 0
		if f.reported[p] {
			covered = reach(set, f.evaluated[p])
		}
		silent[covered]++
		t.Unknown = len(set) - covered
		c := f.members[p]
		for _, u := range f.snap.NeededBy(c) {
			if int(u) >= len(in) || !in[u] {
				continue
			}
			m.needed[p] = append(m.needed[p], u)
			n := &m.counts[u]
			switch f.snap.State(c, u) {
			case model.StateFailed:
				t.Failed++
				n.Failed++
				continue
			case model.StateInstalledPendingReboot:
				t.Pending++
				n.Pending++
			case model.StateDownloaded:
				n.Downloaded++
			}
			t.Needed++
			n.Needed++
		}
		for _, u := range f.snap.InstalledOn(c) {
			if int(u) < len(in) && in[u] {
				t.Installed++
				m.counts[u].Installed++
			}
		}
	}
	unknown := 0
	for i, u := range set {
		unknown += silent[i]
		m.counts[u].Computers += len(places)
		m.counts[u].Unknown += unknown
	}
	return nil
}

// state gives a computer's place in the four-way split of the base.
func (m *measures) state(f *fleet, place int) model.ComputerState {
	return m.totals[place].State(f.reported[place])
}
