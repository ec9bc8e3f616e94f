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

	by  *batch // the batch of changes that made this tally
	own uint8  // the sets that the batch made: others are shared with older tallies
}

// batch is the identity of a batch of changes.
type batch struct{ _ byte }

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

// counting is a batch of changes to the tallies. What changes is copied once: a
// tally, and of its sets those that change.
type counting struct {
	*edit[*tally]
	batch *batch
}

func newCounting(v vector[*tally]) *counting { return &counting{edit: v.edit(), batch: new(batch)} }

// The sets of a tally, as bits of own.
const (
	ownNeeded = 1 << iota
	ownDownloaded
	ownFailed
	ownPending
)

// tally gives the tally of an update for changing.
func (c *counting) tally(update uint32) *tally {
	t := c.at(update)
	if t != nil && t.by == c.batch {
		return t
	}
	n := &tally{}
	if t != nil {
		*n = *t
	}
	n.by, n.own = c.batch, 0
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
	c.replaceSet(computer, before.needed, after.needed, ownNeeded)
	c.replaceSet(computer, before.downloaded, after.downloaded, ownDownloaded)
	c.replaceSet(computer, before.failed, after.failed, ownFailed)
	c.replaceSet(computer, before.pending, after.pending, ownPending)
	old, now := before.installed, after.installed
	if old == nil {
		old = empty
	}
	if now == nil {
		now = empty
	}
	if old == now {
		return
	}
	forEach(roaring.Xor(old, now), func(n uint32) {
		if now.Contains(n) {
			c.tally(n).installed++
		} else {
			c.tally(n).installed--
		}
	})
}

// alter adds a computer to one of the sets of an update's tally, or removes it.
func (c *counting) alter(update, computer uint32, set uint8, add bool) {
	t := c.tally(update)
	b := &t.needed
	switch set {
	case ownDownloaded:
		b = &t.downloaded
	case ownFailed:
		b = &t.failed
	case ownPending:
		b = &t.pending
	}
	switch {
	case *b == nil && !add:
		return
	case *b == nil:
		*b = roaring.New()
	case t.own&set == 0:
		*b = (*b).Clone()
	}
	t.own |= set
	if add {
		(*b).Add(computer)
	} else if (*b).Remove(computer); (*b).IsEmpty() {
		*b = nil
	}
}

func (c *counting) replaceSet(computer uint32, before, after []uint32, set uint8) {
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case j == len(after) || i < len(before) && before[i] < after[j]:
			c.alter(before[i], computer, set, false)
			i++
		case i == len(before) || after[j] < before[i]:
			c.alter(after[j], computer, set, true)
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
