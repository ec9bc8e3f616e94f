package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// keptDays is how many days the trend holds: a year, and what a year is compared
// with. Each is some 40 bytes.
const keptDays = 400

// CountDay counts how update management stands now. The numbers are those of the
// queries `class:security (needed:>0 or failed:>0)`, `needed:>0` and so on.
func (s *Snapshot) CountDay(now time.Time) model.DayCount {
	c := model.DayCount{Day: model.DayOf(now)}
	if !s.loaded {
		return c
	}
	open, ix := s.open(), index{s}
	needed, failed := roaring.AndNot(open.sets[query.CountedNeeded], s.unseen), roaring.AndNot(open.sets[query.CountedFailed], s.unseen)
	either := roaring.Or(needed, failed)
	security := roaring.And(either, ix.Class(model.ClassSecurity))
	c.Needed, c.Failed, c.Security = int(needed.GetCardinality()), int(failed.GetCardinality()), int(security.GetCardinality())
	c.Undecided = int(roaring.AndNot(either, ix.Approved(model.ActionInstall)).GetCardinality())
	c.SecurityComputers = int(s.needingAny(security).GetCardinality())
	forEach(security, func(n uint32) {
		needs, fails, _ := ix.Needing(n, model.GroupAll)
		c.SecurityPairs += needs + fails
	})
	split := s.Split(model.GroupAll)
	for state, n := range split {
		c.Managed += n
		if model.ComputerState(state) != model.ComputerNoStatus {
			c.Known += n
		}
	}
	return c
}

// Trend gives the counts of past days and of this one as far as it was counted,
// the oldest first. Days on which nothing was counted are not among them.
func (s *Snapshot) Trend() []model.DayCount { return s.trend }

// RecordDay counts how update management stands and keeps it as the count of the
// day; what was counted before on the same day gives way. It writes nothing when
// the count is what is kept already, and nothing while there is no computer to
// count: a trend that begins with zeros would tell of a site in order. The zone
// of now says where days begin.
func (s *Store) RecordDay(ctx context.Context, now time.Time) error {
	if c := s.Snapshot().CountDay(now); c.Managed == 0 || s.Snapshot().counted(c) {
		return nil
	}
	return s.do(ctx, func(d *draft) error {
		c := d.CountDay(now)
		if d.counted(c) {
			return nil
		}
		// A clock that was wrong for a while may have left days of the future: what
		// is dropped is what is oldest, never what is beyond a date.
		i, found := slices.BinarySearchFunc(d.trend, c.Day, byDay)
		next := slices.Clone(d.trend)
		if found {
			next[i] = c
		} else {
			next = slices.Insert(next, i, c)
		}
		for len(next) > keptDays {
			d.delete(keyDay(next[0].Day))
			next = next[1:]
		}
		d.trend = next
		return d.put(keyDay(c.Day), c)
	})
}

func byDay(c model.DayCount, day int32) int { return cmp.Compare(c.Day, day) }

// counted says whether a count is the one that is kept of its day.
func (s *Snapshot) counted(c model.DayCount) bool {
	i, found := slices.BinarySearchFunc(s.trend, c.Day, byDay)
	return found && s.trend[i] == c
}

// trend checks the counts of days: one record a day, and memory holds them all.
func (c *checker) trend() {
	n := visit(c, kindDay, func(key []byte, day *model.DayCount) {
		if day.Day != int32(number32(key)) {
			c.problem("the count of day %d says that it is of day %d", number32(key), day.Day)
		}
		if !c.snap.counted(*day) {
			c.problem("the count of %s differs between memory and disk", day.Date().Format(time.DateOnly))
		}
	})
	c.checked("days of the trend", n)
	c.equal("days of the trend", n, len(c.snap.trend))
}
