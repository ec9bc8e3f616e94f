package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

func (a *app) approveCommand() *cobra.Command {
	var groups []string
	var act, due, name string
	cmd := &cobra.Command{
		Use:   "approve QUERY|ID... --group GROUP",
		Short: "Approve updates for computer groups",
		Long: `Approve updates for computer groups, as one deployment. An argument that is
exactly an update's identifier is that update; otherwise the arguments together
are one query. What would happen is said by --plan.

The deadline is the instant by which the updates must be installed: now, 12h,
7d, 7d@03:00, 2026-12-01 (its end) or 2026-12-01T18:00, in your time zone.`,
		Example: `  fettle approve 'needed:>0 class:security' --group Servers --deadline 7d@03:00
  fettle approve deb/Debian/bookworm/tzdata/2025b-0+deb12u2 --group "All Computers" --plan`,
		Args: between(1, -1, "a query or identifiers of updates"),
	}
	f := cmd.Flags()
	f.StringArrayVar(&groups, "group", nil, "`GROUP` for which to approve, by its exact name; may be repeated")
	f.StringVar(&act, "action", "install", "`ACTION`: install, uninstall, none or inherit")
	f.StringVar(&due, "deadline", "", "`TIME` by which it must be installed")
	f.StringVar(&name, "name", "", "`TEXT` that names the deployment")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		if len(groups) == 0 {
			return &usageError{err: fmt.Errorf("approving needs a group"), hint: `Name it with --group, for instance --group "All Computers"; list them with: fettle groups`}
		}
		action, ok := model.ParseAction(act)
		if !ok {
			return misuse("--action %q is none of install, uninstall, none and inherit", model.Clean(act))
		}
		c := model.Change{Kind: model.ChangeApprove, Name: strings.TrimSpace(name), Remark: *remark}
		ga := model.GroupAction{Action: action}
		if due != "" {
			if action != model.ActionInstall && action != model.ActionUninstall {
				return misuse("a deadline goes with the actions install and uninstall only")
			}
			var err error
			if ga.Deadline, err = deadline(due, h.store.Now(), a.zone); err != nil {
				return err
			}
		}
		snap := h.store.Snapshot()
		for _, g := range groups {
			group, err := findGroup(snap, g)
			if err != nil {
				return err
			}
			ga.Group = group.ID
			c.Groups = append(c.Groups, ga)
		}
		var err error
		c.Updates, err = a.chooseUpdates(ctx, h, snap, args, func(r *model.UpdateRow) bool { return !r.Has(model.FlagDeclined) })
		if err != nil {
			return err
		}
		return a.decide(ctx, h, c, func(e model.Entry) object {
			return object{{key: "deployment", title: "Deployment", value: e.Result}, {key: "updates", value: idsOf(snap, c.Updates)}}
		})
	})
	return cmd
}

// findGroup gives the group of an exact name; the error suggests the nearest.
func findGroup(snap *store.Snapshot, name string) (*model.Group, error) {
	tree := snap.Groups()
	if g := tree.ByName(name); g != nil {
		return g, nil
	}
	e := fmt.Errorf("there is no group %q", model.Clean(name))
	for _, n := range tree.Names() {
		if strings.EqualFold(n, name) {
			return nil, &usageError{err: fmt.Errorf("%w; did you mean %q?", e, n)}
		}
	}
	if near := nearest(name, tree.Names()); near != "" {
		return nil, &usageError{err: fmt.Errorf("%w; did you mean %q?", e, near)}
	}
	return nil, &usageError{err: e, hint: "The groups are listed by: fettle groups"}
}

func (a *app) declineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "decline QUERY|ID...",
		Short: "Take updates out of sight, for every group",
		Long: `Take updates out of sight and out of evaluation, for every group. Their
approvals are masked, not erased: fettle undo brings them back.`,
		Args: between(1, -1, "a query or identifiers of updates"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		return a.declined(ctx, h, args, model.ChangeDecline, *remark)
	})
	return cmd
}

func (a *app) reinstateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reinstate QUERY|ID...",
		Short: "Bring declined updates back as Not Approved",
		Args:  between(1, -1, "a query or identifiers of updates"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		return a.declined(ctx, h, args, model.ChangeReinstate, *remark)
	})
	return cmd
}

// declined declines or reinstates; a query means only those updates for which
// that changes something.
func (a *app) declined(ctx context.Context, h *host, args []string, kind model.ChangeKind, remark string) error {
	snap := h.store.Snapshot()
	wants := kind == model.ChangeReinstate
	numbers, err := a.chooseUpdates(ctx, h, snap, args, func(r *model.UpdateRow) bool { return r.Has(model.FlagDeclined) == wants })
	if err != nil {
		return err
	}
	return a.decide(ctx, h, model.Change{Kind: kind, Updates: numbers, Remark: remark}, func(model.Entry) object {
		return object{{key: "updates", value: idsOf(snap, numbers)}}
	})
}
