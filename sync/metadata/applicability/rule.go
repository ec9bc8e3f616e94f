package applicability

import "iter"

// Section is one of the three questions that rules answer.
type Section string

// The sections, in the order of documents.
const (
	SectionInstalled   Section = "IsInstalled"
	SectionSuperseded  Section = "IsSuperseded"
	SectionInstallable Section = "IsInstallable"
)

// Sections lists the sections in the order of documents.
func Sections() []Section {
	return []Section{SectionInstalled, SectionSuperseded, SectionInstallable}
}

// Operator is the name of a rule element without its prefix, such as RegDword.
type Operator string

// The operators with operands; the others are leaves (Operators lists them).
const (
	And        Operator = "And"
	Or         Operator = "Or"
	Not        Operator = "Not"
	RegKeyLoop Operator = "RegKeyLoop" // has one operand, evaluated for every subkey
)

// Attribute is an attribute of a rule as the document has it.
type Attribute struct{ Name, Value string }

// Value is a child element that holds text, such as the Product elements of
// MsiFeatureInstalledForProduct.
type Value struct{ Name, Text string }

// Rule is one element of an expression. It is immutable.
type Rule struct {
	Operator   Operator
	Name       string      // the element as it was written, prefix included
	Attributes []Attribute // all of them, in their order
	Values     []Value     // child elements that are not rules
	Children   []*Rule     // the operands of And, Or, Not and RegKeyLoop, and whatever an unknown operator holds
	Test       Test        // what a leaf asks, its attributes read; nil for And, Or, Not and unknown operators
	Problems   []string    // why it cannot be relied on: an unknown operator or attribute, a value that cannot be read

	rules *Rules // that it belongs to: operators without attributes ask about its Metadata
}

// Test is what a leaf asks of a computer, with its attributes read. The types
// that implement it are this package's: RegistryNumber, FileTest and so on.
type Test interface {
	// phrase says it in English, cleaned; not says the opposite.
	phrase(not bool) string
	// evaluate asks it of a described computer; the words say what was found.
	evaluate(e *evaluation) (Truth, string)
}

// Rules are the applicability rules of one revision of an update. A section
// that the update does not have is nil. They are immutable.
type Rules struct {
	ID          string // the update, in lower case, where the input named it (a core fragment or a document); InstalledOnce asks for it
	Installed   *Rule
	Superseded  *Rule
	Installable *Rule
	Metadata    Metadata

	unknown []string
}

// Section returns the expression of a section, nil when there is none.
func (r *Rules) Section(s Section) *Rule {
	switch s {
	case SectionInstalled:
		return r.Installed
	case SectionSuperseded:
		return r.Superseded
	case SectionInstallable:
		return r.Installable
	}
	return nil
}

// Empty says that there are no expressions, as in a bundle, whose state follows
// from its members.
func (r *Rules) Empty() bool {
	return r.Installed == nil && r.Superseded == nil && r.Installable == nil
}

// Unknown lists what the rules hold that this package does not know, each once:
// operators, attributes, and values that could not be read. They are kept and
// printed, and evaluate to Unknown.
func (r *Rules) Unknown() []string { return r.unknown }

// All visits the rule and everything below it, parents first.
func (r *Rule) All() iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) { r.visit(yield) }
}

func (r *Rule) visit(yield func(*Rule) bool) bool {
	if r == nil {
		return true
	}
	if !yield(r) {
		return false
	}
	for _, c := range r.Children {
		if !c.visit(yield) {
			return false
		}
	}
	return true
}

// Leaf says whether the rule asks something of the computer itself, rather than
// combining others.
func (r *Rule) Leaf() bool {
	switch r.Operator {
	case And, Or, Not, RegKeyLoop:
		return false
	}
	return true
}

// Attribute returns the value of an attribute as it was written, "" when there
// is none.
func (r *Rule) Attribute(name string) string {
	for _, a := range r.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Metadata is what stands beside the expressions, for operators without
// attributes and for people: summaries, never whole manifests.
type Metadata struct {
	Packages     []Package     // component based servicing: CbsPackageInstalled, CbsPackageInstallable
	Patches      []Patch       // Windows Installer patches: MsiPatchInstalled ...
	Applications []Application // Windows Installer products: MsiApplicationInstalled ...
	Drivers      []Driver      // WindowsDriverInstalled ...; one for each hardware identifier
	Others       []string      // names of metadata elements that this package does not know
}

// Package names a package of component based servicing, from its manifest.
type Package struct {
	Name, Version, Architecture, Language, PublicKeyToken string
	Identifier, ReleaseType                               string // KB5026368, Security Update
	Description, SupportInformation                       string
}

// Patch is a Windows Installer patch (MsiPatchMetadata).
type Patch struct {
	Code     string // GUID
	Fallback string // FallbackPatchCode
	Targets  []PatchTarget
}

// PatchTarget is a product that a patch is for.
type PatchTarget struct {
	Product    string // product code
	Version    string // "" = any
	Comparison string // of the installed version with Version: Equal, LessThanOrEqual ...
	Filter     string // how many parts are compared: Major, MajorMinor, MajorMinorUpdate, None
	Language   string
}

// Application is a Windows Installer product (MsiApplicationMetadata).
type Application struct {
	Code, Version, Recache string
}

// Driver is what a driver update says about one hardware identifier.
type Driver struct {
	HardwareID, Date, Version, Class, Provider, Manufacturer, Model, Company string
	Compatible                                                               []string // providers whose printer drivers it may replace
}
