package model

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var triageNow = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// row is an update of the table: its identifier says what it is.
func undecided(id string, change func(*Undecided)) Undecided {
	u := Undecided{Update: &UpdateRow{ID: UpdateID(id), Class: ClassUpdate, Released: triageNow.AddDate(0, 0, -10)}, Waiting: 1, Needing: 1}
	if change != nil {
		change(&u)
	}
	return u
}

// The order of the queue, rule by rule: each is worse than the next.
func TestTriageOrder(t *testing.T) {
	want := []Undecided{
		undecided("required", func(u *Undecided) { u.Update.Flags = FlagRequired }),
		undecided("exploited and critical", func(u *Undecided) {
			u.Update.Flags, u.Update.Severity, u.Update.Class = FlagExploited, SeverityCritical, ClassSecurity
		}),
		undecided("exploited and low, though one computer waits", func(u *Undecided) { u.Update.Flags, u.Update.Severity = FlagExploited, SeverityLow }),
		undecided("exploited, no rating, one that many need", func(u *Undecided) { u.Update.Flags, u.Waiting, u.Needing = FlagExploited, 500, 500 }),
		undecided("critical", func(u *Undecided) { u.Update.Severity, u.Update.Class = SeverityCritical, ClassSecurity }),
		undecided("important", func(u *Undecided) { u.Update.Severity, u.Update.Class = SeverityImportant, ClassSecurity }),
		undecided("moderate, many", func(u *Undecided) {
			u.Update.Severity, u.Update.Class, u.Waiting = SeverityModerate, ClassSecurity, 20
		}),
		undecided("security without a rating, fewer", func(u *Undecided) { u.Update.Class, u.Waiting = ClassSecurity, 19 }),
		undecided("moderate, but no security update", func(u *Undecided) { u.Update.Severity, u.Waiting = SeverityModerate, 100 }),
		undecided("low", func(u *Undecided) { u.Update.Severity, u.Update.Class, u.Waiting = SeverityLow, ClassSecurity, 1000 }),
		undecided("critical update", func(u *Undecided) { u.Update.Class = ClassCritical }),
		undecided("needed by many", func(u *Undecided) { u.Waiting = 412 }),
		undecided("old", func(u *Undecided) { u.Waiting, u.Update.Released = 2, triageNow.AddDate(-1, 0, 0) }),
		undecided("new", func(u *Undecided) { u.Waiting, u.Update.Released = 2, triageNow }),
		undecided("without a date", func(u *Undecided) { u.Waiting, u.Update.Released = 2, time.Time{} }),
		undecided("a: all the same", nil),
		undecided("b: all the same", nil),
	}
	for i := range want {
		for j := range want {
			got := CompareUndecided(want[i], want[j])
			if i < j && got >= 0 || i > j && got <= 0 || i == j && got != 0 {
				t.Errorf("%q and %q compare as %d", want[i].Update.ID, want[j].Update.ID, got)
			}
		}
	}
}

// Sorting gives one order, whatever the order before.
func TestPropertyTriageOrderIsTotal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.Custom(func(rt *rapid.T) Undecided {
			return undecided(rapid.StringMatching(`[a-z]{1,3}`).Draw(rt, "id"), func(u *Undecided) {
				u.Update.Flags = UpdateFlags(rapid.Uint32Range(0, 1<<12-1).Draw(rt, "flags"))
				u.Update.Severity = Severity(rapid.IntRange(0, 4).Draw(rt, "severity"))
				u.Update.Class = Classification(rapid.IntRange(0, 12).Draw(rt, "class"))
				u.Waiting = rapid.IntRange(0, 3).Draw(rt, "waiting")
				if u.Update.Released = triageNow.AddDate(0, 0, -rapid.IntRange(0, 3).Draw(rt, "age")); u.Waiting == 3 {
					u.Update.Released = time.Time{}
				}
			})
		}), 0, 12, func(u Undecided) UpdateID { return u.Update.ID }).Draw(rt, "list")
		again := slices.Clone(list)
		slices.Reverse(again)
		SortUndecided(list)
		slices.SortFunc(again, CompareUndecided)
		for i := range list {
			if list[i].Update != again[i].Update {
				rt.Fatalf("at %d stand %q and %q", i, list[i].Update.ID, again[i].Update.ID)
			}
		}
	})
}

func TestTriageReasons(t *testing.T) {
	for _, c := range []struct {
		u    Undecided
		want string
	}{
		{undecided("", func(u *Undecided) {
			u.Update.Severity, u.Update.Flags, u.Waiting, u.Needing, u.Update.Released = SeverityCritical, FlagExploited, 412, 412, triageNow.AddDate(0, 0, -35)
		}), "critical, exploited, 412 computers, 35 days"},
		{undecided("", func(u *Undecided) { u.Update.Class, u.Waiting, u.Needing = ClassSecurity, 3, 5 }), "security, 3 of 5 computers, 10 days"},
		{undecided("", func(u *Undecided) { u.Update.Class, u.Failed, u.Held = ClassCritical, 1, true }), "critical update, 1 computer, failed on 1, revised, 10 days"},
		{undecided("", func(u *Undecided) { u.Update.Flags, u.Update.Released = FlagRequired, triageNow.Add(-time.Hour) }), "required, 1 computer, today"},
		{undecided("", func(u *Undecided) { u.Waiting, u.Needing, u.Replaced, u.Update.Released = 1204, 1300, 96, time.Time{} }), "1,204 computers"},
		{undecided("", func(u *Undecided) { u.Aside, u.Waiting, u.Needing, u.Replaced = AsideSuperseded, 0, 2, 2 }), "2 computers, 10 days"},
	} {
		if got := strings.Join(c.u.Reasons(triageNow), ", "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestPostponementEndsWithNews(t *testing.T) {
	p := &Postponement{Until: triageNow.AddDate(0, 0, 7), Revision: 2, Computers: 3}
	row := func(rev uint32, f UpdateFlags) *UpdateRow { return &UpdateRow{Revision: rev, Flags: f} }
	for _, c := range []struct {
		name      string
		row       *UpdateRow
		computers int
		at        time.Time
		want      bool
	}{
		{"nothing happened", row(2, 0), 3, triageNow, true},
		{"some more need it", row(2, 0), 5, triageNow, true},
		{"fewer need it", row(2, 0), 0, triageNow, true},
		{"twice as many need it", row(2, 0), 6, triageNow, false},
		{"a revision came", row(3, 0), 3, triageNow, false},
		{"it became exploited", row(2, FlagExploited), 3, triageNow, false},
		{"its time came", row(2, 0), 3, p.Until, false},
	} {
		if got := p.InForce(c.row, c.computers, c.at); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	known := &Postponement{Until: p.Until, Revision: 2, Exploited: true}
	if !known.InForce(row(2, FlagExploited), 1, triageNow) || known.InForce(row(2, FlagExploited), 2, triageNow) {
		t.Error("an update that was exploited when it was postponed, and that nobody needed, stays until two computers need it")
	}
}

func TestParseLater(t *testing.T) {
	zone := time.FixedZone("test", 2*3600)
	now := triageNow.In(zone)
	for text, want := range map[string]time.Time{
		"36h": now.Add(36 * time.Hour), "7d": now.AddDate(0, 0, 7), "2w": now.AddDate(0, 0, 14), " 1d ": now.AddDate(0, 0, 1),
		"2026-12-01": time.Date(2026, 12, 1, 0, 0, 0, 0, zone), "2026-12-01T18:00": time.Date(2026, 12, 1, 18, 0, 0, 0, zone),
	} {
		if got, err := ParseLater(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "0d", "-1d", "367d", "99999999999999999999d", "soon", "2026-11-22", "2026-11-21T10:00", "2030-01-01", "7x", "\x1b[2J"} {
		if got, err := ParseLater(text, now); err == nil || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

func TestEmptyTriageSaysWhy(t *testing.T) {
	later := &Postponement{Until: triageNow.AddDate(0, 0, 3)}
	for want, tr := range map[string]*Triage{
		"nothing was synchronized":                    {},
		"No computer is known to need an update":      {Selected: 9},
		"Everything is decided: 2 updates are needed": {Selected: 9, Open: 2},
		"the first comes back 2026-11-25 07:00":       {Selected: 9, Open: 1, Aside: []Undecided{{Aside: AsideLater, Later: later}}},
		"1 update is superseded by others":            {Selected: 9, Open: 1, Aside: []Undecided{{Aside: AsideSuperseded}}},
		"needed, but withdrawn or expired":            {Selected: 9, Open: 1, Aside: []Undecided{{Aside: AsideUnavailable}}},
	} {
		if got := strings.Join(tr.Empty(time.UTC), " "); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
