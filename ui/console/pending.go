package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// newPending is the screen of changes that wait for the consent of a second
// person.
func newPending(c *Console) pane {
	p := newTablePane[uint64](c, "Changes waiting for consent", keys.Pending, "change", "changes",
		table.Column{Title: "No.", Width: 4, Right: true},
		table.Column{Title: "Proposed", Width: 16, Priority: 2},
		table.Column{Title: "By", Width: 12, Priority: 1},
		table.Column{Title: "What", Width: 24, Flexible: true},
		table.Column{Title: "For", Width: 14, Priority: 3},
		table.Column{Title: "Waits because", Width: 40, Priority: 4},
	)
	p.empty = []string{"No change waits for consent.", "", "Which changes do is an option of the server: 9, then Consent of a second person."}
	p.load = func(_ context.Context, s scribe, snap *store.Snapshot) (tableRows[uint64], error) {
		var out tableRows[uint64]
		for _, w := range snap.Proposals() {
			by := model.Clean(w.Actor.Who)
			if w.Actor.Who == c.actor.Who {
				by += " (you)"
			}
			var groups []model.GroupID
			for _, g := range w.Change.Groups {
				groups = append(groups, g.Group)
			}
			out.add(w.ID, table.Cell{Text: strconv.FormatUint(w.ID, 10)}, table.Cell{Text: s.when(w.Time)}, table.Cell{Text: by}, table.Cell{Text: model.Clean(w.Summary)}, table.Cell{Text: model.Clean(groupTitles(snap, groups))}, table.Cell{Text: model.Clean(w.Why)})
		}
		return out, nil
	}
	p.open = func(id uint64) tea.Cmd { return c.push(newProposal(c, id)) }
	p.off = func(a keys.Action, _ uint64, ok bool) string {
		if (a == keys.ConsentIt || a == keys.RejectIt) && !ok {
			return "no change waits for consent"
		}
		return ""
	}
	p.act = func(a keys.Action, id uint64, ok bool) tea.Cmd {
		if ok {
			return c.answer(a, id)
		}
		return nil
	}
	return p
}

func proposalByID(snap *store.Snapshot, id uint64) (model.Proposal, bool) {
	for _, p := range snap.Proposals() {
		if p.ID == id {
			return p, true
		}
	}
	return model.Proposal{}, false
}

// newProposal shows one change that waits, with what it would do as things
// stand now.
func newProposal(c *Console, id uint64) pane {
	p := newTextPane(c, fmt.Sprintf("Proposal %d", id))
	p.scope = keys.Proposal
	actor := c.actor
	p.load = func(ctx context.Context, s scribe, _ int) ([]string, error) {
		w, ok := proposalByID(s.store.Snapshot(), id)
		if !ok {
			return nil, errors.New("the change does not wait any more: it was answered; J shows how")
		}
		return s.proposal(ctx, w, actor), nil
	}
	p.acts = func(a keys.Action) tea.Cmd { return c.answer(a, id) }
	return p
}

func (s scribe) proposal(ctx context.Context, w model.Proposal, actor model.Actor) []string {
	g := page{lines: []string{w.Summary, ""}}
	g.fact("Proposed", s.when(w.Time)+" by "+w.Actor.Who+" ("+string(w.Actor.From)+")")
	g.fact("Waits because", w.Why)
	g.fact("Remark", w.Change.Remark)
	g.lines = append(g.lines, "", "Nothing of it is in force. Somebody else than who proposed it can consent (a) or reject it (d).", "")
	plan, err := s.store.Plan(ctx, w.Change, actor)
	if err != nil {
		return append(g.lines, "! As things stand now it would be refused: "+err.Error())
	}
	return append(g.lines, s.planText(plan)...)
}

// answer proposes to consent to a change that waits, or to reject it: the plan
// is computed anew, because much may have changed since it was proposed.
func (c *Console) answer(a keys.Action, id uint64) tea.Cmd {
	if a != keys.ConsentIt && a != keys.RejectIt {
		return nil
	}
	if err := c.readOnly(); err != nil {
		return c.tell(err)
	}
	actor, consent := c.actor, a == keys.ConsentIt
	q := &question{c: c, title: "Reject", apply: "Reject"}
	if consent {
		q.title, q.apply = "Consent", "Consent"
	}
	q.load = func(ctx context.Context, s scribe) ([]string, error) {
		w, ok := proposalByID(s.store.Snapshot(), id)
		switch {
		case !ok:
			return nil, errors.New("the change does not wait any more: it was answered")
		case consent && w.Actor.Who == actor.Who:
			return nil, &model.Refusal{Code: "same-person", What: "The consent was refused", Why: actor.Who + " proposed the change; somebody else must consent to it", Remedy: "let somebody else press a here; d takes it back"}
		}
		return s.proposal(ctx, w, actor), nil
	}
	q.yes = func() tea.Cmd {
		st, ctx := c.o.Store, c.ctx
		return func() tea.Msg {
			var e model.Entry
			var err error
			if consent {
				e, err = st.Consent(ctx, id, actor, "")
			} else {
				e, err = st.Reject(ctx, id, actor, "")
			}
			return c.onInterface(func() tea.Cmd {
				c.look()
				cmd := c.drop(q)
				if top, ok := c.top().(*textPane); ok && top.scope == keys.Proposal && err == nil {
					cmd = tea.Batch(cmd, c.drop(top)) // it does not wait any more
				}
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
