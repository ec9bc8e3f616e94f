package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// problem is one thing that does not work, with the way to the remedy.
type problem struct {
	level    model.NoticeLevel
	kind     string // stable and short
	computer string
	update   *model.UpdateRow
	n        int // computers concerned
	since    time.Time
	text     string
	remedy   string
}

// quoted writes a word so that a shell takes it as one.
func quoted(s string) string {
	s = model.Clean(s)
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./:+~@", r)
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// problems builds the report of that name (seed, step 6; users.md, rank 4).
func (b *builder) problems() error {
	var all []problem
	left := 0
	found := func(p problem) {
		if len(all) >= pairLimit {
			left++
			return
		}
		all = append(all, p)
	}
	if b.group == model.GroupAll && b.query == "" {
		b.synchronizationProblems(found)
	}
	overdue, gone := map[uint32]*problem{}, map[uint32]*problem{}
	classes := b.fleet.classify()
	for i, c := range b.computers {
		if i%64 == 0 && b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		b.contactProblems(c, b.fleet.reported[i], found)
		if !b.fleet.reported[i] {
			continue
		}
		status, err := b.status(c.Number)
		if err != nil {
			return err
		}
		b.updateProblems(c, classes[b.fleet.classOf[i]], status, overdue, gone, found)
	}
	for _, late := range []map[uint32]*problem{overdue, gone} {
		for _, p := range late {
			found(*p)
		}
	}
	slices.SortStableFunc(all, func(x, y problem) int {
		return cmp.Or(-cmp.Compare(x.level, y.level), cmp.Compare(x.kind, y.kind), cmp.Compare(strings.ToLower(x.computer), strings.ToLower(y.computer)),
			cmp.Compare(x.title(), y.title()), cmp.Compare(x.number(), y.number()), cmp.Compare(x.text, y.text))
	})
	kinds := map[string]*problem{}
	var order []*problem
	for _, p := range all {
		k := kinds[p.kind]
		if k == nil {
			k = &problem{kind: p.kind, level: p.level}
			kinds[p.kind] = k
			order = append(order, k)
		}
		k.n++
	}
	sum := section("kinds", "Problems by kind", "No problem was found in what is known.", order, []field[*problem]{
		ask("level", "Level", KindIdentifier, 0, func(p *problem) Cell { return levelWord(p.level) }),
		ask("kind", "Kind", KindIdentifier, 0, func(p *problem) Cell { return p.kind }),
		ask("problems", "Number", KindCount, 0, func(p *problem) Cell { return p.n }),
	})
	list := section("problems", "Problems", "No problem was found in what is known.", all, []field[problem]{
		ask("level", "Level", KindIdentifier, 0, func(p problem) Cell { return levelWord(p.level) }),
		ask("kind", "Kind", KindIdentifier, 6, func(p problem) Cell { return p.kind }),
		ask("computer", "Computer", KindText, 0, func(p problem) Cell { return p.computer }),
		field[problem]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 9}, func(p problem) Cell {
			if p.update == nil {
				return nil
			}
			return string(p.update.ID)
		}},
		ask("title", "Update", KindText, 4, func(p problem) Cell { return p.title() }),
		ask("computers", "Computers", KindCount, 5, func(p problem) Cell {
			if p.n == 0 {
				return nil
			}
			return p.n
		}),
		ask("since", "Since", KindTime, 3, func(p problem) Cell { return b.at(p.since) }),
		sentence("problem", "Problem", 0, func(p problem) Cell { return p.text }),
		sentence("remedy", "Remedy", 2, func(p problem) Cell { return p.remedy }),
	})
	if left > 0 {
		list.note("The list was cut: %d further problems are left out. Narrow the report with a query or a group.", left)
	}
	if n := b.neverReported(); n > 0 {
		list.note("Never reported: %d of %s. Nothing is known of them, so they may have further problems.", n, count(len(b.computers), "computer"))
	}
	b.report.Sections = append(b.report.Sections, sum, list)
	return nil
}

func (p *problem) title() string {
	if p.update == nil {
		return ""
	}
	return p.update.Title
}

func (p *problem) number() uint32 {
	if p.update == nil {
		return 0
	}
	return p.update.Number
}

func levelWord(l model.NoticeLevel) string { return strings.ToLower(l.String()) }

// synchronizationProblems finds upstreams whose last run did not succeed.
func (b *builder) synchronizationProblems(found func(problem)) {
	for _, u := range b.snap.Upstreams() {
		r := b.snap.LastRun(u.Name)
		switch {
		case r == nil:
			found(problem{level: model.NoticeWarning, kind: "never-synchronized", text: fmt.Sprintf("The upstream %s was never synchronized.", u.Name), remedy: "fettle sync --upstream " + quoted(u.Name)})
		case r.Result == model.SyncFailed:
			found(problem{level: model.NoticeError, kind: "sync-failed", since: r.Started, text: fmt.Sprintf("The last synchronization of %s failed: %s", u.Name, r.Error), remedy: "fettle sync --upstream " + quoted(u.Name)})
		case r.Result == model.SyncRefused:
			found(problem{level: model.NoticeWarning, kind: "sync-refused", since: r.Started, text: fmt.Sprintf("The last synchronization of %s brought nothing: %s", u.Name, r.Error), remedy: "fettle report synchronization-results"})
		case len(r.Failures) > 0:
			found(problem{level: model.NoticeWarning, kind: "sync-items", since: r.Started, text: fmt.Sprintf("%s could not be imported from %s.", count(len(r.Failures), "item"), u.Name), remedy: "fettle report synchronization-results"})
		}
	}
}

// contactProblems finds what is wrong with a computer's reports themselves.
func (b *builder) contactProblems(c *model.Computer, reported bool, found func(problem)) {
	show := "fettle computer " + quoted(c.Name)
	p := problem{level: model.NoticeWarning, computer: c.Name, n: 1, remedy: show}
	switch {
	case !reported:
		p.kind, p.since = "never-reported", c.FirstSeen
		p.text, p.remedy = "It has never reported a status, so nothing is known of it.", "run on it: fettle agent check-in"
		found(p)
	case b.p.Now.Sub(c.Contacted) > model.StaleAfter:
		p.kind, p.since = "stale", c.Contacted
		p.text, p.remedy = fmt.Sprintf("It has been silent for %d days; what it reported may be out of date.", int(b.p.Now.Sub(c.Contacted).Hours()/24)), "run on it: fettle agent check-in"
		found(p)
	}
	p.remedy = show
	if c.Scan.Error != "" {
		p.level, p.kind, p.since, p.text = model.NoticeError, "scan-failed", c.Scan.Time, "The last detection failed: "+c.Scan.Error
		found(p)
	}
	p.level = model.NoticeWarning
	if c.Scan.Refresh != "" {
		p.kind, p.since, p.text = "lists-old", c.Scan.ListAge, "Its package lists could not be refreshed: "+c.Scan.Refresh
		found(p)
	}
	if len(c.Foreign) > 0 {
		p.level, p.kind, p.since = model.NoticeInfo, "changed-by-others", c.Reported
		p.text = "Packages were installed outside approvals: " + strings.Join(c.Foreign, ", ")
		found(p)
	}
}

// updateProblems finds what is wrong with updates on one computer. Missed
// deadlines and withdrawn updates are gathered over all computers.
func (b *builder) updateProblems(c *model.Computer, k *class, status *model.Status, overdue, gone map[uint32]*problem, found func(problem)) {
	disabled := 0
	mode := b.policy(c).Mode
	for _, u := range b.snap.NeededBy(c.Number) {
		row := b.snap.Row(u)
		if b.snap.State(c.Number, u) == model.StateFailed {
			p := problem{level: model.NoticeError, kind: "failed", computer: c.Name, update: row, n: 1, since: c.Reported,
				text: row.Title + " failed; the computer gave no reason.", remedy: "fettle explain " + quoted(c.Name) + " " + quoted(string(row.ID))}
			if f := lastFailure(status.Failures, row.ID); f != nil {
				p.since, p.text = f.Time, row.Title+" failed: "+f.Code+": "+f.Text
			}
			found(p)
		}
		e := b.fleet.effective(k, u)
		if !e.Approved() {
			continue
		}
		disabled += boolean(mode == model.ModeDisabled)
		if !e.Deadline.IsZero() && !e.Deadline.After(b.p.Now) {
			p := overdue[u]
			if p == nil {
				p = &problem{level: model.NoticeError, kind: "overdue", update: row, since: e.Deadline, remedy: "fettle report update-detailed-status " + quoted(`id:"`+string(row.ID)+`"`)}
				overdue[u] = p
			}
			p.n++
			if e.Deadline.Before(p.since) {
				p.since = e.Deadline
			}
			p.text = fmt.Sprintf("The deadline of %s has passed, but it is not installed on %s.", row.Title, count(p.n, "computer"))
		}
		if row.Has(model.FlagWithdrawn) {
			p := gone[u]
			if p == nil {
				p = &problem{level: model.NoticeWarning, kind: "withdrawn", update: row, remedy: "fettle update " + quoted(string(row.ID))}
				gone[u] = p
			}
			p.n++
			p.text = fmt.Sprintf("%s was withdrawn, so it cannot be installed any more on %s that it is approved for; approve its successor.", row.Title, count(p.n, "computer"))
		}
	}
	if disabled > 0 {
		found(problem{level: model.NoticeWarning, kind: "automatic-updates-disabled", computer: c.Name, n: 1, since: c.Reported,
			text: fmt.Sprintf("Automatic Updates are disabled there, so %s will not be installed.", count(disabled, "approved update")), remedy: "fettle policy GROUP --mode scheduled --at daily@03:00"})
	}
	for _, list := range [][]model.NeededPackage{status.Packages, status.Others} {
		for _, n := range list {
			if n.State == model.NeedBroken {
				found(problem{level: model.NoticeError, kind: "half-configured", computer: c.Name, n: 1, since: status.Reported,
					text: "The package " + n.Package + " is not completely installed: " + cmp.Or(n.Reason, "dpkg was interrupted"), remedy: "run on it: dpkg --configure -a"})
			}
		}
	}
}
