package console

import (
	"slices"
	"strings"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/layout"
)

// statusColumn is a column of the table of groups on an update's page.
type statusColumn struct {
	title string
	of    func(model.Counts) int
	rank  int // on a narrow screen the highest goes first
}

var statusColumns = []statusColumn{
	{"Computers", func(c model.Counts) int { return c.Computers }, 1},
	{"Needed", func(c model.Counts) int { return c.Needed }, 0},
	{"Failed", func(c model.Counts) int { return c.Failed }, 0},
	{"Restart", func(c model.Counts) int { return c.Pending }, 4},
	{"Installed", func(c model.Counts) int { return c.Installed }, 2},
	{"Not appl.", func(c model.Counts) int { return c.NotApplicable }, 5},
	{"Unknown", func(c model.Counts) int { return c.Unknown }, 3},
}

// leastName is how much room the names of groups must have.
const leastName = 20

// statusByGroup writes the installation states by computer group as a table, as
// WSUS has it. A row opens the group's computers that need the update.
func (s scribe) statusByGroup(p *page, snap *store.Snapshot, r *model.UpdateRow, w int) {
	cols := slices.Clone(statusColumns)
	room := func() int {
		n := w - 4
		for _, c := range cols {
			n -= len(c.title) + 2
		}
		return n
	}
	for room() < leastName && len(cols) > 2 {
		worst := 0
		for i, c := range cols {
			if c.rank > cols[worst].rank {
				worst = i
			}
		}
		cols = slices.Delete(cols, worst, worst+1)
	}
	name := min(room(), 40)
	line := func(first string, cell func(statusColumn) string) string {
		var b strings.Builder
		b.WriteString(layout.Fit(first, name, s.styles.Glyphs.Tail))
		for _, c := range cols {
			b.WriteString("  " + layout.FitRight(cell(c), len(c.title), ""))
		}
		return b.String()
	}
	p.lines = append(p.lines, "    "+line("Group", func(c statusColumn) string { return c.title }))
	tree := snap.Groups()
	quiet := 0
	for _, id := range tree.Order() {
		n := snap.Counts(r.Number, id)
		if n.Computers == 0 {
			continue
		}
		if id != model.GroupAll && n.Needed+n.Failed+n.Installed == 0 {
			quiet++
			continue
		}
		g := tree.Group(id)
		text := line(layout.Blanks(2*tree.Depth(id))+model.Clean(g.Name), func(c statusColumn) string { return zero(c.of(n)) })
		if n.Needed+n.Failed > 0 {
			p.linkWith(s.styles.Glyphs.Folded, 0, target{view: "computers", filter: "group:" + quoted(g.Name) + " needs:(id:" + quoted(string(r.ID)) + ")"}, "%s", text)
		} else {
			p.linkWith(s.styles.Glyphs.Folded, 0, target{group: id}, "%s", text)
		}
	}
	if quiet > 0 {
		p.lines = append(p.lines, "    "+counted(quiet, "more group has computers, of which none", "more groups have computers, of which none")+" needs it or has it")
	}
}

// quoted is a text as it stands in a query.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// shownByState is how many computers are named by state.
const shownByState = 10

// computersByState writes the computers where an update is not simply installed
// or not wanted, by state, the worst first; each opens the explanation of the
// update on it.
func (s scribe) computersByState(p *page, snap *store.Snapshot, number uint32) {
	for _, state := range []model.InstallationState{model.StateFailed, model.StateInstalledPendingReboot, model.StateNotInstalled, model.StateDownloaded} {
		on := snap.ComputersWith(number, model.GroupAll, state)
		if len(on) == 0 {
			continue
		}
		slices.SortFunc(on, func(a, b uint32) int {
			x, y := snap.Computer(a), snap.Computer(b)
			if x == nil || y == nil {
				return 0
			}
			return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name))
		})
		p.add("%s on %s:", stateTitle(state), counted(len(on), "computer", "computers"))
		for _, n := range on[:min(len(on), shownByState)] {
			if comp := snap.Computer(n); comp != nil {
				p.linkWith(s.styles.Glyphs.Folded, 0, target{computer: n, of: number}, "%s", comp.Name)
			}
		}
		if rest := len(on) - shownByState; rest > 0 {
			p.linkWith(s.styles.Glyphs.Folded, 0, target{of: number}, "and %s more", count(rest))
		}
	}
	p.linkWith(s.styles.Glyphs.Folded, 0, target{of: number}, "every computer with its state")
}

// stateTitle is the word of a state at the beginning of a line.
func stateTitle(state model.InstallationState) string {
	w := state.Word()
	if w == "" {
		return w
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

// severityTitles are the vendor's ratings as bulletins write them.
var severityTitles = [...]string{"Unspecified", "Low", "Moderate", "Important", "Critical"}
