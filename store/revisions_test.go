package store

import (
	"slices"
	"strings"
	"testing"

	"fettle/model"
)

// revise imports descriptions again.
func revise(t testing.TB, s *Store, updates ...*model.Update) {
	t.Helper()
	if r := must1(s.Import(t.Context(), updates))(t); len(r.Revised) != len(updates) {
		t.Fatalf("%d descriptions revised %v", len(updates), r.Revised)
	}
}

func noticed(s *Store, kind string) bool {
	return slices.ContainsFunc(s.Snapshot().Notices(testTime), func(n model.Notice) bool { return n.Kind == kind })
}

func TestLicenceMustBeAccepted(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a", terms("one")), vendor("b")}))(t)
	if s.Snapshot().Licensed(1) || !s.Snapshot().Licensed(2) {
		t.Fatal("an update with terms is licensed before they were accepted")
	}
	_, err := s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin)
	if r := refused(t, err, "licence"); r.Remedy != "fettle accept-licence a" {
		t.Errorf("remedy %q", r.Remedy)
	}
	accept := model.Change{Kind: model.ChangeLicence, Updates: []uint32{1, 2}}
	e := must1(s.Make(t.Context(), accept, admin))(t)
	if !slices.Equal(e.Inverse.Updates, []uint32{1}) || !s.Snapshot().Licensed(1) {
		t.Errorf("accepted: %+v", e.Inverse)
	}
	_, err = s.Make(t.Context(), accept, admin)
	refused(t, err, "nothing")
	verified(t, s)
	s.Close()
	s = openTest(t, dir)
	defer s.Close()
	if !s.Snapshot().Licensed(1) {
		t.Error("the acceptance was lost")
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if s.Snapshot().Licensed(1) {
		t.Error("taking the acceptance back did nothing")
	}
	must1(s.Make(t.Context(), accept, admin))(t)
	dep := must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	_, err = s.Make(t.Context(), model.Change{Kind: model.ChangeLicenceEnd, Updates: []uint32{1}}, admin)
	refused(t, err, "licence-used")
	// The terms may go once nothing rests on them, and then nothing comes back to rest on them.
	must1(s.Undo(t.Context(), dep.Seq, admin, ""))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeLicenceEnd, Updates: []uint32{1}}, admin))(t)
	_, err = s.Make(t.Context(), model.Change{Kind: model.ChangeRestore, Deployment: dep.Result}, admin)
	refused(t, err, "licence")
	// The same terms again in a revision are still accepted; others are not.
	must1(s.Make(t.Context(), accept, admin))(t)
	revise(t, s, vendor("a", terms("one"), func(u *model.Update) { u.Description = "new words" }))
	if !s.Snapshot().Licensed(1) {
		t.Error("a revision with the same terms asks again")
	}
	revise(t, s, vendor("a", terms("two")))
	if s.Snapshot().Licensed(1) {
		t.Error("a revision with other terms does not ask")
	}
	verified(t, s)
}

// A revision moves the approval silently unless it brings a licence (semantics 3.5).
func TestRevisionWithLicenceHoldsApprovalsBack(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	web := addGroup(t, s, "Web", model.GroupAll)
	must1(s.Import(t.Context(), []*model.Update{vendor("a")}))(t)
	c := computer(t, s, "c", []uint32{1}, nil)
	first := must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	revise(t, s, vendor("a", func(u *model.Update) { u.Description = "better words" }))
	if _, ok := s.Snapshot().Alarm(1); ok || s.Snapshot().StaleApproval(1) || !s.Snapshot().Effective(c, 1).Approved() {
		t.Fatal("a revision of words must move the approval silently")
	}
	revise(t, s, vendor("a", terms("agree")))
	snap := s.Snapshot()
	a, ok := snap.Alarm(1)
	if !ok || a.Held != model.HeldLicence || a.Seen || a.Before != 2 || a.Revision != 3 || !slices.Equal(a.Changed, []string{"licence: it now has terms that must be accepted"}) {
		t.Fatalf("alarm %+v", a)
	}
	if !snap.StaleApproval(1) || snap.Effective(c, 1).Approved() || !snap.Effective(c, 1).Stale || slices.Contains(snap.Approved(c), 1) {
		t.Fatal("the approval is not held back")
	}
	if !noticed(s, "stale-approval") || !noticed(s, "revision-alarm") {
		t.Error("no notice tells of it")
	}
	verified(t, s)
	// Accepting the terms alone does not move it; approving again does, for that group.
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeLicence, Updates: []uint32{1}}, admin))(t)
	if !s.Snapshot().StaleApproval(1) {
		t.Error("accepting the terms moved the approval")
	}
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, web), admin))(t)
	if x, _ := s.Snapshot().Approval(1, web); x.Stale || !s.Snapshot().StaleApproval(1) {
		t.Error("approving for one group moves that group's approval and no other's")
	}
	again := must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	a, _ = s.Snapshot().Alarm(1)
	if s.Snapshot().StaleApproval(1) || !s.Snapshot().Effective(c, 1).Approved() || !a.Seen || a.Held != model.HeldNot || noticed(s, "stale-approval") || noticed(s, "revision-alarm") {
		t.Errorf("approving again must end the hold: %+v", a)
	}
	// Taking that back brings the hold back, also after later revisions.
	revise(t, s, vendor("a", terms("agree"), func(u *model.Update) { u.Applies = []byte("other") }))
	if s.Snapshot().StaleApproval(1) || !s.Snapshot().Effective(c, 1).Approved() {
		t.Error("a revision with the same terms held back what was approved anew")
	}
	must1(s.Undo(t.Context(), again.Seq, admin, ""))(t)
	if !s.Snapshot().StaleApproval(1) || s.Snapshot().Effective(c, 1).Approved() {
		t.Error("undoing did not bring the hold back")
	}
	// A decline masks it, and undoing the decline brings it back.
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, admin))(t)
	if a, _ := s.Snapshot().Alarm(1); s.Snapshot().StaleApproval(1) || !a.Seen {
		t.Errorf("of a declined update nothing is held back: %+v", a)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if !s.Snapshot().StaleApproval(1) {
		t.Error("undoing the decline lost the hold")
	}
	verified(t, s)
	_ = first
}

// What is taken back when the licence arrives is held back when it is restored.
func TestRestoredApprovalIsHeldBack(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a")}))(t)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	undo := must1(s.Undo(t.Context(), 0, admin, ""))(t)
	revise(t, s, vendor("a", terms("agree")))
	must1(s.Undo(t.Context(), undo.Seq, admin, ""))(t)
	if !s.Snapshot().StaleApproval(1) {
		t.Error("a restored approval covers terms that nobody accepted")
	}
}

func TestKeepRevisionsHoldsEveryRevisionBack(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeOptions, Options: &model.Options{KeepRevisions: true}}, admin))(t)
	must1(s.Import(t.Context(), []*model.Update{vendor("a"), vendor("b")}))(t)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	revise(t, s, vendor("a", func(u *model.Update) { u.Description = "x" }), vendor("b", func(u *model.Update) { u.Description = "x" }))
	if a, ok := s.Snapshot().Alarm(1); !ok || a.Held != model.HeldOption || !s.Snapshot().StaleApproval(1) {
		t.Errorf("alarm %+v", a)
	}
	if _, ok := s.Snapshot().Alarm(2); ok || s.Snapshot().StaleApproval(2) {
		t.Error("an update that nobody approved raised an alarm")
	}
	// The option changes what comes, not what is held.
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeOptions, Options: &model.Options{}}, admin))(t)
	if !s.Snapshot().StaleApproval(1) {
		t.Error("changing the option moved an approval")
	}
	verified(t, s)
}

func TestAlarmSaysWhatChanged(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.PutCategories(t.Context(), []model.Category{{ID: "windows", Title: "Windows"}, {ID: "office", Title: "Office"}}))(t)
	deb := debian("tool", "1", "tool", "tool-doc")
	must1(s.Import(t.Context(), []*model.Update{vendor("a"), deb, vendor("plain")}))(t)
	must1(s.Make(t.Context(), approval([]uint32{1, 2}, model.ActionInstall, model.GroupAll), admin))(t)
	rebuilt := debian("tool", "1", "tool", "tool-doc")
	for i := range rebuilt.Debian.Packages {
		rebuilt.Debian.Packages[i].Version = "1+b1"
	}
	revise(t, s, rebuilt)
	if _, ok := s.Snapshot().Alarm(2); ok {
		t.Error("a rebuild raised an alarm")
	}
	wider := debian("tool", "1", "tool", "libtool")
	wider.Debian.Suites = []string{"bookworm", "bookworm-updates"}
	revise(t, s, wider, vendor("a", func(u *model.Update) { u.Products, u.Applies = []model.CategoryID{"windows", "office"}, []byte("more") }),
		vendor("plain", func(u *model.Update) { u.Applies = []byte("more") }))
	a, _ := s.Snapshot().Alarm(1)
	if want := []string{"applicability: its rules changed, so that it may be for other computers than before", "products: Office was added"}; !slices.Equal(a.Changed, want) || a.Held != model.HeldNot {
		t.Errorf("changed %q", a.Changed)
	}
	b, _ := s.Snapshot().Alarm(2)
	if want := []string{"suites: bookworm-updates was added", "packages: libtool (amd64) was added", "packages: tool-doc (amd64) was removed"}; !slices.Equal(b.Changed, want) {
		t.Errorf("changed %q", b.Changed)
	}
	if s.Snapshot().StaleApproval(1) || s.Snapshot().StaleApproval(2) {
		t.Error("an alarm without a licence holds nothing back")
	}
	// Later revisions add to it, while nobody approved it again.
	revise(t, s, vendor("a", func(u *model.Update) { u.Products = []model.CategoryID{"office"} }))
	a, _ = s.Snapshot().Alarm(1)
	if !slices.Contains(a.Changed, "products: Windows was removed") || !slices.Contains(a.Changed, "products: Office was added") || a.Before != 1 || a.Revision != 3 {
		t.Errorf("alarm %+v", a)
	}
	if got := s.Snapshot().Alarms(); len(got) != 2 {
		t.Errorf("alarms %+v", got)
	}
	// Acknowledging, and taking that back.
	c := model.Change{Kind: model.ChangeSeen, Updates: []uint32{1, 2, 3}}
	e := must1(s.Make(t.Context(), c, admin))(t)
	if !slices.Equal(e.Inverse.Updates, []uint32{1, 2}) || noticed(s, "revision-alarm") {
		t.Errorf("acknowledged %+v", e.Inverse)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if !noticed(s, "revision-alarm") || s.Snapshot().Alarms()[0].Seen {
		t.Error("taking the acknowledgement back did nothing")
	}
	for _, n := range s.Snapshot().Notices(testTime) {
		if n.Kind == "revision-alarm" && n.Filter != "id:a,"+string(deb.ID) {
			t.Errorf("filter %q", n.Filter)
		}
	}
	verified(t, s)
}

func TestDifferenceNamesFewOfMany(t *testing.T) {
	got := changes("packages", nil, strings.Fields("g f e d c b a"), func(s string) string { return s })
	if want := []string{"packages: a, b, c, d, e and 2 more were added"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := changes("x", []int{1, 2}, []int{2, 1}, func(int) string { return "" }); got != nil {
		t.Errorf("another order is no change: %q", got)
	}
}

func TestInputAndDeadline(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a", func(u *model.Update) { u.Input = true })}))(t)
	c := approval([]uint32{1}, model.ActionInstall, model.GroupAll)
	must1(s.Make(t.Context(), c, admin))(t)
	c.Groups[0].Deadline = testTime.AddDate(0, 0, 1)
	_, err := s.Make(t.Context(), c, admin)
	refused(t, err, "input")
	c.Groups[0].Action = model.ActionUninstall
	must1(s.Make(t.Context(), c, admin))(t)
}

// peers, "Bugs in peers": a slow server must not put an older answer over a newer one.
func TestRecordStatusKeepsTheNewerReport(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
	c := computer(t, s, "c", []uint32{1}, nil)
	st := *must1(s.Status(c))(t)
	st.Computed, st.Needed = testTime, []uint32{2}
	st.Reported = testTime.Add(-1)
	if err := s.RecordStatus(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if s.Snapshot().State(c, 1) != model.StateNotInstalled || s.Snapshot().State(c, 2) != model.StateNotApplicable {
		t.Error("a status computed from an older report replaced the newer one")
	}
	st.Reported = testTime
	if err := s.RecordStatus(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if s.Snapshot().State(c, 2) != model.StateNotInstalled {
		t.Error("a status computed from the newest report was not taken")
	}
}
