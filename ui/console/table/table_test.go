package table

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

func styles(t testing.TB) *theme.Styles {
	s, err := theme.New("mono", theme.Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func numbers(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = i
	}
	return ids
}

func newTable(t testing.TB, n int) *Table[int] {
	tab := New(styles(t), func(id int) []Cell { return []Cell{{Text: "row " + strconv.Itoa(id)}, {Text: strconv.Itoa(id)}} },
		Column{Key: "name", Title: "Name", Width: 10, Flexible: true}, Column{Key: "n", Title: "N", Width: 6, Right: true, Priority: 1})
	tab.SetRows(numbers(n), 1)
	tab.Lines(40, 10)
	return tab
}

func cursor(t testing.TB, tab *Table[int]) int {
	id, ok := tab.Cursor()
	if !ok {
		t.Fatal("no cursor")
	}
	return id
}

func TestCursorFollowsIdentity(t *testing.T) {
	tab := newTable(t, 100)
	tab.Move(30)
	tab.Toggle() // marks 30, cursor 31
	line := func() int {
		return slices.IndexFunc(tab.Lines(40, 10), func(l string) bool { return strings.HasPrefix(l, ">") })
	}
	before := line()
	tab.SetRows(append([]int{1000, 1001, 1002}, numbers(100)...), 2) // three rows arrive above
	if cursor(t, tab) != 31 || line() != before {
		t.Errorf("the cursor is on row %d, line %d; it was on row 31, line %d", cursor(t, tab), line(), before)
	}
	if all, hidden := tab.Marked(); all != 1 || hidden != 0 {
		t.Errorf("%d marked, %d hidden", all, hidden)
	}
	tab.SetRows(slices.DeleteFunc(numbers(100), func(n int) bool { return n >= 20 && n < 40 }), 3)
	if cursor(t, tab) != 40 {
		t.Errorf("the row of the cursor vanished; the cursor went to %d, not to its neighbour 40", cursor(t, tab))
	}
	if all, hidden := tab.Marked(); all != 1 || hidden != 1 {
		t.Errorf("a mark that a filter hides was lost: %d marked, %d hidden", all, hidden)
	}
	tab.SetRows(nil, 4)
	tab.SetRows(numbers(5), 5)
	if cursor(t, tab) != 0 {
		t.Error("after an empty refresh there is no cursor")
	}
}

func TestScrollsByHalfPages(t *testing.T) {
	tab := newTable(t, 100)
	for range 10 {
		tab.Move(1)
	}
	tab.Lines(40, 10)
	if first, last := tab.Window(); first != 7 || last != 16 {
		t.Errorf("below the edge the window is %d-%d, want 7-16", first, last)
	}
	tab.End()
	if first, last := tab.Window(); first != 91 || last != 100 {
		t.Errorf("at the end the window is %d-%d", first, last)
	}
}

func TestRangeOfMarks(t *testing.T) {
	tab := newTable(t, 20)
	tab.Move(5)
	tab.Range()
	tab.Move(3)
	if tab.MarkCount() != 4 {
		t.Errorf("%d marked in the range, want 4", tab.MarkCount())
	}
	tab.Move(-2) // shrinking takes marks back
	if tab.MarkCount() != 2 {
		t.Errorf("%d marked after shrinking, want 2", tab.MarkCount())
	}
	tab.Range()
	tab.Move(5)
	if tab.MarkCount() != 2 || tab.Ranging() {
		t.Errorf("moving after the range marked more: %d", tab.MarkCount())
	}
	tab.MarkAll()
	if tab.MarkCount() != 20 {
		t.Errorf("%d of 20 marked", tab.MarkCount())
	}
	tab.ClearMarks()
	if tab.MarkCount() != 0 {
		t.Error("marks stayed")
	}
}

func TestMarksAreText(t *testing.T) {
	tab := newTable(t, 3)
	tab.Toggle()
	lines := tab.Lines(30, 3)
	if !strings.HasPrefix(lines[0], " *row 0") || !strings.HasPrefix(lines[1], "> row 1") || !strings.HasPrefix(lines[2], "  row 2") {
		t.Errorf("%q", lines)
	}
}

func TestColumnsGoByPriority(t *testing.T) {
	tab := New(styles(t), func(int) []Cell { return []Cell{{Text: "title"}, {Text: "12"}, {Text: "2026"}} },
		Column{Title: "Title", Width: 10, Flexible: true}, Column{Title: "Needed", Width: 6, Right: true, Priority: 1}, Column{Title: "Released", Width: 10, Priority: 2})
	for w, want := range map[int]string{40: "Title Needed Released", 20: "Title Needed", 14: "Title"} {
		if got := strings.Join(strings.Fields(tab.Header(w)), " "); got != want {
			t.Errorf("at %d columns: %q, want %q", w, got, want)
		}
	}
}

// TestWidthsHold draws random texts at random widths: no line is ever wider.
func TestWidthsHold(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("ab 漢é́👩‍🚀…\u0301")))
	st := styles(t)
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(text, 1, 12).Draw(t, "texts")
		w, h := rapid.IntRange(8, 60).Draw(t, "w"), rapid.IntRange(1, 9).Draw(t, "h")
		tab := New(st, func(id int) []Cell { return []Cell{{Text: texts[id], Style: st.Bad}, {Text: texts[id]}} },
			Column{Title: "A", Width: 4, Flexible: true}, Column{Title: "B", Width: 5, Right: true, Priority: 1})
		tab.SetRows(numbers(len(texts)), 1)
		tab.Move(rapid.IntRange(0, 20).Draw(t, "move"))
		lines := append(tab.Lines(w, h), tab.Header(w))
		if len(lines) > h+1 {
			t.Fatalf("%d lines for %d", len(lines), h)
		}
		for _, l := range lines {
			if layout.Width(l) > w {
				t.Fatalf("%q is %d wide, not %d", l, layout.Width(l), w)
			}
		}
	})
}

// TestOnlyVisibleRowsAreAsked keeps a keypress independent of the rows.
func TestOnlyVisibleRowsAreAsked(t *testing.T) {
	asked := 0
	tab := New(styles(t), func(id int) []Cell { asked++; return []Cell{{Text: fmt.Sprint(id)}} }, Column{Title: "A", Width: 4, Flexible: true})
	tab.SetRows(numbers(100_000), 1)
	tab.Lines(80, 20)
	tab.Move(1)
	tab.Lines(80, 20)
	if asked != 20 {
		t.Errorf("%d rows were asked for to show 20 twice", asked)
	}
	tab.Refresh(2)
	tab.Lines(80, 20)
	if asked != 40 {
		t.Errorf("%d rows were asked for after a change, want 40", asked)
	}
}

// TestKeep holds that the end of a text that tells rows apart is not cut, where
// there is room for more than that.
func TestKeep(t *testing.T) {
	tab := New(styles(t), func(int) []Cell {
		return []Cell{{Text: "2024-08 Cumulative Update for 漢字の題名 (KB5041585)", Keep: "(KB5041585)"}, {Text: "x"}}
	}, Column{Key: "title", Title: "Title", Width: 10, Flexible: true}, Column{Key: "x", Title: "X", Width: 1, Priority: 1})
	tab.SetRows([]int{1}, 1)
	for w, want := range map[int]string{40: "(KB5041585) x", 60: "(KB5041585) ", 24: "2024-08 Cumulative ~"} {
		line := tab.Lines(w, 1)[0]
		if !strings.Contains(line, want) || layout.Width(line) > w {
			t.Errorf("at %d: %q", w, line)
		}
	}
	if !tab.Shown("x") || tab.Shown("y") {
		t.Error("what is shown is not known")
	}
}
