package publisher

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fettle/model"
)

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$`)

// check says what of an item no document could say.
func (it *Item) check() error {
	switch {
	case !guid.MatchString(string(it.ID)):
		return fmt.Errorf("the identifier %q of %q is no GUID", it.ID, it.Title)
	case (it.Kind == model.DocumentCategory) != (it.Category != nil):
		return fmt.Errorf("%s: a category, and nothing else, says what sort of category it is", it.ID)
	case it.Publication == model.Withdrawn:
		return fmt.Errorf("%s: a publisher's documents are published or expired, never withdrawn", it.ID)
	}
	return nil
}

// Document writes the full update document of one item. Its members have
// documents of their own (Documents).
func Document(it Item, style Style) ([]byte, error) {
	if err := it.check(); err != nil {
		return nil, fmt.Errorf("writing an update document: %w", err)
	}
	all, any := it.members()
	d := drawing{item: &it, style: style}
	root := node("upd:Update", d.identity(string(it.ID), it.revision()), d.properties(), d.texts())
	root.add(d.relationships(all, any), d.rules(), d.files(), d.handler())
	m := markup{style: style}
	m.root(root)
	return []byte(m.String()), nil
}

// drawing makes the elements of one item's document.
type drawing struct {
	item  *Item
	style Style
}

func (d *drawing) id(id string) string {
	if d.style.Capitals {
		return strings.ToUpper(id)
	}
	return id
}

// identity refers to an update; revision 0 means that any will do.
func (d *drawing) identity(id string, revision uint32) *element {
	e := node("upd:UpdateIdentity").attr("UpdateID", d.id(id))
	if revision > 0 {
		e.attr("RevisionNumber", strconv.FormatUint(uint64(revision), 10))
	}
	return e
}

// stamp writes an instant as documents do, with the zone that it is given in.
func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

// The words of documents for what model knows as numbers.
var (
	updateTypes = map[model.DocumentKind]string{
		model.DocumentSoftware: "Software", model.DocumentDriver: "Driver", model.DocumentCategory: "Category", model.DocumentDetectoid: "Detectoid",
	}
	severities = map[model.Severity]string{
		model.SeverityLow: "Low", model.SeverityModerate: "Moderate", model.SeverityImportant: "Important", model.SeverityCritical: "Critical",
	}
	restarts = map[model.Restart]string{
		model.RestartNever: "NeverReboots", model.RestartMay: "CanRequestReboot", model.RestartAlways: "AlwaysRequiresReboot",
	}
	categoryTypes = map[model.CategoryKind]string{
		model.CategoryCompany: "Company", model.CategoryFamily: "ProductFamily", model.CategoryProduct: "Product", model.CategoryClassification: "UpdateClassification",
	}
)

// properties has the attributes in the order of most real documents.
func (d *drawing) properties() *element {
	it := d.item
	language := it.Language
	if language == "" {
		language = "en"
	}
	e := &element{name: "upd:Properties", open: true}
	e.attr("UpdateType", updateTypes[it.Kind]).attr("DefaultPropertiesLanguage", language)
	e.flag("ExplicitlyDeployable", it.Deployable()).flag("AutoSelectOnWebSites", it.AutoSelect && it.Deployable())
	e.flag("IsPublic", it.Kind == model.DocumentCategory || it.Kind == model.DocumentDetectoid)
	e.attr("DetectoidType", it.DetectoidType)
	e.attr("Handler", handlers[d.handlerKind()].uri())
	if it.Kind == model.DocumentSoftware || it.Kind == model.DocumentDriver {
		e.attr("MaxDownloadSize", strconv.FormatInt(it.size(), 10)).attr("MinDownloadSize", "0")
	}
	state := "Published"
	if it.Publication == model.Expired {
		state = "Expired"
	}
	publisher := it.Publisher
	if publisher == "" {
		publisher = PublisherID
	}
	e.attr("PublicationState", state).attr("CreationDate", stamp(it.created())).attr("PublisherID", publisher)
	e.attr("LegacyName", it.LegacyName).attr("MsrcSeverity", severities[it.Severity]).flag("IsBeta", it.Beta).flag("OSUpgrade", it.OSUpgrade)
	if it.Eula != nil {
		e.attr("EulaID", d.id(it.Eula.ID)).flag("RequiresReacceptanceOfEula", it.Eula.Again)
	}

	if it.Restart != model.RestartUnknown || it.Impact != "" || it.Input || it.Network {
		e.add(node("upd:InstallationBehavior").attr("RebootBehavior", restarts[it.Restart]).attr("Impact", it.Impact).
			flag("CanRequestUserInput", it.Input).flag("RequiresNetworkConnectivity", it.Network))
	}
	if it.Removable {
		e.add(node("upd:UninstallationBehavior").attr("RebootBehavior", restarts[it.Restart]))
	}
	list := func(name string, values ...string) {
		for _, v := range values {
			e.add(textNode(name, v))
		}
	}
	list("upd:Language", it.Languages...)
	if it.Support != "" {
		list("upd:SupportUrl", it.Support)
	}
	list("upd:SecurityBulletinID", it.Bulletins...)
	list("upd:KBArticleID", it.KB...)
	list("upd:CveID", it.CVEs...)
	return e
}

func (d *drawing) texts() *element {
	it := d.item
	language := it.Language
	if language == "" {
		language = "en"
	}
	e := node("upd:LocalizedPropertiesCollection")
	for _, t := range append([]Text{{language, it.Title, it.Description, it.UninstallNotes, it.MoreInfo, it.Support}}, it.Translations...) {
		p := node("upd:LocalizedProperties", textNode("upd:Language", t.Language), textNode("upd:Title", t.Title))
		if t.Description != "" {
			p.add(textNode("upd:Description", t.Description))
		}
		if t.UninstallNotes != "" {
			p.add(textNode("upd:UninstallNotes", t.UninstallNotes))
		}
		for _, u := range t.MoreInfo {
			p.add(textNode("upd:MoreInfoUrl", u))
		}
		if t.Support != "" {
			p.add(textNode("upd:SupportUrl", t.Support))
		}
		e.add(p)
	}
	if it.Eula != nil {
		for _, t := range it.Eula.Terms {
			f := t.file(it.Eula)
			e.add(node("upd:EulaFile").add(digest(f)).attr("Digest", base64.StdEncoding.EncodeToString(f.SHA1)).attr("DigestAlgorithm", "SHA1").
				attr("FileName", f.Name).attr("Size", strconv.FormatInt(f.Size, 10)).attr("Language", t.Language))
		}
	}
	return e
}

// digest is the second digest of a file, nil when it is not known.
func digest(f File) *element {
	if f.SHA256 == nil {
		return nil
	}
	return textNode("upd:AdditionalDigest", base64.StdEncoding.EncodeToString(f.SHA256)).attr("Algorithm", "SHA256")
}

// relationships also holds what the item is classified as: categories are
// prerequisites. What is hidden has them in plain clauses (update-metadata 2).
func (d *drawing) relationships(all, any []Item) *element {
	it := d.item
	e := node("upd:Relationships")
	if len(it.Supersedes) > 0 {
		s := node("upd:SupersededUpdates")
		for _, id := range it.Supersedes {
			s.add(d.identity(string(id), 0))
		}
		e.add(s)
	}
	p := node("upd:Prerequisites")
	for _, clause := range it.Prerequisites {
		if len(clause) == 1 {
			p.add(d.identity(string(clause[0]), 0))
		} else if len(clause) > 1 {
			p.add(d.anyOf(clause, false))
		}
	}
	var categories [][]model.UpdateID
	if id, ok := ClassificationID(it.Class); ok {
		categories = append(categories, []model.UpdateID{model.UpdateID(id)})
	}
	var products []model.UpdateID
	for _, id := range it.Products {
		products = append(products, model.UpdateID(id))
	}
	categories = append(categories, products)
	if it.Category != nil && it.Category.Parent != "" {
		categories = append(categories, []model.UpdateID{model.UpdateID(it.Category.Parent)})
	}
	for _, clause := range categories {
		if len(clause) > 0 {
			p.add(d.anyOf(clause, it.Deployable() || it.Kind == model.DocumentCategory))
		}
	}
	if len(p.children) > 0 {
		e.add(p)
	}
	if len(all)+len(any) > 0 {
		b := node("upd:BundledUpdates")
		for i := range all {
			b.add(d.identity(string(all[i].ID), all[i].revision()))
		}
		if len(any) > 0 {
			one := node("upd:AtLeastOne")
			for i := range any {
				one.add(d.identity(string(any[i].ID), any[i].revision()))
			}
			b.add(one)
		}
		e.add(b)
	}
	if len(e.children) == 0 {
		return nil
	}
	return e
}

func (d *drawing) anyOf(ids []model.UpdateID, category bool) *element {
	e := node("upd:AtLeastOne").flag("IsCategory", category)
	for _, id := range ids {
		e.add(d.identity(string(id), 0))
	}
	return e
}

// rules gives categories and drivers that have none of their own those that
// most have: a category is always there, and Windows itself compares drivers.
func (d *drawing) rules() *element {
	r := d.item.Rules
	if r.empty() {
		switch {
		case d.item.Kind == model.DocumentCategory:
			always := True()
			r.Installed = &always
		case len(d.item.Drivers) > 0:
			installed, superseded, installable := Is("drv:WindowsDriverInstalled"), Is("drv:WindowsDriverSuperseded"), Is("drv:WindowsDriverInstallable")
			r = Rules{Installed: &installed, Superseded: &superseded, Installable: &installable}
		default:
			return nil
		}
	}
	e := node("upd:ApplicabilityRules")
	for _, part := range []struct {
		name string
		rule *Rule
	}{{"upd:IsInstalled", r.Installed}, {"upd:IsSuperseded", r.Superseded}, {"upd:IsInstallable", r.Installable}} {
		if part.rule != nil {
			e.add(node(part.name, part.rule.element()))
		}
	}
	meta := node("upd:Metadata")
	for _, m := range r.Metadata {
		meta.add(m.element())
	}
	for _, v := range d.item.Drivers {
		meta.add(node("drv:WindowsDriverMetaData").attr("HardwareID", v.HardwareID).attr("DriverVerDate", v.Date.Format(time.DateOnly)).attr("DriverVerVersion", v.Version).
			attr("WhqlDriverID", v.WhqlID).attr("Class", v.Class).attr("Company", v.Company).attr("Provider", v.Provider).attr("Manufacturer", v.Manufacturer).attr("Model", v.Model))
	}
	if len(meta.children) > 0 {
		e.add(meta)
	}
	return e
}

func (r Rule) element() *element {
	e := &element{name: r.Name, foreign: r.Namespace, attributes: r.Attributes, open: r.Open, bare: r.Namespace != ""}
	for _, c := range r.Of {
		e.add(c.element())
	}
	return e
}

func (d *drawing) files() *element {
	if len(d.item.Files) == 0 {
		return nil
	}
	e := node("upd:Files")
	for _, f := range d.item.Files {
		modified := f.Modified
		if modified.IsZero() {
			modified = d.item.created()
		}
		e.add(node("upd:File").add(digest(f)).attr("Digest", base64.StdEncoding.EncodeToString(f.SHA1)).attr("DigestAlgorithm", "SHA1").
			attr("FileName", f.Name).attr("Size", strconv.FormatInt(f.Size, 10)).attr("Modified", stamp(modified)).
			attr("PatchingType", f.Patching).attr("PatchingTypePreferred", f.Preferred))
	}
	return e
}

// handlers are what Handler stands for in a document.
var handlers = map[Handler]handlerType{
	CommandLine: "cmd:CommandLineInstallation", ComponentServicing: "cbs:Cbs", WindowsInstaller: "msp:WindowsInstaller",
	WindowsSetup: "wsi:WindowsSetup", OSInstaller: "osi:OSInstallerMetadata", WindowsDriver: "drv:WindowsDriver", categoryHandler: "cat:Category",
}

// handlerType is the xsi:type of a handler's data.
type handlerType string

// uri is the namespace that Properties names the handler by.
func (h handlerType) uri() string {
	prefix, _, _ := strings.Cut(string(h), ":")
	return namespaceOf(prefix)
}

func (d *drawing) handlerKind() Handler {
	if d.item.Category != nil {
		return categoryHandler
	}
	return d.item.Handler
}

// handler tells the handler what to do. Of most, only its form is plausible:
// nothing is installed by it.
func (d *drawing) handler() *element {
	kind := d.handlerKind()
	if kind == NoHandler {
		return nil
	}
	program := "setup.exe"
	if len(d.item.Files) > 0 {
		program = d.item.Files[0].Name
	}
	var data *element
	switch kind {
	case CommandLine:
		data = node("cmd:InstallCommand").attr("Arguments", "/quiet /norestart").attr("Program", program).attr("RebootByDefault", "false").attr("DefaultResult", "Failed")
		for _, code := range []struct {
			code, result string
			restart      bool
		}{{"0", "Succeeded", false}, {"3010", "Succeeded", true}, {"1641", "Succeeded", true}, {"1602", "Cancelled", false}} {
			data.add(node("cmd:ReturnCode").attr("Code", code.code).attr("Result", code.result).attr("Reboot", strconv.FormatBool(code.restart)))
		}
	case ComponentServicing:
		data = &element{name: "cbs:CbsData", attributes: []string{"PackageIdentity", ""}}
	case WindowsInstaller:
		data = node("msp:MspData").attr("CommandLine", "DISABLESRCPROMPT=1 LOCALCACHESRCRES=0 NOLOCALCACHEROLLBACK=1").attr("FullFilePatchCode", "{"+string(ID("patch", string(d.item.Key().ID)))+"}")
	case WindowsSetup:
		data = node("wsi:WindowsSetupData").attr("IsSetup360", "true").attr("Program", program)
	case OSInstaller:
		data = node("osi:OSInstallData").attr("InitialModule", "UpdateAgent.dll")
	case WindowsDriver:
		data = node("drv:WindowsDriverData")
	case categoryHandler:
		c := d.item.Category
		data = node("cat:CategoryInformation").attr("CategoryType", categoryTypes[c.Kind])
		data.attr("ProhibitsSubcategories", strconv.FormatBool(c.ProhibitsSubcategories))
		if c.Kind == model.CategoryProduct {
			data.attr("ExcludedByDefault", strconv.FormatBool(c.Excluded)).flag("ProhibitsUpdates", c.ProhibitsUpdates)
		} else {
			data.attr("ProhibitsUpdates", strconv.FormatBool(c.ProhibitsUpdates))
		}
		if c.DisplayOrder != 0 {
			data.attr("DisplayOrder", strconv.Itoa(c.DisplayOrder))
		}
	}
	return node("upd:HandlerSpecificData", data).attr("xsi:type", string(handlers[kind]))
}
