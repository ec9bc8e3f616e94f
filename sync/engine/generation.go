package engine

import (
	"context"
	"fmt"

	"fettle/model"
	"fettle/store"
	"fettle/sync/upstream"
)

// smallest is the share of what an upstream brought before below which a whole
// catalogue is not believed (offline-catalogues F.3).
const smallest = 0.7

// generation has the store take in a whole catalogue, and fills in the run's
// record when it is in force.
type generation struct {
	*store.Generation
	sink    *sink
	updates int // that are not expired
}

var _ upstream.Generation = (*generation)(nil)

// Generation begins a whole catalogue.
func (s *sink) Generation(ctx context.Context) (upstream.Generation, error) {
	g, err := s.store.BeginGeneration(ctx, s.upstream.Name)
	if err != nil {
		return nil, err
	}
	return &generation{Generation: g, sink: s}, nil
}

func (g *generation) Updates(ctx context.Context, updates []*model.Update) error {
	for _, u := range updates {
		if u.Publication == model.Published {
			g.updates++
		}
	}
	return g.Generation.Updates(ctx, updates)
}

// Switch refuses a complete catalogue that lost so much that its source is more
// likely wrong than the world.
func (g *generation) Switch(ctx context.Context, o upstream.Switch) error {
	s := g.sink
	before := s.store.Snapshot()
	if err := plausible(before, s.upstream.Name, g.updates, o); err != nil {
		return err
	}
	r, err := g.Generation.Switch(ctx, o.Anchor, o.Complete)
	// What came into force before an error is part of the record.
	s.imported(before, r.ImportResult)
	s.run.Withdrawn = append(s.run.Withdrawn, r.Withdrawn...)
	s.run.Products, s.run.Documents = s.run.Products+r.Products, s.run.Documents+r.Documents
	if err == nil {
		s.anchor = o.Anchor
	}
	return err
}

// plausible refuses a complete catalogue of so many published updates that
// would leave much less of what its upstream brought before.
func plausible(snap *store.Snapshot, name string, published int, o upstream.Switch) error {
	if !o.Complete || o.Force {
		return nil
	}
	had := 0
	for n := range snap.LastUpdate() {
		if r := snap.Row(n + 1); r != nil && r.Upstream == name && r.Flags&(model.FlagWithdrawn|model.FlagExpired) == 0 {
			had++
		}
	}
	if float64(published) >= smallest*float64(had) {
		return nil
	}
	return &upstream.ImplausibleError{What: model.Clean(name), Why: fmt.Sprintf("it has %d updates where there were %d before; if that is right, import it with --force", published, had)}
}
