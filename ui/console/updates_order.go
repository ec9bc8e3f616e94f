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

// titleOrder is the order of all titles, case apart, and the order in which
// equal rows stand: by severity, then the newest first, then by title. Comparing
// costs more than all the rest of sorting, so that both are computed once per
// catalogue; after a change only new titles are sorted. It is immutable.
type titleOrder struct {
	of      []*model.UpdateRow // the catalogue that it is of
	sorted  []titled           // in the order of titles
	numbers []uint32           // place in sorted, by update number
	equal   []*model.UpdateRow // in the order of equal rows
	places  []uint32           // place in equal, by update number
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
	out := &titleOrder{of: all, sorted: make([]titled, 0, len(all)), numbers: make([]uint32, last+1)}
	for len(kept)+len(fresh) > 0 {
		from := &kept
		if len(kept) == 0 || len(fresh) > 0 && fresh[0].compare(kept[0]) < 0 {
			from = &fresh
		}
		out.numbers[(*from)[0].row.Number] = uint32(len(out.sorted))
		out.sorted, *from = append(out.sorted, (*from)[0]), (*from)[1:]
	}
	out.rankEqual()
	return out
}

// rankEqual computes the order of equal rows.
func (t *titleOrder) rankEqual() {
	list := make([]keyed, len(t.sorted))
	for i, x := range t.sorted {
		// The highest severity first, then the newest, 34 bits of seconds.
		seconds := max(0, min(x.row.Released.Unix(), 1<<34-1))
		list[i] = keyed{int64(7-min(x.row.Severity, 7))<<34 | (1<<34 - 1 - seconds), uint32(i)}
	}
	list = sorted(list)
	t.equal, t.places = make([]*model.UpdateRow, len(list)), make([]uint32, len(t.numbers))
	for i, k := range list {
		t.equal[i] = t.sorted[k.number].row
		t.places[t.equal[i].Number] = uint32(i)
	}
}

// arranged gives rows in the order in which equal ones stand.
func (t *titleOrder) arranged(found []*model.UpdateRow) []*model.UpdateRow {
	if len(found) < len(t.equal)/16 {
		out := slices.Clone(found)
		slices.SortFunc(out, func(a, b *model.UpdateRow) int { return cmp.Compare(t.places[a.Number], t.places[b.Number]) })
		return out
	}
	in := make([]uint64, len(t.places)/64+1)
	for _, r := range found {
		in[r.Number/64] |= 1 << (r.Number % 64)
	}
	out := make([]*model.UpdateRow, 0, len(found))
	for _, r := range t.equal {
		if in[r.Number/64]&(1<<(r.Number%64)) != 0 {
			out = append(out, r)
		}
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
			from = max(from, strings.LastIndexByte(title[:n], ' ')+1)
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
	from := u.found.within(all, w.filter)
	found, err := search(ctx, q, snap, from, w)
	if err != nil {
		return rows{}, err
	}
	u.found.keep(all, w.filter, found)
	got.ids, err = u.order(ctx, snap, byTitle, found, got.group, w)
	if err != nil {
		return rows{}, err
	}
	got.hidden = emptyColumns(snap, found, got.group, w.sort)
	return got, nil
}

// manyRows is from how many rows on a search for words is shared by two cores:
// no index answers it, and it waits for memory most of the time.
const manyRows = 20_000

// search finds the rows that a filter lets through, in their order.
func search(ctx context.Context, q *query.Updates, snap *store.Snapshot, all []*model.UpdateRow, w wish) ([]*model.UpdateRow, error) {
	if len(all) < manyRows || strings.Contains(w.filter, ":") { // a field has an index
		return q.Filter(ctx, snap, all, w.now)
	}
	half := len(all) / 2
	var second []*model.UpdateRow
	var secondErr error
	var other sync.WaitGroup
	other.Go(func() { second, secondErr = q.Filter(ctx, snap, all[half:], w.now) })
	first, err := q.Filter(ctx, snap, all[:half], w.now)
	other.Wait()
	return append(first, second...), cmp.Or(err, secondErr)
}

// foundBefore is what the last search for words found. While somebody goes on
// writing, the next one can only find some of that. It is safe for concurrent
// use.
type foundBefore struct {
	mu   sync.Mutex
	of   []*model.UpdateRow // the catalogue
	text string
	rows []*model.UpdateRow
}

// within gives the rows that a filter must look at.
func (f *foundBefore) within(all []*model.UpdateRow, text string) []*model.UpdateRow {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.of) == len(all) && len(all) > 0 && &f.of[0] == &all[0] && f.text != "" && strings.HasPrefix(text, f.text) && onlyWords(text) {
		return f.rows
	}
	return all
}

func (f *foundBefore) keep(all []*model.UpdateRow, text string, found []*model.UpdateRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !onlyWords(text) {
		f.of, f.text, f.rows = nil, "", nil
		return
	}
	f.of, f.text, f.rows = all, text, found
}

// onlyWords says whether a filter is bare words alone, which search what does
// not change with check-ins, and of which a longer one never finds more. An
// article's number is none: "kb" searches titles, "kb5" numbers.
func onlyWords(text string) bool {
	for _, r := range text {
		if r != ' ' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	for w := range strings.FieldsSeq(strings.ToLower(text)) {
		if w == "or" || w == "and" || w == "not" || strings.HasPrefix(w, "kb") || w == "k" {
			return false
		}
	}
	return true
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

// keyed is a row with the number that it is sorted by.
type keyed struct {
	first  int64
	number uint32
}

// fewRows is up to how many rows comparing is quicker than distributing.
const fewRows = 2048

// sorted sorts by the numbers; equal rows stay in their order. Many rows are
// distributed by 11 bits of the number after the other, which takes a fifth of
// the time of comparing.
func sorted(list []keyed) []keyed {
	if len(list) < fewRows {
		slices.SortStableFunc(list, func(a, b keyed) int { return cmp.Compare(a.first, b.first) })
		return list
	}
	lo, hi := list[0].first, list[0].first
	for _, k := range list {
		lo, hi = min(lo, k.first), max(hi, k.first)
	}
	const bits = 11
	other := make([]keyed, len(list))
	for shift := 0; shift < 64 && (uint64(hi)-uint64(lo))>>shift > 0; shift += bits {
		var ends [1 << bits]int
		digit := func(k *keyed) uint64 { return (uint64(k.first) - uint64(lo)) >> shift & (1<<bits - 1) }
		for i := range list {
			ends[digit(&list[i])]++
		}
		at := 0
		for i, n := range ends {
			ends[i], at = at, at+n
		}
		for i := range list {
			d := digit(&list[i])
			other[ends[d]] = list[i]
			ends[d]++
		}
		list, other = other, list
	}
	return list
}

// order sorts rows by a column. What has nothing in it comes last in both
// directions; equal rows stand in an order of their own, always the same.
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
	list, without := make([]keyed, 0, len(found)), []uint32(nil)
	at := updateAt{snap: snap, index: snap.Index(), group: group, titles: byTitle}
	open := openOnly(at.index, col.Key, group)
	for i, r := range byTitle.arranged(found) {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		at.r, at.counted = r, nil
		n, ok := int64(0), true
		if open == nil || open.Contains(r.Number) {
			n, ok = number(&at)
		}
		if !ok {
			without = append(without, r.Number)
			continue
		}
		if w.reverse {
			n = ^n
		}
		list = append(list, keyed{n, r.Number})
	}
	ids := make([]uint32, 0, len(found))
	for _, k := range sorted(list) {
		ids = append(ids, k.number)
	}
	return append(ids, without...), nil
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
