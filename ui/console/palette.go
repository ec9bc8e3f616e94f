package console

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model/query"
	"fettle/ui/console/keys"
	"fettle/ui/console/theme"
)

// commands of the palette beside the actions of the key map, with what follows
// them.
var paletteWords = []struct{ word, meaning string }{
	{"updates", "updates FILTER: the updates that match"},
	{"computers", "computers FILTER: the computers that match"},
	{"theme", "theme NAME: " + strings.Join(theme.Names(), ", ")},
	{"report", "report NAME: show a report"},
	{"save", "save NAME: keep the filter, the order and the columns as a view of yours"},
	{"reload", "read the screen again"},
	{"q", "quit"},
}

// palette asks for a command by name: a screen with a filter, an action of the
// pane below, a theme.
func (c *Console) palette(text string) tea.Cmd {
	pk := c.top().Keys()
	names := map[string]string{}
	for _, w := range paletteWords {
		names[w.word] = w.meaning
	}
	for _, s := range screens() {
		if names[s.name] == "" {
			names[s.name] = c.keys.Action(s.action).Long
		}
	}
	actions := map[string]*keys.Binding{}
	for _, scope := range keys.Chain(pk.Scope) {
		for _, b := range c.keys.For(scope) {
			if scope == keys.List || scope == keys.Scroll {
				continue // moving the cursor is for keys
			}
			actions[string(b.Action)] = b
			if names[string(b.Action)] == "" {
				names[string(b.Action)] = b.Long
			}
		}
	}
	p := &prompt{label: ":", history: c.commands}
	p.complete = func(text string) (int, []string, []string) {
		word, rest, more := strings.Cut(text, " ")
		if more {
			start := len(word) + 1
			switch {
			case word == "theme":
				return c.offer(start, rest, theme.Names())
			case word == "report" && c.o.Reporter != nil:
				var reports []string
				for _, r := range c.o.Reporter.Reports() {
					reports = append(reports, r.Name)
				}
				return c.offer(start, rest, reports)
			case word == "updates" || word == "computers":
				on := query.OnUpdates
				if word == "computers" {
					on = query.OnComputers
				}
				var texts, meanings []string
				for _, s := range query.Complete(on, rest, c.snap) {
					texts, meanings = append(texts, s.Text), append(meanings, s.Meaning)
				}
				return start + query.WordStart(on, rest), texts, meanings
			}
			return len(text), nil, nil
		}
		var texts, meanings []string
		for n := range names {
			if strings.HasPrefix(n, word) {
				texts = append(texts, n)
			}
		}
		slices.Sort(texts)
		for _, t := range texts {
			meanings = append(meanings, names[t])
		}
		return 0, texts, meanings
	}
	p.done = func(text string) tea.Cmd {
		c.commands = remember(c.commands, text)
		return c.command(text, actions)
	}
	return c.ask(p, text)
}

func (c *Console) offer(start int, begun string, all []string) (int, []string, []string) {
	var texts []string
	for _, n := range all {
		if strings.HasPrefix(n, begun) {
			texts = append(texts, n)
		}
	}
	return start, texts, nil
}

// command does what was written.
func (c *Console) command(text string, actions map[string]*keys.Binding) tea.Cmd {
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "":
		return nil
	case "q", "quit":
		return c.quit()
	case "theme":
		st, err := theme.New(rest, c.o.Terminal)
		if err != nil {
			return c.tell(err)
		}
		c.styles = st
		for _, p := range slices.AppendSeq(slices.Clone(c.stack), maps.Values(c.screens)) {
			if t, ok := p.(interface{ restyle() }); ok {
				t.restyle()
			}
		}
		c.say(slog.LevelInfo, "theme "+rest+"; to keep it, set ui.theme in config.toml")
		return nil
	case "report":
		if c.o.Reporter == nil {
			c.say(slog.LevelWarn, "this version makes no reports")
			return nil
		}
		for _, r := range c.o.Reporter.Reports() {
			if r.Name == rest {
				return tea.Batch(c.visitScreen(keys.ToReports), c.push(newReport(c, r)))
			}
		}
		c.say(slog.LevelWarn, fmt.Sprintf("there is no report %q", rest))
		return nil
	case "save":
		return c.saveView(rest)
	case "reload":
		cmd, _ := c.global(keys.Reload)
		return cmd
	}
	for _, s := range screens() {
		if s.name != word {
			continue
		}
		cmd := c.visitScreen(s.action)
		if f, ok := c.top().(interface{ Show(string) tea.Cmd }); ok && rest != "" {
			return tea.Batch(cmd, f.Show(rest))
		}
		return tea.Batch(cmd, c.save())
	}
	if b := actions[word]; b != nil {
		return c.act(b)
	}
	c.say(slog.LevelWarn, fmt.Sprintf("there is no command %q here; Tab shows those that are", word))
	return nil
}
