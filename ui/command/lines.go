package command

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"fettle/model"
)

// answer is the value of --plain: what was said, if anything was.
type answer struct{ given, yes bool }

// String gives the value.
func (p *answer) String() string { return strconv.FormatBool(p.yes) }

// Type names the kind of value in the help.
func (p *answer) Type() string { return "bool" }

// IsBoolFlag says that the flag needs no value.
func (p *answer) IsBoolFlag() bool { return true }

// Set reads a value.
func (p *answer) Set(text string) error {
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", model.Clean(text))
	}
	p.given, p.yes = true, yes
	return nil
}

// inLines says whether answers are written line by line, for ears and for Braille:
// by --plain, or by the configuration where --plain=false does not say otherwise.
func (a *app) inLines() bool {
	if a.flags.plain.given {
		return a.flags.plain.yes
	}
	return a.config.UI.Plain
}

// writeLines answers with a table, one line an item. At the prompt of the plain
// console the list goes to the console, which numbers and pages it.
func (a *app) writeLines(t *table) error {
	if a.desk != nil && a.desk.take(t) {
		return nil
	}
	var b strings.Builder
	for i := range t.size {
		fmt.Fprintf(&b, "%d of %d, %s\n", i+1, t.size, t.line(i))
	}
	_, err := io.WriteString(a.s.Out, b.String())
	return err
}

// speaksForItself are the columns whose text needs no title before it when it is
// read aloud: "critical", not "class critical".
var speaksForItself = map[string]bool{"class": true, "severity": true, "status": true, "state": true, "enabled": true, "result": true, "summary": true, "is": true, "kind": true, "why": true, "reason": true, "title": true}

// line is one item in one line: what it is first, then what is known of it. What
// is nothing, and what is in a column that is left out, is not said.
func (t *table) line(i int, without ...string) string {
	_, texts := t.cells(i)
	var parts []string
	for j, text := range texts {
		text = strings.TrimSpace(text) // a tree is told in words
		if text == "" || text == "-" || text == "unspecified" || t.titles[j] == "" && t.aloud[j] == "" {
			continue
		}
		switch {
		case t.right[j] && text == "0", len(parts) > 0 && slices.Contains(without, t.keys[j]):
			continue
		case t.right[j] || len(parts) > 0 && !speaksForItself[t.keys[j]]:
			text = t.label(j) + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// label is what a column's values are called when they are read aloud.
func (t *table) label(j int) string {
	if t.aloud[j] != "" {
		return t.aloud[j]
	}
	if title := strings.ToLower(t.titles[j]); title != "" {
		return title
	}
	return strings.ReplaceAll(t.keys[j], "_", " ")
}

// labels are an item's cells, one a line with its title.
func (t *table) labels(i int) []string {
	_, texts := t.cells(i)
	var lines []string
	for j, text := range texts {
		if text != "" && (t.titles[j] != "" || t.aloud[j] != "") {
			lines = append(lines, sentenceStart(t.label(j))+": "+text)
		}
	}
	return lines
}

// shownText is what people read of a property; empty = it is not shown, or in a
// way of its own.
func (a *app) shownText(m member) string {
	switch {
	case m.title == "":
		return ""
	case m.text != "":
		return m.text
	}
	switch m.value.(type) {
	case object, []object:
		return ""
	}
	return a.plain(m.value)
}

// writeLabels answers with one thing, a line a property: "Severity: critical".
func (a *app) writeLabels(o object) error {
	var b strings.Builder
	for _, m := range o {
		text := a.shownText(m)
		if text == "" {
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", m.title, model.CleanLines(text))
	}
	_, err := io.WriteString(a.s.Out, b.String())
	return err
}
