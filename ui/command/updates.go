package command

import (
	"context"
	"encoding/hex"
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
	return a.writeList(list(a, rows, a.updateColumns(snap, scopeOf(snap, q))), empty)
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
		return column[*model.UpdateRow]{key: key, title: title, right: true, rank: rank, value: func(r *model.UpdateRow) any { return get(counts(r)) }}
	}
	type row = *model.UpdateRow
	return []column[row]{
		{key: "title", title: "TITLE", give: true, value: func(r row) any { return r.Title }},
		{key: "id", title: "ID", give: true, rank: 3, value: func(r row) any { return string(r.ID) }},
		{key: "class", title: "CLASS", rank: 2, value: func(r row) any { return r.Class.String() }},
		{key: "severity", value: func(r row) any { return r.Severity.String() }},
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

func (a *app) updateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "update ID",
		Short: "Show everything about one update",
		Long: `Show everything about one update: packages, counts and approvals per group,
supersedence and revisions.`,
		Example: "  fettle update deb/Debian/bookworm/tzdata/2025b-0+deb12u2",
		Args:    between(1, 1, "the identifier of an update"),
		RunE:    a.held(gated, a.update),
	}
}

// findUpdate gives the update of an identifier, or the only one that the words
// match as a query.
func (a *app) findUpdate(ctx context.Context, h *host, snap *store.Snapshot, word string) (*model.UpdateRow, error) {
	if r := snap.RowByID(model.UpdateID(word)); r != nil {
		return r, nil
	}
	if r := snap.RowByID(model.UpdateID(strings.ToLower(word))); r != nil {
		return r, nil
	}
	_, rows, err := a.filterUpdates(ctx, h, snap, word)
	switch {
	case err != nil || len(rows) == 0:
		return nil, fmt.Errorf("there is no update %s; list them with: fettle updates", model.Clean(word))
	case len(rows) == 1:
		return rows[0], nil
	}
	var ids []string
	for _, r := range rows[:min(5, len(rows))] {
		ids = append(ids, string(r.ID))
	}
	return nil, misuse("%s matches %d updates; name one by its identifier:\n  %s", model.Clean(word), len(rows), model.CleanLines(strings.Join(ids, "\n  ")))
}

func (a *app) update(ctx context.Context, h *host, args []string) error {
	snap := h.store.Snapshot()
	r, err := a.findUpdate(ctx, h, snap, args[0])
	if err != nil {
		return err
	}
	u, err := h.store.Update(r.Number)
	if err != nil {
		return err
	}
	revisions, err := h.store.Revisions(r.Number)
	if err != nil {
		return err
	}
	c := snap.Counts(r.Number, model.GroupAll)
	released := u.Released.In(a.zone).Format("2006-01-02 15:04")
	if u.NotLater {
		released = "not later than " + released
	}
	names, due := approvedGroups(snap, r)
	approval := approvalWords(snap, r)
	if approval == "-" {
		approval = "none, so that it is not installed anywhere"
	}
	now := h.store.Now()
	everybody := snap.Members(model.GroupAll)
	unknown := unknownOf(snap, r.Number, everybody, now)
	approved := approvedFor(snap, r.Number, everybody)
	among := countsAmong(snap, r.Number, approved)
	amongUnknown := unknownOf(snap, r.Number, approved, now)
	licence := ""
	switch {
	case u.Licence != "" && snap.Licensed(r.Number):
		licence = "accepted"
	case u.Licence != "":
		licence = "not accepted; read and accept its terms with: fettle accept-licence " + string(u.ID)
	}
	var alarm any
	alarmWords := ""
	if al, ok := snap.Alarm(r.Number); ok {
		alarm = alarmObject(al)
		// A dealt-with alarm is history: its difference stays among the revisions.
		if !al.Seen || al.Held != model.HeldNot {
			alarmWords = strings.Join(alarmText(al), "\n")
			if !al.Seen {
				alarmWords += "\nlooked at? fettle acknowledge " + string(u.ID)
			}
		}
	}
	var held []object
	var heldWords []string
	for _, ap := range snap.Approvals(r.Number) {
		if ap.Stale {
			held = append(held, object{{key: "group", value: groupName(snap, ap.Group)}, {key: "action", value: ap.Action.String()}, {key: "deployment", value: ap.Deployment}})
			heldWords = append(heldWords, fmt.Sprintf("%s for %s (deployment %d)", ap.Action.Title(), groupName(snap, ap.Group), ap.Deployment))
		}
	}
	if len(heldWords) > 0 {
		heldWords = append(heldWords, "to move them to the newest revision: fettle approve "+string(u.ID)+" --group ...")
	}
	var bundled []object
	var bundledWords []string
	for _, id := range u.Bundles {
		o := object{{key: "id", value: string(id)}, {key: "title", value: ""}}
		word := string(id)
		if b := snap.RowByID(id); b != nil {
			o[1].value, word = b.Title, b.Title
			if b.Has(model.FlagDeclined) {
				word += " (declined)"
			}
		}
		bundled, bundledWords = append(bundled, o), append(bundledWords, word)
	}
	o := object{
		{key: "id", title: "Identifier", value: string(u.ID)},
		{key: "title", title: "Title", value: u.Title},
		{key: "class", title: "Classification", value: u.Class.String(), text: u.Class.Title()},
		{key: "severity", title: "Severity", value: u.Severity.String()},
		{key: "product", title: "Products", value: productNames(snap, r)},
		{key: "version", title: "Version", value: u.Version},
		{key: "kb", title: "KB articles", value: u.KB}, {key: "bulletin", title: "Bulletins", value: u.Bulletins}, {key: "cve", title: "CVE", value: u.CVEs},
		{key: "upstream", title: "Upstream", value: u.Upstream}, {key: "language", value: u.Languages},
		{key: "released", title: "Released", value: u.Released, text: released}, {key: "released_not_later", value: u.NotLater},
		{key: "arrived", title: "Arrived", value: u.Arrived},
		{key: "publication", title: "Publication", value: u.Publication.String()},
		{key: "is", title: "Is", value: flagWords(r)},
		{key: "size", title: "Size", value: r.Size, text: size(r.Size)},
		{key: "content", value: snap.ContentState(r.Number)},
		{key: "description", title: "Description", value: u.Description, text: model.CleanLines(u.Description)},
		{key: "links", title: "Links", value: u.Links},
		{key: "approved", value: names}, {key: "approval", title: "Approval", value: approvalKinds(snap, r), text: approval},
		{key: "deadline", title: "Deadline", value: due},
		{key: "licence", title: "Licence", value: licenceWord(u.Licence, snap.Licensed(r.Number)), text: licence}, {key: "licence_terms", value: model.CleanLines(u.Licence)},
		{key: "alarm", title: "Alarm", value: alarm, text: alarmWords},
		{key: "held_back", title: "Held back", value: held, text: strings.Join(heldWords, "\n")},
		{key: "computers", title: "All computers", value: append(countsObject(c), member{key: "no_status_because", value: unknown.object()}), text: countsLine(c, unknown)},
		{key: "computers_approved", title: "Where approved", value: append(countsObject(among), member{key: "no_status_because", value: amongUnknown.object()}), text: countsLine(among, amongUnknown)},
		{key: "groups", value: a.groupsOfUpdate(snap, r)},
		{key: "supersedes", title: "Supersedes", value: idsOf(snap, snap.Supersedes(r.Number))},
		{key: "superseded_by", title: "Superseded by", value: idsOf(snap, snap.SupersededBy(r.Number))},
		{key: "bundles", title: "Consists of", value: bundled, text: strings.Join(bundledWords, "\n")},
		{key: "revision", value: u.Revision},
	}
	var packages []object
	if u.Debian != nil {
		needed, err := neededPackages(h, snap, r)
		if err != nil {
			return err
		}
		o = append(o, member{key: "suites", title: "Suites", value: u.Debian.Suites}, member{key: "source", title: "Source package", value: u.Debian.Source})
		for _, p := range u.Debian.Packages {
			packages = append(packages, object{{key: "name", value: p.Name}, {key: "arch", value: p.Arch}, {key: "version", value: p.Version}, {key: "size", value: p.Size},
				{key: "sha256", value: hex.EncodeToString(p.SHA256)}, {key: "needed", value: needed[p.Name+":"+p.Arch+"="+p.Version]}})
		}
		o = append(o, member{key: "packages", value: packages})
	} else {
		var files []object
		for _, f := range u.Files {
			files = append(files, object{{key: "name", value: f.Name}, {key: "size", value: f.Size}, {key: "sha1", value: hex.EncodeToString(f.SHA1)},
				{key: "sha256", value: hex.EncodeToString(f.SHA256)}, {key: "url", value: f.URL}})
		}
		o = append(o, member{key: "files", value: files})
	}
	var revs []object
	for _, v := range revisions {
		revs = append(revs, object{{key: "number", value: v.Number}, {key: "arrived", value: v.Arrived}, {key: "changed", value: v.Changed}})
	}
	o = append(o, member{key: "revisions", value: revs})
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	return a.updateTables(o)
}

// licenceWord says for programs how it stands with licence terms.
func licenceWord(terms string, accepted bool) string {
	switch {
	case terms == "":
		return ""
	case accepted:
		return "accepted"
	}
	return "not-accepted"
}

// countsLine says counts with their base and why some are not known.
func countsLine(c model.Counts, unknown unknowns) string {
	text := "no computer"
	if c.Computers > 0 {
		text = fmt.Sprintf("%d: %s; installed or not applicable: %s", c.Computers, countsText(c), shareText(c.Installed+c.NotApplicable, c.Computers))
	}
	if why := unknown.text(); why != "" {
		text += " (without status: " + why + ")"
	}
	return text
}

// updateTables writes what of an update is a table.
func (a *app) updateTables(o object) error {
	for _, m := range o {
		rows, ok := m.value.([]object)
		if !ok || len(rows) == 0 || m.key == "revisions" && len(rows) < 2 || m.key == "held_back" || m.key == "bundles" {
			continue
		}
		if m.key == "groups" {
			a.heading("Groups:")
			if err := a.writeList(a.groupTable(rows), ""); err != nil {
				return err
			}
			continue
		}
		a.heading("%s", map[string]string{"packages": "Packages:", "files": "Files:", "revisions": "Revisions:"}[m.key])
		if err := a.writeList(a.tableOf(rows, "sha256", "sha1", "url"), ""); err != nil {
			return err
		}
	}
	return nil
}

// groupTable shows approval and counts per group within 80 columns.
func (a *app) groupTable(rows []object) *table {
	number := func(key, title string, rank int) column[object] {
		return column[object]{key: key, title: title, right: true, rank: rank, value: func(o object) any { return valueOf(o, key) }}
	}
	word := func(key, title string, rank int) column[object] {
		return column[object]{key: key, title: title, rank: rank, value: func(o object) any { return valueOf(o, key) }}
	}
	name := word("group", "GROUP", 0)
	name.give = true
	return list(a, rows, []column[object]{name, word("approval", "APPROVAL", 0), word("effective", "IN FORCE", 0), word("deadline", "DEADLINE", 1),
		number("computers", "OF", 0), number("needed", "NEEDED", 0), number("failed", "FAILED", 0), number("installed", "INSTALLED", 3), number("not_applicable", "NOT APPLICABLE", 5), number("no_status", "NO STATUS", 0)})
}

// tableOf makes a table of objects with the same members; some are only for
// programs.
func (a *app) tableOf(rows []object, hidden ...string) *table {
	if len(rows) == 0 {
		return &table{}
	}
	var columns []column[object]
	for i, m := range rows[0] {
		c := column[object]{key: m.key, value: func(o object) any { return o[i].value }}
		switch m.value.(type) {
		case int, int64, uint32, uint64, float64:
			c.right = true
		}
		if !slices.Contains(hidden, m.key) {
			c.title = strings.ToUpper(strings.ReplaceAll(m.key, "_", " "))
		}
		if m.key == "size" || m.key == "bytes" {
			c.text = func(o object) string { n, _ := o[i].value.(int64); return size(n) }
		}
		c.give = true
		columns = append(columns, c)
	}
	return list(a, rows, columns)
}

func countsObject(c model.Counts) object {
	return object{{key: "total", value: c.Computers}, {key: "needed", value: c.Needed}, {key: "downloaded", value: c.Downloaded}, {key: "pending_restart", value: c.Pending},
		{key: "failed", value: c.Failed}, {key: "installed", value: c.Installed}, {key: "not_applicable", value: c.NotApplicable}, {key: "no_status", value: c.Unknown}}
}

// countsText says the counts in the words of the installation states.
func countsText(c model.Counts) string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{c.Needed, "Needed"}, {c.Failed, "Failed"}, {c.Installed, "Installed"}, {c.NotApplicable, "Not applicable"}, {c.Unknown, "No status"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", p.word, p.n))
		}
	}
	if c.Pending > 0 {
		parts = append(parts, fmt.Sprintf("of these pending restart: %d", c.Pending))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func idsOf(snap *store.Snapshot, numbers []uint32) []string {
	var ids []string
	for _, n := range numbers {
		if r := snap.Row(n); r != nil {
			ids = append(ids, string(r.ID))
		}
	}
	return ids
}

// groupsOfUpdate gives approval and counts of an update per group.
func (a *app) groupsOfUpdate(snap *store.Snapshot, r *model.UpdateRow) []object {
	tree := snap.Groups()
	var rows []object
	for _, id := range tree.Order() {
		c := snap.Counts(r.Number, id)
		own, has := snap.Approval(r.Number, id)
		effective := own
		for _, up := range append([]model.GroupID{id}, tree.Ancestors(id)...) {
			if ap, ok := snap.Approval(r.Number, up); ok {
				effective = ap
				break
			}
		}
		approval := ""
		if has {
			approval = own.Action.String()
		}
		holds := "none"
		if effective.Action != model.ActionInherit {
			holds = effective.Action.String()
		}
		if r.Has(model.FlagDeclined) {
			approval, holds = "declined", "declined"
		}
		rows = append(rows, object{{key: "group", value: tree.Group(id).Name}, {key: "approval", value: approval}, {key: "effective", value: holds}, {key: "deadline", value: effective.Deadline},
			{key: "computers", value: c.Computers}, {key: "needed", value: c.Needed}, {key: "failed", value: c.Failed}, {key: "installed", value: c.Installed},
			{key: "not_applicable", value: c.NotApplicable}, {key: "no_status", value: c.Unknown}})
	}
	return rows
}

// neededPackages counts, per name:arch=version, the computers that need it.
func neededPackages(h *host, snap *store.Snapshot, r *model.UpdateRow) (map[string]int, error) {
	counts := map[string]int{}
	for _, n := range snap.NeededOn(r.Number, model.GroupAll) {
		st, err := h.store.Status(n)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, p := range st.Packages {
			if p.Update == r.ID {
				counts[p.Package+":"+p.Arch+"="+p.Candidate]++
			}
		}
	}
	return counts, nil
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
