package applicability

import (
	"strconv"
	"strings"

	"fettle/model"
)

// ProductTest asks for a product of Windows Installer and, where one is named,
// a patch of it: MsiProductInstalled, MsiPatchInstalledForProduct.
type ProductTest struct {
	Product                string
	Patch                  string // "" = only the product
	VersionMin, VersionMax *Version
	ExcludeMin, ExcludeMax bool
	Language               *uint64
}

func readProduct(patch bool) func(a *attributes) Test {
	return func(a *attributes) Test {
		t := &ProductTest{
			Product:    a.text("ProductCode"),
			VersionMin: a.version("VersionMin"),
			VersionMax: a.version("VersionMax"),
			ExcludeMin: a.flag("ExcludeVersionMin"),
			ExcludeMax: a.flag("ExcludeVersionMax"),
			Language:   a.number("Language", 32),
		}
		if patch {
			t.Patch = a.text("PatchCode")
		}
		return t
	}
}

// filter says which versions and language of the product are meant.
func (t *ProductTest) filter() string {
	var s []string
	if t.VersionMin != nil && t.VersionMax != nil && !t.ExcludeMin && !t.ExcludeMax {
		if t.VersionMin.Compare(*t.VersionMax) == 0 {
			s = append(s, "version "+t.VersionMin.String())
		} else {
			s = append(s, "version "+t.VersionMin.String()+" to "+t.VersionMax.String())
		}
	} else {
		if t.VersionMin != nil {
			s = append(s, "version "+choose(t.ExcludeMin, "> ", ">= ")+t.VersionMin.String())
		}
		if t.VersionMax != nil {
			s = append(s, "version "+choose(t.ExcludeMax, "< ", "<= ")+t.VersionMax.String())
		}
	}
	if t.Language != nil {
		s = append(s, "language "+strconv.FormatUint(*t.Language, 10))
	}
	if len(s) == 0 {
		return ""
	}
	return " " + strings.Join(s, " ")
}

func (t *ProductTest) phrase(not bool) string {
	s := "MSI product " + model.Clean(t.Product) + t.filter()
	if t.Patch != "" {
		s = "MSI patch " + model.Clean(t.Patch) + " of " + s
	}
	return s + choose(not, " is not installed", " is installed")
}

func (t *ProductTest) evaluate(e *evaluation) (Truth, string) {
	p, exists, words := e.product(t.Product)
	if exists != Yes {
		return exists, words
	}
	result := Yes
	if t.VersionMin != nil || t.VersionMax != nil {
		v, err := ParseVersion(p.Version)
		if err != nil {
			result, words = Unknown, "it is installed, its version is not stated"
		} else {
			words = "it is installed in version " + v.String()
			if t.VersionMin != nil {
				c := v.Compare(*t.VersionMin)
				result = result.And(truth(c > 0 || c == 0 && !t.ExcludeMin))
			}
			if t.VersionMax != nil {
				c := v.Compare(*t.VersionMax)
				result = result.And(truth(c < 0 || c == 0 && !t.ExcludeMax))
			}
		}
	}
	if t.Language != nil {
		l := equal(widen(p.Language), *t.Language)
		if p.Language != nil {
			words += ", language " + strconv.FormatUint(uint64(*p.Language), 10)
		} else {
			words += ", its language is not stated"
		}
		result = result.And(l)
	}
	if t.Patch != "" {
		has := p.has(p.Patches, t.Patch)
		result = result.And(has)
		words += ", the patch is " + has.installed()
	}
	return result, words
}

// installed says whether something is there.
func (t Truth) installed() string {
	switch t {
	case Yes:
		return "installed"
	case No:
		return "not installed"
	}
	return notStated
}

// product looks up a product.
func (e *evaluation) product(code string) (*Product, Truth, string) {
	p := e.index.products[guid(code)]
	switch {
	case p != nil && p.Absent, p == nil && e.computer.Products.Complete:
		return nil, No, "it is not installed"
	case p == nil:
		return nil, Unknown, notStated
	}
	return p, Yes, "it is installed"
}

// has says whether a list of the product's holds a name.
func (p *Product) has(list []string, name string) Truth {
	for _, s := range list {
		if guid(s) == guid(name) {
			return Yes
		}
	}
	if p.Complete {
		return No
	}
	return Unknown
}

// PartsTest asks for components or features of products:
// MsiComponentInstalledForProduct, MsiFeatureInstalledForProduct.
type PartsTest struct {
	Features    bool // features, else components
	Parts       []string
	Products    []string
	AllParts    bool
	AllProducts bool
}

func readParts(features bool) func(a *attributes) Test {
	kind := choose(features, "Feature", "Component")
	return func(a *attributes) Test {
		return &PartsTest{
			Features:    features,
			Parts:       a.values(kind),
			Products:    a.values("Product"),
			AllParts:    a.flag("All" + kind + "sRequired"),
			AllProducts: a.flag("AllProductsRequired"),
		}
	}
}

func (t *PartsTest) phrase(not bool) string { return t.say(not, false) }

// say names the parts and products; unless everything is to be spelled out, long
// lists are counted.
func (t *PartsTest) say(not, full bool) string {
	kind := choose(t.Features, "MSI feature", "MSI component")
	return list(kind, t.Parts, t.AllParts, full) + " of " + list("MSI product", t.Products, t.AllProducts, full) + choose(not, " is not installed", " is installed")
}

// list names one thing, or "any of" or "all of" several.
func list(kind string, names []string, every, full bool) string {
	of := choose(every, "all of ", "any of ")
	switch {
	case len(names) == 1:
		return kind + " " + model.Clean(names[0])
	case len(names) >= sameKind && !full:
		return of + model.Number(len(names)) + " " + kind + "s"
	}
	return of + kind + "s " + model.Clean(strings.Join(names, ", "))
}

func (t *PartsTest) evaluate(e *evaluation) (Truth, string) {
	found := Truth(No)
	some, every := No, Yes
	for _, code := range t.Products {
		p, exists, _ := e.product(code)
		found = found.Or(exists)
		here := exists
		if p != nil {
			has := p.Components
			if t.Features {
				has = p.Features
			}
			one, whole := No, Yes
			for _, part := range t.Parts {
				one, whole = one.Or(p.has(has, part)), whole.And(p.has(has, part))
			}
			here = one
			if t.AllParts {
				here = whole
			}
		}
		some, every = some.Or(here), every.And(here)
	}
	result := some
	if t.AllProducts {
		result = every
	}
	switch {
	case found == No:
		return result, "no such product is installed"
	case result == Unknown:
		return result, notStated
	}
	return result, choose(result == Yes, "it is installed", "it is not installed")
}

// PackageState is what an operator without attributes asks about the package
// that the metadata describe.
type PackageState string

// The questions.
const (
	StateInstalled   PackageState = "installed"
	StateSuperseded  PackageState = "superseded"
	StateInstallable PackageState = "installable"
)

// PatchTest asks about the patch of the metadata: MsiPatchInstalled,
// MsiPatchSuperseded, MsiPatchInstallable. It is installed when one of its
// target products has it, and installable when a target product of the right
// version has not; whether it is superseded depends on sequences that are not
// read.
type PatchTest struct {
	State PackageState
	rule  *Rule
}

func (t *PatchTest) phrase(not bool) string {
	s := "this update's MSI patch"
	for i, p := range t.rule.rules.Metadata.Patches {
		s += choose(i == 0, " ", ", ") + model.Clean(p.Code)
	}
	return s + " is " + choose(not, "not ", "") + string(t.State)
}

func (t *PatchTest) evaluate(e *evaluation) (Truth, string) {
	result, words := Unknown, "the metadata do not name the patch"
	for i, p := range e.rules.Metadata.Patches {
		u, w := t.one(e, p)
		if i == 0 || u > result {
			result, words = u, w
		}
	}
	return result, words
}

func (t *PatchTest) one(e *evaluation, patch Patch) (Truth, string) {
	present, installed, fits := No, No, No
	for _, target := range patch.Targets {
		p, exists, _ := e.product(target.Product)
		present = present.Or(exists)
		if p == nil {
			installed, fits = installed.Or(exists), fits.Or(exists)
			continue
		}
		has := p.has(p.Patches, patch.Code)
		if patch.Fallback != "" {
			has = has.Or(p.has(p.Patches, patch.Fallback))
		}
		installed = installed.Or(has)
		fits = fits.Or(target.fits(p).And(has.Not()))
	}
	if len(patch.Targets) == 0 {
		return Unknown, "the metadata do not name the patch's products"
	}
	switch {
	case present == No:
		return No, "no product that it is for is installed"
	case t.State == StateSuperseded:
		return Unknown, "the order of patches is not known"
	case t.State == StateInstallable:
		return fits, "the patch is " + installed.installed()
	}
	return installed, "the patch is " + installed.installed()
}

// fits says whether a patch is for an installed product's version
// (ComparisonType and ComparisonFilter of patch_applicability.xsd).
func (t PatchTarget) fits(p *Product) Truth {
	if t.Version == "" || fold(t.Filter) == "none" || fold(t.Comparison) == "none" {
		return Yes
	}
	want, err := ParseVersion(t.Version)
	if err != nil {
		return Unknown
	}
	have, err := ParseVersion(p.Version)
	if err != nil {
		return Unknown
	}
	keep := 3 // Windows Installer compares three numbers
	switch fold(t.Filter) {
	case "major":
		keep = 1
	case "majorminor":
		keep = 2
	}
	for i := keep; i < len(want.Parts); i++ {
		want.Parts[i], have.Parts[i] = 0, 0
	}
	c := have.Compare(want)
	switch fold(t.Comparison) {
	case "lessthan":
		return truth(c < 0)
	case "lessthanorequal":
		return truth(c <= 0)
	case "greaterthanorequal":
		return truth(c >= 0)
	case "greaterthan":
		return truth(c > 0)
	case "equal", "":
		return truth(c == 0)
	}
	return Unknown
}

// ApplicationTest asks about the product of the metadata: MsiApplicationInstalled,
// MsiApplicationSuperseded, MsiApplicationInstallable. It is installed when the
// product is, and installable when it is not.
type ApplicationTest struct {
	State PackageState
	rule  *Rule
}

func (t *ApplicationTest) phrase(not bool) string {
	s := "this update's MSI product"
	for i, a := range t.rule.rules.Metadata.Applications {
		s += choose(i == 0, " ", ", ") + model.Clean(a.Code)
		if a.Version != "" {
			s += " version " + model.Clean(a.Version)
		}
	}
	return s + " is " + choose(not, "not ", "") + string(t.State)
}

func (t *ApplicationTest) evaluate(e *evaluation) (Truth, string) {
	if len(e.rules.Metadata.Applications) == 0 {
		return Unknown, "the metadata do not name the product"
	}
	a := e.rules.Metadata.Applications[0]
	_, exists, words := e.product(a.Code)
	switch t.State {
	case StateInstallable:
		if exists == Yes && a.Recache != "" && fold(a.Recache) != "never" {
			return Unknown, words + ", whether it can be installed over is not known"
		}
		return exists.Not(), words
	case StateSuperseded:
		return exists.And(Unknown), words
	}
	return exists, words
}
