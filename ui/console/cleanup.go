package console

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// supersededGauge is the number of superseded updates from which on they slow
// down server and computers (semantics 3.8).
const supersededGauge = 1500

// newCleanup is the screen of the six jobs of the Server Cleanup Wizard, with
// how much each would do now.
func newCleanup(c *Console) pane {
	p := newTablePane[model.CleanupJob](c, "Cleanup", keys.Cleanup, "job", "jobs",
		table.Column{Title: "Job", Width: 11},
		table.Column{Title: "What it does", Width: 30, Flexible: true},
		table.Column{Title: "Would do", Width: 8, Right: true},
		table.Column{Title: "Left alone", Width: 10, Right: true, Priority: 1},
		table.Column{Title: "Frees", Width: 7, Right: true, Priority: 2},
	)
	p.still = true // every job looks at the whole catalogue
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[model.CleanupJob], error) {
		var out tableRows[model.CleanupJob]
		items, err := s.store.Cleanup(ctx, nil)
		if err != nil {
			return out, err
		}
		for _, j := range model.CleanupJobs() {
			todo, saved, bytes := 0, 0, int64(0)
			for _, it := range items {
				switch {
				case it.Job != j.Job:
				case it.Saved:
					saved++
				default:
					todo++
					bytes += it.Bytes
				}
			}
			frees, style := "-", s.styles.Muted
			if bytes > 0 {
				frees = size(bytes)
			}
			if todo > 0 {
				style = s.styles.Warn
			}
			out.add(j.Job, table.Cell{Text: string(j.Job)}, table.Cell{Text: j.Does}, table.Cell{Text: zero(todo), Style: style}, table.Cell{Text: zero(saved)}, table.Cell{Text: frees})
		}
		superseded := 0
		for i, r := range snap.Updates() {
			if i%1024 == 0 && ctx.Err() != nil {
				return out, ctx.Err()
			}
			if r.Has(model.FlagSuperseded) && !r.Has(model.FlagDeclined) {
				superseded++
			}
		}
		out.facts = []string{fmt.Sprintf("Superseded, not declined: %s (%s and more slow server and computers down)", count(superseded), count(supersededGauge))}
		return out, nil
	}
	p.above = func(w int) []string {
		if !p.ready {
			return nil
		}
		return []string{layout.Fit(" "+strings.Join(p.facts, ""), w, c.styles.Glyphs.Tail), ""}
	}
	p.open = func(job model.CleanupJob) tea.Cmd { return c.push(newCleanupJob(c, job)) }
	p.act = func(a keys.Action, job model.CleanupJob, ok bool) tea.Cmd {
		switch {
		case a == keys.RunAll:
			return c.cleanUp(nil)
		case a == keys.RunIt && ok:
			return c.cleanUp([]model.CleanupJob{job})
		case a == keys.CopyRow && ok:
			return c.copy(string(job))
		}
		return nil
	}
	return p
}

// cleanupID is an item of cleanup: a computer or an update, by number.
type cleanupID struct {
	computer bool
	number   uint32
}

// newCleanupJob shows what one job looked at: the candidates with the reason,
// then what it leaves alone, with the condition that saved it.
func newCleanupJob(c *Console, job model.CleanupJob) pane {
	p := newTablePane[cleanupID](c, "Job "+string(job), keys.CleanupJob, "item", "items",
		table.Column{Title: "What", Width: 30, Flexible: true},
		table.Column{Title: "Verdict", Width: 10},
		table.Column{Title: "Why", Width: 34, Flexible: true, Priority: 1},
	)
	p.still = true
	p.empty = []string{"This job finds nothing to look at."}
	p.load = func(ctx context.Context, s scribe, snap *store.Snapshot) (tableRows[cleanupID], error) {
		var out tableRows[cleanupID]
		items, err := s.store.Cleanup(ctx, []model.CleanupJob{job})
		if err != nil {
			return out, err
		}
		out.notes = map[cleanupID]string{}
		for _, saved := range []bool{false, true} {
			for _, it := range items {
				if it.Saved != saved {
					continue
				}
				id, verdict := cleanupID{it.Computer != 0, cmp.Or(it.Computer, it.Update)}, table.Cell{Text: "would go", Style: s.styles.Warn}
				if saved {
					verdict = table.Cell{Text: "left alone", Style: s.styles.Muted}
				}
				if _, twice := out.cells[id]; twice {
					continue
				}
				out.notes[id] = it.Reason
				out.add(id, table.Cell{Text: cleanupTitle(snap, it)}, verdict, table.Cell{Text: model.Clean(it.Reason)})
			}
		}
		return out, nil
	}
	p.above = func(w int) []string {
		for _, j := range model.CleanupJobs() {
			if j.Job == job {
				return []string{layout.Fit(" It would "+j.Does+".", w, c.styles.Glyphs.Tail), ""}
			}
		}
		return nil
	}
	p.open = func(id cleanupID) tea.Cmd {
		if id.computer {
			return c.push(newComputer(c, id.number))
		}
		t, reason := newTextPane(c, "Why"), p.notes[id]
		t.load = func(_ context.Context, s scribe, _ int) ([]string, error) {
			snap := s.store.Snapshot()
			lines := []string{cleanupTitle(snap, model.CleanupItem{Update: id.number}), "", upperFirst(reason) + ".", ""}
			if id.number == 0 {
				return lines, nil
			}
			more, err := s.updatePage(snap, id.number, nil, 0)
			if err != nil {
				return lines, nil // what was removed has no details any more
			}
			return append(lines, more.lines...), nil
		}
		return c.push(t)
	}
	p.act = func(a keys.Action, _ cleanupID, _ bool) tea.Cmd {
		if a == keys.RunIt {
			return c.cleanUp([]model.CleanupJob{job})
		}
		return nil
	}
	return p
}

// cleanupTitle names what a job looked at.
func cleanupTitle(snap *store.Snapshot, it model.CleanupItem) string {
	if it.Computer != 0 {
		if comp := snap.Computer(it.Computer); comp != nil {
			return model.Clean(comp.Name)
		}
		return "computer " + count(int(it.Computer))
	}
	if it.Update == 0 {
		return "the content store"
	}
	if r := snap.Row(it.Update); r != nil {
		return model.Clean(r.Title)
	}
	return "update " + count(int(it.Update))
}

// upperFirst writes a clause as the beginning of a sentence.
func upperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// cleanUp proposes what some jobs would do, or all of them when jobs is nil: one
// change, which is taken back as one.
func (c *Console) cleanUp(jobs []model.CleanupJob) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	actor := c.actor
	var change atomic.Pointer[model.Change] // that the shown plan is of
	q := &question{c: c, title: "Clean up", apply: "Clean up"}
	q.load = func(ctx context.Context, s scribe) ([]string, error) {
		items, err := s.store.Cleanup(ctx, jobs)
		if err != nil {
			return nil, err
		}
		found, any := store.CleanupChange(items)
		if !any {
			return nil, &model.Refusal{Code: "nothing", What: "There is nothing to clean up", Why: "every update and computer that was looked at is left alone; Enter in the list says why"}
		}
		p, err := s.store.Plan(ctx, found, actor)
		if err != nil {
			return nil, err
		}
		change.Store(&found)
		return append(s.cleanupText(s.store.Snapshot(), items), s.planText(p)...), nil
	}
	q.yes = func() tea.Cmd { return c.make(q, *change.Load(), nil) }
	return c.push(q)
}

// shownCandidates is how many candidates of a job the preview lists.
const shownCandidates = 5

// cleanupText lists what jobs would do, with the reasons.
func (s scribe) cleanupText(snap *store.Snapshot, items []model.CleanupItem) []string {
	var lines []string
	for _, j := range model.CleanupJobs() {
		n, saved := 0, 0
		var list []string
		for _, it := range items {
			switch {
			case it.Job != j.Job:
			case it.Saved:
				saved++
			default:
				if n++; n <= shownCandidates {
					list = append(list, "  "+cleanupTitle(snap, it)+": "+model.Clean(it.Reason))
				}
			}
		}
		if n == 0 {
			continue
		}
		lines = append(lines, strings.ToUpper(string(j.Job)), fmt.Sprintf("%s: %s, %s left alone", upperFirst(j.Does), count(n), count(saved)))
		lines = append(lines, list...)
		if n > shownCandidates {
			lines = append(lines, "  and "+count(n-shownCandidates)+" more")
		}
		lines = append(lines, "")
	}
	return lines
}
