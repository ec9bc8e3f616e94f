package protocol

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fettle/model"
)

// Version is the version of the conversation. An end that does not know the
// other's version says so and changes nothing.
const Version = 1

// Identity is who a computer says it is. Over the network the server takes the
// identifier from the certificate, never from here (peers 4c).
type Identity struct {
	ID        model.ComputerID `cbor:"1,keyasint"`
	Name      string           `cbor:"2,keyasint"`
	Addresses []string         `cbor:"3,keyasint,omitempty"`
	OS        string           `cbor:"4,keyasint,omitempty"` // PRETTY_NAME of os-release
	Arch      string           `cbor:"5,keyasint,omitempty"`
	Role      model.Role       `cbor:"6,keyasint,omitempty"`
	Kernel    string           `cbor:"7,keyasint,omitempty"` // running release
	Zone      string           `cbor:"8,keyasint,omitempty"` // IANA name
	Agent     string           `cbor:"9,keyasint,omitempty"` // version of the agent
}

// Report is what a computer says at each check-in, and again after it changed
// something.
type Report struct {
	Version   int              `cbor:"1,keyasint"`
	Time      time.Time        `cbor:"2,keyasint"`
	Who       Identity         `cbor:"3,keyasint"`
	Scan      model.ScanResult `cbor:"4,keyasint"`
	Digest    []byte           `cbor:"5,keyasint,omitempty"` // of the inventory, without its time: InventoryDigest
	Inventory *model.Inventory `cbor:"6,keyasint,omitempty"` // only when it changed, or when the server asked

	Needed     []model.NeededPackage `cbor:"7,keyasint,omitempty"` // Update is empty: the server knows it
	Others     []model.NeededPackage `cbor:"8,keyasint,omitempty"`
	Downloaded []model.UpdateID      `cbor:"9,keyasint,omitempty"`  // approved, and all their packages are here
	Failures   []model.Failure       `cbor:"10,keyasint,omitempty"` // of updates that are still to be installed
	Pending    []string              `cbor:"11,keyasint,omitempty"` // why a restart is pending
	Restart    []model.UpdateID      `cbor:"12,keyasint,omitempty"` // installed, in effect after that restart
	Foreign    []string              `cbor:"13,keyasint,omitempty"` // "name old -> new": changed by others since the last report
	Policy     model.Policy          `cbor:"14,keyasint"`           // as obeyed: the server's, made stricter by the computer's own file
	NextCheck  time.Time             `cbor:"15,keyasint"`
	Closures   []model.Closure       `cbor:"16,keyasint,omitempty"` // of needed updates, approved or not, as far as they were worked out
	Remarks    []string              `cbor:"17,keyasint,omitempty"` // what the administrator should know: a local policy that cannot be read
	Groups     []string              `cbor:"18,keyasint,omitempty"` // names of the groups that the computer asks for (GroupNames); all of them each time
	Mark       []byte                `cbor:"19,keyasint,omitempty"` // the newest mark that the server gave
}

// MarkSize is the length of a mark: what names everything that the server has
// decided for a computer. The server makes marks, the computer only keeps them;
// two that differ mean that something else is to be done.
const MarkSize = 16

// The bounds of Report.Groups.
const (
	MaxGroups    = 32
	MaxGroupName = 100 // characters
)

// GroupNames puts names of groups that a computer asks for in order: cleaned,
// each once (case does not matter), within the bounds. A name that is too long
// is dropped, not cut: cut it could be another group's.
func GroupNames(names []string) []string {
	var out []string
	for _, name := range names {
		name = strings.TrimSpace(model.Clean(name))
		if name == "" || utf8.RuneCountInString(name) > MaxGroupName || len(out) == MaxGroups {
			continue
		}
		if !slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// Ack answers a report.
type Ack struct {
	Version       int                       `cbor:"1,keyasint"`
	WantInventory bool                      `cbor:"2,keyasint,omitempty"` // send the report again with the inventory
	Updates       map[string]model.UpdateID `cbor:"3,keyasint,omitempty"` // PackageKey of a needed package -> its update; unknown ones are missing
	Approved      []model.UpdateID          `cbor:"4,keyasint,omitempty"` // approved and needed here: their closures are wanted
	Mark          []byte                    `cbor:"5,keyasint,omitempty"` // replaces the report's: nothing was decided since, only done; empty = the computer keeps its mark
}

// DecideRequest asks what to do, and says what installing the approved updates
// would do here.
type DecideRequest struct {
	Version  int              `cbor:"1,keyasint"`
	Computer model.ComputerID `cbor:"2,keyasint"`
	Time     time.Time        `cbor:"3,keyasint"`
	Closures []model.Closure  `cbor:"4,keyasint,omitempty"`
	Plan     uint64           `cbor:"5,keyasint,omitempty"` // number of the plan that the computer has; 0 = none
	Final    bool             `cbor:"6,keyasint,omitempty"` // asked right before an installation
}

// Decisions are what the server wants of a computer now.
type Decisions struct {
	Version  int                   `cbor:"1,keyasint"`
	Time     time.Time             `cbor:"2,keyasint"`
	Approved []model.PlannedUpdate `cbor:"3,keyasint,omitempty"` // effective approvals that concern the computer
	Policy   model.Policy          `cbor:"4,keyasint"`
	Plan     model.InstallPlan     `cbor:"5,keyasint"`
	Missing  []model.UpdateID      `cbor:"6,keyasint,omitempty"` // approved since the report: closures are wanted for these too
	Mark     []byte                `cbor:"7,keyasint,omitempty"` // of these decisions; empty = the server gives none
}

// AwaitRequest asks to be told when something else is decided than what a mark
// names. It is answered then and not before, on a conversation of its own.
type AwaitRequest struct {
	Version  int              `cbor:"1,keyasint"`
	Computer model.ComputerID `cbor:"2,keyasint"`
	Mark     []byte           `cbor:"3,keyasint,omitempty"` // empty = what is decided from now on counts
}

// ErrNotCalled is what Await fails with at a server that calls nobody: one of an
// older version. The computer relies on its regular cycles then.
var ErrNotCalled = errors.New("the server calls nobody; it is of an older version")

// Awaited answers an AwaitRequest.
type Awaited struct {
	Version int    `cbor:"1,keyasint"`
	Mark    []byte `cbor:"2,keyasint,omitempty"` // what is decided now; to be named when the computer waits again
	CheckIn bool   `cbor:"3,keyasint,omitempty"` // the computer is to check in at once; else there is only a new mark
	Reason  string `cbor:"4,keyasint,omitempty"` // why, for the log
}

// EventKind says what an event tells of.
type EventKind uint8

// The kinds of events.
const (
	EventDownloaded EventKind = iota + 1
	EventInstalled
	EventFailed    // a download or installation failed
	EventRefused   // a rule kept the computer from installing
	EventWithdrawn // not installed: the approval was withdrawn in time
	EventRecovered // an installation that was cut off was found and its result established
	EventRestart   // the computer is about to restart
	EventForeign   // others changed packages
)

// String names the kind.
func (k EventKind) String() string {
	words := [...]string{"unknown", "downloaded", "installed", "failed", "refused", "withdrawn", "recovered", "restart", "foreign"}
	if int(k) >= len(words) {
		k = 0
	}
	return words[k]
}

// Event is one thing that happened on a computer. It has a number that rises,
// so that one which arrives twice counts once.
type Event struct {
	Version   int              `cbor:"1,keyasint"`
	Computer  model.ComputerID `cbor:"2,keyasint"`
	Number    uint64           `cbor:"3,keyasint"` // from 1, never reused on this computer
	Time      time.Time        `cbor:"4,keyasint"`
	Kind      EventKind        `cbor:"5,keyasint"`
	Plan      uint64           `cbor:"6,keyasint,omitempty"`
	Updates   []model.UpdateID `cbor:"7,keyasint,omitempty"`
	Items     []model.PlanItem `cbor:"8,keyasint,omitempty"`
	Code      string           `cbor:"9,keyasint,omitempty"`  // of a failure: model.Failure.Code
	Text      string           `cbor:"10,keyasint,omitempty"` // a sentence
	Conffiles []string         `cbor:"11,keyasint,omitempty"` // configuration files kept as they were; the new ones lie beside them
	Seconds   int              `cbor:"12,keyasint,omitempty"` // how long it took
}

// PackageKey names one version of one package in Ack.Updates:
// "name:arch=version", with the architecture and candidate of the report.
func PackageKey(n model.NeededPackage) string { return n.Package + ":" + n.Arch + "=" + n.Candidate }
