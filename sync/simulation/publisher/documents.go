package publisher

import (
	"bytes"
	"fmt"
	"slices"

	"fettle/model"
)

// gather gives the items and all their members, members first. What occurs
// twice is given twice.
func gather(items []Item) (flat []Item) {
	for _, it := range items {
		all, any := it.members()
		flat = append(flat, gather(all)...)
		flat = append(flat, gather(any)...)
		flat = append(flat, it)
	}
	return flat
}

// Flatten gives every item that has a document: the items and all their
// members, in the order of real exports. What is referred to comes before what
// refers to it: categories, detectoids, members, bundles. A revision that occurs
// twice is given once.
func Flatten(items []Item) []Item {
	var flat []Item
	byID := map[model.UpdateID][]int{}
	seen := map[model.DocumentKey]bool{}
	for _, it := range gather(items) {
		if key := it.Key(); !seen[key] {
			seen[key] = true
			byID[key.ID] = append(byID[key.ID], len(flat))
			flat = append(flat, it)
		}
	}
	out := make([]Item, 0, len(flat))
	done := make([]bool, len(flat))
	var place func(i int)
	place = func(i int) {
		if done[i] {
			return
		}
		done[i] = true // what refers to itself comes to an end, too
		for _, id := range flat[i].refers() {
			for _, j := range byID[id] {
				place(j)
			}
		}
		out = append(out, flat[i])
	}
	for _, kind := range []model.DocumentKind{model.DocumentCategory, model.DocumentDetectoid, model.DocumentSoftware, model.DocumentDriver} {
		for i := range flat {
			if flat[i].Kind == kind {
				place(i)
			}
		}
	}
	return out
}

// refers lists what the item's document refers to, except what it supersedes.
func (it *Item) refers() []model.UpdateID {
	ids := slices.Concat(it.Prerequisites...)
	for _, p := range it.categories() {
		ids = append(ids, model.UpdateID(p))
	}
	all, any := it.members()
	for _, m := range append(all, any...) {
		ids = append(ids, m.Key().ID)
	}
	return ids
}

// categories are those that the item is in: its classification, products, and
// of a category what it belongs to.
func (it *Item) categories() []model.CategoryID {
	out := slices.Clone(it.Products)
	if id, ok := ClassificationID(it.Class); ok {
		out = append(out, id)
	}
	if it.Category != nil && it.Category.Parent != "" {
		out = append(out, it.Category.Parent)
	}
	return out
}

// Documents writes the documents of the items and their members, in the order
// of Flatten. Two different documents of one revision are an error.
func Documents(items []Item, style Style) ([]model.Document, error) {
	var out []model.Document
	written := map[model.DocumentKey][]byte{}
	for _, it := range Flatten(items) {
		data, err := Document(it, style)
		if err != nil {
			return nil, err
		}
		written[it.Key()] = data
		out = append(out, model.Document{
			DocumentKey: it.Key(), Kind: it.Kind, Deployable: it.Deployable(), Form: model.DocumentWhole, Parts: []model.DocumentPart{{Name: model.PartWhole, Data: data}},
		})
	}
	all := gather(items)
	if len(all) == len(out) {
		return out, nil
	}
	for _, it := range all {
		if data, err := Document(it, style); err != nil || !bytes.Equal(data, written[it.Key()]) {
			return nil, fmt.Errorf("two items are revision %d of %s and differ", it.revision(), it.ID)
		}
	}
	return out, nil
}
