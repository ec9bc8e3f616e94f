package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"fettle/ui/config"
	"fettle/ui/console"
)

// begin is what a console begins with.
type begin struct{ view, filter, open string }

// screenOptions are what a configuration says of the screen.
func screenOptions(c config.Config) console.Options {
	o := console.Options{Theme: c.UI.Theme, ASCII: c.UI.ASCII, Step: !c.UI.Page, FPS: c.UI.FPS, Mouse: c.UI.Mouse, Clipboard: c.UI.Clipboard, Keys: c.Keys, Config: c.Settings(), ConfigFile: c.Path}
	for _, v := range c.Views {
		o.Views = append(o.Views, console.View{Name: v.Name, On: v.On, Filter: v.Filter, Sort: v.Sort, Columns: v.Columns})
	}
	return o
}

// reloader reads the configuration again for one console: what is wrong with it
// is an error, and then nothing changes.
func (h *host) reloader(path string, getenv func(string) string) console.Reloader {
	last := h.config
	return func(context.Context) (console.Options, []string, error) {
		now, err := config.Load(cmp.Or(path, last.Path), getenv, os.Geteuid() == 0)
		if err != nil {
			return console.Options{}, nil, err
		}
		now = now.OverriddenAs(last)
		if err := (&app{config: now}).checkKeys(); err != nil {
			return console.Options{}, nil, err
		}
		if _, err := now.Pool(); err != nil {
			return console.Options{}, nil, err
		}
		var changes []string
		for _, d := range last.Differences(now) {
			text := d.String()
			if !d.Live() {
				text += " (from the next start on)"
			}
			changes = append(changes, text)
		}
		last = now
		return screenOptions(now), changes, nil
	}
}

// told writes the stack of a fault to the log, and says where that is.
func (h *host) told(err error) error {
	var fault *console.Fault
	if !errors.As(err, &fault) {
		return err
	}
	h.log.Error("a console ended by a fault", "fault", fmt.Sprint(fault.What), "stack", string(fault.Stack))
	return fmt.Errorf("%w. It ended the console; the terminal was given back. What led to it is in %s: please report it with that", err, h.logs.path)
}

// openCommand is the console on one item, by the grammar of its palette.
func (a *app) openCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "open ID|NAME",
		Short: "Open the console on an update or a computer",
		Long: `Open the console on the details of an update or of a computer: an update's
identifier, KB article or CVE, a computer's name, or words that one update's
title has. Words that several updates have open the list of them.`,
		Example: `  fettle open KB5034441
  fettle open web1.example.org
  fettle --view updates --filter 'class:security needed:>0'`,
		Args: between(1, 1, "an update or a computer"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.begin.open = args[0]
			return a.console(cmd.Context())
		},
	}
}
