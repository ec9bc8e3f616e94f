package query

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fettle/model"
)

// Suggestion is one completion: the text, and what it means.
type Suggestion struct{ Text, Meaning string }

// maxSuggestions is how many completions are offered; a catalogue may have
// thousands of products.
const maxSuggestions = 50

// Complete gives completions of the last word of a text: fields, then the
// values of the field. The Text of each replaces the text from WordStart on.
// Without a world the names of groups and products are not offered.
func Complete(on Subject, text string, w World) []Suggestion {
	if len(text) > maxLength {
		return nil
	}
	start, on := lastWord(on, text)
	switch on {
	case OnComputers:
		return complete(computers, text[start:], w)
	case OnEntries:
		return complete(entries, text[start:], w)
	}
	return complete(updates, text[start:], w)
}

// WordStart gives the byte at which the last word of a text begins, after
// parentheses and signs of negation: what Complete completes.
func WordStart(on Subject, text string) int {
	start, _ := lastWord(on, text)
	return start
}

// lastWord finds the last word and what it is asked of: within needs: that is
// updates.
func lastWord(on Subject, text string) (int, Subject) {
	var around []Subject
	start := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' && i+1 < len(text) {
					i++
				}
			}
		case unicode.IsSpace(r):
			start = i + n
		case r == '(':
			around = append(around, on)
			if strings.EqualFold(text[start:i], needsPrefix) {
				on = OnUpdates
			}
			start = i + 1
		case r == ')':
			if len(around) > 0 {
				on, around = around[len(around)-1], around[:len(around)-1]
			}
			start = i + 1
		case (r == '!' || r == '-') && i == start:
			start = i + 1
		}
		i += n
	}
	if on == OnComputers && len(text)-start > len(needsPrefix) && strings.EqualFold(text[start:start+len(needsPrefix)], needsPrefix) {
		return start + len(needsPrefix), OnUpdates
	}
	return start, on
}

const needsPrefix = "needs:"

func complete[R any](s *subject[R], word string, w World) []Suggestion {
	name, rest, found := strings.Cut(word, ":")
	if !found || strings.IndexFunc(name, func(r rune) bool { return !isNameRune(r) }) >= 0 {
		return completeField(s, word)
	}
	f := s.field(strings.ReplaceAll(strings.ToLower(name), "_", "-"))
	if f == nil {
		return nil
	}
	if f.nested {
		return []Suggestion{{needsPrefix + "(", f.Meaning}}
	}
	// The last of several values, and whether quotes around it are open.
	at, open := len(name)+1, false
	for i := at; i < len(word); i++ {
		switch {
		case word[i] == '\\' && open:
			i++
		case word[i] == '"':
			open = !open
		case word[i] == ',' && !open:
			at = i + 1
		}
	}
	before := strings.Split(strings.ToLower(rest), ",")
	before = before[:len(before)-1]
	var offers []Suggestion
	item := word[at:]
	for _, c := range f.words {
		if !slices.Contains(before, c.Text) {
			offers = append(offers, c)
		}
	}
	got := choose(offers, word[:at], item, false)
	if o := strings.TrimLeft(item, "<>="); o != item && len(got) == 0 {
		at += len(item) - len(o) // severity:>=imp, group:=Web
		item = o
		got = choose(offers, word[:at], item, false)
	}
	if w != nil {
		plain := strings.NewReplacer(`\"`, `"`, `\\`, `\`, `"`, "").Replace(item)
		got = append(got, choose(names(f.names, w), word[:at], plain, true)...)
	}
	return got[:min(len(got), maxSuggestions)]
}

// completeField offers fields by their beginning, then by any part of the name,
// then words of is:, since "superseded" is what people begin with.
func completeField[R any](s *subject[R], word string) []Suggestion {
	var fields, facts []Suggestion
	for _, f := range s.fields {
		text := f.Name + ":"
		if f.nested {
			text += "("
		}
		fields = append(fields, Suggestion{text, f.Meaning})
		if f.Name == "is" && len(word) > 1 {
			for _, c := range f.words {
				facts = append(facts, Suggestion{"is:" + c.Text, c.Meaning})
			}
		}
	}
	got := choose(fields, "", strings.ReplaceAll(word, "_", "-"), false)
	for _, c := range facts {
		if strings.HasPrefix(c.Text[len("is:"):], strings.ToLower(word)) {
			got = append(got, c)
		}
	}
	return got
}

// choose gives the offers that begin with what was typed, then those in which a
// word does. Names are put in quotes where they need them.
func choose(offers []Suggestion, before, typed string, quote bool) []Suggestion {
	v := value{text: typed, trail: true}
	first, inside := newPattern(v, modePrefix), newPattern(value{text: typed}, modeWord)
	var begins, holds []Suggestion
	for _, o := range offers {
		c := Suggestion{before + o.Text, o.Meaning}
		if quote {
			c.Text = before + written(o.Text)
		}
		switch {
		case first.match(o.Text):
			begins = append(begins, c)
		case inside.match(o.Text):
			holds = append(holds, c)
		}
	}
	return append(begins, holds...)
}

// names gives the names of the world that complete a field.
func names(kind nameKind, w World) []Suggestion {
	var all []Suggestion
	if kind == namesGroups {
		t := w.Groups()
		if t == nil {
			return nil
		}
		for _, id := range t.Order() {
			path := t.Path(id)
			meaning := "all computers"
			if len(path) > 1 {
				meaning = "group in " + strings.Join(path[:len(path)-1], " > ")
			}
			all = append(all, Suggestion{model.Clean(t.Group(id).Name), meaning})
		}
		return all
	}
	catalogue, ok := w.(Catalogue)
	if !ok || kind == namesNone {
		return nil
	}
	seen := map[string]bool{}
	for _, c := range catalogue.Categories() {
		o := Suggestion{model.Clean(c.Title), "product"}
		if parent, ok := w.Category(c.Parent); ok && c.Parent != "" {
			o.Meaning = "product in " + model.Clean(parent.Title)
		}
		if kind == namesUpstreams {
			o = Suggestion{model.Clean(c.Upstream), "upstream"}
		}
		if o.Text == "" || seen[o.Text] || kind == namesProducts && c.Kind == model.CategoryClassification {
			continue
		}
		seen[o.Text] = true
		all = append(all, o)
	}
	slices.SortStableFunc(all, func(a, b Suggestion) int { return strings.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)) })
	return all
}
