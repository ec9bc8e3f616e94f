package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fettle/model"
	"fettle/store"
)

// server is who decides what nobody has to be asked for: that expired updates
// are declined. The entries of the journal name it.
var server = model.Actor{Who: "fettle", From: model.FromServer, Role: model.AccessAdministrator}

// conclude does what follows an import, before the run's record is ended:
// expired updates are declined, then automatic approval rules run over what is
// new. What a run could not do because it was cut off, the next one makes up
// for: the store's mark tells which updates rules have not seen, and the records
// of runs tell which expired ones nobody declined.
func (e *Engine) conclude(ctx context.Context, j *Job, u model.Upstream, run *model.SyncRun) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.progress(model.Progress{Phase: "Applying automatic decisions", Since: e.now()})
	if err := e.declineExpired(ctx, u, run); err != nil {
		return err
	}
	outcomes, err := e.o.Store.RunRules(ctx, e.withheld(u, run), server)
	if err != nil {
		return fmt.Errorf("running automatic approval rules: %w", err)
	}
	run.Rules = outcomes
	for _, o := range outcomes {
		name := model.Clean(o.Rule)
		switch {
		case o.Error != "":
			e.o.Log.Error("an automatic approval rule could not run", "rule", name, "error", model.Clean(o.Error))
			run.Remarks = append(run.Remarks, bounded(fmt.Sprintf("The rule %s approved nothing: %s. What it would approve is shown and approved by: fettle rule run %s", name, model.Clean(o.Error), quoted(name))))
		case o.Withheld:
			run.Remarks = append(run.Remarks, bounded(fmt.Sprintf("What an initial synchronization brings is not approved automatically. The rule %s would approve %s of it. To approve them: fettle rule run %s", name, count(o.Updates, "update"), quoted(name))))
		}
	}
	return nil
}

// withheld says of which upstreams rules only count what came: those whose
// initial synchronization this is, or that have not come to the end of theirs.
func (e *Engine) withheld(u model.Upstream, run *model.SyncRun) func(string) bool {
	succeeded := map[string]bool{"": true} // what no upstream brought is nobody's initial synchronization
	for _, r := range e.o.Store.Snapshot().Runs() {
		if r.Result == model.SyncSucceeded {
			succeeded[r.Upstream] = true
		}
	}
	if run.Initial {
		succeeded[u.Name] = false
	}
	return func(upstream string) bool { return !succeeded[upstream] }
}

// declineExpired declines what the publisher expired by a revision, as one
// change, unless the server's options say otherwise (semantics 3.5).
func (e *Engine) declineExpired(ctx context.Context, u model.Upstream, run *model.SyncRun) error {
	snap := e.o.Store.Snapshot()
	if !snap.Options().DeclinesExpired() {
		return nil
	}
	numbers, err := e.expiredSince(snap, u, run)
	if err != nil || len(numbers) == 0 {
		return err
	}
	c := model.Change{Kind: model.ChangeDecline, Updates: numbers,
		Remark: fmt.Sprintf("Their publisher expired them (%s, run %d).", model.Clean(u.Name), run.ID)}
	_, err = e.o.Store.Make(ctx, c, server)
	var refusal *model.Refusal
	switch {
	case errors.As(err, &refusal):
		run.Remarks = append(run.Remarks, bounded(fmt.Sprintf("%s not declined: %s", was(len(numbers), "expired update"), model.Clean(refusal.Error()))))
	case err != nil:
		return fmt.Errorf("declining expired updates: %w", err)
	default:
		run.Declined = numbers
	}
	return nil
}

// expiredSince gives the updates that a run, or those before it which did not
// come to their end, found expired and that are not declined.
func (e *Engine) expiredSince(snap *store.Snapshot, u model.Upstream, run *model.SyncRun) ([]uint32, error) {
	found := slices.Clone(run.Expired)
	var settled []uint32 // declined by such a run: whoever took that back meant it
	var since time.Time
	cut := false
	for _, r := range snap.Runs() {
		if r.Upstream != u.Name || r.ID == run.ID {
			continue
		}
		if r.Result == model.SyncSucceeded {
			since = r.Ended
			break
		}
		cut = cut || r.Ended.IsZero()
		found, settled = append(found, r.Expired...), append(settled, r.Declined...)
	}
	if cut { // its record does not say what it found; the revisions do
		for n := uint32(1); n <= snap.LastUpdate(); n++ {
			row := snap.Row(n)
			if row == nil || row.Upstream != u.Name || !row.Has(model.FlagExpired) || row.Has(model.FlagDeclined) {
				continue
			}
			revisions, err := e.o.Store.Revisions(n)
			if err != nil {
				return nil, err
			}
			if k := len(revisions); k > 1 && !revisions[k-1].Arrived.Before(since) {
				found = append(found, n)
			}
		}
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(n uint32) bool {
		row := snap.Row(n)
		return row == nil || !row.Has(model.FlagExpired) || row.Has(model.FlagDeclined) || slices.Contains(settled, n)
	}), nil
}

// decisions says what was decided after an import, in words.
func decisions(r *model.SyncRun) (parts []string) {
	if n := len(r.Declined); n > 0 {
		parts = append(parts, fmt.Sprintf("%d declined as expired", n))
	}
	for _, o := range r.Rules {
		verb := "approved"
		switch {
		case o.Error != "":
			parts = append(parts, "rule "+model.Clean(o.Rule)+" failed")
			continue
		case o.Withheld:
			verb = "would approve"
		}
		parts = append(parts, fmt.Sprintf("rule %s %s %d", model.Clean(o.Rule), verb, o.Updates))
	}
	return parts
}

// was is a number of things with its verb: "1 update was", "2 updates were".
func was(n int, word string) string {
	if n == 1 {
		return "1 " + word + " was"
	}
	return count(n, word) + " were"
}

// Withheld says what each enabled rule would approve of what the initial
// synchronizations of upstreams brought; no names mean all upstreams. These are
// the numbers that an administrator sees before RunWithheld. Rules that would
// approve nothing are left out.
func (e *Engine) Withheld(upstreams []string) []model.RuleRun {
	snap := e.o.Store.Snapshot()
	over := initial(snap, upstreams)
	if len(over) == 0 {
		return nil
	}
	var runs []model.RuleRun
	for _, r := range snap.Rules() {
		if !r.Enabled {
			continue
		}
		if run := snap.RunOf(r, over, e.o.Store.Now()); len(run.Updates) > 0 {
			runs = append(runs, run)
		}
	}
	return runs
}

// initial gives the updates that initial synchronizations brought, those that
// were cut off and resumed included.
func initial(snap *store.Snapshot, upstreams []string) []uint32 {
	over := []uint32{}
	for _, r := range snap.Runs() {
		if r.Initial && (len(upstreams) == 0 || slices.Contains(upstreams, r.Upstream)) {
			over = append(over, r.New...)
		}
	}
	slices.Sort(over)
	return slices.Compact(over)
}

// RuleResult is what became of one rule that was run at an administrator's word.
type RuleResult struct {
	Run   model.RuleRun
	Entry model.Entry     // of the journal; zero when the rule approved nothing
	Waits *model.Proposal // it waits for the consent of a second person; nil = it does not
	Err   error           // why it approved nothing, if it was not that
}

// RunWithheld runs the enabled rules over what initial synchronizations brought,
// as by does it by hand, after Withheld's numbers were seen (design 6). Each rule
// is a change of its own: one that is refused does not stop the next. A rule sees
// what the rules before it approved.
func (e *Engine) RunWithheld(ctx context.Context, upstreams []string, by model.Actor) ([]RuleResult, error) {
	if err := e.o.Store.WaitLoaded(ctx); err != nil {
		return nil, fmt.Errorf("running automatic approval rules: %w", err)
	}
	var results []RuleResult
	for _, planned := range e.Withheld(upstreams) {
		snap := e.o.Store.Snapshot()
		rule, known := snap.RuleByName(planned.Rule.Name)
		if !known || !rule.Enabled {
			continue // removed meanwhile
		}
		result := RuleResult{Run: snap.RunOf(rule, initial(snap, upstreams), e.o.Store.Now())}
		if len(result.Run.Updates) == 0 {
			results = append(results, result)
			continue
		}
		var awaiting *model.AwaitingConsent
		entry, err := e.o.Store.Make(ctx, store.RunChange(result.Run), by)
		switch {
		case errors.As(err, &awaiting):
			result.Waits = &awaiting.Proposal
		case err != nil && ctx.Err() != nil:
			return results, fmt.Errorf("running rule %s: %w", model.Clean(rule.Name), cmp.Or(context.Cause(ctx), err))
		case err != nil:
			result.Err = fmt.Errorf("running rule %s: %w", model.Clean(rule.Name), err)
		default:
			result.Entry = entry
		}
		results = append(results, result)
	}
	return results, nil
}
