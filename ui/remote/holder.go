package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gliderlabs/ssh"

	"fettle/model"
)

// StatusLeaving is the exit status of a console whose holder leaves: the client
// starts again, and perhaps holds the store itself then.
const StatusLeaving = 75

// errLeaving is why a session's context ended when its holder leaves.
var errLeaving = errors.New("the process that holds the store is ending")

// ErrInterrupted is why a session's context ended when its caller sent a signal.
var ErrInterrupted = errors.New("interrupted")

const (
	maxConnections   = 64
	handshakeTimeout = 10 * time.Second
)

// Options say what a holder serves, and where.
type Options struct {
	Socket  string
	Keys    string // directory of the host key
	Log     *slog.Logger
	Command func(ctx context.Context, s *Session) int
	Console func(ctx context.Context, s *Session) int // nil = this holder serves no console
	Agent   func(ctx context.Context, by model.Actor) (AgentServer, error)
}

// Holder listens for consoles and commands of other processes.
type Holder struct {
	o        Options
	server   *ssh.Server
	listener net.Listener
	serving  sync.WaitGroup

	gone  context.Context // ends when Close begins
	leave context.CancelFunc

	mu       sync.Mutex
	leaving  bool
	conns    int
	sessions map[*running]struct{}
	empty    chan struct{} // closed and replaced when the last session ends
}

// kind is what a session is for.
type kind uint8

const (
	forCommand kind = iota
	forConsole
	forAgent
)

// running is one session that the holder serves.
type running struct {
	words  string
	kind   kind
	cancel context.CancelCauseFunc
}

// peerKey finds the peer's user in a connection's context.
type peerKey struct{}

// Hold listens at the socket. The caller closes the holder before the store.
func Hold(o Options) (*Holder, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	key, err := hostKey(o.Keys)
	if err != nil {
		return nil, err
	}
	h := &Holder{o: o, sessions: map[*running]struct{}{}}
	h.gone, h.leave = context.WithCancel(context.Background())
	h.server = &ssh.Server{
		Handler:                h.handle,
		HostSigners:            []ssh.Signer{key},
		Version:                "fettle",
		ConnCallback:           h.admit,
		SessionRequestCallback: func(s ssh.Session, _ string) bool { return true },
		SubsystemHandlers:      map[string]ssh.SubsystemHandler{agentSubsystem: h.handleAgent},
		RequestHandlers:        map[string]ssh.RequestHandler{},
		ChannelHandlers:        map[string]ssh.ChannelHandler{"session": ssh.DefaultSessionHandler},
	}
	if h.listener, err = listen(o.Socket); err != nil {
		return nil, err
	}
	h.serving.Go(func() {
		if err := h.server.Serve(h.listener); err != nil && !errors.Is(err, ssh.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			h.o.Log.Error("listening at the socket ended", "error", err)
		}
	})
	return h, nil
}

// Socket is where the holder listens.
func (h *Holder) Socket() string { return h.o.Socket }

// admit takes in a connection of the same user or of root, or refuses it.
func (h *Holder) admit(ctx ssh.Context, conn net.Conn) net.Conn {
	uid, pid, err := peer(conn)
	if err == nil && uid != 0 && uid != os.Geteuid() {
		err = fmt.Errorf("user %d may not attach", uid)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil && h.conns >= maxConnections {
		err = fmt.Errorf("there are %d connections already", h.conns)
	}
	if err != nil || h.leaving {
		h.o.Log.Warn("a connection was refused", "error", err, "process", pid)
		return nil
	}
	h.conns++
	ctx.SetValue(peerKey{}, uid)
	// Until a session begins, the other end must not dawdle.
	if err := conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		h.o.Log.Warn("a connection has no time limit", "error", err)
	}
	c := &counted{Conn: conn, gone: func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.conns--
	}}
	ctx.SetValue(connKey{}, c)
	return c
}

type connKey struct{}

// counted is a connection that tells once when it is closed.
type counted struct {
	net.Conn
	once sync.Once
	gone func() // called once
}

// Close closes the connection.
func (c *counted) Close() error {
	c.once.Do(c.gone)
	return c.Conn.Close()
}

// begin registers a session and gives its context, or false when the holder
// leaves.
func (h *Holder) begin(s ssh.Session, k kind) (context.Context, *running, bool) {
	if c, ok := s.Context().Value(connKey{}).(*counted); ok {
		if err := c.SetDeadline(time.Time{}); err != nil {
			return nil, nil, false
		}
	}
	ctx, cancel := context.WithCancelCause(s.Context())
	r := &running{words: s.RawCommand(), kind: k, cancel: cancel}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leaving {
		cancel(errLeaving)
		return nil, nil, false
	}
	h.sessions[r] = struct{}{}
	return ctx, r, true
}

func (h *Holder) end(r *running) {
	r.cancel(nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, r)
	if len(h.sessions) == 0 && h.empty != nil {
		close(h.empty)
		h.empty = nil
	}
}

// handle serves one session.
func (h *Holder) handle(s ssh.Session) {
	pty, windows, terminal := s.Pty()
	console := terminal && s.RawCommand() == ""
	args, bad := split(s.RawCommand())
	k := forCommand
	if console || noWord(args) { // a console in lines is a console: it leaves when it is told to
		k = forConsole
	}
	ctx, r, ok := h.begin(s, k)
	if !ok {
		exit(s, StatusLeaving, h.o.Log)
		return
	}
	defer h.end(r)
	// Signals and sizes are taken for as long as the connection lives: gliderlabs
	// blocks its request loop on a channel that nobody reads.
	signals := make(chan ssh.Signal, 8)
	s.Signals(signals)
	h.serving.Go(func() { obey(s.Context(), signals, r.cancel) })

	env := environment(s.Environ())
	files := &farFiles{ctx: s.Context(), conn: connection(s)}
	defer files.close()
	session := &Session{
		Args: args, In: s, Files: files, Out: s, Err: s.Stderr(), Env: env, Remote: true,
		Actor: h.actor(s), Size: Size{Width: number(env[envWidth])}, Ask: env[envAsk] == "1", Live: number(env[envLive]),
	}
	if terminal {
		// With a terminal there is one screen: errors belong on it too.
		session.Err, session.Ask = s, true
		session.Size = Size{pty.Window.Width, pty.Window.Height}
		session.Live = pty.Window.Width
		session.Env["TERM"] = model.Clean(pty.Term)
		resize := make(chan Size, 1)
		session.Resize = resize
		h.serving.Go(func() { follow(windows, resize) })
	}
	status := 2
	switch {
	case bad != nil:
		fmt.Fprintln(session.Err, "fettle:", bad)
	case console && h.o.Console != nil:
		session.Actor.From = model.FromConsole
		status = h.guard(session, func() int { return h.o.Console(ctx, session) })
		if context.Cause(ctx) == errLeaving {
			status = StatusLeaving
		}
	case console:
		fmt.Fprint(session.Err, "The process that holds the store serves no console.\r\n")
		status = 1
	case s.RawCommand() == "":
		fmt.Fprintln(session.Err, "fettle: a session without a terminal needs a command")
	default:
		status = h.guard(session, func() int { return h.o.Command(ctx, session) })
		if k == forConsole && context.Cause(ctx) == errLeaving {
			status = StatusLeaving
		}
	}
	exit(s, status, h.o.Log)
}

// noWord says whether a command line has flags only, which opens a console.
func noWord(args []string) bool {
	return !slices.ContainsFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
}

// guard keeps a panic of one session from ending the holder, which may serve
// others for months.
func (h *Holder) guard(s *Session, run func() int) (status int) {
	defer func() {
		if p := recover(); p != nil {
			h.o.Log.Error("a session ended by a fault", "fault", p, "command", s.Args)
			fmt.Fprintln(s.Err, "fettle: the command ended by a fault of Fettle's own; the log of the process that holds the store has more")
			status = 1
		}
	}()
	return run()
}

func exit(s ssh.Session, status int, log *slog.Logger) {
	if err := s.Exit(status); err != nil && !errors.Is(err, io.EOF) {
		log.Debug("a session's status could not be passed back", "error", err)
	}
}

// obey ends a session's context when its caller sends a signal.
func obey(ctx context.Context, signals <-chan ssh.Signal, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			if sig == ssh.SIGINT || sig == ssh.SIGTERM || sig == ssh.SIGHUP {
				cancel(ErrInterrupted)
			}
		}
	}
}

// follow passes sizes on, the latest only, until the connection ends.
func follow(windows <-chan ssh.Window, resize chan Size) {
	for w := range windows {
		select {
		case <-resize:
		default:
		}
		resize <- Size{w.Width, w.Height}
	}
}

// actor is who a session acts for: the user whom the kernel named.
func (h *Holder) actor(s ssh.Session) model.Actor {
	uid, _ := s.Context().Value(peerKey{}).(int)
	return model.Actor{Who: UserName(uid), From: model.FromCommand, Role: model.AccessAdministrator}
}

// UserName gives the name of a user, or its number when it has none.
func UserName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "user " + strconv.Itoa(uid)
	}
	return model.Clean(u.Username)
}

// Busy lists the command lines that run for others now. Agents are none of them:
// between two requests they keep nobody, and no request takes long.
func (h *Holder) Busy() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var words []string
	for r := range h.sessions {
		if r.kind == forCommand {
			words = append(words, strings.ReplaceAll(r.words, "'", ""))
		}
	}
	return words
}

// Close stops listening, sends consoles and agents away and waits for commands
// and for the requests of agents that are at work; when ctx ends first, those are
// cancelled too.
func (h *Holder) Close(ctx context.Context) error {
	h.mu.Lock()
	h.leaving = true
	h.leave()
	err := h.listener.Close()
	for r := range h.sessions {
		if r.kind == forConsole {
			r.cancel(errLeaving)
		}
	}
	wait := make(chan struct{})
	if len(h.sessions) == 0 {
		close(wait)
	} else {
		h.empty = wait
	}
	h.mu.Unlock()
	if rerr := os.Remove(h.o.Socket); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, fmt.Errorf("removing the socket: %w", rerr))
	}
	select {
	case <-wait:
	case <-ctx.Done():
		h.mu.Lock()
		for r := range h.sessions {
			r.cancel(errLeaving)
		}
		h.mu.Unlock()
		<-wait
	}
	if cerr := h.server.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	h.serving.Wait()
	return err
}
