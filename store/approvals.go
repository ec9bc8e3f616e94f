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

// Deploying is the progress of a deployment: pairs of a computer and an update
// that applies there, by how far they are.
type Deploying struct {
	Deployment *model.Deployment
	Groups     []GroupProgress // one per group of the deployment
	Total      Pairs
	Updates    []UpdateProgress // one per update that concerns any computer
}

// Pairs counts (computer, update) pairs. Overridden ones follow another
// approval than this deployment's; Unknown ones belong to computers that have
// not reported on the update. Neither is part of Applicable.
type Pairs struct {
	Applicable int
	Installed  int
	Failed     int
	Pending    int
	Waiting    int // needed or downloaded
	Overridden int
	Unknown    int
}

// Percent is how much of what applies is installed: 100 when nothing applies.
func (p Pairs) Percent() float64 {
	if p.Applicable == 0 {
		return 100
	}
	return 100 * float64(p.Installed) / float64(p.Applicable)
}

func (p *Pairs) add(o Pairs) {
	p.Applicable += o.Applicable
	p.Installed += o.Installed
	p.Failed += o.Failed
	p.Pending += o.Pending
	p.Waiting += o.Waiting
	p.Overridden += o.Overridden
	p.Unknown += o.Unknown
}

// GroupProgress is a deployment's progress in one of its groups.
type GroupProgress struct {
	Group model.GroupAction
	Name  string
	Pairs
}

// UpdateProgress is a deployment's progress for one of its updates.
type UpdateProgress struct {
	Update uint32
	Pairs
	Failed []uint32 // computers
}

// Progress computes how far a deployment is, or nil when there is none of that
// number. A computer in several of its groups counts once in the total.
func (s *Snapshot) Progress(id uint64) *Deploying {
	d := s.Deployment(id)
	if d == nil {
		return nil
	}
	out := &Deploying{Deployment: d}
	scope := roaring.New()
	for _, ga := range d.Groups {
		gp := GroupProgress{Group: ga}
		if g := s.tree.Group(ga.Group); g != nil {
			gp.Name = g.Name
		} else {
			gp.Name = string(ga.Group) + " (removed)"
		}
		if ga.Action == model.ActionInstall {
			m := s.Members(ga.Group)
			for _, u := range d.Updates {
				p, _ := s.pairs(d.ID, u, m)
				gp.Pairs.add(p)
			}
			scope.Or(m)
		}
		out.Groups = append(out.Groups, gp)
	}
	for _, u := range d.Updates {
		p, failed := s.pairs(d.ID, u, scope)
		out.Total.add(p)
		if p.Applicable+p.Overridden+p.Unknown > 0 {
			out.Updates = append(out.Updates, UpdateProgress{Update: u, Pairs: p, Failed: failed})
		}
	}
	return out
}

// pairs counts the computers of scope for one update of a deployment. Computers
// where it is installed count as its success whichever approval did it.
func (s *Snapshot) pairs(deployment uint64, update uint32, scope *roaring.Bitmap) (p Pairs, failed []uint32) {
	t := s.tallies.at(update)
	for it := scope.Iterator(); it.HasNext(); {
		c := it.Next()
		state := s.State(c, update)
		switch state {
		case model.StateUnknown:
			p.Unknown++
			continue
		case model.StateNotApplicable:
			continue
		case model.StateInstalled:
			p.Applicable++
			p.Installed++
			continue
		}
		if t == nil || s.Effective(c, update).Deployment != deployment {
			p.Overridden++
			continue
		}
		p.Applicable++
		switch state {
		case model.StateFailed:
			p.Failed++
			failed = append(failed, c)
		case model.StateInstalledPendingReboot:
			p.Pending++
		default:
			p.Waiting++
		}
	}
	return p, failed
}
