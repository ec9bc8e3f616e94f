package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"fettle/model"
)

// JobKind says what a job does; the word is shown.
type JobKind string

// The kinds of jobs.
const (
	JobSynchronization JobKind = "synchronization"
	JobCheckIn         JobKind = "check-in"
	JobInstallation    JobKind = "installation"
	JobEvaluation      JobKind = "evaluation"
)

// JobState is how a job stands.
type JobState struct {
	ID       uint64
	Kind     JobKind
	Name     string // what it does, for a person: "Synchronization of debian"
	By       model.Actor
	Started  time.Time
	Ended    time.Time // zero = running
	Progress model.Progress
	Err      string // empty = it succeeded, or still runs
	Canceled bool   // it ended because it was cancelled
	Result   string // what came of it, in words
	Run      uint64 // number of the current or last model.SyncRun of a synchronization
}

// Job is one thing that runs in the background.
type Job struct {
	engine *Engine
	owned  bool // by Run; else by the caller, who waits for it
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error // after done

	mu    sync.Mutex
	state JobState
}

// ID is the job's number, which Cancel takes.
func (j *Job) ID() uint64 { return j.state.ID } // never changes

// State says how the job stands.
func (j *Job) State() JobState {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state
}

// Done closes when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// Wait waits for the job and gives its error. If ctx ends first, a job that
// belongs to Run goes on; one that belongs to the caller is cancelled and waited
// for, which does not take long.
func (j *Job) Wait(ctx context.Context) error {
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
	}
	if j.owned {
		return ctx.Err()
	}
	j.cancel(errCanceled)
	<-j.done
	return j.err
}

// edit changes the state and tells the watchers.
func (j *Job) edit(change func(*JobState)) {
	j.mu.Lock()
	change(&j.state)
	j.mu.Unlock()
	j.engine.notify()
}

func (j *Job) progress(p model.Progress) {
	p.Phase = model.Clean(p.Phase)
	j.edit(func(s *JobState) { s.Progress = p })
}

// start begins a job, unless one of the kinds in not is running.
func (e *Engine) start(ctx context.Context, state JobState, not []JobKind, run func(context.Context, *Job) (string, error)) (*Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	if i := slices.IndexFunc(e.jobs, func(j *Job) bool { return slices.Contains(not, j.state.Kind) }); i >= 0 {
		return nil, busy(e.jobs[i].State(), state)
	}
	e.last++
	state.ID, state.Started = e.last, e.o.Clock()
	// The caller's context ends the job only when nobody else minds it.
	base := e.life
	if !e.owner {
		base = ctx
	}
	jobCtx, cancel := context.WithCancelCause(base)
	unlink := context.AfterFunc(e.life, func() { cancel(errEnding) })
	j := &Job{engine: e, owned: e.owner, cancel: cancel, done: make(chan struct{}), state: state}
	e.jobs = append(e.jobs, j)
	e.work.Go(func() {
		result, err := contain(func() (string, error) { return run(jobCtx, j) })
		canceled := err != nil && jobCtx.Err() != nil
		unlink()
		cancel(nil)
		e.finish(j, result, err, canceled)
	})
	e.notifyLocked()
	return j, nil
}

// contain turns a panic into an error: one bad upstream must not end a server
// that has run for months.
func contain(run func() (string, error)) (result string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &crash{value: fmt.Sprint(p), stack: debug.Stack()}
		}
	}()
	return run()
}

// crash is a panic that was contained.
type crash struct {
	value string
	stack []byte
}

// Error says that it is not the administrator's fault.
func (c *crash) Error() string {
	return "a fault in Fettle itself ended it (" + model.Clean(c.value) + "); please report it with the lines of the log"
}

// keptJobs is how many finished jobs are remembered.
const keptJobs = 20

func (e *Engine) finish(j *Job, result string, err error, canceled bool) {
	j.err = err
	j.mu.Lock()
	s := &j.state
	s.Ended, s.Result, s.Canceled = e.o.Clock(), result, canceled
	if err != nil {
		s.Err = model.Clean(err.Error())
	}
	state := j.state
	j.mu.Unlock()
	var c *crash
	switch {
	case errors.As(err, &c):
		e.o.Log.Error("a job failed", "job", state.Name, "error", state.Err, "stack", string(c.stack))
	case canceled:
		e.o.Log.Info("a job was cancelled", "job", state.Name)
	case err != nil:
		e.o.Log.Error("a job failed", "job", state.Name, "error", state.Err)
	default:
		e.o.Log.Info("a job ended", "job", state.Name, "result", state.Result)
	}
	e.mu.Lock()
	e.jobs = slices.DeleteFunc(e.jobs, func(o *Job) bool { return o == j })
	e.finished = append([]JobState{state}, e.finished...)
	e.finished = e.finished[:min(len(e.finished), keptJobs)]
	e.notifyLocked()
	e.mu.Unlock()
	close(j.done)
	e.poke()
}

// busy refuses a job because another is running.
func busy(running, wanted JobState) error {
	r := &model.Refusal{Code: "busy", What: wanted.Name + " was not started",
		Why: fmt.Sprintf("%s (job %d, started %s by %s) is still running", running.Name, running.ID, running.Started.Format("15:04"), model.Clean(running.By.Who))}
	switch running.Kind {
	case JobSynchronization:
		r.Remedy = "wait for it (fettle sync status), or end it with: fettle sync cancel"
	default:
		r.Remedy = "wait until it has ended"
	}
	return r
}

// Jobs gives the running jobs, the oldest first, then the last finished ones,
// the newest first.
func (e *Engine) Jobs() []JobState {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]JobState, 0, len(e.jobs)+len(e.finished))
	for _, j := range e.jobs {
		all = append(all, j.State())
	}
	return append(all, e.finished...)
}

// Running gives the running job of a kind, if there is one.
func (e *Engine) Running(kind JobKind) (JobState, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, j := range e.jobs {
		if j.state.Kind == kind {
			return j.State(), true
		}
	}
	return JobState{}, false
}

// Cancel ends a running job; false when there is none of that number. It does
// not wait.
func (e *Engine) Cancel(id uint64) bool {
	return e.cancel(func(j *Job) bool { return j.state.ID == id }) > 0
}

// CancelKind ends all running jobs of a kind and says how many there were.
func (e *Engine) CancelKind(kind JobKind) int {
	return e.cancel(func(j *Job) bool { return j.state.Kind == kind })
}

func (e *Engine) cancel(which func(*Job) bool) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, j := range e.jobs {
		if which(j) { // ID and kind never change
			j.cancel(errCanceled)
			n++
		}
	}
	return n
}
