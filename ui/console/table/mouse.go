package table

import "github.com/charmbracelet/x/ansi"

// Places is what a pointer can be put on in a table of any identity. Lines and
// columns are counted from 0, those of rows from the first visible one.
type Places interface {
	// Title is the line of column titles as it was drawn last, without style.
	Title() string
	// Put puts the cursor on the row of a line; false where there is none.
	Put(y int) bool
	// On is the line of the row under the cursor.
	On() int
	// Column is the key of the column at x; empty between columns and in one that
	// the rows cannot be sorted by.
	Column(x int) string
	// Scroll moves the rows under the pointer. The cursor stays on its row until
	// that leaves the screen.
	Scroll(n int)
	// Steps says whether the table scrolls line by line at its edge.
	Steps(on bool)
}

// Title is the line of column titles as it was drawn last, without style.
func (t *Table[ID]) Title() string { return ansi.Strip(t.Header(t.key.width)) }

// Put puts the cursor on the row of a line.
func (t *Table[ID]) Put(y int) bool {
	if y < 0 || y >= t.height || t.top+y >= len(t.ids) {
		return false
	}
	t.moveTo(t.top + y)
	return true
}

// On is the line of the row under the cursor.
func (t *Table[ID]) On() int { return t.cursor - t.top }

// Column is the key of the column at x.
func (t *Table[ID]) Column(x int) string {
	at := lead
	for i, w := range t.columnWidths(t.key.width) {
		if w == 0 {
			continue
		}
		if x >= at && x < at+w {
			return t.Columns[i].Key
		}
		at += w + gap
	}
	return ""
}

// Scroll moves the rows under the pointer.
func (t *Table[ID]) Scroll(n int) {
	h := max(1, t.height)
	t.top = max(0, min(t.top+n, len(t.ids)-h))
	t.cursor = max(t.top, min(t.cursor, t.top+h-1))
	t.clampCursor()
	t.extend()
}

// Steps says whether the table scrolls line by line at its edge.
func (t *Table[ID]) Steps(on bool) { t.Step = on }
