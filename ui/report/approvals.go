package report

import (
	"cmp"
	"slices"

	"fettle/model"
)

// approvalLine is one group's own approval of one update.
type approvalLine struct {
	u *model.UpdateRow
	a model.Approval
	d *model.Deployment // nil when its record is not shown
	c model.Counts      // of the approving group
}

// approvals builds the report of that name.
func (b *builder) approvals() error {
	var lines []approvalLine
	rank := map[model.GroupID]int{}
	for i, g := range b.snap.Groups().Order() {
		rank[g] = i
	}
	install, uninstall, barred := 0, 0, 0
	for i, r := range b.rows {
		if i%256 == 0 && b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		for _, a := range b.own(r.Number) {
			lines = append(lines, approvalLine{r, a, b.snap.Deployment(a.Deployment), b.snap.Counts(r.Number, a.Group)})
			switch a.Action {
			case model.ActionInstall:
				install++
			case model.ActionUninstall:
				uninstall++
			default:
				barred++
			}
		}
	}
	slices.SortFunc(lines, func(x, y approvalLine) int {
		return cmp.Or(cmp.Compare(x.u.Title, y.u.Title), cmp.Compare(x.u.Number, y.u.Number), cmp.Compare(rank[x.a.Group], rank[y.a.Group]))
	})
	var declined []*model.UpdateRow
	if b.query == "" {
		for _, r := range b.snap.Updates() {
			if r.Has(model.FlagDeclined) {
				declined = append(declined, r)
			}
		}
		slices.SortFunc(declined, func(x, y *model.UpdateRow) int {
			return cmp.Or(cmp.Compare(x.Title, y.Title), cmp.Compare(x.Number, y.Number))
		})
	}
	totals := figures([]figure{
		{key: "install", title: "Approvals for installation", n: install},
		{key: "uninstall", title: "Approvals for removal", n: uninstall},
		{key: "not_approved", title: "Set to Not Approved", n: barred},
	})
	b.noteDeclined(&totals)
	list := section("approvals", "Approvals", "Nothing in scope is approved.", lines, []field[approvalLine]{
		field[approvalLine]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 12}, func(l approvalLine) Cell { return string(l.u.ID) }},
		ask("title", "Update", KindText, 0, func(l approvalLine) Cell { return l.u.Title }),
		ask("group", "Group", KindText, 0, func(l approvalLine) Cell { return b.groupName(l.a.Group) }),
		ask("action", "Action", KindIdentifier, 0, func(l approvalLine) Cell { return l.a.Action.String() }),
		ask("deadline", "Deadline", KindTime, 1, func(l approvalLine) Cell { return b.at(l.a.Deadline) }),
		ask("overdue", "Overdue", KindFlag, 4, func(l approvalLine) Cell {
			return l.a.Action == model.ActionInstall && !l.a.Deadline.IsZero() && l.a.Deadline.Before(b.p.Now) && l.c.Needed+l.c.Failed > 0
		}),
		ask("is", "Is", KindList, 6, func(l approvalLine) Cell { return flagWords(l.u) }),
		ask("deployment", "Deployment", KindCount, 3, func(l approvalLine) Cell { return int(l.a.Deployment) }),
		ask("name", "Name", KindText, 11, func(l approvalLine) Cell {
			if l.d == nil {
				return nil
			}
			return l.d.Name
		}),
		ask("author", "By", KindText, 5, func(l approvalLine) Cell {
			if l.d == nil {
				return nil
			}
			return l.d.Author
		}),
		ask("time", "Approved", KindTime, 7, func(l approvalLine) Cell {
			if l.d == nil {
				return nil
			}
			return b.at(l.d.Time)
		}),
		ask("remark", "Remark", KindText, 13, func(l approvalLine) Cell {
			if l.d == nil {
				return nil
			}
			return l.d.Remark
		}),
		ask("computers", "Computers", KindCount, 9, func(l approvalLine) Cell { return l.c.Computers }),
		ask("needed", "Needed", KindCount, 2, func(l approvalLine) Cell { return l.c.Needed }),
		ask("failed", "Failed", KindCount, 2, func(l approvalLine) Cell { return l.c.Failed }),
		ask("installed", "Installed", KindCount, 8, func(l approvalLine) Cell { return l.c.Installed }),
		ask("no_status", "No status", KindCount, 10, func(l approvalLine) Cell { return l.c.Unknown }),
	})
	list.note("Each group's own approvals; a deeper group's may hold instead on some computers. Counts are of all computers of the approving group.")
	b.report.Sections = append(b.report.Sections, totals, list)
	if b.query == "" {
		b.report.Sections = append(b.report.Sections, section("declined", "Declined", "No update is declined.", declined, []field[*model.UpdateRow]{
			field[*model.UpdateRow]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 1}, func(r *model.UpdateRow) Cell { return string(r.ID) }},
			ask("title", "Update", KindText, 0, func(r *model.UpdateRow) Cell { return r.Title }),
			ask("class", "Class", KindText, 2, func(r *model.UpdateRow) Cell { return r.Class.String() }),
		}))
	}
	return nil
}
