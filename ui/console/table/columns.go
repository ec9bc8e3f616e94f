package table

import (
	"slices"
	"strings"
)

// Column is one column of a table.
type Column struct {
	Key      string // the name that sorting and settings use
	Title    string
	Meaning  string // in the list of columns to choose from; empty = the title says it
	Width    int    // columns of the terminal; of a flexible column, the least
	Flexible bool
	Right    bool // numbers
	Priority int  // on a narrow screen the highest goes first; 0 stays always
	Optional bool // shown only where somebody chose it
	Hidden   bool // has nothing to show: left out unless somebody chose it
}

// unlessEmpty stands behind the key of a chosen column that is left out while it
// has nothing to show.
const unlessEmpty = "?"

// Choose shows these columns, in this order, also where they have nothing to
// show, unless a question mark stands behind the key. No keys at all bring the
// default back. Keys that no column has are ignored.
func (t *Table[ID]) Choose(keys []string) {
	t.chosen = nil
	for _, k := range keys {
		if t.column(k) >= 0 && !slices.ContainsFunc(t.chosen, func(c string) bool { return plainKey(c) == plainKey(k) }) {
			t.chosen = append(t.chosen, k)
		}
	}
	t.Layout()
}

// plainKey is a key without the question mark.
func plainKey(key string) string { return strings.TrimSuffix(key, unlessEmpty) }

// Chosen gives the keys that were chosen; nil = the default.
func (t *Table[ID]) Chosen() []string { return slices.Clone(t.chosen) }

// Default gives the keys of the columns that are shown where nobody chose, as
// Choose takes them.
func (t *Table[ID]) Default() []string {
	var keys []string
	for _, c := range t.Columns {
		if !c.Optional && c.Key != "" {
			keys = append(keys, c.Key+unlessEmpty)
		}
	}
	return keys
}

// Showing gives the keys of the columns that are shown where there is room, in
// their order.
func (t *Table[ID]) Showing() []string {
	var keys []string
	for _, i := range t.arrange() {
		if k := t.Columns[i].Key; k != "" {
			keys = append(keys, k)
		}
	}
	return keys
}

// column gives the place of a key, or -1.
func (t *Table[ID]) column(key string) int {
	key = plainKey(key)
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Key == key && key != "" })
}

// gap is between columns, lead is the cursor's and the mark's place.
const gap, lead = 1, 2

// arrange decides which columns are wanted, and in which order.
func (t *Table[ID]) arrange() []int {
	var order []int
	if t.chosen != nil {
		for _, k := range t.chosen {
			if i := t.column(k); k == plainKey(k) || !t.Columns[i].Hidden {
				order = append(order, i)
			}
		}
		return order
	}
	for i, c := range t.Columns {
		if !c.Optional && !c.Hidden {
			order = append(order, i)
		}
	}
	return order
}

// dispensable gives the column that goes first where there is no room for all,
// or -1. Somebody who chose an order said with it what matters: there the last
// one goes.
func (t *Table[ID]) dispensable(order, widths []int) int {
	drop := -1
	for _, i := range order {
		switch c := t.Columns[i]; {
		case widths[i] == 0 || c.Flexible && c.Priority == 0:
		case t.chosen != nil:
			drop = i
		case c.Priority > 0 && (drop < 0 || c.Priority > t.Columns[drop].Priority):
			drop = i
		}
	}
	return drop
}

// fitColumns decides which columns a width has room for.
func (t *Table[ID]) fitColumns(w int) []int {
	widths := make([]int, len(t.Columns))
	room := w - lead + gap
	flexible, shown := 0, 0
	for _, i := range t.order {
		c := t.Columns[i]
		widths[i] = c.Width
		room -= c.Width + gap
		shown++
		if c.Flexible {
			flexible++
		}
	}
	for room < 0 && shown > 1 {
		drop := t.dispensable(t.order, widths)
		if drop < 0 {
			break
		}
		room += widths[drop] + gap
		if t.Columns[drop].Flexible {
			flexible--
		}
		widths[drop] = 0
		shown--
	}
	for _, i := range t.order {
		if c := t.Columns[i]; widths[i] > 0 && c.Flexible && flexible > 0 {
			if room >= 0 {
				extra := room / flexible
				widths[i] += extra
				room -= extra
				flexible--
			} else {
				widths[i] = max(4, widths[i]+room)
				room = 0
			}
		}
	}
	return widths
}

func (t *Table[ID]) columnWidths(w int) []int {
	if t.key.width != w || t.key.styles != t.Styles || t.widths == nil {
		t.key.width, t.key.styles = w, t.Styles
		t.order = t.arrange()
		t.widths = t.fitColumns(w)
		clear(t.cache)
	}
	return t.widths
}

// Layout drops what is remembered of the columns, after they were changed.
func (t *Table[ID]) Layout() {
	t.widths = nil
	clear(t.cache)
}

// Shown says whether there is room for a column, since the last layout.
func (t *Table[ID]) Shown(key string) bool {
	i := t.column(key)
	return i >= 0 && i < len(t.widths) && t.widths[i] > 0
}
