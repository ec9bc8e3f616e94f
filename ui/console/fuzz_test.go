package console

import (
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
)

// fuzzKeys are what one byte of the input stands for: every key that is bound,
// and some that are not.
var fuzzKeys = []string{"up", "down", "left", "right", "enter", "esc", "tab", "shift+tab", "space", "pgup", "pgdown", "home", "end", "backspace", "ctrl+u", "ctrl+d",
	"j", "k", "h", "l", "g", "G", "a", "d", "R", "/", "f", "p", "s", "S", ">", "<", "v", "*", "\\", "c", "x", "y", "Y", "n", "N", "i", "t", "T", "u",
	"1", "2", "3", "4", "5", "6", "7", "8", "9", "J", "L", "w", "C", "X", "m", "e", "K", "o", "z", "P", "-", ":", "?", "r", "ctrl+l", "é", "漢", "\"", "(", "0", "q"}

// FuzzKeys types random keys and changes the size at random: never a panic, a
// frame with too many lines, or a line too wide (the driver checks each frame).
func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x10\x11\x12abcdef"), byte(80), byte(24))
	f.Add([]byte{46, 22, 41, 42, 4, 37}, byte(80), byte(24)) // 2 a i t enter y
	f.Add([]byte{50, 25, 60, 61, 62, 6, 6, 4, 200, 50, 27, 1, 1}, byte(61), byte(15))
	f.Add([]byte{57, 30, 31, 4, 59, 25, 16, 4, 58, 23, 22, 6, 4}, byte(120), byte(40))
	f.Add([]byte{46, 235, 236, 237, 238, 239, 4, 240, 230, 231, 47, 233, 234, 235}, byte(80), byte(24))
	full, bare, windows := newStore(f), newStore(f), microsoftSite(f, wideTitles[0], true)
	setUp(f, full)
	fill(f, full, 10, wideTitles...)
	f.Fuzz(func(t *testing.T, keys []byte, w, h byte) {
		keys = keys[:min(len(keys), 120)]
		for _, s := range []*store.Store{full, bare, windows} {
			d := drive(t, s, int(w), int(h), machine(Machine{Name: "vm", Apt: true}), func(o *Options) {
				o.ReadOnly = true // the fuzzer's stores are shared: nothing may be changed
			})
			for _, b := range keys {
				if d.quit {
					break
				}
				switch {
				case b >= 230: // where, and with which button, follows from what was typed before
					d.point(int(b)*7+d.c.width/3, int(b-230), []tea.MouseButton{tea.MouseButtonLeft, tea.MouseButtonWheelDown, tea.MouseButtonWheelUp}[b%3])
					continue
				case b >= 200:
					d.resize(int(b-200)*4, int(b-200))
					continue
				}
				d.press(fuzzKeys[int(b)%len(fuzzKeys)])
			}
		}
	})
}

// point presses a button of the mouse somewhere, off the screen too.
func (d *driver) point(x, y int, b tea.MouseButton) {
	d.now = d.now.Add(d.gap)
	d.send(tea.MouseMsg{X: x % 200, Y: y, Button: b, Action: tea.MouseActionPress})
}

// FuzzTexts draws random titles and descriptions, and filters for them.
func FuzzTexts(f *testing.F) {
	for _, s := range wideTitles {
		f.Add(s, s, 80, 24)
	}
	f.Fuzz(func(t *testing.T, title, text string, w, h int) {
		s := newStore(t)
		setUp(t, s)
		fill(t, s, 0, title)
		named := model.Computer{ID: "id-named", Name: title, Platform: model.PlatformLinux, OS: text, FirstSeen: testTime, Contacted: testTime, Addresses: []string{text}}
		if _, err := s.Record(t.Context(), store.Report{Computer: named}); err != nil {
			t.Skip("no computer can have such a name")
		}
		d := drive(t, s, 60+abs(w)%100, 15+abs(h)%40)
		d.press("2", "/")
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true})
		d.press("tab", "enter", "esc", "esc", "2", "enter", "/")
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true})
		d.press("enter", "n", "esc", "esc", "3", "end", "enter", "esc", "1")
		for y := range 14 {
			d.point(y*5, y, tea.MouseButtonLeft)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

// TestRandomWalkThatChanges walks with changes allowed, on a store of its own,
// over a fixed sequence of keys.
func TestRandomWalkThatChanges(t *testing.T) {
	s := newStore(t)
	d := drive(t, s, 80, 24, machine(Machine{Name: "vm", Apt: true}))
	seed := uint32(12345)
	for range 3000 {
		seed = seed*1664525 + 1013904223
		k := fuzzKeys[int(seed>>8)%len(fuzzKeys)]
		if d.quit {
			d.quit, d.c.leaving = false, false
		}
		if seed>>28 == 0 {
			d.resize(40+int(seed>>4)%100, 10+int(seed>>10)%40)
		}
		if seed>>28 == 1 {
			d.point(int(seed>>4)%200, int(seed>>10)%50, tea.MouseButtonLeft)
		}
		if s.Snapshot().Setup().Complete() && s.Snapshot().UpdateCount() == 0 {
			fill(t, s, 3, wideTitles...)
			d.refresh()
		}
		d.press(k)
	}
	if _, err := s.VerifyJournal(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestEveryWayAtEverySize goes to every screen and takes what follows at random,
// with changes allowed and while the size changes: what the screens that others
// add to ways do is held, too.
func TestEveryWayAtEverySize(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 5, wideTitles...)
	seed := uint32(2026)
	next := func(n int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>8) % n
	}
	for _, way := range ways {
		d := drive(t, s, 80, 24, machine(Machine{Name: "vm", Apt: true}))
		d.press(way.keys...)
		for range 30 {
			if d.quit {
				break
			}
			switch next(8) {
			case 0:
				d.resize(1+next(200), 1+next(60))
			case 1:
				d.point(next(200), next(60), tea.MouseButtonLeft)
			default:
				d.press(fuzzKeys[next(len(fuzzKeys))])
			}
		}
	}
	if _, err := s.VerifyJournal(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
