package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // the caller's zone may be one that the holder's system does not know

	"github.com/charmbracelet/x/term"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent/installer"
	"fettle/ui/config"
	"fettle/ui/remote"
)

// The exit statuses of commands.md.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusRefused     = 3
	statusStore       = 4
	statusInterrupted = 130
)

// Main runs the program with its own arguments and streams and gives its exit
// status.
func Main() int {
	// The installer is a process of its own, which must survive the end of
	// whoever started it: it has no part in what follows.
	if args := os.Args[1:]; len(args) >= 2 && args[0] == "agent" && args[1] == "installer" {
		return installer.Main(args[2:], os.Stdin, os.Stdout)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return run(ctx, ownSession(os.Args[1:]), nil)
}

// ownSession is the session of this process.
func ownSession(args []string) *remote.Session {
	s := &remote.Session{
		Args: args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: map[string]string{},
		Actor: model.Actor{Who: remote.UserName(os.Getuid()), From: model.FromCommand, Role: model.AccessAdministrator},
		Ask:   term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stderr.Fd()),
		Live:  width(os.Stderr),
	}
	for _, pair := range os.Environ() {
		if name, value, ok := strings.Cut(pair, "="); ok {
			s.Env[name] = value
		}
	}
	s.Size.Width = width(os.Stdout)
	return s
}

// width is the number of columns of the terminal that a file is, or 0.
func width(f *os.File) int {
	if !term.IsTerminal(f.Fd()) {
		return 0
	}
	w, _, err := term.GetSize(f.Fd())
	if err != nil || w <= 0 {
		return 80
	}
	return w
}

// app is one command line being run.
type app struct {
	s      *remote.Session
	host   *host // where the store is open in this process; nil = not (yet)
	config config.Config
	zone   *time.Location
	begin  begin
	flags  struct {
		data, config                     string
		json, csv, readOnly, plan, asked bool
		yes                              bool
		plain                            answer
	}
	desk *desk // the plain console at whose prompt the command line was written; nil = none
}

// run runs one session's command line. host is the holder's own, or nil in a
// process that has not opened the store.
func run(ctx context.Context, s *remote.Session, h *host) int {
	a := &app{s: s, host: h, zone: zoneOf(s), config: config.Default()}
	if h != nil {
		a.config = h.config
	} else if completing(s.Args) {
		if code, done := a.completeWithStore(ctx); done {
			return code
		}
	}
	root := a.tree()
	root.SetArgs(s.Args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	return a.finish(ctx, root.ExecuteContext(ctx))
}

// finish tells what went wrong and gives the exit status.
func (a *app) finish(ctx context.Context, err error) int {
	var passed *passedError
	if errors.As(err, &passed) {
		return passed.status
	}
	code := status(ctx, err)
	switch {
	case err == nil:
	case code == statusInterrupted:
		fmt.Fprintln(a.s.Err, "fettle: interrupted")
	case a.desk != nil:
		fmt.Fprintln(a.s.Err, spokenError(err))
	default:
		fmt.Fprintln(a.s.Err, "fettle: "+strings.ReplaceAll(model.CleanLines(err.Error()), "\n", "\n  "))
	}
	var usage *usageError
	if errors.As(err, &usage) && usage.hint != "" {
		fmt.Fprintln(a.s.Err, usage.hint)
	}
	return code
}

// usageError says that the command line is wrong.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func misuse(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// storeError says that the store could not be opened.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// passedError carries the exit status of a command that ran in another process,
// which has told everything already.
type passedError struct{ status int }

func (e *passedError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// status maps an error to the exit status.
func status(ctx context.Context, err error) int {
	var (
		usage   *usageError
		refusal *model.Refusal
		cannot  *storeError
		locked  *store.LockedError
		version *store.VersionError
		damaged *store.DamagedError
		setting *config.Error
	)
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &usage), errors.As(err, &setting):
		return statusUsage
	case errors.As(err, &refusal):
		return statusRefused
	case errors.As(err, &cannot), errors.As(err, &locked), errors.As(err, &version), errors.As(err, &damaged):
		return statusStore
	case ctx.Err() != nil:
		return statusInterrupted
	}
	return statusFailed
}

// zoneOf is the caller's time zone.
func zoneOf(s *remote.Session) *time.Location {
	if name := s.Getenv("TZ"); name != "" {
		if zone, err := time.LoadLocation(strings.TrimPrefix(name, ":")); err == nil {
			return zone
		}
	}
	return time.Local
}

// configure reads the configuration of a process that is its own caller.
func (a *app) configure() error {
	if a.host != nil {
		return nil
	}
	c, err := config.Load(a.flags.config, a.s.Getenv, os.Geteuid() == 0)
	if err != nil {
		return err
	}
	a.config = c
	if c.Limits.Memory > 0 {
		debug.SetMemoryLimit(int64(c.Limits.Memory))
	}
	return nil
}

// readOnly says whether the caller wants nothing to change.
func (a *app) readOnly() bool {
	return a.flags.readOnly || a.config.UI.ReadOnly || a.s.Remote && a.s.Getenv(remote.EnvReadOnly) == "1"
}

// actor is who acts. Somebody in a read-only session may only look, whatever a
// command forgets to check.
func (a *app) actor() model.Actor {
	by := a.s.Actor
	if a.readOnly() {
		by.Role = model.AccessViewer
	}
	return by
}

// permit refuses what would change something in a read-only session.
func (a *app) permit(what string) error {
	if a.readOnly() {
		return &model.Refusal{Code: "read-only", What: what, Why: "this is a read-only session", Remedy: "start without --read-only"}
	}
	return nil
}

// say writes a line to standard error.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.s.Err, format+"\n", args...) }

// discard is a log for where there is none.
func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
