package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain COMPUTER UPDATE",
		Short: "Say which approval holds for an update on a computer, why, and when it is installed",
		Args:  between(2, 2, "a computer and an update"),
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
			return a.explain(h, snap, c, r)
		}),
	}
}

func (a *app) explain(h *host, snap *store.Snapshot, c *model.Computer, r *model.UpdateRow) error {
	e := snap.Effective(c.Number, r.Number)
	state := snap.State(c.Number, r.Number)
	policy := mode(snap, c)
	effective, from := snap.EffectivePolicy(c.Number)
	zone := a.zone
	if z, err := time.LoadLocation(c.Zone); err == nil && c.Zone != "" {
		zone = z // schedules are read in the computer's own zone
	}
	decision := model.Decide(model.DecisionInput{Now: h.store.Now().In(zone), Approved: e.Approved(), Deadline: e.Deadline, Policy: policy})
	when, at := a.whenInstalled(state, decision)
	approval := func(ap model.Approval) string {
		s := fmt.Sprintf("%s for %s", ap.Action.Title(), groupName(snap, ap.Group))
		if !ap.Deadline.IsZero() {
			s += " by " + a.plain(ap.Deadline)
		}
		if ap.Deployment != 0 {
			s += fmt.Sprintf(" (deployment %d)", ap.Deployment)
		}
		return s
	}
	var losers []object
	var lost []string
	for _, l := range e.Losers {
		losers = append(losers, object{{key: "group", value: groupName(snap, l.Group)}, {key: "action", value: l.Action.String()}, {key: "deadline", value: l.Deadline}, {key: "deployment", value: l.Deployment}})
		lost = append(lost, approval(l))
	}
	group := ""
	holds := e.Action.Title()
	if e.Group != "" {
		group, holds = groupName(snap, e.Group), approval(e.Approval)
	}
	return a.writeObject(object{
		{key: "computer", title: "Computer", value: c.Name}, {key: "update", value: string(r.ID)}, {key: "title", title: "Update", value: r.Title},
		{key: "state", title: "State", value: state.String(), text: state.Word()},
		{key: "group", value: group}, {key: "action", title: "Approval", value: e.Action.String(), text: holds},
		{key: "deadline", value: e.Deadline}, {key: "deployment", value: e.Deployment},
		{key: "step", value: stepWord(e.Step)}, {key: "why", title: "Because", value: stepSentence(snap, e)},
		{key: "losers", title: "Not this", value: losers, text: strings.Join(lost, "\n")},
		{key: "policy", title: "Policy", value: policyObject(policy), text: fmt.Sprintf("%s (its groups say %s, mode from %s)", policyText(policy), policyText(effective), groupName(snap, from.Mode))},
		{key: "decision", value: decision.Action.String()}, {key: "installed_at", value: at}, {key: "reason", value: decision.Reason},
		{key: "when", title: "Installation", value: when},
		{key: "change", title: "To change it", value: a.wouldChange(snap, c, r, e, state)},
	})
}

// whenInstalled says what will happen by itself, and when.
func (a *app) whenInstalled(state model.InstallationState, d model.Decision) (string, time.Time) {
	switch state {
	case model.StateInstalled:
		return "it is installed already", time.Time{}
	case model.StateInstalledPendingReboot:
		return "it is installed and takes effect after a restart", time.Time{}
	case model.StateNotApplicable:
		return "it does not apply to this computer, so nothing is installed", time.Time{}
	case model.StateUnknown:
		return "the computer has not reported on it yet; it does so at its next check-in", time.Time{}
	}
	switch {
	case d.Action == model.DecideInstall:
		return "at the next check-in: " + d.Reason, d.At
	case d.At.IsZero():
		return "not by itself: " + d.Reason, d.At
	}
	return "at " + a.plain(d.At) + " at the latest: " + d.Reason, d.At
}

func stepWord(s model.Step) string {
	return [...]string{"none", "declined", "only", "depth", "action", "deadline", "same"}[min(s, 6)]
}

// stepSentence says by which rule the approval won (semantics 3.3).
func stepSentence(snap *store.Snapshot, e model.EffectiveApproval) string {
	switch e.Step {
	case model.StepNone:
		return "no group of the computer has an approval for it, and what is not approved is not installed"
	case model.StepDeclined:
		return "the update is declined, which holds for every group"
	case model.StepOnly:
		return "it is the only approval that reaches the computer"
	case model.StepDepth:
		return fmt.Sprintf("%s lies deeper in the tree than the groups of the other approvals, and the deepest wins", groupName(snap, e.Group))
	case model.StepAction:
		return "among groups of the same depth Install goes before Uninstall, and that before Not Approved"
	case model.StepDeadline:
		return "among equal approvals the earlier deadline wins"
	}
	return "several approvals say the same"
}

// wouldChange names the command that would change the outcome.
func (a *app) wouldChange(snap *store.Snapshot, c *model.Computer, r *model.UpdateRow, e model.EffectiveApproval, state model.InstallationState) string {
	id := string(r.ID)
	switch {
	case e.Step == model.StepDeclined:
		return "fettle reinstate " + id
	case r.Has(model.FlagWithdrawn) || r.Has(model.FlagExpired):
		if by := snap.SupersededBy(r.Number); len(by) > 0 {
			return "it cannot be installed any more; its successor is " + string(snap.Row(by[0]).ID)
		}
		return "it cannot be installed any more"
	case !state.Needed() && state != model.StateFailed:
		return ""
	case !e.Approved():
		return "fettle approve " + id + " --group ..."
	}
	return "fettle approve " + id + " --group ... --deadline now, or on the computer: fettle agent install " + id
}
