package metadata

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"fettle/sync/metadata/markup"
)

// file reads a File or an EulaFile with its digests.
func (p *Parser) file() (File, error) {
	var f File
	if err := p.count(); err != nil {
		return f, err
	}
	algorithm, digest := "SHA1", ""
	attrs := p.s.Attributes()
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix()) > 0 {
			continue
		}
		switch string(a.Local()) {
		case "Digest":
			digest = a.Value()
		case "DigestAlgorithm":
			algorithm = a.Value()
		case "FileName":
			f.Name = tidy(a.Value())
		case "Size":
			f.Size = size(a.Value())
		case "Modified":
			f.Modified = parseTime(a.Value())
		case "PatchingType":
			f.PatchingType = tidy(a.Value())
		case "PatchingTypePreferred":
			f.Preferred = tidy(a.Value())
		case "IsEncrypted":
			f.Encrypted = parseBool(a.Value())
		}
	}
	f.digest(algorithm, digest)
	err := p.children(func(name string) error {
		if name != "AdditionalDigest" {
			return nil
		}
		if err := p.count(); err != nil {
			return err
		}
		algorithm := ""
		if a := p.s.Attribute("Algorithm"); a != nil {
			algorithm = a.Value()
		}
		text, err := p.string()
		f.digest(algorithm, text)
		return err
	})
	if err == nil && f.SHA1 == nil && f.SHA256 == nil {
		// Without a digest nothing could ever be downloaded for it, nor verified.
		err = errors.New("the file " + f.Name + " has no digest")
	}
	return f, err
}

func (f *File) digest(algorithm, text string) {
	sum, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return
	}
	switch strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(algorithm), "-", "")) {
	case "SHA1":
		if len(sum) == 20 {
			f.SHA1 = sum
		}
	case "SHA256":
		if len(sum) == sha256.Size {
			f.SHA256 = sum
		}
	}
}

// handler reads HandlerSpecificData. Its elements are in a namespace for each
// handler; in fragments in none.
func (p *Parser) handler() error {
	attrs := p.s.Attributes()
	for i := range attrs {
		if a := &attrs[i]; string(a.Local()) == "type" {
			t := tidy(a.Value())
			p.u.HandlerType = t[strings.LastIndexByte(t, ':')+1:]
		}
	}
	depth := p.s.Depth()
	for {
		kind, err := p.s.Next()
		if err != nil {
			return early(err)
		}
		switch {
		case kind == markup.End && p.s.Depth() < depth:
			return nil
		case kind == markup.Start && string(p.s.Local()) == "CategoryInformation" && p.u.Category == nil:
			p.u.Category = p.category()
		}
	}
}

func (p *Parser) category() *CategoryInformation {
	a := p.s.Attribute("CategoryType")
	if a == nil {
		return nil
	}
	kind, ok := ParseCategoryKind(tidy(a.Value()))
	if !ok {
		return nil
	}
	c := &CategoryInformation{Kind: kind}
	if a := p.s.Attribute("ProhibitsUpdates"); a != nil {
		c.ProhibitsUpdates = parseBool(a.Value())
	}
	if a := p.s.Attribute("ProhibitsSubcategories"); a != nil {
		c.ProhibitsSubcategories = parseBool(a.Value())
	}
	if a := p.s.Attribute("ExcludedByDefault"); a != nil {
		c.ExcludedByDefault = parseBool(a.Value())
	}
	if a := p.s.Attribute("DisplayOrder"); a != nil {
		c.DisplayOrder = int(min(size(a.Value()), 1<<30))
	}
	return c
}

// rules reads ApplicabilityRules: what drivers are for, the digest, and as much
// of the rules themselves as is to be kept.
func (p *Parser) rules() error {
	u := p.u
	if p.input != nil {
		// A fragment is in its form already, so that its bytes need not be written anew.
		from := p.s.Offset()
		depth := p.s.Depth()
		for p.s.Depth() >= depth {
			kind, err := p.s.Next()
			if err != nil {
				return early(err)
			}
			p.driver(kind)
		}
		rules := p.input[from : p.s.Offset()+int64(len(p.s.Raw()))]
		u.RulesSize, u.RulesDigest = int64(len(rules)), sha256.Sum256(rules)
		if u.RulesSize <= p.limits.Rules {
			u.Rules = bytes.Clone(rules)
		}
		return nil
	}
	p.sum.Reset()
	var kept []byte
	p.fold.reset()
	p.fold.flush = func(b []byte) error {
		u.RulesSize += int64(len(b))
		if u.RulesSize <= p.limits.Rules {
			kept = append(kept, b...)
		} else {
			kept = nil
		}
		_, err := p.sum.Write(b)
		return err
	}
	err := p.fold.element(p.s, "", nil, func(kind markup.Kind) error { p.driver(kind); return nil })
	if err == nil {
		err = p.fold.done()
	}
	p.fold.flush = nil
	u.Rules, u.RulesDigest = slices.Clip(kept), [32]byte(p.sum.Sum(nil))
	return err
}

// driver takes note of one hardware that a driver is for.
func (p *Parser) driver(kind markup.Kind) {
	if kind != markup.Start || len(p.u.Drivers) >= p.limits.Drivers {
		return
	}
	if !p.s.Is(driverSpace, "WindowsDriverMetaData") && !(p.space == "" && p.s.Is("", "d.WindowsDriverMetaData")) {
		return
	}
	var d DriverMetadata
	attrs := p.s.Attributes()
	for i := range attrs {
		a := &attrs[i]
		var to *string
		switch string(a.Local()) {
		case "HardwareID":
			to = &d.HardwareID
		case "Class":
			to = &d.Class
		case "Manufacturer":
			to = &d.Manufacturer
		case "Provider":
			to = &d.Provider
		case "Model":
			to = &d.Model
		case "Company":
			to = &d.Company
		case "DriverVerVersion":
			to = &d.Version
		case "DriverVerDate":
			to = &d.Date
		case "WhqlDriverID":
			to = &d.WhqlID
		default:
			continue
		}
		*to = tidy(a.Value())
	}
	p.u.Drivers = append(p.u.Drivers, d)
}
