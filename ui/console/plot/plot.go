// Package plot draws series of values over time, and bars, with characters.
//
// What it draws is plain lines of text, no wider and no higher than asked for;
// it can be read without colour and in ASCII, has numbers at its axes, and is
// the same on every terminal. Several series are told apart by their marks, not
// by colours alone. Where terminals know no box drawing, On gives ASCII.
//
// What is not known is not drawn: a gap in a series is blank, and where no
// series knows anything the axis is dotted. No value is invented between two
// points: a value holds until the next point.
//
// The charts of design 9's ntcharts take each cell's style from Lip Gloss's
// global renderer and have no ASCII form, which is what this package is for.
package plot

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

// Point is a value from an instant on, until the next point.
type Point struct {
	At    time.Time
	Value float64
	Gap   bool // from here on nothing is known
}

// known says whether there is a value that can be drawn: beyond 10^15 the axis
// could not be divided any more.
func (p Point) known() bool { return !p.Gap && math.Abs(p.Value) <= 1e15 }

// Series is what one line of a plot shows, its points in order of time. Where
// nothing is known before the first point or after the last one, and the axis is
// to show that time too, the caller adds a gap there.
type Series struct {
	Title  string // named in a legend when there is more than one series
	Points []Point
	Style  theme.Style // besides its mark
}

// Glyphs are the characters that plots are drawn of, each one column wide.
type Glyphs struct {
	Level, Rise                            string // parts of a line
	RiseFrom, RiseTo, FallFrom, FallTo     string // its corners
	Axis, Tick, Base, BaseTick, Gap, Cross string
	Marks                                  []string // of the series, where there are several
	Lone                                   string   // a point without neighbours
	Full, Empty                            string   // of a bar
	Tail                                   string   // marks cut text
}

// ASCII and Unicode are the two sets of glyphs.
var (
	ASCII = Glyphs{
		Level: "-", Rise: "|", RiseFrom: "'", RiseTo: ".", FallFrom: ".", FallTo: "'",
		Axis: "|", Tick: "+", Base: "-", BaseTick: "+", Gap: ".", Cross: "+",
		Marks: []string{"o", "x", "+", "*"}, Lone: "o", Full: "#", Empty: ".", Tail: "~",
	}
	Unicode = Glyphs{
		Level: "─", Rise: "│", RiseFrom: "╯", RiseTo: "╭", FallFrom: "╮", FallTo: "╰",
		Axis: "│", Tick: "┤", Base: "─", BaseTick: "┬", Gap: "┄", Cross: "└",
		Marks: []string{"●", "○", "+", "×"}, Lone: "●", Full: "█", Empty: "░", Tail: "…",
	}
)

// On gives the glyphs that a terminal can show.
func On(t theme.Terminal) Glyphs {
	if t.UTF8 {
		return Unicode
	}
	return ASCII
}

// The least size at which a plot says more than a sentence does.
const (
	leastWidth  = 24
	leastHeight = 5
)

// Lines draws series over one axis of time, in at most h lines of at most w
// columns. Where that is too small for a plot it says in words how the values
// went; where nothing is known it says so.
func Lines(series []Series, w, h int, g Glyphs) []string {
	if w < 1 || h < 1 {
		return nil
	}
	p := plan(series)
	switch {
	case !p.known:
		return []string{layout.Cut("nothing was recorded yet", w, g.Tail)}
	case w < leastWidth || h < leastHeight:
		return words(series, w, h, g)
	}
	p.height = h - 2 // the axis and its dates
	legend := len(series) > 1
	if legend {
		p.height--
	}
	p.ticks()
	lead := 0
	for _, t := range p.levels {
		lead = max(lead, len(t.label))
	}
	p.width = w - lead - 2 // without the axis and a blank
	p.canvas = make([][]cell, p.height)
	for y := range p.canvas {
		p.canvas[y] = make([]cell, p.width)
	}
	covered := make([]bool, p.width)
	// The first series is drawn last: where lines meet it is the one that is seen.
	for i := len(series) - 1; i >= 0; i-- {
		p.draw(series[i], mark(g, i, len(series)), g, covered)
	}
	var out []string
	if legend {
		out = append(out, p.legend(series, w, g))
	}
	for y := p.height - 1; y >= 0; y-- {
		label, axis := "", g.Axis
		for _, t := range p.levels {
			if t.at == y {
				label, axis = t.label, g.Tick
			}
		}
		out = append(out, layout.FitRight(label, lead, "")+" "+axis+row(p.canvas[y]))
	}
	dates, ticks := p.dates(lead+2, w)
	base := strings.Builder{}
	for x, known := range covered {
		switch {
		case ticks[x]:
			base.WriteString(g.BaseTick)
		case known:
			base.WriteString(g.Base)
		default:
			base.WriteString(g.Gap)
		}
	}
	return append(out, layout.Blanks(lead+1)+g.Cross+base.String(), dates)
}

// mark is the character of a series: a line when it is the only one.
func mark(g Glyphs, i, of int) string {
	if of == 1 {
		return ""
	}
	return g.Marks[i%len(g.Marks)]
}

// cell is one character of the area that is drawn on.
type cell struct {
	text  string
	style theme.Style
}

// row joins cells, those of one style in one piece.
func row(cells []cell) string {
	var b strings.Builder
	for i := 0; i < len(cells); {
		j, text := i, strings.Builder{}
		for ; j < len(cells) && cells[j].style == cells[i].style; j++ {
			if cells[j].text == "" {
				text.WriteByte(' ')
			}
			text.WriteString(cells[j].text)
		}
		b.WriteString(cells[i].style.Render(text.String()))
		i = j
	}
	return strings.TrimRight(b.String(), " ")
}

// level is a number at the axis of values.
type level struct {
	at    int
	label string
}

// drawing is a plot while it is made.
type drawing struct {
	known     bool
	from, to  time.Time
	hours     bool // not all values are of whole days
	low, high float64
	whole     bool // all values are whole numbers: so are those at the axis
	width     int
	height    int
	levels    []level
	canvas    [][]cell
}

// plan finds the ranges of what is shown.
func plan(series []Series) *drawing {
	p := &drawing{whole: true}
	first := true
	for _, s := range series {
		for _, pt := range s.Points {
			if first || pt.At.Before(p.from) {
				p.from = pt.At
			}
			if first || pt.At.After(p.to) {
				p.to = pt.At
			}
			first = false
			if !pt.known() {
				continue
			}
			h, m, sec := pt.At.Clock()
			p.hours = p.hours || h+m+sec > 0
			// The axis begins at zero: one that is cut off makes little look like much.
			p.known = true
			p.low, p.high = min(p.low, pt.Value), max(p.high, pt.Value)
			p.whole = p.whole && pt.Value == math.Trunc(pt.Value)
		}
	}
	return p
}

// ticks rounds the range of values and places numbers at its axis, no closer
// than every second line.
func (p *drawing) ticks() {
	span := p.high - p.low
	if span < 1e-9 {
		span = 1
	}
	most := max(1, min(6, (p.height-1)/2))
	step := nice(span / float64(most))
	if p.whole {
		step = max(1, step)
	}
	p.low, p.high = math.Floor(p.low/step)*step, math.Ceil(max(p.high, p.low+step)/step)*step
	for i := range int(math.Round((p.high-p.low)/step)) + 1 {
		v := p.low + float64(i)*step
		p.levels = append(p.levels, level{p.y(v), Number(v)})
	}
}

// nice rounds up to 1, 2 or 5 times a power of ten.
func nice(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*p*(1+1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// y is the line of a value, from below. What is not zero never looks like zero.
func (p *drawing) y(v float64) int {
	y := int(math.Round((v - p.low) / (p.high - p.low) * float64(p.height-1)))
	if y == 0 && p.low == 0 && v > 0 && p.height > 1 {
		y = 1
	}
	return max(0, min(y, p.height-1))
}

// x is the column of an instant.
func (p *drawing) x(t time.Time) int {
	span := p.to.Sub(p.from)
	if span <= 0 {
		return 0
	}
	return int(float64(t.Sub(p.from)) / float64(span) * float64(p.width-1))
}

// rows gives the line of a series in each column, or -1 where it is not known.
// Of several points in one column the last counts, and a value before a gap.
func (p *drawing) rows(s Series) []int {
	const nothing, hold = -1, -2
	ys := slices.Repeat([]int{hold}, p.width)
	after := slices.Repeat([]int{hold}, p.width) // what holds from the next column on
	for _, pt := range s.Points {
		x := p.x(pt.At)
		switch {
		case pt.known():
			ys[x] = p.y(pt.Value)
			after[x] = ys[x]
		case ys[x] == hold:
			ys[x] = nothing
			after[x] = nothing
		default:
			after[x] = nothing
		}
	}
	if p.from.Equal(p.to) {
		return append(ys[:1], slices.Repeat([]int{nothing}, p.width-1)...) // one instant is one column
	}
	last := nothing
	for x := range ys {
		if ys[x] == hold {
			ys[x] = last
		}
		if after[x] != hold {
			last = after[x]
		}
	}
	return ys
}

// draw draws one series.
func (p *drawing) draw(s Series, mark string, g Glyphs, covered []bool) {
	ys := p.rows(s)
	put := func(x, y int, text string) { p.canvas[y][x] = cell{text, s.Style} }
	for x, y := range ys {
		if y < 0 {
			continue
		}
		covered[x] = true
		before, next := -1, -1
		if x > 0 {
			before = ys[x-1]
		}
		if x+1 < len(ys) {
			next = ys[x+1]
		}
		switch {
		case mark != "":
			put(x, y, mark)
			continue
		case before < 0 && next < 0:
			put(x, y, g.Lone)
		case before < 0 || before == y:
			put(x, y, g.Level)
		case before < y:
			put(x, before, g.RiseFrom)
			put(x, y, g.RiseTo)
		default:
			put(x, before, g.FallFrom)
			put(x, y, g.FallTo)
		}
		if before >= 0 {
			for between := min(before, y) + 1; between < max(before, y); between++ {
				put(x, between, g.Rise)
			}
		}
	}
}

// legend names the marks.
func (p *drawing) legend(series []Series, w int, g Glyphs) string {
	var b strings.Builder
	used := 0
	for i, s := range series {
		text := mark(g, i, len(series)) + " " + model.Clean(s.Title)
		if used > 0 {
			text = "   " + text
		}
		text = layout.Cut(text, w-used, g.Tail)
		used += layout.Width(text)
		b.WriteString(s.Style.Render(text))
	}
	return b.String()
}

// The steps of the axis of time.
var steps = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 56 * day, 91 * day, 182 * day, 364 * day,
}

const day = 24 * time.Hour

// dates writes the line below the axis, and says at which columns it has a tick.
// They are counted back from the end: the last instant is the one that people
// look for.
func (p *drawing) dates(lead, w int) (string, []bool) {
	ticks := make([]bool, p.width)
	span := p.to.Sub(p.from)
	format, full := "01-02", "2006-01-02"
	if span < 2*day && p.hours {
		format, full = "15:04", "01-02 15:04"
	} else if span > 360*day {
		format = full
	}
	room := len(format) + 3
	step := steps[len(steps)-1]
	for _, s := range steps {
		if s < day && !p.hours {
			continue
		}
		if span > 0 && float64(s)/float64(span)*float64(p.width-1) >= float64(room) {
			step = s
			break
		}
	}
	line := []byte(layout.Blanks(w))
	free := w // columns from here on are taken
	for t := p.to; !t.Before(p.from); t = t.Add(-step) {
		x := p.x(t)
		text, first := t.Format(format), t.Add(-step).Before(p.from)
		// The leftmost one has the year, if there is room.
		start := max(0, min(lead+x-len(text)/2, w-len(text)))
		if first {
			if s := max(0, min(lead+x-len(full)/2, w-len(full))); s+len(full) < free && w >= len(full) {
				text, start = t.Format(full), s
			}
		}
		if start+len(text) >= free && free < w || start < 0 {
			break
		}
		ticks[x] = true
		copy(line[start:], text)
		free = start
		if span <= 0 {
			break
		}
	}
	return strings.TrimRight(string(line), " "), ticks
}

// words says how series went, for where there is no room to draw them.
func words(series []Series, w, h int, g Glyphs) []string {
	var out []string
	for _, s := range series {
		var known []float64
		for _, p := range s.Points {
			if p.known() {
				known = append(known, p.Value)
			}
		}
		text := "nothing recorded"
		if len(known) > 0 {
			text = fmt.Sprintf("now %s, first %s, least %s, most %s", Number(known[len(known)-1]), Number(known[0]), Number(slices.Min(known)), Number(slices.Max(known)))
		}
		if len(series) > 1 {
			text = model.Clean(s.Title) + ": " + text
		}
		if len(out) < h {
			out = append(out, layout.Cut(text, w, g.Tail))
		}
	}
	return out
}

// Bars draws one bar a value, with its label before it and its number behind, in
// at most w columns. They share one scale that begins at zero; what is not zero
// is seen. Negative values count as zero.
func Bars(labels []string, values []float64, w int, g Glyphs) []string {
	most, names, numbers := 0.0, 0, 0
	labels = slices.Clone(labels)
	for i, v := range values {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			most = max(most, v)
		}
		numbers = max(numbers, len(Number(v)))
		if i < len(labels) {
			labels[i] = model.Clean(labels[i])
			names = max(names, layout.Width(labels[i]))
		}
	}
	names = min(names, max(4, w/3))
	room := w - names - numbers - 2
	var out []string
	for i, v := range values {
		label := ""
		if i < len(labels) {
			label = labels[i]
		}
		if room < 4 {
			out = append(out, layout.Cut(strings.TrimSpace(label+" "+Number(v)), w, g.Tail))
			continue
		}
		out = append(out, layout.Fit(label, names, g.Tail)+" "+Bar(v, most, room, g)+" "+layout.FitRight(Number(v), numbers, ""))
	}
	return out
}

// Bar is one bar of w columns, filled as far as a value goes in most. It is full
// only when all of it is there, and empty only when nothing is.
func Bar(v, most float64, w int, g Glyphs) string {
	n := 0
	if v > 0 && most > 0 && w > 0 {
		n = max(1, int(min(v/most, 1)*float64(w)))
		if v < most && n == w && w > 1 {
			n--
		}
	}
	return strings.Repeat(g.Full, n) + strings.Repeat(g.Empty, max(0, w-n))
}

// Number writes a number as briefly as it is clear.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "?"
	case a >= 999_500_000:
		return strconv.FormatFloat(v/1e9, 'g', 3, 64) + "G"
	case a >= 999_500:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + "M"
	case a >= 10_000:
		return strconv.FormatFloat(v/1e3, 'g', 3, 64) + "k"
	case v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
