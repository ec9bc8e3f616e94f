package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"fettle/model"
)

// obviousAgenda decides for each pair of a computer and an update by itself.
func obviousAgenda(s *Snapshot, from, to time.Time) *model.Agenda {
	a := model.NewAgenda(from, to)
	for it := s.managed.Iterator(); it.HasNext(); {
		n := it.Next()
		c, e := s.Computer(n), s.computers.at(n)
		w := model.AgendaWork{Zone: from.Location(), Windows: c.Platform == model.PlatformWindows, Silent: from.Sub(c.Contacted) > model.StaleAfter,
			Blocked: c.Platform == model.PlatformWindows && len(c.Pending) > 0, Computers: []uint32{n}}
		if z, err := time.LoadLocation(c.Zone); err == nil && c.Zone != "" {
			w.Zone = z
		}
		w.Policy, w.Origin = s.EffectivePolicy(n)
		if c.Policy.Mode != model.ModeUnset {
			w.Policy = c.Policy
		}
		if len(e.pending)+len(c.Pending) > 0 {
			w.Updates = e.pending
			a.AddPending(w)
		}
		for u := uint32(1); u <= s.LastUpdate(); u++ {
			r := s.Row(u)
			st, eff := s.State(n, u), s.Effective(n, u)
			if st != model.StateNotInstalled && st != model.StateDownloaded && st != model.StateFailed || !eff.Approved() || s.hidden(u) || r.Flags&(model.FlagWithdrawn|model.FlagExpired) != 0 {
				continue
			}
			x := w
			x.Group, x.Deadline, x.Updates, x.Installations = eff.Group, eff.Deadline, []uint32{u}, 1
			if r.Has(model.FlagMayRestart) {
				x.Restarting, x.Restarts = x.Updates, x.Computers
			}
			a.Add(x)
		}
	}
	a.Finish(s.tree.Order())
	return a
}

// The agenda is that of a slow obvious implementation, which calls Decide for
// each pair.
func TestAgendaEqualsTheObvious(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSnapshot(rt)
		rows := s.rows.edit()
		for n, e := range s.rows.all {
			if e == nil {
				continue
			}
			e, row := *e, *e.row
			if rapid.IntRange(0, 9).Draw(rt, "withdrawn") == 0 {
				row.Flags |= model.FlagWithdrawn
			}
			e.row = &row
			rows.set(n, &e)
		}
		s.rows = rows.vector
		computers := s.computers.edit()
		for n, e := range s.computers.all {
			if e == nil {
				continue
			}
			e, c := *e, *e.computer
			c.Platform = model.Platform(rapid.IntRange(0, 2).Draw(rt, "platform"))
			c.Zone = rapid.SampledFrom([]string{"", "Asia/Tokyo", "Nowhere/AtAll"}).Draw(rt, "zone")
			if rapid.IntRange(0, 3).Draw(rt, "pending") == 0 {
				c.Pending = []string{"libc6"}
			}
			if rapid.IntRange(0, 3).Draw(rt, "own policy") == 0 {
				c.Policy = model.Policy{Mode: model.ModeScheduled, Install: &model.WeekTime{Day: rapid.IntRange(-1, 6).Draw(rt, "day"), Minute: 90}, Restart: model.RestartAt, RestartAt: &model.WeekTime{Day: model.EveryDay, Minute: 120}}
			}
			e.computer = &c
			computers.set(n, &e)
		}
		s.computers = computers.vector
		to := testTime.AddDate(0, 0, 5)
		got, want := s.Agenda(testTime, to), obviousAgenda(s, testTime, to)
		for _, p := range []struct {
			what      string
			got, want any
		}{{"entries", got.Entries, want.Entries}, {"overdue", got.Overdue, want.Overdue}, {"waiting", got.Waiting, want.Waiting}} {
			if fmt.Sprintf("%+v", p.got) != fmt.Sprintf("%+v", p.want) {
				rt.Fatalf("%s\n%+v\nthe obvious implementation\n%+v", p.what, p.got, p.want)
			}
		}
	})
}

// fleet makes a snapshot in memory: computers in 40 groups of two levels, each
// with 60 needed updates, and 300 deployments, some with deadlines.
func fleet(t testing.TB, computers, updates int) *Snapshot {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	s := &Snapshot{
		derived: &derived{}, loaded: true, declined: roaring.New(), outside: roaring.New(), managed: roaring.New(),
		members: map[model.GroupID]*roaring.Bitmap{}, matched: map[model.GroupID]*roaring.Bitmap{}, layers: map[model.GroupID][]layer{},
	}
	groups := model.PredefinedGroups()
	for i := range 40 {
		g := model.Group{ID: model.GroupID(fmt.Sprintf("g%d", i)), Name: fmt.Sprintf("Group %02d", i), Parent: model.GroupAll}
		if i >= 10 {
			g.Parent = model.GroupID(fmt.Sprintf("g%d", i%10))
		}
		if i%5 == 0 {
			g.Policy = model.Policy{Mode: model.Mode(1 + i/5%4), Install: &model.WeekTime{Day: i % 7, Minute: i}}
		}
		groups = append(groups, g)
	}
	rows := vector[*updateEntry]{}.edit()
	for n := 1; n <= updates; n++ {
		r := &model.UpdateRow{Number: uint32(n), ID: model.UpdateID(fmt.Sprint(n)), Title: fmt.Sprint("Update ", n)}
		if n%7 == 0 {
			r.Flags |= model.FlagMayRestart
		}
		rows.set(uint32(n), &updateEntry{row: r})
	}
	s.rows = rows.vector
	entries, counts := vector[*computerEntry]{}.edit(), newCounting(s.tallies)
	zones := []string{"", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"}
	for n := 1; n <= computers; n++ {
		c := &model.Computer{Number: uint32(n), Name: fmt.Sprint("c", n), Platform: model.Platform(1 + n%2), Zone: zones[n%len(zones)], Contacted: testTime}
		set := map[uint32]bool{}
		for len(set) < min(60, updates) {
			set[1+uint32(rnd.IntN(updates))] = true
		}
		var needed []uint32
		for u := range set {
			needed = append(needed, u)
		}
		slices.Sort(needed)
		e := &computerEntry{computer: c}
		e.take(&model.Status{Evaluated: uint32(updates), Needed: needed})
		entries.set(uint32(n), e)
		counts.replace(uint32(n), nil, e)
		s.managed.Add(uint32(n))
		g := &groups[6+rnd.IntN(40)]
		g.Members = append(g.Members, uint32(n))
	}
	s.computers, s.tallies = entries.vector, counts.vector
	var err error
	if s.tree, err = model.NewGroupTree(groups); err != nil {
		t.Fatal(err)
	}
	s.recomputeMembers()
	for i := range 300 {
		d := &model.Deployment{ID: uint64(i + 1), Time: testTime}
		first, size := rnd.IntN(updates), updates/100
		if i == 0 {
			first, size = 0, updates
		}
		for u := first; u < min(first+size, updates); u++ {
			d.Updates = append(d.Updates, uint32(u+1))
		}
		g := model.GroupAction{Group: groups[6+rnd.IntN(40)].ID, Action: model.Action(1 + rnd.IntN(3))}
		if i == 0 {
			g = model.GroupAction{Group: model.GroupAll, Action: model.ActionInstall}
		}
		if i%3 == 0 {
			g.Deadline = testTime.Add(time.Duration(rnd.IntN(200)-20) * time.Hour)
		}
		d.Groups = []model.GroupAction{g}
		s.deployments = append(s.deployments, d)
		stack(s.layers, d)
	}
	s.hide()
	return s
}

// TestAgendaOfAFleet compares with the obvious implementation where many groups,
// deployments and zones meet.
func TestAgendaOfAFleet(t *testing.T) {
	s := fleet(t, 60, 400)
	to := testTime.AddDate(0, 0, 14)
	got, want := s.Agenda(testTime, to), obviousAgenda(s, testTime, to)
	if fmt.Sprintf("%+v", got.Entries) != fmt.Sprintf("%+v", want.Entries) || fmt.Sprintf("%+v", got.Waiting) != fmt.Sprintf("%+v", want.Waiting) || len(got.Entries) < 20 {
		t.Errorf("%d entries\n%+v\nthe obvious implementation has %d\n%+v", len(got.Entries), got.Entries, len(want.Entries), want.Entries)
	}
}

func BenchmarkAgenda(b *testing.B) {
	s := fleet(b, 10_000, 100_000)
	to := testTime.AddDate(0, 0, 14)
	for b.Loop() {
		s.Agenda(testTime, to)
	}
}
