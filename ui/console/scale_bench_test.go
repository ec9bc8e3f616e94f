package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	bubbles "github.com/charmbracelet/bubbles/table"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/store"
	"fettle/sync/simulation"
)

// scaleConsole is a console on a store of the size of design 5 for one server,
// where FETTLE_FULL=1, else on a tenth of it; FETTLE_SCALE_DIR names one to keep
// between runs.
func scaleConsole(b *testing.B, filter string) *driver {
	b.Helper()
	updates, computers := 10_000, 1_000
	if os.Getenv("FETTLE_FULL") != "" {
		updates, computers = 100_000, 10_000
	}
	now := simulation.DefaultUntil()
	clock := func() time.Time { return now }
	dir := os.Getenv("FETTLE_SCALE_DIR")
	if dir == "" {
		dir = b.TempDir()
		sim := &simulation.Clock{}
		sim.Set(now)
		s, err := store.Open(store.Options{Dir: dir, Clock: sim.Now})
		if err != nil {
			b.Fatal(err)
		}
		_, err = simulation.Fill(b.Context(), s, simulation.Options{Seed: 1, Updates: updates, Computers: computers, Clock: sim})
		if err := errors.Join(err, s.Close()); err != nil {
			b.Fatal(err)
		}
	}
	s, err := store.Open(store.Options{Dir: dir, Clock: clock})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := s.WaitLoaded(b.Context()); err != nil {
		b.Fatal(err)
	}
	d := drive(b, s, 120, 40, func(o *Options) { o.View, o.Filter, o.Now = "updates", filter, clock })
	d.sees("[2 Updates]")
	return d
}

// everything lets all updates through without being the view of all of them.
const everything = "id:*"

// BenchmarkKeypressAtScale is one key and its frame in the console, with 100,000
// updates and 10,000 computers at 120x40. bubbles/table with the same cells is
// the baseline of the same run.
func BenchmarkKeypressAtScale(b *testing.B) {
	d := scaleConsole(b, everything)
	u := d.c.top().(*updates)
	down, up := keyMsg("down"), keyMsg("pgdown")
	theirs := bubblesOf(d, u)
	for name, k := range map[string]tea.KeyMsg{"down": down, "page": up} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d.c.Update(k)
				_ = d.c.View()
			}
		})
	}
	b.Run("ratio", func(b *testing.B) {
		var ours, baseline time.Duration
		for b.Loop() {
			start := time.Now()
			for range 20 {
				d.c.Update(down)
				_ = d.c.View()
			}
			mid := time.Now()
			for range 20 {
				theirs, _ = theirs.Update(down)
				_ = theirs.View()
			}
			ours, baseline = ours+mid.Sub(start), baseline+time.Since(mid)
		}
		b.ReportMetric(float64(baseline)/float64(ours), "times-cheaper")
		b.ReportMetric(float64(ours.Microseconds())/float64(20*b.N), "µs-console")
		b.ReportMetric(float64(baseline.Microseconds())/float64(20*b.N), "µs-bubbles")
		b.ReportMetric(0, "ns/op")
	})
}

// bubblesOf is bubbles/table with the cells of the console's list.
func bubblesOf(d *driver, u *updates) bubbles.Model {
	var cols []bubbles.Column
	showing := u.list.tab.Showing()
	var at []int
	for i, c := range u.columns {
		if slices.Contains(showing, c.Key) {
			at = append(at, i)
			cols = append(cols, bubbles.Column{Title: c.Title, Width: max(c.Width, 7)})
		}
	}
	var rows []bubbles.Row
	for _, id := range u.list.tab.IDs() {
		var row bubbles.Row
		cells := u.cells(id)
		for _, i := range at {
			row = append(row, cells[i].Text)
		}
		rows = append(rows, row)
	}
	return bubbles.New(bubbles.WithColumns(cols), bubbles.WithRows(rows), bubbles.WithFocused(true), bubbles.WithHeight(d.c.height-5), bubbles.WithWidth(d.c.width))
}

// BenchmarkFilterAtScale is what comes between a rest in writing a filter and
// the frame that shows it, without the rest itself. Each filter is what somebody
// has written so far.
func BenchmarkFilterAtScale(b *testing.B) {
	d := scaleConsole(b, everything)
	u := d.c.top().(*updates)
	for _, text := range []string{"", "k", "kern", "kernel", "needed:>0", "class:security", "approved:none", "cumulative x64", "needed:>0 class:security severity:critical", "id:*"} {
		b.Run("["+strings.ReplaceAll(text, " ", "_")+"]", func(b *testing.B) {
			var most time.Duration
			for b.Loop() {
				start := time.Now()
				u.list.filter = text
				cmd := u.list.load(true)
				if msg, ok := cmd().(answered); ok {
					d.c.Update(msg)
				}
				_ = d.c.View()
				most = max(most, time.Since(start))
			}
			b.ReportMetric(float64(most.Microseconds())/1000, "ms-slowest")
			b.ReportMetric(float64(u.list.tab.Len()), "rows")
		})
	}
}

// BenchmarkViewCounts is the counting of all views once, which follows a change
// of the store.
func BenchmarkViewCounts(b *testing.B) {
	d := scaleConsole(b, everything)
	l := d.c.top().(*updates).list
	for _, v := range l.views() {
		b.Run(fmt.Sprintf("%q", v.name), func(b *testing.B) {
			for b.Loop() {
				if _, err := countMatches(context.Background(), l.on, l.snap, v.filter, d.c.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
