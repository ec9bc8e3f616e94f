package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
	"fettle/sync/inspection"
)

func (a *app) updateCommand() *cobra.Command {
	var document, computer string
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Show everything about one update",
		Long: `Show everything about one update: packages or files, counts and approvals per
group, supersedence and revisions. Of Microsoft's also what is behind it: members,
what must be installed before it, the rules by which a computer finds out whether
it needs it, and the document that says so. Members, detectoids and products have
identifiers too.

--applies-to says whether it would be installed on a computer that a file
describes, in TOML or JSON; what the file does not state is unknown.

--document writes the vendor's document to standard output, to the byte; or a
part of it as managed computers are sent it: core, extended, text or text/LANG,
eula or eula/LANG.`,
		Example: `  fettle update deb/Debian/bookworm/tzdata/2025b-0+deb12u2
  fettle update kb:5034441 --applies-to server.toml
  fettle update 00000000-1111-2222-3333-444444444444 --document core > core.xml`,
		Args: between(1, 2, "the identifier of an update"),
	}
	f := cmd.Flags()
	f.StringVar(&computer, "applies-to", "", "say whether it applies to the computer that `FILE` describes")
	f.StringVar(&document, "document", "", "write a `PART` of the vendor's document: document (default), core, extended, text, eula")
	f.Lookup("document").NoOptDefVal = model.PartWhole
	do := a.held(gated, func(ctx context.Context, h *host, args []string) error {
		return a.update(ctx, h, args[0], document, computer)
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			if document != model.PartWhole {
				return &usageError{err: between(1, 1, "the identifier of an update")(cmd, args), hint: "Usage: " + cmd.UseLine()}
			}
			document = args[1] // "--document core" is as good as "--document=core"
		}
		if document != "" && computer != "" {
			return misuse("--document and --applies-to cannot both be wanted")
		}
		if document != "" && !partName(document) {
			return misuse("--document %q is none of document, core, extended, text, text/LANG, eula and eula/LANG", model.Clean(document))
		}
		if err := a.own(filesOf(computer), nil); err != nil {
			return err
		}
		return do(cmd, args)
	}
	return cmd
}

// partName says whether a word names a part of documents.
func partName(word string) bool {
	kind, language, ok := strings.Cut(word, "/")
	return slices.Contains([]string{model.PartWhole, model.PartCore, model.PartExtended}, word) || (kind == "text" || kind == "eula") && ok == (language != "")
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
		id := string(r.ID)
		if guid.MatchString(id) { // which says nothing by itself
			id += "  " + model.Clean(r.Title)
		}
		ids = append(ids, id)
	}
	return nil, misuse("%s matches %d updates; name one by its identifier:\n  %s", model.Clean(word), len(rows), model.CleanLines(strings.Join(ids, "\n  ")))
}

// update answers about one update, or what is behind updates.
func (a *app) update(ctx context.Context, h *host, word, document, computer string) error {
	snap := h.store.Snapshot()
	word = plainGUID(word)
	var in *inspection.Inspection
	var err error
	if guid.MatchString(word) {
		if in, err = inspect(h, model.UpdateID(word)); err != nil {
			return err
		}
	}
	if in == nil || snap.RowByID(in.Ref.ID) != nil {
		r, err := a.findUpdate(ctx, h, snap, word)
		if err != nil {
			return err
		}
		if in, err = inspect(h, r.ID); err != nil {
			return err
		}
		if document == "" && computer == "" {
			return a.updateDetails(h, snap, r, in)
		}
		if in == nil {
			return fmt.Errorf("no document of %s is kept: its upstream has none, or did not bring it", model.Clean(string(r.ID)))
		}
	}
	switch {
	case document != "":
		return a.writeDocument(in, document)
	case computer != "":
		return a.appliesTo(ctx, h, in.Ref.ID, in.Title, computer)
	}
	return a.behindScenes(h, in)
}

// updateDetails answers about an update of the catalogue; in is what is behind it,
// or nil.
func (a *app) updateDetails(h *host, snap *store.Snapshot, r *model.UpdateRow, in *inspection.Inspection) error {
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
	bundlesTitle := "Consists of"
	if in != nil {
		bundlesTitle = "" // its members say more
	}
	o := object{
		{key: "id", title: "Identifier", value: string(u.ID)},
		{key: "title", title: "Title", value: u.Title},
		{key: "class", title: "Classification", value: u.Class.String(), text: u.Class.Title()},
		{key: "severity", title: "Severity", value: u.Severity.String()},
		{key: "product", title: "Products", value: productNames(snap, r), text: strings.Join(categoryPaths(snap, r), "\n")},
		{key: "product_paths", value: categoryPaths(snap, r)},
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
		{key: "supersedes", title: "Supersedes", value: idsOf(snap, snap.Supersedes(r.Number)), text: refsText(snap, snap.Supersedes(r.Number))},
		{key: "superseded_by", title: "Superseded by", value: idsOf(snap, snap.SupersededBy(r.Number)), text: refsText(snap, snap.SupersededBy(r.Number))},
		{key: "bundles", title: bundlesTitle, value: bundled, text: strings.Join(bundledWords, "\n")},
		{key: "restart", title: "Restart", value: restartWords(u.Restart), text: restartText(u.Restart)},
		{key: "removable", title: "Can be removed", value: u.Removable},
		{key: "input", title: "Asks the user", value: u.Input},
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
		if in != nil {
			more, err := a.behindMembers(h, in)
			if err != nil {
				return err
			}
			o = append(o, more...)
		}
		var files []object
		for _, f := range u.Files {
			files = append(files, fileObject(f))
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
	if err := a.updateTables(o); err != nil || in == nil {
		return err
	}
	members, _ := valueOf(o, "members").([]object)
	return a.behindTables(in, members)
}

// restartText says when installing an update restarts the computer, if that is
// known.
func restartText(r model.Restart) string {
	return [...]string{"", "never", "may be needed", "always"}[min(r, 3)]
}

// refsText names updates: those whose identifiers say nothing by their titles.
func refsText(snap *store.Snapshot, numbers []uint32) string {
	var lines []string
	for _, n := range numbers {
		r := snap.Row(n)
		switch {
		case r == nil:
		case guid.MatchString(string(r.ID)):
			lines = append(lines, model.Clean(r.Title)+"  "+string(r.ID))
		default:
			lines = append(lines, string(r.ID))
		}
	}
	return shorten(lines, 10)
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
		if !ok || len(rows) == 0 || m.key == "revisions" && len(rows) < 2 || !slices.Contains([]string{"groups", "packages", "files", "revisions"}, m.key) {
			continue
		}
		if m.key == "files" {
			if err := a.fileTable(rows); err != nil {
				return err
			}
			continue
		}
		if m.key == "groups" {
			a.heading("Groups:")
			if err := a.writeList(a.groupTable(rows), ""); err != nil {
				return err
			}
			continue
		}
		a.heading("%s", map[string]string{"packages": "Packages:", "revisions": "Revisions:"}[m.key])
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
