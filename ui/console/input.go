package console

import (
	"log/slog"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
)

// typed takes in a key message. Bubble Tea reports all the characters of one
// read as one message, so that keys typed fast on a slow line would match
// nothing: they are taken apart here. Escape followed by a letter in one read
// arrives as Alt with the letter: it is the two keys (terminal finding 2).
func (c *Console) typed(k tea.KeyMsg) tea.Cmd {
	c.keyGap, c.keyAt = c.now.Sub(c.keyAt), c.now
	if c.leaving {
		return nil
	}
	held, done := c.assemble(k)
	if done {
		return held
	}
	cmds := []tea.Cmd{held}
	if k.Alt && !k.Paste {
		cmds = append(cmds, c.key(tea.KeyMsg{Type: tea.KeyEsc}))
		k.Alt = false
	}
	if k.Type == tea.KeyRunes && !k.Paste && len(k.Runes) > 1 {
		return tea.Batch(append(cmds, c.characters(k.Runes))...)
	}
	return tea.Batch(append(cmds, c.key(k))...)
}

// characters takes in the characters of one read, each of which is a key.
func (c *Console) characters(all []rune) tea.Cmd {
	var cmds []tea.Cmd
	for _, r := range all {
		one := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}
		if r == ' ' {
			one.Type = tea.KeySpace
		}
		cmds = append(cmds, c.key(one))
		c.keyGap = 0
	}
	return tea.Batch(cmds...)
}

// key takes in one key.
func (c *Console) key(k tea.KeyMsg) tea.Cmd {
	if c.width < minWidth || c.height < minHeight {
		if k.Type == tea.KeyCtrlC || keys.Name(k) == "q" {
			return c.leave()
		}
		return nil // what cannot be seen is not acted on
	}
	if k.Type == tea.KeyCtrlC {
		return c.quit()
	}
	if c.prompt != nil {
		return c.prompt.key(c, k)
	}
	c.status = message{}
	p := c.top()
	pk := p.Keys()
	if k.Paste || pk.Field && writes(k) {
		if !pk.Field {
			return nil // pasted text is no series of commands
		}
		return p.Update(k)
	}
	b := c.keys.Find(pk.Scope, keys.Name(k))
	if b == nil {
		if pk.Field {
			return p.Update(k)
		}
		return nil
	}
	return c.act(b)
}

// writes says whether a key writes or edits in a field of text.
func writes(k tea.KeyMsg) bool {
	switch k.Type {
	case tea.KeyRunes:
		return len(k.Runes) > 0 && unicode.IsPrint(k.Runes[0])
	case tea.KeySpace, tea.KeyBackspace, tea.KeyDelete, tea.KeyLeft, tea.KeyRight, tea.KeyHome, tea.KeyEnd,
		tea.KeyCtrlA, tea.KeyCtrlE, tea.KeyCtrlU, tea.KeyCtrlK, tea.KeyCtrlW, tea.KeyCtrlH, tea.KeyCtrlB, tea.KeyCtrlF, tea.KeyCtrlD:
		return true
	}
	return false
}

// act does what a binding stands for, by key, from the help or the palette.
func (c *Console) act(b *keys.Binding) tea.Cmd {
	p := c.top()
	if why := c.off(b, p.Keys()); why != "" {
		c.say(slog.LevelWarn, why)
		return nil
	}
	if b.Dangerous {
		if err := c.readOnly(); err != nil {
			return c.tell(err)
		}
	}
	if cmd, done := c.global(b.Action); done {
		return cmd
	}
	return p.Update(do(b.Action))
}

// global does what the root itself does; done is false for the actions of panes.
func (c *Console) global(a keys.Action) (cmd tea.Cmd, done bool) {
	switch a {
	case keys.Back:
		return c.back(), true
	case keys.Quit:
		if len(c.stack) > 1 {
			return c.pop(), true
		}
		return c.quit(), true
	case keys.Close:
		if s, ok := c.top().(stepper); ok {
			if cmd, left := s.Step(); left {
				return cmd, true
			}
		}
		return c.pop(), true
	case keys.HelpMe:
		return c.push(newHelp(c, c.top().Keys())), true
	case keys.Palette:
		return c.palette(""), true
	case keys.Redraw:
		return tea.ClearScreen, true
	case keys.Reload:
		c.look()
		return c.top().Update(do(keys.Reload)), true
	case keys.Suspend:
		return tea.Suspend, true
	case keys.LastView:
		if c.last == "" {
			return nil, true
		}
		return c.visitScreen(c.last), true
	case keys.ToOverview, keys.ToUpdates, keys.ToComps, keys.ToGroups, keys.ToDeploy, keys.ToRules, keys.ToAgenda, keys.ToPending, keys.ToCleanup, keys.ToReports, keys.ToSync, keys.ToSettings, keys.ToJournal, keys.ToLog, keys.ToProducts, keys.ToTriage:
		return tea.Batch(c.visitScreen(a), c.save()), true
	case keys.Undo:
		if j, ok := c.top().(*journal); ok {
			return j.Update(do(keys.Undo)), true
		}
		if t, ok := c.top().(*triage); ok {
			return t.Update(do(keys.Undo)), true
		}
		return c.undo(0), true
	}
	return nil, false
}

// back leaves exactly one state: of the pane, else the pane.
func (c *Console) back() tea.Cmd {
	if s, ok := c.top().(stepper); ok {
		if cmd, left := s.Step(); left {
			return cmd
		}
	}
	if len(c.stack) > 1 {
		return c.pop()
	}
	if c.current != keys.ToOverview {
		return c.visitScreen(keys.ToOverview)
	}
	return nil
}

// quit leaves the program; it asks when marks would be lost. A second Ctrl-C
// leaves in any case.
func (c *Console) quit() tea.Cmd {
	if q, ok := c.top().(*question); ok && q.leaves {
		return c.leave()
	}
	marked := 0
	for _, p := range c.screens {
		if m, ok := p.(marking); ok {
			marked += m.Marked()
		}
	}
	if marked == 0 {
		return c.leave()
	}
	c.prompt = nil
	q := newQuestion(c, "Quit", []string{"There are " + counted(marked, "marked row", "marked rows") + ", with which nothing was done.", "", "Quit, and forget the marks?"}, "Quit", func() tea.Cmd { return c.leave() })
	q.leaves = true
	return c.push(q)
}

// leave keeps the state, then ends the program.
func (c *Console) leave() tea.Cmd {
	c.leaving = true
	return c.save()
}
