package metadata

import (
	"time"

	"fettle/model"
)

// Identity names one revision of an update for ever. Its ID is in lower case,
// whatever the document writes: 798 of 4,125 real ones have capitals.
type Identity = model.DocumentKey

// Type is what a document describes.
type Type = model.DocumentKind

// The types.
const (
	Software  = model.DocumentSoftware
	Driver    = model.DocumentDriver
	Category  = model.DocumentCategory
	Detectoid = model.DocumentDetectoid
)

// Update is what one revision's document says (update-metadata 2).
type Update struct {
	Identity
	Written    string // the identifier as the document spells it
	Type       Type
	Deployable bool // ExplicitlyDeployable: an administrator decides about it

	Handler         string // namespace of the handler that installs it; empty for detectoids and pure bundles
	HandlerType     string // local name of HandlerSpecificData's type, such as "Cbs" or "CommandLineInstallation"
	DefaultLanguage string
	Publisher       string
	EulaID          string // names its licence terms, which several updates may share
	Created         time.Time
	Publication     model.Publication
	Severity        model.Severity
	DetectoidType   string
	LegacyName      string
	ProductName     string // ProductName, ReleaseVersion and ReleaseRevision: what an operating system installer brings
	ReleaseVersion  string
	ReleaseRevision string
	MaxDownload     int64 // bytes
	MinDownload     int64

	AutoSelect   bool // AutoSelectOnWebSites
	Beta         bool
	BrowseOnly   bool
	Mandatory    bool
	OSUpgrade    bool
	PerUser      bool
	Public       bool
	ReacceptEula bool // RequiresReacceptanceOfEula

	KB           []string // digits only
	Bulletins    []string
	CVEs         []string
	Languages    []string // of the package; "all" is one
	SupportURLs  []string
	MoreInfoURLs []string

	Installation   *Behavior
	Uninstallation *Behavior // there being one makes an update removable (update-metadata 2)

	Texts         []Text     // in the document's order
	Eulas         []EulaFile // licence terms by language
	Supersedes    []model.UpdateID
	Prerequisites []Clause       // all of these clauses must hold: conjunctive normal form
	Bundles       []BundleClause // what it consists of: something of each clause
	Files         []File
	Category      *CategoryInformation // of a category
	Drivers       []DriverMetadata     // of a driver; at most Limits.Drivers

	// Rules is the ApplicabilityRules element in the form that fragments have
	// (names folded, no namespaces), so that it stands for itself. It is nil when
	// there is none or it is longer than Limits.Rules; RulesSize is its length in
	// any case, and RulesDigest the SHA-256 of it: documents and the fragments
	// derived from them have the same digest.
	Rules       []byte
	RulesSize   int64
	RulesDigest [32]byte
}

// HasRules says whether the document states applicability rules.
func (u *Update) HasRules() bool { return u.RulesSize > 0 }

// IsBundle says whether the update consists of others.
func (u *Update) IsBundle() bool { return len(u.Bundles) > 0 }

// Behavior is how an installation or a removal behaves.
type Behavior struct {
	Restart model.Restart // never where the element does not say: it is the first of the enumeration, and servers leave out what is the default
	Impact  string        // Normal, Minor or RequiresExclusiveHandling
	Input   bool          // CanRequestUserInput
	Network bool          // RequiresNetworkConnectivity
}

// Text is what an update says in one language.
type Text struct {
	Language       string // as written, such as "en" or "pt-br"
	Title          string
	Description    string
	UninstallNotes string
	MoreInfoURLs   []string
	SupportURL     string
}

// EulaFile is the file of licence terms in one language.
type EulaFile struct {
	File
	Language string
	GeoID    string
}

// Clause is one clause of the prerequisites: any one of its updates must be
// installed.
type Clause struct {
	IDs        []model.UpdateID
	IsCategory bool // the document says that its members are categories; plain clauses may name categories all the same
}

// BundleClause is one clause of what an update consists of. The revisions are
// exact.
type BundleClause struct {
	AnyOf   bool // the computer picks those that apply; otherwise all are meant
	Members []Identity
}

// File is one payload file.
type File struct {
	Name         string
	Size         int64
	SHA1         []byte // 20 bytes, or nil
	SHA256       []byte // 32 bytes, or nil
	Modified     time.Time
	PatchingType string // SelfContained, Express and others
	Preferred    string // PatchingTypePreferred of operating system installers: Metadata, ServicingStack
	Encrypted    bool
}

// CategoryInformation is what a category says of itself.
type CategoryInformation struct {
	Kind                   model.CategoryKind
	ProhibitsUpdates       bool
	ProhibitsSubcategories bool
	ExcludedByDefault      bool
	DisplayOrder           int
}

// DriverMetadata is one hardware that a driver is for.
type DriverMetadata struct {
	HardwareID   string
	Class        string
	Manufacturer string
	Provider     string
	Model        string
	Company      string
	Version      string // DriverVerVersion
	Date         string // DriverVerDate
	WhqlID       string
}
