package command

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	_ "fettle/ui/background" // as in main
	"fettle/ui/config"
	"fettle/ui/remote"
)

// asProgram, in the environment, makes the test's binary the program itself.
const asProgram = "FETTLE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

var rewrite = flag.Bool("update", false, "write the files that scripts compare with")

// TestStories runs the scripts of testdata/script with the program itself, each
// in a directory of its own with a home and a data directory. A script is in
// txtar's format: lines of commands, then files. The commands:
//
//	status N fettle ARGUMENT...   run the program and want this exit status; $WORK
//	                              is the script's directory
//	stdout RE, stderr RE          what it wrote matches, by lines; "!" before: does not
//	same FILE                     what it wrote to its standard output is this file
//	exists FILE...                "!" before: none of them does
//	mkdir, cd, cp, rm             as in a shell
//	populate, hold, release       see there
//	carry FILE EDITION, carry DIR content, sample NAME FILE
//	                              what is carried in: see carry_test.go
//	input FILE                    what the next program reads
//	offer, arrive, checkin, colleague, replica
//	                              what happens in the story's world: see story_test.go
//	show                          log what it wrote, while a script is written
func TestStories(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for i, path := range scripts {
		if testing.Short() && i%4 != 0 { // each starts dozens of programs, slow ones under the race detector
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			tell(t, path)
		})
	}
}

// story is a script being run.
type story struct {
	t      *testing.T
	work   string
	dir    string // the current directory
	env    []string
	out    string
	errs   string
	input  string // file that the next program reads
	held   *host
	files  []string // names of the script's files, in their order
	bodies map[string]string
}

func (s *story) data() string { return filepath.Join(s.work, "data") }

func (s *story) path(name string) string { return filepath.Join(s.dir, name) }

// tell runs one script.
func tell(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{t: t, work: t.TempDir(), bodies: map[string]string{}}
	s.dir = s.work
	script := s.unpack(string(text))
	s.env = append(os.Environ(), asProgram+"=1", "HOME="+filepath.Join(s.work, "home"), "FETTLE_DATA="+s.data(), "FETTLE_CONFIG="+filepath.Join(s.work, "config.toml"), "TZ=Europe/Berlin", "TERM=dumb")
	if err := os.WriteFile(filepath.Join(s.work, "config.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	defer s.release()
	changed := false
	for i, line := range strings.Split(script, "\n") {
		words, err := splitLine(line)
		if err != nil {
			t.Fatalf("%s:%d: %v", path, i+1, err)
		}
		if len(words) == 0 {
			continue
		}
		negated := words[0] == "!"
		if negated {
			words = words[1:]
		}
		wrote, err := s.do(negated, words)
		changed = changed || wrote
		if err != nil {
			t.Fatalf("%s:%d: %s\n%v\nstdout:\n%s\nstderr:\n%s", path, i+1, line, err, s.out, s.errs)
		}
	}
	if changed {
		s.repack(path, script)
	}
}

// unpack writes the files of a script and gives its lines.
func (s *story) unpack(text string) string {
	parts := regexp.MustCompile(`(?m)^-- (.+) --\n`).FindAllStringSubmatchIndex(text, -1)
	if len(parts) == 0 {
		return text
	}
	for i, p := range parts {
		end := len(text)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		name, body := text[p[2]:p[3]], text[p[1]:end]
		s.files = append(s.files, name)
		s.bodies[name] = body
		if err := os.WriteFile(filepath.Join(s.work, name), []byte(body), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return text[:parts[0][0]]
}

// repack writes the script with what its files should have been.
func (s *story) repack(path, script string) {
	var b strings.Builder
	b.WriteString(script)
	for _, name := range s.files {
		fmt.Fprintf(&b, "-- %s --\n%s", name, s.bodies[name])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// splitLine reads the words of a line; single quotes keep blanks.
func splitLine(line string) ([]string, error) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return nil, nil
	}
	var words []string
	for line != "" {
		if line[0] == '\'' {
			word, rest, ok := strings.Cut(line[1:], "'")
			if !ok {
				return nil, errors.New("a quote is not closed")
			}
			words, line = append(words, word), strings.TrimLeft(rest, " ")
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), strings.TrimLeft(rest, " ")
	}
	return words, nil
}

// do carries out one line; wrote says that it changed one of the script's files.
func (s *story) do(negated bool, words []string) (wrote bool, err error) {
	args := words[1:]
	switch words[0] {
	case "status":
		return false, s.program(args)
	case "stdout", "stderr":
		text := s.out
		if words[0] == "stderr" {
			text = s.errs
		}
		re, err := regexp.Compile("(?m)" + args[0])
		if err == nil && re.MatchString(text) == negated {
			err = fmt.Errorf("it matches: %v", !negated)
		}
		return false, err
	case "same":
		if s.out == s.bodies[args[0]] {
			return false, nil
		}
		if *rewrite {
			s.bodies[args[0]] = s.out
			return true, nil
		}
		return false, fmt.Errorf("it is not\n%s\nrun with -update if that is right", s.bodies[args[0]])
	case "exists":
		for _, name := range args {
			if _, err := os.Lstat(s.path(name)); (err == nil) == negated {
				return false, fmt.Errorf("%s exists: %v", name, !negated)
			}
		}
		return false, nil
	case "mkdir":
		return false, os.MkdirAll(s.path(args[0]), 0o755)
	case "cd":
		s.dir = filepath.Join(s.dir, args[0])
		return false, nil
	case "cp":
		b, err := os.ReadFile(s.path(args[0]))
		if err != nil {
			return false, err
		}
		return false, os.WriteFile(s.path(args[1]), b, 0o600)
	case "rm":
		return false, os.RemoveAll(s.path(args[0]))
	case "populate":
		return false, s.populate()
	case "offer":
		return false, s.offer(args)
	case "arrive":
		return false, s.arrive()
	case "checkin":
		return false, s.checkin(args)
	case "colleague":
		return false, s.colleague(args)
	case "replica":
		return false, s.replica()
	case "carry":
		return false, s.carry(args)
	case "sample": // cp of a shared sample; the script ends without it
		path := sample(args[0])
		if path == "" {
			s.t.Skip("the shared samples are not beside the repository")
		}
		return false, os.Symlink(path, s.path(args[1]))
	case "input": // what the next program reads
		s.input = s.path(args[0])
		return false, nil
	case "show": // while a script is written
		s.t.Logf("%s\n%s", s.out, s.errs)
		return false, nil
	case "hold":
		return false, s.hold()
	case "release":
		return false, s.release()
	}
	return false, fmt.Errorf("there is no command %q", words[0])
}

// program runs the program and wants an exit status.
func (s *story) program(args []string) error {
	if len(args) < 2 || args[1] != "fettle" {
		return errors.New("usage: status N fettle ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var out, errs bytes.Buffer
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$WORK", s.work)
	}
	cmd := exec.CommandContext(s.t.Context(), exe, args[2:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = s.env, s.dir, &out, &errs
	if s.input != "" {
		f, err := os.Open(s.input)
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.Stdin, s.input = f, ""
	}
	err = cmd.Run()
	s.out, s.errs = out.String(), errs.String()
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("exit status %d, want %d", got, want)
	}
	return nil
}

var storyTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// storyUpdate is an update of a Debian archive.
func storyUpdate(source, version string, class model.Classification) *model.Update {
	return &model.Update{
		ID: model.DebianID("Debian", "bookworm", source, version), Upstream: "debian", Title: source + " " + version + ": something", Class: class, Version: version,
		Released: storyTime, NotLater: true, Products: []model.CategoryID{"deb/Debian/bookworm"},
		Debian: &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: source, Version: version, Suites: []string{"bookworm"}, Section: "libs",
			Packages: []model.DebianPackage{{Name: source, Arch: "amd64", Version: version, Size: 123456, SHA256: make([]byte, 32), Filename: "pool/" + source + ".deb"}}},
	}
}

// fill completes the setup of a store and puts three updates and two computers
// into it.
func fill(ctx context.Context, s *store.Store) error {
	by := model.Actor{Who: "ann", From: model.FromCommand, Role: model.AccessAdministrator}
	for _, c := range []model.Change{
		{Kind: model.ChangeComputers, How: []string{howThisComputer}},
		{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}},
	} {
		if _, err := s.Make(ctx, c, by); err != nil {
			return err
		}
	}
	if _, err := s.PutCategories(ctx, []model.Category{{ID: "deb/Debian/bookworm", Title: "Debian 12 (bookworm)", Upstream: "debian"}}); err != nil {
		return err
	}
	evil := storyUpdate("evil", "1.0", model.ClassUpdate)
	evil.Title = "evil \x1b[31mtitle"
	if _, err := s.Import(ctx, []*model.Update{storyUpdate("openssl", "3.0-1", model.ClassSecurity), storyUpdate("tzdata", "2026a-1", model.ClassUpdate), evil}); err != nil {
		return err
	}
	needs := func(source, installed, candidate string, state model.NeedState) model.NeededPackage {
		return model.NeededPackage{Update: model.DebianID("Debian", "bookworm", source, candidate), Package: source, Arch: "amd64", Installed: installed, Candidate: candidate, State: state}
	}
	for _, r := range []store.Report{
		{
			Computer: model.Computer{ID: "c1", Name: "web1", OS: "Debian GNU/Linux 12 (bookworm)", Platform: model.PlatformLinux, Role: model.RoleServer, Addresses: []string{"192.0.2.1"}, Contacted: time.Now(), Reported: time.Now()},
			Status: &model.Status{Reported: time.Now(), Evaluated: 3, Needed: []uint32{1, 2}, Packages: []model.NeededPackage{needs("openssl", "3.0-0", "3.0-1", model.NeedNeeded), needs("tzdata", "2025z-1", "2026a-1", model.NeedHeld)},
				Others: []model.NeededPackage{needs("evil", "0.9", "1.0", model.NeedPinned)}},
		},
		{
			Computer: model.Computer{ID: "c2", Name: "desk1", OS: "Debian GNU/Linux 12 (bookworm)", Platform: model.PlatformLinux, Role: model.RoleClient, Contacted: time.Now(), Reported: time.Now()},
			Status:   &model.Status{Reported: time.Now(), Evaluated: 3, Installed: []uint32{1}, Needed: []uint32{2}, Packages: []model.NeededPackage{needs("tzdata", "2025z-1", "2026a-1", model.NeedNeeded)}},
		},
	} {
		if _, err := s.Record(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// openData opens a store that no process holds. A program that another test
// starts just now has its lock until it is running: Go closes what is inherited
// only then.
func openData(o store.Options) (*store.Store, error) {
	for deadline := time.Now().Add(holdPatience); ; runtime.Gosched() {
		st, err := store.Open(o)
		var locked *store.LockedError
		if !errors.As(err, &locked) || time.Now().After(deadline) {
			return st, err
		}
	}
}

// populate fills the script's store.
func (s *story) populate() error {
	st, err := openData(store.Options{Dir: s.data(), Clock: func() time.Time { return storyTime }})
	if err != nil {
		return err
	}
	return errors.Join(fill(s.t.Context(), st), st.Close())
}

// hold holds the script's store in the process of the test, as a console would.
func (s *story) hold() error {
	a := &app{s: &remote.Session{Env: map[string]string{}}, config: config.Default()}
	if text, err := os.ReadFile(filepath.Join(s.work, "config.toml")); err == nil {
		if a.config, err = config.Parse("config.toml", string(text)); err != nil {
			return err
		}
	}
	h, err := a.open(s.data())
	if err != nil {
		return err
	}
	s.held = h
	return errors.Join(h.listen(), h.store.WaitLoaded(s.t.Context()))
}

// release gives the store up again.
func (s *story) release() error {
	if s.held == nil {
		return nil
	}
	h := s.held
	s.held = nil
	return h.close(context.WithoutCancel(s.t.Context()), s.t.Logf)
}
