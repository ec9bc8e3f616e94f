package installer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"fettle/model"
	"fettle/sync/agent/apt"
)

// Config says where an installer works. The zero value is the computer it runs
// on, with apt as that computer configures it.
type Config struct {
	Root        string        // empty = /
	Apt         []string      // further arguments for apt's programs
	Dpkg        []string      // further arguments for dpkg
	Prefix      []string      // goes before every program: fakeroot in tests
	Log         string        // apt's output is appended here; empty = Root/var/log/fettle-install.log
	LockTimeout int           // seconds to wait for another apt; 0 = 300
	Needrestart string        // NEEDRESTART_MODE; empty = "l": services are listed, not restarted
	Silence     time.Duration // how long dpkg may say nothing before that is told; 0 = 10 minutes
	Free        func(path string) (free uint64, device uint64, err error)
}

// Options writes the parts of the configuration that Main reads from its
// command line.
func (c Config) Options() []string {
	var args []string
	for _, o := range []struct {
		name   string
		values []string
	}{{"--root", one(c.Root)}, {"--apt", c.Apt}, {"--dpkg", c.Dpkg}, {"--prefix", c.Prefix}, {"--log", one(c.Log)}} {
		for _, v := range o.values {
			args = append(args, o.name, v)
		}
	}
	return args
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// ParseOptions reads what Config.Options wrote.
func ParseOptions(args []string) (Config, error) {
	var c Config
	for i := 0; i < len(args); i += 2 {
		if i+1 == len(args) {
			return c, fmt.Errorf("the installer's option %q has no value", args[i])
		}
		v := args[i+1]
		switch args[i] {
		case "--root":
			c.Root = v
		case "--apt":
			c.Apt = append(c.Apt, v)
		case "--dpkg":
			c.Dpkg = append(c.Dpkg, v)
		case "--prefix":
			c.Prefix = append(c.Prefix, v)
		case "--log":
			c.Log = v
		default:
			return c, fmt.Errorf("the installer has no option %q", args[i])
		}
	}
	return c, nil
}

// Main is the process entry behind the hidden words "agent installer": it takes
// one order from in, writes messages to out and gives the exit status. It
// survives the end of whoever started it.
func Main(args []string, in io.Reader, out io.Writer) int {
	config, err := ParseOptions(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	// Caught, not ignored: an ignored signal would stay ignored in dpkg and in
	// maintainer scripts. SIGPIPE comes when the agent has gone.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	if err := Serve(in, out, config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Serve takes one order and carries it out. Its error means that no result
// could be told; how the step itself ended is in the result.
func Serve(in io.Reader, out io.Writer, config Config) error {
	w := json.NewEncoder(out)
	var writing sync.Mutex
	s := &server{config: config, tell: func(m Message) {
		writing.Lock()
		defer writing.Unlock()
		_ = w.Encode(m) // nobody may be listening any more: the step goes on
	}}
	reader := bufio.NewReaderSize(in, maxLine)
	order, err := ParseOrder(reader)
	if err != nil {
		return w.Encode(Message{Result: &Result{Code: "order", Text: model.Clean(err.Error()), Refused: true}})
	}
	// The pipe's end stops a download. The goroutine ends with the pipe, which
	// ends with this process at the latest.
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		_, _ = io.Copy(io.Discard, reader)
		cancel(errors.New("the download was stopped"))
	}()
	s.setup()
	result := s.carryOut(ctx, order)
	writing.Lock()
	defer writing.Unlock()
	return w.Encode(Message{Result: &result})
}

type server struct {
	config Config
	system *apt.System
	runner apt.Runner
	tell   func(Message)
}

func (s *server) setup() {
	c := &s.config
	if c.Log == "" {
		c.Log = filepath.Join("/", c.Root, "var/log/fettle-install.log")
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = 300
	}
	if c.Needrestart == "" {
		c.Needrestart = "l"
	}
	if c.Silence == 0 {
		c.Silence = 10 * time.Minute
	}
	if c.Free == nil {
		c.Free = freeSpace
	}
	s.runner = apt.Exec{Prefix: c.Prefix}
	s.system = apt.New(apt.Options{Runner: s.runner, Root: c.Root, Apt: c.Apt})
}

func (s *server) path(name string) string { return filepath.Join("/", s.config.Root, name) }

// carryOut turns every error into a result: the agent, not the log, decides
// what becomes of it.
func (s *server) carryOut(ctx context.Context, o Order) Result {
	result := Result{}
	err := s.step(ctx, o, &result)
	result.OK = err == nil
	var refusal *model.Refusal
	var failure *apt.Failure
	var own *Failure
	switch {
	case err == nil:
	case errors.As(err, &refusal):
		result.Refused, result.Code, result.Text, result.Remedy = true, refusal.Code, refusal.What+": "+refusal.Why, refusal.Remedy
	case errors.As(err, &failure):
		result.Code, result.Text, result.Remedy = failure.Code, failure.Text, failure.Remedy
	case errors.As(err, &own):
		result.Code, result.Text, result.Remedy = own.Code, own.Text, own.Remedy
	default:
		result.Code, result.Text = "failed", model.Clean(err.Error())
	}
	return result
}

func (s *server) step(ctx context.Context, o Order, result *Result) error {
	if o.Verb == Install {
		s.tellWhoHoldsTheLock()
		if s.system.Interrupted() {
			if err := s.repair(); err != nil {
				return err
			}
			result.Repaired = true
		}
	}
	native, _, err := s.system.Architectures(ctx)
	if err != nil {
		return err
	}
	s.tell(Message{Phase: "simulating"})
	sim, err := s.system.Simulate(ctx, o.Items)
	if err != nil {
		return err
	}
	if err := sim.Check(o.Items, native); err != nil {
		return err
	}
	records, err := s.system.Records(ctx, o.Items)
	if err != nil {
		return err
	}
	if err := s.checkSpace(o, records); err != nil {
		return err
	}
	if err := s.fetch(ctx, o.Items, records); err != nil {
		return err
	}
	if o.Verb == Download {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err // the last moment at which the step can be given up
	}
	return s.install(o, result)
}

// repair ends what an interrupted dpkg left, once, keeping local configuration
// (peers 6b, 6c.5).
func (s *server) repair() error {
	s.tell(Message{Phase: "repairing", Text: "dpkg was interrupted; it is configured first"})
	args := append([]string{"dpkg"}, s.config.Dpkg...)
	res, err := s.logged(append(args, "--force-confdef", "--force-confold", "--configure", "-a"), nil)
	if err != nil {
		return fmt.Errorf("repairing an interrupted dpkg: %w", err)
	}
	if f := apt.Classify(res); f != nil {
		if strings.HasPrefix(f.Code, "apt-") {
			f.Code = "interrupted"
		}
		return fmt.Errorf("repairing an interrupted dpkg: %w", f)
	}
	return nil
}

// install runs apt-get. Nothing stops it: a step that began is finished.
func (s *server) install(o Order, result *Result) error {
	specs, err := apt.Specs(o.Items)
	if err != nil {
		return err
	}
	before := s.keptConffiles(o.Items)
	automatic, err := s.automatic(o.Items)
	if err != nil {
		return err
	}
	args := s.system.Args("apt-get", s.installArgs(o.Items)...)
	// Only here is descriptor 3 ours; in any other run it could be a file of apt's.
	args = append(append(args, "-o", "APT::Status-Fd=3", "--no-download", "install"), specs...)
	s.tell(Message{Phase: "installing", Total: 100})
	var problems []string
	res, err := s.logged(args, func(line string) {
		m, problem, ok := parseStatus(line)
		if ok {
			s.tell(m)
		}
		if problem != "" && len(problems) < 5 {
			problems = append(problems, problem)
		}
	})
	if err != nil {
		return err
	}
	failure := apt.Classify(res)
	if failure != nil && len(problems) > 0 {
		failure.Text = strings.Join(problems, "; ") + " (" + failure.Text + ")"
	}
	// What was marked automatic stays so: naming a package to apt-get marks it as
	// wanted by a person, and it would never be removed again.
	if err := s.markAutomatic(automatic); err != nil && failure == nil {
		s.tell(Message{Phase: "installing", Text: model.Clean(err.Error())})
	}
	for _, f := range s.keptConffiles(o.Items) {
		if !slices.Contains(before, f) {
			result.Conffiles = append(result.Conffiles, f.path)
		}
	}
	if missing := s.missing(o.Items); len(missing) > 0 {
		result.Output = tail(res.Stdout, 4000)
		if failure == nil {
			failure = &apt.Failure{Code: "not-installed", Text: "apt-get ended well, but " + strings.Join(missing, ", ") + " is not installed"}
		}
		return failure
	}
	if failure != nil {
		// Every planned version is there; what failed is another package that was
		// half-configured before.
		result.Text, result.Output = "apt-get reported a problem with another package: "+failure.Text, tail(res.Stdout, 4000)
	}
	return nil
}

// installArgs are the options of the real run. The simulation used the same as
// far as they decide what happens.
func (s *server) installArgs(items []model.PlanItem) []string {
	args := []string{"-y", "-q", "--no-remove",
		"-o", "APT::Get::AutomaticRemove=false",
		"-o", fmt.Sprintf("DPkg::Lock::Timeout=%d", s.config.LockTimeout),
		"-o", "DPkg::Use-Pty=0",
		"-o", "DPkg::Options::=--force-confdef", "-o", "DPkg::Options::=--force-confold",
	}
	if !slices.ContainsFunc(items, func(it model.PlanItem) bool { return it.From == "" }) {
		args = append(args, "--only-upgrade")
	}
	return args
}

// missing names the items that are not installed in their planned version.
func (s *server) missing(items []model.PlanItem) []string {
	installed, err := s.system.Installed()
	if err != nil {
		return []string{"(dpkg's status cannot be read: " + model.Clean(err.Error()) + ")"}
	}
	have := make(map[string]model.InstalledPackage, len(installed))
	for _, p := range installed {
		have[p.Name+":"+p.Arch] = p
	}
	var missing []string
	for _, it := range items {
		p := have[it.Package+":"+it.Arch]
		if p.Version != it.To || p.State != model.PackageInstalled && p.State != model.PackageTriggers {
			missing = append(missing, it.Spec())
		}
	}
	return missing
}

// tail gives the end of a text, in whole lines.
func tail(s string, n int) string {
	if len(s) > n {
		s = s[len(s)-n:]
		if _, rest, ok := strings.Cut(s, "\n"); ok {
			s = rest
		}
	}
	return model.CleanLines(s)
}
