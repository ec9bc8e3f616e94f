package model

import (
	"slices"
	"strings"
	"time"
)

// UpdateID identifies an update for ever: a GUID in lower case for Microsoft's,
// "deb/ARCHIVE/RELEASE/SOURCE/VERSION" for a Debian archive's (see DebianID).
type UpdateID string

// Classification says what sort of update an update is. The names are those of
// WSUS (semantics 4); drivers and definitions exist in Microsoft's catalogue only.
type Classification uint8

// The classifications, in the order in which lists show them.
const (
	ClassUnknown Classification = iota
	ClassCritical
	ClassSecurity
	ClassDefinition
	ClassUpdateRollup
	ClassServicePack
	ClassFeaturePack
	ClassTool
	ClassDriver
	ClassUpdate
	ClassUpgrade
	ClassApplication
	ClassDriverSet
)

var classNames = [...]struct{ word, title string }{
	ClassUnknown:      {"unknown", "Unknown"},
	ClassCritical:     {"critical", "Critical Updates"},
	ClassSecurity:     {"security", "Security Updates"},
	ClassDefinition:   {"definition", "Definition Updates"},
	ClassUpdateRollup: {"update-rollup", "Update Rollups"},
	ClassServicePack:  {"service-pack", "Service Packs"},
	ClassFeaturePack:  {"feature-pack", "Feature Packs"},
	ClassTool:         {"tool", "Tools"},
	ClassDriver:       {"driver", "Drivers"},
	ClassUpdate:       {"update", "Updates"},
	ClassUpgrade:      {"upgrade", "Upgrades"},
	ClassApplication:  {"application", "Applications"},
	ClassDriverSet:    {"driver-set", "Driver Sets"},
}

// String gives the word of the query language, such as "security".
func (c Classification) String() string {
	if int(c) < len(classNames) {
		return classNames[c].word
	}
	return classNames[ClassUnknown].word
}

// Title gives the classification as WSUS prints it, such as "Security Updates".
func (c Classification) Title() string {
	if int(c) < len(classNames) {
		return classNames[c].title
	}
	return classNames[ClassUnknown].title
}

// Classifications lists every classification an administrator can select.
func Classifications() []Classification {
	all := make([]Classification, 0, len(classNames)-1)
	for c := ClassCritical; int(c) < len(classNames); c++ {
		all = append(all, c)
	}
	return all
}

// ParseClassification reads a word of the query language; case does not matter.
func ParseClassification(word string) (Classification, bool) {
	for c, n := range classNames {
		if c != int(ClassUnknown) && (strings.EqualFold(n.word, word) || strings.EqualFold(n.title, word)) {
			return Classification(c), true
		}
	}
	return ClassUnknown, false
}

// Severity is the vendor's rating of a security update.
type Severity uint8

// Severities, the worst last, so that they compare.
const (
	SeverityUnspecified Severity = iota
	SeverityLow
	SeverityModerate
	SeverityImportant
	SeverityCritical
)

var severityWords = [...]string{"unspecified", "low", "moderate", "important", "critical"}

// String gives the word of the query language, such as "critical".
func (s Severity) String() string {
	if int(s) < len(severityWords) {
		return severityWords[s]
	}
	return severityWords[0]
}

// Publication says whether the vendor still stands behind an update.
type Publication uint8

// The publication states. Expired is the publisher's word; withdrawn means that
// the archive no longer offers the version, so that it cannot be installed any more.
const (
	Published Publication = iota
	Expired
	Withdrawn
)

// String gives the word shown for the state.
func (p Publication) String() string {
	switch p {
	case Expired:
		return "expired"
	case Withdrawn:
		return "withdrawn"
	}
	return "published"
}

// Restart says whether installing an update wants the computer restarted.
type Restart uint8

// What is known of an update's restart behaviour before it is installed.
const (
	RestartUnknown Restart = iota
	RestartNever
	RestartMay
	RestartAlways
)

// Update is one update as its newest revision describes it.
type Update struct {
	ID          UpdateID       `cbor:"1,keyasint"`
	Number      uint32         `cbor:"2,keyasint"` // dense, given by the store in the order of arrival, from 1
	Revision    uint32         `cbor:"3,keyasint"` // from 1; a changed description is a new revision
	Upstream    string         `cbor:"4,keyasint"` // name of the upstream that brought it
	Title       string         `cbor:"5,keyasint"`
	Description string         `cbor:"6,keyasint,omitempty"`
	Class       Classification `cbor:"7,keyasint"`
	Severity    Severity       `cbor:"8,keyasint,omitempty"`
	Products    []CategoryID   `cbor:"9,keyasint,omitempty"`
	KB          []string       `cbor:"10,keyasint,omitempty"` // digits only
	Bulletins   []string       `cbor:"11,keyasint,omitempty"`
	CVEs        []string       `cbor:"12,keyasint,omitempty"`
	Languages   []string       `cbor:"13,keyasint,omitempty"`
	Version     string         `cbor:"14,keyasint,omitempty"`
	Released    time.Time      `cbor:"15,keyasint"`           // when the vendor published it; a Debian archive only bounds it (NotLater)
	NotLater    bool           `cbor:"16,keyasint,omitempty"` // Released is "not later than"
	Arrived     time.Time      `cbor:"17,keyasint"`           // when it first came to this server
	Publication Publication    `cbor:"18,keyasint,omitempty"`
	Supersedes  []UpdateID     `cbor:"19,keyasint,omitempty"`
	Restart     Restart        `cbor:"20,keyasint,omitempty"`
	Removable   bool           `cbor:"21,keyasint,omitempty"`
	Licence     string         `cbor:"22,keyasint,omitempty"` // licence terms that must be accepted before approval
	Required    bool           `cbor:"23,keyasint,omitempty"` // an update of Fettle itself
	Debian      *DebianSource  `cbor:"24,keyasint,omitempty"`
	Files       []File         `cbor:"25,keyasint,omitempty"`
	Exploited   bool           `cbor:"26,keyasint,omitempty"` // on the known-exploited list
	Links       []string       `cbor:"27,keyasint,omitempty"`
	Bundles     []UpdateID     `cbor:"28,keyasint,omitempty"` // updates that this one consists of: declining it declines them
	Applies     []byte         `cbor:"29,keyasint,omitempty"` // digest of its applicability rules, where the vendor states any: a change is a revision alarm
	Input       bool           `cbor:"30,keyasint,omitempty"` // installing it asks the user something, so that a deadline cannot be set
	Digest      []byte         `cbor:"32,keyasint,omitempty"` // of the vendor's documents that it was made from: they change without a visible difference
	Document    uint32         `cbor:"33,keyasint,omitempty"` // the vendor's own number of the revision, where its document is kept (Document)
	Removed     bool           `cbor:"31,keyasint,omitempty"` // cleanup removed it: only identity and title are left
}

// Size is what installing the update may download, in bytes: the sum over its
// packages or files. One computer usually needs only some of them.
func (u *Update) Size() int64 {
	var sum int64
	for _, f := range u.Files {
		sum += f.Size
	}
	if u.Debian != nil {
		for _, p := range u.Debian.Packages {
			sum += p.Size
		}
	}
	return sum
}

// File is one payload file of an update that is not a Debian package.
type File struct {
	Name   string `cbor:"1,keyasint" json:"name"`
	Size   int64  `cbor:"2,keyasint" json:"size"`
	SHA1   []byte `cbor:"3,keyasint,omitempty" json:"sha1,omitempty"`
	SHA256 []byte `cbor:"4,keyasint,omitempty" json:"sha256,omitempty"`
	URL    string `cbor:"5,keyasint,omitempty" json:"url,omitempty"`
}

// UpdateFlags are the yes-or-no facts of an update that lists and filters use.
type UpdateFlags uint32

// The flags of an update.
const (
	FlagDeclined UpdateFlags = 1 << iota
	FlagSuperseded
	FlagSuperseding
	FlagExpired
	FlagWithdrawn
	FlagRequired
	FlagMayRestart
	FlagRemovable
	FlagLicence // has licence terms that were not accepted
	FlagExploited
	FlagInput
	FlagRemoved
)

// UpdateRow is what lists and filters need of an update. The store keeps one in
// memory for each update of the catalogue; treat it as immutable.
type UpdateRow struct {
	Number   uint32
	ID       UpdateID
	Revision uint32
	Title    string
	Class    Classification
	Severity Severity
	Flags    UpdateFlags
	Products []CategoryID
	Upstream string
	Version  string
	Released time.Time
	Arrived  time.Time
	Size     int64
	KB       []string
	Bulletin []string
	CVEs     []string
	Packages []string // names of its binary packages, without duplicates
	Language []string
}

// Has says whether all flags of f are set.
func (r *UpdateRow) Has(f UpdateFlags) bool { return r.Flags&f == f }

// Row makes the list form of the update. Declined and the two supersedence
// flags depend on other records: the store adds them.
func (u *Update) Row() *UpdateRow {
	r := &UpdateRow{
		Number: u.Number, ID: u.ID, Revision: u.Revision, Title: u.Title, Class: u.Class, Severity: u.Severity,
		Products: u.Products, Upstream: u.Upstream, Version: u.Version, Released: u.Released, Arrived: u.Arrived,
		Size: u.Size(), KB: u.KB, Bulletin: u.Bulletins, CVEs: u.CVEs, Language: u.Languages,
	}
	set := func(cond bool, f UpdateFlags) {
		if cond {
			r.Flags |= f
		}
	}
	set(u.Publication == Expired, FlagExpired)
	set(u.Publication == Withdrawn, FlagWithdrawn)
	set(u.Required, FlagRequired)
	set(u.Restart == RestartMay || u.Restart == RestartAlways, FlagMayRestart)
	set(u.Removable, FlagRemovable)
	set(u.Licence != "", FlagLicence)
	set(u.Exploited, FlagExploited)
	set(u.Input, FlagInput)
	set(u.Removed, FlagRemoved)
	if u.Debian != nil {
		for _, p := range u.Debian.Packages {
			if !slices.Contains(r.Packages, p.Name) {
				r.Packages = append(r.Packages, p.Name)
			}
		}
	}
	return r
}

// Revision remembers one published version of an update's metadata: what was
// known, since when, and what the next one changed.
type Revision struct {
	Number  uint32    `cbor:"1,keyasint" json:"number"`
	Arrived time.Time `cbor:"2,keyasint" json:"arrived"`
	Digest  []byte    `cbor:"3,keyasint" json:"-"`                           // SHA-256 of what the upstream said
	Changed []string  `cbor:"4,keyasint,omitempty" json:"changed,omitempty"` // what differs from the revision before, in words
}
