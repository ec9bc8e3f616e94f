package console

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
)

// thisComputer is how the journal and the setup name the first way to bring
// computers under management; the command line uses the same word.
const thisComputer = "this computer"

// newComputersWizard is the Computer and Device Management Wizard, with the ways
// whose engine exists: this computer.
func newComputersWizard(c *Console) pane {
	var machine Machine
	var known, failed bool
	var request request
	f := &form{c: c, title: "Computer and Device Management Wizard"}
	tick := &formItem{label: "Manage this computer", on: true, note: "Its updates are detected, and what you approve is installed on it, by apt itself."}
	first := &formPage{title: "Bring computers under management"}
	first.text = func() []string {
		switch {
		case failed, c.o.Machine == nil:
			return []string{"This is the computer that the console runs on."}
		case !known:
			return []string{"Looking at this computer."}
		case !machine.Apt:
			return nonEmpty("This computer: "+machine.Name+", "+machine.OS, "",
				"! It has no apt, so that it cannot be managed itself: Fettle manages Linux computers with apt. From here you can look at everything, but no computer can be brought under management with this version.", machine.Facts)
		}
		root := ""
		if !machine.Root {
			root = "Fettle does not run as root here: detecting works fully, installing goes through sudo."
		}
		return nonEmpty("This computer: "+machine.Name+", "+machine.OS, machine.Facts, root)
	}
	first.enter = func() tea.Cmd {
		if c.o.Machine == nil || known {
			first.items = []*formItem{tick}
			return nil
		}
		ask := c.o.Machine
		return request.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
			m, err := ask(ctx)
			return func() tea.Cmd {
				machine, known, failed = m, err == nil, err != nil
				if failed || m.Apt {
					if m.Name != "" {
						tick.label = "Manage this computer: " + model.Clean(m.Name)
					}
					first.items = []*formItem{tick}
				}
				if err != nil {
					f.problem = err.Error()
				}
				return nil
			}
		})
	}
	first.check = func() error {
		switch {
		case len(first.items) == 0 && request.pending:
			return errors.New("this computer is still being looked at; Enter again in a moment")
		case len(first.items) == 0:
			return errors.New("there is nothing that could be managed from here; Esc leaves the wizard")
		case !tick.on:
			return errors.New("nothing is selected: Space selects the computer, Esc leaves the wizard")
		}
		return nil
	}
	last := &formPage{title: "What will be done"}
	last.text = func() []string {
		return []string{
			strings.Replace(tick.label, "Manage", "From now on Fettle manages", 1) + ".",
			"It checks in now, and after that at least every 22 hours. Nothing is installed before you approve it.",
			"",
			"! While no console is open and `fettle agent run` does not run, nothing happens by itself: no check-in, no installation, no deadline. What was missed is caught up when one of them runs again.",
		}
	}
	f.pages = []*formPage{first, last}
	f.finish = func() tea.Cmd {
		// The engine notices the change and starts this computer's agent, which
		// checks in at once.
		return c.finishWizard(f, model.Change{Kind: model.ChangeComputers, How: []string{thisComputer}}, nil, "this computer is managed now")
	}
	return f
}

// finishWizard makes a wizard's change, then starts what follows from it. What
// follows may be refused, because it runs already: that is no failure of the
// wizard.
func (c *Console) finishWizard(f *form, change model.Change, then func(context.Context) error, done string) tea.Cmd {
	if err := c.readOnly(); err != nil {
		return f.failed(err)
	}
	actor := c.actor
	return func() tea.Msg {
		_, err := c.o.Store.Make(c.ctx, change, actor)
		var waits *model.AwaitingConsent
		if errors.As(err, &waits) {
			return c.onInterface(func() tea.Cmd { return tea.Batch(c.drop(f), c.tell(err)) })
		}
		var after error
		if err == nil && then != nil {
			after = then(c.ctx)
		}
		return c.onInterface(func() tea.Cmd {
			if err != nil {
				return f.failed(err)
			}
			c.look()
			cmd := c.drop(f)
			next := "" // to the other task
			for _, t := range c.snap.Setup().Tasks() {
				if !t.Done {
					next = "; next: " + t.Wizard
				}
			}
			c.say(slog.LevelInfo, done+next)
			var refused *model.Refusal
			if errors.As(after, &refused) && refused.Code == "busy" {
				after = nil
			}
			if after != nil {
				c.say(slog.LevelWarn, after.Error())
			}
			return cmd
		})
	}
}
