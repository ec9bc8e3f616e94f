package console

import (
	"fmt"
	"time"
)

// What the plain console shares with this one.

// Lines gives what was logged, the oldest line first.
func (l *Log) Lines(zone *time.Location) []string {
	var out []string
	for _, line := range l.ring.all() {
		out = append(out, fmt.Sprintf("%s %s: %s", line.at.In(zone).Format("15:04:05"), line.level, line.text))
	}
	return out
}

// StandardViews are the filters on updates that the Overview counts.
func StandardViews() []View {
	var all []View
	for _, v := range updateViews {
		all = append(all, View{Name: v.title, On: "updates", Filter: v.filter})
	}
	return all
}
