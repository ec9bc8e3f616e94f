package model

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// CategoryID identifies a product or a classification. A Debian archive's are
// "deb/ARCHIVE/RELEASE" (the release) and "deb/ARCHIVE/RELEASE/SECTION".
type CategoryID string

// CategoryKind tells products from classifications and from what groups products.
type CategoryKind uint8

// The category kinds.
const (
	CategoryProduct CategoryKind = iota
	CategoryFamily
	CategoryCompany
	CategoryClassification
)

// Category is a product (or what groups products) that an upstream knows.
type Category struct {
	ID       CategoryID   `cbor:"1,keyasint" json:"id"`
	Kind     CategoryKind `cbor:"2,keyasint" json:"kind"`
	Title    string       `cbor:"3,keyasint" json:"title"`
	Parent   CategoryID   `cbor:"4,keyasint,omitempty" json:"parent,omitempty"`
	Upstream string       `cbor:"5,keyasint" json:"upstream"`
	Arrived  time.Time    `cbor:"6,keyasint" json:"arrived"`
	Excluded bool         `cbor:"7,keyasint,omitempty" json:"excluded,omitempty"` // its vendor leaves it out of automatic selection
	Barren   bool         `cbor:"8,keyasint,omitempty" json:"-"`                  // no update is in it directly: it only groups others
	Document uint32       `cbor:"9,keyasint,omitempty" json:"-"`                  // the vendor's own number of the revision that says so
}

// CategoryTree arranges products under the families and companies that group
// them. Names repeat (Windows Server 2016 is a product of Windows and of
// Developer Tools), so that a product is shown with what it belongs to. It is
// immutable.
type CategoryTree struct {
	byID     map[CategoryID]Category
	children map[CategoryID][]CategoryID // sorted by title; "" has the roots
}

// NewCategoryTree arranges categories. One whose parent is not among them, or
// that would be its own ancestor, is a root.
func NewCategoryTree(categories []Category) *CategoryTree {
	t := &CategoryTree{byID: make(map[CategoryID]Category, len(categories)), children: map[CategoryID][]CategoryID{}}
	for _, c := range categories {
		t.byID[c.ID] = c
	}
	for _, c := range t.byID {
		parent := c.Parent
		if _, ok := t.byID[parent]; !ok || t.circular(c.ID) {
			parent = ""
		}
		t.children[parent] = append(t.children[parent], c.ID)
	}
	for _, list := range t.children {
		slices.SortFunc(list, func(a, b CategoryID) int {
			x, y := t.byID[a], t.byID[b]
			return cmp.Or(cmp.Compare(strings.ToLower(x.Title), strings.ToLower(y.Title)), cmp.Compare(a, b))
		})
	}
	return t
}

// circular says whether a category is among its own ancestors.
func (t *CategoryTree) circular(id CategoryID) bool {
	seen := map[CategoryID]bool{}
	for at := t.byID[id].Parent; at != "" && !seen[at]; at = t.byID[at].Parent {
		if at == id {
			return true
		}
		seen[at] = true
	}
	return false
}

// Category gives a category of the tree.
func (t *CategoryTree) Category(id CategoryID) (Category, bool) {
	c, ok := t.byID[id]
	return c, ok
}

// Children gives what a category groups, by title; "" gives the roots.
func (t *CategoryTree) Children(id CategoryID) []CategoryID { return t.children[id] }

// Path gives the titles from the root down to a category: company, family,
// product.
func (t *CategoryTree) Path(id CategoryID) []string {
	var path []string
	seen := map[CategoryID]bool{}
	for c, ok := t.byID[id]; ok && !seen[c.ID]; c, ok = t.byID[c.Parent] {
		seen[c.ID] = true
		path = append(path, c.Title)
	}
	slices.Reverse(path)
	return path
}

// Within says whether a category is one of some, or below one of them.
func (t *CategoryTree) Within(id CategoryID, some map[CategoryID]bool) bool {
	seen := map[CategoryID]bool{}
	for !seen[id] {
		if some[id] {
			return true
		}
		seen[id] = true
		c, ok := t.byID[id]
		if !ok || c.Parent == "" {
			return false
		}
		id = c.Parent
	}
	return false
}
