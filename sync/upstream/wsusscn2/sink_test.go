package wsusscn2

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"fettle/model"
	"fettle/sync/upstream"
)

// store is a sink that keeps what comes into force, and nothing of what does not.
type store struct {
	upstream.NoGenerations
	t testing.TB

	// In force.
	anchor     []byte
	documents  map[model.DocumentKey]model.Document
	categories map[model.CategoryID]model.Category
	updates    map[model.UpdateID]*model.Update
	switched   upstream.Switch
	switches   int

	failures []model.ImportFailure
	remarks  []string
	written  int // documents of the last generation that were new or differed

	fail  func(call string) error // nil means that nothing fails
	open  int                     // generations begun and not ended
	calls int
}

func newStore(t testing.TB) *store {
	return &store{t: t, documents: map[model.DocumentKey]model.Document{}, categories: map[model.CategoryID]model.Category{}, updates: map[model.UpdateID]*model.Update{}}
}

func (s *store) call(name string) error {
	s.calls++
	if s.fail != nil {
		return s.fail(name)
	}
	return nil
}

func (s *store) Categories(context.Context, []model.Category) error {
	return errors.New("categories outside of a generation")
}

func (s *store) Updates(context.Context, []*model.Update) error {
	return errors.New("updates outside of a generation")
}

func (s *store) Complete(context.Context, string, map[model.UpdateID]struct{}) error {
	return errors.New("completed outside of a generation")
}

func (s *store) Anchor(context.Context, []byte) error {
	return errors.New("an anchor outside of a generation")
}

func (s *store) Fail(item, reason string) {
	s.failures = append(s.failures, model.ImportFailure{Item: item, Reason: reason})
}

func (s *store) Remark(text string) { s.remarks = append(s.remarks, text) }

func (s *store) Generation(ctx context.Context) (upstream.Generation, error) {
	if err := s.call("generation"); err != nil {
		return nil, err
	}
	s.open++
	return &generation{store: s, documents: map[model.DocumentKey]model.Document{}, categories: map[model.CategoryID]model.Category{}, updates: map[model.UpdateID]*model.Update{}}, nil
}

type generation struct {
	*store
	mu         sync.Mutex
	documents  map[model.DocumentKey]model.Document
	categories map[model.CategoryID]model.Category
	updates    map[model.UpdateID]*model.Update
	written    int
	ended      bool
}

func (g *generation) Kept(key model.DocumentKey) ([32]byte, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d, ok := g.store.documents[key]
	return d.Sum(), ok
}

func (g *generation) Documents(ctx context.Context, documents []model.Document) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.call("documents"); err != nil {
		return err
	}
	for _, d := range documents {
		if _, twice := g.documents[d.DocumentKey]; twice {
			g.t.Errorf("%v came twice", d.DocumentKey)
		}
		d.Parts = slices.Clone(d.Parts)
		for i := range d.Parts {
			d.Parts[i].Data = slices.Clone(d.Parts[i].Data)
		}
		if old, ok := g.store.documents[d.DocumentKey]; !ok || old.Sum() != d.Sum() {
			g.written++
		}
		g.documents[d.DocumentKey] = d
	}
	return ctx.Err()
}

func (g *generation) Keep(ctx context.Context, keys []model.DocumentKey) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range keys {
		g.documents[key] = g.store.documents[key]
	}
	return g.call("keep")
}

func (g *generation) Categories(ctx context.Context, categories []model.Category) error {
	for _, c := range categories {
		if _, ok := g.categories[c.Parent]; c.Parent != "" && !ok {
			g.t.Errorf("%s came before its parent %s", c.ID, c.Parent)
		}
		g.categories[c.ID] = c
	}
	return g.call("categories")
}

func (g *generation) Updates(ctx context.Context, updates []*model.Update) error {
	if len(updates) > upstream.BatchSize {
		g.t.Errorf("%d updates in one call", len(updates))
	}
	for _, u := range updates {
		if g.updates[u.ID] != nil {
			g.t.Errorf("%s came twice", u.ID)
		}
		g.updates[u.ID] = u
	}
	return g.call("updates")
}

func (g *generation) Switch(ctx context.Context, o upstream.Switch) error {
	if err := errors.Join(g.call("switch"), ctx.Err()); err != nil {
		return err
	}
	s := g.store
	if !o.Complete {
		for id, u := range s.updates {
			if g.updates[id] == nil {
				g.updates[id] = u
			}
		}
	}
	s.documents, s.categories, s.updates, s.written = g.documents, g.categories, g.updates, g.written
	s.anchor, s.switched = o.Anchor, o
	s.switches++
	return g.Discard()
}

func (g *generation) Discard() error {
	if !g.ended {
		g.ended = true
		g.open--
	}
	return nil
}
