package console

import (
	"fmt"
	"strconv"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/theme"
)

// scribe writes facts for people. It is a value: the commands that run off the
// interface goroutine get a copy of it, made when they were started.
type scribe struct {
	now    time.Time
	zone   *time.Location // the reader's
	server *time.Location // in which rules count their deadlines
	styles *theme.Styles
	store  *store.Store
}

// serverNow is the time in the server's zone.
func (s scribe) serverNow() time.Time { return s.now.In(s.server) }

// count writes a number with separators of thousands.
func count(n int) string { return model.Number(n) }

// counted writes a number with its noun.
func counted(n int, one, many string) string { return model.Counted(n, one, many) }

// size writes bytes for people.
func size(n int64) string {
	const unit = 1000
	switch {
	case n < 0:
		return "?"
	case n < unit:
		return strconv.FormatInt(n, 10) + " B"
	}
	v, words := float64(n)/unit, []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for len(words) > 1 && v >= 999.5 {
		v, words = v/unit, words[1:]
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, words[0])
	}
	return fmt.Sprintf("%.0f %s", v, words[0])
}

// percent writes a share; it is 100 only when all of it is.
func percent(p float64) string {
	switch {
	case p >= 100:
		return "100 %"
	case p > 99:
		return "99 %"
	}
	return fmt.Sprintf("%.0f %%", p)
}

// when writes an instant as briefly as it is clear: the time today, the date
// before.
func (s scribe) when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	t = t.In(s.zone)
	now := s.now.In(s.zone)
	switch {
	case sameDay(t, now):
		return t.Format("15:04")
	case sameDay(t, now.AddDate(0, 0, -1)):
		return "yesterday " + t.Format("15:04")
	case sameDay(t, now.AddDate(0, 0, 1)):
		return "tomorrow " + t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// date writes the day of an instant.
func (s scribe) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(s.zone).Format("2006-01-02")
}

func sameDay(a, b time.Time) bool {
	ya, ma, da := a.Date()
	yb, mb, db := b.Date()
	return ya == yb && ma == mb && da == db
}

// ago writes an age in the largest unit that fits.
func (s scribe) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := s.now.Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// duration writes how long something took.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "<1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
