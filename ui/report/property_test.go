package report

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fettle/model"
)

// random makes a store with random updates, computers, groups and decisions.
func random(t *testing.T, seed uint64) *site {
	r := rand.New(rand.NewPCG(seed, 7))
	s := newSite(t)
	classes := model.Classifications()
	var updates []*model.Update
	for i := range 20 + r.IntN(20) {
		updates = append(updates, &model.Update{
			ID: model.UpdateID(fmt.Sprintf("00000000-0000-0000-0000-%012d", i)), Upstream: "debian", Title: fmt.Sprintf("update %02d", i), Class: classes[r.IntN(len(classes))],
			Severity: model.Severity(r.IntN(5)), Released: s.now.Add(-time.Duration(r.IntN(200*24)) * time.Hour), Products: []model.CategoryID{model.CategoryID(fmt.Sprint("p", r.IntN(3)))},
		})
	}
	numbers := s.add(updates...)
	var computers []uint32
	for i := range 15 + r.IntN(15) {
		c := model.Computer{ID: model.ComputerID(fmt.Sprint("c", i)), Name: fmt.Sprint("computer", i), Platform: model.PlatformLinux, Role: model.Role(r.IntN(3)), Contacted: s.now}
		var st *model.Status
		if r.IntN(6) > 0 {
			c.Reported = s.now
			st = &model.Status{Reported: s.now, Evaluated: uint32(r.IntN(len(numbers) + 1))}
			for _, n := range numbers {
				if n > st.Evaluated {
					break
				}
				switch r.IntN(8) {
				case 0:
					st.Needed = append(st.Needed, n)
				case 1:
					st.Downloaded = append(st.Downloaded, n)
				case 2:
					st.Failed = append(st.Failed, n)
				case 3:
					st.Pending = append(st.Pending, n)
				case 4, 5:
					st.Installed = append(st.Installed, n)
				}
			}
		}
		computers = append(computers, s.record(c, st))
	}
	some := func(all []uint32, n int) []uint32 {
		out := slices.Clone(all)
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		out = out[:min(n, len(out))]
		slices.Sort(out)
		return out
	}
	var own []model.GroupID
	for i := range 4 {
		parent := model.GroupAll
		if len(own) > 0 && r.IntN(2) == 0 {
			parent = own[r.IntN(len(own))]
		}
		s.make(model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: fmt.Sprint("G", i), Parent: parent}})
		id := s.Snapshot().Groups().ByName(fmt.Sprint("G", i)).ID
		own = append(own, id)
		s.make(model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: id}, Computers: some(computers, 8)})
	}
	var approvals []uint64
	for i := range 6 {
		c := model.Change{Kind: model.ChangeApprove, Name: fmt.Sprint("D", i), Updates: some(numbers, 10)}
		for _, g := range append([]model.GroupID{model.GroupAll, model.GroupServers}, own...) {
			if r.IntN(3) == 0 {
				a := model.GroupAction{Group: g, Action: model.ActionInstall}
				if g != model.GroupAll && r.IntN(3) == 0 {
					a.Action = model.ActionNotApproved
				}
				c.Groups = append(c.Groups, a)
			}
		}
		if len(c.Groups) > 0 {
			approvals = append(approvals, s.make(c).Seq)
		}
	}
	if len(approvals) > 1 {
		if _, err := s.Undo(context.Background(), approvals[0], admin, ""); err != nil {
			t.Fatal(err)
		}
	}
	s.make(model.Change{Kind: model.ChangeDecline, Updates: some(numbers, 3)})
	return s
}

// TestNumbersAgree compares what the reports compute in one pass with what a
// look at every pair gives, and with the store's own counts.
func TestNumbersAgree(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := random(t, seed)
			snap := s.Snapshot()
			checkProgress(t, s)
			groups := snap.Groups().Order()
			for _, g := range groups {
				for _, base := range []Base{BaseAll, BaseApproved} {
					checkCounts(t, s, g, base)
				}
			}
			for _, d := range Definitions() {
				r := s.report(d.Name, Parameters{})
				checkShape(t, r)
				checkWidth(t, r, 80)
				checkJSON(t, r)
			}
		})
	}
}

func checkCounts(t *testing.T, s *site, g model.GroupID, base Base) {
	t.Helper()
	snap := s.Snapshot()
	p := Parameters{Group: g, Base: base}
	b := &builder{ctx: t.Context(), st: s.Store, snap: snap, p: p, def: Definitions()[0]}
	b.p.Now, b.p.Zone = s.now, time.UTC
	if err := b.scope(); err != nil {
		t.Fatal(err)
	}
	m, err := b.fleet.measure(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	// By hand, pair by pair.
	counts := map[uint32]model.Counts{}
	totals := map[uint32]model.UpdateTotals{}
	for it := snap.Members(g).Iterator(); it.HasNext(); {
		c := it.Next()
		for _, r := range snap.Updates() {
			if r.Has(model.FlagDeclined) || base == BaseApproved && !snap.Effective(c, r.Number).Approved() {
				continue
			}
			n, u := counts[r.Number], totals[c]
			n.Computers++
			switch st := snap.State(c, r.Number); st {
			case model.StateUnknown:
				n.Unknown++
				u.Unknown++
			case model.StateNotApplicable:
				n.NotApplicable++
			case model.StateInstalled:
				n.Installed++
				u.Installed++
			case model.StateFailed:
				n.Failed++
				u.Failed++
			default:
				n.Needed++
				u.Needed++
				n.Pending += boolean(st == model.StateInstalledPendingReboot)
				u.Pending += boolean(st == model.StateInstalledPendingReboot)
				n.Downloaded += boolean(st == model.StateDownloaded)
			}
			counts[r.Number], totals[c] = n, u
		}
	}
	for u, got := range m.counts {
		if got != counts[uint32(u)] {
			t.Errorf("%s, %s: update %d counts %+v, by hand %+v", g, base, u, got, counts[uint32(u)])
		}
		if base == BaseAll && b.fleet.inside[u] {
			if want := snap.Counts(uint32(u), g); got != want {
				t.Errorf("%s: update %d counts %+v, the store says %+v", g, u, got, want)
			}
		}
	}
	split := [4]int{}
	for i, c := range b.fleet.members {
		if m.totals[i] != totals[c] {
			t.Errorf("%s, %s: computer %d counts %+v, by hand %+v", g, base, c, m.totals[i], totals[c])
		}
		split[m.state(b.fleet, i)]++
	}
	if base == BaseAll && split != snap.Split(g) {
		t.Errorf("%s: the split is %v, the store says %v", g, split, snap.Split(g))
	}
	if approved, updates := snap.SplitApproved(g); base == BaseApproved && (split != approved || updates != m.updates) {
		t.Errorf("%s: the split over approved updates is %v of %d, the store says %v of %d", g, split, m.updates, approved, updates)
	}
	// What the reports print adds up.
	r := s.report("update-tabular-status", p)
	for _, row := range rows(t, r, "updates") {
		if row["needed"].(int)+row["failed"].(int)+row["installed"].(int)+row["not_applicable"].(int)+row["no_status"].(int) != row["computers"].(int) {
			t.Errorf("%s, %s: %v does not add up", g, base, row)
		}
	}
	r = s.report("compliance", p)
	sum, percent := 0, 0.0
	for _, row := range rows(t, r, "status") {
		sum += row["computers"].(int)
		p, _ := row["percent"].(Share).Percent()
		percent += p
	}
	if sum != r.Scope.Computers || sum > 0 && (percent > 100.0001 || percent < 99.6) {
		t.Errorf("%s, %s: the four states have %d computers of %d, and %.1f %%", g, base, sum, r.Scope.Computers, percent)
	}
	missing := 0
	for _, n := range totals {
		missing += n.Needed + n.Failed
	}
	for _, facet := range []string{"classifications", "severities", "products", "ages"} {
		n := 0
		for _, row := range rows(t, r, facet) {
			n += row["missing"].(int)
		}
		if n != missing {
			t.Errorf("%s, %s: %s miss %d, by hand %d", g, base, facet, n, missing)
		}
	}
	detail := s.report("update-detailed-status", p)
	if got := len(rows(t, detail, "computers")); got != missing {
		t.Errorf("%s, %s: %d pairs are listed, by hand %d", g, base, got, missing)
	}
	detail = s.report("computer-detailed-status", p)
	if got := len(rows(t, detail, "updates")); got != missing {
		t.Errorf("%s, %s: %d needed updates are listed, by hand %d", g, base, got, missing)
	}
}

func TestPercentNeverRoundsUp(t *testing.T) {
	for _, c := range []struct {
		s    Share
		want float64
		ok   bool
	}{{Share{1999, 2000}, 99.9, true}, {Share{99999, 100000}, 99.9, true}, {Share{2, 3}, 66.6, true}, {Share{5, 5}, 100, true}, {Share{0, 7}, 0, true}, {Share{0, 0}, 0, false}} {
		if got, ok := c.s.Percent(); got != c.want || ok != c.ok {
			t.Errorf("%v is %v %v, want %v %v", c.s, got, ok, c.want, c.ok)
		}
	}
}
