package model

import "time"

// Setup is how far the essential configuration is: both wizards must have been
// run before anything else in update management can be done (semantics 1.2).
type Setup struct {
	Computers SetupStep `cbor:"1,keyasint"`
	Updates   SetupStep `cbor:"2,keyasint"`
}

// SetupStep is one wizard's completion.
type SetupStep struct {
	Done time.Time `cbor:"1,keyasint"`           // zero = not complete
	How  []string  `cbor:"2,keyasint,omitempty"` // what was set up, in words
}

// Complete says whether update management may be used.
func (s Setup) Complete() bool { return !s.Computers.Done.IsZero() && !s.Updates.Done.IsZero() }

// SetupTask is one task of the notice that essential configuration is incomplete.
type SetupTask struct {
	Wizard  string // its name: "Computer and Device Management Wizard"
	Short   string // "computers" or "updates": the word after `fettle setup`
	Purpose string
	Done    bool
	Command string
}

// Tasks lists both wizards with their state.
func (s Setup) Tasks() []SetupTask {
	return []SetupTask{
		{"Computer and Device Management Wizard", "computers", "bring computers under management", !s.Computers.Done.IsZero(), "fettle setup computers --this-computer"},
		{"Updates Management Configuration Wizard", "updates", "say where updates come from and which are wanted", !s.Updates.Done.IsZero(), "fettle setup updates --upstream debian=apt --sync-now"},
	}
}

// SetupIncomplete is the notice of the setup gate, the same words everywhere.
const SetupIncomplete = "Essential configuration is incomplete."

// ContentMode says where payload files are kept.
type ContentMode uint8

// The content modes.
const (
	ContentVendor     ContentMode = iota // computers take files from the vendor
	ContentOnApproval                    // fetched when an update is approved
	ContentAtOnce                        // fetched when an update arrives
)

var contentWords = [...]string{"vendor", "on-approval", "at-once"}

// String gives the word of commands.
func (c ContentMode) String() string { return contentWords[min(int(c), 2)] }

// Settings are what the Updates Management Configuration Wizard decides beside
// the upstreams.
type Settings struct {
	Languages  []string         `cbor:"1,keyasint,omitempty"`
	Products   string           `cbor:"2,keyasint,omitempty"` // a query on updates; what it does not match is not shown and not offered; empty = all
	Classes    []Classification `cbor:"3,keyasint,omitempty"` // empty = all
	Content    ContentMode      `cbor:"4,keyasint,omitempty"`
	ContentDir string           `cbor:"5,keyasint,omitempty"`
	Categories []CategoryID     `cbor:"6,keyasint,omitempty"` // products, or what groups them, of which an update must have one; empty = all
	Decided    time.Time        `cbor:"7,keyasint,omitzero"`  // when an administrator last made these settings: later products are new
}
