package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/upstream"
)

// initial runs a first synchronization that must succeed, and gives its anchor.
func initial(t *testing.T, f *fakeApt) []byte {
	t.Helper()
	sink := newRecord(t)
	if err := f.source().Synchronize(t.Context(), nil, sink, nil); err != nil {
		t.Fatal(err)
	}
	f.opened, f.calls = nil, nil
	return sink.anchor
}

// again runs one more and gives what the sink saw.
func again(t *testing.T, f *fakeApt, anchor []byte, change ...func(*Options)) (*record, error) {
	t.Helper()
	sink := newRecord(t)
	err := f.source(change...).Synchronize(t.Context(), anchor, sink, nil)
	return sink, err
}

func force(o *Options) { o.Force = true }

var (
	debianCalls = []string{"categories", "updates", "complete deb/Debian/bookworm/", "anchor"}
	otherCalls  = []string{"categories", "updates", "complete deb/Other/stable/", "anchor"}
)

func TestInitial(t *testing.T) {
	f, main, _, _ := fakes(t)
	sink := newRecord(t)
	var phases []string
	err := f.source().Synchronize(t.Context(), nil, sink, func(p model.Progress) {
		if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
		if p.Total > 0 && p.Done > p.Total || !p.Since.Equal(now) {
			t.Errorf("progress %+v", p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Concat(debianCalls, otherCalls); !slices.Equal(sink.calls, want) {
		t.Errorf("calls %q, want %q", sink.calls, want)
	}
	if want := []string{"Reading bookworm/contrib", "Reading bookworm/main", "Reading bookworm-security/main", "Storing Debian/bookworm",
		"Reading stable/main", "Storing Other/stable"}; !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
	if len(sink.updates) != 1200+3+5+4 || len(sink.complete["deb/Debian/bookworm/"]) != 1208 || len(sink.failures) != 0 {
		t.Errorf("%d updates, %d present, failures %q", len(sink.updates), len(sink.complete["deb/Debian/bookworm/"]), sink.failures)
	}
	u := sink.updates["deb/Debian/bookworm/main0/1.0"]
	if u.Class != model.ClassSecurity || !slices.Equal(u.Debian.Suites, []string{"bookworm", "bookworm-security"}) || !u.Released.Equal(main.date) {
		t.Errorf("an update of two suites: %+v %+v", u, u.Debian)
	}
	if u := sink.updates["deb/Debian/bookworm/main5/1.0"]; u.Class != model.ClassUpdate {
		t.Errorf("an update of the main suite: %+v", u)
	}
	if c := sink.categories[0]; c.Title != "Debian 12 (bookworm)" || c.Upstream != "here" {
		t.Errorf("category %+v", c)
	}
	if want := "apt's lists were used as they are, since refreshing is switched off: apt last asked for them 3 days ago, the newest is of 2026-11-21 15:00 UTC."; !slices.Equal(sink.remarks, []string{want}) {
		t.Errorf("remarks %q", sink.remarks)
	}
}

// TestUnchanged: nothing is read, nothing is sent. A Release file that was only
// signed again moves the anchor, nothing else.
func TestUnchanged(t *testing.T) {
	f, _, security, _ := fakes(t)
	anchor := initial(t, f)
	sink, err := again(t, f, anchor)
	if err != nil || len(sink.calls) != 0 || len(f.opened) != 0 {
		t.Errorf("%v; the sink saw %q, lists opened: %q", err, sink.calls, f.opened)
	}
	security.date = security.date.Add(time.Hour)
	sink, err = again(t, f, anchor)
	if err != nil || !slices.Equal(sink.calls, []string{"anchor"}) || len(f.opened) != 0 {
		t.Errorf("%v; the sink saw %q, lists opened: %q", err, sink.calls, f.opened)
	}
	if security.date = security.date.Add(-time.Minute); true {
		if _, err := again(t, f, sink.anchor); err == nil {
			t.Error("the new anchor does not know the new date")
		}
	}
}

// TestChanged: one list of a release brings all updates of that release, and
// none of another.
func TestChanged(t *testing.T) {
	f, _, security, _ := fakes(t)
	anchor := initial(t, f)
	security.lists["main"] = packages("sec", 7)
	security.date = now
	sink, err := again(t, f, anchor)
	if err != nil || !slices.Equal(sink.calls, debianCalls) || len(sink.updates) != 1200+3+7 || len(f.opened) != 3 {
		t.Errorf("%v; calls %q, %d updates, opened %q", err, sink.calls, len(sink.updates), f.opened)
	}
	if u := sink.updates["deb/Debian/bookworm/main0/1.0"]; u.Class != model.ClassUpdate || len(u.Debian.Suites) != 1 {
		t.Errorf("an update that left the security suite: %+v", u)
	}
	// What a suite says of itself is part of the mapping too.
	security.label, security.codename = "Debian", "bookworm-updates"
	if sink, err = again(t, f, sink.anchor); err != nil || sink.updates["deb/Debian/bookworm/sec0/1.0"].Class != model.ClassUpdate {
		t.Errorf("%v; calls %q", err, sink.calls)
	}
}

// TestRefused: what is wrong with one release changes nothing of it, is reported
// with its remedy, and lets the other release through.
func TestRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(main, security *fakeSuite, f *fakeApt)
		after  func(f *fakeApt) // behind install: damages files
		want   string
		forced bool // force accepts it
	}{
		{"truncated list", nil, func(f *fakeApt) {
			file := f.files[inFS(f.suites[0].list("main"))]
			file.Data = file.Data[:len(file.Data)/2]
		}, "it ends after", false},
		{"a byte changed", nil, func(f *fakeApt) {
			file := f.files[inFS(f.suites[0].list("main"))]
			file.Data = append([]byte(nil), file.Data...)
			file.Data[100] ^= 1
		}, "SHA-256 differs", false},
		{"older than before", func(main, security *fakeSuite, f *fakeApt) { security.date = security.date.Add(-time.Hour) }, nil, "older than that of the last synchronization", true},
		{"no date any more", func(main, security *fakeSuite, f *fakeApt) { security.date = time.Time{} }, nil, "older than that of the last synchronization", true},
		{"half of the packages", func(main, security *fakeSuite, f *fakeApt) { main.lists["main"] = packages("main", 600) }, nil, "had 1200 in the last synchronization", true},
		{"emptied", func(main, security *fakeSuite, f *fakeApt) { main.lists["main"] = "" }, nil, "has 0 packages", true},
		{"a list is missing", func(main, security *fakeSuite, f *fakeApt) { main.absent = "contrib" }, nil, "is missing", false},
		{"a suite is missing", func(main, security *fakeSuite, f *fakeApt) { security.unfetched = true }, nil, "is missing or no longer trusted", false},
		{"no longer trusted", func(main, security *fakeSuite, f *fakeApt) { security.untrusted = true }, nil, "is missing or no longer trusted", false},
		{"damaged InRelease", nil, func(f *fakeApt) {
			f.files[inFS(f.suites[1].stem()+"InRelease")].Data = []byte("Origin")
		}, "is missing or no longer trusted", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, main, security, other := fakes(t)
			anchor := initial(t, f)
			main.lists["main"] += packages("new", 1)
			other.lists["main"] = packages("other", 5)
			main.date, other.date = now, now
			if test.change != nil {
				test.change(main, security, f)
			}
			run := func(change ...func(*Options)) (*record, error) {
				sink, s := newRecord(t), f.source(change...)
				if test.after != nil {
					test.after(f)
				}
				return sink, s.Synchronize(t.Context(), anchor, sink, nil)
			}
			sink, err := run()
			if err == nil || !strings.Contains(err.Error(), "Debian/bookworm: ") || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "apt-get update") {
				t.Errorf("error %v", err)
			}
			if !slices.Equal(sink.calls, otherCalls) {
				t.Errorf("calls %q", sink.calls)
			}
			if !slices.ContainsFunc(sink.failures, func(f string) bool { return strings.HasPrefix(f, "Debian/bookworm: ") }) {
				t.Errorf("failures %q", sink.failures)
			}
			// The next run takes up where this one failed.
			before, _ := decodeAnchor(anchor)
			after, _ := decodeAnchor(sink.anchor)
			if !before.Releases["Debian/bookworm"].sameLists(after.Releases["Debian/bookworm"]) || len(after.Releases) != 2 {
				t.Errorf("the anchor moved: %s", sink.anchor)
			}
			if _, err := run(force); (err == nil) != test.forced {
				t.Errorf("forced: %v", err)
			}
		})
	}
}

// TestSmallSuiteMayEmpty: a point release empties the "-updates" suite.
func TestSmallSuiteMayEmpty(t *testing.T) {
	f, _, security, _ := fakes(t)
	anchor := initial(t, f)
	security.lists["main"] = ""
	if sink, err := again(t, f, anchor); err != nil || !slices.Equal(sink.calls, debianCalls) {
		t.Errorf("%v, calls %q", err, sink.calls)
	}
}

// TestUnusableSources: a source that was never fetched, is not trusted or has a
// hostile name is reported; the others are read.
func TestUnusableSources(t *testing.T) {
	for name, change := range map[string]func(other *fakeSuite){
		"never fetched":  func(s *fakeSuite) { s.unfetched = true },
		"not trusted":    func(s *fakeSuite) { s.untrusted = true },
		"hostile origin": func(s *fakeSuite) { s.origin = "../../etc" },
		"escape":         func(s *fakeSuite) { s.origin = "a\x1b[2Jb" },
		"no origin":      func(s *fakeSuite) { s.origin = "" },
	} {
		t.Run(name, func(t *testing.T) {
			f, _, _, other := fakes(t)
			change(other)
			sink, err := again(t, f, nil)
			if err != nil || !slices.Equal(sink.calls, debianCalls) || len(sink.failures) != 1 {
				t.Errorf("%v, calls %q, failures %q", err, sink.calls, sink.failures)
			}
			for _, text := range sink.failures {
				if text != model.Clean(text) {
					t.Errorf("%q is not safe to show", text)
				}
			}
		})
	}
}

// TestGone: a release that is no longer configured is not withdrawn, said once,
// and protected against an older one when it comes back.
func TestGone(t *testing.T) {
	f, _, _, other := fakes(t)
	anchor := initial(t, f)
	f.suites = f.suites[:2]
	sink, err := again(t, f, anchor)
	if err != nil || !slices.Equal(sink.calls, []string{"anchor"}) || !slices.Contains(sink.remarks, "Other/stable is no longer configured in apt's sources: its updates stay as they were last seen.") {
		t.Fatalf("%v, calls %q, remarks %q", err, sink.calls, sink.remarks)
	}
	anchor = sink.anchor
	if sink, err = again(t, f, anchor); err != nil || len(sink.calls) != 0 || len(sink.remarks) != 1 {
		t.Errorf("%v, calls %q, remarks %q", err, sink.calls, sink.remarks)
	}
	f.suites = append(f.suites, other)
	other.date = other.date.Add(-time.Hour)
	if _, err = again(t, f, anchor); err == nil || !strings.Contains(err.Error(), "Other/stable") {
		t.Errorf("an older release came back: %v", err)
	}
	other.date = other.date.Add(2 * time.Hour)
	if sink, err = again(t, f, anchor); err != nil || !slices.Equal(sink.calls, []string{"anchor"}) {
		t.Errorf("%v, calls %q", err, sink.calls)
	}
}

func TestRefresh(t *testing.T) {
	always := func(o *Options) { o.Refresh = RefreshAlways }
	tests := []struct {
		name, stdout, stderr string
		code                 int
		failures             []string
		remark               string
	}{
		{"good", "Hit:1 http://mirror.example/debian bookworm InRelease\nReading package lists...\n", "", 0, nil, ""},
		{"one source fails", "Hit:1 http://a bookworm InRelease\nErr:2 https://user:secret@b.example/x stable InRelease\n  Could not resolve 'b.example'\nReading package lists...\n",
			"E: Failed to fetch https://b.example/x/dists/stable/InRelease  Could not resolve 'b.example'\n", 100,
			[]string{"https://b.example/x stable InRelease: Could not resolve 'b.example'"},
			"1 source could not be refreshed and the existing lists were used as they are: apt last asked for them 3 days ago, the newest is of 2026-11-21 15:00 UTC."},
		{"the lists are locked", "", "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 5 (apt-get)\x1b[2J\n", 100, nil,
			"apt's lists could not be refreshed (apt-get ended with status 100: E: Could not get lock /var/lib/apt/lists/lock. It is held by process 5 (apt-get)) and were used as they are: apt last asked for them 3 days ago, the newest is of 2026-11-21 15:00 UTC."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, _, _, _ := fakes(t)
			f.update = func() (string, string, int) { return test.stdout, test.stderr, test.code }
			sink, err := again(t, f, nil, always)
			if err != nil || len(sink.complete) != 2 {
				t.Errorf("%v, calls %q", err, sink.calls)
			}
			if !slices.Equal(sink.failures, test.failures) {
				t.Errorf("failures %q", sink.failures)
			}
			if got := strings.Join(sink.remarks, "|"); got != test.remark {
				t.Errorf("remarks %q", got)
			}
		})
	}
	t.Run("not root", func(t *testing.T) {
		f, _, _, _ := fakes(t)
		sink, err := again(t, f, nil, func(o *Options) { o.Refresh, o.Root = RefreshWhenRoot, func() bool { return false } })
		if err != nil || !strings.Contains(strings.Join(sink.remarks, ""), "only root can refresh them: apt last asked") {
			t.Errorf("%v, remarks %q", err, sink.remarks)
		}
		if slices.ContainsFunc(f.calls, func(c string) bool { return strings.HasPrefix(c, "apt-get update") }) {
			t.Errorf("calls %q", f.calls)
		}
	})
	t.Run("root", func(t *testing.T) {
		f, _, _, _ := fakes(t)
		if _, err := again(t, f, nil, func(o *Options) {
			o.Refresh, o.Root, o.Apt = RefreshWhenRoot, func() bool { return true }, []string{"Dir=/srv"}
		}); err != nil {
			t.Fatal(err)
		}
		for _, c := range f.calls {
			if !strings.HasSuffix(c, "-o Dir=/srv") {
				t.Errorf("a call without the options: %s", c)
			}
		}
	})
}

// TestExpired: lists that the archive promised to replace by now are remarked on.
func TestExpired(t *testing.T) {
	f, _, security, _ := fakes(t)
	security.more = "Valid-Until: Sat, 21 Nov 2026 15:00:00 UTC\n"
	sink, err := again(t, f, nil)
	if err != nil || !strings.Contains(strings.Join(sink.remarks, "|"), "bookworm-security expired on 2026-11-21 15:00 UTC") {
		t.Errorf("%v, remarks %q", err, sink.remarks)
	}
}

// noPrograms is a computer without apt.
type noPrograms struct{ err error }

func (n noPrograms) Start(context.Context, string, ...string) (io.ReadCloser, error) {
	return nil, n.err
}

func TestNoApt(t *testing.T) {
	for _, missing := range []error{&exec.Error{Name: "apt-get", Err: exec.ErrNotFound}, &fs.PathError{Op: "fork/exec", Err: fs.ErrNotExist}} {
		s, err := New(Options{Runner: noPrograms{missing}})
		if err != nil {
			t.Fatal(err)
		}
		_, test := s.Test(t.Context())
		_, estimate := s.Estimate(t.Context(), nil)
		for _, err := range []error{test, estimate, s.Synchronize(t.Context(), nil, newRecord(t), nil)} {
			if !errors.Is(err, ErrNoApt) {
				t.Errorf("got %v", err)
			}
		}
	}
}

func TestNothingToRead(t *testing.T) {
	f := &fakeApt{t: t}
	if _, err := f.source().Test(t.Context()); err == nil || !strings.Contains(err.Error(), "no archives") {
		t.Errorf("without sources: %v", err)
	}
	f.suites = []*fakeSuite{{origin: "Debian", codename: "bookworm", lists: map[string]string{"main": ""}, unfetched: true}}
	if err := f.source().Synchronize(t.Context(), nil, newRecord(t), nil); err == nil || !strings.Contains(err.Error(), "run apt-get update as root") {
		t.Errorf("never fetched: %v", err)
	}
}

func TestTest(t *testing.T) {
	f, _, _, other := fakes(t)
	other.unfetched = true
	got, err := f.source().Test(t.Context())
	want := []string{
		"Debian 12 (bookworm): 2 suites (bookworm, bookworm-security), contrib, main, for amd64, last changed on 2026-11-21 15:00 UTC.",
		"http://mirror.example/Other/dists/stable/: its lists were never fetched, or say nothing of where they come from (no Release file); run apt-get update, or correct the source.",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
	if len(f.opened) != 0 {
		t.Errorf("lists were read: %q", f.opened)
	}
}

func TestEstimate(t *testing.T) {
	f, main, _, _ := fakes(t)
	e, err := f.source().Estimate(t.Context(), nil)
	if err != nil || e.Updates != 1212 || e.Bytes < 100_000 || len(e.Remarks) != 1 {
		t.Errorf("%v, %+v", err, e)
	}
	anchor := initial(t, f)
	if e, err = f.source().Estimate(t.Context(), anchor); err != nil || e.Updates != 0 || e.Bytes != 0 || len(f.opened) != 0 {
		t.Errorf("unchanged: %v, %+v", err, e)
	}
	main.lists["main"] += packages("more", 1)
	if e, err = f.source().Estimate(t.Context(), anchor); err != nil || e.Updates != 1209 {
		t.Errorf("changed: %v, %+v", err, e)
	}
}

// TestCancel ends the run at each point where it reports progress or calls a
// program: it returns soon, with the context's error, and sends no anchor later.
func TestCancel(t *testing.T) {
	for at := 1; ; at++ {
		f, _, _, _ := fakes(t)
		ctx, cancel := context.WithCancel(t.Context())
		sink := newRecord(t)
		points, anchors := 0, 0
		point := func() {
			if points++; points == at {
				cancel()
				anchors = len(sink.calls)
			}
		}
		s := f.source(func(o *Options) { o.Refresh = RefreshAlways })
		f.before = func(call string) {
			if !strings.HasPrefix(call, "apt-get indextargets") { // two of these run at once
				point()
			}
		}
		err := s.Synchronize(ctx, nil, sink, func(model.Progress) { point() })
		cancel()
		if points < at {
			if at < 10 {
				t.Errorf("only %d points to cancel at", at)
			}
			return
		}
		// At the last points nothing is left to be done.
		if err == nil && len(sink.calls) == len(debianCalls)+len(otherCalls) {
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at point %d: %v", at, err)
		}
		if slices.Contains(sink.calls[anchors:], "anchor") {
			t.Errorf("cancelled at point %d: an anchor followed: %q", at, sink.calls)
		}
	}
}

func TestSinkFails(t *testing.T) {
	for _, call := range []string{"categories", "updates", "complete", "anchor"} {
		f, _, _, _ := fakes(t)
		sink := newRecord(t)
		sink.fail = call
		err := f.source().Synchronize(t.Context(), nil, sink, nil)
		if err == nil || !strings.Contains(err.Error(), "the sink failed in "+call) || !strings.HasPrefix(sink.calls[len(sink.calls)-1], call) {
			t.Errorf("%s: %v, calls %q", call, err, sink.calls)
		}
	}
}

// TestCompressed: compressed lists go through apt's helper; without it the remedy
// is said. A Release file that lists only compressed forms still tells of changes.
func TestCompressed(t *testing.T) {
	f, main, _, _ := fakes(t)
	main.ending, main.unlisted = ".lz4", true
	sink, err := again(t, f, nil)
	if err != nil || len(sink.updates) != 1212 || !slices.Contains(f.opened, main.list("main")) {
		t.Errorf("%v, %d updates, opened %q", err, len(sink.updates), f.opened)
	}
	f.opened = nil
	if next, err := again(t, f, sink.anchor); err != nil || len(next.calls) != 0 || len(f.opened) != 0 {
		t.Errorf("unchanged: %v, %q", err, next.calls)
	}
	main.lists["main"] += packages("more", 1)
	if next, err := again(t, f, sink.anchor); err != nil || !slices.Equal(next.calls, debianCalls) {
		t.Errorf("changed: %v, %q", err, next.calls)
	}
	s := f.source()
	delete(f.files, inFS(helper))
	if err := s.Synchronize(t.Context(), nil, newRecord(t), nil); err == nil || !strings.Contains(err.Error(), "install the package apt") {
		t.Errorf("without the helper: %v", err)
	}
}

// TestReplacedMeanwhile: somebody else's apt-get update replaces the lists between
// reading the Release file and the list.
func TestReplacedMeanwhile(t *testing.T) {
	f, main, _, _ := fakes(t)
	main.ending = ".lz4"
	s := f.source()
	replaced := false
	f.before = func(call string) {
		if strings.HasPrefix(call, "apt-helper") && !replaced {
			replaced = true
			main.lists["main"] = packages("main", 1300)
			main.lists["contrib"] = packages("contrib", 4)
			f.install()
		}
	}
	sink := newRecord(t)
	if err := s.Synchronize(t.Context(), nil, sink, nil); err != nil || len(sink.updates) != 1300+4+5+4 {
		t.Errorf("%v, %d updates", err, len(sink.updates))
	}
	f.before = nil
	if next, err := again(t, f, sink.anchor); err != nil || len(next.calls) != 0 {
		t.Errorf("the anchor is not of the new lists: %v, %q", err, next.calls)
	}
}

// TestAnchor: an anchor that cannot be read, or is of another mapping, costs a full
// comparison and loses nothing.
func TestAnchor(t *testing.T) {
	f, _, _, _ := fakes(t)
	good := initial(t, f)
	for _, anchor := range []string{"{", "null", "[]", strings.ReplaceAll(string(good), fmt.Sprintf(`"mapping":%d`, mapping), `"mapping":0`)} {
		sink, err := again(t, f, []byte(anchor))
		if err != nil || !slices.Equal(sink.calls, slices.Concat(debianCalls, otherCalls)) || string(sink.anchor) != string(good) {
			t.Errorf("%q: %v, calls %q", anchor, err, sink.calls)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []string{"Dir", "=x", ""} {
		if _, err := New(Options{Apt: []string{o}}); err == nil {
			t.Errorf("%q was accepted", o)
		}
	}
	if _, err := New(Options{}); err != nil {
		t.Error(err)
	}
}

func TestParseTargets(t *testing.T) {
	got, err := parseTargets(strings.NewReader("MetaKey: k\nURI: https://u:p@h/x\nFilename: /l/f\nBase-URI: https://u:p@h/\nTrusted: no\n\nMetaKey: k\nURI: file:/r/Packages\nFilename: /l/g\n"))
	if err != nil || len(got) != 2 || got[0].uri != "https://h/x" || got[0].base != "https://h/" || got[0].trusted || got[1].uri != "file:/r/Packages" || !got[1].trusted {
		t.Errorf("%v, %+v", err, got)
	}
	for _, bad := range []string{"rubbish\n", "MetaKey: k\nURI: u\n", "URI: u\nFilename: f\n"} {
		if _, err := parseTargets(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestStem(t *testing.T) {
	for _, test := range []struct{ file, key, want string }{
		{"/l/mirror.example_debian_dists_bookworm_main_binary-amd64_Packages.lz4", "main/binary-amd64/Packages", "/l/mirror.example_debian_dists_bookworm_"},
		{"/l/_srv_repo_._Packages", "Packages", "/l/_srv_repo_._"},
		{"/l/h_my%5fpart_binary-amd64_Packages", "my_part/binary-amd64/Packages", "/l/h_"},
		{"/l/other", "Packages", ""},
		{"/a_Packages/other", "Packages", ""},
	} {
		got, ok := (&target{file: test.file, key: test.key}).stem()
		if got != test.want || ok != (test.want != "") {
			t.Errorf("%s: %q, %v", test.file, got, ok)
		}
	}
}

func TestAgo(t *testing.T) {
	s := (&fakeApt{t: t}).source()
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 30 * time.Second: "just now", time.Minute: "1 minute ago", 119 * time.Minute: "119 minutes ago",
		3 * time.Hour: "3 hours ago", 47 * time.Hour: "47 hours ago", 50 * time.Hour: "2 days ago", 100 * 24 * time.Hour: "100 days ago",
	} {
		if got := s.ago(now.Add(-d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

var _ upstream.Sink = (*record)(nil)
