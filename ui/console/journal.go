package console

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/table"
)

// journalShown is how many entries the screen shows, the newest ones.
const journalShown = 2000

// journal is the screen of the record of every change.
type journal struct{ *tablePane[uint64] }

func newJournal(c *Console) pane {
	p := newTablePane[uint64](c, "Journal", keys.Journal, "entry", "entries",
		table.Column{Title: "No.", Width: 5, Right: true},
		table.Column{Title: "When", Width: 16},
		table.Column{Title: "Who", Width: 12, Priority: 1},
		table.Column{Title: "From", Width: 8, Priority: 2},
		table.Column{Title: "What", Width: 38, Flexible: true},
	)
	p.empty = []string{"Nothing was changed yet."}
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[uint64], error) {
		var out tableRows[uint64]
		head, _ := snap.Journal()
		from := uint64(1)
		if head > journalShown {
			from = head - journalShown + 1
		}
		entries, err := s.store.Entries(from, 0)
		if err != nil {
			return out, err
		}
		for _, e := range slices.Backward(entries) {
			out.add(e.Seq, table.Cell{Text: strconv.FormatUint(e.Seq, 10)}, table.Cell{Text: e.Time.In(s.zone).Format("2006-01-02 15:04")},
				table.Cell{Text: model.Clean(e.Actor.Who)}, table.Cell{Text: string(e.Actor.From)}, table.Cell{Text: model.Clean(e.Summary)})
		}
		return out, nil
	}
	p.open = func(seq uint64) tea.Cmd {
		t := newTextPane(c, fmt.Sprintf("Entry %d", seq))
		t.load = func(_ context.Context, s scribe, _ int) ([]string, error) { return s.entry(seq) }
		return c.push(t)
	}
	p.act = func(a keys.Action, seq uint64, ok bool) tea.Cmd {
		switch {
		case !ok:
		case a == keys.Undo:
			return c.undo(seq)
		case a == keys.Copy:
			return c.copy(strconv.FormatUint(seq, 10))
		}
		return nil
	}
	return &journal{p}
}

// entry writes one entry of the journal.
func (s scribe) entry(seq uint64) ([]string, error) {
	e, err := s.store.Entry(seq)
	if err != nil {
		return nil, err
	}
	snap := s.store.Snapshot()
	p := page{lines: []string{e.Summary, ""}}
	p.fact("When", e.Time.In(s.zone).Format("2006-01-02 15:04:05"))
	who := e.Actor.Who + " (" + string(e.Actor.From) + ")"
	if e.Actor.Via != "" {
		who += " via " + e.Actor.Via
	}
	p.fact("Who", who)
	p.fact("What", string(e.Kind))
	p.fact("Remark", e.Remark)
	if e.Undoes != 0 {
		p.fact("Takes back", "entry "+strconv.FormatUint(e.Undoes, 10))
	}
	if e.Inverse == nil {
		p.fact("Undo", "it cannot be taken back")
	} else {
		p.fact("Undo", "u in the journal takes it back")
	}
	p.fact("Chained to", fmt.Sprintf("%x", e.Prev))
	if len(e.Change.Updates) > 0 {
		p.head("UPDATES")
		for _, n := range e.Change.Updates[:min(len(e.Change.Updates), shownChanges)] {
			if r := snap.Row(n); r != nil {
				p.add("%s", r.Title)
			}
		}
	}
	for i, g := range e.Change.Groups {
		if i == 0 {
			p.head("GROUPS")
		}
		name := string(g.Group)
		if t := snap.Groups().Group(g.Group); t != nil {
			name = t.Name
		}
		p.add("%s: %s", name, g.Action.Title())
	}
	return p.lines, nil
}
