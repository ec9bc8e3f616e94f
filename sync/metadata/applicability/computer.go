package applicability

import (
	"sync/atomic"
	"time"
)

// Computer describes a computer to evaluate rules against: for simulated
// computers, for tests, and to ask whether an update would apply. It is read
// from TOML or JSON, or made by a program.
//
// What it does not state is Unknown. A part with Complete set states everything
// there is, so that what it lacks is known to be absent; Absent declares one
// thing absent. What is stated of a key, a file or a product in several places
// counts together.
//
// Four things follow from others when they are not stated themselves: Folders
// are where Windows puts them, the device attributes OSVersion and ProductType
// are those of Windows, the releases of the operating system itself (Server.OS
// and Client.OS of the processor's architecture) have the version of Windows,
// and a cumulative update of Windows (Package_for_RollupFix, whose version is a
// build and its revision) is installed when Windows has that build and at least
// that revision.
//
// It must not be changed after it was first evaluated against.
type Computer struct {
	Name       string            `json:"name,omitempty" toml:"name,omitempty"`
	Windows    Windows           `json:"windows,omitzero" toml:"windows,omitempty"`
	Processor  Processor         `json:"processor,omitzero" toml:"processor,omitempty"`
	Language   Language          `json:"language,omitzero" toml:"language,omitempty"`
	Registry   Registry          `json:"registry,omitzero" toml:"registry,omitempty"`
	Folders    map[string]string `json:"folders,omitempty" toml:"folders,omitempty"` // by name (System32, ProgramFiles ...: FolderNames) or CSIDL number -> path
	Files      Files             `json:"files,omitzero" toml:"files,omitempty"`
	Products   Products          `json:"products,omitzero" toml:"products,omitempty"`
	Packages   Packages          `json:"packages,omitzero" toml:"packages,omitempty"`
	WMI        []WMIAnswer       `json:"wmi,omitempty" toml:"wmi,omitempty"`
	Queries    []QueryAnswer     `json:"queries,omitempty" toml:"queries,omitempty"`
	Licences   Licences          `json:"licences,omitzero" toml:"licences,omitempty"`
	Metrics    map[string]int64  `json:"metrics,omitempty" toml:"metrics,omitempty"` // index of GetSystemMetrics -> value
	Attributes Attributes        `json:"attributes,omitzero" toml:"attributes,omitempty"`
	Releases   Releases          `json:"releases,omitzero" toml:"releases,omitempty"`
	Devices    Devices           `json:"devices,omitzero" toml:"devices,omitempty"`
	Cluster    Cluster           `json:"cluster,omitzero" toml:"cluster,omitempty"`
	History    History           `json:"history,omitzero" toml:"history,omitempty"`

	made atomic.Pointer[index]
}

// Windows is the operating system.
type Windows struct {
	Version     string  `json:"version,omitempty" toml:"version,omitempty"`           // "10.0.26100.4349"; parts that are left out are not known
	ServicePack string  `json:"service_pack,omitempty" toml:"service_pack,omitempty"` // "1" or "1.0"; "0" = none
	ProductType string  `json:"product_type,omitempty" toml:"product_type,omitempty"` // workstation, domain controller, server, or the number
	Suites      *uint32 `json:"suites,omitempty" toml:"suites,omitempty"`             // the suite mask
	Platform    string  `json:"platform,omitempty" toml:"platform,omitempty"`         // "" = Windows, as soon as a version is stated
}

// Processor is the processor, or what the operating system takes it for.
type Processor struct {
	Architecture string  `json:"architecture,omitempty" toml:"architecture,omitempty"` // x86, x64, arm, arm64, ia64
	Level        *uint32 `json:"level,omitempty" toml:"level,omitempty"`
	Revision     *uint32 `json:"revision,omitempty" toml:"revision,omitempty"`
	Count        *uint32 `json:"count,omitempty" toml:"count,omitempty"`
}

// Language is the language of the operating system.
type Language struct {
	Windows      string   `json:"windows,omitempty" toml:"windows,omitempty"`           // "en-us"
	Multilingual *bool    `json:"multilingual,omitempty" toml:"multilingual,omitempty"` // whether the Multilingual User Interface is installed
	Installed    []string `json:"installed,omitempty" toml:"installed,omitempty"`       // its languages
	Complete     bool     `json:"complete,omitempty" toml:"complete,omitempty"`         // Installed lists all of them
}

// Registry is the registry.
type Registry struct {
	Complete bool          `json:"complete,omitempty" toml:"complete,omitempty"`
	Keys     []RegistryKey `json:"keys,omitempty" toml:"keys,omitempty"`
}

// RegistryKey is a key with its values. The keys above it exist too.
type RegistryKey struct {
	Path     string                   `json:"path" toml:"path"`                             // 'HKLM\SOFTWARE\Microsoft', or HKEY_LOCAL_MACHINE; without a root HKLM is meant
	View     int                      `json:"view,omitempty" toml:"view,omitempty"`         // 32 = the path is as a 32-bit program sees it
	Complete bool                     `json:"complete,omitempty" toml:"complete,omitempty"` // its values and everything below are stated
	Absent   bool                     `json:"absent,omitempty" toml:"absent,omitempty"`
	Values   map[string]RegistryValue `json:"values,omitempty" toml:"values,omitempty"` // "" = the default value
}

// RegistryValue is a value of a key. In TOML and JSON a string is a REG_SZ, a
// number a REG_DWORD, false a value that does not exist, true one of which only
// the existence is known, and a table gives the type:
// {type = "REG_EXPAND_SZ", data = "..."}.
type RegistryValue struct {
	Type   string // REG_SZ, REG_DWORD ...; "" = not known
	Text   string // of REG_SZ, REG_EXPAND_SZ
	Number uint64 // of REG_DWORD, REG_QWORD
	Known  bool   // the data is stated
	Absent bool
}

// Files are the files that were looked at.
type Files struct {
	Complete bool   `json:"complete,omitempty" toml:"complete,omitempty"`
	Files    []File `json:"list,omitempty" toml:"list,omitempty"`
}

// File is a file. Its path may begin with a folder's name: '%System32%\wuaueng.dll'.
type File struct {
	Path     string     `json:"path" toml:"path"`
	Absent   bool       `json:"absent,omitempty" toml:"absent,omitempty"`
	Version  string     `json:"version,omitempty" toml:"version,omitempty"` // "none" = the file has none
	Size     *int64     `json:"size,omitempty" toml:"size,omitempty"`
	Created  *time.Time `json:"created,omitempty" toml:"created,omitempty"`
	Modified *time.Time `json:"modified,omitempty" toml:"modified,omitempty"`
	Language *uint32    `json:"language,omitempty" toml:"language,omitempty"`
}

// Products are the products of Windows Installer.
type Products struct {
	Complete bool      `json:"complete,omitempty" toml:"complete,omitempty"`
	Products []Product `json:"list,omitempty" toml:"list,omitempty"`
}

// Product is one of them.
type Product struct {
	Code       string   `json:"code" toml:"code"`
	Absent     bool     `json:"absent,omitempty" toml:"absent,omitempty"`
	Version    string   `json:"version,omitempty" toml:"version,omitempty"`
	Language   *uint32  `json:"language,omitempty" toml:"language,omitempty"`
	Complete   bool     `json:"complete,omitempty" toml:"complete,omitempty"` // features, components and patches are all stated
	Features   []string `json:"features,omitempty" toml:"features,omitempty"`
	Components []string `json:"components,omitempty" toml:"components,omitempty"`
	Patches    []string `json:"patches,omitempty" toml:"patches,omitempty"`
}

// Packages are the packages of component based servicing.
type Packages struct {
	Complete   bool     `json:"complete,omitempty" toml:"complete,omitempty"`     // Installed lists all of them
	Installed  []string `json:"installed,omitempty" toml:"installed,omitempty"`   // identities: name~token~architecture~language~version
	Applicable []string `json:"applicable,omitempty" toml:"applicable,omitempty"` // that could be installed
	Refused    []string `json:"refused,omitempty" toml:"refused,omitempty"`       // that could not
}

// WMIAnswer is what a query of Windows Management Instrumentation finds.
type WMIAnswer struct {
	Namespace string `json:"namespace,omitempty" toml:"namespace,omitempty"` // "" = root\cimv2
	Query     string `json:"query" toml:"query"`                             // blanks and case do not matter
	Found     Truth  `json:"found" toml:"found"`
}

// QueryAnswer is what a servicing stack answers to a GenericQuery.
type QueryAnswer struct {
	Namespace string `json:"namespace" toml:"namespace"`
	Type      string `json:"type" toml:"type"`
	Parameter string `json:"parameter" toml:"parameter"`
	Value     string `json:"value,omitempty" toml:"value,omitempty"` // what a comparison compares
	Holds     Truth  `json:"holds,omitempty" toml:"holds,omitempty"` // the answer where nothing is compared
}

// Licences are the values of software licensing.
type Licences struct {
	Complete bool             `json:"complete,omitempty" toml:"complete,omitempty"`
	Values   map[string]int64 `json:"values,omitempty" toml:"values,omitempty"`
}

// Attributes are the device attributes that the update agent knows.
type Attributes struct {
	Complete bool              `json:"complete,omitempty" toml:"complete,omitempty"`
	Values   map[string]string `json:"values,omitempty" toml:"values,omitempty"`
}

// Releases are the product releases of the unified update platform.
type Releases struct {
	Complete bool              `json:"complete,omitempty" toml:"complete,omitempty"`
	Versions map[string]string `json:"versions,omitempty" toml:"versions,omitempty"` // name -> version
}

// Devices are the devices with their drivers.
type Devices struct {
	Complete bool     `json:"complete,omitempty" toml:"complete,omitempty"`
	Devices  []Device `json:"list,omitempty" toml:"list,omitempty"`
}

// Device is a device. Its hardware identifiers stand in the order of Windows:
// the most exact first.
type Device struct {
	HardwareIDs []string `json:"hardware_ids" toml:"hardware_ids"`
	MatchedID   string   `json:"matched_id,omitempty" toml:"matched_id,omitempty"` // that its driver was chosen by
	Date        string   `json:"driver_date,omitempty" toml:"driver_date,omitempty"`
	Version     string   `json:"driver_version,omitempty" toml:"driver_version,omitempty"`
	NoDriver    bool     `json:"no_driver,omitempty" toml:"no_driver,omitempty"`
}

// Cluster is the computer's place in a cluster of Windows servers.
type Cluster struct {
	Member   *bool    `json:"member,omitempty" toml:"member,omitempty"`
	Complete bool     `json:"complete,omitempty" toml:"complete,omitempty"`
	Owned    []string `json:"owned,omitempty" toml:"owned,omitempty"` // resources that this computer owns
}

// History are the updates that were ever installed, by identifier.
type History struct {
	Complete  bool     `json:"complete,omitempty" toml:"complete,omitempty"`
	Installed []string `json:"installed,omitempty" toml:"installed,omitempty"`
}
