package command

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"fettle/model"
	"fettle/sync/engine"
	"fettle/ui/console"
	"fettle/ui/console/plain"
	"fettle/ui/console/theme"
	"fettle/ui/remote"
)

// desk is the plain console as a command line that was written at its prompt sees
// it: who is asked, and where a list goes.
type desk struct {
	line plain.Line
}

// take offers the console the list that is the answer.
func (d *desk) take(t *table) bool { return d.line.Take != nil && d.line.Take(spoken{t}) }

// spoken is a table as the plain console reads it out.
type spoken struct{ t *table }

// Len is how many items there are.
func (s spoken) Len() int { return s.t.size }

// quiet are the columns that are not worth hearing in a list where a number opens
// an item: an identifier that would have to be spelt, a date among the details.
var quiet = []string{"id", "released"}

// Line is an item in one line.
func (s spoken) Line(i int) string { return s.t.line(i, quiet...) }

// Labels are what is known of an item.
func (s spoken) Labels(i int) []string { return s.t.labels(i) }

// Keys names the columns.
func (s spoken) Keys() []string { return s.t.keys }

// Value is what a column holds.
func (s spoken) Value(i int, key string) any {
	row, _ := s.t.cells(i)
	for j, k := range s.t.keys {
		if k == key {
			return row[j]
		}
	}
	return nil
}

// spokenError is an error at the prompt, where it is clear who speaks and nobody
// sees the mark below a column.
func spokenError(err error) string {
	lines := strings.Split(model.CleanLines(err.Error()), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "^" })
	return plain.Sentence(strings.Join(lines, "\n"))
}

// dumbNote says why there is no screen.
const dumbNote = "This terminal cannot draw (TERM=dumb), so this is the plain console. The other one: fettle --plain=false"

// wantsPlain says whether the console is the plain one: by --plain, by the
// configuration, or because a terminal says of itself that it cannot draw.
func (a *app) wantsPlain() (yes bool, why string) {
	_, _, terminal := a.terminal()
	switch {
	case a.flags.plain.given:
		return a.flags.plain.yes, ""
	case a.config.UI.Plain:
		return true, ""
	case terminal && a.s.Getenv("TERM") == "dumb":
		return true, dumbNote
	}
	return false, ""
}

// plainConsole opens the console without a screen: in the process that holds the
// store, as any command, or in this one, which holds it then.
func (a *app) plainConsole(ctx context.Context, note string) error {
	if a.desk != nil {
		return misuse("this is the plain console already")
	}
	if err := console.CheckView(a.begin.view, a.begin.filter); err != nil {
		return &usageError{err: err}
	}
	if a.host != nil {
		return passed(a.host.servePlain(ctx, a, a.s, nil))
	}
	in := &relay{from: a.s.In}
	var notes []string
	if note != "" {
		notes = append(notes, note)
	}
	for {
		client, h, err := a.reach(ctx)
		switch {
		case err != nil:
			return err
		case h != nil:
			s := *a.s
			view := in.view()
			s.In = terminalInput{view, in.from}
			err := a.holding(ctx, h, func(shown context.Context) error { return passed(h.servePlain(shown, a, &s, notes)) })
			return errors.Join(err, view.Close())
		}
		for _, n := range notes {
			a.say("%s", n)
		}
		s := *a.s
		view := in.view()
		s.In = view
		// The holder does not know this process's configuration.
		s.Args = []string{"--plain"}
		if a.flags.readOnly {
			s.Args = append(s.Args, "--read-only")
		}
		for flag, value := range map[string]string{"--view=": a.begin.view, "--filter=": a.begin.filter} {
			if value != "" {
				s.Args = append(s.Args, flag+value)
			}
		}
		if a.begin.open != "" {
			s.Args = append(s.Args, "open", a.begin.open)
		}
		err = a.forward(ctx, client, &s)
		_ = view.Close() // it only ends
		var gone *passedError
		if left := errors.As(err, &gone) && gone.status == remote.StatusLeaving || errors.Is(err, remote.ErrLost); !left || ctx.Err() != nil {
			return err
		}
		notes = []string{"The process that held the store ended. This is the beginning again: lists, marks and what was typed last are gone."}
	}
}

// passed makes an error of a session's status.
func passed(status int) error {
	if status == statusDone {
		return nil
	}
	return &passedError{status}
}

// servePlain is a session of the plain console in the process that holds the
// store.
func (h *host) servePlain(ctx context.Context, a *app, s *remote.Session, notes []string) int {
	if s.Resize != nil { // keys come one by one, and nobody edits a line of them
		return a.finish(ctx, misuse("the plain console needs a terminal that edits lines; run fettle --plain on that computer: ssh -t HOST fettle --plain"))
	}
	caller := *s
	caller.Actor.From = model.FromConsole
	var words []plain.Word
	for _, c := range (&app{s: s, config: h.config}).tree().Commands() { // a tree of its own: making one resets flags
		if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			words = append(words, plain.Word{Name: c.Name(), Meaning: c.Short})
		}
	}
	var views []plain.View
	for _, v := range console.StandardViews() {
		views = append(views, plain.View{Title: v.Name, Filter: v.Filter})
	}
	for _, v := range h.config.Views {
		if v.On != "computers" {
			views = append(views, plain.View{Title: v.Name, Filter: v.Filter})
		}
	}
	zone := zoneOf(s)
	return plain.New(plain.Options{
		Store: h.store, Permit: a.permit, Words: words, Views: views, Sources: engine.SourceKinds(), Jobs: h.engine.Jobs, Next: h.engine.NextSync,
		Log: func() []string { return h.ring.Lines(zone) },
		In:  s.In, Out: s.Out, Err: s.Err, Person: s.Ask, Width: s.Size.Width, Now: h.store.Now, UTF8: theme.Detect(s.Getenv).UTF8, Zone: zone, Notes: notes, Begin: h.begin(a),
		Forget: forget(s),
		Run:    func(ctx context.Context, l plain.Line) int { return h.runAt(ctx, a, &caller, l) },
	}).Run(ctx)
}

// begin is the line that the plain console begins with, as --view, --filter and
// open say it of the other one.
func (h *host) begin(a *app) string {
	switch word := a.begin.open; {
	case word == "":
	case h.store.Snapshot().ComputerByName(word) != nil:
		return "computer " + shellWord(word)
	default:
		return "update " + shellWord(word)
	}
	view := map[string]string{"synchronization": "sync history"}[a.begin.view]
	if view == "" {
		view = a.begin.view
	}
	return strings.TrimSpace(view + " " + a.begin.filter)
}

// runAt runs a command line that was written at the prompt of a plain console.
func (h *host) runAt(ctx context.Context, a *app, caller *remote.Session, l plain.Line) int {
	s := *caller
	s.Args = []string{"--plain"}
	if a.readOnly() {
		s.Args = append(s.Args, "--read-only")
	}
	if !s.Remote { // what runs in the caller's own process looks for the data by itself
		s.Args = append(s.Args, "--data="+h.dir)
	}
	s.Args = append(s.Args, l.Args...)
	// The console wraps, and nothing is rewritten in place.
	s.In, s.Out, s.Err, s.Ask, s.Live, s.Size = strings.NewReader(""), l.Out, l.Err, true, 0, remote.Size{}
	b := &app{s: &s, host: h, zone: zoneOf(&s), config: h.config, desk: &desk{line: l}}
	root := b.tree()
	root.SetArgs(s.Args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	return b.finish(ctx, root.ExecuteContext(ctx))
}

// terminalInput is what comes from a terminal of this process: the terminal stands
// beside its reader.
type terminalInput struct {
	io.Reader
	terminal io.Reader
}

// forget drops what was typed at a terminal and not sent off yet: half a line,
// which a later Enter would complete. It is nil where the terminal is another
// process's.
func forget(s *remote.Session) func() {
	in, _ := s.In.(terminalInput)
	f, ok := in.terminal.(*os.File)
	if !ok || !s.Ask {
		return nil
	}
	return func() { flushInput(f) }
}

// relay gives one input to one reader after another. A read of a terminal cannot
// be interrupted, so that without it a session that ended would still swallow the
// next line.
type relay struct {
	from  io.Reader
	once  sync.Once
	parts chan []byte
	rest  []byte // of a part, where a reader had no room for it
	lock  sync.Mutex
}

// view gives a reader; the one before must be closed.
func (r *relay) view() *view {
	r.once.Do(func() {
		r.parts = make(chan []byte)
		go func() { // ends with the input, or with the process
			defer close(r.parts)
			for {
				part := make([]byte, 4096)
				n, err := r.from.Read(part)
				if n > 0 {
					r.parts <- part[:n]
				}
				if err != nil {
					return
				}
			}
		}()
	})
	return &view{r: r, over: make(chan struct{})}
}

// view reads a relay until it is closed.
type view struct {
	r     *relay
	over  chan struct{}
	close sync.Once
}

// Read reads what comes next; the end is that of the input or of the view.
func (v *view) Read(b []byte) (int, error) {
	v.r.lock.Lock()
	defer v.r.lock.Unlock()
	select {
	case <-v.over:
		return 0, io.EOF
	default:
	}
	if len(v.r.rest) == 0 {
		select {
		case part, ok := <-v.r.parts:
			if !ok {
				return 0, io.EOF
			}
			v.r.rest = part
		case <-v.over:
			return 0, io.EOF
		}
	}
	n := copy(b, v.r.rest)
	v.r.rest = v.r.rest[n:]
	return n, nil
}

// Close ends the view; what was not read is left for the next.
func (v *view) Close() error {
	v.close.Do(func() { close(v.over) })
	return nil
}
