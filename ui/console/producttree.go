package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// productTree is the tree in which products and classifications are chosen: that
// of the products screen and that of the wizard. It belongs to the interface
// goroutine; what it is made of is read off it (readCatalogue).
//
// A tick on something that groups products means what comes later in it, too, as
// in WSUS. What groups others without being ticked itself shows how many below it
// are. So ticking every product of a family is not the same as ticking the
// family, and both can be seen.
type productTree struct {
	c       *Console
	classes bool // classifications are part of it
	nodes   map[string]*productNode
	roots   []string
	chosen  map[string]bool      // ticked themselves
	open    map[string]bool      // unfolded
	judged  map[string]judgement // of every node, as long as the ticks stay as they are
	filter  string
	rows    []string // visible
	at      string   // under the cursor
	top     int
	height  int
}

func newProductTree(c *Console, classes bool) *productTree {
	return &productTree{c: c, classes: classes, chosen: map[string]bool{}, open: map[string]bool{allProducts: true, allClasses: true}}
}

// set takes over a tree that was read. What is folded and where the cursor is
// stay; what is ticked stays, too.
func (p *productTree) set(t *catalogueTree) {
	first := p.nodes == nil
	p.nodes, p.roots, p.judged = t.nodes, t.roots, nil
	if !p.classes {
		p.roots = slices.DeleteFunc(slices.Clone(t.roots), func(id string) bool { return id == allClasses })
	}
	if first {
		p.at = p.roots[0]
		for _, id := range p.nodes[allProducts].children { // companies show their families
			p.open[id] = len(p.nodes) < 25 || len(p.nodes[id].children) > 0 && p.grouping(id)
		}
		for _, n := range p.nodes { // what is new is seen, if that is not nearly everything
			if n.fresh && t.fresh <= unfoldedNew {
				for a := p.nodes[n.parent]; a != nil; a = p.nodes[a.parent] {
					p.open[a.id] = true
				}
			}
		}
	}
	p.arrange()
}

// unfoldedNew is how many new products are unfolded at first; of more, the key
// that goes to the next one shows them.
const unfoldedNew = 12

// grouping says whether what is below a node groups others itself.
func (p *productTree) grouping(id string) bool {
	return slices.ContainsFunc(p.nodes[id].children, func(c string) bool { return len(p.nodes[c].children) > 0 })
}

// take ticks what settings say.
func (p *productTree) take(set model.Settings) {
	p.chosen, p.judged = map[string]bool{}, nil
	for _, id := range set.Categories {
		p.chosen[productPrefix+string(id)] = true
	}
	for _, k := range set.Classes {
		p.chosen[classPrefix+k.String()] = true
	}
	p.chosen[allProducts] = len(set.Categories) == 0
	p.chosen[allClasses] = len(set.Classes) == 0
}

// give writes what is ticked into settings. Categories that are ticked but not
// known now are kept: their upstream may bring them again.
func (p *productTree) give(set *model.Settings) {
	set.Categories = nil
	if !p.chosen[allProducts] {
		for id, on := range p.chosen {
			if cat, ok := strings.CutPrefix(id, productPrefix); on && ok {
				set.Categories = append(set.Categories, model.CategoryID(cat))
			}
		}
		slices.Sort(set.Categories)
	}
	if !p.classes {
		return
	}
	set.Classes = nil
	if !p.chosen[allClasses] {
		for _, k := range model.Classifications() {
			if p.chosen[classPrefix+k.String()] {
				set.Classes = append(set.Classes, k)
			}
		}
	}
}

// problem says why what is ticked cannot be used.
func (p *productTree) problem() string {
	switch {
	case p.nodes == nil:
		return ""
	case p.mark(allProducts) == markNone && !p.unknownChosen():
		return "no product is selected: Space selects one"
	case p.classes && p.mark(allClasses) == markNone:
		return "no classification is selected: Space selects one"
	}
	return ""
}

func (p *productTree) unknownChosen() bool {
	for id, on := range p.chosen {
		if on && p.nodes[id] == nil && strings.HasPrefix(id, productPrefix) {
			return true
		}
	}
	return false
}

// markState is what the box of a node shows.
type markState uint8

const (
	markNone markState = iota
	markSome
	markAll
)

var markBoxes = [...]string{"[ ]", "[-]", "[x]"}

// covered says whether a node or something that it belongs to is ticked.
func (p *productTree) covered(id string) bool {
	for n := p.nodes[id]; n != nil; n = p.nodes[n.parent] {
		if p.chosen[n.id] {
			return true
		}
	}
	return false
}

// judgement is what the ticks mean for a node.
type judgement struct {
	mark     markState
	selected int // products below it, or itself
}

// judge goes through all nodes once: a frame asks for many of them.
func (p *productTree) judge() map[string]judgement {
	if p.judged != nil {
		return p.judged
	}
	p.judged = make(map[string]judgement, len(p.nodes))
	var walk func(id string, covered bool) judgement
	walk = func(id string, covered bool) judgement {
		n := p.nodes[id]
		covered = covered || p.chosen[id]
		var j judgement
		for _, c := range n.children {
			below := walk(c, covered)
			j.selected += below.selected
			j.mark = max(j.mark, min(below.mark, markSome))
		}
		if covered {
			j = judgement{markAll, n.leaves}
		}
		p.judged[id] = j
		return j
	}
	for _, id := range []string{allProducts, allClasses} {
		walk(id, false)
	}
	return p.judged
}

func (p *productTree) mark(id string) markState { return p.judge()[id].mark }

// selected counts the products below a node that are selected.
func (p *productTree) selected(id string) int { return p.judge()[id].selected }

// clear takes the ticks below a node away.
func (p *productTree) clear(id string) {
	delete(p.chosen, id)
	for _, c := range p.nodes[id].children {
		p.clear(c)
	}
}

// toggle ticks a node, or takes its tick away: from something that is selected
// with what it belongs to, by ticking what stands beside it instead.
func (p *productTree) toggle(id string) {
	n := p.nodes[id]
	if n == nil {
		return
	}
	p.judged = nil
	if !p.covered(id) {
		p.clear(id)
		p.chosen[id] = true
		if id == allProducts { // what is not known now belongs to all
			maps.DeleteFunc(p.chosen, func(c string, _ bool) bool { return strings.HasPrefix(c, productPrefix) })
		}
		return
	}
	for at := n; at != nil; at = p.nodes[at.parent] {
		if p.chosen[at.id] {
			delete(p.chosen, at.id)
			break
		}
		for _, sibling := range p.nodes[at.parent].children {
			if sibling != at.id {
				p.chosen[sibling] = true
			}
		}
	}
	p.clear(id)
}

// arrange lists the visible rows. With a filter these are what matches, with
// what it belongs to.
func (p *productTree) arrange() {
	p.rows = nil
	want := strings.ToLower(p.filter)
	var matches func(id string) bool
	matches = func(id string) bool {
		n := p.nodes[id]
		return strings.Contains(strings.ToLower(n.title), want) || slices.ContainsFunc(n.children, matches)
	}
	var add func(id string, below bool)
	add = func(id string, below bool) {
		n := p.nodes[id]
		if want != "" && !below && !matches(id) {
			return
		}
		p.rows = append(p.rows, id)
		hit := below || want != "" && strings.Contains(strings.ToLower(n.title), want)
		if p.unfolded(id) {
			for _, c := range n.children {
				add(c, hit && n.parent != "")
			}
		}
	}
	for _, id := range p.roots {
		add(id, false)
	}
	if !slices.Contains(p.rows, p.at) {
		// What the cursor was on is folded away or filtered out: the nearest that it
		// belongs to has it.
		at := p.at
		for n := p.nodes[at]; n != nil && !slices.Contains(p.rows, at); n = p.nodes[at] {
			at = n.parent
		}
		if p.at = at; !slices.Contains(p.rows, at) && len(p.rows) > 0 {
			p.at = p.rows[0]
		}
	}
}

// unfolded says whether what is below a node is shown: a filter unfolds what
// leads to a match.
func (p *productTree) unfolded(id string) bool {
	if p.filter == "" {
		return p.open[id]
	}
	n := p.nodes[id]
	want := strings.ToLower(p.filter)
	var inside func(id string) bool
	inside = func(id string) bool {
		return slices.ContainsFunc(p.nodes[id].children, func(c string) bool {
			return strings.Contains(strings.ToLower(p.nodes[c].title), want) || inside(c)
		})
	}
	return inside(id) || p.open[id] && strings.Contains(strings.ToLower(n.title), want)
}

func (p *productTree) move(n int) {
	i := slices.Index(p.rows, p.at)
	if len(p.rows) > 0 {
		p.at = p.rows[max(0, min(i+n, len(p.rows)-1))]
	}
}

// act does what is done in a tree; done is false for other actions.
func (p *productTree) act(a keys.Action) (done bool) {
	if len(p.rows) == 0 {
		return false
	}
	n := p.nodes[p.at]
	switch a {
	case keys.Up:
		p.move(-1)
	case keys.Down:
		p.move(1)
	case keys.PageUp:
		p.move(1 - p.height)
	case keys.PageDown:
		p.move(p.height - 1)
	case keys.HalfUp:
		p.move(-p.height / 2)
	case keys.HalfDown:
		p.move(p.height / 2)
	case keys.Top:
		p.at = p.rows[0]
	case keys.Bottom:
		p.at = p.rows[len(p.rows)-1]
	case keys.Tick:
		p.toggle(p.at)
	case keys.Unfold:
		if len(n.children) > 0 && p.unfolded(p.at) {
			p.move(1)
		} else if len(n.children) > 0 {
			p.open[p.at] = true
		}
		p.arrange()
	case keys.Fold:
		if p.open[p.at] && len(n.children) > 0 && p.filter == "" {
			p.open[p.at] = false
		} else if n.parent != "" {
			p.at = n.parent
		}
		p.arrange()
	case keys.NextNew:
		p.nextNew()
	default:
		return false
	}
	return true
}

// nextNew goes to the next new product, unfolding what it belongs to.
func (p *productTree) nextNew() {
	var order []string
	var walk func(id string)
	walk = func(id string) {
		order = append(order, id)
		for _, c := range p.nodes[id].children {
			walk(c)
		}
	}
	for _, id := range p.roots {
		walk(id)
	}
	from := slices.Index(order, p.at)
	for i := range order {
		id := order[(from+1+i)%len(order)]
		if !p.nodes[id].fresh {
			continue
		}
		p.filter = ""
		for a := p.nodes[p.nodes[id].parent]; a != nil; a = p.nodes[a.parent] {
			p.open[a.id] = true
		}
		p.at = id
		p.arrange()
		return
	}
}

// depth is how far a node is below its root.
func (p *productTree) depth(id string) (d int) {
	for n := p.nodes[p.nodes[id].parent]; n != nil; n = p.nodes[n.parent] {
		d++
	}
	return d
}

// path names what a node belongs to: company, family, product.
func (p *productTree) path(id string) string {
	var titles []string
	for n := p.nodes[id]; n != nil && n.parent != ""; n = p.nodes[n.parent] {
		titles = append(titles, n.title)
	}
	if len(titles) == 0 {
		return p.nodes[id].title
	}
	slices.Reverse(titles)
	return strings.Join(titles, " > ")
}

// note says what is special about a node, in few words where there is little
// room.
func (p *productTree) note(n *productNode, brief bool) string {
	word := func(short, long string) string {
		if brief {
			return short
		}
		return long
	}
	var words []string
	if n.fresh {
		words = append(words, "NEW")
	}
	switch mark := p.mark(n.id); {
	case len(n.children) > 0 && p.chosen[n.id]:
		words = append(words, word("", "with later ones"))
	case len(n.children) > 0 && mark == markSome:
		words = append(words, fmt.Sprintf(word("%s/%s", "%s of %s"), count(p.selected(n.id)), count(n.leaves)))
	}
	if n.freshIn > 0 {
		words = append(words, count(n.freshIn)+" new")
	}
	if n.excluded {
		words = append(words, word("opt-in", "its vendor would leave it out"))
	}
	return strings.Join(nonEmpty(words...), ", ")
}

// facts say how much is selected.
func (p *productTree) facts() string {
	if p.nodes == nil {
		return ""
	}
	root := p.nodes[allProducts]
	if p.chosen[allProducts] {
		return "all products"
	}
	return count(p.selected(allProducts)) + " of " + counted(root.leaves, "product", "products")
}

// view draws where the cursor is and the rows around it.
func (p *productTree) view(w, h int) []string {
	st := p.c.styles
	brief := w < 100
	notes := 12
	if !brief {
		notes = min(44, w/3)
	}
	where := ""
	if n := p.nodes[p.at]; n != nil {
		where = strings.Join(nonEmpty(p.path(p.at), p.note(n, false)), st.Glyphs.Dot)
	}
	if p.filter != "" {
		where = "Filter: " + model.Clean(p.filter) + st.Glyphs.Dot + where
	}
	lines := []string{st.Muted.Render(layout.Fit(" "+where, w, st.Glyphs.Tail)),
		st.Header.Render(layout.Fit("  Wanted", w-notes-11, st.Glyphs.Tail) + layout.FitRight("Updates", 8, "") + "  " + layout.Fit("", notes, ""))}
	p.height = max(1, h-len(lines))
	at := slices.Index(p.rows, p.at)
	if at < p.top {
		p.top = at
	}
	if at >= p.top+p.height {
		p.top = at - p.height + 1
	}
	p.top = max(0, min(p.top, len(p.rows)-p.height))
	if len(p.rows) == 0 {
		return append(lines, "", "  Nothing has "+model.Clean(p.filter)+" in its name. / changes the filter.")
	}
	for i := p.top; i < min(len(p.rows), p.top+p.height); i++ {
		n := p.nodes[p.rows[i]]
		fold := " "
		if len(n.children) > 0 {
			fold = st.Glyphs.Folded
			if p.unfolded(n.id) {
				fold = st.Glyphs.Unfolded
			}
		}
		title := n.title
		if parent := p.nodes[n.parent]; n.twin && parent != nil && parent.parent != "" {
			title += " (" + parent.title + ")"
		}
		text := layout.Blanks(2*p.depth(n.id)) + fold + " " + markBoxes[p.mark(n.id)] + " " + title
		lead := "  "
		if n.id == p.at {
			lead = "> "
		}
		row := lead + layout.Fit(text, w-notes-13, st.Glyphs.Tail) + layout.FitRight(zero(n.updates), 8, "") + "  " + layout.Fit(p.note(n, brief), notes, st.Glyphs.Tail)
		switch {
		case n.id == p.at:
			row = st.Cursor.Render(row)
		case n.fresh:
			row = st.Info.Render(row)
		case p.mark(n.id) == markNone:
			row = st.Muted.Render(row)
		}
		lines = append(lines, row)
	}
	return lines
}
