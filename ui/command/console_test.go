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

// TestAfterAKillTheNextConsoleStarts is terminal finding 8: after kill -9 a
// read-only console starts, too, and then an ordinary one.
func TestAfterAKillTheNextConsoleStarts(t *testing.T) {
	dir := t.TempDir()
	cmd, f := onTerminal(t, dir)
	if text, ok := readUntil(f, "Overview"); !ok {
		t.Fatalf("no console came: %q", text)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, args := range [][]string{{"--read-only"}, {}} {
		cmd, f := onTerminal(t, dir, args...)
		want := "Overview"
		if len(args) > 0 {
			want = "[RO]"
		}
		text, ok := readUntil(f, want)
		if !ok {
			t.Fatalf("%v: no console came after the kill: %q", args, text)
		}
		go io.Copy(io.Discard, f)
		if _, err := f.WriteString("q"); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: it ended with %v", args, err)
		}
	}
}

// TestConsoleReadsItsSettingsAgain changes config.toml under an open console:
// SIGUSR1 reads it, and what is wrong with it changes nothing.
func TestConsoleReadsItsSettingsAgain(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[ui]\ntheme = \"dark\"\n")
	cmd, f := onTerminal(t, dir, "--config", file)
	if text, ok := readUntil(f, "Overview"); !ok {
		t.Fatalf("no console came: %q", text)
	}
	write("[ui]\ntheme = \"mono\"\nfps = 20\n[keys]\nlog = [\"f5\"]\n")
	for _, step := range []struct{ config, want string }{
		{"", `ui.theme is "mono", was "dark"; ui.fps is 20, was 30 (from`},
		{"[keys]\nlog = [\"J\"]\n", `the configuration stays as it was`},
	} {
		if step.config != "" {
			write(step.config)
		}
		if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if text, ok := readUntil(f, step.want); !ok {
			t.Fatalf("%q was not said: %q", step.want, text)
		}
	}
	go io.Copy(io.Discard, f)
	if _, err := f.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestServedSessionEndsWithItsClient is terminal finding 7: colours are the
// session's own, sizes reach it, and a client that is gone takes its console and
// its goroutines along.
func TestServedSessionEndsWithItsClient(t *testing.T) {
	dir := t.TempDir()
	_, holder := onTerminal(t, dir)
	if text, ok := readUntil(holder, "Overview"); !ok {
		t.Fatalf("no console came: %q", text)
	}
	go io.Copy(io.Discard, holder)
	sessions := map[string]string{"TERM=xterm-256color": "\x1b[38;5;", "TERM=linux": "\x1b[1;9", "TERM=vt220": "\x1b[1m"}
	for env, want := range sessions {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), asProgram+"=1", "FETTLE_DATA="+dir, "HOME="+dir, "LANG=C.UTF-8", "NO_COLOR=", "COLORTERM=", env)
		f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 100, Rows: 30})
		if err != nil {
			t.Skipf("no pseudo-terminal: %v", err)
		}
		text, ok := readUntil(f, "Overview")
		if !ok {
			t.Fatalf("%s: no console came: %q", env, text)
		}
		if _, err := f.WriteString("?"); err != nil {
			t.Fatal(err)
		}
		more, ok := readUntil(f, want)
		if !ok {
			t.Fatalf("%s: %q was not sent: %q", env, want, more)
		}
		if strings.HasSuffix(env, "vt220") && (strings.Contains(text+more, "[38;") || strings.Contains(text+more, "[9")) {
			t.Errorf("%s: there is colour", env)
		}
		if err := pty.Setsize(f, &pty.Winsize{Cols: 50, Rows: 12}); err != nil {
			t.Fatal(err)
		}
		if text, ok := readUntil(f, "has  50x12"); !ok {
			t.Fatalf("%s: the size did not reach the session: %q", env, text)
		}
		if err := cmd.Process.Kill(); err != nil { // the line is cut
			t.Fatal(err)
		}
		_ = cmd.Wait()
		f.Close()
	}
}
