package offline

import "fmt"

// classifications are the real ones (update-metadata 5): their identifiers are
// what tells them apart everywhere.
var classifications = []struct{ title, id string }{
	{"Applications", "5c9376ab-8ce6-464a-b136-22113dd69801"},
	{"Critical Updates", "e6cf1350-c01b-414d-a61f-263d14d133b4"},
	{"Definition Updates", "e0789628-ce08-4437-be74-2495b842f43b"},
	{"Drivers", "ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0"},
	{"Driver Sets", "77835c8d-62a7-41f5-82ad-f28d1af1e3b1"},
	{"Feature Packs", "b54e7d24-7add-428f-8b75-90a396fa584f"},
	{"Security Updates", "0fa1201d-4330-4fa8-8ae9-b877473b6441"},
	{"Service Packs", "68c5b0a3-d1a6-4553-ae49-01d3a7827828"},
	{"Tools", "b4832bd8-e735-4761-8daf-37f882276dab"},
	{"Update Rollups", "28bc880e-0592-4cbf-8f95-c79b17911d5f"},
	{"Updates", "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83"},
	{"Upgrades", "3689bdc8-b205-4af4-8d4a-a63924c5e9d5"},
}

// Places of classifications that lines of updates have.
const (
	classCritical = 1
	classSecurity = 6
	classRollup   = 9
	classUpdate   = 10
)

const company = 12 // the category after the classifications

var familyWords = []string{"Windows", "Office", "SQL Server", "Exchange", "Developer Tools, Runtimes, and Redistributables", "System Center", "Forefront",
	"Silverlight", "SharePoint", "Skype for Business", "Report Viewer", "Visual Studio", "Dynamics", "Azure Stack"}

var parts = []string{"Kernel", "Printing", "Networking", "Shell", "Media-Format", "Security-SPP", "Client-Features", "Server-Gui", "NetFx4", "Hyper-V",
	"IIS-WebServer", "Common-Modem-Drivers", "Fonts", "InternetExplorer", "RemoteDesktop", "Storage-Management", "TabletPC", "Virtualization", "WinPE",
	"WMI-Tools", "FileSystem", "Graphics", "Audio", "BootEnvironment", "Cryptography"}

var architectures = [...]struct{ title, name, processor string }{
	{"x64-based Systems", "amd64", "9"}, {"ARM64-based Systems", "arm64", "12"}, {"x86-based Systems", "x86", "0"},
}

// planCategories plans the classifications, one company, and in a large
// catalogue some 57 families and 356 products, as real ones have.
func (p *plan) planCategories() {
	for _, c := range classifications {
		p.categories = append(p.categories, categoryPlan{"UpdateClassification", c.title, c.id, -1})
	}
	p.categories = append(p.categories, categoryPlan{"Company", "Microsoft", p.guid("company", 0), -1})
	p.families = min(57, max(3, p.Updates/2000))
	products := min(356, max(6, p.Updates/300))
	for i := range p.families {
		title := familyWords[i%len(familyWords)]
		if n := i / len(familyWords); n > 0 {
			title = fmt.Sprintf("%s %d", title, 2000+7*n)
		}
		p.categories = append(p.categories, categoryPlan{"ProductFamily", title, p.guid("family", i), company})
	}
	for i := range products {
		family := company + 1 + i%p.families
		n := i / p.families
		title := fmt.Sprintf("%s %d", p.categories[family].title, 2003+3*n)
		if n%3 == 2 { // names repeat in real catalogues too: under another family
			title = fmt.Sprintf("Windows Server %d", 2003+3*n)
		}
		p.products = append(p.products, len(p.categories))
		p.categories = append(p.categories, categoryPlan{"Product", title, p.guid("product", i), family})
	}
}

// class is the classification of a line's updates.
func (l *linePlan) class(place int32) int {
	switch {
	case l.kind == lineTool:
		return classUpdate
	case l.kind == lineOffice && place%3 == 1:
		return classCritical
	case l.kind == lineRelease:
		return classRollup
	}
	return classSecurity
}

var titles = map[string][lineRelease + 1]string{
	"en": {"%s Cumulative Update for %s for %s (KB%d)", "%s Security Update for %s for %s (KB%d)", "%s Security Update for %s (%s edition) (KB%d)",
		"%s Compatibility Update for %s for %s (KB%d)", "%s Feature Rollup for %s for %s (KB%d)"},
	"de": {"%s Kumulatives Update für %s für %s (KB%d)", "%s Sicherheitsupdate für %s für %s (KB%d)", "%s Sicherheitsupdate für %s (Edition für %s) (KB%d)",
		"%s Kompatibilitätsupdate für %s für %s (KB%d)", "%s Funktionsrollup für %s für %s (KB%d)"},
}

const described = "Install this update to resolve issues in %s. For a complete listing of the issues that are included in this update, see the associated " +
	"knowledge base article for more information. After you install this item, you may have to restart your computer."
