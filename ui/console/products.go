package console

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// products is the screen on which products and classifications are chosen, and
// on which new ones are looked at.
type products struct {
	c       *Console
	tree    *productTree
	before  model.Settings // as they were when the ticks were taken from them
	query   string         // what updates must match beside
	fresh   int
	key     catalogueKey
	request request
	ready   bool
	known   bool // an upstream has brought products
}

func newProducts(c *Console) pane {
	return &products{c: c, tree: newProductTree(c, true)}
}

// Title is the pane's part of the breadcrumbs.
func (p *products) Title() string { return "Products and classifications" }

// Facts says how much is selected.
func (p *products) Facts() string {
	if !p.ready || !p.known {
		return ""
	}
	s := p.tree.facts()
	if p.fresh > 0 {
		s = count(p.fresh) + " new" + p.c.styles.Glyphs.Dot + s
	}
	if p.changed() {
		s = "not applied yet" + p.c.styles.Glyphs.Dot + s
	}
	return s
}

// wanted is what the ticks make of settings.
func (p *products) wanted(set model.Settings) model.Settings {
	p.tree.give(&set)
	set.Products = p.query
	return set
}

// changed says whether something was ticked that was not applied.
func (p *products) changed() bool {
	if !p.ready {
		return false
	}
	if p.tree.problem() != "" { // that nothing is ticked cannot be written into settings
		return true
	}
	var old model.Settings
	t := &productTree{nodes: p.tree.nodes, classes: true}
	t.take(p.before)
	t.give(&old)
	set := p.wanted(p.before)
	return !slices.Equal(old.Categories, set.Categories) || !slices.Equal(old.Classes, set.Classes) || p.before.Products != p.query
}

// Keys says which bindings can be used.
func (p *products) Keys() paneKeys {
	return paneKeys{Scope: keys.Products, Disabled: func(a keys.Action) string {
		if !p.ready || !p.known {
			switch a {
			case keys.Tick, keys.Preview, keys.Unfold, keys.Fold, keys.Filter, keys.NextNew, keys.SeeNew:
				return "no synchronization has brought products yet"
			}
		}
		switch a {
		case keys.NextNew, keys.SeeNew:
			if p.fresh == 0 {
				return "nothing is new"
			}
		}
		return ""
	}}
}

// Update takes in an action.
func (p *products) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return p.read(false)
	case do:
		if p.ready && p.tree.act(keys.Action(msg)) {
			return nil
		}
		switch keys.Action(msg) {
		case keys.Filter:
			return p.tree.ask()
		case keys.Preview:
			return p.preview()
		case keys.SeeNew:
			set := p.c.snap.Settings()
			return p.c.propose(model.Change{Kind: model.ChangeSettings, Settings: &set}, "Acknowledge", func(model.Entry) tea.Cmd { return p.read(true) })
		case keys.QueryIt:
			return p.ask()
		case keys.Reload:
			return p.read(true)
		}
	}
	return nil
}

// Step leaves the filter, then the ticks that were not applied.
func (p *products) Step() (tea.Cmd, bool) {
	switch {
	case p.tree.filter != "":
		p.tree.filter = ""
		p.tree.arrange()
		return nil, true
	case p.changed():
		p.tree.take(p.before)
		p.query = p.before.Products
		p.c.say(slog.LevelInfo, "what was not applied was taken back")
		return nil, true
	}
	return nil, false
}

// ask asks for the filter, which narrows the tree while it is written.
func (p *productTree) ask() tea.Cmd {
	before := p.filter
	apply := func(text string) tea.Cmd {
		p.filter = strings.TrimSpace(text)
		p.arrange()
		return nil
	}
	return p.c.ask(&prompt{label: "filter:", change: apply, done: apply, cancel: func() tea.Cmd { return apply(before) }}, p.filter)
}

// ask asks for the query that updates must match beside.
func (p *products) ask() tea.Cmd {
	c := p.c
	ask := &prompt{label: "query, empty for all:", check: func(s string) error {
		_, err := query.ParseUpdates(s)
		return err
	}}
	ask.complete = func(text string) (int, []string, []string) { return c.offerQuery(query.OnUpdates, text) }
	ask.done = func(text string) tea.Cmd {
		p.query = text
		return nil
	}
	return c.ask(ask, p.query)
}

// read reads the tree, if something that it depends on changed.
func (p *products) read(again bool) tea.Cmd {
	snap, key, ready := p.c.snap, p.key, p.ready && !again
	if !snap.Loaded() {
		return nil
	}
	return p.request.start(p.c.ctx, func(context.Context) func() tea.Cmd {
		if ready && catalogueKeyOf(snap) == key {
			return nil
		}
		t := readCatalogue(snap)
		return func() tea.Cmd {
			dirty := p.changed()
			p.key, p.fresh, p.known = t.key, t.fresh, len(t.nodes[allProducts].children) > 0
			p.tree.set(t)
			// Ticks that were not applied are kept: somebody else's synchronization
			// must not take them away.
			if set := snap.Settings(); !dirty {
				p.before, p.query = set, set.Products
				p.tree.take(set)
			}
			p.ready = true
			return nil
		}
	})
}

// preview shows what would change, and asks.
func (p *products) preview() tea.Cmd {
	c := p.c
	if why := p.tree.problem(); why != "" {
		c.say(slog.LevelWarn, why)
		return nil
	}
	if !p.changed() {
		c.say(slog.LevelInfo, "nothing was changed: Space selects and deselects")
		return nil
	}
	old := c.snap.Settings()
	set := p.wanted(old) // what others changed meanwhile stays
	more := p.differences(old, set)
	return c.proposeWith(model.Change{Kind: model.ChangeSettings, Settings: &set}, "Apply", func(context.Context, scribe) ([]string, error) { return more, nil }, func(model.Entry) tea.Cmd {
		p.before = c.snap.Settings()
		p.query = p.before.Products
		p.tree.take(p.before)
		return p.read(true)
	})
}

// shownDifferences is how many products a preview names.
const shownDifferences = 40

// differences names what is selected that was not, and the other way round.
func (p *products) differences(old, set model.Settings) []string {
	t := &productTree{nodes: p.tree.nodes, classes: true}
	t.take(old)
	var lines []string
	for _, part := range []struct {
		title string
		a, b  *productTree
	}{{"SELECTED NOW", t, p.tree}, {"NOT SELECTED ANY MORE", p.tree, t}} {
		var names []string
		var walk func(id string)
		walk = func(id string) {
			if !part.a.covered(id) && part.b.covered(id) && part.a.mark(id) == markNone {
				names = append(names, fmt.Sprintf("%s: %s", p.tree.path(id), counted(p.tree.nodes[id].updates, "update is for it", "updates are for it")))
				return // and all below it
			}
			for _, c := range p.tree.nodes[id].children {
				walk(c)
			}
		}
		walk(allProducts)
		walk(allClasses)
		if len(names) == 0 {
			continue
		}
		lines = append(lines, part.title)
		lines = append(lines, names[:min(len(names), shownDifferences)]...)
		if n := len(names) - shownDifferences; n > 0 {
			lines = append(lines, "and "+count(n)+" more")
		}
		lines = append(lines, "")
	}
	if old.Products != set.Products {
		lines = append(lines, "QUERY BESIDE", orWord(set.Products, "none: every update of these products"), "")
	}
	if p.fresh > 0 {
		lines = append(lines, "The new products count as looked at from then on.")
	}
	return lines
}

// View draws the tree.
func (p *products) View(w, h int) string {
	switch {
	case !p.c.snap.Loaded():
		return "\n  loading the catalogue"
	case !p.ready:
		return "\n  reading"
	case !p.known:
		var lines []string
		for _, t := range append([]string{""}, p.empty()...) {
			for _, l := range layout.Wrap(t, w-4) {
				lines = append(lines, "  "+l)
			}
		}
		return strings.Join(lines, "\n")
	}
	foot := []string{""}
	if p.query != "" {
		foot = append(foot, " Updates must also match: "+model.Clean(p.query))
	}
	if h >= 16 {
		for _, l := range layout.Wrap("A tick on what groups products is for those that come later in it, too. What is not selected is not shown and not offered; it comes back when it is selected again. Enter shows what would change.", w-2) {
			foot = append(foot, p.c.styles.Muted.Render(" "+l))
		}
	}
	lines := p.tree.view(w, h-len(foot))
	for len(lines) < h-len(foot) {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, foot...), "\n")
}

// empty says why there are no products, and what to do.
func (p *products) empty() []string {
	if p.c.gate() != nil {
		return []string{model.SetupIncomplete + " There is no catalogue yet.", "", "1 goes to the Overview, which leads through the two wizards."}
	}
	set := p.c.snap.Settings()
	classes := make([]string, 0, len(set.Classes))
	for _, k := range set.Classes {
		classes = append(classes, k.Title())
	}
	return []string{
		"No synchronization has brought products yet. Until then everything is selected that comes:",
		"", "Products          " + orWord(p.query, "all"), "Classifications   " + orWord(strings.Join(classes, ", "), "all"), "",
		"8 goes to Synchronization, where s starts one and i imports a file. Come back afterwards: the products that it brought can then be selected here.",
	}
}
