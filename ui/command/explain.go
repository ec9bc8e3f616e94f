package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fettle/model"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain COMPUTER UPDATE",
		Short: "Say which approval holds for an update on a computer, why, and when it is installed",
		Long: `Say in sentences what becomes of an update on a computer: every approval that was
considered, why the others lost, the step that decided, the policy, the last and
the next check-in, when it will be installed by itself, and what would change that.
Times are in the computer's zone, in which its schedule is read.`,
		Example: "  fettle explain web1 deb/Debian/bookworm/openssl/3.0.17-1~deb12u3",
		Args:    between(2, 2, "a computer and an update"),
		RunE: a.held(gated, func(ctx context.Context, h *host, args []string) error {
			snap := h.store.Snapshot()
			c, err := findComputer(snap, args[0])
			if err != nil {
				return err
			}
			r, err := a.findUpdate(ctx, h, snap, args[1])
			if err != nil {
				return err
			}
			e := snap.Explain(c.Number, r.Number, serverNow(h))
			if a.flags.json || a.flags.csv {
				return a.writeObject(explanationObject(e))
			}
			return a.writeExplanation(e)
		}),
	}
}

// writeExplanation writes the sentences of an explanation, part by part.
func (a *app) writeExplanation(e model.Explanation) error {
	if err := a.paragraph(a.s.Out, "", fmt.Sprintf("%s on %s", e.Title, e.Computer)); err != nil {
		return err
	}
	for _, p := range e.Parts() {
		if _, err := fmt.Fprintf(a.s.Out, "\n%s:\n", p.Title); err != nil {
			return err
		}
		for _, line := range p.Lines {
			if err := a.paragraph(a.s.Out, "  ", line); err != nil {
				return err
			}
		}
	}
	return nil
}

func approvalObject(ap model.Approval, group string) object {
	return object{{key: "group", value: group}, {key: "action", value: ap.Action.String()}, {key: "deadline", value: ap.Deadline}, {key: "deployment", value: ap.Deployment}, {key: "held_back", value: ap.Stale}}
}

// explanationObject is an explanation for programs: the facts, and beside them
// the sentences that people read.
func explanationObject(e model.Explanation) object {
	var considered, losers, remedies []object
	winner := ""
	for _, c := range e.Considered {
		o := append(approvalObject(c.Approval, c.Name), object{{key: "depth", value: c.Depth}, {key: "author", value: c.Author}, {key: "rule", value: c.Rule}, {key: "wins", value: c.Wins}, {key: "says", value: c.Says}, {key: "why", value: c.Why}}...)
		considered = append(considered, o)
		if c.Wins {
			winner = c.Name
		} else {
			losers = append(losers, o)
		}
	}
	for _, r := range e.Remedies {
		remedies = append(remedies, object{{key: "text", value: r.Text}, {key: "command", value: r.Command}})
	}
	f := e.Forecast
	forecast := object{
		{key: "text", value: f.Text}, {key: "at", value: f.At}, {key: "latest", value: f.Latest}, {key: "decision", value: f.Decision.Action.String()}, {key: "reason", value: f.Decision.Reason},
		{key: "restart", value: f.Restart}, {key: "estimate", value: f.Estimate}, {key: "assumed", value: f.Assumed}, {key: "notice", value: f.Decision.Notice},
	}
	check := object{{key: "from", value: f.Check.From}, {key: "to", value: f.Check.To}, {key: "said", value: f.Check.Said}, {key: "overdue", value: f.Check.Overdue}}
	return object{
		{key: "computer", value: e.Computer}, {key: "update", value: string(e.Update)}, {key: "title", value: e.Title}, {key: "state", value: e.State.String()},
		{key: "group", value: winner}, {key: "action", value: e.Effective.Action.String()}, {key: "deadline", value: e.Effective.Deadline}, {key: "deployment", value: e.Effective.Deployment},
		{key: "held_back", value: e.Effective.Stale}, {key: "approved", value: e.Effective.Approved()},
		{key: "step", value: e.Effective.Step.String()}, {key: "holds", value: e.Holds}, {key: "why", value: e.Because},
		{key: "considered", value: considered}, {key: "losers", value: losers}, {key: "unreached", value: e.Unreached},
		{key: "about", value: e.About}, {key: "installed", value: e.Installed},
		{key: "policy", value: policyObject(e.Policy)}, {key: "settings", value: e.Settings}, {key: "contact", value: e.Contact}, {key: "next_check_in", value: check},
		{key: "forecast", value: forecast}, {key: "installed_at", value: f.At}, {key: "remedies", value: remedies},
	}
}
