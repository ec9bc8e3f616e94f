package store

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"fettle/model"
)

func TestOneEntryIsTakenBackOnce(t *testing.T) {
	s := newTest(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	ready(t, s)
	for range 20 {
		e := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1},
			Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}, admin))(t)
		var done sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			done.Go(func() { _, errs[i] = s.Undo(t.Context(), e.Seq, admin, "") })
		}
		done.Wait()
		undone := 0
		for _, err := range errs {
			var refused *model.Refusal
			switch {
			case err == nil:
				undone++
			case !errors.As(err, &refused) || refused.Code != "undone":
				t.Fatalf("an undo of what was taken back said: %v", err)
			}
		}
		if undone != 1 {
			t.Fatalf("the entry was taken back %d times", undone)
		}
	}
}

func TestRestoredPlansAreNewer(t *testing.T) {
	s := newTest(t)
	var b bytes.Buffer
	if err := s.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	given := uint64(0) // after the backup: computers know these numbers
	for range 200 {
		given = must1(s.NextPlan(t.Context()))(t)
	}
	dir := t.TempDir()
	if err := Restore(t.Context(), &b, Options{Dir: dir, Clock: func() time.Time { return testTime }}, admin); err != nil {
		t.Fatal(err)
	}
	r := openTest(t, dir)
	defer r.Close()
	if n := must1(r.NextPlan(t.Context()))(t); n <= given {
		t.Errorf("the restored store gives plan %d, and computers have seen %d", n, given)
	}
}
