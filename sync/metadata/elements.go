package metadata

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"fettle/model"
	"fettle/sync/metadata/markup"
)

// part reads one of the elements that documents and fragments consist of.
func (p *Parser) part(name string) error {
	u := p.u
	switch name {
	case "UpdateIdentity", "Properties", "ExtendedProperties", "Relationships", "ApplicabilityRules", "Files", "HandlerSpecificData":
		if p.found[name] {
			return fmt.Errorf("the element %s is there twice", name)
		}
		p.found[name] = true
	}
	switch name {
	case "UpdateIdentity":
		id, err := p.identity()
		if err != nil {
			return err
		}
		if id.Revision == 0 {
			return errors.New("the identity of the update has no revision")
		}
		u.Identity, u.Written = id, string(bytes.TrimSpace(p.s.Attribute("UpdateID").RawValue()))
	case "Properties", "ExtendedProperties":
		if err := p.properties(name == "Properties"); err != nil {
			return err
		}
		return p.children(p.property)
	case "LocalizedPropertiesCollection":
		return p.children(p.localized)
	case "LocalizedProperties", "EulaFile":
		return p.localized(name)
	case "Relationships":
		return p.children(p.relationship)
	case "ApplicabilityRules":
		return p.rules()
	case "Files":
		return p.children(func(name string) error {
			if name != "File" {
				return nil
			}
			f, err := p.file()
			if err == nil {
				u.Files = append(u.Files, f)
			}
			return err
		})
	case "HandlerSpecificData":
		return p.handler()
	}
	return nil
}

// count bounds the lists of an update.
func (p *Parser) count() error {
	if p.items++; p.items > p.limits.Items {
		return errors.New("the update lists more than allowed")
	}
	return nil
}

// identity reads the attributes of an UpdateIdentity.
func (p *Parser) identity() (Identity, error) {
	var id Identity
	if err := p.count(); err != nil {
		return id, err
	}
	if a := p.s.Attribute("UpdateID"); a != nil {
		id.ID = p.updateID(a.RawValue())
	}
	if id.ID == "" {
		return id, errors.New("an identity has no identifier")
	}
	if a := p.s.Attribute("RevisionNumber"); a != nil {
		n, err := strconv.ParseUint(a.Value(), 10, 32)
		if err != nil {
			return id, errors.New("the revision of an identity is no number")
		}
		id.Revision = uint32(n)
	}
	return id, nil
}

// maxIDs bounds the identifiers that are remembered.
const maxIDs = 1 << 17

// updateID is the function of this name, with one string for each identifier.
func (p *Parser) updateID(written []byte) model.UpdateID {
	if id, ok := p.ids[string(written)]; ok {
		return id
	}
	id := updateID(string(written))
	if id != "" && len(written) < 64 {
		if len(p.ids) >= maxIDs {
			clear(p.ids)
		}
		p.ids[string(written)] = id
	}
	return id
}

// properties reads the attributes of Properties or ExtendedProperties.
func (p *Parser) properties(core bool) error {
	u, typed := p.u, false
	attrs := p.s.Attributes()
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix()) > 0 {
			continue
		}
		switch string(a.Local()) {
		case "UpdateType":
			var ok bool
			if u.Type, ok = parseType(a.Value()); !ok {
				return fmt.Errorf("the type %q of the update is not known", tidy(a.Value()))
			}
			typed = true
		case "ExplicitlyDeployable":
			u.Deployable = parseBool(a.Value())
		case "AutoSelectOnWebSites":
			u.AutoSelect = parseBool(a.Value())
		case "OSUpgrade":
			u.OSUpgrade = parseBool(a.Value())
		case "IsPublic":
			u.Public = parseBool(a.Value())
		case "IsBeta":
			u.Beta = parseBool(a.Value())
		case "PerUser":
			u.PerUser = parseBool(a.Value())
		case "BrowseOnly":
			u.BrowseOnly = parseBool(a.Value())
		case "IsMandatory":
			u.Mandatory = parseBool(a.Value())
		case "RequiresReacceptanceOfEula":
			u.ReacceptEula = parseBool(a.Value())
		case "EulaID":
			v := a.Value()
			u.EulaID = cmp.Or(string(updateID(v)), tidy(v))
		case "DefaultPropertiesLanguage":
			u.DefaultLanguage = tidy(a.Value())
		case "Handler":
			u.Handler = tidy(a.Value())
		case "PublicationState":
			u.Publication = parsePublication(a.Value())
		case "CreationDate":
			u.Created = parseTime(a.Value())
		case "PublisherID":
			v := a.Value()
			u.Publisher = cmp.Or(string(updateID(v)), tidy(v))
		case "MsrcSeverity":
			u.Severity = parseSeverity(a.Value())
		case "DetectoidType":
			u.DetectoidType = tidy(a.Value())
		case "LegacyName":
			u.LegacyName = tidy(a.Value())
		case "ProductName":
			u.ProductName = tidy(a.Value())
		case "ReleaseVersion":
			u.ReleaseVersion = tidy(a.Value())
		case "ReleaseRevision":
			u.ReleaseRevision = tidy(a.Value())
		case "MaxDownloadSize":
			u.MaxDownload = size(a.Value())
		case "MinDownloadSize":
			u.MinDownload = size(a.Value())
		}
	}
	if core && !typed {
		return errors.New("the update has no type")
	}
	return nil
}

// size reads a number of bytes; what is none is 0. Sizes need 64 bits.
func size(s string) int64 {
	n, err := strconv.ParseInt(tidy(s), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// property reads a child of Properties.
func (p *Parser) property(name string) error {
	u := p.u
	var list *[]string
	switch name {
	case "InstallationBehavior":
		u.Installation = p.behavior()
		return nil
	case "UninstallationBehavior":
		u.Uninstallation = p.behavior()
		return nil
	case "Language":
		list = &u.Languages
	case "SupportUrl":
		list = &u.SupportURLs
	case "MoreInfoUrl":
		list = &u.MoreInfoURLs
	case "SecurityBulletinID":
		list = &u.Bulletins
	case "KBArticleID":
		list = &u.KB
	case "CveID":
		list = &u.CVEs
	default:
		return nil
	}
	if err := p.count(); err != nil {
		return err
	}
	text, err := p.string()
	if err != nil {
		return err
	}
	if text = tidy(text); name == "KBArticleID" {
		text = digitsOf(text)
	}
	if text != "" && !slices.Contains((*list)[max(0, len(*list)-64):], text) {
		*list = append(*list, text)
	}
	return nil
}

func (p *Parser) behavior() *Behavior {
	b := &Behavior{Restart: model.RestartNever}
	if a := p.s.Attribute("RebootBehavior"); a != nil {
		b.Restart = parseRestart(a.Value())
	}
	if a := p.s.Attribute("Impact"); a != nil {
		b.Impact = tidy(a.Value())
	}
	if a := p.s.Attribute("CanRequestUserInput"); a != nil {
		b.Input = parseBool(a.Value())
	}
	if a := p.s.Attribute("RequiresNetworkConnectivity"); a != nil {
		b.Network = parseBool(a.Value())
	}
	return b
}

// localized reads what an update says in one language.
func (p *Parser) localized(name string) error {
	if err := p.count(); err != nil {
		return err
	}
	switch name {
	case "EulaFile":
		var e EulaFile
		if a := p.s.Attribute("Language"); a != nil {
			e.Language = tidy(a.Value())
		}
		if a := p.s.Attribute("GeoId"); a != nil {
			e.GeoID = tidy(a.Value())
		}
		var err error
		if e.File, err = p.file(); err == nil {
			p.u.Eulas = append(p.u.Eulas, e)
		}
		return err
	case "LocalizedProperties":
		var t Text
		err := p.children(func(name string) error {
			switch name {
			case "Language", "Title", "Description", "UninstallNotes", "SupportUrl", "MoreInfoUrl":
			default:
				return nil
			}
			if err := p.count(); err != nil {
				return err
			}
			text, err := p.string()
			switch name {
			case "Language":
				t.Language = tidy(text)
			case "Title":
				t.Title = tidy(text)
			case "Description":
				t.Description = tidyLines(text)
			case "UninstallNotes":
				t.UninstallNotes = tidyLines(text)
			case "SupportUrl":
				t.SupportURL = tidy(text)
			case "MoreInfoUrl":
				if text = tidy(text); text != "" {
					t.MoreInfoURLs = append(t.MoreInfoURLs, text)
				}
			}
			return err
		})
		if err == nil {
			p.u.Texts = append(p.u.Texts, t)
		}
		return err
	}
	return nil
}

// string reads the text of the current element up to its End, without that of
// its children.
func (p *Parser) string() (string, error) {
	depth := p.s.Depth()
	p.text = p.text[:0]
	for {
		kind, err := p.s.Next()
		if err != nil {
			return "", early(err)
		}
		switch kind {
		case markup.End:
			if p.s.Depth() < depth {
				return string(p.text), nil
			}
		case markup.Text, markup.CData:
			if room := p.limits.Text - len(p.text); p.s.Depth() == depth && room > 0 {
				text := p.s.Text()
				p.text = append(p.text, text[:min(room, len(text))]...)
			}
		}
	}
}

// relationship reads a child of Relationships.
func (p *Parser) relationship(name string) error {
	u := p.u
	switch name {
	case "SupersededUpdates":
		return p.children(func(name string) error {
			if name != "UpdateIdentity" {
				return nil
			}
			id, err := p.identity()
			if err == nil {
				u.Supersedes = append(u.Supersedes, id.ID)
			}
			return err
		})
	case "Prerequisites":
		return p.children(func(name string) error {
			switch name {
			case "UpdateIdentity":
				id, err := p.identity()
				if err == nil {
					u.Prerequisites = append(u.Prerequisites, Clause{IDs: []model.UpdateID{id.ID}})
				}
				return err
			case "AtLeastOne":
				var c Clause
				if a := p.s.Attribute("IsCategory"); a != nil {
					c.IsCategory = parseBool(a.Value())
				}
				ids, err := p.identities()
				for _, id := range ids {
					c.IDs = append(c.IDs, id.ID)
				}
				if err == nil && len(ids) > 0 {
					u.Prerequisites = append(u.Prerequisites, c)
				}
				return err
			}
			return nil
		})
	case "BundledUpdates":
		return p.children(func(name string) error {
			switch name {
			case "UpdateIdentity":
				id, err := p.identity()
				if err == nil {
					u.Bundles = append(u.Bundles, BundleClause{Members: []Identity{id}})
				}
				return err
			case "AtLeastOne":
				ids, err := p.identities()
				if err == nil && len(ids) > 0 {
					u.Bundles = append(u.Bundles, BundleClause{AnyOf: true, Members: ids})
				}
				return err
			}
			return nil
		})
	}
	return nil
}

func (p *Parser) identities() ([]Identity, error) {
	var ids []Identity
	err := p.count()
	if err != nil {
		return nil, err
	}
	err = p.children(func(name string) error {
		if name != "UpdateIdentity" {
			return nil
		}
		id, err := p.identity()
		if err == nil {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}
