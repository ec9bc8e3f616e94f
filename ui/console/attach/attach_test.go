package attach

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
	"fettle/sync/simulation/publisher"
	"fettle/ui/console"
)

var admin = model.Actor{Who: "alice", From: model.FromConsole, Role: model.AccessAdministrator}

// carrying is the background of a store that is set up, as a console has it.
func carrying(t *testing.T, unsigned bool) (console.Engine, *store.Store) {
	t.Helper()
	s, err := store.Open(store.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []model.Change{{Kind: model.ChangeComputers, How: []string{"this computer"}},
		{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}}} {
		if _, err := s.Make(t.Context(), c, admin); err != nil {
			t.Fatal(err)
		}
	}
	e := engine.New(engine.Options{Store: s, Carry: engine.CarryPolicy{Unsigned: unsigned}})
	t.Cleanup(e.Close) // before the store: cleanups run backwards
	return Engine(e), s
}

// export writes a small package of wsusutil export.
func export(t *testing.T) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "anything.bin"))
	if err != nil {
		t.Fatal(err)
	}
	items := publisher.WithCategories([]publisher.Item{{ID: publisher.ID("one"), Title: "One update", Class: model.ClassSecurity, KB: []string{"5000001"}, Handler: publisher.CommandLine,
		Files: []publisher.File{publisher.NewFile("one.exe", publisher.DownloadHost, []byte("content"))}}})
	if err := errors.Join(publisher.Package(f, items, publisher.PackageOptions{}), f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestAFileIsRecognisedPlannedAndImported(t *testing.T) {
	e, s := carrying(t, true)
	path := export(t)
	x, err := e.Recognize(t.Context(), path)
	if err != nil || !strings.Contains(x.What, "wsusutil export") || x.Refused != "" || x.Content {
		t.Fatalf("recognised as %+v, %v", x, err)
	}
	if last := x.Facts[len(x.Facts)-1]; last != [2]string{"Imported as", "wsusexport"} {
		t.Errorf("the facts end with %v", last)
	}
	p, err := e.PlanImport(t.Context(), path, false, func(model.Progress) {})
	if err != nil || p.New != 1 || len(p.Titles) != 1 || s.Snapshot().UpdateCount() != 0 {
		t.Fatalf("the plan is %+v, %v", p, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	feed := e.Watch(ctx)
	if err := e.Import(t.Context(), path, false, admin); err != nil {
		t.Fatal(err)
	}
	for patience := time.After(time.Minute); ; {
		jobs := e.Jobs()
		if len(jobs) > 0 && !jobs[0].Running() {
			if jobs[0].Err != "" {
				t.Fatal(jobs[0].Err)
			}
			break
		}
		select {
		case <-feed:
		case <-patience:
			t.Fatalf("the import did not end: %+v", jobs)
		}
	}
	if s.Snapshot().UpdateCount() != 1 || s.Snapshot().LastRun("wsusexport") == nil {
		t.Error("the update did not come")
	}
}

func TestWhatIsNotImported(t *testing.T) {
	e, _ := carrying(t, false)
	text := filepath.Join(t.TempDir(), "wsusscn2.cab")
	if err := os.WriteFile(text, []byte("MZ this is a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{text: "a Windows program", filepath.Join(t.TempDir(), "none"): "no such file on the machine that holds Fettle's data", os.DevNull: "neither a file nor a directory"} {
		var refused *model.Refusal
		if _, err := e.Recognize(t.Context(), path); !errors.As(err, &refused) || !strings.Contains(refused.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
		if err := e.Import(t.Context(), path, false, admin); !errors.As(err, &refused) {
			t.Errorf("%s was imported: %v", path, err)
		}
	}
	// Nobody signed it, and the configuration does not allow that.
	path := export(t)
	if x, err := e.Recognize(t.Context(), path); err != nil || x.Refused == "" {
		t.Errorf("recognised as %+v, %v", x, err)
	}
	if err := e.Import(t.Context(), path, false, admin); err == nil || !strings.Contains(err.Error(), "unsigned = true") {
		t.Errorf("it was imported: %v", err)
	}
	if x, err := e.Recognize(t.Context(), filepath.Dir(path)); err != nil || !x.Content {
		t.Errorf("a directory was recognised as %+v, %v", x, err)
	}
}
