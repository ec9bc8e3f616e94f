package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// pairLimit bounds the rows of a list of pairs: more than anybody reads, and
// less than fills the memory.
const pairLimit = 100_000

// updateLine is one update with its counts in the report's scope.
type updateLine struct {
	*model.UpdateRow
	c model.Counts
}

// updateLines gives the updates of the scope with their counts, the most
// pressing first.
func (b *builder) updateLines() ([]updateLine, error) {
	lines := make([]updateLine, 0, len(b.rows))
	if b.p.Base == BaseAll && b.fleet.whole {
		for i, r := range b.rows {
			if i%1024 == 0 && b.ctx.Err() != nil {
				return nil, b.ctx.Err()
			}
			lines = append(lines, updateLine{r, b.snap.Counts(r.Number, b.group)})
		}
	} else {
		m, err := b.measure()
		if err != nil {
			return nil, err
		}
		for _, r := range b.rows {
			if c := m.counts[r.Number]; b.p.Base == BaseAll || c.Computers > 0 {
				lines = append(lines, updateLine{r, c})
			}
		}
	}
	slices.SortFunc(lines, func(x, y updateLine) int {
		return cmp.Or(-cmp.Compare(x.c.Failed, y.c.Failed), -cmp.Compare(x.c.Needed, y.c.Needed), -cmp.Compare(x.Severity, y.Severity),
			cmp.Compare(x.Title, y.Title), cmp.Compare(x.Number, y.Number))
	})
	return lines, nil
}

// ask is a shorthand for a column of a table of T.
func ask[T any](key, title string, kind Kind, rank int, value func(T) Cell) field[T] {
	return field[T]{Column{Key: key, Title: title, Kind: kind, Rank: rank}, value}
}

// sentence is a column whose texts are worth several lines.
func sentence[T any](key, title string, rank int, value func(T) Cell) field[T] {
	return field[T]{Column{Key: key, Title: title, Kind: KindText, Rank: rank, Wrap: true}, value}
}

// percent is a column with a percentage, its base and its unknowns named.
func percent[T any](key, title, base, unknown string, value func(T) Share) field[T] {
	return field[T]{Column{Key: key, Title: title, Kind: KindPercent, Base: base, Unknown: unknown}, func(t T) Cell { return value(t) }}
}

// data is a column that only programs get.
func data[T any](key string, kind Kind, value func(T) Cell) field[T] {
	return field[T]{Column{Key: key, Title: key, Kind: kind, Data: true}, value}
}

// countFields are the columns with an update's counts.
func countFields(rank int) []field[updateLine] {
	return []field[updateLine]{
		ask("computers", "Computers", KindCount, rank+2, func(u updateLine) Cell { return u.c.Computers }),
		ask("needed", "Needed", KindCount, 0, func(u updateLine) Cell { return u.c.Needed }),
		ask("failed", "Failed", KindCount, 0, func(u updateLine) Cell { return u.c.Failed }),
		ask("pending_restart", "Pending restart", KindCount, rank+3, func(u updateLine) Cell { return u.c.Pending }),
		ask("installed", "Installed", KindCount, 0, func(u updateLine) Cell { return u.c.Installed }),
		ask("not_applicable", "Not applicable", KindCount, rank+1, func(u updateLine) Cell { return u.c.NotApplicable }),
		ask("no_status", "No status", KindCount, 0, func(u updateLine) Cell { return u.c.Unknown }),
		percent("installed_or_not_applicable", "Installed or n/a", "computers", "no_status", func(u updateLine) Share {
			return Share{u.c.Installed + u.c.NotApplicable, u.c.Computers}
		}),
	}
}

// approvalWord sums up the approvals that concern the scope.
func (b *builder) approvalWord(update uint32) string {
	word := "not-approved"
	for _, a := range b.own(update) {
		switch a.Action {
		case model.ActionInstall:
			return "install"
		case model.ActionUninstall:
			word = "uninstall"
		}
	}
	return word
}

// approvedFor names the groups with an own approval for installation.
func (b *builder) approvedFor(update uint32) []string {
	var names []string
	for _, a := range b.own(update) {
		if a.Action == model.ActionInstall {
			names = append(names, b.groupName(a.Group))
		}
	}
	return names
}

// deadline is the earliest deadline of an approval for installation.
func (b *builder) deadline(update uint32) time.Time {
	var first time.Time
	for _, a := range b.own(update) {
		if a.Action == model.ActionInstall && !a.Deadline.IsZero() && (first.IsZero() || a.Deadline.Before(first)) {
			first = a.Deadline
		}
	}
	return first
}

// flagWords are the words of the query field is:.
func flagWords(r *model.UpdateRow) []string {
	var words []string
	for _, f := range []struct {
		flag model.UpdateFlags
		word string
	}{
		{model.FlagRequired, "required"}, {model.FlagExploited, "exploited"}, {model.FlagWithdrawn, "withdrawn"}, {model.FlagExpired, "expired"},
		{model.FlagSuperseded, "superseded"}, {model.FlagSuperseding, "superseding"}, {model.FlagMayRestart, "restart"},
		{model.FlagRemovable, "removable"}, {model.FlagLicence, "licence"},
	} {
		if r.Has(f.flag) {
			words = append(words, f.word)
		}
	}
	return words
}

// products names the products of an update.
func (b *builder) products(r *model.UpdateRow) []string {
	names := make([]string, 0, len(r.Products))
	for _, id := range r.Products {
		if c, ok := b.snap.Category(id); ok {
			names = append(names, c.Title)
		} else {
			names = append(names, string(id))
		}
	}
	return names
}

// figure is a line of a totals section: one number about the scope, perhaps with the
// number that it is a part of.
type figure struct {
	key, title string
	n, of      int
	silent     int // of these, how many are not known
	share      bool
}

// figures is the section of a report's main numbers.
func figures(list []figure) Section {
	return section("totals", "Totals", "", list, []field[figure]{
		data("measure", KindIdentifier, func(f figure) Cell { return f.key }),
		ask("title", "", KindText, 0, func(f figure) Cell { return f.title }),
		ask("count", "Number", KindCount, 0, func(f figure) Cell { return f.n }),
		field[figure]{Column{Key: "percent", Title: "Percent", Kind: KindPercent, Base: "of", Unknown: "no_status", Rank: 1}, func(f figure) Cell {
			if !f.share {
				return nil
			}
			return Share{f.n, f.of}
		}},
		ask("of", "of", KindCount, 1, func(f figure) Cell {
			if !f.share {
				return nil
			}
			return f.of
		}),
		ask("no_status", "No status", KindCount, 1, func(f figure) Cell {
			if !f.share {
				return nil
			}
			return f.silent
		}),
	})
}

// updateSummary builds update-status-summary.
func (b *builder) updateSummary() error {
	lines, err := b.updateLines()
	if err != nil {
		return err
	}
	type sum struct {
		class                                        model.Classification
		updates, needed, failed, done, silent, wants int
	}
	total := sum{}
	byClass := map[model.Classification]*sum{}
	var approved, important, unread, expired, withdrawn, superseded int
	var shown []updateLine
	for _, u := range lines {
		word := b.approvalWord(u.Number)
		cs := byClass[u.Class]
		if cs == nil {
			cs = &sum{class: u.Class}
			byClass[u.Class] = cs
		}
		for _, s := range []*sum{&total, cs} {
			s.updates++
			s.needed += boolean(u.c.Needed > 0)
			s.failed += boolean(u.c.Failed > 0)
			s.done += boolean(u.c.Computers > 0 && u.c.Installed+u.c.NotApplicable == u.c.Computers)
			s.silent += boolean(u.c.Unknown > 0)
			s.wants += boolean((u.c.Needed > 0 || u.c.Failed > 0) && word != "install")
		}
		approved += boolean(word == "install")
		unread += boolean(word != "install")
		important += boolean(word != "install" && (u.Class == model.ClassCritical || u.Class == model.ClassSecurity))
		expired += boolean(u.Has(model.FlagExpired))
		withdrawn += boolean(u.Has(model.FlagWithdrawn))
		superseded += boolean(u.Has(model.FlagSuperseded))
		if b.query != "" || u.c.Needed+u.c.Failed+u.c.Installed > 0 || word != "not-approved" {
			shown = append(shown, u)
		}
	}
	of := func(key, title string, n int) figure {
		return figure{key: key, title: title, n: n, of: total.updates, silent: total.silent, share: true}
	}
	totals := figures([]figure{
		{key: "updates", title: "Updates", n: total.updates},
		of("failed", "Failed on at least one computer", total.failed),
		of("needed", "Needed by at least one computer", total.needed),
		of("up_to_date", "Installed or not applicable on all computers", total.done),
		of("no_status", "No status from at least one computer", total.silent),
		of("approved", "Approved for installation", approved),
		of("not_approved", "Not approved", unread),
		of("important_not_approved", "Critical or security updates not approved", important),
		of("wanted_not_approved", "Needed or failed, but not approved", total.wants),
		of("superseded", "Superseded", superseded),
		of("expired", "Expired", expired),
		of("withdrawn", "Withdrawn", withdrawn),
	})
	totals.note("An update can count in several lines. Percentages are of the %s in scope; for %d of them at least one computer has no status.", count(total.updates, "update"), total.silent)
	b.noteDeclined(&totals)

	var classes []*sum
	for _, c := range append(model.Classifications(), model.ClassUnknown) {
		if s := byClass[c]; s != nil {
			classes = append(classes, s)
		}
	}
	perClass := section("classifications", "By classification", "There are no updates in scope.", classes, []field[*sum]{
		data("class", KindIdentifier, func(s *sum) Cell { return s.class.String() }),
		ask("title", "Classification", KindText, 0, func(s *sum) Cell { return s.class.Title() }),
		ask("updates", "Updates", KindCount, 0, func(s *sum) Cell { return s.updates }),
		ask("needed", "Needed", KindCount, 0, func(s *sum) Cell { return s.needed }),
		ask("failed", "Failed", KindCount, 0, func(s *sum) Cell { return s.failed }),
		ask("wanted_not_approved", "Not approved", KindCount, 1, func(s *sum) Cell { return s.wants }),
		ask("no_status", "No status", KindCount, 0, func(s *sum) Cell { return s.silent }),
		percent("up_to_date", "Done everywhere", "updates", "no_status", func(s *sum) Share { return Share{s.done, s.updates} }),
	})
	perClass.note("Numbers of updates: needed by, failed on, or without status from at least one computer; done everywhere is installed or not applicable on all. Not approved are those of the needed or failed ones.")

	fields := append([]field[updateLine]{
		field[updateLine]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 9}, func(u updateLine) Cell { return string(u.ID) }},
		ask("title", "Title", KindText, 0, func(u updateLine) Cell { return u.Title }),
		ask("class", "Class", KindText, 2, func(u updateLine) Cell { return u.Class.String() }),
		ask("severity", "Severity", KindText, 4, func(u updateLine) Cell { return u.Severity.String() }),
		ask("approval", "Approval", KindText, 3, func(u updateLine) Cell { return b.approvalWord(u.Number) }),
	}, countFields(3)...)
	updates := section("updates", "Updates", "No update in scope concerns any computer.", shown, fields)
	updates.note("Percentages are of the computers in scope for which the update counts; those without status are in the base.")
	if n := len(lines) - len(shown); n > 0 {
		updates.note("Left out here: %s neither approved nor needed, failed or installed anywhere; update-tabular-status lists all.", count(n, "update"))
	}
	b.report.Sections = append(b.report.Sections, totals, perClass, updates)
	return nil
}

// noteDeclined tells that the query matched updates that do not count.
func (b *builder) noteDeclined(s *Section) {
	if b.declined > 0 && b.query != "" {
		s.note("Left out: %s that match but are declined.", count(b.declined, "update"))
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// identityFields are the columns that say what an update is.
func (b *builder) identityFields() []field[updateLine] {
	return []field[updateLine]{
		field[updateLine]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 20}, func(u updateLine) Cell { return string(u.ID) }},
		ask("title", "Title", KindText, 0, func(u updateLine) Cell { return u.Title }),
		ask("version", "Version", KindIdentifier, 12, func(u updateLine) Cell { return u.Version }),
		ask("class", "Class", KindText, 2, func(u updateLine) Cell { return u.Class.String() }),
		ask("severity", "Severity", KindText, 3, func(u updateLine) Cell { return u.Severity.String() }),
		ask("product", "Products", KindList, 14, func(u updateLine) Cell { return b.products(u.UpdateRow) }),
		ask("kb", "KB", KindList, 13, func(u updateLine) Cell { return u.KB }),
		ask("bulletin", "Bulletins", KindList, 15, func(u updateLine) Cell { return u.Bulletin }),
		ask("cve", "CVEs", KindList, 16, func(u updateLine) Cell { return u.CVEs }),
		ask("released", "Released", KindTime, 11, func(u updateLine) Cell { return b.at(u.Released) }),
		ask("arrived", "Arrived", KindTime, 17, func(u updateLine) Cell { return b.at(u.Arrived) }),
		ask("upstream", "Upstream", KindText, 18, func(u updateLine) Cell { return u.Upstream }),
		ask("size", "Size", KindBytes, 10, func(u updateLine) Cell { return u.Size }),
		ask("is", "Is", KindList, 9, func(u updateLine) Cell { return flagWords(u.UpdateRow) }),
		ask("approval", "Approval", KindText, 1, func(u updateLine) Cell { return b.approvalWord(u.Number) }),
		ask("approved", "Approved for", KindList, 8, func(u updateLine) Cell { return b.approvedFor(u.Number) }),
		ask("deadline", "Deadline", KindTime, 7, func(u updateLine) Cell { return b.at(b.deadline(u.Number)) }),
	}
}

// updateTable builds update-tabular-status.
func (b *builder) updateTable() error {
	lines, err := b.updateLines()
	if err != nil {
		return err
	}
	s := section("updates", "Updates", "No update is in scope.", lines, append(b.identityFields(), countFields(3)...))
	s.note("Percentages are of the computers in scope for which the update counts; those without status are in the base.")
	b.noteDeclined(&s)
	b.report.Sections = append(b.report.Sections, s)
	return nil
}

// updatePair is the state of one update on one computer.
type updatePair struct {
	u        *model.UpdateRow
	c        *model.Computer
	state    model.InstallationState
	approval model.EffectiveApproval
	failure  *model.Failure
}

// stateWord gives the state in the words of the query language.
func stateWord(s model.InstallationState) string {
	switch s {
	case model.StateNotInstalled:
		return "needed"
	case model.StateInstalledPendingReboot:
		return "pending-restart"
	case model.StateUnknown:
		return "no-status"
	case model.StateNotApplicable:
		return "not-applicable"
	}
	return strings.ToLower(s.String())
}

// updateDetails builds update-detailed-status.
func (b *builder) updateDetails() error {
	lines, err := b.updateLines()
	if err != nil {
		return err
	}
	states := []model.InstallationState{model.StateFailed, model.StateInstalledPendingReboot, model.StateDownloaded, model.StateNotInstalled}
	if b.query != "" {
		states = append(states, model.StateUnknown, model.StateInstalled)
	}
	var shown []updateLine
	for _, u := range lines {
		if b.query != "" || u.c.Needed+u.c.Failed > 0 {
			shown = append(shown, u)
		}
	}
	pairs, left, err := b.pairs(shown, states)
	if err != nil {
		return err
	}
	updates := section("updates", "Updates", "No update in scope is needed or failed on any computer.", shown, append(b.identityFields(), countFields(3)...))
	updates.note("Percentages are of the computers in scope for which the update counts; those without status are in the base.")
	if n := len(lines) - len(shown); n > 0 {
		updates.note("Left out: %s that no computer needs or failed to install; a query shows them.", count(n, "update"))
	}
	b.noteDeclined(&updates)
	list := section("computers", "Computers by update", "No computer is listed.", pairs, []field[updatePair]{
		field[updatePair]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 9}, func(p updatePair) Cell { return string(p.u.ID) }},
		ask("title", "Update", KindText, 0, func(p updatePair) Cell { return p.u.Title }),
		ask("computer", "Computer", KindText, 0, func(p updatePair) Cell { return p.c.Name }),
		ask("state", "State", KindIdentifier, 0, func(p updatePair) Cell { return stateWord(p.state) }),
		ask("approval", "Approval", KindText, 3, func(p updatePair) Cell { return p.approval.Action.String() }),
		ask("approval_group", "By group", KindText, 5, func(p updatePair) Cell { return b.approvalGroup(p.approval) }),
		ask("deadline", "Deadline", KindTime, 4, func(p updatePair) Cell { return b.at(p.approval.Deadline) }),
		ask("reported", "Reported", KindTime, 6, func(p updatePair) Cell { return b.at(p.c.Reported) }),
		ask("failed_at", "Failed at", KindTime, 8, func(p updatePair) Cell {
			if p.failure == nil {
				return nil
			}
			return b.at(p.failure.Time)
		}),
		sentence("reason", "Reason", 2, func(p updatePair) Cell {
			if p.failure == nil {
				return nil
			}
			return p.failure.Code + ": " + p.failure.Text
		}),
	})
	switch {
	case b.query == "":
		list.note("Computers that need the update or failed to install it; with a query also those where it is installed and those without status.")
	default:
		list.note("Computers to which the update does not apply are left out.")
	}
	if left > 0 {
		list.note("The list was cut: %d further rows are left out. Narrow the report with a query or a group.", left)
	}
	b.report.Sections = append(b.report.Sections, updates, list)
	return nil
}

// approvalGroup names the group whose approval holds.
func (b *builder) approvalGroup(a model.EffectiveApproval) string {
	if a.Group == "" {
		return ""
	}
	return b.groupName(a.Group)
}

// pairs lists the computers of the scope by update and state, up to the limit,
// and how many it left out.
func (b *builder) pairs(lines []updateLine, states []model.InstallationState) (pairs []updatePair, left int, err error) {
	failures := map[uint32][]model.Failure{}
	for _, u := range lines {
		if err := b.ctx.Err(); err != nil {
			return nil, 0, err
		}
		if room := pairLimit - len(pairs); room <= 0 {
			// Enough rows: only count, without looking at each computer.
			left += u.c.Needed + u.c.Failed
			if slices.Contains(states, model.StateInstalled) {
				left += u.c.Installed + u.c.Unknown
			}
			continue
		}
		holds := map[int32]model.EffectiveApproval{}
		for _, st := range states {
			// These two states are found by looking at every computer.
			if st == model.StateInstalled && u.c.Installed == 0 || st == model.StateUnknown && u.c.Unknown == 0 {
				continue
			}
			for _, n := range b.snap.ComputersWith(u.Number, b.group, st) {
				p, ok := b.fleet.at(n)
				if !ok {
					continue
				}
				classes := b.fleet.classify()
				k := b.fleet.classOf[p]
				a, known := holds[k]
				if !known {
					a = b.fleet.effective(classes[k], u.Number)
					holds[k] = a
				}
				if b.p.Base == BaseApproved && !a.Approved() {
					continue
				}
				if len(pairs) >= pairLimit {
					left++
					continue
				}
				pair := updatePair{u: u.UpdateRow, c: b.computers[p], state: st, approval: a}
				if st == model.StateFailed {
					list, read := failures[n]
					if !read {
						status, err := b.status(n)
						if err != nil {
							return nil, 0, err
						}
						list = status.Failures
						failures[n] = list
					}
					pair.failure = lastFailure(list, u.ID)
				}
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs, left, nil
}

// lastFailure gives the newest failure of an update, or nil.
func lastFailure(list []model.Failure, id model.UpdateID) *model.Failure {
	var last *model.Failure
	for i := range list {
		if f := &list[i]; f.Update == id && (last == nil || f.Time.After(last.Time)) {
			last = f
		}
	}
	return last
}
