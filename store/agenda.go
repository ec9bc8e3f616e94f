package store

import (
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// Agenda says what will be installed and who will restart between two instants,
// per group, and what will not happen by itself. from is in the server's zone,
// which is that of computers that have not said theirs.
//
// It looks at every pair of a computer and an update that the computer needs,
// but decides only once for all pairs in which approval, policy and zone are the
// same. What only a computer's own record on the disk tells (a held package, an
// update that waits for another) is not looked at: Explain does that.
func (s *Snapshot) Agenda(from, to time.Time) model.Agenda {
	b := &agendaBuilder{s: s, from: from, placing: s.placing(), zones: map[string]*time.Location{"": from.Location()},
		obeying: map[obeyingKey]*obeying{}, approvals: map[agendaApproval]int32{}}
	b.divideUpdates()
	for class, set := range b.placing.sets {
		b.addClass(class, set)
	}
	a := model.NewAgenda(from, to)
	for _, o := range b.order {
		o.enter(b, a)
	}
	a.Finish(s.tree.Order())
	return *a
}

// agendaBuilder gathers the work of an agenda.
type agendaBuilder struct {
	s       *Snapshot
	from    time.Time
	placing *placing
	zones   map[string]*time.Location

	// Updates that are approved for install somewhere, divided into classes whose
	// updates have the same approvals.
	base    uint32
	class   []int32            // by number less base: the update's class; none = nothing to install
	restart []bool             // likewise: it may want a restart
	says    [][]model.Approval // by class

	obeying   map[obeyingKey]*obeying
	order     []*obeying
	approvals map[agendaApproval]int32
	numbered  []agendaApproval // by what approvals gives
}

// agendaApproval is what of an approval matters for when updates are installed.
type agendaApproval struct {
	group    model.GroupID
	deadline int64 // Unix seconds, as deadlines are kept; 0 = none
}

// obeying is the computers that decide alike: one policy, one zone.
type obeying struct {
	policy  model.Policy
	origin  model.PolicyOrigin
	zone    *time.Location
	windows bool
	silent  bool
	blocked bool
	work    []*agendaWork // by numbered approval
	pending agendaWork
}

type obeyingKey struct {
	policy                   policyKey
	origin                   model.PolicyOrigin
	zone                     *time.Location
	windows, silent, blocked bool
}

// policyKey is a policy that can be compared: two computers' equal policies
// point to different times.
type policyKey struct {
	mode               model.Mode
	restart            model.RestartRule
	install, restAt    model.WeekTime
	installs, restarts bool
}

func keyOfPolicy(p model.Policy) policyKey {
	k := policyKey{mode: p.Mode, restart: p.Restart}
	if p.Install != nil {
		k.install, k.installs = *p.Install, true
	}
	if p.RestartAt != nil {
		k.restAt, k.restarts = *p.RestartAt, true
	}
	return k
}

// agendaWork is what one approval asks of computers that decide alike.
type agendaWork struct {
	updates, computers   *roaring.Bitmap
	installations        int
	restarting, restarts *roaring.Bitmap
}

// divideUpdates finds the updates that are approved for install somewhere and
// can be installed, and divides them by the approvals that they have.
func (b *agendaBuilder) divideUpdates() {
	s := b.s
	candidates := roaring.New()
	for _, layers := range s.layers {
		for _, l := range layers {
			if l.action == model.ActionInstall {
				candidates.Or(l.updates)
			}
		}
	}
	candidates.AndNot(s.unseen)
	divided := newRefinement(candidates)
	b.says = [][]model.Approval{nil}
	if candidates.IsEmpty() {
		return
	}
	for _, g := range s.tree.Order() {
		for _, l := range s.layers[g] {
			divided.split(l.updates, func(from, of int32) {
				if from != of {
					b.says = append(b.says, nil)
				}
				b.says[of] = append(slices.Clip(b.says[from]), model.Approval{Group: g, Action: l.action, Deadline: l.deadline, Deployment: l.deployment})
			})
		}
	}
	// An approval that is held back installs nothing, but wins as before: such
	// updates stand alone.
	for n := range s.alarms {
		if !candidates.Contains(n) || !s.StaleApproval(n) {
			continue
		}
		divided.split(roaring.BitmapOf(n), func(from, of int32) {
			if from != of {
				b.says = append(b.says, nil)
			}
			says := slices.Clone(b.says[from])
			for i := range says {
				says[i].Stale = s.stale(n, says[i].Deployment)
			}
			b.says[of] = says
		})
	}
	b.base = divided.base
	b.class, b.restart = divided.of, make([]bool, len(divided.of))
	for i := range b.class {
		n := b.base + uint32(i)
		switch row := s.Row(n); {
		case row == nil || !candidates.Contains(n) || row.Flags&(model.FlagWithdrawn|model.FlagExpired) != 0:
			b.class[i] = none
		default:
			b.restart[i] = row.Has(model.FlagMayRestart)
		}
	}
}

// none is the class or approval of what is not to be installed, unknown the
// approval of what was not asked for yet.
const (
	none    = -1
	unknown = -2
)

// addClass adds the work of computers that belong to the same groups. Which
// approval holds is resolved once for each class of updates.
func (b *agendaBuilder) addClass(class int, computers *roaring.Bitmap) {
	groups := b.placing.groups[class]
	policy, origin := model.EffectivePolicy(b.s.tree, groups)
	holds := make([]int32, len(b.says))
	for i := range holds {
		holds[i] = unknown
	}
	for it := computers.Iterator(); it.HasNext(); {
		n := it.Next()
		e := b.s.computers.at(n)
		if e == nil {
			continue
		}
		o := b.obeyingOf(e.computer, policy, origin)
		if len(e.computer.Pending) > 0 || len(e.pending) > 0 {
			o.pending.computers.Add(n)
			for _, u := range e.pending {
				o.pending.updates.Add(u)
			}
		}
		for _, list := range [][]uint32{e.needed, e.downloaded, e.failed} {
			for _, u := range list {
				i := u - b.base // beyond the end, too, when u lies before base
				if int64(i) >= int64(len(b.class)) || b.class[i] == none {
					continue
				}
				c := b.class[i]
				if holds[c] == unknown {
					holds[c] = b.resolve(b.says[c], groups)
				}
				if a := holds[c]; a != none {
					o.add(a, n, u, b.restart[i])
				}
			}
		}
	}
}

// resolve gives the number of the approval that holds for computers of the given
// groups, or none when it is not Install.
func (b *agendaBuilder) resolve(says []model.Approval, groups []model.GroupID) int32 {
	reaching := slices.DeleteFunc(slices.Clone(says), func(a model.Approval) bool { return !slices.Contains(groups, a.Group) })
	e := model.ResolveApproval(b.s.tree, false, reaching)
	if !e.Approved() {
		return none
	}
	k := agendaApproval{group: e.Group}
	if !e.Deadline.IsZero() {
		k.deadline = e.Deadline.Unix()
	}
	n, ok := b.approvals[k]
	if !ok {
		n = int32(len(b.numbered))
		b.approvals[k] = n
		b.numbered = append(b.numbered, k)
	}
	return n
}

// obeyingOf finds the computers that decide like a given one.
func (b *agendaBuilder) obeyingOf(c *model.Computer, policy model.Policy, origin model.PolicyOrigin) *obeying {
	if c.Policy.Mode != model.ModeUnset {
		policy = c.Policy
	}
	zone, ok := b.zones[c.Zone]
	if !ok {
		var err error
		if zone, err = time.LoadLocation(c.Zone); err != nil {
			zone = b.from.Location()
		}
		b.zones[c.Zone] = zone
	}
	windows := c.Platform == model.PlatformWindows
	k := obeyingKey{policy: keyOfPolicy(policy), origin: origin, zone: zone, windows: windows,
		silent: b.from.Sub(c.Contacted) > model.StaleAfter, blocked: !model.Detects(c.Platform, len(c.Pending) > 0)}
	o := b.obeying[k]
	if o == nil {
		o = &obeying{policy: policy, origin: origin, zone: zone, windows: windows, silent: k.silent, blocked: k.blocked, pending: newAgendaWork()}
		b.obeying[k] = o
		b.order = append(b.order, o)
	}
	return o
}

func newAgendaWork() agendaWork {
	return agendaWork{updates: roaring.New(), computers: roaring.New(), restarting: roaring.New(), restarts: roaring.New()}
}

// add enters one pair under an approval.
func (o *obeying) add(approval int32, computer, update uint32, restarts bool) {
	for int(approval) >= len(o.work) {
		o.work = append(o.work, nil)
	}
	w := o.work[approval]
	if w == nil {
		n := newAgendaWork()
		w = &n
		o.work[approval] = w
	}
	w.computers.Add(computer)
	w.updates.Add(update)
	w.installations++
	if restarts {
		w.restarting.Add(update)
		w.restarts.Add(computer)
	}
}

// enter decides for all of the work and enters it.
func (o *obeying) enter(b *agendaBuilder, a *model.Agenda) {
	base := model.AgendaWork{Policy: o.policy, Origin: o.origin, Zone: o.zone, Windows: o.windows, Silent: o.silent, Blocked: o.blocked}
	for i, w := range o.work {
		if w == nil {
			continue
		}
		x := base
		x.Group = b.numbered[i].group
		if d := b.numbered[i].deadline; d != 0 {
			x.Deadline = time.Unix(d, 0).UTC()
		}
		x.Updates, x.Computers, x.Installations = w.updates.ToArray(), w.computers.ToArray(), w.installations
		x.Restarting, x.Restarts = w.restarting.ToArray(), w.restarts.ToArray()
		a.Add(x)
	}
	if !o.pending.computers.IsEmpty() {
		x := base
		x.Updates, x.Computers = o.pending.updates.ToArray(), o.pending.computers.ToArray()
		a.AddPending(x)
	}
}
