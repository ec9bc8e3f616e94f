package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/installer"
	"fettle/sync/agent/protocol"
)

func TestApprovedAndDueIsInstalled(t *testing.T) {
	w := newWorld(t)
	if out := w.checkIn(); len(out.Actions) != 0 || len(w.computer.orders) != 0 {
		t.Fatal("something was done without an approval")
	}
	w.approve(w.now.Add(-time.Second), "u-aa")
	out := w.checkIn()
	if w.installed("aa") != "2" || !slices.Equal(out.Installed, []model.UpdateID{"u-aa"}) {
		t.Fatalf("aa is %s; %+v", w.installed("aa"), out)
	}
	if w.installed("bb") != "1" {
		t.Error("bb was installed without an approval")
	}
	for _, n := range w.server.last().Needed {
		if n.Package == "aa" {
			t.Error("aa is still reported as needed")
		}
	}
	if w.server.last().Foreign != nil {
		t.Errorf("our own installation counts as foreign: %q", w.server.last().Foreign)
	}
	if got := w.server.kinds(); got != "downloaded installed" {
		t.Error("events:", got)
	}
	if e := w.server.events[1]; len(e.Items) != 1 || e.Items[0].To != "2" || e.Number != 2 {
		t.Errorf("%+v", e)
	}
}

func TestScheduleAndDeadline(t *testing.T) {
	w := newWorld(t)
	w.approve(time.Time{}, "u-aa")            // no deadline: at 03:00
	w.approve(w.now.Add(2*time.Hour), "u-dd") // before the schedule
	if w.checkIn(); len(w.computer.installs()) != 0 || len(w.computer.orders) != 1 {
		t.Fatalf("orders: %+v", w.computer.orders)
	}
	if got := w.server.last().Downloaded; !slices.Equal(got, []model.UpdateID{"u-aa", "u-dd"}) {
		t.Errorf("downloaded: %q", got)
	}
	st, _ := w.agent.State()
	if !st.Wake.Equal(w.now.Add(2 * time.Hour)) {
		t.Errorf("it wakes at %s", st.Wake)
	}
	w.now = w.now.Add(2 * time.Hour)
	w.checkIn()
	if !slices.Equal(w.computer.installs(), []string{"dd+ee"}) {
		t.Errorf("at the deadline: %q", w.computer.installs())
	}
	w.now = time.Date(2026, 3, 5, 3, 0, 0, 0, time.UTC)
	w.checkIn()
	if !slices.Equal(w.computer.installs(), []string{"dd+ee", "aa"}) {
		t.Errorf("at the scheduled time: %q", w.computer.installs())
	}
}

func TestWithdrawnBetweenDownloadAndInstall(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now, "u-aa")
	w.server.onDecide = func(r protocol.DecideRequest, d *protocol.Decisions) {
		if r.Final {
			d.Approved, d.Plan.Updates, d.Plan.Items = nil, nil, nil
		}
	}
	out := w.checkIn()
	if w.installed("aa") != "1" || !slices.Equal(out.Withdrawn, []model.UpdateID{"u-aa"}) || w.server.kinds() != "downloaded withdrawn" {
		t.Errorf("aa is %s, events %s, %+v", w.installed("aa"), w.server.kinds(), out.Withdrawn)
	}
}

// A long installation asks again on its way: what is withdrawn after its first
// step is not installed by a later one.
func TestWithdrawnBetweenTwoSteps(t *testing.T) {
	for _, took := range []time.Duration{time.Minute, time.Hour} {
		w := newWorld(t)
		w.approve(w.now, "u-aa", "u-dd")
		w.computer.onInstall = func() {
			w.now = w.now.Add(took)
			delete(w.server.approved, "u-dd")
		}
		out := w.checkIn()
		want, withdrawn := "2", 0
		if took > answerHolds {
			want, withdrawn = "1", 1
		}
		if w.installed("aa") != "2" || w.installed("dd") != want || len(out.Withdrawn) != withdrawn {
			t.Errorf("after a step of %s aa is %s, dd is %s, withdrawn %q", took, w.installed("aa"), w.installed("dd"), out.Withdrawn)
		}
	}
}

func TestClosures(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now, "u-bb", "u-ff", "u-hh")
	out := w.checkIn()
	if len(w.computer.installs()) != 0 {
		t.Fatalf("installed: %q", w.computer.installs())
	}
	reasons := map[model.UpdateID]string{}
	for _, x := range out.Actions {
		reasons[x.Update] = x.Reason
	}
	for u, want := range map[model.UpdateID]string{"u-bb": "waits for u-cc", "u-ff": "would remove gg", "u-hh": "held"} {
		if !strings.Contains(reasons[u], want) {
			t.Errorf("%s: %q, want %q", u, reasons[u], want)
		}
	}
	if len(w.server.last().Failures) != 0 {
		t.Error("what waits or is refused beforehand is not failed")
	}
	// With what it waits for it is one step, and the simulations are remembered.
	sims := w.computer.sims
	w.approve(time.Time{}, "u-cc")
	w.checkIn()
	if !slices.Equal(w.computer.installs(), []string{"bb+cc"}) {
		t.Errorf("installed: %q", w.computer.installs())
	}
	if n := w.computer.sims - sims; n != 2 { // u-cc's closure, and the installer's own
		t.Errorf("%d simulations; closures are not remembered", n)
	}
}

func TestFailureIsReportedAndRetried(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now, "u-aa", "u-dd")
	w.computer.failWith["aa"] = installer.Result{Code: "apt-100", Text: "aa broke", Remedy: "look"}
	out := w.checkIn()
	if w.installed("dd") != "2" || len(out.Failed) != 1 || out.Failed[0].Code != "apt-100" {
		t.Fatalf("one failure must not stop the rest: dd is %s, %+v", w.installed("dd"), out.Failed)
	}
	if f := w.server.last().Failures; len(f) != 1 || f[0].Update != "u-aa" || !strings.Contains(f[0].Text, "look") {
		t.Errorf("reported: %+v", f)
	}
	delete(w.computer.failWith, "aa")
	w.now = w.now.Add(time.Hour)
	w.checkIn()
	if w.installed("aa") != "2" || len(w.server.last().Failures) != 0 {
		t.Errorf("after the retry aa is %s, failures %+v", w.installed("aa"), w.server.last().Failures)
	}
}

func TestRefusesAnythingExtra(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now, "u-aa")
	// Between the plan and the installation aa begins to depend on something new.
	w.server.onDecide = func(r protocol.DecideRequest, _ *protocol.Decisions) {
		if r.Final {
			w.computer.packages["aa"].depends = []string{"ee"}
		}
	}
	out := w.checkIn()
	if w.installed("aa") != "1" || w.installed("ee") != "" || len(out.Failed) != 1 || out.Failed[0].Code != "refused" || w.server.kinds() != "downloaded refused" {
		t.Errorf("aa %s, ee %s, %+v, %s", w.installed("aa"), w.installed("ee"), out.Failed, w.server.kinds())
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*world, *protocol.Decisions){
		"for another computer": func(_ *world, d *protocol.Decisions) { d.Plan.Computer = "other" },
		"expired":              func(w *world, d *protocol.Decisions) { d.Plan.Expires = w.now },
		"older than one seen":  func(_ *world, d *protocol.Decisions) { d.Plan.Number = 0 },
		"a downgrade":          func(_ *world, d *protocol.Decisions) { d.Plan.Items[0].To = "0" },
		"hostile":              func(_ *world, d *protocol.Decisions) { d.Plan.Items[0].Package = "aa;reboot" },
		"another version":      func(_ *world, d *protocol.Decisions) { d.Version = 99 },
	} {
		w := newWorld(t)
		w.server.key, w.options.ServerKey = key, pub
		w.restart()
		w.checkIn()
		w.approve(w.now, "u-aa")
		w.server.onDecide = func(_ protocol.DecideRequest, d *protocol.Decisions) { change(w, d) }
		_, err := w.agent.CheckIn(w.Context(), nil)
		var refusal *model.Refusal
		if !errors.As(err, &refusal) || len(w.computer.orders) != 0 {
			t.Errorf("%s: %v, orders %+v", name, err, w.computer.orders)
		}
	}
	w := newWorld(t)
	w.options.ServerKey = pub
	_, w.server.key, _ = ed25519.GenerateKey(nil)
	w.restart()
	w.approve(w.now, "u-aa")
	if _, err := w.agent.CheckIn(w.Context(), nil); err == nil || len(w.computer.orders) != 0 {
		t.Error("a plan signed by somebody else was acted on")
	}
}

func TestWithoutTheServer(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now.Add(10*time.Hour), "u-aa")
	w.checkIn()
	w.server.down = errors.New("no route")
	w.now = w.now.Add(11 * time.Hour)
	out, err := w.agent.CheckIn(w.Context(), nil)
	if err == nil || out.Offline == nil || w.installed("aa") != "2" {
		t.Fatalf("the plan holds, but aa is %s: %v", w.installed("aa"), err)
	}
	st, _ := w.agent.State()
	if len(st.Outbox) == 0 || st.NextCheck.Sub(w.now) > time.Hour {
		t.Errorf("%d events wait, next check-in %s", len(st.Outbox), st.NextCheck)
	}
	w.server.down = nil
	w.checkIn()
	if w.server.kinds() != "downloaded installed" || w.server.inventory.Packages[0].Version != "2" {
		t.Errorf("afterwards the server knows %s, %+v", w.server.kinds(), w.server.inventory.Packages[0])
	}

	w = newWorld(t)
	w.approve(w.now.Add(10*time.Hour), "u-aa")
	w.checkIn()
	w.server.down = errors.New("no route")
	w.now = w.now.Add(model.PlanLifetime + time.Hour)
	if _, err := w.agent.CheckIn(w.Context(), nil); err == nil || w.installed("aa") != "1" {
		t.Error("an expired plan was acted on")
	}
}

func TestRecovery(t *testing.T) {
	for _, c := range []struct {
		name     string
		before   func(*world)
		event    string
		failures int
	}{
		{"all done", func(w *world) { w.computer.packages["dd"].installed, w.computer.packages["ee"].installed = "2", "1" }, "everything is installed", 0},
		{"nothing done", func(*world) {}, "before anything", 0},
		{"half done", func(w *world) { w.computer.packages["ee"].installed = "1" }, "1 of 2", 1},
	} {
		w := newWorld(t)
		w.checkIn()
		w.server.approved = map[model.UpdateID]time.Time{} // recovery alone is looked at
		intent := Intent{Time: w.now, Plan: 3, Updates: []model.UpdateID{"u-dd"}, Items: []model.PlanItem{
			{Update: "u-dd", Package: "dd", Arch: "amd64", From: "1", To: "2"}, {Update: "u-dd", Package: "ee", Arch: "amd64", To: "1", Reason: model.ItemNew}}}
		if err := w.agent.writeIntent(intent); err != nil {
			t.Fatal(err)
		}
		w.computer.busy = "apt-get (process 9)"
		if _, err := w.agent.CheckIn(w.Context(), nil); err == nil || !strings.Contains(err.Error(), "process 9") {
			t.Errorf("%s: while it runs: %v", c.name, err)
		}
		w.computer.busy = ""
		c.before(w)
		w.restart()
		seen := len(w.server.reports)
		w.checkIn()
		e := w.server.events[0]
		if e.Kind != protocol.EventRecovered && w.server.events[1].Kind != protocol.EventRecovered || len(w.server.reports[seen].Failures) != c.failures {
			t.Errorf("%s: events %s, failures %+v", c.name, w.server.kinds(), w.server.reports[seen].Failures)
		}
		if !strings.Contains(w.server.events[len(w.server.events)-1].Text, c.event) {
			t.Errorf("%s: %+v", c.name, w.server.events)
		}
		if len(w.server.reports[seen].Foreign) != 0 {
			t.Errorf("%s: what was ours counts as foreign: %q", c.name, w.server.reports[seen].Foreign)
		}
		n := len(w.server.events)
		if w.checkIn(); len(w.server.events) != n {
			t.Errorf("%s: it recovered twice", c.name)
		}
	}
}

func TestAnInstallerThatDiedLeavesTheIntentOpen(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now.Add(time.Hour), "u-aa")
	w.checkIn() // downloaded
	w.now = w.now.Add(time.Hour)
	w.computer.doError = errors.New("the installer ended without a result")
	if _, err := w.agent.CheckIn(w.Context(), nil); err == nil {
		t.Fatal("no error")
	}
	w.computer.doError = nil
	w.computer.packages["aa"].installed = "2" // dpkg went on by itself
	w.checkIn()
	if !strings.Contains(w.server.kinds(), "recovered") || len(w.server.last().Foreign) != 0 {
		t.Errorf("%s, foreign %q", w.server.kinds(), w.server.last().Foreign)
	}
}

func TestForeignChanges(t *testing.T) {
	w := newWorld(t)
	w.checkIn()
	w.computer.packages["aa"].installed = "2"
	w.computer.packages["ee"].installed = "1"
	delete(w.computer.packages, "gg")
	w.server.down = errors.New("down")
	_, _ = w.agent.CheckIn(w.Context(), nil) // noticed, and not forgotten
	w.server.down = nil
	seen := len(w.server.reports)
	w.checkIn()
	if got := w.server.reports[seen].Foreign; !slices.Equal(got, []string{"aa 1 -> 2", "ee 1 (new)", "gg 1 (removed)"}) {
		t.Errorf("%q", got)
	}
	if w.checkIn(); w.server.last().Foreign != nil {
		t.Errorf("told twice: %q", w.server.last().Foreign)
	}
}

func TestInventoryIsSentOnlyWhenItChanged(t *testing.T) {
	w := newWorld(t)
	w.checkIn()
	w.checkIn()
	if r := w.server.last(); r.Inventory != nil || len(r.Digest) == 0 {
		t.Error("an unchanged inventory was sent again")
	}
	w.server.inventory = nil // the server lost it
	w.checkIn()
	if w.server.inventory == nil {
		t.Error("the server asked for the inventory and did not get it")
	}
}

func TestFailedScanIsNeverUpToDate(t *testing.T) {
	w := newWorld(t)
	w.computer.scanError = errors.New("apt fell over")
	if _, err := w.agent.CheckIn(w.Context(), nil); err == nil {
		t.Error("no error")
	}
	if r := w.server.last(); !strings.Contains(r.Scan.Error, "apt fell over") || r.Needed != nil {
		t.Errorf("%+v", r)
	}
}

func TestLocalPolicy(t *testing.T) {
	w := newWorld(t)
	w.options.PolicyFile = filepath.Join(t.TempDir(), "agent.toml")
	w.restart()
	write := func(text string) {
		if err := os.WriteFile(w.options.PolicyFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.approve(w.now, "u-aa")
	write(`mode = "disabled"`)
	if w.checkIn(); len(w.computer.orders) != 0 || w.server.last().Policy.Mode != model.ModeDisabled {
		t.Errorf("disabled: %+v, policy %+v", w.computer.orders, w.server.last().Policy)
	}
	write(`mood = "notify"`)
	if w.checkIn(); len(w.computer.orders) != 0 || len(w.server.last().Remarks) != 1 {
		t.Errorf("a policy that cannot be read: %+v, %q", w.computer.orders, w.server.last().Remarks)
	}
	write("mode = \"notify\"\nusers = [\"alice\"]")
	w.approve(w.now.Add(time.Hour), "u-aa")
	w.checkIn()
	if len(w.computer.orders) != 0 || !strings.Contains(w.people.standing, "fettle agent install") || len(w.people.announced) != 1 {
		t.Errorf("notify: %+v, %q", w.computer.orders, w.people.standing)
	}
	if w.checkIn(); len(w.people.announced) != 1 {
		t.Error("the same was announced twice")
	}
	if w.agent.MayInstall("alice") != nil || w.agent.MayInstall("root") != nil || w.agent.MayInstall("bob") == nil {
		t.Error("who may install")
	}
	out, err := w.agent.Install(t.Context(), []model.UpdateID{"u-aa"}, nil)
	if err != nil || w.installed("aa") != "2" || len(out.Installed) != 1 || w.people.standing != "" {
		t.Errorf("by the user: %v, aa %s, %q", err, w.installed("aa"), w.people.standing)
	}
	if _, err := w.agent.Install(t.Context(), []model.UpdateID{"u-cc"}, nil); err == nil {
		t.Error("an update that is not approved was installed for the asking")
	}
}

func TestParseLocalPolicy(t *testing.T) {
	p, err := ParseLocalPolicy("mode = \"download\"\ninstall-at = \"sat@03:30\"\nrestart = \"sun@04:00\"\n")
	want := model.Policy{Mode: model.ModeDownload, Install: &model.WeekTime{Day: 6, Minute: 210}, Restart: model.RestartAt, RestartAt: &model.WeekTime{Day: 0, Minute: 240}}
	if err != nil || !reflect.DeepEqual(p.Policy, want) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{`mode = "never"`, `install-at = "3"`, `restart = "soon"`, `mode = 3`, `[x]`, `a`} {
		if _, err := ParseLocalPolicy(bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.server.policy.Restart = model.RestartIdle
	w.people.users = []string{"alice"}
	w.approve(w.now, "u-aa", "u-dd")
	w.computer.onInstall = func() {
		for name, text := range map[string]string{"reboot-required": "", "reboot-required.pkgs": "aa\naa\n"} {
			path := filepath.Join(w.options.Root, "run", name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.checkIn()
	r := w.server.last()
	if len(r.Pending) != 1 || !slices.Equal(r.Restart, []model.UpdateID{"u-aa"}) || len(w.people.restarts) != 0 {
		t.Fatalf("pending %q, updates %q, restarts %q", r.Pending, r.Restart, w.people.restarts)
	}
	w.people.users = nil
	out := w.checkIn()
	if !out.Restart || len(w.people.restarts) != 1 || !strings.HasPrefix(w.people.restarts[0], "1m0s") || !strings.HasSuffix(w.server.kinds(), "restart") {
		t.Errorf("restarts %q, events %s", w.people.restarts, w.server.kinds())
	}
}

func TestWithoutRoot(t *testing.T) {
	w := newWorld(t)
	w.options.Installer, w.options.AsRoot = nil, false
	w.restart()
	w.approve(w.now, "u-aa")
	out, err := w.agent.CheckIn(w.Context(), nil)
	var refusal *model.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "privilege" || len(out.Report.Needed) == 0 || len(out.Failed) != 0 {
		t.Errorf("%v, %+v", err, out)
	}
}

func TestEventsAreSentUntilAcknowledged(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now, "u-aa")
	w.server.eventsDown = errors.New("not now")
	w.checkIn()
	w.restart()
	w.server.eventsDown = nil
	w.checkIn()
	if w.server.kinds() != "downloaded installed" || w.server.events[0].Number != 1 || w.server.events[1].Number != 2 {
		t.Errorf("%+v", w.server.events)
	}
}

func TestOneAtATime(t *testing.T) {
	w := newWorld(t)
	unlock, err := w.agent.lock()
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(w.options)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*Agent{w.agent, other} {
		var refusal *model.Refusal
		if _, err := a.CheckIn(w.Context(), nil); !errors.As(err, &refusal) || refusal.Code != "busy" {
			t.Errorf("%v", err)
		}
	}
	unlock()
	if _, err := other.CheckIn(w.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestRunWakesAtTheDeadline(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now.Add(90*time.Minute), "u-aa")
	start := w.now
	var slept []time.Duration
	w.options.After = func(d time.Duration) <-chan time.Time {
		slept = append(slept, d)
		w.now = w.now.Add(d)
		c := make(chan time.Time, 1)
		c <- w.now
		return c
	}
	w.restart()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cycles := 0
	err := w.agent.Run(ctx, func(_ Outcome, err error) {
		if err != nil {
			t.Error(err)
		}
		if cycles++; w.installed("aa") == "2" {
			cancel(stop)
		}
	})
	if !errors.Is(err, stop) || cycles != 2 || w.now.Sub(start) != 90*time.Minute {
		t.Errorf("%v after %d cycles and %s (%v)", err, cycles, w.now.Sub(start), slept)
	}
}

func TestNextRun(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		st   State
		last time.Time
		want time.Time
	}{
		{State{}, time.Time{}, time.Time{}},
		{State{NextCheck: t0.Add(time.Hour)}, t0, t0.Add(time.Hour)},
		{State{NextCheck: t0.Add(time.Hour), Wake: t0.Add(time.Minute * 30)}, t0, t0.Add(30 * time.Minute)},
		{State{NextCheck: t0}, t0, t0.Add(patience)}, // never a busy loop
	} {
		if got := nextRun(c.st, c.last); !got.Equal(c.want) {
			t.Errorf("%+v: %s, want %s", c.st, got, c.want)
		}
	}
}

func TestKernelPending(t *testing.T) {
	kernel := func(name, version string) model.InstalledPackage {
		return model.InstalledPackage{Name: "linux-image-" + name, Version: version}
	}
	for _, c := range []struct {
		release, build string
		packages       []model.InstalledPackage
		want           string // part of the reason; empty = none
	}{
		{"6.1.0-9-amd64", "", []model.InstalledPackage{kernel("6.1.0-9-amd64", "6.1.27-1"), kernel("6.1.0-18-amd64", "6.1.76-1")}, "6.1.0-18-amd64"},
		{"6.1.0-18-amd64", "", []model.InstalledPackage{kernel("6.1.0-9-amd64", "6.1.27-1"), kernel("6.1.0-18-amd64", "6.1.76-1")}, ""},
		{"6.1.0-18-amd64", "", []model.InstalledPackage{kernel("6.1.0-18-amd64", "6.1.76-1"), kernel("6.1.0-20-rt-amd64", "6.1.85-1"), kernel("6.1.0-20-cloud-amd64", "6.1.85-1")}, ""},
		{"6.1.0-18-cloud-amd64", "", []model.InstalledPackage{kernel("6.1.0-18-cloud-amd64", "1"), kernel("6.1.0-20-cloud-amd64", "1")}, "6.1.0-20-cloud-amd64"},
		{"6.1.0-18-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", []model.InstalledPackage{kernel("6.1.0-18-amd64", "6.1.85-1")}, "6.1.85-1"},
		{"6.18.44-fc-v669", "#1 SMP", []model.InstalledPackage{kernel("6.1.0-18-amd64", "6.1.76-1")}, ""},
		{"6.1.0-18-amd64", "", nil, ""},
		{"5.15.0-91-generic", "", []model.InstalledPackage{kernel("5.15.0-91-generic", "1"), kernel("5.15.0-101-generic", "1"), kernel("generic", "9")}, "5.15.0-101-generic"},
		{"6.1.0-18-amd64", "", []model.InstalledPackage{kernel("6.1.0-18-amd64", "1"), {Name: "linux-image-6.1.0-20-amd64", Version: "1", State: model.PackageUnpacked}}, ""},
	} {
		if got := kernelPending(c.release, c.build, c.packages); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s with %+v: %q, want %q", c.release, c.packages, got, c.want)
		}
	}
}

func TestIdentity(t *testing.T) {
	w := newWorld(t)
	w.options.Identity = nil
	for name, text := range map[string]string{"etc/machine-id": "0123456789abcdef0123456789abcdef\n", "etc/os-release": "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n", "etc/timezone": "Europe/Berlin\n"} {
		path := filepath.Join(w.options.Root, name)
		_ = os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.restart()
	who, err := w.agent.identity()
	if err != nil || who.OS != "Debian GNU/Linux 12" || who.Zone != "Europe/Berlin" || who.Role != model.RoleServer || len(who.ID) != 32 || strings.Contains(string(who.ID), "0123456789abcdef") {
		t.Errorf("%+v, %v", who, err)
	}
	if err := os.Remove(filepath.Join(w.options.Root, "etc/machine-id")); err != nil {
		t.Fatal(err)
	}
	one, _ := w.agent.computerID()
	two, _ := w.agent.computerID()
	if one != two || one == who.ID || len(one) != 32 {
		t.Errorf("without a machine-id: %s, %s", one, two)
	}
}
