package console

import (
	"fmt"
	"testing"

	"github.com/muesli/termenv"

	"fettle/store"
	"fettle/ui/console/theme"
)

// wideTitles are what upstreams may send: wide, combining, right to left, and
// escape sequences.
var wideTitles = []string{
	"漢字の題名は二桁の幅を取る漢字の題名は二桁の幅を取る漢字の題名は二桁の幅を取る", "é́e\u0301e\u0301 combining marks e\u0301e\u0301", "שלום עולם right to left", "👩‍🚀 family 👨‍👩‍👧‍👦 and more emoji",
	"\x1b[31mred\x1b[0m \x1b]0;title\x07 and \x07 bell", "tab\tand\nnewline",
}

// stores are made once for all screens: nothing here changes them.
func fixtures(t *testing.T) map[string]*store.Store {
	full, wide, empty, setup := newStore(t), newStore(t), newStore(t), newStore(t)
	setUp(t, full)
	fill(t, full, 30)
	setUp(t, wide)
	fill(t, wide, 0, wideTitles...)
	setUp(t, empty)
	_ = setup
	return map[string]*store.Store{"full": full, "wide": wide, "empty": empty, "setup": setup}
}

// ways are the keys that lead to each screen.
var ways = []struct {
	name string
	keys []string
}{
	{"overview", []string{"1"}}, {"updates", []string{"2"}}, {"update", []string{"2", "enter"}}, {"updates-details", []string{"2", "p", "down", "space"}}, {"approve", []string{"2", "a", "i", "t"}},
	{"preview", []string{"2", "a", "i", "t", "enter"}}, {"computers", []string{"3"}}, {"computer", []string{"3", "enter"}}, {"explain", []string{"3", "end", "up", "up", "up", "enter", "enter"}}, {"groups", []string{"4"}},
	{"deployments", []string{"5"}}, {"reports", []string{"7"}}, {"report", []string{"7", "enter"}}, {"synchronization", []string{"8"}}, {"run", []string{"8", "enter"}},
	{"settings", []string{"9"}}, {"journal", []string{"J"}}, {"entry", []string{"J", "enter"}}, {"log", []string{"L"}}, {"help", []string{"2", "?"}}, {"palette", []string{":", "u", "p"}},
	{"filter-error", []string{"2", "/", "x", "y", ":", "1"}}, {"sort", []string{"2", "s"}}, {"views", []string{"2", "f"}}, {"undo", []string{"u"}}, {"products", []string{"P"}},
	{"products-open", []string{"P", "down", "right", "down", "space"}},
}

// TestScreens holds every screen to its golden file: what it shows empty, full,
// with wide characters and before the setup, at three sizes.
func TestScreens(t *testing.T) {
	stores := fixtures(t)
	for _, size := range [][2]int{{60, 15}, {80, 24}, {120, 40}} {
		for state, s := range stores {
			for _, way := range ways {
				name := fmt.Sprintf("%dx%d/%s-%s", size[0], size[1], way.name, state)
				t.Run(name, func(t *testing.T) {
					d := drive(t, s, size[0], size[1])
					d.press(way.keys...)
					d.golden(name)
				})
			}
		}
	}
}

// TestScreensInColour holds some screens with their escape sequences.
func TestScreensInColour(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 5)
	for name, term := range map[string]theme.Terminal{
		"256": {Profile: termenv.ANSI256, Attributes: true, UTF8: true}, "16": {Profile: termenv.ANSI, Attributes: true, UTF8: true}, "vt220": {Profile: termenv.Ascii, Attributes: true},
	} {
		for _, way := range ways[:4] {
			d := drive(t, s, 80, 24, func(o *Options) { o.Terminal = term })
			d.press(way.keys...)
			d.golden("colour/" + way.name + "-" + name)
		}
	}
}

// TestTooSmall shows a message instead of a mess, and goes on when there is room.
func TestTooSmall(t *testing.T) {
	s := newStore(t)
	d := drive(t, s, 40, 10)
	d.sees("too small", "need 60x15", "has  40x10")
	d.press("2") // what cannot be seen is not acted on
	d.resize(80, 24)
	d.sees("[1 Overview]")
	for _, size := range [][2]int{{1, 1}, {3, 2}, {59, 40}, {200, 14}, {0, 0}, {300, 100}} {
		d.resize(size[0], size[1])
	}
}
