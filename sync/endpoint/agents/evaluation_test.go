package agents

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

func (b *bench) reevaluate(want int) {
	b.Helper()
	n, err := b.endpoint.Reevaluate(b.Context(), nil)
	if err != nil || n != want {
		b.Fatalf("%d statuses changed (%v), want %d", n, err, want)
	}
}

func TestReevaluateFollowsTheCatalogue(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2", "bb", "2", "cc", "2", "dd", "2", "kernel", "2")
	m := b.machine("web-1", "aa", "1", "bb", "1", "cc", "1", "dd", "2", "kernel", "2", "local", "1", "odd", "1")
	m.needs("aa", "2", "bb", "2", "cc", "2", "local", "9")
	m.report.Others = []model.NeededPackage{{Package: "odd", Arch: "amd64", Installed: "1", Candidate: "1", State: model.NeedBroken, Reason: "dpkg left it half-configured"}}
	m.report.Downloaded = []model.UpdateID{debianID("bb", "2")}
	m.report.Failures = []model.Failure{{Update: debianID("cc", "2"), Code: "apt-100"}}
	m.report.Pending, m.report.Restart = []string{"a new kernel"}, []model.UpdateID{debianID("kernel", "2")}
	m.report.Closures = []model.Closure{closure("aa", "1", "2"), closure("bb", "1", "2")}
	m.checkIn()
	other := b.machine("web-2", "zz", "1")
	other.checkIn()

	b.pass(time.Hour)
	seq := b.store.Snapshot().Seq()
	b.reevaluate(0)
	if now := b.store.Snapshot().Seq(); now != seq {
		t.Fatalf("equal statuses were written: sequence %d to %d", seq, now)
	}

	// A newer version of a; d and b leave the archive.
	b.offer("aa", "3")
	if _, err := b.store.Withdraw(t.Context(), []uint32{b.number(debianID("dd", "2")), b.number(debianID("bb", "2"))}); err != nil {
		t.Fatal(err)
	}
	if !b.endpoint.Outdated(b.store.Snapshot(), m.computer(), b.store.Now()) {
		t.Error("the status is older than the catalogue")
	}
	b.reevaluate(2) // web-2 is now known not to need the new update
	m.wantState("aa", "2", model.StateNotApplicable)
	m.wantState("aa", "3", model.StateNotInstalled)
	m.wantState("bb", "2", model.StateNotApplicable)
	m.wantState("cc", "2", model.StateFailed)
	m.wantState("dd", "2", model.StateInstalled)
	m.wantState("kernel", "2", model.StateInstalledPendingReboot)
	other.wantState("aa", "3", model.StateNotApplicable)
	st := m.status()
	if !st.Reported.Equal(start) || !st.Computed.Equal(start.Add(time.Hour)) || len(st.Failures) != 1 || len(st.Closures) != 0 {
		t.Errorf("the status: %+v", st)
	}
	var names []string
	for _, p := range st.Packages {
		names = append(names, p.Package+"="+p.Candidate)
	}
	if !slices.Equal(names, []string{"aa=3", "cc=2", "local=9"}) || len(st.Others) != 1 {
		t.Errorf("packages %q, others %+v", names, st.Others)
	}
	if b.endpoint.Outdated(b.store.Snapshot(), m.computer(), b.store.Now()) {
		t.Error("the status was just computed")
	}
	b.reevaluate(0)
}

func TestReevaluateKeepsWhatOtherArchivesOffer(t *testing.T) {
	b := newBench(t)
	b.offer("aa", "2")
	m := b.machine("web-1", "aa", "1")
	m.needs("aa", "5") // from an archive that no upstream brings
	m.checkIn()
	b.offer("bb", "1")
	b.reevaluate(1)
	if p := m.status().Packages; len(p) != 1 || p[0].Candidate != "5" || p[0].Update != "" {
		t.Errorf("packages: %+v", p)
	}
	m.wantState("aa", "2", model.StateNotApplicable)
}

// An approval, and whatever else an administrator decides, changes no
// installation state; events and evaluations against the same catalogue do not
// either. Only a report does (semantics 7.2).
func TestNothingButAReportMovesStates(t *testing.T) {
	b := newBench(t)
	b.ready()
	all := b.offer("aa", "2", "bb", "2", "cc", "2", "dd", "2")
	m := b.machine("web-1", "aa", "1", "bb", "1", "cc", "1", "dd", "2")
	m.needs("aa", "2", "bb", "2", "cc", "2")
	m.report.Failures = []model.Failure{{Update: debianID("cc", "2"), Code: "apt-100"}}
	m.checkIn()
	ids := []model.UpdateID{debianID("aa", "2"), debianID("bb", "2"), debianID("cc", "2"), debianID("dd", "2")}
	states := func() (out []model.InstallationState) {
		st := m.status()
		for _, n := range all {
			switch {
			case slices.Contains(st.Needed, n):
				out = append(out, model.StateNotInstalled)
			case slices.Contains(st.Failed, n):
				out = append(out, model.StateFailed)
			case slices.Contains(st.Installed, n):
				out = append(out, model.StateInstalled)
			default:
				out = append(out, model.StateUnknown)
			}
		}
		return out
	}
	before := states()
	rapid.Check(t, func(r *rapid.T) {
		b.pass(time.Minute)
		n := rapid.SampledFrom(all).Draw(r, "update")
		id := ids[slices.Index(all, n)]
		switch rapid.IntRange(0, 6).Draw(r, "what") {
		case 0:
			b.approve(model.GroupAll, b.store.Now(), n)
		case 1:
			_, _ = b.store.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Updates: []uint32{n}, Groups: []model.GroupAction{{Group: model.GroupLinux, Action: model.ActionNotApproved}}}, admin)
		case 2:
			_, _ = b.store.Undo(t.Context(), 0, admin, "")
			if !b.store.Snapshot().Setup().Complete() {
				b.ready()
			}
		case 3:
			m.event(rapid.SampledFrom([]protocol.EventKind{protocol.EventFailed, protocol.EventInstalled, protocol.EventDownloaded, protocol.EventRestart, protocol.EventRefused, protocol.EventForeign}).Draw(r, "event"), "code", "text", id)
		case 4:
			m.decide(closure("aa", "1", "2"))
		case 5:
			if _, err := b.endpoint.Reevaluate(t.Context(), nil); err != nil {
				r.Fatal(err)
			}
		case 6:
			b.change(model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: model.GroupLinux, Policy: model.Policy{Mode: model.ModeDownload}}})
		}
		if after := states(); !slices.Equal(after, before) {
			r.Fatalf("states %v became %v", before, after)
		}
	})
}
