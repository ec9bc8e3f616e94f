package console

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
	"fettle/ui/console/theme"
)

// setting is something about the screen that can be changed while it runs. What
// administrators decide is no such thing: it is in the store.
type setting struct {
	name    string
	meaning string
	values  func() []string
	now     func(*Console) string
	set     func(*Console, string) tea.Cmd
}

var onOff = func() []string { return []string{"on", "off"} }

// switched is the value of a switch.
func switched(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// The values of Options.Clipboard.
const (
	ClipboardOSC52 = "osc52"
	ClipboardOff   = "off"
)

// settings lists what `:set` knows.
func settings() []setting {
	return []setting{
		{"theme", "the colours; kept for the next session", theme.Names, func(c *Console) string { return c.styles.Name }, (*Console).setTheme},
		{"mouse", "take the mouse", onOff, func(c *Console) string { return switched(c.o.Mouse) }, (*Console).setMouse},
		{"page", "scroll by half a page at the edge of a list, which sends less than line by line", onOff, func(c *Console) string { return switched(!c.o.Step) }, (*Console).setPage},
		{"ascii", "draw with ASCII characters only", onOff, func(c *Console) string { return switched(!c.styles.Terminal.UTF8) }, (*Console).setASCII},
		{"clipboard", "copy into the clipboard of the terminal by OSC 52", func() []string { return []string{ClipboardOSC52, ClipboardOff} },
			func(c *Console) string { return c.clipboard() }, func(c *Console, v string) tea.Cmd { c.o.Clipboard = v; return nil }},
		{"base", "what computers are counted over on the Overview", func() []string { return []string{"all", "approved"} },
			func(c *Console) string {
				if c.saved.Approved {
					return "approved"
				}
				return "all"
			}, func(c *Console, v string) tea.Cmd { c.saved.Approved = v == "approved"; return c.save() }},
		{"details", "show the details below the list of updates", onOff, func(c *Console) string {
			u, ok := c.screens[keys.ToUpdates].(*updates)
			return switched(ok && u.details || !ok && c.saved.Updates.Details)
		}, (*Console).setDetails},
	}
}

// clipboard is whether the terminal's clipboard is written to.
func (c *Console) clipboard() string { return orWord(c.o.Clipboard, ClipboardOSC52) }

// set does `:set NAME VALUE`; without a value it says what holds, without a name
// what can be set.
func (c *Console) set(text string) tea.Cmd {
	name, value, _ := strings.Cut(text, " ")
	value = strings.TrimSpace(value)
	var all []string
	for _, s := range settings() {
		all = append(all, s.name+" "+s.now(c))
		if s.name != name {
			continue
		}
		switch {
		case value == "":
			c.say(slog.LevelInfo, fmt.Sprintf("%s is %s of %s: %s", name, s.now(c), strings.Join(s.values(), ", "), s.meaning))
			return nil
		case !slices.Contains(s.values(), value):
			c.say(slog.LevelWarn, fmt.Sprintf("%s cannot be %q; it can be %s", name, value, strings.Join(s.values(), ", ")))
			return nil
		}
		cmd := s.set(c, value)
		c.say(slog.LevelInfo, name+" is "+s.now(c)+" now")
		return cmd
	}
	if name == "" {
		c.say(slog.LevelInfo, strings.Join(all, c.styles.Glyphs.Dot))
		return nil
	}
	c.say(slog.LevelWarn, fmt.Sprintf("there is no setting %q to set here; Tab shows those that are. What administrators decide is on the screens", name))
	return nil
}

// setTheme changes the colours, for this session and the next.
func (c *Console) setTheme(name string) tea.Cmd {
	if err := c.wear(name); err != nil {
		return c.tell(err)
	}
	c.saved.Theme, c.saved.ThemeOver = name, c.o.Theme
	return c.save()
}

// wear puts a theme on; panes that remember how they looked forget it.
func (c *Console) wear(name string) error {
	st, err := theme.New(name, c.o.Terminal)
	if err != nil {
		return err
	}
	c.styles = st
	for _, p := range c.panes() {
		if t, ok := p.(interface{ restyle() }); ok {
			t.restyle()
		}
	}
	return nil
}

// panes lists every pane that exists.
func (c *Console) panes() []pane {
	return slices.AppendSeq(slices.Clone(c.stack), maps.Values(c.screens))
}

func (c *Console) setMouse(v string) tea.Cmd {
	if c.o.Mouse = v == "on"; c.o.Mouse {
		return tea.EnableMouseCellMotion
	}
	return tea.DisableMouse
}

func (c *Console) setPage(v string) tea.Cmd {
	c.o.Step = v == "off"
	for _, p := range c.panes() {
		if at, ok := p.(placed); ok {
			for _, pl := range at.places() {
				pl.tab.Steps(c.o.Step)
			}
		}
	}
	return nil
}

func (c *Console) setASCII(v string) tea.Cmd {
	c.o.Terminal.UTF8 = v == "off"
	if err := c.wear(c.styles.Name); err != nil {
		return c.tell(err)
	}
	return tea.ClearScreen
}

func (c *Console) setDetails(v string) tea.Cmd {
	c.saved.Updates.Details = v == "on"
	u, ok := c.screens[keys.ToUpdates].(*updates)
	if !ok || u.details == c.saved.Updates.Details {
		return c.save()
	}
	return u.act(keys.Details)
}

// reloadedMsg is the answer of a reading of the configuration.
type reloadedMsg struct {
	now     Options
	changes []string
	err     error
}

// reloadMsg asks for one: a signal came.
type reloadMsg struct{}

// waitReload waits until the process is asked to read its configuration again.
func (c *Console) waitReload() tea.Cmd {
	if c.o.Reloads == nil {
		return nil
	}
	return func() tea.Msg {
		select {
		case <-c.ctx.Done():
			return nil
		case _, ok := <-c.o.Reloads:
			if !ok {
				return nil
			}
			return reloadMsg{}
		}
	}
}

// reload reads the configuration again, off the interface goroutine.
func (c *Console) reload() tea.Cmd {
	read := c.o.Reload
	if read == nil {
		c.say(slog.LevelWarn, "this console was started without a configuration that could be read again")
		return nil
	}
	return func() tea.Msg {
		o, changes, err := read(c.ctx)
		return reloadedMsg{o, changes, err}
	}
}

// reloaded takes in a configuration. It is taken as a whole or not at all: what
// is wrong with it is said, and everything stays as it was.
func (c *Console) reloaded(m reloadedMsg) tea.Cmd {
	if m.err != nil {
		return c.keepOld(m.err)
	}
	bound, err := keys.New(m.now.Keys)
	if err != nil {
		return c.keepOld(err)
	}
	var cmds []tea.Cmd
	name := c.styles.Name
	if m.now.Theme != c.o.Theme { // it was said there, and that is newer than :theme
		name, c.saved.Theme, c.saved.ThemeOver = m.now.Theme, "", ""
	}
	c.o.Terminal.UTF8 = c.utf8 && !m.now.ASCII
	if err := c.wear(name); err != nil {
		return c.keepOld(err)
	}
	c.keys = bound
	if m.now.Mouse != c.o.Mouse {
		cmds = append(cmds, c.setMouse(switched(m.now.Mouse)))
	}
	c.setPage(switched(!m.now.Step))
	c.o.Theme, c.o.ASCII, c.o.Keys, c.o.Views, c.o.Clipboard = m.now.Theme, m.now.ASCII, m.now.Keys, m.now.Views, m.now.Clipboard
	c.o.Config, c.o.ConfigFile = m.now.Config, m.now.ConfigFile
	if len(m.changes) == 0 {
		c.say(slog.LevelInfo, "the configuration was read again: nothing in it changed")
	} else {
		c.say(slog.LevelInfo, "the configuration was read again: "+strings.Join(m.changes, "; "))
	}
	return tea.Batch(append(cmds, tea.ClearScreen)...)
}

func (c *Console) keepOld(err error) tea.Cmd {
	c.say(slog.LevelError, "the configuration stays as it was: "+err.Error())
	return nil
}

// Reloader reads the configuration anew. It gives the options of the screen, and
// what changed since the last time in words; what takes effect at the next start
// says so.
type Reloader func(context.Context) (Options, []string, error)
