package model

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCategoryTreeShowsWhatRepeatedNamesBelongTo(t *testing.T) {
	tree := NewCategoryTree([]Category{
		{ID: "m", Kind: CategoryCompany, Title: "Microsoft"},
		{ID: "w", Kind: CategoryFamily, Title: "Windows", Parent: "m"},
		{ID: "d", Kind: CategoryFamily, Title: "Developer Tools", Parent: "m"},
		{ID: "w16", Title: "Windows Server 2016", Parent: "w"},
		{ID: "d16", Title: "Windows Server 2016", Parent: "d"},
		{ID: "lost", Title: "Lost", Parent: "nowhere"},
	})
	if got := tree.Path("d16"); !slices.Equal(got, []string{"Microsoft", "Developer Tools", "Windows Server 2016"}) {
		t.Errorf("the path is %v", got)
	}
	if got := tree.Children(""); !slices.Equal(got, []CategoryID{"lost", "m"}) {
		t.Errorf("the roots are %v", got)
	}
	if got := tree.Children("m"); !slices.Equal(got, []CategoryID{"d", "w"}) {
		t.Errorf("the families are %v", got)
	}
	if !tree.Within("w16", map[CategoryID]bool{"w": true}) || tree.Within("d16", map[CategoryID]bool{"w": true}) || !tree.Within("w", map[CategoryID]bool{"w": true}) {
		t.Error("what is within a family is not right")
	}
}

// Whatever parents a hostile catalogue names, every category is in the tree once
// and every walk ends.
func TestCategoryTreeOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		id := func(i int) CategoryID { return CategoryID(rune('a' + i)) }
		var all []Category
		for i := range n {
			c := Category{ID: id(i), Title: rapid.SampledFrom([]string{"x", "X", "y"}).Draw(t, "title")}
			if p := rapid.IntRange(-1, n).Draw(t, "parent"); p >= 0 {
				c.Parent = id(p)
			}
			all = append(all, c)
		}
		tree := NewCategoryTree(all)
		seen := map[CategoryID]int{}
		var walk func(CategoryID)
		walk = func(at CategoryID) {
			for _, c := range tree.Children(at) {
				seen[c]++
				tree.Path(c)
				tree.Within(c, nil)
				walk(c)
			}
		}
		walk("")
		for _, c := range all {
			if seen[c.ID] != 1 {
				t.Fatalf("category %s is in the tree %d times", c.ID, seen[c.ID])
			}
		}
	})
}
