package model

import (
	"cmp"
	"slices"
	"time"
)

// Action is what an approval asks for.
type Action uint8

// The actions. Inherit removes a group's own approval, so that the group above
// decides ("Same as Parent").
const (
	ActionInherit Action = iota
	ActionInstall
	ActionUninstall
	ActionNotApproved
)

var actionWords = [...]struct{ word, title string }{
	{"inherit", "Same as Parent"}, {"install", "Install"}, {"uninstall", "Uninstall"}, {"none", "Not Approved"},
}

// String gives the word of commands: inherit, install, uninstall or none.
func (a Action) String() string { return actionWords[min(int(a), 3)].word }

// Title gives the words shown: "Install", "Uninstall", "Not Approved".
func (a Action) Title() string { return actionWords[min(int(a), 3)].title }

// ParseAction reads a word of commands; "not-approved" is the same as "none".
func ParseAction(word string) (Action, bool) {
	for i, a := range actionWords {
		if a.word == word {
			return Action(i), true
		}
	}
	return ActionNotApproved, word == "not-approved"
}

// Approval is one group's approval of one update.
type Approval struct {
	Group      GroupID
	Action     Action
	Deadline   time.Time // zero = none
	Deployment uint64    // the deployment that made it
	Stale      bool      // it belongs to an older revision and was not moved to the newest: nothing is installed (semantics 3.5)
}

// Step names the part of the rule that decided which approval wins.
type Step uint8

// The steps of semantics 3.3, in their order.
const (
	StepNone     Step = iota // no approval applied: not approved by default
	StepDeclined             // the update is declined
	StepOnly                 // one approval applied
	StepDepth                // the deeper group won
	StepAction               // at equal depth Install beat Uninstall beat Not Approved
	StepDeadline             // at equal action the earlier deadline won
	StepSame                 // several said the same
)

// EffectiveApproval is the approval that holds for one computer, how it came
// about and those that lost.
type EffectiveApproval struct {
	Approval
	Step   Step
	Losers []Approval
}

// Approved says whether the update, as its newest revision describes it, is to
// be installed.
func (e EffectiveApproval) Approved() bool { return e.Action == ActionInstall && !e.Stale }

// ResolveApproval finds the effective approval for a computer (semantics 3.3).
// approvals are those of the update on the computer's groups and on the
// ancestors of these; those with ActionInherit do not count.
func ResolveApproval(t *GroupTree, declined bool, approvals []Approval) EffectiveApproval {
	live := slices.DeleteFunc(slices.Clone(approvals), func(a Approval) bool { return a.Action == ActionInherit })
	if declined {
		return EffectiveApproval{Approval: Approval{Action: ActionNotApproved}, Step: StepDeclined, Losers: live}
	}
	if len(live) == 0 {
		return EffectiveApproval{Approval: Approval{Action: ActionNotApproved}, Step: StepNone}
	}
	slices.SortFunc(live, func(a, b Approval) int {
		return cmp.Or(
			-cmp.Compare(t.Depth(a.Group), t.Depth(b.Group)),
			cmp.Compare(a.Action, b.Action), // install < uninstall < not approved
			compareDeadlines(a.Deadline, b.Deadline),
			cmp.Compare(a.Group, b.Group),
		)
	})
	e := EffectiveApproval{Approval: live[0], Losers: live[1:], Step: StepOnly}
	if len(live) > 1 {
		second := live[1]
		switch {
		case t.Depth(second.Group) != t.Depth(e.Group):
			e.Step = StepDepth
		case second.Action != e.Action:
			e.Step = StepAction
		case !second.Deadline.Equal(e.Deadline):
			e.Step = StepDeadline
		default:
			e.Step = StepSame
		}
	}
	return e
}

// compareDeadlines orders deadlines; none comes last.
func compareDeadlines(a, b time.Time) int {
	switch {
	case a.Equal(b):
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

// GroupAction is what a deployment asks of one group.
type GroupAction struct {
	Group    GroupID   `cbor:"1,keyasint"`
	Action   Action    `cbor:"2,keyasint"`
	Deadline time.Time `cbor:"3,keyasint"` // zero = none
}

// Deployment is one act of approving several updates for several groups. It is
// one record whatever its size (design 4).
type Deployment struct {
	ID       uint64        `cbor:"1,keyasint"` // given by the store, from 1
	Name     string        `cbor:"2,keyasint"`
	Author   string        `cbor:"3,keyasint"`
	Time     time.Time     `cbor:"4,keyasint"`
	Groups   []GroupAction `cbor:"5,keyasint"`
	Updates  []uint32      `cbor:"6,keyasint"` // numbers, sorted
	Remark   string        `cbor:"7,keyasint,omitempty"`
	Rule     string        `cbor:"8,keyasint,omitempty"`  // the automatic approval rule that made it
	Undone   bool          `cbor:"9,keyasint,omitempty"`  // taken back: its approvals do not count
	Reverses uint64        `cbor:"10,keyasint,omitempty"` // reinstating: the decline that it ends
	RuleID   uint64        `cbor:"11,keyasint,omitempty"` // with Rule: the rule's number
}
