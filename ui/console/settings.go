package console

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// newSettings is the screen of settings: what was decided, and the two wizards
// that decide it.
func newSettings(c *Console) pane {
	p := newTablePane[string](c, "Settings", keys.Settings, "setting", "settings",
		table.Column{Title: "Setting", Width: 26},
		table.Column{Title: "Value", Width: 30, Flexible: true},
		table.Column{Title: "Enter opens", Width: 30, Priority: 1},
	)
	wizards := map[string]func() tea.Cmd{
		"computers": func() tea.Cmd { return c.open("setup-computers", "") },
		"updates":   func() tea.Cmd { return c.open("setup-updates", "") },
		"theme":     func() tea.Cmd { return c.palette("theme ") },
		"policy":    func() tea.Cmd { return c.visitScreen(keys.ToGroups) },
	}
	p.load = func(_ context.Context, s scribe, snap *store.Snapshot) (tableRows[string], error) {
		var out tableRows[string]
		add := func(id, name, value, open string) {
			out.add(id, table.Cell{Text: name}, table.Cell{Text: model.Clean(value)}, table.Cell{Text: open, Style: s.styles.Muted})
		}
		setup, set := snap.Setup(), snap.Settings()
		add("computers", "Computers under management", orWord(strings.Join(setup.Computers.How, ", "), "not set up"), setup.Tasks()[0].Wizard)
		up := make([]string, 0, 1)
		for _, u := range snap.Upstreams() {
			up = append(up, fmt.Sprintf("%s=%s, %s", u.Kind, u.Location, u.Schedule))
		}
		add("updates", "Upstreams", orWord(strings.Join(up, "; "), "not set up"), setup.Tasks()[1].Wizard)
		classes := make([]string, 0, len(set.Classes))
		for _, k := range set.Classes {
			classes = append(classes, k.Title())
		}
		add("classes", "Classifications", orWord(strings.Join(classes, ", "), "all"), "products and classifications")
		add("products", "Products", productsText(snap), "products and classifications")
		if set.Products != "" {
			add("query", "Query on updates", set.Products, "products and classifications")
		}
		if len(set.Languages) > 0 {
			add("languages", "Languages", strings.Join(set.Languages, ", "), setup.Tasks()[1].Wizard)
		}
		add("content", "Content", contentText(set.Content), setup.Tasks()[1].Wizard)
		if g := snap.Groups().Group(model.GroupAll); g != nil {
			add("policy", "Policy of All Computers", policyText(g.Policy), "the computer groups")
		}
		for _, r := range optionRows(snap.Options()) {
			add(r[0], r[1], r[2], "the options of the server")
		}
		add("cleanup", "Cleanup", "what can be declined and removed", "the cleanup")
		add("theme", "Theme", s.styles.Name, ":theme NAME")
		add("store", "Data directory", s.store.Dir(), "")
		return out, nil
	}
	p.open = func(id string) tea.Cmd {
		switch id {
		case "content", "languages":
			id = "updates"
		case "classes", "products", "query":
			return c.visitScreen(keys.ToProducts)
		case "consent", "targeting", "revisions", "expired", "replica":
			return c.push(newOptions(c))
		case "cleanup":
			return c.visitScreen(keys.ToCleanup)
		}
		if f := wizards[id]; f != nil {
			return f()
		}
		return nil
	}
	return p
}

// productsText says which products are selected: few by name, with what they
// belong to, many by number.
func productsText(snap *store.Snapshot) string {
	set := snap.Settings()
	var names []string
	if len(set.Categories) <= 3 {
		tree := snap.CategoryTree()
		for _, id := range set.Categories {
			names = append(names, orWord(strings.Join(tree.Path(id), " > "), string(id)))
		}
	} else {
		names = append(names, counted(len(set.Categories), "product or family", "products and families"))
	}
	if fresh := len(snap.NewCategories()); fresh > 0 {
		return orWord(strings.Join(names, ", "), "all") + "; " + counted(fresh, "is new", "are new")
	}
	return orWord(strings.Join(names, ", "), "all")
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

// contentText says where computers take packages from.
func contentText(m model.ContentMode) string {
	switch m {
	case model.ContentOnApproval:
		return "kept here, fetched when approved"
	case model.ContentAtOnce:
		return "kept here, fetched at once"
	}
	return "computers take it from the vendor"
}
