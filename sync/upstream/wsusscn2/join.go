package wsusscn2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"fettle/model"
	"fettle/sync/metadata"
)

// join puts together what the fragments and package.xml say (recipe A.6, steps 4
// and 5). It serves one goroutine at a time.
type join struct {
	*details
	options metadata.Options

	known      map[model.UpdateID]model.CategoryKind
	supersedes [][]int32 // by revision: those that package.xml says it supersedes

	counts joinCounts
}

// joinCounts is what is judged and remarked on at the end.
type joinCounts struct {
	updates  int // that an administrator decides about
	untitled int
	kbs      int // updates with a KB number
	outside  int // superseded updates that are not in the edition
	absent   int // updates with members that are not in the edition
	nameless int // categories without a document
}

func newJoin(d *details, languages []string) *join {
	j := &join{details: d, options: metadata.Options{Languages: languages}, known: map[model.UpdateID]model.CategoryKind{}}
	j.reverse()
	return j
}

// reverse turns "superseded by" of package.xml into "supersedes", which is what
// core fragments and the store say.
func (j *join) reverse() {
	c := j.catalogue
	j.supersedes = make([][]int32, len(c.revisions))
	for i := range c.revisions {
		for _, key := range c.edges[c.revisions[i].supersededBy.from:c.revisions[i].supersededBy.to] {
			by, ok := c.byKey(key)
			if !ok {
				j.counts.outside++
				continue
			}
			j.supersedes[by] = append(j.supersedes[by], int32(i))
		}
	}
}

// categories makes the products, what groups them, and the classifications, each
// after its parent.
func (j *join) categories() ([]model.Category, error) {
	c := j.catalogue
	named := map[model.UpdateID]model.CategoryKind{}
	for _, k := range c.kinds {
		named[k.id.id()] = k.kind
	}
	found := map[model.CategoryID]model.Category{}
	for i := range c.revisions {
		if j.kinds[i] != model.DocumentCategory || !c.newest(i) {
			continue
		}
		u, err := j.get(i)
		if err != nil {
			return nil, err
		}
		if u == nil {
			continue
		}
		kind, known := named[u.ID]
		if u.Category == nil && known {
			u.Category = &metadata.CategoryInformation{Kind: kind}
		}
		category, ok := metadata.CategoryOf(u, j.options)
		if !ok {
			continue
		}
		if len(u.Texts) == 0 {
			category.Title = fallbackTitle(category.ID)
		}
		found[category.ID] = category
	}
	for id, kind := range named {
		if _, ok := found[model.CategoryID(id)]; !ok {
			j.counts.nameless++
			found[model.CategoryID(id)] = model.Category{ID: model.CategoryID(id), Kind: kind, Title: fallbackTitle(model.CategoryID(id))}
		}
	}
	j.adopt(found)
	for id, category := range found {
		j.known[model.UpdateID(id)] = category.Kind
	}
	return parentsFirst(found), nil
}

// adopt gives categories that do not name their parent the one that package.xml
// names beside them wherever they occur, if that is always the same.
func (j *join) adopt(found map[model.CategoryID]model.Category) {
	c := j.catalogue
	candidates := map[model.CategoryID]model.CategoryID{}
	for i := range c.revisions {
		var family, company model.CategoryID
		used := c.used[c.revisions[i].categories.from:c.revisions[i].categories.to]
		for _, n := range used {
			switch c.kinds[n].kind {
			case model.CategoryFamily:
				family = merge(family, model.CategoryID(c.kinds[n].id.id()))
			case model.CategoryCompany:
				company = merge(company, model.CategoryID(c.kinds[n].id.id()))
			}
		}
		for _, n := range used {
			id := model.CategoryID(c.kinds[n].id.id())
			parent := model.CategoryID("")
			switch c.kinds[n].kind {
			case model.CategoryProduct:
				parent = family
			case model.CategoryFamily:
				parent = company
			}
			if parent != "" {
				candidates[id] = merge(candidates[id], parent)
			}
		}
	}
	for id, parent := range candidates {
		category, ok := found[id]
		if _, known := found[parent]; ok && known && category.Parent == "" {
			category.Parent = parent
			found[id] = category
		}
	}
	for id, category := range found {
		if _, ok := found[category.Parent]; !ok {
			category.Parent = "" // one that is not here
			found[id] = category
		}
	}
}

// several stands for more than one parent; no category has such an identifier.
const several = model.CategoryID("\x00")

func merge(have, other model.CategoryID) model.CategoryID {
	if have == "" || have == other {
		return other
	}
	return several
}

// parentsFirst orders categories so that each comes after its parent. A circle,
// which no sound catalogue has, is cut open.
func parentsFirst(found map[model.CategoryID]model.Category) []model.Category {
	var out []model.Category
	state := map[model.CategoryID]uint8{} // 1 under way, 2 done
	var visit func(id model.CategoryID)
	visit = func(id model.CategoryID) {
		c := found[id]
		state[id] = 1
		if c.Parent != "" {
			if state[c.Parent] == 1 {
				c.Parent = ""
			} else if state[c.Parent] == 0 {
				visit(c.Parent)
			}
		}
		state[id] = 2
		out = append(out, c)
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if state[id] == 0 {
			visit(id)
		}
	}
	return out
}

// fallbackTitle names a category whose name is nowhere to be read.
func fallbackTitle(id model.CategoryID) string {
	if class, ok := metadata.Classification(model.UpdateID(id)); ok {
		return class.Title()
	}
	return string(id)
}

// categorize adds the categories of package.xml where the fragments say nothing.
func (j *join) categorize(u *model.Update, r *revision) {
	c := j.catalogue
	noProducts := len(u.Products) == 0
	for _, n := range c.used[r.categories.from:r.categories.to] {
		id := c.kinds[n].id.id()
		switch c.kinds[n].kind {
		case model.CategoryClassification:
			if class, ok := metadata.Classification(id); ok && u.Class == model.ClassUnknown {
				u.Class = class
			}
		case model.CategoryProduct:
			if noProducts {
				u.Products = append(u.Products, model.CategoryID(id))
			}
		}
	}
}

// deployable says whether an update is made of a revision.
func (j *join) deployable(i int) bool { return j.deploy[i] && j.catalogue.newest(i) }

// expected is how many updates there will be.
func (j *join) expected() int {
	n := 0
	for i := range j.deploy {
		if j.deployable(i) {
			n++
		}
	}
	return n
}

// unreadable is why an update is not put together.
type unreadable struct{ reason string }

func (u *unreadable) Error() string { return u.reason }

// update makes what an administrator sees of a deployable revision.
func (j *join) update(i int) (*model.Update, error) {
	c := j.catalogue
	r := &c.revisions[i]
	u, err := j.get(i)
	if err != nil {
		return nil, err
	}
	if u.Created.IsZero() {
		u.Created = r.createdAt() // fragments do not say it
	}
	var failed error
	absent := false
	known := map[metadata.Identity]*metadata.Update{}
	member := func(id metadata.Identity) *metadata.Update {
		if m, ok := known[id]; ok {
			return m
		}
		m, err := j.member(id)
		if err != nil {
			failed = err
		} else if m == nil {
			absent = true
		}
		known[id] = m
		return m
	}
	out := metadata.Compose(u, member, j.kind, j.options)
	if failed != nil {
		return nil, failed
	}
	if out == nil {
		return nil, &unreadable{"its fragments do not describe an update"}
	}
	if absent {
		j.counts.absent++
	}
	out.Supersedes = j.superseded(i, u)
	j.categorize(out, r)
	if out.Released.IsZero() {
		out.Released = r.createdAt()
	}
	for n := range out.Files {
		out.Files[n].URL = c.url(out.Files[n].SHA1)
	}
	j.counts.updates++
	if len(out.KB) > 0 {
		j.counts.kbs++
	}
	if !slices.ContainsFunc(u.Texts, func(t metadata.Text) bool { return t.Title != "" }) {
		j.counts.untitled++
	}
	return out, nil
}

func (j *join) kind(id model.UpdateID) (model.CategoryKind, bool) {
	k, ok := j.known[id]
	return k, ok
}

// member gives a member's document: nil when the edition does not have it, an
// error when it could not be read, for an update that lacks files or a restart
// must not replace a whole one.
func (j *join) member(id metadata.Identity) (*metadata.Update, error) {
	g, ok := parseGUID([]byte(id.ID))
	if !ok {
		return nil, nil
	}
	i, ok := j.catalogue.byIdentity(g, id.Revision)
	if !ok {
		return nil, nil
	}
	u, err := j.get(i)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, &unreadable{fmt.Sprintf("its part %s revision %d could not be read", id.ID, id.Revision)}
	}
	if len(u.Files) == 0 {
		u.Files = j.payload(i)
	}
	return u, nil
}

// payload names the files that package.xml gives a revision whose extended
// fragment names none. Their sizes are not known.
func (j *join) payload(i int) []metadata.File {
	c := j.catalogue
	var files []metadata.File
	for _, d := range c.payload[c.revisions[i].payload.from:c.revisions[i].payload.to] {
		name := path.Base(c.url(d[:]))
		if name == "." || name == "/" {
			continue
		}
		files = append(files, metadata.File{Name: name, SHA1: slices.Clone(d[:])})
	}
	return files
}

// superseded is everything that an update supersedes according to either source.
// What is not in the edition is left out.
func (j *join) superseded(i int, u *metadata.Update) []model.UpdateID {
	c := j.catalogue
	var out []model.UpdateID
	for _, id := range u.Supersedes {
		if g, ok := parseGUID([]byte(id)); ok && c.has(g) {
			out = append(out, id)
		} else {
			j.counts.outside++
		}
	}
	for _, old := range j.supersedes[i] {
		out = append(out, c.revisions[old].id.id())
	}
	out = slices.DeleteFunc(out, func(id model.UpdateID) bool { return id == u.ID })
	slices.Sort(out)
	return slices.Compact(out)
}

// composed is a batch of updates, or one that could not be put together.
type composed struct {
	updates  []*model.Update
	revision int
	reason   string
}

// run puts all updates together and hands them to take in batches, in the order
// of their identifiers, which does not depend on RevisionIds. The next batch is
// made while take is at work. take is called in the caller's goroutine.
func (j *join) run(ctx context.Context, batch int, take func(composed) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ready := make(chan composed, 1)
	go func() {
		defer close(ready)
		if err := j.compose(ctx, batch, ready); err != nil {
			cancel(err)
		}
	}()
	var failed error
	for c := range ready { // until the other goroutine has ended
		if failed == nil {
			if failed = take(c); failed != nil {
				cancel(failed)
			}
		}
	}
	if failed != nil {
		return failed
	}
	return context.Cause(ctx)
}

// compose is the other goroutine of run.
func (j *join) compose(ctx context.Context, batch int, ready chan<- composed) error {
	give := func(c composed) error {
		select {
		case ready <- c:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	updates := make([]*model.Update, 0, batch)
	for _, n := range j.catalogue.identities {
		i := int(n)
		if !j.deployable(i) {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		u, err := j.update(i)
		var broken *unreadable
		switch {
		case errors.As(err, &broken):
			err = give(composed{revision: i, reason: broken.reason})
		case err == nil:
			updates = append(updates, u)
		}
		if err == nil && len(updates) == batch {
			err = give(composed{updates: updates})
			updates = make([]*model.Update, 0, batch)
		}
		if err != nil {
			return err
		}
	}
	if len(updates) == 0 {
		return nil
	}
	return give(composed{updates: updates})
}
