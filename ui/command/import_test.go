package command

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"fettle/model"
	"fettle/ui/remote"
)

// interrupting are files of which reading ends the session once somebody has
// agreed to the import.
type interrupting struct {
	remote.Files
	agreed *atomic.Bool
	end    context.CancelFunc
}

func (f interrupting) Open(ctx context.Context, name string) (remote.File, error) {
	file, err := f.Files.Open(ctx, name)
	return interruptingFile{file, f}, err
}

type interruptingFile struct {
	remote.File
	files interrupting
}

func (f interruptingFile) ReadAt(p []byte, at int64) (int, error) {
	if f.files.agreed.Load() {
		f.files.end()
	}
	return f.File.ReadAt(p, at)
}

// agreeing answers yes.
type agreeing struct{ agreed *atomic.Bool }

func (a agreeing) Read(p []byte) (int, error) {
	a.agreed.Store(true)
	return copy(p, "y\n"), nil
}

// An import that is interrupted leaves what was, and says so with status 130.
func TestInterruptedImportLeavesWhatWas(t *testing.T) {
	s := &story{t: t, work: t.TempDir()}
	s.dir = s.work
	if err := s.populate(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.work, "config.toml"), []byte("[import]\nunsigned = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.carry([]string{"one.cab", "1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.hold(); err != nil {
		t.Fatal(err)
	}
	defer s.release()
	name := filepath.Join(s.work, "one.cab")
	own, err := remote.NewOwnFiles([]string{name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := s.held.store.Snapshot()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var agreed atomic.Bool
	var out, errs bytes.Buffer
	there := &remote.Session{Args: []string{"import", name}, In: agreeing{&agreed}, Out: &out, Err: &errs, Files: interrupting{own, &agreed, cancel}, Ask: true, Live: 80, Env: map[string]string{},
		Actor: model.Actor{Who: "ann", From: model.FromCommand, Role: model.AccessAdministrator}}
	if code := run(ctx, there, s.held); code != statusInterrupted {
		t.Errorf("exit status %d\n%s%s", code, &out, &errs)
	}
	for _, want := range []string{"one.cab: a package of", "Take it in? [Y/n]", "fettle: interrupted"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &errs)
		}
	}
	after := s.held.store.Snapshot()
	if after.UpdateCount() != before.UpdateCount() || len(after.Categories()) != len(before.Categories()) {
		t.Errorf("%d updates became %d", before.UpdateCount(), after.UpdateCount())
	}
	if runs := after.Runs(); len(runs) != 1 || runs[0].Result != model.SyncCanceled {
		t.Errorf("the record is %+v", runs)
	}
	// The answer no leaves everything as well.
	errs.Reset()
	there.In, there.Files = strings.NewReader("n\n"), own
	if code := run(t.Context(), there, s.held); code != statusFailed || !strings.Contains(errs.String(), "nothing was changed") || len(s.held.store.Snapshot().Runs()) != 1 {
		t.Errorf("exit status %d\n%s", code, &errs)
	}
}
