package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"fettle/store"
	"fettle/sync/simulation"
)

// scaleData makes a data directory with a simulated site: 100,000 updates and
// 10,000 computers with FETTLE_FULL=1, else few, so that CI is not slowed.
func scaleData(b *testing.B) string {
	b.Helper()
	updates, computers := 5_000, 500
	if os.Getenv("FETTLE_FULL") != "" {
		updates, computers = 100_000, 10_000
	}
	dir := filepath.Join(b.TempDir(), "data")
	clock := &simulation.Clock{}
	clock.Set(simulation.DefaultUntil())
	s, err := store.Open(store.Options{Dir: dir, Clock: clock.Now})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := simulation.Fill(b.Context(), s, simulation.Options{Seed: 1, Updates: updates, Computers: computers, Clock: clock}); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// opening is a program that was started on a terminal of its own.
type opening struct {
	b     *testing.B
	cmd   *exec.Cmd
	tty   *os.File
	start time.Time
	*screen
}

// openOn starts a program on a terminal that answers nothing, and looks for a
// text that its first full screen has.
func openOn(b *testing.B, w, h int, marker string, env []string, name string, args ...string) *opening {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(append(os.Environ(), "TERM=screen-256color", "LC_ALL=C.UTF-8"), env...)
	start := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)})
	if err != nil {
		b.Fatal(err)
	}
	return &opening{b, cmd, tty, start, watch(tty, marker)}
}

// full waits for the text and gives the time that it took.
func (o *opening) full() time.Duration {
	o.b.Helper()
	for o.seen().IsZero() {
		if time.Since(o.start) > time.Minute {
			_ = o.cmd.Process.Kill()
			o.b.Fatalf("no screen came; the terminal got %q", o.text())
		}
		time.Sleep(200 * time.Microsecond) // a measurement, not a test
	}
	return o.seen().Sub(o.start)
}

func (o *opening) close() { closeConsole(o.b, o.cmd, o.tty, o.screen) }

// fastest is the shortest of several openings.
func fastest(times int, measure func() time.Duration) time.Duration {
	var best time.Duration
	for range times {
		if d := measure(); best == 0 || d < best {
			best = d
		}
	}
	return best
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkConsoleAtScale measures the console as a process on a terminal: the
// time to its first frame, and what a move of the cursor sends, averaged over 150
// rows, with what scrolling costs in it (terminal finding 6).
func BenchmarkConsoleAtScale(b *testing.B) {
	binary := buildBench(b)
	data := scaleData(b)
	b.Run("first-frame", func(b *testing.B) {
		var frame, list time.Duration
		for b.Loop() {
			frame = fastest(5, func() time.Duration {
				o := openOn(b, 80, 24, "Overview", nil, binary, "--data", data, "--view", "overview")
				defer o.close()
				return o.full()
			})
			list = fastest(3, func() time.Duration {
				o := openOn(b, 80, 24, "Title", nil, binary, "--data", data, "--view", "updates", "--filter", "size:>0")
				defer o.close()
				return o.full()
			})
		}
		b.ReportMetric(millis(frame), "ms-first-frame")
		b.ReportMetric(millis(list), "ms-list-filled")
	})
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		b.Run(fmt.Sprintf("bytes-%dx%d", size[0], size[1]), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(bytesOfMoves(b, binary, data, size[0], size[1]), "bytes/move")
			}
		})
	}
}

// bytesOfMoves moves the cursor down by 150 rows, each when the move before is
// on the screen, and gives what one sent.
func bytesOfMoves(b *testing.B, binary, data string, w, h int) float64 {
	b.Helper()
	cmd := exec.Command(binary, "--data", data, "--view", "updates", "--filter", "size:>0")
	cmd.Env = append(os.Environ(), "TERM=screen-256color", "LC_ALL=C.UTF-8")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)})
	if err != nil {
		b.Fatal(err)
	}
	defer tty.Close()
	defer cmd.Wait() //nolint:errcheck // it is ended by force below
	defer cmd.Process.Kill()
	term := vt10x.New(vt10x.WithSize(w, h), vt10x.WithWriter(io.Discard))
	sent := 0
	buf := make([]byte, 64<<10)
	until := func(done func(cursor string) bool) string {
		for {
			if c := cursorRow(term.String()); done(c) {
				return c
			}
			n, err := tty.Read(buf)
			if err != nil {
				b.Fatalf("the console ended: %v", err)
			}
			sent += n
			if _, err := term.Write(buf[:n]); err != nil {
				b.Fatal(err)
			}
		}
	}
	at := until(func(c string) bool { return c != "" })
	sent = 0
	const moves = 150
	for range moves {
		if _, err := tty.WriteString("j"); err != nil {
			b.Fatal(err)
		}
		at = until(func(c string) bool { return c != "" && c != at })
	}
	return float64(sent) / moves
}

// cursorRow is the row under the cursor.
func cursorRow(screen string) string {
	for l := range strings.SplitSeq(screen, "\n") {
		if strings.HasPrefix(l, "> ") {
			return l
		}
	}
	return ""
}

// BenchmarkAgainstAptitude compares the start with aptitude's, in the same run,
// with the same package lists: from the start of the process to the first full
// screen. Ours is there before the catalogue is; so the screen with the list of
// updates is measured, too, which is what aptitude's shows. Neither terminal
// answers queries.
func BenchmarkAgainstAptitude(b *testing.B) {
	aptitude, err := exec.LookPath("aptitude")
	if err != nil {
		b.Skip("aptitude is not installed")
	}
	binary := buildBench(b)
	data := benchStore(b, binary)
	var frame, list, theirs time.Duration
	for b.Loop() {
		theirs = fastest(3, func() time.Duration {
			o := openOn(b, 80, 24, "Installed Packages", []string{"HOME=" + b.TempDir()}, aptitude)
			defer o.close()
			return o.full()
		})
		first := func(view, marker string) time.Duration {
			return fastest(5, func() time.Duration {
				o := openOn(b, 80, 24, marker, nil, binary, "--data", data, "--view", view)
				defer o.close()
				return o.full()
			})
		}
		frame, list = first("overview", "Overview"), first("updates", "Title")
	}
	b.ReportMetric(millis(frame), "ms-first-screen")
	b.ReportMetric(millis(list), "ms-list")
	b.ReportMetric(millis(theirs), "ms-aptitude")
	b.ReportMetric(float64(frame)/float64(theirs), "x-aptitude")
	b.ReportMetric(float64(list)/float64(theirs), "x-aptitude-list")
}
