package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fettle/model"
	"fettle/model/query"
)

// checkFormula refuses a formula that is not a query on computers, or that asks
// for groups: membership would depend on itself.
func checkFormula(text string) error {
	if text == "" {
		return nil
	}
	q, err := query.ParseComputers(text)
	switch {
	case err != nil:
		return &model.Refusal{Code: "formula", What: fmt.Sprintf("The formula %q was refused", model.Clean(text)), Why: err.Error()}
	case q.UsesGroups():
		return &model.Refusal{Code: "formula", What: fmt.Sprintf("The formula %q was refused", model.Clean(text)), Why: "a group's formula cannot ask for groups, or for what was postponed"}
	}
	return nil
}

// performGroup makes a change to groups, their members or policies.
func (d *draft) performGroup(c *model.Change) (*model.Change, error) {
	switch c.Kind {
	case model.ChangeGroupAdd:
		return d.addGroup(c)
	case model.ChangeGroupRemove:
		return d.removeGroup(c)
	}
	old := *d.tree.Group(c.Group.ID)
	g := old
	inverse := &model.Change{Kind: c.Kind, Group: &model.Group{ID: g.ID}}
	switch c.Kind {
	case model.ChangeGroupRename:
		inverse.Group.Name, g.Name = g.Name, c.Group.Name
	case model.ChangeGroupMove:
		inverse.Group.Parent, g.Parent = g.Parent, c.Group.Parent
	case model.ChangeFormula:
		inverse.Group.Formula, g.Formula = g.Formula, c.Group.Formula
	case model.ChangePolicy:
		inverse.Group.Policy, g.Policy = g.Policy, c.Group.Policy
	case model.ChangeJoin:
		inverse.Kind = model.ChangeLeave
		g.Members, inverse.Computers = with(g.Members, c.Computers)
	case model.ChangeLeave:
		inverse.Kind = model.ChangeJoin
		g.Members, inverse.Computers = less(g.Members, c.Computers)
	case model.ChangeExclude:
		inverse.Kind = model.ChangeInclude
		g.Excluded, inverse.Computers = with(g.Excluded, c.Computers)
	case model.ChangeInclude:
		inverse.Kind = model.ChangeExclude
		g.Excluded, inverse.Computers = less(g.Excluded, c.Computers)
	default:
		return nil, fmt.Errorf("a change of kind %q is not known to this version", c.Kind)
	}
	if len(c.Computers) > 0 && len(inverse.Computers) == 0 {
		return nil, &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "the membership is so already"}
	}
	return inverse, d.setGroups(g)
}

// with adds numbers to a sorted list; added are those that were not in it.
func with(list, add []uint32) (out, added []uint32) {
	out = slices.Clone(list)
	for _, n := range add {
		if i, ok := slices.BinarySearch(out, n); !ok {
			out = slices.Insert(out, i, n)
			added = append(added, n)
		}
	}
	return out, added
}

// less takes numbers out of a sorted list; removed are those that were in it.
func less(list, remove []uint32) (out, removed []uint32) {
	out = slices.Clone(list)
	for _, n := range remove {
		if i, ok := slices.BinarySearch(out, n); ok {
			out = slices.Delete(out, i, i+1)
			removed = append(removed, n)
		}
	}
	return out, removed
}

// allGroups is every group, by value.
func (s *Snapshot) allGroups() []model.Group {
	all := make([]model.Group, 0, len(s.tree.Order()))
	for _, id := range s.tree.Order() {
		all = append(all, *s.tree.Group(id))
	}
	return all
}

// setGroups writes groups, new or changed, and computes memberships anew.
func (d *draft) setGroups(groups ...model.Group) error {
	all := d.allGroups()
	for _, g := range groups {
		if i := slices.IndexFunc(all, func(o model.Group) bool { return o.ID == g.ID }); i >= 0 {
			all[i] = g
		} else {
			all = append(all, g)
		}
		if err := d.put(keyGroup(g.ID), g); err != nil {
			return err
		}
	}
	tree, err := model.NewGroupTree(all)
	if err != nil {
		return err
	}
	d.tree = tree
	return d.recomputeGroups()
}

func (d *draft) addGroup(c *model.Change) (*model.Change, error) {
	if len(c.Restored) > 0 {
		return &model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: c.Restored[0].ID}}, d.setGroups(c.Restored...)
	}
	d.groupNumber++
	g := *c.Group
	g.ID = model.GroupID(fmt.Sprintf("g%d", d.groupNumber))
	g.Members = slices.Clone(c.Computers)
	slices.Sort(g.Members)
	g.Members = slices.Compact(g.Members)
	c.Group = &g
	return &model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: g.ID}},
		errors.Join(d.setGroups(g), d.put(keyMeta(metaGroups), d.groupNumber))
}

// removeGroup removes a group with its subgroups. Approvals that deployments
// gave them stay in these, and count again when the groups are restored.
func (d *draft) removeGroup(c *model.Change) (*model.Change, error) {
	var gone, rest []model.Group
	for _, g := range d.allGroups() {
		if d.tree.Within(g.ID, c.Group.ID) {
			gone = append(gone, g)
			d.delete(keyGroup(g.ID))
		} else {
			rest = append(rest, g)
		}
	}
	tree, err := model.NewGroupTree(rest)
	if err != nil {
		return nil, err
	}
	d.tree = tree
	return &model.Change{Kind: model.ChangeGroupAdd, Restored: gone}, d.recomputeGroups()
}

// NearestGroup gives the group name that is most like a wrong one.
func (s *Snapshot) NearestGroup(name string) string {
	for _, n := range s.tree.Names() {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	return model.Nearest(name, s.tree.Names())
}
