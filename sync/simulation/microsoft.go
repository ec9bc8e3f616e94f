package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"fettle/model"
)

// templates are the kinds of lines of a Microsoft-shaped catalogue. Weight is
// the share of updates, in per cent: about what a WSUS server with drivers and
// definitions holds.
var templates = []template{
	{name: "cumulative", weight: 14, low: 24, high: 60, class: model.ClassSecurity, kind: productSystem, restart: model.RestartAlways, share: 1000,
		title: "%[1]s Cumulative Update for %[2]s for x64-based Systems (KB%[3]s)"},
	{name: "framework", weight: 7, low: 24, high: 48, class: model.ClassSecurity, kind: productSystem, restart: model.RestartMay, share: 850,
		title: "%[1]s Cumulative Update for .NET Framework %[4]d.%[5]d for %[2]s for x64 (KB%[3]s)"},
	{name: "preview", weight: 4, low: 6, high: 24, class: model.ClassUpdate, kind: productSystem, restart: model.RestartMay, share: 250, lazy: true,
		title: "%[1]s Cumulative Update Preview for %[2]s for x64-based Systems (KB%[3]s)"},
	{name: "stack", weight: 3, low: 6, high: 20, class: model.ClassSecurity, kind: productSystem, restart: model.RestartNever, share: 700,
		title: "%[1]s Servicing Stack Update for %[2]s for x64-based Systems (KB%[3]s)"},
	{name: "scrubber", weight: 2, low: 24, high: 60, class: model.ClassUpdateRollup, kind: productSystem, restart: model.RestartNever, share: 900, fixed: true,
		title: "Unwanted Software Removal Tool x64 - v5.%[6]d (KB%[3]s)"},
	{name: "component", weight: 16, low: 4, high: 30, class: model.ClassSecurity, kind: productApplication, restart: model.RestartMay, share: 650,
		title: "Security Update for %[2]s %[7]s (KB%[3]s) 64-Bit Edition"},
	{name: "fix", weight: 5, low: 1, high: 8, class: model.ClassUpdate, kind: productApplication, restart: model.RestartNever, share: 500,
		title: "Update for %[2]s %[7]s (KB%[3]s) 64-Bit Edition"},
	{name: "critical", weight: 3, low: 1, high: 4, class: model.ClassCritical, kind: productApplication, restart: model.RestartMay, share: 600,
		title: "Critical Update for %[2]s %[7]s (KB%[3]s)"},
	{name: "packs", weight: 1, low: 1, high: 4, class: model.ClassServicePack, kind: productApplication, restart: model.RestartAlways, share: 900, licence: 1,
		title: "%[2]s Service Pack %[6]d (KB%[3]s)"},
	{name: "rollup", weight: 2, low: 4, high: 12, class: model.ClassUpdateRollup, kind: productApplication, restart: model.RestartMay, share: 500,
		title: "%[2]s Update Rollup %[6]d %[7]s (KB%[3]s)"},
	{name: "feature", weight: 1, low: 1, high: 2, class: model.ClassFeaturePack, kind: productApplication, restart: model.RestartMay, share: 200, lazy: true, licence: 0.3,
		title: "%[7]s Feature Pack for %[2]s (KB%[3]s)"},
	{name: "tool", weight: 1, low: 1, high: 6, class: model.ClassTool, kind: productApplication, restart: model.RestartNever, share: 150, lazy: true,
		title: "%[7]s Assessment Tool for %[2]s (KB%[3]s)"},
	{name: "upgrade", weight: 0.5, low: 1, high: 3, class: model.ClassUpgrade, kind: productSystem, restart: model.RestartAlways, share: 300, lazy: true, licence: 1, input: 0.5,
		title: "Feature update to %[2]s, version %[8]s (KB%[3]s)"},
	{name: "driver", weight: 18.5, low: 1, high: 5, class: model.ClassDriver, kind: productHardware, restart: model.RestartMay, share: 400,
		title: "%[9]s - %[10]s - %[4]d.%[5]d.%[11]d.%[6]d"},
	{name: "definition", weight: 22, low: 300, high: 1400, class: model.ClassDefinition, kind: productDefinitions, restart: model.RestartNever, share: 1000, fixed: true, daily: true,
		title: "Security Intelligence Update for %[2]s - KB%[3]s (Version 1.%[4]d.%[6]d.0)"},
}

// template is a kind of line.
type template struct {
	name      string
	weight    float64
	low, high int // updates in a line
	class     model.Classification
	kind      productKind
	restart   model.Restart
	share     int     // per mille of the computers with the product, at most
	licence   float64 // probability of licence terms
	input     float64 // probability that installing it asks something
	lazy      bool    // optional
	fixed     bool    // one KB number for the whole line
	daily     bool
	title     string
}

// microsoft is the maker of Microsoft-shaped updates.
type microsoft struct {
	c       *Catalogue
	r       *rand.Rand
	budget  int
	drafts  []*draft
	byKind  [4][]int     // indexes of products
	chained map[int]bool // products with a chain for all their computers
	kb      int
	cve     int
}

// licenceTerms are what a few updates want accepted.
const licenceTerms = "SUPPLEMENTAL TERMS. By installing this software you accept that it is provided as it is, that it may restart your computer, and that these terms are part of a simulation."

func (c *Catalogue) makeMicrosoft(budget int) []*draft {
	m := &microsoft{c: c, r: c.Options.chance("microsoft"), budget: budget, kb: 5000000, cve: 20000, chained: map[int]bool{}}
	m.makeProducts(budget)
	// Every operating system has its monthly chain, and there is a chain of
	// definitions, however small the catalogue is.
	for _, p := range m.byKind[productSystem] {
		if len(m.drafts) == 0 || m.budget-24 > budget*55/100 {
			m.makeLine(&templates[0], p, 24)
		}
	}
	if m.budget > 100 {
		m.makeLine(&templates[len(templates)-1], m.byKind[productDefinitions][0], min(300, m.budget/6))
	}
	// A line is chosen by its share of the updates, not of the lines.
	odds := make([]float64, len(templates))
	sum := 0.0
	for i, t := range templates {
		sum += t.weight / (float64(t.low+t.high) / 2)
		odds[i] = sum
	}
	for m.budget > 0 {
		x := m.r.Float64() * sum
		i := 0
		for odds[i] < x {
			i++
		}
		t := &templates[i]
		m.makeLine(t, pick(m.r, m.byKind[t.kind]), between(m.r, t.low, t.high))
	}
	return m.drafts
}

// makeProducts makes companies, families and products, as many as suit the
// size of the catalogue.
func (m *microsoft) makeProducts(updates int) {
	c, r := m.c, m.r
	category := func(kind model.CategoryKind, title string, parent model.CategoryID) model.CategoryID {
		id := model.CategoryID(guid(r))
		c.Categories = append(c.Categories, model.Category{ID: id, Kind: kind, Title: title, Parent: parent, Upstream: UpstreamMicrosoft})
		return id
	}
	company := category(model.CategoryCompany, "Microsoft", "")
	add := func(family model.CategoryID, p product) {
		p.id = category(model.CategoryProduct, p.title, family)
		p.platform = model.PlatformWindows
		m.byKind[p.kind] = append(m.byKind[p.kind], len(c.products))
		c.products = append(c.products, p)
	}
	size := min(1, float64(updates)/30000) // how much of the range of products
	some := func(n int) int { return max(1, int(float64(n)*size+0.5)) }

	windows := category(model.CategoryFamily, "Windows", company)
	servers := []string{"Windows Server 2022", "Windows Server 2019", "Windows Server 2025", "Windows Server 2016"}
	clients := []string{"Windows 11 24H2", "Windows 10 22H2", "Windows 11 23H2", "Windows 11 25H2", "Windows 10 LTSC 2021", "Windows 10 LTSC 2019"}
	for i := range max(2, some(len(servers))) {
		add(windows, product{title: servers[i], kind: productSystem, server: true, weight: 1 / float64(i+1)})
	}
	for i := range max(2, some(len(clients))) {
		add(windows, product{title: clients[i], kind: productSystem, client: true, weight: 1 / float64(i+1)})
	}
	defender := category(model.CategoryFamily, "Threat Protection", company)
	for _, t := range []string{"Defender Antivirus", "Endpoint Protection 2012", "Security Essentials"}[:max(1, some(3))] {
		add(defender, product{title: t, kind: productDefinitions})
	}
	office := category(model.CategoryFamily, "Office", company)
	for _, t := range []string{"Office 2021", "Office 2019", "Office 2024", "Office 2016", "Project 2021", "Diagrams 2021", "Whiteboard 2019", "Office Viewer"}[:some(8)] {
		add(office, product{title: t, kind: productApplication, client: true, weight: 0.25})
	}
	data := category(model.CategoryFamily, "SQL Server", company)
	for _, t := range []string{"SQL Server 2022", "SQL Server 2019", "SQL Server 2017", "SQL Server 2016", "Reporting Services 2022"}[:some(5)] {
		add(data, product{title: t, kind: productApplication, server: true, weight: 0.12})
	}
	server := category(model.CategoryFamily, "Server Applications", company)
	for _, t := range []string{"Mail Server 2019", "Team Sites 2019", "Host Integration 2020", "Gateway 2022", "Backup Server 2022"}[:some(5)] {
		add(server, product{title: t, kind: productApplication, server: true, weight: 0.08})
	}
	tools := category(model.CategoryFamily, "Developer Tools, Runtimes, and Redistributables", company)
	for _, t := range []string{"Runtime 8.0", "Edge Browser", "Runtime 9.0", "Studio 2022", "C++ Redistributable 2022", "Shell 7.4", "Report Viewer 2015", "Studio 2019"}[:max(2, some(8))] {
		add(tools, product{title: t, kind: productApplication, server: true, client: true, weight: 0.4})
	}
	drivers := category(model.CategoryFamily, "Device Drivers", company)
	for i := range max(2, some(48)) {
		v := vendors[i%len(vendors)]
		add(drivers, product{title: v + " " + models[(i/len(vendors)+i)%len(models)], kind: productHardware, weight: 1 / float64(i+1)})
	}
}

// makeLine makes a chain of n updates, or of what is left of the budget.
func (m *microsoft) makeLine(t *template, prod, n int) {
	r, o := m.r, m.c.Options
	n = min(n, m.budget)
	p := &m.c.products[prod]
	share := t.share
	switch {
	case t.share < 1000:
		share = t.share/3 + r.IntN(t.share*2/3+1)
	case m.chained[prod]:
		share = 30 + r.IntN(300) // a second chain is for another edition
	}
	m.chained[prod] = m.chained[prod] || t.share == 1000
	index := len(m.c.lines)
	m.c.lines = append(m.c.lines, line{product: int32(prod), share: uint16(share), newest: t.daily, lazy: t.lazy})
	component := pick(r, components)
	device, vendor := pick(r, devices), pick(r, vendors)
	major, minor, build := between(r, 1, 32), r.IntN(10), between(r, 1000, 30000)
	fixed := m.nextKB()
	removable := draw(r, 0.6)
	// The newest of a chain is of the last weeks for most, and older for
	// products at the end of their life.
	end := o.Until.Add(-time.Duration(r.IntN(25*24)) * time.Hour)
	if n <= 4 || draw(r, 0.25) {
		end = end.Add(-time.Duration(r.IntN(900)) * day)
	}
	if patchDay(end, 0).After(o.Until.Add(-12 * time.Hour)) {
		end = end.Add(-15 * day)
	}
	step := time.Duration(between(r, 30, 120)) * day // of short chains
	var before []model.UpdateID
	for i := range n {
		if m.budget == 0 {
			break // bundles took the rest
		}
		back := n - 1 - i
		var at time.Time
		switch {
		case t.daily:
			at = o.Until.Add(-time.Duration(back)*day - 7*time.Hour - time.Duration(r.IntN(180))*time.Minute)
		case n > 4:
			at = patchDay(end, back)
		default:
			at = end.Add(-time.Duration(back) * step)
		}
		kb := fixed
		if !t.fixed {
			kb = m.nextKB()
		}
		m.budget--
		u := &model.Update{
			ID: model.UpdateID(guid(r)), Upstream: UpstreamMicrosoft, Class: t.class, Restart: t.restart, Released: at, KB: []string{kb},
			Products: []model.CategoryID{p.id}, Removable: removable && t.class != model.ClassDefinition && t.class != model.ClassDriver,
			Title:       fmt.Sprintf(t.title, at.Format("2006-01"), p.title, kb, major, minor, i+1, component, at.Format("06H1"), vendor, device, build),
			Description: "Install this update to resolve issues in " + p.title + ". After you have installed it, you may have to restart the computer.",
			Applies:     bytesOf(r, 16), Links: []string{"https://support.example.com/help/" + kb},
		}
		if draw(r, 0.004) {
			u.Title = fmt.Sprintf(pick(r, curious), p.title)
		}
		if !t.daily {
			u.Languages = languagesOf(r, t.kind)
		}
		m.describe(u, t, at)
		u.Files = []model.File{{
			Name: fmt.Sprintf("%s-kb%s-x64_%08x.msu", strings.ReplaceAll(strings.ToLower(t.name), " ", "-"), kb, r.Uint32()), Size: sizeOf(r, t.class),
			SHA1: bytesOf(r, 20), SHA256: bytesOf(r, 32), URL: "https://download.example.com/c/" + guid(r) + ".msu",
		}}
		if len(before) > 0 {
			back := 1
			if t.name == "cumulative" {
				back = 3 // cumulative ones name several predecessors
			}
			u.Supersedes = append(u.Supersedes, before[max(0, len(before)-back):]...)
		}
		before = append(before, u.ID)
		d := &draft{upstream: UpstreamMicrosoft, line: index, versions: []version{{at: at, update: u}}}
		m.revise(d, t, back)
		m.drafts = append(m.drafts, d)
		if m.budget >= 3 && draw(r, 0.02) && (t.kind == productApplication || t.kind == productSystem) {
			m.bundle(u, d, at)
		}
	}
}

// describe adds what depends on the classification: severity, vulnerabilities,
// bulletins, licence terms.
func (m *microsoft) describe(u *model.Update, t *template, at time.Time) {
	r := m.r
	switch u.Class {
	case model.ClassSecurity:
		u.Severity = []model.Severity{model.SeverityCritical, model.SeverityCritical, model.SeverityImportant, model.SeverityImportant, model.SeverityImportant, model.SeverityModerate, model.SeverityLow, model.SeverityUnspecified}[r.IntN(8)]
		for range between(r, 1, 5) {
			m.cve++
			u.CVEs = append(u.CVEs, fmt.Sprintf("CVE-%d-%d", at.Year(), m.cve))
		}
		if draw(r, 0.2) {
			u.Bulletins = []string{fmt.Sprintf("MS%02d-%03d", at.Year()%100, between(r, 1, 150))}
		}
		u.Exploited = draw(r, 0.015)
	case model.ClassCritical:
		u.Severity = model.SeverityUnspecified
	case model.ClassDriver, model.ClassDefinition:
		u.Version = fmt.Sprintf("%d.%d.%d", between(r, 1, 40), r.IntN(1000), r.IntN(9000))
	}
	if draw(r, t.licence) || draw(r, 0.002) {
		u.Licence = licenceTerms
	}
	u.Input = draw(r, t.input) || draw(r, 0.001)
}

// revise gives an update its later life: definitions expire when a week of
// newer ones exists, other updates are revised now and then, and few expire.
func (m *microsoft) revise(d *draft, t *template, newer int) {
	r, o := m.r, m.c.Options
	last := d.versions[len(d.versions)-1]
	next := func(at time.Time, change func(*model.Update)) {
		u := *last.update
		change(&u)
		last = version{at: at, update: &u, expired: u.Publication == model.Expired}
		d.versions = append(d.versions, last)
	}
	expire := func(u *model.Update) { u.Publication = model.Expired }
	switch {
	case t.daily:
		if newer >= 8 {
			next(last.at.Add(8*day), expire)
		}
		return
	case draw(r, 0.06):
		at := last.at.Add(time.Duration(between(r, 2, 200)) * day)
		if at.After(o.Until.Add(-day)) {
			return
		}
		switch r.IntN(6) {
		case 0: // a wider reach: the revision alarm's reason
			next(at, func(u *model.Update) { u.Applies = bytesOf(r, 16) })
		case 1:
			next(at, func(u *model.Update) { u.Licence = licenceTerms + " Amended." })
		default:
			next(at, func(u *model.Update) { u.Description += " This revision corrects the description." })
		}
	}
	if newer > 0 && draw(r, 0.03) {
		if at := last.at.Add(time.Duration(between(r, 30, 300)) * day); at.Before(o.Until.Add(-day)) {
			next(at, expire)
		}
	}
}

// bundle gives an update two or three parts, each an update of its own that no
// computer reports on by itself.
func (m *microsoft) bundle(u *model.Update, parent *draft, at time.Time) {
	r := m.r
	n := min(m.budget, between(r, 2, 3))
	index := len(m.c.lines)
	for range n {
		m.budget--
		part := *u
		part.ID, part.Supersedes, part.Files, part.Bundles = model.UpdateID(guid(r)), nil, nil, nil
		part.Title = fmt.Sprintf("%s, part %d", strings.TrimSpace(u.Title), len(u.Bundles)+1)
		part.Licence, part.Applies = "", bytesOf(r, 16)
		u.Bundles = append(u.Bundles, part.ID)
		m.c.lines = append(m.c.lines, line{product: m.c.lines[parent.line].product})
		m.drafts = append(m.drafts, &draft{upstream: UpstreamMicrosoft, line: index, versions: []version{{at: at, update: &part}}})
		index++
	}
	for _, v := range parent.versions[1:] {
		v.update.Bundles = u.Bundles
	}
}

func (m *microsoft) nextKB() string {
	m.kb += between(m.r, 1, 9)
	return fmt.Sprint(m.kb)
}

// patchDay is the second Tuesday of the month so many months before t, at 17:00 UTC.
func patchDay(t time.Time, months int) time.Time {
	d := time.Date(t.Year(), t.Month()-time.Month(months), 8, 17, 0, 0, 0, time.UTC)
	for d.Weekday() != time.Tuesday {
		d = d.Add(day)
	}
	return d
}

func languagesOf(r *rand.Rand, k productKind) []string {
	if k == productApplication && draw(r, 0.1) {
		return []string{pick(r, []string{"de", "fr", "ja", "he", "ar", "zh-tw", "pt-br"})}
	}
	return []string{"en"}
}

// sizeOf draws the size of a payload file.
func sizeOf(r *rand.Rand, c model.Classification) int64 {
	mb := int64(1 << 20)
	switch c {
	case model.ClassDefinition:
		return mb*100 + r.Int64N(80*mb)
	case model.ClassUpgrade, model.ClassServicePack:
		return 2000*mb + r.Int64N(3000*mb)
	case model.ClassSecurity:
		return 5*mb + r.Int64N(700*mb)
	}
	return mb/4 + r.Int64N(120*mb)
}
