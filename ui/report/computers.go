package report

import (
	"cmp"
	"slices"
	"strings"

	"fettle/model"
)

// computerLine is one computer with its counts in the report's base.
type computerLine struct {
	*model.Computer
	place    int
	t        model.UpdateTotals
	of       int // updates that were counted
	state    model.ComputerState
	why      model.UnknownReason
	reported bool
}

// computerLines gives the computers of the scope, the worst first.
func (b *builder) computerLines() ([]computerLine, error) {
	m, err := b.measure()
	if err != nil {
		return nil, err
	}
	lines := make([]computerLine, len(b.computers))
	for i, c := range b.computers {
		l := computerLine{Computer: c, place: i, t: m.totals[i], of: m.of[i], reported: b.fleet.reported[i]}
		l.state = m.state(b.fleet, i)
		l.why = b.why(c, l.reported, l.t.Unknown)
		lines[i] = l
	}
	slices.SortFunc(lines, func(x, y computerLine) int {
		return cmp.Or(-cmp.Compare(x.state, y.state), -cmp.Compare(x.t.Failed, y.t.Failed), -cmp.Compare(x.t.Needed, y.t.Needed),
			cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.Number, y.Number))
	})
	return lines, nil
}

// why says why a status is not complete, in the order of semantics 3.7.
func (b *builder) why(c *model.Computer, reported bool, unknown int) model.UnknownReason {
	switch {
	case !reported:
		return model.UnknownNeverReported
	case b.p.Now.Sub(c.Contacted) > model.StaleAfter:
		return model.UnknownStale
	case unknown > 0:
		return model.UnknownNewer
	}
	return model.UnknownNot
}

// split is the four-way split of some computers.
type split struct {
	title     string
	id        model.GroupID
	computers int
	by        [4]int // by model.ComputerState
	stale     int
}

func (s *split) add(l *computerLine) {
	s.computers++
	s.by[l.state]++
	if l.reported && l.why == model.UnknownStale {
		s.stale++
	}
}

func splitOf(lines []computerLine) split {
	var s split
	for i := range lines {
		s.add(&lines[i])
	}
	return s
}

// splitSection shows the four-way split, which adds up to the computers.
func splitSection(s split) Section {
	words := map[model.ComputerState]string{
		model.ComputerFailed: "An update failed", model.ComputerNeeded: "Updates needed, none failed",
		model.ComputerNoStatus: "Status not complete, nothing needed or failed", model.ComputerOK: "Up to date",
	}
	states := []model.ComputerState{model.ComputerFailed, model.ComputerNeeded, model.ComputerNoStatus, model.ComputerOK}
	sec := section("status", "Computers by status", "", states, []field[model.ComputerState]{
		data("status", KindIdentifier, func(c model.ComputerState) Cell { return c.String() }),
		ask("title", "", KindText, 0, func(c model.ComputerState) Cell { return words[c] }),
		ask("computers", "Computers", KindCount, 0, func(c model.ComputerState) Cell { return s.by[c] }),
		percent("percent", "Percent", "of", "no_status", func(c model.ComputerState) Share { return Share{s.by[c], s.computers} }),
		ask("of", "of", KindCount, 0, func(model.ComputerState) Cell { return s.computers }),
		ask("no_status", "No status", KindCount, 1, func(model.ComputerState) Cell { return s.by[model.ComputerNoStatus] }),
	})
	sec.note("Each computer stands in one line only, the first that applies. Percentages are of all %s in scope, cut to one decimal.", count(s.computers, "computer"))
	if s.stale > 0 {
		sec.note("%s silent for more than %d days: what they reported may be out of date.", count(s.stale, "computer"), int(model.StaleAfter.Hours()/24))
	}
	return sec
}

// groupSplits gives the four-way split of each group at or below the scope's
// group, and of the predefined groups when that is All Computers.
func (b *builder) groupSplits(lines []computerLine) []*split {
	byPlace := make([]*computerLine, len(lines))
	for i := range lines {
		byPlace[lines[i].place] = &lines[i]
	}
	tree := b.snap.Groups()
	var all []*split
	for _, id := range tree.Order() {
		if !tree.Within(id, b.group) {
			continue
		}
		s := &split{title: tree.Group(id).Name, id: id}
		for it := b.snap.Members(id).Iterator(); it.HasNext(); {
			if p, ok := b.fleet.at(it.Next()); ok {
				s.add(byPlace[p])
			}
		}
		all = append(all, s)
	}
	return all
}

// groupSection shows groups with their split.
func (b *builder) groupSection(groups []*split) Section {
	tree := b.snap.Groups()
	base := tree.Depth(b.group)
	s := section("groups", "By computer group", "", groups, []field[*split]{
		ask("group", "Group", KindText, 0, func(s *split) Cell { return s.title }),
		data("path", KindIdentifier, func(s *split) Cell { return strings.Join(tree.Path(s.id), " / ") }),
		data("depth", KindCount, func(s *split) Cell { return tree.Depth(s.id) - base }),
		ask("computers", "Computers", KindCount, 0, func(s *split) Cell { return s.computers }),
		ask("failed", "Failed", KindCount, 0, func(s *split) Cell { return s.by[model.ComputerFailed] }),
		ask("needed", "Needed", KindCount, 0, func(s *split) Cell { return s.by[model.ComputerNeeded] }),
		ask("no_status", "No status", KindCount, 0, func(s *split) Cell { return s.by[model.ComputerNoStatus] }),
		ask("stale", "Silent", KindCount, 2, func(s *split) Cell { return s.stale }),
		ask("ok", "Up to date", KindCount, 1, func(s *split) Cell { return s.by[model.ComputerOK] }),
		percent("compliant", "Compliant", "computers", "no_status", func(s *split) Share { return Share{s.by[model.ComputerOK], s.computers} }),
	})
	s.note("Compliant are computers of which it is known that nothing is needed and nothing failed, in percent of all computers of the group; those without status are in the base and do not count as compliant. A computer can belong to several groups.")
	return s
}

// computerCountFields are the columns with a computer's counts.
func computerCountFields() []field[computerLine] {
	return []field[computerLine]{
		ask("updates", "Updates", KindCount, 9, func(c computerLine) Cell { return c.of }),
		ask("needed", "Needed", KindCount, 0, func(c computerLine) Cell { return c.t.Needed }),
		ask("failed", "Failed", KindCount, 0, func(c computerLine) Cell { return c.t.Failed }),
		ask("pending_restart", "Pending restart", KindCount, 2, func(c computerLine) Cell { return c.t.Pending }),
		ask("installed", "Installed", KindCount, 4, func(c computerLine) Cell { return c.t.Installed }),
		ask("not_applicable", "Not applicable", KindCount, 8, func(c computerLine) Cell { return c.notApplicable() }),
		ask("no_status", "No status", KindCount, 1, func(c computerLine) Cell { return c.t.Unknown }),
		percent("installed_or_not_applicable", "Installed or n/a", "updates", "no_status", func(c computerLine) Share {
			return Share{c.t.Installed + c.notApplicable(), c.of}
		}),
	}
}

func (c *computerLine) notApplicable() int {
	return c.of - c.t.Needed - c.t.Failed - c.t.Installed - c.t.Unknown
}

// computerSummary builds computer-status-summary.
func (b *builder) computerSummary() error {
	lines, err := b.computerLines()
	if err != nil {
		return err
	}
	fields := append([]field[computerLine]{
		ask("name", "Computer", KindText, 0, func(c computerLine) Cell { return c.Name }),
		ask("status", "Status", KindIdentifier, 0, func(c computerLine) Cell { return c.state.String() }),
		ask("why", "Why no status", KindIdentifier, 3, func(c computerLine) Cell { return c.why.String() }),
	}, computerCountFields()...)
	fields = append(fields,
		ask("restart_pending", "Restart", KindFlag, 6, func(c computerLine) Cell { return len(c.Pending) > 0 || c.t.Pending > 0 }),
		ask("os", "Operating system", KindText, 7, func(c computerLine) Cell { return c.OS }),
		ask("contact", "Last contact", KindTime, 5, func(c computerLine) Cell { return b.at(c.Contacted) }),
		ask("reported", "Last report", KindTime, 6, func(c computerLine) Cell { return b.at(c.Reported) }),
	)
	list := section("computers", "Computers", "No computer is in scope.", lines, fields)
	list.note("Percentages are of the updates that count on the computer; those without status are in the base.")
	b.report.Sections = append(b.report.Sections, splitSection(splitOf(lines)), b.groupSection(b.groupSplits(lines)), list)
	return nil
}

// restartWord gives the restart rule in the words of commands.
func restartWord(p model.Policy) string {
	switch p.Restart {
	case model.RestartNo:
		return "never"
	case model.RestartIdle:
		return "idle"
	case model.RestartAt:
		if p.RestartAt != nil {
			return p.RestartAt.String()
		}
	}
	return ""
}

// installTime gives the schedule of the mode scheduled.
func installTime(p model.Policy) string {
	if p.Mode == model.ModeScheduled && p.Install != nil {
		return p.Install.String()
	}
	return ""
}

// policy is what a computer obeys: as it said itself, else what its groups say.
func (b *builder) policy(c *model.Computer) model.Policy {
	if !c.Policy.Empty() {
		return c.Policy
	}
	p, _ := b.snap.EffectivePolicy(c.Number)
	return p
}

// ownGroups names the groups that a computer belongs to directly.
func (b *builder) ownGroups(c *model.Computer) []string {
	var names []string
	for _, id := range b.snap.OwnGroups(c.Number) {
		names = append(names, b.groupName(id))
	}
	return names
}

// computerTable builds computer-tabular-status.
func (b *builder) computerTable() error {
	lines, err := b.computerLines()
	if err != nil {
		return err
	}
	fields := append([]field[computerLine]{
		ask("name", "Computer", KindText, 0, func(c computerLine) Cell { return c.Name }),
		field[computerLine]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 30}, func(c computerLine) Cell { return string(c.ID) }},
		ask("address", "Addresses", KindList, 16, func(c computerLine) Cell { return c.Addresses }),
		ask("os", "Operating system", KindText, 7, func(c computerLine) Cell { return c.OS }),
		ask("platform", "Platform", KindIdentifier, 17, func(c computerLine) Cell { return c.Platform.String() }),
		ask("arch", "Arch", KindIdentifier, 18, func(c computerLine) Cell { return c.Arch }),
		ask("role", "Role", KindIdentifier, 19, func(c computerLine) Cell { return c.Role.String() }),
		ask("kernel", "Kernel", KindIdentifier, 22, func(c computerLine) Cell { return c.Kernel }),
		ask("group", "Groups", KindList, 10, func(c computerLine) Cell { return b.ownGroups(c.Computer) }),
		ask("status", "Status", KindIdentifier, 0, func(c computerLine) Cell { return c.state.String() }),
		ask("why", "Why no status", KindIdentifier, 3, func(c computerLine) Cell { return c.why.String() }),
	}, computerCountFields()...)
	fields = append(fields,
		ask("restart_pending", "Restart pending", KindFlag, 6, func(c computerLine) Cell { return len(c.Pending) > 0 || c.t.Pending > 0 }),
		ask("restart_reasons", "Restart reasons", KindList, 24, func(c computerLine) Cell { return c.Pending }),
		ask("version", "Agent", KindIdentifier, 14, func(c computerLine) Cell { return c.Agent }),
		ask("mode", "Mode", KindIdentifier, 11, func(c computerLine) Cell { return b.policy(c.Computer).Mode.String() }),
		ask("install_at", "Installs", KindIdentifier, 20, func(c computerLine) Cell { return installTime(b.policy(c.Computer)) }),
		ask("restart", "Restarts", KindIdentifier, 21, func(c computerLine) Cell { return restartWord(b.policy(c.Computer)) }),
		ask("scan_error", "Scan error", KindText, 12, func(c computerLine) Cell { return c.Scan.Error }),
		ask("lists", "Package lists of", KindTime, 23, func(c computerLine) Cell { return b.at(c.Scan.ListAge) }),
		ask("first_seen", "First seen", KindTime, 25, func(c computerLine) Cell { return b.at(c.FirstSeen) }),
		ask("contact", "Last contact", KindTime, 5, func(c computerLine) Cell { return b.at(c.Contacted) }),
		ask("reported", "Last report", KindTime, 6, func(c computerLine) Cell { return b.at(c.Reported) }),
		ask("computed", "Computed", KindTime, 26, func(c computerLine) Cell { return b.at(b.snap.Computed(c.Number)) }),
		ask("next_check_in", "Next check-in", KindTime, 15, func(c computerLine) Cell { return b.at(c.NextCheck) }),
	)
	s := section("computers", "Computers", "No computer is in scope.", lines, fields)
	s.note("Percentages are of the updates that count on the computer; those without status are in the base. Computed is when the server re-evaluated the last reported inventory against a newer catalogue.")
	b.report.Sections = append(b.report.Sections, s)
	return nil
}

// packageLine is one package that a computer could upgrade.
type packageLine struct {
	c *model.Computer
	n model.NeededPackage
}

// computerDetails builds computer-detailed-status.
func (b *builder) computerDetails() error {
	lines, err := b.computerLines()
	if err != nil {
		return err
	}
	m := b.measured
	classes := b.fleet.classify()
	var pairs []updatePair
	var packages []packageLine
	left, leftPackages := 0, 0
	for i, l := range lines {
		if i%64 == 0 && b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		needed := m.needed[l.place]
		if len(pairs) >= pairLimit {
			left += len(needed)
			continue
		}
		status := &model.Status{}
		if l.reported {
			if status, err = b.status(l.Number); err != nil {
				return err
			}
		}
		k := classes[b.fleet.classOf[l.place]]
		for _, u := range needed {
			p := updatePair{u: b.snap.Row(u), c: l.Computer, state: b.snap.State(l.Number, u), approval: b.fleet.effective(k, u)}
			if p.state == model.StateFailed {
				p.failure = lastFailure(status.Failures, p.u.ID)
			}
			pairs = append(pairs, p)
		}
		for _, list := range [][]model.NeededPackage{status.Packages, status.Others} {
			for _, n := range list {
				if len(packages) >= pairLimit {
					leftPackages++
					continue
				}
				packages = append(packages, packageLine{l.Computer, n})
			}
		}
	}
	fields := append([]field[computerLine]{
		ask("name", "Computer", KindText, 0, func(c computerLine) Cell { return c.Name }),
		ask("os", "Operating system", KindText, 3, func(c computerLine) Cell { return c.OS }),
		ask("status", "Status", KindIdentifier, 0, func(c computerLine) Cell { return c.state.String() }),
	}, computerCountFields()...)
	fields = append(fields, ask("reported", "Last report", KindTime, 5, func(c computerLine) Cell { return b.at(c.Reported) }))
	b.report.Sections = append(b.report.Sections, section("computers", "Computers", "No computer is in scope.", lines, fields))
	b.report.Sections[0].note("Percentages are of the updates that count on the computer; those without status are in the base.")
	updates := section("updates", "Needed and failed updates by computer", "No computer in scope needs an update.", pairs, []field[updatePair]{
		ask("computer", "Computer", KindText, 0, func(p updatePair) Cell { return p.c.Name }),
		field[updatePair]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 9}, func(p updatePair) Cell { return string(p.u.ID) }},
		ask("title", "Update", KindText, 0, func(p updatePair) Cell { return p.u.Title }),
		ask("class", "Class", KindText, 4, func(p updatePair) Cell { return p.u.Class.String() }),
		ask("severity", "Severity", KindText, 5, func(p updatePair) Cell { return p.u.Severity.String() }),
		ask("state", "State", KindIdentifier, 0, func(p updatePair) Cell { return stateWord(p.state) }),
		ask("approval", "Approval", KindIdentifier, 1, func(p updatePair) Cell { return p.approval.Action.String() }),
		ask("approval_group", "By group", KindText, 7, func(p updatePair) Cell { return b.approvalGroup(p.approval) }),
		ask("deadline", "Deadline", KindTime, 3, func(p updatePair) Cell { return b.at(p.approval.Deadline) }),
		sentence("reason", "Reason", 2, func(p updatePair) Cell {
			if p.failure == nil {
				return nil
			}
			return p.failure.Code + ": " + p.failure.Text
		}),
	})
	if left > 0 {
		updates.note("The list was cut: %d further rows are left out. Narrow the report with a query or a group.", left)
	}
	list := section("packages", "Packages by computer", "No computer in scope reported a package that could be upgraded.", packages, []field[packageLine]{
		ask("computer", "Computer", KindText, 0, func(p packageLine) Cell { return p.c.Name }),
		ask("package", "Package", KindIdentifier, 0, func(p packageLine) Cell { return p.n.Package }),
		ask("arch", "Arch", KindIdentifier, 3, func(p packageLine) Cell { return p.n.Arch }),
		ask("installed", "Installed", KindIdentifier, 2, func(p packageLine) Cell { return p.n.Installed }),
		ask("candidate", "Candidate", KindIdentifier, 0, func(p packageLine) Cell { return p.n.Candidate }),
		ask("state", "State", KindIdentifier, 0, func(p packageLine) Cell { return p.n.State.String() }),
		ask("security", "Security", KindFlag, 4, func(p packageLine) Cell { return p.n.Security }),
		sentence("reason", "Reason", 1, func(p packageLine) Cell { return p.n.Reason }),
		field[packageLine]{Column{Key: "update", Title: "Update", Kind: KindIdentifier, Rank: 9}, func(p packageLine) Cell { return string(p.n.Update) }},
	})
	list.note("As each computer last reported it, whatever the report's base.")
	if leftPackages > 0 || left > 0 {
		list.note("The list was cut. Narrow the report with a query or a group.")
	}
	b.report.Sections = append(b.report.Sections, updates, list)
	return nil
}
