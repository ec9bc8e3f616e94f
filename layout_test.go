package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goPackage is what the test needs of `go list -json`.
type goPackage struct {
	ImportPath string
	Name       string
	Imports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// within says whether a package is one of ours at or below a folder.
func within(path, folder string) bool {
	return path == "fettle/"+folder || strings.HasPrefix(path, "fettle/"+folder+"/")
}

// TestImportsPointOneWay holds the layers of docs/architecture.md apart:
// model <- store <- sync <- ui <- main. Tests may import what they like.
func TestImportsPointOneWay(t *testing.T) {
	allowed := map[string][]string{
		"model":         {"model"},
		"store":         {"model", "store"},
		"sync/agent":    {"model", "sync/agent"},
		"sync/cabinet":  {"model", "sync/cabinet"},
		"sync/metadata": {"model", "sync/metadata"},
		"sync/content":  {"model", "sync/content"},
		"sync/upstream": {"model", "sync/upstream", "sync/cabinet", "sync/metadata"},
		"sync":          {"model", "store", "sync"},
		"ui":            {"model", "store", "sync", "ui"},
	}
	layers := []string{"model", "store", "sync/agent", "sync/cabinet", "sync/metadata", "sync/content", "sync/upstream", "sync", "ui"} // the narrower first
	for _, p := range listPackages(t) {
		i := slices.IndexFunc(layers, func(l string) bool { return within(p.ImportPath, l) })
		if p.ImportPath == "fettle" {
			continue
		}
		if i < 0 {
			t.Errorf("%s is outside the layout", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			ours := imp == "fettle" || strings.HasPrefix(imp, "fettle/")
			if ours && !slices.ContainsFunc(allowed[layers[i]], func(f string) bool { return within(imp, f) }) {
				t.Errorf("%s imports %s: imports point one way, and %s may import only %v", p.ImportPath, imp, layers[i], allowed[layers[i]])
			}
		}
	}
}

// TestPackagesHaveNamesOfThings keeps out the names that say nothing.
func TestPackagesHaveNamesOfThings(t *testing.T) {
	for _, p := range listPackages(t) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}, p.Name) {
			t.Errorf("%s is called %s", p.ImportPath, p.Name)
		}
	}
}

// TestTopLevelIsTheGivenOne holds the top level to what the users fixed: no
// other folder holds Go code, and sync holds packages, not files of its own.
func TestTopLevelIsTheGivenOne(t *testing.T) {
	for _, folder := range []string{"ui", "model", "store", "sync"} {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("the folder %s is missing", folder)
		}
	}
	if files, _ := filepath.Glob("sync/*.go"); len(files) > 0 {
		t.Errorf("sync has Go files of its own: %v", files)
	}
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		top, _, nested := strings.Cut(filepath.ToSlash(path), "/")
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata"):
			return filepath.SkipDir
		case !nested || d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		case !slices.Contains([]string{"ui", "model", "store", "sync"}, top):
			t.Errorf("%s: Go code in a folder outside the layout", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
