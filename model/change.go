package model

import (
	"fmt"
	"strings"
	"time"
)

// ChangeKind names what a change does.
type ChangeKind string

// The kinds of changes. Each says which fields of Change it uses.
const (
	ChangeApprove     ChangeKind = "approve"         // Updates, Groups, Name: one deployment
	ChangeDecline     ChangeKind = "decline"         // Updates
	ChangeReinstate   ChangeKind = "reinstate"       // Updates: declined ones come back Not Approved
	ChangeUndecline   ChangeKind = "undecline"       // Updates: takes a decline back, approvals count again
	ChangeRetract     ChangeKind = "retract"         // Deployment: its approvals do not count any more
	ChangeRestore     ChangeKind = "restore"         // Deployment: its approvals count again
	ChangeGroupAdd    ChangeKind = "group-add"       // Group (ID empty), Restored for several with their IDs
	ChangeGroupRename ChangeKind = "group-rename"    // Group.ID, Group.Name
	ChangeGroupMove   ChangeKind = "group-move"      // Group.ID, Group.Parent
	ChangeGroupRemove ChangeKind = "group-remove"    // Group.ID; its subgroups go with it
	ChangeFormula     ChangeKind = "group-formula"   // Group.ID, Group.Formula
	ChangeJoin        ChangeKind = "group-join"      // Group.ID, Computers
	ChangeLeave       ChangeKind = "group-leave"     // Group.ID, Computers
	ChangeExclude     ChangeKind = "group-exclude"   // Group.ID, Computers
	ChangeInclude     ChangeKind = "group-include"   // Group.ID, Computers: ends an exclusion
	ChangePolicy      ChangeKind = "policy"          // Group.ID, Group.Policy
	ChangeComputers   ChangeKind = "setup-computers" // How
	ChangeUpdates     ChangeKind = "setup-updates"   // Settings, Upstream
	ChangeUpstream    ChangeKind = "upstream"        // Upstream: added or replaced
	ChangeUpstreamEnd ChangeKind = "upstream-remove" // Name
	ChangeSettings    ChangeKind = "settings"        // Settings
	ChangeRemove      ChangeKind = "computer-remove" // Computers
	ChangeSetup       ChangeKind = "setup-restore"   // Setup, Settings, Name: takes a wizard's run back
	ChangeRuleAdd     ChangeKind = "rule-add"        // Automatic (ID 0; with its ID when a removal is taken back)
	ChangeRuleSet     ChangeKind = "rule-set"        // Automatic: replaces the rule of that ID; enabling and disabling too
	ChangeRuleRemove  ChangeKind = "rule-remove"     // Automatic.ID
	ChangeLicence     ChangeKind = "licence-accept"  // Updates: their licence terms as they are now
	ChangeLicenceEnd  ChangeKind = "licence-refuse"  // Updates: takes an acceptance back
	ChangeSeen        ChangeKind = "alarm-seen"      // Updates: their revision alarms were looked at
	ChangeUnseen      ChangeKind = "alarm-unseen"    // Updates
	ChangeOptions     ChangeKind = "options"         // Options
	ChangeForget      ChangeKind = "update-remove"   // Updates: cleanup; only number, identifier and title stay
	ChangeRevisions   ChangeKind = "revision-remove" // Updates: cleanup; records of their older revisions go
	ChangePostpone    ChangeKind = "postpone"        // Updates, Until: they are to be decided later; Postponed for several as they were
	ChangeResume      ChangeKind = "postpone-end"    // Updates: they are to be decided now
	ChangePropose     ChangeKind = "propose"         // in the journal only: Also holds the change that waits
	ChangeReject      ChangeKind = "reject"          // in the journal only: Also holds the change that was refused
	ChangeAdmit       ChangeKind = "computer-admit"  // Computers: they are managed from now on
	ChangeTurnAway    ChangeKind = "computer-reject" // Computers: they are not managed, and their reports are refused
	ChangeKeepWaiting ChangeKind = "computer-wait"   // Computers: takes back the answer to those that asked to be managed
)

// Change is one thing that an administrator decides. One path serves console,
// commands, rules and imports: check, plan, make, undo (design 4). Updates and
// computers are meant by their numbers.
type Change struct {
	Kind       ChangeKind    `cbor:"1,keyasint"`
	Remark     string        `cbor:"2,keyasint,omitempty"`
	Updates    []uint32      `cbor:"3,keyasint,omitempty"`
	Groups     []GroupAction `cbor:"4,keyasint,omitempty"`
	Name       string        `cbor:"5,keyasint,omitempty"`
	Deployment uint64        `cbor:"6,keyasint,omitempty"`
	Group      *Group        `cbor:"7,keyasint,omitempty"`
	Restored   []Group       `cbor:"8,keyasint,omitempty"`
	Computers  []uint32      `cbor:"9,keyasint,omitempty"`
	How        []string      `cbor:"10,keyasint,omitempty"`
	Settings   *Settings     `cbor:"11,keyasint,omitempty"`
	Upstream   *Upstream     `cbor:"12,keyasint,omitempty"`
	Setup      *Setup        `cbor:"13,keyasint,omitempty"`
	Rule       string        `cbor:"14,keyasint,omitempty"`
	Also       []Change      `cbor:"15,keyasint,omitempty"` // an inverse may take several steps, made together
	Automatic  *Rule         `cbor:"16,keyasint,omitempty"`
	Options    *Options      `cbor:"17,keyasint,omitempty"`
	RuleID     uint64        `cbor:"18,keyasint,omitempty"` // the rule that a deployment comes from, with its name in Rule
	Proposal   uint64        `cbor:"19,keyasint,omitempty"` // the proposal that it was, when a second person consented

	Until     time.Time      `cbor:"20,keyasint,omitzero"`  // of a postponement
	Postponed []Postponement `cbor:"21,keyasint,omitempty"` // postponements that come back as they were
}

// MoveComputers is the change that takes computers out of one group and puts
// them into another: in one, so that no approval is lost between the two.
func MoveComputers(from, to GroupID, computers []uint32, remark string) Change {
	join := Change{Kind: ChangeJoin, Group: &Group{ID: to}, Computers: computers}
	return Change{Kind: ChangeLeave, Group: &Group{ID: from}, Computers: computers, Remark: remark, Also: []Change{join}}
}

// Actor says who did something and by what way.
type Actor struct {
	Who  string `cbor:"1,keyasint" json:"who"`                     // user name, key name, rule, or computer
	From Origin `cbor:"2,keyasint" json:"from"`                    // by what way
	Via  string `cbor:"3,keyasint,omitempty" json:"via,omitempty"` // remote address, rule or file, if any
	Role Access `cbor:"4,keyasint" json:"-"`
}

// Origin is the way by which a change came.
type Origin string

// The origins.
const (
	FromConsole Origin = "console"
	FromCommand Origin = "command"
	FromSSH     Origin = "ssh"
	FromRule    Origin = "rule"
	FromImport  Origin = "import"
	FromAgent   Origin = "agent"
	FromServer  Origin = "server" // the background synchronization itself
)

// Access is what an actor may do. Zero is a viewer, so that a forgotten value
// cannot change anything.
type Access uint8

// The roles of design 10.
const (
	AccessViewer Access = iota
	AccessOperator
	AccessAdministrator
)

// String names the role.
func (a Access) String() string {
	return [...]string{"viewer", "operator", "administrator"}[min(a, 2)]
}

// Refusal is a rule's "no": what was refused, why, and the command that would
// remedy it. Commands exit with 3 on it.
type Refusal struct {
	Code   string // stable and short: "setup", "role", "read-only", "withdrawn"
	What   string
	Why    string
	Remedy string // empty when there is none
}

// Error writes the refusal in one or two sentences.
func (r *Refusal) Error() string {
	s := strings.TrimSuffix(r.What, ".")
	if r.Why != "" {
		s += ": " + r.Why
	}
	if r.Remedy != "" {
		s += ". To remedy: " + r.Remedy
	}
	return s
}

// SetupRefusal refuses what the setup gate does not let through, with the
// tasks that are open.
func SetupRefusal(s Setup) *Refusal {
	r := &Refusal{Code: "setup", What: SetupIncomplete, Why: "You must complete these tasks before you can manage updates"}
	for _, t := range s.Tasks() {
		if t.Done {
			continue
		}
		r.Why += fmt.Sprintf("\n  %s (%s): %s", t.Wizard, t.Purpose, t.Command)
	}
	return r
}

// Plan is what a change would do, computed before it is made.
type Plan struct {
	Summary   string        // one line: "Approve 3 updates for 2 groups"
	Updates   int           // updates concerned
	Computers int           // computers whose installations change
	Restarts  int           // of these, how many may restart for it
	Bytes     int64         // that they would download, at most
	Now       int           // installations due at the next check-in, because of a deadline
	Groups    []GroupPlan   // per group, for approvals
	First     []string      // names of the computers affected first
	Lines     []string      // further effects, a sentence each
	Warnings  []PlanWarning // what should be thought of
	Wide      bool          // wide or destructive: the default answer is no
}

// GroupPlan is a plan's part for one group.
type GroupPlan struct {
	Group     GroupID
	Name      string
	Action    Action
	Deadline  time.Time
	Computers int // in the group
	Needing   int // of these, how many need at least one of the updates
}

// PlanWarning is one thing to think of before a change is made.
type PlanWarning struct {
	Code string // "superseded", "required", "disabled", "licence"
	Text string
}

// Entry is one journal entry: the record of a change that was made. Each holds
// the hash of the one before.
type Entry struct {
	Seq     uint64     `cbor:"1,keyasint"`
	Time    time.Time  `cbor:"2,keyasint"`
	Actor   Actor      `cbor:"3,keyasint"`
	Kind    ChangeKind `cbor:"4,keyasint"`
	Summary string     `cbor:"5,keyasint"`
	Remark  string     `cbor:"6,keyasint,omitempty"`
	Change  Change     `cbor:"7,keyasint"`
	Inverse *Change    `cbor:"8,keyasint,omitempty"`  // nil = cannot be taken back
	Undoes  uint64     `cbor:"9,keyasint,omitempty"`  // the entry that this one takes back
	Prev    []byte     `cbor:"10,keyasint"`           // SHA-256 of the entry before; empty for the first
	Result  uint64     `cbor:"11,keyasint,omitempty"` // number of what was made: the deployment
	Consent *Actor     `cbor:"12,keyasint,omitempty"` // the second person, when one was needed
}
