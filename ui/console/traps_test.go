//go:build unix

package console

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"fettle/store"
	"fettle/ui/console/keys"
)

// cursor is the row under the cursor on the terminal.
func (x *terminal) cursor() string {
	for l := range strings.SplitSeq(x.text(), "\n") {
		if strings.HasPrefix(l, "> ") {
			return strings.TrimRight(l, " ")
		}
	}
	return ""
}

// until waits until the screen is as a condition wants it.
func (x *terminal) until(what string, done func() bool) {
	x.t.Helper()
	over := time.After(patience)
	for !done() {
		select {
		case <-x.changed:
		case err := <-x.exited:
			x.exited <- err
			<-x.drained // what it said last may still be on its way
			if !done() {
				x.t.Fatalf("the console ended (%v) before %s:\n%s", err, what, x.text())
			}
		case <-over:
			x.t.Fatalf("it never came to %s:\n%s", what, x.text())
		}
	}
}

func (x *terminal) resize(w, h int) {
	x.mu.Lock()
	x.screen.Resize(w, h)
	x.mu.Unlock()
	if err := pty.Setsize(x.pty, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)}); err != nil {
		x.t.Fatal(err)
	}
}

// TestPasteIsNoSeriesOfCommands is finding 2: what is pasted goes into a field of
// text, or nowhere.
func TestPasteIsNoSeriesOfCommands(t *testing.T) {
	x := onTerminal(t)
	x.waits("> openssl")
	x.types("\x1b[200~Gdq\r\x1b[201~j") // the j alone is a command
	x.waits("> curl")
	x.types("/\x15\x1b[200~size:>0\x1b[201~\r")
	x.waits("Filter: size:>0")
}

// TestBurstDoesNotConfirm is the dialog's grace: what was typed before it was on
// the screen answers nothing (terminal section 1, bulk action).
func TestBurstDoesNotConfirm(t *testing.T) {
	for _, burst := range []string{"ai\ry", "ai\r\t\r", "dy", "d\t\r", "dyyyyyyyy"} {
		x := onTerminal(t, "FETTLE_CONSOLE_TEST_WITH=clock")
		x.waits("> openssl")
		x.types(burst)
		x.waits("Updates > ")
		x.types("\x03") // Ctrl-C leaves from anywhere
		x.ends()
		s, err := store.Open(store.Options{Dir: x.dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WaitLoaded(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Snapshot().Journal(); got != x.journal {
			t.Errorf("%q in one write was confirmed: the journal has %d entries, it had %d", burst, got, x.journal)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestListWidgetsOfBubblesAreNotUsed is findings 4 and 5: one is quadratic, the
// other follows places instead of identities.
func TestListWidgetsOfBubblesAreNotUsed(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list cannot be run here: %v", err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if dep == "github.com/charmbracelet/bubbles/list" || dep == "github.com/charmbracelet/bubbles/table" {
			t.Errorf("the console is built with %s", dep)
		}
	}
}

// TestHundredThousandRowsAnswerAKey is findings 4 and 5 on a terminal.
func TestHundredThousandRowsAnswerAKey(t *testing.T) {
	x := onTerminalOf(t, 80, 24, 100_000, nil, "FETTLE_CONSOLE_TEST_FILTER=size:>0")
	x.until("a list with rows", func() bool { return x.cursor() != "" })
	first := x.cursor()
	x.types("G")
	x.until("the last row", func() bool { return x.cursor() != first })
	x.types("g")
	x.until("the first row", func() bool { return x.cursor() == first })
}

// TestBytesOnTheWire is finding 6, measured where the line would be: the bytes of
// one move of the cursor, averaged over 150 rows.
func TestBytesOnTheWire(t *testing.T) {
	for _, size := range []struct{ w, h, most int }{{80, 24, 600}, {200, 60, 1100}} {
		x := onTerminalOf(t, size.w, size.h, 300, nil, "FETTLE_CONSOLE_TEST_FILTER=size:>0", "TERM=xterm-256color")
		x.until("a list with rows", func() bool { return x.cursor() != "" })
		before := len(x.sent())
		for range 150 {
			at := x.cursor()
			x.types("j")
			x.until("the next row", func() bool { c := x.cursor(); return c != "" && c != at })
		}
		if got := (len(x.sent()) - before) / 150; got > size.most {
			t.Errorf("%dx%d: a move of the cursor sends %d bytes, more than %d", size.w, size.h, got, size.most)
		} else {
			t.Logf("%dx%d: a move of the cursor sends %d bytes", size.w, size.h, got)
		}
	}
}

// TestSuspendWithJobControl is finding 10: with a shell behind it Ctrl-Z gives
// the terminal back, and fg comes back to the same screen.
func TestSuspendWithJobControl(t *testing.T) {
	sh, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed: no shell with job control is known to be here")
	}
	x := onTerminalOf(t, 80, 24, 30, []string{sh, "--norc", "-c", `set -m; "$0"; echo the shell is back; fg >/dev/null; echo it ended with $?`})
	x.waits("> openssl")
	x.types("j")
	x.waits("> curl")
	x.types("\x1a")
	x.until("the shell", func() bool { return strings.Contains(x.sent(), "the shell is back") })
	x.waits("> curl")
	x.types("q")
	x.until("the end", func() bool { return strings.Contains(x.sent(), "it ended with 0") })
}

// TestPanicGivesTheTerminalBack: wherever our own fault is, the screen is left,
// the cursor shown and echo on again; then it is said, and the status is not 0.
func TestPanicGivesTheTerminalBack(t *testing.T) {
	for _, where := range []string{"update", "view", "command"} {
		x := onTerminal(t, "FETTLE_CONSOLE_TEST_WITH=fault-in-"+where)
		x.waits("> openssl")
		x.types("w") // the screen that breaks
		if code := x.ends(); code != 3 {
			t.Errorf("%s: it ended with %d", where, code)
		}
		x.until("the message", func() bool {
			_, after, left := strings.Cut(x.sent(), "\x1b[?1049l")
			return left && strings.Contains(after, "a fault in Fettle itself: the test breaks "+where)
		})
		if !strings.Contains(x.sent(), "\x1b[?25h") {
			t.Errorf("%s: the cursor stayed hidden", where)
		}
		if strings.Contains(x.sent(), "goroutine ") {
			t.Errorf("%s: the terminal was sent a stack", where)
		}
		modes, err := unix.IoctlGetTermios(int(x.pty.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if modes.Lflag&unix.ECHO == 0 || modes.Lflag&unix.ICANON == 0 {
			t.Errorf("%s: the terminal stayed raw", where)
		}
	}
}

// broken is a screen that breaks the console in one place.
type broken struct{ where string }

func (p broken) breaks(where string) {
	if p.where == where {
		panic("the test breaks " + where)
	}
}

func (broken) Title() string  { return "Broken" }
func (broken) Keys() paneKeys { return paneKeys{Scope: keys.Scroll} }
func (p broken) View(int, int) string {
	p.breaks("view")
	return ""
}

func (p broken) Update(tea.Msg) tea.Cmd {
	p.breaks("update")
	return tea.Batch(nil, func() tea.Msg {
		p.breaks("command")
		return nil
	}, func() tea.Msg { return nil })
}

// runFaulty is Run with a screen that breaks.
func runFaulty(o Options, where string) error {
	c, err := New(o)
	if err != nil {
		return err
	}
	defer c.Close()
	c.screens[keys.ToAgenda] = broken{where}
	return Serve(context.Background(), c, tea.WithAltScreen())
}

// TestResizeStorm changes the size in quick succession, below the least one too;
// what is on the screen in the end is a whole frame of the last size.
func TestResizeStorm(t *testing.T) {
	x := onTerminal(t)
	x.waits("> openssl")
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		x.resize(1+r.IntN(200), 1+r.IntN(60))
	}
	x.resize(50, 10)
	x.waits("need 60x15")
	x.resize(80, 24)
	x.waits("> openssl")
	x.until("a whole frame", func() bool {
		return strings.HasPrefix(x.text(), " 1Overview[2 Updates]") && strings.Contains(x.text(), "? help")
	})
}

// TestMouseOnATerminal is the mouse as a terminal sends it; its reports are asked
// for only where it is wanted, and ended with the program.
func TestMouseOnATerminal(t *testing.T) {
	x := onTerminal(t, "FETTLE_CONSOLE_TEST_WITH=mouse")
	x.waits("> openssl")
	if !strings.Contains(x.sent(), "\x1b[?1006h") {
		t.Error("the mouse was not asked for")
	}
	line := 1 + slices.IndexFunc(strings.Split(x.text(), "\n"), func(l string) bool { return strings.HasPrefix(l, "  nginx") })
	x.types(fmt.Sprintf("\x1b[<0;5;%dM\x1b[<0;5;%dm", line, line))
	x.waits("> nginx")
	x.types("\x1b[<0;22;1M\x1b[<0;22;1m")
	x.waits("[3 Computers]")
	x.types("q")
	x.ends()
	if !strings.Contains(x.sent(), "\x1b[?1006l") {
		t.Error("the mouse was left on")
	}
	without := onTerminal(t)
	without.waits("> openssl")
	if strings.Contains(without.sent(), "\x1b[?1006h") {
		t.Error("the mouse was taken although it was not wanted")
	}
}

// TestNoColourMeansNone draws every screen for terminals without colour: only
// attributes are sent, and to a dumb one nothing at all (finding 3).
func TestNoColourMeansNone(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 5, wideTitles...)
	for _, attributes := range []bool{true, false} {
		for _, way := range ways {
			d := drive(t, s, 80, 24, func(o *Options) { o.Terminal = plainTerminal(); o.Terminal.Attributes = attributes })
			d.press(way.keys...)
			rest := d.c.View()
			for {
				_, after, found := strings.Cut(rest, "\x1b")
				if !found {
					break
				}
				seq, _, _ := strings.Cut(after, "m")
				codes := strings.Split(strings.TrimPrefix(seq, "["), ";")
				if !attributes || !strings.HasPrefix(seq, "[") || slices.ContainsFunc(codes, func(c string) bool { return !slices.Contains([]string{"0", "1", "2", "4", "7", ""}, c) }) {
					t.Fatalf("%s (attributes %v): the terminal is sent %q", way.name, attributes, "\x1b"+seq+"m")
				}
				rest = after
			}
		}
	}
}
