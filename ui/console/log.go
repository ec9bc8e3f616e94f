package console

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

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

// add takes in a line. Where there is no room the oldest goes, but warnings and
// errors only when they are more than half of all: whoever looks for an error must
// not find that chatter has pushed it out.
func (r *ring) add(l logLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.lines) >= r.limit {
		bad := 0
		for _, l := range r.lines {
			if l.level >= slog.LevelWarn {
				bad++
			}
		}
		drop := slices.IndexFunc(r.lines, func(l logLine) bool { return (l.level >= slog.LevelWarn) == (bad > r.limit/2) })
		r.lines = slices.Delete(r.lines, max(0, drop), max(0, drop)+1)
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
