package console

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCursorAndMarksFollowIdentity does any sequence of sorting, filtering,
// marking and live changes, and holds after each step that marks are those of
// the same updates, that the cursor stays on its update or goes to the nearest
// old neighbour that is left, and that nothing moves under marks.
func TestCursorAndMarksFollowIdentity(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 30)
	filters := []string{"", "needed:>0", "class:security", "package:openssl", "size:>1MB", "failed:>0"}
	sorts := []string{"title", "needed", "released", "size", "class", "product"}
	rapid.Check(t, func(rt *rapid.T) {
		d := drive(t, s, 80, 24)
		d.press("2")
		l := d.c.top().(*updates).list
		marks := map[uint32]bool{}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			before := slices.Clone(l.tab.IDs())
			at := l.tab.Position()
			moved := false
			step := rapid.SampledFrom([]string{"down", "up", "mark", "sort", "filter", "live", "all", "none", "reverse"}).Draw(rt, "step")
			switch step {
			case "down", "up":
				d.press(step)
				moved = true
			case "mark":
				if id, ok := l.tab.Cursor(); ok {
					if marks[id] {
						delete(marks, id)
					} else {
						marks[id] = true
					}
				}
				d.press("space")
				moved = true
			case "all":
				for _, id := range before {
					marks[id] = true
				}
				d.press("*")
			case "none":
				clear(marks)
				d.press("\\")
			case "sort":
				d.run(l.sortBy(rapid.SampledFrom(sorts).Draw(rt, "by")))
			case "reverse":
				d.press("S")
			case "filter":
				d.run(l.show(rapid.SampledFrom(filters).Draw(rt, "filter")))
				moved = true // a new filter begins at its top
			case "live":
				needed := rapid.SliceOfNDistinct(rapid.Uint32Range(1, 42), 0, 6, rapid.ID[uint32]).Draw(rt, "needed")
				slices.Sort(needed)
				reportNeeded(t, s, needed)
				d.refresh()
			}
			got := map[uint32]bool{}
			for id := range l.tab.Marks() {
				got[id] = true
			}
			if !maps.Equal(got, marks) {
				rt.Fatalf("after %s the marks are %v, not %v", step, got, marks)
			}
			if step == "live" && len(marks) > 0 && !slices.Equal(before, l.tab.IDs()) && len(before) > 0 {
				rt.Fatalf("a live change moved rows under marks: %v, then %v", before, l.tab.IDs())
			}
			if id, ok := l.tab.Cursor(); !moved && ok && len(before) > 0 {
				if want := nearestLeft(before, at, l.tab.IDs()); id != want {
					rt.Fatalf("after %s the cursor is on %d, not on %d", step, id, want)
				}
			}
			if _, ok := l.tab.Cursor(); ok != (l.tab.Len() > 0) {
				rt.Fatalf("after %s there is no cursor in %d rows", step, l.tab.Len())
			}
		}
	})
}

// nearestLeft is the row at a place, or its nearest old neighbour that is left:
// of two, the one below.
func nearestLeft(before []uint32, at int, now []uint32) uint32 {
	for d := range len(before) {
		for _, i := range []int{at + d, at - d} {
			if i >= 0 && i < len(before) && slices.Contains(now, before[i]) {
				return before[i]
			}
		}
	}
	return now[min(at, len(now)-1)]
}

// TestSortedIsStable compares distributing with comparing.
func TestSortedIsStable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(fewRows, fewRows+500).Draw(rt, "rows")
		spread := rapid.SampledFrom([]int64{1, 10, 5000, 1 << 40, 1 << 62}).Draw(rt, "spread")
		seed := rapid.Int64().Draw(rt, "seed")
		list := make([]keyed, n)
		for i := range list {
			seed = seed*6364136223846793005 + 1442695040888963407
			list[i] = keyed{(seed >> 1) % spread, uint32(i)}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b keyed) int {
			switch {
			case a.first < b.first:
				return -1
			case a.first > b.first:
				return 1
			}
			return 0
		})
		if got := sorted(list); !slices.Equal(got, want) {
			rt.Fatalf("%d rows of a spread of %d are not in order", n, spread)
		}
	})
}

// TestSearchWithinWhatWasFound finds the same as searching everything anew.
func TestSearchWithinWhatWasFound(t *testing.T) {
	d, _ := site(t)
	u := d.c.top().(*updates)
	rapid.Check(t, func(rt *rapid.T) {
		text := ""
		for range rapid.IntRange(1, 6).Draw(rt, "keys") {
			text += rapid.SampledFrom([]string{"o", "p", "e", "n", "s", "l", " ", "k", "b", "5", "r", "package", "not ", "or "}).Draw(rt, "key")
			w := wish{filter: text, sort: "needed", now: testTime}
			got, err := u.rows(t.Context(), d.c.snap, w)
			fresh := &updates{c: d.c, columns: u.columns}
			want, errFresh := fresh.rows(t.Context(), d.c.snap, w)
			if (err == nil) != (errFresh == nil) || !slices.Equal(got.ids, want.ids) {
				rt.Fatalf("%q: %v, anew %v (%v, %v)", text, got.ids, want.ids, err, errFresh)
			}
		}
	})
}
