package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// Verdict is what Verify found.
type Verdict struct {
	Checked  []Checked
	Problems []string
	Journal  JournalVerdict
}

// Checked says how many things of one sort were looked at.
type Checked struct {
	What  string
	Count int
}

// maxProblems bounds the list: a store that is wrong everywhere needs no more.
const maxProblems = 100

// Verify checks every record, index and count against each other, and the
// journal: records can be decoded and stand under their key, indexes point to
// records and records are indexed, memory equals disk, counts equal a recount.
// It changes nothing and may run beside everything else.
func (s *Store) Verify(ctx context.Context, progress func(model.Progress)) (Verdict, error) {
	if err := s.WaitLoaded(ctx); err != nil {
		return Verdict{}, err
	}
	if progress == nil {
		progress = func(model.Progress) {}
	}
	var v Verdict
	// One transaction and the snapshot of the same commit: taken while the
	// writer waits.
	var snap *Snapshot
	var txn *badger.Txn
	take := func() { snap, txn = s.Snapshot(), s.db.NewTransaction(false) }
	if s.options.ReadOnly {
		take()
	} else if err := s.do(ctx, func(*draft) error { take(); return nil }); err != nil {
		return v, err
	}
	defer txn.Discard()
	c := &checker{txn: txn, snap: snap, v: &v, updates: map[uint32]model.UpdateID{}, again: &Store{lineage: newLineage(), options: s.options}}
	c.again.ids.m = map[string]uint32{}
	steps := []struct {
		name string
		run  func() error
	}{
		{"updates", c.updatesAndIndex}, {"computers", c.computersAndStatus}, {"counts", c.counts},
		{"groups", c.groups}, {"approvals", c.approvals}, {"rules and options", c.decisions}, {"records", c.rest}, {"documents", c.documents},
	}
	for i, st := range steps {
		progress(model.Progress{Phase: "Checking " + st.name, Done: int64(i), Total: int64(len(steps) + 1)})
		if err := errors.Join(ctx.Err(), st.run()); err != nil {
			return v, fmt.Errorf("checking %s: %w", st.name, err)
		}
	}
	progress(model.Progress{Phase: "Checking the journal", Done: int64(len(steps)), Total: int64(len(steps) + 1)})
	var err error
	if v.Journal, err = s.VerifyJournal(ctx, nil); err != nil {
		return v, err
	}
	c.checked("journal entries", int(v.Journal.Entries))
	if v.Journal.Problem != "" {
		c.problem("the journal: %s", v.Journal.Problem)
	}
	return v, nil
}

type checker struct {
	txn     *badger.Txn
	snap    *Snapshot
	v       *Verdict
	updates map[uint32]model.UpdateID
	again   *Store // the graph of updates, built anew
}

func (c *checker) checked(what string, n int) {
	c.v.Checked = append(c.v.Checked, Checked{what, n})
}

func (c *checker) problem(format string, a ...any) {
	if len(c.v.Problems) < maxProblems {
		c.v.Problems = append(c.v.Problems, fmt.Sprintf(format, a...))
	}
}

// visit goes through the records of a kind; one that cannot be decoded is a
// problem, not an error.
func visit[T any](c *checker, kind byte, see func(key []byte, v *T)) (n int) {
	it := c.txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kind}, PrefetchValues: true, PrefetchSize: 64})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		n++
		key := it.Item().KeyCopy(nil)
		v := new(T)
		if err := it.Item().Value(func(b []byte) error { return decode(b, v) }); err != nil {
			c.problem("record %q: %v", key, err)
			continue
		}
		see(key, v)
	}
	return n
}

func (c *checker) updatesAndIndex() error {
	again := *c.snap
	again.store = c.again
	rows, all := vector[*updateEntry]{}.edit(), newTouched()
	n := visit(c, kindUpdate, func(key []byte, u *model.Update) {
		if c.snap.removed.Contains(u.Number) {
			u = stub(u)
		} else if u.Removed {
			c.problem("update %s is a removed one's record, but is not removed", u.ID)
		}
		rows.set(u.Number, again.entry(u))
		c.again.ids.set(string(u.ID), u.Number)
		all.numbers[u.Number] = true
		if u.Number != number32(key) {
			c.problem("update %s stands under number %d, but says %d", u.ID, number32(key), u.Number)
		}
		c.updates[u.Number] = u.ID
		row := c.snap.Row(u.Number)
		if row == nil || row.ID != u.ID || row.Revision != u.Revision {
			c.problem("memory does not hold update %s, revision %d", u.ID, u.Revision)
		}
		if _, err := c.txn.Get(keyRevision(u.Number, u.Revision)); err != nil {
			c.problem("revision %d of update %s is missing", u.Revision, u.ID)
		}
		if declined := c.snap.declined.Contains(u.Number); row != nil && declined != row.Has(model.FlagDeclined) {
			c.problem("update %s: the decline and its mark differ", u.ID)
		}
		if row != nil && row.Has(model.FlagRemoved) != c.snap.removed.Contains(u.Number) {
			c.problem("update %s: the removal and its mark differ", u.ID)
		}
		if row != nil && row.Has(model.FlagLicence) != rows.at(u.Number).row.Has(model.FlagLicence) {
			c.problem("update %s: the acceptance of its licence and its mark differ", u.ID)
		}
	})
	c.again.relink(rows, all)
	for n, e := range rows.all {
		m := c.snap.rows.at(n)
		if e != nil && m != nil && !(slices.Equal(e.supersedes, m.supersedes) && slices.Equal(e.supersededBy, m.supersededBy) && slices.Equal(e.children, m.children)) {
			c.problem("what update %s supersedes, is superseded by or bundles differs from a recount", e.row.ID)
		}
	}
	c.checked("updates", n)
	if n != int(c.snap.LastUpdate()) {
		c.problem("there are %d updates on the disk and %d in memory", n, c.snap.LastUpdate())
	}
	indexed := visit(c, kindUpdateID, func(key []byte, number *uint32) {
		if id := model.UpdateID(key[1:]); c.updates[*number] != id {
			c.problem("the index says that %s is update %d, which is %q", id, *number, c.updates[*number])
		}
	})
	c.checked("update identifiers", indexed)
	if indexed != n {
		c.problem("%d updates have %d index entries", n, indexed)
	}
	c.checked("revisions", visit(c, kindRevision, func([]byte, *model.Revision) {}))
	return nil
}

func (c *checker) computersAndStatus() error {
	ids := map[uint32]model.ComputerID{}
	n := visit(c, kindComputer, func(key []byte, m *model.Computer) {
		if m.Number != number32(key) {
			c.problem("computer %s stands under number %d, but says %d", m.ID, number32(key), m.Number)
		}
		ids[m.Number] = m.ID
		if o := c.snap.Computer(m.Number); o == nil || o.ID != m.ID {
			c.problem("memory does not hold computer %s", m.ID)
		}
	})
	c.checked("computers", n)
	indexed := visit(c, kindComputerID, func(key []byte, number *uint32) {
		if id := model.ComputerID(key[1:]); ids[*number] != id {
			c.problem("the index says that %s is computer %d, which is %q", id, *number, ids[*number])
		}
	})
	if indexed != n {
		c.problem("%d computers have %d index entries", n, indexed)
	}
	visit(c, kindInventory, func(key []byte, _ *model.Inventory) {
		if ids[number32(key)] == "" {
			c.problem("an inventory belongs to computer %d, which does not exist", number32(key))
		}
	})
	reports := 0
	visit(c, kindPast, func(key []byte, r *pastReports) {
		reports += len(r.List)
		if ids[number32(key)] == "" {
			c.problem("a history of reports belongs to computer %d, which does not exist", number32(key))
		}
		switch _, err := r.decode(); {
		case err != nil:
			c.problem("the history of reports of computer %d: %v", number32(key), err)
		case len(r.List) > model.PastReports:
			c.problem("the history of reports of computer %d has %d, more than are kept", number32(key), len(r.List))
		}
	})
	c.checked("past reports", reports)
	return nil
}

// counts recounts every update's computers from the status records.
func (c *checker) counts() error {
	recount := newCounting(vector[*tally]{})
	n := visit(c, kindStatus, func(key []byte, st *model.Status) {
		m := c.snap.computers.at(number32(key))
		if m == nil {
			c.problem("a status belongs to computer %d, which does not exist", number32(key))
			return
		}
		if err := checkStatus(st, c.snap.rows.len()); err != nil {
			c.problem("the status of %s: %v", m.computer.Name, err)
			return
		}
		e := &computerEntry{}
		e.take(st)
		if !slices.Equal(e.needed, m.needed) || !slices.Equal(e.failed, m.failed) || !slices.Equal(e.pending, m.pending) ||
			!slices.Equal(e.downloaded, m.downloaded) || !e.installed.Equals(orEmpty(m.installed)) || e.evaluated != m.evaluated {
			c.problem("the status of %s differs between memory and disk", m.computer.Name)
		}
		if m.computer.Admission == model.Managed {
			recount.replace(m.computer.Number, nil, e)
		}
	})
	c.checked("status records", n)
	for u := range uint32(max(c.snap.tallies.len(), recount.len())) {
		if !equalTallies(c.snap.tallies.at(u), recount.at(u)) {
			c.problem("the counts of update %s differ from a recount", c.updates[u])
		}
	}
	c.checked("counts", c.snap.tallies.len())
	return nil
}

func orEmpty(b *roaring.Bitmap) *roaring.Bitmap {
	if b == nil {
		return empty
	}
	return b
}

func equalTallies(a, b *tally) bool {
	if a == nil {
		a = &tally{}
	}
	if b == nil {
		b = &tally{}
	}
	return a.installed == b.installed && orEmpty(a.needed).Equals(orEmpty(b.needed)) && orEmpty(a.downloaded).Equals(orEmpty(b.downloaded)) &&
		orEmpty(a.failed).Equals(orEmpty(b.failed)) && orEmpty(a.pending).Equals(orEmpty(b.pending))
}

func (c *checker) groups() error {
	var groups []model.Group
	c.checked("groups", visit(c, kindGroup, func(_ []byte, g *model.Group) { groups = append(groups, *g) }))
	if _, err := model.NewGroupTree(groups); err != nil {
		c.problem("the group tree: %v", err)
	}
	again := *c.snap
	again.matched, again.members = nil, nil
	if err := again.recomputeGroups(); err != nil {
		c.problem("the memberships: %v", err)
		return nil
	}
	for _, id := range c.snap.tree.Order() {
		q := c.snap.tree.Group(id)
		if q.Formula == "" && !again.Members(id).Equals(c.snap.Members(id)) {
			c.problem("the members of %s differ from a recount", q.Name)
		}
	}
	return nil
}

func (c *checker) approvals() error {
	var all []*model.Deployment
	c.checked("deployments", visit(c, kindDeployment, func(key []byte, d *model.Deployment) {
		if d.ID != number64(key) {
			c.problem("deployment %d says that it is %d", number64(key), d.ID)
		}
		all = append(all, d)
	}))
	again := stackAll(all)
	for g, layers := range c.snap.layers {
		if !slices.EqualFunc(layers, again[g], func(a, b layer) bool {
			return a.deployment == b.deployment && a.action == b.action && a.deadline.Equal(b.deadline) && a.updates.Equals(b.updates)
		}) {
			c.problem("the approvals of group %s differ from a recount", g)
		}
	}
	return nil
}

// decisions checks what administrators decided beside approvals and groups.
func (c *checker) decisions() error {
	var options model.Options
	if err := get(c.txn, keyMeta(metaOptions), &options); err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
		c.problem("the options: %v", err)
	} else if options != c.snap.options {
		c.problem("the options differ between memory and disk")
	}
	var removed []uint32
	if err := get(c.txn, keyMeta(metaRemoved), &removed); err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
		c.problem("the list of removed updates: %v", err)
	} else if !roaring.BitmapOf(removed...).Equals(c.snap.removed) {
		c.problem("the list of removed updates differs between memory and disk")
	}
	rules := visit(c, kindRule, func(key []byte, r *model.Rule) {
		i := c.snap.ruleIndex(number64(key))
		switch {
		case r.ID != number64(key):
			c.problem("rule %d says that it is %d", number64(key), r.ID)
		case i < 0 || !same(c.snap.rules[i], r):
			c.problem("rule %d (%s) differs between memory and disk", r.ID, r.Name)
		case r.ID > c.snap.ruleNumber:
			c.problem("rule %d has a number that was never given", r.ID)
		}
	})
	c.checked("rules", rules)
	c.equal("rules", rules, len(c.snap.rules))
	if c.snap.ruled > c.snap.LastUpdate() {
		c.problem("rules have seen update %d, which does not exist", c.snap.ruled)
	}
	licences := visit(c, kindLicence, func(key []byte, l *licence) {
		n := number32(key)
		if c.updates[n] == "" {
			c.problem("the acceptance of a licence belongs to update %d, which does not exist", n)
		}
		if !bytes.Equal(c.snap.licences[n].Digest, l.Digest) {
			c.problem("the acceptance of the licence of update %s differs between memory and disk", c.updates[n])
		}
	})
	c.checked("accepted licences", licences)
	c.equal("accepted licences", licences, len(c.snap.licences))
	alarms := visit(c, kindAlarm, func(key []byte, a *model.RevisionAlarm) {
		m := c.snap.alarms[number32(key)]
		switch {
		case a.Update != number32(key) || c.updates[a.Update] == "":
			c.problem("a revision alarm for update %d stands under number %d", a.Update, number32(key))
		case m == nil || !m.Time.Equal(a.Time) || m.Held != a.Held || m.HeldTo != a.HeldTo || m.Deployment != a.Deployment || m.Seen != a.Seen:
			c.problem("the revision alarm of update %s differs between memory and disk", c.updates[a.Update])
		case a.Deployment >= c.snap.nextDeployment():
			c.problem("the revision alarm of update %s is about deployment %d, which does not exist", c.updates[a.Update], a.Deployment)
		}
	})
	c.checked("revision alarms", alarms)
	c.equal("revision alarms", alarms, len(c.snap.alarms))
	postponed := visit(c, kindPostponed, func(key []byte, p *model.Postponement) {
		n := number32(key)
		switch m := c.snap.postponed[n]; {
		case p.Update != n || c.updates[n] == "":
			c.problem("a postponement of update %d stands under number %d", p.Update, n)
		case c.snap.removed.Contains(n):
			c.problem("update %s is postponed although it was removed", c.updates[n])
		case m == nil || !same(m, p):
			c.problem("the postponement of update %s differs between memory and disk", c.updates[n])
		}
	})
	c.checked("postponements", postponed)
	c.equal("postponements", postponed, len(c.snap.postponed))
	proposals := visit(c, kindProposal, func(key []byte, p *model.Proposal) {
		if p.ID != number64(key) || p.ID > c.snap.proposalNumber {
			c.problem("proposal %d says that it is %d", number64(key), p.ID)
		}
		if !slices.ContainsFunc(c.snap.proposals, func(m *model.Proposal) bool { return m.ID == p.ID }) {
			c.problem("proposal %d is on the disk and not in memory", p.ID)
		}
	})
	c.checked("proposals", proposals)
	c.equal("proposals", proposals, len(c.snap.proposals))
	return nil
}

// same says whether two values are the same record.
func same(a, b any) bool {
	x, errX := encMode.Marshal(a)
	y, errY := encMode.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// equal tells when the disk holds more or fewer of something than memory.
func (c *checker) equal(what string, disk, memory int) {
	if disk != memory {
		c.problem("there are %d %s on the disk and %d in memory", disk, what, memory)
	}
}

func (c *checker) rest() error {
	c.checked("products", visit(c, kindCategory, func([]byte, *model.Category) {}))
	c.checked("upstreams", visit(c, kindUpstream, func([]byte, *model.Upstream) {}))
	c.checked("synchronizations", visit(c, kindRun, func([]byte, *model.SyncRun) {}))
	c.trend()
	return nil
}
