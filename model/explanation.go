package model

import (
	"fmt"
	"strings"
	"time"
)

// ExplanationInput is everything that decides what becomes of one update on one
// computer: facts and names, no text.
type ExplanationInput struct {
	Now         time.Time // in the computer's zone: schedules are read in it, and sentences are written in it
	Computer    *Computer
	Computed    time.Time // when the server last re-evaluated the computer's inventory; zero = the state is as reported
	Update      *UpdateRow
	Declined    bool
	Outside     bool // outside the selected products and classifications
	State       InstallationState
	Tree        *GroupTree
	Groups      []GroupID         // that the computer belongs to, ancestors included
	Approvals   []Approval        // of the update, on these groups
	Unreached   []UnreachedGroup  // groups with an approval that an exclusion keeps from the computer
	Deployments []*Deployment     // those that the approvals come from, as far as they still exist
	Alarm       *RevisionAlarm    // nil = none
	Successors  []SuccessorUpdate // updates that supersede it, the newest first
	Policy      Policy            // what the computer's groups say
	Origin      PolicyOrigin      // and which of them
	Obstacles   []string          // why the computer would not install it although it is approved, a clause each (Obstacles)
	Waits       []UpdateID        // updates that it cannot go without and that are not approved there
	Failure     *Failure          // its last, nil = none
}

// UnreachedGroup is a group whose approval does not reach a computer, because
// the computer is excluded from it or from the subgroup by which it would
// belong to it.
type UnreachedGroup struct {
	Approval Approval
	Excluded GroupID // from which the computer is excluded
}

// SuccessorUpdate is an update that supersedes another.
type SuccessorUpdate struct {
	Row      *UpdateRow
	Approved bool // for install, for the computer in question
	Declined bool
}

// Explanation says what becomes of one update on one computer and why: which
// approval holds, what the computer obeys, when it will be installed by itself,
// and what would change that. Sentences are whole, without the final stop.
type Explanation struct {
	Computer   string
	Update     UpdateID
	Title      string
	Effective  EffectiveApproval
	Holds      string               // the approval that holds
	Because    string               // the step that decided
	Considered []ConsideredApproval // every approval that reaches the computer, the winner first
	Unreached  []string             // approvals that an exclusion keeps from the computer
	State      InstallationState
	Installed  []string // what is known of its installation there
	About      []string // what is special about the update: declined, withdrawn, superseded, held back
	Policy     Policy   // as the computer obeys it
	Settings   []string // the policy, and which groups it comes from
	Contact    []string // the last contact, and when the next is expected
	Forecast   Forecast
	Remedies   []Remedy // what would change it, the likeliest first
}

// ConsideredApproval is one approval that reaches the computer, and why it won
// or lost.
type ConsideredApproval struct {
	Approval
	Name   string // the group's
	Depth  int    // the group's level in the tree
	Author string // who approved; empty when the deployment is not known any more
	Rule   string // the automatic approval rule that made it
	Wins   bool
	Says   string // "Install for Servers by 2026-12-01 18:00 CET (deployment 3, November, by alice)"
	Why    string
}

// Remedy is one thing that would change what becomes of the update.
type Remedy struct {
	Text    string
	Command string   // empty when no command does it
	Update  UpdateID // where to do it without a command: at this update,
	Group   GroupID  // at this group,
	Own     bool     // or at the computer itself
}

// ExplanationPart is one part of an explanation as it is shown.
type ExplanationPart struct {
	Title string
	Lines []string
}

// Parts gives the explanation in the order in which it is read: heading and
// sentences. Parts that say nothing are left out, and so is the only approval
// considered when it is the one that holds: it would say the same words twice.
func (e *Explanation) Parts() []ExplanationPart {
	considered := make([]string, 0, len(e.Considered)+len(e.Unreached))
	if len(e.Considered) != 1 || !e.Considered[0].Wins {
		for _, c := range e.Considered {
			considered = append(considered, c.Says+": "+c.Why)
		}
	}
	will := []string{e.Forecast.Text}
	if e.Forecast.Restart != "" {
		will = append(will, "afterwards "+e.Forecast.Restart+", if the update wants a restart")
	}
	for _, a := range e.Forecast.Assumed {
		will = append(will, "assumed: "+a)
	}
	remedies := make([]string, 0, len(e.Remedies))
	for _, r := range e.Remedies {
		remedies = append(remedies, strings.TrimSuffix(r.Text+": "+r.Command, ": "))
	}
	var parts []ExplanationPart
	for _, p := range []ExplanationPart{
		{"The approval that holds", []string{e.Holds, "because " + e.Because}},
		{"Approvals considered", append(considered, e.Unreached...)},
		{"The update", e.About},
		{"On this computer", e.Installed},
		{"Policy", e.Settings},
		{"Contact", e.Contact},
		{"Installation", will},
		{"What would change it", remedies},
	} {
		if len(p.Lines) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// String gives the word for a step, for programs.
func (s Step) String() string {
	return [...]string{"none", "declined", "only", "depth", "action", "deadline", "same"}[min(s, 6)]
}

// Explain says what becomes of an update on a computer and why. It resolves the
// approvals and foretells by the same functions that server and agent obey.
func Explain(in ExplanationInput) Explanation {
	x := explainer{in: &in, loc: in.Now.Location(), e: ResolveApproval(in.Tree, in.Declined, in.Approvals)}
	x.policy = in.Policy
	if in.Computer.Policy.Mode != ModeUnset {
		x.policy = in.Computer.Policy
	}
	out := Explanation{
		Computer: Clean(in.Computer.Name), Update: in.Update.ID, Title: Clean(in.Update.Title),
		Effective: x.e, State: in.State, Policy: x.policy,
	}
	out.Holds, out.Because = x.holds(), x.because()
	out.Considered, out.Unreached = x.considered(), x.unreached()
	out.About, out.Installed = x.about(), x.installed()
	out.Settings = x.settings()
	gone := ""
	switch {
	case in.Update.Has(FlagWithdrawn):
		gone = "its archive withdrew it, so that it cannot be installed any more"
	case in.Update.Has(FlagExpired):
		gone = "its publisher expired it, so that it is not installed any more"
	}
	given := time.Time{}
	if d := x.deployment(x.e.Deployment); d != nil {
		given = d.Time
	}
	out.Forecast = Predict(ForecastInput{
		Now: in.Now, Platform: in.Computer.Platform, Admission: in.Computer.Admission, State: in.State, Approval: x.e, Given: given, Policy: x.policy,
		Contacted: in.Computer.Contacted, NextCheck: in.Computer.NextCheck, Restart: len(in.Computer.Pending) > 0,
		MayRestart: in.Update.Has(FlagMayRestart), Gone: gone, Obstacles: in.Obstacles,
	})
	out.Contact = x.contact(out.Forecast.Check)
	out.Remedies = x.remedies()
	return out
}

// explainer puts one explanation together.
type explainer struct {
	in     *ExplanationInput
	loc    *time.Location
	e      EffectiveApproval
	policy Policy
}

func (x *explainer) stamp(t time.Time) string { return stamp(t.In(x.loc)) }

func (x *explainer) name(id GroupID) string { return groupName(x.in.Tree, id) }

func groupName(tree *GroupTree, id GroupID) string {
	if g := tree.Group(id); g != nil {
		return Clean(g.Name)
	}
	return Clean(string(id)) + " (removed)"
}

func (x *explainer) deployment(id uint64) *Deployment {
	for _, d := range x.in.Deployments {
		if d.ID == id {
			return d
		}
	}
	return nil
}

// says writes an approval: what, for whom, by when and from which deployment.
func (x *explainer) says(a Approval) string {
	return DescribeApproval(a, x.in.Tree, x.deployment(a.Deployment), x.loc)
}

// DescribeApproval writes an approval of a group: "Install for Servers by
// 2026-12-01 18:00 CET (deployment 3, November, by alice)". The deployment is
// the one that it comes from, nil when it is not known any more.
func DescribeApproval(a Approval, tree *GroupTree, d *Deployment, zone *time.Location) string {
	s := fmt.Sprintf("%s for %s", a.Action.Title(), groupName(tree, a.Group))
	if !a.Deadline.IsZero() {
		s += " by " + stamp(a.Deadline.In(zone))
	}
	switch {
	case d == nil && a.Deployment != 0:
		s += fmt.Sprintf(" (deployment %d)", a.Deployment)
	case d != nil && d.Rule != "":
		s += fmt.Sprintf(" (deployment %d, by the rule %s)", d.ID, Clean(d.Rule))
	case d != nil:
		s += fmt.Sprintf(" (deployment %d, %s, by %s)", d.ID, Clean(d.Name), Clean(d.Author))
	}
	if a.Stale {
		s += ", held back"
	}
	return s
}

func (x *explainer) holds() string {
	switch x.e.Step {
	case StepDeclined:
		return "Declined for every group"
	case StepNone:
		return "Not Approved by default"
	}
	return x.says(x.e.Approval)
}

// because names the step of semantics 3.3 that decided.
func (x *explainer) because() string {
	switch x.e.Step {
	case StepNone:
		if len(x.in.Unreached) > 0 {
			return "no approval reaches the computer, which is excluded from the group that has one, and what is not approved is not installed"
		}
		return "no group of the computer has an approval for it, and what is not approved is not installed"
	case StepDeclined:
		return "the update is declined, which holds for every group whatever their approvals say"
	case StepOnly:
		return "it is the only approval that reaches the computer"
	case StepDepth:
		s := fmt.Sprintf("%s lies deeper in the tree of groups than those of the other approvals, and the deepest group wins", x.name(x.e.Group))
		if x.e.Action == ActionNotApproved {
			s += "; Not Approved overrides what the groups above say"
		}
		return s
	case StepAction:
		return "among groups of the same depth Install goes before Uninstall, and that before Not Approved"
	case StepDeadline:
		return "among equal approvals of groups of the same depth the earlier deadline wins, and any before none"
	}
	return "several approvals of the same depth say the same, and one of them is enough"
}

func (x *explainer) considered() []ConsideredApproval {
	all := x.e.Losers
	if x.e.Step != StepNone && x.e.Step != StepDeclined {
		all = append([]Approval{x.e.Approval}, all...)
	}
	var out []ConsideredApproval
	for i, a := range all {
		c := ConsideredApproval{Approval: a, Name: x.name(a.Group), Depth: x.in.Tree.Depth(a.Group), Says: x.says(a)}
		c.Wins = i == 0 && x.e.Step != StepDeclined
		if d := x.deployment(a.Deployment); d != nil {
			c.Author, c.Rule = Clean(d.Author), Clean(d.Rule)
		}
		if c.Wins {
			c.Why = "it holds, because " + x.because()
		} else {
			c.Why = x.lost(a)
		}
		out = append(out, c)
	}
	return out
}

// lost says why an approval lost against the one that holds.
func (x *explainer) lost(a Approval) string {
	w := x.e.Approval
	depth, won := x.in.Tree.Depth(a.Group), x.in.Tree.Depth(w.Group)
	switch {
	case x.e.Step == StepDeclined:
		return "out of force, because the update is declined"
	case depth < won:
		return fmt.Sprintf("lost, because %s lies deeper (level %d against %d)", x.name(w.Group), won, depth)
	case a.Action != w.Action:
		return fmt.Sprintf("lost, because %s goes before %s at the same depth", w.Action.Title(), a.Action.Title())
	case a.Deadline.IsZero() && !w.Deadline.IsZero():
		return "lost, because a deadline goes before none"
	case !a.Deadline.Equal(w.Deadline):
		return fmt.Sprintf("lost, because the deadline %s is earlier", x.stamp(w.Deadline))
	}
	return fmt.Sprintf("says the same as the one for %s", x.name(w.Group))
}

func (x *explainer) unreached() []string {
	var out []string
	for _, u := range x.in.Unreached {
		s := fmt.Sprintf("%s: does not reach it, because the computer is excluded from %s", x.says(u.Approval), x.name(u.Excluded))
		if u.Excluded != u.Approval.Group {
			s += ", a subgroup of " + x.name(u.Approval.Group)
		}
		out = append(out, s)
	}
	return out
}

// about says what is special about the update itself.
func (x *explainer) about() []string {
	var out []string
	add := func(cond bool, s string) {
		if cond {
			out = append(out, s)
		}
	}
	u := x.in.Update
	add(x.in.Declined, "it is declined: hidden, not evaluated and offered to no computer; its approvals are masked, not erased")
	add(x.in.Outside, "it is outside the selected products and classifications, so that it is not shown and not counted")
	add(u.Has(FlagWithdrawn), "its archive withdrew it: this version is not offered any more")
	add(u.Has(FlagExpired), "its publisher expired it")
	add(u.Has(FlagLicence), "its licence terms have not been accepted")
	for i, s := range x.in.Successors {
		if i == 3 {
			add(true, fmt.Sprintf("and by %d more", len(x.in.Successors)-i))
			break
		}
		is := "not approved for this computer"
		switch {
		case s.Declined:
			is = "declined"
		case s.Approved:
			is = "approved for this computer"
		}
		add(true, fmt.Sprintf("it is superseded by %s, which is %s", Clean(s.Row.Title), is))
	}
	if a := x.in.Alarm; a != nil {
		if x.e.Stale {
			add(true, fmt.Sprintf("its approval is held back: it was given before revision %d arrived at %s, and %s", a.Revision, x.stamp(a.Time), a.Held))
		} else {
			add(true, fmt.Sprintf("revision %d arrived at %s after it had been approved, and approvals moved to it", a.Revision, x.stamp(a.Time)))
		}
		for _, c := range a.Changed {
			add(true, fmt.Sprintf("revision %d changed it: %s", a.Revision, Clean(c)))
		}
	} else {
		add(x.e.Stale, "its approval is held back: it belongs to an older revision")
	}
	return out
}

// installed says what the computer reported of the update.
func (x *explainer) installed() []string {
	c := x.in.Computer
	var out []string
	switch {
	case x.in.Declined:
		out = append(out, "a declined update has no status")
	case c.Reported.IsZero():
		out = append(out, "No status: the computer has never reported its status")
	case x.in.State == StateUnknown:
		out = append(out, fmt.Sprintf("No status: the update came after the computer's last report, %s", x.stamp(c.Reported)))
	case !x.in.Computed.IsZero():
		out = append(out, fmt.Sprintf("%s, computed from the inventory of %s", x.in.State.Word(), x.stamp(c.Reported)))
	default:
		out = append(out, fmt.Sprintf("%s, as reported at %s", x.in.State.Word(), x.stamp(c.Reported)))
	}
	if c.Scan.Error != "" {
		out = append(out, fmt.Sprintf("its last detection failed, so that its status may be out of date: %s", Clean(c.Scan.Error)))
	}
	if f := x.in.Failure; f != nil {
		out = append(out, fmt.Sprintf("the last attempt failed at %s: %s (%s)", x.stamp(f.Time), Clean(f.Text), Clean(f.Code)))
		if meaning, remedy := FailureMeaning(f.Code); meaning != "" {
			out = append(out, strings.TrimSuffix("that means: "+meaning+"; what helps: "+remedy, "; what helps: "))
		}
	}
	for _, p := range c.Pending {
		out = append(out, "a restart of the computer is pending: "+Clean(p))
	}
	return append(out, x.in.Obstacles...)
}

// Describe writes a policy in a clause: "scheduled daily@03:00, restart never".
func (p Policy) Describe() string {
	s := p.Mode.String()
	switch {
	case p.Mode == ModeUnset:
		s = "no mode is set"
	case p.Mode == ModeScheduled && p.Install != nil:
		s += " " + p.Install.String()
	}
	switch {
	case p.Restart == RestartNo:
		s += ", restart never"
	case p.Restart == RestartIdle:
		s += ", restart when nobody is logged in"
	case p.Restart == RestartAt && p.RestartAt != nil:
		s += ", restart " + p.RestartAt.String()
	}
	return s
}

func (x *explainer) settings() []string {
	from := x.name(x.in.Origin.Mode)
	out := []string{fmt.Sprintf("its groups say: %s (the mode comes from %s)", x.in.Policy.Describe(), from)}
	if r := x.in.Origin.Restart; r != "" && r != x.in.Origin.Mode {
		out[0] = fmt.Sprintf("its groups say: %s (the mode comes from %s, restarts from %s)", x.in.Policy.Describe(), from, x.name(r))
	}
	switch {
	case x.in.Computer.Policy.Mode == ModeUnset:
		return append(out, "the computer has not said yet which policy it obeys, so that its groups' is assumed")
	case x.policy.Describe() == x.in.Policy.Describe():
		return append(out, "the computer obeys it")
	}
	return append(out, fmt.Sprintf("the computer obeys: %s; its own policy file is stricter, or it made no contact since the policy was changed", x.policy.Describe()))
}

func (x *explainer) contact(w CheckWindow) []string {
	c := x.in.Computer
	if c.Contacted.IsZero() {
		return []string{"the computer has never made contact"}
	}
	out := []string{"its last contact was at " + x.stamp(c.Contacted)}
	switch {
	case w.Overdue:
		return append(out, fmt.Sprintf("its next check-in was due by %s and is overdue", x.stamp(w.To)))
	case w.Said:
		return append(out, fmt.Sprintf("its next check-in is at %s, as its agent says", x.stamp(w.To)))
	}
	return append(out, fmt.Sprintf("its next check-in is between %s and %s", x.stamp(w.From), x.stamp(w.To)))
}
