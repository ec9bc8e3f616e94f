package command

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"fettle/model"
)

// member is one named value of an object. Values are strings, numbers, flags,
// times, lists of strings, objects, lists of objects, or nil.
type member struct {
	key   string
	title string // in text; empty = only for programs
	value any
	text  string // in text, instead of the value
}

// object is an answer about one thing. Its members keep their order.
type object []member

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", m.key, err)
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal writes a value. A time that is not known is null, and a list without
// items is [] instead of null, so that programs need no special cases.
func marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case time.Time:
		if v.IsZero() {
			return []byte("null"), nil
		}
		return json.Marshal(v.Format(time.RFC3339))
	case []string:
		if v == nil {
			v = []string{}
		}
		return encode(v)
	case []object:
		if v == nil {
			return []byte("[]"), nil
		}
	}
	return encode(v)
}

// encode is json.Marshal without escapes for HTML: titles have "<" and "&".
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// plain writes a value for a table or CSV.
func (a *app) plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return ""
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint32:
		return strconv.FormatUint(uint64(v), 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.In(a.zone).Format("2006-01-02 15:04")
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(v)
}

// field writes a value for CSV: as JSON has it, times with their zone, lists
// joined. A text that a spreadsheet would take for a formula gets an apostrophe
// in front, as in reports.
func (a *app) field(v any) string {
	switch v := v.(type) {
	case string:
		if v != "" && strings.ContainsRune("=+-@", rune(v[0])) {
			return "'" + v
		}
		return v
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.In(a.zone).Format(time.RFC3339)
	case []string:
		return a.field(strings.Join(v, "; "))
	case object, []object:
		b, err := encode(v)
		if err != nil {
			return ""
		}
		return string(b)
	}
	return a.plain(v)
}

// column is one column of a list: its key for programs, its title for people.
type column[R any] struct {
	key   string
	title string // empty = only for programs
	value func(R) any
	text  func(R) string // in text, instead of the value
	right bool
	give  bool   // may be cut when the terminal is narrow
	rank  int    // when it is left out of a narrow terminal: 0 never, the highest first
	aloud string // what it is called in lines, where that is not its title; such a column is in lines without one too
}

// table is an answer about several things, ready to be written. What its cells
// hold is asked for when it is needed: of a hundred thousand updates somebody who
// reads line by line hears ten.
type table struct {
	keys   []string
	titles []string
	right  []bool
	give   []bool
	rank   []int
	aloud  []string
	size   int
	cells  func(i int) ([]any, []string)
	rows   [][]any    // of all, once fill was called
	texts  [][]string // the same in text
}

// list makes a table of items.
func list[R any](a *app, items []R, columns []column[R]) *table {
	t := &table{size: len(items)}
	for _, c := range columns {
		t.keys, t.titles, t.right = append(t.keys, c.key), append(t.titles, c.title), append(t.right, c.right)
		t.give, t.rank, t.aloud = append(t.give, c.give), append(t.rank, c.rank), append(t.aloud, c.aloud)
	}
	t.cells = func(i int) ([]any, []string) {
		row, texts := make([]any, len(columns)), make([]string, len(columns))
		for j, c := range columns {
			v := a.present(c.value(items[i]))
			row[j] = v
			switch {
			case c.title == "" && c.aloud == "":
			case c.text != nil:
				texts[j] = model.Clean(c.text(items[i]))
			default:
				texts[j] = a.plain(v)
			}
		}
		return row, texts
	}
	return t
}

// fill asks for every cell.
func (t *table) fill() {
	if t.rows != nil {
		return
	}
	t.rows, t.texts = make([][]any, t.size), make([][]string, t.size)
	for i := range t.rows {
		t.rows[i], t.texts[i] = t.cells(i)
	}
}

// present brings a value into the form in which it is written: text cleaned,
// times in the caller's zone.
func (a *app) present(v any) any {
	switch v := v.(type) {
	case string:
		return model.Clean(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = model.Clean(s)
		}
		return out
	case time.Time:
		if v.IsZero() {
			return v
		}
		return v.In(a.zone).Truncate(time.Second)
	case object:
		out := slices.Clone(v)
		for i := range out {
			out[i].value = a.present(out[i].value)
		}
		return out
	case []object:
		out := make([]object, len(v))
		for i := range v {
			out[i] = a.present(v[i]).(object)
		}
		return out
	}
	return v
}

// objects gives the rows as objects.
func (t *table) objects() []object {
	t.fill()
	out := make([]object, len(t.rows))
	for i, row := range t.rows {
		for j, v := range row {
			out[i] = append(out[i], member{key: t.keys[j], value: v})
		}
	}
	return out
}

// writeList answers with a table; empty is what is said instead of none.
func (a *app) writeList(t *table, empty string) error {
	switch {
	case a.flags.json:
		return a.writeJSON(t.objects())
	case a.flags.csv:
		t.fill()
		return a.writeCSV(t.keys, t.rows)
	case t.size == 0:
		a.say("%s", empty)
		return nil
	case a.inLines():
		return a.writeLines(t)
	}
	_, err := io.WriteString(a.s.Out, t.text(a.s.Size.Width))
	return err
}

// writeObject answers with one thing.
func (a *app) writeObject(o object) error {
	o = a.present(o).(object)
	switch {
	case a.flags.json:
		return a.writeJSON(o)
	case a.flags.csv:
		var keys []string
		var row []any
		for _, m := range o {
			keys, row = append(keys, m.key), append(row, m.value)
		}
		return a.writeCSV(keys, [][]any{row})
	case a.inLines():
		return a.writeLabels(o)
	}
	var b strings.Builder
	wide := 0
	for _, m := range o {
		wide = max(wide, ansi.StringWidth(m.title))
	}
	for _, m := range o {
		text := a.shownText(m)
		if text == "" {
			continue
		}
		lines := strings.Split(model.CleanLines(text), "\n")
		if w := a.s.Size.Width; w > wide+12 {
			lines = strings.Split(wrapWords(strings.Join(lines, "\n"), w-wide-2), "\n")
		}
		for i, l := range lines {
			label := m.title
			if i > 0 {
				label = ""
			}
			b.WriteString(strings.TrimRight(pad(label, wide, false)+"  "+l, " ") + "\n")
		}
	}
	_, err := io.WriteString(a.s.Out, b.String())
	return err
}

func (a *app) writeJSON(v any) error {
	b, err := marshal(v)
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	out.WriteByte('\n')
	_, err = out.WriteTo(a.s.Out)
	return err
}

func (a *app) writeCSV(keys []string, rows [][]any) error {
	w := csv.NewWriter(a.s.Out)
	if err := w.Write(keys); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	for _, row := range rows {
		line := make([]string, len(row))
		for i, v := range row {
			line[i] = a.field(v)
		}
		if err := w.Write(line); err != nil {
			return fmt.Errorf("writing CSV: %w", err)
		}
	}
	w.Flush()
	return w.Error()
}

// heading writes a line above a part of a text answer.
func (a *app) heading(format string, args ...any) {
	switch {
	case a.flags.json || a.flags.csv:
	case a.inLines():
		fmt.Fprintf(a.s.Out, format+"\n", args...)
	default:
		fmt.Fprintf(a.s.Out, "\n"+format+"\n", args...)
	}
}

const (
	columnGap = 2
	cutTo     = 18 // a column that gives way keeps at least this width
)

// text writes the table for people, for a terminal of a width; 0 means that
// nothing is cut.
func (t *table) text(width int) string {
	t.fill()
	shown, widths := t.fit(width)
	var b strings.Builder
	line := func(cells []string) {
		var parts []string
		for _, j := range shown {
			parts = append(parts, pad(ansi.Truncate(cells[j], widths[j], "…"), widths[j], t.right[j]))
		}
		b.WriteString(strings.TrimRight(strings.Join(parts, strings.Repeat(" ", columnGap)), " ") + "\n")
	}
	line(t.titles)
	for _, row := range t.texts {
		line(row)
	}
	return b.String()
}

// fit chooses the columns to show and their widths.
func (t *table) fit(width int) (shown []int, widths []int) {
	t.fill()
	widths = make([]int, len(t.titles))
	for j, title := range t.titles {
		if title == "" {
			continue
		}
		shown = append(shown, j)
		widths[j] = ansi.StringWidth(title)
		for _, row := range t.texts {
			widths[j] = max(widths[j], ansi.StringWidth(row[j]))
		}
	}
	if width <= 0 {
		return shown, widths
	}
	whole := slices.Clone(widths)
	total := func() int {
		sum := columnGap * (len(shown) - 1)
		for _, j := range shown {
			sum += widths[j]
		}
		return sum
	}
	for {
		copy(widths, whole) // a column that was left out makes room for the others
		// First those columns give way that may be cut, the widest first.
		for over := total() - width; over > 0; over = total() - width {
			widest := -1
			for _, j := range shown {
				if t.give[j] && widths[j] > cutTo && (widest < 0 || widths[j] > widths[widest]) {
					widest = j
				}
			}
			if widest < 0 {
				break
			}
			second := cutTo
			for _, j := range shown {
				if t.give[j] && j != widest {
					second = max(second, widths[j])
				}
			}
			widths[widest] -= max(1, min(over, widths[widest]-second)) // equal ones take turns
		}
		if total() <= width {
			return shown, widths
		}
		drop := -1
		for i, j := range shown {
			if t.rank[j] > 0 && (drop < 0 || t.rank[j] >= t.rank[shown[drop]]) {
				drop = i
			}
		}
		if drop < 0 {
			return shown, widths
		}
		shown = slices.Delete(shown, drop, drop+1)
	}
}

// pad fills up with blanks to a width.
func pad(s string, width int, right bool) string {
	gap := strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
	if right {
		return gap + s
	}
	return s + gap
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// age writes how long ago something was.
func age(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
