package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"fettle/model"
)

func TestSelectionByProduct(t *testing.T) {
	clock := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	s, err := Open(Options{Dir: t.TempDir(), Clock: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	admin := model.Actor{Who: "alice", From: model.FromConsole, Role: model.AccessAdministrator}
	synchronized := func(initial bool, categories ...model.Category) {
		t.Helper()
		clock = clock.Add(time.Hour)
		run := model.SyncRun{Upstream: "scan", Started: clock, Initial: initial, Result: model.SyncSucceeded}
		if run.ID, err = s.BeginRun(ctx, run); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Minute)
		for i := range categories {
			categories[i].Upstream = "scan"
		}
		_, err := s.PutCategories(ctx, categories)
		run.Ended = clock
		if err := errors.Join(err, s.EndRun(ctx, run)); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Minute)
	}
	titles := func() (all []string) {
		for _, r := range s.Snapshot().Updates() {
			all = append(all, r.Title)
		}
		slices.Sort(all)
		return all
	}
	fresh := func() (all []string) {
		for _, c := range s.Snapshot().NewCategories() {
			all = append(all, c.Title)
		}
		return all
	}
	decide := func(c ...model.CategoryID) {
		t.Helper()
		clock = clock.Add(time.Minute)
		if _, err := s.Make(ctx, model.Change{Kind: model.ChangeSettings, Settings: &model.Settings{Categories: c}}, admin); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []model.Change{{Kind: model.ChangeComputers, How: []string{"this computer"}}, {Kind: model.ChangeUpdates, Upstream: &model.Upstream{Name: "scan", Kind: model.UpstreamWsusscn2, Location: "x.cab"}, Settings: &model.Settings{}}} {
		if _, err := s.Make(ctx, c, admin); err != nil {
			t.Fatal(err)
		}
	}
	synchronized(true, model.Category{ID: "m", Kind: model.CategoryCompany, Title: "Microsoft"}, model.Category{ID: "w", Kind: model.CategoryFamily, Title: "Windows", Parent: "m"},
		model.Category{ID: "w11", Title: "Windows 11", Parent: "w"}, model.Category{ID: "sql", Title: "SQL Server 2022", Parent: "m"})
	if got := fresh(); got != nil {
		t.Errorf("what the initial synchronization brought is new: %v", got)
	}
	in := func(id, product string) *model.Update {
		u := described(id, 1, id)
		u.Products = []model.CategoryID{model.CategoryID(product)}
		return u
	}
	if _, err := s.Import(ctx, []*model.Update{in("for w11", "w11"), in("for sql", "sql"), in("for w12", "w12")}); err != nil {
		t.Fatal(err)
	}
	decide("w")
	if got := titles(); !slices.Equal(got, []string{"for w11"}) {
		t.Errorf("a family lets through %v", got)
	}
	// A product that comes later belongs to the family that was chosen, and is new.
	synchronized(false, model.Category{ID: "w12", Title: "Windows 12", Parent: "w"}, model.Category{ID: "visio", Title: "Visio", Parent: "m"})
	if got := titles(); !slices.Equal(got, []string{"for w11", "for w12"}) {
		t.Errorf("after a new product of the family: %v", got)
	}
	if got := fresh(); !slices.Equal(got, []string{"Visio", "Windows 12"}) {
		t.Errorf("new are %v", got)
	}
	noticed := func() string {
		for _, n := range s.Snapshot().Notices(clock) {
			if n.Kind == "new-products" {
				return n.Text
			}
		}
		return ""
	}
	if got := noticed(); got != "2 new products came with a synchronization: Visio (Microsoft), Windows 12 (Windows)." {
		t.Errorf("the notice says %q", got)
	}
	decide("sql", "w11") // widening needs no import; deciding answers the notice
	if got := titles(); !slices.Equal(got, []string{"for sql", "for w11"}) {
		t.Errorf("after another choice: %v", got)
	}
	if got := noticed(); got != "" {
		t.Errorf("the notice stays: %q", got)
	}
	decide()
	if got := titles(); len(got) != 3 {
		t.Errorf("without a choice: %v", got)
	}
	again := reopened(t, s)
	if got := again.Snapshot().Settings(); got.Decided.IsZero() {
		t.Error("when the settings were decided was forgotten")
	}
}
