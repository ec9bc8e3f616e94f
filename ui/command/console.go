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
	in, out, ok := a.terminal()
	if !ok {
		return &usageError{err: errors.New("the console needs a terminal"), hint: "Everything it can do is a command too: fettle --help"}
	}
	if err := a.checkKeys(); err != nil {
		return err
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
	return in, out, in != nil && out != nil && a.s.Ask && a.s.Size.Width > 0
}

// ownConsole shows the console in the process that holds the store; the engine
// runs in the background, and others can attach.
func (a *app) ownConsole(ctx context.Context, h *host) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	err := h.listen()
	if err == nil {
		running.Go(func() {
			if err := h.engine.Run(background); err != nil && background.Err() == nil {
				h.log.Error("the background ended", "error", err)
			}
		})
		o := h.consoleOptions(a.s, a.zone, a.readOnly())
		o.Local = true
		if o.Directory, err = os.Getwd(); err != nil { // it was removed, say
			o.Directory = string(filepath.Separator)
		}
		err = console.Run(ctx, o, h.programOptions()...)
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
	o := h.consoleOptions(s, zoneOf(s), a.readOnly())
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
	options := append(h.programOptions(), tea.WithAltScreen(), tea.WithInput(s.In), tea.WithOutput(s.Out))
	return a.finish(ctx, console.Serve(ctx, c, options...))
}

func (h *host) programOptions() []tea.ProgramOption {
	if h.config.UI.Mouse {
		return []tea.ProgramOption{tea.WithMouseCellMotion()}
	}
	return nil
}

// consoleOptions are the options of a console for a session.
func (h *host) consoleOptions(s *remote.Session, zone *time.Location, readOnly bool) console.Options {
	by := s.Actor
	by.From = model.FromConsole
	if readOnly {
		by.Role = model.AccessViewer
	}
	o := console.Options{
		Store: h.store, Engine: attach.Engine(h.engine), Reporter: attach.Reports(h.store), Actor: by, Machine: attach.Machine(h.available), Log: h.ring,
		Terminal: theme.Detect(s.Getenv), Theme: h.config.UI.Theme, ASCII: h.config.UI.ASCII, Step: !h.config.UI.Page, FPS: h.config.UI.FPS,
		Keys: h.config.Keys, Zone: zone, ReadOnly: readOnly, Output: s.Out,
		StatePath: filepath.Join(h.dir, "console", fileName(by.Who)+".json"),
	}
	for _, v := range h.config.Views {
		o.Views = append(o.Views, console.View{Name: v.Name, On: v.On, Filter: v.Filter, Sort: v.Sort, Columns: v.Columns})
	}
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
