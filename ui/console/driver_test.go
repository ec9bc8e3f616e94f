package console

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/store"
	"fettle/ui/config"
	"fettle/ui/console/layout"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// driver works a console as a person does, without a program and without
// waiting: every command runs at once, and when a call returns nothing is
// pending. Each key comes a second after the one before.
type driver struct {
	t      testing.TB
	c      *Console
	engine *fakeEngine
	now    time.Time
	quit   bool
	gap    time.Duration
	held   bool // no command runs any more: everything is still being read
}

// drive starts a console on a store at a size.
func drive(t testing.TB, s *store.Store, w, h int, change ...func(*Options)) *driver {
	t.Helper()
	d := &driver{t: t, engine: newFakeEngine(), now: testTime, gap: time.Second}
	o := Options{Config: config.Default().Settings(), Store: s, Engine: d.engine, Reporter: storeReports{s}, Actor: admin, Terminal: plainTerminal(), Zone: time.UTC, Server: time.UTC, Now: func() time.Time { return d.now }}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.after = func(_ time.Duration, msg tea.Msg) tea.Cmd {
		if _, minute := msg.(minuteMsg); minute {
			return nil // the driver's clock moves only when told
		}
		return func() tea.Msg { return msg }
	}
	d.c = c
	d.run(c.top().Update(shown{}))
	d.resize(w, h)
	return d
}

// run runs a command and everything that follows from it.
func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil || d.held {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.run(c)
		}
	case tea.QuitMsg:
		d.quit = true
	default:
		d.send(msg)
	}
}

func (d *driver) send(msg tea.Msg) {
	_, cmd := d.c.Update(msg)
	d.run(cmd)
	d.check()
}

// check holds every frame to the size.
func (d *driver) check() {
	d.t.Helper()
	if d.c.width <= 0 || d.c.height <= 0 {
		return
	}
	lines := strings.Split(d.c.View(), "\n")
	if len(lines) != d.c.height {
		d.t.Fatalf("the frame has %d lines, the terminal %d:\n%s", len(lines), d.c.height, d.c.View())
	}
	for i, l := range lines {
		if layout.Width(l) > d.c.width {
			d.t.Fatalf("line %d is %d wide, the terminal %d: %q", i+1, layout.Width(l), d.c.width, l)
		}
	}
}

func (d *driver) resize(w, h int) { d.send(tea.WindowSizeMsg{Width: w, Height: h}) }

// refresh is what the feeds of the store and the engine cause.
func (d *driver) refresh() {
	d.run(d.c.refresh())
	d.check()
}

var keyTypes = map[string]tea.KeyType{
	"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace, "ctrl+c": tea.KeyCtrlC, "ctrl+u": tea.KeyCtrlU,
	"ctrl+d": tea.KeyCtrlD, "ctrl+f": tea.KeyCtrlF, "ctrl+b": tea.KeyCtrlB, "ctrl+l": tea.KeyCtrlL, "ctrl+z": tea.KeyCtrlZ, "delete": tea.KeyDelete, "f1": tea.KeyF1,
}

func keyMsg(name string) tea.KeyMsg {
	if k, ok := keyTypes[name]; ok {
		return tea.KeyMsg{Type: k}
	}
	if name == "space" {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

// press presses keys by name, one after the other.
func (d *driver) press(names ...string) *driver {
	d.t.Helper()
	for _, n := range names {
		d.now = d.now.Add(d.gap)
		d.send(keyMsg(n))
	}
	return d
}

// write types a text.
func (d *driver) write(text string) *driver {
	for _, r := range text {
		if r == ' ' {
			d.press("space")
		} else {
			d.press(string(r))
		}
	}
	return d
}

// screen is the frame without escape sequences and trailing blanks.
func (d *driver) screen() string {
	lines := strings.Split(d.c.View(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// sees fails unless every text is on the screen.
func (d *driver) sees(texts ...string) *driver {
	d.t.Helper()
	for _, s := range texts {
		if !strings.Contains(d.screen(), s) {
			d.t.Fatalf("the screen does not show %q:\n%s", s, d.screen())
		}
	}
	return d
}

func (d *driver) seesNot(texts ...string) *driver {
	d.t.Helper()
	for _, s := range texts {
		if strings.Contains(d.screen(), s) {
			d.t.Fatalf("the screen shows %q:\n%s", s, d.screen())
		}
	}
	return d
}

// cursorLine is the line that begins with the cursor.
func (d *driver) cursorLine() string {
	for l := range strings.SplitSeq(d.screen(), "\n") {
		if strings.HasPrefix(strings.TrimLeft(l, " "), ">") {
			return l
		}
	}
	return ""
}

// golden compares the frame with the file of the test's name.
func (d *driver) golden(name string) {
	d.t.Helper()
	got := d.c.View()
	if !strings.Contains(got, "\x1b") {
		got = d.screen()
	} else {
		got = strings.ReplaceAll(got, "\x1b", "␛")
	}
	if dir := d.c.o.Store.Dir(); strings.Contains(got, dir) { // of this run only
		got = strings.ReplaceAll(got, dir, "/data")
	}
	got += "\n"
	path := filepath.Join("testdata", "screens", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			d.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatalf("%v; write it with -update", err)
	}
	if got != string(want) {
		d.t.Errorf("the screen %s is not as it was (write it with -update when it is right):\n%s\nit was:\n%s", name, got, want)
	}
}
