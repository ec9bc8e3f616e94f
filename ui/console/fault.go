package console

import (
	"slices"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// unread says that something could not be read from the store, and what to do
// about it.
func (s scribe) unread(err error, w int) []string {
	lines := []string{""}
	for i, l := range layout.Wrap("ERROR: "+model.CleanLines(err.Error()), w-4) {
		if i == 0 {
			l = s.styles.Bad.Render(l)
		}
		lines = append(lines, "  "+l)
	}
	lines = append(lines, "")
	for _, l := range layout.Wrap("r reads it again. If that does not help, leave the console and run: fettle check", w-4) {
		lines = append(lines, "  "+l)
	}
	return lines
}

// faulty says whether the screen in front cannot show anything, because the
// catalogue could not be read at the start. What needs no catalogue stays.
func (c *Console) faulty() bool {
	return c.fault != nil && len(c.stack) == 1 && !slices.Contains([]keys.Action{keys.ToJournal, keys.ToLog, keys.ToSettings, keys.ToSync, keys.ToReports}, c.current)
}

// faultPage is what stands in the place of such a screen.
func (c *Console) faultPage(w int) []string {
	var lines []string
	for _, p := range []string{"", "The catalogue could not be read.", "", model.CleanLines(c.fault.Error()), "",
		"L shows the log, J the journal; both may say since when. Nothing can be changed until a backup was restored. q quits."} {
		for _, l := range layout.Wrap(p, w-4) {
			lines = append(lines, "  "+l)
		}
	}
	lines[1] = c.styles.Bad.Render(lines[1])
	return lines
}
