package store

import (
	"fmt"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// Triage gives the queue of what is to be decided: what managed computers need,
// or failed to install, and what nobody has decided for all of them (docs/rules.md).
// It looks at open updates only, and at what groups say of them by kinds of
// updates, so that its cost is that of what is needed, not of the catalogue.
func (s *Snapshot) Triage(now time.Time) *model.Triage {
	listed := s.listing().numbers
	t := &model.Triage{Selected: int(listed.GetCardinality() - listed.AndCardinality(s.declined))}
	x := s.open()
	open := roaring.Or(x.sets[query.CountedNeeded], x.sets[query.CountedFailed])
	open.AndNot(s.unseen)
	t.Queue = make([]model.Undecided, 0, open.GetCardinality()/2)
	idle := s.managed.Clone() // who waits for nothing: soon few, so that taking away is cheap
	j := s.judge(open)
	for _, k := range j.kinds {
		forEach(k.updates, func(n uint32) {
			u, waiting, ok := j.weigh(n, k.standing, now)
			if !ok {
				return
			}
			t.Open++
			switch {
			case u.Aside != model.AsideNot:
				t.Aside = append(t.Aside, u)
			case u.Waiting > 0:
				t.Queue = append(t.Queue, u)
				for _, b := range waiting {
					if b != nil && b.Intersects(idle) {
						idle.AndNot(b)
					}
				}
			}
		})
	}
	model.SortUndecided(t.Queue)
	model.SortUndecided(t.Aside)
	t.Waiting = int(s.managed.GetCardinality() - idle.GetCardinality())
	return t
}

// Undecided gives the update as triage has it, and the computers that wait for
// its decision; ok is false when no computer needs it.
func (s *Snapshot) Undecided(update uint32, now time.Time) (u model.Undecided, waiting *roaring.Bitmap, ok bool) {
	if s.Row(update) == nil || s.hidden(update) {
		return u, roaring.New(), false
	}
	of := roaring.BitmapOf(append([]uint32{update}, s.SupersededBy(update)...)...)
	of.AndNot(s.unseen)
	j := s.judge(of)
	for _, k := range j.kinds {
		if k.updates.Contains(update) {
			u, sets, ok := j.weigh(update, k.standing, now)
			return u, roaring.FastOr(sets.append(nil)...), ok
		}
	}
	return u, roaring.New(), false
}

// standing is how far something is decided about updates of which all groups say
// the same.
type standing struct {
	undecided *roaring.Bitmap // nothing is said, or what is said belongs to an older revision
	held      *roaring.Bitmap // of these, the latter; nil = none
	refused   *roaring.Bitmap // somebody said no: Not Approved, or to be uninstalled; nil = nowhere
}

// judgement is the standings of some updates.
type judgement struct {
	s       *Snapshot
	kinds   []alike
	refused map[uint32]*roaring.Bitmap // by update, where somebody said no
}

type alike struct {
	updates *roaring.Bitmap
	*standing
}

// judge finds out how the updates stand.
func (s *Snapshot) judge(updates *roaring.Bitmap) *judgement {
	j := &judgement{s: s, refused: map[uint32]*roaring.Bitmap{}}
	if updates.IsEmpty() {
		return j
	}
	for _, k := range s.kinds(s, updates, s.heldAmong(updates)) {
		st := s.standing(k.before)
		j.kinds = append(j.kinds, alike{k.updates, st})
		if st.refused != nil {
			forEach(k.updates, func(n uint32) { j.refused[n] = st.refused })
		}
	}
	return j
}

// standing divides the managed computers by what approvals say on them.
func (s *Snapshot) standing(approvals []model.Approval) *standing {
	if len(approvals) == 0 {
		return &standing{undecided: s.managed}
	}
	st := &standing{undecided: roaring.New()}
	add := func(to **roaring.Bitmap, set *roaring.Bitmap) {
		if *to == nil {
			*to = roaring.New()
		}
		(*to).Or(set)
	}
	for _, o := range s.outcomes(approvals, false, s.managed) {
		switch {
		case o.Group == "":
			st.undecided.Or(o.Computers)
		case o.Stale && binding(o.Action):
			st.undecided.Or(o.Computers)
			add(&st.held, o.Computers)
		case o.Action != model.ActionInstall:
			add(&st.refused, o.Computers)
		}
	}
	return st
}

// needs are the computers where an update is to be installed: those where it is
// needed and those where it failed. Where it is installed and only waits for a
// restart there is nothing left to decide. A computer is in one of the sets at
// most; nil ones are empty, and none may be changed. They are not put together,
// because that would cost more than all else for what thousands of computers need.
type needs [3]*roaring.Bitmap

func (t *tally) needs() needs {
	if t == nil {
		return needs{}
	}
	return needs{t.needed, t.downloaded, t.failed}
}

// failedAt is the place of the computers where the update failed.
const failedAt = 2

func (n needs) count() (sum int) {
	for _, b := range n {
		if b != nil {
			sum += int(b.GetCardinality())
		}
	}
	return sum
}

// append adds the sets that there are to a list.
func (n needs) append(to []*roaring.Bitmap) []*roaring.Bitmap {
	for _, b := range n {
		if b != nil {
			to = append(to, b)
		}
	}
	return to
}

// and leaves the computers that are in a set, without those that are not leaves
// the others. Most often it is all or none of them, for which nothing is made.
func (n needs) and(set *roaring.Bitmap) needs {
	for i, b := range n {
		if b == nil {
			continue
		}
		switch b.AndCardinality(set) {
		case 0:
			n[i] = nil
		case b.GetCardinality():
		default:
			n[i] = roaring.And(b, set)
		}
	}
	return n
}

func (n needs) without(set *roaring.Bitmap) needs {
	for i, b := range n {
		if b == nil {
			continue
		}
		switch b.AndCardinality(set) {
		case 0:
		case b.GetCardinality():
			n[i] = nil
		default:
			n[i] = roaring.AndNot(b, set)
		}
	}
	return n
}

// weigh says how an update stands in triage, and which computers wait for it.
func (j *judgement) weigh(n uint32, st *standing, now time.Time) (model.Undecided, needs, bool) {
	s := j.s
	waiting := s.tallies.at(n).needs()
	u := model.Undecided{Update: s.Row(n), Needing: waiting.count()}
	if u.Needing == 0 {
		return u, waiting, false
	}
	before := u.Needing
	if st.undecided != s.managed {
		waiting = waiting.and(st.undecided)
		if before = waiting.count(); before == 0 {
			return u, waiting, true // decided
		}
	}
	u.Waiting = before
	if u.Update.Has(model.FlagSuperseded) {
		waiting, u.By = j.replaced(n, waiting)
		u.Waiting = waiting.count()
	}
	u.Replaced = before - u.Waiting
	if failed := waiting[failedAt]; failed != nil {
		u.Failed = int(failed.GetCardinality())
	}
	u.Held = st.held != nil && waiting.and(st.held).count() > 0
	p := s.postponed[n]
	switch {
	case u.Waiting == 0:
		u.Aside = model.AsideSuperseded
	case u.Update.Flags&(model.FlagWithdrawn|model.FlagExpired) != 0:
		u.Aside = model.AsideUnavailable
	case p != nil && p.InForce(u.Update, u.Needing, now):
		u.Aside = model.AsideLater
	}
	u.Later = p
	if u.Aside != model.AsideSuperseded {
		u.By = nil
	}
	return u, waiting, true
}

// replaced takes away the computers on which an update that supersedes this one
// is needed too: there that one is decided, was decided or was postponed, and
// when it is installed this one is needed no more. A successor may cover fewer
// computers (semantics 3.8), so that this is a matter of each computer; one that
// is declined, or that somebody refused for a computer, replaces nothing there.
func (j *judgement) replaced(n uint32, waiting needs) (needs, *model.UpdateRow) {
	s := j.s
	var first *model.UpdateRow
	left := waiting.count()
	for _, by := range s.SupersededBy(n) {
		r, t := s.Row(by), s.tallies.at(by)
		if t == nil || r == nil || s.hidden(by) || !offered(r) {
			continue
		}
		for _, there := range []*roaring.Bitmap{t.needed, t.downloaded, t.failed, t.pending} {
			if there == nil {
				continue
			}
			if refused := j.refused[by]; refused != nil {
				there = roaring.AndNot(there, refused)
			}
			waiting = waiting.without(there)
		}
		if now := waiting.count(); now < left {
			if left = now; first == nil {
				first = r
			}
		}
		if left == 0 {
			break
		}
	}
	return waiting, first
}

// Postponement gives the postponement of an update, in force or not.
func (s *Snapshot) Postponement(update uint32) (model.Postponement, bool) {
	if p := s.postponed[update]; p != nil {
		return *p, true
	}
	return model.Postponement{}, false
}

// Postponed says whether an update is to be decided later.
func (s *Snapshot) Postponed(update uint32, now time.Time) bool {
	p, r := s.postponed[update], s.Row(update)
	return p != nil && r != nil && p.InForce(r, s.tallies.at(update).needs().count(), now)
}

// mostPostponed is how many updates are postponed at once: a change is one
// transaction, and nobody looks at more of them again in a week.
const mostPostponed = 10_000

// checkPostpone refuses what would postpone nothing, or for ever.
func (s *Snapshot) checkPostpone(c model.Change) error {
	now := s.store.Now()
	refuse := func(code, why, remedy string) error {
		return &model.Refusal{Code: code, What: "Nothing was postponed", Why: why, Remedy: remedy}
	}
	for _, p := range c.Postponed {
		if s.rows.at(p.Update) == nil {
			return fmt.Errorf("update %d: %w", p.Update, ErrNotFound)
		}
	}
	switch {
	case len(c.Updates)+len(c.Postponed) == 0:
		return refuse("nothing", "no update was named", "")
	case len(c.Updates)+len(c.Postponed) > mostPostponed:
		return refuse("many", fmt.Sprintf("%d updates are more than the %d that are postponed at once", len(c.Updates), mostPostponed), "narrow the query, or decline what nobody wants to see")
	case c.Kind == model.ChangeResume || len(c.Updates) == 0:
		return nil
	case !c.Until.After(now):
		return refuse("past", "its time has passed", "fettle later ID --until 7d")
	case c.Until.Sub(now) > model.MaxLater+24*time.Hour:
		return refuse("far", "more than a year is for ever", "fettle decline ID")
	}
	for _, n := range c.Updates {
		if r := s.Row(n); r.Has(model.FlagDeclined) {
			return refuse("declined", model.Clean(r.Title)+" is declined", "fettle reinstate "+quoteArg(string(r.ID)))
		}
	}
	return nil
}

// postpone writes postponements, or ends them. What was known of an update is
// kept with it, so that news ends a postponement. The inverse brings the
// postponements of before back as they were.
func (d *draft) postpone(c *model.Change, by model.Actor) (*model.Change, error) {
	postponed := make(map[uint32]*model.Postponement, len(d.postponed)+len(c.Updates))
	for n, p := range d.postponed {
		postponed[n] = p
	}
	var before []model.Postponement
	var fresh []uint32
	set := func(n uint32, p *model.Postponement) error {
		switch old := d.postponed[n]; {
		case postponed[n] != old:
			return nil // named twice
		case old != nil:
			before = append(before, *old)
		case p == nil:
			return nil
		default:
			fresh = append(fresh, n)
		}
		if p == nil {
			delete(postponed, n)
			d.delete(keyPostponed(n))
			return nil
		}
		postponed[n] = p
		return d.put(keyPostponed(n), p)
	}
	now := d.store.now()
	c.Until = c.Until.UTC().Truncate(time.Second)
	for _, n := range c.Updates {
		var p *model.Postponement
		if r := d.Row(n); c.Kind == model.ChangePostpone {
			p = &model.Postponement{Update: n, Until: c.Until, Time: now.Truncate(time.Second), Who: by.Who, Revision: r.Revision,
				Exploited: r.Has(model.FlagExploited), Computers: d.tallies.at(n).needs().count()}
		}
		if err := set(n, p); err != nil {
			return nil, err
		}
	}
	for i := range c.Postponed {
		if err := set(c.Postponed[i].Update, &c.Postponed[i]); err != nil {
			return nil, err
		}
	}
	if len(before)+len(fresh) == 0 {
		return nil, &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "none of these updates is postponed"}
	}
	d.postponed = postponed
	var steps []model.Change
	if len(fresh) > 0 {
		steps = append(steps, model.Change{Kind: model.ChangeResume, Updates: fresh})
	}
	if len(before) > 0 {
		steps = append(steps, model.Change{Kind: model.ChangePostpone, Postponed: before})
	}
	inverse := steps[0]
	inverse.Also = steps[1:]
	return &inverse, nil
}

// dropPostponed forgets the postponements of updates that cleanup removes.
func (d *draft) dropPostponed(updates []uint32) {
	var left map[uint32]*model.Postponement
	for _, n := range updates {
		if d.postponed[n] == nil {
			continue
		}
		if left == nil {
			left = make(map[uint32]*model.Postponement, len(d.postponed))
			for m, p := range d.postponed {
				left[m] = p
			}
		}
		delete(left, n)
		d.delete(keyPostponed(n))
	}
	if left != nil {
		d.postponed = left
	}
}

// planPostpone says what postponing means: nothing for any computer.
func (s *Snapshot) planPostpone(p *model.Plan, c model.Change, now time.Time) {
	if p.Updates == 0 {
		p.Updates = len(c.Postponed)
	}
	if c.Kind == model.ChangeResume {
		p.Lines = append(p.Lines, "They come back into the queue of triage where they are needed and nothing is decided.")
		return
	}
	if len(c.Postponed) > 0 {
		p.Lines = append(p.Lines, "They are postponed again as they were.")
		return
	}
	p.Lines = append(p.Lines, fmt.Sprintf("They leave the queue of triage until %s, or until something new happens to them: a new revision, they become exploited, or twice as many computers need them.", c.Until.In(now.Location()).Format("2006-01-02 15:04")),
		"Approvals stay as they are; lists and counts show the updates as ever.")
	n, settled := 0, 0
	for _, u := range c.Updates {
		r := s.Row(u)
		if r.Has(model.FlagExploited) {
			n++
		}
		if x, _, ok := s.Undecided(u, now); !ok || x.Waiting == 0 {
			settled++
		}
	}
	if n > 0 {
		p.Warnings = append(p.Warnings, model.PlanWarning{Code: "exploited", Text: fmt.Sprintf("%s on the known-exploited list", model.Counted(n, "of these updates is", "of these updates are"))})
	}
	if settled > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("%s to be decided now anyway.", model.Counted(settled, "of them is not", "of them are not")))
	}
}
