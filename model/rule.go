package model

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rule is an automatic approval rule: what arrives new, is of one of its
// classifications and matches its products is approved for its groups
// (semantics 1.6, 3.5). Revisions of known updates never trigger one.
type Rule struct {
	ID       uint64           `cbor:"1,keyasint"` // given by the store, from 1; never used twice
	Name     string           `cbor:"2,keyasint"`
	Enabled  bool             `cbor:"3,keyasint"`
	Classes  []Classification `cbor:"4,keyasint,omitempty"` // empty = all
	Products string           `cbor:"5,keyasint,omitempty"` // a query on what updates are by themselves: `product:"Debian 12"`; empty = all
	Groups   []GroupID        `cbor:"6,keyasint"`
	Deadline *RuleDeadline    `cbor:"7,keyasint,omitempty"` // nil = none
}

// The bounds of a rule's deadline (semantics 3.4).
const (
	MaxRuleDays   = 365
	MaxRuleMinute = 24*60 - 1
)

// RuleDeadline is a deadline relative to the day on which a rule approves:
// so many days later, at a time of day in the server's zone.
type RuleDeadline struct {
	Days   int `cbor:"1,keyasint"` // 0 to MaxRuleDays
	Minute int `cbor:"2,keyasint"` // after midnight, 0 to MaxRuleMinute
}

// ParseRuleDeadline reads "7d@03:00"; "7d" alone means at 03:00, when scheduled
// installations run by default.
func ParseRuleDeadline(s string) (RuleDeadline, error) {
	days, clock, timed := strings.Cut(strings.TrimSpace(strings.ToLower(s)), "@")
	d := RuleDeadline{Minute: 3 * 60}
	n, err := strconv.Atoi(strings.TrimSuffix(days, "d"))
	if err != nil || !strings.HasSuffix(days, "d") || n < 0 || n > MaxRuleDays {
		return d, fmt.Errorf("%q is not a rule's deadline; write 0 to %d days and a time of day, as in 7d@03:00", s, MaxRuleDays)
	}
	d.Days = n
	if timed {
		if d.Minute, err = ParseClock(clock); err != nil {
			return d, err
		}
	}
	return d, nil
}

// String writes the form that ParseRuleDeadline reads.
func (d RuleDeadline) String() string {
	return fmt.Sprintf("%dd@%02d:%02d", d.Days, d.Minute/60, d.Minute%60)
}

// At gives the deadline of what is approved at t, in t's zone, which is to be
// the server's. A time of day that a change to summer time skips is the first
// instant after the gap; one that comes twice is the first of the two. Nothing
// keeps a deadline of 0 days from being in the past: it then means "at the next
// check-in".
func (d RuleDeadline) At(t time.Time) time.Time {
	y, m, day := t.Date()
	return clockTime(y, m, day+d.Days, d.Minute, t.Location())
}

// Covers says whether the rule is about updates of a classification.
func (r *Rule) Covers(c Classification) bool {
	if len(r.Classes) == 0 {
		return true
	}
	for _, x := range r.Classes {
		if x == c {
			return true
		}
	}
	return false
}

// RuleRun is what one run of a rule does, or would do: the numbers that an
// administrator sees before consenting (design 6).
type RuleRun struct {
	Rule     Rule
	Updates  []uint32    // to approve, sorted
	Deadline time.Time   // zero = none
	Skipped  []RuleSkip  // matched, but left alone
	Groups   []GroupPlan // whom it concerns
	Parts    []RulePart  // which updates for which groups: one part, unless something was decided for some of the groups before
}

// RulePart is the part of a rule's run that is for the same groups.
type RulePart struct {
	Groups  []GroupID
	Updates []uint32 // sorted
}

// RuleSkip is why a rule leaves alone what it matches.
type RuleSkip struct {
	Why     string // "declined", "licence", "superseded", "expired", "withdrawn", "user input", "approved before", "decided by hand"
	Updates []uint32
}
