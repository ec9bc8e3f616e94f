package store

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
)

// said records a report of one computer and gives its number.
func said(t testing.TB, s *Store, name string, at time.Time, st model.Status) uint32 {
	t.Helper()
	st.Reported, st.Evaluated = at, s.Snapshot().LastUpdate()
	return must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: model.ComputerID(name), Name: name, Contacted: at, Reported: at}, Status: &st}))(t)
}

// A history says what each report changed, whether or not it is on the disk yet.
func TestPastReportsSayWhatChanged(t *testing.T) {
	dir := t.TempDir()
	s := openHere(t, dir)
	defer func() { s.Close() }()
	again := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openHere(t, dir)
	}
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1"), debian("c", "1"), debian("d", "1")}))(t)
	at := func(h int) time.Time { return testTime.Add(time.Duration(h) * time.Hour) }
	n := said(t, s, "web1", at(0), model.Status{Needed: []uint32{1, 2}, Installed: []uint32{3}})
	said(t, s, "web1", at(1), model.Status{Needed: []uint32{1, 2}, Installed: []uint32{3}})
	said(t, s, "web1", at(2), model.Status{Downloaded: []uint32{4}, Failed: []uint32{2}, Installed: []uint32{1, 3}})
	check := func(when string) {
		t.Helper()
		got := must1(s.PastReports(n))(t)
		if len(got) != 3 || !got[2].First || len(got[2].Changes) != 0 || got[2].Needed != 2 || len(got[1].Changes) != 0 || !got[1].Time.Equal(at(1)) {
			t.Fatalf("%s: %+v", when, got)
		}
		want := []model.PastChange{{To: model.StateFailed, Count: 1, Updates: []uint32{2}}, {To: model.StateNotInstalled, Count: 1, Updates: []uint32{4}}, {To: model.StateInstalled, Count: 1, Updates: []uint32{1}}}
		if !slices.EqualFunc(got[0].Changes, want, func(a, b model.PastChange) bool {
			return a.To == b.To && a.Count == b.Count && slices.Equal(a.Updates, b.Updates)
		}) {
			t.Errorf("%s: the last report changed %+v, expected %+v", when, got[0].Changes, want)
		}
	}
	check("at once")
	// An event between two reports is none, a failed detection is one.
	c := *s.Snapshot().Computer(n)
	must1(s.Record(t.Context(), Report{Computer: c}))(t)
	check("after an event")
	if err := s.writeAllPast(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.past.len() != 0 {
		t.Error("something still waits to be written")
	}
	check("from the disk")
	again()
	check("opened again")
	c.Scan = model.ScanResult{Time: at(3), Error: "dpkg is locked"}
	must1(s.Record(t.Context(), Report{Computer: c}))(t)
	must1(s.Record(t.Context(), Report{Computer: c}))(t)
	if got := must1(s.PastReports(n))(t); len(got) != 4 || got[0].Error != "dpkg is locked" || got[0].Failed != 1 {
		t.Errorf("a failed detection: %+v", got)
	}
	// What the server computes of an inventory is told apart, and only when it
	// differs.
	st := *must1(s.Status(n))(t)
	st.Computed = at(4)
	if err := s.RecordStatus(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	st.Needed, st.Downloaded, st.Computed = []uint32{4}, nil, at(5)
	if err := s.RecordStatus(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	st.Needed, st.Computed = nil, at(6)
	if err := s.RecordStatus(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if got := must1(s.PastReports(n))(t); len(got) != 5 || !got[0].Computed || got[0].Became(model.StateNotApplicable) != 1 {
		t.Errorf("re-evaluated: %+v", got)
	}

	// It is part of a backup, checked, and goes with the computer.
	var b bytes.Buffer
	if err := s.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: t.TempDir(), Clock: s.options.Clock}
	if err := Restore(t.Context(), &b, o, admin); err != nil {
		t.Fatal(err)
	}
	r := must1(Open(o))(t)
	defer r.Close()
	if got := must1(r.PastReports(n))(t); len(got) != 5 {
		t.Errorf("restored: %+v", got)
	}
	if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
		t.Error(v.Problems)
	}
	said(t, s, "web1", at(7), model.Status{})
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRemove, Computers: []uint32{n}}, admin))(t)
	again()
	if got, err := s.PastReports(n); err != nil || len(got) != 0 {
		t.Errorf("of a removed computer: %+v, %v", got, err)
	}
	if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
		t.Error(v.Problems)
	}
}

// A history is bounded, in reports and in what each names.
func TestPastReportsAreBounded(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	var updates []*model.Update
	var all []uint32
	for i := range 300 {
		updates = append(updates, debian(fmt.Sprintf("p%03d", i), "1"))
		all = append(all, uint32(i+1))
	}
	must1(s.Import(t.Context(), updates))(t)
	var n uint32
	for i := range model.PastReports + 5 {
		st := model.Status{}
		if i%2 == 1 {
			st.Needed = all
		}
		n = said(t, s, "web1", testTime.Add(time.Duration(i)*time.Hour), st)
		if i%20 == 0 {
			if err := s.writeAllPast(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := must1(s.PastReports(n))(t)
	if len(got) != model.PastReports || got[0].Time.Before(got[1].Time) {
		t.Fatalf("%d reports are kept", len(got))
	}
	for _, p := range got {
		for _, c := range p.Changes {
			if c.Count != 300 || len(c.Updates) != model.PastReportUpdates {
				t.Fatalf("a difference of %d names %d", c.Count, len(c.Updates))
			}
		}
	}
}

// The differences of a history, applied one after the other, lead to the status
// that the computer reported last.
func TestPropertyPastReportsAddUp(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	var updates []*model.Update
	for i := range 12 {
		updates = append(updates, debian(fmt.Sprintf("p%02d", i), "1"))
	}
	must1(s.Import(t.Context(), updates))(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		states := map[uint32]model.InstallationState{}
		name := fmt.Sprintf("c%d", run)
		var n uint32
		told := map[uint32]model.InstallationState{}
		for i := range rapid.IntRange(1, 6).Draw(rt, "reports") {
			st := model.Status{}
			for u := uint32(1); u <= 12; u++ {
				state := rapid.SampledFrom([]model.InstallationState{model.StateNotApplicable, model.StateNotInstalled, model.StateFailed, model.StateInstalledPendingReboot, model.StateInstalled}).Draw(rt, "state")
				states[u] = state
				switch state {
				case model.StateNotInstalled:
					st.Needed = append(st.Needed, u)
				case model.StateFailed:
					st.Failed = append(st.Failed, u)
				case model.StateInstalledPendingReboot:
					st.Pending = append(st.Pending, u)
				case model.StateInstalled:
					st.Installed = append(st.Installed, u)
				}
			}
			n = said(t, s, name, testTime.Add(time.Duration(i)*time.Hour), st)
			if i == 0 {
				for u, v := range states {
					told[u] = v
				}
				continue
			}
			last, err := s.PastReports(n)
			if err != nil {
				rt.Fatal(err)
			}
			for _, c := range last[0].Changes {
				for _, u := range c.Updates {
					told[u] = c.To
				}
			}
			for u, v := range states {
				// An installed update that is not applicable any more never was
				// needed: that is not told.
				if told[u] != v && !(told[u] == model.StateInstalled && v == model.StateNotApplicable) {
					rt.Fatalf("after report %d update %d is told to be %s, and is %s", i, u, told[u], v)
				}
				told[u] = v
			}
		}
	})
}
