package console

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// A journal may have a million entries, and nobody reads them all: the newest
// ones are read first, and older ones when the cursor comes near the end of what
// was read.
const (
	journalChunk = 500 // entries that are decoded at once
	journalPage  = 200 // entries that fit, after which reading rests
	journalNear  = 20  // rows before the end at which older ones are read
)

// journal is the screen of the record of every change.
type journal struct {
	c       *Console
	tab     *table.Table[uint64]
	cells   map[uint64][]table.Cell
	filter  string
	history []string
	older   request // of entries below those that are shown
	newer   request // of entries above them
	verify  request
	next    uint64 // the newest entry that was not looked at yet, of the older ones
	newest  uint64 // the newest that was looked at
	looked  *atomic.Uint64
	far     *atomic.Pointer[model.Progress] // how far verifying is
	ready   bool
	err     error
}

func newJournal(c *Console) pane {
	j := &journal{c: c, cells: map[uint64][]table.Cell{}, looked: &atomic.Uint64{}}
	j.tab = table.New(c.styles, func(seq uint64) []table.Cell { return j.cells[seq] },
		table.Column{Title: "No.", Width: 5, Right: true},
		table.Column{Title: "When", Width: 16},
		table.Column{Title: "Who", Width: 12, Priority: 1},
		table.Column{Title: "From", Width: 8, Priority: 2},
		table.Column{Title: "What", Width: 38, Flexible: true},
	)
	j.tab.Single, j.tab.Step = true, c.o.Step
	return j
}

func (j *journal) restyle() { j.tab.Styles = j.c.styles }

// Title is the pane's part of the breadcrumbs.
func (j *journal) Title() string { return "Journal" }

// Facts says how many entries are shown of how many, and what is being done.
func (j *journal) Facts() string {
	head, _ := j.c.snap.Journal()
	switch {
	case j.verify.pending && j.far.Load() != nil:
		p := j.far.Load()
		return fmt.Sprintf("verifying %s of %s; x stops it", count(int(p.Done)), count(int(p.Total)))
	case j.verify.pending:
		return "verifying; x stops it"
	case j.older.pending && j.ready:
		return fmt.Sprintf("looked at %s of %s; x stops it", count(int(j.looked.Load())), count(int(head)))
	case !j.ready:
		return ""
	case j.next > 0:
		return counted(j.tab.Len(), "entry", "entries") + " read" + choose(j.filter == "", " of "+count(int(head)), ", older ones at the end")
	case j.filter != "":
		return count(j.tab.Len()) + " of " + counted(int(head), "entry", "entries")
	}
	return counted(j.tab.Len(), "entry", "entries")
}

// Keys says which bindings can be used.
func (j *journal) Keys() paneKeys {
	return paneKeys{Scope: keys.Journal, Disabled: func(a keys.Action) string {
		_, ok := j.tab.Cursor()
		switch a {
		case keys.Open, keys.Copy, keys.CopyRow:
			if !ok {
				return "there is no entry under the cursor"
			}
		case keys.VerifyIt:
			if j.verify.pending {
				return "it is being verified"
			}
		case keys.StopIt:
			if !j.verify.pending && !j.older.pending {
				return "nothing is being searched or verified"
			}
		}
		return ""
	}}
}

// Step leaves the filter.
func (j *journal) Step() (tea.Cmd, bool) {
	if j.filter == "" {
		return nil, false
	}
	return j.Show(""), true
}

// Show narrows the journal to what a query matches.
func (j *journal) Show(filter string) tea.Cmd {
	if filter == j.filter && j.ready {
		return nil
	}
	j.filter, j.ready = filter, false
	return j.begin()
}

// begin reads from the newest entry on.
func (j *journal) begin() tea.Cmd {
	j.newest, _ = j.c.snap.Journal()
	j.next = j.newest
	j.newer.stop()
	j.cells = map[uint64][]table.Cell{}
	j.tab.SetRows(nil, 0)
	j.tab.Refresh(0)
	return j.more()
}

// Update takes in an action.
func (j *journal) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown:
		if !j.ready && !j.older.pending {
			return j.begin()
		}
		return j.fresh()
	case changed:
		return j.fresh()
	case do:
		return j.act(keys.Action(msg))
	}
	return nil
}

func (j *journal) act(a keys.Action) tea.Cmd {
	if navigate(j.tab, a) {
		if j.tab.Position() >= j.tab.Len()-journalNear && !j.older.pending && j.ready {
			return j.more()
		}
		return nil
	}
	seq, ok := j.tab.Cursor()
	switch a {
	case keys.Reload:
		return j.begin()
	case keys.Open:
		return j.c.push(newEntry(j.c, seq))
	case keys.Undo:
		if ok {
			return j.c.undo(seq)
		}
	case keys.Copy:
		return j.c.copy(strconv.FormatUint(seq, 10))
	case keys.CopyRow:
		return j.c.copy(rowText(j.cells[seq]))
	case keys.Filter:
		return j.ask()
	case keys.ClearFilter:
		return j.Show("")
	case keys.VerifyIt:
		return j.check()
	case keys.StopIt:
		if j.verify.pending {
			j.verify.stop()
			j.c.say(slog.LevelWarn, "verifying was stopped; it says nothing about the journal")
			return nil
		}
		j.older.stop()
		j.ready = true
		j.c.say(slog.LevelWarn, "the search was stopped; r begins it again")
	}
	return nil
}

// ask asks for the filter, in the query language.
func (j *journal) ask() tea.Cmd {
	p := &prompt{label: "filter:", history: j.history}
	p.check = func(text string) error {
		_, err := query.ParseEntries(text)
		return err
	}
	p.complete = func(text string) (int, []string, []string) {
		if text == "" || strings.HasSuffix(text, " ") {
			return len(text), nil, nil
		}
		return j.c.offerQuery(query.OnEntries, text)
	}
	before := j.filter
	p.change = func(text string) tea.Cmd { return j.Show(strings.TrimSpace(text)) }
	p.done = func(text string) tea.Cmd {
		j.history = remember(j.history, text)
		return j.Show(text)
	}
	p.cancel = func() tea.Cmd { return j.Show(before) }
	text := j.filter
	if text != "" {
		text += " "
	}
	return j.c.ask(p, text)
}

// found are entries that fit, the newest first.
type found struct {
	seqs  []uint64
	cells [][]table.Cell
}

// fresh reads what was added since, without moving anything.
func (j *journal) fresh() tea.Cmd {
	head, _ := j.c.snap.Journal()
	if !j.ready || head <= j.newest || j.newer.pending {
		return nil
	}
	s, from, filter, snapHead := j.c.scribe, j.newest+1, j.filter, head
	return j.newer.start(j.c.ctx, func(ctx context.Context) func() tea.Cmd {
		got, _, err := s.entries(ctx, from, snapHead, filter, 1<<30, nil)
		return func() tea.Cmd {
			if j.err = err; err == nil {
				j.newest = snapHead
				j.add(got, true)
			}
			return nil
		}
	})
}

// more reads older entries, until a page of them fits.
func (j *journal) more() tea.Cmd {
	if j.next == 0 && j.ready {
		return nil
	}
	s, upto, filter, newest := j.c.scribe, j.next, j.filter, j.newest
	looked := &atomic.Uint64{}
	looked.Store(newest - upto)
	j.looked = looked
	read := j.older.start(j.c.ctx, func(ctx context.Context) func() tea.Cmd {
		got, next, err := s.entries(ctx, 1, upto, filter, journalPage, looked)
		return func() tea.Cmd {
			if j.err = err; err == nil {
				j.next, j.ready = next, true
				j.add(got, false)
			}
			return nil
		}
	})
	return tea.Batch(read, j.redraw())
}

// redraw draws again as long as something runs.
func (j *journal) redraw() tea.Cmd {
	return j.c.after(planTickEvery, answered{request: &request{}, apply: func() tea.Cmd {
		if !j.older.pending && !j.verify.pending {
			return nil
		}
		return j.redraw()
	}})
}

func (j *journal) add(got found, above bool) {
	for i, seq := range got.seqs {
		j.cells[seq] = got.cells[i]
	}
	ids := append(slices.Clone(j.tab.IDs()), got.seqs...)
	if above {
		ids = append(got.seqs, j.tab.IDs()...)
	}
	j.tab.SetRows(ids, 0)
	j.tab.Layout()
}

// entries reads the entries of a range that fit, from the newest down, until
// enough were found. next is the newest that was not looked at; 0 = all were.
func (s scribe) entries(ctx context.Context, from, upto uint64, filter string, enough int, looked *atomic.Uint64) (got found, next uint64, err error) {
	q, err := query.ParseEntries(filter)
	if err != nil {
		return got, upto, err
	}
	fits := q.Matcher(s.now.In(s.zone))
	for upto >= from && upto > 0 && len(got.seqs) < enough {
		if err := ctx.Err(); err != nil {
			return got, upto, err
		}
		begin := max(from, upto-min(upto-1, journalChunk-1))
		chunk, err := s.store.Entries(begin, int(upto-begin+1))
		if err != nil {
			return got, upto, err
		}
		for i := len(chunk) - 1; i >= 0; i-- {
			e := &chunk[i]
			if e.Seq <= upto && fits(e) {
				got.seqs = append(got.seqs, e.Seq)
				got.cells = append(got.cells, []table.Cell{{Text: strconv.FormatUint(e.Seq, 10)}, {Text: e.Time.In(s.zone).Format("2006-01-02 15:04")},
					{Text: model.Clean(e.Actor.Who)}, {Text: string(e.Actor.From)}, {Text: model.Clean(e.Summary)}})
			}
		}
		if looked != nil {
			looked.Add(upto - begin + 1)
		}
		upto = begin - 1
	}
	if upto < from {
		upto = 0
	}
	return got, upto, nil
}

// check verifies the journal, and says what was found on a page of its own.
func (j *journal) check() tea.Cmd {
	st, far := j.c.o.Store, &atomic.Pointer[model.Progress]{}
	j.far = far
	verify := j.verify.start(j.c.ctx, func(ctx context.Context) func() tea.Cmd {
		v, err := st.VerifyJournal(ctx, func(p model.Progress) { far.Store(&p) })
		return func() tea.Cmd {
			if err != nil {
				return j.c.tell(err)
			}
			n := &noticePane{c: j.c, title: "Verified"}
			if v.Problem != "" {
				j.c.said.add(logLine{j.c.now, slog.LevelError, "the journal is not what it was: " + model.Clean(v.Problem)})
				n.text = []string{"The journal is not what it was.", "", model.Clean(v.Problem), "", "Keep a copy of the data directory. A backup is restored with: fettle restore FILE --data NEW-DIRECTORY"}
			} else {
				n.fine = true
				n.text = []string{"The journal is whole.", "", counted(int(v.Entries), "entry was", "entries were") + " checked: every hash, the signature of the head, and the head that is kept beside the key.",
					"", "The head is " + orWord(v.Head, "empty") + ". Compare it with what stands on reports that were made before: a journal that was rewritten as a whole shows there."}
			}
			return j.c.push(n)
		}
	})
	return tea.Batch(verify, j.redraw())
}

// View draws the filter and the entries.
func (j *journal) View(w, h int) string {
	st := j.c.styles
	filter := orWord(model.Clean(j.filter), "(none: everything is shown)")
	lines := []string{st.Muted.Render(layout.Fit(" Filter: "+filter, w, st.Glyphs.Tail))}
	switch {
	case j.err != nil:
		return strings.Join(append(lines, "", "  "+st.Bad.Render(layout.Fit(model.Clean(j.err.Error()), w-4, st.Glyphs.Tail)), "", "  r reads it again."), "\n")
	case j.tab.Len() == 0 && !j.ready:
		return strings.Join(append(lines, "", "  "+choose(j.filter == "", "reading", "searching; x stops it")), "\n")
	case j.tab.Len() == 0 && j.filter != "":
		return strings.Join(append(lines, wrapped("No entry matches. / changes the filter, Esc takes it away.", w)...), "\n")
	case j.tab.Len() == 0:
		return strings.Join(append(lines, wrapped("Nothing was changed yet. Every change that somebody makes stands here: who, when, what, why.", w)...), "\n")
	}
	lines = append(lines, j.tab.Header(w))
	return strings.Join(append(lines, j.tab.Lines(w, max(1, h-2))...), "\n")
}

// wrapped is what stands where there are no rows.
func wrapped(text string, w int) []string {
	lines := []string{""}
	for _, l := range layout.Wrap(text, w-4) {
		lines = append(lines, "  "+l)
	}
	return lines
}

// newEntry shows one entry of the journal.
func newEntry(c *Console, seq uint64) pane {
	t := newTextPane(c, fmt.Sprintf("Entry %d", seq))
	t.scope = keys.Run
	t.pages = func(_ context.Context, s scribe, _ int) (*page, error) { return s.entry(seq) }
	t.still = true // an entry never changes
	return t
}

// entry writes one entry of the journal.
func (s scribe) entry(seq uint64) (*page, error) {
	e, err := s.store.Entry(seq)
	if err != nil {
		return nil, err
	}
	snap := s.store.Snapshot()
	p := &page{lines: []string{e.Summary, ""}}
	p.fact("When", e.Time.In(s.zone).Format("2006-01-02 15:04:05"))
	who := e.Actor.Who + " (" + e.Actor.Role.String() + "), from " + string(e.Actor.From)
	if e.Actor.Via != "" {
		who += " via " + e.Actor.Via
	}
	p.fact("Who", who)
	if e.Consent != nil {
		p.fact("Consented", e.Consent.Who)
	}
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
		p.add("%s", counted(len(e.Change.Updates), "update", "updates"))
		for _, n := range e.Change.Updates[:min(len(e.Change.Updates), shownChanges)] {
			if r := snap.Row(n); r != nil {
				p.link(s, target{update: n}, "%s", r.Title)
			}
		}
		if n := len(e.Change.Updates) - shownChanges; n > 0 {
			p.add("and %s more", count(n))
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
	if len(e.Change.Computers) > 0 {
		p.head("COMPUTERS")
		for _, n := range e.Change.Computers[:min(len(e.Change.Computers), shownChanges)] {
			if comp := snap.Computer(n); comp != nil {
				p.add("%s", comp.Name)
			}
		}
		if n := len(e.Change.Computers) - shownChanges; n > 0 {
			p.add("and %s more", count(n))
		}
	}
	return p, nil
}
