package console

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/plot"
)

// How far back the trend goes, in days: on the page, and zoomed at least and at
// most.
const (
	trendPage = 8 * 7
	trendZoom = 13 * 7
)

// openSecurity is the query of what the trend counts.
const openSecurity = "class:security (needed:>0 or failed:>0)"

// trend is the pane of needed security updates over the last weeks.
func (o *overview) trend() part {
	c := o.c
	p := part{name: "Trend", says: "security updates needed", half: true}
	e := entry{id: "now", hint: sentence(c.with(keys.Open, "shows them: "+openSecurity), c.with(keys.Zoom, choose(o.zoom, "shows all panes again", "draws it large"))),
		open: func() tea.Cmd { return c.open("updates", openSecurity) }}
	days := o.data.trend
	if len(days) == 0 {
		e.text = "nothing is counted yet: no computer reports here"
		p.entries = []entry{e}
		return p
	}
	now := days[len(days)-1]
	e.text = fmt.Sprintf("now %s on %s", count(now.Security), counted(now.SecurityComputers, "computer", "computers"))
	if then, ok := before(days, now.Day-28); ok {
		e.right = fmt.Sprintf("%s on %s", count(then.Security), then.Date().Format("01-02"))
	}
	p.entries = []entry{e}
	w, h := o.width, 8
	if !o.zoom && w >= twoColumns {
		w = (w - 2) * leftShare / 100
	}
	if len(days) < 2 {
		for _, l := range layout.Wrap("Each day is counted while Fettle runs: a line is drawn here from tomorrow on.", w-2) {
			p.foot = append(p.foot, "  "+l)
		}
		return p
	}
	if !o.zoom {
		for _, l := range o.plotDays(days, trendPage, w-2, h, func(d model.DayCount) int { return d.Security }) {
			p.foot = append(p.foot, "  "+l)
		}
		return p
	}
	// Zoomed: all that is kept, but no less than a quarter of a year, and below it
	// on how many computers.
	span := max(trendZoom, int(now.Day-days[0].Day))
	h = max(6, (o.height-6)/2)
	add := func(title string, of func(model.DayCount) int) {
		p.foot = append(p.foot, "", "  "+title)
		for _, l := range o.plotDays(days, span, w-4, h, of) {
			p.foot = append(p.foot, "  "+l)
		}
	}
	add("Security updates that any computer needs or failed to install", func(d model.DayCount) int { return d.Security })
	add(fmt.Sprintf("Computers that need one of them (of %s managed now)", count(now.Managed)), func(d model.DayCount) int { return d.SecurityComputers })
	return p
}

// before gives the newest count of a day or of one before it.
func before(days []model.DayCount, day int32) (model.DayCount, bool) {
	for i := len(days) - 1; i >= 0; i-- {
		if days[i].Day <= day {
			return days[i], true
		}
	}
	return model.DayCount{}, false
}

// plotDays draws the last days, and the title of a series of its own. Days that
// were not counted are gaps: nothing is invented for them.
func (o *overview) plotDays(days []model.DayCount, span, w, h int, of func(model.DayCount) int) []string {
	last := days[len(days)-1]
	s := plot.Series{Style: o.c.styles.Info, Points: []plot.Point{{At: last.Date().AddDate(0, 0, -span), Gap: true}}}
	next := int32(-1)
	for _, d := range days {
		if d.Day < last.Day-int32(span) {
			continue
		}
		if next >= 0 && d.Day > next {
			s.Points = append(s.Points, plot.Point{At: model.DayCount{Day: next}.Date(), Gap: true})
		}
		s.Points = append(s.Points, plot.Point{At: d.Date(), Value: float64(of(d))})
		next = d.Day + 1
	}
	return plot.Lines([]plot.Series{s}, w, h, plot.On(o.c.styles.Terminal))
}
