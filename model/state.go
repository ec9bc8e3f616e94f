package model

import "time"

// InstallationState is the state of one update on one computer (semantics 3.1).
// It changes only when a computer reports.
type InstallationState uint8

// The installation states, with the values of WSUS.
const (
	StateUnknown InstallationState = iota
	StateNotApplicable
	StateNotInstalled
	StateDownloaded
	StateInstalled
	StateFailed
	StateInstalledPendingReboot
)

var stateNames = [...]struct{ name, word string }{
	{"Unknown", "No status"},
	{"NotApplicable", "Not applicable"},
	{"NotInstalled", "Needed"},
	{"Downloaded", "Needed (downloaded)"},
	{"Installed", "Installed"},
	{"Failed", "Failed"},
	{"InstalledPendingReboot", "Pending restart"},
}

// String gives the state's name, such as "NotInstalled".
func (s InstallationState) String() string { return stateNames[min(int(s), len(stateNames)-1)].name }

// Word gives the word shown for the state, such as "Needed".
func (s InstallationState) Word() string { return stateNames[min(int(s), len(stateNames)-1)].word }

// Needed says whether the update is counted as needed: states 2, 3 and 6.
func (s InstallationState) Needed() bool {
	return s == StateNotInstalled || s == StateDownloaded || s == StateInstalledPendingReboot
}

// NeedState says how it stands with one package that a computer could upgrade.
type NeedState uint8

// The need states. Only Needed packages are installed by an approval; the rest
// say why apt would not, or not yet.
const (
	NeedNeeded   NeedState = iota
	NeedHeld               // held by the administrator of the computer
	NeedPinned             // a pin keeps it, or keeps it below the newest version
	NeedPhased             // this computer's turn in a phased update has not come
	NeedKeptBack           // its dependencies do not allow it now
	NeedWaitsFor           // its closure needs another update that is not approved
	NeedBroken             // dpkg left it half-configured or half-installed
)

var needWords = [...]string{"needed", "held", "pinned", "phased", "kept-back", "waits-for", "half-configured"}

// String gives the word used in lists and JSON, such as "kept-back".
func (n NeedState) String() string { return needWords[min(int(n), len(needWords)-1)] }

// NeededPackage is one package that a computer could upgrade, and how it stands.
type NeededPackage struct {
	Update    UpdateID  `cbor:"1,keyasint,omitempty"` // empty when the catalogue does not know the version
	Package   string    `cbor:"2,keyasint"`
	Arch      string    `cbor:"3,keyasint"`
	Installed string    `cbor:"4,keyasint"`
	Candidate string    `cbor:"5,keyasint"`
	State     NeedState `cbor:"6,keyasint,omitempty"`
	Reason    string    `cbor:"7,keyasint,omitempty"`
	Security  bool      `cbor:"8,keyasint,omitempty"` // by the rule of offline-catalogues E.2
}

// Closure is what installing one update on one computer really does there, as
// apt simulated it: its own packages, new packages that it depends on, and
// other updates that it cannot go without.
type Closure struct {
	Update  UpdateID   `cbor:"1,keyasint" json:"update"`
	Items   []PlanItem `cbor:"2,keyasint" json:"items"`
	Needs   []UpdateID `cbor:"3,keyasint,omitempty" json:"needs,omitempty"`   // other needed updates that it pulls in
	Removes []string   `cbor:"4,keyasint,omitempty" json:"removes,omitempty"` // packages that apt would remove: such a closure is refused
	Error   string     `cbor:"5,keyasint,omitempty" json:"error,omitempty"`   // why apt cannot install it at all
}

// Failure is a failed download or installation of an update on a computer.
type Failure struct {
	Update UpdateID  `cbor:"1,keyasint" json:"update"`
	Time   time.Time `cbor:"2,keyasint" json:"time"`
	Code   string    `cbor:"3,keyasint" json:"code"` // short and stable: "apt-100", "verification", "refused"
	Text   string    `cbor:"4,keyasint" json:"text"` // what happened, and what to do about it
}

// Status is what one computer last reported of every update: the four states
// that stay small as lists of update numbers, the rest by exclusion. Numbers in
// the lists are sorted.
type Status struct {
	Computer   uint32          `cbor:"1,keyasint"`
	Reported   time.Time       `cbor:"2,keyasint"`
	Computed   time.Time       `cbor:"3,keyasint"`           // zero, or when the server re-evaluated the inventory of Reported against a newer catalogue
	Evaluated  uint32          `cbor:"4,keyasint"`           // the highest update number that the status covers; later ones are Unknown
	Needed     []uint32        `cbor:"5,keyasint,omitempty"` // NotInstalled
	Downloaded []uint32        `cbor:"6,keyasint,omitempty"`
	Failed     []uint32        `cbor:"7,keyasint,omitempty"`
	Pending    []uint32        `cbor:"8,keyasint,omitempty"` // InstalledPendingReboot
	Installed  []uint32        `cbor:"9,keyasint,omitempty"`
	Packages   []NeededPackage `cbor:"10,keyasint,omitempty"` // the packages behind Needed, Downloaded and Failed, and those apt offers outside the catalogue
	Others     []NeededPackage `cbor:"11,keyasint,omitempty"` // newer versions exist, but apt does not offer them: pinned, half-configured
	Closures   []Closure       `cbor:"12,keyasint,omitempty"`
	Failures   []Failure       `cbor:"13,keyasint,omitempty"`
}

// Counts are numbers of computers by installation state, for one update.
// Needed counts NotInstalled and Downloaded and InstalledPendingReboot;
// Downloaded and Pending are parts of it, shown apart.
type Counts struct {
	Computers     int // all computers in scope
	Needed        int
	Downloaded    int
	Pending       int
	Failed        int
	Installed     int
	NotApplicable int
	Unknown       int
}

// InstalledOrNA is the percentage of computers known to have the update or not
// to want it; unknown computers stay in the denominator (semantics 3.1). Zero
// computers give 100.
func (c Counts) InstalledOrNA() float64 {
	if c.Computers == 0 {
		return 100
	}
	return 100 * float64(c.Installed+c.NotApplicable) / float64(c.Computers)
}

// ComputerState is the four-way split of computers (semantics 3.6): failed
// before needed before no status before ok.
type ComputerState uint8

// The four-way split.
const (
	ComputerOK ComputerState = iota
	ComputerNoStatus
	ComputerNeeded
	ComputerFailed
)

// String gives the word of the query language.
func (c ComputerState) String() string {
	return [...]string{"ok", "no-status", "needed", "failed"}[min(c, 3)]
}

// UpdateTotals are numbers of updates by state, for one computer.
type UpdateTotals struct {
	Needed    int
	Failed    int
	Pending   int
	Installed int
	Unknown   int
}

// State folds the totals by the precedence of semantics 3.6. A computer that
// never reported has no status.
func (t UpdateTotals) State(reported bool) ComputerState {
	switch {
	case t.Failed > 0:
		return ComputerFailed
	case t.Needed > 0:
		return ComputerNeeded
	case !reported || t.Unknown > 0:
		return ComputerNoStatus
	}
	return ComputerOK
}

// UnknownReason says why a computer has no status (semantics 3.7).
type UnknownReason uint8

// The typed unknowns.
const (
	UnknownNot UnknownReason = iota
	UnknownNeverReported
	UnknownStale
	UnknownNewer
)

// String gives the word of the query language.
func (u UnknownReason) String() string {
	return [...]string{"", "never-reported", "stale", "newer-than-report"}[min(u, 3)]
}

// StaleAfter is how long a computer may stay silent before it counts as stale:
// WSUS's own 30 days (semantics 3.7).
const StaleAfter = 30 * 24 * time.Hour
