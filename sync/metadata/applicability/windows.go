package applicability

import (
	"cmp"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"fettle/model"
)

// WindowsTest compares the operating system: WindowsVersion, PlatformVersion.
// The schema says that it is VerifyVersionInfo, whose rules hold: major and
// minor version and service pack are compared in sequence, the build number for
// itself by the same comparison, the product type for equality.
type WindowsTest struct {
	Comparison               Comparison
	Major, Minor             *uint64
	Build                    *uint64
	ServiceMajor, ServiceMin *uint64
	Suites                   *uint64
	AllSuites                bool
	ProductType              *uint64
}

func readWindows(a *attributes) Test {
	return &WindowsTest{
		Comparison:   a.optionalComparison(scalarComparisons),
		Major:        a.number("MajorVersion", 32),
		Minor:        a.number("MinorVersion", 32),
		Build:        a.number("BuildNumber", 32),
		ServiceMajor: a.number("ServicePackMajor", 16),
		ServiceMin:   a.number("ServicePackMinor", 16),
		Suites:       a.number("SuiteMask", 16),
		AllSuites:    a.flag("AllSuitesMustBePresent"),
		ProductType:  a.number("ProductType", 16),
	}
}

// productTypes are the kinds of Windows (always compared for equality).
var productTypes = []string{1: "workstation", 2: "domain controller", 3: "server"}

// suiteNames are the bits of the suite mask.
var suiteNames = []string{"Small Business", "Enterprise", "BackOffice", "Communications", "Terminal Services", "Small Business Restricted",
	"Embedded", "Datacenter", "Single User Terminal Services", "Home", "Web", "Storage Server", "Compute Cluster", "Home Server"}

func productTypeName(n uint64) string {
	if n > 0 && n < uint64(len(productTypes)) {
		return productTypes[n]
	}
	return "product type " + strconv.FormatUint(n, 10)
}

// version is the version that is compared, "" when none is.
func (t *WindowsTest) version() string {
	c := t.Comparison.limit()
	switch {
	case t.Major == nil && t.Minor == nil && t.Build == nil:
		return ""
	case t.Major == nil && t.Minor == nil:
		return "Windows build " + c + strconv.FormatUint(*t.Build, 10)
	}
	major, minor := "*", "*"
	if t.Major != nil {
		major = strconv.FormatUint(*t.Major, 10)
	}
	if t.Minor != nil {
		minor = strconv.FormatUint(*t.Minor, 10)
	}
	v := major + "." + minor
	if t.Minor == nil {
		v = major
	}
	switch {
	case t.Build == nil:
		return "Windows " + c + v
	case t.Comparison == LessThan || t.Comparison == GreaterThan || t.Minor == nil || t.Major == nil:
		// Each is compared for itself, which a single number would hide.
		return "Windows " + c + v + " and build " + c + strconv.FormatUint(*t.Build, 10)
	case t.Comparison == EqualTo:
		return "Windows " + v + "." + strconv.FormatUint(*t.Build, 10)
	}
	return "Windows build " + c + v + "." + strconv.FormatUint(*t.Build, 10)
}

func (t *WindowsTest) phrase(not bool) string {
	var parts []string
	s := t.version()
	if t.ServiceMajor != nil || t.ServiceMin != nil {
		sp := "Service Pack "
		switch {
		case t.ServiceMajor == nil:
			sp += "*." + strconv.FormatUint(*t.ServiceMin, 10)
		case t.ServiceMin == nil:
			sp += strconv.FormatUint(*t.ServiceMajor, 10)
		default:
			sp += strconv.FormatUint(*t.ServiceMajor, 10) + "." + strconv.FormatUint(*t.ServiceMin, 10)
		}
		if s == "" {
			s = "Windows " + t.Comparison.limit() + sp
		} else {
			s += " " + sp
		}
	}
	if t.ProductType != nil {
		parts = append(parts, productTypeName(*t.ProductType))
	}
	if t.Suites != nil {
		parts = append(parts, suitesText(*t.Suites, t.AllSuites))
	}
	switch {
	case s == "" && len(parts) == 0:
		s = "any Windows"
	case s == "":
		s = "Windows " + strings.Join(parts, ", ")
	case len(parts) > 0:
		s += " (" + strings.Join(parts, ", ") + ")"
	}
	return choose(not, "not ", "") + s
}

// enumerated takes the phrase apart where tests often differ in one thing: the
// product type, or else the whole version.
func (t *WindowsTest) enumerated() (before, after string, values []string) {
	switch s := t.phrase(false); {
	case t.Suites != nil:
		return "", "", nil
	case t.ProductType != nil && strings.HasSuffix(s, ")"):
		name := productTypeName(*t.ProductType)
		return strings.TrimSuffix(s, name+")"), ")", []string{name}
	case t.ProductType == nil && t.Comparison == EqualTo && t.Major != nil && t.Minor != nil && t.ServiceMajor == nil && t.ServiceMin == nil:
		return "Windows ", "", []string{strings.TrimPrefix(s, "Windows ")}
	}
	return "", "", nil
}

func suitesText(mask uint64, all bool) string {
	var names []string
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if i < len(suiteNames) {
			names = append(names, suiteNames[i])
		} else {
			names = append(names, fmt.Sprintf("%#x", uint64(1)<<i))
		}
	}
	if len(names) == 0 {
		return "suite mask 0"
	}
	return choose(len(names) == 1, "suite ", "suites ") + enumerate(names, choose(all, "and", "or"))
}

func (t *WindowsTest) evaluate(e *evaluation) (Truth, string) {
	w := &e.computer.Windows
	have := w.known()
	result := Yes
	if t.ProductType != nil {
		result = result.And(equal(have.productType, *t.ProductType))
	}
	if t.Suites != nil {
		switch {
		case w.Suites == nil:
			result = result.And(Unknown)
		case t.AllSuites:
			result = result.And(truth(uint64(*w.Suites)&*t.Suites == *t.Suites))
		default:
			result = result.And(truth(uint64(*w.Suites)&*t.Suites != 0))
		}
	}
	if t.Build != nil {
		result = result.And(compared(have.build, *t.Build, t.Comparison))
	}
	return result.And(t.sequence(have)), w.words()
}

// sequence compares major, minor and service pack as one number.
func (t *WindowsTest) sequence(have knownWindows) Truth {
	equalSoFar, asked := Yes, false
	for _, p := range []struct {
		want *uint64
		have *uint64
	}{{t.Major, have.major}, {t.Minor, have.minor}, {t.ServiceMajor, have.serviceMajor}, {t.ServiceMin, have.serviceMinor}} {
		if p.want == nil {
			continue
		}
		asked = true
		if p.have == nil {
			if t.Comparison != EqualTo {
				return Unknown
			}
			equalSoFar = equalSoFar.And(Unknown)
			continue
		}
		if c := cmp.Compare(*p.have, *p.want); c != 0 {
			return truth(t.Comparison.ordered(c)) // for EqualTo No, whatever the rest is
		}
	}
	if !asked {
		return Yes
	}
	return equalSoFar.And(truth(t.Comparison.ordered(0)))
}

// knownWindows is what a description says, in numbers; nil = not stated.
type knownWindows struct {
	major, minor, build, revision, serviceMajor, serviceMinor, productType *uint64
}

func (w *Windows) known() knownWindows {
	var k knownWindows
	if v, err := ParseVersion(w.Version); err == nil {
		for i, p := range []**uint64{&k.major, &k.minor, &k.build, &k.revision} {
			if i < v.Count {
				*p = number(uint64(v.Parts[i]))
			}
		}
		if v.Parts[0] >= 10 { // Windows 10 and later have no service packs
			k.serviceMajor, k.serviceMinor = number(0), number(0)
		}
	}
	if v, err := ParseVersion(w.ServicePack); err == nil {
		k.serviceMajor, k.serviceMinor = number(uint64(v.Parts[0])), nil
		if v.Count > 1 {
			k.serviceMinor = number(uint64(v.Parts[1]))
		}
	}
	if n, ok := productTypeNumber(w.ProductType); ok {
		k.productType = &n
	}
	return k
}

func productTypeNumber(s string) (uint64, bool) {
	for i, name := range productTypes {
		if i > 0 && strings.EqualFold(s, name) {
			return uint64(i), true
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return n, err == nil
}

// words say what the operating system is described to be.
func (w *Windows) words() string {
	var s []string
	if w.Version != "" {
		s = append(s, "it is "+model.Clean(w.Version))
	}
	if w.ServicePack != "" {
		s = append(s, "Service Pack "+model.Clean(w.ServicePack))
	}
	if w.ProductType != "" {
		s = append(s, model.Clean(w.ProductType))
	}
	if len(s) == 0 {
		return notStated
	}
	return strings.Join(s, ", ")
}

func number(n uint64) *uint64 { return &n }

// equal and compared are comparisons with what may not be stated.
func equal(have *uint64, want uint64) Truth { return compared(have, want, EqualTo) }

func compared(have *uint64, want uint64, c Comparison) Truth {
	if have == nil {
		return Unknown
	}
	return truth(c.ordered(cmp.Compare(*have, want)))
}

// PlatformTest asks which operating system there is: Platform.
type PlatformTest struct{ ID string }

func (t *PlatformTest) phrase(not bool) string {
	return "the platform is " + choose(not, "not ", "") + model.Clean(t.ID)
}

func (t *PlatformTest) evaluate(e *evaluation) (Truth, string) {
	have := e.computer.Windows.Platform
	if have == "" && e.computer.Windows.Version != "" {
		have = "Windows"
	}
	if have == "" {
		return Unknown, notStated
	}
	return truth(strings.EqualFold(have, t.ID)), "it is " + model.Clean(have)
}
