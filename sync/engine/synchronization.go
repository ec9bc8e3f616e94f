package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/upstream"
)

// scheduled is who starts what nobody asked for.
var scheduled = model.Actor{Who: "fettle", From: model.FromServer}

// permit refuses work to those who may only look.
func (e *Engine) permit(what string, by model.Actor) error {
	if e.o.Store.ReadOnly() {
		return &model.Refusal{Code: "read-only", What: what + " was not started", Why: "this is a read-only session", Remedy: "start without --read-only"}
	}
	if by.Role < model.AccessOperator {
		return &model.Refusal{Code: "role", What: what + " was not started", Why: fmt.Sprintf("it needs the role %s, and %s has the role %s", model.AccessOperator, model.Clean(by.Who), by.Role)}
	}
	return nil
}

// Synchronize starts a synchronization of the named upstreams; no names mean
// all. It is refused while another runs.
func (e *Engine) Synchronize(ctx context.Context, names []string, by model.Actor) (*Job, error) {
	if err := e.permit("The synchronization", by); err != nil {
		return nil, err
	}
	chosen, err := e.choose(names)
	if err != nil {
		return nil, err
	}
	return e.synchronize(ctx, chosen, by)
}

// choose finds upstreams by their names.
func (e *Engine) choose(names []string) ([]model.Upstream, error) {
	snap := e.o.Store.Snapshot()
	all := snap.Upstreams()
	switch {
	case len(all) == 0 && !snap.Setup().Complete():
		return nil, model.SetupRefusal(snap.Setup())
	case len(all) == 0:
		return nil, &model.Refusal{Code: "no-upstream", What: "There is nothing to synchronize", Why: "no upstream is configured", Remedy: "fettle setup updates --upstream debian=apt"}
	case len(names) == 0:
		return slices.Clone(all), nil
	}
	var chosen []model.Upstream
	for _, name := range names {
		i := slices.IndexFunc(all, func(u model.Upstream) bool { return u.Name == name })
		if i < 0 {
			var known []string
			for _, u := range all {
				known = append(known, u.Name)
			}
			return nil, &model.Refusal{Code: "no-upstream", What: fmt.Sprintf("There is no upstream %q", model.Clean(name)), Why: "configured are " + strings.Join(known, ", ")}
		}
		if !slices.ContainsFunc(chosen, func(u model.Upstream) bool { return u.Name == name }) {
			chosen = append(chosen, all[i])
		}
	}
	return chosen, nil
}

func (e *Engine) synchronize(ctx context.Context, upstreams []model.Upstream, by model.Actor) (*Job, error) {
	names := make([]string, len(upstreams))
	for i, u := range upstreams {
		names[i] = model.Clean(u.Name)
	}
	state := JobState{Kind: JobSynchronization, Name: "Synchronization of " + strings.Join(names, ", "), By: by}
	return e.start(ctx, state, []JobKind{JobSynchronization, JobEvaluation}, func(ctx context.Context, j *Job) (string, error) {
		var results []string
		var errs []error
		for _, u := range upstreams {
			result, err := e.run(ctx, j, u, by, func() (upstream.Source, error) { return e.source(u) })
			if len(upstreams) > 1 && result != "" {
				result = model.Clean(u.Name) + ": " + result
			}
			if result != "" {
				results = append(results, result)
			}
			if err != nil {
				errs = append(errs, err)
			}
			if ctx.Err() != nil {
				break
			}
		}
		if ctx.Err() != nil && len(errs) == 0 {
			errs = append(errs, errors.New(cancelText(ctx, "")))
		}
		if ctx.Err() == nil && e.isStale() {
			if _, err := e.evaluate(ctx, j); err != nil {
				errs = append(errs, err)
			}
		}
		return strings.Join(results, "; "), errors.Join(errs...)
	})
}

// run makes one run: its record is ended whatever happens.
func (e *Engine) run(ctx context.Context, j *Job, u model.Upstream, by model.Actor, open func() (upstream.Source, error)) (string, error) {
	store := e.o.Store
	if err := store.WaitLoaded(ctx); err != nil {
		return "", fmt.Errorf("synchronizing %s: %w", u.Name, err)
	}
	anchor, err := store.Anchor(u.Name)
	if err != nil {
		return "", fmt.Errorf("synchronizing %s: %w", u.Name, err)
	}
	run := model.SyncRun{
		Upstream: u.Name, Started: e.now(), Actor: by, Manual: by.From != model.FromServer,
		Initial: anchor == nil || !slices.ContainsFunc(store.Snapshot().Runs(), func(r *model.SyncRun) bool {
			return r.Upstream == u.Name && r.Result == model.SyncSucceeded
		}),
	}
	if run.ID, err = store.BeginRun(ctx, run); err != nil {
		return "", fmt.Errorf("synchronizing %s: %w", u.Name, err)
	}
	j.edit(func(s *JobState) {
		s.Run, s.Progress = run.ID, model.Progress{Phase: "Opening " + model.Clean(u.Name), Since: run.Started}
	})
	sink := newSink(store, u, &run, anchor)
	meter := meter{}
	_, err = contain(func() (string, error) {
		source, err := open()
		if err != nil {
			return "", err
		}
		return "", source.Synchronize(ctx, bytes.Clone(anchor), sink, func(p model.Progress) {
			meter.add(p)
			j.progress(p)
		})
	})
	sink.finish()
	if changed(&run) {
		e.setStale(true)
		e.reviewContent(context.WithoutCancel(ctx))
	}
	if err == nil {
		_, err = contain(func() (string, error) { return "", e.conclude(ctx, j, u, &run) })
	}
	run.Ended, run.Read = e.now(), meter.total()
	switch {
	case err == nil:
		run.Result = model.SyncSucceeded
	case ctx.Err() != nil:
		run.Result, run.Error = model.SyncCanceled, cancelText(ctx, u.Kind)
		err = fmt.Errorf("synchronizing %s: %s", u.Name, run.Error)
	default:
		err = fmt.Errorf("synchronizing %s: %w", u.Name, withRemedy(err, u))
		run.Result, run.Error = model.SyncFailed, model.Clean(err.Error())
		if outOfDate(err) {
			run.Result = model.SyncRefused
		}
	}
	// The record is ended although the job was cancelled.
	if endErr := store.EndRun(context.WithoutCancel(ctx), run); endErr != nil {
		err = errors.Join(err, fmt.Errorf("recording the synchronization of %s: %w", u.Name, endErr))
	}
	return outcome(&run), err
}

// outOfDate says whether an upstream was refused because what it gave is older than
// what is in force. That is no failure: the catalogue is as good as before.
func outOfDate(err error) bool {
	var r *model.Refusal
	return errors.As(err, &r) && (r.Code == "older-edition" || r.Code == "older")
}

// now is the clock in the precision that is kept.
func (e *Engine) now() time.Time { return e.o.Clock().UTC().Truncate(time.Millisecond) }

// changed says whether a run changed the catalogue.
func changed(r *model.SyncRun) bool {
	return len(r.New)+len(r.Revised)+len(r.Expired)+len(r.Withdrawn) > 0
}

// outcome says what a run brought, in words.
func outcome(r *model.SyncRun) string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{len(r.New), "new"}, {len(r.Revised), "revised"}, {len(r.Expired), "expired"}, {len(r.Withdrawn), "withdrawn"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	// An archive's products come with its updates; a catalogue may bring nothing
	// else.
	if r.Documents > 0 {
		parts = append(parts, fmt.Sprintf("%d documents", r.Documents))
		if r.Products > 0 {
			parts = append(parts, fmt.Sprintf("%d more products and classifications", r.Products))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing changed")
	}
	if n := len(r.Failures); n > 0 {
		parts = append(parts, fmt.Sprintf("%d not imported", n))
	}
	return strings.Join(append(parts, decisions(r)...), ", ")
}

// endedText is the record's word for a run that ended with the process; the
// schedule tries it again, unlike one that a person cancelled.
const endedText = "Fettle was closed while it ran"

// cancelText says how a run ended that was cut off, and what stays of it: of a
// catalogue that comes as a whole, nothing.
func cancelText(ctx context.Context, kind model.UpstreamKind) string {
	text := "it was cancelled"
	if errors.Is(context.Cause(ctx), errEnding) {
		text = endedText
	}
	if carried(kind) {
		return text + "; the catalogue stays as it was"
	}
	return text + "; what was read is kept, and the next synchronization continues there"
}

// carried says whether a kind of upstream is a file, whose catalogue comes as a
// whole.
func carried(kind model.UpstreamKind) bool {
	return kind == model.UpstreamWsusscn2 || kind == model.UpstreamWsusExport
}

// withRemedy adds what to do to an error that does not say so. A refusal names
// its remedy itself.
func withRemedy(err error, u model.Upstream) error {
	var r *model.Refusal
	if errors.As(err, &r) && r.Remedy != "" {
		return err
	}
	if carried(u.Kind) {
		return fmt.Errorf("%w. The catalogue stays as it was; when the cause is gone, import it again", err)
	}
	return fmt.Errorf("%w. What was read before is kept; when the cause is gone, continue with: fettle sync --upstream %s", err, quoted(u.Name))
}

func quoted(s string) string {
	if strings.ContainsAny(s, " '\"$`\\!*?()<>|&;~#") || s == "" {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// meter adds up the bytes of a run: each phase counts its own.
type meter struct {
	phase string
	since time.Time
	now   int64
	past  int64
}

func (m *meter) add(p model.Progress) {
	if p.Phase != m.phase || !p.Since.Equal(m.since) {
		m.past, m.now, m.phase, m.since = m.past+m.now, 0, p.Phase, p.Since
	}
	m.now = max(m.now, p.Bytes)
}

func (m *meter) total() int64 { return m.past + m.now }

// Estimate says what a synchronization of an upstream, configured or about to
// be, would read.
func (e *Engine) Estimate(ctx context.Context, u model.Upstream) (model.Estimate, error) {
	var est model.Estimate
	anchor, err := e.anchorFor(u)
	if err == nil {
		err = e.ask(u, func(s upstream.Source) (err error) {
			est, err = s.Estimate(ctx, anchor)
			return err
		})
	}
	if err != nil {
		return est, fmt.Errorf("estimating what %s will bring: %w", u.Name, err)
	}
	for i, r := range est.Remarks {
		est.Remarks[i] = model.Clean(r)
	}
	return est, nil
}

// Test tries whether an upstream can be read, and describes what it offers in a
// sentence per archive.
func (e *Engine) Test(ctx context.Context, u model.Upstream) ([]string, error) {
	var lines []string
	err := e.ask(u, func(s upstream.Source) (err error) {
		lines, err = s.Test(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("testing %s: %w", u.Name, err)
	}
	for i := range lines {
		lines[i] = model.Clean(lines[i])
	}
	return lines, nil
}

func (e *Engine) ask(u model.Upstream, question func(upstream.Source) error) error {
	_, err := contain(func() (string, error) {
		source, err := e.source(u)
		if err != nil {
			return "", err
		}
		return "", question(source)
	})
	return err
}

// anchorFor gives the anchor of a configured upstream. Another location under
// the same name has none yet.
func (e *Engine) anchorFor(u model.Upstream) ([]byte, error) {
	for _, o := range e.o.Store.Snapshot().Upstreams() {
		if o.Name == u.Name && o.Kind == u.Kind && o.Location == u.Location {
			return e.o.Store.Anchor(u.Name)
		}
	}
	return nil, nil
}
