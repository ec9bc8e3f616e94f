package store

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// clocked opens a store whose clock the test moves.
func clocked(t testing.TB) (*Store, *time.Time) {
	t.Helper()
	now := testTime
	s, err := Open(Options{Dir: t.TempDir(), Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	ready(t, s)
	return s, &now
}

func approveAll(t testing.TB, s *Store, rule string, action model.Action, updates ...uint32) uint64 {
	t.Helper()
	c := model.Change{Kind: model.ChangeApprove, Updates: updates, Groups: []model.GroupAction{{Group: model.GroupAll, Action: action}}, Rule: rule}
	return must1(s.Make(t.Context(), c, admin))(t).Result
}

// judged gives the items of a job by update.
func judged(t testing.TB, s *Store, jobs ...model.CleanupJob) map[uint32]model.CleanupItem {
	t.Helper()
	out := map[uint32]model.CleanupItem{}
	for _, it := range must1(s.Cleanup(t.Context(), jobs))(t) {
		out[max(it.Update, it.Computer)] = it
	}
	return out
}

// Each superseded update is a candidate with its reason, or a survivor with the
// condition that saved it (semantics 3.8; 7, rule 8).
func TestCleanupOfSuperseded(t *testing.T) {
	s, now := clocked(t)
	sources := []string{"candidate", "needed", "byrule", "recent", "old", "unapproved", "declined", "required", "withdrawn", "held", "new"}
	number := map[string]uint32{}
	var list []*model.Update
	for _, x := range sources[:len(sources)-1] {
		old := debian(x, "1")
		old.Required = x == "required"
		list = append(list, old, debian(x, "2"))
		number[x] = uint32(len(list) - 1)
	}
	must1(s.Import(t.Context(), list))(t)
	approveAll(t, s, "", model.ActionInstall, number["old"])
	*now = testTime.AddDate(0, 0, 95)
	approveAll(t, s, "", model.ActionInstall, number["recent"])
	approveAll(t, s, "Nightly", model.ActionInstall, number["byrule"])
	must1(s.Import(t.Context(), []*model.Update{debian("new", "1"), debian("new", "2")}))(t)
	number["new"] = uint32(len(list) + 1)
	for _, x := range sources {
		if x != "unapproved" && x != "withdrawn" {
			approveAll(t, s, "", model.ActionInstall, number[x]+1)
		}
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{number["declined"] + 1}}, admin))(t)
	must1(s.Withdraw(t.Context(), []uint32{number["withdrawn"] + 1}))(t)
	computer(t, s, "c1", []uint32{number["needed"]}, nil)
	want := map[string]string{
		"candidate": "nobody needs it, and candidate 2, which supersedes it, is approved", "needed": "saved: it is still needed by 1 computer",
		"byrule": "saved: the rule Nightly approved it for All Computers, and what a rule approved stays approved until somebody takes it away: fettle approve deb/Debian/bookworm/byrule/1 --group 'All Computers' --action inherit",
		"recent": "saved: it was approved for All Computers only 0 days ago, less than 90", "old": "nobody needs it, and old 2, which supersedes it, is approved",
		"unapproved": "saved: unapproved 2, which supersedes it, is not approved", "declined": "saved: declined 2, which supersedes it, is declined",
		"required": "saved: " + requiredSaved, "held": "nobody needs it, and held 2, which supersedes it, is approved", "new": "saved: it came only 0 days ago, less than 30",
	}
	got := judged(t, s, model.CleanupSuperseded)
	for x, text := range want {
		it, ok := got[number[x]]
		reason := it.Reason
		if it.Saved {
			reason = "saved: " + reason
		}
		if !ok || reason != text {
			t.Errorf("%s: %q, want %q", x, reason, text)
		}
	}
	if len(got) != len(want) { // what nothing offered supersedes is not looked at
		t.Errorf("%d updates were judged, want %d: %+v", len(got), len(want), got)
	}
	// Doing it: one change, which can be taken back.
	items := must1(s.Cleanup(t.Context(), []model.CleanupJob{model.CleanupSuperseded}))(t)
	c, ok := CleanupChange(items)
	if !ok || c.Kind != model.ChangeDecline || !slices.Equal(c.Updates, []uint32{number["candidate"], number["old"], number["held"]}) || len(c.Also) > 0 {
		t.Fatalf("the change is %+v", c)
	}
	must1(s.Make(t.Context(), c, admin))(t)
	if c, ok := CleanupChange(must1(s.Cleanup(t.Context(), []model.CleanupJob{model.CleanupSuperseded}))(t)); ok {
		t.Errorf("a second cleanup would do %+v", c)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if s.Snapshot().Row(number["candidate"]).Has(model.FlagDeclined) {
		t.Error("undoing did not bring the update back")
	}
}

func TestCleanupOfGoneUpdatesAndRevisions(t *testing.T) {
	s, now := clocked(t)
	var list []*model.Update
	for _, x := range []string{"gone", "approved", "installed", "needed", "offered", "required", "revised"} {
		u := debian(x, "1")
		u.Required = x == "required"
		list = append(list, u)
	}
	must1(s.Import(t.Context(), list))(t)
	gone, approved, installed, needed, offered, required, revised := uint32(1), uint32(2), uint32(3), uint32(4), uint32(5), uint32(6), uint32(7)
	computer(t, s, "c1", []uint32{needed}, []uint32{installed})
	approveAll(t, s, "", model.ActionInstall, approved)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{offered}}, admin))(t)
	must1(s.Withdraw(t.Context(), []uint32{gone, approved, installed, needed, required}))(t)
	list[revised-1].Severity = model.SeverityLow
	must1(s.Import(t.Context(), []*model.Update{list[revised-1]}))(t)
	check := func(job model.CleanupJob, want map[uint32]string) {
		t.Helper()
		all := must1(s.Cleanup(t.Context(), []model.CleanupJob{model.CleanupExpired, model.CleanupUpdates, model.CleanupRevisions}))(t)
		n := 0
		for _, it := range all {
			if it.Job != job {
				continue
			}
			n++
			text := it.Reason
			if it.Saved {
				text = "saved: " + text
			}
			if text != want[it.Update] {
				t.Errorf("%s, update %d: %q, want %q", job, it.Update, text, want[it.Update])
			}
			if !it.Saved && job != model.CleanupExpired && it.Bytes == 0 {
				t.Errorf("%s, update %d: frees nothing", job, it.Update)
			}
		}
		if n != len(want) {
			t.Errorf("%s judged %d updates, want %d", job, n, len(want))
		}
	}
	check(model.CleanupExpired, map[uint32]string{gone: "its archive withdrew it, and it is not approved", approved: "saved: it is approved (Install for All Computers)",
		installed: "its archive withdrew it, and it is not approved", needed: "its archive withdrew it, and it is not approved", required: "saved: " + requiredSaved})
	check(model.CleanupUpdates, map[uint32]string{gone: "saved: it came only 0 days ago, less than 30", installed: "saved: it came only 0 days ago, less than 30",
		needed: "saved: it came only 0 days ago, less than 30", offered: "saved: it is still offered, so that it would come back with the next synchronization"})
	*now = testTime.AddDate(0, 0, 40)
	check(model.CleanupUpdates, map[uint32]string{gone: "it cannot be installed any more, and no computer has it or needs it", installed: "saved: it is installed on 1 computer",
		needed: "saved: it is still needed by 1 computer", offered: "saved: it is still offered, so that it would come back with the next synchronization"})
	silent := must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: "c2", Name: "c2", Contacted: testTime}}))(t)
	must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: "c1", Name: "c1", Contacted: *now}}))(t)
	older := "1 older revision of it recorded, and no approval holds any of them"
	check(model.CleanupRevisions, map[uint32]string{approved: older, installed: older, needed: older, required: "saved: " + requiredSaved, revised: older})

	c, ok := CleanupChange(must1(s.Cleanup(t.Context(), nil))(t))
	if !ok || c.Kind != model.ChangeDecline || len(c.Also) != 3 || !slices.Equal(c.Also[0].Updates, []uint32{gone}) || !slices.Equal(c.Also[2].Computers, []uint32{silent}) {
		t.Fatalf("the change is %+v", c)
	}
	must1(s.Make(t.Context(), c, admin))(t)
	snap := s.Snapshot()
	if !snap.Row(gone).Has(model.FlagRemoved) || !snap.Row(installed).Has(model.FlagDeclined) || snap.Row(approved).Has(model.FlagDeclined) || len(snap.Computers()) != 1 {
		t.Error("the change did not do what the candidates said")
	}
	if c, ok := CleanupChange(must1(s.Cleanup(t.Context(), nil))(t)); ok {
		t.Errorf("a second cleanup would do %+v", c)
	}
	if revs := must1(s.Revisions(revised))(t); len(revs) != 1 {
		t.Errorf("%d revisions are recorded", len(revs))
	}
}

func TestCleanupOfComputersAndFiles(t *testing.T) {
	s, now := clocked(t)
	record := func(id string, c model.Computer) uint32 {
		t.Helper()
		c.ID, c.Name = model.ComputerID(id), id
		return must1(s.Record(t.Context(), Report{Computer: c}))(t)
	}
	silent, never := record("silent", model.Computer{Contacted: testTime}), record("never", model.Computer{Admission: model.Waiting})
	local := record("local", model.Computer{Contacted: testTime, Local: true})
	*now = testTime.AddDate(0, 0, 30)
	alive := record("alive", model.Computer{Contacted: testTime.AddDate(0, 0, 29)})
	got := judged(t, s, model.CleanupComputers)
	for n, want := range map[uint32]string{silent: "its last contact was 30 days ago", never: "it never made contact and became known 30 days ago",
		local: "it is the computer that this store manages itself", alive: "its last contact was 1 day ago, less than 30"} {
		if it := got[n]; it.Reason != want || it.Saved != (n == local || n == alive) {
			t.Errorf("computer %d: %+v, want %q", n, it, want)
		}
	}
	files := must1(s.Cleanup(t.Context(), []model.CleanupJob{model.CleanupFiles}))(t)
	if len(files) != 1 || !files[0].Saved || !strings.Contains(files[0].Reason, "no content") {
		t.Errorf("files: %+v", files)
	}
	if _, err := s.Cleanup(t.Context(), []model.CleanupJob{"dust"}); err == nil {
		t.Error("a job that does not exist was done")
	}
	if _, ok := CleanupChange(files); ok {
		t.Error("nothing to do makes a change")
	}
}

// A declined update that computers need and that nothing approved replaces is a
// wrong decline.
func TestWrongDeclines(t *testing.T) {
	s, _ := clocked(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1"), debian("b", "2"), debian("c", "1")}))(t)
	computer(t, s, "c1", []uint32{1, 2}, nil)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1, 2, 4}}, admin))(t)
	if got := s.Snapshot().WrongDeclines(); !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("before the successor is approved: %v", got)
	}
	approveAll(t, s, "", model.ActionInstall, 3)
	if got := s.Snapshot().WrongDeclines(); !slices.Equal(got, []uint32{1}) {
		t.Errorf("after: %v", got)
	}
}
