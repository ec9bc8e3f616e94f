package console

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/layout"
)

// folds are the parts of a page that were unfolded. It is safe for concurrent
// use: pages are written off the interface goroutine. Of nil everything is
// folded.
type folds struct {
	mu   sync.Mutex
	open map[string]bool
}

func (f *folds) isOpen(part string) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[part]
}

func (f *folds) toggle(part string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[string]bool{}
	}
	f.open[part] = !f.open[part]
}

// key says what is unfolded, so that a page is read again when that changes.
func (f *folds) key() string {
	if f == nil {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var open []string
	for part, is := range f.open {
		if is {
			open = append(open, part)
		}
	}
	slices.Sort(open)
	return strings.Join(open, " ")
}

// folded writes the line that shows the rest of a part, or hides it again.
func (p *page) folded(s scribe, f *folds, part string, rest int, one, many string) {
	if f == nil {
		p.lines = append(p.lines, "    and "+counted(rest, one, many))
		return
	}
	if f.isOpen(part) {
		p.linkWith(s.styles.Glyphs.Unfolded, 0, target{fold: part}, "show less")
		return
	}
	p.linkWith(s.styles.Glyphs.Folded, 0, target{fold: part}, "show %s", counted(rest, one, many))
}

// Bounds of the tree of supersedence. A cumulative update has a hundred in a
// row, and what comes below them on the page must be found.
const (
	shownLineage = 12
	mostLineage  = 400
	knownLineage = 4000
)

// lineage is one direction of the supersedence of an update.
type lineage struct {
	s     scribe
	snap  *store.Snapshot
	next  func(uint32) []uint32
	known map[uint32]*roaring.Bitmap // what can be reached from an update
	steps int

	rows   []lineageRow
	placed map[uint32]bool
	path   []uint32
}

// lineageRow is one line of the tree.
type lineageRow struct {
	depth int
	row   *model.UpdateRow // nil = outside the catalogue
	id    model.UpdateID
	note  string
}

// reach gives what can be reached from an update.
func (l *lineage) reach(n uint32) *roaring.Bitmap {
	if r := l.known[n]; r != nil {
		return r
	}
	r := roaring.New()
	for todo := slices.Clone(l.next(n)); len(todo) > 0 && l.steps < knownLineage*mostLineage; l.steps++ {
		m := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if r.CheckedAdd(m) {
			todo = append(todo, l.next(m)...)
		}
	}
	l.known[n] = r
	return r
}

// near gives the updates one step away: those that no other of them leads to.
// Catalogues name all the older ones, which would make a tree of one level.
func (l *lineage) near(n uint32) []uint32 {
	all := l.next(n)
	var out []uint32
	for _, m := range all {
		indirect := len(all) <= mostLineage && slices.ContainsFunc(all, func(o uint32) bool {
			return o != m && l.reach(o).Contains(m) && !l.reach(m).Contains(o)
		})
		if !indirect && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b uint32) int { // the newest first
		x, y := l.snap.Row(a), l.snap.Row(b)
		if x == nil || y == nil {
			return 0
		}
		return y.Released.Compare(x.Released)
	})
	return out
}

// walk writes what is below an update.
func (l *lineage) walk(n uint32, depth int) {
	l.path = append(l.path, n)
	defer func() { l.path = l.path[:len(l.path)-1] }()
	for _, m := range l.near(n) {
		r := l.snap.Row(m)
		if r == nil || len(l.rows) >= mostLineage {
			continue
		}
		row := lineageRow{depth: depth, row: r}
		again := true
		switch {
		case slices.Contains(l.path, m):
			row.note = "a cycle: it stands above"
		case l.placed[m]:
			row.note = "stands above, too"
		default:
			again = false
		}
		l.rows = append(l.rows, row)
		l.placed[m] = true
		if !again {
			l.walk(m, depth+1)
		}
	}
}

// supersedence writes what supersedes an update and what it supersedes, as
// trees, with the names that the catalogue does not have.
func (s scribe) supersedence(p *page, f *folds, snap *store.Snapshot, u *model.Update) {
	for _, part := range []struct {
		title, fold string
		next        func(uint32) []uint32
		outside     []model.UpdateID
	}{{"SUPERSEDED BY", "superseded-by", snap.SupersededBy, nil}, {"SUPERSEDES", "supersedes", snap.Supersedes, u.Supersedes}} {
		l := &lineage{s: s, snap: snap, next: part.next, known: map[uint32]*roaring.Bitmap{}, placed: map[uint32]bool{}}
		l.walk(u.Number, 0)
		for _, id := range part.outside {
			if snap.RowByID(id) == nil {
				l.rows = append(l.rows, lineageRow{id: id, note: "not in the catalogue"})
			}
		}
		if len(l.rows) == 0 {
			continue
		}
		p.head(part.title)
		rows := l.rows
		if !f.isOpen(part.fold) && len(rows) > shownLineage+2 {
			rows = rows[:shownLineage]
		}
		for _, row := range rows {
			s.lineageLine(p, snap, row)
		}
		if rest := len(l.rows) - len(rows); rest > 0 || len(l.rows) > shownLineage+2 {
			p.folded(s, f, part.fold, rest, "more of the tree", "more of the tree")
		}
		if len(l.rows) >= mostLineage {
			p.add("There are more; the tree is cut after %s.", counted(mostLineage, "line", "lines"))
		}
	}
}

func (s scribe) lineageLine(p *page, snap *store.Snapshot, row lineageRow) {
	if row.row == nil {
		p.lines = append(p.lines, "    "+hang+string(row.id)+" ("+row.note+")")
		return
	}
	var notes []string
	if word := strings.TrimPrefix(approvalWord(snap, row.row), "- "); word != "-" {
		notes = append(notes, word)
	}
	if n, _, _ := snap.Index().Needing(row.row.Number, model.GroupAll); n > 0 && !row.row.Has(model.FlagDeclined) {
		notes = append(notes, "needed on "+count(n))
	}
	notes = nonEmpty(append(notes, row.note)...)
	text := row.row.Title
	if !strings.Contains(text, row.row.Version) && strings.HasPrefix(string(row.row.ID), "deb/") {
		text += " " + row.row.Version // versions of one source have one title
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	p.linkWith(s.styles.Glyphs.Folded, row.depth, target{update: row.row.Number}, "%s", text)
}

// deepest is how far a tree is indented: the titles need the room.
const deepest = 6

// linkWith writes a line that can be opened behind a glyph, indented.
func (p *page) linkWith(glyph string, depth int, t target, format string, args ...any) {
	if p.links == nil {
		p.links = map[int]target{}
	}
	p.links[len(p.lines)] = t
	p.lines = append(p.lines, "  "+layout.Blanks(2*min(depth, deepest))+glyph+" "+hang+fmt.Sprintf(format, args...))
}
