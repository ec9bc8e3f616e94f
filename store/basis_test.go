package store

import (
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
)

// slowBasis is the obvious way: every computer of the group with every update.
func slowBasis(s *Snapshot, group model.GroupID) (split [4]int, approved map[uint32]bool, silent map[uint32]bool) {
	approved, silent = map[uint32]bool{}, map[uint32]bool{}
	for it := s.Members(group).Iterator(); it.HasNext(); {
		c := it.Next()
		var t model.UpdateTotals
		for n := uint32(1); n <= s.LastUpdate(); n++ {
			if s.hidden(n) || !slowEffective(s, c, n).Approved() {
				continue
			}
			approved[n] = true
			switch s.State(c, n) {
			case model.StateUnknown:
				t.Unknown++
			case model.StateFailed:
				t.Failed++
			case model.StateNotInstalled, model.StateDownloaded, model.StateInstalledPendingReboot:
				t.Needed++
			}
		}
		st := t.State(s.computers.at(c).reported)
		if split[st]++; st == model.ComputerNoStatus {
			silent[c] = true
		}
	}
	return split, approved, silent
}

// TestBasisEqualsPairByPair compares the split over approved updates with a look
// at every pair, group by group and for all groups at once.
func TestBasisEqualsPairByPair(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSnapshot(rt)
		all := s.Bases()
		for _, g := range s.tree.Order() {
			split, approved, silent := slowBasis(s, g)
			got, updates := s.SplitApproved(g)
			b := all[g]
			if got != split || updates != len(approved) || b.Split != split || b.Updates != updates {
				rt.Fatalf("%s: %v over %d updates, with all groups %+v; expected %v over %d", g, got, updates, b, split, len(approved))
			}
			if sum := got[0] + got[1] + got[2] + got[3]; sum != int(s.Members(g).GetCardinality()) {
				rt.Fatalf("%s: %v adds up to %d, not to the %d members", g, got, sum, s.Members(g).GetCardinality())
			}
			if b.NoStatus == nil && len(silent) > 0 || b.NoStatus != nil && int(b.NoStatus.GetCardinality()) != len(silent) {
				rt.Fatalf("%s: without status are %v, expected %v", g, b.NoStatus, silent)
			}
			for n := range silent {
				if !b.NoStatus.Contains(n) {
					rt.Fatalf("%s: without status are %v, expected %v", g, b.NoStatus, silent)
				}
			}
		}
		if len(all) != len(s.tree.Order()) {
			rt.Fatalf("%d groups of %d have a basis", len(all), len(s.tree.Order()))
		}
	})
}

// The basis is asked of any group, and of none that was removed meanwhile.
func TestBasisOfNoGroup(t *testing.T) {
	s := openTest(t, t.TempDir())
	ready(t, s)
	if split, approved := s.Snapshot().SplitApproved("gone"); split != [4]int{} || approved != 0 {
		t.Errorf("a group that does not exist has %v over %d updates", split, approved)
	}
	if split, approved := s.Snapshot().SplitApproved(model.GroupAll); split != [4]int{} || approved != 0 {
		t.Errorf("an empty store has %v over %d updates", split, approved)
	}
}
