package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// testTime is the clock's start in tests.
var testTime = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

var admin = model.Actor{Who: "alice", From: model.FromCommand, Role: model.AccessAdministrator}

// openTest opens a store in a directory of its own; the test closes it.
func openTest(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Clock: func() time.Time { return testTime }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	if err := s.WaitLoaded(t.Context()); err != nil {
		t.Fatalf("loading the store: %v", err)
	}
	return s
}

func newTest(t testing.TB) *Store {
	t.Helper()
	s := openTest(t, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

// debian makes an update of the archive Debian, release bookworm.
func debian(source, version string, packages ...string) *model.Update {
	u := &model.Update{
		ID: model.DebianID("Debian", "bookworm", source, version), Upstream: "debian", Title: source + " " + version,
		Class: model.ClassUpdate, Version: version, Released: testTime.AddDate(0, 0, -10), NotLater: true,
		Products: []model.CategoryID{"deb/Debian/bookworm"},
		Debian:   &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: source, Version: version, Suites: []string{"bookworm"}, Section: "libs"},
	}
	if len(packages) == 0 {
		packages = []string{source}
	}
	for _, p := range packages {
		u.Debian.Packages = append(u.Debian.Packages, model.DebianPackage{Name: p, Arch: "amd64", Version: version, Size: 1000, SHA256: make([]byte, 32), Filename: "pool/" + p + ".deb"})
	}
	return u
}

func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// ready completes the setup, so that the gate lets changes through.
func ready(t testing.TB, s *Store) {
	t.Helper()
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeComputers, How: []string{"this computer"}}, admin))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{},
		Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}}, admin))(t)
}

// computer records a computer that needs and has the given updates.
func computer(t testing.TB, s *Store, name string, needed, installed []uint32) uint32 {
	t.Helper()
	return must1(s.Record(t.Context(), Report{
		Computer: model.Computer{ID: model.ComputerID(name), Name: name, Platform: model.PlatformLinux, Role: model.RoleServer, Contacted: testTime, Reported: testTime},
		Status:   &model.Status{Reported: testTime, Evaluated: s.Snapshot().LastUpdate(), Needed: needed, Installed: installed},
	}))(t)
}

func TestImportWritesOnlyWhatChanged(t *testing.T) {
	s := newTest(t)
	first := []*model.Update{debian("a", "1"), debian("b", "1"), debian("a", "2")}
	r := must1(s.Import(t.Context(), first))(t)
	if !slices.Equal(r.New, []uint32{1, 2, 3}) || len(r.Revised) != 0 {
		t.Fatalf("first import: %+v", r)
	}
	seq := s.Snapshot().Seq()
	again := []*model.Update{debian("a", "1"), debian("b", "1"), debian("a", "2")}
	again[1].Released = again[1].Released.AddDate(0, 0, 5) // an archive only bounds it: no revision
	r = must1(s.Import(t.Context(), again))(t)
	if r.Unchanged != 3 || len(r.New)+len(r.Revised) != 0 || s.Snapshot().Seq() != seq {
		t.Fatalf("an equal import changed something: %+v, sequence %d to %d", r, seq, s.Snapshot().Seq())
	}
	again[1].Class = model.ClassSecurity
	r = must1(s.Import(t.Context(), again))(t)
	if !slices.Equal(r.Revised, []uint32{2}) {
		t.Fatalf("a changed update: %+v", r)
	}
	revs := must1(s.Revisions(2))(t)
	if len(revs) != 2 || !slices.Equal(revs[1].Changed, []string{"classification from update to security"}) {
		t.Fatalf("revisions: %+v", revs)
	}
	u := must1(s.Update(2))(t)
	if u.Revision != 2 || !u.Released.Equal(testTime.AddDate(0, 0, -10)) {
		t.Errorf("revision %d, released %v: the earlier bound must stay", u.Revision, u.Released)
	}
}

func TestSupersedenceFollowsVersionsAndWithdrawal(t *testing.T) {
	s := newTest(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1.9"), debian("a", "1.10"), debian("a", "1.2")}))(t)
	snap := s.Snapshot()
	if got := snap.SupersededBy(1); !slices.Equal(got, []uint32{2}) {
		t.Errorf("1.9 superseded by %v, want 1.10 (dpkg's order, not the text's)", got)
	}
	if got := snap.SupersededBy(3); !slices.Equal(got, []uint32{2, 1}) {
		t.Errorf("1.2 superseded by %v, newest first", got)
	}
	if !snap.Row(2).Has(model.FlagSuperseding) || snap.Row(2).Has(model.FlagSuperseded) {
		t.Error("flags of 1.10")
	}
	done := must1(s.Withdraw(t.Context(), []uint32{2, 2}))(t)
	if !slices.Equal(done, []uint32{2}) {
		t.Errorf("withdrawn %v", done)
	}
	snap = s.Snapshot()
	if len(snap.SupersededBy(1)) != 0 || snap.Row(1).Has(model.FlagSuperseded) {
		t.Error("a withdrawn version still supersedes")
	}
	// The archive offers it again: a new revision, published, superseding.
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1.10")}))(t)
	if snap = s.Snapshot(); snap.Row(2).Has(model.FlagWithdrawn) || !slices.Equal(snap.SupersededBy(1), []uint32{2}) {
		t.Error("an update that came back is still withdrawn")
	}
}

func TestSetupGateRefusesUntilBothWizardsRan(t *testing.T) {
	s := newTest(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	approve := model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}
	_, err := s.Make(t.Context(), approve, admin)
	var r *model.Refusal
	if !errors.As(err, &r) || r.Code != "setup" || !strings.Contains(r.Error(), "Computer and Device Management Wizard") || !strings.Contains(r.Error(), "Updates Management Configuration Wizard") {
		t.Fatalf("before setup: %v", err)
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeComputers, How: []string{"x"}}, admin))(t)
	if _, err = s.Make(t.Context(), approve, admin); !errors.As(err, &r) || strings.Contains(r.Error(), "Computer and Device") {
		t.Fatalf("after one wizard: %v", err)
	}
	ready(t, s)
	must1(s.Make(t.Context(), approve, admin))(t)
}

func TestApproveDeclineReinstateUndo(t *testing.T) {
	s := newTest(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
	ready(t, s)
	c := computer(t, s, "web1", []uint32{1, 2}, nil)
	install := model.Change{Kind: model.ChangeApprove, Updates: []uint32{2, 1, 1}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime}}}
	e := must1(s.Make(t.Context(), install, admin))(t)
	if got := s.Snapshot().Approved(c); !slices.Equal(got, []uint32{1, 2}) {
		t.Fatalf("approved: %v", got)
	}
	if st := s.Snapshot().State(c, 1); st != model.StateNotInstalled {
		t.Fatalf("an approval changed the installation state to %v", st)
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, admin))(t)
	snap := s.Snapshot()
	if snap.Effective(c, 1).Step != model.StepDeclined || !slices.Equal(snap.Approved(c), []uint32{2}) || snap.Counts(1, model.GroupAll).Needed != 0 {
		t.Fatal("a decline does not mask the approval and the status")
	}
	// Undoing the decline brings the approval back.
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if got := s.Snapshot().Approved(c); !slices.Equal(got, []uint32{1, 2}) {
		t.Fatalf("after undoing the decline: %v", got)
	}
	// Reinstating leaves Not Approved.
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{1}}, admin))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeReinstate, Updates: []uint32{1}}, admin))(t)
	if got := s.Snapshot().Approved(c); !slices.Equal(got, []uint32{2}) {
		t.Fatalf("after reinstating: %v", got)
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if snap = s.Snapshot(); !snap.Row(1).Has(model.FlagDeclined) {
		t.Fatal("undoing the reinstatement does not decline again")
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t) // the decline before it
	if got := s.Snapshot().Approved(c); !slices.Equal(got, []uint32{1, 2}) {
		t.Fatalf("after undoing everything but the deployment: %v", got)
	}
	must1(s.Undo(t.Context(), e.Seq, admin, "changed my mind"))(t)
	if got := s.Snapshot().Approved(c); len(got) != 0 {
		t.Fatalf("after undoing the deployment: %v", got)
	}
	if _, err := s.Undo(t.Context(), e.Seq, admin, ""); err == nil {
		t.Fatal("an entry was taken back twice")
	}
}

// A deadline is kept in whole seconds, so that memory and disk agree without
// opening the store again.
func TestDeadlinesAreKeptExactly(t *testing.T) {
	s := newTest(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1")}))(t)
	ready(t, s)
	given := time.Date(2026, 12, 1, 18, 0, 0, 123456789, time.FixedZone("", 3600))
	groups := []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: given}}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: groups}, admin))(t)
	if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
		t.Errorf("problems: %v", v.Problems)
	}
	if a, _ := s.Snapshot().Approval(1, model.GroupAll); !a.Deadline.Equal(given.Truncate(time.Second)) || !groups[0].Deadline.Equal(given) {
		t.Errorf("deadline %v of %v; the caller's own became %v", a.Deadline, given, groups[0].Deadline)
	}
}

func TestRefusals(t *testing.T) {
	s := newTest(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("a", "2")}))(t)
	ready(t, s)
	must1(s.Withdraw(t.Context(), []uint32{1}))(t)
	all := []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}
	code := func(c model.Change, by model.Actor) string {
		_, err := s.Make(t.Context(), c, by)
		var r *model.Refusal
		if !errors.As(err, &r) {
			return fmt.Sprintf("%v", err)
		}
		return r.Code
	}
	for _, tt := range []struct {
		want   string
		change model.Change
		by     model.Actor
	}{
		{"withdrawn", model.Change{Kind: model.ChangeApprove, Updates: []uint32{1}, Groups: all}, admin},
		{"role", model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: all}, model.Actor{Who: "eve"}},
		{"role", model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: model.GroupAll}}, model.Actor{Who: "bob", Role: model.AccessOperator}},
		{"not-approved-root", model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionNotApproved}}}, admin},
		{"not-removable", model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionUninstall}}}, admin},
		{"root-policy", model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: model.GroupAll}}, admin},
		{"predefined", model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: model.GroupLinux}}, admin},
		{"name", model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "evil\x1b[31m", Parent: model.GroupAll}}, admin},
		{"exists", model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "All Computers", Parent: model.GroupAll}}, admin},
		{"formula", model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "x", Parent: model.GroupAll, Formula: "group:All"}}, admin},
		{"formula", model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "x", Parent: model.GroupAll, Formula: "nonsense:("}}, admin},
	} {
		if got := code(tt.change, tt.by); got != tt.want {
			t.Errorf("%s %v: got %s, want %s", tt.change.Kind, tt.change.Group, got, tt.want)
		}
	}
	head, _ := s.Snapshot().Journal()
	if head != 2 {
		t.Errorf("refused changes left %d entries in the journal", head-2)
	}
}

func TestGroupsNestFormulaAndExclusion(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	web1, web2, db1 := computer(t, s, "web1", nil, nil), computer(t, s, "web2", nil, nil), computer(t, s, "db1", nil, nil)
	add := func(g model.Group, members ...uint32) model.GroupID {
		e := must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &g, Computers: members}, admin))(t)
		return e.Change.Group.ID
	}
	web := add(model.Group{Name: "Web", Parent: model.GroupAll, Formula: "name:web*"})
	canary := add(model.Group{Name: "Canary", Parent: web}, db1)
	members := func(g model.GroupID) []uint32 { return s.Snapshot().Members(g).ToArray() }
	if got := members(web); !slices.Equal(got, []uint32{web1, web2, db1}) {
		t.Errorf("Web: %v", got)
	}
	if got := members(model.GroupUnassigned); len(got) != 0 {
		t.Errorf("unassigned: %v", got)
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeExclude, Group: &model.Group{ID: web}, Computers: []uint32{db1}}, admin))(t)
	if got := members(web); !slices.Equal(got, []uint32{web1, web2}) {
		t.Errorf("Web without the excluded: %v", got)
	}
	if got := s.Snapshot().GroupsOf(db1); !slices.Contains(got, canary) || slices.Contains(got, web) {
		t.Errorf("groups of db1: %v", got)
	}
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: web}}, admin))(t)
	if s.Snapshot().Groups().ByName("Canary") != nil || len(members(model.GroupUnassigned)) != 3 {
		t.Error("removing Web left its subgroup or its members assigned")
	}
	must1(s.Undo(t.Context(), 0, admin, ""))(t)
	if got := members(web); !slices.Equal(got, []uint32{web1, web2}) {
		t.Errorf("Web restored: %v", got)
	}
	// A computer that is removed leaves its groups, and its number stays unused.
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeRemove, Computers: []uint32{db1}}, admin))(t)
	if n := computer(t, s, "db2", nil, nil); n == db1 || s.Snapshot().Members(canary).Contains(n) {
		t.Errorf("db2 got number %d of the removed db1", n)
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("a", "2"), debian("b", "1")}))(t)
	ready(t, s)
	computer(t, s, "web1", []uint32{2}, []uint32{3})
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{2}, Groups: []model.GroupAction{{Group: model.GroupLinux, Action: model.ActionInstall}}}, admin))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{3}}, admin))(t)
	before := s.Snapshot()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir)
	defer s.Close()
	after := s.Snapshot()
	if after.Seq() != before.Seq() || !slices.Equal(after.Approved(1), before.Approved(1)) || after.Counts(2, model.GroupAll) != before.Counts(2, model.GroupAll) ||
		!after.Row(3).Has(model.FlagDeclined) || !after.Row(1).Has(model.FlagSuperseded) || after.Counts(2, model.GroupLinux).Needed != 1 {
		t.Error("the store differs after opening it again")
	}
	v := must1(s.Verify(t.Context(), nil))(t)
	if len(v.Problems) > 0 {
		t.Errorf("problems: %v", v.Problems)
	}
}

func TestSecondOpenNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	defer s.Close()
	_, err := Open(Options{Dir: dir})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("got %v", err)
	}
}

func TestNewerStoreIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	if err := s.db.Update(func(txn *badger.Txn) error { return put(txn, keyMeta(metaSchema), uint64(schema+1)) }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	_, err := Open(Options{Dir: dir})
	var version *VersionError
	if !errors.As(err, &version) || version.Found != schema+1 {
		t.Fatalf("got %v", err)
	}
}

func TestReadOnlyRefusesEveryWrite(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir).Close()
	s, err := Open(Options{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var r *model.Refusal
	if _, err := s.Import(t.Context(), []*model.Update{debian("a", "1")}); !errors.As(err, &r) || r.Code != "read-only" {
		t.Errorf("import: %v", err)
	}
	if _, err := s.Make(t.Context(), model.Change{Kind: model.ChangeComputers}, admin); !errors.As(err, &r) || r.Code != "read-only" {
		t.Errorf("change: %v", err)
	}
}

func TestBackupRestoreRoundTrip(t *testing.T) {
	s := newTest(t)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "2")}))(t)
	ready(t, s)
	computer(t, s, "web1", []uint32{1}, []uint32{2})
	var b bytes.Buffer
	if err := s.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	dir := t.TempDir()
	if err := Restore(t.Context(), bytes.NewReader(good), Options{Dir: dir, Clock: func() time.Time { return testTime }}, admin); err != nil {
		t.Fatal(err)
	}
	r := openTest(t, dir)
	defer r.Close()
	if got, want := dump(t, r, kindEntry, kindMeta), dump(t, s, kindEntry, kindMeta); got != want {
		t.Errorf("records differ after restoring")
	}
	if v := must1(r.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
		t.Errorf("problems: %v", v.Problems)
	}
	// A second restore into the same place overwrites nothing.
	if err := Restore(t.Context(), bytes.NewReader(good), Options{Dir: dir}, admin); err == nil {
		t.Error("a restore overwrote a store")
	}
	for name, bad := range map[string][]byte{
		"cut":     good[:len(good)-40],
		"flipped": append(append(bytes.Clone(good[:len(good)/2]), good[len(good)/2]^1), good[len(good)/2+1:]...),
		"other":   []byte("PK\x03\x04 something else entirely, long enough to be read"),
		"empty":   nil,
	} {
		into := t.TempDir()
		if err := Restore(t.Context(), bytes.NewReader(bad), Options{Dir: into}, admin); err == nil {
			t.Errorf("%s: a damaged backup was restored", name)
		}
		if left, _ := filepath.Glob(filepath.Join(into, "store*")); len(left) > 0 {
			t.Errorf("%s: left %v behind", name, left)
		}
	}
}

// dump is the records as text, without some kinds.
func dump(t *testing.T, s *Store, without ...byte) string {
	t.Helper()
	var b strings.Builder
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if slices.Contains(without, it.Item().Key()[0]) {
				continue
			}
			if err := it.Item().Value(func(v []byte) error {
				fmt.Fprintf(&b, "%x %x\n", it.Item().Key(), v)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestJournalVerifyNamesTheFirstBrokenEntry(t *testing.T) {
	build := func(t *testing.T) *Store {
		s := newTest(t)
		ready(t, s)
		for i := range 8 {
			must1(s.Make(t.Context(), model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: fmt.Sprintf("G%d", i), Parent: model.GroupAll}}, admin))(t)
		}
		return s
	}
	value := func(s *Store, seq uint64) []byte {
		var v []byte
		_ = s.db.View(func(txn *badger.Txn) error {
			item, err := txn.Get(keyEntry(seq))
			if err == nil {
				v, err = item.ValueCopy(nil)
			}
			return err
		})
		return v
	}
	set := func(s *Store, key, v []byte) {
		if err := s.db.Update(func(txn *badger.Txn) error {
			if v == nil {
				return txn.Delete(key)
			}
			return txn.Set(key, v)
		}); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		tamper func(s *Store)
		broken uint64
	}{
		"untouched": {func(*Store) {}, 0},
		"flipped": {func(s *Store) {
			v := value(s, 4)
			i := bytes.Index(v, []byte("Added"))
			v[i] ^= 0x20
			set(s, keyEntry(4), v)
		}, 4},
		"removed": {func(s *Store) { set(s, keyEntry(5), nil) }, 5},
		"swapped": {func(s *Store) {
			a, b := value(s, 5), value(s, 6)
			set(s, keyEntry(5), b)
			set(s, keyEntry(6), a)
		}, 5},
		"cut off": {func(s *Store) { set(s, keyEntry(10), nil); set(s, keyEntry(9), nil) }, 9},
		"cut off with an old head": {func(s *Store) {
			set(s, keyEntry(10), nil)
			b, _ := encode(journalHead{Seq: 9, Hash: s.hashOf(t, 9), Signature: s.Sign(headMessage(9, s.hashOf(t, 9)))})
			set(s, keyMeta(metaHead), b)
		}, 10},
		"added": {func(s *Store) {
			b, _ := encode(model.Entry{Seq: 11, Prev: s.hashOf(t, 10)})
			set(s, keyEntry(11), b)
		}, 11},
	} {
		t.Run(name, func(t *testing.T) {
			s := build(t)
			tt.tamper(s)
			v := must1(s.VerifyJournal(context.Background(), nil))(t)
			if v.Broken != tt.broken || (v.Problem != "") != (tt.broken != 0) {
				t.Errorf("broken %d (%s), want %d", v.Broken, v.Problem, tt.broken)
			}
		})
	}
	t.Run("rewritten", func(t *testing.T) {
		s := build(t)
		// An attacker without the key rebuilds the whole chain and its head.
		_, forged, _ := newKeyPair()
		var prev []byte
		var h [32]byte
		for seq := uint64(1); seq <= 10; seq++ {
			var e model.Entry
			if err := decode(value(s, seq), &e); err != nil {
				t.Fatal(err)
			}
			e.Actor.Who, e.Prev = "mallory", prev
			b, _ := encode(e)
			set(s, keyEntry(seq), b)
			h = sum(b)
			prev = h[:]
		}
		b, _ := encode(journalHead{Seq: 10, Hash: prev, Signature: sign(forged, headMessage(10, prev))})
		set(s, keyMeta(metaHead), b)
		if v := must1(s.VerifyJournal(context.Background(), nil))(t); v.Problem == "" {
			t.Error("a rewritten chain was not noticed")
		}
	})
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		tamper func(txn *badger.Txn) error
		want   string
	}{
		"index":    {func(txn *badger.Txn) error { return txn.Delete(keyUpdateID("deb/Debian/bookworm/a/1")) }, "index entries"},
		"record":   {func(txn *badger.Txn) error { return txn.Set(keyUpdate(1), []byte{formatCBOR, 0xff}) }, "decoding"},
		"format":   {func(txn *badger.Txn) error { return txn.Set(keyUpdate(1), []byte{99, 0xa0}) }, "format 99"},
		"revision": {func(txn *badger.Txn) error { return txn.Delete(keyRevision(1, 1)) }, "revision 1"},
		"status": {func(txn *badger.Txn) error {
			return put(txn, keyStatus(1), model.Status{Computer: 1, Evaluated: 2, Needed: []uint32{2}})
		}, "recount"},
		"group":    {func(txn *badger.Txn) error { return txn.Delete(keyGroup(model.GroupAll)) }, "group tree"},
		"computer": {func(txn *badger.Txn) error { return txn.Delete(keyComputerID("web1")) }, "computers have"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTest(t)
			must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
			ready(t, s)
			computer(t, s, "web1", []uint32{1}, nil)
			if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
				t.Fatalf("before: %v", v.Problems)
			}
			if err := s.db.Update(tt.tamper); err != nil {
				t.Fatal(err)
			}
			v := must1(s.Verify(t.Context(), nil))(t)
			if !strings.Contains(strings.Join(v.Problems, "\n"), tt.want) {
				t.Errorf("problems %v, want one about %q", v.Problems, tt.want)
			}
		})
	}
}

// TestInvalidUTF8DoesNotMakeAStoreUnreadable keeps what a broken computer or
// archive says from keeping the store closed.
func TestInvalidUTF8DoesNotMakeAStoreUnreadable(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	u := debian("a", "1")
	u.Title = "bad \xff title"
	must1(s.Import(t.Context(), []*model.Update{u}))(t)
	must1(s.Record(t.Context(), Report{Computer: model.Computer{ID: "x", Name: "host\xfe"}, Status: &model.Status{Evaluated: 1,
		Packages: []model.NeededPackage{{Package: "\xff", Reason: "\xc3\x28"}}}, Inventory: &model.Inventory{Arch: "\xff"}}))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir)
	defer s.Close()
	if v := must1(s.Verify(t.Context(), nil))(t); len(v.Problems) > 0 {
		t.Errorf("problems: %v", v.Problems)
	}
}
