package plain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fettle/model"
)

// kind is a sort of list: what its items are and how one is opened.
type kind struct {
	word   string // the command line that makes it
	noun   string
	open   string // the word that shows an item; empty = its labels are read out
	key    string // the column with the item's name for that word
	filter bool   // what follows the word narrows the list
	marks  bool
}

// kinds are the lists of the command line that are numbered and read out in pages.
// Any other list is written at once.
var kinds = []*kind{
	{word: "updates", noun: "update", open: "update", key: "id", filter: true, marks: true},
	{word: "triage", noun: "update", open: "update", key: "id", marks: true},
	{word: "computers", noun: "computer", open: "computer", key: "name", filter: true},
	{word: "groups", noun: "group", open: "group", key: "name"},
	{word: "deployments", noun: "deployment", open: "deployment", key: "id"},
	{word: "rules", noun: "rule"},
	{word: "reports", noun: "report", open: "report", key: "name"},
	{word: "journal", noun: "entry"},
	{word: "pending", noun: "change"},
	{word: "products", noun: "product"},
	{word: "sync history", noun: "synchronization"},
	{word: "glossary", noun: "word"},
}

// kindOf gives the kind of the list that a command line makes, or nil.
func kindOf(args []string) *kind {
	for _, k := range kinds {
		words := strings.Fields(k.word)
		if len(args) < len(words) || !slices.Equal(args[:len(words)], words) {
			continue
		}
		if !k.filter && len(args) > len(words) && !strings.HasPrefix(args[len(words)], "-") {
			continue // a word below it: journal verify
		}
		return k
	}
	return nil
}

// listing is a list at the prompt.
type listing struct {
	kind   *kind
	args   []string // that made it
	list   List
	order  []int // after sorting; nil = as it came
	at     int   // the first item of the page
	title  string
	sorted string
	follow []string // of a menu: the line that each item stands for
}

// item is something that can be marked or opened.
type item struct {
	kind *kind
	id   string
	line string
}

// index is the position in the list of what is heard as number n.
func (l *listing) index(n int) int {
	if l.order != nil {
		return l.order[n-1]
	}
	return n - 1
}

// item gives what is heard as number n.
func (l *listing) item(n int) item {
	i := l.index(n)
	return item{l.kind, fmt.Sprint(l.list.Value(i, l.kind.key)), l.list.Line(i)}
}

// filter is what narrows the list.
func (l *listing) filter() string {
	if l.kind == nil || !l.kind.filter {
		return ""
	}
	return strings.Join(l.args[len(strings.Fields(l.kind.word)):], " ")
}

// deepest is how far back leads.
const deepest = 20

// push makes a list the one that numbers refer to.
func (c *Console) push(l *listing) {
	c.lists = append(c.lists, l)
	if len(c.lists) > deepest {
		c.lists = slices.Delete(c.lists, 0, 1)
	}
}

// current is the list that numbers refer to, or nil.
func (c *Console) current() *listing {
	if len(c.lists) == 0 {
		return nil
	}
	return c.lists[len(c.lists)-1]
}

// plural is the noun for several.
func (k *kind) plural() string {
	if k.noun == "entry" {
		return "entries"
	}
	return k.noun + "s"
}

// of is a number of what the list holds.
func (l *listing) of(n int) string {
	if n == 1 {
		return "1 " + l.kind.noun
	}
	return strconv.Itoa(n) + " " + l.kind.plural()
}

// showPage reads out a page of the list.
func (c *Console) showPage() int {
	l := c.current()
	if l == nil {
		return c.complain(statusFailed, "There is no list yet; updates, for instance, makes one.")
	}
	c.unread = nil
	n := l.list.Len()
	to := n
	if c.page > 0 {
		to = min(n, l.at+c.page)
	}
	head := l.title
	if head == "" {
		head = l.of(n)
		if f := l.filter(); f != "" {
			head += " for " + f
		}
		if l.sorted != "" {
			head += ", sorted by " + l.sorted
		}
	}
	if l.at > 0 || to < n {
		head += fmt.Sprintf(", %d to %d", l.at+1, to)
	}
	c.say("%s:", head)
	for i := l.at; i < to; i++ {
		c.say("%s", c.itemLine(l, i+1, n))
	}
	if to < n {
		c.say("n reads the next %d.", min(c.page, n-to))
	}
	return statusDone
}

// itemLine is what is heard of number n.
func (c *Console) itemLine(l *listing, n, of int) string {
	text := fmt.Sprintf("%d of %d, ", n, of)
	if l.kind != nil && l.kind.marks && slices.ContainsFunc(c.marks, func(m item) bool { return m.id == l.item(n).id }) {
		text += "marked, "
	}
	return text + l.list.Line(l.index(n))
}

// turn goes on by pages.
func (c *Console) turn(pages int) int {
	if pages > 0 && len(c.unread) > 0 {
		c.readOn()
		return statusDone
	}
	l := c.current()
	switch {
	case l == nil:
		return c.showPage()
	case c.page == 0 || pages > 0 && l.at+c.page >= l.list.Len():
		return c.complain(statusFailed, "That was the last page.")
	case pages < 0 && l.at == 0:
		return c.complain(statusFailed, "That was the first page.")
	}
	l.at = max(0, l.at+pages*c.page)
	return c.showPage()
}

// open reads out what number n is.
func (c *Console) open(ctx context.Context, n int) int {
	l := c.current()
	switch {
	case l == nil:
		return c.showPage()
	case n < 1 || n > l.list.Len():
		return c.complain(statusUsage, fmt.Sprintf("There is no number %d: the list ends with %d.", n, l.list.Len()))
	case l.follow != nil:
		if l.follow[n-1] == "" {
			return c.complain(statusFailed, "Nothing is behind that.")
		}
		return c.obey(ctx, typed{text: l.follow[n-1]})
	case l.kind.open == "":
		for _, line := range l.list.Labels(l.index(n)) {
			c.say("%s", line)
		}
		return statusDone
	}
	it := l.item(n)
	status := c.run(ctx, l.kind.open, it.id)
	if status == statusDone && l.kind.marks {
		c.opened = it
	}
	return status
}

// numbers reads "3,5-7", "3 5", "all".
func numbers(text string, last int) ([]int, error) {
	var all []int
	named := map[int]bool{}
	if strings.EqualFold(text, "all") {
		for n := 1; n <= last; n++ {
			all = append(all, n)
		}
		return all, nil
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	if len(fields) == 0 {
		return nil, errors.New("say which numbers, such as 3,5-7, or all")
	}
	for _, f := range fields {
		a, b, ranged := strings.Cut(f, "-")
		from, err := strconv.Atoi(a)
		to := from
		if err == nil && ranged {
			to, err = strconv.Atoi(b)
		}
		switch {
		case err != nil || from > to:
			return nil, fmt.Errorf("%q is no number and no range such as 5-7", f)
		case from < 1 || to > last:
			return nil, fmt.Errorf("there is no number %s: the list ends with %d", f, last)
		}
		for n := from; n <= to; n++ {
			if !named[n] {
				named[n] = true
				all = append(all, n)
			}
		}
	}
	return all, nil
}

// chosen gives the items of numbers of the current list, which must hold what can
// be marked.
func (c *Console) chosen(text string) ([]item, error) {
	l := c.current()
	if l == nil || l.kind == nil || !l.kind.marks {
		return nil, errors.New("numbers of updates refer to a list of updates; updates makes one")
	}
	ns, err := numbers(text, l.list.Len())
	if err != nil {
		return nil, err
	}
	items := make([]item, len(ns))
	for i, n := range ns {
		items[i] = l.item(n)
	}
	return items, nil
}

// mark marks items, or takes marks away.
func (c *Console) mark(text string, on bool) int {
	if !on && (text == "" || strings.EqualFold(text, "all")) {
		c.marks = nil
		c.say("Nothing is marked.")
		return statusDone
	}
	items, err := c.chosen(text)
	if err != nil {
		return c.complain(statusUsage, sentence(err.Error()))
	}
	at := make(map[string]bool, len(c.marks))
	for _, m := range c.marks {
		at[m.id] = true
	}
	named := map[string]bool{}
	for _, it := range items {
		named[it.id] = true
		if on && !at[it.id] {
			at[it.id] = true
			c.marks = append(c.marks, it)
		}
	}
	if !on {
		c.marks = slices.DeleteFunc(c.marks, func(m item) bool { return named[m.id] })
	}
	c.say("%s marked.", counted(len(c.marks), "update"))
	return statusDone
}

// readMarks reads out what is marked.
func (c *Console) readMarks() int {
	if len(c.marks) == 0 {
		c.say("Nothing is marked. mark 1,3-5 marks updates of a list.")
		return statusDone
	}
	c.unread = nil
	for _, m := range c.marks {
		c.unread = append(c.unread, "Marked: "+m.line)
	}
	c.unread = append(c.unread, counted(len(c.marks), "update")+" marked.")
	c.readOn()
	return statusDone
}

// sort orders the list by a column; "-" before its name turns the order round.
func (c *Console) sort(key string) int {
	l := c.current()
	if l == nil || l.kind == nil {
		return c.complain(statusFailed, "There is no list to sort; updates, for instance, makes one.")
	}
	name, down := strings.CutPrefix(key, "-")
	name = strings.ReplaceAll(strings.ToLower(name), " ", "_")
	if !slices.Contains(l.list.Keys(), name) {
		said := fmt.Sprintf("There is no column %q to sort by.", key)
		if near := model.Nearest(name, l.list.Keys()); near != "" {
			said += fmt.Sprintf(" Did you mean %s?", near)
		}
		return c.complain(statusUsage, said+" There are: "+strings.Join(l.list.Keys(), ", ")+".")
	}
	values := make([]any, l.list.Len())
	l.order = make([]int, len(values))
	for i := range values {
		values[i], l.order[i] = l.list.Value(i, name), i
	}
	slices.SortStableFunc(l.order, func(a, b int) int {
		d := compare(values[a], values[b])
		if down {
			d = -d
		}
		return d
	})
	l.at, l.sorted = 0, strings.ReplaceAll(name, "_", " ")
	if down {
		l.sorted += ", the largest first"
	}
	return c.showPage()
}

// compare orders two values of a column.
func compare(a, b any) int {
	switch x := a.(type) {
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y)
		}
	case string:
		if y, ok := b.(string); ok {
			return cmp.Compare(strings.ToLower(x), strings.ToLower(y))
		}
	case []string:
		if y, ok := b.([]string); ok {
			return slices.Compare(x, y)
		}
	}
	x, okx := number(a)
	y, oky := number(b)
	if okx && oky {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case nil:
		return 0, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint32:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	case bool:
		if n {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// refilter reads the list again with another filter.
func (c *Console) refilter(ctx context.Context, filter string) int {
	l := c.current()
	if l == nil || l.kind == nil || !l.kind.filter {
		return c.complain(statusFailed, "Only lists of updates and of computers can be filtered; updates FILTER makes one.")
	}
	return c.list(ctx, l.kind.word, filter)
}

// list makes the list of a word, with what follows it.
func (c *Console) list(ctx context.Context, word, rest string) int {
	args := strings.Fields(word)
	switch {
	case rest == "":
	case strings.HasPrefix(rest, "'"), strings.HasPrefix(rest, "--"), strings.Contains(rest, " --"):
		more, err := splitLine(rest) // as in a shell
		if err != nil {
			return c.complain(statusUsage, sentence(err.Error()))
		}
		args = append(args, more...)
	case strings.HasPrefix(rest, "-"):
		args = append(args, "--", rest) // a query that begins with a negation
	default:
		args = append(args, rest) // a query: its quotes are its own
	}
	return c.run(ctx, args...)
}

// back goes to the list before.
func (c *Console) back(ctx context.Context) int {
	if len(c.lists) < 2 {
		c.lists = nil
		return c.overview(ctx)
	}
	c.lists = c.lists[:len(c.lists)-1]
	if c.current().kind == nil { // what wants attention is not what it was
		c.lists = c.lists[:len(c.lists)-1]
		return c.overview(ctx)
	}
	return c.showPage()
}

// Sentence begins a clause with a capital; a command line stays as it is written.
func Sentence(text string) string {
	if strings.HasPrefix(text, "fettle ") {
		return text
	}
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + text[n:]
}

// sentence makes a clause a whole sentence.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return Sentence(text) + "."
}

// splitLine reads a command line by a shell's rules for quotes.
func splitLine(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, started := rune(0), false
	for _, r := range line {
		switch {
		case in != 0 && r == in:
			in = 0
		case in == 0 && (r == '\'' || r == '"'):
			in, started = r, true
		case in == 0 && r == ' ':
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if in != 0 {
		return nil, errors.New("a quote in the line is not closed")
	}
	if started {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, errors.New("the line has no word")
	}
	return words, nil
}
