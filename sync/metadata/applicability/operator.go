package applicability

import (
	"maps"
	"slices"
	"strings"

	"fettle/model"
)

// family is the namespace that an operator belongs to. Fragments keep it for
// three of them, as a letter and a dot before the name (update-metadata 3).
type family uint8

const (
	general  family = iota // logical, update and servicing: no prefix in fragments
	base                   // b.
	msi                    // m.
	driver                 // d.
	anywhere               // in no schema that Microsoft prints: any namespace of the vendor's
)

// Namespaces of Microsoft's update metadata.
const (
	vendorSpace = "http://schemas.microsoft.com/msus/"
	baseSpace   = vendorSpace + "2002/12/BaseApplicabilityRules"
	msiSpace    = vendorSpace + "2002/12/MsiApplicabilityRules"
	driverSpace = vendorSpace + "2002/12/UpdateHandlers/WindowsDriver"
)

// operator is how a rule element is read.
type operator struct {
	family family
	read   func(a *attributes) Test // nil for And, Or and Not
	values []string                 // child elements that hold text
}

// operators are all that Microsoft's schemas and the real data have
// (update-metadata 4).
var operators = map[Operator]operator{
	And: {family: general},
	Or:  {family: general},
	Not: {family: general},

	"True":  {family: general, read: func(*attributes) Test { return &ConstantTest{Yes} }},
	"False": {family: general, read: func(*attributes) Test { return &ConstantTest{No} }},

	"Platform":             {family: base, read: func(a *attributes) Test { return &PlatformTest{a.text("PlatformID")} }},
	"WindowsVersion":       {family: base, read: readWindows},
	"PlatformVersion":      {family: base, read: readWindows},
	"WindowsLanguage":      {family: base, read: func(a *attributes) Test { return &LanguageTest{Language: a.text("Language")} }},
	"PlatformLanguage":     {family: base, read: func(a *attributes) Test { return &LanguageTest{Language: a.text("Language")} }},
	"MuiInstalled":         {family: base, read: readFact("MuiInstalled")},
	"MuiLanguageInstalled": {family: base, read: func(a *attributes) Test { return &LanguageTest{a.text("Language"), true} }},
	"SystemMetric":         {family: base, read: readMetric},
	"Processor":            {family: base, read: readProcessor},
	"NumberOfProcessors": {family: base, read: func(a *attributes) Test {
		return &ProcessorCountTest{a.comparison(scalarComparisons), a.needNumber("Number", 32)}
	}},
	"ClusteredOS":          {family: base, read: readFact("ClusteredOS")},
	"ClusterResourceOwner": {family: base, read: readClusterOwner},

	"FileExists":               {family: base, read: readFile("", false)},
	"FileExistsPrependRegSz":   {family: base, read: readFile("", true)},
	"FileVersion":              {family: base, read: readFile("Version", false)},
	"FileVersionPrependRegSz":  {family: base, read: readFile("Version", true)},
	"FileCreated":              {family: base, read: readFile("Created", false)},
	"FileCreatedPrependRegSz":  {family: base, read: readFile("Created", true)},
	"FileModified":             {family: base, read: readFile("Modified", false)},
	"FileModifiedPrependRegSz": {family: base, read: readFile("Modified", true)},
	"FileSize":                 {family: base, read: readFile("Size", false)},
	"FileSizePrependRegSz":     {family: base, read: readFile("Size", true)},

	"RegKeyExists":   {family: base, read: func(a *attributes) Test { return &RegistryKeyTest{a.registryPath()} }},
	"RegValueExists": {family: base, read: readRegistryValueTest},
	"RegDword": {family: base, read: func(a *attributes) Test {
		return &RegistryNumberTest{a.registryValue(), a.comparison(scalarComparisons), a.needNumber("Data", 32)}
	}},
	"RegExpandSz": {family: base, read: readRegistryText("REG_EXPAND_SZ")},
	"RegSz":       {family: base, read: readRegistryText("REG_SZ")},
	"RegSzToVersion": {family: base, read: func(a *attributes) Test {
		return &RegistryVersionTest{a.registryValue(), a.comparison(scalarComparisons), a.needVersion("Data")}
	}},
	"WUv4RegKeyValue":     {family: base, read: readRegistryLegacy(false)},
	"WUv4RegKeySubstring": {family: base, read: readRegistryLegacy(true)},
	RegKeyLoop:            {family: base, read: readRegistryLoop},

	"LicenseValueExists": {family: base, read: readLicence(true)},
	"LicenseDword":       {family: base, read: readLicence(false)},
	"WmiQuery":           {family: base, read: readWMI},
	"InstalledOnce":      {family: base, read: readFact("InstalledOnce")},
	"GenericQuery":       {family: base, read: readQuery},

	"MsiProductInstalled":             {family: msi, read: readProduct(false)},
	"MsiPatchInstalledForProduct":     {family: msi, read: readProduct(true)},
	"MsiFeatureInstalledForProduct":   {family: msi, read: readParts(true), values: []string{"Feature", "Product"}},
	"MsiComponentInstalledForProduct": {family: msi, read: readParts(false), values: []string{"Component", "Product"}},
	"MsiPatchInstalled":               {family: msi, read: readPatch(StateInstalled)},
	"MsiPatchSuperseded":              {family: msi, read: readPatch(StateSuperseded)},
	"MsiPatchInstallable":             {family: msi, read: readPatch(StateInstallable)},
	"MsiApplicationInstalled":         {family: msi, read: readApplication(StateInstalled)},
	"MsiApplicationSuperseded":        {family: msi, read: readApplication(StateSuperseded)},
	"MsiApplicationInstallable":       {family: msi, read: readApplication(StateInstallable)},

	"WindowsDriverInstalled":   {family: driver, read: readDriver(StateInstalled)},
	"WindowsDriverSuperseded":  {family: driver, read: readDriver(StateSuperseded)},
	"WindowsDriverInstallable": {family: driver, read: readDriver(StateInstallable)},

	"CbsPackageInstalledByIdentity": {family: general, read: readPackageIdentity},
	"CbsPackageInstalled":           {family: general, read: readPackage(StateInstalled)},
	"CbsPackageInstallable":         {family: general, read: readPackage(StateInstallable)},
	"ProductReleaseInstalled":       {family: general, read: readRelease(true)},
	"ProductReleaseVersion":         {family: general, read: readRelease(false)},
	"DeviceAttribute":               {family: general, read: readDevice},

	"Memory":      {family: anywhere, read: readUndocumented},
	"VideoMemory": {family: anywhere, read: readUndocumented},
	"NFC":         {family: anywhere, read: readUndocumented},
	"Camera":      {family: anywhere, read: readUndocumented},
	"SensorById":  {family: anywhere, read: readUndocumented},
}

func readPatch(s PackageState) func(*attributes) Test {
	return func(a *attributes) Test { return &PatchTest{s, a.rule} }
}

func readApplication(s PackageState) func(*attributes) Test {
	return func(a *attributes) Test { return &ApplicationTest{s, a.rule} }
}

func readDriver(s PackageState) func(*attributes) Test {
	return func(a *attributes) Test { return &DriverTest{s, a.rule} }
}

func readPackage(s PackageState) func(*attributes) Test {
	return func(a *attributes) Test { return &PackageTest{State: s, rule: a.rule} }
}

// Operators lists the operators that this package knows, by name.
func Operators() []Operator { return slices.Sorted(maps.Keys(operators)) }

// known finds an operator by an element's namespace and name, which fragments
// fold into one: without a namespace b., m. and d. say which it is, and a bare
// name may be any operator, for people write such rules. Operators of the other
// namespaces are told apart by their names alone.
func known(space, local string) (Operator, bool) {
	f, bare := general, false
	switch space {
	case "":
		switch {
		case strings.HasPrefix(local, "b."):
			f, local = base, local[2:]
		case strings.HasPrefix(local, "m."):
			f, local = msi, local[2:]
		case strings.HasPrefix(local, "d."):
			f, local = driver, local[2:]
		default:
			bare = true
		}
	case baseSpace:
		f = base
	case msiSpace:
		f = msi
	case driverSpace:
		f = driver
	default:
		if !strings.HasPrefix(space, vendorSpace) {
			return Operator(local), false
		}
	}
	o, ok := operators[Operator(local)]
	return Operator(local), ok && (bare || o.family == anywhere || o.family == f)
}

// written is the rule's element as it was written, on one line and cleaned: what
// is shown of a rule that is not understood.
func (r *Rule) written() string {
	var b strings.Builder
	b.WriteString(model.Clean(r.Name))
	for _, a := range r.Attributes {
		b.WriteString(" " + model.Clean(a.Name) + "=" + quoted(a.Value))
	}
	for _, v := range r.Values {
		if v.Name == "" {
			b.WriteString(" " + quoted(v.Text))
		} else {
			b.WriteString(" " + model.Clean(v.Name) + ": " + quoted(v.Text))
		}
	}
	return b.String()
}
