package store

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// reference answers the questions that the store answers, slowly and obviously,
// from raw records alone: the deployments in their order, the groups as they were
// made, what computers said, what upstreams said. It is written from semantics
// 3.1, 3.3, 3.5 and 3.6 and docs/rules.md, shares no code with the store or with
// model.ResolveApproval, and keeps no indexes.
type reference struct {
	groups      map[model.GroupID]model.Group
	computers   map[uint32]*told
	updates     map[uint32]*model.Update // as last published
	deployments []*model.Deployment      // by number
	declined    map[uint32]bool
	hidden      map[uint32]bool   // declined, removed or outside the selection
	heldTo      map[uint32]uint64 // deployments up to this number belong to an older revision
	targeting   bool
	// what follows from these, kept for one step
	inside   map[model.GroupID]map[uint32]bool
	standing map[spot]decree
}

// told is what a computer said of itself.
type told struct {
	model.Computer
	status *model.Status // nil = it never reported
}

// spot is one group's approval of one update.
type spot struct {
	update uint32
	group  model.GroupID
}

type decree struct {
	action     model.Action
	deadline   time.Time
	deployment uint64
}

// depth is the number of steps from a group up to All Computers.
func (r *reference) depth(id model.GroupID) int {
	n := 0
	for r.groups[id].Parent != "" {
		id = r.groups[id].Parent
		n++
	}
	return n
}

// members is (own + formula + subgroups) - excluded, for managed computers.
func (r *reference) members(id model.GroupID) map[uint32]bool {
	if m := r.inside[id]; m != nil {
		return m
	}
	m := map[uint32]bool{}
	r.inside[id] = m
	g := r.groups[id]
	for n, c := range r.computers {
		if c.Admission != model.Managed {
			continue
		}
		in := id == model.GroupAll
		if r.targeting && !g.Predefined() {
			for _, name := range c.Requested {
				in = in || strings.EqualFold(name, g.Name)
			}
		} else {
			in = in || slices.Contains(g.Members, n)
		}
		switch g.Formula {
		case "":
		case "role:server":
			in = in || c.Role == model.RoleServer
		case "role:client":
			in = in || c.Role == model.RoleClient
		case "platform:windows":
			in = in || c.Platform == model.PlatformWindows
		case "platform:linux":
			in = in || c.Platform == model.PlatformLinux
		case "name:c3":
			in = in || c.Name == "c3"
		default:
			panic("the reference does not know the formula " + g.Formula)
		}
		if id == model.GroupUnassigned {
			in = true
			for other, og := range r.groups {
				if !og.Predefined() && r.members(other)[n] {
					in = false
				}
			}
		}
		for sub, sg := range r.groups {
			if id != model.GroupUnassigned && id != model.GroupAll && sg.Parent == id && r.members(sub)[n] {
				in = true
			}
		}
		if in && !slices.Contains(g.Excluded, n) {
			m[n] = true
		}
	}
	return m
}

// approvals replays the deployments: what the last that spoke of an update and a
// group said.
func (r *reference) approvals() map[spot]decree {
	if r.standing != nil {
		return r.standing
	}
	r.standing = map[spot]decree{}
	for _, d := range r.deployments {
		if d.Undone {
			continue
		}
		for _, u := range d.Updates {
			if d.Reverses != 0 {
				for g := range r.groups {
					delete(r.standing, spot{u, g})
				}
			}
			for _, ga := range d.Groups {
				if d.Reverses != 0 {
					continue
				}
				if ga.Action == model.ActionInherit {
					delete(r.standing, spot{u, ga.Group})
				} else {
					r.standing[spot{u, ga.Group}] = decree{ga.Action, ga.Deadline, d.ID}
				}
			}
		}
	}
	return r.standing
}

// holds is an effective approval: what semantics 3.3 returns.
type holds struct {
	action   model.Action
	group    model.GroupID // empty = by default
	deadline time.Time
	stale    bool
	declined bool
}

// effective is the pseudo-code of semantics 3.3, line by line.
func (r *reference) effective(computer, update uint32) holds {
	if r.declined[update] {
		return holds{action: model.ActionNotApproved, declined: true}
	}
	type candidate struct {
		spot
		decree
	}
	var a []candidate
	for g := range r.groups {
		if s, ok := r.approvals()[spot{update, g}]; ok && r.members(g)[computer] {
			a = append(a, candidate{spot{update, g}, s})
		}
	}
	if len(a) == 0 {
		return holds{action: model.ActionNotApproved}
	}
	deepest := 0
	for _, c := range a {
		deepest = max(deepest, r.depth(c.group))
	}
	a = slices.DeleteFunc(a, func(c candidate) bool { return r.depth(c.group) != deepest })
	for _, action := range []model.Action{model.ActionInstall, model.ActionUninstall, model.ActionNotApproved} {
		var same []candidate
		for _, c := range a {
			if c.action == action {
				same = append(same, c)
			}
		}
		if len(same) == 0 {
			continue
		}
		best := same[0]
		for _, c := range same[1:] {
			switch {
			case c.deadline.Equal(best.deadline):
				if c.group < best.group { // what remains equal: the group's identifier
					best = c
				}
			case best.deadline.IsZero(), !c.deadline.IsZero() && c.deadline.Before(best.deadline):
				best = c
			}
		}
		return holds{action, best.group, best.deadline, best.deployment <= r.heldTo[update], false}
	}
	panic("an approval without an action stood")
}

// state is semantics 3.1 over what the computer said.
func (r *reference) state(computer, update uint32) model.InstallationState {
	st := r.computers[computer].status
	switch {
	case st == nil || update > st.Evaluated || r.declined[update]:
		return model.StateUnknown
	case slices.Contains(st.Failed, update):
		return model.StateFailed
	case slices.Contains(st.Pending, update):
		return model.StateInstalledPendingReboot
	case slices.Contains(st.Downloaded, update):
		return model.StateDownloaded
	case slices.Contains(st.Needed, update):
		return model.StateNotInstalled
	case slices.Contains(st.Installed, update):
		return model.StateInstalled
	}
	return model.StateNotApplicable
}

// counts is semantics 3.6 for one update in one group.
func (r *reference) counts(update uint32, group model.GroupID) (c model.Counts) {
	for n := range r.members(group) {
		c.Computers++
		switch st := r.state(n, update); st {
		case model.StateUnknown:
			c.Unknown++
		case model.StateNotApplicable:
			c.NotApplicable++
		case model.StateInstalled:
			c.Installed++
		case model.StateFailed:
			c.Failed++
		default:
			c.Needed++
			if st == model.StateDownloaded {
				c.Downloaded++
			}
			if st == model.StateInstalledPendingReboot {
				c.Pending++
			}
		}
	}
	return c
}

// totals is semantics 3.6 for one computer, over all updates that are not hidden.
func (r *reference) totals(computer uint32) (t model.UpdateTotals) {
	for n := range r.updates {
		if r.hidden[n] {
			continue
		}
		switch st := r.state(computer, n); {
		case st == model.StateFailed:
			t.Failed++
		case st == model.StateUnknown:
			t.Unknown++
		case st == model.StateInstalled:
			t.Installed++
		case st.Needed():
			t.Needed++
			if st == model.StateInstalledPendingReboot {
				t.Pending++
			}
		}
	}
	return t
}

// place is the four-way split of semantics 3.6.
func (r *reference) place(computer uint32) model.ComputerState {
	t := r.totals(computer)
	switch {
	case t.Failed > 0:
		return model.ComputerFailed
	case t.Needed > 0:
		return model.ComputerNeeded
	case r.computers[computer].status == nil || t.Unknown > 0 || len(r.updates) == 0:
		return model.ComputerNoStatus
	}
	return model.ComputerOK
}

// superseded says whether anything in the catalogue that its publisher and its
// archive stand behind, and that is not hidden, takes the place of an update.
func (r *reference) superseded(n uint32) bool {
	u := r.updates[n]
	for m, o := range r.updates {
		if m == n || r.hidden[m] || o.Removed || o.Publication != model.Published {
			continue
		}
		if slices.Contains(o.Supersedes, u.ID) {
			return true
		}
		if a, b := u.Debian, o.Debian; a != nil && b != nil && a.Archive == b.Archive && a.Release == b.Release && a.Source == b.Source &&
			model.CompareDebianVersions(b.Version, a.Version) > 0 {
			return true
		}
	}
	return false
}

// parts gives what a bundle consists of, parts of parts included.
func (r *reference) parts(n uint32, into map[uint32]bool) map[uint32]bool {
	for m, o := range r.updates {
		if slices.Contains(r.updates[n].Bundles, o.ID) && !into[m] {
			into[m] = true
			r.parts(m, into)
		}
	}
	return into
}

// ruled gives what a rule approves of some updates (semantics 3.5): never what
// is declined, expired, withdrawn, superseded or unlicensed; never twice; never
// over a person; never against a part of a bundle. licensed says whether the terms were accepted.
func (r *reference) ruled(rule model.Rule, over []uint32, now time.Time, licensed func(*model.Update) bool) map[spot]time.Time {
	var deadline time.Time
	if rule.Deadline != nil {
		deadline = rule.Deadline.At(now).UTC()
	}
	out := map[spot]time.Time{}
	for _, n := range over {
		u := r.updates[n]
		switch {
		case u == nil || r.hidden[n] || u.Removed || u.Publication != model.Published:
			continue
		case len(rule.Classes) > 0 && !slices.Contains(rule.Classes, u.Class):
			continue
		case rule.Products == "product:P1" && !slices.Contains(u.Products, "p1"):
			continue
		case !licensed(u) || r.superseded(n) || u.Input && !deadline.IsZero():
			continue
		}
	group:
		for _, g := range rule.Groups {
			if _, ok := r.groups[g]; !ok {
				continue
			}
			for _, d := range r.deployments {
				if !d.Undone && d.RuleID == rule.ID && slices.Contains(d.Updates, n) && slices.ContainsFunc(d.Groups, func(ga model.GroupAction) bool { return ga.Group == g }) {
					continue group
				}
			}
			for part := range r.parts(n, map[uint32]bool{}) {
				if s, ok := r.approvals()[spot{part, g}]; ok && s.action == model.ActionUninstall && !r.declined[part] {
					continue group // approving it there is refused: a part is approved for the opposite
				}
			}
			if s, ok := r.approvals()[spot{n, g}]; ok {
				by := r.deployments[slices.IndexFunc(r.deployments, func(d *model.Deployment) bool { return d.ID == s.deployment })]
				earlier := !deadline.IsZero() && (s.deadline.IsZero() || deadline.Before(s.deadline))
				if by.RuleID == 0 || !earlier {
					continue
				}
			}
			out[spot{n, g}] = deadline
		}
	}
	return out
}

// sameTerms says whether licence terms are those of an acceptance.
func sameTerms(l licence, terms string) bool {
	h := sha256.Sum256([]byte(terms))
	return slices.Equal(l.Digest, h[:])
}
