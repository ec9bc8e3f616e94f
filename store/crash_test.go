package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fettle/model"
)

// crashDir names the directory in which a child process of TestKilled writes;
// crashLarge is set for those of TestKilledInLargeChanges.
const (
	crashDir   = "FETTLE_TEST_CRASH_DIR"
	crashLarge = "FETTLE_TEST_CRASH_LARGE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		child := crashChild
		if os.Getenv(crashLarge) != "" {
			child = crashLargeChild
		}
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashChild writes until it is killed, and says on standard output what was
// acknowledged.
func crashChild(dir string) error {
	s, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := s.WaitLoaded(ctx); err != nil {
		return err
	}
	if !s.Snapshot().Setup().Complete() {
		_, err = s.Make(ctx, model.Change{Kind: model.ChangeComputers, How: []string{"test"}}, admin)
		if err == nil {
			_, err = s.Make(ctx, model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "d", Kind: model.UpstreamDebian, Location: "apt"}}, admin)
		}
		if err != nil {
			return err
		}
	}
	for i := s.Snapshot().LastUpdate() + 1; ; i++ {
		r, err := s.Import(ctx, []*model.Update{debian(fmt.Sprintf("p%d", i), "1")})
		if err != nil {
			return err
		}
		fmt.Printf("update %d\n", i)
		e, err := s.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: r.New, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}, admin)
		if err != nil {
			return err
		}
		fmt.Printf("entry %d\n", e.Seq)
		name := fmt.Sprintf("c%d", i%5)
		if _, err := s.Record(ctx, Report{Computer: model.Computer{ID: model.ComputerID(name), Name: name}, Status: &model.Status{Evaluated: s.Snapshot().LastUpdate(), Needed: r.New}}); err != nil {
			return err
		}
	}
}

// TestKilled kills a writing process at random moments: everything acknowledged
// is there afterwards, nothing is half, and the store opens.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	kills := 12
	var updates, entries uint64
	for range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := 5 + rand.IntN(60); lines.Scan(); left-- {
			kind, number, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.ParseUint(number, 10, 64)
			if err != nil {
				t.Fatalf("the child said %q", lines.Text())
			}
			if kind == "update" {
				updates = n
			} else {
				entries = n
			}
			if left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the child ended by itself: %v", err)
		}
		s := openTest(t, dir)
		snap := s.Snapshot()
		head, _ := snap.Journal()
		if uint64(snap.LastUpdate()) < updates || head < entries {
			t.Errorf("acknowledged update %d and entry %d; there are %d and %d", updates, entries, snap.LastUpdate(), head)
		}
		v := must1(s.Verify(t.Context(), nil))(t)
		// The head beside the key is written after the commit, so a kill may
		// leave it one behind; that is no problem, a head ahead would be.
		if len(v.Problems) > 0 {
			t.Fatalf("after a kill: %v", v.Problems)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDiskFullIsRefusedAndNothingIsLost(t *testing.T) {
	dir := t.TempDir()
	free := uint64(1 << 40)
	s, err := Open(Options{Dir: dir, Clock: func() time.Time { return testTime }, Free: func(string) (uint64, error) { return free, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	free = 1 << 20
	var r *model.Refusal
	if _, err := s.Import(t.Context(), []*model.Update{debian("b", "1")}); !errors.As(err, &r) || r.Code != "disk-full" {
		t.Fatalf("on a full disk: %v", err)
	}
	if s.Snapshot().UpdateCount() != 1 {
		t.Error("a refused write shows in memory")
	}
	free = 1 << 40
	must1(s.Import(t.Context(), []*model.Update{debian("b", "1"), debian("c", "1")}))(t)
	if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
		t.Errorf("problems: %v", v.Problems)
	}
}

// TestRealDiskFull fills a real file system of its own.
func TestRealDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=260m"); err != nil {
		t.Skipf("a tmpfs cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	s := openTest(t, dir)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	filler := filepath.Join(dir, "filler")
	free, err := freeSpace(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filler, make([]byte, free-reserve/2), 0o600); err != nil {
		t.Fatal(err)
	}
	var r *model.Refusal
	if _, err := s.Import(t.Context(), []*model.Update{debian("b", "1")}); !errors.As(err, &r) || r.Code != "disk-full" {
		t.Fatalf("on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	must1(s.Import(t.Context(), []*model.Update{debian("b", "1")}))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir)
	if s.Snapshot().UpdateCount() != 2 {
		t.Errorf("%d updates after opening again", s.Snapshot().UpdateCount())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRootDoesNotOpenAnotherUsersStore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is about root")
	}
	dir := t.TempDir()
	if err := openTest(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(dir, "store"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: dir})
	var r *model.Refusal
	if !errors.As(err, &r) || r.Code != "owner" {
		t.Fatalf("got %v", err)
	}
}

// TestDamagedTablesKeepTheStoreClosed overwrites parts of the files: whatever is
// hit, the answer is an error that names a remedy, never a store with less in it.
func TestDamagedTablesKeepTheStoreClosed(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	var updates []*model.Update
	for i := range 2000 {
		updates = append(updates, debian(fmt.Sprintf("p%d", i), "1"))
	}
	must1(s.Import(t.Context(), updates))(t)
	ready(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "store", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, at := range []float64{0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.999} {
		damaged := t.TempDir()
		if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(damaged, "store", filepath.Base(tables[rand.IntN(len(tables))]))
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 64 {
			if j := int(at*float64(len(b))) + i; j < len(b) {
				b[j] ^= 0x5a
			}
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{Dir: damaged})
		if err == nil {
			err = s.WaitLoaded(t.Context())
			_ = s.Close()
		}
		var d *DamagedError
		if !errors.As(err, &d) || !strings.Contains(err.Error(), "fettle restore") {
			t.Errorf("damage at %v of %s: %v", at, filepath.Base(name), err)
		}
	}
}
