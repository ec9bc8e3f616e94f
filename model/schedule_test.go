package model

import (
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
