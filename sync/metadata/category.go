package metadata

import (
	"fettle/model"
)

// classes are the classifications by their identifiers, which are the same
// everywhere (update-metadata 5).
var classes = map[model.UpdateID]model.Classification{
	"5c9376ab-8ce6-464a-b136-22113dd69801": model.ClassApplication,
	"e6cf1350-c01b-414d-a61f-263d14d133b4": model.ClassCritical,
	"e0789628-ce08-4437-be74-2495b842f43b": model.ClassDefinition,
	"ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0": model.ClassDriver,
	"77835c8d-62a7-41f5-82ad-f28d1af1e3b1": model.ClassDriverSet,
	"b54e7d24-7add-428f-8b75-90a396fa584f": model.ClassFeaturePack,
	"0fa1201d-4330-4fa8-8ae9-b877473b6441": model.ClassSecurity,
	"68c5b0a3-d1a6-4553-ae49-01d3a7827828": model.ClassServicePack,
	"b4832bd8-e735-4761-8daf-37f882276dab": model.ClassTool,
	"28bc880e-0592-4cbf-8f95-c79b17911d5f": model.ClassUpdateRollup,
	"cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83": model.ClassUpdate,
	"3689bdc8-b205-4af4-8d4a-a63924c5e9d5": model.ClassUpgrade,
}

// retired are classifications that Microsoft's list has not any more. Old
// updates name them; they are no products.
var retired = map[model.UpdateID]bool{
	"434de588-ed14-48f5-8eed-a15e09a991f6": true, // Connectors
	"e140075d-8433-45c3-ad87-e72345b36078": true, // Developer Kits
	"9511d615-35b2-47bb-927f-f73d8e9260bb": true, // Guidance
}

// Classification says which of the known classifications an identifier means.
func Classification(id model.UpdateID) (model.Classification, bool) {
	c, ok := classes[id]
	return c, ok
}

// classification is what the clauses of the update's prerequisites say.
func (u *Update) classification() model.Classification {
	for _, clause := range u.Prerequisites {
		for _, id := range clause.IDs {
			if class, ok := classes[id]; ok {
				return class
			}
		}
	}
	return model.ClassUnknown
}

// products are the categories, other than classifications, that the clauses of
// the update's prerequisites name. Members and hidden bundles name theirs in
// plain clauses, so that every clause counts whose target is a category
// (update-metadata 2). What the document calls a category is one, known or not.
func (u *Update) products(kinds Kinds) []model.CategoryID {
	var list []model.CategoryID
	met := map[model.UpdateID]bool{}
	for _, clause := range u.Prerequisites {
		for _, id := range clause.IDs {
			if met[id] || retired[id] {
				continue
			}
			if _, ok := classes[id]; ok {
				continue
			}
			kind, known := model.CategoryProduct, false
			if kinds != nil {
				kind, known = kinds(id)
			}
			if known && kind == model.CategoryClassification || !known && !clause.IsCategory {
				continue
			}
			met[id] = true
			list = append(list, model.CategoryID(id))
		}
	}
	return list
}

// Categories knows of each category what kind it is. The documents of categories
// come before those of the updates that name them (update-metadata 2).
type Categories map[model.UpdateID]model.CategoryKind

// Add takes note of a category's document; others do nothing.
func (c Categories) Add(u *Update) {
	if category, ok := CategoryOf(u, Options{}); ok {
		c[u.ID] = category.Kind
	}
}

// Kind says what kind of category an identifier means, if it is one. It is a Kinds.
func (c Categories) Kind(id model.UpdateID) (model.CategoryKind, bool) {
	kind, ok := c[id]
	return kind, ok
}

// CategoryOf makes the category that a category's document describes. Upstream
// and Arrived are left to the caller.
func CategoryOf(u *Update, o Options) (model.Category, bool) {
	if u.Type != Category {
		return model.Category{}, false
	}
	c := model.Category{ID: model.CategoryID(u.ID), Title: u.title(u.text(o)), Document: u.Revision, Kind: model.CategoryProduct}
	_, known := classes[u.ID]
	switch {
	case u.Category != nil:
		c.Kind, c.Excluded, c.Barren = u.Category.Kind, u.Category.ExcludedByDefault, u.Category.ProhibitsUpdates
	case known || retired[u.ID]:
		c.Kind = model.CategoryClassification
	}
	if c.Kind == model.CategoryClassification {
		return c, true
	}
	for _, clause := range u.Prerequisites { // update-metadata 5: the parent is the prerequisite that is a category
		if clause.IsCategory {
			c.Parent = model.CategoryID(clause.IDs[0])
			break
		}
	}
	return c, true
}
