package console

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
)

func init() {
	ways = append(ways, []way{
		{"computer-views", []string{"3", "enter", "f"}}, {"computer-every", []string{"3", "enter", "f", "end", "down", "down", "down", "down", "down", "enter"}},
		{"computer-reports", []string{"3", "h"}}, {"computer-report", []string{"3", "h", "enter"}}, {"computer-policy", []string{"3", "p"}}, {"computer-move", []string{"3", "m"}},
	}...)
}

// asks records a computer that asks to be managed.
func asks(t testing.TB, s *store.Store, name string, needed ...uint32) uint32 {
	t.Helper()
	c := model.Computer{ID: model.ComputerID("asks-" + name), Name: name, Platform: model.PlatformLinux, Arch: "amd64", OS: "Debian GNU/Linux 12 (bookworm)", Role: model.RoleServer,
		Admission: model.Waiting, Contacted: testTime.Add(-time.Hour), Reported: testTime.Add(-time.Hour)}
	return must[uint32](t)(s.Record(t.Context(), store.Report{Computer: c, Status: &model.Status{Reported: c.Reported, Evaluated: s.Snapshot().LastUpdate(), Needed: needed}}))
}

// Somebody asks to be managed; the administrator looks, accepts, and takes it
// back; then rejects.
func TestAcceptAndRejectThoseThatWait(t *testing.T) {
	d, s := site(t)
	one, two := asks(t, s, "new1.example.org", 1), asks(t, s, "new2.example.org")
	d.refresh()
	d.press("3", "f").sees("Waiting")
	d.press("esc", "/").write("is:waiting").press("enter").sees("2 of 7 computers", "new1.example.org", "waiting")
	d.press("enter").sees("It asks to be managed and waits for an answer: A accepts it, D rejects it", "needed")
	d.press("esc", "*", "A").sees("Accept new1.example.org, new2.example.org", "They are managed from now on", "[>Cancel<]")
	d.press("enter").sees("2 marked") // the default is Cancel
	if s.Snapshot().Computer(one).Admission != model.Waiting {
		t.Fatal("the preview accepted it")
	}
	d.press("A", "y").sees("Done, u takes it back: Accepted", "No computer matches this filter")
	if got := s.Snapshot(); got.Computer(one).Admission != model.Managed || got.Computer(two).Admission != model.Managed || got.Counts(1, model.GroupAll).Needed != 4 {
		t.Errorf("accepted: %d needed", got.Counts(1, model.GroupAll).Needed)
	}
	d.press("u", "y").sees("new1.example.org")
	if s.Snapshot().Computer(one).Admission != model.Waiting {
		t.Error("undo did not make it wait again")
	}
	d.press("D", "y").sees("Rejected new1.example.org")
	if s.Snapshot().Computer(one).Admission != model.Rejected {
		t.Error("it was not rejected")
	}
	// What is managed needs no answer, and says so.
	d.press("backspace", "home", "A").sees("it is managed already")
}

// A computer moves from one group to another, from the list and from its
// details, in one change.
func TestMoveComputersBetweenGroups(t *testing.T) {
	d, s := site(t)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Databases", Parent: model.GroupAll}}, admin))
	d.refresh()
	d.press("3", "/").write("group:=\"Web servers\"").press("enter", "*").sees("2 marked")
	d.press("m").sees("Move 2 computers from Web servers to", "Databases").seesNot("> Web servers")
	d.press("enter").sees("Move web1.example.org, web2.example.org from Web servers to Databases", "2 computers change groups")
	d.press("y").sees("Moved web1.example.org, web2.example.org from Web serve").seesNot("marked")
	tree := s.Snapshot().Groups()
	web, db := tree.ByName("Web servers"), tree.ByName("Databases")
	if len(web.Members) != 0 || len(db.Members) != 2 {
		t.Fatalf("the groups hold %v and %v", web.Members, db.Members)
	}
	d.press("u").sees("Take back entry").press("y")
	if got := s.Snapshot().Groups(); len(got.Group(web.ID).Members) != 2 || len(got.Group(db.ID).Members) != 0 {
		t.Error("undo did not move them back")
	}
	d.press("backspace", "home", "enter").sees("groups: Web servers")
	d.press("m", "enter", "y").sees("groups: Databases")
	d.press("esc", "end", "m").sees("it was put into no group by hand: a puts it into one")
}

// A new report appears in the history while somebody looks at it, without moving
// the cursor.
func TestHistoryShowsANewReportLive(t *testing.T) {
	d, s := site(t)
	snap := s.Snapshot()
	n := snap.ComputerByName("db1.example.org").Number
	report := func(h int, st model.Status) {
		t.Helper()
		c := *s.Snapshot().Computer(n)
		c.Contacted = testTime.Add(time.Duration(h) * time.Minute)
		c.Reported, st.Reported, st.Evaluated = c.Contacted, c.Contacted, snap.LastUpdate()
		must[uint32](t)(s.Record(t.Context(), store.Report{Computer: c, Status: &st}))
	}
	report(1, model.Status{Needed: []uint32{1, 5}, Installed: []uint32{2, 3, 4}})
	report(2, model.Status{Needed: []uint32{1}, Installed: []uint32{2, 3, 4, 5}})
	d.refresh()
	d.press("3", "/").write("db1").press("enter", "h").sees("3 reports", "became needed 1", "installed 1", "the first report")
	d.press("down").press("enter").sees("BECAME NEEDED", "bash: GNU Bourne Again SHell")
	d.press("tab", "enter").sees("bash").press("esc", "esc")
	before := d.cursorLine()
	report(3, model.Status{Failed: []uint32{1}, Installed: []uint32{2, 3, 4, 5}})
	d.refresh()
	d.sees("4 reports", "failed 1")
	if after := d.cursorLine(); after != before {
		t.Errorf("the cursor moved from %q to %q", before, after)
	}
}

// From a computer to its policy, and to the group that decides it.
func TestPolicyFromComputerToGroup(t *testing.T) {
	d, s := site(t)
	d.press("3", "/").write("web1").press("enter", "p").sees("What its groups say of web1.example.org", "Web servers", "mode, restarts")
	lines := strings.Split(d.screen(), "\n")
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "mode, restarts") }); !strings.Contains(lines[i], "All Computers") {
		t.Errorf("the policy comes from %q", lines[i])
	}
	// The deepest is on top; it says nothing yet.
	d.press("enter").sees("Policy of Web servers", "As the group above says")
	d.press("down", "down", "space", "enter").press("enter").sees("Change the policy of Web servers", "changes on 2 of them")
	d.press("y").sees("Done, u takes it back")
	if s.Snapshot().Groups().ByName("Web servers").Policy.Mode != model.ModeDownload {
		t.Fatalf("the policy is %+v", s.Snapshot().Groups().ByName("Web servers").Policy)
	}
	d.sees("download")
	d.press("e").sees("Web servers", "2 computers")
}

// The status of every update, not only of what is needed.
func TestComputerShowsEveryUpdate(t *testing.T) {
	d, _ := site(t)
	d.press("3", "/").write("web2").press("enter", "enter").sees("3 packages, f shows others", "FAILED")
	d.press("f").sees("Failed", "Installed", "Without status").press("down", "enter").sees("1 failed update", "FAILED")
	d.press("enter").sees("ON THIS COMPUTER", "that means: apt-get met an error").press("esc")
	d.press("f", "down", "down", "down", "enter").sees("2 installed updates", "installed")
	d.press("f", "down", "down", "down", "down", "down", "enter").sees("5 updates", "FAILED", "needed", "installed")
}

// What would change the fate of an update is said with keys, and leads there.
func TestExplanationLeadsToTheRemedy(t *testing.T) {
	d, _ := site(t)
	d.press("3", "/").write("db1").press("enter", "enter", "enter", "end").sees("WHAT WOULD CHANGE IT", "a there approves").seesNot("fettle approve")
	d.press("tab", "enter").sees("Updates", "openssl").press("a").sees("Approve openssl")
}

// A read-only session refuses to answer and to move.
func TestReadOnlyRefusesAnswersAndMoves(t *testing.T) {
	d, s := site(t, func(o *Options) { o.ReadOnly = true })
	asks(t, s, "new1.example.org")
	d.refresh()
	d.press("3", "/").write("is:waiting or web1").press("enter")
	for _, key := range []string{"A", "D", "a"} {
		d.press("end", key).sees("read-only").press("esc")
	}
	d.press("home", "m").sees("read-only")
}
