package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
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
	seek     func(text string) (start int, texts []string)           // the same, where a disk must be read for it: off the interface goroutine
	check    func(text string) error                                 // told while writing
	change   func(text string) tea.Cmd                               // after a rest, while writing
	done     func(text string) tea.Cmd
	cancel   func() tea.Cmd
	note     func() string // at the right of what is written
	idle     string        // what to write, while nothing is offered
	quiet    bool          // nothing is offered before something was begun
	err      error
	refused  bool // Enter was pressed although there is an error
	offers   []string
	meanings []string
	means    string // what the text means, worked out while writing
	chosen   int
	base     string // the text that completion began with
	start    int
	request  request // of what seek finds
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
	return p.sought(c)
}

// sought has looked for what the text could go on with, and offers it unless
// something else was written meanwhile.
func (p *prompt) sought(c *Console) tea.Cmd {
	if p.seek == nil || p.chosen >= 0 {
		return nil
	}
	text, seek := p.field.Value(), p.seek
	return p.request.start(c.ctx, func(context.Context) func() tea.Cmd {
		start, texts := seek(text)
		return func() tea.Cmd {
			if c.prompt == p && p.field.Value() == text && !(len(texts) == 1 && text[start:] == texts[0]) {
				p.offers, p.start, p.base = texts, start, text
			}
			return nil
		}
	})
}

func (p *prompt) look() {
	p.offers, p.meanings, p.chosen, p.err, p.refused = nil, nil, -1, nil, false
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
	if !p.quiet || text != "" && !strings.HasSuffix(text, " ") { // all there is would only be noise until somebody asks
		p.offers, p.meanings, p.start, p.base = texts, meanings, start, text
	}
}

// suggestion is what the error suggests instead of the end of the text.
func (p *prompt) suggestion() (text string, ok bool) {
	var wrong *query.Error
	if !errors.As(p.err, &wrong) || wrong.Suggestion == "" {
		return "", false
	}
	runes := []rune(p.field.Value())
	return string(runes[:max(0, min(wrong.Column-1, len(runes)))]) + wrong.Suggestion, true
}

// tab writes the next offer, or what the error suggests; where nothing was
// begun, it offers everything.
func (p *prompt) tab(step int) {
	if len(p.offers) == 0 {
		if text, ok := p.suggestion(); ok {
			p.field.SetValue(text)
			p.field.CursorEnd()
			p.look()
			return
		}
		if p.complete == nil || p.err != nil {
			return
		}
		p.base = p.field.Value()
		p.start, p.offers, p.meanings = p.complete(p.base)
	}
	if len(p.offers) == 0 {
		return
	}
	if p.chosen < 0 && step < 0 {
		p.chosen = 0
	}
	p.chosen = (p.chosen + step + len(p.offers)) % len(p.offers)
	only := len(p.offers) == 1
	p.field.SetValue(p.base[:p.start] + p.offers[p.chosen])
	p.field.CursorEnd()
	switch {
	case only:
		p.look() // what comes behind it is offered at once
	case p.check != nil:
		p.err = p.check(p.field.Value())
	}
}

// key takes in a key while the prompt is open.
func (p *prompt) key(c *Console, k tea.KeyMsg) tea.Cmd {
	switch k.Type {
	case tea.KeyEnter:
		text := strings.TrimSpace(p.field.Value())
		if p.check != nil {
			if p.err = p.check(text); p.err != nil {
				p.refused = true
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
		step := 1
		if k.Type == tea.KeyShiftTab {
			step = -1
		}
		before := p.field.Value()
		if p.tab(step); p.field.Value() == before {
			return nil
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
	sought := p.sought(c)
	if p.change == nil || p.err != nil {
		return sought
	}
	return tea.Batch(sought, c.after(typingRest, promptMsg{p, p.edit}))
}

// line draws the prompt, with what it brings about at the right.
func (p *prompt) line(st *theme.Styles, w int) string {
	label := " " + p.label + " "
	note := ""
	if p.note != nil && p.err == nil {
		note = p.note()
	}
	room := w - layout.Width(label)
	if n := layout.Width(note); n > 0 && room > n+20 {
		return st.Title.Render(label) + drawField(p.field, st, room-n-2, true) + " " + st.Info.Render(note) + " "
	}
	return st.Title.Render(label) + drawField(p.field, st, room, true)
}

// hints draws what is wrong, or what Tab would write and what that means. While
// there is something to complete, that it is not complete is no news.
func (p *prompt) hints(st *theme.Styles, w int) string {
	if p.err != nil && (p.refused || len(p.offers) == 0) {
		var wrong *query.Error
		if !errors.As(p.err, &wrong) || wrong.Suggestion == "" {
			return st.Bad.Render(layout.Fit(" "+model.Clean(p.err.Error()), w, st.Glyphs.Tail))
		}
		// What was perhaps meant is worth more than the end of the message.
		tab := "  Tab writes " + layout.Cut(model.Clean(wrong.Suggestion), w/3, st.Glyphs.Tail)
		return st.Bad.Render(layout.Fit(fmt.Sprintf(" column %d: %s", wrong.Column, model.Clean(wrong.Message)), w-layout.Width(tab), st.Glyphs.Tail) + tab)
	}
	note := ""
	if p.means != "" {
		note = " " + model.Clean(p.means) + " "
	}
	if note != "" && (len(p.offers) == 0 || layout.Width(note) > w/2) {
		return st.Info.Render(layout.Fit(note, w, st.Glyphs.Tail))
	}
	if len(p.offers) == 0 {
		return st.Muted.Render(layout.Fit(" "+orWord(p.idle, "Enter keeps it  Esc leaves the field"), w, st.Glyphs.Tail))
	}
	meaning, at := "", max(0, p.chosen)
	if at < len(p.meanings) && p.meanings[at] != "" {
		meaning = "= " + model.Clean(p.meanings[at])
	}
	// The chosen one is always among those that are shown, with its meaning
	// behind them; the meaning gets half of the line at least.
	lead := note + " Tab: "
	shared := p.shared()
	if shared != "" {
		lead += model.Clean(shared) + " "
	}
	room := max(w/2, w-layout.Width(meaning)-3) - layout.Width(lead)
	var parts []string
	for i := max(0, at-1); i < len(p.offers); i++ {
		o := model.Clean(strings.TrimPrefix(p.offers[i], shared))
		if i == p.chosen {
			o = ">" + o
		}
		if room -= layout.Width(o) + 2; room < 0 && i > at {
			parts = append(parts, st.Glyphs.Tail)
			break
		}
		parts = append(parts, o)
	}
	return st.Muted.Render(layout.Fit(lead+strings.Join(parts, "  ")+"  "+meaning, w, st.Glyphs.Tail))
}

// shared is the field that all offers are values of.
func (p *prompt) shared() string {
	if len(p.offers) < 2 {
		return ""
	}
	field := p.offers[0][:strings.IndexByte(p.offers[0], ':')+1]
	for _, o := range p.offers {
		if !strings.HasPrefix(o, field) || o == field {
			return ""
		}
	}
	return field
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
