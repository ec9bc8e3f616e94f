package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"pgregory.net/rapid"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// hold starts a holder at a socket of its own and closes it with the test.
func hold(t *testing.T, o Options) *Holder {
	t.Helper()
	dir := t.TempDir()
	if o.Socket == "" {
		o.Socket = filepath.Join(dir, SocketName)
	}
	o.Keys = filepath.Join(dir, "keys")
	h, err := Hold(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := h.Close(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return h
}

func dial(t *testing.T, h *Holder) *Client {
	t.Helper()
	c, err := Dial(t.Context(), h.Socket(), DialTimeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCommandRunsInTheHolder(t *testing.T) {
	var got *Session
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		got = s
		in, err := io.ReadAll(s.In)
		fmt.Fprintf(s.Out, "read %q %v", in, err)
		fmt.Fprint(s.Err, "to the error output")
		return 7
	}})
	var out, errs strings.Builder
	args := []string{"updates", "needed:>0 title:\"it's\"", "", "a\nb", "--", "-x*", "日本"}
	code, err := dial(t, h).Run(t.Context(), &Session{
		Args: args, In: strings.NewReader("some input"), Out: &out, Err: &errs, Size: Size{Width: 120}, Live: 80, Ask: true,
		Env: map[string]string{"LANG": "de_DE.UTF-8", "LC_TIME": "C", "TZ": "Europe/Berlin", "PATH": "/evil", "LD_PRELOAD": "evil.so"},
	})
	if err != nil || code != 7 {
		t.Errorf("status %d, %v", code, err)
	}
	if out.String() != `read "some input" <nil>` || errs.String() != "to the error output" {
		t.Errorf("out %q, err %q", out.String(), errs.String())
	}
	if !slices.Equal(got.Args, args) {
		t.Errorf("the arguments came as %q", got.Args)
	}
	if got.Size.Width != 120 || got.Live != 80 || !got.Ask || !got.Remote {
		t.Errorf("the session came as %+v", got)
	}
	if got.Env["TZ"] != "Europe/Berlin" || got.Env["LC_TIME"] != "C" || got.Env["PATH"] != "" || got.Env["LD_PRELOAD"] != "" {
		t.Errorf("the environment came as %v", got.Env)
	}
	if got.Actor.Who != UserName(os.Geteuid()) || got.Actor.Role != model.AccessAdministrator || got.Actor.From != model.FromCommand {
		t.Errorf("the actor came as %+v", got.Actor)
	}
}

func TestHolderDropsOtherVariables(t *testing.T) {
	env := environment([]string{"TERM=xterm\x1b[31m", "PATH=/x", "LC_ALL=C", "broken", "LANG=" + strings.Repeat("x", 300)})
	if len(env) != 2 || env["TERM"] != "xterm" || env["LC_ALL"] != "C" {
		t.Errorf("got %q", env)
	}
}

func TestQuotedWordsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`['"\\ $#;a-]*`))).Draw(t, "args")
		back, err := split(quote(args))
		if err != nil || !slices.Equal(back, args) && len(args)+len(back) > 0 {
			t.Fatalf("%q became %q, %v", args, back, err)
		}
	})
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		line string
		want []string
		ok   bool
	}{
		{"", nil, true},
		{"  updates   x ", []string{"updates", "x"}, true},
		{`updates "needed:>0 a" ''`, []string{"updates", "needed:>0 a", ""}, true},
		{`a\ b "c\"d\e" 'f\g'`, []string{"a b", `c"d\e`, `f\g`}, true},
		{`"open`, nil, false},
		{`open\`, nil, false},
	} {
		if got, err := split(test.line); !slices.Equal(got, test.want) || (err == nil) != test.ok {
			t.Errorf("%s became %q, %v", test.line, got, err)
		}
	}
}

func TestInterruptReachesTheCommand(t *testing.T) {
	started := make(chan struct{})
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		close(started)
		<-ctx.Done()
		fmt.Fprint(s.Out, context.Cause(ctx))
		return 130
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	var out strings.Builder
	code, err := dial(t, h).Run(ctx, &Session{Args: []string{"sync"}, Out: &out, Err: io.Discard})
	if code != 130 || err != nil || out.String() != ErrInterrupted.Error() {
		t.Errorf("status %d, %v, %q", code, err, out.String())
	}
}

func TestLostCallerEndsTheCommand(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		close(started)
		<-ctx.Done()
		close(ended)
		return 0
	}})
	c := dial(t, h)
	go c.Run(t.Context(), &Session{Args: []string{"sync"}, Out: io.Discard, Err: io.Discard})
	<-started
	c.conn.Close()
	<-ended
}

func TestTwoCommandsRunBesideEachOther(t *testing.T) {
	first, cancel := make(chan struct{}), make(chan struct{})
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		if s.Args[0] == "sync" && len(s.Args) == 1 {
			close(first)
			<-cancel
			return 130
		}
		close(cancel)
		return 0
	}})
	result := make(chan int)
	c := dial(t, h)
	go func() {
		code, _ := c.Run(t.Context(), &Session{Args: []string{"sync"}, Out: io.Discard, Err: io.Discard})
		result <- code
	}()
	<-first
	if busy := h.Busy(); !slices.Equal(busy, []string{"sync"}) {
		t.Errorf("busy with %q", busy)
	}
	if code, err := dial(t, h).Run(t.Context(), &Session{Args: []string{"sync", "cancel"}, Out: io.Discard, Err: io.Discard}); code != 0 || err != nil {
		t.Error(code, err)
	}
	if code := <-result; code != 130 {
		t.Errorf("the cancelled command ended with %d", code)
	}
}

func TestFaultOfACommandEndsOnlyThat(t *testing.T) {
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		if s.Args[0] == "bad" {
			panic("deliberate")
		}
		return 0
	}})
	var errs strings.Builder
	if code, err := dial(t, h).Run(t.Context(), &Session{Args: []string{"bad"}, Out: io.Discard, Err: &errs}); code != 1 || err != nil || !strings.Contains(errs.String(), "fault") {
		t.Error(code, err, errs.String())
	}
	if code, err := dial(t, h).Run(t.Context(), &Session{Args: []string{"good"}, Out: io.Discard, Err: io.Discard}); code != 0 || err != nil {
		t.Error(code, err)
	}
}

func TestClosingWaitsForCommands(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		close(started)
		<-release
		fmt.Fprint(s.Out, "whole")
		return 5
	}})
	c := dial(t, h)
	var out strings.Builder
	result := make(chan int)
	go func() {
		code, _ := c.Run(t.Context(), &Session{Args: []string{"x"}, Out: &out, Err: io.Discard})
		result <- code
	}()
	<-started
	closed := make(chan error)
	go func() { closed <- h.Close(t.Context()) }()
	// The socket goes first, so that nobody attaches to a holder that leaves.
	for {
		if _, err := Dial(t.Context(), h.Socket(), DialTimeout); errors.Is(err, ErrNobody) {
			break
		}
	}
	select {
	case <-closed:
		t.Fatal("the holder closed while a command ran")
	default:
	}
	close(release)
	if code := <-result; code != 5 || out.String() != "whole" {
		t.Errorf("status %d, %q", code, out.String())
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestClosingCancelsWhenItMayNotWait(t *testing.T) {
	started := make(chan struct{})
	h := hold(t, Options{Command: func(ctx context.Context, s *Session) int {
		close(started)
		<-ctx.Done()
		return 130
	}})
	c := dial(t, h)
	go c.Run(t.Context(), &Session{Args: []string{"x"}, Out: io.Discard, Err: io.Discard})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
}

// terminal opens a pseudo-terminal.
func terminal(t *testing.T, width, height int) (outside, inside *os.File) {
	t.Helper()
	outside, inside, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { outside.Close(); inside.Close() })
	if err := pty.Setsize(inside, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		t.Fatal(err)
	}
	return outside, inside
}

func TestConsole(t *testing.T) {
	var got *Session
	h := hold(t, Options{Console: func(ctx context.Context, s *Session) int {
		got = s
		fmt.Fprint(s.Out, "ready\r\n")
		key, _ := bufio.NewReader(s.In).ReadByte()
		fmt.Fprintf(s.Out, "key %c\r\n", key)
		return 3
	}})
	outside, inside := terminal(t, 91, 33)
	type result struct {
		code int
		err  error
	}
	ended := make(chan result)
	c := dial(t, h)
	go func() {
		code, err := c.Console(t.Context(), inside, inside, map[string]string{"TERM": "xterm-256color", "COLORTERM": "truecolor"})
		ended <- result{code, err}
	}()
	lines := bufio.NewReader(outside)
	if l, err := lines.ReadString('\n'); err != nil || strings.TrimSpace(l) != "ready" {
		t.Fatalf("%q, %v", l, err)
	}
	if _, err := outside.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if l, err := lines.ReadString('\n'); err != nil || strings.TrimSpace(l) != "key q" {
		t.Fatalf("%q, %v", l, err)
	}
	if r := <-ended; r.code != 3 || r.err != nil {
		t.Errorf("%+v", r)
	}
	if got.Size != (Size{91, 33}) || got.Env["TERM"] != "xterm-256color" || got.Env["COLORTERM"] != "truecolor" || got.Actor.From != model.FromConsole {
		t.Errorf("the session came as %+v", got)
	}
}

func TestConsoleIsSentAwayWhenTheHolderLeaves(t *testing.T) {
	started := make(chan struct{})
	h := hold(t, Options{Console: func(ctx context.Context, s *Session) int {
		close(started)
		<-ctx.Done()
		return 0
	}})
	_, inside := terminal(t, 80, 24)
	ended := make(chan int)
	c := dial(t, h)
	go func() {
		code, _ := c.Console(t.Context(), inside, inside, map[string]string{"TERM": "xterm"})
		ended <- code
	}()
	<-started
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if code := <-ended; code != StatusLeaving {
		t.Errorf("the console ended with %d", code)
	}
}

func TestDialTellsWhy(t *testing.T) {
	dir := t.TempDir()
	if _, err := Dial(t.Context(), filepath.Join(dir, "none.sock"), time.Second); !errors.Is(err, ErrNobody) {
		t.Errorf("no socket: %v", err)
	}
	if _, err := Dial(t.Context(), filepath.Join(dir, "no", "directory.sock"), time.Second); !errors.Is(err, ErrNobody) {
		t.Errorf("no directory: %v", err)
	}
	// A process that died leaves its socket behind.
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(t.Context(), stale, time.Second); !errors.Is(err, ErrNobody) {
		t.Errorf("a stale socket: %v", err)
	}
	// One that was stopped accepts nothing: the kernel still takes connections.
	silent, err := net.Listen("unix", filepath.Join(dir, "silent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := Dial(t.Context(), filepath.Join(dir, "silent.sock"), 50*time.Millisecond); !errors.Is(err, ErrSilent) {
		t.Errorf("a silent holder: %v", err)
	}
}

func TestHolderTakesOverAStaleSocketOnly(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if _, err := Hold(Options{Socket: socket, Keys: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("a socket in use was taken over: %v", err)
	}
	l.Close()
	h := hold(t, Options{Socket: socket, Command: func(context.Context, *Session) int { return 0 }})
	dial(t, h)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestLongPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, SocketName)
	h := hold(t, Options{Socket: socket, Command: func(context.Context, *Session) int { return 9 }})
	if code, err := dial(t, h).Run(t.Context(), &Session{Args: []string{"x"}, Out: io.Discard, Err: io.Discard}); code != 9 || err != nil {
		t.Error(code, err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Error("the socket stayed behind:", err)
	}
}

func TestHostKeyIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	a, err := hostKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hostKey(dir)
	if err != nil || string(a.PublicKey().Marshal()) != string(b.PublicKey().Marshal()) {
		t.Error("the key changed", err)
	}
	if err := os.WriteFile(filepath.Join(dir, hostKeyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hostKey(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
}

// server is an agent's server that remembers.
type server struct{ reports []protocol.Report }

func (s *server) Report(_ context.Context, r protocol.Report) (protocol.Ack, error) {
	s.reports = append(s.reports, r)
	return protocol.Ack{Version: protocol.Version, WantInventory: true}, nil
}

func (s *server) Decide(context.Context, protocol.DecideRequest) (protocol.Decisions, error) {
	return protocol.Decisions{}, model.SetupRefusal(model.Setup{})
}

func (s *server) Event(context.Context, protocol.Event) error { return errors.New("no \x1b[31mroom") }

func TestAgentConversation(t *testing.T) {
	var by model.Actor
	srv := &server{}
	h := hold(t, Options{Agent: func(_ context.Context, who model.Actor) (AgentServer, error) { by = who; return srv, nil }})
	c, err := dial(t, h).Agent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ack, err := c.Report(t.Context(), protocol.Report{Version: 1, Who: protocol.Identity{ID: "c1"}})
	if err != nil || !ack.WantInventory || len(srv.reports) != 1 || srv.reports[0].Who.ID != "c1" {
		t.Errorf("%+v, %v", ack, err)
	}
	var refusal *model.Refusal
	if _, err := c.Decide(t.Context(), protocol.DecideRequest{}); !errors.As(err, &refusal) || refusal.Code != "setup" {
		t.Errorf("the refusal came as %v", err)
	}
	if err := c.Event(t.Context(), protocol.Event{}); err == nil || err.Error() != "no room" {
		t.Errorf("the error came as %q", err)
	}
	if by.From != model.FromAgent {
		t.Errorf("the actor came as %+v", by)
	}
	// A conversation that was cut off says so, and stays over.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Report(ctx, protocol.Report{}); err == nil {
		t.Error("a cancelled request succeeded")
	}
}

func TestNoAgentsServed(t *testing.T) {
	h := hold(t, Options{})
	if _, err := dial(t, h).Agent(t.Context()); err == nil || !strings.Contains(err.Error(), "serves no agents") {
		t.Error(err)
	}
	refusing := hold(t, Options{Agent: func(context.Context, model.Actor) (AgentServer, error) { return nil, model.SetupRefusal(model.Setup{}) }})
	var refusal *model.Refusal
	if _, err := dial(t, refusing).Agent(t.Context()); !errors.As(err, &refusal) || refusal.Code != "setup" {
		t.Error(err)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0xa0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var q request
		_ = readFrame(strings.NewReader(string(b)), &q)
	})
}
