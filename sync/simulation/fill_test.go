package simulation

import (
	"bytes"
	"slices"
	"testing"

	"fettle/model"
	"fettle/store"
)

// filled gives a store that was filled.
func filled(t testing.TB, o Options) (*store.Store, Summary) {
	t.Helper()
	s, clock := openStore(t)
	o.Clock = clock
	sum, err := Fill(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, sum
}

// verify checks every record, index and count of a store.
func verify(t *testing.T, s *store.Store) {
	t.Helper()
	v, err := s.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range v.Problems {
		t.Error(p)
	}
	if v.Journal.Problem != "" {
		t.Errorf("the journal's entry %d: %s", v.Journal.Broken, v.Journal.Problem)
	}
}

func TestFilledStoreIsClean(t *testing.T) {
	o := Options{Seed: 7, Groups: 30}
	s, sum := filled(t, o)
	verify(t, s)
	o = o.withDefaults()
	snap := s.Snapshot()
	if sum.Updates != o.Updates || sum.Computers != o.Computers || sum.Groups != 30 || sum.Deployments == 0 || sum.Revisions == 0 || sum.Withdrawn == 0 {
		t.Errorf("filled: %+v", sum)
	}
	if !s.Now().Equal(o.Until) {
		t.Errorf("the clock stands at %s", s.Now())
	}
	for _, g := range snap.Groups().Order() {
		split, all := snap.Split(g), 0
		for _, n := range split {
			all += n
		}
		if members := int(snap.Members(g).GetCardinality()); all != members {
			t.Errorf("the four parts of %s make %d of %d", g, all, members)
		}
	}
	kinds := map[model.ChangeKind]int{}
	actors := map[string]bool{}
	var last model.Entry
	entries, err := s.Entries(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		kinds[e.Kind]++
		actors[e.Actor.Who] = true
		if e.Time.Before(last.Time) {
			t.Errorf("entry %d is older than the one before", e.Seq)
		}
		last = e
	}
	for _, k := range []model.ChangeKind{model.ChangeComputers, model.ChangeUpdates, model.ChangeUpstream, model.ChangeGroupAdd, model.ChangeJoin, model.ChangeExclude, model.ChangePolicy, model.ChangeRuleAdd, model.ChangeLicence, model.ChangeApprove, model.ChangeDecline, model.ChangeUndecline} {
		if kinds[k] == 0 {
			t.Errorf("the journal has no entry of kind %s", k)
		}
	}
	if len(actors) < 4 {
		t.Errorf("only %v decided", actors)
	}
	deadlines := map[bool]int{}
	rules := 0
	for _, d := range snap.Deployments() {
		for _, g := range d.Groups {
			if !g.Deadline.IsZero() {
				deadlines[g.Deadline.After(o.Until)]++
			}
		}
		if d.Rule != "" {
			rules++
		}
	}
	if deadlines[true] == 0 || deadlines[false] == 0 || rules == 0 {
		t.Errorf("deadlines ahead and past: %v; deployments by rules: %d", deadlines, rules)
	}
	if i := slices.IndexFunc(snap.Runs(), func(r *model.SyncRun) bool { return r.Result == model.SyncFailed }); i < 0 {
		t.Error("no synchronization ever failed")
	}
}

// TestFillingTwiceGivesTheSame compares two stores of the same seed, each of
// which also lived on for some days.
func TestFillingTwiceGivesTheSame(t *testing.T) {
	o := Options{Seed: 9, Updates: 800, Computers: 50, Span: 60 * day, Ahead: 10 * day, Details: true}
	made := func() *store.Store {
		s, sum := filled(t, o)
		from := sum.Fleet.Options.Until
		if _, err := Live(t.Context(), s, sum.Fleet, from, from.Add(3*day)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := made(), made()
	x, y := a.Snapshot(), b.Snapshot()
	seqA, hashA := x.Journal()
	seqB, hashB := y.Journal()
	if seqA != seqB || !bytes.Equal(hashA, hashB) {
		t.Errorf("the journals differ: %d entries, head %x; %d, %x", seqA, hashA, seqB, hashB)
	}
	if digestOf(t, x.Computers()) != digestOf(t, y.Computers()) || digestOf(t, x.Updates()) != digestOf(t, y.Updates()) || digestOf(t, x.Runs()) != digestOf(t, y.Runs()) {
		t.Error("computers, updates or runs differ")
	}
	for _, c := range x.Computers() {
		if c.Reported.IsZero() {
			continue
		}
		p, errA := a.Status(c.Number)
		q, errB := b.Status(c.Number)
		if errA != nil || errB != nil || digestOf(t, p) != digestOf(t, q) {
			t.Errorf("the status of %s differs (%v, %v)", c.Name, errA, errB)
		}
	}
}

// TestInventoriesSayWhatStatusesSay: what the server computes from an inventory
// is what the computer reported, as long as nothing arrived in between.
func TestInventoriesSayWhatStatusesSay(t *testing.T) {
	s, sum := filled(t, Options{Seed: 11, Microsoft: -1, Updates: 1000, Computers: 60, Span: 60 * day, Details: true})
	compared := 0
	for _, c := range sum.Fleet.Computers {
		st := sum.Fleet.Status(c)
		if st == nil || st.Evaluated != s.Snapshot().LastUpdate() {
			continue
		}
		inv, err := s.Inventory(c.Facts.Number)
		if err != nil {
			t.Fatal(err)
		}
		ev := s.Evaluate(inv)
		want := slices.Sorted(slices.Values(slices.Concat(st.Needed, st.Downloaded, st.Failed, st.Pending)))
		if !slices.Equal(ev.Needed, want) || !slices.Equal(ev.Installed, st.Installed) {
			t.Errorf("%s: computed %d needed and %d installed, reported %d and %d", c.Facts.Name, len(ev.Needed), len(ev.Installed), len(want), len(st.Installed))
		}
		if len(ev.Packages) != len(st.Packages) {
			t.Errorf("%s: computed %d packages, reported %d", c.Facts.Name, len(ev.Packages), len(st.Packages))
		}
		compared++
	}
	if compared == 0 {
		t.Error("no computer reported after the last synchronization")
	}
}

func TestFillRefusesWhatItWouldSpoil(t *testing.T) {
	s, sum := filled(t, Options{Seed: 1, Updates: 60, Computers: 5, Span: 60 * day})
	if _, err := Fill(t.Context(), s, Options{Clock: sum.Fleet.Options.Clock}); err == nil {
		t.Error("a store was filled twice")
	}
	s, _ = openStore(t)
	if _, err := Fill(t.Context(), s, Options{}); err == nil {
		t.Error("a store was filled without its clock")
	}
	if _, err := Fill(t.Context(), s, Options{Clock: &Clock{}}); err == nil {
		t.Error("a store was filled with another clock than its own")
	}
}
