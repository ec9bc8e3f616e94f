package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"fettle/model"
)

// preface is what belongs before a plan: the terms of a licence, what a rule
// leaves alone.
type preface struct {
	text func(io.Writer) // for people; nil = nothing
	data object          // for programs, beside the plan
}

// decide is the way of every change: it is planned, shown, asked for and made.
// done says what was made, and may be nil.
func (a *app) decide(ctx context.Context, h *host, c model.Change, done func(model.Entry) object) error {
	return a.decideAfter(ctx, h, c, preface{}, done)
}

// decideAfter is decide with something to be read first.
func (a *app) decideAfter(ctx context.Context, h *host, c model.Change, first preface, done func(model.Entry) object) error {
	if err := a.permit("The change was not made"); err != nil && !a.flags.plan {
		return err
	}
	by := a.s.Actor // planning changes nothing, so that a viewer may look
	p, err := h.store.Plan(ctx, c, by)
	if err != nil {
		return err
	}
	if err := a.approvePlan(ctx, p, first); err != nil || a.flags.plan {
		return err
	}
	e, err := h.store.Make(ctx, c, a.actor())
	if err != nil {
		return a.awaiting(err)
	}
	return a.made(e, done)
}

// made answers with what was made.
func (a *app) made(e model.Entry, done func(model.Entry) object) error {
	o := object{{key: "entry", value: e.Seq}, {key: "summary", value: e.Summary}, {key: "time", value: e.Time}, {key: "by", value: e.Actor.Who}}
	if done != nil {
		o = append(o, done(e)...)
	}
	if a.flags.json || a.flags.csv {
		return a.writeObject(o)
	}
	line := model.Clean(e.Summary) + "."
	for _, m := range o[4:] {
		if m.title != "" {
			line += fmt.Sprintf(" %s %s.", m.title, a.plain(a.present(m.value)))
		}
	}
	back := "it cannot be taken back"
	if e.Inverse != nil {
		back = fmt.Sprintf("fettle undo %d takes it back", e.Seq)
	}
	_, err := fmt.Fprintf(a.s.Out, "%s Journal entry %d; %s.\n", line, e.Seq, back)
	return err
}

// awaiting answers where a change was kept as a proposal, which is no failure;
// other errors are given back.
func (a *app) awaiting(err error) error {
	var waiting *model.AwaitingConsent
	if !errors.As(err, &waiting) {
		return err
	}
	p := waiting.Proposal
	if a.flags.json || a.flags.csv {
		return a.writeObject(object{{key: "proposal", value: proposalObject(p)}})
	}
	return a.paragraph(a.s.Out, "", fmt.Sprintf("%s waits for the consent of a second person: %s. Nothing of it is in force. Somebody else consents with: fettle consent %d; or refuses with: fettle reject %d",
		model.Clean(strings.TrimSuffix(p.Summary, ".")), model.Clean(strings.TrimSuffix(p.Why, ".")), p.ID, p.ID))
}

// errDeclined is the answer no to a question.
var errDeclined = errors.New("nothing was changed")

// approvePlan shows a plan and asks whether to go on. With --plan the plan is
// the answer.
func (a *app) approvePlan(ctx context.Context, p model.Plan, first preface) error {
	if a.flags.plan {
		if a.flags.json || a.flags.csv {
			return a.writeObject(append(planObject(p), first.data...))
		}
		if first.text != nil {
			first.text(a.s.Out)
		}
		a.writePlan(a.s.Out, p)
		return nil
	}
	if !a.flags.yes && !a.s.Ask {
		return &usageError{err: errors.New("without a terminal to ask at, a change needs --yes"), hint: "What it would do is said by --plan."}
	}
	if first.text != nil {
		first.text(a.s.Err)
	}
	if a.flags.yes {
		a.warn(p)
		return nil
	}
	a.writePlan(a.s.Err, p)
	yes, err := a.ask(ctx, "Make this change?", !p.Wide)
	if err == nil && !yes {
		return errDeclined
	}
	return err
}

// warn tells a plan's warnings where nobody is asked.
func (a *app) warn(p model.Plan) {
	for _, w := range p.Warnings {
		a.say("Warning: %s.", strings.TrimRight(model.Clean(w.Text), "."))
	}
}

// writePlan shows a plan.
func (a *app) writePlan(w io.Writer, p model.Plan) {
	say := func(indent, text string) {
		// What cannot be written to a terminal is not worth an error of its own.
		_ = a.paragraph(w, indent, text)
	}
	say("", p.Summary)
	var facts []string
	fact := func(n int, format string) {
		if n > 0 {
			facts = append(facts, fmt.Sprintf(format, n))
		}
	}
	fact(p.Updates, "updates: %d")
	fact(p.Computers, "computers: %d")
	fact(p.Now, "installed at the next check-in: %d")
	fact(p.Restarts, "computers that may restart: %d")
	if p.Bytes > 0 {
		facts = append(facts, "to download, at most: "+size(p.Bytes))
	}
	if len(facts) > 0 {
		say("  ", strings.Join(facts, "; "))
	}
	for _, g := range p.Groups {
		say("  ", a.groupPlanText(g))
	}
	if len(p.First) > 0 {
		say("  ", "first: "+strings.Join(p.First, ", "))
	}
	for _, l := range p.Lines {
		say("  ", l)
	}
	for _, warning := range p.Warnings {
		say("  ", "Warning: "+warning.Text)
	}
}

// groupPlanText says what a plan does for one group.
func (a *app) groupPlanText(g model.GroupPlan) string {
	line := fmt.Sprintf("%s: %s, %s, %d of them need it", g.Name, g.Action.Title(), count(g.Computers, "computer"), g.Needing)
	if !g.Deadline.IsZero() {
		line += ", deadline " + g.Deadline.In(a.zone).Format("2006-01-02 15:04 MST")
	}
	return line
}

// groupPlanObject is a plan's part for one group, for programs.
func groupPlanObject(g model.GroupPlan) object {
	return object{{key: "group", value: g.Name}, {key: "action", value: g.Action.String()}, {key: "deadline", value: g.Deadline},
		{key: "computers", value: g.Computers}, {key: "needing", value: g.Needing}}
}

// planObject is a plan for programs.
func planObject(p model.Plan) object {
	var groups, warnings []object
	for _, g := range p.Groups {
		groups = append(groups, groupPlanObject(g))
	}
	for _, w := range p.Warnings {
		warnings = append(warnings, object{{key: "code", value: w.Code}, {key: "text", value: w.Text}})
	}
	return object{
		{key: "summary", value: p.Summary}, {key: "updates", value: p.Updates}, {key: "computers", value: p.Computers},
		{key: "restarts", value: p.Restarts}, {key: "bytes", value: p.Bytes}, {key: "now", value: p.Now}, {key: "groups", value: groups},
		{key: "first", value: p.First}, {key: "lines", value: p.Lines}, {key: "warnings", value: warnings}, {key: "wide", value: p.Wide},
	}
}

// ask asks a question at the caller's terminal. An empty answer takes the
// default; the end of the input is no.
func (a *app) ask(ctx context.Context, question string, usual bool) (bool, error) {
	if a.desk != nil {
		return a.desk.line.Ask(ctx, question)
	}
	choice := "[y/N]"
	if usual {
		choice = "[Y/n]"
	}
	type answer struct {
		line string
		err  error
	}
	// The reader cannot be interrupted; it ends with the process or the session.
	answers := make(chan answer, 1)
	in := bufio.NewReader(a.s.In)
	for {
		fmt.Fprintf(a.s.Err, "%s %s ", question, choice)
		go func() {
			line, err := in.ReadString('\n')
			answers <- answer{line, err}
		}()
		select {
		case <-ctx.Done():
			fmt.Fprintln(a.s.Err)
			return false, ctx.Err()
		case got := <-answers:
			switch word := strings.ToLower(strings.TrimSpace(got.line)); {
			case word == "y" || word == "yes":
				return true, nil
			case word == "n" || word == "no":
				return false, nil
			case word == "" && got.err == nil:
				return usual, nil
			case got.err != nil:
				fmt.Fprintln(a.s.Err)
				return false, nil
			}
		}
	}
}

// deadline reads --deadline: now, a distance (7d, 12h, 90m, 2w), perhaps with a
// time of day (7d@03:00), or a date and time in the caller's zone or with a zone
// of its own. A date alone means the end of that day.
func deadline(text string, now time.Time, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	now = now.In(zone)
	if strings.EqualFold(text, "now") {
		return now, nil
	}
	if distance, clock, timed := strings.Cut(text, "@"); distance != "" {
		if t, ok := later(distance, now); ok && !timed {
			return t, nil
		} else if ok {
			minute, err := model.ParseClock(clock)
			if err != nil {
				return time.Time{}, misuse("--deadline: %w", err)
			}
			return time.Date(t.Year(), t.Month(), t.Day(), minute/60, minute%60, 0, 0, zone), nil
		}
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		t, err := time.ParseInLocation(form, text, zone)
		if err != nil {
			continue
		}
		if form == "2006-01-02" {
			t = time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 0, 0, zone)
		}
		return t, nil
	}
	return time.Time{}, misuse("--deadline %q is not a time; write now, 12h, 7d, 7d@03:00, 2026-12-01 or 2026-12-01T18:00", model.Clean(text))
}

// later adds a distance to a time. Days and weeks keep the time of day.
func later(distance string, now time.Time) (time.Time, bool) {
	unit := distance[len(distance)-1]
	n := 0
	if _, err := fmt.Sscanf(distance[:len(distance)-1], "%d", &n); err != nil || n < 0 || n > 100000 || fmt.Sprint(n) != distance[:len(distance)-1] {
		return time.Time{}, false
	}
	switch unit {
	case 'm':
		return now.Add(time.Duration(n) * time.Minute), true
	case 'h':
		return now.Add(time.Duration(n) * time.Hour), true
	case 'd':
		return now.AddDate(0, 0, n), true
	case 'w':
		return now.AddDate(0, 0, 7*n), true
	}
	return time.Time{}, false
}
