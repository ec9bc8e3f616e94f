package report

import (
	"cmp"
	"slices"
	"time"

	"fettle/model"
)

// missing is what is needed or failed, for one value of one facet.
type missing struct {
	title     string
	order     int
	updates   map[uint32]bool
	pairs     int
	failed    int
	computers int
	last      int32 // the place that was counted last: each computer counts once
}

// facet gathers what is missing by one property of updates.
type facet struct {
	name, title, column string
	values              map[string]*missing
	of                  func(r *model.UpdateRow) []facetValue
}

type facetValue struct {
	title string
	order int
}

// ages are the ranges by which missing updates are grouped: what has been out
// for long is worse.
var ages = []struct {
	title string
	below time.Duration
}{
	{"up to 7 days", 8 * 24 * time.Hour},
	{"8 to 14 days", 15 * 24 * time.Hour},
	{"15 to 30 days", 31 * 24 * time.Hour},
	{"31 to 90 days", 91 * 24 * time.Hour},
}

// compliance builds the report of that name (users.md, rank 3: who needs what,
// by group, by product, by age).
func (b *builder) compliance() error {
	lines, err := b.computerLines()
	if err != nil {
		return err
	}
	whole := splitOf(lines)
	b.report.Sections = append(b.report.Sections, splitSection(whole), b.groupSection(b.groupSplits(lines)))
	one := func(title string, order int) []facetValue { return []facetValue{{title, order}} }
	facets := []*facet{
		{name: "classifications", title: "Missing by classification", column: "class", of: func(r *model.UpdateRow) []facetValue { return one(r.Class.String(), int(r.Class)) }},
		{name: "severities", title: "Missing by severity", column: "severity", of: func(r *model.UpdateRow) []facetValue { return one(r.Severity.String(), -int(r.Severity)) }},
		{name: "products", title: "Missing by product", column: "product", of: func(r *model.UpdateRow) []facetValue {
			var all []facetValue
			for _, title := range b.products(r) {
				all = append(all, facetValue{title: title})
			}
			return all
		}},
		{name: "ages", title: "Missing by age", column: "age", of: func(r *model.UpdateRow) []facetValue {
			if r.Released.IsZero() {
				return one("not known", len(ages)+1)
			}
			age := b.p.Now.Sub(r.Released)
			for i, a := range ages {
				if age < a.below {
					return one(a.title, i)
				}
			}
			return one("more than 90 days", len(ages))
		}},
	}
	known := map[uint32][]*missing{} // by update: all that it counts in
	for place, needed := range b.measured.needed {
		if place%64 == 0 && b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		for _, u := range needed {
			ms, ok := known[u]
			if !ok {
				for _, f := range facets {
					ms = append(ms, f.count(b.snap.Row(u))...)
				}
				known[u] = ms
			}
			failed := b.snap.State(b.fleet.members[place], u) == model.StateFailed
			for _, m := range ms {
				m.pairs++
				m.failed += boolean(failed)
				if m.last != int32(place) {
					m.last = int32(place)
					m.computers++
				}
			}
		}
	}
	for _, f := range facets {
		b.report.Sections = append(b.report.Sections, f.section(whole))
	}
	b.report.Sections[len(b.report.Sections)-1].note("Age is since the vendor published the update. A Debian archive only says by when that was, so an update can be older than shown.")
	return nil
}

// count finds the values that an update belongs to, and counts it there.
func (f *facet) count(r *model.UpdateRow) []*missing {
	if f.values == nil {
		f.values = map[string]*missing{}
	}
	var all []*missing
	for _, v := range f.of(r) {
		m := f.values[v.title]
		if m == nil {
			m = &missing{title: v.title, order: v.order, updates: map[uint32]bool{}, last: -1}
			f.values[v.title] = m
		}
		if !slices.Contains(all, m) {
			m.updates[r.Number] = true
			all = append(all, m)
		}
	}
	return all
}

func (f *facet) section(whole split) Section {
	list := make([]*missing, 0, len(f.values))
	for _, m := range f.values {
		list = append(list, m)
	}
	slices.SortFunc(list, func(x, y *missing) int {
		return cmp.Or(cmp.Compare(x.order, y.order), -cmp.Compare(x.computers, y.computers), cmp.Compare(x.title, y.title))
	})
	s := section(f.name, f.title, "Nothing is missing on any computer that reported.", list, []field[*missing]{
		ask(f.column, map[string]string{"class": "Classification", "severity": "Severity", "product": "Product", "age": "Published"}[f.column], KindText, 0, func(m *missing) Cell { return m.title }),
		ask("updates", "Updates", KindCount, 0, func(m *missing) Cell { return len(m.updates) }),
		ask("missing", "Missing", KindCount, 0, func(m *missing) Cell { return m.pairs }),
		ask("failed", "Failed", KindCount, 1, func(m *missing) Cell { return m.failed }),
		ask("computers", "Computers", KindCount, 0, func(m *missing) Cell { return m.computers }),
		percent("percent", "Percent", "of", "no_status", func(m *missing) Share { return Share{m.computers, whole.computers} }),
		ask("of", "of", KindCount, 0, func(*missing) Cell { return whole.computers }),
		ask("no_status", "No status", KindCount, 2, func(*missing) Cell { return whole.by[model.ComputerNoStatus] }),
	})
	s.note("Updates that are needed or failed somewhere; missing counts each on each computer. Computers miss at least one of them; percentages are of all %s in scope, %d of them without status.", count(whole.computers, "computer"), whole.by[model.ComputerNoStatus])
	return s
}
