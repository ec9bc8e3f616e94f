package console

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
)

// alarm writes what a revision changed of an update that is approved.
func (s scribe) alarm(p *page, snap *store.Snapshot, number uint32) {
	a, ok := snap.Alarm(number)
	if !ok {
		return
	}
	p.head("REVISION ALARM")
	p.add("! Revision %d arrived %s, after approvals were given to revision %d.", a.Revision, s.when(a.Time), a.Before)
	for _, c := range a.Changed {
		p.add("%s", c)
	}
	if a.Held != model.HeldNot {
		p.add("! The approvals are held back: %s. Nothing is installed until it is approved again (a).", a.Held)
	} else {
		p.add("The approvals moved to the new revision.")
	}
	if a.Seen {
		p.add("It was acknowledged.")
	} else {
		p.add("K acknowledges it, d declines the update.")
	}
}

// updateDisabled says why an action of updates cannot be used on some of them.
func (c *Console) updateDisabled(a keys.Action, numbers []uint32) string {
	switch a {
	case keys.ByComputer, keys.NeedingGroup:
		if len(numbers) == 0 {
			return "there is no update in the list"
		}
	case keys.Acknowledge:
		if c.gate() == nil && len(c.alarmed(numbers)) == 0 {
			return "no revision of it wants to be looked at"
		}
	case keys.AcceptLicence:
		if c.gate() == nil && len(c.unlicensed(numbers)) == 0 {
			return "it has no licence terms that are not accepted"
		}
	}
	return ""
}

func (c *Console) alarmed(numbers []uint32) (out []uint32) {
	for _, n := range numbers {
		if a, ok := c.snap.Alarm(n); ok && !a.Seen {
			out = append(out, n)
		}
	}
	return out
}

func (c *Console) unlicensed(numbers []uint32) (out []uint32) {
	for _, n := range numbers {
		if !c.snap.Licensed(n) {
			out = append(out, n)
		}
	}
	return out
}

// updateAction does what a key asks of updates beside approving and declining.
func (c *Console) updateAction(a keys.Action, numbers []uint32, after func(model.Entry) tea.Cmd) tea.Cmd {
	switch a {
	case keys.NeedingGroup:
		return c.needingGroup(numbers, after)
	case keys.Acknowledge:
		return c.change(model.ChangeSeen, "Acknowledge", c.alarmed(numbers), after)
	case keys.AcceptLicence:
		return c.acceptLicences(c.unlicensed(numbers), after)
	}
	return nil
}

// acceptLicences shows the licence terms of updates, whole, and asks whether
// they are accepted.
func (c *Console) acceptLicences(numbers []uint32, after func(model.Entry) tea.Cmd) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	if len(numbers) == 0 {
		return nil
	}
	change, actor := model.Change{Kind: model.ChangeLicence, Updates: numbers}, c.actor
	q := &question{c: c, title: "Licence terms", apply: "Accept"}
	q.load = func(ctx context.Context, s scribe) ([]string, error) {
		p, err := s.store.Plan(ctx, change, actor)
		if err != nil {
			return nil, err
		}
		var lines []string
		said := map[string]bool{}
		for _, n := range numbers {
			u, err := s.store.Update(n)
			if err != nil {
				return nil, err
			}
			lines = append(lines, "Licence terms of "+u.Title+":", "")
			if said[u.Licence] {
				lines = append(lines, "the same as above", "")
				continue
			}
			said[u.Licence] = true
			lines = append(append(lines, strings.Split(strings.TrimSpace(u.Licence), "\n")...), "")
		}
		return append(lines, s.planText(p)...), nil
	}
	q.yes = func() tea.Cmd { return c.make(q, change, after) }
	return c.push(q)
}

// needingGroup proposes a group of the computers that need any of some updates
// (semantics 1.4, step 4). It has a name already, so that one key is enough.
func (c *Console) needingGroup(numbers []uint32, after func(model.Entry) tea.Cmd) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	if len(numbers) == 0 {
		return nil
	}
	snap, what := c.snap, counted(len(numbers), "update", "updates")
	if r := snap.Row(numbers[0]); len(numbers) == 1 && r != nil {
		what = shortTitle(r)
	}
	name := "Needing " + what
	for i := 2; snap.Groups().ByName(name) != nil; i++ {
		name = fmt.Sprintf("Needing %s (%d)", what, i)
	}
	return func() tea.Msg {
		seen := map[uint32]bool{}
		var computers []uint32
		for _, n := range numbers {
			for _, comp := range snap.NeededOn(n, model.GroupAll) {
				if !seen[comp] {
					seen[comp] = true
					computers = append(computers, comp)
				}
			}
		}
		return c.onInterface(func() tea.Cmd {
			if len(computers) == 0 {
				c.say(4, "no computer is known to need it, so that there is nobody to put into a group")
				return nil
			}
			change := model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: name, Parent: model.GroupAll}, Computers: computers}
			return c.proposeWith(change, "Add", func(context.Context, scribe) ([]string, error) {
				return []string{fmt.Sprintf("It has %s, those that need it now. Approve for it with a; n in Groups gives it another name.", counted(len(computers), "computer", "computers"))}, nil
			}, after)
		})
	}
}

// shortTitle names an update in a few words: its article, or what stands before
// the colon of its title.
func shortTitle(r *model.UpdateRow) string {
	if len(r.KB) > 0 {
		return "KB" + model.Clean(r.KB[0])
	}
	title, _, _ := strings.Cut(model.Clean(r.Title), ":")
	runes := []rune(strings.TrimSpace(title))
	return strings.TrimSpace(string(runes[:min(len(runes), 60)]))
}
