package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

// logPane shows what the process logged, before this console too, and what the
// status line said.
type logPane struct {
	c       *Console
	request request
	all     []logLine
	shown   []logLine
	ready   bool
	err     error // of the log file: the rest is shown all the same
	level   slog.Level
	filter  string
	follow  bool
	wrap    bool
	stamps  int
	cursor  int
	top     int // the first line on the screen
	height  int
}

// The ways in which times are shown.
const (
	stampTime = iota
	stampDate
	stampNone
)

func newLogPane(c *Console) pane { return &logPane{c: c, follow: true, level: slog.LevelDebug} }

// Title is the pane's part of the breadcrumbs.
func (p *logPane) Title() string { return "Log" }

// Facts says what is shown.
func (p *logPane) Facts() string {
	if !p.ready {
		return ""
	}
	s := counted(len(p.all), "line", "lines")
	if len(p.shown) != len(p.all) {
		s = count(len(p.shown)) + " of " + s
	}
	if p.follow {
		s = "following" + p.c.styles.Glyphs.Dot + s
	}
	return s
}

// Keys says which bindings can be used.
func (p *logPane) Keys() paneKeys {
	return paneKeys{Scope: keys.LogScope, Disabled: func(a keys.Action) string {
		if a == keys.Open && len(p.shown) == 0 {
			return "there is no line"
		}
		return ""
	}}
}

// Step leaves the filter.
func (p *logPane) Step() (tea.Cmd, bool) {
	if p.filter == "" && p.level <= slog.LevelDebug {
		return nil, false
	}
	p.filter, p.level = "", slog.LevelDebug
	p.narrow()
	return nil, true
}

// Show narrows the log to lines with some words.
func (p *logPane) Show(filter string) tea.Cmd {
	p.filter = strings.TrimSpace(filter)
	p.narrow()
	return nil
}

// Update takes in an action.
func (p *logPane) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown, changed:
		return p.read()
	case do:
		return p.act(keys.Action(msg))
	}
	return nil
}

// to goes to a line. Whoever goes up wants to stay there.
func (p *logPane) to(i int) {
	p.cursor = max(0, min(i, len(p.shown)-1))
	p.follow = p.follow && p.cursor == len(p.shown)-1
}

func (p *logPane) act(a keys.Action) tea.Cmd {
	if navigate(lineCursor{p.cursor, len(p.shown) - 1, p.height, p.to}, a) {
		return nil
	}
	switch a {
	case keys.Reload:
		return p.read()
	case keys.Open:
		if p.cursor < len(p.shown) {
			l := p.shown[p.cursor]
			return p.c.push(&noticePane{c: p.c, title: "Line", fine: true, text: []string{l.at.In(p.c.zone).Format("2006-01-02 15:04:05.000") + " " + l.level.String(), "", l.text}})
		}
	case keys.Filter:
		before := p.filter
		return p.c.ask(&prompt{label: "lines with:", change: p.Show, done: p.Show, cancel: func() tea.Cmd { return p.Show(before) }}, p.filter)
	case keys.ClearFilter:
		return p.Show("")
	case keys.LevelIt:
		switch p.level {
		case slog.LevelDebug:
			p.level = slog.LevelWarn
		case slog.LevelWarn:
			p.level = slog.LevelError
		default:
			p.level = slog.LevelDebug
		}
		p.narrow()
	case keys.Follow:
		p.follow = !p.follow
		p.narrow()
	case keys.WrapIt:
		p.wrap = !p.wrap
	case keys.Stamps:
		p.stamps = (p.stamps + 1) % (stampNone + 1)
	}
	return nil
}

// read gathers the lines, by time.
func (p *logPane) read() tea.Cmd {
	lines, log, path := p.c.said.all(), p.c.o.Log, p.c.o.LogFile
	return p.request.start(p.c.ctx, func(context.Context) func() tea.Cmd {
		var ours []logLine
		if log != nil {
			ours = log.ring.all()
		}
		before, err := logTail(path)
		before = unsaid(before, ours)
		all := slices.Concat(before, ours, lines)
		slices.SortStableFunc(all, func(a, b logLine) int { return a.at.Compare(b.at) })
		return func() tea.Cmd {
			p.all, p.err, p.ready = all, err, true
			p.narrow()
			return nil
		}
	})
}

// unsaid gives the lines of the file that the ring does not have: those of before
// this process, and those that had no room in the ring any more.
func unsaid(file, ring []logLine) []logLine {
	type moment struct {
		ms    int64
		level slog.Level
	}
	of := func(l logLine) moment { return moment{l.at.UnixMilli(), l.level} }
	said := map[moment][]string{}
	for _, l := range ring {
		said[of(l)] = append(said[of(l)], l.text)
	}
	return slices.DeleteFunc(file, func(l logLine) bool {
		return slices.ContainsFunc(said[of(l)], func(text string) bool { return firstWords(text) == firstWords(l.text) })
	})
}

// firstWords is what a line says before its attributes, which the file writes in
// another way.
func firstWords(text string) string {
	head, _, attributes := strings.Cut(text, "=")
	if attributes {
		head = head[:strings.LastIndex(head, " ")+1] // without the attribute's name
	}
	return strings.TrimSpace(head)
}

// narrow chooses the lines. The cursor stays on the line that it was on, unless
// the end is followed.
func (p *logPane) narrow() {
	var was logLine
	if p.cursor < len(p.shown) {
		was = p.shown[p.cursor]
	}
	words := strings.Fields(strings.ToLower(p.filter))
	p.shown = nil
	for _, l := range p.all {
		text := strings.ToLower(l.text)
		if l.level >= p.level && !slices.ContainsFunc(words, func(w string) bool {
			w, not := strings.CutPrefix(w, "!")
			return w != "" && strings.Contains(text, w) == not
		}) {
			p.shown = append(p.shown, l)
		}
	}
	if p.follow {
		p.cursor = max(0, len(p.shown)-1)
		return
	}
	at := len(p.shown) - 1
	for at > 0 && p.shown[at] != was && p.shown[at].at.After(was.at) {
		at--
	}
	p.cursor = max(0, at)
}

// stamp writes the time of a line.
func (p *logPane) stamp(l logLine) string {
	switch p.stamps {
	case stampDate:
		return l.at.In(p.c.zone).Format("2006-01-02 15:04:05") + " "
	case stampNone:
		return ""
	}
	return l.at.In(p.c.zone).Format("15:04:05") + " "
}

// lines draws one line, on as many lines of the screen as it takes.
func (p *logPane) lines(i, w int) []string {
	l := p.shown[i]
	lead := p.stamp(l) + fmt.Sprintf("%-5s ", l.level)
	if !p.wrap {
		return []string{layout.Cut(lead+l.text, w, p.c.styles.Glyphs.Tail)}
	}
	parts := layout.Wrap(l.text, max(20, w-layout.Width(lead)))
	for n := range parts {
		if n > 0 {
			lead = layout.Blanks(layout.Width(lead))
		}
		parts[n] = lead + parts[n]
	}
	return parts
}

// View draws what is narrowed, and the lines.
func (p *logPane) View(w, h int) string {
	st := p.c.styles
	level := "everything"
	if p.level > slog.LevelDebug {
		level = p.level.String() + choose(p.level == slog.LevelWarn, " and ERROR", "") + " only"
	}
	head := " Level (v): " + level + "   Lines with (/): " + orWord(model.Clean(p.filter), "anything")
	out := []string{st.Muted.Render(layout.Fit(head, w, st.Glyphs.Tail))}
	if p.err != nil {
		out = append(out, st.Warn.Render(layout.Fit(" ! the log file could not be read: "+model.Clean(p.err.Error()), w, st.Glyphs.Tail)))
	}
	switch {
	case !p.ready:
		return strings.Join(append(out, "", "  reading"), "\n")
	case len(p.all) == 0:
		return strings.Join(append(out, wrapped("Nothing was logged yet. What the status line says and what runs in the background reports stands here.", w)...), "\n")
	case len(p.shown) == 0:
		return strings.Join(append(out, wrapped("No line matches. / and v change what is shown, Esc shows everything.", w)...), "\n")
	}
	p.height = max(1, h-len(out))
	p.top = min(p.top, p.cursor)
	// The cursor's line is shown whole, as far as there is room.
	for used := 0; ; p.top++ {
		used = 0
		for i := p.top; i <= p.cursor; i++ {
			used += len(p.lines(i, w-2))
			if used > p.height {
				break
			}
		}
		if used <= p.height || p.top >= p.cursor {
			break
		}
		p.top = max(p.top, p.cursor-p.height) // far away: not line by line
	}
	// No room is left empty below the end.
	rest := 0
	for i := p.top; i < len(p.shown) && rest <= p.height; i++ {
		rest += len(p.lines(i, w-2))
	}
	for p.top > 0 && rest <= p.height {
		if rest += len(p.lines(p.top-1, w-2)); rest <= p.height {
			p.top--
		}
	}
	for i := p.top; i < len(p.shown) && len(out) < h; i++ {
		for n, text := range p.lines(i, w-2) {
			switch {
			case i == p.cursor:
				text = st.Cursor.Render(layout.Fit(choose(n == 0, ">", " ")+text, w-1, ""))
			default:
				text = styleOf(st, p.shown[i].level).Render(" " + text)
			}
			out = append(out, text)
		}
	}
	return strings.Join(out[:min(len(out), h)], "\n")
}

func styleOf(st *theme.Styles, l slog.Level) theme.Style {
	switch {
	case l >= slog.LevelError:
		return st.Bad
	case l >= slog.LevelWarn:
		return st.Warn
	}
	return theme.Style{}
}

// logTailSize is how much of the end of the log file is read: some thousand
// lines, whatever size the file has.
const logTailSize = 512 << 10

// logTail reads the end of the log file.
func logTail(path string) (lines []logLine, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-logTailSize)
	b, err := io.ReadAll(io.NewSectionReader(f, from, logTailSize))
	if err != nil {
		return nil, err
	}
	text := string(b)
	if from > 0 { // the first line is a part of one
		_, text, _ = strings.Cut(text, "\n")
	}
	for l := range strings.Lines(text) {
		if line, ok := parseLogLine(strings.TrimSuffix(l, "\n")); ok {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// parseLogLine reads what slog.TextHandler wrote.
func parseLogLine(s string) (logLine, bool) {
	var l logLine
	take := func(key string) (string, bool) {
		rest, ok := strings.CutPrefix(s, key+"=")
		if !ok {
			return "", false
		}
		if q, err := strconv.QuotedPrefix(rest); err == nil {
			s = strings.TrimPrefix(rest[len(q):], " ")
			v, err := strconv.Unquote(q)
			return v, err == nil
		}
		var v string
		v, s, _ = strings.Cut(rest, " ")
		return v, true
	}
	at, ok := take("time")
	if !ok {
		return l, false
	}
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return l, false
	}
	level, _ := take("level")
	if l.level.UnmarshalText([]byte(level)) != nil {
		return l, false
	}
	msg, _ := take("msg")
	l.at, l.text = t, model.Clean(strings.TrimSpace(msg+" "+s))
	return l, true
}

var (
	_ tea.Model = (*Console)(nil)
	_ stepper   = (*logPane)(nil)
)
