package model

import (
	"fmt"
	"strings"
)

// shellWord writes a word so that a shell takes it as one.
func shellWord(s string) string {
	s = Clean(s)
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:+~%@,=", r))
	}) < 0 && s[0] != '~' && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// target is the group to name in a command that is to reach the computer and
// win: the one whose approval holds, else the deepest that an administrator
// made, else Unassigned Computers or All Computers.
func (x *explainer) target() GroupID {
	if g := x.in.Tree.Group(x.e.Group); g != nil {
		return g.ID
	}
	best := GroupAll
	for _, id := range x.in.Groups {
		g := x.in.Tree.Group(id)
		if g == nil || g.Predefined() && id != GroupUnassigned {
			continue
		}
		if b := x.in.Tree.Group(best); b.Predefined() && !g.Predefined() || x.in.Tree.Depth(id) > x.in.Tree.Depth(best) {
			best = id
		}
	}
	return best
}

// remedies lists what would change what becomes of the update, the likeliest
// first.
func (x *explainer) remedies() []Remedy {
	var out []Remedy
	add := func(r Remedy, text, format string, args ...any) {
		r.Text, r.Command = text, fmt.Sprintf(format, args...)
		out = append(out, r)
	}
	in, c, id := x.in, x.in.Computer, shellWord(string(x.in.Update.ID))
	update := Remedy{Update: x.in.Update.ID}
	group := x.target()
	g := shellWord(x.name(group))
	approve := fmt.Sprintf("fettle approve %s --group %s", id, g)
	switch {
	case c.Admission != Managed:
		add(Remedy{Own: true}, "accept the computer", "fettle computer accept %s", shellWord(c.Name))
		return out
	case in.Declined:
		add(update, "reinstate it; it comes back as Not Approved", "fettle reinstate %s", id)
		if len(x.e.Losers) > 0 {
			add(Remedy{}, "take the decline back; its approvals count again", "fettle journal, then fettle undo ENTRY")
		}
		return out
	case in.State == StateInstalled, in.State == StateNotApplicable:
		return nil
	case in.State == StateInstalledPendingReboot:
		out = append(out, Remedy{Text: "restart the computer"})
		if x.policy.Restart == RestartNo {
			add(Remedy{Group: in.Origin.Restart}, "let it restart when nobody is logged in", "fettle policy %s --restart idle", shellWord(x.name(in.Origin.Restart)))
		}
		return out
	case in.Update.Has(FlagWithdrawn), in.Update.Has(FlagExpired):
		for _, s := range in.Successors {
			if !s.Approved && !s.Declined {
				add(Remedy{Update: s.Row.ID}, "approve its successor", "fettle approve %s --group %s", shellWord(string(s.Row.ID)), g)
				break
			}
		}
		return out
	}
	for _, u := range in.Unreached {
		if u.Approval.Action == ActionInstall {
			add(Remedy{Group: u.Excluded}, fmt.Sprintf("end the computer's exclusion from %s", x.name(u.Excluded)), "fettle group include %s %s", shellWord(x.name(u.Excluded)), shellWord(c.Name))
			break
		}
	}
	if in.Update.Has(FlagLicence) {
		add(update, "accept its licence terms", "fettle accept-licence %s", id)
	}
	if !x.e.Approved() {
		switch {
		case x.e.Stale:
			add(update, "approve it again, which moves the approval to the newest revision", "%s", approve)
		case x.e.Action == ActionNotApproved && x.e.Group != "":
			add(update, fmt.Sprintf("approve it for %s, or for a group below it", x.name(group)), "%s", approve)
			add(update, fmt.Sprintf("let %s follow the group above", x.name(group)), "%s --action inherit", approve)
		default:
			add(update, "approve it for "+x.name(group), "%s", approve)
		}
		return out
	}
	return x.sooner(out, approve)
}

// sooner adds what would make an approved update be installed, sooner or at
// all, and what would stop it.
func (x *explainer) sooner(out []Remedy, approve string) []Remedy {
	add := func(r Remedy, text, format string, args ...any) {
		r.Text, r.Command = text, fmt.Sprintf(format, args...)
		out = append(out, r)
	}
	in, c, id := x.in, x.in.Computer, shellWord(string(x.in.Update.ID))
	update := Remedy{Update: x.in.Update.ID}
	for _, w := range in.Waits {
		add(Remedy{Update: w}, "approve what it waits for", "fettle approve %s --group %s", shellWord(string(w)), shellWord(x.name(x.target())))
	}
	if len(in.Obstacles) > len(in.Waits) {
		out = append(out, Remedy{Text: "remove on the computer what keeps it from being installed: " + in.Obstacles[0]})
	}
	if x.policy.Mode == ModeDisabled {
		if in.Policy.Mode == ModeDisabled {
			add(Remedy{Group: in.Origin.Mode}, "enable Automatic Updates", "fettle policy %s --mode scheduled --at daily@03:00", shellWord(x.name(in.Origin.Mode)))
		}
		if in.Policy.Mode != ModeDisabled {
			out = append(out, Remedy{Text: "enable Automatic Updates in the computer's own policy file: its groups allow it"})
		}
		return out
	}
	if !Detects(c.Platform, len(c.Pending) > 0) {
		out = append(out, Remedy{Text: "restart the computer"})
	}
	due := !x.e.Deadline.IsZero() && !x.e.Deadline.After(in.Now)
	if !due && len(in.Obstacles) == 0 {
		add(update, "have it installed at the next check-in", "%s --deadline now", approve)
		if c.Platform == PlatformLinux {
			add(Remedy{Own: true}, "install it now, on the computer itself", "fettle agent install %s", id)
		}
		if x.policy.Mode == ModeDownload || x.policy.Mode == ModeNotify {
			add(Remedy{Group: in.Origin.Mode}, "have approved updates installed by themselves", "fettle policy %s --mode scheduled --at daily@03:00", shellWord(x.name(in.Origin.Mode)))
		}
	}
	if c.Platform == PlatformLinux && (due || NextCheckWindow(c.Contacted, c.NextCheck, in.Now).Overdue || c.Contacted.IsZero()) {
		add(Remedy{Own: true}, "have the computer check in now, on the computer itself", "fettle agent check-in")
	}
	for _, l := range x.e.Losers {
		if l.Action == ActionInstall && in.Tree.Depth(l.Group) == in.Tree.Depth(x.e.Group) {
			return out // another group of the same depth would then have it installed
		}
	}
	if x.e.Group == GroupAll {
		add(update, "keep it from being installed: take the approval away", "%s --action inherit", approve)
	} else {
		add(update, "keep it from being installed: override the approval", "%s --action none", approve)
	}
	return out
}
