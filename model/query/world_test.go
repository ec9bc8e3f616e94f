package query

import (
	"time"

	"fettle/model"
)

// now is the instant of all tests: a Thursday noon, two hours east of UTC, so
// that a mistaken zone shows.
var now = time.Date(2026, 3, 12, 12, 0, 0, 0, time.FixedZone("test", 2*3600))

// fakeWorld answers from maps.
type fakeWorld struct {
	tree       *model.GroupTree
	counts     map[uint32]map[model.GroupID]model.Counts
	approvals  map[uint32][]model.Approval
	categories map[model.CategoryID]model.Category
	rows       map[uint32]*model.UpdateRow
	totals     map[uint32]model.UpdateTotals
	needed     map[uint32][]uint32
	groups     map[uint32][]model.GroupID
	own        map[uint32][]model.GroupID
	states     map[uint32]model.ComputerState
	unknown    map[uint32]model.UnknownReason
	stale      map[uint32]bool
	content    map[uint32]string
	visit      time.Time
	later      map[uint32]time.Time
	asked      map[string]int // calls by method
}

func (w *fakeWorld) ask(what string) {
	if w.asked != nil {
		w.asked[what]++
	}
}

func (w *fakeWorld) Groups() *model.GroupTree { return w.tree }
func (w *fakeWorld) Counts(n uint32, g model.GroupID) model.Counts {
	w.ask("Counts")
	return w.counts[n][g]
}
func (w *fakeWorld) Approvals(n uint32) []model.Approval {
	w.ask("Approvals")
	return w.approvals[n]
}
func (w *fakeWorld) Category(id model.CategoryID) (model.Category, bool) {
	w.ask("Category")
	c, ok := w.categories[id]
	return c, ok
}
func (w *fakeWorld) Row(n uint32) *model.UpdateRow {
	w.ask("Row")
	return w.rows[n]
}
func (w *fakeWorld) Totals(n uint32) model.UpdateTotals                { return w.totals[n] }
func (w *fakeWorld) NeededBy(n uint32) []uint32                        { return w.needed[n] }
func (w *fakeWorld) GroupsOf(n uint32) []model.GroupID                 { return w.groups[n] }
func (w *fakeWorld) OwnGroups(n uint32) []model.GroupID                { return w.own[n] }
func (w *fakeWorld) ComputerState(n uint32) model.ComputerState        { return w.states[n] }
func (w *fakeWorld) Unknown(n uint32, _ time.Time) model.UnknownReason { return w.unknown[n] }
func (w *fakeWorld) StaleApproval(n uint32) bool                       { return w.stale[n] }
func (w *fakeWorld) ContentState(n uint32) string                      { return w.content[n] }
func (w *fakeWorld) LastVisit() time.Time                              { return w.visit }
func (w *fakeWorld) Postponed(n uint32, now time.Time) bool            { return now.Before(w.later[n]) }
func (w *fakeWorld) Categories() []model.Category {
	var all []model.Category
	for _, c := range w.categories {
		all = append(all, c)
	}
	return all
}

var _ World = (*fakeWorld)(nil)
var _ Catalogue = (*fakeWorld)(nil)

func testTree() *model.GroupTree {
	t, err := model.NewGroupTree(append(model.PredefinedGroups(),
		model.Group{ID: "g1", Name: "Web Servers", Parent: model.GroupAll},
		model.Group{ID: "g2", Name: "Berlin", Parent: "g1"},
		model.Group{ID: "g3", Name: "Desktops", Parent: model.GroupAll},
		model.Group{ID: "g4", Name: "any", Parent: model.GroupAll},
		model.Group{ID: "g5", Name: "webcams", Parent: model.GroupAll},
		model.Group{ID: "g6", Name: "Webcams", Parent: "g3"},
	))
	if err != nil {
		panic(err)
	}
	return t
}

func date(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, now.Location())
	if err != nil {
		panic(err)
	}
	return t
}

// testWorld is a small world:
//
//	1 tzdata      Debian, needed 3 (1 in Web Servers), approved for Web Servers, not for Berlin
//	2 openssl     Debian security, critical, exploited, superseding, approved for All Computers with a deadline that passed
//	3 KB5034441   Windows 11 security, important, failed 2, restart, licence
//	4 KB890830    a declined tool with an old approval
//	5 Kernel      withdrawn, superseded; approved for removal
func testWorld() *fakeWorld {
	rows := map[uint32]*model.UpdateRow{
		1: {Number: 1, ID: "deb/Debian/bookworm/tzdata/2024a-0+deb12u1", Title: "tzdata 2024a-0+deb12u1", Class: model.ClassUpdate,
			Products: []model.CategoryID{"deb/Debian/bookworm/localization"}, Upstream: "debian", Version: "2024a-0+deb12u1",
			Released: now.Add(-20 * day), Arrived: now.Add(-10 * day), Size: 500_000, Packages: []string{"tzdata", "tzdata-legacy"}},
		2: {Number: 2, ID: "deb/Debian/bookworm/openssl/3.0.15-1", Title: "openssl 3.0.15-1", Class: model.ClassSecurity, Severity: model.SeverityCritical,
			Flags: model.FlagExploited | model.FlagSuperseding, Products: []model.CategoryID{"deb/Debian/bookworm"}, Upstream: "debian", Version: "3.0.15-1",
			Released: date("2026-03-12 00:30"), Arrived: date("2026-03-12 09:00"), Size: 6 << 20, CVEs: []string{"CVE-2024-6387", "CVE-2023-0001"}, Packages: []string{"libssl3", "openssl"}},
		3: {Number: 3, ID: "59653007-e2e9-4f71-8525-2ff588527978", Title: "2024-01 Security Update for Windows 11 (KB5034441)", Class: model.ClassSecurity, Severity: model.SeverityImportant,
			Flags: model.FlagMayRestart | model.FlagLicence | model.FlagRemovable, Products: []model.CategoryID{"w11"}, Upstream: "Microsoft Update", Version: "200",
			Released: date("2026-02-10 19:00"), Arrived: now.Add(-40 * day), Size: 150_000_000, KB: []string{"5034441"}, Bulletin: []string{"MS24-001"}, Language: []string{"en", "de"}},
		4: {Number: 4, ID: "0a000000-0000-0000-0000-000000000004", Title: "Outil de suppression (ÉTÉ)", Class: model.ClassTool,
			Flags: model.FlagDeclined | model.FlagRequired, Products: []model.CategoryID{"bo", "loop1"}, Upstream: "Microsoft Update", KB: []string{"890830"}, Arrived: now.Add(-400 * day)},
		5: {Number: 5, ID: "deb/Debian/bookworm/linux/6.1.90-1", Title: "linux 6.1.90-1", Class: model.ClassSecurity, Severity: model.SeverityLow,
			Flags: model.FlagWithdrawn | model.FlagSuperseded | model.FlagExpired, Products: []model.CategoryID{"unheard-of"}, Upstream: "debian", Version: "1:6.1.90-1",
			Released: date("2025-12-31 23:30"), Arrived: now.Add(-100 * day), Size: 2_000_000_000, Packages: []string{"linux-image-amd64"}},
	}
	counts := func(needed, failed, pending, installed, na, unknown int) model.Counts {
		return model.Counts{Computers: needed + failed + installed + na + unknown, Needed: needed, Failed: failed, Pending: pending, Installed: installed, NotApplicable: na, Unknown: unknown}
	}
	return &fakeWorld{
		tree: testTree(),
		rows: rows,
		counts: map[uint32]map[model.GroupID]model.Counts{
			1: {model.GroupAll: counts(3, 0, 1, 6, 1, 0), "g1": counts(1, 0, 0, 1, 0, 0), "g2": counts(1, 0, 0, 0, 0, 0)},
			2: {model.GroupAll: counts(1, 0, 0, 8, 0, 1), "g1": counts(0, 0, 0, 2, 0, 0)},
			3: {model.GroupAll: counts(0, 2, 0, 0, 2, 6), "g1": counts(0, 0, 0, 0, 0, 2)},
			4: {model.GroupAll: counts(0, 0, 0, 0, 0, 10)},
			5: {model.GroupAll: counts(0, 0, 0, 0, 10, 0)},
		},
		approvals: map[uint32][]model.Approval{
			1: {{Group: "g1", Action: model.ActionInstall, Deadline: now.Add(3 * day)}, {Group: "g2", Action: model.ActionNotApproved}},
			2: {{Group: model.GroupAll, Action: model.ActionInstall, Deadline: now.Add(-day)}, {Group: "g3", Action: model.ActionInstall, Deadline: now.Add(30 * day)}},
			4: {{Group: model.GroupAll, Action: model.ActionInstall, Deadline: now.Add(-day)}},
			5: {{Group: "g3", Action: model.ActionUninstall}},
		},
		categories: map[model.CategoryID]model.Category{
			"deb/Debian/bookworm":              {ID: "deb/Debian/bookworm", Title: "Debian 12 (bookworm)", Upstream: "debian"},
			"deb/Debian/bookworm/localization": {ID: "deb/Debian/bookworm/localization", Title: "localization", Parent: "deb/Debian/bookworm", Upstream: "debian"},
			"w11":                              {ID: "w11", Title: "Windows 11", Parent: "windows", Upstream: "Microsoft Update"},
			"windows":                          {ID: "windows", Kind: model.CategoryFamily, Title: "Windows", Parent: "ms", Upstream: "Microsoft Update"},
			"ms":                               {ID: "ms", Kind: model.CategoryCompany, Title: "Microsoft", Upstream: "Microsoft Update"},
			"bo":                               {ID: "bo", Title: "BackOffice Server", Upstream: "Microsoft Update"},
			"loop1":                            {ID: "loop1", Title: "Loop", Parent: "loop2"},
			"loop2":                            {ID: "loop2", Title: "Pool", Parent: "loop1"},
		},
		totals: map[uint32]model.UpdateTotals{
			1: {Needed: 2, Installed: 100, Pending: 1}, 2: {Failed: 1, Unknown: 5}, 3: {}, 4: {Unknown: 50},
		},
		needed:  map[uint32][]uint32{1: {1, 2}, 2: {3, 99}, 3: nil},
		groups:  map[uint32][]model.GroupID{1: {model.GroupAll, "g1", "g2"}, 2: {model.GroupAll, "g3"}, 3: {model.GroupAll, model.GroupUnassigned}, 4: {model.GroupAll, model.GroupUnassigned}},
		own:     map[uint32][]model.GroupID{1: {"g2"}, 2: {"g3"}},
		states:  map[uint32]model.ComputerState{1: model.ComputerNeeded, 2: model.ComputerFailed, 3: model.ComputerOK, 4: model.ComputerNoStatus},
		unknown: map[uint32]model.UnknownReason{2: model.UnknownStale, 3: model.UnknownNewer, 4: model.UnknownNeverReported},
		stale:   map[uint32]bool{3: true},
		content: map[uint32]string{1: "ready", 2: "vendor", 3: "failed", 4: "none", 5: "waiting"},
		visit:   date("2026-03-12 08:00"),
		later:   map[uint32]time.Time{1: now.Add(day), 2: now.Add(-day), 4: now.Add(day)},
	}
}

// testComputers: a Linux web server, a stale Windows client, a new client that
// is up to date, and one that asked to be enrolled.
func testComputers() []*model.Computer {
	return []*model.Computer{
		{Number: 1, Name: "web01.example.org", Addresses: []string{"10.1.2.3", "fe80::1:2%eth0"}, OS: "Debian GNU/Linux 12 (bookworm)", Platform: model.PlatformLinux,
			Arch: "amd64", Role: model.RoleServer, Agent: "0.9.1", Contacted: now.Add(-10 * time.Minute), Reported: now.Add(-30 * time.Minute),
			Policy: model.Policy{Mode: model.ModeScheduled}, Pending: []string{"linux-image"}},
		{Number: 2, Name: "pc-17", Addresses: []string{"192.168.7.17"}, OS: "Windows 11 Pro", Platform: model.PlatformWindows,
			Arch: "amd64", Role: model.RoleClient, Contacted: now.Add(-3 * day), Reported: now.Add(-45 * day), Policy: model.Policy{Mode: model.ModeDisabled}, Scan: model.ScanResult{Error: "the service does not run"}},
		{Number: 3, Name: "web02.example.org", Addresses: []string{"10.2.0.9"}, OS: "Ubuntu 24.04", Platform: model.PlatformLinux,
			Arch: "arm64", Role: model.RoleClient, Agent: "1.0.0", Contacted: now.Add(-time.Hour), Reported: now.Add(-time.Hour), Policy: model.Policy{Mode: model.ModeNotify}, Foreign: []string{"vim"}},
		{Number: 4, Name: "neu", Admission: model.Waiting, Policy: model.Policy{Mode: model.ModeDownload}},
		{Number: 5, Name: "old", Admission: model.Rejected, Contacted: date("2025-06-01 00:00")},
	}
}
