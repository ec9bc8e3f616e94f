package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
)

// machine is a store under any sequence of events, with what the world told it
// kept aside: the properties compare the two after each step.
type machine struct {
	dir   string
	s     *Store
	now   time.Time
	world *reference // computers and updates as they were told; the rest is filled in by look
	ruled uint32     // the highest update that rules were run over
	steps int
}

// steps counts the steps of all machines of this process.
var steps atomic.Int64

// machineDir is a directory in memory where there is one: a step then costs a
// tenth of a millisecond.
func machineDir(t rapid.TB) string {
	t.Helper()
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "fettle-machine-")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// second is the person whose consent is needed when alice proposes.
var second = model.Actor{Who: "bob", From: model.FromConsole, Role: model.AccessAdministrator}

// newMachine makes a store whose setup is complete, with some groups in a tree.
func newMachine(rt *rapid.T) *machine {
	m := &machine{dir: machineDir(rt), now: testTime, world: &reference{computers: map[uint32]*told{}, updates: map[uint32]*model.Update{}, heldTo: map[uint32]uint64{}}}
	m.open(rt)
	ctx := context.Background()
	_, err := m.s.Make(ctx, model.Change{Kind: model.ChangeComputers, How: []string{"test"}}, admin)
	m.must(rt, err)
	_, err = m.s.Make(ctx, model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "d", Kind: model.UpstreamDebian, Location: "apt"}}, admin)
	m.must(rt, err)
	_, err = m.s.PutCategories(ctx, []model.Category{{ID: "p1", Title: "P1", Upstream: "d"}, {ID: "p2", Title: "P2", Upstream: "d"}})
	m.must(rt, err)
	for i := range rapid.IntRange(2, 4).Draw(rt, "groups") {
		m.addGroup(rt, fmt.Sprintf("G%d", i))
	}
	return m
}

func (m *machine) open(rt *rapid.T) {
	s, err := Open(Options{Dir: m.dir, Clock: func() time.Time { return m.now }})
	if err == nil {
		err = s.WaitLoaded(context.Background())
	}
	m.must(rt, err)
	m.s = s
}

func (m *machine) close() {
	_ = m.s.Close()
	_ = os.RemoveAll(m.dir)
}

func (m *machine) must(rt *rapid.T, err error) {
	rt.Helper()
	if err != nil {
		rt.Fatalf("unexpected: %v", err)
	}
}

// look fills the reference with the raw records of the moment.
func (m *machine) look() *reference {
	snap, r := m.s.Snapshot(), m.world
	r.groups, r.declined, r.hidden = map[model.GroupID]model.Group{}, map[uint32]bool{}, map[uint32]bool{}
	for _, g := range snap.allGroups() {
		r.groups[g.ID] = g
	}
	r.deployments = snap.deployments
	for it := snap.declined.Iterator(); it.HasNext(); {
		r.declined[it.Next()] = true
	}
	r.targeting = snap.Options().ClientTargeting
	classes := snap.Settings().Classes
	for n, u := range r.updates {
		r.hidden[n] = r.declined[n] || u.Removed || len(classes) > 0 && !slices.Contains(classes, u.Class)
	}
	r.inside, r.standing = map[model.GroupID]map[uint32]bool{}, nil
	return r
}

// The draws.

func (m *machine) updates(rt *rapid.T) []uint32 {
	last := m.s.Snapshot().LastUpdate()
	if last == 0 {
		rt.Skip("no update yet")
	}
	return sorted(rapid.SliceOfN(rapid.Uint32Range(1, last), 1, 4).Draw(rt, "updates"))
}

func (m *machine) some(rt *rapid.T) []uint32 {
	var all []uint32
	for _, c := range m.s.Snapshot().Computers() {
		all = append(all, c.Number)
	}
	if len(all) == 0 {
		rt.Skip("no computer yet")
	}
	return sorted(rapid.SliceOfN(rapid.SampledFrom(all), 1, 3).Draw(rt, "computers"))
}

func (m *machine) group(rt *rapid.T, made bool) model.GroupID {
	var ids []model.GroupID
	for _, id := range m.s.Snapshot().Groups().Order() {
		if !made || !m.s.Snapshot().Groups().Group(id).Predefined() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		rt.Skip("no group yet")
	}
	return rapid.SampledFrom(ids).Draw(rt, "group")
}

func (m *machine) deadline(rt *rapid.T) time.Time {
	return rapid.SampledFrom([]time.Time{{}, {}, testTime.Add(-time.Hour), testTime.Add(24 * time.Hour), testTime.Add(48 * time.Hour)}).Draw(rt, "deadline")
}

// The facts.

// pool is what upstreams may publish: two families of a Debian archive, and
// updates as Microsoft has them, with bundles and named supersedence.
func (m *machine) publish(rt *rapid.T) {
	name := rapid.SampledFrom([]string{"a/1", "a/2", "a/3", "b/1", "b/2", "m1", "m2", "m3", "m4", "m5", "m6", "m7"}).Draw(rt, "update")
	var u *model.Update
	if source, version, ok := strings.Cut(name, "/"); ok {
		u = debian(source, version)
		u.Debian.Suites = rapid.SampledFrom([][]string{{"bookworm"}, {"bookworm", "bookworm-security"}}).Draw(rt, "suites")
	} else {
		u = &model.Update{ID: model.UpdateID(name), Upstream: "m", Title: name, Released: testTime, Removable: rapid.Bool().Draw(rt, "removable"),
			Input: rapid.IntRange(0, 5).Draw(rt, "input") == 0, Applies: rapid.SampledFrom([][]byte{nil, {1}, {2}}).Draw(rt, "applies")}
		u.Supersedes = map[string][]model.UpdateID{"m2": {"m1"}, "m3": {"m2", "m1"}, "m4": {"later"}}[name]
		u.Bundles = map[string][]model.UpdateID{"m5": {"m6", "m7"}, "m7": {"m1"}}[name]
		u.Licence = rapid.SampledFrom([]string{"", "", "L1", "L2"}).Draw(rt, "licence")
		if rapid.IntRange(0, 6).Draw(rt, "expired") == 0 {
			u.Publication = model.Expired
		}
	}
	u.Class = rapid.SampledFrom([]model.Classification{model.ClassSecurity, model.ClassSecurity, model.ClassUpdate, model.ClassCritical}).Draw(rt, "class")
	u.Products = rapid.SampledFrom([][]model.CategoryID{{"p1"}, {"p2"}, {"p1", "p2"}}).Draw(rt, "products")
	before := m.s.Snapshot()
	res, err := m.s.Import(context.Background(), []*model.Update{u})
	m.must(rt, err)
	for _, n := range res.New {
		m.world.updates[n] = u
	}
	for _, n := range res.Revised {
		old := m.world.updates[n]
		last := uint64(0)
		for _, d := range before.deployments {
			last = max(last, d.ID)
		}
		newTerms := u.Licence != "" && u.Licence != old.Licence && !sameTerms(before.licences[n], u.Licence)
		if !old.Removed && (newTerms || before.Options().KeepRevisions) {
			m.world.heldTo[n] = last
		}
		m.world.updates[n] = u
	}
	// A removed update whose description did not change comes back too.
	if n := m.s.Snapshot().RowByID(u.ID).Number; m.world.updates[n].Removed {
		m.world.updates[n] = u
	}
}

func (m *machine) withdraw(rt *rapid.T) {
	_, err := m.s.Withdraw(context.Background(), m.updates(rt))
	m.must(rt, err)
	for n, u := range m.world.updates {
		if m.s.Snapshot().Row(n).Has(model.FlagWithdrawn) && u.Publication != model.Withdrawn {
			c := *u
			c.Publication = model.Withdrawn
			m.world.updates[n] = &c
		}
	}
}

func (m *machine) status(rt *rapid.T) *model.Status {
	st := &model.Status{Reported: m.now, Evaluated: uint32(rapid.IntRange(0, int(m.s.Snapshot().LastUpdate())).Draw(rt, "evaluated"))}
	for n := uint32(1); n <= st.Evaluated; n++ {
		lists := []*[]uint32{nil, &st.Needed, &st.Needed, &st.Downloaded, &st.Failed, &st.Pending, &st.Installed}
		if l := lists[rapid.IntRange(0, len(lists)-1).Draw(rt, "state")]; l != nil {
			*l = append(*l, n)
		}
	}
	return st
}

func (m *machine) report(rt *rapid.T) {
	i := rapid.IntRange(1, 6).Draw(rt, "computer")
	name := fmt.Sprintf("c%d", i)
	c := model.Computer{ID: model.ComputerID(name), Name: name, Platform: model.Platform(1 + i%2), Role: model.Role(i % 3), Contacted: m.now}
	if i == 6 {
		c.Admission = model.Waiting
	}
	c.Requested = rapid.SampledFrom([][]string{nil, {"G0"}, {"g1", "G2"}, {"G3", "nobody"}, {"Renamed"}}).Draw(rt, "asks for")
	r := Report{Computer: c}
	if rapid.IntRange(0, 4).Draw(rt, "with status") > 0 {
		r.Status, r.Computer.Reported = m.status(rt), m.now
	}
	n, err := m.s.Record(context.Background(), r)
	m.must(rt, err)
	t := m.world.computers[n]
	if t == nil {
		t = &told{}
		m.world.computers[n] = t
	}
	t.Computer = c
	if r.Status != nil {
		t.status = r.Status
	}
}

func (m *machine) evaluate(rt *rapid.T) {
	n := m.some(rt)[0]
	c := m.s.Snapshot().Computer(n)
	st := m.status(rt)
	st.Computer, st.Reported, st.Computed = n, c.Reported, m.now
	m.must(rt, m.s.RecordStatus(context.Background(), *st))
	m.world.computers[n].status = st
}

// The decisions.

// make makes a change, and takes it back again now and then. What is refused
// and what waits for consent must leave no trace, and what is taken back must
// leave the decisions as they were.
func (m *machine) make(rt *rapid.T, c model.Change, by model.Actor) (model.Entry, bool) {
	rt.Helper()
	ctx := context.Background()
	before := decisions(m.s.Snapshot())
	waiting := len(m.s.Snapshot().Proposals())
	e, err := m.s.Make(ctx, c, by)
	if !m.made(rt, err, before, waiting) {
		return e, false
	}
	if rapid.IntRange(0, 3).Draw(rt, "undo") > 0 {
		return e, true
	}
	after, waiting := decisions(m.s.Snapshot()), len(m.s.Snapshot().Proposals())
	_, err = m.s.Undo(ctx, e.Seq, by, "")
	if e.Inverse == nil {
		if r := (*model.Refusal)(nil); !errors.As(err, &r) || r.Code != "no-inverse" {
			rt.Fatalf("undo of %s, which has no inverse: %v", e.Summary, err)
		}
		return e, true
	}
	if !m.made(rt, err, after, waiting) {
		var w *model.AwaitingConsent
		if !errors.As(err, &w) {
			rt.Fatalf("undo of %s: %v", e.Summary, err)
		}
		_, err = m.s.Consent(ctx, w.Proposal.ID, second, "")
		m.must(rt, err)
	}
	if now := decisions(m.s.Snapshot()); now != before {
		rt.Fatalf("after %s and its undo:\n%s\nbefore:\n%s", e.Summary, now, before)
	}
	return e, true
}

// made judges the answer to a change: false when it was refused or waits.
func (m *machine) made(rt *rapid.T, err error, before string, waiting int) bool {
	rt.Helper()
	if err == nil {
		return true
	}
	var r *model.Refusal
	var w *model.AwaitingConsent
	proposals := len(m.s.Snapshot().Proposals())
	switch {
	case errors.As(err, &w):
		if proposals != waiting+1 {
			rt.Fatalf("%d proposals after one more than %d", proposals, waiting)
		}
	case errors.As(err, &r) || errors.Is(err, ErrNotFound):
		if proposals != waiting {
			rt.Fatalf("a refused change left a proposal: %v", err)
		}
	default:
		rt.Fatalf("unexpected: %v", err)
	}
	if now := decisions(m.s.Snapshot()); now != before {
		rt.Fatalf("%v, but decisions changed:\n%s\nbefore:\n%s", err, now, before)
	}
	return false
}

func (m *machine) approve(rt *rapid.T) {
	c := model.Change{Kind: model.ChangeApprove, Updates: m.updates(rt)}
	for range rapid.IntRange(1, 3).Draw(rt, "groups") {
		g := m.group(rt, false)
		if !slices.ContainsFunc(c.Groups, func(a model.GroupAction) bool { return a.Group == g }) {
			c.Groups = append(c.Groups, model.GroupAction{Group: g, Deadline: m.deadline(rt),
				Action: rapid.SampledFrom([]model.Action{model.ActionInstall, model.ActionInstall, model.ActionUninstall, model.ActionNotApproved, model.ActionInherit}).Draw(rt, "action")})
		}
	}
	if e, ok := m.make(rt, c, admin); ok && !m.s.Snapshot().Deployment(e.Result).Undone {
		// What was asked for is what each group says now.
		for _, u := range c.Updates {
			for _, ga := range c.Groups {
				a, ok := m.s.Snapshot().Approval(u, ga.Group)
				if ok != (ga.Action != model.ActionInherit) || ok && (a.Action != ga.Action || !a.Deadline.Equal(ga.Deadline) || a.Stale) {
					rt.Fatalf("asked for %+v of update %d, got %+v, %v", ga, u, a, ok)
				}
			}
		}
	}
}

func (m *machine) addGroup(rt *rapid.T, name string) {
	g := &model.Group{Name: name, Parent: model.GroupAll}
	if made := m.s.Snapshot().Groups().Order(); rapid.Bool().Draw(rt, "below another") {
		g.Parent = rapid.SampledFrom(made).Draw(rt, "parent")
	}
	g.Formula = m.formula(rt)
	m.make(rt, model.Change{Kind: model.ChangeGroupAdd, Group: g}, admin)
}

func (m *machine) formula(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "platform:linux", "name:c3", "role:server"}).Draw(rt, "formula")
}

func (m *machine) groups(rt *rapid.T) {
	kind := rapid.SampledFrom([]model.ChangeKind{model.ChangeGroupAdd, model.ChangeGroupMove, model.ChangeGroupRemove, model.ChangeGroupRename, model.ChangeFormula, model.ChangePolicy,
		model.ChangeJoin, model.ChangeJoin, model.ChangeLeave, model.ChangeExclude, model.ChangeExclude, model.ChangeInclude}).Draw(rt, "kind")
	if kind == model.ChangeGroupAdd {
		tree := m.s.Snapshot().Groups()
		for i := range 5 {
			if name := fmt.Sprintf("G%d", i); tree.ByName(name) == nil {
				m.addGroup(rt, name)
				return
			}
		}
		rt.Skip("enough groups")
	}
	c := model.Change{Kind: kind, Group: &model.Group{ID: m.group(rt, kind != model.ChangePolicy)}}
	switch kind {
	case model.ChangeGroupMove:
		c.Group.Parent = m.group(rt, false)
	case model.ChangeGroupRename:
		c.Group.Name = rapid.SampledFrom([]string{"Renamed", "G0", "G1", "G2"}).Draw(rt, "name")
	case model.ChangeFormula:
		c.Group.Formula = m.formula(rt)
	case model.ChangePolicy:
		c.Group.Policy = model.Policy{Mode: model.Mode(rapid.IntRange(0, 4).Draw(rt, "mode")), Restart: model.RestartRule(rapid.IntRange(0, 2).Draw(rt, "restart")), Install: &model.WeekTime{Minute: 60}}
	case model.ChangeJoin, model.ChangeLeave, model.ChangeExclude, model.ChangeInclude:
		c.Computers = m.some(rt)
	}
	m.make(rt, c, admin)
}

// byUpdates are the changes that name updates and nothing else.
func (m *machine) byUpdates(rt *rapid.T) {
	kind := rapid.SampledFrom([]model.ChangeKind{model.ChangeDecline, model.ChangeDecline, model.ChangeReinstate, model.ChangeReinstate, model.ChangeUndecline, model.ChangeLicence, model.ChangeLicence,
		model.ChangeLicenceEnd, model.ChangeSeen, model.ChangeUnseen, model.ChangeForget, model.ChangeRevisions, model.ChangePostpone, model.ChangeResume}).Draw(rt, "kind")
	by := admin
	if kind == model.ChangeDecline && rapid.IntRange(0, 3).Draw(rt, "by the server") == 0 {
		by = model.Actor{Who: "fettle", From: model.FromServer, Role: model.AccessAdministrator} // what expired
	}
	c := model.Change{Kind: kind, Updates: m.updates(rt)}
	if kind == model.ChangePostpone {
		c.Until = m.s.now().AddDate(0, 0, rapid.IntRange(1, 30).Draw(rt, "days"))
	}
	parts := map[uint32]bool{}
	if kind == model.ChangeDecline || kind == model.ChangeReinstate {
		for _, n := range c.Updates {
			m.bundled(n, parts)
		}
	}
	e, ok := m.make(rt, c, by)
	m.sweepWorld()
	if head, _ := m.s.Snapshot().Journal(); !ok || head != e.Seq {
		return // refused, waits or was taken back
	}
	for n := range parts { // what happens to a bundle happens to its parts (docs/rules.md)
		if m.s.Snapshot().declined.Contains(n) != (kind == model.ChangeDecline) && !m.world.updates[n].Removed {
			rt.Fatalf("after %s of %v its part %d is declined: %v", kind, c.Updates, n, kind != model.ChangeDecline)
		}
	}
}

// bundled adds an update and what it consists of.
func (m *machine) bundled(n uint32, to map[uint32]bool) {
	if u := m.world.updates[n]; !to[n] && !u.Removed {
		to[n] = true
		for o, p := range m.world.updates {
			if slices.Contains(u.Bundles, p.ID) {
				m.bundled(o, to)
			}
		}
	}
}

// cleanup does what the jobs of cleanup find. Parts of it cannot be taken back.
func (m *machine) cleanup(rt *rapid.T) {
	var jobs []model.CleanupJob
	for _, j := range model.CleanupJobs() {
		if rapid.Bool().Draw(rt, string(j.Job)) {
			jobs = append(jobs, j.Job)
		}
	}
	before := m.s.Snapshot()
	items, err := m.s.Cleanup(context.Background(), jobs)
	m.must(rt, err)
	c, some := CleanupChange(items)
	if !some {
		return
	}
	waiting := len(before.Proposals())
	_, err = m.s.Make(context.Background(), c, admin)
	if m.made(rt, err, decisions(before), waiting) {
		for _, it := range items {
			after := m.s.Snapshot()
			switch {
			case it.Update != 0 && it.Saved && (it.Job == model.CleanupSuperseded || it.Job == model.CleanupExpired) && after.declined.Contains(it.Update) && !before.declined.Contains(it.Update) && !m.candidate(items, it.Update):
				rt.Fatalf("update %d was declined, although %s", it.Update, it.Reason)
			case it.Update != 0 && !it.Saved && it.Job != model.CleanupRevisions && !after.declined.Contains(it.Update):
				rt.Fatalf("update %d was not declined, although %s", it.Update, it.Reason)
			case it.Computer != 0 && it.Saved == (after.Computer(it.Computer) == nil):
				rt.Fatalf("computer %d is there: %v, although %s", it.Computer, after.Computer(it.Computer) != nil, it.Reason)
			}
		}
		m.sweepWorld()
		m.sweepComputers()
	}
}

// candidate says whether an update is a candidate, of whichever job, or part
// of one.
func (m *machine) candidate(items []model.CleanupItem, n uint32) bool {
	parts := map[uint32]bool{}
	for _, it := range items {
		if it.Update == n && !it.Saved {
			return true
		}
		if it.Update != 0 && !it.Saved {
			m.bundled(it.Update, parts)
		}
	}
	return parts[n]
}

// sweepWorld forgets what cleanup removed.
func (m *machine) sweepWorld() {
	snap := m.s.Snapshot()
	for n, u := range m.world.updates {
		if r := snap.Row(n); r.Has(model.FlagRemoved) && !u.Removed {
			c := *u
			c.Removed = true
			m.world.updates[n] = &c
			delete(m.world.heldTo, n)
		}
	}
}

func (m *machine) remove(rt *rapid.T) {
	n := m.some(rt)
	if _, ok := m.make(rt, model.Change{Kind: model.ChangeRemove, Computers: n}, admin); ok {
		m.sweepComputers()
	}
}

func (m *machine) sweepComputers() {
	for n := range m.world.computers {
		if m.s.Snapshot().Computer(n) == nil {
			delete(m.world.computers, n)
		}
	}
}

func (m *machine) rules(rt *rapid.T) {
	snap := m.s.Snapshot()
	rules := snap.Rules()
	kind := rapid.SampledFrom([]model.ChangeKind{model.ChangeRuleAdd, model.ChangeRuleSet, model.ChangeRuleSet, model.ChangeRuleRemove}).Draw(rt, "kind")
	if len(rules) == 0 {
		kind = model.ChangeRuleAdd
	}
	r := model.Rule{Name: fmt.Sprintf("R%d", rapid.IntRange(0, 2).Draw(rt, "rule")), Enabled: rapid.IntRange(0, 4).Draw(rt, "enabled") > 0}
	if kind != model.ChangeRuleAdd {
		r = rapid.SampledFrom(rules).Draw(rt, "which")
	}
	if kind != model.ChangeRuleRemove {
		r.Classes = rapid.SampledFrom([][]model.Classification{nil, {model.ClassSecurity}, {model.ClassSecurity, model.ClassCritical}}).Draw(rt, "classes")
		r.Products = rapid.SampledFrom([]string{"", "", "product:P1"}).Draw(rt, "products")
		r.Groups = nil
		for range rapid.IntRange(1, 2).Draw(rt, "groups") {
			r.Groups = append(r.Groups, m.group(rt, false))
		}
		r.Deadline = rapid.SampledFrom([]*model.RuleDeadline{nil, nil, {Days: 0, Minute: 180}, {Days: 7, Minute: 180}}).Draw(rt, "deadline")
	}
	marked := snap.ruling
	if _, ok := m.make(rt, model.Change{Kind: kind, Automatic: &r}, admin); (ok || !marked) && !marked && m.s.Snapshot().ruling {
		m.ruled = snap.LastUpdate() // what was here before the first rule is not new to it
	}
}

// run runs all rules as after a synchronization, and compares what they approved
// with the reference, pair by pair.
func (m *machine) run(rt *rapid.T) {
	snap, r := m.s.Snapshot(), m.look()
	withheld := rapid.IntRange(0, 5).Draw(rt, "withheld") == 0
	want := map[spot]time.Time{}
	expected := *r
	var fresh []uint32
	for n := m.ruled + 1; n <= snap.LastUpdate(); n++ {
		if !withheld || m.world.updates[n].Upstream != "m" {
			fresh = append(fresh, n)
		}
	}
	if snap.Options().Replica == "" {
		for _, rule := range snap.Rules() {
			if !rule.Enabled {
				continue
			}
			got := expected.ruled(rule, fresh, m.now, m.licensed(snap))
			for sp, deadline := range got {
				want[sp] = deadline
				expected.deployments = append(expected.deployments[:len(expected.deployments):len(expected.deployments)], &model.Deployment{
					ID: 1<<40 + uint64(len(expected.deployments)), RuleID: rule.ID, Updates: []uint32{sp.update}, Groups: []model.GroupAction{{Group: sp.group, Action: model.ActionInstall, Deadline: deadline}}})
			}
			expected.standing = nil
		}
	}
	_, err := m.s.RunRules(context.Background(), func(upstream string) bool { return withheld && upstream == "m" }, model.Actor{Who: "schedule", From: model.FromServer, Role: model.AccessAdministrator})
	m.must(rt, err)
	m.ruled = max(m.ruled, snap.LastUpdate())
	m.compareRun(rt, snap, want)
}

// runByHand runs one rule over the whole catalogue.
func (m *machine) runByHand(rt *rapid.T) {
	snap := m.s.Snapshot()
	if len(snap.Rules()) == 0 {
		rt.Skip("no rule yet")
	}
	rule := rapid.SampledFrom(snap.Rules()).Draw(rt, "rule")
	var all []uint32
	for n := uint32(1); n <= snap.LastUpdate(); n++ {
		all = append(all, n)
	}
	want := m.look().ruled(rule, all, m.now, m.licensed(snap))
	run := snap.RunOf(rule, nil, m.now)
	pairs := map[spot]time.Time{}
	for _, p := range run.Parts {
		for _, u := range p.Updates {
			for _, g := range p.Groups {
				pairs[spot{u, g}] = run.Deadline
			}
		}
	}
	if !samePairs(pairs, want) {
		rt.Fatalf("a run of %+v would approve %v, should %v", rule, pairs, want)
	}
	if _, ok := m.make(rt, RunChange(run), admin); ok && !m.s.Snapshot().deployments[len(m.s.Snapshot().deployments)-1].Undone {
		m.compareRun(rt, snap, want)
	}
}

func (m *machine) licensed(snap *Snapshot) func(*model.Update) bool {
	return func(u *model.Update) bool {
		return u.Licence == "" || sameTerms(snap.licences[snap.RowByID(u.ID).Number], u.Licence)
	}
}

func samePairs(a, b map[spot]time.Time) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || !v.Equal(w) {
			return false
		}
	}
	return true
}

// compareRun compares the deployments that rules made since a snapshot.
func (m *machine) compareRun(rt *rapid.T, before *Snapshot, want map[spot]time.Time) {
	after := m.s.Snapshot()
	got := map[spot]time.Time{}
	for _, d := range after.deployments[len(before.deployments):] {
		if d.RuleID == 0 {
			rt.Fatalf("a run of rules made %+v, which names no rule", d)
		}
		for _, u := range d.Updates {
			for _, ga := range d.Groups {
				sp := spot{u, ga.Group}
				if _, twice := got[sp]; twice && !ga.Deadline.Before(got[sp]) && !got[sp].IsZero() {
					rt.Fatalf("%v was approved twice in one run", sp)
				}
				for _, o := range before.deployments {
					if !o.Undone && o.RuleID == d.RuleID && slices.Contains(o.Updates, u) && slices.ContainsFunc(o.Groups, func(a model.GroupAction) bool { return a.Group == ga.Group }) {
						rt.Fatalf("rule %d approved %v twice: deployments %d and %d", d.RuleID, sp, o.ID, d.ID)
					}
				}
				if a, ok := before.Approval(u, ga.Group); ok && before.Deployment(a.Deployment).RuleID == 0 {
					rt.Fatalf("a rule overrode a person's %+v", a)
				}
				if before.declined.Contains(u) {
					rt.Fatalf("a rule approved update %d, which is declined", u)
				}
				got[sp] = ga.Deadline
			}
		}
	}
	if !samePairs(got, want) {
		rt.Fatalf("rules approved %v, should have approved %v", got, want)
	}
}

func (m *machine) options(rt *rapid.T) {
	o := m.s.Snapshot().Options()
	switch rapid.SampledFrom([]string{"revisions", "expired", "targeting", "consent all", "consent removals", "consent rules"}).Draw(rt, "option") {
	case "revisions":
		o.KeepRevisions = !o.KeepRevisions
	case "expired":
		o.KeepExpired = !o.KeepExpired
	case "targeting":
		o.ClientTargeting = !o.ClientTargeting
	case "consent all":
		o.Consent.AllComputers = !o.Consent.AllComputers
	case "consent removals":
		o.Consent.Removals = !o.Consent.Removals
	case "consent rules":
		o.Consent.Rules = !o.Consent.Rules
	}
	m.make(rt, model.Change{Kind: model.ChangeOptions, Options: &o}, admin)
}

// answer consents to a proposal, or rejects it.
func (m *machine) answer(rt *rapid.T) {
	p := m.s.Snapshot().Proposals()
	if len(p) == 0 {
		rt.Skip("nothing waits")
	}
	id := rapid.SampledFrom(p).Draw(rt, "proposal").ID
	by := rapid.SampledFrom([]model.Actor{second, second, admin}).Draw(rt, "by")
	snap, before := m.s.Snapshot(), decisions(m.s.Snapshot())
	if rapid.IntRange(0, 3).Draw(rt, "reject") == 0 {
		_, err := m.s.Reject(context.Background(), id, by, "no")
		m.must(rt, err)
		if decisions(m.s.Snapshot()) != before {
			rt.Fatal("rejecting a proposal changed decisions")
		}
		return
	}
	e, err := m.s.Consent(context.Background(), id, by, "yes")
	if m.made(rt, err, before, len(p)) {
		if e.Consent == nil || e.Consent.Who == e.Actor.Who {
			rt.Fatalf("one person alone made %s", e.Summary)
		}
		if !snap.ruling && m.s.Snapshot().ruling {
			m.ruled = snap.LastUpdate()
		}
		m.sweepWorld()
		m.sweepComputers()
	}
}

func (m *machine) undo(rt *rapid.T) {
	head, _ := m.s.Snapshot().Journal()
	snap, before, waiting := m.s.Snapshot(), decisions(m.s.Snapshot()), len(m.s.Snapshot().Proposals())
	seq := uint64(0)
	if rapid.Bool().Draw(rt, "by number") {
		if head < 3 {
			rt.Skip("nothing to take back")
		}
		seq = uint64(rapid.IntRange(3, int(head)).Draw(rt, "entry"))
	} else if e, err := m.s.Undoable(0); err != nil || e.Seq < 3 {
		rt.Skip("nothing to take back but the setup")
	}
	_, err := m.s.Undo(context.Background(), seq, admin, "")
	m.made(rt, err, before, waiting)
	if !snap.ruling && m.s.Snapshot().ruling {
		m.ruled = snap.LastUpdate()
	}
	m.sweepWorld()
	m.sweepComputers()
}

func (m *machine) settings(rt *rapid.T) {
	set := model.Settings{Classes: rapid.SampledFrom([][]model.Classification{nil, nil, {model.ClassSecurity}, {model.ClassSecurity, model.ClassUpdate}}).Draw(rt, "classes")}
	m.make(rt, model.Change{Kind: model.ChangeSettings, Settings: &set}, admin)
}

func (m *machine) reopen(rt *rapid.T) {
	if rapid.IntRange(0, 3).Draw(rt, "reopen") > 0 {
		m.now = m.now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 24, 24 * 31, 24 * 100}).Draw(rt, "hours")) * time.Hour)
		return
	}
	before := decisions(m.s.Snapshot())
	m.must(rt, m.s.Close())
	m.open(rt)
	if after := decisions(m.s.Snapshot()); after != before {
		rt.Fatalf("after opening again:\n%s\nbefore:\n%s", after, before)
	}
}

// actions are the events; the frequent ones stand several times.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"publish": m.publish, "publish more": m.publish, "withdraw": m.withdraw,
		"report": m.report, "report more": m.report, "evaluate": m.evaluate,
		"approve": m.approve, "approve more": m.approve, "groups": m.groups, "groups more": m.groups,
		"updates": m.byUpdates, "rules": m.rules, "run": m.run, "run by hand": m.runByHand,
		"options": m.options, "answer": m.answer, "undo": m.undo, "settings": m.settings, "cleanup": m.cleanup, "remove": m.remove, "reopen": m.reopen,
	}
}

// decisions is everything that administrators decided, as text.
func decisions(s *Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v %+v %v\n", s.Settings(), s.Options(), s.declined.ToArray())
	for _, u := range s.Upstreams() {
		fmt.Fprintln(&b, u.Name, u.Kind, u.Location)
	}
	for _, r := range s.Rules() {
		fmt.Fprintf(&b, "rule %d %s %v %v %q %v", r.ID, r.Name, r.Enabled, r.Classes, r.Products, r.Groups)
		if r.Deadline != nil {
			fmt.Fprint(&b, " ", *r.Deadline)
		}
		fmt.Fprintln(&b)
	}
	for _, a := range s.Alarms() {
		fmt.Fprintln(&b, "alarm", a.Update, a.Seen, a.Held)
	}
	order := s.Groups().Order()
	for n := uint32(1); n <= s.LastUpdate(); n++ {
		if !s.Licensed(n) {
			fmt.Fprintln(&b, "unlicensed", n)
		}
		if p, ok := s.Postponement(n); ok {
			fmt.Fprintf(&b, "postponed %+v\n", p)
		}
		for _, g := range order {
			if a, ok := s.Approval(n, g); ok {
				fmt.Fprintln(&b, n, g, a.Action, a.Deadline.Unix(), a.Deployment, a.Stale)
			}
		}
	}
	for _, id := range order {
		g := s.Groups().Group(id)
		fmt.Fprint(&b, g.ID, " ", g.Name, " ", g.Parent, " ", g.Formula, g.Members, g.Excluded, s.Members(id).ToArray(), g.Policy.Mode, g.Policy.Restart)
		if g.Policy.Install != nil {
			fmt.Fprint(&b, *g.Policy.Install)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func sorted(n []uint32) []uint32 {
	slices.Sort(n)
	return slices.Compact(n)
}

// play runs the machine and checks after each step.
func play(t *testing.T, check func(*rapid.T, *machine), end func(*rapid.T, *machine)) {
	before := steps.Load()
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(rt)
		defer m.close()
		actions := m.actions()
		actions[""] = func(rt *rapid.T) {
			steps.Add(1)
			m.steps++
			check(rt, m)
		}
		rt.Repeat(actions)
		if end != nil {
			end(rt, m)
		}
	})
	t.Logf("%d steps", steps.Load()-before)
}
