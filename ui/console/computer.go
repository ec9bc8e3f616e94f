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

// computer shows one computer: who it is, and its status update by update.
type computer struct {
	c       *Console
	number  uint32
	request request
	tab     *table.Table[computerRow]
	view    computerView
	data    computerData
	err     error
	ready   bool
}

// computerRow is a package that a computer could upgrade or, in views that go
// beyond these, an update.
type computerRow struct {
	pkg    string
	update uint32
}

// computerView is which updates of a computer are shown.
type computerView uint8

// The views of a computer's updates.
const (
	viewNeeded computerView = iota // package by package, with what keeps them back
	viewFailed
	viewPending
	viewInstalled
	viewUnknown
	viewEvery
)

var computerViews = [...]struct {
	name, one, many, none string
	states                []model.InstallationState
}{
	viewNeeded:    {"Needed, package by package", "package", "packages", "It needs nothing, and nothing is kept back.", nil},
	viewFailed:    {"Failed", "failed update", "failed updates", "Nothing failed on this computer.", []model.InstallationState{model.StateFailed}},
	viewPending:   {"Waiting for a restart", "update waits", "updates wait", "No update waits for a restart of this computer.", []model.InstallationState{model.StateInstalledPendingReboot}},
	viewInstalled: {"Installed", "installed update", "installed updates", "No update of the catalogue is known to be installed.", []model.InstallationState{model.StateInstalled}},
	viewUnknown:   {"Without status", "update without status", "updates without status", "The status of every update is known.", []model.InstallationState{model.StateUnknown}},
	viewEvery: {"Every update that concerns it", "update", "updates", "No update of the catalogue concerns this computer.",
		[]model.InstallationState{model.StateFailed, model.StateNotInstalled, model.StateDownloaded, model.StateInstalledPendingReboot, model.StateUnknown, model.StateInstalled}},
}

// computerData is what the details show, of one snapshot.
type computerData struct {
	snap     *store.Snapshot
	computer *model.Computer
	status   *model.Status
	packages map[string]model.NeededPackage
	order    []computerRow
	failures map[model.UpdateID]model.Failure
	policy   model.Policy
	origin   model.PolicyOrigin
}

func newComputer(c *Console, number uint32) pane {
	p := &computer{c: c, number: number}
	p.tab = table.New(c.styles, p.cells,
		table.Column{Title: "Package", Width: 18, Flexible: true},
		table.Column{Key: "installed", Title: "Installed", Width: 14, Priority: 4},
		table.Column{Key: "candidate", Title: "Candidate", Width: 19, Priority: 2},
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

// Facts says what is listed.
func (p *computer) Facts() string {
	if !p.ready {
		return ""
	}
	v := computerViews[p.view]
	return counted(p.tab.Len(), v.one, v.many) + ", f shows others"
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
				return "there is nothing in the list to explain"
			}
		}
		if p.c.snap.Computer(p.number) == nil {
			return p.c.memberDisabled(a, nil, false)
		}
		return p.c.memberDisabled(a, []uint32{p.number}, true)
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
		if isMembership(a) {
			return p.c.memberAction(a, []uint32{p.number}, p.load)
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
		case keys.Views:
			return p.c.push(p.views())
		case keys.PastReports:
			return p.c.push(newPastReports(p.c, p.number))
		case keys.PolicyOf:
			return p.c.push(newComputerPolicy(p.c, p.number))
		case keys.Open, keys.ExplainIt:
			id, ok := p.tab.Cursor()
			switch {
			case !ok:
			case id.pkg == "":
				return p.c.push(newExplanation(p.c, p.number, id.update))
			default:
				return p.c.push(newPackageExplanation(p.c, p.number, p.data.packages[id.pkg]))
			}
		}
	}
	return nil
}

// views is the menu of what the list can show, with how much that is.
func (p *computer) views() pane {
	m := &menu{c: p.c, title: "Updates of " + p.Title()}
	t := p.c.snap.Totals(p.number)
	notes := [...]string{viewNeeded: count(t.Needed + t.Failed), viewFailed: count(t.Failed), viewPending: count(t.Pending), viewInstalled: count(t.Installed), viewUnknown: count(t.Unknown), viewEvery: ""}
	for i, v := range computerViews {
		note := notes[i]
		if computerView(i) == p.view {
			note += " (now)"
		}
		m.items = append(m.items, menuItem{v.name, strings.TrimSpace(note), func() tea.Cmd {
			p.turn(computerView(i))
			return p.load()
		}})
	}
	return m
}

// turn goes to a view. Versions are those of packages: a list of updates has the
// room for titles.
func (p *computer) turn(to computerView) {
	p.view = to
	p.tab.Home()
	p.tab.Columns[0].Title = "Package"
	if to != viewNeeded {
		p.tab.Columns[0].Title = "Update"
	}
	for i := range p.tab.Columns {
		p.tab.Columns[i].Hidden = p.tab.Columns[i].Key != "" && to != viewNeeded
	}
	p.tab.Layout()
}

func (p *computer) load() tea.Cmd {
	snap, st, view := p.c.snap, p.c.o.Store, p.view
	return p.request.start(p.c.ctx, func(ctx context.Context) func() tea.Cmd {
		d := computerData{snap: snap, computer: snap.Computer(p.number), packages: map[string]model.NeededPackage{}, failures: map[model.UpdateID]model.Failure{}}
		var err error
		if d.computer == nil {
			err = errors.New("the computer is not known any more: it was removed. Esc goes back")
		} else if !d.computer.Reported.IsZero() {
			d.status, err = st.Status(p.number)
		}
		if err == nil {
			d.policy, d.origin = snap.EffectivePolicy(p.number)
			if d.status != nil {
				for _, f := range d.status.Failures {
					d.failures[f.Update] = f
				}
				if view == viewNeeded {
					d.collect()
				}
			}
			if view != viewNeeded {
				err = d.collectUpdates(ctx, computerViews[view].states)
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
	for _, list := range [][]model.NeededPackage{d.status.Packages, d.status.Others} {
		for _, n := range list {
			id := n.Package + ":" + n.Arch
			if _, twice := d.packages[id]; !twice {
				d.packages[id] = n
				d.order = append(d.order, computerRow{pkg: id})
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
		d.order = append(d.order, computerRow{pkg: id})
	}
	failed := func(n model.NeededPackage) int {
		if r := d.snap.RowByID(n.Update); r != nil && d.snap.State(d.computer.Number, r.Number) == model.StateFailed {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(d.order, func(a, b computerRow) int {
		x, y := d.packages[a.pkg], d.packages[b.pkg]
		if f := failed(x) - failed(y); f != 0 {
			return f
		}
		if x.State != y.State {
			return int(x.State) - int(y.State)
		}
		if x.Security != y.Security {
			if x.Security {
				return -1
			}
			return 1
		}
		return strings.Compare(a.pkg, b.pkg)
	})
}

// collectUpdates lists the updates in some states, the worst first.
func (d *computerData) collectUpdates(ctx context.Context, states []model.InstallationState) error {
	type keyed struct {
		number uint32
		rank   int
		title  string
	}
	var list []keyed
	for i, r := range d.snap.Updates() {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if r.Has(model.FlagDeclined) {
			continue // a declined update has no status
		}
		if state := d.snap.State(d.computer.Number, r.Number); slices.Contains(states, state) {
			list = append(list, keyed{r.Number, stateRank[state], r.Title})
		}
	}
	slices.SortFunc(list, func(a, b keyed) int {
		return cmp.Or(a.rank-b.rank, strings.Compare(a.title, b.title), cmp.Compare(a.number, b.number))
	})
	for _, k := range list {
		d.order = append(d.order, computerRow{update: k.number})
	}
	return nil
}

func (p *computer) cells(id computerRow) []table.Cell {
	n := p.data.packages[id.pkg]
	st := p.c.styles
	if id.pkg == "" {
		r := p.data.snap.Row(id.update)
		if r == nil {
			return []table.Cell{{Text: "(gone)"}}
		}
		n = model.NeededPackage{Update: r.ID, Package: r.Title, Security: r.Class == model.ClassSecurity}
	}
	approval, state := "-", n.State.String()
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
		case id.pkg == "" && s == model.StateInstalled:
			state, style = "installed", st.Good
		case id.pkg == "" && s == model.StateUnknown:
			state, style = "no status", st.Muted
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
	if f, ok := p.data.failures[n.Update]; ok && n.Reason == "" && state == "FAILED" {
		n.Reason = f.Text
		if meaning, _ := model.FailureMeaning(f.Code); meaning != "" {
			n.Reason = meaning + ": " + f.Text
		}
	}
	return []table.Cell{{Text: model.Clean(n.Package)}, {Text: model.Clean(n.Installed)}, {Text: model.Clean(n.Candidate)}, {Text: state, Style: style}, {Text: approval}, {Text: model.Clean(n.Reason)}}
}

// View draws the facts and the list.
func (p *computer) View(w, h int) string {
	if p.err != nil {
		return strings.Join(p.c.unread(p.err, w), "\n")
	}
	if !p.ready {
		return "\n  reading"
	}
	comp := p.data.computer
	out := []string{}
	for _, l := range p.c.computerFacts(&p.data) {
		l = layout.Fit(" "+model.Clean(l), w, p.c.styles.Glyphs.Tail)
		if strings.HasPrefix(l, " ! ") {
			l = p.c.styles.Warn.Render(l)
		}
		out = append(out, l)
	}
	out = append(out, p.tab.Header(w))
	if p.tab.Len() == 0 {
		none := computerViews[p.view].none
		if comp.Reported.IsZero() {
			none = "It has never reported its status." + checkInHint(comp)
		}
		out = append(out, "")
		for _, l := range layout.Wrap(none, w-4) {
			out = append(out, "  "+l)
		}
		return strings.Join(out, "\n")
	}
	return strings.Join(append(out, p.tab.Lines(w, max(1, h-len(out)))...), "\n")
}

// computerFacts are the lines above a computer's updates.
func (s scribe) computerFacts(d *computerData) []string {
	comp, snap := d.computer, d.snap
	t, dot := snap.Totals(comp.Number), s.styles.Glyphs.Dot
	agent := ""
	if comp.Agent != "" {
		agent = "agent " + comp.Agent
	}
	state := stateTexts[snap.ComputerState(comp.Number)]
	if why := unknownTexts[snap.Unknown(comp.Number, s.now)]; why != "" {
		state += " (" + why + ")"
	}
	obeys := d.policy
	if comp.Policy.Mode != model.ModeUnset {
		obeys = comp.Policy
	}
	policy := "policy"
	switch g := snap.Groups().Group(d.origin.Mode); {
	case obeys.Describe() != d.policy.Describe():
		policy += " of its own file"
	case g != nil:
		policy += " of " + g.Name
	}
	policy += ": " + policyText(obeys)
	lines := []string{
		strings.Join(nonEmpty(comp.OS, comp.Arch, comp.Role.String(), strings.Join(comp.Addresses, " "), agent), dot),
		fmt.Sprintf("status %s%sneeded %s, failed %s, installed %s, no status %s", state, dot, count(t.Needed), count(t.Failed), count(t.Installed), count(t.Unknown)),
		"last contact " + s.ago(comp.Contacted) + dot + "last report " + s.when(comp.Reported) + s.nextCheck(comp),
		policy,
	}
	if names := groupNames(snap, comp.Number); names != "" {
		lines = append(lines, "groups: "+names)
	}
	if !snap.Computed(comp.Number).IsZero() {
		lines = append(lines, "computed from the inventory of "+s.when(comp.Reported))
	}
	switch comp.Admission {
	case model.Waiting:
		lines = append(lines, "! It asks to be managed and waits for an answer: A accepts it, D rejects it")
	case model.Rejected:
		lines = append(lines, "! It was rejected: its reports are refused. A accepts it after all")
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
	for _, r := range comp.Remarks {
		lines = append(lines, "! "+r)
	}
	return lines
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
	return mode + restartText(p)
}

// restartText writes when a policy restarts, to follow what it installs.
func restartText(p model.Policy) string {
	switch p.Restart {
	case model.RestartNo:
		return ", never restarted"
	case model.RestartIdle:
		return ", restarted when nobody is logged in"
	case model.RestartAt:
		if p.RestartAt != nil {
			return ", restarted " + p.RestartAt.String()
		}
		return ", restarted"
	}
	return ""
}
