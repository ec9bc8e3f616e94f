package agents

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent/protocol"
)

// Event records what happened on a computer. It moves no installation state:
// that is for the computer's next report (semantics 7.2). An event that arrives
// twice changes nothing the second time.
func (s *Server) Event(ctx context.Context, ev protocol.Event) error {
	if err := s.event(ctx, &ev); err != nil {
		return fmt.Errorf("recording what happened on %s: %w", text(string(cmp.Or(s.id, ev.Computer)), longName), err)
	}
	return nil
}

func (s *Server) event(ctx context.Context, ev *protocol.Event) error {
	e := s.endpoint
	if err := protocol.CheckVersion(ev.Version); err != nil {
		return err
	}
	if err := e.store.WaitLoaded(ctx); err != nil {
		return err
	}
	id, err := s.who(ev.Computer)
	if err != nil {
		return err
	}
	defer e.lock(id)()
	now := e.now()
	snap := e.store.Snapshot()
	before, err := known(snap, id)
	if err != nil {
		return err
	}
	st, _, err := e.stored(before.Number)
	if err != nil {
		return err
	}
	c := *before
	c.Contacted = now
	report := store.Report{Computer: c}
	ids := ev.Updates[:min(len(ev.Updates), maxUpdates)]
	e.log.Info("an agent told what happened", "computer", model.Clean(before.Name), "event", ev.Kind.String(), "updates", len(ids), "plan", ev.Plan, "text", text(ev.Text, longText))
	var failed []model.Failure
	switch ev.Kind {
	case protocol.EventFailed, protocol.EventRefused:
		// A refusal to install what is wanted is a failure with its reason.
		for _, id := range ids {
			if _, ok := number(snap, id); ok {
				failed = append(failed, failure(model.Failure{Update: id, Time: ev.Time, Code: ev.Code, Text: ev.Text}, now))
			}
		}
		if st != nil && len(failed) > 0 {
			next := *st
			next.Failures = newestFailures(slices.Concat(failed, st.Failures))
			if !slices.EqualFunc(next.Failures, st.Failures, sameFailure) {
				report.Status = &next
			}
		}
	case protocol.EventInstalled:
		if st != nil {
			next := *st
			next.Failures = slices.DeleteFunc(slices.Clone(st.Failures), func(f model.Failure) bool {
				return slices.Contains(ids, f.Update) && !f.Time.After(ev.Time)
			})
			if len(next.Failures) != len(st.Failures) {
				report.Status = &next
			}
		}
	case protocol.EventForeign:
		list := []string{}
		for _, it := range ev.Items[:min(len(ev.Items), maxList)] {
			if model.CheckPackage(it.Package, it.Arch, it.To) == nil {
				list = append(list, fmt.Sprintf("%s %s -> %s", it.Package, text(it.From, longName), it.To))
			}
		}
		report.Computer.Foreign = texts(slices.Concat(before.Foreign, list), maxList)
	}
	_, err = e.store.Record(ctx, report)
	return err
}

func sameFailure(a, b model.Failure) bool {
	return a.Update == b.Update && a.Time.Equal(b.Time) && a.Code == b.Code && a.Text == b.Text
}

// known gives the computer's record, or the refusal: whoever never reported, or
// was rejected, is not talked to.
func known(snap *store.Snapshot, id model.ComputerID) (*model.Computer, error) {
	c := snap.ComputerByID(id)
	switch {
	case c == nil:
		return nil, &model.Refusal{Code: "unknown-computer", What: "The message was refused", Why: "this computer is not known here; it must report first", Remedy: "fettle agent check-in"}
	case c.Admission == model.Rejected:
		return nil, &model.Refusal{Code: "rejected", What: "The message was refused", Why: "this computer was rejected by an administrator"}
	}
	return c, nil
}
