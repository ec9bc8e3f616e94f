package model

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseWeekTime(t *testing.T) {
	for in, want := range map[string]string{
		"03:00": "daily@03:00", "daily@3:05": "daily@03:05", "Sat@23:59": "sat@23:59", "sunday@00:00": "sun@00:00", "day@12:00": "daily@12:00",
	} {
		w, err := ParseWeekTime(in)
		if err != nil || w.String() != want {
			t.Errorf("%q: %v, %v; want %s", in, w, err, want)
		}
	}
	for _, in := range []string{"", "sat", "sat@", "xyz@03:00", "sat@24:00", "sat@03:60", "sat@-1:00", "sat@3", "s@03:00", "sat@03:0"} {
		if w, err := ParseWeekTime(in); err == nil {
			t.Errorf("%q was read as %v", in, w)
		}
	}
}

func TestParseSyncSchedule(t *testing.T) {
	s, err := ParseSyncSchedule("4/day@03:00")
	if err != nil || s.String() != "4/day@03:00" {
		t.Fatal(s, err)
	}
	at := time.Date(2026, 5, 5, 2, 0, 0, 0, time.UTC)
	for _, hour := range []int{3, 9, 15, 21, 3} {
		at = s.Next(at)
		if at.Hour() != hour || at.Minute() != 0 {
			t.Errorf("got %v, want hour %d", at, hour)
		}
	}
	if !(SyncSchedule{}).Next(at).IsZero() {
		t.Error("a manual schedule has a next time")
	}
	for _, in := range []string{"", "0/day@03:00", "25/day@03:00", "2/week@03:00", "2/day@25:00", "2"} {
		if s, err := ParseSyncSchedule(in); err == nil {
			t.Errorf("%q was read as %v", in, s)
		}
	}
}

// zones lists the names of the zones that Go's own copy of tzdata has.
func zones(t *testing.T) []string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("the go command is not on the path, so its list of zones is not known")
	}
	r, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if os.IsNotExist(err) {
		t.Skip("this Go has no zoneinfo.zip")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var names []string
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	return names
}

// TestCalendar goes through every change of every zone from 2020 to 2040: around
// it, each time of day comes exactly once a day, never in a gap, and Last and
// Next agree. (PatchMon and Tactical both shipped calendar mistakes: peers 2.)
func TestCalendar(t *testing.T) {
	for _, name := range zones(t) {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= 2040; {
			_, end := at.In(loc).ZoneBounds()
			if end.IsZero() || end.Year() > 2040 {
				break
			}
			if !end.After(at) { // time.ZoneBounds is wrong on the last day of a leap year
				at = at.Add(24 * time.Hour)
				continue
			}
			checkTransition(t, loc, end)
			at = end.UTC().Add(time.Second)
		}
	}
}

func checkTransition(t *testing.T, loc *time.Location, change time.Time) {
	_, before := change.Add(-time.Second).In(loc).Zone()
	wall := change.Add(time.Duration(before) * time.Second).UTC() // the clock's face when it changes
	for _, minute := range []int{wall.Hour()*60 + wall.Minute() - 30, wall.Hour()*60 + wall.Minute(), wall.Hour()*60 + wall.Minute() + 30, 3 * 60} {
		w := WeekTime{Day: EveryDay, Minute: (minute + 1440) % 1440}
		start := change.Add(-50 * time.Hour).In(loc)
		last := time.Time{}
		days := map[string]int{}
		for at := w.Next(start); at.Before(change.Add(50 * time.Hour)); at = w.Next(at) {
			if !last.IsZero() && !at.After(last) {
				t.Fatalf("%s at %v: %v does not come after %v", loc, change, at, last)
			}
			if got := w.Last(at); !got.Equal(at) {
				t.Fatalf("%s: Last(%v) = %v", loc, at, got)
			}
			if clock := at.Hour()*60 + at.Minute(); clock != w.Minute && !at.Equal(change) {
				t.Fatalf("%s: %s came at %v (change %v)", loc, w, at, change)
			}
			// A time that was skipped comes when the gap ends, which may be the
			// first instant of the next day.
			if !at.Equal(change) {
				days[at.Format(time.DateOnly)]++
			}
			last = at
		}
		for d, n := range days {
			if n > 1 {
				t.Fatalf("%s: %s came %d times on %s", loc, w, n, d)
			}
		}
	}
}

func TestWeekdaysAndMonthEnds(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for day := range 7 {
		w := WeekTime{Day: day, Minute: 150} // 02:30 is in the gap in March
		at := time.Date(2024, 1, 1, 0, 0, 0, 0, loc)
		count := 0
		for at = w.Next(at); at.Year() < 2025; at = w.Next(at) {
			count++
			if int(at.Weekday()) != day {
				t.Fatalf("%s came on a %s", w, at.Weekday())
			}
		}
		if count != 52 && count != 53 {
			t.Errorf("%s came %d times in 2024", w, count)
		}
	}
}
