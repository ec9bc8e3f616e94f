package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// newPackageExplanation explains the update behind a package of a computer:
// what apt says of the package, then why the computer gets the update, or does
// not (users.md 1.7).
func newPackageExplanation(c *Console, number uint32, n model.NeededPackage) pane {
	p := newTextPane(c, strings.TrimSpace("Explain "+strings.TrimSpace(model.Clean(n.Package))))
	p.scope = keys.Explanation
	p.pages = func(_ context.Context, s scribe, _ int) (*page, error) {
		snap := s.store.Snapshot()
		var g page
		if n.Arch != "" { // else it is an update of which no package is listed
			g.head("THE PACKAGE")
			g.fact("Package", n.Package+":"+n.Arch)
			g.fact("Installed", n.Installed)
			g.fact("Candidate", n.Candidate)
			g.fact("State", n.State.String())
			g.fact("Why", n.Reason)
		}
		r := snap.RowByID(n.Update)
		if r == nil || snap.Computer(number) == nil {
			g.head("THE UPDATE")
			g.add("The catalogue does not know this version: it comes from a source that no upstream covers, so that it cannot be approved here.")
			return &g, nil
		}
		s.explain(&g, snap, number, r)
		return &g, nil
	}
	return p
}

// newExplanation explains one update on one computer.
func newExplanation(c *Console, number, update uint32) pane {
	p := newTextPane(c, "Explain")
	if comp := c.snap.Computer(number); comp != nil {
		p.title = "Explain " + model.Clean(comp.Name)
	}
	p.scope = keys.Explanation
	p.pages = func(_ context.Context, s scribe, _ int) (*page, error) {
		snap := s.store.Snapshot()
		r := snap.Row(update)
		if r == nil || snap.Computer(number) == nil {
			return nil, errors.New("the computer or the update is not known any more")
		}
		var g page
		s.explain(&g, snap, number, r)
		return &g, nil
	}
	return p
}

// explain writes what the model explains, part by part.
func (s scribe) explain(g *page, snap *store.Snapshot, number uint32, r *model.UpdateRow) {
	e := snap.Explain(number, r.Number, s.serverNow())
	g.head("WHAT IS EXPLAINED")
	// A title may end in blanks, which are part of what the vendor published.
	g.add("%s on %s", strings.TrimSpace(e.Title), e.Computer)
	g.add("%s", e.Update)
	remedies := e.Remedies
	e.Remedies = nil // Parts would name the commands, and here there are keys
	for _, part := range e.Parts() {
		g.head(strings.ToUpper(part.Title))
		for _, l := range part.Lines {
			g.add("- %s%s", hang, l)
		}
	}
	if len(remedies) == 0 {
		return
	}
	g.head("WHAT WOULD CHANGE IT")
	comp := snap.Computer(number)
	for _, m := range remedies {
		s.remedy(g, snap, comp, m)
	}
}

// remedyKeys say which key does what a command does, where Enter on its line has
// led. The first that the command begins with counts.
var remedyKeys = []struct{ command, key string }{
	{"fettle approve", "a there approves"}, {"fettle reinstate", "R there reinstates it"}, {"fettle accept-licence", "l there shows and accepts them"},
	{"fettle policy", "p there changes the policy"}, {"fettle group include", "i there ends the exclusion"},
	{"fettle computer accept", "A there accepts it"},
	{"fettle agent install", "i there installs it"}, {"fettle agent check-in", "c there asks it"},
	{"fettle journal", "J shows the journal, where u takes an entry back"},
}

// remedy writes what would change what becomes of an update: as a line that
// leads to where a key does it, or with the command where no screen does.
func (s scribe) remedy(g *page, snap *store.Snapshot, comp *model.Computer, m model.Remedy) {
	var to target
	switch r := snap.RowByID(m.Update); {
	case m.Update != "" && r != nil:
		to.update = r.Number
	case m.Group != "" && snap.Groups().Group(m.Group) != nil:
		to.group = m.Group
	case m.Own && (comp.Local || comp.Admission != model.Managed):
		to.computer = comp.Number
	}
	key := ""
	for _, k := range remedyKeys {
		if strings.HasPrefix(m.Command, k.command) {
			key = k.key
			break
		}
	}
	switch {
	case to != (target{}) && key != "":
		g.link(s, to, "%s: %s", m.Text, key)
	case key != "" && !m.Own:
		g.add("- %s%s: %s", hang, m.Text, key)
	case m.Command != "":
		g.add("- %s%s: %s", hang, m.Text, m.Command)
	default:
		g.add("- %s%s", hang, m.Text)
	}
}

// newUpdateComputers shows one update on every computer that it may concern:
// its state there and the approval that holds there. Enter explains.
func newUpdateComputers(c *Console, update uint32) pane {
	p := newTablePane[uint32](c, "by computer", keys.UpdateComputers, "computer", "computers",
		table.Column{Title: "Computer", Width: 20, Flexible: true},
		table.Column{Title: "State", Width: 14},
		table.Column{Title: "Approval that holds", Width: 20, Flexible: true, Priority: 1},
		table.Column{Title: "Deadline", Width: 16, Priority: 2},
		table.Column{Title: "Contact", Width: 16, Priority: 3},
		table.Column{Title: "Decided by", Width: 26, Priority: 4},
	)
	p.empty = []string{"No computer is managed, or none could have the update."}
	// Only the rows that are seen are resolved: a fleet has thousands.
	p.tab.Source = func(n uint32) []table.Cell { return c.updateComputer(p.snap, n, update) }
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[uint32], error) {
		var out tableRows[uint32]
		if snap.Row(update) == nil {
			return out, errors.New("the update is not in the catalogue any more")
		}
		n := snap.Counts(update, model.GroupAll)
		type keyed struct {
			number uint32
			rank   int
			name   string
		}
		var list []keyed
		for i, comp := range snap.Computers() {
			if i%1024 == 0 && ctx.Err() != nil {
				return out, ctx.Err()
			}
			if comp.Admission != model.Managed {
				continue
			}
			list = append(list, keyed{comp.Number, stateRank[snap.State(comp.Number, update)], strings.ToLower(comp.Name)})
		}
		slices.SortFunc(list, func(a, b keyed) int { return cmp.Or(a.rank-b.rank, strings.Compare(a.name, b.name)) })
		for _, k := range list {
			out.ids = append(out.ids, k.number)
		}
		out.facts = []string{fmt.Sprintf("needed %s, failed %s, installed %s, not applicable %s, no status %s: of %s", count(n.Needed), count(n.Failed), count(n.Installed), count(n.NotApplicable), count(n.Unknown), counted(n.Computers, "computer", "computers"))}
		return out, nil
	}
	p.above = func(w int) []string {
		title := ""
		if r := c.snap.Row(update); r != nil {
			title = model.Clean(r.Title)
		}
		return []string{layout.Fit(" "+title, w, c.styles.Glyphs.Tail), c.styles.Muted.Render(layout.Fit(" "+strings.Join(p.facts, ""), w, c.styles.Glyphs.Tail)), ""}
	}
	explain := func(n uint32) tea.Cmd { return c.push(newExplanation(c, n, update)) }
	p.open = explain
	p.off = func(a keys.Action, _ uint32, ok bool) string {
		if a == keys.ExplainIt && !ok {
			return "there is no computer in the list"
		}
		return ""
	}
	p.act = func(a keys.Action, n uint32, ok bool) tea.Cmd {
		comp := c.snap.Computer(n)
		if !ok || comp == nil {
			return nil
		}
		switch a {
		case keys.ExplainIt:
			return explain(n)
		case keys.Copy:
			return c.copy(comp.Name)
		case keys.CopyRow:
			return c.copy(rowText(c.updateComputer(p.snap, n, update)))
		}
		return nil
	}
	return p
}

// stateRank orders states, the worst first.
var stateRank = [...]int{model.StateFailed: 0, model.StateNotInstalled: 1, model.StateDownloaded: 2, model.StateInstalledPendingReboot: 3, model.StateUnknown: 4, model.StateInstalled: 5, model.StateNotApplicable: 6}

// decidedBy says in a word which step decided.
var decidedBy = [...]string{model.StepNone: "nothing applies", model.StepDeclined: "the decline", model.StepOnly: "the only approval", model.StepDepth: "the deeper group", model.StepAction: "Install goes first", model.StepDeadline: "the earlier deadline", model.StepSame: "several say the same"}

func (c *Console) updateComputer(snap *store.Snapshot, n, update uint32) []table.Cell {
	comp := snap.Computer(n)
	if comp == nil {
		return []table.Cell{{Text: "(gone)"}}
	}
	st := c.styles
	state := table.Cell{Text: snap.State(n, update).Word()}
	switch snap.State(n, update) {
	case model.StateFailed:
		state.Style = st.Bad
	case model.StateNotInstalled, model.StateDownloaded, model.StateInstalledPendingReboot:
		state.Style = st.Warn
	case model.StateInstalled:
		state.Style = st.Good
	default:
		state.Style = st.Muted
	}
	e := snap.Effective(n, update)
	approval, due := "Not Approved", ""
	switch {
	case e.Step == model.StepDeclined:
		approval = "Declined"
	case e.Step != model.StepNone:
		approval = e.Action.Title()
		if g := snap.Groups().Group(e.Group); g != nil {
			approval += " for " + model.Clean(g.Name)
		}
		if e.Stale {
			approval = "held back: " + approval
		}
	}
	if !e.Deadline.IsZero() {
		switch is := snap.State(n, update); {
		case e.Deadline.After(c.now):
			due = c.deadline(e.Deadline)
		case is.Needed() || is == model.StateFailed:
			due = "overdue" // the next check-in obeys it, whenever that is
		default:
			due = c.when(e.Deadline)
		}
	}
	return []table.Cell{{Text: model.Clean(comp.Name)}, state, {Text: approval}, {Text: due}, {Text: c.when(comp.Contacted)}, {Text: decidedBy[min(int(e.Step), len(decidedBy)-1)]}}
}
