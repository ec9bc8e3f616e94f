package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// GroupID identifies a computer group. Groups made by administrators have
// "g1", "g2" and so on; renaming and moving keep the identifier.
type GroupID string

// The predefined groups. All Computers is the root; the others are its
// children. Membership of them is computed, and all but Unassigned Computers do
// not take a computer out of that (commands.md, end).
const (
	GroupAll        GroupID = "all"
	GroupUnassigned GroupID = "unassigned"
	GroupServers    GroupID = "servers"
	GroupClients    GroupID = "clients"
	GroupWindows    GroupID = "windows"
	GroupLinux      GroupID = "linux"
)

// Group is a computer group. Its members are its own members, those that its
// formula matches and the members of its subgroups, without those excluded.
type Group struct {
	ID       GroupID  `cbor:"1,keyasint"`
	Name     string   `cbor:"2,keyasint"`
	Parent   GroupID  `cbor:"3,keyasint,omitempty"` // empty for All Computers only
	Formula  string   `cbor:"4,keyasint,omitempty"` // a query on computers; makes the group dynamic
	Members  []uint32 `cbor:"5,keyasint,omitempty"` // numbers of computers put here by hand, sorted
	Excluded []uint32 `cbor:"6,keyasint,omitempty"` // numbers of computers that do not belong here whatever matches, sorted
	Policy   Policy   `cbor:"7,keyasint"`
}

// Predefined says whether the group is one of Fettle's own, which cannot be
// renamed, moved or removed.
func (g *Group) Predefined() bool {
	switch g.ID {
	case GroupAll, GroupUnassigned, GroupServers, GroupClients, GroupWindows, GroupLinux:
		return true
	}
	return false
}

// PredefinedGroups makes the groups that a new store starts with.
func PredefinedGroups() []Group {
	return []Group{
		{ID: GroupAll, Name: "All Computers", Policy: DefaultPolicy()},
		{ID: GroupUnassigned, Name: "Unassigned Computers", Parent: GroupAll},
		{ID: GroupServers, Name: "All Servers", Parent: GroupAll, Formula: "role:server"},
		{ID: GroupClients, Name: "All Clients", Parent: GroupAll, Formula: "role:client"},
		{ID: GroupWindows, Name: "All Windows Computers", Parent: GroupAll, Formula: "platform:windows"},
		{ID: GroupLinux, Name: "All Linux Computers", Parent: GroupAll, Formula: "platform:linux"},
	}
}

// GroupTree is all groups with their places. It is immutable.
type GroupTree struct {
	byID     map[GroupID]*Group
	children map[GroupID][]GroupID
	depth    map[GroupID]int
	order    []GroupID // depth first, predefined before made, then by name
}

// NewGroupTree arranges groups. A group whose parent is missing, and a cycle,
// are errors: the store never keeps such.
func NewGroupTree(groups []Group) (*GroupTree, error) {
	t := &GroupTree{byID: map[GroupID]*Group{}, children: map[GroupID][]GroupID{}, depth: map[GroupID]int{}}
	for i := range groups {
		g := &groups[i]
		if t.byID[g.ID] != nil {
			return nil, fmt.Errorf("group %s exists twice", g.ID)
		}
		t.byID[g.ID] = g
	}
	for i := range groups {
		g := &groups[i]
		if g.ID == GroupAll {
			continue
		}
		if t.byID[g.Parent] == nil {
			return nil, fmt.Errorf("the parent %q of group %q does not exist", g.Parent, g.Name)
		}
		t.children[g.Parent] = append(t.children[g.Parent], g.ID)
	}
	for _, c := range t.children {
		slices.SortFunc(c, func(a, b GroupID) int {
			ga, gb := t.byID[a], t.byID[b]
			if ga.Predefined() != gb.Predefined() {
				if ga.Predefined() {
					return -1
				}
				return 1
			}
			if ga.Predefined() {
				return cmp.Compare(predefinedRank(a), predefinedRank(b))
			}
			return cmp.Or(cmp.Compare(strings.ToLower(ga.Name), strings.ToLower(gb.Name)), cmp.Compare(a, b))
		})
	}
	var walk func(id GroupID, depth int)
	walk = func(id GroupID, depth int) {
		t.depth[id] = depth
		t.order = append(t.order, id)
		for _, c := range t.children[id] {
			walk(c, depth+1)
		}
	}
	if t.byID[GroupAll] != nil {
		walk(GroupAll, 0)
	}
	if len(t.order) != len(groups) {
		return nil, fmt.Errorf("%d of %d groups are not below All Computers", len(groups)-len(t.order), len(groups))
	}
	return t, nil
}

func predefinedRank(id GroupID) int {
	return slices.Index([]GroupID{GroupAll, GroupUnassigned, GroupServers, GroupClients, GroupWindows, GroupLinux}, id)
}

// Group gives a group, or nil.
func (t *GroupTree) Group(id GroupID) *Group { return t.byID[id] }

// Depth gives the distance from All Computers, which has depth 0.
func (t *GroupTree) Depth(id GroupID) int { return t.depth[id] }

// Children gives the direct subgroups in display order.
func (t *GroupTree) Children(id GroupID) []GroupID { return t.children[id] }

// Order gives all groups depth first, in display order.
func (t *GroupTree) Order() []GroupID { return t.order }

// Ancestors gives the group's parent, its parent and so on up to All Computers.
func (t *GroupTree) Ancestors(id GroupID) []GroupID {
	var up []GroupID
	for g := t.byID[id]; g != nil && g.Parent != ""; g = t.byID[g.Parent] {
		up = append(up, g.Parent)
	}
	return up
}

// Within says whether id is group or below it.
func (t *GroupTree) Within(id, group GroupID) bool {
	return id == group || slices.Contains(t.Ancestors(id), group)
}

// ByName finds a group by its exact name; case matters.
func (t *GroupTree) ByName(name string) *Group {
	for _, id := range t.order {
		if t.byID[id].Name == name {
			return t.byID[id]
		}
	}
	return nil
}

// Names gives all names in display order, for completion and suggestions.
func (t *GroupTree) Names() []string {
	names := make([]string, 0, len(t.order))
	for _, id := range t.order {
		names = append(names, t.byID[id].Name)
	}
	return names
}

// Path gives the names from All Computers down to the group.
func (t *GroupTree) Path(id GroupID) []string {
	up := t.Ancestors(id)
	slices.Reverse(up)
	names := make([]string, 0, len(up)+1)
	for _, a := range append(up, id) {
		if g := t.byID[a]; g != nil {
			names = append(names, g.Name)
		}
	}
	return names
}
