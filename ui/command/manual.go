package command

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fettle/model"
	"fettle/model/query"
)

// Version is the release; the build says more (debug.ReadBuildInfo).
const Version = "0.1.0"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: between(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			o := object{{key: "version", title: "fettle", value: Version}}
			if info, ok := debug.ReadBuildInfo(); ok {
				o = append(o, member{key: "go", title: "go", value: info.GoVersion})
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						o = append(o, member{key: "commit", title: "commit", value: s.Value})
					case "vcs.modified":
						o = append(o, member{key: "modified", value: s.Value == "true"})
					}
				}
			}
			return a.writeObject(o)
		},
	}
}

func (a *app) glossaryCommand() *cobra.Command {
	return &cobra.Command{
		Use: "glossary [WORD]", Short: "Explain the words that Fettle uses", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			wanted := strings.ToLower(strings.Join(args, " "))
			var terms []model.Term
			for _, t := range model.Glossary() {
				if wanted == "" || strings.Contains(strings.ToLower(t.Word), wanted) {
					terms = append(terms, t)
				}
			}
			if len(terms) == 0 {
				return fmt.Errorf("the glossary has no %q; all words: fettle glossary", model.Clean(wanted))
			}
			if a.flags.json || a.flags.csv {
				return a.writeList(list(a, terms, []column[model.Term]{
					{key: "word", value: func(t model.Term) any { return t.Word }}, {key: "meaning", value: func(t model.Term) any { return t.Meaning }},
				}), "")
			}
			for _, t := range terms {
				fmt.Fprintf(a.s.Out, "%s\n%s\n", t.Word, indent(t.Meaning, a.s.Size.Width))
			}
			return nil
		},
	}
}

// indent sets a text in by four blanks, wrapped for a terminal of a width.
func indent(text string, width int) string {
	if width > 20 {
		text = wrapWords(text, width-4)
	}
	return "    " + strings.ReplaceAll(text, "\n", "\n    ")
}

// filesTopic is the help topic on where things are kept.
func (a *app) filesTopic() *cobra.Command {
	return &cobra.Command{Use: "files", Short: "Where data, configuration and logs are kept", Long: `The data directory is --data DIR, else $FETTLE_DATA, else [data] directory of
the configuration, else /var/lib/fettle for root and for whoever may attach to a
server there, else $XDG_STATE_HOME/fettle (~/.local/state/fettle). It holds:

  store/        the store; one process holds it, the others attach to that
  keys/         the keys that sign the journal and the plans; keep copies of it
                apart from backups
  agent/        the state of this computer's own agent
  fettle.sock   where the process that holds the store can be attached to
  fettle.log    the log, with the one before as fettle.log.old

The configuration is --config FILE, else $FETTLE_CONFIG, else
/etc/fettle/config.toml for root and $XDG_CONFIG_HOME/fettle/config.toml
(~/.config/fettle/config.toml) for others. No file at all is fine.

Exit status: 0 done; 1 failed; 2 the command line is wrong; 3 refused by a rule;
4 the store cannot be opened; 130 interrupted.`}
}

// queryTopic is the help topic on the query language, made from its own tables.
func (a *app) queryTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString(`Terms separated by blanks must all match; "or" between terms; parentheses;
"!term", "-term" or "not term" negates. field:value, field:a,b (any of),
field:v* (prefix), "quoted text"; numbers, sizes, times and ages compare:
needed:>0, size:>100MB, released:<2026-01-01, age:>14d. A bare word matches
title, KB article, bulletin, CVE or package of an update; name or address of a
computer. Case never matters.
`)
	for _, part := range []struct {
		title string
		on    query.Subject
	}{{"Fields of updates:", query.OnUpdates}, {"Fields of computers:", query.OnComputers}, {"Fields of the journal:", query.OnEntries}} {
		b.WriteString("\n" + part.title + "\n")
		for _, f := range query.Fields(part.on) {
			fmt.Fprintf(&b, "  %-28s %s\n", f.Example, f.Meaning)
		}
	}
	return &cobra.Command{Use: "query", Short: "The query language of filters, groups and reports", Long: b.String()}
}

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man", Short: "Write the manual page", Long: "Write the manual page fettle(1), made from the same words as --help.",
		Example: "  fettle man | man -l -\n  fettle man > /usr/local/share/man/man1/fettle.1",
		Args:    between(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return manual(a.s.Out, cmd.Root())
		},
	}
}

// manual writes the tree of commands as one page for man(7).
func manual(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH FETTLE 1 \"\" \"fettle %s\" \"User Commands\"\n.SH NAME\nfettle \\- %s\n.SH SYNOPSIS\n.B fettle\n.RI [ flags ] \" \" [ command ]\n.SH DESCRIPTION\n", Version, roff(strings.ToLower(root.Short[:1])+root.Short[1:]))
	paragraphs(&b, root.Long)
	b.WriteString(".SH FLAGS OF EVERY COMMAND\n")
	flagList(&b, root.PersistentFlags())
	b.WriteString(".SH COMMANDS\n")
	var topics []*cobra.Command
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		if !c.Runnable() && !c.HasSubCommands() {
			topics = append(topics, c)
			return
		}
		if c.HasParent() && c.Runnable() {
			fmt.Fprintf(&b, ".SS %s\n", roff(strings.TrimPrefix(c.UseLine(), "fettle ")))
			long := c.Long
			if long == "" {
				long = c.Short + "."
			}
			paragraphs(&b, long)
			flagList(&b, c.LocalNonPersistentFlags())
			if c.HasExample() {
				b.WriteString(".PP\nExamples:\n")
				verbatim(&b, c.Example)
			}
		}
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(root)
	for _, t := range topics {
		fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(t.Name())))
		verbatim(&b, t.Long)
	}
	b.WriteString(".SH GLOSSARY\n")
	for _, t := range model.Glossary() {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(t.Word), roff(t.Meaning))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// roff protects what man(7) would take for its own.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func paragraphs(b *strings.Builder, text string) {
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		b.WriteString(".PP\n")
		if strings.Contains(p, "\n  ") || strings.HasPrefix(p, "  ") {
			verbatim(b, p)
			continue
		}
		for _, l := range strings.Split(p, "\n") {
			b.WriteString(roff(l) + "\n")
		}
	}
}

func verbatim(b *strings.Builder, text string) {
	b.WriteString(".nf\n")
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(roff(l) + "\n")
	}
	b.WriteString(".fi\n")
}

func flagList(b *strings.Builder, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace("--"+f.Name+" "+name)), roff(usage))
	})
}
