package report

import (
	"bufio"
	"html"
	"io"
	"time"
)

// style is the whole look of the page: nothing is loaded from anywhere, and the
// policy in the head forbids it as well.
const style = `body{font:15px/1.45 system-ui,sans-serif;color:#1b1f24;background:#fff;margin:2em auto;max-width:110em;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.2em;margin:1.8em 0 .4em}
p.answers{font-size:1.1em;color:#444c56;margin-top:0}p.evidence{color:#444c56;overflow-wrap:anywhere}p.note{color:#444c56;max-width:60em}
div.table{overflow-x:auto}table{border-collapse:collapse}
th,td{padding:.25em .7em;border-bottom:1px solid #d0d7de;text-align:left;vertical-align:top}
th{border-bottom:2px solid #57606a;white-space:nowrap}tbody tr:nth-child(even){background:#f6f8fa}
.r{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}time{white-space:nowrap}
@media print{body{margin:0;max-width:none;font-size:9pt}div.table{overflow:visible}thead{display:table-header-group}tr{break-inside:avoid}}`

// HTML writes the report as one self-contained page. Every text is escaped, and
// the page runs nothing and loads nothing.
func (r *Report) HTML(w io.Writer) error {
	return buffered(w, "HTML", func(out *bufio.Writer) {
		text := func(open, s, end string) {
			out.WriteString(open)
			out.WriteString(html.EscapeString(s))
			out.WriteString(end)
		}
		out.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
			"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
			"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" content=\"Fettle\">\n")
		text("<title>", r.Title, "</title>\n")
		out.WriteString("<style>\n" + style + "\n</style>\n</head>\n<body>\n<main>\n")
		text("<h1>", r.Title, "</h1>\n")
		text("<p class=\"answers\">", r.Answers, "</p>\n")
		text("<p>", r.Scope.Sentence(), "</p>\n")
		text("<p class=\"evidence\">", r.Evidence(), "</p>\n")
		for i := range r.Sections {
			s := &r.Sections[i]
			text("<section id=\"", s.Name, "\">\n")
			text("<h2>", s.Title, "</h2>\n")
			if len(s.Rows) == 0 {
				text("<p>", s.Empty, "</p>\n")
			} else {
				s.htmlTable(out, text)
			}
			for _, n := range s.Notes {
				text("<p class=\"note\">", n, "</p>\n")
			}
			out.WriteString("</section>\n")
		}
		out.WriteString("</main>\n</body>\n</html>\n")
	})
}

func (s *Section) htmlTable(out *bufio.Writer, text func(open, s, end string)) {
	out.WriteString("<div class=\"table\"><table>\n<thead><tr>")
	for _, c := range s.Columns {
		switch {
		case c.Data:
		case c.Kind.Right():
			text("<th scope=\"col\" class=\"r\">", c.Title, "</th>")
		default:
			text("<th scope=\"col\">", c.Title, "</th>")
		}
	}
	out.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range s.Rows {
		out.WriteString("<tr>")
		for i, c := range s.Columns {
			v := shown(c.Kind, row[i])
			switch t, isTime := row[i].(time.Time); {
			case c.Data:
			case isTime:
				text("<td><time datetime=\""+t.Format(time.RFC3339)+"\">", v, "</time></td>")
			case c.Kind.Right():
				text("<td class=\"r\">", v, "</td>")
			default:
				text("<td>", v, "</td>")
			}
		}
		out.WriteString("</tr>\n")
	}
	out.WriteString("</tbody>\n</table></div>\n")
}
