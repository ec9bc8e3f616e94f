package agents

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent/protocol"
)

// Decide says what a computer is to install: its effective approvals, its policy
// and a signed plan.
func (s *Server) Decide(ctx context.Context, r protocol.DecideRequest) (protocol.Decisions, error) {
	d, err := s.decide(ctx, &r)
	if err != nil {
		return d, fmt.Errorf("deciding for %s: %w", text(string(cmp.Or(s.id, r.Computer)), longName), err)
	}
	return d, nil
}

func (s *Server) decide(ctx context.Context, r *protocol.DecideRequest) (protocol.Decisions, error) {
	e := s.endpoint
	now := e.now()
	d := protocol.Decisions{Version: protocol.Version, Time: now}
	if err := protocol.CheckVersion(r.Version); err != nil {
		return d, err
	}
	if err := e.store.WaitLoaded(ctx); err != nil {
		return d, err
	}
	id, err := s.who(r.Computer)
	if err != nil {
		return d, err
	}
	defer e.lock(id)()
	snap := e.store.Snapshot()
	c, err := known(snap, id)
	if err != nil {
		return d, err
	}
	st, inv, err := e.stored(c.Number)
	if err != nil {
		return d, err
	}
	closures, err := e.keepClosures(ctx, snap, st, r.Closures)
	if err != nil {
		return d, err
	}
	d.Policy, _ = snap.EffectivePolicy(c.Number)
	list := wants(snap, c)
	d.Mark = dutyFrom(snap, c, d.Policy, list).mark()
	var approved, blocked []model.PlannedUpdate
	for _, p := range list {
		if p.Refused != "" {
			blocked = append(blocked, p)
			continue
		}
		approved = append(approved, p)
		if !slices.ContainsFunc(closures, func(c model.Closure) bool { return c.Update == p.Update }) {
			d.Missing = append(d.Missing, p.Update)
		}
	}
	checked, err := e.check(closures, approved, inv)
	if err != nil {
		return d, err
	}
	d.Plan = model.BuildPlan(id, approved, checked, now)
	d.Plan.Updates = append(d.Plan.Updates, blocked...)
	d.Plan.Policy = d.Policy
	if d.Plan.Number, err = e.store.NextPlan(ctx); err != nil {
		return d, err
	}
	if err := e.sign(&d.Plan); err != nil {
		return d, err
	}
	if gateReason(snap, c) == "" {
		d.Approved = d.Plan.Updates
	}
	return d, nil
}

// gateReason says why nothing at all is approved for a computer; empty when
// there is no such reason.
func gateReason(snap *store.Snapshot, c *model.Computer) string {
	switch {
	case !snap.Setup().Complete():
		return model.SetupIncomplete + " Nothing is installed until both wizards have been run on the server (fettle setup status)."
	case c.Admission == model.Waiting:
		return "this computer asked to be managed and was not accepted yet"
	}
	return ""
}

// keepClosures gives the closures known of a computer, those that came just now
// before those of its reports, and keeps what is new with the status.
func (e *Endpoint) keepClosures(ctx context.Context, snap *store.Snapshot, st *model.Status, sent []model.Closure) ([]model.Closure, error) {
	if st == nil {
		return nil, nil
	}
	needed := map[model.UpdateID]bool{}
	for _, p := range st.Packages {
		needed[p.Update] = p.Update != ""
	}
	fresh, err := closures(sent, func(id model.UpdateID) bool { return needed[id] })
	if err != nil {
		return nil, err
	}
	next := *st
	next.Closures = fresh
	for _, c := range st.Closures {
		if !slices.ContainsFunc(fresh, func(o model.Closure) bool { return o.Update == c.Update }) {
			next.Closures = append(next.Closures, c)
		}
	}
	slices.SortFunc(next.Closures, func(a, b model.Closure) int { return cmp.Compare(a.Update, b.Update) })
	if !reflect.DeepEqual(next.Closures, st.Closures) && len(fresh) > 0 {
		if err := e.store.RecordStatus(ctx, next); err != nil {
			return nil, err
		}
	}
	return next.Closures, nil
}

// check compares the closures of approved updates with the catalogue and the
// inventory. What a computer says is not enough to be signed: a version that the
// catalogue does not offer, a downgrade, an upgrade of an update that the closure
// does not own up to.
func (e *Endpoint) check(list []model.Closure, approved []model.PlannedUpdate, inv *model.Inventory) ([]model.Closure, error) {
	if inv == nil {
		return nil, nil
	}
	ch := checker{endpoint: e, inventory: inv, installed: installedVersions(inv), updates: map[uint32]*model.Update{}}
	var out []model.Closure
	for _, c := range list {
		if !slices.ContainsFunc(approved, func(p model.PlannedUpdate) bool { return p.Update == c.Update }) {
			continue
		}
		checked, err := ch.closure(c)
		if err != nil {
			return nil, err
		}
		out = append(out, checked)
	}
	return out, nil
}

type checker struct {
	endpoint  *Endpoint
	inventory *model.Inventory
	installed map[string]string
	updates   map[uint32]*model.Update
}

func (ch *checker) closure(c model.Closure) (model.Closure, error) {
	if c.Error != "" || len(c.Removes) > 0 {
		return c, nil
	}
	refuse := func(format string, args ...any) (model.Closure, error) {
		c.Items, c.Error = nil, fmt.Sprintf(format, args...)
		return c, nil
	}
	own := false
	items := make([]model.PlanItem, 0, len(c.Items))
	c.Needs = slices.Clone(c.Needs)
	for _, it := range c.Items {
		id, n, ok := ch.endpoint.store.FindPackage(it.Package, it.Arch, it.To, ch.inventory.Sources)
		if !ok {
			return refuse("it needs %s %s, which no synchronized archive offers; synchronize (fettle sync), then check in again", it.Package, it.To)
		}
		p, err := ch.pkg(n, it)
		if err != nil {
			return c, err
		}
		if p == nil {
			return refuse("the catalogue does not describe %s %s", it.Package, it.To)
		}
		it.SHA256, it.Size = p.SHA256, p.Size
		have := ch.installed[it.Package+":"+it.Arch]
		if have == "" && it.Arch == "all" {
			have = ch.installed[it.Package+":"+ch.inventory.Arch]
		} else if have == "" && it.Arch == ch.inventory.Arch {
			have = ch.installed[it.Package+":all"]
		}
		own = own || id == c.Update
		switch {
		case have == it.To:
			continue // installed meanwhile
		case have == "":
			it.From, it.Update, it.Reason = "", c.Update, model.ItemNew
			if id == c.Update {
				it.Reason = model.ItemApproved
			}
		case model.CompareDebianVersions(it.To, have) < 0:
			return refuse("installing it would put %s back from %s to %s", it.Package, have, it.To)
		default:
			it.From, it.Update, it.Reason = have, id, model.ItemApproved
			if id != c.Update && !slices.Contains(c.Needs, id) {
				c.Needs = append(c.Needs, id)
			}
		}
		items = append(items, it)
	}
	if !own {
		return refuse("what the computer would install for it brings none of its packages; it is worked out again at the next check-in")
	}
	c.Items = items
	return c, nil
}

// pkg gives the catalogue's record of one package of an update.
func (ch *checker) pkg(update uint32, it model.PlanItem) (*model.DebianPackage, error) {
	u := ch.updates[update]
	if u == nil {
		var err error
		if u, err = ch.endpoint.store.Update(update); err != nil {
			return nil, err
		}
		ch.updates[update] = u
	}
	if u.Debian == nil {
		return nil, nil
	}
	for i := range u.Debian.Packages {
		p := &u.Debian.Packages[i]
		if p.Name == it.Package && p.Version == it.To && (p.Arch == it.Arch || p.Arch == "all" || it.Arch == "all") {
			return p, nil
		}
	}
	return nil, nil
}

// planContext is what package protocol puts before a plan that is signed.
const planContext = "fettle plan 1\x00"

// sign signs a plan with the store's key, which does not leave the store, and
// makes sure that an agent will accept it.
func (e *Endpoint) sign(p *model.InstallPlan) error {
	p.Signature = nil
	b, err := protocol.Encode(p)
	if err != nil {
		return err
	}
	p.Signature = e.store.Sign(append([]byte(planContext), b...))
	if err := protocol.VerifyPlan(*p, e.store.PublicKey()); err != nil {
		return fmt.Errorf("signing plan %d: %w", p.Number, err)
	}
	return nil
}
