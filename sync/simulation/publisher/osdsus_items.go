package publisher

import (
	"bytes"
	"slices"
	"strings"

	"fettle/model"
)

// Items makes items of rows: for each update a bundle with one member that has
// its files, preceded by the categories that they refer to.
//
// Titles, descriptions, KB numbers, classes, severities, bulletins, products,
// dates, files with their digests and addresses, and whether there are licence
// terms come from the rows. What the rows do not tell is made up so that it
// follows from them: the number of the revision (200, or 201 where there is an
// earlier one), the text of licence terms, which update a superseding one
// supersedes (one that is not here: whoever made the rows left superseded updates
// out), identifiers of members and of products that this package does not know,
// handlers, and rules, which ask for build and architecture. Restart behaviour is
// what the description says of it, and left out where it says nothing. Rows of
// older revisions are left out where the latest is there.
func Items(rows []Row) []Item {
	var order []string
	updates := map[string][]Row{}
	for _, r := range rows {
		if updates[r.UpdateID] == nil {
			order = append(order, r.UpdateID)
		}
		updates[r.UpdateID] = append(updates[r.UpdateID], r)
	}
	var more []model.Category
	items := make([]Item, 0, len(order))
	for _, id := range order {
		all := updates[id]
		if slices.ContainsFunc(all, func(r Row) bool { return r.Latest }) {
			all = slices.DeleteFunc(slices.Clone(all), func(r Row) bool { return !r.Latest })
		}
		it, unknown := itemOf(all)
		items, more = append(items, it), append(more, unknown...)
	}
	return WithCategories(items, more...)
}

// itemOf makes the item of one update's rows.
func itemOf(rows []Row) (Item, []model.Category) {
	r := rows[0]
	it := Item{
		ID: model.UpdateID(r.UpdateID), Revision: firstRevision, Title: r.Title, Description: r.Description, Created: r.Created, LegacyName: r.LegacyName,
		Beta: r.Beta, AutoSelect: true, MoreInfo: strings.Fields(r.Links), Bulletins: strings.Fields(r.Bulletins),
	}
	if r.Earlier {
		it.Revision++
	}
	if r.KB != "" {
		it.KB = []string{r.KB}
	}
	if class, ok := model.ParseClassification(r.Classification); ok {
		it.Class = class
	}
	for severity, word := range severities {
		if strings.EqualFold(word, r.Severity) {
			it.Severity = severity
		}
	}
	if strings.EqualFold(r.PublicationState, "Expired") {
		it.Publication = model.Expired
	}
	if strings.EqualFold(r.Type, "Driver") {
		it.Kind = model.DocumentDriver
	}
	switch {
	case strings.Contains(r.Description, "you will have to restart"):
		it.Restart = model.RestartAlways
	case strings.Contains(r.Description, "you may have to restart"):
		it.Restart = model.RestartMay
	}
	if r.Superseding {
		it.Supersedes = []model.UpdateID{ID("superseded by", r.UpdateID)}
	}
	if r.Licence && r.Acceptance {
		it.Eula = &Eula{ID: string(ID("licence terms", r.Catalog)), Terms: []Terms{{"en", "Licence terms of " + r.Catalog + ". The rows that this update was made from do not carry their text.\r\n"}}}
	}
	for _, r := range rows {
		if slices.ContainsFunc(it.Files, func(f File) bool { return bytes.Equal(f.SHA1, r.SHA1) }) {
			continue // some updates stand in the catalogues of several builds
		}
		f := File{File: model.File{Name: r.FileName, Size: r.Size, SHA1: r.SHA1, SHA256: r.SHA256, URL: r.URL}}
		if r.Patching != "None" {
			f.Patching = r.Patching
		}
		it.Files = append(it.Files, f)
	}
	products, unknown := productsOf(r)
	it.Products = products
	it.Handler = handlerOf(r.FileName, it.Class)
	if r.Family == "Office" {
		it.Handler = WindowsInstaller
	}
	it.Rules = rulesOf(r, it.Handler)
	return Bundle(it), unknown
}

// productsOf takes the products of a row apart; their titles stand behind one
// another with nothing but blanks between.
func productsOf(r Row) (ids []model.CategoryID, unknown []model.Category) {
	if r.Category == "" {
		return nil, nil
	}
	titles := splitTitles(r.Category)
	if titles == nil {
		titles = []string{r.Category}
	}
	for _, title := range titles {
		if c, ok := ProductNamed(title, r.Family); ok {
			ids = append(ids, c.ID)
		} else if c, ok := ProductNamed(title, ""); ok {
			ids = append(ids, c.ID)
		} else {
			made := unknownProduct(title, r)
			unknown = append(unknown, made...)
			ids = append(ids, made[len(made)-1].ID)
		}
	}
	return ids, unknown
}

// splitTitles finds known products whose titles make up s; nil when there are
// none. Where it can be done in several ways, longer titles go first.
func splitTitles(s string) []string {
	if s == "" {
		return []string{}
	}
	var titles []string
	for _, c := range known {
		if c.Kind == model.CategoryProduct && strings.HasPrefix(s, c.Title) {
			titles = append(titles, c.Title)
		}
	}
	slices.SortFunc(titles, func(a, b string) int { return len(b) - len(a) })
	for _, t := range titles {
		rest, blank := strings.CutPrefix(s[len(t):], " ")
		if rest != "" && !blank {
			continue
		}
		if more := splitTitles(rest); more != nil {
			return append([]string{t}, more...)
		}
	}
	return nil
}

// unknownProduct gives a product that is not known an identifier that follows
// from its title, and what groups it likewise; the product comes last.
func unknownProduct(title string, r Row) []model.Category {
	var out []model.Category
	var company, family model.CategoryID
	for _, c := range known {
		if c.Kind == model.CategoryCompany && c.Title == r.Company {
			company = c.ID
		}
	}
	if company == "" {
		company = model.CategoryID(ID("company", r.Company))
		out = append(out, model.Category{ID: company, Kind: model.CategoryCompany, Title: r.Company})
	}
	for _, c := range known {
		if c.Kind == model.CategoryFamily && c.Title == r.Family && c.Parent == company {
			family = c.ID
		}
	}
	if family == "" {
		family = model.CategoryID(ID("family", r.Company, r.Family))
		out = append(out, model.Category{ID: family, Kind: model.CategoryFamily, Title: r.Family, Parent: company})
	}
	return append(out, model.Category{ID: model.CategoryID(ID("product", r.Company, r.Family, title)), Title: title, Parent: family})
}

// builds are the numbers by which versions of Windows are known to rules.
var builds = map[string]int{
	"1507": 10240, "1511": 10586, "1607": 14393, "1703": 15063, "1709": 16299, "1803": 17134, "1809": 17763, "1903": 18362, "1909": 18363,
	"2004": 19041, "20H2": 19042, "21H1": 19043, "21H2": 19044, "22H2": 19045,
	"Windows 11 21H2": 22000, "Windows 11 22H2": 22621, "Windows 11 23H2": 22631, "Windows 11 24H2": 26100, "Windows Server 21H2": 20348, "Windows Server 22H2": 20349,
}

// rulesOf makes rules from build and architecture.
func rulesOf(r Row, h Handler) Rules {
	build, ok := builds[r.OS+" "+r.Build]
	if !ok {
		build = builds[r.Build]
	}
	processor, architecture := Processor(X86), "x86"
	if r.Arch == "x64" {
		processor, architecture = Processor(AMD64), "amd64"
	}
	switch {
	case h == WindowsInstaller:
		installed := RegistryKey(`SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\KB` + r.KB)
		bits := "x86" // of Office, not of the processor
		if r.Arch == "x64" {
			bits = "x64"
		}
		installable := Is("bar:RegSz", "Key", "HKEY_LOCAL_MACHINE", "Subkey", `SOFTWARE\Microsoft\Office\16.0\Outlook`, "Value", "Bitness", "Comparison", "EqualTo", "Data", bits)
		return Rules{Installed: &installed, Installable: &installable}
	case h == WindowsSetup:
		version := Windows("10.0")
		version.Attributes = append(version.Attributes, "BuildNumber", "10240")
		installed, installable := WindowsBuild(build), And(version, processor)
		installed.Attributes[1] = "GreaterThanOrEqualTo"
		return Rules{Installed: &installed, Installable: &installable}
	case build == 0:
		return Servicing("Package_for_KB"+r.KB, "10.0.1.0", architecture, r.KB, processor)
	}
	return Servicing("Package_for_KB"+r.KB, "10.0.1.0", architecture, r.KB, WindowsBuild(build), processor)
}
