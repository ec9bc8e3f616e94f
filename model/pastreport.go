package model

import (
	"fmt"
	"strings"
	"time"
)

// PastReports is how many reports are kept of each computer: with one a day
// some seven weeks, with the re-evaluations of a busy catalogue two.
const PastReports = 50

// PastReportUpdates is how many updates one difference of a past report names;
// of more it only says how many they are.
const PastReportUpdates = 100

// PastReport is what one report of a computer said, in brief, and what it
// changed. It is a fact, kept beside the status, which it does not decide.
type PastReport struct {
	Time      time.Time    `cbor:"1,keyasint"`
	Computed  bool         `cbor:"2,keyasint,omitempty"` // the server evaluated the last inventory against a newer catalogue
	First     bool         `cbor:"3,keyasint,omitempty"` // nothing was known before, so that nothing became different
	Needed    int          `cbor:"4,keyasint,omitempty"` // downloaded ones included
	Failed    int          `cbor:"5,keyasint,omitempty"`
	Pending   int          `cbor:"6,keyasint,omitempty"`
	Installed int          `cbor:"7,keyasint,omitempty"`
	Changes   []PastChange `cbor:"8,keyasint,omitempty"`
	Restart   bool         `cbor:"9,keyasint,omitempty"`  // the computer waited for a restart
	Error     string       `cbor:"10,keyasint,omitempty"` // why its detection failed: nothing else is known of that time
	Foreign   []string     `cbor:"11,keyasint,omitempty"` // packages that others installed, outside approvals
}

// PastChange is the updates that came into one state since the report before.
type PastChange struct {
	To      InstallationState `cbor:"1,keyasint"` // NotInstalled for every needed one; NotApplicable for what is needed no longer and not installed
	Count   int               `cbor:"2,keyasint"`
	Updates []uint32          `cbor:"3,keyasint,omitempty"` // the first PastReportUpdates of them
}

// Became gives how many updates came into a state.
func (p *PastReport) Became(s InstallationState) int {
	for _, c := range p.Changes {
		if c.To == s {
			return c.Count
		}
	}
	return 0
}

// pastStates are the states that a past report tells apart, in the order in
// which they are read.
var pastStates = [...]InstallationState{StateFailed, StateNotInstalled, StateInstalledPendingReboot, StateInstalled, StateNotApplicable}

// PastStates gives the states to which a past report's changes lead, in the
// order in which they are read.
func PastStates() []InstallationState { return pastStates[:] }

// PastStateWord says in a clause what came into a state since the report
// before: "became needed".
func PastStateWord(s InstallationState) string {
	switch s {
	case StateFailed:
		return "failed"
	case StateNotInstalled:
		return "became needed"
	case StateInstalledPendingReboot:
		return "waits for a restart"
	case StateInstalled:
		return "was installed"
	}
	return "is needed no longer"
}

// Text says in a clause or more what the report changed.
func (p *PastReport) Text() string {
	var parts []string
	switch {
	case p.Error != "":
		parts = append(parts, "the detection failed: "+Clean(p.Error))
	case p.First:
		parts = append(parts, "the first report")
	}
	for _, s := range pastStates {
		if n := p.Became(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", pastCounts[s], n))
		}
	}
	if len(p.Foreign) > 0 {
		parts = append(parts, fmt.Sprintf("installed by others %d", len(p.Foreign)))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing")
	}
	if p.Restart {
		parts = append(parts, "restart pending")
	}
	return strings.Join(parts, ", ")
}

// pastCounts are the words before the number of updates that came into a state.
var pastCounts = map[InstallationState]string{StateFailed: "failed", StateNotInstalled: "became needed", StateInstalledPendingReboot: "installed but for a restart", StateInstalled: "installed", StateNotApplicable: "needed no longer"}
