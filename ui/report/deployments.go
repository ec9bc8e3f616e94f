package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/store"
)

// deploymentLine is one deployment with its progress in the report's scope.
type deploymentLine struct {
	d       *model.Deployment
	updates []uint32 // of the deployment, those in scope
	total   store.Pairs
	groups  []store.Pairs          // as d.Groups
	each    []store.UpdateProgress // of those that concern any computer in scope
}

// progressOf asks the store how far deployments are in the report's scope.
func (b *builder) progressOf(lines []*deploymentLine) error {
	computers := roaring.BitmapOf(b.fleet.members...)
	for _, l := range lines {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		pr := b.snap.ProgressWithin(l.d.ID, roaring.BitmapOf(l.updates...), computers, b.p.Now)
		if pr == nil {
			continue
		}
		l.total, l.each = pr.Total, pr.Updates
		for _, g := range pr.Groups {
			l.groups = append(l.groups, g.Pairs)
		}
	}
	return nil
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
		ask("never_reported", "Never reported", KindCount, 11, func(t T) Cell { return pairs(t).Why.Never }),
		ask("stale", "Silent", KindCount, 12, func(t T) Cell { return pairs(t).Why.Stale }),
		ask("newer_than_report", "Newer", KindCount, 13, func(t T) Cell { return pairs(t).Why.Newer }),
		ask("declined", "Declined", KindCount, 14, func(t T) Cell { return pairs(t).Why.Declined }),
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
	deployments.note("Numbers are of pairs of a computer and an update. Progress is what is installed, in percent of the pairs to which the update applies; pairs without status are not part of that, because it is not known whether the update applies: the computer never reported, has been silent for 30 days, reported before the update came, or the update is declined. Other approval: another approval than this deployment's holds there.")
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
		idle += len(l.updates) - len(l.each)
		for i := range l.each {
			if len(updates) >= pairLimit {
				left += len(l.each) - i
				break
			}
			updates = append(updates, updateOf{l, i})
		}
	}
	row := func(u updateOf) *model.UpdateRow { return b.snap.Row(u.l.each[u.i].Update) }
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
	}, pairFields(func(u updateOf) store.Pairs { return u.l.each[u.i].Pairs })...))
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
		for _, u := range l.each {
			if len(u.Failed) > 0 {
				failed[u.Update] = true
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
