package store

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
)

// TestPropertyAnySequence drives a store through any sequence of events and
// checks all properties after each: .ci/nightly runs it for a million steps,
// with -rapid.checks and -rapid.steps.
func TestPropertyAnySequence(t *testing.T) {
	play(t, func(rt *rapid.T, m *machine) {
		r, snap := m.look(), m.s.Snapshot()
		effectiveEqualsReference(rt, r, snap)
		countsEqualRecount(rt, r, snap)
		declineWins(rt, snap)
		explainAgrees(rt, m, 3)
	}, func(rt *rapid.T, m *machine) {
		explainAgrees(rt, m, 1000)
		v, err := m.s.Verify(context.Background(), nil)
		m.must(rt, err)
		if len(v.Problems) > 0 {
			rt.Fatalf("verifying: %v", v.Problems)
		}
	})
}

// effectiveEqualsReference compares, for each computer and update, the effective
// approval with the pseudo-code of semantics 3.3 over the raw deployments; and
// with it the two other ways in which the store answers the same question.
func effectiveEqualsReference(rt *rapid.T, r *reference, snap *Snapshot) {
	for g := range r.groups {
		want := r.members(g)
		got := snap.Members(g)
		if int(got.GetCardinality()) != len(want) {
			rt.Fatalf("members of %s: %v, should be %v", g, got.ToArray(), want)
		}
		for n := range want {
			if !got.Contains(n) {
				rt.Fatalf("members of %s: %v, should be %v", g, got.ToArray(), want)
			}
		}
	}
	everybody := snap.Members(model.GroupAll)
	wanted := map[[2]uint32]holds{}
	for n := range r.updates {
		for c := range r.computers {
			want := r.effective(c, n)
			wanted[[2]uint32{c, n}] = want
			got := snap.Effective(c, n)
			if got.Action != want.action || got.Group != want.group || !got.Deadline.Equal(want.deadline) || (got.Step == model.StepDeclined) != want.declined ||
				got.Approved() != (want.action == model.ActionInstall && !want.stale) {
				rt.Fatalf("computer %d, update %d: effective is %+v, should be %+v", c, n, got, want)
			}
		}
		seen := uint64(0)
		for _, o := range snap.Outcomes(n, everybody) {
			for it := o.Computers.Iterator(); it.HasNext(); {
				c := it.Next()
				seen++
				want := wanted[[2]uint32{c, n}]
				if o.Action != want.action || o.Group != want.group || !o.Deadline.Equal(want.deadline) || o.Declined != want.declined || o.Approved() != (want.action == model.ActionInstall && !want.stale) {
					rt.Fatalf("computer %d, update %d: the outcome is %+v, should be %+v", c, n, o.Approval, want)
				}
			}
		}
		if seen != everybody.GetCardinality() {
			rt.Fatalf("the outcomes of update %d have %d computers of %d", n, seen, everybody.GetCardinality())
		}
	}
	for c := range r.computers {
		approved := map[uint32]bool{}
		for _, n := range snap.Approved(c) {
			approved[n] = true
		}
		for n := range r.updates {
			if want := wanted[[2]uint32{c, n}]; approved[n] != (want.action == model.ActionInstall && !want.stale) {
				rt.Fatalf("computer %d: update %d approved: %v, should be %+v", c, n, approved[n], want)
			}
		}
	}
}

// countsEqualRecount compares every count with a recount from what computers
// reported, one pair at a time.
func countsEqualRecount(rt *rapid.T, r *reference, snap *Snapshot) {
	for c := range r.computers {
		for n := range r.updates {
			if got, want := snap.State(c, n), r.state(c, n); got != want {
				rt.Fatalf("update %d on computer %d is %v, reported was %v", n, c, got, want)
			}
		}
		if got, want := snap.Totals(c), r.totals(c); got != want {
			rt.Fatalf("totals of computer %d: %+v, recounted %+v", c, got, want)
		}
		if got, want := snap.ComputerState(c), r.place(c); got != want {
			rt.Fatalf("computer %d is %v, should be %v", c, got, want)
		}
	}
	for g := range r.groups {
		var want [4]int
		for c := range r.members(g) {
			want[r.place(c)]++
		}
		split := snap.Split(g)
		if split != want || split[0]+split[1]+split[2]+split[3] != int(snap.Members(g).GetCardinality()) {
			rt.Fatalf("the split of %s is %v, should be %v of %d", g, split, want, snap.Members(g).GetCardinality())
		}
		needed := snap.NeededCounts(g)
		for n := range r.updates {
			want := r.counts(n, g)
			if r.hidden[n] {
				if at(needed, n) != 0 {
					rt.Fatalf("update %d is hidden and needed by %d of %s", n, at(needed, n), g)
				}
			} else if int(at(needed, n)) != want.Needed {
				rt.Fatalf("update %d is needed by %d of %s, recounted %d", n, at(needed, n), g, want.Needed)
			}
			if got := snap.Counts(n, g); !r.hidden[n] && got != want {
				rt.Fatalf("counts of update %d in %s: %+v, recounted %+v", n, g, got, want)
			}
		}
	}
}

func at(list []uint32, n uint32) uint32 {
	if int(n) < len(list) {
		return list[n]
	}
	return 0
}

// declineWins: whatever was approved, by whomever, a declined update is approved
// for nobody, has no status, and is needed by nobody.
func declineWins(rt *rapid.T, snap *Snapshot) {
	for it := snap.declined.Iterator(); it.HasNext(); {
		n := it.Next()
		for _, c := range snap.Computers() {
			e := snap.Effective(c.Number, n)
			if e.Approved() || e.Action != model.ActionNotApproved || e.Step != model.StepDeclined || snap.State(c.Number, n) != model.StateUnknown {
				rt.Fatalf("update %d is declined, and on computer %d %v with %+v", n, c.Number, snap.State(c.Number, n), e)
			}
		}
		if len(snap.NeededOn(n, model.GroupAll)) > 0 {
			rt.Fatalf("update %d is declined, and needed", n)
		}
	}
}

// explainAgrees: what an explanation names as the winner is what holds. Pairs
// are taken in turn, because each explanation reads a record.
func explainAgrees(rt *rapid.T, m *machine, pairs int) {
	snap := m.s.Snapshot()
	computers, last := snap.Computers(), int(snap.LastUpdate())
	for i := range min(pairs, len(computers)*last) {
		k := m.steps*pairs + i
		c, n := computers[k%len(computers)].Number, uint32(1+k/len(computers)%last)
		want, x := snap.Effective(c, n), snap.Explain(c, n, m.now)
		if x.Effective.Approval != want.Approval || x.Effective.Step != want.Step {
			rt.Fatalf("computer %d, update %d: explained %+v, in force %+v", c, n, x.Effective, want)
		}
		winners := 0
		for _, a := range x.Considered {
			if a.Wins {
				winners++
				if a.Approval != want.Approval {
					rt.Fatalf("computer %d, update %d: %+v is said to win, in force is %+v", c, n, a.Approval, want.Approval)
				}
			}
		}
		if wins := want.Step != model.StepNone && want.Step != model.StepDeclined; wins != (winners == 1) || winners > 1 {
			rt.Fatalf("computer %d, update %d: %d winners, in force %+v", c, n, winners, want)
		}
	}
}
