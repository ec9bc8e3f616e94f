package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
	"fettle/model/query"
)

// noticesOf gives the notices of a snapshot by kind, after it has held each to
// what its query shows.
func noticesOf(t interface {
	Helper()
	Fatalf(string, ...any)
}, s *Store, now time.Time) map[string]model.Notice {
	t.Helper()
	snap := s.Snapshot()
	out := map[string]model.Notice{}
	last := model.NoticeSetup
	for _, n := range snap.Notices(now) {
		if n.Level > last {
			t.Fatalf("%s stands below %s", n.Level, last)
		}
		last = n.Level
		if _, twice := out[n.Kind+n.Of]; twice {
			t.Fatalf("two notices of kind %s%s", n.Kind, n.Of)
		}
		out[n.Kind+n.Of] = n
		shown := 0
		switch n.View {
		case "updates":
			q, err := query.ParseUpdates(n.Filter)
			if err != nil {
				t.Fatalf("%s: %v", n.Kind, err)
			}
			rows, err := q.Filter(context.Background(), snap, snap.Updates(), now)
			if err != nil {
				t.Fatalf("%s: %v", n.Kind, err)
			}
			shown = len(rows)
		case "computers":
			q, err := query.ParseComputers(n.Filter)
			if err != nil {
				t.Fatalf("%s: %v", n.Kind, err)
			}
			rows, err := q.Filter(context.Background(), snap, snap.Computers(), now)
			if err != nil {
				t.Fatalf("%s: %v", n.Kind, err)
			}
			shown = len(rows)
		}
		if shown != n.Rows && n.Kind != "no-computer" {
			t.Fatalf("%s says %q, and its query %s %q shows %d", n.Kind, n.Text, n.View, n.Filter, shown)
		}
	}
	return out
}

// What a notice counts is what its query shows, whatever was reported, approved
// and declined, and whoever waits to be managed.
func TestNoticesCountWhatTheyLeadTo(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	var updates []*model.Update
	for i := range 10 {
		u := debian(fmt.Sprintf("package%d", i/2), fmt.Sprint(i%2+1))
		if i < 6 {
			u.Class = model.ClassSecurity
		}
		updates = append(updates, u)
	}
	must1(s.Import(t.Context(), updates))(t)
	seen := map[string]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(of int) bool { return rapid.IntRange(0, of).Draw(rt, "choice") == 0 }
		for i := range 4 {
			at := testTime.AddDate(0, 0, -rapid.IntRange(0, 60).Draw(rt, "age"))
			c := model.Computer{ID: model.ComputerID(fmt.Sprint(i)), Name: fmt.Sprint("c", i), Contacted: at, Admission: model.Managed}
			if i == 3 {
				c.Admission = model.Waiting
			}
			if pick(2) {
				c.Scan.Error = "apt is broken"
			}
			if pick(2) {
				c.Policy.Mode = model.ModeDisabled
			}
			if pick(2) {
				c.Pending = []string{"linux"}
			}
			if pick(2) {
				c.Foreign = []string{"vim"}
			}
			r := Report{Computer: c}
			if i != 2 && !pick(4) {
				st := &model.Status{Reported: at, Evaluated: 10}
				for u := range uint32(10) {
					switch rapid.IntRange(0, 5).Draw(rt, "state") {
					case 0:
						st.Needed = append(st.Needed, u+1)
					case 1:
						st.Failed = append(st.Failed, u+1)
					}
				}
				r.Computer.Reported, r.Status = at, st
			}
			must1(s.Record(t.Context(), r))(t)
		}
		u := uint32(rapid.IntRange(1, 10).Draw(rt, "update"))
		switch rapid.IntRange(0, 3).Draw(rt, "change") {
		case 0:
			ga := model.GroupAction{Group: model.GroupAll, Action: model.ActionInstall}
			if pick(1) {
				ga.Deadline = testTime.AddDate(0, 0, rapid.IntRange(-5, 5).Draw(rt, "deadline"))
			}
			_, _ = s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{u}, Groups: []model.GroupAction{ga}}, admin)
		case 1:
			_, _ = s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{u}}, admin)
		case 2:
			_, _ = s.Make(t.Context(), model.Change{Kind: model.ChangeReinstate, Updates: []uint32{u}}, admin)
		}
		for kind := range noticesOf(rt, s, testTime) {
			seen[kind] = true
		}
	})
	for _, kind := range []string{"failed", "scan-failed", "stale", "never-reported", "disabled", "restart", "foreign", "security", "overdue", "waiting"} {
		if !seen[kind] && !testing.Short() { // few draws meet few kinds
			t.Errorf("no draw led to the notice %s", kind)
		}
	}
}

// Failures lead to whichever are fewer.
func TestFailuresLeadToTheFewer(t *testing.T) {
	s := trendSite(t, 4)
	fail := func(id int, numbers ...uint32) {
		must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: model.ComputerID(fmt.Sprint(id)), Name: fmt.Sprint(id), Reported: testTime}, Status: &model.Status{Reported: testTime, Evaluated: 12, Failed: numbers}}))(t)
	}
	fail(0, 2, 3, 4)
	if n := noticesOf(t, s, testTime)["failed"]; n.View != "computers" || n.Text != "3 updates failed on 1 computer." {
		t.Errorf("the notice is %+v", n)
	}
	fail(0, 2)
	fail(1, 2)
	if n := noticesOf(t, s, testTime)["failed"]; n.View != "updates" || n.Text != "1 update failed on 2 computers." {
		t.Errorf("the notice is %+v", n)
	}
}

// Clutter is told of when it is more than a person looks through, and what is
// superseded by the thousand is a warning.
func TestClutter(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	add := func(from, to int) {
		var list []*model.Update
		for i := from; i < to; i++ {
			list = append(list, debian(fmt.Sprintf("package%d", i), "1"), debian(fmt.Sprintf("package%d", i), "2"))
		}
		must1(s.Import(t.Context(), list))(t)
	}
	kinds := func() (out []string) {
		for k, n := range noticesOf(t, s, testTime) {
			if n.View == "cleanup" {
				out = append(out, k+" "+n.Level.String())
			}
		}
		return out
	}
	add(0, clutterLimit-1)
	if k := kinds(); len(k) != 0 {
		t.Errorf("%d are clutter: %v", clutterLimit-1, k)
	}
	add(clutterLimit-1, clutterLimit)
	if k := kinds(); !slices.Equal(k, []string{"clutter info"}) {
		t.Errorf("%d: %v", clutterLimit, k)
	}
	add(clutterLimit, supersededLimit+1)
	if k := kinds(); !slices.Equal(k, []string{"superseded warn"}) {
		t.Errorf("%d: %v", supersededLimit+1, k)
	}
}

// Disks are asked at most once a minute, and a full one is an error. A content
// directory on the store's own disk is not told of twice.
func TestSpaceNotices(t *testing.T) {
	free, asked := map[string]uint64{}, 0
	dir := t.TempDir()
	free[dir] = 100 << 30
	s, err := Open(Options{Dir: dir, Clock: func() time.Time { return testTime }, Free: func(d string) (uint64, error) {
		asked++
		if n, ok := free[d]; ok {
			return n, nil
		}
		return 0, errors.New("there is no such directory")
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready(t, s)
	content := "/srv/content-of-another-disk"
	settings := s.Snapshot().Settings()
	settings.ContentDir = content
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeSettings, Settings: &settings}, admin))(t)
	at := func(minutes int) map[string]model.Notice {
		return noticesOf(t, s, testTime.Add(time.Duration(minutes)*time.Minute))
	}
	has := func(got map[string]model.Notice, kind string, level model.NoticeLevel, words string) {
		t.Helper()
		if n, ok := got[kind]; !ok || n.Level != level || !strings.Contains(n.Text, words) {
			t.Errorf("%s is %+v", kind, n)
		}
	}
	none := func(got map[string]model.Notice, kinds ...string) {
		t.Helper()
		for _, k := range kinds {
			if n, ok := got[k]; ok {
				t.Errorf("there is %+v", n)
			}
		}
	}
	none(at(0), "space", "content-space")
	free[dir] = 900 << 20
	before := asked
	none(at(0), "space")   // not asked again yet
	if asked != before+1 { // the content directory is not there, which is not remembered
		t.Errorf("asked %d times within a minute", asked-before)
	}
	has(at(1), "space", model.NoticeWarning, "Only 900 MB")
	free[dir], free[content] = 200<<20, 3<<30
	got := at(2)
	has(got, "space", model.NoticeError, "nothing is written below 80 MB")
	has(got, "content-space", model.NoticeWarning, "Only 3072 MB are free on the disk of the content ("+content+")")
	free[dir], free[content] = 10<<30, 10<<30
	none(at(3), "space", "content-space")
	if !sameDisk(dir, t.TempDir()) || sameDisk(dir, content) {
		t.Error("which directories share a disk is not told")
	}
}
