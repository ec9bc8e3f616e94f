package console

import (
	"testing"

	tea "github.com/charmbracelet/bubbletea"

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
				if b >= 200 {
					d.resize(int(b-200)*4, int(b-200))
					continue
				}
				d.press(fuzzKeys[int(b)%len(fuzzKeys)])
			}
		}
	})
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
		d := drive(t, s, 60+abs(w)%100, 15+abs(h)%40)
		d.press("2", "/")
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true})
		d.press("tab", "enter", "esc", "esc", "2", "enter", "/")
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true})
		d.press("enter", "n", "esc", "esc")
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
