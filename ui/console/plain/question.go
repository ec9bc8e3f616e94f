package plain

import (
	"context"
	"errors"
	"strings"
	"time"
)

// graceQuiet is how long after a question that changes something an
// answer is taken for one that was typed before: about as long as a line takes to
// be read at all, and longer than a slow link holds keys back.
const graceQuiet = 400 * time.Millisecond

// errEnded says that nobody is there to answer.
var errEnded = errors.New("the input ended before the question was answered")

// confirm asks whether to change something: the word yes, written out, after the
// question was.
func (c *Console) confirm(ctx context.Context, question string) (bool, error) {
	text := strings.TrimRight(question, " ") + " yes or no, no is the default:"
	for {
		dropped := 0
		if c.person {
			if c.o.Forget != nil {
				c.o.Forget()
			}
			dropped = c.in.drop()
		}
		if dropped > 0 {
			c.errs.line(counted(dropped, "line") + " typed before the question was dropped.")
		}
		asked := c.o.Now()
		c.write(text)
		t, ok := c.in.next(ctx)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case !ok, strings.EqualFold(strings.TrimSpace(t.text), "no"): // which is safe at any time
			return false, nil
		case c.person && t.at.Sub(asked) < graceQuiet:
			c.errs.line("That was typed before the question could be read, so it does not count.")
			continue
		}
		return strings.EqualFold(strings.TrimSpace(t.text), "yes"), nil
	}
}

// write writes a question: behind it at a terminal, as a line otherwise.
func (c *Console) write(question string) {
	if c.person {
		c.out.prompt(question)
	} else {
		c.errs.line(question)
	}
}

// ask asks for a text; an empty answer is the default. "cancel" and the end of the
// input give up.
func (c *Console) ask(ctx context.Context, question, usual string) (string, error) {
	c.write(question)
	t, ok := c.in.next(ctx)
	text := strings.TrimSpace(t.text)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !ok:
		return "", errEnded
	case strings.EqualFold(text, "cancel"):
		return "", errGivenUp
	case text == "":
		return usual, nil
	}
	return text, nil
}

// errGivenUp says that somebody gave up at a question.
var errGivenUp = errors.New("given up; nothing was changed")

// gaveUp says why questions ended.
func (c *Console) gaveUp(err error) int {
	if errors.Is(err, errGivenUp) {
		return c.complain(statusFailed, sentence(err.Error()))
	}
	return c.complain(statusFailed, "Nothing was changed: "+err.Error()+".")
}
