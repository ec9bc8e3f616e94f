package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// Report is what a computer told: facts that are recorded as they arrive.
type Report struct {
	Computer  model.Computer   // by ID; Number and FirstSeen are the store's
	Inventory *model.Inventory // nil = as before
	Status    *model.Status    // nil = the computer only made contact
}

// Record takes in a report and gives the computer's number. The first report of
// an unknown identifier makes a new computer with the report's admission; later
// ones leave the admission as it is.
func (s *Store) Record(ctx context.Context, r Report) (uint32, error) {
	if r.Computer.ID == "" {
		return 0, errors.New("recording a report: the computer has no identifier")
	}
	var number uint32
	err := s.do(ctx, func(d *draft) error {
		c := r.Computer
		var before *computerEntry
		if old := d.ComputerByID(c.ID); old != nil {
			before = d.computers.at(old.Number)
			c.Number, c.FirstSeen, c.Admission = old.Number, old.FirstSeen, old.Admission
			if r.Status == nil {
				c.Reported = old.Reported
			}
		} else {
			// Numbers are not used twice: groups and journal entries name them.
			d.computerNumber++
			c.Number, c.FirstSeen = d.computerNumber, d.store.now()
			d.store.computerIDs.set(string(c.ID), c.Number)
			if err := errors.Join(d.put(keyMeta(metaComputers), c.Number), d.put(keyComputerID(c.ID), c.Number)); err != nil {
				return err
			}
		}
		number = c.Number
		e := &computerEntry{}
		if before != nil {
			*e = *before
		}
		e.computer = &c
		if r.Status != nil {
			st := *r.Status
			st.Computer = c.Number
			if err := checkStatus(&st, d.rows.len()); err != nil {
				return fmt.Errorf("recording the report of %s: %w", c.Name, err)
			}
			e.take(&st)
			if err := d.put(keyStatus(c.Number), st); err != nil {
				return err
			}
		}
		if r.Inventory != nil {
			b, err := encodePacked(r.Inventory)
			if err != nil {
				return err
			}
			d.set(keyInventory(c.Number), b)
		}
		if r.Status != nil || c.Scan.Error != "" {
			at := c.Scan.Time
			if r.Status != nil {
				at = r.Status.Reported
			}
			d.remember(before, e, at, true)
		}
		d.setComputer(before, e)
		named := d.options.ClientTargeting && (before == nil || !slices.Equal(before.computer.Requested, c.Requested))
		return errors.Join(d.put(keyComputer(c.Number), c), d.regroup(c.Number, named))
	})
	return number, err
}

// RecordStatus replaces a computer's status by one that the server computed
// from the last reported inventory. A report that arrived while it computed is
// newer, and stays.
func (s *Store) RecordStatus(ctx context.Context, st model.Status) error {
	return s.do(ctx, func(d *draft) error {
		before := d.computers.at(st.Computer)
		if before == nil {
			return fmt.Errorf("recording the status of computer %d: %w", st.Computer, ErrNotFound)
		}
		if err := checkStatus(&st, d.rows.len()); err != nil {
			return fmt.Errorf("recording the status of %s: %w", before.computer.Name, err)
		}
		if st.Reported.Before(before.computer.Reported) || st.Reported.Equal(before.computer.Reported) && st.Computed.Before(before.computed) {
			return nil
		}
		e := *before
		e.take(&st)
		d.remember(before, &e, st.Computed, false)
		d.setComputer(before, &e)
		return errors.Join(d.put(keyStatus(st.Computer), st), d.regroup(st.Computer, false))
	})
}

// counted gives what of a computer takes part in counts: nil unless it is
// managed and has reported.
func (e *computerEntry) counted() *computerEntry {
	if e == nil || !e.reported || e.computer.Admission != model.Managed {
		return nil
	}
	return e
}

// setComputer replaces a computer's memory form and moves its counts.
func (d *draft) setComputer(before, after *computerEntry) {
	n := after.computer.Number
	computers := d.computers.edit()
	computers.set(n, after)
	d.computers = computers.vector
	c := newCounting(d.tallies)
	c.replace(n, before.counted(), after.counted())
	d.tallies = c.vector
	if is := after.computer.Admission == model.Managed; is != d.managed.Contains(n) {
		d.managed = d.managed.Clone()
		if is {
			d.managed.Add(n)
		} else {
			d.managed.Remove(n)
		}
	}
}

// checkStatus refuses a status whose lists are not sorted, overlap, or name
// updates beyond what it covers: counts would be wrong for ever after.
func checkStatus(st *model.Status, rows int) error {
	if int(st.Evaluated) >= max(1, rows) {
		return fmt.Errorf("it covers update %d, but the catalogue has %d", st.Evaluated, max(0, rows-1))
	}
	seen := map[uint32]bool{}
	for _, list := range [][]uint32{st.Needed, st.Downloaded, st.Failed, st.Pending, st.Installed} {
		for i, n := range list {
			switch {
			case i > 0 && list[i-1] >= n:
				return errors.New("a list of updates is not sorted")
			case n == 0 || n > st.Evaluated:
				return fmt.Errorf("update %d is beyond what the status covers (%d)", n, st.Evaluated)
			case seen[n]:
				return fmt.Errorf("update %d has two states", n)
			}
			seen[n] = true
		}
	}
	return nil
}

// LastUpdate is the highest update number: what a status made now covers.
func (s *Snapshot) LastUpdate() uint32 { return uint32(max(0, s.rows.len()-1)) }

// regroup evaluates the formulas of all dynamic groups for one computer, and
// the effective memberships if anything changed; named says that it names other
// groups than before.
func (d *draft) regroup(n uint32, named bool) error {
	changed := named || !d.Members(model.GroupAll).Contains(n) && d.managed.Contains(n)
	c := d.Computer(n)
	for _, id := range d.tree.Order() {
		g := d.tree.Group(id)
		if g.Formula == "" {
			continue
		}
		q, err := query.ParseComputers(g.Formula)
		if err != nil {
			return fmt.Errorf("the formula of group %q: %w", g.Name, err)
		}
		m := d.matched[id]
		if m == nil {
			m = roaring.New()
		}
		if is := d.managed.Contains(n) && q.Match(d.Snapshot, c, d.store.now()); is != m.Contains(n) {
			m = m.Clone()
			if is {
				m.Add(n)
			} else {
				m.Remove(n)
			}
			d.matched[id], changed = m, true
		}
	}
	if changed {
		d.recomputeMembers()
	}
	return nil
}

// recomputeGroups evaluates every formula for every computer, then the
// effective memberships.
func (s *Snapshot) recomputeGroups() error {
	s.matched = map[model.GroupID]*roaring.Bitmap{}
	s.recomputeMembers() // formulas may ask for counts, which need memberships
	now := s.store.now()
	for _, id := range s.tree.Order() {
		g := s.tree.Group(id)
		if g.Formula == "" {
			continue
		}
		q, err := query.ParseComputers(g.Formula)
		if err != nil {
			return fmt.Errorf("the formula of group %q: %w", g.Name, err)
		}
		m := roaring.New()
		for it := s.managed.Iterator(); it.HasNext(); {
			n := it.Next()
			if q.Match(s, s.Computer(n), now) {
				m.Add(n)
			}
		}
		s.matched[id] = m
	}
	s.recomputeMembers()
	return nil
}

// recomputeMembers computes the effective memberships from the leaves up:
// (own, matched and those of subgroups) without those excluded.
func (s *Snapshot) recomputeMembers() {
	members := map[model.GroupID]*roaring.Bitmap{model.GroupAll: s.managed}
	assigned := roaring.New()
	s.requested = s.requests()
	for _, id := range slices.Backward(s.tree.Order()) {
		g := s.tree.Group(id)
		if id == model.GroupAll || id == model.GroupUnassigned {
			continue
		}
		m := s.byHand(g)
		if f := s.matched[id]; f != nil {
			m.Or(f)
		}
		for _, c := range s.tree.Children(id) {
			m.Or(members[c])
		}
		m.And(s.managed)
		m.AndNot(roaring.BitmapOf(g.Excluded...))
		members[id] = m
		if !g.Predefined() {
			assigned.Or(m)
		}
	}
	members[model.GroupUnassigned] = roaring.AndNot(s.managed, assigned)
	s.members = members
}

// requests gives, by the lower-case name of a group, the computers that ask for
// it; nil when administrators put computers into groups. A name that no group
// has waits until one has it.
func (s *Snapshot) requests() map[string]*roaring.Bitmap {
	if !s.options.ClientTargeting {
		return nil
	}
	out := map[string]*roaring.Bitmap{}
	for n, e := range s.computers.all {
		if e == nil {
			continue
		}
		for _, name := range e.computer.Requested {
			key := strings.ToLower(name)
			if out[key] == nil {
				out[key] = roaring.New()
			}
			out[key].Add(n)
		}
	}
	return out
}

// byHand gives the computers that belong to a group itself, not by its formula:
// those that an administrator put there or, where computers name their groups,
// those that name it. The other ones are masked, not forgotten: they count again
// when the option changes back. The result is the caller's.
func (s *Snapshot) byHand(g *model.Group) *roaring.Bitmap {
	if s.requested == nil || g.Predefined() {
		return roaring.BitmapOf(g.Members...)
	}
	if m := s.requested[strings.ToLower(g.Name)]; m != nil {
		return m.Clone()
	}
	return roaring.New()
}

// RefreshGroups evaluates formulas that depend on time anew; the engine calls
// it now and then. It writes nothing: memberships by formula are not kept.
func (s *Store) RefreshGroups(ctx context.Context) error {
	snap := s.Snapshot()
	timed := false
	for _, id := range snap.tree.Order() {
		if f := snap.tree.Group(id).Formula; f != "" {
			q, err := query.ParseComputers(f)
			timed = timed || err == nil && q.TimeDependent()
		}
	}
	if !timed {
		return nil
	}
	return s.do(ctx, func(d *draft) error {
		if err := d.recomputeGroups(); err != nil {
			return err
		}
		return d.put(keyMeta(metaSchema), uint64(schema)) // a commit, so that readers see the new memberships
	})
}

// Status gives what a computer last reported of every update.
func (s *Store) Status(computer uint32) (*model.Status, error) {
	return read[model.Status](s, fmt.Sprintf("the status of computer %d", computer), keyStatus(computer))
}

// Inventory gives what a computer last reported as installed.
func (s *Store) Inventory(computer uint32) (*model.Inventory, error) {
	return read[model.Inventory](s, fmt.Sprintf("the inventory of computer %d", computer), keyInventory(computer))
}

// Computed says when the server last re-evaluated a computer's inventory
// against a newer catalogue; zero when the status is the computer's own.
func (s *Snapshot) Computed(computer uint32) time.Time {
	if e := s.computers.at(computer); e != nil {
		return e.computed
	}
	return time.Time{}
}

// planBlock is how many plan numbers one write reserves: 100,000 check-ins must
// not wait for the disk each. What a process that ends has not given out is
// never given out.
const planBlock = 64

// planNumbers are the installation plan numbers that this process may give out.
type planNumbers struct {
	mu             sync.Mutex
	last, reserved uint64
}

// NextPlan gives a number for an installation plan: each higher than all
// before, across restarts, so that an agent can refuse an older one.
func (s *Store) NextPlan(ctx context.Context) (uint64, error) {
	p := &s.plans
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == p.reserved {
		var end uint64
		err := s.do(ctx, func(d *draft) error {
			d.plans += planBlock
			end = d.plans
			return d.put(keyMeta(metaPlans), end)
		})
		if err != nil {
			return 0, err
		}
		p.last, p.reserved = end-planBlock, end
	}
	p.last++
	return p.last, nil
}
