package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
)

func TestSupersedenceByNameWhoeverArrivesFirst(t *testing.T) {
	for _, order := range [][]*model.Update{
		{vendor("new", supersedes("old", "never seen")), vendor("old")},
		{vendor("old"), vendor("new", supersedes("old", "never seen"))},
	} {
		dir := t.TempDir()
		s := openTest(t, dir)
		for _, u := range order {
			must1(s.Import(t.Context(), []*model.Update{u}))(t)
		}
		check := func() {
			t.Helper()
			snap := s.Snapshot()
			older, newer := snap.RowByID("old"), snap.RowByID("new")
			if !slices.Equal(snap.SupersededBy(older.Number), []uint32{newer.Number}) || !slices.Equal(snap.Supersedes(newer.Number), []uint32{older.Number}) ||
				!older.Has(model.FlagSuperseded) || !newer.Has(model.FlagSuperseding) {
				t.Errorf("%s first: old by %v, new over %v", order[0].ID, snap.SupersededBy(older.Number), snap.Supersedes(newer.Number))
			}
			verified(t, s)
		}
		check()
		s.Close()
		s = openTest(t, dir)
		check()
		// An expired or withdrawn superseder does not count; standing again it does.
		gone := vendor("new", supersedes("old", "never seen"), func(u *model.Update) { u.Publication = model.Expired })
		revise(t, s, gone)
		if r := s.Snapshot().RowByID("old"); r.Has(model.FlagSuperseded) || len(s.Snapshot().SupersededBy(r.Number)) != 0 {
			t.Error("an expired update supersedes")
		}
		revise(t, s, vendor("new", supersedes("old", "never seen")))
		check()
		if n := s.Snapshot().RowByID("new").Number; len(must1(s.Withdraw(t.Context(), []uint32{n}))(t)) != 1 || s.Snapshot().RowByID("old").Has(model.FlagSuperseded) {
			t.Error("a withdrawn update supersedes")
		}
		// A revision may stop superseding.
		revise(t, s, vendor("new", supersedes("old")))
		revise(t, s, vendor("new"))
		if s.Snapshot().RowByID("old").Has(model.FlagSuperseded) || s.Snapshot().RowByID("new").Has(model.FlagSuperseding) {
			t.Error("a revision without the name still supersedes")
		}
		verified(t, s)
		s.Close()
	}
}

// The graph equals one that is computed from the descriptions alone, whatever
// arrives in whatever order.
func TestPropertySupersedenceEqualsDescriptions(t *testing.T) {
	s := newTest(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		var ids []model.UpdateID
		for i := range 5 {
			ids = append(ids, model.UpdateID(fmt.Sprintf("%c%d", 'a'+i, round)))
		}
		now := map[model.UpdateID]*model.Update{}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			id := rapid.SampledFrom(ids).Draw(rt, "id")
			u := vendor(string(id), supersedes(rapid.SliceOfN(rapid.SampledFrom(ids), 0, 3).Draw(rt, "names")...))
			u.Publication = rapid.SampledFrom([]model.Publication{model.Published, model.Published, model.Expired}).Draw(rt, "publication")
			must1(s.Import(context.Background(), []*model.Update{u}))(t)
			now[id] = u
		}
		snap := s.Snapshot()
		for id, u := range now {
			want := map[uint32]bool{}
			for by, o := range now {
				if by != id && o.Publication == model.Published && slices.Contains(o.Supersedes, id) {
					want[snap.RowByID(by).Number] = true
				}
			}
			got := snap.SupersededBy(snap.RowByID(id).Number)
			if len(got) != len(want) || slices.ContainsFunc(got, func(n uint32) bool { return !want[n] }) || snap.RowByID(id).Has(model.FlagSuperseded) != (len(want) > 0) {
				rt.Fatalf("%s (%v) is superseded by %v, want %v", id, u.Supersedes, got, want)
			}
			for _, n := range got {
				if !slices.Contains(snap.Supersedes(n), snap.RowByID(id).Number) {
					rt.Fatalf("the directions differ for %s", id)
				}
			}
		}
		if v, err := s.Verify(context.Background(), nil); err != nil || len(v.Problems) > 0 {
			rt.Fatalf("check: %v %v", err, v.Problems)
		}
	})
}

func TestDeclineOfABundleIsOneOfItsParts(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("outer", bundles("inner", "x")), vendor("x"), vendor("inner", bundles("y", "outer", "missing")), vendor("y"), vendor("z")}))(t)
	decline := model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{4}}, admin))(t)
	p := must1(s.Plan(t.Context(), decline, admin))(t)
	if !slices.Contains(p.Lines, "3 updates that are bundled are declined with it.") {
		t.Errorf("plan %q", p.Lines)
	}
	computer(t, s, "c", []uint32{2}, nil)
	if noticed(s, "wrong-declines") {
		t.Error("nothing that is needed is declined")
	}
	declined := func() (out []uint32) {
		for _, r := range s.Snapshot().Updates() {
			if r.Has(model.FlagDeclined) {
				out = append(out, r.Number)
			}
		}
		return out
	}
	must1(s.Make(t.Context(), decline, admin))(t)
	if got := declined(); !slices.Equal(got, []uint32{1, 2, 3, 4}) {
		t.Fatalf("declined %v", got)
	}
	if !noticed(s, "wrong-declines") {
		t.Error("no notice tells that a part that is needed is declined")
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if got := declined(); !slices.Equal(got, []uint32{4}) {
		t.Errorf("after undo %v: what was declined before must stay so", got)
	}
	must1(s.Make(t.Context(), decline, admin))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeReinstate, Updates: []uint32{1}}, admin))(t)
	if got := declined(); len(got) != 0 {
		t.Errorf("after reinstating %v", got)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if got := declined(); !slices.Equal(got, []uint32{1, 2, 3, 4}) {
		t.Errorf("after undoing the reinstating %v", got)
	}
	verified(t, s)
}

func TestRemovedUpdatesLeaveAStub(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	a := debian("a", "1")
	a.Class = model.ClassSecurity
	must1(s.Import(t.Context(), []*model.Update{a, debian("b", "1"), debian("a", "2"), vendor("v", supersedes("w")), vendor("w")}))(t)
	revise(t, s, func() *model.Update { u := debian("a", "1"); u.Description = "x"; return u }())
	c := computer(t, s, "c", []uint32{1, 2}, nil)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	forget := model.Change{Kind: model.ChangeForget, Updates: []uint32{1, 4}}
	_, err := s.Make(t.Context(), forget, admin)
	refused(t, err, "not-declined")
	before := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1, 4}}, admin))(t)
	p := must1(s.Plan(t.Context(), forget, admin))(t)
	if !p.Wide || !slices.ContainsFunc(p.Warnings, func(w model.PlanWarning) bool { return w.Code == "final" }) {
		t.Errorf("the plan does not say that it is final: %+v", p)
	}
	e := must1(s.Make(t.Context(), forget, admin))(t)
	if e.Inverse != nil {
		t.Error("a removal has no inverse")
	}
	check := func() {
		t.Helper()
		snap := s.Snapshot()
		if len(snap.Updates()) != 3 || snap.UpdateCount() != 3 || snap.LastUpdate() != 5 {
			t.Errorf("%d updates, %d counted, the last %d", len(snap.Updates()), snap.UpdateCount(), snap.LastUpdate())
		}
		r := snap.Row(1)
		if r == nil || r.ID != a.ID || r.Title != a.Title || !r.Has(model.FlagRemoved) || r.Class != model.ClassUnknown {
			t.Errorf("the stub is %+v", r)
		}
		if got := snap.NeededBy(c); !slices.Equal(got, []uint32{2}) || snap.Totals(c).Needed != 1 || len(snap.Approved(c)) != 0 {
			t.Errorf("the computer needs %v, totals %+v, approved %v", got, snap.Totals(c), snap.Approved(c))
		}
		if snap.Row(5).Has(model.FlagSuperseded) || snap.Row(3).Has(model.FlagSuperseding) {
			t.Error("a removed update still takes part in supersedence")
		}
		u := must1(s.Update(1))(t)
		if !u.Removed || u.Debian != nil || u.Description != "" || u.Revision != 2 {
			t.Errorf("on the disk: %+v", u)
		}
		if revs := must1(s.Revisions(1))(t); len(revs) != 1 || revs[0].Number != 2 {
			t.Errorf("revisions %+v", revs)
		}
		if _, _, ok := s.FindPackage("a", "amd64", "1", nil); ok {
			t.Error("its packages are still offered")
		}
		verified(t, s)
	}
	check()
	s.Close()
	s = openTest(t, dir)
	defer s.Close()
	check()
	_, err = s.Make(t.Context(), forget, admin)
	refused(t, err, "removed")
	// Nothing brings it back but its upstream.
	if _, err := s.Undo(t.Context(), before.Seq, admin, ""); err == nil {
		t.Error("undoing the decline of removed updates brought something back")
	}
	if n := must1(s.Withdraw(t.Context(), []uint32{1}))(t); len(n) != 0 {
		t.Errorf("withdrawn %v", n)
	}
	ready := s.Snapshot().Alarms()
	r := must1(s.Import(t.Context(), []*model.Update{a, vendor("v", supersedes("w"))}))(t)
	if !slices.Equal(r.Revised, []uint32{1, 4}) || len(s.Snapshot().Alarms()) != len(ready) {
		t.Errorf("offered again: %+v", r)
	}
	snap := s.Snapshot()
	if row := snap.Row(1); row.Has(model.FlagRemoved) || !row.Has(model.FlagDeclined) || row.Class != model.ClassSecurity || row.Revision != 3 || snap.UpdateCount() != 5 {
		t.Errorf("came back as %+v", row)
	}
	if !snap.Row(5).Has(model.FlagSuperseded) || !slices.Equal(snap.SupersededBy(1), []uint32{3}) {
		t.Error("supersedence did not come back")
	}
	verified(t, s)
	must1(s.Undo(t.Context(), before.Seq, admin, ""))(t)
	if _, _, ok := s.FindPackage("a", "amd64", "1", nil); !ok || !s.Snapshot().Effective(c, 1).Approved() {
		t.Error("after the decline was taken back it is not what it was")
	}
	verified(t, s)
}

// A cleanup that declines, then removes, is one change; the part that can be is
// taken back.
func TestDeclineAndForgetTogether(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a"), vendor("b"), vendor("c")}))(t)
	c := model.Change{Kind: model.ChangeDecline, Updates: []uint32{1, 2}, Also: []model.Change{{Kind: model.ChangeForget, Updates: []uint32{1}}, {Kind: model.ChangeDecline, Updates: []uint32{3}}}}
	e := must1(s.Make(t.Context(), c, admin))(t)
	if e.Summary != "Declined 2 updates; removed Update a from the catalogue; declined Update c" {
		t.Errorf("summary %q", e.Summary)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	snap := s.Snapshot()
	if !snap.Row(1).Has(model.FlagRemoved) || snap.Row(2).Has(model.FlagDeclined) || snap.Row(3).Has(model.FlagDeclined) {
		t.Error("undo took back the wrong part")
	}
	// A step is checked against what the steps before it made, and refused with all.
	c.Also[0].Updates = []uint32{3}
	c.Also = c.Also[:1]
	_, err := s.Make(t.Context(), c, admin)
	refused(t, err, "not-declined")
	if s.Snapshot().Row(2).Has(model.FlagDeclined) {
		t.Error("a refused change left a trace")
	}
	verified(t, s)
}

func TestOldRevisionsGo(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a"), vendor("b")}))(t)
	for i := range 3 {
		revise(t, s, vendor("a", func(u *model.Update) { u.Description = fmt.Sprint(i) }))
	}
	e := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRevisions, Updates: []uint32{1, 2}}, admin))(t)
	if revs := must1(s.Revisions(1))(t); len(revs) != 1 || revs[0].Number != 4 || e.Inverse != nil {
		t.Errorf("revisions %+v", revs)
	}
	if !s.Snapshot().trim.IsEmpty() {
		t.Error("the work list is not empty")
	}
	verified(t, s)
}

// The removal is in force with its entry; shrinking the records goes on when the
// store is opened again.
func TestRemovalIsFinishedAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a"), vendor("b")}))(t)
	revise(t, s, vendor("a", func(u *model.Update) { u.Description = "x" }), vendor("b", func(u *model.Update) { u.Description = "x" }))
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, admin))(t)
	c := model.Change{Kind: model.ChangeForget, Updates: []uint32{1}, Also: []model.Change{{Kind: model.ChangeRevisions, Updates: []uint32{2}}}}
	err := s.do(t.Context(), func(d *draft) error { // as Make, but dies before it shrinks
		_, err := d.make(c, admin, 0, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	verified(t, s)
	if u := must1(s.Update(1))(t); u.Removed {
		t.Fatal("the test is about records that are still whole")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir)
	if !s.Snapshot().Row(1).Has(model.FlagRemoved) {
		t.Error("the removal is not in force")
	}
	if err := s.sweep(t.Context()); err != nil && !errors.Is(err, ErrClosed) { // beside the one that opening started
		t.Fatal(err)
	}
	if u := must1(s.Update(1))(t); !u.Removed || len(must1(s.Revisions(2))(t)) != 1 {
		t.Error("the records were not shrunk")
	}
	verified(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
