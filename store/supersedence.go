package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"fettle/model"
)

// lineage is what the writer knows of how updates refer to each other: versions
// of one Debian source package, and the identifiers that an update names as
// superseded or bundled. Whoever is named may arrive later, or never, so names
// have numbers of their own here (slots). Numbers that an operation left behind
// when it failed are recognised when they are used.
type lineage struct {
	families map[string][]uint32
	slots    map[model.UpdateID]uint32
	named    []model.UpdateID // by slot
	namedBy  [][]uint32       // by slot: the updates that name it
	found    []uint32         // by slot: the number that the name had when it was last looked for; 0 = not in the catalogue
	mu       sync.RWMutex     // the writer changes slots, named and namedBy; Holders reads them
}

func newLineage() *lineage {
	return &lineage{families: map[string][]uint32{}, slots: map[model.UpdateID]uint32{}}
}

// enrol notes the names in an update's description and gives their slots.
func (l *lineage) enrol(number uint32, ids []model.UpdateID) []uint32 {
	if len(ids) == 0 {
		return nil
	}
	out := make([]uint32, 0, len(ids))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		slot, ok := l.slots[id]
		if !ok {
			slot = uint32(len(l.named))
			l.slots[id] = slot
			l.named, l.namedBy, l.found = append(l.named, id), append(l.namedBy, nil), append(l.found, 0)
		}
		if !slices.Contains(l.namedBy[slot], number) {
			l.namedBy[slot] = append(l.namedBy[slot], number)
		}
		out = append(out, slot)
	}
	return out
}

// namers gives the updates that name an identifier.
func (l *lineage) namers(id model.UpdateID) []uint32 {
	if slot, ok := l.slots[id]; ok {
		return l.namedBy[slot]
	}
	return nil
}

// Holders gives the updates that consist of an update, among others, which need
// not be in the catalogue itself; by number.
func (s *Store) Holders(part model.UpdateID) []uint32 {
	l := s.lineage
	l.mu.RLock()
	slot, ok := l.slots[part]
	var named []uint32
	if ok {
		named = slices.Clone(l.namedBy[slot])
	}
	l.mu.RUnlock()
	rows := s.Snapshot().rows
	named = slices.DeleteFunc(named, func(n uint32) bool {
		e := rows.at(n)
		return e == nil || !slices.Contains(e.parts, slot)
	})
	slices.Sort(named)
	return named
}

// join puts a version into its family.
func (l *lineage) join(id model.UpdateID, n uint32) {
	if f := family(id); !slices.Contains(l.families[f], n) {
		l.families[f] = append(l.families[f], n)
	}
}

// family is the chain of versions in which a Debian update stands: its
// identifier without the version. The higher version in the same archive and
// release supersedes the lower.
func family(id model.UpdateID) string {
	return string(id[:max(0, strings.LastIndexByte(string(id), '/'))])
}

// offered says whether an update supersedes others: its publisher and its
// archive stand behind it, and it is in the catalogue (semantics 3.8).
func offered(r *model.UpdateRow) bool {
	return r.Flags&(model.FlagWithdrawn|model.FlagExpired|model.FlagRemoved) == 0
}

// touched is what must be linked anew.
type touched struct {
	families map[string]bool
	numbers  map[uint32]bool
}

func newTouched() *touched { return &touched{families: map[string]bool{}, numbers: map[uint32]bool{}} }

// touch marks an update and everything that it names or that names it.
func (s *Store) touch(t *touched, rows vector[*updateEntry], n uint32) {
	e := rows.at(n)
	if e == nil {
		return
	}
	t.numbers[n] = true
	if e.debian {
		t.families[family(e.row.ID)] = true
	}
	for _, slot := range e.claims {
		if m, ok := s.slotNumber(rows, slot); ok {
			t.numbers[m] = true
		}
	}
	for _, m := range s.lineage.namers(e.row.ID) {
		t.numbers[m] = true
	}
}

// numberOf gives the number of an identifier that is in the catalogue.
func (s *Store) numberOf(rows vector[*updateEntry], id model.UpdateID) (uint32, bool) {
	n, ok := s.ids.number(string(id))
	if !ok {
		return 0, false
	}
	e := rows.at(n)
	return n, e != nil && e.row.ID == id
}

// slotNumber is numberOf for a name that has a slot: most are looked for again
// and again. Only the writer calls it.
func (s *Store) slotNumber(rows vector[*updateEntry], slot uint32) (uint32, bool) {
	l := s.lineage
	if m := l.found[slot]; m != 0 {
		if e := rows.at(m); e != nil && e.row.ID == l.named[slot] {
			return m, true
		}
	}
	m, ok := s.numberOf(rows, l.named[slot])
	if ok {
		l.found[slot] = m
	}
	return m, ok
}

// links are an update's places in the graph.
type links struct{ supersedes, supersededBy []uint32 }

// relink computes the places of what was touched: from the chains of versions,
// and from what updates name. Only the writer calls it.
func (s *Store) relink(rows *edit[*updateEntry], t *touched) {
	found := map[uint32]*links{}
	for n := range t.numbers {
		found[n] = &links{}
		if e := rows.at(n); e != nil && e.debian {
			t.families[family(e.row.ID)] = true
		}
	}
	for name := range t.families {
		var list []*model.UpdateRow
		for _, n := range s.lineage.families[name] {
			if e := rows.at(n); e != nil && e.debian && family(e.row.ID) == name {
				list = append(list, e.row)
			}
		}
		chain(list, found)
	}
	for n, l := range found {
		e := rows.at(n)
		if e == nil {
			continue
		}
		children := s.named(rows.vector, n, l)
		if slices.Equal(e.supersedes, l.supersedes) && slices.Equal(e.supersededBy, l.supersededBy) && slices.Equal(e.children, children) {
			continue
		}
		changed, row := *e, *e.row
		changed.row, changed.supersedes, changed.supersededBy, changed.children = &row, l.supersedes, l.supersededBy, children
		row.Flags &^= model.FlagSuperseded | model.FlagSuperseding
		if len(l.supersededBy) > 0 {
			row.Flags |= model.FlagSuperseded
		}
		if len(l.supersedes) > 0 {
			row.Flags |= model.FlagSuperseding
		}
		rows.set(n, &changed)
	}
}

// chain links the versions of one family. Only a version that its archive still
// offers supersedes others.
func chain(f []*model.UpdateRow, found map[uint32]*links) {
	if len(f) > 1 {
		slices.SortFunc(f, func(a, b *model.UpdateRow) int { return model.CompareDebianVersions(b.Version, a.Version) })
	}
	for i, u := range f {
		l := &links{}
		for j, o := range f {
			switch {
			case j < i && offered(o):
				l.supersededBy = append(l.supersededBy, o.Number)
			case j > i && offered(u):
				l.supersedes = append(l.supersedes, o.Number)
			}
		}
		found[u.Number] = l
	}
}

// named adds to the links what updates name themselves, in both directions, and
// gives the updates that this one bundles.
func (s *Store) named(rows vector[*updateEntry], n uint32, l *links) (children []uint32) {
	e := rows.at(n)
	if e.row.Has(model.FlagRemoved) {
		l.supersedes, l.supersededBy = nil, nil
		return nil
	}
	present := func(slot uint32) (uint32, bool) {
		m, ok := s.slotNumber(rows, slot)
		return m, ok && m != n && !rows.at(m).row.Has(model.FlagRemoved)
	}
	if offered(e.row) {
		for _, slot := range e.claims {
			if m, ok := present(slot); ok && !slices.Contains(l.supersedes, m) {
				l.supersedes = append(l.supersedes, m)
			}
		}
	}
	for _, slot := range e.parts {
		if m, ok := present(slot); ok && !slices.Contains(children, m) {
			children = append(children, m)
		}
	}
	slot, ok := s.lineage.slots[e.row.ID]
	if !ok {
		return children
	}
	before := len(l.supersededBy) // versions of the same chain; a namer is in namedBy once
	for _, m := range s.lineage.namedBy[slot] {
		if o := rows.at(m); o != nil && m != n && offered(o.row) && slices.Contains(o.claims, slot) && !slices.Contains(l.supersededBy[:before], m) {
			l.supersededBy = append(l.supersededBy, m)
		}
	}
	if len(l.supersededBy) > before && len(l.supersededBy) > 1 {
		slices.SortFunc(l.supersededBy, func(a, b uint32) int {
			return cmp.Or(-rows.at(a).row.Released.Compare(rows.at(b).row.Released), -cmp.Compare(a, b))
		})
	}
	return children
}

// Bundled gives the updates that a bundle consists of, those of bundles in it
// included, as far as they are in the catalogue.
func (s *Snapshot) Bundled(update uint32) []uint32 {
	seen := map[uint32]bool{update: true}
	s.bundled(update, seen)
	delete(seen, update)
	return slices.Sorted(maps.Keys(seen))
}

func (s *Snapshot) bundled(update uint32, seen map[uint32]bool) {
	e := s.rows.at(update)
	if e == nil {
		return
	}
	for _, n := range e.children {
		if !seen[n] {
			seen[n] = true
			s.bundled(n, seen)
		}
	}
}

// withBundled adds to updates what they bundle: a decline of a bundle is one of
// its parts too, and reinstating brings these back. The order stays.
func (s *Snapshot) withBundled(updates []uint32) []uint32 {
	if !slices.ContainsFunc(updates, func(n uint32) bool { e := s.rows.at(n); return e != nil && len(e.children) > 0 }) {
		return updates
	}
	seen := make(map[uint32]bool, len(updates))
	for _, n := range updates {
		seen[n] = true
	}
	out := slices.Clone(updates)
	for _, n := range updates {
		for _, m := range s.Bundled(n) {
			if !seen[m] {
				seen[m] = true
				out = append(out, m)
			}
		}
	}
	return out
}
