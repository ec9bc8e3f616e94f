package plain

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"fettle/model"
	"fettle/store"
)

// may refuses what cannot be done before any question is asked for it.
func (c *Console) may(what string) error {
	if setup := c.o.Store.Snapshot().Setup(); !setup.Complete() {
		return model.SetupRefusal(setup)
	}
	return c.o.Permit(what)
}

// subjects are the updates that a word is about: those of the numbers behind it,
// the marked ones, or the one that was opened last. ok = false means that what is
// behind the word is a command line's.
func (c *Console) subjects(rest string) (items []item, ok bool, err error) {
	if rest == "" {
		switch {
		case len(c.marks) > 0:
			return c.marks, true, nil
		case c.opened.id != "":
			return []item{c.opened}, true, nil
		}
		return nil, true, fmt.Errorf("say which updates: numbers of the list, such as 3,5-7; or mark some first")
	}
	if strings.EqualFold(rest, "all") || strings.Trim(rest, "0123456789,- ") == "" {
		items, err = c.chosen(rest)
		return items, true, err
	}
	return nil, false, nil
}

// decide runs a command on updates that were chosen by number or by marks.
func (c *Console) decide(ctx context.Context, word, rest string, more func() ([]string, error)) int {
	items, ok, err := c.subjects(rest)
	if !ok {
		return c.commandLine(ctx, word+" "+rest)
	}
	if ferr := c.may("The change was not made"); ferr != nil {
		return c.refuse(ferr)
	}
	if err != nil {
		return c.complain(statusUsage, sentence(err.Error()))
	}
	c.say("%s:", counted(len(items), "update"))
	for i, it := range items {
		if i == usualPage {
			c.say("And %d more.", len(items)-usualPage)
			break
		}
		c.say("%s.", strings.TrimRight(it.line, "."))
	}
	args := []string{word}
	if more != nil {
		flags, err := more()
		if err != nil {
			return c.gaveUp(err)
		}
		args = append(args, flags...)
	}
	args = append(args, "--")
	for _, it := range items {
		args = append(args, it.id)
	}
	status := c.run(ctx, args...)
	if status == statusDone && rest == "" && len(c.marks) > 0 {
		c.marks = nil
	}
	return status
}

// approve asks for groups, action and deadline, and has the change made.
func (c *Console) approve(ctx context.Context, rest string) int {
	return c.decide(ctx, "approve", rest, func() ([]string, error) { return c.approval(ctx) })
}

// later asks until when a decision is postponed, and has that made.
func (c *Console) later(ctx context.Context, rest string) int {
	return c.decide(ctx, "later", rest, func() ([]string, error) {
		until, err := c.ask(ctx, "Until when, such as 36h, 7d, 2w or 2026-12-01? 7d is the default:", "7d")
		return []string{"--until=" + until}, err
	})
}

// approval asks what an approval needs beside its updates.
func (c *Console) approval(ctx context.Context) ([]string, error) {
	groups, err := c.groups(ctx)
	if err != nil {
		return nil, err
	}
	var args []string
	for _, g := range groups {
		args = append(args, "--group="+g)
	}
	action, err := c.choice(ctx, "Action: install, uninstall, none or inherit; install is the default:", []string{"install", "uninstall", "none", "inherit"})
	if err != nil {
		return nil, err
	}
	args = append(args, "--action="+action)
	if action == "install" || action == "uninstall" {
		due, err := c.ask(ctx, "Deadline, such as now, 7d, 7d@03:00 or 2026-12-01T18:00; none is the default:", "")
		if err != nil {
			return nil, err
		}
		if due != "" && !strings.EqualFold(due, "none") {
			args = append(args, "--deadline="+due)
		}
	}
	name, err := c.ask(ctx, "Name of the deployment; Fettle names it by default:", "")
	if err != nil {
		return nil, err
	}
	if name != "" {
		args = append(args, "--name="+name)
	}
	return args, nil
}

// choice asks for one of some words; the first is the default.
func (c *Console) choice(ctx context.Context, question string, words []string) (string, error) {
	for {
		text, err := c.ask(ctx, question, words[0])
		if err != nil {
			return "", err
		}
		for _, w := range words {
			if strings.EqualFold(w, text) {
				return w, nil
			}
		}
		c.complain(statusUsage, fmt.Sprintf("%q is none of %s.", text, strings.Join(words, ", ")))
		if !c.person {
			return "", errGivenUp
		}
	}
}

// manyGroups is how many groups are read out before they are asked for; more are
// known by name, or looked up.
const manyGroups = 20

// groups asks for computer groups, by number or by name.
func (c *Console) groups(ctx context.Context) ([]string, error) {
	snap := c.o.Store.Snapshot()
	tree := snap.Groups()
	names := tree.Names()
	order := tree.Order()
	if len(order) <= manyGroups {
		for i, id := range order {
			c.readGroup(snap, i+1, tree.Group(id).Name, id)
		}
	} else {
		c.errs.line(counted(len(order), "group") + "; name them, several with commas.")
	}
	for {
		text, err := c.ask(ctx, "For which groups? Numbers or names, several with commas; cancel gives up:", "")
		if err != nil {
			return nil, err
		}
		chosen, err := readGroups(text, tree, order)
		if err == nil {
			return chosen, nil
		}
		said := Sentence(err.Error())
		if near := model.Nearest(text, names); near != "" {
			said += "; did you mean " + near + "?"
		}
		c.complain(statusUsage, said)
		if !c.person {
			return nil, errGivenUp
		}
	}
}

// readGroup reads out one group that can be chosen.
func (c *Console) readGroup(snap *store.Snapshot, n int, name string, id model.GroupID) {
	c.errs.line(fmt.Sprintf("%d, %s, %s", n, name, counted(int(snap.Members(id).GetCardinality()), "computer")))
}

// readGroups reads numbers and names of groups.
func readGroups(text string, tree *model.GroupTree, order []model.GroupID) ([]string, error) {
	if g := tree.ByName(text); g != nil { // whose name may hold a comma
		return []string{g.Name}, nil
	}
	var chosen []string
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if n, err := strconv.Atoi(part); err == nil && n >= 1 && n <= len(order) {
			chosen = append(chosen, tree.Group(order[n-1]).Name)
			continue
		}
		g := tree.ByName(part)
		if g == nil {
			if part == "" {
				return nil, fmt.Errorf("an approval needs a group")
			}
			return nil, fmt.Errorf("there is no group %q", part)
		}
		chosen = append(chosen, g.Name)
	}
	return chosen, nil
}
