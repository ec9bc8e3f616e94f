package model

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The calendar in every zone of the tz database for 2020 to 2040. Times of day
// come once on each local day: the first of two where clocks go back, the first
// instant after the gap where they go forward. (PatchMon and Tactical both
// shipped calendar mistakes: peers 2.)

var (
	calendarFrom = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	calendarTo   = time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC)
)

// change is one change of a zone's offset.
type change struct {
	at     time.Time
	before int
	after  int
}

// calendarZone is a zone with all its changes of the years tested.
type calendarZone struct {
	loc     *time.Location
	names   []string // all zones that have the same changes
	offset  int
	changes []change
}

// calendarZones loads every zone; zones that agree on every offset of the years
// tested are one.
func calendarZones(t *testing.T) []*calendarZone {
	t.Helper()
	files := zoneFiles(t)
	bySignature := map[string]*calendarZone{}
	for name, data := range files {
		loc, err := time.LoadLocationFromTZData(name, data)
		if err != nil {
			t.Errorf("zone %s: %v", name, err)
			continue
		}
		z := &calendarZone{loc: loc, names: []string{name}, changes: changesOf(loc)}
		_, z.offset = calendarFrom.In(loc).Zone()
		sig := fmt.Sprint(z.offset, z.changes)
		if same := bySignature[sig]; same != nil {
			same.names = append(same.names, name)
		} else {
			bySignature[sig] = z
		}
	}
	var all []*calendarZone
	for _, z := range bySignature {
		slices.Sort(z.names)
		all = append(all, z)
	}
	slices.SortFunc(all, func(a, b *calendarZone) int { return cmp.Compare(a.names[0], b.names[0]) })
	t.Logf("%d zones in %d different calendars", len(files), len(all))
	return all
}

// zoneFiles reads the tz database: Go's own copy, else the system's.
func zoneFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	if root, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		if r, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip")); err == nil {
			defer r.Close()
			for _, f := range r.File {
				if strings.HasSuffix(f.Name, "/") {
					continue
				}
				in, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(in)
				if err != nil {
					t.Fatal(err)
				}
				files[f.Name] = b
			}
			return files
		}
	}
	const system = "/usr/share/zoneinfo"
	_ = filepath.WalkDir(system, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		name := strings.TrimPrefix(path, system+"/")
		if b, err := os.ReadFile(path); err == nil && bytes.HasPrefix(b, []byte("TZif")) && !strings.HasPrefix(name, "right/") && !strings.HasPrefix(name, "posix/") {
			files[name] = b
		}
		return nil
	})
	if len(files) == 0 {
		t.Skip("neither Go's copy of the tz database nor the system's is here")
	}
	return files
}

// changesOf finds the changes of a zone by looking at each day, then halving.
func changesOf(loc *time.Location) []change {
	var all []change
	_, before := calendarFrom.In(loc).Zone()
	for day := calendarFrom; day.Before(calendarTo); day = day.Add(6 * time.Hour) {
		_, after := day.Add(6 * time.Hour).In(loc).Zone()
		if after == before {
			continue
		}
		lo, hi := day, day.Add(6*time.Hour)
		for hi.Sub(lo) > time.Second {
			mid := lo.Add(hi.Sub(lo) / 2).Truncate(time.Second)
			if _, off := mid.In(loc).Zone(); off == before {
				lo = mid
			} else {
				hi = mid
			}
		}
		all = append(all, change{hi, before, after})
		before = after
	}
	return all
}

// face is what a clock shows, as minutes since 1970 by the wall: later is larger.
func face(t time.Time, loc *time.Location) int64 {
	_, off := t.In(loc).Zone()
	return (t.Unix() + int64(off)) / 60
}

// almanac is the obvious implementation: it looks at every minute of a few days
// and notes the first instant at which the clock shows a time or one beyond it.
type almanac struct {
	first   int64 // face of first[0]
	instant []time.Time
}

func newAlmanac(loc *time.Location, from, to time.Time) *almanac {
	a := &almanac{first: face(from, loc)}
	reached := a.first - 1
	for t := from; t.Before(to); t = t.Add(time.Minute) {
		for f := face(t, loc); reached < f; reached++ {
			a.instant = append(a.instant, t)
		}
	}
	return a
}

// at gives the instant of a day's time; ok is false outside the almanac.
func (a *almanac) at(day int64, minute int) (time.Time, bool) {
	i := day*1440 + int64(minute) - a.first
	if i < 0 || i >= int64(len(a.instant)) {
		return time.Time{}, false
	}
	return a.instant[i], true
}

// days gives the days that the almanac covers whole, as a range.
func (a *almanac) days() (from, to int64) {
	return (a.first + 1439) / 1440, (a.first + int64(len(a.instant))) / 1440
}

// next and last give the neighbours of t among the times of day on days of the
// weekday (or EveryDay); ok is false when the answer may lie outside.
func (a *almanac) next(w WeekTime, t time.Time) (time.Time, bool) {
	from, to := a.days()
	for d := from; d < to; d++ {
		if at, ok := a.at(d, w.Minute); ok && onDay(w, d) && at.After(t) {
			return at, true
		}
	}
	return time.Time{}, false
}

func (a *almanac) last(w WeekTime, t time.Time) (time.Time, bool) {
	from, to := a.days()
	for d := to - 1; d >= from; d-- {
		if at, ok := a.at(d, w.Minute); ok && onDay(w, d) && !at.After(t) {
			return at, true
		}
	}
	return time.Time{}, false
}

// onDay says whether a day since 1970, which was a Thursday, is the weekday.
func onDay(w WeekTime, day int64) bool {
	return w.Day == EveryDay || int((day+4)%7) == w.Day
}

// TestCalendarInEveryZone is what issue 3 asks for; with -short it takes a
// sample of the zones.
func TestCalendarInEveryZone(t *testing.T) {
	zones := calendarZones(t)
	if testing.Short() {
		zones = slices.DeleteFunc(zones, func(z *calendarZone) bool {
			return !slices.ContainsFunc([]string{"Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "Antarctica/Troll", "Africa/Casablanca", "America/Havana", "UTC"}, func(n string) bool {
				return slices.Contains(z.names, n)
			})
		})
	}
	const parts = 8
	for i := range parts {
		t.Run(fmt.Sprintf("part %d", i+1), func(t *testing.T) {
			t.Parallel()
			for j := i; j < len(zones); j += parts {
				walkZone(t, zones[j])
				for _, c := range zones[j].changes {
					compareAround(t, zones[j], c.at)
				}
				compareAround(t, zones[j], time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC))
				compareAround(t, zones[j], time.Date(2032, 12, 31, 12, 0, 0, 0, time.UTC))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// walkZone goes from each day to the next through all the years: every local day
// has its time once, in order, and at the time that it says unless clocks change.
func walkZone(t *testing.T, z *calendarZone) {
	for _, w := range []WeekTime{{Day: EveryDay, Minute: 0}, {Day: EveryDay, Minute: 150}} {
		changes := z.changes
		at := w.Next(calendarFrom.Add(48 * time.Hour).In(z.loc))
		for at.Before(calendarTo) {
			next := w.Next(at)
			for len(changes) > 0 && changes[0].at.Before(at.Add(-26*time.Hour)) {
				changes = changes[1:]
			}
			if len(changes) == 0 || changes[0].at.After(next.Add(26*time.Hour)) {
				// Far from any change days have 24 hours.
				if next.Sub(at) != 24*time.Hour || next.Hour()*60+next.Minute() != w.Minute || next.Second() != 0 {
					t.Fatalf("%s: after %v %s comes at %v", z.names[0], at, w, next)
				}
			} else if !next.After(at) {
				t.Fatalf("%s: after %v %s comes at %v", z.names[0], at, w, next)
			}
			at = next
		}
	}
	for day := range 7 {
		w := WeekTime{Day: day, Minute: 180}
		start := calendarFrom.Add(48 * time.Hour).In(z.loc)
		n, at := 0, w.Next(start)
		for at.Before(calendarTo) {
			n++
			if next := w.Next(at); next.Sub(at) < 7*24*time.Hour-3*time.Hour || next.Sub(at) > 7*24*time.Hour+3*time.Hour {
				t.Fatalf("%s: after %v %s comes at %v", z.names[0], at, w, next)
			} else {
				at = next
			}
		}
		if weeks := int(calendarTo.Sub(start) / (7 * 24 * time.Hour)); n < weeks || n > weeks+1 {
			t.Fatalf("%s: %s came %d times in %d weeks", z.names[0], w, n, weeks)
		}
	}
}

// compareAround compares with the obvious implementation for days around an
// instant.
func compareAround(t *testing.T, z *calendarZone, change time.Time) {
	const reach = 74 * time.Hour
	from, to := change.Truncate(time.Minute).Add(-reach), change.Truncate(time.Minute).Add(reach)
	a := newAlmanac(z.loc, from, to)
	wall := int(((face(change.Add(-time.Second), z.loc)+1)%1440 + 1440) % 1440) // what the clock shows when it changes
	minutes := []int{0, 30, 120, 150, 180, 23*60 + 59, wall, (wall + 15) % 1440, (wall + 59) % 1440, (wall + 1439) % 1440, (wall + 1380) % 1440, (wall + 1410) % 1440}
	var instants []time.Time
	for _, m := range []time.Duration{-30 * 60, -90, -61, -60, -31, -30, -1, 0, 1, 29, 30, 31, 59, 60, 61, 90, 30 * 60} {
		instants = append(instants, change.Add(m*time.Minute), change.Add(m*time.Minute-time.Second))
	}
	for _, minute := range minutes {
		for _, day := range []int{EveryDay, int((face(change, z.loc)/1440 + 4) % 7)} {
			w := WeekTime{Day: day, Minute: minute}
			var hits []time.Time
			if at, ok := a.next(w, change.Add(-24*time.Hour)); ok {
				hits = append(hits, at, at.Add(-time.Second), at.Add(time.Second))
			}
			for _, at := range append(hits, instants...) {
				at = at.In(z.loc)
				if want, ok := a.next(w, at); ok {
					if got := w.Next(at); !got.Equal(want) {
						t.Fatalf("%s, change at %v: %s after %v is %v, want %v", z.names[0], change.In(z.loc), w, at, got, want.In(z.loc))
					} else if back := w.Last(got); !back.Equal(got) {
						t.Fatalf("%s: the last %s at %v is %v", z.names[0], w, got, back)
					}
				}
				if want, ok := a.last(w, at); ok {
					if got := w.Last(at); !got.Equal(want) {
						t.Fatalf("%s, change at %v: %s last at %v is %v, want %v", z.names[0], change.In(z.loc), w, at, got, want.In(z.loc))
					}
				}
			}
		}
		compareDeadline(t, z, a, change, minute)
	}
	for _, s := range []SyncSchedule{{PerDay: 1, First: wall}, {PerDay: 4, First: 150}, {PerDay: 24, First: 45}} {
		compareSync(t, z, a, change, s)
	}
}

// compareDeadline compares RuleDeadline.At: so many days after the day on which
// it is asked, wherever on that day.
func compareDeadline(t *testing.T, z *calendarZone, a *almanac, change time.Time, minute int) {
	for days := range 3 {
		d := RuleDeadline{Days: days, Minute: minute}
		for _, hours := range []int{-36, -20, -1, 0, 1, 20} {
			at := change.Add(time.Duration(hours) * time.Hour).In(z.loc)
			want, ok := a.at(face(at, z.loc)/1440+int64(days), minute)
			if got := d.At(at); ok && !got.Equal(want) {
				t.Fatalf("%s, change at %v: the deadline %s of %v is %v, want %v", z.names[0], change.In(z.loc), d, at, got, want.In(z.loc))
			}
		}
	}
}

// compareSync walks a synchronization schedule over the change: the union of
// its times of day, each instant once.
func compareSync(t *testing.T, z *calendarZone, a *almanac, change time.Time, s SyncSchedule) {
	for at := change.Add(-20 * time.Hour).In(z.loc); at.Before(change.Add(20 * time.Hour)); {
		want := time.Time{}
		for i := range s.PerDay {
			if n, ok := a.next(WeekTime{Day: EveryDay, Minute: (s.First + i*1440/s.PerDay) % 1440}, at); ok && (want.IsZero() || n.Before(want)) {
				want = n
			}
		}
		got := s.Next(at)
		if !got.Equal(want) || !got.After(at) {
			t.Fatalf("%s, change at %v: %s after %v is %v, want %v", z.names[0], change.In(z.loc), s, at, got, want.In(z.loc))
		}
		at = got
	}
}
