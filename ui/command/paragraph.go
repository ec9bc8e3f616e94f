package command

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"fettle/model"
)

// paragraph writes a sentence or several, wrapped to the width of the terminal
// that w is; what follows the first line hangs two columns further in. In a
// pipe it is one line.
func (a *app) paragraph(w io.Writer, indent, text string) error {
	width := a.s.Size.Width
	if w == a.s.Err {
		width = a.s.Live
	}
	_, err := io.WriteString(w, wrapped(width, indent, text))
	return err
}

// wrapped sets text in and wraps it to a width; 0 means that it stays one line.
func wrapped(width int, indent, text string) string {
	text = model.Clean(text)
	if room := width - ansi.StringWidth(indent) - 2; room >= cutTo {
		text = wrapWords(text, room)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return indent + strings.Join(lines, "\n"+indent+"  ") + "\n"
}

// wrapWords breaks lines at blanks only: a command or an identifier with hyphens
// stays in one piece, so that it can be copied.
func wrapWords(text string, width int) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		column := 0
		for j, word := range strings.Split(line, " ") {
			w := ansi.StringWidth(word)
			switch {
			case j == 0:
			case column+1+w > width:
				b.WriteByte('\n')
				column = 0
			default:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(word)
			column += w
		}
	}
	return b.String()
}

// sentence makes a clause a sentence: a capital first, a full stop last.
func sentence(clause string) string {
	clause = strings.TrimSpace(clause)
	if clause == "" {
		return ""
	}
	clause = sentenceStart(clause)
	if !strings.ContainsRune(".!?:", rune(clause[len(clause)-1])) {
		clause += "."
	}
	return clause
}
