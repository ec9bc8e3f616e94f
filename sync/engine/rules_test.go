package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fettle/model"
)

func securityOf(source, version string) *model.Update {
	u := packageOf(source, version)
	u.Class = model.ClassSecurity
	return u
}

// rule adds an enabled rule that approves security updates for a group.
func (b *bench) rule(name string, groups ...model.GroupID) {
	b.Helper()
	change(b, b.store, model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: name, Enabled: true, Classes: []model.Classification{model.ClassSecurity}, Groups: groups}})
}

func (b *bench) deployments() []*model.Deployment { return b.store.Snapshot().Deployments() }

func (b *bench) result() string { return b.Jobs()[0].Result }

// begun is a bench whose initial synchronization is over, with a rule that ran.
func begun(t testing.TB) *bench {
	b := newBench(t)
	b.archive.all = true
	b.archive.set([]*model.Update{packageOf("old", "1")})
	b.mustSync()
	b.rule("Security", model.GroupAll)
	return b
}

func TestRulesRunOverWhatIsNew(t *testing.T) {
	b := begun(t)
	a, c := securityOf("aa", "1"), packageOf("cc", "1")
	b.archive.set([]*model.Update{packageOf("old", "1"), a, securityOf("bb", "1"), c})
	run := b.mustSync()
	want := []model.RuleOutcome{{Rule: "Security", Updates: 2, Deployment: 1}}
	if !slices.Equal(run.Rules, want) || b.result() != "3 new, rule Security approved 2" || len(run.Remarks) != 0 {
		t.Errorf("%+v, %q, remarks %q", run.Rules, b.result(), run.Remarks)
	}
	d := b.deployments()
	if len(d) != 1 || d[0].Rule != "Security" || d[0].RuleID != 1 || d[0].Name != "Rule Security" || len(d[0].Updates) != 2 {
		t.Fatalf("%+v", d)
	}
	head, _ := b.store.Snapshot().Journal()
	if e, err := b.store.Entry(head); err != nil || e.Actor.From != model.FromRule || e.Actor.Via != "Security" {
		t.Errorf("the journal: %+v, %v", e, err)
	}
	// Never twice, and never for a revision.
	a.Title = "aa 1, better"
	c.Class = model.ClassSecurity
	if run = b.mustSync(); len(run.Rules) != 0 || len(b.deployments()) != 1 {
		t.Errorf("a revision triggered a rule: %+v", run.Rules)
	}
}

func TestInitialSynchronizationIsOnlyCounted(t *testing.T) {
	b := newBench(t)
	b.rule("Security", model.GroupAll)
	b.rule("It's all", model.GroupAll)
	b.archive.set([]*model.Update{securityOf("aa", "1"), securityOf("bb", "1")}, []*model.Update{securityOf("cc", "1"), packageOf("dd", "1")})
	b.archive.err = errors.New("the archive went away")
	if _, err := b.sync(); err == nil {
		t.Fatal("no error")
	}
	b.archive.err = nil
	run := b.mustSync() // resumed, and still the initial one
	if len(b.deployments()) != 0 || len(run.Rules) != 2 || run.Rules[0].Updates != 3 || !run.Rules[0].Withheld || run.Rules[0].Deployment != 0 {
		t.Fatalf("%+v", run.Rules)
	}
	if !strings.HasSuffix(b.result(), `rule It's all would approve 3, rule Security would approve 3`) {
		t.Errorf("%q", b.result())
	}
	if len(run.Remarks) != 2 || !strings.Contains(run.Remarks[1], "would approve 3 updates") || !strings.HasSuffix(run.Remarks[1], "fettle rule run Security") || !strings.HasSuffix(run.Remarks[0], `fettle rule run 'It'\''s all'`) {
		t.Errorf("%q", run.Remarks)
	}
	b.archive.all = true
	if b.mustSync(); len(b.deployments()) != 0 {
		t.Error("the next run approved what the initial one brought")
	}

	// The consent, after the numbers were seen.
	planned := b.Withheld([]string{"debian"})
	if len(planned) != 2 || len(planned[0].Updates) != 3 || len(b.Withheld([]string{"other"})) != 0 {
		t.Fatalf("%+v", planned)
	}
	results, err := b.RunWithheld(t.Context(), nil, admin)
	if err != nil || len(results) != 2 || results[0].Entry.Actor.Who != "alice" || results[0].Entry.Change.Rule != "It's all" || results[0].Err != nil {
		t.Fatalf("%+v, %v", results, err)
	}
	if d := b.deployments(); len(d) != 1 || len(d[0].Updates) != 3 || d[0].Rule != "It's all" {
		t.Errorf("%d deployments; the second rule has nothing to add to the first", len(d))
	}
	if results, err = b.RunWithheld(t.Context(), nil, admin); err != nil || len(results) != 0 {
		t.Errorf("a second time: %+v, %v", results, err)
	}
	viewer := model.Actor{Who: "eve", From: model.FromCommand}
	if _, err := b.store.Undo(t.Context(), 0, admin, ""); err != nil {
		t.Fatal(err)
	}
	if results, _ = b.RunWithheld(t.Context(), nil, viewer); len(results) != 2 || code(results[0].Err) != "role" || len(b.deployments()) != 1 {
		t.Errorf("a viewer: %+v", results)
	}
}

// withheld gives the notices of rules that only counted.
func (b *bench) withheld() (texts []string) {
	for _, n := range b.store.Snapshot().Notices(b.store.Now()) {
		if n.Kind == "rule-withheld" {
			texts = append(texts, n.Text)
		}
	}
	return texts
}

// The record of the synchronization says "withheld" for ever; the notice ends
// when there is nothing to be done any more.
func TestTheNoticeOfAWithheldRuleEnds(t *testing.T) {
	for name, end := range map[string]func(*bench){
		"run by hand": func(b *bench) {
			if results, err := b.RunWithheld(b.Context(), nil, admin); err != nil || len(results) != 1 || results[0].Entry.Seq == 0 {
				b.Errorf("%+v, %v", results, err)
			}
		},
		"decided by people": func(b *bench) {
			change(b, b.store, model.Change{Kind: model.ChangeDecline, Updates: b.numbers(securityOf("aa", "1"))})
			if texts := b.withheld(); len(texts) != 1 {
				b.Errorf("one of two was declined: %q", texts)
			}
			change(b, b.store, model.Change{Kind: model.ChangeApprove, Updates: b.numbers(securityOf("bb", "1")), Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}})
			if results, err := b.RunWithheld(b.Context(), nil, admin); err != nil || len(results) != 0 {
				b.Errorf("there is nothing to approve: %+v, %v", results, err)
			}
		},
	} {
		b := newBench(t)
		change(b, b.store, model.Change{Kind: model.ChangeComputers, How: []string{"this computer"}})
		b.rule("Security", model.GroupAll)
		change(b, b.store, model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "Nothing", Enabled: true, Classes: []model.Classification{model.ClassServicePack}, Groups: []model.GroupID{model.GroupAll}}})
		// Cut off and resumed: the run that ends it brings nothing for the rule.
		b.archive.set([]*model.Update{securityOf("aa", "1"), securityOf("bb", "1")}, []*model.Update{packageOf("cc", "1")})
		b.archive.err = errors.New("the archive went away")
		if _, err := b.sync(); err == nil {
			t.Fatal("no error")
		}
		b.archive.err = nil
		run := b.mustSync()
		if texts := b.withheld(); len(texts) != 1 || !strings.Contains(texts[0], "The rule Security did not run") || !strings.Contains(texts[0], "2 updates") {
			t.Fatalf("%s: %q, the run brought %v", name, texts, run.New)
		}
		end(b)
		if texts := b.withheld(); len(texts) != 0 {
			t.Errorf("%s: %q", name, texts)
		}
	}
}

func TestConsentToRulesMayNeedASecondPerson(t *testing.T) {
	b := newBench(t)
	b.rule("Security", model.GroupAll)
	b.archive.set([]*model.Update{securityOf("aa", "1")})
	b.mustSync()
	change(t, b.store, model.Change{Kind: model.ChangeOptions, Options: &model.Options{Consent: model.ConsentOptions{Rules: true}}})
	results, err := b.RunWithheld(t.Context(), nil, admin)
	if err != nil || len(results) != 1 || results[0].Waits == nil || results[0].Err != nil || len(b.deployments()) != 0 {
		t.Fatalf("%+v, %v", results, err)
	}
	b.archive.all = true
	b.archive.set([]*model.Update{securityOf("aa", "1"), securityOf("bb", "1")})
	if run := b.mustSync(); len(run.Rules) != 1 || run.Rules[0].Deployment == 0 {
		t.Errorf("a synchronization's own run of a rule waits for nobody: %+v", run.Rules)
	}
}

func TestInitialSynchronizationOfASecondUpstream(t *testing.T) {
	b := begun(t)
	other := &archive{all: true}
	b.o.Sources = sources(map[string]*archive{"debian": b.archive, "second": other})
	change(t, b.store, model.Change{Kind: model.ChangeUpstream, Upstream: &model.Upstream{Name: "second", Kind: model.UpstreamDebian, Location: "file:/other"}})
	far := func(u *model.Update) *model.Update {
		u.ID = model.DebianID("Other", "stable", u.Debian.Source, u.Version)
		u.Debian.Archive, u.Debian.Release = "Other", "stable"
		return u
	}
	b.archive.set([]*model.Update{packageOf("old", "1"), securityOf("aa", "1")})
	other.set([]*model.Update{far(securityOf("bb", "1")), far(securityOf("cc", "1"))})
	b.mustSync()
	runs := b.store.Snapshot().Runs()
	if first := runs[1]; len(first.Rules) != 1 || first.Rules[0].Updates != 1 || first.Rules[0].Withheld {
		t.Errorf("the known upstream: %+v", first.Rules)
	}
	if second := runs[0]; !second.Initial || len(second.Rules) != 1 || second.Rules[0].Updates != 2 || !second.Rules[0].Withheld {
		t.Errorf("the new upstream: %+v", second.Rules)
	}
	if d := b.deployments(); len(d) != 1 || len(d[0].Updates) != 1 {
		t.Errorf("%d deployments", len(d))
	}
}

// What came between an import and the rules must not be lost, whether the job
// was cancelled there or the process died.
func TestRulesMakeUpForARunThatWasCutOff(t *testing.T) {
	b := begun(t)
	b.archive.set([]*model.Update{packageOf("old", "1"), securityOf("aa", "1")})
	b.archive.ending = func() { b.CancelKind(JobSynchronization) }
	if _, err := b.sync(); err == nil {
		t.Fatal("no error")
	}
	if run := b.store.Snapshot().Runs()[0]; run.Result != model.SyncCanceled || len(run.New) != 1 || len(run.Rules) != 0 || len(b.deployments()) != 0 {
		t.Fatalf("%+v", run)
	}
	b.archive.ending = nil

	// A process that died left its run unended and its updates imported.
	if _, err := b.store.BeginRun(t.Context(), model.SyncRun{Upstream: "debian", Started: start}); err != nil {
		t.Fatal(err)
	}
	bb := securityOf("bb", "1")
	bb.Upstream = "debian"
	if _, err := b.store.Import(t.Context(), []*model.Update{bb}); err != nil {
		t.Fatal(err)
	}
	b.archive.set([]*model.Update{packageOf("old", "1"), securityOf("aa", "1"), securityOf("bb", "1")})
	run := b.mustSync()
	if len(run.New) != 0 || len(run.Rules) != 1 || run.Rules[0].Updates != 2 || b.result() != "nothing changed, rule Security approved 2" {
		t.Errorf("%+v, %q", run.Rules, b.result())
	}
	if run = b.mustSync(); len(run.Rules) != 0 || len(b.deployments()) != 1 {
		t.Errorf("approved twice: %+v", run.Rules)
	}
}

func TestARuleThatFailsDoesNotFailTheRun(t *testing.T) {
	b := begun(t)
	change(t, b.store, model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Lab", Parent: model.GroupAll}})
	g := b.store.Snapshot().Groups().ByName("Lab")
	b.rule("Laboratory", g.ID)
	change(t, b.store, model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: g.ID}})
	b.archive.set([]*model.Update{packageOf("old", "1"), securityOf("aa", "1")})
	run := b.mustSync()
	if len(run.Rules) != 2 || run.Rules[0].Rule != "Laboratory" || run.Rules[0].Error == "" || run.Rules[1].Deployment == 0 {
		t.Fatalf("%+v", run.Rules)
	}
	if run.Result != model.SyncSucceeded || len(run.Remarks) != 1 || !strings.Contains(run.Remarks[0], run.Rules[0].Error) || b.result() != "1 new, rule Laboratory failed, rule Security approved 1" {
		t.Errorf("%s, %q, %q", run.Result, run.Remarks, b.result())
	}
}

func TestExpiredUpdatesAreDeclined(t *testing.T) {
	b := begun(t)
	old, aa := packageOf("old", "1"), packageOf("aa", "1")
	was := packageOf("was", "1")
	was.Publication = model.Expired // when it came: nobody is told anything new
	b.archive.set([]*model.Update{old, aa, was})
	b.mustSync()
	aa.Publication = model.Expired
	run := b.mustSync()
	if !slices.Equal(run.Declined, b.numbers(aa)) || b.result() != "1 expired, 1 declined as expired" {
		t.Fatalf("%v, %q", run.Declined, b.result())
	}
	if row := b.store.Snapshot().RowByID(aa.ID); !row.Has(model.FlagDeclined) || b.store.Snapshot().RowByID(was.ID).Has(model.FlagDeclined) {
		t.Error("what a revision expired is declined, and nothing else")
	}
	head, _ := b.store.Snapshot().Journal()
	e, err := b.store.Entry(head)
	if err != nil || e.Kind != model.ChangeDecline || e.Actor.Who != "fettle" || e.Actor.From != model.FromServer || e.Remark != fmt.Sprintf("Their publisher expired them (debian, run %d).", run.ID) {
		t.Errorf("%+v, %v", e, err)
	}
	// Whoever takes it back is not overruled.
	if _, err := b.store.Undo(t.Context(), head, admin, ""); err != nil {
		t.Fatal(err)
	}
	aa.Title = "aa 1, still expired"
	if run = b.mustSync(); len(run.Declined) != 0 || b.store.Snapshot().RowByID(aa.ID).Has(model.FlagDeclined) {
		t.Errorf("declined again: %v", run.Declined)
	}

}

// Expired updates are declined only while approvals move to new revisions
// (semantics 3.5). What stayed then is not declined later: it is no news.
func TestExpiredUpdatesAreKept(t *testing.T) {
	for _, o := range []model.Options{{KeepExpired: true}, {KeepRevisions: true}} {
		b := begun(t)
		old, aa := packageOf("old", "1"), packageOf("aa", "1")
		b.archive.set([]*model.Update{old, aa})
		b.mustSync()
		change(t, b.store, model.Change{Kind: model.ChangeOptions, Options: &o})
		old.Publication = model.Expired
		if run := b.mustSync(); len(run.Expired) != 1 || len(run.Declined) != 0 {
			t.Errorf("%+v: %+v", o, run)
		}
		change(t, b.store, model.Change{Kind: model.ChangeOptions, Options: &model.Options{}})
		aa.Publication = model.Expired
		if run := b.mustSync(); !slices.Equal(run.Declined, b.numbers(aa)) {
			t.Errorf("%+v, taken back: declined %v", o, run.Declined)
		}
	}
}

func TestExpiredUpdatesOfARunThatWasCutOffAreDeclined(t *testing.T) {
	b := begun(t)
	aa, bb := packageOf("aa", "1"), packageOf("bb", "1")
	b.archive.set([]*model.Update{packageOf("old", "1"), aa, bb})
	b.mustSync()
	aa.Publication = model.Expired
	b.archive.err = errors.New("the archive went away")
	if run, err := b.sync(); err == nil || len(run.Expired) != 1 || len(run.Declined) != 0 {
		t.Fatalf("%+v, %v", run, err)
	}
	b.archive.err = nil
	if _, err := b.store.BeginRun(t.Context(), model.SyncRun{Upstream: "debian", Started: start}); err != nil {
		t.Fatal(err)
	}
	dead := *bb
	dead.Upstream, dead.Publication = "debian", model.Expired
	if _, err := b.store.Import(t.Context(), []*model.Update{&dead}); err != nil {
		t.Fatal(err)
	}
	bb.Publication = model.Expired
	if run := b.mustSync(); !slices.Equal(run.Declined, b.numbers(aa, bb)) || len(run.Expired) != 0 {
		t.Errorf("declined %v, expired %v", run.Declined, run.Expired)
	}
}

func TestAReplicaDecidesNothingItself(t *testing.T) {
	b := begun(t)
	change(t, b.store, model.Change{Kind: model.ChangeOptions, Options: &model.Options{Replica: "debian"}})
	old := packageOf("old", "1")
	old.Publication = model.Expired
	b.archive.set([]*model.Update{old, securityOf("aa", "1")})
	run := b.mustSync()
	if len(run.Expired) != 1 || len(run.Declined)+len(run.Rules) != 0 || len(b.deployments()) != 0 || len(run.Remarks) != 0 {
		t.Errorf("%+v", run)
	}
}
