package keys

import (
	"fmt"
	"strings"
)

// Docs writes docs/keys.md from the built-in key map.
func Docs() string {
	m, err := New(nil)
	if err != nil {
		panic(err) // a test holds the built-in map free of conflicts
	}
	var b strings.Builder
	b.WriteString(`# Keys of the console

This page is generated from the key map; a test fails when it is out of date.
Press ` + "`?`" + ` in the console for the same list, for the pane that you are in.

Every action can be put on other keys in ` + "`config.toml`" + `:

` + "```toml" + `
[keys]
approve = ["a", "f2"]
decline = []            # off the keyboard; the palette still has it
` + "```" + `

Keys are single characters, ` + "`enter esc tab shift+tab space backspace delete insert up down left right home end pgup pgdown`" + `,
` + "`f1`" + ` to ` + "`f12`" + ` and ` + "`ctrl+a`" + ` to ` + "`ctrl+z`" + ` without i, m, q and s. Alt is not used: on a slow line Escape followed by a letter
arrives as Alt with that letter, and is understood as the two keys.
`)
	for _, s := range ScopeTitles {
		rows := m.For(s.Scope)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| Keys | Action | What it does |\n|---|---|---|\n", s.Title)
		for _, r := range rows {
			what := r.Long
			if r.Dangerous {
				what += " (not in a read-only session)"
			}
			var labels []string
			for _, k := range r.Keys {
				label := Label(k)
				if k == "\\" {
					label = "\\"
				}
				labels = append(labels, "`"+label+"`")
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", strings.Join(labels, " "), r.Action, what)
		}
	}
	return b.String()
}
