package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/muesli/cancelreader"
	gossh "golang.org/x/crypto/ssh"
)

// DialTimeout is how long a holder may take to answer.
const DialTimeout = 5 * time.Second

// Client is attached to the process that holds the store.
type Client struct {
	conn  *gossh.Client
	pid   int
	files <-chan gossh.NewChannel // when the holder asks for the caller's files; nil = it was never allowed to
}

// Dial attaches at a socket. Its error is ErrNobody, ErrDenied or ErrSilent, or
// wraps one of them, as far as the reason is known.
func Dial(ctx context.Context, socket string, timeout time.Duration) (*Client, error) {
	conn, err := connect(ctx, socket, timeout)
	if err != nil {
		return nil, err
	}
	_, pid, err := peer(conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, errors.Join(fmt.Errorf("attaching at %s: %w", socket, err), conn.Close())
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	sc, chans, reqs, err := gossh.NewClientConn(conn, socket, &gossh.ClientConfig{
		User: "fettle",
		// The kernel told who listens (connect): the key adds nothing.
		HostKeyCallback: gossh.InsecureIgnoreHostKey(),
		Timeout:         timeout,
	})
	if err != nil {
		conn.Close()
		var slow interface{ Timeout() bool }
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &slow) && slow.Timeout():
			return nil, fmt.Errorf("%w (process %d) at %s", ErrSilent, pid, socket)
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
			return nil, fmt.Errorf("%w at %s any more", ErrNobody, socket)
		}
		return nil, fmt.Errorf("attaching at %s: %w", socket, err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(fmt.Errorf("attaching at %s: %w", socket, err), sc.Close())
	}
	return &Client{conn: gossh.NewClient(sc, chans, reqs), pid: pid}, nil
}

// PID is the process that holds the store.
func (c *Client) PID() int { return c.pid }

// Close ends the connection.
func (c *Client) Close() error {
	if err := c.conn.Close(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("detaching: %w", err)
	}
	return nil
}

// open makes a session that has what travels of the caller's environment.
func (c *Client) open(env map[string]string) (*gossh.Session, error) {
	s, err := c.conn.NewSession()
	if err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	for name, value := range env {
		if !travels(name) || value == "" {
			continue
		}
		if err := s.Setenv(name, value); err != nil {
			return nil, errors.Join(fmt.Errorf("passing on %s: %w", name, err), s.Close())
		}
	}
	return s, nil
}

// ErrLost says that the holder ended without a word.
var ErrLost = errors.New("the process that holds the store ended before the command did; look at what it did, and run it again")

// status reads the exit status out of what a session ended with.
func status(err error) (int, error) {
	var exit *gossh.ExitError
	var missing *gossh.ExitMissingError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	case errors.As(err, &missing), errors.Is(err, io.EOF):
		return 1, ErrLost
	}
	return 1, fmt.Errorf("running the command in the process that holds the store: %w", err)
}

// Run runs a command line in the holder with the session's input and outputs
// and gives its exit status. When ctx ends, the command is told to stop, and
// what it still has to say is waited for.
func (c *Client) Run(ctx context.Context, s *Session) (int, error) {
	env := map[string]string{}
	for name, value := range s.Env {
		env[name] = value
	}
	if s.Size.Width > 0 {
		env[envWidth] = strconv.Itoa(s.Size.Width)
	}
	if s.Live > 0 {
		env[envLive] = strconv.Itoa(s.Live)
	}
	if s.Ask {
		env[envAsk] = "1"
	}
	session, err := c.open(env)
	if err != nil {
		return 1, err
	}
	defer session.Close()
	// An input of our own: gossh would wait for a reader that never returns.
	in, err := session.StdinPipe()
	if err != nil {
		return 1, fmt.Errorf("opening a session: %w", err)
	}
	session.Stdout, session.Stderr = s.Out, s.Err
	files, lending := s.Files.(*OwnFiles)
	if lending && c.files == nil {
		c.files = c.conn.HandleChannelOpen(filesChannel)
	}
	if err := session.Start(quote(s.Args)); err != nil {
		return 1, fmt.Errorf("starting the command in the process that holds the store: %w", err)
	}
	go copyInput(in, s.In)
	done := make(chan struct{})
	var watching sync.WaitGroup
	if lending {
		watching.Go(func() { c.lend(files, done) })
	}
	watching.Go(func() {
		select {
		case <-done:
		case <-ctx.Done():
			if session.Signal(gossh.SIGINT) != nil {
				c.conn.Close()
			}
		}
	})
	code, err := status(session.Wait())
	close(done)
	watching.Wait()
	return code, err
}

// copyInput feeds a session until the input or the session ends. An input that
// cannot be interrupted, a terminal, may keep it until the process ends.
func copyInput(w io.WriteCloser, r io.Reader) {
	if r == nil {
		r = eof{}
	}
	if _, err := io.Copy(w, r); err == nil {
		w.Close()
	}
}

type eof struct{}

// Read gives the end.
func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// leaveScreen ends the alternate screen, mouse reports and bracketed paste and
// shows the cursor.
const leaveScreen = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[m"

// Console shows the holder's console on this terminal until it ends, and gives
// its exit status: StatusLeaving when the holder leaves.
func (c *Client) Console(ctx context.Context, in, out *os.File, env map[string]string) (int, error) {
	session, err := c.open(env)
	if err != nil {
		return 1, err
	}
	defer session.Close()
	width, height, err := term.GetSize(out.Fd())
	if err != nil {
		return 1, fmt.Errorf("asking for the terminal's size: %w", err)
	}
	if err := session.RequestPty(env["TERM"], height, width, gossh.TerminalModes{}); err != nil {
		return 1, fmt.Errorf("asking for a terminal: %w", err)
	}
	keys, err := cancelreader.NewReader(in)
	if err != nil {
		return 1, fmt.Errorf("reading the keyboard: %w", err)
	}
	defer keys.Close()
	pipe, err := session.StdinPipe()
	if err != nil {
		return 1, fmt.Errorf("opening a session: %w", err)
	}
	session.Stdout, session.Stderr = out, out
	raw, err := term.MakeRaw(in.Fd())
	if err != nil {
		return 1, fmt.Errorf("preparing the terminal: %w", err)
	}
	restore := func() error { return term.Restore(in.Fd(), raw) }
	if err := session.Shell(); err != nil {
		return 1, errors.Join(fmt.Errorf("opening the console: %w", err), restore())
	}
	var copying sync.WaitGroup
	done := make(chan struct{})
	copying.Go(func() { _, _ = io.Copy(pipe, keys) }) // ends when keys is cancelled or the session is gone
	sizes := make(chan os.Signal, 1)
	signal.Notify(sizes, syscall.SIGWINCH)
	copying.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				// The console restores the screen itself when it is told to stop.
				if session.Signal(gossh.SIGHUP) != nil {
					c.conn.Close()
				}
				return
			case <-sizes:
				if w, h, err := term.GetSize(out.Fd()); err == nil && session.WindowChange(h, w) != nil {
					return
				}
			}
		}
	})
	code, werr := status(session.Wait())
	if errors.Is(werr, ErrLost) {
		// Nobody is left who could put the screen back.
		_, rerr := io.WriteString(out, leaveScreen)
		code, werr = StatusLeaving, rerr
	}
	signal.Stop(sizes)
	close(done)
	keys.Cancel()
	copying.Wait()
	return code, errors.Join(werr, restore())
}
