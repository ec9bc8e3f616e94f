package console

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/theme"
)

// site is a store that is set up and filled, with a console on its updates.
func site(t *testing.T, change ...func(*Options)) (*driver, *store.Store) {
	t.Helper()
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 30)
	d := drive(t, s, 80, 24, change...)
	d.press("2")
	return d, s
}

func machine(m Machine) func(*Options) {
	return func(o *Options) { o.Machine = func(context.Context) (Machine, error) { return m, nil } }
}

func TestFirstRunLeadsThroughBothWizards(t *testing.T) {
	s := newStore(t)
	d := drive(t, s, 80, 24, machine(Machine{Name: "vm", OS: "Debian GNU/Linux 12 (bookworm)", Apt: true, Root: true}))
	d.sees(model.SetupIncomplete, "Computer and Device Management Wizard", "Updates Management Configuration Wizard")
	d.press("enter").sees("Manage this computer: vm", "page 1 of 2")
	d.press("enter").sees("happens by itself", "page 2 of 2")
	d.press("enter").sees("[x] Computer and Device", "this computer is managed now; next: Updates Management")
	if s.Snapshot().Setup().Computers.Done.IsZero() {
		t.Fatal("the wizard did not set it up")
	}
	d.press("enter").sees("page 1 of 7", "Debian: the archives")
	d.press("enter").sees("The archives can be read", "bookworm-security")
	d.press("enter").sees("[x] Security Updates", "[x] Updates")
	d.press("enter").sees("From the vendor")
	d.press("enter").sees("(o) Four times a day")
	d.press("enter").sees("about 63,000 updates", "48 MB to read", "(o) Synchronize now")
	d.press("enter").sees("Schedule          4/day@03:00", "Synchronization   now")
	d.press("enter").sees("[1 Overview]").seesNot(model.SetupIncomplete)
	snap := s.Snapshot()
	if !snap.Setup().Complete() || len(snap.Upstreams()) != 1 || snap.Upstreams()[0].Schedule.String() != "4/day@03:00" || len(snap.Settings().Classes) != 0 {
		t.Errorf("the setup is %+v, %+v, %+v", snap.Setup(), snap.Upstreams(), snap.Settings())
	}
	if !slices.Contains(d.engine.calls, "synchronize [debian]") {
		t.Errorf("nothing was synchronized: %v", d.engine.calls)
	}
}

// TestFromTheFirstRunToTheFirstDeployment is the first morning: both wizards, a
// catalogue and a computer that arrive by themselves, triage, an approval with a
// deadline, the computer that installs, and the report that says so.
func TestFromTheFirstRunToTheFirstDeployment(t *testing.T) {
	s := newStore(t)
	d := drive(t, s, 80, 24, machine(Machine{Name: "vm", Apt: true, Root: true}))
	d.press("enter", "enter", "enter").sees("[x] Computer and Device")
	for range 8 {
		d.press("enter")
	}
	d.sees("[1 Overview]").seesNot(model.SetupIncomplete)
	fill(t, s, 0) // what the synchronization and the agents bring
	d.refresh()
	d.sees("to be decided", "4 of 5 known")
	d.press("T").sees("Triage", "openssl").press("a").sees("Preview", "[>Cancel<]") // it is wide: the plan is shown
	d.press("esc", "esc", "2").sees("[To decide").press("enter").sees("Identifier", "needed on 3").press("a")
	for !strings.Contains(d.cursorLine(), "Web servers") {
		d.press("down")
	}
	d.press("i", "t", "t").sees("= Install, in 7 days").press("enter").sees("WHAT IT WOULD DO", "Web servers", "2 computers").press("y").sees("Done, u takes it back")
	d.press("5").sees("0 % of 2").press("enter").sees("Web servers")
	snap := s.Snapshot()
	for n := range uint32(2) {
		c := *snap.Computer(n + 1)
		st := must[*model.Status](t)(s.Status(n + 1))
		st.Needed = slices.DeleteFunc(slices.Clone(st.Needed), func(u uint32) bool { return u == 1 })
		st.Installed = append([]uint32{1}, st.Installed...)
		st.Packages = nil
		must[uint32](t)(s.Record(t.Context(), store.Report{Computer: c, Status: st}))
	}
	d.refresh()
	d.press("esc").sees("100 % of 2")
	d.press("7").press("/").press("esc")
	d.press(":").write("report deployment-progress").press("enter").sees("Deployment progress", "100.0 %")
	if _, err := s.VerifyJournal(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestWizardGoesBackAndRefusesNonsense(t *testing.T) {
	s := newStore(t)
	d := drive(t, s, 80, 24)
	d.press("down", "enter", "tab", "tab", "tab").write("squid:3128").press("enter").sees("a proxy is written as http://HOST:PORT")
	d.press("ctrl+u").write("http://squid:3128").press("enter").sees("The archives can be read")
	d.press("enter", "space", "down", "space", "enter").sees("nothing is selected")
	d.press("up", "space", "enter").sees("From the vendor")
	d.press("enter", "down", "down").write("99/day@3").press("enter").sees("is not a schedule")
	d.press("ctrl+u").write("2/day@04:30").press("enter", "down", "space", "enter").sees("http://squid:3128", "2/day@04:30", "Security Updates", "later")
	d.press("esc").sees("page 6 of 7").press("enter", "enter")
	snap := s.Snapshot()
	if len(snap.Upstreams()) != 1 || snap.Upstreams()[0].Proxy != "http://squid:3128" || !slices.Equal(snap.Settings().Classes, []model.Classification{model.ClassSecurity}) {
		t.Errorf("got %+v, %+v", snap.Upstreams(), snap.Settings())
	}
	if len(d.engine.calls) != 0 {
		t.Errorf("later became now: %v", d.engine.calls)
	}
}

func TestWizardOnAMachineWithoutApt(t *testing.T) {
	d := drive(t, newStore(t), 80, 24, machine(Machine{Name: "mac", OS: "Something else", Facts: "apt-get was not found."}))
	d.press("enter").sees("It has no apt", "apt-get was not found")
	d.press("enter").sees("nothing that could be managed from here")
	d.press("esc").sees(model.SetupIncomplete)
}

func TestBeforeSetupEveryActionRefuses(t *testing.T) {
	s := newStore(t)
	d := drive(t, s, 80, 24)
	d.press("2").sees("wizards").press("a").sees(model.SetupIncomplete, "You must complete these tasks", "fettle setup computers")
	d.press("enter").sees("[1 Overview]", "Enter opens it")
	d.press("7", "enter").sees("You must complete these tasks")
	d.press("esc").sees("Reports")
}

func TestFilterMarkApproveWithPreview(t *testing.T) {
	d, s := site(t)
	d.sees("4 of 42 updates", "openssl")
	d.press("/").write("class:sec").press("tab").sees("class:security")
	d.press("enter").sees("3 of 42 updates").seesNot("tzdata")
	d.press("*").sees("3 marked")
	d.press("a").sees("Approve 3 updates", "All Computers", "Web servers")
	d.press("enter").sees("nothing is set yet")
	d.press("G", "i", "t", "t").sees("= Install, in 7 days")
	d.press("enter").sees("Install: Web servers, deadline 2026-11-29 07:0", "2 computers", "[>Cancel<]")
	if len(s.Snapshot().Deployments()) != 0 {
		t.Fatal("the preview changed something")
	}
	d.press("enter").sees("Approve 3 updates") // the default is Cancel
	d.press("enter", "y").sees("Done, u takes it back: Approved 3 updates").seesNot("marked")
	deps := s.Snapshot().Deployments()
	if len(deps) != 1 || len(deps[0].Updates) != 3 || deps[0].Author != "alice" || deps[0].Groups[0].Deadline.IsZero() {
		t.Fatalf("the deployment is %+v", deps)
	}
	// The filter was for what is not approved: they are gone from it.
	d.sees("No update matches").press("backspace").sees("1 of 42 updates", "tzdata")
	d.press("5").sees("Deployment 1", "0 %").press("enter").sees("PROGRESS", "Web servers: Install")
}

func TestUndo(t *testing.T) {
	d, s := site(t)
	d.press("a", "i", "enter", "y").sees("Approved openssl")
	d.press("u").sees("Take back entry", "[>Cancel<]").press("y").sees("Took back entry")
	if _, ok := s.Snapshot().Approval(1, model.GroupAll); ok {
		t.Error("the approval still holds")
	}
	d.press("J").sees("Took back entry").press("end", "u").sees("Take back entry 1").press("esc")
}

func TestDeclineAndReinstate(t *testing.T) {
	d, s := site(t)
	d.press("d").sees("Decline openssl", "! 3 computers still need").press("tab", "enter").sees("Declined openssl").seesNot("> openssl")
	if !s.Snapshot().Row(1).Has(model.FlagDeclined) {
		t.Fatal("it is not declined")
	}
	d.press("/", "ctrl+u").write("is:declined").press("enter").sees("openssl", "declined")
	d.press("R", "y").sees("Reinstated openssl")
	if s.Snapshot().Row(1).Has(model.FlagDeclined) {
		t.Error("it is still declined")
	}
}

// TestTypeAheadDoesNotConfirm types the answer before the question is there, as
// on a slow line.
func TestTypeAheadDoesNotConfirm(t *testing.T) {
	d, s := site(t)
	d.press("a", "i")
	d.gap = 20 * time.Millisecond
	d.press("enter", "y", "y", "tab", "enter")
	d.sees("Preview", "[>Cancel<]", "press it again")
	if len(s.Snapshot().Deployments()) != 0 {
		t.Fatal("keys that were typed before the question confirmed it")
	}
	d.gap = 500 * time.Millisecond
	d.press("y").sees("Approved openssl")
}

func TestKeysOfOneReadAreTakenApart(t *testing.T) {
	d, _ := site(t)
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("jjk")})
	if l := d.cursorLine(); !strings.Contains(l, "curl") {
		t.Errorf("after jjk the cursor is on %q", l)
	}
	d.press("enter").sees("Identifier")
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("j"), Alt: true}) // Esc and j in one read
	if l := d.cursorLine(); !strings.Contains(l, "tzdata") {
		t.Errorf("after Esc j the cursor is on %q", l)
	}
	// A paste is text, never commands; in a field it is whole.
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("d y 3 q"), Paste: true})
	d.sees("[2 Updates]")
	d.press("/", "ctrl+u")
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("package:curl\n"), Paste: true})
	d.press("enter").sees("1 of 42 updates")
}

// TestLiveRefreshUnderMarks reports new facts while rows are marked: cells are
// new at once, the order is held, cursor and marks stay.
func TestLiveRefreshUnderMarks(t *testing.T) {
	d, s := site(t)
	d.press("space", "down").sees("1 marked")
	reportNeeded(t, s, []uint32{3, 7, 9, 10})
	d.refresh()
	if l := d.cursorLine(); !strings.Contains(l, "tzdata") || !strings.Contains(l, " 2 ") {
		t.Errorf("the cursor went to %q", l)
	}
	d.sees("1 marked", " *openssl", "changed: r shows it")
	d.press("\\").seesNot("marked", "changed").sees("6 of 42 updates")
	// Without marks new rows come in, and the cursor stays on its row.
	reportNeeded(t, s, []uint32{3, 7})
	d.refresh()
	if !strings.Contains(d.cursorLine(), "tzdata") {
		t.Errorf("the cursor went to %q", d.cursorLine())
	}
}

// report has the computer silent tell what it needs.
func reportNeeded(t *testing.T, s *store.Store, needed []uint32) {
	t.Helper()
	c := *s.Snapshot().ComputerByName("silent")
	c.Contacted, c.Reported = testTime, testTime
	must[uint32](t)(s.Record(t.Context(), store.Report{Computer: c, Status: &model.Status{Reported: testTime, Evaluated: s.Snapshot().LastUpdate(), Needed: needed}}))
}

func TestStaleAnswersAreDropped(t *testing.T) {
	d, _ := site(t)
	u := d.c.top().(*updates)
	u.list.filter = "package:curl"
	old := u.list.load(true)
	u.list.filter = "package:bash"
	d.run(u.list.load(true))
	d.sees("bash")
	d.run(old) // the slow one comes in last
	d.sees("bash").seesNot("curl")
}

func TestResizeInADialog(t *testing.T) {
	d, _ := site(t)
	d.press("a", "i", "enter").sees("Preview")
	for _, size := range [][2]int{{120, 40}, {60, 15}, {40, 10}, {80, 24}} {
		d.resize(size[0], size[1])
	}
	d.sees("Preview", "[>Cancel<]").press("y").sees("Approved openssl")
}

func TestReadOnly(t *testing.T) {
	d, s := site(t, func(o *Options) { o.ReadOnly = true })
	d.sees("[RO]")
	for _, k := range []string{"a", "d", "u"} {
		d.press(k).sees("read-only session").press("esc")
	}
	if err := s.Check(model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, d.c.actor); err == nil {
		t.Error("the store would let this session change something")
	}
	d.press("enter").sees("Identifier")
}

func TestRefusalOfARuleIsShownWithItsRemedy(t *testing.T) {
	d, s := site(t)
	must[[]uint32](t)(s.Withdraw(t.Context(), []uint32{1}))
	d.refresh()
	d.press("a", "i", "enter").sees("The approval was refused", "withdrawn").press("esc").sees("Approve openssl")
}

func TestDetailsBelowTheList(t *testing.T) {
	d, _ := site(t)
	d.press("p").sees("A description of openssl").press("down").sees("A description of curl").press("p").seesNot("A description")
}

func TestDetailsAndComputersThatNeedIt(t *testing.T) {
	d, _ := site(t)
	d.press("enter").sees("deb/Debian/bookworm/openssl", "STATUS").press("c").sees("3 of 5 computers", `needs:(id:"deb/Debian/bookworm/openssl`)
	d.press("esc").sees("5 computers").press("esc").sees("[1 Overview]")
}

func TestComputerExplains(t *testing.T) {
	d, _ := site(t)
	d.press("3", "down", "enter").sees("web1.example.org", "held", "needed (sec.)")
	d.press("end", "enter").sees("Explain", "THE APPROVAL THAT HOLDS", "ON THIS COMPUTER").press("G").sees("INSTALLATION", "WHAT WOULD CHANGE IT")
	d.press("esc", "c").sees("checks in")
	if !slices.Contains(d.engine.calls, "check-in") {
		t.Errorf("nobody was asked: %v", d.engine.calls)
	}
	d.press("3", "home", "c").sees("others check in by themselves")
}

func TestInstallNowOnThisComputer(t *testing.T) {
	d, _ := site(t)
	d.press("3", "down", "i").sees("no update that this computer needs is approved").press("esc")
	d.press("2", "a", "i", "enter", "y").sees("Done, u takes it back")
	d.press("3", "i").sees("Install 1 approved update on this computer now", "openssl").press("y")
	if !slices.Contains(d.engine.calls, "install") {
		t.Errorf("nothing was installed: %v", d.engine.calls)
	}
	job := Job{ID: 1, Kind: "installation", Name: "Installation on this computer", Started: testTime, Progress: model.Progress{Phase: "downloading", Bytes: 1_200_000}}
	d.engine.set(job)
	d.refresh()
	d.press("down").sees("downloading, 1.2 MB")
	job.Ended, job.Err = testTime, "the disk is full"
	d.engine.set(job)
	d.refresh()
	d.sees("ERROR: Installation on this computer: the disk is full")
}

func TestOverviewOpensFilteredLists(t *testing.T) {
	d, _ := site(t)
	d.press("1").sees("3 security updates are needed and not approved")
	d.press("down", "enter").sees("class:security approved:none (needed:>0 or failed:>0)", "3 of 42")
	d.press("1", "home", "enter").sees("failed:>0", "nginx", "1 of 42")
	d.press("1", "tab", "tab", "down", "down", "enter").sees("class:security (needed:>0 or failed:>0)")
	d.press("1", "tab", "enter").sees(`group:"All Computers"`)
}

func TestSynchronizationShowsProgressAndIsCancelled(t *testing.T) {
	d, _ := site(t)
	d.press("8", "s")
	d.engine.set(Job{ID: 7, Kind: "synchronization", Name: "Synchronization of debian", Started: testTime, Progress: model.Progress{Phase: "reading bookworm", Done: 1200, Total: 4800}})
	d.refresh()
	d.sees("reading bookworm 1,200 of 4,800 (25 %)", "x cancel job")
	d.press("1").sees("reading bookworm")
	d.press("x")
	if !slices.Contains(d.engine.calls, "synchronize []") || !slices.Contains(d.engine.calls, "cancel 7") {
		t.Errorf("calls: %v", d.engine.calls)
	}
	d.engine.set(Job{ID: 7, Kind: "synchronization", Started: testTime, Ended: testTime})
	d.refresh()
	d.press("x").sees("no job is running")
	d.engine.err = errors.New("the archive does not answer")
	d.press("8", "s").sees("ERROR: the archive does not answer")
}

func TestPaletteAndHelp(t *testing.T) {
	d, _ := site(t)
	d.press(":").write("comp").press("tab").sees(": computers").write(" status:failed").press("enter").sees("[3 Computers]", "Filter: status:failed", "1 of 5")
	d.press(":").write("theme nosuch").press("enter").sees("theme cannot be", "it can be dark, light")
	d.press(":").write("theme mono").press("enter").sees("theme is mono now")
	d.press(":").write("frobnicate").press("enter").sees("there is no command")
	d.press("2", "?").sees("Approve the marked updates").press("/").write("glossary?").press("esc")
	d.press("esc", "?", "/").write("deadline").press("enter").sees("the instant by which an approved update must be installed").press("esc", "esc").sees("[2 Updates]")
	d.press("?", "enter").sees("Approve openssl") // the first key of the list, run from there
	d.press("esc", ":").write("sort").press("enter").sees("Sort by").press("esc", ":", "up").sees(": sort")
	d.press("esc", "-").sees("[3 Computers]")
}

func TestSortFollowsTheCursor(t *testing.T) {
	d, _ := site(t)
	d.press("s", "home").press("up", "up", "up", "up", "up").press("enter").sees("Title▲")
	if l := d.cursorLine(); !strings.Contains(l, "openssl") {
		t.Errorf("sorting moved the cursor to %q", l)
	}
	d.press("S").sees("Title▼").press(">").sees("Class▲").press("<").sees("Title▲")
}

func TestQuitAsksWithMarks(t *testing.T) {
	d, _ := site(t)
	d.press("space", "ctrl+c").sees("1 marked row")
	d.press("n").sees("[2 Updates]")
	d.press("q", "y")
	if !d.quit {
		t.Error("it did not quit")
	}
	d, _ = site(t)
	d.press("ctrl+c")
	if !d.quit {
		t.Error("without marks it asked")
	}
	d, _ = site(t)
	d.press("space", "ctrl+c", "ctrl+c")
	if !d.quit {
		t.Error("a second Ctrl-C did not quit")
	}
}

func TestStateOfTheSessionIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "console.json")
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	keep := func(o *Options) { o.StatePath = path }
	d := drive(t, s, 80, 24, keep)
	d.press("2", "/", "ctrl+u").write("class:security").press("enter", ">", "p", "q")
	if !d.quit {
		t.Fatal("it did not quit")
	}
	d = drive(t, s, 80, 24, keep)
	d.sees("[2 Updates]", "Filter: class:security", "Failed▼", "A description of")
	if d.c.visit.IsZero() {
		t.Error("the last visit is not known")
	}
	if err := os.WriteFile(path, []byte("{nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	drive(t, s, 80, 24, keep).sees("[1 Overview]") // a damaged state is no state
}

func TestDeepLink(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	drive(t, s, 80, 24, func(o *Options) { o.View, o.Filter = "updates", "class:security" }).sees("[2 Updates]", "Filter: class:security")
	drive(t, s, 80, 24, func(o *Options) { o.View = "sync" }).sees("[8 Sync]")
}

func TestSavedViewsOfTheSettings(t *testing.T) {
	d, _ := site(t, func(o *Options) {
		o.Views = []View{{Name: "Patch Tuesday", On: "updates", Filter: "class:security", Sort: "-size"}}
	})
	d.press("f").sees("Patch Tuesday").press("end")
	for range 20 {
		d.press("down")
	}
	d.press("enter").sees("Filter: class:security")
}

func TestCopy(t *testing.T) {
	var out bytes.Buffer
	d, _ := site(t, func(o *Options) {
		o.Output, o.Terminal = &out, theme.Terminal{Attributes: true, UTF8: true, Type: "tmux-256color"}
	})
	d.press("y").sees("copied: deb/Debian/bookworm/openssl/1.0-1")
	if !strings.HasPrefix(out.String(), "\x1bPtmux;\x1b\x1b]52;c;") {
		t.Errorf("the terminal was sent %q", out.String())
	}
}

func TestRebindingAndConflicts(t *testing.T) {
	d, _ := site(t, func(o *Options) { o.Keys = map[string][]string{"approve": {"A"}} })
	d.sees("A approve").press("A").sees("Approve openssl")
	s := newStore(t)
	if _, err := New(Options{Store: s, Keys: map[string][]string{"approve": {"d"}}}); err == nil || !strings.Contains(err.Error(), "decline") {
		t.Errorf("a conflict was accepted: %v", err)
	}
	if _, err := New(Options{Store: s, Theme: "pink"}); err == nil {
		t.Error("an unknown theme was accepted")
	}
}

func TestASCIITerminalGetsASCIIOnly(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0, wideTitles...)
	d := drive(t, s, 80, 24, func(o *Options) { o.ASCII = true })
	for _, way := range ways {
		d.press("esc", "esc", "esc").press(way.keys...)
		for _, r := range d.c.View() {
			if r > 0x7e {
				t.Fatalf("%s shows %q on a terminal that has ASCII only:\n%s", way.name, r, d.c.View())
			}
		}
		d.press("esc", "esc")
	}
}

func TestHostileTitlesCannotMoveTheCursor(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0, "\x1b[2J\x1b]52;c;aGk=\x07gotcha\x9b31m", "a\rb\x08c")
	d := drive(t, s, 80, 24)
	for _, way := range ways {
		d.press(way.keys...)
		for _, r := range d.c.View() {
			if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%s lets the control character %q through:\n%q", way.name, r, d.c.View())
			}
		}
		d.press("esc", "esc", "esc")
	}
	d.press("2").sees("gotcha")
}

// TestFirstFrameBeforeTheCatalogue opens a console on a store that is still
// being read.
func TestFirstFrameBeforeTheCatalogue(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24)
	unloaded := &store.Snapshot{}
	if unloaded.Loaded() {
		t.Fatal("an empty snapshot says that it is loaded")
	}
	d.press("2")
	u := d.c.top().(*updates)
	u.list.ready, u.list.snap = false, nil
	d.sees("reading")
	d.refresh()
	d.sees("4 of 12")
}

// TestNothingIsSentWhenNothingChanged refreshes without a change: the frame is
// the same, so that Bubble Tea sends no byte.
func TestNothingIsSentWhenNothingChanged(t *testing.T) {
	d, _ := site(t)
	for _, way := range ways {
		d.press("esc", "esc").press(way.keys...)
		before := d.c.View()
		d.refresh()
		if d.c.View() != before {
			t.Errorf("%s changed without a change:\n%s\n%s", way.name, before, d.c.View())
		}
		d.press("esc", "esc", "esc")
	}
}

// TestAgesAreDrawnByTheMinute arms one timer where an age is on the screen, and
// none elsewhere.
func TestAgesAreDrawnByTheMinute(t *testing.T) {
	d, _ := site(t)
	armed := 0
	d.c.after = func(d time.Duration, msg tea.Msg) tea.Cmd {
		if _, ok := msg.(minuteMsg); ok {
			armed++
			if d <= 0 || d > time.Minute {
				t.Errorf("the timer waits %v", d)
			}
		}
		return nil
	}
	d.press("down", "1", "3")
	if armed != 0 {
		t.Errorf("%d timers without an age on the screen", armed)
	}
	d.press("enter", "down", "down")
	if armed != 1 {
		t.Errorf("%d timers while an age is on the screen, want 1", armed)
	}
	d.now = d.now.Add(time.Hour)
	d.send(minuteMsg{})
	d.sees("3 h ago")
}

// TestTypeAheadFinishesNoWizard turns pages by what was typed ahead, but makes
// nothing: the last page has to be seen.
func TestTypeAheadFinishesNoWizard(t *testing.T) {
	s := newStore(t)
	d := drive(t, s, 80, 24, machine(Machine{Name: "vm", Apt: true}))
	d.press("enter").sees("Wizard")
	d.gap = 0
	for range 12 {
		d.press("enter")
	}
	if !s.Snapshot().Setup().Computers.Done.IsZero() {
		t.Error("keys that were typed ahead finished the wizard")
	}
	d.sees("Enter does it")
	d.gap = time.Second
	d.press("down", "enter")
	if s.Snapshot().Setup().Computers.Done.IsZero() {
		t.Errorf("the wizard cannot be finished:\n%s", d.screen())
	}
}
