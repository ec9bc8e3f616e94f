package store

import (
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// layer is what one deployment still says of one group: the updates for which
// no later deployment said something else. A group's layers are disjoint, so
// that at most one holds for an update, and a deployment of any size costs one
// layer per group, not a record per pair.
type layer struct {
	deployment uint64
	action     model.Action
	deadline   time.Time
	updates    *roaring.Bitmap
}

// approval is what the layer says, in a group.
func (l layer) approval(g model.GroupID) model.Approval {
	return model.Approval{Group: g, Action: l.action, Deadline: l.deadline, Deployment: l.deployment}
}

// stack lays a deployment over the groups' layers. It changes the map, and
// replaces slices and bitmaps instead of changing them.
func stack(layers map[model.GroupID][]layer, d *model.Deployment) {
	if d.Undone {
		return
	}
	updates := roaring.BitmapOf(d.Updates...)
	if d.Reverses != 0 { // reinstated: Not Approved everywhere, not the old approvals (semantics 7.6)
		for g := range layers {
			layers[g] = without(layers[g], updates)
		}
		return
	}
	for _, ga := range d.Groups {
		rest := without(layers[ga.Group], updates)
		if ga.Action != model.ActionInherit {
			rest = append(rest, layer{deployment: d.ID, action: ga.Action, deadline: ga.Deadline, updates: updates})
		}
		layers[ga.Group] = rest
	}
}

func without(layers []layer, updates *roaring.Bitmap) []layer {
	rest := make([]layer, 0, len(layers)+1)
	for _, l := range layers {
		if l.updates.Intersects(updates) {
			l.updates = roaring.AndNot(l.updates, updates)
		}
		if !l.updates.IsEmpty() {
			rest = append(rest, l)
		}
	}
	return rest
}

// stackAll lays all deployments over each other, in their order.
func stackAll(deployments []*model.Deployment) map[model.GroupID][]layer {
	layers := map[model.GroupID][]layer{}
	for _, d := range deployments {
		stack(layers, d)
	}
	return layers
}

// Approval gives a group's own approval of an update.
func (s *Snapshot) Approval(update uint32, group model.GroupID) (model.Approval, bool) {
	for _, l := range s.layers[group] {
		if l.updates.Contains(update) {
			a := l.approval(group)
			a.Stale = s.stale(update, l.deployment)
			return a, true
		}
	}
	return model.Approval{}, false
}

// Approvals gives the groups' own approvals of an update, in display order of
// the groups.
func (s *Snapshot) Approvals(update uint32) []model.Approval {
	var all []model.Approval
	for _, g := range s.tree.Order() {
		if a, ok := s.Approval(update, g); ok {
			all = append(all, a)
		}
	}
	return all
}

// Effective gives the approval that holds for an update on a computer, with the
// step that decided and those that lost.
func (s *Snapshot) Effective(computer, update uint32) model.EffectiveApproval {
	var found []model.Approval
	for _, g := range s.GroupsOf(computer) {
		if a, ok := s.Approval(update, g); ok {
			found = append(found, a)
		}
	}
	return model.ResolveApproval(s.tree, s.declined.Contains(update), found)
}
