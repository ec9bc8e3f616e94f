package agents

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent/protocol"
)

// Report records what a computer says of itself and answers with the updates
// that stand behind its packages. The setup gate does not apply: facts are
// recorded always.
func (s *Server) Report(ctx context.Context, r protocol.Report) (protocol.Ack, error) {
	ack, err := s.report(ctx, &r)
	if err != nil {
		return ack, fmt.Errorf("reporting %s: %w", text(r.Who.Name, longName), err)
	}
	return ack, nil
}

func (s *Server) report(ctx context.Context, r *protocol.Report) (protocol.Ack, error) {
	e := s.endpoint
	ack := protocol.Ack{Version: protocol.Version}
	if err := protocol.CheckVersion(r.Version); err != nil {
		return ack, err
	}
	id, err := s.who(r.Who.ID)
	if err != nil {
		return ack, err
	}
	if err := e.store.WaitLoaded(ctx); err != nil {
		return ack, err
	}
	defer e.lock(id)()
	now := e.now()
	snap := e.store.Snapshot()
	before := snap.ComputerByID(id)
	if before != nil && before.Admission == model.Rejected {
		return ack, &model.Refusal{Code: "rejected", What: "The report was refused", Why: "this computer was rejected by an administrator"}
	}
	c := s.computer(id, r, now)
	var old *model.Status
	var inv *model.Inventory
	if before != nil {
		if old, inv, err = e.stored(before.Number); err != nil {
			return ack, err
		}
		c.Number = before.Number
	}
	var fresh *model.Inventory
	switch {
	case r.Scan.Error != "":
		// What a failed scan found may be half of it: nothing but the error is kept.
		if before == nil {
			c.Reported = time.Time{}
		}
	case r.Inventory != nil:
		var dropped int
		if fresh, dropped, err = inventory(r.Inventory, now); err != nil {
			return ack, err
		}
		if dropped > 0 {
			e.log.Warn("packages with names or versions outside Debian's grammar were left out of an inventory", "computer", c.Name, "packages", dropped)
		}
		inv = fresh
	case !e.sameInventory(id, inv, r.Digest):
		// Without the inventory a status would be guesswork: only the contact is
		// recorded until it comes.
		c.Reported = time.Time{}
		_, err := e.store.Record(ctx, store.Report{Computer: c})
		ack.WantInventory = true
		return ack, err
	}
	report := store.Report{Computer: c, Inventory: fresh}
	if r.Scan.Error == "" {
		m, err := e.material(r, snap, old, inv, fresh != nil, now)
		if err != nil {
			return ack, err
		}
		st := m.status(c.Number)
		st.Reported = now
		report.Status = &st
		for _, p := range st.Packages {
			if p.Update != "" {
				if ack.Updates == nil {
					ack.Updates = map[string]model.UpdateID{}
				}
				ack.Updates[protocol.PackageKey(p)] = p.Update
			}
		}
	}
	n, err := e.store.Record(ctx, report)
	if err != nil {
		return ack, err
	}
	if fresh != nil {
		e.remember(id, r.Inventory)
	}
	after := e.store.Snapshot()
	computer := after.Computer(n)
	if computer == nil {
		return ack, nil // removed just now
	}
	list := wants(after, computer)
	for _, p := range list {
		if p.Refused == "" {
			ack.Approved = append(ack.Approved, p.Update)
		}
	}
	// A computer that did what it was to do needs no waking for that: its mark
	// follows, unless something was decided that it does not know.
	if before != nil && len(r.Mark) > 0 {
		policy, _ := after.EffectivePolicy(n)
		was, is := dutyOf(snap, before), dutyFrom(after, computer, policy, list)
		if bytes.Equal(was.mark(), r.Mark) && is.remainsOf(was, after, n) {
			ack.Mark = is.mark()
		}
	}
	e.touched(n)
	return ack, nil
}

// material puts together what a report says, with what of the last status still
// holds.
func (e *Endpoint) material(r *protocol.Report, snap *store.Snapshot, old *model.Status, inv *model.Inventory, fresh bool, now time.Time) (*material, error) {
	m := &material{snap: snap, evaluation: e.store.Evaluate(inv), broken: e.broken(inv)}
	var err error
	if m.packages, err = packages(r.Needed); err != nil {
		return nil, err
	}
	if m.others, err = packages(r.Others); err != nil {
		return nil, err
	}
	for _, list := range [][]model.NeededPackage{m.packages, m.others} {
		for i := range list {
			p := &list[i]
			if id, n, ok := e.store.FindPackage(p.Package, p.Arch, p.Candidate, inv.Sources); ok && n <= snap.LastUpdate() {
				p.Update = id
			}
		}
	}
	known := func(id model.UpdateID) bool { _, ok := number(snap, id); return ok }
	if m.closures, err = closures(r.Closures, known); err != nil {
		return nil, err
	}
	m.downloaded = numbers(snap, r.Downloaded)
	if len(r.Pending) > 0 {
		m.restart = numbers(snap, r.Restart)
	}
	m.failures = failures(r.Failures, now)
	if m.failed = failedUpdates(snap, m.failures); old == nil {
		return m, nil
	}
	for _, c := range old.Closures {
		// As long as nothing was installed, what would be done is still the same.
		if !fresh && !slices.ContainsFunc(m.closures, func(o model.Closure) bool { return o.Update == c.Update }) {
			m.closures = append(m.closures, c)
		}
	}
	m.failures = append(m.failures, old.Failures...) // one holds until the update is installed or not needed
	m.failed = failedUpdates(snap, m.failures)
	was := slices.Concat(old.Installed, old.Pending)
	if fresh { // what was needed may be installed now, although it is offered no more
		m.installed, err = e.offeredNoMore(snap, slices.Concat(was, old.Needed, old.Downloaded, old.Failed), inv)
	} else {
		m.installed, err = e.offeredNoMore(snap, was, nil)
	}
	return m, err
}

// sameInventory says whether the inventory that is stored is the one that a
// digest names.
func (e *Endpoint) sameInventory(id model.ComputerID, inv *model.Inventory, digest []byte) bool {
	if inv == nil || len(digest) == 0 {
		return false
	}
	e.mu.Lock()
	known, ok := e.digests[id]
	e.mu.Unlock()
	if ok {
		return known == string(digest)
	}
	d, err := protocol.InventoryDigest(inv)
	if err != nil || string(d) != string(digest) {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.digests[id] = string(d)
	return true
}

// remember keeps the digest of an inventory as it came: what was left out of it
// must not make the computer send it again each time.
func (e *Endpoint) remember(id model.ComputerID, inv *model.Inventory) {
	d, err := protocol.InventoryDigest(inv)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		delete(e.digests, id)
		return
	}
	e.digests[id] = string(d)
}
