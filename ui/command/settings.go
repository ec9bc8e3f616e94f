package command

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fettle/ui/config"
	"fettle/ui/console/keys"
)

// checkKeys refuses keys of the console that clash, or of actions that do not
// exist: only the console knows its actions.
func (a *app) checkKeys() error {
	if _, err := keys.New(a.config.Keys); err != nil {
		return &config.Error{File: a.config.Path, Message: "[keys]: " + strings.TrimPrefix(err.Error(), "keys: ")}
	}
	return nil
}

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check or show the configuration", Args: words}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(
		&cobra.Command{Use: "check", Short: "Say what is wrong with the configuration file", Args: between(0, 0, ""), RunE: a.local(func(context.Context, *cobra.Command, []string) error {
			// What else is wrong was told when it was read.
			if err := a.checkKeys(); err != nil {
				return err
			}
			if _, err := a.config.Pool(); err != nil {
				return err
			}
			if a.flags.json || a.flags.csv {
				return a.writeObject(object{{key: "file", value: a.config.Path}, {key: "ok", value: true}})
			}
			if a.config.Path == "" {
				fmt.Fprintln(a.s.Out, "There is no configuration file; the defaults hold.")
				return nil
			}
			fmt.Fprintf(a.s.Out, "%s is right.\n", a.config.Path)
			return nil
		})},
		&cobra.Command{Use: "show", Short: "Show the configuration in force", Args: between(0, 0, ""), RunE: a.local(func(context.Context, *cobra.Command, []string) error {
			if a.flags.json {
				return a.writeJSON(a.config)
			}
			text, err := a.overridden(a.config).Annotated()
			if err != nil {
				return err
			}
			if a.config.Path != "" {
				fmt.Fprintf(a.s.Out, "# from %s\n", a.config.Path)
			}
			fmt.Fprint(a.s.Out, text)
			return nil
		})},
	)
	return cmd
}

// overridden says which settings the command line or a variable decides for this
// process, before the file.
func (a *app) overridden(c config.Config) config.Config {
	if dir := a.s.Getenv("FETTLE_DATA"); dir != "" {
		c = c.Override("data.directory", strconv.Quote(dir), config.FromEnv)
	}
	if a.flags.data != "" {
		c = c.Override("data.directory", strconv.Quote(a.flags.data), config.FromFlag)
	}
	if a.flags.readOnly {
		c = c.Override("ui.read_only", "true", config.FromFlag)
	}
	return c
}
