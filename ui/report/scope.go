package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

// builder is one making of one report. It belongs to one goroutine.
type builder struct {
	ctx    context.Context
	st     *store.Store
	snap   *store.Snapshot
	p      Parameters
	def    Definition
	report *Report

	query     string             // canonical
	group     model.GroupID      // resolved
	rows      []*model.UpdateRow // updates in scope, by number
	computers []*model.Computer  // computers in scope, by number
	declined  int                // declined updates that the query matched
	fleet     *fleet             // nil when the report is not about computers
	measured  *measures          // once measure was called
	related   map[model.GroupID]bool
}

// world is a snapshot whose counts are those of the report's group, so that
// `needed:>0` in the query of a report about Servers asks about Servers.
type world struct {
	*store.Snapshot
	group model.GroupID
}

// Counts answers for the report's group where the query names none.
func (w world) Counts(update uint32, group model.GroupID) model.Counts {
	if group == model.GroupAll {
		group = w.group
	}
	return w.Snapshot.Counts(update, group)
}

// Index answers for the report's group likewise.
func (w world) Index() query.Index { return index{w.Snapshot.Index(), w.group} }

type index struct {
	query.Index
	group model.GroupID
}

func (x index) Counted(what query.Counted, group model.GroupID) *roaring.Bitmap {
	if group == model.GroupAll {
		group = x.group
	}
	return x.Index.Counted(what, group)
}

func (x index) Needing(update uint32, group model.GroupID) (needed, failed, pending int) {
	if group == model.GroupAll {
		group = x.group
	}
	return x.Index.Needing(update, group)
}

// scope finds the updates and computers that the report is about.
func (b *builder) scope() error {
	switch {
	case b.p.Base == BaseApproved && !b.def.Bases:
		return &ParameterError{Problem: fmt.Sprintf("the report %s has only one base", b.def.Name), Remedy: "Leave the base out"}
	case b.p.Group != "" && !b.def.Groups:
		return &ParameterError{Problem: fmt.Sprintf("the report %s is not about computers", b.def.Name), Remedy: "Leave the group out"}
	case b.p.Group != "" && b.snap.Groups().Group(b.p.Group) == nil:
		return &ParameterError{Problem: fmt.Sprintf("there is no computer group %q", model.Clean(string(b.p.Group))), Remedy: "The groups are listed by: fettle groups"}
	}
	b.group = b.p.Group
	now := b.p.Now.In(b.p.Zone)
	if b.def.Query == OnComputers {
		if b.group == "" {
			b.group = model.GroupAll
		}
		q, err := query.ParseComputers(b.p.Query)
		if err != nil {
			return fmt.Errorf("reading the query on computers: %w", err)
		}
		b.query = q.String()
		if b.computers, err = q.Filter(b.ctx, b.snap, b.members(), now); err != nil {
			return fmt.Errorf("filtering computers: %w", err)
		}
		b.rows = b.visible()
	} else {
		q, err := query.ParseUpdates(b.p.Query)
		if err != nil {
			return fmt.Errorf("reading the query on updates: %w", err)
		}
		b.query = q.String()
		if err := b.groupOfQuery(q); err != nil {
			return err
		}
		w := world{b.snap, b.group}
		all, err := q.Filter(b.ctx, w, b.snap.Updates(), now)
		if err != nil {
			return fmt.Errorf("filtering updates: %w", err)
		}
		b.rows = make([]*model.UpdateRow, 0, len(all))
		for _, r := range all {
			if r.Has(model.FlagDeclined) {
				b.declined++
			} else {
				b.rows = append(b.rows, r)
			}
		}
		if b.def.Groups {
			b.computers = b.members()
		}
	}
	if b.def.Groups {
		b.fleet = newFleet(b.snap, b.group, b.computers, b.rows)
	}
	return b.ctx.Err()
}

// groupOfQuery takes the group of in: for the report's group.
func (b *builder) groupOfQuery(q *query.Updates) error {
	name, ok := q.Group()
	if !ok {
		if b.group == "" {
			b.group = model.GroupAll
		}
		return nil
	}
	if err := q.Check(b.snap); err != nil {
		return fmt.Errorf("reading the query on updates: %w", err)
	}
	t := b.snap.Groups()
	var named model.GroupID
	for _, id := range t.Order() {
		n := t.Group(id).Name
		if n == name {
			named = id
			break
		}
		if named == "" && (strings.EqualFold(n, name) || strings.EqualFold(string(id), name)) {
			named = id
		}
	}
	if named == "" || b.group != "" && b.group != named {
		return &ParameterError{Problem: fmt.Sprintf("the report is about one group, but the query says in:%s", model.Clean(name)), Remedy: "Give the group only once"}
	}
	b.group = named
	return nil
}

// members gives the managed computers of the report's group.
func (b *builder) members() []*model.Computer {
	var all []*model.Computer
	for it := b.snap.Members(b.group).Iterator(); it.HasNext(); {
		if c := b.snap.Computer(it.Next()); c != nil {
			all = append(all, c)
		}
	}
	return all
}

// visible gives all updates that take part in counts.
func (b *builder) visible() []*model.UpdateRow {
	return slices.DeleteFunc(slices.Clone(b.snap.Updates()), func(r *model.UpdateRow) bool { return r.Has(model.FlagDeclined) })
}

// measure makes the pass over what the computers of the scope reported, once.
func (b *builder) measure() (*measures, error) {
	if b.measured == nil {
		m, err := b.fleet.measure(b.ctx, b.p.Base)
		if err != nil {
			return nil, err
		}
		b.measured = m
	}
	return b.measured, nil
}

// describeScope fills in what the report says about its own reach.
func (b *builder) describeScope() error {
	s := &b.report.Scope
	s.Query, s.On, s.Base, s.Updates = b.query, b.def.Query, b.p.Base, -1
	if b.def.Bases {
		s.Updates = len(b.rows)
		if b.p.Base == BaseApproved {
			m, err := b.measure()
			if err != nil {
				return err
			}
			s.Updates = m.updates
		}
	}
	if b.fleet == nil {
		return nil
	}
	s.Group = model.Clean(b.snap.Groups().Group(b.group).Name)
	s.Computers = len(b.computers)
	for i, c := range b.computers {
		switch {
		case !b.fleet.reported[i]:
			s.Never++
		case b.measured != nil && b.measured.totals[i].Unknown > 0,
			b.measured == nil && b.fleet.covered(i) < len(b.fleet.numbers):
			s.Newer++
		}
		if b.fleet.reported[i] && b.p.Now.Sub(c.Contacted) > model.StaleAfter {
			s.Stale++
		}
	}
	return nil
}

// status reads what a computer last reported. The record may be newer than the
// snapshot, and even gone: an empty one says then that there is nothing.
func (b *builder) status(computer uint32) (*model.Status, error) {
	st, err := b.st.Status(computer)
	if errors.Is(err, store.ErrNotFound) {
		return &model.Status{Computer: computer}, nil
	}
	return st, err
}

// at writes a time in the report's zone; none stays none.
func (b *builder) at(t time.Time) Cell {
	if t.IsZero() {
		return nil
	}
	return t.In(b.p.Zone)
}

// concerns says whether an approval of a group can matter in the scope: the
// groups share a computer, or one lies below the other.
func (b *builder) concerns(g model.GroupID) bool {
	is, known := b.related[g]
	if !known {
		t := b.snap.Groups()
		is = t.Within(g, b.group) || t.Within(b.group, g) || b.snap.Members(g).Intersects(b.snap.Members(b.group))
		if b.related == nil {
			b.related = map[model.GroupID]bool{}
		}
		b.related[g] = is
	}
	return is
}

// own gives the groups' own approvals of an update that concern the scope.
func (b *builder) own(update uint32) []model.Approval {
	var all []model.Approval
	for _, a := range b.fleet.approvals()[update] {
		if b.concerns(a.Group) {
			all = append(all, a)
		}
	}
	return all
}

// groupName gives a group's name.
func (b *builder) groupName(id model.GroupID) string {
	if g := b.snap.Groups().Group(id); g != nil {
		return g.Name
	}
	return string(id)
}
