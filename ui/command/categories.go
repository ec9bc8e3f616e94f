package command

import (
	"fmt"
	"slices"
	"strings"

	"fettle/model"
	"fettle/store"
)

// pathSeparator stands between a family and its product where one name is not
// enough: names of products repeat.
const pathSeparator = " > "

// categoryPath names a product with what it belongs to.
func categoryPath(tree *model.CategoryTree, id model.CategoryID) string {
	path := tree.Path(id)
	for i := range path {
		path[i] = model.Clean(path[i])
	}
	return strings.Join(path, pathSeparator)
}

// findCategory gives the category that a word names: by its identifier, by its
// title if only one has it, or by the last titles of its path, as in "Windows >
// Windows 11". Several that fit are listed.
func findCategory(tree *model.CategoryTree, all []model.Category, word string) (model.Category, error) {
	word = strings.TrimSpace(word)
	if c, ok := tree.Category(model.CategoryID(word)); ok {
		return c, nil
	}
	if c, ok := tree.Category(model.CategoryID(strings.ToLower(word))); ok {
		return c, nil
	}
	var want []string
	for _, part := range strings.Split(word, strings.TrimSpace(pathSeparator)) {
		want = append(want, strings.TrimSpace(part))
	}
	var found, near []model.Category
	for _, c := range all {
		path := tree.Path(c.ID)
		if len(path) >= len(want) && slices.EqualFunc(path[len(path)-len(want):], want, strings.EqualFold) {
			found = append(found, c)
		} else if word != "" && strings.Contains(strings.ToLower(c.Title), strings.ToLower(word)) {
			near = append(near, c)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return model.Category{}, misuse("%q is the name of %d products; name one with its family, or by its identifier:\n  %s", model.Clean(word), len(found), candidates(tree, found))
	case len(near) > 0:
		return model.Category{}, misuse("there is no product %q; near it are:\n  %s", model.Clean(word), candidates(tree, near))
	case len(all) == 0:
		return model.Category{}, misuse("no product is known yet; a catalogue brings them: fettle import FILE, or fettle sync")
	}
	return model.Category{}, misuse("there is no product %q; list them with: fettle products", model.Clean(word))
}

// candidates lists categories with their identifiers, the first few of many.
func candidates(tree *model.CategoryTree, all []model.Category) string {
	var lines []string
	for _, c := range all[:min(len(all), 8)] {
		lines = append(lines, categoryPath(tree, c.ID)+"  "+string(c.ID))
	}
	if more := len(all) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("... and %d more: fettle products %s", more, shellWord(model.Clean(all[0].Title))))
	}
	return strings.Join(lines, "\n  ")
}

// findCategories reads names that stand behind commas, which names hold
// themselves: of every place the longest name that fits counts.
func findCategories(tree *model.CategoryTree, all []model.Category, list string) ([]model.Category, error) {
	words := strings.Split(list, ",")
	var found []model.Category
	for len(words) > 0 {
		var first error
		used := 0
		for n := len(words); n > 0; n-- {
			c, err := findCategory(tree, all, strings.Join(words[:n], ","))
			if err == nil {
				found, used = append(found, c), n
				break
			}
			first = err // of the shortest, in the end
		}
		if used == 0 {
			return nil, first
		}
		words = words[used:]
	}
	return found, nil
}

// choice is a selection of products and classifications that is being edited.
type choice struct {
	tree     *model.CategoryTree
	products map[model.CategoryID]bool // what was chosen, with all below it; empty = all
	classes  []model.Classification    // empty = all
}

func newChoice(snap *store.Snapshot) *choice {
	settings := snap.Settings()
	c := &choice{tree: snap.CategoryTree(), products: map[model.CategoryID]bool{}, classes: slices.Clone(settings.Classes)}
	for _, id := range settings.Categories {
		c.products[id] = true
	}
	return c
}

// selects says whether all of a product is chosen.
func (c *choice) selects(id model.CategoryID) bool {
	return len(c.products) == 0 || c.tree.Within(id, c.products)
}

// partly says whether something below a category is chosen, but not all of it.
func (c *choice) partly(id model.CategoryID) bool {
	return !c.selects(id) && slices.ContainsFunc(c.tree.Children(id), func(below model.CategoryID) bool { return c.selects(below) || c.partly(below) })
}

// add chooses a product with all below it. What was chosen below it is part of it
// now.
func (c *choice) add(id model.CategoryID) {
	if len(c.products) > 0 && c.selects(id) {
		return
	}
	self := map[model.CategoryID]bool{id: true}
	for old := range c.products {
		if c.tree.Within(old, self) {
			delete(c.products, old)
		}
	}
	c.products[id] = true
}

// remove takes a product out with all below it. Where it was chosen with what it
// belongs to, everything else of that is chosen by itself from then on.
func (c *choice) remove(id model.CategoryID) {
	self := map[model.CategoryID]bool{id: true}
	if len(c.products) == 0 {
		for _, root := range c.tree.Children("") {
			if r, ok := c.tree.Category(root); ok && r.Kind != model.CategoryClassification {
				c.products[root] = true
			}
		}
	}
	for old := range c.products {
		if c.tree.Within(old, self) {
			delete(c.products, old)
		}
	}
	for c.selects(id) && len(c.products) > 0 {
		for above := range c.products {
			if !c.tree.Within(id, map[model.CategoryID]bool{above: true}) {
				continue
			}
			delete(c.products, above)
			for _, below := range c.tree.Children(above) {
				if below != id {
					c.products[below] = true
				}
			}
		}
	}
}

// list gives the chosen products in an order that does not change.
func (c *choice) list() []model.CategoryID {
	var ids []model.CategoryID
	for id := range c.products {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// classOf gives the classification that a category of that kind stands for.
func classOf(c model.Category) (model.Classification, bool) {
	if c.Kind != model.CategoryClassification {
		return model.ClassUnknown, false
	}
	return model.ParseClassification(c.Title)
}
