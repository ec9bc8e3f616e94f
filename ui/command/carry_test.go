package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fettle/model"
	"fettle/sync/simulation/offline"
	"fettle/sync/simulation/publisher"
)

// carryItems is an invented catalogue of Microsoft's: an update that consists of a
// member with a file and rules, licence terms, a detectoid, and products of which
// two have one name. The second edition revises the update and brings another and
// a product; the third has lost nearly all.
func carryItems(edition int) []publisher.Item {
	product := func(title, family string) model.CategoryID {
		c, ok := publisher.ProductNamed(title, family)
		if !ok {
			panic("the publisher does not know " + title)
		}
		return c.ID
	}
	server := product("Windows Server 2016", "Windows")
	detectoid := publisher.Item{ID: publisher.ID("story", "detectoid"), Kind: model.DocumentDetectoid, Title: "x64-based systems", Rules: publisher.Rules{Installed: ruleOf(publisher.Processor(publisher.AMD64))}}
	cumulative := publisher.Bundle(publisher.Item{
		ID: publisher.ID("story", "cumulative"), Revision: 200, Title: "2026-01 Cumulative Update for Windows Server 2016 (KB5034441)", Description: "Install this update to resolve issues in Windows.",
		Class: model.ClassSecurity, Products: []model.CategoryID{server}, Severity: model.SeverityCritical, KB: []string{"5034441"}, Bulletins: []string{"MS26-001"}, CVEs: []string{"CVE-2026-0001"},
		Prerequisites: [][]model.UpdateID{{detectoid.ID}}, Restart: model.RestartMay, Removable: true, Support: "https://support.example/5034441",
		Files: []publisher.File{publisher.NewFile("windows10.0-kb5034441-x64.cab", "download.example", []byte("the cumulative update"))},
		Rules: publisher.Rules{
			Installed:   ruleOf(publisher.FileVersion(`\kernel32.dll`, "10.0.14393.6614")),
			Installable: ruleOf(publisher.And(publisher.Windows("10.0.14393"), publisher.Processor(publisher.AMD64))),
		},
	})
	licensed := publisher.Item{
		ID: publisher.ID("story", "licensed"), Title: "Update with licence terms", Class: model.ClassUpdate, Products: []model.CategoryID{product("Windows Server 2016", "Developer Tools, Runtimes, and Redistributables")},
		KB: []string{"5000002"}, Eula: &publisher.Eula{ID: string(publisher.ID("story", "eula")), Terms: []publisher.Terms{{Language: "en", Text: "You must agree."}}},
		Files: []publisher.File{publisher.NewFile("licensed.exe", "download.example", []byte("licensed"))},
		Rules: publisher.Rules{Installed: ruleOf(publisher.False()), Installable: ruleOf(publisher.True())},
	}
	items := []publisher.Item{detectoid, cumulative, licensed}
	for i := range 4 {
		items = append(items, publisher.Item{ID: publisher.ID("story", fmt.Sprint(i)), Title: fmt.Sprintf("Definition update %d", i), Class: model.ClassDefinition, Products: []model.CategoryID{product("Microsoft Defender Antivirus", "")},
			Rules: publisher.Rules{Installed: ruleOf(publisher.False()), Installable: ruleOf(publisher.True())}})
	}
	switch edition {
	case 2:
		items[1].Revision, items[1].Title = 201, items[1].Title+" (revised)"
		items = append(items, publisher.Item{ID: publisher.ID("story", "new"), Title: "New update (KB5000003)", Class: model.ClassUpdate, Products: []model.CategoryID{product("Windows 11", "Windows")}, KB: []string{"5000003"},
			Rules: publisher.Rules{Installed: ruleOf(publisher.False()), Installable: ruleOf(publisher.True())}})
	case 3:
		items = items[:2]
	}
	return publisher.WithCategories(items)
}

func ruleOf(r publisher.Rule) *publisher.Rule { return &r }

// carry makes what is carried in: carry FILE EDITION, a package; carry FILE EDITION
// scan, an offline scan catalogue; or carry DIR content.
func (s *story) carry(args []string) (err error) {
	if len(args) < 2 {
		return errors.New("usage: carry FILE EDITION [scan], or carry DIR content")
	}
	if args[1] == "content" {
		_, err := publisher.WriteContent(s.path(args[0]), carryItems(1))
		return err
	}
	var edition int
	if _, err := fmt.Sscan(args[1], &edition); err != nil {
		return err
	}
	f, err := os.Create(s.path(args[0]))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if len(args) == 3 {
		_, err := offline.Write(s.t.Context(), f, offline.Options{Updates: 300, Locations: 100, Shards: 2, Unpacked: -1, Languages: []string{"en", "de"}, Seed: 7, Edition: edition, Added: 10, Stored: true})
		return err
	}
	return publisher.Package(f, carryItems(edition), publisher.PackageOptions{Created: time.Date(2026, 2, edition, 6, 0, 0, 0, time.UTC)})
}

// sample is the path of a file of the shared samples, or "" where they are not.
func sample(name string) string {
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "samples", name))
	if err != nil {
		return ""
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
