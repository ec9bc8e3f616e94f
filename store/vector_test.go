package store

import (
	"testing"

	"pgregory.net/rapid"
)

// A vector must behave as a slice does, and an edit must leave the vector that
// it began with as it was.
func TestVectorIsASlice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var v vector[int]
		var want []int
		equal := func(v vector[int], want []int) {
			rt.Helper()
			if v.len() != len(want) {
				rt.Fatalf("length %d, want %d", v.len(), len(want))
			}
			count := 0
			for i, x := range v.all {
				if int(i) != count || x != want[i] || v.at(i) != x {
					rt.Fatalf("element %d is %d, want %d", i, x, want[i])
				}
				count++
			}
			if count != len(want) || v.at(uint32(len(want))) != 0 {
				rt.Fatalf("went through %d elements of %d", count, len(want))
			}
		}
		for range rapid.IntRange(1, 6).Draw(rt, "edits") {
			old, oldWant := v, append([]int(nil), want...)
			e := v.edit()
			for _, i := range rapid.SliceOfN(rapid.IntRange(0, 3*pageSpan), 0, 6).Draw(rt, "places") {
				for i >= len(want) {
					want = append(want, 0)
				}
				want[i] = rapid.IntRange(1, 1000).Draw(rt, "value")
				e.set(uint32(i), want[i])
			}
			v = e.vector
			equal(v, want)
			equal(old, oldWant)
			told := map[uint32]int{}
			for i, x := range old.changes(v) {
				told[i] = x
			}
			for i := range max(len(want), len(oldWant)) {
				var before, after int
				if i < len(oldWant) {
					before = oldWant[i]
				}
				if i < len(want) {
					after = want[i]
				}
				if x, ok := told[uint32(i)]; before != after && !ok || ok && x != before {
					rt.Fatalf("element %d changed from %d to %d and was told as %d, %v", i, before, after, x, ok)
				}
			}
			if old.same(v) != (len(old.pages) == len(v.pages) && !e.table) {
				rt.Fatal("same is wrong")
			}
		}
	})
}
