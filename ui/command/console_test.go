package command

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"fettle/store"
	"fettle/ui/remote"
)

// onTerminal starts the program on a pseudo-terminal that answers nothing.
func onTerminal(t *testing.T, dir string, args ...string) (*exec.Cmd, *os.File) {
	t.Helper()
	return onTerminalOf(t, dir, "xterm-256color", args...)
}

// onTerminalOf is onTerminal for a terminal of another type.
func onTerminalOf(t *testing.T, dir, term string, args ...string) (*exec.Cmd, *os.File) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TERM="+term, "FETTLE_DATA="+dir, "HOME="+dir, "LANG=C.UTF-8", "NO_COLOR=", "TZ=UTC")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 100, Rows: 30})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() {
		f.Close()
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd, f
}

// readUntil reads from a terminal until a text has come, or the end.
func readUntil(f io.Reader, text string) (string, bool) {
	var all bytes.Buffer
	b := make([]byte, 4096)
	for {
		n, err := f.Read(b)
		all.Write(b[:n])
		if text != "" && strings.Contains(all.String(), text) {
			return all.String(), true
		}
		if err != nil {
			return all.String(), false
		}
	}
}

// queries are what Bubble Tea asks a terminal at start unless package background
// is initialised before it; one that does not answer stalls for five seconds
// (terminal finding 1).
var queries = []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n"}

func TestTheTerminalIsNotAsked(t *testing.T) {
	cmd, f := onTerminal(t, t.TempDir(), "version")
	text, _ := readUntil(f, "")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err, text)
	}
	for _, q := range queries {
		if strings.Contains(text, q) {
			t.Errorf("the terminal was asked %q", q)
		}
	}
	if !strings.Contains(text, Version) {
		t.Errorf("got %q", text)
	}
}

func TestClosedTerminalClosesTheStore(t *testing.T) {
	dir := t.TempDir()
	cmd, f := onTerminal(t, dir)
	if text, ok := readUntil(f, "Overview"); !ok {
		t.Fatalf("no console came: %q", text)
	}
	if _, err := os.Stat(filepath.Join(dir, remote.SocketName)); err != nil {
		t.Error("the console does not listen:", err)
	}
	f.Close()
	if err := cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatal("it died of the signal instead of ending:", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, remote.SocketName)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the socket stayed behind:", err)
	}
	s, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAttachedConsoleTakesOverWhenTheHolderLeaves(t *testing.T) {
	dir := t.TempDir()
	first, one := onTerminal(t, dir)
	if text, ok := readUntil(one, "Overview"); !ok {
		t.Fatalf("no console came: %q", text)
	}
	second, two := onTerminal(t, dir)
	if text, ok := readUntil(two, "Overview"); !ok {
		t.Fatalf("no attached console came: %q", text)
	}
	go io.Copy(io.Discard, one)
	if _, err := one.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Fatal("the first console ended with", err)
	}
	// The second console begins again, and holds the store itself now.
	if text, ok := readUntil(two, "Overview"); !ok {
		t.Fatalf("the attached console did not come back: %q", text)
	}
	go io.Copy(io.Discard, two)
	if _, err := two.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Fatal("the second console ended with", err)
	}
}
