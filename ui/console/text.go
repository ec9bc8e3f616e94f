package console

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// textPane shows text that can be scrolled and searched. What it shows is read
// off the interface goroutine, and again when something changed.
type textPane struct {
	c      *Console
	title  string
	load   func(ctx context.Context, s scribe, w int) ([]string, error)
	follow bool // the end is what matters: a log
	acts   func(keys.Action) tea.Cmd
	off    func(keys.Action) string
	scope  keys.Scope
	still  bool // what is shown is costly to compute: it is read again only when asked for

	dear  bool   // what is shown is costly to compute: on a large store it is read again only when asked for
	late  bool   // it is not read again yet, and something changed
	shows uint64 // the sequence that it is of

	// pages is load for a text with lines that can be opened.
	pages func(ctx context.Context, s scribe, w int) (*page, error)
	// behind reads what stands below the rest and takes longer; version says of
	// what it is, so that it is not read again for nothing.
	behind  func(ctx context.Context, s scribe, w int) (*page, error)
	version func() string
	deep    deepText
	folds   *folds // nil = nothing can be folded

	request request
	first   wrappedPage
	lines   []string
	links   []textLink
	focus   int // which line that can be opened; -1 = none
	err     error
	width   int
	height  int
	top     int
	search  string
	hits    int
}

func newTextPane(c *Console, title string) *textPane {
	return &textPane{c: c, title: title, scope: keys.Scroll, focus: -1}
}

// Title is the pane's part of the breadcrumbs.
func (p *textPane) Title() string { return p.title }

// Keys says which bindings can be used.
func (p *textPane) Keys() paneKeys {
	return paneKeys{Scope: p.scope, Disabled: func(a keys.Action) string {
		switch a {
		case keys.Open, keys.NextLink, keys.PrevLink:
			if len(p.links) == 0 {
				return "there is nothing to open here"
			}
		}
		if p.off != nil {
			return p.off(a)
		}
		return ""
	}}
}

// Facts says where in the text the screen is.
func (p *textPane) Facts() string {
	s := ""
	if p.search != "" {
		s = counted(p.hits, "line", "lines") + " with " + model.Clean(p.search) + "  "
	}
	if p.height > 0 && len(p.lines) > p.height {
		s += fmt.Sprintf("%d-%d of %d", p.top+1, min(p.top+p.height, len(p.lines)), len(p.lines))
	}
	if p.late {
		s = strings.TrimSpace("changed: r shows it  " + s)
	}
	return s
}

// Update takes in an action.
func (p *textPane) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case changed:
		if p.dear && p.lines != nil && !p.c.small() {
			p.late = p.shows != p.c.snap.Seq()
			return nil
		}
		if p.still && p.lines != nil {
			return nil
		}
		return p.read()
	case shown:
		return p.read()
	case do:
		switch keys.Action(msg) {
		case keys.Up:
			p.scroll(-1)
		case keys.Down:
			p.scroll(1)
		case keys.PageUp:
			p.scroll(1 - p.height)
		case keys.PageDown:
			p.scroll(p.height - 1)
		case keys.HalfUp:
			p.scroll(-p.height / 2)
		case keys.HalfDown:
			p.scroll(p.height / 2)
		case keys.Top:
			p.scroll(-p.top)
		case keys.Bottom:
			p.scroll(len(p.lines))
		case keys.Reload:
			p.deep.of = ""
			return p.read()
		case keys.NextLink:
			p.link(1)
		case keys.PrevLink:
			p.link(-1)
		case keys.Open:
			return p.openLink()
		case keys.SearchText:
			return p.c.ask(&prompt{label: "search:", done: func(s string) tea.Cmd {
				p.search = s
				p.find(0, 1)
				return nil
			}}, "")
		case keys.NextMatch:
			p.find(p.top+1, 1)
		case keys.PrevMatch:
			p.find(p.top-1, -1)
		default:
			if p.acts != nil {
				return p.acts(keys.Action(msg))
			}
		}
	}
	return nil
}

func (p *textPane) read() tea.Cmd {
	w := p.c.width - 2
	if w <= 0 {
		return nil
	}
	load, pages, s, seq := p.load, p.pages, p.c.scribe, p.c.snap.Seq()
	first := p.request.start(p.c.ctx, func(ctx context.Context) func() tea.Cmd {
		var got page
		var err error
		if pages == nil {
			got.lines, err = load(ctx, s, w)
		} else if g, e := pages(ctx, s, w); e == nil {
			got = *g
		} else {
			err = e
		}
		wrapped := got.wrap(w)
		return func() tea.Cmd {
			atEnd := p.top+p.height >= len(p.lines)
			p.err, p.width = err, w
			p.shows, p.late = seq, false
			if err == nil {
				p.title = orWord(got.title, p.title)
				p.first = wrapped
				p.join()
			}
			if p.follow && atEnd {
				p.top = len(p.lines)
			}
			p.count()
			p.scroll(0)
			return nil
		}
	})
	return tea.Batch(first, p.readDeep(w))
}

// hang stands in a line between what comes once and what goes on below itself
// when it is wrapped: between the name of a fact and its value.
const hang = "\x00"

// wrapText cleans and wraps a line of a text.
func wrapText(l string, w int) []string {
	head, tail, ok := strings.Cut(l, hang)
	if head = model.CleanLines(head); !ok || layout.Width(head) > w/2 {
		return layout.Wrap(head+model.CleanLines(tail), w)
	}
	lines := layout.Wrap(model.CleanLines(tail), w-layout.Width(head))
	for i := range lines {
		lead := head
		if i > 0 {
			lead = layout.Blanks(layout.Width(head))
		}
		lines[i] = lead + lines[i]
	}
	return lines
}

func (p *textPane) scroll(n int) {
	p.top = max(0, min(p.top+n, len(p.lines)-max(1, p.height)))
	if p.focus >= 0 && !p.visible(p.focus) {
		p.focus = -1 // what cannot be seen is not opened
	}
}

func (p *textPane) matches(i int) bool {
	return strings.Contains(strings.ToLower(p.lines[i]), strings.ToLower(p.search))
}

func (p *textPane) count() {
	p.hits = 0
	for i := range p.lines {
		if p.search != "" && p.matches(i) {
			p.hits++
		}
	}
}

// find scrolls to the next line that matches.
func (p *textPane) find(from, step int) {
	p.count()
	if p.search == "" {
		return
	}
	for i := from; i >= 0 && i < len(p.lines); i += step {
		if p.matches(i) {
			p.top = i
			p.scroll(0)
			return
		}
	}
}

// Step ends a search.
func (p *textPane) Step() (tea.Cmd, bool) {
	had := p.search != ""
	p.search = ""
	return nil, had
}

// View draws the lines.
func (p *textPane) View(w, h int) string {
	p.height = h
	switch {
	case p.err != nil:
		return strings.Join(p.c.unread(p.err, w), "\n")
	case p.lines == nil:
		return " reading"
	}
	p.scroll(0)
	out := make([]string, 0, h)
	for i := p.top; i < min(p.top+h, len(p.lines)); i++ {
		l := " " + p.lines[i]
		switch {
		case p.focus >= 0 && p.links[p.focus].line == i:
			l = p.c.styles.Cursor.Render(layout.Fit(">"+p.lines[i], w-1, ""))
		case p.search != "" && p.matches(i):
			l = p.c.styles.Mark.Render(">" + p.lines[i])
		case heading(p.lines[i]):
			l = p.c.styles.Title.Render(l)
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// heading says whether a line of a text is a heading: one in capitals.
func heading(l string) bool {
	return len(l) > 2 && l == strings.ToUpper(l) && l != strings.ToLower(l) && l[0] >= 'A' && l[0] <= 'Z' && !strings.ContainsAny(l, "0123456789:")
}
