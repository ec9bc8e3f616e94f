package command

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
	"fettle/sync/upstream"
	"fettle/ui/config"
	"fettle/ui/console"
	"fettle/ui/remote"
)

// talk is a conversation at the prompt of the plain console: a person who answers
// whenever a prompt stands there. What is written and what is typed becomes one
// transcript.
type talk struct {
	t        *testing.T
	host     *host
	readOnly bool
	script   bool // no terminal
	env      map[string]string
	begin    [3]string

	mu      sync.Mutex
	text    bytes.Buffer
	steps   []step
	prompt  chan struct{}
	pending []byte
	now     time.Time
}

// step is a line that is typed, or something that happens while the prompt stands
// there.
type step struct {
	line    string
	happens func(*talk)
	hasty   bool // typed at once, not after the prompt was read
}

func type_(lines ...string) []step {
	var steps []step
	for _, l := range lines {
		steps = append(steps, step{line: l})
	}
	return steps
}

// Write takes in what the console writes; a prompt is what has no line's end.
func (k *talk) Write(b []byte) (int, error) {
	k.mu.Lock()
	k.text.Write(b)
	k.mu.Unlock()
	if !k.script && bytes.HasSuffix(b, []byte(" ")) {
		k.prompt <- struct{}{}
	}
	return len(b), nil
}

// Read types the next line when a prompt stands there.
func (k *talk) Read(b []byte) (int, error) {
	if len(k.pending) == 0 {
		if !k.script {
			select {
			case <-k.prompt:
			case <-k.t.Context().Done():
				return 0, io.EOF
			}
		}
		for len(k.steps) > 0 && k.steps[0].happens != nil {
			k.steps[0].happens(k)
			k.steps = k.steps[1:]
		}
		if len(k.steps) == 0 {
			return 0, io.EOF
		}
		s := k.steps[0]
		k.steps = k.steps[1:]
		k.mu.Lock()
		if !s.hasty {
			k.now = k.now.Add(10 * time.Second)
		}
		if !k.script {
			echo := model.Clean(s.line)
			if k.env["LANG"] == "C" {
				echo = strings.Map(func(r rune) rune { return min(r, '~') }, echo)
			}
			k.text.WriteString(echo + "\n")
		}
		k.mu.Unlock()
		k.pending = []byte(s.line + "\n")
	}
	n := copy(b, k.pending)
	k.pending = k.pending[n:]
	return n, nil
}

func (k *talk) clock() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// newTalk makes a store, empty or with the updates and computers of fill.
func newTalk(t *testing.T, filled bool) *talk {
	k := &talk{t: t, prompt: make(chan struct{}, 1), now: storyTime.Add(time.Hour), env: map[string]string{"LANG": "C.UTF-8", "TZ": "UTC"}}
	st, err := store.Open(store.Options{Dir: t.TempDir(), Clock: k.clock})
	if err != nil {
		t.Fatal(err)
	}
	k.host = &host{dir: t.TempDir(), config: config.Default(), store: st, log: slog.New(slog.DiscardHandler), ring: console.NewLog()}
	k.host.engine = engine.New(engine.Options{Store: st, Clock: k.clock, Sources: func(model.Upstream) (upstream.Source, error) { return shelf{}, nil }})
	t.Cleanup(func() {
		k.host.engine.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := st.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if filled {
		if err := fillAt(t.Context(), st, k.clock()); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// run holds the conversation and gives its exit status.
func (k *talk) run(steps ...step) int {
	k.t.Helper()
	k.steps = steps
	s := &remote.Session{In: k, Out: k, Err: k, Env: k.env, Ask: !k.script, Actor: model.Actor{Who: "ann", From: model.FromCommand, Role: model.AccessAdministrator}}
	if !k.script {
		s.Size.Width = 100
	}
	a := &app{s: s, zone: time.UTC, config: k.host.config, host: k.host}
	a.flags.readOnly = k.readOnly
	a.begin.view, a.begin.filter, a.begin.open = k.begin[0], k.begin[1], k.begin[2]
	status := k.host.servePlain(k.t.Context(), a, s, nil)
	k.check()
	return status
}

// check holds what was written to what holds for all of it: no control characters,
// no line wider than the terminal unless it is one word.
func (k *talk) check() {
	k.t.Helper()
	for _, line := range strings.Split(k.text.String(), "\n") {
		if i := strings.IndexFunc(line, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }); i >= 0 {
			k.t.Errorf("a control character at %d of %q", i, line)
		}
		if strings.ContainsAny(line, "─┌█░▏●○") {
			k.t.Errorf("something is drawn in %q", line)
		}
	}
}

// golden compares the transcript with its file.
func (k *talk) golden(name string) {
	k.t.Helper()
	path := filepath.Join("testdata", "plain", name+".txt")
	got := k.text.String()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			k.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			k.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		k.t.Fatal(err, "; write it with -update")
	}
	if got != string(want) {
		k.t.Errorf("%s is not what it was:\n%s", name, got)
	}
}

// fillAt is fill with a clock that stands still.
func fillAt(ctx context.Context, s *store.Store, now time.Time) error {
	if err := fill(ctx, s); err != nil {
		return err
	}
	for _, name := range []string{"web1", "desk1"} { // fill's computers reported by the wall clock
		c := s.Snapshot().ComputerByName(name)
		st, err := s.Status(c.Number)
		if err != nil {
			return err
		}
		at := *c
		at.Contacted, at.Reported = now, now
		st.Reported = now
		if _, err := s.Record(ctx, store.Report{Computer: at, Status: st}); err != nil {
			return err
		}
	}
	return nil
}

// fails has a computer report that an update failed there.
func fails(computer, source string) func(*talk) {
	return func(k *talk) {
		ctx, st := k.t.Context(), k.host.store
		snap := st.Snapshot()
		c := *snap.ComputerByName(computer)
		var number uint32
		for _, r := range snap.Updates() {
			if strings.Contains(string(r.ID), "/"+source+"/") {
				number = r.Number
			}
		}
		c.Reported = k.clock()
		_, err := st.Record(ctx, store.Report{Computer: c, Status: &model.Status{Reported: k.clock(), Evaluated: snap.LastUpdate(), Failed: []uint32{number},
			Failures: []model.Failure{{Update: snap.Row(number).ID, Time: k.clock(), Code: "100", Text: "it did not work"}}}})
		if err != nil {
			k.t.Error(err)
		}
	}
}

// shelf is an upstream with two updates.
type shelf struct{}

func (shelf) Test(context.Context) ([]string, error) {
	return []string{"The archives can be read."}, nil
}

func (shelf) Estimate(context.Context, []byte) (model.Estimate, error) {
	return model.Estimate{Updates: 2, Bytes: 2000}, nil
}

func (shelf) Synchronize(ctx context.Context, _ []byte, sink upstream.Sink, progress func(model.Progress)) error {
	progress(model.Progress{Phase: "reading lists", Done: 1, Total: 2})
	if err := sink.Categories(ctx, []model.Category{{ID: "deb/Debian/bookworm", Title: "Debian 12 (bookworm)", Upstream: "debian"}}); err != nil {
		return err
	}
	if err := sink.Updates(ctx, []*model.Update{storyUpdate("openssl", "3.0-1", model.ClassSecurity), storyUpdate("tzdata", "2026a-1", model.ClassUpdate)}); err != nil {
		return err
	}
	return sink.Anchor(ctx, []byte("1"))
}

// settled waits until no job runs.
func settled(k *talk) {
	ctx, stop := context.WithCancel(k.t.Context())
	defer stop()
	changes := k.host.engine.Watch(ctx)
	for slices.ContainsFunc(k.host.engine.Jobs(), func(j engine.JobState) bool { return j.Ended.IsZero() }) {
		select {
		case <-changes:
		case <-ctx.Done():
			return
		}
	}
}

// managed completes the first wizard, which would need an apt of this computer's,
// and has the computer report.
func managed(k *talk) {
	by := model.Actor{Who: "bob", From: model.FromCommand, Role: model.AccessAdministrator}
	if _, err := k.host.store.Make(k.t.Context(), model.Change{Kind: model.ChangeComputers, How: []string{howThisComputer}}, by); err != nil {
		k.t.Error(err)
	}
}

// reports has a computer report what it needs, or has installed.
func reports(needed, installed []uint32) func(*talk) {
	return func(k *talk) {
		st := k.host.store
		_, err := st.Record(k.t.Context(), store.Report{Computer: model.Computer{ID: "c1", Name: "web1", Platform: model.PlatformLinux, Role: model.RoleServer, Contacted: k.clock(), Reported: k.clock()},
			Status: &model.Status{Reported: k.clock(), Evaluated: st.Snapshot().LastUpdate(), Needed: needed, Installed: installed}})
		if err != nil {
			k.t.Error(err)
		}
	}
}

func TestPlainTranscripts(t *testing.T) {
	for name, test := range map[string]struct {
		empty, readOnly, script bool
		begin                   [3]string // --view, --filter, open
		steps                   []step
		status                  int
	}{
		"first-run": {empty: true, steps: slices.Concat(type_("updates"), []step{{happens: managed, line: "overview"}}, type_("2", "", "", "manual", "", "yes", "yes"),
			[]step{{happens: settled, line: ""}, {happens: reports([]uint32{1, 2}, nil), line: "overview"}},
			type_("triage", "1", "n", "approve", "All Servers", "", "7d", "First", "no", "approve", "All Servers", "", "7d", "First", "yes", "deployments"),
			[]step{{happens: reports([]uint32{2}, []uint32{1}), line: "deployments"}}, type_("1", "overview", "quit"))},
		"overview":           {steps: type_("7", "back", "quit")},
		"lists":              {steps: type_("set page 2", "updates", "n", "n", "p", "2", "filter needed:>0", "sort -needed", "back", "computers", "1", "groups", "reports", "journal", "1", "quit")},
		"approve":            {steps: type_("updates needed:>0", "mark 1-2", "marks", "approve", "Nowhere", "All Servers", "install", "7d", "March", "no", "approve 1", "1", "", "now", "", "yes", "deployments", "1", "undo", "yes", "deployments", "quit")},
		"decline":            {steps: type_("updates", "1", "decline", "yes", "updates", "updates is:declined", "reinstate 1", "y", "reinstate 1", "yes", "undo", "yes", "quit")},
		"triage":             {steps: type_("triage", "later 2", "", "no", "later 2", "2w", "yes", "triage", "triage --left-out", "undo", "yes", "mark 1", "triage", "mark 1", "approve", "3", "none", "", "yes", "triage", "approve 1", "3", "", "none", "", "yes", "triage", "quit")},
		"view":               {begin: [3]string{"updates", "needed:>0", ""}, steps: type_("quit")},
		"open":               {begin: [3]string{"", "", "web1"}, steps: type_("quit")},
		"words":              {steps: type_("updats", "10", "updates nonsense:>0", "mark 1", "approve", "help approve", "help nothing", "set page x", "set colour on", "set", "sort x", "open x", "quit now", "fettle version", "serve", "a 'quote", "--plain", "exit")},
		"setup":              {empty: true, steps: type_("updates", "approve 1", "1", "no", "2", "cancel", "2", "", "security", "manual", "", "no", "no", "setup status", "quit")},
		"read-only":          {readOnly: true, steps: type_("updates", "approve 1", "decline 1", "undo", "setup computers", "sync", "policy \"All Servers\" --mode disabled", "quit")},
		"live":               {steps: []step{{line: "set page 3"}, {happens: fails("web1", "openssl"), line: ""}, {line: "help undo"}, {line: ""}, {line: ""}, {line: "set live off"}, {happens: fails("desk1", "tzdata"), line: ""}, {line: "marks"}, {line: ""}, {line: "quit"}}},
		"hasty":              {steps: append(type_("updates", "decline 1"), step{line: "yes", hasty: true}, step{line: "yes"}, step{line: "undo"}, step{line: "yes", hasty: true}, step{line: "no"}, step{line: "quit"})},
		"script":             {script: true, steps: type_("# a remark", "updates needed:>0", "approve 1", "All Servers", "", "", "", "yes", "deployments", "report compliance", "quit")},
		"mistake":            {script: true, status: 2, steps: type_("updates neded:>0", "decline all", "yes")},
		"declined-in-script": {script: true, status: 1, steps: type_("updates", "decline 1", "no", "updates")},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(t, !test.empty)
			k.begin = test.begin
			k.readOnly, k.script = test.readOnly, test.script
			var steps []step
			for _, s := range test.steps {
				if s.happens != nil {
					steps = append(steps, step{happens: s.happens})
					s.happens = nil
				}
				steps = append(steps, s)
			}
			if got := k.run(steps...); got != test.status {
				t.Errorf("exit status %d, want %d", got, test.status)
			}
			k.golden(name)
		})
	}
}

// hostile is a title as an attacker would choose it, or a careless vendor.
const hostile = "evil\x1b[2J\x1b]0;owned\x07 \u202etitle\r\nfettle: done\x9b31m \x00\xff│ 日本語 é"

func TestPlainWritesNoControlCharacters(t *testing.T) {
	for _, utf8 := range []bool{true, false} {
		for _, script := range []bool{true, false} {
			k := newTalk(t, true)
			k.script = script
			if !utf8 {
				k.env["LANG"] = "C"
			}
			u := storyUpdate("hostile", "1.0", model.ClassSecurity)
			u.Title, u.Description, u.Licence = hostile, hostile+"\n"+hostile, hostile
			if _, err := k.host.store.Import(t.Context(), []*model.Update{u}); err != nil {
				t.Fatal(err)
			}
			evil := model.Computer{ID: "c3", Name: hostile, OS: hostile, Contacted: k.clock(), Reported: k.clock()}
			if _, err := k.host.store.Record(t.Context(), store.Report{Computer: evil, Status: &model.Status{Reported: k.clock(), Evaluated: 4, Needed: []uint32{4}}}); err != nil {
				t.Fatal(err)
			}
			k.host.ring = console.NewLog()
			slog.New(k.host.ring).Info(hostile)
			k.run(type_("set prompt on", "updates hostile", "1", "computers", "1", "2", "3", "log", "1", hostile, "mark "+hostile, "approve "+hostile, "report "+hostile,
				"report problems", "accept-licence kb:1", "updates", "decline 1", "yes", "journal", "groups", "help", "n", "n", "glossary", "settings", "help query", "quit")...)
			text := k.text.String()
			if !strings.Contains(text, "evil") || !strings.Contains(text, "Declined") {
				t.Errorf("the conversation did not go as meant:\n%s", text)
			}
			if !utf8 {
				for _, line := range strings.Split(text, "\n") {
					if i := strings.IndexFunc(line, func(r rune) bool { return r > 0x7e }); i >= 0 {
						t.Errorf("without UTF-8: %q", line)
					}
				}
			}
		}
	}
}

// typeInto types lines into a terminal, each when a prompt stands there, and gives
// what the terminal showed.
func typeInto(t *testing.T, f *os.File, lines ...string) string {
	t.Helper()
	var all strings.Builder
	for _, l := range lines {
		text, ok := readUntil(f, "\n> ")
		all.WriteString(text)
		if !ok {
			t.Fatalf("no prompt came: %q", all.String())
		}
		if _, err := f.WriteString(l + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	text, _ := readUntil(f, "")
	return all.String() + text
}

func TestPlainOnATerminal(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name, term string
		args       []string
	}{{"asked for", "xterm-256color", []string{"--plain"}}, {"dumb", "dumb", nil}} {
		t.Run(test.name, func(t *testing.T) {
			cmd, f := onTerminalOf(t, dir, test.term, test.args...)
			text := typeInto(t, f, "help", "nonsense", "quit")
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if i := strings.IndexFunc(strings.ReplaceAll(text, "\r\n", "\n"), func(r rune) bool { return r < 0x20 && r != '\n' || r == 0x7f }); i >= 0 {
				t.Errorf("a control character at %d of %q", i, text)
			}
			for _, want := range []string{model.SetupIncomplete, "In a list:", "There is no word"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in\n%s", want, text)
				}
			}
			if noted := strings.Contains(text, "--plain=false"); noted != (test.term == "dumb") {
				t.Errorf("it was said how to get the other console: %v\n%s", noted, text)
			}
		})
	}
}

func TestScreenOnADumbTerminalWhenWanted(t *testing.T) {
	cmd, f := onTerminalOf(t, t.TempDir(), "dumb", "--plain=false")
	text, ok := readUntil(f, "\x1b[?1049h")
	if !ok {
		t.Fatalf("no screen came: %q", text)
	}
	f.Close()
	_ = cmd.Wait() // however it ends without a terminal
}

func TestAttachedPlainTakesOverWhenTheHolderLeaves(t *testing.T) {
	dir := t.TempDir()
	first, one := onTerminalOf(t, dir, "xterm", "--plain")
	if text, ok := readUntil(one, "\n> "); !ok {
		t.Fatalf("no prompt came: %q", text)
	}
	second, two := onTerminalOf(t, dir, "xterm", "--plain")
	if text, ok := readUntil(two, "\n> "); !ok {
		t.Fatalf("no attached prompt came: %q", text)
	}
	if _, err := two.WriteString("updates\n"); err != nil {
		t.Fatal(err)
	}
	if text, ok := readUntil(two, "\n> "); !ok || !strings.Contains(text, "Essential configuration is incomplete") {
		t.Fatalf("the attached console does not answer: %q", text)
	}
	go io.Copy(io.Discard, one)
	if _, err := one.WriteString("quit\n"); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Fatal("the first console ended with", err)
	}
	// The second one begins again, holds the store now, and the next line is its own.
	if text := typeInto(t, two, "setup status", "quit"); !strings.Contains(text, "The process that held the store ended") || !strings.Contains(text, "state open") {
		t.Fatalf("the attached console did not go on: %q", text)
	}
	if err := second.Wait(); err != nil {
		t.Fatal("the second console ended with", err)
	}
}

func TestPlainDropsWhatWasTypedAhead(t *testing.T) {
	dir := t.TempDir()
	st, err := openData(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fill(t.Context(), st), st.Close()); err != nil {
		t.Fatal(err)
	}
	cmd, f := onTerminalOf(t, dir, "vt220", "--plain")
	expect := func(text, line string) {
		t.Helper()
		if got, ok := readUntil(f, text); !ok {
			t.Fatalf("%q did not come: %q", text, got)
		}
		if _, err := f.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	expect("\n> ", "updates\n")
	// Whether the lines had come when the question was asked or come while it is
	// being read: they do not answer it, nor does half a line. Each time it is asked,
	// the answer is no, until one counts.
	expect("\n> ", "decline 1\nyes\nyes\nye")
	const question = "yes or no, no is the default: "
	var text string
	b := make([]byte, 4096)
	for asked := 0; !strings.HasSuffix(text, "\n> "); {
		n, err := f.Read(b)
		if err != nil {
			t.Fatal(err, text)
		}
		text += string(b[:n])
		if now := strings.Count(text, question); now > asked {
			asked = now
			if _, err := f.WriteString("no\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.Contains(text, "Declined openssl") || !strings.Contains(text, "Nothing was changed") {
		t.Errorf("the answers typed ahead counted:\n%s", text)
	}
	if _, err := f.WriteString("updates is:declined\n"); err != nil {
		t.Fatal(err)
	}
	expect("No update matches", "\x03")
	_, _ = readUntil(f, "")
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != statusInterrupted {
		t.Errorf("Ctrl-C ended it with %v", err)
	}
}
