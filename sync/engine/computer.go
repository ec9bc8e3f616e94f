package engine

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"fettle/model"
)

// agent gives this computer's own agent, or the refusal that there is none.
func (e *Engine) agent(what string) (Computer, error) {
	var c Computer
	if e.o.Agent != nil {
		var err error
		if c, err = e.o.Agent(); err != nil {
			return nil, fmt.Errorf("%s: starting this computer's agent: %w", what, err)
		}
	}
	if absent(c) {
		return nil, &model.Refusal{Code: "no-agent", What: what + " was not started", Why: "this computer is not managed here", Remedy: "fettle setup computers --this-computer"}
	}
	return c, nil
}

// absent says whether there is no agent. A nil pointer of a concrete type in the
// interface is one of the ways to say so.
func absent(c Computer) bool {
	if c == nil {
		return true
	}
	v := reflect.ValueOf(c)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// CheckIn starts a check-in of this computer's own agent.
func (e *Engine) CheckIn(ctx context.Context, by model.Actor) (*Job, error) {
	return e.withAgent(ctx, JobState{Kind: JobCheckIn, Name: "Check-in of this computer", By: by}, "the computer checked in", Computer.CheckIn)
}

// Install starts the installation of approved updates on this computer, at the
// user's word; none named means all of them.
func (e *Engine) Install(ctx context.Context, ids []model.UpdateID, by model.Actor) (*Job, error) {
	return e.withAgent(ctx, JobState{Kind: JobInstallation, Name: "Installation on this computer", By: by}, "the installation ended",
		func(c Computer, ctx context.Context, progress func(model.Progress)) error {
			return c.Install(ctx, ids, progress)
		})
}

func (e *Engine) withAgent(ctx context.Context, state JobState, result string, do func(Computer, context.Context, func(model.Progress)) error) (*Job, error) {
	if err := e.permit(state.Name, state.By); err != nil {
		return nil, err
	}
	c, err := e.agent(state.Name)
	if err != nil {
		return nil, err
	}
	return e.start(ctx, state, []JobKind{JobCheckIn, JobInstallation}, func(ctx context.Context, j *Job) (string, error) {
		err := do(c, ctx, j.progress)
		if s, ok := c.(interface{ Summary() string }); ok && s.Summary() != "" {
			return s.Summary(), err
		}
		if err != nil {
			return "", err
		}
		return result, nil
	})
}

// minder keeps this computer's agent running while Run does: from the moment at
// which there is one, and again some minutes after it ended with an error.
type minder struct {
	engine *Engine
	ended  chan struct{} // of the running agent; nil = none runs
	next   time.Time     // not to be tried before
	failed string        // the last complaint, said once
}

// The agent is tried again after this time.
const agentPause = 5 * time.Minute

func (m *minder) look(ctx context.Context) {
	e := m.engine
	if m.ended != nil {
		select {
		case <-m.ended:
			m.ended, m.next = nil, e.o.Clock().Add(agentPause)
		default:
			return
		}
	}
	if e.o.Agent == nil || e.o.Store.ReadOnly() || ctx.Err() != nil || e.o.Clock().Before(m.next) {
		return
	}
	c, err := e.o.Agent()
	if err != nil {
		m.next = e.o.Clock().Add(agentPause)
		if m.failed != err.Error() {
			m.failed = err.Error()
			e.o.Log.Error("this computer's agent could not be started", "error", model.Clean(m.failed))
		}
		return
	}
	if absent(c) {
		return // a change of the setup wakes Run, and it looks again
	}
	m.failed = ""
	ended := make(chan struct{})
	m.ended = ended
	e.work.Go(func() {
		defer e.poke()
		defer close(ended)
		_, err := contain(func() (string, error) { return "", c.Run(ctx) })
		if err != nil && ctx.Err() == nil {
			e.o.Log.Error("this computer's agent ended", "error", model.Clean(err.Error()))
		}
	})
}
