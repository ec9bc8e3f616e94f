package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"pgregory.net/rapid"

	"fettle/model"
)

func wholeDocument(id string, revision uint32, text string) model.Document {
	return model.Document{DocumentKey: model.DocumentKey{ID: model.UpdateID(id), Revision: revision}, Parts: []model.DocumentPart{{Name: model.PartWhole, Data: []byte(text)}}}
}

func described(id string, revision uint32, title string) *model.Update {
	return &model.Update{ID: model.UpdateID(id), Title: title, Class: model.ClassSecurity, Released: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Document: revision}
}

func reopened(t *testing.T, s *Store) *Store {
	t.Helper()
	o := s.options
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	if err := again.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	return again
}

func openHere(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// staged counts what generations left behind.
func staged(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.db.View(func(txn *badger.Txn) error {
		var blocks uint64
		if err := get(txn, keyMeta(metaBlocks), &blocks); err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
			return err
		}
		for _, from := range [][]byte{{kindStaged}, key64(kindBlock, blocks+1)} {
			it := txn.NewIterator(badger.IteratorOptions{Prefix: from[:1]})
			defer it.Close()
			for it.Seek(from); it.Valid(); it.Next() {
				n++
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestGenerationIsInForceWholeOrNotAtAll(t *testing.T) {
	s := openHere(t, t.TempDir())
	ctx := t.Context()
	g, err := s.BeginGeneration(ctx, "scan")
	if err != nil {
		t.Fatal(err)
	}
	// Several goroutines bring documents.
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 300 {
				d := wholeDocument(fmt.Sprintf("id-%d-%d", w, i), 1, strings.Repeat(fmt.Sprintf("<%d %d>", w, i), 400))
				if err := g.Documents(ctx, []model.Document{d}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var updates []*model.Update
	for i := range 1200 {
		updates = append(updates, described(fmt.Sprintf("id-%d-%d", i/300, i%300), 1, fmt.Sprintf("Update %d", i)))
	}
	if err := errors.Join(g.Updates(ctx, updates), g.Categories(ctx, []model.Category{{ID: "windows", Title: "Windows"}})); err != nil {
		t.Fatal(err)
	}
	if n := s.Snapshot().LastUpdate(); n != 0 {
		t.Fatalf("%d updates are visible before the switch", n)
	}
	if _, err := s.Document("scan", model.DocumentKey{ID: "id-0-0", Revision: 1}); !errors.Is(err, ErrNotFound) {
		t.Fatalf("a document is visible before the switch: %v", err)
	}
	r, err := g.Switch(ctx, []byte("edition 1"), true)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.New) != 1200 || r.Documents != 1200 || len(r.Revised)+len(r.Withdrawn) > 0 {
		t.Fatalf("the switch gave %d new, %d documents, %d revised, %d withdrawn", len(r.New), r.Documents, len(r.Revised), len(r.Withdrawn))
	}
	if n := staged(t, s); n > 0 {
		t.Errorf("%d staged records are left", n)
	}
	s = reopened(t, s)
	d, err := s.Document("scan", model.DocumentKey{ID: "id-3-299"})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("<3 299>", 400); d.Revision != 1 || string(d.Part(model.PartWhole)) != want {
		t.Errorf("the document came back as %.40q", d.Part(model.PartWhole))
	}
	if a, _ := s.Anchor("scan"); string(a) != "edition 1" {
		t.Errorf("the anchor is %q", a)
	}
	v, err := s.Verify(ctx, nil)
	if err != nil || len(v.Problems) > 0 {
		t.Errorf("the check found %v, %v", v.Problems, err)
	}

	// The next edition: one left, one new, one revised; the rest is kept.
	g, err = s.BeginGeneration(ctx, "scan")
	if err != nil {
		t.Fatal(err)
	}
	var keep []model.DocumentKey
	for _, u := range updates[2:] {
		keep = append(keep, model.DocumentKey{ID: u.ID, Revision: 1})
	}
	changed := described("id-0-1", 2, "Update 1, revised")
	if err := errors.Join(
		g.Keep(ctx, keep),
		g.Documents(ctx, []model.Document{wholeDocument("id-0-1", 2, "second"), wholeDocument("new", 1, "new")}),
		g.Updates(ctx, append([]*model.Update{changed, described("new", 1, "New")}, updates[2:]...))); err != nil {
		t.Fatal(err)
	}
	if r, err = g.Switch(ctx, []byte("edition 2"), true); err != nil {
		t.Fatal(err)
	}
	if len(r.New) != 1 || len(r.Revised) != 1 || len(r.Withdrawn) != 1 || r.Documents != 2 || r.Unchanged != 1198 {
		t.Errorf("the second edition gave %d new, %d revised, %d withdrawn, %d unchanged, %d documents", len(r.New), len(r.Revised), len(r.Withdrawn), r.Unchanged, r.Documents)
	}
	if _, err := s.Document("scan", model.DocumentKey{ID: "id-0-0"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("the document of what left is kept: %v", err)
	}
	if all, err := s.DocumentsOf("id-0-1"); err != nil || len(all) != 1 || all[0].Revision != 2 {
		t.Errorf("the documents of the revised one: %v, %v", all, err)
	}
}

func TestGenerationThatWasLeft(t *testing.T) {
	for _, end := range []string{"discarded", "closed"} {
		t.Run(end, func(t *testing.T) {
			s := openHere(t, t.TempDir())
			ctx := t.Context()
			g, err := s.BeginGeneration(ctx, "scan")
			if err != nil {
				t.Fatal(err)
			}
			big := bytes.Repeat([]byte("x"), 3*blockSize)
			d := wholeDocument("a", 1, string(big))
			if err := errors.Join(g.Documents(ctx, []model.Document{d}), g.Updates(ctx, slices.Repeat([]*model.Update{described("a", 1, "A")}, stagedUpdates))); err != nil {
				t.Fatal(err)
			}
			if staged(t, s) == 0 {
				t.Fatal("nothing was staged")
			}
			if end == "discarded" {
				if err := g.Discard(); err != nil {
					t.Fatal(err)
				}
			} else {
				s = reopened(t, s)
				next, err := s.BeginGeneration(ctx, "scan")
				if err != nil {
					t.Fatal(err)
				}
				if err := next.Discard(); err != nil {
					t.Fatal(err)
				}
			}
			if n := staged(t, s); n != 0 {
				t.Errorf("%d staged records are left", n)
			}
			if n := s.Snapshot().LastUpdate(); n != 0 {
				t.Errorf("%d updates came into force", n)
			}
		})
	}
}

// A process that dies after the commit is made up for at the next opening,
// wherever in the work it died.
func TestGenerationComesIntoForceAfterACrash(t *testing.T) {
	for _, done := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(done), func(t *testing.T) {
			s := openHere(t, t.TempDir())
			ctx := t.Context()
			g, err := s.BeginGeneration(ctx, "scan")
			if err != nil {
				t.Fatal(err)
			}
			var updates []*model.Update
			for i := range 3 * stagedUpdates {
				updates = append(updates, described(fmt.Sprintf("u%d", i), 1, "U"))
			}
			if err := errors.Join(g.Documents(ctx, []model.Document{wholeDocument("u1", 1, "text")}), g.Updates(ctx, updates)); err != nil {
				t.Fatal(err)
			}
			// What Switch does up to its commit, and then some parts of the rest.
			g.mu.Lock()
			block, number := g.seal()
			part, n := g.due(true)
			g.mu.Unlock()
			if err := errors.Join(g.writeBlock(ctx, number, block), g.stagePart(ctx, n, part), s.do(ctx, func(d *draft) error {
				return errors.Join(d.put(keyMeta(metaBlocks), g.blocks), d.put(keyMeta(metaSwitch), switchRecord{Upstream: "scan", Anchor: []byte("e"), Complete: true, Parts: g.parts}))
			})); err != nil {
				t.Fatal(err)
			}
			for i := range done {
				if _, err := s.Import(ctx, updates[i*stagedUpdates:(i+1)*stagedUpdates]); err != nil {
					t.Fatal(err)
				}
			}
			s = reopened(t, s)
			next, err := s.BeginGeneration(ctx, "scan") // waits for what opening began
			if err != nil {
				t.Fatal(err)
			}
			if err := next.Discard(); err != nil {
				t.Fatal(err)
			}
			if n := s.Snapshot().LastUpdate(); int(n) != len(updates) {
				t.Errorf("%d updates are in force", n)
			}
			if _, err := s.Document("scan", model.DocumentKey{ID: "u1", Revision: 1}); err != nil {
				t.Error(err)
			}
			if a, _ := s.Anchor("scan"); string(a) != "e" {
				t.Errorf("the anchor is %q", a)
			}
			if n := staged(t, s); n != 0 {
				t.Errorf("%d staged records are left", n)
			}
		})
	}
}

func TestVerifyFindsDamagedDocuments(t *testing.T) {
	s := openHere(t, t.TempDir())
	defer s.Close()
	g, err := s.BeginGeneration(t.Context(), "scan")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Documents(t.Context(), []model.Document{wholeDocument("a", 1, "first"), wholeDocument("b", 1, "second")}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Switch(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(func(txn *badger.Txn) error {
		b := appendParts(appendParts(nil, []model.DocumentPart{{Name: model.PartWhole, Data: []byte("fxrst")}}), []model.DocumentPart{{Name: model.PartWhole, Data: []byte("second")}})
		return txn.Set(keyBlock(1, 0), append([]byte{formatRaw}, blockPacker.EncodeAll(b, nil)...))
	}); err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "the document of a, revision 1") {
		t.Errorf("the check found %v", v.Problems)
	}
}

// Packages that are carried in in any order, by several upstreams, give the same
// catalogue.
func TestGenerationsInAnyOrderGiveTheSameCatalogue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type carried struct {
			upstream string
			updates  map[string]uint32
		}
		var all []carried
		for i := range rapid.IntRange(2, 4).Draw(rt, "packages") {
			c := carried{upstream: rapid.SampledFrom([]string{"one", "two"}).Draw(rt, "upstream"), updates: map[string]uint32{}}
			for range rapid.IntRange(1, 6).Draw(rt, "updates") {
				c.updates[fmt.Sprint("id", rapid.IntRange(0, 5).Draw(rt, "id"))] = uint32(rapid.IntRange(100, 103).Draw(rt, "revision"))
			}
			_ = i
			all = append(all, c)
		}
		catalogue := func(order []int) map[model.UpdateID]uint32 {
			s := openHere(t, t.TempDir())
			defer s.Close()
			for _, i := range order {
				g, err := s.BeginGeneration(t.Context(), all[i].upstream)
				if err != nil {
					rt.Fatal(err)
				}
				for _, id := range slices.Sorted(maps.Keys(all[i].updates)) {
					r := all[i].updates[id]
					if err := errors.Join(g.Updates(t.Context(), []*model.Update{described(id, r, fmt.Sprint(id, " ", r))}), g.Documents(t.Context(), []model.Document{wholeDocument(id, r, fmt.Sprint(id, r))})); err != nil {
						rt.Fatal(err)
					}
				}
				if _, err := g.Switch(t.Context(), []byte{1}, false); err != nil {
					rt.Fatal(err)
				}
			}
			found := map[model.UpdateID]uint32{}
			snap := s.Snapshot()
			for n := range snap.LastUpdate() {
				u, err := s.Update(n + 1)
				if err != nil {
					rt.Fatal(err)
				}
				found[u.ID] = u.Document
				if u.Title != fmt.Sprint(u.ID, " ", u.Document) {
					rt.Errorf("%s has the title %q at revision %d", u.ID, u.Title, u.Document)
				}
			}
			return found
		}
		order := make([]int, len(all))
		for i := range order {
			order[i] = i
		}
		first := catalogue(order)
		if second := catalogue(rapid.Permutation(order).Draw(rt, "order")); !maps.Equal(first, second) {
			rt.Fatalf("the catalogue is %v in one order and %v in another", first, second)
		}
	})
}
