package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// explained is a computer in Berlin, member of Web below Servers, that needs an
// update: the facts from which the tests depart.
func explained(t testing.TB) ExplanationInput {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, loc)
	tree, err := NewGroupTree(append(PredefinedGroups(),
		Group{ID: "g1", Name: "Servers of ours", Parent: GroupAll}, Group{ID: "g2", Name: "Web", Parent: "g1"}, Group{ID: "g3", Name: "Pilots", Parent: GroupAll, Excluded: []uint32{7}}))
	if err != nil {
		t.Fatal(err)
	}
	return ExplanationInput{
		Now: now, Tree: tree, Groups: []GroupID{GroupAll, GroupLinux, "g1", "g2"}, State: StateNotInstalled,
		Computer: &Computer{ID: "web1", Number: 7, Name: "web1", Platform: PlatformLinux, Contacted: now.Add(-2 * time.Hour), Reported: now.Add(-2 * time.Hour), Zone: loc.String()},
		Update:   &UpdateRow{Number: 3, ID: "deb/Debian/bookworm/bash/5.2-2", Title: "bash 5.2-2"},
		Policy:   DefaultPolicy(), Origin: PolicyOrigin{Mode: GroupAll, Restart: GroupAll},
		Deployments: []*Deployment{{ID: 1, Name: "November", Author: "alice", Time: now.Add(-24 * time.Hour)}, {ID: 2, Name: "Rule Critical", Author: "bob", Rule: "Critical", RuleID: 1, Time: now.Add(-time.Hour)}},
	}
}

func install(g GroupID, deployment uint64) Approval {
	return Approval{Group: g, Action: ActionInstall, Deployment: deployment}
}

// text is everything that an explanation says.
func (e *Explanation) text() string {
	var b strings.Builder
	for _, p := range e.Parts() {
		b.WriteString(p.Title + "\n  " + strings.Join(p.Lines, "\n  ") + "\n")
	}
	return b.String()
}

func TestExplainSaysWhatDecided(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(in *ExplanationInput)
		want []string
	}{
		{"nothing", func(in *ExplanationInput) {}, []string{"Not Approved by default", "no group of the computer has an approval", "not by itself", "fettle approve deb/Debian/bookworm/bash/5.2-2 --group Web"}},
		{"one", func(in *ExplanationInput) { in.Approvals = []Approval{install(GroupAll, 1)} },
			[]string{"Install for All Computers (deployment 1, November, by alice)", "the only approval", "at 2026-11-23 03:00 CET", "the approval reached it at its last contact", "between 2026-11-23 03:36 CET and 2026-11-23 08:00 CET", "--group 'All Computers' --deadline now", "fettle agent install"}},
		{"depth, by a rule", func(in *ExplanationInput) {
			in.Approvals = []Approval{install("g1", 1), {Group: "g2", Action: ActionNotApproved, Deployment: 2}}
		}, []string{"Not Approved for Web (deployment 2, by the rule Critical)", "Web lies deeper", "overrides", "lost, because Web lies deeper (level 2 against 1)", "--action inherit"}},
		{"action", func(in *ExplanationInput) {
			in.Groups = append(in.Groups, "g3")
			in.Approvals = []Approval{install("g1", 1), {Group: "g3", Action: ActionUninstall}}
		}, []string{"Install goes before Uninstall", "lost, because Install goes before Uninstall at the same depth"}},
		{"deadline", func(in *ExplanationInput) {
			a := install("g1", 1)
			a.Deadline = in.Now.Add(48 * time.Hour)
			in.Groups = append(in.Groups, "g3")
			in.Approvals = []Approval{install("g3", 1), a}
		}, []string{"by 2026-11-24 12:00 CET", "the earlier deadline wins", "lost, because a deadline goes before none"}},
		{"declined", func(in *ExplanationInput) {
			in.Declined, in.Approvals = true, []Approval{install(GroupAll, 1)}
		}, []string{"Declined for every group", "out of force, because the update is declined", "not at all: the update is declined", "fettle reinstate", "approvals are masked"}},
		{"excluded", func(in *ExplanationInput) {
			in.Unreached = []UnreachedGroup{{Approval: install("g3", 1), Excluded: "g3"}}
		}, []string{"Install for Pilots", "the computer is excluded from Pilots", "fettle group include Pilots web1"}},
		{"held back", func(in *ExplanationInput) {
			a := install("g1", 1)
			a.Stale = true
			in.Approvals = []Approval{a}
			in.Update.Flags |= FlagLicence
			in.Alarm = &RevisionAlarm{Update: 3, Before: 1, Revision: 2, Time: in.Now.Add(-time.Hour), Changed: []string{"licence"}, Deployment: 1, Held: HeldLicence}
		}, []string{"held back", "brings licence terms that have not been accepted", "revision 2 changed it: licence", "not as long as the approval is held back", "fettle accept-licence", "moves the approval to the newest revision"}},
		{"withdrawn", func(in *ExplanationInput) {
			in.Approvals = []Approval{install("g1", 1)}
			in.Update.Flags |= FlagWithdrawn
			in.Successors = []SuccessorUpdate{{Row: &UpdateRow{ID: "deb/Debian/bookworm/bash/5.2-3", Title: "bash 5.2-3"}}}
		}, []string{"superseded by bash 5.2-3, which is not approved", "cannot be installed any more", "fettle approve deb/Debian/bookworm/bash/5.2-3"}},
		{"disabled by its own file", func(in *ExplanationInput) {
			in.Approvals = []Approval{install("g1", 1)}
			in.Computer.Policy = Policy{Mode: ModeDisabled}
		}, []string{"its own policy file is stricter", "Automatic Updates are disabled", "its groups allow it"}},
		{"a failed scan", func(in *ExplanationInput) {
			in.State, in.Computer.Scan.Error = StateNotApplicable, "apt said no"
		}, []string{"its last detection failed, so that its status may be out of date: apt said no"}},
		{"held package", func(in *ExplanationInput) {
			in.Approvals, in.Obstacles = []Approval{install("g1", 1)}, []string{"bash is held on this computer"}
		}, []string{"not by itself: bash is held on this computer"}},
		{"past deadline", func(in *ExplanationInput) {
			a := install("g1", 1)
			a.Deadline = in.Now.Add(-3 * time.Hour)
			in.Approvals = []Approval{a}
			in.Computer.NextCheck = in.Now.Add(time.Hour)
		}, []string{"at its next check-in at 2026-11-22 13:00 CET: its deadline 2026-11-22 09:00 has passed", "as its agent says", "fettle agent check-in"}},
		{"overdue contact", func(in *ExplanationInput) {
			in.Approvals = []Approval{install("g1", 1)}
			in.Computer.Contacted = in.Now.Add(-72 * time.Hour)
		}, []string{"is overdue", "makes contact before that, which is overdue"}},
		{"new approval", func(in *ExplanationInput) { in.Approvals = []Approval{install("g1", 2)} },
			[]string{"at 2026-11-23 03:00 CET, or at 2026-11-24 03:00 CET if the approval reaches it only at its next check-in", "at once while its agent is connected"}},
		{"windows", func(in *ExplanationInput) {
			in.Approvals, in.Computer.Platform = []Approval{install("g1", 1)}, PlatformWindows
		}, []string{"(an estimate: a Windows computer's own agent decides when it installs)"}},
		{"windows, restart pending", func(in *ExplanationInput) {
			in.Approvals, in.Computer.Platform, in.Computer.Pending = []Approval{install("g1", 1)}, PlatformWindows, []string{"KB5"}
		}, []string{"not before the computer was restarted", "restart the computer"}},
		{"pending restart", func(in *ExplanationInput) {
			in.Approvals, in.State, in.Computer.Pending = []Approval{install("g1", 1)}, StateInstalledPendingReboot, []string{"libc6"}
		}, []string{"takes effect after a restart", "leaves the restart to a person", "--restart idle"}},
		{"missed while off", func(in *ExplanationInput) {
			in.Approvals = []Approval{install("g1", 1)}
			in.Computer.Contacted = in.Now.Add(-10 * time.Hour)
		}, []string{"as soon as it runs again: its scheduled time 2026-11-22 03:00 CET passed", "a minute after its agent starts"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := explained(t)
			tt.set(&in)
			e := Explain(in)
			text := e.text()
			for _, w := range tt.want {
				if !strings.Contains(text, w) {
					t.Errorf("%q is not said in\n%s", w, text)
				}
			}
			if strings.Contains(text, "%!") {
				t.Errorf("a sentence is broken:\n%s", text)
			}
		})
	}
}

// The winner is ResolveApproval's, every approval is named exactly once, and
// the forecast never promises what the decision would not do.
func TestExplainNamesEveryApproval(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := explained(t)
		in.Groups = append(in.Groups, "g3")
		for _, g := range in.Groups {
			if rapid.Bool().Draw(rt, "approved for "+string(g)) {
				a := Approval{Group: g, Action: Action(rapid.IntRange(1, 3).Draw(rt, "action")), Deployment: uint64(rapid.IntRange(1, 2).Draw(rt, "deployment")), Stale: rapid.IntRange(0, 5).Draw(rt, "stale") == 0}
				if rapid.Bool().Draw(rt, "has deadline") {
					a.Deadline = in.Now.Add(time.Duration(rapid.IntRange(-50, 50).Draw(rt, "deadline")) * time.Hour)
				}
				in.Approvals = append(in.Approvals, a)
			}
		}
		in.Declined = rapid.IntRange(0, 4).Draw(rt, "declined") == 0
		in.State = InstallationState(rapid.IntRange(0, 6).Draw(rt, "state"))
		in.Computer.Platform = Platform(rapid.IntRange(0, 2).Draw(rt, "platform"))
		in.Computer.Contacted = in.Now.Add(-time.Duration(rapid.IntRange(0, 100).Draw(rt, "contact")) * time.Hour)
		in.Policy.Mode = Mode(rapid.IntRange(1, 4).Draw(rt, "mode"))
		want := ResolveApproval(in.Tree, in.Declined, in.Approvals)
		e := Explain(in)
		if e.Effective.Approval != want.Approval || e.Effective.Step != want.Step {
			rt.Fatalf("%+v explained, %+v holds", e.Effective, want)
		}
		if len(e.Considered) != len(in.Approvals) {
			rt.Fatalf("%d of %d approvals are named", len(e.Considered), len(in.Approvals))
		}
		for i, c := range e.Considered {
			if c.Wins != (i == 0 && !in.Declined) || c.Why == "" || !slices.Contains(in.Approvals, c.Approval) {
				rt.Fatalf("approval %d of %+v: %+v", i, in.Approvals, c)
			}
		}
		f := e.Forecast
		if !f.At.IsZero() && (!want.Approved() || in.Policy.Mode == ModeDisabled || !in.State.Needed() && in.State != StateFailed) {
			rt.Fatalf("installation at %v is foretold: %s", f.At, e.text())
		}
		if f.At.Before(in.Now) && !f.At.IsZero() || !f.Latest.IsZero() && f.Latest.Before(f.At) {
			rt.Fatalf("foretold from %v to %v at %v", f.At, f.Latest, in.Now)
		}
		if f.Text == "" || e.Because == "" || e.Holds == "" {
			rt.Fatalf("something is not said: %s", e.text())
		}
	})
}

// A hostile name can neither draw nor break a command.
func TestExplainCleansNames(t *testing.T) {
	in := explained(t)
	in.Computer.Name = "we\x1b[2Jb'1"
	in.Update.Title = "ba\x1b]0;x\x07sh"
	in.Unreached = []UnreachedGroup{{Approval: install("g3", 1), Excluded: "g3"}}
	e := Explain(in)
	if text := e.text() + e.Title + e.Computer; strings.ContainsRune(text, 0x1b) || !strings.Contains(text, `fettle group include Pilots 'web'\''1'`) {
		t.Errorf("%q", text)
	}
}

func TestObstacles(t *testing.T) {
	id := func(s string) UpdateID { return UpdateID("deb/D/b/" + s + "/1") }
	st := &Status{
		Packages: []NeededPackage{{Update: id("a"), Package: "a", State: NeedHeld, Reason: "because"}, {Update: id("b"), Package: "b"}, {Update: id("b"), Package: "b-doc", State: NeedPhased}},
		Closures: []Closure{{Update: id("c"), Needs: []UpdateID{id("d")}}, {Update: id("d"), Needs: []UpdateID{id("e"), id("c")}}, {Update: id("f"), Removes: []string{"g"}}},
	}
	approved := func(u UpdateID) bool { return u != id("e") }
	for _, tt := range []struct{ update, want string }{
		{"a", "[a is held on this computer: because] []"},
		{"b", "[] []"},
		{"c", "[it waits for deb/D/b/e/1, which is not approved for this computer] [deb/D/b/e/1]"},
		{"f", "[installing it would remove g] []"},
	} {
		o, w := Obstacles(id(tt.update), st, approved)
		if got := fmt.Sprint(o, " ", w); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.update, got, tt.want)
		}
	}
}

// The only approval considered is the one that holds: it is said once.
func TestPartsSayTheOnlyApprovalOnce(t *testing.T) {
	has := func(e Explanation) bool {
		for _, p := range e.Parts() {
			if p.Title == "Approvals considered" {
				return true
			}
		}
		return false
	}
	one := Explanation{Holds: "Install for Servers", Considered: []ConsideredApproval{{Wins: true, Says: "Install for Servers", Why: "it holds"}}}
	if has(one) {
		t.Error("the only approval is repeated")
	}
	lost := Explanation{Considered: []ConsideredApproval{{Says: "Install for Servers", Why: "out of force, because the update is declined"}}}
	two := Explanation{Considered: append(one.Considered, lost.Considered...)}
	unreached := Explanation{Considered: one.Considered, Unreached: []string{"Install for Web: does not reach it"}}
	if !has(lost) || !has(two) || !has(unreached) {
		t.Error("an approval that lost is not told")
	}
}
