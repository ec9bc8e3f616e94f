package wsusexport

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"fettle/model"
	"fettle/sync/upstream"
)

// shelf is a store for tests: what is in force, by the rules of upstream.
type shelf struct {
	upstream.NoGenerations
	documents  map[model.DocumentKey]model.Document
	categories map[model.CategoryID]model.Category
	updates    map[model.UpdateID]*model.Update
	anchor     []byte

	failures []model.ImportFailure
	remarks  []string
	switches int
	brought  int // documents of the last generation
	kept     int
	discards int
	broken   error  // what Documents gives
	fault    string // what Documents panics with
	seed     uint64 // of the order in which EachDocument visits
}

func newShelf() *shelf {
	return &shelf{documents: map[model.DocumentKey]model.Document{}, categories: map[model.CategoryID]model.Category{}, updates: map[model.UpdateID]*model.Update{}}
}

func (s *shelf) Categories(context.Context, []model.Category) error { panic("not in a generation") }
func (s *shelf) Updates(context.Context, []*model.Update) error     { panic("not in a generation") }
func (s *shelf) Complete(context.Context, string, map[model.UpdateID]struct{}) error {
	panic("not in a generation")
}
func (s *shelf) Anchor(context.Context, []byte) error { panic("not in a generation") }
func (s *shelf) Fail(item, reason string) {
	s.failures = append(s.failures, model.ImportFailure{Item: item, Reason: reason})
}
func (s *shelf) Remark(text string) { s.remarks = append(s.remarks, text) }
func (s *shelf) Generation(context.Context) (upstream.Generation, error) {
	return &delivery{shelf: s, documents: map[model.DocumentKey]model.Document{}, categories: map[model.CategoryID]model.Category{}, updates: map[model.UpdateID]*model.Update{}, kept: map[model.DocumentKey]bool{}}, nil
}

// delivery is a generation on its way onto a shelf.
type delivery struct {
	shelf      *shelf
	mu         sync.Mutex
	documents  map[model.DocumentKey]model.Document
	kept       map[model.DocumentKey]bool
	categories map[model.CategoryID]model.Category
	updates    map[model.UpdateID]*model.Update
	switched   bool
}

func (d *delivery) Kept(key model.DocumentKey) (sum [32]byte, ok bool) {
	doc, ok := d.shelf.documents[key]
	if ok {
		sum = doc.Sum()
	}
	return sum, ok
}

func (d *delivery) Documents(_ context.Context, docs []model.Document) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shelf.fault != "" {
		panic(d.shelf.fault)
	}
	if d.shelf.broken != nil {
		return d.shelf.broken
	}
	for _, doc := range docs {
		if _, ok := d.documents[doc.DocumentKey]; ok {
			return fmt.Errorf("%v came twice", doc.DocumentKey)
		}
		doc.Parts = slices.Clone(doc.Parts)
		for i := range doc.Parts {
			doc.Parts[i].Data = bytes.Clone(doc.Parts[i].Data)
		}
		d.documents[doc.DocumentKey] = doc
	}
	return nil
}

func (d *delivery) Keep(_ context.Context, keys []model.DocumentKey) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range keys {
		if _, ok := d.shelf.documents[k]; !ok {
			return fmt.Errorf("%v is not kept", k)
		}
		d.kept[k] = true
	}
	return nil
}

func (d *delivery) Categories(_ context.Context, all []model.Category) error {
	for _, c := range all {
		if _, ok := d.categories[c.ID]; ok {
			return fmt.Errorf("the category %s came twice", c.ID)
		}
		if _, ok := d.categories[c.Parent]; !ok && c.Parent != "" && d.shelf.categories[c.Parent].ID == "" {
			return fmt.Errorf("the category %s came before its parent", c.ID)
		}
		d.categories[c.ID] = c
	}
	return nil
}

func (d *delivery) Updates(_ context.Context, all []*model.Update) error {
	if len(all) > upstream.BatchSize {
		return fmt.Errorf("%d updates at once", len(all))
	}
	for _, u := range all {
		if _, ok := d.updates[u.ID]; ok {
			return fmt.Errorf("the update %s came twice", u.ID)
		}
		d.updates[u.ID] = u
	}
	return nil
}

func (d *delivery) Switch(_ context.Context, o upstream.Switch) error {
	s := d.shelf
	d.switched = true
	s.switches++
	s.anchor, s.brought, s.kept = o.Anchor, len(d.documents), len(d.kept)
	maps.Copy(s.documents, d.documents)
	for id, c := range d.categories {
		if s.categories[id].Document <= c.Document {
			s.categories[id] = c
		}
	}
	for id, u := range d.updates {
		if old := s.updates[id]; old == nil || old.Document <= u.Document {
			s.updates[id] = u
		}
	}
	return nil
}

func (d *delivery) Discard() error {
	if !d.switched {
		d.shelf.discards++
	}
	return nil
}

// EachDocument and Document make the shelf a source of exports.
func (s *shelf) EachDocument(_ context.Context, visit func(*model.Document) error) error {
	order := func(k model.DocumentKey) uint64 {
		sum := sha256.Sum256(fmt.Append(nil, k, s.seed))
		return binary.BigEndian.Uint64(sum[:])
	}
	keys := slices.SortedFunc(maps.Keys(s.documents), func(a, b model.DocumentKey) int { return cmp.Compare(order(a), order(b)) })
	for _, k := range keys {
		d := s.documents[k]
		if err := visit(&d); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) Document(_ context.Context, key model.DocumentKey) (*model.Document, error) {
	d, ok := s.documents[key]
	if !ok {
		return nil, fmt.Errorf("%v is not there", key)
	}
	return &d, nil
}
