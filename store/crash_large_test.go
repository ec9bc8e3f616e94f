package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// largeGroups is to how many groups the large deployments go.
const largeGroups = 50

// largeSizes are the updates of a large deployment and how often the child is
// killed; .ci/nightly asks for the full size.
func largeSizes() (updates, kills int) {
	updates, kills = 10_000, 6
	if n, err := strconv.Atoi(os.Getenv("FETTLE_TEST_CRASH_UPDATES")); err == nil {
		updates = n
	}
	if n, err := strconv.Atoi(os.Getenv("FETTLE_TEST_CRASH_KILLS")); err == nil {
		kills = n
	}
	return updates, kills
}

// crashLargeChild makes large changes one after the other until it is killed,
// and says before each what begins and after each what was acknowledged.
func crashLargeChild(dir string) error {
	s, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := s.WaitLoaded(ctx); err != nil {
		return err
	}
	size, _ := largeSizes()
	all := make([]uint32, size)
	for i := range all {
		all[i] = uint32(i + 1)
	}
	var groups []model.GroupAction
	for _, id := range s.Snapshot().Groups().Order() {
		if !s.Snapshot().Groups().Group(id).Predefined() {
			groups = append(groups, model.GroupAction{Group: id, Action: model.ActionInstall})
		}
	}
	made := func(e model.Entry, err error) (model.Entry, error) {
		if err == nil {
			fmt.Printf("entry %d\n", e.Seq)
		}
		return e, err
	}
	for round := uint64(1); ; round++ {
		var big, gone model.Entry
		steps := []struct {
			name string
			run  func() error
		}{
			{"approve", func() (err error) {
				big, err = made(s.Make(ctx, model.Change{Kind: model.ChangeApprove, Name: "big", Updates: all, Groups: groups}, admin))
				return err
			}},
			{"decline", func() (err error) {
				gone, err = made(s.Make(ctx, model.Change{Kind: model.ChangeDecline, Updates: all[:size/2]}, admin))
				return err
			}},
			{"report", func() error {
				name := fmt.Sprintf("c%d", round%5)
				_, err := s.Record(ctx, Report{Computer: model.Computer{ID: model.ComputerID(name), Name: name, Platform: model.PlatformLinux}, Status: &model.Status{Evaluated: uint32(size), Needed: all[:100], Installed: all[100 : size/3]}})
				return err
			}},
			{"arrive", func() error {
				n := s.Snapshot().LastUpdate()
				_, err := s.Import(ctx, []*model.Update{debian(fmt.Sprintf("new%d", n+1), "1"), debian(fmt.Sprintf("new%d", n+2), "1"), debian(fmt.Sprintf("new%d", n+3), "1")})
				return err
			}},
			{"rules", func() error {
				_, err := s.RunRules(ctx, nil, model.Actor{Who: "schedule", From: model.FromServer, Role: model.AccessAdministrator})
				return err
			}},
			{"reinstate", func() error { _, err := made(s.Undo(ctx, gone.Seq, admin, "")); return err }},
			{"retract", func() error { _, err := made(s.Undo(ctx, big.Seq, admin, "")); return err }},
		}
		for _, st := range steps {
			fmt.Println("begin", st.name)
			if err := st.run(); err != nil {
				return fmt.Errorf("%s: %w", st.name, err)
			}
			fmt.Println("end", st.name)
		}
	}
}

// TestKilledInLargeChanges kills a process at a random instant of a random large
// change. Afterwards each change is there whole or not at all: the records of
// deployments, declines and the mark of the rules are what replaying the journal
// gives; and running the rules approves what arrived exactly once.
func TestKilledInLargeChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	size, kills := largeSizes()
	dir := machineDir(t)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := openTest(t, dir)
	ready(t, s)
	updates := make([]*model.Update, size)
	for i := range updates {
		updates[i] = debian(fmt.Sprintf("p%d", i), "1")
	}
	must1(s.Import(t.Context(), updates))(t)
	for i := range largeGroups {
		must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: fmt.Sprintf("G%d", i), Parent: model.GroupAll, Formula: fmt.Sprintf("name:c%d", i%5)}}, admin))(t)
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "arrivals", Enabled: true, Groups: []model.GroupID{model.GroupAll, model.GroupLinux}}}, admin))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	steps := []string{"approve", "decline", "report", "arrive", "rules", "reinstate", "retract"}
	for k := range kills {
		target := steps[(k*3+rand.IntN(3))%len(steps)]
		entries := killIn(t, dir, target)
		seen[target]++
		s := openTest(t, dir)
		head, _ := s.Snapshot().Journal()
		if head < entries {
			t.Fatalf("killed in %s: entry %d was acknowledged, the newest is %d", target, entries, head)
		}
		if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
			t.Fatalf("killed in %s: %v", target, v.Problems)
		}
		agree(t, s, size)
		onlyOnce(t, s, size)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d updates x %d groups, killed in: %v", size, largeGroups, seen)
}

// killIn starts a child and kills it at some instant of a step, and gives the
// newest entry that it acknowledged.
func killIn(t *testing.T, dir, target string) (entries uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir, crashLarge+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	// The first round tells how long the step takes; in the second it is killed
	// somewhere in that time.
	var began time.Time
	var took time.Duration
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch kind, word, _ := strings.Cut(lines.Text(), " "); {
		case kind == "entry":
			if entries, err = strconv.ParseUint(word, 10, 64); err != nil {
				t.Fatalf("the child said %q", lines.Text())
			}
		case word != target:
		case kind == "begin" && took == 0:
			began = time.Now()
		case kind == "end" && took == 0:
			took = time.Since(began)
		case kind == "begin":
			time.AfterFunc(time.Duration(rand.Int64N(int64(took)+1)), func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return entries
}

// agree compares the records with what the journal says was done.
func agree(t *testing.T, s *Store, size int) {
	t.Helper()
	snap := s.Snapshot()
	declined := map[uint32]bool{}
	undone := map[uint64]bool{}
	made := map[uint64]bool{}
	for _, e := range must1(s.Entries(1, 0))(t) {
		switch e.Kind {
		case model.ChangeApprove:
			made[e.Result] = true
			d := snap.Deployment(e.Result)
			if d == nil || !slices.Equal(d.Updates, e.Change.Updates) || !slices.Equal(d.Groups, e.Change.Groups) {
				t.Fatalf("entry %d made deployment %d, which is not there whole", e.Seq, e.Result)
			}
			if d.RuleID == 0 && (len(d.Updates) != size || len(d.Groups) != largeGroups) {
				t.Fatalf("deployment %d has %d updates and %d groups", d.ID, len(d.Updates), len(d.Groups))
			}
		case model.ChangeRetract, model.ChangeRestore:
			undone[e.Change.Deployment] = e.Kind == model.ChangeRetract
		case model.ChangeDecline, model.ChangeUndecline:
			for _, n := range e.Change.Updates {
				declined[n] = e.Kind == model.ChangeDecline
			}
		}
	}
	for _, d := range snap.Deployments() {
		if !made[d.ID] || d.Undone != undone[d.ID] {
			t.Fatalf("deployment %d is there (taken back: %v), the journal says made: %v, taken back: %v", d.ID, d.Undone, made[d.ID], undone[d.ID])
		}
	}
	for n := uint32(1); n <= snap.LastUpdate(); n++ {
		if snap.declined.Contains(n) != declined[n] {
			t.Fatalf("update %d declined: %v, the journal says %v", n, !declined[n], declined[n])
		}
	}
}

// onlyOnce runs the rules and wants each update that arrived approved by exactly
// one deployment of the rule.
func onlyOnce(t *testing.T, s *Store, size int) {
	t.Helper()
	by := model.Actor{Who: "schedule", From: model.FromServer, Role: model.AccessAdministrator}
	must1(s.RunRules(t.Context(), nil, by))(t)
	if again := must1(s.RunRules(t.Context(), nil, by))(t); len(again) > 0 {
		t.Fatalf("the rules ran again over the same updates: %+v", again)
	}
	snap := s.Snapshot()
	times := map[uint32]int{}
	for _, d := range snap.Deployments() {
		if d.RuleID != 0 {
			for _, n := range d.Updates {
				times[n]++
			}
		}
	}
	for n := uint32(1); n <= snap.LastUpdate(); n++ {
		want := 0
		if int(n) > size {
			want = 1
		}
		if times[n] != want {
			t.Fatalf("the rule approved update %d %d times, should %d", n, times[n], want)
		}
	}
	// One undo takes a large deployment back as a whole.
	for _, d := range snap.Deployments() {
		if d.RuleID != 0 || d.Undone {
			continue
		}
		for _, e := range must1(s.Entries(1, 0))(t) {
			if e.Kind == model.ChangeApprove && e.Result == d.ID {
				if _, err := s.Undo(t.Context(), e.Seq, admin, ""); err != nil {
					if r := (*model.Refusal)(nil); !errors.As(err, &r) || r.Code != "undone" {
						t.Fatal(err)
					}
				}
			}
		}
	}
	for n := uint32(1); int(n) <= size; n += 997 {
		if a := s.Snapshot().Approvals(n); len(a) > 0 && !s.Snapshot().declined.Contains(n) {
			t.Fatalf("update %d is still approved after every large deployment was taken back: %+v", n, a)
		}
	}
	// The next child starts with nothing declined.
	if n := s.Snapshot().declined.ToArray(); len(n) > 0 {
		must1(s.Make(t.Context(), model.Change{Kind: model.ChangeUndecline, Updates: n}, admin))(t)
	}
}

// TestAChangeIsOneTransaction: a kill seldom hits the instant between two writes,
// so that there is only one is looked at directly.
func TestAChangeIsOneTransaction(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	var updates []*model.Update
	var all []uint32
	for i := range 500 {
		updates = append(updates, debian(fmt.Sprintf("p%d", i), "1"))
		all = append(all, uint32(i+1))
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "R", Enabled: true, Groups: []model.GroupID{model.GroupLinux}}}, admin))(t)
	must1(s.Import(t.Context(), updates))(t)
	var big, gone model.Entry
	for _, st := range []struct {
		name string
		run  func() error
	}{
		{"a run of rules", func() error { _, err := s.RunRules(t.Context(), nil, admin); return err }},
		{"a deployment", func() (err error) {
			big, err = s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: all, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}, {Group: model.GroupServers, Action: model.ActionInstall}}}, admin)
			return err
		}},
		{"its undo", func() error { _, err := s.Undo(t.Context(), big.Seq, admin, ""); return err }},
		{"a decline", func() (err error) {
			gone, err = s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: all}, admin)
			return err
		}},
		{"the undo of the decline", func() error { _, err := s.Undo(t.Context(), gone.Seq, admin, ""); return err }},
		{"a check-in", func() error {
			_, err := s.Record(t.Context(), Report{Computer: model.Computer{ID: "c", Name: "c"}, Inventory: &model.Inventory{}, Status: &model.Status{Evaluated: 500, Needed: all}})
			return err
		}},
	} {
		before := s.db.MaxVersion()
		if err := st.run(); err != nil {
			t.Fatalf("%s: %v", st.name, err)
		}
		if n := s.db.MaxVersion() - before; n != 1 {
			t.Errorf("%s took %d transactions", st.name, n)
		}
	}
}
