package console

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// form is a wizard: pages of text and of items to choose, tick or write. Enter
// goes on, Esc goes back; the last page says what will be done, and Enter on it
// does it.
type form struct {
	c       *Console
	title   string
	pages   []*formPage
	at      int
	focus   int
	top     int
	problem string
	working bool
	turned  time.Time // when the page came on the screen
	last    string    // what Enter does on the last page, where it is not "does it"
	finish  func() tea.Cmd
	refresh func() tea.Cmd // something changed while the form is open
}

// formPage is one page.
type formPage struct {
	title string
	text  func() []string
	items []*formItem
	enter func() tea.Cmd
	check func() error
	// ticked follows what was ticked: other items may belong to the page now.
	ticked func()
	tree   *productTree // a tree of products instead of items
}

// formItem is one line that can be changed.
type formItem struct {
	label string
	note  string
	one   bool // one of the page's items of this kind is chosen; else each can be ticked
	on    bool
	field *textinput.Model // a text instead
	// complete says how the text could go on: from where, and the offers. It is
	// called off the interface goroutine.
	complete func(text string) (start int, offers []string)
	begins   int // of what the offers replace
	offers   []string
	request  request
	// edited follows what is written; nil = nothing does.
	edited func() tea.Cmd
}

func textItem(label, value, note string) *formItem {
	f := newField(value)
	return &formItem{label: label, note: note, field: &f}
}

func (i *formItem) value() string { return strings.TrimSpace(i.field.Value()) }

// Title is the pane's part of the breadcrumbs.
func (f *form) Title() string { return f.title }

// Facts says which page it is.
func (f *form) Facts() string { return fmt.Sprintf("page %d of %d", f.at+1, len(f.pages)) }

func (f *form) page() *formPage { return f.pages[f.at] }

func (f *form) item() *formItem {
	if items := f.page().items; f.focus < len(items) {
		return items[f.focus]
	}
	return nil
}

// Keys says which bindings can be used.
func (f *form) Keys() paneKeys {
	it := f.item()
	if f.page().tree != nil {
		return paneKeys{Scope: keys.FormProducts, Disabled: func(a keys.Action) string {
			if f.page().tree.nodes == nil && a != keys.NextPage && a != keys.PrevPage && a != keys.HelpMe && a != keys.Redraw {
				return "the products are still being read"
			}
			return ""
		}}
	}
	return paneKeys{Scope: keys.Form, Field: it != nil && it.field != nil, Disabled: func(a keys.Action) string {
		switch a {
		case keys.Tick:
			if it == nil || it.field != nil {
				return "there is nothing to select on this page"
			}
		case keys.NextItem, keys.PrevItem:
			if len(f.page().items) < 2 {
				return "there is no other item on this page"
			}
		}
		return ""
	}}
}

// Update takes in an action, or a key for the field.
func (f *form) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown:
		if f.at == 0 && f.page().enter != nil {
			return f.page().enter()
		}
	case changed:
		if f.refresh != nil {
			return f.refresh()
		}
	case tea.KeyMsg:
		if it := f.item(); it != nil && it.field != nil {
			msg.Alt = false
			f.problem = ""
			if before := it.value(); msg.Type == tea.KeyRight && it.field.Position() == len([]rune(before)) && len(it.offers) > 0 {
				it.field.SetValue(before[:it.begins] + it.offers[0])
				it.field.CursorEnd()
			} else {
				*it.field, _ = it.field.Update(msg)
			}
			if it.edited != nil {
				return tea.Batch(f.complete(it), it.edited())
			}
			return f.complete(it)
		}
	case do:
		return f.act(keys.Action(msg))
	}
	return nil
}

func (f *form) act(a keys.Action) tea.Cmd {
	items := f.page().items
	if tree := f.page().tree; tree != nil {
		switch {
		case tree.act(a):
			f.problem = ""
			return nil
		case a == keys.Filter:
			return tree.ask()
		case a == keys.PrevPage && tree.filter != "":
			tree.filter = ""
			tree.arrange()
			return nil
		}
	}
	switch a {
	case keys.NextItem:
		f.focus = min(f.focus+1, max(0, len(items)-1))
	case keys.PrevItem:
		f.focus = max(0, f.focus-1)
	case keys.Tick:
		it := f.item()
		if it.one {
			for _, o := range items {
				if o.one {
					o.on = false
				}
			}
			it.on = true
		} else {
			it.on = !it.on
		}
		f.problem = ""
		if ticked := f.page().ticked; ticked != nil {
			ticked()
		}
	case keys.PrevPage:
		if f.at == 0 {
			return f.c.pop()
		}
		f.turn(f.at - 1)
	case keys.NextPage:
		if f.working {
			return nil
		}
		if check := f.page().check; check != nil {
			if err := check(); err != nil {
				f.problem = err.Error()
				return nil
			}
		}
		if f.at == len(f.pages)-1 {
			// What was typed ahead turns pages; it does not make the change.
			if len(f.pages) > 1 && f.c.deafSince(f.turned) {
				f.c.early()
				return nil
			}
			f.working = true
			return f.finish()
		}
		f.turn(f.at + 1)
		if enter := f.page().enter; enter != nil {
			return enter()
		}
	}
	return nil
}

func (f *form) turn(to int) {
	f.at, f.focus, f.top, f.problem, f.turned = to, 0, 0, "", f.c.now
	for i, it := range f.page().items {
		if it.one && it.on {
			f.focus = i
		}
	}
}

// complete looks for how the text of a field could go on.
func (f *form) complete(it *formItem) tea.Cmd {
	if it.complete == nil {
		return nil
	}
	it.offers = nil
	text, find := it.value(), it.complete
	return it.request.start(f.c.ctx, func(context.Context) func() tea.Cmd {
		start, offers := find(text)
		return func() tea.Cmd {
			it.begins, it.offers = start, offers
			return nil
		}
	})
}

// failed takes in that the change could not be made.
func (f *form) failed(err error) tea.Cmd {
	f.working = false
	return f.c.tell(err)
}

// View draws the page.
func (f *form) View(w, h int) string {
	st := f.c.styles
	p := f.page()
	lines := []string{st.Header.Render(layout.Fit(" "+p.title, w, st.Glyphs.Tail)), ""}
	for _, t := range p.text() {
		for _, l := range layout.Wrap(model.CleanLines(t), w-4) {
			if strings.HasPrefix(l, "! ") {
				l = st.Warn.Render(l)
			}
			lines = append(lines, "  "+l)
		}
	}
	if p.tree != nil {
		return f.treeView(lines, w, h)
	}
	if len(p.items) > 0 {
		lines = append(lines, "")
	}
	focus := 0
	for i, it := range p.items {
		lead := "  "
		if i == f.focus {
			lead = "> "
			focus = len(lines)
		}
		if it.field != nil {
			label := lead + layout.Fit(it.label, 20, "") + " ["
			text := drawField(*it.field, st, w-layout.Width(label)-4, i == f.focus)
			lines = append(lines, " "+label+text+"]")
		} else {
			box := "[ ] "
			switch {
			case it.one && it.on:
				box = "(o) "
			case it.one:
				box = "( ) "
			case it.on:
				box = "[x] "
			}
			l := layout.Fit(lead+box+it.label, w-2, st.Glyphs.Tail)
			if i == f.focus {
				l = st.Cursor.Render(l)
			}
			lines = append(lines, " "+l)
		}
		if len(it.offers) > 0 && i == f.focus {
			lines = append(lines, st.Info.Render(layout.Fit("       Right: "+model.Clean(strings.Join(it.offers, "  ")), w, st.Glyphs.Tail)))
		}
		for _, n := range layout.Wrap(it.note, w-9) {
			if it.note != "" {
				lines = append(lines, st.Muted.Render("       "+n))
			}
		}
	}
	if f.problem != "" {
		lines = append(lines, "")
		for _, l := range layout.Wrap("! "+model.CleanLines(f.problem), w-4) {
			focus = len(lines)
			lines = append(lines, "  "+st.Bad.Render(l))
		}
	}
	lines = append(lines, "", "  "+st.Title.Render(f.next()))
	if focus >= f.top+h-2 {
		f.top = focus - h + 3
	}
	f.top = max(0, min(f.top, len(lines)-h))
	return strings.Join(lines[f.top:min(len(lines), f.top+h)], "\n")
}

// treeView draws a page with a tree: below its text, as much of the tree as
// there is room for.
func (f *form) treeView(lines []string, w, h int) string {
	tree := f.page().tree
	var foot []string
	if f.problem != "" {
		for _, l := range layout.Wrap("! "+model.CleanLines(f.problem), w-4) {
			foot = append(foot, "  "+f.c.styles.Bad.Render(l))
		}
	}
	foot = append(foot, "  "+f.c.styles.Title.Render(f.next()))
	if h < 14 { // on a small screen the tree says enough
		lines = lines[:1]
	}
	if tree.nodes == nil {
		lines = append(lines, "", "  reading")
	} else {
		lines = append(lines, tree.view(w, h-len(lines)-len(foot))...)
	}
	for len(lines) < h-len(foot) {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, foot...), "\n")
}

// next says what Enter does.
func (f *form) next() string {
	switch {
	case f.working:
		return "it is being done"
	case f.at == len(f.pages)-1:
		return "Enter " + orWord(f.last, "does it") + ", Esc goes back"
	}
	return "Enter goes on"
}
