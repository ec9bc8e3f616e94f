package console

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func init() {
	ways = append(ways, []way{
		{"columns", []string{"2", "o", "end", "space", "home", "down", "<"}},
		{"columns-chosen", []string{"2", "tab", "o", "end", "up", "up", "space", "enter"}},
		{"view-declined", []string{"2", "f", "end", "enter"}},
		{"computers-view", []string{"3", "tab", "tab"}},
		{"save-view", []string{"2", "F"}},
	}...)
}

// header is the line of column titles.
func (d *driver) header() string {
	for l := range strings.SplitSeq(d.screen(), "\n") {
		if strings.HasPrefix(l, "  Title") || strings.Contains(l, " Title ") {
			return strings.Join(strings.Fields(l), " ")
		}
	}
	return ""
}

// TestColumnsAreChosenAndOrdered chooses columns, moves one, and finds them
// again in the next session; another view has its own.
func TestColumnsAreChosenAndOrdered(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *Options) { o.StatePath = state }
	d, s := site(t, keep)
	d.press("o").sees("Columns of the view \"To decide\"", "[x] Title", "[ ] Deadline", "default")
	d.press("G", "space").sees("[x] Identifier").seesNot("26 columns · default")
	d.press("home").sees("KB           number of the vendor's article, empty now: left out").press("down", "down", ">", ">").press("enter")
	if h := d.header(); !strings.HasPrefix(h, "Title Needed") || !strings.Contains(h, "Class") {
		t.Errorf("the columns are %s", h)
	}
	d.resize(150, 24)
	if h := d.header(); !strings.Contains(h, "Identifier") {
		t.Errorf("on a wide screen the chosen column is not there: %s", h)
	}
	d.press("tab").sees("[Needed 4]")
	if h := d.header(); strings.Contains(h, "Identifier") {
		t.Errorf("another view took the columns over: %s", h)
	}
	d.press("shift+tab").press("q")
	again := drive(t, s, 150, 24, keep)
	again.press("2").sees("[To decide 4]")
	if h := again.header(); !strings.HasPrefix(h, "Title Needed") || !strings.Contains(h, "Identifier") {
		t.Errorf("the next session has %s", h)
	}
	again.press("o", "backspace").sees("default").press("enter")
	if h := again.header(); strings.Contains(h, "Identifier") || !strings.HasPrefix(h, "Title Class") {
		t.Errorf("the default is %s", h)
	}
}

func TestAChosenEmptyColumnStays(t *testing.T) {
	d, _ := site(t)
	d.resize(120, 24)
	d.seesNot("Severity")
	d.press("o")
	for range 40 {
		if strings.Contains(d.cursorLine(), "Severity") {
			break
		}
		d.press("down")
	}
	d.press("space", "up", "space", "enter").sees("Severity")
	d.refresh()
	d.sees("Severity")
}

func TestTheLastColumnCannotBeHidden(t *testing.T) {
	d, _ := site(t)
	d.press("o")
	for range 6 {
		d.press("space")
	}
	d.press("home", "end")
	d.press("home").press("space").press("enter")
	if len(d.c.top().(*updates).list.tab.Showing()) == 0 {
		t.Error("no column is left")
	}
}

// TestViewsAreSavedRenamedAndRemoved saves what is on the screen under a name.
func TestViewsAreSavedRenamedAndRemoved(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *Options) { o.StatePath = state }
	d, s := site(t, keep)
	d.press("/", "ctrl+u").write("class:security needed:>0").press("enter").sees("[Own filter 3]")
	d.press("s", "home", "enter")
	d.press("F").sees("save the view as:").write("All").press("enter").sees("there is a view of that name")
	d.press("ctrl+u").write("Urgent").press("enter").sees("[Urgent 3]", "saved the view Urgent")
	d.press("tab").seesNot("[Urgent")
	d.press("q")
	again := drive(t, s, 80, 24, keep)
	again.press("2", "f").sees("Urgent (saved)", "class:security needed:>0").press("end", "enter").sees("[Urgent 3]", "Title▲")
	again.press("f", "end", "n", "ctrl+u").write("Weekly").press("enter").sees("[Weekly 3]")
	again.press(":").write("save Copy").press("enter").sees("[Copy 3]")
	again.press("f", "end", "d").sees("removed the view Copy", "[Weekly 3]")
	again.press("f", "home", "d").sees("this cannot be removed here").press("esc")
	text := string(must[[]byte](t)(os.ReadFile(state)))
	if !strings.Contains(text, `"Weekly"`) || strings.Contains(text, `"Urgent"`) {
		t.Errorf("the state is %s", text)
	}
}

// TestViewsOfTheSettings are tabs with their order and columns; one that is
// wrong says so, and takes nothing else with it.
func TestViewsOfTheSettings(t *testing.T) {
	d, _ := site(t, func(o *Options) {
		o.Views = []View{{Name: "Sec", Filter: "class:security", Sort: "-size", Columns: []string{"title", "size", "version", "nosuch"}}, {Name: "Broken", Filter: "nosuch:1"}, {Name: "Servers", On: "computers", Filter: "role:server"}}
	})
	d.resize(200, 24)
	d.sees("Sec 9", "Broken !")
	d.press("f")
	for range 40 {
		if strings.Contains(d.cursorLine(), "Sec (config.toml)") {
			break
		}
		d.press("down")
	}
	d.press("enter").sees("[Sec 9]")
	if h := d.header(); h != "Title Size▼ Version" {
		t.Errorf("the columns are %s", h)
	}
	d.press("tab").sees("[Broken !]", "there is no field")
	d.press("3").sees("Servers 5")
}

// TestCountsOfTheTabsAreLive counts anew when a computer reports.
func TestCountsOfTheTabsAreLive(t *testing.T) {
	d, s := site(t)
	d.sees("[To decide 4]", "Failed 1")
	reportNeeded(t, s, []uint32{3, 7, 9, 10})
	d.refresh()
	d.sees("[To decide 6]", "Needed 6")
}

// TestCountingRestsBetween holds that a store that changes without a break is
// not counted without a break.
func TestCountingRestsBetween(t *testing.T) {
	d, s := site(t)
	l := d.c.top().(*updates).list
	l.counts.resting = true // as after a count
	reportNeeded(t, s, []uint32{3, 7, 9, 10})
	d.refresh()
	if !l.counts.wanted || l.counts.of["To decide"] != 4 {
		t.Errorf("it counted: %+v", l.counts.of)
	}
}

func TestMenusGoToTheirEnds(t *testing.T) {
	d, _ := site(t)
	d.press("s", "end")
	if l := d.cursorLine(); !strings.Contains(l, "Identifier") {
		t.Errorf("End went to %q", l)
	}
	d.press("g")
	if l := d.cursorLine(); !strings.Contains(l, "Title") {
		t.Errorf("g went to %q", l)
	}
	d.press("pgdown", "ctrl+d", "G", "enter").sees("by Identifier▲")
}

// TestOrderOfEqualRows is the newest first.
func TestOrderOfEqualRows(t *testing.T) {
	d, s := site(t)
	d.press("/", "ctrl+u").write("needed:0").press("enter")
	snap := s.Snapshot()
	ids := slices.Clone(d.c.top().(*updates).list.tab.IDs())
	if !slices.IsSortedFunc(ids, func(a, b uint32) int { return snap.Row(b).Released.Compare(snap.Row(a).Released) }) {
		t.Error("equal rows do not stand by their release")
	}
}
