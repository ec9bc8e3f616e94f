package plain

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
)

// Line is one of Fettle's own command lines, and where its answer goes.
type Line struct {
	Args []string
	Out  io.Writer
	Err  io.Writer
	// Ask asks the person at the prompt; no is the default of every question.
	Ask func(ctx context.Context, question string) (bool, error)
	// Take is offered a list that is an answer, before it is written; false has it
	// written.
	Take func(List) bool
	// Background has what takes long started instead of waited for.
	Background bool
}

// List is the answer of a command that lists something. It stays what it was when
// it was made.
type List interface {
	Len() int
	// Line is an item in one line.
	Line(i int) string
	// Labels are what is known of an item, a property a line.
	Labels(i int) []string
	// Value is what a column, named by its key, holds: a string, a number, a flag,
	// a time, a list of strings, or nil.
	Value(i int, key string) any
	// Keys names the columns.
	Keys() []string
}

// Word is one of the command line's words.
type Word struct{ Name, Meaning string }

// View is a filter on updates that has a name.
type View struct{ Title, Filter string }

// Options say what a console works on and whom it serves. Store, Run, Permit, In,
// Out and Err are needed.
type Options struct {
	Store   *store.Store
	Run     func(ctx context.Context, l Line) (status int)
	Permit  func(what string) error // refuses in a read-only session, in the words of the commands
	Words   []Word                  // of the command line
	Views   []View                  // that the Overview counts
	Sources []string                // KIND=LOCATION that updates may come from
	Jobs    func() []engine.JobState
	Next    func(model.Upstream) time.Time // when it is synchronized by itself
	Log     func() []string                // the newest last

	In     io.Reader
	Forget func() // has the terminal forget half a line that was typed; nil = it cannot
	Out    io.Writer
	Err    io.Writer
	Person bool // somebody sits at a terminal; otherwise the input is a script
	Width  int  // of the terminal; 0 = lines stay whole
	UTF8   bool
	Now    func() time.Time // nil = time.Now
	Zone   *time.Location   // nil = time.Local
	Notes  []string         // what is said before anything else
	Begin  string           // the line that is obeyed first, instead of the Overview; empty = none
}

// The exit statuses that the console itself has; the others are those of the
// commands.
const (
	statusDone    = 0
	statusFailed  = 1
	statusUsage   = 2
	statusRefused = 3

	statusInterrupted = 130
)

// Console is one session at a prompt.
type Console struct {
	o       Options
	in      *input
	out     *speech
	errs    *speech // at a terminal the same as out: there is one order of lines
	person  bool    // prompts are written, and a mistake ends nothing
	page    int     // items of a list that are read out at once; 0 = all
	live    bool
	leaving bool
	status  int

	lists  []*listing // the last is the one that numbers refer to
	taken  List       // by the command that runs now
	unread []string   // lines of a long answer that were not read out yet
	opened item       // the update that was opened last
	marks  []item
	news   news
}

// New makes a console.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	c := &Console{o: o, person: o.Person}
	c.out = &speech{w: o.Out, utf8: o.UTF8}
	c.errs = &speech{w: o.Err, utf8: o.UTF8}
	if o.Person {
		c.out.width = o.Width
		c.errs = c.out
		c.page, c.live = usualPage, true
	}
	return c
}

// usualPage is how many items of a list are read out at once.
const usualPage = 10

// Run greets and obeys until somebody quits, the input ends or ctx does. It gives
// the exit status.
func (c *Console) Run(ctx context.Context) int {
	if err := c.o.Store.WaitLoaded(ctx); err != nil {
		if ctx.Err() == nil {
			c.complain(statusFailed, err.Error())
		}
		return max(c.status, statusFailed)
	}
	c.in = listen(c.o.In, c.o.Now)
	c.news.look(c, c.o.Store.Snapshot())
	for _, n := range c.o.Notes {
		c.say("%s", n)
	}
	if c.o.Begin != "" {
		if status := c.obey(ctx, typed{text: c.o.Begin}); !c.person && status != statusDone {
			return status
		}
	} else if c.person {
		c.overview(ctx)
	}
	if c.person {
		c.say("Type help for the words, quit to leave.")
	}
	for !c.leaving && c.out.err == nil {
		if c.person {
			c.tell(false)
			c.out.prompt(">")
		}
		t, ok := c.in.next(ctx)
		if !ok {
			if c.person {
				c.out.put("\n")
			}
			break
		}
		status := c.obey(ctx, t)
		if !c.person && status != statusDone {
			c.status = status
			break
		}
	}
	if ctx.Err() != nil {
		return statusInterrupted
	}
	return c.status
}

// say writes a line of an answer.
func (c *Console) say(format string, args ...any) {
	c.out.line(fmt.Sprintf(format, args...))
}

// complain writes what is wrong, and gives the status.
func (c *Console) complain(status int, text string) int {
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		c.errs.line(l)
	}
	return status
}

// refuse says an error of the rules.
func (c *Console) refuse(err error) int { return c.complain(statusRefused, err.Error()) }

// obey does what a line says.
func (c *Console) obey(ctx context.Context, t typed) int {
	if t.long {
		return c.complain(statusUsage, fmt.Sprintf("The line is longer than %d characters, so it was not obeyed.", longestLine))
	}
	text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(t.text), ":"))
	if name, rest, _ := strings.Cut(text, " "); name == "fettle" { // as remedies are written
		text = strings.TrimSpace(rest)
	}
	name, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	if name == "" {
		if c.person {
			c.tell(true)
		}
		return statusDone
	}
	if name[0] == '#' { // a remark in a script
		return statusDone
	}
	if n, err := strconv.Atoi(name); err == nil && rest == "" {
		return c.open(ctx, n)
	}
	if w := findWord(name); w != nil {
		if w.arguments == "" && rest != "" && !w.passes {
			return c.complain(statusUsage, fmt.Sprintf("%s takes nothing behind it, but %q was given.", w.name, rest))
		}
		return w.do(c, ctx, rest)
	}
	for _, w := range c.o.Words {
		if w.Name == name {
			return c.commandLine(ctx, text)
		}
	}
	said := fmt.Sprintf("There is no word %q.", name)
	if near := model.Nearest(name, c.names()); near != "" {
		said += fmt.Sprintf(" Did you mean %s?", near)
	}
	return c.complain(statusUsage, said+" The words are listed by help.")
}

// apart are words that are programs of their own and would not come back to the
// prompt, or write what no person reads.
var apart = []string{"serve", "demo", "completion", "man", "restore"}

// commandLine runs a command line as it was typed.
func (c *Console) commandLine(ctx context.Context, text string) int {
	args, err := splitLine(text)
	if err != nil {
		return c.complain(statusUsage, sentence(err.Error()))
	}
	if slices.Contains(apart, args[0]) || args[0] == "agent" && len(args) > 1 && (args[1] == "run" || args[1] == "installer") {
		return c.complain(statusUsage, fmt.Sprintf("%s is a program of its own: start it in a shell.", strings.Join(args[:min(2, len(args))], " ")))
	}
	return c.run(ctx, args...)
}

// run runs one of Fettle's command lines; its answer is read out, a list of it
// becomes the one that numbers refer to.
func (c *Console) run(ctx context.Context, args ...string) int {
	status, list := c.answer(ctx, args...)
	if list == nil {
		return status
	}
	c.push(&listing{kind: kindOf(args), args: args, list: list})
	return max(status, c.showPage())
}

// answer runs a command line and gives its list, if it was one.
func (c *Console) answer(ctx context.Context, args ...string) (int, List) {
	c.taken = nil
	l := Line{Args: args, Ask: c.confirm, Background: c.person}
	if kindOf(args) != nil {
		l.Take = func(list List) bool {
			if c.taken != nil {
				return false
			}
			c.taken = list
			return true
		}
	}
	out := &answer{c: c}
	c.unread = nil
	if c.person {
		l.Out, l.Err = out, errand{out}
	} else {
		l.Out, l.Err = c.out, c.errs
	}
	status := c.o.Run(ctx, l)
	out.end()
	c.out.finish()
	c.errs.finish()
	return status, c.taken
}

// answer collects what a command answers, so that a long answer can be read out in
// parts.
type answer struct {
	c     *Console
	lines []string
	begun strings.Builder
}

// Write takes in a part of the answer.
func (a *answer) Write(b []byte) (int, error) {
	for _, part := range strings.SplitAfter(string(b), "\n") {
		line, whole := strings.CutSuffix(part, "\n")
		a.begun.WriteString(line)
		if whole {
			a.lines = append(a.lines, a.begun.String())
			a.begun.Reset()
		}
	}
	return len(b), nil
}

// flush reads out all that has come.
func (a *answer) flush() {
	for _, l := range a.lines {
		a.c.out.line(l)
	}
	a.lines = nil
}

// end reads out the answer; of a long one the first part.
func (a *answer) end() {
	if a.begun.Len() > 0 {
		a.lines = append(a.lines, a.begun.String())
	}
	a.c.unread = append(a.c.unread, a.lines...)
	a.lines = nil
	a.c.readOn()
}

// errand is where a command says what is no answer: progress, plans, questions.
// What was answered before it is read out before it.
type errand struct{ a *answer }

// Write writes at once: who waits wants to hear how far it is.
func (e errand) Write(b []byte) (int, error) {
	e.a.flush()
	return e.a.c.errs.Write(b)
}

// readOn reads out the next part of a long answer.
func (c *Console) readOn() {
	n := len(c.unread)
	if most := 2 * c.page; c.page > 0 && n > most+2 { // two lines are not worth a word
		n = most
	}
	for _, l := range c.unread[:n] {
		c.out.line(l)
	}
	if c.unread = c.unread[n:]; len(c.unread) > 0 {
		c.say("%s more; n reads on.", counted(len(c.unread), "line"))
	}
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
