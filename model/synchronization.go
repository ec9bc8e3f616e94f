package model

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// UpstreamKind names a sort of upstream.
type UpstreamKind string

// The upstream kinds of commands.md.
const (
	UpstreamDebian     UpstreamKind = "debian"
	UpstreamMicrosoft  UpstreamKind = "microsoft"
	UpstreamWsusscn2   UpstreamKind = "wsusscn2"
	UpstreamWsusExport UpstreamKind = "wsusexport"
	UpstreamBundle     UpstreamKind = "bundle"
)

// Upstream is where part of the catalogue comes from.
type Upstream struct {
	Name     string            `cbor:"1,keyasint"`
	Kind     UpstreamKind      `cbor:"2,keyasint"`
	Location string            `cbor:"3,keyasint"` // "apt", an address or a path
	Options  map[string]string `cbor:"4,keyasint,omitempty"`
	Schedule SyncSchedule      `cbor:"5,keyasint"`
	Proxy    string            `cbor:"6,keyasint,omitempty"`
}

// SyncSchedule says when an upstream is synchronized by itself. The zero value
// means by hand only.
type SyncSchedule struct {
	PerDay int `cbor:"1,keyasint,omitempty"` // 0 = manual, else 1 to 24, evenly spaced
	First  int `cbor:"2,keyasint,omitempty"` // minutes after midnight, in the server's zone
}

// ParseSyncSchedule reads "manual" or "N/day@HH:MM".
func ParseSyncSchedule(s string) (SyncSchedule, error) {
	if s == "manual" {
		return SyncSchedule{}, nil
	}
	count, at, ok := strings.Cut(s, "/day@")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 1 || n > 24 {
		return SyncSchedule{}, fmt.Errorf("%q is not a schedule; write manual, or 1 to 24 times a day as in 2/day@03:00", s)
	}
	first, err := ParseClock(at)
	if err != nil {
		return SyncSchedule{}, err
	}
	return SyncSchedule{PerDay: n, First: first}, nil
}

// String writes the form that ParseSyncSchedule reads.
func (s SyncSchedule) String() string {
	if s.PerDay == 0 {
		return "manual"
	}
	return fmt.Sprintf("%d/day@%02d:%02d", s.PerDay, s.First/60, s.First%60)
}

// Next gives the first scheduled time strictly after t, in t's zone; zero when
// the schedule is manual. Times are evenly spaced from the first (four from
// 03:00 are 03, 09, 15 and 21).
func (s SyncSchedule) Next(t time.Time) time.Time {
	if s.PerDay == 0 {
		return time.Time{}
	}
	var best time.Time
	for i := range s.PerDay {
		at := WeekTime{Day: EveryDay, Minute: (s.First + i*1440/s.PerDay) % 1440}.Next(t)
		if best.IsZero() || at.Before(best) {
			best = at
		}
	}
	return best
}

// SyncResult is how a synchronization ended (semantics 3.9).
type SyncResult uint8

// The results, with the values of WSUS.
const (
	SyncNeverRun SyncResult = iota
	SyncSucceeded
	SyncFailed
	SyncCanceled
	SyncUnknown
	SyncRefused // what the upstream gave is older than what is in force: nothing was read, nothing is wrong with the catalogue
)

// String gives the word shown for the result.
func (r SyncResult) String() string {
	return [...]string{"never run", "succeeded", "failed", "cancelled", "unknown", "refused"}[min(r, 5)]
}

// ImportFailure is one item that a synchronization could not import, and why.
type ImportFailure struct {
	Item   string `cbor:"1,keyasint" json:"item"`
	Reason string `cbor:"2,keyasint" json:"reason"`
}

// SyncRun is the record of one synchronization.
type SyncRun struct {
	ID        uint64          `cbor:"1,keyasint"` // given by the store, from 1
	Upstream  string          `cbor:"2,keyasint"`
	Started   time.Time       `cbor:"3,keyasint"`
	Ended     time.Time       `cbor:"4,keyasint"`
	Manual    bool            `cbor:"5,keyasint,omitempty"`
	Initial   bool            `cbor:"6,keyasint,omitempty"`
	Result    SyncResult      `cbor:"7,keyasint"`
	Error     string          `cbor:"8,keyasint,omitempty"`
	New       []uint32        `cbor:"9,keyasint,omitempty"` // numbers of updates
	Revised   []uint32        `cbor:"10,keyasint,omitempty"`
	Expired   []uint32        `cbor:"11,keyasint,omitempty"`
	Withdrawn []uint32        `cbor:"12,keyasint,omitempty"`
	Failures  []ImportFailure `cbor:"13,keyasint,omitempty"`
	Remarks   []string        `cbor:"14,keyasint,omitempty"` // what the administrator should know: "the lists are 3 days old"
	Read      int64           `cbor:"15,keyasint,omitempty"` // bytes of metadata read
	Actor     Actor           `cbor:"16,keyasint"`
	Rules     []RuleOutcome   `cbor:"17,keyasint,omitempty"` // what automatic approval made of what was new
	Declined  []uint32        `cbor:"18,keyasint,omitempty"` // declined because they expired
	Products  int             `cbor:"19,keyasint,omitempty"` // products, what groups them, and classifications that were new
	Documents int             `cbor:"20,keyasint,omitempty"` // originals that were new or differed
}

// RuleOutcome is what an automatic approval rule did after a synchronization,
// or would have done after an initial one, over which rules do not run unless an
// administrator says so (design 6).
type RuleOutcome struct {
	Rule       string `cbor:"1,keyasint" json:"rule"`
	Updates    int    `cbor:"2,keyasint" json:"updates"`
	Deployment uint64 `cbor:"3,keyasint,omitempty" json:"deployment,omitempty"`
	Withheld   bool   `cbor:"4,keyasint,omitempty" json:"withheld,omitempty"` // it did not run: the initial synchronization
	Error      string `cbor:"5,keyasint,omitempty" json:"error,omitempty"`    // why it could not
}

// Progress is how far a running job is. Total 0 means that it is not known.
type Progress struct {
	Phase string
	Done  int64
	Total int64
	Bytes int64
	Since time.Time // start of the phase
}

// Estimate says what a first synchronization will bring, before it is started.
type Estimate struct {
	Updates int
	Bytes   int64 // of metadata to read
	Time    time.Duration
	Remarks []string
}

// Merge adds two estimates: of several archives, or of several upstreams.
func (e Estimate) Merge(o Estimate) Estimate {
	e.Updates += o.Updates
	e.Bytes += o.Bytes
	e.Time += o.Time
	e.Remarks = append(e.Remarks, o.Remarks...)
	return e
}
