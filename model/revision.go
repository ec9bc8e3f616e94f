package model

import "time"

// RevisionAlarm tells that a revision arrived for an update that is approved,
// and changed what the approval means: what it applies to, its products or its
// licence; or that the approval did not move to it (semantics 3.5). There is one
// for an update at most; later revisions add to it.
type RevisionAlarm struct {
	Update     uint32    `cbor:"1,keyasint"`
	Before     uint32    `cbor:"2,keyasint"` // the revision that the approvals were given to
	Revision   uint32    `cbor:"3,keyasint"` // the newest that arrived
	Time       time.Time `cbor:"4,keyasint"` // of its arrival
	Changed    []string  `cbor:"5,keyasint"` // the difference, in words: "products: Debian 13 (trixie) was added"
	Deployment uint64    `cbor:"6,keyasint"` // deployments up to this number were made before it
	Held       HeldBack  `cbor:"7,keyasint,omitempty"`
	Seen       bool      `cbor:"8,keyasint,omitempty"` // an administrator acknowledged it
	HeldTo     uint64    `cbor:"9,keyasint,omitempty"` // with Held: approvals by deployments up to this number are held back
}

// HeldBack says why approvals did not move to a new revision.
type HeldBack uint8

// The reasons. While approvals are held back, computers are not told to install
// the update: the older revision is not what its source offers any more. Approving
// it again moves the approval.
const (
	HeldNot     HeldBack = iota // they moved
	HeldLicence                 // it brings licence terms that nobody accepted
	HeldOption                  // the server keeps approvals with their revision (Options.KeepRevisions)
)

// String gives the reason in words.
func (h HeldBack) String() string {
	switch h {
	case HeldLicence:
		return "the new revision brings licence terms that have not been accepted"
	case HeldOption:
		return "approvals do not move to new revisions by themselves on this server"
	}
	return ""
}
