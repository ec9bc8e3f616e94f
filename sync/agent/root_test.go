package agent

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/apt"
	"fettle/sync/agent/installer"
	"fettle/sync/agent/protocol"
	"fettle/sync/simulation/archive"
)

// realWorld is an agent over real apt and dpkg, in a root of its own, with an
// archive that the test signs, and the real installer process.
type realWorld struct {
	*testing.T
	root   *archive.Root
	repo   *archive.Repository
	server *fakeServer
	agent  *Agent
	now    time.Time
}

func newRealWorld(t *testing.T, published, installed []archive.Package) *realWorld {
	t.Helper()
	for _, err := range []error{archive.Available(), archive.CanSign()} {
		if err != nil {
			t.Skip(err)
		}
	}
	w := &realWorld{T: t, now: time.Now()}
	var err error
	if w.repo, err = archive.NewRepository(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.repo.Close() })
	if w.root, err = archive.NewRoot(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.repo.Publish(archive.Suite{Codename: "test"}, published...), w.root.AddSource(w.repo, "", "test"), w.root.Install(t.Context(), installed...)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.server = &fakeServer{t: t, catalogue: map[string]model.UpdateID{}, approved: map[model.UpdateID]time.Time{}, policy: model.DefaultPolicy(), now: func() time.Time { return w.now }}
	for _, p := range published {
		w.server.catalogue[p.Name+"="+p.Version] = model.DebianID("Fettle Test", "test", p.Name, p.Version)
	}
	people := &fakePeople{}
	config := installer.Config{Root: w.root.Dir, Apt: w.root.AptOptions(), Dpkg: w.root.DpkgOptions(), Prefix: archive.Prefix()}
	w.agent, err = New(Options{StateDir: t.TempDir(), Server: w.server, Version: "test", Root: w.root.Dir, AptOptions: w.root.AptOptions(), DpkgOptions: w.root.DpkgOptions(),
		Prefix: archive.Prefix(), AsRoot: true, AllClosures: true, Local: true, Users: people, Notifier: people, Restarter: people,
		Installer: installer.Client{Command: installer.Command(os.Args[0], false, config.Options()...)}, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *realWorld) id(name, version string) model.UpdateID {
	return model.DebianID("Fettle Test", "test", name, version)
}

func (w *realWorld) checkIn() Outcome {
	w.Helper()
	out, err := w.agent.CheckIn(w.Context(), nil)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *realWorld) versions() map[string]string {
	w.Helper()
	list, err := apt.New(apt.Options{Root: w.root.Dir}).Installed()
	if err != nil {
		w.Fatal(err)
	}
	have := map[string]string{}
	for _, p := range list {
		have[p.Name] = p.Version
	}
	return have
}

func TestRealCycle(t *testing.T) {
	one := func(names ...string) (list []archive.Package) {
		for _, n := range names {
			list = append(list, archive.Package{Name: n, Version: "1"})
		}
		return list
	}
	w := newRealWorld(t, []archive.Package{
		{Name: "plain", Version: "2"}, {Name: "held", Version: "2"}, {Name: "kept", Version: "2", Depends: "missing"},
		{Name: "kernel", Version: "2", Depends: "kernel-2"}, {Name: "kernel-2", Version: "2"},
		{Name: "app", Version: "2", Depends: "lib (>= 2)"}, {Name: "lib", Version: "2"}, {Name: "greedy", Version: "2", Conflicts: "victim"},
		{Name: "sick", Version: "2", Scripts: map[string]string{"postinst": "#!/bin/sh\nexit 7\n"}},
	}, one("plain", "held", "kept", "kernel", "app", "lib", "greedy", "victim", "sick"))
	if _, err := w.root.Apt(t.Context(), "apt-mark", "hold", "held"); err != nil {
		t.Fatal(err)
	}
	w.checkIn()
	upgradable, err := w.root.Upgradable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var needed []string
	for _, n := range w.server.last().Needed {
		needed = append(needed, n.Package+" "+n.Candidate)
	}
	slices.Sort(upgradable)
	if !slices.Equal(needed, upgradable) || len(needed) != 8 {
		t.Fatalf("needed %q\napt    %q", needed, upgradable)
	}
	closures := map[model.UpdateID]model.Closure{}
	for _, c := range w.server.last().Closures {
		closures[c.Update] = c
	}
	if c := closures[w.id("kernel", "2")]; len(c.Items) != 2 || c.Items[1].Reason+c.Items[0].Reason != model.ItemNew || len(c.Items[0].SHA256) != 32 {
		t.Errorf("the kernel's closure: %+v", c)
	}
	if c := closures[w.id("app", "2")]; !slices.Equal(c.Needs, []model.UpdateID{w.id("lib", "2")}) {
		t.Errorf("app's closure: %+v", c)
	}
	if c := closures[w.id("greedy", "2")]; !slices.Equal(c.Removes, []string{"victim"}) {
		t.Errorf("greedy's closure: %+v", c)
	}
	if c := closures[w.id("kept", "2")]; !strings.Contains(c.Error, "missing") {
		t.Errorf("kept's closure: %+v", c)
	}

	// Approved and due: exactly these are installed, the new dependency with them.
	for _, name := range []string{"plain", "kernel", "held", "greedy", "app", "kept"} {
		w.server.approved[w.id(name, "2")] = w.now
	}
	out := w.checkIn()
	slices.Sort(out.Installed)
	if want := []model.UpdateID{w.id("kernel", "2"), w.id("plain", "2")}; !slices.Equal(out.Installed, want) || len(out.Failed) != 0 {
		t.Fatalf("installed %q, failed %+v", out.Installed, out.Failed)
	}
	have := w.versions()
	for name, version := range map[string]string{"plain": "2", "kernel": "2", "kernel-2": "2", "held": "1", "greedy": "1", "victim": "1", "app": "1", "lib": "1", "kept": "1"} {
		if have[name] != version {
			t.Errorf("%s is %s, want %s", name, have[name], version)
		}
	}
	if r := w.server.last(); len(r.Foreign) != 0 || len(r.Needed) != 6 {
		t.Errorf("afterwards: foreign %q, needed %+v", r.Foreign, r.Needed)
	}
	if auto, _ := w.root.Apt(t.Context(), "apt-mark", "showauto"); strings.TrimSpace(auto) != "kernel-2" {
		t.Errorf("automatic: %q", auto)
	}

	// What app waited for is approved; sick fails by itself and stops nobody.
	w.server.approved[w.id("lib", "2")] = time.Time{}
	w.server.approved[w.id("sick", "2")] = w.now
	out = w.checkIn()
	have = w.versions()
	if have["app"] != "2" || have["lib"] != "2" || len(out.Failed) != 1 || out.Failed[0].Update != w.id("sick", "2") || !strings.Contains(out.Failed[0].Text, "exit status 7") {
		t.Errorf("app %s, lib %s, failed %+v", have["app"], have["lib"], out.Failed)
	}
	others := w.server.last().Others
	if i := slices.IndexFunc(others, func(n model.NeededPackage) bool { return n.Package == "sick" }); i < 0 || others[i].State != model.NeedBroken {
		t.Errorf("sick is half-configured: %+v", others)
	}

	// It stays failed, though apt has no upgrade for it any more, until it is repaired.
	w.checkIn()
	if f := w.server.last().Failures; len(f) != 1 || f[0].Update != w.id("sick", "2") {
		t.Errorf("failures while sick is broken: %+v", f)
	}
	if err := w.root.Write("var/lib/dpkg/info/sick.postinst", "#!/bin/sh\nexit 0\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.root.Dpkg(t.Context(), "--configure", "-a"); err != nil {
		t.Fatal(err)
	}
	w.checkIn()
	if f := w.server.last().Failures; len(f) != 0 {
		t.Errorf("failures after the repair: %+v", f)
	}
}

func TestRealRefusalOfAnExtra(t *testing.T) {
	w := newRealWorld(t, []archive.Package{{Name: "plain", Version: "2"}}, []archive.Package{{Name: "plain", Version: "1"}})
	w.server.approved[w.id("plain", "2")] = w.now
	// Between the plan and the installation, somebody makes plain depend on more.
	w.server.onDecide = func(r protocol.DecideRequest, _ *protocol.Decisions) {
		if !r.Final {
			return
		}
		if err := w.repo.Publish(archive.Suite{Codename: "test"}, archive.Package{Name: "plain", Version: "2", Depends: "extra"}, archive.Package{Name: "extra", Version: "1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.root.Apt(t.Context(), "apt-get", "update"); err != nil {
			t.Fatal(err)
		}
	}
	out := w.checkIn()
	if have := w.versions(); have["plain"] != "1" || have["extra"] != "" || len(out.Failed) != 1 || !strings.Contains(out.Failed[0].Text, "extra") {
		t.Errorf("%v, %+v", have, out.Failed)
	}
}
