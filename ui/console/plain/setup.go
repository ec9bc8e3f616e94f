package plain

import (
	"context"
	"strings"

	"fettle/model"
)

// setup opens one of the two wizards as questions. Its answers become the command
// line of `fettle setup`, which tests, says what is coming and makes the change.
func (c *Console) setup(ctx context.Context, rest string) int {
	switch rest {
	case "computers":
		return c.setupComputers(ctx)
	case "updates":
		return c.setupUpdates(ctx)
	}
	return c.commandLine(ctx, strings.TrimSpace("setup "+rest))
}

// wizard is the task of a name.
func (c *Console) wizard(short string) model.SetupTask {
	for _, t := range c.o.Store.Snapshot().Setup().Tasks() {
		if t.Short == short {
			return t
		}
	}
	return model.SetupTask{}
}

func (c *Console) setupComputers(ctx context.Context) int {
	t := c.wizard("computers")
	c.say("%s: %s.", t.Wizard, t.Purpose)
	if t.Done {
		c.say("It is complete; it may be run again.")
	}
	if err := c.o.Permit("The change was not made"); err != nil {
		return c.refuse(err)
	}
	c.say("The computer that Fettle runs on can be managed without a server and without a network. It reports at once what it needs; nothing is installed by this.")
	yes, err := c.confirm(ctx, "Manage this computer?")
	if err != nil {
		return c.gaveUp(err)
	}
	if !yes {
		return c.gaveUp(errGivenUp)
	}
	status := c.run(ctx, "setup", "computers", "--this-computer")
	return c.next(status)
}

// next says what is still to be done after a wizard.
func (c *Console) next(status int) int {
	if status != statusDone || !c.person {
		return status
	}
	if setup := c.o.Store.Snapshot().Setup(); setup.Complete() {
		c.say("The setup is complete. overview says how it stands.")
	} else {
		for _, t := range setup.Tasks() {
			if !t.Done {
				c.say("Next: the %s; setup %s opens it.", t.Wizard, t.Short)
			}
		}
	}
	return status
}

func (c *Console) setupUpdates(ctx context.Context) int {
	t := c.wizard("updates")
	c.say("%s: %s.", t.Wizard, t.Purpose)
	if t.Done {
		c.say("It is complete; it may be run again.")
	}
	if err := c.o.Permit("The change was not made"); err != nil {
		return c.refuse(err)
	}
	args := []string{"setup", "updates"}
	source := "debian=apt"
	if len(c.o.Sources) > 0 {
		source = c.o.Sources[0]
		c.say("Updates can come from: %s.", strings.Join(c.o.Sources, "; "))
	}
	var spoken []string
	for _, q := range []struct{ question, usual, flag, said string }{
		{"Where do they come from? " + source + " is the default:", source, "--upstream", "from"},
		{"Which classifications, such as security,update? All is the default:", "all", "--classifications", "classifications"},
		{"When is the catalogue brought into step? manual, or times a day with the first time; 1/day@03:00 is the default:", "1/day@03:00", "--schedule", "schedule"},
		{"Address of a proxy? None is the default:", "none", "--proxy", "proxy"},
	} {
		text, err := c.ask(ctx, q.question, q.usual)
		if err != nil {
			return c.gaveUp(err)
		}
		spoken = append(spoken, q.said+" "+text)
		if (q.flag == "--classifications" || q.flag == "--proxy") && (strings.EqualFold(text, "all") || strings.EqualFold(text, "none")) {
			continue
		}
		args = append(args, q.flag+"="+text)
	}
	now, err := c.choice(ctx, "Bring the catalogue into step at once? yes or no, yes is the default:", []string{"yes", "no"})
	if err != nil {
		return c.gaveUp(err)
	}
	if now == "yes" {
		args = append(args, "--sync-now")
		spoken = append(spoken, "synchronized at once")
	}
	c.say("Updates: %s.", strings.Join(spoken, "; "))
	yes, err := c.confirm(ctx, "Make this change?")
	if err != nil {
		return c.gaveUp(err)
	}
	if !yes {
		return c.gaveUp(errGivenUp)
	}
	return c.next(c.run(ctx, args...))
}
