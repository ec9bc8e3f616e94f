package console

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fettle/ui/report"
)

func init() {
	ways = append(ways, struct {
		name string
		keys []string
	}{"report-compliance", []string{":", "r", "e", "p", "o", "r", "t", "space", "c", "o", "m", "p", "l", "i", "a", "n", "c", "e", "enter"}})
}

// reporting is a console on the reports, which may write files into a directory.
func reporting(t *testing.T) (*driver, string) {
	dir := t.TempDir()
	d, _ := site(t, func(o *Options) { o.Directory = dir })
	d.press("7")
	return d, dir
}

func (d *driver) report(name string) *driver {
	d.t.Helper()
	d.press(":").write("report " + name).press("enter")
	return d
}

func TestEveryReportIsListedAndOpens(t *testing.T) {
	d, _ := reporting(t)
	for _, r := range report.Definitions() {
		d.press("7").sees(r.Title)
		d.report(r.Name).sees("Reports > "+r.Title).seesNot("could not be made", "being made")
		d.press("end", "home", "pgdown", "right", "right", "left", "esc")
	}
}

func TestReportIsNarrowedAndRemembersIt(t *testing.T) {
	d, _ := reporting(t)
	d.report("computer-status-summary").sees("Group (c): All Computers", "Query (f): none", "Base (b): all updates", "5 computers")
	d.press("c").sees("All Computers", "Web servers", "2 computers").press("end")
	for range 20 {
		d.press("down")
	}
	d.press("enter").sees("Group (c): Web servers", "Computer group Web servers: 2 computers")
	d.press("b").sees("Base (b): approved updates", "only updates approved")
	d.press("f").write("nmae:x").press("enter").sees("nmae")
	d.press("ctrl+u").write("na").press("tab").sees("name:")
	d.press("ctrl+u").write("name:web1*").press("enter").sees("Query (f): name:web1*", "1 computer that match name:web1*")
	d.press("esc").report("problems").sees("Query (f): none") // each report has its own
	d.press("esc").report("computer-status-summary").sees("Group (c): Web servers", "name:web1*", "approved updates")
}

func TestReportDrawsItsNumbers(t *testing.T) {
	d, _ := reporting(t)
	d.report("compliance").sees("COMPUTERS UP TO DATE, BY GROUP", "All Computers", "░", "(1 unknown)")
	ascii, _ := site(t, func(o *Options) { o.ASCII = true })
	ascii.report("compliance").sees("of 5").seesNot("█", "░")
}

func TestWideReportIsScrolledNotCut(t *testing.T) {
	d, _ := reporting(t)
	d.report("computer-tabular-status").press("end").sees("more >", "web1.example.org").seesNot("Next check-in")
	for range 40 {
		d.press("right")
	}
	d.sees("<)", "web1.example.org", "Next check-in").seesNot("more >")
	for range 40 {
		d.press("left")
	}
	d.sees("more >").seesNot("<)")
}

func TestRowOfAReportOpens(t *testing.T) {
	d, _ := reporting(t)
	d.report("update-tabular-status").press("/").write("openssl").press("enter", "enter").sees("openssl: Secure Sockets", "Identifier", "STATUS")
	d.press("esc").report("computer-status-summary").press("/").write("web2.example").press("enter", "enter").sees("Computer", "web2.example.org")
	d.press("esc", "esc").report("synchronization-results").press("/").write("succeeded").press("enter", "n", "enter").sees("Run 1")
}

func TestReportIsSavedInEveryForm(t *testing.T) {
	d, dir := reporting(t)
	d.report("compliance")
	for i, f := range []struct{ ending, has string }{{".txt", "Compliance\n=="}, {".csv", "group,path"}, {".json", "{"}, {".md", "# Compliance"}, {".html", "<!DOCTYPE html>"}} {
		d.press("s").sees("Text", "HTML")
		for range i {
			d.press("down")
		}
		d.press("enter")
		if f.ending == ".csv" {
			d.sees("By computer group", "rows").press("enter")
		}
		name := "compliance-2026-11-22" + f.ending
		d.sees("write to: " + name)
		d.press("enter")
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(b), f.has) {
			t.Fatalf("%s has %.100q, %v", name, b, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is for others: %v, %v", name, info.Mode(), err)
		}
		said := d.c.said.all()
		if !strings.Contains(said[len(said)-1].text, "Wrote "+path) {
			t.Errorf("it was not said where %s is: %v", name, said)
		}
	}
}

func TestReportDoesNotReplaceWithoutAsking(t *testing.T) {
	d, dir := reporting(t)
	path := filepath.Join(dir, "mine")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.report("problems").press("s", "enter", "ctrl+u").write("mi").press("tab", "enter").sees("THE FILE IS THERE ALREADY", "8 B", "[>Cancel<]")
	d.press("enter")
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Fatalf("it was replaced: %q", b)
	}
	d.press("s", "enter", "ctrl+u").write("mine").press("enter", "y").sees("Wrote")
	if b, _ := os.ReadFile(path); !strings.HasPrefix(string(b), "Problems") {
		t.Fatalf("it was not replaced: %.40q", b)
	}
	d.press("s", "enter", "ctrl+u").write("sub").press("enter").sees("a directory has this name")
	d.press("s", "enter", "ctrl+u").write("nowhere/x").press("enter").sees("ERROR", "no such file or directory")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("something was left behind: %v, %v", left, err)
	}
}

func TestServedConsoleNamesTheCommandThatWrites(t *testing.T) {
	d, _ := site(t) // no directory: the console runs in the holder's process
	d.report("compliance").press("f").write("name:web1*").press("enter", "s")
	for range 5 {
		d.press("down")
	}
	d.press("enter").sees("cannot write files of yours", "fettle report compliance --html -- 'name:web1*' > compliance-2026-11-22.html")
}

func TestReportBeforeTheSetup(t *testing.T) {
	d := drive(t, newStore(t), 80, 24)
	d.press("7", "enter").sees("You must complete these tasks")
}
