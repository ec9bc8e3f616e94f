package engine_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/engine"
)

func TestContentIsCarriedInByDigest(t *testing.T) {
	s, e := opened(t, engine.CarryPolicy{})
	ctx := t.Context()
	tree := t.TempDir()
	file := func(name, content string, inTree bool) model.File {
		a, b := sha1.Sum([]byte(content)), sha256.Sum256([]byte(content))
		if inTree {
			hex := strings.ToUpper(fmt.Sprintf("%x", a))
			dir := filepath.Join(tree, "WsusContent", hex[38:])
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, hex+".cab"), []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		return model.File{Name: name, Size: int64(len(content)), SHA1: a[:], SHA256: b[:]}
	}
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	whole := &model.Update{ID: "whole", Title: "Whole", Class: model.ClassSecurity, Released: at, Files: []model.File{file("a.cab", "first", true), file("b.cab", "second", true)}}
	partly := &model.Update{ID: "partly", Title: "Partly", Class: model.ClassSecurity, Released: at, Files: []model.File{file("a.cab", "first", false), file("c.cab", "third", false)}}
	if _, err := s.Import(ctx, []*model.Update{whole, partly}); err != nil {
		t.Fatal(err)
	}
	job, err := e.ImportContent(ctx, filepath.Join(tree, "WsusContent"), operator)
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	state := func(id model.UpdateID) string {
		snap := s.Snapshot()
		return snap.ContentState(snap.RowByID(id).Number)
	}
	if a, b := state("whole"), state("partly"); a != "ready" || b != "vendor" {
		t.Errorf("the content of the two is %q and %q: %s", a, b, job.State().Result)
	}
}
