package engine

import (
	"context"
	"fmt"
	"io"
	"slices"

	"fettle/model"
	"fettle/store"
	"fettle/sync/upstream/wsusexport"
)

// Export writes everything that is kept of Microsoft's catalogue as a package of
// wsusutil export.
func (e *Engine) Export(ctx context.Context, w io.WriteSeeker, progress func(model.Progress)) (wsusexport.Exported, error) {
	src, err := newExportSource(ctx, e.o.Store)
	if err != nil {
		return wsusexport.Exported{}, fmt.Errorf("exporting the catalogue: %w", err)
	}
	files, err := e.wantedFiles(ctx)
	if err != nil {
		return wsusexport.Exported{}, fmt.Errorf("exporting the catalogue: %w", err)
	}
	x, err := wsusexport.Export(ctx, w, src, wsusexport.ExportOptions{
		ServerID: e.o.Store.Identity(), Time: e.now(), Languages: e.o.Store.Snapshot().Settings().Languages,
		Address: func(sha1 [20]byte) string { return files[sha1].URL }, Progress: progress, Clock: e.o.Clock,
	})
	if err != nil {
		return x, fmt.Errorf("exporting the catalogue: %w", err)
	}
	return x, nil
}

// exportSource gives each revision once: whole where any upstream brought it
// whole.
type exportSource struct {
	refs   []store.DocumentRef // in the order in which they are read fastest
	at     map[model.DocumentKey]int
	reader *store.DocumentReader
}

func newExportSource(ctx context.Context, s *store.Store) (*exportSource, error) {
	x := &exportSource{at: map[model.DocumentKey]int{}, reader: s.NewDocumentReader()}
	best := map[model.DocumentKey]store.DocumentRef{}
	if err := s.Documents(ctx, "", func(r store.DocumentRef) error {
		if old, ok := best[r.DocumentKey]; !ok || r.Form < old.Form {
			best[r.DocumentKey] = r
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for _, r := range best {
		x.refs = append(x.refs, r)
	}
	store.SortDocuments(x.refs)
	for i, r := range x.refs {
		x.at[r.DocumentKey] = i
	}
	x.refs = slices.Clip(x.refs)
	return x, nil
}

func (x *exportSource) EachDocument(ctx context.Context, visit func(*model.Document) error) error {
	for _, r := range x.refs {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := x.reader.Document(r)
		if err != nil {
			return err
		}
		if err := visit(d); err != nil {
			return err
		}
	}
	return nil
}

func (x *exportSource) Document(_ context.Context, key model.DocumentKey) (*model.Document, error) {
	i, ok := x.at[key]
	if !ok {
		return nil, fmt.Errorf("the document of %s: %w", key.ID, store.ErrNotFound)
	}
	return x.reader.Document(x.refs[i])
}
