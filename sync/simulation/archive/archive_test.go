package archive

import (
	"slices"
	"strings"
	"testing"
)

func TestAptAcceptsTheArchive(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	if err := CanSign(); err != nil {
		t.Skip(err)
	}
	ctx := t.Context()
	repo, err := NewRepository(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	root, err := NewRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Publish(Suite{Codename: "test"}, Package{Name: "alpha", Version: "1:2.0-1", Arch: "all"}, Package{Name: "beta", Version: "1.0"}); err != nil {
		t.Fatal(err)
	}
	if err := root.AddSource(repo, "", "test"); err != nil {
		t.Fatal(err)
	}
	if err := root.Install(ctx, Package{Name: "alpha", Version: "1:1.0-1", Arch: "all"}, Package{Name: "beta", Version: "1.0"}); err != nil {
		t.Fatal(err)
	}
	if out, err := root.Apt(ctx, "apt-get", "update"); err != nil || strings.Contains(out, "W:") {
		t.Fatal(out, err)
	}
	got, err := root.Upgradable(ctx)
	if err != nil || !slices.Equal(got, []string{"alpha 1:2.0-1"}) {
		t.Fatalf("upgradable: %q, %v", got, err)
	}
	if _, err := root.Apt(ctx, "apt-get", "-y", "install", "alpha=1:2.0-1"); err != nil {
		t.Fatal(err)
	}
	if v, err := root.Read("usr/share/doc/alpha/version"); v != "1:2.0-1\n" {
		t.Fatalf("installed version file: %q, %v", v, err)
	}
}

func TestBuildIsDeterministic(t *testing.T) {
	p := Package{Name: "a", Version: "1", Size: 5000, Files: map[string]string{"usr/bin/a": "x"}, Conffiles: map[string]string{"etc/a": "y"}}
	one, err := p.Build()
	two, _ := p.Build()
	if err != nil || string(one) != string(two) {
		t.Fatal("the same package was built differently", err)
	}
}
