package simulation

import (
	"slices"
	"testing"
	"time"

	"fettle/model"
)

func TestFleetLivesOn(t *testing.T) {
	o := Options{Seed: 13, Updates: 1500, Computers: 100, Groups: 30, Span: 90 * day, Ahead: 30 * day}
	s, sum := filled(t, o)
	f := sum.Fleet
	from := f.Options.Until
	before := s.Snapshot()
	// Where Automatic Updates are disabled, nothing is installed.
	disabled := map[*Computer][]place{}
	for _, c := range f.Computers {
		if c.policy(before).Mode == model.ModeDisabled && len(c.Facts.Pending) == 0 {
			disabled[c] = slices.Clone(c.places)
		}
	}
	lived, err := Live(t.Context(), s, f, from, from.Add(15*day))
	if err != nil {
		t.Fatal(err)
	}
	for c, places := range disabled {
		if !slices.Equal(places, c.places) {
			t.Errorf("%s installed something, although Automatic Updates are disabled there", c.Facts.Name)
		}
	}
	if len(disabled) == 0 {
		t.Error("no computer has Automatic Updates disabled")
	}
	verify(t, s)
	if lived.Runs == 0 || lived.Decisions == 0 || lived.Installs == 0 || lived.Restarts == 0 || lived.Failures == 0 || lived.Downloads == 0 {
		t.Errorf("too little happened: %+v", lived)
	}
	snap := s.Snapshot()
	if snap.LastUpdate() <= before.LastUpdate() {
		t.Error("nothing new was published")
	}
	// Each computer that is there checks in every 17.6 to 22 hours.
	if lived.CheckIns < 80*15*24/22 {
		t.Errorf("%d check-ins of 100 computers in 15 days", lived.CheckIns)
	}
	for _, c := range f.Computers {
		// What the store holds is what the computer reported, and nothing else.
		st := f.Status(c)
		if st == nil {
			continue
		}
		kept, err := s.Status(c.Facts.Number)
		if err != nil {
			t.Fatal(err)
		}
		if digestOf(t, kept) != digestOf(t, st) {
			t.Errorf("the store's status of %s is not what it reported", c.Facts.Name)
		}
		// A deadline that passed before the last contact was kept, in every mode
		// but disabled (semantics 1.5).
		policy := c.policy(snap)
		if policy.Mode == model.ModeDisabled || len(c.held) > 0 || c.Facts.Contacted.Before(from.Add(10*day)) {
			continue
		}
		for _, n := range slices.Concat(st.Needed, st.Downloaded) {
			e := snap.Effective(c.Facts.Number, n)
			if !e.Approved() || e.Deadline.IsZero() || !e.Deadline.Before(c.Facts.Contacted) || snap.Deployment(e.Deployment).Time.After(c.Facts.Contacted) {
				continue
			}
			if waitsInLine(f, c, n) {
				continue
			}
			t.Errorf("%s did not keep the deadline %s of update %d (contact %s, mode %s)", c.Facts.Name, e.Deadline, n, c.Facts.Contacted, policy.Mode)
		}
	}
}

// waitsInLine says whether a newer update of the same line failed or waits for
// a restart: the older ones are not tried beside it.
func waitsInLine(f *Fleet, c *Computer, n uint32) bool {
	l := f.Catalogue.offers[n].line
	for m, st := range c.marks {
		if f.Catalogue.offers[m].line == l && m > n && (st == model.StateFailed || st == model.StateInstalledPendingReboot) {
			return true
		}
	}
	return false
}

// TestApprovalAloneChangesNoState: an approval for everybody, with a deadline
// in the past, changes nothing until computers check in (semantics 7.2).
func TestApprovalAloneChangesNoState(t *testing.T) {
	s, sum := filled(t, Options{Seed: 19, Updates: 600, Computers: 40, Span: 60 * day})
	f := sum.Fleet
	snap := s.Snapshot()
	var list []uint32
	for _, r := range snap.Updates() {
		if r.Flags&(model.FlagDeclined|model.FlagExpired|model.FlagWithdrawn|model.FlagLicence|model.FlagInput) == 0 && snap.Counts(r.Number, model.GroupAll).Needed > 0 {
			list = append(list, r.Number)
		}
	}
	now := s.Now()
	c := model.Change{Kind: model.ChangeApprove, Updates: list, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: now.Add(-time.Hour)}}}
	if _, err := s.Make(t.Context(), c, amara); err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if a, b := snap.Counts(n, model.GroupAll), s.Snapshot().Counts(n, model.GroupAll); a != b {
			t.Fatalf("update %d: %+v before the approval, %+v after", n, a, b)
		}
	}
	lived, err := Live(t.Context(), s, f, now, now.Add(2*day))
	if err != nil {
		t.Fatal(err)
	}
	if lived.Installs < len(list) {
		t.Errorf("%d updates were due everywhere, and only %d installations followed", len(list), lived.Installs)
	}
}
