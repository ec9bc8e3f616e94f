package publisher

import (
	"fmt"
	"slices"
	"testing"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/simulation"
)

// TestSimulatedCatalogueInTheStore gives a simulated catalogue the documents
// that its publisher would have written, imports them, and finds the catalogue
// in the store.
func TestSimulatedCatalogueInTheStore(t *testing.T) {
	c := simulation.NewCatalogue(simulation.Options{Seed: 7, Updates: 400, Microsoft: 1})
	want := map[model.UpdateID]*model.Update{}
	for _, r := range c.Runs {
		for _, u := range r.Updates {
			want[u.ID] = u // the last of its revisions
		}
	}
	var items []Item
	categories := slices.Clone(c.Categories)
	for id, u := range want {
		u := *u
		u.Publication = min(u.Publication, model.Expired) // a publisher withdraws nothing
		want[id] = &u
		items = append(items, Bundle(Describe(&u)))
	}
	s, run := imported(t, WithCategories(items, categories...), PackageOptions{Compression: cabinet.MSZIP})
	if len(run.New) != len(want) {
		t.Fatalf("%d updates of %d", len(run.New), len(want))
	}
	snap := s.Snapshot()
	for id, w := range want {
		r := snap.RowByID(id)
		if r == nil {
			t.Fatalf("%s was not imported", w.Title)
		}
		u, err := s.Update(r.Number)
		if err != nil {
			t.Fatal(err)
		}
		licence := ""
		if w.Licence != "" {
			licence = string(ID("licence terms", w.Licence))
		}
		say := func(u *model.Update, licence string) string {
			return fmt.Sprintln(line(u.Title), u.Description, u.Class, u.Severity, u.Products, u.KB, u.CVEs, u.Languages, u.Released.UTC(), u.Publication, u.Supersedes, u.Restart, u.Removable, licence, u.Files, u.Input, u.Links)
		}
		if got, expected := say(u, u.Licence), say(w, licence); got != expected {
			t.Errorf("%s is in the store as\n%s, and was published as\n%s", id, got, expected)
		}
		if len(u.Applies) > 0 || len(u.Bundles) != 1 || u.Document != max(w.Revision, w.Document) && u.Document != firstRevision {
			t.Errorf("%s: rules %x, members %v, revision %d", id, u.Applies, u.Bundles, u.Document)
		}
	}
	for _, c := range categories {
		if got, ok := snap.Category(c.ID); !ok || got.Title != c.Title || got.Parent != c.Parent || got.Kind != c.Kind {
			t.Errorf("the category %+v came as %+v", c, got)
		}
	}
}
