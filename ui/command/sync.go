package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/sync/engine"
)

func (a *app) syncCommand() *cobra.Command {
	var upstreams []string
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Bring the catalogue into step with its upstreams",
		Long: `Bring the catalogue into step with all upstreams, or with those named. Ctrl-C
cancels; what was read is kept, and the next synchronization continues there.`,
		Args: words,
	}
	cmd.Flags().StringArrayVar(&upstreams, "upstream", nil, "only this upstream, by `NAME`; may be repeated")
	cmd.Flags().BoolVar(&a.flags.plan, "plan", false, "say what is to be expected, read nothing into the catalogue")
	cmd.RunE = a.held(gated|long, func(ctx context.Context, h *host, _ []string) error {
		if a.flags.plan {
			return a.planSync(ctx, h, upstreams)
		}
		_, err := a.synchronize(ctx, h, upstreams)
		return err
	})
	cmd.AddCommand(
		&cobra.Command{Use: "status", Short: "Say what runs now, and how the last synchronizations ended", Args: between(0, 0, ""), RunE: a.held(gated, a.syncStatus)},
		&cobra.Command{Use: "history", Short: "List the synchronizations", Args: between(0, 0, ""), RunE: a.held(gated, a.syncHistory)},
		a.planned(&cobra.Command{Use: "cancel", Short: "End the synchronization that runs now", Args: between(0, 0, ""), RunE: a.held(gated, func(_ context.Context, h *host, _ []string) error {
			if a.flags.plan {
				return a.planCancel(h)
			}
			if err := a.permit("The synchronization was not cancelled"); err != nil {
				return err
			}
			n := h.engine.CancelKind(engine.JobSynchronization)
			if n == 0 {
				return errors.New("no synchronization is running")
			}
			if a.flags.json || a.flags.csv {
				return a.writeObject(object{{key: "cancelled", value: n}})
			}
			fmt.Fprintln(a.s.Out, "The synchronization was told to end; what was read is kept.")
			return nil
		})}),
	)
	return cmd
}

// synchronize runs a synchronization with its progress on standard error, and
// answers with its records.
func (a *app) synchronize(ctx context.Context, h *host, names []string) ([]*model.SyncRun, error) {
	if err := a.permit("The synchronization was not started"); err != nil {
		return nil, err
	}
	before := uint64(0)
	if runs := h.store.Snapshot().Runs(); len(runs) > 0 {
		before = runs[0].ID
	}
	job, err := h.engine.Synchronize(ctx, names, a.actor())
	if err != nil {
		return nil, err
	}
	if a.desk != nil && a.desk.line.Background {
		a.say("%s began. Its end is told here; sync cancel ends it.", job.State().Name)
		return nil, nil
	}
	failed := a.follow(ctx, h, job)
	if errors.Is(failed, context.Canceled) || job.State().Canceled && ctx.Err() == nil {
		failed = errors.New("the synchronization was cancelled; what was read is kept, and the next one continues there")
	}
	var runs []*model.SyncRun
	for _, r := range h.store.Snapshot().Runs() {
		if r.ID > before {
			runs = append(runs, r)
		}
	}
	if err := a.writeRuns(runs, ""); err != nil {
		return nil, errors.Join(failed, err)
	}
	a.tellNotes(runs)
	if st := job.State(); failed == nil && st.Result != "" {
		a.say("%s: %s.", st.Name, st.Result)
	}
	a.tellDecisions(runs)
	return runs, failed
}

// tellRuns says what of some records is worth a sentence.
func (a *app) tellRuns(runs []*model.SyncRun) {
	a.tellNotes(runs)
	a.tellDecisions(runs)
}

// tellNotes says what was remarked and what could not be imported.
func (a *app) tellNotes(runs []*model.SyncRun) {
	for _, r := range runs {
		for _, remark := range r.Remarks {
			a.say("Note: %s", model.Clean(remark))
		}
		for i, f := range r.Failures {
			if i == 5 {
				a.say("... and %d more; fettle report synchronization-results has all.", len(r.Failures)-i)
				break
			}
			a.say("Not imported: %s: %s", model.Clean(f.Item), model.Clean(f.Reason))
		}
	}
}

// tellDecisions says what was decided by itself about what is new.
func (a *app) tellDecisions(runs []*model.SyncRun) {
	for _, r := range runs {
		for _, o := range r.Rules {
			a.say("%s", outcomeOfRule(o))
		}
		if n := len(r.Declined); n > 0 {
			a.say("Declined because their publisher expired them: %s.", count(n, "update"))
		}
	}
}

// outcomeOfRule says what a rule did after a synchronization.
func outcomeOfRule(o model.RuleOutcome) string {
	name := model.Clean(o.Rule)
	switch {
	case o.Error != "":
		return fmt.Sprintf("Rule %s could not run: %s", name, sentence(model.Clean(o.Error)))
	case o.Withheld:
		return fmt.Sprintf("Rule %s did not run over the initial synchronization; it would approve %s.", name, count(o.Updates, "update"))
	}
	return fmt.Sprintf("Rule %s approved %s (deployment %d).", name, count(o.Updates, "update"), o.Deployment)
}

// planned gives a command that asks nothing the flag --plan.
func (a *app) planned(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.flags.plan, "plan", false, "say what would happen, change nothing")
	return cmd
}

// planSync says what synchronizations are to be expected to bring.
func (a *app) planSync(ctx context.Context, h *host, wanted []string) error {
	type row struct {
		upstream model.Upstream
		expected model.Estimate
	}
	var rows []row
	for _, u := range h.store.Snapshot().Upstreams() {
		if len(wanted) > 0 && !slices.Contains(wanted, u.Name) {
			continue
		}
		e, err := h.engine.Estimate(ctx, u)
		if err != nil {
			return fmt.Errorf("asking upstream %s: %w", model.Clean(u.Name), err)
		}
		rows = append(rows, row{u, e})
	}
	if len(rows) == 0 && len(wanted) > 0 {
		return fmt.Errorf("there is no upstream %s; list them with: fettle sync status", model.Clean(strings.Join(wanted, ", ")))
	}
	return a.writeList(list(a, rows, []column[row]{
		{key: "upstream", title: "UPSTREAM", give: true, value: func(r row) any { return r.upstream.Name }},
		{key: "expected", title: "EXPECTED", value: func(r row) any { return estimateText(r.expected) }},
		{key: "updates", value: func(r row) any { return r.expected.Updates }},
		{key: "bytes", value: func(r row) any { return r.expected.Bytes }},
		{key: "seconds", value: func(r row) any { return r.expected.Time.Seconds() }},
		{key: "remarks", title: "REMARKS", give: true, rank: 1, value: func(r row) any { return r.expected.Remarks }},
	}), "No upstream is configured.")
}

// planCancel says what cancelling would end.
func (a *app) planCancel(h *host) error {
	var names []string
	for _, j := range h.engine.Jobs() {
		if j.Kind == engine.JobSynchronization && j.Ended.IsZero() {
			names = append(names, j.Name)
		}
	}
	if a.flags.json || a.flags.csv {
		return a.writeObject(object{{key: "would_cancel", value: names}})
	}
	if len(names) == 0 {
		fmt.Fprintln(a.s.Out, "No synchronization is running.")
		return nil
	}
	return a.paragraph(a.s.Out, "", "It would end "+strings.Join(names, ", ")+"; what was read is kept.")
}

// writeRuns answers with records of synchronizations.
func (a *app) writeRuns(runs []*model.SyncRun, empty string) error {
	type row = *model.SyncRun
	number := func(key, title string, get func(row) int) column[row] {
		return column[row]{key: key, title: title, right: true, value: func(r row) any { return get(r) }}
	}
	return a.writeList(list(a, runs, []column[row]{
		{key: "id", title: "RUN", right: true, value: func(r row) any { return r.ID }},
		{key: "upstream", title: "UPSTREAM", give: true, value: func(r row) any { return r.Upstream }},
		{key: "started", title: "STARTED", value: func(r row) any { return r.Started }},
		{key: "ended", value: func(r row) any { return r.Ended }},
		{key: "seconds", title: "TIME", right: true, rank: 3, value: func(r row) any { return seconds(r) }, text: func(r row) string {
			if r.Ended.IsZero() {
				return ""
			}
			return r.Ended.Sub(r.Started).Round(100 * time.Millisecond).String()
		}},
		{key: "result", title: "RESULT", value: func(r row) any { return r.Result.String() }, text: func(r row) string {
			if r.Ended.IsZero() {
				return "running or cut off"
			}
			return r.Result.String()
		}},
		number("new", "NEW", func(r row) int { return len(r.New) }),
		number("revised", "REVISED", func(r row) int { return len(r.Revised) }),
		number("expired", "EXPIRED", func(r row) int { return len(r.Expired) }),
		number("withdrawn", "WITHDRAWN", func(r row) int { return len(r.Withdrawn) }),
		number("failures", "NOT IMPORTED", func(r row) int { return len(r.Failures) }),
		{key: "read", title: "READ", right: true, rank: 4, value: func(r row) any { return r.Read }, text: func(r row) string { return size(r.Read) }},
		{key: "initial", value: func(r row) any { return r.Initial }},
		{key: "manual", value: func(r row) any { return r.Manual }},
		{key: "by", title: "BY", rank: 5, value: func(r row) any { return r.Actor.Who }},
		{key: "error", title: "ERROR", give: true, rank: 1, value: func(r row) any { return r.Error }},
		{key: "remarks", value: func(r row) any { return r.Remarks }},
		{key: "rules", value: func(r row) any { return ruleOutcomes(r.Rules) }},
		{key: "declined", value: func(r row) any { return len(r.Declined) }},
	}), empty)
}

func ruleOutcomes(all []model.RuleOutcome) []object {
	var rows []object
	for _, o := range all {
		rows = append(rows, object{{key: "rule", value: o.Rule}, {key: "updates", value: o.Updates}, {key: "deployment", value: o.Deployment}, {key: "withheld", value: o.Withheld}, {key: "error", value: o.Error}})
	}
	return rows
}

// seconds is how long a run took; nil while it has not ended.
func seconds(r *model.SyncRun) any {
	if r.Ended.IsZero() {
		return nil
	}
	return r.Ended.Sub(r.Started).Seconds()
}

func (a *app) syncHistory(_ context.Context, h *host, _ []string) error {
	return a.writeRuns(h.store.Snapshot().Runs(), "There was no synchronization yet. Start one with: fettle sync")
}

func (a *app) syncStatus(_ context.Context, h *host, _ []string) error {
	snap := h.store.Snapshot()
	var jobs []engine.JobState
	for _, j := range h.engine.Jobs() {
		if j.Ended.IsZero() {
			jobs = append(jobs, j)
		}
	}
	type row = model.Upstream
	last := func(u row) *model.SyncRun {
		if r := snap.LastRun(u.Name); r != nil {
			return r
		}
		return &model.SyncRun{}
	}
	next := func(u row) time.Time { return h.engine.NextSync(u) }
	t := list(a, snap.Upstreams(), []column[row]{
		{key: "upstream", title: "UPSTREAM", give: true, value: func(u row) any { return u.Name }},
		{key: "kind", title: "KIND", value: func(u row) any { return string(u.Kind) + "=" + u.Location }},
		{key: "schedule", title: "SCHEDULE", rank: 2, value: func(u row) any { return u.Schedule.String() }},
		{key: "last", title: "LAST", value: func(u row) any { return last(u).Started }, text: func(u row) string { return age(h.store.Now(), last(u).Started) }},
		{key: "result", title: "RESULT", value: func(u row) any { return last(u).Result.String() }},
		{key: "error", title: "ERROR", give: true, value: func(u row) any { return last(u).Error }},
		{key: "next", title: "NEXT", rank: 1, value: func(u row) any { return next(u) }},
	})
	if a.flags.json {
		var running []object
		for _, j := range jobs {
			running = append(running, object{{key: "id", value: j.ID}, {key: "kind", value: string(j.Kind)}, {key: "name", value: j.Name}, {key: "started", value: j.Started}, {key: "phase", value: j.Progress.Phase},
				{key: "done", value: j.Progress.Done}, {key: "total", value: j.Progress.Total}, {key: "bytes", value: j.Progress.Bytes}, {key: "by", value: j.By.Who}})
		}
		return a.writeObject(object{{key: "running", value: running}, {key: "upstreams", value: t.objects()}})
	}
	if err := a.writeList(t, "No upstream is configured."); err != nil || a.flags.csv {
		return err
	}
	for _, j := range jobs {
		fmt.Fprintf(a.s.Out, "\n%s runs since %s, started by %s: %s", j.Name, a.plain(j.Started), model.Clean(j.By.Who), j.Progress.Phase)
		if j.Progress.Total > 0 {
			fmt.Fprintf(a.s.Out, ", %d of %d", j.Progress.Done, j.Progress.Total)
		}
		fmt.Fprintln(a.s.Out, ". fettle sync cancel ends it.")
	}
	if len(jobs) == 0 {
		fmt.Fprintln(a.s.Out, "\nNothing is running.")
	}
	return nil
}
