package console

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fettle/ui/console/keys"
)

func TestOpenByName(t *testing.T) {
	d, _ := site(t)
	open := func(text string) *driver { return d.press("esc", "esc", ":").write("open " + text).press("enter") }
	open("deb/Debian/bookworm/openssl/1.0-1").sees("Updates > openssl", "Identifier")
	open("db1.example.org").sees("Computers > db1.example.org")
	open("tzdata").sees("tzdata: time zone and daylight")
	open("deb/Debian/bookworm/nosuch").sees("Refused", "was not opened", "To remedy")
	open("class:security").sees("[2 Updates]", "Filter: class:security")
	open("(").sees("ERROR: ")
	open("").sees("open what?")
}

// TestBeginsWithAnItem is `fettle open`: the catalogue may still be loading when
// the console begins.
func TestBeginsWithAnItem(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24, func(o *Options) { o.Open = "web1.example.org" })
	d.run(d.c.opened()) // which Init asks for
	d.sees("Computers > web1.example.org")
}

func TestCheckView(t *testing.T) {
	for _, test := range []struct{ view, filter, want string }{
		{"", "", ""}, {"updates", "class:security", ""}, {"comp", "status:failed", ""}, {"journal", "alice", ""},
		{"nosuch", "", "there is no screen"}, {"", "x", "--view updates"}, {"updates", "nosuch:1", "nosuch"},
	} {
		err := CheckView(test.view, test.filter)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %q: %v", test.view, test.filter, err)
		}
	}
}

func TestSetAtRunTime(t *testing.T) {
	d, _ := site(t)
	set := func(text string) *driver { return d.press(":").write("set " + text).press("enter") }
	set("").sees("theme dark", "mouse off", "page on")
	set("theme").sees("theme is dark", "high-contrast")
	set("theme lite").sees(`theme cannot be "lite"`)
	set("nosuch 1").sees(`no setting "nosuch"`)
	set("page off").sees("page is off now")
	if !d.c.top().(*updates).list.tab.Step {
		t.Error("the list on the screen still scrolls by half pages")
	}
	set("ascii on").sees("ascii is on now")
	if strings.ContainsFunc(d.screen(), func(r rune) bool { return r >= 0x80 }) {
		t.Errorf("not ASCII:\n%s", d.screen())
	}
	set("ascii off")
	set("clipboard off").press("y").sees("to copy: deb/")
	set("details on").sees("details is on now", "Released")
	set("mouse on").sees("mouse is on now")
	d.press(":").write("set th").press("tab", "tab").write(" hi").press("tab", "enter").sees("theme is high-contrast now")
}

// TestThemeIsKept is a theme that was put on in one session: it is that of the
// next, until the settings say another one.
func TestThemeIsKept(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	path := filepath.Join(t.TempDir(), "console", "alice.json")
	with := func(theme string) *driver {
		return drive(t, s, 80, 24, func(o *Options) { o.StatePath, o.Theme = path, theme })
	}
	with("light").press(":").write("theme mono").press("enter")
	if got := with("light").c.styles.Name; got != "mono" {
		t.Errorf("the next session has %s", got)
	}
	if got := with("dark").c.styles.Name; got != "dark" {
		t.Errorf("the settings say dark, the session has %s", got)
	}
	d := with("light").press(":").press("up").sees(": theme mono") // the palette remembers, too
	d.press("esc")
}

// TestDamagedStateIsNone holds a start to no more than the state gives.
func TestDamagedStateIsNone(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 3)
	path := filepath.Join(t.TempDir(), "state.json")
	for _, text := range []string{"", "{", "[]", "null", `{"view":7}`, "\x00\x01", `{"view":"nosuch","updates":{"filter":"((","sort":"nosuch","row":4294967295},"theme":"nosuch","commands":["\u001b[31mx",""]}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d := drive(t, s, 80, 24, func(o *Options) { o.StatePath = path })
		d.press("2").sees("[2 Updates]").press(":", "up", "esc", "q")
		if !d.quit {
			t.Errorf("%q: the console did not end", text)
		}
	}
}

func TestRowIsRestored(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 50)
	path := filepath.Join(t.TempDir(), "state.json")
	with := func() *driver { return drive(t, s, 80, 24, func(o *Options) { o.StatePath = path }) }
	d := with()
	d.press("2", "/", "ctrl+u").write("size:>0").press("enter", "end", "up")
	want := d.cursorLine()
	d.press("q")
	if got := with().press("2").cursorLine(); got != want || want == "" {
		t.Errorf("the cursor is on %q, it was on %q", got, want)
	}
}

// TestReload reads settings again while the console runs: all of them or none.
func TestReload(t *testing.T) {
	next, changes, fails := Options{Theme: "light", Keys: map[string][]string{"approve": {"A"}}}, []string{`ui.theme is "light", was "dark"`}, error(nil)
	d, _ := site(t, func(o *Options) {
		o.Theme = "dark"
		o.Reload = func(context.Context) (Options, []string, error) { return next, changes, fails }
	})
	reload := func() *driver { return d.press(":").write("reload").press("enter") }
	reload().sees("read again: ui.theme")
	if d.c.styles.Name != "light" || d.c.keys.Find(keys.Updates, "A").Action != keys.ApproveIt {
		t.Errorf("the theme is %s", d.c.styles.Name)
	}
	next.Theme, fails = "mono", errors.New("config.toml:3:1: no such thing")
	reload().sees("ERROR: the configuration stays as it was: config.toml:3:1")
	next.Keys, fails = map[string][]string{"approve": {"d"}}, nil
	reload().sees("ERROR: the configuration stays", `"d" is bound to both`)
	if d.c.styles.Name != "light" || d.c.keys.Find(keys.Updates, "A") == nil {
		t.Error("a configuration that is wrong changed something")
	}
	d.press("down") // the error was seen
	asked := make(chan struct{}, 1)
	asked <- struct{}{}
	close(asked) // the driver would wait for the next signal
	d.c.o.Reloads, next, changes = asked, Options{Theme: "dark"}, nil
	d.run(d.c.waitReload())
	d.sees("nothing in it changed")
	if d.c.styles.Name != "dark" {
		t.Error("SIGUSR1 read nothing again")
	}
}

// TestErrorsStay keeps an error on the screen until a key was pressed.
func TestErrorsStay(t *testing.T) {
	d, _ := site(t)
	d.c.say(8, "the disk is full")
	d.c.say(0, "something else ended well")
	d.sees("ERROR: the disk is full")
	d.press("down").seesNot("the disk is full")
	d.press("L").sees("the disk is full", "something else ended well")
}
