package layout

import "strings"

// XML lays out markup for reading: an element that holds others on lines of its
// own, indented by its depth; one that holds only text on one line. It does not
// judge: whatever the input is, every character of it that is no blank between
// elements is shown. It may be cut off anywhere, and have several roots.
func XML(s string) []string {
	var out []string
	depth := 0
	line := func(text string) {
		out = append(out, Blanks(2*min(max(0, depth), 20))+text)
	}
	open := false // the last line is the start tag of an element without content
	held := false // the last line is that with its text
	for len(s) > 0 {
		if s[0] != '<' {
			i := strings.IndexByte(s, '<')
			if i < 0 {
				i = len(s)
			}
			text := strings.TrimSpace(s[:i])
			s = s[i:]
			switch {
			case text == "":
			case open && !strings.Contains(text, "\n"):
				out[len(out)-1] += text
				held = true
			default:
				for l := range strings.SplitSeq(text, "\n") {
					line(strings.TrimSpace(l))
				}
				open, held = false, false
			}
			continue
		}
		tag := cutTag(s)
		s = s[len(tag):]
		shown := strings.Join(strings.Fields(tag), " ")
		if strings.HasPrefix(tag, "<!--") || strings.HasPrefix(tag, "<![") {
			shown = tag
		}
		switch {
		case strings.HasPrefix(tag, "</"):
			depth--
			if open || held {
				out[len(out)-1] += shown
			} else {
				line(shown)
			}
			open, held = false, false
		case strings.HasPrefix(tag, "<?"), strings.HasPrefix(tag, "<!"), strings.HasSuffix(tag, "/>"):
			for l := range strings.SplitSeq(shown, "\n") {
				line(l)
			}
			open, held = false, false
		default:
			line(shown)
			depth++
			open, held = true, false
		}
	}
	return out
}

// cutTag gives the markup at the beginning of s, up to and with its end. A ">"
// within quotes does not end a tag.
func cutTag(s string) string {
	for _, pair := range [...][2]string{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}} {
		if strings.HasPrefix(s, pair[0]) {
			if i := strings.Index(s, pair[1]); i >= 0 {
				return s[:i+len(pair[1])]
			}
			return s
		}
	}
	var quote byte
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return s[:i+1]
		}
	}
	return s
}
