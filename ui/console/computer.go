package console

import (
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

// computer shows one computer: who it is, and package by package what it could
// upgrade and how that stands.
type computer struct {
	c       *Console
	number  uint32
	request request
	tab     *table.Table[string]
	data    computerData
	err     error
	ready   bool
}

// computerData is what the details show, of one snapshot.
type computerData struct {
	snap     *store.Snapshot
	computer *model.Computer
	status   *model.Status
	packages map[string]model.NeededPackage
	order    []string
	failures map[model.UpdateID]model.Failure
	policy   model.Policy
}

func newComputer(c *Console, number uint32) pane {
	p := &computer{c: c, number: number}
	p.tab = table.New(c.styles, p.cells,
		table.Column{Title: "Package", Width: 18, Flexible: true},
		table.Column{Title: "Installed", Width: 14, Priority: 4},
		table.Column{Title: "Candidate", Width: 19, Priority: 2},
		table.Column{Title: "State", Width: 15},
		table.Column{Title: "Approval", Width: 14, Priority: 1},
		table.Column{Title: "Why", Width: 30, Priority: 5},
	)
	p.tab.Single, p.tab.Step = true, c.o.Step
	return p
}

func (p *computer) restyle() { p.tab.Styles = p.c.styles }

// Title is the pane's part of the breadcrumbs.
func (p *computer) Title() string {
	if comp := p.c.snap.Computer(p.number); comp != nil {
		return comp.Name
	}
	return "computer"
}

// Facts says how many packages there are.
func (p *computer) Facts() string {
	if !p.ready {
		return ""
	}
	return counted(p.tab.Len(), "package", "packages") + ", Enter explains"
}

// Aging says that the last contact is shown as an age.
func (p *computer) Aging() bool { return true }

// Keys says which bindings can be used.
func (p *computer) Keys() paneKeys {
	return paneKeys{Scope: keys.Computer, Disabled: func(a keys.Action) string {
		switch a {
		case keys.CheckIn, keys.InstallNow:
			return p.c.checkInDisabled(p.number)
		case keys.Open, keys.ExplainIt:
			if p.tab.Len() == 0 {
				return "there is no package in the list"
			}
		}
		return ""
	}}
}

// Update takes in an action.
func (p *computer) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return p.load()
	case do:
		a := keys.Action(msg)
		if navigate(p.tab, a) {
			return nil
		}
		switch a {
		case keys.Reload:
			return p.load()
		case keys.CheckIn:
			return p.c.checkIn()
		case keys.InstallNow:
			return p.c.installNow(p.number)
		case keys.Copy:
			return p.c.copy(p.Title())
		case keys.Open, keys.ExplainIt:
			if id, ok := p.tab.Cursor(); ok {
				return p.c.push(newPackageExplanation(p.c, p.number, p.data.packages[id]))
			}
		}
	}
	return nil
}

func (p *computer) load() tea.Cmd {
	snap, st := p.c.snap, p.c.o.Store
	return p.request.start(p.c.ctx, func(ctx context.Context) func() tea.Cmd {
		d := computerData{snap: snap, computer: snap.Computer(p.number), packages: map[string]model.NeededPackage{}}
		var err error
		if d.computer == nil {
			err = errors.New("the computer is not managed any more")
		} else if !d.computer.Reported.IsZero() {
			d.status, err = st.Status(p.number)
		}
		if err == nil && d.computer != nil {
			d.policy, _ = snap.EffectivePolicy(p.number)
			if d.status != nil {
				d.collect()
			}
		}
		return func() tea.Cmd {
			p.err = err
			if err == nil {
				p.data, p.ready = d, true
				p.tab.SetRows(d.order, snap.Seq())
			}
			return nil
		}
	})
}

// collect puts the packages in order: what can be installed first, then what
// waits for something.
func (d *computerData) collect() {
	d.failures = map[model.UpdateID]model.Failure{}
	for _, f := range d.status.Failures {
		d.failures[f.Update] = f
	}
	for _, list := range [][]model.NeededPackage{d.status.Packages, d.status.Others} {
		for _, n := range list {
			id := n.Package + ":" + n.Arch
			if _, twice := d.packages[id]; !twice {
				d.packages[id] = n
				d.order = append(d.order, id)
			}
		}
	}
	// Updates of which no package is listed stand for themselves.
	listed := map[model.UpdateID]bool{}
	for _, n := range d.packages {
		listed[n.Update] = true
	}
	for _, n := range d.snap.NeededBy(d.computer.Number) {
		r := d.snap.Row(n)
		if r == nil || listed[r.ID] {
			continue
		}
		id := string(r.ID)
		d.packages[id] = model.NeededPackage{Update: r.ID, Package: r.Title}
		d.order = append(d.order, id)
	}
	slices.SortStableFunc(d.order, func(a, b string) int {
		x, y := d.packages[a], d.packages[b]
		if x.State != y.State {
			return int(x.State) - int(y.State)
		}
		if x.Security != y.Security {
			if x.Security {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}

func (p *computer) cells(id string) []table.Cell {
	n := p.data.packages[id]
	approval, state := "-", n.State.String()
	st := p.c.styles
	var style = st.Warn
	if r := p.data.snap.RowByID(n.Update); r != nil {
		if e := p.data.snap.Effective(p.number, r.Number); e.Approved() {
			approval = "install"
			if !e.Deadline.IsZero() {
				approval = "by " + p.c.date(e.Deadline)
			}
		} else if e.Step == model.StepDeclined {
			approval = "declined"
		}
		switch s := p.data.snap.State(p.number, r.Number); {
		case s == model.StateFailed:
			state, style = "FAILED", st.Bad
		case s == model.StateInstalledPendingReboot:
			state = "pending restart"
		}
	} else {
		approval = "not in catalogue"
	}
	if n.Security && n.State == model.NeedNeeded && state == "needed" {
		state = "needed (sec.)"
	}
	if n.State != model.NeedNeeded {
		style = st.Muted
	}
	if f, ok := p.data.failures[n.Update]; ok && n.Reason == "" {
		n.Reason = f.Text
	}
	return []table.Cell{{Text: model.Clean(n.Package)}, {Text: model.Clean(n.Installed)}, {Text: model.Clean(n.Candidate)}, {Text: state, Style: style}, {Text: approval}, {Text: model.Clean(n.Reason)}}
}

// View draws the facts and the packages.
func (p *computer) View(w, h int) string {
	if p.err != nil {
		return strings.Join(p.c.unread(p.err, w), "\n")
	}
	if !p.ready {
		return "\n  reading"
	}
	c, comp, snap := p.c, p.data.computer, p.data.snap
	t := snap.Totals(p.number)
	dot := c.styles.Glyphs.Dot
	lines := []string{
		strings.Join(nonEmpty(comp.OS, comp.Arch, comp.Role.String(), strings.Join(comp.Addresses, " ")), dot),
		fmt.Sprintf("%s%sneeded %d, failed %d, installed %d, no status %d", stateTexts[snap.ComputerState(p.number)], dot, t.Needed, t.Failed, t.Installed, t.Unknown),
		"last contact " + c.ago(comp.Contacted) + dot + "last report " + c.when(comp.Reported) + c.nextCheck(comp),
		"policy: " + policyText(p.data.policy),
	}
	if names := groupNames(snap, p.number); names != "" {
		lines[3] += dot + "groups: " + names
	}
	if !snap.Computed(p.number).IsZero() {
		lines = append(lines, "computed from the inventory of "+c.when(comp.Reported))
	}
	if len(comp.Pending) > 0 {
		lines = append(lines, "! A restart is pending: "+strings.Join(comp.Pending, ", "))
	}
	if comp.Scan.Error != "" {
		lines = append(lines, "! The last detection failed: "+comp.Scan.Error)
	}
	if len(comp.Foreign) > 0 {
		lines = append(lines, "! Installed outside approvals: "+strings.Join(comp.Foreign, ", "))
	}
	out := []string{}
	for _, l := range lines {
		l = layout.Fit(" "+model.Clean(l), w, c.styles.Glyphs.Tail)
		if strings.HasPrefix(l, " ! ") {
			l = c.styles.Warn.Render(l)
		}
		out = append(out, l)
	}
	out = append(out, p.tab.Header(w))
	if p.tab.Len() == 0 {
		switch {
		case comp.Reported.IsZero():
			return strings.Join(append(out, "", "  It has never reported its status."+checkInHint(comp)), "\n")
		default:
			return strings.Join(append(out, "", "  It needs nothing, and nothing is kept back."), "\n")
		}
	}
	return strings.Join(append(out, p.tab.Lines(w, max(1, h-len(out)))...), "\n")
}

func checkInHint(comp *model.Computer) string {
	if comp.Local {
		return " c asks it to check in now."
	}
	return ""
}

func (s scribe) nextCheck(comp *model.Computer) string {
	if comp.NextCheck.IsZero() || comp.NextCheck.Before(s.now) {
		return ""
	}
	return s.styles.Glyphs.Dot + "next check-in " + s.when(comp.NextCheck)
}

// policyText writes a policy in a few words.
func policyText(p model.Policy) string {
	var mode string
	switch p.Mode {
	case model.ModeScheduled:
		mode = "approved updates are installed"
		if p.Install != nil {
			mode += " " + p.Install.String()
		}
	case model.ModeDownload:
		mode = "approved updates are downloaded, a person installs"
	case model.ModeNotify:
		mode = "a person is told of approved updates"
	case model.ModeDisabled:
		mode = "Automatic Updates disabled: nothing is installed"
	default:
		mode = "not set"
	}
	switch p.Restart {
	case model.RestartNo:
		mode += ", never restarted"
	case model.RestartIdle:
		mode += ", restarted when nobody is logged in"
	case model.RestartAt:
		mode += ", restarted"
		if p.RestartAt != nil {
			mode += " " + p.RestartAt.String()
		}
	}
	return mode
}
