package model

import (
	"cmp"
	"slices"
)

// Mode is the Automatic Updates mode: how a computer installs approved updates
// whose deadline has not passed.
type Mode uint8

// The modes. ModeUnset in a policy means that the group above decides.
const (
	ModeUnset Mode = iota
	ModeScheduled
	ModeDownload
	ModeNotify
	ModeDisabled
)

var modeWords = [...]string{"", "scheduled", "download", "notify", "disabled"}

// String gives the word of commands and queries.
func (m Mode) String() string { return modeWords[min(int(m), len(modeWords)-1)] }

// ParseMode reads a word of commands and queries.
func ParseMode(word string) (Mode, bool) {
	i := slices.Index(modeWords[:], word)
	return Mode(max(i, 0)), i > 0
}

// RestartRule says when a computer may restart to finish an installation.
type RestartRule uint8

// The restart rules. RestartUnset means that the group above decides.
const (
	RestartUnset RestartRule = iota
	RestartNo                // never by itself; the computer is shown as pending
	RestartIdle              // only when nobody is logged in
	RestartAt                // at the policy's restart time
)

// Policy is a group's agent settings. A field that is unset comes from the
// group above; the root has all fields set.
type Policy struct {
	Mode      Mode        `cbor:"1,keyasint,omitempty"`
	Install   *WeekTime   `cbor:"2,keyasint,omitempty"` // when ModeScheduled installs
	Restart   RestartRule `cbor:"3,keyasint,omitempty"`
	RestartAt *WeekTime   `cbor:"4,keyasint,omitempty"` // when RestartAt restarts
}

// DefaultPolicy is what All Computers starts with: daily at 03:00 as in WSUS
// (semantics 3.10), and no restart that nobody asked for.
func DefaultPolicy() Policy {
	return Policy{Mode: ModeScheduled, Install: &WeekTime{Day: EveryDay, Minute: 3 * 60}, Restart: RestartNo}
}

// Empty says whether the policy decides nothing.
func (p Policy) Empty() bool { return p == Policy{} }

// PolicyOrigin says which group a field of an effective policy came from.
type PolicyOrigin struct {
	Mode    GroupID
	Restart GroupID
}

// EffectivePolicy folds the policies of the groups that a computer belongs to,
// ancestors included. For each of mode (with its time) and restart rule (with
// its time) the deepest group that sets it wins; among equals the stricter
// value, then the group's identifier, so that the answer is always the same
// (docs/rules.md, policy).
func EffectivePolicy(t *GroupTree, groups []GroupID) (Policy, PolicyOrigin) {
	ids := slices.Clone(groups)
	slices.SortFunc(ids, func(a, b GroupID) int {
		ga, gb := t.Group(a), t.Group(b)
		return cmp.Or(-cmp.Compare(t.Depth(a), t.Depth(b)), -cmp.Compare(ga.Policy.Mode, gb.Policy.Mode), cmp.Compare(a, b))
	})
	var out Policy
	var from PolicyOrigin
	for _, id := range ids {
		if p := t.Group(id).Policy; p.Mode != ModeUnset {
			out.Mode, out.Install, from.Mode = p.Mode, p.Install, id
			break
		}
	}
	slices.SortFunc(ids, func(a, b GroupID) int {
		ga, gb := t.Group(a), t.Group(b)
		return cmp.Or(-cmp.Compare(t.Depth(a), t.Depth(b)), cmp.Compare(ga.Policy.Restart, gb.Policy.Restart), cmp.Compare(a, b))
	})
	for _, id := range ids {
		if p := t.Group(id).Policy; p.Restart != RestartUnset {
			out.Restart, out.RestartAt, from.Restart = p.Restart, p.RestartAt, id
			break
		}
	}
	return out, from
}

// Stricter gives the policy that a computer obeys when its own file says local:
// the mode that does less by itself, the restart rule that restarts less, and
// the server's times unless the file replaces them (design 7: a file on the
// computer may only be stricter).
func (p Policy) Stricter(local Policy) Policy {
	if local.Mode > p.Mode {
		p.Mode, p.Install = local.Mode, cmp.Or(local.Install, p.Install)
	} else if local.Mode == p.Mode && local.Install != nil {
		p.Install = local.Install
	}
	if local.Restart != RestartUnset && local.Restart < p.Restart {
		p.Restart, p.RestartAt = local.Restart, cmp.Or(local.RestartAt, p.RestartAt)
	}
	return p
}
