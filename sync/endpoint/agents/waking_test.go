package agents

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent"
	"fettle/sync/agent/protocol"
)

var _ agent.Caller = (*Server)(nil)

// call is a computer that waits.
type call struct {
	t      testing.TB
	m      *machine
	number uint32
	answer chan protocol.Awaited
	cancel context.CancelFunc
}

// await has a computer wait and returns when it does.
func (m *machine) await(mark []byte) *call {
	m.Helper()
	ctx, cancel := context.WithCancel(m.Context())
	c := &call{t: m.TB, m: m, number: m.computer().Number, answer: make(chan protocol.Awaited, 1), cancel: cancel}
	ended := make(chan struct{})
	k := &m.endpoint.waking
	k.mu.Lock()
	before := k.joined
	k.mu.Unlock()
	m.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		a, err := m.server.Await(ctx, protocol.AwaitRequest{Version: protocol.Version, Computer: m.server.id, Mark: mark})
		if err == nil {
			c.answer <- a
		}
	}()
	m.until(func() bool { return k.joined > before }) // it waits, or was answered at once
	return c
}

// until waits for something that waking knows to become true.
func (b *bench) until(what func() bool) {
	k := &b.endpoint.waking
	k.mu.Lock()
	defer k.mu.Unlock()
	if b.cond == nil {
		b.cond = sync.NewCond(&k.mu)
		k.idle = b.cond.Broadcast
	}
	for !what() {
		b.cond.Wait()
	}
}

// settle returns when everything that was decided was looked at.
func (b *bench) settle() {
	head, _ := b.store.Snapshot().Journal()
	k := &b.endpoint.waking
	b.until(func() bool { return k.round == nil || k.round.head >= head && k.round.given == k.round.asked })
}

func (c *call) want(reason string) {
	c.t.Helper()
	if a := <-c.answer; !a.CheckIn || !strings.Contains(a.Reason, reason) {
		c.t.Errorf("%+v, want %q", a, reason)
	}
}

// quiet looks after everything that was decided so far: it still waits, and no
// answer is on its way.
func (c *call) quiet() {
	c.t.Helper()
	c.m.settle()
	c.m.endpoint.waking.mu.Lock()
	defer c.m.endpoint.waking.mu.Unlock()
	if list := c.m.endpoint.waking.waiting[c.number]; len(list) != 1 || len(list[0].told) != 0 {
		c.t.Errorf("computer %d was called", c.number)
	}
}

// fleet is two computers that need aa and bb; each of them also its own package.
func fleet(t testing.TB) (b *bench, n []uint32, web, db *machine) {
	b = newBench(t)
	b.ready()
	n = b.offer("aa", "2", "bb", "2", "web", "2", "db", "2")
	web, db = b.machine("web-1", "aa", "1", "bb", "1", "web", "1"), b.machine("db-1", "aa", "1", "bb", "1", "db", "1")
	web.needs("aa", "2", "bb", "2", "web", "2")
	db.needs("aa", "2", "bb", "2", "db", "2")
	web.checkIn()
	db.checkIn()
	return b, n, web, db
}

func TestAComputerIsCalledForWhatConcernsIt(t *testing.T) {
	b, n, web, db := fleet(t)
	b.change(model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Web", Parent: model.GroupAll}})
	group := b.store.Snapshot().Groups().ByName("Web").ID
	b.change(model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: group}, Computers: []uint32{web.computer().Number}})
	approve := func(u uint32, g model.GroupID, action model.Action) model.Change {
		return model.Change{Kind: model.ChangeApprove, Updates: []uint32{u}, Groups: []model.GroupAction{{Group: g, Action: action}}}
	}
	disabled := model.Policy{Mode: model.ModeDisabled}
	for _, step := range []struct {
		name    string
		change  model.Change
		web, db bool
	}{
		{"an approval for a group", approve(n[0], group, model.ActionInstall), true, false},
		{"an approval of what only one needs", approve(n[3], model.GroupAll, model.ActionInstall), false, true},
		{"an approval for all", approve(n[1], model.GroupAll, model.ActionInstall), true, true},
		{"the same again", approve(n[1], model.GroupAll, model.ActionInstall), false, false},
		{"an override", approve(n[1], group, model.ActionNotApproved), true, false},
		{"a decline", model.Change{Kind: model.ChangeDecline, Updates: []uint32{n[3]}}, false, true},
		{"a decline of what nobody is to install", model.Change{Kind: model.ChangeDecline, Updates: []uint32{n[2]}}, false, false},
		{"a decline taken back", model.Change{Kind: model.ChangeUndecline, Updates: []uint32{n[3]}}, false, true},
		{"reinstated", model.Change{Kind: model.ChangeReinstate, Updates: []uint32{n[2]}}, false, false},
		{"a policy", model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: group, Policy: disabled}}, true, false},
		{"a rule", model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "r", Enabled: true, Groups: []model.GroupID{model.GroupAll}}}, false, false},
		{"a membership", model.Change{Kind: model.ChangeLeave, Group: &model.Group{ID: group}, Computers: []uint32{web.computer().Number}}, true, false},
		{"removed", model.Change{Kind: model.ChangeRemove, Computers: []uint32{db.computer().Number}}, false, true},
	} {
		w, d := web.await(nil), db.await(nil)
		b.change(step.change)
		for _, x := range []struct {
			call *call
			want bool
		}{{w, step.web}, {d, step.db}} {
			if x.want {
				x.call.want("")
			}
		}
		if !step.web {
			w.quiet()
		}
		if !step.db {
			d.quiet()
		}
		w.cancel()
		d.cancel()
		b.until(func() bool { return b.endpoint.waking.count == 0 })
		if t.Failed() {
			t.Fatal(step.name)
		}
	}
}

func TestNothingIsMissedBetweenTwoCalls(t *testing.T) {
	b, n, web, _ := fleet(t)
	mark := web.decide().Mark
	if len(mark) != protocol.MarkSize {
		t.Fatalf("the mark %x", mark)
	}
	b.approve(model.GroupAll, time.Time{}, n[0]) // while it does not wait
	web.await(mark).want("since it last asked")
	d := web.decide()
	c := web.await(d.Mark)
	c.quiet()
	b.approve(model.GroupAll, start.Add(time.Hour), n[0])
	c.want("what is approved for it changed")
}

func TestItsOwnWorkDoesNotWakeAComputer(t *testing.T) {
	b, n, web, _ := fleet(t)
	b.approve(model.GroupAll, time.Time{}, n[0], n[1])
	web.report.Mark = web.decide().Mark
	web.install("aa", "2")
	web.needs("bb", "2", "web", "2")
	ack := web.checkIn()
	if len(ack.Mark) == 0 || string(ack.Mark) == string(web.report.Mark) {
		t.Fatalf("its mark was %x and is %x", web.report.Mark, ack.Mark)
	}
	c := web.await(ack.Mark)
	b.endpoint.Recheck()
	c.quiet()

	// What was decided meanwhile is not swallowed by the report.
	web.report.Mark = ack.Mark
	b.approve(model.GroupAll, time.Time{}, n[2])
	c.want("approved")
	web.install("bb", "2")
	web.needs("web", "2")
	if ack := web.checkIn(); len(ack.Mark) != 0 {
		t.Errorf("a new mark although the computer does not know of an approval: %x", ack.Mark)
	}
	web.await(web.report.Mark).want("since it last asked")

	// An approval that was taken away is not taken for work that was done.
	web.report.Mark = web.decide().Mark
	b.change(model.Change{Kind: model.ChangeDecline, Updates: []uint32{n[2]}})
	if ack := web.checkIn(); len(ack.Mark) != 0 {
		t.Errorf("a declined update counts as done: %x", ack.Mark)
	}
}

// A synchronization whose rule approves what is new wakes a computer only when
// its inventory, evaluated again, says that it needs that.
func TestAnEvaluationWakesWhomItConcerns(t *testing.T) {
	b, _, web, db := fleet(t)
	w, d := web.await(nil), db.await(nil)
	n := b.offer("web", "3")
	b.approve(model.GroupAll, time.Time{}, n...)
	w.quiet()
	b.reevaluate(2)
	w.want("approved")
	d.quiet()

	// It is needed no more because a newer one came: nothing to hurry for.
	w = web.await(nil)
	b.offer("web", "4")
	b.reevaluate(2)
	if a := <-w.answer; a.CheckIn || len(a.Mark) == 0 {
		t.Errorf("%+v", a)
	}

	// A withdrawn update is a fact without a journal entry.
	b.approve(model.GroupAll, time.Time{}, b.number(debianID("aa", "2")))
	d = db.await(nil)
	if _, err := b.store.Withdraw(t.Context(), []uint32{b.number(debianID("aa", "2"))}); err != nil {
		t.Fatal(err)
	}
	b.endpoint.Recheck()
	d.want("approved")
}

func TestAwaitIsRefused(t *testing.T) {
	b, _, web, _ := fleet(t)
	ask := func(s *Server, r protocol.AwaitRequest) error {
		_, err := s.Await(t.Context(), r)
		return err
	}
	if err := ask(web.server, protocol.AwaitRequest{Version: 9}); refusal(err) != "protocol" {
		t.Error(err)
	}
	if err := ask(b.endpoint.For("nobody", false), protocol.AwaitRequest{Version: protocol.Version}); refusal(err) != "unknown-computer" {
		t.Error(err)
	}
	if err := ask(b.endpoint.For("", false), protocol.AwaitRequest{Version: protocol.Version, Computer: "web-1"}); refusal(err) != "identity" {
		t.Error(err)
	}
	if b.endpoint.waking.count != 0 || b.endpoint.waking.round != nil {
		t.Error("somebody still waits")
	}
}

// However many computers wait, a commit that decides nothing costs none of them
// anything, and an approval only those who need its update.
func TestManyWait(t *testing.T) {
	const computers = 200
	b := newBench(t)
	b.ready()
	n := b.offer("aa", "2", "bb", "2")
	var all []*machine
	var calls []*call
	for i := range computers {
		m := b.machine(fmt.Sprintf("host-%d", i), "aa", "1", "bb", "1")
		m.needs("aa", "2")
		if i%10 == 0 {
			m.needs("aa", "2", "bb", "2")
		}
		m.checkIn()
		all = append(all, m)
	}
	for _, m := range all {
		calls = append(calls, m.await(nil))
	}
	for i := range 20 {
		if _, err := b.store.PutCategories(t.Context(), []model.Category{{ID: model.CategoryID(fmt.Sprint("c", i)), Title: "t"}}); err != nil {
			t.Fatal(err)
		}
	}
	b.change(model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "r", Groups: []model.GroupID{model.GroupAll}}})
	b.approve(model.GroupAll, time.Time{}, n[1])
	for i, c := range calls {
		if i%10 == 0 {
			c.want("approved")
		}
	}
	b.settle()
	b.endpoint.waking.mu.Lock()
	if looked := b.endpoint.waking.looked; looked != computers/10 {
		t.Errorf("%d duties were worked out for %d computers", looked, computers/10)
	}
	b.endpoint.waking.mu.Unlock()
	for i, c := range calls {
		if i%10 != 0 {
			c.quiet()
		}
	}
}
