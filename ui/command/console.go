package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/term"

	"fettle/model"
	"fettle/ui/console"
	"fettle/ui/console/attach"
	"fettle/ui/console/theme"
	"fettle/ui/remote"
)

// console opens the console: that of the process that holds the store, or one of
// our own, which holds it. When the holder leaves, we begin again, and perhaps
// hold the store ourselves then.
func (a *app) console(ctx context.Context) error {
	if plain, note := a.wantsPlain(); plain {
		return a.plainConsole(ctx, note)
	}
	in, out, ok := a.terminal()
	if !ok {
		return &usageError{err: errors.New("the console needs a terminal"), hint: "Everything it can do is a command too: fettle --help. Without a terminal, fettle --plain reads words from its input"}
	}
	if err := a.checkKeys(); err != nil {
		return err
	}
	if err := console.CheckView(a.begin.view, a.begin.filter); err != nil {
		return &usageError{err: err}
	}
	a.s.Actor.From = model.FromConsole
	for {
		client, h, err := a.reach(ctx)
		switch {
		case err != nil:
			return err
		case h != nil:
			return a.ownConsole(ctx, h)
		}
		if a.readOnly() {
			a.s.Env[remote.EnvReadOnly] = "1"
		}
		a.s.Env[remote.EnvView], a.s.Env[remote.EnvFilter], a.s.Env[remote.EnvOpen] = a.begin.view, a.begin.filter, a.begin.open
		code, err := client.Console(ctx, in, out, a.s.Env)
		err = errors.Join(err, client.Close())
		switch {
		case err != nil:
			return err
		case code == remote.StatusLeaving && ctx.Err() == nil:
			continue
		case code != 0 && code != remote.StatusLeaving:
			return &passedError{code}
		}
		return nil
	}
}

// terminal gives the files of the session's terminal, if it has one.
func (a *app) terminal() (in, out *os.File, ok bool) {
	in, _ = a.s.In.(*os.File)
	out, _ = a.s.Out.(*os.File)
	return in, out, in != nil && out != nil && term.IsTerminal(in.Fd()) && a.s.Size.Width > 0
}

// ownConsole shows the console in the process that holds the store.
func (a *app) ownConsole(ctx context.Context, h *host) error {
	return a.holding(ctx, h, func(shown context.Context) (err error) {
		o := h.consoleOptions(a.s, a.zone, a.readOnly())
		o.Local, o.Reload = true, h.reloader(a.flags.config, a.s.Getenv)
		if o.Directory, err = os.Getwd(); err != nil { // it was removed, say
			o.Directory = string(filepath.Separator)
		}
		asked, quiet := h.reloadSignal()
		defer quiet()
		o.Reloads = asked
		o.View, o.Filter, o.Open = a.begin.view, a.begin.filter, a.begin.open
		return console.Run(shown, o)
	})
}

// holding shows a console in the process that holds the store; the engine runs in
// the background, and others can attach.
func (a *app) holding(ctx context.Context, h *host, show func(context.Context) error) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	shown, end := context.WithCancelCause(ctx)
	defer end(nil)
	err := h.listen()
	if err == nil {
		running.Go(func() {
			err := console.Guard(func() error { return h.engine.Run(background) })
			var fault *console.Fault
			if errors.As(err, &fault) {
				end(fault) // the screen is given back, then it is said
			} else if err != nil && background.Err() == nil {
				h.log.Error("the background ended", "error", err)
			}
		})
		err = show(shown)
		if fault := new(console.Fault); errors.As(context.Cause(shown), &fault) {
			err = errors.Join(err, fault)
		}
		err = h.told(err)
	}
	// Commands that others run here may use the engine until they end.
	var lerr error
	if h.holder != nil {
		if busy := h.holder.Busy(); len(busy) > 0 {
			a.say("Waiting for commands that others run here: %q. Ctrl-C ends them.", busy)
		}
		lerr = h.holder.Close(ctx)
		h.holder = nil
	}
	stop()
	running.Wait()
	return errors.Join(err, lerr, h.close(ctx, a.say))
}

// serveConsole shows the console to a session of another process.
func (h *host) serveConsole(ctx context.Context, s *remote.Session) int {
	a := &app{s: s, host: h, config: h.config}
	begin := [3]string{s.Getenv(remote.EnvView), s.Getenv(remote.EnvFilter), s.Getenv(remote.EnvOpen)}
	if err := console.CheckView(begin[0], begin[1]); err != nil {
		return a.finish(ctx, &usageError{err: err})
	}
	o := h.consoleOptions(s, zoneOf(s), a.readOnly())
	o.View, o.Filter, o.Open = begin[0], begin[1], begin[2]
	o.Reload = h.reloader("", os.Getenv)
	o.Width, o.Height = s.Size.Width, s.Size.Height
	// Sizes come by the session, not by a signal. The first is there already.
	o.NextSize = func(ctx context.Context) (int, int, bool) {
		select {
		case <-ctx.Done():
			return 0, 0, false
		case size := <-s.Resize:
			return size.Width, size.Height, true
		}
	}
	c, err := console.New(o)
	if err != nil {
		return a.finish(ctx, err)
	}
	defer c.Close()
	return a.finish(ctx, h.told(console.Serve(ctx, c, tea.WithAltScreen(), tea.WithInput(s.In), tea.WithOutput(s.Out))))
}

// consoleOptions are the options of a console for a session.
func (h *host) consoleOptions(s *remote.Session, zone *time.Location, readOnly bool) console.Options {
	by := s.Actor
	by.From = model.FromConsole
	if readOnly {
		by.Role = model.AccessViewer
	}
	o := screenOptions(h.config)
	o.Store, o.Engine, o.Reporter, o.Actor, o.Machine, o.Log = h.store, attach.Engine(h.engine), attach.Reports(h.store), by, attach.Machine(h.available), h.ring
	o.LogFile = h.logs.path
	o.Terminal, o.Zone, o.ReadOnly, o.Output = theme.Detect(s.Getenv), zone, readOnly, s.Out
	o.StatePath = filepath.Join(h.dir, "console", fileName(by.Who)+".json")
	return o
}

// fileName makes a file's name of a user's.
func fileName(who string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, who)
}
