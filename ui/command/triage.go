package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
)

func (a *app) triageCommand() *cobra.Command {
	var aside bool
	cmd := &cobra.Command{
		Use:   "triage",
		Short: "List what is to be decided, worst first",
		Long: `List what is to be decided, worst first: updates that a managed computer needs, or
failed to install, and for which nothing is in effect on all the computers that
need them. What is approved for one group and needed in another is still to be
decided there. Left out are updates whose successor is needed on the same
computers, those that are withdrawn or expired, and those postponed with
fettle later; --left-out lists these with the reason.

The order: updates of Fettle itself, exploited ones, severity (a security update
without a rating counts as moderate), security and critical updates, how many
computers wait, age.`,
		Example: `  fettle triage
  fettle triage --left-out
  fettle triage --json | jq -r '.[0].id'`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().BoolVar(&aside, "left-out", false, "list what was left out of the queue, with the reason")
	cmd.RunE = a.held(gated, func(_ context.Context, h *host, _ []string) error {
		snap, now := h.store.Snapshot(), h.store.Now()
		t := snap.Triage(now)
		rows := t.Queue
		if aside {
			rows = t.Aside
		}
		type row = model.Undecided
		columns := []column[row]{
			{key: "title", title: "TITLE", give: true, value: func(u row) any { return u.Update.Title }},
			{key: "id", title: "ID", give: true, rank: 2, value: func(u row) any { return string(u.Update.ID) }},
			{key: "why", title: "WHY", value: func(u row) any { return u.Reasons(now) }},
			{key: "left_out", title: map[bool]string{true: "LEFT OUT"}[aside], give: true, value: func(u row) any { return u.Aside.String() }, text: func(u row) string { return u.AsideWords(a.zone) }},
			{key: "superseded_by", value: func(u row) any {
				if u.By == nil {
					return nil
				}
				return string(u.By.ID)
			}},
			{key: "later", value: func(u row) any {
				if u.Aside != model.AsideLater {
					return time.Time{}
				}
				return u.Later.Until
			}},
			{key: "waiting", value: func(u row) any { return u.Waiting }},
			{key: "needing", value: func(u row) any { return u.Needing }},
			{key: "failed", value: func(u row) any { return u.Failed }},
			{key: "severity", value: func(u row) any { return u.Update.Severity.String() }},
			{key: "class", value: func(u row) any { return u.Update.Class.String() }},
			{key: "is", value: func(u row) any { return flagWords(u.Update) }},
			{key: "released", title: "RELEASED", rank: 1, value: func(u row) any { return u.Update.Released }, text: func(u row) string { return day(u.Update.Released, a.zone) }},
			{key: "kb", value: func(u row) any { return u.Update.KB }},
			{key: "cve", value: func(u row) any { return u.Update.CVEs }},
		}
		empty := strings.Join(t.Empty(a.zone), "\n")
		if aside {
			empty = "Nothing was left out."
		}
		if err := a.writeList(list(a, rows, columns), empty); err != nil || a.flags.json || a.flags.csv {
			return err
		}
		if len(t.Queue) > 0 {
			line := fmt.Sprintf("%d to decide; %s.", len(t.Queue), countOf(t.Waiting, "computer is waiting", "computers are waiting"))
			if left := t.AsideSummary(); left != "" && !aside {
				line += " Left out: " + left + "; fettle triage --left-out lists them."
			}
			a.say("%s", line)
		}
		return nil
	})
	return cmd
}

func (a *app) laterCommand() *cobra.Command {
	var until string
	var end bool
	cmd := &cobra.Command{
		Use:   "later QUERY|ID...",
		Short: "Postpone the decision about updates",
		Long: `Postpone the decision about updates: they leave the queue of triage until a time,
or until something new happens to them: a new revision, they become exploited, or
twice as many computers need them. Approvals, lists and counts stay as they are;
is:later finds what is postponed.`,
		Example: `  fettle later 'is:later' --end
  fettle later deb/Debian/bookworm/tzdata/2025b-0+deb12u2 --until 30d`,
		Args: between(1, -1, "a query or identifiers of updates"),
	}
	cmd.Flags().StringVar(&until, "until", "7d", "`TIME` at which they come back: 36h, 7d, 2w, 2026-12-01 or 2026-12-01T18:00")
	cmd.Flags().BoolVar(&end, "end", false, "they are to be decided now")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		c := model.Change{Kind: model.ChangePostpone, Remark: *remark}
		snap := h.store.Snapshot()
		keep := func(r *model.UpdateRow) bool { return !r.Has(model.FlagDeclined) }
		switch {
		case end && cmd.Flags().Changed("until"):
			return misuse("--end and --until say opposite things")
		case end:
			c.Kind = model.ChangeResume
			keep = func(r *model.UpdateRow) bool { _, ok := snap.Postponement(r.Number); return ok }
		default:
			var err error
			if c.Until, err = model.ParseLater(until, h.store.Now().In(a.zone)); err != nil {
				return misuse("--until: %w", err)
			}
		}
		var err error
		if c.Updates, err = a.chooseUpdates(ctx, h, snap, args, keep); err != nil {
			return err
		}
		return a.decide(ctx, h, c, func(model.Entry) object {
			return object{{key: "updates", value: idsOf(snap, c.Updates)}, {key: "until", value: c.Until}}
		})
	})
	return cmd
}
