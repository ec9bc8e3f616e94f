package plain

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"fettle/model"
)

// speech writes lines and nothing else: whatever it is given, no control
// character but the line's end comes out.
type speech struct {
	w     io.Writer
	width int  // 0 = lines stay whole
	utf8  bool // false = ASCII only
	begun strings.Builder
	err   error // the first of writing; whoever listens is gone then
}

// Write takes in text; a line is written when it is complete.
func (s *speech) Write(b []byte) (int, error) {
	for _, part := range strings.SplitAfter(string(b), "\n") {
		line, whole := strings.CutSuffix(part, "\n")
		s.begun.WriteString(line)
		if whole {
			s.line(s.begun.String())
			s.begun.Reset()
		}
	}
	return len(b), nil
}

// finish writes a line that has no end, as one.
func (s *speech) finish() {
	if s.begun.Len() > 0 {
		s.line(s.begun.String())
		s.begun.Reset()
	}
}

// line writes one line, wrapped. Indents and empty lines, which help eyes, are left
// out: ears hear "blank", and on a Braille line they take the room.
func (s *speech) line(text string) {
	text = s.safe(text)
	if text == "" {
		return
	}
	for _, l := range wrap(text, s.width) {
		s.put(l + "\n")
	}
}

// prompt writes what stands before an answer, without the line's end.
func (s *speech) prompt(text string) {
	lines := wrap(s.safe(text), s.width)
	s.put(strings.Join(lines, "\n") + " ")
}

func (s *speech) put(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
}

// safe takes away what a terminal would act on, and what it cannot show.
func (s *speech) safe(text string) string {
	text = strings.TrimSpace(model.Clean(text))
	if s.utf8 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch r {
		case '…':
			b.WriteString("...")
		case '–', '—', '‐', '‑', '−':
			b.WriteByte('-')
		case '‘', '’':
			b.WriteByte('\'')
		case '“', '”', '„':
			b.WriteByte('"')
		case '·':
			b.WriteByte(',')
		case '→':
			b.WriteString("to")
		case '\u00a0':
			b.WriteByte(' ')
		default:
			if r >= 0x7f {
				r = '?'
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// wrap breaks a line at blanks. A word that is wider than the terminal is left to
// the terminal: a command or an identifier must stay in one piece.
func wrap(text string, width int) []string {
	if width < 20 || ansi.StringWidth(text) <= width {
		return []string{text}
	}
	var lines []string
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		w := ansi.StringWidth(word)
		if column > 0 && column+1+w > width {
			lines = append(lines, b.String())
			b.Reset()
			column = 0
		}
		if column > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += w
	}
	return append(lines, b.String())
}
