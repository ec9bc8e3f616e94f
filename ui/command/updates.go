package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

func (a *app) updatesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "updates [QUERY]",
		Short: "List updates",
		Long: `List the updates of the catalogue that match a query; without one, all.
Declined updates are left out unless the query asks for them. Counts are of all
computers; in:GROUP in the query narrows them to a group's.
A query that begins with "-" follows "--". The language: fettle help query`,
		Example: `  fettle updates 'needed:>0 class:security'
  fettle updates 'in:Servers needed:>0 age:>14d' --csv`,
		Args: cobra.ArbitraryArgs,
		RunE: a.held(gated, a.updates),
	}
}

func (a *app) updates(ctx context.Context, h *host, args []string) error {
	snap := h.store.Snapshot()
	text := strings.Join(args, " ")
	q, rows, err := a.filterUpdates(ctx, h, snap, text)
	if err != nil {
		return err
	}
	empty := "No update matches."
	if q.Empty() {
		empty = "There are no updates yet. Bring the catalogue into step with its upstreams with: fettle sync"
	}
	return a.writeList(list(a, rows, shownWhereKnown(a.updateColumns(snap, scopeOf(snap, q)), rows)), empty)
}

// shownWhereKnown gives text a column of severities and one of articles where
// one of the updates has any: a Debian archive knows neither.
func shownWhereKnown(cols []column[*model.UpdateRow], rows []*model.UpdateRow) []column[*model.UpdateRow] {
	for i := range cols {
		switch c := &cols[i]; c.key {
		case "severity":
			if slices.ContainsFunc(rows, func(r *model.UpdateRow) bool { return r.Severity != model.SeverityUnspecified }) {
				c.title, c.aloud, c.rank = "SEVERITY", "", 2
				c.text = func(r *model.UpdateRow) string {
					if r.Severity == model.SeverityUnspecified {
						return "-"
					}
					return r.Severity.String()
				}
			}
		case "kb":
			if slices.ContainsFunc(rows, func(r *model.UpdateRow) bool { return len(r.KB) > 0 }) {
				c.title, c.rank = "KB", 4
			}
		}
	}
	return cols
}

// filterUpdates gives the updates that match. Declined ones are out of sight
// unless the query asks for them.
func (a *app) filterUpdates(ctx context.Context, h *host, snap *store.Snapshot, text string) (*query.Updates, []*model.UpdateRow, error) {
	q, err := query.ParseUpdates(text)
	if err != nil {
		return nil, nil, queryError(text, err)
	}
	rows, err := q.Filter(ctx, snap, snap.Updates(), h.store.Now().In(a.zone))
	if err != nil {
		return nil, nil, queryError(text, err)
	}
	if !strings.Contains(q.String(), "declined") {
		rows = slices.DeleteFunc(rows, func(r *model.UpdateRow) bool { return r.Has(model.FlagDeclined) })
	}
	return q, rows, nil
}

// queryError says that a query is wrong: the command line is.
func queryError(text string, err error) error {
	var wrong *query.Error
	if !errors.As(err, &wrong) {
		return err
	}
	return &usageError{
		err:  fmt.Errorf("the query is wrong at %w\n  %s\n  %s^", err, model.Clean(text), strings.Repeat(" ", max(0, wrong.Column-1))),
		hint: "The query language is explained by: fettle help query",
	}
}

// scopeOf is the group that a query's counts are about.
func scopeOf(snap *store.Snapshot, q *query.Updates) model.GroupID {
	name, ok := q.Group()
	if !ok {
		return model.GroupAll
	}
	tree := snap.Groups()
	if g := tree.ByName(name); g != nil {
		return g.ID
	}
	for _, id := range tree.Order() {
		if strings.EqualFold(tree.Group(id).Name, name) || strings.EqualFold(string(id), name) {
			return id
		}
	}
	return model.GroupAll
}

// flagWords are the words of is: that describe an update.
func flagWords(r *model.UpdateRow) []string {
	var words []string
	for _, f := range []struct {
		flag model.UpdateFlags
		word string
	}{
		{model.FlagDeclined, "declined"}, {model.FlagSuperseded, "superseded"}, {model.FlagSuperseding, "superseding"},
		{model.FlagExpired, "expired"}, {model.FlagWithdrawn, "withdrawn"}, {model.FlagRequired, "required"}, {model.FlagMayRestart, "restart"},
		{model.FlagRemovable, "removable"}, {model.FlagLicence, "licence"}, {model.FlagExploited, "exploited"}, {model.FlagInput, "input"},
	} {
		if r.Has(f.flag) {
			words = append(words, f.word)
		}
	}
	return words
}

// productNames gives the titles of an update's products.
func productNames(snap *store.Snapshot, r *model.UpdateRow) []string {
	var names []string
	for _, id := range r.Products {
		name := string(id)
		if c, ok := snap.Category(id); ok {
			name = c.Title
		}
		names = append(names, name)
	}
	return names
}

// approvalWords says in short how an update is approved.
func approvalWords(snap *store.Snapshot, r *model.UpdateRow) string {
	if r.Has(model.FlagDeclined) {
		return "Declined"
	}
	all := snap.Approvals(r.Number)
	switch len(all) {
	case 0:
		return "-"
	case 1:
		return all[0].Action.Title() + ": " + groupName(snap, all[0].Group)
	}
	return fmt.Sprintf("%d groups", len(all))
}

func groupName(snap *store.Snapshot, id model.GroupID) string {
	if g := snap.Groups().Group(id); g != nil {
		return model.Clean(g.Name)
	}
	return string(id)
}

// approvedGroups names the groups with an approval of their own for
// installation, and gives the earliest deadline.
func approvedGroups(snap *store.Snapshot, r *model.UpdateRow) (names []string, deadline time.Time) {
	if r.Has(model.FlagDeclined) {
		return nil, deadline
	}
	for _, ap := range snap.Approvals(r.Number) {
		if ap.Action != model.ActionInstall {
			continue
		}
		names = append(names, groupName(snap, ap.Group))
		if !ap.Deadline.IsZero() && (deadline.IsZero() || ap.Deadline.Before(deadline)) {
			deadline = ap.Deadline
		}
	}
	return names, deadline
}

// updateColumns are the columns of a list of updates; their keys are the fields
// of the query language.
func (a *app) updateColumns(snap *store.Snapshot, scope model.GroupID) []column[*model.UpdateRow] {
	counted := map[uint32]model.Counts{}
	counts := func(r *model.UpdateRow) model.Counts {
		c, ok := counted[r.Number]
		if !ok {
			c = snap.Counts(r.Number, scope)
			counted[r.Number] = c
		}
		return c
	}
	number := func(key, title string, rank int, get func(model.Counts) int) column[*model.UpdateRow] {
		c := column[*model.UpdateRow]{key: key, title: title, right: true, rank: rank, value: func(r *model.UpdateRow) any { return get(counts(r)) }}
		if title != "" {
			c.aloud = strings.ToLower(title) + " on" // so many computers
		}
		return c
	}
	type row = *model.UpdateRow
	return []column[row]{
		{key: "title", title: "TITLE", give: true, value: func(r row) any { return r.Title }},
		{key: "id", title: "ID", give: true, rank: 3, value: func(r row) any { return string(r.ID) }},
		{key: "class", title: "CLASS", rank: 2, value: func(r row) any { return r.Class.String() }},
		{key: "severity", aloud: "severity", value: func(r row) any { return r.Severity.String() }},
		number("needed", "NEEDED", 0, func(c model.Counts) int { return c.Needed }),
		number("failed", "FAILED", 1, func(c model.Counts) int { return c.Failed }),
		number("installed", "INSTALLED", 5, func(c model.Counts) int { return c.Installed }),
		number("not_applicable", "", 0, func(c model.Counts) int { return c.NotApplicable }),
		number("no_status", "NO STATUS", 6, func(c model.Counts) int { return c.Unknown }),
		number("pending_restart", "", 0, func(c model.Counts) int { return c.Pending }),
		{key: "installed_or_not_applicable", value: func(r row) any { c := counts(r); return share(c.Installed+c.NotApplicable, c.Computers) }},
		number("computers", "", 0, func(c model.Counts) int { return c.Computers }),
		{key: "approved", title: "APPROVAL", give: true, rank: 1, value: func(r row) any { names, _ := approvedGroups(snap, r); return names }, text: func(r row) string { return approvalWords(snap, r) }},
		{key: "approval", value: func(r row) any { return approvalKinds(snap, r) }},
		{key: "deadline", title: "DEADLINE", rank: 7, value: func(r row) any { _, d := approvedGroups(snap, r); return d }},
		{key: "is", title: "IS", rank: 8, value: func(r row) any { return flagWords(r) }},
		{key: "released", title: "RELEASED", rank: 4, value: func(r row) any { return r.Released }, text: func(r row) string { return day(r.Released, a.zone) }},
		{key: "arrived", value: func(r row) any { return r.Arrived }},
		{key: "product", value: func(r row) any { return productNames(snap, r) }},
		{key: "version", value: func(r row) any { return r.Version }},
		{key: "package", value: func(r row) any { return r.Packages }},
		{key: "kb", value: func(r row) any { return r.KB }},
		{key: "bulletin", value: func(r row) any { return r.Bulletin }},
		{key: "cve", value: func(r row) any { return r.CVEs }},
		{key: "upstream", value: func(r row) any { return r.Upstream }},
		{key: "language", value: func(r row) any { return r.Language }},
		{key: "size", value: func(r row) any { return r.Size }},
		{key: "content", value: func(r row) any { return snap.ContentState(r.Number) }},
		{key: "revision", value: func(r row) any { return r.Revision }},
	}
}

// approvalKinds gives the words of approval: that hold for an update.
func approvalKinds(snap *store.Snapshot, r *model.UpdateRow) []string {
	if r.Has(model.FlagDeclined) {
		return []string{"declined"}
	}
	var words []string
	for _, ap := range snap.Approvals(r.Number) {
		word := ap.Action.String()
		if ap.Action == model.ActionNotApproved {
			word = "not-approved"
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// percent cuts to one decimal, so that only the whole is 100.
func percent(p float64) float64 { return float64(int(p*10)) / 10 }

func day(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2006-01-02")
}

// chooseUpdates resolves QUERY|ID...: an argument that is exactly an identifier
// is that update, the others together are one query. keep leaves out what the
// command does not concern.
func (a *app) chooseUpdates(ctx context.Context, h *host, snap *store.Snapshot, args []string, keep func(*model.UpdateRow) bool) ([]uint32, error) {
	var numbers []uint32
	var rest []string
	for _, word := range args {
		if r := snap.RowByID(model.UpdateID(word)); r != nil {
			numbers = append(numbers, r.Number)
		} else {
			rest = append(rest, word)
		}
	}
	if len(rest) == 0 {
		return numbers, nil
	}
	text := strings.Join(rest, " ")
	q, err := query.ParseUpdates(text)
	if err != nil {
		return nil, queryError(text, err)
	}
	if q.Empty() {
		return nil, misuse("an empty query would mean every update; say which")
	}
	rows, err := q.Filter(ctx, snap, snap.Updates(), h.store.Now().In(a.zone))
	if err != nil {
		return nil, queryError(text, err)
	}
	found := len(numbers)
	for _, r := range rows {
		if keep == nil || keep(r) {
			numbers = append(numbers, r.Number)
		}
	}
	if len(numbers) == found {
		return nil, fmt.Errorf("no update matches %s; nothing was changed", model.Clean(text))
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}
