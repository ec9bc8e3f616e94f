package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// large makes a store with many updates and 50 groups.
func large(t testing.TB, dir string, updates int) (*Store, []model.GroupID) {
	s := openTest(t, dir)
	ready(t, s)
	batch := make([]*model.Update, updates)
	for i := range batch {
		batch[i] = &model.Update{ID: model.UpdateID(fmt.Sprintf("%08d", i)), Upstream: "microsoft", Title: fmt.Sprintf("Update %d", i), Class: model.ClassSecurity, Released: testTime}
	}
	must1(s.Import(t.Context(), batch))(t)
	var groups []model.GroupID
	for i := range 50 {
		groups = append(groups, addGroup(t, s, fmt.Sprintf("Group %d", i), model.GroupAll))
	}
	return s, groups
}

// valueSize gives the length of a record on the disk.
func valueSize(t testing.TB, s *Store, key []byte) (n int64) {
	t.Helper()
	if err := s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err == nil {
			n = item.ValueSize()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// A deployment of 100,000 updates to 50 groups is one record, one entry, one
// undo; so are a decline and a cleanup of as many (design 4).
func TestLargeChangesAreOneRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("imports 100,000 updates")
	}
	const n = 100_000
	dir := t.TempDir()
	s, groups := large(t, dir, n)
	defer func() { s.Close() }()
	// Every other number, shuffled: neither one run nor sorted.
	r := rand.New(rand.NewPCG(1, 2))
	all, some := make([]uint32, n), make([]uint32, 0, n)
	for i := range all {
		all[i] = uint32(i + 1)
		if r.IntN(2) == 0 {
			some = append(some, uint32(i+1))
		}
	}
	head, _ := s.Snapshot().Journal()
	timed := func(what string, f func() (model.Entry, error)) model.Entry {
		t.Helper()
		seq, start := s.Snapshot().Seq(), time.Now()
		e, err := f()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		head++
		if e.Seq != head || s.Snapshot().Seq() != seq+1 {
			t.Errorf("%s: entry %d, want %d; %d commits", what, e.Seq, head, s.Snapshot().Seq()-seq)
		}
		t.Logf("%s took %v; its entry has %d bytes", what, time.Since(start).Round(time.Millisecond), valueSize(t, s, keyEntry(e.Seq)))
		return e
	}
	make := func(c model.Change) func() (model.Entry, error) {
		return func() (model.Entry, error) { return s.Make(t.Context(), c, admin) }
	}
	undo := func() (model.Entry, error) { return s.Undo(t.Context(), 0, admin, "") }
	approved := func(want int) {
		t.Helper()
		got := 0
		for _, g := range groups {
			for _, u := range []uint32{1, n / 2, n} {
				if _, ok := s.Snapshot().Approval(u, g); ok {
					got++
				}
			}
		}
		if got != want {
			t.Errorf("%d approvals, want %d", got, want)
		}
	}
	deadline := approval(all, model.ActionInstall, groups...)
	for i := range deadline.Groups {
		deadline.Groups[i].Deadline = testTime.AddDate(0, 0, i)
	}
	timed("approving 100,000 updates for 50 groups", make(deadline))
	approved(150)
	timed("taking that back", undo)
	approved(0)
	timed("approving a random half", make(approval(some, model.ActionInstall, groups...)))
	timed("declining all", make(model.Change{Kind: model.ChangeDecline, Updates: all}))
	if len(s.Snapshot().Updates()) != n || s.Snapshot().declined.GetCardinality() != n {
		t.Error("not everything is declined")
	}
	timed("taking the decline back", undo)
	timed("declining a random half", make(model.Change{Kind: model.ChangeDecline, Updates: some}))
	timed("reinstating it", make(model.Change{Kind: model.ChangeReinstate, Updates: some}))
	s.Close()
	s = openTest(t, dir)
	if got := s.Snapshot().declined.GetCardinality(); got != 0 {
		t.Errorf("%d declined after opening again", got)
	}
	approved(0)
	verified(t, s)
}

func TestLongListsArePacked(t *testing.T) {
	numbers := make([]uint32, 100_000)
	for i := range numbers {
		numbers[i] = uint32(i) * 3
	}
	e := model.Entry{Change: model.Change{Kind: model.ChangeDecline, Updates: numbers}}
	b := must1(encode(e))(t)
	plain := must1(encMode.Marshal(e))(t)
	t.Logf("%d bytes of %d", len(b), len(plain))
	if b[0] != formatLists || len(b) > len(plain)/4 {
		t.Errorf("format %d, %d bytes of %d", b[0], len(b), len(plain))
	}
	var back model.Entry
	if err := decode(b, &back); err != nil || !same(e, back) {
		t.Errorf("decoding: %v", err)
	}
	if b := must1(encode(model.Entry{}))(t); b[0] != formatCBOR {
		t.Error("a short record was packed")
	}
	if len(e.Change.Updates) != len(numbers) {
		t.Error("encoding changed the value")
	}
}

func FuzzNumbers(f *testing.F) {
	f.Add([]byte{2, 2, 1})
	f.Add(packNumbers([]uint32{0, 1<<32 - 1, 7, 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := unpackNumbers(b)
		if err != nil {
			return
		}
		again, err := unpackNumbers(packNumbers(list))
		if err != nil || !slices.Equal(list, again) {
			t.Errorf("%v became %v, %v", list, again, err)
		}
	})
}

// A store of the first layout opens, and says from then on that it is of this one.
func TestFirstLayoutIsRead(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("a", terms("x"), supersedes("b")), vendor("b")}))(t)
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeDecline, Updates: []uint32{2}}, admin))(t)
	if err := s.db.Update(func(txn *badger.Txn) error { return put(txn, keyMeta(metaSchema), uint64(1)) }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openTest(t, dir)
	defer s.Close()
	var version uint64
	if err := s.db.View(func(txn *badger.Txn) error { return get(txn, keyMeta(metaSchema), &version) }); err != nil || version != schema {
		t.Errorf("the layout is %d, %v", version, err)
	}
	verified(t, s)
	// Rules look at nothing that was there before the first of them.
	addRule(t, s, model.Rule{Name: "All", Enabled: true, Groups: []model.GroupID{model.GroupAll}})
	must1(s.Import(t.Context(), []*model.Update{vendor("c")}))(t)
	if out := runRules(t, s); len(out) != 1 || out[0].Updates != 1 {
		t.Errorf("outcomes %+v", out)
	}
}

func BenchmarkRunOfRule(b *testing.B) {
	s, groups := large(b, b.TempDir(), 100_000)
	defer s.Close()
	r := model.Rule{ID: 1, Name: "R", Enabled: true, Classes: []model.Classification{model.ClassSecurity}, Products: "!title:beta", Groups: groups}
	for b.Loop() {
		if run := s.Snapshot().RunOf(r, nil, testTime); len(run.Updates) != 100_000 {
			b.Fatalf("%d updates", len(run.Updates))
		}
	}
}
