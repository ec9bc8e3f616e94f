package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fettle/model"
	"fettle/store"
)

// The day is counted at the start, now and then while something changes, at
// midnight and at the end; days without a process have no count.
func TestDaysAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Days pass by setting the clock: Badger wakes up twenty times a second, the
		// bubble's time included.
		var ahead atomic.Int64
		clock := func() time.Time { return utc().Add(time.Duration(ahead.Load())) }
		pass := func(d time.Duration) { ahead.Add(int64(d)) }
		s := openStore(t, clock)
		configure(t, s, model.SyncSchedule{}, "debian")
		u := packageOf("aa", "1")
		u.Class = model.ClassSecurity
		if _, err := s.Import(t.Context(), []*model.Update{u}); err != nil {
			t.Fatal(err)
		}
		report := func(needed ...uint32) {
			t.Helper()
			r := store.Report{Computer: model.Computer{ID: "1", Name: "one", Reported: clock()}, Status: &model.Status{Reported: clock(), Evaluated: 1, Needed: needed}}
			if _, err := s.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		security := func(want ...int) {
			t.Helper()
			synctest.Wait()
			got := s.Snapshot().Trend()
			if len(got) != len(want) {
				t.Fatalf("%d days are counted, want %d: %+v", len(got), len(want), got)
			}
			for i, c := range got {
				if c.Security != want[i] {
					t.Errorf("day %d has %d security updates, want %d", i, c.Security, want[i])
				}
			}
		}
		report(1)
		e := New(Options{Store: s, Clock: clock})
		stop := runEngine(t, e)
		security(1)
		report()
		security(1) // not at once: others may check in any moment
		pass(countEvery)
		e.poke()
		security(0)
		report(1)
		stop() // the end counts once more
		security(1)

		seq := s.Snapshot().Seq()
		pass(72 * time.Hour)
		e = New(Options{Store: s, Clock: clock})
		stop = runEngine(t, e)
		security(1, 1)
		if n := s.Snapshot().Seq() - seq; n != 1 {
			t.Errorf("counting a day wrote %d times", n)
		}
		if d := s.Snapshot().Trend(); d[1].Day-d[0].Day != 3 {
			t.Errorf("the days are %+v", d)
		}
		pass(24 * time.Hour) // nothing changes, but the day does
		e.poke()
		security(1, 1, 1)
		stop()

		// A command that runs nothing in the background counts when it ends.
		pass(24 * time.Hour)
		e = New(Options{Store: s, Clock: clock})
		report()
		e.Close()
		security(1, 1, 1, 0)
	})
}
