package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
)

// option is one of the server's options as it is shown: its flag, its value as
// the flag takes it, and what the value means.
type option struct{ flag, value, meaning string }

// The words of `fettle options`. Each value has its meaning, which is shown
// beside it: an option whose effect one has to guess is set wrongly.
var optionMeanings = map[string]map[string]string{
	"targeting": {
		"server": "administrators put computers into static groups: fettle group join",
		"client": "computers name their groups themselves; members put by hand are masked, not erased",
	},
	"revisions": {
		"move": "an approval moves to a new revision by itself, unless that brings new licence terms; a revision that changes what it means is a notice",
		"keep": "an approval stays with the revision that it was given to, and installs nothing, until the update is approved again",
	},
	"expired": {
		"decline": "updates that their publisher expired are declined at the end of the synchronization",
		"keep":    "updates that their publisher expired stay as they are; they cannot be approved for installation",
		"off":     "updates that their publisher expired stay as they are while approvals stay with their revision (revisions: keep)",
	},
	"consent": {
		"all-computers": "approvals for All Computers wait for a second person",
		"removals":      "uninstalling, and removing computers, groups and updates, wait for a second person",
		"rules":         "adding, changing and running automatic approval rules wait for a second person",
		"none":          "no change waits for a second person",
	},
}

func consentWords(c model.ConsentOptions) []string {
	var words []string
	for _, x := range []struct {
		on   bool
		word string
	}{{c.AllComputers, "all-computers"}, {c.Removals, "removals"}, {c.Rules, "rules"}} {
		if x.on {
			words = append(words, x.word)
		}
	}
	return words
}

// optionsOf lists the options of a server with their meanings.
func optionsOf(o model.Options) []option {
	pick := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	consent := consentWords(o.Consent)
	if len(consent) == 0 {
		consent = []string{"none"}
	}
	var meanings []string
	for _, word := range consent {
		meanings = append(meanings, optionMeanings["consent"][word])
	}
	all := []option{{"consent", strings.Join(consent, ","), strings.Join(meanings, "; ")}}
	for _, x := range []struct{ flag, value string }{
		{"targeting", pick(o.ClientTargeting, "client", "server")}, {"revisions", pick(o.KeepRevisions, "keep", "move")}, {"expired", pick(o.KeepExpired, "keep", "decline")},
	} {
		all = append(all, option{x.flag, x.value, optionMeanings[x.flag][x.value]})
	}
	if !o.KeepExpired && o.KeepRevisions {
		all[len(all)-1].meaning = optionMeanings["expired"]["off"]
	}
	if o.Replica != "" {
		all = append(all, option{"replica", o.Replica, "approvals and groups follow that server; they are changed there, not here"})
	}
	return all
}

func (a *app) optionsCommand() *cobra.Command {
	var consent, targeting, revisions, expired string
	cmd := &cobra.Command{
		Use:   "options",
		Short: "Show or set what holds for the whole server: consent, targeting, revisions, expiry",
		Long: `Show what holds for the whole server, each with its meaning, or set it:

  --consent     which changes wait for a second person: all-computers, removals,
                rules, several with commas; or none
  --targeting   server: administrators put computers into groups; client:
                computers name their groups themselves
  --revisions   move: approvals move to new revisions by themselves; keep: not
                before the update is approved again
  --expired     decline: what its publisher expired is declined by itself, while
                approvals move to new revisions; keep: it stays as it is`,
		Example: `  fettle options
  fettle options --consent all-computers,removals
  fettle options --revisions keep --plan`,
		Args: between(0, 0, ""),
	}
	f := cmd.Flags()
	f.StringVar(&consent, "consent", "", "`LIST`: all-computers, removals, rules, or none")
	f.StringVar(&targeting, "targeting", "", "`WHO` puts computers into groups: server or client")
	f.StringVar(&revisions, "revisions", "", "`WHAT` approvals do at a new revision: move or keep")
	f.StringVar(&expired, "expired", "", "`WHAT` is done with expired updates: decline or keep")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, _ []string) error {
		now := h.store.Snapshot().Options()
		if consent == "" && targeting == "" && revisions == "" && expired == "" {
			return a.writeOptions(now)
		}
		o, err := editOptions(now, consent, targeting, revisions, expired)
		if err != nil {
			return err
		}
		return a.decide(ctx, h, model.Change{Kind: model.ChangeOptions, Options: &o, Remark: *remark}, func(model.Entry) object {
			return object{{key: "options", value: optionsObject(o)}}
		})
	})
	return cmd
}

// editOptions applies the flags of `fettle options`.
func editOptions(o model.Options, consent, targeting, revisions, expired string) (model.Options, error) {
	if consent != "" {
		o.Consent = model.ConsentOptions{}
		words := commaList(consent)
		for _, word := range words {
			switch {
			case word == "all-computers":
				o.Consent.AllComputers = true
			case word == "removals":
				o.Consent.Removals = true
			case word == "rules":
				o.Consent.Rules = true
			case word == "none" && len(words) == 1:
			default:
				return o, misuse("--consent %q is none of all-computers, removals and rules, several with commas; or none alone", model.Clean(consent))
			}
		}
	}
	for _, x := range []struct {
		flag, given, usual, other string
		to                        *bool
	}{{"targeting", targeting, "server", "client", &o.ClientTargeting}, {"revisions", revisions, "move", "keep", &o.KeepRevisions}, {"expired", expired, "decline", "keep", &o.KeepExpired}} {
		switch x.given {
		case "":
		case x.usual:
			*x.to = false
		case x.other:
			*x.to = true
		default:
			return o, misuse("--%s %q is neither %s nor %s", x.flag, model.Clean(x.given), x.usual, x.other)
		}
	}
	return o, nil
}

func optionsObject(o model.Options) object {
	out := object{{key: "consent", value: consentWords(o.Consent)}}
	for _, x := range optionsOf(o)[1:4] {
		out = append(out, member{key: x.flag, value: x.value})
	}
	return append(out, member{key: "replica", value: o.Replica})
}

// writeOptions answers with the options; in text each with its meaning.
func (a *app) writeOptions(o model.Options) error {
	if a.flags.json || a.flags.csv {
		meanings := object{}
		for _, x := range optionsOf(o) {
			meanings = append(meanings, member{key: x.flag, value: x.meaning})
		}
		return a.writeObject(append(optionsObject(o), member{key: "meanings", value: meanings}))
	}
	var out object
	for _, x := range optionsOf(o) {
		out = append(out, member{key: x.flag, title: x.flag, value: x.value, text: x.value + ": " + x.meaning})
	}
	return a.writeObject(out)
}
