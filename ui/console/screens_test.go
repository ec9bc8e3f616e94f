package console

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
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

// way is how to get to one screen: the keys from a fresh console.
type way struct {
	name string
	keys []string
}

// ways are the screens that are held to golden files in every state. Tests of
// single screens add theirs.
var ways = []way{
	{"overview", []string{"1"}}, {"updates", []string{"2"}}, {"update", []string{"2", "enter"}}, {"updates-details", []string{"2", "p", "down", "space"}}, {"approve", []string{"2", "a", "i", "t"}},
	{"preview", []string{"2", "a", "i", "t", "enter"}}, {"computers", []string{"3"}}, {"computer", []string{"3", "enter"}}, {"explain", []string{"3", "end", "up", "up", "up", "enter", "enter"}}, {"groups", []string{"4"}},
	{"deployments", []string{"5"}}, {"rules", []string{"6"}}, {"reports", []string{"7"}}, {"report", []string{"7", "enter"}}, {"synchronization", []string{"8"}}, {"run", []string{"8", "enter"}}, {"import", []string{"8", "i"}},
	{"settings", []string{"9"}}, {"journal", []string{"J"}}, {"entry", []string{"J", "enter"}}, {"log", []string{"L"}}, {"help", []string{"2", "?"}}, {"palette", []string{":", "u", "p"}},
	{"filter-error", []string{"2", "/", "x", "y", ":", "1"}}, {"sort", []string{"2", "s"}}, {"views", []string{"2", "f"}}, {"undo", []string{"u"}}, {"products", []string{"P"}},
	{"products-open", []string{"P", "down", "right", "down", "space"}}, {"agenda", []string{"w"}}, {"pending", []string{"C"}}, {"cleanup", []string{"X"}}, {"update-computers", []string{"2", "e"}}, {"group", []string{"4", "enter"}},
	{"wizard-computers", []string{"9", "home", "enter"}}, {"wizard-updates", []string{"9", "home", "down", "enter"}},
}

// sizes are the smallest screen, the common one and a wide one.
var sizes = [][2]int{{60, 15}, {80, 24}, {120, 40}}

// depths are the terminals that every screen is drawn on. The text must be the
// same on all of them.
var depths = []struct {
	name string
	theme.Terminal
}{
	{"no colour", theme.Terminal{Profile: termenv.Ascii, Attributes: true, UTF8: true}},
	{"16 colours", theme.Terminal{Profile: termenv.ANSI, Attributes: true, UTF8: true}},
	{"256 colours", theme.Terminal{Profile: termenv.ANSI256, Attributes: true, UTF8: true}},
}

// condition is a state in which all screens are drawn.
type condition struct {
	name string
	// start makes the console on which a way's keys are pressed.
	start func(t testing.TB, w, h int, term theme.Terminal) *driver
	// before is done before the last key.
	before func(d *driver)
}

// conditions are the states of the issue (empty, loading, error, full, wide
// characters) and three more: before the setup, while the catalogue is read for
// the first time, and when it cannot be.
func conditions(t *testing.T) []condition {
	full, wide, empty, setup, closed := newStore(t), newStore(t), newStore(t), newStore(t), openStore(t, store.Options{Dir: storeDir(t)})
	setUp(t, empty)
	decide(t, full, 30)
	decide(t, closed, 30)
	decide(t, wide, 0, wideTitles...)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	damaged, starting := damagedStore(t, nil), damagedStore(t, t.Context().Done())
	on := func(s *store.Store) func(testing.TB, int, int, theme.Terminal) *driver {
		return func(t testing.TB, w, h int, term theme.Terminal) *driver {
			return drive(t, s, w, h, func(o *Options) { o.Terminal = term })
		}
	}
	return []condition{
		{"full", on(full), nil}, {"wide", on(wide), nil}, {"empty", on(empty), nil}, {"setup", on(setup), nil},
		{"loading", on(full), func(d *driver) {
			d.held = true
			clear(d.c.screens) // none has been read before
		}},
		// What is in memory is there; the disk does not answer.
		{"error", on(full), func(d *driver) { d.c.o.Store, d.c.store = closed, closed }},
		{"damaged", func(t testing.TB, w, h int, term theme.Terminal) *driver {
			d := on(damaged)(t, w, h, term)
			d.run(d.c.waitLoaded())
			return d
		}, nil},
		{"starting", on(starting), func(d *driver) { d.held = true }},
	}
}

// someDir is what storeDir gives, or the beginning of it.
var someDir = regexp.MustCompile(`/tmp/fettle-[0-9]{1,8}`)

// storeDir makes a directory whose name is as long in every run, so that screens
// which show it are cut at the same place.
func storeDir(t testing.TB) string {
	for {
		dir := fmt.Sprintf("/tmp/fettle-%08d", rand.IntN(1e8))
		if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a directory of its own below /tmp
		return dir
	}
}

// damagedStore opens a store of which one update cannot be read. While its log
// is held by a channel, its catalogue is still being read.
func damagedStore(t *testing.T, hold <-chan struct{}) *store.Store {
	first := openStore(t, store.Options{Dir: storeDir(t)})
	setUp(t, first)
	fill(t, first, 0)
	dir := first.Dir()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(badger.DefaultOptions(filepath.Join(dir, "store")).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	key := binary.BigEndian.AppendUint32([]byte{'u'}, 1)
	err = db.Update(func(txn *badger.Txn) error { return txn.Set(key, []byte("\x01nonsense")) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(store.Options{Dir: dir, Clock: first.Now, Log: slog.New(holdingLog{slog.DiscardHandler, hold})})
	if err != nil {
		t.Fatal(err)
	}
	closes(t, s)
	if hold == nil && s.WaitLoaded(t.Context()) == nil {
		t.Fatal("a damaged store was loaded")
	}
	return s
}

// holdingLog is a log whose errors wait for a channel: the store is told that
// its catalogue is damaged before it stops being about to be loaded.
type holdingLog struct {
	slog.Handler
	hold <-chan struct{}
}

func (l holdingLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (l holdingLog) Handle(context.Context, slog.Record) error {
	if l.hold != nil {
		<-l.hold
	}
	return nil
}

// TestScreens holds every screen to its golden file in every condition, size and
// depth of colour. Text and place are the same whatever the colours: a file has
// the text once, and below it where the other terminals have which style.
func TestScreens(t *testing.T) {
	for _, cond := range conditions(t) {
		if testing.Short() && cond.name != "full" {
			continue
		}
		for _, w := range ways {
			simple := len(w.keys) == 1
			if !simple && (cond.name == "damaged" || cond.name == "starting") {
				continue // there is nothing to open
			}
			t.Run(cond.name+"/"+w.name, func(t *testing.T) {
				heldTo(t, w.name+"/"+cond.name, func(width, height int, term theme.Terminal) *driver {
					d := cond.start(t, width, height, term)
					d.press(w.keys[:len(w.keys)-1]...)
					if cond.before != nil {
						cond.before(d)
					}
					return d.press(w.keys[len(w.keys)-1])
				})
			})
		}
	}
}

// heldTo holds one screen, which draw leads to, to its golden file at every size
// and depth of colour.
func heldTo(t *testing.T, name string, draw func(w, h int, term theme.Terminal) *driver) {
	t.Helper()
	var file strings.Builder
	for _, size := range sizes {
		var text string
		for i, depth := range depths {
			d := draw(size[0], size[1], depth.Terminal)
			got, runs := unstyled(d.c.View())
			got = someDir.ReplaceAllStringFunc(got, func(dir string) string { return "/tmp/fettle-00000000"[:len(dir)] })
			if i == 0 {
				text = got
				fmt.Fprintf(&file, "== %dx%d\n%s\n", size[0], size[1], got)
			}
			if got != text {
				t.Errorf("%dx%d: with %s the text is another:\n%s\nwithout:\n%s", size[0], size[1], depth.name, got, text)
			}
			fmt.Fprintf(&file, "-- %s\n%s", depth.name, runs)
		}
	}
	goldenFile(t, name, file.String())
}

// goldenFile compares a text with the golden file of a name. What is as in the
// full store is said in a line.
func goldenFile(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "screens", name+".txt")
	const same = "as in full.txt\n"
	if full := filepath.Join(filepath.Dir(path), "full.txt"); full != path {
		if b, err := os.ReadFile(full); err == nil && string(b) == got {
			got = same
		}
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if got != string(want) {
		t.Errorf("the screen %s is not as it was (write it with -update when it is right):\n%s", name, difference(string(want), got))
	}
}

// difference shows the lines that differ, with those of before.
func difference(want, got string) string {
	var b strings.Builder
	a, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	section := ""
	for i := range max(len(a), len(g)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(g) {
			y = g[i]
		}
		if strings.HasPrefix(y, "== ") || strings.HasPrefix(y, "-- ") {
			section = y
		}
		if x != y {
			fmt.Fprintf(&b, "%s, line %d\n  was %q\n  is  %q\n", section, i+1, x, y)
		}
		if b.Len() > 4000 {
			b.WriteString("  and more\n")
			break
		}
	}
	return b.String()
}

// unstyled takes a frame apart: its text without trailing blanks, and a line for
// each run of characters that has a style.
func unstyled(frame string) (text, runs string) {
	var plain, styled strings.Builder
	for n, line := range strings.Split(frame, "\n") {
		var row strings.Builder
		style, from := "", 0
		end := func() {
			if at := len([]rune(row.String())); style != "" && at > from {
				fmt.Fprintf(&styled, "%d: %d-%d %s\n", n+1, from+1, at, style)
			}
		}
		for rest := line; rest != ""; {
			i := strings.Index(rest, "\x1b[")
			if i < 0 {
				row.WriteString(rest)
				break
			}
			row.WriteString(rest[:i])
			m := strings.IndexByte(rest[i:], 'm')
			code := rest[i+2 : i+m]
			rest = rest[i+m+1:]
			end()
			from = len([]rune(row.String()))
			switch {
			case code == "0" || code == "":
				style = ""
			case style != "":
				style += ";" + code
			default:
				style = code
			}
		}
		end()
		if n > 0 {
			plain.WriteByte('\n')
		}
		plain.WriteString(strings.TrimRight(row.String(), " "))
	}
	return plain.String(), styled.String()
}

// TestNoScreenIsLeftOut says which screens and keys no golden way leads to.
func TestNoScreenIsLeftOut(t *testing.T) {
	for _, s := range screens() {
		if !slices.ContainsFunc(ways, func(w way) bool { return w.name == s.name }) {
			t.Errorf("no golden file shows the screen %q", s.name)
		}
	}
	entries, err := os.ReadDir(filepath.Join("testdata", "screens"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		dir, err := os.ReadDir(filepath.Join("testdata", "screens", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(dir, func(f os.DirEntry) bool { return f.Name() == "setup.txt" }) && !slices.ContainsFunc(ways, func(w way) bool { return w.name == e.Name() }) {
			t.Errorf("testdata/screens/%s belongs to no screen any more", e.Name())
		}
	}
}

// TestScreensInColour holds some screens with their escape sequences, and in the
// characters of a terminal without UTF-8.
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
