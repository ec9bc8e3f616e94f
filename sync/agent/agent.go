package agent

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"fettle/model"
	"fettle/sync/agent/apt"
	"fettle/sync/agent/installer"
	"fettle/sync/agent/protocol"
)

// Server is what the agent knows of the server that it reports to.
type Server interface {
	// Report takes a computer's report and says which updates are behind its
	// packages.
	Report(ctx context.Context, r protocol.Report) (protocol.Ack, error)
	// Decide takes the closures of approved updates and gives the plan.
	Decide(ctx context.Context, r protocol.DecideRequest) (protocol.Decisions, error)
	// Event takes what happened. It is sent again until this returns nil.
	Event(ctx context.Context, e protocol.Event) error
}

// Caller is a Server that a connected computer can be called by.
type Caller interface {
	// Await answers when something else is decided for the computer than the mark
	// in the request names. It waits as long as ctx lasts. protocol.ErrNotCalled
	// says that this server does not call after all.
	Await(ctx context.Context, r protocol.AwaitRequest) (protocol.Awaited, error)
}

// Packages is what the agent asks of apt and dpkg; *apt.System is the real one.
type Packages interface {
	Available() error
	Refresh(ctx context.Context, progress func(model.Progress)) ([]apt.SourceFailure, error)
	Scan(ctx context.Context, now time.Time) (*apt.Scan, error)
	Simulate(ctx context.Context, items []model.PlanItem) (*apt.Simulation, error)
	Records(ctx context.Context, items []model.PlanItem) (map[string]apt.Record, error)
	Installed() ([]model.InstalledPackage, error)
	Digest() (string, error)
	Busy() string
}

// Installer carries out orders; installer.Client is the real one.
type Installer interface {
	Do(ctx context.Context, o installer.Order, progress func(model.Progress)) (installer.Result, error)
}

// Users says who has a session on the computer.
type Users interface {
	LoggedIn(ctx context.Context) ([]string, error)
}

// Notifier tells the computer's users. Standing text stays until it is replaced
// (motd), empty text removes it; an Announce is heard once.
type Notifier interface {
	Standing(ctx context.Context, text string) error
	Announce(ctx context.Context, text string) error
}

// Restarter restarts the computer after the given time.
type Restarter interface {
	Restart(ctx context.Context, after time.Duration, reason string) error
}

// Options make an Agent. StateDir, Server and Version are needed; everything
// else has a default, which for Packages, Users, Notifier and Restarter is the
// real computer.
type Options struct {
	StateDir string
	Server   Server
	Version  string // of the agent

	Root        string   // directory of the computer's files; empty = /
	AptOptions  []string // further arguments for apt's programs: "-o", "Dir=/srv/root"
	DpkgOptions []string // further arguments for dpkg
	Prefix      []string // goes before every program: nice, ionice, fakeroot
	PolicyFile  string   // the computer's own policy; empty = /etc/fettle/agent.toml; "-" = none

	AsRoot      bool // we are root: lists are refreshed, notices written
	NoRefresh   bool // leave the package lists as they are
	AllClosures bool // work out the closures of all needed updates, not only of approved ones
	Local       bool // runs for one command: nobody keeps its schedule

	Patience time.Duration // how long CheckIn and Install wait while another cycle runs on this computer; 0 = they are refused

	Packages  Packages
	Installer Installer // nil = none: installing is refused with what it needs
	Users     Users
	Notifier  Notifier
	Restarter Restarter
	Identity  func() (protocol.Identity, error)
	ServerKey ed25519.PublicKey // nil = plans are not signed: the server is in our own process

	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	Rand  func() float64 // in [0, 1)
	Log   *slog.Logger
}

// Agent is one computer's agent.
type Agent struct {
	o       Options
	started time.Time
	wake    chan struct{}
	working sync.Mutex
}

// New makes an Agent and its state directory.
func New(o Options) (*Agent, error) {
	if o.StateDir == "" || o.Server == nil {
		return nil, errors.New("an agent needs a state directory and a server")
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the agent's state directory: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	runner := apt.Exec{Prefix: o.Prefix}
	if o.Packages == nil {
		o.Packages = apt.New(apt.Options{Runner: runner, Root: o.Root, Apt: o.AptOptions, Cache: o.StateDir})
	}
	plain := apt.Exec{}
	if o.Users == nil {
		o.Users = Sessions{Runner: plain}
	}
	if o.Notifier == nil {
		o.Notifier = Broadcast{Runner: plain, Root: o.Root, AsRoot: o.AsRoot}
	}
	if o.Restarter == nil && o.Root == "" { // another root is not ours to restart
		o.Restarter = Shutdown{Runner: plain}
	}
	o.PolicyFile = cmp.Or(o.PolicyFile, filepath.Join("/", o.Root, "etc/fettle/agent.toml"))
	a := &Agent{o: o, started: o.Now(), wake: make(chan struct{}, 1)}
	if a.o.Identity == nil {
		a.o.Identity = a.identity
	}
	return a, nil
}

// System completes options for the computer that we run on: the installer is
// this very program, started again, through sudo when we are not root.
func System(o Options) (Options, error) {
	o.AsRoot = os.Geteuid() == 0
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute
	}
	if o.Installer == nil {
		exe, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("finding our own program: %w", err)
		}
		config := installer.Config{Root: o.Root, Apt: o.AptOptions, Dpkg: o.DpkgOptions, Prefix: o.Prefix}
		if o.AsRoot || len(o.Prefix) > 0 {
			o.Installer = installer.Client{Command: installer.Command(exe, false, config.Options()...)}
		} else if _, err := exec.LookPath("sudo"); err == nil {
			o.Installer = installer.Client{Command: installer.Command(exe, true)}
		}
	}
	return o, nil
}

// Available says in words why the agent's computer cannot be managed, or nil.
func (a *Agent) Available() error { return a.o.Packages.Available() }

// Wake makes Run check in at once. A server that is a Caller does it by itself.
func (a *Agent) Wake() {
	select {
	case a.wake <- struct{}{}:
	default: // it is already awake
	}
}
