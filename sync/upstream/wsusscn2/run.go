package wsusscn2

import (
	"context"
	"fmt"

	"fettle/model"
	"fettle/sync/upstream"
)

// run is one import under way.
type run struct {
	*Source
	ctx      context.Context
	sink     upstream.Sink
	progress func(model.Progress)
	step     model.Progress
	measured bool // the step counts bytes

	outer      *outer
	edition    Edition
	catalogue  *catalogue
	generation upstream.Generation
	details    *details
	failures   int
}

// Limits of what is plausible.
const (
	fewFailures  = 20  // that are never too many
	failureShare = 100 // one in so many revisions may fail
)

func (r *run) implausible(format string, args ...any) error {
	return &upstream.ImplausibleError{What: r.options.Name, Why: fmt.Sprintf(format, args...)}
}

// phase begins a phase of so many things, of bytes mostly.
func (r *run) phase(name string, total int64) {
	r.step, r.measured = model.Progress{Phase: name, Total: total, Since: r.options.Clock()}, false
	r.progress(r.step)
}

// reading begins a phase that reads so many bytes.
func (r *run) reading(name string, size int64) {
	r.phase(name, size)
	r.measured = true
}

// advance tells how far the phase is.
func (r *run) advance(done int64) {
	r.step.Done = min(done, r.step.Total)
	if r.measured {
		r.step.Bytes = r.step.Done
	}
	r.progress(r.step)
}

// run goes through the phases of the package's description.
func (r *run) run(from []byte) error {
	before, err := decodeAnchor(from)
	if err != nil {
		r.sink.Remark("The state of the last import was not readable: everything was read again.")
	}
	if r.outer, err = openOuter(r.in, r.size, r.options.Name); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	wanted := newLanguages(r.options.Languages)
	if !r.options.Force {
		if err := before.refuseOlder(r.edition, r.options.Name); err != nil {
			return err
		}
		if before.same(r.edition.anchor(wanted.list, false)) {
			r.sink.Remark(r.same())
			return nil
		}
	}
	if err := r.readGraph(); err != nil {
		return err
	}
	if r.generation, err = r.sink.Generation(r.ctx); err != nil {
		return fmt.Errorf("beginning to take in %s: %w", r.options.Name, err)
	}
	err = r.take(wanted)
	if discard := r.generation.Discard(); err == nil { // after Switch it does nothing
		err = discard
	}
	return err
}

// check is the first phase: whose file it is, and which edition.
func (r *run) check() error {
	r.reading("Checking the signature", r.size)
	var read, told int64
	e, err := r.describe(r.ctx, r.outer, func(n int) {
		if read += int64(n); read-told >= toldEvery {
			told = read
			r.advance(read)
		}
	})
	if err != nil {
		return err
	}
	r.edition = e
	if err := e.Signature.accept(r.options.Name, r.options.Unsigned); err != nil {
		return err
	}
	switch {
	case e.Signature.Trusted:
		r.sink.Remark(fmt.Sprintf("%s is %s.", r.options.Name, e.Signature))
	default:
		r.sink.Remark(fmt.Sprintf("%s is %s. It was taken in because the configuration allows that.", r.options.Name, e.Signature))
	}
	return nil
}

func (r *run) readGraph() (err error) {
	r.catalogue, err = r.graph(r.ctx, r.outer, func(size int64) { r.reading("Reading package.xml", size) }, func(offset int64) error {
		r.advance(offset)
		return r.ctx.Err()
	})
	return err
}

// take brings everything into the generation and puts that in force.
func (r *run) take(wanted languages) error {
	if err := r.send(wanted); err != nil {
		return err
	}
	r.details, r.catalogue = nil, nil // the store needs the memory now
	r.phase("Putting the catalogue in force", 0)
	return r.generation.Switch(r.ctx, upstream.Switch{
		Anchor: r.edition.anchor(wanted.list, r.failures > 0).encode(),
		// What could not be read is not gone: nothing is withdrawn on the word of a
		// file that is damaged somewhere.
		Complete: r.failures == 0,
		Force:    r.options.Force,
	})
}

// send brings everything into the generation.
func (r *run) send(wanted languages) error {
	if err := r.readDetails(wanted); err != nil {
		return err
	}
	j := newJoin(r.details, r.options.Languages)
	if err := r.sendCategories(j); err != nil {
		return err
	}
	if err := r.sendUpdates(j); err != nil {
		return err
	}
	return r.judge(j)
}

func (r *run) readDetails(wanted languages) error {
	var total int64
	for _, s := range r.outer.index.shards {
		total += find(r.outer.cabinet, s.name).Size
	}
	r.details = &details{outer: r.outer, catalogue: r.catalogue, languages: wanted, generation: r.generation, mostRaw: r.mostRaw}
	r.reading("Reading the descriptions of updates", total)
	var done int64
	return r.details.read(r.ctx, min(r.options.Workers, len(r.outer.index.shards)), func(n news) error {
		if n.reason != "" {
			return r.fail(n.revision, n.reason)
		}
		done += n.bytes
		r.advance(done)
		return nil
	})
}

// fail reports a revision that could not be taken in. What the store has of it
// stays as it is. Too many are no accident.
func (r *run) fail(i int, reason string) error {
	key := r.catalogue.revisions[i].identity()
	r.sink.Fail(fmt.Sprintf("%s revision %d", key.ID, key.Revision), reason)
	if r.failures++; r.failures > max(fewFailures, len(r.catalogue.revisions)/failureShare) {
		return r.implausible("more than %s of %d could not be read, the last one being %s: %s", count(r.failures-1, "revision"), len(r.catalogue.revisions), key.ID, reason)
	}
	if _, ok := r.generation.Kept(key); ok {
		return r.generation.Keep(r.ctx, []model.DocumentKey{key})
	}
	return nil
}

func (r *run) sendCategories(j *join) error {
	categories, err := j.categories()
	if err != nil {
		return err
	}
	if len(categories) == 0 {
		return r.implausible("it names no products and no classifications")
	}
	r.phase("Putting updates together", int64(j.expected()))
	return r.generation.Categories(r.ctx, categories)
}

func (r *run) sendUpdates(j *join) error {
	done := 0
	return j.run(r.ctx, upstream.BatchSize, func(c composed) error {
		if c.reason != "" {
			return r.fail(c.revision, c.reason)
		}
		done += len(c.updates)
		r.advance(int64(done))
		return r.generation.Updates(r.ctx, c.updates)
	})
}

// judge says what is remarkable about the catalogue, and refuses what cannot be
// one: both known parsers of others once succeeded with nothing in hand after
// the format had changed (recipe A.6, step 6).
func (r *run) judge(j *join) error {
	var t tally
	for _, o := range r.details.tallies {
		t.add(o)
	}
	n := j.counts
	switch {
	case n.updates == 0:
		return r.implausible("of %s none is an update that can be approved", count(len(r.catalogue.revisions), "revision"))
	case n.kbs == 0:
		return r.implausible("none of its %s has a KB number", count(n.updates, "update"))
	case n.untitled == n.updates:
		return r.implausible("none of its %s has a title", count(n.updates, "update"))
	case t.bare > t.software/2:
		return r.implausible("of %d descriptions of software %d have no extended fragment", t.software, t.bare)
	case t.strays > t.transferred:
		return r.implausible("%s belong to revisions that package.xml does not list", count(t.strays, "fragment"))
	}
	say := func(n int, format string) {
		if n > 0 {
			r.sink.Remark(fmt.Sprintf(format, n))
		}
	}
	say(n.outside, "%d supersedence edges name updates that are not in the catalogue, and were left out.")
	say(n.absent, "%d updates have members that are not in the catalogue.")
	say(n.untitled, "%d updates have no title in the languages that were read.")
	say(n.nameless, "%d products or classifications have no description of their own.")
	say(t.strays, "%d fragments belong to revisions that package.xml does not list, and were left out.")
	say(t.bare, "%d revisions have no extended fragment.")
	if r.failures > 0 {
		r.sink.Remark("Since some of the file could not be read, nothing was withdrawn that it lacks.")
	}
	return nil
}
