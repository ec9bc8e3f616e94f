package console

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
)

// click presses and releases the left button at the first place of a text.
func (d *driver) click(text string) *driver {
	d.t.Helper()
	for y, l := range strings.Split(d.screen(), "\n") {
		if at := strings.Index(l, text); at >= 0 {
			return d.clickAt(len([]rune(l[:at])), y)
		}
	}
	d.t.Fatalf("there is no %q to click on:\n%s", text, d.screen())
	return d
}

func (d *driver) clickAt(x, y int) *driver {
	d.now = d.now.Add(d.gap)
	d.send(tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
	d.send(tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionRelease})
	return d
}

func (d *driver) wheel(n int) *driver {
	b := tea.MouseButtonWheelDown
	if n < 0 {
		b, n = tea.MouseButtonWheelUp, -n
	}
	for range n {
		d.send(tea.MouseMsg{X: 5, Y: 8, Button: b, Action: tea.MouseActionPress})
	}
	return d
}

func TestMousePutsTheFocus(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 300)
	d := drive(t, s, 80, 24, func(o *Options) { o.View, o.Filter = "updates", "size:>0" })
	d.click("3Computers").sees("[3 Computers]")
	d.click("db1.example.org")
	if l := d.cursorLine(); !strings.Contains(l, "db1") {
		t.Errorf("the cursor is on %q", l)
	}
	d.click("db1.example.org").sees("Computers > db1.example.org") // a second click opens it
	d.press("esc").click("Name")
	if got := d.c.screens[keys.ToComps].(*computers).list.sort; got != "name" {
		t.Errorf("sorted by %q", got)
	}
	before := d.screen()
	if d.click("Name"); before == d.screen() {
		t.Error("a click on the sorted column reversed nothing")
	}
	d.click("2Updates").sees("[2 Updates]")
	tab := d.c.top().(*updates).list.tab
	d.wheel(5)
	if first, _ := tab.Window(); first != 16 {
		t.Errorf("after the wheel the list begins at row %d", first)
	}
	if l := d.cursorLine(); l == "" {
		t.Error("the cursor left the screen")
	}
	d.wheel(-20)
	if first, _ := tab.Window(); first != 1 {
		t.Errorf("the wheel went back to row %d", first)
	}
	d.wheel(1000)
	if _, last := tab.Window(); last != tab.Len() {
		t.Errorf("the wheel ended at row %d of %d", last, tab.Len())
	}
}

func TestMouseInMenusAndTexts(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 30)
	d := drive(t, s, 80, 24)
	d.press("2", "s").click("Released")
	if l := d.cursorLine(); !strings.Contains(l, "Released") {
		t.Errorf("the menu's cursor is on %q", l)
	}
	d.press("enter")
	if got := d.c.screens[keys.ToUpdates].(*updates).list.sort; got != "released" {
		t.Errorf("sorted by %q", got)
	}
	d.press("?").click("Reverse the order")
	if l := d.cursorLine(); !strings.Contains(l, "Reverse the order") {
		t.Errorf("the help's cursor is on %q", l)
	}
	d.wheel(2)
	if l := d.cursorLine(); strings.Contains(l, "Reverse the order") {
		t.Error("the wheel moved nothing in the help")
	}
}

// TestClicksChangeNothing clicks everywhere, on every screen: what is decided
// stays as it was.
func TestClicksChangeNothing(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 5)
	last, _ := s.Snapshot().Journal()
	for _, way := range ways {
		d := drive(t, s, 80, 24, machine(Machine{Name: "vm", Apt: true}))
		d.press(way.keys...)
		for y := range 24 {
			for x := 0; x < 80; x += 7 {
				if d.quit {
					t.Fatalf("%s: a click at %d,%d ended the program", way.name, x, y)
				}
				d.clickAt(x, y)
			}
		}
		if got, _ := s.Snapshot().Journal(); got != last {
			t.Fatalf("%s: clicks changed something: entry %d", way.name, got)
		}
		for _, call := range d.engine.calls {
			if call != "" {
				t.Errorf("%s: clicks started %q", way.name, call)
			}
		}
	}
}

// TestClickIsNoAnswer puts the focus on the button that applies, and applies
// nothing.
func TestClickIsNoAnswer(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	d := drive(t, s, 80, 24)
	d.press("2", "d").sees("[>Cancel<]")
	answers := 0 // the line of the answers
	for y, l := range strings.Split(d.screen(), "\n") {
		if strings.Contains(l, "[>Cancel<]") {
			answers = y
		}
	}
	d.clickAt(18, answers).sees("[>Decline<]").clickAt(18, answers).sees("[>Decline<]")
	d.clickAt(5, answers).sees("[>Cancel<]")
	d.clickAt(18, answers).press("enter")
	d.sees("Done, u takes it back: Declined")
}
