package store

import (
	"errors"
	"testing"

	"fettle/model"
)

// TestRemovingAComputerThatIsNotManagedLeavesCounts: one that waits to be
// admitted takes no part in counts, so that its removal must not either.
func TestRemovingAComputerThatIsNotManagedLeavesCounts(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	computer(t, s, "web1", nil, []uint32{1})
	n := must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: "stranger", Name: "stranger", Admission: model.Waiting}, Status: &model.Status{Evaluated: 1, Installed: []uint32{1}}}))(t)
	want := s.Snapshot().Counts(1, model.GroupAll)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRemove, Computers: []uint32{n, n}}, admin))(t)
	if got := s.Snapshot().Counts(1, model.GroupAll); got != want || got.Installed != 1 {
		t.Errorf("counts %+v after the removal, before %+v", got, want)
	}
}

// TestAGroupComesBackOnlyToAPlace: what an undo would restore may have lost its
// parent or its name meanwhile.
func TestAGroupComesBackOnlyToAPlace(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	add := func(name string, parent model.GroupID) model.GroupID {
		return must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: name, Parent: parent}}, admin))(t).Change.Group.ID
	}
	remove := func(id model.GroupID) uint64 {
		return must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: id}}, admin))(t).Seq
	}
	refused := func(entry uint64, code string) {
		t.Helper()
		var r *model.Refusal
		if _, err := s.Undo(t.Context(), entry, admin, ""); !errors.As(err, &r) || r.Code != code || r.Remedy == "" {
			t.Errorf("got %v, want a refusal %q with a remedy", err, code)
		}
	}
	above := add("Above", model.GroupAll)
	below := remove(add("Below", above))
	gone := remove(above)
	refused(below, "parent")
	must1(s.Undo(t.Context(), gone, admin, ""))(t)
	add("Below", model.GroupAll)
	refused(below, "exists")
}

// TestUndoOfAReinstatementDeclinesOnlyWhatWasDeclined: a part of the bundle that
// had been reinstated before stays so.
func TestUndoOfAReinstatementDeclinesOnlyWhatWasDeclined(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	bundle := &model.Update{ID: "bundle", Title: "bundle", Bundles: []model.UpdateID{"part1", "part2"}}
	must1(s.Import(t.Context(), []*model.Update{bundle, {ID: "part1", Title: "part1"}, {ID: "part2", Title: "part2"}}))(t)
	change := func(kind model.ChangeKind, n uint32) uint64 {
		return must1(s.Make(t.Context(), model.Change{Kind: kind, Updates: []uint32{n}}, admin))(t).Seq
	}
	change(model.ChangeDecline, 1)
	change(model.ChangeReinstate, 2)
	before := decisions(s.Snapshot())
	must1(s.Undo(t.Context(), change(model.ChangeReinstate, 1), admin, ""))(t)
	if after := decisions(s.Snapshot()); after != before {
		t.Errorf("after a reinstatement and its undo:\n%s\nbefore:\n%s", after, before)
	}
}

// TestUndoOfAChangeToARuleOutlivesItsGroup: the rule of before named a group that
// was removed meanwhile; it goes on without.
func TestUndoOfAChangeToARuleOutlivesItsGroup(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	g := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Gone", Parent: model.GroupAll}}, admin))(t).Change.Group.ID
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "R", Enabled: true, Groups: []model.GroupID{g}}}, admin))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: g}}, admin))(t)
	before := decisions(s.Snapshot())
	rule, _ := s.Snapshot().RuleByName("R")
	rule.Groups = []model.GroupID{model.GroupAll}
	e := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleSet, Automatic: &rule}, admin))(t)
	must1(s.Undo(t.Context(), e.Seq, admin, ""))(t)
	if after := decisions(s.Snapshot()); after != before {
		t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
	}
	rule.Groups = []model.GroupID{"g99"}
	if _, err := s.Make(t.Context(), model.Change{Kind: model.ChangeRuleSet, Automatic: &rule}, admin); !errors.Is(err, ErrNotFound) {
		t.Errorf("a group that never was: %v", err)
	}
}
