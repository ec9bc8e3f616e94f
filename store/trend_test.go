package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
	"pgregory.net/rapid"

	"fettle/model"
	"fettle/model/query"
)

// trendSite has 12 updates, every third of them a security update, and some
// computers without a status.
func trendSite(t testing.TB, computers int) *Store {
	s := newTest(t)
	ready(t, s)
	var updates []*model.Update
	for i := range 12 {
		u := debian(fmt.Sprintf("package%d", i), "1")
		if i%3 == 0 {
			u.Class = model.ClassSecurity
		}
		updates = append(updates, u)
	}
	must1(s.Import(t.Context(), updates))(t)
	for i := range computers {
		must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: model.ComputerID(fmt.Sprint(i)), Name: fmt.Sprint(i)}}))(t)
	}
	return s
}

// The counts of a day are what the same questions answer as queries, whatever
// was reported, approved and declined.
func TestCountDayEqualsQueries(t *testing.T) {
	s := trendSite(t, 5)
	rapid.Check(t, func(rt *rapid.T) {
		for i := range 5 {
			st := &model.Status{Reported: testTime, Evaluated: 12}
			for u := range uint32(12) {
				switch rapid.IntRange(0, 6).Draw(rt, "state") {
				case 0:
					st.Needed = append(st.Needed, u+1)
				case 1:
					st.Failed = append(st.Failed, u+1)
				case 2:
					st.Pending = append(st.Pending, u+1)
				case 3:
					st.Downloaded = append(st.Downloaded, u+1)
				}
			}
			must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: model.ComputerID(fmt.Sprint(i)), Name: fmt.Sprint(i), Reported: testTime}, Status: st}))(t)
		}
		u := uint32(rapid.IntRange(1, 12).Draw(rt, "update"))
		if s.Snapshot().declined.Contains(u) {
			must1(s.Make(t.Context(), model.Change{Kind: model.ChangeReinstate, Updates: []uint32{u}}, admin))(t)
		} else if rapid.Bool().Draw(rt, "decline") {
			must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{u}}, admin))(t)
		} else {
			must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{u}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}, admin))(t)
		}
		snap := s.Snapshot()
		c := snap.CountDay(testTime)
		rows := func(q string) []*model.UpdateRow {
			parsed, err := query.ParseUpdates(q)
			if err != nil {
				rt.Fatal(err)
			}
			return must1(parsed.Filter(t.Context(), snap, snap.Updates(), testTime))(t)
		}
		want := model.DayCount{Day: model.DayOf(testTime), Managed: 5, Known: 5 - snap.Split(model.GroupAll)[model.ComputerNoStatus]}
		want.Needed, want.Failed = len(rows("needed:>0")), len(rows("failed:>0"))
		want.Undecided = len(rows("approved:none (needed:>0 or failed:>0)"))
		security := rows("class:security (needed:>0 or failed:>0)")
		want.Security = len(security)
		on := roaring.New()
		for _, r := range security {
			numbers := snap.NeededOn(r.Number, model.GroupAll)
			want.SecurityPairs += len(numbers)
			on.AddMany(numbers)
		}
		want.SecurityComputers = int(on.GetCardinality())
		if c != want {
			rt.Fatalf("counted %+v, queries say %+v", c, want)
		}
	})
}

// One record a day, the last one of the day; days without a process are no days;
// nothing is written when nothing changed; a restart, a check and a backup know
// the records; and they are not in the journal.
func TestTrendIsKept(t *testing.T) {
	s := trendSite(t, 2)
	need := func(numbers ...uint32) {
		must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: "0", Name: "0", Reported: testTime}, Status: &model.Status{Reported: testTime, Evaluated: 12, Needed: numbers}}))(t)
	}
	day := func(n int) time.Time { return testTime.AddDate(0, 0, n) }
	record := func(at time.Time) {
		if err := s.RecordDay(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	entries, _ := s.Snapshot().Journal()
	need(1, 4, 5)
	record(day(0))
	need(1)
	record(day(0).Add(2 * time.Hour))
	seq := s.Snapshot().Seq()
	record(day(0).Add(3 * time.Hour))
	if s.Snapshot().Seq() != seq {
		t.Error("an unchanged count was written")
	}
	record(day(3)) // unchanged too, but another day
	got := s.Snapshot().Trend()
	if len(got) != 2 || got[0].Security != 1 || got[0].Needed != 1 || got[0].Managed != 2 || got[0].Known != 1 || got[1].Day-got[0].Day != 3 || !got[0].Date().Equal(testTime.Truncate(24*time.Hour)) {
		t.Errorf("the trend is %+v", got)
	}
	if n, _ := s.Snapshot().Journal(); n != entries {
		t.Error("a count is in the journal")
	}
	verified(t, s)

	var backup bytes.Buffer
	if err := s.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if err := Restore(t.Context(), &backup, Options{Dir: dir, Clock: func() time.Time { return testTime }}, admin); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, dir)
	defer again.Close()
	if !slices.Equal(again.Snapshot().Trend(), got) {
		t.Errorf("restored, the trend is %+v", again.Snapshot().Trend())
	}

	if err := s.db.Update(func(txn *badger.Txn) error { return put(txn, keyDay(got[0].Day), model.DayCount{Day: 7}) }); err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(t.Context(), nil)
	if err != nil || len(v.Problems) != 2 {
		t.Errorf("a changed count is not found: %v, %v", v.Problems, err)
	}
}

// The trend does not grow without end, and a clock that was wrong for a day does
// not drop the rest.
func TestTrendIsBounded(t *testing.T) {
	s := trendSite(t, 1)
	for n := range keptDays + 3 {
		if err := s.RecordDay(t.Context(), testTime.AddDate(0, 0, n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RecordDay(t.Context(), testTime.AddDate(20, 0, 0)); err != nil {
		t.Fatal(err)
	}
	got := s.Snapshot().Trend()
	if len(got) != keptDays || got[0].Day != model.DayOf(testTime)+4 {
		t.Errorf("%d days are kept, the first is %s", len(got), got[0].Date())
	}
	verified(t, s)
}

// Nothing is told of a site without computers.
func TestTrendBeginsWithComputers(t *testing.T) {
	s := trendSite(t, 0)
	if err := s.RecordDay(t.Context(), testTime); err != nil || len(s.Snapshot().Trend()) != 0 {
		t.Errorf("recorded %+v, %v", s.Snapshot().Trend(), err)
	}
}

// A day is one of the zone that the time is in.
func TestDays(t *testing.T) {
	at := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
	if d := model.DayOf(at.In(time.FixedZone("", 3600))) - model.DayOf(at); d != 1 {
		t.Errorf("the day differs by %d", d)
	}
}
