package command

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/store"
)

// A percentage without its base misleads, and so does an unknown without its
// reason (semantics 3.6, 3.7). This file has the words for both, so that every
// command says them in the same way.

// unknowns counts what has no status, by why.
type unknowns struct{ never, stale, newer int }

func (u *unknowns) add(why model.UnknownReason, n int) {
	switch why {
	case model.UnknownNeverReported:
		u.never += n
	case model.UnknownStale:
		u.stale += n
	default:
		u.newer += n
	}
}

func (u unknowns) object() object {
	return object{{key: "never_reported", value: u.never}, {key: "stale", value: u.stale}, {key: "newer_than_report", value: u.newer}}
}

// text says how many are unknown and why; empty when none is.
func (u unknowns) text() string {
	var parts []string
	for _, x := range []struct {
		n    int
		word string
	}{{u.never, "never reported"}, {u.stale, "silent for 30 days"}, {u.newer, "newer than the last report"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", x.word, x.n))
		}
	}
	return strings.Join(parts, ", ")
}

// unknownOf counts the computers of a set that have no status for an update, by
// why.
func unknownOf(snap *store.Snapshot, update uint32, scope *roaring.Bitmap, now time.Time) (u unknowns) {
	if r := snap.Row(update); r == nil || r.Has(model.FlagDeclined) {
		return u // a declined update has no status at all
	}
	for it := scope.Iterator(); it.HasNext(); {
		if c := it.Next(); snap.State(c, update) == model.StateUnknown {
			u.add(snap.Unknown(c, now), 1)
		}
	}
	return u
}

// unknownComputers counts the computers of a group without status, by why.
func unknownComputers(snap *store.Snapshot, group model.GroupID, now time.Time) (u unknowns) {
	for it := snap.Members(group).Iterator(); it.HasNext(); {
		if c := it.Next(); snap.ComputerState(c) == model.ComputerNoStatus {
			u.add(snap.Unknown(c, now), 1)
		}
	}
	return u
}

// share is a percentage for programs: nil where there is nothing to take it of.
func share(part, whole int) any {
	if whole == 0 {
		return nil
	}
	return percent(100 * float64(part) / float64(whole))
}

// shareText is a percentage with its base.
func shareText(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%s of %d", percentWord(part, whole), whole)
}

func percentWord(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return strconv.FormatFloat(percent(100*float64(part)/float64(whole)), 'f', -1, 64) + " %"
}

// countsAmong counts an update's states on the computers of a set.
func countsAmong(snap *store.Snapshot, update uint32, scope *roaring.Bitmap) model.Counts {
	c := model.Counts{Computers: int(scope.GetCardinality())}
	for it := scope.Iterator(); it.HasNext(); {
		switch snap.State(it.Next(), update) {
		case model.StateUnknown:
			c.Unknown++
		case model.StateNotApplicable:
			c.NotApplicable++
		case model.StateNotInstalled:
			c.Needed++
		case model.StateDownloaded:
			c.Needed++
			c.Downloaded++
		case model.StateInstalled:
			c.Installed++
		case model.StateFailed:
			c.Failed++
		case model.StateInstalledPendingReboot:
			c.Needed++
			c.Pending++
		}
	}
	return c
}

// approvedFor gives the computers for which an update is approved for
// installation.
func approvedFor(snap *store.Snapshot, update uint32, scope *roaring.Bitmap) *roaring.Bitmap {
	all := roaring.New()
	for _, o := range snap.Outcomes(update, scope) {
		if o.Approved() {
			all.Or(o.Computers)
		}
	}
	return all
}

// approvedTotals counts a computer's updates by state, of those only that are
// approved for it: the other base of semantics 3.6.
func approvedTotals(snap *store.Snapshot, computer uint32) (t model.UpdateTotals, base int) {
	for _, n := range snap.Approved(computer) {
		r := snap.Row(n)
		if r == nil || r.Has(model.FlagDeclined) {
			continue
		}
		base++
		switch snap.State(computer, n) {
		case model.StateUnknown:
			t.Unknown++
		case model.StateNotInstalled, model.StateDownloaded:
			t.Needed++
		case model.StateInstalledPendingReboot:
			t.Needed++
			t.Pending++
		case model.StateFailed:
			t.Failed++
		case model.StateInstalled:
			t.Installed++
		}
	}
	return t, base
}

func totalsObject(t model.UpdateTotals) object {
	return object{{key: "needed", value: t.Needed}, {key: "failed", value: t.Failed}, {key: "pending_restart", value: t.Pending},
		{key: "installed", value: t.Installed}, {key: "no_status", value: t.Unknown}}
}

func totalsText(t model.UpdateTotals) string {
	return fmt.Sprintf("needed: %d, failed: %d, pending restart: %d, installed: %d, no status: %d", t.Needed, t.Failed, t.Pending, t.Installed, t.Unknown)
}
