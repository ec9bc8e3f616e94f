package model

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// ItemReason says why a package stands in an installation plan.
type ItemReason uint8

// The reasons.
const (
	ItemApproved ItemReason = iota // its update is approved
	ItemNew                        // a new package that an approved one depends on
)

// PlanItem is one package of an installation plan: exactly this version and no
// other.
type PlanItem struct {
	Update  UpdateID   `cbor:"1,keyasint" json:"update"` // the approved update it belongs to, or for which it is needed
	Package string     `cbor:"2,keyasint" json:"package"`
	Arch    string     `cbor:"3,keyasint" json:"arch"`
	From    string     `cbor:"4,keyasint,omitempty" json:"from,omitempty"` // installed version; empty = new package
	To      string     `cbor:"5,keyasint" json:"to"`
	SHA256  []byte     `cbor:"6,keyasint,omitempty" json:"sha256,omitempty"` // from the vendor's signed index
	Size    int64      `cbor:"7,keyasint,omitempty" json:"size,omitempty"`
	Reason  ItemReason `cbor:"8,keyasint,omitempty" json:"reason,omitempty"`
}

// Spec is the form in which apt-get takes the item: name:arch=version.
func (i PlanItem) Spec() string { return i.Package + ":" + i.Arch + "=" + i.To }

// PlannedUpdate is one approved update in an installation plan: when it is due,
// and what it waits for if it cannot be installed yet.
type PlannedUpdate struct {
	Update   UpdateID   `cbor:"1,keyasint" json:"update"`
	Number   uint32     `cbor:"2,keyasint" json:"-"`
	Title    string     `cbor:"3,keyasint" json:"title"`
	Group    GroupID    `cbor:"4,keyasint" json:"group"` // whose approval holds
	Deadline time.Time  `cbor:"5,keyasint" json:"deadline"`
	WaitsFor []UpdateID `cbor:"6,keyasint,omitempty" json:"waits_for,omitempty"`
	Refused  string     `cbor:"7,keyasint,omitempty" json:"refused,omitempty"` // why it is not part of the plan: its closure removes something, apt cannot install it
}

// InstallPlan is the exact list that one computer is to install: numbered,
// expiring, signed by the server. The agent installs nothing else (design 7).
type InstallPlan struct {
	Number    uint64          `cbor:"1,keyasint"`
	Computer  ComputerID      `cbor:"2,keyasint"`
	Issued    time.Time       `cbor:"3,keyasint"`
	Expires   time.Time       `cbor:"4,keyasint"`
	Updates   []PlannedUpdate `cbor:"5,keyasint"`
	Items     []PlanItem      `cbor:"6,keyasint"`
	Policy    Policy          `cbor:"7,keyasint"`
	Signature []byte          `cbor:"8,keyasint,omitempty"` // Ed25519 over the encoding of all else
}

// PlanLifetime is how long a plan may be acted on without asking again: two
// cycles, as peers 4c advises.
const PlanLifetime = 44 * time.Hour

// Items of the plan that belong to the given updates, in the plan's order.
func (p *InstallPlan) For(updates []UpdateID) []PlanItem {
	var out []PlanItem
	for _, it := range p.Items {
		if slices.Contains(updates, it.Update) {
			out = append(out, it)
		}
	}
	return out
}

// BuildPlan puts together what a computer is to install: the approved updates
// with their closures. An update whose closure needs one that is not approved
// waits; one whose closure removes anything, or that apt cannot install, is
// refused with the reason. The result has neither number nor signature.
func BuildPlan(computer ComputerID, approved []PlannedUpdate, closures []Closure, now time.Time) InstallPlan {
	p := InstallPlan{Computer: computer, Issued: now, Expires: now.Add(PlanLifetime)}
	closure := make(map[UpdateID]*Closure, len(closures))
	for i := range closures {
		closure[closures[i].Update] = &closures[i]
	}
	// Waiting is contagious: an update that pulls in a waiting one waits too.
	ok := make(map[UpdateID]bool, len(approved))
	for _, a := range approved {
		c := closure[a.Update]
		ok[a.Update] = c != nil && c.Error == "" && len(c.Removes) == 0
	}
	for changed := true; changed; {
		changed = false
		for _, a := range approved {
			if !ok[a.Update] {
				continue
			}
			for _, n := range closure[a.Update].Needs {
				if !ok[n] {
					ok[a.Update], changed = false, true
					break
				}
			}
		}
	}
	seen := map[string]bool{}
	for _, a := range approved {
		c := closure[a.Update]
		switch {
		case c == nil:
			a.Refused = "the computer has not said yet what installing it would do; it does so at its next check-in"
		case c.Error != "":
			a.Refused = c.Error
		case len(c.Removes) > 0:
			a.Refused = "installing it would remove " + strings.Join(c.Removes, ", ")
		case !ok[a.Update]:
			for _, n := range c.Needs {
				if !ok[n] {
					a.WaitsFor = append(a.WaitsFor, n)
				}
			}
		default:
			for _, it := range c.Items {
				if key := it.Package + ":" + it.Arch; !seen[key] {
					seen[key] = true
					p.Items = append(p.Items, it)
				}
			}
		}
		p.Updates = append(p.Updates, a)
	}
	slices.SortStableFunc(p.Items, func(a, b PlanItem) int {
		return bytes.Compare([]byte(a.Package+":"+a.Arch), []byte(b.Package+":"+b.Arch))
	})
	return p
}
