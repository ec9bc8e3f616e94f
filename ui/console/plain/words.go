package plain

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// word is one of the console's own words.
type word struct {
	name      string
	others    []string // that mean the same
	arguments string   // for the help; empty = none
	meaning   string
	more      string // for `help WORD`
	group     string
	passes    bool // what follows belongs to the command line of the same name
	do        func(c *Console, ctx context.Context, rest string) int
}

// lister is a word that makes a list.
func lister(name, arguments, meaning string) *word {
	return &word{name: name, arguments: arguments, meaning: meaning, group: "Look", passes: true,
		do: func(c *Console, ctx context.Context, rest string) int { return c.list(ctx, name, rest) }}
}

// words are the console's own, in the order of the help. What is not among them
// may be a word of the command line.
var words []*word

func init() { // the help reads the table that it stands in
	words = []*word{
		{name: "overview", meaning: "what wants attention, and how it stands", group: "Look",
			do: func(c *Console, ctx context.Context, _ string) int { return c.overview(ctx) }},
		lister("updates", "[FILTER]", "the updates that match, such as updates needed:>0"),
		lister("triage", "", "what is to be decided, worst first: approve, decline or later, each with the numbers"),
		lister("computers", "[FILTER]", "the computers that match"),
		lister("groups", "", "the computer groups"),
		lister("deployments", "", "the deployments with their progress"),
		lister("rules", "", "the automatic approval rules"),
		lister("reports", "", "the reports and what each answers"),
		{name: "report", arguments: "NAME", meaning: "make a report", group: "Look", passes: true,
			do: func(c *Console, ctx context.Context, rest string) int {
				return c.commandLine(ctx, strings.TrimSpace("report "+rest))
			}},
		lister("pending", "", "changes that wait for a second person"),
		{name: "journal", meaning: "what was changed, when, by whom; the newest first", group: "Look", passes: true,
			do: func(c *Console, ctx context.Context, rest string) int { return c.list(ctx, "journal", rest) }},
		{name: "log", meaning: "what the program noted; the newest first", group: "Look",
			do: func(c *Console, _ context.Context, _ string) int { return c.log() }},
		{name: "sync", meaning: "bring the catalogue into step; sync status, sync history, sync cancel", group: "Look", passes: true,
			more: "At a terminal it runs in the background, and its end is told before a later prompt.",
			do: func(c *Console, ctx context.Context, rest string) int {
				return c.commandLine(ctx, strings.TrimSpace("sync "+rest))
			}},
		{name: "settings", meaning: "how Fettle is set: the setup, the server's options, policies, upstreams", group: "Look",
			do: func(c *Console, ctx context.Context, _ string) int { return c.settings(ctx) }},

		{name: "n", others: []string{"next"}, meaning: "read on: the next page", group: "In a list",
			do: func(c *Console, _ context.Context, _ string) int { return c.turn(1) }},
		{name: "p", others: []string{"previous"}, meaning: "the page before", group: "In a list",
			do: func(c *Console, _ context.Context, _ string) int { return c.turn(-1) }},
		{name: "list", others: []string{"l"}, meaning: "read the page again", group: "In a list",
			do: func(c *Console, _ context.Context, _ string) int { return c.showPage() }},
		{name: "open", others: []string{"o"}, arguments: "NUMBER", meaning: "everything about an item; the number alone does the same", group: "In a list",
			do: func(c *Console, ctx context.Context, rest string) int {
				n, err := strconv.Atoi(rest)
				if err != nil {
					return c.complain(statusUsage, "open needs the number of an item.")
				}
				return c.open(ctx, n)
			}},
		{name: "filter", others: []string{"f", "/"}, arguments: "[FILTER]", meaning: "read the list anew with another filter, or with none", group: "In a list",
			more: "A filter is a query: needed:>0 class:security, for instance. help query explains the language.",
			do:   func(c *Console, ctx context.Context, rest string) int { return c.refilter(ctx, rest) }},
		{name: "sort", others: []string{"s"}, arguments: "COLUMN", meaning: "sort by a column; - before it turns the order round", group: "In a list",
			do: func(c *Console, _ context.Context, rest string) int { return c.sort(rest) }},
		{name: "mark", others: []string{"m"}, arguments: "NUMBERS", meaning: "mark updates, such as mark 3,5-7 or mark all", group: "In a list",
			do: func(c *Console, _ context.Context, rest string) int { return c.mark(rest, true) }},
		{name: "unmark", arguments: "[NUMBERS]", meaning: "take marks away; of all without numbers", group: "In a list",
			do: func(c *Console, _ context.Context, rest string) int { return c.mark(rest, false) }},
		{name: "marks", meaning: "what is marked", group: "In a list",
			do: func(c *Console, _ context.Context, _ string) int { return c.readMarks() }},
		{name: "back", others: []string{"b"}, meaning: "to the list before", group: "In a list",
			do: func(c *Console, ctx context.Context, _ string) int { return c.back(ctx) }},

		{name: "approve", others: []string{"a"}, arguments: "[NUMBERS]", meaning: "approve the marked updates, or those of the numbers: asks for groups, action and deadline", group: "Decide",
			more: "Without numbers and marks it is about the update that was opened last. With a query and --group it is the command of the same name.",
			do:   func(c *Console, ctx context.Context, rest string) int { return c.approve(ctx, rest) }},
		decider("decline", "d", "take updates out of sight, for every group"),
		{name: "later", arguments: "[NUMBERS]", meaning: "postpone the decision about updates: asks until when", group: "Decide",
			more: "They leave triage until then, or until something new happens to them.",
			do:   func(c *Console, ctx context.Context, rest string) int { return c.later(ctx, rest) }},
		decider("reinstate", "", "bring declined updates back as Not Approved"),
		{name: "undo", others: []string{"u"}, arguments: "[ENTRY]", meaning: "take the last change back, or one of the journal", group: "Decide", passes: true,
			do: func(c *Console, ctx context.Context, rest string) int {
				return c.commandLine(ctx, strings.TrimSpace("undo "+rest))
			}},
		{name: "setup", arguments: "[computers|updates]", meaning: "the two wizards as questions, or how far the setup is", group: "Decide",
			do: func(c *Console, ctx context.Context, rest string) int { return c.setup(ctx, rest) }},

		{name: "set", arguments: "NAME VALUE", meaning: "set page 20, set live off, set prompt on; set alone says how they are", group: "This console",
			more: "page: how many items of a list are read out at once, 0 for all. live: whether what happens is told before a prompt. prompt: whether a person is there, so that prompts are written and a mistake does not end the session.",
			do:   func(c *Console, _ context.Context, rest string) int { return c.set(rest) }},
		{name: "help", others: []string{"?", "h"}, arguments: "[WORD]", meaning: "the words, or one of them", group: "This console",
			do: func(c *Console, ctx context.Context, rest string) int { return c.help(ctx, rest) }},
		lister("glossary", "[WORD]", "what Fettle's own words mean"),
		{name: "quit", others: []string{"q", "exit"}, meaning: "leave", group: "This console",
			do: func(c *Console, _ context.Context, _ string) int { c.leaving = true; return statusDone }},
	}
	words[slices.IndexFunc(words, func(w *word) bool { return w.name == "glossary" })].group = "This console"
}

func decider(name, short, meaning string) *word {
	w := &word{name: name, arguments: "[NUMBERS]", meaning: meaning, group: "Decide",
		do: func(c *Console, ctx context.Context, rest string) int { return c.decide(ctx, name, rest, nil) }}
	if short != "" {
		w.others = []string{short}
	}
	return w
}

// findWord gives the console's word of a name, or nil.
func findWord(name string) *word {
	for _, w := range words {
		if w.name == name || slices.Contains(w.others, name) {
			return w
		}
	}
	return nil
}

// names are all words that are understood.
func (c *Console) names() []string {
	var names []string
	for _, w := range words {
		names = append(names, w.name)
	}
	for _, w := range c.o.Words {
		if findWord(w.Name) == nil {
			names = append(names, w.Name)
		}
	}
	return names
}

// help lists the words, or explains one.
func (c *Console) help(ctx context.Context, rest string) int {
	if rest != "" {
		if w := findWord(rest); w != nil {
			c.say("%s: %s.", strings.TrimSpace(w.name+" "+w.arguments), w.meaning)
			if len(w.others) > 0 {
				c.say("The same: %s.", strings.Join(w.others, ", "))
			}
			if w.more != "" {
				c.say("%s", w.more)
			}
			if !slices.ContainsFunc(c.o.Words, func(o Word) bool { return o.Name == w.name }) || w.name == "help" {
				return statusDone
			}
			c.say("As a command line, which works here too:")
		}
		return c.commandLine(ctx, "help "+rest)
	}
	group := ""
	c.unread = nil
	for _, w := range words {
		if w.group != group {
			group = w.group
			c.unread = append(c.unread, group+":")
		}
		c.unread = append(c.unread, strings.TrimSpace(w.name+" "+w.arguments)+": "+w.meaning)
	}
	c.unread = append(c.unread, "A number: everything about the item that was read out with it.")
	c.unread = append(c.unread, "An empty line: what happened meanwhile.")
	c.unread = append(c.unread, "Every other command line of Fettle's works too, with or without fettle before it:")
	for _, w := range c.o.Words {
		if findWord(w.Name) == nil && !slices.Contains(apart, w.Name) {
			c.unread = append(c.unread, w.Name+": "+strings.ToLower(w.Meaning[:min(1, len(w.Meaning))])+w.Meaning[min(1, len(w.Meaning)):])
		}
	}
	c.readOn()
	return statusDone
}

// set changes how this console behaves.
func (c *Console) set(rest string) int {
	name, value, _ := strings.Cut(rest, " ")
	value = strings.TrimSpace(value)
	onOff := map[bool]string{true: "on", false: "off"}
	switch name {
	case "":
		c.say("page %d, live %s, prompt %s.", c.page, onOff[c.live], onOff[c.person])
		return statusDone
	case "page":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 1000 {
			return c.complain(statusUsage, fmt.Sprintf("page is a number from 0, for all, to 1000, not %q.", value))
		}
		c.page = n
	case "live", "prompt":
		if value != "on" && value != "off" {
			return c.complain(statusUsage, fmt.Sprintf("%s is on or off, not %q.", name, value))
		}
		if name == "live" {
			c.live = value == "on"
		} else {
			c.person = value == "on"
		}
	default:
		return c.complain(statusUsage, fmt.Sprintf("There is no setting %q; there are page, live and prompt.", name))
	}
	if c.person {
		c.say("%s is %s.", name, value)
	}
	return statusDone
}

// settings reads out how Fettle is set.
func (c *Console) settings(ctx context.Context) int {
	for _, args := range [][]string{{"setup", "status"}, {"options"}, {"policy"}, {"sync", "status"}} {
		if status := c.run(ctx, args...); status != statusDone {
			return status
		}
	}
	c.say("They are changed with: setup computers, setup updates, options, policy, products. help and the word explain each.")
	return statusDone
}

// log reads out what the program noted.
func (c *Console) log() int {
	if c.o.Log == nil {
		return c.complain(statusFailed, "Nothing is noted here.")
	}
	m := &menu{texts: c.o.Log()}
	if len(m.texts) == 0 {
		c.say("Nothing was noted since this process began.")
		return statusDone
	}
	slices.Reverse(m.texts)
	c.push(&listing{args: []string{"log"}, list: m, title: counted(len(m.texts), "line") + " of the log", kind: &kind{word: "log", noun: "line"}})
	return c.showPage()
}
