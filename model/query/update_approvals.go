package query

import (
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// installs says whether an own approval of one of the groups is Install.
func installs(approvals []model.Approval, groups []model.GroupID) bool {
	for _, a := range approvals {
		if a.Action == model.ActionInstall && slices.Contains(groups, a.Group) {
			return true
		}
	}
	return false
}

func has(approvals []model.Approval, action model.Action) bool {
	for _, a := range approvals {
		if a.Action == action {
			return true
		}
	}
	return false
}

// buildApproved tests own approvals. Not approved means: not declined and no
// Install anywhere (semantics 3.6).
func buildApproved(b *binder, t *term) (updateTest, cost, *Error) {
	if err := noCompare(t); err != nil {
		return nil, 0, err
	}
	var slots []int
	anyGroup, none := false, false
	for i := range t.values {
		v := &t.values[i]
		v.op = opNone
		switch {
		case v.keyword("any"):
			anyGroup = true
		case v.keyword("none"):
			none = true
		default:
			slots = append(slots, b.group(t.field, *v))
		}
	}
	switch {
	case !none:
		b.narrow = func(e *env) (*roaring.Bitmap, bool) { return approvedForInstall(e), anyGroup }
	case !anyGroup && len(slots) == 0:
		b.narrow = func(e *env) (*roaring.Bitmap, bool) {
			return roaring.AndNot(listedUpdates(e), roaring.Or(e.ix.Approved(model.ActionInstall), e.ix.Flag(model.FlagDeclined))), true
		}
	}
	return func(e *env, r *model.UpdateRow) bool {
		approvals := e.approvalsOf(r)
		if anyGroup || none {
			if has(approvals, model.ActionInstall) {
				if anyGroup {
					return true
				}
			} else if none && !r.Has(model.FlagDeclined) {
				return true
			}
		}
		for _, s := range slots {
			if installs(approvals, e.res.groups[s]) {
				return true
			}
		}
		return false
	}, costApproval, nil
}

// buildEffective tests what a group inherits too: the approvals of the group
// and its ancestors are weighed as for a computer of that group alone.
func buildEffective(b *binder, t *term) (updateTest, cost, *Error) {
	slots, err := groupSlots(b, t)
	if err != nil {
		return nil, 0, err
	}
	for i := range t.values {
		t.values[i].op = opNone
	}
	b.narrow = func(e *env) (*roaring.Bitmap, bool) { return approvedForInstall(e), false }
	return func(e *env, r *model.UpdateRow) bool {
		approvals := e.approvalsOf(r)
		if !has(approvals, model.ActionInstall) {
			return false // without an Install none can win
		}
		for _, s := range slots {
			for _, chain := range e.res.chains[s] {
				e.weighed = e.weighed[:0]
				for _, a := range approvals {
					if slices.Contains(chain, a.Group) {
						e.weighed = append(e.weighed, a)
					}
				}
				if len(e.weighed) > 0 && model.ResolveApproval(e.tree, false, e.weighed).Approved() {
					return true
				}
			}
		}
		return false
	}, costWeigh, nil
}

// approvalField is approval:, which says how an update stands over all groups.
func approvalField() field[*model.UpdateRow] {
	all := []Suggestion{
		{"install", "approved for installation by at least one group"}, {"uninstall", "approved for removal by at least one group"},
		{"not-approved", "approved by no group, and not declined"}, {"declined", "declined"},
	}
	build := func(_ *binder, t *term) (updateTest, cost, *Error) {
		set, err := words(t, all, map[string]string{"none": "not-approved"}, false)
		if err != nil {
			return nil, 0, err
		}
		onlyDeclined := set == 1<<3
		c := costApproval
		if onlyDeclined {
			c = costFlag
		}
		return func(e *env, r *model.UpdateRow) bool {
			if onlyDeclined || r.Has(model.FlagDeclined) {
				return set&(1<<3) != 0 && r.Has(model.FlagDeclined)
			}
			approvals := e.approvalsOf(r)
			install, uninstall := has(approvals, model.ActionInstall), has(approvals, model.ActionUninstall)
			return install && set&1 != 0 || uninstall && set&2 != 0 || !install && !uninstall && set&4 != 0
		}, c, nil
	}
	return field[*model.UpdateRow]{FieldHelp: FieldHelp{"approval", "what groups say of it: install, uninstall, not-approved or declined", "approval:not-approved"}, words: all, build: build}
}

// earliest gives the earliest deadline of the approvals, or zero.
func earliest(approvals []model.Approval) time.Time {
	var first time.Time
	for _, a := range approvals {
		if !a.Deadline.IsZero() && (first.IsZero() || a.Deadline.Before(first)) {
			first = a.Deadline
		}
	}
	return first
}

func buildDeadline(b *binder, t *term) (updateTest, cost, *Error) {
	some, none := false, false
	var slots []int
	for i := range t.values {
		v := &t.values[i]
		switch {
		case !v.op.compares() && v.keyword("any"):
			v.op, some = opNone, true
		case !v.op.compares() && v.keyword("none"):
			v.op, none = opNone, true
		default:
			got, err := instant(b, t.field, v, true)
			if err != nil {
				return nil, 0, err
			}
			slots = append(slots, got)
		}
	}
	return func(e *env, r *model.UpdateRow) bool {
		first := earliest(e.approvalsOf(r))
		if first.IsZero() {
			return none
		}
		return some || e.within(slots, first)
	}, costApproval, nil
}

// isUpdateField is is: with its words.
func isUpdateField() field[*model.UpdateRow] {
	flag := func(word, meaning string, f model.UpdateFlags) isWord[*model.UpdateRow] {
		return isWord[*model.UpdateRow]{Suggestion: Suggestion{word, meaning}, cost: costFlag, test: func(_ *env, r *model.UpdateRow) bool { return r.Has(f) }, narrow: byFlag(f)}
	}
	return isField("a fact about it: declined, superseded, withdrawn, exploited and so on", "is:exploited", []isWord[*model.UpdateRow]{
		flag("declined", "declined for every group", model.FlagDeclined),
		flag("superseded", "another update replaces it", model.FlagSuperseded),
		flag("superseding", "it replaces another update", model.FlagSuperseding),
		flag("expired", "its publisher no longer stands behind it", model.FlagExpired),
		{Suggestion: Suggestion{"stale", "an older revision holds the approval"}, cost: costApproval,
			test: func(e *env, r *model.UpdateRow) bool { return e.w.StaleApproval(r.Number) }},
		flag("removable", "it can be uninstalled", model.FlagRemovable),
		flag("restart", "it may require a restart", model.FlagMayRestart),
		flag("exploited", "it is on the known-exploited list", model.FlagExploited),
		flag("required", "it updates Fettle itself", model.FlagRequired),
		flag("licence", "its licence must be accepted before approval", model.FlagLicence),
		flag("withdrawn", "its archive no longer offers it", model.FlagWithdrawn),
		{Suggestion: Suggestion{"overdue", "a deadline has passed and a computer of that group still needs it"}, cost: costWeigh, relative: true, groups: true, test: overdue,
			narrow: func(e *env) (*roaring.Bitmap, bool) { return approvedForInstall(e), false }},
		{Suggestion: Suggestion{"new", "it came since the last visit"}, cost: costTime, test: func(e *env, r *model.UpdateRow) bool {
			last := e.w.LastVisit()
			return !last.IsZero() && r.Arrived.After(last)
		}},
		{Suggestion: Suggestion{"later", "it is to be decided later, and nothing new happened to it since"}, cost: costCounts, relative: true, groups: true, test: func(e *env, r *model.UpdateRow) bool {
			return !r.Has(model.FlagDeclined) && e.w.Postponed(r.Number, e.now)
		}},
	})
}

// overdue says whether the deadline of an approval has passed while computers
// of its group need the update, or failed to install it (semantics 3.1: "who
// needs it?"). in:GROUP looks at that group and those below it.
func overdue(e *env, r *model.UpdateRow) bool {
	if e.tree == nil {
		return false
	}
	for _, a := range e.approvalsOf(r) {
		if a.Action != model.ActionInstall || a.Deadline.IsZero() || a.Deadline.After(e.now) {
			continue
		}
		g := a.Group
		if !e.tree.Within(g, e.scope) {
			if !e.tree.Within(e.scope, g) {
				continue
			}
			g = e.scope
		}
		if c := e.w.Counts(r.Number, g); c.Needed+c.Failed > 0 {
			return true
		}
	}
	return false
}
