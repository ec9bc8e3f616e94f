package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"fettle/model"
)

// queued gives the identifiers of a queue by their source, in its order.
func queued(list []model.Undecided) string {
	var names []string
	for _, u := range list {
		names = append(names, strings.Split(string(u.Update.ID), "/")[3]+" "+u.Update.Version)
	}
	return strings.Join(names, ", ")
}

func install(groups ...model.GroupID) []model.GroupAction {
	var out []model.GroupAction
	for _, g := range groups {
		out = append(out, model.GroupAction{Group: g, Action: model.ActionInstall})
	}
	return out
}

// triageStore has a critical, exploited curl needed on two computers, a bash that
// is needed on one, a vim that failed on one, and a tzdata that nobody needs. web1
// is in the group Web.
func triageStore(t testing.TB) (*Store, model.GroupID) {
	s := newTest(t)
	ready(t, s)
	curl := debian("curl", "1")
	curl.Severity, curl.Exploited, curl.Class = model.SeverityCritical, true, model.ClassSecurity
	must1(s.Import(t.Context(), []*model.Update{curl, debian("bash", "1"), debian("vim", "1"), debian("tzdata", "1")}))(t)
	web := computer(t, s, "web1", []uint32{1, 2}, nil)
	must1(s.Record(t.Context(), Report{
		Computer: model.Computer{ID: "desk1", Name: "desk1", Platform: model.PlatformLinux, Contacted: testTime, Reported: testTime},
		Status:   &model.Status{Reported: testTime, Evaluated: 4, Needed: []uint32{1}, Failed: []uint32{3}},
	}))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Web", Parent: model.GroupAll}, Computers: []uint32{web}}, admin))(t)
	return s, s.Snapshot().Groups().ByName("Web").ID
}

func TestTriageIsWhatNobodyDecided(t *testing.T) {
	s, web := triageStore(t)
	ctx := t.Context()
	see := func(queue string, waiting int) *model.Triage {
		t.Helper()
		got := s.Snapshot().Triage(testTime)
		if queued(got.Queue) != queue || got.Waiting != waiting {
			t.Fatalf("the queue is %q for %d computers, not %q for %d", queued(got.Queue), got.Waiting, queue, waiting)
		}
		return got
	}
	make := func(c model.Change) model.Entry {
		t.Helper()
		return must1(s.Make(ctx, c, admin))(t)
	}
	got := see("curl 1, bash 1, vim 1", 2)
	if u := got.Queue[2]; u.Failed != 1 || got.Open != 3 || got.Selected != 4 {
		t.Errorf("vim is %+v of %+v", u, got)
	}

	// Approved for one group, needed in another: still to be decided there.
	e := make(model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: install(web)})
	u := see("curl 1, bash 1, vim 1", 2).Queue[0]
	if u.Waiting != 1 || u.Needing != 2 || u.Decided() != 1 {
		t.Errorf("curl is %+v", u)
	}
	if words := strings.Join(u.Reasons(testTime), ", "); words != "critical, exploited, 1 of 2 computers, 10 days" {
		t.Errorf("the row says %q", words)
	}
	must1(s.Undo(ctx, e.Seq, admin, ""))(t)

	// Approved for all, or refused for all who need it: decided.
	make(model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: install(model.GroupAll)})
	see("bash 1, vim 1", 2)
	make(model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: []model.GroupAction{{Group: web, Action: model.ActionNotApproved}}})
	see("vim 1", 1)
	e = make(model.Change{Kind: model.ChangeDecline, Updates: []uint32{3}})
	got = see("", 0)
	if words := strings.Join(got.Empty(time.UTC), " "); !strings.Contains(words, "2 updates are needed, and approved or refused") {
		t.Errorf("the empty queue says %q", words)
	}
	must1(s.Undo(ctx, e.Seq, admin, ""))(t)
	see("vim 1", 1)

	// Installed and waiting for a restart: nothing is left to decide.
	must1(s.Record(ctx, Report{
		Computer: model.Computer{ID: "desk1", Name: "desk1", Platform: model.PlatformLinux, Contacted: testTime, Reported: testTime},
		Status:   &model.Status{Reported: testTime, Evaluated: 4, Pending: []uint32{3}},
	}))(t)
	if got = see("", 0); got.Open != 2 {
		t.Errorf("%d updates are open", got.Open)
	}
}

// What supersedes another is decided in its place, on the computers that need
// both; not where the newer one does not apply, nor when somebody refused it.
func TestTriageDecidesTheSuccessor(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	ctx := t.Context()
	must1(s.Import(ctx, []*model.Update{debian("bash", "1"), debian("bash", "2")}))(t)
	both := computer(t, s, "both", []uint32{1, 2}, nil)
	see := func(queue, aside string) *model.Triage {
		t.Helper()
		got := s.Snapshot().Triage(testTime)
		if queued(got.Queue) != queue || queued(got.Aside) != aside {
			t.Fatalf("the queue is %q without %q, not %q without %q", queued(got.Queue), queued(got.Aside), queue, aside)
		}
		return got
	}
	got := see("bash 2", "bash 1")
	if u := got.Aside[0]; u.Aside != model.AsideSuperseded || u.By == nil || u.By.Number != 2 || u.AsideWords(time.UTC) != "superseded by bash 2" || got.AsideSummary() != "1 superseded" {
		t.Errorf("bash 1 is left out as %+v", u)
	}
	// Postponing the newer one does not bring the older one back.
	e := must1(s.Make(ctx, model.Change{Kind: model.ChangePostpone, Updates: []uint32{2}, Until: testTime.AddDate(0, 0, 7)}, admin))(t)
	see("", "bash 2, bash 1")
	must1(s.Undo(ctx, e.Seq, admin, ""))(t)
	// Nor does approving it: it is being installed.
	e = must1(s.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: install(model.GroupAll)}, admin))(t)
	see("", "bash 1")
	must1(s.Undo(ctx, e.Seq, admin, ""))(t)
	// Declining it does, and so does refusing it where it is needed.
	e = must1(s.Make(ctx, model.Change{Kind: model.ChangeDecline, Updates: []uint32{2}}, admin))(t)
	see("bash 1", "")
	must1(s.Undo(ctx, e.Seq, admin, ""))(t)
	must1(s.Make(ctx, model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Both", Parent: model.GroupAll}, Computers: []uint32{both}}, admin))(t)
	e = must1(s.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: []model.GroupAction{{Group: s.Snapshot().Groups().ByName("Both").ID, Action: model.ActionNotApproved}}}, admin))(t)
	see("bash 1", "")
	must1(s.Undo(ctx, e.Seq, admin, ""))(t)
	// A computer that only needs the older one waits for that.
	computer(t, s, "older", []uint32{1}, nil)
	got = see("bash 1, bash 2", "")
	if u := got.Queue[0]; u.Waiting != 1 || u.Needing != 2 || u.Replaced != 1 || u.Decided() != 0 {
		t.Errorf("bash 1 is %+v", u)
	}
	// Withdrawn: nobody can install it.
	must1(s.Withdraw(ctx, []uint32{1}))(t)
	if got = see("bash 2", "bash 1"); got.Aside[0].Aside != model.AsideUnavailable {
		t.Errorf("bash 1 is %+v", got.Aside[0])
	}
}

// An approval that stays behind with an older revision installs nothing: the
// update is to be decided again, and says why.
func TestTriageHasWhatIsHeldBack(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	ctx := t.Context()
	must1(s.Make(ctx, model.Change{Kind: model.ChangeOptions, Options: &model.Options{KeepRevisions: true}}, admin))(t)
	must1(s.Import(ctx, []*model.Update{debian("bash", "1")}))(t)
	computer(t, s, "web1", []uint32{1}, nil)
	must1(s.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: install(model.GroupAll)}, admin))(t)
	if got := s.Snapshot().Triage(testTime); len(got.Queue) != 0 {
		t.Fatalf("the queue is %q", queued(got.Queue))
	}
	must1(s.Import(ctx, []*model.Update{debian("bash", "1", "bash", "bash-doc")}))(t)
	got := s.Snapshot().Triage(testTime)
	if queued(got.Queue) != "bash 1" || !got.Queue[0].Held || !slices.Contains(got.Queue[0].Reasons(testTime), "revised") {
		t.Fatalf("the queue is %+v", got.Queue)
	}
	must1(s.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: install(model.GroupAll)}, admin))(t)
	if got := s.Snapshot().Triage(testTime); len(got.Queue) != 0 {
		t.Errorf("approved again, the queue is %q", queued(got.Queue))
	}
}

func TestPostponeUndoAndNews(t *testing.T) {
	s, _ := triageStore(t)
	ctx := t.Context()
	week, month := testTime.AddDate(0, 0, 7), testTime.AddDate(0, 1, 0)
	later := func(until time.Time, numbers ...uint32) model.Entry {
		t.Helper()
		return must1(s.Make(ctx, model.Change{Kind: model.ChangePostpone, Updates: numbers, Until: until}, admin))(t)
	}
	first := later(week, 1, 2)
	if got := s.Snapshot().Triage(testTime); queued(got.Queue) != "vim 1" || queued(got.Aside) != "curl 1, bash 1" || got.AsideSummary() != "2 for later" {
		t.Fatalf("the queue is %q without %q", queued(got.Queue), queued(got.Aside))
	}
	if got := s.Snapshot().Triage(week); queued(got.Queue) != "curl 1, bash 1, vim 1" {
		t.Errorf("after its time the queue is %q", queued(got.Queue))
	}
	if first.Summary != "Postponed 2 updates until "+week.Format(time.RFC3339) {
		t.Errorf("the journal says %q", first.Summary)
	}
	// Postponed again: undoing brings the first postponement back, exactly.
	was := s.Snapshot().postponed[1]
	second := later(month, 1, 3)
	must1(s.Undo(ctx, second.Seq, admin, ""))(t)
	if p, _ := s.Snapshot().Postponement(1); !same(&p, was) {
		t.Errorf("the postponement is %+v, not %+v", p, *was)
	}
	if _, ok := s.Snapshot().Postponement(3); ok {
		t.Error("vim is still postponed")
	}
	// An undo of the undo is one of the second.
	e := must1(s.Undoable(s.Snapshot().journal.Seq))(t)
	must1(s.Undo(ctx, e.Seq, admin, ""))(t)
	if p, _ := s.Snapshot().Postponement(1); !p.Until.Equal(month) {
		t.Errorf("the postponement is %+v", p)
	}
	must1(s.Make(ctx, model.Change{Kind: model.ChangeResume, Updates: []uint32{1, 3}}, admin))(t)

	// bash is postponed still; a new revision brings it back.
	if !s.Snapshot().Postponed(2, testTime) {
		t.Fatal("bash is not postponed")
	}
	changed := debian("bash", "1")
	changed.Title = "bash 1, described anew"
	must1(s.Import(ctx, []*model.Update{changed}))(t)
	if s.Snapshot().Postponed(2, testTime) {
		t.Error("a new revision did not bring it back")
	}
	// So does that twice as many computers need it.
	later(week, 2)
	computer(t, s, "web2", []uint32{2}, nil)
	if s.Snapshot().Postponed(2, testTime) {
		t.Error("it stays away although twice as many computers need it")
	}
	verdict := must1(s.Verify(ctx, nil))(t)
	if len(verdict.Problems) > 0 {
		t.Errorf("the check finds %v", verdict.Problems)
	}
}

func TestPostponementsSurviveAndGoWithTheirUpdate(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	ctx := t.Context()
	must1(s.Import(ctx, []*model.Update{debian("bash", "1"), debian("vim", "1")}))(t)
	computer(t, s, "web1", []uint32{1, 2}, nil)
	must1(s.Make(ctx, model.Change{Kind: model.ChangePostpone, Updates: []uint32{1, 2}, Until: testTime.AddDate(0, 0, 7)}, admin))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if p, ok := s.Snapshot().Postponement(1); !ok || p.Who != "alice" || p.Computers != 1 || p.Revision != 1 || !p.Until.Equal(testTime.AddDate(0, 0, 7)) {
		t.Errorf("after opening it again it is %+v", p)
	}
	must1(s.Make(ctx, model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, admin))(t)
	must1(s.Make(ctx, model.Change{Kind: model.ChangeForget, Updates: []uint32{1}}, admin))(t)
	if _, ok := s.Snapshot().Postponement(1); ok {
		t.Error("the update was removed, its postponement not")
	}
	if verdict := must1(s.Verify(ctx, nil))(t); len(verdict.Problems) > 0 || !slices.Contains(verdict.Checked, Checked{"postponements", 1}) {
		t.Errorf("the check finds %v in %v", verdict.Problems, verdict.Checked)
	}
}

func TestPostponeRefuses(t *testing.T) {
	s, _ := triageStore(t)
	ctx := t.Context()
	must1(s.Make(ctx, model.Change{Kind: model.ChangeDecline, Updates: []uint32{3}}, admin))(t)
	week := testTime.AddDate(0, 0, 7)
	many := make([]uint32, mostPostponed+1)
	for i := range many {
		many[i] = 1
	}
	for code, c := range map[string]model.Change{
		"nothing":  {Kind: model.ChangePostpone, Until: week},
		"past":     {Kind: model.ChangePostpone, Updates: []uint32{1}, Until: testTime},
		"far":      {Kind: model.ChangePostpone, Updates: []uint32{1}, Until: testTime.AddDate(2, 0, 0)},
		"declined": {Kind: model.ChangePostpone, Updates: []uint32{3}, Until: week},
		"many":     {Kind: model.ChangePostpone, Updates: many, Until: week},
	} {
		_, err := s.Plan(ctx, c, admin)
		refused(t, err, code)
	}
	_, err := s.Make(ctx, model.Change{Kind: model.ChangeResume, Updates: []uint32{1}}, admin)
	refused(t, err, "nothing")
	viewer := model.Actor{Who: "bob", Role: model.AccessViewer}
	refused(t, s.Check(model.Change{Kind: model.ChangePostpone, Updates: []uint32{1}, Until: week}, viewer), "role")
	operator := model.Actor{Who: "bob", Role: model.AccessOperator}
	if err := s.Check(model.Change{Kind: model.ChangePostpone, Updates: []uint32{1}, Until: week}, operator); err != nil {
		t.Errorf("an operator gets %v", err)
	}
}

// The queue agrees with what is known of each computer by itself: the effective
// approval of each update on each computer that needs it.
func TestPropertyTriageAgreesWithEachComputer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newTest(t)
		ready(t, s)
		ctx := t.Context()
		var all []*model.Update
		for i := range 8 {
			all = append(all, debian(fmt.Sprintf("p%d", i%5), fmt.Sprint(1+i/5)))
		}
		must1(s.Import(ctx, all))(t)
		numbers := func(label string) []uint32 {
			list := rapid.SliceOfDistinct(rapid.Uint32Range(1, 8), func(n uint32) uint32 { return n }).Draw(rt, label)
			slices.Sort(list)
			return list
		}
		for i := range 4 {
			computer(t, s, fmt.Sprintf("c%d", i), numbers("needed"), nil)
		}
		groups := []model.GroupID{model.GroupAll}
		for i := range 3 {
			parent := rapid.SampledFrom(groups).Draw(rt, "parent")
			members := rapid.SliceOfDistinct(rapid.Uint32Range(1, 4), func(n uint32) uint32 { return n }).Draw(rt, "members")
			name := fmt.Sprintf("g%d", i)
			must1(s.Make(ctx, model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: name, Parent: parent}, Computers: members}, admin))(t)
			groups = append(groups, s.Snapshot().Groups().ByName(name).ID)
		}
		for range rapid.IntRange(0, 6).Draw(rt, "decisions") {
			c := model.Change{Updates: numbers("decided")}
			switch c.Kind = rapid.SampledFrom([]model.ChangeKind{model.ChangeApprove, model.ChangeApprove, model.ChangeDecline, model.ChangePostpone}).Draw(rt, "kind"); c.Kind {
			case model.ChangeApprove:
				c.Groups = []model.GroupAction{{Group: rapid.SampledFrom(groups).Draw(rt, "group"), Action: rapid.SampledFrom([]model.Action{model.ActionInstall, model.ActionNotApproved, model.ActionInherit}).Draw(rt, "action")}}
			case model.ChangePostpone:
				c.Until = testTime.AddDate(0, 0, 7)
			}
			_, _ = s.Make(ctx, c, admin) // refused now and then
		}
		snap := s.Snapshot()
		got := snap.Triage(testTime)
		found := map[uint32]model.Undecided{}
		for _, u := range append(slices.Clone(got.Queue), got.Aside...) {
			found[u.Update.Number] = u
		}
		all2, waits := 0, roaring.New()
		for n := uint32(1); n <= 8; n++ {
			var waiting []uint32
			undecided := 0
			for c := uint32(1); c <= 4; c++ {
				if st := snap.State(c, n); st != model.StateNotInstalled || snap.Effective(c, n).Step != model.StepNone {
					continue
				}
				undecided++
				replaced := slices.ContainsFunc(snap.SupersededBy(n), func(by uint32) bool {
					e := snap.Effective(c, by)
					return snap.State(c, by) == model.StateNotInstalled && (e.Step == model.StepNone || e.Action == model.ActionInstall)
				})
				if !replaced {
					waiting = append(waiting, c)
				}
			}
			u, ok := found[n]
			if ok != (undecided > 0) || ok && (u.Waiting != len(waiting) || u.Replaced != undecided-len(waiting)) {
				rt.Fatalf("update %d waits for %v of %d, triage has %+v (%v)", n, waiting, undecided, u, ok)
			}
			queue := ok && len(waiting) > 0 && !snap.Postponed(n, testTime)
			if ok && (u.Aside == model.AsideNot) != queue {
				rt.Fatalf("update %d is left out as %q, in the queue: %v", n, u.Aside, queue)
			}
			if queue {
				all2++
				waits.AddMany(waiting)
			}
			if one, set, _ := snap.Undecided(n, testTime); ok && (one != u || u.Aside == model.AsideNot && set.GetCardinality() != uint64(u.Waiting)) {
				rt.Fatalf("by itself update %d is %+v, in the queue %+v", n, one, u)
			}
		}
		if all2 != len(got.Queue) || waits.GetCardinality() != uint64(got.Waiting) {
			rt.Fatalf("%d updates for %d computers, triage has %d for %d", all2, waits.GetCardinality(), len(got.Queue), got.Waiting)
		}
	})
}
