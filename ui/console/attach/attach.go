// Package attach connects a console to the rest of the process that holds the
// store: the engine, the reports and the computer that it runs on. The console
// itself knows them by its own small interfaces only, so that it can be built
// and tested without them.
package attach

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
	"fettle/ui/console"
	"fettle/ui/report"
)

// Engine makes the background of this process usable by a console.
func Engine(e *engine.Engine) console.Engine { return background{e} }

type background struct{ *engine.Engine }

// Jobs gives the running jobs and the last finished ones.
func (b background) Jobs() []console.Job {
	states := b.Engine.Jobs()
	jobs := make([]console.Job, len(states))
	for i, s := range states {
		jobs[i] = console.Job{ID: s.ID, Kind: string(s.Kind), Name: s.Name, Started: s.Started, Ended: s.Ended, Progress: s.Progress, Err: s.Err, Result: s.Result}
	}
	return jobs
}

// Synchronize starts a synchronization.
func (b background) Synchronize(ctx context.Context, upstreams []string, by model.Actor) error {
	_, err := b.Engine.Synchronize(ctx, upstreams, by)
	return err
}

// CheckIn has this computer's agent check in.
func (b background) CheckIn(ctx context.Context, by model.Actor) error {
	_, err := b.Engine.CheckIn(ctx, by)
	return err
}

// Install has this computer's agent install what is approved.
func (b background) Install(ctx context.Context, by model.Actor) error {
	_, err := b.Engine.Install(ctx, nil, by)
	return err
}

// Next says when an upstream is synchronized next by itself.
func (b background) Next(u model.Upstream) time.Time { return b.NextSync(u) }

// Reports makes the reports of a store usable by a console.
func Reports(st *store.Store) console.Reporter { return reports{st} }

type reports struct{ store *store.Store }

// Reports lists the reports.
func (r reports) Reports() []console.Report {
	var out []console.Report
	for _, d := range report.Definitions() {
		out = append(out, console.Report{Name: d.Name, Title: d.Title, Answers: d.Answers})
	}
	return out
}

// Build makes one as text.
func (r reports) Build(ctx context.Context, snap *store.Snapshot, name string, width int, now time.Time, zone *time.Location) (string, error) {
	rep, err := report.Build(ctx, name, r.store, snap, report.Parameters{Now: now, Zone: zone})
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := rep.Text(&b, width); err != nil {
		return "", err
	}
	return b.String(), nil
}

// Machine describes the computer that this process runs on. available says why
// it cannot be managed, or nil.
func Machine(available func() error) func(context.Context) (console.Machine, error) {
	return func(context.Context) (console.Machine, error) {
		name, err := os.Hostname()
		if err != nil {
			name = "this computer"
		}
		m := console.Machine{Name: name, OS: system(), Apt: true, Root: os.Geteuid() == 0}
		if err := available(); err != nil {
			m.Apt, m.Facts = false, err.Error()
			var r *model.Refusal
			if errors.As(err, &r) && r.Why != "" {
				m.Facts = r.Why
			}
		}
		return m, nil
	}
}

// system is how the operating system names itself (os-release(5)).
func system() string {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
			if v, ok := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); ok {
				return strings.Trim(v, `"'`)
			}
		}
	}
	return "an operating system without a name"
}
