package debian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"fettle/model"
	"fettle/sync/upstream"
)

// now is the time of all tests here.
var now = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

// fakeSuite is one suite of an archive that a fakeApt has lists of.
type fakeSuite struct {
	origin, label, codename, version string
	date                             time.Time
	more                             string            // further fields of the Release file
	lists                            map[string]string // by component: the text
	untrusted, unfetched             bool
	absent                           string // a component whose list is not there
	ending                           string // of compressed lists: ".lz4"
	unlisted                         bool   // the Release file lists only a compressed form
}

func (s *fakeSuite) base() string {
	return "http://mirror.example/" + s.origin + "/dists/" + s.codename + "/"
}

func (s *fakeSuite) stem() string {
	return "/lists/mirror.example_" + escape(s.origin+"/dists/"+s.codename) + "_"
}

// release writes the suite's Release file.
func (s *fakeSuite) release() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Origin: %s\nLabel: %s\nCodename: %s\nVersion: %s\nArchitectures: amd64\n%s", s.origin, s.label, s.codename, s.version, s.more)
	if !s.date.IsZero() {
		fmt.Fprintf(&b, "Date: %s\n", s.date.Format("Mon, 02 Jan 2006 15:04:05 MST"))
	}
	b.WriteString("SHA256:\n")
	for component, text := range s.lists {
		ending := ""
		if s.unlisted {
			ending = ".xz"
		}
		fmt.Fprintf(&b, " %x %d %s/binary-amd64/Packages%s\n", sha256.Sum256([]byte(text)), len(text), component, ending)
	}
	return b.String()
}

// fakeApt is an apt with its lists and its file system.
type fakeApt struct {
	t      testing.TB
	suites []*fakeSuite
	mu     sync.Mutex // two programs may run at once
	files  fstest.MapFS
	calls  []string
	opened []string // lists that were opened
	update func() (stdout, stderr string, code int)
	before func(call string) // is called before each program
}

// install writes what the suites say into the file system.
func (f *fakeApt) install() {
	f.files = fstest.MapFS{
		"lists/partial/x":               &fstest.MapFile{},
		"lists/partial":                 &fstest.MapFile{Mode: 0o755 | 1<<31, ModTime: now.Add(-75 * time.Hour)},
		strings.TrimPrefix(helper, "/"): &fstest.MapFile{},
	}
	for _, s := range f.suites {
		if s.unfetched {
			continue
		}
		f.files[inFS(s.stem()+"InRelease")] = &fstest.MapFile{Data: []byte(s.release())}
		for component, text := range s.lists {
			if component != s.absent {
				f.files[inFS(s.list(component))] = &fstest.MapFile{Data: []byte(text)}
			}
		}
	}
}

func (s *fakeSuite) list(component string) string {
	return s.stem() + escape(component) + "_binary-amd64_Packages" + s.ending
}

// open remembers a list that was opened.
func (f *fakeApt) open(name string) { f.opened = append(f.opened, name) }

func (f *fakeApt) Start(ctx context.Context, name string, args ...string) (io.ReadCloser, error) {
	call := strings.Join(append([]string{path.Base(name)}, args...), " ")
	f.mu.Lock()
	f.calls = append(f.calls, call)
	f.mu.Unlock()
	if f.before != nil {
		f.before(call)
	}
	switch {
	case strings.HasPrefix(call, "apt-config shell"):
		return finished("LISTS='/lists/'\n", nil), nil
	case strings.HasPrefix(call, "apt-get update"):
		out, stderr, code := "Hit:1 http://mirror.example stable InRelease\n", "", 0
		if f.update != nil {
			out, stderr, code = f.update()
		}
		if code != 0 {
			return finished(out, &ExitError{Program: "apt-get", Code: code, Stderr: stderr}), nil
		}
		return finished(out, nil), nil
	case strings.HasPrefix(call, "apt-get indextargets"):
		return finished(f.targets(slices.Contains(args, "--no-release-info")), nil), nil
	case strings.HasPrefix(call, "apt-helper cat-file"):
		f.open(args[1])
		data, err := f.files.ReadFile(inFS(args[1]))
		if err != nil {
			return nil, err
		}
		return finished(string(data), nil), nil
	}
	return nil, &exec.Error{Name: name, Err: exec.ErrNotFound}
}

func (f *fakeApt) targets(all bool) string {
	var b strings.Builder
	for _, s := range f.suites {
		for component := range s.lists {
			if !all && (s.unfetched || component == s.absent) {
				continue
			}
			ending := s.ending
			if all {
				ending = ""
			}
			key := component + "/binary-amd64/Packages"
			fmt.Fprintf(&b, "MetaKey: %s\nURI: %s%s\nFilename: %s\nBase-URI: %s\nComponent: %s\nArchitecture: amd64\n",
				key, s.base(), key, strings.TrimSuffix(s.list(component), s.ending)+ending, s.base(), component)
			if !all {
				trusted := "yes"
				if s.untrusted {
					trusted = "no"
				}
				fmt.Fprintf(&b, "Trusted: %s\n", trusted)
			}
			b.WriteString("Created-By: Packages\n\n")
		}
	}
	return b.String()
}

// finished is the output of a program that ended with an error or without.
func finished(out string, err error) io.ReadCloser {
	return &output{Reader: strings.NewReader(out), err: err}
}

type output struct {
	io.Reader
	err error
}

func (o *output) Close() error { return o.err }

// source makes a Source over the fake that does not refresh.
func (f *fakeApt) source(change ...func(*Options)) *Source {
	f.t.Helper()
	f.install()
	o := Options{Upstream: "here", Refresh: RefreshNever, Runner: f, Files: openedFS{f}, Now: func() time.Time { return now }}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// record is a sink that remembers what it is told.
type record struct {
	upstream.NoGenerations
	t          testing.TB
	calls      []string // in their order, shortened
	categories []model.Category
	updates    map[model.UpdateID]*model.Update
	complete   map[string]map[model.UpdateID]struct{}
	anchor     []byte
	failures   []string
	remarks    []string
	fail       string // the call that fails
}

func newRecord(t testing.TB) *record {
	return &record{t: t, updates: map[model.UpdateID]*model.Update{}, complete: map[string]map[model.UpdateID]struct{}{}}
}

func (r *record) call(what string) error {
	if len(r.calls) == 0 || r.calls[len(r.calls)-1] != what {
		r.calls = append(r.calls, what)
	}
	if r.fail != "" && strings.HasPrefix(what, r.fail) {
		return fmt.Errorf("the sink failed in %s", what)
	}
	return nil
}

func (r *record) Categories(_ context.Context, c []model.Category) error {
	r.categories = append(r.categories, c...)
	return r.call("categories")
}

func (r *record) Updates(_ context.Context, u []*model.Update) error {
	if len(u) == 0 || len(u) > upstream.BatchSize {
		r.t.Errorf("a batch of %d updates", len(u))
	}
	for _, x := range u {
		if x.Number != 0 || x.Revision != 0 || !x.Arrived.IsZero() || x.Upstream != "here" {
			r.t.Errorf("update %+v", x)
		}
		r.updates[x.ID] = x
	}
	return r.call("updates")
}

func (r *record) Complete(_ context.Context, scope string, present map[model.UpdateID]struct{}) error {
	r.complete[scope] = present
	return r.call("complete " + scope)
}

func (r *record) Anchor(_ context.Context, anchor []byte) error {
	r.anchor = bytes.Clone(anchor)
	return r.call("anchor")
}

func (r *record) Fail(item, reason string) { r.failures = append(r.failures, item+": "+reason) }
func (r *record) Remark(text string)       { r.remarks = append(r.remarks, text) }

// openedFS is the fake's file system as it is at the moment.
type openedFS struct{ fake *fakeApt }

func (o openedFS) Open(name string) (fs.File, error) {
	if strings.Contains(name, "Packages") {
		o.fake.open(name)
	}
	return o.fake.files.Open(name)
}

func (o openedFS) Stat(name string) (fs.FileInfo, error) { return o.fake.files.Stat(name) }

// packages writes a list of n packages, named after prefix.
func packages(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		name := fmt.Sprintf("%s%d", prefix, i)
		fmt.Fprintf(&b, "Package: %s\nVersion: 1.0\nArchitecture: amd64\nSection: misc\nDescription: about %s\nFilename: pool/%s.deb\nSize: 10\nSHA256: %x\n\n",
			name, name, name, sha256.Sum256([]byte(name)))
	}
	return b.String()
}

// fakes are two releases of two archives: Debian/bookworm with two suites, and
// Other/stable.
func fakes(t testing.TB) (f *fakeApt, main, security, other *fakeSuite) {
	main = &fakeSuite{origin: "Debian", label: "Debian", codename: "bookworm", version: "12.15", date: now.Add(-100 * 24 * time.Hour),
		lists: map[string]string{"main": packages("main", 1200), "contrib": packages("contrib", 3)}}
	security = &fakeSuite{origin: "Debian", label: "Debian-Security", codename: "bookworm-security", version: "12", date: now.Add(-24 * time.Hour),
		lists: map[string]string{"main": packages("main", 2) + packages("sec", 5)}}
	other = &fakeSuite{origin: "Other", label: "Other", codename: "stable", version: "1", date: now.Add(-48 * time.Hour),
		lists: map[string]string{"main": packages("other", 4)}}
	return &fakeApt{t: t, suites: []*fakeSuite{main, security, other}}, main, security, other
}
