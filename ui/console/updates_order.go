package console

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/table"
)

// titles keeps the order of all titles in step with the catalogue. It is safe
// for concurrent use, and reading never waits.
type titles struct {
	mu  sync.Mutex // of who computes the next order
	now atomic.Pointer[titleOrder]
}

// titleOrder is the order of all titles, case apart. Every order falls back on
// it, and comparing titles costs more than all the rest of sorting, so that it
// is computed once per catalogue; after a change only what is new is sorted. It
// is immutable.
type titleOrder struct {
	of      []*model.UpdateRow // the catalogue that it is of
	sorted  []titled           // in the order of titles
	numbers []uint32           // place in sorted, by update number
}

// titled is an update with its title in lower case.
type titled struct {
	row   *model.UpdateRow
	lower string
}

func (a titled) compare(b titled) int {
	return cmp.Or(strings.Compare(a.lower, b.lower), cmp.Compare(a.row.Number, b.row.Number))
}

// order is the newest order that there is.
func (t *titles) order() *titleOrder {
	if o := t.now.Load(); o != nil {
		return o
	}
	return &titleOrder{}
}

// bring gives the order of a catalogue.
func (t *titles) bring(all []*model.UpdateRow) *titleOrder {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.order()
	if len(all) == len(old.of) && (len(all) == 0 || &all[0] == &old.of[0]) {
		return old
	}
	next := old.next(all)
	t.now.Store(next)
	return next
}

// next makes the order of a changed catalogue.
func (t *titleOrder) next(all []*model.UpdateRow) *titleOrder {
	last := uint32(0)
	if len(all) > 0 {
		last = all[len(all)-1].Number
	}
	now := make([]*model.UpdateRow, last+1)
	for _, r := range all {
		now[r.Number] = r
	}
	kept := make([]titled, 0, len(all))
	for _, x := range t.sorted {
		if n := x.row.Number; n <= last && now[n] != nil && now[n].Title == x.row.Title {
			kept = append(kept, titled{now[n], x.lower})
			now[n] = nil
		}
	}
	var fresh []titled
	for _, r := range now {
		if r != nil {
			fresh = append(fresh, titled{r, strings.ToLower(r.Title)})
		}
	}
	slices.SortFunc(fresh, titled.compare)
	out := &titleOrder{all, make([]titled, 0, len(all)), make([]uint32, last+1)}
	for len(kept)+len(fresh) > 0 {
		from := &kept
		if len(kept) == 0 || len(fresh) > 0 && fresh[0].compare(kept[0]) < 0 {
			from = &fresh
		}
		out.numbers[(*from)[0].row.Number] = uint32(len(out.sorted))
		out.sorted, *from = append(out.sorted, (*from)[0]), (*from)[1:]
	}
	return out
}

// rank is an update's place in the order.
func (t *titleOrder) rank(r *model.UpdateRow) uint32 {
	if int(r.Number) < len(t.numbers) {
		return t.numbers[r.Number]
	}
	return math.MaxUint32
}

// Two updates are taken for one another where their titles are cut when they
// share that much of them and one article; that many neighbours on each side
// are looked at.
const (
	nearTitle = 16
	nearRows  = 8
)

// distinct says from which byte on an update's title differs from those of the
// same article that stand near it in the order, at the beginning of a word; 0
// where none is alike. twin says that another has the very same title.
func (t *titleOrder) distinct(r *model.UpdateRow) (from int, twin bool) {
	at := int(t.rank(r))
	if at >= len(t.sorted) || t.sorted[at].row.Number != r.Number {
		return 0, false
	}
	title := r.Title
	for i := max(0, at-nearRows); i <= min(at+nearRows, len(t.sorted)-1); i++ {
		other := t.sorted[i].row.Title
		switch {
		case i == at || !slices.Equal(t.sorted[i].row.KB, r.KB):
			continue
		case other == title:
			return 0, true
		}
		n := 0
		for n < min(len(title), len(other)) && title[n] == other[n] {
			n++
		}
		if n >= nearTitle {
			from = max(from, strings.LastIndexAny(title[:n], " -")+1)
		}
	}
	return from, false
}

// updateRows finds and sorts the updates that a filter lets through.
func (u *updates) rows(ctx context.Context, snap *store.Snapshot, w wish) (rows, error) {
	q, err := query.ParseUpdates(w.filter)
	if err != nil {
		return rows{}, err
	}
	all := snap.Updates()
	byTitle := u.titles.bring(all)
	got := rows{total: len(all), group: model.GroupAll}
	if name, ok := q.Group(); ok {
		for _, id := range snap.Groups().Order() {
			if strings.EqualFold(snap.Groups().Group(id).Name, name) {
				got.group = id
			}
		}
	}
	found, err := q.Filter(ctx, snap, all, w.now)
	if err != nil {
		return rows{}, err
	}
	got.ids, err = u.order(ctx, snap, byTitle, found, got.group, w)
	if err != nil {
		return rows{}, err
	}
	got.hidden = emptyColumns(snap, found, got.group, w.sort)
	return got, nil
}

// emptyColumns says which columns have nothing to show. They give their room to
// the title: a Debian archive knows no severities, and most lists no failures.
func emptyColumns(snap *store.Snapshot, found []*model.UpdateRow, group model.GroupID, sort string) []string {
	ix := snap.Index()
	failed := ix.Counted(query.CountedFailed, group)
	approved := roaring.FastOr(ix.Approved(model.ActionInstall), ix.Approved(model.ActionUninstall))
	const special = model.FlagDeclined | model.FlagWithdrawn | model.FlagSuperseded
	full := map[string]bool{sort: true}
	var severities, articles, failures, approvals bool
	for _, r := range found {
		severities = severities || r.Severity != model.SeverityUnspecified
		articles = articles || len(r.KB) > 0
		failures = failures || !failed.IsEmpty() && failed.Contains(r.Number)
		approvals = approvals || r.Flags&special != 0 || approved.Contains(r.Number)
		if severities && failures && articles && approvals {
			break
		}
	}
	var empty []string
	for _, c := range []struct {
		key  string
		full bool
	}{{"severity", severities}, {"approval", approvals}, {"kb", articles}, {"failed", failures}} {
		if !c.full && !full[c.key] {
			empty = append(empty, c.key)
		}
	}
	return empty
}

// keyed is a row with what it is sorted by: first, then what tells equal rows
// apart.
type keyed struct {
	first  int64
	then   uint64
	number uint32
}

// order sorts. What is equal is sorted by severity, then the newest first, then
// by title, so that the order is always the same.
func (u *updates) order(ctx context.Context, snap *store.Snapshot, byTitle *titleOrder, found []*model.UpdateRow, group model.GroupID, w wish) ([]uint32, error) {
	col := u.columns[0]
	for _, c := range u.columns {
		if c.Key == w.sort {
			col = c
		}
	}
	number := col.number
	if number == nil {
		number = ranked(snap, group, found, col.text)
	}
	list := make([]keyed, len(found))
	at := updateAt{snap: snap, index: snap.Index(), group: group, titles: byTitle}
	open := openOnly(at.index, col.Key, group)
	for i, r := range found {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		at.r, at.counted = r, nil
		n, ok := int64(0), true
		if open == nil || open.Contains(r.Number) {
			n, ok = number(&at)
		}
		switch {
		case !ok:
			n = math.MaxInt64 // what has none comes last in both directions
		case w.reverse:
			n = ^n
		}
		// 3 bits of severity, 34 of seconds, 27 of the title's place: the highest
		// and newest first.
		seconds := uint64(max(0, min(r.Released.Unix(), 1<<34-1)))
		then := uint64(7-min(r.Severity, 7))<<61 | (1<<34-1-seconds)<<27 | uint64(byTitle.rank(r))&(1<<27-1)
		list[i] = keyed{n, then, r.Number}
	}
	slices.SortFunc(list, func(a, b keyed) int {
		switch {
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		case a.then != b.then:
			return cmp.Compare(a.then, b.then)
		}
		return cmp.Compare(a.number, b.number)
	})
	ids := make([]uint32, len(list))
	for i, k := range list {
		ids[i] = k.number
	}
	return ids, nil
}

// openOnly gives the updates that alone have a number in a column that counts
// open ones; nil for other columns.
func openOnly(ix query.Index, key string, group model.GroupID) *roaring.Bitmap {
	switch key {
	case "needed":
		return ix.Counted(query.CountedNeeded, group)
	case "failed":
		return ix.Counted(query.CountedFailed, group)
	case "pending":
		return ix.Counted(query.CountedPending, group)
	}
	return nil
}

// ranked makes numbers of the texts of a column: their places in order. A row
// without a text has none.
func ranked(snap *store.Snapshot, group model.GroupID, found []*model.UpdateRow, text func(*updateAt) string) func(*updateAt) (int64, bool) {
	ranks := map[string]int64{}
	at := updateAt{snap: snap, index: snap.Index(), group: group}
	byNumber := make(map[uint32]string, len(found))
	for _, r := range found {
		at.r, at.counted = r, nil
		s := strings.ToLower(text(&at))
		byNumber[r.Number], ranks[s] = s, 0
	}
	all := make([]string, 0, len(ranks))
	for s := range ranks {
		all = append(all, s)
	}
	slices.Sort(all)
	for i, s := range all {
		ranks[s] = int64(i)
	}
	return func(a *updateAt) (int64, bool) {
		s := byNumber[a.r.Number]
		return ranks[s], s != "" && s != "-"
	}
}

// tableColumns gives the columns as the table knows them.
func tableColumns(all []updateColumn) []table.Column {
	out := make([]table.Column, len(all))
	for i, c := range all {
		out[i] = c.Column
	}
	return out
}
