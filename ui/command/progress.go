package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"fettle/model"
	"fettle/sync/engine"
)

// meter shows how far something is, on standard error: one line that is
// rewritten on a terminal, otherwise one line per phase.
type meter struct {
	a     *app
	phase string
	wrote bool
}

func (a *app) meter() *meter { return &meter{a: a} }

// manyBytes is a total that counts bytes: nothing else comes in such numbers.
const manyBytes = 10_000_000

// show tells the newest progress.
func (m *meter) show(p model.Progress) {
	phase := model.Clean(p.Phase)
	if phase == "" {
		return
	}
	phase = strings.ToUpper(phase[:1]) + phase[1:]
	if m.a.s.Live == 0 {
		if phase != m.phase {
			m.a.say("%s", phase)
		}
		m.phase = phase
		return
	}
	line := phase
	switch {
	case p.Total > 0 && (p.Done == p.Bytes || p.Bytes == 0 && p.Total >= manyBytes):
		line += fmt.Sprintf(": %s of %s (%d %%)", size(p.Done), size(p.Total), 100*p.Done/p.Total)
		p.Bytes = 0
	case p.Total > 0 && p.Bytes == 0 || p.Total > 0 && p.Total != p.Bytes:
		line += fmt.Sprintf(": %d of %d (%d %%)", p.Done, p.Total, 100*p.Done/p.Total)
	case p.Done > 0:
		line += fmt.Sprintf(": %d", p.Done)
	}
	if p.Bytes > 0 {
		line += ", " + size(p.Bytes)
	}
	m.phase, m.wrote = phase, true
	width := max(1, m.a.s.Live-1)
	fmt.Fprint(m.a.s.Err, "\r"+pad(ansi.Truncate(line, width, "…"), width, false))
}

// clear takes the line away again.
func (m *meter) clear() {
	if m.wrote {
		fmt.Fprint(m.a.s.Err, "\r"+strings.Repeat(" ", max(1, m.a.s.Live-1))+"\r")
		m.wrote = false
	}
}

// follow shows a job's progress until it ends, and gives its error. When ctx
// ends, the job is cancelled.
func (a *app) follow(ctx context.Context, h *host, job *engine.Job) error {
	return a.followSaying(ctx, h, job, "Cancelling; what was done so far is kept.")
}

// followSaying is follow with what is said when the job is cancelled.
func (a *app) followSaying(ctx context.Context, h *host, job *engine.Job, cancelling string) error {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	changes := h.engine.Watch(watching)
	m := a.meter()
	defer m.clear()
	interrupted := ctx.Done()
	for {
		select {
		case <-job.Done():
			m.clear()
			return job.Wait(watching)
		case <-interrupted:
			interrupted = nil
			m.clear()
			a.say("%s", cancelling)
			h.engine.Cancel(job.ID())
		case <-changes:
			m.show(job.State().Progress)
		}
	}
}
