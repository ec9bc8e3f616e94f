package report

import (
	"bufio"
	"io"
	"strings"
)

// Markdown writes the report as Markdown with pipe tables. Text cannot become
// markup: every character that means something is escaped.
func (r *Report) Markdown(w io.Writer) error {
	return buffered(w, "Markdown", func(out *bufio.Writer) {
		line := func(parts ...string) {
			for _, p := range parts {
				out.WriteString(p)
			}
			out.WriteByte('\n')
		}
		line("# ", escapeMarkdown(r.Title))
		line()
		line(escapeMarkdown(r.Answers))
		line()
		line(escapeMarkdown(r.Scope.Sentence()))
		line()
		line("*", escapeMarkdown(r.Evidence()), "*")
		for i := range r.Sections {
			s := &r.Sections[i]
			line()
			line("## ", escapeMarkdown(s.Title))
			line()
			if len(s.Rows) == 0 {
				line(escapeMarkdown(s.Empty))
			} else {
				s.markdownTable(out)
			}
			for _, n := range s.Notes {
				line()
				line(escapeMarkdown(n))
			}
		}
	})
}

func (s *Section) markdownTable(out *bufio.Writer) {
	for _, c := range s.Columns {
		if !c.Data {
			out.WriteString("| " + escapeMarkdown(c.Title) + " ")
		}
	}
	out.WriteString("|\n")
	for _, c := range s.Columns {
		switch {
		case c.Data:
		case c.Kind.Right():
			out.WriteString("| ---: ")
		default:
			out.WriteString("| --- ")
		}
	}
	out.WriteString("|\n")
	for _, row := range s.Rows {
		for i, c := range s.Columns {
			if !c.Data {
				out.WriteString("| " + escapeMarkdown(shown(c.Kind, row[i])) + " ")
			}
		}
		out.WriteString("|\n")
	}
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `{`, `\{`, `}`, `\}`, `[`, `\[`, `]`, `\]`, `<`, "&lt;", `>`, "&gt;", `&`, "&amp;",
	`#`, `\#`, `|`, `\|`, `~`, `\~`, `!`, `\!`, "://", "\\://",
)

// escapeMarkdown makes text that a Markdown reader shows as it is. An address
// does not become a link: whoever wrote a title does not decide where a
// report's reader goes.
func escapeMarkdown(s string) string {
	s = markdownEscapes.Replace(s)
	if s == "" {
		return s
	}
	// A list or a heading line begins with these.
	if strings.ContainsAny(s[:1], "-+=") {
		return `\` + s
	}
	return s
}
