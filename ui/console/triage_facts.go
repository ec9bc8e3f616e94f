package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
)

// moved reads the facts of the update under the cursor when it rests: they change
// many lines, which a slow line carries slowly (terminal section 3.2).
func (p *triage) moved() tea.Cmd {
	c := p.c
	id, ok := p.tab.Cursor()
	if !ok || c.width == 0 || p.snap == nil {
		p.below, p.shows = nil, ""
		return nil
	}
	if p.key(id) == p.shows {
		return nil
	}
	// A message of the request mechanism: a later move makes this one worthless.
	p.rest.stop()
	return c.after(cursorRest, answered{&p.rest, p.rest.id, p.read})
}

// key says of what the facts are: the update, what else is marked, the target,
// the snapshot, the room.
func (p *triage) key(id uint32) string {
	return fmt.Sprint(id, p.tab.MarkCount(), p.aside, p.snap.Seq(), p.c.width, p.target)
}

// read reads the facts, off the interface goroutine.
func (p *triage) read() tea.Cmd {
	c := p.c
	id, ok := p.tab.Cursor()
	u, known := p.rows[id]
	if !ok || !known {
		return nil
	}
	s, snap, w, key, actor := c.scribe, p.snap, c.width-2, p.key(id), c.actor
	change, err := p.target.change(c, p.selection())
	marked := p.tab.MarkCount() > 0
	names, problem := p.target.names(snap.Groups()), p.target.problem(c)
	return p.details.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
		preview := "! " + problem
		if problem == "" && err == nil {
			preview = s.triagePreview(ctx, change, names, marked, actor)
		}
		var below []string
		for _, l := range s.triageFacts(snap, u, preview) {
			below = append(below, wrapText(l, w)...)
		}
		return func() tea.Cmd {
			p.below, p.shows = below, key
			return nil
		}
	})
}

// triageFacts are the facts that decide the case, the weightiest first: on the
// smallest screen only four lines of them are seen. It reads from the disk.
func (s scribe) triageFacts(snap *store.Snapshot, u model.Undecided, preview string) []string {
	r := u.Update
	lines := []string{model.Clean(r.Title)}
	fact := func(name, value string) {
		if value != "" {
			lines = append(lines, name+": "+hang+value)
		}
	}
	lines = append(lines, preview, s.urgency(u))
	if u.Aside != model.AsideNot {
		fact("Left out", u.AsideWords(s.zone))
	}
	fact("Waiting", s.waitingGroups(snap, u))
	var decided []string
	for _, a := range snap.Approvals(r.Number) {
		decided = append(decided, s.approvalLine(snap, a))
	}
	fact("Decided", strings.Join(decided, "; "))
	fact("Fixes", fixes(r))
	fact("Installing", s.installing(r))
	fact("Supersedes", someTitles(snap, snap.Supersedes(r.Number)))
	fact("Superseded by", someTitles(snap, snap.SupersededBy(r.Number)))
	if p := u.Later; p != nil && u.Aside != model.AsideLater {
		word := p.News(r, u.Needing)
		if !s.now.Before(p.Until) {
			word = "its time came"
		}
		fact("Was postponed", fmt.Sprintf("until %s by %s; %s", s.date(p.Until), model.Clean(p.Who), cmp.Or(word, "it is back")))
	}
	full, err := s.store.Update(r.Number)
	if err != nil {
		return append(lines, "! "+model.Clean(err.Error()))
	}
	if alarm, ok := snap.Alarm(r.Number); ok && len(alarm.Changed) > 0 {
		fact("Revised", strings.Join(alarm.Changed, "; "))
	}
	if full.Description != "" {
		lines = append(lines, strings.Split(model.CleanLines(full.Description), "\n")...)
	}
	fact("Products", strings.Join(productTitles(snap, r.Products), ", "))
	return lines
}

// urgency is why the update stands where it does, whole.
func (s scribe) urgency(u model.Undecided) string {
	r := u.Update
	parts := u.Reasons(s.now)
	if u.Replaced > 0 && u.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("on %s more what supersedes it is decided instead", count(u.Replaced)))
	}
	if said := r.Class == model.ClassCritical || r.Class == model.ClassSecurity && r.Severity == model.SeverityUnspecified; !said {
		parts = append(parts, r.Class.Title())
	}
	text := strings.Join(parts, ", ")
	if !r.Released.IsZero() {
		text += " (" + s.date(r.Released) + ")"
	}
	return text
}

// mostGroups is how many groups of those that wait are named.
const mostGroups = 6

// waitingGroups says in which groups the computers are that wait, the most first.
// The predefined groups say little about who decides, so that those made by
// administrators are named, and Unassigned Computers.
func (s scribe) waitingGroups(snap *store.Snapshot, u model.Undecided) string {
	_, waiting, ok := snap.Undecided(u.Update.Number, s.now)
	if !ok || waiting.IsEmpty() {
		return ""
	}
	type share struct {
		name string
		n    int
	}
	var all []share
	tree := snap.Groups()
	for _, id := range tree.Order() {
		if g := tree.Group(id); g.Predefined() && id != model.GroupUnassigned {
			continue
		}
		if n := int(roaring.And(snap.Members(id), waiting).GetCardinality()); n > 0 {
			all = append(all, share{model.Clean(tree.Group(id).Name), n})
		}
	}
	slices.SortStableFunc(all, func(a, b share) int { return cmp.Compare(b.n, a.n) })
	var parts []string
	for _, g := range all[:min(len(all), mostGroups)] {
		parts = append(parts, g.name+" "+count(g.n))
	}
	if more := len(all) - mostGroups; more > 0 {
		parts = append(parts, counted(more, "more group", "more groups"))
	}
	return strings.Join(parts, ", ")
}

// fixes names what the update fixes: vulnerabilities, articles, bulletins.
func fixes(r *model.UpdateRow) string {
	const most = 8
	var all []string
	for _, c := range r.CVEs {
		all = append(all, model.Clean(c))
	}
	for _, k := range r.KB {
		all = append(all, "KB"+model.Clean(k))
	}
	for _, b := range r.Bulletin {
		all = append(all, model.Clean(b))
	}
	if more := len(all) - most; more > 0 {
		all = append(all[:most:most], counted(more, "more", "more"))
	}
	return strings.Join(all, ", ")
}

// installing says what installing it is like.
func (s scribe) installing(r *model.UpdateRow) string {
	var parts []string
	parts = append(parts, choose(r.Has(model.FlagMayRestart), "may require a restart", "no restart announced"))
	if r.Size > 0 {
		parts = append(parts, size(r.Size))
	}
	for _, f := range []struct {
		flag model.UpdateFlags
		word string
	}{{model.FlagInput, "asks the user something"}, {model.FlagLicence, "licence terms to accept"}, {model.FlagRemovable, "can be uninstalled"}} {
		if r.Has(f.flag) {
			parts = append(parts, f.word)
		}
	}
	return strings.Join(parts, ", ")
}

// someTitles names some updates, the newest first.
func someTitles(snap *store.Snapshot, numbers []uint32) string {
	const most = 3
	var names []string
	for _, n := range numbers[:min(len(numbers), most)] {
		if r := snap.Row(n); r != nil {
			names = append(names, model.Clean(r.Title))
		}
	}
	if more := len(numbers) - most; more > 0 {
		names = append(names, counted(more, "more", "more"))
	}
	return strings.Join(names, "; ")
}
