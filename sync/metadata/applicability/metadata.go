package applicability

import (
	"fmt"

	"fettle/model"
	"fettle/sync/metadata/markup"
)

// metadata reads the Metadata element: what names the packages, and no more.
// Manifests run to 47 MB; they are scanned, and nothing of them is kept
// (offline-catalogues A).
func (p *parser) metadata() error {
	m := &p.rules.Metadata
	return p.children(func() error {
		if p.extra++; p.extra > maxMetadata {
			return tooMuch()
		}
		switch name := string(unfold(p.s.Local())); name {
		case "CbsPackageApplicabilityMetadata":
			pkg, err := p.manifest()
			m.Packages = append(m.Packages, pkg)
			return err
		case "MsiPatchMetadata":
			patch, err := p.patch()
			m.Patches = append(m.Patches, patch)
			return err
		case "MsiApplicationMetadata":
			return p.application()
		case "WindowsDriverMetaData":
			d, err := p.driver()
			m.Drivers = append(m.Drivers, d)
			return err
		default:
			m.Others = append(m.Others, model.Clean(name))
			return p.s.Skip()
		}
	}, nil)
}

func tooMuch() error {
	return fmt.Errorf("the metadata name more than %s things", model.Number(maxMetadata))
}

// attribute is an attribute of the current element, "" when there is none.
func (p *parser) attribute(name string) string {
	if a := p.s.Attribute(name); a != nil {
		return a.Value()
	}
	return ""
}

// manifest reads the identity out of a package's manifest: that of the assembly
// itself, which stands before those of its components.
func (p *parser) manifest() (Package, error) {
	var pkg Package
	assembly := p.s.Depth() + 1
	for {
		kind, err := p.s.Next()
		if err != nil {
			return pkg, unexpected(err)
		}
		depth := p.s.Depth()
		switch {
		case kind == markup.End && depth < assembly-1:
			return pkg, nil
		case kind != markup.Start || depth > assembly+1:
			continue
		}
		switch string(p.s.Local()) {
		case "assembly":
			pkg.Description, pkg.SupportInformation = p.attribute("description"), p.attribute("supportInformation")
		case "assemblyIdentity":
			if pkg.Name == "" {
				pkg.Name, pkg.Version = p.attribute("name"), p.attribute("version")
				pkg.Architecture, pkg.Language = p.attribute("processorArchitecture"), p.attribute("language")
				pkg.PublicKeyToken = p.attribute("publicKeyToken")
			}
		case "package":
			pkg.Identifier, pkg.ReleaseType = p.attribute("identifier"), p.attribute("releaseType")
		}
	}
}

// patch reads MsiPatchMetadata: an MsiPatch and perhaps a FallbackPatchCode.
func (p *parser) patch() (Patch, error) {
	var patch Patch
	err := p.children(func() (err error) {
		switch string(unfold(p.s.Local())) {
		case "MsiPatch":
			patch.Code = p.attribute("PatchGUID")
			return p.children(func() error { return p.target(&patch) }, nil)
		case "FallbackPatchCode":
			patch.Fallback, err = p.text()
			return err
		}
		return p.s.Skip()
	}, nil)
	return patch, err
}

// target reads a child of MsiPatch: a TargetProduct, or in older ones the bare
// TargetProductCode.
func (p *parser) target(patch *Patch) error {
	if p.extra++; p.extra > maxMetadata {
		return tooMuch()
	}
	var t PatchTarget
	var err error
	switch string(p.s.Local()) {
	case "TargetProductCode":
		if t.Product, err = p.text(); err != nil {
			return err
		}
		for _, have := range patch.Targets {
			if guid(have.Product) == guid(t.Product) {
				return nil
			}
		}
		patch.Targets = append(patch.Targets, t)
		return nil
	case "TargetProduct":
	default:
		return p.s.Skip()
	}
	err = p.children(func() (err error) {
		switch string(p.s.Local()) {
		case "TargetProductCode":
			t.Product, err = p.text()
		case "TargetVersion":
			validate := p.attribute("Validate")
			t.Comparison, t.Filter = p.attribute("ComparisonType"), p.attribute("ComparisonFilter")
			if t.Version, err = p.text(); validate == "false" || validate == "0" {
				t.Version = ""
			}
		case "TargetLanguage":
			validate := p.attribute("Validate")
			if t.Language, err = p.text(); validate == "false" || validate == "0" {
				t.Language = ""
			}
		default:
			err = p.s.Skip()
		}
		return err
	}, nil)
	if t.Product != "" {
		patch.Targets = append(patch.Targets, t)
	}
	return err
}

func (p *parser) application() error {
	return p.children(func() (err error) {
		if string(unfold(p.s.Local())) != "ProductCode" {
			return p.s.Skip()
		}
		if p.extra++; p.extra > maxMetadata {
			return tooMuch()
		}
		a := Application{Version: p.attribute("Version"), Recache: p.attribute("UseRecacheReinstall")}
		a.Code, err = p.text()
		p.rules.Metadata.Applications = append(p.rules.Metadata.Applications, a)
		return err
	}, nil)
}

func (p *parser) driver() (Driver, error) {
	d := Driver{
		HardwareID:   p.attribute("HardwareID"),
		Date:         p.attribute("DriverVerDate"),
		Version:      p.attribute("DriverVerVersion"),
		Class:        p.attribute("Class"),
		Provider:     p.attribute("Provider"),
		Manufacturer: p.attribute("Manufacturer"),
		Model:        p.attribute("Model"),
		Company:      p.attribute("Company"),
	}
	err := p.children(func() error {
		if string(unfold(p.s.Local())) != "CompatibleProvider" {
			return p.s.Skip()
		}
		if p.extra++; p.extra > maxMetadata {
			return tooMuch()
		}
		text, err := p.text()
		d.Compatible = append(d.Compatible, text)
		return err
	}, nil)
	return d, err
}
