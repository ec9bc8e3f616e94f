package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
	"fettle/sync/upstream"
	"fettle/sync/upstream/debian"
	"fettle/ui/config"
	"fettle/ui/console"
	"fettle/ui/remote"
)

// systemData is where a server of this computer keeps its data.
const systemData = "/var/lib/fettle"

// host is what is open in the process that holds the store.
type host struct {
	dir    string
	config config.Config
	store  *store.Store
	engine *engine.Engine
	log    *slog.Logger
	logs   *logFile
	ring   *console.Log   // the last lines, for the log screen
	holder *remote.Holder // nil = nobody can attach
}

// place is a data directory that may be the one.
type place struct {
	dir    string
	attach bool // only to attach: it is somebody else's
}

// places lists the data directories in the order in which they are tried
// (commands.md: the system server's first, then the user's own).
func (a *app) places() []place {
	for _, dir := range []string{a.flags.data, a.s.Getenv("FETTLE_DATA"), a.config.Data.Directory} {
		if dir != "" {
			if abs, err := filepath.Abs(dir); err == nil {
				dir = abs
			}
			return []place{{dir: dir}}
		}
	}
	if os.Geteuid() == 0 {
		return []place{{dir: systemData}}
	}
	dir := a.s.Getenv("XDG_STATE_HOME")
	if dir == "" {
		dir = filepath.Join(a.s.Getenv("HOME"), ".local", "state")
	}
	return []place{{dir: systemData, attach: true}, {dir: filepath.Join(dir, "fettle")}}
}

// socket is where the holder of a data directory listens.
func (a *app) socket(p place) string {
	if a.config.Data.Socket != "" && !p.attach {
		return a.config.Data.Socket
	}
	return filepath.Join(p.dir, remote.SocketName)
}

// How long a process waits for one that holds the store without listening: a
// short command that is about to end.
const (
	holdPatience = 10 * time.Second
	holdRetry    = 40 * time.Millisecond
)

// reach attaches to the process that holds the store, or opens the store: one of
// client and host is not nil.
func (a *app) reach(ctx context.Context) (*remote.Client, *host, error) {
	deadline := time.Now().Add(holdPatience)
	for {
		client, dir, err := a.attach(ctx)
		if client != nil || err != nil {
			return client, nil, err
		}
		h, err := a.open(dir)
		var locked *store.LockedError
		if err == nil || !errors.As(err, &locked) || time.Now().After(deadline) {
			return nil, h, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(holdRetry):
		}
	}
}

// attach tries the data directories for one whose holder answers. Without one it
// gives the directory to open.
func (a *app) attach(ctx context.Context) (*remote.Client, string, error) {
	for _, p := range a.places() {
		client, err := remote.Dial(ctx, a.socket(p), remote.DialTimeout)
		switch {
		case err == nil:
			return client, p.dir, nil
		case ctx.Err() != nil:
			return nil, "", ctx.Err()
		case p.attach: // not ours: its own users will notice
		case errors.Is(err, remote.ErrNobody):
			return nil, p.dir, nil
		case errors.Is(err, remote.ErrSilent):
			return nil, "", &storeError{fmt.Errorf("%w. It holds the store in %s: end that process, or wait for it", err, p.dir)}
		default:
			return nil, "", &storeError{err}
		}
	}
	return nil, "", errors.New("no data directory is known; name one with --data DIR")
}

// open opens the store in this process.
func (a *app) open(dir string) (*host, error) {
	h := &host{dir: dir, config: a.overridden(a.config)}
	roots, err := a.config.Pool()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &storeError{fmt.Errorf("making the data directory: %w. Use one of your own with --data DIR, or become root", err)}
	}
	path := a.config.Log.File
	if path == "" {
		path = filepath.Join(dir, "fettle.log")
	}
	if h.logs, err = openLog(path, int64(a.config.Log.Size)); err != nil {
		return nil, &storeError{fmt.Errorf("opening the log: %w", err)}
	}
	h.ring = console.NewLog()
	file := slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.Level(a.config.Log.Level)})
	h.log = slog.New(slog.NewMultiHandler(file.WithAttrs([]slog.Attr{slog.Int("process", os.Getpid())}), h.ring))
	// Planning changes nothing, but a store that is opened read-only refuses it.
	readOnly := a.readOnly() && !a.flags.plan
	h.store, err = store.Open(store.Options{Dir: dir, Keys: a.config.Data.Keys, ReadOnly: readOnly, Log: h.log})
	if err != nil {
		return nil, errors.Join(&storeError{err}, h.logs.Close())
	}
	h.engine = engine.New(engine.Options{Store: h.store, Sources: h.source, Agent: h.agent, Log: h.log,
		Carry: engine.CarryPolicy{Unsigned: a.config.Import.Unsigned, Roots: roots, RootsFile: a.config.Import.Roots}})
	return h, nil
}

// keys is the directory of the keys.
func (h *host) keys() string {
	if h.config.Data.Keys != "" {
		return h.config.Data.Keys
	}
	return filepath.Join(h.dir, "keys")
}

// source opens an upstream with the apt that the configuration names.
func (h *host) source(u model.Upstream) (upstream.Source, error) {
	if u.Kind != model.UpstreamDebian || u.Location != "apt" {
		return engine.Archives(u)
	}
	o := debian.Options{Upstream: u.Name, Apt: h.config.Apt.Options, Timeout: time.Duration(h.config.Sync.RefreshTimeout)}
	if u.Proxy != "" {
		o.Apt = append(o.Apt[:len(o.Apt):len(o.Apt)], "Acquire::http::Proxy="+u.Proxy, "Acquire::https::Proxy="+u.Proxy)
	}
	return debian.New(o)
}

// listen lets others attach while this process holds the store.
func (h *host) listen() error {
	if h.holder != nil {
		return nil
	}
	socket := h.config.Data.Socket
	if socket == "" {
		socket = filepath.Join(h.dir, remote.SocketName)
	}
	var err error
	h.holder, err = remote.Hold(remote.Options{
		Socket: socket, Keys: h.keys(), Log: h.log,
		Command: func(ctx context.Context, s *remote.Session) int { return run(ctx, s, h) },
		Console: h.serveConsole,
		Agent: func(ctx context.Context, by model.Actor) (remote.AgentServer, error) {
			if err := h.manages(); err != nil {
				return nil, err
			}
			if setup := h.store.Snapshot().Setup(); !setup.Complete() {
				return nil, model.SetupRefusal(setup)
			}
			return h.localServer(), nil
		},
	})
	return err
}

// close ends everything in its order: nobody attaches any more, jobs end, the
// store is closed.
func (h *host) close(ctx context.Context, say func(string, ...any)) error {
	var errs []error
	if h.holder != nil {
		if busy := h.holder.Busy(); len(busy) > 0 {
			say("Waiting for commands that others run here: %q. Ctrl-C ends them.", busy)
		}
		errs = append(errs, h.holder.Close(ctx))
	}
	h.engine.Close()
	errs = append(errs, h.store.Close(), h.logs.Close())
	return errors.Join(errs...)
}

// withHost runs what needs the store: in the process that holds it, or in this
// one.
func (a *app) withHost(ctx context.Context, r rule, do func(context.Context, *host) error) error {
	if a.host != nil {
		return a.run(ctx, a.host, r, do)
	}
	h, err := a.reachOr(ctx, a.s)
	if err != nil || h == nil {
		return err
	}
	if r&long != 0 {
		err = h.listen()
	}
	if err == nil {
		err = a.run(ctx, h, r, do)
	}
	return errors.Join(err, h.close(ctx, a.say))
}

// run checks the setup gate, waits for the catalogue and runs.
func (a *app) run(ctx context.Context, h *host, r rule, do func(context.Context, *host) error) error {
	if setup := h.store.Snapshot().Setup(); r&gated != 0 && !setup.Complete() {
		return model.SetupRefusal(setup)
	}
	if err := h.store.WaitLoaded(ctx); err != nil {
		return err
	}
	return do(ctx, h)
}

// reachOr has another process that holds the store run a session's command line,
// or opens the store here. A holder that is just leaving runs nothing: then the
// next one is looked for.
func (a *app) reachOr(ctx context.Context, s *remote.Session) (*host, error) {
	for {
		client, h, err := a.reach(ctx)
		if client == nil {
			return h, err
		}
		err = a.forward(ctx, client, s)
		var passed *passedError
		if errors.As(err, &passed) && passed.status == remote.StatusLeaving && ctx.Err() == nil {
			continue
		}
		return nil, err
	}
}

// forward has the holder run a session's command line.
func (a *app) forward(ctx context.Context, client *remote.Client, s *remote.Session) error {
	defer client.Close()
	if a.readOnly() { // the holder does not know the caller's configuration
		s.Env[remote.EnvReadOnly] = "1"
	}
	code, err := client.Run(ctx, s)
	if err != nil {
		return err
	}
	if code != 0 {
		return &passedError{code}
	}
	return nil
}
