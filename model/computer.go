package model

import "time"

// ComputerID identifies a managed computer: for our own agents the machine-id
// or what the certificate says, for Windows the client's GUID.
type ComputerID string

// Platform is the family of a computer's operating system.
type Platform uint8

// The platforms that Fettle manages.
const (
	PlatformUnknown Platform = iota
	PlatformLinux
	PlatformWindows
)

// String gives the word of the query language.
func (p Platform) String() string { return [...]string{"unknown", "linux", "windows"}[min(p, 2)] }

// Role tells servers from clients; it decides the predefined groups.
type Role uint8

// The roles a computer can have.
const (
	RoleUnknown Role = iota
	RoleClient
	RoleServer
)

// String gives the word of the query language.
func (r Role) String() string { return [...]string{"unknown", "client", "server"}[min(r, 2)] }

// Admission says whether a computer that contacted the server is managed.
type Admission uint8

// The admissions. A waiting computer asked to be enrolled and was not answered yet.
const (
	Managed Admission = iota
	Waiting
	Rejected
)

// Computer is a managed computer: who it is and what it said of itself.
type Computer struct {
	ID        ComputerID `cbor:"1,keyasint"`
	Number    uint32     `cbor:"2,keyasint"` // dense, given by the store, from 1
	Name      string     `cbor:"3,keyasint"`
	Addresses []string   `cbor:"4,keyasint,omitempty"`
	OS        string     `cbor:"5,keyasint,omitempty"` // as the computer names it: "Debian GNU/Linux 12 (bookworm)"
	Platform  Platform   `cbor:"6,keyasint"`
	Arch      string     `cbor:"7,keyasint,omitempty"`
	Role      Role       `cbor:"8,keyasint,omitempty"`
	Agent     string     `cbor:"9,keyasint,omitempty"` // version of its agent
	Admission Admission  `cbor:"10,keyasint,omitempty"`
	Local     bool       `cbor:"11,keyasint,omitempty"` // the computer that the store's own process manages
	FirstSeen time.Time  `cbor:"12,keyasint"`
	Contacted time.Time  `cbor:"13,keyasint"` // zero = never
	Reported  time.Time  `cbor:"14,keyasint"` // last status report; zero = never
	Scan      ScanResult `cbor:"15,keyasint"`
	Policy    Policy     `cbor:"16,keyasint"`           // what the computer says it obeys: the server's policy made stricter by its own file
	Pending   []string   `cbor:"17,keyasint,omitempty"` // why a restart is pending; empty = none is
	Foreign   []string   `cbor:"18,keyasint,omitempty"` // packages installed by others, outside approvals, since the report before
	NextCheck time.Time  `cbor:"19,keyasint"`           // the check-in that its agent intends next; zero = not said
	Kernel    string     `cbor:"20,keyasint,omitempty"` // running kernel
	Zone      string     `cbor:"21,keyasint,omitempty"` // IANA name of its time zone
	Requested []string   `cbor:"23,keyasint,omitempty"` // names of the groups that the computer asks for: client-side targeting
	Remarks   []string   `cbor:"22,keyasint,omitempty"` // what its agent wants the administrator to know: its own policy file cannot be read
}

// ScanResult says how the last detection on a computer went. A failed scan is
// an error, never "up to date" (peers 6c.1).
type ScanResult struct {
	Time    time.Time `cbor:"1,keyasint" json:"time"`
	Error   string    `cbor:"2,keyasint,omitempty" json:"error,omitempty"`
	ListAge time.Time `cbor:"3,keyasint" json:"lists"`                       // when its package lists were last refreshed; zero = not known
	Refresh string    `cbor:"4,keyasint,omitempty" json:"refresh,omitempty"` // why the lists could not be refreshed, if so
}

// Inventory is what is installed on a Debian computer, and from where it takes
// packages: all that is needed to say which updates it needs without asking it.
type Inventory struct {
	Time       time.Time          `cbor:"1,keyasint"`
	Arch       string             `cbor:"2,keyasint"`           // native architecture
	Foreign    []string           `cbor:"3,keyasint,omitempty"` // other architectures that dpkg accepts
	Packages   []InstalledPackage `cbor:"4,keyasint"`           // sorted by name, architecture
	Sources    []PackageSource    `cbor:"5,keyasint"`
	Exceptions []Exception        `cbor:"6,keyasint,omitempty"`
}

// PackageState is dpkg's state of an installed package, as far as it matters.
type PackageState uint8

// The package states. Removed packages whose configuration remains ("rc") are
// not part of an inventory.
const (
	PackageInstalled PackageState = iota
	PackageHalfConfigured
	PackageUnpacked
	PackageHalfInstalled
	PackageTriggers // awaiting or pending triggers
)

// InstalledPackage is one package that dpkg knows as installed.
type InstalledPackage struct {
	Name          string       `cbor:"1,keyasint"`
	Arch          string       `cbor:"2,keyasint"`
	Version       string       `cbor:"3,keyasint"`
	Source        string       `cbor:"4,keyasint,omitempty"` // empty = the same as Name
	SourceVersion string       `cbor:"5,keyasint,omitempty"` // empty = the same as Version
	Held          bool         `cbor:"6,keyasint,omitempty"`
	State         PackageState `cbor:"7,keyasint,omitempty"`
}

// PackageSource is one index that a computer's apt takes packages from.
type PackageSource struct {
	Archive   string `cbor:"1,keyasint" json:"archive"`  // Origin
	Codename  string `cbor:"2,keyasint" json:"codename"` // "bookworm-security"
	Suite     string `cbor:"3,keyasint,omitempty" json:"suite,omitempty"`
	Label     string `cbor:"4,keyasint,omitempty" json:"label,omitempty"`
	Component string `cbor:"5,keyasint,omitempty" json:"component,omitempty"`
	Arch      string `cbor:"6,keyasint,omitempty" json:"arch,omitempty"`
	Priority  int    `cbor:"7,keyasint" json:"priority"` // apt's, without the pins of single packages
	Site      string `cbor:"8,keyasint,omitempty" json:"site,omitempty"`
}

// Exception tells where apt's own answer differs from what the sources'
// priorities alone would give: a pin of a single package, phasing, a package
// kept back by its dependencies.
type Exception struct {
	Package   string    `cbor:"1,keyasint" json:"package"`
	Arch      string    `cbor:"2,keyasint" json:"arch"`
	Candidate string    `cbor:"3,keyasint" json:"candidate"` // apt's candidate; equal to the installed version when nothing newer may come
	State     NeedState `cbor:"4,keyasint" json:"state"`
	Reason    string    `cbor:"5,keyasint,omitempty" json:"reason,omitempty"`
}
