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
		text = ansi.Wrap(text, room, " ")
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return indent + strings.Join(lines, "\n"+indent+"  ") + "\n"
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
