package console

import (
	"context"
	"fmt"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/layout"
)

// page writes pages of facts. Some of its lines stand for something that can be
// opened.
type page struct {
	title string // in the breadcrumbs; empty = as it was
	lines []string
	links map[int]target // by line
}

// target is what a line of a page opens: a document, a part of one, an update of
// the catalogue, a computer, or a group.
type target struct {
	update uint32            // a row of the catalogue
	key    model.DocumentKey // a document, of which revision 0 is the one that is shown
	part   string            // of the document, as it was published

	computer uint32        // a computer
	group    model.GroupID // a computer group
	run      uint64        // a synchronization

	of           uint32 // an update by computer; with a computer, why it stands there as it does
	view, filter string // a list with a filter
	deployment   uint64 // an act of approving
	text         string // what cannot be opened is copied
	fold         string // a part of the page that is folded, or unfolded
}

// open opens what a line stands for.
func (c *Console) openTarget(t target) tea.Cmd {
	switch {
	case t.run != 0:
		return c.push(newRun(c, t.run))
	case t.update != 0:
		return c.push(newUpdate(c, t.update))
	case t.computer != 0 && t.of != 0:
		return c.push(newExplanation(c, t.computer, t.of))
	case t.computer != 0:
		return c.push(newComputer(c, t.computer))
	case t.of != 0:
		return c.push(newUpdateComputers(c, t.of))
	case t.group != "":
		return c.push(newGroup(c, t.group))
	case t.view != "":
		return c.open(t.view, t.filter)
	case t.deployment != 0:
		return c.push(newDeployment(c, t.deployment))
	case t.text != "":
		return c.copy(t.text)
	case t.part != "":
		return c.push(newOriginal(c, t.key, t.part))
	}
	return c.push(newInspection(c, t.key))
}

func (p *page) head(title string) {
	if len(p.lines) > 0 {
		p.lines = append(p.lines, "")
	}
	p.lines = append(p.lines, title)
}

// link writes a line that can be opened.
func (p *page) link(s scribe, t target, format string, args ...any) {
	if p.links == nil {
		p.links = map[int]target{}
	}
	p.links[len(p.lines)] = t
	p.lines = append(p.lines, "  "+s.styles.Glyphs.Folded+" "+hang+fmt.Sprintf(format, args...))
}

// wrappedPage is a page for a width.
type wrappedPage struct {
	lines []string
	links []textLink
}

// textLink is a line that can be opened.
type textLink struct {
	line int
	to   target
}

// wrap makes lines of a width, cleaned.
func (p *page) wrap(w int) wrappedPage {
	var out wrappedPage
	for i, l := range p.lines {
		if t, ok := p.links[i]; ok {
			out.links = append(out.links, textLink{len(out.lines), t})
		}
		out.lines = append(out.lines, wrapText(l, w)...)
	}
	return out
}

// deepText is what stands below the rest of a text and takes longer to read.
type deepText struct {
	request request
	of      string // version and width
	got     wrappedPage
	err     error
	done    bool
}

// readDeep reads what takes longer, unless it is there already.
func (p *textPane) readDeep(w int) tea.Cmd {
	if p.behind == nil {
		return nil
	}
	of := p.version() + " " + count(w) + " " + p.folds.key()
	if p.deep.of == of {
		return nil
	}
	p.deep.of = of
	load, s := p.behind, p.c.scribe
	return p.deep.request.start(p.c.ctx, func(ctx context.Context) func() tea.Cmd {
		got, err := load(ctx, s, w)
		var wrapped wrappedPage
		if err == nil {
			wrapped = got.wrap(w)
		}
		return func() tea.Cmd {
			p.deep.got, p.deep.err, p.deep.done = wrapped, err, true
			p.join()
			p.count()
			p.scroll(0)
			return nil
		}
	})
}

// join puts the parts of a text together. The line that could be opened keeps
// the focus.
func (p *textPane) join() {
	var had target
	if p.focus >= 0 {
		had = p.links[p.focus].to
	}
	p.lines, p.links = p.first.lines, p.first.links
	if p.behind != nil {
		below := p.deep.got
		switch {
		case !p.deep.done:
			below.lines = []string{"WHAT IS BEHIND IT", "  reading"}
		case p.deep.err != nil:
			var e page
			e.head("WHAT IS BEHIND IT")
			e.add("! It could not be read: %s", p.deep.err.Error())
			e.add("r tries it again.")
			below = e.wrap(p.width)
		}
		p.lines = append(append(p.lines[:len(p.lines):len(p.lines)], ""), below.lines...)
		p.links = p.links[:len(p.links):len(p.links)]
		for _, l := range below.links {
			p.links = append(p.links, textLink{l.line + len(p.first.lines) + 1, l.to})
		}
	}
	p.focus = -1
	for i, l := range p.links {
		if l.to == had && had != (target{}) {
			p.focus = i
		}
	}
}

// visible says whether a line that can be opened is on the screen.
func (p *textPane) visible(i int) bool {
	l := p.links[i].line
	return l >= p.top && l < p.top+max(1, p.height)
}

// link goes to the next line that can be opened, or to the one before.
func (p *textPane) link(step int) {
	if len(p.links) == 0 {
		return
	}
	to := p.focus + step
	switch {
	case p.focus >= 0:
	case step > 0: // the first that is on the screen, or comes after it
		to = slices.IndexFunc(p.links, func(l textLink) bool { return l.line >= p.top })
		if to < 0 {
			to = len(p.links) - 1
		}
	default: // the last that is on the screen, or comes before it
		to = len(p.links) - 1
		for to > 0 && p.links[to].line >= p.top+p.height {
			to--
		}
	}
	to = max(0, min(to, len(p.links)-1))
	if l := p.links[to].line; l < p.top || l >= p.top+max(1, p.height) {
		p.top = max(0, l-max(1, p.height)/2)
	}
	p.focus = to
	p.scroll(0)
}

// openLink opens what has the focus; where nothing has it, the first that can be
// opened gets it.
func (p *textPane) openLink() tea.Cmd {
	if p.focus < 0 {
		p.link(1)
		return nil
	}
	to := p.links[p.focus].to
	if to.fold != "" && p.folds != nil {
		p.folds.toggle(to.fold)
		return p.read()
	}
	return p.c.openTarget(to)
}

// hexLine writes a digest so that it can be compared with that of any tool.
func hexLine(p *page, name string, digest []byte) {
	if len(digest) > 0 {
		p.lines = append(p.lines, "      "+layout.Fit(name, 8, "")+hang+fmt.Sprintf("%x", digest))
	}
}
