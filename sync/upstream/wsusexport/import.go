package wsusexport

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"fettle/model"
	"fettle/sync/metadata"
	"fettle/sync/upstream"
)

// run is one import.
type run struct {
	options    Options
	pack       *pack
	manifest   *manifest
	sink       upstream.Sink
	generation upstream.Generation
	progress   func(model.Progress)

	kinds      map[guid]kind // of every identifier seen so far
	members    members
	late       map[revision]struct{} // updates whose members or prerequisites had not been seen
	categories []model.Category      // not sent yet
	updates    []*model.Update       // not sent yet

	records  int // documents seen
	failures int
	differed int // revisions of which another document is kept
	repeated int
	unlisted int
	absent   int // members that the package does not hold
}

// kind is what an identifier stands for.
type kind uint8

// maxNesting bounds bundles in bundles; two levels are known.
const maxNesting = 64

// An identifier is a category of one of the model's kinds, or something else.
const notCategory kind = 0xFF

// read takes the whole package in.
func (r *run) read(ctx context.Context) error {
	r.kinds, r.late = map[guid]kind{}, map[revision]struct{}{}
	since := r.options.Clock()
	report := func(phase string, done, total int, read int64) {
		r.progress(model.Progress{Phase: phase, Done: int64(done), Total: int64(total), Bytes: read, Since: since})
	}
	err := r.pass(ctx, nil, r.keep, func(b *batch) error {
		for i := range b.records {
			if err := r.take(&b.records[i]); err != nil {
				return err
			}
		}
		report(phaseRead, r.records, r.manifest.revisions, b.read)
		return r.send(ctx, false)
	})
	if err != nil {
		return fmt.Errorf("reading the package: %w", err)
	}
	if err := r.plausible(); err != nil {
		return err
	}
	if len(r.late) > 0 {
		since = r.options.Clock()
		done, total := 0, len(r.late)
		err := r.pass(ctx, func(id revision) bool { _, ok := r.late[id]; return ok }, r.parse, func(b *batch) error {
			for i := range b.records {
				if rec := &b.records[i]; rec.update != nil {
					done++
					if err := r.compose(rec); err != nil {
						return err
					}
				}
			}
			report(phaseLate, done, total, b.read)
			return r.send(ctx, false)
		})
		if err != nil {
			return fmt.Errorf("reading the package again: %w", err)
		}
	}
	r.remark()
	return r.send(ctx, true)
}

// take notes what a document says, and composes its update where it can.
func (r *run) take(rec *batchRecord) error {
	r.records++
	if rec.problem != "" {
		return r.fail(rec, rec.problem)
	}
	if rec.repeated {
		r.repeated++
		if at, ok := r.members.at[rec.revision]; ok && at.plain != rec.plain {
			return r.fail(rec, "the package holds this revision twice with different contents; the first was taken")
		}
		return nil
	}
	if rec.other {
		r.differed++
	}
	u := rec.update
	if _, ok := r.manifest.newest[rec.id]; !ok {
		r.unlisted++
	}
	newest := r.manifest.isNewest(rec.revision)
	if c, ok := metadata.CategoryOf(u, metadata.Options{Languages: r.options.Languages}); ok {
		r.kinds[rec.id] = kind(c.Kind)
		if newest && !rec.other {
			c.Upstream = r.options.Name
			r.categories = append(r.categories, c)
		}
		return nil
	}
	r.kinds[rec.id] = notCategory
	if u.Type == metadata.Detectoid {
		return nil
	}
	settled := r.settled(u)
	if err := r.members.add(rec.revision, u, memberAt{settled: settled, other: rec.other, kept: rec.kept, plain: rec.plain}); err != nil {
		return err
	}
	switch {
	case !u.Deployable || !newest:
	case !settled:
		r.late[rec.revision] = struct{}{}
	default:
		return r.compose(rec)
	}
	return nil
}

// settled says whether everything that a document names has been seen, and
// everything that its members name.
func (r *run) settled(u *metadata.Update) bool {
	for _, clause := range u.Prerequisites {
		for _, id := range clause.IDs {
			if g, ok := parseGUID([]byte(id)); ok {
				if _, seen := r.kinds[g]; !seen {
					return false
				}
			}
		}
	}
	for _, clause := range u.Bundles {
		for _, key := range clause.Members {
			id, ok := revisionOf(key)
			if at, seen := r.members.at[id]; ok && !(seen && at.settled) {
				return false
			}
		}
	}
	return true
}

// compose makes the update of a document and queues it.
func (r *run) compose(rec *batchRecord) error {
	u := rec.update
	digest := sha256.New()
	digest.Write(rec.plain[:])
	other := rec.other
	seen := map[revision]bool{rec.revision: true}
	var gather func(u *metadata.Update, depth int)
	gather = func(u *metadata.Update, depth int) {
		for _, clause := range u.Bundles {
			for _, key := range clause.Members {
				id, ok := revisionOf(key)
				if !ok || seen[id] || depth > maxNesting {
					continue
				}
				seen[id] = true
				at, ok := r.members.at[id]
				if !ok {
					r.absent++
					continue
				}
				digest.Write(at.plain[:])
				other = other || at.other
				if at.bundle {
					gather(r.members.find(id), depth+1)
				}
			}
		}
	}
	gather(u, 0)
	if at := r.members.at[rec.revision]; at.kept && other {
		// What is stored was made from the documents that stay.
		return nil
	}
	lookup := func(key metadata.Identity) *metadata.Update {
		id, ok := revisionOf(key)
		if !ok {
			return nil
		}
		return r.members.find(id)
	}
	made := metadata.Compose(u, lookup, r.kindOf, metadata.Options{Languages: r.options.Languages})
	if made == nil {
		return r.fail(rec, "nothing that an administrator could decide about can be made of it")
	}
	made.Upstream, made.Digest = r.options.Name, digest.Sum(nil)
	for i := range made.Files {
		if f := &made.Files[i]; f.URL == "" {
			f.URL = r.manifest.files.find(f.SHA1)
		}
	}
	r.updates = append(r.updates, made)
	return nil
}

// kindOf says whether an identifier is a category, and of what kind.
func (r *run) kindOf(id model.UpdateID) (model.CategoryKind, bool) {
	g, ok := parseGUID([]byte(id))
	if !ok {
		return 0, false
	}
	k, ok := r.kinds[g]
	return model.CategoryKind(k), ok && k != notCategory
}

// send hands over what was made, categories before the updates that are in them.
func (r *run) send(ctx context.Context, all bool) error {
	if !all && len(r.updates) < upstream.BatchSize {
		return nil
	}
	if len(r.categories) > 0 {
		// Companies, families, products: each after what it belongs to.
		slices.SortStableFunc(r.categories, func(a, b model.Category) int {
			return cmp.Compare(rank(a.Kind), rank(b.Kind))
		})
		if err := r.generation.Categories(ctx, r.categories); err != nil {
			return err
		}
		r.categories = nil
	}
	for part := range slices.Chunk(r.updates, upstream.BatchSize) {
		if err := r.generation.Updates(ctx, part); err != nil {
			return err
		}
	}
	r.updates = nil
	return nil
}

// rank orders the kinds of categories from the outermost in.
func rank(k model.CategoryKind) int {
	return slices.Index([]model.CategoryKind{model.CategoryClassification, model.CategoryCompany, model.CategoryFamily, model.CategoryProduct}, k)
}

// tolerated is how many of n may be wrong in a package that is believed: one in
// a hundred, and one in any.
func tolerated(n int) int { return max(1, n/100) }

// fail reports a document that was left out, and ends the run when they are too
// many to be single mistakes.
func (r *run) fail(rec *batchRecord, reason string) error {
	r.failures++
	r.sink.Fail(fmt.Sprintf("%s, revision %d", rec.id, rec.number), model.Clean(reason))
	if r.failures > tolerated(max(r.manifest.revisions, r.records)) {
		return r.implausible("%d of %d documents could not be taken in, the last because %s", r.failures, r.records, model.Clean(reason))
	}
	return nil
}

func (r *run) implausible(format string, args ...any) error {
	return &upstream.ImplausibleError{What: "the package", Why: fmt.Sprintf(format, args...)}
}

// plausible refuses what cannot be an export: better nothing than a catalogue
// that a changed format or a broken copy emptied (offline-catalogues F.3).
func (r *run) plausible() error {
	listed := r.manifest.revisions
	switch missing := max(listed-r.records, r.records-listed); {
	case r.records == 0:
		return r.implausible("it holds no documents")
	case r.records == r.failures:
		return r.implausible("none of its %d documents can be read", r.records)
	case r.manifest.listed && missing > tolerated(listed):
		return r.implausible("its table of contents lists %d revisions, but it holds %d documents", listed, r.records)
	case r.unlisted > tolerated(listed):
		return r.implausible("%d of its %d documents are not in its table of contents", r.unlisted, r.records)
	}
	return nil
}

// remark tells what an administrator should know of a package that was read.
func (r *run) remark() {
	say := func(n int, format string, args ...any) {
		if n > 0 {
			r.sink.Remark(fmt.Sprintf(format, args...))
		}
	}
	listed := r.manifest.revisions
	say(max(listed-r.records, r.records-listed), "The package's table of contents lists %d revisions, it holds %d documents.", listed, r.records)
	say(r.repeated, "%d documents are in the package more than once; they were taken in once.", r.repeated)
	say(r.differed, "Of %d revisions another document than the package's is kept, as editions differ in line endings; it stays.", r.differed)
	say(r.absent, "%d members of bundles are not in the package: what their bundles say of files and restarts is not complete.", r.absent)
	say(r.manifest.files.unfit, "%d addresses of files in the package are none and were left out.", r.manifest.files.unfit)
	say(len(r.late), "%d updates are in the package before what they consist of or depend on; it was read twice.", len(r.late))
}
