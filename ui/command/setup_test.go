package command

import (
	"strings"
	"testing"

	"fettle/model"
)

// Rules run over an initial synchronization only on consent, with the numbers
// shown (design 6), and never twice.
func TestRulesOverTheInitialSynchronization(t *testing.T) {
	s := &story{t: t, work: t.TempDir()}
	s.dir = s.work
	if err := s.populate(); err != nil {
		t.Fatal(err)
	}
	if err := s.hold(); err != nil {
		t.Fatal(err)
	}
	defer s.release()
	st := s.held.store
	by := model.Actor{Who: "ann", From: model.FromCommand, Role: model.AccessAdministrator}
	over := func(initial, consented bool, answers string) string {
		a, _, errs := session(answers)
		a.s.Actor, a.s.Ask = by, answers != ""
		if err := a.rulesOverInitial(t.Context(), s.held, []*model.SyncRun{{ID: 1, Initial: initial, New: []uint32{1, 2}}}, consented); err != nil {
			t.Fatal(err)
		}
		return errs.String()
	}
	if said := over(true, true, ""); said != "" {
		t.Errorf("without rules it says %q", said)
	}
	if _, err := st.Make(t.Context(), model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "All of it", Enabled: true, Groups: []model.GroupID{model.GroupAll}}}, by); err != nil {
		t.Fatal(err)
	}
	if said := over(false, true, ""); said != "" {
		t.Errorf("over an incremental synchronization it says %q", said)
	}
	for _, answers := range []string{"", "n\n", "\n"} {
		said := over(true, false, answers)
		if !strings.Contains(said, "it would approve 2 updates (security: 1, update: 1)") || !strings.Contains(said, "fettle rule run 'All of it'") || !strings.Contains(said, "All Computers: Install, 2 computers") {
			t.Errorf("it says %q", said)
		}
		if n := len(st.Snapshot().Deployments()); n != 0 {
			t.Fatalf("%d deployments without consent", n)
		}
	}
	if said := over(true, false, "y\n"); !strings.Contains(said, "Journal entry") {
		t.Errorf("it says %q", said)
	}
	all := st.Snapshot().Deployments()
	if len(all) != 1 || len(all[0].Updates) != 2 || all[0].Rule != "All of it" {
		t.Fatalf("deployments: %+v", all)
	}
	if said := over(true, true, ""); !strings.Contains(said, "approve nothing") || len(st.Snapshot().Deployments()) != 1 {
		t.Errorf("run again, it says %q", said)
	}
}
