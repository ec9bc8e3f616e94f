package console

import (
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

// newField makes a field of text. Bubbles edits it; it is drawn here, because
// bubbles draws with the style of the process, not of the session, and hides its
// cursor where there is no colour. Its blinking and its access to the clipboard
// of the machine that the process runs on are off.
func newField(value string) textinput.Model {
	f := textinput.New()
	f.Prompt = ""
	f.KeyMap.Paste = key.NewBinding(key.WithDisabled())
	f.CharLimit = 2000
	f.Focus()
	f.SetValue(value)
	f.CursorEnd()
	return f
}

// drawField shows a field in w columns around its cursor.
func drawField(f textinput.Model, st *theme.Styles, w int, focused bool) string {
	value := []rune(model.Clean(f.Value()))
	pos := min(f.Position(), len(value))
	if !focused {
		return layout.Fit(string(value), w, st.Glyphs.Tail)
	}
	start := 0
	for layout.Width(string(value[start:pos])) > w-1 && start < pos {
		start++
	}
	before := string(value[start:pos])
	under, rest := " ", ""
	if pos < len(value) {
		under, rest = string(value[pos]), string(value[pos+1:])
	}
	if layout.Width(under) == 0 {
		under = " "
	}
	room := w - layout.Width(before) - layout.Width(under)
	if room < 0 {
		under, room = " ", w-layout.Width(before)-1
	}
	if !st.Terminal.Attributes && under == " " {
		under = "_"
	}
	return before + st.Input.Render(under) + layout.Fit(rest, max(0, room), "")
}

// prompt is a text that the console asks for, on the status line.
type prompt struct {
	label    string
	field    textinput.Model
	edit     int
	history  []string
	at       int
	complete func(text string) (start int, texts, meanings []string) // what Tab offers
	check    func(text string) error                                 // told while writing
	change   func(text string) tea.Cmd                               // after a rest, while writing
	done     func(text string) tea.Cmd
	cancel   func() tea.Cmd
	err      error
	offers   []string
	meaning  string
	chosen   int
	base     string // the text that completion began with
	start    int
}

// promptMsg tells that nothing was written for a moment.
type promptMsg struct {
	prompt *prompt
	edit   int
}

// typingRest is how long writing must rest before a filter is applied: below
// that the list would be made anew for every letter (terminal section 3.3).
const typingRest = 120 * time.Millisecond

// ask asks for a text.
func (c *Console) ask(p *prompt, value string) tea.Cmd {
	p.field = newField(value)
	p.at = len(p.history)
	p.look()
	c.prompt = p
	return nil
}

func (p *prompt) look() {
	p.offers, p.meaning, p.chosen, p.err = nil, "", -1, nil
	text := p.field.Value()
	if p.check != nil {
		p.err = p.check(text)
	}
	if p.complete == nil {
		return
	}
	start, texts, meanings := p.complete(text)
	if len(texts) == 1 && start <= len(text) && text[start:] == texts[0] {
		return
	}
	p.offers, p.start, p.base = texts, start, text
	if len(meanings) > 0 {
		p.meaning = meanings[0]
	}
}

// key takes in a key while the prompt is open.
func (p *prompt) key(c *Console, k tea.KeyMsg) tea.Cmd {
	switch k.Type {
	case tea.KeyEnter:
		text := strings.TrimSpace(p.field.Value())
		if p.check != nil {
			if p.err = p.check(text); p.err != nil {
				return nil
			}
		}
		c.prompt = nil
		return p.done(text)
	case tea.KeyEsc:
		c.prompt = nil
		if p.cancel != nil {
			return p.cancel()
		}
		return nil
	case tea.KeyTab, tea.KeyShiftTab:
		if len(p.offers) == 0 {
			return nil
		}
		step := 1
		if k.Type == tea.KeyShiftTab {
			step = len(p.offers) - 1
		}
		if p.chosen < 0 && step != 1 {
			p.chosen = 0
		}
		p.chosen = (p.chosen + step) % len(p.offers)
		p.field.SetValue(p.base[:p.start] + p.offers[p.chosen])
		p.field.CursorEnd()
		if p.check != nil {
			p.err = p.check(p.field.Value())
		}
		return p.edited(c)
	case tea.KeyUp, tea.KeyDown:
		if len(p.history) == 0 {
			return nil
		}
		if k.Type == tea.KeyUp {
			p.at = max(0, p.at-1)
		} else {
			p.at = min(len(p.history), p.at+1)
		}
		text := ""
		if p.at < len(p.history) {
			text = p.history[p.at]
		}
		p.field.SetValue(text)
		p.field.CursorEnd()
		p.look()
		return p.edited(c)
	}
	before := p.field.Value()
	k.Alt = false
	p.field, _ = p.field.Update(k)
	if p.field.Value() == before {
		return nil
	}
	p.look()
	return p.edited(c)
}

func (p *prompt) edited(c *Console) tea.Cmd {
	p.edit++
	if p.change == nil || p.err != nil {
		return nil
	}
	return c.after(typingRest, promptMsg{p, p.edit})
}

// line draws the prompt; an error stands behind the text.
func (p *prompt) line(st *theme.Styles, w int) string {
	label := " " + p.label + " "
	room := w - layout.Width(label)
	return st.Title.Render(label) + drawField(p.field, st, room, true)
}

// hints draws what is wrong, or what Tab would write.
func (p *prompt) hints(st *theme.Styles, w int) string {
	if p.err != nil {
		return st.Bad.Render(layout.Fit(" "+model.Clean(p.err.Error()), w, st.Glyphs.Tail))
	}
	if len(p.offers) == 0 {
		return st.Muted.Render(layout.Fit(" Enter keeps it  Esc leaves the field", w, st.Glyphs.Tail))
	}
	var b strings.Builder
	b.WriteString(" Tab: ")
	for i, o := range p.offers {
		if i > 0 {
			b.WriteString("  ")
		}
		if i == p.chosen {
			b.WriteString(">")
		}
		b.WriteString(model.Clean(o))
		if layout.Width(b.String()) > w {
			break
		}
	}
	if len(p.offers) == 1 && p.meaning != "" {
		b.WriteString("  " + model.Clean(p.meaning))
	}
	return st.Muted.Render(layout.Fit(b.String(), w, st.Glyphs.Tail))
}

// remember adds a text to a history, without doubles.
func remember(history []string, text string) []string {
	if text == "" {
		return history
	}
	history = slices.DeleteFunc(history, func(s string) bool { return s == text })
	if len(history) >= 100 {
		history = history[1:]
	}
	return append(history, text)
}
