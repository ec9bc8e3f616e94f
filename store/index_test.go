package store

import (
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"fettle/model"
	"fettle/model/query"
)

// plainWorld hides that a snapshot has an index.
type plainWorld struct{ query.World }

// updateTerms and computerTerms are conditions with an index and without.
var updateTerms = []string{
	"needed:>0", "needed:>1", "needed:0", "needed:<3", "needed:0,>4", "failed:>=1", "failed:>0,2", "pending-restart:>0", "installed:>0", "no-status:>3",
	"class:critical", "class:security,definition", "severity:>=important", "severity:unspecified", "upstream:debian", "upstream:*s*", "upstream:m*,debian",
	`product:"debian 12"`, "product:libs", "product:w11,bookworm/libs", "product:nothing", "age:>4d", "released:<7d", "update", `"update 3"`, "size:>3kB",
	"is:declined", "is:superseded", "is:superseded,exploited", "is:new", "is:superseded,new", "is:overdue", "is:required", "is:stale", "is:licence",
	"approved:any", "approved:none", `approved:"All Computers"`, `approved:none,"All Computers"`, "approved:any,none", `effective:"All Computers"`,
	"approval:install", "approval:declined", "deadline:any", "deadline:none",
}

var computerTerms = []string{
	`group:"All Computers"`, "group:0", "group:=0", "group:0,1", "needed:>2", "failed:>0", "status:failed", "why:stale", "is:waiting", "is:automatic-updates-disabled",
	"c1*", "name:c3,c4", "needs:(class:security is:exploited)", "needs:needed:>3", "needs:(failed:>0 or !is:superseded)", "needs:in:0", `needs:(approved:none age:>3d)`,
}

// drawQuery joins terms at random.
func drawQuery(rt *rapid.T, terms []string, depth int) string {
	if depth == 0 || rapid.IntRange(0, 2).Draw(rt, "leaf") == 0 {
		return rapid.SampledFrom(terms).Draw(rt, "term")
	}
	var parts []string
	for range rapid.IntRange(1, 3).Draw(rt, "parts") {
		p := "(" + drawQuery(rt, terms, depth-1) + ")"
		if rapid.IntRange(0, 2).Draw(rt, "not") == 0 {
			p = "!" + p
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, rapid.SampledFrom([]string{" ", " or "}).Draw(rt, "join"))
}

// TestIndexGivesWhatAllRowsGive asks queries of a world with an index and of the
// same world without: of all rows, of some in another order, before and after
// check-ins.
func TestIndexGivesWhatAllRowsGive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSnapshot(rt)
		for range 3 {
			text := drawQuery(rt, updateTerms, 2)
			if s.tree.Group("g1") != nil && rapid.Bool().Draw(rt, "in") {
				text = "in:g1 (" + text + ")"
			}
			q, err := query.ParseUpdates(text)
			if err != nil {
				rt.Fatal(err)
			}
			some := rapid.Permutation(s.Updates()).Draw(rt, "rows")
			some = some[:rapid.IntRange(0, len(some)).Draw(rt, "length")]
			for _, rows := range [][]*model.UpdateRow{s.Updates(), some} {
				want, err := q.Filter(t.Context(), plainWorld{s}, rows, testTime)
				got, err2 := q.Filter(t.Context(), s, rows, testTime)
				if err != nil || err2 != nil || !slices.Equal(got, want) {
					rt.Fatalf("%s\nwith the index: %v %v\nwithout: %v %v", q, numbersOf(got), err2, numbersOf(want), err)
				}
			}
			text = drawQuery(rt, computerTerms, 2)
			if s.tree.ByName("0") == nil || s.tree.ByName("1") == nil {
				text = strings.NewReplacer("group:0,1", "is:waiting", "group:0", "is:waiting", "group:=0", "is:waiting", "needs:in:0", "is:waiting").Replace(text)
			}
			of, err := query.ParseComputers(text)
			if err != nil {
				rt.Fatal(err)
			}
			want, err := of.Filter(t.Context(), plainWorld{s}, s.Computers(), testTime)
			got, err2 := of.Filter(t.Context(), s, s.Computers(), testTime)
			if err != nil || err2 != nil || !slices.Equal(got, want) {
				rt.Fatalf("%s\nwith the index: %v %v\nwithout: %v %v", of, got, err2, want, err)
			}
			for n := uint32(1); n <= s.LastUpdate(); n++ {
				for _, g := range s.tree.Order() {
					c := s.Counts(n, g)
					if needed, failed, pending := s.Index().Needing(n, g); needed != c.Needed || failed != c.Failed || pending != c.Pending {
						rt.Fatalf("update %d in %s: %d, %d, %d; counts %+v", n, g, needed, failed, pending, c)
					}
				}
			}
			s = drawCheckIn(rt, s)
		}
	})
}

// drawCheckIn gives the snapshot after a report, as the writer makes it.
func drawCheckIn(rt *rapid.T, s *Snapshot) *Snapshot {
	c := *s
	d := &draft{Snapshot: &c}
	before := d.computers.at(rapid.Uint32Range(1, 14).Draw(rt, "computer"))
	st := &model.Status{Evaluated: c.LastUpdate()}
	for u := uint32(1); u <= st.Evaluated; u++ {
		lists := []*[]uint32{nil, &st.Needed, &st.Downloaded, &st.Failed, &st.Pending, &st.Installed}
		if l := lists[rapid.IntRange(0, 5).Draw(rt, "state")]; l != nil {
			*l = append(*l, u)
		}
	}
	after := *before
	after.take(st)
	d.setComputer(before, &after)
	return d.Snapshot
}

func numbersOf(rows []*model.UpdateRow) []uint32 {
	var out []uint32
	for _, r := range rows {
		out = append(out, r.Number)
	}
	return out
}

// TestRefinementKeepsTogetherWhatBelongsTogether compares classes with the
// membership of every pair of numbers.
func TestRefinementKeepsTogetherWhatBelongsTogether(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(label string) *roaring.Bitmap {
			return roaring.BitmapOf(rapid.SliceOf(rapid.Uint32Range(1, 40)).Draw(rt, label)...)
		}
		r := newRefinement(draw("numbers"))
		var sets []*roaring.Bitmap
		marks := [][]int{nil}
		for i := range rapid.IntRange(0, 6).Draw(rt, "splits") {
			set := draw("set")
			sets = append(sets, set)
			r.split(set, func(from, of int32) {
				if from != of {
					marks = append(marks, nil)
				}
				marks[of] = append(slices.Clone(marks[from]), i)
			})
		}
		left := r.all.Clone()
		for class, members := range r.sets() {
			forEach(members, func(n uint32) {
				if !left.CheckedRemove(n) {
					rt.Fatalf("%d is in two classes", n)
				}
				var in []int
				for i, set := range sets {
					if set.Contains(n) {
						in = append(in, i)
					}
				}
				if !slices.Equal(in, marks[class]) {
					rt.Fatalf("%d is in sets %v; its class was told of %v", n, in, marks[class])
				}
			})
		}
		if !left.IsEmpty() {
			rt.Fatalf("no class for %v", left)
		}
	})
}
