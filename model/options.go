package model

import "time"

// Options are what an administrator decides about the server as a whole: the
// Options page of WSUS. The zero value holds the defaults.
type Options struct {
	KeepRevisions   bool           `cbor:"1,keyasint,omitempty"` // approvals stay with the revision that they were given to, until they are moved by hand
	KeepExpired     bool           `cbor:"2,keyasint,omitempty"` // updates that their publisher expired are not declined by themselves
	ClientTargeting bool           `cbor:"3,keyasint,omitempty"` // computers name their groups; else administrators put them there
	Consent         ConsentOptions `cbor:"4,keyasint,omitzero"`
	Replica         string         `cbor:"5,keyasint,omitempty"` // the upstream server whose approvals and groups are followed; empty = autonomous
}

// DeclinesExpired says whether a synchronization declines what its publisher
// expired. It does so only while approvals move to new revisions: who keeps them
// with the old one wants no revision to end an approval (semantics 3.5). A
// replica follows another server's declines.
func (o Options) DeclinesExpired() bool {
	return !o.KeepExpired && !o.KeepRevisions && o.Replica == ""
}

// ConsentOptions say which changes wait for a second person (design 10).
type ConsentOptions struct {
	AllComputers bool `cbor:"1,keyasint,omitempty"` // approvals for All Computers
	Removals     bool `cbor:"2,keyasint,omitempty"` // uninstalling; removing computers, groups and updates
	Rules        bool `cbor:"3,keyasint,omitempty"` // adding, changing, running automatic approval rules
}

// Proposal is a change that waits for the consent of a second person. Nothing
// of it is in force.
type Proposal struct {
	ID      uint64    `cbor:"1,keyasint"` // from 1
	Time    time.Time `cbor:"2,keyasint"`
	Actor   Actor     `cbor:"3,keyasint"`
	Change  Change    `cbor:"4,keyasint"`
	Summary string    `cbor:"5,keyasint"`           // "Approve 3 updates for All Computers"
	Why     string    `cbor:"6,keyasint"`           // which rule asks for consent
	Undoes  uint64    `cbor:"7,keyasint,omitempty"` // the journal entry that the change takes back, if it does
}

// AwaitingConsent is what making a change gives when it waits for a second
// person: it was kept as a proposal. It is no failure.
type AwaitingConsent struct{ Proposal Proposal }

// Error says what happened and how it goes on.
func (e *AwaitingConsent) Error() string {
	return "the change waits for the consent of a second person (" + e.Proposal.Why + ")"
}
