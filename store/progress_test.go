package store

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"fettle/model"
)

// slowProgress is the obvious way: look at every pair.
func slowProgress(s *Snapshot, id uint64, updates, computers *roaring.Bitmap, now time.Time) *Deploying {
	d := s.Deployment(id)
	if d == nil {
		return nil
	}
	out := &Deploying{Deployment: d}
	scope := roaring.New()
	for _, ga := range d.Groups {
		gp := GroupProgress{Group: ga, Name: s.tree.Group(ga.Group).Name}
		if ga.Action == model.ActionInstall {
			m := roaring.And(s.Members(ga.Group), computers)
			for _, u := range d.Updates {
				if updates.Contains(u) {
					p, _ := slowPairs(s, id, u, m, now)
					gp.Pairs.add(p)
				}
			}
			scope.Or(m)
		}
		out.Groups = append(out.Groups, gp)
	}
	for _, u := range d.Updates {
		if !updates.Contains(u) {
			continue
		}
		p, failed := slowPairs(s, id, u, scope, now)
		out.Total.add(p)
		if p.Applicable+p.Overridden+p.Unknown > 0 {
			out.Updates = append(out.Updates, UpdateProgress{Update: u, Pairs: p, Failed: failed})
		}
	}
	return out
}

func slowPairs(s *Snapshot, id uint64, update uint32, scope *roaring.Bitmap, now time.Time) (p Pairs, failed []uint32) {
	for _, c := range scope.ToArray() {
		e := s.computers.at(c)
		held := slowEffective(s, c, update)
		ours := held.Deployment == id && held.Action == model.ActionInstall
		switch st := s.State(c, update); {
		case st == model.StateUnknown:
			p.Unknown++
			switch {
			case s.declined.Contains(update):
				p.Why.Declined++
			case !e.reported:
				p.Why.Never++
			case now.Sub(e.computer.Contacted) > model.StaleAfter:
				p.Why.Stale++
			default:
				p.Why.Newer++
			}
		case st == model.StateNotApplicable:
		case st == model.StateInstalled:
			p.Applicable++
			p.Installed++
		case !ours:
			p.Overridden++
		case st == model.StateFailed:
			p.Applicable++
			p.Failed++
			failed = append(failed, c)
		case st == model.StateInstalledPendingReboot:
			p.Applicable++
			p.Pending++
		default:
			p.Applicable++
			p.Waiting++
		}
	}
	return p, failed
}

// TestProgressEqualsPairByPair compares the progress of deployments with a look
// at every pair, over all that they are for and over parts of it.
func TestProgressEqualsPairByPair(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSnapshot(rt)
		all := roaring.New()
		all.AddRange(0, 100)
		some := func(label string, most uint32) *roaring.Bitmap {
			return roaring.BitmapOf(rapid.SliceOf(rapid.Uint32Range(1, most)).Draw(rt, label)...)
		}
		updates, computers := some("updates in scope", 9), some("computers in scope", 14)
		for _, d := range s.deployments {
			for _, c := range []struct{ got, want *Deploying }{
				{s.Progress(d.ID, testTime), slowProgress(s, d.ID, all, s.managed, testTime)},
				{s.ProgressWithin(d.ID, updates, computers, testTime), slowProgress(s, d.ID, updates, computers, testTime)},
				{s.ProgressWithin(d.ID, nil, computers, testTime), slowProgress(s, d.ID, all, computers, testTime)},
			} {
				if !reflect.DeepEqual(c.got, c.want) {
					rt.Fatalf("deployment %+v:\n%+v\nexpected\n%+v", d, c.got, c.want)
				}
				if c.got == nil {
					continue
				}
				if w := c.got.Total.Why; w.Never+w.Stale+w.Newer+w.Declined != c.got.Total.Unknown {
					rt.Fatalf("the reasons %+v do not add up to %d", w, c.got.Total.Unknown)
				}
			}
		}
		if s.Progress(99, testTime) != nil {
			rt.Fatal("a deployment that does not exist has progress")
		}
	})
}

// The ways of counting what is installed must agree: few updates, a part of the
// catalogue, most of it.
func TestProgressOfManyUpdates(t *testing.T) {
	s := manySnapshot(t, 3000, 40)
	every := func(step uint32) []uint32 {
		var out []uint32
		for u := uint32(1); u <= 3000; u += step {
			out = append(out, u)
		}
		return out
	}
	for i, list := range [][]uint32{{7}, {1, 1500, 3000}, every(60), every(7), every(1)} {
		for j, groups := range [][]model.GroupID{{"g1", "g2"}, {"g1"}, {model.GroupAll}} {
			d := &model.Deployment{ID: uint64(3*i + j + 1), Updates: list}
			for _, g := range groups {
				d.Groups = append(d.Groups, model.GroupAction{Group: g, Action: model.ActionInstall})
			}
			s.deployments = []*model.Deployment{d}
			s.layers = stackAll(s.deployments)
			all := roaring.New()
			all.AddRange(0, 10_000)
			got, want := s.Progress(d.ID, testTime), slowProgress(s, d.ID, all, s.managed, testTime)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%d updates for %v: %+v, expected %+v", len(list), groups, got.Total, want.Total)
			}
			if got.Total.Installed == 0 || got.Total.Waiting+got.Total.Failed == 0 || len(list) > 2 && got.Total.Unknown == 0 {
				t.Errorf("%d updates for %v: the test shows nothing: %+v", len(list), groups, got.Total)
			}
		}
	}
}

// manySnapshot makes a snapshot in memory with two overlapping groups, where
// every computer has or needs a part of the updates.
func manySnapshot(tb testing.TB, updates, computers int) *Snapshot {
	tb.Helper()
	s := &Snapshot{
		derived: &derived{}, loaded: true, declined: roaring.BitmapOf(2, 3), outside: roaring.New(), managed: roaring.New(),
		members: map[model.GroupID]*roaring.Bitmap{"g1": roaring.New(), "g2": roaring.New()}, alarms: map[uint32]*model.RevisionAlarm{},
	}
	var err error
	if s.tree, err = model.NewGroupTree([]model.Group{{ID: model.GroupAll, Policy: model.DefaultPolicy()}, {ID: "g1", Name: "1", Parent: model.GroupAll}, {ID: "g2", Name: "2", Parent: model.GroupAll}}); err != nil {
		tb.Fatal(err)
	}
	rows, entries, counting := vector[*updateEntry]{}.edit(), vector[*computerEntry]{}.edit(), newCounting(s.tallies)
	for u := range updates {
		n := uint32(u + 1)
		rows.set(n, &updateEntry{row: &model.UpdateRow{Number: n, ID: model.UpdateID(fmt.Sprint(n)), Title: fmt.Sprint("update ", n)}})
	}
	for c := range computers {
		n := uint32(c + 1)
		st := &model.Status{Evaluated: uint32(updates - c*updates/computers/2)}
		for u := uint32(1); u <= st.Evaluated; u++ {
			switch (u*7 + n) % 16 {
			case 0, 1, 2, 3:
				st.Installed = append(st.Installed, u)
			case 4:
				st.Needed = append(st.Needed, u)
			case 5:
				st.Failed = append(st.Failed, u)
			}
		}
		e := &computerEntry{computer: &model.Computer{Number: n, Name: fmt.Sprint("c", n), Contacted: testTime}}
		e.take(st)
		entries.set(n, e)
		counting.replace(n, nil, e)
		s.managed.Add(n)
		if n%2 == 0 {
			s.members["g1"].Add(n)
		}
		if n%3 == 0 {
			s.members["g2"].Add(n)
		}
	}
	s.rows, s.computers, s.tallies = rows.vector, entries.vector, counting.vector
	s.members[model.GroupAll] = s.managed
	s.hide()
	return s
}

func TestPercentOfNothing(t *testing.T) {
	if p, ok := (Pairs{}).Percent(); ok || p >= 100 {
		t.Errorf("nothing applies, and %v %% of it is installed", p)
	}
	if p, ok := (Pairs{Applicable: 4, Installed: 1, Unknown: 5}).Percent(); !ok || p != 25 {
		t.Errorf("%v, %v", p, ok)
	}
}

// BenchmarkProgress measures a deployment of everything to many groups.
func BenchmarkProgress(b *testing.B) {
	s := manySnapshot(b, 5000, 1000)
	all := make([]uint32, 5000)
	for i := range all {
		all[i] = uint32(i + 1)
	}
	for i, list := range [][]uint32{all[:1], all[:100], all} {
		s.deployments = append(s.deployments, &model.Deployment{ID: uint64(i + 1), Updates: slices.Clone(list),
			Groups: []model.GroupAction{{Group: "g1", Action: model.ActionInstall}, {Group: "g2", Action: model.ActionInstall}}})
	}
	s.layers = stackAll(s.deployments)
	for _, d := range s.deployments {
		b.Run(fmt.Sprintf("updates=%d", len(d.Updates)), func(b *testing.B) {
			for b.Loop() {
				s.Progress(d.ID, testTime)
			}
		})
	}
}
