package store

import (
	"slices"
	"strings"

	"fettle/model"
	"fettle/model/query"
)

// selection is what lets updates through: the settings, made ready for many
// rows.
type selection struct {
	settings *model.Settings
	query    *query.Updates
	chosen   map[model.CategoryID]bool // with all that is below what was chosen; nil = all products
}

// selection makes the settings ready. An unreadable query selects everything: a
// selection hides, and must not hide what nobody can see.
func (s *Snapshot) selection() (selection, error) {
	sel := selection{settings: &s.settings, query: &query.Updates{}}
	if len(s.settings.Categories) > 0 {
		some := map[model.CategoryID]bool{}
		for _, id := range s.settings.Categories {
			some[id] = true
		}
		tree := s.CategoryTree()
		sel.chosen = some
		for id := range s.categories {
			if tree.Within(id, some) {
				sel.chosen[id] = true
			}
		}
	}
	q, err := query.ParseUpdates(s.settings.Products)
	if err == nil {
		sel.query = q
	}
	return sel, err
}

// all says that the selection lets everything through.
func (x *selection) all() bool {
	return x.query.Empty() && x.chosen == nil && len(x.settings.Classes) == 0
}

// selects says whether the selection lets an update through. Required updates
// always pass.
func (s *Snapshot) selects(x *selection, r *model.UpdateRow) bool {
	if r.Has(model.FlagRemoved) {
		return false
	}
	if r.Has(model.FlagRequired) {
		return true
	}
	if len(x.settings.Classes) > 0 && !slices.Contains(x.settings.Classes, r.Class) {
		return false
	}
	if x.chosen != nil && !slices.ContainsFunc(r.Products, func(id model.CategoryID) bool { return x.chosen[id] }) {
		return false
	}
	return x.query.Empty() || x.query.Match(s, r, r.Arrived)
}

// CategoryTree arranges the products under what groups them.
func (s *Snapshot) CategoryTree() *model.CategoryTree {
	all := make([]model.Category, 0, len(s.categories))
	for _, c := range s.categories {
		all = append(all, c)
	}
	return model.NewCategoryTree(all)
}

// NewCategories gives the products and classifications that came after an
// administrator last decided which are wanted, and not with an initial
// synchronization; by title.
func (s *Snapshot) NewCategories() []model.Category {
	if s.settings.Decided.IsZero() {
		return nil
	}
	var fresh []model.Category
	for _, c := range s.Categories() {
		if (c.Kind == model.CategoryProduct || c.Kind == model.CategoryClassification) && c.Arrived.After(s.settings.Decided) && !s.initially(c) {
			fresh = append(fresh, c)
		}
	}
	return fresh
}

// initially says whether a category came with an initial synchronization.
func (s *Snapshot) initially(c model.Category) bool {
	return slices.ContainsFunc(s.runs, func(r *model.SyncRun) bool {
		return r.Initial && r.Upstream == c.Upstream && !c.Arrived.Before(r.Started) && (r.Ended.IsZero() || !c.Arrived.After(r.Ended))
	})
}

// productNotices tell of products that nobody has decided about.
func (s *Snapshot) productNotices(add func(model.Notice)) {
	fresh := s.NewCategories()
	if len(fresh) == 0 {
		return
	}
	const most = 3
	tree := s.CategoryTree()
	var names []string
	for _, c := range fresh[:min(len(fresh), most)] {
		name := model.Clean(c.Title)
		if path := tree.Path(c.ID); len(path) > 1 {
			name += " (" + model.Clean(path[len(path)-2]) + ")"
		}
		names = append(names, name)
	}
	if len(fresh) > most {
		names = append(names, "others")
	}
	add(model.Notice{Kind: "new-products", Level: model.NoticeInfo, View: "products", Remedy: "fettle products acknowledge",
		Text: model.Counted(len(fresh), "new product came with a synchronization: ", "new products came with a synchronization: ") + strings.Join(names, ", ") + "."})
}
