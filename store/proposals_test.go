package store

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"fettle/model"
)

var bob = model.Actor{Who: "bob", From: model.FromSSH, Via: "192.0.2.1", Role: model.AccessAdministrator}

// waits fails unless a change was kept as a proposal, and gives it.
func waits(t testing.TB, _ model.Entry, err error) model.Proposal {
	t.Helper()
	var w *model.AwaitingConsent
	if !errors.As(err, &w) {
		t.Fatalf("got %v, want that the change waits for consent", err)
	}
	return w.Proposal
}

func withOptions(t testing.TB, s *Store, o model.Options) {
	t.Helper()
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeOptions, Options: &o}, admin))(t)
}

func TestConsentOfASecondPerson(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
	web := addGroup(t, s, "Web", model.GroupAll)
	withOptions(t, s, model.Options{Consent: model.ConsentOptions{AllComputers: true}})
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, web), admin))(t)
	c := approval([]uint32{1}, model.ActionInstall, model.GroupAll)
	c.Remark = "ticket 7"
	e, err := s.Make(t.Context(), c, admin)
	p := waits(t, e, err)
	if p.ID != 1 || p.Actor != admin || p.Summary != "Approve a 1: Install for All Computers" || p.Why != consentAll {
		t.Errorf("proposal %+v", p)
	}
	snap := s.Snapshot()
	if got := snap.Proposals(); len(got) != 1 || !same(got[0], p) || len(snap.Deployments()) != 1 || !noticed(s, "proposals") {
		t.Errorf("proposals %+v, %d deployments", got, len(snap.Deployments()))
	}
	head, _ := snap.Journal()
	if e := must1(s.Entry(head))(t); e.Kind != model.ChangePropose || e.Inverse != nil || !same(e.Change.Also[0], c) || e.Remark != "ticket 7" {
		t.Errorf("the entry of the proposal: %+v", e)
	}
	verified(t, s)
	s.Close()
	s = openTest(t, dir)
	defer s.Close()

	_, err = s.Consent(t.Context(), 1, admin, "")
	refused(t, err, "same-person")
	viewer := second
	viewer.Role = model.AccessViewer
	_, err = s.Consent(t.Context(), 1, viewer, "")
	refused(t, err, "role")
	_, err = s.Consent(t.Context(), 9, bob, "")
	refused(t, err, "no-proposal")
	entry := must1(s.Consent(t.Context(), 1, bob, "seen"))(t)
	if entry.Kind != model.ChangeApprove || entry.Actor != admin || entry.Consent == nil || *entry.Consent != bob || entry.Change.Proposal != 1 || entry.Remark != "ticket 7; seen" {
		t.Errorf("entry %+v", entry)
	}
	if len(s.Snapshot().Proposals()) != 0 || s.Snapshot().Deployment(entry.Result).Author != "alice" {
		t.Error("the proposal was not made as its author's")
	}
	_, err = s.Consent(t.Context(), 1, bob, "")
	refused(t, err, "no-proposal")

	// Taking it back needs consent, too; by whoever did not propose that.
	e, err = s.Undo(t.Context(), entry.Seq, bob, "")
	p = waits(t, e, err)
	if p.Undoes != entry.Seq || !strings.HasPrefix(p.Summary, "Take back entry") {
		t.Errorf("proposal %+v", p)
	}
	e, err = s.Undo(t.Context(), entry.Seq, bob, "again")
	twice := waits(t, e, err)
	undo := must1(s.Consent(t.Context(), p.ID, admin, ""))(t)
	if undo.Undoes != entry.Seq || len(s.Snapshot().Approvals(1)) != 1 {
		t.Errorf("undo %+v", undo)
	}
	_, err = s.Consent(t.Context(), twice.ID, admin, "")
	refused(t, err, "undone")
	// What became impossible meanwhile is refused, and stays until it is rejected.
	e, err = s.Make(t.Context(), approval([]uint32{2}, model.ActionInstall, model.GroupAll), admin)
	p = waits(t, e, err)
	must1(s.Withdraw(t.Context(), []uint32{2}))(t)
	_, err = s.Consent(t.Context(), p.ID, bob, "")
	refused(t, err, "withdrawn")
	if len(s.Snapshot().Proposals()) != 2 {
		t.Errorf("proposals %+v", s.Snapshot().Proposals())
	}
	_, err = s.Reject(t.Context(), p.ID, viewer, "")
	refused(t, err, "role")
	rejected := must1(s.Reject(t.Context(), p.ID, admin, "gone"))(t)
	if rejected.Kind != model.ChangeReject || rejected.Inverse != nil || rejected.Remark != "gone" || !strings.Contains(rejected.Summary, "Approve b 1") {
		t.Errorf("rejected %+v", rejected)
	}
	must1(s.Reject(t.Context(), twice.ID, bob, ""))(t)
	verified(t, s)
	if v := must1(s.VerifyJournal(t.Context(), nil))(t); v.Problem != "" {
		t.Error(v.Problem)
	}
}

func TestWhatNeedsConsent(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a"), vendor("b")}))(t)
	n := computer(t, s, "c", nil, nil)
	web := addGroup(t, s, "Web", model.GroupAll)
	r := addRule(t, s, model.Rule{Name: "R", Enabled: true, Groups: []model.GroupID{web}})
	rule := model.Change{Kind: model.ChangeRuleSet, Automatic: &r}
	run := RunChange(s.Snapshot().RunOf(r, nil, testTime))
	dep := must1(s.Make(t.Context(), approval([]uint32{2}, model.ActionInstall, model.GroupAll), admin))(t)
	uninstall := approval([]uint32{1}, model.ActionUninstall, web)
	cases := []struct {
		name   string
		change model.Change
		on     model.ConsentOptions
	}{
		{"approve for a group", approval([]uint32{1}, model.ActionInstall, web), model.ConsentOptions{}},
		{"approve for all", approval([]uint32{1}, model.ActionInstall, model.GroupAll), model.ConsentOptions{AllComputers: true}},
		{"retract from all", model.Change{Kind: model.ChangeRetract, Deployment: dep.Result}, model.ConsentOptions{AllComputers: true}},
		{"uninstall", uninstall, model.ConsentOptions{Removals: true}},
		{"remove a computer", model.Change{Kind: model.ChangeRemove, Computers: []uint32{n}}, model.ConsentOptions{Removals: true}},
		{"remove a group", model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: web}}, model.ConsentOptions{Removals: true}},
		{"change a rule", rule, model.ConsentOptions{Rules: true}},
		{"run a rule", run, model.ConsentOptions{Rules: true}},
		{"decline", model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, model.ConsentOptions{}},
		{"hidden in a further step", model.Change{Kind: model.ChangeDecline, Updates: []uint32{2}, Also: []model.Change{{Kind: model.ChangeRemove, Computers: []uint32{n}}}}, model.ConsentOptions{Removals: true}},
	}
	for _, on := range []model.ConsentOptions{{AllComputers: true}, {Removals: true}, {Rules: true}} {
		snap := *s.Snapshot()
		snap.options.Consent = on
		for _, c := range cases {
			want := c.on != model.ConsentOptions{} && c.on == on
			if got := snap.needsConsent(&c.change, nil, admin) != ""; got != want {
				t.Errorf("%s with %+v: needs consent %v, want %v", c.name, on, got, want)
			}
			for _, from := range []model.Origin{model.FromRule, model.FromServer} {
				by := admin
				by.From = from
				if snap.needsConsent(&c.change, nil, by) != "" {
					t.Errorf("%s by %s needs consent", c.name, from)
				}
			}
		}
		// Else one person could switch the rule off first.
		off := model.Change{Kind: model.ChangeOptions, Options: &model.Options{}}
		if snap.needsConsent(&off, nil, admin) != consentConsent {
			t.Error("switching consent off needs none")
		}
		other := model.Change{Kind: model.ChangeOptions, Options: &model.Options{KeepExpired: true, Consent: on}}
		if snap.needsConsent(&other, nil, admin) != "" {
			t.Error("other options need consent")
		}
	}
}

// Rules that run after a synchronization need no consent, and one person may
// stop what they approved.
func TestRulesNeedNoConsentToRun(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	addRule(t, s, model.Rule{Name: "R", Enabled: true, Groups: []model.GroupID{model.GroupAll}})
	withOptions(t, s, model.Options{Consent: model.ConsentOptions{AllComputers: true, Rules: true, Removals: true}})
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	if out := runRules(t, s); len(out) != 1 || out[0].Error != "" {
		t.Fatalf("outcomes %+v", out)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if len(s.Snapshot().Approvals(1)) != 0 {
		t.Error("the rule's approval was not taken back")
	}
}

// What would be refused does not wait for anybody.
func TestRefusedChangesAreNotProposed(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a", terms("x"))}))(t)
	withOptions(t, s, model.Options{Consent: model.ConsentOptions{AllComputers: true, Removals: true}})
	_, err := s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin)
	refused(t, err, "licence")
	_, err = s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}, Also: []model.Change{{Kind: model.ChangeForget, Updates: []uint32{1}}, {Kind: model.ChangeDecline, Updates: []uint32{1}}}}, admin)
	refused(t, err, "nothing")
	if len(s.Snapshot().Proposals()) != 0 {
		t.Errorf("proposals %+v", s.Snapshot().Proposals())
	}
}

func TestReplicaRefusesWhatItsServerDecides(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a", terms("x"))}))(t)
	web := addGroup(t, s, "Web", model.GroupAll)
	_, err := s.Make(t.Context(), model.Change{Kind: model.ChangeOptions, Options: &model.Options{Replica: "nobody"}}, admin)
	refused(t, err, "upstream")
	withOptions(t, s, model.Options{Replica: "debian"})
	for _, c := range []model.Change{
		approval([]uint32{1}, model.ActionInstall, web), {Kind: model.ChangeDecline, Updates: []uint32{1}}, {Kind: model.ChangeReinstate, Updates: []uint32{1}},
		{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "x", Groups: []model.GroupID{web}}}, {Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "x", Parent: web}},
		{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: web}}, {Kind: model.ChangePolicy, Group: &model.Group{ID: web}},
	} {
		_, err := s.Make(t.Context(), c, admin)
		if r := refused(t, err, "replica"); !strings.Contains(r.Why, "debian") {
			t.Errorf("%s: %v", c.Kind, r)
		}
	}
	_, err = s.Undo(t.Context(), 0, admin, "") // becoming a replica
	if err != nil {
		t.Fatal(err)
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, admin))(t)
	_, err = s.Make(t.Context(), model.Change{Kind: model.ChangeOptions, Options: &model.Options{}}, admin)
	refused(t, err, "nothing")
	verified(t, s)
}

func TestComputersNameTheirGroups(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	web, db := addGroup(t, s, "Web", model.GroupAll), addGroup(t, s, "Database", model.GroupAll)
	sub := addGroup(t, s, "Sub", web)
	report := func(name string, groups ...string) uint32 {
		return must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: model.ComputerID(name), Name: name, Platform: model.PlatformLinux, Contacted: testTime, Reported: testTime, Requested: groups},
			Status: &model.Status{Reported: testTime, Evaluated: 1, Needed: []uint32{1}}}))(t)
	}
	one, two := report("one", "web"), report("two", "SUB", "Later")
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: db}, Computers: []uint32{one}}, admin))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeExclude, Group: &model.Group{ID: web}, Computers: []uint32{two}}, admin))(t)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, web), admin))(t)
	members := func(g model.GroupID) []uint32 { return s.Snapshot().Members(g).ToArray() }
	if got := members(db); !slices.Equal(got, []uint32{one}) || len(members(web)) != 0 {
		t.Fatalf("server-side: %v", got)
	}
	options := model.Change{Kind: model.ChangeOptions, Options: &model.Options{ClientTargeting: true}}
	p := must1(s.Plan(t.Context(), options, admin))(t)
	if p.Computers != 1 || !slices.Contains(p.Lines, "2 computers change groups. The approval of what they need changes in 1 case, on 1 computer.") {
		t.Errorf("plan %+v", p)
	}
	must1(s.Make(t.Context(), options, admin))(t)
	check := func() {
		t.Helper()
		if len(members(db)) != 0 || !slices.Equal(members(web), []uint32{one}) || !slices.Equal(members(sub), []uint32{two}) || !slices.Equal(s.Snapshot().OwnGroups(one), []model.GroupID{model.GroupLinux, web}) {
			t.Errorf("client-side: database %v, web %v, sub %v, own %v", members(db), members(web), members(sub), s.Snapshot().OwnGroups(one))
		}
		verified(t, s)
	}
	check()
	s.Close()
	s = openTest(t, dir)
	defer s.Close()
	check()
	for _, k := range []model.ChangeKind{model.ChangeJoin, model.ChangeLeave} {
		_, err := s.Make(t.Context(), model.Change{Kind: k, Group: &model.Group{ID: db}, Computers: []uint32{one}}, admin)
		refused(t, err, "client-targeting")
	}
	_, err := s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "x", Parent: model.GroupAll}, Computers: []uint32{one}}, admin)
	refused(t, err, "client-targeting")
	// A name waits for its group; a computer that changes its mind moves.
	later := addGroup(t, s, "LATER", model.GroupAll)
	if got := members(later); !slices.Equal(got, []uint32{two}) {
		t.Errorf("the group that was waited for has %v", got)
	}
	report("one", "Database")
	if !slices.Equal(members(db), []uint32{one}) || len(members(web)) != 0 {
		t.Errorf("after it named another group: %v %v", members(db), members(web))
	}
	// Predefined groups are not joined by name.
	report("one", "All Servers", "Unassigned Computers")
	if len(members(model.GroupServers)) != 0 || !slices.Equal(members(model.GroupUnassigned), []uint32{one}) {
		t.Errorf("servers %v, unassigned %v", members(model.GroupServers), members(model.GroupUnassigned))
	}
	verified(t, s)
	withOptions(t, s, model.Options{})
	if got := members(db); !slices.Equal(got, []uint32{one}) {
		t.Errorf("members by hand were lost: %v", got)
	}
	verified(t, s)
}

// A backup carries rules, options, licences, alarms, proposals and removals.
func TestBackupCarriesDecisions(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a"), vendor("b", terms("x")), vendor("c")}))(t)
	addRule(t, s, model.Rule{Name: "R", Enabled: true, Groups: []model.GroupID{model.GroupAll}})
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeLicence, Updates: []uint32{2}}, admin))(t)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionInstall, model.GroupAll), admin))(t)
	revise(t, s, vendor("a", terms("y")))
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{3}, Also: []model.Change{{Kind: model.ChangeForget, Updates: []uint32{3}}}}, admin))(t)
	withOptions(t, s, model.Options{KeepExpired: true, Consent: model.ConsentOptions{AllComputers: true}})
	e, err := s.Make(t.Context(), approval([]uint32{2}, model.ActionInstall, model.GroupAll), admin)
	waits(t, e, err)
	var file bytes.Buffer
	if err := s.Backup(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Restore(t.Context(), &file, Options{Dir: dir}, admin); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, dir)
	defer again.Close()
	a, b := s.Snapshot(), again.Snapshot()
	if !same(a.Rules(), b.Rules()) || !same(a.Alarms(), b.Alarms()) || !same(a.Proposals(), b.Proposals()) || a.Options() != b.Options() || !b.Licensed(2) || !b.StaleApproval(1) || !b.Row(3).Has(model.FlagRemoved) || len(b.Proposals()) != 1 {
		t.Errorf("restored: rules %v, alarms %v, proposals %v, options %+v", b.Rules(), b.Alarms(), b.Proposals(), b.Options())
	}
	verified(t, again)
}
