package plot

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/ui/console/layout"
)

var start = time.Date(2026, 10, 12, 0, 0, 0, 0, time.UTC)

// days makes a series of one value a day; a negative one is a gap.
func days(values ...float64) Series {
	var s Series
	for i, v := range values {
		s.Points = append(s.Points, Point{At: start.AddDate(0, 0, i), Value: v, Gap: v < 0})
	}
	return s
}

func show(t *testing.T, got []string, want string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Trim(want, "\n"); g != w {
		t.Errorf("drew\n%s\nwant\n%s", g, w)
	}
}

func TestLineIsDrawnWithItsAxes(t *testing.T) {
	s := days(3, 3, 4, 8, 12, 12, 11, 6, 2, 2, 0, 0, 1, 1, 1)
	show(t, Lines([]Series{s}, 48, 9, ASCII), `
15 +
   |            .-----.
10 +            |     '--.
   |         .--'        |
 5 +      .--'           '--.
   |------'                 '-----.     .-------
 0 +                              '-----'
   ++--------------------+---------------------+
2026-10-12             10-19               10-26
`)
	show(t, Lines([]Series{s}, 48, 9, Unicode), `
15 ┤
   │            ╭─────╮
10 ┤            │     ╰──╮
   │         ╭──╯        │
 5 ┤      ╭──╯           ╰──╮
   │──────╯                 ╰─────╮     ╭───────
 0 ┤                              ╰─────╯
   └┬────────────────────┬─────────────────────┬
2026-10-12             10-19               10-26
`)
}

func TestGapsAreNotFilled(t *testing.T) {
	s := days(-1, -1, 4, 4, -1, -1, 7, -1, 2, 2, 2)
	show(t, Lines([]Series{s}, 48, 7, ASCII), `
10 +
   |                         -----
 5 +        ---------
   |                                  ----------
 0 +
   ++.......+--------+.......+----....+--------+
  10-12   10-14    10-16   10-18    10-20  10-22
`)
}

func TestSeveralSeriesHaveMarks(t *testing.T) {
	a, b := days(1, 2, 3, 4, 5, 6, 7), days(7, 6, 5, 4, 3, 2, 1)
	a.Title, b.Title = "needed", "failed"
	show(t, Lines([]Series{a, b}, 40, 10, ASCII), `
o needed   x failed
10 +
   |
   |xxxxxxxxxxx                  ooooooo
 5 +           xxxxxx      oooooo
   |           ooooooooooooxxxxxx
   |ooooooooooo                  xxxxxxx
 0 +
   ++----------+-----------+-----------+
2026-10-12   10-14       10-16     10-18
`)
}

func TestOnePoint(t *testing.T) {
	show(t, Lines([]Series{days(5)}, 40, 6, ASCII), `
5 +o
  |
  |
0 +
  ++....................................
2026-10-12
`)
}

func TestNothing(t *testing.T) {
	show(t, Lines(nil, 40, 6, ASCII), "nothing was recorded yet")
	show(t, Lines([]Series{days(-1, -1)}, 40, 6, ASCII), "nothing was recorded yet")
	show(t, Lines([]Series{days(0, 0, 0, 0)}, 40, 6, ASCII), `
1 +
  |
  |
0 +-------------------------------------
  ++-----------+-----------+-----------+
2026-10-12   10-13       10-14     10-15
`)
}

func TestSmallIsSaidInWords(t *testing.T) {
	show(t, Lines([]Series{days(3, 9, 1, 4)}, 60, 3, ASCII), "now 4, first 3, least 1, most 9")
	show(t, Lines([]Series{days(3, 9, 1, 4)}, 12, 20, ASCII), "now 4, firs~")
}

func TestBars(t *testing.T) {
	show(t, Bars([]string{"All Computers", "漢字", ""}, []float64{120, 1, 0}, 40, ASCII), `
All Computers ###################### 120
漢字          #.....................   1
              ......................   0
`)
	show(t, Bars([]string{"All Computers"}, []float64{120}, 12, ASCII), "All Compute~")
}

func TestBarsAreFullOnlyWhenAllIsThere(t *testing.T) {
	for v, want := range map[float64]string{0: "....", 1: "#...", 500: "##..", 999: "###.", 1000: "####", 2000: "####", math.NaN(): "...."} {
		if got := Bar(v, 1000, 4, ASCII); got != want {
			t.Errorf("%v of 1000 is %q, want %q", v, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7: "7", 9999: "9999", 12000: "12k", 999_999: "1M", 2_500_000: "2.5M", 0.25: "0.25", 3e9: "3G", -3: "-3"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}

// Whatever is asked for, nothing is wider or higher than that, and what is not
// zero does not stand on the line of zero.
func TestPlotsKeepTheirSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var series []Series
		for range rapid.IntRange(0, 5).Draw(t, "series") {
			s := Series{Title: rapid.String().Draw(t, "title")}
			at := start
			for range rapid.IntRange(0, 60).Draw(t, "points") {
				at = at.Add(time.Duration(rapid.Int64Range(0, int64(40*day)).Draw(t, "later")))
				s.Points = append(s.Points, Point{At: at, Value: rapid.Float64().Draw(t, "value"), Gap: rapid.Bool().Draw(t, "gap")})
			}
			series = append(series, s)
		}
		w, h := rapid.IntRange(0, 130).Draw(t, "w"), rapid.IntRange(0, 40).Draw(t, "h")
		for _, g := range []Glyphs{ASCII, Unicode} {
			lines := Lines(series, w, h, g)
			if len(lines) > h {
				t.Fatalf("%d lines, asked for %d", len(lines), h)
			}
			for _, l := range lines {
				if layout.Width(l) > w || strings.Contains(l, "\n") {
					t.Fatalf("%q is %d wide, asked for %d", l, layout.Width(l), w)
				}
			}
			var labels []string
			var values []float64
			for _, s := range series {
				labels = append(labels, s.Title)
				for _, p := range s.Points {
					values = append(values, p.Value)
				}
			}
			for _, l := range Bars(labels, values, w, g) {
				if layout.Width(l) > w {
					t.Fatalf("the bar %q is %d wide, asked for %d", l, layout.Width(l), w)
				}
			}
		}
	})
}

// A gap between two points of one column hides neither of them, and one that
// ends a column lasts until the next point.
func TestGapsInNarrowPlots(t *testing.T) {
	var s Series
	for i := range 200 {
		s.Points = append(s.Points, Point{At: start.AddDate(0, 0, i), Value: 3, Gap: i%2 == 1 || i > 80 && i < 160})
	}
	lines := Lines([]Series{s}, 60, 6, ASCII)
	base := lines[len(lines)-2]
	if !strings.Contains(base, "--------") || !strings.Contains(base, ".....") || strings.Contains(lines[0], "-----------------------------------") {
		t.Errorf("drew\n%s", strings.Join(lines, "\n"))
	}
}
