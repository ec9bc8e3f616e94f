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
	"io/fs"
	"os"
	"path/filepath"
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
		jobs[i] = console.Job{ID: s.ID, Kind: string(s.Kind), Name: s.Name, Started: s.Started, Ended: s.Ended, Progress: s.Progress, Err: s.Err, Canceled: s.Canceled, Result: s.Result}
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

// Recognize says what a file, or a directory of content, is.
func (b background) Recognize(ctx context.Context, path string) (*console.CarriedFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreachable(path, err)
	}
	if info.IsDir() {
		return &console.CarriedFile{Name: filepath.Base(path), What: "a directory, taken for a content directory of WSUS (WsusContent)", Content: true,
			Facts: [][2]string{{"Kept in", b.ContentDir()}, {"Taken in", "payload files that an update of the catalogue names, after their digest was verified"}}}, nil
	}
	var out *console.CarriedFile
	err = b.carried(ctx, path, func(c *engine.Carried, _ *os.File) error {
		out = &console.CarriedFile{Name: c.Name, Size: c.Size, What: c.What, Refused: c.Refused}
		for _, f := range c.Facts {
			out.Facts = append(out.Facts, [2]string{f.Name, f.Value})
		}
		out.Facts = append(out.Facts, [2]string{"Imported as", b.ImportName(c)})
		return nil
	})
	return out, err
}

// PlanImport reads a file and says what importing it would change.
func (b background) PlanImport(ctx context.Context, path string, force bool, progress func(model.Progress)) (*console.ImportPlan, error) {
	var out *console.ImportPlan
	err := b.carried(ctx, path, func(c *engine.Carried, _ *os.File) error {
		p, err := b.Engine.PlanImport(ctx, c, engine.ImportOptions{Force: force}, progress)
		if err == nil {
			out = &console.ImportPlan{New: p.New, Revised: p.Revised, Withdrawn: p.Withdrawn, Unchanged: p.Unchanged, Documents: p.Documents, Categories: p.Categories,
				Titles: p.Titles, Remarks: p.Remarks, Failures: p.Failures}
		}
		return err
	})
	return out, err
}

// Import starts the import of a file or of a directory of content.
func (b background) Import(ctx context.Context, path string, force bool, by model.Actor) error {
	if info, err := os.Stat(path); err != nil {
		return unreachable(path, err)
	} else if info.IsDir() {
		_, err := b.ImportContent(ctx, path, by)
		return err
	}
	f, c, err := b.open(ctx, path)
	if err != nil {
		return err
	}
	j, err := b.Engine.Import(ctx, c, engine.ImportOptions{Force: force}, by)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	// The file is open as long as the job reads it. The job is the engine's, which
	// waits for it; this goroutine ends with the job.
	go func() {
		<-j.Done()
		_ = f.Close() // it was only read
	}()
	return nil
}

// carried opens and recognises a file for the time of a use.
func (b background) carried(ctx context.Context, path string, use func(*engine.Carried, *os.File) error) error {
	f, c, err := b.open(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(use(c, f), f.Close())
}

func (b background) open(ctx context.Context, path string) (*os.File, *engine.Carried, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, unreachable(path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(unreachable(path, err), f.Close())
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.Join(&model.Refusal{Code: "import-file", What: model.Clean(path) + " was not imported", Why: "it is neither a file nor a directory"}, f.Close())
	}
	c, err := b.Engine.Recognize(ctx, engine.CarriedFile{Name: filepath.Base(path), Reader: f, Size: info.Size()})
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, c, nil
}

// unreachable says that a file cannot be read on this machine.
func unreachable(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	r := &model.Refusal{Code: "import-file", What: model.Clean(path) + " was not imported", Why: "opening it: " + err.Error()}
	if errors.Is(err, fs.ErrNotExist) {
		r.Why, r.Remedy = "there is no such file on the machine that holds Fettle's data", "copy it there, or send it from your own machine: fettle import FILE"
	}
	return r
}

// Reports makes the reports of a store usable by a console.
func Reports(st *store.Store) console.Reporter { return reports{st} }

type reports struct{ store *store.Store }

// Reports lists the reports.
func (r reports) Reports() []console.Report {
	var out []console.Report
	for _, d := range report.Definitions() {
		out = append(out, console.Report{Name: d.Name, Title: d.Title, Answers: d.Answers, OnComputers: d.Query == report.OnComputers, Groups: d.Groups, Bases: d.Bases})
	}
	return out
}

// Build makes one.
func (r reports) Build(ctx context.Context, snap *store.Snapshot, name string, p report.Parameters) (*report.Report, error) {
	return report.Build(ctx, name, r.store, snap, p)
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
