package console

import (
	"strings"

	"fettle/model"
	"fettle/store"
)

// productNode is one line of the tree.
type productNode struct {
	id       string
	parent   string
	title    string
	twin     bool // others have the same title
	children []string
	category model.CategoryID
	class    model.Classification
	updates  int
	leaves   int // products below it, or itself
	fresh    bool
	freshIn  int // new ones below it
	excluded bool
}

// The roots, and what stands before the identifiers of the nodes below them.
const (
	allProducts   = "products"
	allClasses    = "classifications"
	productPrefix = "p/"
	classPrefix   = "c/"
)

// catalogueTree is what a tree is made of: the categories with their counts.
type catalogueTree struct {
	nodes map[string]*productNode
	roots []string
	fresh int
	key   catalogueKey
}

// catalogueKey is what the tree depends on.
type catalogueKey struct {
	last       uint32
	categories int
	decided    int64
	upstreams  int
}

func catalogueKeyOf(snap *store.Snapshot) catalogueKey {
	return catalogueKey{snap.LastUpdate(), len(snap.Categories()), snap.Settings().Decided.UnixNano(), len(snap.Upstreams())}
}

// readCatalogue makes the tree of a snapshot. It goes through all updates.
func readCatalogue(snap *store.Snapshot) *catalogueTree {
	t := &catalogueTree{nodes: map[string]*productNode{}, key: catalogueKeyOf(snap)}
	tree := snap.CategoryTree()
	var add func(id model.CategoryID, parent string)
	add = func(id model.CategoryID, parent string) {
		cat, _ := tree.Category(id)
		if cat.Kind == model.CategoryClassification {
			return
		}
		n := &productNode{id: productPrefix + string(id), parent: parent, title: model.Clean(cat.Title), category: id, excluded: cat.Excluded}
		t.nodes[n.id] = n
		t.nodes[parent].children = append(t.nodes[parent].children, n.id)
		for _, child := range tree.Children(id) {
			add(child, n.id)
		}
	}
	t.nodes[allProducts] = &productNode{id: allProducts, title: "All products"}
	t.roots = []string{allProducts}
	for _, id := range tree.Children("") {
		add(id, allProducts)
	}
	t.addClasses(snap)
	for _, cat := range snap.NewCategories() {
		n := t.nodes[productPrefix+string(cat.ID)]
		if k, ok := model.ParseClassification(cat.Title); ok && cat.Kind == model.CategoryClassification {
			n = t.nodes[classPrefix+k.String()]
		}
		if n == nil {
			continue
		}
		n.fresh = true
		t.fresh++
		for p := t.nodes[n.parent]; p != nil; p = t.nodes[p.parent] {
			p.freshIn++
		}
	}
	t.count(snap)
	titles := map[string]int{}
	for _, n := range t.nodes {
		titles[strings.ToLower(n.title)]++
	}
	for _, n := range t.nodes {
		n.twin = titles[strings.ToLower(n.title)] > 1
	}
	t.leaves(allProducts)
	t.leaves(allClasses)
	return t
}

// addClasses adds the classifications: all that Microsoft has where one of its
// catalogues is configured, else those that the catalogue knows.
func (t *catalogueTree) addClasses(snap *store.Snapshot) {
	present := map[model.Classification]bool{}
	for _, u := range snap.Upstreams() {
		for _, k := range classesOf(u.Kind) {
			present[k] = true
		}
	}
	for _, k := range snap.Settings().Classes {
		present[k] = true
	}
	for _, cat := range snap.Categories() {
		if k, ok := model.ParseClassification(cat.Title); ok && cat.Kind == model.CategoryClassification {
			present[k] = true
		}
	}
	for n := uint32(1); n <= snap.LastUpdate(); n++ {
		if r := snap.Row(n); r != nil && r.Class != model.ClassUnknown {
			present[r.Class] = true
		}
	}
	t.roots = append(t.roots, allClasses)
	root := &productNode{id: allClasses, title: "All classifications"}
	t.nodes[allClasses] = root
	for _, k := range model.Classifications() {
		if present[k] {
			n := &productNode{id: classPrefix + k.String(), parent: allClasses, title: k.Title(), class: k}
			t.nodes[n.id] = n
			root.children = append(root.children, n.id)
		}
	}
}

// count counts the updates of every node: each once, selected or not.
func (t *catalogueTree) count(snap *store.Snapshot) {
	seen := map[string]bool{}
	for n := uint32(1); n <= snap.LastUpdate(); n++ {
		r := snap.Row(n)
		if r == nil || r.Has(model.FlagRemoved) {
			continue
		}
		if k := t.nodes[classPrefix+r.Class.String()]; k != nil {
			k.updates++
			t.nodes[allClasses].updates++
		}
		clear(seen)
		for _, id := range r.Products {
			for p := t.nodes[productPrefix+string(id)]; p != nil && !seen[p.id]; p = t.nodes[p.parent] {
				seen[p.id] = true
				p.updates++
			}
		}
	}
}

// leaves counts the products below every node.
func (t *catalogueTree) leaves(id string) int {
	n := t.nodes[id]
	if len(n.children) == 0 {
		n.leaves = 1
		return 1
	}
	n.leaves = 0
	for _, c := range n.children {
		n.leaves += t.leaves(c)
	}
	return n.leaves
}
