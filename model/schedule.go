package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EveryDay is the Day of a WeekTime that comes every day.
const EveryDay = -1

// WeekTime is a time of day on one weekday or on every day, in the zone of
// whoever keeps the schedule.
type WeekTime struct {
	Day    int `cbor:"1,keyasint"` // EveryDay, or time.Sunday to time.Saturday
	Minute int `cbor:"2,keyasint"` // minutes after midnight, 0 to 1439
}

var dayWords = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseWeekTime reads "DAY@HH:MM"; DAY is "daily", "day" or a weekday's first
// three letters or full name. "HH:MM" alone means every day.
func ParseWeekTime(s string) (WeekTime, error) {
	day, clock, found := strings.Cut(strings.ToLower(strings.TrimSpace(s)), "@")
	if !found {
		day, clock = "daily", day
	}
	w := WeekTime{Day: EveryDay}
	if day != "daily" && day != "day" && day != "everyday" {
		i := slices.IndexFunc(dayWords[:], func(d string) bool {
			return len(day) >= 3 && strings.HasPrefix(strings.ToLower(time.Weekday(slices.Index(dayWords[:], d)).String()), day)
		})
		if i < 0 {
			return w, fmt.Errorf("%q is not a day; use daily, mon, tue, wed, thu, fri, sat or sun, as in sat@03:00", day)
		}
		w.Day = i
	}
	m, err := ParseClock(clock)
	if err != nil {
		return w, err
	}
	w.Minute = m
	return w, nil
}

// ParseClock reads "HH:MM" as minutes after midnight.
func ParseClock(s string) (int, error) {
	h, m, ok := strings.Cut(s, ":")
	hour, errH := strconv.Atoi(h)
	minute, errM := strconv.Atoi(m)
	if !ok || len(m) != 2 || errH != nil || errM != nil || hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, fmt.Errorf("%q is not a time of day; write it as 03:00", s)
	}
	return hour*60 + minute, nil
}

// String writes the form that ParseWeekTime reads.
func (w WeekTime) String() string {
	day := "daily"
	if w.Day >= 0 && w.Day < len(dayWords) {
		day = dayWords[w.Day]
	}
	return fmt.Sprintf("%s@%02d:%02d", day, w.Minute/60, w.Minute%60)
}

// Next gives the first occurrence strictly after t, in t's zone. A time that a
// change to summer time skips comes at the first instant after the gap; one
// that occurs twice comes once, the first time.
func (w WeekTime) Next(t time.Time) time.Time {
	y, mo, d := t.Date()
	for i := 0; i <= 8; i++ {
		if !w.on(y, mo, d+i) {
			continue
		}
		if at := clockTime(y, mo, d+i, w.Minute, t.Location()); at.After(t) {
			return at
		}
	}
	panic("model: a week without the weekday")
}

// Last gives the last occurrence at or before t, in t's zone.
func (w WeekTime) Last(t time.Time) time.Time {
	y, mo, d := t.Date()
	for i := 0; i <= 8; i++ {
		if !w.on(y, mo, d-i) {
			continue
		}
		if at := clockTime(y, mo, d-i, w.Minute, t.Location()); !at.After(t) {
			return at
		}
	}
	panic("model: a week without the weekday")
}

// on says whether a day of the calendar is one of the schedule's. The weekday of
// a date is the same in every zone.
func (w WeekTime) on(y int, mo time.Month, d int) bool {
	return w.Day == EveryDay || int(time.Date(y, mo, d, 12, 0, 0, 0, time.UTC).Weekday()) == w.Day
}

// clockTime is the instant of a time of day. time.Date leaves open which side
// of a gap or an overlap it takes, so the offsets before and after are tried.
func clockTime(y int, mo time.Month, d, minute int, loc *time.Location) time.Time {
	wall := time.Date(y, mo, d, 0, minute, 0, 0, time.UTC)
	mid := time.Date(y, mo, d, minute/60, minute%60, 0, 0, loc)
	_, before := mid.Add(-26 * time.Hour).Zone()
	_, after := mid.Add(26 * time.Hour).Zone()
	var best time.Time
	for _, off := range [...]int{before, after} {
		// Where the clock has that offset, it shows the time.
		c := wall.Add(-time.Duration(off) * time.Second).In(loc)
		if _, o := c.Zone(); o == off && (best.IsZero() || c.Before(best)) {
			best = c
		}
		if before == after {
			break
		}
	}
	if !best.IsZero() {
		return best
	}
	// In the gap: the first instant after it, which is where the zone changes.
	lo, hi := wall.Add(-time.Duration(max(before, after))*time.Second-time.Hour), wall.Add(-time.Duration(min(before, after))*time.Second+time.Hour)
	for hi.Sub(lo) > time.Second {
		half := lo.Add(hi.Sub(lo) / 2)
		if _, off := half.In(loc).Zone(); off == before {
			lo = half
		} else {
			hi = half
		}
	}
	return hi.In(loc).Truncate(time.Second)
}
