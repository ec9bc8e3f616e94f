package agents

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent"
	"fettle/sync/agent/apt"
	"fettle/sync/agent/installer"
	"fettle/sync/agent/protocol"
)

// computer is apt, dpkg and the installer of a machine that is nothing but its
// packages: the agent itself is the real one.
type computer struct {
	*machine
	agent    *agent.Agent
	download func() // called when archives were downloaded
	orders   []string
}

// agentOf gives a machine the real agent.
func agentOf(m *machine) *computer {
	m.Helper()
	c := &computer{machine: m}
	a, err := agent.New(agent.Options{
		StateDir: m.TempDir(), Root: m.TempDir(), Server: m.server, Version: "test", PolicyFile: "-", AsRoot: true, NoRefresh: true,
		Packages: c, Installer: c, Users: nobody{}, Notifier: nobody{}, Restarter: nobody{}, ServerKey: m.store.PublicKey(),
		Identity: func() (protocol.Identity, error) {
			return protocol.Identity{ID: m.server.id, Name: string(m.server.id)}, nil
		},
		Now: m.store.Now, After: moment, Rand: func() float64 { return 0.5 },
	})
	if err != nil {
		m.Fatal(err)
	}
	c.agent = a
	return c
}

// moment lets seconds pass at once, and anything longer never.
func moment(d time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	if d < time.Minute {
		c <- time.Time{}
	}
	return c
}

type nobody struct{}

func (nobody) LoggedIn(context.Context) ([]string, error)           { return nil, nil }
func (nobody) Standing(context.Context, string) error               { return nil }
func (nobody) Announce(context.Context, string) error               { return nil }
func (nobody) Restart(context.Context, time.Duration, string) error { return nil }

func (c *computer) Available() error { return nil }
func (c *computer) Busy() string     { return "" }
func (c *computer) Digest() (string, error) {
	return strings.Join(c.orders, " "), nil
}

func (c *computer) Refresh(context.Context, func(model.Progress)) ([]apt.SourceFailure, error) {
	return nil, nil
}

func (c *computer) Installed() ([]model.InstalledPackage, error) {
	return slices.Clone(c.inventory.Packages), nil
}

func (c *computer) Scan(_ context.Context, now time.Time) (*apt.Scan, error) {
	inv := c.inventory
	inv.Time, inv.Packages = now, slices.Clone(inv.Packages)
	return &apt.Scan{Inventory: inv, Needed: slices.Clone(c.report.Needed)}, nil
}

func (c *computer) Simulate(_ context.Context, items []model.PlanItem) (*apt.Simulation, error) {
	sim := &apt.Simulation{}
	for _, it := range items {
		for _, n := range c.report.Needed {
			if n.Package == it.Package {
				sim.Install = append(sim.Install, apt.Change{Package: n.Package, Arch: n.Arch, From: n.Installed, To: n.Candidate})
			}
		}
	}
	return sim, nil
}

func (c *computer) Records(_ context.Context, items []model.PlanItem) (map[string]apt.Record, error) {
	out := map[string]apt.Record{}
	for _, it := range items {
		out[it.Spec()] = apt.Record{Package: it.Package, SHA256: make([]byte, 32), Size: 1}
	}
	return out, nil
}

func (c *computer) Do(_ context.Context, o installer.Order, _ func(model.Progress)) (installer.Result, error) {
	for _, it := range o.Items {
		c.orders = append(c.orders, string(o.Verb)+" "+it.Spec())
		if o.Verb == installer.Install {
			c.install(it.Package, it.To)
			c.report.Needed = slices.DeleteFunc(c.report.Needed, func(n model.NeededPackage) bool { return n.Package == it.Package })
		}
	}
	if o.Verb == installer.Download && c.download != nil {
		c.download()
	}
	return installer.Result{OK: true}, nil
}

func (c *computer) installed(name string) string {
	for _, p := range c.inventory.Packages {
		if p.Name == name {
			return p.Version
		}
	}
	return ""
}

// Semantics 3.2: after downloading, the agent asks again; what is not approved
// any more, however it came to that, is not installed. The real agent speaks to
// the real endpoint.
func TestWhatIsDecidedWhileItDownloads(t *testing.T) {
	revise := func(b *bench, change func(*model.Update)) {
		u := debian("aa", "2")
		change(u)
		if _, err := b.store.Import(b.Context(), []*model.Update{u}); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		meddle func(b *bench, aa uint32)
		text   string // in what the agent says of aa; empty = it is not approved any more
	}{
		{"taken back", func(b *bench, _ uint32) {
			if _, err := b.store.Undo(b.Context(), 0, admin, ""); err != nil {
				b.Fatal(err)
			}
		}, ""},
		{"declined", func(b *bench, aa uint32) { b.change(model.Change{Kind: model.ChangeDecline, Updates: []uint32{aa}}) }, ""},
		{"inherited again", func(b *bench, aa uint32) {
			b.change(model.Change{Kind: model.ChangeApprove, Updates: []uint32{aa}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInherit}}})
		}, ""},
		{"overridden", func(b *bench, aa uint32) {
			b.change(model.Change{Kind: model.ChangeApprove, Updates: []uint32{aa}, Groups: []model.GroupAction{{Group: model.GroupUnassigned, Action: model.ActionNotApproved}}})
		}, ""},
		{"postponed", func(b *bench, aa uint32) { b.approve(model.GroupAll, start.Add(time.Hour), aa) }, "its deadline is"},
		{"disabled", func(b *bench, _ uint32) {
			b.change(model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: model.GroupUnassigned, Policy: model.Policy{Mode: model.ModeDisabled}}})
		}, "disabled"},
		{"withdrawn", func(b *bench, aa uint32) {
			if _, err := b.store.Withdraw(b.Context(), []uint32{aa}); err != nil {
				b.Fatal(err)
			}
		}, "withdrawn"},
		{"a revision with a licence", func(b *bench, _ uint32) { revise(b, func(u *model.Update) { u.Licence = "You must like it." }) }, "it is not installed: its approval belongs to an older revision (the new revision brings licence terms that have not been accepted); it waits until"},
		{"a revision that was expired", func(b *bench, _ uint32) { revise(b, func(u *model.Update) { u.Publication = model.Expired }) }, "expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.ready()
			n := b.offer("aa", "2", "bb", "2")
			m := b.machine("web-1", "aa", "1", "bb", "1")
			m.needs("aa", "2", "bb", "2")
			web := agentOf(m)
			b.approve(model.GroupAll, start, n[1])
			b.approve(model.GroupAll, start, n[0])
			web.download = func() { c.meddle(b, n[0]) }
			out, err := web.agent.CheckIn(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if web.installed("aa") != "1" || !slices.ContainsFunc(web.orders, func(o string) bool { return strings.HasPrefix(o, "download aa") }) {
				t.Fatalf("aa is %s after %q", web.installed("aa"), web.orders)
			}
			if want := map[bool]string{true: "1", false: "2"}[c.name == "disabled"]; web.installed("bb") != want {
				t.Errorf("bb is %s after %q", web.installed("bb"), web.orders)
			}
			withdrawn := slices.Contains(out.Withdrawn, debianID("aa", "2"))
			i := slices.IndexFunc(out.Actions, func(x agent.Action) bool { return x.Update == debianID("aa", "2") })
			switch {
			case c.text == "" && (!withdrawn || i >= 0):
				t.Errorf("withdrawn: %v, %+v", out.Withdrawn, out.Actions)
			case c.text != "" && (withdrawn || i < 0 || !strings.Contains(out.Actions[i].Reason, c.text)):
				t.Errorf("withdrawn: %v, %+v", out.Withdrawn, out.Actions)
			}
			// What a person on the computer reads (fettle agent status) is the same.
			if st, err := web.agent.State(); err != nil || !slices.EqualFunc(st.Actions, out.Actions, func(a, b agent.Action) bool { return a.Update == b.Update && a.Do == b.Do && a.Reason == b.Reason }) {
				t.Errorf("the agent remembers %+v, %v", st.Actions, err)
			}
			if f := m.status().Failures; len(f) != 0 {
				t.Errorf("not to install is no failure: %+v", f)
			}
		})
	}
}

// An approval reaches a computer that is connected at once, through the real
// agent's loop, and what it then does itself does not call it again.
func TestAnApprovalIsInstalledAtOnce(t *testing.T) {
	b := newBench(t)
	b.ready()
	n := b.offer("aa", "2", "bb", "2")
	m := b.machine("web-1", "aa", "1", "bb", "1")
	m.needs("aa", "2", "bb", "2")
	web := agentOf(m)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cycles, ended := make(chan agent.Outcome), make(chan error)
	go func() {
		ended <- web.agent.Run(ctx, func(out agent.Outcome, err error) {
			if err != nil {
				t.Error(err)
			}
			cycles <- out
		})
	}()
	k := &b.endpoint.waking
	listening := func(calls int) {
		b.until(func() bool { return k.joined == calls })
	}
	<-cycles
	listening(1)
	b.approve(model.GroupAll, start, n[0])
	if out := <-cycles; !slices.Equal(out.Installed, []model.UpdateID{debianID("aa", "2")}) {
		t.Errorf("%+v", out)
	}
	listening(2)
	b.settle()
	b.approve(model.GroupAll, start, n[1])
	if out := <-cycles; !slices.Equal(out.Installed, []model.UpdateID{debianID("bb", "2")}) {
		t.Errorf("%+v", out)
	}
	cancel(stop)
	if err := <-ended; !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestWhatStandsAgainstAnApprovalIsSaid(t *testing.T) {
	b := newBench(t)
	b.ready()
	n := b.offer("aa", "2", "bb", "2")
	m := b.machine("web-1", "aa", "1", "bb", "1")
	m.needs("aa", "2", "bb", "2")
	m.checkIn()
	b.approve(model.GroupAll, start, n...)
	refused := func(source string) string {
		t.Helper()
		d := m.decide(closure("aa", "1", "2"), closure("bb", "1", "2"))
		for _, it := range d.Plan.Items {
			if p := d.Plan.Updates[slices.IndexFunc(d.Plan.Updates, func(p model.PlannedUpdate) bool { return p.Update == it.Update })]; p.Refused != "" {
				t.Errorf("%s stands in the plan although %s", it.Spec(), p.Refused)
			}
		}
		for _, p := range d.Plan.Updates {
			if p.Update == debianID(source, "2") {
				return p.Refused
			}
		}
		return "it is not there"
	}
	if got := refused("aa"); got != "" {
		t.Fatal(got)
	}
	b.change(model.Change{Kind: model.ChangeOptions, Options: &model.Options{KeepRevisions: true}})
	u := debian("aa", "2")
	u.Title = "aa 2, better"
	if _, err := b.store.Import(t.Context(), []*model.Update{u}); err != nil {
		t.Fatal(err)
	}
	if got := refused("aa"); got != "its approval belongs to an older revision (approvals do not move to new revisions by themselves on this server); it waits until an administrator approves it again" {
		t.Errorf("%q", got)
	}
	b.approve(model.GroupAll, start, n[0])
	if got := refused("aa"); got != "" {
		t.Errorf("approved again: %q", got)
	}
}
