package installer

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fettle/model"
	"fettle/sync/agent/apt"
	"fettle/sync/simulation/archive"
)

// TestMain lets the test binary be the installer, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "agent" && os.Args[2] == "installer" {
		os.Exit(Main(os.Args[3:], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

type bench struct {
	*testing.T
	root   *archive.Root
	repo   *archive.Repository
	config Config
}

func newBench(t *testing.T, published []archive.Package, installed ...archive.Package) *bench {
	t.Helper()
	for _, err := range []error{archive.Available(), archive.CanSign()} {
		if err != nil {
			t.Skip(err)
		}
	}
	repo, err := archive.NewRepository(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { repo.Close() })
	root, err := archive.NewRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, root: root, repo: repo, config: Config{Root: root.Dir, Apt: root.AptOptions(), Dpkg: root.DpkgOptions(), Prefix: archive.Prefix(), LockTimeout: 1}}
	for _, err := range []error{repo.Publish(archive.Suite{Codename: "test"}, published...), root.AddSource(repo, "", "test"), root.Install(t.Context(), installed...)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := root.Apt(t.Context(), "apt-get", "update"); err != nil {
		t.Fatal(err)
	}
	return b
}

// do runs an installer process of its own.
func (b *bench) do(o Order) Result {
	b.Helper()
	c := Client{Command: Command(os.Args[0], false, b.config.Options()...)}
	r, err := c.Do(b.Context(), o, func(p model.Progress) { b.Log(p.Phase, p.Done) })
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%+v", r)
	return r
}

func (b *bench) version(name string) string {
	b.Helper()
	list, err := apt.New(apt.Options{Root: b.root.Dir}).Installed()
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range list {
		if p.Name == name {
			return p.Version
		}
	}
	return ""
}

func item(name, arch, from, to string) model.PlanItem {
	it := model.PlanItem{Package: name, Arch: arch, From: from, To: to}
	if from == "" {
		it.Reason = model.ItemNew
	}
	return it
}

func TestInstallExactly(t *testing.T) {
	b := newBench(t, []archive.Package{
		{Name: "app", Version: "1:2", Depends: "fresh", Conffiles: map[string]string{"etc/app.conf": "new\n"}},
		{Name: "fresh", Version: "1"}, {Name: "general", Version: "2", Arch: "all"}, {Name: "other", Version: "2"},
	}, archive.Package{Name: "app", Version: "1:1", Conffiles: map[string]string{"etc/app.conf": "old\n"}}, archive.Package{Name: "general", Version: "1", Arch: "all"}, archive.Package{Name: "other", Version: "1"})
	if err := b.root.Write("etc/app.conf", "edited here\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.root.Apt(t.Context(), "apt-mark", "auto", "general"); err != nil {
		t.Fatal(err)
	}
	if r := b.do(Order{Verb: Install, Plan: 1, Items: []model.PlanItem{item("app", "amd64", "1:1", "1:2")}}); r.OK || !r.Refused || !strings.Contains(r.Text, "fresh") {
		t.Fatalf("a new package outside the plan was not refused: %+v", r)
	}
	items := []model.PlanItem{item("app", "amd64", "1:1", "1:2"), item("fresh", "amd64", "", "1"), item("general", "all", "1", "2")}
	if r := b.do(Order{Verb: Download, Plan: 2, Items: items}); !r.OK || b.version("app") != "1:1" {
		t.Fatalf("download: %+v, app is %s", r, b.version("app"))
	}
	r := b.do(Order{Verb: Install, Plan: 2, Items: items})
	if !r.OK || b.version("app") != "1:2" || b.version("fresh") != "1" || b.version("general") != "2" || b.version("other") != "1" {
		t.Fatalf("install: %+v; app %s, fresh %s, general %s, other %s", r, b.version("app"), b.version("fresh"), b.version("general"), b.version("other"))
	}
	if !slices.Equal(r.Conffiles, []string{"/etc/app.conf.dpkg-dist"}) {
		t.Errorf("conffiles: %q", r.Conffiles)
	}
	if text, _ := b.root.Read("etc/app.conf"); text != "edited here\n" {
		t.Errorf("the local configuration became %q", text)
	}
	out, err := b.root.Apt(t.Context(), "apt-mark", "showauto")
	if err != nil || !slices.Equal(strings.Fields(out), []string{"fresh", "general"}) {
		t.Errorf("automatic: %q, %v", out, err)
	}
}

func TestRefusesAWrongDigest(t *testing.T) {
	b := newBench(t, []archive.Package{{Name: "app", Version: "2"}}, archive.Package{Name: "app", Version: "1"})
	it := item("app", "amd64", "1", "2")
	it.SHA256 = make([]byte, 32)
	if r := b.do(Order{Verb: Install, Items: []model.PlanItem{it}}); r.OK || r.Code != "verification" || b.version("app") != "1" {
		t.Errorf("%+v", r)
	}
	// An archive that was exchanged on disk, of the same size, is found as well.
	deb := filepath.Join(b.repo.Dir, "pool/main/app_2_amd64.deb")
	body, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)-5] ^= 1
	if err := os.WriteFile(deb, body, 0o644); err != nil {
		t.Fatal(err)
	}
	it.SHA256 = nil
	if r := b.do(Order{Verb: Install, Items: []model.PlanItem{it}}); r.OK || r.Code != "verification" || b.version("app") != "1" {
		t.Errorf("%+v", r)
	}
}

func TestRepairsAnInterruptedDpkg(t *testing.T) {
	b := newBench(t, []archive.Package{{Name: "app", Version: "2"}}, archive.Package{Name: "app", Version: "1"})
	if err := b.root.Write("var/lib/dpkg/updates/0000", ""); err != nil {
		t.Fatal(err)
	}
	if r := b.do(Order{Verb: Install, Items: []model.PlanItem{item("app", "amd64", "1", "2")}}); !r.OK || !r.Repaired || b.version("app") != "2" {
		t.Errorf("%+v", r)
	}
}

func TestReportsAFailingScript(t *testing.T) {
	b := newBench(t, []archive.Package{{Name: "app", Version: "2", Scripts: map[string]string{"postinst": "#!/bin/sh\necho no luck\nexit 3\n"}}}, archive.Package{Name: "app", Version: "1"})
	r := b.do(Order{Verb: Install, Items: []model.PlanItem{item("app", "amd64", "1", "2")}})
	if r.OK || r.Refused || !strings.Contains(r.Text, "exit status 3") || !strings.Contains(r.Output, "no luck") {
		t.Errorf("%+v", r)
	}
}

func TestRefusesWhenTheDiskIsFull(t *testing.T) {
	b := newBench(t, []archive.Package{{Name: "app", Version: "2", Size: 1 << 20}}, archive.Package{Name: "app", Version: "1"})
	s := &server{config: b.config, tell: func(Message) {}}
	s.config.Free = func(string) (uint64, uint64, error) { return 1 << 20, 1, nil }
	s.setup()
	r := s.carryOut(context.Background(), Order{Verb: Install, Items: []model.PlanItem{item("app", "amd64", "1", "2")}})
	if r.OK || r.Code != "space" || b.version("app") != "1" {
		t.Errorf("%+v", r)
	}
}

// overHTTP serves the archive on loopback and configures it in the root's apt.
func (b *bench) overHTTP(deb func(http.ResponseWriter, *http.Request)) {
	b.Helper()
	files := http.FileServer(http.Dir(b.repo.Dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".deb") && deb != nil {
			deb(w, r)
			return
		}
		files.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	if err := b.root.AddSource(b.repo, server.URL, "test"); err != nil {
		b.Fatal(err)
	}
	if _, err := b.root.Apt(b.Context(), "apt-get", "update"); err != nil {
		b.Fatal(err)
	}
}

func TestInstallOverTheNetwork(t *testing.T) {
	b := newBench(t, []archive.Package{{Name: "app", Version: "1:2", Size: 4096}}, archive.Package{Name: "app", Version: "1:1"})
	b.overHTTP(nil)
	o := Order{Verb: Download, Items: []model.PlanItem{item("app", "amd64", "1:1", "1:2")}}
	if r := b.do(o); !r.OK {
		t.Fatalf("download: %+v", r)
	}
	// The dangerous part needs no network: what is downloaded is enough.
	b.overHTTP(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "gone", http.StatusGone) })
	o.Verb = Install
	if r := b.do(o); !r.OK || b.version("app") != "1:2" {
		t.Errorf("install: %+v", r)
	}
}

func TestACancelledDownloadStops(t *testing.T) {
	b := newBench(t, []archive.Package{{Name: "app", Version: "2"}}, archive.Package{Name: "app", Version: "1"})
	ctx, cancel := context.WithCancel(t.Context())
	b.overHTTP(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done() // until apt-get is gone
	})
	c := Client{Command: Command(os.Args[0], false, b.config.Options()...)}
	r, err := c.Do(ctx, Order{Verb: Install, Items: []model.PlanItem{item("app", "amd64", "1", "2")}}, nil)
	if err != nil || r.OK || !strings.Contains(r.Text, "stopped") || b.version("app") != "1" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestSilenceIsTold(t *testing.T) {
	b := newBench(t, []archive.Package{{Name: "app", Version: "2"}}, archive.Package{Name: "app", Version: "1"})
	told := make(chan string, 1000)
	s := &server{config: b.config, tell: func(m Message) { told <- m.Text }}
	s.config.Silence = 1
	s.setup()
	if r := s.carryOut(context.Background(), Order{Verb: Install, Items: []model.PlanItem{item("app", "amd64", "1", "2")}}); !r.OK {
		t.Fatalf("%+v", r)
	}
	close(told)
	for text := range told {
		if strings.Contains(text, "said nothing") {
			return
		}
	}
	t.Error("nobody was told")
}

func TestClientSaysWhatIsNeeded(t *testing.T) {
	o := Order{Verb: Install, Items: []model.PlanItem{item("app", "amd64", "1", "2")}}
	for _, c := range []Client{{Command: []string{"fettle-no-such-program"}}, {Command: []string{"sh", "-c", "echo sudo: a password is required >&2; exit 1"}}} {
		_, err := c.Do(t.Context(), o, nil)
		var refusal *model.Refusal
		if !errors.As(err, &refusal) || refusal.Code != "privilege" || !strings.Contains(refusal.Remedy, "sudo") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := (Client{Command: []string{"sh", "-c", "exit 1"}}).Do(t.Context(), o, nil); err == nil {
		t.Error("an installer that said nothing was believed")
	}
}
