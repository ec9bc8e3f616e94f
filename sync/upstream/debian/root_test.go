package debian

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// root is an apt in a directory of its own, and a signed archive that it is
// configured for.
type root struct {
	t       *testing.T
	dir     string // apt's
	archive string
	gpg     string
	options []string
}

// run runs a program that must succeed.
func (r *root) run(dir, name string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GNUPGHOME="+r.gpg)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r *root) write(path, text string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// newRoot prepares apt and the signing key, or skips.
func newRoot(t *testing.T) *root {
	for _, program := range []string{"apt-get", "apt-config", "dpkg-deb", "gpg", "gpgv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("a real apt and archive need ", program, ": ", err)
		}
	}
	// gpg's agent listens on a socket, whose path may be short only.
	home, err := os.MkdirTemp("", "fettle-gpg")
	if err != nil {
		t.Fatal(err)
	}
	r := &root{t: t, dir: t.TempDir(), archive: t.TempDir(), gpg: home}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	for _, d := range []string{"etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d",
		"var/lib/apt/lists/partial", "var/lib/dpkg", "var/cache/apt/archives/partial", "var/log/apt", "tmp"} {
		if err := os.MkdirAll(filepath.Join(r.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.write(filepath.Join(r.dir, "var/lib/dpkg/status"), "")
	r.options = []string{"Dir=" + r.dir, "Dir::State::status=" + filepath.Join(r.dir, "var/lib/dpkg/status"), "Dir::Etc::sourcelist=/dev/null",
		"APT::Architecture=amd64", "APT::Architectures=amd64", "APT::Sandbox::User=root",
		"Acquire::GzipIndexes=false"} // the computer's own configuration is read all the same
	r.run(r.dir, "gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Test <test@example.org>", "rsa2048", "sign", "never")
	r.write(filepath.Join(r.dir, "key.asc"), r.run(r.dir, "gpg", "--armor", "--export"))
	return r
}

// deb builds a binary package into the pool and gives its stanza.
func (r *root) deb(name, version string, control ...string) string {
	r.t.Helper()
	tree := r.t.TempDir()
	text := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nSection: misc\nMaintainer: Test <test@example.org>\nDescription: about %s\n", name, version, name)
	for _, c := range control {
		text += c + "\n"
	}
	r.write(filepath.Join(tree, "DEBIAN/control"), text)
	file := filepath.Join("pool", name+"_"+strings.ReplaceAll(version, ":", "%3a")+"_all.deb")
	if err := os.MkdirAll(filepath.Join(r.archive, "pool"), 0o755); err != nil {
		r.t.Fatal(err)
	}
	r.run(tree, "dpkg-deb", "-b", "--root-owner-group", tree, filepath.Join(r.archive, file))
	data, err := os.ReadFile(filepath.Join(r.archive, file))
	if err != nil {
		r.t.Fatal(err)
	}
	return text + fmt.Sprintf("Filename: %s\nSize: %d\nSHA256: %x\n\n", file, len(data), sha256.Sum256(data))
}

// publish writes and signs a suite.
func (r *root) publish(codename, label string, date time.Time, packages ...string) {
	r.t.Helper()
	dir := filepath.Join(r.archive, "dists", codename)
	text := strings.Join(packages, "")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(text))
	if err := z.Close(); err != nil {
		r.t.Fatal(err)
	}
	release := fmt.Sprintf("Origin: Proving Ground\nLabel: %s\nSuite: %s\nCodename: %s\nVersion: 1.2\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n",
		label, codename, codename, date.UTC().Format("Mon, 02 Jan 2006 15:04:05 MST"))
	for name, data := range map[string]string{"": text, ".gz": zipped.String()} {
		r.write(filepath.Join(dir, "main/binary-amd64/Packages"+name), data)
		release += fmt.Sprintf(" %x %d main/binary-amd64/Packages%s\n", sha256.Sum256([]byte(data)), len(data), name)
	}
	r.write(filepath.Join(dir, "Release"), release)
	r.run(dir, "gpg", "--batch", "--yes", "--clearsign", "-o", "InRelease", "Release")
	// HTTP compares times by the second, the test publishes twice in one.
	if err := os.Chtimes(filepath.Join(dir, "InRelease"), date, date); err != nil {
		r.t.Fatal(err)
	}
}

// source adds a source for apt.
func (r *root) source(name, address, suites string) {
	r.write(filepath.Join(r.dir, "etc/apt/sources.list.d", name+".sources"),
		fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n", address, suites, filepath.Join(r.dir, "key.asc")))
}

// synchronize runs a Source over the root.
func (r *root) synchronize(anchor []byte, more ...string) (*record, error) {
	r.t.Helper()
	s, err := New(Options{Upstream: "here", Apt: slices.Concat(r.options, more), Refresh: RefreshAlways})
	if err != nil {
		r.t.Fatal(err)
	}
	sink := newRecord(r.t)
	return sink, s.Synchronize(r.t.Context(), anchor, sink, nil)
}

// TestRealApt drives a real apt in a root of its own against an archive that is
// built and signed here, over HTTP.
func TestRealApt(t *testing.T) {
	r := newRoot(t)
	server := httptest.NewServer(http.FileServer(http.Dir(r.archive)))
	defer server.Close()
	r.source("good", server.URL, "anvil anvil-security")
	start := time.Now().Add(-time.Hour)

	hammer, tongs := r.deb("hammer", "1:1.0-1"), r.deb("tongs", "1.0-1+b2", "Source: smithy (1.0-1)")
	r.publish("anvil", "Proving", start, hammer, tongs)
	r.publish("anvil-security", "Proving-Security", start, r.deb("hammer", "1:1.0-1+sec1"))
	sink, err := r.synchronize(nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := func(s *record) (list []string) {
		for id, u := range s.updates {
			list = append(list, strings.TrimPrefix(string(id), "deb/Proving Ground/anvil/")+" "+u.Class.String())
		}
		slices.Sort(list)
		return list
	}
	if got, want := ids(sink), []string{"hammer/1:1.0-1 update", "hammer/1:1.0-1+sec1 security", "smithy/1.0-1 update"}; !slices.Equal(got, want) {
		t.Errorf("updates %q, want %q", got, want)
	}
	if len(sink.failures) != 0 || len(sink.remarks) != 0 || sink.categories[0].Title != "Proving Ground 1.2 (anvil)" {
		t.Errorf("failures %q, remarks %q, categories %+v", sink.failures, sink.remarks, sink.categories)
	}

	// Unchanged.
	anchor := sink.anchor
	if sink, err = r.synchronize(anchor); err != nil || len(sink.calls) != 0 {
		t.Errorf("unchanged: %v, calls %q", err, sink.calls)
	}

	// A new version replaces one, lists are kept compressed from now on.
	r.publish("anvil-security", "Proving-Security", start.Add(time.Minute), r.deb("hammer", "1:1.0-1+sec2"))
	sink, err = r.synchronize(anchor, "Acquire::GzipIndexes=true")
	if err != nil || !slices.Contains(ids(sink), "hammer/1:1.0-1+sec2 security") {
		t.Fatalf("changed: %v, %q", err, ids(sink))
	}
	if _, ok := sink.complete["deb/Proving Ground/anvil/"][model.DebianID("Proving Ground", "anvil", "hammer", "1:1.0-1+sec1")]; ok {
		t.Error("the version that left is present")
	}
	anchor = sink.anchor
	if kept, err := filepath.Glob(filepath.Join(r.dir, "var/lib/apt/lists/*Packages.*")); err != nil || len(kept) == 0 {
		t.Errorf("no list is compressed, the test misses its purpose: %v", err)
	}

	// A source that cannot be reached, and one that nobody signed: both are
	// reported, the good one goes on.
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	r.source("dead", dead.URL, "stable")
	r.write(filepath.Join(r.archive, "dists/unsigned/Release"), "Origin: Evil\nCodename: unsigned\n")
	r.source("unsigned", server.URL, "unsigned")
	sink, err = r.synchronize(anchor, "Acquire::GzipIndexes=true")
	if err != nil || len(sink.updates) != 0 {
		t.Errorf("with a dead source: %v, %q", err, ids(sink))
	}
	all := strings.Join(sink.failures, "\n")
	if !strings.Contains(all, dead.URL) || !strings.Contains(all, "unsigned") || !strings.Contains(strings.Join(sink.remarks, ""), "could not be refreshed") {
		t.Errorf("failures %q, remarks %q", sink.failures, sink.remarks)
	}
	for _, name := range []string{"dead", "unsigned"} {
		if err := os.Remove(filepath.Join(r.dir, "etc/apt/sources.list.d", name+".sources")); err != nil {
			t.Fatal(err)
		}
	}

	// A list that was cut off, and one that was tampered with: nothing is sent,
	// and the remedy that is named helps.
	offline, err := New(Options{Upstream: "here", Apt: r.options, Refresh: RefreshNever})
	if err != nil {
		t.Fatal(err)
	}
	damage := func(change func(file string)) {
		lists, err := filepath.Glob(filepath.Join(r.dir, "var/lib/apt/lists/*anvil_main_binary-amd64_Packages*"))
		if err != nil || len(lists) != 1 {
			t.Fatal(lists, err)
		}
		change(lists[0])
		sink := newRecord(t)
		err = offline.Synchronize(t.Context(), nil, sink, nil)
		if err == nil || !strings.Contains(err.Error(), "apt-get update") || !strings.Contains(err.Error(), lists[0]) || len(sink.calls) != 0 {
			t.Errorf("a damaged list: %v, calls %q", err, sink.calls)
		}
		t.Logf("a damaged list: %v", err)
		if err := os.Remove(lists[0]); err != nil {
			t.Fatal(err)
		}
		if sink, err = r.synchronize(nil); err != nil || len(sink.updates) != 3 {
			t.Errorf("repaired: %v, calls %q", err, sink.calls)
		}
	}
	damage(func(file string) {
		if err := os.Truncate(file, 100); err != nil {
			t.Fatal(err)
		}
	})
	damage(func(file string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r.write(file, strings.Replace(string(text), "about hammer", "ABOUT hammer", 1))
	})
}
