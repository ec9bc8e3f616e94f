package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fettle/model"
	"fettle/sync/content"
)

// JobContent carries payload files in.
const JobContent JobKind = "content"

// ContentDir is where payload files are kept.
func (e *Engine) ContentDir() string {
	if dir := e.o.Store.Snapshot().Settings().ContentDir; dir != "" {
		return dir
	}
	return filepath.Join(e.o.Store.Dir(), "content")
}

// ImportContent takes in a content directory of WSUS (offline-catalogues C.3),
// which must be readable by this process: files that an update of the catalogue
// names are verified and kept.
func (e *Engine) ImportContent(ctx context.Context, dir string, by model.Actor) (*Job, error) {
	if err := e.permit("The import of content", by); err != nil {
		return nil, err
	}
	state := JobState{Kind: JobContent, Name: "Import of content from " + model.Clean(dir), By: by}
	return e.start(ctx, state, []JobKind{JobContent}, func(ctx context.Context, j *Job) (string, error) {
		wanted, err := e.wantedFiles(ctx)
		if err != nil {
			return "", err
		}
		if len(wanted) == 0 {
			return "", &model.Refusal{Code: "no-files", What: "No content was imported", Why: "no update of the catalogue names a file", Remedy: "import the catalogue first: fettle import FILE"}
		}
		kept, err := content.Open(e.ContentDir())
		if err != nil {
			return "", fmt.Errorf("opening the content store: %w", err)
		}
		r, err := kept.Import(ctx, dir, func(sha1 [20]byte) (model.File, bool) {
			f, ok := wanted[sha1]
			return f, ok
		}, content.ImportOptions{Progress: j.progress, Clock: e.o.Clock})
		err = errors.Join(err, e.recordContent(context.WithoutCancel(ctx), kept), kept.Close())
		var text bytes.Buffer
		for i, s := range r.Sentences() {
			if i > 0 {
				text.WriteByte(' ')
			}
			text.WriteString(model.Clean(s))
		}
		return text.String(), err
	})
}

// wantedFiles gives the files that updates of the catalogue name, by SHA-1.
func (e *Engine) wantedFiles(ctx context.Context) (map[[20]byte]model.File, error) {
	wanted := map[[20]byte]model.File{}
	err := e.o.Store.EachUpdate(ctx, func(u *model.Update) error {
		for _, f := range u.Files {
			if len(f.SHA1) != 20 {
				continue
			}
			key := [20]byte(f.SHA1)
			if old, ok := wanted[key]; ok && len(old.SHA256) > 0 {
				continue // several updates may share a file; the better described one counts
			}
			wanted[key] = f
		}
		return nil
	})
	return wanted, err
}

// recordContent records which updates have all of their files.
func (e *Engine) recordContent(ctx context.Context, kept *content.Store) error {
	var ready []uint32
	if err := e.o.Store.EachUpdate(ctx, func(u *model.Update) error {
		for _, f := range u.Files {
			if !kept.Has(f) {
				return nil
			}
		}
		if len(u.Files) > 0 {
			ready = append(ready, u.Number)
		}
		return nil
	}); err != nil {
		return err
	}
	return e.o.Store.SetContent(ctx, ready)
}

// reviewContent looks again which updates have their files, after the catalogue
// changed. It is no reason for a run to fail.
func (e *Engine) reviewContent(ctx context.Context) {
	if _, err := os.Stat(e.ContentDir()); err != nil {
		return // nothing was ever carried in
	}
	kept, err := content.Open(e.ContentDir())
	if errors.Is(err, content.ErrHeld) {
		return // content is carried in just now, which ends with a look at everything
	}
	if err == nil {
		err = errors.Join(e.recordContent(ctx, kept), kept.Close())
	}
	if err != nil {
		e.o.Log.Warn("which files are kept could not be looked up", "error", err)
	}
}
