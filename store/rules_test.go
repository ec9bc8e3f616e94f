package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// vendor makes an update as a vendor of Microsoft's shape describes it.
func vendor(id string, change ...func(*model.Update)) *model.Update {
	u := &model.Update{ID: model.UpdateID(id), Upstream: "microsoft", Title: "Update " + id, Class: model.ClassSecurity,
		Products: []model.CategoryID{"windows"}, Released: testTime.AddDate(0, 0, -3), Removable: true, Applies: []byte("any")}
	for _, f := range change {
		f(u)
	}
	return u
}

func supersedes(ids ...model.UpdateID) func(*model.Update) {
	return func(u *model.Update) { u.Supersedes = ids }
}

func bundles(ids ...model.UpdateID) func(*model.Update) {
	return func(u *model.Update) { u.Bundles = ids }
}

// terms give an update licence terms.
func terms(text string) func(*model.Update) { return func(u *model.Update) { u.Licence = text } }

func refused(t testing.TB, err error, code string) *model.Refusal {
	t.Helper()
	var r *model.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("got %v, want a refusal %q", err, code)
	}
	return r
}

// verified fails when check finds a problem.
func verified(t testing.TB, s *Store) {
	t.Helper()
	v := must1(s.Verify(t.Context(), nil))(t)
	if len(v.Problems) > 0 {
		t.Fatalf("check found: %s", strings.Join(v.Problems, "\n"))
	}
}

// addRule adds a rule and gives it as it was kept.
func addRule(t testing.TB, s *Store, r model.Rule) model.Rule {
	t.Helper()
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &r}, admin))(t)
	kept, ok := s.Snapshot().RuleByName(r.Name)
	if !ok {
		t.Fatalf("the rule %q was not kept", r.Name)
	}
	return kept
}

func addGroup(t testing.TB, s *Store, name string, parent model.GroupID) model.GroupID {
	t.Helper()
	e := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: name, Parent: parent}}, admin))(t)
	return e.Change.Group.ID
}

func approval(updates []uint32, action model.Action, groups ...model.GroupID) model.Change {
	c := model.Change{Kind: model.ChangeApprove, Updates: updates}
	for _, g := range groups {
		c.Groups = append(c.Groups, model.GroupAction{Group: g, Action: action})
	}
	return c
}

func runRules(t testing.TB, s *Store, withheld ...string) []model.RuleOutcome {
	t.Helper()
	out := must1(s.RunRules(t.Context(), func(u string) bool { return slices.Contains(withheld, u) }, model.Actor{Who: "fettle", From: model.FromServer}))(t)
	return out
}

func TestRulesAreKeptChangedAndTakenBack(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	r := addRule(t, s, model.Rule{Name: "Security", Enabled: true, Classes: []model.Classification{model.ClassSecurity}, Groups: []model.GroupID{model.GroupAll},
		Deadline: &model.RuleDeadline{Days: 7, Minute: 180}})
	if r.ID != 1 {
		t.Fatalf("the first rule has number %d", r.ID)
	}
	off := r
	off.Enabled = false
	e := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleSet, Automatic: &off}, admin))(t)
	if e.Summary != "Disabled rule Security" {
		t.Errorf("summary %q", e.Summary)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	e = must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleRemove, Automatic: &model.Rule{ID: 1}}, admin))(t)
	if e.Summary != "Removed rule Security" || len(s.Snapshot().Rules()) != 0 {
		t.Errorf("summary %q, rules %v", e.Summary, s.Snapshot().Rules())
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if got, _ := s.Snapshot().RuleByName("security"); !same(got, r) {
		t.Errorf("after taking the removal back: %+v, want %+v", got, r)
	}
	if r := addRule(t, s, model.Rule{Name: "Other", Groups: []model.GroupID{model.GroupAll}}); r.ID != 2 {
		t.Errorf("the second rule has number %d", r.ID)
	}
	verified(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir)
	defer s.Close()
	if got := s.Snapshot().Rules(); len(got) != 2 || got[0].Name != "Other" || !same(got[1], r) {
		t.Errorf("after opening again: %+v", got)
	}
	verified(t, s)
}

func TestRuleRefusals(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	addRule(t, s, model.Rule{Name: "Security", Groups: []model.GroupID{model.GroupAll}})
	for _, c := range []struct {
		rule model.Rule
		code string
		why  string
	}{
		{model.Rule{Name: "", Groups: []model.GroupID{"all"}}, "name", ""},
		{model.Rule{Name: "security", Groups: []model.GroupID{"all"}}, "exists", ""},
		{model.Rule{Name: "a"}, "groups", ""},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Deadline: &model.RuleDeadline{Days: 366}}, "deadline", "365"},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Deadline: &model.RuleDeadline{Minute: 1440}}, "deadline", ""},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "product:("}, "products", ""},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "needed:>0"}, "products", "needed:"},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "product:x or !(age:>14d)"}, "products", "age:"},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "approved:none"}, "products", "approved:"},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "is:exploited,superseded"}, "products", "is:"},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "released:<7d"}, "products", "released:"},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "released:today"}, "products", "released:"},
		{model.Rule{Name: "a", Groups: []model.GroupID{"all"}, Products: "in:Servers class:security"}, "products", "in:"},
	} {
		_, err := s.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &c.rule}, admin)
		if r := refused(t, err, c.code); !strings.Contains(r.Error(), c.why) {
			t.Errorf("%+v: %v does not say %q", c.rule, r, c.why)
		}
	}
	for _, ok := range []string{"", `product:"Debian 12" !title:beta`, "is:exploited", "released:>2026-01-01", "severity:>=important size:<1GB", "package:libssl* or kb:123"} {
		r := model.Rule{Name: strings.TrimSpace("fine " + ok), Groups: []model.GroupID{"all"}, Products: ok}
		if err := s.Check(model.Change{Kind: model.ChangeRuleAdd, Automatic: &r}, admin); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	if _, err := s.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "b", Groups: []model.GroupID{"g9"}}}, admin); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown group: %v", err)
	}
	operator := admin
	operator.Role = model.AccessOperator
	_, err := s.Make(t.Context(), model.Change{Kind: model.ChangeRuleRemove, Automatic: &model.Rule{ID: 1}}, operator)
	refused(t, err, "role")
}

// A rule looks at what arrives, once, and never at revisions (semantics 3.5).
func TestRulesApproveWhatArrivesOnce(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("old", "1")}))(t)
	r := addRule(t, s, model.Rule{Name: "All", Enabled: true, Groups: []model.GroupID{model.GroupAll}, Deadline: &model.RuleDeadline{Days: 7, Minute: 180}})
	addRule(t, s, model.Rule{Name: "Disabled", Groups: []model.GroupID{model.GroupAll}})
	if out := runRules(t, s); len(out) != 0 {
		t.Fatalf("what was here before the rule: %+v", out)
	}
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
	out := runRules(t, s)
	if len(out) != 1 || out[0].Rule != "All" || out[0].Updates != 2 || out[0].Deployment == 0 {
		t.Fatalf("outcomes %+v", out)
	}
	d := s.Snapshot().Deployment(out[0].Deployment)
	want := r.Deadline.At(testTime)
	if d.Rule != "All" || d.RuleID != r.ID || d.Name != "Rule All" || d.Author != "fettle" || !slices.Equal(d.Updates, []uint32{2, 3}) || !d.Groups[0].Deadline.Equal(want) {
		t.Errorf("deployment %+v, want the deadline %v", d, want)
	}
	head, _ := s.Snapshot().Journal()
	e := must1(s.Entry(head))(t)
	if e.Actor.From != model.FromRule || e.Actor.Via != "All" || e.Actor.Who != "fettle" || !strings.Contains(e.Summary, "by rule All") {
		t.Errorf("entry %+v", e)
	}
	if out := runRules(t, s); len(out) != 0 {
		t.Errorf("a second run: %+v", out)
	}
	again := debian("a", "1")
	again.Description = "revised"
	must1(s.Import(t.Context(), []*model.Update{again}))(t)
	if out := runRules(t, s); len(out) != 0 {
		t.Errorf("a revision: %+v", out)
	}
	// By hand, over the whole catalogue: only what was here before.
	run := s.Snapshot().RunOf(r, nil, testTime)
	if !slices.Equal(run.Updates, []uint32{1}) || len(run.Skipped) != 1 || run.Skipped[0].Why != "approved before" || !slices.Equal(run.Skipped[0].Updates, []uint32{2, 3}) {
		t.Errorf("run by hand: %+v", run)
	}
	e2 := must1(s.Make(t.Context(), RunChange(run), admin))(t)
	if got := s.Snapshot().Deployment(e2.Result); got.RuleID != r.ID {
		t.Errorf("deployment by hand %+v", got)
	}
	if run := s.Snapshot().RunOf(r, nil, testTime); len(run.Updates) != 0 {
		t.Errorf("a second run by hand would approve %v", run.Updates)
	}
	// Taking back what a rule approved works, and the rule would do it again by hand only.
	must1(s.Undo(t.Context(), head, admin, "too early"))(t)
	if len(s.Snapshot().Approvals(2)) != 0 {
		t.Error("the rule's approval holds after it was taken back")
	}
	if out := runRules(t, s); len(out) != 0 {
		t.Errorf("the rule did it again: %+v", out)
	}
	if run := s.Snapshot().RunOf(r, nil, testTime); !slices.Equal(run.Updates, []uint32{2, 3}) {
		t.Errorf("run by hand after taking back: %v", run.Updates)
	}
	verified(t, s)
}

func TestRulesLeaveAlone(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeUpstream, Upstream: &model.Upstream{Name: "microsoft", Kind: model.UpstreamMicrosoft}}, admin))(t)
	web, db := addGroup(t, s, "Web", model.GroupAll), addGroup(t, s, "Database", model.GroupAll)
	must1(s.Import(t.Context(), []*model.Update{
		vendor("plain"), vendor("licensed", terms("agree")), vendor("expired", func(u *model.Update) { u.Publication = model.Expired }),
		vendor("old"), vendor("new", supersedes("old")), vendor("declined"), vendor("asks", func(u *model.Update) { u.Input = true }),
		vendor("not here"), vendor("by hand"), vendor("tool", func(u *model.Update) { u.Class = model.ClassTool }), debian("a", "1"), debian("a", "2"),
	}))(t)
	must1(s.Withdraw(t.Context(), []uint32{11}))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{6}}, admin))(t)
	must1(s.Make(t.Context(), approval([]uint32{8}, model.ActionNotApproved, web), admin))(t)
	must1(s.Make(t.Context(), approval([]uint32{9}, model.ActionInstall, web, db), admin))(t)
	r := addRule(t, s, model.Rule{Name: "Security", Enabled: true, Classes: []model.Classification{model.ClassSecurity, model.ClassUpdate}, Groups: []model.GroupID{web, db},
		Deadline: &model.RuleDeadline{Days: 1}})
	run := s.Snapshot().RunOf(r, nil, testTime)
	got := map[string][]uint32{}
	for _, k := range run.Skipped {
		got[k.Why] = k.Updates
	}
	for why, want := range map[string][]uint32{"licence": {2}, "expired": {3}, "superseded": {4}, "declined": {6}, "user input": {7}, "decided by hand": {9}, "withdrawn": {11}} {
		if !slices.Equal(got[why], want) {
			t.Errorf("left alone as %s: %v, want %v", why, got[why], want)
		}
	}
	if !slices.Equal(run.Updates, []uint32{1, 5, 8, 12}) {
		t.Errorf("would approve %v", run.Updates)
	}
	// Update 8 is for one group only: a person decided about the other.
	if len(run.Parts) != 2 || !slices.Equal(run.Parts[0].Updates, []uint32{1, 5, 12}) || !slices.Equal(run.Parts[1].Updates, []uint32{8}) || !slices.Equal(run.Parts[1].Groups, []model.GroupID{db}) {
		t.Errorf("parts %+v", run.Parts)
	}
	e := must1(s.Make(t.Context(), RunChange(run), admin))(t)
	snap := s.Snapshot()
	if a, _ := snap.Approval(8, web); a.Action != model.ActionNotApproved {
		t.Errorf("the rule overrode a person: %+v", a)
	}
	if a, _ := snap.Approval(8, db); a.Action != model.ActionInstall {
		t.Errorf("the other group: %+v", a)
	}
	if a, ok := snap.Approval(6, web); ok {
		t.Errorf("a declined update was approved: %+v", a)
	}
	must1(s.Undo(t.Context(), e.Seq, admin, ""))(t)
	if len(s.Snapshot().Approvals(1)) != 0 || len(s.Snapshot().Approvals(8)) != 1 {
		t.Error("one undo must take back every part of the run")
	}
	verified(t, s)
}

// Two rules for one group: the earlier deadline holds, whichever rule ran first.
func TestRulesTogether(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	addRule(t, s, model.Rule{Name: "a late", Enabled: true, Groups: []model.GroupID{model.GroupAll}, Deadline: &model.RuleDeadline{Days: 9}})
	addRule(t, s, model.Rule{Name: "b early", Enabled: true, Groups: []model.GroupID{model.GroupAll}, Deadline: &model.RuleDeadline{Days: 2}})
	addRule(t, s, model.Rule{Name: "c never", Enabled: true, Groups: []model.GroupID{model.GroupAll}})
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	out := runRules(t, s)
	if len(out) != 2 {
		t.Fatalf("outcomes %+v", out)
	}
	a, _ := s.Snapshot().Approval(1, model.GroupAll)
	if want := (model.RuleDeadline{Days: 2}).At(testTime); !a.Deadline.Equal(want) {
		t.Errorf("the deadline is %v, want %v", a.Deadline, want)
	}
}

func TestRulesOverInitialSynchronizationOnlyCount(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	r := addRule(t, s, model.Rule{Name: "All", Enabled: true, Groups: []model.GroupID{model.GroupAll}})
	id := must1(s.BeginRun(t.Context(), model.SyncRun{Upstream: "debian", Initial: true, Started: testTime}))(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
	out := runRules(t, s, "debian")
	if len(out) != 1 || !out[0].Withheld || out[0].Updates != 2 || out[0].Deployment != 0 {
		t.Fatalf("outcomes %+v", out)
	}
	if err := s.EndRun(t.Context(), model.SyncRun{ID: id, Upstream: "debian", Initial: true, Ended: testTime, Result: model.SyncSucceeded, New: []uint32{1, 2}, Rules: out}); err != nil {
		t.Fatal(err)
	}
	told := func() bool {
		return slices.ContainsFunc(s.Snapshot().Notices(testTime), func(n model.Notice) bool { return n.Kind == "rule-withheld" })
	}
	if !told() {
		t.Error("no notice tells of the rule that did not run")
	}
	must1(s.Import(t.Context(), []*model.Update{debian("c", "1")}))(t)
	if out := runRules(t, s); len(out) != 1 || out[0].Updates != 1 {
		t.Errorf("the next synchronization: %+v", out)
	}
	if !told() {
		t.Error("a later synchronization must not end the notice")
	}
	must1(s.Make(t.Context(), RunChange(s.Snapshot().RunOf(r, nil, testTime)), admin))(t)
	if told() {
		t.Error("the notice stays after the rule ran by hand")
	}
}

func TestRulesGoOnWithoutRemovedGroups(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	web, db := addGroup(t, s, "Web", model.GroupAll), addGroup(t, s, "Database", model.GroupAll)
	r := addRule(t, s, model.Rule{Name: "R", Enabled: true, Groups: []model.GroupID{web, db}})
	remove := func(id model.GroupID) model.Change {
		return model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: id}}
	}
	p := must1(s.Plan(t.Context(), remove(web), admin))(t)
	if !slices.Contains(p.Lines, "The rule R goes on for its other groups.") {
		t.Errorf("plan lines %q", p.Lines)
	}
	must1(s.Make(t.Context(), remove(web), admin))(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	if out := runRules(t, s); len(out) != 1 || out[0].Error != "" || len(s.Snapshot().Approvals(1)) != 1 {
		t.Errorf("with one group left: %+v", out)
	}
	p = must1(s.Plan(t.Context(), remove(db), admin))(t)
	if !slices.ContainsFunc(p.Warnings, func(w model.PlanWarning) bool { return w.Code == "rule" }) {
		t.Errorf("no warning that the rule is left without groups: %+v", p)
	}
	must1(s.Make(t.Context(), remove(db), admin))(t)
	must1(s.Import(t.Context(), []*model.Update{debian("b", "1")}))(t)
	if out := runRules(t, s); len(out) != 1 || out[0].Error != "none of its groups exists any more" {
		t.Errorf("without groups: %+v", out)
	}
	// It can still be edited: disabled, or given a group.
	r.Enabled = false
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleSet, Automatic: &r}, admin))(t)
	verified(t, s)
}

// What a process that died between an import and the rules left to do is done
// once: the mark moves with the deployments.
func TestRulesMarkSurvivesACrash(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	addRule(t, s, model.Rule{Name: "All", Enabled: true, Groups: []model.GroupID{model.GroupAll}})
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	s.Close()
	s = openTest(t, dir)
	if out := runRules(t, s); len(out) != 1 {
		t.Fatalf("after opening again: %+v", out)
	}
	s.Close()
	s = openTest(t, dir)
	defer s.Close()
	if out := runRules(t, s); len(out) != 0 || len(s.Snapshot().Deployments()) != 1 {
		t.Fatalf("it was approved twice: %+v", out)
	}
}

// A refused rule leaves no trace, and the others go on.
func TestRulesOfAReplicaDoNotRun(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	addRule(t, s, model.Rule{Name: "All", Enabled: true, Groups: []model.GroupID{model.GroupAll}})
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeOptions, Options: &model.Options{Replica: "debian"}}, admin))(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	if out := runRules(t, s); len(out) != 0 {
		t.Errorf("outcomes %+v", out)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if out := runRules(t, s); len(out) != 0 {
		t.Errorf("what a replica's server decided about: %+v", out)
	}
}

func TestReadOnlyRefusesRules(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	s.Close()
	ro, err := Open(Options{Dir: dir, Keys: filepath.Join(dir, "keys"), ReadOnly: true, Clock: func() time.Time { return testTime }})
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	_, err = ro.RunRules(context.Background(), nil, admin)
	refused(t, err, "read-only")
	_, err = ro.Consent(context.Background(), 1, admin, "")
	refused(t, err, "read-only")
}
