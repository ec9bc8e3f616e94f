package store

import (
	"strings"
	"testing"

	"fettle/model"
)

// A bundle is not approved against its parts (semantics 3.2), in the same group.
func TestOppositeOfAPartIsRefused(t *testing.T) {
	for _, c := range []struct{ part, bundle model.Action }{{model.ActionUninstall, model.ActionInstall}, {model.ActionInstall, model.ActionUninstall}} {
		s := newTest(t)
		ready(t, s)
		must1(s.Import(t.Context(), []*model.Update{vendor("bundle", bundles("inner")), vendor("inner", bundles("part")), vendor("part"), vendor("other")}))(t)
		web, db := addGroup(t, s, "Web", model.GroupAll), addGroup(t, s, "Database", model.GroupAll)
		must1(s.Make(t.Context(), approval([]uint32{3}, c.part, web), admin))(t)
		_, err := s.Make(t.Context(), approval([]uint32{4, 1}, c.bundle, db, web), admin)
		r := refused(t, err, "opposite")
		if !strings.Contains(r.Why, "Update bundle bundles Update part") || !strings.Contains(r.Why, c.part.Title()+" for Web") || r.Remedy != "take that approval away first: fettle approve part --group Web --action inherit" {
			t.Errorf("%+v", r)
		}
		for _, ok := range []model.Change{
			approval([]uint32{1}, c.bundle, db),                    // another group
			approval([]uint32{1}, c.part, web),                     // the same action
			approval([]uint32{1}, model.ActionNotApproved, web),    // asks for nothing
			approval([]uint32{1, 3}, c.bundle, web),                // the part goes along
			approval([]uint32{3, 4}, model.ActionNotApproved, web), // takes it away
			approval([]uint32{1}, c.bundle, web),                   // as the remedy says
		} {
			must1(s.Make(t.Context(), ok, admin))(t)
		}
	}
}

// A rule leaves such a bundle alone, and approves the rest.
func TestRuleLeavesOppositeAlone(t *testing.T) {
	s := newTest(t)
	ready(t, s)
	web := addGroup(t, s, "Web", model.GroupAll)
	must1(s.Import(t.Context(), []*model.Update{vendor("part")}))(t)
	must1(s.Make(t.Context(), approval([]uint32{1}, model.ActionUninstall, web), admin))(t)
	addRule(t, s, model.Rule{Name: "All", Enabled: true, Groups: []model.GroupID{web}})
	must1(s.Import(t.Context(), []*model.Update{vendor("bundle", bundles("part")), vendor("other")}))(t)
	out := runRules(t, s)
	_, bundle := s.Snapshot().Approval(2, web)
	_, other := s.Snapshot().Approval(3, web)
	if len(out) != 1 || out[0].Updates != 1 || bundle || !other {
		t.Errorf("%+v, the bundle is approved: %v, the other: %v", out, bundle, other)
	}
}

// What declining a bundle would take along saves it (semantics 3.8).
func TestCleanupSparesBundleOfApprovedPart(t *testing.T) {
	s, now := clocked(t)
	expired := func(u *model.Update) { u.Publication = model.Expired }
	must1(s.Import(t.Context(), []*model.Update{vendor("bundle", expired, bundles("part", "free")), vendor("part"), vendor("free"), vendor("gone", expired, bundles("free")),
		vendor("old", bundles("part")), vendor("new", supersedes("old"))}))(t)
	approveAll(t, s, "", model.ActionInstall, 2, 6)
	*now = testTime.AddDate(0, 0, 100)
	items := judged(t, s, model.CleanupExpired)
	if it := items[1]; !it.Saved || it.Reason != "its part Update part is approved (Install for All Computers)" {
		t.Errorf("%+v", it)
	}
	if it := items[4]; it.Saved {
		t.Errorf("%+v", it)
	}
	if it := judged(t, s, model.CleanupSuperseded)[5]; !it.Saved || !strings.HasPrefix(it.Reason, "its part Update part is approved") {
		t.Errorf("%+v", it)
	}
}
