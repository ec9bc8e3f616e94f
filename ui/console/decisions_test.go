package console

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fettle/model"
	"fettle/store"
)

var bob = model.Actor{Who: "bob", From: model.FromConsole, Role: model.AccessAdministrator}

func as(a model.Actor) func(*Options) { return func(o *Options) { o.Actor = a } }

// revise brings a new revision of the first update, as an upstream does.
func revise(t testing.TB, s *store.Store, change func(*model.Update)) {
	t.Helper()
	u := must[*model.Update](t)(s.Update(1))
	v := *u
	change(&v)
	must[store.ImportResult](t)(s.Import(t.Context(), []*model.Update{&v}))
}

// decided is a site where much was decided: rules that ran, a revision alarm, a
// dynamic group, a change that waits for consent.
func decided(t testing.TB) *store.Store {
	s := newStore(t)
	decide(t, s, 30)
	return s
}

// decide makes a store that of such a site.
func decide(t testing.TB, s *store.Store, extra int, titles ...string) {
	t.Helper()
	setUp(t, s)
	fill(t, s, extra, titles...)
	do := func(c model.Change) { must[model.Entry](t)(s.Make(t.Context(), c, admin)) }
	web := s.Snapshot().Groups().ByName("Web servers").ID
	do(model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "Security at once", Enabled: true, Classes: []model.Classification{model.ClassSecurity}, Groups: []model.GroupID{web}, Deadline: &model.RuleDeadline{Days: 7, Minute: 180}}})
	do(model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "Everything of bookworm", Products: `product:"Debian 12 (bookworm)"`, Groups: []model.GroupID{model.GroupAll}}})
	r, _ := s.Snapshot().RuleByName("Security at once")
	do(store.RunChange(s.Snapshot().RunOf(r, nil, testTime)))
	do(model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Web by name", Parent: web, Formula: "name:web*"}})
	do(model.Change{Kind: model.ChangeExclude, Group: &model.Group{ID: web}, Computers: []uint32{3}})
	revise(t, s, func(u *model.Update) { u.Licence = "You may use it.\nYou may not sell it." })
	do(model.Change{Kind: model.ChangeOptions, Options: &model.Options{Consent: model.ConsentOptions{AllComputers: true}}})
	_, err := s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{3, 4}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}, bob)
	var waits *model.AwaitingConsent
	if !errors.As(err, &waits) {
		t.Fatalf("the approval does not wait for consent: %v", err)
	}
}

// The screens of rules, groups, consent, revisions, agenda and cleanup.
func init() {
	ways = append(ways, []way{
		{"rule", []string{"6", "down", "enter"}}, {"rule-run", []string{"6", "R"}}, {"rule-form", []string{"6", "a"}},
		{"rule-groups", []string{"6", "e", "enter", "enter", "enter"}}, {"rule-deadline", []string{"6", "down", "e", "enter", "enter", "enter", "enter"}}, {"rule-preview", []string{"6", "e", "enter", "enter", "enter", "enter", "enter"}},
		{"group-static", []string{"4", "end", "up", "enter"}}, {"group-form", []string{"4", "a"}}, {"group-place", []string{"4", "a", "x", "enter"}}, {"group-move", []string{"4", "end", "m"}},
		{"policy", []string{"4", "end", "p"}}, {"policy-restart", []string{"4", "end", "p", "enter"}}, {"group-remove", []string{"4", "end", "up", "d"}},
		{"by-computer", []string{"2", "f", "enter", "e"}}, {"explain-update", []string{"2", "/", "ctrl+u", "o", "p", "e", "n", "s", "s", "l", "enter", "e", "enter"}}, {"alarm", []string{"2", "/", "ctrl+u", "o", "p", "e", "n", "s", "s", "l", "enter", "enter"}},
		{"licence", []string{"2", "/", "ctrl+u", "o", "p", "e", "n", "s", "s", "l", "enter", "l"}}, {"needing", []string{"2", "m"}}, {"join", []string{"3", "space", "a"}},
		{"deployment", []string{"5", "enter"}}, {"deployment-end", []string{"5", "enter", "end"}},
		{"proposal", []string{"C", "enter"}}, {"consent", []string{"C", "a"}}, {"options", []string{"9", "down", "down", "down", "down", "down", "down", "enter"}}, {"cleanup-job", []string{"X", "enter"}}, {"cleanup-run", []string{"X", "*"}},
	}...)
}

func TestAddARuleAndRunIt(t *testing.T) {
	d, s := site(t)
	d.press("6").sees("There is no automatic approval rule", "a add").press("R").sees("there is no rule yet")
	d.press("a", "enter").sees("the rule needs a name")
	d.write("Security at once").press("enter").sees("page 2 of 5", "[ ] Security Updates").press("space", "enter")
	d.write("needed:>0").press("enter").sees("can answer differently tomorrow").press("ctrl+u", "enter")
	d.press("enter").sees("nothing is selected").press("G", "down", "down", "down", "down", "space", "enter").sees("(o) No deadline", "Enter shows what it would do")
	d.press("down", "down", "space", "enter").sees("Preview", "Add rule Security at once", "Groups: Web servers", "it would approve 9 updates", "[>Cancel<]")
	if len(s.Snapshot().Rules()) != 0 {
		t.Fatal("the preview made the rule")
	}
	d.press("y").sees("Done, u takes it back", "Security at once", "7d@03:00")
	d.press("enter").sees("A RUN BY HAND", "nothing yet").press("end").sees("9 updates of the whole catalogue, deadline").press("home")
	d.press("R").sees("WHAT IT WOULD DO", "Install: Web servers", "LEFT ALONE", "[>Cancel<]").press("y").sees("deployment 1: 9 updates by alice", "LEFT ALONE", "approved by this rule before")
	dep := s.Snapshot().Deployments()[0]
	if dep.Rule != "Security at once" || dep.RuleID == 0 || len(dep.Updates) != 9 {
		t.Errorf("the deployment is %+v", dep)
	}
	d.press("R").sees("The rule was not run", "approved before 9").press("esc", "esc")
	d.sees("Security at once").press("space").sees("Disable").press("y").sees("disabled")
	d.press("u", "y").sees("enabled")
	d.press("5").sees("Rule Security at once").press("u").sees("Take back entry").press("y").sees("taken back")
	d.press("6", "e").sees("Change Security at once", "page 1 of 5").press("ctrl+u").write("Security later").press("enter", "enter", "enter", "enter", "enter", "y").sees("Security later")
	d.press("u", "y").sees("Security at once")
	d.press("d").sees("Remove rule Security at once").press("y").sees("There is no automatic approval rule").press("u", "y").sees("Security at once", "7d@03:00")
}

func TestExplainFromBothSides(t *testing.T) {
	d, _ := site(t)
	d.press("a", "i", "enter", "y", "backspace", "/", "ctrl+u").write("openssl").press("enter", "e").sees("by computer", "Install for All Comput", "needed 3", "no status 1: of 5")
	if l := d.cursorLine(); !strings.Contains(l, "db1.example.org") || !strings.Contains(l, "Needed") {
		t.Errorf("the worst is not first: %q", l)
	}
	d.press("e").sees("THE APPROVAL THAT HOLDS", "Install for All Computers (deployment 1", "by alice", "only approval").press("G").sees("INSTALLATION", "WHAT WOULD CHANGE IT")
	d.press("esc", "enter").sees("WHAT IS EXPLAINED").press("esc", "esc").sees("[2 Updates]")
	d.press("3", "down", "enter", "home", "e").sees("Explain", "THE PACKAGE", ":amd64")
}

func TestGroupFromThoseNeeding(t *testing.T) {
	d, s := site(t)
	d.press("m").sees("Add group Needing openssl", "It has 3 computers", "[>Cancel<]").press("y").sees("Added group Needing openssl")
	g := s.Snapshot().Groups().ByName("Needing openssl")
	if g == nil || s.Snapshot().Members(g.ID).GetCardinality() != 3 {
		t.Fatalf("the group is %+v", g)
	}
	d.press("a").sees("Needing openssl").press("esc", "m").sees("Needing openssl (2)").press("esc")
	d.press("u", "y").sees("Took back")
	if s.Snapshot().Groups().ByName("Needing openssl") != nil {
		t.Error("the group is still there")
	}
	d.press("space", "space", "m").sees("Needing 2 updates").press("esc", "\\")
	d.press("/", "ctrl+u").write("package00003").press("enter", "m").sees("no computer is known to need it")
}

func TestConsentOfASecondPerson(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 5)
	d := drive(t, s, 80, 24)
	d.press("9", "down", "down", "down", "down", "down", "down", "enter").sees("Consent: what waits for a second person", "[ ] Approvals for All Computers")
	d.press("space", "enter", "enter", "enter").sees("Preview").press("y").sees("approvals for All Computers")
	d.press("2", "a", "i", "enter", "y").sees("Proposal 1 waits for the consent of a second person", "C shows it").seesNot("ERROR", "Refused", "Preview")
	if len(s.Snapshot().Deployments()) != 0 {
		t.Fatal("a proposal is in force")
	}
	d.press("1").sees("1 change waits for the consent").press("enter").seesNot("ERROR")
	d.press("C").sees("alice (you)", "All Computers").press("a").sees("The consent was refused", "somebody else must consent").press("esc")
	b := drive(t, s, 80, 24, as(bob))
	b.press("C").sees("alice").press("enter").sees("Nothing of it is in force", "WHAT IT WOULD DO").press("a").sees("Consent", "[>Cancel<]").press("y").sees("No change waits for consent", "Approved openssl")
	if n := len(s.Snapshot().Deployments()); n != 1 {
		t.Fatalf("there are %d deployments", n)
	}
	b.press("C", "a").sees("no change waits")
	// Taking it back needs consent, too; the first person gives it.
	b.press("u", "y").sees("waits for the consent of a second person")
	d.refresh()
	d.press("C").sees("bob").press("a", "y")
	if !s.Snapshot().Deployments()[0].Undone {
		t.Error("the deployment still counts")
	}
	d.press("2", "a", "i", "enter", "y")
	b.refresh()
	b.press("C", "d").sees("Reject").press("y").sees("Rejected proposal", "No change waits")
}

func TestGroupsAreChangedAndTakenBack(t *testing.T) {
	d, s := site(t)
	tree := func() *model.GroupTree { return s.Snapshot().Groups() }
	d.press("4", "a", "enter").sees("the group needs a name").write("By name").press("tab").write("name:web* group:x").press("enter").sees("cannot ask for groups")
	d.press("ctrl+u").write("name:web*").press("enter").sees("(o) All Computers", "Web servers").press("down", "space", "enter").sees("matches 2 of 5 computers now: web1.example.org").press("y")
	g := tree().ByName("By name")
	if g == nil || g.Formula != "name:web*" || tree().Group(g.Parent).Name != "Web servers" {
		t.Fatalf("the group is %+v", g)
	}
	d.press("end").sees("By name").press("n", "ctrl+u").write("Web by name").press("enter", "y").sees("Web by name")
	d.press("o").press("ctrl+u").write("name:db*").press("enter").sees("matches 1 of 5 computers").press("y")
	d.press("u", "y")
	if f := tree().Group(g.ID).Formula; f != "name:web*" {
		t.Errorf("the formula is %q", f)
	}
	d.press("m").sees("Move Web by name below", "now").press("up", "enter").sees("Preview", "Move").press("y")
	if tree().Group(g.ID).Parent != model.GroupAll {
		t.Error("it was not moved")
	}
	d.press("u", "y")
	if tree().Group(tree().Group(g.ID).Parent).Name != "Web servers" {
		t.Error("the move was not taken back")
	}
	d.press("p").sees("(o) As the group above says").press("down", "space", "enter", "enter").sees("Change the policy of Web by name").press("y")
	if p := tree().Group(g.ID).Policy; p.Mode != model.ModeScheduled || p.Install == nil {
		t.Errorf("the policy is %+v", p)
	}
	d.press("u", "y")
	if !tree().Group(g.ID).Policy.Empty() {
		t.Error("the policy was not taken back")
	}
	d.press("up", "d").sees("Remove group Web servers", "subgroup").press("y")
	if tree().ByName("Web by name") != nil {
		t.Error("the subgroup is still there")
	}
	d.press("u", "y").sees("Web by name", "Web servers")
	d.press("home", "n").sees("is one of Fettle's own groups").press("d").sees("is one of Fettle's own groups")
	d.press("c").sees(`group:"All Computers"`)
}

func TestMembersFromBothSides(t *testing.T) {
	d, s := site(t)
	id := s.Snapshot().Groups().ByName("Web servers").ID
	has := func(name string) bool {
		return s.Snapshot().Members(id).Contains(s.Snapshot().ComputerByName(name).Number)
	}
	d.press("3", "/").write("name:db1*,silent").press("enter", "*", "a").sees("Put 2 computers into", "Web servers").press("enter").sees("Put db1.example.org, silent into").press("y").seesNot("marked")
	if !has("silent") || !has("db1.example.org") {
		t.Fatal("they are no members")
	}
	d.press("4", "end", "enter").sees("4 computers", "by hand").press("end").press("space").sees("1 marked").press("up")
	d.press("\\", "home", "x").sees("Exclude db1.example.org from Web servers").press("y").sees("EXCLUDED")
	if has("db1.example.org") {
		t.Error("an excluded computer is a member")
	}
	d.press("i").sees("End the exclusion").press("y").seesNot("EXCLUDED").press("u", "y").sees("EXCLUDED").press("u", "y").seesNot("EXCLUDED")
	d.press("t").sees("Take db1.example.org out of").press("y").sees("3 computers").press("u", "y").sees("4 computers")
	d.press("a").write("name:desk*").press("enter").sees("into Web servers").press("y").sees("5 computers")
	d.press("a").write("name:nobody").press("enter").sees("no computer matches name:nobody")
	d.press("home", "enter").sees("db1.example.org", "needed 1")
}

func TestLicenceAndAlarm(t *testing.T) {
	d, s := site(t)
	d.press("l").sees("no licence terms").press("K").sees("no revision of it wants")
	d.press("a", "i", "enter", "y").sees("Approved openssl")
	revise(t, s, func(u *model.Update) { u.Licence = "You may use it.\x1b[2J\nYou may not sell it." })
	d.refresh()
	d.press("1", "z").sees("revised in what it applies to", "then K acknowledges it").press("end").sees("approved at an older").press("2", "/", "ctrl+u").write("openssl").press("enter").sees("HELD BACK")
	d.press("enter").sees("REVISION ALARM", "held back").press("down", "down", "down", "down", "down", "down").sees("LICENCE TERMS", "not accepted").press("e").sees("held back").press("esc")
	d.press("l").sees("You may not sell it.", "[>Cancel<]", "Accept").press("y").press("home").sees("REVISION ALARM")
	if !s.Snapshot().Licensed(1) {
		t.Fatal("the licence is not accepted")
	}
	d.press("K").sees("Preview").press("y").press("home").sees("It was acknowledged")
	d.press("u", "y").sees("K acknowledges it").press("u", "y")
	if s.Snapshot().Licensed(1) {
		t.Error("the acceptance was not taken back")
	}
}

func TestDeploymentIsTakenBackAndCountsAgain(t *testing.T) {
	d, s := site(t)
	d.press("a", "i", "enter", "y", "5").sees("0 % of 3", "Unknown").press("enter").sees("PROGRESS", "waiting 3, no status 1").press("end").sees("COMPUTERS", "web1.example.org: waiting 1", "never reported").press("home", "d").sees("Take it back").press("y").sees("taken back")
	if !s.Snapshot().Deployments()[0].Undone {
		t.Fatal("it still counts")
	}
	d.press("d").sees("Let it count").press("y").seesNot("taken back: its approvals").press("esc", "u").sees("Take back entry").press("y").sees("taken back")
}

func TestAgendaLooksAhead(t *testing.T) {
	d, _ := site(t)
	d.press("w").sees("next 14 days", "NOTHING IS FORETOLD").press("2", "a", "i", "t", "t", "enter", "y", "w").sees("TOMORROW, MONDAY", "1 update is installed on", "openssl").press("end").sees("SUNDAY 29 NOVEMBER", "the deadline passes")
	d.press("space", "home").sees("next 30 days")
}

// TestReadOnlyRefusesEveryChange presses every key that changes something on
// every screen of a session that may not.
func TestReadOnlyRefusesEveryChange(t *testing.T) {
	s := decided(t)
	head, _ := s.Snapshot().Journal()
	for _, way := range []struct {
		to   []string
		keys string
	}{{[]string{"6"}, "a e space R d"}, {[]string{"6", "enter"}, "e space R d"}, {[]string{"4", "end"}, "a n m o p d"}, {[]string{"4", "end", "up", "enter"}, "a t x i p"}, {[]string{"3"}, "a t x"},
		{[]string{"2", "/", "ctrl+u", "o", "p", "e", "n", "s", "s", "l", "enter"}, "m l K"}, {[]string{"5"}, "d"}, {[]string{"C"}, "a d"}, {[]string{"X"}, "R *"}} {
		for _, k := range strings.Fields(way.keys) {
			d := drive(t, s, 80, 24, func(o *Options) { o.ReadOnly = true })
			d.press(way.to...).press(k)
			if !strings.Contains(d.screen(), "read-only session") {
				t.Errorf("%v %s does not say that the session is read-only:\n%s", way.to, k, d.screen())
			}
		}
	}
	d := drive(t, s, 80, 24, func(o *Options) { o.ReadOnly = true })
	d.press("9", "down", "down", "down", "down", "down", "down", "enter", "space", "enter", "enter", "enter").sees("read-only session")
	if now, _ := s.Snapshot().Journal(); now != head {
		t.Errorf("%d entries came to the journal", now-head)
	}
}

func TestOptionsAreTakenBack(t *testing.T) {
	d, s := site(t)
	d.press("9").sees("administrators put computers into them").press("down", "down", "down", "down", "down", "down", "enter", "enter", "down", "space", "enter", "enter", "y").sees("computers name them")
	if !s.Snapshot().Options().ClientTargeting {
		t.Fatal("the option is not set")
	}
	d.press("4").sees("Computers name their groups themselves").press("u", "y").seesNot("Computers name their groups")
	if s.Snapshot().Options() != (model.Options{}) {
		t.Errorf("the options are %+v", s.Snapshot().Options())
	}
}

func TestPaletteKnowsTheNewScreens(t *testing.T) {
	d, _ := site(t)
	for _, name := range []string{"rules", "agenda", "pending", "groups"} {
		if !slices.ContainsFunc(screens(), func(s screen) bool { return s.name == name }) {
			t.Errorf("there is no screen %s", name)
		}
	}
	d.press(":").write("rules").press("enter").sees("[6 Rules]").press(":").write("add").press("enter").sees("Add a rule")
}

func TestCleanupShowsCandidatesAndIsTakenBack(t *testing.T) {
	d, s := site(t)
	must[[]uint32](t)(s.Withdraw(t.Context(), []uint32{5, 6}))
	d.press("X").sees("[X cleanup]", "expired", "Superseded, not declined").press("down")
	if l := d.cursorLine(); !strings.Contains(l, "expired") || !strings.Contains(l, " 2 ") {
		t.Errorf("the job says %q", l)
	}
	d.press("enter").sees("would go", "It would decline expired and withdrawn updates").press("enter").sees("Identifier").press("esc")
	d.press("R").sees("Clean up", "EXPIRED", "[>Cancel<]").press("y").sees("Done, u takes it back")
	if !s.Snapshot().Row(5).Has(model.FlagDeclined) || !s.Snapshot().Row(6).Has(model.FlagDeclined) {
		t.Fatal("they are not declined")
	}
	d.press("u", "y")
	if s.Snapshot().Row(5).Has(model.FlagDeclined) {
		t.Error("it was not taken back")
	}
}
