package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fettle/model"
)

// planned gives the lines of a plan that name computers.
func planned(t testing.TB, s *Store, c model.Change) []string {
	t.Helper()
	var out []string
	for _, l := range must1(s.Plan(t.Context(), c, admin))(t).Lines {
		if strings.Contains(l, ": ") || strings.HasPrefix(l, "and ") {
			out = append(out, l)
		}
	}
	return out
}

// Plans of changes of groups say which approvals change, and for whom.
func TestPlanNamesWhoseApprovalsChange(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("openssl", "3.0"), debian("zlib", "1.3")}))(t)
	servers, web := addGroup(t, s, "Servers", model.GroupAll), addGroup(t, s, "Web", model.GroupAll)
	web1, web2 := computer(t, s, "web1", []uint32{1, 2}, nil), computer(t, s, "web2", []uint32{1}, nil)
	join := model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: servers}, Computers: []uint32{web1}}
	must1(s.Make(t.Context(), join, admin))(t)
	install := approval([]uint32{1}, model.ActionInstall, servers)
	install.Name = "November"
	install.Groups[0].Deadline = testTime.AddDate(0, 0, 3)
	must1(s.Make(t.Context(), install, admin))(t)
	due := install.Groups[0].Deadline.In(s.Now().Location()).Format("2006-01-02 15:04 MST")
	was := fmt.Sprintf("Install for Servers by %s (deployment 1, November, by alice)", due)

	want := []string{"web1: openssl 3.0 is no longer approved (was " + was + ")"}
	if got := planned(t, s, model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: servers}}); !slices.Equal(got, want) {
		t.Errorf("removing the group: %q, expected %q", got, want)
	}
	if got := planned(t, s, model.Change{Kind: model.ChangeLeave, Group: &model.Group{ID: servers}, Computers: []uint32{web1}}); !slices.Equal(got, want) {
		t.Errorf("leaving the group: %q, expected %q", got, want)
	}
	gained := []string{"web2: openssl 3.0 becomes approved: " + was + " (was not approved)"}
	for name, c := range map[string]model.Change{
		"joining":   {Kind: model.ChangeJoin, Group: &model.Group{ID: servers}, Computers: []uint32{web2}},
		"a formula": {Kind: model.ChangeFormula, Group: &model.Group{ID: servers, Formula: "name:web2"}},
	} {
		if got := planned(t, s, c); !slices.Equal(got, gained) {
			t.Errorf("%s: %q, expected %q", name, got, gained)
		}
	}

	// Moving a group makes another approval the deepest.
	must1(s.Make(t.Context(), model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: web}, Computers: []uint32{web1}}, admin))(t)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionNotApproved, web), admin))(t)
	want = []string{"web1: openssl 3.0 is no longer approved (was " + was + "; now Not Approved for Web (deployment 2))"}
	if got := planned(t, s, model.Change{Kind: model.ChangeGroupMove, Group: &model.Group{ID: web, Parent: servers}}); !slices.Equal(got, want) {
		t.Errorf("moving the group: %q, expected %q", got, want)
	}
}

// More than five are counted: one for each computer before a second for any.
func TestPlanNamesAtMostFive(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{debian("a", "1"), debian("b", "1")}))(t)
	group := addGroup(t, s, "Servers", model.GroupAll)
	join := model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: group}}
	for i := range 4 {
		join.Computers = append(join.Computers, computer(t, s, fmt.Sprint("c", i+1), []uint32{1, 2}, nil))
	}
	must1(s.Make(t.Context(), approval([]uint32{1, 2}, model.ActionInstall, group), admin))(t)
	got := planned(t, s, join)
	var who []string
	for _, l := range got {
		name, _, _ := strings.Cut(l, ": ")
		who = append(who, name)
	}
	if want := []string{"c1", "c1", "c2", "c3", "c4", "and 3 more"}; !slices.Equal(who, want) {
		t.Errorf("%q, expected lines for %q", got, want)
	}
}

func TestPlanOfBundleSaysWhatItBrings(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	must1(s.Import(t.Context(), []*model.Update{vendor("bundle", bundles("x", "y")), vendor("x"), vendor("y"), vendor("z")}))(t)
	for _, c := range []struct {
		updates []uint32
		says    string
	}{{[]uint32{1}, "As a bundle it brings 2 updates with it."}, {[]uint32{1, 2}, "Bundles among them bring 1 more update with them."}, {[]uint32{4}, ""}} {
		p := must1(s.Plan(t.Context(), approval(c.updates, model.ActionInstall, model.GroupAll), admin))(t)
		if i := slices.IndexFunc(p.Lines, func(l string) bool { return strings.Contains(strings.ToLower(l), "bundle") }); (i >= 0) != (c.says != "") || i >= 0 && p.Lines[i] != c.says {
			t.Errorf("%v: %q, expected %q", c.updates, p.Lines, c.says)
		}
	}
}
