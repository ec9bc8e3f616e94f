package console

import (
	"context"
	"errors"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// newUpdate shows everything about one update.
func newUpdate(c *Console, number uint32) pane {
	title := "update"
	if r := c.snap.Row(number); r != nil {
		title = layout.Cut(model.Clean(r.Title), 50, c.styles.Glyphs.Tail)
	}
	p := newTextPane(c, title)
	p.scope = keys.Update
	p.off = func(a keys.Action) string { return c.updateDisabled(a, []uint32{number}) }
	p.folds = &folds{}
	p.pages = func(_ context.Context, s scribe, w int) (*page, error) {
		return s.updatePage(s.store.Snapshot(), number, p.folds, w)
	}
	if r := c.snap.Row(number); r != nil && !strings.HasPrefix(string(r.ID), "deb/") {
		p.behind = func(_ context.Context, s scribe, w int) (*page, error) { return s.behindUpdate(number, p.folds, w) }
		p.version = func() string {
			if r := c.snap.Row(number); r != nil {
				return fmt.Sprint(r.Revision, c.snap.Settings().Languages)
			}
			return ""
		}
	}
	p.acts = func(a keys.Action) tea.Cmd {
		switch a {
		case keys.ApproveIt:
			return c.approve([]uint32{number}, nil)
		case keys.DeclineIt:
			return c.change(model.ChangeDecline, "Decline", []uint32{number}, nil)
		case keys.ReinstateIt:
			return c.change(model.ChangeReinstate, "Reinstate", []uint32{number}, nil)
		case keys.NeedingIt:
			return c.needing(number)
		case keys.ByComputer:
			return c.push(newUpdateComputers(c, number))
		case keys.NeedingGroup, keys.Acknowledge, keys.AcceptLicence:
			return c.updateAction(a, []uint32{number}, nil)
		case keys.Copy:
			if r := c.snap.Row(number); r != nil {
				return c.copy(string(r.ID))
			}
		}
		return nil
	}
	return p
}

func (p *page) add(format string, args ...any) {
	p.lines = append(p.lines, "  "+fmt.Sprintf(format, args...))
}

// fact writes a name and its value, if there is one.
func (p *page) fact(name, value string) {
	if value != "" {
		p.lines = append(p.lines, "  "+layout.Fit(name, 14, "")+" "+hang+value)
	}
}

// updateStatus says in a line how it stands with an update.
func updateStatus(snap *store.Snapshot, r *model.UpdateRow) string {
	if r.Has(model.FlagDeclined) {
		return "declined: nothing is counted"
	}
	all := snap.Counts(r.Number, model.GroupAll)
	var states []string
	for _, x := range []struct {
		n    int
		word string
	}{{all.Needed, "needed on"}, {all.Failed, "failed on"}, {all.Pending, "pending restart on"}, {all.Installed, "installed on"}, {all.NotApplicable, "not applicable on"}, {all.Unknown, "no status from"}} {
		if x.n > 0 {
			states = append(states, x.word+" "+count(x.n))
		}
	}
	return orWord(strings.Join(states, ", "), "no computer has reported") + ", of " + counted(all.Computers, "computer", "computers")
}

// updateBrief is what the details below the list say of an update.
func (s scribe) updateBrief(snap *store.Snapshot, number uint32) (*page, error) {
	r := snap.Row(number)
	if r == nil {
		return nil, errGone
	}
	u, err := s.store.Update(number)
	if err != nil {
		return nil, err
	}
	p := page{lines: []string{u.Title, strings.Join(nonEmpty(s.publication(r), r.Class.Title(), severityMarks[min(int(r.Severity), 4)], s.released(u), size(r.Size)), s.styles.Glyphs.Dot), "Status: " + updateStatus(snap, r)}}
	for _, a := range snap.Approvals(number) {
		p.lines = append(p.lines, s.approvalLine(snap, a))
	}
	if u.Description != "" {
		p.lines = append(p.lines, strings.Split(u.Description, "\n")...)
	}
	return &p, nil
}

// errGone tells that an update was removed from the catalogue meanwhile.
var errGone = errors.New("the update is not in the catalogue any more")

// updatePage is what is known of an update, for a width; 0 is that of a narrow
// screen. It reads from the disk.
func (s scribe) updatePage(snap *store.Snapshot, number uint32, f *folds, w int) (*page, error) {
	r := snap.Row(number)
	if r == nil {
		return nil, errGone
	}
	u, err := s.store.Update(number)
	if err != nil {
		return nil, err
	}
	p := page{lines: []string{u.Title}}
	s.alarm(&p, snap, number)
	p.lines = append(p.lines, "")
	s.facts(&p, snap, r, u)
	if u.Licence != "" {
		p.head("LICENCE TERMS")
		if snap.Licensed(number) {
			p.add("accepted")
		} else {
			p.add("not accepted: l shows them and accepts them, before that it cannot be approved")
		}
	}
	p.head("STATUS")
	p.add("%s", updateStatus(snap, r))
	if all := snap.Counts(number, model.GroupAll); !r.Has(model.FlagDeclined) && all.Computers > 0 {
		p.add("installed or not applicable: %s of %s, of which %s", percent(all.InstalledOrNA()), counted(all.Computers, "computer", "computers"), choose(all.Unknown == 0, "none is unknown", counted(all.Unknown, "is unknown", "are unknown")))
		p.head("STATUS BY GROUP")
		s.statusByGroup(&p, snap, r, max(w, minWidth-2))
		p.head("COMPUTERS BY STATE")
		s.computersByState(&p, snap, number)
	}
	p.head("APPROVALS")
	approvals := snap.Approvals(number)
	for _, a := range approvals {
		if d := snap.Deployment(a.Deployment); d != nil {
			p.link(s, target{deployment: d.ID}, "%s", s.approvalLine(snap, a))
		} else {
			p.add("%s", s.approvalLine(snap, a))
		}
	}
	if len(approvals) == 0 {
		p.add("none: a approves it for computer groups")
	}
	if u.Description != "" {
		p.head("DESCRIPTION")
		for l := range strings.SplitSeq(u.Description, "\n") {
			p.add("%s", l)
		}
	}
	s.payload(&p, u)
	s.supersedence(&p, f, snap, u)
	s.revisions(&p, u)
	if len(u.CVEs) > 0 {
		p.head("VULNERABILITIES")
		shown := u.CVEs
		if len(shown) > shownCVEs+2 && !f.isOpen("cves") {
			shown = shown[:shownCVEs]
		}
		for _, id := range shown {
			p.link(s, target{view: "updates", filter: "cve:" + quoted(id)}, "%s", id)
		}
		if len(u.CVEs) > shownCVEs+2 {
			p.folded(s, f, "cves", len(u.CVEs)-len(shown), "more", "more")
		}
	}
	if len(u.Links) > 0 {
		p.head("LINKS")
		for _, l := range u.Links {
			p.link(s, target{text: l}, "%s", l)
		}
	}
	return &p, nil
}

// payload writes the packages or the files of an update.
func (s scribe) payload(p *page, u *model.Update) {
	if d := u.Debian; d != nil {
		p.head("PACKAGES")
		p.add("source %s %s, offered by %s", d.Source, d.Version, strings.Join(d.Suites, ", "))
		for _, b := range d.Packages {
			p.add("%s %s %s  %s", b.Name, b.Arch, b.Version, size(b.Size))
		}
	}
	if len(u.Files) == 0 {
		return
	}
	p.head("FILES")
	for _, f := range u.Files[:min(len(u.Files), shownFiles)] {
		p.add("%s  %s", f.Name, size(f.Size))
		hexLine(p, "SHA-256", f.SHA256)
		hexLine(p, "SHA-1", f.SHA1)
		if f.URL != "" {
			p.linkWith(s.styles.Glyphs.Folded, 1, target{text: f.URL}, "%s", f.URL)
		}
	}
	if n := len(u.Files) - shownFiles; n > 0 {
		p.add("and %s more", count(n))
	}
}

// revisions writes how the update changed here. Its vendor counts revisions,
// too, from another beginning: the number of the newest stands beside ours.
func (s scribe) revisions(p *page, u *model.Update) {
	revs, err := s.store.Revisions(u.Number)
	if err != nil || len(revs) == 0 {
		return
	}
	p.head("REVISIONS")
	for _, v := range revs {
		what := "first seen"
		if len(v.Changed) > 0 {
			what = "changed " + strings.Join(v.Changed, ", ")
		}
		vendor := ""
		if v.Number == u.Revision && u.Document > 0 {
			vendor = fmt.Sprintf(" (its vendor counts %d)", u.Document)
		}
		p.add("%d%s  %s  %s%s", v.Number, vendor, v.Arrived.In(s.zone).Format("2006-01-02 15:04"), hang, what)
	}
}

// shownCVEs is how many vulnerabilities are listed: a cumulative update fixes a
// hundred.
const shownCVEs = 8

// shownFiles is how many files of an update are listed: some have thousands.
const shownFiles = 200

// facts writes what an update is, in the order in which WSUS has it.
func (s scribe) facts(p *page, snap *store.Snapshot, r *model.UpdateRow, u *model.Update) {
	vendor := u.Debian == nil // it says more of itself
	p.fact("Identifier", string(u.ID))
	p.fact("Class", r.Class.Title())
	if u.Severity != model.SeverityUnspecified {
		p.fact("Severity", severityTitles[min(int(u.Severity), 4)])
	}
	p.fact("State", s.publication(r))
	p.fact("Products", strings.Join(productTitles(snap, u.Products), ", "))
	p.fact("Released", s.released(u))
	p.fact("Arrived", u.Arrived.In(s.zone).Format("2006-01-02 15:04")+" from "+u.Upstream)
	p.fact("KB", strings.Join(u.KB, ", "))
	p.fact("Bulletins", strings.Join(u.Bulletins, ", "))
	if len(u.CVEs) > 3 {
		p.fact("CVEs", count(len(u.CVEs))+" vulnerabilities, listed below")
	} else {
		p.fact("CVEs", strings.Join(u.CVEs, ", "))
	}
	p.fact("Languages", languagesText(u.Languages))
	p.fact("Restart", [...]string{"not stated", "never needed", "may be needed", "always needed"}[min(int(u.Restart), 3)])
	if vendor {
		p.fact("Uninstalling", choose(u.Removable, "possible", "not possible"))
		p.fact("User input", choose(u.Input, "installing it may ask the user something: it gets no deadline", "none"))
	}
	switch {
	case r.Size > 0:
		p.fact("Size", size(r.Size)+choose(parts(u) > 1, ", of which one computer needs a part", ""))
	case vendor:
		p.fact("Size", "not stated")
	}
}

// parts is how many packages or files an update has.
func parts(u *model.Update) int {
	if u.Debian != nil {
		return len(u.Debian.Packages)
	}
	return len(u.Files)
}

// manyLanguages is from how many on languages are counted.
const manyLanguages = 12

func languagesText(list []string) string {
	if len(list) > manyLanguages {
		return fmt.Sprintf("%d, among them %s", len(list), strings.Join(list[:manyLanguages], ", "))
	}
	return strings.Join(list, ", ")
}

func choose(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// productTitles names products with the family that they belong to: the titles
// repeat.
func productTitles(snap *store.Snapshot, ids []model.CategoryID) []string {
	var out []string
	for _, id := range ids {
		cat, ok := snap.Category(id)
		if !ok {
			out = append(out, string(id))
			continue
		}
		title := cat.Title
		if family, ok := snap.Category(cat.Parent); ok && family.Kind == model.CategoryFamily && family.Title != title {
			title += " (" + family.Title + ")"
		}
		out = append(out, title)
	}
	return out
}

// released says when the vendor published an update, as far as that is known.
func (s scribe) released(u *model.Update) string {
	if u.Released.IsZero() {
		return ""
	}
	if u.NotLater {
		return "not later than " + s.date(u.Released)
	}
	return s.date(u.Released)
}

// publication says what is special about an update, in words.
func (s scribe) publication(r *model.UpdateRow) string {
	var words []string
	for _, f := range []struct {
		flag model.UpdateFlags
		word string
	}{
		{model.FlagDeclined, "declined"}, {model.FlagWithdrawn, "withdrawn: its archive no longer offers it"}, {model.FlagExpired, "expired by its publisher"},
		{model.FlagSuperseded, "superseded"}, {model.FlagRequired, "required update of Fettle"}, {model.FlagExploited, "known to be exploited"}, {model.FlagLicence, "has licence terms"},
	} {
		if r.Has(f.flag) {
			words = append(words, f.word)
		}
	}
	return strings.Join(words, ", ")
}

// approvalLine is a group's own approval in words.
func (s scribe) approvalLine(snap *store.Snapshot, a model.Approval) string {
	name := string(a.Group)
	if g := snap.Groups().Group(a.Group); g != nil {
		name = g.Name
	}
	line := fmt.Sprintf("%s for %s", a.Action.Title(), name)
	if !a.Deadline.IsZero() {
		line += ", deadline " + a.Deadline.In(s.zone).Format("2006-01-02 15:04")
	}
	if a.Stale {
		line += ", HELD BACK: it was given to an older revision"
	}
	if d := snap.Deployment(a.Deployment); d != nil {
		line += fmt.Sprintf(" (deployment %d by %s, %s)", d.ID, d.Author, s.when(d.Time))
	}
	return line
}
