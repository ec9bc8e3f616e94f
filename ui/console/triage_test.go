package console

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
)

func init() {
	ways = append(ways, way{"triage", []string{"T"}}, way{"triage-target", []string{"T", "t", "down", "space", "t"}}, way{"triage-marks", []string{"T", "space", "down"}})
}

// morning is a console in triage on the site of the other stories: openssl,
// nginx and curl are security updates, tzdata is none.
func morning(t *testing.T, change ...func(*Options)) (*driver, *store.Store) {
	t.Helper()
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 30)
	d := drive(t, s, 80, 24, change...)
	d.press("T").sees("1 of 4 to decide; 3 computers are waiting", "a approves for All Computers, no deadline; t changes it")
	return d, s
}

// queue gives the beginnings of the titles in the list.
func (d *driver) queue() string {
	p := d.c.screens["triage"].(*triage)
	var names []string
	for _, n := range p.tab.IDs() {
		name, _, _ := strings.Cut(p.rows[n].Update.Title, ":")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func (d *driver) queues(want string) *driver {
	d.t.Helper()
	if got := d.queue(); got != want {
		d.t.Fatalf("the queue is %q, not %q:\n%s", got, want, d.screen())
	}
	return d
}

func TestTriageFromAnywhereShowsWhatDecidesTheCase(t *testing.T) {
	d, _ := morning(t)
	d.queues("openssl nginx curl tzdata")
	d.sees("security, 3 computers, 1 day", "security, 2 computers, failed on 1, 7 days", "openssl: Secure Sockets Layer toolkit - cryptographic utility",
		"Waiting: Web servers 2, Unassigned Computers 1", "! a asks first (wide): 3 computers of All Computers", "A description of openssl.")
	d.press("down", "down").sees("3 of 4 to decide", "a installs it on 2 computers of All Computers, 800 kB at most", "command line tool for transferring")
	for _, from := range []string{"1", "2", "3", "J"} {
		d.press(from, "T").sees("3 of 4 to decide")
	}
	d.press("enter").sees("STATUS").press("esc").sees("3 of 4 to decide")
	d.press("c").sees("needs:(id:").press("T", "e").sees("web1.example.org").press("esc", "?").sees("Postpone").press("esc")
	d.press("esc").sees("Updates Overview")
}

func TestTriageApprovesAtOnceAndTakesBack(t *testing.T) {
	d, s := morning(t)
	d.press("down", "down", "a").queues("openssl nginx tzdata")
	d.sees("Approved for All Computers, 2 computers; u takes it back", "3 of 3 to decide")
	if d.cursorLine() == "" || !strings.Contains(d.cursorLine(), "tzdata") {
		t.Errorf("the cursor is on %q", d.cursorLine())
	}
	d.press("a").queues("openssl nginx").press("a").queues("openssl")
	deps := s.Snapshot().Deployments()
	if len(deps) != 3 || deps[0].Author != "alice" || deps[0].Groups[0] != (model.GroupAction{Group: model.GroupAll, Action: model.ActionInstall}) {
		t.Fatalf("the deployments are %+v", deps)
	}
	// u goes back step by step, without a question, and puts the cursor there.
	for _, want := range []string{"nginx", "tzdata", "curl"} {
		d.press("u").sees("Taken back: Approved " + want)
		if !strings.Contains(d.cursorLine(), want) {
			t.Errorf("after taking %s back the cursor is on %q", want, d.cursorLine())
		}
	}
	d.queues("openssl nginx curl tzdata")
	for _, dep := range s.Snapshot().Deployments() {
		if !dep.Undone {
			t.Errorf("deployment %d still counts", dep.ID)
		}
	}
	// Before the first decision of this triage, u is the undo of everywhere.
	d.press("u").sees("WHAT IT WOULD DO", "[>Cancel<]").press("esc").queues("openssl nginx curl tzdata")
}

// Keys that come before the next queue is on the screen decide nothing, and that
// is said: what they were meant for is not known.
func TestTriageKeysThatComeTooEarly(t *testing.T) {
	d, s := morning(t)
	d.press("end")
	_, first := d.c.Update(keyMsg("a"))
	for _, k := range []string{"a", "d", "u"} {
		if _, cmd := d.c.Update(keyMsg(k)); cmd != nil {
			d.run(cmd)
		}
	}
	d.run(first)
	d.queues("openssl nginx curl").sees("3 keys came too early and did nothing. Approved for All Computers, 1 computer")
	if len(s.Snapshot().Deployments()) != 1 {
		t.Errorf("the deployments are %+v", s.Snapshot().Deployments())
	}
	d.press("u").queues("openssl nginx curl tzdata").seesNot("too early")
}

func TestTriageDeclinesAndTakesBack(t *testing.T) {
	d, s := morning(t)
	d.press("end", "d").queues("openssl nginx curl").sees("Declined tzdata; u takes it back")
	if !s.Snapshot().Row(3).Has(model.FlagDeclined) {
		t.Fatal("tzdata is not declined")
	}
	d.press("u").queues("openssl nginx curl tzdata").sees("Taken back: Declined tzdata")
	if s.Snapshot().Row(3).Has(model.FlagDeclined) || !strings.Contains(d.cursorLine(), "tzdata") {
		t.Errorf("it is declined, or the cursor is on %q", d.cursorLine())
	}
	// openssl is needed on three of five computers: declining it is wide.
	d.press("home", "d").sees("Decline openssl", "This is wide", "[>Cancel<]").press("enter").queues("openssl nginx curl tzdata")
	// What is approved for a group stops a decline: its approval would be masked.
	g := s.Snapshot().Groups().ByName("Web servers").ID
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: []model.GroupAction{{Group: g, Action: model.ActionInstall}}}, admin))
	d.refresh()
	d.sees("security, 1 of 3 computers", "> openssl").press("d").sees("the approvals are masked", "[>Cancel<]").press("esc")
}

func TestTriageLaterComesBack(t *testing.T) {
	d, s := morning(t)
	d.press("end", "l").queues("openssl nginx curl").sees("Later, 2026-11-29: tzdata; u takes it back", "left out: 1 for later; o shows them")
	d.press("o").sees("left out", "later: 2026-11-29 07:00, by alice").queues("tzdata")
	d.press("b").sees("Back in the queue: tzdata", "Nothing was left out").press("esc").queues("openssl nginx curl tzdata")
	d.press("u").queues("openssl nginx curl").press("u").queues("openssl nginx curl tzdata")
	// Another span, which is asked for.
	d.press("end", "p").sees("later (7d, 30d, 2026-12-01):", "30d").press("ctrl+u").write("2026-11-20").press("enter").sees("has passed")
	d.press("ctrl+u").write("2w").press("enter").sees("Later, 2026-12-06: tzdata").queues("openssl nginx curl")
	if p, ok := s.Snapshot().Postponement(3); !ok || !p.Until.Equal(d.now.AddDate(0, 0, 14).Truncate(time.Second)) || p.Who != "alice" {
		t.Errorf("the postponement is %+v", p)
	}
	// Its time comes while nothing else happens.
	d.now = d.now.AddDate(0, 0, 15)
	d.send(minuteMsg{})
	d.queues("openssl nginx curl tzdata").press("end").sees("Was postponed: until 2026-12-06 by alice; its time came")
}

func TestTriageWideApprovalAsksWithCancelAsDefault(t *testing.T) {
	d, s := morning(t)
	d.press("a").sees("Approve openssl", "This is wide", "[>Cancel<]")
	if len(s.Snapshot().Deployments()) != 0 {
		t.Fatal("it was made at once")
	}
	d.press("enter").queues("openssl nginx curl tzdata")
	d.press("a", "y").queues("nginx curl tzdata").sees("Done, u takes it back: Approved openssl")
	d.press("u").queues("openssl nginx curl tzdata").sees("Taken back: Approved openssl")
	// Keys typed ahead of the question do not answer it.
	d.gap = time.Millisecond
	d.press("a", "y", "enter")
	d.gap = time.Second
	d.press("esc").queues("openssl nginx curl tzdata")
	if n := len(s.Snapshot().Deployments()); n != 1 {
		t.Errorf("there are %d deployments", n)
	}
}

// Every warning of a plan stops; the row and the line below say so before.
func TestTriageWarningsStop(t *testing.T) {
	d, s := morning(t)
	ctx := t.Context()
	g := s.Snapshot().Groups().ByName("Web servers")
	must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: g.ID, Policy: model.Policy{Mode: model.ModeDisabled}}}, admin))
	d.refresh()
	d.press("end").sees("! a asks first: 1 computer of All Computers, 300 kB at most; Automatic Updates")
	d.press("a").sees("Automatic Updates are disabled on 1 computer", "[>Cancel<]").press("esc").queues("openssl nginx curl tzdata")
	// Something was installed meanwhile: taking back asks.
	must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: g.ID}}, admin))
	d.refresh()
	d.press("end", "a").queues("openssl nginx curl")
	web1 := s.Snapshot().ComputerByName("web1.example.org")
	must[uint32](t)(s.Record(ctx, store.Report{Computer: *web1, Status: &model.Status{Reported: testTime, Evaluated: s.Snapshot().LastUpdate(), Needed: []uint32{1, 4, 7}, Installed: []uint32{3}}}))
	d.refresh()
	d.press("u").sees("what is installed already", "[>Cancel<]").press("tab", "enter").seesNot("[>")
	if !s.Snapshot().Deployments()[0].Undone {
		t.Error("it was not taken back")
	}
}

func TestTriageRefusals(t *testing.T) {
	d, s := morning(t, func(o *Options) { o.ReadOnly = true })
	head, _ := s.Snapshot().Journal()
	for _, k := range []string{"a", "d", "l", "p", "A", "u"} {
		d.press("end", k).sees("read-only session").press("enter").queues("openssl nginx curl tzdata")
	}
	d.press("t").sees("In triage, a approves for what is ticked").press("esc")
	viewer := admin
	viewer.Role = model.AccessViewer
	d = drive(t, s, 80, 24, func(o *Options) { o.Actor = viewer })
	d.press("T", "end", "a").sees("needs the role operator").press("enter", "l").sees("needs the role operator").press("enter")
	if after, _ := s.Snapshot().Journal(); after != head {
		t.Errorf("the journal has %d entries, not %d", after, head)
	}
	d = drive(t, newStore(t), 80, 24)
	d.press("T").sees(model.SetupIncomplete, "1 goes to the Overview").press("a").sees("You must complete these tasks")
}

func TestTriageRefusesLicences(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	u, err := s.Update(3)
	if err != nil {
		t.Fatal(err)
	}
	u.Licence = "terms"
	must[store.ImportResult](t)(s.Import(t.Context(), []*model.Update{u}))
	d := drive(t, s, 80, 24)
	d.press("T", "end").sees("! a is refused: the licence terms of tzdata", "licence terms to accept").press("a").sees("Refused", "fettle accept-licence")
}

func TestTriageMarks(t *testing.T) {
	d, s := morning(t)
	d.press("down", "space", "space").sees("2 marked", "a installs the 2 marked ones on 2 computers of All Computers")
	d.press("l").queues("openssl tzdata").sees("Later, 2026-11-29: 2 updates; u takes it back").seesNot("marked")
	d.press("u").queues("openssl nginx curl tzdata")
	if !strings.Contains(d.cursorLine(), "curl") && !strings.Contains(d.cursorLine(), "nginx") {
		t.Errorf("the cursor is on %q", d.cursorLine())
	}
	d.press("home", "down", "v", "down", "down").sees("3 marked").press("a").sees("Approved 3 updates for All Computers, 2 computers").queues("openssl")
	if deps := s.Snapshot().Deployments(); len(deps) != 1 || !slices.Equal(deps[0].Updates, []uint32{3, 4, 7}) {
		t.Errorf("the deployments are %+v", deps)
	}
	d.press("u").queues("openssl nginx curl tzdata").press("*").sees("4 marked").press("d").sees("Decline 4 updates", "[>Cancel<]").press("esc").sees("4 marked")
	d.press("\\").seesNot("marked")
}

// What is decided elsewhere leaves; cursor, marks and order stay.
func TestTriageLiveChange(t *testing.T) {
	d, s := morning(t)
	ctx := t.Context()
	decline := func(n uint32) model.Entry {
		t.Helper()
		return must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeDecline, Updates: []uint32{n}}, admin))
	}
	d.press("down", "down").sees("> curl")
	e := decline(1)
	d.refresh()
	d.queues("nginx curl tzdata").sees("> curl", "2 of 3 to decide")
	// The one under the cursor: the next takes its place.
	decline(4)
	d.refresh()
	d.queues("nginx tzdata").sees("> tzdata")
	// Marks hold the order, but what was decided is not marked any more.
	d.press("home", "space", "space").sees("2 marked")
	decline(7)
	must[model.Entry](t)(s.Undo(ctx, e.Seq, admin, ""))
	d.refresh()
	d.queues("tzdata").sees("1 marked", "changed: r shows it")
	d.press("r").queues("openssl tzdata").sees("1 marked")
	d.press("a").queues("openssl")
	if deps := s.Snapshot().Deployments(); len(deps) != 1 || !slices.Equal(deps[0].Updates, []uint32{3}) {
		t.Errorf("the deployments are %+v", deps)
	}
	// Somebody took the decision back: u goes on to the one before, here none.
	must[model.Entry](t)(s.Undo(ctx, 0, admin, ""))
	d.refresh()
	d.press("u").sees("WHAT IT WOULD DO", "Take back entry").press("esc")
}

func TestTriageTargetSurvivesARestart(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *Options) { o.StatePath = state }
	d, s := morning(t, keep)
	d.press("t").sees("[x] All Computers", "no deadline").press("end", "space").sees("[ ] All Computers", "[x]   Web servers").press("t", "t").sees("deadline in 7 days").press("enter")
	d.sees("a approves for Web servers, deadline in 7 days; t changes it")
	// Approved for a group, needed outside it: it stays, and says so.
	d.press("home").sees("a installs it on 2 computers of Web servers").press("a").queues("nginx curl openssl tzdata")
	d.sees("Approved for Web servers, 2 computers; u takes it back; 1 still waits", "security, 1 of 3 computers", "> nginx") // the cursor goes on
	d.press("down", "down").sees("> openssl", "Waiting: Unassigned Computers 1", "Decided: ")
	dep := s.Snapshot().Deployments()[0]
	if !dep.Groups[0].Deadline.Equal(d.now.AddDate(0, 0, 7).Truncate(time.Minute)) {
		t.Errorf("the deadline is %v", dep.Groups[0].Deadline)
	}
	// Nobody of the target waits for it any more: nothing is approved twice.
	d.press("a").sees("no computer of Web servers waits for it; t changes the target")
	if n := len(s.Snapshot().Deployments()); n != 1 {
		t.Errorf("there are %d deployments", n)
	}
	d = drive(t, s, 80, 24, keep)
	d.press("T").sees("a approves for Web servers, deadline in 7 days; t changes it")
	// A deadline is written, and checked; Esc leaves the target as it was.
	d.press("t", "T").write("soon").press("enter").sees("write now, 7d").press("ctrl+u").write("2026-11-21").press("enter").sees("has passed")
	d.press("ctrl+u").write("3d@03:00").press("enter").sees("deadline 3d@03:00").press("esc").sees("deadline in 7 days")
	d.press("t", "space").press("enter").sees("no group is ticked").press("esc")
	// Its group is removed: the target does not become everybody.
	g := s.Snapshot().Groups().ByName("Web servers").ID
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: g}}, admin))
	d.refresh()
	d.sees("! the group that a approved for was removed; t chooses another").press("a").sees("t chooses another")
	if n := len(s.Snapshot().Deployments()); n != 1 {
		t.Errorf("there are %d deployments", n)
	}
}

func TestTriageEmptySaysWhy(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	d := drive(t, s, 80, 24)
	d.press("T").sees("Nothing is to be decided", "nothing was synchronized yet", "8 goes to Synchronization")
	d, s = morning(t)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangePostpone, Updates: []uint32{1, 3}, Until: testTime.AddDate(0, 0, 7)}, admin))
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{4, 7}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}, admin))
	d.refresh()
	d.sees("Everything is decided: 2 updates are needed, and approved or refused", "2 updates are postponed; the first comes back 2026-11-29 07:00", "o shows what was left out")
	d.press("a").sees("there is nothing in the list")
}

// A second person's consent: what is proposed is not taken for made.
func TestTriageWithConsent(t *testing.T) {
	d, s := morning(t)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeOptions, Options: &model.Options{Consent: model.ConsentOptions{AllComputers: true}}}, admin))
	d.refresh()
	d.press("end", "a").sees("Proposal 1 waits for the consent of a second person").queues("openssl nginx curl tzdata")
	if len(s.Snapshot().Deployments()) != 0 || len(s.Snapshot().Proposals()) != 1 {
		t.Error("it was made")
	}
}
