package store

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// tally is the computers of one update by installation state. Sets for the
// states that stay small, a number for the one that does not (design 5). A
// tally is immutable; nil stands for an empty one.
type tally struct {
	needed     *roaring.Bitmap // NotInstalled
	downloaded *roaring.Bitmap
	failed     *roaring.Bitmap
	pending    *roaring.Bitmap
	installed  int
}

// Counts gives the numbers of a group's computers by installation state. Of a
// declined update nothing is counted but the computers.
func (s *Snapshot) Counts(update uint32, group model.GroupID) model.Counts {
	members := s.Members(group)
	c := model.Counts{Computers: int(members.GetCardinality())}
	if s.declined.Contains(update) || s.rows.at(update) == nil {
		c.Unknown = c.Computers
		return c
	}
	all := group == model.GroupAll
	if t := s.tallies.at(update); t != nil {
		in := func(b *roaring.Bitmap) int {
			switch {
			case b == nil:
				return 0
			case all:
				return int(b.GetCardinality())
			}
			return int(b.AndCardinality(members))
		}
		c.Downloaded, c.Failed, c.Pending = in(t.downloaded), in(t.failed), in(t.pending)
		c.Needed = in(t.needed) + c.Downloaded + c.Pending
		if all {
			c.Installed = t.installed
		}
	}
	d := s.countsOf(group)
	if !all && int(update) < len(d.installed) {
		c.Installed = int(d.installed[update])
	}
	below, _ := slices.BinarySearch(d.evaluated, update)
	c.Unknown = below
	c.NotApplicable = c.Computers - c.Unknown - c.Needed - c.Failed - c.Installed
	return c
}

// ComputersWith gives the computers of a group whose state of an update is one
// of states, ascending by number.
func (s *Snapshot) ComputersWith(update uint32, group model.GroupID, states ...model.InstallationState) []uint32 {
	var out []uint32
	members := s.Members(group)
	t := s.tallies.at(update)
	small := roaring.New()
	scan := false
	for _, st := range states {
		switch st {
		case model.StateInstalled, model.StateNotApplicable, model.StateUnknown:
			scan = true
		default:
			if t != nil {
				if b := t.set(st); b != nil {
					small.Or(b)
				}
			}
		}
	}
	if !scan {
		small.And(members)
		return small.ToArray()
	}
	for it := members.Iterator(); it.HasNext(); {
		if n := it.Next(); slices.Contains(states, s.State(n, update)) {
			out = append(out, n)
		}
	}
	return out
}

// NeededOn gives the computers of a group where an update is needed or failed.
func (s *Snapshot) NeededOn(update uint32, group model.GroupID) []uint32 {
	if s.declined.Contains(update) {
		return nil
	}
	return s.ComputersWith(update, group, model.StateNotInstalled, model.StateDownloaded, model.StateFailed, model.StateInstalledPendingReboot)
}

// set gives the set that holds the computers of a state, or nil.
func (t *tally) set(st model.InstallationState) *roaring.Bitmap {
	switch st {
	case model.StateNotInstalled:
		return t.needed
	case model.StateDownloaded:
		return t.downloaded
	case model.StateFailed:
		return t.failed
	case model.StateInstalledPendingReboot:
		return t.pending
	}
	return nil
}

// counting is a batch of changes to the tallies: each tally that changes is
// copied once.
type counting struct {
	*edit[*tally]
	own map[uint32]bool
}

func newCounting(v vector[*tally]) *counting {
	return &counting{edit: v.edit(), own: map[uint32]bool{}}
}

// tally gives the tally of an update for changing.
func (c *counting) tally(update uint32) *tally {
	t := c.at(update)
	if c.own[update] {
		return t
	}
	n := &tally{}
	if t != nil {
		n.installed = t.installed
		clone := func(b *roaring.Bitmap) *roaring.Bitmap {
			if b == nil {
				return nil
			}
			return b.Clone()
		}
		n.needed, n.downloaded, n.failed, n.pending = clone(t.needed), clone(t.downloaded), clone(t.failed), clone(t.pending)
	}
	c.own[update] = true
	c.edit.set(update, n)
	return n
}

// replace moves a computer's counts from one status to the next; either may be
// nil.
func (c *counting) replace(computer uint32, before, after *computerEntry) {
	if before == nil {
		before = &computerEntry{}
	}
	if after == nil {
		after = &computerEntry{}
	}
	c.replaceSet(computer, before.needed, after.needed, func(t *tally) **roaring.Bitmap { return &t.needed })
	c.replaceSet(computer, before.downloaded, after.downloaded, func(t *tally) **roaring.Bitmap { return &t.downloaded })
	c.replaceSet(computer, before.failed, after.failed, func(t *tally) **roaring.Bitmap { return &t.failed })
	c.replaceSet(computer, before.pending, after.pending, func(t *tally) **roaring.Bitmap { return &t.pending })
	old, now := before.installed, after.installed
	if old == nil {
		old = empty
	}
	if now == nil {
		now = empty
	}
	for it := roaring.AndNot(old, now).Iterator(); it.HasNext(); {
		c.tally(it.Next()).installed--
	}
	for it := roaring.AndNot(now, old).Iterator(); it.HasNext(); {
		c.tally(it.Next()).installed++
	}
}

func (c *counting) replaceSet(computer uint32, before, after []uint32, set func(*tally) **roaring.Bitmap) {
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case j == len(after) || i < len(before) && before[i] < after[j]:
			b := set(c.tally(before[i]))
			if *b != nil {
				(*b).Remove(computer)
				if (*b).IsEmpty() {
					*b = nil
				}
			}
			i++
		case i == len(before) || after[j] < before[i]:
			b := set(c.tally(after[j]))
			if *b == nil {
				*b = roaring.New()
			}
			(*b).Add(computer)
			j++
		default:
			i++
			j++
		}
	}
}

// NeededCounts gives, by update number, how many computers of a group need the
// update: not installed, downloaded or waiting for a restart. Updates that are
// hidden from counts have none. The slice is the caller's own.
func (s *Snapshot) NeededCounts(group model.GroupID) []uint32 {
	counts := make([]uint32, s.rows.len())
	add := func(list []uint32) {
		for _, n := range list {
			if int(n) < len(counts) {
				counts[n]++
			}
		}
	}
	forEach(s.Members(group), func(c uint32) {
		if e := s.computers.at(c); e != nil {
			add(e.needed)
			add(e.downloaded)
			add(e.pending)
		}
	})
	forEach(s.unseen, func(n uint32) {
		if int(n) < len(counts) {
			counts[n] = 0
		}
	})
	return counts
}
