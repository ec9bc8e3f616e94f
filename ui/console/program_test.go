package console

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"fettle/model"
	"fettle/ui/console/theme"
)

// screenWriter keeps what a program wrote and tells of each write.
type screenWriter struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func (w *screenWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	w.text.Write(b)
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (w *screenWriter) waits(t *testing.T, text string) {
	t.Helper()
	over := time.After(60 * time.Second)
	for {
		w.mu.Lock()
		found := strings.Contains(w.text.String(), text)
		w.mu.Unlock()
		if found {
			return
		}
		select {
		case <-w.changed:
		case <-over:
			t.Fatalf("the program never wrote %q", text)
		}
	}
}

// TestChangesArriveByThemselves runs a real program, as a served session does:
// what the store and the engine report appears without a key, and the program
// ends with its context.
func TestChangesArriveByThemselves(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	engine := newFakeEngine()
	sizes := make(chan [2]int, 1)
	c, err := New(Options{Store: s, Engine: engine, Actor: admin, Terminal: theme.Terminal{Profile: termenv.Ascii, UTF8: true}, Zone: time.UTC, Now: func() time.Time { return testTime }, View: "computers",
		Width: 80, Height: 24, NextSize: func(ctx context.Context) (int, int, bool) {
			select {
			case size := <-sizes:
				return size[0], size[1], true
			case <-ctx.Done():
				return 0, 0, false
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	defer feed.Close()
	out := &screenWriter{changed: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, c, tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler(), tea.WithAltScreen())
	}()
	out.waits(t, "silent")
	reportNeeded(t, s, []uint32{1, 3, 4, 7, 9, 10, 11})
	out.waits(t, "needed                 7")
	engine.set(Job{ID: 1, Kind: "synchronization", Name: "Synchronization of debian", Started: testTime, Progress: model.Progress{Phase: "reading lists", Done: 5, Total: 10}})
	out.waits(t, "reading lists 5 of 10 (50 %)")
	sizes <- [2]int{40, 12}
	out.waits(t, "has  40x12")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the end of the session is an error: %v", err)
	}
}

// TestBytesOfACursorMove counts what moving down sends, averaged over 150 rows:
// Bubble Tea sends every line that changed as a whole, and one byte for others.
func TestBytesOfACursorMove(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 300)
	for _, size := range []struct{ w, h, most int }{{80, 24, 600}, {200, 60, 1100}} {
		d := drive(t, s, size.w, size.h, func(o *Options) {
			o.Terminal = theme.Terminal{Profile: termenv.ANSI256, Attributes: true, UTF8: true}
			o.View, o.Filter = "updates", "size:>0"
		})
		before := strings.Split(d.c.View(), "\n")
		sum := 0
		for range 150 {
			d.press("down")
			after := strings.Split(d.c.View(), "\n")
			for i := range after {
				sum++
				if after[i] != before[i] {
					sum += len(after[i]) + len("\x1b[K\r")
				}
			}
			before = after
		}
		if avg := sum / 150; avg > size.most {
			t.Errorf("%dx%d: %d bytes a move, more than %d", size.w, size.h, avg, size.most)
		} else {
			t.Logf("%dx%d: %d bytes a move", size.w, size.h, avg)
		}
	}
}

// BenchmarkKeypress is one key and its frame in the console itself, at 120x40
// with 100,000 updates: what waits for it is one person's finger.
func BenchmarkKeypress(b *testing.B) {
	s := newStore(b)
	setUp(b, s)
	fill(b, s, 100_000)
	d := drive(b, s, 120, 40, func(o *Options) { o.View, o.Filter = "updates", "size:>0" })
	down := keyMsg("down")
	b.Run("down", func(b *testing.B) {
		for b.Loop() {
			d.c.Update(down)
			_ = d.c.View()
		}
	})
	b.Run("filter", func(b *testing.B) {
		u := d.c.top().(*updates)
		for i := 0; b.Loop(); i++ {
			u.list.filter = []string{"kernel", "package"}[i%2]
			d.run(u.list.load(true))
			_ = d.c.View()
		}
	})
}
