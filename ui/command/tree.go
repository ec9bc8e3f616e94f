package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// action is what a command does, wherever the store is.
type action func(ctx context.Context, h *host, args []string) error

// Where and when a command may run.
type rule uint8

const (
	gated rule = 1 << iota // refused until both wizards have been run
	long                   // takes long: others may attach meanwhile
)

// tree makes the commands for one command line.
func (a *app) tree() *cobra.Command {
	root := &cobra.Command{
		Use:   "fettle",
		Short: "Keep the software of many computers in good order",
		Long: `Fettle keeps the software of many computers in good order. Without a word it
opens the console; every other word is a command. What the console can do, a
command can do, with the same words.`,
		Example: `  fettle                                        the console
  fettle --view updates --filter is:exploited   the console, beginning with these updates
  fettle setup computers --this-computer        bring this computer under management
  fettle setup updates --upstream debian=apt --sync-now
  fettle updates 'needed:>0 class:security'     security updates that are needed
  fettle approve 'needed:>0 package:tzdata' --group "All Computers" --deadline 7d`,
		SilenceErrors: true, SilenceUsage: true,
		Args: a.noSuchCommand,
		RunE: func(cmd *cobra.Command, args []string) error { return a.console(cmd.Context()) },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.flags.json && a.flags.csv {
				return misuse("--json and --csv cannot both be wanted")
			}
			return a.configure()
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&a.flags.data, "data", "", "`DIR` of the data; see fettle help files")
	f.StringVar(&a.flags.config, "config", "", "configuration `FILE`; see fettle help files")
	f.BoolVar(&a.flags.json, "json", false, "answer in JSON")
	f.BoolVar(&a.flags.csv, "csv", false, "answer in CSV, with a header row")
	f.BoolVar(&a.flags.readOnly, "read-only", false, "change nothing, refuse what would")
	f.Var(&a.flags.plain, "plain", "line by line, for screen readers and dumb terminals")
	f.Lookup("plain").NoOptDefVal = "true"
	f.SortFlags = false
	root.Flags().StringVar(&a.begin.view, "view", "", "begin the console with this `SCREEN`: updates, computers, ...")
	root.Flags().StringVar(&a.begin.filter, "filter", "", "`QUERY` that the screen begins with")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err: err, hint: "The flags are listed by: " + cmd.CommandPath() + " --help"}
	})
	root.AddGroup(
		&cobra.Group{ID: "setup", Title: "Set up:"},
		&cobra.Group{ID: "look", Title: "Look:"},
		&cobra.Group{ID: "change", Title: "Decide:"},
		&cobra.Group{ID: "run", Title: "Run:"},
		&cobra.Group{ID: "keep", Title: "Keep:"},
		&cobra.Group{ID: "learn", Title: "Learn:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("setup", a.setupCommand(), a.configCommand())
	add("look", a.openCommand(), a.triageCommand(), a.updatesCommand(), a.updateCommand(), a.productsCommand(), a.computersCommand(), a.computerCommand(), a.groupsCommand(),
		a.deploymentsCommand(), a.deploymentCommand(), a.rulesCommand(), a.pendingCommand(), a.explainCommand(), a.agendaCommand(), a.reportCommand(), a.reportsCommand(), a.journalCommand())
	add("change", a.approveCommand(), a.declineCommand(), a.laterCommand(), a.reinstateCommand(), a.ruleCommand(), a.groupCommand(), a.policyCommand(), a.optionsCommand(),
		a.acceptLicenceCommand(), a.acknowledgeCommand(), a.consentCommand(), a.rejectCommand(), a.cleanupCommand(), a.undoCommand())
	add("run", a.syncCommand(), a.importCommand(), a.exportCommand(), a.agentCommand())
	add("keep", a.backupCommand(), a.restoreCommand(), a.checkCommand())
	add("learn", a.versionCommand(), a.manCommand(), a.glossaryCommand(), a.filesTopic(), a.queryTopic())
	root.SetHelpCommandGroupID("learn")
	root.SetCompletionCommandGroupID("learn")
	root.InitDefaultCompletionCmd(a.s.Args...)
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: "Explain a command or a topic", GroupID: "learn",
		Args: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			switch {
			case len(args) > 0 && (found == nil || found == cmd.Root()):
				return unknownWord(cmd.Root(), args[0])
			case err != nil || len(rest) > 0:
				return unknownWord(found, rest[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			found, _, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			return found.Help()
		},
	})
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Short = "Write a script that completes commands in a shell"
		}
	}
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate("{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}\n\n{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}")
	a.complete(root)
	a.tidy(root)
	return root
}

// usageTemplate is cobra's, with the flags of every command said once.
const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if eq (len .Groups) 0}}

Commands:{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{else}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{end}}{{if .HasHelpSubCommands}}

Topics of help:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

// tidy gives every command the same manners: wrong arguments are wrong command
// lines, and usage lines do not end in "[flags]".
func (a *app) tidy(c *cobra.Command) {
	c.DisableFlagsInUseLine = true
	c.InitDefaultHelpFlag()
	c.Flags().SortFlags = false
	if check := c.Args; check != nil && c.HasParent() {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				var already *usageError
				if errors.As(err, &already) {
					return err
				}
				return &usageError{err: err, hint: "Usage: " + cmd.UseLine()}
			}
			return nil
		}
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			f.Usage = "show this help"
		}
	})
	for _, sub := range c.Commands() {
		a.tidy(sub)
	}
}

// noSuchCommand refuses words that are no command, with the nearest.
func (a *app) noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownWord(cmd, args[0])
}

// unknownWord says that a command has no such word below it.
func unknownWord(cmd *cobra.Command, word string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	e := &usageError{err: fmt.Errorf("%s has no command %q", cmd.CommandPath(), word), hint: "The commands are listed by: " + cmd.CommandPath() + " --help"}
	if near := nearest(word, names); near != "" {
		e.err = fmt.Errorf("%w; did you mean %q?", e.err, near)
	}
	return e
}

// between wants a number of arguments, named in messages.
func between(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), names)
		case most >= 0 && len(args) > most && most == 0:
			return fmt.Errorf("%s takes no argument, but %q was given", cmd.CommandPath(), strings.Join(args, " "))
		case most >= 0 && len(args) > most:
			return fmt.Errorf("%s takes only %s, but %q was given too", cmd.CommandPath(), names, strings.Join(args[most:], " "))
		}
		return nil
	}
}

// words wants no argument: those are the words of subcommands.
func words(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownWord(cmd, args[0])
}

// held makes the RunE of a command that needs the store.
func (a *app) held(r rule, do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return a.withHost(cmd.Context(), r, func(ctx context.Context, h *host) error { return do(ctx, h, args) })
	}
}

// local makes the RunE of a command that runs in the caller's process only.
func (a *app) local(do func(ctx context.Context, cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if a.s.Remote {
			return misuse("%s runs on the computer of whoever calls it, not in another process", cmd.CommandPath())
		}
		return do(cmd.Context(), cmd, args)
	}
}

// changing gives a command the flags of changes.
func (a *app) changing(cmd *cobra.Command, remark bool) *string {
	cmd.Flags().BoolVar(&a.flags.plan, "plan", false, "say what would happen, change nothing")
	cmd.Flags().BoolVar(&a.flags.yes, "yes", false, "do not ask; without a terminal a change needs it")
	text := new(string)
	if remark {
		cmd.Flags().StringVar(text, "remark", "", "`TEXT` for the journal: why")
	}
	return text
}

// nearest gives the candidate that a word was most likely meant to be, or "".
func nearest(word string, candidates []string) string {
	w := strings.ToLower(word)
	best, least := "", max(1, len([]rune(w))/3)+1
	for _, c := range candidates {
		lower := strings.ToLower(c)
		if len(w) >= 2 && strings.HasPrefix(lower, w) {
			return c
		}
		if d := slips(w, lower); d < least {
			best, least = c, d
		}
	}
	return best
}

// slips counts the letters to add, drop, change or swap between two words.
func slips(from, to string) int {
	a, b := []rune(from), []rune(to)
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, row, next := rows[0], rows[1], rows[2]
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		rows = [3][]int{row, next, before}
	}
	return rows[1][len(b)]
}
