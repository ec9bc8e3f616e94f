package console

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
	"fettle/sync/simulation/publisher"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
)

// category is one of the fixture's products.
func category(kind model.CategoryKind, title, parent string, excluded bool) (model.CategoryID, model.Category) {
	id := model.CategoryID(publisher.ID("category", title, parent))
	c := model.Category{ID: id, Kind: kind, Title: title, Excluded: excluded}
	if parent != "" {
		c.Parent = model.CategoryID(parent)
	}
	return id, c
}

// microsoftItems are a small catalogue of Microsoft's shape: products whose
// titles repeat, one that its vendor leaves out of automatic selection, a bundle
// with alternatives, a detectoid, and an update that supersedes another. next
// adds what a later package brings.
func microsoftItems(title string, next bool) []publisher.Item {
	var products []model.Category
	add := func(kind model.CategoryKind, title string, parent model.CategoryID, excluded bool) model.CategoryID {
		id, c := category(kind, title, string(parent), excluded)
		products = append(products, c)
		return id
	}
	company := add(model.CategoryCompany, "Microsoft", "", false)
	windows := add(model.CategoryFamily, "Windows", company, false)
	tools := add(model.CategoryFamily, "Developer Tools, Runtimes, and Redistributables", company, false)
	server := add(model.CategoryProduct, "Windows Server 2022", windows, false)
	add(model.CategoryProduct, "Windows Server 2022", tools, false)
	client := add(model.CategoryProduct, "Windows 11", windows, false)
	add(model.CategoryProduct, "Windows Insider Pre-Release", windows, true)
	studio := add(model.CategoryProduct, "Visual Studio 2022", tools, false)
	if next {
		add(model.CategoryProduct, "Windows Server 2025", windows, false)
	}
	x64 := publisher.Item{ID: publisher.ID("detectoid", "x64"), Kind: model.DocumentDetectoid, Title: "x64 processors", DetectoidType: "SKU or Feature",
		Rules: publisher.Rules{Installed: new(publisher.Processor(publisher.AMD64))}}
	file := func(name string, n int) publisher.File {
		return publisher.NewFile(name, publisher.DownloadHost, bytes.Repeat([]byte{byte(n)}, n*1000))
	}
	part := func(name string, n int, arch string) publisher.Item {
		return publisher.Item{Title: title + ", " + name, Handler: publisher.ComponentServicing, Restart: model.RestartAlways, Files: []publisher.File{file("windows10.0-kb5034441-"+name+".cab", n)},
			Prerequisites: [][]model.UpdateID{{x64.ID}},
			Rules:         publisher.Servicing("Package_for_KB5034441", "20348.2227.1.3", arch, "KB5034441", publisher.Windows("10.0.20348"), publisher.RegistryKey(`SOFTWARE\Microsoft\Windows NT\CurrentVersion`))}
	}
	old := publisher.Item{ID: publisher.ID("update", "old"), Title: "2023-12 Cumulative Update for Windows Server 2022 (KB5033118)", Class: model.ClassSecurity, Products: []model.CategoryID{server}, KB: []string{"5033118"},
		Severity: model.SeverityImportant, Created: publisher.Epoch.AddDate(0, -1, 0), Files: []publisher.File{file("windows10.0-kb5033118.cab", 9)}, Handler: publisher.ComponentServicing,
		Rules: publisher.Servicing("Package_for_KB5033118", "20348.2159.1.1", "amd64", "KB5033118")}
	bundle := publisher.Item{ID: publisher.ID("update", "bundle"), Title: title, Description: "A security issue has been identified in a Microsoft software product. You can help protect your system by installing this update.\nYou may have to restart.",
		Class: model.ClassSecurity, Products: []model.CategoryID{server, client}, KB: []string{"5034441"}, CVEs: []string{"CVE-2024-20666"}, Bulletins: []string{"MS24-001"}, Severity: model.SeverityCritical, Languages: []string{"en", "de", "ja"},
		MoreInfo: []string{"https://support.example.com/help/5034441"}, Support: "https://support.example.com", Supersedes: []model.UpdateID{old.ID}, Alternatives: []publisher.Item{part("x64", 40, "amd64"), part("arm64", 30, "arm64")}}
	items := []publisher.Item{x64, old, bundle,
		{ID: publisher.ID("update", "studio"), Title: "Visual Studio 2022 version 17.8.4 update", Class: model.ClassUpdate, Products: []model.CategoryID{studio}, Files: []publisher.File{file("vs.exe", 5)}, Handler: publisher.CommandLine,
			Input: true, Rules: publisher.Rules{Installed: new(publisher.FileVersion("vs.exe", "17.8.4")), Installable: new(publisher.RegistryKey(`SOFTWARE\Microsoft\VisualStudio`))}},
	}
	if next {
		items = append(items, publisher.Item{ID: publisher.ID("update", "next"), Title: "Windows Server 2025 Security Update (KB5041111)", Class: model.ClassSecurity, Products: []model.CategoryID{products[len(products)-1].ID}, KB: []string{"5041111"},
			Files: []publisher.File{file("next.cab", 3)}, Handler: publisher.ComponentServicing, Rules: publisher.Servicing("Package_for_KB5041111", "1.0", "amd64", "KB5041111")})
	}
	for _, c := range products {
		items = append(items, publisher.CategoryItem(c))
	}
	return publisher.WithCategories(items, products...)
}

// packageFile writes a catalogue as wsusutil export does.
func packageFile(t testing.TB, at time.Time, items []publisher.Item) string {
	t.Helper()
	f := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "export.cab")))
	if err := errors.Join(publisher.Package(f, items, publisher.PackageOptions{Created: at}), f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// carryIn imports a catalogue as an administrator does.
func carryIn(t testing.TB, s *store.Store, clock func() time.Time, items []publisher.Item) {
	t.Helper()
	f := must[*os.File](t)(os.Open(packageFile(t, clock(), items)))
	defer f.Close()
	info := must[os.FileInfo](t)(f.Stat())
	e := engine.New(engine.Options{Store: s, Clock: clock, Carry: engine.CarryPolicy{Unsigned: true}})
	defer e.Close()
	found := must[*engine.Carried](t)(e.Recognize(t.Context(), engine.CarriedFile{Name: "export.cab", Reader: f, Size: info.Size()}))
	if err := must[*engine.Job](t)(e.Import(t.Context(), found, engine.ImportOptions{Force: true}, admin)).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const cumulative = "2024-01 Cumulative Update for Windows Server 2022 and Windows 11 (KB5034441)"

// microsoftSite is a store with Microsoft's updates. With fresh ones a product
// came after the administrator had chosen.
func microsoftSite(t testing.TB, title string, fresh bool) *store.Store {
	t.Helper()
	var now atomic.Int64 // the store and the engine have one clock, and goroutines of their own
	clock := func() time.Time { return time.Unix(now.Load(), 0).UTC() }
	now.Store(testTime.Add(-time.Hour).Unix())
	s := newStore(t, clock)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeComputers, How: []string{thisComputer}}, admin))
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{},
		Upstream: &model.Upstream{Name: "wsusexport", Kind: model.UpstreamWsusExport, Location: "/srv/export.cab"}}, admin))
	now.Store(testTime.Add(-30 * time.Minute).Unix())
	carryIn(t, s, clock, microsoftItems(title, false))
	if fresh {
		now.Store(testTime.Add(-10 * time.Minute).Unix())
		carryIn(t, s, clock, microsoftItems(title, true))
	}
	now.Store(testTime.Unix())
	last := s.Snapshot().LastUpdate()
	must[uint32](t)(s.Record(t.Context(), store.Report{Status: &model.Status{Reported: testTime.Add(-time.Minute), Evaluated: last, Needed: []uint32{numberOf(t, s, "bundle")}},
		Computer: model.Computer{ID: "srv", Name: "SRV-01", Platform: model.PlatformWindows, Arch: "amd64", OS: "Windows Server 2022 Standard", Contacted: testTime, Reported: testTime, FirstSeen: testTime, Zone: "UTC"}}))
	return s
}

func numberOf(t testing.TB, s *store.Store, name string) uint32 {
	t.Helper()
	r := s.Snapshot().RowByID(publisher.ID("update", name))
	if r == nil {
		t.Fatalf("the update %s is not in the catalogue", name)
	}
	return r.Number
}

// microsoftWays are the keys that lead to each screen of Microsoft's catalogue.
var microsoftWays = []struct {
	name string
	keys []string
}{
	{"products", []string{"P"}}, {"products-open", []string{"P", "G", "g", "down", "down", "right", "right", "down", "space"}}, {"products-filter", []string{"P", "/", "2", "0", "2", "2", "enter"}},
	{"products-preview", []string{"P", "n", "space", "up", "space", "enter"}}, {"updates", []string{"2"}}, {"update", []string{"2", "enter"}}, {"update-behind", []string{"2", "enter", "enter", "tab", "tab"}},
	{"member", []string{"2", "enter", "enter", "tab", "enter"}}, {"original", []string{"2", "enter", "G", "shift+tab", "shift+tab", "shift+tab", "enter"}}, {"synchronization", []string{"8"}}, {"run", []string{"8", "enter"}},
	{"import", []string{"8", "i"}}, {"settings", []string{"9"}}, {"overview", []string{"1"}}, {"wizard-products", []string{"9", "down", "enter", "enter", "enter", "enter", "enter"}},
}

// TestMicrosoftScreens holds the screens of Microsoft's catalogue to their golden
// files: full, with wide characters, and with new products.
func TestMicrosoftScreens(t *testing.T) {
	stores := map[string]*store.Store{"full": microsoftSite(t, cumulative, false), "wide": microsoftSite(t, wideTitles[0]+" \u202eesrever\u202c (KB5034441)", false), "new": microsoftSite(t, cumulative, true)}
	for state, s := range stores {
		for _, way := range microsoftWays {
			t.Run(way.name+"/"+state, func(t *testing.T) {
				heldTo(t, "microsoft-"+way.name+"/"+state, func(w, h int, term theme.Terminal) *driver {
					return drive(t, s, w, h, func(o *Options) { o.Terminal = term }).press(way.keys...)
				})
			})
		}
	}
}

// TestScreensWaitAndFail holds what is shown while something is being read, and
// when it cannot be.
func TestScreensWaitAndFail(t *testing.T) {
	s := microsoftSite(t, cumulative, false)
	number := numberOf(t, s, "bundle")
	broken := errors.New("reading the document: block 7: its parts are damaged")
	for _, c := range []struct {
		name string
		show func(d *driver)
	}{
		{"products-loading", func(d *driver) { d.c.push(newProducts(d.c)) }},
		{"update-loading", func(d *driver) {
			first, ok := d.c.push(newUpdate(d.c, number))().(tea.BatchMsg)
			if !ok {
				t.Fatal("the details are not read in two steps")
			}
			d.run(first[0]) // what is behind it is still being read
			d.press("G")
		}},
		{"update-error", func(d *driver) {
			p := newUpdate(d.c, number).(*textPane)
			p.behind = func(context.Context, scribe, int) (*page, error) { return nil, broken }
			d.run(d.c.push(p))
			d.press("G")
		}},
		{"member-loading", func(d *driver) { d.c.push(newInspection(d.c, model.DocumentKey{ID: "unknown"})) }},
		{"member-error", func(d *driver) { d.run(d.c.push(newInspection(d.c, model.DocumentKey{ID: "unknown"}))) }},
		{"original-error", func(d *driver) {
			d.run(d.c.push(newOriginal(d.c, model.DocumentKey{ID: publisher.ID("update", "bundle")}, "text/xx")))
		}},
		{"import-loading", func(d *driver) {
			d.press("8", "i")
			d.c.push(newImport(d.c.top().(*form), "/media/usb/wsusscn2.cab", false))
		}},
		{"import-error", func(d *driver) { d.press("8", "i").write("/media/usb/setup.exe").press("enter") }},
		{"import-recognised", func(d *driver) {
			d.engine.file = scanCatalogue
			d.press("8", "i").write("/media/usb/x.cab").press("enter")
		}},
		{"import-plan", func(d *driver) {
			d.engine.file, d.engine.plan = scanCatalogue, &ImportPlan{New: 2, Revised: 1, Unchanged: 1852, Documents: 5, Categories: 1, Titles: []string{wideTitles[0], cumulative}, Remarks: []string{"The edition before was of 2025-12-09."},
				Failures: []model.ImportFailure{{Item: "42", Reason: "its core fragment is cut off"}}}
			d.press("8", "i").write("/media/usb/x.cab").press("enter", "p")
		}},
		{"import-plan-error", func(d *driver) {
			d.engine.file = scanCatalogue
			d.press("8", "i").write("/media/usb/x.cab").press("enter")
			d.engine.err = errors.New("reading package7.cab: the data of block 9 have another checksum")
			d.press("p")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			way, state, _ := strings.Cut(c.name, "-")
			heldTo(t, "microsoft-"+way+"/"+state, func(w, h int, term theme.Terminal) *driver {
				d := drive(t, s, w, h, func(o *Options) { o.Terminal = term })
				d.press("2")
				c.show(d)
				return d
			})
		})
	}
}

var scanCatalogue = &CarriedFile{Name: "x.cab", Size: 1_400_000_000, What: "Microsoft's offline scan catalogue (wsusscn2.cab)", Refused: "",
	Facts: [][2]string{{"Package", "PackageId=8a7c3d4e"}, {"Made", "2026-01-13 18:00 UTC"}, {"Detail cabinets", "74"}, {"Signature", "by Microsoft Corporation"}}}

func TestProductsAreChosenWithPreview(t *testing.T) {
	s := microsoftSite(t, cumulative, true)
	d := drive(t, s, 80, 24)
	d.sees("1 new product").press("down").press("up")
	d.run(d.c.follow(model.Notice{Kind: "new-products", View: "products"}))
	d.sees("Products and classifications", "1 new", "NEW", "Windows Server 2025")
	// The new one is found, and taken out: its siblings are ticked instead of what
	// they belong to.
	d.press("n").sees("> ", "Microsoft > Windows > Windows Server 2025")
	d.press("space", "enter").sees("WHAT IT WOULD DO", "NOT SELECTED ANY MORE", "Microsoft > Windows > Windows Server 2025: 1 update is for it", "[>Cancel<]")
	d.press("enter").sees("not applied yet")
	if len(s.Snapshot().Settings().Categories) != 0 {
		t.Fatal("the default is not Cancel")
	}
	d.press("enter", "y").sees("Done, u takes it back").seesNot("not applied yet", "NEW")
	snap := s.Snapshot()
	if got := len(snap.Settings().Categories); got != 4 { // Developer Tools, and three of Windows
		t.Errorf("%d categories are selected: %v", got, snap.Settings().Categories)
	}
	if len(snap.NewCategories()) != 0 {
		t.Error("the new product was not acknowledged")
	}
	d.run(d.c.open("updates", "title:2025"))
	d.sees("No update matches")
	// It comes back without an import.
	d.press("P", "/").write("2025").press("enter", "end").sees("Windows Server 2025")
	for !strings.Contains(d.cursorLine(), "Windows Server 2025") {
		d.press("up")
	}
	d.press("space", "enter", "y")
	d.run(d.c.open("updates", "title:2025"))
	d.sees("1 of 4 updates", "Windows Server 2025")
}

func TestNewProductsAreAcknowledged(t *testing.T) {
	s := microsoftSite(t, cumulative, true)
	d := drive(t, s, 80, 24)
	d.press("P").sees("1 new").press("K").sees("Acknowledge").press("y").seesNot("NEW")
	if len(s.Snapshot().NewCategories()) != 0 {
		t.Error("it is still new")
	}
	d.press("1").seesNot("new product")
}

// TestTicksOfTheTree holds what a tick means: a group's is for what comes later,
// too; one less is its siblings'.
func TestTicksOfTheTree(t *testing.T) {
	s := microsoftSite(t, cumulative, false)
	d := drive(t, s, 80, 24)
	d.press("P")
	p := d.c.top().(*products)
	find := func(path string) string {
		for id := range p.tree.nodes {
			if p.tree.path(id) == path {
				return id
			}
		}
		t.Fatalf("there is no %s", path)
		return ""
	}
	windows, server, client := find("Microsoft > Windows"), find("Microsoft > Windows > Windows Server 2022"), find("Microsoft > Windows > Windows 11")
	state := func(id string) string { return markBoxes[p.tree.mark(id)] }
	check := func(step, w, s, c, root string) {
		t.Helper()
		if got := [...]string{state(windows), state(server), state(client), state(allProducts)}; got != [...]string{w, s, c, root} {
			t.Errorf("%s: %v", step, got)
		}
	}
	check("at first", "[x]", "[x]", "[x]", "[x]")
	p.tree.toggle(server)
	check("without one", "[-]", "[ ]", "[x]", "[-]")
	p.tree.toggle(server)
	check("with every one, but not what comes later", "[-]", "[x]", "[x]", "[-]")
	p.tree.toggle(windows)
	check("with the family", "[x]", "[x]", "[x]", "[-]")
	p.tree.toggle(windows)
	check("without the family", "[ ]", "[ ]", "[ ]", "[-]")
	p.tree.toggle(allProducts)
	check("with all", "[x]", "[x]", "[x]", "[x]")
	p.tree.toggle(allProducts)
	check("with nothing", "[ ]", "[ ]", "[ ]", "[ ]")
	d.press("enter").sees("no product is selected")
	d.press("esc").sees("all products", "what was not applied was taken back")
}

func TestDetailsLeadBehindTheUpdate(t *testing.T) {
	s := microsoftSite(t, cumulative, false)
	d := drive(t, s, 80, 40)
	d.press("2").sees("CRITICAL", "Cumulative").press("enter")
	d.sees("Severity       Critical", "KB             5034441", "Bulletins      MS24-001", "CVEs           CVE-2024-20666", "Windows Server 2022 (Windows)", "Uninstalling   not possible")
	d.press("enter").sees(">  ▸ All Computers")
	for !strings.Contains(d.cursorLine(), "2023-12 Cumulative") {
		d.press("tab")
	}
	d.sees("SUPERSEDES")
	for !strings.Contains(d.cursorLine(), "2024-01 Cumulative") {
		d.press("tab")
	}
	d.sees("of these, those that apply to the computer:", "revision 200", "40 kB")
	d.press("enter").sees("which is not decided about by itself", "PREREQUISITES", "x64 processors (detectoid)", "Installable when all of these hold:", "PART OF")
	for !strings.Contains(d.cursorLine(), "x64 processors") {
		d.press("tab")
	}
	d.press("enter").sees("a rule that others have as their prerequisite", "Installed when:", "x64")
	for !strings.Contains(d.cursorLine(), "the document as it was published") {
		d.press("tab")
	}
	d.press("enter").sees("blanks between elements are not those of the original", "UpdateIdentity")
	d.press("esc", "esc", "esc").sees("CONSISTS OF")
	d.press("esc").sees("[2 Updates]", "Filter:")
}

func TestAFileIsImportedAfterItWasLookedAt(t *testing.T) {
	s := microsoftSite(t, cumulative, false)
	d := drive(t, s, 80, 24)
	d.press("8", "i").sees("The path is on the machine that holds Fettle's data")
	d.press("enter").sees("the file is missing")
	d.write("usb/x.cab").press("enter").sees("a full path is needed")
	d.press("ctrl+u").write("/usb/x.cab")
	d.press("enter").sees("Refused", "it looks like a Windows program")
	d.press("esc").sees("/usb/x.cab")
	d.engine.file, d.engine.plan = scanCatalogue, &ImportPlan{New: 7, Titles: []string{"one of them"}}
	d.press("enter").sees("WHAT IT IS", "offline scan catalogue", "Detail cabinets", "[>Cancel<]")
	d.press("p").sees("WHAT IT WOULD CHANGE", "7 updates", "one of them", "and 6 more")
	d.press("enter").sees("Import: a file") // the default is Cancel
	if c := strings.Join(d.engine.calls, "; "); strings.Contains(c, "import ") {
		t.Fatalf("it was imported: %s", c)
	}
	d.press("enter", "y").sees("[8 Sync]", "The import of /usb/x.cab was started")
	if c := strings.Join(d.engine.calls, "; "); !strings.HasSuffix(c, "import /usb/x.cab") {
		t.Errorf("it was not imported: %s", c)
	}
	d.engine.set(Job{ID: 3, Kind: "synchronization", Name: "Import of x.cab", Started: testTime, Progress: model.Progress{Phase: "reading", Done: 1, Total: 4}})
	d.refresh()
	d.sees("Import of x.cab: reading 1 of 4 (25 %)").press("x")
	if c := d.engine.calls; c[len(c)-1] != "cancel 3" {
		t.Errorf("it was not cancelled: %v", c)
	}
	drive(t, s, 80, 24, func(o *Options) { o.ReadOnly = true }).press("8", "i").sees("read-only")
}

// TestImportsNeedNoUpstream holds what is said of files that were imported under
// a name that no upstream has, from the beginning of the first one on.
func TestImportsNeedNoUpstream(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	id := must[uint64](t)(s.BeginRun(t.Context(), model.SyncRun{Upstream: "wsusscn2", Started: testTime, Manual: true, Initial: true, Actor: admin}))
	d := drive(t, s, 80, 24)
	d.press("1").sees("wsusscn2: not complete yet").press("8").sees("wsusscn2: never run; from files that were imported")
	d.engine.set(Job{ID: 1, Kind: "synchronization", Name: "Import of x.cab", Progress: model.Progress{Phase: "reading", Done: 2_500_000, Total: 10_000_000}})
	d.refresh()
	d.sees("Import of x.cab: reading 2.5 MB of 10 MB (25 %)")
	d.engine.set(Job{ID: 1, Kind: "synchronization", Name: "Import of x.cab", Ended: testTime, Canceled: true, Err: "it was cancelled"})
	d.refresh()
	d.sees("Import of x.cab was cancelled").seesNot("ERROR")
	if err := s.EndRun(t.Context(), model.SyncRun{ID: id, Upstream: "wsusscn2", Started: testTime, Ended: testTime, Result: model.SyncFailed, Error: "it is cut off", Actor: admin}); err != nil {
		t.Fatal(err)
	}
	d.engine.set()
	d.refresh()
	d.sees("wsusscn2: last 07:00, failed: it is cut off").press("1").sees("wsusscn2: 07:00 failed")
}

func TestWizardSetsUpAFile(t *testing.T) {
	s := newStore(t)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeComputers, How: []string{thisComputer}}, admin))
	d := drive(t, s, 80, 24)
	d.press("enter").sees("page 1 of 7", "Proxy").press("down", "space").sees("page 1 of 8", "File").seesNot("Proxy")
	d.press("enter").sees("the file is missing")
	d.press("down", "down").write("/srv/wsusscn2.cab").press("enter").sees("Test of the file", "The file can be read:")
	d.press("enter").sees("Languages").write("de, e!").press("enter").sees("is not a language")
	d.press("backspace").write("n").press("enter").sees("[x] Update Rollups", "P chooses among them then")
	d.press("enter", "enter").sees("(o) By hand only", "the edition of before")
	d.press("enter", "enter").sees("wsusscn2=/srv/wsusscn2.cab", "de, en", "Schedule          manual").press("enter")
	snap := s.Snapshot()
	u := snap.Upstreams()
	if len(u) != 1 || u[0].Kind != model.UpstreamWsusscn2 || u[0].Location != "/srv/wsusscn2.cab" || u[0].Name != "wsusscn2" || strings.Join(snap.Settings().Languages, " ") != "de en" || snap.Settings().Classes != nil {
		t.Errorf("got %+v, %+v", u, snap.Settings())
	}
	d.press("P").sees("No synchronization has brought products yet", "the products that it brought can then be selected")
	// The wizard again adds another upstream, and leaves this one.
	d.press("9", "down", "enter").sees("(o) Microsoft: the offline scan catalogue", "/srv/wsusscn2.cab")
	d.press("up", "space").sees("Configured already, and kept: wsusscn2").press("enter", "enter").sees("Driver Sets")
	d.press("enter", "enter", "enter", "down", "space", "enter", "enter")
	if u := s.Snapshot().Upstreams(); len(u) != 2 {
		t.Errorf("got %+v", u)
	}
}

func TestWizardChoosesProducts(t *testing.T) {
	s := microsoftSite(t, cumulative, false)
	d := drive(t, s, 80, 24)
	d.press("9", "down", "enter", "enter", "enter", "enter", "enter").sees("Products: what updates are wanted for", "▾ [x] Microsoft")
	d.press("space", "enter").sees("no product is selected")
	d.press("/").write("studio").press("enter", "end", "space").sees("[x] Visual Studio 2022")
	d.press("esc").sees("Products: what").seesNot("Filter:") // the filter first, then the page
	d.press("enter", "enter", "enter", "down", "space", "enter").sees("1 of 5 products").press("enter")
	set := s.Snapshot().Settings()
	if len(set.Categories) != 1 {
		t.Errorf("selected: %v", set.Categories)
	}
	d.press("9").sees("Developer Tools, Runtimes")
}

// TestKeysOfTheTree goes through everything a key can do in the tree with random
// keys; the driver holds every frame to its size.
func TestKeysOfTheTree(t *testing.T) {
	s := microsoftSite(t, wideTitles[0], true)
	d := drive(t, s, 60, 15, func(o *Options) { o.ReadOnly = true })
	d.press("P")
	all := []keys.Action{keys.Up, keys.Down, keys.PageUp, keys.PageDown, keys.HalfUp, keys.HalfDown, keys.Top, keys.Bottom, keys.Tick, keys.Fold, keys.Unfold, keys.NextNew}
	p := d.c.top().(*products)
	for i := range 3000 {
		d.send(nil)
		d.run(p.Update(do(all[(i*7+i/11*5+i/101)%len(all)])))
		if i%97 == 0 {
			p.tree.filter = []string{"", "server", "zzz", "2022"}[i/97%4]
			p.tree.arrange()
		}
		if lines := strings.Split(d.c.View(), "\n"); len(lines) != 15 {
			t.Fatalf("the frame has %d lines", len(lines))
		}
		if len(p.tree.rows) > 0 && p.tree.nodes[p.tree.at] == nil {
			t.Fatal("the cursor is nowhere")
		}
	}
}

func TestLaidOutMarkup(t *testing.T) {
	for in, want := range map[string]string{
		`<a><b x="1>2">text</b><c/></a>`: "<a>\n  <b x=\"1>2\">text</b>\n  <c/>\n</a>",
		"<a>\n\n <b/>\n</a>":             "<a>\n  <b/>\n</a>",
		`<a></a><b>`:                     "<a></a>\n<b>",
		"<a>one\ntwo</a>":                "<a>\n  one\n  two\n</a>",
		"<!-- <x> --><?p q?><a>&lt;</a>": "<!-- <x> -->\n<?p q?>\n<a>&lt;</a>",
		"</a></a>text <":                 "</a>\n</a>\ntext\n<",
		"<a\n  b='1'\n  c='2'>":          "<a b='1' c='2'>",
		"<r><![CDATA[<not/>]]></r>":      "<r>\n  <![CDATA[<not/>]]>\n</r>",
	} {
		if got := strings.Join(layout.XML(in), "\n"); got != want {
			t.Errorf("%q became\n%s\nwant\n%s", in, got, want)
		}
	}
}
