//go:build unix

package console

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"fettle/store"
	"fettle/ui/console/theme"
)

// The tests of this file run the console as a process of its own on a
// pseudo-terminal: they are for what only a terminal shows (terminal section 0).
// The process is this test binary; TestMain becomes the console when the
// variable is set.
const childVariable = "FETTLE_CONSOLE_TEST_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child is the console on a store that the test made.
func child(dir string) int {
	s, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	o := Options{Store: s, Actor: admin, Terminal: theme.Detect(os.Getenv), Local: true, Zone: time.UTC, Now: func() time.Time { return testTime }, View: os.Getenv("FETTLE_CONSOLE_TEST_VIEW"), Filter: os.Getenv("FETTLE_CONSOLE_TEST_FILTER")}
	switch os.Getenv("FETTLE_CONSOLE_TEST_WITH") {
	case "clock":
		o.Now = time.Now
	case "mouse":
		o.Mouse = true
	}
	if where, ok := strings.CutPrefix(os.Getenv("FETTLE_CONSOLE_TEST_WITH"), "fault-in-"); ok {
		err = runFaulty(o, where)
	} else {
		err = Run(context.Background(), o)
	}
	if cerr := s.Close(); cerr != nil {
		fmt.Println(cerr)
		return 1
	}
	// The test reads this to know that everything was closed in order.
	if path := os.Getenv("FETTLE_CONSOLE_TEST_RESULT"); path != "" {
		if werr := os.WriteFile(path, fmt.Appendf(nil, "closed: %v", err), 0o600); werr != nil {
			return 1
		}
	}
	if err != nil {
		fmt.Println(err)
		return 3
	}
	return 0
}

// terminal is a console on a pseudo-terminal.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	pty    *os.File
	screen vt10x.Terminal
	exited chan error

	drained chan struct{} // closed when nothing more comes
	dir     string
	journal uint64 // entries when it began

	mu      sync.Mutex
	raw     strings.Builder
	changed chan struct{}
}

// onTerminal starts a console on a full store, in 80x24.
func onTerminal(t *testing.T, env ...string) *terminal {
	t.Helper()
	return onTerminalOf(t, 80, 24, 30, nil, env...)
}

// onTerminalOf starts a console on a store with that many updates more, at a
// size; before, if any, is the program that starts it.
func onTerminalOf(t *testing.T, w, h, extra int, before []string, env ...string) *terminal {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	s, err := store.Open(store.Options{Dir: dir, Clock: func() time.Time { return testTime }})
	if err != nil {
		t.Fatal(err)
	}
	must[struct{}](t)(struct{}{}, s.WaitLoaded(t.Context()))
	setUp(t, s)
	fill(t, s, extra)
	entries, _ := s.Snapshot().Journal()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, dir: dir, journal: entries, exited: make(chan error, 1), drained: make(chan struct{}), changed: make(chan struct{}, 1)}
	args := append(before[:len(before):len(before)], exe)
	x.cmd = exec.Command(args[0], args[1:]...)
	x.cmd.Env = append([]string{childVariable + "=" + dir, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "LANG=C.UTF-8", "FETTLE_CONSOLE_TEST_VIEW=updates"}, env...)
	x.pty, err = pty.StartWithSize(x.cmd, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)})
	if err != nil {
		t.Skipf("there is no pseudo-terminal: %v", err)
	}
	// Without the poller, closing the terminal would wait for the read in flight.
	fd, err := syscall.Dup(int(x.pty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	x.pty.Close()
	x.pty = os.NewFile(uintptr(fd), "ptmx")
	// The emulator gets no way to answer: a query of the console would show.
	x.screen = vt10x.New(vt10x.WithSize(w, h), vt10x.WithWriter(io.Discard))
	var reading sync.WaitGroup
	reading.Go(x.read)
	t.Cleanup(func() {
		x.pty.Close()
		x.cmd.Process.Kill()
		reading.Wait()
	})
	go func() { x.exited <- x.cmd.Wait() }()
	return x
}

func (x *terminal) read() {
	defer close(x.drained)
	buf := make([]byte, 32<<10)
	for {
		n, err := x.pty.Read(buf)
		if n > 0 {
			x.mu.Lock()
			x.raw.Write(buf[:n])
			x.screen.Write(buf[:n])
			x.mu.Unlock()
			select {
			case x.changed <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

func (x *terminal) sent() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.String()
}

// patience bounds the waiting of a test that would otherwise hang; it asserts
// nothing about time.
const patience = 60 * time.Second

// waits waits until the screen shows a text.
func (x *terminal) waits(text string) {
	x.t.Helper()
	over := time.After(patience)
	for !strings.Contains(x.text(), text) {
		select {
		case <-x.changed:
		case err := <-x.exited:
			x.t.Fatalf("the console ended (%v) before it showed %q:\n%s", err, text, x.text())
		case <-over:
			x.t.Fatalf("the screen never showed %q:\n%s", text, x.text())
		}
	}
}

func (x *terminal) types(s string) {
	if _, err := io.WriteString(x.pty, s); err != nil {
		x.t.Fatal(err)
	}
}

// ends waits for the process and gives its exit status.
func (x *terminal) ends() int {
	x.t.Helper()
	select {
	case <-x.exited:
		return x.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		x.t.Fatalf("the console did not end:\n%s", x.text())
		return -1
	}
}

// TestStartAsksTheTerminalNothing is finding 1: a terminal that does not answer
// must not be waited for, so it must not be asked.
func TestStartAsksTheTerminalNothing(t *testing.T) {
	x := onTerminal(t)
	x.waits("openssl")
	for _, query := range []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n", "\x1b[c", "\x1b[>"} {
		if strings.Contains(x.sent(), query) {
			t.Errorf("the terminal was asked %q", query)
		}
	}
	x.types("q")
	if code := x.ends(); code != 0 {
		t.Errorf("quitting ended with %d", code)
	}
	if !strings.Contains(x.sent(), "\x1b[?1049l") {
		t.Error("the alternate screen was left on")
	}
}

// TestBurstOfKeys is finding 2: keys that arrive in one read are all obeyed.
func TestBurstOfKeys(t *testing.T) {
	x := onTerminal(t)
	x.waits("> openssl")
	x.types("jjkkjj")
	x.waits("> tzdata")
	x.types("\r")
	x.waits("Identifier")
	x.types("\x1bj") // back, and down
	x.waits("> tzdata")
}

// TestSelectionIsVisibleWithoutColour is finding 3.
func TestSelectionIsVisibleWithoutColour(t *testing.T) {
	for _, env := range []string{"NO_COLOR=1", "TERM=vt220", "TERM=dumb"} {
		x := onTerminal(t, env)
		x.waits("> openssl")
		x.types("j")
		x.waits("> curl")
		out := x.sent()
		if strings.Contains(out, "\x1b[38;") || strings.Contains(out, "\x1b[31m") {
			t.Errorf("%s: there is colour", env)
		}
		if reverse := strings.Contains(out, "\x1b[7m> curl"); reverse != (env != "TERM=dumb") {
			t.Errorf("%s: reverse is %v", env, reverse)
		}
		if env == "TERM=vt220" && strings.ContainsFunc(out, func(r rune) bool { return r >= 0x80 }) {
			t.Error("a vt220 was sent more than ASCII")
		}
		x.types("q")
		x.ends()
	}
}

// TestClosedTerminalClosesTheStore is finding 9.
func TestClosedTerminalClosesTheStore(t *testing.T) {
	term := func(x *terminal) { x.cmd.Process.Signal(syscall.SIGTERM) }
	type end struct {
		name string
		hang func(x *terminal)
	}
	ends := []end{
		{"the terminal is closed", func(x *terminal) { x.pty.Close() }},
		{"SIGHUP", func(x *terminal) { x.cmd.Process.Signal(syscall.SIGHUP) }},
	}
	// Bubble Tea's own handler of SIGTERM raced with the end of the context, and
	// the console hung about every third time.
	for range 12 {
		ends = append(ends, end{"SIGTERM", term})
	}
	for _, e := range ends {
		name, hang := e.name, e.hang
		result := t.TempDir() + "/result"
		x := onTerminal(t, "FETTLE_CONSOLE_TEST_RESULT="+result)
		x.waits("openssl")
		hang(x)
		x.ends()
		if b, err := os.ReadFile(result); err != nil || string(b) != "closed: <nil>" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// TestSuspendIsRefusedWithoutJobControl is finding 10: the console leads its
// session here, so that a stop would freeze it.
func TestSuspendIsRefusedWithoutJobControl(t *testing.T) {
	x := onTerminal(t)
	x.waits("> openssl")
	x.types("\x1a")
	x.waits("no shell with job control")
	x.types("j")
	x.waits("> curl")
}

// TestResizeReachesTheFrame changes the size of the terminal.
func TestResizeReachesTheFrame(t *testing.T) {
	x := onTerminal(t)
	x.waits("> openssl")
	x.mu.Lock()
	x.screen.Resize(50, 10)
	x.mu.Unlock()
	if err := pty.Setsize(x.pty, &pty.Winsize{Rows: 10, Cols: 50}); err != nil {
		t.Fatal(err)
	}
	x.waits("need 60x15")
}
