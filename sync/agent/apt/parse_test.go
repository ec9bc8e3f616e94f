package apt

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fettle/model"
)

func TestParseStatus(t *testing.T) {
	const text = `Package: tzdata
Status: install ok installed
Architecture: all
Version: 2025b-0+deb12u2
Conffiles:
 /etc/tz 0123

Package: libc6
Status: hold ok installed
Architecture: i386
Source: glibc
Version: 2.36-9+deb12u10

Package: bash
Status: install ok half-configured
Architecture: amd64
Source: bash (5.2.15-2)
Version: 5.2.15-2+b8

Package: old
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: trig
Status: install ok triggers-awaited
Architecture: amd64
Version: 1:1
`
	got, err := ParseStatus(strings.NewReader(text))
	want := []model.InstalledPackage{
		{Name: "bash", Arch: "amd64", Version: "5.2.15-2+b8", SourceVersion: "5.2.15-2", State: model.PackageHalfConfigured},
		{Name: "libc6", Arch: "i386", Version: "2.36-9+deb12u10", Source: "glibc", Held: true},
		{Name: "trig", Arch: "amd64", Version: "1:1", State: model.PackageTriggers},
		{Name: "tzdata", Arch: "all", Version: "2025b-0+deb12u2"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, bad := range []string{
		"Package: a\nStatus: install ok\nVersion: 1\nArchitecture: all\n",
		"Package: a\nStatus: install ok unheard-of\nVersion: 1\nArchitecture: all\n",
		"Package: a;rm\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n",
		" continuation\n", "no field\n", "Package: a\nPackage: b\n",
	} {
		if _, err := ParseStatus(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestParseIndexes(t *testing.T) {
	const text = `Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://deb.example/debian bookworm/main amd64 Packages
     release v=12.1,o=Odd, Inc.,a=stable,n=bookworm,l=Debian,c=main,b=amd64
     origin deb.example
 -10 http://deb.example/debian sid/main amd64 Packages
     release o=Debian,a=unstable,n=sid,l=Debian,c=main,b=amd64
     origin deb.example
Pinned packages:
     apt -> 2 with priority 900
`
	got := ParseIndexes(text)
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	want := model.PackageSource{Archive: "Odd, Inc.", Codename: "bookworm", Suite: "stable", Label: "Debian", Component: "main", Arch: "amd64", Priority: 500, Site: "deb.example"}
	if got[0].PackageSource != want || got[0].Description != "http://deb.example/debian bookworm/main amd64 Packages" || got[1].Priority != -10 {
		t.Errorf("%+v", got)
	}
}

func TestParsePolicies(t *testing.T) {
	const text = `phased:
  Installed: 1
  Candidate: 2
  Version table:
     2 500 (phased 10%)
        500 http://e/d test/main amd64 Packages
        -1 http://e/d other/main amd64 Packages
 *** 1 1001
        100 /var/lib/dpkg/status
libc6:i386:
  Installed: (none)
  Candidate: (none)
  Package pin: 2
  Version table:
`
	got, err := ParsePolicies(text)
	want := []Policy{
		{Package: "phased", Installed: "1", Candidate: "2", Versions: []Version{
			{Version: "2", Priority: 500, Phased: 10, Indexes: []string{"http://e/d test/main amd64 Packages", "http://e/d other/main amd64 Packages"}},
			{Version: "1", Priority: 1001, Phased: 100, Current: true, Indexes: []string{"/var/lib/dpkg/status"}}}},
		{Package: "libc6:i386"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParsePolicies("N: Unable to locate package x\n"); err == nil {
		t.Error("a message was taken for a package")
	}
}

func TestParseSimulation(t *testing.T) {
	const text = `The following packages have been kept back:
  a b
  c
The following packages will be upgraded:
  d
Remv victim [1] [remover:amd64 ]
Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.1/stable, Debian-Security:12/stable-security [i386]) [libc6:amd64 on libc6:i386]
Inst fresh (1:2~rc1 Odd (Label):12/x [all]) []
Inst local [1] (2 [amd64])
Conf fresh (1 L:x [all])
`
	got, err := ParseSimulation(text)
	want := &Simulation{Kept: []string{"a", "b", "c"}, Remove: []Change{{Package: "victim", From: "1"}}, Install: []Change{
		{"libc6", "i386", "2.36-9", "2.36-10"}, {"fresh", "all", "", "1:2~rc1"}, {"local", "amd64", "1", "2"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"Inst what\n", "Inst x (1;rm L [amd64])\n", "Remv x\n"} {
		if _, err := ParseSimulation(bad); err == nil {
			t.Errorf("%q was overlooked", bad)
		}
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		out  string
		code string
	}{
		{"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1234 (apt-get)", "lock"},
		{"E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.", "interrupted"},
		{"E: You don't have enough free space in /var/cache/apt/archives/.", "disk-full"},
		{"E: Failed to fetch http://x  Hash Sum mismatch", "verification"},
		{"E: Failed to fetch http://x  Could not resolve 'x'", "download"},
		{"E: Version '7' for 'plain' was not found", "version-gone"},
		{"The following packages have unmet dependencies:\n a : Depends: b but it is not installable\nE: Unable to correct problems, you have held broken packages.", "dependencies"},
		{"E: something new", "apt-100"},
	} {
		f := Classify(Result{Code: 100, Stderr: c.out})
		if f == nil || f.Code != c.code || f.Text == "" || strings.Contains(f.Text, "\n") {
			t.Errorf("%q: %+v, want %s", c.out, f, c.code)
		}
	}
	if f := Classify(Result{Stderr: "W: something"}); f != nil {
		t.Errorf("success became %v", f)
	}
}

func TestParseRefresh(t *testing.T) {
	const text = `Hit:1 http://deb.example/debian bookworm InRelease
Err:2 http://gone.example/debian bookworm InRelease
  Could not resolve 'gone.example'
Reading package lists...
W: Failed to fetch http://gone.example/debian/dists/bookworm/InRelease  Could not resolve 'gone.example'
W: Some index files failed to download. They have been ignored, or old ones used instead.
E: Release file for http://old.example/debian/dists/bookworm/InRelease is expired (invalid since 3d). Updates for this repository will not be applied.
`
	got := ParseRefresh(text)
	want := []SourceFailure{
		{"http://gone.example/debian bookworm", "Could not resolve 'gone.example'"},
		{"http://old.example/debian bookworm", "is expired (invalid since 3d). Updates for this repository will not be applied."},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestSamples runs the parsers over the output of real computers.
func TestSamples(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "samples", "linux", "apt-output")
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Skip("the shared samples are not here: ", err)
		}
		return string(b)
	}
	sim, err := ParseSimulation(read("apt-get-s-dist-upgrade.txt"))
	if err != nil || len(sim.Install) != 124 || len(sim.Remove) != 0 {
		t.Errorf("dist-upgrade: %v", err)
	}
	policies, err := ParsePolicies(read("apt-cache-policy-pkgs.txt"))
	if err != nil || len(policies) < 3 || policies[0].Package != "openssl" || policies[0].Candidate != "3.0.22-1~deb12u2" || len(policies[0].Versions) != 4 {
		t.Errorf("policies: %+v, %v", policies, err)
	}
	if indexes := ParseIndexes(read("apt-cache-policy.txt")); len(indexes) != 3 || indexes[0].Label != "Debian-Security" {
		t.Errorf("indexes: %+v", indexes)
	}
}

func FuzzParsers(f *testing.F) {
	f.Add("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n")
	f.Add("Inst a [1] (2 L:x [amd64])\nRemv b [1]\n")
	f.Add(" 500 http://x y/main amd64 Packages\n     release o=A,n=b\n")
	f.Add("a:\n  Installed: 1\n  Candidate: 2\n  Version table:\n     2 500\n        500 http://x\n")
	f.Fuzz(func(t *testing.T, text string) {
		if list, err := ParseStatus(strings.NewReader(text)); err == nil {
			for _, p := range list {
				if model.CheckPackage(p.Name, p.Arch, p.Version) != nil {
					t.Errorf("a hostile package came through: %+v", p)
				}
			}
		}
		if sim, err := ParseSimulation(text); err == nil {
			for _, c := range sim.Install {
				if model.CheckPackage(c.Package, c.Arch, c.To) != nil {
					t.Errorf("a hostile change came through: %+v", c)
				}
			}
		}
		ParsePolicies(text)
		ParseIndexes(text)
		ParseRefresh(text)
		Classify(Result{Code: 1, Stdout: text})
	})
}
