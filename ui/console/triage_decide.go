package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
)

// triageMade is a decision that was made in triage, for u.
type triageMade struct {
	entry     uint64
	update    uint32 // where the cursor goes when it is taken back
	what      string
	deploys   uint64 // the deployment that it made; 0 = none
	installed int    // installations of it that there were already
}

// decision is what a single key does: it is made at once when its plan is not
// wide and warns of nothing but what the queue is about; else the plan is shown,
// and the default is Cancel (docs/rules.md, triage).
type decision struct {
	change   model.Change
	apply    string                  // the word on the button when it is shown first
	harmless []string                // codes of warnings that do not stop it
	nobody   string                  // said instead when it would change nothing for any computer; empty = it may
	said     func(model.Plan) string // what the status line says when it was made
}

// stops says whether a plan must be looked at before it is made.
func (d *decision) stops(p model.Plan) bool {
	for _, w := range p.Warnings {
		known := false
		for _, code := range d.harmless {
			known = known || w.Code == code
		}
		if !known {
			return true
		}
	}
	return p.Wide
}

// approve approves for the target.
func (p *triage) approve() tea.Cmd {
	numbers := p.selection()
	change, err := p.target.change(p.c, numbers)
	if err != nil {
		p.c.say(slog.LevelWarn, err.Error()+"; t chooses another")
		return nil
	}
	names := p.target.names(p.c.snap.Groups())
	return p.decide(&decision{
		change: change, apply: "Approve",
		nobody: fmt.Sprintf("no computer of %s waits for %s; t changes the target", names, choose(len(numbers) == 1, "it", "them")),
		said: func(plan model.Plan) string {
			text := "Approved " + p.some(numbers) + "for " + names + ", " + counted(plan.Computers, "computer", "computers")
			if plan.Restarts > 0 {
				text += ", " + counted(plan.Restarts, "restart", "restarts")
			}
			return text
		},
	})
}

// some names several updates; one is seen to leave the list.
func (p *triage) some(numbers []uint32) string {
	if len(numbers) == 1 {
		return ""
	}
	return counted(len(numbers), "update ", "updates ")
}

// decline declines for every group. That computers need the updates is why they
// are in the queue.
func (p *triage) decline() tea.Cmd {
	numbers := p.selection()
	return p.decide(&decision{
		change: model.Change{Kind: model.ChangeDecline, Updates: numbers}, apply: "Decline", harmless: []string{"needed"},
		said: func(model.Plan) string {
			return "Declined " + choose(len(numbers) == 1, p.title(numbers[0]), p.some(numbers)+"for every group")
		},
	})
}

// title names an update briefly: the status line has room for what follows.
func (p *triage) title(n uint32) string {
	if u, ok := p.rows[n]; ok {
		return shorten(model.Clean(u.Update.Title))
	}
	return "it"
}

// shorten keeps the beginning of a title, which Debian's begin with their name.
func shorten(title string) string {
	if name, _, ok := strings.Cut(title, ": "); ok {
		title = name
	}
	if r := []rune(title); len(r) > 36 {
		return string(r[:35]) + "~"
	}
	return title
}

// later postpones.
func (p *triage) later(span string) tea.Cmd {
	c := p.c
	until, err := model.ParseLater(span, c.now.In(c.zone))
	if err != nil {
		c.say(slog.LevelWarn, err.Error())
		return nil
	}
	numbers := p.selection()
	return p.decide(&decision{
		change: model.Change{Kind: model.ChangePostpone, Updates: numbers, Until: until}, apply: "Postpone", harmless: []string{"exploited"},
		said: func(model.Plan) string {
			return "Later, " + c.date(until) + ": " + choose(len(numbers) == 1, p.title(numbers[0]), strings.TrimSpace(p.some(numbers)))
		},
	})
}

// askLater asks for how long.
func (p *triage) askLater() tea.Cmd {
	if err := cmp.Or(p.c.readOnly(), p.c.gate()); err != nil {
		return p.c.tell(err)
	}
	check := func(text string) error {
		_, err := model.ParseLater(text, p.c.now.In(p.c.zone))
		return err
	}
	return p.c.ask(&prompt{label: "later (7d, 30d, 2026-12-01):", check: check, done: func(text string) tea.Cmd {
		p.span = text
		return p.later(text)
	}}, p.span)
}

// bringBack ends postponements.
func (p *triage) bringBack() tea.Cmd {
	var numbers []uint32
	for _, n := range p.selection() {
		if p.rows[n].Aside == model.AsideLater {
			numbers = append(numbers, n)
		}
	}
	return p.decide(&decision{
		change: model.Change{Kind: model.ChangeResume, Updates: numbers}, apply: "Bring back",
		said: func(model.Plan) string {
			return "Back in the queue: " + choose(len(numbers) == 1, p.title(numbers[0]), strings.TrimSpace(p.some(numbers)))
		},
	})
}

// decide plans a decision and makes it, or shows what it would do.
func (p *triage) decide(d *decision) tea.Cmd {
	c := p.c
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	if len(d.change.Updates) == 0 {
		return nil
	}
	after, actor := p.decided(d.change.Updates), c.actor
	p.working, p.early = true, 0
	return func() tea.Msg {
		plan, err := c.o.Store.Plan(c.ctx, d.change, actor)
		if err != nil || d.stops(plan) || d.nobody != "" && plan.Computers == 0 {
			return c.onInterface(func() tea.Cmd {
				p.working = false
				switch {
				case err != nil:
					return c.tell(err)
				case d.stops(plan):
					return c.propose(d.change, d.apply, after)
				}
				c.say(slog.LevelWarn, d.nobody)
				return nil
			})
		}
		entry, err := c.o.Store.Make(c.ctx, d.change, actor)
		left := 0
		if err == nil && d.change.Kind == model.ChangeApprove {
			left = c.stillWaiting(d.change.Updates)
		}
		return c.onInterface(func() tea.Cmd {
			c.look()
			var waits *model.AwaitingConsent
			switch {
			case errors.As(err, &waits):
				c.say(slog.LevelInfo, waiting(waits))
				p.tab.ClearMarks()
				return p.load(true)
			case err != nil:
				p.working = false
				return c.tell(err)
			}
			cmd := after(entry)
			text := d.said(plan) + "; u takes it back"
			if left > 0 {
				text += "; " + count(left) + choose(left == 1, " still waits", " still wait")
			}
			p.tell(text)
			return cmd
		})
	}
}

// tell says what was done, and how many keys came before that was to be seen.
func (p *triage) tell(text string) {
	if p.early > 0 {
		text = counted(p.early, "key", "keys") + " came too early and did nothing. " + text
		p.early = 0
	}
	p.c.say(slog.LevelInfo, text)
}

// stillWaiting counts the computers that wait for one of the updates after it was
// approved: the target does not reach them, so that it stays in the queue. Of
// many updates at once nobody wants to know.
func (c *Console) stillWaiting(numbers []uint32) int {
	if len(numbers) > 1 {
		return 0
	}
	snap := c.o.Store.Snapshot()
	if u, _, ok := snap.Undecided(numbers[0], c.o.Now()); ok && u.Aside == model.AsideNot {
		return u.Waiting
	}
	return 0
}

// decided remembers a decision about updates, for u, and shows the queue without
// them.
func (p *triage) decided(numbers []uint32) func(model.Entry) tea.Cmd {
	first := uint32(0)
	if id, ok := p.tab.Cursor(); ok {
		first = id
	}
	if len(numbers) > 0 && p.tab.MarkCount() > 0 {
		first = numbers[0]
	}
	ids, at := p.tab.IDs(), p.tab.Position()
	next := uint32(0)
	for _, id := range ids[min(at, len(ids)):] {
		if !slices.Contains(numbers, id) {
			next = id
			break
		}
	}
	return func(e model.Entry) tea.Cmd {
		p.tab.ClearMarks()
		p.working, p.next = true, next // until the queue is without them
		if e.Seq == 0 {
			return p.load(true) // a proposal has no entry yet
		}
		m := triageMade{entry: e.Seq, update: first, what: e.Summary}
		if e.Kind != model.ChangeApprove {
			p.made = append(p.made, m)
			return p.load(true)
		}
		m.deploys = e.Result
		return func() tea.Msg {
			m.installed = p.c.installedBy(m.deploys)
			return p.c.onInterface(func() tea.Cmd {
				p.made = append(p.made, m)
				return p.load(true)
			})
		}
	}
}

// installedBy counts the installations of a deployment. Most updates are installed
// on many computers before anybody approves them for the last ones; only what was
// installed after a decision makes taking it back a loss.
func (c *Console) installedBy(deployment uint64) int {
	if pr := c.o.Store.Snapshot().Progress(deployment, c.o.Now()); pr != nil {
		return pr.Total.Installed
	}
	return 0
}

// exact says whether taking a decision back loses nothing.
func (c *Console) exact(m triageMade, plan model.Plan) bool {
	for _, w := range plan.Warnings {
		if w.Code != "installed" || m.deploys == 0 || c.installedBy(m.deploys) > m.installed {
			return false
		}
	}
	return true
}

// undo takes the last decision of this session back: at once when its plan has no
// warning, because nothing is lost then; else it asks. When there is none, it is
// the undo of everywhere.
func (p *triage) undo() tea.Cmd {
	c := p.c
	if err := c.readOnly(); err != nil {
		return c.tell(err)
	}
	if len(p.made) == 0 {
		return c.undo(0)
	}
	last, actor := p.made[len(p.made)-1], c.actor
	p.working, p.early = true, 0
	return func() tea.Msg {
		plan, _, err := c.o.Store.PlanUndo(c.ctx, last.entry, actor)
		exact := err == nil && c.exact(last, plan)
		if exact {
			_, err = c.o.Store.Undo(c.ctx, last.entry, actor, "")
		}
		return c.onInterface(func() tea.Cmd {
			c.look()
			p.working = false
			var r *model.Refusal
			switch {
			case errors.As(err, &r) && r.Code == "undone":
				// Somebody took it back elsewhere: the one before is the last now.
				p.forget(last)
				return p.undo()
			case err != nil && exact:
				if waits := (*model.AwaitingConsent)(nil); errors.As(err, &waits) {
					p.forget(last)
				}
				return tea.Batch(c.tell(err), p.load(true))
			case err != nil:
				return c.tell(err)
			case !exact:
				return c.undo(last.entry)
			}
			p.forget(last)
			p.focus = last.update
			p.look(false)
			p.tell("Taken back: " + last.what)
			p.working = true
			return p.load(true)
		})
	}
}

// forget drops a decision that was taken back.
func (p *triage) forget(m triageMade) {
	for i := range p.made {
		if p.made[i].entry == m.entry {
			p.made = append(p.made[:i:i], p.made[i+1:]...)
			return
		}
	}
}

// preview says in a line what approving the selection for the target would do.
func (s scribe) triagePreview(ctx context.Context, change model.Change, names string, marked bool, actor model.Actor) string {
	p, err := s.store.Plan(ctx, change, actor)
	d := decision{change: change}
	it := "it"
	if marked {
		it = "the " + counted(len(change.Updates), "marked one", "marked ones")
	}
	var r *model.Refusal
	switch {
	case errors.As(err, &r):
		return "! a is refused: " + strings.TrimSuffix(cmp.Or(r.Why, r.What), ".")
	case err != nil:
		return "! " + err.Error()
	case p.Computers == 0:
		return "! no computer of " + names + " waits for " + it + "; t changes the target"
	}
	facts := []string{counted(p.Computers, "computer", "computers") + " of " + names}
	if p.Restarts > 0 {
		facts = append(facts, counted(p.Restarts, "restart", "restarts"))
	}
	if p.Bytes > 0 {
		facts = append(facts, size(p.Bytes)+" at most")
	}
	if p.Now > 0 {
		facts = append(facts, counted(p.Now, "installation", "installations")+" due at once")
	}
	what := strings.Join(facts, ", ")
	if marked {
		what = it + " on " + what
	}
	switch {
	case len(p.Warnings) > 0:
		return "! a asks first: " + what + "; " + p.Warnings[0].Text
	case d.stops(p):
		return "! a asks first (wide): " + what
	}
	return "a installs " + it + " on " + strings.Join(facts, ", ")
}
