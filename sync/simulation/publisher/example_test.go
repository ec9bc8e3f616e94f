package publisher_test

import (
	"fmt"
	"os"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/simulation/publisher"
)

// A package with one update, to try `fettle import` with.
func Example() {
	update := publisher.Bundle(publisher.Item{
		ID: publisher.ID("my first update"), Title: "2026-11 Update for Windows 11 (KB9000001)", KB: []string{"9000001"},
		Class: model.ClassSecurity, Severity: model.SeverityImportant, Products: []model.CategoryID{publisher.Windows11},
		Files: []publisher.File{publisher.NewFile("windows11.0-kb9000001-x64.cab", publisher.DownloadHost, []byte("content"))}, Handler: publisher.ComponentServicing,
		Rules: publisher.Servicing("Package_for_KB9000001", "10.0.1.0", "amd64", "9000001", publisher.Windows("10.0.22000")), Restart: model.RestartMay,
	})
	items := publisher.WithCategories([]publisher.Item{update})

	f, err := os.CreateTemp("", "*.cab")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := publisher.Package(f, items, publisher.PackageOptions{Compression: cabinet.LZX}); err != nil {
		panic(err)
	}
	for _, it := range publisher.Flatten(items) {
		fmt.Printf("%-9s %s\n", it.Kind, it.Title)
	}
	// Output:
	// category  Security Updates
	// category  Microsoft
	// category  Windows
	// category  Windows 11
	// software  2026-11 Update for Windows 11 (KB9000001)
	// software  2026-11 Update for Windows 11 (KB9000001)
}
