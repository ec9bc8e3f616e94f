package console

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestImportCompletesPathsAndTakesInByForce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"wsusscn2.cab", "wsus-notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, _ := site(t)
	path := filepath.Join(dir, "wsusscn2.cab")
	d.engine.file = &CarriedFile{Name: "wsusscn2.cab", Size: 7, What: "Microsoft's offline scan catalogue", Refused: "it is older than the catalogue that is in force"}
	d.press("8", "i").write(dir + "/ws").sees("Right: wsus-notes.txt  wsusscn2.cab")
	d.write("uss").sees("Right: wsusscn2.cab").press("right", "enter").sees("It will be refused", "go back (Esc)")
	d.press("esc", "down", "space").sees("[x] Although it is older").press("enter").sees("taken in by force", "[>Cancel<]").press("y")
	if !slices.Contains(d.engine.calls, "import "+path+" by force") {
		t.Errorf("the engine was asked for %v", d.engine.calls)
	}
}
