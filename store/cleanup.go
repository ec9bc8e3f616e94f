package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// Cleanup judges what the jobs of the Server Cleanup Wizard would do (semantics
// 3.8): candidates with their reasons, and survivors with the condition that
// saved them. nil means all jobs. They are judged in their order, so that what
// one would decline a later one may remove. Nothing is changed: CleanupChange
// makes a change of the answer, which is planned, made and, as far as possible,
// taken back like any other.
func (s *Store) Cleanup(ctx context.Context, jobs []model.CleanupJob) ([]model.CleanupItem, error) {
	if err := s.WaitLoaded(ctx); err != nil {
		return nil, err
	}
	c := newCleaner(s.Snapshot(), s.now())
	for _, job := range jobs {
		if !slices.ContainsFunc(model.CleanupJobs(), func(j struct {
			Job  model.CleanupJob
			Does string
		}) bool {
			return j.Job == job
		}) {
			return nil, fmt.Errorf("%q is not a job of cleanup", job)
		}
	}
	for _, j := range model.CleanupJobs() {
		if jobs != nil && !slices.Contains(jobs, j.Job) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("judging what to clean up: %w", err)
		}
		var err error
		switch j.Job {
		case model.CleanupSuperseded:
			c.superseded()
		case model.CleanupExpired:
			c.expired()
		case model.CleanupUpdates:
			c.unused()
			err = c.measure(s)
		case model.CleanupRevisions:
			err = c.revisions(s)
		case model.CleanupComputers:
			c.silent()
		case model.CleanupFiles:
			c.items = append(c.items, model.CleanupItem{Job: model.CleanupFiles, Saved: true,
				Reason: "payload files stay at the vendor: this server keeps no content, so there is nothing to remove"})
		}
		if err != nil {
			return nil, err
		}
	}
	return c.items, nil
}

// CleanupChange makes one change that does what the candidates say; false when
// there is nothing to do. Its first step is one that can be taken back, if there
// is any.
func CleanupChange(items []model.CleanupItem) (model.Change, bool) {
	decline, forget, trim, remove := roaring.New(), roaring.New(), roaring.New(), roaring.New()
	for _, it := range items {
		switch {
		case it.Saved:
		case it.Job == model.CleanupSuperseded || it.Job == model.CleanupExpired:
			decline.Add(it.Update)
		case it.Job == model.CleanupUpdates:
			forget.Add(it.Update)
		case it.Job == model.CleanupRevisions:
			trim.Add(it.Update)
		case it.Job == model.CleanupComputers:
			remove.Add(it.Computer)
		}
	}
	trim.AndNot(forget) // removing an update takes its revisions along
	var steps []model.Change
	for _, st := range []struct {
		kind model.ChangeKind
		set  *roaring.Bitmap
	}{{model.ChangeDecline, decline}, {model.ChangeForget, forget}, {model.ChangeRevisions, trim}, {model.ChangeRemove, remove}} {
		if st.set.IsEmpty() {
			continue
		}
		c := model.Change{Kind: st.kind, Updates: st.set.ToArray()}
		if st.kind == model.ChangeRemove {
			c.Updates, c.Computers = nil, st.set.ToArray()
		}
		steps = append(steps, c)
	}
	if len(steps) == 0 {
		return model.Change{}, false
	}
	c := steps[0]
	c.Also = steps[1:]
	return c, true
}

// WrongDeclines gives the updates that are declined although computers reported
// that they need them, and nothing that supersedes them is approved: what a
// cleanup, or a person, should not have declined.
func (s *Snapshot) WrongDeclines() []uint32 {
	c := newCleaner(s, time.Time{})
	var out []uint32
	forEach(s.declined, func(n uint32) {
		r := s.Row(n)
		if r == nil || r.Has(model.FlagRemoved) || s.needing(n).IsEmpty() {
			return
		}
		if _, ok := c.successor(n); !ok {
			out = append(out, n)
		}
	})
	return out
}

// cleaner judges for one snapshot.
type cleaner struct {
	s     *Snapshot
	now   time.Time
	items []model.CleanupItem

	installs *roaring.Bitmap // an Install approval is in force, held back or not
	binding  *roaring.Bitmap // Install or Uninstall
	byRule   *roaring.Bitmap // a rule's Install approval
	recent   *roaring.Bitmap // an Install approval given within CleanupApproved
	declined *roaring.Bitmap // declined, or a candidate for it
	removed  *roaring.Bitmap // candidates for removal
}

func newCleaner(s *Snapshot, now time.Time) *cleaner {
	c := &cleaner{s: s, now: now, installs: roaring.New(), binding: roaring.New(), byRule: roaring.New(), recent: roaring.New(), declined: s.declined.Clone(), removed: roaring.New()}
	for _, layers := range s.layers {
		for _, l := range layers {
			if binding(l.action) {
				c.binding.Or(l.updates)
			}
			if l.action != model.ActionInstall {
				continue
			}
			c.installs.Or(l.updates)
			if d := s.Deployment(l.deployment); d != nil {
				if d.Rule != "" {
					c.byRule.Or(l.updates)
				}
				if now.Sub(d.Time) < model.CleanupApproved {
					c.recent.Or(l.updates)
				}
			}
		}
	}
	return c
}

// judge records what became of an update. saved is the condition that saved it;
// empty makes it a candidate, for the given reason.
func (c *cleaner) judge(job model.CleanupJob, update uint32, saved, reason string) bool {
	it := model.CleanupItem{Job: job, Update: update, Saved: saved != "", Reason: reason}
	if it.Saved {
		it.Reason = saved
	}
	c.items = append(c.items, it)
	return !it.Saved
}

// each goes through the updates that administrators see or have declined.
func (c *cleaner) each(visit func(n uint32, r *model.UpdateRow)) {
	for n, e := range c.s.rows.all {
		if e != nil && !c.s.outside.Contains(n) && !e.row.Has(model.FlagRemoved) {
			visit(n, e.row)
		}
	}
}

const requiredSaved = "it is a required update of Fettle, which cleanup never touches"

// age says how long ago something was, in days.
func (c *cleaner) age(t time.Time) string {
	return plural(int(c.now.Sub(t)/(24*time.Hour)), "day") + " ago"
}

// successor gives an update that supersedes another, is offered, not declined
// and approved for install somewhere.
func (c *cleaner) successor(update uint32) (*model.UpdateRow, bool) {
	for _, n := range c.s.SupersededBy(update) {
		r := c.s.Row(n)
		if r == nil || gone(r) || c.s.declined.Contains(n) || !c.installs.Contains(n) {
			continue
		}
		// Asking every group for its approval is for the few that are held back.
		if !c.s.StaleApproval(n) || slices.ContainsFunc(c.s.approvedFor(n), func(a model.Approval) bool { return !a.Stale }) {
			return r, true
		}
	}
	return nil, false
}

// gone says whether nobody can install an update any more.
func gone(r *model.UpdateRow) bool {
	return r.Flags&(model.FlagWithdrawn|model.FlagExpired|model.FlagRemoved) != 0
}

// superseded judges superseded updates: declined when all conditions of
// semantics 3.8 hold.
func (c *cleaner) superseded() {
	c.each(func(n uint32, r *model.UpdateRow) {
		if !r.Has(model.FlagSuperseded) || r.Has(model.FlagDeclined) {
			return
		}
		saved, reason := "", ""
		switch {
		case r.Has(model.FlagRequired):
			saved = requiredSaved
		case c.now.Sub(r.Arrived) < model.CleanupArrived:
			saved = fmt.Sprintf("it came only %s, less than 30", c.age(r.Arrived))
		case !c.s.needing(n).IsEmpty():
			saved = "it is still needed by " + plural(int(c.s.needing(n).GetCardinality()), "computer")
		case c.byRule.Contains(n):
			saved = c.ruleSaved(n, r)
		case c.recent.Contains(n):
			saved = c.recentSaved(n)
		default:
			if saved = c.partSaved(n); saved != "" {
				break
			}
			if by, ok := c.successor(n); ok {
				reason = fmt.Sprintf("nobody needs it, and %s, which supersedes it, is approved", model.Clean(by.Title))
			} else {
				saved = c.noSuccessor(n)
			}
		}
		if c.judge(model.CleanupSuperseded, n, saved, reason) {
			c.declined.Add(n)
		}
	})
}

// ruleSaved tells of WSUS's trap: what a rule approved stays approved, and is
// never cleaned until somebody takes the approval away (semantics 3.8).
func (c *cleaner) ruleSaved(n uint32, r *model.UpdateRow) string {
	for _, a := range c.s.approvedFor(n) {
		d := c.s.Deployment(a.Deployment)
		if d == nil || d.Rule == "" {
			continue
		}
		return fmt.Sprintf("the rule %s approved it for %s, and what a rule approved stays approved until somebody takes it away: fettle approve %s --group %s --action inherit",
			model.Clean(d.Rule), c.groupName(a.Group), quoteArg(string(r.ID)), quoteArg(c.groupName(a.Group)))
	}
	return "a rule approved it, and what a rule approved stays approved"
}

func (c *cleaner) recentSaved(n uint32) string {
	for _, a := range c.s.approvedFor(n) {
		if d := c.s.Deployment(a.Deployment); d != nil && c.now.Sub(d.Time) < model.CleanupApproved {
			return fmt.Sprintf("it was approved for %s only %s, less than 90", c.groupName(a.Group), c.age(d.Time))
		}
	}
	return "it was approved less than 90 days ago"
}

func (c *cleaner) noSuccessor(n uint32) string {
	for _, by := range c.s.SupersededBy(n) {
		if r := c.s.Row(by); r != nil {
			why := "is not approved"
			switch {
			case c.s.declined.Contains(by):
				why = "is declined"
			case gone(r):
				why = "is not offered any more"
			case c.installs.Contains(by):
				why = "has an approval that is held back"
			}
			return fmt.Sprintf("%s, which supersedes it, %s", model.Clean(r.Title), why)
		}
	}
	return "nothing that supersedes it is approved"
}

func (c *cleaner) groupName(id model.GroupID) string {
	if g := c.s.tree.Group(id); g != nil {
		return model.Clean(g.Name)
	}
	return model.Clean(string(id))
}

// expired judges updates that their publisher expired or their archive withdrew.
func (c *cleaner) expired() {
	c.each(func(n uint32, r *model.UpdateRow) {
		if !gone(r) || r.Has(model.FlagDeclined) {
			return
		}
		saved := ""
		switch {
		case r.Has(model.FlagRequired):
			saved = requiredSaved
		case c.binding.Contains(n):
			saved = "it is approved"
			for _, a := range c.s.Approvals(n) {
				if binding(a.Action) {
					saved = fmt.Sprintf("it is approved (%s for %s)", a.Action.Title(), c.groupName(a.Group))
					break
				}
			}
		default:
			saved = c.partSaved(n)
		}
		reason := "its publisher expired it, and it is not approved"
		if r.Has(model.FlagWithdrawn) {
			reason = "its archive withdrew it, and it is not approved"
		}
		if c.judge(model.CleanupExpired, n, saved, reason) {
			c.declined.Add(n)
		}
	})
}

// partSaved gives the condition that saves a bundle: declining it would decline
// what it consists of, and somebody approved a part of that by itself.
func (c *cleaner) partSaved(n uint32) string {
	for _, part := range c.s.Bundled(n) {
		if !c.binding.Contains(part) || c.s.declined.Contains(part) {
			continue
		}
		for _, a := range c.s.Approvals(part) {
			if binding(a.Action) {
				return fmt.Sprintf("its part %s is approved (%s for %s)", model.Clean(c.s.Row(part).Title), a.Action.Title(), c.groupName(a.Group))
			}
		}
	}
	return ""
}

// unused judges declined updates, those that the jobs before would decline
// included: what nobody can install any more and no computer has goes.
func (c *cleaner) unused() {
	c.each(func(n uint32, r *model.UpdateRow) {
		if !c.declined.Contains(n) {
			return
		}
		saved, has := "", 0
		if t := c.s.tallies.at(n); t != nil {
			has = t.installed
		}
		needed := int(c.s.needing(n).GetCardinality())
		switch {
		case r.Has(model.FlagRequired):
			saved = requiredSaved
		case !gone(r):
			saved = "it is still offered, so that it would come back with the next synchronization"
		case c.now.Sub(r.Arrived) < model.CleanupArrived:
			saved = fmt.Sprintf("it came only %s, less than 30", c.age(r.Arrived))
		case has > 0:
			saved = "it is installed on " + plural(has, "computer")
		case needed > 0:
			saved = "it is still needed by " + plural(needed, "computer")
		}
		if c.judge(model.CleanupUpdates, n, saved, "it cannot be installed any more, and no computer has it or needs it") {
			c.removed.Add(n)
		}
	})
}

// measure says how much the removal of updates frees: about the size of their
// records.
func (c *cleaner) measure(s *Store) error {
	err := s.db.View(func(txn *badger.Txn) error {
		for i := range c.items {
			it := &c.items[i]
			if it.Saved || it.Job != model.CleanupUpdates {
				continue
			}
			item, err := txn.Get(keyUpdate(it.Update))
			if err != nil {
				return err
			}
			it.Bytes = item.EstimatedSize()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("measuring the updates to remove: %w", err)
	}
	return nil
}

// revisions judges updates of which older revisions are recorded.
func (c *cleaner) revisions(s *Store) error {
	older, bytes := map[uint32]int{}, map[uint32]int64{}
	newest := map[uint32]time.Time{}
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindRevision}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			key := it.Item().Key()
			n := number32(key)
			if r := c.s.Row(n); r != nil && number32(key[4:]) < r.Revision {
				older[n]++
				bytes[n] += it.Item().EstimatedSize()
			}
		}
		for n := range older {
			var rev model.Revision
			if err := get(txn, keyRevision(n, c.s.Row(n).Revision), &rev); err != nil {
				return err
			}
			newest[n] = rev.Arrived
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the revisions of updates: %w", err)
	}
	c.each(func(n uint32, r *model.UpdateRow) {
		if older[n] == 0 || c.removed.Contains(n) {
			return
		}
		saved := ""
		switch {
		case r.Has(model.FlagRequired):
			saved = requiredSaved
		case c.s.StaleApproval(n):
			saved = "an older revision holds its approval"
		case c.now.Sub(newest[n]) < model.CleanupArrived:
			saved = fmt.Sprintf("its newest revision came only %s, less than 30", c.age(newest[n]))
		}
		if c.judge(model.CleanupRevisions, n, saved, plural(older[n], "older revision")+" of it recorded, and no approval holds any of them") {
			c.items[len(c.items)-1].Bytes = bytes[n]
		}
	})
	return nil
}

// silent judges computers, those that wait to be managed or were rejected
// included.
func (c *cleaner) silent() {
	for n, e := range c.s.computers.all {
		if e == nil {
			continue
		}
		comp := e.computer
		last := comp.Contacted
		it := model.CleanupItem{Job: model.CleanupComputers, Computer: n, Reason: "its last contact was " + c.age(last)}
		if last.IsZero() {
			last = comp.FirstSeen
			it.Reason = fmt.Sprintf("it never made contact and became known %s", c.age(last))
		}
		switch {
		case comp.Local:
			it.Saved, it.Reason = true, "it is the computer that this store manages itself"
		case c.now.Sub(last) < model.CleanupContact:
			it.Saved, it.Reason = true, it.Reason+", less than 30"
		}
		c.items = append(c.items, it)
	}
}
