package report

import (
	"bufio"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Widths of the text rendering.
const (
	leastWidth  = 20 // a narrower terminal is treated as this wide
	leastColumn = 24 // a column of text is not cut below this
	gap         = 2  // blanks between columns
)

// Text writes the report for a terminal of the given width: no line is wider.
// Where room is short, columns that matter less give way, which a note tells;
// then texts are cut, with an ellipsis; where even that does not do, each row
// becomes a block of lines. Width 0 is for files and pipes: all columns, and
// nothing is cut.
func (r *Report) Text(w io.Writer, width int) error {
	if width > 0 {
		width = max(width, leastWidth)
	}
	return buffered(w, "text", func(out *bufio.Writer) {
		t := textWriter{out, width}
		t.heading(r.Title, "=")
		t.paragraph(r.Answers)
		t.blank()
		t.paragraph(r.Scope.Sentence())
		t.paragraph(r.Evidence() + ".")
		for i := range r.Sections {
			s := &r.Sections[i]
			t.blank()
			t.heading(s.Title, "-")
			notes := s.Notes
			if len(s.Rows) == 0 {
				t.paragraph(s.Empty)
			} else if hidden := t.table(s); len(hidden) > 0 {
				notes = append(slices.Clip(notes), "Not shown for want of room: "+strings.Join(hidden, ", ")+". Files and pipes have all columns.")
			}
			for _, n := range notes {
				t.blank()
				t.paragraph(n)
			}
		}
	})
}

type textWriter struct {
	out   *bufio.Writer
	width int
}

func (t textWriter) blank() { t.out.WriteByte('\n') }

func (t textWriter) line(s string) {
	t.out.WriteString(strings.TrimRight(s, " "))
	t.out.WriteByte('\n')
}

func (t textWriter) heading(s, rule string) {
	t.paragraph(s)
	n := ansi.StringWidth(s)
	if t.width > 0 {
		n = min(n, t.width)
	}
	t.line(strings.Repeat(rule, n))
}

// paragraph writes text, wrapped where there is a width.
func (t textWriter) paragraph(s string) {
	for _, l := range wrap(s, t.width) {
		t.line(l)
	}
}

// wrap breaks text at blanks, and within words that are too long. It does not
// break at hyphens, so that commands and identifiers stay whole where they can.
func wrap(s string, width int) []string {
	if width <= 0 || ansi.StringWidth(s) <= width {
		return []string{s}
	}
	var lines []string
	line, used := "", 0
	for _, word := range strings.Fields(s) {
		n := ansi.StringWidth(word)
		if used > 0 && used+1+n <= width {
			line, used = line+" "+word, used+1+n
			continue
		}
		if used > 0 {
			lines = append(lines, line)
		}
		for n > width {
			head := ansi.Truncate(word, width, "")
			if head == "" {
				break // one character is wider than the line
			}
			lines = append(lines, head)
			word = word[len(head):]
			n = ansi.StringWidth(word)
		}
		line, used = word, n
	}
	return append(lines, line)
}

// laidOut is a column of a table that is being laid out.
type laidOut struct {
	Column
	index   int
	natural int // of its widest cell
	least   int // what it can be cut to
	width   int
	head    []string // title, on one or more lines
}

// table writes a section's table and gives the titles of the columns that were
// left out.
func (t textWriter) table(s *Section) (hidden []string) {
	cells := make([][]string, len(s.Rows))
	for i, row := range s.Rows {
		cells[i] = make([]string, len(row))
		for j, c := range row {
			if cells[i][j] = shown(s.Columns[j].Kind, c); cells[i][j] == "" && c != nil && s.Columns[j].Kind == KindPercent {
				cells[i][j] = "-" // a part of nothing
			}
		}
	}
	var columns []*laidOut
	for j, c := range s.Columns {
		if c.Data {
			continue
		}
		l := &laidOut{Column: c, index: j}
		for _, row := range cells {
			l.natural = max(l.natural, ansi.StringWidth(row[j]))
		}
		if l.natural == 0 && c.Rank > 0 && t.width > 0 {
			continue // nothing in it, so nothing is missed
		}
		title := longestWord(c.Title)
		if t.width == 0 {
			title = ansi.StringWidth(c.Title)
		}
		l.natural = max(l.natural, title)
		l.least = l.natural
		if c.Kind == KindText || c.Kind == KindList {
			l.least = max(title, min(l.natural, leastColumn))
		}
		columns = append(columns, l)
	}
	if t.width > 0 {
		columns, hidden = fit(columns, t.width)
	}
	if t.width > 0 && total(columns, func(l *laidOut) int { return l.least }) > t.width {
		t.blocks(columns, cells)
		return hidden
	}
	share(columns, t.width)
	t.rows(columns, cells)
	return hidden
}

func longestWord(s string) int {
	n := 0
	for _, w := range strings.Fields(s) {
		n = max(n, ansi.StringWidth(w))
	}
	return n
}

func total(columns []*laidOut, of func(*laidOut) int) int {
	n := gap * max(0, len(columns)-1)
	for _, l := range columns {
		n += of(l)
	}
	return n
}

// fit leaves out columns, the least important first, until the rest has room.
func fit(columns []*laidOut, width int) (kept []*laidOut, hidden []string) {
	kept = columns
	for total(kept, func(l *laidOut) int { return l.least }) > width {
		worst := -1
		for i, l := range kept {
			if l.Rank > 0 && (worst < 0 || l.Rank >= kept[worst].Rank) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		hidden = append(hidden, kept[worst].Title)
		kept = slices.Delete(slices.Clone(kept), worst, worst+1)
	}
	slices.Reverse(hidden)
	return kept, hidden
}

// share gives the columns their widths: what is left over goes to those that
// were cut, evenly.
func share(columns []*laidOut, width int) {
	for _, l := range columns {
		l.width = l.least
		if width == 0 {
			l.width = l.natural
		}
	}
	if width == 0 {
		return
	}
	for rest := width - total(columns, func(l *laidOut) int { return l.width }); rest > 0; {
		var short []*laidOut
		for _, l := range columns {
			if l.width < l.natural {
				short = append(short, l)
			}
		}
		if len(short) == 0 {
			return
		}
		each := max(1, rest/len(short))
		for _, l := range short {
			n := min(each, rest, l.natural-l.width)
			l.width += n
			rest -= n
		}
	}
}

func (t textWriter) rows(columns []*laidOut, cells [][]string) {
	high := 0
	for _, l := range columns {
		l.head = wrap(l.Title, l.width)
		high = max(high, len(l.head))
	}
	var b strings.Builder
	lines := make([][]string, len(columns)) // of each column's cell in one row
	write := func(high int) {
		for h := range high {
			b.Reset()
			for i, l := range columns {
				part := ""
				if h < len(lines[i]) {
					part = lines[i][h]
				}
				place(&b, part, l, i == len(columns)-1)
			}
			t.line(b.String())
		}
	}
	for i, l := range columns {
		lines[i] = append(make([]string, high-len(l.head)), l.head...)
	}
	write(high)
	one := make([]string, len(columns))
	for _, row := range cells {
		high := 1
		for i, l := range columns {
			if s := row[l.index]; l.Wrap && ansi.StringWidth(s) > l.width {
				lines[i] = wrap(s, l.width)
				high = max(high, len(lines[i]))
			} else {
				one[i] = s
				lines[i] = one[i : i+1]
			}
		}
		write(high)
	}
}

// place writes a cell, cut or padded to its column's width.
func place(b *strings.Builder, s string, l *laidOut, last bool) {
	n := ansi.StringWidth(s)
	if n > l.width {
		s = ansi.Truncate(s, l.width, "…")
		n = ansi.StringWidth(s)
	}
	pad := strings.Repeat(" ", max(0, l.width-n))
	if l.Kind.Right() {
		b.WriteString(pad)
		pad = ""
	}
	b.WriteString(s)
	if !last {
		b.WriteString(pad)
		b.WriteString("  ")
	}
}

// blocks writes each row as lines of a name and a value.
func (t textWriter) blocks(columns []*laidOut, cells [][]string) {
	label := 0
	for _, l := range columns {
		label = max(label, ansi.StringWidth(l.Title))
	}
	label = min(label, t.width/3)
	for i, row := range cells {
		if i > 0 {
			t.blank()
		}
		for _, l := range columns {
			if row[l.index] == "" {
				continue
			}
			name := ansi.Truncate(l.Title, label, "…")
			name += strings.Repeat(" ", label-ansi.StringWidth(name)+gap)
			for _, v := range wrap(row[l.index], t.width-label-gap) {
				t.line(name + v)
				name = strings.Repeat(" ", label+gap)
			}
		}
	}
}
