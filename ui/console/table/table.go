// Package table is a virtual table: it keeps the identifiers of its rows in
// order, and asks for the cells of the visible ones only. A keypress costs the
// same with a hundred thousand rows as with ten.
//
// Cursor, marks and scroll position belong to identities, not to places: when
// the rows are replaced, because somebody sorted or a computer reported, the
// cursor stays on its row, on the same line of the screen where that is
// possible; when the row is gone, the cursor takes the nearest neighbour that is
// left (terminal section 6.3). At the edge the table scrolls by half its height,
// because a terminal program sends every line that changed (section 3.2).
//
// A table is not safe for concurrent use: it belongs to the interface goroutine.
package table

import (
	"iter"
	"slices"
	"strings"

	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

// Cell is what one row shows in one column.
type Cell struct {
	Text  string
	Style theme.Style // where the row is neither selected nor marked
	Keep  string      // the end of the text that stays where the text is cut, such as a number that tells rows apart
}

// Source gives the cells of a row, one per column. It is called for visible
// rows that are not cached, and must not do I/O.
type Source[ID comparable] func(id ID) []Cell

// Table is a virtual table of rows identified by ID.
type Table[ID comparable] struct {
	Columns []Column
	Source  Source[ID]
	Styles  *theme.Styles
	Sort    string // key of the column that the rows are sorted by; the table only shows it
	Reverse bool
	Step    bool // scroll line by line at the edge instead of by half a page
	Single  bool // rows cannot be marked: no mark column
	Dim     bool // another pane has the focus: the row under the cursor is only marked

	ids    []ID
	cursor int
	top    int
	height int // visible rows of the last View
	marks  map[ID]struct{}
	anchor int // where a range of marks begins; -1 = none
	ranged map[ID]struct{}

	cache  map[ID]cached
	key    cacheKey
	widths []int    // by column; 0 = not shown
	order  []int    // columns as they stand on the screen
	chosen []string // keys of the columns that somebody chose, in their order; nil = the default
}

// cached is a rendered row, without the cursor's and the mark's state.
type cached struct {
	plain  string // fitted, for rows that get one style
	styled string
}

// cacheKey is all that a rendered row depends on beside its identity.
type cacheKey struct {
	version uint64
	width   int
	styles  *theme.Styles
}

// maxCache bounds the cache: some screens full.
const maxCache = 2048

// New makes an empty table.
func New[ID comparable](styles *theme.Styles, source Source[ID], columns ...Column) *Table[ID] {
	return &Table[ID]{Columns: columns, Source: source, Styles: styles, marks: map[ID]struct{}{}, anchor: -1, cache: map[ID]cached{}}
}

// Len is the number of rows.
func (t *Table[ID]) Len() int { return len(t.ids) }

// IDs gives the rows in their order. The slice is the table's.
func (t *Table[ID]) IDs() []ID { return t.ids }

// Cursor gives the row under the cursor; ok is false in an empty table.
func (t *Table[ID]) Cursor() (id ID, ok bool) {
	if t.cursor < 0 || t.cursor >= len(t.ids) {
		return id, false
	}
	return t.ids[t.cursor], true
}

// Position is the cursor's place, from 0.
func (t *Table[ID]) Position() int { return t.cursor }

// Focus puts the cursor on a row, if it is there.
func (t *Table[ID]) Focus(id ID) bool {
	i := slices.Index(t.ids, id)
	if i < 0 {
		return false
	}
	t.moveTo(i)
	return true
}

// SetRows replaces the rows. version says whether cells may have changed: with
// another version the cache is dropped.
func (t *Table[ID]) SetRows(ids []ID, version uint64) {
	old, oldCursor := t.ids, t.cursor
	t.ids = ids
	if t.key.version != version {
		t.key.version = version
		clear(t.cache)
	}
	t.endRange()
	if len(old) == 0 || len(ids) == 0 {
		t.cursor, t.top = 0, 0
		return
	}
	offset := oldCursor - t.top
	t.cursor = t.place(old, oldCursor)
	t.top = t.cursor - offset
	t.clamp()
}

// searched bounds how many neighbours of a vanished row are looked for: each
// costs a pass over the rows.
const searched = 64

// place finds where the row that had the cursor is now, or its nearest old
// neighbour: first those below it, which moved up to its place.
func (t *Table[ID]) place(old []ID, at int) int {
	at = min(max(at, 0), len(old)-1)
	for d := range min(searched, len(old)) {
		if at+d < len(old) {
			if i := slices.Index(t.ids, old[at+d]); i >= 0 {
				return i
			}
		}
		if d > 0 && at-d >= 0 {
			if i := slices.Index(t.ids, old[at-d]); i >= 0 {
				return i
			}
		}
	}
	return min(at, len(t.ids)-1)
}

// Refresh drops the cache: the cells of the same rows changed.
func (t *Table[ID]) Refresh(version uint64) {
	if t.key.version != version {
		t.key.version = version
		clear(t.cache)
	}
}

// Move moves the cursor by n rows.
func (t *Table[ID]) Move(n int) { t.moveTo(t.cursor + n) }

// Page moves the cursor by pages: 1 and -1 are whole ones, in halves when half.
func (t *Table[ID]) Page(n int, half bool) {
	step := max(1, t.height-1)
	if half {
		step = max(1, t.height/2)
	}
	t.top += n * step
	t.cursor += n * step
	t.clampCursor()
	t.clamp()
	t.extend()
}

// Home moves the cursor to the first row, End to the last.
func (t *Table[ID]) Home() { t.moveTo(0) }

// End moves the cursor to the last row.
func (t *Table[ID]) End() { t.moveTo(len(t.ids) - 1) }

func (t *Table[ID]) clampCursor() { t.cursor = max(0, min(t.cursor, len(t.ids)-1)) }

func (t *Table[ID]) moveTo(i int) {
	t.cursor = i
	t.clampCursor()
	t.scroll()
	t.extend()
}

// scroll brings the cursor's row into view, by half a page.
func (t *Table[ID]) scroll() {
	if t.height <= 0 {
		return
	}
	half := t.height / 2
	if t.Step {
		half = 0
	}
	switch {
	case t.cursor < t.top:
		t.top = t.cursor - half
	case t.cursor >= t.top+t.height:
		t.top = t.cursor - t.height + 1 + half
	}
	t.clamp()
}

// clamp keeps the scroll position within the rows and the cursor in view.
func (t *Table[ID]) clamp() {
	h := max(1, t.height)
	t.top = min(t.top, len(t.ids)-h)
	t.top = max(t.top, 0)
	if t.cursor < t.top {
		t.top = t.cursor
	}
	if t.cursor >= t.top+h {
		t.top = t.cursor - h + 1
	}
	t.top = max(t.top, 0)
}

// Toggle marks or unmarks the row under the cursor and moves down.
func (t *Table[ID]) Toggle() {
	id, ok := t.Cursor()
	if !ok || t.Single {
		return
	}
	t.endRange()
	if _, marked := t.marks[id]; marked {
		delete(t.marks, id)
	} else {
		t.marks[id] = struct{}{}
	}
	t.Move(1)
}

// Range begins a range of marks at the cursor, which moving extends; a second
// call ends it.
func (t *Table[ID]) Range() {
	if t.anchor >= 0 || t.Single || len(t.ids) == 0 {
		t.endRange()
		return
	}
	t.anchor, t.ranged = t.cursor, map[ID]struct{}{}
	t.extend()
}

// Ranging says whether a range is being marked.
func (t *Table[ID]) Ranging() bool { return t.anchor >= 0 }

// extend makes the marks of the current range match the cursor.
func (t *Table[ID]) extend() {
	if t.anchor < 0 {
		return
	}
	for id := range t.ranged {
		delete(t.marks, id)
	}
	clear(t.ranged)
	lo, hi := min(t.anchor, t.cursor), max(t.anchor, t.cursor)
	for _, id := range t.ids[lo:min(hi+1, len(t.ids))] {
		if _, before := t.marks[id]; !before {
			t.ranged[id] = struct{}{}
			t.marks[id] = struct{}{}
		}
	}
}

func (t *Table[ID]) endRange() { t.anchor, t.ranged = -1, nil }

// EndRange ends a range; its marks stay.
func (t *Table[ID]) EndRange() { t.endRange() }

// MarkAll marks every row of the table.
func (t *Table[ID]) MarkAll() {
	if t.Single {
		return
	}
	t.endRange()
	for _, id := range t.ids {
		t.marks[id] = struct{}{}
	}
}

// ClearMarks unmarks everything, rows that are filtered out included.
func (t *Table[ID]) ClearMarks() {
	t.endRange()
	clear(t.marks)
}

// Unmark takes the marks of some rows away.
func (t *Table[ID]) Unmark(gone func(ID) bool) {
	for id := range t.marks {
		if gone(id) {
			delete(t.marks, id)
			delete(t.ranged, id)
		}
	}
}

// Marked is the number of marked rows; hidden are those of them that are not in
// the table now, because a filter hides them.
func (t *Table[ID]) Marked() (all, hidden int) {
	if len(t.marks) == 0 {
		return 0, 0
	}
	shown := 0
	for _, id := range t.ids {
		if _, ok := t.marks[id]; ok {
			shown++
		}
	}
	return len(t.marks), len(t.marks) - shown
}

// MarkCount is the number of marked rows.
func (t *Table[ID]) MarkCount() int { return len(t.marks) }

// Marks gives the marked rows, in no order.
func (t *Table[ID]) Marks() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for id := range t.marks {
			if !yield(id) {
				return
			}
		}
	}
}

// Selection gives the marked rows, or the row under the cursor when none is
// marked.
func (t *Table[ID]) Selection() []ID {
	if len(t.marks) == 0 {
		if id, ok := t.Cursor(); ok {
			return []ID{id}
		}
		return nil
	}
	return slices.Collect(t.Marks())
}

// Header is the line of column titles, with an arrow at the sorted one.
func (t *Table[ID]) Header(w int) string {
	widths := t.columnWidths(w)
	var b strings.Builder
	b.WriteString(layout.Blanks(lead))
	first := true
	for _, i := range t.order {
		if widths[i] == 0 {
			continue
		}
		c := t.Columns[i]
		if !first {
			b.WriteByte(' ')
		}
		first = false
		title := c.Title
		if t.Sort != "" && c.Key == t.Sort {
			arrow := t.Styles.Glyphs.Down
			if !t.Reverse {
				arrow = t.Styles.Glyphs.Up
			}
			title = layout.Cut(title, widths[i]-1, "") + arrow
		}
		if c.Right {
			b.WriteString(layout.FitRight(title, widths[i], ""))
		} else {
			b.WriteString(layout.Fit(title, widths[i], ""))
		}
	}
	return t.Styles.Header.Render(layout.Fit(b.String(), w, ""))
}

// Lines draws the rows: at most h lines of w columns.
func (t *Table[ID]) Lines(w, h int) []string {
	widths := t.columnWidths(w)
	if h != t.height {
		t.height = h
		t.clamp()
	}
	lines := make([]string, 0, h)
	for i := t.top; i < min(t.top+h, len(t.ids)); i++ {
		lines = append(lines, t.line(i, widths, w))
	}
	return lines
}

func (t *Table[ID]) line(i int, widths []int, w int) string {
	id := t.ids[i]
	row, ok := t.cache[id]
	if !ok {
		row = t.render(id, widths, w)
		if len(t.cache) >= maxCache {
			clear(t.cache)
		}
		t.cache[id] = row
	}
	_, marked := t.marks[id]
	switch {
	case i == t.cursor && t.Dim && marked:
		return t.Styles.Mark.Render("-*" + row.plain)
	case i == t.cursor && t.Dim:
		return "- " + row.styled
	case i == t.cursor && marked:
		return t.Styles.Cursor.Render(">*" + row.plain)
	case i == t.cursor:
		return t.Styles.Cursor.Render("> " + row.plain)
	case marked:
		return t.Styles.Mark.Render(" *" + row.plain)
	}
	return "  " + row.styled
}

// render fits the cells of a row into its columns. Text is fitted first and
// styled afterwards, a cell only where its style means something.
func (t *Table[ID]) render(id ID, widths []int, w int) cached {
	cells := t.Source(id)
	var plain, styled strings.Builder
	first, anyStyle := true, false
	for _, i := range t.order {
		if widths[i] == 0 {
			continue
		}
		c := t.Columns[i]
		if !first {
			plain.WriteByte(' ')
			styled.WriteByte(' ')
		}
		first = false
		var cell Cell
		if i < len(cells) {
			cell = cells[i]
		}
		var text string
		if c.Right {
			text = layout.FitRight(cell.Text, widths[i], t.Styles.Glyphs.Tail)
		} else if cell.Keep != "" && (layout.Width(cell.Keep) < widths[i]/2 || widths[i] >= keepFrom) && layout.Width(cell.Text) > widths[i] {
			text = t.keep(cell, widths[i])
		} else {
			text = layout.Fit(cell.Text, widths[i], t.Styles.Glyphs.Tail)
		}
		plain.WriteString(text)
		if cell.Style.Plain() {
			styled.WriteString(text)
			continue
		}
		anyStyle = true
		// Blanks around the text stay unstyled: an underlined one would show.
		body := strings.Trim(text, " ")
		before := strings.Index(text, body)
		styled.WriteString(text[:before])
		styled.WriteString(cell.Style.Render(body))
		styled.WriteString(text[before+len(body):])
	}
	p := layout.Fit(plain.String(), w-lead, "")
	if !anyStyle {
		return cached{p, p}
	}
	return cached{p, styled.String()}
}

// keepFrom is how wide a column must be for an end that must be cut itself:
// in less nobody recognises it.
const keepFrom = 30

// distinct is how much of an end that must stay is enough to be recognised.
const distinct = 8

// keep cuts a cell before the end that must stay. An end whose beginning is seen
// anyway needs no room of its own; one that is long gets half of the room, or
// what the rest leaves.
func (t *Table[ID]) keep(cell Cell, w int) string {
	tail := t.Styles.Glyphs.Tail
	before := strings.TrimSuffix(cell.Text, cell.Keep)
	room := layout.Width(before)
	if room+min(layout.Width(cell.Keep), distinct)+layout.Width(tail) <= w {
		return layout.Fit(cell.Text, w, tail)
	}
	end := layout.Cut(cell.Keep, max(w/2, w-room), tail)
	return layout.Fit(layout.Cut(before, w-layout.Width(end), tail)+end, w, tail)
}

// Window says which rows the last Lines showed, from 1, for "1-20 of 300".
func (t *Table[ID]) Window() (first, last int) {
	if len(t.ids) == 0 {
		return 0, 0
	}
	return t.top + 1, min(t.top+t.height, len(t.ids))
}
