package store

import (
	"slices"
	"time"

	"fettle/model"
)

// Explain says what becomes of an update on a computer and why: every approval
// considered, which one holds and by which step, what the computer obeys, when
// it will be installed and what would change that. now is in the server's zone;
// the decision is taken in the computer's. Unlike lists it reads one record from
// the disk, the computer's status with its packages and closures. The zero
// Explanation stands for a computer or an update that does not exist.
func (s *Snapshot) Explain(computer, update uint32, now time.Time) model.Explanation {
	c, row := s.Computer(computer), s.Row(update)
	if c == nil || row == nil {
		return model.Explanation{}
	}
	if c.Zone != "" {
		if z, err := time.LoadLocation(c.Zone); err == nil {
			now = now.In(z)
		}
	}
	in := model.ExplanationInput{
		Now: now, Computer: c, Computed: s.Computed(computer), Update: row, Declined: s.declined.Contains(update), Outside: s.outside.Contains(update),
		State: s.State(computer, update), Tree: s.tree, Groups: s.GroupsOf(computer),
	}
	in.Policy, in.Origin = s.EffectivePolicy(computer)
	for _, g := range in.Groups {
		if a, ok := s.Approval(update, g); ok {
			in.Approvals = append(in.Approvals, a)
		}
	}
	in.Unreached = s.unreached(computer, update, in.Groups)
	for _, a := range in.Approvals {
		in.Deployments = s.appendDeployment(in.Deployments, a.Deployment)
	}
	for _, u := range in.Unreached {
		in.Deployments = s.appendDeployment(in.Deployments, u.Approval.Deployment)
	}
	for _, by := range s.SupersededBy(update) {
		if r := s.Row(by); r != nil {
			in.Successors = append(in.Successors, model.SuccessorUpdate{Row: r, Approved: s.Effective(computer, by).Approved(), Declined: s.declined.Contains(by)})
		}
	}
	if a, ok := s.Alarm(update); ok {
		in.Alarm = &a
	}
	// A computer that never reported has no status record, and one that cannot be
	// read takes nothing from what memory knows.
	if st, err := s.store.Status(computer); err == nil {
		in.Obstacles, in.Waits = model.Obstacles(row.ID, st, func(id model.UpdateID) bool {
			r := s.RowByID(id)
			return r != nil && s.Effective(computer, r.Number).Approved()
		})
		if i := slices.IndexFunc(st.Failures, func(f model.Failure) bool { return f.Update == row.ID }); i >= 0 && in.State == model.StateFailed {
			in.Failure = &st.Failures[i]
		}
	}
	return model.Explain(in)
}

func (s *Snapshot) appendDeployment(list []*model.Deployment, id uint64) []*model.Deployment {
	if d := s.Deployment(id); d != nil && !slices.Contains(list, d) {
		return append(list, d)
	}
	return list
}

// unreached finds the approvals that an exclusion keeps from a computer: those
// of groups from which it is excluded, or above such a group, and to which it
// does not belong.
func (s *Snapshot) unreached(computer, update uint32, groups []model.GroupID) []model.UnreachedGroup {
	var out []model.UnreachedGroup
	for _, id := range s.tree.Order() {
		if _, excluded := slices.BinarySearch(s.tree.Group(id).Excluded, computer); !excluded {
			continue
		}
		for _, g := range append([]model.GroupID{id}, s.tree.Ancestors(id)...) {
			a, ok := s.Approval(update, g)
			seen := slices.ContainsFunc(out, func(u model.UnreachedGroup) bool { return u.Approval.Group == g })
			if ok && !seen && !slices.Contains(groups, g) {
				out = append(out, model.UnreachedGroup{Approval: a, Excluded: id})
			}
		}
	}
	return out
}
