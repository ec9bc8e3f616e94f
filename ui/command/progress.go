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
			a.say("Cancelling; what was done so far is kept.")
			h.engine.Cancel(job.ID())
		case <-changes:
			m.show(job.State().Progress)
		}
	}
}
