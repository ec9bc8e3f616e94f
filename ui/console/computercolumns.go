package console

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/table"
)

// computerColumn is one column of the list of computers: what it shows, and by
// what it sorts.
type computerColumn struct {
	table.Column
	high bool // the highest is what somebody looks for first
	// by gives what the column sorts by: a number, or a text.
	by   func(snap *store.Snapshot, c *model.Computer, now time.Time) (int64, string)
	cell func(s scribe, snap *store.Snapshot, c *model.Computer) table.Cell
}

// byNumber and byText make what a column sorts by.
func byNumber(get func(*store.Snapshot, *model.Computer) int) func(*store.Snapshot, *model.Computer, time.Time) (int64, string) {
	return func(snap *store.Snapshot, c *model.Computer, _ time.Time) (int64, string) {
		return int64(get(snap, c)), ""
	}
}

func byText(get func(*store.Snapshot, *model.Computer) string) func(*store.Snapshot, *model.Computer, time.Time) (int64, string) {
	return func(snap *store.Snapshot, c *model.Computer, _ time.Time) (int64, string) {
		return 0, strings.ToLower(get(snap, c))
	}
}

// textColumn is a column of a fact that a computer told.
func textColumn(c table.Column, get func(*store.Snapshot, *model.Computer) string) computerColumn {
	return computerColumn{Column: c, by: byText(get), cell: func(_ scribe, snap *store.Snapshot, m *model.Computer) table.Cell {
		return table.Cell{Text: model.Clean(get(snap, m))}
	}}
}

// totalColumn is a column of a number of updates.
func totalColumn(c table.Column, high bool, get func(model.UpdateTotals) int) computerColumn {
	c.Right = true
	return computerColumn{Column: c, high: high, by: byNumber(func(snap *store.Snapshot, m *model.Computer) int { return get(snap.Totals(m.Number)) }),
		cell: func(_ scribe, snap *store.Snapshot, m *model.Computer) table.Cell {
			return table.Cell{Text: zero(get(snap.Totals(m.Number)))}
		}}
}

// timeColumn is a column of an instant.
func timeColumn(c table.Column, get func(*model.Computer) time.Time) computerColumn {
	return computerColumn{Column: c,
		by: func(_ *store.Snapshot, m *model.Computer, _ time.Time) (int64, string) {
			if get(m).IsZero() {
				return 0, "" // never comes before all others
			}
			return get(m).UnixMilli(), ""
		},
		cell: func(s scribe, _ *store.Snapshot, m *model.Computer) table.Cell {
			return table.Cell{Text: s.when(get(m))}
		}}
}

// computerColumns are all columns of the list of computers. On a narrow screen
// the highest priority goes first.
func computerColumns() []computerColumn {
	columns := []computerColumn{
		{Column: table.Column{Key: "name", Title: "Name", Width: 18, Flexible: true}, by: byText(func(_ *store.Snapshot, c *model.Computer) string { return c.Name }), cell: nameCell},
		{Column: table.Column{Key: "state", Title: "State", Width: 16}, high: true, by: byNumber(func(snap *store.Snapshot, c *model.Computer) int { return int(snap.ComputerState(c.Number)) }), cell: stateCell},
		totalColumn(table.Column{Key: "needed", Title: "Needed", Width: 7, Priority: 1}, true, func(t model.UpdateTotals) int { return t.Needed }),
		totalColumn(table.Column{Key: "failed", Title: "Failed", Width: 7, Priority: 2}, true, func(t model.UpdateTotals) int { return t.Failed }),
		{Column: table.Column{Key: "pending", Title: "Restart", Width: 7, Right: true, Priority: 4}, high: true, by: byNumber(func(_ *store.Snapshot, c *model.Computer) int { return len(c.Pending) }), cell: restartCell},
		timeColumn(table.Column{Key: "contact", Title: "Contact", Width: 16, Priority: 3}, func(c *model.Computer) time.Time { return c.Contacted }),
		{Column: table.Column{Key: "why", Title: "Unknown because", Width: 17, Priority: 4},
			by: func(snap *store.Snapshot, c *model.Computer, now time.Time) (int64, string) {
				return int64(snap.Unknown(c.Number, now)), ""
			},
			cell: func(s scribe, snap *store.Snapshot, c *model.Computer) table.Cell {
				return table.Cell{Text: unknownTexts[snap.Unknown(c.Number, s.now)], Style: s.styles.Muted}
			}},
		textColumn(table.Column{Key: "os", Title: "System", Width: 24, Priority: 6}, func(_ *store.Snapshot, c *model.Computer) string { return c.OS }),
		textColumn(table.Column{Key: "address", Title: "Address", Width: 15, Priority: 7}, func(_ *store.Snapshot, c *model.Computer) string { return strings.Join(c.Addresses, " ") }),
		textColumn(table.Column{Key: "groups", Title: "Groups", Width: 20, Priority: 5}, func(snap *store.Snapshot, c *model.Computer) string { return groupNames(snap, c.Number) }),
		totalColumn(table.Column{Optional: true, Key: "installed", Title: "Installed", Width: 9}, true, func(t model.UpdateTotals) int { return t.Installed }),
		totalColumn(table.Column{Optional: true, Key: "no-status", Title: "No status", Width: 9}, true, func(t model.UpdateTotals) int { return t.Unknown }),
		timeColumn(table.Column{Optional: true, Key: "reported", Title: "Last report", Width: 16}, func(c *model.Computer) time.Time { return c.Reported }),
		textColumn(table.Column{Optional: true, Meaning: "Automatic Updates mode that it obeys", Key: "mode", Title: "Mode", Width: 9}, func(snap *store.Snapshot, c *model.Computer) string { return obeyed(snap, c).Mode.String() }),
		textColumn(table.Column{Optional: true, Meaning: "windows or linux", Key: "platform", Title: "Platform", Width: 8}, func(_ *store.Snapshot, c *model.Computer) string { return c.Platform.String() }),
		textColumn(table.Column{Optional: true, Meaning: "architecture", Key: "arch", Title: "Arch", Width: 7}, func(_ *store.Snapshot, c *model.Computer) string { return c.Arch }),
		textColumn(table.Column{Optional: true, Meaning: "server or client", Key: "role", Title: "Role", Width: 7}, func(_ *store.Snapshot, c *model.Computer) string { return c.Role.String() }),
		textColumn(table.Column{Optional: true, Meaning: "version of its agent", Key: "agent", Title: "Agent", Width: 10}, func(_ *store.Snapshot, c *model.Computer) string { return c.Agent }),
	}
	return columns
}

// obeyed is the policy that a computer obeys: what it said, else what its groups
// say.
func obeyed(snap *store.Snapshot, c *model.Computer) model.Policy {
	if c.Policy.Mode != model.ModeUnset {
		return c.Policy
	}
	p, _ := snap.EffectivePolicy(c.Number)
	return p
}

func nameCell(_ scribe, _ *store.Snapshot, c *model.Computer) table.Cell {
	if c.Local {
		return table.Cell{Text: model.Clean(c.Name) + " (here)"}
	}
	return table.Cell{Text: model.Clean(c.Name)}
}

func restartCell(s scribe, _ *store.Snapshot, c *model.Computer) table.Cell {
	if len(c.Pending) > 0 {
		return table.Cell{Text: "pending", Style: s.styles.Warn}
	}
	return table.Cell{Text: "-"}
}

// stateCell is the place in the four-way split, and why a status is missing.
func stateCell(s scribe, snap *store.Snapshot, c *model.Computer) table.Cell {
	state := snap.ComputerState(c.Number)
	out := table.Cell{Text: stateTexts[state], Style: s.stateStyle(state)}
	switch {
	case c.Admission == model.Waiting:
		return table.Cell{Text: "waiting", Style: s.styles.Warn}
	case c.Admission == model.Rejected:
		return table.Cell{Text: "rejected", Style: s.styles.Muted}
	case state == model.ComputerNoStatus:
		out.Text += [...]string{"", ", never", ", stale", ", newer"}[snap.Unknown(c.Number, s.now)]
	}
	return out
}

// cells gives a row of the list.
func (p *computers) cells(id uint32) []table.Cell {
	snap := p.list.snap
	comp := snap.Computer(id)
	if comp == nil {
		return []table.Cell{{Text: "(gone)"}}
	}
	cells := make([]table.Cell, len(p.columns))
	for i, c := range p.columns {
		cells[i] = c.cell(p.c.scribe, snap, comp)
	}
	if i := slices.IndexFunc(p.columns, func(c computerColumn) bool { return c.Key == "failed" }); i >= 0 && snap.ComputerState(id) == model.ComputerFailed {
		cells[i].Style = p.c.styles.Bad
	}
	return cells
}

// computerRows finds and sorts the computers that a filter lets through.
func computerRows(ctx context.Context, snap *store.Snapshot, w wish) (rows, error) {
	q, err := query.ParseComputers(w.filter)
	if err != nil {
		return rows{}, err
	}
	all := snap.Computers()
	found, err := q.Filter(ctx, snap, all, w.now)
	if err != nil {
		return rows{}, err
	}
	type keyed struct {
		c      *model.Computer
		number int64
		text   string
		needed int
		name   string
	}
	columns := computerColumns()
	by := columns[max(0, slices.IndexFunc(columns, func(c computerColumn) bool { return c.Key == cmp.Or(w.sort, "state") }))].by
	list := make([]keyed, len(found))
	for i, comp := range found {
		if i%1024 == 0 && ctx.Err() != nil {
			return rows{}, ctx.Err()
		}
		t := snap.Totals(comp.Number)
		list[i] = keyed{c: comp, needed: t.Needed + t.Failed, name: strings.ToLower(comp.Name)}
		list[i].number, list[i].text = by(snap, comp, w.now)
	}
	slices.SortFunc(list, func(a, b keyed) int {
		d := cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.text, b.text))
		if w.reverse {
			d = -d
		}
		return cmp.Or(d, -cmp.Compare(a.needed, b.needed), strings.Compare(a.name, b.name), cmp.Compare(a.c.Number, b.c.Number))
	})
	got := rows{total: len(all), ids: make([]uint32, len(list))}
	unknown := w.sort == "why"
	for i, k := range list {
		got.ids[i] = k.c.Number
		unknown = unknown || snap.Unknown(k.c.Number, w.now) != model.UnknownNot
	}
	if !unknown {
		got.hidden = append(got.hidden, "why")
	}
	return got, nil
}
