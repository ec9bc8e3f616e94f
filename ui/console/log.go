package console

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
)

// ring holds the last lines.
type ring struct {
	mu    sync.Mutex
	lines []logLine
	limit int
}

// logLine is one line of the log.
type logLine struct {
	at    time.Time
	level slog.Level
	text  string
}

func (r *ring) add(l logLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) >= r.limit {
		r.lines = slices.Delete(r.lines, 0, len(r.lines)-r.limit+1)
	}
	r.lines = append(r.lines, l)
}

func (r *ring) all() []logLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// Enabled takes in everything from Info on.
func (l *Log) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle takes in one record.
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	for _, a := range l.with {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
	}
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	l.ring.add(logLine{r.Time, r.Level, model.Clean(b.String())})
	return nil
}

// WithAttrs gives a log with more attributes on each line.
func (l *Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Log{ring: l.ring, with: append(slices.Clone(l.with), attrs...)}
}

// WithGroup leaves groups out: one line has few attributes.
func (l *Log) WithGroup(string) slog.Handler { return l }

// newLogPane shows the log and what the status line said, by time.
func newLogPane(c *Console) pane {
	p := newTextPane(c, "Log")
	p.follow = true
	p.load = func(_ context.Context, s scribe, _ int) ([]string, error) {
		lines := c.said.all()
		if c.o.Log != nil {
			lines = append(lines, c.o.Log.ring.all()...)
		}
		slices.SortStableFunc(lines, func(a, b logLine) int { return a.at.Compare(b.at) })
		if len(lines) == 0 {
			return []string{"Nothing was logged yet."}, nil
		}
		out := make([]string, len(lines))
		for i, l := range lines {
			out[i] = fmt.Sprintf("%s %-5s %s", l.at.In(s.zone).Format("15:04:05"), l.level, l.text)
		}
		return out, nil
	}
	return p
}

var _ tea.Model = (*Console)(nil)
