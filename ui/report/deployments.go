package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/store"
)

// deploymentLine is one deployment with its progress in the report's scope.
type deploymentLine struct {
	d       *model.Deployment
	updates []uint32 // of the deployment, those in scope
	total   store.Pairs
	groups  []store.Pairs // as d.Groups
	each    []store.Pairs // as updates
}

// progressOf computes how far deployments are, with the meaning of
// Snapshot.Progress: pairs of a computer and an update that applies there. It
// looks at each class of computers once and at each computer only where its
// state is one of those that stay small, instead of at every pair.
func (b *builder) progressOf(lines []*deploymentLine) error {
	f, snap := b.fleet, b.snap
	wanted := make([]bool, snap.LastUpdate()+1)
	for _, l := range lines {
		l.groups, l.each = make([]store.Pairs, len(l.d.Groups)), make([]store.Pairs, len(l.updates))
		for _, u := range l.updates {
			wanted[u] = true
		}
	}
	// The small states by class: of each update, the places where it is in one.
	small := map[uint32]map[int32][]int32{}
	classes := f.classify()
	for n, is := range wanted {
		u := uint32(n)
		if r := snap.Row(u); !is || r == nil || r.Has(model.FlagDeclined) {
			continue
		}
		for _, n := range snap.NeededOn(u, b.group) {
			if p, ok := f.at(n); ok {
				if small[u] == nil {
					small[u] = map[int32][]int32{}
				}
				small[u][f.classOf[p]] = append(small[u][f.classOf[p]], p)
			}
		}
	}
	installed := make([]int, snap.LastUpdate()+1)
	for ki, k := range classes {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		// How far the reports of the class reach, and what they have installed.
		var reach []uint32
		var touched []uint32
		for _, p := range k.places {
			if f.reported[p] {
				reach = append(reach, f.evaluated[p])
			}
			for _, u := range snap.InstalledOn(f.members[p]) {
				if wanted[u] {
					installed[u]++
					touched = append(touched, u)
				}
			}
		}
		slices.Sort(reach)
		silent := len(k.places) - len(reach)
		memo := map[uint32]uint64{}
		for _, l := range lines {
			var inside []int
			for i, ga := range l.d.Groups {
				if ga.Action == model.ActionInstall && k.groups[ga.Group] {
					inside = append(inside, i)
				}
			}
			if len(inside) == 0 {
				continue
			}
			for i, u := range l.updates {
				pairs := store.Pairs{}
				if r := snap.Row(u); r == nil || r.Has(model.FlagDeclined) {
					pairs.Unknown = len(k.places)
				} else {
					below, _ := slices.BinarySearch(reach, u)
					pairs.Unknown = silent + below
					pairs.Installed = installed[u]
					pairs.Applicable = installed[u]
					if places := small[u][int32(ki)]; len(places) > 0 {
						holds, known := memo[u]
						if !known {
							holds = f.effective(k, u).Deployment
							memo[u] = holds
						}
						b.countSmall(&pairs, u, places, holds == l.d.ID)
					}
				}
				add(&l.total, pairs)
				add(&l.each[i], pairs)
				for _, g := range inside {
					add(&l.groups[g], pairs)
				}
			}
		}
		for _, u := range touched {
			installed[u] = 0
		}
	}
	return nil
}

// countSmall counts the places where an update is needed or failed; ours says
// whether the deployment's own approval holds there.
func (b *builder) countSmall(p *store.Pairs, update uint32, places []int32, ours bool) {
	for _, place := range places {
		if !ours {
			p.Overridden++
			continue
		}
		p.Applicable++
		switch b.snap.State(b.fleet.members[place], update) {
		case model.StateFailed:
			p.Failed++
		case model.StateInstalledPendingReboot:
			p.Pending++
		default:
			p.Waiting++
		}
	}
}

func add(p *store.Pairs, o store.Pairs) {
	p.Applicable += o.Applicable
	p.Installed += o.Installed
	p.Failed += o.Failed
	p.Pending += o.Pending
	p.Waiting += o.Waiting
	p.Overridden += o.Overridden
	p.Unknown += o.Unknown
}

// pairFields are the columns of progress. No status is not part of the base,
// because it is not known whether the update applies.
func pairFields[T any](pairs func(T) store.Pairs) []field[T] {
	return []field[T]{
		ask("applicable", "Applies", KindCount, 1, func(t T) Cell { return pairs(t).Applicable }),
		ask("installed", "Installed", KindCount, 0, func(t T) Cell { return pairs(t).Installed }),
		ask("failed", "Failed", KindCount, 0, func(t T) Cell { return pairs(t).Failed }),
		ask("pending_restart", "Restart", KindCount, 2, func(t T) Cell { return pairs(t).Pending }),
		ask("waiting", "Waiting", KindCount, 0, func(t T) Cell { return pairs(t).Waiting }),
		ask("overridden", "Other approval", KindCount, 3, func(t T) Cell { return pairs(t).Overridden }),
		ask("no_status", "No status", KindCount, 0, func(t T) Cell { return pairs(t).Unknown }),
		percent("progress", "Progress", "applicable", "no_status", func(t T) Share { return Share{pairs(t).Installed, pairs(t).Applicable} }),
	}
}

// deploymentState says in a word how a deployment stands.
func (b *builder) deploymentState(l *deploymentLine) string {
	switch {
	case l.d.Undone:
		return "taken back"
	case l.total.Failed > 0:
		return "failures"
	case l.total.Waiting+l.total.Pending > 0:
		return "in progress"
	case l.total.Unknown > 0:
		return "not known"
	case l.total.Applicable == 0:
		return "nothing to do"
	}
	return "done"
}

// deploymentProgress builds deployment-progress.
func (b *builder) deploymentProgress() error {
	var lines []*deploymentLine
	all := 0
	for _, d := range b.snap.Deployments() {
		all++
		l := &deploymentLine{d: d}
		for _, u := range d.Updates {
			// Without a query also those that were declined since: they explain
			// why a deployment does not go on.
			if b.query == "" || int(u) < len(b.fleet.inside) && b.fleet.inside[u] {
				l.updates = append(l.updates, u)
			}
		}
		if len(l.updates) > 0 && slices.ContainsFunc(d.Groups, func(g model.GroupAction) bool { return b.concerns(g.Group) }) {
			lines = append(lines, l)
		}
	}
	if err := b.progressOf(lines); err != nil {
		return err
	}
	fields := append([]field[*deploymentLine]{
		ask("id", "No.", KindCount, 0, func(l *deploymentLine) Cell { return int(l.d.ID) }),
		ask("name", "Name", KindText, 0, func(l *deploymentLine) Cell { return l.d.Name }),
		ask("state", "State", KindIdentifier, 0, func(l *deploymentLine) Cell { return b.deploymentState(l) }),
		ask("author", "Author", KindText, 6, func(l *deploymentLine) Cell { return l.d.Author }),
		ask("time", "Made", KindTime, 5, func(l *deploymentLine) Cell { return b.at(l.d.Time) }),
		ask("rule", "Rule", KindText, 9, func(l *deploymentLine) Cell { return l.d.Rule }),
		ask("remark", "Remark", KindText, 10, func(l *deploymentLine) Cell { return l.d.Remark }),
		ask("groups", "Groups", KindList, 7, func(l *deploymentLine) Cell {
			var names []string
			for _, g := range l.d.Groups {
				names = append(names, b.deployedGroup(g.Group))
			}
			return names
		}),
		ask("deadline", "Deadline", KindTime, 4, func(l *deploymentLine) Cell { return b.firstDeadline(l.d) }),
		ask("updates", "Updates", KindCount, 8, func(l *deploymentLine) Cell { return len(l.updates) }),
	}, pairFields(func(l *deploymentLine) store.Pairs { return l.total })...)
	deployments := section("deployments", "Deployments", "There is no deployment in scope.", lines, fields)
	deployments.note("Numbers are of pairs of a computer and an update. Progress is what is installed, in percent of the pairs to which the update applies; pairs without status are not part of that, because it is not known whether the update applies. Other approval: another approval than this deployment's holds there.")
	if n := all - len(lines); n > 0 {
		deployments.note("Left out: %s outside the report's scope.", count(n, "deployment"))
	}

	type groupLine struct {
		l *deploymentLine
		i int
	}
	var groups []groupLine
	for _, l := range lines {
		for i := range l.d.Groups {
			groups = append(groups, groupLine{l, i})
		}
	}
	perGroup := section("groups", "By computer group", "There is no deployment in scope.", groups, append([]field[groupLine]{
		ask("deployment", "No.", KindCount, 0, func(g groupLine) Cell { return int(g.l.d.ID) }),
		ask("group", "Group", KindText, 0, func(g groupLine) Cell { return b.deployedGroup(g.l.d.Groups[g.i].Group) }),
		ask("action", "Action", KindIdentifier, 0, func(g groupLine) Cell { return g.l.d.Groups[g.i].Action.String() }),
		ask("deadline", "Deadline", KindTime, 4, func(g groupLine) Cell { return b.at(g.l.d.Groups[g.i].Deadline) }),
	}, pairFields(func(g groupLine) store.Pairs { return g.l.groups[g.i] })...))
	perGroup.note("A computer in several groups of a deployment counts in each of them, but once in the deployment. Progress is counted for installations only.")

	type updateOf struct {
		l *deploymentLine
		i int
	}
	var updates []updateOf
	left, idle := 0, 0
	for _, l := range lines {
		for i, p := range l.each {
			switch {
			case p.Applicable+p.Overridden+p.Unknown == 0:
				idle++
			case len(updates) >= pairLimit:
				left++
			default:
				updates = append(updates, updateOf{l, i})
			}
		}
	}
	row := func(u updateOf) *model.UpdateRow { return b.snap.Row(u.l.updates[u.i]) }
	perUpdate := section("updates", "By update", "No update of a deployment in scope concerns any computer.", updates, append([]field[updateOf]{
		ask("deployment", "No.", KindCount, 0, func(u updateOf) Cell { return int(u.l.d.ID) }),
		field[updateOf]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 9}, func(u updateOf) Cell { return string(row(u).ID) }},
		ask("title", "Update", KindText, 0, func(u updateOf) Cell { return row(u).Title }),
		ask("is", "Is", KindList, 5, func(u updateOf) Cell {
			words := flagWords(row(u))
			if row(u).Has(model.FlagDeclined) {
				words = append([]string{"declined"}, words...)
			}
			return words
		}),
	}, pairFields(func(u updateOf) store.Pairs { return u.l.each[u.i] })...))
	if idle > 0 {
		perUpdate.note("Left out: %s of deployments that apply to no computer in scope.", count(idle, "update"))
	}
	if left > 0 {
		perUpdate.note("The list was cut: %d further rows are left out. Narrow the report with a query or a group.", left)
	}

	pairs, cut, err := b.deploymentFailures(lines)
	if err != nil {
		return err
	}
	failures := section("failures", "What holds it up: failures", "Nothing failed.", pairs, []field[updatePair]{
		ask("deployment", "No.", KindCount, 0, func(p updatePair) Cell { return int(p.approval.Deployment) }),
		ask("computer", "Computer", KindText, 0, func(p updatePair) Cell { return p.c.Name }),
		field[updatePair]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 9}, func(p updatePair) Cell { return string(p.u.ID) }},
		ask("title", "Update", KindText, 0, func(p updatePair) Cell { return p.u.Title }),
		ask("failed_at", "Failed at", KindTime, 2, func(p updatePair) Cell {
			if p.failure == nil {
				return nil
			}
			return b.at(p.failure.Time)
		}),
		sentence("reason", "Reason", 1, func(p updatePair) Cell {
			if p.failure == nil {
				return nil
			}
			return p.failure.Code + ": " + p.failure.Text
		}),
	})
	if cut > 0 {
		failures.note("The list was cut: %d further rows are left out. Narrow the report with a query or a group.", cut)
	}
	b.report.Sections = append(b.report.Sections, deployments, perGroup, perUpdate, failures)
	return nil
}

// deployedGroup names a group of a deployment, which may be gone.
func (b *builder) deployedGroup(id model.GroupID) string {
	if b.snap.Groups().Group(id) == nil {
		return string(id) + " (removed)"
	}
	return b.groupName(id)
}

// firstDeadline is the earliest deadline of a deployment.
func (b *builder) firstDeadline(d *model.Deployment) Cell {
	var first time.Time
	for _, g := range d.Groups {
		if !g.Deadline.IsZero() && (first.IsZero() || g.Deadline.Before(first)) {
			first = g.Deadline
		}
	}
	return b.at(first)
}

// deploymentFailures lists where an update of a deployment in scope failed and
// the deployment's approval holds.
func (b *builder) deploymentFailures(lines []*deploymentLine) ([]updatePair, int, error) {
	ours := map[uint64]bool{}
	failed := map[uint32]bool{}
	for _, l := range lines {
		ours[l.d.ID] = true
		for i, p := range l.each {
			if p.Failed > 0 {
				failed[l.updates[i]] = true
			}
		}
	}
	var some []updateLine
	for u := range failed {
		r := b.snap.Row(u)
		some = append(some, updateLine{UpdateRow: r, c: model.Counts{Failed: len(b.snap.ComputersWith(u, b.group, model.StateFailed))}})
	}
	slices.SortFunc(some, func(x, y updateLine) int {
		return cmp.Or(strings.Compare(x.Title, y.Title), cmp.Compare(x.Number, y.Number))
	})
	pairs, left, err := b.pairs(some, []model.InstallationState{model.StateFailed})
	return slices.DeleteFunc(pairs, func(p updatePair) bool { return !ours[p.approval.Deployment] }), left, err
}
