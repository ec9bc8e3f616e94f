package applicability

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"fettle/model"
)

// PackageTest asks for a package of component based servicing:
// CbsPackageInstalledByIdentity names it, CbsPackageInstalled and
// CbsPackageInstallable mean that of the metadata.
//
// A package is installed when it is listed. The cumulative update of Windows is
// also installed when Windows has its build and at least its revision, and can
// be installed when the revision is lower. Otherwise only a description can say
// what the component store would let in, except that it lets in no package of
// another architecture and none that is there already.
type PackageTest struct {
	Identity string // "" = the metadata's
	State    PackageState
	rule     *Rule
}

func readPackageIdentity(a *attributes) Test {
	return &PackageTest{Identity: a.text("PackageIdentity"), State: StateInstalled, rule: a.rule}
}

func (t *PackageTest) phrase(not bool) string {
	end := " is " + choose(not, "not ", "") + string(t.State)
	if t.Identity != "" {
		return "CBS package " + model.Clean(t.Identity) + end
	}
	s := "this update's CBS package"
	for i, p := range t.rule.rules.Metadata.Packages {
		s += choose(i == 0, " ", ", ") + p.String()
	}
	return s + end
}

// String names the package with version and architecture.
func (p Package) String() string {
	return model.Clean(strings.Join(slices.DeleteFunc([]string{p.Name, p.Version, p.Architecture}, func(s string) bool { return s == "" }), " "))
}

// Identity is the package as servicing names it:
// name~token~architecture~language~version.
func (p Package) Identity() string {
	language := p.Language
	if strings.EqualFold(language, "neutral") {
		language = ""
	}
	return strings.Join([]string{p.Name, p.PublicKeyToken, p.Architecture, language, p.Version}, "~")
}

// packageKey is an identity for comparing.
func packageKey(identity string) string {
	return strings.ReplaceAll(fold(strings.TrimSpace(identity)), "~neutral~", "~~")
}

// splitIdentity takes an identity apart.
func splitIdentity(identity string) Package {
	p := Package{Name: identity}
	if f := strings.Split(identity, "~"); len(f) == 5 {
		p = Package{Name: f[0], PublicKeyToken: f[1], Architecture: f[2], Language: f[3], Version: f[4]}
	}
	return p
}

func (t *PackageTest) evaluate(e *evaluation) (Truth, string) {
	if t.Identity != "" {
		return e.packageInstalled(splitIdentity(t.Identity), t.Identity)
	}
	packages := e.rules.Metadata.Packages
	if len(packages) == 0 {
		return Unknown, "the metadata do not name the package"
	}
	result, words := No, ""
	for i, p := range packages { // one manifest is the rule; of several any one may do
		u, w := e.packageInstalled(p, p.Identity())
		if t.State == StateInstallable {
			u, w = e.packageInstallable(p)
		}
		if i == 0 || u > result {
			result, words = u, w
		}
	}
	return result, words
}

func (e *evaluation) packageInstalled(p Package, identity string) (Truth, string) {
	if e.index.packages[packageKey(identity)] {
		return Yes, "it is installed"
	}
	if installed, _, words := e.rollup(p); words != "" {
		return installed, words
	}
	if e.computer.Packages.Complete {
		return No, "it is not installed"
	}
	return Unknown, notStated
}

func (e *evaluation) packageInstallable(p Package) (Truth, string) {
	identity := p.Identity()
	same := func(s string) bool { return packageKey(s) == packageKey(identity) }
	switch {
	case slices.ContainsFunc(e.computer.Packages.Refused, same):
		return No, "it cannot be installed"
	case slices.ContainsFunc(e.computer.Packages.Applicable, same):
		return Yes, "it can be installed"
	case e.index.packages[packageKey(identity)]:
		return No, "it is installed"
	}
	if fits := e.fits(p.Architecture); fits == No {
		return No, "the processor is " + model.Clean(e.computer.Processor.Architecture)
	}
	if _, installable, words := e.rollup(p); words != "" {
		return installable, words
	}
	return Unknown, notStated
}

// fits says whether a package of an architecture can be for this computer:
// 64-bit Windows takes packages of 32-bit components too, but no update is one.
func (e *evaluation) fits(architecture string) Truth {
	want, ok := architectureNumber(architecture)
	if !ok {
		return Unknown
	}
	have, ok := architectureNumber(e.computer.Processor.Architecture)
	if !ok {
		return Unknown
	}
	return truth(have == want)
}

// rollup answers for cumulative updates of Windows, whose version is the build
// and the revision that they bring (fragments of KB5026368: 22000.1936.1.9).
// The words are empty for other packages.
func (e *evaluation) rollup(p Package) (installed, installable Truth, words string) {
	v, err := ParseVersion(p.Version)
	if err != nil || !strings.EqualFold(p.Name, "Package_for_RollupFix") || v.Parts[0] < 10000 {
		return Unknown, Unknown, ""
	}
	have := e.computer.Windows.known()
	if have.build == nil {
		return Unknown, Unknown, ""
	}
	words = e.computer.Windows.words()
	fits := e.fits(p.Architecture)
	if *have.build != uint64(v.Parts[0]) || fits == No {
		return No, No, words
	}
	newer := compared(have.revision, uint64(v.Parts[1]), GreaterThanOrEqualTo)
	return newer.And(fits), newer.Not().And(fits), words
}

// ReleaseTest compares a product release of the unified update platform:
// ProductReleaseInstalled (at least this version), ProductReleaseVersion.
type ReleaseTest struct {
	Name       string
	Comparison Comparison
	Version    Version
	Installed  bool // ProductReleaseInstalled
}

func readRelease(installed bool) func(a *attributes) Test {
	return func(a *attributes) Test {
		t := &ReleaseTest{Name: a.text("Name"), Version: a.needVersion("Version"), Comparison: GreaterThanOrEqualTo, Installed: installed}
		if !installed {
			t.Comparison = a.comparison(scalarComparisons)
		}
		return t
	}
}

func (t *ReleaseTest) phrase(not bool) string {
	if t.Installed {
		return "product release " + model.Clean(t.Name) + " " + t.Version.String() + choose(not, " is not installed", " is installed")
	}
	return choose(not, "not ", "") + "product release " + model.Clean(t.Name) + " " + t.Comparison.sign() + " version " + t.Version.String()
}

func (t *ReleaseTest) evaluate(e *evaluation) (Truth, string) {
	have, ok := e.index.releases[fold(t.Name)]
	if !ok {
		if v, u, words := e.systemRelease(t.Name); words != "" {
			if u != Yes {
				return u, words
			}
			have, ok = v, true
		}
	}
	switch {
	case !ok && e.computer.Releases.Complete:
		return No, "it is not installed"
	case !ok:
		return Unknown, notStated
	}
	v, err := ParseVersion(have)
	if err != nil {
		return Unknown, "it is " + quoted(have) + ", which is not a version"
	}
	return truth(t.Comparison.ordered(v.Compare(t.Version))), "it is " + v.String()
}

// systemRelease answers for the releases that are the operating system itself:
// Server.OS.amd64, Client.OS.RS2.amd64. The words are empty for other releases
// and where the description does not say enough.
func (e *evaluation) systemRelease(name string) (version string, exists Truth, words string) {
	f := strings.Split(fold(name), ".")
	if len(f) < 3 || len(f) > 4 || f[1] != "os" || f[0] != "server" && f[0] != "client" {
		return "", Unknown, ""
	}
	have := e.computer.Windows.known()
	if have.productType != nil && (*have.productType == 1) != (f[0] == "client") {
		return "", No, e.computer.Windows.words()
	}
	fits := e.fits(f[len(f)-1])
	switch {
	case fits == No:
		return "", No, "the processor is " + model.Clean(e.computer.Processor.Architecture)
	case fits == Unknown || have.productType == nil || have.revision == nil:
		return "", Unknown, ""
	}
	return e.computer.Windows.Version, Yes, e.computer.Windows.words()
}

// DeviceTest compares an attribute of the device: DeviceAttribute.
type DeviceTest struct {
	Name       string
	Type       string // String, Version, or a kind of number
	Comparison Comparison
	Value      string
	version    Version
	number     int64
}

// numericTypes are the types that are compared as numbers.
var numericTypes = []string{"integer", "int", "int32", "int64", "uint32", "uint64", "long", "dword", "number", "numeric", "boolean", "bool"}

func readDevice(a *attributes) Test {
	t := &DeviceTest{Name: a.text("Name"), Type: a.text("Type"), Value: a.text("Value")}
	t.Comparison = a.comparison(append(slices.Clone(scalarComparisons), stringComparisons[1:]...))
	var err error
	switch kind := fold(t.Type); {
	case kind == "version":
		if t.version, err = ParseVersion(t.Value); err != nil {
			a.malformed("Value", t.Value)
		}
	case slices.Contains(numericTypes, kind):
		if t.number, err = deviceNumber(t.Value); err != nil {
			a.malformed("Value", t.Value)
		}
	case kind != "string" && t.Type != "":
		a.malformed("Type", t.Type)
	}
	return t
}

// deviceNumber reads a number or a truth value.
func deviceNumber(s string) (int64, error) {
	switch fold(strings.TrimSpace(s)) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	return strconv.ParseInt(strings.TrimSpace(s), 10, 64)
}

func (t *DeviceTest) phrase(not bool) string {
	value := model.Clean(t.Value)
	if fold(t.Type) == "string" {
		value = quoted(t.Value)
	}
	return choose(not, "not ", "") + "device " + model.Clean(t.Name) + " " + t.Comparison.sign() + " " + value
}

func (t *DeviceTest) evaluate(e *evaluation) (Truth, string) {
	have, ok := e.deviceAttribute(t.Name)
	switch {
	case !ok && e.computer.Attributes.Complete:
		return No, "there is no such attribute"
	case !ok:
		return Unknown, notStated
	}
	words := "it is " + quoted(have)
	switch {
	case fold(t.Type) == "version":
		v, err := ParseVersion(have)
		if err != nil {
			return Unknown, words + ", which is not a version"
		}
		return truth(t.Comparison.ordered(v.Compare(t.version))), words
	case slices.Contains(numericTypes, fold(t.Type)):
		n, err := deviceNumber(have)
		if err != nil {
			return Unknown, words + ", which is not a number"
		}
		return truth(t.Comparison.ordered(cmp.Compare(n, t.number))), words
	}
	return truth(t.Comparison.texts(have, t.Value)), words
}

// productTypeCodes are the kinds of Windows as device attributes name them.
var productTypeCodes = []string{1: "WinNT", 2: "LanmanNT", 3: "ServerNT"}

// deviceAttribute is an attribute as stated, or what follows from Windows.
func (e *evaluation) deviceAttribute(name string) (string, bool) {
	if v, ok := e.index.device[fold(name)]; ok {
		return v, true
	}
	have := e.computer.Windows.known()
	switch fold(name) {
	case "osversion":
		if have.revision != nil { // all four numbers are compared
			return e.computer.Windows.Version, true
		}
	case "producttype":
		if n := have.productType; n != nil && *n > 0 && *n < uint64(len(productTypeCodes)) {
			return productTypeCodes[*n], true
		}
	}
	return "", false
}

// DriverTest asks about the driver of the metadata: WindowsDriverInstalled (it
// matches a device as well as the driver that the device has),
// WindowsDriverSuperseded (worse) and WindowsDriverInstallable (better). A match
// is better by a more exact hardware identifier, then by date, then by version.
type DriverTest struct {
	State PackageState
	rule  *Rule
}

func (t *DriverTest) phrase(not bool) string {
	drivers := t.rule.rules.Metadata.Drivers
	s := "this update's driver"
	if len(drivers) > 0 {
		s += " " + model.Clean(drivers[0].HardwareID)
		if v := drivers[0].Version; v != "" {
			s += " version " + model.Clean(v)
		}
		if len(drivers) > 1 {
			s += " and for " + model.Number(len(drivers)-1) + " more identifiers"
		}
	}
	return s + " is " + choose(not, "not ", "") + string(t.State)
}

func (t *DriverTest) evaluate(e *evaluation) (Truth, string) {
	drivers := e.rules.Metadata.Drivers
	if len(drivers) == 0 {
		return Unknown, "the metadata do not name the driver"
	}
	result, words := No, "no device has such an identifier"
	for i := range e.computer.Devices.Devices {
		d := &e.computer.Devices.Devices[i]
		driver, position := d.best(drivers)
		if driver == nil {
			continue
		}
		u, w := t.device(d, driver, position)
		if u > result || words == "no device has such an identifier" {
			result, words = result.Or(u), w
		}
	}
	if result == No && !e.computer.Devices.Complete {
		return Unknown, notStated
	}
	return result, words
}

// best is the metadata's driver that matches a device most exactly.
func (d *Device) best(drivers []Driver) (*Driver, int) {
	for position, id := range d.HardwareIDs {
		for i := range drivers {
			if strings.EqualFold(drivers[i].HardwareID, id) {
				return &drivers[i], position
			}
		}
	}
	return nil, 0
}

func (t *DriverTest) device(d *Device, driver *Driver, position int) (Truth, string) {
	if d.NoDriver {
		return truth(t.State == StateInstallable), "the device has no driver"
	}
	order, known := d.compare(driver, position)
	words := "the device has version " + model.Clean(d.Version)
	switch {
	case !known:
		return Unknown, "what driver the device has is not stated"
	case t.State == StateInstallable:
		return truth(order > 0), words
	case t.State == StateSuperseded:
		return truth(order < 0), words
	}
	return truth(order == 0), words
}

// compare is positive when the update's driver is the better match.
func (d *Device) compare(driver *Driver, position int) (int, bool) {
	current := slices.IndexFunc(d.HardwareIDs, func(id string) bool { return strings.EqualFold(id, d.MatchedID) })
	haveDate, err := parseDate(d.Date)
	if current < 0 || err != nil {
		return 0, false
	}
	date, err := parseDate(driver.Date)
	if err != nil {
		return 0, false
	}
	if c := cmp.Or(cmp.Compare(current, position), date.Compare(haveDate)); c != 0 {
		return c, true
	}
	have, err := ParseVersion(d.Version)
	if err != nil {
		return 0, false
	}
	version, err := ParseVersion(driver.Version)
	if err != nil {
		return 0, false
	}
	return version.Compare(have), true
}
