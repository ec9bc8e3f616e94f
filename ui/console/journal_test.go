package console

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"log/slog"

	"fettle/model"
)

func init() {
	ways = append(ways, way{"journal-filter", []string{"J", "/", "w", "h", "o", ":", "a", "l", "i", "c", "e", "enter"}}, way{"journal-none", []string{"J", "/", "x", "x", "x", "enter"}}, way{"journal-verified", []string{"J", "v"}})
}

func TestJournalIsFiltered(t *testing.T) {
	d, s := site(t)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{5}, Remark: "ticket 7"}, model.Actor{Who: "bob", From: model.FromCommand, Role: model.AccessAdministrator}))
	d.refresh()
	d.press("J").sees("Filter: (none", "6 entries", "bob")
	d.press("/").write("who:b*").sees("1 of 6 entries")
	d.press("ctrl+u").write("who:bob").press("enter").sees("1 of 6 entries", "Declined").seesNot("Web servers")
	d.press("enter").sees("Entry 6", "bob (administrator), from command", "ticket 7", "UPDATES").press("tab", "enter").sees("bash").press("esc", "esc")
	d.press("/", "ctrl+u").write("whom:bob").press("enter").sees("whom").press("esc").sees("Filter: who:bob")
	d.press("backspace").sees("6 entries")
	d.press("/").write("kind:group-add is:undoable").press("enter").sees("1 of 6 entries", "Web servers")
	d.press("esc").sees("6 entries").press("/").write("nobody").press("enter").sees("No entry matches")
}

func TestJournalIsReadOnDemand(t *testing.T) {
	d, s := site(t)
	for i := range 620 {
		must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupRename, Group: &model.Group{ID: s.Snapshot().Groups().ByName(names(i)).ID, Name: names(i + 1)}}, admin))
	}
	d.refresh()
	d.press("J").sees("500 entries read of 625")
	for range 3 { // each time the end is where reading stopped
		d.press("end")
	}
	d.sees("625 entries").seesNot("read of")
	// What comes meanwhile moves nothing.
	before := d.cursorLine()
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{5}}, admin))
	d.refresh()
	d.sees("626 entries")
	if d.cursorLine() != before {
		t.Errorf("the cursor went from %q to %q", before, d.cursorLine())
	}
	d.press("home").sees("626")
	// The filter goes on behind what was read.
	d.press("/").write("entry:<4").press("enter").sees("3 of 626 entries")
}

func names(i int) string {
	if i == 0 {
		return "Web servers"
	}
	return fmt.Sprintf("Group %d", i)
}

func TestJournalIsVerified(t *testing.T) {
	d, _ := site(t)
	d.press("J", "v").sees("The journal is whole", "5 entries were checked", "The head is")
	d.press("enter").sees("5 entries")
}

func TestJournalThatWasChangedIsTold(t *testing.T) {
	d, s := site(t)
	// Somebody takes the head away that is kept beside the key.
	gone := false
	if err := filepath.WalkDir(s.Dir(), func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.Contains(e.Name(), "head") {
			gone, err = true, os.Remove(path)
		}
		return err
	}); err != nil || !gone {
		t.Fatal(gone, err)
	}
	d.press("J", "v").sees("The journal is not what it was", "fettle restore")
}

func TestLogKeepsErrorsAndIsFiltered(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fettle.log")
	text := `time=2026-11-21T23:00:00.000Z level=WARN msg="the disk is nearly full" free="1 MB" process=7
time=2026-11-21T23:00:01.000Z level=INFO msg=closed process=7
a line of something else
time=2026-11-22T06:59:00.000Z level=INFO msg="of this process" process=8
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := NewLog()
	say := func(level slog.Level, text string) {
		r := slog.NewRecord(testTime.Add(-time.Minute), level, text, 0)
		if err := log.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	say(slog.LevelInfo, "of this process")
	say(slog.LevelError, "it broke")
	for i := range 1000 {
		say(slog.LevelInfo, fmt.Sprint("chatter ", i, " with a text that is longer than the screen is wide, so that it must be cut or wrapped"))
	}
	d, _ := site(t, func(o *Options) { o.Log, o.LogFile = log, path })
	d.press("L").sees("following", "chatter 999", "Level (v): everything", "06:59:00").seesNot("it broke")
	d.press("v").sees("WARN and ERROR only", "it broke", "the disk is nearly full free=\"1 MB\"").press("v").sees("it broke").seesNot("nearly full")
	d.press("esc").press("/").write("chatter !998 99").press("enter").sees("chatter 999").seesNot("chatter 998")
	d.press("enter").sees("Log > Line", "must be cut or wrapped").press("enter", "o").sees("wrapped")
	d.press("t").sees("2026-11-22 06:59:00").press("t").seesNot("06:59")
	d.press("backspace", "t", "home").sees("23:00:00").seesNot("following")
	d.press("f").sees("following", "chatter 999")
	if n := strings.Count(text, "of this process"); n != 1 {
		t.Fatal(n)
	}
	d.press("/").write("of this process").press("enter").sees("1 of")
}

func TestLogFileThatCannotBeRead(t *testing.T) {
	d, _ := site(t, func(o *Options) { o.LogFile = t.TempDir() })
	d.press("L").sees("the log file could not be read")
}
