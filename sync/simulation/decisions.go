package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// The people who decide. Each comes by a way of his or her own.
var (
	amara = model.Actor{Who: "amara", From: model.FromConsole, Role: model.AccessAdministrator}
	bjorn = model.Actor{Who: "bjorn", From: model.FromSSH, Via: "10.1.0.17:51022", Role: model.AccessOperator}
	chidi = model.Actor{Who: "chidi", From: model.FromCommand, Role: model.AccessOperator}
	dalia = model.Actor{Who: "dalia", From: model.FromConsole, Role: model.AccessAdministrator}
	self  = model.Actor{Who: "fettle", From: model.FromServer, Role: model.AccessAdministrator}
)

// make makes a change. That there is nothing to change is no error: another
// person was faster.
func (h *history) make(ctx context.Context, c model.Change, by model.Actor) (model.Entry, error) {
	e, err := h.store.Make(ctx, c, by)
	var no *model.Refusal
	if errors.As(err, &no) && no.Code == "nothing" {
		return e, nil
	}
	return e, err
}

// planSetup runs both wizards before the first synchronization.
func (h *history) planSetup() {
	at := h.begin().Add(-3 * time.Hour)
	h.then(at, "running the wizards", func(ctx context.Context) error {
		if _, err := h.make(ctx, model.Change{Kind: model.ChangeComputers, How: []string{"enrolment by token", "Group Policy"}}, amara); err != nil {
			return err
		}
		settings := &model.Settings{Languages: []string{"en", "de", "ja"}}
		for _, u := range h.upstreams() {
			if _, err := h.make(ctx, model.Change{Kind: model.ChangeUpdates, Settings: settings, Upstream: &u}, amara); err != nil {
				return err
			}
		}
		return nil
	})
}

// upstreams are those from which the catalogue comes.
func (h *history) upstreams() []model.Upstream {
	all := []model.Upstream{
		{Name: UpstreamMicrosoft, Kind: model.UpstreamMicrosoft, Location: "https://updates.example.com"},
		{Name: UpstreamDebian, Kind: model.UpstreamDebian, Location: "https://archive.example.com/debian", Options: map[string]string{"suite": "bookworm", "components": component}},
	}
	return slices.DeleteFunc(all, func(u model.Upstream) bool {
		return !slices.ContainsFunc(h.catalogue.Runs, func(r Run) bool { return r.Upstream == u.Name })
	})
}

// planDecisions lays out what administrators did over the time.
func (h *history) planDecisions() {
	begin := h.begin()
	h.then(begin.Add(22*day), "making groups", h.makeGroups)
	h.then(begin.Add(23*day), "setting policies", h.setPolicies)
	h.then(begin.Add(24*day), "accepting licences", h.acceptLicences)
	h.then(begin.Add(25*day), "making rules", h.makeRules)
	h.then(begin.Add(26*day), "scheduling synchronizations", func(ctx context.Context) error {
		for _, u := range h.upstreams() {
			u.Schedule = model.SyncSchedule{PerDay: 1, First: 3 * 60}
			if _, err := h.make(ctx, model.Change{Kind: model.ChangeUpstream, Upstream: &u}, dalia); err != nil {
				return err
			}
		}
		return nil
	})
	for month := 0; ; month++ {
		at := begin.Add(27*day + time.Duration(month)*30*day)
		if !at.Before(h.Until) {
			break
		}
		if month%3 == 0 {
			h.then(at, "putting new computers into groups", h.placeComputers)
		}
		h.then(at.Add(20*time.Hour), "acknowledging alarms", h.acknowledge)
		h.then(at.Add(50*time.Hour), "making exceptions", func(ctx context.Context) error { return h.except(ctx, month) })
		h.then(at.Add(26*time.Hour), "declining", func(ctx context.Context) error { return h.declineOld(ctx, at) })
	}
	h.planApprovals()
}

// group is a group that an administrator makes.
type group struct {
	name, parent, formula string
	has                   func(*Computer) bool
}

// groupPlan is the groups that suit a number: rings, sites, purposes, and then
// departments of sites.
func groupPlan(n int) []group {
	ring := func(lo, hi uint64) func(*Computer) bool {
		return func(c *Computer) bool { x := mix(c.seed, 5) % 100; return x >= lo && x < hi }
	}
	all := []group{
		{name: "Rings"}, {name: "Pilot", parent: "Rings", has: ring(0, 4)}, {name: "Early", parent: "Rings", has: ring(4, 20)}, {name: "Broad", parent: "Rings", has: ring(20, 97)},
		{name: "Servers of purpose"}, {name: "Web Servers", parent: "Servers of purpose", formula: "role:server name:web*"},
		{name: "Debian 12", formula: `os:"Debian GNU/Linux 12"`}, {name: "営業部 Verkauf é", has: func(c *Computer) bool { return mix(c.seed, 6)%200 == 0 }},
		{name: "Silent for a week", formula: "contact:>7d"}, {name: "Database Servers", parent: "Servers of purpose", formula: "role:server name:db*"}, {name: "Sites"},
	}
	title := func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
	for i, c := range cities {
		all = append(all, group{name: title(c.name), parent: "Sites", has: func(c *Computer) bool { return c.city == i }})
	}
	for d, dep := range departments {
		for i, c := range cities {
			all = append(all, group{name: title(c.name) + " " + dep, parent: title(c.name), has: func(c *Computer) bool { return c.city == i && c.section == d && c.Facts.Role == model.RoleClient }})
		}
	}
	return all[:min(max(n, 6), len(all))]
}

func (h *history) makeGroups(ctx context.Context) error {
	for _, g := range groupPlan(h.Groups) {
		parent := model.GroupAll
		if g.parent != "" {
			parent = h.groups[g.parent]
		}
		c := model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: g.name, Parent: parent, Formula: g.formula}, Computers: h.members(g, 0)}
		e, err := h.make(ctx, c, amara)
		if err != nil {
			return err
		}
		h.groups[g.name] = e.Change.Group.ID
	}
	h.placed = h.enrolled
	// Some do not belong where they stand.
	for _, name := range []string{"Web Servers", "Broad"} {
		id, ok := h.groups[name]
		if !ok {
			continue
		}
		members := h.store.Snapshot().Members(id).ToArray()
		var out []uint32
		for i, n := range members {
			if i%97 == 3 {
				out = append(out, n)
			}
		}
		if len(out) > 0 {
			if _, err := h.make(ctx, model.Change{Kind: model.ChangeExclude, Group: &model.Group{ID: id}, Computers: out, Remark: "they are tested by hand"}, amara); err != nil {
				return err
			}
		}
	}
	return nil
}

// members gives the numbers of a static group's computers that enrolled after
// the first so many.
func (h *history) members(g group, from int) []uint32 {
	var out []uint32
	for _, c := range h.fleet.Computers[from:h.enrolled] {
		if g.has != nil && g.has(c) && c.Facts.Admission == model.Managed {
			out = append(out, c.Facts.Number)
		}
	}
	return out
}

// placeComputers puts computers that came since into their groups.
func (h *history) placeComputers(ctx context.Context) error {
	for _, g := range groupPlan(h.Groups) {
		if m := h.members(g, h.placed); len(m) > 0 {
			if _, err := h.make(ctx, model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: h.groups[g.name]}, Computers: m}, chidi); err != nil {
				return err
			}
		}
	}
	h.placed = h.enrolled
	return nil
}

func (h *history) setPolicies(ctx context.Context) error {
	at := func(day, hour, minute int) *model.WeekTime {
		return &model.WeekTime{Day: day, Minute: hour*60 + minute}
	}
	policies := []struct {
		group  string
		policy model.Policy
	}{
		{"Pilot", model.Policy{Mode: model.ModeScheduled, Install: at(model.EveryDay, 12, 30), Restart: model.RestartIdle}},
		{"Web Servers", model.Policy{Mode: model.ModeScheduled, Install: at(int(time.Saturday), 3, 0), Restart: model.RestartAt, RestartAt: at(int(time.Sunday), 4, 0)}},
		{"Berlin", model.Policy{Mode: model.ModeDownload, Restart: model.RestartNo}},
		{"Lima", model.Policy{Mode: model.ModeNotify}},
		{"Reykjavik", model.Policy{Mode: model.ModeDisabled}},
		{"Osaka", model.Policy{Mode: model.ModeScheduled, Install: at(model.EveryDay, 2, 30), Restart: model.RestartIdle}},
	}
	for _, p := range policies {
		if id, ok := h.groups[p.group]; ok {
			if _, err := h.make(ctx, model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: id, Policy: p.policy}}, dalia); err != nil {
				return err
			}
		}
	}
	return nil
}

// acceptLicences accepts the terms of two of three updates that have any.
func (h *history) acceptLicences(ctx context.Context) error {
	var accepted []uint32
	for _, r := range h.store.Snapshot().Updates() {
		if r.Has(model.FlagLicence) && r.Number%3 > 0 {
			accepted = append(accepted, r.Number)
		}
	}
	if len(accepted) == 0 {
		return nil
	}
	_, err := h.make(ctx, model.Change{Kind: model.ChangeLicence, Updates: accepted, Remark: "seen by the legal department"}, dalia)
	return err
}

func (h *history) makeRules(ctx context.Context) error {
	rules := []model.Rule{
		{Name: "Definitions at once", Enabled: true, Classes: []model.Classification{model.ClassDefinition}, Groups: []model.GroupID{model.GroupAll}, Deadline: &model.RuleDeadline{Days: 0, Minute: 12 * 60}},
		{Name: "Security for the pilot ring", Enabled: true, Classes: []model.Classification{model.ClassSecurity, model.ClassCritical}, Groups: []model.GroupID{h.groups["Pilot"]}, Deadline: &model.RuleDeadline{Days: 3, Minute: 3 * 60}},
		{Name: "Everything, some day", Groups: []model.GroupID{h.groups["Early"]}},
	}
	for i := range rules {
		if _, err := h.make(ctx, model.Change{Kind: model.ChangeRuleAdd, Automatic: &rules[i]}, amara); err != nil {
			return err
		}
	}
	return nil
}

// afterRun does what the server does by itself after a synchronization: it
// declines what expired and runs the automatic approval rules.
func (h *history) afterRun(ctx context.Context, run *model.SyncRun) error {
	if run.Result != model.SyncSucceeded {
		return nil
	}
	snap := h.store.Snapshot()
	for _, n := range run.Expired {
		if r := snap.Row(n); r != nil && !r.Has(model.FlagDeclined) {
			run.Declined = append(run.Declined, n)
		}
	}
	slices.Sort(run.Declined)
	if len(run.Declined) > 0 && snap.Options().DeclinesExpired() {
		c := model.Change{Kind: model.ChangeDecline, Updates: run.Declined, Remark: "their publisher expired them"}
		if _, err := h.make(ctx, c, self); err != nil {
			return err
		}
	}
	var err error
	run.Rules, err = h.store.RunRules(ctx, func(string) bool { return run.Initial }, self)
	return err
}

// planApprovals lays out the deployments: the month's updates go to one ring
// after the other, Debian's security updates every week.
func (h *history) planApprovals() {
	begin := h.begin()
	jitter := func(at time.Time) time.Duration {
		return time.Duration(8*60+h.chanceOf("approvals", int(at.Unix())).IntN(300)) * time.Minute
	}
	rings := []struct {
		name     string
		after    time.Duration
		deadline time.Duration
	}{{"Early", 6 * day, 7 * day}, {"Broad", 13 * day, 21 * day}}
	for m := patchDay(begin.Add(40*day), 0); m.Before(h.Until); m = patchDay(m.Add(31*day), 0) {
		for _, ring := range rings {
			h.then(m.Truncate(day).Add(ring.after+jitter(m.Add(ring.after))), "approving", func(ctx context.Context) error {
				name := fmt.Sprintf("%s updates for %s", m.Format("2006-01"), ring.name)
				return h.approve(ctx, bjorn, name, m.Add(-32*day), ring.deadline, ring.name, func(row *model.UpdateRow) bool {
					return row.Upstream == UpstreamMicrosoft && (row.Class == model.ClassSecurity || row.Class == model.ClassCritical || row.Class == model.ClassUpdateRollup)
				})
			})
		}
	}
	for w := begin.Add(33 * day); w.Before(h.Until); w = w.Add(7 * day) {
		h.then(w.Truncate(day).Add(jitter(w)), "approving", func(ctx context.Context) error {
			_, week := w.ISOWeek()
			return h.approve(ctx, chidi, fmt.Sprintf("Debian security, week %d", week), w.Add(-8*day), 5*day, "Broad", func(row *model.UpdateRow) bool {
				return row.Upstream == UpstreamDebian && row.Class == model.ClassSecurity
			})
		})
	}
}

// approve makes a deployment of what arrived since, is wanted and may be approved.
func (h *history) approve(ctx context.Context, by model.Actor, name string, since time.Time, deadline time.Duration, ring string, wanted func(*model.UpdateRow) bool) error {
	var list []uint32
	snap := h.store.Snapshot()
	for n := snap.LastUpdate(); n > 0; n-- {
		r := snap.Row(n)
		if r.Arrived.Before(since) {
			break
		}
		const no = model.FlagDeclined | model.FlagExpired | model.FlagWithdrawn | model.FlagSuperseded | model.FlagLicence | model.FlagInput | model.FlagRemoved
		if r.Flags&no == 0 && wanted(r) {
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		return nil
	}
	due := h.Clock.Now().Add(deadline).Truncate(day).Add(17 * time.Hour)
	c := model.Change{Kind: model.ChangeApprove, Name: name, Updates: list, Groups: []model.GroupAction{{Group: h.groups[ring], Action: model.ActionInstall, Deadline: due}}}
	_, err := h.make(ctx, c, by)
	return err
}

// declineOld declines what is superseded for long; once the next day shows that
// it was too much, and it is taken back.
func (h *history) declineOld(ctx context.Context, at time.Time) error {
	var list []uint32
	for _, r := range h.store.Snapshot().Updates() {
		if r.Has(model.FlagSuperseded) && !r.Has(model.FlagDeclined) && at.Sub(r.Released) > 200*day && r.Number%3 == 0 {
			list = append(list, r.Number)
		}
		if len(list) == 400 {
			break
		}
	}
	if len(list) == 0 {
		return nil
	}
	e, err := h.make(ctx, model.Change{Kind: model.ChangeDecline, Updates: list, Remark: "superseded for half a year"}, dalia)
	if err != nil || at.Month()%4 != 0 || e.Seq == 0 {
		return err
	}
	_, err = h.store.Undo(ctx, e.Seq, amara, "the auditors still compare with them")
	return err
}

// acknowledge looks at every second revision alarm.
func (h *history) acknowledge(ctx context.Context) error {
	var seen []uint32
	for _, a := range h.store.Snapshot().Alarms() {
		if !a.Seen && a.Update%2 == 0 {
			seen = append(seen, a.Update)
		}
	}
	if len(seen) == 0 {
		return nil
	}
	_, err := h.make(ctx, model.Change{Kind: model.ChangeSeen, Updates: seen}, dalia)
	return err
}

// except makes what goes against the rest: Not Approved for a group deep in the
// tree, Uninstall for the pilot ring, a deployment that is taken back.
func (h *history) except(ctx context.Context, month int) error {
	snap := h.store.Snapshot()
	made := snap.Deployments()
	if len(made) == 0 {
		return nil
	}
	some := made[0].Updates[:min(2, len(made[0].Updates))]
	c := model.Change{Kind: model.ChangeApprove, Updates: some, Name: "Not on web servers", Groups: []model.GroupAction{{Group: h.groups["Web Servers"], Action: model.ActionNotApproved}}, Remark: "the shop is open"}
	switch month % 3 {
	case 1:
		_, err := h.store.Undo(ctx, 0, chidi, "too early")
		var no *model.Refusal
		if errors.As(err, &no) { // the newest entry may be one that an operator must not take back
			return nil
		}
		return err
	case 2:
		some = nil
		for n := snap.LastUpdate(); n > 0 && len(some) < 2; n-- {
			if r := snap.Row(n); r.Has(model.FlagRemovable) && r.Flags&(model.FlagDeclined|model.FlagRemoved) == 0 {
				some = append(some, n)
			}
		}
		c = model.Change{Kind: model.ChangeApprove, Updates: some, Name: "Remove again", Groups: []model.GroupAction{{Group: h.groups["Pilot"], Action: model.ActionUninstall}}, Remark: "it breaks printing"}
	}
	if len(c.Updates) == 0 || slices.ContainsFunc(c.Updates, func(n uint32) bool { return snap.Row(n).Has(model.FlagDeclined) }) {
		return nil
	}
	_, err := h.make(ctx, c, bjorn)
	return err
}
