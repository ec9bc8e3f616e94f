package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	p.pages = func(_ context.Context, s scribe, _ int) (*page, error) {
		return s.updatePage(s.store.Snapshot(), number, false)
	}
	if r := c.snap.Row(number); r != nil && !strings.HasPrefix(string(r.ID), "deb/") {
		p.behind = func(_ context.Context, s scribe, w int) (*page, error) { return s.behindUpdate(number, w) }
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

// updatePage is what is known of an update. It reads from the disk.
func (s scribe) updatePage(snap *store.Snapshot, number uint32, brief bool) (*page, error) {
	r := snap.Row(number)
	if r == nil {
		return nil, errors.New("the update is not in the catalogue any more")
	}
	u, err := s.store.Update(number)
	if err != nil {
		return nil, err
	}
	var p page
	all := snap.Counts(number, model.GroupAll)
	var states []string
	for _, x := range []struct {
		n    int
		word string
	}{{all.Needed, "needed on"}, {all.Failed, "failed on"}, {all.Pending, "pending restart on"}, {all.Installed, "installed on"}, {all.NotApplicable, "not applicable on"}, {all.Unknown, "no status from"}} {
		if x.n > 0 {
			states = append(states, x.word+" "+count(x.n))
		}
	}
	status := orWord(strings.Join(states, ", "), "no computer has reported") + ", of " + counted(all.Computers, "computer", "computers")
	if r.Has(model.FlagDeclined) {
		status = "declined: nothing is counted"
	}
	p.lines = append(p.lines, u.Title)
	if brief {
		p.lines = append(p.lines, strings.Join(nonEmpty(s.publication(r), r.Class.Title(), severityMarks[min(int(r.Severity), 4)], s.released(u), size(r.Size)), s.styles.Glyphs.Dot), "Status: "+status)
		for _, a := range snap.Approvals(number) {
			p.lines = append(p.lines, s.approvalLine(snap, a))
		}
		if u.Description != "" {
			p.lines = append(p.lines, strings.Split(u.Description, "\n")...)
		}
		return &p, nil
	}
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
	p.add("%s", status)
	if !r.Has(model.FlagDeclined) {
		if all.Computers > 0 {
			p.add("installed or not applicable: %s of all %s, of which %s are unknown", percent(all.InstalledOrNA()), counted(all.Computers, "computer", "computers"), count(all.Unknown))
		}
		for _, id := range snap.Groups().Order() {
			n := snap.Counts(number, id)
			if n.Computers > 0 && n.Needed+n.Failed+n.Installed > 0 {
				p.add("%s: needed %s, failed %s, installed %s of %s", snap.Groups().Group(id).Name, count(n.Needed), count(n.Failed), count(n.Installed), count(n.Computers))
			}
		}
		if on := snap.NeededOn(number, model.GroupAll); len(on) > 0 {
			var names []string
			for _, n := range on[:min(len(on), 10)] {
				if comp := snap.Computer(n); comp != nil {
					names = append(names, fmt.Sprintf("%s (%s)", comp.Name, strings.ToLower(snap.State(n, number).Word())))
				}
			}
			if len(on) > 10 {
				names = append(names, fmt.Sprintf("and %s more: c shows all", count(len(on)-10)))
			}
			p.add("Computers: %s (e shows all, and explains)", strings.Join(names, ", "))
		}
	}
	p.head("APPROVALS")
	approvals := snap.Approvals(number)
	for _, a := range approvals {
		p.add("%s", s.approvalLine(snap, a))
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
	if d := u.Debian; d != nil {
		p.head("PACKAGES")
		p.add("source %s %s, offered by %s", d.Source, d.Version, strings.Join(d.Suites, ", "))
		for _, b := range d.Packages {
			p.add("%s %s %s  %s", b.Name, b.Arch, b.Version, size(b.Size))
		}
	}
	if len(u.Files) > 0 {
		p.head("FILES")
		for _, f := range u.Files[:min(len(u.Files), shownFiles)] {
			p.add("%s  %s", f.Name, size(f.Size))
			hexLine(&p, "SHA-256", f.SHA256)
			hexLine(&p, "SHA-1", f.SHA1)
			if f.URL != "" {
				p.lines = append(p.lines, "      "+f.URL)
			}
		}
		if n := len(u.Files) - shownFiles; n > 0 {
			p.add("and %s more", count(n))
		}
	}
	s.supersedence(&p, snap, number)
	if revs, err := s.store.Revisions(number); err == nil && len(revs) > 0 {
		p.head("REVISIONS")
		for _, v := range revs {
			what := "first seen"
			if len(v.Changed) > 0 {
				what = "changed " + strings.Join(v.Changed, ", ")
			}
			p.add("%d  %s  %s", v.Number, v.Arrived.In(s.zone).Format("2006-01-02 15:04"), what)
		}
	}
	if len(u.Links) > 0 {
		p.head("LINKS")
		for _, l := range u.Links {
			p.add("%s", l)
		}
	}
	return &p, nil
}

// shownFiles is how many files of an update are listed: some have thousands.
const shownFiles = 200

// facts writes what an update is, in the order in which WSUS has it.
func (s scribe) facts(p *page, snap *store.Snapshot, r *model.UpdateRow, u *model.Update) {
	vendor := u.Debian == nil // it says more of itself
	p.fact("Identifier", string(u.ID))
	p.fact("Class", r.Class.Title())
	if u.Severity != model.SeverityUnspecified {
		p.fact("Severity", u.Severity.String())
	}
	p.fact("State", s.publication(r))
	p.fact("Products", strings.Join(productTitles(snap, u.Products), ", "))
	p.fact("Released", s.released(u))
	p.fact("Arrived", u.Arrived.In(s.zone).Format("2006-01-02 15:04")+" from "+u.Upstream)
	p.fact("KB", strings.Join(u.KB, ", "))
	p.fact("Bulletins", strings.Join(u.Bulletins, ", "))
	p.fact("CVEs", strings.Join(u.CVEs, ", "))
	p.fact("Languages", languagesText(u.Languages))
	p.fact("Restart", [...]string{"", "never needed", "may be needed", "always needed"}[min(int(u.Restart), 3)])
	if vendor {
		p.fact("Uninstalling", choose(u.Removable, "possible", "not possible"))
		p.fact("User input", choose(u.Input, "installing it may ask the user something: it gets no deadline", "none"))
	}
	switch {
	case r.Size > 0:
		p.fact("Size", size(r.Size)+", of which one computer needs a part")
	case vendor:
		p.fact("Size", "not stated")
	}
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

// shownSupersedence is how many superseded updates are listed: a cumulative
// update has a hundred, and what comes below them must be found.
const shownSupersedence = 15

func (s scribe) supersedence(p *page, snap *store.Snapshot, number uint32) {
	for _, part := range []struct {
		title string
		list  []uint32
	}{{"SUPERSEDED BY", snap.SupersededBy(number)}, {"SUPERSEDES", snap.Supersedes(number)}} {
		if len(part.list) == 0 {
			continue
		}
		p.head(part.title)
		list := slices.Clone(part.list)
		slices.SortStableFunc(list, func(a, b uint32) int { // the newest first
			x, y := snap.Row(a), snap.Row(b)
			if x == nil || y == nil {
				return 0
			}
			return y.Released.Compare(x.Released)
		})
		for i, n := range list {
			if i == shownSupersedence {
				p.add("and %s more, which are older", count(len(list)-i))
				break
			}
			if o := snap.Row(n); o != nil {
				p.link(s, target{update: n}, "%s%s", o.Title, strings.TrimSuffix(" ("+strings.TrimPrefix(approvalWord(snap, o), "- ")+")", " (-)"))
			}
		}
	}
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
