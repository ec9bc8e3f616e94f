package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"fettle/model"
	"fettle/store"
	"fettle/sync/upstream"
)

// ImportOptions say how a file is taken in.
type ImportOptions struct {
	Upstream string // under whose name; empty = see ImportName
	Force    bool   // although it is older than what was imported before, or implausibly small
}

// ImportName is the upstream under whose name a file's catalogue is kept: the
// configured one of its kind, if there is exactly one, and otherwise the kind.
func (e *Engine) ImportName(c *Carried) string {
	var names []string
	for _, u := range e.o.Store.Snapshot().Upstreams() {
		if u.Kind == c.Kind {
			names = append(names, u.Name)
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	return string(c.Kind)
}

// Import takes in a file that was carried in: a synchronization of one run, with
// its record. It needs no configured upstream, and brings facts only. The file
// must stay open until the job has ended.
func (e *Engine) Import(ctx context.Context, c *Carried, o ImportOptions, by model.Actor) (*Job, error) {
	if err := errors.Join(e.permit("The import", by), c.Refusal()); err != nil {
		return nil, err
	}
	u, err := e.importUpstream(c, o)
	if err != nil {
		return nil, err
	}
	state := JobState{Kind: JobSynchronization, Name: "Import of " + c.Name, By: by}
	return e.start(ctx, state, []JobKind{JobSynchronization, JobEvaluation}, func(ctx context.Context, j *Job) (string, error) {
		defer frugally()()
		result, err := e.run(ctx, j, u, by, func() (upstream.Source, error) { return e.carriedSource(c, o.Force), nil })
		if ctx.Err() == nil && e.isStale() {
			if _, evalErr := e.evaluate(ctx, j); evalErr != nil {
				err = errors.Join(err, evalErr)
			}
		}
		return result, err
	})
}

// importUpstream is the upstream that a file's catalogue belongs to.
func (e *Engine) importUpstream(c *Carried, o ImportOptions) (model.Upstream, error) {
	name := o.Upstream
	if name == "" {
		name = e.ImportName(c)
	}
	for _, u := range e.o.Store.Snapshot().Upstreams() {
		if u.Name != name {
			continue
		}
		if u.Kind != c.Kind {
			return u, &model.Refusal{Code: "upstream-kind", What: c.Name + " was not imported", Why: fmt.Sprintf("the upstream %s is of the kind %s, and the file is %s", model.Clean(name), u.Kind, c.What)}
		}
		return u, nil
	}
	return model.Upstream{Name: name, Kind: c.Kind, Location: c.Name}, nil
}

// ImportPlan is what an import would change.
type ImportPlan struct {
	New, Revised, Withdrawn, Unchanged int
	Documents                          int      // originals that are new or differ
	Categories                         int      // products and classifications that are new
	Titles                             []string // of the first new updates
	Remarks                            []string
	Failures                           []model.ImportFailure
}

// plannedTitles is how many new updates a plan names.
const plannedTitles = 20

// PlanImport reads a file whole and says what importing it would change. It
// writes nothing.
func (e *Engine) PlanImport(ctx context.Context, c *Carried, o ImportOptions, progress func(model.Progress)) (*ImportPlan, error) {
	if err := c.Refusal(); err != nil {
		return nil, err
	}
	u, err := e.importUpstream(c, o)
	if err != nil {
		return nil, err
	}
	anchor, err := e.o.Store.Anchor(u.Name)
	if err != nil {
		return nil, err
	}
	p := &planSink{engine: e, upstream: u.Name}
	_, err = contain(func() (string, error) {
		return "", e.carriedSource(c, o.Force).Synchronize(ctx, anchor, p, progress)
	})
	if err != nil {
		return nil, fmt.Errorf("planning the import of %s: %w", c.Name, err)
	}
	return &p.plan, nil
}

// planSink compares what a source brings with what the store has.
type planSink struct {
	engine   *Engine
	upstream string
	plan     ImportPlan
}

var errPlanned = errors.New("a file brings its catalogue as a whole")

func (*planSink) Categories(context.Context, []model.Category) error { return errPlanned }
func (*planSink) Updates(context.Context, []*model.Update) error     { return errPlanned }
func (*planSink) Anchor(context.Context, []byte) error               { return errPlanned }
func (*planSink) Complete(context.Context, string, map[model.UpdateID]struct{}) error {
	return errPlanned
}

func (p *planSink) Fail(item, reason string) {
	if len(p.plan.Failures) < keptFailures {
		p.plan.Failures = append(p.plan.Failures, model.ImportFailure{Item: bounded(item), Reason: bounded(reason)})
	}
}

func (p *planSink) Remark(text string) {
	if text = bounded(text); len(p.plan.Remarks) < keptRemarks && !slices.Contains(p.plan.Remarks, text) {
		p.plan.Remarks = append(p.plan.Remarks, text)
	}
}

func (p *planSink) Generation(context.Context) (upstream.Generation, error) {
	return &planGeneration{sink: p, store: p.engine.o.Store, present: map[model.UpdateID]struct{}{}, categories: map[model.CategoryID]bool{}}, nil
}

// planGeneration counts.
type planGeneration struct {
	sink       *planSink
	store      *store.Store
	mu         sync.Mutex
	documents  int
	categories map[model.CategoryID]bool
	present    map[model.UpdateID]struct{}
	published  int
	counts     store.ImportForecast
}

func (g *planGeneration) Kept(key model.DocumentKey) ([32]byte, bool) {
	return g.store.KeptDocument(g.sink.upstream, key)
}

func (g *planGeneration) Documents(_ context.Context, d []model.Document) error {
	n := 0
	for i := range d {
		if sum, ok := g.Kept(d[i].DocumentKey); !ok || sum != d[i].Sum() {
			n++
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.documents += n
	return nil
}

func (*planGeneration) Keep(context.Context, []model.DocumentKey) error { return nil }

func (g *planGeneration) Categories(_ context.Context, c []model.Category) error {
	snap := g.store.Snapshot()
	for _, x := range c {
		if _, known := snap.Category(x.ID); !known {
			g.categories[x.ID] = true
		}
	}
	return nil
}

func (g *planGeneration) Updates(_ context.Context, updates []*model.Update) error {
	for _, u := range updates {
		u.Upstream = g.sink.upstream
		g.present[u.ID] = struct{}{}
		if u.Publication == model.Published {
			g.published++
		}
	}
	f, err := g.store.ForecastImport(updates)
	if err != nil {
		return err
	}
	g.counts.New = append(g.counts.New, f.New...)
	g.counts.Revised += f.Revised
	g.counts.Unchanged += f.Unchanged
	return nil
}

func (g *planGeneration) Switch(_ context.Context, o upstream.Switch) error {
	if err := plausible(g.store.Snapshot(), g.sink.upstream, g.published, o); err != nil {
		return err
	}
	p := &g.sink.plan
	p.New, p.Revised, p.Unchanged = len(g.counts.New), g.counts.Revised, g.counts.Unchanged
	p.Documents, p.Categories = g.documents, len(g.categories)
	for _, u := range g.counts.New[:min(len(g.counts.New), plannedTitles)] {
		p.Titles = append(p.Titles, model.Clean(u))
	}
	if o.Complete {
		p.Withdrawn = len(g.store.Absent(g.sink.upstream, g.present))
	}
	return nil
}

func (*planGeneration) Discard() error { return nil }
