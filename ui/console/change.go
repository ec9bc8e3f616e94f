package console

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aymanbagabas/go-osc52/v2"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
)

// propose shows what a change would do and asks whether to make it: the one way
// by which the console changes anything (design 4).
func (c *Console) propose(change model.Change, apply string, after func(model.Entry) tea.Cmd) tea.Cmd {
	return c.proposeWith(change, apply, nil, after)
}

// proposeWith shows more below the plan: what only the screen that asks knows.
func (c *Console) proposeWith(change model.Change, apply string, more func(context.Context, scribe) ([]string, error), after func(model.Entry) tea.Cmd) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	q := &question{c: c, title: "Preview", apply: apply}
	actor := c.actor
	q.load = func(ctx context.Context, s scribe) ([]string, error) {
		p, err := s.store.Plan(ctx, change, actor)
		if err != nil {
			return nil, err
		}
		lines := s.planText(p)
		if more != nil {
			m, err := more(ctx, s)
			if err != nil {
				return nil, err
			}
			lines = append(append(lines, ""), m...)
		}
		return lines, nil
	}
	q.yes = func() tea.Cmd { return c.make(q, change, after) }
	return c.push(q)
}

// planText writes a plan for people.
func (s scribe) planText(p model.Plan) []string {
	lines := []string{"WHAT IT WOULD DO", p.Summary, ""}
	facts := []string{}
	if p.Updates > 0 {
		facts = append(facts, counted(p.Updates, "update", "updates"))
	}
	if p.Updates+p.Computers > 0 {
		facts = append(facts, counted(p.Computers, "computer affected", "computers affected"))
	} else {
		facts = append(facts, "no installation changes by that alone")
	}
	if p.Restarts > 0 {
		facts = append(facts, "up to "+counted(p.Restarts, "restart", "restarts"))
	}
	if p.Bytes > 0 {
		facts = append(facts, "at most "+size(p.Bytes)+" to download")
	}
	lines = append(lines, strings.Join(facts, ", "))
	if p.Wide {
		lines = append(lines, "! This is wide: it concerns half of all computers or more.")
	}
	for _, w := range p.Warnings {
		lines = append(lines, "! "+w.Text)
	}
	if len(p.Groups) > 0 {
		lines = append(lines, "", "GROUPS")
		for _, g := range p.Groups {
			due := ""
			if !g.Deadline.IsZero() {
				due = ", deadline " + s.deadline(g.Deadline)
			}
			lines = append(lines, fmt.Sprintf("%s: %s%s; %s, of which %s", g.Action.Title(), g.Name, due, counted(g.Computers, "computer", "computers"), counted(g.Needing, "needs it now", "need it now")))
		}
	}
	if len(p.First) > 0 {
		lines = append(lines, "", "First affected: "+strings.Join(p.First, ", "))
	}
	if len(p.Lines) > 0 {
		lines = append(lines, "")
		lines = append(lines, p.Lines...)
	}
	return lines
}

// deadline writes a deadline; one that has come is what the next check-in obeys.
func (s scribe) deadline(t time.Time) string {
	if !t.After(s.now) {
		return "now: at the next check-in"
	}
	return t.In(s.zone).Format("2006-01-02 15:04")
}

// make makes a change that was confirmed.
func (c *Console) make(q *question, change model.Change, after func(model.Entry) tea.Cmd) tea.Cmd {
	actor := c.actor
	return func() tea.Msg {
		entry, err := c.o.Store.Make(c.ctx, change, actor)
		return c.onInterface(func() tea.Cmd {
			c.look()
			cmd := c.drop(q)
			var waits *model.AwaitingConsent
			if err != nil && !errors.As(err, &waits) {
				return tea.Batch(cmd, c.tell(err))
			}
			if waits != nil { // it was kept: what asked for it is done, too
				c.say(slog.LevelInfo, waiting(waits))
			} else {
				c.say(slog.LevelInfo, "Done, u takes it back: "+entry.Summary)
			}
			if after != nil {
				return tea.Batch(cmd, after(entry))
			}
			return cmd
		})
	}
}

// waiting says that a change was kept for a second person. It is no failure.
func waiting(w *model.AwaitingConsent) string {
	return fmt.Sprintf("Proposal %d waits for the consent of a second person; C shows it (%s)", w.Proposal.ID, w.Proposal.Why)
}

// onInterface makes the answer of a command that must be taken in, however late.
func (c *Console) onInterface(apply func() tea.Cmd) tea.Msg {
	return answered{request: &request{}, apply: apply}
}

// undo proposes to take an entry of the journal back; 0 means the last one.
func (c *Console) undo(entry uint64) tea.Cmd {
	if err := c.readOnly(); err != nil {
		return c.tell(err)
	}
	var found atomic.Uint64 // the entry that the shown plan is of
	q := &question{c: c, title: "Undo", apply: "Take it back"}
	q.load = func(ctx context.Context, s scribe) ([]string, error) {
		p, e, err := c.o.Store.PlanUndo(ctx, entry, c.actor)
		if err != nil {
			return nil, err
		}
		found.Store(e.Seq)
		lines := s.planText(p)
		return append(lines, "", fmt.Sprintf("It was made %s by %s (%s).", e.Time.In(s.zone).Format("2006-01-02 15:04"), model.Clean(e.Actor.Who), e.Actor.From)), nil
	}
	q.yes = func() tea.Cmd {
		seq, actor := found.Load(), c.actor
		return func() tea.Msg {
			e, err := c.o.Store.Undo(c.ctx, seq, actor, "")
			return c.onInterface(func() tea.Cmd {
				c.look()
				cmd := c.drop(q)
				if err != nil {
					return tea.Batch(cmd, c.tell(err))
				}
				c.say(slog.LevelInfo, e.Summary)
				return cmd
			})
		}
	}
	return c.push(q)
}

// copyLimit is how much text terminals take by OSC 52, as the smallest of them
// is known to (74,994 bytes in base64).
const copyLimit = 74994

// copy puts text into the clipboard of the terminal, wherever it is, and shows
// it, so that it can be selected where the terminal does not do that.
func (c *Console) copy(text string) tea.Cmd {
	cells := strings.Split(text, "\t") // Clean would make blanks of the tabs of a row
	for i := range cells {
		cells[i] = strings.TrimSpace(model.Clean(cells[i]))
	}
	text = strings.Join(cells, "\t")
	if text == "" {
		return nil
	}
	if base64.StdEncoding.EncodedLen(len(text)) > copyLimit {
		c.say(slog.LevelWarn, "the text is too long for the clipboard of a terminal")
		return nil
	}
	out, t := c.o.Output, c.styles.Terminal
	if out == nil || !t.Attributes || c.clipboard() == ClipboardOff {
		c.say(slog.LevelInfo, "to copy: "+text)
		return nil
	}
	c.say(slog.LevelInfo, "copied: "+text)
	seq := osc52.New(text).String()
	// What runs the terminal inside another one hands the sequence on, or takes it
	// itself, as its settings say: both are tried.
	switch {
	case t.Tmux || strings.HasPrefix(t.Type, "tmux"):
		seq = osc52.New(text).Tmux().String() + seq
	case strings.HasPrefix(t.Type, "screen"):
		seq += osc52.New(text).Screen().String()
	}
	return func() tea.Msg {
		// One write: it cannot come to stand inside a frame, which is one too.
		if _, err := io.WriteString(out, seq); err != nil {
			return savedMsg{fmt.Errorf("writing to the clipboard: %w", err)}
		}
		return nil
	}
}
