package agents

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

func TestDecide(t *testing.T) {
	b := newBench(t)
	b.ready()
	n := b.offer("aa", "2", "bb", "2", "cc", "2", "lib", "1")
	m := b.machine("web-1", "aa", "1", "bb", "1", "cc", "1")
	m.needs("aa", "2", "bb", "2", "cc", "2")
	if ack := m.checkIn(); len(ack.Approved) != 0 {
		t.Fatalf("approved: %v", ack.Approved)
	}
	deadline := start.Add(time.Hour)
	b.approve(model.GroupAll, deadline, n[0])
	if ack := m.checkIn(); !slices.Equal(ack.Approved, []model.UpdateID{debianID("aa", "2")}) {
		t.Fatalf("approved: %v", ack.Approved)
	}
	d := m.decide()
	if !slices.Equal(d.Missing, []model.UpdateID{debianID("aa", "2")}) || len(d.Plan.Items) != 0 || d.Approved[0].Refused == "" {
		t.Fatalf("without a closure: %+v", d)
	}
	first := d.Plan.Number
	d = m.decide(closure("aa", "1", "2", model.PlanItem{Package: "lib", Arch: "amd64", To: "1", SHA256: []byte("forged")}))
	if len(d.Missing) != 0 || len(d.Plan.Items) != 2 {
		t.Fatalf("the plan: %+v", d.Plan)
	}
	if it := d.Plan.Items[0]; it.Spec() != "aa:amd64=2" || it.From != "1" || it.Reason != model.ItemApproved || it.Size != 1002 || !bytes.HasPrefix(it.SHA256, []byte("aa2")) {
		t.Errorf("the update's own package: %+v", it)
	}
	if it := d.Plan.Items[1]; it.Reason != model.ItemNew || it.Update != debianID("aa", "2") || !bytes.HasPrefix(it.SHA256, []byte("lib1")) {
		t.Errorf("the new package: %+v", it)
	}
	if p := d.Approved[0]; p.Group != model.GroupAll || !p.Deadline.Equal(deadline) || p.Number != n[0] || p.Title != "aa 2" || p.Refused != "" {
		t.Errorf("the approval: %+v", p)
	}
	if d.Plan.Number <= first || !d.Plan.Expires.Equal(start.Add(model.PlanLifetime)) || d.Plan.Computer != "web-1" || d.Policy.Mode != model.ModeScheduled {
		t.Errorf("the plan: %+v", d.Plan)
	}
	// What the agent decodes must verify, and nothing else.
	encoded, err := protocol.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	var received protocol.Decisions
	if err := protocol.Decode(encoded, &received); err != nil {
		t.Fatal(err)
	}
	if err := protocol.VerifyPlan(received.Plan, b.store.PublicKey()); err != nil {
		t.Error(err)
	}
	received.Plan.Items[0].To = "3"
	if protocol.VerifyPlan(received.Plan, b.store.PublicKey()) == nil {
		t.Error("a plan that was changed must not verify")
	}
	// The closure is kept: it need not be sent again while nothing changed.
	if d = m.decide(); len(d.Plan.Items) != 2 {
		t.Errorf("with the closure of before: %+v", d.Plan)
	}
	b.change(model.Change{Kind: model.ChangeDecline, Updates: n[:1]})
	if d = m.decide(); len(d.Approved)+len(d.Plan.Items) != 0 {
		t.Errorf("declined: %+v", d)
	}
}

func TestDecideDoesNotTrustClosures(t *testing.T) {
	item := func(name, from, to string) model.PlanItem {
		return model.PlanItem{Package: name, Arch: "amd64", From: from, To: to}
	}
	for _, tc := range []struct {
		name    string
		closure model.Closure
		refused string
		waits   []model.UpdateID
	}{
		{name: "its own package", closure: closure("aa", "1", "2")},
		{name: "an upgrade of another update", closure: closure("aa", "1", "2", item("bb", "1", "2")), waits: []model.UpdateID{debianID("bb", "2")}},
		{name: "said to be new, but installed", closure: closure("aa", "1", "2", item("bb", "", "2")), waits: []model.UpdateID{debianID("bb", "2")}},
		{name: "a downgrade", closure: closure("aa", "1", "2", item("cc", "9", "2")), refused: "put cc back from 9 to 2"},
		{name: "not in the catalogue", closure: closure("aa", "1", "2", item("backdoor", "", "1")), refused: "no synchronized archive offers"},
		{name: "another version", closure: closure("aa", "1", "2", item("lib", "", "7")), refused: "no synchronized archive offers"},
		{name: "without its own package", closure: model.Closure{Update: debianID("aa", "2"), Items: []model.PlanItem{item("lib", "", "1")}}, refused: "none of its packages"},
		{name: "a removal", closure: model.Closure{Update: debianID("aa", "2"), Items: closure("aa", "1", "2").Items, Removes: []string{"editor"}}, refused: "remove editor"},
		{name: "apt cannot", closure: model.Closure{Update: debianID("aa", "2"), Error: "broken \x1b[1mpackages"}, refused: "broken packages"},
		{name: "hostile", closure: closure("aa", "1", "2", item("lib;reboot", "", "1")), refused: "grammar"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.ready()
			n := b.offer("aa", "2", "bb", "2", "cc", "2", "lib", "1")
			m := b.machine("web-1", "aa", "1", "bb", "1", "cc", "9")
			m.needs("aa", "2", "bb", "2")
			m.checkIn()
			b.approve(model.GroupAll, time.Time{}, n[0])
			d := m.decide(tc.closure)
			p := d.Plan.Updates[0]
			if (tc.refused == "") != (p.Refused == "") || !strings.Contains(p.Refused, tc.refused) || !slices.Equal(p.WaitsFor, tc.waits) {
				t.Errorf("refused %q, waits for %v", p.Refused, p.WaitsFor)
			}
			if ok := tc.refused == "" && tc.waits == nil; ok != (len(d.Plan.Items) > 0) {
				t.Errorf("items: %+v", d.Plan.Items)
			}
			if tc.waits == nil {
				return
			}
			b.approve(model.GroupAll, time.Time{}, n[1])
			d = m.decide(tc.closure, closure("bb", "1", "2"))
			if len(d.Plan.Items) != 2 || d.Plan.Items[1].Update != debianID("bb", "2") {
				t.Errorf("with both approved: %+v", d.Plan)
			}
		})
	}
}

func TestDecideAtTheGate(t *testing.T) {
	b := newBench(t)
	b.ready()
	n := b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1")
	m.needs("aa", "2")
	m.checkIn()
	b.approve(model.GroupAll, time.Time{}, n[0])
	if d := m.decide(closure("aa", "1", "2")); len(d.Plan.Items) != 1 {
		t.Fatalf("the plan: %+v", d.Plan)
	}
	// The wizard's run is taken back: the essential configuration is incomplete.
	if _, err := b.store.Undo(t.Context(), 2, admin, ""); err != nil {
		t.Fatal(err)
	}
	d := m.decide()
	if len(d.Approved)+len(d.Plan.Items) != 0 || !strings.Contains(d.Plan.Updates[0].Refused, model.SetupIncomplete) {
		t.Errorf("before the setup is complete: %+v", d)
	}
	if err := protocol.VerifyPlan(d.Plan, b.store.PublicKey()); err != nil {
		t.Error(err)
	}
	b.pass(time.Hour)
	if ack := m.checkIn(); len(ack.Approved) != 0 || !m.status().Reported.Equal(start.Add(time.Hour)) {
		t.Error("facts are recorded always, and nothing is approved")
	}
}

func TestDecideSkipsWhatIsWithdrawn(t *testing.T) {
	b := newBench(t)
	b.ready()
	n := b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1")
	m.needs("aa", "2")
	m.checkIn()
	b.approve(model.GroupAll, time.Time{}, n[0])
	if _, err := b.store.Withdraw(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	d := m.decide(closure("aa", "1", "2"))
	if len(d.Plan.Items) != 0 || !strings.Contains(d.Approved[0].Refused, "withdrawn") {
		t.Errorf("withdrawn: %+v", d)
	}
}
