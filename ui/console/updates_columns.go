package console

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/table"
	"fettle/ui/console/theme"
)

// updateColumn is a column of the list of updates: how it is drawn, and by what
// it is sorted: a number, where ok is false for a row that has none, or a text.
type updateColumn struct {
	table.Column
	cell   func(*updateAt) table.Cell
	number func(*updateAt) (n int64, ok bool)
	text   func(*updateAt) string
	rising bool // sorting begins with the lowest
}

// updateAt is one update as a list looks at it.
type updateAt struct {
	scribe
	snap  *store.Snapshot
	index query.Index
	group model.GroupID // whose computers are counted
	r     *model.UpdateRow

	titles *titleOrder // while sorting

	counted *model.Counts
}

// counts are those of the group, looked up once.
func (a *updateAt) counts() *model.Counts {
	if a.counted == nil {
		c := a.snap.Counts(a.r.Number, a.group)
		a.counted = &c
	}
	return a.counted
}

// open gives how many computers need the update, failed to install it and wait
// for a restart, which costs less than all counts.
func (a *updateAt) open() (needed, failed, pending int) {
	if a.r.Has(model.FlagDeclined) {
		return 0, 0, 0
	}
	return a.index.Needing(a.r.Number, a.group)
}

// deadline is the earliest one of the update's approvals.
func (a *updateAt) deadline() time.Time {
	var first time.Time
	if a.r.Has(model.FlagDeclined) {
		return first
	}
	for _, ap := range a.snap.Approvals(a.r.Number) {
		if !ap.Deadline.IsZero() && (first.IsZero() || ap.Deadline.Before(first)) {
			first = ap.Deadline
		}
	}
	return first
}

// counting makes a column of numbers of computers.
func counting(key, title, meaning string, of func(*updateAt) int, style func(st *theme.Styles, n int) theme.Style) updateColumn {
	return updateColumn{
		Column: table.Column{Key: key, Title: title, Meaning: meaning, Width: max(7, len(title)+1), Right: true},
		number: func(a *updateAt) (int64, bool) { return int64(of(a)), true },
		cell: func(a *updateAt) table.Cell {
			n := of(a)
			c := table.Cell{Text: zero(n)}
			if style != nil {
				c.Style = style(a.styles, n)
			}
			return c
		},
	}
}

// texts makes a column of words, sorted by them.
func texts(key, title, meaning string, width int, of func(*updateAt) string) updateColumn {
	return updateColumn{
		Column: table.Column{Key: key, Title: title, Meaning: meaning, Width: width}, rising: true, text: of,
		cell: func(a *updateAt) table.Cell { return table.Cell{Text: of(a)} },
	}
}

// days makes a column of dates.
func days(key, title, meaning string, of func(*updateAt) time.Time) updateColumn {
	return updateColumn{
		Column: table.Column{Key: key, Title: title, Meaning: meaning, Width: 10},
		number: func(a *updateAt) (int64, bool) { t := of(a); return t.Unix(), !t.IsZero() },
		cell:   func(a *updateAt) table.Cell { return table.Cell{Text: a.date(of(a))} },
	}
}

// firstOf names the first of several, and how many more there are.
func firstOf(list []string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return model.Clean(list[0])
	}
	return fmt.Sprintf("%s+%d", model.Clean(list[0]), len(list)-1)
}

// updateColumns are all columns of the list of updates; those that are not
// optional make the list that a newcomer sees.
func updateColumns() []updateColumn {
	bad := func(st *theme.Styles, n int) theme.Style {
		if n > 0 {
			return st.Bad
		}
		return theme.Style{}
	}
	with := func(c updateColumn, priority int) updateColumn {
		c.Priority = priority
		return c
	}
	optional := func(c updateColumn, priority int) updateColumn {
		c.Priority, c.Optional = priority, true
		return c
	}
	title := updateColumn{Column: table.Column{Key: "title", Title: "Title", Meaning: "what its vendor calls it", Width: 35, Flexible: true}, rising: true}
	title.number = func(a *updateAt) (int64, bool) { return int64(a.titles.rank(a.r)), true }
	class := texts("class", "Class", "classification, such as security", 8, func(a *updateAt) string { return a.r.Class.String() })
	class.text, class.number = nil, func(a *updateAt) (int64, bool) { return int64(a.r.Class), true }
	class.cell = func(a *updateAt) table.Cell {
		c := table.Cell{Text: a.r.Class.String()}
		if a.r.Class == model.ClassSecurity || a.r.Class == model.ClassCritical {
			c.Style = a.styles.Warn
		}
		return c
	}
	severity := texts("severity", "Severity", "its vendor's rating", 9, func(a *updateAt) string { return severityMarks[min(int(a.r.Severity), 4)] })
	severity.text, severity.rising, severity.number = nil, false, func(a *updateAt) (int64, bool) { return int64(a.r.Severity), true }
	severity.cell = func(a *updateAt) table.Cell {
		c := table.Cell{Text: severityMarks[min(int(a.r.Severity), 4)]}
		if a.r.Severity >= model.SeverityImportant {
			c.Style = a.styles.Bad
		}
		return c
	}
	kb := texts("kb", "KB", "number of the vendor's article", 9, func(a *updateAt) string { return firstOf(a.r.KB) })
	kb.text, kb.rising, kb.number = nil, false, func(a *updateAt) (int64, bool) {
		if len(a.r.KB) == 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(a.r.KB[0], 10, 64)
		return n, err == nil // what is no number sorts as none
	}
	needed := counting("needed", "Needed", "computers that need it", func(a *updateAt) int { n, _, _ := a.open(); return n }, func(st *theme.Styles, n int) theme.Style {
		if n == 0 {
			return st.Muted
		}
		return theme.Style{}
	})
	share := updateColumn{
		Column: table.Column{Key: "installed", Title: "Inst/NA", Meaning: "share of computers that have it or do not want it", Width: 7, Right: true},
		number: func(a *updateAt) (int64, bool) {
			return int64(a.counts().InstalledOrNA() * 1e6), a.counts().Computers > 0
		},
		cell: func(a *updateAt) table.Cell {
			if a.counts().Computers == 0 {
				return table.Cell{Text: "-"} // of no computers nothing is 100 %
			}
			return table.Cell{Text: percent(a.counts().InstalledOrNA())}
		},
	}
	released := days("released", "Released", "when its vendor published it, or not later than that", func(a *updateAt) time.Time { return a.r.Released })
	deadline := days("deadline", "Deadline", "the earliest deadline of its approvals", (*updateAt).deadline)
	deadline.rising = true
	age := days("age", "Age", "days since it was published", func(a *updateAt) time.Time { return a.r.Released })
	age.Width, age.Right = 6, true
	age.number = func(a *updateAt) (int64, bool) { return math.MaxInt64/2 - a.r.Released.Unix(), !a.r.Released.IsZero() }
	age.cell = func(a *updateAt) table.Cell {
		if a.r.Released.IsZero() {
			return table.Cell{Text: "-"}
		}
		return table.Cell{Text: fmt.Sprintf("%d d", max(0, int(a.now.Sub(a.r.Released).Hours()/24)))}
	}
	bytes := updateColumn{
		Column: table.Column{Key: "size", Title: "Size", Meaning: "of all its files; a computer may need only some", Width: 7, Right: true},
		number: func(a *updateAt) (int64, bool) { return a.r.Size, a.r.Size > 0 },
		cell:   func(a *updateAt) table.Cell { return table.Cell{Text: sized(a.r.Size)} },
	}
	revision := counting("revision", "Rev.", "how often it changed here, from 1", func(a *updateAt) int { return int(a.r.Revision) }, nil)
	return []updateColumn{
		title, with(kb, 8), with(class, 4), with(severity, 3), with(needed, 1),
		with(counting("failed", "Failed", "computers where installing it failed", func(a *updateAt) int { _, n, _ := a.open(); return n }, bad), 5),
		with(share, 9),
		with(texts("approval", "Approval", "for which groups, or why it is not offered", 14, func(a *updateAt) string { return approvalWord(a.snap, a.r) }), 2),
		with(released, 6), with(bytes, 7),
		optional(deadline, 3),
		optional(texts("product", "Product", "what it is for", 20, func(a *updateAt) string { return firstOf(productTitles(a.snap, a.r.Products)) }), 6),
		optional(texts("version", "Version", "its version, where it has one", 16, func(a *updateAt) string { return model.Clean(a.r.Version) }), 6),
		optional(age, 6),
		optional(days("arrived", "Arrived", "when it came to this server", func(a *updateAt) time.Time { return a.r.Arrived }), 7),
		optional(counting("no-status", "Unknown", "computers that have not reported on it", func(a *updateAt) int { return a.counts().Unknown }, nil), 7),
		optional(counting("pending", "Restart", "computers that must restart to finish it", func(a *updateAt) int { _, _, n := a.open(); return n }, nil), 7),
		optional(counting("installed-on", "Installed", "computers that have it", func(a *updateAt) int { return a.counts().Installed }, nil), 7),
		optional(counting("not-applicable", "Not appl.", "computers that do not want it", func(a *updateAt) int { return a.counts().NotApplicable }, nil), 8),
		optional(texts("restart", "May restart", "whether installing it may restart a computer", 11, func(a *updateAt) string { return choose(a.r.Has(model.FlagMayRestart), "may", "") }), 7),
		optional(texts("state", "State", "superseded, expired, withdrawn, exploited and so on", 18, func(a *updateAt) string { return strings.Join(flagWords(a.r), ", ") }), 7),
		optional(texts("cve", "CVE", "the first vulnerability that it fixes, and how many more", 18, func(a *updateAt) string { return firstOf(a.r.CVEs) }), 7),
		optional(texts("bulletin", "Bulletin", "the vendor's bulletin", 10, func(a *updateAt) string { return firstOf(a.r.Bulletin) }), 8),
		optional(texts("upstream", "Upstream", "where it comes from", 12, func(a *updateAt) string { return model.Clean(a.r.Upstream) }), 8),
		optional(revision, 8),
		optional(texts("id", "Identifier", "its identifier for ever", 36, func(a *updateAt) string { return model.Clean(string(a.r.ID)) }), 9),
	}
}

// flagWords are the words of the query field is: that are special about an
// update.
func flagWords(r *model.UpdateRow) []string {
	var words []string
	for _, f := range []struct {
		flag model.UpdateFlags
		word string
	}{
		{model.FlagExploited, "exploited"}, {model.FlagRequired, "required"}, {model.FlagDeclined, "declined"}, {model.FlagWithdrawn, "withdrawn"},
		{model.FlagExpired, "expired"}, {model.FlagSuperseded, "superseded"}, {model.FlagLicence, "licence"},
	} {
		if r.Has(f.flag) {
			words = append(words, f.word)
		}
	}
	return words
}

// cells gives a row of the list: those columns that are on the screen.
func (u *updates) cells(id uint32) []table.Cell {
	snap := u.list.snap
	cells := make([]table.Cell, len(u.columns))
	r := snap.Row(id)
	if r == nil {
		cells[0].Text = "(gone)"
		return cells
	}
	at := &updateAt{scribe: u.c.scribe, snap: snap, index: snap.Index(), group: u.list.got.group, r: r}
	for i, col := range u.columns {
		switch {
		case col.Key == "title":
			cells[i] = u.titleCell(r)
		case u.list.tab.Shown(col.Key):
			cells[i] = col.cell(at)
		}
	}
	return cells
}

// titleCell is the title of an update. Titles of a month differ at their end
// only, so that of one that is cut the end stays: what tells it from those that
// stand beside it in the order of titles, else its article.
func (u *updates) titleCell(r *model.UpdateRow) table.Cell {
	c := table.Cell{Text: model.Clean(r.Title)}
	article := articleOf(c.Text)
	from, twin := u.titles.order().distinct(r)
	if article != "" && (u.list.tab.Shown("kb") || from > 0) {
		c.Text = strings.TrimSpace(strings.TrimSuffix(c.Text, article)) // it has a column of its own, or tells nothing apart
		article = ""
	}
	switch {
	case twin && !u.list.tab.Shown("version") && r.Version != "" && !strings.Contains(r.Title, r.Version):
		c.Keep = " " + model.Clean(r.Version)
		c.Text += c.Keep
	case from > 0 && from < len(c.Text):
		c.Keep = c.Text[from:]
	default:
		c.Keep = article
	}
	return c
}

// rowText is a row with tabs between its columns, as they stand on the screen.
func (u *updates) rowText(id uint32) string {
	cells := u.cells(id)
	var out []table.Cell
	for _, key := range u.list.tab.Showing() {
		if i := slices.IndexFunc(u.columns, func(c updateColumn) bool { return c.Key == key }); i >= 0 && u.list.tab.Shown(key) {
			if key == "title" {
				if r := u.list.snap.Row(id); r != nil {
					cells[i].Text = model.Clean(r.Title)
				}
			}
			out = append(out, cells[i])
		}
	}
	return rowText(out)
}
