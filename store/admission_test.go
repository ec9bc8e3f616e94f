package store

import (
	"strings"
	"testing"

	"fettle/model"
)

// Computers that asked are accepted and rejected, and undo gives each back what
// it was.
func TestAdmission(t *testing.T) {
	s := openHere(t, t.TempDir())
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("openssl", "3.0")}))(t)
	asked := func(name string, admission model.Admission, local bool) uint32 {
		st := &model.Status{Reported: testTime, Evaluated: 1, Needed: []uint32{1}}
		return must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: model.ComputerID(name), Name: name, Admission: admission, Local: local, Contacted: testTime, Reported: testTime}, Status: st}))(t)
	}
	here, one, two, three := asked("here", model.Managed, true), asked("one", model.Waiting, false), asked("two", model.Rejected, false), asked("three", model.Waiting, false)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	is := func(want ...model.Admission) {
		t.Helper()
		for i, n := range []uint32{one, two, three} {
			if got := s.Snapshot().Computer(n).Admission; got != want[i] {
				t.Errorf("computer %d is %d, expected %d", n, got, want[i])
			}
		}
		if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
			t.Error(v.Problems)
		}
	}
	needing := func() int { return s.Snapshot().Counts(1, model.GroupAll).Needed }
	if needing() != 1 {
		t.Fatalf("%d need it before anybody is accepted", needing())
	}
	accept := model.Change{Kind: model.ChangeAdmit, Computers: []uint32{one, two}}
	p := must1(s.Plan(t.Context(), accept, admin))(t)
	if p.Summary != "Accept one, two" || p.Computers != 2 || !strings.Contains(strings.Join(p.Lines, "\n"), "one: openssl 3.0 becomes approved: Install for All Computers") {
		t.Errorf("plan %+v", p)
	}
	is(model.Waiting, model.Rejected, model.Waiting)
	must1(s.Make(t.Context(), accept, admin))(t)
	is(model.Managed, model.Managed, model.Waiting)
	if needing() != 3 {
		t.Errorf("%d need it after two were accepted", needing())
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	is(model.Waiting, model.Rejected, model.Waiting)
	if needing() != 1 {
		t.Errorf("%d need it after that was taken back", needing())
	}
	// A reopened store and a report that follows keep the answer.
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeTurnAway, Computers: []uint32{three}}, admin))(t)
	s = reopened(t, s)
	is(model.Waiting, model.Rejected, model.Rejected)
	asked("three", model.Waiting, false)
	is(model.Waiting, model.Rejected, model.Rejected)

	viewer := admin
	viewer.Role = model.AccessOperator
	for _, c := range []struct {
		code   string
		change model.Change
		by     model.Actor
	}{
		{"role", accept, viewer}, {"nothing", model.Change{Kind: model.ChangeTurnAway, Computers: []uint32{two, three}}, admin},
		{"nothing", model.Change{Kind: model.ChangeAdmit, Computers: []uint32{here}}, admin}, {"local", model.Change{Kind: model.ChangeTurnAway, Computers: []uint32{here, one}}, admin},
		{"too-many", model.Change{Kind: model.ChangeAdmit, Computers: append(make([]uint32, 0), repeat(one, mostAdmissions+1)...)}, admin},
	} {
		_, err := s.Make(t.Context(), c.change, c.by)
		refused(t, err, c.code)
	}
}

func repeat(n uint32, times int) []uint32 {
	out := make([]uint32, times)
	for i := range out {
		out[i] = n
	}
	return out
}

// A move is one change with one plan and one undo.
func TestMoveBetweenGroups(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("openssl", "3.0")}))(t)
	web, db := addGroup(t, s, "Web", model.GroupAll), addGroup(t, s, "Databases", model.GroupAll)
	one, two := computer(t, s, "one", []uint32{1}, nil), computer(t, s, "two", []uint32{1}, nil)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: web}, Computers: []uint32{one, two}}, admin))(t)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, web), admin))(t)
	move := model.Change{Kind: model.ChangeLeave, Group: &model.Group{ID: web}, Computers: []uint32{one, two},
		Also: []model.Change{{Kind: model.ChangeJoin, Group: &model.Group{ID: db}, Computers: []uint32{one, two}}}}
	p := must1(s.Plan(t.Context(), move, admin))(t)
	if p.Summary != "Move one, two from Web to Databases" || p.Computers != 2 || strings.Count(strings.Join(p.Lines, "\n"), "change groups") != 1 {
		t.Errorf("plan %+v", p)
	}
	e := must1(s.Make(t.Context(), move, admin))(t)
	if e.Summary != "Moved one, two from Web to Databases" || s.Snapshot().Members(web).GetCardinality() != 0 || s.Snapshot().Members(db).GetCardinality() != 2 {
		t.Errorf("moved: %+v", e)
	}
	e = must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if s.Snapshot().Members(web).GetCardinality() != 2 || s.Snapshot().Members(db).GetCardinality() != 0 || !strings.Contains(e.Summary, "from Databases to Web") {
		t.Errorf("taken back: %+v", e)
	}
}
