package console

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/ui/console/keys"
	"fettle/ui/console/theme"
)

// commands of the palette beside the actions of the key map, with what follows
// them.
var paletteWords = []struct{ word, meaning string }{
	{"updates", "updates FILTER: the updates that match"},
	{"computers", "computers FILTER: the computers that match"},
	{"open", "open ID: an update by its identifier, KB article or CVE, or a computer by its name"},
	{"report", "report NAME: show a report"},
	{"theme", "theme NAME: " + strings.Join(theme.Names(), ", ") + "; kept for the next session"},
	{"set", "set NAME VALUE: change how the screen is drawn and worked"},
	{"reload", "read config.toml again: colours, keys, views and the rest of how the screen looks"},
	{"save", "save NAME: keep the filter, the order and the columns as a view of yours"},
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
			case word == "set":
				return c.offerSetting(start, rest)
			case word == "open":
				return c.offer(start, rest, c.computerNames())
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
				at, texts, meanings := c.offerQuery(on, rest)
				return start + at, texts, meanings
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
		c.saved.Commands = slices.Clone(c.commands) // it is written while more is remembered
		return tea.Batch(c.command(text, actions), c.save())
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

// offerSetting completes what follows `:set`.
func (c *Console) offerSetting(start int, rest string) (int, []string, []string) {
	name, value, more := strings.Cut(rest, " ")
	var texts, meanings []string
	for _, s := range settings() {
		switch {
		case more && s.name == name:
			return c.offer(start+len(name)+1, value, s.values())
		case !more && strings.HasPrefix(s.name, name):
			texts, meanings = append(texts, s.name), append(meanings, s.meaning)
		}
	}
	return start, texts, meanings
}

// offered bounds how many names are looked through for a completion: it is made
// at every key.
const offered = 10_000

func (c *Console) computerNames() []string {
	all := c.snap.Computers()
	names := make([]string, 0, min(len(all), offered))
	for _, m := range all[:min(len(all), offered)] {
		names = append(names, model.Clean(m.Name))
	}
	return names
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
		return c.set("theme " + rest)
	case "set":
		return c.set(rest)
	case "open":
		return c.openItem(rest)
	case "reload":
		return c.reload()
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
	}
	for _, s := range screens() {
		if s.name != word {
			continue
		}
		cmd := c.visitScreen(s.action)
		f, ok := c.top().(filtered)
		switch {
		case rest == "":
			return tea.Batch(cmd, c.save())
		case ok:
			return tea.Batch(cmd, f.Show(rest))
		}
		c.say(slog.LevelWarn, "the screen "+word+" has no filter")
		return tea.Batch(cmd, c.save())
	}
	if b := actions[word]; b != nil {
		return c.act(b)
	}
	c.say(slog.LevelWarn, fmt.Sprintf("there is no command %q here; Tab shows those that are", word))
	return nil
}
