package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

func (a *app) productsCommand() *cobra.Command {
	var fresh bool
	cmd := &cobra.Command{
		Use:   "products [WORD...]",
		Short: "List products and classifications, and say which are wanted",
		Long: `List the products that the catalogue knows, each below its family and company, and
the classifications; with words, those that have them in their name or in that of
what they belong to. Names repeat: a product is named with its family, as in
'Windows > Windows Server 2016', or by its identifier.

Updates of products that are not selected are not shown and not offered. They
stay in the catalogue, and appear when the selection is widened.`,
		Example: `  fettle products windows server
  fettle products --new
  fettle products select 'Windows > Windows Server 2016' 'Windows 11'
  fettle products deselect drivers`,
		Args: between(0, -1, ""),
	}
	cmd.Flags().BoolVar(&fresh, "new", false, "only those that came since it was last decided which are wanted")
	cmd.RunE = a.held(gated, func(_ context.Context, h *host, args []string) error { return a.products(h, args, fresh) })
	edit := func(use, short, long, names string, least int, change func(*choice, []model.Category) error) {
		sub := &cobra.Command{Use: use, Short: short, Long: long, Args: between(least, -1, names)}
		if least == 0 {
			sub.Args = between(0, 0, "")
		}
		remark := a.changing(sub, true)
		sub.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
			return a.choose(ctx, h, args, *remark, change)
		})
		cmd.AddCommand(sub)
	}
	edit("select NAME|ID...", "Have updates of products or classifications shown and offered",
		`Have updates of products or classifications shown and offered, beside those that
are selected already. While everything is selected, which is so at first, only
those that are named are from then on. Selecting a family selects all of its
products, later ones too.`, "the names of products or classifications", 1, func(c *choice, named []model.Category) error {
			for _, x := range named {
				if class, ok := classOf(x); ok {
					if !slices.Contains(c.classes, class) {
						c.classes = append(c.classes, class)
					}
					continue
				}
				c.add(x.ID)
			}
			return nil
		})
	edit("deselect NAME|ID...", "Have updates of products or classifications not shown any more",
		`Have updates of products or classifications not shown and not offered any more.
Where a whole family was selected, its other products are from then on; later
ones are not, and a notice tells of them.`, "the names of products or classifications", 1, func(c *choice, named []model.Category) error {
			for _, x := range named {
				if class, ok := classOf(x); ok {
					if len(c.classes) == 0 {
						c.classes = model.Classifications()
					}
					c.classes = slices.DeleteFunc(c.classes, func(k model.Classification) bool { return k == class })
					if len(c.classes) == 0 {
						return nothingSelected("classification")
					}
					continue
				}
				c.remove(x.ID)
				if len(c.products) == 0 {
					return nothingSelected("product")
				}
			}
			return nil
		})
	edit("all", "Have updates of all products and classifications shown and offered",
		`Have updates of all products and classifications shown and offered, those that
come later too. The query on updates (fettle setup updates --products) is gone,
too.`, "", 0, nil)
	edit("acknowledge", "Leave the selection as it is, and new products as they are",
		`Leave the selection as it is. Products that are new were looked at then: their
notice goes, and they are not marked as new any more.`, "", 0, func(*choice, []model.Category) error { return nil })
	return cmd
}

// nothingSelected refuses an empty selection, which would mean everything.
func nothingSelected(what string) error {
	return &model.Refusal{Code: "empty-selection", What: "The selection was not changed", Why: "no " + what + " would be selected any more", Remedy: "select others first: fettle products select NAME"}
}

// choose changes the selection; a nil change selects everything.
func (a *app) choose(ctx context.Context, h *host, names []string, remark string, change func(*choice, []model.Category) error) error {
	snap := h.store.Snapshot()
	settings := snap.Settings()
	before := newChoice(snap)
	all := snap.Categories()
	var named []model.Category
	for _, name := range names {
		c, err := findCategory(before.tree, all, name)
		if class, ok := model.ParseClassification(name); ok && err != nil {
			// A catalogue that has no categories of this kind has classifications too.
			c, err = model.Category{Kind: model.CategoryClassification, Title: class.Title()}, nil
		}
		if err != nil {
			return err
		}
		named = append(named, c)
	}
	after := newChoice(snap)
	if change == nil {
		settings.Products, settings.Categories, settings.Classes = "", nil, nil
		after.products, after.classes = map[model.CategoryID]bool{}, nil
	} else {
		if err := change(after, named); err != nil {
			return err
		}
		settings.Categories, settings.Classes = after.list(), after.classes
	}
	first := preface{text: func(w io.Writer) {
		for _, line := range selectionLines(before, after) {
			_ = a.paragraph(w, "", line)
		}
	}}
	first.data = object{{key: "selected", value: pathsOf(after)}, {key: "classifications", value: classWords(after.classes)}}
	return a.decideAfter(ctx, h, model.Change{Kind: model.ChangeSettings, Settings: &settings, Remark: remark}, first, func(model.Entry) object {
		return object{{key: "selected", value: pathsOf(after)}, {key: "classifications", value: classWords(after.classes)}}
	})
}

// pathsOf names what is chosen; empty = all.
func pathsOf(c *choice) []string {
	var paths []string
	for _, id := range c.list() {
		paths = append(paths, categoryPath(c.tree, id))
	}
	slices.Sort(paths)
	return paths
}

// selectionLines says how a selection differs from the one before.
func selectionLines(before, after *choice) []string {
	words := func(all []string) string {
		if len(all) == 0 {
			return "all"
		}
		if len(all) > 12 {
			return strings.Join(all[:12], "; ") + fmt.Sprintf("; and %d more", len(all)-12)
		}
		return strings.Join(all, "; ")
	}
	line := func(what string, was, is []string) string {
		if slices.Equal(was, is) {
			return fmt.Sprintf("%s selected, as before: %s.", what, words(is))
		}
		return fmt.Sprintf("%s selected: %s. Before: %s.", what, words(is), words(was))
	}
	return []string{line("Products", pathsOf(before), pathsOf(after)), line("Classifications", classWords(before.classes), classWords(after.classes))}
}

// productRow is one line of the list of products.
type productRow struct {
	model.Category
	depth   int
	path    []string
	updates int
	state   string
	fresh   bool
}

// products lists them: the trees of products, then the classifications.
func (a *app) products(h *host, words []string, onlyNew bool) error {
	snap := h.store.Snapshot()
	sel := newChoice(snap)
	fresh := map[model.CategoryID]bool{}
	for _, c := range snap.NewCategories() {
		fresh[c.ID] = true
	}
	counts := updatesOf(snap, sel.tree)
	shown := func(path []string, id model.CategoryID) bool {
		text := strings.ToLower(strings.Join(path, " ") + " " + string(id))
		return (!onlyNew || fresh[id]) && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, strings.ToLower(w)) })
	}
	var rows, classes []productRow
	// The lines above a product are there for its sake in text; programs have its
	// path.
	var walk func(id model.CategoryID, depth int, path []string) []productRow
	walk = func(id model.CategoryID, depth int, path []string) []productRow {
		c, _ := sel.tree.Category(id)
		path = append(slices.Clip(path), model.Clean(c.Title))
		r := productRow{Category: c, depth: depth, path: path, updates: counts[id], state: "", fresh: fresh[id]}
		class, isClass := classOf(c)
		switch {
		case isClass && (len(sel.classes) == 0 || slices.Contains(sel.classes, class)), c.Kind != model.CategoryClassification && sel.selects(id):
			r.state = "selected"
		case c.Kind != model.CategoryClassification && sel.partly(id):
			r.state = "partly"
		default:
			r.state = "no"
		}
		var below []productRow
		for _, child := range sel.tree.Children(id) {
			below = append(below, walk(child, depth+1, path)...)
		}
		if shown(path, id) || len(below) > 0 && !a.flags.json && !a.flags.csv {
			return append([]productRow{r}, below...)
		}
		return below
	}
	for _, root := range sel.tree.Children("") {
		if c, _ := sel.tree.Category(root); c.Kind == model.CategoryClassification {
			classes = append(classes, walk(root, 0, nil)...)
		} else {
			rows = append(rows, walk(root, 0, nil)...)
		}
	}
	if a.flags.json || a.flags.csv {
		return a.writeList(a.productTable(append(rows, classes...), sel.tree, "PRODUCT"), "")
	}
	if len(rows)+len(classes) == 0 {
		switch {
		case len(snap.Categories()) == 0:
			a.say("No product is known yet; a catalogue brings them: fettle import FILE, or fettle sync")
		case onlyNew:
			a.say("No product is new.")
		default:
			a.say("No product matches.")
		}
		return nil
	}
	if len(rows) > 0 {
		if err := a.writeList(a.productTable(rows, sel.tree, "PRODUCT"), ""); err != nil {
			return err
		}
	}
	if len(classes) > 0 {
		if len(rows) > 0 {
			fmt.Fprintln(a.s.Out)
		}
		if err := a.writeList(a.productTable(classes, sel.tree, "CLASSIFICATION"), ""); err != nil {
			return err
		}
	}
	if q := snap.Settings().Products; q != "" {
		a.say("Besides, only updates that match %s are shown (fettle setup updates --products).", model.Clean(q))
	}
	return nil
}

func (a *app) productTable(rows []productRow, tree *model.CategoryTree, title string) *table {
	above := func(r productRow, kind model.CategoryKind) string {
		for id, steps := r.Parent, 0; id != "" && steps < 16; steps++ {
			c, ok := tree.Category(id)
			if !ok {
				break
			}
			if c.Kind == kind {
				return c.Title
			}
			id = c.Parent
		}
		return ""
	}
	return list(a, rows, []column[productRow]{
		{key: "title", title: title, give: true, value: func(r productRow) any { return r.Title }, text: func(r productRow) string { return strings.Repeat("  ", r.depth) + model.Clean(r.Title) }},
		{key: "kind", value: func(r productRow) any { return categoryKindWord(r.Kind) }},
		{key: "updates", title: "UPDATES", right: true, value: func(r productRow) any { return r.updates }},
		{key: "selected", title: "SELECTED", value: func(r productRow) any { return r.state }, text: func(r productRow) string {
			if r.state == "selected" {
				return "yes"
			}
			return r.state
		}},
		{key: "new", value: func(r productRow) any { return r.fresh }},
		{key: "excluded", value: func(r productRow) any { return r.Excluded }},
		{key: "marks", title: "MARKS", value: func(r productRow) any { return productMarks(r) }},
		{key: "id", title: "IDENTIFIER", rank: 1, value: func(r productRow) any { return string(r.ID) }},
		{key: "family", value: func(r productRow) any { return above(r, model.CategoryFamily) }},
		{key: "company", value: func(r productRow) any { return above(r, model.CategoryCompany) }},
		{key: "path", value: func(r productRow) any { return r.path }},
		{key: "upstream", value: func(r productRow) any { return r.Upstream }},
		{key: "arrived", value: func(r productRow) any { return r.Arrived }},
	})
}

// productMarks says what is particular about a product.
func productMarks(r productRow) []string {
	var marks []string
	if r.fresh {
		marks = append(marks, "new")
	}
	if r.Excluded {
		marks = append(marks, "excluded by its vendor")
	}
	return marks
}

func categoryKindWord(k model.CategoryKind) string {
	switch k {
	case model.CategoryFamily:
		return "family"
	case model.CategoryCompany:
		return "company"
	case model.CategoryClassification:
		return "classification"
	}
	return "product"
}

// updatesOf counts the updates of the catalogue, selected or not, by what they
// belong to. An update of two products of one family counts once for the family.
func updatesOf(snap *store.Snapshot, tree *model.CategoryTree) map[model.CategoryID]int {
	classes := map[model.Classification]model.CategoryID{}
	for _, c := range snap.Categories() {
		if class, ok := classOf(c); ok {
			classes[class] = c.ID
		}
	}
	counts := map[model.CategoryID]int{}
	seen := map[model.CategoryID]uint32{}
	for n := uint32(1); n <= snap.LastUpdate(); n++ {
		r := snap.Row(n)
		if r == nil || r.Has(model.FlagRemoved) {
			continue
		}
		if id, ok := classes[r.Class]; ok {
			counts[id]++
		}
		for _, id := range r.Products {
			for seen[id] != n {
				seen[id] = n
				counts[id]++
				c, ok := tree.Category(id)
				if !ok || c.Parent == "" {
					break
				}
				id = c.Parent
			}
		}
	}
	return counts
}
