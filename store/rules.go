package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// Rules gives the automatic approval rules, by name.
func (s *Snapshot) Rules() []model.Rule {
	out := make([]model.Rule, 0, len(s.rules))
	for _, r := range s.rules {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b model.Rule) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// RuleByName gives the rule of a name; case does not matter.
func (s *Snapshot) RuleByName(name string) (model.Rule, bool) {
	for _, r := range s.rules {
		if strings.EqualFold(r.Name, name) {
			return *r, true
		}
	}
	return model.Rule{}, false
}

func (s *Snapshot) ruleIndex(id uint64) int {
	return slices.IndexFunc(s.rules, func(r *model.Rule) bool { return r.ID == id })
}

// checkRule refuses a rule that could not do what it says.
func (s *Snapshot) checkRule(c model.Change) error {
	r := c.Automatic
	if r == nil {
		return errors.New("the change holds no rule")
	}
	if c.Kind != model.ChangeRuleAdd || r.ID != 0 {
		if i := s.ruleIndex(r.ID); (i < 0) != (c.Kind == model.ChangeRuleAdd) {
			return fmt.Errorf("rule %d: %w", r.ID, ErrNotFound)
		}
	}
	if c.Kind == model.ChangeRuleRemove {
		return nil
	}
	refuse := func(code, what, why string) error {
		return &model.Refusal{Code: code, What: what, Why: why, Remedy: "fettle rule add NAME --classifications security --group GROUP"}
	}
	name := strings.TrimSpace(r.Name)
	if name == "" || model.Clean(name) != r.Name || len(name) > 100 {
		return refuse("name", fmt.Sprintf("%q cannot be a rule's name", model.Clean(r.Name)), "a name has 1 to 100 characters, without blanks around it and without control characters")
	}
	if o, ok := s.RuleByName(name); ok && o.ID != r.ID {
		return &model.Refusal{Code: "exists", What: fmt.Sprintf("A rule named %q exists already", o.Name)}
	}
	if len(r.Groups) == 0 {
		return refuse("groups", "The rule was refused", "it names no group for which it would approve")
	}
	restored := c.Kind == model.ChangeRuleAdd && r.ID != 0
	for _, id := range r.Groups {
		// A rule goes on without groups that were removed, and comes back with
		// them when a change of it is taken back; a new one is not given such.
		if s.tree.Group(id) == nil && !restored && (c.Kind == model.ChangeRuleAdd || !s.existed(id)) {
			return fmt.Errorf("group %s: %w", id, ErrNotFound)
		}
	}
	for _, class := range r.Classes {
		if class == model.ClassUnknown {
			return refuse("class", "The rule was refused", "it names no known classification")
		}
	}
	if d := r.Deadline; d != nil && (d.Days < 0 || d.Days > model.MaxRuleDays || d.Minute < 0 || d.Minute > model.MaxRuleMinute) {
		return refuse("deadline", "The rule's deadline was refused", fmt.Sprintf("it is 0 to %d days after the approval, at a time of day", model.MaxRuleDays))
	}
	return checkRuleProducts(r.Products)
}

// existed says whether there ever was a group of that identifier.
func (s *Snapshot) existed(id model.GroupID) bool {
	n, err := strconv.ParseUint(strings.TrimPrefix(string(id), "g"), 10, 64)
	return err == nil && n > 0 && n <= s.groupNumber
}

// checkRuleProducts refuses a query whose answer about an update changes: a rule
// looks at an update once, when it is new.
func checkRuleProducts(text string) error {
	q, err := query.ParseUpdates(text)
	if err != nil {
		return &model.Refusal{Code: "products", What: fmt.Sprintf("The products %q of the rule were refused", model.Clean(text)), Why: err.Error()}
	}
	if ok, field := q.Static(); !ok {
		return &model.Refusal{Code: "products", What: fmt.Sprintf("The products %q of the rule were refused", model.Clean(text)),
			Why: field + " can answer differently tomorrow; a rule looks at an update once, when it is new, and asks only for what describes the update itself"}
	}
	return nil
}

// performRule adds, replaces or removes a rule.
func (d *draft) performRule(c *model.Change) (*model.Change, uint64, error) {
	r := *c.Automatic
	r.Classes, r.Groups = slices.Clone(r.Classes), slices.Clone(r.Groups)
	c.Automatic = &r
	i := d.ruleIndex(r.ID)
	d.rules = slices.Clone(d.rules)
	switch c.Kind {
	case model.ChangeRuleAdd:
		var err error
		if r.ID == 0 {
			d.ruleNumber++
			r.ID = d.ruleNumber
			err = d.put(keyMeta(metaRules), d.ruleNumber)
		}
		if !d.ruling {
			// The first rule: what is here already is not new to it.
			err = errors.Join(err, d.markRuled())
		}
		d.rules = append(d.rules, &r)
		return &model.Change{Kind: model.ChangeRuleRemove, Automatic: &model.Rule{ID: r.ID, Name: r.Name}}, r.ID, errors.Join(err, d.put(keyRule(r.ID), r))
	case model.ChangeRuleSet:
		before := d.rules[i]
		d.rules[i] = &r
		return &model.Change{Kind: model.ChangeRuleSet, Automatic: before}, r.ID, d.put(keyRule(r.ID), r)
	}
	before := d.rules[i]
	d.rules = slices.Delete(d.rules, i, i+1)
	d.delete(keyRule(r.ID))
	return &model.Change{Kind: model.ChangeRuleAdd, Automatic: before}, r.ID, nil
}

// markRuled moves the durable mark of the updates that rules have seen to the
// newest.
func (d *draft) markRuled() error {
	d.ruling, d.ruled = true, d.LastUpdate()
	return d.put(keyMeta(metaRuled), d.ruled)
}

// Why a rule left updates alone, in the words of model.RuleSkip.
const (
	skipDeclined   = "declined"
	skipLicence    = "licence"
	skipSuperseded = "superseded"
	skipExpired    = "expired"
	skipWithdrawn  = "withdrawn"
	skipInput      = "user input"
	skipBefore     = "approved before"
	skipByHand     = "decided by hand"
)

var skipOrder = []string{skipDeclined, skipLicence, skipSuperseded, skipExpired, skipWithdrawn, skipInput, skipBefore, skipByHand}

// RunOf says what running a rule over some updates, or over the whole catalogue
// when over is nil, would approve, and what it would leave alone and why
// (semantics 3.5). now is in the server's zone: deadlines are counted from it. A
// rule never approves twice what a deployment of it approved, and never
// overrides a person's own approval of an update for a group; so the updates of
// a run may differ from group to group, as its parts say.
func (s *Snapshot) RunOf(r model.Rule, over []uint32, now time.Time) model.RuleRun {
	run := model.RuleRun{Rule: r}
	if r.Deadline != nil {
		run.Deadline = r.Deadline.At(now)
	}
	var groups []model.GroupID
	for _, id := range r.Groups {
		if s.tree.Group(id) != nil && !slices.Contains(groups, id) {
			groups = append(groups, id)
		}
	}
	q, err := query.ParseUpdates(r.Products)
	if err != nil || len(groups) == 0 {
		return run
	}
	before, byHand := s.ruledBefore(r.ID, groups), s.decidedByHand(r.ID, groups, run.Deadline)
	skipped := map[string][]uint32{}
	// For most updates nothing was decided in any of the groups.
	settled := roaring.FastOr(append(slices.Clone(before), byHand...)...)
	whole := model.RulePart{Groups: groups}
	parts := map[string]*model.RulePart{}
	see := func(row *model.UpdateRow) {
		n := row.Number
		if why := s.skipUpdate(row, run.Deadline); why != "" {
			skipped[why] = append(skipped[why], n)
			return
		}
		if !settled.Contains(n) {
			whole.Updates = append(whole.Updates, n)
			run.Updates = append(run.Updates, n)
			return
		}
		var free []model.GroupID
		why := skipBefore
		for i, g := range groups {
			switch {
			case before[i].Contains(n):
			case byHand[i].Contains(n):
				why = skipByHand
			default:
				free = append(free, g)
			}
		}
		if len(free) == 0 {
			skipped[why] = append(skipped[why], n)
			return
		}
		key := fmt.Sprint(free)
		if parts[key] == nil {
			parts[key] = &model.RulePart{Groups: free}
		}
		parts[key].Updates = append(parts[key].Updates, n)
		run.Updates = append(run.Updates, n)
	}
	rows, err := q.Filter(context.Background(), s, s.covered(&r, over), now)
	if err != nil {
		return run // the query names a group, which no rule's does
	}
	for _, row := range rows {
		see(row)
	}
	for _, why := range skipOrder {
		if len(skipped[why]) > 0 {
			run.Skipped = append(run.Skipped, model.RuleSkip{Why: why, Updates: skipped[why]})
		}
	}
	if len(whole.Updates) > 0 {
		run.Parts = append(run.Parts, whole)
	}
	for _, p := range parts {
		run.Parts = append(run.Parts, *p)
	}
	// The part for most groups first; equal ones by their first update.
	slices.SortFunc(run.Parts, func(a, b model.RulePart) int {
		return cmp.Or(-cmp.Compare(len(a.Groups), len(b.Groups)), cmp.Compare(a.Updates[0], b.Updates[0]))
	})
	for _, id := range groups {
		run.Groups = append(run.Groups, s.ruleGroup(&run, id))
	}
	return run
}

// covered gives the updates that a rule's classifications let through, of some
// or, when over is nil, of the whole catalogue.
func (s *Snapshot) covered(r *model.Rule, over []uint32) []*model.UpdateRow {
	var rows []*model.UpdateRow
	see := func(n uint32) {
		if row := s.Row(n); row != nil && !s.outside.Contains(n) && r.Covers(row.Class) {
			rows = append(rows, row)
		}
	}
	if over == nil {
		for n := uint32(1); n <= s.LastUpdate(); n++ {
			see(n)
		}
		return rows
	}
	over = slices.Clone(over)
	slices.Sort(over)
	for _, n := range slices.Compact(over) {
		see(n)
	}
	return rows
}

// skipUpdate says why a rule leaves an update alone for every group.
func (s *Snapshot) skipUpdate(row *model.UpdateRow, deadline time.Time) string {
	switch {
	case row.Has(model.FlagDeclined):
		return skipDeclined
	case row.Has(model.FlagExpired):
		return skipExpired
	case row.Has(model.FlagWithdrawn):
		return skipWithdrawn
	case slices.ContainsFunc(s.SupersededBy(row.Number), func(n uint32) bool { return !s.hidden(n) }):
		return skipSuperseded
	case row.Has(model.FlagLicence):
		return skipLicence
	case row.Has(model.FlagInput) && !deadline.IsZero():
		return skipInput
	}
	return ""
}

// ruledBefore gives, per group, the updates that deployments of a rule which
// were not taken back approved there. It asks the deployments, not what is in
// force: what a person removed again is not approved again.
func (s *Snapshot) ruledBefore(rule uint64, groups []model.GroupID) []*roaring.Bitmap {
	out := make([]*roaring.Bitmap, len(groups))
	for i := range out {
		out[i] = roaring.New()
	}
	for _, d := range s.deployments {
		if rule == 0 || d.RuleID != rule || d.Undone {
			continue
		}
		for _, ga := range d.Groups {
			if i := slices.Index(groups, ga.Group); i >= 0 {
				out[i].AddMany(d.Updates)
			}
		}
	}
	return out
}

// addOpposed adds the bundles of which a part is to be uninstalled in a group.
// Approving them there is refused, which would take the rest of a run along.
func (s *Snapshot) addOpposed(to *roaring.Bitmap, group model.GroupID) {
	uninstalls := roaring.New()
	for _, l := range s.layers[group] {
		if l.action == model.ActionUninstall {
			uninstalls.Or(l.updates)
		}
	}
	if uninstalls.AndNot(s.declined); uninstalls.IsEmpty() {
		return
	}
	for n, e := range s.rows.all {
		if e != nil && len(e.children) > 0 && slices.ContainsFunc(s.Bundled(n), uninstalls.Contains) {
			to.Add(n)
		}
	}
}

// decidedByHand gives, per group, the updates whose approval there a rule does
// not touch: a person's, whatever it says, and another rule's unless this one
// has the earlier deadline.
func (s *Snapshot) decidedByHand(rule uint64, groups []model.GroupID, deadline time.Time) []*roaring.Bitmap {
	out := make([]*roaring.Bitmap, len(groups))
	for i, g := range groups {
		out[i] = roaring.New()
		for _, l := range s.layers[g] {
			d := s.Deployment(l.deployment)
			earlier := !deadline.IsZero() && (l.deadline.IsZero() || deadline.Before(l.deadline))
			if d == nil || d.RuleID == 0 || d.RuleID != rule && !earlier {
				out[i].Or(l.updates)
			}
		}
		s.addOpposed(out[i], g)
	}
	return out
}

// ruleGroup says whom a run concerns in one group.
func (s *Snapshot) ruleGroup(run *model.RuleRun, id model.GroupID) model.GroupPlan {
	m := s.Members(id)
	p := model.GroupPlan{Group: id, Name: s.tree.Group(id).Name, Action: model.ActionInstall, Deadline: run.Deadline, Computers: int(m.GetCardinality())}
	needing := roaring.New()
	for _, part := range run.Parts {
		if slices.Contains(part.Groups, id) {
			needing.Or(s.needingAny(roaring.BitmapOf(part.Updates...)))
		}
	}
	p.Needing = int(needing.AndCardinality(m))
	return p
}

// RunChange is the change that a run of a rule makes: one deployment, and one
// more for each set of groups for which a person had decided part of it. It is
// made, planned and taken back as one.
func RunChange(run model.RuleRun) model.Change {
	var c model.Change
	for i, p := range run.Parts {
		part := model.Change{Kind: model.ChangeApprove, Name: "Rule " + run.Rule.Name, Rule: run.Rule.Name, RuleID: run.Rule.ID, Updates: slices.Clone(p.Updates)}
		for _, g := range p.Groups {
			part.Groups = append(part.Groups, model.GroupAction{Group: g, Action: model.ActionInstall, Deadline: run.Deadline})
		}
		if i == 0 {
			c = part
		} else {
			c.Also = append(c.Also, part)
		}
	}
	if len(run.Parts) == 0 {
		c = model.Change{Kind: model.ChangeApprove, Name: "Rule " + run.Rule.Name, Rule: run.Rule.Name, RuleID: run.Rule.ID}
	}
	return c
}

// RunRules runs every enabled rule over the updates that arrived since it was
// called last: after each synchronization. What upstreams brought for which
// withheld is true is only counted (design 6: the initial synchronization). The
// mark of what rules have seen moves in the same transaction as their
// deployments, so that nothing is approved twice, not even after a crash.
// Revisions are not new, and no rule sees them.
func (s *Store) RunRules(ctx context.Context, withheld func(upstream string) bool, by model.Actor) ([]model.RuleOutcome, error) {
	var out []model.RuleOutcome
	err := s.do(ctx, func(d *draft) error {
		out = nil
		var fresh, kept []uint32
		for n := d.ruled + 1; n <= d.LastUpdate(); n++ {
			switch row := d.Row(n); {
			case row == nil:
			case withheld != nil && withheld(row.Upstream):
				kept = append(kept, n)
			default:
				fresh = append(fresh, n)
			}
		}
		if len(fresh)+len(kept) == 0 {
			return nil
		}
		if d.options.Replica == "" {
			for _, r := range d.Rules() {
				if r.Enabled {
					out = append(out, d.runRule(r, fresh, kept, by)...)
				}
			}
		}
		return d.markRuled()
	})
	return out, err
}

// runRule runs one rule in the operation. A rule that is refused leaves no trace
// but its outcome; the others go on.
func (d *draft) runRule(r model.Rule, fresh, kept []uint32, by model.Actor) (out []model.RuleOutcome) {
	if !slices.ContainsFunc(r.Groups, func(g model.GroupID) bool { return d.tree.Group(g) != nil }) {
		return []model.RuleOutcome{{Rule: r.Name, Error: "none of its groups exists any more"}}
	}
	now := d.store.Now()
	if len(kept) > 0 { // nothing to look at would mean the whole catalogue
		if n := len(d.RunOf(r, kept, now).Updates); n > 0 {
			out = append(out, model.RuleOutcome{Rule: r.Name, Updates: n, Withheld: true})
		}
	}
	if len(fresh) == 0 {
		return out
	}
	run := d.RunOf(r, fresh, now)
	if len(run.Updates) == 0 {
		return out
	}
	f := d.fork()
	actor := model.Actor{Who: by.Who, From: model.FromRule, Via: r.Name, Role: model.AccessAdministrator}
	c := RunChange(run)
	err := f.check(c, actor)
	var e model.Entry
	if err == nil {
		e, err = f.make(c, actor, 0, nil)
	}
	if err != nil {
		return append(out, model.RuleOutcome{Rule: r.Name, Updates: len(run.Updates), Error: err.Error()})
	}
	d.join(f)
	return append(out, model.RuleOutcome{Rule: r.Name, Updates: len(run.Updates), Deployment: e.Result})
}
