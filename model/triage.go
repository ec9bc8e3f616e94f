package model

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Triage is what an administrator is to decide, worst first, as one snapshot of
// the store has it.
type Triage struct {
	Queue    []Undecided
	Aside    []Undecided // needed too, but left out of the queue, each with its reason
	Waiting  int         // computers that wait for the decision of at least one update of the queue
	Open     int         // updates that at least one computer needs, decided ones included
	Selected int         // updates of the catalogue that can be in the queue at all
}

// Undecided is one update that at least one computer needs, or failed to
// install, and for which no decision is in effect on all of these.
type Undecided struct {
	Update   *UpdateRow
	Waiting  int  // computers that need it, or failed, and for which nothing is decided
	Needing  int  // all computers that need it, or failed to install it
	Failed   int  // of those that wait, on how many it failed
	Replaced int  // of those that need it, on how many an update that supersedes it is to be decided instead
	Held     bool // an approval is held back at an older revision: approving again moves it

	Aside AsideReason   // why it is not in the queue
	By    *UpdateRow    // with AsideSuperseded: what is to be decided instead
	Later *Postponement // with AsideLater: until when, and by whom
}

// AsideReason says why an update that is needed is left out of the queue.
type AsideReason uint8

// The reasons. What is declined or outside the selection is not needed as far as
// lists and counts go, so that it is in neither.
const (
	AsideNot         AsideReason = iota // it is in the queue
	AsideSuperseded                     // wherever it is needed, another that supersedes it is needed too: that one is decided
	AsideLater                          // an administrator postponed it
	AsideUnavailable                    // withdrawn or expired: nobody can install it any more
)

// String is the word that programs get.
func (a AsideReason) String() string {
	return [...]string{"", "superseded", "later", "unavailable"}[min(int(a), 3)]
}

// Decided is on how many of the computers that need it something is decided
// already: it is approved, or refused, for their groups, but not for all.
func (u Undecided) Decided() int { return max(0, u.Needing-u.Waiting-u.Replaced) }

// rating is the severity that counts in triage. A vendor who rates nothing, as
// Debian, does not say that a security update is harmless: one without a rating
// stands with the moderate ones, before what was called low (ours).
func rating(r *UpdateRow) Severity {
	if r.Severity == SeverityUnspecified && r.Class == ClassSecurity {
		return SeverityModerate
	}
	return r.Severity
}

// classRank orders the classifications where severities are equal: what protects
// first, then what repairs something critical (semantics 4), then the rest.
func classRank(c Classification) int {
	switch c {
	case ClassSecurity:
		return 2
	case ClassCritical:
		return 1
	}
	return 0
}

// CompareUndecided is the order of the queue, worst first:
//
//  1. updates of Fettle itself: until they are approved, approving others warns;
//  2. what is exploited before what is not;
//  3. the higher severity; a security update without a rating counts as moderate;
//  4. security updates, then critical updates, then all others;
//  5. what more computers wait for;
//  6. what was published earlier; what has no date comes last;
//  7. the identifier, so that the order never depends on chance.
//
// Exploitation stands over severity because that is how administrators decide
// what cannot wait for the next window; how many computers wait comes after what
// the vendor says, or one update for every desktop would hide the hole in the one
// server that faces the world.
func CompareUndecided(a, b Undecided) int {
	x, y := a.Update, b.Update
	first := func(p, q bool) int {
		switch {
		case p == q:
			return 0
		case p:
			return -1
		}
		return 1
	}
	return cmp.Or(
		first(x.Has(FlagRequired), y.Has(FlagRequired)),
		first(x.Has(FlagExploited), y.Has(FlagExploited)),
		-cmp.Compare(rating(x), rating(y)),
		-cmp.Compare(classRank(x.Class), classRank(y.Class)),
		-cmp.Compare(a.Waiting, b.Waiting),
		compareDeadlines(x.Released, y.Released), // the earlier first, none last
		cmp.Compare(x.ID, y.ID),
	)
}

// Reasons says in words why the update is where it is in the queue, the weightiest
// first: "critical", "exploited", "412 computers", "35 days".
func (u Undecided) Reasons(now time.Time) []string {
	r := u.Update
	var out []string
	add := func(cond bool, text string) {
		if cond {
			out = append(out, text)
		}
	}
	add(r.Has(FlagRequired), "required")
	add(r.Severity != SeverityUnspecified, r.Severity.String())
	add(r.Has(FlagExploited), "exploited")
	// "critical" is a severity; the classification of that name needs its noun.
	add(r.Class == ClassSecurity && r.Severity == SeverityUnspecified, "security")
	add(r.Class == ClassCritical, "critical update")
	switch {
	case u.Aside == AsideSuperseded, u.Aside == AsideLater, u.Aside == AsideUnavailable:
		out = append(out, computers(u.Needing))
	case u.Decided() > 0:
		// An update that is approved for one group and needed in another is still to
		// be decided there: the row must say that it is not all of them.
		out = append(out, fmt.Sprintf("%s of %s", Number(u.Waiting), computers(u.Needing)))
	default:
		out = append(out, computers(u.Waiting))
	}
	add(u.Failed > 0, "failed on "+Number(u.Failed))
	add(u.Held, "revised")
	if !r.Released.IsZero() {
		out = append(out, age(now.Sub(r.Released)))
	}
	return out
}

// AsideWords says why the update is left out of the queue.
func (u Undecided) AsideWords(zone *time.Location) string {
	switch u.Aside {
	case AsideSuperseded:
		if u.By != nil {
			return "superseded by " + Clean(u.By.Title)
		}
		return "superseded"
	case AsideLater:
		if u.Later != nil {
			return fmt.Sprintf("later: %s, by %s", u.Later.Until.In(zone).Format("2006-01-02 15:04"), Clean(u.Later.Who))
		}
	case AsideUnavailable:
		if u.Update.Has(FlagWithdrawn) {
			return "withdrawn: its archive no longer offers it"
		}
		return "expired: its publisher no longer stands behind it"
	}
	return ""
}

// CountAside counts what was left out of the queue for a reason.
func (t *Triage) CountAside(why AsideReason) (n int) {
	for _, u := range t.Aside {
		if u.Aside == why {
			n++
		}
	}
	return n
}

// AsideSummary says in words how many were left out, and why; empty = none.
func (t *Triage) AsideSummary() string {
	var parts []string
	for _, w := range []struct {
		why  AsideReason
		word string
	}{{AsideSuperseded, "superseded"}, {AsideLater, "for later"}, {AsideUnavailable, "withdrawn or expired"}} {
		if n := t.CountAside(w.why); n > 0 {
			parts = append(parts, Number(n)+" "+w.word)
		}
	}
	return strings.Join(parts, ", ")
}

// Empty says why nothing is to be decided, in sentences.
func (t *Triage) Empty(zone *time.Location) []string {
	var out []string
	switch decided := t.Open - len(t.Aside); {
	case t.Selected == 0:
		return []string{"The catalogue is empty: nothing was synchronized yet."}
	case t.Open == 0:
		return []string{"No computer is known to need an update."}
	case decided > 0:
		out = append(out, fmt.Sprintf("Everything is decided: %s needed, and approved or refused wherever that is so.", Counted(decided, "update is", "updates are")))
	default:
		out = append(out, "Nothing is left to decide now.")
	}
	var first *Postponement
	for _, u := range t.Aside {
		if u.Later != nil && u.Aside == AsideLater && (first == nil || u.Later.Until.Before(first.Until)) {
			first = u.Later
		}
	}
	if n := t.CountAside(AsideLater); n > 0 {
		out = append(out, fmt.Sprintf("%s postponed; the first comes back %s.", Counted(n, "update is", "updates are"), first.Until.In(zone).Format("2006-01-02 15:04")))
	}
	if n := t.CountAside(AsideSuperseded); n > 0 {
		out = append(out, fmt.Sprintf("%s superseded by others that are decided or postponed.", Counted(n, "update is", "updates are")))
	}
	if n := t.CountAside(AsideUnavailable); n > 0 {
		out = append(out, fmt.Sprintf("%s needed, but withdrawn or expired: nobody can install it any more.", Counted(n, "update is", "updates are")))
	}
	return out
}

// Postponement says that an update is to be decided later, and what was known of
// it when that was said.
type Postponement struct {
	Update    uint32    `cbor:"1,keyasint"`
	Until     time.Time `cbor:"2,keyasint"`
	Time      time.Time `cbor:"3,keyasint"` // when it was said
	Who       string    `cbor:"4,keyasint"`
	Revision  uint32    `cbor:"5,keyasint"`
	Exploited bool      `cbor:"6,keyasint,omitempty"`
	Computers int       `cbor:"7,keyasint,omitempty"` // that needed it, or failed
}

// DefaultLater is for how long an update is postponed where nobody says: the
// length of an administrator's round.
const DefaultLater = 7 * 24 * time.Hour

// MaxLater is the longest postponement. Who does not want to see an update for
// longer declines it, which is seen in lists.
const MaxLater = 366 * 24 * time.Hour

// InForce says whether the update stays out of the queue: its time has not come
// and nothing new happened to it. A new revision, that it became known to be
// exploited, and that at least twice as many computers need it than when it was
// postponed are new.
func (p *Postponement) InForce(r *UpdateRow, computers int, now time.Time) bool {
	return now.Before(p.Until) && p.News(r, computers) == ""
}

// News says what happened to a postponed update since; empty = nothing.
func (p *Postponement) News(r *UpdateRow, computers int) string {
	switch {
	case r.Has(FlagExploited) && !p.Exploited:
		return "it became exploited"
	case r.Revision != p.Revision:
		return "a new revision came"
	case computers >= 2*max(1, p.Computers):
		return "at least twice as many computers need it"
	}
	return ""
}

// ParseLater reads until when something is postponed: a length of time such as
// 36h, 7d or 2w, or a date, which is its beginning in the zone of now, with or
// without a clock time.
func ParseLater(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	units := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if n := len(text); n > 1 && units[text[n-1]] > 0 {
		if k, err := strconv.Atoi(text[:n-1]); err == nil {
			most := int(MaxLater / units[text[n-1]])
			if k < 1 || k > most {
				return time.Time{}, fmt.Errorf("%s is not between 1%c and %d%c; who never wants to see an update declines it", Clean(text), text[n-1], most, text[n-1])
			}
			if text[n-1] == 'h' {
				return now.Add(time.Duration(k) * time.Hour), nil
			}
			// Days are those of the calendar, whatever summer time does.
			return now.AddDate(0, 0, k*int(units[text[n-1]]/units['d'])), nil
		}
	}
	for _, form := range []string{"2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04", time.RFC3339} {
		t, err := time.ParseInLocation(form, text, now.Location())
		switch {
		case err != nil:
			continue
		case !t.After(now):
			return time.Time{}, fmt.Errorf("%s has passed", Clean(text))
		case t.Sub(now) > MaxLater:
			return time.Time{}, fmt.Errorf("%s is more than a year away; who never wants to see an update declines it", Clean(text))
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a length of time such as 7d nor a date such as 2026-12-01", Clean(text))
}

// SortUndecided sorts a queue, worst first. What most comparisons decide is put
// into one number first: thousands of updates are sorted after every change that
// somebody looks at.
func SortUndecided(list []Undecided) {
	type place struct {
		worst uint64 // more is worse: the first five steps of CompareUndecided
		since int64  // when it was published: the sixth
		at    int32
	}
	places := make([]place, len(list))
	for i := range list {
		r := list[i].Update
		worst := uint64(rating(r))<<34 | uint64(classRank(r.Class))<<32 | uint64(min(max(list[i].Waiting, 0), 1<<32-1))
		if r.Has(FlagExploited) {
			worst |= 1 << 40
		}
		if r.Has(FlagRequired) {
			worst |= 1 << 41
		}
		since := int64(math.MaxInt64)
		if !r.Released.IsZero() {
			since = r.Released.Unix()
		}
		places[i] = place{worst, since, int32(i)}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.worst != b.worst {
			return -cmp.Compare(a.worst, b.worst)
		}
		if a.since != b.since {
			return cmp.Compare(a.since, b.since)
		}
		return CompareUndecided(list[a.at], list[b.at])
	})
	sorted := make([]Undecided, len(list))
	for i, p := range places {
		sorted[i] = list[p.at]
	}
	copy(list, sorted)
}

func computers(n int) string { return Counted(n, "computer", "computers") }

// age writes how old something is in days: hours are of no matter to what is
// decided once a morning.
func age(d time.Duration) string {
	switch days := int(d.Hours() / 24); {
	case days < 1:
		return "today"
	default:
		return Counted(days, "day", "days")
	}
}
