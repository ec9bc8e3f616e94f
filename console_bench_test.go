package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screen collects what a program sends to its terminal.
type screen struct {
	mu    sync.Mutex
	bytes bytes.Buffer
	first time.Time // when marker was first seen
	done  chan struct{}
}

// watch reads the terminal until it is closed, and answers nothing: a program
// that asks the terminal something must not wait for the answer.
func watch(tty io.Reader, marker string) *screen {
	s := &screen{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		b := make([]byte, 32<<10)
		for {
			n, err := tty.Read(b)
			s.mu.Lock()
			s.bytes.Write(b[:n])
			if s.first.IsZero() && bytes.Contains(s.bytes.Bytes(), []byte(marker)) {
				s.first = time.Now()
			}
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.Len()
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.String()
}

func (s *screen) seen() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// benchStore makes a store with this computer's own archives in it.
func benchStore(b *testing.B, binary string) string {
	b.Helper()
	data := filepath.Join(b.TempDir(), "data")
	for _, args := range [][]string{{"setup", "computers", "--this-computer", "--yes"}, {"setup", "updates", "--upstream", "debian=apt", "--sync-now", "--yes"}} {
		if out, err := exec.Command(binary, append([]string{"--data", data}, args...)...).CombinedOutput(); err != nil {
			b.Skipf("this computer has no archives to show: %v\n%s", err, out)
		}
	}
	return data
}

// openConsole starts the console on a terminal of its own.
func openConsole(b *testing.B, binary, data string) (*exec.Cmd, *os.File, *screen, time.Time) {
	b.Helper()
	cmd := exec.Command(binary, "--data", data)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	start := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		b.Fatal(err)
	}
	return cmd, tty, watch(tty, "Overview"), start
}

func closeConsole(b *testing.B, cmd *exec.Cmd, tty *os.File, s *screen) {
	b.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		b.Fatal(err)
	}
	tty.Close()
	<-s.done
}

func buildBench(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "fettle")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	return binary
}

// BenchmarkFirstFrame measures from the start of the process to the first frame
// of the console, on a store with this computer's archives; the terminal answers
// no query. `fettle version` in the same run is the baseline.
func BenchmarkFirstFrame(b *testing.B) {
	binary := buildBench(b)
	data := benchStore(b, binary)
	var version, best time.Duration
	for range 5 {
		start := time.Now()
		if err := exec.Command(binary, "version").Run(); err != nil {
			b.Fatal(err)
		}
		if d := time.Since(start); version == 0 || d < version {
			version = d
		}
	}
	for b.Loop() {
		cmd, tty, s, start := openConsole(b, binary, data)
		for s.seen().IsZero() {
			if time.Since(start) > 20*time.Second {
				_ = cmd.Process.Kill()
				b.Fatalf("no frame came; the terminal got %q", s.text())
			}
			time.Sleep(200 * time.Microsecond) // a measurement, not a test
		}
		if d := s.seen().Sub(start); best == 0 || d < best {
			best = d
		}
		closeConsole(b, cmd, tty, s)
	}
	b.ReportMetric(float64(best.Microseconds())/1000, "ms-first-frame")
	b.ReportMetric(float64(version.Microseconds())/1000, "ms-version")
	b.ReportMetric(float64(best)/float64(version), "x-version")
}

// BenchmarkIdle lets an open console alone for some seconds and reports what it
// sent to the terminal and which processor time it used.
func BenchmarkIdle(b *testing.B) {
	binary := buildBench(b)
	data := benchStore(b, binary)
	const rest, idle = 4 * time.Second, 10 * time.Second
	for b.Loop() {
		cmd, tty, s, _ := openConsole(b, binary, data)
		time.Sleep(rest) // until the catalogue is in memory
		sent, used := s.size(), processorTime(b, cmd.Process.Pid)
		time.Sleep(idle)
		b.ReportMetric(float64(s.size()-sent), "bytes-sent")
		b.ReportMetric(float64((processorTime(b, cmd.Process.Pid)-used).Milliseconds())/idle.Seconds(), "ms-cpu/s")
		closeConsole(b, cmd, tty, s)
	}
}

// processorTime reads user and system time of a process, in the kernel's clock
// ticks of 10 ms.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skipf("processor times cannot be read here: %v", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
